/* SPDX-License-Identifier: Apache-2.0 */
/* Two worlds are one when they differ only in what can never matter: instants count by their distance from now, as far as
 * any rule looks back (W: then every right of it is over); proof rounds by their distance from their leader's; sessions
 * by whether they are the present ones; what a state does not look at, not at all; packets in no order. */
#include "explore/world.h"

enum { WORDS_MAX = 4096 };

/* A world, or a packet, as numbers. */
struct sink {
	uint32_t count;
	uint32_t words[WORDS_MAX];
};

static inline void eat(struct sink *s, uint64_t v)
{
	s->words[s->count++] = (uint32_t)v;
}

static inline void eat_epoch(struct sink *s, uint64_t epoch)
{
	eat(s, epoch);
	eat(s, epoch >> 32); /* a forced view's `before` is above all */
}

static inline uint64_t mix(uint64_t a, uint64_t b)
{
	return (a * b) ^ (uint64_t)(__extension__((unsigned __int128)a * b) >> 64);
}

static void digest(struct sink *s, uint64_t to[2])
{
	uint64_t a = UINT64_C(0x9e3779b97f4a7c15) ^ s->count;
	uint64_t b = UINT64_C(0xbf58476d1ce4e5b9) + s->count;
	eat(s, 0);
	for (uint32_t i = 0; i + 1 < s->count; i += 2) {
		const uint64_t v = s->words[i] | (uint64_t)s->words[i + 1] << 32;
		a = mix(a ^ v, UINT64_C(0xa0761d6478bd642f)) + (b >> 7);
		b = mix(b + v, UINT64_C(0xe7037ed1a0b428db) ^ a);
	}
	to[0] = mix(a ^ UINT64_C(0x8ebc6af09c88c6e3), b ^ UINT64_C(0x589965cc75374cc3));
	to[1] = mix(b ^ UINT64_C(0x1d8e4e27c47d124f), a + UINT64_C(0xeb44accab455d165));
}

/* How long ago, in ms; what is W old, or never was: the same number. */
static void eat_at(struct sink *s, const struct ex_world *w, struct qd_mono at)
{
	uint64_t ms = UINT32_MAX;
	if (at.ns != 0 && qd_mono_is_never(at))
		ms = UINT32_MAX - 1;
	else if (at.ns != 0 && qd_mono_before(w->now, qd_mono_add(at, ex_times()->wait)))
		ms = (uint64_t)(qd_mono_sub(w->now, at).ns / 1000000);
	eat(s, ms);
}

/* How long yet, in ms; 0: over. */
static void eat_until(struct sink *s, const struct ex_world *w, struct qd_mono at)
{
	eat(s, qd_mono_reached(w->now, at) ? 0 : (uint64_t)(qd_mono_sub(at, w->now).ns / 1000000));
}

static void eat_votes(struct sink *s, const struct qd_votes *v)
{
	eat(s, (uint64_t)v->model | v->nodes << 8 | v->out << 16 | (uint64_t)v->extra_out << 24 |
		       v->paused << 32);
	eat(s, v->weight[0] | (uint64_t)v->weight[1] << 8 | (uint64_t)v->weight[2] << 16);
}

static void eat_tag(struct sink *s, struct qd_tag tag)
{
	eat_epoch(s, tag.epoch);
	eat(s, tag.version);
}

static void eat_head(struct sink *s, const struct qd_head *h)
{
	eat_tag(s, h->tag);
	eat(s, (uint64_t)h->has_old | (uint64_t)h->body[0] << 8);
	eat_votes(s, &h->votes);
	if (h->has_old)
		eat_votes(s, &h->old);
}

static void eat_view(struct sink *s, const struct qd_view *v)
{
	eat_epoch(s, v->epoch);
	if (v->epoch == 0)
		return;
	eat(s, v->members | v->incarnation[0] << 8 | v->incarnation[1] << 16 | v->incarnation[2] << 24);
}

static void eat_kept(struct sink *s, const struct qd_kept *k)
{
	eat_epoch(s, k->promised);
	eat(s, k->has_vote);
	eat_view(s, &k->installed);
	eat_head(s, &k->head);
}

static void eat_ages(struct sink *s, const struct qd_ages *a)
{
	for (uint32_t i = 0; i < QD_NODES_MAX; i++) {
		eat(s, qd_set_has(a->known, i + 1) ? a->left_ns[i] / 1000000 : 0);
	}
}

