/* SPDX-License-Identifier: Apache-2.0 */
/* What nodes agree on: the tag and the head of the one configuration, views, and what a node keeps durably. Only the
 * head means something to the core; the body behind it (names, addresses, groups) is text that the shell carries. Pure. */
#ifndef QD_CORE_HEAD_H
#define QD_CORE_HEAD_H

#include "core/votes.h"

enum {
	QD_DIGEST_BYTES = 32, /* of a configuration's body: BLAKE2b-256 */
};

/* Whose configuration is newest. */
struct qd_tag {
	uint64_t epoch;	  /* of the view that wrote or took it over */
	uint64_t version; /* grows with every change; 0: no configuration */
};

static inline int qd_tag_compare(struct qd_tag a, struct qd_tag b)
{
	if (a.epoch != b.epoch)
		return a.epoch < b.epoch ? -1 : 1;
	return a.version < b.version ? -1 : a.version > b.version;
}

struct qd_head {
	struct qd_tag tag;
	struct qd_votes votes;
	bool has_old; /* a change of votes that is not final: `old` needs its majority, too */
	struct qd_votes old;
	uint32_t forced_by; /* node that forced the quorum; 0: nobody */
	uint64_t forced_unix_s;
	uint8_t body[QD_DIGEST_BYTES]; /* digest of the body */
};

/* Quorate under the votes, and under the old ones while they count. */
static inline bool qd_head_quorate(const struct qd_head *h, uint64_t set, uint32_t extras)
{
	return qd_votes_quorate(&h->votes, set, extras) &&
	       (!h->has_old || qd_votes_quorate(&h->old, set, extras));
}

/* Everything beside the nodes that one of the rules counts. */
static inline uint32_t qd_head_extras(const struct qd_head *h)
{
	return qd_votes_extra(&h->votes) | (h->has_old ? qd_votes_extra(&h->old) : 0);
}

struct qd_view {
	uint64_t epoch; /* counter * 64 + (leader's id - 1); 0: none */
	uint64_t members;
	uint64_t incarnation[QD_NODES_MAX]; /* [id - 1] of the members; else 0 */
};

/* On the node's own disk, replaced as a whole. */
struct qd_kept {
	uint64_t promised; /* the highest epoch promised */
	struct qd_view installed;
	struct qd_head head;
	bool has_vote; /* the store is provably this node's own, or a view that was quorate without it has taken it in */
};

/* What came of QD_ACTION_KEEP. */
enum qd_keep_result {
	QD_KEEP_DURABLE = 0,
	QD_KEEP_FAILED,	 /* it may be durable all the same */
	QD_KEEP_NO_TEXT, /* nothing was written: whoever has the text of the configuration cannot be reached */
};

#endif
