/* SPDX-License-Identifier: Apache-2.0 */
/* The exchange: four messages, what a lost one of each costs, when a link is down, late deadlines, changed times. */
#include "unit.h"

#include "link_net.h"

static struct net net;

/* What the fates below go by. */
static struct {
	enum qd_msg_kind kind;	/* of this kind ... */
	uint32_t left;		/* ... so many are lost */
	uint32_t from;		/* everything of this node is lost; 0: of none */
	uint32_t links;		/* mask: on these everything is lost */
	struct qd_span longest; /* latency is random up to this */
} fate;

static struct qd_span decide(struct net *n, const struct net_packet *p)
{
	if (p->kind == fate.kind && fate.left > 0) {
		fate.left--;
		return qd_span_ms(-1);
	}
	if (p->from == fate.from || (fate.links >> p->link & 1u) != 0)
		return qd_span_ms(-1);
	if (fate.longest.ns > 0)
		return (struct qd_span){(int64_t)net_below(n, (uint64_t)fate.longest.ns)};
	return net_latency(n, p);
}

static void begin(uint32_t nodes, uint32_t links, uint64_t seed)
{
	memset(&fate, 0, sizeof(fate));
	net_begin(&net, nodes, links, seed);
	net.fate = decide;
}

/* Two nodes that have heard each other for a while, in the middle between two exchanges. */
static void begin_settled(uint32_t links)
{
	begin(2, links, 1);
	net_run_ms(&net, 1000);
	while (!net_link(&net, 1, 2, 0)->complete)
		net_run_ms(&net, 1);
	net_run_ms(&net, NET_DELAY_MS / 2);
}

static struct qd_links_config two_nodes(void)
{
	struct qd_links_config c = {.node_id = 1, .session = 7, .peers = qd_set_of(2)};
	c.link[1][0] = (struct qd_link_config){true, qd_span_ms(NET_DELAY_MS), NET_THRESHOLD};
	return c;
}

static struct qd_links alone;

static void no_session(void)
{
	struct qd_links_config c = two_nodes();
	c.session = 0;
	qd_links_init(&alone, &c, QD_MONO_ZERO);
}

static void own_peer(void)
{
	struct qd_links_config c = two_nodes();
	c.peers |= qd_set_of(1);
	qd_links_init(&alone, &c, QD_MONO_ZERO);
}

static void no_delay(void)
{
	struct qd_links_config c = two_nodes();
	c.link[1][0].delay = QD_SPAN_ZERO;
	qd_links_init(&alone, &c, QD_MONO_ZERO);
}

static void another_session(void)
{
	struct qd_links_config c = two_nodes();
	qd_links_init(&alone, &c, QD_MONO_ZERO);
	c.session = 8;
	qd_links_configure(&alone, &c, QD_MONO_ZERO);
}

static void refuses(void)
{
	UNIT_OK(unit_aborts(no_session));
	UNIT_OK(unit_aborts(own_peer));
	UNIT_OK(unit_aborts(no_delay));
	UNIT_OK(unit_aborts(another_session));
}

static void drops_foreign(void)
{
	begin_settled(1);
	const struct net_packet good = {
		.kind = QD_MSG_NEWS,
		.from = 1,
		.to = 2,
		.from_session = net_session(1, 1),
		.to_session = net_session(2, 1),
		.sequence = 1000,
	};
	struct net_packet bad[8];
	for (size_t i = 0; i < UNIT_COUNT(bad); i++)
		bad[i] = good;
	bad[0].from = 3;
	bad[1].from = 2;
	bad[2].link = QD_LINKS_MAX;
	bad[3].kind = QD_MSG_NONE;
	bad[4].kind = QD_MSG_KIND_COUNT;
	bad[5].from_session++;
	bad[6].to_session++;
	bad[7].from_session = 0;
	for (size_t i = 0; i < UNIT_COUNT(bad); i++) {
		unit_case("%zu", i);
		UNIT_EQUAL(net_deliver(&net, &bad[i]), QD_LINK_DROP);
	}
	UNIT_EQUAL(net_deliver(&net, &good), QD_LINK_NEW);
}

