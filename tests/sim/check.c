/* SPDX-License-Identifier: Apache-2.0 */
/* The invariants of docs/PROTOCOL.md section 5 that one disk can show, looked at after every step. The exclusions
 * are listed, each with its reason, in docs/SIMULATOR.md. */
#include "sim/sim.h"

#include <inttypes.h>

/* Its clock stands, or stood not long ago: nothing on the machine can know (PROTOCOL.md case 12). */
bool check_clock_lied(const struct sim *s, const struct sim_machine *m)
{
	return m->frozen || m->runner.overlap_ok_until > s->t;
}

static void check_left_keys(struct sim *s, struct sim_machine *m);

/* ---- I2, and what an announcement promises ---- */

static void check_announced_holder(struct sim *s, const struct sim_machine *m)
{
	int32_t nexus = sim_disk_holder_nexus(&s->disk);
	uint64_t key = sim_disk_holder_key(&s->disk);
	bool holds =
		nexus >= (int32_t)m->nexus_base && nexus < (int32_t)(m->nexus_base + m->config.path_count);
	if (holds && qd_key_node((struct qd_key){key}) == m->node_id)
		return;
	/* The target may have forgotten after the last round began: then nobody could know. */
	uint64_t age = host_local(s, m) - m->node.lease.start.ns;
	uint64_t since = s->t - (age + age / 400 < s->t ? age + age / 400 : s->t);
	if (s->facts.forgot_t >= since || s->facts.cleared_t >= since || check_clock_lied(s, m)) {
		s->cover->excluded++;
		return;
	}
	sim_fail(s, "I5: node %u announces ownership, but key %016" PRIx64 " holds the disk", m->node_id,
		 key);
}

/* Whoever is awake has stopped saying so before another says it. */
static void check_alone(struct sim *s, const struct sim_machine *m)
{
	for (uint32_t i = 0; i < s->o.machines; i++) {
		const struct sim_machine *o = &s->machines[i];
		uint64_t until;
		if (o == m || !o->powered || !o->process || !o->mine || check_clock_lied(s, o) ||
		    check_clock_lied(s, m))
			continue;
		if (!host_runs(s, o, &until) || until + 5 * SIM_MS > s->t ||
		    o->timer_late_until + 5 * SIM_MS > s->t)
			continue;
		sim_fail(s,
			 "I4: machines %u (epoch %" PRIu64 ") and %u (epoch %" PRIu64
			 ") both say that they own",
			 o->index, o->mine_epoch, m->index, m->mine_epoch);
		return;
	}
}

/* Case 5: once a machine has owned, no other one with its node id does. Machines that share their machine-id, too,
 * cannot be told from one that has booted again. */
static void check_identity(struct sim *s, const struct sim_machine *m)
{
	for (uint32_t i = 0; i < s->o.machines; i++) {
		const struct sim_machine *o = &s->machines[i];
		if (o != m && o->node_id == m->node_id && o->has_owned && !s->o.copied_machine_id)
			sim_fail(s, "case 5: machines %u and %u, both node %u, have both owned", o->index,
				 m->index, m->node_id);
	}
}

void check_owner(struct sim *s, struct sim_machine *m, bool mine, uint64_t epoch)
{
	if (!mine) {
		m->mine = false;
		return;
	}
	if (m->mine && m->mine_epoch == epoch)
		return;
	m->mine = true;
	m->mine_epoch = epoch;
	s->cover->announced++;
	if (epoch <= s->facts.epoch_max) {
		if (!check_clock_lied(s, m)) {
			sim_fail(s,
				 "I2: node %u announces epoch %" PRIu64 ", but %" PRIu64
				 " was announced before",
				 m->node_id, epoch, s->facts.epoch_max);
			return;
		}
		s->cover->excluded++;
	} else {
		s->facts.epoch_max = epoch;
	}
	const struct qd_owner_record *r = sim_disk_peek_record(&s->disk, m->node_id);
	if (r->state != QD_RECORD_TAKEN || r->epoch != epoch) {
		sim_fail(s,
			 "I2: node %u announces epoch %" PRIu64 ", but its record says %" PRIu64 ", state %d",
			 m->node_id, epoch, r->epoch, (int)r->state);
		return;
	}
	check_announced_holder(s, m);
	check_alone(s, m);
	check_identity(s, m);
	m->has_owned = true;
	check_left_keys(s, m);
	s->facts.rolled_back = false;
}

/* ---- I1 ---- */

