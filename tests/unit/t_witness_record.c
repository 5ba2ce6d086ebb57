/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/crc32c.h"
#include "codec/witness_record.h"
#include "codec/witness_record_fields.h"

enum {
	CRC_AT = QD_WITNESS_SECTOR_BYTES - 4,
};

static struct qd_witness_grant grant(void)
{
	struct qd_witness_grant g = {
		.sequence = UINT64_C(0x0102030405060708),
		.beat = UINT64_C(0x1112131415161718),
		.record = {.confirmed = true,
			   .epoch = UINT64_C(0x2122232425262728),
			   .holder = 16,
			   .incarnation = UINT64_C(0x3132333435363738),
			   .challenge_ns = UINT64_C(6000000000),
			   .tag = {.epoch = UINT64_C(0x4142434445464748),
				   .version = UINT64_C(0x5152535455565758)}},
	};
	unit_fill(g.cluster, sizeof g.cluster, 1);
	unit_fill(g.record.digest, sizeof g.record.digest, 2);
	return g;
}

static struct qd_witness_identity identity(void)
{
	struct qd_witness_identity i = {
		.file_system = UINT64_C(0x6162636465666768),
		.directory_inode = 12345,
		.directory_birth_ns = UINT64_C(1763000000000000001),
		.file_inode = 12346,
		.file_birth_ns = UINT64_C(1763000000000000002),
		.places = 20000,
	};
	unit_fill(i.machine, sizeof i.machine, 3);
	return i;
}

static void seal(uint8_t *sector)
{
	const uint32_t crc = qd_crc32c(0, sector, CRC_AT);
	for (size_t i = 0; i < 4; i++)
		sector[CRC_AT + i] = (uint8_t)(crc >> 8 * i);
}

/* ------------------------------------------------ wrong inputs */

static const struct qd_witness_grant NOTHING = {0};

static void refused(const uint8_t *sector, size_t len_bytes, enum qd_witness_sector expected)
{
	struct qd_witness_grant g = grant();
	UNIT_EQUAL(qd_witness_grant_decode(sector, len_bytes, &g), expected);
	UNIT_BYTES(&g, &NOTHING, sizeof g);
}

static void lengths(void)
{
	uint8_t sector[QD_WITNESS_SECTOR_BYTES + 1] = {0};
	const struct qd_witness_grant g = grant();
	qd_witness_grant_encode(&g, sector);
	refused(sector, 0, QD_WITNESS_SECTOR_DAMAGED);
	refused(sector, QD_WITNESS_SECTOR_BYTES - 1, QD_WITNESS_SECTOR_DAMAGED);
	refused(sector, QD_WITNESS_SECTOR_BYTES + 1, QD_WITNESS_SECTOR_DAMAGED);
}

