/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/witness_record.h"

#include "base/bytes.h"
#include "base/crc32c.h"
#include "codec/witness_record_fields.h"

#include <string.h>

enum {
	MAGIC_BYTES = 8,
	FORMAT_AT = 8,
	CRC_AT = QD_WITNESS_SECTOR_BYTES - 4,
};

static const uint8_t MAGIC_GRANT[MAGIC_BYTES] = {'q', 'd', 'w', 'g', 'r', 'a', 'n', 't'};
static const uint8_t MAGIC_IDENTITY[MAGIC_BYTES] = {'q', 'd', 'w', 's', 't', 'o', 'r', 'e'};

/* ------------------------------------------------ fields */

static void put(uint8_t *sector, size_t at, size_t width_bytes, uint64_t value)
{
	struct qd_writer w = qd_writer_make(sector + at, width_bytes);
	qd_write_le(&w, width_bytes, value);
}

static uint64_t get(const uint8_t *sector, size_t at, size_t width_bytes)
{
	struct qd_reader r = qd_reader_make(sector + at, width_bytes);
	return qd_read_le(&r, width_bytes);
}

/* A grant with the names of the list. */
struct grant_fields {
	uint16_t confirmed;
	uint32_t holder;
	uint8_t cluster[QD_WITNESS_CLUSTER_BYTES];
	uint64_t sequence;
	uint64_t epoch;
	uint64_t incarnation;
	uint64_t challenge_ns;
	uint64_t tag_epoch;
	uint64_t tag_version;
	uint8_t digest[QD_DIGEST_BYTES];
	uint64_t beat;
};

#define PUT_RAW(field, at, size) memcpy(to + (at), f->field, size);
#define PUT_U16(field, at, size) put(to, at, size, f->field);
#define PUT_U32(field, at, size) put(to, at, size, f->field);
#define PUT_U64(field, at, size) put(to, at, size, f->field);
#define GET_RAW(field, at, size) memcpy(f->field, from + (at), size);
#define GET_U16(field, at, size) f->field = (uint16_t)get(from, at, size);
#define GET_U32(field, at, size) f->field = (uint32_t)get(from, at, size);
#define GET_U64(field, at, size) f->field = get(from, at, size);
#define PUT(kind, field, at, size) PUT_##kind(field, at, size)
#define GET(kind, field, at, size) GET_##kind(field, at, size)

static void put_grant(uint8_t *to, const struct grant_fields *f)
{
	QD_WITNESS_GRANT_FIELDS(PUT)
}

static void get_grant(const uint8_t *from, struct grant_fields *f)
{
	QD_WITNESS_GRANT_FIELDS(GET)
}

static void put_identity(uint8_t *to, const struct qd_witness_identity *f)
{
	QD_WITNESS_IDENTITY_FIELDS(PUT)
}

static void get_identity(const uint8_t *from, struct qd_witness_identity *f)
{
	QD_WITNESS_IDENTITY_FIELDS(GET)
}

/* ------------------------------------------------ sectors */

static void seal(uint8_t *sector, const uint8_t *magic)
{
	memcpy(sector, magic, MAGIC_BYTES);
	put(sector, FORMAT_AT, 2, QD_WITNESS_FORMAT);
	put(sector, CRC_AT, 4, qd_crc32c(0, sector, CRC_AT));
}

static enum qd_witness_sector judge(const uint8_t *data, size_t len_bytes, const uint8_t *magic)
{
	bool zeros = true;
	if (len_bytes != QD_WITNESS_SECTOR_BYTES)
		return QD_WITNESS_SECTOR_DAMAGED;
	for (size_t i = 0; i < len_bytes && zeros; i++)
		zeros = data[i] == 0;
	if (zeros)
		return QD_WITNESS_SECTOR_EMPTY;
	if (memcmp(data, magic, MAGIC_BYTES) != 0 || get(data, CRC_AT, 4) != qd_crc32c(0, data, CRC_AT))
		return QD_WITNESS_SECTOR_DAMAGED;
	const uint64_t format = get(data, FORMAT_AT, 2);
	if (format > QD_WITNESS_FORMAT)
		return QD_WITNESS_SECTOR_NEWER;
	return format == 0 ? QD_WITNESS_SECTOR_DAMAGED : QD_WITNESS_SECTOR_OK;
}

