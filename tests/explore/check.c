/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold in every world. */
#include "explore/world.h"

#include <stdio.h>

static const char *two_run(const struct ex_world *w, const struct ex_limits *l)
{
	uint32_t running = 0;
	for (uint32_t i = 0; i < l->nodes; i++)
		running += w->node[i].runs && qd_mono_before(w->now, w->node[i].ends);
	return running > 1 ? "I1: two nodes run the same unfenced work" : NULL;
}

static bool may_start(const struct ex_world *w, const struct ex_node *n)
{
	return qd_lead_owns(&n->c, w->now) && qd_mono_reached(w->now, n->c.lead.free_at);
}

/* Whoever a leader does not ask runs nothing, and may start nothing, when that leader may. (That one of its own members
 * runs something holds it back by another rule, and two_run() sees to that.) */
static const char *outsiders(const struct ex_world *w, const struct ex_limits *l, const struct ex_node *n)
{
	if (!may_start(w, n))
		return NULL;
	for (uint32_t k = 0; k < l->nodes; k++) {
		const struct ex_node *o = &w->node[k];
		const bool inside = qd_set_has(n->c.lead.view.members, k + 1);
		if (o != n && !inside && o->runs && qd_mono_before(w->now, o->ends))
			return "I4: something runs outside the view when its leader may start";
		if (o != n && may_start(w, o))
			return "I4: two leaders may start";
	}
	return NULL;
}

static const char *views_clash(const struct qd_view *a, const struct qd_view *b)
{
	if (a->epoch == 0 || a->epoch != b->epoch)
		return NULL;
	return a->members != b->members || memcmp(a->incarnation, b->incarnation, sizeof(a->incarnation)) != 0
		       ? "I2: two views carry one epoch"
		       : NULL;
}

static const char *heads_clash(const struct qd_head *a, const struct qd_head *b)
{
	if (qd_tag_compare(a->tag, b->tag) != 0)
		return NULL;
	return !qd_votes_equal(&a->votes, &b->votes) || a->has_old != b->has_old ||
			       memcmp(a->body, b->body, QD_DIGEST_BYTES) != 0
		       ? "I2: two configurations carry one tag"
		       : NULL;
}

/* What a node has promised, installed, or asks others to. */
static uint32_t views_of(const struct ex_node *n, const struct qd_view *list[3])
{
	uint32_t count = 0;
	const enum qd_cluster_state s = n->c.state;
	list[count++] = &n->disk.installed;
	if (s == QD_CLUSTER_PREPARING || s == QD_CLUSTER_GETTING_EXTRA || s == QD_CLUSTER_INSTALLING ||
	    s == QD_CLUSTER_LEADING)
		list[count++] = &n->c.lead.view;
	if (s == QD_CLUSTER_PROMISED)
		list[count++] = &n->c.promise.view;
	return count;
}

static const char *names_clash(const struct ex_node *a, const struct ex_node *b)
{
	const struct qd_view *of_a[3];
	const struct qd_view *of_b[3];
	const uint32_t count_a = views_of(a, of_a);
	const uint32_t count_b = views_of(b, of_b);
	const char *bad = heads_clash(&a->disk.head, &b->disk.head);
	for (uint32_t i = 0; i < count_a * count_b && bad == NULL; i++)
		bad = views_clash(of_a[i / count_b], of_b[i % count_b]);
	return bad;
}

static const char *extras_clash(const struct ex_world *w, const struct ex_limits *l, const struct ex_node *n)
{
	if (l->disk && heads_clash(&n->disk.head, &w->disk.slots) != NULL)
		return "I2: the quorum disk has another configuration under the same tag";
	const bool same = qd_tag_compare(n->disk.head.tag, w->record.tag) == 0;
	if (l->witness && same && memcmp(n->disk.head.body, w->record.digest, QD_DIGEST_BYTES) != 0)
		return "I2: the witness has another configuration under the same tag";
	return NULL;
}

const char *ex_check(const struct ex_world *w, const struct ex_limits *l)
{
	const char *bad = NULL;
	for (uint32_t i = 0; i < l->nodes && bad == NULL; i++) {
		bad = extras_clash(w, l, &w->node[i]);
		for (uint32_t k = 0; k < i && bad == NULL; k++)
			bad = names_clash(&w->node[i], &w->node[k]);
	}
	/* Who forces says that nobody else is there; a machine cannot know better. */
	if (bad == NULL && !w->forced)
		bad = two_run(w, l);
	for (uint32_t i = 0; i < l->nodes && bad == NULL && !w->forced; i++)
		bad = outsiders(w, l, &w->node[i]);
	return bad;
}
