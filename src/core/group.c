/* SPDX-License-Identifier: Apache-2.0 */
#include "core/arbiter_internal.h"

void qd_group_start(struct qd_turn *t, uint64_t epoch)
{
	struct qd_group *g = &t->node->group;
	qd_assert(g->state == QD_GROUP_OFFLINE);
	g->state = QD_GROUP_STARTING;
	g->epoch = epoch;
	g->turn++;
	/* The runner keeps the limit itself; its report gets R/3 to arrive, as after a machine that stood still. */
	g->start_by = t->config->start_limit.ns > 0
			      ? qd_mono_add(qd_mono_add(t->now, t->config->start_limit), t->times->look)
			      : QD_NEVER;

	struct qd_action *action = qd_arb_act(t, QD_ACTION_GROUP_START);
	action->u.group.epoch = epoch;
	action->u.group.turn = g->turn;
	action->u.group.begin_stop = qd_node_right(t->node)->begin_stop;
	action->u.group.stopped_by = qd_node_right(t->node)->stopped_by;
	qd_arb_trace(t, QD_TRACE_GROUP_START, epoch, 0, 0);
}

void qd_group_stop(struct qd_turn *t, struct qd_mono stopped_by)
{
	struct qd_group *g = &t->node->group;
	if (qd_group_is_stopped(g) || g->state == QD_GROUP_UNKNOWN)
		return;
	const bool sooner = g->state != QD_GROUP_STOPPING || qd_mono_before(stopped_by, g->stopped_by);
	if (!sooner)
		return;
	const bool first = g->state != QD_GROUP_STOPPING;
	g->state = QD_GROUP_STOPPING;
	g->stopped_by = stopped_by;
	g->turn++;
	if (first)
		g->stop_turn = g->turn;

	struct qd_action *action = qd_arb_act(t, QD_ACTION_GROUP_STOP);
	action->u.group.epoch = g->epoch;
	action->u.group.turn = g->turn;
	action->u.group.begin_stop = t->now;
	action->u.group.stopped_by = stopped_by;
	const bool limited = !qd_mono_is_never(stopped_by) && qd_mono_before(t->now, stopped_by);
	qd_arb_trace(t, QD_TRACE_GROUP_STOP, limited ? (uint64_t)qd_mono_sub(stopped_by, t->now).ns : 0, 0,
		     0);
}

/* What must have stopped may still run: there is no safe way on but the machine's end. */
static void must_reset(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	t->node->group.state = QD_GROUP_UNKNOWN;
	qd_arb_trace(t, QD_TRACE_SELF_RESET, 0, 0, 0);
	(void)qd_arb_act(t, QD_ACTION_SELF_RESET);
	if (a->state == QD_ARB_RESET)
		return;
	if (a->state == QD_ARB_OWNER)
		qd_arb_release_view(t, false);
	qd_lease_end(&t->node->cluster.right);
	if (a->own.reply_due) {
		qd_arb_reply(t, QD_REPLY_FAILED);
		a->own.reply_due = false;
	}
	qd_lease_end(&t->node->lease);
	qd_arb_move(t, QD_ARB_RESET);
}

static void stopped(struct qd_group *g)
{
	g->state = g->failed ? QD_GROUP_FAILED : QD_GROUP_OFFLINE;
}

static void failed(struct qd_turn *t, enum qd_group_report report)
{
	struct qd_group *g = &t->node->group;
	g->failed = true; /* not again in this epoch: nothing flaps */
	qd_arb_trace(t, QD_TRACE_GROUP_FAILED, report, 0, 0);
	qd_group_stop(t,
		      t->config->stop_limit.ns > 0 ? qd_mono_add(t->now, t->config->stop_limit) : QD_NEVER);
}

void qd_group_reported(struct qd_turn *t, enum qd_group_report report, uint64_t turn)
{
	struct qd_group *g = &t->node->group;
	const bool active = g->state == QD_GROUP_STARTING || g->state == QD_GROUP_ONLINE;

	qd_arb_trace(t, QD_TRACE_GROUP_REPORT, report, g->state, 0);
	switch (report) {
	case QD_REPORT_STARTED:
		if (g->state == QD_GROUP_STARTING && turn == g->turn)
			g->state = QD_GROUP_ONLINE;
		break;
	case QD_REPORT_START_FAILED:
	case QD_REPORT_MONITOR_FAILED:
		if (active && turn == g->turn)
			failed(t, report);
		break;
	case QD_REPORT_STOPPED:
		/* The runner may also have stopped by itself, when its own copy of the lease ran out: turn 0. */
		if (g->state == QD_GROUP_STOPPING && (turn >= g->stop_turn || turn == 0)) {
			stopped(g);
		} else if (active && turn == 0) {
			g->failed = false;
			stopped(g);
		}
		break;
	case QD_REPORT_STOP_FAILED:
	case QD_REPORT_RUNNER_LOST:
		if (g->state == QD_GROUP_STOPPING || active)
			must_reset(t);
		break;
	case QD_REPORT_COUNT:
		QD_UNREACHABLE("group report");
	}
}

void qd_group_think(struct qd_turn *t)
{
	struct qd_group *g = &t->node->group;
	/* A step that ran late may find the runner's report right behind the timeout. */
	if (g->state == QD_GROUP_STARTING && t->a->observe && qd_mono_reached(t->now, g->start_by))
		g->start_by = qd_mono_add(t->now, t->times->look);
	if (g->state == QD_GROUP_STARTING && qd_mono_reached(t->now, g->start_by))
		failed(t, QD_REPORT_START_FAILED);
	else if (g->state == QD_GROUP_STOPPING && qd_mono_reached(t->now, g->stopped_by))
		must_reset(t);
	/* A new epoch is a new chance. */
	const bool over =
		t->config->has_cluster ? !qd_cluster_leads(&t->node->cluster) : t->a->state == QD_ARB_STANDBY;
	if (g->state == QD_GROUP_FAILED && over) {
		g->failed = false;
		g->state = QD_GROUP_OFFLINE;
	}
}

struct qd_mono qd_group_deadline(const struct qd_group *g)
{
	if (g->state == QD_GROUP_STARTING)
		return g->start_by;
	return g->state == QD_GROUP_STOPPING ? g->stopped_by : QD_NEVER;
}
