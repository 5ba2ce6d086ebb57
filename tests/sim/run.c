/* SPDX-License-Identifier: Apache-2.0 */
/* One run of one seed: set the world up, then event after event. */
#include "sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sim_fail(struct sim *s, const char *format, ...)
{
	if (s->failed)
		return;
	s->failed = true;
	va_list args;
	va_start(args, format);
	(void)vsnprintf(s->failure, sizeof(s->failure), format, args); /* cut: it is for people */
	va_end(args);
}

static void set_up_machine(struct sim *s, uint32_t i)
{
	struct sim_machine *m = &s->machines[i];
	memset(m, 0, offsetof(struct sim_machine, node));
	bool copy = i >= s->o.nodes;
	m->index = i;
	m->node_id = copy ? 1 : i + 1;
	m->nexus_base = (copy && s->o.copied_names ? 0 : i) *
			(s->o.c.on ? SIM_NEXUS_MAX / SIM_MACHINES_MAX : QD_PATHS_MAX);
	m->ppm = s->o.ppm[i];
	m->timer_t = m->runner_t = m->dog_t = SIM_NEVER;
	m->config = (struct qd_node_config){
		.node_id = m->node_id,
		.members = (1ull << s->o.nodes) - 1,
		.cluster_tag = SIM_CLUSTER_TAG,
		.path_count = s->o.paths,
		.times = s->o.times,
		.start_limit = qd_span_ms((int64_t)s->o.start_limit_ms),
		.stop_limit = qd_span_ms(10000),
		.has_group = true,
	};
	m->config.machine_id[0] = (uint8_t)(copy && s->o.copied_machine_id ? 1 : i + 1);
	m->config.machine_id[1] = 0x4d;
	sim_push(s, sim_below(s, 3 * SIM_S), SIM_EV_BOOT, i, 0, 0);
}

static void set_up(struct sim *s, const struct sim_options *o, struct sim_cover *cover, bool verbose)
{
	memset(s, 0, offsetof(struct sim, heap));
	s->o = *o;
	s->rand.state = o->seed ^ 0x5eedull << 40;
	s->digest = o->seed;
	s->verbose = verbose;
	s->cover = cover;
	s->op_free = SIM_OPS_MAX;
	s->target_up = true;
	s->facts.heal_owner = SIM_MACHINES_MAX;
	s->heap.count = 0;
	s->heap.sequence = 0;
	sim_disk_init(&s->disk, &o->flavour, qd_qdisk_min_sectors(SIM_SECTOR_BYTES));
	struct qd_superblock sb = {
		.version = QD_QDISK_VERSION,
		.sector_bytes = SIM_SECTOR_BYTES,
		.disk_uuid = {0xd1, 0x5c},
		.cluster_tag = SIM_CLUSTER_TAG,
		.cluster = "sim",
		.data_lba = qd_qdisk_min_sectors(SIM_SECTOR_BYTES),
	};
	sim_disk_format(&s->disk, &sb);
	s->disk.keep_past = sim_faults_has(&o->faults, SIM_FAULT_ROLL_BACK_PREEMPT) ||
			    sim_faults_has(&o->faults, SIM_FAULT_ROLL_BACK_SECONDS) ||
			    sim_faults_has(&o->faults, SIM_FAULT_TARGET_AFTER_STRIKE);
	for (uint32_t i = 0; i < o->machines; i++)
		set_up_machine(s, i);
	if (o->c.on)
		cluster_set_up(s);
	if (sim_faults_any(&o->faults))
		sim_push(s, 15 * SIM_S, SIM_EV_FAULT, 0, 0, 0);
	sim_push(s, o->heal_ns, SIM_EV_HEAL, 0, 0, 0);
	if (sim_faults_has(&o->faults, SIM_FAULT_DRIFT))
		cover->faults[SIM_FAULT_DRIFT]++;
	if (o->machines > o->nodes)
		cover->faults[SIM_FAULT_COPIED_ID]++;
}

/* Events for quorumd: true if it can take one now; otherwise they wait, or are void. */
static bool deliverable(struct sim *s, struct sim_machine *m, const struct sim_event *e, uint32_t life)
{
	if (!m->powered || !m->process || m->life != life)
		return false;
	uint64_t until;
	if (host_runs(s, m, &until))
		return true;
	sim_push(s, until, (enum sim_event_kind)e->kind, e->machine, e->index, e->gen);
	return false;
}