void check_landed(struct sim *s, const struct sim_op *op)
{
	s->cover->landed++;
	sim_log_add(s, SIM_LOG_LAND, op->machine, 0, op->epoch, op->sequence, s->facts.data_epoch);
	if (op->epoch >= s->facts.data_epoch) {
		s->facts.data_epoch = op->epoch;
		return;
	}
	/* Admitted before, landed now: only an abort could have stopped it. */
	bool unaborted =
		op->admitted_t != 0 && (!s->disk.flavour.preempt_and_abort || s->disk.flavour.abort_by_tag ||
					s->facts.cleared_t >= op->admitted_t || op->tag == 0);
	/* Its machine could not know, and the disk forgot whom to fence. */
	const struct sim_machine *m = &s->machines[op->machine];
	bool nobody = s->disk.pr.holder == SIM_NO_REG || sim_disk_holder_key(&s->disk) == SIM_FOREIGN_KEY;
	bool unfenced = (op->frozen || check_clock_lied(s, m)) && (nobody || op->admitted_t != 0);
	/* Nobody holds the disk since an operator cleared it: it fences nobody. */
	bool open = s->disk.pr.holder == SIM_NO_REG && op->sent_t <= s->facts.cleared_t;
	bool rolled = s->facts.rolled_back && s->t <= s->facts.rolled_until;
	/* Two machines with one initiator name are one nexus to the target: it cannot fence one of them. */
	bool one_nexus =
		s->o.copied_names && s->machines[s->o.machines - 1].nexus_base == s->machines[0].nexus_base;
	if (unaborted || unfenced || open || rolled || one_nexus) {
		s->cover->excluded++;
		return;
	}
	sim_fail(s, "I1: a write of epoch %" PRIu64 " (machine %u) landed after one of epoch %" PRIu64,
		 op->epoch, op->machine, s->facts.data_epoch);
}

void check_groups(struct sim *s)
{
	const struct sim_machine *first = NULL;
	for (uint32_t i = 0; i < s->o.machines; i++) {
		const struct sim_machine *m = &s->machines[i];
		if (!runner_active(m))
			continue;
		if (first == NULL) {
			first = m;
			continue;
		}
		if (check_clock_lied(s, first) || check_clock_lied(s, m)) {
			s->cover->overlaps_excluded++;
			continue;
		}
		sim_fail(s,
			 "I1: the group is active on machines %u (epoch %" PRIu64 ") and %u (epoch %" PRIu64
			 ")",
			 first->index, first->runner.epoch, m->index, m->runner.epoch);
		return;
	}
}

/* ---- I5 ---- */

void check_holder(struct sim *s)
{
	uint64_t key = sim_disk_holder_key(&s->disk);
	if (key == s->facts.holder_key)
		return;
	s->facts.holder_key = key;
	s->facts.holder_since_t = s->t;
}

/* What else the struck node has registered: gone before its successor announces. */
static void note_left_keys(const struct sim *s, struct sim_machine *striker, struct qd_key struck)
{
	striker->left_count = 0;
	striker->left_incarnation = striker->node.arbiter.incarnation;
	for (uint32_t i = 0; i < s->disk.pr.count && striker->left_count < SIM_LEFT_MAX; i++) {
		struct qd_key key = {s->disk.pr.regs[i].key};
		if (qd_key_node(key) == qd_key_node(struck) && qd_key_tag(key) == SIM_CLUSTER_TAG)
			striker->left[striker->left_count++] = key.value;
	}
}

static void check_left_keys(struct sim *s, struct sim_machine *m)
{
	if (m->left_incarnation != m->node.arbiter.incarnation)
		m->left_count = 0;
	for (uint32_t i = 0; i < s->disk.pr.count; i++)
		for (uint32_t k = 0; k < m->left_count; k++)
			if (s->disk.pr.regs[i].key == m->left[k] && s->facts.forgot_t < m->struck_at_t)
				sim_fail(s,
					 "I1: node %u owns, but key %016" PRIx64
					 " of the node it struck is registered",
					 m->node_id, m->left[k]);
	m->left_count = 0;
}

/* Younger than C: only the recorded owner inside its lease may (case 15), or anybody whom a release invites. */
static void check_age(struct sim *s, struct sim_machine *striker, uint64_t since_t)
{
	uint64_t age = s->t - since_t;
	uint64_t least = (uint64_t)striker->node.config.times.challenge.ns;
	if (age + age / 250 >= least || check_clock_lied(s, striker))
		return;
	const struct qd_owner_record *newest = sim_disk_peek_record(&s->disk, 1);
	for (uint32_t id = 2; id <= s->o.nodes; id++) {
		const struct qd_owner_record *r = sim_disk_peek_record(&s->disk, id);
		newest = r->epoch > newest->epoch ? r : newest;
	}
	if (newest->state != QD_RECORD_RELEASED)
		sim_fail(s, "I5: machine %u preempts a key that is only %" PRIu64 " ms old", striker->index,
			 age / SIM_MS);
}