/* How far a round lies behind the newest of the leader of `epoch`; what nobody waits for any more is all the same. */
static uint64_t round_of(const struct ex_world *w, uint64_t epoch, uint64_t round)
{
	const uint32_t leader = epoch == 0 ? 0 : qd_epoch_node(epoch);
	if (leader == 0 || leader > EX_NODES_MAX || round == 0)
		return 99;
	const struct qd_lead *l = &w->node[leader - 1].c.lead;
	if (l->view.epoch != epoch || l->round - round >= QD_ROUNDS_KEPT)
		return 98;
	return l->round - round;
}

/* ------------------------------------------------ a node */

static void eat_leading(struct sink *s, const struct ex_world *w, const struct ex_limits *l,
			const struct qd_cluster *c)
{
	const struct qd_lead *lead = &c->lead;
	for (uint64_t k = 0; k < 4; k++)
		eat_at(s, w,
		       k < lead->round ? lead->round_start[(lead->round - k) % QD_ROUNDS_KEPT]
				       : QD_MONO_ZERO);
	if (l->dynamic)
		eat_until(s, w, qd_mono_add(lead->stable_since, ex_times()->takeover));
	for (uint32_t i = 0; i < l->nodes; i++) {
		const struct qd_member *m = &c->members[i];
		const uint64_t behind = round_of(w, lead->view.epoch, m->answered);
		eat(s,
		    behind | (uint64_t)m->has_vote << 16 | (uint64_t)m->runs << 17 | (uint64_t)m->left << 18);
		eat_tag(s, m->tag);
		if (behind < QD_ROUNDS_KEPT)
			eat_at(s, w, m->answer_at[m->answered % QD_ROUNDS_KEPT]);
		eat_at(s, w, m->said_in);
	}
}

static void eat_lead(struct sink *s, const struct ex_world *w, const struct ex_limits *l,
		     const struct ex_node *n)
{
	const struct qd_cluster *c = &n->c;
	const struct qd_lead *lead = &c->lead;
	eat_epoch(s, c->witness.epoch != 0 ? lead->view.epoch : 0);
	if (c->state != QD_CLUSTER_PREPARING && c->state != QD_CLUSTER_GETTING_EXTRA &&
	    c->state != QD_CLUSTER_INSTALLING && c->state != QD_CLUSTER_LEADING)
		return;
	eat_view(s, &lead->view);
	eat(s, lead->promised_by | lead->installed_by << 8 | lead->voting << 16 |
		       (uint64_t)lead->change_open << 24);
	eat_head(s, &lead->head);
	eat_epoch(s, lead->before);
	eat_at(s, w, lead->since);
	if (c->state == QD_CLUSTER_LEADING)
		eat_leading(s, w, l, c);
}

static void eat_following(struct sink *s, const struct ex_world *w, const struct qd_cluster *c)
{
	for (uint32_t k = 0; k < QD_ROUNDS_KEPT; k++) {
		const uint64_t behind = round_of(w, c->kept.installed.epoch, c->answer_round[k]);
		if (behind >= QD_ROUNDS_KEPT)
			continue;
		eat(s, behind);
		eat_at(s, w, c->answer_sent[k]);
	}
	eat_at(s, w, c->proof_at);
}

static void eat_extra(struct sink *s, const struct ex_world *w, const struct ex_limits *l,
		      const struct ex_node *n)
{
	const struct qd_witness_voter *v = &n->c.witness;
	if (l->disk)
		eat_head(s, &n->slots);
	if (!l->witness)
		return;
	eat_epoch(s, v->epoch);
	eat(s, v->released);
	eat(s, (uint64_t)v->verdict << 8 | (v->asked_id != 0 ? 1u + (uint32_t)v->asked : 0));
	if (v->asked_id != 0)
		eat_at(s, w, v->asked_at);
	if (v->verdict == QD_WITNESS_UNCONFIRMED)
		eat_at(s, w, v->unconfirmed_at);
	if (v->epoch == 0)
		return;
	eat_at(s, w, v->start);
	eat_at(s, w, v->others);
	eat_tag(s, v->tag);
}

static void eat_stores(struct sink *s, const struct ex_world *w, const struct ex_limits *l,
		       const struct ex_node *n)
{
	const struct qd_cluster *c = &n->c;
	eat_kept(s, &c->kept);
	if (!l->slow_stores)
		return;
	eat_kept(s, &c->want);
	eat_kept(s, &n->disk);
	eat(s, c->keep_open);
	if (!c->keep_open)
		return;
	eat_kept(s, &c->keeping);
	eat_at(s, w, c->keep_since);
}

