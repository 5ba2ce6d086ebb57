/* SPDX-License-Identifier: Apache-2.0 */
/* The extra voter: the quorum disk as the arbiter shows it, and the witness, which is asked from here
 * (docs/MEMBERSHIP.md section 6). Only who leads, or is about to, holds it. */
#include "core/cluster_internal.h"
#include "core/node.h"

enum {
	QD_WITNESS_PACE_MS = 500, /* after a refusal or silence, at most */
	QD_OWNER_COUNTERS =
		1 << 24, /* counters of views for one owner of the disk: more than it can ever use */
};

static bool proposes(const struct qd_cluster *c)
{
	return c->state == QD_CLUSTER_GETTING_EXTRA || c->state == QD_CLUSTER_INSTALLING;
}

static bool witness_held(const struct qd_cluster *c)
{
	return c->witness.epoch != 0;
}

/* Each owner's epoch stands for so many counters of views, those of the next one come after them. A forced quorum, or
 * whoever heard of it, is far beyond: such a view needs an owner with an epoch of its own, else it could be above those
 * that the next owner makes (five nodes, seed 73426). */
static bool disk_is_outgrown(const struct qd_cluster *c)
{
	const uint64_t needed = qd_epoch_counter(c->lead.view.epoch) / QD_OWNER_COUNTERS;
	return c->disk.held && needed > qd_epoch_counter(c->disk.epoch) && QD_RULE(DISK_OUTGROWN);
}

uint32_t qd_extra_held(const struct qd_cluster *c)
{
	const bool of_view = c->witness.epoch == c->lead.view.epoch;
	return (c->disk.held && !disk_is_outgrown(c) ? QD_EXTRA_DISK : 0u) |
	       (witness_held(c) && of_view && !c->witness.released ? QD_EXTRA_WITNESS : 0u);
}

uint32_t qd_extra_tagged(const struct qd_cluster *c, const struct qd_head *head)
{
	uint32_t mask = qd_extra_held(c);
	if (!QD_RULE(EXTRA_TAG))
		return mask;
	if (!c->disk.slots_known || qd_tag_compare(c->disk.head.tag, head->tag) != 0)
		mask &= ~(uint32_t)QD_EXTRA_DISK;
	if (qd_tag_compare(c->witness.tag, head->tag) != 0)
		mask &= ~(uint32_t)QD_EXTRA_WITNESS;
	return mask;
}

uint32_t qd_extra_counted(const struct qd_cluster *c)
{
	uint32_t mask = qd_extra_held(c);
	if (!QD_RULE(EXTRA_TAG))
		return mask;
	if (!c->disk.slots_known || c->disk.head.tag.epoch != c->lead.view.epoch)
		mask &= ~(uint32_t)QD_EXTRA_DISK;
	if (c->witness.tag.epoch != c->lead.view.epoch)
		mask &= ~(uint32_t)QD_EXTRA_WITNESS;
	return mask;
}

uint32_t qd_extra_read(const struct qd_cluster *c)
{
	const bool unread = c->disk.held && !c->disk.slots_known;
	return qd_extra_held(c) & ~(unread ? (uint32_t)QD_EXTRA_DISK : 0u);
}

struct qd_tag qd_extra_tag(const struct qd_cluster *c)
{
	struct qd_tag tag = {0};
	const uint32_t read = qd_extra_read(c);
	if ((read & QD_EXTRA_DISK) != 0)
		tag = c->disk.head.tag;
	if ((read & QD_EXTRA_WITNESS) != 0 && qd_tag_compare(c->witness.tag, tag) > 0)
		tag = c->witness.tag;
	return tag;
}

uint32_t qd_extra_gettable(const struct qd_cluster *c)
{
	uint32_t mask = 0;
	/* A leader that asks its heir to propose gives the disk up when it has promised. */
	const bool given = c->heir == c->config.node_id && c->disk.reachable;
	if (c->config.has_disk && (c->disk.held || c->disk.takeable || given))
		mask |= QD_EXTRA_DISK;
	/* The witness tells only who asks under a new epoch. */
	if (c->config.has_witness)
		mask |= QD_EXTRA_WITNESS;
	return mask;
}

uint32_t qd_extra_heir(const struct qd_cluster *c)
{
	if (c->state == QD_CLUSTER_MEMBER)
		return qd_view_leader(&c->kept.installed);
	return c->state == QD_CLUSTER_PROMISED ? c->promise.to : 0;
}

