/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong where views decide, and when it stops going wrong. */
#include "sim/sim.h"

#define FOR_EVER (1000000 * SIM_S)

/* ---- networks ---- */

static uint32_t other_than(struct sim *s, uint32_t machine)
{
	const uint32_t n = (uint32_t)sim_below(s, s->o.machines - 1u);
	return n < machine ? n : n + 1;
}

/* One network, or, most often, all of them. */
static uint32_t draw_net(struct sim *s)
{
	return sim_chance(s, 160) ? s->o.c.nets : (uint32_t)sim_below(s, s->o.c.nets);
}

static void isolate(struct sim *s, uint32_t i, uint64_t until)
{
	const uint64_t which = sim_chance(s, 160) ? 3 : 1 + sim_below(s, 2);
	for (uint32_t k = 0; k < s->o.machines; k++) {
		if ((which & 1) != 0)
			net_cut(s, i, k, s->o.c.nets, until);
		if ((which & 2) != 0)
			net_cut(s, k, i, s->o.c.nets, until);
	}
	if (sim_chance(s, 128))
		s->c.witness.request_cut_until[i] = s->c.witness.answer_cut_until[i] = until;
}

/* Two groups, sometimes three; the witness hears all of them or one. */
static void partition(struct sim *s, uint64_t until)
{
	const uint64_t groups = sim_chance(s, 200) ? 2 : 3;
	const uint64_t heard = sim_below(s, groups + 1);
	uint8_t group[SIM_NODES_MAX];
	for (uint32_t i = 0; i < s->o.machines; i++)
		group[i] = (uint8_t)sim_below(s, groups);
	for (uint32_t i = 0; i < s->o.machines; i++) {
		for (uint32_t k = 0; k < s->o.machines; k++)
			if (group[i] != group[k])
				net_cut(s, i, k, s->o.c.nets, until);
		if (heard < groups && group[i] != heard)
			s->c.witness.request_cut_until[i] = s->c.witness.answer_cut_until[i] = until;
	}
}

static void fault_net(struct sim *s, enum sim_fault f, uint32_t i)
{
	const uint64_t until = fault_end(s, fault_duration(s));
	const uint32_t k = other_than(s, i);
	const uint32_t net = draw_net(s);
	switch ((int)f) {
	case SIM_FAULT_NET_CUT:
		net_cut(s, k, i, net, until);
		net_cut(s, i, k, net, until);
		return;
	case SIM_FAULT_NET_ONE_WAY:
		net_cut(s, i, k, net, until);
		return;
	case SIM_FAULT_NET_ISOLATE:
		isolate(s, i, until);
		return;
	case SIM_FAULT_NET_PARTITION:
		partition(s, until);
		return;
	case SIM_FAULT_NET_PARTIAL:
		net_cut(s, k, i, s->o.c.nets, until);
		net_cut(s, i, k, s->o.c.nets, until);
		return;
	case SIM_FAULT_NET_DARK:
		for (uint32_t a = 0; a < s->o.machines; a++)
			for (uint32_t b = 0; b < s->o.machines; b++)
				net_cut(s, a, b, net, until);
		return;
	case SIM_FAULT_NET_FLAP:
		sim_push(s, s->t, SIM_EV_FLAP, i, k, 2 * (uint32_t)sim_between(s, 2, 12));
		return;
	case SIM_FAULT_NET_STORM:
		s->c.net.storm_until = until;
		return;
	default:
		QD_UNREACHABLE("not a fault of a network");
	}
}

/* ---- machines, their stores, the witness ---- */

static void crash_later(struct sim *s, uint64_t within_ns)
{
	for (uint32_t i = 0; i < s->o.machines; i++)
		sim_push(s, s->t + sim_below(s, within_ns), SIM_EV_CRASH, i, 0, 0);
}

static void fault_store(struct sim *s, struct sim_machine *m, enum sim_fault f)
{
	struct sim_store *st = &s->c.stores[m->index];
	switch ((int)f) {
	case SIM_FAULT_STORE_SLOW:
		st->slow_until = fault_end(s, fault_duration(s));
		return;
	case SIM_FAULT_STORE_STUCK:
		st->stuck_until = fault_end(s, fault_duration(s));
		return;
	case SIM_FAULT_STORE_WIPED:
	case SIM_FAULT_STORE_OLD_COPY:
		host_crash(s, m, sim_between(s, 1, 30) * SIM_S);
		store_lose(s, m, f == SIM_FAULT_STORE_WIPED);
		return;
	default:
		QD_UNREACHABLE("not a fault of a store");
	}
}