static void four_messages(void)
{
	begin(2, 1, 1);
	net_run_ms(&net, 10000);
	for (int kind = QD_MSG_HELLO; kind <= QD_MSG_BACK_OK; kind++) {
		unit_case("%s", qd_msg_kind_name((enum qd_msg_kind)kind));
		UNIT_EQUAL(net.sent_by_kind[kind], net.sent_by_kind[QD_MSG_HELLO]);
	}
	UNIT_OK(net.sent_by_kind[QD_MSG_HELLO] >= 100 && net.sent_by_kind[QD_MSG_HELLO] <= 102);
	for (uint32_t id = 1; id <= 2; id++) {
		const struct qd_link *link = net_link(&net, id, 3 - id, 0);
		unit_case("node %" PRIu32, id);
		UNIT_OK(net_hears(&net, id, 3 - id));
		UNIT_EQUAL(link->exchanges, net.sent_by_kind[QD_MSG_HELLO]);
		UNIT_EQUAL(link->lost, 0);
		UNIT_EQUAL(net.node[id - 1].links.peers[2 - id].stale, 0);
		UNIT_EQUAL(net.node[id - 1].restarts_seen[2 - id], 1);
	}
	UNIT_EQUAL(net.replayed_as_new, 0);
}

static void starts_at_once(void)
{
	begin(3, QD_LINKS_MAX, 1);
	net_run(&net, qd_mono_add(net.now, qd_span_us(5L * NET_LATENCY_US)));
	for (uint32_t id = 1; id <= 3; id++) {
		unit_case("node %" PRIu32, id);
		UNIT_EQUAL(qd_links_heard(&net.node[id - 1].links), 7 & ~qd_set_of(id));
		for (uint32_t peer = qd_set_next(7 & ~qd_set_of(id), 0); peer != 0;
		     peer = qd_set_next(7 & ~qd_set_of(id), peer))
			UNIT_EQUAL(qd_links_to(&net.node[id - 1].links, peer), 0xff);
	}
	/* and then the links go their own ways */
	uint32_t in_tenth[10] = {0};
	net_run_ms(&net, 1000);
	for (uint32_t k = 0; k < 2 * QD_LINKS_MAX; k++)
		in_tenth[net_link(&net, 1, 2 + k % 2, k / 2)->next.ns / 1000000 % NET_DELAY_MS / 10]++;
	for (uint32_t i = 0; i < 10; i++)
		UNIT_OK(in_tenth[i] <= 5);
}

static void one_lost(void)
{
	for (int kind = QD_MSG_HELLO; kind <= QD_MSG_BACK_OK; kind++) {
		unit_case("%s", qd_msg_kind_name((enum qd_msg_kind)kind));
		begin_settled(1);
		fate.kind = (enum qd_msg_kind)kind;
		fate.left = 1;
		uint32_t missed[2] = {0, 0};
		for (uint32_t us = 0; us < 5000 * NET_DELAY_MS; us += 500) {
			net_run(&net, qd_mono_add(net.now, qd_span_us(500)));
			for (uint32_t id = 1; id <= 2; id++)
				missed[id - 1] |= net_link(&net, id, 3 - id, 0)->missed;
		}
		UNIT_EQUAL(missed[0], 1);
		UNIT_EQUAL(missed[1], kind == QD_MSG_BACK_OK ? 0 : 1);
		UNIT_EQUAL(net_link(&net, 1, 2, 0)->lost, 1);
		UNIT_EQUAL(net_link(&net, 1, 2, 0)->missed, 0);
		UNIT_EQUAL(net_link(&net, 2, 1, 0)->lost, kind == QD_MSG_BACK_OK ? 0 : 1);
		UNIT_OK(net_hears(&net, 1, 2) && net_hears(&net, 2, 1));
	}
}

/* So many of one kind are lost in a row; whether each end had its link down for a while. */
static void lose(enum qd_msg_kind kind, uint32_t count, bool expected)
{
	bool down[2] = {false, false};
	unit_case("%s, %" PRIu32, qd_msg_kind_name(kind), count);
	begin_settled(1);
	fate.kind = kind;
	fate.left = count;
	for (uint32_t ms = 0; ms < 12 * NET_DELAY_MS; ms++) {
		net_run_ms(&net, 1);
		down[0] |= !net_hears(&net, 1, 2);
		down[1] |= !net_hears(&net, 2, 1);
	}
	UNIT_EQUAL(fate.left, 0);
	UNIT_EQUAL(down[0], expected);
	UNIT_EQUAL(down[1], expected);
	UNIT_OK(net_hears(&net, 1, 2) && net_hears(&net, 2, 1));
}

