/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of nodes against the plainest way to count bits. */
#include "unit.h"

#include "base/nodeset.h"

static uint32_t bad_id;

static void set_of_bad(void)
{
	(void)qd_set_of(bad_id);
}

static void refuses(void)
{
	static const uint32_t bad[] = {0, QD_NODES_MAX + 1, UINT32_MAX};
	for (size_t i = 0; i < UNIT_COUNT(bad); i++) {
		unit_case("id %" PRIu32, bad[i]);
		bad_id = bad[i];
		UNIT_OK(unit_aborts(set_of_bad));
		UNIT_OK(!qd_set_has(UINT64_MAX, bad[i]));
	}
}

static void of_and_has(void)
{
	for (uint32_t id = 1; id <= QD_NODES_MAX; id++) {
		unit_case("id %" PRIu32, id);
		const uint64_t set = qd_set_of(id);
		UNIT_EQUAL(set, UINT64_C(1) << (id - 1));
		for (uint32_t other = 1; other <= QD_NODES_MAX; other++)
			UNIT_OK(qd_set_has(set, other) == (other == id));
		UNIT_EQUAL(qd_set_count(set), 1);
		UNIT_EQUAL(qd_set_first(set), id);
		UNIT_EQUAL(qd_set_last(set), id);
		UNIT_OK(qd_set_contains(qd_set_all(), set));
	}
	UNIT_EQUAL(qd_set_count(qd_set_all()), QD_NODES_MAX);
}

static void empty_and_full(void)
{
	UNIT_EQUAL(qd_set_count(0), 0);
	UNIT_EQUAL(qd_set_first(0), 0);
	UNIT_EQUAL(qd_set_last(0), 0);
	UNIT_EQUAL(qd_set_next(0, 0), 0);
	UNIT_EQUAL(qd_set_count(UINT64_MAX), 64);
	UNIT_EQUAL(qd_set_first(UINT64_MAX), 1);
	UNIT_EQUAL(qd_set_last(UINT64_MAX), 64);
	UNIT_EQUAL(qd_set_next(UINT64_MAX, 63), 64);
	UNIT_EQUAL(qd_set_next(UINT64_MAX, 64), 0);
	UNIT_EQUAL(qd_set_next(UINT64_MAX, UINT32_MAX), 0);
}

static void contains(void)
{
	UNIT_OK(qd_set_contains(0, 0));
	UNIT_OK(qd_set_contains(6, 0));
	UNIT_OK(qd_set_contains(6, 2));
	UNIT_OK(qd_set_contains(6, 6));
	UNIT_OK(!qd_set_contains(6, 7));
	UNIT_OK(!qd_set_contains(6, 1));
	UNIT_OK(!qd_set_contains(0, 1));
	UNIT_OK(!qd_set_contains(UINT64_MAX >> 1, UINT64_MAX));
}

/* Sets with few members, many, and about half. */
static uint64_t random_set(uint64_t *seed)
{
	uint64_t set = unit_random(seed) << 32 ^ unit_random(seed);
	const uint64_t kind = unit_random(seed) % 3;
	for (uint64_t i = unit_random(seed) % 5; i > 0; i--) {
		const uint64_t more = unit_random(seed) << 32 ^ unit_random(seed);
		set = kind == 0 ? set & more : kind == 1 ? set | more : set ^ more;
	}
	return set;
}

static void as_counted(void)
{
	uint64_t seed = 1;
	for (int i = 0; i < 20000; i++) {
		const uint64_t set = random_set(&seed);
		unit_case("set %" PRIx64 "h", set);
		uint32_t count = 0;
		uint32_t first = 0;
		uint32_t last = 0;
		uint32_t walk = qd_set_next(set, 0);
		bool same = true;
		for (uint32_t id = 1; id <= 64; id++) {
			if ((set >> (id - 1) & 1u) == 0)
				continue;
			count++;
			first = first == 0 ? id : first;
			last = id;
			same = same && walk == id;
			walk = qd_set_next(set, id);
		}
		if (!UNIT_EQUAL(qd_set_count(set), count) || !UNIT_EQUAL(qd_set_first(set), first) ||
		    !UNIT_EQUAL(qd_set_last(set), last) || !UNIT_OK(same) || !UNIT_EQUAL(walk, 0))
			return;
	}
}

static const struct unit_test TESTS[] = {
	{"an id that cannot be is a programmer's error, and in no set", refuses},
	{"every id has a bit of its own", of_and_has},
	{"the empty set has no first, last or next id, the full one 64", empty_and_full},
	{"a set contains its parts and nothing else", contains},
	{"count, first, last and the walk by next are what counting bit by bit gives", as_counted},
};

int main(void)
{
	return unit_run("t_nodeset", TESTS, UNIT_COUNT(TESTS));
}
