/* SPDX-License-Identifier: Apache-2.0 */
/* Where each field of a transfer's messages lies: the one list from which their lengths in transfer_wire.h, the tests and
 * the check of docs/WIRE.md are made. Not for callers of the driver.
 *
 * X(kind, field, offset, size): no byte is unnamed. Kinds: U8, U32 big-endian numbers; RAW bytes as they are; HEADER what
 * a stream of libsodium begins with; SEALED the sealed form of what docs/WIRE.md says. */
#ifndef QD_DRV_TRANSFER_FIELDS_H
#define QD_DRV_TRANSFER_FIELDS_H

#define QD_TRANSFER_HELLO_FIELDS(X)                                                                          \
	X(U32, magic, 0, 4)                                                                                  \
	X(U32, from, 4, 4)                                                                                   \
	X(U32, to, 8, 4)                                                                                     \
	X(U32, key, 12, 4)                                                                                   \
	X(RAW, random, 16, 32)

#define QD_TRANSFER_WELCOME_FIELDS(X)                                                                        \
	X(U32, magic, 0, 4)                                                                                  \
	X(RAW, random, 4, 32)                                                                                \
	X(HEADER, header, 36, 24)                                                                            \
	X(SEALED, proof, 60, 17)

#define QD_TRANSFER_ASK_FIELDS(X)                                                                            \
	X(HEADER, header, 0, 24)                                                                             \
	X(SEALED, question, 24, 82)

#define QD_TRANSFER_QUESTION_FIELDS(X)                                                                       \
	X(U8, request, 0, 1)                                                                                 \
	X(RAW, digest, 1, 32)                                                                                \
	X(RAW, words, 33, 32)

#define QD_TRANSFER_STATUS_FIELDS(X)                                                                         \
	X(U8, absent, 0, 1)                                                                                  \
	X(U32, length, 1, 4)

#endif
