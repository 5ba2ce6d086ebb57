/* SPDX-License-Identifier: Apache-2.0 */
/* OWNER: rounds, what is done after one that was not good, several paths, scrubbing, and when ownership is lost
 * (docs/PROTOCOL.md section 3, cases 1, 3, 4, 6, 7, 9, 15). */
#include "fixture.h"

#include "core/arbiter_internal.h"

static const struct fx_options ONE = {.nodes_count = 1};
static const struct fx_options TWO = {.nodes_count = 2};
static const struct fx_options TWO_PATHS = {.nodes_count = 1, .paths_count = 2};

static bool keeps(struct fx *fx)
{
	return UNIT_EQUAL(fx_state(fx, 1), QD_ARB_OWNER) && UNIT_EQUAL(fx->epochs_count, 1) &&
	       UNIT_OK(fx->nodes[0].group_runs) && UNIT_EQUAL(fx_target_holder(fx), 1);
}

/* ------------------------------------------------ lost */

/* The storage does not answer any more: everything stops C - slack after the last good round began, not before. */
static void storage_silent(void)
{
	struct fx *fx = fx_owned(&ONE);
	const struct qd_mono until = fx->nodes[0].lease_start_by;
	fx_fault(fx, &(struct fx_fault){.silent = true});
	UNIT_OK(fx_until(fx, 1, QD_ARB_STOPPING, 10000));
	UNIT_EQUAL(fx->now.ns, until.ns);
	UNIT_OK(fx_until_group(fx, 1, false, 110));
	UNIT_OK(!fx->nodes[0].reset);
	FX_EXPECT(fx, "1: path 0: no answer within 2000.0 ms: session torn down\n"
		      "1: round failed: register unknown, reservation unknown, records unknown\n"
		      "1: lease over: the last good round began 6000.0 ms ago: stop everything\n"
		      "1: owner -> stopping, incarnation 1\n"
		      "1: stop the group, 2982.0 ms to do it\n"
		      "1: path 0: no answer within 1000.0 ms: session torn down\n"
		      "1: stopping -> releasing, incarnation 1\n"
		      "1: releasing -> retiring, incarnation 1\n");
}

static void preempted_by_a_member(void)
{
	struct fx *fx = fx_owned(&TWO);
	struct qd_owner_record *r = &fx->target.records[1];
	*r = (struct qd_owner_record){.sequence = 1, .epoch = 129, .incarnation = 5, .node_id = 2};
	r->state = QD_RECORD_TAKEN;
	r->machine_id[0] = 2;
	fx_kill(fx, 2);
	fx->target.pr.count = 0;
	fx_target_reserve(fx, qd_key_make(FX_TAG, 2, 5, 1), QD_PR_TYPE_WRITE_EXCLUSIVE);
	UNIT_OK(fx_until(fx, 1, QD_ARB_STANDBY, 4000));
	UNIT_OK(!fx->nodes[0].group_runs);
	FX_EXPECT(fx, "1: ownership lost: epoch 129 on the disk is above 64\n"
		      "1: owner -> stopping, incarnation 1\n"
		      "1: stop the group, 5981.0 ms to do it\n"
		      "1: stopping -> releasing, incarnation 1\n"
		      "1: releasing -> retiring, incarnation 1\n"
		      "1: retiring -> standby, incarnation 2\n");
}

/* An operator, or another cluster, took the reservation: it is not struck back. */
static void preempted_by_a_stranger(void)
{
	struct fx *fx = fx_owned(&ONE);
	fx->target.pr.count = 0;
	fx_target_reserve(fx, (struct qd_key){UINT64_C(0x123456789abcdef0)}, QD_PR_TYPE_WRITE_EXCLUSIVE);
	UNIT_OK(fx_until(fx, 1, QD_ARB_STANDBY, 4000));
	UNIT_OK(fx_run(fx, 20000));
	UNIT_EQUAL(fx->target.pr.holder.key.value, UINT64_C(0x123456789abcdef0));
	FX_EXPECT(fx, "1: round failed: register conflict, reservation good, records good\n"
		      "1: ownership lost: key 1234.86.30874.12377840 holds\n"
		      "1: owner -> stopping, incarnation 1\n"
		      "1: stop the group, 5980.0 ms to do it\n"
		      "1: stopping -> releasing, incarnation 1\n"
		      "1: releasing -> retiring, incarnation 1\n"
		      "1: retiring -> standby, incarnation 2\n"
		      "1: reserved by key 1234.86.30874.12377840, type 1, which is not this cluster's: not "
		      "touched\n");
}

