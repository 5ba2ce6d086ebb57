/* SPDX-License-Identifier: Apache-2.0 */
/* Making views: when a change is due, whose turn it is, promises and installs on both sides (docs/MEMBERSHIP.md
 * section 3). */
#include "core/cluster_internal.h"

enum {
	QD_PROPOSE_PACE_MS = 100,   /* after a proposal that came to nothing; up to twice that, drawn */
	QD_PROPOSAL_PATIENCE_R = 2, /* R: promises and installs that take longer lead nowhere */
};

/* ------------------------------------------------ the proposer's side */

static void prepare(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	struct qd_lead *l = &c->lead;
	const uint64_t round = l->round;
	const uint64_t least = qd_extra_least_counter(c);
	c->max_counter = c->max_counter + 1 < least ? least : c->max_counter + 1;
	const uint64_t epoch = qd_epoch_make(c->max_counter, c->config.node_id);
	/* Who waits for a change of the view before is told that it is not known (qd_change_think()). */
	const bool asked = l->change_operator && QD_RULE(CHANGE_ANSWERED);
	*l = (struct qd_lead){.since = t->now, .free_at = QD_NEVER, .round = round, .change_operator = asked};
	l->view.epoch = epoch;
	l->view.members = c->set;
	for (uint32_t id = qd_set_next(c->set, 0); id != 0; id = qd_set_next(c->set, id))
		l->view.incarnation[id - 1] = qd_cluster_incarnation(c, id);
	qd_keep_drop_pending(c);
	l->head = c->kept.head;
	l->before = c->kept.installed.epoch;
	if (c->witness.verdict == QD_WITNESS_OLD_EPOCH)
		c->witness.verdict = QD_WITNESS_OK; /* said of an epoch below this one */
	c->want.promised = epoch;
	c->promise.open = false;
	c->heir = 0;
	c->proposals++;
	qd_cluster_trace(t, QD_TRACE_PREPARE, epoch, c->set, 0);
	qd_cluster_move(t, QD_CLUSTER_PREPARING);
	c->wait = QD_WAIT_PROMISES;
}

static void abandon(struct qd_cluster_turn *t, enum qd_cluster_wait why)
{
	struct qd_cluster *c = t->c;
	qd_cluster_trace(t, QD_TRACE_ABANDON, c->lead.view.epoch, why, 0);
	qd_cluster_move(t, QD_CLUSTER_JOINING);
	c->wait = why;
	const int64_t pace = QD_PROPOSE_PACE_MS + (int64_t)qd_rand_below(&c->rand, QD_PROPOSE_PACE_MS);
	c->lead.resend_at = qd_mono_add(t->now, qd_span_ms(pace));
}

/* What was proposed is still what is heard. */
static bool still_wanted(const struct qd_cluster *c)
{
	if (c->set != c->lead.view.members)
		return false;
	for (uint32_t id = qd_set_next(c->set, 0); id != 0; id = qd_set_next(c->set, id))
		if (c->lead.view.incarnation[id - 1] != qd_cluster_incarnation(c, id))
			return false;
	return true;
}

static void ask_promises(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	struct qd_lead *l = &c->lead;
	if (c->kept.promised != l->view.epoch)
		return; /* to itself first, durably */
	if (!qd_set_has(l->promised_by, c->config.node_id)) {
		l->promised_by |= qd_set_of(c->config.node_id);
		if (qd_tag_compare(c->kept.head.tag, l->head.tag) > 0) {
			l->head = c->kept.head; /* what was under way came through with the promise */
			l->head_from = 0;
		}
		if (c->kept.has_vote || !QD_RULE(NO_VOTE_WHEN_NEW))
			l->voting |= qd_set_of(c->config.node_id);
		l->resend_at = t->now;
	}
	if (!qd_mono_reached(t->now, l->resend_at))
		return;
	const uint64_t missing = l->view.members & ~l->promised_by;
	for (uint32_t id = qd_set_next(missing, 0); id != 0; id = qd_set_next(missing, id)) {
		struct qd_msg *m = qd_cluster_say(t, QD_MSG_PREPARE, id);
		if (m == NULL)
			return;
		m->u.prepare = l->view;
	}
	l->resend_at = qd_mono_add(t->now, qd_span_ms(QD_RESEND_MS));
}

