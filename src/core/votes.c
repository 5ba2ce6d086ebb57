/* SPDX-License-Identifier: Apache-2.0 */
#include "core/votes.h"

static bool counts_nodes(enum qd_model model)
{
	switch (model) {
	case QD_MODEL_NODE_MAJORITY:
	case QD_MODEL_NODE_AND_DISK:
	case QD_MODEL_NODE_AND_WITNESS:
		return true;
	case QD_MODEL_DISK_ONLY:
		return false;
	case QD_MODEL_COUNT:
		break;
	}
	QD_UNREACHABLE("quorum model");
}

/* The weights of the configured nodes in `set`, whether they vote at present or not. */
static uint32_t weights_of(const struct qd_votes *v, uint64_t set)
{
	uint32_t sum = 0;
	for (set &= v->nodes & qd_set_all(); set != 0; set &= set - 1)
		sum += v->weight[qd_set_first(set) - 1];
	return sum;
}

uint32_t qd_votes_of(const struct qd_votes *v, uint32_t id)
{
	if (!counts_nodes(v->model) || !qd_set_has(v->nodes & ~v->out, id))
		return 0;
	return v->weight[id - 1];
}

uint32_t qd_votes_extra(const struct qd_votes *v)
{
	switch (v->model) {
	case QD_MODEL_NODE_MAJORITY:
		return 0;
	case QD_MODEL_NODE_AND_WITNESS:
		return QD_EXTRA_WITNESS;
	case QD_MODEL_NODE_AND_DISK:
	case QD_MODEL_DISK_ONLY:
		return QD_EXTRA_DISK;
	case QD_MODEL_COUNT:
		break;
	}
	QD_UNREACHABLE("quorum model");
}

uint32_t qd_votes_of_extra(const struct qd_votes *v)
{
	return qd_votes_extra(v) != 0 && !v->extra_out ? 1 : 0;
}

uint32_t qd_votes_total(const struct qd_votes *v)
{
	return qd_votes_sum(v, v->nodes, qd_votes_extra(v));
}

uint32_t qd_votes_need(const struct qd_votes *v)
{
	return qd_votes_total(v) / 2 + 1;
}

uint32_t qd_votes_sum(const struct qd_votes *v, uint64_t set, uint32_t extras)
{
	const uint32_t nodes = counts_nodes(v->model) ? weights_of(v, set & ~v->out) : 0;
	return (extras & qd_votes_extra(v)) != 0 ? nodes + qd_votes_of_extra(v) : nodes;
}

bool qd_votes_quorate(const struct qd_votes *v, uint64_t set, uint32_t extras)
{
	return qd_votes_sum(v, set, extras) >= qd_votes_need(v);
}

/* Whose vote is taken so that the voters, an even sum, fall into no two halves; 0: nobody's. V = 2k needs k + 1. One vote
 * less, and 2k - 1 need k: whoever was quorate still is, and so is the half that has lost nothing. Of voters that are
 * all alike each stands for one. */
static uint32_t tie_loser(const struct qd_votes *v, uint64_t voters)
{
	const uint32_t weight = v->weight[qd_set_first(voters) - 1];
	uint64_t single = 0;
	bool alike = true;
	for (uint32_t id = qd_set_next(voters, 0); id != 0; id = qd_set_next(voters, id)) {
		alike = alike && v->weight[id - 1] == weight;
		if (v->weight[id - 1] == 1)
			single |= qd_set_of(id);
	}
	if (alike)
		single = qd_set_count(voters) % 2 == 0 ? voters : 0;
	return qd_set_has(single, v->low) ? v->low : qd_set_last(single);
}

struct qd_votes qd_votes_dynamic(const struct qd_votes *v, uint64_t members, uint32_t extras)
{
	struct qd_votes next = *v;
	uint64_t voters = 0;
	members &= v->nodes & qd_set_all();
	for (uint32_t id = qd_set_next(members, 0); id != 0; id = qd_set_next(members, id))
		if (v->weight[id - 1] != 0)
			voters |= qd_set_of(id);
	/* Nobody who may vote is there: the disk or witness would be left alone with a quorum of its own. */
	if (!v->dynamic || !counts_nodes(v->model) || voters == 0)
		return next;

	const uint32_t extra = qd_votes_extra(v);
	const bool even = weights_of(v, voters) % 2 == 0;
	const bool usable = (extras & extra) != 0;
	next.out = v->nodes & ~members;
	next.extra_out = extra != 0 && !(even && usable);
	const uint32_t loser = even && !usable ? tie_loser(v, voters) : 0;
	if (loser != 0)
		next.out |= qd_set_of(loser);
	qd_assert(qd_votes_quorate(&next, members, extras));
	return next;
}

bool qd_votes_equal(const struct qd_votes *a, const struct qd_votes *b)
{
	if (a->model != b->model || a->nodes != b->nodes || qd_votes_of_extra(a) != qd_votes_of_extra(b))
		return false;
	const uint64_t nodes = a->nodes & qd_set_all();
	for (uint32_t id = qd_set_next(nodes, 0); id != 0; id = qd_set_next(nodes, id))
		if (a->weight[id - 1] != b->weight[id - 1] || qd_votes_of(a, id) != qd_votes_of(b, id))
			return false;
	return true;
}

enum qd_votes_verdict qd_votes_check(const struct qd_votes *v)
{
	if (v->nodes == 0)
		return QD_VOTES_NO_NODES;
	if (!qd_set_contains(qd_set_all(), v->nodes) || !qd_set_contains(v->nodes, v->out) ||
	    !qd_set_contains(v->nodes, v->paused) || (v->low != 0 && !qd_set_has(v->nodes, v->low)))
		return QD_VOTES_FOREIGN;
	for (uint32_t id = 1; id <= QD_NODES_MAX; id++)
		if (v->weight[id - 1] != 0 && !qd_set_has(v->nodes, id))
			return QD_VOTES_FOREIGN;
	for (uint32_t id = 1; id <= QD_NODES_MAX; id++)
		if (v->weight[id - 1] > QD_WEIGHT_MAX)
			return QD_VOTES_WEIGHT;
	return qd_votes_total(v) == 0 ? QD_VOTES_NO_VOTES : QD_VOTES_OK;
}

const char *qd_model_name(enum qd_model model)
{
	switch (model) {
	case QD_MODEL_NODE_MAJORITY:
		return "node_majority";
	case QD_MODEL_NODE_AND_DISK:
		return "node_and_disk";
	case QD_MODEL_NODE_AND_WITNESS:
		return "node_and_witness";
	case QD_MODEL_DISK_ONLY:
		return "disk_only";
	case QD_MODEL_COUNT:
		break;
	}
	QD_UNREACHABLE("quorum model");
}

const char *qd_votes_verdict_text(enum qd_votes_verdict verdict)
{
	switch (verdict) {
	case QD_VOTES_OK:
		return "the votes can be counted";
	case QD_VOTES_NO_NODES:
		return "no node is configured";
	case QD_VOTES_FOREIGN:
		return "a weight, a lost vote, the lower priority or a pause is of a node that is not "
		       "configured";
	case QD_VOTES_WEIGHT:
		return "a weight is above 15";
	case QD_VOTES_NO_VOTES:
		return "nobody has a vote";
	case QD_VOTES_VERDICT_COUNT:
		break;
	}
	QD_UNREACHABLE("verdict on votes");
}
