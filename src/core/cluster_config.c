/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of the configuration's head, dynamic votes, forced quorum, leaving (docs/MEMBERSHIP.md sections 7 and 8). */
#include "core/cluster_internal.h"
#include "core/node.h"

enum {
	QD_LEAVING_LOOK_MS = 500, /* between two looks at who leaves */
};

/* ------------------------------------------------ one change at a time */

static bool may_begin(const struct qd_cluster *c, struct qd_mono now)
{
	const bool leads = qd_lead_owns_any(c, now) && !c->handing;
	const bool settled = qd_tag_compare(c->want.head.tag, c->kept.head.tag) == 0;
	return leads && settled && (!QD_RULE(ONE_CHANGE) || (!c->lead.change_open && !c->kept.head.has_old));
}

void qd_change_begin(struct qd_cluster_turn *t, const struct qd_votes *votes, const uint8_t *body)
{
	struct qd_cluster *c = t->c;
	struct qd_head *h = &c->want.head;
	h->tag.version++;
	if (!qd_votes_equal(votes, &h->votes)) {
		h->old = h->votes;
		h->has_old = QD_RULE(OLD_AND_NEW);
	}
	h->votes = *votes; /* also what counts nothing: whether votes are dynamic, who loses a tie */
	if (body != NULL)
		memcpy(h->body, body, QD_DIGEST_BYTES);
	c->lead.change_open = true;
	c->lead.change_resend_at = t->now;
	qd_cluster_trace(t, QD_TRACE_CHANGE, h->tag.epoch, h->tag.version, qd_votes_total(&h->votes));
}

bool qd_change_is_open(const struct qd_cluster *c)
{
	return qd_cluster_leads(c) && c->lead.change_open;
}

static bool could_go_on(const struct qd_cluster *c, const struct qd_votes *votes)
{
	const uint32_t extras = qd_extra_held(c) | qd_extra_gettable(c);
	return qd_votes_quorate(votes, c->lead.view.members, extras);
}

enum qd_reply qd_change_request(struct qd_cluster_turn *t, struct qd_tag from, const struct qd_votes *votes,
				const uint8_t body[QD_DIGEST_BYTES])
{
	struct qd_cluster *c = t->c;
	if (!qd_cluster_leads(c) || !qd_cluster_right_runs(c, t->now))
		return QD_REPLY_NO_VIEW;
	if (!may_begin(c, t->now))
		return QD_REPLY_BUSY;
	if (qd_tag_compare(from, c->kept.head.tag) != 0)
		return QD_REPLY_STALE;
	struct qd_votes next = *votes;
	next.out = c->kept.head.votes.out & votes->nodes;
	next.extra_out = votes->model == c->kept.head.votes.model && c->kept.head.votes.extra_out;
	if (!votes->dynamic) { /* who is out now would never vote again */
		next.out = 0;
		next.extra_out = false;
	}
	if (qd_votes_check(&next) != QD_VOTES_OK)
		return QD_REPLY_INVALID;
	next = qd_votes_dynamic(&next, c->lead.view.members & votes->nodes, qd_votes_extra(&next));
	if (!could_go_on(c, &next))
		return QD_REPLY_WOULD_LOSE;
	qd_change_begin(t, &next, body);
	c->lead.change_operator = true;
	return QD_REPLY_DONE;
}

/* Everybody in the view has it, and the extra voters that make the set quorate: whatever set is quorate later, one of
 * it knows this configuration. */
static bool is_everywhere(const struct qd_cluster *c)
{
	const struct qd_lead *l = &c->lead;
	const struct qd_head *h = &c->kept.head;
	uint64_t have = qd_set_of(c->config.node_id);
	uint64_t voting = c->kept.has_vote ? have : 0;
	for (uint32_t id = qd_set_next(l->view.members, 0); id != 0; id = qd_set_next(l->view.members, id)) {
		const struct qd_member *m = &c->members[id - 1];
		if (id == c->config.node_id || qd_tag_compare(m->tag, h->tag) != 0)
			continue;
		have |= qd_set_of(id);
		voting |= m->has_vote ? qd_set_of(id) : 0;
	}
	if (have != l->view.members && QD_RULE(DONE_EVERYWHERE))
		return false;
	/* An extra voter that is held gets it, too, before it is done. */
	const uint32_t held = qd_extra_held(c) & qd_head_extras(h);
	const uint32_t tagged = qd_extra_tagged(c, h) & qd_head_extras(h);
	if (held != tagged && QD_RULE(DONE_EVERYWHERE))
		return false;
	return qd_head_quorate(h, voting, tagged) || !QD_RULE(DONE_EVERYWHERE);
}

