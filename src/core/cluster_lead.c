/* SPDX-License-Identifier: Apache-2.0 */
/* Leading a view: proof rounds, the right that they give, what the members are told of it, and from when on what no
 * disk fences may start (docs/MEMBERSHIP.md sections 4 and 5). */
#include "core/cluster_internal.h"

static struct qd_mono round_start(const struct qd_lead *l, uint64_t round)
{
	const bool known = round != 0 && round <= l->round && round + QD_ROUNDS_KEPT > l->round;
	return known ? l->round_start[round % QD_ROUNDS_KEPT] : QD_MONO_ZERO;
}

void qd_lead_begin(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	struct qd_lead *l = &c->lead;
	qd_cluster_move(t, QD_CLUSTER_LEADING);
	qd_cluster_trace(t, QD_TRACE_LEADING, l->view.epoch, l->view.members, l->installed_by);
	c->wait = QD_WAIT_NONE;
	c->views++;
	c->view_since = t->now;
	l->stable_since = t->now;
	l->leaving_look = t->now;
	l->next_round = t->now;
	l->since = t->now;
	for (uint32_t id = qd_set_next(l->view.members, 0); id != 0; id = qd_set_next(l->view.members, id)) {
		struct qd_member *m = &c->members[id - 1];
		m->answered = 0;
		m->tag = (struct qd_tag){0};
		m->runs = true; /* until it says otherwise under this epoch */
		m->has_vote = qd_set_has(l->voting, id);
	}
	l->change_open = c->kept.head.has_old;
	l->change_resend_at = t->now;
}

/* Who has answered a round that started at `from` or later. The leader itself answers by asking. */
static uint64_t answered_since(const struct qd_cluster *c, struct qd_mono from)
{
	const struct qd_lead *l = &c->lead;
	uint64_t set = 0;
	for (uint32_t id = qd_set_next(l->view.members, 0); id != 0; id = qd_set_next(l->view.members, id)) {
		const bool self = id == c->config.node_id;
		const bool vote = self ? c->kept.has_vote : c->members[id - 1].has_vote;
		const struct qd_mono at = round_start(l, self ? l->round : c->members[id - 1].answered);
		if (at.ns != 0 && qd_mono_reached(at, from) && (vote || !QD_RULE(NO_VOTE_WHEN_NEW)))
			set |= qd_set_of(id);
	}
	return set;
}

static uint32_t extras_since(const struct qd_cluster *c, struct qd_mono from, uint32_t tagged)
{
	uint32_t mask = 0;
	if ((tagged & QD_EXTRA_DISK) != 0 && qd_mono_reached(c->disk.start, from))
		mask |= QD_EXTRA_DISK;
	if ((tagged & QD_EXTRA_WITNESS) != 0 && qd_mono_reached(c->witness.start, from))
		mask |= QD_EXTRA_WITNESS;
	return mask;
}

struct qd_mono qd_lead_proof(const struct qd_cluster *c, uint32_t without)
{
	const struct qd_lead *l = &c->lead;
	const uint32_t tagged = qd_extra_counted(c) & ~without;
	struct qd_mono candidates[QD_ROUNDS_KEPT + 2];
	uint32_t count = 0;
	struct qd_mono best = QD_MONO_ZERO;
	for (uint64_t r = l->round; r != 0 && r + QD_ROUNDS_KEPT > l->round && count < QD_ROUNDS_KEPT; r--)
		candidates[count++] = round_start(l, r);
	if ((tagged & QD_EXTRA_DISK) != 0)
		candidates[count++] = c->disk.start;
	if ((tagged & QD_EXTRA_WITNESS) != 0)
		candidates[count++] = c->witness.start;
	for (uint32_t i = 0; i < count; i++) {
		const struct qd_mono from = candidates[i];
		if (from.ns == 0 || !qd_mono_before(best, from))
			continue;
		if (qd_head_quorate(&c->kept.head, answered_since(c, from), extras_since(c, from, tagged)))
			best = from;
	}
	return best;
}

