/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/crc32c.h"
#include "codec/kept.h"
#include "codec/kept_fields.h"

static void random_votes(uint64_t *seed, struct qd_votes *v)
{
	*v = (struct qd_votes){.model = (enum qd_model)(unit_random(seed) % QD_MODEL_COUNT)};
	v->nodes = unit_random(seed) | 1;
	v->dynamic = unit_random(seed) % 2 == 0;
	v->extra_out = unit_random(seed) % 2 == 0;
	v->out = unit_random(seed) & v->nodes;
	v->low = unit_random(seed) % 2 == 0 ? 0 : qd_set_first(v->nodes);
	v->paused = unit_random(seed) & v->nodes;
	for (uint32_t id = qd_set_next(v->nodes, 0); id != 0; id = qd_set_next(v->nodes, id))
		v->weight[id - 1] = (uint8_t)(unit_random(seed) % (QD_WEIGHT_MAX + 1));
}

static void random_slot(uint64_t *seed, struct qd_kept_slot *s)
{
	*s = (struct qd_kept_slot){.sequence = unit_random(seed) | 1};
	s->origin.node_id = (uint32_t)(unit_random(seed) % QD_NODE_ID_MAX) + 1;
	unit_fill(s->origin.machine, sizeof s->origin.machine, unit_random(seed));
	unit_fill(s->origin.cluster, sizeof s->origin.cluster, unit_random(seed));
	s->origin.file_system = unit_random(seed);
	s->origin.directory_inode = unit_random(seed);
	s->origin.directory_birth_ns = unit_random(seed);
	s->origin.file_inode = unit_random(seed);
	s->origin.file_birth_ns = unit_random(seed);
	struct qd_kept *k = &s->kept;
	k->promised = unit_random(seed);
	k->has_vote = unit_random(seed) % 2 == 0;
	if (unit_random(seed) % 4 != 0) {
		k->installed.epoch = unit_random(seed) | 1;
		k->installed.members = unit_random(seed) | 1;
	}
	for (uint32_t id = qd_set_next(k->installed.members, 0); id != 0;
	     id = qd_set_next(k->installed.members, id))
		k->installed.incarnation[id - 1] = unit_random(seed);
	k->head.tag.epoch = unit_random(seed);
	k->head.tag.version = unit_random(seed) % 3; /* 0 and 1, too */
	random_votes(seed, &k->head.votes);
	k->head.has_old = unit_random(seed) % 2 == 0;
	if (k->head.has_old)
		random_votes(seed, &k->head.old);
	k->head.forced_by = (uint32_t)(unit_random(seed) % (QD_NODE_ID_MAX + 1));
	k->head.forced_unix_s = unit_random(seed);
	unit_fill(k->head.body, sizeof k->head.body, unit_random(seed));
}

static void seal(uint8_t *bytes)
{
	uint32_t crc = qd_crc32c(0, bytes, QD_KEPT_CRC_AT);
	for (size_t i = 0; i < 4; i++)
		bytes[QD_KEPT_CRC_AT + i] = (uint8_t)(crc >> 8 * i);
}

static void goes_round(void)
{
	struct qd_kept_slot s, back;
	uint8_t bytes[QD_KEPT_SLOT_BYTES], again[QD_KEPT_SLOT_BYTES];
	for (uint64_t n = 1; n <= 5000; n++) {
		uint64_t seed = n;
		unit_case("seed %" PRIu64, n);
		random_slot(&seed, &s);
		qd_kept_encode(&s, bytes);
		if (!UNIT_EQUAL(qd_kept_decode(bytes, sizeof bytes, &back), QD_KEPT_OK))
			return;
		UNIT_EQUAL(back.sequence, s.sequence);
		UNIT_OK(qd_kept_origin_same_node(&back.origin, &s.origin));
		UNIT_OK(qd_kept_origin_same_place(&back.origin, &s.origin));
		UNIT_EQUAL(back.kept.promised, s.kept.promised);
		UNIT_EQUAL(back.kept.has_vote, s.kept.has_vote);
		UNIT_EQUAL(back.kept.installed.epoch, s.kept.installed.epoch);
		UNIT_EQUAL(back.kept.installed.members, s.kept.installed.members);
		UNIT_BYTES(back.kept.installed.incarnation, s.kept.installed.incarnation,
			   sizeof s.kept.installed.incarnation);
		UNIT_EQUAL(qd_tag_compare(back.kept.head.tag, s.kept.head.tag), 0);
		UNIT_OK(qd_votes_equal(&back.kept.head.votes, &s.kept.head.votes));
		UNIT_EQUAL(back.kept.head.votes.out, s.kept.head.votes.out);
		UNIT_EQUAL(back.kept.head.votes.low, s.kept.head.votes.low);
		UNIT_EQUAL(back.kept.head.votes.dynamic, s.kept.head.votes.dynamic);
		UNIT_EQUAL(back.kept.head.has_old, s.kept.head.has_old);
		UNIT_OK(qd_votes_equal(&back.kept.head.old, &s.kept.head.old));
		UNIT_EQUAL(back.kept.head.forced_by, s.kept.head.forced_by);
		UNIT_EQUAL(back.kept.head.forced_unix_s, s.kept.head.forced_unix_s);
		UNIT_BYTES(back.kept.head.body, s.kept.head.body, sizeof s.kept.head.body);
		qd_kept_encode(&back, again);
		UNIT_BYTES(again, bytes, sizeof bytes);
	}
}

