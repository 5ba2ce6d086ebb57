/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/bytes.h"
#include "codec/pr.h"

enum { CAP = 4096 };

static const char NAME[] = "iqn.2026-11.org.example:node1";

/* Builds READ FULL STATUS data the way a target does. */
struct builder {
	uint8_t data[CAP];
	size_t len;
};

static void builder_header(struct builder *b, uint32_t generation, size_t additional)
{
	struct qd_writer w = qd_writer_make(b->data, 8);
	qd_write_be(&w, 4, generation);
	qd_write_be(&w, 4, additional);
}

static void builder_begin(struct builder *b)
{
	*b = (struct builder){.len = 8};
	builder_header(b, 0x01020304, 0);
}

static void builder_add(struct builder *b, uint64_t key, uint8_t flags, uint8_t type, const uint8_t *id,
			size_t id_len)
{
	struct qd_writer w = qd_writer_make(b->data + b->len, CAP - b->len);
	qd_write_be(&w, 8, key);
	qd_write_be(&w, 4, 0);
	qd_write_be(&w, 1, flags);
	qd_write_be(&w, 1, type);
	qd_write_be(&w, 4, 0);
	qd_write_be(&w, 2, 3); /* relative port */
	qd_write_be(&w, 4, id_len);
	qd_write_copy(&w, id, id_len);
	b->len += w.at;
	builder_header(b, 0x01020304, b->len - 8);
}

/* A TransportID for iSCSI; the text may hold NULs. */
static size_t iscsi_id(uint8_t *id, unsigned format, const char *text, size_t text_len)
{
	size_t padded = (text_len + 1 + 3) / 4 * 4;
	memset(id, 0, 4 + padded);
	id[0] = (uint8_t)(format << 6 | 5);
	id[2] = (uint8_t)(padded >> 8);
	id[3] = (uint8_t)padded;
	memcpy(id + 4, text, text_len);
	return 4 + padded;
}

static void builder_add_iscsi(struct builder *b, uint64_t key, uint8_t flags, uint8_t type)
{
	uint8_t id[64];
	builder_add(b, key, flags, type, id, iscsi_id(id, 0, NAME, strlen(NAME)));
}

/* How many descriptors come before the end; *last is the last one. */
static unsigned walk(const uint8_t *data, size_t len, struct qd_pr_full_status_cursor *cursor,
		     struct qd_pr_full_status *last)
{
	unsigned count = 0;
	struct qd_pr_full_status status;
	if (!UNIT_OK(qd_pr_full_status_begin(data, len, cursor)))
		return 0;
	while (count < CAP && qd_pr_full_status_next(cursor, &status)) {
		*last = status;
		count++;
	}
	UNIT_OK(!qd_pr_full_status_next(cursor, &status)); /* the end stays the end */
	UNIT_EQUAL(status.key.value, 0);
	return count;
}

static void short_header(void)
{
	static const uint8_t DATA[8] = {0};
	struct qd_pr_full_status_cursor cursor;
	UNIT_OK(!qd_pr_full_status_begin(NULL, 0, &cursor));
	for (size_t len = 0; len < sizeof(DATA); len++)
		UNIT_OK(!qd_pr_full_status_begin(DATA, len, &cursor));
}

static void empty(void)
{
	static const uint8_t DATA[8] = {0, 0, 0, 42, 0, 0, 0, 0};
	struct qd_pr_full_status_cursor cursor;
	struct qd_pr_full_status status;
	UNIT_EQUAL(walk(DATA, sizeof(DATA), &cursor, &status), 0);
	UNIT_EQUAL(cursor.generation, 42);
	UNIT_OK(!cursor.malformed && !cursor.truncated);
}

