/* SPDX-License-Identifier: Apache-2.0 */
#include "core/arbiter_internal.h"

struct qd_action *qd_arb_act(struct qd_turn *t, enum qd_action_kind kind)
{
	qd_assert(t->out->count < QD_ACTIONS_MAX);
	struct qd_action *action = &t->out->list[t->out->count++];
	action->kind = kind;
	return action;
}

void qd_arb_trace(struct qd_turn *t, enum qd_trace_code code, uint64_t a, uint64_t b, uint64_t c)
{
	/* A trace too many is dropped rather than a reason to fail: it decides nothing. */
	if (t->out->trace_count < QD_TRACES_MAX)
		t->out->traces[t->out->trace_count++] =
			(struct qd_trace){.code = code, .a = a, .b = b, .c = c};
}

/* Which states may follow which (the diagram in arbiter.h). */
static const uint32_t allowed[QD_ARB_STATE_COUNT] = {
	[QD_ARB_STANDBY] =
		1u << QD_ARB_TAKING | 1u << QD_ARB_RETIRING | 1u << QD_ARB_REFUSED | 1u << QD_ARB_OFF |
		1u << QD_ARB_RESET, /* RESET from here and TAKING: with views a group may run without the disk */
	[QD_ARB_TAKING] = 1u << QD_ARB_STANDBY | 1u << QD_ARB_OWNER | 1u << QD_ARB_RETIRING |
			  1u << QD_ARB_REFUSED | 1u << QD_ARB_RESET,
	[QD_ARB_OWNER] =
		1u << QD_ARB_STOPPING | 1u << QD_ARB_RELEASING | 1u << QD_ARB_RETIRING | 1u << QD_ARB_RESET,
	[QD_ARB_STOPPING] = 1u << QD_ARB_RELEASING | 1u << QD_ARB_RETIRING | 1u << QD_ARB_RESET,
	[QD_ARB_RELEASING] = 1u << QD_ARB_RETIRING | 1u << QD_ARB_RESET,
	[QD_ARB_RETIRING] =
		1u << QD_ARB_STANDBY | 1u << QD_ARB_OFF | 1u << QD_ARB_REFUSED | 1u << QD_ARB_RESET,
	[QD_ARB_REFUSED] = 1u << QD_ARB_OFF | 1u << QD_ARB_RESET,
	[QD_ARB_RESET] = 0,
	[QD_ARB_OFF] = 0,
};

void qd_arb_move(struct qd_turn *t, enum qd_arbiter_state to)
{
	struct qd_arbiter *a = t->a;
	qd_assert((allowed[a->state] >> to & 1u) != 0);
	qd_arb_trace(t, QD_TRACE_STATE, a->state, to, a->incarnation);
	a->state = to;
}

bool qd_arb_beats_left(const struct qd_arbiter *a)
{
	/* The owner keeps enough for its rounds while its group stops; who has not begun yet wants to own for a while. */
	const uint32_t spare = a->state == QD_ARB_OWNER ? QD_BEATS_TO_STOP : 2 * QD_BEATS_TO_STOP;
	return a->beat < QD_BEAT_MAX - spare;
}

struct qd_key qd_arb_fresh_key(struct qd_turn *t)
{
	qd_assert(t->a->beat < QD_BEAT_MAX);
	t->a->beat++;
	return qd_key_make(t->config->cluster_tag, t->config->node_id, t->a->incarnation, t->a->beat);
}

bool qd_arb_key_is_mine(const struct qd_turn *t, struct qd_key key)
{
	return qd_key_tag(key) == t->config->cluster_tag && qd_key_node(key) == t->config->node_id &&
	       qd_key_incarnation(key) == (t->a->incarnation & QD_INCARNATION_KEY_MASK) &&
	       qd_key_beat(key) != 0 && qd_key_beat(key) <= t->a->beat;
}

bool qd_arb_is_member(const struct qd_turn *t, uint32_t node_id)
{
	return node_id >= QD_NODE_ID_MIN && node_id <= QD_NODE_ID_MAX &&
	       (t->config->members >> (node_id - 1) & 1u) != 0;
}

static struct qd_span longer(struct qd_span own, uint64_t recorded_ns)
{
	if (QD_RULE(RECORD_TIMES) && recorded_ns > (uint64_t)own.ns)
		own.ns = (int64_t)recorded_ns; /* the codec refuses more than an hour */
	return own;
}

struct qd_span qd_arb_challenge(const struct qd_node *n)
{
	return longer(n->config.times.challenge, n->arbiter.newest.challenge_ns);
}

