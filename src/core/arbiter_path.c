/* SPDX-License-Identifier: Apache-2.0 */
#include "core/arbiter_internal.h"

enum {
	QD_BACKOFF_FIRST_MS = 20, /* a target that restarts answers within a few of these */
	QD_BACKOFF_DOUBLINGS = 8,
};

bool qd_path_ready(const struct qd_arbiter *a, uint32_t path)
{
	return path < QD_PATHS_MAX && a->paths[path].state == QD_PATH_READY;
}

uint32_t qd_path_pick(const struct qd_node *n, uint32_t preferred)
{
	const struct qd_arbiter *a = &n->arbiter;
	const uint32_t count = n->config.path_count;
	uint32_t best = count;

	if (preferred < count && qd_path_ready(a, preferred))
		return preferred;
	for (uint32_t p = 0; p < count; p++) {
		if (!qd_path_ready(a, p))
			continue;
		if (!qd_key_is_none(a->paths[p].key))
			return p;
		if (best == count)
			best = p;
	}
	return best;
}

struct qd_op_slot *qd_op_start(struct qd_turn *t, enum qd_op_kind kind, uint32_t path, uint32_t role,
			       struct qd_mono deadline, struct qd_action **action)
{
	struct qd_arbiter *a = t->a;
	for (uint32_t i = 0; i < QD_OPS_MAX; i++) {
		struct qd_op_slot *slot = &a->ops[i];
		if (slot->id.value != 0)
			continue;
		a->next_op++;
		*slot = (struct qd_op_slot){
			.id = {a->next_op},
			.kind = kind,
			.path = path,
			.role = role,
			.sent = t->now,
			.deadline = deadline,
		};
		*action = qd_arb_act(t, QD_ACTION_OP);
		(*action)->u.op.id = slot->id;
		(*action)->u.op.kind = kind;
		(*action)->u.op.path = path;
		return slot;
	}
	QD_UNREACHABLE("more operations than QD_OPS_MAX");
}

static uint32_t drop_ops(struct qd_arbiter *a, uint32_t path)
{
	uint32_t dropped = 0;
	for (uint32_t i = 0; i < QD_OPS_MAX; i++) {
		if (a->ops[i].id.value == 0 || a->ops[i].path != path)
			continue;
		a->ops[i].id.value = 0;
		dropped++;
	}
	return dropped;
}

static void back_off(struct qd_turn *t, struct qd_path *p)
{
	const uint32_t n =
		p->login_failures < QD_BACKOFF_DOUBLINGS ? p->login_failures : QD_BACKOFF_DOUBLINGS;
	struct qd_span wait = qd_span_ms((int64_t)QD_BACKOFF_FIRST_MS << n);
	/* An owner is in a hurry: its lease runs, and after a power loss of the target nothing may be fenced before it is
	 * back (case 15, measured: the window is its own way back in). */
	const struct qd_span most =
		t->a->state == QD_ARB_OWNER ? qd_span_div(t->times->look, 4) : t->times->look;
	if (wait.ns > most.ns)
		wait = most;
	p->retry_at = qd_mono_add(t->now, wait);
}

void qd_path_teardown(struct qd_turn *t, uint32_t path)
{
	struct qd_path *p = &t->a->paths[path];
	if (p->state == QD_PATH_DOWN || p->state == QD_PATH_CLOSING || p->state == QD_PATH_BAD)
		return;
	p->state = QD_PATH_CLOSING;
	p->key = (struct qd_key){0};
	qd_arb_act(t, QD_ACTION_TEARDOWN)->u.path = path;
}

static void login(struct qd_turn *t, uint32_t path)
{
	struct qd_path *p = &t->a->paths[path];
	struct qd_action *action = NULL;
	p->state = QD_PATH_LOGIN;
	p->key = (struct qd_key){0};
	p->logins++;
	qd_arb_trace(t, QD_TRACE_LOGIN, path, p->login_failures + 1, 0);
	const struct qd_span limit = t->a->state == QD_ARB_OWNER ? t->times->look : t->times->renew;
	(void)qd_op_start(t, QD_OP_LOGIN, path, QD_ROLE_PATH, qd_mono_add(t->now, limit), &action);
}

static void probe(struct qd_turn *t, uint32_t path, enum qd_op_kind kind)
{
	struct qd_action *action = NULL;
	t->a->paths[path].state = QD_PATH_PROBING;
	(void)qd_op_start(t, kind, path, QD_ROLE_PATH, qd_mono_add(t->now, t->times->renew), &action);
}

static void fail(struct qd_turn *t, uint32_t path, enum qd_outcome outcome)
{
	struct qd_path *p = &t->a->paths[path];
	p->last_error = outcome;
	back_off(t, p);
	/* the first failure and then every 64th: a target that is down for a day must not fill the log */
	if (p->login_failures % 64 == 0)
		qd_arb_trace(t, QD_TRACE_LOGIN_FAILED, path, outcome,
			     (uint64_t)qd_mono_sub(p->retry_at, t->now).ns);
	p->login_failures++;
	if (p->state == QD_PATH_LOGIN)
		p->state = QD_PATH_DOWN;
	else
		qd_path_teardown(t, path);
}

static void ready(struct qd_turn *t, uint32_t path)
{
	struct qd_path *p = &t->a->paths[path];
	p->state = QD_PATH_READY;
	p->unit_attentions = 0;
	p->last_error = QD_OUTCOME_GOOD;
	qd_arb_trace(t, QD_TRACE_PATH_READY, path, 0, 0);
}

