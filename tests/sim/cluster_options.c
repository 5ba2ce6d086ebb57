/* SPDX-License-Identifier: Apache-2.0 */
/* What one seed makes of a world where views decide. */
#include "sim/sim.h"

#include <inttypes.h>
#include <stdio.h>

static bool one_in(struct qd_rand *r, uint64_t n)
{
	return qd_rand_below(r, n) == 0;
}

static void draw_votes(struct sim_options *o, struct qd_rand *r)
{
	struct qd_votes *v = &o->c.votes;
	v->model = (enum qd_model)qd_rand_below(r, QD_MODEL_COUNT);
	v->nodes = (1ull << o->nodes) - 1;
	v->dynamic = !one_in(r, 4);
	const bool weighted = one_in(r, 4);
	for (uint32_t i = 0; i < o->nodes; i++) {
		const uint64_t weight = qd_rand_below(r, 4);
		v->weight[i] = weighted && i > 0 ? (uint8_t)weight : 1;
	}
	const uint32_t low = (uint32_t)qd_rand_below(r, 4 * o->nodes);
	v->low = low < o->nodes ? low + 1 : 0;
}

static void draw_nets(struct sim_options *o, struct qd_rand *r)
{
	static const uint16_t delays_ms[8] = {250, 500, 500, 1000, 1000, 1000, 1000, 2000};
	static const uint8_t thresholds[8] = {3, 4, 5, 5, 5, 5, 8, 10};
	static const uint16_t latencies_us[8] = {100, 100, 200, 300, 500, 2000, 10000, 40000};
	static const uint8_t nets[4] = {1, 1, 2, 3};
	o->c.nets = nets[qd_rand_below(r, 4)];
	for (uint32_t i = 0; i < o->c.nets; i++) {
		o->c.delay_ms[i] = delays_ms[qd_rand_below(r, 8)];
		o->c.threshold[i] = thresholds[qd_rand_below(r, 8)];
		o->c.latency_ns[i] = latencies_us[qd_rand_below(r, 8)] * UINT64_C(1000);
	}
}

/* All kinds, none, or a random part of them. */
static void draw_faults(struct sim_options *o, struct qd_rand *r, const struct sim_request *request)
{
	const uint64_t kind = qd_rand_below(r, 16);
	struct sim_faults some = {.bits = {qd_rand_u64(r), qd_rand_u64(r)}};
	const struct sim_faults others = {.bits = {qd_rand_u64(r), qd_rand_u64(r)}};
	for (enum sim_fault f = 0; f < SIM_FAULT_COUNT; f++) {
		const bool less = kind >= 10 && !sim_faults_has(&others, f);
		if (kind == 0 || request->calm || (kind > 3 && (less || !sim_faults_has(&some, f))) ||
		    sim_faults_has(&request->faults_off, f) || f == SIM_FAULT_COPIED_ID)
			sim_faults_remove(&some, f);
		else
			sim_faults_add(&some, f);
	}
	o->faults = (struct sim_faults){.bits = {0}};
	for (enum sim_fault f = 0; f < SIM_FAULT_COUNT; f++)
		if (sim_faults_has(&some, f))
			sim_faults_add(&o->faults, f);
}

/* The longest time until a dead node is no longer heard, on the slowest network. */
uint64_t cluster_detection_ns(const struct sim_options *o)
{
	uint64_t most = 0;
	for (uint32_t i = 0; i < o->c.nets; i++) {
		const uint64_t ns = (uint64_t)o->c.delay_ms[i] * (o->c.threshold[i] + 2u) * SIM_MS;
		most = ns > most ? ns : most;
	}
	return most;
}

/* docs/SIMULATOR.md, "the bound of I6 where views decide". */
uint64_t cluster_heal_bound_ns(const struct sim_options *o)
{
	const struct qd_times *t = sim_faults_has(&o->faults, SIM_FAULT_TIMES) ? &o->times_later : &o->times;
	const uint64_t detection = cluster_detection_ns(o);
	const uint64_t form = 5 * detection + 2 * (uint64_t)t->challenge.ns;
	const uint64_t disk = o->c.has_disk ? (uint64_t)(2 * t->takeover.ns + t->challenge.ns) : 0;
	return form + disk + 2 * (uint64_t)t->wait.ns + 10 * SIM_S;
}

