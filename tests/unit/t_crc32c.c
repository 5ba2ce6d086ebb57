/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/crc32c.h"

enum { MANY_BYTES = 300 };

/* The definition: one bit after the other. */
static uint32_t bit_by_bit(uint32_t crc, const uint8_t *data, size_t len_bytes)
{
	crc = ~crc;
	for (size_t i = 0; i < len_bytes; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc & 1) != 0 ? crc >> 1 ^ UINT32_C(0x82f63b78) : crc >> 1;
	}
	return ~crc;
}

static void no_data_without_bytes(void)
{
	(void)qd_crc32c(0, NULL, 1);
}

static void refuses_null_with_a_length(void)
{
	UNIT_OK(unit_aborts(no_data_without_bytes));
}

static void nothing_changes_nothing(void)
{
	UNIT_EQUAL(qd_crc32c(0, NULL, 0), 0);
	UNIT_EQUAL(qd_crc32c(0, "", 0), 0);
	UNIT_EQUAL(qd_crc32c(0xe3069283, "", 0), 0xe3069283);
}

static void check_value(void)
{
	UNIT_EQUAL(qd_crc32c(0, "123456789", 9), 0xe3069283);
}

static void rfc_vectors(void)
{
	uint8_t data[32];
	memset(data, 0, sizeof(data));
	UNIT_EQUAL(qd_crc32c(0, data, sizeof(data)), 0x8a9136aa);
	memset(data, 0xff, sizeof(data));
	UNIT_EQUAL(qd_crc32c(0, data, sizeof(data)), 0x62a8ab43);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	UNIT_EQUAL(qd_crc32c(0, data, sizeof(data)), 0x46dd794e);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(sizeof(data) - 1 - i);
	UNIT_EQUAL(qd_crc32c(0, data, sizeof(data)), 0x113fdb5c);
}

static void rfc_read_pdu(void)
{
	static const uint8_t PDU[48] = {0x01,	     0xc0,	  [17] = 0,    [16] = 0x14, [22] = 0x04,
					[27] = 0x14, [31] = 0x18, [32] = 0x28, [40] = 0x02};
	UNIT_EQUAL(qd_crc32c(0, PDU, sizeof(PDU)), 0xd9963a56);
}

static void every_length_and_alignment(void)
{
	uint8_t data[MANY_BYTES + 8];
	unit_fill(data, sizeof(data), 1);
	for (size_t from = 0; from < 8; from++) {
		for (size_t len = 0; len <= MANY_BYTES; len++) {
			unit_case("%zu bytes from %zu", len, from);
			if (!UNIT_EQUAL(qd_crc32c(0, data + from, len), bit_by_bit(0, data + from, len)))
				return;
		}
	}
}

static void every_split(void)
{
	uint8_t data[MANY_BYTES];
	unit_fill(data, sizeof(data), 2);
	uint32_t whole = qd_crc32c(0, data, sizeof(data));
	for (size_t at = 0; at <= sizeof(data); at++) {
		unit_case("split at %zu", at);
		if (!UNIT_EQUAL(qd_crc32c(qd_crc32c(0, data, at), data + at, sizeof(data) - at), whole))
			return;
	}
}

static void every_byte_value(void)
{
	for (unsigned value = 0; value < 256; value++) {
		for (size_t place = 0; place < 8; place++) {
			uint8_t data[8] = {0};
			data[place] = (uint8_t)value;
			unit_case("byte %zu is %02xh", place, value);
			if (!UNIT_EQUAL(qd_crc32c(0, data, sizeof(data)), bit_by_bit(0, data, sizeof(data))))
				return;
		}
	}
}

static void every_flipped_bit(void)
{
	uint8_t data[64];
	unit_fill(data, sizeof(data), 3);
	uint32_t whole = qd_crc32c(0, data, sizeof(data));
	for (size_t bit = 0; bit < 8 * sizeof(data); bit++) {
		data[bit / 8] ^= (uint8_t)(1U << bit % 8);
		unit_case("bit %zu", bit);
		if (!UNIT_OK(qd_crc32c(0, data, sizeof(data)) != whole))
			return;
		data[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
}

static const struct unit_test TESTS[] = {
	{"no data with a length is a programmer's error", refuses_null_with_a_length},
	{"no bytes leave the result as it is", nothing_changes_nothing},
	{"the digits 1 to 9 give the check value E3069283h", check_value},
	{"zeros, ones, rising and falling bytes give what RFC 7143 says", rfc_vectors},
	{"a SCSI READ PDU gives what RFC 7143 says", rfc_read_pdu},
	{"every length and alignment agrees with the definition bit by bit", every_length_and_alignment},
	{"every value at every place of eight bytes agrees with the definition", every_byte_value},
	{"a result can be gone on with from every split", every_split},
	{"every flipped bit changes the result", every_flipped_bit},
};

int main(void)
{
	return unit_run("t_crc32c", TESTS, UNIT_COUNT(TESTS));
}
