/* SPDX-License-Identifier: Apache-2.0 */
/* OWNER: a round every R on a fixed grid, and between rounds whatever else is due. PROTOCOL.md section 3. */
#include "core/arbiter_internal.h"

enum {
	QD_CHECK_PACE_MS = 20, /* between two checks that led nowhere (BUSY and the like) */
};

static void tell_lease(struct qd_turn *t)
{
	if (t->config->has_cluster)
		return; /* what runs goes by the proof of quorum */
	struct qd_action *action = qd_arb_act(t, QD_ACTION_LEASE);
	action->u.group.epoch = t->a->own.epoch;
	action->u.group.turn = t->node->group.turn;
	action->u.group.begin_stop = t->node->lease.begin_stop;
	action->u.group.stopped_by = t->node->lease.stopped_by;
}

static void renew(struct qd_turn *t, struct qd_mono round_start)
{
	qd_lease_renew(&t->node->lease, t->times, round_start);
	t->a->lease_challenge = t->times->challenge;
	t->a->lease_wait = t->times->wait;
}

void qd_own_enter(struct qd_turn *t, struct qd_mono round_start)
{
	struct qd_arbiter *a = t->a;
	struct qd_mono wait_end = qd_mono_max(a->own.start_at, t->now);

	qd_arb_move(t, QD_ARB_OWNER);
	a->hold = QD_HOLD_NONE;
	a->heir_mode = false;
	a->own.next_round = qd_mono_add(round_start, t->times->renew);
	qd_lease_end(&t->node->lease);
	renew(t, round_start);
	qd_arb_trace(t, QD_TRACE_OWNER, a->own.epoch, (uint64_t)qd_mono_sub(wait_end, t->now).ns, 0);
	tell_lease(t);
	qd_arb_release_view(t, true);
}

static void count_round(struct qd_turn *t, struct qd_mono started)
{
	struct qd_arbiter_stats *s = &t->a->stats;
	const uint64_t took = (uint64_t)qd_mono_sub(t->now, started).ns;
	uint32_t bucket = 0;
	for (uint64_t limit = 100000; bucket + 1 < QD_ROUND_BUCKETS && took >= limit; limit *= 2)
		bucket++;
	s->rounds_good++;
	s->round_histogram[bucket]++;
	s->last_round_ns = took;
	if (took > s->worst_round_ns)
		s->worst_round_ns = took;
}

bool qd_own_wait_is_over(const struct qd_turn *t)
{
	return qd_mono_reached(t->now, t->a->own.start_at) || !QD_RULE(RELEASE_AFTER_WAIT);
}

void qd_own_good_round(struct qd_turn *t, const struct qd_batch *b)
{
	struct qd_arbiter *a = t->a;
	/* The lease counts from the sending: the others' C and W count from a sight of this beat, never earlier. */
	renew(t, QD_RULE(LEASE_FROM_SEND) ? b->started : t->now);
	count_round(t, b->started);
	qd_watch_saw(t, b);
	/* The REGISTER of this round is one; whatever else moved PRGENERATION was not counted as ours. */
	if (b->reservation.generation != a->own.generation + 1)
		a->own.scrub = true;
	a->own.generation = b->reservation.generation;
	a->own.need_check = false;
	a->observe = false;
	a->own.refused = 0;
	a->own.bad_rounds = 0;
	tell_lease(t);
}

static void bad_round(struct qd_turn *t, const struct qd_batch *b)
{
	struct qd_arbiter *a = t->a;
	a->stats.rounds_bad++;
	a->own.bad_rounds++;
	a->own.need_check = true;
	if (b->outcome[QD_ROLE_OUT] == QD_OUTCOME_CONFLICT)
		a->own.refused++;
	if (qd_batch_all_good(b))
		qd_arb_trace(t, QD_TRACE_ROUND_OTHER, b->reservation.holder.value, b->key.value, 0);
	else
		qd_arb_trace(t, QD_TRACE_ROUND_BAD, b->outcome[QD_ROLE_OUT], b->outcome[QD_ROLE_RESERVATION],
			     b->outcome[QD_ROLE_RECORDS]);
}

