/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/bytes.h"

static const uint8_t NINE[9] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09};

static void read_width_zero(void)
{
	struct qd_reader r = qd_reader_make(NINE, sizeof(NINE));
	(void)qd_read_be(&r, 0);
}

static void read_width_nine(void)
{
	struct qd_reader r = qd_reader_make(NINE, sizeof(NINE));
	(void)qd_read_le(&r, 9);
}

static void write_width_zero(void)
{
	uint8_t to[4];
	struct qd_writer w = qd_writer_make(to, sizeof(to));
	qd_write_le(&w, 0, 1);
}

static void write_width_nine(void)
{
	uint8_t to[16];
	struct qd_writer w = qd_writer_make(to, sizeof(to));
	qd_write_be(&w, 9, 1);
}

static void refuses_widths(void)
{
	UNIT_OK(unit_aborts(read_width_zero));
	UNIT_OK(unit_aborts(read_width_nine));
	UNIT_OK(unit_aborts(write_width_zero));
	UNIT_OK(unit_aborts(write_width_nine));
}

static void reading_nothing(void)
{
	struct qd_reader r = qd_reader_make(NULL, 0);
	UNIT_EQUAL(qd_reader_left(&r), 0);
	UNIT_EQUAL(qd_read_be(&r, 1), 0);
	UNIT_OK(r.failed);
}

static void reading_past_the_end(void)
{
	for (size_t len = 0; len < 8; len++) {
		unit_case("%zu bytes", len);
		struct qd_reader r = qd_reader_make(NINE, len);
		UNIT_EQUAL(qd_read_le(&r, 8), 0);
		UNIT_OK(r.failed);
		UNIT_EQUAL(qd_reader_left(&r), 0);
		UNIT_EQUAL(qd_read_be(&r, 1), 0); /* bytes are there, but the reader stays failed */
		UNIT_OK(qd_read_span(&r, 0) == NULL);
		UNIT_EQUAL(r.at, 0);
	}
}

static void copying_past_the_end(void)
{
	uint8_t to[4] = {9, 9, 9, 9};
	struct qd_reader r = qd_reader_make(NINE, 3);
	qd_read_copy(&r, to, sizeof(to));
	UNIT_OK(r.failed);
	UNIT_BYTES(to, ((uint8_t[4]){0}), sizeof(to));
}

static void huge_lengths(void)
{
	struct qd_reader r = qd_reader_make(NINE, sizeof(NINE));
	(void)qd_read_be(&r, 4);
	UNIT_OK(qd_read_span(&r, SIZE_MAX) == NULL); /* at + length wraps */
	UNIT_OK(r.failed);
	uint8_t to[8];
	struct qd_writer w = qd_writer_make(to, sizeof(to));
	qd_write_be(&w, 4, 1);
	UNIT_OK(qd_write_span(&w, SIZE_MAX - 2) == NULL);
	UNIT_OK(w.failed);
}

static void writing_past_the_end(void)
{
	for (size_t cap = 0; cap < 8; cap++) {
		unit_case("%zu bytes", cap);
		uint8_t to[8];
		memset(to, 0xee, sizeof(to));
		struct qd_writer w = qd_writer_make(to, cap);
		qd_write_be(&w, 8, UINT64_MAX);
		qd_write_le(&w, 1, 1);
		qd_write_copy(&w, NINE, 1);
		UNIT_OK(w.failed);
		UNIT_EQUAL(w.at, 0);
		for (size_t i = 0; i < sizeof(to); i++)
			UNIT_EQUAL(to[i], 0xee);
	}
}

static void byte_orders(void)
{
	struct qd_reader r = qd_reader_make(NINE, sizeof(NINE));
	UNIT_EQUAL(qd_read_be(&r, 3), 0x010203);
	UNIT_EQUAL(qd_read_le(&r, 3), 0x060504);
	UNIT_EQUAL(qd_reader_left(&r), 3);
	UNIT_EQUAL(qd_read_be(&r, 1), 0x07);
	UNIT_OK(qd_read_span(&r, 2) == NINE + 7);
	UNIT_EQUAL(qd_reader_left(&r), 0);
	UNIT_OK(!r.failed);

	uint8_t to[6];
	struct qd_writer w = qd_writer_make(to, sizeof(to));
	qd_write_be(&w, 3, 0xaa010203); /* what does not fit the width is cut off */
	qd_write_le(&w, 3, 0xaa060504);
	UNIT_OK(!w.failed);
	UNIT_BYTES(to, NINE, sizeof(to));
}

static void every_width_round_trips(void)
{
	uint64_t seed = 7;
	for (size_t width = 1; width <= 8; width++) {
		for (int i = 0; i < 100; i++) {
			uint64_t value = unit_random(&seed) >> (64 - 8 * width);
			unit_case("%zu bytes, %" PRIx64 "h", width, value);
			uint8_t to[16];
			struct qd_writer w = qd_writer_make(to, sizeof(to));
			qd_write_be(&w, width, value);
			qd_write_le(&w, width, value);
			struct qd_reader r = qd_reader_make(to, w.at);
			UNIT_EQUAL(qd_read_be(&r, width), value);
			UNIT_EQUAL(qd_read_le(&r, width), value);
			UNIT_OK(!w.failed && !r.failed && qd_reader_left(&r) == 0);
		}
	}
}

static void copies_round_trip(void)
{
	uint8_t to[9];
	uint8_t back[9];
	struct qd_writer w = qd_writer_make(to, sizeof(to));
	qd_write_copy(&w, NINE, 4);
	qd_write_copy(&w, NINE + 4, 5);
	struct qd_reader r = qd_reader_make(to, sizeof(to));
	qd_read_copy(&r, back, sizeof(back));
	UNIT_OK(!w.failed && !r.failed);
	UNIT_BYTES(back, NINE, sizeof(back));
}

static const struct unit_test TESTS[] = {
	{"a number of no bytes or of more than eight is a programmer's error", refuses_widths},
	{"a reader over nothing fails at its first byte", reading_nothing},
	{"a reader that ran over its end yields zeros and stays failed", reading_past_the_end},
	{"a copy that is not wholly there is zeros", copying_past_the_end},
	{"a length that would wrap is refused", huge_lengths},
	{"a writer that ran over its end writes nothing and stays failed", writing_past_the_end},
	{"both byte orders and a span are read and written where they stand", byte_orders},
	{"numbers of every width come back in both orders", every_width_round_trips},
	{"copies come back", copies_round_trip},
};

int main(void)
{
	return unit_run("t_bytes", TESTS, UNIT_COUNT(TESTS));
}
