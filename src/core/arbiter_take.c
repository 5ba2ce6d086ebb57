/* SPDX-License-Identifier: Apache-2.0 */
/* TAKING: register, strike (or reserve), verify, preempt the other keys, read all records, write the own
 * one, one full round, announce. Each step after the last (PROTOCOL.md section 3). */
#include "core/arbiter_internal.h"

/* At once again, as a rule: what was seen has changed. What keeps failing is paced. */
static void note_failure(struct qd_turn *t)
{
	if (++t->a->take_failures > 2)
		t->a->take_after = qd_mono_add(t->now, t->times->look);
}

/* Nothing was sent that could have made this node the holder: look again. */
static void back_to_standby(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	qd_assert(!a->taking.exposed);
	note_failure(t);
	qd_watch_enter(t);
}

static void give_up(struct qd_turn *t, enum qd_step at, enum qd_outcome why)
{
	qd_arb_trace(t, QD_TRACE_TAKE_FAILED, at, why, 0);
	if (!t->a->taking.exposed) {
		back_to_standby(t);
		return;
	}
	note_failure(t);
	qd_leave_retire(t);
}

static void ask_holder(struct qd_turn *t)
{
	qd_batch_begin(t, QD_STEP_TAKEN, t->a->taking.path, qd_arb_patience(t, t->a->taking.path));
	qd_batch_ask(t, QD_ROLE_RESERVATION);
	qd_batch_ask(t, QD_ROLE_KEYS);
	qd_batch_ask(t, QD_ROLE_RECORDS);
}

static void strike(struct qd_turn *t)
{
	struct qd_taking *k = &t->a->taking;
	k->exposed = true;
	if (qd_mono_is_never(k->struck_at))
		k->struck_at = t->now;
	t->a->stats.strikes++;
	if (!k->by_reserve) {
		/* The key that is C old, not the one that holds now: a swap inside the target, no window. */
		qd_batch_preempt(t, QD_STEP_STRIKE, k->path, k->target);
		return;
	}
	qd_batch_begin(t, QD_STEP_STRIKE, k->path, qd_arb_patience(t, k->path));
	qd_batch_out(t, &(struct qd_pr_out_args){
				.action = QD_PR_RESERVE,
				.type = QD_PR_TYPE_WRITE_EXCLUSIVE,
				.key = t->a->paths[k->path].key,
			});
}

static void register_key(struct qd_turn *t)
{
	struct qd_taking *k = &t->a->taking;
	if (!k->by_reserve && qd_key_node(k->target) == t->config->node_id) {
		/* LIO keeps the registration of an initiator over sessions and restarts of this process: then the
		 * reservation follows the new key, and this command is the strike. */
		k->exposed = true;
		k->struck_at = t->now;
	}
	qd_batch_register_fresh(t, QD_STEP_TAKE_REGISTER, k->path);
}

void qd_take_begin(struct qd_turn *t, const struct qd_taking *plan)
{
	struct qd_arbiter *a = t->a;
	a->taking = *plan;
	qd_arb_move(t, QD_ARB_TAKING);
	if (qd_key_is_none(a->paths[plan->path].key))
		register_key(t);
	else
		strike(t);
}

/* What to do with an answer other than GOOD. A unit attention means that the command was not executed: again. */
static void not_good(struct qd_turn *t, const struct qd_batch *b, void (*again)(struct qd_turn *))
{
	struct qd_taking *k = &t->a->taking;
	const enum qd_outcome o = qd_batch_worst(b);
	const bool retry = qd_outcome_is_unit_attention(o) || o == QD_OUTCOME_BUSY;

	if (retry && k->retries < QD_RETRIES_MAX && qd_path_ready(t->a, k->path)) {
		k->retries++;
		again(t);
		return;
	}
	give_up(t, b->step, o);
}

