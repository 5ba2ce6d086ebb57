/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/crc32c.h"
#include "codec/qdisk_fields.h"
#include "codec/qdisk_slot.h"

enum {
	SMALL = 512,
	LARGE = QD_QDISK_SECTOR_MAX,
	TEXT_SMALL = 700, /* a body of two sectors of 512 bytes, or of one of 4096 */
	BODY_AT = SMALL,
	HEAD_TAG_AT = 8,
	MODEL_AT = 64, /* of `votes`, from the head's first byte */
};

static const uint32_t SECTOR_BYTES[] = {SMALL, LARGE};

static struct qd_votes votes(enum qd_model model, uint64_t nodes, uint64_t seed)
{
	struct qd_votes v = {
		.model = model,
		.nodes = nodes,
		.dynamic = seed % 2 == 1,
		.extra_out = seed % 3 == 1,
		.out = nodes & (seed * UINT64_C(0x9e3779b97f4a7c15)),
		.low = seed % 5 == 0 ? qd_set_next(nodes, 0) : 0,
		.paused = nodes & (seed * UINT64_C(0xd1342543de82ef95)),
	};
	for (uint32_t id = qd_set_next(nodes, 0); id != 0; id = qd_set_next(nodes, id))
		v.weight[id - 1] = (uint8_t)((id + seed) % (QD_WEIGHT_MAX + 1));
	return v;
}

static struct qd_head head(uint64_t version)
{
	struct qd_head h = {
		.tag = {UINT64_C(0x0102030405060700), version},
		.votes = votes(QD_MODEL_NODE_AND_DISK, 0x8000000000000007, version),
		.has_old = version % 2 == 0,
		.forced_by = version % 4 == 3 ? 64 : 0,
		.forced_unix_s = version,
	};
	if (h.has_old)
		h.old = votes(QD_MODEL_NODE_MAJORITY, 0xff, version + 1);
	unit_fill(h.body, sizeof(h.body), version);
	return h;
}

static bool same_votes(const struct qd_votes *found, const struct qd_votes *expected)
{
	return UNIT_EQUAL(found->model, expected->model) && UNIT_EQUAL(found->nodes, expected->nodes) &&
	       UNIT_EQUAL(found->dynamic, expected->dynamic) && UNIT_EQUAL(found->out, expected->out) &&
	       UNIT_EQUAL(found->extra_out, expected->extra_out) && UNIT_EQUAL(found->low, expected->low) &&
	       UNIT_EQUAL(found->paused, expected->paused) &&
	       UNIT_BYTES(found->weight, expected->weight, sizeof(found->weight));
}

static bool same_head(const struct qd_head *found, const struct qd_head *expected)
{
	return UNIT_EQUAL(found->tag.epoch, expected->tag.epoch) &&
	       UNIT_EQUAL(found->tag.version, expected->tag.version) &&
	       same_votes(&found->votes, &expected->votes) && UNIT_EQUAL(found->has_old, expected->has_old) &&
	       same_votes(&found->old, &expected->old) && UNIT_EQUAL(found->forced_by, expected->forced_by) &&
	       UNIT_EQUAL(found->forced_unix_s, expected->forced_unix_s) &&
	       UNIT_BYTES(found->body, expected->body, sizeof(found->body));
}

/* A whole slot, with rubbish behind it. */
static size_t make(uint8_t *slot, uint32_t sector_bytes, uint64_t version, size_t text_bytes)
{
	const struct qd_head h = head(version);
	unit_fill(slot, QD_QDISK_SLOT_BYTES, version);
	return qd_config_slot_seal(&h, slot, sector_bytes, text_bytes);
}

/* Make both checksums right again after a change of the body. */
static void seal(uint8_t *slot, uint32_t sector_bytes)
{
	struct qd_config_slot header;
	UNIT_EQUAL(qd_config_slot_decode(slot, sector_bytes, &header), QD_QDISK_OK);
	header.body_crc32c = qd_crc32c(0, slot + sector_bytes, header.body_bytes);
	qd_config_slot_encode(&header, slot, sector_bytes);
}

static uint8_t one[QD_QDISK_SLOT_BYTES];

