/* SPDX-License-Identifier: Apache-2.0 */
/* OWNER with a planned hand-over under way (PROTOCOL.md case 11): name the heir in the record, wait for its fresh key,
 * only then stop the group, and release when the stop is verified. Rounds go on meanwhile. */
#include "core/arbiter_internal.h"

/* The next member after `after` that is not this node; 0: none left. */
static uint32_t next_candidate(const struct qd_turn *t, uint32_t after)
{
	for (uint32_t id = after + 1; id <= t->a->member_top; id++)
		if (qd_arb_is_member(t, id) && id != t->config->node_id)
			return id;
	return 0;
}

static void offer_to(struct qd_turn *t, uint32_t heir)
{
	struct qd_arbiter *a = t->a;
	a->own.heir = heir;
	a->own.before_count = 0;
	a->own.handover = QD_HANDOVER_KEYS;
	a->own.next_heir_look = t->now;
}

void qd_handover_request(struct qd_turn *t, uint32_t to)
{
	struct qd_arbiter *a = t->a;
	if (a->state != QD_ARB_OWNER) {
		qd_arb_reply(t, QD_REPLY_NOT_OWNER);
		return;
	}
	if (a->own.handover != QD_HANDOVER_NONE || a->shutdown) {
		qd_arb_reply(t, QD_REPLY_BUSY);
		return;
	}
	const uint32_t heir = to != 0 ? to : next_candidate(t, 0);
	if (heir == 0 || heir == t->config->node_id || !qd_arb_is_member(t, heir)) {
		qd_arb_reply(t, QD_REPLY_NO_SUCH_NODE);
		return;
	}
	a->own.heir_any = to == 0;
	a->own.reply_due = true;
	offer_to(t, heir);
}

static void call_off(struct qd_turn *t, enum qd_reply reply)
{
	struct qd_arbiter *a = t->a;
	a->own.handover = QD_HANDOVER_NONE;
	if (a->own.reply_due)
		qd_arb_reply(t, reply);
	a->own.reply_due = false;
}

static void ask_keys(struct qd_turn *t, enum qd_step step)
{
	qd_batch_begin(t, step, t->a->own.path, qd_arb_patience(t, t->a->own.path));
	qd_batch_ask(t, QD_ROLE_KEYS);
}

static void write_heir(struct qd_turn *t, enum qd_step step, uint32_t heir)
{
	struct qd_arbiter *a = t->a;
	qd_batch_begin(t, step, a->own.path, qd_arb_patience(t, a->own.path));
	qd_batch_write(t, QD_RECORD_TAKEN, a->own.epoch, heir, a->mine.heir_turn + 1);
	if (heir != 0)
		qd_arb_trace(t, QD_TRACE_OFFER, heir, a->mine.heir_turn + 1, 0);
}

static bool think_silence(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	if (!qd_mono_reached(t->now, a->own.heir_deadline))
		return false;
	qd_arb_trace(t, QD_TRACE_HEIR_SILENT, a->own.heir, 0, 0);
	a->own.handover = QD_HANDOVER_WITHDRAW;
	write_heir(t, QD_STEP_WITHDRAW, 0);
	return true;
}

static bool think_wait(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	if (think_silence(t))
		return true;
	a->own.next_heir_look = qd_mono_add(t->now, qd_span_ms(QD_HEIR_LOOK_MS));
	ask_keys(t, QD_STEP_HEIR_KEYS);
	return true;
}

/* True: something was started. */
bool qd_handover_think(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	if (a->own.handover != QD_HANDOVER_STOP && !qd_mono_reached(t->now, a->own.next_heir_look))
		return a->own.handover == QD_HANDOVER_WAIT && think_silence(t);
	switch (a->own.handover) {
	case QD_HANDOVER_NONE:
		return false;
	case QD_HANDOVER_KEYS:
		ask_keys(t, QD_STEP_OFFER_KEYS);
		return true;
	case QD_HANDOVER_OFFER:
		write_heir(t, QD_STEP_OFFER, a->own.heir);
		return true;
	case QD_HANDOVER_WAIT:
		return think_wait(t);
	case QD_HANDOVER_WITHDRAW:
		write_heir(t, QD_STEP_WITHDRAW, 0);
		return true;
	case QD_HANDOVER_STOP:
		if (!qd_arb_disk_is_free(t))
			return false;
		if (!qd_own_wait_is_over(t))
			return false;
		qd_leave_release(t);
		return true;
	}
	QD_UNREACHABLE("hand-over phase");
}