static bool grant_possible(const struct qd_witness_grant *g)
{
	const struct qd_witness_record *r = &g->record;
	return g->sequence != 0 && r->holder <= QD_NODES_MAX &&
	       r->challenge_ns <= QD_WITNESS_CHALLENGE_MAX_NS && (r->holder == 0 || r->epoch != 0);
}

void qd_witness_grant_encode(const struct qd_witness_grant *g, uint8_t to[QD_WITNESS_SECTOR_BYTES])
{
	const struct qd_witness_record *r = &g->record;
	struct grant_fields f = {
		.confirmed = r->confirmed,
		.holder = r->holder,
		.sequence = g->sequence,
		.epoch = r->epoch,
		.incarnation = r->incarnation,
		.challenge_ns = r->challenge_ns,
		.tag_epoch = r->tag.epoch,
		.tag_version = r->tag.version,
		.beat = g->beat,
	};
	qd_assert(grant_possible(g));
	memcpy(f.cluster, g->cluster, sizeof f.cluster);
	memcpy(f.digest, r->digest, sizeof f.digest);
	memset(to, 0, QD_WITNESS_SECTOR_BYTES);
	put_grant(to, &f);
	seal(to, MAGIC_GRANT);
}

enum qd_witness_sector qd_witness_grant_decode(const uint8_t *data, size_t len_bytes,
					       struct qd_witness_grant *out)
{
	struct grant_fields f;
	memset(out, 0, sizeof *out);
	const enum qd_witness_sector verdict = judge(data, len_bytes, MAGIC_GRANT);
	if (verdict != QD_WITNESS_SECTOR_OK)
		return verdict;
	get_grant(data, &f);
	out->sequence = f.sequence;
	out->beat = f.beat;
	memcpy(out->cluster, f.cluster, sizeof out->cluster);
	out->record = (struct qd_witness_record){
		.confirmed = f.confirmed == 1,
		.epoch = f.epoch,
		.holder = f.holder,
		.incarnation = f.incarnation,
		.challenge_ns = f.challenge_ns,
		.tag = {.epoch = f.tag_epoch, .version = f.tag_version},
	};
	memcpy(out->record.digest, f.digest, sizeof out->record.digest);
	if (f.confirmed <= 1 && grant_possible(out))
		return QD_WITNESS_SECTOR_OK;
	memset(out, 0, sizeof *out);
	return QD_WITNESS_SECTOR_DAMAGED;
}

void qd_witness_identity_encode(const struct qd_witness_identity *i, uint8_t to[QD_WITNESS_SECTOR_BYTES])
{
	memset(to, 0, QD_WITNESS_SECTOR_BYTES);
	put_identity(to, i);
	seal(to, MAGIC_IDENTITY);
}

enum qd_witness_sector qd_witness_identity_decode(const uint8_t *data, size_t len_bytes,
						  struct qd_witness_identity *out)
{
	memset(out, 0, sizeof *out);
	const enum qd_witness_sector verdict = judge(data, len_bytes, MAGIC_IDENTITY);
	if (verdict == QD_WITNESS_SECTOR_OK)
		get_identity(data, out);
	return verdict;
}

bool qd_witness_identity_equal(const struct qd_witness_identity *a, const struct qd_witness_identity *b)
{
	return memcmp(a->machine, b->machine, sizeof a->machine) == 0 && a->file_system == b->file_system &&
	       a->directory_inode == b->directory_inode && a->directory_birth_ns == b->directory_birth_ns &&
	       a->file_inode == b->file_inode && a->file_birth_ns == b->file_birth_ns;
}
