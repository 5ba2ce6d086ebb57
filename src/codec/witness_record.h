/* SPDX-License-Identifier: Apache-2.0 */
/* What a witness keeps, as bytes (docs/WITNESS.md): a sector of 512 bytes for a cluster's grant, in the daemon's store or
 * as a file of its own on a share, and one that says whose store it is. Little-endian, each with its own CRC-32C. Reads
 * and writes nothing. Pure. */
#ifndef QD_CODEC_WITNESS_RECORD_H
#define QD_CODEC_WITNESS_RECORD_H

#include "core/witness_msg.h"

#include <stddef.h>

enum {
	QD_WITNESS_FORMAT = 1,
	QD_WITNESS_SECTOR_BYTES = 512, /* a disk writes so much whole or not at all */
	QD_WITNESS_CLUSTER_BYTES = 16, /* as in packets */
	QD_WITNESS_MACHINE_BYTES = 16,
};

/* Longer than any configured time; a record that says more is no record. */
#define QD_WITNESS_CHALLENGE_MAX_NS UINT64_C(3600000000000)

struct qd_witness_grant {
	uint8_t cluster[QD_WITNESS_CLUSTER_BYTES];
	uint64_t sequence; /* of two copies the higher one counts; 0 in none that was written */
	uint64_t beat;	   /* on a share: grows with every renewal; the daemon writes none, 0 */
	struct qd_witness_record record;
};

/* How a store is told from its copy: what a copy cannot have, or had at another time. */
struct qd_witness_identity {
	uint8_t machine[QD_WITNESS_MACHINE_BYTES];
	uint64_t file_system; /* 0: has no lasting number */
	uint64_t directory_inode;
	uint64_t directory_birth_ns; /* since 1970; 0: not known, and then the store proves nothing */
	uint64_t file_inode;
	uint64_t file_birth_ns;
	uint64_t places; /* grants that there is room for */
};

enum qd_witness_sector {
	QD_WITNESS_SECTOR_EMPTY = 0, /* zeros only */
	QD_WITNESS_SECTOR_OK,
	QD_WITNESS_SECTOR_DAMAGED, /* of another kind, wrong checksum, or impossible contents */
	QD_WITNESS_SECTOR_NEWER,   /* written by a newer program */
	QD_WITNESS_SECTOR_COUNT,
};

void qd_witness_grant_encode(const struct qd_witness_grant *g, uint8_t to[QD_WITNESS_SECTOR_BYTES]);
enum qd_witness_sector qd_witness_grant_decode(const uint8_t *data, size_t len_bytes,
					       struct qd_witness_grant *out);

void qd_witness_identity_encode(const struct qd_witness_identity *i, uint8_t to[QD_WITNESS_SECTOR_BYTES]);
enum qd_witness_sector qd_witness_identity_decode(const uint8_t *data, size_t len_bytes,
						  struct qd_witness_identity *out);

bool qd_witness_identity_equal(const struct qd_witness_identity *a, const struct qd_witness_identity *b);

#endif