static void five_not_four(void)
{
	for (int kind = QD_MSG_HELLO; kind <= QD_MSG_BACK_OK; kind++) {
		lose((enum qd_msg_kind)kind, NET_THRESHOLD - 1, false);
		lose((enum qd_msg_kind)kind, NET_THRESHOLD, true);
	}
}

/* How long after `fate` was set both ends think the other is gone; *apart: between the two. */
static int64_t both_deaf(int64_t *apart)
{
	int64_t first = -1;
	for (int64_t ms = 0; ms < 20L * NET_DELAY_MS; ms++) {
		const bool one = !net_hears(&net, 1, 2);
		const bool two = !net_hears(&net, 2, 1);
		first = first < 0 && (one || two) ? ms : first;
		*apart = ms - first;
		if (one && two)
			return ms;
		net_run_ms(&net, 1);
	}
	return -1;
}

static void same_conclusion(void)
{
	static const struct {
		enum qd_msg_kind kind;
		uint32_t from;
		uint32_t links;
	} cuts[] = {
		{QD_MSG_NONE, 0, 1},	 {QD_MSG_NONE, 1, 0}, {QD_MSG_NONE, 2, 0},
		{QD_MSG_HELLO_OK, 0, 0}, {QD_MSG_BACK, 0, 0}, {QD_MSG_BACK_OK, 0, 0},
	};
	for (size_t i = 0; i < UNIT_COUNT(cuts); i++) {
		for (uint32_t phase_us = 0; phase_us < NET_DELAY_MS * 1000; phase_us += 777) {
			unit_case("cut %zu, phase %" PRIu32 " us", i, phase_us);
			begin(2, 1, 1);
			net_run(&net, qd_mono_add(net.now, qd_span_us(500000 + phase_us)));
			fate.kind = cuts[i].kind;
			fate.left = cuts[i].kind == QD_MSG_NONE ? 0 : UINT32_MAX;
			fate.from = cuts[i].from;
			fate.links = cuts[i].links;
			int64_t apart = 0;
			const int64_t took = both_deaf(&apart);
			if (!UNIT_OK(took >= (NET_THRESHOLD - 1L) * NET_DELAY_MS &&
				     took <= (NET_THRESHOLD + 2L) * NET_DELAY_MS + 4) ||
			    !UNIT_OK(apart <= NET_DELAY_MS + 4))
				return;
			/* and stays so, although some of the messages come through */
			net_run_ms(&net, 1000);
			UNIT_OK(!net_hears(&net, 1, 2) && !net_hears(&net, 2, 1));
			memset(&fate, 0, sizeof(fate));
			net_run_ms(&net, 2L * NET_DELAY_MS + 10);
			UNIT_OK(net_hears(&net, 1, 2) && net_hears(&net, 2, 1));
		}
	}
}

static void one_of_two_links(void)
{
	begin_settled(2);
	fate.links = 1;
	net_run_ms(&net, 2000);
	UNIT_OK(net_hears(&net, 1, 2) && net_hears(&net, 2, 1));
	UNIT_EQUAL(qd_links_to(&net.node[0].links, 2), 2);
	UNIT_EQUAL(qd_links_to(&net.node[1].links, 1), 2);
	UNIT_OK(!net_link(&net, 1, 2, 0)->up && !net_link(&net, 2, 1, 0)->up);
	fate.links = 3;
	net_run_ms(&net, 2000);
	UNIT_OK(!net_hears(&net, 1, 2) && !net_hears(&net, 2, 1));
	UNIT_EQUAL(qd_links_to(&net.node[0].links, 2), 3); /* none is up: try all */
	fate.links = 2;
	net_run_ms(&net, NET_DELAY_MS + 10);
	UNIT_EQUAL(qd_links_to(&net.node[0].links, 2), 1);
	UNIT_EQUAL(qd_links_to(&net.node[1].links, 1), 1);
	UNIT_EQUAL(qd_links_to(&net.node[1].links, 3), 0); /* no peer */
}

