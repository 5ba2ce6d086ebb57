/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/kept.h"

#include "base/crc32c.h"
#include "codec/kept_fields.h"
#include "codec/little.h"

enum {
	FLAG_HAS_VOTE = 1u << 0,
	/* The head was never in a view: its version is 0, which no head of a quorum disk has. It is written as 1. */
	FLAG_NO_VERSION = 1u << 1,
	FLAGS_ALL = (1u << 2) - 1,
	FORMAT_AT = 8,
	INCARNATION_BYTES = 8,
	CRC_BYTES = 4,
};

static const uint8_t MAGIC[QD_KEPT_MAGIC_BYTES] = {'q', 'd', 'k', 'e', 'p', 't', 0, 0};

/* The fields of the list under their names. */
struct fields {
	uint8_t magic[QD_KEPT_MAGIC_BYTES];
	uint16_t format;
	uint16_t flags;
	uint32_t node_id;
	uint64_t sequence;
	uint8_t machine[QD_QDISK_ID_BYTES];
	uint8_t cluster[QD_KEPT_CLUSTER_BYTES];
	uint64_t file_system;
	uint64_t directory_inode;
	uint64_t directory_birth_ns;
	uint64_t file_inode;
	uint64_t file_birth_ns;
	uint64_t promised;
	uint64_t installed_epoch;
	uint64_t installed_members;
};

#define MEMBER_FITS(field, size) _Static_assert(sizeof(f->field) == (size), "width of " #field);
#define PUT_U16(field, at, size)                                                                             \
	MEMBER_FITS(field, size)                                                                             \
	qd_little_put(to + (at), size, f->field);
#define PUT_U32(field, at, size) PUT_U16(field, at, size)
#define PUT_U64(field, at, size) PUT_U16(field, at, size)
#define PUT_RAW(field, at, size)                                                                             \
	MEMBER_FITS(field, size)                                                                             \
	memcpy(to + (at), f->field, size);
#define PUT(kind, field, at, size) PUT_##kind(field, at, size)
#define GET_U16(field, at, size) f->field = (uint16_t)qd_little_get(from + (at), size);
#define GET_U32(field, at, size) f->field = (uint32_t)qd_little_get(from + (at), size);
#define GET_U64(field, at, size) f->field = qd_little_get(from + (at), size);
#define GET_RAW(field, at, size) memcpy(f->field, from + (at), size);
#define GET(kind, field, at, size) GET_##kind(field, at, size)

static void put_fields(const struct fields *f, uint8_t *to)
{
	QD_KEPT_FIELDS(PUT)
}

static void get_fields(struct fields *f, const uint8_t *from)
{
	QD_KEPT_FIELDS(GET)
}

static struct fields fields_of(const struct qd_kept_slot *s)
{
	struct fields f = {
		.format = QD_KEPT_FORMAT,
		.flags = s->kept.has_vote ? FLAG_HAS_VOTE : 0,
		.node_id = s->origin.node_id,
		.sequence = s->sequence,
		.file_system = s->origin.file_system,
		.directory_inode = s->origin.directory_inode,
		.directory_birth_ns = s->origin.directory_birth_ns,
		.file_inode = s->origin.file_inode,
		.file_birth_ns = s->origin.file_birth_ns,
		.promised = s->kept.promised,
		.installed_epoch = s->kept.installed.epoch,
		.installed_members = s->kept.installed.members,
	};
	memcpy(f.magic, MAGIC, sizeof f.magic);
	memcpy(f.machine, s->origin.machine, sizeof f.machine);
	memcpy(f.cluster, s->origin.cluster, sizeof f.cluster);
	return f;
}

void qd_kept_encode(const struct qd_kept_slot *slot, uint8_t to[QD_KEPT_SLOT_BYTES])
{
	const struct qd_view *v = &slot->kept.installed;
	struct fields f = fields_of(slot);
	struct qd_head head = slot->kept.head;
	qd_assert(slot->sequence > 0 && slot->origin.node_id >= QD_NODE_ID_MIN &&
		  slot->origin.node_id <= QD_NODE_ID_MAX);
	memset(to, 0, QD_KEPT_SLOT_BYTES);
	if (head.tag.version == 0) {
		f.flags |= FLAG_NO_VERSION;
		head.tag.version = 1;
	}
	put_fields(&f, to);
	for (uint32_t id = qd_set_next(v->members, 0); id != 0; id = qd_set_next(v->members, id))
		qd_little_put(to + QD_KEPT_INCARNATIONS_AT + (size_t)(id - 1) * INCARNATION_BYTES,
			      INCARNATION_BYTES, v->incarnation[id - 1]);
	qd_config_head_encode(&head, to + QD_KEPT_HEAD_AT);
	qd_little_put(to + QD_KEPT_CRC_AT, CRC_BYTES, qd_crc32c(0, to, QD_KEPT_CRC_AT));
}

