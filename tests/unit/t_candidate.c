/* SPDX-License-Identifier: Apache-2.0 */
/* The candidate set against every subset of nodes, in an order written down a second time here. */
#include "unit.h"

#include "core/candidate.h"

enum {
	SMALL_NODES = 5, /* all graphs of up to so many */
	SMALL_LINKS = SMALL_NODES * (SMALL_NODES - 1) / 2,
	PLAIN_NODES_MAX = 12,
};

/* ---------------------------------------------------------------- graphs */

static struct qd_hearing nobody_hears(uint32_t nodes_count)
{
	return (struct qd_hearing){.usable = nodes_count == 0 ? 0 : ~UINT64_C(0) >> (64 - nodes_count)};
}

static struct qd_hearing all_hear(uint32_t nodes_count)
{
	struct qd_hearing h = nobody_hears(nodes_count);
	for (uint32_t id = 1; id <= nodes_count; id++)
		h.hears[id - 1] = h.usable;
	return h;
}

static void join(struct qd_hearing *h, uint32_t a, uint32_t b)
{
	h->hears[a - 1] |= qd_set_of(b);
	h->hears[b - 1] |= qd_set_of(a);
}

static void part(struct qd_hearing *h, uint32_t a, uint32_t b)
{
	h->hears[a - 1] &= ~qd_set_of(b);
	h->hears[b - 1] &= ~qd_set_of(a);
}

/* Of 100 directed links so many are there. */
static struct qd_hearing random_graph(uint64_t *seed, uint32_t nodes_count, uint64_t percent)
{
	struct qd_hearing h = nobody_hears(nodes_count);
	for (uint32_t a = 1; a <= nodes_count; a++)
		for (uint32_t b = 1; b <= nodes_count; b++)
			if (unit_random(seed) % 100 < percent)
				h.hears[a - 1] |= qd_set_of(b);
	return h;
}

static struct qd_votes ones(uint32_t nodes_count)
{
	struct qd_votes v = {.model = QD_MODEL_NODE_MAJORITY};
	for (uint32_t id = 1; id <= nodes_count; id++) {
		v.nodes |= qd_set_of(id);
		v.weight[id - 1] = 1;
	}
	return v;
}

static bool all_hear_all(const struct qd_hearing *h, uint64_t set)
{
	for (uint32_t a = qd_set_next(set, 0); a != 0; a = qd_set_next(set, a))
		for (uint32_t b = qd_set_next(set, a); b != 0; b = qd_set_next(set, b))
			if (!qd_set_has(h->hears[a - 1], b) || !qd_set_has(h->hears[b - 1], a))
				return false;
	return qd_set_contains(h->usable, set);
}

/* ---------------------------------------------------------------- the plain way */

/* The rank of a set, to be compared part by part. */
struct rank {
	uint32_t parts[4];
	uint64_t
		lowest_first; /* its bits turned round: the set that has the lowest differing id is the larger number */
};

static struct rank rank_of(uint64_t set, const struct qd_candidate_order *o)
{
	struct rank r = {.parts = {0}};
	for (uint32_t id = 1; id <= 64; id++) {
		if ((set >> (id - 1) & 1u) == 0)
			continue;
		r.parts[0] += qd_votes_of(o->votes, id);
		r.parts[1] |= id == o->leader;
		r.parts[2] |= id == o->holder;
		r.parts[3]++;
		r.lowest_first |= UINT64_C(1) << (64 - id);
	}
	return r;
}

static bool above(const struct rank *a, const struct rank *b)
{
	for (size_t i = 0; i < UNIT_COUNT(a->parts); i++)
		if (a->parts[i] != b->parts[i])
			return a->parts[i] > b->parts[i];
	return a->lowest_first > b->lowest_first;
}

struct plain {
	uint32_t cliques_count;
	uint64_t cliques[1u << PLAIN_NODES_MAX];
};

static const struct plain *plain_of(const struct qd_hearing *h)
{
	static struct plain p;
	p.cliques_count = 0;
	for (uint64_t set = h->usable; set != 0; set = (set - 1) & h->usable)
		if (all_hear_all(h, set))
			p.cliques[p.cliques_count++] = set;
	return &p;
}

