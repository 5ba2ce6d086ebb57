/* SPDX-License-Identifier: Apache-2.0 */
#include "api/why_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *extra_name(uint32_t extras)
{
	return (extras & QD_EXTRA_DISK) != 0 ? "quorum disk" : "witness";
}

static double seconds(struct qd_span span)
{
	return (double)span.ns / 1e9;
}

/* What votes beside the nodes and is held by one of `set`. */
static uint32_t extras_of(const struct qd_control_snapshot *s, uint64_t set)
{
	return qd_set_has(set, s->views.extra_holder) ? qd_head_extras(&s->views.head) : 0;
}

/* "alpha (2 votes)" would be too long for many: names, and their votes together. */
static void say_who(const struct qd_control_snapshot *s, uint64_t set, char *to, size_t cap_bytes)
{
	char names[QD_WHY_TEXT_MAX / 2];
	if (set == qd_set_of(s->node_id) || set == 0) {
		(void)snprintf(to, cap_bytes, "%s",
			       set != 0 ? "this node alone" : "this node, which is in nobody's set,");
		return;
	}
	qd_why_names(s, set, names, sizeof(names));
	(void)snprintf(to, cap_bytes, "%s", names);
}

static void say_extra(const struct qd_control_snapshot *s, struct qd_why *w)
{
	const struct qd_cluster_status *v = &s->views;
	const struct qd_votes *votes = &v->head.votes;
	const uint32_t extra = qd_votes_extra(votes);
	if (extra == 0)
		return;
	if (qd_votes_of_extra(votes) == 0)
		qd_why_say(w,
			   "The %s has no vote at present: without it the number of votes is odd, so that no "
			   "two "
			   "halves can tie, or it could not be reached when the votes were adjusted.",
			   extra_name(extra));
	else if (v->extra_holder == 0)
		qd_why_say(w, "The %s has a vote, and nobody is known to hold it.", extra_name(extra));
	else
		qd_why_say(w, "The %s has a vote, and node %s holds it.", extra_name(extra),
			   s->node_names[v->extra_holder]);
}

static void say_store(const struct qd_control_snapshot *s, struct qd_why *w)
{
	if (s->store_why[0] != '\0')
		qd_why_say(w,
			   "This node's own store cannot be written, so it can promise nothing and is in no "
			   "new view: %s.",
			   s->store_why);
	else
		qd_why_say(w, "This node's own store does not answer, so it can promise nothing: look at the "
			      "disk that state_dir is on.");
}

/* ------------------------------------------------ quorate */

void qd_why_quorate(const struct qd_control_snapshot *s, struct qd_why *w)
{
	const struct qd_cluster_status *v = &s->views;
	char who[QD_WHY_TEXT_MAX / 2];
	say_who(s, v->members, who, sizeof(who));
	qd_why_say(w, "Quorate: %s %s %" PRIu32 " of %" PRIu32 " votes; %" PRIu32 " %s needed.", who,
		   qd_set_count(v->members) == 1 ? "has" : "have", v->votes_present, v->votes_total,
		   v->votes_needed, v->votes_needed == 1 ? "is" : "are");
	if (v->leader == s->node_id)
		qd_why_say(w, "This node leads, under epoch %" PRIu64 ".", v->epoch);
	else
		qd_why_say(w, "Node %s leads, under epoch %" PRIu64 ".", s->node_names[v->leader], v->epoch);
	qd_why_say(w,
		   "The last proof of quorum began %.1f s ago. Without another one, what runs here begins to "
		   "stop in "
		   "%.1f s.",
		   seconds(qd_mono_sub(s->now, v->right_start)), seconds(qd_mono_sub(v->begin_stop, s->now)));
	say_extra(s, w);
	if (qd_why_is_stuck(s)) /* the others go on without it soon */
		say_store(s, w);
}

