/* SPDX-License-Identifier: Apache-2.0 */
#include "api/why.h"

#include "api/why_state.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { PROOFS_A_RENEW = 3 }; /* MEMBERSHIP.md section 4: a round every R/3 */

/* ------------------------------------------------ words */

void qd_why_say(struct qd_why *w, const char *format, ...)
{
	va_list args;
	qd_assert(w->count < QD_WHY_SENTENCES);
	va_start(args, format);
	(void)vsnprintf(w->text[w->count], QD_WHY_TEXT_MAX, format, args); /* cut with very many names */
	va_end(args);
	w->count++;
}

static const char *name_of(const struct qd_control_snapshot *s, uint32_t id)
{
	return id <= QD_NODE_ID_MAX && s->node_names[id][0] != '\0' ? s->node_names[id] : "?";
}

void qd_why_names(const struct qd_control_snapshot *s, uint64_t set, char *to, size_t cap_bytes)
{
	const uint32_t count = qd_set_count(set);
	uint32_t n = 0;
	(void)snprintf(to, cap_bytes, "%s", count == 0 ? "no node" : count == 1 ? "node" : "nodes");
	for (uint32_t id = qd_set_next(set, 0); id != 0; id = qd_set_next(set, id)) {
		const size_t at = strlen(to);
		(void)snprintf(to + at, cap_bytes - at, "%s%s",
			       n == 0		? " "
			       : n + 1 == count ? " and "
						: ", ",
			       name_of(s, id));
		n++;
	}
}

static double seconds(struct qd_span span)
{
	return (double)span.ns / 1e9;
}

/* ------------------------------------------------ what the snapshot means */

bool qd_why_has_owner(const struct qd_control_snapshot *s)
{
	const struct qd_sight *sight = &s->arbiter.sight;
	if (s->has_cluster)
		return s->views.quorate;
	if (s->mine)
		return true;
	if (!sight->known || !sight->held || s->arbiter.owner_node == 0 ||
	    s->arbiter.owner_node == s->node_id)
		return false;
	return qd_mono_before(s->now, qd_mono_add(sight->since, s->times.challenge)) &&
	       qd_mono_before(s->now, qd_mono_add(sight->last_look, s->times.challenge));
}

bool qd_why_is_forced(const struct qd_control_snapshot *s)
{
	const struct qd_cluster_status *v = &s->views;
	const uint64_t here = v->quorate ? v->members : v->set;
	struct qd_votes all = v->head.votes;
	/* Of the two halves of a pair dynamic votes leave one without a vote: its weight stands for what was configured. */
	all.model = QD_MODEL_NODE_MAJORITY;
	all.out = 0;
	const uint32_t extra = qd_set_has(here, v->extra_holder) ? qd_votes_of_extra(&v->head.votes) : 0;
	return v->head.forced_by != 0 && qd_votes_sum(&all, here, 0) + extra <= qd_votes_total(&all) / 2;
}

bool qd_why_is_stuck(const struct qd_control_snapshot *s)
{
	return s->store_why[0] != '\0' || (s->views.news_flags[s->node_id - 1] & QD_NEWS_STUCK) != 0;
}

static const char *own_state(const struct qd_control_snapshot *s)
{
	const struct qd_cluster_status *v = &s->views;
	if (v->state == QD_CLUSTER_LEFT)
		return "left";
	if (v->leaving)
		return "leaving";
	if (qd_why_is_stuck(s))
		return "stuck";
	return v->state == QD_CLUSTER_LEADING || v->state == QD_CLUSTER_MEMBER ? "up" : "joining";
}

const char *qd_why_node_state(const struct qd_control_snapshot *s, uint32_t id)
{
	const struct qd_cluster_status *v = &s->views;
	qd_assert(id >= 1 && id <= QD_NODES_MAX);
	if (id == s->node_id)
		return own_state(s);
	if (!qd_set_has(v->hears, id))
		return "down";
	if ((v->news_flags[id - 1] & QD_NEWS_LEAVING) != 0)
		return "leaving";
	if ((v->news_flags[id - 1] & QD_NEWS_STUCK) != 0)
		return "stuck";
	if ((v->news_flags[id - 1] & QD_NEWS_HELD) != 0)
		return "held";
	return qd_set_has(v->members, id) ? "up" : "joining";
}

uint32_t qd_why_links(const struct qd_control_snapshot *s, uint32_t id, uint32_t *up)
{
	uint32_t count = 0;
	*up = 0;
	for (uint32_t i = 0; i < s->link_count; i++) {
		if (s->links[i].node != id)
			continue;
		count++;
		*up += s->links[i].up ? 1 : 0;
	}
	return count;
}

