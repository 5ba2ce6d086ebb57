/* SPDX-License-Identifier: Apache-2.0 */
/* The diagram and the rules stand in link.h. */
#include "core/link.h"

#include "core/rules.h"

#include <string.h>

/* A packet and where it belongs. */
struct incoming {
	struct qd_links *l;
	struct qd_peer *peer;
	struct qd_link *link;
	uint32_t k; /* number of the link */
	const struct qd_msg *msg;
	struct qd_mono now;
	struct qd_link_sends *sends;
};

static const struct qd_link_config *config_of(const struct qd_links *l, uint32_t id, uint32_t k)
{
	return &l->config.link[id - 1][k];
}

/* This node begins the exchanges with that one. */
static bool begins(const struct qd_links *l, uint32_t id)
{
	return l->config.node_id < id;
}

/* 0 means "none". */
static uint64_t draw(struct qd_links *l)
{
	const uint64_t number = qd_rand_u64(&l->rand);
	return number != 0 ? number : 1;
}

static bool echoes(uint64_t drawn, uint64_t echo)
{
	return drawn != 0 && (drawn == echo || !QD_RULE(ECHO));
}

static void set_up(struct qd_links *l, uint32_t id, uint32_t k, bool up)
{
	struct qd_peer *p = &l->peers[id - 1];
	p->links[k].up = up;
	p->up = up ? p->up | 1u << k : p->up & ~(1u << k);
	l->heard = p->up != 0 ? l->heard | qd_set_of(id) : l->heard & ~qd_set_of(id);
}

static struct qd_msg *append(struct qd_links *l, uint32_t id, uint32_t k, enum qd_msg_kind kind,
			     struct qd_link_sends *sends)
{
	qd_assert(sends->count < QD_LINK_SENDS_MAX);
	struct qd_peer *p = &l->peers[id - 1];
	struct qd_link_send *s = &sends->list[sends->count++];
	struct qd_msg *m = &s->msg;
	s->links = 1u << k;
	m->kind = kind;
	m->from = l->config.node_id;
	m->to = id;
	m->from_session = l->config.session;
	m->to_session = p->session;
	m->from_incarnation = l->config.incarnation;
	m->sequence = ++p->sequence;
	m->exchange.number = 0;
	m->exchange.echo = 0;
	return m;
}

static void note_proof(struct qd_link *link, struct qd_mono now)
{
	const uint64_t rtt_ns = now.ns - link->sent.ns;
	link->heard_at = now;
	link->rtt_ns = rtt_ns;
	link->rtt_worst_ns = rtt_ns > link->rtt_worst_ns ? rtt_ns : link->rtt_worst_ns;
	link->rtt_smooth_ns = link->rtt_smooth_ns == 0 ? rtt_ns : (7 * link->rtt_smooth_ns + rtt_ns) / 8;
}

static void miss(struct qd_links *l, uint32_t id, uint32_t k)
{
	struct qd_link *link = &l->peers[id - 1].links[k];
	link->lost++;
	link->missed += link->missed < QD_LINK_MISSED_MAX ? 1 : 0;
	if (link->up && link->missed >= config_of(l, id, k)->threshold)
		set_up(l, id, k, false);
}

/* This node comes to the deadline of a link so late that it was itself who did not listen. */
static bool is_late(const struct qd_links *l, uint32_t id, uint32_t k, struct qd_mono now)
{
	const struct qd_mono next = l->peers[id - 1].links[k].next;
	return qd_mono_sub(now, next).ns > config_of(l, id, k)->delay.ns / 2;
}

/* Lower id: the present exchange is over, the next begins. */
static void begin(struct qd_links *l, uint32_t id, uint32_t k, struct qd_mono now,
		  struct qd_link_sends *sends)
{
	struct qd_link *link = &l->peers[id - 1].links[k];
	const struct qd_span delay = config_of(l, id, k)->delay;
	struct qd_mono next = qd_mono_add(is_late(l, id, k, now) ? now : link->next, delay);
	if (link->number == 0) {
		/* The first one begins at once; how long it lasts spreads the others over the delay. */
		const int64_t least_ns = delay.ns / 4;
		const uint64_t spread_ns = qd_rand_below(&l->rand, (uint64_t)(delay.ns - least_ns));
		next = qd_mono_add(now, (struct qd_span){least_ns + (int64_t)spread_ns});
	} else if (!link->complete) {
		miss(l, id, k);
	}
	link->number = draw(l);
	link->answers = 0;
	link->complete = false;
	link->bound = false;
	link->sent = now;
	link->next = next;
	append(l, id, k, QD_MSG_HELLO, sends)->exchange.number = link->number;
}

