/* SPDX-License-Identifier: Apache-2.0 */
/* The node's two calls: what they demand, what a step promises whatever the event is. */
#include "fixture.h"

static struct qd_node_config good(void)
{
	struct qd_node_config c = {
		.node_id = 2,
		.members = 0x3,
		.cluster_tag = 1,
		.path_count = 8,
		.incarnation = 1,
		.has_group = true,
	};
	c.times = qd_times_from_renew(qd_span_ms(3000), QD_SPAN_ZERO);
	return c;
}

static struct qd_node_config wrong;

static void init_wrong(void)
{
	struct qd_node n;
	qd_node_init(&n, &wrong, QD_MONO_ZERO);
}

static void wrong_configurations(void)
{
	struct qd_node_config cases[8];
	for (size_t i = 0; i < UNIT_COUNT(cases); i++)
		cases[i] = good();
	cases[0].path_count = 0;
	cases[1].path_count = QD_PATHS_MAX + 1;
	cases[2].node_id = 0;
	cases[3].node_id = 65;
	cases[4].members = 0x5;
	cases[5].cluster_tag = 0;
	cases[6].incarnation = 0;
	cases[7].times.challenge = qd_span_ms(6999);
	for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
		unit_case("case %u", (unsigned)i);
		wrong = cases[i];
		UNIT_OK(unit_aborts(init_wrong));
	}
	wrong = good();
	UNIT_OK(!unit_aborts(init_wrong));
}

static void step_back_in_time(void)
{
	struct qd_node n;
	struct qd_actions out;
	const struct qd_node_config c = good();
	qd_node_init(&n, &c, (struct qd_mono){1000});
	qd_node_step(&n, &(struct qd_event){.now = {999}}, &out);
}

static void time_runs_forward(void)
{
	UNIT_OK(unit_aborts(step_back_in_time));
}

static void nothing_before_the_first_step(void)
{
	struct qd_node n;
	struct qd_actions out;
	const struct qd_node_config c = good();
	qd_node_init(&n, &c, (struct qd_mono){1000});
	UNIT_EQUAL(qd_node_deadline(&n).ns, 1000);
	qd_node_step(&n, &(struct qd_event){.now = {1000}}, &out);
	UNIT_EQUAL(out.count, 8);
	for (uint32_t i = 0; i < out.count; i++) {
		UNIT_EQUAL(out.list[i].kind, QD_ACTION_OP);
		UNIT_EQUAL(out.list[i].u.op.kind, QD_OP_LOGIN);
		UNIT_EQUAL(out.list[i].u.op.path, i);
		UNIT_EQUAL(out.list[i].u.op.id.value, i + 1);
	}
}

static void early_timeouts(void)
{
	struct fx *fx = fx_owned(&(struct fx_options){.nodes_count = 2});
	for (uint32_t id = 1; id <= 2; id++) {
		const uint64_t before = fx->nodes[id - 1].ops_count;
		for (int i = 0; i < 100; i++)
			fx_step(fx, id, &(struct qd_event){.kind = QD_EVENT_TIMEOUT});
		UNIT_EQUAL(fx->nodes[id - 1].ops_count, before);
	}
	FX_EXPECT(fx, "");
}

static void unknown_answers(void)
{
	struct fx *fx = fx_owned(&(struct fx_options){.nodes_count = 1});
	static const uint64_t ids[] = {0, 1, 2, UINT64_MAX};
	for (size_t i = 0; i < UNIT_COUNT(ids); i++)
		for (int o = 0; o < QD_OUTCOME_COUNT; o++)
			fx_step(fx, 1,
				&(struct qd_event){
					.kind = QD_EVENT_DONE,
					.u.answer = {.id = {ids[i]}, .outcome = (enum qd_outcome)o}});
	UNIT_EQUAL(fx_core(fx, 1)->arbiter.stats.stale_answers, UNIT_COUNT(ids) * QD_OUTCOME_COUNT);
	UNIT_OK(fx_run(fx, 9000));
	UNIT_EQUAL(fx_state(fx, 1), QD_ARB_OWNER);
	FX_EXPECT(fx, "");
}

/* Every path dies in one step and every one is set up again in one: still room for what goes with it. */
static void most_actions(void)
{
	struct fx *fx = fx_owned(&(struct fx_options){.nodes_count = 2, .paths_count = 8});
	for (int i = 0; i < 20; i++) {
		for (uint32_t p = 0; p < 8; p++)
			fx_session_lost(fx, 1, p);
		fx_handover(fx, 1, 2);
		UNIT_OK(fx_run(fx, 300 * i));
	}
	UNIT_OK(fx_run(fx, 20000));
	UNIT_OK(fx->nodes[0].group_runs != fx->nodes[1].group_runs);
}