static void note_before(struct qd_turn *t)
{
	struct qd_owning *o = &t->a->own;
	o->before_count = 0;
	for (uint32_t i = 0; i < t->a->keys_count && o->before_count < QD_BEFORE_KEPT; i++)
		if (qd_key_node(t->a->keys[i]) == o->heir)
			o->before[o->before_count++] = t->a->keys[i];
}

/* A key of the heir that was not there before the offer: somebody is there, now. */
static struct qd_key fresh_key_of_heir(const struct qd_turn *t)
{
	const struct qd_owning *o = &t->a->own;
	for (uint32_t i = 0; i < t->a->keys_count; i++) {
		const struct qd_key key = t->a->keys[i];
		bool known = false;
		if (qd_key_tag(key) != t->config->cluster_tag || qd_key_node(key) != o->heir)
			continue;
		for (uint32_t j = 0; j < o->before_count; j++)
			known = known || qd_key_equal(o->before[j], key);
		if (!known)
			return key;
	}
	return (struct qd_key){0};
}

static void heir_keys_read(struct qd_turn *t, const struct qd_batch *b)
{
	struct qd_arbiter *a = t->a;
	const struct qd_key key = fresh_key_of_heir(t);
	if (qd_key_is_none(key))
		return;
	/* The heir's REGISTER moved PRGENERATION; that needs no scrubbing. */
	a->own.generation = b->keys_generation;
	a->own.handover = QD_HANDOVER_STOP;
	qd_arb_trace(t, QD_TRACE_HEIR_READY, a->own.heir, key.value, 0);
}

static void withdrawn(struct qd_turn *t)
{
	struct qd_arbiter *a = t->a;
	const uint32_t next = a->own.heir_any ? next_candidate(t, a->own.heir) : 0;
	if (next != 0)
		offer_to(t, next);
	else
		call_off(t, QD_REPLY_HEIR_SILENT);
}

void qd_handover_done(struct qd_turn *t, const struct qd_batch *b)
{
	struct qd_arbiter *a = t->a;
	const enum qd_outcome o = qd_batch_worst(b);
	if (b->step == QD_STEP_TELL_TIMES && o != QD_OUTCOME_GOOD)
		a->own.next_extra = a->own.next_round; /* once a round is often enough */
	if (qd_outcome_is_unit_attention(o) || o == QD_OUTCOME_BUSY) {
		a->own.next_heir_look = qd_mono_add(t->now, qd_span_ms(QD_HEIR_LOOK_MS));
		return; /* not executed: the phase starts it again */
	}
	if (o != QD_OUTCOME_GOOD) {
		a->own.need_check = true;
		a->own.next_heir_look = a->own.next_round;
		if (b->step == QD_STEP_OFFER_KEYS)
			call_off(t, QD_REPLY_FAILED);
		else if (b->step == QD_STEP_OFFER)
			a->own.handover =
				QD_HANDOVER_WITHDRAW; /* the record may name the heir: settle that first */
		return;
	}
	if (b->step == QD_STEP_OFFER_KEYS) {
		note_before(t);
		a->own.handover = QD_HANDOVER_OFFER;
	} else if (b->step == QD_STEP_OFFER) {
		a->own.handover = QD_HANDOVER_WAIT;
		a->own.next_heir_look = t->now;
		a->own.heir_deadline = qd_mono_add(t->now, qd_span_mul(t->times->renew, 2));
	} else if (b->step == QD_STEP_HEIR_KEYS) {
		heir_keys_read(t, b);
	} else if (b->step == QD_STEP_WITHDRAW) {
		withdrawn(t);
	} else {
		qd_assert(b->step == QD_STEP_TELL_TIMES); /* qd_arb_times_think() goes on */
	}
}

struct qd_mono qd_handover_deadline(const struct qd_arbiter *a)
{
	switch (a->own.handover) {
	case QD_HANDOVER_NONE:
	case QD_HANDOVER_STOP:
		return QD_NEVER;
	case QD_HANDOVER_WAIT:
		return qd_mono_min(a->own.next_heir_look, a->own.heir_deadline);
	case QD_HANDOVER_KEYS:
	case QD_HANDOVER_OFFER:
	case QD_HANDOVER_WITHDRAW:
		return a->own.next_heir_look;
	}
	QD_UNREACHABLE("hand-over phase");
}
