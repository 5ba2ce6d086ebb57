/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the cluster share. Not for anybody else but the explorer. Pure.
 *
 * As in the arbiter there are no remembered intentions: whenever something happened, qd_cluster_think() looks at the
 * whole state and the time and does what is due. What must be durable first is said when `kept` shows it. */
#ifndef QD_CORE_CLUSTER_INTERNAL_H
#define QD_CORE_CLUSTER_INTERNAL_H

#include "codec/qdisk.h"
#include "core/action.h"
#include "core/cluster.h"
#include "core/rules.h"

#include <string.h>

struct qd_gate;

struct qd_cluster_turn {
	struct qd_cluster *c;
	const struct qd_times *times;
	struct qd_mono now;
	struct qd_actions *out;
	struct qd_gate *gate; /* what the arbiter shall do */
	bool runs;	      /* something of the group may run here */
	bool acts;	      /* the same; without a group: it was announced that this node owns */
	bool late;	      /* this step ran late: observe, do not act */
};

/* --- cluster.c ----------------------------------------------------------------------------------------------- */
void qd_cluster_init(struct qd_cluster *c, const struct qd_cluster_config *config, struct qd_mono now);
/* Before the event: a right that is over is over. */
void qd_cluster_before(struct qd_cluster_turn *t);
/* From the links: node `id` is heard, or no longer; of which incarnation. False: that was known. */
bool qd_cluster_heard(struct qd_cluster_turn *t, uint32_t id, bool heard, uint64_t incarnation);
/* It began a new session: whatever an earlier one promised or installed does not count for this one. */
void qd_cluster_restarted(struct qd_cluster_turn *t, uint32_t id, uint64_t incarnation);
/* Its news, from a packet that is new. False: the same as before. */
bool qd_cluster_news(struct qd_cluster_turn *t, uint32_t id, const struct qd_news *news);
/* A message that is new, of a node that is heard or not. */
void qd_cluster_message(struct qd_cluster_turn *t, const struct qd_msg *m);
void qd_cluster_think(struct qd_cluster_turn *t);
struct qd_mono qd_cluster_deadline(const struct qd_cluster *c, const struct qd_times *times);
/* When time alone may change what thinking finds, as far as qd_cluster_deadline() does not say so. */
struct qd_mono qd_cluster_rests_until(const struct qd_cluster *c, const struct qd_times *times,
				      struct qd_mono now);
void qd_cluster_check(const struct qd_cluster *c, struct qd_mono now);

/* ---- the own store (cluster_keep.c) ---- */
void qd_keep_think(struct qd_cluster_turn *t);
/* A view or a configuration that is not durable yet, and not answered, is given up: its text may never come. */
void qd_keep_drop_pending(struct qd_cluster *c);
void qd_keep_over(struct qd_cluster_turn *t, uint64_t turn, enum qd_keep_result result);
struct qd_mono qd_keep_deadline(const struct qd_cluster *c);

void qd_cluster_move(struct qd_cluster_turn *t, enum qd_cluster_state to);
void qd_cluster_trace(struct qd_cluster_turn *t, enum qd_trace_code code, uint64_t a, uint64_t b, uint64_t c);
/* A message to fill, NULL when this step has no room left: what is due stays due. */
struct qd_msg *qd_cluster_say(struct qd_cluster_turn *t, enum qd_msg_kind kind, uint32_t to);
void qd_cluster_saw_epoch(struct qd_cluster *c, uint64_t epoch);
uint64_t qd_cluster_incarnation(const struct qd_cluster *c, uint32_t id);
void qd_cluster_ages_out(const struct qd_cluster *c, struct qd_mono now, struct qd_ages *ages);
void qd_cluster_ages_in(struct qd_cluster_turn *t, const struct qd_ages *ages);
/* Something may run on node `id` until then. */
void qd_cluster_gave(struct qd_cluster *c, uint32_t id, struct qd_mono until);
/* The right runs from `start`: remembered among the ages, too, because who knows of it may be gone. */
void qd_cluster_renew(struct qd_cluster_turn *t, uint64_t epoch, struct qd_mono start);
/* What this node has lost its view for; it joins again. */
void qd_cluster_lose(struct qd_cluster_turn *t);
bool qd_cluster_leads(const struct qd_cluster *c);
/* It makes a view of its own, or leads it. */
bool qd_cluster_makes(const struct qd_cluster *c);
bool qd_cluster_right_runs(const struct qd_cluster *c, struct qd_mono now);
/* Members of `view` whose dynamic or configured vote may count. */
static inline bool qd_cluster_is_stuck(const struct qd_cluster *c, struct qd_mono now)
{
	return (c->keep_open &&
		qd_mono_reached(now, qd_mono_add(c->keep_since, qd_span_ms(QD_KEEP_STUCK_MS)))) ||
	       !qd_mono_is_never(c->keep_after);
}