uint32_t qd_why_rounds_left(const struct qd_control_snapshot *s)
{
	const struct qd_mono until = s->has_cluster ? s->views.begin_stop : s->lease.begin_stop;
	const bool runs = s->has_cluster ? s->views.quorate : s->lease.held;
	const struct qd_span each =
		s->has_cluster ? qd_span_div(s->times.renew, PROOFS_A_RENEW) : s->times.renew;
	if (!runs || qd_mono_is_never(until) || !qd_mono_before(s->now, until) || each.ns <= 0)
		return 0;
	return (uint32_t)(qd_mono_sub(until, s->now).ns / each.ns);
}

/* ------------------------------------------------ without networks: the quorum disk alone */

static void explain_disk(const struct qd_control_snapshot *s, struct qd_why *w)
{
	const struct qd_arbiter_status *a = &s->arbiter;
	w->quorate = qd_why_has_owner(s);
	if (s->mine) {
		qd_why_say(w,
			   "This node owns the quorum disk under epoch %" PRIu64
			   ". The nodes have no addresses, so the disk alone decides.",
			   s->epoch);
		qd_why_say(
			w,
			"Its last good round on the disk began %.1f s ago. It gives up when none succeeds in "
			"the next %.1f s.",
			seconds(qd_mono_sub(s->now, s->lease.start)),
			seconds(qd_mono_sub(s->lease.begin_stop, s->now)));
		return;
	}
	if (w->quorate) {
		qd_why_say(w,
			   "Node %s owns the quorum disk: it last beat %.1f s ago. The nodes have no "
			   "addresses, so "
			   "the disk alone decides.",
			   name_of(s, a->owner_node), seconds(qd_mono_sub(s->now, a->sight.since)));
		qd_why_say(w, "This node takes the disk over when that node has not beaten for %.1f s.",
			   seconds(s->times.challenge));
		return;
	}
	qd_why_say(w,
		   "No node owns the quorum disk, as far as this node sees. The nodes have no addresses, so "
		   "the disk alone decides.");
	if (a->hold == QD_HOLD_NONE)
		qd_why_say(w, "This node is about to take it.");
	else
		qd_why_say(w, "%s", qd_hold_reason_text(a->hold));
}

/* ------------------------------------------------ both with networks */

static void say_missing(const struct qd_control_snapshot *s, uint64_t missing, struct qd_why *w)
{
	char names[QD_WHY_TEXT_MAX / 2];
	uint64_t silent = 0;
	uint32_t links = 0;
	for (uint32_t id = qd_set_next(missing, 0); id != 0; id = qd_set_next(missing, id)) {
		uint32_t up = 0;
		const uint32_t n = qd_why_links(s, id, &up);
		silent |= qd_set_has(s->views.hears, id) ? 0 : qd_set_of(id);
		links = n > links ? n : links;
	}
	if (silent == 0)
		return;
	qd_why_names(s, silent, names, sizeof(names));
	names[0] = 'N';
	if (links > 1)
		qd_why_say(w, "%s %s not heard on any of %" PRIu32 " networks.", names,
			   qd_set_count(silent) == 1 ? "is" : "are", links);
	else
		qd_why_say(w, "%s %s not heard.", names, qd_set_count(silent) == 1 ? "is" : "are");
}

/* Nodes that are heard and yet take no part: why. */
static void say_apart(const struct qd_control_snapshot *s, uint64_t apart, struct qd_why *w)
{
	static const struct {
		uint32_t flag;
		const char *text;
	} table[] = {
		{QD_NEWS_LEAVING, "leaving in order"},
		{QD_NEWS_STUCK, "without a store: its own disk does not answer or cannot be written"},
		{QD_NEWS_HELD, "keeping out for a while, because it fell out of views too often"},
	};
	char names[QD_WHY_TEXT_MAX / 2];
	uint64_t rest = apart & s->views.hears & ~qd_set_of(s->node_id);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint64_t some = 0;
		for (uint32_t id = qd_set_next(rest, 0); id != 0; id = qd_set_next(rest, id))
			some |= (s->views.news_flags[id - 1] & table[i].flag) != 0 ? qd_set_of(id) : 0;
		if (some == 0)
			continue;
		rest &= ~some;
		qd_why_names(s, some, names, sizeof(names));
		names[0] = 'N';
		qd_why_say(w, "%s %s %s.", names, qd_set_count(some) == 1 ? "is" : "are", table[i].text);
	}
	if (rest == 0 || qd_why_is_stuck(s)) /* it is this node that is apart */
		return;
	qd_why_names(s, rest, names, sizeof(names));
	names[0] = 'N';
	if (qd_set_contains(s->views.set, rest))
		qd_why_say(w, "%s %s heard and joining.", names, qd_set_count(rest) == 1 ? "is" : "are");
	else
		qd_why_say(w,
			   "%s %s heard here, but not in both directions by everybody else: all members of a "
			   "view "
			   "must hear one another.",
			   names, qd_set_count(rest) == 1 ? "is" : "are");
}

