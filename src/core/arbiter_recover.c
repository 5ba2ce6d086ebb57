/* SPDX-License-Identifier: Apache-2.0 */
/* OWNER after anything that a good round does not explain: ask who holds, which keys are listed and what the records
 * say, and only then act (PROTOCOL.md section 4, cases 1, 3, 4, 7, 9, 15). */
#include "core/arbiter_internal.h"

/* What may be done without waiting for C or W is bound to the running lease. */
static bool inside_lease(const struct qd_turn *t)
{
	return qd_lease_runs(&t->node->lease, t->now);
}

static bool record_is_mine(const struct qd_turn *t)
{
	const struct qd_owner_record *n = &t->a->newest;
	return n->state == QD_RECORD_TAKEN && n->node_id == t->config->node_id &&
	       n->epoch == t->a->own.epoch && n->incarnation == t->a->incarnation;
}

static void lost(struct qd_turn *t)
{
	t->a->own.lost = true;
	t->a->stats.losses++;
	qd_leave_stop(t);
}

static void round_now(struct qd_turn *t, struct qd_key present)
{
	struct qd_arbiter *a = t->a;
	qd_batch_round(t, QD_STEP_ROUND, a->own.path, present);
	/* Until this round is good the next thing is a check again. */
	a->own.need_check = true;
}

static void go_on_after_register(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	if (a->own.after_register == QD_STEP_REPREEMPT) {
		qd_batch_preempt(t, QD_STEP_REPREEMPT, a->own.path, a->own.preempt);
		return;
	}
	qd_batch_begin(t, QD_STEP_RERESERVE, a->own.path, qd_arb_patience(t, a->own.path));
	qd_batch_out(t, &(struct qd_pr_out_args){
				.action = QD_PR_RESERVE,
				.type = QD_PR_TYPE_WRITE_EXCLUSIVE,
				.key = a->paths[a->own.path].key,
			});
}

/* `then` needs a registered nexus: register if it is not, or if nobody knows. */
static void with_registration(struct qd_turn *t, enum qd_step then, struct qd_key preempt)
{
	struct qd_arbiter *a = t->a;
	a->own.after_register = then;
	a->own.preempt = preempt;
	if (qd_key_is_none(a->paths[a->own.path].key))
		qd_batch_register_fresh(t, QD_STEP_REREGISTER, a->own.path);
	else
		go_on_after_register(t);
}

/* Own key of this incarnation holds: on this nexus, or on one that is gone. */
static void mine_holds(struct qd_turn *t, struct qd_key holder)
{
	struct qd_arbiter *a = t->a;
	const struct qd_key here = a->paths[a->own.path].key;

	if (qd_key_equal(here, holder)) {
		round_now(t, holder);
		return;
	}
	if (qd_key_is_none(here) && a->own.refused == 0) {
		/* Case 1, and LIO after a new login: perhaps this nexus has it still; REGISTER naming it tells. */
		round_now(t, holder);
		return;
	}
	/* Cases 4 and 9: registered on a nexus that the target thinks is another one. */
	qd_arb_trace(t, QD_TRACE_REJOIN_PATH, holder.value, a->own.path, 0);
	with_registration(t, QD_STEP_REPREEMPT, holder);
}

static void other_holds(struct qd_turn *t, struct qd_key holder)
{
	/* Case 15: a challenger strikes only a key that is C old, when this lease is over. Inside the lease, and with
	 * the newest record our own, the target has gone back to a state before our takeover.
	 * Only a member's key can come back that way. */
	const bool members =
		qd_key_tag(holder) == t->config->cluster_tag && qd_arb_is_member(t, qd_key_node(holder));
	const bool back_in_time = members && record_is_mine(t) && inside_lease(t);
	if (back_in_time) {
		qd_arb_trace(t, QD_TRACE_STRIKE_BACK, holder.value, 0, 0);
		with_registration(t, QD_STEP_REPREEMPT, holder);
		return;
	}
	qd_arb_trace(t, QD_TRACE_LOST_HOLDER, holder.value, 0, 0);
	lost(t);
}

static void nobody_holds(struct qd_turn *t)
{
	const struct qd_arbiter *a = t->a;
	if (record_is_mine(t) && inside_lease(t)) {
		const struct qd_span left = qd_mono_sub(t->node->lease.begin_stop, t->now);
		qd_arb_trace(t, QD_TRACE_RERESERVE, left.ns > 0 ? (uint64_t)left.ns : 0, 0, 0);
		with_registration(t, QD_STEP_RERESERVE, (struct qd_key){0});
		return;
	}
	qd_arb_trace(t, QD_TRACE_LOST_UNRESERVED, a->newest.epoch, 0, 0);
	lost(t);
}

static void judge(struct qd_turn *t, const struct qd_batch *b)
{
	struct qd_arbiter *a = t->a;
	const struct qd_pr_reservation *r = &b->reservation;

	a->own.generation = b->keys_generation;
	a->own.scrub = true;
	a->keys_next = a->keys_count; /* scrubbing begins with keys read after the recovery */
	if (a->newest.epoch > a->own.epoch && QD_RULE(RECORD_NEWER_STOPS)) {
		qd_arb_trace(t, QD_TRACE_LOST_RECORD, a->newest.epoch, a->own.epoch, 0);
		lost(t);
	} else if (!r->held) {
		nobody_holds(t);
	} else if (qd_arb_key_is_mine(t, r->holder)) {
		mine_holds(t, r->holder);
	} else {
		other_holds(t, r->holder);
	}
}

void qd_recover_think(struct qd_turn *t, uint32_t path)
{
	qd_batch_begin(t, QD_STEP_CHECK, path, qd_arb_patience(t, path));
	qd_batch_ask(t, QD_ROLE_RESERVATION);
	qd_batch_ask(t, QD_ROLE_KEYS);
	qd_batch_ask(t, QD_ROLE_RECORDS);
}

void qd_recover_done(struct qd_turn *t, const struct qd_batch *b)
{
	struct qd_arbiter *a = t->a;
	a->own.need_check = true; /* whatever was done, only a good round ends the recovery */
	if (!qd_path_ready(a, b->path) || b->path != a->own.path)
		return;
	if (b->step == QD_STEP_CHECK) {
		if (qd_batch_all_good(b))
			judge(t, b);
		return;
	}
	if (b->step == QD_STEP_REPREEMPT && b->outcome[QD_ROLE_OUT] == QD_OUTCOME_CONFLICT)
		a->own.refused = 0; /* the named key is gone: perhaps this nexus held all the while */
	if (b->outcome[QD_ROLE_OUT] != QD_OUTCOME_GOOD)
		return; /* check again: conflict, unit attention and refusal all show there */
	if (b->step == QD_STEP_REREGISTER)
		go_on_after_register(t);
	else
		round_now(t, a->paths[a->own.path]
				     .key); /* this nexus holds now, if nobody was faster: the round tells */
}
