/* SPDX-License-Identifier: Apache-2.0 */
/* STANDBY: look at the disk, judge how old is what is seen, decide to take. PROTOCOL.md sections 2 and 3. */
#include "core/arbiter_internal.h"

/* Own-node keys that change while this process sends none: a machine with our node id beats. As many as paths may
 * still land late from before; one more cannot. */
static bool identity_is_copied(const struct qd_turn *t)
{
	return t->a->own_node_beats > t->config->path_count + 1;
}

void qd_watch_enter(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	qd_arb_move(t, QD_ARB_STANDBY);
	a->look_retries = 0;
	a->next_look = t->now;
}

/* Challengers of an unreserved disk disturb each other: the REGISTER of one starts the wait of all others anew. So they
 * come at different moments, spread the wider the more of them there are and the oftener it went wrong. */
static void draw_jitter(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	const uint64_t range =
		((uint64_t)t->times->look.ns * (1 + a->member_top / 4))
		<< (a->reserve_failures < QD_JITTER_DOUBLINGS ? a->reserve_failures : QD_JITTER_DOUBLINGS);
	a->jitter.ns = (int64_t)qd_rand_below(&a->rand, range);
}

/* `moved`: another key than before, in one and the same session. */
static void sight_is_new(struct qd_turn *t, const struct qd_pr_reservation *r, bool moved)
{
	struct qd_sight *s = &t->a->sight;
	s->since = t->now;
	if (moved && r->held)
		t->a->take_failures = 0; /* somebody is there and beats */
	draw_jitter(t);
	if (r->held)
		t->a->reserve_failures = 0;
	if (r->held)
		qd_arb_trace(t, QD_TRACE_SIGHT_HELD, r->holder.value, r->generation, 0);
	else
		qd_arb_trace(t, QD_TRACE_SIGHT_UNRESERVED, r->generation, 0, 0);
	if (moved && r->held && qd_key_tag(r->holder) == t->config->cluster_tag &&
	    qd_key_node(r->holder) == t->config->node_id && t->a->state == QD_ARB_STANDBY)
		t->a->own_node_beats++;
}

void qd_watch_saw(struct qd_turn *t, const struct qd_batch *b)
{
	struct qd_arbiter *a = t->a;
	struct qd_sight *s = &a->sight;
	const struct qd_pr_reservation *r = &b->reservation;
	const bool same = s->known && s->held == r->held &&
			  (!r->held || (qd_key_equal(s->holder, r->holder) && s->type == r->type));
	/* Case 3: while nothing holds, every registration by others starts the wait anew. */
	const bool moved =
		!r->held && s->known && s->generation != r->generation && QD_RULE(UNRESERVED_RESTART);
	/* Case 15 and case 6: a target that restarted may have gone back to an old key; what was seen through an
	 * earlier session does not age on. A session that has been up since before the sight vouches for it. */
	const bool continuous = qd_mono_before(a->paths[b->path].since, s->since) ||
				a->paths[b->path].since.ns == s->since.ns;
	const bool restart = !continuous && (r->held ? QD_RULE(SIGHT_RESTART) : QD_RULE(UNRESERVED_RESTART));

	if (!continuous || !s->known)
		a->own_node_beats = 0; /* a target that restarted may show old keys of ours */
	if (!same || moved || restart)
		sight_is_new(t, r, continuous && s->known && !same);
	*s = (struct qd_sight){
		.known = true,
		.held = r->held,
		.holder = r->holder,
		.type = r->type,
		.generation = r->generation,
		.since = s->since,
		.last_look = t->now,
	};
}

void qd_watch_unit_attention(struct qd_turn *t, enum qd_outcome outcome, uint32_t path)
{
	struct qd_sight *s = &t->a->sight;
	const bool reset = outcome == QD_OUTCOME_UA_RESET;
	if (!s->known || outcome == QD_OUTCOME_UA_OTHER || (s->held && !reset))
		return;
	if (s->held ? !QD_RULE(SIGHT_RESTART) : !QD_RULE(UNRESERVED_RESTART))
		return;
	qd_arb_trace(t, QD_TRACE_SIGHT_RESTART, outcome, path, 0);
	s->known = false;
}

