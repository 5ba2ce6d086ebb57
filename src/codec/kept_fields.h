/* SPDX-License-Identifier: Apache-2.0 */
/* Where each field of a kept slot lies: the one list from which the codec in kept.c and the tests are made, and that
 * docs/KEPT.md shows. Not for callers of the codec; they use kept.h.
 *
 * X(kind, field, offset, size): kind U16, U32, U64 are little-endian numbers, RAW bytes as they are. Bytes that no field
 * names are zero. */
#ifndef QD_CODEC_KEPT_FIELDS_H
#define QD_CODEC_KEPT_FIELDS_H

/* Behind them: 64 incarnations, the head, zeros, the checksum. */
#define QD_KEPT_FIELDS(X)                                                                                    \
	X(RAW, magic, 0, 8)                                                                                  \
	X(U16, format, 8, 2)                                                                                 \
	X(U16, flags, 10, 2)                                                                                 \
	X(U32, node_id, 12, 4)                                                                               \
	X(U64, sequence, 16, 8)                                                                              \
	X(RAW, machine, 24, 16)                                                                              \
	X(RAW, cluster, 40, 16)                                                                              \
	X(U64, file_system, 56, 8)                                                                           \
	X(U64, directory_inode, 64, 8)                                                                       \
	X(U64, directory_birth_ns, 72, 8)                                                                    \
	X(U64, file_inode, 80, 8)                                                                            \
	X(U64, file_birth_ns, 88, 8)                                                                         \
	X(U64, promised, 96, 8)                                                                              \
	X(U64, installed_epoch, 104, 8)                                                                      \
	X(U64, installed_members, 112, 8)

enum {
	QD_KEPT_MAGIC_BYTES = 8,
	QD_KEPT_INCARNATIONS_AT = 120, /* 64 numbers of 8 bytes: of node id at (id - 1) * 8 */
	QD_KEPT_HEAD_AT = 632, /* QD_QDISK_HEAD_BYTES, as in a configuration slot of the quorum disk */
	QD_KEPT_CRC_AT = 1020, /* CRC-32C of the bytes before it */
};

#endif
