/* SPDX-License-Identifier: Apache-2.0 */
/* The reservation key that beats (docs/PROTOCOL.md section 3):
 * cluster tag (16 bits) | node id (8) | incarnation (16) | beat (24). Never zero. Pure. */
#ifndef QD_CODEC_KEY_H
#define QD_CODEC_KEY_H

#include "base/assert.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	QD_NODE_ID_MIN = 1,
	QD_NODE_ID_MAX = 64,	/* node sets are 64-bit maps; the disk has one record pair a node */
	QD_BEAT_MAX = 0xffffff, /* 24 bits: 582 days at one beat every 3 s, then a new incarnation */
	QD_INCARNATION_KEY_MASK = 0xffff, /* inside a key only equality of these 16 bits means anything */
};

struct qd_key {
	uint64_t value; /* 0: no key */
};

static inline struct qd_key qd_key_make(uint16_t tag, uint32_t node_id, uint64_t incarnation, uint32_t beat)
{
	qd_assert(node_id >= QD_NODE_ID_MIN && node_id <= QD_NODE_ID_MAX);
	qd_assert(beat <= QD_BEAT_MAX);
	return (struct qd_key){(uint64_t)tag << 48 | (uint64_t)node_id << 40 |
			       (incarnation & QD_INCARNATION_KEY_MASK) << 24 | beat};
}

static inline uint16_t qd_key_tag(struct qd_key k)
{
	return (uint16_t)(k.value >> 48);
}

/* 0..255: a foreign key may carry a node id that no node of ours can have. */
static inline uint32_t qd_key_node(struct qd_key k)
{
	return (uint32_t)(k.value >> 40) & 0xffu;
}

static inline uint32_t qd_key_incarnation(struct qd_key k)
{
	return (uint32_t)(k.value >> 24) & QD_INCARNATION_KEY_MASK;
}

static inline uint32_t qd_key_beat(struct qd_key k)
{
	return (uint32_t)k.value & QD_BEAT_MAX;
}

static inline bool qd_key_equal(struct qd_key a, struct qd_key b)
{
	return a.value == b.value;
}

static inline bool qd_key_is_none(struct qd_key k)
{
	return k.value == 0;
}

#endif
