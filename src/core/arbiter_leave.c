/* SPDX-License-Identifier: Apache-2.0 */
/* The way out of ownership: STOPPING (no beat), RELEASING, RETIRING (new incarnation, new sessions). PROTOCOL.md
 * section 4, cases 2, 11 and 14. */
#include "core/arbiter_internal.h"

enum {
	QD_STORE_RETRY_MS = 1000,
};

/* Whatever was under way is not waited for. Its late answers find no slot. */
static void drop_batch(struct qd_turn *t)
{
	t->a->batch = (struct qd_batch){.step = QD_STEP_IDLE};
	for (uint32_t i = 0; i < QD_OPS_MAX; i++)
		if (t->a->ops[i].role != QD_ROLE_PATH)
			t->a->ops[i].id.value = 0;
}

static void finish_handover(struct qd_turn *t, enum qd_reply reply)
{
	if (t->a->own.reply_due)
		qd_arb_reply(t, reply);
	t->a->own.reply_due = false;
}

static void end_of_ownership(struct qd_turn *t)
{
	qd_lease_end(&t->node->lease);
	finish_handover(t, QD_REPLY_FAILED);
}

/* W - drift after the last good round. A machine that slept through all of that has the same time again, counted from its
 * waking: it stops before anything else, and until then only the disk protects (case 12). */
static struct qd_mono stop_deadline(const struct qd_turn *t)
{
	const struct qd_lease *l = &t->node->lease;
	const struct qd_span window = qd_mono_sub(l->stopped_by, l->begin_stop);
	return qd_mono_before(t->now, l->stopped_by) ? l->stopped_by : qd_mono_add(t->now, window);
}

void qd_leave_stop(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	const struct qd_mono stopped_by = stop_deadline(t);
	qd_arb_move(t, QD_ARB_STOPPING);
	qd_arb_release_view(t, false);
	end_of_ownership(t);
	if (t->config->has_group && !t->config->has_cluster)
		qd_group_stop(t, stopped_by);
	a->hold = QD_HOLD_NONE;
}

static void write_released(struct qd_turn *t, uint32_t path)
{
	const struct qd_arbiter *a = t->a;
	const uint32_t heir = a->own.handover == QD_HANDOVER_STOP ? a->own.heir : 0;
	qd_batch_begin(t, QD_STEP_RELEASE_RECORD, path, qd_arb_patience(t, path));
	qd_batch_write(t, QD_RECORD_RELEASED, a->own.epoch, heir, a->mine.heir_turn);
}

/* The group is stopped and this nexus may still hold: say so on the disk. The reservation itself stays where it is, for
 * the next owner to strike at once: an unreserved disk would let a write land that some earlier, sleeping owner still
 * has under way (simulator, seed 9066 of the first version). */
void qd_leave_release(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	const uint32_t path = a->own.path;

	qd_assert(qd_arb_disk_is_free(t));
	if (a->state == QD_ARB_OWNER)
		qd_arb_release_view(t, false);
	qd_arb_move(t, QD_ARB_RELEASING);
	qd_lease_end(&t->node->lease);
	if (!qd_path_ready(a, path) || qd_key_is_none(a->paths[path].key) || a->own.lost ||
	    !qd_own_wait_is_over(t)) {
		qd_leave_retire(t);
		return;
	}
	qd_arb_trace(t, QD_TRACE_RELEASE, a->own.epoch, 0, 0);
	/* From here on the epoch is over, whatever the answer says. Only the holder's nexus can write this. */
	a->release_retries = 0;
	write_released(t, path);
}

static void ask_store(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	a->store_asked = true;
	qd_arb_trace(t, QD_TRACE_STORE, a->next_incarnation, 0, 0);
	qd_arb_act(t, QD_ACTION_STORE)->u.incarnation = a->next_incarnation;
}

void qd_leave_retire(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	const uint64_t top = a->shown_incarnation > a->incarnation ? a->shown_incarnation : a->incarnation;

	end_of_ownership(t);
	qd_arb_move(t, QD_ARB_RETIRING);
	drop_batch(t);
	if (!QD_RULE(NEW_INCARNATION)) { /* mutant: the old sessions and the old incarnation go on */
		a->stored = true;
		a->next_incarnation = a->incarnation;
		return;
	}
	a->next_incarnation = top + 1;
	a->stored = false;
	a->store_retry = QD_NEVER;
	for (uint32_t p = 0; p < t->config->path_count; p++)
		qd_path_teardown(t, p);
	ask_store(t);
}

