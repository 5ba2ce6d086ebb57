/* SPDX-License-Identifier: Apache-2.0 */
/* quorum-runner and the group on one machine: it obeys orders, holds the lease's deadline itself, and the machine's
 * watchdog stands behind it. */
#include "sim/sim.h"

enum {
	TURN_BITS = 20, /* of a report's `gen`: the turn; the life of the process above it */
};

bool runner_active(const struct sim_machine *m)
{
	return m->powered && m->runner.state != SIM_RUNNER_OFF;
}

void runner_report(struct sim *s, struct sim_machine *m, enum qd_group_report what, uint64_t turn)
{
	qd_assert(turn < 1u << TURN_BITS);
	if (!m->process)
		return;
	sim_log_add(s, SIM_LOG_RUNNER, m->index, 100 + (uint32_t)what, m->runner.epoch, turn, 0);
	sim_push(s, s->t + sim_between(s, 50, 1500) * 1000, SIM_EV_REPORT, m->index, (uint32_t)what,
		 m->life << TURN_BITS | (uint32_t)turn);
}

static void set_state(struct sim *s, struct sim_machine *m, enum sim_runner_state state)
{
	m->runner.state = state;
	sim_log_add(s, SIM_LOG_RUNNER, m->index, (uint32_t)state, m->runner.epoch, m->runner.turn, 0);
	check_groups(s);
}

void runner_plan(struct sim *s, struct sim_machine *m)
{
	const struct sim_runner *r = &m->runner;
	m->runner_t = SIM_NEVER;
	m->dog_t = SIM_NEVER;
	if (!runner_active(m) || m->frozen)
		return;
	m->dog_t = host_global(s, m, r->stopped_by);
	uint64_t t = r->next_t;
	if (r->state == SIM_RUNNER_RUNNING && r->write_t < t)
		t = r->write_t;
	if (r->state == SIM_RUNNER_STARTING || r->state == SIM_RUNNER_RUNNING ||
	    r->state == SIM_RUNNER_BROKEN) {
		uint64_t stop = host_global(s, m, r->begin_stop);
		if (stop < t)
			t = stop;
	}
	if (t < m->halted_until)
		t = m->halted_until;
	m->runner_t = t < s->t ? s->t : t;
}

/* How long this stop takes: mostly a small part of the time there is. */
static uint64_t stop_time(struct sim *s)
{
	uint64_t budget = (uint64_t)s->o.times.renew.ns * 9 / 10;
	return budget / 100 * sim_between(s, 2, s->healed ? 20 : 60);
}

static void begin_stop(struct sim *s, struct sim_machine *m, uint64_t turn)
{
	struct sim_runner *r = &m->runner;
	if (r->state == SIM_RUNNER_STOPPING || r->state == SIM_RUNNER_HUNG) {
		r->turn = turn != 0 ? turn : r->turn;
		return;
	}
	r->turn = turn;
	r->will_fail = false;
	if (fault_on(s, SIM_FAULT_STOP_HANGS) && sim_chance(s, 12)) {
		fault_count(s, SIM_FAULT_STOP_HANGS, m->index, 0);
		r->next_t = SIM_NEVER;
		set_state(s, m, SIM_RUNNER_HUNG);
		return;
	}
	if (fault_on(s, SIM_FAULT_STOP_FAILS) && sim_chance(s, 12)) {
		fault_count(s, SIM_FAULT_STOP_FAILS, m->index, 0);
		r->will_fail = true;
	}
	r->next_t = s->t + stop_time(s);
	set_state(s, m, SIM_RUNNER_STOPPING);
}