static enum qd_qdisk_verdict judged(size_t len_bytes, uint32_t sector_bytes)
{
	static const struct qd_config_content NOTHING;
	struct qd_config_content c;
	memset(&c, 0xee, sizeof(c));
	qd_config_slot_judge(one, len_bytes, sector_bytes, &c);
	if (c.verdict != QD_QDISK_OK) {
		UNIT_BYTES(&c.head, &NOTHING.head, sizeof(c.head));
		UNIT_EQUAL(c.text_bytes, 0);
	}
	return c.verdict;
}

/* ---------------------------------------------------------------- what is refused */

static void encode_with(void (*spoil)(struct qd_head *h))
{
	uint8_t to[QD_QDISK_HEAD_BYTES];
	struct qd_head h = head(2);
	spoil(&h);
	qd_config_head_encode(&h, to);
}

static void spoil_version(struct qd_head *h)
{
	h->tag.version = 0;
}

static void spoil_weight(struct qd_head *h)
{
	h->votes.weight[1] = QD_WEIGHT_MAX + 1;
}

static void spoil_old(struct qd_head *h)
{
	h->old.out = UINT64_C(1) << 40;
}

static void encode_without_version(void)
{
	encode_with(spoil_version);
}

static void encode_weight_16(void)
{
	encode_with(spoil_weight);
}

static void encode_old_of_strangers(void)
{
	encode_with(spoil_old);
}

static void seal_too_long(void)
{
	const struct qd_head h = head(1);
	(void)qd_config_slot_seal(&h, one, SMALL, QD_QDISK_TEXT_MAX + 1);
}

static void refuses_arguments(void)
{
	UNIT_OK(unit_aborts(encode_without_version));
	UNIT_OK(unit_aborts(encode_weight_16));
	UNIT_OK(unit_aborts(encode_old_of_strangers));
	UNIT_OK(unit_aborts(seal_too_long));
}

struct change {
	const char *what;
	size_t at; /* of the head */
	uint8_t value;
	enum qd_qdisk_verdict verdict;
};

/* Version 2: has_old is set; nodes 1, 2, 3 and 64; old nodes 1 to 8. */
static void impossible_heads(void)
{
	static const struct change CHANGES[] = {
		{"format 0", 0, 0, QD_QDISK_INVALID},
		{"format 2", 0, 2, QD_QDISK_NEWER},
		{"format 257", 1, 1, QD_QDISK_NEWER},
		{"has_old 2", 2, 2, QD_QDISK_INVALID},
		{"has_old 0", 2, 0, QD_QDISK_OK},
		{"forced by 65", 4, 65, QD_QDISK_INVALID},
		{"forced by 2^24", 7, 1, QD_QDISK_INVALID},
		{"forced by 64", 4, 64, QD_QDISK_OK},
		{"another epoch than the header's", HEAD_TAG_AT, 1, QD_QDISK_INVALID},
		{"another version than the header's", HEAD_TAG_AT + 8, 3, QD_QDISK_INVALID},
		{"another digest", 32, 0x77, QD_QDISK_OK},
		{"model 4", MODEL_AT, QD_MODEL_COUNT, QD_QDISK_INVALID},
		{"model 0", MODEL_AT, 0, QD_QDISK_OK},
		{"dynamic 2", MODEL_AT + 1, 2, QD_QDISK_INVALID},
		{"extra_out 255", MODEL_AT + 2, 255, QD_QDISK_INVALID},
		{"low is nobody's", MODEL_AT + 4, 4, QD_QDISK_INVALID},
		{"low is node 65", MODEL_AT + 4, 65, QD_QDISK_INVALID},
		{"low is node 64", MODEL_AT + 4, 64, QD_QDISK_OK},
		{"nodes without one that is out", MODEL_AT + 15, 0, QD_QDISK_INVALID},
		{"out names a stranger", MODEL_AT + 17, 1, QD_QDISK_INVALID},
		{"a weight of 16", MODEL_AT + 24, 16, QD_QDISK_INVALID},
		{"a weight of 15", MODEL_AT + 24, 15, QD_QDISK_OK},
		{"a stranger's weight", MODEL_AT + 24 + 10, 1, QD_QDISK_INVALID},
		{"old model 4", 160, QD_MODEL_COUNT, QD_QDISK_INVALID},
		{"old stranger's weight", 160 + 24 + 63, 1, QD_QDISK_INVALID},
		{"a byte that no field has", 3, 9, QD_QDISK_OK},
		{"a byte of the votes that no field has", MODEL_AT + 3, 9, QD_QDISK_OK},
		{"paused names a stranger", MODEL_AT + 88 + 1, 1, QD_QDISK_INVALID},
		{"old paused names a stranger", 255, 9, QD_QDISK_INVALID},
	};
	for (size_t i = 0; i < UNIT_COUNT(CHANGES); i++) {
		const size_t len = make(one, SMALL, 2, TEXT_SMALL);
		unit_case("%s", CHANGES[i].what);
		UNIT_OK((one[BODY_AT + MODEL_AT + 15] & 0x80) != 0);
		one[BODY_AT + MODEL_AT + 16 + 7] = 0x80; /* node 64 is out */
		one[BODY_AT + CHANGES[i].at] = CHANGES[i].value;
		UNIT_EQUAL(judged(len, SMALL), QD_QDISK_TORN);
		seal(one, SMALL);
		UNIT_EQUAL(judged(len, SMALL), CHANGES[i].verdict);
	}
}