void qd_leave_stored(struct qd_turn *t, uint64_t incarnation, bool ok)
{
	struct qd_arbiter *a = t->a;
	if (a->state != QD_ARB_RETIRING || !a->store_asked || incarnation != a->next_incarnation)
		return;
	a->store_asked = false;
	a->stored = ok;
	if (!ok) {
		qd_arb_trace(t, QD_TRACE_STORE_FAILED, incarnation, 0, 0);
		a->store_retry = qd_mono_add(t->now, qd_span_ms(QD_STORE_RETRY_MS));
	}
}

void qd_leave_settle(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	if (a->asked_epoch == 0)
		return;
	const bool released = a->mine.state == QD_RECORD_RELEASED && a->mine.epoch == a->asked_epoch;
	qd_arb_reply(t, released ? QD_REPLY_DONE : QD_REPLY_FAILED);
	a->asked_epoch = 0;
}

static void think_stopping(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	if (!qd_arb_disk_is_free(t))
		return;
	if (!qd_batch_idle(a)) {
		/* A command of the last round is still under way: it is not waited for, so the nexus is not used. */
		qd_leave_retire(t);
		return;
	}
	qd_leave_release(t);
}

static void think_retiring(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	if (!a->stored && !a->store_asked && qd_mono_reached(t->now, a->store_retry))
		ask_store(t);
	if (!a->stored && !a->shutdown) /* the next start takes a new incarnation anyway */
		return;
	for (uint32_t p = 0; p < t->config->path_count; p++)
		if (QD_RULE(NEW_INCARNATION) && a->paths[p].state != QD_PATH_DOWN &&
		    a->paths[p].state != QD_PATH_BAD)
			return;
	if (t->config->has_group && !t->config->has_cluster && !qd_group_is_stopped(&t->node->group))
		return; /* mutant RELEASE_AFTER_STOP only */
	if (a->incarnation != a->next_incarnation) {
		a->incarnation = a->next_incarnation;
		a->beat = 0;
	}
	a->sight.known = !QD_RULE(NEW_INCARNATION) && a->sight.known;
	a->own_node_beats = 0;
	a->own = (struct qd_owning){0};
	for (uint32_t p = 0; p < t->config->path_count; p++)
		if (a->paths[p].state == QD_PATH_DOWN)
			a->paths[p].retry_at = t->now;
	if (a->shutdown) {
		qd_leave_settle(t);
		qd_arb_move(t, QD_ARB_OFF);
		(void)qd_arb_act(t, QD_ACTION_OFF);
		return;
	}
	qd_watch_enter(t);
}

void qd_leave_think(struct qd_turn *t)
{
	if (t->a->state == QD_ARB_STOPPING)
		think_stopping(t);
	else if (t->a->state == QD_ARB_RETIRING)
		think_retiring(t);
}

void qd_leave_done(struct qd_turn *t, const struct qd_batch *b)
{
	struct qd_arbiter *a = t->a;
	const enum qd_outcome o = qd_batch_worst(b);

	if (a->state != QD_ARB_RELEASING)
		return; /* the last answers of a round that nobody waits for any more */
	if ((qd_outcome_is_unit_attention(o) || o == QD_OUTCOME_BUSY) && qd_path_ready(a, b->path) &&
	    a->release_retries++ < QD_RETRIES_MAX) {
		write_released(t, b->path); /* not executed */
		return;
	}
	if (o == QD_OUTCOME_GOOD) {
		finish_handover(t, QD_REPLY_DONE);
	} else {
		/* It may have landed: LIO ends the write as aborted, or the session, when the heir has read it and struck
		 * before it was answered. The first look of STANDBY tells, and answers the operator. */
		qd_arb_trace(t, QD_TRACE_RELEASE_FAILED, b->step, o, 0);
		if (a->own.reply_due)
			a->asked_epoch = a->own.epoch;
		a->own.reply_due = false;
	}
	qd_leave_retire(t);
}

struct qd_mono qd_leave_deadline(const struct qd_arbiter *a)
{
	return a->state == QD_ARB_RETIRING && !a->stored && !a->store_asked ? a->store_retry : QD_NEVER;
}
