/* SPDX-License-Identifier: Apache-2.0 */
/* STANDBY and TAKING: who may take the disk, when, and when it may start what no disk fences (docs/PROTOCOL.md sections
 * 2 and 3, cases 3, 5, 7, 15). Renew is 3 s, challenge 7 s, wait 9 s. */
#include "fixture.h"

static const struct fx_options ONE = {.nodes_count = 1};
static const struct fx_options TWO = {.nodes_count = 2};
static const struct fx_options TWO_PATHS = {.nodes_count = 2, .paths_count = 2};

static struct qd_key old_key(uint32_t node, uint32_t beat)
{
	return qd_key_make(FX_TAG, node, 9, beat);
}

/* ------------------------------------------------ what must not be taken */

static void foreign_is_left(void)
{
	struct fx *fx = fx_new(&ONE);
	fx_target_reserve(fx, (struct qd_key){UINT64_C(0x1234010001000001)}, QD_PR_TYPE_WRITE_EXCLUSIVE);
	UNIT_OK(fx_run(fx, 60000));
	UNIT_EQUAL(fx_state(fx, 1), QD_ARB_STANDBY);
	UNIT_EQUAL(fx_core(fx, 1)->arbiter.hold, QD_HOLD_FOREIGN);
	FX_EXPECT(fx, "1: reserved by key 1234.1.1.1, type 1, which is not this cluster's: not touched\n");
}

static void other_type_is_left(void)
{
	struct fx *fx = fx_new(&ONE);
	fx_target_reserve(fx, old_key(2, 5), QD_PR_TYPE_EXCLUSIVE_ACCESS);
	UNIT_OK(fx_run(fx, 60000));
	UNIT_EQUAL(fx_core(fx, 1)->arbiter.hold, QD_HOLD_FOREIGN);
	FX_EXPECT(fx, "1: reserved by key abcd.2.9.5, type 3, which is not this cluster's: not touched\n");
}

static void other_machine_is_refused(void)
{
	struct fx *fx = fx_new(&ONE);
	struct qd_owner_record *r = &fx->target.records[0];
	*r = (struct qd_owner_record){.sequence = 4, .epoch = 640, .incarnation = 1, .node_id = 1};
	r->state = QD_RECORD_TAKEN;
	r->machine_id[0] = 77;
	UNIT_OK(fx_run(fx, 60000));
	UNIT_EQUAL(fx_state(fx, 1), QD_ARB_REFUSED);
	struct qd_arbiter_status status;
	qd_arbiter_status_get(fx_core(fx, 1), &status);
	UNIT_EQUAL(status.hold, QD_HOLD_COPIED_IDENTITY);
	UNIT_EQUAL(status.other_machine_id[0], 77);
	FX_EXPECT(fx, "1: saw no reservation, generation 0: wait\n"
		      "1: another machine uses node id 1: refused, see status for both\n"
		      "1: standby -> refused, incarnation 1\n");
	fx_shutdown(fx, 1);
	UNIT_OK(fx->nodes[0].off);
}

/* A clone has the machine-id, too: it shows by beats that nobody here has sent. */
static void clone_is_refused(void)
{
	struct fx *fx = fx_new(&ONE);
	for (uint32_t beat = 1; beat < 8 && fx_state(fx, 1) != QD_ARB_REFUSED; beat++) {
		fx->target.pr.count = 0;
		fx_target_reserve(fx, old_key(1, beat), QD_PR_TYPE_WRITE_EXCLUSIVE);
		UNIT_OK(fx_run(fx, 3000));
	}
	UNIT_EQUAL(fx_state(fx, 1), QD_ARB_REFUSED);
	FX_EXPECT(fx, "1: another machine uses node id 1: refused, see status for both\n"
		      "1: standby -> refused, incarnation 1\n");
}

/* The same key seen again in new sessions is no second machine. */
static void old_key_over_sessions(void)
{
	struct fx *fx = fx_new(&ONE);
	fx_target_reserve(fx, old_key(1, 7), QD_PR_TYPE_WRITE_EXCLUSIVE);
	for (int i = 0; i < 12; i++) {
		UNIT_OK(fx_run(fx, 600));
		fx_session_lost(fx, 1, 0);
	}
	UNIT_OK(fx_until(fx, 1, QD_ARB_OWNER, 10000));
}

