/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/pair.h"

#include "drv/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char CLUSTER[] = "pair";

void pair_node_open(struct qd_loop *loop, struct pair_node *n, uint32_t id, uint32_t count,
		    const struct qd_iscsi_target *targets, uint32_t path_count)
{
	static uint64_t incarnation;
	struct qd_iscsi_target own[QD_PATHS_MAX];
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
	*n = (struct pair_node){.verbose = getenv("PAIR_VERBOSE") != NULL};
	for (uint32_t p = 0; p < path_count; p++) {
		own[p] = targets[p];
		(void)snprintf(own[p].initiator, sizeof own[p].initiator, "iqn.2026-11.test.quorumd:n%u.p%u",
			       id, p);
		own[p].isid = id * 256 + p;
	}
	struct qd_paths_config paths = {
		.loop = loop,
		.count = path_count,
		.targets = own,
		.record_count = count,
		.cluster_tag = qd_cluster_tag(CLUSTER),
	};
	memcpy(paths.cluster, CLUSTER, sizeof CLUSTER);
	if (qd_paths_open(&paths, &n->paths) != 0)
		abort();
	struct qd_node_config config = {
		.node_id = id,
		.members = (UINT64_C(1) << count) - 1,
		.cluster_tag = qd_cluster_tag(CLUSTER),
		.path_count = path_count,
		.incarnation = ++incarnation + 1000,
		.times = qd_times_from_renew(qd_span_ms(PAIR_RENEW_MS), QD_SPAN_ZERO),
		.stop_limit = qd_span_ms(1000),
		.seed = id,
		.has_group = true,
	};
	config.machine_id[0] = (uint8_t)id;
	config.boot_id[0] = (uint8_t)incarnation;
	qd_node_init(&n->core, &config, qd_clock_now());
	qd_stamper_init(&n->stamper, qd_span_ms(10), id);
}

void pair_open(struct qd_loop *loop, struct pair_node *nodes, uint32_t count,
	       const struct qd_iscsi_target *targets, uint32_t path_count)
{
	for (uint32_t i = 0; i < count; i++)
		pair_node_open(loop, &nodes[i], i + 1, count, targets, path_count);
}

void pair_close(struct pair_node *nodes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		qd_paths_close(nodes[i].paths);
		nodes[i].paths = NULL;
	}
}

void pair_post(struct pair_node *n, const struct qd_event *ev)
{
	if (n->queued >= PAIR_QUEUE)
		abort();
	n->queue[n->queued++] = *ev;
}

static void report(struct pair_node *n, enum qd_group_report what, uint64_t turn)
{
	struct qd_event ev = {.kind = QD_EVENT_GROUP};
	ev.u.group.report = what;
	ev.u.group.turn = turn;
	pair_post(n, &ev);
}

static void perform(struct pair_node *n, const struct qd_action *a, struct qd_mono now)
{
	struct qd_event ev = {.kind = QD_EVENT_STORED};
	switch (a->kind) {
	case QD_ACTION_OP:
		qd_paths_submit(n->paths, &a->u.op);
		break;
	case QD_ACTION_TEARDOWN:
		qd_paths_teardown(n->paths, a->u.path);
		break;
	case QD_ACTION_STORE:
		ev.u.stored.incarnation = a->u.incarnation;
		ev.u.stored.ok = true;
		pair_post(n, &ev);
		break;
	case QD_ACTION_GROUP_START:
		n->runs = true;
		n->begin_stop = a->u.group.begin_stop;
		report(n, QD_REPORT_STARTED, a->u.group.turn);
		break;
	case QD_ACTION_LEASE:
		n->begin_stop = a->u.group.begin_stop;
		break;
	case QD_ACTION_GROUP_STOP:
		n->runs = false;
		report(n, QD_REPORT_STOPPED, a->u.group.turn);
		break;
	case QD_ACTION_OWNER:
		n->mine = a->u.owner.mine;
		n->epoch = a->u.owner.epoch;
		if (n->mine)
			qd_stamper_begin(&n->stamper, n->epoch, now);
		else
			qd_stamper_end(&n->stamper);
		break;
	case QD_ACTION_OFF:
		n->off = true;
		break;
	case QD_ACTION_SELF_RESET:
		printf("  node %u: SELF_RESET\n", n->core.config.node_id);
		break;
	case QD_ACTION_NONE:
	case QD_ACTION_REPLY:
	case QD_ACTION_SEND: /* no networks here */
	case QD_ACTION_KEEP:
	case QD_ACTION_WITNESS:
	case QD_ACTION_KIND_COUNT:
		break;
	}
}

static void step(struct pair_node *n, struct qd_event *ev, struct qd_mono now)
{
	static struct qd_actions out;
	ev->now = now;
	const struct qd_mono begun = qd_clock_now();
	qd_node_step(&n->core, ev, &out);
	const uint64_t ns = (uint64_t)qd_mono_sub(qd_clock_now(), begun).ns;
	n->steps++;
	n->step_ns_sum += ns;
	n->step_ns_max = ns > n->step_ns_max ? ns : n->step_ns_max;
	for (uint32_t i = 0; i < out.trace_count && n->verbose; i++) {
		char text[QD_TRACE_TEXT_MAX];
		(void)qd_trace_format(&out.traces[i], text, sizeof text);
		printf("  %llu.%03llu node %u: %s\n", (unsigned long long)(now.ns / 1000000000u),
		       (unsigned long long)(now.ns / 1000000u % 1000u), n->core.config.node_id, text);
	}
	for (uint32_t i = 0; i < out.count; i++)
		perform(n, &out.list[i], now);
}

static void stamp(struct pair_node *n, struct qd_mono now)
{
	struct qd_arbiter_status status;
	struct qd_superblock superblock;
	struct qd_disk_capacity capacity;
	qd_arbiter_status_get(&n->core, &status);
	if (!qd_paths_disk(n->paths, status.beating_path, &superblock, &capacity))
		return;
	qd_stamper_run(&n->stamper, qd_paths_session(n->paths, status.beating_path), superblock.data_lba,
		       &capacity, now);
	qd_paths_flush(n->paths);
}

static void serve(struct pair_node *n)
{
	const struct qd_mono now = qd_clock_now();
	stamp(n, now);
	if (n->runs && qd_mono_reached(now, n->begin_stop)) { /* as the runner does, which was not paused */
		n->runs = false;
		report(n, QD_REPORT_STOPPED, 0);
	}
	for (int guard = 0; guard < 100; guard++) {
		struct qd_event ev = {0};
		if (n->queued > 0) {
			ev = n->queue[0];
			n->queued--;
			memmove(n->queue, n->queue + 1, n->queued * sizeof n->queue[0]);
		} else if (!qd_paths_next(n->paths, &ev)) {
			if (!qd_mono_reached(now, qd_node_deadline(&n->core)))
				break;
			ev.kind = QD_EVENT_TIMEOUT;
		}
		step(n, &ev, now);
	}
	qd_paths_flush(n->paths);
}

void pair_turn(struct qd_loop *loop, struct pair_node *nodes, uint32_t count, struct qd_mono deadline)
{
	for (uint32_t i = 0; i < count; i++) {
		if (nodes[i].paths == NULL || nodes[i].frozen)
			continue;
		if (!nodes[i].off)
			serve(&nodes[i]);
		deadline = qd_mono_min(deadline, qd_node_deadline(&nodes[i].core));
		deadline = qd_mono_min(deadline, qd_stamper_deadline(&nodes[i].stamper));
	}
	if (qd_loop_arm(loop, deadline) != 0 || qd_loop_turn(loop) != 0)
		abort();
}
