/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the arbiter share. Not for anybody else. Pure.
 *
 * The arbiter keeps one batch of pipelined commands under way at a time (path set-up apart). Whenever none is,
 * the state's *_think() looks at the whole state and the time and starts what is due; when a batch is complete, the
 * state's *_done() judges it. So there is no half-remembered intention: what is due follows from the state. */
#ifndef QD_CORE_ARBITER_INTERNAL_H
#define QD_CORE_ARBITER_INTERNAL_H

#include "core/cluster_internal.h"
#include "core/node.h"
#include "core/group.h"
#include "core/rules.h"

#include <string.h>

struct qd_turn {
	struct qd_node *node;
	struct qd_arbiter *a;
	const struct qd_node_config *config;
	const struct qd_times *times;
	struct qd_mono now;
	struct qd_actions *out;
	bool late;	       /* this step ran late */
	bool told;	       /* the event, or the links, told something that the thinking looks at */
	uint32_t packet_count; /* actions that are packets of the links' own */
};

/* --- arbiter.c: shared helpers ------------------------------------------------------------------------------ */
struct qd_action *qd_arb_act(struct qd_turn *t, enum qd_action_kind kind);
void qd_arb_trace(struct qd_turn *t, enum qd_trace_code code, uint64_t a, uint64_t b, uint64_t c);
void qd_arb_move(struct qd_turn *t, enum qd_arbiter_state to);
/* A key of this incarnation that was never used before. */
struct qd_key qd_arb_fresh_key(struct qd_turn *t);
bool qd_arb_beats_left(const struct qd_arbiter *a);
/* Sent by this node in this incarnation. */
bool qd_arb_key_is_mine(const struct qd_turn *t, struct qd_key key);
/* The times that count for challenging: the longer of this node's and of the newest record's owner's (section 2: the
 * window of a challenger never ends before the defender's). */
struct qd_span qd_arb_challenge(const struct qd_node *n);
struct qd_span qd_arb_wait(const struct qd_node *n);
/* A reload's times, as soon as they are safe to use. True: a command was started for it. */
bool qd_arb_times_think(struct qd_turn *t);
bool qd_arb_is_member(const struct qd_turn *t, uint32_t node_id);
void qd_arb_release_view(struct qd_turn *t, bool mine);
void qd_arb_reply(struct qd_turn *t, enum qd_reply reply);
/* Nothing counts on the quorum disk any more: the group is stopped; or, with views, no right of this node or of one that
 * it told needs the disk's vote. */
bool qd_arb_disk_is_free(const struct qd_turn *t);

/* --- arbiter.c: what node.c calls --------------------------------------------------------------------------- */
void qd_arb_init(struct qd_node *n, struct qd_mono now);
void qd_arb_before(struct qd_turn *t);
void qd_arb_after(struct qd_turn *t);
void qd_arb_done(struct qd_turn *t, const struct qd_answer *answer);
void qd_arb_session_lost(struct qd_turn *t, uint32_t path);
void qd_arb_timeout(struct qd_turn *t);
void qd_arb_shutdown(struct qd_turn *t);
struct qd_mono qd_arb_deadline(const struct qd_node *n);

/* --- arbiter_batch.c: commands in a batch ------------------------------------------------------------------- */
void qd_batch_begin(struct qd_turn *t, enum qd_step step, uint32_t path, struct qd_span patience);
void qd_batch_ask(struct qd_turn *t, enum qd_role role);
void qd_batch_out(struct qd_turn *t, const struct qd_pr_out_args *args);
void qd_batch_write(struct qd_turn *t, enum qd_record_state state, uint64_t epoch, uint32_t heir,
		    uint64_t heir_turn);
void qd_batch_write_times(struct qd_turn *t, const struct qd_times *times);
void qd_batch_write_slots(struct qd_turn *t, const struct qd_head *head);
bool qd_batch_idle(const struct qd_arbiter *a);
/* GOOD for everything that was asked. */
bool qd_batch_all_good(const struct qd_batch *b);
/* The first outcome that is not GOOD. */
enum qd_outcome qd_batch_worst(const struct qd_batch *b);
/* Register a fresh key on the batch's path, whatever was registered there before. */
void qd_batch_register_fresh(struct qd_turn *t, enum qd_step step, uint32_t path);
void qd_batch_preempt(struct qd_turn *t, enum qd_step step, uint32_t path, struct qd_key target);
/* REGISTER, READ RESERVATION, READ records in one go. `present`: the key registered now. */
void qd_batch_round(struct qd_turn *t, enum qd_step step, uint32_t path, struct qd_key present);
/* The outcome of REGISTER, PREEMPT ... on what is known about the nexus's key and the target's abilities. */
void qd_batch_learn(struct qd_turn *t);
struct qd_span qd_arb_patience(const struct qd_turn *t, uint32_t path);

