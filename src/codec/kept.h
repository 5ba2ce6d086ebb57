/* SPDX-License-Identifier: Apache-2.0 */
/* What a node keeps durably, as bytes (docs/KEPT.md): a slot of 1024 bytes with its own checksum, bound to the machine and
 * the file that it was written for. Reads and writes nothing. Pure. */
#ifndef QD_CODEC_KEPT_H
#define QD_CODEC_KEPT_H

#include "codec/qdisk_slot.h"
#include "core/head.h"

enum {
	QD_KEPT_FORMAT = 1,
	QD_KEPT_SLOT_BYTES = 1024,
	QD_KEPT_CLUSTER_BYTES = 16, /* as in packets and in the key file */
};

/* Whose slot it is, and of which file: what a copy does not have. */
struct qd_kept_origin {
	uint32_t node_id;
	uint8_t machine[QD_QDISK_ID_BYTES];
	uint8_t cluster[QD_KEPT_CLUSTER_BYTES];
	uint64_t file_system; /* 0: has no lasting number */
	uint64_t directory_inode;
	uint64_t directory_birth_ns; /* since 1970 */
	uint64_t file_inode;
	uint64_t file_birth_ns;
};

struct qd_kept_slot {
	uint64_t sequence; /* of two slots the higher one counts; 0 in none that was written */
	struct qd_kept_origin origin;
	struct qd_kept kept;
};

enum qd_kept_verdict {
	QD_KEPT_EMPTY = 0, /* zeros only, or no byte at all */
	QD_KEPT_OK,
	QD_KEPT_DAMAGED, /* torn, of another kind, wrong checksum, or impossible contents */
	QD_KEPT_NEWER,	 /* written by a newer program */
	QD_KEPT_VERDICT_COUNT,
};

/* The head's weights are those of its nodes. */
void qd_kept_encode(const struct qd_kept_slot *slot, uint8_t to[QD_KEPT_SLOT_BYTES]);

/* Not QD_KEPT_OK: *out is all zeros. */
enum qd_kept_verdict qd_kept_decode(const uint8_t *data, size_t len_bytes, struct qd_kept_slot *out);

/* The same machine, node and cluster; and the same place on its disk. */
bool qd_kept_origin_same_node(const struct qd_kept_origin *a, const struct qd_kept_origin *b);
bool qd_kept_origin_same_place(const struct qd_kept_origin *a, const struct qd_kept_origin *b);

#endif
