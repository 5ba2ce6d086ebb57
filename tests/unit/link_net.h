/* SPDX-License-Identifier: Apache-2.0 */
/* A few struct qd_links on networks made of an array, in virtual time: what the tests of core/link share. Include it
 * after unit.h. Everything that is sent is kept (for who wants to play it back), and every verdict is checked: no packet is
 * new twice, none of a dead life is. */
#ifndef QD_TESTS_LINK_NET_H
#define QD_TESTS_LINK_NET_H

#include "core/link.h"
#include "core/rules.h"

enum {
	NET_NODES = 3,
	NET_FLYING_MAX = 2048,
	NET_KEPT_MAX = 4096,
	NET_LIVES_MAX = 8,
	NET_SEQUENCES_MAX = 4096,
	NET_STEPS_MAX = 2000000, /* of one run: a net that stands still ends its test */
	NET_DELAY_MS = 100,
	NET_THRESHOLD = 5,
	NET_LATENCY_US = 1000,
};

/* A packet without what core/link does not read. */
struct net_packet {
	struct qd_mono at;
	uint64_t order; /* of sending; decides between equal instants */
	uint32_t link;
	enum qd_msg_kind kind;
	uint32_t from;
	uint32_t to;
	uint64_t from_session;
	uint64_t to_session;
	uint64_t incarnation;
	uint64_t sequence;
	uint64_t number;
	uint64_t echo;
};

struct net;

/* What becomes of a packet: how long it takes; negative: it is lost. */
typedef struct qd_span net_fate(struct net *n, const struct net_packet *p);

struct net_node {
	struct qd_links links;
	bool alive;
	bool asleep; /* alive, but its deadlines are not met and its packets wait */
	uint64_t life;
	uint64_t incarnation;
	uint32_t restarts_seen[NET_NODES]; /* verdict RESTART, by sender */
	uint32_t new_seen[NET_NODES];
	/* [sender][its life][sequence]: taken as new in the present life */
	bool taken[NET_NODES][NET_LIVES_MAX][NET_SEQUENCES_MAX];
};

struct net {
	struct qd_mono now;
	uint64_t random;
	uint64_t order;
	uint32_t links; /* in use between every two nodes */
	struct qd_span delay;
	uint32_t threshold;
	net_fate *fate;
	uint32_t twice;			 /* percent of the packets come two times */
	struct net_node node[NET_NODES]; /* [id - 1] */
	uint32_t flying_count;
	struct net_packet flying[NET_FLYING_MAX];
	uint32_t kept_count;
	struct net_packet kept[NET_KEPT_MAX]; /* everything sent, ring */
	uint64_t sent_by_kind[QD_MSG_KIND_COUNT];
	uint64_t replayed_as_new; /* verdicts that no packet should have had */
	uint64_t came_back;	  /* a session took the place of a later one */
};

static inline struct qd_mono net_ms(int64_t ms)
{
	return qd_mono_add(QD_MONO_ZERO, qd_span_ms(ms));
}

static inline uint64_t net_below(struct net *n, uint64_t bound)
{
	return (unit_random(&n->random) >> 8) % bound;
}

static inline bool net_percent(struct net *n, uint32_t chance)
{
	return net_below(n, 100) < chance;
}

/* Sessions tell node and life, and look random. */
static inline uint64_t net_session(uint32_t id, uint64_t life)
{
	return UINT64_C(0x5e55) << 48 | (uint64_t)id << 32 | life;
}

static inline struct qd_span net_latency(struct net *n, const struct net_packet *p)
{
	(void)n;
	(void)p;
	return qd_span_us(NET_LATENCY_US);
}

static inline struct qd_links_config net_config(const struct net *n, uint32_t id, uint64_t peers)
{
	const struct net_node *node = &n->node[id - 1];
	struct qd_links_config c = {
		.node_id = id,
		.session = net_session(id, node->life),
		.incarnation = node->incarnation,
		.peers = peers & ~qd_set_of(id),
		.seed = id,
	};
	for (uint32_t peer = qd_set_next(c.peers, 0); peer != 0; peer = qd_set_next(c.peers, peer)) {
		for (uint32_t k = 0; k < n->links; k++)
			c.link[peer - 1][k] = (struct qd_link_config){true, n->delay, n->threshold};
	}
	return c;
}