/* Higher id: two delays, or one more, have passed without a BACK. */
static void miss_answer(struct qd_links *l, uint32_t id, uint32_t k, struct qd_mono now)
{
	struct qd_link *link = &l->peers[id - 1].links[k];
	const struct qd_span delay = config_of(l, id, k)->delay;
	const bool late = is_late(l, id, k, now);
	miss(l, id, k);
	link->complete = false;
	if (!link->up)
		link->next = QD_NEVER;
	else
		link->next = late ? qd_mono_add(now, qd_span_mul(delay, 2)) : qd_mono_add(link->next, delay);
}

/* RFC 4303, section 3.4.3, with the window of its appendix A2: whether the sequence is new in the session; it is taken. */
static bool take_sequence(struct qd_peer *p, uint64_t sequence)
{
	if (sequence > p->top) {
		const uint64_t ahead = sequence - p->top;
		p->window = ahead < QD_REPLAY_WINDOW ? p->window << ahead | 1u : 1u;
		p->top = sequence;
		return true;
	}
	const uint64_t behind = p->top - sequence;
	if (behind >= QD_REPLAY_WINDOW || (p->window >> behind & 1u) != 0)
		return false;
	p->window |= UINT64_C(1) << behind;
	return true;
}

/* An exchange has proved that the sender of this packet is alive, and it is another session. What was drawn for others
 * before this instant must not bring one of them back. */
static void replace_session(const struct incoming *in)
{
	struct qd_links *l = in->l;
	struct qd_peer *p = in->peer;
	p->session = in->msg->from_session;
	p->top = in->msg->sequence;
	p->window = 1;
	for (uint32_t k = 0; k < QD_LINKS_MAX; k++) {
		struct qd_link *link = &p->links[k];
		set_up(l, in->msg->from, k, false);
		link->complete = false;
		if (begins(l, in->msg->from)) {
			link->number = link->answers == 0 ? link->number : 0;
			link->bound = true;
			continue;
		}
		const bool same = link->fresh.session == p->session;
		link->number = same ? link->fresh.number : 0;
		link->answers = same ? link->fresh.answers : 0;
		link->asked = same ? link->fresh.asked : 0;
		link->sent = same ? link->fresh.sent : link->sent;
		link->missed = 0;
		link->next = QD_NEVER;
		memset(&link->fresh, 0, sizeof(link->fresh));
	}
}

/* Higher id: HELLO of the session that is proved. One that was overtaken, or that was answered before the session was
 * proved, must not spoil the present exchange. */
static void answer_hello(const struct incoming *in)
{
	struct qd_link *link = in->link;
	if (in->msg->sequence <= link->asked)
		return;
	link->asked = in->msg->sequence;
	link->number = draw(in->l);
	link->answers = in->msg->exchange.number;
	link->sent = in->now;
	struct qd_msg *answer = append(in->l, in->msg->from, in->k, QD_MSG_HELLO_OK, in->sends);
	answer->exchange.number = link->number;
	answer->exchange.echo = link->answers;
}

/* Higher id: HELLO of another session: a new one, or a replay. The same one twice is answered once; and while one waits
 * for its BACK, only one that says no lower incarnation takes its place, so that replays of earlier
 * lives do not keep a restarted node out. */
