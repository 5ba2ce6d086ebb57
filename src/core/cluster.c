/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cluster_internal.h"

enum {
	QD_NEWS_PACE_MS = 5, /* between two tellings of news; the first is told at once */
};

void qd_cluster_trace(struct qd_cluster_turn *t, enum qd_trace_code code, uint64_t a, uint64_t b, uint64_t c)
{
	if (t->out->trace_count < QD_TRACES_MAX)
		t->out->traces[t->out->trace_count++] =
			(struct qd_trace){.code = code, .a = a, .b = b, .c = c};
}

void qd_cluster_move(struct qd_cluster_turn *t, enum qd_cluster_state to)
{
	static const uint32_t allowed[QD_CLUSTER_STATE_COUNT] = {
		[QD_CLUSTER_JOINING] = 1u << QD_CLUSTER_PROMISED | 1u << QD_CLUSTER_MEMBER |
				       1u << QD_CLUSTER_PREPARING | 1u << QD_CLUSTER_INSTALLING |
				       1u << QD_CLUSTER_LEFT,
		[QD_CLUSTER_PROMISED] = 1u << QD_CLUSTER_JOINING | 1u << QD_CLUSTER_MEMBER |
					1u << QD_CLUSTER_PREPARING | 1u << QD_CLUSTER_INSTALLING |
					1u << QD_CLUSTER_LEFT,
		[QD_CLUSTER_MEMBER] = 1u << QD_CLUSTER_JOINING | 1u << QD_CLUSTER_PROMISED |
				      1u << QD_CLUSTER_PREPARING | 1u << QD_CLUSTER_INSTALLING |
				      1u << QD_CLUSTER_LEFT,
		[QD_CLUSTER_PREPARING] = 1u << QD_CLUSTER_JOINING | 1u << QD_CLUSTER_PROMISED |
					 1u << QD_CLUSTER_MEMBER | 1u << QD_CLUSTER_GETTING_EXTRA |
					 1u << QD_CLUSTER_INSTALLING | 1u << QD_CLUSTER_LEFT,
		[QD_CLUSTER_GETTING_EXTRA] = 1u << QD_CLUSTER_JOINING | 1u << QD_CLUSTER_PROMISED |
					     1u << QD_CLUSTER_MEMBER | 1u << QD_CLUSTER_INSTALLING |
					     1u << QD_CLUSTER_LEFT,
		[QD_CLUSTER_INSTALLING] = 1u << QD_CLUSTER_JOINING | 1u << QD_CLUSTER_PROMISED |
					  1u << QD_CLUSTER_MEMBER | 1u << QD_CLUSTER_LEADING |
					  1u << QD_CLUSTER_PREPARING | 1u << QD_CLUSTER_LEFT,
		[QD_CLUSTER_LEADING] = 1u << QD_CLUSTER_JOINING | 1u << QD_CLUSTER_PROMISED |
				       1u << QD_CLUSTER_MEMBER | 1u << QD_CLUSTER_PREPARING |
				       1u << QD_CLUSTER_LEFT,
		[QD_CLUSTER_LEFT] = 0,
	};
	struct qd_cluster *c = t->c;
	qd_assert((allowed[c->state] >> to & 1u) != 0);
	qd_cluster_trace(t, QD_TRACE_CLUSTER, c->state, to, c->want.promised);
	c->state = to;
	c->due_since = QD_NEVER;
}

struct qd_msg *qd_cluster_say(struct qd_cluster_turn *t, enum qd_msg_kind kind, uint32_t to)
{
	struct qd_actions *out = t->out;
	qd_assert(to != t->c->config.node_id);
	if (out->send_count >= QD_SENDS_MAX || out->count >= QD_ACTIONS_MAX)
		return NULL;
	struct qd_msg *m = &out->sends[out->send_count];
	m->kind = kind;
	m->to = to;
	struct qd_action *action = &out->list[out->count++];
	action->kind = QD_ACTION_SEND;
	action->u.send.index = out->send_count++;
	action->u.send.to = to;
	action->u.send.links = 0; /* the links fill it in */
	return m;
}