static void lost_by_record(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	qd_arb_trace(t, QD_TRACE_LOST_RECORD, a->newest.epoch, a->own.epoch, 0);
	a->own.lost = true;
	a->stats.losses++;
	qd_leave_stop(t);
}

static void round_done(struct qd_turn *t, const struct qd_batch *b)
{
	struct qd_arbiter *a = t->a;
	const struct qd_pr_reservation *r = &b->reservation;
	const bool read_back = b->outcome[QD_ROLE_RESERVATION] == QD_OUTCOME_GOOD &&
			       b->outcome[QD_ROLE_RECORDS] == QD_OUTCOME_GOOD;
	bool good = qd_batch_all_good(b) && r->held && qd_key_equal(r->holder, b->key) &&
		    r->type == QD_PR_TYPE_WRITE_EXCLUSIVE;

	if (!QD_RULE(LEASE_NEEDS_BEAT) && read_back && r->held &&
	    qd_key_node(r->holder) == t->config->node_id)
		good = true; /* mutant */
	if (!QD_RULE(BEAT_AMBIGUOUS) &&
	    (b->outcome[QD_ROLE_OUT] == QD_OUTCOME_UNKNOWN || b->outcome[QD_ROLE_OUT] == QD_OUTCOME_ABORTED))
		good = true; /* mutant */
	/* Case 15: a holder whose epoch is below the newest record is no defender. */
	if (b->outcome[QD_ROLE_RECORDS] == QD_OUTCOME_GOOD && a->newest.epoch > a->own.epoch &&
	    QD_RULE(RECORD_NEWER_STOPS)) {
		lost_by_record(t);
		return;
	}
	if (good)
		qd_own_good_round(t, b);
	else
		bad_round(t, b);
}

/* A key that nobody of ours has: another cluster's, a removed node's, or one of this node's earlier sessions. */
static bool must_scrub(const struct qd_turn *t, struct qd_key key)
{
	if (qd_key_tag(key) != t->config->cluster_tag || !qd_arb_is_member(t, qd_key_node(key)))
		return true;
	return qd_key_node(key) == t->config->node_id;
}

static bool scrub_next(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	while (a->keys_next < a->keys_count) {
		const struct qd_key key = a->keys[a->keys_next++];
		if (a->keys_next == QD_KEYS_KEPT) {
			a->own.scrub = true; /* the list was full: there may be more */
			a->own.next_extra = a->own.next_round;
		}
		if (!must_scrub(t, key))
			continue;
		qd_batch_preempt(t, QD_STEP_SCRUB, a->own.path, key);
		return true;
	}
	return false;
}

static void scrub_done(struct qd_turn *t, const struct qd_batch *b)
{
	struct qd_arbiter *a = t->a;
	const enum qd_outcome o = b->outcome[QD_ROLE_OUT];
	a->stats.scrubs++;
	qd_arb_trace(t, QD_TRACE_SCRUB, b->rest_key.value, o, 0);
	if (o == QD_OUTCOME_GOOD)
		a->own.generation++;
	else if (o == QD_OUTCOME_CONFLICT || !qd_outcome_not_executed(o))
		a->own.need_check =
			true; /* the key went by itself, or this nexus is no longer the holder's */
	else {
		a->own.scrub = true; /* not executed: ask again, after the next round */
		a->own.next_extra = a->own.next_round;
	}
}

static bool register_still_keys(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	for (uint32_t p = 0; p < t->config->path_count; p++) {
		if (p == a->own.path || !qd_path_ready(a, p) || !qd_key_is_none(a->paths[p].key))
			continue;
		qd_batch_register_fresh(t, QD_STEP_STILL, p);
		return true;
	}
	return false;
}

static void slots_done(struct qd_turn *t, const struct qd_batch *b)
{
	struct qd_arbiter *a = t->a;
	if (b->outcome[QD_ROLE_SLOTS] == QD_OUTCOME_GOOD) {
		a->own.slots_known = true;
		a->own.slots = b->slots;
		return;
	}
	/* A write that failed may have landed: what the slots hold is read again first. */
	a->own.slots_known = false;
	a->own.next_extra = qd_mono_add(t->now, qd_span_ms(QD_CHECK_PACE_MS));
}

