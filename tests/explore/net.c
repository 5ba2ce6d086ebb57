/* SPDX-License-Identifier: Apache-2.0 */
/* Packets under way. They may be lost, late, in any order; none comes twice (core/link sees to that). Three things keep
 * their number small, and lose no world that matters: what nobody would take any more is gone; what only a refusal would
 * answer is gone, because whoever would be refused can as well hear nothing; and of two packets of which one says
 * everything that the other says, and later, only that one is left. */
#include "explore/world.h"

/* The epoch that a message is about. */
static uint64_t epoch_of(const struct qd_msg *m)
{
	switch (m->kind) {
	case QD_MSG_PREPARE:
		return m->u.prepare.epoch;
	case QD_MSG_PROMISE:
		return m->u.promise.epoch;
	case QD_MSG_INSTALL:
		return m->u.install.view.epoch;
	case QD_MSG_INSTALLED:
		return m->u.installed.epoch;
	case QD_MSG_PROOF:
		return m->u.proof.epoch;
	case QD_MSG_ANSWER:
		return m->u.answer.epoch;
	case QD_MSG_PROVED:
		return m->u.proved.epoch;
	case QD_MSG_CHANGE:
		return m->u.change.epoch;
	case QD_MSG_RIGHT_ENDED:
		return m->u.ended.epoch;
	case QD_MSG_LEAD:
		return m->u.epoch;
	case QD_MSG_NONE:
	case QD_MSG_HELLO:
	case QD_MSG_HELLO_OK:
	case QD_MSG_BACK:
	case QD_MSG_BACK_OK:
	case QD_MSG_NEWS:
	case QD_MSG_KIND_COUNT:
		break;
	}
	return 0;
}

/* ------------------------------------------------ what nobody takes any more */

static bool is_dead_msg(const struct qd_cluster *c, const struct qd_msg *m)
{
	const uint64_t epoch = epoch_of(m);
	const bool binds = QD_RULE(PROMISE_BINDS) && QD_RULE(ANSWER_PROMISED);
	const bool mine = c->lead.view.epoch == epoch;
	if (c->state == QD_CLUSTER_LEFT)
		return true;
	switch (m->kind) {
	case QD_MSG_PREPARE: /* the same again is answered again */
		return epoch < c->want.promised ||
		       (epoch == c->want.promised && c->promise.view.epoch != epoch);
	case QD_MSG_PROMISE:
		return m->u.promise.refusal != QD_REFUSAL_NONE || !mine || c->state != QD_CLUSTER_PREPARING ||
		       qd_set_has(c->lead.promised_by, m->from);
	case QD_MSG_INSTALL:
	case QD_MSG_PROOF:
	case QD_MSG_PROVED:
	case QD_MSG_CHANGE:
		return binds && epoch < c->want.promised;
	case QD_MSG_INSTALLED:
		return m->u.installed.refusal != QD_REFUSAL_NONE || !mine ||
		       (c->state != QD_CLUSTER_INSTALLING && c->state != QD_CLUSTER_LEADING) ||
		       qd_set_has(c->lead.installed_by, m->from);
	case QD_MSG_ANSWER:
		return !mine || c->state != QD_CLUSTER_LEADING;
	case QD_MSG_NONE:
	case QD_MSG_HELLO:
	case QD_MSG_HELLO_OK:
	case QD_MSG_BACK:
	case QD_MSG_BACK_OK:
	case QD_MSG_NEWS:
	case QD_MSG_RIGHT_ENDED:
	case QD_MSG_LEAD:
	case QD_MSG_KIND_COUNT:
		break;
	}
	return false;
}

static bool is_dead_answer(const struct ex_world *w, const struct ex_limits *l, const struct ex_packet *p)
{
	const struct qd_cluster *c = &w->node[p->to - 1].c;
	const struct qd_witness_answer *a = &p->u.answer;
	if (a->verdict != QD_WITNESS_OK && a->verdict != QD_WITNESS_UNCONFIRMED)
		return true;
	/* A node with a new store counts incarnations and requests from 1 again. */
	if (w->used[EX_BUDGET_WIPES] < l->budget[EX_BUDGET_WIPES])
		return false;
	return a->incarnation != c->config.incarnation ||
	       (a->id <= c->witness.next_id && a->id != c->witness.asked_id);
}

static bool is_dead(const struct ex_world *w, const struct ex_limits *l, const struct ex_packet *p)
{
	if (p->kind == EX_ANSWER)
		return is_dead_answer(w, l, p);
	if (p->kind == EX_REQUEST) {
		const struct qd_witness_request *q = &p->u.request;
		const uint64_t last = w->asked[p->from - 1].incarnation;
		return p->session != w->tenant_session || q->incarnation < last ||
		       (q->incarnation == last && q->id <= w->asked[p->from - 1].id);
	}
	const struct ex_node *n = &w->node[p->to - 1];
	if (p->session != n->session || p->from_session < n->knows[p->from - 1])
		return true;
	return is_dead_msg(&n->c, &p->u.msg);
}

