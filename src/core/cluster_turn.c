/* SPDX-License-Identifier: Apache-2.0 */
/* Who could make a view together, when a change of the view is due, and whose turn it is to propose one
 * (docs/MEMBERSHIP.md sections 2 and 3). */
#include "core/cluster_internal.h"

/* ------------------------------------------------ candidate set */

bool qd_regroup_usable(const struct qd_cluster *c, uint32_t id)
{
	const uint32_t out = QD_NEWS_STUCK | QD_NEWS_HELD;
	const bool self = id == c->config.node_id;
	const uint32_t flags = self ? c->flags : c->members[id - 1].news.flags;
	if (!self && (!c->members[id - 1].heard || !c->members[id - 1].news_known))
		return false;
	if ((flags & out) != 0)
		return false;
	/* Who leaves stays until it has ended its part; for others than its leader until its vote is taken away, too: it
	 * learns that only as a member. */
	if (!self && c->members[id - 1].left)
		return false;
	const struct qd_head *h = &c->kept.head;
	const bool follows = !self && qd_cluster_leads(c) && qd_set_has(c->lead.view.members, id);
	return (flags & QD_NEWS_LEAVING) == 0 || qd_votes_of(&h->votes, id) != 0 || follows ||
	       (h->has_old && qd_votes_of(&h->old, id) != 0);
}

static uint32_t leader_heard(const struct qd_cluster *c, uint64_t among)
{
	uint64_t best = qd_set_has(among, c->config.node_id) ? c->news.leading : 0;
	for (uint32_t id = qd_set_next(among, 0); id != 0; id = qd_set_next(among, id))
		if (id != c->config.node_id && c->members[id - 1].news_known &&
		    c->members[id - 1].news.leading > best)
			best = c->members[id - 1].news.leading;
	return best == 0 ? 0 : qd_epoch_node(best);
}

static uint32_t holder_heard(const struct qd_cluster *c, uint64_t among)
{
	for (uint32_t id = qd_set_next(among, 0); id != 0; id = qd_set_next(among, id)) {
		const bool self = id == c->config.node_id;
		if (((self ? c->flags : c->members[id - 1].news.flags) & QD_NEWS_HOLDS) != 0)
			return id;
	}
	return 0;
}

/* By the newest configuration heard of, so that nodes that know different ones come to the same sets. Who has a vote is
 * enough to order them; the votes are counted when the promises have told the whole of it. */
static struct qd_votes newest_voters(const struct qd_cluster *c, uint64_t among)
{
	struct qd_tag newest = c->kept.head.tag;
	struct qd_votes votes = {.model = QD_MODEL_NODE_MAJORITY, .nodes = c->own_voters};
	for (uint32_t id = qd_set_next(among, 0); id != 0; id = qd_set_next(among, id)) {
		const struct qd_news *n = &c->members[id - 1].news;
		if (id == c->config.node_id || qd_tag_compare(n->tag, newest) <= 0)
			continue;
		newest = n->tag;
		votes.nodes = n->voters;
	}
	memset(votes.weight, 1, sizeof(votes.weight));
	return votes;
}

void qd_regroup_candidate(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	const uint32_t self = c->config.node_id;
	struct qd_hearing h = {0};
	for (uint32_t id = qd_set_next(c->hears, 0); id != 0; id = qd_set_next(c->hears, id)) {
		if (!qd_regroup_usable(c, id))
			continue;
		h.usable |= qd_set_of(id);
		if (id == self) {
			h.hears[id - 1] = c->hears;
			continue;
		}
		const struct qd_news *n = &c->members[id - 1].news;
		for (uint32_t of = qd_set_next(n->hears, 0); of != 0; of = qd_set_next(n->hears, of))
			if (qd_set_has(c->hears, of) &&
			    n->incarnation[of - 1] == qd_cluster_incarnation(c, of))
				h.hears[id - 1] |= qd_set_of(of);
	}
	const struct qd_votes votes = newest_voters(c, h.usable);
	c->set = qd_candidate(&h, self, &votes, leader_heard(c, h.usable), holder_heard(c, h.usable));
}

/* ------------------------------------------------ is a change due, and whose turn is it? */