static void tell_operator(struct qd_cluster_turn *t, enum qd_reply reply)
{
	if (t->out->count >= QD_ACTIONS_MAX)
		return;
	struct qd_action *action = &t->out->list[t->out->count++];
	action->kind = QD_ACTION_REPLY;
	action->u.reply = reply;
	qd_cluster_trace(t, QD_TRACE_OPERATOR, reply, 0, 0);
	t->c->lead.change_operator = false;
}

static void spread(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	struct qd_lead *l = &c->lead;
	if (qd_tag_compare(c->kept.head.tag, c->want.head.tag) != 0 ||
	    !qd_mono_reached(t->now, l->change_resend_at))
		return;
	for (uint32_t id = qd_set_next(l->view.members, 0); id != 0; id = qd_set_next(l->view.members, id)) {
		if (id == c->config.node_id || qd_tag_compare(c->members[id - 1].tag, c->kept.head.tag) == 0)
			continue;
		struct qd_msg *m = qd_cluster_say(t, QD_MSG_CHANGE, id);
		if (m == NULL)
			return;
		m->u.change.epoch = l->view.epoch;
		m->u.change.head = c->kept.head;
		qd_cluster_ages_out(c, t->now, &m->u.change.ages);
	}
	l->change_resend_at = qd_mono_add(t->now, qd_span_ms(QD_RESEND_MS));
}

static void close_change(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	struct qd_lead *l = &c->lead;
	qd_cluster_trace(t, QD_TRACE_CHANGED, c->kept.head.tag.epoch, c->kept.head.tag.version,
			 c->kept.head.has_old);
	if (c->kept.head.has_old) {
		/* Done under both rules: from here on the new one alone counts. */
		c->want.head.has_old = false;
		memset(&c->want.head.old, 0, sizeof(c->want.head.old));
		c->want.head.tag.version++;
		l->change_resend_at = t->now;
		return;
	}
	l->change_open = false;
	l->stable_since = t->now;
	if (l->change_operator)
		tell_operator(t, QD_REPLY_DONE);
}

static bool can_be_heir(const struct qd_cluster *c, uint32_t id)
{
	const struct qd_member *m = &c->members[id - 1];
	const uint32_t unfit = QD_NEWS_LEAVING | QD_NEWS_JOIN_ONLY | QD_NEWS_STUCK | QD_NEWS_HELD |
			       QD_NEWS_NO_VOTE; /* it might never have its turn */
	return qd_set_has(c->lead.view.members & c->kept.head.votes.nodes, id) && id != c->config.node_id &&
	       m->heard && m->news_known && (m->news.flags & unfit) == 0 &&
	       m->news.promised <= c->lead.view.epoch; /* else it follows no more */
}

static uint32_t heir_among(const struct qd_cluster *c, uint64_t nodes)
{
	for (uint32_t id = qd_set_next(nodes, 0); id != 0; id = qd_set_next(nodes, id))
		if (can_be_heir(c, id))
			return id;
	return 0;
}

/* Who may also run what runs here. */
static uint32_t free_heir(const struct qd_cluster *c)
{
	return heir_among(c, c->lead.view.members & ~c->kept.head.votes.paused);
}

/* Rather a paused one than nobody: so everything that is known of rights goes on. */
static uint32_t any_heir(const struct qd_cluster *c)
{
	const uint32_t heir = free_heir(c);
	return heir != 0 ? heir : heir_among(c, c->lead.view.members);
}

/* ------------------------------------------------ dynamic votes */