void qd_why_would_lose(const struct qd_control_snapshot *s, struct qd_why *w)
{
	const struct qd_cluster_status *v = &s->views;
	const uint32_t extras = extras_of(s, v->members);
	char names[QD_WHY_TEXT_MAX / 2];
	uint64_t needed = 0;
	for (uint32_t id = qd_set_next(v->members, 0); id != 0; id = qd_set_next(v->members, id)) {
		/* Whoever is left can take the disk or the witness over. */
		if (!qd_head_quorate(&v->head, v->members & ~qd_set_of(id), extras))
			needed |= qd_set_of(id);
	}
	const bool extra_needed = extras != 0 && !qd_head_quorate(&v->head, v->members, 0);
	if (needed == 0 && !extra_needed) {
		qd_why_say(w, "It survives the failure of any one node%s%s.",
			   extras != 0 ? ", and that of the " : "", extras != 0 ? extra_name(extras) : "");
		return;
	}
	qd_why_names(s, needed, names, sizeof(names));
	if (needed == 0)
		qd_why_say(w, "It survives the failure of any one node, but not that of the %s.",
			   extra_name(extras));
	else if (qd_set_count(needed) == 1)
		qd_why_say(w, "The quorum is lost when %s fails%s%s.", names, extra_needed ? ", or the " : "",
			   extra_needed ? extra_name(extras) : "");
	else
		qd_why_say(w, "The quorum is lost when one of %s fails%s%s.", names,
			   extra_needed ? ", or the " : "", extra_needed ? extra_name(extras) : "");
}

/* ------------------------------------------------ not quorate */

static bool has_enough(const struct qd_control_snapshot *s)
{
	return qd_head_quorate(&s->views.head, s->views.set, extras_of(s, s->views.set));
}

/* A node without the newest configuration: which one has it. By its news, or else it led the epoch of that one. */
static void say_newer(const struct qd_control_snapshot *s, struct qd_why *w)
{
	const struct qd_cluster_status *v = &s->views;
	const uint32_t led = v->witness_tag.epoch == 0 ? 0 : qd_epoch_node(v->witness_tag.epoch);
	char such[QD_WHY_TEXT_MAX / 4] = "";
	char names[QD_WHY_TEXT_MAX / 8];
	uint64_t have = 0;
	for (uint32_t id = qd_set_next(s->members, 0); id != 0; id = qd_set_next(s->members, id))
		have |= qd_tag_compare(v->tags[id - 1], v->witness_tag) >= 0 ? qd_set_of(id) : 0;
	qd_why_names(s, have, names, sizeof(names));
	if (have != 0)
		(void)snprintf(such, sizeof(such), ", as %s by the last that was heard", names);
	else if (led == s->node_id)
		(void)snprintf(such, sizeof(such),
			       " (this node led that epoch: its store is not the one that it had then)");
	else if (qd_set_has(s->members, led))
		(void)snprintf(such, sizeof(such), ", such as node %s, which led that epoch",
			       s->node_names[led]);
	qd_why_say(w,
		   "The witness knows configuration %" PRIu64 ".%" PRIu64
		   ", and the newest one here is %" PRIu64 ".%" PRIu64
		   ": start a node that has it%s. Only if all such nodes are lost, force the quorum.",
		   v->witness_tag.epoch, v->witness_tag.version, v->head.tag.epoch, v->head.tag.version,
		   such);
}