static void no_sight_no_strike(void)
{
	struct fx *fx = fx_new(&ONE);
	fx_target_reserve(fx, old_key(2, 1), QD_PR_TYPE_WRITE_EXCLUSIVE);
	for (uint32_t beat = 2; beat < 20; beat++) {
		UNIT_OK(fx_run(fx, 6900));
		fx->target.pr.count = 0;
		fx_target_reserve(fx, old_key(2, beat), QD_PR_TYPE_WRITE_EXCLUSIVE);
	}
	UNIT_EQUAL(fx_state(fx, 1), QD_ARB_STANDBY);
	UNIT_EQUAL(fx_core(fx, 1)->arbiter.stats.strikes, 0);
	FX_EXPECT(fx, "");
}

/* Case 15: a target that restarted may show an old key; what was seen before does not count. */
static void sight_over_sessions(void)
{
	struct fx *fx = fx_new(&ONE);
	fx_target_reserve(fx, old_key(2, 1), QD_PR_TYPE_WRITE_EXCLUSIVE);
	UNIT_OK(fx_run(fx, 6500));
	fx_session_lost(fx, 1, 0);
	UNIT_OK(fx_run(fx, 6500));
	fx_unit_attention(fx, 1, 0, QD_OUTCOME_UA_RESET);
	UNIT_OK(fx_run(fx, 6500));
	UNIT_EQUAL(fx_core(fx, 1)->arbiter.stats.strikes, 0);
	UNIT_OK(fx_until(fx, 1, QD_ARB_OWNER, 1500));
}

/* tgt says GOOD to a PREEMPT at an unreserved disk, and stays unreserved. */
static void good_is_not_believed(void)
{
	for (int held = 0; held <= 1; held++) {
		struct fx *fx = fx_new(&ONE);
		unit_case("%s", held ? "held" : "unreserved");
		if (held)
			fx_target_reserve(fx, old_key(2, 1), QD_PR_TYPE_WRITE_EXCLUSIVE);
		fx_fault(fx, &(struct fx_fault){.step = QD_STEP_STRIKE, .outcome = QD_OUTCOME_GOOD});
		UNIT_OK(fx_run(fx, 30000));
		UNIT_EQUAL(fx->epochs_count, 0);
		UNIT_OK(fx_says(fx, held ? "takeover given up: key abcd.2.9.1 holds"
					 : "takeover given up: key 0000.0.0.0 holds"));
	}
}

/* ------------------------------------------------ first start */

static void first_start(void)
{
	struct fx *fx = fx_new(&TWO);
	UNIT_OK(fx_until(fx, 1, QD_ARB_TAKING, 20000));
	UNIT_OK(fx_ms(fx) >= 9000 && fx_ms(fx) < 10100);
	UNIT_OK(fx_until_group(fx, 1, true, 100));
	UNIT_OK(fx_run(fx, 5000));
	FX_EXPECT(fx, "1: saw no reservation, generation 0: wait\n"
		      "2: saw no reservation, generation 0: wait\n"
		      "1: unreserved for 9000.0 ms: reserve\n"
		      "1: standby -> taking, incarnation 1\n"
		      "1: taking -> owner, incarnation 1\n"
		      "1: owner: epoch 64, unfenced work in 0.0 ms\n"
		      "1: start the group under epoch 64\n");
	UNIT_EQUAL(fx_state(fx, 2), QD_ARB_STANDBY);
	UNIT_EQUAL(fx_target_holder(fx), 1);
	UNIT_EQUAL(fx->target.records[0].state, QD_RECORD_TAKEN);
	UNIT_EQUAL(fx->target.records[0].epoch, 64);
}

static void first_start_on_tgt(void)
{
	struct fx *fx = fx_new(&ONE);
	fx->target.no_abort = true;
	fx->target.no_aptpl = true;
	fx->target.no_capabilities = true;
	fx->target.forgets_nexus = true;
	UNIT_OK(fx_until_group(fx, 1, true, 20000));
	FX_EXPECT(fx, "1: saw no reservation, generation 0: wait\n"
		      "1: unreserved for 9000.0 ms: reserve\n"
		      "1: standby -> taking, incarnation 1\n"
		      "1: target refuses APTPL: reservations do not survive its power loss\n"
		      "1: taking -> owner, incarnation 1\n"
		      "1: owner: epoch 64, unfenced work in 0.0 ms\n"
		      "1: start the group under epoch 64\n");
}