static void fault_witness(struct sim *s, enum sim_fault f)
{
	struct sim_witness *w = &s->c.witness;
	const uint64_t until = fault_end(s, fault_duration(s));
	switch ((int)f) {
	case SIM_FAULT_WITNESS_CRASH:
		witness_crash(s, sim_between(s, 200, 20000) * SIM_MS);
		return;
	case SIM_FAULT_WITNESS_PAUSE:
		w->halted_until = until;
		return;
	case SIM_FAULT_WITNESS_CUT:
		for (uint32_t i = 0; i < s->o.machines; i++) {
			const uint64_t which = sim_below(s, 4);
			if ((which & 1) != 0)
				w->request_cut_until[i] = until;
			if ((which & 2) != 0)
				w->answer_cut_until[i] = until;
		}
		return;
	case SIM_FAULT_WITNESS_WIPED:
	case SIM_FAULT_WITNESS_OLD_COPY:
		witness_crash(s, sim_between(s, 200, 20000) * SIM_MS);
		witness_lose(s, f == SIM_FAULT_WITNESS_WIPED);
		s->c.facts.witness_epoch = 0;
		return;
	case SIM_FAULT_SHARE_HANG:
		share_hang(s, sim_chance(s, 64) ? SIM_SHARE_THREADS : (uint32_t)sim_below(s, s->o.machines),
			   until);
		return;
	default:
		QD_UNREACHABLE("not a fault of the witness");
	}
}

static void reload_links(struct sim *s, struct sim_machine *m)
{
	struct qd_links_config *l = &s->c.links[m->index];
	uint64_t until;
	const uint32_t k = (uint32_t)sim_below(s, s->o.c.nets);
	const uint32_t threshold =
		s->o.c.threshold[k] - (sim_chance(s, 128) && s->o.c.threshold[k] > 3 ? 1 : 0);
	if (!m->powered || !m->process || !host_runs(s, m, &until))
		return;
	for (uint32_t id = qd_set_next(l->peers, 0); id != 0; id = qd_set_next(l->peers, id))
		l->link[id - 1][k].threshold = threshold;
	struct qd_event ev = {.kind = QD_EVENT_LINKS, .u.links = l};
	host_step(s, m, &ev);
}

static void fault_other(struct sim *s, struct sim_machine *m, enum sim_fault f)
{
	switch ((int)f) {
	case SIM_FAULT_ALL_OFF:
		crash_later(s, 20 * SIM_MS);
		return;
	case SIM_FAULT_ONE_BY_ONE:
		crash_later(s, 60 * SIM_S);
		return;
	case SIM_FAULT_FORCE:
		operator_force(s);
		return;
	case SIM_FAULT_PREVENT:
		m->prevent = true;
		host_end_process(s, m);
		if (m->powered)
			sim_push(s, s->t + SIM_S, SIM_EV_PROCESS, m->index, 0, m->life);
		return;
	case SIM_FAULT_LINKS:
		reload_links(s, m);
		return;
	default:
		operator_change(s, m, f);
		return;
	}
}

static bool is_net(enum sim_fault f)
{
	return f >= SIM_FAULT_NET_CUT && f <= SIM_FAULT_NET_STORM;
}

static bool is_store(enum sim_fault f)
{
	return f >= SIM_FAULT_STORE_SLOW && f <= SIM_FAULT_STORE_OLD_COPY;
}

static bool is_witness(enum sim_fault f)
{
	return (f >= SIM_FAULT_WITNESS_CRASH && f <= SIM_FAULT_WITNESS_OLD_COPY) || f == SIM_FAULT_SHARE_HANG;
}

/* How often, compared with others: what ends a run for long, or loses what was kept, is rarer. */
static uint32_t weight_of(const struct sim *s, enum sim_fault f)
{
	if (!fault_on(s, f) || !sim_fault_scheduled(f))
		return 0;
	if (fault_is_target(f) || f == SIM_FAULT_SESSION_LOSS || f == SIM_FAULT_LINK_DOWN ||
	    f == SIM_FAULT_LINK_ONE_WAY)
		return s->o.c.has_disk ? 2 : 0;
	if (f == SIM_FAULT_SHARE_HANG)
		return s->o.c.share ? 8 : 0;
	if (is_witness(f))
		return s->o.c.has_witness ? 4 : 0;
	if (is_net(f))
		return 12;
	if (f == SIM_FAULT_FORCE || f == SIM_FAULT_ALL_OFF || f == SIM_FAULT_STORE_WIPED ||
	    f == SIM_FAULT_STORE_OLD_COPY || f == SIM_FAULT_ONE_BY_ONE)
		return 1;
	return 4;
}

static enum sim_fault draw_fault(struct sim *s)
{
	uint32_t sum = 0;
	for (enum sim_fault f = 0; f < SIM_FAULT_COUNT; f++)
		sum += weight_of(s, f);
	if (sum == 0)
		return SIM_FAULT_COUNT;
	uint64_t left = sim_below(s, sum);
	for (enum sim_fault f = 0; f < SIM_FAULT_COUNT; f++) {
		const uint32_t weight = weight_of(s, f);
		if (left < weight)
			return f;
		left -= weight;
	}
	QD_UNREACHABLE("weights of faults");
}

