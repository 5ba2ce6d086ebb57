/* SPDX-License-Identifier: Apache-2.0 */
/* Assertions that stay in release builds. A failed one is a programmer's error: the process ends
 * (and with it, in quorumd, the right to act), it never goes on with a state that cannot be. */
#ifndef QD_BASE_ASSERT_H
#define QD_BASE_ASSERT_H

/* Called when an assertion fails; provided once by every program (src/base/assert_abort.c is the
 * usual one: it writes one line to stderr and aborts). Must not return. */
_Noreturn void qd_assert_failed(const char *file, int line, const char *what);

#define qd_assert(cond) ((cond) ? (void)0 : qd_assert_failed(__FILE__, __LINE__, #cond))

/* Implication: whenever `a` holds, `b` must hold. */
#define QD_ERGO(a, b) qd_assert(!(a) || (b))

/* A place that no input can reach. */
#define QD_UNREACHABLE(text) qd_assert_failed(__FILE__, __LINE__, text)

#endif
