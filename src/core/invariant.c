/* SPDX-License-Identifier: Apache-2.0 */
/* What must be true of one node after every step, whatever happened. Between nodes only the simulator can see. */
#include "core/cluster_internal.h"
#include "core/node.h"
#include "core/rules.h"

static void check_paths(const struct qd_node *n)
{
	for (uint32_t p = 0; p < n->config.path_count; p++) {
		const struct qd_path *path = &n->arbiter.paths[p];
		qd_assert(path->state < QD_PATH_STATE_COUNT);
		/* Only a session that is up knows a key. */
		QD_ERGO(!qd_key_is_none(path->key), path->state == QD_PATH_READY);
	}
}

static void check_group(const struct qd_node *n)
{
	const struct qd_group *g = &n->group;
	const enum qd_arbiter_state s = n->arbiter.state;
	const bool may_run = s == QD_ARB_OWNER || s == QD_ARB_STOPPING || s == QD_ARB_RESET;
	if (!QD_RULE(RELEASE_AFTER_STOP) || n->config.has_cluster)
		return;
	/* I4 seen from inside: outside of ownership and its end nothing runs. */
	QD_ERGO(!may_run, qd_group_is_stopped(g));
	QD_ERGO(s == QD_ARB_STOPPING, g->state != QD_GROUP_STARTING && g->state != QD_GROUP_ONLINE);
	QD_ERGO(g->state == QD_GROUP_UNKNOWN, s == QD_ARB_RESET || s == QD_ARB_OFF);
}

void qd_node_check(const struct qd_node *n)
{
	const struct qd_arbiter *a = &n->arbiter;
	qd_assert(a->state < QD_ARB_STATE_COUNT);
	QD_ERGO(a->state == QD_ARB_OWNER, n->lease.held);
	QD_ERGO(n->lease.held, a->state == QD_ARB_OWNER);
	QD_ERGO(a->state == QD_ARB_OWNER,
		a->own.epoch != 0 && qd_epoch_node(a->own.epoch) == n->config.node_id);
	QD_ERGO(a->state == QD_ARB_OWNER && QD_RULE(LEASE_STOP),
		qd_mono_before(n->now, n->lease.begin_stop) || qd_mono_reached(n->lease.start, n->now));
	QD_ERGO(a->batch.step == QD_STEP_IDLE, a->batch.open == 0);
	check_paths(n);
	check_group(n);
	if (n->config.has_cluster)
		qd_cluster_check(&n->cluster, n->now);
}
