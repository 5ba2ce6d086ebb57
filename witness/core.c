/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/core.h"

#include "codec/qdisk.h"
#include "core/rules.h"

#include <string.h>

bool qd_witness_record_equal(const struct qd_witness_record *a, const struct qd_witness_record *b)
{
	return a->confirmed == b->confirmed && a->epoch == b->epoch && a->holder == b->holder &&
	       a->incarnation == b->incarnation && a->challenge_ns == b->challenge_ns &&
	       qd_tag_compare(a->tag, b->tag) == 0 && memcmp(a->digest, b->digest, QD_DIGEST_BYTES) == 0;
}

void qd_tenant_init(struct qd_tenant *t, const struct qd_witness_record *record, struct qd_mono started)
{
	*t = (struct qd_tenant){
		.record = *record,
		.started = started,
		.challenge_ns = record->challenge_ns,
		/* Whom the last run answered just before it ended is not known: anybody. */
		.renewed = QD_RULE(WITNESS_START) ? started : QD_MONO_ZERO,
		.others = QD_RULE(WITNESS_START) ? started : QD_NEVER,
	};
}

/* ------------------------------------------------ ages */

static uint64_t age_ns(struct qd_mono at, struct qd_mono now)
{
	return now.ns > at.ns ? now.ns - at.ns : 0;
}

/* `node` was answered with OK at `now`, later than anybody before it. */
static void gave(struct qd_tenant *t, uint32_t node, struct qd_mono now)
{
	struct qd_tenant_gave *oldest = &t->gave[0];
	for (size_t i = 0; i < QD_TENANT_RECENT; i++) {
		struct qd_tenant_gave *g = &t->gave[i];
		if (g->node == node) {
			g->at = now;
			return;
		}
		const bool older = g->node == 0 || qd_mono_before(g->at, oldest->at);
		if (oldest->node != 0 && older)
			oldest = g;
	}
	if (oldest->node != 0 && (qd_mono_is_never(t->others) || qd_mono_before(t->others, oldest->at)))
		t->others = oldest->at;
	*oldest = (struct qd_tenant_gave){.node = node, .at = now};
}

static void released(struct qd_tenant *t, uint32_t node)
{
	for (size_t i = 0; i < QD_TENANT_RECENT; i++) {
		if (t->gave[i].node == node)
			t->gave[i] = (struct qd_tenant_gave){.node = 0};
	}
}

/* Since anybody but `node` was answered with OK, and whom. */
static void fill_age(const struct qd_tenant *t, uint32_t node, struct qd_mono now,
		     struct qd_witness_answer *a)
{
	bool any = !qd_mono_is_never(t->others);
	struct qd_mono last = any ? t->others : QD_MONO_ZERO;
	a->last = 0;
	for (size_t i = 0; i < QD_TENANT_RECENT; i++) {
		if (t->gave[i].node == 0 || t->gave[i].node == node)
			continue;
		if (!any || qd_mono_before(last, t->gave[i].at)) {
			last = t->gave[i].at;
			a->last = t->gave[i].node;
		}
		any = true;
	}
	a->age_ns = any ? age_ns(last, now) : UINT64_MAX;
}

/* ------------------------------------------------ decisions */

static bool is_holder(const struct qd_witness_record *r, const struct qd_witness_request *q)
{
	return r->holder == q->node && r->incarnation == q->incarnation;
}

/* An earlier start of the node that holds it. Its later one began by stopping everything, so that it may do what the
 * earlier one could; not the other way round. */
static bool is_outdated(const struct qd_witness_record *r, const struct qd_witness_request *q)
{
	return r->holder == q->node && q->incarnation < r->incarnation;
}