/* Case 15: also while its own key still holds. */
static void newer_record(void)
{
	struct fx *fx = fx_owned(&TWO);
	fx_kill(fx, 2);
	fx->target.records[1] = (struct qd_owner_record){
		.sequence = 1, .epoch = 129, .incarnation = 5, .node_id = 2, .state = QD_RECORD_TAKEN};
	UNIT_OK(fx_until(fx, 1, QD_ARB_STANDBY, 4000));
	FX_EXPECT(fx, "1: ownership lost: epoch 129 on the disk is above 64\n"
		      "1: owner -> stopping, incarnation 1\n"
		      "1: stop the group, 5981.0 ms to do it\n"
		      "1: stopping -> releasing, incarnation 1\n"
		      "1: releasing -> retiring, incarnation 1\n"
		      "1: retiring -> standby, incarnation 2\n");
}

/* Outside its lease the recorded owner waits like everybody else. */
static void forgotten_outside_the_lease(void)
{
	struct fx *fx = fx_owned(&ONE);
	fx_target_restart(fx, FX_RESTART_FORGETS, 8000);
	UNIT_OK(fx_until(fx, 1, QD_ARB_STANDBY, 1000));
	const int64_t from = fx_ms(fx);
	UNIT_OK(fx_until(fx, 1, QD_ARB_TAKING, 20000));
	UNIT_OK(fx_ms(fx) - from >= 9000);
	UNIT_OK(fx_until_group(fx, 1, true, 100));
	FX_EXPECT(fx, "1: path 0: session lost, 0 commands unanswered\n"
		      "1: lease over: the last good round began 6000.0 ms ago: stop everything\n"
		      "1: owner -> stopping, incarnation 1\n"
		      "1: stop the group, 2982.0 ms to do it\n"
		      "1: stopping -> releasing, incarnation 1\n"
		      "1: releasing -> retiring, incarnation 1\n"
		      "1: retiring -> standby, incarnation 2\n"
		      "1: saw no reservation, generation 0: wait\n"
		      "1: unreserved for 9000.0 ms: reserve\n"
		      "1: standby -> taking, incarnation 2\n"
		      "1: taking -> owner, incarnation 2\n"
		      "1: owner: epoch 128, unfenced work in 0.0 ms\n"
		      "1: start the group under epoch 128\n");
}

/* ------------------------------------------------ kept */

static void rounds_on_a_grid(void)
{
	struct fx *fx = fx_owned(&ONE);
	const uint64_t before = fx_core(fx, 1)->arbiter.stats.rounds_good;
	UNIT_OK(fx_run(fx, 30000));
	UNIT_EQUAL(fx_core(fx, 1)->arbiter.stats.rounds_good - before, 10);
	UNIT_OK(keeps(fx));
	FX_EXPECT(fx, "");
}

/* Views want a round that began after they had chosen an epoch: it comes then, and the grid stays as it is. */
static void round_that_views_want(void)
{
	static struct qd_actions out;
	struct fx *fx = fx_owned(&ONE);
	struct qd_node *n = fx_core(fx, 1);
	UNIT_OK(fx_run(fx, 1000));
	const struct qd_mono grid = n->arbiter.own.next_round;
	const struct qd_mono wanted = qd_mono_add(fx->now, qd_span_ms(10));
	UNIT_OK(qd_batch_idle(&n->arbiter) && qd_mono_before(wanted, grid));
	n->gate.round_from = wanted;
	UNIT_EQUAL(qd_own_deadline(n).ns, grid.ns); /* there are no views */
	n->config.has_cluster = true;
	n->arbiter.own.slots_known = true;
	UNIT_EQUAL(qd_own_deadline(n).ns, wanted.ns);
	n->now = wanted;
	struct qd_turn t = {.node = n,
			    .a = &n->arbiter,
			    .config = &n->config,
			    .times = &n->config.times,
			    .now = wanted,
			    .out = &out};
	qd_own_think(&t);
	UNIT_EQUAL(n->arbiter.batch.step, QD_STEP_ROUND);
	UNIT_EQUAL(n->arbiter.own.next_round.ns, grid.ns);
	/* And when that was good, the next one on the grid. */
	memset(&n->arbiter.batch, 0, sizeof(n->arbiter.batch));
	n->lease.start = wanted;
	UNIT_EQUAL(qd_own_deadline(n).ns, grid.ns);
}