static bool all_zero(const uint8_t *data, size_t len_bytes)
{
	size_t n = 0;
	while (n < len_bytes && data[n] == 0)
		n++;
	return n == len_bytes;
}

static bool get_slot(const uint8_t *data, struct qd_kept_slot *out)
{
	struct fields f;
	get_fields(&f, data);
	out->sequence = f.sequence;
	out->origin = (struct qd_kept_origin){
		.node_id = f.node_id,
		.file_system = f.file_system,
		.directory_inode = f.directory_inode,
		.directory_birth_ns = f.directory_birth_ns,
		.file_inode = f.file_inode,
		.file_birth_ns = f.file_birth_ns,
	};
	memcpy(out->origin.machine, f.machine, sizeof f.machine);
	memcpy(out->origin.cluster, f.cluster, sizeof f.cluster);
	out->kept.promised = f.promised;
	out->kept.installed.epoch = f.installed_epoch;
	out->kept.installed.members = f.installed_members;
	out->kept.has_vote = (f.flags & FLAG_HAS_VOTE) != 0;
	if (f.sequence == 0 || f.node_id < QD_NODE_ID_MIN || f.node_id > QD_NODE_ID_MAX ||
	    (f.flags & ~(uint32_t)FLAGS_ALL) != 0 || !qd_set_contains(qd_set_all(), f.installed_members) ||
	    (f.installed_epoch == 0) != (f.installed_members == 0))
		return false;
	struct qd_view *v = &out->kept.installed;
	for (uint32_t id = qd_set_next(v->members, 0); id != 0; id = qd_set_next(v->members, id))
		v->incarnation[id - 1] =
			qd_little_get(data + QD_KEPT_INCARNATIONS_AT + (size_t)(id - 1) * INCARNATION_BYTES,
				      INCARNATION_BYTES);
	if (qd_config_head_decode(data + QD_KEPT_HEAD_AT, QD_QDISK_HEAD_BYTES, &out->kept.head) !=
	    QD_QDISK_OK)
		return false;
	if ((f.flags & FLAG_NO_VERSION) == 0)
		return true;
	const bool first = out->kept.head.tag.version == 1;
	out->kept.head.tag.version = 0;
	return first;
}

enum qd_kept_verdict qd_kept_decode(const uint8_t *data, size_t len_bytes, struct qd_kept_slot *out)
{
	*out = (struct qd_kept_slot){0};
	if (all_zero(data, len_bytes))
		return QD_KEPT_EMPTY;
	if (len_bytes != QD_KEPT_SLOT_BYTES || memcmp(data, MAGIC, sizeof MAGIC) != 0 ||
	    qd_little_get(data + QD_KEPT_CRC_AT, CRC_BYTES) != qd_crc32c(0, data, QD_KEPT_CRC_AT))
		return QD_KEPT_DAMAGED;
	const uint64_t format = qd_little_get(data + FORMAT_AT, 2);
	if (format > QD_KEPT_FORMAT)
		return QD_KEPT_NEWER;
	if (format == QD_KEPT_FORMAT && get_slot(data, out)) {
		/* One slot has one form: what is nowhere in the struct was not written by qd_kept_encode(). */
		uint8_t again[QD_KEPT_SLOT_BYTES];
		qd_kept_encode(out, again);
		if (memcmp(again, data, sizeof again) == 0)
			return QD_KEPT_OK;
	}
	*out = (struct qd_kept_slot){0};
	return QD_KEPT_DAMAGED;
}

bool qd_kept_origin_same_node(const struct qd_kept_origin *a, const struct qd_kept_origin *b)
{
	return a->node_id == b->node_id && memcmp(a->machine, b->machine, sizeof a->machine) == 0 &&
	       memcmp(a->cluster, b->cluster, sizeof a->cluster) == 0;
}

bool qd_kept_origin_same_place(const struct qd_kept_origin *a, const struct qd_kept_origin *b)
{
	return a->file_system == b->file_system && a->directory_inode == b->directory_inode &&
	       a->directory_birth_ns == b->directory_birth_ns && a->file_inode == b->file_inode &&
	       a->file_birth_ns == b->file_birth_ns;
}