static enum qd_witness_verdict lock(const struct qd_tenant *t, const struct qd_witness_request *q,
				    struct qd_mono now, struct qd_witness_record *next)
{
	const struct qd_witness_record *r = &t->record;
	if (q->epoch == r->epoch && is_holder(r, q))
		return QD_WITNESS_OK; /* the answer was lost */
	/* CONFIRM has told the epoch of a view whose leader comes for the lock now: an epoch names its leader. */
	const bool confirmed = q->epoch == r->epoch && r->holder == 0 && r->incarnation == 0 &&
			       q->epoch != 0 && qd_epoch_node(q->epoch) == q->node;
	if (QD_RULE(WITNESS_EPOCH) && q->epoch <= r->epoch && !confirmed)
		return QD_WITNESS_OLD_EPOCH;
	if (is_outdated(r, q))
		return QD_WITNESS_NOT_HOLDER;
	const uint64_t challenge_ns = q->challenge_ns > t->challenge_ns ? q->challenge_ns : t->challenge_ns;
	/* A lock that was yielded, or is that of an earlier start of this node, can be had at once; the age that comes with
	 * it is waited for by the asker's times. So by those who have shorter ones only when the longer time is over. */
	const bool shorter = q->challenge_ns < t->challenge_ns && !is_holder(r, q) && QD_RULE(YIELDED_LASTS);
	const bool held = r->holder != 0 && r->holder != q->node;
	if ((held || shorter) && age_ns(t->renewed, now) < challenge_ns)
		return QD_WITNESS_HELD;
	next->epoch = q->epoch;
	next->holder = q->node;
	next->incarnation = q->incarnation;
	next->challenge_ns = q->challenge_ns;
	return QD_WITNESS_OK;
}

static enum qd_witness_verdict renew(const struct qd_tenant *t, const struct qd_witness_request *q)
{
	if (q->epoch != t->record.epoch)
		return QD_WITNESS_OLD_EPOCH;
	return is_holder(&t->record, q) ? QD_WITNESS_OK : QD_WITNESS_NOT_HOLDER;
}

static enum qd_witness_verdict put(const struct qd_tenant *t, const struct qd_witness_request *q,
				   struct qd_witness_record *next)
{
	const struct qd_witness_record *r = &t->record;
	const enum qd_witness_verdict verdict = renew(t, q);
	if (verdict != QD_WITNESS_OK)
		return verdict;
	const int newer = qd_tag_compare(q->tag, r->tag);
	const bool same = newer == 0 && memcmp(q->digest, r->digest, QD_DIGEST_BYTES) == 0;
	/* Two bodies under one tag: one of them is not what the others think that it is. */
	if (QD_RULE(WITNESS_TAG) && newer <= 0 && !same)
		return QD_WITNESS_OLD_TAG;
	next->tag = q->tag;
	memcpy(next->digest, q->digest, QD_DIGEST_BYTES);
	next->challenge_ns = q->challenge_ns;
	return QD_WITNESS_OK;
}

static enum qd_witness_verdict release(const struct qd_tenant *t, const struct qd_witness_request *q,
				       struct qd_witness_record *next)
{
	const struct qd_witness_record *r = &t->record;
	if (q->epoch != r->epoch)
		return QD_WITNESS_OLD_EPOCH;
	if (r->holder == 0)
		return QD_WITNESS_OK; /* the answer was lost: an epoch has one holder */
	if (r->holder != q->node || is_outdated(r, q))
		return QD_WITNESS_NOT_HOLDER;
	next->holder = 0;
	return QD_WITNESS_OK;
}

/* The counts of a store that was restored or lost come from who is quorate without it; what the store knows better
 * stays. Nobody holds afterwards: whom the lost store had granted the lock to is covered by the own start. */
static enum qd_witness_verdict confirm(const struct qd_tenant *t, const struct qd_witness_request *q,
				       struct qd_witness_record *next)
{
	if (t->record.confirmed)
		return QD_WITNESS_OK;
	next->confirmed = true;
	next->holder = 0;
	next->incarnation = 0;
	if (q->epoch > next->epoch)
		next->epoch = q->epoch;
	if (qd_tag_compare(q->tag, next->tag) > 0) {
		next->tag = q->tag;
		memcpy(next->digest, q->digest, QD_DIGEST_BYTES);
	}
	return QD_WITNESS_OK;
}