static void short_heads(void)
{
	uint8_t bytes[QD_QDISK_HEAD_BYTES + 1] = {0};
	const struct qd_head h = head(1);
	struct qd_head back;
	qd_config_head_encode(&h, bytes);
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		unit_case("%zu bytes", len);
		UNIT_EQUAL(qd_config_head_decode(bytes, len, &back),
			   len < QD_QDISK_HEAD_BYTES ? QD_QDISK_TORN : QD_QDISK_OK);
	}
	/* the same as a body, under right checksums */
	for (uint32_t body = 0; body <= QD_QDISK_HEAD_BYTES; body += 128) {
		const struct qd_config_slot header = {h.tag.epoch, h.tag.version, body,
						      qd_crc32c(0, bytes, body)};
		memset(one, 0, 2 * SMALL);
		memcpy(one + SMALL, bytes, body);
		qd_config_slot_encode(&header, one, SMALL);
		unit_case("a body of %u bytes", body);
		UNIT_EQUAL(judged(2 * SMALL, SMALL),
			   body < QD_QDISK_HEAD_BYTES ? QD_QDISK_INVALID : QD_QDISK_OK);
	}
}

static void damage(void)
{
	const size_t len = make(one, SMALL, 5, TEXT_SMALL);
	const size_t body = QD_QDISK_HEAD_BYTES + TEXT_SMALL;
	UNIT_EQUAL(judged(len, SMALL), QD_QDISK_OK);
	for (size_t at = 0; at < len; at++) {
		one[at] ^= 0x10;
		unit_case("byte %zu", at);
		const enum qd_qdisk_verdict verdict = judged(len, SMALL);
		if (at < QD_QDISK_MAGIC_BYTES)
			UNIT_EQUAL(verdict, QD_QDISK_FOREIGN);
		else
			UNIT_EQUAL(verdict, at < BODY_AT + body ? QD_QDISK_TORN : QD_QDISK_OK);
		one[at] ^= 0x10;
	}
	/* less was read than the header says */
	UNIT_EQUAL(judged(len - SMALL, SMALL), QD_QDISK_TORN);
	UNIT_EQUAL(judged(SMALL, SMALL), QD_QDISK_TORN);
	memset(one, 0, sizeof(one));
	UNIT_EQUAL(judged(SMALL, SMALL), QD_QDISK_EMPTY);
	UNIT_EQUAL(judged(LARGE, LARGE), QD_QDISK_EMPTY);
}

/* With sectors of 512 bytes there is room for a body that one with 4096 could not hold. */
static void text_too_long(void)
{
	const struct qd_head h = head(1);
	(void)qd_config_slot_seal(&h, one, SMALL, QD_QDISK_TEXT_MAX);
	UNIT_EQUAL(judged(sizeof(one), SMALL), QD_QDISK_OK);
	struct qd_config_slot header;
	UNIT_EQUAL(qd_config_slot_decode(one, SMALL, &header), QD_QDISK_OK);
	header.body_bytes++;
	header.body_crc32c = qd_crc32c(0, one + SMALL, header.body_bytes);
	qd_config_slot_encode(&header, one, SMALL);
	UNIT_EQUAL(judged(sizeof(one), SMALL), QD_QDISK_INVALID);
}

