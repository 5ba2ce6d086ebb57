/* SPDX-License-Identifier: Apache-2.0 */
/* Operators: changes of the configuration, and the two that nobody should need: force quorum and prevent quorum. They
 * keep their part of the contract: who forces has turned the others off, and starts them with prevent quorum. */
#include "sim/sim.h"

bool operator_may_ask(struct sim *s, struct sim_machine *m, bool change)
{
	struct sim_seen *seen = &s->c.seen[m->index];
	uint64_t until;
	if (!m->powered || !m->process || !host_runs(s, m, &until))
		return false;
	/* Two changes at a time: one of them is refused. */
	const bool second = change && seen->asked == 1 && seen->asked_change;
	if (seen->asked != 0 && !second)
		return false;
	seen->asked++;
	seen->asked_change = change;
	return true;
}

/* Any rule of votes that there is a device for. */
static void draw_model(struct sim *s, struct qd_votes *v)
{
	enum qd_model model = (enum qd_model)sim_below(s, QD_MODEL_COUNT);
	v->model = model;
	const uint32_t extra = qd_votes_extra(v);
	if ((extra & QD_EXTRA_DISK) != 0 && !s->o.c.has_disk)
		v->model = QD_MODEL_NODE_MAJORITY;
	if ((extra & QD_EXTRA_WITNESS) != 0 && !s->o.c.has_witness)
		v->model = QD_MODEL_NODE_MAJORITY;
}

static void draw_votes(struct sim *s, struct qd_votes *v, enum sim_fault f)
{
	const uint32_t id = (uint32_t)sim_below(s, s->o.nodes) + 1;
	qd_assert(id <= SIM_NODES_MAX);
	switch ((int)f) {
	case SIM_FAULT_CHANGE_WEIGHTS:
		v->weight[id - 1] = (uint8_t)sim_below(s, 4);
		if (!qd_set_has(v->nodes, id))
			v->weight[id - 1] = 0;
		if (sim_chance(s, 64))
			v->low = qd_set_has(v->nodes, id) ? id : 0;
		return;
	case SIM_FAULT_CHANGE_MODEL:
		draw_model(s, v);
		return;
	case SIM_FAULT_CHANGE_DYNAMIC:
		v->dynamic = !v->dynamic;
		return;
	case SIM_FAULT_CHANGE_NODES:
		if (qd_set_has(v->nodes, id) && qd_set_count(v->nodes) > 1) {
			v->nodes &= ~qd_set_of(id);
			v->out &= ~qd_set_of(id);
			v->weight[id - 1] = 0;
			v->low = v->low == id ? 0 : v->low;
			v->paused &= ~qd_set_of(id);
		} else if (!qd_set_has(v->nodes, id)) {
			v->nodes |= qd_set_of(id);
			v->weight[id - 1] = 1;
		}
		return;
	case SIM_FAULT_CHANGE_PAUSE:
		v->paused ^= qd_set_of(id) & v->nodes;
		return;
	case SIM_FAULT_CHANGE_TEXT:
	case SIM_FAULT_CHANGE_STALE:
		return;
	default:
		QD_UNREACHABLE("not a change");
	}
}

void operator_change(struct sim *s, struct sim_machine *m, enum sim_fault f)
{
	if (sim_chance(s, 192)) /* mostly where it can be done */
		for (uint32_t i = 0; i < s->o.machines; i++)
			if (s->machines[i].process && s->machines[i].node.cluster.state == QD_CLUSTER_LEADING)
				m = &s->machines[i];
	operator_change_at(s, m, f);
}

void operator_change_at(struct sim *s, struct sim_machine *m, enum sim_fault f)
{
	struct sim_cluster_facts *facts = &s->c.facts;
	if (facts->bodies >= SIM_BODIES_MAX || !operator_may_ask(s, m, true))
		return;
	const struct qd_head *head = &m->node.cluster.kept.head;
	struct qd_votes votes = head->votes;
	draw_votes(s, &votes, f);
	struct qd_event ev = {.kind = QD_EVENT_CHANGE};
	ev.u.change.from = head->tag;
	if (f == SIM_FAULT_CHANGE_STALE)
		ev.u.change.from.version -= ev.u.change.from.version > 1 ? 1 : 0;
	ev.u.change.votes = &votes;
	store_body_of(facts->bodies++, ev.u.change.body);
	store_add_body(s, m, ev.u.change.body);
	sim_log_add(s, SIM_LOG_OPERATOR, m->index, 0, (uint64_t)votes.model, votes.nodes, votes.dynamic);
	host_step(s, m, &ev);
	const struct qd_cluster *c = &m->node.cluster;
	if (m->process && c->lead.change_operator && qd_tag_compare(c->want.head.tag, c->kept.head.tag) > 0)
		cluster_trap_change(s, m);
}

