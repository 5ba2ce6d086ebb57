/* SPDX-License-Identifier: Apache-2.0 */
/* The three times: what follows from them, and each inequality of docs/PROTOCOL.md section 2 refused with its numbers. */
#include "unit.h"

#include "core/times.h"

struct refusal {
	const char *name;
	int64_t renew_ms;
	int64_t challenge_ms;
	int64_t takeover_ms;
	int64_t watchdog_ms;
	enum qd_times_verdict verdict;
	int64_t left_ms; /* cut, as the message shows it */
	int64_t right_ms;
};

/* Beside each the nearest one that is good. */
static const struct refusal REFUSALS[] = {
	{"renew 0", 0, 7000, 10000, 0, QD_TIMES_RENEW_RANGE, 0, 100},
	{"renew negative", -3000, 7000, 10000, 0, QD_TIMES_RENEW_RANGE, -3000, 100},
	{"renew 99 ms", 99, 300, 1000, 0, QD_TIMES_RENEW_RANGE, 99, 100},
	{"renew 100 ms", 100, 300, 1000, 0, QD_TIMES_OK, 0, 0},
	{"renew 60 s", 60000, 140000, 200000, 0, QD_TIMES_OK, 0, 0},
	{"renew 60001 ms", 60001, 150000, 220000, 0, QD_TIMES_RENEW_RANGE, 60000, 60001},
	{"takeover above an hour", 3000, 7000, 3600001, 0, QD_TIMES_TAKEOVER_RANGE, 3600000, 3600001},
	{"takeover an hour", 3000, 7000, 3600000, 0, QD_TIMES_OK, 0, 0},
	{"challenge above an hour", 3000, 3600001, 3600000, 0, QD_TIMES_TAKEOVER_RANGE, 3600000, 3600001},
	{"challenge negative", 3000, -7000, 10000, 0, QD_TIMES_CHALLENGE_SHORT, -7000, 7000},
	{"challenge 6999 ms", 3000, 6999, 10000, 0, QD_TIMES_CHALLENGE_SHORT, 6999, 7000},
	{"challenge 7000 ms", 3000, 7000, 10000, 0, QD_TIMES_OK, 0, 0},
	{"takeover 9999 ms", 3000, 7000, 9999, 0, QD_TIMES_TAKEOVER_SHORT, 9999, 10000},
	{"takeover negative", 3000, 7000, -1, 0, QD_TIMES_TAKEOVER_SHORT, -1, 10000},
	/* W - drift - (challenge - slack) falls below with W, by drift alone */
	{"takeover 200 s, challenge 197 s", 3000, 197000, 200000, 0, QD_TIMES_STOP_SHORT, 2602, 2700},
	{"takeover 150 s, challenge 147 s", 3000, 147000, 150000, 0, QD_TIMES_OK, 0, 0},
	{"watchdog 5982 ms", 3000, 7000, 10000, 5982, QD_TIMES_OK, 0, 0},
	{"watchdog 5983 ms", 3000, 7000, 10000, 5983, QD_TIMES_WATCHDOG_LONG, 8982, 8983},
};

static void refuses(void)
{
	for (size_t i = 0; i < UNIT_COUNT(REFUSALS); i++) {
		const struct refusal *r = &REFUSALS[i];
		unit_case("%s", r->name);
		const struct qd_times t =
			qd_times_make(qd_span_ms(r->renew_ms), qd_span_ms(r->challenge_ms),
				      qd_span_ms(r->takeover_ms), qd_span_ms(r->watchdog_ms));
		const struct qd_times_finding f = qd_times_check(&t);
		UNIT_EQUAL(f.verdict, r->verdict);
		UNIT_EQUAL(qd_span_to_ms(f.left), r->left_ms);
		UNIT_EQUAL(qd_span_to_ms(f.right), r->right_ms);
	}
}

