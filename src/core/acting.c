/* SPDX-License-Identifier: Apache-2.0 */
/* With views: what may run here, and what is announced. The group runs on the leader, inside its right, once nobody else
 * can run it any more (docs/MEMBERSHIP.md section 5). */
#include "core/arbiter_internal.h"

static bool owns(const struct qd_node *n)
{
	return qd_lead_owns(&n->cluster, n->now);
}

/* What ran here when it was paused goes on; nothing is begun. */
static bool may_begin(const struct qd_node *n)
{
	return !qd_change_is_paused(&n->cluster.kept.head, n->config.node_id) || !QD_RULE(PAUSED_STARTS);
}

static void announce(struct qd_turn *t)
{
	struct qd_node *n = t->node;
	const struct qd_cluster *c = &n->cluster;
	uint64_t epoch = owns(n) && (n->announced != 0 || may_begin(n)) ? c->lead.view.epoch : 0;
	/* Between two views of its own it owns on by the right of the first. */
	if (epoch == 0 && qd_cluster_makes(c) && qd_cluster_right_runs(c, n->now) && !c->leaving &&
	    !c->handing)
		epoch = n->announced;
	if (epoch == n->announced)
		return;
	n->announced = epoch;
	struct qd_action *action = qd_arb_act(t, QD_ACTION_OWNER);
	action->u.owner.mine = epoch != 0;
	action->u.owner.epoch = epoch;
}

static void tell_lease(struct qd_turn *t)
{
	struct qd_node *n = t->node;
	const struct qd_lease *right = &n->cluster.right;
	if (!right->held || right->start.ns == n->told_start.ns)
		return;
	n->told_start = right->start;
	struct qd_action *action = qd_arb_act(t, QD_ACTION_LEASE);
	action->u.group.epoch = n->cluster.right_epoch;
	action->u.group.turn = n->group.turn;
	action->u.group.begin_stop = right->begin_stop;
	action->u.group.stopped_by = right->stopped_by;
}

/* As in arbiter_leave.c: a machine that slept through its time to stop has that time again from its waking. */
static struct qd_mono stop_deadline(const struct qd_turn *t)
{
	const struct qd_lease *l = &t->node->cluster.right;
	const struct qd_span window = qd_mono_sub(l->stopped_by, l->begin_stop);
	return qd_mono_before(t->now, l->stopped_by) ? l->stopped_by : qd_mono_add(t->now, window);
}

/* What an earlier start of this service left behind may still run: until it is proved to be stopped, this node says so. */
static bool stops_leftovers(struct qd_turn *t)
{
	struct qd_node *n = t->node;
	if (!n->leftovers_asked) {
		n->leftovers_asked = true;
		n->leftovers = true;
		qd_group_stop(t, t->config->stop_limit.ns > 0 ? qd_mono_add(t->now, t->config->stop_limit)
							      : QD_NEVER);
	}
	n->leftovers = n->leftovers && !qd_group_is_stopped(&n->group);
	return n->leftovers;
}

static void must_stop(struct qd_turn *t)
{
	const struct qd_cluster *c = &t->node->cluster;
	const struct qd_group *g = &t->node->group;
	if (qd_group_is_stopped(g) || g->state == QD_GROUP_UNKNOWN)
		return;
	if (!qd_cluster_right_runs(c, t->now)) {
		qd_group_stop(t, stop_deadline(t));
		return;
	}
	/* Another one leads, or this one goes: it stops in its own time, inside its right. */
	const bool active = g->state == QD_GROUP_STARTING || g->state == QD_GROUP_ONLINE;
	const bool follows = c->state == QD_CLUSTER_MEMBER;
	if (active && (follows || c->leaving || c->handing || c->interrupted))
		qd_group_stop(t, t->config->stop_limit.ns > 0 ? qd_mono_add(t->now, t->config->stop_limit)
							      : QD_NEVER);
}

static bool may_start(const struct qd_turn *t)
{
	const struct qd_cluster *c = &t->node->cluster;
	const struct qd_group *g = &t->node->group;
	return g->state == QD_GROUP_OFFLINE && !g->failed && !t->late && may_begin(t->node) &&
	       qd_lead_is_free(c, t->now);
}

void qd_acting_think(struct qd_turn *t)
{
	tell_lease(t);
	if (t->config->has_group) {
		if (!stops_leftovers(t))
			must_stop(t);
		if (may_start(t))
			qd_group_start(t, t->node->cluster.lead.view.epoch);
	}
	announce(t);
}

struct qd_mono qd_acting_deadline(const struct qd_node *n)
{
	const struct qd_cluster *c = &n->cluster;
	const bool waits = n->config.has_group && n->group.state == QD_GROUP_OFFLINE && owns(n) &&
			   !qd_mono_is_never(c->lead.free_at) && qd_mono_before(n->now, c->lead.free_at);
	return waits ? c->lead.free_at : QD_NEVER;
}
