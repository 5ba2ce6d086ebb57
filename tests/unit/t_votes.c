/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of docs/QUORUM.md: V, need and models as data, sums and quorate sides by random
 * search. Dynamic votes: t_votes_dynamic.c. */
#include "unit.h"

#include "votes_rules.h"

/* ---------------------------------------------------------------- rules that cannot be used */

static void refuses(void)
{
	const struct qd_votes good = rule(QD_MODEL_NODE_MAJORITY, 3, true);
	struct qd_votes v = good;
	UNIT_EQUAL(qd_votes_check(&v), QD_VOTES_OK);
	v.nodes = 0;
	UNIT_EQUAL(qd_votes_check(&v), QD_VOTES_NO_NODES);
	v = good;
	v.weight[3] = 1;
	UNIT_EQUAL(qd_votes_check(&v), QD_VOTES_FOREIGN);
	v = good;
	v.weight[QD_NODES_MAX - 1] = 1;
	UNIT_EQUAL(qd_votes_check(&v), QD_VOTES_FOREIGN);
	v = good;
	v.out = qd_set_of(4);
	UNIT_EQUAL(qd_votes_check(&v), QD_VOTES_FOREIGN);
	v = good;
	v.low = 4;
	UNIT_EQUAL(qd_votes_check(&v), QD_VOTES_FOREIGN);
	v.low = QD_NODES_MAX + 1;
	UNIT_EQUAL(qd_votes_check(&v), QD_VOTES_FOREIGN);
	v.low = 3;
	UNIT_EQUAL(qd_votes_check(&v), QD_VOTES_OK);
	v = good;
	v.paused = qd_set_of(4);
	UNIT_EQUAL(qd_votes_check(&v), QD_VOTES_FOREIGN);
	v.paused = v.nodes;
	UNIT_EQUAL(qd_votes_check(&v), QD_VOTES_OK);
	v.weight[1] = QD_WEIGHT_MAX + 1;
	UNIT_EQUAL(qd_votes_check(&v), QD_VOTES_WEIGHT);
	v.weight[1] = QD_WEIGHT_MAX;
	UNIT_EQUAL(qd_votes_check(&v), QD_VOTES_OK);
	v = good;
	v.out = v.nodes;
	UNIT_EQUAL(qd_votes_check(&v), QD_VOTES_NO_VOTES);
	v.out = qd_set_of(1) | qd_set_of(2);
	UNIT_EQUAL(qd_votes_check(&v), QD_VOTES_OK);
}

static void refuses_no_votes(void)
{
	for (int m = 0; m < QD_MODEL_COUNT; m++) {
		unit_case("%s", qd_model_name((enum qd_model)m));
		struct qd_votes v = {.model = (enum qd_model)m, .nodes = 7};
		const bool extra = m != QD_MODEL_NODE_MAJORITY;
		UNIT_EQUAL(qd_votes_check(&v), extra ? QD_VOTES_OK : QD_VOTES_NO_VOTES);
		v.extra_out = true;
		UNIT_EQUAL(qd_votes_check(&v), QD_VOTES_NO_VOTES);
		UNIT_EQUAL(qd_votes_total(&v), 0);
		UNIT_OK(!qd_votes_quorate(&v, v.nodes, ANY));
		v.weight[0] = 1;
		UNIT_EQUAL(qd_votes_check(&v), m == QD_MODEL_DISK_ONLY ? QD_VOTES_NO_VOTES : QD_VOTES_OK);
	}
}

static void texts(void)
{
	for (int i = 0; i < QD_VOTES_VERDICT_COUNT; i++)
		for (int j = 0; j < i; j++)
			UNIT_OK(strcmp(qd_votes_verdict_text((enum qd_votes_verdict)i),
				       qd_votes_verdict_text((enum qd_votes_verdict)j)) != 0);
	char number[16];
	(void)snprintf(number, sizeof(number), "%d", QD_WEIGHT_MAX);
	UNIT_OK(strstr(qd_votes_verdict_text(QD_VOTES_WEIGHT), number) != NULL);
	UNIT_TEXT(qd_model_name(QD_MODEL_NODE_MAJORITY), "node_majority");
	UNIT_TEXT(qd_model_name(QD_MODEL_NODE_AND_DISK), "node_and_disk");
	UNIT_TEXT(qd_model_name(QD_MODEL_NODE_AND_WITNESS), "node_and_witness");
	UNIT_TEXT(qd_model_name(QD_MODEL_DISK_ONLY), "disk_only");
}