static bool view_fits(const struct qd_cluster *c)
{
	const struct qd_view *v = &c->kept.installed;
	if (c->set != v->members)
		return false;
	for (uint32_t id = qd_set_next(v->members, 0); id != 0; id = qd_set_next(v->members, id))
		if (v->incarnation[id - 1] != qd_cluster_incarnation(c, id))
			return false;
	return true;
}

/* When a member of the view that this node leads, which is heard, has lost it since: nobody else may be able to take it
 * back in. Its news may be a little older than what it said of itself; and who has promised more had a proposal of its
 * own to try first (five nodes of the version before, seed 8927). QD_NEVER: none has. */
struct qd_mono qd_turn_fallen_at(const struct qd_cluster *c, const struct qd_times *times)
{
	const struct qd_lead *l = &c->lead;
	const struct qd_span behind = qd_span_div(c->config.detection, 2);
	struct qd_mono at = QD_NEVER;
	if (!qd_cluster_leads(c) || !QD_RULE(FALLEN_MEMBER))
		return at;
	const uint64_t others = l->installed_by & l->view.members & ~qd_set_of(c->config.node_id);
	for (uint32_t id = qd_set_next(others, 0); id != 0; id = qd_set_next(others, id)) {
		const struct qd_member *m = &c->members[id - 1];
		const bool same = m->news.promised == l->view.epoch;
		if (m->news_known && m->news.promised >= l->view.epoch && m->news.installed != l->view.epoch)
			at = qd_mono_min(at, qd_mono_add(m->said_in, same ? behind : times->takeover));
	}
	return at;
}

/* A view whose leader says for a while that it leads nothing. */
struct qd_mono qd_turn_leaderless_at(const struct qd_cluster *c, const struct qd_times *times)
{
	return c->state == QD_CLUSTER_MEMBER && leader_heard(c, c->set) == 0
		       ? qd_mono_add(c->view_since, times->renew)
		       : QD_NEVER;
}

/* Everybody who is configured is here: nobody can be missed by not waiting. */
bool qd_turn_all_are_here(const struct qd_cluster *c)
{
	return qd_set_contains(c->set, c->kept.head.votes.nodes);
}

static uint32_t flags_of(const struct qd_cluster *c, uint32_t id)
{
	return id == c->config.node_id ? c->flags : c->members[id - 1].news.flags;
}

/* Somebody in the set has a store that remembers which epochs were used. */
static bool votes_are_here(const struct qd_cluster *c)
{
	for (uint32_t id = qd_set_next(c->set, 0); id != 0; id = qd_set_next(c->set, id))
		if ((flags_of(c, id) & (QD_NEWS_NO_VOTE | QD_NEWS_JOIN_ONLY)) == 0 &&
		    qd_change_has_node(&c->kept.head, id))
			return true;
	return false;
}

static bool may_propose(const struct qd_cluster *c, uint32_t id)
{
	const struct qd_news *n = id == c->config.node_id ? &c->news : &c->members[id - 1].news;
	const uint32_t flags = flags_of(c, id);
	if ((flags & (QD_NEWS_JOIN_ONLY | QD_NEWS_LEAVING)) != 0)
		return n->leading != 0; /* a leader on its way out still takes care of its view */
	if (!qd_change_has_node(&c->kept.head, id))
		return false; /* it was removed: it may be a member, without a say */
	if ((flags & QD_NEWS_NO_VOTE) != 0 && votes_are_here(c))
		return false; /* it may not know which epochs it has used before */
	return (flags & QD_NEWS_JOINING) == 0 || qd_turn_all_are_here(c);
}

bool qd_turn_is_due(const struct qd_cluster *c, const struct qd_times *times, struct qd_mono now)
{
	switch (c->state) {
	case QD_CLUSTER_JOINING:
		return c->set != 0;
	case QD_CLUSTER_MEMBER:
	case QD_CLUSTER_LEADING:
		return c->set != 0 &&
		       (!view_fits(c) || c->heir == c->config.node_id || qd_extra_needs_epoch(c) ||
			qd_mono_reached(now, qd_turn_fallen_at(c, times)) ||
			qd_mono_reached(now, qd_turn_leaderless_at(c, times)));
	case QD_CLUSTER_PROMISED: {
		/* While the one it was promised to is at it, nobody else is in the way. Who has learnt meanwhile that it
		 * was removed is at nothing any more (five nodes of the version before, seed 14874). */
		const struct qd_member *m = &c->members[c->promise.to - 1];
		const bool at_it = qd_set_has(c->set, c->promise.to) && m->news_known &&
				   m->news.promised == c->promise.view.epoch &&
				   (may_propose(c, c->promise.to) || !QD_RULE(PROMISED_WAITS));
		return c->set != 0 && !at_it;
	}
	case QD_CLUSTER_PREPARING:
	case QD_CLUSTER_GETTING_EXTRA:
	case QD_CLUSTER_INSTALLING:
	case QD_CLUSTER_LEFT:
	case QD_CLUSTER_STATE_COUNT:
		break;
	}
	return false;
}