/* Who is here has too few votes by a configuration that is newer than this node's. News say no more than that there is
 * one: the same set would come to nothing again, and each time it costs an epoch. */
static void fall_short(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	c->short_set = c->lead.view.members;
	c->short_until = qd_mono_add(t->now, c->config.detection);
	abandon(t, QD_WAIT_VOTES);
}

/* All have promised: whose configuration is newest, and do the votes suffice? */
static void count_votes(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	struct qd_lead *l = &c->lead;
	qd_extra_adopt(t);
	const uint32_t could = qd_head_extras(&l->head);
	if (qd_head_quorate(&l->head, l->voting, 0)) {
		qd_cluster_move(t, QD_CLUSTER_INSTALLING);
		c->wait = QD_WAIT_INSTALL;
	} else if (qd_head_quorate(&l->head, l->voting, could)) {
		qd_cluster_move(t, QD_CLUSTER_GETTING_EXTRA);
	} else {
		fall_short(t);
	}
}

static void promised(struct qd_cluster_turn *t, uint32_t from, const struct qd_promise *p)
{
	struct qd_cluster *c = t->c;
	struct qd_lead *l = &c->lead;
	qd_cluster_saw_epoch(c, p->promised);
	if (c->state != QD_CLUSTER_PREPARING || p->epoch != l->view.epoch ||
	    !qd_set_has(l->view.members, from))
		return;
	if (p->refusal != QD_REFUSAL_NONE) {
		c->refusals++;
		qd_cluster_trace(t, QD_TRACE_REFUSED, from, p->refusal, p->promised);
		if (p->refusal == QD_REFUSAL_PROMISED || p->refusal == QD_REFUSAL_STUCK)
			abandon(t, QD_WAIT_PROMISES);
		return; /* another set: its news will tell, or it comes to this one */
	}
	if (qd_set_has(l->promised_by, from))
		return;
	l->promised_by |= qd_set_of(from);
	if (p->has_vote || !QD_RULE(NO_VOTE_WHEN_NEW))
		l->voting |= qd_set_of(from);
	c->members[from - 1].runs = p->runs;
	qd_cluster_ages_in(t, &p->ages);
	if (p->installed > l->before)
		l->before = p->installed;
	if (qd_tag_compare(p->head.tag, l->head.tag) > 0 && QD_RULE(NEWEST_TAG)) {
		l->head = p->head;
		l->head_from = from;
	}
}

/* What runs here does so by a right of the last view. If another one was led since, its leader may have waited for just
 * this node and start any moment: the new right does not carry on what runs (simulator: seed 170 of the first version). */
static void interrupt(struct qd_cluster_turn *t, uint64_t before)
{
	struct qd_cluster *c = t->c;
	if (!t->runs || before <= c->kept.installed.epoch || c->interrupted || !QD_RULE(WORK_INTERRUPTED))
		return;
	c->interrupted = true;
	qd_cluster_trace(t, QD_TRACE_INTERRUPTED, c->kept.installed.epoch, before, 0);
}

static void ask_installs(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	struct qd_lead *l = &c->lead;
	if (c->kept.installed.epoch != l->view.epoch) {
		/* Itself first. The same content under this epoch: whoever has an older one has this one, too. */
		l->head.tag.epoch = l->view.epoch;
		interrupt(t, l->before);
		c->want.installed = l->view;
		c->want.head = l->head;
		return;
	}
	if (!qd_set_has(l->installed_by, c->config.node_id)) {
		l->installed_by |= qd_set_of(c->config.node_id);
		l->resend_at = t->now;
	}
	if (!qd_mono_reached(t->now, l->resend_at))
		return;
	const uint64_t missing = l->view.members & ~l->installed_by;
	for (uint32_t id = qd_set_next(missing, 0); id != 0; id = qd_set_next(missing, id)) {
		struct qd_msg *m = qd_cluster_say(t, QD_MSG_INSTALL, id);
		if (m == NULL)
			return;
		m->u.install.view = l->view;
		m->u.install.before = l->before;
		m->u.install.head = l->head;
		qd_cluster_ages_out(c, t->now, &m->u.install.ages);
	}
	l->resend_at = qd_mono_add(t->now, qd_span_ms(QD_RESEND_MS));
}