static void begin_start(struct sim *s, struct sim_machine *m, const struct qd_action *a)
{
	struct sim_runner *r = &m->runner;
	if (r->state != SIM_RUNNER_OFF) {
		sim_fail(s, "contract: node %u starts a group that is not stopped", m->node_id);
		return;
	}
	uint64_t overlap = r->overlap_ok_until;
	*r = (struct sim_runner){
		.turn = a->u.group.turn,
		.epoch = a->u.group.epoch,
		.begin_stop = a->u.group.begin_stop.ns,
		.stopped_by = a->u.group.stopped_by.ns,
		.next_t = s->t + sim_between(s, 20, 600) * SIM_MS,
		.write_t = SIM_NEVER,
		.overlap_ok_until = overlap,
	};
	s->cover->groups_started++;
	if (fault_on(s, SIM_FAULT_START_FAILS) && sim_chance(s, 24)) {
		fault_count(s, SIM_FAULT_START_FAILS, m->index, 0);
		r->will_fail = true;
		r->failed = true;
		if (sim_chance(s, 128) && s->o.start_limit_ms != 0)
			r->next_t = s->t + (s->o.start_limit_ms + 1000) * SIM_MS;
	}
	set_state(s, m, SIM_RUNNER_STARTING);
}

void runner_order(struct sim *s, struct sim_machine *m, const struct qd_action *a)
{
	struct sim_runner *r = &m->runner;
	if (a->kind == QD_ACTION_GROUP_START) {
		begin_start(s, m, a);
	} else if (a->kind == QD_ACTION_GROUP_STOP) {
		if (r->state == SIM_RUNNER_OFF)
			runner_report(s, m, QD_REPORT_STOPPED, a->u.group.turn);
		else
			begin_stop(s, m, a->u.group.turn);
	} else if (r->state != SIM_RUNNER_OFF) {
		if (a->u.group.begin_stop.ns > r->begin_stop)
			r->begin_stop = a->u.group.begin_stop.ns;
		if (a->u.group.stopped_by.ns > r->stopped_by)
			r->stopped_by = a->u.group.stopped_by.ns;
	}
	runner_plan(s, m);
}

void runner_alone(struct sim *s, struct sim_machine *m)
{
	if (!runner_active(m))
		return;
	begin_stop(s, m, 0);
	runner_plan(s, m);
}

void runner_write_done(struct sim *s, struct sim_machine *m)
{
	(void)s;
	if (m->runner.writes_open > 0)
		m->runner.writes_open--;
}

static void start_complete(struct sim *s, struct sim_machine *m)
{
	struct sim_runner *r = &m->runner;
	r->next_t = SIM_NEVER;
	if (r->will_fail) {
		r->failed = true;
		set_state(s, m, SIM_RUNNER_BROKEN);
		runner_report(s, m, QD_REPORT_START_FAILED, r->turn);
		return;
	}
	r->write_t = s->o.c.on ? SIM_NEVER : s->t; /* where views decide no disk fences the group */
	set_state(s, m, SIM_RUNNER_RUNNING);
	runner_report(s, m, QD_REPORT_STARTED, r->turn);
}

static void stop_complete(struct sim *s, struct sim_machine *m)
{
	struct sim_runner *r = &m->runner;
	if (r->will_fail) {
		r->next_t = SIM_NEVER;
		set_state(s, m, SIM_RUNNER_HUNG);
		runner_report(s, m, QD_REPORT_STOP_FAILED, r->turn);
		return;
	}
	if (r->writes_open > 0) { /* a process waits for its write: it is not stopped */
		r->next_t = s->t + 50 * SIM_MS;
		return;
	}
	r->next_t = SIM_NEVER;
	set_state(s, m, SIM_RUNNER_OFF);
	runner_report(s, m, QD_REPORT_STOPPED, r->turn);
}

void runner_tick(struct sim *s, struct sim_machine *m)
{
	struct sim_runner *r = &m->runner;
	if (m->dog_t <= s->t) {
		host_crash(s, m, sim_between(s, 3, 15) * SIM_S);
		return;
	}
	if (r->next_t <= s->t) {
		if (r->state == SIM_RUNNER_STARTING)
			start_complete(s, m);
		else if (r->state == SIM_RUNNER_STOPPING)
			stop_complete(s, m);
	}
	if (r->state == SIM_RUNNER_RUNNING && r->write_t <= s->t) {
		wire_send_data(s, m);
		r->write_t = s->t + 500 * SIM_MS + sim_below(s, 2 * SIM_S);
	}
	bool runs = r->state == SIM_RUNNER_STARTING || r->state == SIM_RUNNER_RUNNING ||
		    r->state == SIM_RUNNER_BROKEN;
	if (runs && host_local(s, m) >= r->begin_stop)
		begin_stop(s, m, 0);
	runner_plan(s, m);
}