bool qd_turn_may_propose(const struct qd_cluster *c)
{
	return qd_set_has(c->set, c->config.node_id) && may_propose(c, c->config.node_id);
}

/* Who has the disk or witness comes first, then the lower ids, and who is paused after all who are not: what it leads
 * starts nothing. */
static bool comes_first(const struct qd_cluster *c, uint32_t id, uint32_t holder)
{
	const uint32_t self = c->config.node_id;
	const bool paused = qd_change_is_paused(&c->kept.head, self);
	if (!may_propose(c, id))
		return false;
	if (paused != qd_change_is_paused(&c->kept.head, id))
		return paused;
	return id == holder || (self != holder && id < self);
}

/* This node's place in the order of those who may propose; 0: at once. QD_NODES_MAX: never. */
uint32_t qd_turn_rank(const struct qd_cluster *c)
{
	const uint32_t self = c->config.node_id;
	const uint32_t leader = leader_heard(c, c->set);
	const uint32_t holder = holder_heard(c, c->set);
	uint32_t place = 0;
	if (!may_propose(c, self))
		return QD_NODES_MAX;
	if (c->handing)
		return QD_NODES_MAX; /* it waits for its heir */
	if (self == leader || self == c->heir)
		return 0;
	place += leader != 0;
	for (uint32_t id = qd_set_next(c->set, 0); id != 0; id = qd_set_next(c->set, id))
		place += id != leader && id != self && comes_first(c, id, holder);
	return place;
}

/* The newest news of every member of M name M as its candidate set, and the same incarnations. */
bool qd_turn_sets_agree(const struct qd_cluster *c)
{
	if (!QD_RULE(SETS_AGREE))
		return true;
	for (uint32_t id = qd_set_next(c->set, 0); id != 0; id = qd_set_next(c->set, id)) {
		const struct qd_news *n = &c->members[id - 1].news;
		if (id == c->config.node_id)
			continue;
		if (n->set != c->set || !c->members[id - 1].news_known)
			return false;
		for (uint32_t of = qd_set_next(c->set, 0); of != 0; of = qd_set_next(c->set, of))
			if (n->incarnation[of - 1] != qd_cluster_incarnation(c, of))
				return false;
	}
	return true;
}

/* A newer configuration than this node's is known to a member: then its votes count, and this node cannot tell. */
static bool knows_newest(const struct qd_cluster *c)
{
	for (uint32_t id = qd_set_next(c->set, 0); id != 0; id = qd_set_next(c->set, id))
		if (id != c->config.node_id && c->members[id - 1].news_known &&
		    qd_tag_compare(c->members[id - 1].news.tag, c->kept.head.tag) > 0)
			return false;
	return true;
}

bool qd_turn_could_be_quorate(const struct qd_cluster *c)
{
	const uint32_t extras = qd_extra_held(c) | qd_extra_gettable(c);
	return !knows_newest(c) || qd_head_quorate(&c->kept.head, c->set, extras);
}

struct qd_mono qd_turn_at(const struct qd_cluster *c)
{
	const uint32_t place = qd_turn_rank(c);
	if (place >= QD_NODES_MAX || qd_mono_is_never(c->due_since))
		return QD_NEVER;
	const struct qd_mono at = qd_mono_add(c->due_since, qd_span_mul(c->config.detection, place));
	const struct qd_mono short_until = c->set == c->short_set ? c->short_until : QD_MONO_ZERO;
	return qd_mono_max(qd_mono_max(at, short_until), qd_mono_max(c->lead.resend_at, c->back_until));
}