static void installed(struct qd_cluster_turn *t, uint32_t from, const struct qd_installed *i)
{
	struct qd_cluster *c = t->c;
	struct qd_lead *l = &c->lead;
	qd_cluster_saw_epoch(c, i->promised);
	const bool at_it = c->state == QD_CLUSTER_INSTALLING || c->state == QD_CLUSTER_LEADING;
	if (!at_it || i->epoch != l->view.epoch || !qd_set_has(l->view.members, from))
		return;
	if (i->refusal != QD_REFUSAL_NONE) {
		c->refusals++;
		qd_cluster_trace(t, QD_TRACE_REFUSED, from, i->refusal, i->promised);
		if (c->state == QD_CLUSTER_INSTALLING)
			abandon(t, QD_WAIT_INSTALL);
		return;
	}
	l->installed_by |= qd_set_of(from);
	c->members[from - 1].said_in = t->now;
}

/* The others may have better luck with the disk, or the witness: their turn comes first. */
static void stand_back(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	const uint64_t others = c->set & ~qd_set_of(c->config.node_id);
	if (others != 0)
		c->back_until =
			qd_mono_add(t->now, qd_span_mul(c->config.detection, qd_set_count(others) + 1));
	abandon(t, c->wait);
}

/* It does not answer at all here. */
static bool extra_is_silent(const struct qd_cluster *c)
{
	const uint32_t needed = qd_head_extras(&c->lead.head) & ~qd_extra_held(c);
	const bool disk = (needed & QD_EXTRA_DISK) != 0 && !c->disk.reachable;
	const bool witness = (needed & QD_EXTRA_WITNESS) != 0 && !c->witness.answered;
	return disk || witness;
}

/* The extra voter is here, and what it knows is known. */
static void got_extra(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	struct qd_lead *l = &c->lead;
	const struct qd_tag tag = qd_extra_tag(c);
	qd_extra_adopt(t);
	const bool late = qd_mono_reached(t->now, qd_mono_add(l->since, qd_span_mul(t->times->takeover, 2)));
	if (late || (extra_is_silent(c) && qd_mono_reached(t->now, qd_mono_add(l->since, t->times->renew)))) {
		stand_back(t);
		return;
	}
	if (tag.epoch >= l->view.epoch) {
		qd_cluster_saw_epoch(c, tag.epoch); /* this epoch was used before: above it */
		abandon(t, c->wait);
		return;
	}
	if (!qd_head_quorate(&l->head, l->voting, qd_head_extras(&l->head))) {
		fall_short(t); /* by the newer configuration of the disk */
		return;
	}
	if (!qd_head_quorate(&l->head, l->voting, qd_extra_read(c)) || qd_extra_is_below(c) ||
	    qd_extra_is_stale(c))
		return;
	if (tag.epoch > l->before)
		l->before = tag.epoch;
	qd_cluster_move(t, QD_CLUSTER_INSTALLING);
	c->wait = QD_WAIT_INSTALL;
	l->since = t->now;
}

static void think_proposing(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	struct qd_lead *l = &c->lead;
	const struct qd_span patience = qd_span_mul(t->times->renew, QD_PROPOSAL_PATIENCE_R);
	const bool waits_for_extra = c->state == QD_CLUSTER_GETTING_EXTRA;
	if (c->want.promised != l->view.epoch || (!l->forced && !still_wanted(c))) {
		abandon(t, QD_WAIT_NEWS);
		return;
	}
	if (!waits_for_extra && qd_mono_reached(t->now, qd_mono_add(l->since, patience))) {
		abandon(t, c->wait);
		return;
	}
	if (c->state == QD_CLUSTER_PREPARING) {
		ask_promises(t);
		const uint64_t missing = l->view.members & ~l->promised_by;
		const bool self = qd_set_has(l->promised_by, c->config.node_id);
		if (missing == 0 ||
		    (!QD_RULE(ALL_PROMISE) && self && qd_head_quorate(&l->head, l->promised_by, 0)))
			count_votes(t);
	}
	if (c->state == QD_CLUSTER_GETTING_EXTRA)
		got_extra(t);
	if (c->state == QD_CLUSTER_INSTALLING) {
		ask_installs(t);
		if (c->kept.installed.epoch == l->view.epoch &&
		    qd_head_quorate(&c->kept.head, l->installed_by & l->voting,
				    qd_extra_tagged(c, &c->kept.head)))
			qd_lead_begin(t);
	}
}

