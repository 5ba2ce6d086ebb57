/* SPDX-License-Identifier: Apache-2.0 */
#include "core/node.h"
#include "core/arbiter_internal.h"

static struct qd_turn turn_of(struct qd_node *n, struct qd_actions *out)
{
	return (struct qd_turn){
		.node = n,
		.a = &n->arbiter,
		.config = &n->config,
		.times = &n->config.times,
		.now = n->now,
		.out = out,
	};
}

void qd_node_init(struct qd_node *n, const struct qd_node_config *config, struct qd_mono now)
{
	qd_assert(config->path_count >= 1 && config->path_count <= QD_PATHS_MAX);
	qd_assert(config->node_id >= QD_NODE_ID_MIN && config->node_id <= QD_NODE_ID_MAX);
	qd_assert((config->members >> (config->node_id - 1) & 1u) != 0);
	qd_assert(config->cluster_tag != 0 && config->incarnation != 0);
	qd_assert(qd_times_check(&config->times).verdict == QD_TIMES_OK);

	memset(n, 0, sizeof(*n));
	n->config = *config;
	n->now = now;
	qd_arb_init(n, now);
}

static void take_times(struct qd_turn *t, const struct qd_times *times)
{
	qd_assert(qd_times_check(times).verdict == QD_TIMES_OK);
	/* The running lease keeps the deadlines that it was given: the next good round uses the new ones. */
	t->a->next_times = *times;
	t->a->times_pending = true;
}

static void take_event(struct qd_turn *t, const struct qd_event *ev)
{
	switch (ev->kind) {
	case QD_EVENT_TIMEOUT:
		break;
	case QD_EVENT_DONE:
		qd_arb_done(t, &ev->u.answer);
		break;
	case QD_EVENT_SESSION_LOST:
		qd_arb_session_lost(t, ev->u.path);
		break;
	case QD_EVENT_GROUP:
		qd_group_reported(t, ev->u.group.report, ev->u.group.turn);
		break;
	case QD_EVENT_STORED:
		qd_leave_stored(t, ev->u.stored.incarnation, ev->u.stored.ok);
		break;
	case QD_EVENT_HANDOVER:
		qd_handover_request(t, ev->u.handover.to);
		break;
	case QD_EVENT_SHUTDOWN:
		qd_arb_shutdown(t);
		break;
	case QD_EVENT_TIMES:
		take_times(t, &ev->u.times);
		break;
	case QD_EVENT_KIND_COUNT:
		QD_UNREACHABLE("event kind");
	}
}

void qd_node_step(struct qd_node *n, const struct qd_event *ev, struct qd_actions *out)
{
	qd_assert(ev->now.ns >= n->now.ns);
	out->count = 0;
	out->trace_count = 0;
	struct qd_turn t = turn_of(n, out);
	t.now = ev->now;

	qd_arb_before(&t); /* looks at what was due, so before n->now moves */
	n->now = ev->now;
	take_event(&t, ev);
	qd_arb_timeout(&t);
	qd_group_think(&t);
	qd_arb_after(&t);
	qd_node_check(n);
}

struct qd_mono qd_node_deadline(const struct qd_node *n)
{
	return qd_mono_min(qd_arb_deadline(n), qd_group_deadline(&n->group));
}
