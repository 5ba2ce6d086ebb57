/* SPDX-License-Identifier: Apache-2.0 */
/* The group by itself: orders, the reports that answer them, limits. What it does to ownership is in t_arbiter_*.c. */
#include "fixture.h"

#include "core/arbiter_internal.h"

/* A node that owns, and a turn in which the group may be called. */
struct stage {
	struct qd_node *node;
	struct qd_turn turn;
	struct qd_actions out;
};

static struct stage *stage(const struct fx_options *options)
{
	static struct stage s;
	struct fx *fx = fx_owned(options);
	s.node = fx_core(fx, 1);
	s.turn = (struct qd_turn){
		.node = s.node,
		.a = &s.node->arbiter,
		.config = &s.node->config,
		.times = &s.node->config.times,
		.now = s.node->now,
		.out = &s.out,
	};
	s.out.count = 0;
	s.out.trace_count = 0;
	return &s;
}

static const struct fx_options OPTIONS = {.nodes_count = 1, .stop_limit_ms = 30000};

static enum qd_group_state state(const struct stage *s)
{
	return s->node->group.state;
}

static const struct qd_action *last(const struct stage *s, enum qd_action_kind kind)
{
	static const struct qd_action none;
	for (uint32_t i = s->out.count; i > 0; i--)
		if (s->out.list[i - 1].kind == kind)
			return &s->out.list[i - 1];
	FX_NEVER("no such action");
	return &none;
}

static uint32_t count_of(const struct stage *s, enum qd_action_kind kind)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < s->out.count; i++)
		n += s->out.list[i].kind == kind ? 1 : 0;
	return n;
}

static struct qd_mono in_ms(const struct stage *s, int64_t ms)
{
	return qd_mono_add(s->turn.now, qd_span_ms(ms));
}

/* ------------------------------------------------ what does not count */

static void start_twice(void)
{
	struct stage *s = stage(&OPTIONS);
	qd_group_start(&s->turn, 64);
}

static void bad_start(void)
{
	UNIT_OK(unit_aborts(start_twice));
}

static void other_turns(void)
{
	static const enum qd_group_report reports[] = {QD_REPORT_STARTED, QD_REPORT_START_FAILED,
						       QD_REPORT_MONITOR_FAILED, QD_REPORT_STOPPED};
	for (size_t i = 0; i < UNIT_COUNT(reports); i++) {
		struct stage *s = stage(&OPTIONS);
		unit_case("%s", qd_group_report_name(reports[i]));
		qd_group_reported(&s->turn, reports[i], s->node->group.turn + 1);
		qd_group_reported(&s->turn, reports[i], UINT64_MAX);
		if (reports[i] != QD_REPORT_STOPPED)
			qd_group_reported(&s->turn, reports[i], 0);
		UNIT_EQUAL(state(s), QD_GROUP_ONLINE);
		UNIT_EQUAL(s->out.count, 0);
	}
}

static void reports_on_nothing(void)
{
	for (int report = 0; report < QD_REPORT_COUNT; report++) {
		struct stage *s = stage(&OPTIONS);
		unit_case("%s", qd_group_report_name((enum qd_group_report)report));
		qd_group_stop(&s->turn, in_ms(s, 1000));
		qd_group_reported(&s->turn, QD_REPORT_STOPPED, s->node->group.turn);
		UNIT_EQUAL(state(s), QD_GROUP_OFFLINE);
		s->out.count = 0;
		qd_group_reported(&s->turn, (enum qd_group_report)report, s->node->group.turn);
		qd_group_reported(&s->turn, (enum qd_group_report)report, 0);
		UNIT_EQUAL(state(s), QD_GROUP_OFFLINE);
		UNIT_EQUAL(s->out.count, 0);
	}
}

/* The stop has begun: a start that succeeds now succeeds too late. */
static void late_start(void)
{
	struct stage *s = stage(&OPTIONS);
	const uint64_t start = s->node->group.turn;
	qd_group_stop(&s->turn, in_ms(s, 1000));
	qd_group_reported(&s->turn, QD_REPORT_STARTED, start);
	qd_group_reported(&s->turn, QD_REPORT_START_FAILED, start);
	UNIT_EQUAL(state(s), QD_GROUP_STOPPING);
}