static void name_of_none(void)
{
	(void)qd_model_name(QD_MODEL_COUNT);
}

static void text_of_none(void)
{
	(void)qd_votes_verdict_text(QD_VOTES_VERDICT_COUNT);
}

static void extra_of_none(void)
{
	const struct qd_votes v = {.model = QD_MODEL_COUNT};
	(void)qd_votes_extra(&v);
}

static void sum_of_none(void)
{
	const struct qd_votes v = {.model = QD_MODEL_COUNT};
	(void)qd_votes_sum(&v, 0, 0);
}

static void refuses_no_model(void)
{
	UNIT_OK(unit_aborts(name_of_none));
	UNIT_OK(unit_aborts(text_of_none));
	UNIT_OK(unit_aborts(extra_of_none));
	UNIT_OK(unit_aborts(sum_of_none));
}

/* ---------------------------------------------------------------- the arithmetic */

static void need(void)
{
	static const struct {
		uint32_t total;
		uint32_t need;
	} vectors[] = {{1, 1}, {2, 2}, {3, 2}, {4, 3}, {5, 3}, {6, 4}, {7, 4}, {16, 9}, {17, 9}, {64, 33}};
	for (size_t i = 0; i < UNIT_COUNT(vectors); i++) {
		unit_case("V = %" PRIu32, vectors[i].total);
		const struct qd_votes v = rule(QD_MODEL_NODE_MAJORITY, vectors[i].total, false);
		UNIT_EQUAL(qd_votes_total(&v), vectors[i].total);
		UNIT_EQUAL(qd_votes_need(&v), vectors[i].need);
		for (uint32_t n = 0; n <= vectors[i].total; n++) {
			const uint64_t set = n == 0 ? 0 : ~UINT64_C(0) >> (64 - n);
			UNIT_OK(qd_votes_quorate(&v, set, ANY) == (n >= vectors[i].need));
		}
	}
	/* 65 -> 33: only with an extra vote */
	const struct qd_votes v = rule(QD_MODEL_NODE_AND_WITNESS, 64, false);
	UNIT_EQUAL(qd_votes_total(&v), 65);
	UNIT_EQUAL(qd_votes_need(&v), 33);
}

struct model_line {
	enum qd_model model;
	uint32_t total[4]; /* 2..5 nodes */
	uint32_t need[4];
};

static const struct model_line MODELS[] = {
	{QD_MODEL_NODE_MAJORITY, {2, 3, 4, 5}, {2, 2, 3, 3}},
	{QD_MODEL_NODE_AND_DISK, {3, 4, 5, 6}, {2, 3, 3, 4}},
	{QD_MODEL_NODE_AND_WITNESS, {3, 4, 5, 6}, {2, 3, 3, 4}},
	{QD_MODEL_DISK_ONLY, {1, 1, 1, 1}, {1, 1, 1, 1}},
};

static void models(void)
{
	for (size_t i = 0; i < UNIT_COUNT(MODELS); i++) {
		for (uint32_t n = 2; n <= 5; n++) {
			const struct qd_votes v = rule(MODELS[i].model, n, false);
			unit_case("%s, %" PRIu32 " nodes", qd_model_name(v.model), n);
			UNIT_EQUAL(qd_votes_total(&v), MODELS[i].total[n - 2]);
			UNIT_EQUAL(qd_votes_need(&v), MODELS[i].need[n - 2]);
		}
	}
}