static void truncated_everywhere(void)
{
	struct builder b;
	struct qd_pr_full_status status;
	builder_begin(&b);
	builder_add_iscsi(&b, 1, 0, 0);
	size_t first_end = b.len;
	builder_add_iscsi(&b, 2, 1, QD_PR_TYPE_WRITE_EXCLUSIVE);
	for (size_t len = 8; len <= b.len; len++) {
		struct qd_pr_full_status_cursor cursor;
		unit_case("%zu bytes of %zu", len, b.len);
		/* A copy of just that length, so that a sanitizer sees a read beyond it. */
		uint8_t *copy = malloc(len);
		if (copy == NULL) {
			UNIT_OK(false);
			return;
		}
		memcpy(copy, b.data, len);
		UNIT_EQUAL(walk(copy, len, &cursor, &status), len == b.len ? 2 : len >= first_end ? 1 : 0);
		UNIT_EQUAL(cursor.truncated, len < b.len);
		UNIT_OK(!cursor.malformed);
		free(copy);
	}
}

/* The same bytes missing, but the target says that this is all. */
static void cut_descriptor_is_malformed(void)
{
	struct builder b;
	struct qd_pr_full_status status;
	builder_begin(&b);
	builder_add_iscsi(&b, 1, 0, 0);
	size_t first_end = b.len;
	builder_add_iscsi(&b, 2, 0, 0);
	for (size_t len = 8; len <= b.len; len++) {
		struct qd_pr_full_status_cursor cursor;
		unit_case("%zu bytes of %zu", len, b.len);
		builder_header(&b, 1, len - 8);
		(void)walk(b.data, b.len, &cursor, &status);
		UNIT_EQUAL(cursor.malformed, len != 8 && len != first_end && len != b.len);
		UNIT_OK(!cursor.truncated);
	}
}

static void transport_id_too_short(void)
{
	static const uint8_t PROTOCOLS[] = {0, 5, 6};
	static const size_t NEEDED[] = {16, 4, 12};
	for (size_t i = 0; i < UNIT_COUNT(PROTOCOLS); i++) {
		for (size_t len = 0; len <= 24; len++) {
			uint8_t id[24] = {PROTOCOLS[i]};
			struct builder b;
			struct qd_pr_full_status_cursor cursor;
			struct qd_pr_full_status status;
			unit_case("protocol %u, %zu bytes", PROTOCOLS[i], len);
			builder_begin(&b);
			builder_add(&b, 1, 0, 0, id, len);
			bool good = len >= NEEDED[i];
			UNIT_EQUAL(walk(b.data, b.len, &cursor, &status), good);
			UNIT_EQUAL(cursor.malformed, !good);
		}
	}
}

static void name_longer_than_its_id(void)
{
	uint8_t id[64];
	size_t len = iscsi_id(id, 0, NAME, strlen(NAME));
	id[3] = (uint8_t)(id[3] + 4);
	struct builder b;
	struct qd_pr_full_status_cursor cursor;
	struct qd_pr_full_status status;
	builder_begin(&b);
	builder_add(&b, 1, 0, 0, id, len);
	UNIT_EQUAL(walk(b.data, b.len, &cursor, &status), 0);
	UNIT_OK(cursor.malformed);
}

static void absurd_lengths(void)
{
	struct builder b;
	struct qd_pr_full_status_cursor cursor;
	struct qd_pr_full_status status;
	builder_begin(&b);
	builder_add_iscsi(&b, 1, 0, 0);
	memset(b.data + 8 + 20, 0xff, 4); /* ADDITIONAL DESCRIPTOR LENGTH */
	UNIT_EQUAL(walk(b.data, b.len, &cursor, &status), 0);
	UNIT_OK(cursor.malformed);
	memset(b.data + 4, 0xff, 4); /* ADDITIONAL LENGTH */
	UNIT_EQUAL(walk(b.data, b.len, &cursor, &status), 0);
	UNIT_OK(cursor.truncated && !cursor.malformed);
}