/* ------------------------------------------------ the others' side */

static void answer_promise(struct qd_cluster_turn *t, uint32_t to, uint64_t epoch, enum qd_refusal refusal)
{
	const struct qd_cluster *c = t->c;
	struct qd_msg *m = qd_cluster_say(t, QD_MSG_PROMISE, to);
	if (m == NULL)
		return; /* it asks again */
	m->u.promise = (struct qd_promise){
		.epoch = epoch,
		.refusal = refusal,
		.promised = c->want.promised,
		.has_vote = c->kept.has_vote,
		.runs = t->runs,
		.installed = c->kept.installed.epoch,
	};
	if (refusal != QD_REFUSAL_NONE)
		return;
	m->u.promise.head = c->kept.head;
	qd_cluster_ages_out(c, t->now, &m->u.promise.ages);
	t->c->promise_told = epoch;
}

static enum qd_refusal judge_prepare(const struct qd_cluster_turn *t, const struct qd_view *v)
{
	const struct qd_cluster *c = t->c;
	if (v->incarnation[c->config.node_id - 1] != c->config.incarnation)
		return QD_REFUSAL_INCARNATION;
	if (qd_cluster_is_stuck(c, t->now))
		return QD_REFUSAL_STUCK;
	if (v->epoch <= c->want.promised)
		return QD_REFUSAL_PROMISED;
	return v->members == c->set || !QD_RULE(SETS_AGREE) ? QD_REFUSAL_NONE : QD_REFUSAL_SET;
}

static bool is_the_same(const struct qd_view *a, const struct qd_view *b)
{
	return a->epoch == b->epoch && a->members == b->members &&
	       memcmp(a->incarnation, b->incarnation, sizeof(a->incarnation)) == 0;
}

static void asked_to_promise(struct qd_cluster_turn *t, uint32_t from, const struct qd_view *v)
{
	struct qd_cluster *c = t->c;
	qd_cluster_saw_epoch(c, v->epoch);
	if (qd_view_leader(v) != from || !qd_set_has(v->members, c->config.node_id))
		return;
	if (c->promise.to == from && is_the_same(&c->promise.view, v) && v->epoch == c->want.promised) {
		/* the same again: told again as soon as it is durable */
		if (c->kept.promised == v->epoch)
			answer_promise(t, from, v->epoch, QD_REFUSAL_NONE);
		return;
	}
	const enum qd_refusal refusal = judge_prepare(t, v);
	if (refusal != QD_REFUSAL_NONE) {
		answer_promise(t, from, v->epoch, refusal);
		return;
	}
	qd_keep_drop_pending(c);
	c->want.promised = v->epoch;
	c->promise.open = true;
	c->promise.to = from;
	c->promise.view = *v;
	c->heir = 0;
	qd_cluster_trace(t, QD_TRACE_PROMISE, v->epoch, v->members, 0);
	if (c->state != QD_CLUSTER_PROMISED)
		qd_cluster_move(t, QD_CLUSTER_PROMISED);
	c->wait = QD_WAIT_TURN;
}

static enum qd_refusal judge_install(const struct qd_cluster_turn *t, const struct qd_install *i)
{
	const struct qd_cluster *c = t->c;
	if (i->view.epoch < c->want.promised && QD_RULE(PROMISE_BINDS))
		return QD_REFUSAL_PROMISED;
	if (qd_tag_compare(i->head.tag, c->want.head.tag) < 0 && QD_RULE(TAG_RISES))
		return QD_REFUSAL_TAG;
	return qd_cluster_is_stuck(c, t->now) ? QD_REFUSAL_STUCK : QD_REFUSAL_NONE;
}