static void draw_rates(struct sim_options *o, struct qd_rand *r)
{
	static const uint16_t gaps_ms[8] = {1000, 2000, 4000, 6000, 8000, 10000, 15000, 25000};
	static const uint16_t rates[8] = {0, 30, 120, 300, 1000, 2500, 6000, 15000};
	o->gap_ms = gaps_ms[qd_rand_below(r, 8)];
	o->c.packet_rate = rates[qd_rand_below(r, 8)];
	o->c.trap_rate = (uint32_t)(qd_rand_below(r, 4) * 8);
	for (uint32_t i = 0; i < SIM_MACHINES_MAX; i++) {
		int32_t ppm = (int32_t)qd_rand_below(r, 3) - 1;
		ppm = ppm * 999 + (ppm == 0 ? (int32_t)qd_rand_below(r, 1999) - 999 : 0);
		o->ppm[i] = sim_faults_has(&o->faults, SIM_FAULT_DRIFT) ? ppm : 0;
	}
}

void cluster_options_draw(struct sim_options *o, struct qd_rand *r, const struct sim_request *request)
{
	static const uint8_t sizes[16] = {2, 2, 2, 3, 3, 3, 4, 4, 5, 5, 5, 6, 7, 8, 11, 16};
	o->c.on = true;
	o->nodes = sizes[qd_rand_below(r, 16)];
	if (request->nodes != 0)
		o->nodes = request->nodes;
	o->machines = o->nodes;
	o->copied_names = false;
	o->copied_machine_id = false;
	draw_votes(o, r);
	o->c.has_disk = (qd_votes_extra(&o->c.votes) & QD_EXTRA_DISK) != 0 || one_in(r, 4);
	o->c.has_witness = (qd_votes_extra(&o->c.votes) & QD_EXTRA_WITNESS) != 0 || one_in(r, 3);
	o->c.share = request->share && o->c.has_witness;
	o->paths = o->c.has_disk ? o->paths : 0;
	draw_nets(o, r);
	draw_faults(o, r, request);
	draw_rates(o, r);
	o->c.dead_count = (uint32_t)qd_rand_below(r, (o->nodes + 1) / 2);
	const uint64_t minutes = request->minutes != 0 ? request->minutes : 10;
	const uint64_t heal = cluster_heal_bound_ns(o) + 3 * (uint64_t)o->times_later.takeover.ns;
	o->end_ns = minutes * 60 * SIM_S;
	if (o->end_ns < 2 * heal)
		o->end_ns = 2 * heal;
	o->heal_ns = o->end_ns - heal;
}

void cluster_options_print(const struct sim_options *o)
{
	const struct qd_votes *v = &o->c.votes;
	printf("  nodes %" PRIu32 ", %s%s%s%s, votes", o->nodes, qd_model_name(v->model),
	       v->dynamic ? ", dynamic" : "", o->c.has_disk ? ", a disk" : "",
	       o->c.share	  ? ", a witness on a share"
	       : o->c.has_witness ? ", a witness"
				  : "");
	for (uint32_t i = 0; i < o->nodes; i++)
		printf(" %u", v->weight[i]);
	printf(", low %" PRIu32 "\n", v->low);
	for (uint32_t i = 0; i < o->c.nets; i++)
		printf("  network %" PRIu32 ": every %" PRIu32 " ms, %" PRIu32 " missed, one way %" PRIu64
		       " us\n",
		       i, o->c.delay_ms[i], o->c.threshold[i], o->c.latency_ns[i] / 1000);
	printf("  of 65536 packets %" PRIu32 " have a fault, steps of a view %" PRIu32 " of 256, %" PRIu32
	       " machines stay dead\n",
	       o->c.packet_rate, o->c.trap_rate, o->c.dead_count);
}