static uint64_t who_stays(const struct qd_cluster *c)
{
	uint64_t stays = 0;
	for (uint32_t id = qd_set_next(c->lead.view.members, 0); id != 0;
	     id = qd_set_next(c->lead.view.members, id)) {
		const bool self = id == c->config.node_id;
		const uint32_t flags = self ? c->news.flags : c->members[id - 1].news.flags;
		const bool vote = self ? c->kept.has_vote : c->members[id - 1].has_vote;
		/* A leader that leaves hands over first, with its vote. */
		const bool leaves = (flags & QD_NEWS_LEAVING) != 0 && !(self && any_heir(c) != 0);
		if (!leaves && vote)
			stays |= qd_set_of(id);
	}
	return stays;
}

static bool somebody_leaves(const struct qd_cluster *c)
{
	const uint64_t leaving = c->lead.view.members & ~who_stays(c);
	for (uint32_t id = qd_set_next(leaving, 0); id != 0; id = qd_set_next(leaving, id))
		if (qd_votes_of(&c->kept.head.votes, id) != 0)
			return true;
	return false;
}

static struct qd_mono dynamic_at(const struct qd_cluster *c, const struct qd_times *times)
{
	if (!c->kept.head.votes.dynamic || !qd_cluster_leads(c) || c->lead.change_open)
		return QD_NEVER;
	return somebody_leaves(c) ? c->lead.leaving_look : qd_mono_add(c->lead.stable_since, times->takeover);
}

/* The disk or the witness works, whether this node holds it already or still waits for it. */
static uint32_t healthy_extras(const struct qd_cluster *c)
{
	const bool witness = c->witness.answered && c->witness.verdict != QD_WITNESS_UNCONFIRMED &&
			     c->witness.verdict != QD_WITNESS_STORE;
	return qd_extra_held(c) | (c->disk.reachable ? QD_EXTRA_DISK : 0u) |
	       (witness ? QD_EXTRA_WITNESS : 0u);
}

static void dynamic_think(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	if (!qd_mono_reached(t->now, dynamic_at(c, t->times)) || !may_begin(c, t->now))
		return;
	const struct qd_votes next = qd_votes_dynamic(&c->kept.head.votes, who_stays(c), healthy_extras(c));
	c->lead.stable_since = t->now; /* looked at; again after another T */
	c->lead.leaving_look = qd_mono_add(t->now, qd_span_ms(QD_LEAVING_LOOK_MS));
	if (qd_votes_equal(&next, &c->kept.head.votes) ||
	    !qd_votes_quorate(&next, who_stays(c), qd_extra_held(c)))
		return;
	qd_change_begin(t, &next, NULL);
}

void qd_change_think(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	if (!qd_cluster_leads(c)) {
		if (c->lead.change_operator)
			tell_operator(
				t,
				QD_REPLY_FAILED); /* it may yet have been done: look at the configuration */
		return;
	}
	if (c->lead.change_open) {
		spread(t);
		if (qd_tag_compare(c->kept.head.tag, c->want.head.tag) == 0 && is_everywhere(c))
			close_change(t);
		return;
	}
	dynamic_think(t);
}

struct qd_mono qd_change_deadline(const struct qd_cluster *c, const struct qd_times *times)
{
	if (!qd_cluster_leads(c))
		return c->lead.change_operator ? QD_MONO_ZERO : QD_NEVER;
	if (c->lead.change_open)
		return qd_tag_compare(c->kept.head.tag, c->want.head.tag) == 0 ? c->lead.change_resend_at
									       : QD_NEVER;
	const bool settled = qd_tag_compare(c->want.head.tag, c->kept.head.tag) == 0;
	const bool may = c->right.held && c->right_epoch == c->lead.view.epoch && !c->handing && settled &&
			 !c->kept.head.has_old;
	return may ? dynamic_at(c, times) : QD_NEVER;
}

/* ------------------------------------------------ forced quorum */

