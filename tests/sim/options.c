/* SPDX-License-Identifier: Apache-2.0 */
/* What one seed makes of the world. */
#include "sim/sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct fault_info {
	const char *name;
	const char *text;
	bool scheduled;
};

#define FAULT_INFO(name, scheduled, text) [SIM_FAULT_##name] = {#name, text, (scheduled) != 0},
static const struct fault_info infos[SIM_FAULT_COUNT] = {SIM_FAULTS(FAULT_INFO)
								 SIM_CLUSTER_FAULTS(FAULT_INFO)};
#undef FAULT_INFO

const char *sim_fault_name(enum sim_fault f)
{
	qd_assert(f < SIM_FAULT_COUNT);
	return infos[f].name;
}

const char *sim_fault_text(enum sim_fault f)
{
	qd_assert(f < SIM_FAULT_COUNT);
	return infos[f].text;
}

bool sim_fault_scheduled(enum sim_fault f)
{
	qd_assert(f < SIM_FAULT_COUNT);
	return infos[f].scheduled;
}

static uint64_t bit(enum sim_fault f)
{
	return 1ull << f;
}

static void draw_flavour(struct sim_options *o, struct qd_rand *r)
{
	o->base_flavour = (enum sim_flavour_id)qd_rand_below(r, SIM_FLAVOUR_COUNT);
	o->flavour = sim_flavours[o->base_flavour];
	uint64_t twist = qd_rand_u64(r);
	if ((twist & 7) == 0)
		o->flavour.ua_new_session = !o->flavour.ua_new_session;
	if ((twist >> 3 & 7) == 0)
		o->flavour.ua_power_on = !o->flavour.ua_power_on;
	if ((twist >> 6 & 7) == 0)
		o->flavour.aptpl = !o->flavour.aptpl;
	if ((twist >> 9 & 7) == 0)
		o->flavour.preempt_and_abort = !o->flavour.preempt_and_abort;
	if ((twist >> 12 & 7) == 0)
		o->flavour.keep_registration = !o->flavour.keep_registration;
	if ((twist >> 15 & 7) == 0)
		o->flavour.abort_by_tag = !o->flavour.abort_by_tag;
	if ((twist >> 18 & 7) == 0)
		o->flavour.ua_release_we = !o->flavour.ua_release_we;
}

static struct qd_times draw_longer(const struct qd_times *t, struct qd_rand *r)
{
	int64_t part = (int64_t)qd_rand_below(r, 4); /* 0 to 75 % longer */
	struct qd_times longer =
		qd_times_make(qd_span_ms(qd_span_to_ms(t->renew) * (4 + part) / 4),
			      qd_span_ms(qd_span_to_ms(t->challenge) * (4 + part) / 4 + 1),
			      qd_span_ms(qd_span_to_ms(t->takeover) * (4 + part) / 4 + 2), QD_SPAN_ZERO);
	return qd_times_check(&longer).verdict == QD_TIMES_OK ? longer : *t;
}

static void draw_times(struct sim_options *o, struct qd_rand *r)
{
	o->times = qd_times_from_renew(qd_span_ms(3000), QD_SPAN_ZERO);
	if (qd_rand_below(r, 8) != 0)
		return;
	int64_t renew_ms = (int64_t)(2000 + 500 * qd_rand_below(r, 7));
	int64_t challenge_ms = renew_ms * 7 / 3 + (int64_t)qd_rand_below(r, 3000);
	int64_t takeover_ms = challenge_ms + renew_ms + (int64_t)qd_rand_below(r, 3000);
	struct qd_times t = qd_times_make(qd_span_ms(renew_ms), qd_span_ms(challenge_ms),
					  qd_span_ms(takeover_ms), QD_SPAN_ZERO);
	if (qd_times_check(&t).verdict == QD_TIMES_OK)
		o->times = t;
}

static uint64_t draw_faults(struct qd_rand *r)
{
	uint64_t all = (1ull << SIM_FAULT_DISK_COUNT) - 1;
	uint64_t kind = qd_rand_below(r, 16);
	if (kind == 0)
		return 0;
	if (kind <= 2)
		return all & ~bit(SIM_FAULT_COPIED_ID);
	uint64_t some = qd_rand_u64(r);
	if (kind <= 9)
		some &= qd_rand_u64(r);
	if (qd_rand_below(r, 8) != 0)
		some &= ~bit(SIM_FAULT_COPIED_ID);
	return some & all;
}

static void draw_size(struct sim_options *o, struct qd_rand *r, const struct sim_request *request)
{
	static const uint8_t sizes[16] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 8};
	o->nodes = sizes[qd_rand_below(r, 16)];
	if (request->nodes != 0)
		o->nodes = request->nodes;
	o->paths = (uint32_t)(1 + qd_rand_below(r, 2));
	o->machines = o->nodes;
}