static void on_report(struct sim *s, struct sim_machine *m, const struct sim_event *e)
{
	if (!deliverable(s, m, e, e->gen >> 20))
		return;
	struct qd_event ev = {
		.kind = QD_EVENT_GROUP,
		.u.group = {.report = (enum qd_group_report)e->index, .turn = e->gen & 0xfffff}};
	host_step(s, m, &ev);
}

static void on_lost(struct sim *s, struct sim_machine *m, const struct sim_event *e)
{
	if (!deliverable(s, m, e, e->gen))
		return;
	m->paths[e->index].lost_pending = false;
	struct qd_event ev = {.kind = QD_EVENT_SESSION_LOST, .u.path = e->index};
	host_step(s, m, &ev);
}

static void on_stored(struct sim *s, struct sim_machine *m, const struct sim_event *e)
{
	if (!deliverable(s, m, e, e->gen))
		return;
	struct qd_event ev = {.kind = QD_EVENT_STORED,
			      .u.stored = {.incarnation = e->index >> 1, .ok = e->index & 1}};
	host_step(s, m, &ev);
}

/* Its group may be left from before; it begins by stopping it. Where one disk decides, who starts has waited for that. */
static bool with_leftovers(struct sim *s, const struct sim_machine *m)
{
	if (!s->o.c.on || m->halted_until > s->t || !fault_on(s, SIM_FAULT_LEFTOVERS) || !sim_chance(s, 128))
		return false;
	fault_count(s, SIM_FAULT_LEFTOVERS, m->index, 0);
	return true;
}

static void on_process(struct sim *s, struct sim_machine *m, const struct sim_event *e)
{
	if (!m->powered || m->process || m->life != e->gen)
		return;
	if (m->halted_until > s->t || (runner_active(m) && !with_leftovers(s, m))) {
		sim_push(s, s->t + 200 * SIM_MS, SIM_EV_PROCESS, e->machine, 0, e->gen);
		return;
	}
	host_start_process(s, m);
}

static void on_boot(struct sim *s, struct sim_machine *m, const struct sim_event *e)
{
	if (m->powered || m->boots != e->gen || m->dead)
		return;
	if (operator_waits(s, m))
		sim_push(s, s->t + SIM_S, SIM_EV_BOOT, e->machine, 0, e->gen);
	else
		host_boot(s, m);
}

static void handle(struct sim *s, const struct sim_event *e)
{
	struct sim_machine *m = &s->machines[e->machine];
	switch ((enum sim_event_kind)e->kind) {
	case SIM_EV_ARRIVE:
		wire_arrive(s, e->index);
		return;
	case SIM_EV_LAND:
		wire_land(s, e->index);
		return;
	case SIM_EV_ANSWER:
		wire_answer(s, e->index);
		return;
	case SIM_EV_LOST:
		on_lost(s, m, e);
		return;
	case SIM_EV_NOTICE:
		if (s->disk.nexus[e->index].session == e->gen)
			sim_disk_logout(&s->disk, e->index);
		return;
	case SIM_EV_STORED:
		on_stored(s, m, e);
		return;
	case SIM_EV_REPORT:
		on_report(s, m, e);
		return;
	case SIM_EV_BOOT:
		on_boot(s, m, e);
		return;
	case SIM_EV_PROCESS:
		on_process(s, m, e);
		return;
	case SIM_EV_RESUME:
		if (m->powered && m->boots == e->gen && m->halted_until > 0)
			host_resume(s, m);
		return;
	case SIM_EV_FAULT:
		fault_clock(s);
		return;
	case SIM_EV_TARGET_UP:
		s->target_up = true;
		return;
	case SIM_EV_CLEAR:
		fault_clear(s);
		return;
	case SIM_EV_HEAL:
		fault_heal(s);
		return;
	case SIM_EV_SLOT:
		slots_second(s, e->index);
		return;
	case SIM_EV_PACKET:
	case SIM_EV_KEPT:
	case SIM_EV_ASK:
	case SIM_EV_ANSWER_ASK:
	case SIM_EV_WITNESS_WRITTEN:
	case SIM_EV_WITNESS_UP:
	case SIM_EV_FLAP:
	case SIM_EV_FORCE:
	case SIM_EV_CHANGE:
	case SIM_EV_CRASH:
	case SIM_EV_SHARE:
	case SIM_EV_SHARE_WAKE:
		cluster_handle(s, m, e);
		return;
	case SIM_EV_NONE:
	case SIM_EV_KIND_COUNT:
		break;
	}
	QD_UNREACHABLE("event");
}

