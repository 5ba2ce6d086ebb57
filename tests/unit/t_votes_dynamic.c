/* SPDX-License-Identifier: Apache-2.0 */
/* Dynamic votes and what they survive: the tables of docs/QUORUM.md as data, and what must hold of every rule by random
 * search. */
#include "unit.h"

#include "votes_rules.h"

/* ---------------------------------------------------------------- survival */

enum survival {
	NO,
	HALF,
	YES,
	MIXED, /* neither all nor none nor half of the cases: in no table */
};

static enum survival survival(uint32_t good, uint32_t all)
{
	return good == 0 ? NO : good == all ? YES : good * 2 == all ? HALF : MIXED;
}

/* One member fails, the votes follow, and then (second) another one does. */
static enum survival in_turn(const struct qd_votes *v, bool second)
{
	uint32_t good = 0;
	uint32_t all = 0;
	for (uint32_t a = qd_set_next(v->nodes, 0); a != 0; a = qd_set_next(v->nodes, a)) {
		const uint64_t left = v->nodes & ~qd_set_of(a);
		const bool first = left != 0 && qd_votes_quorate(v, left, ANY);
		if (!second) {
			all++;
			good += first;
			continue;
		}
		if (!first)
			continue; /* what then follows is asked of those that survived the first */
		const struct qd_votes w = qd_votes_dynamic(v, left, ANY);
		for (uint32_t b = qd_set_next(left, 0); b != 0; b = qd_set_next(left, b)) {
			const uint64_t rest = left & ~qd_set_of(b);
			all++;
			good += rest != 0 && qd_votes_quorate(&w, rest, ANY);
		}
	}
	return survival(good, all);
}

static enum survival at_once(const struct qd_votes *v)
{
	uint32_t good = 0;
	uint32_t all = 0;
	for (uint32_t a = qd_set_next(v->nodes, 0); a != 0; a = qd_set_next(v->nodes, a)) {
		for (uint32_t b = qd_set_next(v->nodes, a); b != 0; b = qd_set_next(v->nodes, b)) {
			const uint64_t rest = v->nodes & ~qd_set_of(a) & ~qd_set_of(b);
			all++;
			good += rest != 0 && qd_votes_quorate(v, rest, ANY);
		}
	}
	return survival(good, all);
}

static const struct survival_line {
	uint32_t nodes;
	bool extra;
	enum survival one;
	enum survival another;
	enum survival two;
} SURVIVAL[] = {
	{2, false, HALF, NO, NO},  {2, true, YES, NO, NO},     {3, false, YES, HALF, NO},
	{3, true, YES, YES, NO},   {4, false, YES, YES, HALF}, {4, true, YES, YES, YES},
	{5, false, YES, YES, YES}, {5, true, YES, YES, YES},   {6, false, YES, YES, YES},
	{6, true, YES, YES, YES},  {7, false, YES, YES, YES},  {7, true, YES, YES, YES},
	{8, false, YES, YES, YES}, {16, true, YES, YES, YES},  {64, false, YES, YES, YES},
	{64, true, YES, YES, YES},
};

static void survives(void)
{
	static const enum qd_model extras[] = {QD_MODEL_NODE_AND_WITNESS, QD_MODEL_NODE_AND_DISK};
	for (size_t i = 0; i < UNIT_COUNT(SURVIVAL); i++) {
		const struct survival_line *s = &SURVIVAL[i];
		for (size_t m = 0; m < UNIT_COUNT(extras); m++) {
			struct qd_votes v =
				rule(s->extra ? extras[m] : QD_MODEL_NODE_MAJORITY, s->nodes, true);
			unit_case("%" PRIu32 " nodes, %s", s->nodes, qd_model_name(v.model));
			v = qd_votes_dynamic(&v, v.nodes, ANY);
			UNIT_EQUAL(in_turn(&v, false), s->one);
			UNIT_EQUAL(in_turn(&v, true), s->another);
			UNIT_EQUAL(at_once(&v), s->two);
		}
	}
}