struct qd_span qd_arb_wait(const struct qd_node *n)
{
	return longer(n->config.times.wait, n->arbiter.newest.wait_ns);
}

bool qd_arb_times_think(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	if (!a->times_pending || (a->state != QD_ARB_OWNER && a->state != QD_ARB_STANDBY))
		return false;
	const struct qd_times *before = &t->node->config.times;
	const bool longer_ones =
		t->config->has_cluster && (a->next_times.wait.ns > before->wait.ns ||
					   a->next_times.challenge.ns > before->challenge.ns);
	if (longer_ones && qd_change_is_open(&t->node->cluster) && QD_RULE(TIMES_EVERYWHERE))
		return false;
	/* An owner whose lease would grow first makes it known; rounds that begin later may use it. */
	const bool known = a->mine.challenge_ns >= (uint64_t)a->next_times.challenge.ns &&
			   a->mine.wait_ns >= (uint64_t)a->next_times.wait.ns;
	if (a->state == QD_ARB_OWNER && !known && QD_RULE(RECORD_TIMES)) {
		qd_batch_begin(t, QD_STEP_TELL_TIMES, a->own.path, qd_arb_patience(t, a->own.path));
		qd_batch_write_times(t, &a->next_times);
		return true;
	}
	if (longer_ones) {
		qd_extra_times_grew(&t->node->cluster);
		qd_lead_times_grew(&t->node->cluster);
	}
	t->node->config.times = a->next_times;
	a->times_pending = false;
	qd_arb_trace(t, QD_TRACE_TIMES, (uint64_t)t->times->renew.ns, 0, 0);
	return false;
}

void qd_arb_release_view(struct qd_turn *t, bool mine)
{
	if (t->config->has_cluster)
		return; /* there the right to act is announced, not the disk */
	struct qd_action *action = qd_arb_act(t, QD_ACTION_OWNER);
	action->u.owner.mine = mine;
	action->u.owner.epoch = mine ? t->a->own.epoch : 0;
}

bool qd_arb_disk_is_free(const struct qd_turn *t)
{
	if (!t->config->has_cluster)
		return !t->config->has_group || qd_group_is_stopped(&t->node->group) ||
		       !QD_RULE(RELEASE_AFTER_STOP);
	const bool runs = !qd_group_is_stopped(&t->node->group);
	return qd_extra_disk_is_free(&t->node->cluster, t->now, t->times, runs);
}

void qd_arb_reply(struct qd_turn *t, enum qd_reply reply)
{
	qd_arb_trace(t, QD_TRACE_REPLY, reply, 0, 0);
	qd_arb_act(t, QD_ACTION_REPLY)->u.reply = reply;
}

void qd_arb_init(struct qd_node *n, struct qd_mono now)
{
	const struct qd_node_config *c = &n->config;
	struct qd_arbiter *a = &n->arbiter;

	memset(a, 0, sizeof(*a));
	a->state = QD_ARB_STANDBY;
	a->hold = QD_HOLD_NO_PATH;
	a->incarnation = c->incarnation;
	a->rand.state = c->seed;
	for (uint32_t id = QD_NODE_ID_MIN; id <= QD_NODE_ID_MAX; id++)
		if ((c->members >> (id - 1) & 1u) != 0)
			a->member_top = id;
	/* With views nodes are added while this one runs: the driver reads the records of so many. */
	if (c->has_cluster && a->member_top < QD_RECORDS_LEAST)
		a->member_top = QD_RECORDS_LEAST;
	a->next_look = now;
	a->taking.struck_at = QD_NEVER;
	for (uint32_t i = 0; i < QD_PATHS_MAX; i++)
		a->paths[i].retry_at = i < c->path_count ? now : QD_NEVER;
}

/* Rule 15 of the style guide, after Redis Sentinel's TILT: after a late step the world is looked at once more. */
static void notice_late(struct qd_turn *t)
{
	/* What was due before the last step already could only become possible with it. */
	const struct qd_mono due = qd_mono_max(qd_node_deadline(t->node), t->node->now);
	if (qd_mono_is_never(due) || !qd_mono_before(due, t->now))
		return;
	const struct qd_span late = qd_mono_sub(t->now, due);
	if (late.ns <= t->times->slack.ns)
		return;
	t->a->observe = true;
	t->late = true;
	t->a->stats.late_steps++;
	qd_arb_trace(t, QD_TRACE_LATE_STEP, (uint64_t)late.ns, 0, 0);
}

