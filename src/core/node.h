/* SPDX-License-Identifier: Apache-2.0 */
/* One node: the composition of arbiter, lease and group behind two calls. The same objects run in the daemon, the
 * simulator and the replayer. No clock, no descriptor, no allocation, no pointer inside. Pure. */
#ifndef QD_CORE_NODE_H
#define QD_CORE_NODE_H

#include "core/action.h"
#include "core/arbiter.h"
#include "core/cluster.h"
#include "core/event.h"
#include "core/group.h"
#include "core/lease.h"
#include "core/link.h"

struct qd_node_config {
	uint32_t node_id;     /* 1..64 */
	uint64_t members;     /* bit id-1 for every configured node, this one included */
	uint16_t cluster_tag; /* as in the superblock */
	uint32_t path_count;  /* 1..QD_PATHS_MAX; with views also 0: no quorum disk */
	uint64_t incarnation; /* durable on this node's own disk before the first step, never used before */
	uint8_t machine_id[QD_QDISK_ID_BYTES];
	uint8_t boot_id[QD_QDISK_ID_BYTES];
	struct qd_times times;	    /* qd_times_check() says OK */
	struct qd_span start_limit; /* of the group's start, 0: none */
	struct qd_span stop_limit;  /* of a planned stop; after it the machine is reset */
	uint64_t seed;		    /* for jitter only */
	bool has_group;		    /* false: arbitrate only */
	/* With networks between the nodes: views decide (docs/MEMBERSHIP.md). Without: the quorum disk alone does. */
	bool has_cluster;
	struct qd_links_config links;
	struct qd_cluster_config cluster;
};

/* What the views ask of the arbiter; open and without wishes where there are no views. */
struct qd_gate {
	bool take;		   /* the quorum disk is wanted here */
	bool give_up;		   /* it is not wanted any more: release it as soon as nothing counts on it */
	uint64_t least;		   /* counter of a new owner's epoch, at least; 0: whatever the disk says */
	uint32_t heir;		   /* for whom; 0: nobody */
	struct qd_tag slots;	   /* what both configuration slots should hold; (0, 0): whatever they do */
	struct qd_mono round_from; /* a round is due at once that began then or later; 0: none */
};

struct qd_node {
	struct qd_node_config config;
	struct qd_mono now;
	struct qd_lease
		lease; /* of the quorum disk, by the last good round; without views the right to act */
	struct qd_group group;
	struct qd_gate gate;
	struct qd_arbiter arbiter;
	struct qd_links links;
	struct qd_cluster cluster;
	bool leftovers;		   /* with views: that stop is not proved yet; it goes by no right */
	bool leftovers_asked;	   /* with views: the group of an earlier start was told to stop */
	uint64_t announced;	   /* with views: epoch of the ownership that clients were told of; 0: none */
	struct qd_mono told_start; /* of the right that the runner was told of last */
	struct qd_mono due;	   /* when something is due, the links apart */
	/* With views: until then a step that is told nothing leaves the thinking out, which would find nothing to do;
	 * ZERO: it thinks. Behaviour is the same without it (sim --every-step). */
	struct qd_mono rests_until;
};

/* The right to act: of the last good round on the disk, or of the last proof of quorum. */
static inline const struct qd_lease *qd_node_right(const struct qd_node *n)
{
	return n->config.has_cluster ? &n->cluster.right : &n->lease;
}

/* Prepare *n; nothing is asked for before the first step. */
void qd_node_init(struct qd_node *n, const struct qd_node_config *config, struct qd_mono now);

/* Consume one event at ev->now and set *out to what must be done, in order. now never runs backwards. Never blocks,
 * never fails, allocates nothing; at most QD_ACTIONS_MAX actions. The first event after qd_node_init() is a
 * QD_EVENT_TIMEOUT. */
void qd_node_step(struct qd_node *n, const struct qd_event *ev, struct qd_actions *out);

/* Instant by which a QD_EVENT_TIMEOUT must be delivered, QD_NEVER if none. Late delivery is legal and tested. */
struct qd_mono qd_node_deadline(const struct qd_node *n);

/* The invariants of one node, asserted after every step (src/core/invariant.c). */
void qd_node_check(const struct qd_node *n);

#endif