/* ---- force and prevent ---- */

/* Whoever has not taken what was forced must not decide from its own copy. */
bool operator_prevents(struct sim *s, const struct sim_machine *m)
{
	return s->c.facts.forced &&
	       !heads_descends(s, heads_id(&s->c.stores[m->index].durable.head), s->c.facts.forced_id);
}

/* The others stay off until the forced configuration is on a disk, or cannot come there any more. */
bool operator_waits(const struct sim *s, const struct sim_machine *m)
{
	return s->o.c.on && s->c.facts.force_asked && s->c.facts.force_machine != m->index;
}

/* Somewhere is a configuration from after a forced quorum that this machine knows nothing of. Forced here, too, the
 * two lines could not tell which of them is to go on (QUORUM.md, Force quorum, step 2). */
static bool misses_a_force(const struct sim *s, const struct sim_machine *m)
{
	const uint64_t half = (uint64_t)1 << 39; /* of what a force raises the counter by */
	const uint64_t own = qd_epoch_counter(s->c.stores[m->index].durable.promised);
	uint64_t newest = qd_epoch_counter(sim_disk_peek_slot(&s->disk)->tag.epoch);
	for (uint32_t i = 0; i < s->o.machines; i++) {
		const uint64_t counter = qd_epoch_counter(s->c.stores[i].durable.head.tag.epoch);
		newest = counter > newest ? counter : newest;
	}
	return newest > own + half;
}

void operator_force(struct sim *s)
{
	struct sim_cluster_facts *f = &s->c.facts;
	struct sim_machine *m = &s->machines[sim_below(s, s->o.machines)];
	const struct sim_store *st = &s->c.stores[m->index];
	if (f->force_asked || !st->own || operator_prevents(s, m) || misses_a_force(s, m))
		return;
	f->force_asked = true;
	f->force_machine = m->index;
	for (uint32_t i = 0; i < s->o.machines; i++) {
		struct sim_machine *o = &s->machines[i];
		const uint64_t back_ns = sim_between(s, 3, 60) * SIM_S;
		if (o == m)
			continue;
		if (o->powered) {
			host_crash(s, o, back_ns);
		} else {
			o->boots++; /* whatever would have started it does not any more */
			sim_push(s, s->t + back_ns, SIM_EV_BOOT, i, 0, o->boots);
		}
	}
	sim_log_add(s, SIM_LOG_OPERATOR, m->index, 1, 0, 0, 0);
	sim_push(s, s->t + sim_between(s, 1, 3000) * SIM_MS, SIM_EV_FORCE, m->index, 0, 0);
}

void operator_force_now(struct sim *s, struct sim_machine *m, uint32_t tries)
{
	struct sim_cluster_facts *f = &s->c.facts;
	if (!f->force_asked || f->force_machine != m->index)
		return;
	if (!operator_may_ask(s, m, false)) {
		if (tries < 60 && !s->healed)
			sim_push(s, s->t + SIM_S, SIM_EV_FORCE, m->index, 0, tries + 1);
		else
			f->force_asked = false;
		return;
	}
	/* Its store may have been lost meanwhile: nobody forces what knows nothing (QUORUM.md, Force quorum, step 2). */
	if (!s->c.stores[m->index].own) {
		s->c.seen[m->index].asked--;
		f->force_asked = false;
		return;
	}
	f->force_told = true;
	f->force_unix_s = 1700000000 + s->t / SIM_S;
	struct qd_event ev = {.kind = QD_EVENT_FORCE, .u.force = {.unix_s = f->force_unix_s}};
	sim_log_add(s, SIM_LOG_OPERATOR, m->index, 2, 0, 0, 0);
	host_step(s, m, &ev);
}