static void holder_of_unknown_type(void)
{
	for (unsigned value = 0; value < 256; value++) {
		struct builder b;
		struct qd_pr_full_status_cursor cursor;
		struct qd_pr_full_status status;
		enum qd_pr_type type;
		unit_case("scope and type %02xh", value);
		builder_begin(&b);
		builder_add_iscsi(&b, 1, 0x01, (uint8_t)value);
		bool known = qd_pr_type_of_byte((uint8_t)value, &type);
		UNIT_EQUAL(known, value == 1 || value == 3 || (value >= 5 && value <= 8));
		UNIT_EQUAL(walk(b.data, b.len, &cursor, &status), known);
		UNIT_EQUAL(cursor.malformed, !known);
		builder_begin(&b); /* who does not hold has no type, whatever the byte says */
		builder_add_iscsi(&b, 1, 0x00, (uint8_t)value);
		UNIT_EQUAL(walk(b.data, b.len, &cursor, &status), 1);
		UNIT_EQUAL(status.type, QD_PR_TYPE_NONE);
	}
}

static void hostile_names(void)
{
	uint8_t id[CAP];
	char text[1000];
	struct builder b;
	struct qd_pr_full_status_cursor cursor;
	struct qd_pr_full_status status;
	builder_begin(&b);
	builder_add(&b, 1, 0, 0, id, iscsi_id(id, 0, "iqn.\x1b[2J\x7f\xc3\xa4", 11));
	UNIT_EQUAL(walk(b.data, b.len, &cursor, &status), 1);
	UNIT_TEXT(status.initiator, "iqn.?[2J???");

	memset(text, 'x', sizeof(text));
	for (size_t len = 250; len < 260; len++) {
		unit_case("name of %zu", len);
		builder_begin(&b);
		builder_add(&b, 1, 0, 0, id, iscsi_id(id, 0, text, len));
		UNIT_EQUAL(walk(b.data, b.len, &cursor, &status), 1);
		UNIT_EQUAL(strlen(status.initiator), len < 255 ? len : 255);
	}
	builder_begin(&b); /* no NUL at all */
	size_t len = iscsi_id(id, 0, text, 19);
	id[len - 1] = 'y';
	builder_add(&b, 1, 0, 0, id, len);
	UNIT_EQUAL(walk(b.data, b.len, &cursor, &status), 1);
	UNIT_EQUAL(strlen(status.initiator), 20);
}

static void every_field(void)
{
	struct builder b;
	struct qd_pr_full_status_cursor cursor;
	struct qd_pr_full_status status;
	builder_begin(&b);
	builder_add_iscsi(&b, UINT64_C(0xabcd010001000007), 0x03, QD_PR_TYPE_WRITE_EXCLUSIVE_RO);
	UNIT_EQUAL(walk(b.data, b.len, &cursor, &status), 1);
	UNIT_EQUAL(cursor.generation, 0x01020304);
	UNIT_EQUAL(status.key.value, UINT64_C(0xabcd010001000007));
	UNIT_OK(status.holder && status.all_target_ports);
	UNIT_EQUAL(status.type, QD_PR_TYPE_WRITE_EXCLUSIVE_RO);
	UNIT_EQUAL(status.relative_port, 3);
	UNIT_EQUAL(status.transport, 5);
	UNIT_TEXT(status.initiator, NAME);
}

static void isid_forms(void)
{
	static const char AS_STANDARD[] = "iqn.2026-11.org.example:a,i,0x00023d000001";
	static const char AS_OLD_LIO[] = "iqn.2026-11.org.example:a\0,i,0x00023d000001";
	static const char NOT_AN_ISID[] = "iqn.2026-11.org.example:a\0,j,0x00023d000001";
	uint8_t id[64];
	struct builder b;
	struct qd_pr_full_status_cursor cursor;
	struct qd_pr_full_status status;
	builder_begin(&b);
	builder_add(&b, 1, 0, 0, id, iscsi_id(id, 1, AS_STANDARD, sizeof(AS_STANDARD) - 1));
	UNIT_EQUAL(walk(b.data, b.len, &cursor, &status), 1);
	UNIT_TEXT(status.initiator, AS_STANDARD);
	builder_begin(&b);
	builder_add(&b, 1, 0, 0, id, iscsi_id(id, 1, AS_OLD_LIO, sizeof(AS_OLD_LIO) - 1));
	UNIT_EQUAL(walk(b.data, b.len, &cursor, &status), 1);
	UNIT_TEXT(status.initiator, AS_STANDARD);
	builder_begin(&b);
	builder_add(&b, 1, 0, 0, id, iscsi_id(id, 0, AS_OLD_LIO, sizeof(AS_OLD_LIO) - 1));
	builder_add(&b, 1, 0, 0, id, iscsi_id(id, 1, NOT_AN_ISID, sizeof(NOT_AN_ISID) - 1));
	UNIT_EQUAL(walk(b.data, b.len, &cursor, &status), 2);
	UNIT_TEXT(status.initiator, "iqn.2026-11.org.example:a");
}