enum qd_reply qd_force_request(struct qd_cluster_turn *t, uint64_t unix_s)
{
	struct qd_cluster *c = t->c;
	const uint64_t self = qd_set_of(c->config.node_id);
	if (c->state == QD_CLUSTER_LEFT || c->leaving)
		return QD_REPLY_BUSY;
	if (c->right.held || c->state == QD_CLUSTER_LEADING || c->state == QD_CLUSTER_MEMBER)
		return QD_REPLY_BUSY; /* there is a quorum */
	c->max_counter += QD_FORCE_COUNTERS;
	const uint64_t epoch = qd_epoch_make(c->max_counter, c->config.node_id);
	struct qd_lead *l = &c->lead;
	const uint64_t round = l->round;
	*l = (struct qd_lead){.since = t->now, .free_at = QD_NEVER, .round = round};
	l->view.epoch = epoch;
	l->view.members = self;
	l->view.incarnation[c->config.node_id - 1] = c->config.incarnation;
	l->forced = true;
	l->before = UINT64_MAX; /* nobody knows what was led meanwhile */
	l->promised_by = self;
	l->voting = self;
	qd_keep_drop_pending(c);
	l->head = c->kept.head;
	struct qd_votes *v = &l->head.votes;
	if (v->model == QD_MODEL_DISK_ONLY)
		v->model = QD_MODEL_NODE_MAJORITY; /* the disk alone voted, and it cannot be had */
	v->nodes |= self;
	if (v->weight[c->config.node_id - 1] == 0)
		v->weight[c->config.node_id - 1] = 1;
	v->dynamic = true; /* votes come back with their nodes */
	v->out = v->nodes & ~self;
	v->extra_out = true;
	l->head.has_old = false;
	memset(&l->head.old, 0, sizeof(l->head.old));
	l->head.tag.version++;
	l->head.forced_by = c->config.node_id;
	l->head.forced_unix_s = unix_s;
	c->want.promised = epoch;
	c->want.has_vote = true;
	c->promise.open = false;
	c->install.open = false;
	c->forcing = true;
	c->forcing_tag = (struct qd_tag){.epoch = epoch, .version = l->head.tag.version};
	qd_cluster_trace(t, QD_TRACE_FORCED, epoch, l->head.tag.version, 0);
	if (c->state != QD_CLUSTER_INSTALLING)
		qd_cluster_move(t, QD_CLUSTER_INSTALLING);
	return QD_REPLY_DONE;
}

/* Only what is durable may be told: the others are started after that, and may only join. And that it failed only when
 * it cannot become durable any more: who was told so starts the others to decide for themselves (five nodes of the version
 * before, seed 17573). A store that fails may have written it all the same; the next write that succeeds says so. */
static void forcing_think(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	if (!c->forcing)
		return;
	const bool durable = c->kept.head.forced_by == c->config.node_id &&
			     qd_tag_compare(c->kept.head.tag, c->forcing_tag) >= 0;
	const bool proposing = c->lead.forced && qd_cluster_makes(c);
	const bool writing = c->keep_open || !qd_mono_is_never(c->keep_after) ||
			     qd_tag_compare(c->want.head.tag, c->forcing_tag) >= 0;
	if (!durable && (proposing || (writing && QD_RULE(FORCE_FAILED))))
		return;
	c->forcing = false;
	tell_operator(t, durable ? QD_REPLY_DONE : QD_REPLY_FAILED);
}

/* ------------------------------------------------ handing over, leaving in order */

/* Towards `heir`; whoever asked for it. */
static void begin_handover(struct qd_cluster_turn *t, uint32_t heir)
{
	struct qd_cluster *c = t->c;
	c->heir = heir;
	c->handing_to = heir;
	c->handing = true;
	c->handing_since = t->now;
	c->lead_resend_at = t->now;
	qd_cluster_trace(t, QD_TRACE_HAND_OVER, heir, c->lead.view.epoch, 0);
}

enum qd_reply qd_handover_to(struct qd_cluster_turn *t, uint32_t to)
{
	struct qd_cluster *c = t->c;
	if (!qd_lead_owns(c, t->now))
		return QD_REPLY_NOT_OWNER;
	if (c->handing || c->lead.change_open)
		return QD_REPLY_BUSY;
	const uint32_t heir = to != 0 ? to : free_heir(c);
	if (heir == 0 || !can_be_heir(c, heir) || qd_change_is_paused(&c->kept.head, heir))
		return QD_REPLY_NO_SUCH_NODE;
	begin_handover(t, heir);
	c->handing_operator = true;
	return QD_REPLY_DONE;
}

static void end_handover(struct qd_cluster_turn *t, enum qd_reply reply)
{
	struct qd_cluster *c = t->c;
	c->handing = false;
	c->hand_after = qd_mono_add(t->now, t->times->takeover);
	if (c->heir != c->config.node_id)
		c->heir = 0;
	if (c->handing_operator)
		tell_operator(t, reply);
	c->handing_operator = false;
}

