/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/qdisk.h"

#include "base/bytes.h"
#include "base/crc32c.h"
#include "codec/qdisk_fields.h"

#include <string.h>

enum {
	SECTOR_SMALL = 512,
	SECTOR_LARGE = 4096,
};

/* Never the same for two kinds: a record that a stray write put in a slot's place stays foreign there. */
static const uint8_t MAGIC_SUPERBLOCK[QD_QDISK_MAGIC_BYTES] = {'q', 'd', 's', 'u', 'p', 'e', 'r', 'b'};
static const uint8_t MAGIC_OWNER_RECORD[QD_QDISK_MAGIC_BYTES] = {'q', 'd', 'r', 'e', 'c', 'o', 'r', 'd'};
static const uint8_t MAGIC_CONFIG_SLOT[QD_QDISK_MAGIC_BYTES] = {'q', 'd', 'c', 'o', 'n', 'f', 'i', 'g'};

static bool sector_size_known(uint64_t sector_bytes)
{
	return sector_bytes == SECTOR_SMALL || sector_bytes == SECTOR_LARGE;
}

static void put(uint8_t *sector, size_t at, size_t width_bytes, uint64_t value)
{
	qd_assert(at + width_bytes <= SECTOR_SMALL);
	struct qd_writer w = qd_writer_make(sector + at, width_bytes);
	qd_write_le(&w, width_bytes, value);
	qd_assert(!w.failed);
}

static uint64_t get(const uint8_t *sector, size_t at, size_t width_bytes)
{
	qd_assert(at + width_bytes <= SECTOR_SMALL);
	struct qd_reader r = qd_reader_make(sector + at, width_bytes);
	return qd_read_le(&r, width_bytes);
}

/* Length of the text in a field of cap_bytes; cap_bytes when no NUL ends it. */
static size_t text_len(const char *text, size_t cap_bytes)
{
	size_t n = 0;
	while (n < cap_bytes && text[n] != '\0')
		n++;
	return n;
}

static void put_text(uint8_t *to, const char *text, size_t cap_bytes)
{
	size_t n = text_len(text, cap_bytes);
	qd_assert(n < cap_bytes);
	memcpy(to, text, n); /* the zeros behind it are there */
}

/* What stood behind the NUL is dropped, so that equal texts are equal bytes. */
static void get_text(char *text, const uint8_t *from, size_t cap_bytes)
{
	memcpy(text, from, cap_bytes);
	size_t n = text_len(text, cap_bytes);
	memset(text + n, 0, cap_bytes - n);
}

/* One line a field, from the list in qdisk_fields.h: its place, and a proof that the struct's member fits it. */
#define MEMBER_FITS(object, field, size) _Static_assert(sizeof((object)->field) == (size), "width of " #field)
#define ENCODE_U16(field, at, size)                                                                          \
	MEMBER_FITS(object, field, 2);                                                                       \
	put(sector, at, size, object->field);
#define ENCODE_U32(field, at, size)                                                                          \
	MEMBER_FITS(object, field, 4);                                                                       \
	put(sector, at, size, object->field);
#define ENCODE_U64(field, at, size)                                                                          \
	MEMBER_FITS(object, field, 8);                                                                       \
	put(sector, at, size, object->field);
#define ENCODE_STATE(field, at, size) put(sector, at, size, (uint64_t)object->field);
#define ENCODE_RAW(field, at, size)                                                                          \
	MEMBER_FITS(object, field, size);                                                                    \
	memcpy(sector + (at), object->field, size);
#define ENCODE_TEXT(field, at, size)                                                                         \
	MEMBER_FITS(object, field, size);                                                                    \
	put_text(sector + (at), object->field, size);
#define ENCODE(kind, field, at, size) ENCODE_##kind(field, at, size)

#define DECODE_U16(field, at, size) object->field = (uint16_t)get(sector, at, size);
#define DECODE_U32(field, at, size) object->field = (uint32_t)get(sector, at, size);
#define DECODE_U64(field, at, size) object->field = get(sector, at, size);
#define DECODE_STATE(field, at, size) object->field = (enum qd_record_state)get(sector, at, size);
#define DECODE_RAW(field, at, size) memcpy(object->field, sector + (at), size);
#define DECODE_TEXT(field, at, size) get_text(object->field, sector + (at), size);
#define DECODE(kind, field, at, size) DECODE_##kind(field, at, size)

static void sector_begin(uint8_t *sector, uint32_t sector_bytes, const uint8_t magic[QD_QDISK_MAGIC_BYTES])
{
	qd_assert(sector_size_known(sector_bytes));
	memset(sector, 0, sector_bytes);
	memcpy(sector, magic, QD_QDISK_MAGIC_BYTES);
	put(sector, QD_QDISK_FORMAT_AT, 2, QD_QDISK_VERSION);
}

