/* SPDX-License-Identifier: Apache-2.0 */
/* Answers on their way into the batch that asked for them, and complete batches on theirs to the state. */
#include "core/arbiter_internal.h"

/* Case 7: a path error is no verdict; it is tried again on another path, if there is one. */
static void judge_path(struct qd_turn *t, const struct qd_batch *b)
{
	struct qd_path *p = &t->a->paths[b->path];
	const enum qd_outcome o = qd_batch_worst(b);
	const bool whole = b->step == QD_STEP_LOOK || b->step == QD_STEP_ROUND ||
			   b->step == QD_STEP_LAST_ROUND || b->step == QD_STEP_STILL;
	/* Only now: a session that dies at its first command, or at each recovery, backs off. */
	if (o == QD_OUTCOME_GOOD && whole)
		p->login_failures = 0;
	const bool broken = o == QD_OUTCOME_NO_LUN || o == QD_OUTCOME_NOT_READY ||
			    o == QD_OUTCOME_MEDIUM_ERROR || o == QD_OUTCOME_GARBAGE || o == QD_OUTCOME_ERROR;
	if (!broken || !qd_path_ready(t->a, b->path))
		return;
	p->last_error = o;
	for (uint32_t other = 0; other < t->config->path_count; other++) {
		if (other == b->path || !qd_path_ready(t->a, other))
			continue;
		qd_path_teardown(t, b->path);
		return;
	}
}

static void finish(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	qd_batch_learn(t);
	const struct qd_batch b = a->batch;
	a->batch = (struct qd_batch){.step = QD_STEP_IDLE};
	judge_path(t, &b);

	switch (a->state) {
	case QD_ARB_STANDBY:
		qd_watch_done(t, &b);
		break;
	case QD_ARB_TAKING:
		qd_take_done(t, &b);
		break;
	case QD_ARB_OWNER:
		qd_own_done(t, &b);
		break;
	case QD_ARB_STOPPING:
	case QD_ARB_RELEASING:
	case QD_ARB_RETIRING:
		qd_leave_done(t, &b);
		break;
	case QD_ARB_REFUSED:
	case QD_ARB_RESET:
	case QD_ARB_OFF:
	case QD_ARB_STATE_COUNT:
		break;
	}
}

static bool keep_key(const struct qd_turn *t, struct qd_key key)
{
	const struct qd_arbiter *a = t->a;
	const uint32_t node = qd_key_node(key);
	for (uint32_t p = 0; p < t->config->path_count; p++)
		if (qd_key_equal(a->paths[p].key, key))
			return false; /* registered by this process on a live session: nothing to judge */
	if (qd_key_tag(key) != t->config->cluster_tag || node == t->config->node_id ||
	    !qd_arb_is_member(t, node))
		return true; /* to be scrubbed */
	/* A new owner cleans away everything; later the heir's key is waited for, other members' are left alone. */
	return a->state != QD_ARB_OWNER || node == a->own.heir;
}

static void take_keys(struct qd_turn *t, const struct qd_answer *answer)
{
	struct qd_arbiter *a = t->a;
	a->keys_count = 0;
	a->keys_next = 0;
	a->batch.keys_generation = answer->u.keys.generation;
	for (uint32_t i = 0; i < answer->u.keys.count && a->keys_count < QD_KEYS_KEPT; i++)
		if (keep_key(t, answer->u.keys.keys[i]))
			a->keys[a->keys_count++] = answer->u.keys.keys[i];
}

static void take_answer(struct qd_turn *t, uint32_t role, const struct qd_answer *answer)
{
	struct qd_batch *b = &t->a->batch;
	b->outcome[role] = answer->outcome;
	b->open--;
	if (answer->outcome == QD_OUTCOME_GOOD) {
		if (role == QD_ROLE_RESERVATION)
			b->reservation = answer->u.reservation;
		else if (role == QD_ROLE_KEYS)
			take_keys(t, answer);
		else if (role == QD_ROLE_RECORDS)
			qd_watch_records(t, answer);
		else if (role == QD_ROLE_SLOTS && b->step == QD_STEP_READ_SLOTS)
			b->slots = *answer->u.slot;
		return;
	}
	if (qd_outcome_is_unit_attention(answer->outcome)) {
		t->a->stats.unit_attentions++;
		qd_arb_trace(t, QD_TRACE_UNIT_ATTENTION, answer->outcome, b->path, b->step);
		qd_watch_unit_attention(t, answer->outcome, b->path);
		if (t->a->state == QD_ARB_OWNER && answer->outcome != QD_OUTCOME_UA_OTHER)
			t->a->own.need_check = true; /* case 6: a round now */
	}
}

void qd_arb_done(struct qd_turn *t, const struct qd_answer *answer)
{
	struct qd_arbiter *a = t->a;
	for (uint32_t i = 0; i < QD_OPS_MAX; i++) {
		struct qd_op_slot *slot = &a->ops[i];
		if (slot->id.value == 0 || slot->id.value != answer->id.value)
			continue;
		const struct qd_op_slot copy = *slot;
		slot->id.value = 0;
		if (copy.role == QD_ROLE_PATH) {
			qd_path_answer(t, &copy, answer);
			return;
		}
		if (qd_batch_idle(a) || a->batch.path != copy.path)
			break; /* its batch was given up */
		take_answer(t, copy.role, answer);
		if (answer->outcome == QD_OUTCOME_UNKNOWN && QD_RULE(LATE_COMMANDS))
			qd_path_teardown(t, copy.path); /* case 14: it may execute yet */
		if (a->batch.open == 0 && a->paths[copy.path].state != QD_PATH_CLOSING)
			finish(t);
		return;
	}
	a->stats.stale_answers++;
	qd_arb_trace(t, QD_TRACE_STALE_ANSWER, answer->id.value, 0, 0);
}

void qd_arb_session_lost(struct qd_turn *t, uint32_t path)
{
	qd_assert(path < t->config->path_count);
	qd_path_lost(t, path);
	if (!qd_batch_idle(t->a) && t->a->batch.path == path && t->a->batch.open == 0)
		finish(t);
}

/* Mutant LATE_COMMANDS: go on with the nexus as if the commands under way were dead. */
static void forget_late_commands(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	for (uint32_t i = 0; i < QD_OPS_MAX; i++)
		if (a->ops[i].role != QD_ROLE_PATH && a->ops[i].path == a->batch.path)
			a->ops[i].id.value = 0;
	a->batch.open = 0;
	finish(t);
}

void qd_arb_timeout(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	if (qd_batch_idle(a) || !qd_mono_reached(t->now, a->batch.deadline))
		return;
	if (!QD_RULE(LATE_COMMANDS)) {
		forget_late_commands(t);
		return;
	}
	/* Case 14: an operation that timed out is not dead. The session goes, and with the next login its commands. */
	if (a->paths[a->batch.path].state != QD_PATH_CLOSING) {
		qd_arb_trace(t, QD_TRACE_PATH_SLOW, a->batch.path,
			     (uint64_t)qd_mono_sub(t->now, a->batch.started).ns, 0);
		qd_path_teardown(t, a->batch.path);
	}
	a->batch.deadline = QD_NEVER; /* the end of the session is the answer */
}
