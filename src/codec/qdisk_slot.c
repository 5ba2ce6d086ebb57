/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/qdisk_slot.h"

#include "base/crc32c.h"
#include "codec/little.h"
#include "codec/qdisk_fields.h"

enum {
	VOTES_BYTES = 96,
	WEIGHTS_ON_DISK = 64, /* whatever QD_NODES_MAX is */
	SECTOR_SMALL = 512,
};

_Static_assert((int)QD_NODES_MAX <= (int)WEIGHTS_ON_DISK, "a weight for every node");

/* The fields of the lists under their names; struct qd_head has some of them inside others. */
struct disk_votes {
	uint8_t model;
	bool dynamic;
	bool extra_out;
	uint32_t low;
	uint64_t nodes;
	uint64_t out;
	uint8_t weight[WEIGHTS_ON_DISK];
	uint64_t paused;
};

struct disk_head {
	uint16_t head_format;
	bool has_old;
	uint32_t forced_by;
	uint64_t tag_epoch;
	uint64_t tag_version;
	uint64_t forced_unix_s;
	uint8_t digest[QD_DIGEST_BYTES];
	struct disk_votes votes;
	struct disk_votes old;
};

/* ---------------------------------------------------------------- fields */

/* A byte that is 0 or 1; anything else spoils the part. */
static bool get_bool(const uint8_t *at, bool *possible)
{
	*possible = *possible && *at <= 1;
	return *at == 1;
}

#define MEMBER_FITS(field, size) _Static_assert(sizeof(object->field) == (size), "width of " #field);
#define PUT_U8(field, at, size)                                                                              \
	MEMBER_FITS(field, size)                                                                             \
	qd_little_put(to + (at), size, object->field);
#define PUT_U16(field, at, size) PUT_U8(field, at, size)
#define PUT_U32(field, at, size) PUT_U8(field, at, size)
#define PUT_U64(field, at, size) PUT_U8(field, at, size)
#define PUT_BOOL(field, at, size) PUT_U8(field, at, size)
#define PUT_MODEL(field, at, size) PUT_U8(field, at, size)
#define PUT_RAW(field, at, size)                                                                             \
	MEMBER_FITS(field, size)                                                                             \
	memcpy(to + (at), object->field, size);