static void sector_end(uint8_t *sector)
{
	put(sector, QD_QDISK_CRC_AT, QD_QDISK_CRC_BYTES, qd_crc32c(0, sector, QD_QDISK_CRC_AT));
}

static bool all_zero(const uint8_t *data, size_t len_bytes)
{
	for (size_t i = 0; i < len_bytes; i++) {
		if (data[i] != 0)
			return false;
	}
	return true;
}

/* Everything that does not depend on the kind of sector. QD_QDISK_OK: the fields are as somebody wrote them. */
static enum qd_qdisk_verdict sector_check(const uint8_t *sector, size_t len_bytes,
					  const uint8_t magic[QD_QDISK_MAGIC_BYTES])
{
	qd_assert(sector != NULL || len_bytes == 0);
	/* Half a sector of zeros proves nothing about the other half. */
	if (sector_size_known(len_bytes) && all_zero(sector, len_bytes))
		return QD_QDISK_EMPTY;
	if (len_bytes < QD_QDISK_MAGIC_BYTES || memcmp(sector, magic, QD_QDISK_MAGIC_BYTES) != 0)
		return QD_QDISK_FOREIGN;
	if (!sector_size_known(len_bytes) ||
	    get(sector, QD_QDISK_CRC_AT, QD_QDISK_CRC_BYTES) != qd_crc32c(0, sector, QD_QDISK_CRC_AT))
		return QD_QDISK_TORN;
	/* Only under a good checksum: a torn sector's version number is no promise. */
	uint64_t format = get(sector, QD_QDISK_FORMAT_AT, 2);
	if (format > QD_QDISK_VERSION)
		return QD_QDISK_NEWER;
	return format == QD_QDISK_VERSION ? QD_QDISK_OK : QD_QDISK_INVALID;
}

uint64_t qd_qdisk_slot_lba(uint32_t sector_bytes, uint32_t slot)
{
	qd_assert(sector_size_known(sector_bytes));
	qd_assert(slot < QD_QDISK_SLOT_COUNT);
	return QD_QDISK_SLOTS_LBA + (uint64_t)slot * (QD_QDISK_SLOT_BYTES / sector_bytes);
}

uint64_t qd_qdisk_min_sectors(uint32_t sector_bytes)
{
	return qd_qdisk_slot_lba(sector_bytes, QD_QDISK_SLOT_COUNT - 1) + QD_QDISK_SLOT_BYTES / sector_bytes;
}

uint64_t qd_qdisk_record_lba(uint32_t node_id, uint32_t copy)
{
	_Static_assert(QD_QDISK_RECORDS_LBA + QD_QDISK_COPIES * QD_NODE_ID_MAX == QD_QDISK_SLOTS_LBA,
		       "the slots follow the last record");
	qd_assert(node_id >= QD_NODE_ID_MIN && node_id <= QD_NODE_ID_MAX);
	qd_assert(copy < QD_QDISK_COPIES);
	return QD_QDISK_RECORDS_LBA + (uint64_t)QD_QDISK_COPIES * (node_id - QD_NODE_ID_MIN) + copy;
}

static bool superblock_possible(const struct qd_superblock *s)
{
	size_t name_len = text_len(s->cluster, sizeof(s->cluster));
	return s->version == QD_QDISK_VERSION && sector_size_known(s->sector_bytes) && name_len > 0 &&
	       name_len < sizeof(s->cluster) && s->data_lba >= qd_qdisk_min_sectors(s->sector_bytes);
}

void qd_superblock_encode(const struct qd_superblock *s, uint8_t *sector, uint32_t sector_bytes)
{
	const struct qd_superblock *object = s;
	qd_assert(superblock_possible(s));
	qd_assert(s->sector_bytes == sector_bytes);
	sector_begin(sector, sector_bytes, MAGIC_SUPERBLOCK);
	QD_QDISK_SUPERBLOCK_FIELDS(ENCODE)
	sector_end(sector);
}

enum qd_qdisk_verdict qd_superblock_decode(const uint8_t *sector, size_t len_bytes, struct qd_superblock *out)
{
	*out = (struct qd_superblock){0};
	enum qd_qdisk_verdict verdict = sector_check(sector, len_bytes, MAGIC_SUPERBLOCK);
	if (verdict != QD_QDISK_OK)
		return verdict;
	struct qd_superblock read = {.version = QD_QDISK_VERSION};
	struct qd_superblock *object = &read;
	QD_QDISK_SUPERBLOCK_FIELDS(DECODE)
	if (!superblock_possible(&read) || read.sector_bytes != len_bytes)
		return QD_QDISK_INVALID;
	*out = read;
	return QD_QDISK_OK;
}