static void last_man(void)
{
	for (int m = QD_MODEL_NODE_MAJORITY; m <= QD_MODEL_NODE_AND_WITNESS; m++) {
		struct qd_votes v = rule((enum qd_model)m, 6, true);
		struct qd_votes fixed = rule((enum qd_model)m, 6, false);
		uint64_t left = v.nodes;
		/* the highest ids hold no vote where there is no extra, so they fail first */
		for (uint32_t id = 6; id >= 2; id--) {
			unit_case("%s, node %" PRIu32, qd_model_name(v.model), id);
			v = qd_votes_dynamic(&v, left, ANY);
			left &= ~qd_set_of(id);
			UNIT_OK(qd_votes_quorate(&v, left, ANY));
			fixed = qd_votes_dynamic(&fixed, left, ANY);
		}
		v = qd_votes_dynamic(&v, left, ANY);
		UNIT_EQUAL(qd_votes_total(&v), 1);
		UNIT_EQUAL(qd_votes_of(&v, 1), 1);
		UNIT_OK(qd_votes_quorate(&v, left, 0));
		UNIT_OK(!qd_votes_quorate(&v, ~left, ANY));
		UNIT_OK(!qd_votes_quorate(&fixed, left, ANY));
		/* and they get their votes back */
		v = qd_votes_dynamic(&v, v.nodes, ANY);
		UNIT_EQUAL(qd_votes_total(&v), m == QD_MODEL_NODE_MAJORITY ? 5 : 7);
	}
}

/* The example of docs/QUORUM.md, line by line: the members, and the votes when they have been stable. */
static void example(void)
{
	static const struct {
		uint64_t members;
		uint32_t left; /* of the votes before */
		uint32_t total;
		uint32_t need;
	} lines[] = {{15, 5, 5, 3}, {7, 4, 3, 2}, {3, 2, 3, 2}, {1, 2, 1, 1}, {15, 1, 5, 3}};
	struct qd_votes v = rule(QD_MODEL_NODE_AND_WITNESS, 4, true);
	for (size_t i = 0; i < UNIT_COUNT(lines); i++) {
		unit_case("line %zu", i);
		UNIT_EQUAL(qd_votes_sum(&v, lines[i].members, QD_EXTRA_WITNESS), lines[i].left);
		UNIT_OK(qd_votes_quorate(&v, lines[i].members, QD_EXTRA_WITNESS));
		v = qd_votes_dynamic(&v, lines[i].members, QD_EXTRA_WITNESS);
		UNIT_EQUAL(qd_votes_total(&v), lines[i].total);
		UNIT_EQUAL(qd_votes_need(&v), lines[i].need);
		if (lines[i].members == 1) /* the last man is not outvoted by those that come back */
			UNIT_OK(!qd_votes_quorate(&v, 14, QD_EXTRA_WITNESS));
	}
}

static void leaves(void)
{
	/* Two nodes, the vote is with node 1; it leaves, and the vote goes over before it is gone. */
	struct qd_votes v = rule(QD_MODEL_NODE_MAJORITY, 2, true);
	v = qd_votes_dynamic(&v, 3, 0);
	UNIT_EQUAL(qd_votes_of(&v, 1), 1);
	UNIT_OK(!qd_votes_quorate(&v, 2, 0));
	v = qd_votes_dynamic(&v, 2, 0);
	UNIT_EQUAL(qd_votes_of(&v, 1), 0);
	UNIT_EQUAL(qd_votes_of(&v, 2), 1);
	UNIT_OK(qd_votes_quorate(&v, 2, 0));
}

/* ---------------------------------------------------------------- dynamic votes */

struct dynamic_line {
	const char *name;
	enum qd_model model;
	uint8_t weight[5]; /* of as many nodes as the highest one in `nodes` */
	uint32_t low;
	uint64_t members;
	uint32_t extras;
	uint32_t votes[5]; /* after it */
	uint32_t extra;
};

