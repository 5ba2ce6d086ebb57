/* SPDX-License-Identifier: Apache-2.0 */
/* Where each field of a witness's sectors lies: the one list from which the codec in witness_record.c, the tests and the
 * check of docs/WITNESS.md are made. Not for callers of the codec; they use witness_record.h.
 *
 * X(kind, field, offset, size): U16, U32, U64 are little-endian numbers, RAW bytes as they are. Bytes that no field names
 * are zero. */
#ifndef QD_CODEC_WITNESS_RECORD_FIELDS_H
#define QD_CODEC_WITNESS_RECORD_FIELDS_H

/* Every sector begins and ends with these, in all later versions too. The checksum covers the bytes before it. */
#define QD_WITNESS_COMMON_FIELDS(X)                                                                          \
	X(RAW, magic, 0, 8)                                                                                  \
	X(U16, format, 8, 2)                                                                                 \
	X(U32, crc32c, 508, 4)

#define QD_WITNESS_GRANT_FIELDS(X)                                                                           \
	X(U16, confirmed, 10, 2)                                                                             \
	X(U32, holder, 12, 4)                                                                                \
	X(RAW, cluster, 16, 16)                                                                              \
	X(U64, sequence, 32, 8)                                                                              \
	X(U64, epoch, 40, 8)                                                                                 \
	X(U64, incarnation, 48, 8)                                                                           \
	X(U64, challenge_ns, 56, 8)                                                                          \
	X(U64, tag_epoch, 64, 8)                                                                             \
	X(U64, tag_version, 72, 8)                                                                           \
	X(RAW, digest, 80, 32)                                                                               \
	X(U64, beat, 112, 8)

#define QD_WITNESS_IDENTITY_FIELDS(X)                                                                        \
	X(RAW, machine, 16, 16)                                                                              \
	X(U64, file_system, 32, 8)                                                                           \
	X(U64, directory_inode, 40, 8)                                                                       \
	X(U64, directory_birth_ns, 48, 8)                                                                    \
	X(U64, file_inode, 56, 8)                                                                            \
	X(U64, file_birth_ns, 64, 8)                                                                         \
	X(U64, places, 72, 8)

#endif