/* ---------------------------------------------------------------- what is written and comes back */

static void head_bytes(void)
{
	struct qd_head h = {
		.tag = {UINT64_C(0x0102030405060708), UINT64_C(0x1112131415161718)},
		.votes = {.model = QD_MODEL_DISK_ONLY, .nodes = 0x0d, .weight = {1, 99, 15, 4}, .out = 0x08},
		.has_old = true,
		.old = {.model = QD_MODEL_NODE_AND_WITNESS,
			.nodes = 0x03,
			.weight = {2, 3},
			.dynamic = true,
			.extra_out = true,
			.low = 2},
		.forced_by = 0x2a,
		.forced_unix_s = UINT64_C(0x2122232425262728),
	};
	uint8_t expected[QD_QDISK_HEAD_BYTES] = {1,
						 0,
						 1,
						 0,
						 0x2a,
						 0,
						 0,
						 0,
						 0x08,
						 0x07,
						 0x06,
						 0x05,
						 0x04,
						 0x03,
						 0x02,
						 0x01,
						 0x18,
						 0x17,
						 0x16,
						 0x15,
						 0x14,
						 0x13,
						 0x12,
						 0x11,
						 0x28,
						 0x27,
						 0x26,
						 0x25,
						 0x24,
						 0x23,
						 0x22,
						 0x21,
						 [64] = 3,
						 [64 + 8] = 0x0d,
						 [64 + 16] = 0x08,
						 [64 + 24] = 1,
						 [64 + 26] = 15,
						 [64 + 27] = 4,
						 [160] = 2,
						 [161] = 1,
						 [162] = 1,
						 [164] = 2,
						 [168] = 3,
						 [184] = 2,
						 [185] = 3};
	uint8_t found[QD_QDISK_HEAD_BYTES + 1];
	unit_fill(h.body, sizeof(h.body), 7);
	memcpy(expected + 32, h.body, sizeof(h.body));
	memset(found, 0xee, sizeof(found));
	qd_config_head_encode(&h, found);
	UNIT_BYTES(found, expected, sizeof(expected));
	UNIT_EQUAL(found[QD_QDISK_HEAD_BYTES], 0xee);
}

static void old_only_where_it_counts(void)
{
	uint8_t found[QD_QDISK_HEAD_BYTES];
	struct qd_head h = head(2);
	h.has_old = false;
	qd_config_head_encode(&h, found);
	for (size_t i = 160; i < QD_QDISK_HEAD_BYTES; i++)
		UNIT_EQUAL(found[i], 0);
	found[170] = 0xff;
	struct qd_head back;
	UNIT_EQUAL(qd_config_head_decode(found, QD_QDISK_HEAD_BYTES, &back), QD_QDISK_OK);
	UNIT_EQUAL(back.old.nodes, 0);
}

static void heads_come_back(void)
{
	for (uint64_t version = 1; version <= 64; version++) {
		struct qd_head h = head(version);
		struct qd_head back;
		uint8_t bytes[QD_QDISK_HEAD_BYTES];
		h.votes = votes((enum qd_model)(version % QD_MODEL_COUNT), UINT64_MAX >> (64 - version),
				version);
		qd_config_head_encode(&h, bytes);
		unit_case("version %" PRIu64, version);
		UNIT_EQUAL(qd_config_head_decode(bytes, sizeof(bytes), &back), QD_QDISK_OK);
		(void)same_head(&back, &h);
	}
}