/* Case 1, both ways: it was carried out, it was not. The session goes with it. With two paths the other one asks, with
 * one there is time left for a new session. */
static void beat_timed_out(void)
{
	for (int i = 0; i < 4; i++) {
		const bool executed = i % 2 != 0;
		struct fx *fx = fx_owned(i < 2 ? &TWO_PATHS : &ONE);
		unit_case("%s, %s", i < 2 ? "two paths" : "one path",
			  executed ? "carried out" : "not carried out");
		fx_fault(fx, &(struct fx_fault){.step = QD_STEP_ROUND,
						.kind = QD_OP_PR_OUT,
						.count = 1,
						.executed = executed,
						.silent = true});
		UNIT_OK(fx_run(fx, 5800));
		UNIT_OK(keeps(fx));
		UNIT_OK(fx_says(fx, "ms: session torn down\n"
				    "1: round failed: register unknown, reservation good, records good\n"));
	}
}

static void session_kept_nexus(void)
{
	struct fx *fx = fx_owned(&ONE);
	fx_session_lost(fx, 1, 0);
	UNIT_OK(fx_run(fx, 3000));
	UNIT_OK(keeps(fx));
	FX_EXPECT(fx, "1: path 0: session lost, 0 commands unanswered\n");
	UNIT_EQUAL(fx->target.pr.count, 1);
}

static void session_new_nexus(void)
{
	struct fx *fx = fx_new(&ONE);
	fx->target.forgets_nexus = true;
	UNIT_OK(fx_until_group(fx, 1, true, 12000));
	UNIT_OK(fx_run(fx, 500));
	fx_forget(fx);
	fx_session_lost(fx, 1, 0);
	UNIT_OK(fx_run(fx, 3000));
	UNIT_OK(keeps(fx));
	FX_EXPECT(fx, "1: path 0: session lost, 0 commands unanswered\n"
		      "1: round failed: register conflict, reservation good, records good\n"
		      "1: key abcd.1.1.2 is ours on another nexus: preempt it from path 0\n");
	UNIT_EQUAL(fx->target.pr.count, 1);
}

static void session_lost_often(void)
{
	for (int forgets = 0; forgets <= 1; forgets++) {
		struct fx *fx = fx_owned(&ONE);
		unit_case("%s nexus", forgets ? "new" : "kept");
		fx->target.forgets_nexus = forgets != 0;
		for (int i = 0; i < 40; i++) {
			UNIT_OK(fx_run(fx, i));
			fx_session_lost(fx, 1, 0);
		}
		UNIT_OK(fx_run(fx, 6000));
		UNIT_OK(keeps(fx));
	}
}

static void busy_twice(void)
{
	struct fx *fx = fx_owned(&ONE);
	fx_fault(fx, &(struct fx_fault){.step = QD_STEP_ROUND,
					.kind = QD_OP_PR_OUT,
					.count = 3,
					.outcome = QD_OUTCOME_BUSY});
	UNIT_OK(fx_run(fx, 6000));
	UNIT_OK(keeps(fx));
	FX_EXPECT(fx, "1: round failed: register busy, reservation good, records good\n"
		      "1: round failed: register busy, reservation good, records good\n"
		      "1: round failed: register busy, reservation good, records good\n");
}

static void target_forgets(void)
{
	struct fx *fx = fx_owned(&ONE);
	fx_target_restart(fx, FX_RESTART_FORGETS, 1000);
	UNIT_OK(fx_run(fx, 3000));
	UNIT_OK(keeps(fx));
	FX_EXPECT(fx, "1: path 0: session lost, 0 commands unanswered\n"
		      "1: the target forgot our reservation, 4659.5 ms of the lease left: reserve again\n");
}