static void answer_another(const struct incoming *in)
{
	struct qd_link *link = in->link;
	const struct qd_msg *msg = in->msg;
	const struct qd_span delay = config_of(in->l, msg->from, in->k)->delay;
	const bool same = link->fresh.session == msg->from_session;
	const bool waits = link->fresh.session != 0 && qd_mono_sub(in->now, link->fresh.sent).ns < delay.ns;
	if (same ? msg->sequence <= link->fresh.asked
		 : waits && msg->from_incarnation < link->fresh.incarnation) {
		in->peer->stale++;
		return;
	}
	link->fresh.session = msg->from_session;
	link->fresh.incarnation = msg->from_incarnation;
	link->fresh.number = draw(in->l);
	link->fresh.answers = msg->exchange.number;
	link->fresh.asked = msg->sequence;
	link->fresh.sent = in->now;
	struct qd_msg *answer = append(in->l, msg->from, in->k, QD_MSG_HELLO_OK, in->sends);
	answer->to_session = msg->from_session;
	answer->exchange.number = link->fresh.number;
	answer->exchange.echo = link->fresh.answers;
}

/* Lower id: HELLO_OK answers the present exchange, in time and for the first time. */
static bool is_answer(const struct incoming *in)
{
	const struct qd_link *link = in->link;
	return link->answers == 0 && !link->complete && in->msg->exchange.number != 0 &&
	       echoes(link->number, in->msg->exchange.echo) && !qd_mono_reached(in->now, link->next);
}

static void send_back(const struct incoming *in)
{
	struct qd_link *link = in->link;
	note_proof(link, in->now);
	link->answers = in->msg->exchange.number;
	struct qd_msg *back = append(in->l, in->msg->from, in->k, QD_MSG_BACK, in->sends);
	back->exchange.number = link->up ? 0 : 1;
	back->exchange.echo = link->answers;
}

/* Higher id: BACK within a delay of the HELLO_OK whose number it echoes. */
static bool is_back(const struct incoming *in, uint64_t number, struct qd_mono sent)
{
	const struct qd_span delay = config_of(in->l, in->msg->from, in->k)->delay;
	return echoes(number, in->msg->exchange.echo) && qd_mono_sub(in->now, sent).ns < delay.ns;
}

static void complete_back(const struct incoming *in)
{
	struct qd_link *link = in->link;
	const uint32_t id = in->msg->from;
	const struct qd_span delay = config_of(in->l, id, in->k)->delay;
	/* Down there although the last one was complete here: BACK_OK does not get through. */
	const bool unheard = in->msg->exchange.number != 0 && link->complete;
	note_proof(link, in->now);
	link->exchanges++;
	link->complete = true;
	link->missed = 0;
	link->number = 0;
	link->next = qd_mono_add(link->sent, qd_span_mul(delay, 2));
	in->l->deadline = qd_mono_min(in->l->deadline, link->next);
	set_up(in->l, id, in->k, !unheard);
	append(in->l, id, in->k, QD_MSG_BACK_OK, in->sends)->exchange.echo = link->answers;
}

/* Lower id: the fourth. */
static void complete_back_ok(const struct incoming *in)
{
	struct qd_link *link = in->link;
	if (link->answers == 0 || link->complete || !echoes(link->number, in->msg->exchange.echo) ||
	    qd_mono_reached(in->now, link->next))
		return;
	link->exchanges++;
	link->complete = true;
	link->missed = 0;
	set_up(in->l, in->msg->from, in->k, true);
}

/* What the exchange makes of a packet that is new in the session that is proved. */
static void take_exchange(const struct incoming *in)
{
	const bool lower = begins(in->l, in->msg->from);
	switch (in->msg->kind) {
	case QD_MSG_HELLO:
		if (!lower)
			answer_hello(in);
		return;
	case QD_MSG_HELLO_OK:
		if (lower && is_answer(in))
			send_back(in);
		return;
	case QD_MSG_BACK:
		if (!lower && is_back(in, in->link->number, in->link->sent))
			complete_back(in);
		return;
	case QD_MSG_BACK_OK:
		if (lower)
			complete_back_ok(in);
		return;
	case QD_MSG_NONE:
	case QD_MSG_NEWS:
	case QD_MSG_PREPARE:
	case QD_MSG_PROMISE:
	case QD_MSG_INSTALL:
	case QD_MSG_INSTALLED:
	case QD_MSG_PROOF:
	case QD_MSG_ANSWER:
	case QD_MSG_PROVED:
	case QD_MSG_CHANGE:
	case QD_MSG_RIGHT_ENDED:
	case QD_MSG_LEAD:
	case QD_MSG_KIND_COUNT:
		return;
	}
	QD_UNREACHABLE("kind of message");
}

