/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/crc32c.h"
#include "codec/qdisk.h"
#include "codec/qdisk_fields.h"

static const uint32_t SECTOR_BYTES[] = {512, 4096};
static const uint8_t UUID[QD_QDISK_UUID_BYTES] = {0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7,
						  0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf};

static struct qd_superblock superblock(uint32_t sector_bytes)
{
	struct qd_superblock s = {
		.version = QD_QDISK_VERSION,
		.sector_bytes = sector_bytes,
		.cluster_tag = 0xabcd,
		.cluster = "payroll",
		.data_lba = 8192,
		.formatted_unix_s = UINT64_C(0x0102030405060708),
	};
	memcpy(s.disk_uuid, UUID, sizeof(UUID));
	return s;
}

static struct qd_owner_record record(uint32_t node_id, uint64_t sequence)
{
	struct qd_owner_record r = {
		.sequence = sequence,
		.epoch = qd_epoch_make(1000 + sequence, node_id),
		.incarnation = UINT64_C(0x1112131415161718),
		.node_id = node_id,
		.state = sequence % 3 == 0 ? QD_RECORD_RELEASED : QD_RECORD_TAKEN,
		.heir = node_id == 5 ? 6 : 5,
		.heir_turn = UINT64_C(0x2122232425262728) + sequence,
		.renew_ns = UINT64_C(3000000000),
		.challenge_ns = UINT64_C(7000000000) + node_id,
		.wait_ns = QD_QDISK_TIME_MAX_NS,
	};
	unit_fill(r.machine_id, sizeof(r.machine_id), node_id);
	unit_fill(r.boot_id, sizeof(r.boot_id), sequence);
	memcpy(r.disk_uuid, UUID, sizeof(UUID));
	return r;
}

static const struct qd_config_slot SLOT = {
	.epoch = UINT64_C(0x3132333435363738),
	.version = UINT64_C(0x4142434445464748),
	.body_bytes = 0x000f5152,
	.body_crc32c = 0x61626364,
};

/* Make the checksum right again after a change, as only a writer with a mistake could. */
static void seal(uint8_t *sector)
{
	uint32_t crc = qd_crc32c(0, sector, QD_QDISK_CRC_AT);
	for (size_t i = 0; i < QD_QDISK_CRC_BYTES; i++)
		sector[QD_QDISK_CRC_AT + i] = (uint8_t)(crc >> 8 * i);
}

/* The three decoders behind one door. */
static enum qd_qdisk_verdict verdict_of(unsigned kind, const uint8_t *sector, size_t len)
{
	struct qd_superblock s;
	struct qd_owner_record r;
	struct qd_config_slot c;
	if (kind == 0)
		return qd_superblock_decode(sector, len, &s);
	return kind == 1 ? qd_owner_record_decode(sector, len, &r) : qd_config_slot_decode(sector, len, &c);
}

static void encode_kind(unsigned kind, uint8_t *sector, uint32_t sector_bytes)
{
	struct qd_superblock s = superblock(sector_bytes);
	struct qd_owner_record r = record(7, 1);
	if (kind == 0)
		qd_superblock_encode(&s, sector, sector_bytes);
	else if (kind == 1)
		qd_owner_record_encode(&r, sector, sector_bytes);
	else
		qd_config_slot_encode(&SLOT, sector, sector_bytes);
}

/* ---------------------------------------------------------------- what is refused */

static void encode_sector_of_1024(void)
{
	uint8_t sector[QD_QDISK_SECTOR_MAX];
	qd_config_slot_encode(&SLOT, sector, 1024);
}

static void encode_record_of_nobody(void)
{
	uint8_t sector[QD_QDISK_SECTOR_MAX];
	qd_owner_record_encode(&(struct qd_owner_record){0}, sector, 512);
}

static void encode_epoch_of_another(void)
{
	uint8_t sector[QD_QDISK_SECTOR_MAX];
	struct qd_owner_record r = record(7, 1);
	r.epoch = qd_epoch_make(9, 8);
	qd_owner_record_encode(&r, sector, 512);
}

static void encode_without_times(void)
{
	uint8_t sector[QD_QDISK_SECTOR_MAX];
	struct qd_owner_record r = record(7, 1);
	r.wait_ns = 0;
	qd_owner_record_encode(&r, sector, 512);
}