static void other_transports(void)
{
	static const uint8_t FC[24] = {0x00, [8] = 0x21, 0x00, 0x00, 0x24, 0xff, 0x12, 0x34, 0x56};
	static const uint8_t SAS[24] = {0x06, [4] = 0x50, 0x01, 0x43, 0x80, 0xab, 0xcd, 0xef, 0x09};
	static const uint8_t SRP[24] = {0x04, 1, 2, 3};
	struct builder b;
	struct qd_pr_full_status_cursor cursor;
	struct qd_pr_full_status status;
	builder_begin(&b);
	builder_add(&b, 1, 0, 0, FC, sizeof(FC));
	UNIT_EQUAL(walk(b.data, b.len, &cursor, &status), 1);
	UNIT_EQUAL(status.transport, 0);
	UNIT_TEXT(status.initiator, "21000024ff123456");
	builder_add(&b, 2, 0, 0, SAS, sizeof(SAS));
	UNIT_EQUAL(walk(b.data, b.len, &cursor, &status), 2);
	UNIT_EQUAL(status.transport, 6);
	UNIT_TEXT(status.initiator, "50014380abcdef09");
	builder_add(&b, 3, 0, 0, SRP, sizeof(SRP));
	UNIT_EQUAL(walk(b.data, b.len, &cursor, &status), 3);
	UNIT_EQUAL(status.transport, 4);
	UNIT_EQUAL(status.key.value, 3);
	UNIT_TEXT(status.initiator, "");
}

static void bytes_behind_the_length(void)
{
	struct builder b;
	struct qd_pr_full_status_cursor cursor;
	struct qd_pr_full_status status;
	builder_begin(&b);
	builder_add_iscsi(&b, 1, 0, 0);
	UNIT_EQUAL(walk(b.data, sizeof(b.data), &cursor, &status), 1); /* a 64 KiB buffer, one descriptor */
	UNIT_OK(!cursor.malformed && !cursor.truncated);
}

static const struct unit_test TESTS[] = {
	{"data shorter than its header is refused, at every byte", short_header},
	{"data cut off at every byte gives the whole descriptors and is truncated", truncated_everywhere},
	{"a descriptor cut off by the stated length is malformed, at every byte",
	 cut_descriptor_is_malformed},
	{"a TransportID too short for its protocol is malformed, at every byte", transport_id_too_short},
	{"an iSCSI name longer than its TransportID is malformed", name_longer_than_its_id},
	{"lengths near 2^32 end the walk", absurd_lengths},
	{"a holder of an unknown scope or type is malformed, who does not hold has no type",
	 holder_of_unknown_type},
	{"names without end, too long or with control characters are shown harmlessly", hostile_names},
	{"an empty answer, as LIO gives to a short buffer, has no descriptors", empty},
	{"every field of a descriptor is read", every_field},
	{"the ISID is kept in the standard's form and in that of older Linux targets", isid_forms},
	{"FC and SAS show their port name, another transport its key only", other_transports},
	{"what stands behind the stated length is not read", bytes_behind_the_length},
};

int main(void)
{
	return unit_run("t_pr_full_status", TESTS, UNIT_COUNT(TESTS));
}