static void slots_come_back(void)
{
	static const size_t TEXTS[] = {0,
				       1,
				       SMALL - QD_QDISK_HEAD_BYTES,
				       SMALL - QD_QDISK_HEAD_BYTES + 1,
				       LARGE,
				       65536,
				       99999,
				       QD_QDISK_TEXT_MAX};
	static uint8_t text[QD_QDISK_SLOT_BYTES];
	for (size_t size = 0; size < UNIT_COUNT(SECTOR_BYTES); size++) {
		const uint32_t sector = SECTOR_BYTES[size];
		for (size_t i = 0; i < UNIT_COUNT(TEXTS); i++) {
			struct qd_config_content c;
			struct qd_config_slot header;
			const struct qd_head h = head(i + 1);
			unit_case("a text of %zu bytes in sectors of %u", TEXTS[i], sector);
			unit_fill(one, sizeof(one), i + 1);
			memcpy(text, one + sector + QD_QDISK_HEAD_BYTES, TEXTS[i]);
			const size_t len = make(one, sector, i + 1, TEXTS[i]);
			UNIT_EQUAL(len % sector, 0);
			UNIT_OK(len <= QD_QDISK_SLOT_BYTES && len >= sector + QD_QDISK_HEAD_BYTES + TEXTS[i]);
			UNIT_EQUAL(qd_config_slot_decode(one, sector, &header), QD_QDISK_OK);
			UNIT_EQUAL(qd_config_slot_length(sector, header.body_bytes), len);
			for (size_t at = sector + header.body_bytes; at < len; at++)
				UNIT_EQUAL(one[at], 0);
			qd_config_slot_judge(one, len, sector, &c);
			UNIT_EQUAL(c.verdict, QD_QDISK_OK);
			UNIT_EQUAL(c.text_bytes, TEXTS[i]);
			UNIT_BYTES(one + qd_config_text_at(sector), text, TEXTS[i]);
			(void)same_head(&c.head, &h);
		}
	}
}

/* ---------------------------------------------------------------- which slot counts */

static void newest(void)
{
	static const struct {
		enum qd_qdisk_verdict verdict[2];
		struct qd_tag tag[2];
		uint32_t counts;
	} CASES[] = {
		{{QD_QDISK_EMPTY, QD_QDISK_EMPTY}, {{0, 0}, {0, 0}}, 2},
		{{QD_QDISK_TORN, QD_QDISK_INVALID}, {{9, 9}, {9, 9}}, 2},
		{{QD_QDISK_OK, QD_QDISK_EMPTY}, {{1, 1}, {0, 0}}, 0},
		{{QD_QDISK_TORN, QD_QDISK_OK}, {{9, 9}, {1, 1}}, 1},
		{{QD_QDISK_OK, QD_QDISK_OK}, {{5, 1}, {5, 1}}, 0},
		{{QD_QDISK_OK, QD_QDISK_OK}, {{5, 1}, {5, 2}}, 1},
		{{QD_QDISK_OK, QD_QDISK_OK}, {{5, 2}, {5, 1}}, 0},
		{{QD_QDISK_OK, QD_QDISK_OK}, {{5, 9}, {6, 1}}, 1},
		{{QD_QDISK_OK, QD_QDISK_OK}, {{UINT64_MAX, 1}, {6, UINT64_MAX}}, 0},
	};
	for (size_t i = 0; i < UNIT_COUNT(CASES); i++) {
		struct qd_config_content c[QD_QDISK_SLOT_COUNT] = {0};
		for (size_t k = 0; k < QD_QDISK_SLOT_COUNT; k++) {
			c[k].verdict = CASES[i].verdict[k];
			c[k].head.tag = CASES[i].tag[k];
		}
		unit_case("case %zu", i);
		UNIT_EQUAL(qd_config_slot_newest(c), CASES[i].counts);
	}
}

/* ---------------------------------------------------------------- torn writes */

enum {
	TORN_ROOM = 3 * LARGE,
};

/* Two slots on a disk, and what the writer has in memory. */
struct torn {
	uint32_t sector;
	uint8_t disk[QD_QDISK_SLOT_COUNT][TORN_ROOM];
	uint8_t made[TORN_ROOM];
	size_t made_bytes;
};

static uint32_t torn_newest(const struct torn *t, struct qd_config_content found[QD_QDISK_SLOT_COUNT])
{
	for (uint32_t i = 0; i < QD_QDISK_SLOT_COUNT; i++)
		qd_config_slot_judge(t->disk[i], TORN_ROOM, t->sector, &found[i]);
	return qd_config_slot_newest(found);
}