/* ------------------------------------------------ stop */

static void stop_order(void)
{
	struct stage *s = stage(&OPTIONS);
	const uint64_t turn = s->node->group.turn;
	qd_group_stop(&s->turn, in_ms(s, 1500));
	const struct qd_action *a = last(s, QD_ACTION_GROUP_STOP);
	UNIT_EQUAL(a->u.group.turn, turn + 1);
	UNIT_EQUAL(a->u.group.stopped_by.ns, in_ms(s, 1500).ns);
	UNIT_EQUAL(qd_group_deadline(&s->node->group).ns, in_ms(s, 1500).ns);
	qd_group_reported(&s->turn, QD_REPORT_STOPPED, turn + 1);
	UNIT_EQUAL(state(s), QD_GROUP_OFFLINE);
	UNIT_OK(qd_mono_is_never(qd_group_deadline(&s->node->group)));
}

static void sooner_stop(void)
{
	struct stage *s = stage(&OPTIONS);
	qd_group_stop(&s->turn, QD_NEVER);
	qd_group_stop(&s->turn, in_ms(s, 5000));
	qd_group_stop(&s->turn, in_ms(s, 9000)); /* not sooner: no order */
	UNIT_EQUAL(count_of(s, QD_ACTION_GROUP_STOP), 2);
	UNIT_EQUAL(s->node->group.stopped_by.ns, in_ms(s, 5000).ns);
}

/* The report on the first order crosses the second one: it is stopped all the same. */
static void crossing_stop(void)
{
	struct stage *s = stage(&OPTIONS);
	qd_group_stop(&s->turn, QD_NEVER);
	const uint64_t first = s->node->group.turn;
	qd_group_stop(&s->turn, in_ms(s, 5000));
	qd_group_reported(&s->turn, QD_REPORT_STOPPED, first);
	UNIT_EQUAL(state(s), QD_GROUP_OFFLINE);
	qd_group_reported(&s->turn, QD_REPORT_STOPPED, first + 1);
	UNIT_EQUAL(state(s), QD_GROUP_OFFLINE);
}

/* The runner holds the lease's deadline by itself. */
static void stopped_by_itself(void)
{
	struct stage *s = stage(&OPTIONS);
	qd_group_reported(&s->turn, QD_REPORT_STOPPED, 0);
	UNIT_EQUAL(state(s), QD_GROUP_OFFLINE);
	s = stage(&OPTIONS);
	qd_group_stop(&s->turn, in_ms(s, 1000));
	qd_group_reported(&s->turn, QD_REPORT_STOPPED, 0);
	UNIT_EQUAL(state(s), QD_GROUP_OFFLINE);
}

/* ------------------------------------------------ the end */

static void must_reset(void)
{
	static const enum qd_group_report reports[] = {QD_REPORT_STOP_FAILED, QD_REPORT_RUNNER_LOST};
	for (size_t i = 0; i < UNIT_COUNT(reports); i++) {
		for (int stopping = 0; stopping <= 1; stopping++) {
			struct stage *s = stage(&OPTIONS);
			unit_case("%s, %s", qd_group_report_name(reports[i]),
				  stopping ? "stopping" : "online");
			if (stopping)
				qd_group_stop(&s->turn, in_ms(s, 1000));
			qd_group_reported(&s->turn, reports[i], s->node->group.turn);
			qd_group_reported(&s->turn, reports[i], s->node->group.turn);
			UNIT_EQUAL(state(s), QD_GROUP_UNKNOWN);
			UNIT_EQUAL(s->node->arbiter.state, QD_ARB_RESET);
			UNIT_EQUAL(count_of(s, QD_ACTION_SELF_RESET), 1);
			UNIT_EQUAL(count_of(s, QD_ACTION_OWNER), 1);
			UNIT_OK(!last(s, QD_ACTION_OWNER)->u.owner.mine);
			qd_group_stop(&s->turn, in_ms(s, 1));
			UNIT_EQUAL(state(s), QD_GROUP_UNKNOWN);
		}
	}
}