#define NM QD_MODEL_NODE_MAJORITY
#define ND QD_MODEL_NODE_AND_DISK
#define NW QD_MODEL_NODE_AND_WITNESS
static const struct dynamic_line DYNAMIC[] = {
	{"even: the witness votes", NW, {1, 1, 1, 1}, 0, 15, QD_EXTRA_WITNESS, {1, 1, 1, 1}, 1},
	{"odd: it does not", NW, {1, 1, 1, 1, 1}, 0, 31, QD_EXTRA_WITNESS, {1, 1, 1, 1, 1}, 0},
	{"even after a failure", NW, {1, 1, 1, 1, 1}, 0, 15, QD_EXTRA_WITNESS, {1, 1, 1, 1}, 1},
	{"odd after a failure", NW, {1, 1, 1, 1}, 0, 13, QD_EXTRA_WITNESS, {1, 0, 1, 1}, 0},
	{"even, the witness has failed", NW, {1, 1, 1, 1}, 0, 15, 0, {1, 1, 1, 0}, 0},
	{"odd, the witness has failed", NW, {1, 1, 1, 1, 1}, 0, 31, 0, {1, 1, 1, 1, 1}, 0},
	{"only the disk is there, the witness is asked for", NW, {1, 1}, 0, 3, QD_EXTRA_DISK, {1, 0}, 0},
	{"the disk as the witness", ND, {1, 1}, 0, 3, QD_EXTRA_DISK, {1, 1}, 1},
	{"the disk fails", ND, {1, 1}, 0, 3, QD_EXTRA_WITNESS, {1, 0}, 0},
	{"one left with a witness", NW, {1, 1}, 0, 2, QD_EXTRA_WITNESS, {0, 1}, 0},
	{"a tie takes the highest id's", NM, {1, 1, 1, 1}, 0, 15, ANY, {1, 1, 1, 0}, 0},
	{"or that of `low`", NM, {1, 1, 1, 1}, 2, 15, ANY, {1, 0, 1, 1}, 0},
	{"`low` with a failed witness", NW, {1, 1, 1, 1}, 1, 15, 0, {0, 1, 1, 1}, 0},
	{"`low` keeps it while the witness votes", NW, {1, 1, 1, 1}, 1, 15, ANY, {1, 1, 1, 1}, 1},
	{"`low` keeps it while the number is odd", NM, {1, 1, 1}, 1, 7, ANY, {1, 1, 1}, 0},
	{"`low` is down", NM, {1, 1, 1}, 3, 3, ANY, {1, 0, 0}, 0},
	{"`low` has no weight", NM, {1, 1, 0}, 3, 7, ANY, {1, 0, 0}, 0},
	{"of two", NM, {1, 1}, 1, 3, ANY, {0, 1}, 0},
	{"of one nothing is taken", NM, {1, 1}, 1, 1, ANY, {1, 0}, 0},
	{"of one with an even weight neither", NM, {2, 1}, 1, 1, ANY, {2, 0}, 0},
	{"a weight of 0 stays", NM, {1, 0, 1, 1}, 0, 15, ANY, {1, 0, 1, 1}, 0},
	{"nodes of weight 0 make no number odd", NW, {1, 0, 1, 0}, 0, 15, ANY, {1, 0, 1, 0}, 1},
	{"the sum is odd, the number even", NW, {2, 1}, 0, 3, ANY, {2, 1}, 0},
	{"the sum is even, the number odd", NW, {2, 1, 1}, 0, 7, ANY, {2, 1, 1}, 1},
	{"a heavy node keeps its votes", NM, {2, 1, 1}, 0, 7, ANY, {2, 1, 0}, 0},
	{"also as `low`", NM, {2, 1, 1}, 1, 7, ANY, {2, 1, 0}, 0},
	{"the highest id of weight 1", NM, {1, 1, 2}, 0, 7, ANY, {1, 0, 2}, 0},
	{"two alike count as one each", NM, {3, 3}, 0, 3, ANY, {3, 0}, 0},
	{"three alike cannot tie", NM, {2, 2, 2}, 0, 7, ANY, {2, 2, 2}, 0},
	{"nobody of weight 1", NM, {2, 2, 3, 3}, 0, 15, ANY, {2, 2, 3, 3}, 0},
	{"who is not configured is nobody", NM, {1, 1, 1}, 0, 7 | 24, ANY, {1, 1, 1}, 0},
};