static void registered(struct qd_turn *t, const struct qd_batch *b)
{
	struct qd_taking *k = &t->a->taking;
	const enum qd_outcome o = b->outcome[QD_ROLE_OUT];
	if (o == QD_OUTCOME_UNSUPPORTED && k->retries < QD_RETRIES_MAX) {
		k->retries++; /* APTPL refused: qd_batch_learn() noted it */
		register_key(t);
		return;
	}
	if (o != QD_OUTCOME_GOOD) {
		not_good(t, b, register_key);
		return;
	}
	k->generation++;
	if (k->exposed)
		ask_holder(t);
	else
		strike(t);
}

static void struck(struct qd_turn *t, const struct qd_batch *b)
{
	struct qd_taking *k = &t->a->taking;
	const enum qd_outcome o = b->outcome[QD_ROLE_OUT];
	if (o == QD_OUTCOME_GOOD) {
		ask_holder(t);
		return;
	}
	const bool refused = o == QD_OUTCOME_UNSUPPORTED && !k->by_reserve;
	if ((refused || o == QD_OUTCOME_BUSY) && k->retries < QD_RETRIES_MAX) {
		k->retries++; /* PREEMPT AND ABORT refused: PREEMPT; busy: once more */
		strike(t);
		return;
	}
	if (o == QD_OUTCOME_CONFLICT && !k->by_reserve && !QD_RULE(STRIKE_NAMES_SEEN_KEY)) {
		ask_holder(t); /* mutant: whichever key holds now is struck next */
		return;
	}
	if (qd_outcome_not_executed(o) || o == QD_OUTCOME_CONFLICT) {
		/* Somebody was faster, the defender has beaten, or a unit attention tells of a change: look again. */
		qd_arb_trace(t, QD_TRACE_TAKE_CONFLICT, b->step, 0, 0);
		k->exposed = false;
		if (k->by_reserve)
			t->a->reserve_failures++;
		back_to_standby(t);
		return;
	}
	give_up(t, b->step, o);
}

static void back_out(struct qd_turn *t)
{
	t->a->reserve_failures++;
	qd_batch_begin(t, QD_STEP_BACK_OUT, t->a->taking.path, qd_arb_patience(t, t->a->taking.path));
	qd_batch_out(t, &(struct qd_pr_out_args){
				.action = QD_PR_RELEASE,
				.type = QD_PR_TYPE_WRITE_EXCLUSIVE,
				.key = t->a->paths[t->a->taking.path].key,
			});
}

/* Case 3: an unreserved disk that changed between the last look and the RESERVE was not ownerless. */
static bool reserve_is_stale(struct qd_turn *t, const struct qd_batch *b)
{
	const struct qd_arbiter *a = t->a;
	const struct qd_taking *k = &a->taking;
	if (!k->by_reserve || k->rechecked || !QD_RULE(UNRESERVED_RECHECK))
		return false;
	if (k->released) {
		if (a->newest.state == QD_RECORD_RELEASED && a->newest.epoch == k->released_epoch)
			return false;
		qd_arb_trace(t, QD_TRACE_TAKE_RECORD, 0, 0, 0);
		return true;
	}
	if (b->reservation.generation == k->generation && a->sight.known)
		return false;
	qd_arb_trace(t, QD_TRACE_TAKE_CHANGED, k->generation, b->reservation.generation, 0);
	return true;
}

static void read_records(struct qd_turn *t)
{
	qd_batch_begin(t, QD_STEP_TAKE_RECORDS, t->a->taking.path, qd_arb_patience(t, t->a->taking.path));
	qd_batch_ask(t, QD_ROLE_RECORDS);
}

/* The next key that is not of this nexus or another path of this process: the loser's, of whoever was struck before and
 * not cleaned away, of earlier sessions of this node. A live challenger among them finds out at its strike. */
static void clean(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	if (a->keys_next < a->keys_count && QD_RULE(PREEMPT_OTHER_KEYS)) {
		qd_batch_preempt(t, QD_STEP_CLEAN, a->taking.path, a->keys[a->keys_next++]);
		return;
	}
	const bool all = a->keys_count < QD_KEYS_KEPT || !QD_RULE(PREEMPT_OTHER_KEYS) ||
			 a->taking.retries++ >= QD_RETRIES_MAX;
	if (all)
		read_records(t);
	else
		ask_holder(t); /* the list was full: there may be more */
}