/* self 0: the best of all */
static uint64_t plain_best(const struct plain *p, uint32_t self, const struct qd_candidate_order *o)
{
	uint64_t best = 0;
	struct rank best_rank = {.parts = {0}};
	for (uint32_t i = 0; i < p->cliques_count; i++) {
		if (self != 0 && !qd_set_has(p->cliques[i], self))
			continue;
		const struct rank r = rank_of(p->cliques[i], o);
		if (best == 0 || above(&r, &best_rank)) {
			best = p->cliques[i];
			best_rank = r;
		}
	}
	return best;
}

/* Every node's answer is the best that has it, and all members of the best of all agree. */
static bool as_plain(const struct qd_hearing *h, const struct plain *p, const struct qd_candidate_order *o)
{
	const uint64_t best = plain_best(p, 0, o);
	bool good = true;
	for (uint32_t id = qd_set_next(h->usable, 0); id != 0; id = qd_set_next(h->usable, id)) {
		const uint64_t found = qd_candidate(h, id, o->votes, o->leader, o->holder);
		good = good && UNIT_EQUAL(found, plain_best(p, id, o));
		good = good && UNIT_OK(!qd_set_has(best, id) || found == best);
	}
	return good;
}

/* ---------------------------------------------------------------- by hand */

static uint32_t bad_self;

static void of_bad_self(void)
{
	const struct qd_hearing h = all_hear(3);
	const struct qd_votes v = ones(3);
	(void)qd_candidate(&h, bad_self, &v, 0, 0);
}

static void refuses(void)
{
	bad_self = 0;
	UNIT_OK(unit_aborts(of_bad_self));
	bad_self = QD_NODES_MAX + 1;
	UNIT_OK(unit_aborts(of_bad_self));
}

static void alone(void)
{
	const struct qd_votes v = ones(3);
	struct qd_hearing h = nobody_hears(3);
	UNIT_EQUAL(qd_candidate(&h, 2, &v, 1, 3), 2);
	h = all_hear(3);
	h.usable = 5;
	UNIT_EQUAL(qd_candidate(&h, 2, &v, 0, 0), 0);
	UNIT_EQUAL(qd_candidate(&h, 1, &v, 0, 0), 5);
	h.usable = 2;
	UNIT_EQUAL(qd_candidate(&h, 2, &v, 1, 3), 2);
	h.usable = 0;
	UNIT_EQUAL(qd_candidate(&h, 2, &v, 1, 3), 0);
}

static void both_ends(void)
{
	const struct qd_votes v = ones(3);
	struct qd_hearing h = nobody_hears(3);
	h.hears[0] = 7; /* node 1 hears everybody and is heard by nobody */
	UNIT_EQUAL(qd_candidate(&h, 1, &v, 0, 0), 1);
	UNIT_EQUAL(qd_candidate(&h, 2, &v, 0, 0), 2);
	h = all_hear(3);
	h.hears[1] &= ~qd_set_of(3); /* 2 does not hear 3; with 1 both can be */
	UNIT_EQUAL(qd_candidate(&h, 1, &v, 0, 0), 3);
	UNIT_EQUAL(qd_candidate(&h, 2, &v, 0, 0), 3);
	UNIT_EQUAL(qd_candidate(&h, 3, &v, 0, 0), 5);
}

static void line(void)
{
	const struct qd_votes v = ones(3);
	struct qd_hearing h = nobody_hears(3);
	join(&h, 1, 2);
	join(&h, 2, 3);
	UNIT_EQUAL(qd_candidate(&h, 1, &v, 0, 0), 3);
	UNIT_EQUAL(qd_candidate(&h, 2, &v, 0, 0), 3);
	UNIT_EQUAL(qd_candidate(&h, 3, &v, 0, 0), 6); /* 2 does not share it, so this view never begins */
	/* 3 leads: now 2 and 3 agree, and 1 is the one left over */
	UNIT_EQUAL(qd_candidate(&h, 1, &v, 3, 0), 3);
	UNIT_EQUAL(qd_candidate(&h, 2, &v, 3, 0), 6);
	UNIT_EQUAL(qd_candidate(&h, 3, &v, 3, 0), 6);
}

