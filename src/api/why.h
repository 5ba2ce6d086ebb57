/* SPDX-License-Identifier: Apache-2.0 */
/* Why the cluster is quorate or not as this node sees it, and what would change it, in sentences. From a snapshot to text:
 * asks nothing, decides nothing, allocates nothing. */
#ifndef QD_API_WHY_H
#define QD_API_WHY_H

#include "quorumd/control.h"

enum {
	QD_WHY_SENTENCES = 24, /* as many as there are kinds; what is said of 64 nodes is said in one */
	QD_WHY_TEXT_MAX = 640, /* with 64 names it is cut */
};

struct qd_why {
	bool quorate; /* or, without networks, somebody owns */
	uint32_t count;
	char text[QD_WHY_SENTENCES][QD_WHY_TEXT_MAX];
};

void qd_why_explain(const struct qd_control_snapshot *s, struct qd_why *out);

/* The holder's key is young enough that its defender counts as live; with networks: there is a quorum. */
bool qd_why_has_owner(const struct qd_control_snapshot *s);

/* An operator forced the quorum, and who is here has at most half of the weights of the configured nodes still: what runs,
 * runs by that alone. With more it is history. */
bool qd_why_is_forced(const struct qd_control_snapshot *s);

/* This node's own store cannot be written, or does not answer: it promises nothing, and is in no new view. */
bool qd_why_is_stuck(const struct qd_control_snapshot *s);

/* What a node does, in a word: "up" (member of the view), "joining", "down", "leaving", "held", "stuck", "left". */
const char *qd_why_node_state(const struct qd_control_snapshot *s, uint32_t id);

/* Of the links to a node: how many there are, and how many of them are up. */
uint32_t qd_why_links(const struct qd_control_snapshot *s, uint32_t id, uint32_t *up);

/* "node beta", "nodes beta and gamma", "nodes a, b and c"; "no node". */
void qd_why_names(const struct qd_control_snapshot *s, uint64_t set, char *to, size_t cap_bytes);

/* Proof rounds, or rounds on the quorum disk, that may be missed from now on until the stop begins. */
uint32_t qd_why_rounds_left(const struct qd_control_snapshot *s);

#endif