static void only_its_own_extra(void)
{
	static const struct {
		enum qd_model model;
		uint32_t extra;
		uint32_t node;
	} lines[] = {{QD_MODEL_NODE_MAJORITY, 0, 1},
		     {QD_MODEL_NODE_AND_DISK, QD_EXTRA_DISK, 1},
		     {QD_MODEL_NODE_AND_WITNESS, QD_EXTRA_WITNESS, 1},
		     {QD_MODEL_DISK_ONLY, QD_EXTRA_DISK, 0}};
	for (size_t i = 0; i < UNIT_COUNT(lines); i++) {
		struct qd_votes v = rule(lines[i].model, 2, false);
		unit_case("%s", qd_model_name(v.model));
		UNIT_EQUAL(qd_votes_extra(&v), lines[i].extra);
		UNIT_EQUAL(qd_votes_of(&v, 1), lines[i].node);
		UNIT_EQUAL(qd_votes_of_extra(&v), lines[i].extra != 0);
		for (uint32_t extras = 0; extras <= ANY; extras++)
			UNIT_EQUAL(qd_votes_sum(&v, 1, extras),
				   lines[i].node + ((extras & lines[i].extra) != 0));
		v.extra_out = true;
		UNIT_EQUAL(qd_votes_extra(&v), lines[i].extra);
		UNIT_EQUAL(qd_votes_of_extra(&v), 0);
		UNIT_EQUAL(qd_votes_sum(&v, 1, ANY), lines[i].node);
	}
	/* any one node, but only with the disk */
	const struct qd_votes v = rule(QD_MODEL_DISK_ONLY, 5, true);
	UNIT_OK(qd_votes_quorate(&v, qd_set_of(5), QD_EXTRA_DISK));
	UNIT_OK(!qd_votes_quorate(&v, v.nodes, QD_EXTRA_WITNESS));
}

static void weights(void)
{
	struct qd_votes v = weighted(QD_MODEL_NODE_AND_DISK, (const uint8_t[]){0, 2, 15, 1}, 4);
	UNIT_EQUAL(qd_votes_of(&v, 1), 0);
	UNIT_EQUAL(qd_votes_of(&v, 3), 15);
	UNIT_EQUAL(qd_votes_of(&v, 0), 0);
	UNIT_EQUAL(qd_votes_of(&v, 5), 0);
	UNIT_EQUAL(qd_votes_of(&v, QD_NODES_MAX + 1), 0);
	UNIT_EQUAL(qd_votes_total(&v), 19);
	UNIT_EQUAL(qd_votes_need(&v), 10);
	UNIT_EQUAL(qd_votes_sum(&v, UINT64_MAX, ANY), 19);
	UNIT_OK(qd_votes_quorate(&v, qd_set_of(3), 0));
	UNIT_OK(!qd_votes_quorate(&v, v.nodes & ~qd_set_of(3), ANY));
	v.out = qd_set_of(3);
	UNIT_EQUAL(qd_votes_of(&v, 3), 0);
	UNIT_EQUAL(qd_votes_total(&v), 4);
	UNIT_OK(!qd_votes_quorate(&v, qd_set_of(3), ANY));
	UNIT_OK(qd_votes_quorate(&v, v.nodes, 0));
	/* a weight that belongs to no node counts nowhere */
	v.weight[5] = 9;
	UNIT_EQUAL(qd_votes_sum(&v, UINT64_MAX, ANY), 4);
	/* the most there can be */
	v = rule(QD_MODEL_NODE_AND_DISK, 64, true);
	memset(v.weight, QD_WEIGHT_MAX, sizeof(v.weight));
	UNIT_EQUAL(qd_votes_total(&v), 961);
}

static void equality(void)
{
	const struct qd_votes a = rule(QD_MODEL_NODE_AND_DISK, 3, true);
	struct qd_votes b = a;
	b.dynamic = false;
	b.low = 2;
	UNIT_OK(qd_votes_equal(&a, &b));
	b.model = QD_MODEL_NODE_AND_WITNESS;
	UNIT_OK(!qd_votes_equal(&a, &b));
	b = a;
	b.nodes |= qd_set_of(4); /* one more, with weight 0 */
	UNIT_OK(!qd_votes_equal(&a, &b));
	UNIT_OK(!qd_votes_equal(&b, &a));
	b = a;
	b.weight[2] = 2;
	UNIT_OK(!qd_votes_equal(&a, &b));
	b = a;
	b.extra_out = true;
	UNIT_OK(!qd_votes_equal(&a, &b));
	b = a;
	b.out = qd_set_of(3);
	UNIT_OK(!qd_votes_equal(&a, &b));
	/* who has weight 0 has no vote to lose; but the weight itself is a part of the rule */
	struct qd_votes c = a;
	c.weight[2] = 0;
	b = c;
	b.out = qd_set_of(3);
	UNIT_OK(qd_votes_equal(&b, &c));
	b = a;
	b.out = qd_set_of(3);
	c.out = qd_set_of(3);
	UNIT_OK(!qd_votes_equal(&b, &c));
}

