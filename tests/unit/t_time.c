/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/time.h"

static void divide_by_zero(void)
{
	(void)qd_span_div(qd_span_ms(1), 0);
}

static void divide_by_negative(void)
{
	(void)qd_span_div(qd_span_ms(1), -1);
}

static void never_minus(void)
{
	(void)qd_mono_sub(QD_NEVER, QD_MONO_ZERO);
}

static void minus_never(void)
{
	(void)qd_mono_sub(QD_MONO_ZERO, QD_NEVER);
}

static void refuses(void)
{
	UNIT_OK(unit_aborts(divide_by_zero));
	UNIT_OK(unit_aborts(divide_by_negative));
	UNIT_OK(unit_aborts(never_minus));
	UNIT_OK(unit_aborts(minus_never));
}

static void units(void)
{
	UNIT_EQUAL(qd_span_ms(3000).ns, INT64_C(3000000000));
	UNIT_EQUAL(qd_span_us(5).ns, 5000);
	UNIT_EQUAL(qd_span_to_ms(qd_span_ms(-7)), (int64_t)-7);
	UNIT_EQUAL(qd_span_to_ms((struct qd_span){1999999}), 1);
}

static void spans(void)
{
	struct qd_span renew = qd_span_ms(3000);
	UNIT_EQUAL(qd_span_add(renew, qd_span_ms(7000)).ns, qd_span_ms(10000).ns);
	UNIT_EQUAL(qd_span_sub(renew, qd_span_ms(7000)).ns, qd_span_ms(-4000).ns);
	UNIT_EQUAL(qd_span_div(renew, 3).ns, qd_span_ms(1000).ns);
	UNIT_EQUAL(qd_span_mul(renew, 2).ns, qd_span_ms(6000).ns);
	UNIT_EQUAL(QD_SPAN_ZERO.ns, 0);
}

static void never_stays(void)
{
	UNIT_OK(qd_mono_is_never(qd_mono_add(QD_NEVER, qd_span_ms(-1))));
	UNIT_OK(qd_mono_is_never(qd_mono_add(QD_NEVER, (struct qd_span){QD_SPAN_MAX_NS})));
	UNIT_OK(!qd_mono_is_never(qd_mono_add(QD_MONO_ZERO, (struct qd_span){QD_SPAN_MAX_NS})));
	UNIT_OK(qd_mono_before((struct qd_mono){UINT64_MAX - 1}, QD_NEVER));
	UNIT_OK(!qd_mono_reached((struct qd_mono){UINT64_MAX - 1}, QD_NEVER));
}

static void before_boot(void)
{
	struct qd_mono early = {1000};
	UNIT_EQUAL(qd_mono_add(early, (struct qd_span){-1001}).ns, 0);
	UNIT_EQUAL(qd_mono_add(early, (struct qd_span){-1000}).ns, 0);
	UNIT_EQUAL(qd_mono_add(early, (struct qd_span){-999}).ns, 1);
}

static void differences(void)
{
	struct qd_mono a = {5000};
	struct qd_mono b = {8000};
	UNIT_EQUAL(qd_mono_sub(b, a).ns, 3000);
	UNIT_EQUAL(qd_mono_sub(a, b).ns, (int64_t)-3000);
	UNIT_EQUAL(qd_mono_add(a, qd_mono_sub(b, a)).ns, b.ns);
}

static void order(void)
{
	struct qd_mono a = {5000};
	struct qd_mono b = {8000};
	UNIT_OK(qd_mono_before(a, b) && !qd_mono_before(b, a) && !qd_mono_before(a, a));
	UNIT_OK(qd_mono_reached(b, a) && qd_mono_reached(a, a) && !qd_mono_reached(a, b));
	UNIT_EQUAL(qd_mono_min(a, b).ns, a.ns);
	UNIT_EQUAL(qd_mono_max(a, b).ns, b.ns);
	UNIT_EQUAL(qd_mono_min(QD_NEVER, a).ns, a.ns);
}

static const struct unit_test TESTS[] = {
	{"dividing by zero or less and reckoning with never are programmer's errors", refuses},
	{"milliseconds and microseconds become nanoseconds and back, cut towards zero", units},
	{"durations add, subtract, divide and multiply", spans},
	{"never stays never and is later than every instant", never_stays},
	{"an instant before the boot becomes the boot", before_boot},
	{"the difference of two instants leads from one to the other", differences},
	{"a deadline has come at its very instant", order},
};

int main(void)
{
	return unit_run("t_time", TESTS, UNIT_COUNT(TESTS));
}
