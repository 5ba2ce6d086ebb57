/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "core/lease.h"

static struct qd_mono at_ms(int64_t ms)
{
	return qd_mono_add(QD_MONO_ZERO, qd_span_ms(ms));
}

static struct qd_times usual(void)
{
	return qd_times_from_renew(qd_span_ms(3000), QD_SPAN_ZERO);
}

static void impossible_times(void)
{
	struct qd_lease l = {.held = false};
	struct qd_times t = usual();
	t.stopped = t.begin_stop;
	qd_lease_renew(&l, &t, at_ms(1));
}

static void refuses(void)
{
	UNIT_OK(unit_aborts(impossible_times));
}

static void nothing_held(void)
{
	const struct qd_lease l = {.held = false, .begin_stop = QD_NEVER};
	UNIT_OK(!qd_lease_runs(&l, QD_MONO_ZERO));
}

static void counts_from_the_start(void)
{
	struct qd_lease l = {.held = false};
	const struct qd_times t = usual();
	qd_lease_renew(&l, &t, at_ms(5000));
	UNIT_OK(l.held);
	UNIT_EQUAL(l.start.ns, at_ms(5000).ns);
	UNIT_EQUAL(l.begin_stop.ns, at_ms(11000).ns);
	UNIT_EQUAL(l.stopped_by.ns, at_ms(13982).ns);
	UNIT_OK(qd_lease_runs(&l, at_ms(5000)));
	UNIT_OK(qd_lease_runs(&l, (struct qd_mono){at_ms(11000).ns - 1}));
	UNIT_OK(!qd_lease_runs(&l, at_ms(11000)));
}

static void older_start(void)
{
	struct qd_lease l = {.held = false};
	const struct qd_times t = usual();
	qd_lease_renew(&l, &t, at_ms(5000));
	qd_lease_renew(&l, &t, at_ms(4999));
	UNIT_EQUAL(l.begin_stop.ns, at_ms(11000).ns);
	qd_lease_renew(&l, &t, at_ms(5001));
	UNIT_EQUAL(l.begin_stop.ns, at_ms(11001).ns);
}

static void ended(void)
{
	struct qd_lease l = {.held = false};
	const struct qd_times t = usual();
	qd_lease_renew(&l, &t, at_ms(5000));
	qd_lease_end(&l);
	UNIT_OK(!qd_lease_runs(&l, at_ms(5001)));
	/* Another ownership is another lease: it may begin earlier than the last one of before. */
	qd_lease_renew(&l, &t, at_ms(4000));
	UNIT_EQUAL(l.start.ns, at_ms(4000).ns);
}

static const struct unit_test TESTS[] = {
	{"times that leave no time to stop are a programmer's error", refuses},
	{"a lease that is not held does not run", nothing_held},
	{"a lease runs from the start of its round until C - slack, and is over at that very instant",
	 counts_from_the_start},
	{"a round that began before the last good one renews nothing", older_start},
	{"a lease that was ended does not run, and the next one begins afresh", ended},
};

int main(void)
{
	return unit_run("t_lease", TESTS, UNIT_COUNT(TESTS));
}