/* Node 1 hears 2 and 3, 4 and 5 on its other side, and the sides do not hear each other. */
static const struct order_line {
	const char *name;
	uint8_t weight[5];
	uint32_t leader;
	uint32_t holder;
	uint64_t expected;
} ORDERS[] = {
	{"all alike: the lowest id", {1, 1, 1, 1, 1}, 0, 0, 7},
	{"the holder's side", {1, 1, 1, 1, 1}, 0, 5, 1 | 24},
	{"the leader's side, not the holder's", {1, 1, 1, 1, 1}, 2, 5, 7},
	{"the leader's side, though of higher ids", {1, 1, 1, 1, 1}, 4, 3, 1 | 24},
	{"votes before leader and holder", {1, 1, 1, 1, 2}, 2, 3, 1 | 24},
	{"votes before numbers", {1, 0, 0, 0, 1}, 0, 0, 1 | 24},
	{"one that leads and holds in the middle decides nothing", {1, 1, 1, 1, 1}, 1, 1, 7},
	{"no votes at all", {0, 0, 0, 0, 0}, 0, 4, 1 | 24},
	{"a leader or holder that is none", {1, 1, 1, 1, 1}, 9, QD_NODES_MAX + 1, 7},
};

static void orders(void)
{
	struct qd_hearing h = nobody_hears(5);
	for (uint32_t id = 2; id <= 5; id++)
		join(&h, 1, id);
	join(&h, 2, 3);
	join(&h, 4, 5);
	for (size_t i = 0; i < UNIT_COUNT(ORDERS); i++) {
		unit_case("%s", ORDERS[i].name);
		struct qd_votes v = ones(5);
		memcpy(v.weight, ORDERS[i].weight, sizeof(ORDERS[i].weight));
		UNIT_EQUAL(qd_candidate(&h, 1, &v, ORDERS[i].leader, ORDERS[i].holder), ORDERS[i].expected);
		/* who is not in the middle has its own side only */
		UNIT_EQUAL(qd_candidate(&h, 3, &v, ORDERS[i].leader, ORDERS[i].holder), 7);
		UNIT_EQUAL(qd_candidate(&h, 4, &v, ORDERS[i].leader, ORDERS[i].holder), 1 | 24);
	}
	unit_case("most members, of equal votes");
	struct qd_votes v = ones(5);
	v.out = qd_set_of(5);
	v.weight[1] = 0;
	part(&h, 2, 3); /* {1,2} {1,3} {1,4,5}: votes 1, 2, 2 */
	UNIT_EQUAL(qd_candidate(&h, 1, &v, 0, 0), 1 | 24);
	unit_case("the holder before most members");
	UNIT_EQUAL(qd_candidate(&h, 1, &v, 0, 3), 5);
	unit_case("the disk's vote is nobody's here");
	v.model = QD_MODEL_DISK_ONLY;
	UNIT_EQUAL(qd_candidate(&h, 1, &v, 0, 3), 5);
}

/* ---------------------------------------------------------------- all small graphs, many larger ones */

static const uint8_t WEIGHTS[][SMALL_NODES] = {
	{1, 1, 1, 1, 1}, {0, 1, 1, 0, 1}, {1, 2, 1, 3, 1}, {0, 0, 0, 0, 0}};

static bool small_graph(const struct qd_hearing *h, uint32_t graph)
{
	const struct plain *p = plain_of(h);
	for (size_t w = 0; w < UNIT_COUNT(WEIGHTS); w++) {
		struct qd_votes v = ones(SMALL_NODES);
		memcpy(v.weight, WEIGHTS[w], sizeof(WEIGHTS[w]));
		for (uint32_t lh = 0; lh < (SMALL_NODES + 1) * (SMALL_NODES + 1); lh++) {
			const struct qd_candidate_order o = {.votes = &v,
							     .leader = lh % (SMALL_NODES + 1),
							     .holder = lh / (SMALL_NODES + 1)};
			unit_case("graph %" PRIu32 ", weights %zu, leader %" PRIu32 ", holder %" PRIu32,
				  graph, w, o.leader, o.holder);
			if (!as_plain(h, p, &o))
				return false;
		}
	}
	return true;
}