/* Case 3: what is seen through a session does not age over its end; nor over a unit attention that tells of a reset. */
static void wait_starts_anew(void)
{
	struct fx *fx = fx_new(&ONE);
	UNIT_OK(fx_run(fx, 8000));
	fx_session_lost(fx, 1, 0);
	UNIT_OK(fx_run(fx, 8000));
	fx_unit_attention(fx, 1, 0, QD_OUTCOME_UA_RESET);
	UNIT_OK(fx_run(fx, 8000));
	fx_unit_attention(fx, 1, 0, QD_OUTCOME_UA_RES_RELEASED);
	UNIT_OK(fx_run(fx, 8000));
	fx->target.pr.generation++;
	UNIT_OK(fx_run(fx, 8000));
	UNIT_EQUAL(fx_state(fx, 1), QD_ARB_STANDBY);
	UNIT_OK(fx_until(fx, 1, QD_ARB_OWNER, 2100));
	FX_EXPECT(fx, "1: saw no reservation, generation 0: wait\n"
		      "1: path 0: session lost, 0 commands unanswered\n"
		      "1: saw no reservation, generation 0: wait\n"
		      "1: ua-reset on path 0 during look\n"
		      "1: what was seen before counts no more: ua-reset on path 0\n"
		      "1: saw no reservation, generation 0: wait\n"
		      "1: ua-reservation-released on path 0 during look\n"
		      "1: what was seen before counts no more: ua-reservation-released on path 0\n"
		      "1: saw no reservation, generation 0: wait\n"
		      "1: saw no reservation, generation 1: wait\n"
		      "1: unreserved for 9000.0 ms: reserve\n"
		      "1: standby -> taking, incarnation 1\n"
		      "1: taking -> owner, incarnation 1\n"
		      "1: owner: epoch 64, unfenced work in 0.0 ms\n"
		      "1: start the group under epoch 64\n");
}

/* Somebody registers between the last look and the RESERVE: it was not ownerless. */
static void reserve_is_rechecked(void)
{
	struct fx *fx = fx_new(&ONE);
	UNIT_OK(fx_until(fx, 1, QD_ARB_TAKING, 20000));
	fx_target_register(fx, old_key(2, 3));
	UNIT_OK(fx_until(fx, 1, QD_ARB_RETIRING, 100));
	UNIT_EQUAL(fx_target_holder(fx), 0);
	FX_EXPECT(fx, "1: saw no reservation, generation 0: wait\n"
		      "1: unreserved for 9000.0 ms: reserve\n"
		      "1: standby -> taking, incarnation 1\n"
		      "1: reserved, but generation went 1 -> 2 meanwhile: release and wait\n"
		      "1: taking -> retiring, incarnation 1\n");
	UNIT_OK(fx_until(fx, 1, QD_ARB_OWNER, 13000));
}

static void released_needs_no_wait(void)
{
	struct fx *fx = fx_new(&ONE);
	fx->target.records[1] = (struct qd_owner_record){
		.sequence = 3, .epoch = 65, .incarnation = 1, .node_id = 2, .state = QD_RECORD_RELEASED};
	UNIT_OK(fx_until_group(fx, 1, true, 100));
	FX_EXPECT(fx, "1: saw no reservation, generation 0: wait\n"
		      "1: epoch 65 was released: reserve\n"
		      "1: standby -> taking, incarnation 1\n"
		      "1: taking -> owner, incarnation 1\n"
		      "1: owner: epoch 128, unfenced work in 0.0 ms\n"
		      "1: start the group under epoch 128\n");
}

