/* SPDX-License-Identifier: Apache-2.0 */
/* Every error that quorumd's programs and libquorumd report: code, name, text, exit status of the tools.
 * Functions return 0 or the negative code. Codes are part of the interface: they are added to, never renumbered. */
#ifndef QUORUMD_ERRORS_H
#define QUORUMD_ERRORS_H

/* X(name, code, exit status, text) */
#define QD_ERRORS(X)                                                                                         \
	X(USAGE, 1, 64, "wrong use of the command line")                                                     \
	X(CONFIG, 2, 78, "the configuration is not valid")                                                   \
	X(NOMEM, 3, 71, "out of memory")                                                                     \
	X(IO, 4, 74, "input/output error")                                                                   \
	X(PROTOCOL, 5, 76, "the other side does not speak this protocol")                                    \
	X(UNREACHABLE, 6, 3, "the daemon cannot be reached")                                                 \
	X(TIMEOUT, 7, 75, "no answer in time")                                                               \
	X(NOT_OWNER, 8, 2, "this node does not own")                                                         \
	X(NO_OWNER, 9, 2, "no node owns")                                                                    \
	X(REFUSED, 10, 77, "refused")                                                                        \
	X(NOT_FOUND, 11, 66, "not found")                                                                    \
	X(SECRET_MODE, 12, 78, "a secret file can be read by others")                                        \
	X(NOT_QDISK, 13, 65, "not a quorum disk")                                                            \
	X(OTHER_CLUSTER, 14, 65, "the quorum disk belongs to another cluster")                               \
	X(NEWER_FORMAT, 15, 65, "the quorum disk has a newer format")                                        \
	X(NO_PR, 16, 69, "the LUN does not support persistent reservations")                                 \
	X(AUTH, 17, 77, "the target refused the CHAP credentials")                                           \
	X(TOO_SMALL, 18, 65, "the LUN is too small")                                                         \
	X(WRITE_PROTECTED, 19, 65, "the LUN is write-protected")                                             \
	X(IN_USE, 20, 77, "the LUN is in use")                                                               \
	X(INVALID, 21, 64, "an argument is out of range")                                                    \
	X(NO_QUORUM, 22, 2, "no quorum, or another node leads")                                              \
	X(STALE, 23, 75, "made from an older configuration than the one in force")                           \
	X(UNSUPPORTED, 24, 69, "not in this release")

#define QD_ERRORS_ENUM(name, code, status, text) QD_ERR_##name = (code),
enum qd_error { QD_OK = 0, QD_ERRORS(QD_ERRORS_ENUM) };
#undef QD_ERRORS_ENUM

#endif
