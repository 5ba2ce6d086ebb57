/* SPDX-License-Identifier: Apache-2.0 */
/* The planned hand-over (docs/PROTOCOL.md case 11), well and interrupted at each step, and the shutdown in every
 * state: nothing is released before everything is stopped, and a stop that fails ends in the self-reset. */
#include "fixture.h"

static const struct fx_options ONE = {.nodes_count = 1};
static const struct fx_options TWO = {.nodes_count = 2};
static const struct fx_options THREE = {.nodes_count = 3};

static bool replied(struct fx *fx, enum qd_reply reply)
{
	return UNIT_EQUAL(fx->nodes[0].replies_count, 1) && UNIT_EQUAL(fx->nodes[0].reply, reply);
}

/* ------------------------------------------------ refused */

static void wrong_requests(void)
{
	static const uint32_t wrong[] = {1, 3, 64, 65, 200, UINT32_MAX};
	for (size_t i = 0; i < UNIT_COUNT(wrong); i++) {
		struct fx *fx = fx_owned(&TWO);
		unit_case("to %u", wrong[i]);
		fx_handover(fx, 1, wrong[i]);
		UNIT_OK(replied(fx, QD_REPLY_NO_SUCH_NODE));
		UNIT_EQUAL(fx_state(fx, 1), QD_ARB_OWNER);
	}
	struct fx *fx = fx_owned(&TWO);
	fx_handover(fx, 2, 1);
	UNIT_EQUAL(fx->nodes[1].reply, QD_REPLY_NOT_OWNER);
	fx_handover(fx, 1, 2);
	UNIT_EQUAL(fx->nodes[0].replies_count, 0);
	fx_handover(fx, 1, 2);
	UNIT_OK(replied(fx, QD_REPLY_BUSY));
}

static void alone(void)
{
	struct fx *fx = fx_owned(&ONE);
	fx_handover(fx, 1, 0);
	UNIT_OK(replied(fx, QD_REPLY_NO_SUCH_NODE));
}

/* ------------------------------------------------ well */

static void to_a_named_node(void)
{
	struct fx *fx = fx_owned(&THREE);
	fx_handover(fx, 1, 3);
	UNIT_OK(fx_until_group(fx, 1, false, 2000));
	const int64_t stopped = fx_ms(fx);
	UNIT_OK(fx_until_group(fx, 3, true, 2000));
	UNIT_OK(fx_ms(fx) - stopped <= 40);
	UNIT_OK(fx_run(fx, 100));
	UNIT_OK(replied(fx, QD_REPLY_DONE));
	FX_EXPECT(fx, "1: hand-over: node 3 is the heir, turn 1\n"
		      "3: this node is the heir of epoch 64, turn 1\n"
		      "1: hand-over: node 3 has registered key abcd.3.1.1\n"
		      "1: stop the group, 0.0 ms to do it\n"
		      "1: owner -> releasing, incarnation 1\n"
		      "1: everything is stopped: release epoch 64\n"
		      "1: hand-over: done\n"
		      "1: releasing -> retiring, incarnation 1\n"
		      "1: retiring -> standby, incarnation 2\n"
		      "3: key abcd.1.1.3 of the released epoch 64 holds: strike it\n"
		      "3: standby -> taking, incarnation 1\n"
		      "1: ua-registration-preempted on path 0 during look\n"
		      "3: taking -> owner, incarnation 1\n"
		      "3: owner: epoch 130, unfenced work in 0.0 ms\n"
		      "3: start the group under epoch 130\n");
	UNIT_OK(fx_run(fx, 20000));
	UNIT_EQUAL(fx_state(fx, 3), QD_ARB_OWNER);
}

static void back_and_forth(void)
{
	struct fx *fx = fx_owned(&TWO);
	for (uint32_t i = 0; i < 10; i++) {
		const uint32_t from = 1 + i % 2;
		fx_handover(fx, from, 0);
		UNIT_OK(fx_until_group(fx, 3 - from, true, 3000));
		UNIT_EQUAL(fx->nodes[from - 1].reply, QD_REPLY_DONE);
		UNIT_OK(fx_run(fx, 200));
	}
	UNIT_EQUAL(fx->epochs_count, 11);
}

static void without_a_group(void)
{
	struct fx *fx = fx_owned(&(struct fx_options){.nodes_count = 2, .no_group = true});
	fx_handover(fx, 1, 2);
	UNIT_OK(fx_until(fx, 2, QD_ARB_OWNER, 3000));
	UNIT_OK(replied(fx, QD_REPLY_DONE));
}

/* ------------------------------------------------ interrupted */