static void holder_known(struct qd_turn *t, const struct qd_batch *b)
{
	struct qd_arbiter *a = t->a;
	struct qd_taking *k = &a->taking;
	const struct qd_pr_reservation *r = &b->reservation;
	const struct qd_key mine = a->paths[k->path].key;

	if (!qd_batch_all_good(b)) {
		not_good(t, b, ask_holder);
		return;
	}
	const bool holder = r->held && qd_key_equal(r->holder, mine) && r->type == QD_PR_TYPE_WRITE_EXCLUSIVE;
	if (!holder && !QD_RULE(STRIKE_NAMES_SEEN_KEY) && !k->by_reserve && r->held &&
	    k->retries < QD_RETRIES_MAX) {
		k->retries++;
		k->target = r->holder;
		strike(t); /* mutant */
		return;
	}
	if (!holder && QD_RULE(VERIFY_HOLDER)) {
		if (!k->by_reserve && r->held && qd_key_equal(r->holder, k->target) &&
		    k->retries < QD_RETRIES_MAX) {
			k->retries++; /* registering did not carry the reservation along: now strike */
			strike(t);
			return;
		}
		qd_arb_trace(t, QD_TRACE_TAKE_NOT_HOLDER, r->holder.value, mine.value, 0);
		qd_leave_retire(t);
		return;
	}
	if (reserve_is_stale(t, b)) {
		back_out(t);
		return;
	}
	k->rechecked = true;
	clean(t);
}

static void cleaned(struct qd_turn *t, const struct qd_batch *b)
{
	const enum qd_outcome o = b->outcome[QD_ROLE_OUT];
	qd_arb_trace(t, QD_TRACE_CLEANED, b->rest_key.value, o, 0);
	if (o == QD_OUTCOME_GOOD) {
		clean(t);
	} else if (o == QD_OUTCOME_CONFLICT || qd_outcome_not_executed(o)) {
		/* The key is gone, or a unit attention: what is registered and who holds is asked again. */
		if (t->a->taking.retries++ >= QD_RETRIES_MAX)
			give_up(t, b->step, o);
		else
			ask_holder(t);
	} else {
		give_up(t, b->step, o);
	}
}

static void write_record(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	struct qd_taking *k = &a->taking;
	const uint64_t counter = QD_RULE(EPOCH_ABOVE_ALL) ? a->max_counter : qd_epoch_counter(a->mine.epoch);
	const uint64_t least = t->node->gate.least;
	k->epoch = qd_epoch_make(counter + 1 < least ? least : counter + 1, t->config->node_id);
	qd_batch_begin(t, QD_STEP_TAKE_WRITE, k->path, qd_arb_patience(t, k->path));
	qd_batch_write(t, QD_RECORD_TAKEN, k->epoch, 0, 0);
}

static void last_round(struct qd_turn *t)
{
	const struct qd_taking *k = &t->a->taking;
	qd_batch_round(t, QD_STEP_LAST_ROUND, k->path, t->a->paths[k->path].key);
}

static void announce(struct qd_turn *t, struct qd_mono round_start)
{
	struct qd_arbiter *a = t->a;
	const struct qd_taking *k = &a->taking;
	a->own = (struct qd_owning){
		.epoch = k->epoch,
		.path = k->path,
		.start_at = k->start_at,
		.earlier_end = k->released ? QD_MONO_ZERO : k->start_at,
		.struck_node = k->by_reserve ? a->taking.recorded : qd_key_node(k->target),
		.generation = a->sight.generation,
		.scrub = true, /* once at the beginning: what others left registered */
	};
	a->max_counter =
		qd_epoch_counter(k->epoch) > a->max_counter ? qd_epoch_counter(k->epoch) : a->max_counter;
	a->stats.takeovers++;
	a->take_failures = 0;
	qd_own_enter(t, round_start);
}