void qd_watch_records(struct qd_turn *t, const struct qd_answer *answer)
{
	struct qd_arbiter *a = t->a;
	const struct qd_owner_record *newest = NULL;
	bool any_released_won = false;

	a->records_known = true;
	for (uint32_t i = 0; i < answer->u.records.count; i++) {
		const struct qd_owner_record *r = &answer->u.records.records[i];
		if (r->state == QD_RECORD_NONE)
			continue;
		if (qd_epoch_counter(r->epoch) > a->max_counter)
			a->max_counter = qd_epoch_counter(r->epoch);
		/* mutant RELEASED_NO_WAIT_ONLY_NEWEST: a released record, however old, counts before all others */
		const bool pull = !QD_RULE(RELEASED_NO_WAIT_ONLY_NEWEST) && r->state == QD_RECORD_RELEASED;
		if (newest == NULL || (r->epoch > newest->epoch && !any_released_won) || pull) {
			newest = r;
			any_released_won = pull;
		}
		if (r->node_id != t->config->node_id)
			continue;
		a->mine = *r;
		if (r->incarnation > a->shown_incarnation)
			a->shown_incarnation = r->incarnation;
	}
	a->newest = newest != NULL ? *newest : (struct qd_owner_record){.state = QD_RECORD_NONE};
}

static bool machine_is_other(const struct qd_turn *t)
{
	const struct qd_owner_record *m = &t->a->mine;
	return m->state != QD_RECORD_NONE &&
	       memcmp(m->machine_id, t->config->machine_id, sizeof(m->machine_id)) != 0;
}

static bool refuse_copied_identity(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	if (!QD_RULE(COPIED_IDENTITY) || (!machine_is_other(t) && !identity_is_copied(t)))
		return false;
	memcpy(a->other_machine_id, a->mine.machine_id, sizeof(a->other_machine_id));
	memcpy(a->other_boot_id, a->mine.boot_id, sizeof(a->other_boot_id));
	a->hold = QD_HOLD_COPIED_IDENTITY;
	qd_arb_trace(t, QD_TRACE_COPIED_IDENTITY, t->config->node_id, 0, 0);
	for (uint32_t p = 0; p < t->config->path_count; p++)
		qd_path_teardown(t, p);
	qd_arb_move(t, QD_ARB_REFUSED);
	return true;
}

static void mind_heir(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	const struct qd_owner_record *n = &a->newest;
	const bool offered = n->state == QD_RECORD_TAKEN && n->heir == t->config->node_id;
	const bool released_to_me = n->state == QD_RECORD_RELEASED && n->heir == t->config->node_id;

	if (a->heir_mode) {
		if ((offered && n->epoch == a->heir_epoch && n->heir_turn == a->heir_turn) || released_to_me)
			return;
		a->heir_mode = false;
		qd_arb_trace(t, QD_TRACE_HEIR_OVER, 0, 0, 0);
	}
	if (!offered || (n->epoch == a->heir_epoch && n->heir_turn == a->heir_turn))
		return; /* an offer is answered once */
	a->heir_mode = true;
	a->heir_epoch = n->epoch;
	a->heir_turn = n->heir_turn;
	qd_arb_trace(t, QD_TRACE_HEIR_MODE, n->epoch, n->heir_turn, 0);
	/* A fresh key shows the owner that somebody is there; a still registered old one would not. */
	qd_batch_register_fresh(t, QD_STEP_HEIR_REGISTER, a->look_path);
}

bool qd_watch_holder_released(const struct qd_arbiter *a)
{
	const struct qd_owner_record *n = &a->newest;
	const struct qd_key holder = a->sight.holder;
	return n->state == QD_RECORD_RELEASED && a->sight.held && qd_key_node(holder) == n->node_id &&
	       qd_key_incarnation(holder) == (n->incarnation & QD_INCARNATION_KEY_MASK);
}