static void encode_name_without_end(void)
{
	uint8_t sector[QD_QDISK_SECTOR_MAX];
	struct qd_superblock s = superblock(512);
	memset(s.cluster, 'x', sizeof(s.cluster));
	qd_superblock_encode(&s, sector, 512);
}

static void encode_body_too_large(void)
{
	uint8_t sector[QD_QDISK_SECTOR_MAX];
	struct qd_config_slot c = {.body_bytes = QD_QDISK_SLOT_BYTES - 511};
	qd_config_slot_encode(&c, sector, 512);
}

static void lba_of_node_65(void)
{
	(void)qd_qdisk_record_lba(65, 0);
}

static void lba_of_slot_2(void)
{
	(void)qd_qdisk_slot_lba(512, 2);
}

static void refuses_arguments(void)
{
	UNIT_OK(unit_aborts(encode_sector_of_1024));
	UNIT_OK(unit_aborts(encode_record_of_nobody));
	UNIT_OK(unit_aborts(encode_epoch_of_another));
	UNIT_OK(unit_aborts(encode_without_times));
	UNIT_OK(unit_aborts(encode_name_without_end));
	UNIT_OK(unit_aborts(encode_body_too_large));
	UNIT_OK(unit_aborts(lba_of_node_65));
	UNIT_OK(unit_aborts(lba_of_slot_2));
}

static void every_length(void)
{
	for (unsigned kind = 0; kind < 3; kind++) {
		uint8_t sector[QD_QDISK_SECTOR_MAX + 1] = {0};
		encode_kind(kind, sector, 512);
		for (size_t len = 0; len <= sizeof(sector); len++) {
			enum qd_qdisk_verdict expected =
				len < QD_QDISK_MAGIC_BYTES ? QD_QDISK_FOREIGN : QD_QDISK_TORN;
			if (len == 512)
				expected = QD_QDISK_OK;
			if (len == 4096) /* the sector size changed: whole, but not for this disk */
				expected = kind == 0 ? QD_QDISK_INVALID : QD_QDISK_OK;
			unit_case("kind %u, %zu bytes", kind, len);
			if (!UNIT_EQUAL(verdict_of(kind, sector, len), expected))
				return;
		}
	}
}

static void empty_and_foreign(void)
{
	uint8_t sector[QD_QDISK_SECTOR_MAX] = {0};
	for (unsigned kind = 0; kind < 3; kind++) {
		UNIT_EQUAL(verdict_of(kind, NULL, 0), QD_QDISK_FOREIGN);
		UNIT_EQUAL(verdict_of(kind, sector, 512), QD_QDISK_EMPTY);
		UNIT_EQUAL(verdict_of(kind, sector, 4096), QD_QDISK_EMPTY);
		UNIT_EQUAL(verdict_of(kind, sector, 511), QD_QDISK_FOREIGN);
		sector[4095] = 1;
		UNIT_EQUAL(verdict_of(kind, sector, 4096), QD_QDISK_FOREIGN);
		sector[4095] = 0;
		for (unsigned other = 0; other < 3; other++) {
			uint8_t of_other[512];
			encode_kind(other, of_other, sizeof(of_other));
			unit_case("kind %u read as %u", other, kind);
			UNIT_EQUAL(verdict_of(kind, of_other, sizeof(of_other)),
				   kind == other ? QD_QDISK_OK : QD_QDISK_FOREIGN);
		}
		unit_case("kind %u", kind);
	}
}

static void every_flipped_bit(void)
{
	for (unsigned kind = 0; kind < 3; kind++) {
		uint8_t sector[512];
		encode_kind(kind, sector, sizeof(sector));
		for (size_t bit = 0; bit < 8 * sizeof(sector); bit++) {
			sector[bit / 8] ^= (uint8_t)(1U << bit % 8);
			unit_case("kind %u, bit %zu", kind, bit);
			if (!UNIT_EQUAL(verdict_of(kind, sector, sizeof(sector)),
					bit / 8 < QD_QDISK_MAGIC_BYTES ? QD_QDISK_FOREIGN : QD_QDISK_TORN))
				return;
			sector[bit / 8] ^= (uint8_t)(1U << bit % 8);
		}
	}
}