static void say_wait(const struct qd_control_snapshot *s, struct qd_why *w)
{
	const struct qd_cluster_status *v = &s->views;
	if (qd_why_is_stuck(s)) { /* before whatever it waits for: the others will not wait for it */
		say_store(s, w);
		return;
	}
	switch (v->wait) {
	case QD_WAIT_NONE:
	case QD_WAIT_VOTES:
		return;
	case QD_WAIT_JOIN:
	case QD_WAIT_NEWS:
	case QD_WAIT_TURN:
	case QD_WAIT_PROMISES:
	case QD_WAIT_INSTALL:
		qd_why_say(w, "A view is being made: %s. This takes some seconds at most.",
			   qd_cluster_wait_text(v->wait));
		return;
	case QD_WAIT_DISK:
		qd_why_say(w, "The quorum disk's vote is needed. %s",
			   s->arbiter.hold == QD_HOLD_NONE ? "It is being taken."
							   : qd_hold_reason_text(s->arbiter.hold));
		return;
	case QD_WAIT_WITNESS:
		qd_why_say(w, "The witness's vote is needed, and %s (%s). Look at %s.",
			   v->witness_answered ? "it does not give it" : "it does not answer",
			   v->witness_answered ? qd_witness_verdict_name(v->witness_verdict)
					       : "is it reachable from here?",
			   s->witness.kind == QD_CONTROL_WITNESS_SHARE ? "the share"
								       : "quorum-witnessd there");
		return;
	case QD_WAIT_NEWER:
		say_newer(s, w);
		return;
	case QD_WAIT_JOIN_ONLY:
		qd_why_say(w,
			   "This node was started with prevented quorum: it may only join a view of others. "
			   "Start it again without that to change it.");
		return;
	case QD_WAIT_STORE:
		say_store(s, w);
		return;
	case QD_WAIT_HELD:
		qd_why_say(
			w,
			"This node fell out of views %" PRIu32
			" times lately and keeps itself out for a while: look at its networks and its load.",
			v->falls);
		return;
	case QD_WAIT_COUNT:
		break;
	}
	QD_UNREACHABLE("what is waited for");
}

/* Who is here with a store that does not remember enough for its vote to count. */
static uint64_t without_store(const struct qd_control_snapshot *s)
{
	uint64_t set = 0;
	for (uint32_t id = qd_set_next(s->views.set, 0); id != 0; id = qd_set_next(s->views.set, id))
		set |= (s->views.news_flags[id - 1] & QD_NEWS_NO_VOTE) != 0 ? qd_set_of(id) : 0;
	return set;
}

static void say_no_vote(const struct qd_control_snapshot *s, struct qd_why *w)
{
	const uint64_t set = without_store(s);
	const uint64_t others = set & ~qd_set_of(s->node_id);
	const bool several = qd_set_count(others) > 1;
	char names[QD_WHY_TEXT_MAX / 2];
	if (set != others)
		qd_why_say(
			w,
			"This node's store is new, or not provably its own, so its vote does not count until "
			"a view that is quorate without it has taken it in. For a new cluster, run "
			"\"quorumctl cluster create\" on each node once.");
	if (others == 0)
		return;
	qd_why_names(s, others, names, sizeof(names));
	qd_why_say(w,
		   "The store of %s is new, or not provably its own, so %s not count until a view that is "
		   "quorate without %s has taken %s in.",
		   names, several ? "these votes do" : "that vote does", several ? "them" : "it",
		   several ? "them" : "it");
}

/* The votes suffice, and there is no right all the same: what is missing. */
static const char *missing_right(const struct qd_control_snapshot *s)
{
	const struct qd_cluster_status *v = &s->views;
	const uint64_t counted = v->set & ~without_store(s);
	if (!qd_head_quorate(&v->head, counted, extras_of(s, counted)))
		return "";
	if (v->state == QD_CLUSTER_LEADING || v->state == QD_CLUSTER_MEMBER)
		return " The votes suffice, but their leader has not proved yet that it has them.";
	return " The votes suffice, but no new view is agreed on yet.";
}

void qd_why_not_quorate(const struct qd_control_snapshot *s, struct qd_why *w)
{
	const struct qd_cluster_status *v = &s->views;
	char who[QD_WHY_TEXT_MAX / 2];
	if (v->state == QD_CLUSTER_LEFT || v->leaving) {
		qd_why_say(w, "This node %s the cluster in order: it takes no part.",
			   v->leaving && v->state != QD_CLUSTER_LEFT ? "is leaving" : "has left");
		return;
	}
	say_who(s, v->set, who, sizeof(who));
	qd_why_say(w, "Not quorate: %s %s %" PRIu32 " of %" PRIu32 " votes; %" PRIu32 " %s needed.%s", who,
		   qd_set_count(v->set) <= 1 ? "has" : "have",
		   qd_votes_sum(&v->head.votes, v->set, extras_of(s, v->set)), v->votes_total,
		   v->votes_needed, v->votes_needed == 1 ? "is" : "are", missing_right(s));
	say_extra(s, w);
	say_no_vote(s, w);
	say_wait(s, w);
}