static void dynamic(void)
{
	for (size_t i = 0; i < UNIT_COUNT(DYNAMIC); i++) {
		const struct dynamic_line *d = &DYNAMIC[i];
		uint32_t count = 0;
		for (uint32_t n = 0; n < 5; n++)
			if (d->weight[n] != 0)
				count = n + 1;
		struct qd_votes v = weighted(d->model, d->weight, count);
		/* a node of weight 0 at the end */
		v.nodes |= d->low == 0 ? 0 : qd_set_of(d->low);
		v.low = d->low;
		v = qd_votes_dynamic(&v, d->members, d->extras);
		for (uint32_t id = 1; id <= 5; id++) {
			unit_case("%s: node %" PRIu32, d->name, id);
			UNIT_EQUAL(qd_votes_of(&v, id), d->votes[id - 1]);
		}
		UNIT_EQUAL(qd_votes_of_extra(&v), d->extra);
	}
}

static void stays(void)
{
	struct qd_votes v = rule(QD_MODEL_NODE_AND_WITNESS, 4, false);
	struct qd_votes w = qd_votes_dynamic(&v, 3, 0);
	unit_case("dynamic votes off");
	UNIT_OK(same(&v, &w));
	unit_case("disk only");
	v = rule(QD_MODEL_DISK_ONLY, 4, true);
	w = qd_votes_dynamic(&v, 1, 0);
	UNIT_OK(same(&v, &w));
	unit_case("nobody is left");
	v = rule(QD_MODEL_NODE_AND_WITNESS, 4, true);
	w = qd_votes_dynamic(&v, 0, ANY);
	UNIT_OK(same(&v, &w));
	unit_case("nobody of these is configured");
	w = qd_votes_dynamic(&v, ~v.nodes, ANY);
	UNIT_OK(same(&v, &w));
	v.weight[5] = 1; /* a leftover */
	w = qd_votes_dynamic(&v, qd_set_of(6), ANY);
	UNIT_OK(same(&v, &w));
	unit_case("only nodes of weight 0 are left");
	v.weight[3] = 0;
	w = qd_votes_dynamic(&v, qd_set_of(4), ANY);
	UNIT_OK(same(&v, &w));
	unit_case("no node has a weight, the disk decides");
	v = weighted(QD_MODEL_NODE_AND_DISK, (const uint8_t[]){0, 0, 0}, 3);
	w = qd_votes_dynamic(&v, 3, ANY);
	UNIT_OK(same(&v, &w));
}

/* ---------------------------------------------------------------- of every rule */

static void follows_members(void)
{
	uint64_t seed = 13;
	uint32_t changed = 0;
	for (uint64_t at = 0; at < SEARCHES; at++) {
		const struct qd_votes v = random_rule(&seed);
		const uint64_t members = random_part(&seed, v.nodes) | random_part(&seed, v.nodes);
		const uint32_t extras = (uint32_t)(unit_random(&seed) % 4);
		const struct qd_votes w = qd_votes_dynamic(&v, members, extras);
		const struct qd_votes again = qd_votes_dynamic(&w, members, extras);
		about(at, &v, members, extras);
		changed += !same(&v, &w);
		if (!same(&v, &w) && !UNIT_OK(!w.extra_out || qd_votes_extra(&w) != 0))
			return;
		struct qd_votes rest = w; /* nothing else has changed */
		rest.out = v.out;
		rest.extra_out = v.extra_out;
		if (!UNIT_OK(same(&rest, &v)) || !UNIT_OK(same(&w, &again)) ||
		    !UNIT_OK(qd_set_contains(w.nodes, w.out)) ||
		    !UNIT_OK(!qd_votes_quorate(&v, members, extras) ||
			     qd_votes_quorate(&w, members, extras)) ||
		    !UNIT_OK(qd_votes_check(&v) != QD_VOTES_OK || qd_votes_check(&w) == QD_VOTES_OK))
			return;
		/* all votes are there, and nobody has more than its weight */
		if (!same(&v, &w) && !UNIT_EQUAL(qd_votes_sum(&w, members, extras), qd_votes_total(&w)))
			return;
		for (uint32_t id = 1; id <= QD_NODES_MAX; id++)
			if (!UNIT_OK(qd_votes_of(&w, id) == 0 || qd_votes_of(&w, id) == v.weight[id - 1]))
				return;
	}
	UNIT_OK(changed > SEARCHES / 2);
}