/* An older record does not help, and the newest one's heir goes first. */
static void released_for_another(void)
{
	struct fx *fx = fx_new(&TWO);
	fx_kill(fx, 2);
	fx->target.records[1] = (struct qd_owner_record){.sequence = 3,
							 .epoch = 65,
							 .incarnation = 1,
							 .node_id = 2,
							 .heir = 2,
							 .state = QD_RECORD_RELEASED};
	UNIT_OK(fx_run(fx, 6900));
	UNIT_EQUAL(fx_state(fx, 1), QD_ARB_STANDBY);
	UNIT_EQUAL(fx_core(fx, 1)->arbiter.hold, QD_HOLD_HEIR);
	UNIT_OK(fx_until_group(fx, 1, true, 1200));
	FX_EXPECT(fx, "1: saw no reservation, generation 0: wait\n"
		      "1: epoch 65 was released: reserve\n"
		      "1: standby -> taking, incarnation 1\n"
		      "1: taking -> owner, incarnation 1\n"
		      "1: owner: epoch 128, unfenced work in 0.0 ms\n"
		      "1: start the group under epoch 128\n");
}

static void old_release_does_not_count(void)
{
	struct fx *fx = fx_new(&ONE);
	fx->target.records[1] = (struct qd_owner_record){
		.sequence = 3, .epoch = 65, .incarnation = 1, .node_id = 2, .state = QD_RECORD_RELEASED};
	fx->target.records[2] = (struct qd_owner_record){
		.sequence = 1, .epoch = 130, .incarnation = 1, .node_id = 3, .state = QD_RECORD_TAKEN};
	UNIT_OK(fx_run(fx, 8900));
	UNIT_EQUAL(fx_state(fx, 1), QD_ARB_STANDBY);
	UNIT_OK(fx_until(fx, 1, QD_ARB_OWNER, 1500));
	UNIT_EQUAL(fx_core(fx, 1)->arbiter.own.epoch, 192);
}

/* ------------------------------------------------ incarnations */

static void shown_incarnation(void)
{
	struct fx *fx = fx_new(&ONE);
	fx->target.records[0] = (struct qd_owner_record){
		.sequence = 3, .epoch = 64, .incarnation = 41, .node_id = 1, .state = QD_RECORD_TAKEN};
	fx->target.records[0].machine_id[0] = 1;
	UNIT_OK(fx_until(fx, 1, QD_ARB_OWNER, 20000));
	UNIT_EQUAL(fx_core(fx, 1)->arbiter.incarnation, 42);
	FX_EXPECT(fx, "1: saw no reservation, generation 0: wait\n"
		      "1: the disk has shown incarnation 41 of this node, above 1: raised\n"
		      "1: standby -> retiring, incarnation 1\n"
		      "1: retiring -> standby, incarnation 42\n"
		      "1: saw no reservation, generation 0: wait\n"
		      "1: unreserved for 9000.0 ms: reserve\n"
		      "1: standby -> taking, incarnation 42\n"
		      "1: taking -> owner, incarnation 42\n"
		      "1: owner: epoch 128, unfenced work in 0.0 ms\n"
		      "1: start the group under epoch 128\n");
}

/* A state folder from a backup: the disk has shown just this incarnation. */
static void same_incarnation(void)
{
	struct fx *fx = fx_new(&(struct fx_options){.nodes_count = 1, .incarnation = 41});
	fx->target.records[0] = (struct qd_owner_record){
		.sequence = 3, .epoch = 64, .incarnation = 41, .node_id = 1, .state = QD_RECORD_TAKEN};
	fx->target.records[0].machine_id[0] = 1;
	UNIT_OK(fx_until(fx, 1, QD_ARB_OWNER, 20000));
	UNIT_EQUAL(fx_core(fx, 1)->arbiter.incarnation, 42);
}

static void same_incarnation_holds(void)
{
	struct fx *fx = fx_new(&(struct fx_options){.nodes_count = 1, .incarnation = 9});
	fx_target_reserve(fx, old_key(1, 3), QD_PR_TYPE_WRITE_EXCLUSIVE);
	UNIT_OK(fx_until(fx, 1, QD_ARB_OWNER, 20000));
	UNIT_EQUAL(fx_core(fx, 1)->arbiter.incarnation, 10);
}

