/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams over real sockets on loopback: batches, sizes, strangers, what is counted. */
#include "drv/netpair.h"
#include "drv/rig.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	A = NETPAIR_A,
	B = NETPAIR_B,
	BURST = 300,  /* more than fits into a queue */
	FLOOD = 2000, /* more than fits into a small receive buffer */
	RATE_PACKETS = 100000,
	RATE_TURN = 100, /* packets queued in a turn */
};

static void every_link_asked_for_carries_it(void)
{
	struct qd_net_config c = netpair_loopback();
	netpair_address(&c.peer[A - 1][3], "127.0.3.1");
	netpair_address(&c.peer[B - 1][3], "127.0.3.2");
	netpair_address(&c.peer[A - 1][7], "127.0.7.1"); /* B has none there */
	netpair_begin(NULL, &c);
	memcpy(pair.payload, "hello", 5);
	CHECK(qd_net_send(pair.a.net, B, 0xff, pair.payload, 5) == 0x09);
	CHECK(qd_net_send(pair.a.net, B, 0x06, pair.payload, 5) == 0);
	netns_quiet(&pair.loop, 20);
	CHECK(pair.b.received == 0); /* queued until the end of the turn */
	qd_net_flush(pair.a.net);
	CHECK(netpair_received(&pair.b, 2) && pair.a.received == 0);
	CHECK(netpair_count(&pair.b, 0)->received == 1 && netpair_count(&pair.b, 3)->received == 1);
	CHECK(pair.b.last_len == 5 && memcmp(pair.b.last, "hello", 5) == 0);
	CHECK(qd_net_send(pair.b.net, A, 1u << 3, pair.payload, 4) == 1u << 3);
	qd_net_flush(pair.b.net);
	CHECK(netpair_received(&pair.a, 1) && pair.a.last_link == 3 && pair.a.last_len == 4);
	CHECK(netpair_count(&pair.a, 0)->sent == 1 && netpair_count(&pair.a, 0)->sent_bytes == 5 &&
	      netpair_count(&pair.a, 7)->sent == 0);
	netpair_end();
}

static void a_burst_arrives_in_order(void)
{
	const struct qd_net_config c = netpair_loopback();
	netpair_begin(NULL, &c);
	for (uint32_t i = 0; i < BURST; i++) {
		memcpy(pair.payload, &i, sizeof i);
		CHECK(qd_net_send(pair.a.net, B, 1, pair.payload, 4) == 1);
	}
	qd_net_flush(pair.a.net);
	CHECK(netpair_received(&pair.b, BURST) && pair.b.received == BURST && pair.b.in_order);
	netpair_end();
}

static void the_largest_arrives_whole(void)
{
	static const char *const pairs[][2] = {{"127.0.0.1", "127.0.0.2"}, {"::1", "::1"}};
	for (size_t i = 0; i < sizeof pair.payload; i++)
		pair.payload[i] = (uint8_t)(i * 7 + i / 256);
	for (int i = 0; i < 2; i++) {
		struct qd_net_config c = netpair_link(rig_free_port(), pairs[i][0], pairs[i][1]);
		CHECK(qd_loop_open(&pair.loop) == 0);
		netpair_open(&pair.a, NULL, &c, A); /* IPv6 has one loopback address: A writes to itself */
		pair.b = (struct netnode){0};
		if (i == 0)
			netpair_open(&pair.b, NULL, &c, B);
		struct netnode *to = i == 0 ? &pair.b : &pair.a;
		for (int n = 1; n <= 5; n++) { /* together more than the queue's room */
			CHECK(qd_net_send(pair.a.net, B, 1, pair.payload, sizeof pair.payload) == 1);
		}
		qd_net_flush(pair.a.net);
		CHECK(netpair_received(to, 5) && to->last_len == sizeof pair.payload);
		CHECK(memcmp(to->last, pair.payload, sizeof pair.payload) == 0);
		CHECK(netpair_count(to, 0)->received_bytes == 5 * sizeof pair.payload);
		netpair_end();
	}
}

static void write_to(int fd, const char *text, uint16_t port, size_t len)
{
	struct qd_address at;
	struct sockaddr_storage sock;
	netpair_address(&at, text);
	const socklen_t sock_len = qd_address_to_sock(&at, NULL, port, &sock);
	CHECK(sendto(fd, pair.payload, len, 0, (const struct sockaddr *)&sock, sock_len) == (ssize_t)len);
}

static void strangers_are_heard_and_never_answered(void)
{
	const struct qd_net_config c = netpair_loopback();
	uint8_t got[8];
	uint16_t port = 0;
	netpair_begin(NULL, &c);
	const int fd = netpair_stranger("127.0.0.9", c.port);
	write_to(fd, "127.0.0.2", c.port, 4);
	CHECK(netpair_received(&pair.b, 1));
	const struct qd_address from = qd_address_from_sock(&pair.b.from, &port);
	CHECK(port == c.port && from.bytes[3] == 9);
	netpair_send(&pair.b, A, 1, 4); /* to where A is configured, not to where the last one came from */
	CHECK(netpair_received(&pair.a, 1));
	CHECK(recv(fd, got, sizeof got, 0) < 0 && errno == EAGAIN);
	(void)close(fd);
	netpair_end();
}