static void versions(void)
{
	for (unsigned kind = 0; kind < 3; kind++) {
		for (unsigned version = 0; version < 0x10000; version += version < 16 ? 1 : 0xfff) {
			uint8_t sector[512];
			encode_kind(kind, sector, sizeof(sector));
			sector[QD_QDISK_FORMAT_AT] = (uint8_t)version;
			sector[QD_QDISK_FORMAT_AT + 1] = (uint8_t)(version >> 8);
			unit_case("kind %u, version %u", kind, version);
			if (version != QD_QDISK_VERSION)
				UNIT_EQUAL(verdict_of(kind, sector, sizeof(sector)), QD_QDISK_TORN);
			seal(sector);
			enum qd_qdisk_verdict expected =
				version > QD_QDISK_VERSION ? QD_QDISK_NEWER : QD_QDISK_OK;
			UNIT_EQUAL(verdict_of(kind, sector, sizeof(sector)),
				   version == 0 ? QD_QDISK_INVALID : expected);
		}
	}
}

struct change {
	const char *what;
	size_t at;
	uint8_t value;
	enum qd_qdisk_verdict verdict;
};

static void check_changes(unsigned kind, const struct change *changes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t sector[512];
		encode_kind(kind, sector, sizeof(sector));
		sector[changes[i].at] = changes[i].value;
		seal(sector);
		unit_case("%s", changes[i].what);
		UNIT_EQUAL(verdict_of(kind, sector, sizeof(sector)), changes[i].verdict);
	}
}

static void impossible_contents(void)
{
	static const struct change SUPERBLOCK[] = {
		{"sector size 4096 on a disk of 512", 13, 0x10, QD_QDISK_INVALID},
		{"sector size 513", 12, 1, QD_QDISK_INVALID},
		{"no name", 32, 0, QD_QDISK_INVALID},
		{"data area inside the slots", 97, 0, QD_QDISK_INVALID},
		{"another name", 32, 'q', QD_QDISK_OK},
		{"a byte that no field has", 300, 1, QD_QDISK_OK},
	};
	static const struct change RECORD[] = {
		{"state none", 10, 0, QD_QDISK_INVALID},  {"state 3", 10, 3, QD_QDISK_INVALID},
		{"state 257", 11, 1, QD_QDISK_INVALID},	  {"node 0", 12, 0, QD_QDISK_INVALID},
		{"node 65", 12, 65, QD_QDISK_INVALID},	  {"epoch of another node", 24, 1, QD_QDISK_INVALID},
		{"sequence 0", 16, 0, QD_QDISK_INVALID},  {"heir 65", 48, 65, QD_QDISK_INVALID},
		{"heir itself", 48, 7, QD_QDISK_INVALID}, {"no heir", 48, 0, QD_QDISK_OK},
		{"released", 10, 2, QD_QDISK_OK},
	};
	static const struct change CONFIG[] = {
		{"a body larger than the slot", 14, 0x10, QD_QDISK_INVALID},
		{"a body of 4 GiB", 15, 0xff, QD_QDISK_INVALID},
		{"a body of another length", 12, 0, QD_QDISK_OK},
	};
	check_changes(0, SUPERBLOCK, UNIT_COUNT(SUPERBLOCK));
	check_changes(1, RECORD, UNIT_COUNT(RECORD));
	check_changes(2, CONFIG, UNIT_COUNT(CONFIG));

	uint8_t sector[512];
	struct qd_superblock s;
	encode_kind(0, sector, sizeof(sector));
	memset(sector + 32, 'x', QD_QDISK_NAME_BYTES);
	seal(sector);
	UNIT_EQUAL(qd_superblock_decode(sector, sizeof(sector), &s), QD_QDISK_INVALID);
	UNIT_EQUAL(s.sector_bytes, 0); /* nothing of a refused sector gets out */
}

/* ---------------------------------------------------------------- what is written and comes back */