static void twice_and_mixed(void)
{
	begin(2, 2, 1);
	net.twice = 100;
	fate.longest =
		qd_span_ms(NET_DELAY_MS / 9); /* three, the second copy of one late, fit into a delay */
	net_run_ms(&net, 20000);
	for (int kind = QD_MSG_HELLO; kind <= QD_MSG_BACK_OK; kind++)
		UNIT_OK(net.sent_by_kind[kind] + 2 >= net.sent_by_kind[QD_MSG_HELLO] &&
			net.sent_by_kind[kind] <= net.sent_by_kind[QD_MSG_HELLO]); /* two may be under way */
	for (uint32_t id = 1; id <= 2; id++) {
		UNIT_OK(net.node[id - 1].links.peers[2 - id].stale > 700);
		UNIT_EQUAL(net_link(&net, id, 3 - id, 0)->lost, 0);
		UNIT_EQUAL(net_link(&net, id, 3 - id, 1)->lost, 0);
	}
	/* much later than they should */
	fate.longest = qd_span_ms(3L * NET_DELAY_MS);
	net_run_ms(&net, 20000);
	UNIT_OK(net_link(&net, 1, 2, 0)->lost > 100);
	fate.longest = qd_span_ms(1);
	net_run_ms(&net, 5L * NET_DELAY_MS);
	UNIT_OK(net_hears(&net, 1, 2) && net_hears(&net, 2, 1));
	UNIT_EQUAL(net.replayed_as_new, 0);
}

/* An answer that comes when the next exchange has begun, or is about to, completes nothing. */
static void late_is_missed(void)
{
	begin(2, 1, 1);
	fate.longest = QD_SPAN_ZERO;
	net_run_ms(&net, 1000);
	const uint64_t before = net_link(&net, 1, 2, 0)->exchanges;
	fate.from = 2;
	net_run_ms(&net, NET_DELAY_MS);
	UNIT_OK(net_link(&net, 1, 2, 0)->exchanges <= before + 1);
	const struct net_packet *last = NULL;
	for (uint32_t i = 0; i < net.kept_count; i++)
		last = net.kept[i].kind == QD_MSG_HELLO_OK ? &net.kept[i] : last;
	UNIT_OK(last != NULL);
	if (last == NULL)
		return;
	const uint64_t number = net_link(&net, 1, 2, 0)->number;
	UNIT_EQUAL(last->echo, number);
	/* at the very deadline, before this node has thought */
	net.now = net_link(&net, 1, 2, 0)->next;
	const uint64_t backs = net.sent_by_kind[QD_MSG_BACK];
	UNIT_EQUAL(net_deliver(&net, last), QD_LINK_NEW);
	UNIT_EQUAL(net.sent_by_kind[QD_MSG_BACK], backs);
}

static void sleeper_accuses_nobody(void)
{
	for (uint32_t id = 1; id <= 2; id++) {
		unit_case("node %" PRIu32, id);
		begin_settled(2);
		net.node[id - 1].asleep = true;
		net_run_ms(&net, 30L * NET_DELAY_MS);
		UNIT_OK(!net_hears(&net, 3 - id, id));
		net.node[id - 1].asleep = false;
		for (uint32_t ms = 0; ms < 3 * NET_DELAY_MS; ms++) {
			if (!UNIT_OK(net_hears(&net, id, 3 - id)))
				break;
			net_run_ms(&net, 1);
		}
		for (uint32_t k = 0; k < 2; k++)
			UNIT_OK(net_link(&net, id, 3 - id, k)->lost <= 1);
		UNIT_OK(net_hears(&net, 3 - id, id));
	}
}

/* ... but one who is late again and again finds out all the same. */
static void sleeper_finds_out(void)
{
	for (uint32_t id = 1; id <= 2; id++) {
		unit_case("node %" PRIu32, id);
		begin_settled(1);
		net.node[2 - id].alive = false;
		for (uint32_t i = 0; i < NET_THRESHOLD + 1; i++) {
			net.node[id - 1].asleep = true;
			net_run_ms(&net, 3L * NET_DELAY_MS);
			net.node[id - 1].asleep = false;
			net_run_ms(&net, 1);
		}
		UNIT_OK(!net_hears(&net, id, 3 - id));
	}
}