/* Whoever was quorate with everybody's weight still is: taking a vote helps one half and harms nobody. */
static void harms_nobody(void)
{
	uint64_t seed = 14;
	uint32_t taken = 0;
	for (uint64_t at = 0; at < SEARCHES / 4; at++) {
		struct qd_votes v = random_rule(&seed);
		v.dynamic = true;
		const uint64_t members = random_part(&seed, v.nodes) | random_part(&seed, v.nodes);
		const uint32_t extras = (uint32_t)(unit_random(&seed) % 4);
		const struct qd_votes w = qd_votes_dynamic(&v, members, extras);
		struct qd_votes whole = v;
		whole.out = v.nodes & ~members;
		whole.extra_out = (extras & qd_votes_extra(&v)) == 0;
		about(at, &v, members, extras);
		if (v.model == QD_MODEL_DISK_ONLY || qd_votes_sum(&whole, members, 0) == 0)
			continue;
		taken += qd_votes_sum(&w, members, 0) < qd_votes_sum(&whole, members, 0);
		/* every part of the members */
		for (uint64_t part = members;; part = (part - 1) & members) {
			for (uint32_t with = 0; with <= ANY; with++)
				if (!UNIT_OK(!qd_votes_quorate(&whole, part, with) ||
					     qd_votes_quorate(&w, part, with)))
					return;
			if (part == 0)
				break;
		}
	}
	UNIT_OK(taken > SEARCHES / 40);
}

/* With weights of 0 and 1: however the members fall apart, and whoever gets the extra, one side goes on. */
static void never_ties(void)
{
	uint64_t seed = 15;
	for (uint64_t at = 0; at < SEARCHES; at++) {
		struct qd_votes v = random_rule(&seed);
		for (uint32_t id = 1; id <= QD_NODES_MAX; id++)
			v.weight[id - 1] = v.weight[id - 1] != 0;
		v.dynamic = true;
		const uint64_t members = random_part(&seed, v.nodes) | random_part(&seed, v.nodes);
		const uint32_t extras = (uint32_t)(unit_random(&seed) % 4);
		const struct qd_votes w = qd_votes_dynamic(&v, members, extras);
		if (same(&v, &w))
			continue;
		about(at, &v, members, extras);
		UNIT_EQUAL(qd_votes_total(&w) % 2, 1);
		const uint64_t side = random_part(&seed, members);
		if (!UNIT_OK(qd_votes_quorate(&w, side, extras) != qd_votes_quorate(&w, members & ~side, 0)))
			return;
	}
}

static const struct unit_test TESTS[] = {
	{"one failure, then another, two at once: survived as the table says", survives},
	{"the last one of six goes on alone, and all get their votes back", last_man},
	{"four nodes and a witness shrink to one and come back as the example says", example},
	{"who leaves in order hands its vote over", leaves},
	{"dynamic votes, dynamic witness and lower_quorum_priority_node, line by line", dynamic},
	{"without dynamic votes, a node's vote or a member nothing changes", stays},
	{"dynamic votes follow the members, once and no further, and keep them quorate", follows_members},
	{"dynamic votes leave everybody quorate who was", harms_nobody},
	{"with weights of 0 and 1 dynamic votes never leave a tie", never_ties},
};

int main(void)
{
	return unit_run("t_votes_dynamic", TESTS, UNIT_COUNT(TESTS));
}