/* Only 16 bits of it are in a key. */
static void incarnation_wraps(void)
{
	struct fx *fx = fx_new(&(struct fx_options){.nodes_count = 1, .incarnation = 0xffff});
	UNIT_OK(fx_until_group(fx, 1, true, 20000));
	fx_handover(fx, 1, 0);
	fx_fault(fx, &(struct fx_fault){.kind = QD_OP_PR_OUT, .outcome = QD_OUTCOME_MEDIUM_ERROR});
	UNIT_OK(fx_until(fx, 1, QD_ARB_STANDBY, 20000));
	fx_no_faults(fx);
	UNIT_EQUAL(fx_core(fx, 1)->arbiter.incarnation, 0x10000);
	UNIT_OK(fx_until_group(fx, 1, true, 20000));
	UNIT_EQUAL(qd_key_incarnation(fx->target.pr.holder.key), 0);
}

/* ------------------------------------------------ takeover */

static void owner_dies(void)
{
	struct fx *fx = fx_owned(&TWO);
	const int64_t died = fx_ms(fx);
	fx_kill(fx, 1);
	UNIT_OK(fx_until(fx, 2, QD_ARB_TAKING, 10000));
	UNIT_OK(fx_ms(fx) - died <= 8000);
	UNIT_OK(fx_until(fx, 2, QD_ARB_OWNER, 20));
	UNIT_OK(!fx->nodes[1].group_runs);
	UNIT_OK(fx_until_group(fx, 2, true, 2200));
	UNIT_OK(fx_ms(fx) - died <= 10000);
	FX_EXPECT(fx, "2: key abcd.1.1.3 is 7000.0 ms old: strike it\n"
		      "2: standby -> taking, incarnation 1\n"
		      "2: taking -> owner, incarnation 1\n"
		      "2: owner: epoch 129, unfenced work in 1994.0 ms\n"
		      "2: start the group under epoch 129\n");
	UNIT_EQUAL(fx->target.pr.count, 1);
}

/* What the views ask of a new owner, and are told by it: an epoch that reaches as far as theirs (five nodes, seed 73426);
 * and how long rights of the owner before may run, whatever longer time this one's own record names (seed 93837). */
static void an_owner_for_views(void)
{
	struct fx *fx = fx_owned(&TWO);
	struct qd_node *n = fx_core(fx, 2);
	n->gate.least = 70000;
	n->arbiter.lease_wait = qd_span_mul(n->config.times.wait, 2);
	fx_kill(fx, 1);
	UNIT_OK(fx_until(fx, 2, QD_ARB_TAKING, 10000));
	const struct qd_mono since = n->arbiter.sight.since;
	UNIT_OK(fx_until(fx, 2, QD_ARB_OWNER, 20));
	UNIT_EQUAL(n->arbiter.own.epoch, qd_epoch_make(70000, 2));
	UNIT_OK(n->arbiter.newest.wait_ns > (uint64_t)n->config.times.wait.ns);
	UNIT_EQUAL(n->arbiter.own.struck_node, 1);
	UNIT_EQUAL(n->arbiter.own.earlier_end.ns, qd_mono_add(since, n->config.times.wait).ns);
}

static void takeover_on_tgt(void)
{
	struct fx *fx = fx_owned(&TWO_PATHS);
	fx->target.no_abort = true;
	fx->target.no_aptpl = true;
	fx->target.forgets_nexus = true;
	fx_kill(fx, 1);
	UNIT_OK(fx_until_group(fx, 2, true, 12000));
	FX_EXPECT(fx, "2: key abcd.1.1.4 is 7000.0 ms old: strike it\n"
		      "2: standby -> taking, incarnation 1\n"
		      "2: target refuses APTPL: reservations do not survive its power loss\n"
		      "2: target refuses PREEMPT AND ABORT: the disk does not fence queued writes\n"
		      "2: taking -> owner, incarnation 1\n"
		      "2: owner: epoch 129, unfenced work in 1991.0 ms\n"
		      "2: start the group under epoch 129\n");
	UNIT_EQUAL(fx->target.pr.count, 2);
}