static void heir_is_silent(void)
{
	struct fx *fx = fx_owned(&TWO);
	fx_kill(fx, 2);
	fx_handover(fx, 1, 2);
	UNIT_OK(fx_run(fx, 8000));
	UNIT_OK(replied(fx, QD_REPLY_HEIR_SILENT));
	UNIT_OK(fx->nodes[0].group_runs);
	UNIT_EQUAL(fx->target.records[0].heir, 0);
	FX_EXPECT(fx, "1: hand-over: node 2 is the heir, turn 1\n"
		      "1: hand-over: node 2 did not register in time\n"
		      "1: hand-over: the heir did not answer\n");
}

static void first_heir_is_silent(void)
{
	struct fx *fx = fx_owned(&THREE);
	fx_kill(fx, 2);
	fx_handover(fx, 1, 0);
	UNIT_OK(fx_until_group(fx, 3, true, 12000));
	UNIT_OK(replied(fx, QD_REPLY_DONE));
	FX_EXPECT(fx, "1: hand-over: node 2 is the heir, turn 1\n"
		      "1: hand-over: node 2 did not register in time\n"
		      "1: hand-over: node 3 is the heir, turn 3\n"
		      "3: this node is the heir of epoch 64, turn 3\n"
		      "1: hand-over: node 3 has registered key abcd.3.1.1\n"
		      "1: stop the group, 0.0 ms to do it\n"
		      "1: owner -> releasing, incarnation 1\n"
		      "1: everything is stopped: release epoch 64\n"
		      "1: hand-over: done\n"
		      "1: releasing -> retiring, incarnation 1\n"
		      "1: retiring -> standby, incarnation 2\n"
		      "3: key abcd.1.1.5 of the released epoch 64 holds: strike it\n"
		      "3: standby -> taking, incarnation 1\n"
		      "3: taking -> owner, incarnation 1\n"
		      "3: owner: epoch 130, unfenced work in 0.0 ms\n"
		      "3: start the group under epoch 130\n");
}

static void stale_key_is_no_heir(void)
{
	struct fx *fx = fx_owned(&TWO);
	fx_kill(fx, 2);
	for (uint32_t i = 0; i < 40; i++)
		fx_target_register(fx, qd_key_make(FX_TAG, 2, 1, i + 1));
	fx_handover(fx, 1, 2);
	UNIT_OK(fx_run(fx, 10000));
	UNIT_OK(replied(fx, QD_REPLY_HEIR_SILENT));
	UNIT_OK(fx->nodes[0].group_runs);
}

static void heir_dies_registered(void)
{
	struct fx *fx = fx_owned(&THREE);
	fx_handover(fx, 1, 2);
	while (!fx_says(fx, "has registered") && fx_run(fx, 1)) {
	}
	fx_kill(fx, 2);
	UNIT_OK(fx_until_group(fx, 1, false, 1000));
	const int64_t stopped = fx_ms(fx);
	UNIT_OK(fx_run(fx, 9000));
	UNIT_OK(fx->nodes[0].group_runs != fx->nodes[2].group_runs);
	UNIT_OK(fx_ms(fx) - stopped <= 9000);
	FX_EXPECT(fx, "1: hand-over: node 2 is the heir, turn 1\n"
		      "2: this node is the heir of epoch 64, turn 1\n"
		      "1: hand-over: node 2 has registered key abcd.2.1.1\n"
		      "1: stop the group, 0.0 ms to do it\n"
		      "1: owner -> releasing, incarnation 1\n"
		      "1: everything is stopped: release epoch 64\n"
		      "1: hand-over: done\n"
		      "1: releasing -> retiring, incarnation 1\n"
		      "1: retiring -> standby, incarnation 2\n"
		      "3: key abcd.1.1.3 of the released epoch 64 holds: strike it\n"
		      "3: standby -> taking, incarnation 1\n"
		      "3: taking -> owner, incarnation 1\n"
		      "3: owner: epoch 130, unfenced work in 0.0 ms\n"
		      "3: start the group under epoch 130\n"
		      "1: ua-registration-preempted on path 0 during look\n");
}

/* The record says "released": nobody has to wait, although its key holds on. */
static void owner_dies_released(void)
{
	struct fx *fx = fx_owned(&THREE);
	fx_handover(fx, 1, 2);
	UNIT_OK(fx_until(fx, 1, QD_ARB_RETIRING, 3000));
	fx_kill(fx, 1);
	UNIT_OK(fx_until_group(fx, 2, true, 100));
}

