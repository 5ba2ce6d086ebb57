/* SPDX-License-Identifier: Apache-2.0 */
/* I6 and I7 where views decide: after healing the group runs again within the bound, and the views come to rest. */
#include "sim/sim.h"

#include <inttypes.h>

/* Of those who live, and may be in one view, nobody may run the group: all are paused, or configured no more, were
 * started to join only or keep themselves out. */
static bool nobody_may(const struct sim *s)
{
	const struct qd_head *newest = &s->c.stores[0].durable.head;
	uint64_t dead = 0;
	for (uint32_t i = 0; i < s->o.machines; i++) {
		const struct qd_head *h = &s->c.stores[i].durable.head;
		newest = qd_tag_compare(newest->tag, h->tag) < 0 ? h : newest;
		const struct sim_machine *m = &s->machines[i];
		const bool held = (m->node.cluster.flags & QD_NEWS_HELD) != 0;
		const bool out = m->dead || (m->process && (m->node.cluster.prevented || held));
		dead |= out ? 1ull << i : 0;
	}
	const uint64_t may = newest->votes.nodes & ~newest->votes.paused & ~dead;
	const uint64_t scar = s->c.facts.scar;
	const uint64_t one = scar & (~scar + 1);
	return (may & ~one) == 0 || (may & ~(scar ^ one)) == 0;
}

/* Whoever asked for something before healing has been answered by now. */
static void check_answered(struct sim *s)
{
	for (uint32_t i = 0; i < s->o.machines; i++) {
		const struct sim_machine *m = &s->machines[i];
		if (m->process && !m->dead && s->c.seen[i].asked != 0)
			sim_fail(s, "contract: an operator of node %u still waits for an answer", m->node_id);
	}
}

void check_cluster_end(struct sim *s)
{
	const struct sim_cluster_facts *c = &s->c.facts;
	const struct sim_facts *f = &s->facts;
	const uint64_t again = (uint64_t)s->o.times_later.wait.ns + 2 * (uint64_t)s->o.times_later.look.ns;
	const uint64_t bound = cluster_heal_bound_ns(&s->o) + f->heal_retries * again;
	if (c->views_healed > s->cover->views_healed_max)
		s->cover->views_healed_max = c->views_healed;
	check_answered(s);
	if (!c->required || (f->heal_owner == SIM_MACHINES_MAX && cluster_lost_quorum(s))) {
		s->cover->not_quorate++;
		return;
	}
	if (s->o.heal_ns + bound > s->o.end_ns || (f->heal_owner == SIM_MACHINES_MAX && nobody_may(s))) {
		s->cover->heal_waived++;
		return;
	}
	const uint64_t took = f->heal_since_t > s->o.heal_ns ? f->heal_since_t - s->o.heal_ns : 0;
	if (f->heal_owner == SIM_MACHINES_MAX)
		sim_fail(s, "I6: %" PRIu64 " s after healing nobody runs the group",
			 (s->t - s->o.heal_ns) / SIM_S);
	else if (took > bound)
		sim_fail(s,
			 "I6: machine %u runs the group for good only %" PRIu64
			 " ms after healing, the bound is %" PRIu64,
			 f->heal_owner, took / SIM_MS, bound / SIM_MS);
	else if (took > s->cover->heal_max_ns)
		s->cover->heal_max_ns = took;
	const uint64_t views_max = 10 + 4 * s->o.nodes;
	if (c->views_healed > views_max || c->views_late > 2 * s->o.nodes)
		sim_fail(s, "I7: %" PRIu64 " views after healing, %" PRIu64 " of them late", c->views_healed,
			 c->views_late);
}