static void superblock_bytes(void)
{
	static const uint8_t EXPECTED[112] = {
		'q',  'd',  's',  'u',	       'p',	  'e',	'r',  'b',  1,	  0,	0xcd, 0xab,
		0,    2,    0,	  0,	       0xd0,	  0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7,
		0xd8, 0xd9, 0xda, 0xdb,	       0xdc,	  0xdd, 0xde, 0xdf, 'p',  'a',	'y',  'r',
		'o',  'l',  'l',  [97] = 0x20, [104] = 8, 7,	6,    5,    4,	  3,	2,    1};
	uint8_t sector[512];
	struct qd_superblock s = superblock(512);
	memset(sector, 0xee, sizeof(sector));
	qd_superblock_encode(&s, sector, sizeof(sector));
	UNIT_BYTES(sector, EXPECTED, sizeof(EXPECTED));
	for (size_t i = sizeof(EXPECTED); i < QD_QDISK_CRC_AT; i++)
		UNIT_EQUAL(sector[i], 0);
}

static void record_bytes(void)
{
	struct qd_owner_record r = {
		.sequence = UINT64_C(0x0102030405060708),
		.epoch = UINT64_C(0x1112131415161703), /* node 4 */
		.incarnation = UINT64_C(0x2122232425262728),
		.node_id = 4,
		.state = QD_RECORD_RELEASED,
		.heir = 64,
		.heir_turn = UINT64_C(0x3132333435363738),
		.renew_ns = 0x010203,
		.challenge_ns = 0x040506,
		.wait_ns = 0x070809,
	};
	static const uint8_t EXPECTED[56] = {'q',  'd',	 'r',  'e',  'c',  'o',	 'r',  'd',  1,	   0,
					     2,	   0,	 4,    0,    0,	   0,	 0x08, 0x07, 0x06, 0x05,
					     0x04, 0x03, 0x02, 0x01, 0x03, 0x17, 0x16, 0x15, 0x14, 0x13,
					     0x12, 0x11, 0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21,
					     0x38, 0x37, 0x36, 0x35, 0x34, 0x33, 0x32, 0x31, 64};
	uint8_t sector[512];
	memset(r.machine_id, 0xaa, sizeof(r.machine_id));
	memset(r.boot_id, 0xbb, sizeof(r.boot_id));
	memset(r.disk_uuid, 0xcc, sizeof(r.disk_uuid));
	qd_owner_record_encode(&r, sector, sizeof(sector));
	UNIT_BYTES(sector, EXPECTED, sizeof(EXPECTED));
	for (size_t i = sizeof(EXPECTED); i < QD_QDISK_CRC_AT; i++)
		if (i < 104 || i >= 128)
			UNIT_EQUAL(sector[i], i < 72 ? 0xaa : i < 88 ? 0xbb : i < 104 ? 0xcc : 0);
	static const uint8_t TIMES[24] = {3, 2, 1, 0, 0, 0, 0, 0, 6, 5, 4, 0, 0, 0, 0, 0, 9, 8, 7};
	UNIT_BYTES(sector + 104, TIMES, sizeof(TIMES));
}

static void slot_bytes(void)
{
	static const uint8_t EXPECTED[36] = {'q',  'd',	 'c',  'o',  'n',  'f',	 'i',  'g',  1,
					     0,	   0,	 0,    0x52, 0x51, 0x0f, 0x00, 0x38, 0x37,
					     0x36, 0x35, 0x34, 0x33, 0x32, 0x31, 0x48, 0x47, 0x46,
					     0x45, 0x44, 0x43, 0x42, 0x41, 0x64, 0x63, 0x62, 0x61};
	uint8_t sector[512];
	qd_config_slot_encode(&SLOT, sector, sizeof(sector));
	UNIT_BYTES(sector, EXPECTED, sizeof(EXPECTED));
}

static void checksum_place(void)
{
	for (unsigned kind = 0; kind < 3; kind++) {
		for (size_t size = 0; size < UNIT_COUNT(SECTOR_BYTES); size++) {
			uint8_t sector[QD_QDISK_SECTOR_MAX];
			uint8_t again[QD_QDISK_SECTOR_MAX];
			memset(sector, 0xee, sizeof(sector));
			encode_kind(kind, sector, SECTOR_BYTES[size]);
			memcpy(again, sector, sizeof(again));
			seal(again);
			UNIT_BYTES(sector, again, sizeof(again));
			for (size_t i = 512; i < SECTOR_BYTES[size]; i++)
				UNIT_EQUAL(sector[i], 0);
			if (SECTOR_BYTES[size] < sizeof(sector))
				UNIT_EQUAL(sector[SECTOR_BYTES[size]], 0xee); /* exactly one sector */
		}
	}
}