/* Everything that this node knows of rights went to the next leader, with its promise of that leader's view, and has come
 * there: the view says so, or the proposer's news. A promise that was sent proves nothing: its proposer may have dropped
 * the proposal by then (cluster seed 589 of the version before). */
static bool heir_knows(const struct qd_cluster *c)
{
	const uint32_t heir = qd_extra_heir(c);
	if (heir == 0)
		return false;
	if (c->state == QD_CLUSTER_MEMBER)
		return c->promise_told == c->kept.installed.epoch;
	const struct qd_member *m = &c->members[heir - 1];
	const bool gathered = m->news_known && m->news.promised == c->promise_told &&
			      (m->news.flags & QD_NEWS_GATHERED) != 0;
	return c->promise_told == c->promise.view.epoch && (gathered || !QD_RULE(HEIR_KNOWS));
}

/* Until when something may run elsewhere, as far as this node knows: by rights that it gave, or was told of. */
static struct qd_mono others_end(const struct qd_cluster *c)
{
	struct qd_mono end = QD_MONO_ZERO;
	for (uint32_t id = 1; id <= QD_NODES_MAX; id++)
		if (id != c->config.node_id)
			end = qd_mono_max(end, c->until[id - 1]);
	return end;
}

/* The heir may die with what it was told. A view that was proved has members enough who know it, too; before that, nothing
 * may run elsewhere: who has promised this node its view, and said that it runs nothing, starts nothing by an earlier one. */
static bool heir_is_enough(const struct qd_cluster *c, struct qd_mono now)
{
	if (!QD_RULE(HEIR_DIES))
		return true;
	if (c->state == QD_CLUSTER_MEMBER)
		return c->right_epoch == c->kept.installed.epoch;
	for (uint32_t id = 1; id <= QD_NODES_MAX; id++) {
		const bool still = qd_set_has(c->lead.promised_by, id) && !c->members[id - 1].runs;
		if (id != c->config.node_id && !still && qd_mono_before(now, c->until[id - 1]))
			return false;
	}
	return true;
}

/* No right that runs, here or at a node that this one knows of, needs this voter; or the heir knows of them. Who takes it
 * after a release waits for nobody that it does not know of. An heir that took the disk and gives it up again knows of
 * rights that it never gave (five nodes of the version before, seed 14640). */
static bool is_uncounted(const struct qd_cluster *c, uint32_t extra, struct qd_mono now,
			 const struct qd_times *times, bool runs)
{
	if (!QD_RULE(RELEASE_UNCOUNTED))
		return true;
	if (qd_cluster_leads(c)) {
		/* The right goes on without it, and nobody was told of a later one. It ends as it was given: the times may
		 * have become shorter since (five nodes of the version before, seed 8516). */
		const struct qd_mono start = qd_lead_proof(c, extra);
		const struct qd_mono end =
			c->right.held ? c->right.begin_stop : qd_mono_add(start, times->begin_stop);
		return start.ns != 0 && qd_mono_before(now, end) && qd_mono_reached(start, c->right.start) &&
		       qd_mono_reached(start, c->given);
	}
	return !runs && (qd_mono_reached(now, others_end(c)) || (heir_knows(c) && heir_is_enough(c, now)));
}

/* ------------------------------------------------ disk */

bool qd_extra_disk_is_free(const struct qd_cluster *c, struct qd_mono now, const struct qd_times *times,
			   bool runs)
{
	return is_uncounted(c, QD_EXTRA_DISK, now, times, runs);
}

/* Does the disk count, and could this node's set be quorate with it? If not, somebody else must be able to have it. */
static bool disk_is_of_use(const struct qd_cluster *c)
{
	const struct qd_head *h = proposes(c) ? &c->lead.head : &c->kept.head;
	return (qd_head_extras(h) & QD_EXTRA_DISK) != 0 &&
	       qd_head_quorate(h, c->set, qd_extra_held(c) | QD_EXTRA_DISK);
}

/* When a node in no view has kept the disk for long enough without proposing one, although it was its turn: the others may
 * see another set than it does, for ever (five nodes of the version before, seed 16807). */
static struct qd_mono idle_at(const struct qd_cluster *c, const struct qd_times *times)
{
	const struct qd_mono turn = qd_turn_at(c);
	const struct qd_mono since =
		qd_mono_is_never(turn) ? c->lead.since : qd_mono_max(c->lead.since, turn);
	return c->disk.held && c->state == QD_CLUSTER_JOINING ? qd_mono_add(since, times->takeover)
							      : QD_NEVER;
}