/* Case 15: the target goes back to a time before this node's takeover; the old holder's key holds again. */
static void target_goes_back(void)
{
	struct fx *fx = fx_owned(&TWO);
	fx_target_save(fx);
	fx_kill(fx, 1);
	UNIT_OK(fx_until_group(fx, 2, true, 12000));
	UNIT_OK(fx_run(fx, 500));
	fx_forget(fx);
	fx_target_restart(fx, FX_RESTART_GOES_BACK, 1000);
	UNIT_EQUAL(fx_target_holder(fx), 1);
	UNIT_OK(fx_run(fx, 3000));
	UNIT_EQUAL(fx_state(fx, 2), QD_ARB_OWNER);
	UNIT_EQUAL(fx_target_holder(fx), 2);
	FX_EXPECT(fx, "2: path 0: session lost, 0 commands unanswered\n"
		      "2: the target went back in time: key abcd.1.1.3 holds, the newest record is ours\n");
}

/* It goes back by a beat or two only. */
static void target_goes_back_a_beat(void)
{
	struct fx *fx = fx_owned(&ONE);
	fx_target_save(fx);
	UNIT_OK(fx_run(fx, 6500));
	fx_target_restart(fx, FX_RESTART_GOES_BACK, 100);
	UNIT_OK(fx_run(fx, 3000));
	UNIT_OK(keeps(fx));
	FX_EXPECT(fx, "1: path 0: session lost, 0 commands unanswered\n");
}

/* The old holder wakes up and finds its key holding, and a newer record: it stops, it does not defend. */
static void goes_back_to_a_sleeper(void)
{
	struct fx *fx = fx_owned(&TWO);
	fx_target_save(fx);
	fx_pause(fx, 1);
	UNIT_OK(fx_until(fx, 2, QD_ARB_OWNER, 12000));
	fx->nodes[0].group_runs = false; /* its runner has stopped it: not paused */
	fx_target_restart(fx, FX_RESTART_GOES_BACK, 50);
	fx_resume(fx, 1);
	UNIT_OK(fx_run(fx, 4000));
	UNIT_EQUAL(fx_state(fx, 1), QD_ARB_STANDBY);
	UNIT_EQUAL(fx_state(fx, 2), QD_ARB_OWNER);
	UNIT_EQUAL(fx_target_holder(fx), 2);
}

static void unit_attention_is_looked_into(void)
{
	static const enum qd_outcome all[] = {QD_OUTCOME_UA_RESET, QD_OUTCOME_UA_RES_PREEMPTED,
					      QD_OUTCOME_UA_RES_RELEASED, QD_OUTCOME_UA_REG_PREEMPTED};
	for (size_t i = 0; i < UNIT_COUNT(all); i++) {
		struct fx *fx = fx_owned(&ONE);
		unit_case("%s", qd_outcome_name(all[i]));
		fx_unit_attention(fx, 1, 0, all[i]);
		UNIT_OK(fx_run(fx, 3000));
		UNIT_OK(keeps(fx));
		UNIT_OK(fx_says(fx, "round failed: register ua-"));
	}
}

/* ------------------------------------------------ paths */

static void path_dies(void)
{
	struct fx *fx = fx_owned(&TWO_PATHS);
	UNIT_EQUAL(fx->target.pr.count, 2);
	fx_path_down(fx, 1, 0);
	UNIT_OK(fx_run(fx, 3000));
	UNIT_OK(keeps(fx));
	UNIT_EQUAL(fx->target.pr.holder.path, 1);
	FX_EXPECT(fx, "1: path 0: session lost, 0 commands unanswered\n"
		      "1: key abcd.1.1.4 is ours on another nexus: preempt it from path 1\n");
	fx_path_up(fx, 1, 0);
	UNIT_OK(fx_run(fx, 5000));
	UNIT_EQUAL(fx->target.pr.count, 2);
	UNIT_EQUAL(fx->target.pr.holder.path, 1);
}

static void path_hangs(void)
{
	struct fx *fx = fx_owned(&TWO_PATHS);
	fx_fault(fx, &(struct fx_fault){.one_path = true, .path = 0, .silent = true});
	UNIT_OK(fx_run(fx, 20000));
	UNIT_OK(keeps(fx));
	UNIT_EQUAL(fx->target.pr.holder.path, 1);
}