static void superblock_round_trips(void)
{
	for (size_t size = 0; size < UNIT_COUNT(SECTOR_BYTES); size++) {
		for (size_t name_len = 1; name_len < QD_QDISK_NAME_BYTES; name_len++) {
			uint8_t sector[QD_QDISK_SECTOR_MAX];
			struct qd_superblock s = superblock(SECTOR_BYTES[size]);
			struct qd_superblock back;
			memset(s.cluster, 0, sizeof(s.cluster));
			memset(s.cluster, 'n', name_len);
			s.data_lba = qd_qdisk_min_sectors(s.sector_bytes);
			qd_superblock_encode(&s, sector, SECTOR_BYTES[size]);
			UNIT_EQUAL(qd_superblock_decode(sector, SECTOR_BYTES[size], &back), QD_QDISK_OK);
			UNIT_EQUAL(back.version, s.version);
			UNIT_EQUAL(back.sector_bytes, s.sector_bytes);
			UNIT_EQUAL(back.cluster_tag, s.cluster_tag);
			UNIT_EQUAL(back.data_lba, s.data_lba);
			UNIT_EQUAL(back.formatted_unix_s, s.formatted_unix_s);
			UNIT_BYTES(back.disk_uuid, s.disk_uuid, sizeof(s.disk_uuid));
			UNIT_BYTES(back.cluster, s.cluster, sizeof(s.cluster));
		}
	}
}

static void name_with_rubbish_behind(void)
{
	uint8_t sector[512];
	struct qd_superblock s = superblock(512);
	struct qd_superblock back;
	memset(s.cluster + 10, 'x', 10); /* behind the NUL */
	qd_superblock_encode(&s, sector, sizeof(sector));
	UNIT_EQUAL(sector[32 + 10], 0);
	sector[32 + 12] = 'y';
	seal(sector);
	UNIT_EQUAL(qd_superblock_decode(sector, sizeof(sector), &back), QD_QDISK_OK);
	UNIT_TEXT(back.cluster, "payroll");
	for (size_t i = 7; i < sizeof(back.cluster); i++)
		UNIT_EQUAL(back.cluster[i], 0);
}

static bool same_record(const struct qd_owner_record *a, const struct qd_owner_record *b)
{
	return UNIT_EQUAL(a->sequence, b->sequence) && UNIT_EQUAL(a->epoch, b->epoch) &&
	       UNIT_EQUAL(a->incarnation, b->incarnation) && UNIT_EQUAL(a->node_id, b->node_id) &&
	       UNIT_EQUAL(a->state, b->state) && UNIT_EQUAL(a->heir, b->heir) &&
	       UNIT_EQUAL(a->heir_turn, b->heir_turn) && UNIT_EQUAL(a->renew_ns, b->renew_ns) &&
	       UNIT_EQUAL(a->challenge_ns, b->challenge_ns) && UNIT_EQUAL(a->wait_ns, b->wait_ns) &&
	       UNIT_BYTES(a->machine_id, b->machine_id, sizeof(a->machine_id)) &&
	       UNIT_BYTES(a->boot_id, b->boot_id, sizeof(a->boot_id)) &&
	       UNIT_BYTES(a->disk_uuid, b->disk_uuid, sizeof(a->disk_uuid));
}

static void record_round_trips(void)
{
	for (uint32_t node = QD_NODE_ID_MIN; node <= QD_NODE_ID_MAX; node++) {
		for (size_t size = 0; size < UNIT_COUNT(SECTOR_BYTES); size++) {
			uint8_t sector[QD_QDISK_SECTOR_MAX];
			struct qd_owner_record r = record(node, node * UINT64_C(0x100000001));
			struct qd_owner_record back;
			unit_case("node %u, sectors of %u", node, SECTOR_BYTES[size]);
			qd_owner_record_encode(&r, sector, SECTOR_BYTES[size]);
			UNIT_EQUAL(qd_owner_record_decode(sector, SECTOR_BYTES[size], &back), QD_QDISK_OK);
			(void)same_record(&back, &r);
		}
	}
}