static void every_small_graph(void)
{
	const uint32_t all = 1u << SMALL_LINKS, step = all / unit_runs(all);
	for (uint32_t graph = 0; graph < all; graph += step) {
		struct qd_hearing h = nobody_hears(SMALL_NODES);
		uint32_t link = 0;
		for (uint32_t a = 1; a <= SMALL_NODES; a++)
			for (uint32_t b = a + 1; b <= SMALL_NODES; b++)
				if ((graph >> link++ & 1u) != 0)
					join(&h, a, b);
		if (!small_graph(&h, graph))
			return;
	}
}

/* Of 1 to PLAIN_NODES_MAX nodes, from few links to nearly all, links in one direction and unusable nodes among them. */
static void random_graphs(void)
{
	uint64_t seed = 21;
	for (uint32_t at = 0; at < unit_runs(2500); at++) {
		const uint32_t count = 1 + (uint32_t)(unit_random(&seed) % PLAIN_NODES_MAX);
		struct qd_hearing h = random_graph(&seed, count, 40 + unit_random(&seed) % 61);
		struct qd_votes v = ones(count);
		if (unit_random(&seed) % 4 == 0)
			h.usable &= unit_random(&seed) | unit_random(&seed);
		for (uint32_t id = 1; id <= count && at % 3 == 0; id++)
			v.weight[id - 1] = (uint8_t)(unit_random(&seed) % 3);
		v.out = v.nodes & unit_random(&seed) & unit_random(&seed) & unit_random(&seed);
		const struct qd_candidate_order o = {.votes = &v,
						     .leader = (uint32_t)(unit_random(&seed) % (count + 1)),
						     .holder = (uint32_t)(unit_random(&seed) % (count + 1))};
		unit_case("graph %" PRIu32 ", %" PRIu32 " nodes, usable %" PRIx64 "h", at, count, h.usable);
		if (!as_plain(&h, plain_of(&h), &o))
			return;
	}
}

/* What nobody needs to know changes nothing: bits of unusable nodes, of links in one direction, of oneself. */
static void same_bitmaps(void)
{
	uint64_t seed = 22;
	for (uint32_t at = 0; at < unit_runs(3000); at++) {
		const uint32_t count = 2 + (uint32_t)(unit_random(&seed) % 39);
		struct qd_hearing h = random_graph(&seed, count, 70 + unit_random(&seed) % 30);
		h.usable &= unit_random(&seed) << 32 ^ unit_random(&seed);
		struct qd_hearing bare = {.usable = h.usable};
		for (uint32_t a = qd_set_next(h.usable, 0); a != 0; a = qd_set_next(h.usable, a))
			for (uint32_t b = qd_set_next(h.usable, 0); b != 0; b = qd_set_next(h.usable, b))
				if (a != b && qd_set_has(h.hears[a - 1], b) && qd_set_has(h.hears[b - 1], a))
					bare.hears[a - 1] |= qd_set_of(b);
		struct qd_hearing full = h;
		for (uint32_t id = 1; id <= QD_NODES_MAX; id++)
			full.hears[id - 1] =
				qd_set_has(h.usable, id) ? bare.hears[id - 1] | qd_set_of(id) : UINT64_MAX;
		const struct qd_votes v = ones(count);
		unit_case("graph %" PRIu32 ", %" PRIu32 " nodes, usable %" PRIx64 "h", at, count, h.usable);
		for (uint32_t id = qd_set_next(h.usable, 0); id != 0; id = qd_set_next(h.usable, id)) {
			const uint64_t found = qd_candidate(&h, id, &v, 1, 2);
			if (!UNIT_OK(all_hear_all(&h, found)) || !UNIT_OK(qd_set_has(found, id)) ||
			    !UNIT_EQUAL(qd_candidate(&bare, id, &v, 1, 2), found) ||
			    !UNIT_EQUAL(qd_candidate(&full, id, &v, 1, 2), found))
				return;
		}
	}
}

/* ---------------------------------------------------------------- how long it takes */

