/* SPDX-License-Identifier: Apache-2.0 */
/* The three times of the arbitration and what follows from them (docs/PROTOCOL.md section 2, proved as a
 * time line in docs/TIMING.md). One place computes and checks them; nobody else does arithmetic on them. Pure. */
#ifndef QD_CORE_TIMES_H
#define QD_CORE_TIMES_H

#include "base/time.h"

#include <stdbool.h>

struct qd_times {
	/* set by the administrator */
	struct qd_span renew;	  /* R: the defender starts a round every R */
	struct qd_span challenge; /* C: a challenger strikes when its sight is C old */
	struct qd_span takeover;  /* T: power loss of the owner to the first unfenced start, at most */
	struct qd_span watchdog;  /* timeout of the watchdog, 0: none */
	/* derived */
	struct qd_span look;	   /* R/3: a challenger looks this often */
	struct qd_span wait;	   /* W = T - R/3: an unfenced start waits until the sight is W old */
	struct qd_span slack;	   /* R/3: the defender begins to stop this much before C */
	struct qd_span drift;	   /* W/500: clocks may differ in rate by 1 in 500 over W */
	struct qd_span begin_stop; /* C - slack after the start of the last good round: stopping begins */
	struct qd_span stopped;	   /* W - drift after it: everything has stopped, or the machine is reset */
};

enum qd_times_verdict {
	QD_TIMES_OK = 0,
	QD_TIMES_RENEW_RANGE,	  /* renew is outside QD_RENEW_MIN_MS .. QD_RENEW_MAX_MS */
	QD_TIMES_CHALLENGE_SHORT, /* challenge >= 2*renew + slack does not hold */
	QD_TIMES_TAKEOVER_SHORT,  /* takeover >= challenge + renew does not hold */
	QD_TIMES_STOP_SHORT,	  /* W - drift - (challenge - slack) >= 9/10 renew does not hold */
	QD_TIMES_WATCHDOG_LONG,	  /* watchdog + challenge - slack... <= W - drift does not hold */
	QD_TIMES_TAKEOVER_RANGE,  /* takeover above QD_TAKEOVER_MAX_MS */
	QD_TIMES_VERDICT_COUNT,
};

enum {
	QD_RENEW_MIN_MS = 100,	 /* below, the scheduling of an ordinary kernel eats the slack */
	QD_RENEW_MAX_MS = 60000, /* above, nobody waits for a takeover */
	QD_TAKEOVER_MAX_MS = 3600000,
	QD_TIMES_RATIO_RENEW = 3, /* renew : challenge : takeover = 3 : 7 : 10 */
	QD_TIMES_RATIO_CHALLENGE = 7,
	QD_TIMES_RATIO_TAKEOVER = 10,
	QD_TIMES_DRIFT_PART = 500,
};

/* The inequality that a set of times was measured by: left >= right did not hold. */
struct qd_times_finding {
	enum qd_times_verdict verdict;
	struct qd_span left;
	struct qd_span right;
};

/* challenge and takeover from renew in the ratio 3 : 7 : 10, and everything derived. */
struct qd_times qd_times_from_renew(struct qd_span renew, struct qd_span watchdog);

/* Derive from all three as given. The result is meaningful only if qd_times_check() says OK. */
struct qd_times qd_times_make(struct qd_span renew, struct qd_span challenge, struct qd_span takeover,
			      struct qd_span watchdog);

/* The first inequality that does not hold, with both of its sides. */
struct qd_times_finding qd_times_check(const struct qd_times *t);

/* The inequality as text, e.g. "challenge >= 2*renew + slack". */
const char *qd_times_rule(enum qd_times_verdict verdict);

#endif
