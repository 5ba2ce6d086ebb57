/* SPDX-License-Identifier: Apache-2.0 */
/* Whose votes make a quorum: the four models, weights, dynamic votes. Arithmetic only; who is there, and who holds the
 * disk or the witness, is asked for by others. docs/QUORUM.md. Pure. */
#ifndef QD_CORE_VOTES_H
#define QD_CORE_VOTES_H

#include "base/nodeset.h"

enum qd_model {
	QD_MODEL_NODE_MAJORITY = 0,
	QD_MODEL_NODE_AND_DISK, /* nodes + 1 for the quorum disk */
	QD_MODEL_NODE_AND_WITNESS, /* nodes + 1 for the file-share witness: a daemon on a third host, or a mounted share */
	QD_MODEL_DISK_ONLY, /* the quorum disk's 1 alone */
	QD_MODEL_COUNT,
};

/* What may vote beside the nodes; a mask, because a change from one to the other needs both. */
enum {
	QD_EXTRA_DISK = 1u << 0,
	QD_EXTRA_WITNESS = 1u << 1,
};

enum {
	QD_WEIGHT_MAX = 15, /* of a node: 64 of them stay far from any overflow, and nobody means more */
};

/* One rule of counting. */
struct qd_votes {
	enum qd_model model;
	uint64_t nodes; /* configured */
	uint8_t weight
		[QD_NODES_MAX]; /* [id - 1]: the administrator's choice, 0..QD_WEIGHT_MAX; 0 is never raised */
	bool dynamic;		/* votes follow the members */
	uint64_t out;		/* nodes that have no vote at present: they were down, or left in order */
	bool extra_out;		/* the disk or witness has none at present */
	uint32_t
		low; /* lower_quorum_priority_node: loses its vote where halves would tie; 0: the highest id */
	uint64_t paused; /* nodes that vote and start nothing new; of no account where votes are counted */
};

/* Present votes of a node: its weight, or 0. */
uint32_t qd_votes_of(const struct qd_votes *v, uint32_t id);

/* QD_EXTRA_DISK, QD_EXTRA_WITNESS or 0: what the model counts beside the nodes, whether it has its vote or not. */
uint32_t qd_votes_extra(const struct qd_votes *v);

/* Its present votes: 1 or 0. */
uint32_t qd_votes_of_extra(const struct qd_votes *v);

/* V: all present votes. */
uint32_t qd_votes_total(const struct qd_votes *v);

/* floor(V/2) + 1. */
uint32_t qd_votes_need(const struct qd_votes *v);

/* Votes of the nodes in `set` and of those of `extras` (mask) that the model counts. */
uint32_t qd_votes_sum(const struct qd_votes *v, uint64_t set, uint32_t extras);

/* qd_votes_sum() reaches qd_votes_need(). Never so while V is 0. */
bool qd_votes_quorate(const struct qd_votes *v, uint64_t set, uint32_t extras);

/* What `v` should become when `members` have been a stable view and `extras` (mask) could be used: who is down has no
 * vote, who is there has its weight; an even sum gives the disk or witness its vote, an odd one takes it away; without
 * one an even sum takes the vote of `low`, or else of the highest id, unless only one voter is left. Where weights
 * differ that vote is taken from a node of weight 1 only, and where all are alike from none of an odd number: taking
 * more than one could leave members that were quorate without quorum. `v` itself where dynamic votes are off, for the
 * disk alone, and when no member has a weight. Idempotent; depends on `out` and `extra_out` in none of its votes. For an
 * orderly leave: `members` without who leaves. */
struct qd_votes qd_votes_dynamic(const struct qd_votes *v, uint64_t members, uint32_t extras);

/* The same rule: model, nodes, weights and present votes. `dynamic`, `low` and `paused`, by which nobody counts, may differ. */
bool qd_votes_equal(const struct qd_votes *a, const struct qd_votes *b);

/* Why a rule cannot be used, or QD_VOTES_OK. */
enum qd_votes_verdict {
	QD_VOTES_OK = 0,
	QD_VOTES_NO_NODES,
	QD_VOTES_FOREIGN, /* weight, `out`, `low` or `paused` names a node that is not configured, or an id is too high */
	QD_VOTES_WEIGHT,   /* a weight above QD_WEIGHT_MAX */
	QD_VOTES_NO_VOTES, /* V is 0 */
	QD_VOTES_VERDICT_COUNT,
};
enum qd_votes_verdict qd_votes_check(const struct qd_votes *v);

const char *qd_model_name(enum qd_model model); /* "node_majority" ... as in the configuration */
const char *qd_votes_verdict_text(enum qd_votes_verdict verdict); /* a sentence's part, for messages */

#endif