/* A deadline that has come, and comes again at once, because nothing is done about it. */
static void watch_timers(struct sim *s, struct sim_machine *m)
{
	if (s->t / SIM_S != m->timers_s) {
		m->timers_s = s->t / SIM_S;
		m->timers = 0;
	} else if (++m->timers > SIM_TIMERS_MAX) {
		sim_fail(s, "contract: node %u has more than %d timeouts in a second", m->node_id,
			 (int)SIM_TIMERS_MAX);
	}
}

static void fire_timer(struct sim *s, struct sim_machine *m)
{
	uint64_t until;
	if (!host_runs(s, m, &until)) {
		m->timer_t = until;
		return;
	}
	if (fault_on(s, SIM_FAULT_LATE_TIMER) && (qd_rand_u64(&s->rand) & 0x3ff) == 0) {
		fault_count(s, SIM_FAULT_LATE_TIMER, m->index, 0);
		m->timer_t = s->t + sim_between(s, 10, 4000) * SIM_MS;
		m->timer_late_until = m->timer_t;
		return;
	}
	struct qd_event ev;
	ev.kind = QD_EVENT_TIMEOUT;
	host_step(s, m, &ev);
	watch_timers(s, m);
}

enum next_kind {
	NEXT_HEAP = 0,
	NEXT_TIMER,
	NEXT_RUNNER,
};

/* The earliest thing to happen; at one instant the heap goes first, then machines in their order. */
static enum next_kind find_next(const struct sim *s, uint64_t *t, uint32_t *machine)
{
	enum next_kind kind = NEXT_HEAP;
	uint64_t best = s->heap.count > 0 ? s->heap.at[0].t : SIM_NEVER;
	for (uint32_t i = 0; i < s->o.machines; i++) {
		const struct sim_machine *m = &s->machines[i];
		uint64_t runner = m->runner_t < m->dog_t ? m->runner_t : m->dog_t;
		if (runner < best) {
			best = runner;
			kind = NEXT_RUNNER;
			*machine = i;
		}
		if (m->timer_t < best) {
			best = m->timer_t;
			kind = NEXT_TIMER;
			*machine = i;
		}
	}
	*t = best;
	return kind;
}

static void watch_spin(struct sim *s)
{
	if (s->t != s->spin_t) {
		s->spin_t = s->t;
		s->spin = 0;
	} else if (++s->spin > SIM_SPIN_MAX) {
		sim_fail(s, "contract: %d events at one instant", (int)SIM_SPIN_MAX);
	}
}

static void run(struct sim *s, const struct sim_options *o)
{
	const uint64_t events_max = o->c.on ? SIM_CLUSTER_EVENTS_MAX : SIM_EVENTS_MAX;
	for (uint64_t events = 0; !s->failed; events++) {
		uint64_t t;
		uint32_t machine = 0;
		enum next_kind kind = find_next(s, &t, &machine);
		if (t > o->end_ns)
			break;
		qd_assert(t >= s->t);
		s->t = t;
		watch_spin(s);
		if (events > events_max)
			sim_fail(s, "contract: more than %d events: the core floods its target",
				 (int)events_max);
		if (kind == NEXT_HEAP) {
			struct sim_event e = sim_heap_pop(&s->heap);
			handle(s, &e);
		} else if (kind == NEXT_TIMER) {
			fire_timer(s, &s->machines[machine]);
		} else {
			runner_tick(s, &s->machines[machine]);
		}
		if (s->healed)
			check_heal(s);
	}
	if (!s->failed) {
		s->t = o->end_ns;
		if (o->c.on)
			check_cluster_end(s);
		else
			check_end(s);
	}
}

/* An assertion of the core ends the run, not the program: it is a violation like any other. */
static struct sim *asserting;
static jmp_buf out_of_run;

void qd_assert_failed(const char *file, int line, const char *what)
{
	if (asserting == NULL)
		abort();
	const char *name = strrchr(file, '/');
	sim_fail(asserting, "assertion: %s:%d: %s, machine %d", name != NULL ? name + 1 : file, line, what,
		 asserting->stepping != NULL ? (int)asserting->stepping->index : -1);
	if (asserting->stepping != NULL)
		host_note_traces(asserting, asserting->stepping);
	longjmp(out_of_run, 1);
}

void sim_run(struct sim *s, const struct sim_options *o, struct sim_cover *cover, bool verbose)
{
	set_up(s, o, cover, verbose);
	asserting = s;
	if (setjmp(out_of_run) == 0)
		run(s, o);
	asserting = NULL;
}
