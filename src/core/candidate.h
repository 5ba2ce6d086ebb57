/* SPDX-License-Identifier: Apache-2.0 */
/* The best set of nodes that all hear one another: the same bitmaps give the same answer on every node
 * (docs/MEMBERSHIP.md section 3). Pure. */
#ifndef QD_CORE_CANDIDATE_H
#define QD_CORE_CANDIDATE_H

#include "core/votes.h"

/* Who says to hear whom. Only what both ends say counts. */
struct qd_hearing {
	uint64_t usable;	      /* nodes that may be in a set at all; others count as absent */
	uint64_t hears[QD_NODES_MAX]; /* [id - 1], itself included or not */
};

enum {
	/* Of the whole search. Graphs made hard on purpose (t_candidate) took 107 with 16 nodes, 509 with 24, 2809 with
	 * 32; a bound in steps, not in time, is the same on every machine. All of them took 2 ms where this was written. */
	QD_CANDIDATE_STEPS = 20000,
};

/* The best set of usable nodes that contains `self`, in this order: most votes by `v` (of nodes: the disk or witness is
 * not counted); contains `leader` (0: nobody); contains `holder`, who holds the disk or witness (0: nobody); most
 * members; and of two sets the one that has the lowest id in which they differ. {self} when nobody else fits; 0 when self
 * is not usable. The order is total, so all members of the best set of all have it as their answer.
 * Exact for any graph that takes no more than QD_CANDIDATE_STEPS, which is every graph of up to 26 nodes, and
 * one of 64 where no more than 25 hang together by missing links; beyond, the best found so far, into which nobody else
 * fits, in an order that depends on the bitmaps alone. Nodes that all hear one another take no step. */
uint64_t qd_candidate(const struct qd_hearing *h, uint32_t self, const struct qd_votes *v, uint32_t leader,
		      uint32_t holder);

/* The same with the order's parts as one argument, and with the steps it took; for measuring. */
struct qd_candidate_order {
	const struct qd_votes *votes;
	uint32_t leader;
	uint32_t holder;
};
uint64_t qd_candidate_counted(const struct qd_hearing *h, uint32_t self,
			      const struct qd_candidate_order *order, uint32_t *steps_count);

#endif