static void path_answers_errors(void)
{
	struct fx *fx = fx_owned(&TWO_PATHS);
	fx_fault(fx, &(struct fx_fault){.one_path = true, .path = 0, .outcome = QD_OUTCOME_NOT_READY});
	UNIT_OK(fx_run(fx, 20000));
	UNIT_OK(keeps(fx));
	UNIT_EQUAL(fx->target.pr.holder.path, 1);
}

/* One after the other, each as soon as it beats; the first ones come back in between. */
static void eight_paths_in_turn(void)
{
	struct fx *fx = fx_owned(&(struct fx_options){.nodes_count = 1, .paths_count = 8});
	UNIT_EQUAL(fx->target.pr.count, 8);
	for (int i = 0; i < 40; i++) {
		const uint32_t p = fx_core(fx, 1)->arbiter.own.path;
		fx_path_down(fx, 1, p);
		UNIT_OK(fx_run(fx, 700));
		fx_path_up(fx, 1, p);
		UNIT_OK(fx_run(fx, i * 10));
	}
	UNIT_OK(fx_run(fx, 3000));
	UNIT_OK(keeps(fx));
	UNIT_EQUAL(fx->target.pr.count, 8);
}

static void all_paths_at_once(void)
{
	struct fx *fx = fx_owned(&(struct fx_options){.nodes_count = 1, .paths_count = 8});
	for (uint32_t p = 0; p < 8; p++)
		fx_path_down(fx, 1, p);
	UNIT_OK(fx_run(fx, 2500));
	for (uint32_t p = 0; p < 8; p++)
		fx_path_up(fx, 1, p);
	UNIT_OK(fx_run(fx, 3000));
	UNIT_OK(keeps(fx));
}

static void no_room_for_still_keys(void)
{
	struct fx *fx = fx_new(&TWO_PATHS);
	fx_fault(fx, &(struct fx_fault){.step = QD_STEP_STILL, .outcome = QD_OUTCOME_NO_RESOURCES});
	UNIT_OK(fx_until_group(fx, 1, true, 12000));
	const uint64_t before = fx->nodes[0].ops_count;
	UNIT_OK(fx_run(fx, 30000));
	UNIT_OK(fx->nodes[0].ops_count - before < 100);
	UNIT_OK(keeps(fx));
}

/* ------------------------------------------------ scrubbing */

static void strangers_are_scrubbed(void)
{
	struct fx *fx = fx_owned(&TWO);
	const struct qd_key other = {UINT64_C(0x4321000000000007)};
	const struct qd_key removed = qd_key_make(FX_TAG, 7, 1, 1);
	const struct qd_key member = qd_key_make(FX_TAG, 2, 1, 1);
	const struct qd_key own = qd_key_make(FX_TAG, 1, 99, 1);
	fx_target_register(fx, other);
	fx_target_register(fx, removed);
	fx_target_register(fx, member);
	fx_target_register(fx, own);
	UNIT_OK(fx_run(fx, 4000));
	UNIT_OK(!fx_target_has_key(fx, other) && !fx_target_has_key(fx, removed) &&
		!fx_target_has_key(fx, own));
	UNIT_OK(fx_target_has_key(fx, member));
	UNIT_OK(keeps(fx));
	FX_EXPECT(fx, "1: key 4321.0.0.7 belongs to no member: preempted, good\n"
		      "1: key abcd.7.1.1 belongs to no member: preempted, good\n"
		      "1: key abcd.1.99.1 belongs to no member: preempted, good\n");
}

static void many_strangers_are_scrubbed(void)
{
	struct fx *fx = fx_owned(&ONE);
	for (uint32_t i = 0; i < 150; i++)
		fx_target_register(fx, (struct qd_key){UINT64_C(0x4321000000000001) + i});
	UNIT_OK(fx_run(fx, 12000));
	UNIT_EQUAL(fx->target.pr.count, 1);
	UNIT_OK(keeps(fx));
}

/* ------------------------------------------------ the group */

