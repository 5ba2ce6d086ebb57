/* SPDX-License-Identifier: Apache-2.0 */
/* A machine: its clock, its sessions, and quorumd's core on it. */
#include "sim/sim.h"

#include <string.h>

/* ---- clocks ---- */

uint64_t host_local(const struct sim *s, const struct sim_machine *m)
{
	if (m->frozen)
		return m->clock_base;
	int64_t dt = (int64_t)(s->t - m->clock_t);
	return m->clock_base + (uint64_t)(dt + dt * m->ppm / 1000000);
}

static uint64_t local_at(const struct sim_machine *m, uint64_t dt)
{
	return m->clock_base + (uint64_t)((int64_t)dt + (int64_t)dt * m->ppm / 1000000);
}

/* The first instant at which the machine's clock shows `local` or more. */
uint64_t host_global(const struct sim *s, const struct sim_machine *m, uint64_t local)
{
	if (local == SIM_NEVER)
		return SIM_NEVER;
	if (m->frozen)
		return SIM_NEVER; /* planned anew when it thaws */
	if (local <= m->clock_base)
		return s->t;
	uint64_t dl = local - m->clock_base;
	if (dl > 1000000 * SIM_S)
		return SIM_NEVER;
	uint64_t dt = m->ppm == 0 ? dl : dl * 1000 / (uint64_t)(1000000 + m->ppm) * 1000;
	while (local_at(m, dt) < local)
		dt += 1 + (local - local_at(m, dt)) / 2;
	uint64_t t = m->clock_t + dt;
	return t < s->t ? s->t : t;
}

static void set_clock(struct sim *s, struct sim_machine *m, uint64_t local)
{
	m->clock_base = local;
	m->clock_t = s->t;
}

bool host_runs(const struct sim *s, const struct sim_machine *m, uint64_t *until)
{
	uint64_t halted =
		m->halted_until > m->process_halted_until ? m->halted_until : m->process_halted_until;
	*until = halted;
	return halted <= s->t;
}

/* ---- sessions ---- */

/* Whatever is under way on the path gets no answer any more. */
static void path_end(struct sim *s, struct sim_machine *m, uint32_t path)
{
	struct sim_path *p = &m->paths[path];
	if (m->runner.writes_open > 0) {
		for (uint32_t i = 0; i < s->op_high; i++) {
			const struct sim_op *op = &s->ops[i];
			if (op->phase != SIM_OP_FREE && op->data && op->machine == m->index &&
			    op->op.path == path && op->attempt == p->attempt)
				runner_write_done(s, m); /* an I/O error, to the group */
		}
	}
	p->attempt++;
	p->up = false;
	p->changes_open = 0;
}

void host_lose_session(struct sim *s, struct sim_machine *m, uint32_t path, uint64_t in_ns)
{
	struct sim_path *p = &m->paths[path];
	if (!p->up)
		return;
	path_end(s, m, path);
	p->lost_pending = true;
	sim_push(s, s->t + in_ns, SIM_EV_LOST, m->index, path, m->life);
}

/* The target learns, or does not, that the session ended. */
static void tell_target(struct sim *s, struct sim_machine *m, uint32_t path)
{
	const struct sim_path *p = &m->paths[path];
	if (p->session == 0 || p->out_down_until > s->t || sim_chance(s, 128))
		return;
	sim_push(s, s->t + wire_latency(s), SIM_EV_NOTICE, m->index, m->nexus_base + path, p->session);
}

static void teardown(struct sim *s, struct sim_machine *m, uint32_t path)
{
	struct sim_path *p = &m->paths[path];
	if (p->lost_pending)
		return; /* its answer is on the way */
	if (p->up)
		tell_target(s, m, path);
	path_end(s, m, path);
	p->lost_pending = true;
	sim_push(s, s->t + 20000 + sim_below(s, 200000), SIM_EV_LOST, m->index, path, m->life);
}

/* ---- one step of the core ---- */