static void every_bit(void)
{
	uint8_t sector[QD_WITNESS_SECTOR_BYTES];
	const struct qd_witness_grant g = grant();
	qd_witness_grant_encode(&g, sector);
	for (size_t bit = 0; bit < 8 * sizeof sector; bit++) {
		unit_case("bit %zu", bit);
		sector[bit / 8] ^= (uint8_t)(1u << bit % 8);
		refused(sector, sizeof sector, QD_WITNESS_SECTOR_DAMAGED);
		sector[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void kinds(void)
{
	uint8_t sector[QD_WITNESS_SECTOR_BYTES];
	const struct qd_witness_identity i = identity();
	struct qd_witness_identity found;
	const struct qd_witness_grant g = grant();
	qd_witness_identity_encode(&i, sector);
	refused(sector, sizeof sector, QD_WITNESS_SECTOR_DAMAGED);
	qd_witness_grant_encode(&g, sector);
	UNIT_EQUAL(qd_witness_identity_decode(sector, sizeof sector, &found), QD_WITNESS_SECTOR_DAMAGED);
	memset(sector, 0, sizeof sector);
	refused(sector, sizeof sector, QD_WITNESS_SECTOR_EMPTY);
}

/* One byte of a sector changed by who also makes the checksum right. */
static void changed(size_t at, uint8_t value, enum qd_witness_sector expected)
{
	uint8_t sector[QD_WITNESS_SECTOR_BYTES];
	const struct qd_witness_grant g = grant();
	qd_witness_grant_encode(&g, sector);
	sector[at] = value;
	seal(sector);
	unit_case("byte %zu is %u", at, value);
	refused(sector, sizeof sector, expected);
}

static void impossible(void)
{
	changed(8, 2, QD_WITNESS_SECTOR_NEWER);
	changed(8, 0, QD_WITNESS_SECTOR_DAMAGED);
	changed(10, 2, QD_WITNESS_SECTOR_DAMAGED);
	changed(12, QD_NODES_MAX + 1, QD_WITNESS_SECTOR_DAMAGED);
	changed(63, 1, QD_WITNESS_SECTOR_DAMAGED); /* a challenge of two years */
	struct qd_witness_grant g = grant();
	uint8_t sector[QD_WITNESS_SECTOR_BYTES];
	qd_witness_grant_encode(&g, sector);
	memset(sector + 40, 0, 8);
	seal(sector);
	unit_case("a holder without an epoch");
	refused(sector, sizeof sector, QD_WITNESS_SECTOR_DAMAGED);
	qd_witness_grant_encode(&g, sector);
	memset(sector + 32, 0, 8);
	seal(sector);
	unit_case("sequence 0");
	refused(sector, sizeof sector, QD_WITNESS_SECTOR_DAMAGED);
}

static void unwritten(void)
{
	uint8_t sector[QD_WITNESS_SECTOR_BYTES];
	struct qd_witness_grant g = grant();
	g.sequence = 0;
	qd_witness_grant_encode(&g, sector);
}

static void aborts(void)
{
	UNIT_OK(unit_aborts(unwritten));
}

/* ------------------------------------------------ right ones */

static void grant_back(void)
{
	uint8_t sector[QD_WITNESS_SECTOR_BYTES];
	struct qd_witness_grant found;
	const struct qd_witness_grant g = grant();
	qd_witness_grant_encode(&g, sector);
	UNIT_EQUAL(qd_witness_grant_decode(sector, sizeof sector, &found), QD_WITNESS_SECTOR_OK);
	UNIT_EQUAL(found.sequence, g.sequence);
	UNIT_EQUAL(found.beat, g.beat);
	UNIT_BYTES(found.cluster, g.cluster, sizeof g.cluster);
	UNIT_OK(found.record.confirmed);
	UNIT_EQUAL(found.record.epoch, g.record.epoch);
	UNIT_EQUAL(found.record.holder, g.record.holder);
	UNIT_EQUAL(found.record.incarnation, g.record.incarnation);
	UNIT_EQUAL(found.record.challenge_ns, g.record.challenge_ns);
	UNIT_EQUAL(found.record.tag.epoch, g.record.tag.epoch);
	UNIT_EQUAL(found.record.tag.version, g.record.tag.version);
	UNIT_BYTES(found.record.digest, g.record.digest, sizeof g.record.digest);
}

static void identity_back(void)
{
	uint8_t sector[QD_WITNESS_SECTOR_BYTES];
	struct qd_witness_identity found;
	const struct qd_witness_identity i = identity();
	qd_witness_identity_encode(&i, sector);
	UNIT_EQUAL(qd_witness_identity_decode(sector, sizeof sector, &found), QD_WITNESS_SECTOR_OK);
	UNIT_OK(qd_witness_identity_equal(&i, &found));
	UNIT_EQUAL(found.places, i.places);
	found.places++;
	UNIT_OK(qd_witness_identity_equal(&i, &found)); /* room is not whose it is */
	struct qd_witness_identity *const f = &found;
	uint64_t *const numbers[] = {&f->file_system, &f->directory_inode, &f->directory_birth_ns,
				     &f->file_inode, &f->file_birth_ns};
	for (size_t n = 0; n < UNIT_COUNT(numbers); n++) {
		unit_case("number %zu", n);
		++*numbers[n];
		UNIT_OK(!qd_witness_identity_equal(&i, &found));
		--*numbers[n];
	}
	found.machine[15] ^= 1;
	UNIT_OK(!qd_witness_identity_equal(&i, &found));
}

/* The bytes are where the list of fields says. */
static void places(void)
{
	uint8_t sector[QD_WITNESS_SECTOR_BYTES];
	static const uint8_t EPOCH[] = {0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21};
	const struct qd_witness_grant g = grant();
	size_t last = 0;
	qd_witness_grant_encode(&g, sector);
	UNIT_BYTES(sector, "qdwgrant\1\0\1\0", 12);
	UNIT_BYTES(sector + 40, EPOCH, sizeof EPOCH);
#define BEHIND(kind, field, at, size) last = (at) + (size) > last ? (at) + (size) : last;
	QD_WITNESS_GRANT_FIELDS(BEHIND)
#undef BEHIND
	for (size_t i = last; i < CRC_AT; i++)
		UNIT_EQUAL(sector[i], 0);
}

static const struct unit_test TESTS[] = {
	{"a sector has 512 bytes", lengths},
	{"a grant with one wrong bit is none", every_bit},
	{"zeros are no grant, and neither is a sector of another kind", kinds},
	{"a grant that cannot be is refused, whatever its checksum", impossible},
	{"a grant without a sequence is a programmer's error", aborts},
	{"a grant comes back as it went", grant_back},
	{"an identity comes back as it went, and each number of it tells a copy", identity_back},
	{"the bytes lie where the document says", places},
};

int main(void)
{
	return unit_run("t_witness_record", TESTS, UNIT_COUNT(TESTS));
}