static void group_fails_and_stays_down(void)
{
	struct fx *fx = fx_new(&ONE);
	fx->nodes[0].way = FX_RUNNER_START_FAILS;
	UNIT_OK(fx_run(fx, 40000));
	UNIT_EQUAL(fx_state(fx, 1), QD_ARB_OWNER);
	UNIT_EQUAL(fx_core(fx, 1)->group.state, QD_GROUP_FAILED);
	FX_EXPECT(fx, "1: saw no reservation, generation 0: wait\n"
		      "1: unreserved for 9000.0 ms: reserve\n"
		      "1: standby -> taking, incarnation 1\n"
		      "1: taking -> owner, incarnation 1\n"
		      "1: owner: epoch 64, unfenced work in 0.0 ms\n"
		      "1: start the group under epoch 64\n"
		      "1: the group does not run: start failed\n"
		      "1: stop the group, 0.0 ms to do it\n");
}

static void beats_run_out(void)
{
	struct fx *fx = fx_owned(&ONE);
	fx_core(fx, 1)->arbiter.beat = QD_BEAT_MAX - 70;
	UNIT_OK(fx_run(fx, 70000));
	FX_EXPECT(fx, "1: all beats of incarnation 1 are used: a new one\n"
		      "1: stop the group, 0.0 ms to do it\n"
		      "1: owner -> releasing, incarnation 1\n"
		      "1: everything is stopped: release epoch 64\n"
		      "1: releasing -> retiring, incarnation 1\n"
		      "1: retiring -> standby, incarnation 2\n"
		      "1: key abcd.1.1.16777146 of the released epoch 64 holds: strike it\n"
		      "1: standby -> taking, incarnation 2\n"
		      "1: taking -> owner, incarnation 2\n"
		      "1: owner: epoch 128, unfenced work in 0.0 ms\n"
		      "1: start the group under epoch 128\n");
	UNIT_EQUAL(fx_state(fx, 1), QD_ARB_OWNER);
	UNIT_EQUAL(fx_core(fx, 1)->arbiter.incarnation, 2);
	UNIT_OK(fx->nodes[0].group_runs);
}

static const struct unit_test TESTS[] = {
	{"storage that is silent ends ownership at C - slack", storage_silent},
	{"a reservation that a member took, and recorded, is lost", preempted_by_a_member},
	{"a reservation that a stranger took is lost, not struck back", preempted_by_a_stranger},
	{"a newer record ends ownership", newer_record},
	{"a target that forgot for longer than the lease is waited for like an empty one",
	 forgotten_outside_the_lease},
	{"rounds go on on their grid and say nothing", rounds_on_a_grid},
	{"a round that views want comes before its time", round_that_views_want},
	{"a beat that timed out is asked about, whether it was carried out or not", beat_timed_out},
	{"after a new session on a kept nexus the next beat tells", session_kept_nexus},
	{"after a new session that is a new nexus the old key is preempted", session_new_nexus},
	{"sessions that are lost again and again cost no ownership", session_lost_often},
	{"a beat that is refused as busy several times costs no ownership", busy_twice},
	{"what the target forgot inside the lease is reserved again", target_forgets},
	{"a target that went back before the takeover is struck back", target_goes_back},
	{"a target that went back by a beat is beaten on", target_goes_back_a_beat},
	{"an old holder that a roll-back revives stops", goes_back_to_a_sleeper},
	{"every unit attention is followed by a round", unit_attention_is_looked_into},
	{"another path takes over from one that died", path_dies},
	{"another path takes over from one that hangs", path_hangs},
	{"another path takes over from one that answers errors", path_answers_errors},
	{"eight paths die in turn and ownership goes along", eight_paths_in_turn},
	{"eight paths die at once, for less than the lease", all_paths_at_once},
	{"a target without room for still keys is not hammered", no_room_for_still_keys},
	{"keys of strangers, removed nodes and own old sessions are scrubbed, members' are not",
	 strangers_are_scrubbed},
	{"more strangers than one look keeps are scrubbed, too", many_strangers_are_scrubbed},
	{"a group that does not start is not tried again in this epoch", group_fails_and_stays_down},
	{"an incarnation without beats is ended in time", beats_run_out},
};

int main(void)
{
	return unit_run("t_arbiter_own", TESTS, UNIT_COUNT(TESTS));
}