/* ------------------------------------------------ of two, the one that says more */

/* Whoever takes `a` waits for nobody longer than who takes `b`. */
static bool ages_cover(const struct qd_ages *a, const struct qd_ages *b)
{
	for (uint32_t id = 1; id <= QD_NODES_MAX; id++) {
		if (!qd_set_has(a->known, id))
			continue;
		if (!qd_set_has(b->known, id) || b->left_ns[id - 1] < a->left_ns[id - 1])
			return false;
	}
	return true;
}

static bool heads_equal(const struct qd_head *a, const struct qd_head *b)
{
	return qd_tag_compare(a->tag, b->tag) == 0 && a->has_old == b->has_old;
}

static bool covers_msg(const struct qd_msg *a, const struct qd_msg *b)
{
	switch (a->kind) {
	case QD_MSG_PREPARE:
	case QD_MSG_LEAD:
		return true;
	case QD_MSG_PROMISE:
		return a->u.promise.runs == b->u.promise.runs &&
		       a->u.promise.installed == b->u.promise.installed &&
		       a->u.promise.has_vote == b->u.promise.has_vote &&
		       heads_equal(&a->u.promise.head, &b->u.promise.head) &&
		       ages_cover(&a->u.promise.ages, &b->u.promise.ages);
	case QD_MSG_INSTALL:
		return heads_equal(&a->u.install.head, &b->u.install.head) &&
		       a->u.install.before <= b->u.install.before &&
		       ages_cover(&a->u.install.ages, &b->u.install.ages);
	case QD_MSG_INSTALLED:
		return a->u.installed.has_vote == b->u.installed.has_vote;
	case QD_MSG_PROOF:
		return a->u.proof.round >= b->u.proof.round;
	case QD_MSG_ANSWER:
		return a->u.answer.round >= b->u.answer.round && a->u.answer.runs == b->u.answer.runs &&
		       a->u.answer.has_vote == b->u.answer.has_vote &&
		       qd_tag_compare(a->u.answer.tag, b->u.answer.tag) == 0;
	case QD_MSG_PROVED: /* a later round, and its start no older: the right is no shorter */
		return a->u.proved.take_vote == b->u.proved.take_vote &&
		       a->u.proved.round >= b->u.proved.round && a->u.proved.age_ns <= b->u.proved.age_ns;
	case QD_MSG_CHANGE:
		return heads_equal(&a->u.change.head, &b->u.change.head) &&
		       ages_cover(&a->u.change.ages, &b->u.change.ages);
	case QD_MSG_RIGHT_ENDED:
		return ages_cover(&a->u.ended.ages, &b->u.ended.ages);
	case QD_MSG_NONE:
	case QD_MSG_HELLO:
	case QD_MSG_HELLO_OK:
	case QD_MSG_BACK:
	case QD_MSG_BACK_OK:
	case QD_MSG_NEWS:
	case QD_MSG_KIND_COUNT:
		break;
	}
	return false;
}

static bool covers(const struct ex_packet *a, const struct ex_packet *b)
{
	if (a->kind != b->kind || a->from != b->from || a->to != b->to || a->session != b->session ||
	    a->from_session != b->from_session)
		return false;
	if (a->kind == EX_MSG)
		return a->u.msg.kind == b->u.msg.kind && epoch_of(&a->u.msg) == epoch_of(&b->u.msg) &&
		       covers_msg(&a->u.msg, &b->u.msg);
	if (a->kind == EX_REQUEST)
		/* The node waits for the answer to the later one only. */
		return a->u.request.ask == b->u.request.ask && a->u.request.epoch == b->u.request.epoch &&
		       qd_tag_compare(a->u.request.tag, b->u.request.tag) == 0 &&
		       a->u.request.incarnation == b->u.request.incarnation;
	return false;
}

/* ------------------------------------------------ under way */

void ex_net_remove(struct ex_world *w, uint32_t at)
{
	w->packet_count--;
	for (uint32_t i = at; i < w->packet_count; i++)
		w->packets[i] = w->packets[i + 1];
}

void ex_net_send(struct ex_world *w, const struct ex_limits *l, const struct ex_packet *p)
{
	if (is_dead(w, l, p))
		return;
	for (uint32_t i = w->packet_count; i > 0; i--) {
		if (covers(&w->packets[i - 1], p))
			return;
		if (covers(p, &w->packets[i - 1]))
			ex_net_remove(w, i - 1);
	}
	if (w->packet_count == EX_PACKETS_MAX) {
		ex_net_remove(w, 0);
		w->lost_count++;
	}
	w->packets[w->packet_count++] = *p;
}

void ex_net_prune(struct ex_world *w, const struct ex_limits *l)
{
	for (uint32_t i = w->packet_count; i > 0; i--)
		if (is_dead(w, l, &w->packets[i - 1]))
			ex_net_remove(w, i - 1);
}