struct qd_mono qd_lead_free_at(const struct qd_cluster *c, const struct qd_times *times)
{
	const struct qd_lead *l = &c->lead;
	struct qd_mono at = QD_MONO_ZERO;
	if (!QD_RULE(WAIT_FOR_DEAD))
		return at;
	for (uint32_t id = 1; id <= QD_NODES_MAX; id++)
		if (!qd_set_has(l->view.members, id))
			at = qd_mono_max(at, c->until[id - 1]);
	/* The extra voter renewed others, too, before it was this node's. */
	const uint32_t tagged = qd_extra_counted(c);
	const bool disk_told = c->disk.before != 0 && qd_set_has(l->view.members, c->disk.before);
	if ((tagged & QD_EXTRA_DISK) != 0 && !disk_told)
		at = qd_mono_max(at, c->disk.earlier_end);
	if ((tagged & QD_EXTRA_WITNESS) != 0 && c->witness.others.ns != 0)
		at = qd_mono_max(at, qd_mono_add(c->witness.others, times->wait));
	return at;
}

bool qd_lead_owns_any(const struct qd_cluster *c, struct qd_mono now)
{
	return qd_cluster_leads(c) && qd_cluster_right_runs(c, now) && c->right_epoch == c->lead.view.epoch;
}

bool qd_lead_owns(const struct qd_cluster *c, struct qd_mono now)
{
	return qd_lead_owns_any(c, now) && !c->leaving && !c->handing;
}

/* No member says that something may still run there. */
static bool nobody_runs(const struct qd_cluster *c)
{
	const uint64_t others = c->lead.view.members & ~qd_set_of(c->config.node_id);
	if (!QD_RULE(RUNS_STOPS_START))
		return true;
	for (uint32_t id = qd_set_next(others, 0); id != 0; id = qd_set_next(others, id))
		if (c->members[id - 1].runs)
			return false;
	return true;
}

bool qd_lead_is_free(const struct qd_cluster *c, struct qd_mono now)
{
	return qd_lead_owns(c, now) && qd_mono_reached(now, c->lead.free_at) && nobody_runs(c);
}

/* What was asked with shorter times proves no right of longer ones: who answered waits for this node by those that the
 * question named. The right that is there goes on as it was given (five nodes, seed 13058). */
void qd_lead_times_grew(struct qd_cluster *c)
{
	if (QD_RULE(ROUNDS_GROW))
		memset(c->lead.round_start, 0, sizeof(c->lead.round_start));
}

static uint64_t shorter_ns(struct qd_span span, struct qd_mono from, struct qd_mono to)
{
	const uint64_t held_ns = (uint64_t)qd_mono_sub(to, from).ns, now_ns = (uint64_t)span.ns;
	return held_ns < now_ns && QD_RULE(ROUNDS_GROW) ? held_ns : now_ns;
}

static bool say_proved(struct qd_cluster_turn *t, uint32_t id)
{
	struct qd_cluster *c = t->c;
	struct qd_member *m = &c->members[id - 1];
	struct qd_msg *msg = qd_cluster_say(t, QD_MSG_PROVED, id);
	if (msg == NULL)
		return false;
	const uint64_t others = c->lead.view.members & ~qd_set_of(id);
	msg->u.proved = (struct qd_proved){
		.epoch = c->lead.view.epoch,
		.round = m->answered,
		.age_ns = (uint64_t)qd_mono_sub(t->now, c->right.start).ns,
		.begin_stop_ns = shorter_ns(t->times->begin_stop, c->right.start, c->right.begin_stop),
		.stopped_ns = shorter_ns(t->times->stopped, c->right.start, c->right.stopped_by),
		.take_vote = !m->has_vote &&
			     qd_head_quorate(&c->kept.head, answered_since(c, c->right.start) & others,
					     extras_since(c, c->right.start, qd_extra_counted(c))),
	};
	c->given = qd_mono_max(c->given, c->right.start);
	/* The member's right begins no later than this answer came. */
	if (QD_RULE(GAVE_ECHO))
		qd_cluster_gave(c, id,
				qd_mono_add(m->answer_at[m->answered % QD_ROUNDS_KEPT], t->times->wait));
	return true;
}

/* The right follows the proof; members are told when it moves, and when they answered. */
static void renew_right(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	struct qd_lead *l = &c->lead;
	struct qd_mono start = qd_lead_proof(c, 0);
	if (!QD_RULE(RIGHT_FROM_START) && start.ns != 0)
		start = t->now; /* mutant: from the answers, not from the asking */
	if (start.ns == 0 || (c->right.held && !qd_mono_before(c->right.start, start)))
		return;
	/* A proof so old that its right would be over already proves nothing any more. */
	if (qd_mono_reached(t->now, qd_mono_add(start, t->times->begin_stop)))
		return;
	if (c->interrupted)
		return; /* what runs stops by the right that it has */
	if (!c->right.held || c->right_epoch != l->view.epoch)
		qd_cluster_trace(t, QD_TRACE_RIGHT, l->view.epoch, (uint64_t)qd_mono_sub(t->now, start).ns,
				 0);
	qd_cluster_renew(t, l->view.epoch, start);
	for (uint32_t id = qd_set_next(l->view.members, 0); id != 0; id = qd_set_next(l->view.members, id))
		if (id != c->config.node_id && c->members[id - 1].answered != 0)
			(void)say_proved(t, id); /* no room: the next round tells */
}