/* A new life, with nothing of the old one. */
static inline void net_start(struct net *n, uint32_t id, uint32_t nodes)
{
	struct net_node *node = &n->node[id - 1];
	const uint64_t life = node->life + 1;
	const uint64_t incarnation = node->incarnation + 1;
	memset(node, 0, sizeof(*node));
	node->alive = true;
	node->life = life;
	node->incarnation = incarnation;
	qd_assert(life < NET_LIVES_MAX);
	const struct qd_links_config c = net_config(n, id, (UINT64_C(1) << nodes) - 1);
	qd_links_init(&node->links, &c, n->now);
}

static inline void net_begin(struct net *n, uint32_t nodes, uint32_t links, uint64_t seed)
{
	memset(n->node, 0, sizeof(n->node));
	memset(n->sent_by_kind, 0, sizeof(n->sent_by_kind));
	n->flying_count = 0;
	n->kept_count = 0;
	n->replayed_as_new = 0;
	n->came_back = 0;
	n->order = 0;
	n->twice = 0;
	n->now = net_ms(1000);
	n->random = seed * UINT64_C(0x9e3779b97f4a7c15);
	n->links = links;
	n->delay = qd_span_ms(NET_DELAY_MS);
	n->threshold = NET_THRESHOLD;
	n->fate = net_latency;
	for (uint32_t id = 1; id <= nodes; id++)
		net_start(n, id, nodes);
}

static inline void net_throw(struct net *n, const struct net_packet *p, struct qd_mono at)
{
	qd_assert(n->flying_count < NET_FLYING_MAX);
	struct net_packet *to = &n->flying[n->flying_count++];
	*to = *p;
	to->at = at;
	to->order = n->order++;
}

static inline void net_send(struct net *n, const struct qd_msg *m, uint32_t link)
{
	struct net_packet p = {
		.link = link,
		.kind = m->kind,
		.from = m->from,
		.to = m->to,
		.from_session = m->from_session,
		.to_session = m->to_session,
		.incarnation = m->from_incarnation,
		.sequence = m->sequence,
		.number = m->exchange.number,
		.echo = m->exchange.echo,
	};
	n->sent_by_kind[m->kind]++;
	n->kept[n->kept_count++ % NET_KEPT_MAX] = p;
	const struct qd_span takes = n->fate(n, &p);
	if (takes.ns >= 0)
		net_throw(n, &p, qd_mono_add(n->now, takes));
	if (takes.ns >= 0 && net_percent(n, n->twice))
		net_throw(n, &p, qd_mono_add(n->now, qd_span_mul(takes, 2)));
}

static inline void net_send_all(struct net *n, const struct qd_link_sends *sends)
{
	for (uint32_t i = 0; i < sends->count; i++) {
		for (uint32_t left = sends->list[i].links; left != 0; left &= left - 1)
			net_send(n, &sends->list[i].msg, (uint32_t)__builtin_ctz(left));
	}
}

/* What no verdict may be: new for the second time, or new from a life that is over as far as the receiver knows. */
static inline void net_judge(struct net *n, const struct net_packet *p, uint64_t session_before)
{
	struct net_node *to = &n->node[p->to - 1];
	const uint64_t life = p->from_session & 0xffffffff;
	qd_assert(life < NET_LIVES_MAX && p->sequence < NET_SEQUENCES_MAX);
	bool *taken = &to->taken[p->from - 1][life][p->sequence];
	const bool mine = p->to_session == to->links.config.session;
	if (*taken || !mine || p->from_session != to->links.peers[p->from - 1].session)
		n->replayed_as_new++;
	if (p->from_session < session_before)
		n->came_back++;
	*taken = true;
}

static inline struct qd_msg net_message(const struct net_packet *p)
{
	return (struct qd_msg){
		.kind = p->kind,
		.from = p->from,
		.to = p->to,
		.from_session = p->from_session,
		.to_session = p->to_session,
		.from_incarnation = p->incarnation,
		.sequence = p->sequence,
		.exchange = {p->number, p->echo},
	};
}