/* What this round read is the record that was written: it is durable, readable and this disk's. */
static bool record_read_back(const struct qd_arbiter *a)
{
	return a->mine.epoch == a->taking.epoch && a->mine.state == QD_RECORD_TAKEN;
}

static void round_done(struct qd_turn *t, const struct qd_batch *b)
{
	struct qd_arbiter *a = t->a;
	const struct qd_taking *k = &a->taking;
	if (!qd_batch_all_good(b)) {
		not_good(t, b, ask_holder);
		return;
	}
	const struct qd_pr_reservation *r = &b->reservation;
	const bool holder =
		r->held && qd_key_equal(r->holder, b->key) && r->type == QD_PR_TYPE_WRITE_EXCLUSIVE;
	if ((!holder && QD_RULE(VERIFY_HOLDER)) ||
	    (a->newest.epoch > k->epoch && QD_RULE(RECORD_NEWER_STOPS)) ||
	    (!record_read_back(a) && QD_RULE(RECORD_BEFORE_ANNOUNCE))) {
		/* SIMPLE commands may change places: a contradiction means "ask again", here with all checks. */
		if (a->taking.retries++ < QD_RETRIES_MAX && a->newest.epoch <= k->epoch) {
			ask_holder(t);
			return;
		}
		qd_arb_trace(t, QD_TRACE_TAKE_NOT_HOLDER, r->holder.value, b->key.value, 0);
		qd_leave_retire(t);
		return;
	}
	qd_watch_saw(t, b);
	announce(t, QD_RULE(TAKEOVER_LEASE) ? b->started : t->now);
}

static struct qd_mono expires_at(const struct qd_node *n)
{
	const struct qd_taking *k = &n->arbiter.taking;
	return QD_RULE(TAKEOVER_EXPIRES) ? qd_mono_add(k->struck_at, n->config.times.begin_stop) : QD_NEVER;
}

static bool expired(struct qd_turn *t, enum qd_step at)
{
	if (!qd_mono_reached(t->now, expires_at(t->node)))
		return false;
	qd_arb_trace(t, QD_TRACE_TAKE_EXPIRED, at, (uint64_t)qd_mono_sub(t->now, t->a->taking.struck_at).ns,
		     0);
	qd_leave_retire(t);
	return true;
}

void qd_take_done(struct qd_turn *t, const struct qd_batch *b)
{
	if (expired(t, b->step))
		return;
	if (!qd_path_ready(t->a, b->path)) {
		give_up(t, b->step, QD_OUTCOME_UNKNOWN);
		return;
	}
	if (b->step == QD_STEP_TAKE_REGISTER) {
		registered(t, b);
	} else if (b->step == QD_STEP_STRIKE) {
		struck(t, b);
	} else if (b->step == QD_STEP_TAKEN) {
		holder_known(t, b);
	} else if (b->step == QD_STEP_CLEAN) {
		cleaned(t, b);
	} else if (b->step == QD_STEP_TAKE_RECORDS) {
		if (!qd_batch_all_good(b))
			not_good(t, b, read_records);
		else if (QD_RULE(RECORD_BEFORE_ANNOUNCE))
			write_record(t);
		else
			last_round(t);
	} else if (b->step == QD_STEP_TAKE_WRITE) {
		if (!qd_batch_all_good(b))
			not_good(t, b, ask_holder);
		else if (QD_RULE(LAST_ROUND))
			last_round(t);
		else
			announce(t, b->started);
	} else if (b->step == QD_STEP_LAST_ROUND) {
		round_done(t, b);
	} else {
		qd_assert(b->step == QD_STEP_BACK_OUT);
		qd_leave_retire(t);
	}
}

void qd_take_think(struct qd_turn *t)
{
	(void)expired(t, t->a->batch.step);
}

struct qd_mono qd_take_deadline(const struct qd_node *n)
{
	return expires_at(n);
}
