/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong, and when it stops going wrong. */
#include "sim/disk_pr.h"
#include "sim/sim.h"

bool fault_on(const struct sim *s, enum sim_fault f)
{
	return sim_faults_has(&s->o.faults, f) && !s->healed;
}

void fault_count(struct sim *s, enum sim_fault f, uint32_t machine, uint64_t detail)
{
	s->cover->faults[f]++;
	sim_log_add(s, SIM_LOG_FAULT, machine, (uint32_t)f, detail, 0, 0);
}

/* Short ones, ones about as long as the lease and the waits, and long ones. */
uint64_t fault_duration(struct sim *s)
{
	switch (sim_below(s, 4)) {
	case 0:
		return sim_between(s, 5, 1000) * SIM_MS;
	case 1:
		return sim_between(s, 1000, 5000) * SIM_MS;
	case 2:
		return sim_between(s, 4000, 12000) * SIM_MS;
	default:
		return sim_between(s, 8000, 40000) * SIM_MS;
	}
}

/* When a fault of this length ends: with the healing at the latest. */
uint64_t fault_end(struct sim *s, uint64_t for_ns)
{
	uint64_t until = s->t + for_ns;
	uint64_t last = s->o.heal_ns + sim_below(s, 300 * SIM_MS);
	return until < last ? until : last;
}

static void lose_all_sessions(struct sim *s)
{
	for (uint32_t i = 0; i < s->o.machines; i++)
		for (uint32_t p = 0; p < s->o.paths; p++)
			host_lose_session(s, &s->machines[i], p, sim_below(s, 1500 * SIM_MS));
}

void fault_restart(struct sim *s, enum sim_restart how)
{
	s->disk.now_ns = s->t;
	int32_t holder = sim_disk_holder_nexus(&s->disk);
	uint64_t back = sim_between(s, 200, 8000) * SIM_MS;
	wire_target_stops(s);
	bool rolled = sim_disk_restart(&s->disk, how, back);
	s->facts.forgot_t = s->t;
	if (rolled && sim_disk_holder_nexus(&s->disk) != holder) {
		s->facts.rolled_back = true;
		s->facts.rolled_until = s->t + 2 * (uint64_t)s->o.times_later.takeover.ns +
					(uint64_t)s->o.times_later.wait.ns;
	}
	check_holder(s);
	s->target_up = false;
	uint64_t down = sim_chance(s, 128) ? sim_between(s, 1, 2000) * SIM_MS : fault_duration(s) / 2;
	sim_push(s, s->t + down, SIM_EV_TARGET_UP, 0, 0, 0);
	lose_all_sessions(s);
}

static void cut_link(struct sim *s, struct sim_machine *m, bool one_way)
{
	uint32_t path = (uint32_t)sim_below(s, s->o.paths + 1u);
	uint64_t until = fault_end(s, fault_duration(s));
	uint64_t which = one_way ? 1 + sim_below(s, 2) : 3;
	for (uint32_t p = 0; p < s->o.paths; p++) {
		if (path != s->o.paths && path != p)
			continue; /* path == paths: all of them */
		if (which & 1)
			m->paths[p].out_down_until = until;
		if (which & 2)
			m->paths[p].in_down_until = until;
	}
}

static void raise_event(struct sim *s, struct sim_machine *m, struct qd_event *ev)
{
	uint64_t until;
	if (m->powered && m->process && host_runs(s, m, &until))
		host_step(s, m, ev);
}

static void operator_asks(struct sim *s, struct sim_machine *m, enum sim_fault f)
{
	struct qd_event ev = {.kind = QD_EVENT_SHUTDOWN};
	if (s->o.c.on && f == SIM_FAULT_HANDOVER && !operator_may_ask(s, m, false))
		return;
	if (f == SIM_FAULT_HANDOVER) {
		ev.kind = QD_EVENT_HANDOVER;
		ev.u.handover.to = (uint32_t)sim_below(s, s->o.nodes + 1u);
	} else if (f == SIM_FAULT_TIMES) {
		ev.kind = QD_EVENT_TIMES;
		ev.u.times = sim_chance(s, 128) ? s->o.times : s->o.times_later;
		m->config.times = ev.u.times;
	}
	raise_event(s, m, &ev);
}