static void usual(void)
{
	const struct qd_times t = qd_times_from_renew(qd_span_ms(3000), QD_SPAN_ZERO);
	UNIT_EQUAL(t.renew.ns, qd_span_ms(3000).ns);
	UNIT_EQUAL(t.challenge.ns, qd_span_ms(7000).ns);
	UNIT_EQUAL(t.takeover.ns, qd_span_ms(10000).ns);
	UNIT_EQUAL(t.look.ns, qd_span_ms(1000).ns);
	UNIT_EQUAL(t.wait.ns, qd_span_ms(9000).ns);
	UNIT_EQUAL(t.slack.ns, qd_span_ms(1000).ns);
	UNIT_EQUAL(t.drift.ns, qd_span_ms(18).ns);
	UNIT_EQUAL(t.begin_stop.ns, qd_span_ms(6000).ns);
	UNIT_EQUAL(t.stopped.ns, qd_span_ms(8982).ns);
	UNIT_EQUAL(qd_times_check(&t).verdict, QD_TIMES_OK);
}

/* Whatever renew the administrator sets alone is good, also one that three does not divide. */
static void every_renew(void)
{
	for (int64_t ms = QD_RENEW_MIN_MS; ms <= QD_RENEW_MAX_MS; ms += ms < 5000 ? 1 : 97) {
		const struct qd_times t = qd_times_from_renew(qd_span_ms(ms), QD_SPAN_ZERO);
		unit_case("renew %d ms", (int)ms);
		if (!UNIT_EQUAL(qd_times_check(&t).verdict, QD_TIMES_OK))
			return;
	}
}

/* The defender is done before the first challenger may begin, with any rate of clocks that `drift` allows for. */
static void windows_in_order(void)
{
	for (int64_t ms = QD_RENEW_MIN_MS; ms <= QD_RENEW_MAX_MS; ms += 331) {
		const struct qd_times t = qd_times_from_renew(qd_span_ms(ms), QD_SPAN_ZERO);
		unit_case("renew %d ms", (int)ms);
		UNIT_OK(t.renew.ns < t.begin_stop.ns);
		UNIT_OK(t.begin_stop.ns < t.challenge.ns);
		UNIT_OK(t.begin_stop.ns < t.stopped.ns);
		UNIT_OK(t.stopped.ns + t.wait.ns / QD_TIMES_DRIFT_PART <= t.wait.ns);
		UNIT_OK(t.challenge.ns <= t.wait.ns);
		UNIT_OK(t.wait.ns < t.takeover.ns);
	}
}

static void rules_have_texts(void)
{
	for (int v = 0; v < QD_TIMES_VERDICT_COUNT; v++) {
		UNIT_OK(qd_times_rule((enum qd_times_verdict)v)[0] != '\0');
		for (int w = 0; w < v; w++)
			UNIT_OK(strcmp(qd_times_rule((enum qd_times_verdict)v),
				       qd_times_rule((enum qd_times_verdict)w)) != 0);
	}
	UNIT_TEXT(qd_times_rule(QD_TIMES_CHALLENGE_SHORT), "challenge >= 2*renew + slack");
	UNIT_TEXT(qd_times_rule(QD_TIMES_TAKEOVER_SHORT), "takeover >= challenge + renew");
}

static void rule_of_nothing(void)
{
	(void)qd_times_rule(QD_TIMES_VERDICT_COUNT);
}

static void no_such_rule(void)
{
	UNIT_OK(unit_aborts(rule_of_nothing));
}

static const struct unit_test TESTS[] = {
	{"each inequality that does not hold is refused with its numbers, the nearest that does is not",
	 refuses},
	{"the text of a verdict that is none is a programmer's error", no_such_rule},
	{"3, 7 and 10 seconds give W = 9 s, slack 1 s, drift 18 ms", usual},
	{"every renew in its range is good when it is set alone", every_renew},
	{"the defender's window ends before the challenger's", windows_in_order},
	{"every verdict names its rule", rules_have_texts},
};

int main(void)
{
	return unit_run("t_times", TESTS, UNIT_COUNT(TESTS));
}