static void overflow(void)
{
	static struct qd_link_sends sends;
	static bool seen[QD_NODES_MAX][QD_LINKS_MAX];
	struct qd_links_config c = {.node_id = 1, .session = 7, .peers = qd_set_all() & ~qd_set_of(1)};
	for (uint32_t i = 1; i < QD_NODES_MAX; i++) {
		for (uint32_t k = 0; k < QD_LINKS_MAX; k++)
			c.link[i][k] = (struct qd_link_config){true, qd_span_ms(NET_DELAY_MS), NET_THRESHOLD};
	}
	qd_links_init(&alone, &c, net_ms(50));
	const uint32_t links = (QD_NODES_MAX - 1) * QD_LINKS_MAX;
	uint32_t sent = 0;
	uint32_t calls = 0;
	for (; calls < links && qd_mono_reached(net_ms(50), qd_links_deadline(&alone)); calls++) {
		sends.count = 0;
		qd_links_think(&alone, net_ms(50), &sends);
		UNIT_OK(sends.count <= QD_LINK_SENDS_MAX);
		for (uint32_t i = 0; i < sends.count; i++, sent++) {
			bool *first = &seen[sends.list[i].msg.to - 1][__builtin_ctz(sends.list[i].links)];
			UNIT_OK(!*first);
			*first = true;
		}
	}
	UNIT_EQUAL(sent, links);
	UNIT_EQUAL(calls, (links + QD_LINK_SENDS_MAX - 1) / QD_LINK_SENDS_MAX);
	/* without any room nothing begins, and it stays due */
	sends.count = QD_LINK_SENDS_MAX;
	qd_links_think(&alone, net_ms(500), &sends);
	UNIT_EQUAL(sends.count, QD_LINK_SENDS_MAX);
	UNIT_OK(qd_mono_reached(net_ms(500), qd_links_deadline(&alone)));
}

static void reconfigure(uint32_t id, uint32_t nodes)
{
	const struct qd_links_config c = net_config(&net, id, (UINT64_C(1) << nodes) - 1);
	qd_links_configure(&net.node[id - 1].links, &c, net.now);
}

static void other_times(void)
{
	static const int64_t delays_ms[] = {300, 100, 150, 50, 140};
	for (uint32_t order = 0; order < 2; order++) {
		begin_settled(2);
		for (size_t i = 0; i < UNIT_COUNT(delays_ms); i++) {
			unit_case("%" PRId64 " ms, node %" PRIu32 " first", delays_ms[i], order + 1);
			net.delay = qd_span_ms(delays_ms[i]);
			reconfigure(1 + order, 2);
			net_run_ms(&net, 70);
			reconfigure(2 - order, 2);
			for (uint32_t ms = 0; ms < 2000; ms++) {
				net_run_ms(&net, 1);
				if (!UNIT_OK(net_hears(&net, 1, 2) && net_hears(&net, 2, 1)))
					return;
			}
			const uint64_t before = net_link(&net, 1, 2, 0)->exchanges;
			net_run_ms(&net, 10 * delays_ms[i]);
			UNIT_OK(net_link(&net, 1, 2, 0)->exchanges - before >= 9);
			UNIT_OK(net_link(&net, 1, 2, 0)->exchanges - before <= 11);
			UNIT_EQUAL(qd_links_detection(&net.node[0].links.config).ns,
				   6 * qd_span_ms(delays_ms[i]).ns);
		}
	}
}

static void links_come_and_go(void)
{
	begin_settled(1);
	const uint64_t before = net_link(&net, 1, 2, 0)->exchanges;
	net.links = 3;
	reconfigure(1, 2);
	reconfigure(2, 2);
	net_run_ms(&net, 10);
	UNIT_EQUAL(qd_links_to(&net.node[0].links, 2), 7);
	UNIT_OK(net_link(&net, 1, 2, 0)->exchanges >= before);
	net.links = 1;
	reconfigure(1, 2);
	UNIT_EQUAL(qd_links_to(&net.node[0].links, 2), 1);
	net_run_ms(&net, 1000);
	UNIT_OK(net_hears(&net, 1, 2) && net_hears(&net, 2, 1));
	reconfigure(2, 2);
	/* a third node */
	net_start(&net, 3, 3);
	reconfigure(1, 3);
	reconfigure(2, 3);
	net_run_ms(&net, 10);
	UNIT_EQUAL(qd_links_heard(&net.node[0].links), 6);
	UNIT_EQUAL(qd_links_heard(&net.node[2].links), 3);
	/* is forgotten, and comes back */
	reconfigure(1, 2);
	UNIT_EQUAL(qd_links_heard(&net.node[0].links), 2);
	UNIT_EQUAL(net.node[0].links.peers[2].session, 0);
	net_run_ms(&net, 1000);
	reconfigure(1, 3);
	net_run_ms(&net, 10);
	UNIT_EQUAL(qd_links_heard(&net.node[0].links), 6);
	UNIT_EQUAL(net.replayed_as_new, 0);
}

