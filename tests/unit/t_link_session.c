/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions and sequences: restarts of either end, tapes of earlier lives played back, floods, and each check of a packet by
 * itself. */
#include "unit.h"

#include "link_net.h"

static struct net net;

static void hear_one_another(uint32_t a, uint32_t b)
{
	UNIT_OK(net_hears(&net, a, b));
	UNIT_OK(net_hears(&net, b, a));
}

static void one_restarts(void)
{
	for (uint32_t id = 1; id <= 2; id++) {
		for (uint32_t phase_ms = 0; phase_ms < NET_DELAY_MS; phase_ms++) {
			unit_case("node %" PRIu32 ", phase %" PRIu32 " ms", id, phase_ms);
			net_begin(&net, 2, 2, 1);
			net_run_ms(&net, 500 + phase_ms);
			const uint32_t restarts = net.node[2 - id].restarts_seen[id - 1];
			net_start(&net, id, 2);
			net_run_ms(&net, NET_DELAY_MS + 5);
			hear_one_another(1, 2);
			UNIT_EQUAL(net.node[2 - id].restarts_seen[id - 1], restarts + 1);
			UNIT_EQUAL(net.node[id - 1].restarts_seen[2 - id], 1);
			UNIT_EQUAL(net.node[2 - id].links.peers[id - 1].session, net_session(id, 2));
			UNIT_EQUAL(net.node[2 - id].links.peers[id - 1].incarnation, 2);
			net_run_ms(&net, 2L * NET_DELAY_MS);
			UNIT_EQUAL(qd_links_to(&net.node[0].links, 2), 3);
			UNIT_EQUAL(qd_links_to(&net.node[1].links, 1), 3);
			UNIT_EQUAL(net.replayed_as_new + net.came_back, 0);
		}
	}
}

static void both_restart(void)
{
	net_begin(&net, 2, 2, 1);
	net_run_ms(&net, 500);
	net_start(&net, 1, 2);
	net_start(&net, 2, 2);
	net_run_ms(&net, 5);
	hear_one_another(1, 2);
	UNIT_EQUAL(net.node[0].links.peers[1].session, net_session(2, 2));
	UNIT_EQUAL(net.node[1].links.peers[0].session, net_session(1, 2));
}

static void wiped_store(void)
{
	for (uint32_t id = 1; id <= 2; id++) {
		unit_case("node %" PRIu32, id);
		net_begin(&net, 2, 2, 1);
		net.node[id - 1].incarnation = 100;
		net_start(&net, id, 2);
		net_run_ms(&net, 500);
		UNIT_EQUAL(net.node[2 - id].links.peers[id - 1].incarnation, 101);
		net.node[id - 1].incarnation = 0;
		net_start(&net, id, 2);
		net_run_ms(&net, NET_DELAY_MS + 5);
		hear_one_another(1, 2);
		UNIT_EQUAL(net.node[2 - id].links.peers[id - 1].incarnation, 1);
	}
}

/* The links that the dead life had are down the moment the new one is proved, before that one has a link up. */
static void old_links_fall(void)
{
	net_begin(&net, 2, 3, 1);
	net_run_ms(&net, 500);
	UNIT_EQUAL(qd_links_to(&net.node[0].links, 2), 7);
	net_start(&net, 2, 2);
	uint32_t restarts = net.node[0].restarts_seen[1];
	for (uint32_t us = 0; us < 1000 * NET_DELAY_MS && net.node[0].restarts_seen[1] == restarts; us += 100)
		net_run(&net, qd_mono_add(net.now, qd_span_us(100)));
	UNIT_EQUAL(net.node[0].restarts_seen[1], restarts + 1);
	UNIT_OK(!net_hears(&net, 1, 2));
	for (uint32_t k = 0; k < 3; k++)
		UNIT_OK(!net_link(&net, 1, 2, k)->up);
	net_run_ms(&net, 3);
	UNIT_OK(net_hears(&net, 1, 2));
}