/* Who was removed leads no more; who is paused and runs nothing lets somebody lead who may. 0: nobody. */
static uint32_t gives_way_to(const struct qd_cluster_turn *t)
{
	const struct qd_cluster *c = t->c;
	const uint32_t self = c->config.node_id;
	if (!qd_lead_owns(c, t->now) || c->lead.change_open || !qd_mono_reached(t->now, c->hand_after))
		return 0;
	if (!qd_change_has_node(&c->kept.head, self))
		return any_heir(c);
	return qd_change_is_paused(&c->kept.head, self) && !t->acts ? free_heir(c) : 0;
}

static void handover_think(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	if (!c->handing && gives_way_to(t) != 0)
		begin_handover(t, gives_way_to(t));
	if (!c->handing)
		return;
	if (c->state == QD_CLUSTER_MEMBER) {
		end_handover(t, qd_view_leader(&c->kept.installed) == c->handing_to ? QD_REPLY_DONE
										    : QD_REPLY_FAILED);
		return;
	}
	const bool patience = qd_mono_before(t->now, qd_mono_add(c->handing_since, t->times->takeover));
	if (t->runs)
		return; /* it stops first; the runner has its own time limit */
	if (!patience || c->state == QD_CLUSTER_JOINING) {
		end_handover(t, patience ? QD_REPLY_FAILED : QD_REPLY_HEIR_SILENT);
		return;
	}
	if (!qd_cluster_leads(c) || !qd_mono_reached(t->now, c->lead_resend_at))
		return;
	struct qd_msg *m = qd_cluster_say(t, QD_MSG_LEAD, c->handing_to);
	if (m == NULL)
		return;
	m->u.epoch = c->lead.view.epoch;
	c->lead_resend_at = qd_mono_add(t->now, qd_span_ms(QD_RESEND_MS));
}

/* Who leaves as a leader hands over first: only so everything that it knows of rights goes to the next one. */
static bool hands_over_first(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	if (!qd_lead_owns_any(c, t->now) ||
	    qd_mono_reached(t->now, qd_mono_add(c->leaving_since, t->times->takeover)))
		return false;
	if (!c->handing && any_heir(c) != 0)
		begin_handover(t, any_heir(c));
	return c->handing;
}

/* The vote is somewhere else, or nobody is there who could take it. No change of votes is left half done (five nodes, seed
 * 115081). */
static bool vote_is_gone(const struct qd_cluster *c)
{
	const struct qd_head *h = &c->kept.head;
	const uint64_t self = qd_set_of(c->config.node_id);
	const bool alone = qd_cluster_leads(c) && c->lead.view.members == self && c->set == self;
	const bool gone = alone || qd_votes_of(&h->votes, c->config.node_id) == 0 || !h->votes.dynamic;
	return (gone && !h->has_old) || c->state == QD_CLUSTER_JOINING;
}

static struct qd_mono patience_end(const struct qd_cluster *c, const struct qd_times *times)
{
	return qd_mono_add(c->leaving_since, times->takeover);
}

void qd_leaving_think(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	forcing_think(t);
	handover_think(t);
	if (!c->leaving || c->state == QD_CLUSTER_LEFT || t->runs || hands_over_first(t))
		return;
	if (!vote_is_gone(c) && !qd_mono_reached(t->now, patience_end(c, t->times)))
		return;
	const uint64_t others = c->hears & ~qd_set_of(c->config.node_id);
	qd_cluster_trace(t, QD_TRACE_LEFT, c->kept.installed.epoch, 0, 0);
	for (uint32_t id = qd_set_next(others, 0); id != 0; id = qd_set_next(others, id)) {
		struct qd_msg *m = qd_cluster_say(t, QD_MSG_RIGHT_ENDED, id);
		if (m == NULL)
			break; /* W is waited instead */
		m->u.ended.epoch = c->want.promised;
		qd_cluster_ages_out(c, t->now, &m->u.ended.ages);
	}
	qd_lease_end(&c->right);
	qd_cluster_move(t, QD_CLUSTER_LEFT);
	t->gate->take = false;
	t->gate->give_up = true;
	t->gate->heir = 0;
}
