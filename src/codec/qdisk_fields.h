/* SPDX-License-Identifier: Apache-2.0 */
/* Where each field of the quorum disk's sectors lies: the one list from which the codec in qdisk.c, the tests and
 * the check of docs/ONDISK.md are made. Not for callers of the codec; they use qdisk.h.
 *
 * X(kind, field, offset, size): kind U16, U32, U64 are little-endian numbers, STATE an enum qd_record_state in 16
 * bits, RAW bytes as they are, TEXT a NUL-terminated string with zeros behind it; BOOL 0 or 1, MODEL an enum qd_model
 * in 8 bits, VOTES a part of that name. Bytes that no field names are zero. */
#ifndef QD_CODEC_QDISK_FIELDS_H
#define QD_CODEC_QDISK_FIELDS_H

enum {
	QD_QDISK_MAGIC_BYTES = 8,
	QD_QDISK_FORMAT_AT = 8,
	/* The checksum covers the bytes before it and stands at the same place in sectors of 512 and of 4096 bytes, so
	 * that a disk whose sector size changed on the way (an emulating adapter) is told from a torn one. */
	QD_QDISK_CRC_AT = 508,
	QD_QDISK_CRC_BYTES = 4,
};

/* What every sector of ours begins and ends with, in this format version and in all later ones. */
#define QD_QDISK_COMMON_FIELDS(X)                                                                            \
	X(RAW, magic, 0, 8)                                                                                  \
	X(U16, format, QD_QDISK_FORMAT_AT, 2)                                                                \
	X(U32, crc32c, QD_QDISK_CRC_AT, 4)

#define QD_QDISK_SUPERBLOCK_FIELDS(X)                                                                        \
	X(U16, cluster_tag, 10, 2)                                                                           \
	X(U32, sector_bytes, 12, 4)                                                                          \
	X(RAW, disk_uuid, 16, 16)                                                                            \
	X(TEXT, cluster, 32, 64)                                                                             \
	X(U64, data_lba, 96, 8)                                                                              \
	X(U64, formatted_unix_s, 104, 8)

#define QD_QDISK_OWNER_RECORD_FIELDS(X)                                                                      \
	X(STATE, state, 10, 2)                                                                               \
	X(U32, node_id, 12, 4)                                                                               \
	X(U64, sequence, 16, 8)                                                                              \
	X(U64, epoch, 24, 8)                                                                                 \
	X(U64, incarnation, 32, 8)                                                                           \
	X(U64, heir_turn, 40, 8)                                                                             \
	X(U32, heir, 48, 4)                                                                                  \
	X(RAW, machine_id, 56, 16)                                                                           \
	X(RAW, boot_id, 72, 16)                                                                              \
	X(RAW, disk_uuid, 88, 16)                                                                            \
	X(U64, renew_ns, 104, 8)                                                                             \
	X(U64, challenge_ns, 112, 8)                                                                         \
	X(U64, wait_ns, 120, 8)

#define QD_QDISK_CONFIG_SLOT_FIELDS(X)                                                                       \
	X(U32, body_bytes, 12, 4)                                                                            \
	X(U64, epoch, 16, 8)                                                                                 \
	X(U64, version, 24, 8)                                                                               \
	X(U32, body_crc32c, 32, 4)

/* A body begins with the head; offsets are from the body's first byte, those of votes from the part's. */
#define QD_QDISK_HEAD_FIELDS(X)                                                                              \
	X(U16, head_format, 0, 2)                                                                            \
	X(BOOL, has_old, 2, 1)                                                                               \
	X(U32, forced_by, 4, 4)                                                                              \
	X(U64, tag_epoch, 8, 8)                                                                              \
	X(U64, tag_version, 16, 8)                                                                           \
	X(U64, forced_unix_s, 24, 8)                                                                         \
	X(RAW, digest, 32, 32)                                                                               \
	X(VOTES, votes, 64, 96)                                                                              \
	X(VOTES, old, 160, 96)

#define QD_QDISK_VOTES_FIELDS(X)                                                                             \
	X(MODEL, model, 0, 1)                                                                                \
	X(BOOL, dynamic, 1, 1)                                                                               \
	X(BOOL, extra_out, 2, 1)                                                                             \
	X(U32, low, 4, 4)                                                                                    \
	X(U64, nodes, 8, 8)                                                                                  \
	X(U64, out, 16, 8)                                                                                   \
	X(RAW, weight, 24, 64)                                                                               \
	X(U64, paused, 88, 8)

#endif