/* With views only who needs the disk for one takes it; the others know that they could. */
static bool gate_is_closed(struct qd_turn *t)
{
	t->a->takeable = true;
	return !t->node->gate.take;
}

static void plan_strike(struct qd_turn *t, bool released)
{
	if (gate_is_closed(t))
		return;
	struct qd_arbiter *a = t->a;
	const struct qd_sight *s = &a->sight;
	const struct qd_taking plan = {
		.by_reserve = false,
		.target = s->holder,
		.released = released,
		.path = a->look_path,
		.start_at = !released && QD_RULE(START_WAIT) ? qd_mono_add(s->since, qd_arb_wait(t->node))
							     : t->now,
		.struck_at = QD_NEVER,
	};
	if (released)
		qd_arb_trace(t, QD_TRACE_STRIKE_RELEASED, s->holder.value, a->newest.epoch, 0);
	else
		qd_arb_trace(t, QD_TRACE_STRIKE, s->holder.value, (uint64_t)qd_mono_sub(t->now, s->since).ns,
			     0);
	qd_take_begin(t, &plan);
}

static void plan_reserve(struct qd_turn *t, bool released)
{
	if (gate_is_closed(t))
		return;
	struct qd_arbiter *a = t->a;
	const struct qd_sight *s = &a->sight;
	const struct qd_taking plan = {
		.by_reserve = true,
		.released = released,
		.released_epoch = a->newest.epoch,
		.recorded = a->newest.state == QD_RECORD_NONE ? 0 : a->newest.node_id,
		.path = a->look_path,
		.generation = s->generation,
		.start_at = released || !QD_RULE(START_WAIT) ? t->now
							     : qd_mono_add(s->since, qd_arb_wait(t->node)),
		.struck_at = QD_NEVER,
	};
	if (released)
		qd_arb_trace(t, QD_TRACE_RESERVE_RELEASED, a->newest.epoch, 0, 0);
	else
		qd_arb_trace(t, QD_TRACE_RESERVE_WAITED, (uint64_t)qd_mono_sub(t->now, s->since).ns, 0, 0);
	qd_take_begin(t, &plan);
}

/* W after the sight, and a little more that differs from node to node: an unreserved disk is not raced for. */
static struct qd_mono take_unreserved_at(const struct qd_node *n)
{
	const struct qd_arbiter *a = &n->arbiter;
	return qd_mono_add(qd_mono_add(a->sight.since, qd_arb_wait(n)), a->jitter);
}

/* An heir that is named has C to take it; then anybody may. */
static bool released_for_me(const struct qd_turn *t)
{
	const struct qd_owner_record *n = &t->a->newest;
	return n->heir == 0 || n->heir == t->config->node_id;
}

/* Mutants: a former owner, in STANDBY again, takes the disk without waiting, as only an owner inside its lease may. */
static bool takes_without_waiting(const struct qd_turn *t)
{
	const struct qd_arbiter *a = t->a;
	const bool was_owner = a->mine.state == QD_RECORD_TAKEN;
	const bool recorded = was_owner && a->newest.node_id == t->config->node_id;
	if (a->sight.held)
		return (was_owner && a->stats.takeovers > 0 && !QD_RULE(FENCED_STAYS_OUT)) ||
		       (recorded && !QD_RULE(STRIKE_BACK_IN_LEASE));
	return (was_owner && !QD_RULE(RERESERVE_RECORDED)) || (recorded && !QD_RULE(RERESERVE_IN_LEASE));
}