static void eat_cluster(struct sink *s, const struct ex_world *w, const struct ex_limits *l,
			const struct ex_node *n)
{
	const struct qd_cluster *c = &n->c;
	const bool answers_again =
		c->state == QD_CLUSTER_PROMISED || c->promise.view.epoch == c->want.promised;
	eat(s, c->state | c->set << 8 | (uint64_t)c->promise.open << 16 | (uint64_t)c->install.open << 17 |
		       (uint64_t)c->leaving << 18 | (uint64_t)c->right.held << 19 |
		       (uint64_t)c->interrupted << 20 | (uint64_t)c->handing << 21 |
		       (uint64_t)c->forcing << 22 | (uint64_t)c->lead.forced << 23);
	eat(s, c->max_counter);
	eat(s, c->config.incarnation);
	eat_stores(s, w, l, n);
	for (uint32_t i = 0; i < l->nodes; i++)
		eat_until(s, w, c->until[i]);
	if (answers_again)
		eat_view(s, &c->promise.view);
	if (c->promise.open || c->state == QD_CLUSTER_PROMISED)
		eat(s, c->promise.to);
	eat_epoch(s, c->promise_told);
	/* Whoever proposes is taken for the heir; only who hands over asks one, by the name that it began with. */
	eat(s, c->handing ? c->heir | (uint64_t)c->handing_to << 8 : 0);
	if (c->handing)
		eat_until(s, w, qd_mono_add(c->handing_since, ex_times()->takeover));
	if (!qd_change_has_node(&c->kept.head, c->config.node_id) ||
	    qd_change_is_paused(&c->kept.head, c->config.node_id))
		eat_until(s, w, c->hand_after);
	if (c->install.open)
		eat_epoch(s, c->install.epoch);
	if (c->change_to != 0) {
		eat_tag(s, c->change_tag);
		eat_epoch(s, c->change_epoch);
	}
	if (c->state == QD_CLUSTER_MEMBER)
		eat_following(s, w, c);
	if (c->right.held) {
		eat_at(s, w, c->right.start);
		eat_epoch(s, c->right_epoch);
	}
	eat_at(s, w, c->given);
	if (c->leaving)
		eat_until(s, w, qd_mono_add(c->leaving_since, ex_times()->takeover));
	eat_lead(s, w, l, n);
	eat_extra(s, w, l, n);
}

/* ------------------------------------------------ a packet */

static void eat_msg(struct sink *s, const struct ex_world *w, const struct qd_msg *m)
{
	eat(s, m->kind);
	switch (m->kind) {
	case QD_MSG_PREPARE:
		eat_view(s, &m->u.prepare);
		break;
	case QD_MSG_PROMISE:
		eat_epoch(s, m->u.promise.epoch);
		eat(s, (uint64_t)m->u.promise.has_vote << 1 | m->u.promise.runs);
		eat_epoch(s, m->u.promise.installed);
		eat_head(s, &m->u.promise.head);
		eat_ages(s, &m->u.promise.ages);
		break;
	case QD_MSG_INSTALL:
		eat_view(s, &m->u.install.view);
		eat_epoch(s, m->u.install.before);
		eat_head(s, &m->u.install.head);
		eat_ages(s, &m->u.install.ages);
		break;
	case QD_MSG_INSTALLED:
		eat_epoch(s, m->u.installed.epoch);
		eat(s, m->u.installed.has_vote);
		break;
	case QD_MSG_PROOF:
		eat_epoch(s, m->u.proof.epoch);
		eat(s, round_of(w, m->u.proof.epoch, m->u.proof.round));
		break;
	case QD_MSG_ANSWER:
		eat_epoch(s, m->u.answer.epoch);
		eat(s, round_of(w, m->u.answer.epoch, m->u.answer.round));
		eat_tag(s, m->u.answer.tag);
		eat(s, (uint64_t)m->u.answer.has_vote << 1 | m->u.answer.runs);
		break;
	case QD_MSG_PROVED:
		eat_epoch(s, m->u.proved.epoch);
		eat(s, round_of(w, m->u.proved.epoch, m->u.proved.round));
		eat(s, m->u.proved.age_ns / 1000000 << 1 | m->u.proved.take_vote);
		break;
	case QD_MSG_CHANGE:
		eat_epoch(s, m->u.change.epoch);
		eat_head(s, &m->u.change.head);
		eat_ages(s, &m->u.change.ages);
		break;
	case QD_MSG_RIGHT_ENDED:
		eat_epoch(s, m->u.ended.epoch);
		eat_ages(s, &m->u.ended.ages);
		break;
	case QD_MSG_LEAD:
		eat_epoch(s, m->u.epoch);
		break;
	case QD_MSG_NONE:
	case QD_MSG_HELLO:
	case QD_MSG_HELLO_OK:
	case QD_MSG_BACK:
	case QD_MSG_BACK_OK:
	case QD_MSG_NEWS:
	case QD_MSG_KIND_COUNT:
		break;
	}
}