/* Of the missing ones: who alone would be enough, together with who is here. */
static uint64_t enough_alone(const struct qd_control_snapshot *s, uint64_t missing, uint32_t extras)
{
	uint64_t enough = 0;
	for (uint32_t id = qd_set_next(missing, 0); id != 0; id = qd_set_next(missing, id)) {
		if (qd_head_quorate(&s->views.head, s->views.set | qd_set_of(id), extras))
			enough |= qd_set_of(id);
	}
	return enough;
}

/* How many of the missing ones are enough at best: those of most votes first. 0: not even all. */
static uint32_t how_many(const struct qd_control_snapshot *s, uint64_t missing, uint32_t extras)
{
	uint64_t set = s->views.set;
	uint32_t count = 0;
	while (missing != 0) {
		uint32_t best = qd_set_first(missing);
		for (uint32_t id = qd_set_next(missing, 0); id != 0; id = qd_set_next(missing, id)) {
			if (qd_votes_of(&s->views.head.votes, id) > qd_votes_of(&s->views.head.votes, best))
				best = id;
		}
		set |= qd_set_of(best);
		missing &= ~qd_set_of(best);
		count++;
		if (qd_head_quorate(&s->views.head, set, extras))
			return count;
	}
	return 0;
}

/* False: there is nothing to say, not even all of them would be enough. */
static bool say_gain(const struct qd_control_snapshot *s, uint64_t missing, bool with_extra, struct qd_why *w)
{
	const uint32_t extra = qd_head_extras(&s->views.head);
	const uint32_t extras = with_extra ? extra : extras_of(s, s->views.set);
	const uint64_t alone = enough_alone(s, missing, extras);
	const char *which = with_extra ? extra_name(extra) : "";
	const char *and_extra = with_extra ? ", with the vote of the " : "";
	char names[QD_WHY_TEXT_MAX / 2];
	qd_why_names(s, alone, names, sizeof(names));
	if (alone != 0) {
		qd_why_say(w, "It becomes quorate when %s%s is heard%s%s.",
			   qd_set_count(alone) == 1 ? "" : "one of ", names, and_extra, which);
		return true;
	}
	const uint32_t count = how_many(s, missing, extras);
	if (count > 0)
		qd_why_say(w, "It becomes quorate when %" PRIu32 " of the missing nodes are heard%s%s.",
			   count, and_extra, which);
	return count > 0;
}

void qd_why_would_gain(const struct qd_control_snapshot *s, uint64_t missing, struct qd_why *w)
{
	const struct qd_cluster_status *v = &s->views;
	const uint32_t extra = qd_head_extras(&v->head);
	const bool without = extra != 0 && extras_of(s, v->set) == 0;
	if (v->state == QD_CLUSTER_LEFT || v->leaving || has_enough(s))
		return;
	if (qd_why_is_stuck(s)) { /* nothing else would help, nor could it be forced here */
		qd_why_say(w, "It takes part again as soon as its store can be written.");
		return;
	}
	if (without && qd_head_quorate(&v->head, v->set, extra))
		qd_why_say(w, "It becomes quorate when it gets the vote of the %s.", extra_name(extra));
	if (!say_gain(s, missing, false, w) && without && !qd_head_quorate(&v->head, v->set, extra))
		(void)say_gain(s, missing, true,
			       w); /* not even all of them: then the force below is what is left */
	qd_why_say(w, "If what is missing will not come back: make sure that those nodes are off, then "
		      "\"quorumctl quorum force\" on one node.");
}
