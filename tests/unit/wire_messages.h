/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of every kind with random contents that the codec takes, for tests of the codec and of what encrypts. All
 * bytes that mean nothing are zeros, so that equal messages are equal bytes. */
#ifndef QD_TESTS_WIRE_MESSAGES_H
#define QD_TESTS_WIRE_MESSAGES_H

#include "codec/wire.h"

#include <string.h>

static inline uint64_t wire_u64(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	uint64_t high = *seed >> 32;
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return high << 32 | *seed >> 32;
}

static inline uint32_t wire_below(uint64_t *seed, uint32_t bound)
{
	return (uint32_t)(wire_u64(seed) % bound);
}

static inline bool wire_bool(uint64_t *seed)
{
	return wire_below(seed, 2) != 0;
}

/* Some of `all`: none, few, many or all. */
static inline uint64_t wire_part(uint64_t *seed, uint64_t all)
{
	switch (wire_below(seed, 4)) {
	case 0:
		return 0;
	case 1:
		return all & wire_u64(seed) & wire_u64(seed) & wire_u64(seed);
	case 2:
		return all & wire_u64(seed);
	default:
		return all;
	}
}

static inline void wire_values(uint64_t *seed, uint64_t set, uint64_t values[QD_NODES_MAX])
{
	for (uint32_t id = qd_set_next(set, 0); id != 0; id = qd_set_next(set, id))
		values[id - 1] = wire_u64(seed);
}

static inline void wire_tag(uint64_t *seed, struct qd_tag *tag)
{
	tag->epoch = wire_u64(seed);
	tag->version = wire_u64(seed);
}

static inline void wire_bytes(uint64_t *seed, uint8_t *to, size_t len_bytes)
{
	for (size_t i = 0; i < len_bytes; i++)
		to[i] = (uint8_t)wire_u64(seed);
}

static inline void wire_votes(uint64_t *seed, uint64_t nodes, struct qd_votes *v)
{
	v->model = (enum qd_model)wire_below(seed, QD_MODEL_COUNT);
	v->nodes = nodes;
	for (uint32_t id = qd_set_next(nodes, 0); id != 0; id = qd_set_next(nodes, id))
		v->weight[id - 1] = (uint8_t)wire_below(seed, QD_WEIGHT_MAX + 1);
	v->dynamic = wire_bool(seed);
	v->out = wire_part(seed, nodes);
	v->extra_out = wire_bool(seed);
	v->low = qd_set_first(wire_part(seed, nodes));
	v->paused = wire_part(seed, nodes);
}

static inline void wire_head(uint64_t *seed, uint64_t all, struct qd_head *h)
{
	wire_tag(seed, &h->tag);
	wire_votes(seed, wire_part(seed, all), &h->votes);
	h->has_old = wire_bool(seed);
	if (h->has_old)
		wire_votes(seed, wire_part(seed, all), &h->old);
	h->forced_by = wire_below(seed, QD_NODES_MAX + 1);
	h->forced_unix_s = wire_u64(seed);
	wire_bytes(seed, h->body, sizeof(h->body));
}

static inline void wire_view(uint64_t *seed, uint64_t all, struct qd_view *v)
{
	v->epoch = wire_u64(seed);
	v->members = wire_part(seed, all);
	wire_values(seed, v->members, v->incarnation);
}

static inline void wire_ages(uint64_t *seed, uint64_t all, struct qd_ages *a)
{
	a->known = wire_part(seed, all);
	wire_values(seed, a->known, a->left_ns);
}

static inline void wire_news(uint64_t *seed, uint64_t all, struct qd_news *n)
{
	n->installed = wire_u64(seed);
	n->leading = wire_u64(seed);
	n->promised = wire_u64(seed);
	wire_tag(seed, &n->tag);
	n->flags = wire_below(seed, QD_NEWS_FLAGS_ALL + 1);
	n->set = wire_part(seed, all);
	n->voters = wire_part(seed, all);
	n->hears = wire_part(seed, all);
	wire_values(seed, n->hears, n->incarnation);
}

static inline void wire_promise(uint64_t *seed, uint64_t all, struct qd_promise *p)
{
	p->epoch = wire_u64(seed);
	p->promised = wire_u64(seed);
	p->refusal = wire_bool(seed) ? QD_REFUSAL_NONE : (enum qd_refusal)wire_below(seed, QD_REFUSAL_COUNT);
	p->has_vote = wire_bool(seed);
	p->runs = wire_bool(seed);
	p->installed = wire_u64(seed);
	wire_ages(seed, all, &p->ages);
	if (p->refusal == QD_REFUSAL_NONE)
		wire_head(seed, all, &p->head);
}