static inline uint32_t qd_view_leader(const struct qd_view *v)
{
	return v->epoch == 0 ? 0 : qd_epoch_node(v->epoch);
}

/* --- cluster_regroup.c: making views -------------------------------------------------------------------------- */
void qd_regroup_think(struct qd_cluster_turn *t);
void qd_regroup_message(struct qd_cluster_turn *t, const struct qd_msg *m);
struct qd_mono qd_regroup_deadline(const struct qd_cluster *c, const struct qd_times *times);

/* --- cluster_turn.c: candidate sets, and whose turn it is ------------------------------------------------------ */
void qd_regroup_candidate(struct qd_cluster_turn *t); /* own candidate set from what is heard */
bool qd_regroup_usable(const struct qd_cluster *c, uint32_t id);
/* Everybody who is configured is here: nobody can be missed by not waiting. */
bool qd_turn_all_are_here(const struct qd_cluster *c);
/* A view other than the installed one is due; of a member whose leader leads nothing, from leaderless_at() on. */
bool qd_turn_is_due(const struct qd_cluster *c, const struct qd_times *times, struct qd_mono now);
struct qd_mono qd_turn_leaderless_at(const struct qd_cluster *c, const struct qd_times *times);
struct qd_mono qd_turn_fallen_at(const struct qd_cluster *c, const struct qd_times *times);
bool qd_turn_may_propose(const struct qd_cluster *c); /* this node, at some time, as things are */
/* This node's place in the order of those who may propose; 0: at once. QD_NODES_MAX: never. And when that is. */
uint32_t qd_turn_rank(const struct qd_cluster *c);
struct qd_mono qd_turn_at(const struct qd_cluster *c);
/* The newest news of every member of M name M as its candidate set, and the same incarnations. */
bool qd_turn_sets_agree(const struct qd_cluster *c);
/* As far as this node can tell. */
bool qd_turn_could_be_quorate(const struct qd_cluster *c);

/* --- cluster_lead.c: leading, proof of quorum ------------------------------------------------------------------ */
void qd_lead_begin(struct qd_cluster_turn *t);
void qd_lead_think(struct qd_cluster_turn *t);
void qd_lead_message(struct qd_cluster_turn *t, const struct qd_msg *m);
struct qd_mono qd_lead_deadline(const struct qd_cluster *c, const struct qd_times *times);
/* The newest instant from which on a quorate set, extra voters of the mask `without` left out, has answered;
 * MONO_ZERO: none. */
struct qd_mono qd_lead_proof(const struct qd_cluster *c, uint32_t without);
/* This node leads with a right of its view. */
bool qd_lead_owns(const struct qd_cluster *c, struct qd_mono now);
/* The same, also while it leaves. */
bool qd_lead_owns_any(const struct qd_cluster *c, struct qd_mono now);
/* And what no disk fences may start: everybody outside the view has stopped, and no member runs anything. */
bool qd_lead_is_free(const struct qd_cluster *c, struct qd_mono now);
/* When that comes, as far as those outside are concerned; QD_NEVER: not known. */
struct qd_mono qd_lead_free_at(const struct qd_cluster *c, const struct qd_times *times);