static void say_votes_gone(const struct qd_control_snapshot *s, uint64_t missing, struct qd_why *w)
{
	const struct qd_votes *v = &s->views.head.votes;
	char names[QD_WHY_TEXT_MAX / 2];
	uint64_t out = 0;
	for (uint32_t id = qd_set_next(missing, 0); id != 0; id = qd_set_next(missing, id))
		out |= qd_votes_of(v, id) == 0 && v->weight[id - 1] > 0 ? qd_set_of(id) : 0;
	if (out == 0)
		return;
	qd_why_names(s, out, names, sizeof(names));
	names[0] = 'N';
	qd_why_say(
		w,
		"%s %s no vote at present: the votes follow who is there (dynamic votes), and come back with "
		"%s.",
		names, qd_set_count(out) == 1 ? "has" : "have", qd_set_count(out) == 1 ? "it" : "them");
}

/* Members that do not count. */
static void say_voteless(const struct qd_control_snapshot *s, struct qd_why *w)
{
	const struct qd_votes *v = &s->views.head.votes;
	char names[QD_WHY_TEXT_MAX / 2];
	uint64_t out = 0;
	for (uint32_t id = qd_set_next(s->views.members, 0); id != 0; id = qd_set_next(s->views.members, id))
		out |= qd_votes_of(v, id) == 0 && v->weight[id - 1] > 0 ? qd_set_of(id) : 0;
	if (out == 0 || v->model == QD_MODEL_DISK_ONLY)
		return;
	qd_why_names(s, out, names, sizeof(names));
	names[0] = 'N';
	qd_why_say(
		w,
		"%s %s here without a vote at present: an even number of votes could tie, or the votes have "
		"not followed yet.",
		names, qd_set_count(out) == 1 ? "is" : "are");
}

static void say_paused(const struct qd_control_snapshot *s, struct qd_why *w)
{
	const uint64_t paused = s->views.head.votes.paused;
	const uint64_t others = paused & ~qd_set_of(s->node_id);
	const bool several = qd_set_count(others) > 1;
	char names[QD_WHY_TEXT_MAX / 2];
	if (qd_set_has(paused, s->node_id))
		qd_why_say(w,
			   "This node is paused: it votes, and starts nothing until \"quorumctl node resume "
			   "%s\".",
			   name_of(s, s->node_id));
	qd_why_names(s, others, names, sizeof(names));
	names[0] = 'N';
	if (others != 0)
		qd_why_say(w, "%s %s paused: %s, and %s nothing until \"quorumctl node resume\".", names,
			   several ? "are" : "is", several ? "they vote" : "it votes",
			   several ? "start" : "starts");
	if (s->views.quorate && qd_set_contains(paused, s->views.members))
		qd_why_say(w, "All members are paused: nothing is started anywhere.");
}

static void say_head(const struct qd_control_snapshot *s, struct qd_why *w)
{
	const struct qd_head *h = &s->views.head;
	if (h->has_old)
		qd_why_say(w,
			   "A change of the votes is under way: until it is done, the old votes need their "
			   "majority, too (%" PRIu32 " of %" PRIu32 ").",
			   qd_votes_need(&h->old), qd_votes_total(&h->old));
	if (qd_why_is_forced(s))
		qd_why_say(w,
			   "The quorum was forced by an operator on node %s. What only the lost nodes knew "
			   "is not in "
			   "this configuration.",
			   name_of(s, h->forced_by));
	else if (h->forced_by != 0)
		qd_why_say(w,
			   "The quorum was once forced by an operator on node %s; that is over, and what "
			   "only the lost nodes knew then was lost.",
			   name_of(s, h->forced_by));
}

void qd_why_explain(const struct qd_control_snapshot *s, struct qd_why *out)
{
	memset(out, 0, sizeof(*out));
	if (!s->has_cluster) {
		explain_disk(s, out);
		return;
	}
	const struct qd_cluster_status *v = &s->views;
	const uint64_t here = v->quorate ? v->members : v->set;
	const uint64_t missing = s->members & ~here & ~qd_set_of(s->node_id);
	out->quorate = v->quorate;
	if (v->quorate)
		qd_why_quorate(s, out);
	else
		qd_why_not_quorate(s, out);
	say_missing(s, missing, out);
	say_apart(s, missing, out);
	say_votes_gone(s, missing, out);
	say_voteless(s, out);
	say_paused(s, out);
	say_head(s, out);
	if (v->quorate)
		qd_why_would_lose(s, out);
	else
		qd_why_would_gain(s, missing, out);
}