#define PUT_VOTES(field, at, size)                                                                           \
	_Static_assert((size) == VOTES_BYTES, "width of " #field);                                           \
	put_votes(&object->field, to + (at));
#define PUT(kind, field, at, size) PUT_##kind(field, at, size)

#define GET_U16(field, at, size) object->field = (uint16_t)qd_little_get(from + (at), size);
#define GET_U32(field, at, size) object->field = (uint32_t)qd_little_get(from + (at), size);
#define GET_U64(field, at, size) object->field = qd_little_get(from + (at), size);
#define GET_BOOL(field, at, size) object->field = get_bool(from + (at), &possible);
#define GET_MODEL(field, at, size) object->field = from[at];
#define GET_RAW(field, at, size) memcpy(object->field, from + (at), size);
#define GET_VOTES(field, at, size) possible = get_votes(&object->field, from + (at)) && possible;
#define GET(kind, field, at, size) GET_##kind(field, at, size)

static void put_votes(const struct disk_votes *object, uint8_t *to)
{
	QD_QDISK_VOTES_FIELDS(PUT)
}

static bool get_votes(struct disk_votes *object, const uint8_t *from)
{
	bool possible = true;
	QD_QDISK_VOTES_FIELDS(GET)
	return possible;
}

/* ---------------------------------------------------------------- head */

/* What a node takes from another one (codec/wire.c) the disk takes, too; a rule without votes is the core's to judge. */
static bool votes_possible(const struct disk_votes *v)
{
	if (v->model >= QD_MODEL_COUNT || (v->nodes & ~qd_set_all()) != 0 || (v->out & ~v->nodes) != 0 ||
	    (v->paused & ~v->nodes) != 0 || (v->low != 0 && !qd_set_has(v->nodes, v->low)))
		return false;
	for (uint32_t i = 0; i < WEIGHTS_ON_DISK; i++) {
		const uint8_t most = (v->nodes >> i & 1u) != 0 ? QD_WEIGHT_MAX : 0;
		if (v->weight[i] > most)
			return false;
	}
	return true;
}

static bool head_possible(const struct disk_head *h)
{
	return h->tag_version > 0 && h->forced_by <= QD_NODES_MAX && votes_possible(&h->votes) &&
	       (!h->has_old || votes_possible(&h->old));
}

static struct disk_votes votes_to_disk(const struct qd_votes *v)
{
	struct disk_votes d = {
		.model = (uint8_t)v->model,
		.dynamic = v->dynamic,
		.extra_out = v->extra_out,
		.low = v->low,
		.nodes = v->nodes,
		.out = v->out,
		.paused = v->paused,
	};
	for (uint32_t id = qd_set_next(v->nodes, 0); id != 0; id = qd_set_next(v->nodes, id))
		d.weight[id - 1] = v->weight[id - 1];
	return d;
}

static struct qd_votes votes_from_disk(const struct disk_votes *d)
{
	struct qd_votes v = {
		.model = (enum qd_model)d->model,
		.nodes = d->nodes,
		.dynamic = d->dynamic,
		.out = d->out,
		.extra_out = d->extra_out,
		.low = d->low,
		.paused = d->paused,
	};
	memcpy(v.weight, d->weight, sizeof(v.weight));
	return v;
}

void qd_config_head_encode(const struct qd_head *h, uint8_t to[QD_QDISK_HEAD_BYTES])
{
	struct disk_head flat = {
		.head_format = QD_QDISK_HEAD_FORMAT,
		.has_old = h->has_old,
		.forced_by = h->forced_by,
		.tag_epoch = h->tag.epoch,
		.tag_version = h->tag.version,
		.forced_unix_s = h->forced_unix_s,
		.votes = votes_to_disk(&h->votes),
	};
	const struct disk_head *object = &flat;
	memcpy(flat.digest, h->body, sizeof(flat.digest));
	if (h->has_old)
		flat.old = votes_to_disk(&h->old);
	qd_assert(head_possible(object));
	memset(to, 0, QD_QDISK_HEAD_BYTES);
	QD_QDISK_HEAD_FIELDS(PUT)
}

enum qd_qdisk_verdict qd_config_head_decode(const uint8_t *data, size_t len_bytes, struct qd_head *out)
{
	const uint8_t *from = data;
	struct disk_head read = {0};
	struct disk_head *object = &read;
	bool possible = true;
	*out = (struct qd_head){0};
	if (len_bytes < QD_QDISK_HEAD_BYTES)
		return QD_QDISK_TORN;
	if (qd_little_get(data, 2) > QD_QDISK_HEAD_FORMAT)
		return QD_QDISK_NEWER;
	QD_QDISK_HEAD_FIELDS(GET)
	if (!possible || read.head_format != QD_QDISK_HEAD_FORMAT || !head_possible(&read))
		return QD_QDISK_INVALID;
	*out = (struct qd_head){
		.tag = {read.tag_epoch, read.tag_version},
		.votes = votes_from_disk(&read.votes),
		.has_old = read.has_old,
		.forced_by = read.forced_by,
		.forced_unix_s = read.forced_unix_s,
	};
	memcpy(out->body, read.digest, sizeof(out->body));
	if (read.has_old)
		out->old = votes_from_disk(&read.old);
	return QD_QDISK_OK;
}

/* ---------------------------------------------------------------- the whole slot */

size_t qd_config_text_at(uint32_t sector_bytes)
{
	return (size_t)sector_bytes + QD_QDISK_HEAD_BYTES;
}

size_t qd_config_slot_length(uint32_t sector_bytes, size_t body_bytes)
{
	qd_assert(sector_bytes == SECTOR_SMALL || sector_bytes == QD_QDISK_SECTOR_MAX);
	qd_assert(body_bytes <= QD_QDISK_SLOT_BYTES - sector_bytes);
	const size_t sectors = (body_bytes + sector_bytes - 1) / sector_bytes;
	return (1 + sectors) * sector_bytes;
}

size_t qd_config_slot_seal(const struct qd_head *h, uint8_t *slot, uint32_t sector_bytes, size_t text_bytes)
{
	qd_assert(text_bytes <= QD_QDISK_TEXT_MAX);
	const size_t body_bytes = QD_QDISK_HEAD_BYTES + text_bytes;
	const size_t len_bytes = qd_config_slot_length(sector_bytes, body_bytes);
	uint8_t *body = slot + sector_bytes;
	qd_config_head_encode(h, body);
	memset(body + body_bytes, 0, len_bytes - sector_bytes - body_bytes);
	const struct qd_config_slot header = {
		.epoch = h->tag.epoch,
		.version = h->tag.version,
		.body_bytes = (uint32_t)body_bytes,
		.body_crc32c = qd_crc32c(0, body, body_bytes),
	};
	qd_config_slot_encode(&header, slot, sector_bytes);
	return len_bytes;
}

void qd_config_slot_judge(const uint8_t *slot, size_t len_bytes, uint32_t sector_bytes,
			  struct qd_config_content *out)
{
	struct qd_config_slot header;
	struct qd_head head;
	const uint8_t *body = slot + sector_bytes;
	qd_assert(len_bytes >= sector_bytes);
	*out = (struct qd_config_content){.verdict = qd_config_slot_decode(slot, sector_bytes, &header)};
	if (out->verdict != QD_QDISK_OK)
		return;
	if (header.body_bytes > len_bytes - sector_bytes ||
	    qd_crc32c(0, body, header.body_bytes) != header.body_crc32c) {
		out->verdict = QD_QDISK_TORN;
		return;
	}
	out->verdict = qd_config_head_decode(body, header.body_bytes, &head);
	if (out->verdict == QD_QDISK_TORN) /* its checksum is right: it was never longer */
		out->verdict = QD_QDISK_INVALID;
	if (out->verdict != QD_QDISK_OK)
		return;
	const struct qd_tag tag = {header.epoch, header.version};
	/* The body of another configuration; a text that nobody here could have written. */
	if (qd_tag_compare(head.tag, tag) != 0 ||
	    header.body_bytes > QD_QDISK_HEAD_BYTES + QD_QDISK_TEXT_MAX) {
		out->verdict = QD_QDISK_INVALID;
		return;
	}
	out->head = head;
	out->text_bytes = header.body_bytes - QD_QDISK_HEAD_BYTES;
}

uint32_t qd_config_slot_newest(const struct qd_config_content slots[QD_QDISK_SLOT_COUNT])
{
	uint32_t newest = QD_QDISK_SLOT_COUNT;
	for (uint32_t i = 0; i < QD_QDISK_SLOT_COUNT; i++) {
		if (slots[i].verdict != QD_QDISK_OK)
			continue;
		if (newest == QD_QDISK_SLOT_COUNT ||
		    qd_tag_compare(slots[i].head.tag, slots[newest].head.tag) > 0)
			newest = i;
	}
	return newest;
}
