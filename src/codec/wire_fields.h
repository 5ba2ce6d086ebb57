/* SPDX-License-Identifier: Apache-2.0 */
/* Where each field of a packet lies: the one list from which the codec in wire.c, the tests and the check of docs/WIRE.md
 * are made. Not for callers of the codec; they use wire.h.
 *
 * X(kind, field, offset, size): offsets run from the first byte of the part, and no byte of a part is unnamed. Kinds: U16,
 * U32, U64 little-endian numbers; BOOL 0 or 1; ID a node or 0; PARTY the
 * same, judged apart; SET a node set in 64 bits, none above QD_NODES_MAX; NEWS
 * flags of enum qd_news_flag; RAW bytes as they are; TAG a part of that name; the others an enum of core in 8 bits. What
 * follows a part's fields (entries for the nodes of a set, further parts) is in docs/WIRE.md. */
#ifndef QD_CODEC_WIRE_FIELDS_H
#define QD_CODEC_WIRE_FIELDS_H

/* In clear, authenticated; the format version stays where it is in all later versions. */
#define QD_WIRE_ENVELOPE_FIELDS(X)                                                                           \
	X(U16, format, 0, 2)                                                                                 \
	X(TRAFFIC, traffic, 2, 1)                                                                            \
	X(PARTY, from, 3, 1)                                                                                 \
	X(PARTY, to, 4, 1)                                                                                   \
	X(U32, key, 5, 4)                                                                                    \
	X(RAW, cluster, 9, 16)                                                                               \
	X(RAW, nonce, 25, 24)

/* Every message between nodes begins with it. */
#define QD_WIRE_HEADER_FIELDS(X)                                                                             \
	X(KIND, kind, 0, 1)                                                                                  \
	X(ID, from, 1, 1)                                                                                    \
	X(ID, to, 2, 1)                                                                                      \
	X(U64, from_session, 3, 8)                                                                           \
	X(U64, to_session, 11, 8)                                                                            \
	X(U64, from_incarnation, 19, 8)                                                                      \
	X(U64, sequence, 27, 8)

#define QD_WIRE_EXCHANGE_FIELDS(X)                                                                           \
	X(U64, number, 0, 8)                                                                                 \
	X(U64, echo, 8, 8)

#define QD_WIRE_NEWS_FIELDS(X)                                                                               \
	X(U64, installed, 0, 8)                                                                              \
	X(U64, leading, 8, 8)                                                                                \
	X(U64, promised, 16, 8)                                                                              \
	X(TAG, tag, 24, 16)                                                                                  \
	X(NEWS, flags, 40, 2)                                                                                \
	X(SET, voters, 42, 8)                                                                                \
	X(SET, set, 50, 8)                                                                                   \
	X(SET, hears, 58, 8)

#define QD_WIRE_TAG_FIELDS(X)                                                                                \
	X(U64, epoch, 0, 8)                                                                                  \
	X(U64, version, 8, 8)

#define QD_WIRE_VOTES_FIELDS(X)                                                                              \
	X(MODEL, model, 0, 1)                                                                                \
	X(BOOL, dynamic, 1, 1)                                                                               \
	X(BOOL, extra_out, 2, 1)                                                                             \
	X(ID, low, 3, 1)                                                                                     \
	X(SET, nodes, 4, 8)                                                                                  \
	X(SET, out, 12, 8)                                                                                   \
	X(SET, paused, 20, 8)

#define QD_WIRE_HEAD_FIELDS(X)                                                                               \
	X(TAG, tag, 0, 16)                                                                                   \
	X(BOOL, has_old, 16, 1)                                                                              \
	X(ID, forced_by, 17, 1)                                                                              \
	X(U64, forced_unix_s, 18, 8)                                                                         \
	X(RAW, body, 26, 32)

#define QD_WIRE_VIEW_FIELDS(X)                                                                               \
	X(U64, epoch, 0, 8)                                                                                  \
	X(SET, members, 8, 8)

#define QD_WIRE_AGES_FIELDS(X) X(SET, known, 0, 8)

#define QD_WIRE_PROMISE_FIELDS(X)                                                                            \
	X(U64, epoch, 0, 8)                                                                                  \
	X(U64, promised, 8, 8)                                                                               \
	X(REFUSAL, refusal, 16, 1)                                                                           \
	X(BOOL, has_vote, 17, 1)                                                                             \
	X(BOOL, runs, 18, 1)                                                                                 \
	X(U64, installed, 19, 8)

#define QD_WIRE_INSTALLED_FIELDS(X)                                                                          \
	X(U64, epoch, 0, 8)                                                                                  \
	X(U64, promised, 8, 8)                                                                               \
	X(REFUSAL, refusal, 16, 1)                                                                           \
	X(BOOL, has_vote, 17, 1)

#define QD_WIRE_PROOF_FIELDS(X)                                                                              \
	X(U64, epoch, 0, 8)                                                                                  \
	X(U64, round, 8, 8)                                                                                  \
	X(U64, wait_ns, 16, 8)

#define QD_WIRE_ANSWER_FIELDS(X)                                                                             \
	X(U64, epoch, 0, 8)                                                                                  \
	X(U64, round, 8, 8)                                                                                  \
	X(TAG, tag, 16, 16)                                                                                  \
	X(BOOL, has_vote, 32, 1)                                                                             \
	X(BOOL, runs, 33, 1)

#define QD_WIRE_PROVED_FIELDS(X)                                                                             \
	X(U64, epoch, 0, 8)                                                                                  \
	X(U64, round, 8, 8)                                                                                  \
	X(U64, age_ns, 16, 8)                                                                                \
	X(U64, begin_stop_ns, 24, 8)                                                                         \
	X(U64, stopped_ns, 32, 8)                                                                            \
	X(BOOL, take_vote, 40, 1)

/* CHANGE before its head and ages, RIGHT_ENDED before its ages, INSTALL (its `before`) behind its view; all there is of
 * LEAD. */
#define QD_WIRE_EPOCH_FIELDS(X) X(U64, epoch, 0, 8)

#define QD_WIRE_WITNESS_REQUEST_FIELDS(X)                                                                    \
	X(ASK, ask, 0, 1)                                                                                    \
	X(ID, node, 1, 1)                                                                                    \
	X(U64, session, 2, 8)                                                                                \
	X(U64, id, 10, 8)                                                                                    \
	X(U64, incarnation, 18, 8)                                                                           \
	X(U64, epoch, 26, 8)                                                                                 \
	X(TAG, tag, 34, 16)                                                                                  \
	X(RAW, digest, 50, 32)                                                                               \
	X(U64, challenge_ns, 82, 8)

#define QD_WIRE_WITNESS_ANSWER_FIELDS(X)                                                                     \
	X(VERDICT, verdict, 0, 1)                                                                            \
	X(ID, holder, 1, 1)                                                                                  \
	X(U64, session, 2, 8)                                                                                \
	X(U64, id, 10, 8)                                                                                    \
	X(U64, incarnation, 18, 8)                                                                           \
	X(U64, epoch, 26, 8)                                                                                 \
	X(TAG, tag, 34, 16)                                                                                  \
	X(RAW, digest, 50, 32)                                                                               \
	X(U64, age_ns, 82, 8)                                                                                \
	X(U64, start_ns, 90, 8)                                                                              \
	X(ID, last, 98, 1)

#endif