static void consider_held(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	const struct qd_sight *s = &a->sight;
	const bool ours = qd_key_tag(s->holder) == t->config->cluster_tag && qd_key_node(s->holder) != 0 &&
			  qd_key_node(s->holder) <= QD_NODE_ID_MAX && s->type == QD_PR_TYPE_WRITE_EXCLUSIVE;
	if (!ours) {
		if (a->hold != QD_HOLD_FOREIGN)
			qd_arb_trace(t, QD_TRACE_FOREIGN, s->holder.value, s->type, 0);
		a->hold = QD_HOLD_FOREIGN;
		return;
	}
	const bool released = qd_watch_holder_released(a);
	a->hold = released && !released_for_me(t) ? QD_HOLD_HEIR : QD_HOLD_HELD;
	if (released && released_for_me(t)) {
		plan_strike(t, true);
		return;
	}
	if (QD_RULE(STRIKE_AGE) && !takes_without_waiting(t) &&
	    !qd_mono_reached(t->now, qd_mono_add(s->since, qd_arb_challenge(t->node))))
		return;
	/* With views "released" was said knowing that the heir knows whose rights may still run. Nobody else does. */
	plan_strike(t, released && !t->config->has_cluster);
}

static void consider_unreserved(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	const struct qd_sight *s = &a->sight;
	const struct qd_owner_record *n = &a->newest;

	if (n->state == QD_RECORD_RELEASED) {
		a->hold = released_for_me(t) ? QD_HOLD_NONE : QD_HOLD_HEIR;
		if (released_for_me(t))
			plan_reserve(t, true);
		else if (qd_mono_reached(t->now, qd_mono_add(s->since, qd_arb_challenge(t->node))))
			plan_reserve(t, !t->config->has_cluster);
		return;
	}
	a->hold = QD_HOLD_UNRESERVED_WAIT;
	if (takes_without_waiting(t))
		plan_reserve(t, true); /* mutant: and starts at once */
	else if (qd_mono_reached(t->now, take_unreserved_at(t->node)) || !QD_RULE(UNRESERVED_WAIT))
		plan_reserve(t, false);
}

/* Somebody else has used this incarnation: before a restored backup of the state folder, or on a machine that was copied
 * from this one. Its keys could be taken for ours and ours for its. */
static bool incarnation_is_used(const struct qd_turn *t)
{
	const struct qd_arbiter *a = t->a;
	const struct qd_key holder = a->sight.holder;
	if (!QD_RULE(NEW_INCARNATION))
		return false;
	if (a->shown_incarnation > a->incarnation ||
	    (a->shown_incarnation == a->incarnation && a->written_incarnation != a->incarnation))
		return true;
	/* In STANDBY no key of the present incarnation holds: what may have taken the disk led to a new one. */
	return a->sight.held && qd_key_tag(holder) == t->config->cluster_tag &&
	       qd_key_node(holder) == t->config->node_id &&
	       qd_key_incarnation(holder) == (a->incarnation & QD_INCARNATION_KEY_MASK);
}

/* Right after a look: what was seen is as fresh as it can be. */
static void consider(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	a->takeable = false;
	if (a->observe) {
		a->observe = false;
		return;
	}
	if (a->shutdown || !a->sight.known || !a->records_known)
		return;
	if (refuse_copied_identity(t))
		return;
	if (incarnation_is_used(t) || !qd_arb_beats_left(a)) {
		qd_arb_trace(t, QD_TRACE_INCARNATION_SHOWN, a->shown_incarnation, a->incarnation, 0);
		qd_leave_retire(t);
		return;
	}
	mind_heir(t);
	if (!qd_batch_idle(a) || !qd_mono_reached(t->now, a->take_after))
		return;
	if (a->sight.held)
		consider_held(t);
	else
		consider_unreserved(t);
}