static void fault_group(struct sim *s, struct sim_machine *m, enum sim_fault f)
{
	struct sim_runner *r = &m->runner;
	if (r->state != SIM_RUNNER_RUNNING)
		return;
	r->state = SIM_RUNNER_BROKEN;
	r->failed = true;
	enum qd_group_report what = QD_REPORT_MONITOR_FAILED;
	if (f == SIM_FAULT_RUNNER_LOST) {
		r->state = SIM_RUNNER_HUNG;
		r->next_t = SIM_NEVER;
		what = QD_REPORT_RUNNER_LOST;
	}
	runner_report(s, m, what, r->turn);
	runner_plan(s, m);
}

/* Somebody who is not of the cluster takes the disk; an operator clears it some time later. */
static void foreign_hold(struct sim *s)
{
	s->disk.now_ns = s->t;
	sim_disk_foreign_hold(&s->disk, SIM_FOREIGN_KEY);
	check_holder(s);
	s->facts.cleared_t = s->t;
	sim_push(s, fault_end(s, fault_duration(s)), SIM_EV_CLEAR, 0, 0, 0);
}

void fault_clear(struct sim *s)
{
	s->disk.now_ns = s->t;
	sim_disk_operator_clear(&s->disk);
	check_holder(s);
	s->facts.cleared_t = s->t;
}

void fault_target(struct sim *s, enum sim_fault f)
{
	switch ((int)f) {
	case SIM_FAULT_RESTART_KEEP:
		fault_restart(s, SIM_RESTART_KEEP);
		return;
	case SIM_FAULT_RESTART_LOSE:
		fault_restart(s, SIM_RESTART_LOSE);
		return;
	case SIM_FAULT_ROLL_BACK_PREEMPT:
		fault_restart(s, SIM_RESTART_BEFORE_PREEMPT);
		return;
	case SIM_FAULT_ROLL_BACK_SECONDS:
		fault_restart(s, SIM_RESTART_SECONDS_AGO);
		return;
	case SIM_FAULT_LUN_RESET:
		wire_lun_reset(s);
		sim_disk_lun_reset(&s->disk);
		return;
	case SIM_FAULT_CLEAR:
		fault_clear(s);
		return;
	case SIM_FAULT_FOREIGN_KEY:
		if (s->disk.pr.count > SIM_REGS_MAX / 3)
			return; /* a full table lets nobody register: only an operator's CLEAR helps */
		sim_disk_foreign_register(&s->disk, sim_chance(s, 128)
							    ? 0xfeed0001 + sim_below(s, 3)
							    : qd_key_make(SIM_CLUSTER_TAG, 60, 7, 9).value);
		return;
	case SIM_FAULT_FOREIGN_HOLD:
		foreign_hold(s);
		return;
	case SIM_FAULT_HANG:
		s->hang_until = fault_end(s, fault_duration(s) / 2);
		return;
	case SIM_FAULT_MUTE:
		s->mute_until = fault_end(s, fault_duration(s) / 2);
		return;
	default:
		QD_UNREACHABLE("not a fault of the target");
	}
}

static void lose_session(struct sim *s, struct sim_machine *m)
{
	uint32_t path = (uint32_t)sim_below(s, s->o.paths);
	uint64_t in_ns = sim_below(s, 50 * SIM_MS);
	host_lose_session(s, m, path, in_ns);
}

void fault_machine(struct sim *s, struct sim_machine *m, enum sim_fault f)
{
	switch ((int)f) {
	case SIM_FAULT_CRASH:
		host_crash(s, m, sim_between(s, 1, 30) * SIM_S);
		return;
	case SIM_FAULT_KILL:
		if (m->powered && m->process) {
			host_end_process(s, m);
			sim_push(s, s->t + sim_between(s, 200, 5000) * SIM_MS, SIM_EV_PROCESS, m->index, 0,
				 m->life);
		}
		return;
	case SIM_FAULT_PAUSE:
		host_halt(s, m, fault_end(s, fault_duration(s)), false);
		return;
	case SIM_FAULT_PAUSE_PROCESS:
		if (m->process && m->process_halted_until <= s->t)
			m->process_halted_until = fault_end(s, fault_duration(s));
		return;
	case SIM_FAULT_FREEZE:
		host_halt(s, m, fault_end(s, fault_duration(s)), true);
		return;
	case SIM_FAULT_LINK_DOWN:
	case SIM_FAULT_LINK_ONE_WAY:
		cut_link(s, m, f == SIM_FAULT_LINK_ONE_WAY);
		return;
	case SIM_FAULT_SESSION_LOSS:
		lose_session(s, m);
		return;
	case SIM_FAULT_CROWD:
		for (uint32_t i = 0; i < s->o.machines; i++)
			host_halt(s, &s->machines[i], fault_end(s, sim_between(s, 100, 4000) * SIM_MS),
				  false);
		return;
	case SIM_FAULT_HANDOVER:
	case SIM_FAULT_SHUTDOWN:
	case SIM_FAULT_TIMES:
		operator_asks(s, m, f);
		return;
	case SIM_FAULT_MONITOR_FAILS:
	case SIM_FAULT_RUNNER_LOST:
		fault_group(s, m, f);
		return;
	default:
		QD_UNREACHABLE("not a fault of a machine");
	}
}