static uint32_t steps_of(const struct qd_hearing *h, uint32_t self, const struct qd_votes *v)
{
	const struct qd_candidate_order o = {.votes = v};
	uint32_t steps_count = 0;
	(void)qd_candidate_counted(h, self, &o, &steps_count);
	return steps_count;
}

/* The search branches over a node that misses at least two others, so a piece of n nodes takes no more than
 * T(n) = 1 + T(n - 1) + T(n - 3) steps. */
static uint32_t steps_limit(uint32_t nodes_count)
{
	uint32_t t[QD_NODES_MAX + 1] = {1, 1, 1};
	for (uint32_t n = 3; n <= nodes_count; n++)
		t[n] = 1 + t[n - 1] + t[n - 3];
	return t[nodes_count];
}

/* Random graphs, each improved (made harder) link by link as long as that goes. */
static uint32_t hardest(uint32_t nodes_count, uint32_t starts, uint32_t tries)
{
	uint64_t seed = nodes_count;
	const struct qd_votes v = ones(nodes_count);
	uint32_t most = 0;
	for (uint32_t start = 0; start < starts; start++) {
		struct qd_hearing h = all_hear(nodes_count);
		for (uint32_t a = 2; a <= nodes_count; a++)
			for (uint32_t b = a + 1; b <= nodes_count; b++)
				if (unit_random(&seed) % starts <= start)
					part(&h, a, b);
		uint32_t steps = steps_of(&h, 1, &v);
		for (uint32_t try = 0; try < tries; try++) {
			struct qd_hearing next = h;
			const uint32_t a = 2 + (uint32_t)(unit_random(&seed) % (nodes_count - 1));
			const uint32_t b = 2 + (uint32_t)(unit_random(&seed) % (nodes_count - 1));
			if (a == b)
				continue;
			if (qd_set_has(h.hears[a - 1], b))
				part(&next, a, b);
			else
				join(&next, a, b);
			const uint32_t then = steps_of(&next, 1, &v);
			if (then >= steps) {
				h = next;
				steps = then;
			}
		}
		most = steps > most ? steps : most;
	}
	return most;
}

static void steps_stay_low(void)
{
	UNIT_OK(steps_limit(25) <= QD_CANDIDATE_STEPS);
	const uint32_t most_16 = hardest(16, 12, unit_runs(1500));
	const uint32_t most_24 = hardest(24, 6, unit_runs(400));
	const uint32_t most_32 = hardest(32, 4, unit_runs(200));
	(void)printf("most steps found: 16 nodes %" PRIu32 ", 24 nodes %" PRIu32 ", 32 nodes %" PRIu32 " ",
		     most_16, most_24, most_32);
	UNIT_OK(most_16 <= 110);
	UNIT_OK(most_24 <= 370);
	UNIT_OK(most_32 <= 1100);
	/* no link at all but to node 1; groups of three of which each takes one (3^5 best sets); a ring without links */
	struct qd_votes v = ones(16);
	struct qd_hearing star = nobody_hears(16);
	struct qd_hearing threes = all_hear(16);
	struct qd_hearing ring = all_hear(16);
	for (uint32_t id = 2; id <= 16; id++) {
		join(&star, 1, id);
		part(&ring, id, id == 16 ? 2 : id + 1);
		for (uint32_t other = 2; other < id; other++)
			if ((other - 2) / 3 == (id - 2) / 3)
				part(&threes, id, other);
	}
	UNIT_OK(steps_of(&star, 1, &v) <= 150);
	UNIT_OK(steps_of(&threes, 1, &v) <= 150);
	UNIT_OK(steps_of(&ring, 1, &v) <= 150);
	UNIT_EQUAL(qd_candidate(&threes, 1, &v, 0, 4), 1 | 1 << 3 | 1 << 4 | 1 << 7 | 1 << 10 | 1 << 13);
}