static inline void wire_body(uint64_t *seed, uint64_t all, struct qd_msg *m)
{
	switch (m->kind) {
	case QD_MSG_HELLO:
	case QD_MSG_HELLO_OK:
	case QD_MSG_BACK:
	case QD_MSG_BACK_OK:
		m->exchange.number = wire_u64(seed);
		m->exchange.echo = wire_u64(seed);
		wire_news(seed, all, &m->news);
		return;
	case QD_MSG_NEWS:
		wire_news(seed, all, &m->news);
		return;
	case QD_MSG_PREPARE:
		wire_view(seed, all, &m->u.prepare);
		return;
	case QD_MSG_PROMISE:
		wire_promise(seed, all, &m->u.promise);
		return;
	case QD_MSG_INSTALL:
		wire_view(seed, all, &m->u.install.view);
		m->u.install.before = wire_u64(seed);
		wire_head(seed, all, &m->u.install.head);
		wire_ages(seed, all, &m->u.install.ages);
		return;
	case QD_MSG_INSTALLED:
		m->u.installed.epoch = wire_u64(seed);
		m->u.installed.refusal = (enum qd_refusal)wire_below(seed, QD_REFUSAL_COUNT);
		m->u.installed.promised = wire_u64(seed);
		m->u.installed.has_vote = wire_bool(seed);
		return;
	case QD_MSG_PROOF:
		m->u.proof.epoch = wire_u64(seed);
		m->u.proof.round = wire_u64(seed);
		m->u.proof.wait_ns = wire_u64(seed);
		return;
	case QD_MSG_ANSWER:
		m->u.answer.epoch = wire_u64(seed);
		m->u.answer.round = wire_u64(seed);
		wire_tag(seed, &m->u.answer.tag);
		m->u.answer.has_vote = wire_bool(seed);
		m->u.answer.runs = wire_bool(seed);
		return;
	case QD_MSG_PROVED:
		m->u.proved.epoch = wire_u64(seed);
		m->u.proved.round = wire_u64(seed);
		m->u.proved.age_ns = wire_u64(seed);
		m->u.proved.begin_stop_ns = wire_u64(seed);
		m->u.proved.stopped_ns = wire_u64(seed);
		m->u.proved.take_vote = wire_bool(seed);
		return;
	case QD_MSG_CHANGE:
		m->u.change.epoch = wire_u64(seed);
		wire_head(seed, all, &m->u.change.head);
		wire_ages(seed, all, &m->u.change.ages);
		return;
	case QD_MSG_RIGHT_ENDED:
		m->u.ended.epoch = wire_u64(seed);
		wire_ages(seed, all, &m->u.ended.ages);
		return;
	case QD_MSG_LEAD:
		m->u.epoch = wire_u64(seed);
		return;
	case QD_MSG_NONE:
	case QD_MSG_KIND_COUNT:
		break;
	}
	QD_UNREACHABLE("kind of message");
}

/* A message between two of `all`, which speaks of nodes of `all`. */
static inline void wire_random_msg(struct qd_msg *m, enum qd_msg_kind kind, uint64_t all, uint64_t *seed)
{
	memset(m, 0, sizeof(*m));
	m->kind = kind;
	m->from = qd_set_first(all);
	m->to = qd_set_last(all);
	if (wire_bool(seed)) {
		m->from = m->to;
		m->to = qd_set_first(all);
	}
	m->from_session = wire_u64(seed) | 1;
	m->to_session = kind == QD_MSG_HELLO && wire_bool(seed) ? 0 : wire_u64(seed) | 1;
	m->from_incarnation = wire_u64(seed);
	m->sequence = wire_u64(seed);
	wire_body(seed, all, m);
}

static inline void wire_random_request(struct qd_witness_request *r, uint32_t node, uint64_t *seed)
{
	memset(r, 0, sizeof(*r));
	r->ask = (enum qd_witness_ask)wire_below(seed, QD_WITNESS_ASK_COUNT);
	r->session = wire_u64(seed);
	r->id = wire_u64(seed);
	r->node = node;
	r->incarnation = wire_u64(seed);
	r->epoch = wire_u64(seed);
	wire_tag(seed, &r->tag);
	wire_bytes(seed, r->digest, sizeof(r->digest));
	r->challenge_ns = wire_u64(seed);
}

static inline void wire_random_answer(struct qd_witness_answer *a, uint64_t *seed)
{
	memset(a, 0, sizeof(*a));
	a->session = wire_u64(seed);
	a->id = wire_u64(seed);
	a->incarnation = wire_u64(seed);
	a->verdict = (enum qd_witness_verdict)wire_below(seed, QD_WITNESS_VERDICT_COUNT);
	a->epoch = wire_u64(seed);
	a->holder = wire_below(seed, QD_NODES_MAX + 1);
	wire_tag(seed, &a->tag);
	wire_bytes(seed, a->digest, sizeof(a->digest));
	a->age_ns = wire_u64(seed);
	a->start_ns = wire_u64(seed);
	a->last = wire_below(seed, QD_NODES_MAX + 1);
}

#endif