/* Drawn one after the other: the order of evaluation of arguments is the compiler's. */
static void halt_after_strike(struct sim *s, struct sim_machine *m)
{
	uint64_t until = fault_end(s, fault_duration(s));
	bool freeze = fault_on(s, SIM_FAULT_FREEZE) && sim_chance(s, 100);
	host_halt(s, m, until, freeze);
}

bool fault_is_target(enum sim_fault f)
{
	return f >= SIM_FAULT_RESTART_KEEP && f <= SIM_FAULT_MUTE;
}

void fault_clock(struct sim *s)
{
	if (s->o.c.on)
		cluster_fault_clock(s);
	if (s->healed || s->o.c.on)
		return;
	sim_push(s, s->t + 100 * SIM_MS + sim_below(s, 2 * s->o.gap_ms * SIM_MS), SIM_EV_FAULT, 0, 0, 0);
	enum sim_fault able[SIM_FAULT_COUNT];
	uint32_t count = 0;
	for (enum sim_fault f = 0; f < SIM_FAULT_COUNT; f++)
		if (fault_on(s, f) && sim_fault_scheduled(f))
			able[count++] = f;
	if (count == 0)
		return;
	const enum sim_fault f = able[sim_below(s, count)];
	struct sim_machine *m = &s->machines[sim_below(s, s->o.machines)];
	if (sim_chance(s, 96)) /* the one that matters most */
		for (uint32_t i = 0; i < s->o.machines; i++)
			m = s->machines[i].mine ? &s->machines[i] : m;
	if (fault_is_target(f)) {
		if (!s->target_up)
			return;
		fault_count(s, f, 0xff, 0);
		fault_target(s, f);
		return;
	}
	fault_count(s, f, m->index, 0);
	fault_machine(s, m, f);
}

void fault_after_strike(struct sim *s, struct sim_machine *m)
{
	static const enum sim_fault traps[4] = {
		SIM_FAULT_CLEAR_AFTER_STRIKE,
		SIM_FAULT_DIES_AFTER_STRIKE,
		SIM_FAULT_STOPS_AFTER_STRIKE,
		SIM_FAULT_TARGET_AFTER_STRIKE,
	};
	if (!sim_chance(s, s->o.trap_rate))
		return;
	enum sim_fault f = traps[sim_below(s, 4)];
	if (!fault_on(s, f))
		return;
	fault_count(s, f, m->index, 0);
	if (f == SIM_FAULT_DIES_AFTER_STRIKE)
		host_crash(s, m, sim_between(s, 1, 30) * SIM_S);
	else if (f == SIM_FAULT_CLEAR_AFTER_STRIKE)
		sim_push(s, s->t + sim_below(s, 4 * SIM_S), SIM_EV_CLEAR, 0, 0, 0);
	else if (f == SIM_FAULT_STOPS_AFTER_STRIKE)
		halt_after_strike(s, m);
	else
		fault_restart(s, (enum sim_restart)sim_below(s, SIM_RESTART_COUNT));
}

void fault_heal(struct sim *s)
{
	s->healed = true; /* pauses and cuts were made to end about now */
	if (s->o.c.on)
		cluster_heal(s);
	if (!s->target_up)
		sim_push(s, s->t + 100 * SIM_MS, SIM_EV_TARGET_UP, 0, 0, 0);
	if (sim_disk_holder_key(&s->disk) == SIM_FOREIGN_KEY) /* a roll-back may have brought it again */
		fault_clear(s);
	for (uint32_t i = 0; i < s->o.machines; i++) {
		struct sim_machine *m = &s->machines[i];
		if (m->dead)
			continue;
		if (!m->powered)
			sim_push(s, s->t + 100 * SIM_MS + sim_below(s, 900 * SIM_MS), SIM_EV_BOOT, i, 0,
				 m->boots);
		else if (!m->process)
			sim_push(s, s->t + 100 * SIM_MS + sim_below(s, 900 * SIM_MS), SIM_EV_PROCESS, i, 0,
				 m->life);
	}
}