void qd_cluster_saw_epoch(struct qd_cluster *c, uint64_t epoch)
{
	if (qd_epoch_counter(epoch) > c->max_counter)
		c->max_counter = qd_epoch_counter(epoch);
}

uint64_t qd_cluster_incarnation(const struct qd_cluster *c, uint32_t id)
{
	return id == c->config.node_id ? c->config.incarnation : c->members[id - 1].incarnation;
}

bool qd_cluster_leads(const struct qd_cluster *c)
{
	return c->state == QD_CLUSTER_LEADING;
}

bool qd_cluster_makes(const struct qd_cluster *c)
{
	return c->state == QD_CLUSTER_PREPARING || c->state == QD_CLUSTER_GETTING_EXTRA ||
	       c->state == QD_CLUSTER_INSTALLING || c->state == QD_CLUSTER_LEADING;
}

bool qd_cluster_right_runs(const struct qd_cluster *c, struct qd_mono now)
{
	return qd_lease_runs(&c->right, now);
}

/* ------------------------------------------------ ages (section 5) */

void qd_cluster_gave(struct qd_cluster *c, uint32_t id, struct qd_mono until)
{
	if (qd_mono_before(c->until[id - 1], until))
		c->until[id - 1] = until;
}

void qd_cluster_ages_out(const struct qd_cluster *c, struct qd_mono now, struct qd_ages *ages)
{
	memset(ages, 0, sizeof(*ages));
	if (!QD_RULE(AGES_TRAVEL))
		return;
	for (uint32_t id = 1; id <= QD_NODES_MAX; id++) {
		if (!qd_mono_before(now, c->until[id - 1]))
			continue; /* over */
		ages->known |= qd_set_of(id);
		ages->left_ns[id - 1] = (uint64_t)qd_mono_sub(c->until[id - 1], now).ns;
	}
}

void qd_cluster_ages_in(struct qd_cluster_turn *t, const struct qd_ages *ages)
{
	for (uint32_t id = qd_set_next(ages->known, 0); id != 0 && id <= QD_NODES_MAX;
	     id = qd_set_next(ages->known, id)) {
		const uint64_t left = ages->left_ns[id - 1];
		if (left <= (uint64_t)QD_TAKEOVER_MAX_MS * 1000000u)
			qd_cluster_gave(t->c, id, (struct qd_mono){t->now.ns + left});
	}
}

void qd_cluster_renew(struct qd_cluster_turn *t, uint64_t epoch, struct qd_mono start)
{
	struct qd_cluster *c = t->c;
	qd_lease_renew(&c->right, t->times, start);
	c->right_epoch = epoch;
	qd_cluster_gave(c, c->config.node_id, qd_mono_add(c->right.start, t->times->wait));
}

/* ------------------------------------------------ hearing (section 2) */

void qd_cluster_restarted(struct qd_cluster_turn *t, uint32_t id, uint64_t incarnation)
{
	struct qd_cluster *c = t->c;
	/* What an earlier process started may still run until this one says otherwise, under a view. */
	c->members[id - 1] = (struct qd_member){.incarnation = incarnation, .runs = true};
	c->lead.promised_by &= ~qd_set_of(id);
	c->lead.installed_by &= ~qd_set_of(id);
	c->hears &= ~qd_set_of(id);
	c->news_due &= ~qd_set_of(id);
}

bool qd_cluster_heard(struct qd_cluster_turn *t, uint32_t id, bool heard, uint64_t incarnation)
{
	struct qd_cluster *c = t->c;
	struct qd_member *m = &c->members[id - 1];
	if (m->heard == heard && m->incarnation == incarnation)
		return false;
	if (m->incarnation != incarnation)
		qd_cluster_restarted(t, id, incarnation);
	if (m->heard != heard)
		qd_cluster_trace(t, heard ? QD_TRACE_HEARD : QD_TRACE_NOT_HEARD, id, incarnation, 0);
	m->heard = heard;
	if (heard) {
		c->hears |= qd_set_of(id);
		c->news_due |= qd_set_of(id);
	} else {
		c->hears &= ~qd_set_of(id);
		c->news_due &= ~qd_set_of(id);
		m->news_known = false;
	}
	return true;
}