void qd_watch_done(struct qd_turn *t, const struct qd_batch *b)
{
	struct qd_arbiter *a = t->a;
	const enum qd_outcome worst = qd_batch_worst(b);

	a->look_after = QD_MONO_ZERO;
	if (worst != QD_OUTCOME_GOOD && b->step == QD_STEP_HEIR_REGISTER) {
		a->heir_mode = false; /* the offer is answered again after the next look */
		a->heir_epoch = 0;
		a->next_look = qd_mono_add(t->now, qd_span_ms(QD_HEIR_LOOK_MS));
		return;
	}
	if (qd_outcome_is_unit_attention(worst) && a->look_retries < QD_RETRIES_MAX) {
		a->look_retries++;
		a->next_look = t->now;
		return;
	}
	a->look_retries = 0;
	if (worst != QD_OUTCOME_GOOD) {
		a->look_after = qd_mono_add(t->now, qd_span_div(t->times->look, 4));
		a->next_look = a->look_after;
		return;
	}
	if (b->step == QD_STEP_LOOK) {
		a->stats.looks++;
		qd_watch_saw(t, b);
		qd_leave_settle(t);
		a->next_look =
			qd_mono_add(b->started, a->heir_mode ? qd_span_ms(QD_HEIR_LOOK_MS) : t->times->look);
		consider(t);
	} else if (b->step == QD_STEP_HEIR_REGISTER) {
		a->next_look = t->now;
	}
	/* UNREGISTER: qd_batch_learn() did it all */
}

static bool must_unregister(const struct qd_turn *t, uint32_t path)
{
	const struct qd_arbiter *a = t->a;
	if (a->heir_mode || qd_key_is_none(a->paths[path].key) || !a->sight.known)
		return false;
	/* A challenger that is about to strike again keeps its key. */
	return a->sight.held &&
	       qd_mono_before(t->now, qd_mono_add(a->sight.since, qd_span_div(t->times->challenge, 2)));
}

/* The look that may decide comes when C, or W, is over, not up to R/3 later. */
static struct qd_mono deciding_look(const struct qd_node *n)
{
	const struct qd_arbiter *a = &n->arbiter;
	const struct qd_sight *s = &a->sight;
	if (!s->known)
		return QD_NEVER;
	const struct qd_mono at =
		s->held ? qd_mono_add(s->since, qd_arb_challenge(n)) : take_unreserved_at(n);
	return qd_mono_before(s->last_look, at) ? at : QD_NEVER;
}

/* The next look; what failed is paced even when a decision is due. */
static struct qd_mono look_at(const struct qd_node *n)
{
	const struct qd_arbiter *a = &n->arbiter;
	return qd_mono_max(qd_mono_min(a->next_look, deciding_look(n)), a->look_after);
}

void qd_watch_think(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	QD_ERGO(t->config->has_group && !t->config->has_cluster, qd_group_is_stopped(&t->node->group));

	if (a->shutdown) {
		qd_leave_settle(t);
		for (uint32_t p = 0; p < t->config->path_count; p++)
			qd_path_teardown(t, p);
		qd_arb_move(t, QD_ARB_OFF);
		(void)qd_arb_act(t, QD_ACTION_OFF);
		return;
	}
	if (!qd_batch_idle(a))
		return;
	(void)qd_arb_times_think(t);
	if (a->takeable && t->node->gate.take && t->config->has_cluster)
		a->next_look = t->now; /* what was only looked at is wanted now */
	a->look_path = qd_path_pick(t->node, a->look_path);
	if (a->look_path >= t->config->path_count) {
		a->look_path = 0;
		a->hold = a->paths[0].disk == QD_DISK_OK ? QD_HOLD_NO_PATH : QD_HOLD_WRONG_DISK;
		return;
	}
	if (qd_mono_reached(t->now, look_at(t->node))) {
		qd_batch_begin(t, QD_STEP_LOOK, a->look_path, qd_arb_patience(t, a->look_path));
		qd_batch_ask(t, QD_ROLE_RESERVATION);
		qd_batch_ask(t, QD_ROLE_RECORDS);
	} else if (must_unregister(t, a->look_path)) {
		qd_batch_begin(t, QD_STEP_UNREGISTER, a->look_path, qd_arb_patience(t, a->look_path));
		qd_batch_out(t, &(struct qd_pr_out_args){.action = QD_PR_REGISTER,
							 .key = a->paths[a->look_path].key});
	}
}

struct qd_mono qd_watch_deadline(const struct qd_node *n)
{
	const struct qd_arbiter *a = &n->arbiter;
	if (!qd_batch_idle(a) || !qd_path_ready(a, a->look_path))
		return QD_NEVER;
	return look_at(n);
}