/* Who cannot propose, because its store fails or was wiped, or does not, keeps the others from it (seeds 186 and 2004 of
 * the version before). */
static bool disk_is_idle(const struct qd_cluster *c, const struct qd_times *times, struct qd_mono now)
{
	return !qd_turn_may_propose(c) || qd_mono_reached(now, idle_at(c, times));
}

static void disk_think(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	/* A leader that leaves keeps it until the next one leads, or it has ended its part: it hands over first. */
	const bool leads = qd_cluster_leads(c);
	const bool of_use = disk_is_of_use(c);
	t->gate->take = !c->disk.held && of_use && ((leads && !c->leaving) || proposes(c));
	t->gate->heir = qd_extra_heir(c);
	/* While a view is being made, the promises say what the disk is good for. */
	const bool makes = qd_cluster_makes(c) && !leads;
	const bool idle = !leads && !makes && disk_is_idle(c, t->times, t->now);
	t->gate->least = QD_RULE(DISK_OUTGROWN) ? c->max_counter / QD_OWNER_COUNTERS : 0;
	t->gate->give_up =
		c->disk.held && (t->gate->heir != 0 || disk_is_outgrown(c) || (!of_use && !makes) ||
				 (idle && QD_RULE(IDLE_HOLDER)) || (c->leaving && !t->runs && !leads));
	/* Given up with nothing running: then this node's own right is over, too. */
	if (t->gate->give_up && !t->runs && !leads && c->right.held)
		qd_lease_end(&c->right);
	t->gate->round_from = qd_extra_is_stale(c) ? c->lead.since : QD_MONO_ZERO;
	/* Slots: what this node has kept, once all members have it too. */
	t->gate->slots = (struct qd_tag){0};
	if (!c->disk.held || !c->disk.slots_known)
		return;
	if (qd_tag_compare(c->disk.head.tag, c->kept.head.tag) < 0 &&
	    (qd_cluster_leads(c) ||
	     (c->state == QD_CLUSTER_INSTALLING && c->kept.installed.epoch == c->lead.view.epoch)))
		t->gate->slots = c->kept.head.tag;
}

/* The disk keeps no promise. But its owners have epochs, each above the one before: every view that one of them proposed
 * with the disk's vote is below those of the next one. Else a view could become active that is older than one which its
 * proposer alone has installed, and that one's configuration would count as the newer one later (cluster seed 961 of the
 * version before). */
uint64_t qd_extra_least_counter(const struct qd_cluster *c)
{
	if (!c->disk.held || !QD_RULE(DISK_EPOCH))
		return 0;
	return qd_epoch_counter(c->disk.epoch) * QD_OWNER_COUNTERS;
}

bool qd_extra_is_below(const struct qd_cluster *c)
{
	return c->state == QD_CLUSTER_GETTING_EXTRA &&
	       qd_epoch_counter(c->lead.view.epoch) < qd_extra_least_counter(c);
}

/* Who slept may still think that it owns the disk, and has heard of the next owner's views: an epoch above those would not
 * be its to use. A round that begins after the epoch was chosen shows that nobody else owned by then (five nodes of the
 * version before, seed 3699). */
bool qd_extra_is_stale(const struct qd_cluster *c)
{
	return c->state == QD_CLUSTER_GETTING_EXTRA && c->disk.held && QD_RULE(DISK_ROUND) &&
	       qd_mono_before(c->disk.start, c->lead.since);
}

/* The disk has a newer configuration than all who promised: it is the newest, and the votes are counted by it. */
void qd_extra_adopt(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	struct qd_lead *l = &c->lead;
	if ((qd_extra_read(c) & QD_EXTRA_DISK) == 0)
		return;
	if (qd_tag_compare(c->disk.head.tag, l->head.tag) <= 0 || !QD_RULE(NEWEST_TAG))
		return;
	qd_cluster_trace(t, QD_TRACE_ADOPT_DISK, c->disk.head.tag.epoch, c->disk.head.tag.version, 0);
	l->head = c->disk.head;
	l->head_from = 0; /* the driver has handed over its text */
}

/* ------------------------------------------------ witness */

