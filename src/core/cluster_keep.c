/* SPDX-License-Identifier: Apache-2.0 */
/* The own store: what a node promised and installed is durable before it is told (docs/MEMBERSHIP.md section 1). */
#include "core/cluster_internal.h"

enum {
	QD_KEEP_RETRY_MS = 1000,
	QD_TEXT_DOUBLINGS = 6, /* of that pace, while a text cannot be had */
};

static bool is_equal(const struct qd_kept *a, const struct qd_kept *b)
{
	return a->promised == b->promised && a->installed.epoch == b->installed.epoch &&
	       a->installed.members == b->installed.members &&
	       qd_tag_compare(a->head.tag, b->head.tag) == 0 && a->has_vote == b->has_vote;
}

/* After a write that failed also when nothing is wanted any more: only one that succeeds shows that the store is well. */
static bool is_due(const struct qd_cluster *c)
{
	return !is_equal(&c->kept, &c->want) || !qd_mono_is_never(c->keep_after);
}

void qd_keep_think(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	if (c->keep_open || !is_due(c) || t->out->count >= QD_ACTIONS_MAX)
		return;
	if (!qd_mono_is_never(c->keep_after) && qd_mono_before(t->now, c->keep_after))
		return;
	qd_assert(c->want.promised >= c->kept.promised);
	qd_assert(qd_tag_compare(c->want.head.tag, c->kept.head.tag) >= 0 || !QD_RULE(TAG_RISES));
	c->keep_open = true;
	c->keep_since = t->now;
	c->keeping = c->want;
	t->out->keep = c->want;
	struct qd_action *action = &t->out->list[t->out->count++];
	action->kind = QD_ACTION_KEEP;
	action->u.keep.turn = ++c->keep_turn;
	/* Who has the body: the leader; or, for a view of one's own, who promised with this head. */
	const uint32_t leader = qd_view_leader(&c->want.installed);
	action->u.keep.from = leader == c->config.node_id ? c->lead.head_from : leader;
	if (!QD_RULE(PROMISE_DURABLE)) /* mutant: what is only on its way counts as kept */
		c->kept = c->keeping;
}

/* Whoever has the text is gone. Who leads now says the configuration again; without it the promise alone can be kept
 * (five nodes of the version before, seed 15534). What cannot be had at all is tried less and less often. */
static void miss_text(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	const uint32_t doublings = c->text_misses < QD_TEXT_DOUBLINGS ? c->text_misses : QD_TEXT_DOUBLINGS;
	c->text_misses++;
	c->keep_after = qd_mono_add(t->now, qd_span_ms((int64_t)QD_KEEP_RETRY_MS << doublings));
	if (!qd_cluster_makes(c) && QD_RULE(KEEP_GIVES_UP))
		qd_keep_drop_pending(c);
}

void qd_keep_over(struct qd_cluster_turn *t, uint64_t turn, enum qd_keep_result result)
{
	struct qd_cluster *c = t->c;
	if (!c->keep_open || turn != c->keep_turn)
		return;
	c->keep_open = false;
	switch (result) {
	case QD_KEEP_FAILED:
		qd_cluster_trace(t, QD_TRACE_KEEP_FAILED, c->keeping.promised, 0, 0);
		c->keep_after = qd_mono_add(t->now, qd_span_ms(QD_KEEP_RETRY_MS));
		return;
	case QD_KEEP_NO_TEXT:
		qd_cluster_trace(t, QD_TRACE_NO_TEXT, c->keeping.head.tag.epoch, c->keeping.head.tag.version,
				 0);
		miss_text(t);
		return;
	case QD_KEEP_DURABLE:
		break;
	}
	if (qd_tag_compare(c->keeping.head.tag, c->kept.head.tag) > 0)
		c->text_misses = 0;
	c->keep_after = QD_NEVER;
	c->kept = c->keeping;
	/* What was given up meanwhile may have become durable all the same. */
	if (qd_tag_compare(c->kept.head.tag, c->want.head.tag) > 0)
		c->want.head = c->kept.head;
	if (c->kept.installed.epoch > c->want.installed.epoch)
		c->want.installed = c->kept.installed;
}

void qd_keep_drop_pending(struct qd_cluster *c)
{
	c->want.head = c->kept.head;
	c->want.installed = c->kept.installed;
	c->install.open = false;
	c->change_to = 0;
}

struct qd_mono qd_keep_deadline(const struct qd_cluster *c)
{
	struct qd_mono d = QD_NEVER;
	if (c->keep_open && (c->flags & QD_NEWS_STUCK) == 0)
		d = qd_mono_add(c->keep_since, qd_span_ms(QD_KEEP_STUCK_MS));
	if (!c->keep_open && is_due(c))
		d = qd_mono_is_never(c->keep_after) ? QD_MONO_ZERO : c->keep_after;
	return d;
}