static void answer_install(struct qd_cluster_turn *t, uint32_t to, uint64_t epoch, enum qd_refusal refusal)
{
	const struct qd_cluster *c = t->c;
	struct qd_msg *m = qd_cluster_say(t, QD_MSG_INSTALLED, to);
	if (m != NULL)
		m->u.installed = (struct qd_installed){.epoch = epoch,
						       .refusal = refusal,
						       .promised = c->want.promised,
						       .has_vote = c->kept.has_vote};
}

static void asked_to_install(struct qd_cluster_turn *t, uint32_t from, const struct qd_install *i)
{
	struct qd_cluster *c = t->c;
	qd_cluster_saw_epoch(c, i->view.epoch);
	if (qd_view_leader(&i->view) != from || !qd_set_has(i->view.members, c->config.node_id))
		return;
	const bool mine = i->view.incarnation[c->config.node_id - 1] == c->config.incarnation;
	if (!mine && QD_RULE(INCARNATIONS_COUNT)) {
		answer_install(t, from, i->view.epoch, QD_REFUSAL_INCARNATION);
		return;
	}
	if (c->kept.installed.epoch == i->view.epoch && c->want.promised == i->view.epoch) {
		qd_cluster_ages_in(t, &i->ages);
		answer_install(t, from, i->view.epoch, QD_REFUSAL_NONE);
		return;
	}
	if (c->install.open && c->install.epoch == i->view.epoch)
		return; /* on its way to the disk */
	const enum qd_refusal refusal = judge_install(t, i);
	if (refusal != QD_REFUSAL_NONE) {
		answer_install(t, from, i->view.epoch, refusal);
		return;
	}
	qd_cluster_ages_in(t, &i->ages);
	if (i->view.epoch > c->want.promised)
		c->want.promised = i->view.epoch;
	interrupt(t, i->before);
	c->want.installed = i->view;
	c->want.head = i->head;
	c->install.open = true;
	c->install.to = from;
	c->install.epoch = i->view.epoch;
	if (c->state != QD_CLUSTER_PROMISED)
		qd_cluster_move(t, QD_CLUSTER_PROMISED);
	c->promise.to = from;
	c->promise.open = false;
	c->promise.view = i->view;
}

/* It speaks for the start of the node that this proposal, or view, names. */
static bool is_named(const struct qd_cluster *c, const struct qd_msg *m)
{
	return c->lead.view.incarnation[m->from - 1] == m->from_incarnation;
}

void qd_regroup_message(struct qd_cluster_turn *t, const struct qd_msg *m)
{
	struct qd_cluster *c = t->c;
	if (m->kind == QD_MSG_PREPARE)
		asked_to_promise(t, m->from, &m->u.prepare);
	else if (m->kind == QD_MSG_PROMISE && is_named(c, m))
		promised(t, m->from, &m->u.promise);
	else if (m->kind == QD_MSG_INSTALL)
		asked_to_install(t, m->from, &m->u.install);
	else if (m->kind == QD_MSG_INSTALLED && is_named(c, m))
		installed(t, m->from, &m->u.installed);
	else if (m->kind == QD_MSG_LEAD && m->u.epoch == c->kept.installed.epoch &&
		 c->state == QD_CLUSTER_MEMBER && qd_view_leader(&c->kept.installed) == m->from)
		c->heir = c->config.node_id; /* LEAD */
}

/* What became durable is said. */
static void think_told(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	if (c->promise.open && c->kept.promised == c->promise.view.epoch) {
		c->promise.open = false;
		answer_promise(t, c->promise.to, c->promise.view.epoch, QD_REFUSAL_NONE);
	}
	if (c->install.open && c->want.installed.epoch != c->install.epoch)
		c->install.open = false;
	if (c->install.open && c->kept.installed.epoch == c->install.epoch) {
		c->install.open = false;
		answer_install(t, c->install.to, c->install.epoch, QD_REFUSAL_NONE);
		if (c->state == QD_CLUSTER_PROMISED && c->want.promised == c->install.epoch) {
			qd_cluster_move(t, QD_CLUSTER_MEMBER);
			qd_cluster_trace(t, QD_TRACE_MEMBER, c->install.epoch, c->kept.installed.members, 0);
			/* Every leader numbers its rounds for itself: those of the view before are not of this one. */
			memset(c->answer_round, 0, sizeof(c->answer_round));
			c->proof_at = t->now;
			c->view_since = t->now;
			c->views++;
			c->wait = QD_WAIT_NONE;
		}
	}
}

