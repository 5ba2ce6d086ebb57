/* SPDX-License-Identifier: Apache-2.0 */
/* What people and clients may see of the views. Decides nothing. */
#include "core/arbiter_internal.h"

static uint32_t extra_holder(const struct qd_node *n)
{
	const struct qd_cluster *c = &n->cluster;
	const uint32_t extras = qd_head_extras(&c->kept.head);
	if (qd_extra_held(c) != 0)
		return c->config.node_id;
	if ((extras & QD_EXTRA_DISK) != 0)
		return c->disk.holder;
	if ((extras & QD_EXTRA_WITNESS) == 0)
		return 0;
	/* Who says so in its news, else what the witness told last. */
	for (uint32_t id = qd_set_next(c->hears, 0); id != 0; id = qd_set_next(c->hears, id))
		if (c->members[id - 1].news_known && (c->members[id - 1].news.flags & QD_NEWS_HOLDS) != 0)
			return id;
	return c->witness.holder;
}

static void show_nodes(const struct qd_cluster *c, struct qd_cluster_status *out)
{
	for (uint32_t id = 1; id <= QD_NODES_MAX; id++) {
		const bool self = id == c->config.node_id;
		const struct qd_member *m = &c->members[id - 1];
		out->incarnation[id - 1] = qd_cluster_incarnation(c, id);
		if (!self && !m->news_known)
			continue;
		out->news_flags[id - 1] = self ? c->news.flags : m->news.flags;
		out->tags[id - 1] = self ? c->kept.head.tag : m->news.tag;
	}
}

void qd_cluster_status_get(const struct qd_node *n, struct qd_cluster_status *out)
{
	const struct qd_cluster *c = &n->cluster;
	const struct qd_head *h = &c->kept.head;
	const bool active = c->state == QD_CLUSTER_MEMBER || c->state == QD_CLUSTER_LEADING;
	const struct qd_view *v = &c->kept.installed;
	const uint32_t holder = extra_holder(n);
	const uint64_t present = active ? v->members : c->set;
	const bool extra_here = holder != 0 && qd_set_has(present, holder);

	memset(out, 0, sizeof(*out));
	out->state = c->state;
	out->wait = c->wait;
	out->leader = active ? qd_view_leader(v) : 0;
	out->epoch = active ? v->epoch : 0;
	out->members = active ? v->members : 0;
	out->head = *h;
	out->hears = c->hears;
	out->set = c->set;
	out->votes_present = qd_votes_sum(&h->votes, present, extra_here ? qd_votes_extra(&h->votes) : 0);
	out->votes_needed = qd_votes_need(&h->votes);
	out->votes_total = qd_votes_total(&h->votes);
	out->quorate = active && qd_cluster_right_runs(c, n->now);
	out->extra_holder = holder;
	out->right_start = c->right.held ? c->right.start : QD_NEVER;
	out->begin_stop = c->right.held ? c->right.begin_stop : QD_NEVER;
	out->free_at = qd_cluster_leads(c) ? c->lead.free_at : QD_NEVER;
	out->witness_answered = c->witness.answered;
	out->witness_verdict = c->witness.verdict;
	out->witness_tag = c->witness.tag;
	out->leaving = c->leaving;
	out->views = c->views;
	out->falls = c->falls;
	show_nodes(c, out);
}