/* For so long after its last renewal the lock stays this node's: as long as a right may last that counts on it. Who takes
 * it then may have shorter times than this node, and waits by those (five nodes of the version before, seed 8599). */
static struct qd_span lock_lasts(const struct qd_times *times)
{
	const bool longer = times->wait.ns > times->challenge.ns;
	return longer && QD_RULE(LOCK_LASTS) ? times->wait : times->challenge;
}

void qd_extra_times_grew(struct qd_cluster *c)
{
	/* A renewal that told the witness of shorter times proves nothing for longer ones. */
	if (!QD_RULE(LOCK_GROWS))
		return;
	c->witness.asked_id = 0;
	c->witness.start = QD_MONO_ZERO;
}

static void ask(struct qd_cluster_turn *t, enum qd_witness_ask what, const struct qd_head *head)
{
	struct qd_cluster *c = t->c;
	struct qd_witness_voter *w = &c->witness;
	if (t->out->count >= QD_ACTIONS_MAX)
		return;
	w->asked_id = ++w->next_id;
	w->asked = what;
	w->asked_at = t->now;
	/* From the asking on nothing counts on it: it may be somebody else's before the answer comes. */
	w->released = what == QD_WITNESS_RELEASE || what == QD_WITNESS_YIELD ||
		      (w->released && what != QD_WITNESS_LOCK);
	struct qd_action *action = &t->out->list[t->out->count++];
	action->kind = QD_ACTION_WITNESS;
	action->u.witness = (struct qd_witness_request){
		.ask = what,
		.session = w->session,
		.id = w->asked_id,
		.node = c->config.node_id,
		.incarnation = c->config.incarnation,
		.epoch = what == QD_WITNESS_RELEASE ? w->epoch : c->lead.view.epoch,
		.challenge_ns = (uint64_t)lock_lasts(t->times).ns,
	};
	if (head == NULL)
		return;
	action->u.witness.tag = head->tag;
	memcpy(action->u.witness.digest, head->body, QD_DIGEST_BYTES);
}

static struct qd_mono pace_end(const struct qd_cluster_turn *t)
{
	const struct qd_span pace = qd_span_ms(QD_WITNESS_PACE_MS);
	return qd_mono_add(t->now, pace.ns < t->times->look.ns ? pace : t->times->look);
}

/* As soon as the lock can be had, if that comes before the pace: when its holder's last renewal, of which the answer tells,
 * is old enough by the witness's clock, too. */
static struct qd_mono free_by_then(const struct qd_cluster_turn *t, const struct qd_witness_answer *a)
{
	const struct qd_span lasts = lock_lasts(t->times);
	const struct qd_mono renewed = {a->age_ns < t->now.ns ? t->now.ns - a->age_ns : 0};
	const struct qd_mono at = qd_mono_add(qd_mono_add(renewed, lasts), qd_span_div(lasts, 250));
	return qd_mono_before(t->now, at) ? qd_mono_min(at, pace_end(t)) : pace_end(t);
}

/* A new witness, or one that nobody trusts yet: a leader that does not need it says what is true. */
static bool must_confirm(const struct qd_cluster *c, struct qd_mono now)
{
	/* Proved without it, by rounds that began after it said that it needs this: whoever led with its earlier store has
	 * lost that view since. */
	return qd_cluster_leads(c) && c->witness.verdict == QD_WITNESS_UNCONFIRMED && !c->lead.change_open &&
	       qd_cluster_right_runs(c, now) &&
	       qd_mono_before(c->witness.unconfirmed_at, qd_lead_proof(c, QD_EXTRA_WITNESS));
}

/* What to ask next; false: nothing. */
static bool due_ask(const struct qd_cluster *c, const struct qd_times *times, struct qd_mono now,
		    enum qd_witness_ask *what)
{
	const struct qd_witness_voter *w = &c->witness;
	const bool counts = (qd_head_extras(&c->kept.head) & QD_EXTRA_WITNESS) != 0;
	const bool counts_there = (qd_head_extras(&c->lead.head) & QD_EXTRA_WITNESS) != 0;
	const bool leads = qd_cluster_leads(c);
	const bool wanted = (leads && counts && !c->leaving) || (proposes(c) && counts_there);
	if (!wanted) {
		const bool runs = (c->flags & QD_NEWS_RUNS) != 0 ||
				  (c->right.held && qd_mono_before(now, c->right.stopped_by));
		const bool uncounted = is_uncounted(c, QD_EXTRA_WITNESS, now, times, runs) && !heir_knows(c);
		*what = uncounted ? QD_WITNESS_RELEASE : QD_WITNESS_YIELD;
		return witness_held(c) && c->state != QD_CLUSTER_PREPARING && (uncounted || heir_knows(c));
	}
	*what = must_confirm(c, now) ? QD_WITNESS_CONFIRM : QD_WITNESS_LOCK;
	if (w->epoch != c->lead.view.epoch || w->released)
		return true;
	const bool installed = c->kept.installed.epoch == c->lead.view.epoch;
	*what = QD_WITNESS_PUT;
	if (installed && qd_tag_compare(w->tag, c->kept.head.tag) < 0)
		return true;
	*what = QD_WITNESS_RENEW;
	return true;
}

