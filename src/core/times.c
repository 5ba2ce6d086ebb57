/* SPDX-License-Identifier: Apache-2.0 */
#include "core/times.h"

struct qd_times qd_times_make(struct qd_span renew, struct qd_span challenge, struct qd_span takeover,
			      struct qd_span watchdog)
{
	const struct qd_span third = qd_span_div(renew, 3);
	const struct qd_span wait = qd_span_sub(takeover, third);
	const struct qd_span drift = qd_span_div(wait, QD_TIMES_DRIFT_PART);
	return (struct qd_times){
		.renew = renew,
		.challenge = challenge,
		.takeover = takeover,
		.watchdog = watchdog,
		.look = third,
		.wait = wait,
		.slack = third,
		.drift = drift,
		.begin_stop = qd_span_sub(challenge, third),
		.stopped = qd_span_sub(wait, drift),
	};
}

struct qd_times qd_times_from_renew(struct qd_span renew, struct qd_span watchdog)
{
	/* Multiplied first, so that the ratio holds to the nanosecond for every renew. What is out of range anyway is
	 * clamped: qd_times_check() names renew itself. */
	const struct qd_span most = qd_span_ms((int64_t)QD_RENEW_MAX_MS * 2);
	const struct qd_span r = renew.ns < 0 ? QD_SPAN_ZERO : renew.ns > most.ns ? most : renew;
	return qd_times_make(
		renew, qd_span_div(qd_span_mul(r, QD_TIMES_RATIO_CHALLENGE), QD_TIMES_RATIO_RENEW),
		qd_span_div(qd_span_mul(r, QD_TIMES_RATIO_TAKEOVER), QD_TIMES_RATIO_RENEW), watchdog);
}

/* left >= right must hold */
static bool holds(struct qd_times_finding *f, enum qd_times_verdict verdict, struct qd_span left,
		  struct qd_span right)
{
	if (left.ns >= right.ns)
		return true;
	*f = (struct qd_times_finding){.verdict = verdict, .left = left, .right = right};
	return false;
}

struct qd_times_finding qd_times_check(const struct qd_times *t)
{
	struct qd_times_finding f = {.verdict = QD_TIMES_OK};
	const struct qd_span longest = qd_span_ms(QD_TAKEOVER_MAX_MS);
	const struct qd_span stop = qd_span_sub(t->stopped, t->begin_stop);

	/* Ranges first: the sums below cannot overflow then. */
	if (!holds(&f, QD_TIMES_RENEW_RANGE, t->renew, qd_span_ms(QD_RENEW_MIN_MS)) ||
	    !holds(&f, QD_TIMES_RENEW_RANGE, qd_span_ms(QD_RENEW_MAX_MS), t->renew) ||
	    !holds(&f, QD_TIMES_TAKEOVER_RANGE, longest, t->takeover) ||
	    !holds(&f, QD_TIMES_TAKEOVER_RANGE, longest, t->challenge))
		return f;
	if (!holds(&f, QD_TIMES_CHALLENGE_SHORT, t->challenge,
		   qd_span_add(qd_span_mul(t->renew, 2), t->slack)) ||
	    !holds(&f, QD_TIMES_TAKEOVER_SHORT, t->takeover, qd_span_add(t->challenge, t->renew)) ||
	    !holds(&f, QD_TIMES_STOP_SHORT, stop, qd_span_div(qd_span_mul(t->renew, 9), 10)))
		return f;
	/* A round pets the watchdog only if it took at most R: the pet is made R after the round's start at the
	 * latest and lasts the whole timeout. */
	if (t->watchdog.ns > 0)
		(void)holds(&f, QD_TIMES_WATCHDOG_LONG, t->stopped, qd_span_add(t->watchdog, t->renew));
	return f;
}

const char *qd_times_rule(enum qd_times_verdict verdict)
{
	switch (verdict) {
	case QD_TIMES_OK:
		return "ok";
	case QD_TIMES_RENEW_RANGE:
		return "100 ms <= renew <= 60 s";
	case QD_TIMES_CHALLENGE_SHORT:
		return "challenge >= 2*renew + slack";
	case QD_TIMES_TAKEOVER_SHORT:
		return "takeover >= challenge + renew";
	case QD_TIMES_STOP_SHORT:
		return "wait - drift - (challenge - slack) >= 9/10 renew";
	case QD_TIMES_WATCHDOG_LONG:
		return "wait - drift >= watchdog + renew";
	case QD_TIMES_TAKEOVER_RANGE:
		return "challenge, takeover <= 1 h";
	case QD_TIMES_VERDICT_COUNT:
		break;
	}
	QD_UNREACHABLE("times verdict");
}