static bool news_equal(const struct qd_news *a, const struct qd_news *b)
{
	if (a->installed != b->installed || a->leading != b->leading || a->promised != b->promised ||
	    qd_tag_compare(a->tag, b->tag) != 0 || a->flags != b->flags || a->voters != b->voters ||
	    a->set != b->set || a->hears != b->hears)
		return false;
	for (uint32_t id = qd_set_next(a->hears, 0); id != 0; id = qd_set_next(a->hears, id))
		if (a->incarnation[id - 1] != b->incarnation[id - 1])
			return false;
	return true;
}

bool qd_cluster_news(struct qd_cluster_turn *t, uint32_t id, const struct qd_news *news)
{
	struct qd_member *m = &t->c->members[id - 1];
	if (m->news_known && news_equal(&m->news, news))
		return false;
	qd_cluster_saw_epoch(t->c, news->promised);
	qd_cluster_saw_epoch(t->c, news->installed);
	m->news = *news;
	m->news_known = true;
	return true;
}

/* The epoch that this node leads with a right, also while it makes the next view of its own: nobody else comes first
 * then. */
static uint64_t led_epoch(const struct qd_cluster *c, struct qd_mono now)
{
	const bool follows = c->state == QD_CLUSTER_PROMISED || c->state == QD_CLUSTER_MEMBER ||
			     c->state == QD_CLUSTER_LEFT;
	const bool leads = c->right_epoch != 0 && qd_epoch_node(c->right_epoch) == c->config.node_id;
	return leads && !follows && qd_cluster_right_runs(c, now) ? c->right_epoch : 0;
}

/* Where the disk alone votes those who are configured come before those who are not: they can lead. */
static uint64_t voters(const struct qd_head *h)
{
	uint64_t set = 0;
	if (h->votes.model == QD_MODEL_DISK_ONLY)
		return h->votes.nodes;
	for (uint32_t id = qd_set_next(h->votes.nodes, 0); id != 0; id = qd_set_next(h->votes.nodes, id))
		if (qd_votes_of(&h->votes, id) != 0)
			set |= qd_set_of(id);
	return set;
}

/* It leads because all who are with it are paused, and runs nothing; this node could. As far as it knows: who was paused
 * while this node kept itself out is not known here. */
static bool leads_in_vain(const struct qd_cluster *c, uint32_t id)
{
	const struct qd_head *h = &c->kept.head;
	return qd_change_is_paused(h, id) && !qd_change_is_paused(h, c->config.node_id) &&
	       qd_change_has_node(h, c->config.node_id) &&
	       (c->members[id - 1].news.flags & QD_NEWS_RUNS) == 0;
}

/* A view lives without this node: only from such a one does it keep itself out. From one that has taken it in it does
 * not: who is in it may be needed for it (simulator: seed 829 of the version before). Its leader may still tell of the
 * view before (five nodes, seed 20430). */
static bool others_lead(const struct qd_cluster *c)
{
	const bool inside = c->state == QD_CLUSTER_MEMBER || c->state == QD_CLUSTER_PROMISED;
	const uint64_t own = inside ? c->kept.installed.epoch : 0;
	const uint32_t follows = qd_extra_heir(c);
	for (uint32_t id = qd_set_next(c->hears, 0); id != 0; id = qd_set_next(c->hears, id))
		if (id != c->config.node_id && id != follows && c->members[id - 1].news_known &&
		    c->members[id - 1].news.leading != 0 && c->members[id - 1].news.leading != own &&
		    !leads_in_vain(c, id))
			return true;
	return false;
}