/* Write to one slot as the driver does, body then header, and stop when *left bytes are written. */
static void torn_write(struct torn *t, uint32_t slot, size_t *left)
{
	const size_t body = t->made_bytes - t->sector;
	const size_t of_body = *left < body ? *left : body;
	memcpy(t->disk[slot] + t->sector, t->made + t->sector, of_body);
	*left -= of_body;
	const size_t of_header = *left < t->sector ? *left : t->sector;
	memcpy(t->disk[slot], t->made, of_header);
	*left -= of_header;
}

static size_t torn_make(uint8_t *to, uint32_t sector, uint64_t version)
{
	/* texts that differ from their first byte on, of lengths that need more sectors and fewer */
	const struct qd_head h = head(version);
	unit_fill(to, TORN_ROOM, version * 7919);
	return qd_config_slot_seal(&h, to, sector, version % 2 == 0 ? 100 : TEXT_SMALL);
}

/* The versions on the disk before (0: zeros), then version `next` is written and stops after `at` bytes. */
static bool torn_case(uint32_t sector, const uint64_t before[2], uint64_t next, size_t at)
{
	static struct torn t;
	struct qd_config_content found[QD_QDISK_SLOT_COUNT];
	uint64_t old = 0;
	t.sector = sector;
	for (size_t i = 0; i < QD_QDISK_SLOT_COUNT; i++) {
		memset(t.disk[i], 0, TORN_ROOM);
		if (before[i] != 0)
			(void)torn_make(t.disk[i], sector, before[i]);
		old = before[i] > old ? before[i] : old;
	}
	t.made_bytes = torn_make(t.made, sector, next);
	const uint32_t first = torn_newest(&t, found) == 0 ? 1 : 0;
	size_t left = at;
	torn_write(&t, first, &left);
	torn_write(&t, 1 - first, &left);
	const uint32_t n = torn_newest(&t, found);
	unit_case("sectors of %u, %" PRIu64 " and %" PRIu64 ", then %" PRIu64 " for %zu bytes", sector,
		  before[0], before[1], next, at);
	if (n == QD_QDISK_SLOT_COUNT)
		return UNIT_OK(old == 0 && at < t.made_bytes);
	static uint8_t whole[TORN_ROOM];
	const uint64_t version = found[n].head.tag.version;
	if (!UNIT_OK(version == old || version == next) || !UNIT_OK(version == next || at < t.made_bytes))
		return false;
	const size_t whole_bytes = torn_make(whole, sector, version);
	const struct qd_head h = head(version);
	return same_head(&found[n].head, &h) && UNIT_BYTES(t.disk[n], whole, whole_bytes);
}

static void torn_at_every_byte(void)
{
	static const uint64_t BEFORE[][2] = {{0, 0}, {4, 4}, {4, 5}, {5, 4}, {0, 5}, {4, 0}};
	for (size_t size = 0; size < UNIT_COUNT(SECTOR_BYTES); size++) {
		for (size_t i = 0; i < UNIT_COUNT(BEFORE); i++) {
			const size_t end = (size_t)6 * SECTOR_BYTES[size];
			const size_t step = SECTOR_BYTES[size] == SMALL ? 1 : 13; /* most of it is zeros */
			for (size_t at = 0; at <= end; at += step)
				if (!torn_case(SECTOR_BYTES[size], BEFORE[i], 6 + at % 2, at))
					return;
		}
	}
}

static const struct unit_test TESTS[] = {
	{"heads that cannot be and texts too long are a programmer's error", refuses_arguments},
	{"impossible heads, and heads of another tag, are invalid under good checksums", impossible_heads},
	{"half a head is none", short_heads},
	{"every damaged byte of a slot is noticed, but for the zeros behind the body", damage},
	{"a text that does not fit slots of both kinds is invalid", text_too_long},
	{"a head is these bytes", head_bytes},
	{"without has_old nothing of the old votes is written or read", old_only_where_it_counts},
	{"heads come back", heads_come_back},
	{"slots come back, with texts from nothing to the longest", slots_come_back},
	{"of two slots the valid one with the higher tag counts", newest},
	{"a change torn at any byte leaves the old configuration or the new one, whole", torn_at_every_byte},
};

int main(void)
{
	return unit_run("t_qdisk_slot", TESTS, UNIT_COUNT(TESTS));
}