static void detection(void)
{
	struct qd_links_config c = two_nodes();
	c.peers |= qd_set_of(3);
	UNIT_EQUAL(qd_links_detection(&c).ns, qd_span_ms(600).ns);
	c.link[2][1] = (struct qd_link_config){true, qd_span_ms(1000), 3};
	UNIT_EQUAL(qd_links_detection(&c).ns, qd_span_ms(4000).ns);
	c.link[2][1].used = false;
	UNIT_EQUAL(qd_links_detection(&c).ns, qd_span_ms(600).ns);
	c.link[5][1] = (struct qd_link_config){true, qd_span_ms(4000), 20}; /* no peer */
	UNIT_EQUAL(qd_links_detection(&c).ns, qd_span_ms(600).ns);
}

static void counts_round_trips(void)
{
	begin_settled(1);
	for (uint32_t id = 1; id <= 2; id++) {
		const struct qd_link *link = net_link(&net, id, 3 - id, 0);
		UNIT_EQUAL(link->rtt_ns, 2000 * NET_LATENCY_US);
		UNIT_EQUAL(link->rtt_smooth_ns, 2000 * NET_LATENCY_US);
		UNIT_EQUAL(link->rtt_worst_ns, 2000 * NET_LATENCY_US);
	}
	fate.longest = qd_span_ms(20);
	net_run_ms(&net, 5000);
	fate.longest = QD_SPAN_ZERO;
	net_run_ms(&net, 1000);
	for (uint32_t id = 1; id <= 2; id++) {
		const struct qd_link *link = net_link(&net, id, 3 - id, 0);
		UNIT_EQUAL(link->rtt_ns, 2000 * NET_LATENCY_US);
		UNIT_OK(link->rtt_smooth_ns > 2000L * NET_LATENCY_US);
		UNIT_OK(link->rtt_worst_ns > 25000000 && link->rtt_worst_ns < 40000000);
	}
}

static void names(void)
{
	for (int a = 0; a < QD_MSG_KIND_COUNT; a++) {
		UNIT_OK(qd_msg_kind_name((enum qd_msg_kind)a)[0] != '\0');
		for (int b = 0; b < a; b++)
			UNIT_OK(strcmp(qd_msg_kind_name((enum qd_msg_kind)a),
				       qd_msg_kind_name((enum qd_msg_kind)b)) != 0);
	}
	UNIT_TEXT(qd_msg_kind_name(QD_MSG_RIGHT_ENDED), "right-ended");
	for (int a = 0; a < QD_REFUSAL_COUNT; a++)
		UNIT_OK(qd_refusal_name((enum qd_refusal)a)[0] != '\0');
	UNIT_TEXT(qd_refusal_name(QD_REFUSAL_STUCK), "stuck");
}

static const struct unit_test TESTS[] = {
	{"an impossible configuration ends the process", refuses},
	{"what is not for this node, link or session is dropped", drops_foreign},
	{"an exchange is four messages, and no more", four_messages},
	{"a start is quick, and then the links go their own ways", starts_at_once},
	{"any one lost message is one missed exchange", one_lost},
	{"five missed in a row take a link down, four do not", five_not_four},
	{"both ends come to the same conclusion", same_conclusion},
	{"one of two links is enough", one_of_two_links},
	{"packets may come twice, and in any order", twice_and_mixed},
	{"an answer at the next deadline is too late", late_is_missed},
	{"who slept accuses nobody", sleeper_accuses_nobody},
	{"who is always late finds out all the same", sleeper_finds_out},
	{"sixty-three peers on eight links do not fit into one call", overflow},
	{"delays change without a link going down", other_times},
	{"links and nodes come and go", links_come_and_go},
	{"the detection is that of the slowest link in use", detection},
	{"round trips are counted", counts_round_trips},
	{"every kind and refusal has its name", names},
};

int main(void)
{
	return unit_run("t_link", TESTS, UNIT_COUNT(TESTS));
}