static uint32_t own_flags(const struct qd_cluster_turn *t)
{
	const struct qd_cluster *c = t->c;
	uint32_t flags = 0;
	if (!c->kept.has_vote)
		flags |= QD_NEWS_NO_VOTE;
	if (qd_cluster_is_stuck(c, t->now))
		flags |= QD_NEWS_STUCK;
	if (qd_mono_before(t->now, c->held_until) && others_lead(c))
		flags |= QD_NEWS_HELD;
	if (c->state == QD_CLUSTER_JOINING && qd_mono_before(t->now, c->joining_since))
		flags |= QD_NEWS_JOINING;
	/* Who was removed by the configuration that it knows of may be a member, without a say. */
	if (c->prevented || !qd_change_has_node(&c->kept.head, c->config.node_id))
		flags |= QD_NEWS_JOIN_ONLY;
	if (c->leaving)
		flags |= QD_NEWS_LEAVING;
	if (qd_extra_held(c) != 0)
		flags |= QD_NEWS_HOLDS;
	if (t->runs)
		flags |= QD_NEWS_RUNS;
	if (c->state == QD_CLUSTER_GETTING_EXTRA && c->lead.view.epoch == c->kept.promised)
		flags |= QD_NEWS_GATHERED;
	return flags;
}

static void news_think(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	const bool active = c->state == QD_CLUSTER_MEMBER || c->state == QD_CLUSTER_LEADING;
	struct qd_news news = {
		.installed = active ? c->kept.installed.epoch : 0,
		.leading = led_epoch(c, t->now),
		.promised = c->kept.promised,
		.tag = c->kept.head.tag,
		.flags = c->flags,
		.voters = c->own_voters,
		.set = c->set,
		.hears = c->hears,
	};
	for (uint32_t id = qd_set_next(c->hears, 0); id != 0; id = qd_set_next(c->hears, id))
		news.incarnation[id - 1] = qd_cluster_incarnation(c, id);
	const struct qd_span pace = qd_span_ms(QD_NEWS_PACE_MS);
	if (!news_equal(&news, &c->news)) {
		c->news = news;
		c->news_due = c->hears & ~qd_set_of(c->config.node_id);
		/* What changes again and again is not told again and again at once. */
		c->news_at = qd_mono_max(t->now, qd_mono_add(c->news_told, pace));
	}
	if (c->news_due == 0 || !qd_mono_reached(t->now, c->news_at))
		return;
	c->news_told = t->now;
	for (uint32_t id = qd_set_next(c->news_due, 0); id != 0; id = qd_set_next(c->news_due, id)) {
		struct qd_msg *m = qd_cluster_say(t, QD_MSG_NEWS, id);
		if (m == NULL)
			return;
		m->news = c->news;
		c->news_due &= ~qd_set_of(id);
	}
}

/* ------------------------------------------------ losing and joining */

/* How long somebody may still take this node in before it takes part in forming a view itself. */
static struct qd_mono join_wait_end(const struct qd_cluster *c, const struct qd_times *times,
				    struct qd_mono now)
{
	return qd_mono_add(qd_mono_add(now, c->config.detection), times->challenge);
}

static void count_fall(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	const struct qd_span quiet = qd_span_mul(t->times->takeover, 30);
	if (c->falls > 0 && qd_mono_reached(t->now, qd_mono_add(c->last_fall, quiet)))
		c->falls = 0;
	c->falls++;
	c->last_fall = t->now;
	if (c->falls < 4) /* three falls in a while are bad luck */
		return;
	int64_t hold_s = QD_HOLD_MIN_S;
	for (uint32_t i = 4; i < c->falls && hold_s < QD_HOLD_MAX_S; i++)
		hold_s *= 2;
	if (hold_s > QD_HOLD_MAX_S)
		hold_s = QD_HOLD_MAX_S;
	c->held_until = qd_mono_add(t->now, qd_span_ms(hold_s * 1000));
	qd_cluster_trace(t, QD_TRACE_HELD, c->falls, (uint64_t)hold_s, 0);
}

void qd_cluster_lose(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	qd_cluster_trace(t, QD_TRACE_VIEW_LOST, c->kept.installed.epoch, 0, 0);
	/* Its leader may be gone, and with it the text of a change: whoever waited for that would never come back. */
	qd_keep_drop_pending(c);
	qd_cluster_move(t, QD_CLUSTER_JOINING);
	c->joining_since =
		t->now; /* it was in a view: who is there is known, and everybody waits for a new one */
	count_fall(t);
}