void qd_own_done(struct qd_turn *t, const struct qd_batch *b)
{
	struct qd_arbiter *a = t->a;
	const enum qd_outcome out = b->outcome[QD_ROLE_OUT];

	if (b->step == QD_STEP_ROUND) {
		round_done(t, b);
	} else if (b->step == QD_STEP_CHECK || b->step == QD_STEP_REREGISTER ||
		   b->step == QD_STEP_REPREEMPT || b->step == QD_STEP_RERESERVE) {
		qd_recover_done(t, b);
	} else if (b->step == QD_STEP_SCRUB_KEYS) {
		a->own.scrub = !qd_batch_all_good(b);
		if (!a->own.scrub)
			a->own.generation = b->keys_generation;
		else
			a->own.next_extra = a->own.next_round;
	} else if (b->step == QD_STEP_READ_SLOTS || b->step == QD_STEP_WRITE_SLOTS) {
		slots_done(t, b);
	} else if (b->step == QD_STEP_SCRUB) {
		scrub_done(t, b);
	} else if (b->step == QD_STEP_STILL) {
		if (out == QD_OUTCOME_GOOD)
			a->own.generation++;
		else
			a->own.next_extra = a->own.next_round;
	} else {
		qd_handover_done(t, b);
	}
	if (a->state == QD_ARB_OWNER && a->own.need_check) {
		/* The first bad round or unit attention is looked into at once; a recovery that led nowhere is paced. */
		const bool attention = qd_outcome_is_unit_attention(qd_batch_worst(b));
		a->own.attentions = attention ? a->own.attentions + 1 : 0;
		const bool first_bad = b->step == QD_STEP_ROUND && a->own.bad_rounds == 1;
		const bool at_once = first_bad || !qd_path_ready(a, b->path) ||
				     (attention && a->own.attentions < QD_RETRIES_MAX);
		a->own.next_check = at_once ? t->now : qd_mono_add(t->now, qd_span_ms(QD_CHECK_PACE_MS));
	}
}

static void think_group(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	struct qd_group *g = &t->node->group;
	if (!t->config->has_group || t->config->has_cluster)
		return;
	if (a->own.handover == QD_HANDOVER_STOP || a->shutdown) {
		if (g->state == QD_GROUP_STARTING || g->state == QD_GROUP_ONLINE)
			qd_group_stop(t, t->config->stop_limit.ns > 0
						 ? qd_mono_add(t->now, t->config->stop_limit)
						 : QD_NEVER);
		return;
	}
	/* Case 7 and case 12: nothing new is begun while something is being looked into. */
	if (a->own.need_check || a->observe)
		return;
	if (g->state == QD_GROUP_OFFLINE && !g->failed && qd_mono_reached(t->now, a->own.start_at))
		qd_group_start(t, a->own.epoch);
}

/* The views do not need the disk here, or need it again. */
static void mind_the_gate(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	if (!t->config->has_cluster || t->node->gate.give_up == a->own.by_gate)
		return;
	if (!a->own.by_gate && a->own.handover != QD_HANDOVER_NONE)
		return;
	a->own.by_gate = t->node->gate.give_up;
	a->own.handover = a->own.by_gate ? QD_HANDOVER_STOP : QD_HANDOVER_NONE;
	a->own.heir = a->own.by_gate ? t->node->gate.heir : 0;
	qd_arb_trace(t, a->own.by_gate ? QD_TRACE_GIVE_UP : QD_TRACE_KEEP_DISK, a->own.heir, 0, 0);
}