/* The owner beats between the last look and the strike: that key is gone. */
static void owner_beats_first(void)
{
	struct fx *fx = fx_owned(&TWO);
	fx_pause(fx, 1);
	UNIT_OK(fx_until(fx, 2, QD_ARB_TAKING, 10000));
	const struct qd_key next = qd_key_make(FX_TAG, 1, 1, 500);
	fx->target.pr.holder.key = next;
	for (uint32_t i = 0; i < fx->target.pr.count; i++)
		if (qd_key_node(fx->target.pr.regs[i].key) == 1)
			fx->target.pr.regs[i].key = next;
	UNIT_OK(fx_until(fx, 2, QD_ARB_STANDBY, 100));
	UNIT_OK(fx_run(fx, 6900));
	UNIT_EQUAL(fx_state(fx, 2), QD_ARB_STANDBY);
	UNIT_EQUAL(fx_target_holder(fx), 1);
	FX_EXPECT(fx, "2: key abcd.1.1.3 is 7000.0 ms old: strike it\n"
		      "2: standby -> taking, incarnation 1\n"
		      "2: strike: reservation conflict: somebody was faster or beats\n"
		      "2: taking -> standby, incarnation 1\n");
}

static void two_challengers(void)
{
	struct fx *fx = fx_owned(&(struct fx_options){.nodes_count = 3});
	fx_kill(fx, 1);
	UNIT_OK(fx_run(fx, 15000));
	FX_EXPECT(fx, "2: key abcd.1.1.3 is 7000.0 ms old: strike it\n"
		      "2: standby -> taking, incarnation 1\n"
		      "3: key abcd.1.1.3 is 7000.0 ms old: strike it\n"
		      "3: standby -> taking, incarnation 1\n"
		      "3: strike: reservation conflict: somebody was faster or beats\n"
		      "3: taking -> standby, incarnation 1\n"
		      "2: taking -> owner, incarnation 1\n"
		      "2: owner: epoch 129, unfenced work in 1993.0 ms\n"
		      "3: ua-registration-preempted on path 0 during look\n"
		      "2: start the group under epoch 129\n");
	UNIT_EQUAL((fx_state(fx, 2) == QD_ARB_OWNER) + (fx_state(fx, 3) == QD_ARB_OWNER), 1);
}

static void challenger_dies(void)
{
	struct fx *fx = fx_owned(&(struct fx_options){.nodes_count = 3});
	const int64_t died = fx_ms(fx);
	fx_kill(fx, 1);
	fx_pause(fx, 3);
	UNIT_OK(fx_until(fx, 2, QD_ARB_TAKING, 10000));
	UNIT_OK(fx_run(fx, 2));
	fx_resume(fx, 3);
	fx_kill(fx, 2);
	UNIT_OK(fx_until_group(fx, 3, true, 20000));
	UNIT_OK(fx_ms(fx) - died <= 20000); /* 2T */
}

/* A takeover that was not announced C - slack after its strike is given up: others may have struck in turn. */
static void takeover_expires(void)
{
	struct fx *fx = fx_owned(&TWO);
	fx_kill(fx, 1);
	UNIT_OK(fx_until(fx, 2, QD_ARB_TAKING, 10000));
	UNIT_OK(fx_run(fx, 3)); /* the strike is answered */
	fx_pause(fx, 2);
	UNIT_OK(fx_run(fx, 6100));
	fx_resume(fx, 2);
	UNIT_OK(fx_until(fx, 2, QD_ARB_RETIRING, 100));
	UNIT_OK(!fx->nodes[1].group_runs);
	FX_EXPECT(fx, "2: key abcd.1.1.3 is 7000.0 ms old: strike it\n"
		      "2: standby -> taking, incarnation 1\n"
		      "2: this step ran 3100.0 ms late: look again before acting\n"
		      "2: takeover given up at take-records: 6102.0 ms after its strike\n"
		      "2: taking -> retiring, incarnation 1\n");
}

/* The daemon alone was restarted: its own key of before holds. */
static void restarted_owner(void)
{
	struct fx *fx = fx_owned(&ONE);
	fx_kill(fx, 1);
	UNIT_OK(fx_run(fx, 500));
	fx_start(fx, 1, 2);
	UNIT_OK(fx_until_group(fx, 1, true, 12000));
	FX_EXPECT(fx, "1: key abcd.1.1.3 is 7000.0 ms old: strike it\n"
		      "1: standby -> taking, incarnation 2\n"
		      "1: taking -> owner, incarnation 2\n"
		      "1: owner: epoch 128, unfenced work in 1995.0 ms\n"
		      "1: start the group under epoch 128\n");
	UNIT_EQUAL(fx->target.pr.count, 1);
}