static void act(struct sim *s, struct sim_machine *m, const struct qd_action *a)
{
	if (s->o.c.on && cluster_act(s, m, a))
		return;
	switch (a->kind) {
	case QD_ACTION_OP:
		wire_send(s, m, &a->u.op);
		return;
	case QD_ACTION_TEARDOWN:
		teardown(s, m, a->u.path);
		return;
	case QD_ACTION_STORE: {
		bool fails = fault_on(s, SIM_FAULT_STORE_FAILS) && sim_chance(s, 64);
		if (fails)
			fault_count(s, SIM_FAULT_STORE_FAILS, m->index, a->u.incarnation);
		/* durable at once, known to be a little later: what a crash in between makes of it is a gap */
		if (!fails && a->u.incarnation > m->stored_incarnation)
			m->stored_incarnation = a->u.incarnation;
		sim_push(s, s->t + sim_between(s, 1, 20) * SIM_MS, SIM_EV_STORED, m->index,
			 (uint32_t)(a->u.incarnation << 1 | (fails ? 0 : 1)) & 0xffff, m->life);
		return;
	}
	case QD_ACTION_GROUP_START:
		if (s->o.c.on)
			check_cluster_group(s, m, a->u.group.epoch);
		runner_order(s, m, a);
		return;
	case QD_ACTION_GROUP_STOP:
	case QD_ACTION_LEASE:
		runner_order(s, m, a);
		return;
	case QD_ACTION_OWNER:
		if (s->o.c.on)
			check_cluster_owner(s, m, a->u.owner.mine, a->u.owner.epoch);
		else
			check_owner(s, m, a->u.owner.mine, a->u.owner.epoch);
		return;
	case QD_ACTION_SELF_RESET:
		host_crash(s, m, sim_between(s, 3, 15) * SIM_S);
		return;
	case QD_ACTION_REPLY:
		return;
	case QD_ACTION_OFF:
		m->off = true;
		return;
	case QD_ACTION_NONE:
		if (s->o.c.on)
			return; /* a message to whom there is no session with */
		break;
	case QD_ACTION_SEND:
	case QD_ACTION_KEEP:
	case QD_ACTION_WITNESS:
	case QD_ACTION_KIND_COUNT:
		break;
	}
	sim_fail(s, "contract: node %u asked for action %d", m->node_id, (int)a->kind);
}

static void plan_timer(struct sim *s, struct sim_machine *m)
{
	uint64_t t = host_global(s, m, qd_node_deadline(&m->node).ns);
	m->timer_t = t == SIM_NEVER ? t : t + (qd_rand_u64(&s->rand) & 0x1ffff);
}

void host_note_traces(struct sim *s, const struct sim_machine *m)
{
	for (uint32_t i = 0; i < s->out.trace_count; i++) {
		const struct qd_trace *t = &s->out.traces[i];
		s->cover->traces[t->code]++;
		if (t->code == QD_TRACE_STATE && t->a < QD_ARB_STATE_COUNT && t->b < QD_ARB_STATE_COUNT)
			s->cover->pairs[t->a][t->b]++;
		if (t->code == QD_TRACE_CLUSTER && t->a < QD_CLUSTER_STATE_COUNT &&
		    t->b < QD_CLUSTER_STATE_COUNT)
			s->cover->states[t->a][t->b]++;
		if (t->code == QD_TRACE_TAKE_CHANGED && s->healed)
			s->facts.heal_retries++;
		sim_log_add(s, SIM_LOG_TRACE, m->index, (uint32_t)t->code, t->a, t->b, t->c);
	}
}

void host_step(struct sim *s, struct sim_machine *m, struct qd_event *ev)
{
	if (!m->process || s->failed)
		return;
	ev->now.ns = host_local(s, m);
	if (s->o.every_step)
		m->node.rests_until = QD_MONO_ZERO;
	s->stepping = m;
	qd_node_step(&m->node, ev, &s->out);
	s->stepping = NULL;
	s->cover->steps++;
	s->cover->group[m->node.group.state]++;
	host_note_traces(s, m);
	if (s->o.c.on)
		check_cluster_step(s, m, ev);
	uint32_t life = m->life;
	for (uint32_t i = 0; i < s->out.count && life == m->life; i++)
		act(s, m, &s->out.list[i]);
	if (m->off) {
		m->off = false;
		host_end_process(s, m);
		sim_push(s, s->t + sim_between(s, 1, 20) * SIM_S, SIM_EV_PROCESS, m->index, 0, m->life);
	}
	if (life == m->life)
		plan_timer(s, m);
}

