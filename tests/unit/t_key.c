/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "codec/key.h"

static void node_zero(void)
{
	(void)qd_key_make(1, 0, 1, 1);
}

static void node_too_large(void)
{
	(void)qd_key_make(1, QD_NODE_ID_MAX + 1, 1, 1);
}

static void beat_too_large(void)
{
	(void)qd_key_make(1, 1, 1, QD_BEAT_MAX + 1);
}

static void refuses_what_no_node_has(void)
{
	UNIT_OK(unit_aborts(node_zero));
	UNIT_OK(unit_aborts(node_too_large));
	UNIT_OK(unit_aborts(beat_too_large));
}

static void fields_lie_where_documented(void)
{
	UNIT_EQUAL(qd_key_make(0xabcd, 0x12, 0x3456, 0x789abc).value, UINT64_C(0xabcd123456789abc));
}

static void extremes_round_trip(void)
{
	static const uint16_t TAGS[] = {0, 1, 0x8000, 0xffff};
	static const uint32_t NODES[] = {QD_NODE_ID_MIN, 2, 63, QD_NODE_ID_MAX};
	static const uint32_t INCARNATIONS[] = {0, 1, 0x8000, 0xffff};
	static const uint32_t BEATS[] = {0, 1, 0x800000, QD_BEAT_MAX};
	for (unsigned i = 0; i < 256; i++) {
		uint16_t tag = TAGS[i & 3];
		uint32_t node = NODES[i >> 2 & 3];
		uint32_t incarnation = INCARNATIONS[i >> 4 & 3];
		uint32_t beat = BEATS[i >> 6 & 3];
		struct qd_key k = qd_key_make(tag, node, incarnation, beat);
		unit_case("key %016" PRIx64, k.value);
		UNIT_EQUAL(qd_key_tag(k), tag);
		UNIT_EQUAL(qd_key_node(k), node);
		UNIT_EQUAL(qd_key_incarnation(k), incarnation);
		UNIT_EQUAL(qd_key_beat(k), beat);
		UNIT_OK(!qd_key_is_none(k));
	}
}

static void incarnation_is_cut(void)
{
	struct qd_key k = qd_key_make(0, 1, UINT64_C(0xffffffffffff0001), 0);
	UNIT_EQUAL(k.value, UINT64_C(0x0000010001000000));
}

static void foreign_keys_are_readable(void)
{
	struct qd_key foreign = {UINT64_MAX};
	UNIT_EQUAL(qd_key_node(foreign), 255);
	UNIT_EQUAL(qd_key_tag(foreign), 0xffff);
	UNIT_EQUAL(qd_key_beat(foreign), QD_BEAT_MAX);
	UNIT_EQUAL(qd_key_node((struct qd_key){0}), 0);
}

static void equality_and_none(void)
{
	struct qd_key a = qd_key_make(7, 1, 1, 1);
	struct qd_key b = qd_key_make(7, 1, 1, 2);
	UNIT_OK(qd_key_equal(a, a));
	UNIT_OK(!qd_key_equal(a, b));
	UNIT_OK(qd_key_is_none((struct qd_key){0}));
	UNIT_OK(!qd_key_is_none(a));
}

static const struct unit_test TESTS[] = {
	{"a node id or a beat out of range is a programmer's error", refuses_what_no_node_has},
	{"tag, node, incarnation and beat lie in this order from the top", fields_lie_where_documented},
	{"the smallest and largest of every field come back, and no key is zero", extremes_round_trip},
	{"of an incarnation the low 16 bits are kept and nothing spills", incarnation_is_cut},
	{"a key that nobody of ours made can be taken apart", foreign_keys_are_readable},
	{"keys are equal by value and zero is no key", equality_and_none},
};

int main(void)
{
	return unit_run("t_key", TESTS, UNIT_COUNT(TESTS));
}
