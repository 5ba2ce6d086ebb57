/* SPDX-License-Identifier: Apache-2.0 */
/* Core and drivers together, without the daemon: nodes with their own paths, all in one loop of one process. Groups
 * start and stop at once; incarnations are durable at once. */
#ifndef QD_TESTS_DRV_PAIR_H
#define QD_TESTS_DRV_PAIR_H

#include "core/node.h"
#include "drv/loop.h"
#include "drv/paths.h"
#include "drv/stamper.h"

enum {
	PAIR_QUEUE = 8,
	PAIR_RENEW_MS = 600, /* a machine that runs other tests stands still for longer than 300 ms allow */
};

struct pair_node {
	struct qd_node core;
	struct qd_paths *paths;
	struct qd_stamper stamper;
	struct qd_event queue[PAIR_QUEUE]; /* reports to the core */
	uint32_t queued;
	bool frozen; /* SIGSTOP in small: its sessions live, it sees and does nothing */
	bool runs;   /* the group */
	struct qd_mono begin_stop;
	bool mine;
	bool off;
	bool verbose;
	uint64_t epoch;
	uint64_t steps;
	uint64_t step_ns_max;
	uint64_t step_ns_sum;
};

/* count nodes with ids 1..count, paths[path_count] each (their initiator is replaced). */
void pair_open(struct qd_loop *loop, struct pair_node *nodes, uint32_t count,
	       const struct qd_iscsi_target *targets, uint32_t path_count);
void pair_close(struct pair_node *nodes, uint32_t count);
/* A fresh incarnation of node `id` in *n. */
void pair_node_open(struct qd_loop *loop, struct pair_node *n, uint32_t id, uint32_t count,
		    const struct qd_iscsi_target *targets, uint32_t path_count);
void pair_post(struct pair_node *n, const struct qd_event *ev);

/* One turn of the loop for all, at most until `deadline`. */
void pair_turn(struct qd_loop *loop, struct pair_node *nodes, uint32_t count, struct qd_mono deadline);

#endif