/* Whatever the event is: a lease that is over is over before anything else is looked at. */
static void mind_the_lease(struct qd_turn *t)
{
	if (t->a->state != QD_ARB_OWNER || !QD_RULE(LEASE_STOP))
		return;
	const struct qd_lease *l = &t->node->lease;
	if (qd_lease_runs(l, t->now))
		return;
	qd_arb_trace(t, QD_TRACE_LEASE_OVER, (uint64_t)qd_mono_sub(t->now, l->start).ns, 0, 0);
	qd_leave_stop(t);
}

static void think(struct qd_turn *t)
{
	switch (t->a->state) {
	case QD_ARB_STANDBY:
		qd_watch_think(t);
		break;
	case QD_ARB_TAKING:
		qd_take_think(t);
		break;
	case QD_ARB_OWNER:
		qd_own_think(t);
		break;
	case QD_ARB_STOPPING:
	case QD_ARB_RELEASING:
	case QD_ARB_RETIRING:
		qd_leave_think(t);
		break;
	case QD_ARB_REFUSED:
		if (t->a->shutdown) {
			qd_arb_move(t, QD_ARB_OFF);
			(void)qd_arb_act(t, QD_ACTION_OFF);
		}
		break;
	case QD_ARB_RESET: /* only the reset ends it: what must have stopped may still run */
	case QD_ARB_OFF:
	case QD_ARB_STATE_COUNT:
		break;
	}
}

void qd_arb_before(struct qd_turn *t)
{
	notice_late(t);
	mind_the_lease(t);
}

void qd_arb_after(struct qd_turn *t)
{
	/* A state may change while thinking; the new one must have its say in this step. Bounded: every state that
	 * stays the same ends the loop, and no cycle of the diagram is possible without an answer from outside. */
	for (int i = 0; i < QD_ARB_STATE_COUNT; i++) {
		const enum qd_arbiter_state before = t->a->state;
		think(t);
		if (t->a->state == before)
			break;
	}
	if (t->a->state != QD_ARB_OFF && t->a->state != QD_ARB_RESET && t->a->state != QD_ARB_REFUSED)
		qd_path_think(t);
}

void qd_arb_shutdown(struct qd_turn *t)
{
	if (!t->a->shutdown)
		qd_arb_trace(t, QD_TRACE_SHUTDOWN, 0, 0, 0);
	t->a->shutdown = true;
	t->a->heir_mode = false;
}

struct qd_mono qd_arb_deadline(const struct qd_node *n)
{
	const struct qd_arbiter *a = &n->arbiter;
	struct qd_mono d = qd_path_deadline(a);

	if (!qd_batch_idle(a))
		d = qd_mono_min(d, a->batch.deadline);
	switch (a->state) {
	case QD_ARB_STANDBY:
		return qd_mono_min(d, qd_watch_deadline(n));
	case QD_ARB_TAKING:
		return qd_mono_min(d, qd_take_deadline(n));
	case QD_ARB_OWNER:
		return qd_mono_min(d, qd_own_deadline(n));
	case QD_ARB_STOPPING:
	case QD_ARB_RELEASING:
	case QD_ARB_RETIRING:
		return qd_mono_min(d, qd_leave_deadline(a));
	case QD_ARB_REFUSED:
	case QD_ARB_RESET:
	case QD_ARB_OFF:
		return QD_NEVER;
	case QD_ARB_STATE_COUNT:
		break;
	}
	QD_UNREACHABLE("arbiter state");
}

void qd_arbiter_status_get(const struct qd_node *n, struct qd_arbiter_status *out)
{
	const struct qd_arbiter *a = &n->arbiter;
	const bool owner = a->state == QD_ARB_OWNER;
	*out = (struct qd_arbiter_status){
		.state = a->state,
		.hold = a->hold,
		.incarnation = a->incarnation,
		.epoch = owner ? a->own.epoch : 0,
		.owner_node = a->sight.known && a->sight.held && !qd_watch_holder_released(a)
				      ? qd_key_node(a->sight.holder)
				      : 0,
		.owner_epoch = a->newest.epoch,
		.owner_record = a->newest.state,
		.sight = a->sight,
		.aptpl = a->aptpl,
		.preempt_and_abort = !a->no_abort,
		.capabilities_known = a->caps_known,
		.heir = a->newest.state == QD_RECORD_TAKEN ? a->newest.heir : 0,
		.path_count = n->config.path_count,
		.beating_path = owner ? a->own.path : a->look_path,
		.stats = a->stats,
	};
	memcpy(out->paths, a->paths, sizeof(out->paths));
	memcpy(out->other_machine_id, a->other_machine_id, sizeof(out->other_machine_id));
	memcpy(out->other_boot_id, a->other_boot_id, sizeof(out->other_boot_id));
	if (owner && a->own.path < n->config.path_count)
		out->key = a->paths[a->own.path].key;
}