static void stop_limit(void)
{
	struct stage *s = stage(&OPTIONS);
	qd_group_stop(&s->turn, in_ms(s, 1000));
	s->turn.now = (struct qd_mono){in_ms(s, 1000).ns - 1};
	qd_group_think(&s->turn);
	UNIT_EQUAL(state(s), QD_GROUP_STOPPING);
	s->turn.now.ns++;
	qd_group_think(&s->turn);
	UNIT_EQUAL(state(s), QD_GROUP_UNKNOWN);
	UNIT_EQUAL(count_of(s, QD_ACTION_SELF_RESET), 1);
}

/* ------------------------------------------------ failures */

static void monitor_fails(void)
{
	struct stage *s = stage(&OPTIONS);
	qd_group_reported(&s->turn, QD_REPORT_MONITOR_FAILED, s->node->group.turn);
	UNIT_EQUAL(state(s), QD_GROUP_STOPPING);
	UNIT_EQUAL(last(s, QD_ACTION_GROUP_STOP)->u.group.stopped_by.ns, in_ms(s, 30000).ns);
	qd_group_reported(&s->turn, QD_REPORT_STOPPED, s->node->group.turn);
	UNIT_EQUAL(state(s), QD_GROUP_FAILED);
	UNIT_OK(qd_group_is_stopped(&s->node->group));
	qd_group_think(&s->turn);
	UNIT_EQUAL(state(s), QD_GROUP_FAILED); /* in this epoch */
	s->node->arbiter.state = QD_ARB_STANDBY;
	qd_group_think(&s->turn);
	UNIT_EQUAL(state(s), QD_GROUP_OFFLINE);
}

static void start_takes_too_long(void)
{
	struct stage *s = stage(&OPTIONS);
	qd_group_stop(&s->turn, in_ms(s, 1000));
	qd_group_reported(&s->turn, QD_REPORT_STOPPED, s->node->group.turn);
	s->node->config.start_limit = qd_span_ms(400);
	qd_group_start(&s->turn, 64);
	const struct qd_action *a = last(s, QD_ACTION_GROUP_START);
	UNIT_EQUAL(a->u.group.turn, s->node->group.turn);
	UNIT_EQUAL(a->u.group.epoch, 64);
	UNIT_EQUAL(a->u.group.begin_stop.ns, s->node->lease.begin_stop.ns);
	UNIT_EQUAL(a->u.group.stopped_by.ns, s->node->lease.stopped_by.ns);
	/* the runner's limit, and R/3 for its report */
	const struct qd_mono by = qd_mono_add(in_ms(s, 400), s->turn.times->look);
	UNIT_EQUAL(qd_group_deadline(&s->node->group).ns, by.ns);
	s->turn.now = in_ms(s, 400);
	qd_group_think(&s->turn);
	UNIT_EQUAL(state(s), QD_GROUP_STARTING);
	s->turn.now = by;
	qd_group_think(&s->turn);
	UNIT_EQUAL(state(s), QD_GROUP_STOPPING);
	UNIT_OK(s->node->group.failed);
}

static const struct unit_test TESTS[] = {
	{"a start of what runs is a programmer's error", bad_start},
	{"reports on other orders than the present one are dropped", other_turns},
	{"reports on what is stopped change nothing", reports_on_nothing},
	{"a start that ends after the stop was ordered changes nothing", late_start},
	{"a stop is ordered by an instant, and ends with its report", stop_order},
	{"a stop that must be done sooner is ordered again, a later one is not", sooner_stop},
	{"a report on the first of two stops is proof enough", crossing_stop},
	{"a runner that stopped by itself is believed", stopped_by_itself},
	{"a stop that failed and a lost runner ask for the self-reset, once", must_reset},
	{"a stop that is not done at its instant asks for the self-reset", stop_limit},
	{"a failed monitor stops the group for this epoch", monitor_fails},
	{"a start that takes too long is stopped", start_takes_too_long},
};

int main(void)
{
	return unit_run("t_group", TESTS, UNIT_COUNT(TESTS));
}