/* The keys of a third node stand before those of the loser, who has more of them than one look keeps. */
static void loser_keys_go(void)
{
	struct fx *fx = fx_owned(&(struct fx_options){.nodes_count = 3, .paths_count = 2});
	fx_kill(fx, 3);
	for (uint32_t i = 0; i < 200; i++)
		fx_target_register(fx, qd_key_make(FX_TAG, i < 100 ? 3 : 1, 77, i + 1));
	fx_kill(fx, 1);
	UNIT_OK(fx_until(fx, 2, QD_ARB_OWNER, 12000));
	for (uint32_t i = 0; i < fx->target.pr.count; i++)
		UNIT_OK(qd_key_node(fx->target.pr.regs[i].key) != 1);
}

/* Longer times stand in the owner's record: a challenger with shorter ones goes by them. */
static void longer_times_of_the_owner(void)
{
	struct fx *fx = fx_owned(&TWO);
	const struct qd_times times = qd_times_from_renew(qd_span_ms(600), QD_SPAN_ZERO);
	fx_step(fx, 2, &(struct qd_event){.kind = QD_EVENT_TIMES, .u.times = times});
	UNIT_OK(fx_run(fx, 20000));
	UNIT_EQUAL(fx_state(fx, 1), QD_ARB_OWNER);
	UNIT_EQUAL(fx_core(fx, 2)->arbiter.stats.strikes, 0);
}

static const struct unit_test TESTS[] = {
	{"a reservation by a foreign key is left alone, and named", foreign_is_left},
	{"a reservation of another type is left alone, also with a key of ours", other_type_is_left},
	{"a record of another machine under this node's id is refused", other_machine_is_refused},
	{"beats of this node's id that nobody here has sent are refused", clone_is_refused},
	{"one old key of this node seen through many sessions is no copied identity", old_key_over_sessions},
	{"an owner that beats just inside the challenge is never struck", no_sight_no_strike},
	{"a sight does not go on over a lost session or a reset", sight_over_sessions},
	{"GOOD to the strike is not believed before the reservation is read", good_is_not_believed},
	{"a fresh disk is taken W after the first sight, once", first_start},
	{"a target without APTPL, PREEMPT AND ABORT and capabilities is used, and said so",
	 first_start_on_tgt},
	{"the wait at an unreserved disk starts anew with whatever makes the sight doubtful",
	 wait_starts_anew},
	{"a registration between look and RESERVE is noticed: released again", reserve_is_rechecked},
	{"a released disk needs no wait", released_needs_no_wait},
	{"a released disk is left to its heir until C is over", released_for_another},
	{"only the newest record's release counts", old_release_does_not_count},
	{"an incarnation that the disk has shown is gone above", shown_incarnation},
	{"an incarnation equal to the one on the disk is not used again", same_incarnation},
	{"an incarnation whose key holds is not used again", same_incarnation_holds},
	{"the incarnation wraps in the key and goes on", incarnation_wraps},
	{"a dead owner is struck at C, and the group starts at W", owner_dies},
	{"a new owner's epoch reaches as far as the views, and it says how long the old one's rights run",
	 an_owner_for_views},
	{"the takeover works without PREEMPT AND ABORT and with forgetful nexuses", takeover_on_tgt},
	{"a strike that comes after the owner's beat hits nothing", owner_beats_first},
	{"of two challengers one wins", two_challengers},
	{"a challenger that dies after its strike costs another T at most", challenger_dies},
	{"a takeover that took too long is given up", takeover_expires},
	{"a restarted owner takes its own old key over after the challenge", restarted_owner},
	{"all keys of the loser are preempted, beyond the first 64, too", loser_keys_go},
	{"a challenger with shorter times waits as long as the owner's record says",
	 longer_times_of_the_owner},
};

int main(void)
{
	return unit_run("t_arbiter", TESTS, UNIT_COUNT(TESTS));
}
