/* SPDX-License-Identifier: Apache-2.0 */
/* Following a leader: answers to its proof rounds, the member's own right, changes of the configuration taken
 * (docs/MEMBERSHIP.md sections 4 and 7). */
#include "core/cluster_internal.h"

static bool from_leader(const struct qd_cluster *c, const struct qd_msg *m, uint64_t epoch)
{
	const struct qd_view *v = &c->kept.installed;
	return v->epoch == epoch && qd_view_leader(v) == m->from &&
	       v->incarnation[m->from - 1] == m->from_incarnation;
}

/* A member of the view of `epoch` that has promised nothing higher. */
static bool follows(const struct qd_cluster *c, uint64_t epoch)
{
	return (c->state == QD_CLUSTER_MEMBER || !QD_RULE(ANSWER_PROMISED)) &&
	       (c->want.promised == epoch || !QD_RULE(ANSWER_PROMISED));
}

/* Its right, and those that it gives, may last W from here on, by its times or by this node's. */
static void renewed(struct qd_cluster_turn *t, uint32_t leader, uint64_t wait_ns)
{
	const uint64_t own_ns = (uint64_t)t->times->wait.ns;
	const uint64_t limit_ns = (uint64_t)QD_TAKEOVER_MAX_MS * 1000000u;
	const uint64_t longer_ns = wait_ns > own_ns && wait_ns <= limit_ns ? wait_ns : own_ns;
	qd_cluster_gave(t->c, leader, (struct qd_mono){t->now.ns + longer_ns});
}

static void answer(struct qd_cluster_turn *t, uint32_t to, uint64_t epoch, uint64_t round)
{
	struct qd_cluster *c = t->c;
	struct qd_msg *m = qd_cluster_say(t, QD_MSG_ANSWER, to);
	if (m == NULL)
		return; /* as if it were lost */
	m->u.answer = (struct qd_answer_proof){
		.epoch = epoch,
		.round = round,
		.tag = c->kept.head.tag,
		.has_vote = c->kept.has_vote,
		.runs = t->runs,
	};
	if (round == 0 || c->answer_round[round % QD_ROUNDS_KEPT] == round)
		return; /* of a change; or said again: the first time counts */
	c->answer_round[round % QD_ROUNDS_KEPT] = round;
	c->answer_sent[round % QD_ROUNDS_KEPT] = t->now;
}

static void proved(struct qd_cluster_turn *t, const struct qd_proved *p)
{
	struct qd_cluster *c = t->c;
	const uint64_t at = p->round % QD_ROUNDS_KEPT;
	if (p->take_vote && !c->want.has_vote) {
		c->want.has_vote = true;
		qd_cluster_trace(t, QD_TRACE_VOTE_TAKEN, p->epoch, 0, 0);
	}
	if (p->round == 0 || c->answer_round[at] != p->round || p->age_ns > (uint64_t)t->times->takeover.ns ||
	    c->interrupted)
		return;
	struct qd_mono start = c->answer_sent[at];
	if (QD_RULE(MEMBER_RIGHT))
		start = qd_mono_add(start, (struct qd_span){-(int64_t)p->age_ns});
	else
		start = t->now; /* mutant: from the telling */
	/* The leader waits for this member by its own times: the shorter ones count. */
	const struct qd_mono begin_stop = qd_mono_min(qd_mono_add(start, t->times->begin_stop),
						      (struct qd_mono){start.ns + p->begin_stop_ns});
	if (qd_mono_reached(t->now, begin_stop) || p->stopped_ns <= p->begin_stop_ns)
		return;
	/* It only grows; and what a right of the view before allowed is not shortened by joining: that one goes on, as what
	 * it is. */
	if (c->right.held && !qd_mono_before(c->right.start, start))
		return;
	qd_cluster_renew(t, p->epoch, start);
	c->right.begin_stop = begin_stop;
	c->right.stopped_by = qd_mono_min(c->right.stopped_by, (struct qd_mono){start.ns + p->stopped_ns});
}

static void change(struct qd_cluster_turn *t, uint32_t from, const struct qd_change *ch)
{
	struct qd_cluster *c = t->c;
	/* Taking it is an answer to the leader: who takes it is counted for the rights that it renews. */
	if (QD_RULE(CHANGE_IS_ANSWER)) {
		qd_cluster_ages_in(t, &ch->ages);
		renewed(t, from, 0);
	}
	if (qd_tag_compare(ch->head.tag, c->want.head.tag) > 0 || !QD_RULE(TAG_RISES))
		c->want.head = ch->head;
	c->change_to = from; /* told when it is durable */
	c->change_epoch = ch->epoch;
	c->change_tag = ch->head.tag;
}

void qd_member_message(struct qd_cluster_turn *t, const struct qd_msg *m)
{
	struct qd_cluster *c = t->c;
	uint64_t epoch = 0;
	if (m->kind == QD_MSG_PROOF)
		epoch = m->u.proof.epoch;
	else if (m->kind == QD_MSG_PROVED)
		epoch = m->u.proved.epoch;
	else
		epoch = m->u.change.epoch;
	if (!from_leader(c, m, epoch) || !follows(c, epoch))
		return;
	if (m->kind == QD_MSG_PROOF) {
		c->proof_at = t->now;
		renewed(t, m->from, m->u.proof.wait_ns);
		answer(t, m->from, epoch, m->u.proof.round);
	} else if (m->kind == QD_MSG_PROVED) {
		proved(t, &m->u.proved);
	} else {
		change(t, m->from, &m->u.change);
	}
}

/* A leader that has asked nothing for the time of a lease leads no more, whatever it says. */
static struct qd_mono silent_at(const struct qd_cluster *c, const struct qd_times *times)
{
	return c->state == QD_CLUSTER_MEMBER ? qd_mono_add(c->proof_at, times->begin_stop) : QD_NEVER;
}

void qd_member_think(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	if (c->change_to != 0 && qd_tag_compare(c->kept.head.tag, c->change_tag) >= 0) {
		if (follows(c, c->change_epoch))
			answer(t, c->change_to, c->change_epoch, 0);
		c->change_to = 0;
	}
	if (qd_mono_reached(t->now, silent_at(c, t->times)))
		qd_cluster_lose(t);
}

struct qd_mono qd_member_deadline(const struct qd_cluster *c, const struct qd_times *times)
{
	return silent_at(c, times);
}
