/* SPDX-License-Identifier: Apache-2.0 */
/* Private to src/api/why*.c. */
#ifndef QD_API_WHY_STATE_H
#define QD_API_WHY_STATE_H

#include "api/why.h"
#include "base/assert.h"

/* One more sentence. */
__attribute__((format(printf, 2, 3))) void qd_why_say(struct qd_why *w, const char *format, ...);

/* With networks: how it is, and what would change it (why_votes.c). `missing`: configured nodes that take no part. */
void qd_why_quorate(const struct qd_control_snapshot *s, struct qd_why *w);
void qd_why_would_lose(const struct qd_control_snapshot *s, struct qd_why *w);
void qd_why_not_quorate(const struct qd_control_snapshot *s, struct qd_why *w);
void qd_why_would_gain(const struct qd_control_snapshot *s, uint64_t missing, struct qd_why *w);

#endif