static void judge_disk(struct qd_turn *t, uint32_t path, enum qd_disk_verdict disk)
{
	struct qd_path *p = &t->a->paths[path];
	p->disk = disk;
	if (disk == QD_DISK_OK) {
		if (t->a->caps_known)
			ready(t, path);
		else
			probe(t, path, QD_OP_REPORT_CAPABILITIES);
		return;
	}
	qd_arb_trace(t, QD_TRACE_PATH_BAD, path, disk, 0);
	qd_path_teardown(t, path);
	p->login_failures++;
}

static void learn_capabilities(struct qd_turn *t, uint32_t path, const struct qd_answer *answer)
{
	struct qd_arbiter *a = t->a;
	/* An old target without REPORT CAPABILITIES is asked for APTPL once, at the first REGISTER. */
	a->aptpl = answer->outcome == QD_OUTCOME_GOOD ? answer->u.capabilities.ptpl_capable : true;
	a->caps_known = true;
	qd_arb_trace(t, QD_TRACE_CAPABILITIES, a->aptpl ? 1 : 0, path, 0);
	if (!a->aptpl)
		qd_arb_trace(t, QD_TRACE_NO_APTPL, 0, 0, 0);
	ready(t, path);
}

void qd_path_answer(struct qd_turn *t, const struct qd_op_slot *slot, const struct qd_answer *answer)
{
	const uint32_t path = slot->path;
	struct qd_path *p = &t->a->paths[path];

	if (p->state == QD_PATH_CLOSING)
		return;
	if (slot->kind == QD_OP_LOGIN) {
		qd_assert(p->state == QD_PATH_LOGIN);
		if (answer->outcome != QD_OUTCOME_GOOD) {
			fail(t, path, answer->outcome);
			return;
		}
		p->since = t->now;
		p->unit_attentions = 0;
		probe(t, path, QD_OP_READ_SUPERBLOCK);
		return;
	}
	if (qd_outcome_is_unit_attention(answer->outcome) && p->unit_attentions < QD_RETRIES_MAX) {
		p->unit_attentions++;
		t->a->stats.unit_attentions++;
		p->since = t->now; /* nothing that was seen before the reset that it tells of counts */
		probe(t, path, slot->kind);
		return;
	}
	if (slot->kind == QD_OP_READ_SUPERBLOCK && answer->outcome == QD_OUTCOME_GOOD)
		judge_disk(t, path, answer->u.disk);
	else if (slot->kind == QD_OP_REPORT_CAPABILITIES &&
		 (answer->outcome == QD_OUTCOME_GOOD || answer->outcome == QD_OUTCOME_UNSUPPORTED))
		learn_capabilities(t, path, answer);
	else
		fail(t, path, answer->outcome);
}

void qd_path_lost(struct qd_turn *t, uint32_t path)
{
	struct qd_arbiter *a = t->a;
	struct qd_path *p = &a->paths[path];
	const bool asked_for = p->state == QD_PATH_CLOSING;
	const uint32_t dropped = drop_ops(a, path);

	if (p->state == QD_PATH_DOWN || p->state == QD_PATH_BAD)
		return;
	p->losses++;
	p->key = (struct qd_key){0};
	if (!asked_for)
		qd_arb_trace(t, QD_TRACE_PATH_LOST, path, dropped, 0);
	if (p->disk != QD_DISK_OK) {
		p->state = QD_PATH_BAD;
		p->retry_at = qd_mono_add(t->now, t->times->takeover);
	} else {
		p->state = QD_PATH_DOWN;
		back_off(t, p);
		/* A session that worked is set up again at once; one that never did backs off. */
		if (p->login_failures == 0)
			p->retry_at = t->now;
		p->login_failures++;
	}
	if (!qd_batch_idle(a) && a->batch.path == path)
		a->batch.open = 0; /* what was not answered stays UNKNOWN */
}

void qd_path_think(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	if (a->state == QD_ARB_RETIRING)
		return; /* no new session before the new incarnation */
	for (uint32_t i = 0; i < t->config->path_count; i++) {
		struct qd_path *p = &a->paths[i];
		if ((p->state == QD_PATH_DOWN || p->state == QD_PATH_BAD) &&
		    qd_mono_reached(t->now, p->retry_at)) {
			p->disk = QD_DISK_OK;
			login(t, i);
		}
	}
	for (uint32_t i = 0; i < QD_OPS_MAX; i++) {
		const struct qd_op_slot *slot = &a->ops[i];
		if (slot->id.value == 0 || slot->role != QD_ROLE_PATH ||
		    !qd_mono_reached(t->now, slot->deadline))
			continue;
		if (a->paths[slot->path].state == QD_PATH_CLOSING)
			continue;
		qd_arb_trace(t, QD_TRACE_PATH_SLOW, slot->path, (uint64_t)qd_mono_sub(t->now, slot->sent).ns,
			     0);
		a->paths[slot->path].last_error = QD_OUTCOME_UNKNOWN;
		qd_path_teardown(t, slot->path);
	}
}

struct qd_mono qd_path_deadline(const struct qd_arbiter *a)
{
	struct qd_mono d = QD_NEVER;
	if (a->state == QD_ARB_RETIRING)
		return d;
	for (uint32_t i = 0; i < QD_PATHS_MAX; i++) {
		const struct qd_path *p = &a->paths[i];
		if (p->state == QD_PATH_DOWN || p->state == QD_PATH_BAD)
			d = qd_mono_min(d, p->retry_at);
	}
	for (uint32_t i = 0; i < QD_OPS_MAX; i++) {
		const struct qd_op_slot *slot = &a->ops[i];
		if (slot->id.value != 0 && slot->role == QD_ROLE_PATH &&
		    a->paths[slot->path].state != QD_PATH_CLOSING)
			d = qd_mono_min(d, slot->deadline);
	}
	return d;
}