static enum qd_witness_verdict decide(const struct qd_tenant *t, const struct qd_witness_request *q,
				      struct qd_mono now, struct qd_witness_record *next)
{
	if (QD_RULE(WITNESS_OWN_STORE) && !t->record.confirmed && q->ask != QD_WITNESS_CONFIRM)
		return QD_WITNESS_UNCONFIRMED;
	switch (q->ask) {
	case QD_WITNESS_LOCK:
		return lock(t, q, now, next);
	case QD_WITNESS_RENEW:
		return renew(t, q);
	case QD_WITNESS_PUT:
		return put(t, q, next);
	case QD_WITNESS_RELEASE:
	case QD_WITNESS_YIELD:
		return release(t, q, next);
	case QD_WITNESS_CONFIRM:
		return confirm(t, q, next);
	case QD_WITNESS_SHOW:
		return QD_WITNESS_OK;
	case QD_WITNESS_ASK_COUNT:
		break;
	}
	QD_UNREACHABLE("a request that there is not");
}

/* ------------------------------------------------ answers */

static bool renews(enum qd_witness_ask ask)
{
	return ask == QD_WITNESS_LOCK || ask == QD_WITNESS_RENEW || ask == QD_WITNESS_PUT;
}

/* OK has been, or is about to be, answered. */
static void note_ok(struct qd_tenant *t, enum qd_witness_ask ask, uint32_t node, struct qd_mono now)
{
	if (renews(ask)) {
		t->renewed = now;
		gave(t, node, now);
	} else if (ask == QD_WITNESS_RELEASE) {
		released(t, node);
	}
}

static void fill(const struct qd_tenant *t, enum qd_witness_verdict verdict, struct qd_mono now,
		 struct qd_witness_answer *a)
{
	a->verdict = verdict;
	a->epoch = t->record.epoch;
	a->holder = t->record.holder;
	a->tag = t->record.tag;
	memcpy(a->digest, t->record.digest, QD_DIGEST_BYTES);
	a->start_ns = age_ns(t->started, now);
}

/* While a record is on its way to the disk, what it does not change can be answered. */
static bool may_answer_now(const struct qd_tenant *t, const struct qd_witness_request *q)
{
	if (q->ask == QD_WITNESS_SHOW)
		return true;
	return q->ask == QD_WITNESS_RENEW && t->next.epoch == t->record.epoch &&
	       t->next.holder == t->record.holder && t->next.confirmed == t->record.confirmed;
}

uint32_t qd_tenant_step(struct qd_tenant *t, const struct qd_witness_request *q, struct qd_mono now,
			struct qd_witness_answer *answer)
{
	qd_assert(q->node >= 1 && q->node <= QD_NODES_MAX);
	if (t->writing && !may_answer_now(t, q))
		return QD_TENANT_SILENT;
	struct qd_witness_record next = t->record;
	const enum qd_witness_verdict verdict = decide(t, q, now, &next);
	const bool write = verdict == QD_WITNESS_OK && !qd_witness_record_equal(&next, &t->record);
	*answer = (struct qd_witness_answer){
		.id = q->id,
		.incarnation = q->incarnation,
	};
	fill_age(t, q->node, now, answer);
	if (write) {
		t->next = next;
		t->asked.ask = q->ask;
		t->asked.id = q->id;
		t->asked.incarnation = q->incarnation;
		t->asked.node = q->node;
		if (QD_RULE(WITNESS_DURABLE)) {
			t->writing = true;
			return QD_TENANT_WRITE;
		}
		t->record = next;
	}
	if (verdict == QD_WITNESS_OK) {
		if (renews(q->ask))
			t->challenge_ns = q->challenge_ns;
		note_ok(t, q->ask, q->node, now);
	}
	fill(t, verdict, now, answer);
	return write ? QD_TENANT_ANSWER | QD_TENANT_WRITE : QD_TENANT_ANSWER;
}

bool qd_tenant_written(struct qd_tenant *t, bool ok, struct qd_mono now, struct qd_witness_answer *answer)
{
	if (!t->writing)
		return false; /* answered already, where that is allowed */
	t->writing = false;
	*answer = (struct qd_witness_answer){
		.id = t->asked.id,
		.incarnation = t->asked.incarnation,
	};
	fill_age(t, t->asked.node, now, answer);
	if (ok) {
		t->record = t->next;
		t->challenge_ns = t->next.challenge_ns;
		note_ok(t, t->asked.ask, t->asked.node, now);
	}
	fill(t, ok ? QD_WITNESS_OK : QD_WITNESS_STORE, now, answer);
	return true;
}