/* ---- life ---- */

void host_start_process(struct sim *s, struct sim_machine *m)
{
	qd_assert(m->powered && !m->process);
	m->life++;
	m->process = true;
	m->process_halted_until = 0;
	m->config.incarnation = ++m->stored_incarnation;
	m->config.seed = qd_rand_u64(&s->rand);
	for (uint32_t i = 0; i < QD_PATHS_MAX; i++) {
		m->paths[i].up = false;
		m->paths[i].lost_pending = false;
		m->paths[i].attempt++;
	}
	sim_log_add(s, SIM_LOG_MACHINE, m->index, 1, m->config.incarnation, 0, 0);
	if (s->o.c.on)
		cluster_configure(s, m);
	qd_node_init(&m->node, &m->config, (struct qd_mono){host_local(s, m)});
	m->timer_t = s->t;
}

void host_end_process(struct sim *s, struct sim_machine *m)
{
	if (!m->process)
		return;
	for (uint32_t i = 0; i < m->config.path_count; i++) {
		if (m->paths[i].up)
			tell_target(s, m, i);
		path_end(s, m, i);
	}
	if (s->o.c.on)
		cluster_ended(s, m);
	m->life++;
	m->process = false;
	m->timer_t = SIM_NEVER;
	m->mine = false;
	runner_alone(s, m);
	sim_log_add(s, SIM_LOG_MACHINE, m->index, 0, 0, 0, 0);
}

void host_boot(struct sim *s, struct sim_machine *m)
{
	qd_assert(!m->powered);
	m->powered = true;
	m->frozen = false;
	m->halted_until = 0;
	m->boots++;
	m->config.boot_id[0] = (uint8_t)m->index;
	m->config.boot_id[1] = (uint8_t)m->boots;
	m->config.boot_id[2] = 0x77;
	set_clock(s, m, SIM_S + sim_below(s, 1000000 * SIM_S));
	host_start_process(s, m);
}

void host_crash(struct sim *s, struct sim_machine *m, uint64_t boot_in_ns)
{
	if (!m->powered)
		return;
	sim_log_add(s, SIM_LOG_MACHINE, m->index, 2, boot_in_ns, 0, 0);
	if (m->process) {
		for (uint32_t i = 0; i < m->config.path_count; i++)
			path_end(s, m, i);
		if (s->o.c.on)
			cluster_ended(s, m);
		m->life++;
		m->process = false;
	}
	m->powered = false;
	m->process_halted_until = 0;
	m->mine = false;
	m->frozen = false;
	m->timer_t = SIM_NEVER;
	m->runner = (struct sim_runner){0};
	runner_plan(s, m);
	sim_push(s, s->t + boot_in_ns, SIM_EV_BOOT, m->index, 0, m->boots);
}

void host_halt(struct sim *s, struct sim_machine *m, uint64_t until, bool freeze)
{
	if (!m->powered || m->halted_until > s->t)
		return;
	if (freeze) {
		set_clock(s, m, host_local(s, m));
		m->frozen = true;
		m->runner.froze = m->runner.state != SIM_RUNNER_OFF;
	}
	m->halted_until = until;
	runner_plan(s, m);
	sim_push(s, until, SIM_EV_RESUME, m->index, 0, m->boots);
}

void host_resume(struct sim *s, struct sim_machine *m)
{
	m->halted_until = s->t;
	if (m->frozen) {
		m->frozen = false;
		m->clock_t = s->t;
		/* what its leases still allow it, by its own clock */
		m->runner.overlap_ok_until =
			s->t + (uint64_t)s->o.times_later.stopped.ns * 501 / 500 + SIM_MS;
		m->lied_until = m->runner.overlap_ok_until;
	}
	if (m->process)
		plan_timer(s, m);
	runner_plan(s, m);
}