/* How long the rules may keep a healed cluster from running its group: docs/SIMULATOR.md, "the bound". */
uint64_t sim_heal_bound_ns(const struct sim_options *o)
{
	const struct qd_times *t = sim_faults_has(&o->faults, SIM_FAULT_TIMES) ? &o->times_later : &o->times;
	return (uint64_t)(2 * t->takeover.ns + t->wait.ns + t->challenge.ns) + 4 * SIM_S;
}

void sim_options_draw(struct sim_options *o, uint64_t seed, const struct sim_request *request)
{
	struct qd_rand rand = {.state = seed * 0x9e3779b97f4a7c15u + 0x517};
	struct qd_rand *r = &rand;
	memset(o, 0, sizeof(*o));
	o->seed = seed;
	o->every_step = request->every_step;
	draw_size(o, r, request);
	draw_flavour(o, r);
	draw_times(o, r);
	o->times_later = draw_longer(&o->times, r);
	o->faults.bits[0] = draw_faults(r) & ~request->faults_off.bits[0];
	if (request->calm)
		o->faults = (struct sim_faults){.bits = {0}};
	static const uint32_t gaps[8] = {2000, 4000, 6000, 10000, 15000, 20000, 40000, 80000};
	o->gap_ms = gaps[qd_rand_below(r, 8)];
	static const uint32_t rates[8] = {0, 60, 120, 250, 500, 1000, 2500, 6000};
	o->op_rate = rates[qd_rand_below(r, 8)];
	o->trap_rate = (uint32_t)(qd_rand_below(r, 4) * 24);
	static const uint64_t latencies_us[8] = {150, 150, 300, 300, 600, 2000, 5000, 20000};
	o->latency_ns = latencies_us[qd_rand_below(r, 8)] * 1000;
	for (uint32_t i = 0; i < SIM_DISK_MACHINES_MAX; i++) {
		/* rates differ by up to 1 in 500 between any two */
		int32_t ppm = (int32_t)qd_rand_below(r, 3) - 1;
		ppm = ppm * 999 + (ppm == 0 ? (int32_t)qd_rand_below(r, 1999) - 999 : 0);
		o->ppm[i] = sim_faults_has(&o->faults, SIM_FAULT_DRIFT) ? ppm : 0;
	}
	o->copied_names = qd_rand_below(r, 2) == 0;
	o->copied_machine_id = qd_rand_below(r, 2) == 0;
	if (o->nodes == SIM_DISK_MACHINES_MAX)
		sim_faults_remove(&o->faults, SIM_FAULT_COPIED_ID);
	if (sim_faults_has(&o->faults, SIM_FAULT_COPIED_ID))
		o->machines = o->nodes + 1;
	o->start_limit_ms = qd_rand_below(r, 3) == 0 ? 5000 : 0;
	uint64_t minutes = request->minutes != 0 ? request->minutes : 10;
	uint64_t heal = sim_heal_bound_ns(o) + 3 * (uint64_t)o->times_later.takeover.ns;
	o->end_ns = minutes * 60 * SIM_S;
	if (o->end_ns < 2 * heal)
		o->end_ns = 2 * heal;
	o->heal_ns = o->end_ns - heal;
	if (request->cluster)
		cluster_options_draw(o, r, request);
}

static void print_target(const struct sim_options *o)
{
	printf("  nodes %" PRIu32 "%s, paths %" PRIu32 ", target like %s%s%s%s%s%s%s%s\n", o->nodes,
	       o->machines > o->nodes ? " and a copy of node 1" : "", o->paths, o->flavour.name,
	       o->flavour.keep_registration ? ", keeps registrations" : ", forgets nexuses",
	       o->flavour.preempt_and_abort ? ", aborts" : ", no PREEMPT AND ABORT",
	       o->flavour.abort_by_tag ? " by key" : "", o->flavour.aptpl ? ", APTPL" : ", no APTPL",
	       o->flavour.ua_new_session ? ", UA at login" : "",
	       o->flavour.ua_power_on ? ", UA at power on" : "",
	       o->flavour.ua_release_we ? ", UA at RELEASE" : "");
}

void sim_options_print(const struct sim_options *o)
{
	if (o->c.on)
		cluster_options_print(o);
	if (!o->c.on || o->c.has_disk)
		print_target(o);
	printf("  renew %" PRId64 " ms, challenge %" PRId64 " ms, takeover %" PRId64 " ms, %" PRIu64
	       " s, healed at %" PRIu64 " s\n",
	       qd_span_to_ms(o->times.renew), qd_span_to_ms(o->times.challenge),
	       qd_span_to_ms(o->times.takeover), o->end_ns / SIM_S, o->heal_ns / SIM_S);
	printf("  a fault every %" PRIu64 " ms, %" PRIu32 " of 65536 commands, traps %" PRIu32
	       "/256, one way %" PRIu64 " us\n  faults:",
	       o->gap_ms, o->op_rate, o->trap_rate, o->latency_ns / 1000);
	for (enum sim_fault f = 0; f < SIM_FAULT_COUNT; f++)
		if (sim_faults_has(&o->faults, f))
			printf(" %s", infos[f].name);
	printf("\n");
}
