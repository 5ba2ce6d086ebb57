/* SPDX-License-Identifier: Apache-2.0 */
/* Every step of the arbiter meets every outcome, once, a few times and for long, carried out or not: nothing is asked
 * for without a pause, nobody refuses himself, and when the fault is over one node owns and its group runs. */
#include "fixture.h"

enum {
	FAULT_MS = 15000,
	AFTER_MS = 45000,	/* a takeover that a challenger's death made longer, twice */
	OPS_A_SECOND_MAX = 400, /* two nodes: checks or an heir's looks of three commands every 20 ms */
	/* Unit attentions and lost sessions are answered at once a few times in a row; a target that has one for every
	 * command, and for nothing else, costs this much until the lease is over. */
	OPS_A_SECOND_BAD_MAX = 4000,
};

struct story {
	const char *name;
	bool owned; /* begins with an owner; else with an empty disk */
	uint32_t paths;
	bool restart;  /* the target is restarted when the fault begins */
	bool handover; /* is asked for then */
	bool kill;     /* the owner dies then */
	bool scrub;    /* a foreign key is registered then */
	bool tgt;      /* the target has the limits of tgt */
	bool times;    /* longer times are loaded then */
};

static const struct story STORIES[] = {
	{.name = "first start", .paths = 1},
	{.name = "first start, two paths, tgt", .paths = 2, .tgt = true},
	{.name = "owner, foreign key", .owned = true, .paths = 2, .scrub = true},
	{.name = "hand-over", .owned = true, .paths = 1, .handover = true},
	{.name = "reload", .owned = true, .paths = 1, .times = true},
	{.name = "takeover", .owned = true, .paths = 2, .kill = true},
	{.name = "target forgets", .owned = true, .paths = 1, .restart = true},
	{.name = "target forgets, tgt", .owned = true, .paths = 2, .restart = true, .tgt = true},
};

static const enum qd_op_kind KINDS[] = {
	QD_OP_READ_KEYS, QD_OP_READ_RESERVATION, QD_OP_READ_RECORDS, QD_OP_WRITE_RECORD, QD_OP_PR_OUT,
};

static struct fx *begin(const struct story *s)
{
	const struct fx_options o = {.nodes_count = 2, .paths_count = s->paths};
	struct fx *fx = s->owned ? fx_owned(&o) : fx_new(&o);
	if (s->tgt) {
		fx->target.no_abort = true;
		fx->target.no_aptpl = true;
		fx->target.forgets_nexus = true;
	}
	return fx;
}

static uint64_t ops_of(const struct fx *fx)
{
	return fx->nodes[0].ops_count + fx->nodes[1].ops_count;
}

static bool somebody_runs(const struct fx *fx)
{
	return fx->nodes[0].group_runs || fx->nodes[1].group_runs;
}

static void set_off(struct fx *fx, const struct story *s)
{
	if (s->scrub)
		fx_target_register(fx, (struct qd_key){UINT64_C(0x1234000000000001)});
	if (s->handover)
		fx_handover(fx, 1, 0);
	if (s->kill)
		fx_kill(fx, 1);
	if (s->times)
		fx_step(fx, 1,
			&(struct qd_event){.kind = QD_EVENT_TIMES,
					   .u.times = qd_times_from_renew(qd_span_ms(4000), QD_SPAN_ZERO)});
	if (s->restart)
		fx_target_restart(fx, FX_RESTART_FORGETS, 100);
}

/* True: the fault was met. */
static bool play(const struct story *s, const struct fx_fault *fault)
{
	struct fx *fx = begin(s);
	const struct fx_fault *f = fx_fault(fx, fault);
	const uint64_t before = ops_of(fx);
	set_off(fx, s);
	if (!fx_run(fx, FAULT_MS))
		return true;
	const bool bad = fault->outcome == QD_OUTCOME_UNKNOWN || qd_outcome_is_unit_attention(fault->outcome);
	const uint64_t limit = bad ? OPS_A_SECOND_BAD_MAX : OPS_A_SECOND_MAX;
	UNIT_OK(ops_of(fx) - before < limit * FAULT_MS / 1000);
	const bool met = f->seen > 0;
	fx_no_faults(fx);
	if (!met || !fx_run(fx, AFTER_MS))
		return met;
	UNIT_OK(somebody_runs(fx));
	for (uint32_t id = 1; id <= 2; id++)
		UNIT_OK(fx->nodes[id - 1].dead || fx_state(fx, id) == QD_ARB_OWNER ||
			fx_state(fx, id) == QD_ARB_STANDBY);
	return met;
}

static uint32_t steps_met;

/* UNIT_QUICK: one story only, for valgrind, which takes fifty times as long. */
static size_t stories_count(void)
{
	return getenv("UNIT_QUICK") != NULL ? 1 : UNIT_COUNT(STORIES);
}

static void play_step(const struct story *s, enum qd_step step, uint32_t count, bool executed)
{
	for (size_t k = 0; k < UNIT_COUNT(KINDS); k++) {
		for (int o = 0; o < QD_OUTCOME_COUNT; o++) {
			if (o == QD_OUTCOME_GOOD || (executed && qd_outcome_not_executed((enum qd_outcome)o)))
				continue;
			const struct fx_fault f = {.step = step,
						   .kind = KINDS[k],
						   .count = count,
						   .outcome = (enum qd_outcome)o,
						   .executed = executed};
			unit_case("%s, step %d, %s, %u times %s%s", s->name, (int)step,
				  qd_op_kind_name(KINDS[k]), count, qd_outcome_name(f.outcome),
				  executed ? ", carried out" : "");
			if (!play(s, &f))
				break; /* this step has no such command here */
			steps_met |= UINT32_C(1) << step;
		}
	}
}

static void play_all(uint32_t count, bool executed)
{
	steps_met = 0;
	for (size_t i = 0; i < stories_count(); i++)
		for (int step = QD_STEP_IDLE + 1; step < QD_STEP_COUNT; step++)
			play_step(&STORIES[i], (enum qd_step)step, count, executed);
}

static void once(void)
{
	play_all(1, false);
	play_all(1, true);
}

static void thrice(void)
{
	play_all(3, false);
}

static void for_long(void)
{
	play_all(0, false);
}

/* A session that dies, and a unit attention, at each command of a story. */
static void every_command(void)
{
	for (size_t i = 0; i < stories_count(); i++) {
		for (uint32_t skip = 0; skip < 60; skip++) {
			for (uint32_t node = 1; node <= 2; node++) {
				const enum qd_outcome o = (skip + node) % 3 == 0   ? QD_OUTCOME_UA_RESET
							  : (skip + node) % 3 == 1 ? QD_OUTCOME_UA_OTHER
										   : QD_OUTCOME_UNKNOWN;
				const struct fx_fault f = {
					.node = node, .skip = skip, .count = 2, .outcome = o};
				unit_case("%s, node %u, %s at command %u", STORIES[i].name, node,
					  qd_outcome_name(o), skip);
				if (!play(&STORIES[i], &f))
					break;
			}
		}
	}
}

static const struct unit_test TESTS[] = {
	{"every step stands every outcome once", once},
	{"every step stands every outcome three times in a row", thrice},
	{"no outcome that lasts makes a loop without a pause", for_long},
	{"a session that dies, or a unit attention, at any command is got over", every_command},
};

int main(void)
{
	return unit_run("t_arbiter_faults", TESTS, UNIT_COUNT(TESTS));
}
