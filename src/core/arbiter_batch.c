/* SPDX-License-Identifier: Apache-2.0 */
#include "core/arbiter_internal.h"

bool qd_batch_idle(const struct qd_arbiter *a)
{
	return a->batch.step == QD_STEP_IDLE;
}

void qd_batch_begin(struct qd_turn *t, enum qd_step step, uint32_t path, struct qd_span patience)
{
	qd_assert(qd_batch_idle(t->a));
	qd_assert(qd_path_ready(t->a, path));
	t->a->batch = (struct qd_batch){
		.step = step,
		.path = path,
		.started = t->now,
		.deadline = qd_mono_add(t->now, patience),
	};
}

static struct qd_action *ask(struct qd_turn *t, enum qd_op_kind kind, enum qd_role role)
{
	struct qd_batch *b = &t->a->batch;
	struct qd_action *action = NULL;
	qd_assert(b->step != QD_STEP_IDLE && !b->asked[role]);
	(void)qd_op_start(t, kind, b->path, role, b->deadline, &action);
	b->asked[role] = true;
	b->open++;
	return action;
}

void qd_batch_ask(struct qd_turn *t, enum qd_role role)
{
	static const enum qd_op_kind kind[QD_ROLE_COUNT] = {
		[QD_ROLE_RESERVATION] = QD_OP_READ_RESERVATION,
		[QD_ROLE_KEYS] = QD_OP_READ_KEYS,
		[QD_ROLE_RECORDS] = QD_OP_READ_RECORDS,
		[QD_ROLE_SLOTS] = QD_OP_READ_SLOTS,
	};
	qd_assert(role < QD_ROLE_COUNT && kind[role] != QD_OP_NONE);
	(void)ask(t, kind[role], role);
}

void qd_batch_write_slots(struct qd_turn *t, const struct qd_head *head)
{
	ask(t, QD_OP_WRITE_SLOTS, QD_ROLE_SLOTS)->u.op.u.head = *head;
	t->a->batch.slots = *head;
}

void qd_batch_out(struct qd_turn *t, const struct qd_pr_out_args *args)
{
	struct qd_batch *b = &t->a->batch;
	struct qd_path *path = &t->a->paths[b->path];
	ask(t, QD_OP_PR_OUT, QD_ROLE_OUT)->u.op.u.pr = *args;

	switch (args->action) {
	case QD_PR_REGISTER:
	case QD_PR_REGISTER_AND_IGNORE:
		/* Until the answer is there nobody knows which key this nexus has. */
		b->before = path->key;
		b->key = args->sa_key;
		path->key = (struct qd_key){0};
		break;
	case QD_PR_PREEMPT:
	case QD_PR_PREEMPT_AND_ABORT:
		b->key = args->key;
		b->rest_key = args->sa_key;
		break;
	case QD_PR_RESERVE:
	case QD_PR_RELEASE:
	case QD_PR_CLEAR:
		b->key = args->key;
		break;
	case QD_PR_OUT_COUNT:
		QD_UNREACHABLE("PR OUT action");
	}
}

/* After a reload with shorter times the running lease is still of the longer ones: the record names those until a round
 * by the new ones was good (simulator, seed 242034). */
static uint64_t longer_ns(struct qd_span now, struct qd_span of_lease)
{
	return (uint64_t)(of_lease.ns > now.ns && QD_RULE(RECORD_TIMES) ? of_lease.ns : now.ns);
}

static void write_record(struct qd_turn *t, enum qd_record_state state, uint64_t epoch, uint32_t heir,
			 uint64_t heir_turn, const struct qd_times *times)
{
	struct qd_arbiter *a = t->a;
	struct qd_owner_record r = {
		/* The parity of the sequence names the sector: the older copy is overwritten. */
		.sequence = a->mine.sequence + (QD_RULE(RECORD_ALTERNATES) ? 1 : 2),
		.epoch = epoch,
		.incarnation = a->incarnation,
		.node_id = t->config->node_id,
		.state = state,
		.heir = heir,
		.heir_turn = heir_turn,
		.renew_ns = (uint64_t)times->renew.ns,
		.challenge_ns = longer_ns(times->challenge, a->lease_challenge),
		.wait_ns = longer_ns(times->wait, a->lease_wait),
	};
	memcpy(r.machine_id, t->config->machine_id, sizeof(r.machine_id));
	memcpy(r.boot_id, t->config->boot_id, sizeof(r.boot_id));
	ask(t, QD_OP_WRITE_RECORD, QD_ROLE_WRITE)->u.op.u.record = r;
	a->batch.record = r;
	a->written_incarnation = a->incarnation;
}

void qd_batch_write(struct qd_turn *t, enum qd_record_state state, uint64_t epoch, uint32_t heir,
		    uint64_t heir_turn)
{
	write_record(t, state, epoch, heir, heir_turn, t->times);
}

void qd_batch_write_times(struct qd_turn *t, const struct qd_times *times)
{
	const struct qd_owner_record *m = &t->a->mine;
	struct qd_times longest = *times;
	/* Until the switch the present times are in force, too: the record names the longer of each. */
	if (longest.challenge.ns < t->times->challenge.ns)
		longest.challenge = t->times->challenge;
	if (longest.wait.ns < t->times->wait.ns)
		longest.wait = t->times->wait;
	write_record(t, QD_RECORD_TAKEN, t->a->own.epoch, m->heir, m->heir_turn, &longest);
}

bool qd_batch_all_good(const struct qd_batch *b)
{
	return qd_batch_worst(b) == QD_OUTCOME_GOOD;
}