static void many_nodes(void)
{
	const struct qd_votes v = ones(64);
	struct qd_hearing h = all_hear(64);
	for (uint32_t id = 1; id <= 64; id++) {
		UNIT_EQUAL(qd_candidate(&h, id, &v, 0, 0), UINT64_MAX);
		UNIT_EQUAL(steps_of(&h, id, &v), 0);
	}
	/* two halves that do not hear each other */
	for (uint32_t a = 1; a <= 32; a++)
		for (uint32_t b = 33; b <= 64; b++)
			part(&h, a, b);
	UNIT_EQUAL(qd_candidate(&h, 1, &v, 0, 64), UINT32_MAX);
	UNIT_EQUAL(qd_candidate(&h, 64, &v, 1, 0), UINT64_C(0xffffffff) << 32);
	UNIT_EQUAL(steps_of(&h, 1, &v), 0);
	/* each two of 32: 2^32 largest sets, decided one by one */
	h = all_hear(64);
	for (uint32_t id = 1; id < 64; id += 2)
		part(&h, id, id + 1);
	UNIT_EQUAL(qd_candidate(&h, 1, &v, 4, 6), UINT64_C(0x5555555555555555) ^ 0xc ^ 0x30);
	UNIT_EQUAL(qd_candidate(&h, 64, &v, 4, 6),
		   UINT64_C(0x5555555555555555) ^ 0xc ^ 0x30 ^ UINT64_C(3) << 62);
	UNIT_EQUAL(steps_of(&h, 1, &v), 31);
	/* one that hears no other but itself */
	h = all_hear(64);
	for (uint32_t id = 1; id < 64; id++)
		part(&h, 64, id);
	UNIT_EQUAL(qd_candidate(&h, 1, &v, 0, 0), UINT64_MAX >> 1);
	UNIT_EQUAL(qd_candidate(&h, 64, &v, 0, 0), UINT64_C(1) << 63);
}

/* Every node from `from` to `to` misses about `links_count` of the others there. */
static void break_some(struct qd_hearing *h, uint64_t *seed, uint32_t from, uint32_t to, uint32_t links_count)
{
	for (uint32_t id = from; id <= to; id++)
		for (uint32_t i = 0; i < links_count; i++) {
			const uint32_t other = from + (uint32_t)(unit_random(seed) % (to - from + 1));
			if (other != id)
				part(h, id, other);
		}
}

/* More than can be searched, in the first of two pieces that do not hang together. */
static void gives_up(void)
{
	const struct qd_votes v = ones(64);
	uint32_t given_up = 0;
	for (uint64_t at = 0; at < 30; at++) {
		uint64_t seed = 100 + at;
		struct qd_hearing h = all_hear(64);
		const uint32_t last = at % 2 == 0 ? 64 : 54;
		unit_case("graph %" PRIu64, at);
		break_some(&h, &seed, 2, last, 4);
		if (last < 64)
			break_some(&h, &seed, last + 1, 64, 2);
		const uint32_t steps = steps_of(&h, 1, &v);
		given_up += steps >= QD_CANDIDATE_STEPS;
		UNIT_OK(steps <= QD_CANDIDATE_STEPS + 64);
		const uint64_t found = qd_candidate(&h, 1, &v, 0, 0);
		UNIT_OK(all_hear_all(&h, found));
		UNIT_OK(qd_set_has(found, 1));
		UNIT_EQUAL(qd_candidate(&h, 1, &v, 0, 0), found);
		/* nobody else would fit in */
		for (uint32_t id = 1; id <= 64; id++)
			UNIT_OK(qd_set_has(found, id) || !all_hear_all(&h, found | qd_set_of(id)));
	}
	UNIT_OK(given_up >= 15);
}

static const struct unit_test TESTS[] = {
	{"a node that cannot be is a programmer's error", refuses},
	{"who hears nobody is alone, who is not usable is in no set", alone},
	{"only what both ends say counts", both_ends},
	{"of three in a line the first two agree, or those with the leader", line},
	{"votes, leader, holder, number, lowest id, in this order", orders},
	{"in every graph of five nodes every answer is the best one", every_small_graph},
	{"in random graphs every answer is the best one", random_graphs},
	{"what only one end says, or an unusable node, changes no answer", same_bitmaps},
	{"graphs made to be hard take few steps", steps_stay_low},
	{"64 nodes that all hear one another take no step, broken pairs one each", many_nodes},
	{"what takes too long ends with a set that nobody can join", gives_up},
};

int main(void)
{
	return unit_run("t_candidate", TESTS, UNIT_COUNT(TESTS));
}