static void owner_dies_offering(void)
{
	struct fx *fx = fx_owned(&TWO);
	fx_handover(fx, 1, 2);
	UNIT_OK(fx_run(fx, 5));
	fx_kill(fx, 1);
	UNIT_OK(fx_run(fx, 6000));
	UNIT_EQUAL(fx_state(fx, 2), QD_ARB_STANDBY);
	UNIT_OK(fx_until_group(fx, 2, true, 4000));
}

static void release_is_lost(void)
{
	for (int executed = 0; executed <= 1; executed++) {
		struct fx *fx = fx_owned(&TWO);
		unit_case("%s", executed ? "written" : "not written");
		fx_fault(fx, &(struct fx_fault){.step = QD_STEP_RELEASE_RECORD,
						.executed = executed != 0,
						.silent = true});
		fx_handover(fx, 1, 2);
		UNIT_OK(fx_until(fx, 1, QD_ARB_RELEASING, 3000));
		const int64_t stopped = fx_ms(fx);
		UNIT_OK(fx_until_group(fx, 2, true, 12000));
		UNIT_OK(fx_ms(fx) - stopped <= (executed ? 1000 : 10000));
		UNIT_OK(fx_run(fx, 4000));
		UNIT_EQUAL(fx_state(fx, 1), QD_ARB_STANDBY);
		/* The first look as standby reads what became of the record. */
		UNIT_OK(replied(fx, executed ? QD_REPLY_DONE : QD_REPLY_FAILED));
	}
}

static void offer_is_lost(void)
{
	for (int executed = 0; executed <= 1; executed++) {
		struct fx *fx = fx_owned(&(struct fx_options){.nodes_count = 2, .paths_count = 2});
		unit_case("%s", executed ? "written" : "not written");
		fx_fault(fx, &(struct fx_fault){.step = QD_STEP_OFFER,
						.count = 1,
						.executed = executed != 0,
						.silent = true});
		fx_handover(fx, 1, 2);
		UNIT_OK(fx_run(fx, 12000));
		UNIT_EQUAL(fx->nodes[0].replies_count, 1);
		if (fx->nodes[0].reply != QD_REPLY_DONE)
			UNIT_EQUAL(fx->target.records[0].heir, 0);
		UNIT_OK(fx->nodes[0].group_runs != fx->nodes[1].group_runs);
	}
}

/* Both copies stay good: what may have been written is written again to the same sector. */
static void records_alternate(void)
{
	struct fx *fx = fx_owned(&TWO);
	const uint64_t before = fx->target.records[0].sequence;
	fx_fault(fx, &(struct fx_fault){.step = QD_STEP_OFFER, .count = 3, .outcome = QD_OUTCOME_BUSY});
	fx_handover(fx, 1, 2);
	UNIT_OK(fx_run(fx, 1000));
	UNIT_EQUAL(fx->target.records[0].sequence, before + 1);
}

static void storage_dies_while_stopping(void)
{
	struct fx *fx = fx_owned(&TWO);
	fx->nodes[0].stop_ms = 20000;
	fx_handover(fx, 1, 2);
	while (!fx_says(fx, "stop the group") && fx_run(fx, 1)) {
	}
	fx_fault(fx, &(struct fx_fault){.node = 1, .silent = true});
	UNIT_OK(fx_until(fx, 1, QD_ARB_RESET, 10000));
	UNIT_OK(fx->nodes[0].reset);
	UNIT_OK(replied(fx, QD_REPLY_FAILED));
}

static void rounds_while_stopping(void)
{
	struct fx *fx = fx_owned(&TWO);
	fx->nodes[0].stop_ms = 60000;
	fx_handover(fx, 1, 2);
	UNIT_OK(fx_run(fx, 55000));
	UNIT_EQUAL(fx_state(fx, 1), QD_ARB_OWNER);
	UNIT_EQUAL(fx_state(fx, 2), QD_ARB_STANDBY);
	UNIT_OK(fx_until_group(fx, 2, true, 10000));
	UNIT_OK(replied(fx, QD_REPLY_DONE));
}

/* ------------------------------------------------ stops that fail */