static struct qd_mono ask_at(const struct qd_cluster *c, const struct qd_times *times, struct qd_mono now)
{
	const struct qd_witness_voter *w = &c->witness;
	enum qd_witness_ask what;
	if (!c->config.has_witness)
		return QD_NEVER;
	if (w->asked_id != 0)
		return qd_mono_add(w->asked_at, times->look); /* then it is asked again */
	if (!due_ask(c, times, now, &what))
		return QD_NEVER;
	if (what == QD_WITNESS_RENEW)
		return qd_mono_max(qd_mono_add(w->start, times->renew), w->ask_after);
	return w->ask_after;
}

static void witness_think(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	struct qd_witness_voter *w = &c->witness;
	enum qd_witness_ask what;
	if (!c->config.has_witness || !qd_mono_reached(t->now, ask_at(c, t->times, t->now)))
		return;
	if (w->asked_id != 0) {
		w->asked_id = 0;
		w->answered = false;
		/* So long without an answer that nothing can count on it any more: another may hold it. */
		if (qd_mono_reached(t->now, qd_mono_add(w->start, t->times->takeover)))
			w->epoch = 0;
		if (!w->silence_told)
			qd_cluster_trace(t, QD_TRACE_WITNESS_SILENT, w->asked, 0, 0);
		w->silence_told = true; /* until it answers */
	}
	if (due_ask(c, t->times, t->now, &what) &&
	    (what != QD_WITNESS_RENEW || qd_mono_reached(t->now, qd_mono_add(w->start, t->times->renew))))
		ask(t, what, what == QD_WITNESS_PUT || what == QD_WITNESS_CONFIRM ? &c->kept.head : NULL);
}

static void locked(struct qd_cluster_turn *t, const struct qd_witness_answer *a)
{
	struct qd_cluster *c = t->c;
	struct qd_witness_voter *w = &c->witness;
	w->released = false;
	w->epoch = c->lead.view.epoch;
	w->start = w->asked_at;
	w->tag = a->tag;
	memcpy(w->digest, a->digest, QD_DIGEST_BYTES);
	/* Rights that it renewed before were led by that node: who has promised to this one has told all it knows of them,
	 * and who has not is waited for. */
	const struct qd_mono renewed = {a->age_ns < t->now.ns ? t->now.ns - a->age_ns : 0};
	w->others = a->last == 0 ? renewed : QD_MONO_ZERO;
	if (a->last != 0 && a->last != c->config.node_id && renewed.ns != 0)
		qd_cluster_gave(c, a->last, qd_mono_add(renewed, t->times->wait));
	/* It has seen a configuration that none of us has: the votes might be others. */
	if (qd_tag_compare(a->tag, c->lead.head.tag) > 0 && c->state == QD_CLUSTER_GETTING_EXTRA &&
	    QD_RULE(PARTITION_IN_TIME)) {
		if (c->wait != QD_WAIT_NEWER)
			qd_cluster_trace(t, QD_TRACE_NEWER, a->tag.epoch, a->tag.version, 0);
		c->wait = QD_WAIT_NEWER;
		w->epoch = 0;
		w->ask_after = pace_end(t);
	}
}