enum qd_outcome qd_batch_worst(const struct qd_batch *b)
{
	for (int r = 0; r < QD_ROLE_COUNT; r++)
		if (b->asked[r] && b->outcome[r] != QD_OUTCOME_GOOD)
			return b->outcome[r];
	return QD_OUTCOME_GOOD;
}

void qd_batch_register_fresh(struct qd_turn *t, enum qd_step step, uint32_t path)
{
	qd_batch_begin(t, step, path, qd_arb_patience(t, path));
	qd_batch_out(t, &(struct qd_pr_out_args){
				.action = QD_PR_REGISTER_AND_IGNORE,
				.sa_key = qd_arb_fresh_key(t),
				.aptpl = t->a->aptpl,
			});
}

void qd_batch_preempt(struct qd_turn *t, enum qd_step step, uint32_t path, struct qd_key target)
{
	/* Case 8: without "and abort" a queued write of the loser survives. Asked once a target, then known. */
	const bool with_abort = !t->a->no_abort && QD_RULE(ABORT_WITH_PREEMPT);
	qd_batch_begin(t, step, path, qd_arb_patience(t, path));
	qd_batch_out(t, &(struct qd_pr_out_args){
				.action = with_abort ? QD_PR_PREEMPT_AND_ABORT : QD_PR_PREEMPT,
				.type = QD_PR_TYPE_WRITE_EXCLUSIVE,
				.key = t->a->paths[path].key,
				.sa_key = target,
			});
}

void qd_batch_round(struct qd_turn *t, enum qd_step step, uint32_t path, struct qd_key present)
{
	struct qd_key next;
	if (QD_RULE(BEAT_FRESH) || t->a->beat == 0)
		next = qd_arb_fresh_key(t);
	else /* mutant: the beat that may have failed again */
		next = qd_key_make(t->config->cluster_tag, t->config->node_id, t->a->incarnation,
				   qd_key_beat(present) + 1);
	qd_batch_begin(t, step, path, qd_arb_patience(t, path));
	qd_batch_out(t, &(struct qd_pr_out_args){
				.action = QD_PR_REGISTER,
				.key = present,
				.sa_key = next,
				.aptpl = t->a->aptpl,
			});
	qd_batch_ask(t, QD_ROLE_RESERVATION);
	qd_batch_ask(t, QD_ROLE_RECORDS);
}

static void learn_refusal(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	const enum qd_step s = a->batch.step;
	const bool registers = s == QD_STEP_HEIR_REGISTER || s == QD_STEP_TAKE_REGISTER ||
			       s == QD_STEP_LAST_ROUND || s == QD_STEP_ROUND || s == QD_STEP_REREGISTER ||
			       s == QD_STEP_STILL;
	const bool preempts = (s == QD_STEP_STRIKE && !a->taking.by_reserve) || s == QD_STEP_CLEAN ||
			      s == QD_STEP_REPREEMPT || s == QD_STEP_SCRUB;
	if (preempts && !a->no_abort) {
		a->no_abort = true;
		qd_arb_trace(t, QD_TRACE_NO_ABORT, 0, 0, 0);
	} else if (registers && a->aptpl) {
		a->aptpl = false;
		qd_arb_trace(t, QD_TRACE_NO_APTPL, 0, 0, 0);
	}
}

void qd_batch_learn(struct qd_turn *t)
{
	const struct qd_batch *b = &t->a->batch;
	struct qd_path *path = &t->a->paths[b->path];
	if (b->asked[QD_ROLE_WRITE] && b->outcome[QD_ROLE_WRITE] == QD_OUTCOME_GOOD) {
		t->a->mine = b->record;
		if (b->record.epoch >= t->a->newest.epoch)
			t->a->newest = b->record;
	}
	if (!b->asked[QD_ROLE_OUT] || path->state != QD_PATH_READY)
		return; /* only a session that is up knows a key */

	const enum qd_outcome o = b->outcome[QD_ROLE_OUT];
	const bool registers = !qd_key_is_none(b->key); /* not UNREGISTER */
	if (registers && o == QD_OUTCOME_GOOD)
		path->key = b->key;
	else if (qd_outcome_not_executed(o) && o != QD_OUTCOME_CONFLICT && !qd_key_is_none(b->before))
		path->key = b->before;
	else if (o == QD_OUTCOME_CONFLICT && b->step != QD_STEP_CLEAN && b->step != QD_STEP_SCRUB)
		path->key = (struct qd_key){
			0}; /* this nexus is not registered as was thought, or the key is gone */
	if (o == QD_OUTCOME_UNSUPPORTED)
		learn_refusal(t);
}

struct qd_span qd_arb_patience(const struct qd_turn *t, uint32_t path)
{
	const struct qd_lease *l = &t->node->lease;
	struct qd_span longest = t->times->renew;
	/* With another path at hand a silent one is left early (case 9: inside the budget); the only path is waited
	 * for as long as the lease can wait, because a torn-down session costs more than a late answer. */
	for (uint32_t p = 0; p < t->config->path_count; p++)
		if (p != path && qd_path_ready(t->a, p))
			return t->times->look;
	/* An owner keeps a third of R of its lease for a new login, a check and a round. */
	if (t->a->state == QD_ARB_OWNER && l->held) {
		longest = qd_span_sub(qd_mono_sub(l->begin_stop, t->now), t->times->look);
		longest.ns = longest.ns > t->times->renew.ns ? t->times->renew.ns : longest.ns;
	}
	return longest.ns > t->times->look.ns ? longest : t->times->look;
}