void qd_lead_message(struct qd_cluster_turn *t, const struct qd_msg *m)
{
	struct qd_cluster *c = t->c;
	struct qd_lead *l = &c->lead;
	const struct qd_answer_proof *a = &m->u.answer;
	if (!qd_cluster_leads(c) || a->epoch != l->view.epoch || !qd_set_has(l->view.members, m->from) ||
	    l->view.incarnation[m->from - 1] != m->from_incarnation || a->round > l->round)
		return;
	/* Who answers has installed it. */
	struct qd_member *x = &c->members[m->from - 1];
	l->installed_by |= qd_set_of(m->from);
	x->said_in = t->now;
	x->tag = a->tag;
	x->runs = a->runs;
	x->has_vote = a->has_vote;
	if (a->round <= x->answered)
		return;
	x->answered = a->round;
	x->answer_at[a->round % QD_ROUNDS_KEPT] = t->now;
	const struct qd_mono before = c->right.start;
	renew_right(t);
	if (c->right.held && c->right_epoch == l->view.epoch && before.ns == c->right.start.ns)
		(void)say_proved(t, m->from);
}

static void begin_round(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	struct qd_lead *l = &c->lead;
	const struct qd_span period = t->times->look;
	while (qd_mono_reached(t->now, l->next_round))
		l->next_round = qd_mono_add(l->next_round, period);
	l->round++;
	l->round_start[l->round % QD_ROUNDS_KEPT] = t->now;
	for (uint32_t id = qd_set_next(l->view.members, 0); id != 0; id = qd_set_next(l->view.members, id)) {
		if (id == c->config.node_id)
			continue;
		struct qd_msg *m = qd_cluster_say(t, QD_MSG_PROOF, id);
		if (m == NULL)
			return;
		m->u.proof.epoch = l->view.epoch;
		m->u.proof.round = l->round;
		m->u.proof.wait_ns = (uint64_t)t->times->wait.ns;
	}
}

/* Who promised but has not said that it installed is told again. */
static void remind(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	struct qd_lead *l = &c->lead;
	const uint64_t missing = l->view.members & ~l->installed_by & ~qd_set_of(c->config.node_id);
	if (missing == 0 || !qd_mono_reached(t->now, l->resend_at))
		return;
	for (uint32_t id = qd_set_next(missing, 0); id != 0; id = qd_set_next(missing, id)) {
		struct qd_msg *m = qd_cluster_say(t, QD_MSG_INSTALL, id);
		if (m == NULL)
			return;
		m->u.install.view = l->view;
		m->u.install.before = l->before;
		m->u.install.head = c->kept.head;
		qd_cluster_ages_out(c, t->now, &m->u.install.ages);
	}
	l->resend_at = qd_mono_add(t->now, qd_span_ms(QD_RESEND_MS));
}

void qd_lead_think(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	struct qd_lead *l = &c->lead;
	qd_assert(qd_cluster_leads(c));
	if (c->want.promised != l->view.epoch && QD_RULE(PROMISE_BINDS)) {
		qd_cluster_lose(t);
		return;
	}
	/* No proof in the time of a lease: this view leads nowhere. */
	if (!c->right.held && qd_mono_reached(t->now, qd_mono_add(l->since, t->times->begin_stop))) {
		qd_cluster_lose(t);
		return;
	}
	if (qd_mono_reached(t->now, l->next_round))
		begin_round(t);
	renew_right(t);
	remind(t);
	l->free_at =
		c->right.held && c->right_epoch == l->view.epoch ? qd_lead_free_at(c, t->times) : QD_NEVER;
}

struct qd_mono qd_lead_deadline(const struct qd_cluster *c, const struct qd_times *times)
{
	const struct qd_lead *l = &c->lead;
	struct qd_mono d = l->next_round;
	if (!c->right.held)
		d = qd_mono_min(d, qd_mono_add(l->since, times->begin_stop));
	if ((l->view.members & ~l->installed_by & ~qd_set_of(c->config.node_id)) != 0)
		d = qd_mono_min(d, l->resend_at);
	return d;
}