/* The packet comes to its receiver, now. */
static inline enum qd_link_verdict net_deliver(struct net *n, const struct net_packet *p)
{
	static struct qd_link_sends sends;
	struct net_node *to = &n->node[p->to - 1];
	const struct qd_msg m = net_message(p);
	if (!to->alive)
		return QD_LINK_DROP;
	sends.count = 0;
	const uint64_t before = to->links.peers[p->from - 1].session;
	const enum qd_link_verdict verdict = qd_links_receive(&to->links, &m, p->link, n->now, &sends);
	if (verdict != QD_LINK_DROP) {
		net_judge(n, p, before);
		to->new_seen[p->from - 1]++;
	}
	to->restarts_seen[p->from - 1] += verdict == QD_LINK_RESTART ? 1 : 0;
	(void)UNIT_OK(sends.count <= 1);
	net_send_all(n, &sends);
	return verdict;
}

static inline void net_think(struct net *n, uint32_t id)
{
	static struct qd_link_sends sends;
	sends.count = 0;
	qd_links_think(&n->node[id - 1].links, n->now, &sends);
	net_send_all(n, &sends);
}

/* The node whose deadline is first; 0: nobody's is before `at`. */
static inline uint32_t net_next_thinker(const struct net *n, struct qd_mono *at)
{
	uint32_t first = 0;
	for (uint32_t id = 1; id <= NET_NODES; id++) {
		const struct net_node *node = &n->node[id - 1];
		if (!node->alive || node->asleep)
			continue;
		const struct qd_mono due = qd_links_deadline(&node->links);
		if (qd_mono_before(due, *at)) {
			first = id;
			*at = due;
		}
	}
	return first;
}

/* The packet that comes first, or flying_count: none does by `at`. Those to a sleeper wait. */
static inline uint32_t net_next_packet(const struct net *n, struct qd_mono *at)
{
	uint32_t first = n->flying_count;
	uint64_t order = UINT64_MAX;
	for (uint32_t i = 0; i < n->flying_count; i++) {
		const struct net_packet *p = &n->flying[i];
		if (n->node[p->to - 1].asleep)
			continue;
		if (qd_mono_before(p->at, *at) || (p->at.ns == at->ns && p->order < order)) {
			first = i;
			*at = p->at;
			order = p->order;
		}
	}
	return first;
}

/* Let everything happen until `end`. */
static inline void net_run(struct net *n, struct qd_mono end)
{
	for (uint32_t steps = 0; UNIT_OK(steps < NET_STEPS_MAX); steps++) {
		struct qd_mono at = end;
		const uint32_t packet = net_next_packet(n, &at);
		const uint32_t thinker = net_next_thinker(n, &at);
		n->now = qd_mono_max(n->now, at);
		if (thinker != 0) {
			net_think(n, thinker);
		} else if (packet < n->flying_count) {
			const struct net_packet p = n->flying[packet];
			n->flying[packet] = n->flying[--n->flying_count];
			(void)net_deliver(n, &p); /* the judge has looked at it */
		} else {
			return;
		}
	}
}

static inline void net_run_ms(struct net *n, int64_t ms)
{
	net_run(n, qd_mono_add(n->now, qd_span_ms(ms)));
}

static inline bool net_hears(const struct net *n, uint32_t id, uint32_t other)
{
	return qd_set_has(qd_links_heard(&n->node[id - 1].links), other);
}

static inline struct qd_link *net_link(struct net *n, uint32_t id, uint32_t other, uint32_t k)
{
	return &n->node[id - 1].links.peers[other - 1].links[k];
}

/* Run until node `id` hears the other one, or no longer does; how long that took, or -1: not within limit_ms. */
static inline int64_t net_until_hears(struct net *n, uint32_t id, uint32_t other, bool hears,
				      int64_t limit_ms)
{
	const struct qd_mono since = n->now;
	const struct qd_mono end = qd_mono_add(since, qd_span_ms(limit_ms));
	while (net_hears(n, id, other) != hears && qd_mono_before(n->now, end))
		net_run(n, qd_mono_add(n->now, qd_span_ms(1)));
	return net_hears(n, id, other) == hears ? qd_span_to_ms(qd_mono_sub(n->now, since)) : -1;
}

#endif