/* A machine that slept finds what it slept over. */
static void sleeper(void)
{
	static const int64_t slept_ms[] = {500, 2900, 5000, 5900, 6100, 8900, 9100, 60000, 86400000};
	for (size_t i = 0; i < UNIT_COUNT(slept_ms); i++) {
		struct fx *fx = fx_owned(&(struct fx_options){.nodes_count = 1});
		unit_case("%d ms", (int)slept_ms[i]);
		const bool kept = qd_mono_before(qd_mono_add(fx->now, qd_span_ms(slept_ms[i])),
						 fx->nodes[0].lease_start_by);
		fx_pause(fx, 1);
		UNIT_OK(fx_run(fx, slept_ms[i]));
		fx_resume(fx, 1);
		UNIT_OK(fx_run(fx, 200));
		UNIT_EQUAL(fx_state(fx, 1) == QD_ARB_OWNER && fx->epochs_count == 1, kept);
		UNIT_OK(fx_run(fx, 15000));
		UNIT_EQUAL(fx_state(fx, 1), QD_ARB_OWNER);
		UNIT_OK(fx->nodes[0].group_runs);
		UNIT_EQUAL(fx->epochs_count, kept ? 1 : 2);
	}
}

/* A reload of the times, in every state that a node comes through. */
static void new_times(void)
{
	static const int64_t renews_ms[] = {300, 1000, 2999, 3000, 9000, 60000};
	for (size_t i = 0; i < UNIT_COUNT(renews_ms); i++) {
		for (int64_t at = 0; at < 16000; at += at < 9000 ? 1700 : 2) {
			if (at > 9300 && at < 15900)
				at = 15900;
			struct fx *fx = fx_new(&(struct fx_options){.nodes_count = 1});
			unit_case("renew %d ms at %d ms", (int)renews_ms[i], (int)at);
			UNIT_OK(fx_run(fx, at));
			fx_step(fx, 1,
				&(struct qd_event){.kind = QD_EVENT_TIMES,
						   .u.times = qd_times_from_renew(qd_span_ms(renews_ms[i]),
										  QD_SPAN_ZERO)});
			UNIT_OK(fx_run(fx, renews_ms[i] * 5));
			if (!UNIT_OK(fx_run(fx, 15000)) ||
			    !UNIT_EQUAL(fx_core(fx, 1)->config.times.renew.ns, renews_ms[i] * 1000000))
				return;
			UNIT_EQUAL(fx_state(fx, 1), QD_ARB_OWNER);
		}
	}
}

/* Each side with the other's times, in both orders: the owner is never struck while it lives. */
static void new_times_on_two_nodes(void)
{
	static const int64_t renews_ms[] = {600, 9000};
	for (size_t i = 0; i < UNIT_COUNT(renews_ms); i++) {
		for (uint32_t first = 1; first <= 2; first++) {
			struct fx *fx = fx_owned(&(struct fx_options){.nodes_count = 2});
			unit_case("renew %d ms, node %u first", (int)renews_ms[i], first);
			struct qd_event ev = {.kind = QD_EVENT_TIMES};
			ev.u.times = qd_times_from_renew(qd_span_ms(renews_ms[i]), QD_SPAN_ZERO);
			fx_step(fx, first, &ev);
			UNIT_OK(fx_run(fx, 30000));
			fx_step(fx, 3 - first, &ev);
			UNIT_OK(fx_run(fx, 60000));
			UNIT_EQUAL(fx_state(fx, 1), QD_ARB_OWNER);
			UNIT_EQUAL(fx->epochs_count, 1);
			fx_kill(fx, 1);
			UNIT_OK(fx_until_group(fx, 2, true, renews_ms[i] * 10 / 3 + 9000));
		}
	}
}

static const struct unit_test TESTS[] = {
	{"a configuration that cannot be is a programmer's error", wrong_configurations},
	{"time that runs backwards is a programmer's error", time_runs_forward},
	{"the first step logs in on every path, and none was due before", nothing_before_the_first_step},
	{"a timeout before its time changes nothing", early_timeouts},
	{"answers with ids that are not under way are dropped and counted", unknown_answers},
	{"all paths may die in one step, with a hand-over on top", most_actions},
	{"a sleeper keeps what its lease covers and loses the rest", sleeper},
	{"new times are taken over in every state", new_times},
	{"new times on one node first cost no ownership", new_times_on_two_nodes},
};

int main(void)
{
	return unit_run("t_node", TESTS, UNIT_COUNT(TESTS));
}