void qd_extra_witness(struct qd_cluster_turn *t, const struct qd_witness_answer *a)
{
	struct qd_cluster *c = t->c;
	struct qd_witness_voter *w = &c->witness;
	if (a->id != w->asked_id || a->id == 0 || a->incarnation != c->config.incarnation)
		return; /* of a question that was given up */
	w->session = a->session;
	const enum qd_witness_ask what = w->asked;
	w->asked_id = 0;
	if (w->verdict != a->verdict || !w->answered)
		qd_cluster_trace(t, QD_TRACE_WITNESS, what, a->verdict, a->holder);
	if (a->verdict == QD_WITNESS_UNCONFIRMED && w->verdict != QD_WITNESS_UNCONFIRMED)
		w->unconfirmed_at = t->now;
	w->verdict = a->verdict;
	w->answered = true;
	w->silence_told = false;
	w->last_answer = t->now;
	w->holder = a->holder;
	qd_cluster_saw_epoch(c, a->epoch);
	if (a->verdict == QD_WITNESS_SESSION)
		return; /* it restarted, or was never met: the same again, addressed to it */
	if (a->verdict != QD_WITNESS_OK) {
		w->ask_after = a->verdict == QD_WITNESS_HELD ? free_by_then(t, a) : pace_end(t);
		/* Who must be confirmed has lost what it granted: confirmed and locked anew, it counts again. */
		if (a->verdict == QD_WITNESS_NOT_HOLDER || a->verdict == QD_WITNESS_OLD_EPOCH ||
		    a->verdict == QD_WITNESS_UNCONFIRMED || what == QD_WITNESS_RELEASE ||
		    what == QD_WITNESS_YIELD)
			w->epoch = 0;
		return;
	}
	switch (what) {
	case QD_WITNESS_LOCK:
		locked(t, a);
		break;
	case QD_WITNESS_PUT:
		w->tag = a->tag;
		w->start = qd_mono_max(w->start, w->asked_at);
		break;
	case QD_WITNESS_RENEW:
		w->start = qd_mono_max(w->start, w->asked_at);
		break;
	case QD_WITNESS_RELEASE:
	case QD_WITNESS_YIELD:
		w->epoch = 0;
		break;
	case QD_WITNESS_CONFIRM:
	case QD_WITNESS_SHOW:
		w->tag = a->tag;
		break;
	case QD_WITNESS_ASK_COUNT:
		QD_UNREACHABLE("witness ask");
	}
}

/* Its epoch is not above the witness's, or too low for the disk that was just taken: the proposer goes above it. */
static bool outbid(const struct qd_cluster *c)
{
	if (qd_extra_is_below(c))
		return true;
	return c->state == QD_CLUSTER_GETTING_EXTRA && c->witness.verdict == QD_WITNESS_OLD_EPOCH &&
	       c->max_counter >= qd_epoch_counter(c->lead.view.epoch) + 1;
}

/* The witness is wanted again in a view under which it was released before: it grants an epoch once. */
bool qd_extra_needs_epoch(const struct qd_cluster *c)
{
	const bool counts = (qd_head_extras(&c->kept.head) & QD_EXTRA_WITNESS) != 0;
	return qd_cluster_leads(c) && counts && !witness_held(c) && !c->leaving && !c->handing &&
	       !c->lead.change_open && c->witness.verdict == QD_WITNESS_OLD_EPOCH;
}

void qd_extra_think(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	if (c->state == QD_CLUSTER_GETTING_EXTRA && c->wait != QD_WAIT_NEWER)
		c->wait = (qd_head_extras(&c->lead.head) & QD_EXTRA_WITNESS) != 0 ? QD_WAIT_WITNESS
										  : QD_WAIT_DISK;
	disk_think(t);
	if (outbid(c)) {
		c->witness.verdict = QD_WITNESS_OK;
		qd_cluster_move(t, QD_CLUSTER_JOINING); /* and proposes again at once */
		c->lead.resend_at = t->now;
		return;
	}
	witness_think(t);
}

struct qd_mono qd_extra_deadline(const struct qd_cluster *c, const struct qd_times *times)
{
	return ask_at(c, times, c->right.held ? c->right.start : QD_MONO_ZERO);
}

struct qd_mono qd_extra_rests_until(const struct qd_cluster *c, const struct qd_times *times,
				    struct qd_mono now)
{
	/* Given up without a deadline: when a right that counts on it is over, or the pace allows the question. */
	struct qd_mono d = ask_at(c, times, now);
	const struct qd_mono idle = idle_at(c, times);
	for (uint32_t id = 1; id <= QD_NODES_MAX; id++)
		if (id != c->config.node_id && qd_mono_before(now, c->until[id - 1]))
			d = qd_mono_min(d, c->until[id - 1]);
	return qd_mono_before(now, idle) ? qd_mono_min(d, idle) : d;
}