static void nobody_listens_and_nothing_breaks(void)
{
	const struct qd_net_config c = netpair_loopback();
	netpair_begin(NULL, &c);
	qd_net_close(pair.b.net);
	for (int i = 0; i < 10; i++)
		netpair_send(&pair.a, B, 1, 4); /* each but the first after a "port unreachable" */
	CHECK(netpair_count(&pair.a, 0)->sent == 10 && qd_net_link(pair.a.net, 0)->last_error == 0);
	netpair_open(&pair.b, NULL, &c, B);
	netpair_send(&pair.a, B, 1, 4);
	CHECK(netpair_received(&pair.b, 1));
	netpair_end();
}

static void a_full_receive_buffer_is_counted(void)
{
	struct qd_net_config c = netpair_loopback();
	c.receive_buffer_bytes = 65536;
	netpair_begin(NULL, &c);
	CHECK(qd_net_link(pair.b.net, 0)->receive_buffer_bytes == 2 * 65536); /* socket(7): doubled */
	for (uint64_t round = 1; round <= 2; round++) {
		for (int i = 1; i < FLOOD; i++)
			netpair_send(&pair.a, B, 1, 1000);
		netns_quiet(&pair.loop, 100);
		const uint64_t before = pair.b.received;
		CHECK(before > 0 && before < round * FLOOD);
		netpair_send(&pair.a, B, 1, 1000); /* carries the count */
		CHECK(netpair_received(&pair.b, before + 1) &&
		      netpair_count(&pair.a, 0)->sent == round * FLOOD);
		CHECK(netpair_count(&pair.b, 0)->dropped == round * FLOOD - pair.b.received);
	}
	CHECK(qd_net_link(pair.b.net, 0)->missing == 0);
	netpair_end();
}

static void what_is_too_long_is_counted(void)
{
	static uint8_t longer[QD_NET_PAYLOAD_MAX + 20];
	const struct qd_net_config c = netpair_link(rig_free_port(), "::1", "::1");
	struct sockaddr_storage sock;
	CHECK(qd_loop_open(&pair.loop) == 0);
	netpair_open(&pair.a, NULL, &c, A);
	const int fd = netpair_stranger("::1", 0);
	const socklen_t len = qd_address_to_sock(&c.peer[A - 1][0], NULL, c.port, &sock);
	CHECK(sendto(fd, longer, sizeof longer, 0, (const struct sockaddr *)&sock, len) == sizeof longer);
	write_to(fd, "::1", c.port, 4);
	CHECK(netpair_received(&pair.a, 1) && pair.a.last_len == 4 &&
	      netpair_count(&pair.a, 0)->too_long == 1);
	(void)close(fd);
	qd_net_close(pair.a.net);
	qd_loop_close(&pair.loop);
}

static bool b_is_open(void *context)
{
	(void)context;
	qd_net_think(pair.b.net, qd_clock_now());
	return qd_net_link(pair.b.net, 0)->open;
}

static void a_port_that_is_taken_is_tried_again(void)
{
	const struct qd_net_config c = netpair_loopback();
	const int fd = netpair_stranger("127.0.0.2", c.port);
	netpair_begin(NULL, &c);
	CHECK(!qd_net_link(pair.b.net, 0)->open && qd_net_link(pair.b.net, 0)->open_error == -EADDRINUSE);
	CHECK(!qd_mono_is_never(qd_net_deadline(pair.b.net)) &&
	      qd_mono_is_never(qd_net_deadline(pair.a.net)));
	CHECK(qd_net_send(pair.b.net, A, 1, pair.payload, 4) == 0 &&
	      netpair_count(&pair.b, 0)->not_open == 1);
	qd_net_flush(pair.b.net);
	(void)close(fd);
	CHECK(netns_until(&pair.loop, b_is_open, NULL));
	CHECK(qd_mono_is_never(qd_net_deadline(pair.b.net)) && qd_net_link(pair.b.net, 0)->open_error == 0);
	CHECK(netpair_passes(4));
	netpair_end();
}