/* A session that died within the exchange in which the next one was proved by another link. */
static void dead_session_answers_late(void)
{
	net_begin(&net, 2, 2, 1);
	net_run_ms(&net, 500);
	const uint32_t links_count = net.kept_count;
	while (net.kept[(net.kept_count - 1) % NET_KEPT_MAX].kind != QD_MSG_HELLO_OK ||
	       net.kept_count == links_count || net.kept[(net.kept_count - 1) % NET_KEPT_MAX].link != 1)
		net_run(&net, qd_mono_add(net.now, qd_span_us(10)));
	/* HELLO_OK of life 1 is kept back; life 2 is proved on link 0 meanwhile */
	const struct net_packet late = net.kept[(net.kept_count - 1) % NET_KEPT_MAX];
	net.flying_count = 0;
	net_start(&net, 2, 2);
	net_link(&net, 1, 2, 0)->next = net.now;
	net.node[0].links.deadline = net.now;
	net_run_ms(&net, 5);
	UNIT_EQUAL(net.node[0].links.peers[1].session, net_session(2, 2));
	UNIT_EQUAL(net_link(&net, 1, 2, 1)->number, late.echo); /* the exchange is still the same */
	UNIT_EQUAL(net_deliver(&net, &late), QD_LINK_DROP);
	UNIT_EQUAL(net.node[0].links.peers[1].session, net_session(2, 2));
}

static enum qd_link_verdict news(uint64_t sequence)
{
	const struct net_packet p = {
		.kind = QD_MSG_NEWS,
		.from = 1,
		.to = 2,
		.from_session = net_session(1, 1),
		.to_session = net_session(2, 1),
		.sequence = sequence,
	};
	return net_deliver(&net, &p);
}

static void window(void)
{
	net_begin(&net, 2, 1, 1);
	net_run_ms(&net, 50);
	UNIT_EQUAL(news(1000), QD_LINK_NEW);
	UNIT_EQUAL(news(1000), QD_LINK_DROP);
	UNIT_EQUAL(news(1000 - QD_REPLAY_WINDOW), QD_LINK_DROP);
	UNIT_EQUAL(news(1000 - QD_REPLAY_WINDOW + 1), QD_LINK_NEW);
	UNIT_EQUAL(news(1000 - QD_REPLAY_WINDOW + 1), QD_LINK_DROP);
	UNIT_EQUAL(news(999), QD_LINK_NEW);
	UNIT_EQUAL(news(1001), QD_LINK_NEW);
	UNIT_EQUAL(news(999), QD_LINK_DROP);
	UNIT_EQUAL(news(1001 - QD_REPLAY_WINDOW), QD_LINK_DROP);
	UNIT_EQUAL(news(1001 - QD_REPLAY_WINDOW + 1), QD_LINK_NEW);
	UNIT_EQUAL(news(1001 + QD_REPLAY_WINDOW - 1), QD_LINK_NEW);
	UNIT_EQUAL(news(1001), QD_LINK_DROP);
	UNIT_EQUAL(news(1002), QD_LINK_NEW);
	UNIT_EQUAL(news(3000), QD_LINK_NEW);
	UNIT_EQUAL(news(3000 - 1), QD_LINK_NEW);
	UNIT_EQUAL(news(3000), QD_LINK_DROP);
	/* what an overtaken one says of the sender is old */
	const uint64_t incarnation = net.node[1].links.peers[0].incarnation;
	net.node[1].links.peers[0].incarnation = 77;
	UNIT_EQUAL(news(2998), QD_LINK_NEW);
	UNIT_EQUAL(net.node[1].links.peers[0].incarnation, 77);
	UNIT_OK(incarnation != 77);
	const struct qd_msg overtaken = {.from = 1, .from_session = net_session(1, 1), .sequence = 2999};
	const struct qd_msg last = {.from = 1, .from_session = net_session(1, 1), .sequence = 3000};
	UNIT_OK(!qd_links_newest(&net.node[1].links, &overtaken));
	UNIT_OK(qd_links_newest(&net.node[1].links, &last));
}