void qd_cluster_init(struct qd_cluster *c, const struct qd_cluster_config *config, struct qd_mono now)
{
	memset(c, 0, sizeof(*c));
	c->config = *config;
	c->started = now;
	c->kept = config->kept;
	c->want = config->kept;
	c->prevented = config->join_only;
	c->rand.state = config->seed;
	c->hears = qd_set_of(config->node_id);
	c->set = c->hears;
	c->due_since = QD_NEVER;
	c->keep_after = QD_NEVER;
	c->lead.free_at = QD_NEVER;
	c->joining_since = QD_NEVER; /* set by the first turn, which knows the times */
	qd_cluster_saw_epoch(c, config->kept.promised);
	qd_cluster_saw_epoch(c, config->kept.installed.epoch);
	qd_cluster_saw_epoch(c, config->kept.head.tag.epoch);
}

/* ------------------------------------------------ turns */

/* The first turn knows the times. A restarted node knows nothing of the rights that it may have renewed before. */
static void begin(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	const struct qd_head *h = &c->kept.head;
	const uint64_t known = h->votes.nodes | c->kept.installed.members | c->config.peers |
			       (h->has_old ? h->old.nodes : 0);
	c->joining_since = join_wait_end(c, t->times, t->now);
	for (uint32_t id = qd_set_next(known, 0); id != 0 && QD_RULE(GAVE_START); id = qd_set_next(known, id))
		if (id != c->config.node_id)
			qd_cluster_gave(c, id, qd_mono_add(c->started, t->times->wait));
}

void qd_cluster_before(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	if (qd_mono_is_never(c->joining_since))
		begin(t);
	if (!c->right.held || qd_lease_runs(&c->right, t->now) || !QD_RULE(RIGHT_ENDS))
		return;
	qd_cluster_trace(t, QD_TRACE_RIGHT_OVER, c->right_epoch,
			 (uint64_t)qd_mono_sub(t->now, c->right.start).ns, 0);
	qd_lease_end(&c->right);
	if (c->state == QD_CLUSTER_MEMBER || c->state == QD_CLUSTER_LEADING)
		qd_cluster_lose(t);
}

void qd_cluster_message(struct qd_cluster_turn *t, const struct qd_msg *m)
{
	struct qd_cluster *c = t->c;
	if (c->state == QD_CLUSTER_LEFT)
		return;
	switch (m->kind) {
	case QD_MSG_PREPARE:
	case QD_MSG_PROMISE:
	case QD_MSG_INSTALL:
	case QD_MSG_INSTALLED:
	case QD_MSG_LEAD:
		qd_regroup_message(t, m);
		break;
	case QD_MSG_PROOF:
	case QD_MSG_PROVED:
	case QD_MSG_CHANGE:
		qd_member_message(t, m);
		break;
	case QD_MSG_ANSWER:
		qd_lead_message(t, m);
		break;
	case QD_MSG_RIGHT_ENDED:
		/* Everything of it has stopped, and its rights are over: nobody waits for it. What a later right of it
		 * gives is counted anew. */
		qd_cluster_trace(t, QD_TRACE_RIGHT_ENDED, m->from, m->u.ended.epoch, 0);
		qd_cluster_ages_in(t, &m->u.ended.ages);
		/* A late one: what is known of a later start of that node came with promises of later epochs. */
		if (c->kept.promised > m->u.ended.epoch && QD_RULE(LEFT_EPOCH))
			break;
		c->until[m->from - 1] = QD_MONO_ZERO;
		c->members[m->from - 1].left = true;
		break;
	case QD_MSG_NONE:
	case QD_MSG_HELLO:
	case QD_MSG_HELLO_OK:
	case QD_MSG_BACK:
	case QD_MSG_BACK_OK:
	case QD_MSG_NEWS:
	case QD_MSG_KIND_COUNT:
		break;
	}
}

/* Prevented quorum keeps a start from deciding by what this node knew before: by a configuration that may be overruled,
 * by force above all. That is over when a view has taken it in and was proved quorate in this start: what is kept
 * durably now is that view's configuration, or one that came after it. From here on the node is as any member: started
 * again without the option it could do the same, with the same store, and every rule of promises, votes and tags holds
 * for it. Before the proof a view shows nothing, since its leader may have had no quorum; and a store whose vote does
 * not count yet does not know enough. */