static void eat_packet(struct sink *s, const struct ex_world *w, const struct ex_limits *l,
		       const struct ex_packet *p)
{
	eat(s, p->kind | (uint64_t)p->from << 8 | (uint64_t)p->to << 16);
	if (p->kind == EX_MSG) {
		eat(s, p->from_session == w->node[p->from - 1].session);
		eat_msg(s, w, &p->u.msg);
	} else if (p->kind == EX_REQUEST) {
		const struct qd_witness_request *q = &p->u.request;
		const struct qd_cluster *c = &w->node[p->from - 1].c;
		eat(s, q->ask);
		eat_epoch(s, q->epoch);
		eat_tag(s, q->tag);
		eat(s, q->incarnation == c->config.incarnation ? c->witness.next_id - q->id + 1 : 0);
	} else {
		const struct qd_witness_answer *a = &p->u.answer;
		const struct qd_cluster *c = &w->node[p->to - 1].c;
		const bool now = a->incarnation == c->config.incarnation && a->id == c->witness.asked_id;
		eat(s, (uint64_t)a->verdict << 1 | now);
		if (w->used[EX_BUDGET_WIPES] < l->budget[EX_BUDGET_WIPES])
			eat(s, a->incarnation | a->id << 8);
		eat_epoch(s, a->epoch);
		eat_tag(s, a->tag);
		eat(s, a->last);
		eat(s, a->age_ns < (uint64_t)ex_times()->wait.ns ? a->age_ns / 1000000 : UINT32_MAX);
	}
}

/* ------------------------------------------------ the rest */

static void eat_record(struct sink *s, const struct qd_witness_record *r)
{
	eat_epoch(s, r->epoch);
	eat(s, (uint64_t)r->confirmed | (uint64_t)r->holder << 8 | r->incarnation << 16);
	eat_tag(s, r->tag);
	eat(s, r->digest[0]);
}

static void eat_tenant(struct sink *s, const struct ex_world *w, const struct ex_limits *l)
{
	const struct qd_tenant *t = &w->tenant;
	eat_record(s, &t->record);
	eat_record(s, &w->record);
	eat_at(s, w, t->renewed);
	eat_at(s, w, t->others);
	for (uint32_t id = 1; id <= l->nodes; id++) {
		struct qd_mono at = QD_MONO_ZERO;
		for (uint32_t i = 0; i < QD_TENANT_RECENT; i++)
			if (t->gave[i].node == id)
				at = t->gave[i].at;
		eat_at(s, w, at);
	}
	eat(s, (uint64_t)t->writing << 1 | w->writing);
	if (!w->writing)
		return;
	eat_record(s, &w->next_record);
	eat(s, t->asked.ask | (uint64_t)t->asked.node << 8);
	eat(s, t->asked.incarnation);
	eat(s, t->asked.id);
}

void ex_world_hash(const struct ex_world *w, const struct ex_limits *l, uint64_t result[2])
{
	static struct sink s;
	static struct sink p;
	uint64_t sum[2] = {0, 0};
	s.count = 0;
	for (uint32_t i = 0; i < EX_BUDGET_COUNT; i++)
		eat(&s, w->used[i]);
	eat(&s, (uint64_t)w->forced | (uint64_t)w->done << 8 | (uint64_t)w->next_change << 16);
	for (uint32_t i = 0; i < w->next_change; i++)
		eat_epoch(&s, w->done_epoch[i]);
	for (uint32_t i = 0; i < l->nodes; i++) {
		const struct ex_node *n = &w->node[i];
		eat(&s, n->runs);
		eat_until(&s, w, n->runs ? n->ends : QD_MONO_ZERO);
		for (uint32_t k = 0; k < l->nodes; k++)
			eat(&s, n->knows[k] == w->node[k].session);
		eat_cluster(&s, w, l, n);
	}
	for (uint32_t i = 0; i < w->packet_count; i++) {
		uint64_t h[2];
		p.count = 0;
		eat_packet(&p, w, l, &w->packets[i]);
		digest(&p, h);
		sum[0] += h[0];
		sum[1] += h[1];
	}
	eat(&s, sum[0]);
	eat(&s, sum[0] >> 32);
	eat(&s, sum[1]);
	eat(&s, sum[1] >> 32);
	if (l->witness)
		eat_tenant(&s, w, l);
	if (l->disk) {
		eat(&s, w->disk.holder);
		eat(&s, w->disk.epoch);
		eat_at(&s, w, w->disk.renewed);
		eat_at(&s, w, w->disk.struck);
		eat(&s, w->disk.before | (uint64_t)w->disk.last << 8);
		eat_head(&s, &w->disk.slots);
	}
	digest(&s, result);
}