/* A packet that nobody sends: each check stands by itself, although another one would have been enough. */
static struct net_packet forged(enum qd_msg_kind kind, uint32_t from, uint64_t sequence, uint64_t echo)
{
	return (struct net_packet){
		.kind = kind,
		.from = from,
		.to = 3 - from,
		.from_session = net_session(from, 1),
		.to_session = net_session(3 - from, 1),
		.sequence = sequence,
		.number = 77,
		.echo = echo,
	};
}

/* The lower id begins on all its links, and nothing of it arrives. */
static void begin_exchange(void)
{
	net_begin(&net, 2, 2, 1);
	net_run_ms(&net, 500);
	for (uint32_t k = 0; k < 2; k++)
		net_link(&net, 1, 2, k)->next = net.now;
	net.node[0].links.deadline = net.now;
	net_think(&net, 1);
	net.flying_count = 0;
}

static void forged_to_the_lower(void)
{
	begin_exchange();
	const struct qd_link *link = net_link(&net, 1, 2, 0);
	const uint64_t *backs = &net.sent_by_kind[QD_MSG_BACK];
	const uint64_t before = *backs;
	struct net_packet p = forged(QD_MSG_HELLO_OK, 2, 3000, link->number);
	p.from_session = net_session(2, 2);
	p.to_session = net_session(1, 2);
	UNIT_EQUAL(net_deliver(&net, &p), QD_LINK_DROP); /* to another life of this node */
	p = forged(QD_MSG_HELLO_OK, 2, 3001, link->number + 1);
	UNIT_EQUAL(net_deliver(&net, &p), QD_LINK_NEW);
	UNIT_EQUAL(*backs, before);
	p = forged(QD_MSG_HELLO_OK, 2, 3002, link->number);
	p.number = 0;
	UNIT_EQUAL(net_deliver(&net, &p), QD_LINK_NEW);
	UNIT_EQUAL(*backs, before);
	p = forged(QD_MSG_HELLO_OK, 2, 3003, link->number);
	UNIT_EQUAL(net_deliver(&net, &p), QD_LINK_NEW);
	UNIT_EQUAL(*backs, before + 1);
	p.sequence++;
	UNIT_EQUAL(net_deliver(&net, &p), QD_LINK_NEW);
	UNIT_EQUAL(*backs, before + 1); /* once an exchange */
	p = forged(QD_MSG_BACK_OK, 2, 3005, link->number + 1);
	UNIT_EQUAL(net_deliver(&net, &p), QD_LINK_NEW);
	UNIT_OK(!link->complete);
	net.now = link->next;
	p = forged(QD_MSG_BACK_OK, 2, 3006, link->number);
	UNIT_EQUAL(net_deliver(&net, &p), QD_LINK_NEW);
	UNIT_OK(!link->complete); /* too late */
}

static void forged_by_a_new_life(void)
{
	begin_exchange();
	const uint64_t answered = net_link(&net, 1, 2, 1)->number;
	struct net_packet p = forged(QD_MSG_HELLO_OK, 2, 3000, answered);
	p.link = 1;
	UNIT_EQUAL(net_deliver(&net, &p), QD_LINK_NEW);
	p = forged(QD_MSG_HELLO_OK, 2, 1, net_link(&net, 1, 2, 0)->number);
	p.from_session = net_session(2, 2);
	UNIT_EQUAL(net_deliver(&net, &p), QD_LINK_RESTART);
	/* the earlier life has answered on that link: the new one cannot complete it */
	p = forged(QD_MSG_BACK_OK, 2, 2, answered);
	p.from_session = net_session(2, 2);
	p.link = 1;
	UNIT_EQUAL(net_deliver(&net, &p), QD_LINK_NEW);
	UNIT_OK(!net_link(&net, 1, 2, 1)->up);
}