/* --- arbiter_path.c: sessions ------------------------------------------------------------------------------- */
void qd_path_think(struct qd_turn *t);
void qd_path_answer(struct qd_turn *t, const struct qd_op_slot *slot, const struct qd_answer *answer);
void qd_path_lost(struct qd_turn *t, uint32_t path);
void qd_path_teardown(struct qd_turn *t, uint32_t path);
struct qd_mono qd_path_deadline(const struct qd_arbiter *a);
struct qd_op_slot *qd_op_start(struct qd_turn *t, enum qd_op_kind kind, uint32_t path, uint32_t role,
			       struct qd_mono deadline, struct qd_action **action);
bool qd_path_ready(const struct qd_arbiter *a, uint32_t path);
/* `preferred` if it is ready, else the first ready one, a path with a known key before others; path_count: none. */
uint32_t qd_path_pick(const struct qd_node *n, uint32_t preferred);

/* --- arbiter_watch.c ---------------------------------------------------------------------------------------- */
/* The newest record says "released", and the key that was last seen to hold is of that very incarnation: everything of
 * it has stopped for good. */
bool qd_watch_holder_released(const struct qd_arbiter *a);
void qd_watch_enter(struct qd_turn *t);
void qd_watch_think(struct qd_turn *t);
void qd_watch_done(struct qd_turn *t, const struct qd_batch *b);
struct qd_mono qd_watch_deadline(const struct qd_node *n);
void qd_watch_saw(struct qd_turn *t, const struct qd_batch *b);
void qd_watch_records(struct qd_turn *t, const struct qd_answer *answer);
void qd_watch_unit_attention(struct qd_turn *t, enum qd_outcome outcome, uint32_t path);

/* --- arbiter_take.c ----------------------------------------------------------------------------------------- */
void qd_take_begin(struct qd_turn *t, const struct qd_taking *plan);
void qd_take_think(struct qd_turn *t);
void qd_take_done(struct qd_turn *t, const struct qd_batch *b);
struct qd_mono qd_take_deadline(const struct qd_node *n);

/* --- arbiter_own.c, arbiter_recover.c, arbiter_handover.c ------------------------------------------------------ */
void qd_own_enter(struct qd_turn *t, struct qd_mono round_start);
void qd_own_think(struct qd_turn *t);
void qd_own_done(struct qd_turn *t, const struct qd_batch *b);
struct qd_mono qd_own_deadline(const struct qd_node *n);
/* Whoever owned before has stopped, too: only now may this node say "released", which nobody waits for. */
bool qd_own_wait_is_over(const struct qd_turn *t);
void qd_own_good_round(struct qd_turn *t, const struct qd_batch *b);
void qd_recover_think(struct qd_turn *t, uint32_t path);
void qd_recover_done(struct qd_turn *t, const struct qd_batch *b);
void qd_handover_request(struct qd_turn *t, uint32_t to);
bool qd_handover_think(struct qd_turn *t);
void qd_handover_done(struct qd_turn *t, const struct qd_batch *b);
struct qd_mono qd_handover_deadline(const struct qd_arbiter *a);

/* --- arbiter_leave.c ---------------------------------------------------------------------------------------- */
void qd_leave_stop(struct qd_turn *t); /* begin to stop; the caller traced why */
void qd_leave_release(struct qd_turn *t);
void qd_leave_retire(struct qd_turn *t);
void qd_leave_think(struct qd_turn *t);
void qd_leave_done(struct qd_turn *t, const struct qd_batch *b);
/* The records were read in STANDBY: answer a hand-over whose end was not known. */
void qd_leave_settle(struct qd_turn *t);
void qd_leave_stored(struct qd_turn *t, uint64_t incarnation, bool ok);
struct qd_mono qd_leave_deadline(const struct qd_arbiter *a);

/* --- acting.c: with views, what may run here ------------------------------------------------------------------ */
void qd_acting_think(struct qd_turn *t);
struct qd_mono qd_acting_deadline(const struct qd_node *n);

/* --- group.c ------------------------------------------------------------------------------------------------ */
void qd_group_start(struct qd_turn *t, uint64_t epoch);
void qd_group_stop(struct qd_turn *t, struct qd_mono stopped_by);
void qd_group_reported(struct qd_turn *t, enum qd_group_report report, uint64_t turn);
void qd_group_think(struct qd_turn *t);
struct qd_mono qd_group_deadline(const struct qd_group *g);

#endif
