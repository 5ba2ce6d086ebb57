/* SPDX-License-Identifier: Apache-2.0 */
/* Machines where views decide: what their configuration is, what the core wants of them, and their events. */
#include "sim/sim.h"

#include <string.h>

static void set_up_links(struct sim *s, uint32_t i)
{
	struct qd_links_config *l = &s->c.links[i];
	*l = (struct qd_links_config){.node_id = i + 1, .peers = ((1ull << s->o.nodes) - 1) & ~(1ull << i)};
	for (uint32_t id = qd_set_next(l->peers, 0); id != 0; id = qd_set_next(l->peers, id))
		for (uint32_t k = 0; k < s->o.c.nets; k++)
			l->link[id - 1][k] = (struct qd_link_config){.used = true,
								     .delay = qd_span_ms(s->o.c.delay_ms[k]),
								     .threshold = s->o.c.threshold[k]};
}

void cluster_set_up(struct sim *s)
{
	memset(&s->c.facts, 0, sizeof(s->c.facts));
	memset(s->c.seen, 0, sizeof(s->c.seen));
	s->c.first = (struct qd_head){.tag = {.epoch = 0, .version = 1}, .votes = s->o.c.votes};
	store_body_of(s->c.facts.bodies++, s->c.first.body);
	heads_add(s, &s->c.first, heads_id(&s->c.first), 0);
	s->c.facts.done_id = heads_id(&s->c.first);
	net_init(s);
	store_init(s);
	witness_init(s);
	for (uint32_t i = 0; i < s->o.machines; i++)
		set_up_links(s, i);
	s->cover->models[s->o.c.votes.model]++;
	s->cover->shares += s->o.c.share;
}

void cluster_configure(struct sim *s, struct sim_machine *m)
{
	struct qd_links_config *l = &s->c.links[m->index];
	struct sim_seen *seen = &s->c.seen[m->index];
	const struct sim_store *st = &s->c.stores[m->index];
	l->session = qd_rand_u64(&s->rand) | 1;
	l->incarnation = m->config.incarnation;
	l->seed = qd_rand_u64(&s->rand);
	seen->prevented = m->prevent || operator_prevents(s, m);
	m->prevent = false;
	m->config.has_cluster = true;
	m->config.links = *l;
	m->config.cluster = (struct qd_cluster_config){
		.node_id = m->node_id,
		.incarnation = m->config.incarnation,
		.detection = qd_links_detection(l),
		.join_only = seen->prevented,
		.has_witness = s->o.c.has_witness,
		.has_disk = s->o.c.has_disk,
		.seed = qd_rand_u64(&s->rand),
		.kept = st->durable,
	};
	if (s->o.c.share)
		share_process(s, m);
	seen->want = st->durable.head.tag;
	seen->head_id = heads_id(&st->durable.head);
	seen->state = QD_CLUSTER_JOINING;
}

void cluster_ended(struct sim *s, struct sim_machine *m)
{
	store_process_ended(s, m);
	check_cluster_forget(s, m);
}

bool cluster_act(struct sim *s, struct sim_machine *m, const struct qd_action *a)
{
	switch (a->kind) {
	case QD_ACTION_SEND:
		net_send(s, m, a);
		return true;
	case QD_ACTION_KEEP:
		store_keep(s, m, a, &s->out.keep);
		return true;
	case QD_ACTION_WITNESS:
		witness_ask(s, m, &a->u.witness);
		return true;
	case QD_ACTION_REPLY:
		check_cluster_reply(s, m, a->u.reply);
		return true;
	case QD_ACTION_NONE:
	case QD_ACTION_OP:
	case QD_ACTION_TEARDOWN:
	case QD_ACTION_STORE:
	case QD_ACTION_GROUP_START:
	case QD_ACTION_GROUP_STOP:
	case QD_ACTION_LEASE:
	case QD_ACTION_OWNER:
	case QD_ACTION_SELF_RESET:
	case QD_ACTION_OFF:
	case QD_ACTION_KIND_COUNT:
		break;
	}
	return false;
}

/* The way between two nodes goes, or comes, on every network. */
static void flap(struct sim *s, const struct sim_machine *m, const struct sim_event *e)
{
	if (s->healed || e->gen == 0)
		return;
	const uint64_t until = s->t + sim_between(s, 100, 4000) * SIM_MS;
	if (e->gen % 2 == 0) {
		net_cut(s, m->index, e->index, s->o.c.nets, until);
		net_cut(s, e->index, m->index, s->o.c.nets, until);
	}
	sim_push(s, until, SIM_EV_FLAP, e->machine, e->index, e->gen - 1);
}

void cluster_handle(struct sim *s, struct sim_machine *m, const struct sim_event *e)
{
	switch ((int)e->kind) {
	case SIM_EV_PACKET:
		net_arrive(s, m, e);
		return;
	case SIM_EV_KEPT:
		store_over(s, m, e);
		return;
	case SIM_EV_ASK:
		witness_take(s, e);
		return;
	case SIM_EV_ANSWER_ASK:
		witness_answer(s, m, e);
		return;
	case SIM_EV_WITNESS_WRITTEN:
		witness_written(s, e);
		return;
	case SIM_EV_WITNESS_UP:
		if (!s->c.witness.up && s->c.witness.life == e->gen)
			witness_start(s);
		return;
	case SIM_EV_SHARE:
		share_handle(s, m, e);
		return;
	case SIM_EV_SHARE_WAKE:
		share_wake(s, m, e);
		return;
	case SIM_EV_FLAP:
		flap(s, m, e);
		return;
	case SIM_EV_FORCE:
		operator_force_now(s, m, e->gen);
		return;
	case SIM_EV_CHANGE:
		if (!s->healed)
			operator_change_at(s, m, (enum sim_fault)e->gen);
		return;
	case SIM_EV_CRASH:
		if (!s->healed)
			host_crash(s, m, sim_between(s, 1, 30) * SIM_S);
		return;
	case SIM_EV_NONE:
	case SIM_EV_ARRIVE:
	case SIM_EV_LAND:
	case SIM_EV_ANSWER:
	case SIM_EV_LOST:
	case SIM_EV_NOTICE:
	case SIM_EV_STORED:
	case SIM_EV_REPORT:
	case SIM_EV_BOOT:
	case SIM_EV_PROCESS:
	case SIM_EV_RESUME:
	case SIM_EV_FAULT:
	case SIM_EV_TARGET_UP:
	case SIM_EV_CLEAR:
	case SIM_EV_HEAL:
	case SIM_EV_SLOT:
	case SIM_EV_KIND_COUNT:
		break; /* of machines and the disk: run.c */
	}
	QD_UNREACHABLE("event of views");
}