static void forged_to_the_higher(void)
{
	net_begin(&net, 2, 1, 1);
	net_run_ms(&net, 500);
	const struct qd_link *link = net_link(&net, 2, 1, 0);
	const uint64_t *done = &net.sent_by_kind[QD_MSG_BACK_OK];
	const uint64_t before = *done;
	struct net_packet p = forged(QD_MSG_HELLO, 1, 3000, 0);
	UNIT_EQUAL(net_deliver(&net, &p), QD_LINK_NEW);
	p = forged(QD_MSG_BACK, 1, 3001, link->number);
	UNIT_EQUAL(net_deliver(&net, &p), QD_LINK_NEW);
	UNIT_EQUAL(*done, before + 1);
	p.sequence++;
	UNIT_EQUAL(net_deliver(&net, &p), QD_LINK_NEW);
	UNIT_EQUAL(*done, before + 1); /* once an exchange */
	p = forged(QD_MSG_HELLO, 1, 1, 0);
	p.from_session = net_session(1, 2);
	UNIT_EQUAL(net_deliver(&net, &p), QD_LINK_DROP);
	p = forged(QD_MSG_BACK, 1, 2, link->fresh.number);
	p.from_session = net_session(1, 2);
	p.to_session = net_session(2, 2);
	UNIT_EQUAL(net_deliver(&net, &p), QD_LINK_DROP); /* to another life of this node */
	UNIT_EQUAL(net.node[1].links.peers[0].session, net_session(1, 1));
	p.to_session = net_session(2, 1);
	UNIT_EQUAL(net_deliver(&net, &p), QD_LINK_RESTART);
	UNIT_EQUAL(*done, before + 2);
}

/* The same seed in two lives draws different numbers. */
static void numbers_differ(void)
{
	begin_exchange();
	const uint64_t first = net.kept[0].number;
	net_start(&net, 1, 2);
	const uint32_t at = net.kept_count;
	net_think(&net, 1);
	UNIT_OK(net.kept[at].kind == QD_MSG_HELLO && net.kept[at].number != first);
}

static void addresses(void)
{
	static struct qd_msg m;
	net_begin(&net, 3, 1, 1);
	m.to = 2;
	UNIT_OK(!qd_links_address(&net.node[0].links, &m)); /* nothing is proved yet */
	net_run_ms(&net, 50);
	for (uint32_t i = 0; i < 3; i++) {
		m = (struct qd_msg){.kind = QD_MSG_PREPARE, .to = 2};
		UNIT_OK(qd_links_address(&net.node[0].links, &m));
		net_send(&net, &m, 0);
	}
	const uint32_t before = net.node[1].new_seen[0];
	net_run_ms(&net, 5);
	UNIT_EQUAL(net.node[1].new_seen[0], before + 3);
	m.to = 1;
	UNIT_OK(!qd_links_address(&net.node[0].links, &m));
	m.to = 4;
	UNIT_OK(!qd_links_address(&net.node[0].links, &m));
}

/* Play back everything that was ever sent from one node to the other. How many packets that brought forth. */
static uint32_t play_back(uint32_t from, uint32_t to, bool backwards)
{
	const uint32_t count = net.kept_count;
	qd_assert(count < NET_KEPT_MAX / 2);
	for (uint32_t i = 0; i < count; i++) {
		const struct net_packet p = net.kept[backwards ? count - 1 - i : i];
		if (p.from == from && p.to == to)
			UNIT_EQUAL(net_deliver(&net, &p), QD_LINK_DROP);
	}
	return net.kept_count - count;
}

static uint32_t hellos(uint32_t from, uint32_t to)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < net.kept_count; i++)
		count += net.kept[i].kind == QD_MSG_HELLO && net.kept[i].from == from && net.kept[i].to == to
				 ? 1
				 : 0;
	return count;
}