/* A packet of a session that is not proved: true when it proves it. */
static bool take_another(const struct incoming *in)
{
	const struct qd_link *link = in->link;
	const bool lower = begins(in->l, in->msg->from);
	const bool mine = in->msg->to_session == in->l->config.session;
	if (in->msg->kind == QD_MSG_HELLO && !lower) {
		answer_another(in);
		return false;
	}
	if (in->msg->kind == QD_MSG_HELLO_OK && lower && mine && !link->bound && is_answer(in)) {
		replace_session(in);
		send_back(in);
		return true;
	}
	if (in->msg->kind == QD_MSG_BACK && !lower && mine && link->fresh.session == in->msg->from_session &&
	    is_back(in, link->fresh.number, link->fresh.sent)) {
		replace_session(in);
		complete_back(in);
		return true;
	}
	in->peer->stale++;
	return false;
}

static bool is_exchange(enum qd_msg_kind kind)
{
	return kind >= QD_MSG_HELLO && kind <= QD_MSG_BACK_OK;
}

enum qd_link_verdict qd_links_receive(struct qd_links *l, const struct qd_msg *msg, uint32_t link,
				      struct qd_mono now, struct qd_link_sends *sends)
{
	if (!qd_set_has(l->config.peers, msg->from) || msg->to != l->config.node_id ||
	    msg->from_session == 0 || msg->kind == QD_MSG_NONE || msg->kind >= QD_MSG_KIND_COUNT ||
	    link >= QD_LINKS_MAX)
		return QD_LINK_DROP;
	struct qd_peer *p = &l->peers[msg->from - 1];
	/* The exchange is of one link: on one that leads nowhere there is none, and without room for the answer none now. */
	if (is_exchange(msg->kind) && ((p->used >> link & 1u) == 0 || sends->count == QD_LINK_SENDS_MAX))
		return QD_LINK_DROP;
	const struct incoming in = {l, p, &p->links[link], link, msg, now, sends};
	const bool mine = msg->to_session == l->config.session;
	enum qd_link_verdict verdict = QD_RULE(SESSION) ? QD_LINK_DROP : QD_LINK_NEW;
	if (msg->from_session != p->session) {
		verdict = take_another(&in) ? QD_LINK_RESTART : verdict;
	} else if ((mine || msg->kind == QD_MSG_HELLO) && take_sequence(p, msg->sequence)) {
		take_exchange(&in);
		verdict = mine ? QD_LINK_NEW : verdict;
	} else {
		p->stale++;
	}
	if (verdict != QD_LINK_DROP && qd_links_newest(l, msg))
		p->incarnation = msg->from_incarnation;
	return verdict;
}

void qd_links_think(struct qd_links *l, struct qd_mono now, struct qd_link_sends *sends)
{
	if (qd_mono_before(now, l->deadline))
		return;
	struct qd_mono earliest = QD_NEVER;
	for (uint32_t id = qd_set_next(l->config.peers, 0); id != 0; id = qd_set_next(l->config.peers, id)) {
		struct qd_peer *p = &l->peers[id - 1];
		for (uint32_t left = p->used; left != 0; left &= left - 1) {
			const uint32_t k = (uint32_t)__builtin_ctz(left);
			const bool due = qd_mono_reached(now, p->links[k].next);
			if (due && !begins(l, id))
				miss_answer(l, id, k, now);
			else if (due && sends->count < QD_LINK_SENDS_MAX)
				begin(l, id, k, now, sends);
			earliest = qd_mono_min(earliest, p->links[k].next);
		}
	}
	l->deadline = earliest;
}

struct qd_mono qd_links_deadline(const struct qd_links *l)
{
	return l->deadline;
}