/* ---------------------------------------------------------------- of every rule */

static void sums_are_plain(void)
{
	uint64_t seed = 11;
	for (uint64_t at = 0; at < SEARCHES; at++) {
		const struct qd_votes v = random_rule(&seed);
		const uint64_t set = random_part(&seed, unit_random(&seed) % 2 == 0 ? v.nodes : UINT64_MAX);
		const uint32_t extras = (uint32_t)(unit_random(&seed) % 4);
		about(at, &v, set, extras);
		const bool nodes = v.model != QD_MODEL_DISK_ONLY;
		uint32_t sum = 0;
		uint32_t total = 0;
		for (uint32_t id = 1; id <= QD_NODES_MAX; id++) {
			const bool votes =
				nodes && (v.nodes >> (id - 1) & 1u) != 0 && (v.out >> (id - 1) & 1u) == 0;
			total += votes ? v.weight[id - 1] : 0;
			sum += votes && (set >> (id - 1) & 1u) != 0 ? v.weight[id - 1] : 0;
		}
		const uint32_t mask = v.model == QD_MODEL_NODE_MAJORITY	     ? 0
				      : v.model == QD_MODEL_NODE_AND_WITNESS ? QD_EXTRA_WITNESS
									     : QD_EXTRA_DISK;
		total += mask != 0 && !v.extra_out;
		sum += (mask & extras) != 0 && !v.extra_out;
		if (!UNIT_EQUAL(qd_votes_total(&v), total) ||
		    !UNIT_EQUAL(qd_votes_sum(&v, set, extras), sum) ||
		    !UNIT_OK(qd_votes_quorate(&v, set, extras) == (sum * 2 > total)) ||
		    !UNIT_OK((qd_votes_check(&v) == QD_VOTES_OK) == (total > 0)))
			return;
	}
}

/* No two sides that share neither a node nor the extra are quorate at once. */
static void one_side(void)
{
	uint64_t seed = 12;
	for (uint64_t at = 0; at < SEARCHES; at++) {
		struct qd_votes v = random_rule(&seed);
		if (unit_random(&seed) % 2 == 0)
			v = qd_votes_dynamic(&v, random_part(&seed, v.nodes),
					     (uint32_t)(unit_random(&seed) % 4));
		const uint64_t side = random_part(&seed, UINT64_MAX);
		about(at, &v, side, 0);
		for (uint32_t extras = 0; extras <= ANY; extras++)
			if (!UNIT_OK(!qd_votes_quorate(&v, side, extras) ||
				     !qd_votes_quorate(&v, ~side, ANY & ~extras)))
				return;
	}
}

static const struct unit_test TESTS[] = {
	{"a rule that cannot be used is refused for its reason, the nearest that can is not", refuses},
	{"a rule under which nobody has a vote is refused, and nobody is quorate", refuses_no_votes},
	{"a model or verdict that is none is a programmer's error", refuses_no_model},
	{"models and verdicts have their texts", texts},
	{"need is floor(V/2) + 1, and so many are quorate", need},
	{"2 to 5 nodes in the four models have the votes and need of the table", models},
	{"each model counts its own extra vote and no other", only_its_own_extra},
	{"weights count, also 0 and the highest, and not without a vote or a node", weights},
	{"rules are equal when they count alike", equality},
	{"sums are what plain counting gives", sums_are_plain},
	{"of two sides that share no voter and not the extra at most one is quorate", one_side},
};

int main(void)
{
	return unit_run("t_votes", TESTS, UNIT_COUNT(TESTS));
}