static void old_tapes(void)
{
	for (uint32_t i = 0; i < 16; i++) {
		const bool backwards = (i & 1u) != 0;
		const uint32_t from = 1 + (i >> 1 & 1u);
		const uint32_t restarted = i >> 2; /* 0: nobody; 3: both */
		unit_case("from %" PRIu32 ", restarted %" PRIu32 ", backwards %d", from, restarted,
			  backwards);
		net_begin(&net, 2, 2, 1);
		net_run_ms(&net, 1500);
		for (uint32_t id = 1; id <= 2; id++) {
			if ((restarted & id) != 0)
				net_start(&net, id, 2);
		}
		net_run_ms(&net, NET_DELAY_MS + 5);
		const uint64_t sessions[2] = {net.node[0].links.peers[1].session,
					      net.node[1].links.peers[0].session};
		const uint32_t asked = hellos(from, 3 - from);
		const uint32_t brought = play_back(from, 3 - from, backwards);
		UNIT_OK(restarted == 0 ? brought == 0 : brought <= asked);
		UNIT_EQUAL(net.node[0].links.peers[1].session, sessions[0]);
		UNIT_EQUAL(net.node[1].links.peers[0].session, sessions[1]);
		net_run_ms(&net, 5);
		hear_one_another(1, 2);
		/* now with the sender dead */
		net.node[from - 1].alive = false;
		for (uint32_t ms = 0; ms < 8 * NET_DELAY_MS; ms += 100) {
			(void)play_back(from, 3 - from, backwards);
			net_run_ms(&net, 100);
		}
		UNIT_OK(!net_hears(&net, 3 - from, from));
	}
}

static void of_another_pair(void)
{
	static struct qd_link_sends sends;
	net_begin(&net, 3, 1, 1);
	net_run_ms(&net, 1000);
	for (uint32_t i = 0; i < net.kept_count; i++) {
		const struct net_packet *p = &net.kept[i];
		const struct qd_msg m = net_message(p);
		for (uint32_t id = 1; id <= 3; id++) {
			if (id != p->to)
				UNIT_EQUAL(qd_links_receive(&net.node[id - 1].links, &m, 0, net.now, &sends),
					   QD_LINK_DROP);
		}
	}
	UNIT_EQUAL(sends.count, 0);
}

/* Earlier lives' HELLOs, all the time: a new life is heard all the same, and nothing changes but a counter. */
static void flood(void)
{
	net_begin(&net, 2, 1, 1);
	net_run_ms(&net, 500);
	net_start(&net, 1, 2);
	net_run_ms(&net, 500);
	const uint32_t tape = net.kept_count;
	net_start(&net, 1, 2);
	uint64_t sent = net.sent_by_kind[QD_MSG_HELLO_OK];
	uint32_t asked = 0;
	for (uint32_t us = 0; us < 5000; us += 100) {
		for (uint32_t i = 0; i < tape; i++) {
			if (net.kept[i].kind != QD_MSG_HELLO)
				continue;
			asked++;
			(void)net_deliver(&net, &net.kept[i]); /* judged there */
		}
		net_run(&net, qd_mono_add(net.now, qd_span_us(100)));
	}
	sent = net.sent_by_kind[QD_MSG_HELLO_OK] - sent;
	UNIT_OK(asked > 500);
	UNIT_OK(sent <= asked);
	UNIT_EQUAL(net.node[1].links.peers[0].session, net_session(1, 3));
	hear_one_another(1, 2);
	UNIT_EQUAL(net.replayed_as_new + net.came_back, 0);
}

static const struct unit_test TESTS[] = {
	{"a node that restarts is heard again within a delay", one_restarts},
	{"two nodes that restart at once hear each other", both_restart},
	{"an incarnation may go back: the session decides", wiped_store},
	{"the links of a dead session are down at once", old_links_fall},
	{"a dead session that answers late does not come back", dead_session_answers_late},
	{"a sequence is taken once, in a window", window},
	{"what nobody sends completes nothing at the lower id", forged_to_the_lower},
	{"... nor anything of an earlier life's", forged_by_a_new_life},
	{"... nor at the higher id", forged_to_the_higher},
	{"no number is drawn in two lives", numbers_differ},
	{"an envelope is complete, or there is none", addresses},
	{"old tapes bring nothing, whoever restarted", old_tapes},
	{"packets of another pair are nothing", of_another_pair},
	{"a flood of old lives keeps no new one out", flood},
};

int main(void)
{
	return unit_run("t_link_session", TESTS, UNIT_COUNT(TESTS));
}