void check_strike(struct sim *s, const struct sim_op *op, int32_t holder_nexus, uint64_t holder_key,
		  uint64_t since_t)
{
	struct sim_machine *striker = &s->machines[op->machine];
	if (qd_key_node((struct qd_key){holder_key}) != striker->node_id) {
		if (op->life == striker->life)
			note_left_keys(s, striker, (struct qd_key){holder_key});
		striker->struck_at_t = s->t;
		if (!op->by_owner)
			check_age(s, striker, since_t);
	}
	if (holder_nexus < 0 || check_clock_lied(s, striker))
		return;
	for (uint32_t i = 0; i < s->o.machines; i++) {
		const struct sim_machine *m = &s->machines[i];
		if (m == striker || holder_nexus < (int32_t)m->nexus_base ||
		    holder_nexus >= (int32_t)(m->nexus_base + m->config.path_count))
			continue;
		if (!m->powered || !m->process || check_clock_lied(s, m) ||
		    m->nexus_base == striker->nexus_base)
			continue;
		struct qd_mono now = {host_local(s, m)};
		bool inside = m->node.arbiter.state == QD_ARB_OWNER && qd_lease_runs(&m->node.lease, now);
		if (!inside)
			continue;
		sim_fail(s,
			 "I5: machine %u preempts key %016" PRIx64
			 " of machine %u, whose lease began %" PRIu64 " ms ago",
			 striker->index, holder_key, m->index, (now.ns - m->node.lease.start.ns) / SIM_MS);
		return;
	}
}

/* ---- I6 ---- */

/* Where views decide, it goes on from view to view of the same leader; and what failed under one view is tried once more
 * under the next (five nodes, seed 1333: a node that had held itself out came back late). */
static bool serves(const struct sim *s, const struct sim_machine *m)
{
	const bool again =
		s->o.c.on && m->runner.state == SIM_RUNNER_STARTING && s->facts.heal_owner == m->index;
	return m->powered && m->process && (m->mine || s->o.c.on) &&
	       (m->runner.state == SIM_RUNNER_RUNNING || m->runner.failed || again);
}

void check_heal(struct sim *s)
{
	struct sim_facts *f = &s->facts;
	uint32_t owner = SIM_MACHINES_MAX;
	for (uint32_t i = 0; i < s->o.machines; i++)
		if (serves(s, &s->machines[i]))
			owner = i;
	uint64_t epoch = owner < SIM_MACHINES_MAX ? s->machines[owner].mine_epoch : 0;
	if (s->o.c.on)
		epoch = 0; /* the group goes on from view to view */
	if (owner == f->heal_owner && epoch == f->heal_epoch)
		return;
	f->heal_owner = owner;
	f->heal_epoch = epoch;
	f->heal_since_t = s->t;
}

void check_end(struct sim *s)
{
	if (sim_faults_has(&s->o.faults, SIM_FAULT_COPIED_ID)) {
		s->cover->heal_waived++; /* nobody may be left that is not refused (PROTOCOL.md case 5) */
		return;
	}
	const struct sim_facts *f = &s->facts;
	uint64_t again = (uint64_t)s->o.times_later.wait.ns + 2 * (uint64_t)s->o.times_later.look.ns;
	uint64_t bound = sim_heal_bound_ns(&s->o) + f->heal_retries * again;
	if (s->o.heal_ns + bound > s->o.end_ns) {
		s->cover->heal_waived++; /* raced for again and again: not seen to the end */
		return;
	}
	if (f->heal_owner == SIM_MACHINES_MAX) {
		sim_fail(s, "I6: %" PRIu64 " s after healing nobody runs the group",
			 (s->t - s->o.heal_ns) / SIM_S);
		return;
	}
	uint64_t took = f->heal_since_t > s->o.heal_ns ? f->heal_since_t - s->o.heal_ns : 0;
	if (took > bound) {
		sim_fail(s,
			 "I6: machine %u runs the group for good only %" PRIu64
			 " ms after healing, the bound is %" PRIu64,
			 f->heal_owner, took / SIM_MS, bound / SIM_MS);
		return;
	}
	if (took > s->cover->heal_max_ns)
		s->cover->heal_max_ns = took;
}