/* Whoever recorded packets does not stop for our healing. */
static void go_on_replaying(struct sim *s)
{
	if (!sim_faults_has(&s->o.faults, SIM_FAULT_NET_REPLAY))
		return;
	net_replay(s);
	sim_push(s, s->t + sim_between(s, 50, 400) * SIM_MS, SIM_EV_FAULT, 0, 0, 0);
}

void cluster_fault_clock(struct sim *s)
{
	if (s->healed) {
		go_on_replaying(s);
		return;
	}
	sim_push(s, s->t + 100 * SIM_MS + sim_below(s, 2 * s->o.gap_ms * SIM_MS), SIM_EV_FAULT, 0, 0, 0);
	store_backup(s);
	if (sim_chance(s, 32)) {
		s->c.witness.old = s->c.witness.durable;
		if (s->o.c.share)
			share_backup(s);
	}
	const enum sim_fault f = draw_fault(s);
	if (f == SIM_FAULT_COUNT)
		return;
	struct sim_machine *m = &s->machines[sim_below(s, s->o.machines)];
	if (sim_chance(s, 96)) /* the one that matters most */
		for (uint32_t i = 0; i < s->o.machines; i++)
			if (s->machines[i].process && s->machines[i].node.cluster.state == QD_CLUSTER_LEADING)
				m = &s->machines[i];
	s->cover->faults_injected++;
	if (fault_is_target(f)) {
		if (s->target_up) {
			fault_count(s, f, 0xff, 0);
			fault_target(s, f);
		}
		return;
	}
	fault_count(s, f, is_witness(f) ? 0xff : m->index, 0);
	if (f <= SIM_FAULT_COPIED_ID)
		fault_machine(s, m, f);
	else if (is_net(f))
		fault_net(s, f, m->index);
	else if (is_store(f))
		fault_store(s, m, f);
	else if (is_witness(f))
		fault_witness(s, f);
	else
		fault_other(s, m, f);
}

/* Right after something was said that others may, or may not, have heard. */
void cluster_trap(struct sim *s, struct sim_machine *m, enum qd_msg_kind said)
{
	const bool tells = said == QD_MSG_PREPARE || said == QD_MSG_INSTALL || said == QD_MSG_CHANGE;
	const bool answers = said == QD_MSG_PROMISE || said == QD_MSG_INSTALLED;
	if ((!tells && !answers) || s->healed || !sim_chance(s, s->o.c.trap_rate))
		return;
	const bool cut = tells && sim_chance(s, 128);
	const enum sim_fault f = answers ? SIM_FAULT_DIES_ANSWERING
				 : cut	 ? SIM_FAULT_CUT_TELLING
					 : SIM_FAULT_DIES_TELLING;
	if (!fault_on(s, f))
		return;
	fault_count(s, f, m->index, (uint64_t)said);
	if (cut) {
		isolate(s, m->index, fault_end(s, fault_duration(s)));
	} else if (sim_chance(s, 100)) { /* the process alone, and it is back at once */
		host_end_process(s, m);
		sim_push(s, s->t + sim_between(s, 5, 300) * SIM_MS, SIM_EV_PROCESS, m->index, 0, m->life);
	} else {
		host_crash(s, m, sim_between(s, 1, 30) * SIM_S);
	}
}

/* It has the change alone, and, by a rule that counts the new votes alone, perhaps a quorum. */
void cluster_trap_change(struct sim *s, struct sim_machine *m)
{
	if (!fault_on(s, SIM_FAULT_CUT_CHANGING) || !sim_chance(s, 48))
		return;
	fault_count(s, SIM_FAULT_CUT_CHANGING, m->index, 0);
	isolate(s, m->index, fault_end(s, fault_duration(s)));
	const uint64_t in_ns = sim_between(s, 10, 3000) * SIM_MS;
	const uint32_t again = (uint32_t)sim_below(s, 4);
	sim_push(s, s->t + in_ns, SIM_EV_CHANGE, m->index, 0, (uint32_t)SIM_FAULT_CHANGE_WEIGHTS + again);
}

/* ---- healing ---- */

