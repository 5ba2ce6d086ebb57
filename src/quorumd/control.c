/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/control.h"

#include "base/assert.h"

#include <string.h>

void qd_control_snapshot_fill(const struct qd_conf *conf, const struct qd_node *node, struct qd_mono now,
			      struct qd_control_snapshot *out)
{
	memset(out, 0, sizeof(*out));
	(void)snprintf(out->version, sizeof(out->version), "%s", QD_VERSION);
	memcpy(out->cluster, conf->cluster, sizeof(out->cluster));
	out->node_id = conf->node_id;
	out->members = conf->members;
	for (size_t i = 0; i <= QD_NODE_ID_MAX; i++)
		memcpy(out->node_names[i], conf->nodes[i].name, sizeof(out->node_names[i]));
	out->now = now;
	out->times = node->config.times;
	out->lease = node->lease;
	out->has_group = conf->has_group;
	memcpy(out->group_name, conf->group_name, sizeof(out->group_name));
	out->group = node->group;
	qd_arbiter_status_get(node, &out->arbiter);
}

static bool paths_differ(const struct qd_arbiter_status *a, const struct qd_arbiter_status *b)
{
	if (a->path_count != b->path_count || a->beating_path != b->beating_path)
		return true;
	for (uint32_t i = 0; i < a->path_count && i < QD_PATHS_MAX; i++) {
		if (a->paths[i].state != b->paths[i].state || a->paths[i].disk != b->paths[i].disk)
			return true;
	}
	return false;
}

static bool arbiters_differ(const struct qd_arbiter_status *a, const struct qd_arbiter_status *b)
{
	return a->state != b->state || a->hold != b->hold || a->incarnation != b->incarnation ||
	       a->epoch != b->epoch || a->owner_node != b->owner_node || a->owner_epoch != b->owner_epoch ||
	       a->owner_record != b->owner_record || a->sight.known != b->sight.known ||
	       a->sight.held != b->sight.held || a->aptpl != b->aptpl ||
	       a->preempt_and_abort != b->preempt_and_abort ||
	       a->capabilities_known != b->capabilities_known || a->heir != b->heir || paths_differ(a, b);
}

bool qd_control_snapshot_differs(const struct qd_control_snapshot *a, const struct qd_control_snapshot *b)
{
	return a->mine != b->mine || a->epoch != b->epoch || a->has_group != b->has_group ||
	       a->group.state != b->group.state || a->group.failed != b->group.failed ||
	       a->lease.held != b->lease.held || memcmp(&a->times, &b->times, sizeof(a->times)) != 0 ||
	       arbiters_differ(&a->arbiter, &b->arbiter);
}