static bool time_possible(uint64_t ns)
{
	return ns > 0 && ns <= QD_QDISK_TIME_MAX_NS;
}

static bool owner_record_possible(const struct qd_owner_record *r)
{
	if (r->node_id < QD_NODE_ID_MIN || r->node_id > QD_NODE_ID_MAX)
		return false;
	if (r->state != QD_RECORD_TAKEN && r->state != QD_RECORD_RELEASED)
		return false;
	/* Sequence 0 is "no record yet"; the epoch names its node, so nobody else can have had it (I2). */
	return r->sequence > 0 && qd_epoch_node(r->epoch) == r->node_id && r->heir <= QD_NODE_ID_MAX &&
	       r->heir != r->node_id && time_possible(r->renew_ns) && time_possible(r->challenge_ns) &&
	       time_possible(r->wait_ns);
}

void qd_owner_record_encode(const struct qd_owner_record *r, uint8_t *sector, uint32_t sector_bytes)
{
	const struct qd_owner_record *object = r;
	qd_assert(owner_record_possible(r));
	sector_begin(sector, sector_bytes, MAGIC_OWNER_RECORD);
	QD_QDISK_OWNER_RECORD_FIELDS(ENCODE)
	sector_end(sector);
}

enum qd_qdisk_verdict qd_owner_record_decode(const uint8_t *sector, size_t len_bytes,
					     struct qd_owner_record *out)
{
	*out = (struct qd_owner_record){0};
	enum qd_qdisk_verdict verdict = sector_check(sector, len_bytes, MAGIC_OWNER_RECORD);
	if (verdict != QD_QDISK_OK)
		return verdict;
	struct qd_owner_record read = {0};
	struct qd_owner_record *object = &read;
	QD_QDISK_OWNER_RECORD_FIELDS(DECODE)
	if (!owner_record_possible(&read))
		return QD_QDISK_INVALID;
	*out = read;
	return QD_QDISK_OK;
}

void qd_config_slot_encode(const struct qd_config_slot *c, uint8_t *sector, uint32_t sector_bytes)
{
	const struct qd_config_slot *object = c;
	sector_begin(sector, sector_bytes, MAGIC_CONFIG_SLOT);
	qd_assert(c->body_bytes <= QD_QDISK_SLOT_BYTES - sector_bytes);
	QD_QDISK_CONFIG_SLOT_FIELDS(ENCODE)
	sector_end(sector);
}

enum qd_qdisk_verdict qd_config_slot_decode(const uint8_t *sector, size_t len_bytes,
					    struct qd_config_slot *out)
{
	*out = (struct qd_config_slot){0};
	enum qd_qdisk_verdict verdict = sector_check(sector, len_bytes, MAGIC_CONFIG_SLOT);
	if (verdict != QD_QDISK_OK)
		return verdict;
	struct qd_config_slot read = {0};
	struct qd_config_slot *object = &read;
	QD_QDISK_CONFIG_SLOT_FIELDS(DECODE)
	if (read.body_bytes > QD_QDISK_SLOT_BYTES - len_bytes)
		return QD_QDISK_INVALID;
	*out = read;
	return QD_QDISK_OK;
}

/* The record in one sector counts only where its writer could have put it. */
static bool record_counts(const uint8_t *sector, uint32_t sector_bytes, uint32_t node_id, uint32_t copy,
			  const uint8_t disk_uuid[QD_QDISK_UUID_BYTES], struct qd_owner_record *out)
{
	return qd_owner_record_decode(sector, sector_bytes, out) == QD_QDISK_OK && out->node_id == node_id &&
	       out->sequence % QD_QDISK_COPIES == copy &&
	       memcmp(out->disk_uuid, disk_uuid, QD_QDISK_UUID_BYTES) == 0;
}

void qd_owner_record_pick(const uint8_t *even, const uint8_t *odd, uint32_t sector_bytes, uint32_t node_id,
			  const uint8_t disk_uuid[QD_QDISK_UUID_BYTES], struct qd_owner_record *out)
{
	qd_assert(sector_size_known(sector_bytes));
	qd_assert(node_id >= QD_NODE_ID_MIN && node_id <= QD_NODE_ID_MAX);
	struct qd_owner_record copy[QD_QDISK_COPIES];
	bool even_counts = record_counts(even, sector_bytes, node_id, 0, disk_uuid, &copy[0]);
	bool odd_counts = record_counts(odd, sector_bytes, node_id, 1, disk_uuid, &copy[1]);
	*out = (struct qd_owner_record){0};
	if (even_counts && (!odd_counts || copy[0].sequence > copy[1].sequence))
		*out = copy[0];
	else if (odd_counts)
		*out = copy[1];
	QD_ERGO(out->state != QD_RECORD_NONE, out->node_id == node_id);
}