/* Whether those who live can be quorate by what they have kept (docs/SIMULATOR.md says what this leaves out). */
static bool can_be_quorate(struct sim *s, uint64_t dead, const struct qd_head **newest_out)
{
	const struct qd_head *newest = NULL;
	const struct qd_head *known = NULL;
	uint64_t votes = 0;
	bool configured = false; /* by what it has kept itself: else it proposes nothing */
	for (uint32_t i = 0; i < s->o.machines; i++) {
		const struct sim_store *st = &s->c.stores[i];
		if ((dead >> i & 1) != 0 || operator_prevents(s, &s->machines[i]))
			continue;
		/* Also what is known without a vote: a store that lost its own knows of newer rules all the same. */
		if (known == NULL || qd_tag_compare(known->tag, st->durable.head.tag) < 0)
			known = &st->durable.head;
		if (!st->durable.has_vote)
			continue;
		votes |= qd_set_of(i + 1);
		configured = configured || qd_set_has(st->durable.head.votes.nodes, i + 1);
		if (newest == NULL || qd_tag_compare(newest->tag, st->durable.head.tag) < 0)
			newest = &st->durable.head;
	}
	*newest_out = newest;
	if (newest == NULL || !configured)
		return false;
	const struct qd_witness_record *w = &s->c.witness.durable;
	uint32_t extras = s->o.c.has_disk ? QD_EXTRA_DISK : 0;
	if (s->o.c.has_witness && w->confirmed && qd_tag_compare(w->tag, newest->tag) <= 0)
		extras |= QD_EXTRA_WITNESS;
	if (s->o.c.has_disk && qd_tag_compare(newest->tag, sim_disk_peek_slot(&s->disk)->tag) < 0) {
		/* A newer one lies on the disk: it counts, and so does the older one until it was read. */
		if (!qd_head_quorate(sim_disk_peek_slot(&s->disk), votes, extras))
			return false;
	}
	return qd_head_quorate(newest, votes, extras) && qd_head_quorate(known, votes, extras);
}

static void bury(struct sim *s, struct sim_machine *m)
{
	m->dead = true;
	if (sim_chance(s, 128)) {
		host_crash(s, m, SIM_S);
		return;
	}
	for (uint32_t i = 0; i < s->o.machines; i++) {
		net_cut(s, m->index, i, s->o.c.nets, FOR_EVER);
		net_cut(s, i, m->index, s->o.c.nets, FOR_EVER);
	}
	s->c.witness.request_cut_until[m->index] = FOR_EVER;
	for (uint32_t p = 0; p < s->o.paths; p++)
		m->paths[p].out_down_until = m->paths[p].in_down_until = FOR_EVER;
}

/* A change that was on its way when the others died may have taken their majority from those who live. */
bool cluster_lost_quorum(struct sim *s)
{
	const struct qd_head *newest;
	uint64_t dead = 0;
	for (uint32_t i = 0; i < s->o.machines; i++)
		dead |= s->machines[i].dead ? 1ull << i : 0;
	const uint64_t scar = s->c.facts.scar;
	const uint64_t one = scar & (~scar + 1);
	/* Without either of two who do not hear each other. */
	const bool can =
		can_be_quorate(s, dead | one, &newest) && can_be_quorate(s, dead | (scar ^ one), &newest);
	if (can || newest == NULL)
		return false;
	return heads_find(s, heads_id(newest))->made_t <= s->o.heal_ns + cluster_detection_ns(&s->o);
}

/* Two of the living do not hear each other, for ever: the best set is without one of them. */
static void scar(struct sim *s, uint64_t dead)
{
	const struct qd_head *newest;
	const uint32_t i = (uint32_t)sim_below(s, s->o.machines);
	const uint32_t k = other_than(s, i);
	const uint64_t pair = 1ull << i | 1ull << k;
	if (!sim_chance(s, 80) || s->o.machines < 3 || (dead & pair) != 0 || !sim_faults_any(&s->o.faults) ||
	    !can_be_quorate(s, dead | 1ull << i, &newest) || !can_be_quorate(s, dead | 1ull << k, &newest))
		return;
	net_cut(s, i, k, s->o.c.nets, FOR_EVER);
	if (sim_chance(s, 128))
		net_cut(s, k, i, s->o.c.nets, FOR_EVER);
	s->c.facts.scar = pair;
}

void cluster_heal(struct sim *s)
{
	struct sim_cluster_facts *f = &s->c.facts;
	const struct qd_head *newest;
	uint64_t dead = 0;
	for (uint32_t n = 0; n < s->o.c.dead_count; n++)
		dead |= 1ull << sim_below(s, s->o.machines);
	if (!sim_faults_any(&s->o.faults) || f->force_asked || !can_be_quorate(s, dead, &newest))
		dead = 0;
	f->required = can_be_quorate(s, dead, &newest);
	net_heal(s);
	witness_heal(s);
	scar(s, dead);
	for (uint32_t i = 0; i < s->o.machines; i++) {
		struct sim_machine *m = &s->machines[i];
		struct sim_store *st = &s->c.stores[i];
		st->slow_until = 0;
		if (st->stuck_until > s->t)
			st->stuck_until = s->t;
		m->prevent = false;
		if ((dead >> i & 1) != 0)
			bury(s, m);
		else if (m->process && m->node.cluster.prevented)
			host_end_process(s, m); /* its operator starts it again */
	}
}