static void say_why_not(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	if (c->prevented)
		c->wait = QD_WAIT_JOIN_ONLY;
	else if ((c->flags & QD_NEWS_STUCK) != 0)
		c->wait = QD_WAIT_STORE;
	else if ((c->flags & QD_NEWS_HELD) != 0)
		c->wait = QD_WAIT_HELD;
	else if (!qd_turn_could_be_quorate(c))
		c->wait = QD_WAIT_VOTES;
	else if ((c->flags & QD_NEWS_JOINING) != 0 && !qd_turn_all_are_here(c))
		c->wait = QD_WAIT_JOIN;
	else if (qd_turn_rank(c) != 0)
		c->wait = QD_WAIT_TURN;
	else
		c->wait = QD_WAIT_NEWS;
}

void qd_regroup_think(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	think_told(t);
	if (c->state == QD_CLUSTER_PREPARING || c->state == QD_CLUSTER_GETTING_EXTRA ||
	    c->state == QD_CLUSTER_INSTALLING) {
		think_proposing(t);
		return;
	}
	if (c->state == QD_CLUSTER_LEFT)
		return;
	if (c->state == QD_CLUSTER_JOINING)
		say_why_not(t);
	if (!qd_turn_is_due(c, t->times, t->now)) {
		c->due_since = QD_NEVER;
		return;
	}
	if (qd_mono_is_never(c->due_since))
		c->due_since = t->now;
	if (t->late || qd_cluster_is_stuck(c, t->now) || !qd_mono_reached(t->now, qd_turn_at(c)))
		return;
	if (!qd_turn_sets_agree(c) || !qd_turn_could_be_quorate(c))
		return;
	prepare(t);
	think_proposing(t);
}

struct qd_mono qd_regroup_deadline(const struct qd_cluster *c, const struct qd_times *times)
{
	const struct qd_lead *l = &c->lead;
	struct qd_mono d = QD_NEVER;
	switch (c->state) {
	case QD_CLUSTER_PREPARING:
	case QD_CLUSTER_INSTALLING:
		d = qd_mono_add(l->since, qd_span_mul(times->renew, QD_PROPOSAL_PATIENCE_R));
		if (c->state == QD_CLUSTER_INSTALLING ? qd_set_has(l->installed_by, c->config.node_id)
						      : qd_set_has(l->promised_by, c->config.node_id))
			d = qd_mono_min(d, l->resend_at);
		return d;
	case QD_CLUSTER_JOINING:
	case QD_CLUSTER_PROMISED:
	case QD_CLUSTER_MEMBER:
	case QD_CLUSTER_LEADING: {
		if (c->set == 0)
			return QD_NEVER; /* in nobody's set, not even its own */
		/* Its turn; when it has come, only news can change anything. */
		const struct qd_mono at = qd_turn_at(c);
		const bool ready = qd_turn_sets_agree(c) && qd_turn_could_be_quorate(c);
		d = qd_mono_is_never(c->due_since) ? qd_turn_leaderless_at(c, times) : QD_NEVER;
		return ready ? qd_mono_min(d, at) : d;
	}
	case QD_CLUSTER_GETTING_EXTRA:
		if (qd_extra_is_below(c))
			return QD_MONO_ZERO;
		d = qd_mono_add(l->since, qd_span_mul(times->takeover, 2));
		return extra_is_silent(c) ? qd_mono_min(d, qd_mono_add(l->since, times->renew)) : d;
	case QD_CLUSTER_LEFT:
	case QD_CLUSTER_STATE_COUNT:
		break;
	}
	return d;
}