static void notices_every_changed_bit_and_length(void)
{
	struct qd_kept_slot s, back;
	uint8_t bytes[QD_KEPT_SLOT_BYTES + 1] = {0}, wrong[QD_KEPT_SLOT_BYTES];
	uint64_t seed = 7;
	random_slot(&seed, &s);
	qd_kept_encode(&s, bytes);
	for (size_t bit = 0; bit < 8 * sizeof wrong; bit++) {
		memcpy(wrong, bytes, sizeof wrong);
		wrong[bit / 8] ^= (uint8_t)(1u << bit % 8);
		unit_case("bit %zu", bit);
		if (!UNIT_EQUAL(qd_kept_decode(wrong, sizeof wrong, &back), QD_KEPT_DAMAGED))
			return;
		UNIT_EQUAL(back.sequence, 0);
	}
	for (size_t len = 1; len <= sizeof bytes; len++) {
		unit_case("%zu bytes", len);
		UNIT_EQUAL(qd_kept_decode(bytes, len, &back),
			   len == QD_KEPT_SLOT_BYTES ? QD_KEPT_OK : QD_KEPT_DAMAGED);
	}
	memset(wrong, 0, sizeof wrong);
	UNIT_EQUAL(qd_kept_decode(wrong, sizeof wrong, &back), QD_KEPT_EMPTY);
	UNIT_EQUAL(qd_kept_decode(wrong, 0, &back), QD_KEPT_EMPTY);
}

/* With a right checksum. */
static void refuses_what_cannot_be(void)
{
	static const struct {
		const char *what;
		size_t at;
		uint8_t value;
		enum qd_kept_verdict verdict;
	} cases[] = {
		{"nothing changed", 24, 1, QD_KEPT_OK},
		{"another kind", 5, 'x', QD_KEPT_DAMAGED},
		{"format 2", 8, 2, QD_KEPT_NEWER},
		{"format 0", 8, 0, QD_KEPT_DAMAGED},
		{"an unknown flag", 10, 4, QD_KEPT_DAMAGED},
		{"version 0 that is not 1", 10, 2, QD_KEPT_DAMAGED},
		{"node 0", 12, 0, QD_KEPT_DAMAGED},
		{"node 65", 12, 65, QD_KEPT_DAMAGED},
		{"sequence 0", 16, 0, QD_KEPT_DAMAGED},
		{"members without an epoch", 104, 0, QD_KEPT_DAMAGED},
		{"an incarnation of a node that is no member", QD_KEPT_INCARNATIONS_AT + 16, 1,
		 QD_KEPT_DAMAGED},
		{"a head that cannot be", QD_KEPT_HEAD_AT, 99, QD_KEPT_DAMAGED},
		{"an old rule that is none", QD_KEPT_HEAD_AT + 239, 0x21, QD_KEPT_DAMAGED},
		{"a byte where there is nothing", 888, 1, QD_KEPT_DAMAGED},
		{"a byte where there is nothing", 1019, 1, QD_KEPT_DAMAGED},
	};
	struct qd_kept_slot s = {.sequence = 1, .origin = {.node_id = 1}}, back;
	uint8_t bytes[QD_KEPT_SLOT_BYTES];
	s.kept.installed = (struct qd_view){.epoch = 64, .members = 3, .incarnation = {5, 6}};
	s.kept.head.tag = (struct qd_tag){64, 2};
	s.kept.head.votes = (struct qd_votes){.nodes = 3, .weight = {1, 1}};
	for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
		unit_case("%s", cases[i].what);
		qd_kept_encode(&s, bytes);
		bytes[cases[i].at] = cases[i].value;
		seal(bytes);
		enum qd_kept_verdict verdict = qd_kept_decode(bytes, sizeof bytes, &back);
		if (cases[i].at == QD_KEPT_HEAD_AT)
			UNIT_OK(verdict != QD_KEPT_OK);
		else
			UNIT_EQUAL(verdict, cases[i].verdict);
	}
}

static void tells_origins_apart(void)
{
	const struct qd_kept_origin a = {1, {1}, {2}, 3, 4, 5, 6, 7};
	struct qd_kept_origin b = a;
	UNIT_OK(qd_kept_origin_same_node(&a, &b) && qd_kept_origin_same_place(&a, &b));
#define DIFFERS(change, node, place)                                                                         \
	b = a;                                                                                               \
	change;                                                                                              \
	unit_case(#change);                                                                                  \
	UNIT_EQUAL(qd_kept_origin_same_node(&a, &b), node);                                                  \
	UNIT_EQUAL(qd_kept_origin_same_place(&a, &b), place)
	DIFFERS(b.node_id++, false, true);
	DIFFERS(b.machine[15]++, false, true);
	DIFFERS(b.cluster[15]++, false, true);
	DIFFERS(b.file_system++, true, false);
	DIFFERS(b.directory_inode++, true, false);
	DIFFERS(b.directory_birth_ns++, true, false);
	DIFFERS(b.file_inode++, true, false);
	DIFFERS(b.file_birth_ns++, true, false);
}

static const struct unit_test TESTS[] = {
	{"what is kept comes back", goes_round},
	{"every changed bit and every other length is noticed", notices_every_changed_bit_and_length},
	{"what cannot be is refused, whatever its checksum", refuses_what_cannot_be},
	{"another node and another place are told apart", tells_origins_apart},
};

int main(void)
{
	return unit_run("t_kept", TESTS, UNIT_COUNT(TESTS));
}