bool qd_links_address(struct qd_links *l, struct qd_msg *msg)
{
	if (!qd_set_has(l->config.peers, msg->to) || l->peers[msg->to - 1].session == 0)
		return false;
	struct qd_peer *p = &l->peers[msg->to - 1];
	msg->from = l->config.node_id;
	msg->from_session = l->config.session;
	msg->to_session = p->session;
	msg->from_incarnation = l->config.incarnation;
	msg->sequence = ++p->sequence;
	return true;
}

uint32_t qd_links_to(const struct qd_links *l, uint32_t id)
{
	if (!qd_set_has(l->config.peers, id))
		return 0;
	const struct qd_peer *p = &l->peers[id - 1];
	return p->up != 0 ? p->up : p->used;
}

uint64_t qd_links_heard(const struct qd_links *l)
{
	return l->heard;
}

struct qd_span qd_links_detection(const struct qd_links_config *config)
{
	struct qd_span longest = QD_SPAN_ZERO;
	for (uint32_t id = qd_set_next(config->peers, 0); id != 0; id = qd_set_next(config->peers, id)) {
		for (uint32_t k = 0; k < QD_LINKS_MAX; k++) {
			const struct qd_link_config *c = &config->link[id - 1][k];
			const struct qd_span span = qd_span_mul(c->delay, (int64_t)c->threshold + 1);
			if (c->used && span.ns > longest.ns)
				longest = span;
		}
	}
	return longest;
}

/* A link's part of a new configuration; `was` is its old one, with used = false where there was none. */
static void configure_link(struct qd_links *l, uint32_t id, uint32_t k, const struct qd_link_config *was,
			   struct qd_mono now)
{
	struct qd_peer *p = &l->peers[id - 1];
	struct qd_link *link = &p->links[k];
	const struct qd_link_config *c = config_of(l, id, k);
	qd_assert(!c->used || (c->delay.ns > 0 && c->threshold > 0));
	p->used = c->used ? p->used | 1u << k : p->used & ~(1u << k);
	if (!c->used || !was->used) {
		set_up(l, id, k, false);
		link->complete = false;
		link->missed = 0;
		link->number = 0;
		link->answers = 0;
		link->next = c->used && begins(l, id) ? now : QD_NEVER;
		memset(&link->fresh, 0, sizeof(link->fresh));
	} else if (c->delay.ns != was->delay.ns && begins(l, id)) {
		link->next = qd_mono_min(link->next, qd_mono_add(now, c->delay));
	} else if (c->delay.ns != was->delay.ns && !qd_mono_is_never(link->next)) {
		link->next = qd_mono_add(now, qd_span_mul(c->delay, 2));
	}
}

void qd_links_configure(struct qd_links *l, const struct qd_links_config *config, struct qd_mono now)
{
	qd_assert(config->node_id == l->config.node_id && config->session == l->config.session);
	qd_assert(!qd_set_has(config->peers, config->node_id));
	qd_assert(qd_set_contains(qd_set_all(), config->peers));
	const uint64_t gone = l->config.peers & ~config->peers;
	for (uint32_t id = qd_set_next(gone, 0); id != 0; id = qd_set_next(gone, id))
		l->peers[id - 1] = (struct qd_peer){.sequence = l->peers[id - 1].sequence};
	l->heard &= ~gone;
	for (uint32_t id = qd_set_next(config->peers, 0); id != 0; id = qd_set_next(config->peers, id)) {
		for (uint32_t k = 0; k < QD_LINKS_MAX; k++) {
			struct qd_link_config was = l->config.link[id - 1][k];
			was.used = (l->peers[id - 1].used >> k & 1u) != 0;
			l->config.link[id - 1][k] = config->link[id - 1][k];
			configure_link(l, id, k, &was, now);
		}
	}
	l->config = *config;
	l->deadline = now;
}

void qd_links_init(struct qd_links *l, const struct qd_links_config *config, struct qd_mono now)
{
	qd_assert(config->session != 0);
	qd_assert(config->node_id >= 1 && config->node_id <= QD_NODES_MAX);
	memset(l, 0, sizeof(*l));
	l->config.node_id = config->node_id;
	l->config.session = config->session;
	/* With the session, so that the same seed never draws the same numbers again. */
	l->rand.state = config->seed ^ config->session;
	qd_links_configure(l, config, now);
}