static void a_new_configuration_keeps_what_stays(void)
{
	struct qd_net_config c = netpair_loopback();
	netpair_address(&c.peer[A - 1][1], "127.0.1.1");
	netpair_address(&c.peer[B - 1][1], "127.0.1.2");
	netpair_begin(NULL, &c);
	netpair_send(&pair.a, B, 3, 4);
	CHECK(netpair_received(&pair.b, 2));
	netpair_address(&c.peer[B - 1][1], "127.0.2.2"); /* moves */
	netpair_address(&c.peer[A - 1][2], "127.0.4.1"); /* comes */
	netpair_address(&c.peer[B - 1][2], "127.0.4.2");
	memcpy(c.local, c.peer[B - 1], sizeof c.local);
	netpair_send(&pair.a, B, 1, 4); /* on its way while B changes */
	qd_net_configure(pair.b.net, &c, qd_clock_now());
	memcpy(c.local, c.peer[A - 1], sizeof c.local);
	CHECK(qd_net_send(pair.a.net, B, 2, pair.payload, 4) ==
	      2); /* queued for the old address: it leaves before the change */
	qd_net_configure(pair.a.net, &c, qd_clock_now());
	CHECK(netpair_received(&pair.b, 3));
	CHECK(qd_net_send(pair.a.net, B, 7, pair.payload, 4) == 7);
	qd_net_flush(pair.a.net);
	CHECK(netpair_received(&pair.b, 6) && netpair_count(&pair.b, 2)->received == 1);
	CHECK(netpair_count(&pair.b, 0)->opened == 1 && netpair_count(&pair.b, 0)->received == 3);
	CHECK(netpair_count(&pair.b, 1)->opened == 2 && netpair_count(&pair.b, 1)->received == 2);
	c.local[1] = (struct qd_address){0}; /* goes */
	qd_net_configure(pair.a.net, &c, qd_clock_now());
	CHECK(!qd_net_link(pair.a.net, 1)->open && qd_net_send(pair.a.net, B, 2, pair.payload, 4) == 0);
	CHECK(netpair_count(&pair.a, 1)->not_open == 0 && qd_mono_is_never(qd_net_deadline(pair.a.net)));
	netpair_end();
}

static void families_are_not_mixed(void)
{
	struct qd_net_config c = netpair_link(rig_free_port(), "127.0.0.1", "::1");
	CHECK(qd_loop_open(&pair.loop) == 0);
	netpair_open(&pair.a, NULL, &c, A);
	CHECK(qd_net_send(pair.a.net, B, 1, pair.payload, 4) == 0 &&
	      netpair_count(&pair.a, 0)->not_open == 1);
	qd_net_close(pair.a.net);
	qd_loop_close(&pair.loop);
}

/* How many packets a second, and what one costs: sending and receiving together, in one thread. */
static void measure(size_t len)
{
	const struct qd_net_config c = netpair_loopback();
	struct rusage before, after;
	netpair_begin(NULL, &c);
	CHECK(getrusage(RUSAGE_SELF, &before) == 0);
	const struct qd_mono begun = qd_clock_now();
	for (uint32_t sent = 0; sent < RATE_PACKETS; sent += RATE_TURN) {
		for (uint32_t i = 0; i < RATE_TURN; i++)
			(void)qd_net_send(pair.a.net, B, 1, pair.payload, len);
		qd_net_flush(pair.a.net);
		if (!netpair_received(&pair.b, sent + RATE_TURN))
			break;
	}
	const int64_t ns = qd_mono_sub(qd_clock_now(), begun).ns;
	CHECK(getrusage(RUSAGE_SELF, &after) == 0);
	CHECK(pair.b.received == RATE_PACKETS && netpair_count(&pair.b, 0)->dropped == 0);
	const int64_t us = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 +
			   (after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1000000 +
			   (after.ru_utime.tv_usec - before.ru_utime.tv_usec) +
			   (after.ru_stime.tv_usec - before.ru_stime.tv_usec);
	printf("  %zu bytes: %lld packets/s, %lld ns of processor time each\n", len,
	       (long long)RATE_PACKETS * 1000000000 / (ns > 0 ? ns : 1), (long long)us * 1000 / RATE_PACKETS);
	netpair_end();
}

static void a_hundred_thousand_pass_without_loss(void)
{
	measure(4);
	measure(600);
}

int main(int argc, char **argv)
{
	static const struct rig_test tests[] = {
		{"what is too long is counted and not handed on", what_is_too_long_is_counted},
		{"a full receive buffer is counted", a_full_receive_buffer_is_counted},
		{"nobody listens and nothing breaks", nobody_listens_and_nothing_breaks},
		{"a port that is taken is tried again", a_port_that_is_taken_is_tried_again},
		{"strangers are heard and never answered", strangers_are_heard_and_never_answered},
		{"families are not mixed", families_are_not_mixed},
		{"every link asked for carries it", every_link_asked_for_carries_it},
		{"a burst arrives in order", a_burst_arrives_in_order},
		{"the largest datagram arrives whole", the_largest_arrives_whole},
		{"a new configuration keeps what stays", a_new_configuration_keeps_what_stays},
		{"a hundred thousand pass without loss", a_hundred_thousand_pass_without_loss},
	};
	return rig_main("t_net_udp", tests, sizeof tests / sizeof tests[0], argc, argv);
}