static void slot_round_trips(void)
{
	for (size_t size = 0; size < UNIT_COUNT(SECTOR_BYTES); size++) {
		uint8_t sector[QD_QDISK_SECTOR_MAX];
		struct qd_config_slot c = SLOT;
		struct qd_config_slot back;
		c.body_bytes = QD_QDISK_SLOT_BYTES - SECTOR_BYTES[size];
		qd_config_slot_encode(&c, sector, SECTOR_BYTES[size]);
		UNIT_EQUAL(qd_config_slot_decode(sector, SECTOR_BYTES[size], &back), QD_QDISK_OK);
		UNIT_EQUAL(back.epoch, c.epoch);
		UNIT_EQUAL(back.version, c.version);
		UNIT_EQUAL(back.body_bytes, c.body_bytes);
		UNIT_EQUAL(back.body_crc32c, c.body_crc32c);
	}
}

/* ---------------------------------------------------------------- layout and epochs */

static void places(void)
{
	UNIT_EQUAL(qd_qdisk_record_lba(1, 0), 8);
	UNIT_EQUAL(qd_qdisk_record_lba(1, 1), 9);
	UNIT_EQUAL(qd_qdisk_record_lba(64, 1), 135);
	UNIT_EQUAL(qd_qdisk_slot_lba(512, 0), 136);
	UNIT_EQUAL(qd_qdisk_slot_lba(512, 1), 136 + 2048);
	UNIT_EQUAL(qd_qdisk_slot_lba(4096, 1), 136 + 256);
	UNIT_EQUAL(qd_qdisk_min_sectors(512), 136 + 2 * 2048);
	UNIT_EQUAL(qd_qdisk_min_sectors(4096), 136 + 2 * 256);
}

static void epochs(void)
{
	for (uint32_t node = QD_NODE_ID_MIN; node <= QD_NODE_ID_MAX; node++) {
		uint64_t epoch = qd_epoch_make(UINT64_C(0x0123456789ab), node);
		UNIT_EQUAL(qd_epoch_counter(epoch), UINT64_C(0x0123456789ab));
		UNIT_EQUAL(qd_epoch_node(epoch), node);
		UNIT_OK(epoch < qd_epoch_make(UINT64_C(0x0123456789ac), QD_NODE_ID_MIN));
	}
}

/* ---------------------------------------------------------------- which copy counts */

static void pick_none(void)
{
	static const uint8_t ZEROS[512];
	struct qd_owner_record out = record(7, 1);
	qd_owner_record_pick(ZEROS, ZEROS, sizeof(ZEROS), 7, UUID, &out);
	UNIT_EQUAL(out.state, QD_RECORD_NONE);
	UNIT_EQUAL(out.sequence, 0);
}

static void pick_foreign(void)
{
	static const uint8_t ZEROS[512];
	uint8_t other_uuid[QD_QDISK_UUID_BYTES] = {0};
	uint8_t sector[512];
	struct qd_owner_record r = record(7, 4);
	struct qd_owner_record out;
	qd_owner_record_encode(&r, sector, sizeof(sector));
	unit_case("its place");
	qd_owner_record_pick(sector, ZEROS, sizeof(sector), 7, UUID, &out);
	UNIT_EQUAL(out.state, QD_RECORD_TAKEN);
	unit_case("an even sequence in the odd copy");
	qd_owner_record_pick(ZEROS, sector, sizeof(sector), 7, UUID, &out);
	UNIT_EQUAL(out.state, QD_RECORD_NONE);
	unit_case("another node's place");
	qd_owner_record_pick(sector, ZEROS, sizeof(sector), 8, UUID, &out);
	UNIT_EQUAL(out.state, QD_RECORD_NONE);
	unit_case("another disk's");
	qd_owner_record_pick(sector, ZEROS, sizeof(sector), 7, other_uuid, &out);
	UNIT_EQUAL(out.state, QD_RECORD_NONE);
	UNIT_EQUAL(out.epoch, 0);
}