/* --- cluster_member.c: following ------------------------------------------------------------------------------- */
void qd_member_message(struct qd_cluster_turn *t, const struct qd_msg *m);
void qd_member_think(struct qd_cluster_turn *t);
struct qd_mono qd_member_deadline(const struct qd_cluster *c, const struct qd_times *times);

/* This node leads, and a change of the configuration has not reached all members yet. */
bool qd_change_is_open(const struct qd_cluster *c);

/* --- cluster_extra.c: the disk and the witness as voters -------------------------------------------------------- */
void qd_extra_think(struct qd_cluster_turn *t);
void qd_extra_witness(struct qd_cluster_turn *t, const struct qd_witness_answer *answer);
struct qd_mono qd_extra_deadline(const struct qd_cluster *c, const struct qd_times *times);
struct qd_mono qd_extra_rests_until(const struct qd_cluster *c, const struct qd_times *times,
				    struct qd_mono now);
/* C or W became longer: what was told of the shorter ones counts no more. */
void qd_extra_times_grew(struct qd_cluster *c);
void qd_lead_times_grew(struct qd_cluster *c);
/* Masks of extra voters that this node holds: all; those that have the tag of `head`; those that have had a tag of this
 * node's view, and so count in its proofs; those that could be had, as far as is known. */
uint32_t qd_extra_held(const struct qd_cluster *c);
uint32_t qd_extra_tagged(const struct qd_cluster *c, const struct qd_head *head);
uint32_t qd_extra_counted(const struct qd_cluster *c);
uint32_t qd_extra_gettable(const struct qd_cluster *c);
/* The lowest counter of a view that the disk may vote for under this ownership; 0: it is not held. */
uint64_t qd_extra_least_counter(const struct qd_cluster *c);
/* This proposal is below that. */
bool qd_extra_is_below(const struct qd_cluster *c);
/* The disk is held, but by no round that began after this proposal's epoch was chosen. */
bool qd_extra_is_stale(const struct qd_cluster *c);
/* Before votes are counted: what the disk knows better than all who promised. */
void qd_extra_adopt(struct qd_cluster_turn *t);
/* Held, and its configuration was read; and the newest tag of those. */
uint32_t qd_extra_read(const struct qd_cluster *c);
struct qd_tag qd_extra_tag(const struct qd_cluster *c);
/* This node leads, and the witness refuses its epoch: the next view may have it. */
bool qd_extra_needs_epoch(const struct qd_cluster *c);
/* Who leads, or is about to, by this node's promise; 0: nobody, or itself. */
uint32_t qd_extra_heir(const struct qd_cluster *c);
/* Nothing counts on the disk any more: it may be released. */
bool qd_extra_disk_is_free(const struct qd_cluster *c, struct qd_mono now, const struct qd_times *times,
			   bool runs);

/* --- cluster_config.c: changes of the head, force, leaving ------------------------------------------------------ */
/* The node is configured, by the votes or by the old ones while they count. */
static inline bool qd_change_has_node(const struct qd_head *h, uint32_t id)
{
	return qd_set_has(h->votes.nodes | (h->has_old ? h->old.nodes : 0), id);
}
/* It votes and leads where nobody else can, but starts nothing. */
static inline bool qd_change_is_paused(const struct qd_head *h, uint32_t id)
{
	return qd_set_has(h->votes.paused, id);
}
enum qd_reply qd_change_request(struct qd_cluster_turn *t, struct qd_tag from, const struct qd_votes *votes,
				const uint8_t body[QD_DIGEST_BYTES]);
void qd_change_think(struct qd_cluster_turn *t);
void qd_change_begin(struct qd_cluster_turn *t, const struct qd_votes *votes, const uint8_t *body);
enum qd_reply qd_force_request(struct qd_cluster_turn *t, uint64_t unix_s);
/* Hand leadership, and what runs, over to a member; 0: to any. DONE: begun, the end is told by an action. */
enum qd_reply qd_handover_to(struct qd_cluster_turn *t, uint32_t to);
void qd_leaving_think(struct qd_cluster_turn *t);
struct qd_mono qd_change_deadline(const struct qd_cluster *c, const struct qd_times *times);

#endif