/* With views: what the disk's slots say, and what they should. */
static bool mind_the_slots(struct qd_turn *t, uint32_t path)
{
	struct qd_arbiter *a = t->a;
	if (!t->config->has_cluster)
		return false;
	if (!a->own.slots_known) {
		qd_batch_begin(t, QD_STEP_READ_SLOTS, path, qd_arb_patience(t, path));
		qd_batch_ask(t, QD_ROLE_SLOTS);
		return true;
	}
	const struct qd_head *want = &t->node->cluster.kept.head;
	if (t->node->gate.slots.version == 0 || qd_tag_compare(t->node->gate.slots, want->tag) != 0)
		return false;
	qd_batch_begin(t, QD_STEP_WRITE_SLOTS, path, qd_arb_patience(t, path));
	qd_batch_write_slots(t, want);
	return true;
}

/* Views may want one before its time. */
static struct qd_mono next_round(const struct qd_node *n)
{
	const bool wanted = n->config.has_cluster && qd_mono_before(n->lease.start, n->gate.round_from);
	return wanted ? qd_mono_min(n->arbiter.own.next_round, n->gate.round_from)
		      : n->arbiter.own.next_round;
}

void qd_own_think(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;

	think_group(t);
	if (a->state != QD_ARB_OWNER)
		return;
	mind_the_gate(t);
	if (a->shutdown && qd_arb_disk_is_free(t) && qd_own_wait_is_over(t) && qd_batch_idle(a)) {
		qd_leave_release(t);
		return;
	}
	if (!qd_batch_idle(a))
		return;
	if (!qd_arb_beats_left(a) && a->own.handover != QD_HANDOVER_STOP) {
		/* Once in 582 days at the default: a planned end of this ownership, and a new incarnation. */
		qd_arb_trace(t, QD_TRACE_NEW_INCARNATION_BEATS, a->incarnation, 0, 0);
		a->own.handover = QD_HANDOVER_STOP;
		a->own.heir = 0;
		think_group(t);
	}
	const uint32_t path = qd_path_pick(t->node, a->own.path);
	if (path >= t->config->path_count) {
		a->own.need_check = true; /* the session that comes back may find anything */
		return;
	}
	if (path != a->own.path) {
		a->own.path = path;
		a->own.refused = 0;
		a->own.need_check = true;
	}
	if (a->own.need_check) {
		if (qd_mono_reached(t->now, a->own.next_check))
			qd_recover_think(t, path);
		return;
	}
	if (qd_key_is_none(a->paths[path].key)) {
		a->own.need_check = true;
		a->own.next_check = t->now;
		qd_recover_think(t, path);
		return;
	}
	if (qd_mono_reached(t->now, next_round(t->node))) {
		while (qd_mono_reached(t->now, a->own.next_round))
			a->own.next_round = qd_mono_add(a->own.next_round, t->times->renew);
		qd_batch_round(t, QD_STEP_ROUND, path, a->paths[path].key);
		return;
	}
	if (qd_mono_reached(t->now, a->own.next_extra) && qd_arb_times_think(t))
		return;
	if (qd_handover_think(t) || a->state != QD_ARB_OWNER || !qd_mono_reached(t->now, a->own.next_extra))
		return;
	if (mind_the_slots(t, path) || scrub_next(t) || register_still_keys(t))
		return;
	if (a->own.scrub && a->own.handover == QD_HANDOVER_NONE) {
		qd_batch_begin(t, QD_STEP_SCRUB_KEYS, path, qd_arb_patience(t, path));
		qd_batch_ask(t, QD_ROLE_KEYS);
	}
}

struct qd_mono qd_own_deadline(const struct qd_node *n)
{
	const struct qd_arbiter *a = &n->arbiter;
	struct qd_mono d = n->lease.begin_stop;

	if (!QD_RULE(LEASE_STOP))
		d = QD_NEVER;
	if (qd_mono_before(n->now,
			   a->own.start_at)) /* then the group starts, or what waits for it is released */
		d = qd_mono_min(d, a->own.start_at);
	if (!qd_batch_idle(a) || qd_path_pick(n, a->own.path) >= n->config.path_count)
		return d;
	if (a->own.need_check)
		return qd_mono_min(d, a->own.next_check);
	if (qd_mono_before(n->now, a->own.next_extra))
		d = qd_mono_min(d, a->own.next_extra);
	return qd_mono_min(qd_mono_min(d, next_round(n)), qd_handover_deadline(a));
}