static void prevention_think(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	const bool proved = qd_cluster_right_runs(c, t->now) && c->right_epoch == c->kept.installed.epoch;
	if (!c->prevented || c->state != QD_CLUSTER_MEMBER || !proved || !c->kept.has_vote)
		return;
	c->prevented = false;
	qd_cluster_trace(t, QD_TRACE_PREVENTED, c->kept.installed.epoch, 0, 0);
}

void qd_cluster_think(struct qd_cluster_turn *t)
{
	struct qd_cluster *c = t->c;
	prevention_think(t);
	c->flags = own_flags(t);
	c->own_voters = voters(&c->kept.head);
	c->interrupted = c->interrupted && t->runs;
	if (c->state != QD_CLUSTER_LEFT) {
		qd_regroup_candidate(t);
		qd_extra_think(t);
		qd_regroup_think(t);
		if (qd_cluster_leads(c))
			qd_lead_think(t);
		qd_member_think(t);
		qd_change_think(t);
		qd_leaving_think(t);
	}
	qd_keep_think(t);
	c->flags = own_flags(t);
	news_think(t);
}

struct qd_mono qd_cluster_deadline(const struct qd_cluster *c, const struct qd_times *times)
{
	struct qd_mono d = c->news_due != 0 ? c->news_at : QD_NEVER;
	if (c->state == QD_CLUSTER_LEFT)
		return d;
	if (qd_mono_is_never(c->joining_since))
		return QD_MONO_ZERO; /* never stepped */
	if (c->right.held)
		d = qd_mono_min(d, c->right.begin_stop);
	d = qd_mono_min(d, qd_keep_deadline(c));
	if ((c->flags & QD_NEWS_HELD) != 0)
		d = qd_mono_min(d, c->held_until);
	if ((c->flags & QD_NEWS_JOINING) != 0)
		d = qd_mono_min(d, c->joining_since);
	if (c->leaving && c->state != QD_CLUSTER_LEFT && (c->flags & QD_NEWS_RUNS) == 0)
		d = qd_mono_min(d, qd_mono_add(c->leaving_since, times->takeover));
	if (c->handing && (c->flags & QD_NEWS_RUNS) == 0) {
		d = qd_mono_min(d, qd_mono_add(c->handing_since, times->takeover));
		if (qd_cluster_leads(c))
			d = qd_mono_min(d, c->lead_resend_at);
	}
	d = qd_mono_min(d, qd_regroup_deadline(c, times));
	d = qd_mono_min(d, qd_extra_deadline(c, times));
	d = qd_mono_min(d, qd_member_deadline(c, times));
	d = qd_mono_min(d, qd_change_deadline(c, times));
	if (qd_cluster_leads(c))
		d = qd_mono_min(d, qd_lead_deadline(c, times));
	return d;
}

struct qd_mono qd_cluster_rests_until(const struct qd_cluster *c, const struct qd_times *times,
				      struct qd_mono now)
{
	struct qd_mono d = qd_extra_rests_until(c, times, now);
	if (qd_mono_before(now, c->held_until))
		d = qd_mono_min(d, c->held_until);
	const struct qd_mono fallen_at = qd_turn_fallen_at(c, times);
	return qd_mono_before(now, fallen_at) ? qd_mono_min(d, fallen_at) : d;
}

void qd_cluster_check(const struct qd_cluster *c, struct qd_mono now)
{
	qd_assert(c->state < QD_CLUSTER_STATE_COUNT);
	qd_assert(c->want.promised >= c->kept.promised);
	qd_assert(c->kept.promised >= c->kept.installed.epoch || !QD_RULE(PROMISE_BINDS));
	const bool mine = qd_cluster_makes(c);
	QD_ERGO(mine, qd_view_leader(&c->lead.view) == c->config.node_id);
	QD_ERGO(mine, qd_set_has(c->lead.view.members, c->config.node_id));
	QD_ERGO(c->state == QD_CLUSTER_LEADING, c->kept.installed.epoch == c->lead.view.epoch);
	QD_ERGO(c->right.held && QD_RULE(RIGHT_ENDS),
		qd_mono_before(now, c->right.begin_stop) || qd_mono_reached(c->right.start, now));
}