static void stop_fails(void)
{
	struct fx *fx = fx_owned(&TWO);
	fx->nodes[0].way = FX_RUNNER_STOP_FAILS;
	fx_handover(fx, 1, 2);
	UNIT_OK(fx_until(fx, 1, QD_ARB_RESET, 4000));
	UNIT_OK(fx->nodes[0].reset);
	UNIT_OK(replied(fx, QD_REPLY_FAILED));
	const uint64_t before = fx->nodes[0].ops_count;
	UNIT_OK(fx_run(fx, 5000));
	UNIT_EQUAL(fx->nodes[0].ops_count, before);
	FX_EXPECT(fx, "1: hand-over: node 2 is the heir, turn 1\n"
		      "2: this node is the heir of epoch 64, turn 1\n"
		      "1: hand-over: node 2 has registered key abcd.2.1.1\n"
		      "1: stop the group, 0.0 ms to do it\n"
		      "1: the group could not be stopped: this machine must be reset\n"
		      "1: hand-over: failed\n"
		      "1: owner -> reset, incarnation 1\n");
	fx_shutdown(fx, 1);
	fx_session_lost(fx, 1, 0);
	UNIT_OK(fx_run(fx, 100));
	UNIT_OK(!fx->nodes[0].off);
}

static void stop_hangs(void)
{
	struct fx *fx = fx_owned(&ONE);
	fx->nodes[0].way = FX_RUNNER_STOP_HANGS;
	fx_fault(fx, &(struct fx_fault){.silent = true});
	UNIT_OK(fx_until(fx, 1, QD_ARB_STOPPING, 10000));
	const int64_t began = fx_ms(fx);
	UNIT_OK(fx_until(fx, 1, QD_ARB_RESET, 10000));
	UNIT_EQUAL(fx_ms(fx) - began, 2982); /* W - drift - (C - slack) */
	UNIT_OK(fx->nodes[0].reset);
}

static void planned_stop_hangs(void)
{
	struct fx *fx = fx_owned(&(struct fx_options){.nodes_count = 1, .stop_limit_ms = 30000});
	fx->nodes[0].way = FX_RUNNER_STOP_HANGS;
	fx_shutdown(fx, 1);
	UNIT_OK(fx_run(fx, 29900));
	UNIT_EQUAL(fx_state(fx, 1), QD_ARB_OWNER);
	UNIT_OK(fx_until(fx, 1, QD_ARB_RESET, 200));
}

static void runner_is_lost(void)
{
	struct fx *fx = fx_owned(&ONE);
	fx_report(fx, 1, QD_REPORT_RUNNER_LOST, fx->nodes[0].order);
	UNIT_OK(fx_until(fx, 1, QD_ARB_RESET, 100));
	UNIT_OK(fx->nodes[0].reset);
	FX_EXPECT(fx, "1: the group could not be stopped: this machine must be reset\n"
		      "1: owner -> reset, incarnation 1\n");
}

/* ------------------------------------------------ shutdown */

static bool goes_off(struct fx *fx, uint32_t id, int64_t ms)
{
	return UNIT_OK(fx_until(fx, id, QD_ARB_OFF, ms)) && UNIT_OK(fx->nodes[id - 1].off) &&
	       UNIT_OK(!fx->nodes[id - 1].group_runs) && UNIT_OK(!fx->nodes[id - 1].reset);
}

static void shutdown_of_a_standby(void)
{
	struct fx *fx = fx_owned(&TWO);
	fx_shutdown(fx, 2);
	UNIT_OK(goes_off(fx, 2, 0));
	FX_EXPECT(fx, "2: shutting down\n"
		      "2: standby -> off, incarnation 1\n");
	fx = fx_new(&ONE);
	fx->target.down = true;
	UNIT_OK(fx_run(fx, 5000));
	fx_shutdown(fx, 1);
	UNIT_OK(goes_off(fx, 1, 0));
}

static void shutdown_of_the_owner(void)
{
	struct fx *fx = fx_owned(&TWO);
	fx_shutdown(fx, 1);
	UNIT_OK(goes_off(fx, 1, 200));
	UNIT_OK(fx_until_group(fx, 2, true, 1100));
	FX_EXPECT(fx, "1: shutting down\n"
		      "1: stop the group, 0.0 ms to do it\n"
		      "1: owner -> releasing, incarnation 1\n"
		      "1: everything is stopped: release epoch 64\n"
		      "1: releasing -> retiring, incarnation 1\n"
		      "1: retiring -> off, incarnation 2\n"
		      "2: key abcd.1.1.3 of the released epoch 64 holds: strike it\n"
		      "2: standby -> taking, incarnation 1\n"
		      "2: taking -> owner, incarnation 1\n"
		      "2: owner: epoch 129, unfenced work in 0.0 ms\n"
		      "2: start the group under epoch 129\n");
}

/* Whoever owned before may run for W after his last beat: until then nothing is said to need no wait. */
static void shutdown_before_the_wait_is_over(void)
{
	struct fx *fx = fx_owned(&TWO);
	fx_kill(fx, 1);
	UNIT_OK(fx_until(fx, 2, QD_ARB_OWNER, 12000));
	const int64_t owned = fx_ms(fx);
	fx_shutdown(fx, 2);
	UNIT_OK(goes_off(fx, 2, 3000));
	UNIT_OK(fx_ms(fx) - owned >= 1900);
	UNIT_EQUAL(fx->target.records[1].state, QD_RECORD_RELEASED);
}