static void pick_higher(void)
{
	static const uint64_t SEQUENCES[][2] = {
		{2, 1}, {2, 3}, {4, 1}, {2, 101}, {UINT64_MAX - 1, UINT64_MAX}};
	for (size_t i = 0; i < UNIT_COUNT(SEQUENCES); i++) {
		uint8_t even[512];
		uint8_t odd[512];
		struct qd_owner_record e = record(7, SEQUENCES[i][0]);
		struct qd_owner_record o = record(7, SEQUENCES[i][1]);
		struct qd_owner_record out;
		qd_owner_record_encode(&e, even, sizeof(even));
		qd_owner_record_encode(&o, odd, sizeof(odd));
		qd_owner_record_pick(even, odd, sizeof(even), 7, UUID, &out);
		(void)same_record(&out, e.sequence > o.sequence ? &e : &o);
	}
}

/* Node 7 wrote sequence - 2 and sequence - 1, and is cut off after `at` bytes of writing sequence. */
static bool torn_at(size_t at, uint64_t sequence, uint32_t sector_bytes, bool first)
{
	uint8_t sector[QD_QDISK_COPIES][QD_QDISK_SECTOR_MAX] = {{0}};
	uint8_t new_sector[QD_QDISK_SECTOR_MAX];
	struct qd_owner_record new_record = record(7, sequence);
	struct qd_owner_record older = record(7, sequence - 1);
	struct qd_owner_record oldest = record(7, sequence - 2);
	struct qd_owner_record out;
	qd_owner_record_encode(&older, sector[older.sequence % 2], sector_bytes);
	if (!first) /* else the sector was never written */
		qd_owner_record_encode(&oldest, sector[oldest.sequence % 2], sector_bytes);
	qd_owner_record_encode(&new_record, new_sector, sector_bytes);
	memcpy(sector[sequence % 2], new_sector, at);
	bool whole = memcmp(sector[sequence % 2], new_sector, sector_bytes) == 0;
	qd_owner_record_pick(sector[0], sector[1], sector_bytes, 7, UUID, &out);
	unit_case("torn at %zu of %u, sequence %" PRIu64, at, sector_bytes, sequence);
	return UNIT_OK(whole || at < QD_QDISK_CRC_AT + QD_QDISK_CRC_BYTES) &&
	       same_record(&out, whole ? &new_record : &older);
}

static void torn_record(void)
{
	for (size_t size = 0; size < UNIT_COUNT(SECTOR_BYTES); size++) {
		for (uint64_t sequence = 8; sequence <= 9; sequence++) {
			for (size_t at = 0; at <= SECTOR_BYTES[size]; at++) {
				if (!torn_at(at, sequence, SECTOR_BYTES[size], false) ||
				    !torn_at(at, sequence, SECTOR_BYTES[size], true))
					return;
			}
		}
	}
}

static const struct unit_test TESTS[] = {
	{"contents, sectors and places that do not exist are a programmer's error", refuses_arguments},
	{"a sector of any length but 512 and 4096 is never ok", every_length},
	{"zeros are empty, another magic is foreign, half a sector of zeros proves nothing",
	 empty_and_foreign},
	{"every flipped bit makes a sector foreign or torn", every_flipped_bit},
	{"a newer version is told from a torn sector", versions},
	{"impossible contents are invalid under a good checksum", impossible_contents},
	{"a superblock is these bytes", superblock_bytes},
	{"an owner record is these bytes", record_bytes},
	{"a configuration slot's header is these bytes", slot_bytes},
	{"the checksum is the last thing in 512 bytes, then zeros, and one sector is written",
	 checksum_place},
	{"superblocks come back", superblock_round_trips},
	{"what stands behind a name is neither written nor read", name_with_rubbish_behind},
	{"owner records of every node come back", record_round_trips},
	{"configuration slots come back", slot_round_trips},
	{"records and slots lie where the layout says", places},
	{"an epoch tells its counter and its node, and the counter rules", epochs},
	{"two empty copies are no record", pick_none},
	{"a record in the wrong copy, of another node or another disk does not count", pick_foreign},
	{"of two copies the higher sequence counts", pick_higher},
	{"a write torn at any byte leaves the older copy, or is whole", torn_record},
};

int main(void)
{
	return unit_run("t_qdisk", TESTS, UNIT_COUNT(TESTS));
}