static void shutdown_on_the_way(void)
{
	static const enum qd_arbiter_state states[] = {QD_ARB_TAKING, QD_ARB_STOPPING, QD_ARB_RELEASING,
						       QD_ARB_RETIRING};
	for (size_t i = 0; i < UNIT_COUNT(states); i++) {
		struct fx *fx = states[i] == QD_ARB_TAKING ? fx_new(&ONE) : fx_owned(&TWO);
		unit_case("%s", qd_arbiter_state_name(states[i]));
		if (states[i] == QD_ARB_STOPPING)
			fx_fault(fx, &(struct fx_fault){.node = 1, .silent = true});
		else if (states[i] != QD_ARB_TAKING)
			fx_handover(fx, 1, 2);
		UNIT_OK(fx_until(fx, 1, states[i], 20000));
		fx_shutdown(fx, 1);
		UNIT_OK(goes_off(fx, 1, 10000));
	}
}

static void shutdown_without_a_path(void)
{
	struct fx *fx = fx_owned(&ONE);
	fx->target.down = true;
	fx_session_lost(fx, 1, 0);
	UNIT_OK(fx_run(fx, 100));
	fx_shutdown(fx, 1);
	UNIT_OK(goes_off(fx, 1, 1000));
}

static void shutdown_without_a_store(void)
{
	struct fx *fx = fx_owned(&ONE);
	fx->nodes[0].store_fails = true;
	fx_shutdown(fx, 1);
	UNIT_OK(goes_off(fx, 1, 2000));
}

static void store_that_fails(void)
{
	struct fx *fx = fx_owned(&TWO);
	fx->nodes[0].store_fails = true;
	fx_handover(fx, 1, 2);
	UNIT_OK(fx_until_group(fx, 2, true, 3000));
	UNIT_OK(fx_run(fx, 30000));
	UNIT_EQUAL(fx_state(fx, 1), QD_ARB_RETIRING);
	fx->nodes[0].store_fails = false;
	UNIT_OK(fx_until(fx, 1, QD_ARB_STANDBY, 1100));
}

static const struct unit_test TESTS[] = {
	{"a hand-over to nobody, to itself, to strangers or by a standby is refused", wrong_requests},
	{"a hand-over with nobody else there is refused", alone},
	{"a hand-over goes to the named node, at once after the stop", to_a_named_node},
	{"hand-overs go back and forth, each with a higher epoch", back_and_forth},
	{"a hand-over without a group is one, too", without_a_group},
	{"a silent heir is withdrawn and ownership is kept", heir_is_silent},
	{"with no heir named the next one is asked when the first is silent", first_heir_is_silent},
	{"old keys of the heir are not taken for its answer", stale_key_is_no_heir},
	{"an heir that dies when the stop has begun costs C", heir_dies_registered},
	{"an owner that dies after its release record is not waited for", owner_dies_released},
	{"an owner that dies after its offer is challenged as ever", owner_dies_offering},
	{"a release record without an answer costs a challenge, or nothing", release_is_lost},
	{"an offer without an answer ends, and names nobody on the disk", offer_is_lost},
	{"an offer that was not written is written to the same sector again", records_alternate},
	{"storage that dies during the stop of a hand-over ends in the self-reset",
	 storage_dies_while_stopping},
	{"rounds go on as long as the group takes to stop", rounds_while_stopping},
	{"a stop that fails ends in the self-reset, and nothing is sent any more", stop_fails},
	{"a stop that hangs ends in the self-reset at W - drift", stop_hangs},
	{"a planned stop that hangs ends in the self-reset at its limit", planned_stop_hangs},
	{"a lost runner ends in the self-reset", runner_is_lost},
	{"a standby shuts down at once", shutdown_of_a_standby},
	{"an owner shuts down after stop and release", shutdown_of_the_owner},
	{"a new owner that shuts down releases when its own wait is over", shutdown_before_the_wait_is_over},
	{"a shutdown while taking, stopping, releasing, retiring comes to its end", shutdown_on_the_way},
	{"a shutdown without a path to the disk does not hang", shutdown_without_a_path},
	{"a shutdown with a store that fails does not hang", shutdown_without_a_store},
	{"a store that fails is tried again, and nothing is taken before", store_that_fails},
};

int main(void)
{
	return unit_run("t_arbiter_handover", TESTS, UNIT_COUNT(TESTS));
}
