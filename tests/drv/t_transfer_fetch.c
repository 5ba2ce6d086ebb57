/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching from servers that are wrong, slow, have no key or lie, and over networks that fail. The server is played by
 * hand, with the driver's own encoding. */
#include "drv/rig.h"
#include "drv/transfer_wire.h"
#include "drv/transferrig.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
	BODY = 100000, /* six whole chunks and a part of one */
	SEALED_MAX = BODY + 7 * QD_TRANSFER_SEAL,
	REPLY_AT = QD_TRANSFER_WELCOME_BYTES,
	BODY_AT = REPLY_AT + QD_TRANSFER_REPLY_BYTES,
	PLAY_MAX = BODY_AT + SEALED_MAX,
	SLOW_MS = 600, /* less than a phase; seven times more than a body may take */
};

/* How the server misbehaves. */
enum fault {
	FAULT_NONE = 0, /* not at all: the play itself works */
	FAULT_CLOSES,
	FAULT_NOISE,
	FAULT_OTHER_KEY,
	FAULT_SILENT,
	FAULT_NO_REPLY,
	FAULT_STOPS,	 /* in the middle of the body, without closing */
	FAULT_TRUNCATED, /* and closes */
	FAULT_DRIPS,	 /* a byte a millisecond: something always comes */
	FAULT_SLOW,	 /* a chunk now and then */
	FAULT_TOO_LARGE,
	FAULT_OTHER_BODY,
	FAULT_SHORT,	  /* a length that is less than what follows */
	FAULT_ENDS_EARLY, /* says "last" in the middle */
	FAULT_NO_END,	  /* never says "last" */
	FAULT_NO_BODY,	  /* a length, and says "last" already there */
	FAULT_SWAPPED,	  /* two chunks in the wrong order */
	FAULT_COUNT,
};

/* A server by hand: everything that it will say is made when the hello is there. */
struct play {
	enum fault fault;
	int listener;
	int fd;
	uint8_t hello[QD_TRANSFER_HELLO_BYTES];
	size_t got;
	uint8_t say[PLAY_MAX];
	size_t said, len;
	struct qd_mono next; /* word of one that is slow */
	size_t tamper;	     /* byte of what it says that is changed; 0: none */
};

static struct play play;

static void play_open(enum fault fault)
{
	struct sockaddr_storage sock;
	const int one = 1;
	play = (struct play){.fault = fault, .fd = -1};
	const socklen_t len = qd_address_to_sock(&tr.want.to, NULL, tr.port, &sock);
	play.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CHECK(play.listener >= 0 &&
	      setsockopt(play.listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
	      bind(play.listener, (const struct sockaddr *)&sock, len) == 0 && listen(play.listener, 4) == 0);
}

static void play_close(void)
{
	if (play.fd >= 0)
		(void)close(play.fd);
	play.fd = -1;
	(void)close(play.listener);
}

static void say_body(struct qd_transfer_streams *s)
{
	uint8_t *to = play.say + BODY_AT;
	for (size_t at = 0; at < BODY; at += QD_TRANSFER_CHUNK) {
		const size_t left = BODY - at, len = left < QD_TRANSFER_CHUNK ? left : QD_TRANSFER_CHUNK;
		bool last = len == left && play.fault != FAULT_NO_END;
		if (play.fault == FAULT_ENDS_EARLY && at == QD_TRANSFER_CHUNK)
			last = true;
		qd_transfer_seal(s, tr.bytes + at + (play.fault == FAULT_OTHER_BODY ? 1 : 0), len, last, to);
		to += len + QD_TRANSFER_SEAL;
	}
	if (play.fault == FAULT_SWAPPED) {
		const size_t each = QD_TRANSFER_CHUNK + QD_TRANSFER_SEAL;
		memcpy(tr.b.body, play.say + BODY_AT, each);
		memmove(play.say + BODY_AT, play.say + BODY_AT + each, each);
		memcpy(play.say + BODY_AT + each, tr.b.body, each);
	}
}

/* Everything, sealed as an honest server would, but for the fault. The question needs not be read for it. */
static void prepare(void)
{
	static const uint8_t other[QD_TRANSFER_KEY_BYTES] = {4};
	struct qd_transfer_streams s;
	size_t length = BODY;
	if (play.fault == FAULT_TOO_LARGE)
		length = TR_LARGE + 1;
	else if (play.fault == FAULT_SHORT)
		length = BODY - 1;
	const uint8_t status[QD_TRANSFER_STATUS_BYTES] = {0, 0, (uint8_t)(length >> 16),
							  (uint8_t)(length >> 8), (uint8_t)length};
	qd_transfer_welcome_encode(&s, play.hello, play.fault == FAULT_OTHER_KEY ? other : tr_key.key,
				   play.say);
	qd_transfer_seal(&s, status, sizeof status, play.fault == FAULT_NO_BODY, play.say + REPLY_AT);
	say_body(&s);
	play.len = PLAY_MAX;
	if (play.fault == FAULT_NOISE)
		memcpy(play.say, tr.bytes, QD_TRANSFER_WELCOME_BYTES);
	else if (play.fault == FAULT_NO_REPLY)
		play.len = REPLY_AT;
	else if (play.fault == FAULT_STOPS || play.fault == FAULT_TRUNCATED)
		play.len = BODY_AT + BODY / 2;
	play.say[play.tamper] ^= play.tamper != 0 ? 0x10 : 0;
}

/* How much it says now. */
static size_t due(void)
{
	const size_t left = play.len - play.said;
	size_t piece = play.fault == FAULT_DRIPS ? 1 : QD_TRANSFER_CHUNK + QD_TRANSFER_SEAL;
	if (play.fault != FAULT_DRIPS && play.fault != FAULT_SLOW)
		return left;
	if (play.said < BODY_AT)
		return BODY_AT - play.said;
	if (!rig_over(play.next))
		piece = 0;
	return left < piece ? left : piece;
}

/* One step, as far as it goes now. */
static void move(void)
{
	if (play.fd < 0) {
		play.fd = accept4(play.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		return;
	}
	if (play.fault == FAULT_SILENT)
		return;
	if (play.fault == FAULT_CLOSES) {
		(void)close(play.fd);
		play.fault = FAULT_SILENT;
		play.fd = -1;
		return;
	}
	if (play.got < sizeof play.hello) {
		const ssize_t n = recv(play.fd, play.hello + play.got, sizeof play.hello - play.got, 0);
		play.got += n > 0 ? (size_t)n : 0;
		if (play.got == sizeof play.hello)
			prepare();
		return;
	}
	const ssize_t n = send(play.fd, play.say + play.said, due(), MSG_NOSIGNAL);
	play.said += n > 0 ? (size_t)n : 0;
	if (n > 0)
		play.next = rig_deadline(play.fault == FAULT_SLOW ? SLOW_MS : 1);
	if (play.said == play.len && play.fault == FAULT_TRUNCATED)
		(void)shutdown(play.fd, SHUT_RDWR);
}

static bool ends_with(enum fault fault, size_t tamper, enum qd_transfer_result result)
{
	play_open(fault);
	play.tamper = tamper;
	const bool good = tr_fetch() != 0 && tr_ended_with(result, move);
	play_close();
	if (!good)
		printf("  fault %d, tampered with %zu\n", (int)fault, tamper);
	return good;
}

/* A is there, and B is played; its body is what A wants. */
static void begin(void)
{
	tr_begin();
	tr_put(BODY);
	qd_transfer_close(tr.b.t);
	tr.b.t = NULL;
}

/* ------------------------------------------------ servers that misbehave */

static void a_server_that_misbehaves_is_named(void)
{
	static const enum qd_transfer_result results[FAULT_COUNT] = {
		[FAULT_NONE] = QD_TRANSFER_OK,
		[FAULT_CLOSES] = QD_TRANSFER_CLOSED,
		[FAULT_NOISE] = QD_TRANSFER_PROTOCOL,
		[FAULT_OTHER_KEY] = QD_TRANSFER_FORGED,
		[FAULT_SILENT] = QD_TRANSFER_TIMEOUT,
		[FAULT_NO_REPLY] = QD_TRANSFER_TIMEOUT,
		[FAULT_STOPS] = QD_TRANSFER_TIMEOUT,
		[FAULT_TRUNCATED] = QD_TRANSFER_CLOSED,
		[FAULT_DRIPS] = QD_TRANSFER_TIMEOUT,
		[FAULT_SLOW] = QD_TRANSFER_TIMEOUT,
		[FAULT_TOO_LARGE] = QD_TRANSFER_TOO_LARGE,
		[FAULT_OTHER_BODY] = QD_TRANSFER_DIGEST,
		[FAULT_SHORT] = QD_TRANSFER_FORGED,
		[FAULT_ENDS_EARLY] = QD_TRANSFER_FORGED,
		[FAULT_NO_END] = QD_TRANSFER_FORGED,
		[FAULT_NO_BODY] = QD_TRANSFER_PROTOCOL,
		[FAULT_SWAPPED] = QD_TRANSFER_FORGED,
	};
	for (unsigned patient = 0; patient < 2;
	     patient++) { /* only what is to run out of time has little of it */
		uint64_t count[QD_TRANSFER_RESULT_COUNT] = {0};
		tr.patient = patient != 0;
		begin();
		for (unsigned f = 0; f < FAULT_COUNT; f++) {
			if ((results[f] != QD_TRANSFER_TIMEOUT) != (patient != 0))
				continue;
			CHECK(ends_with((enum fault)f, 0, results[f]));
			count[results[f]]++;
			if (results[f] == QD_TRANSFER_OK)
				CHECK(tr.a.len == BODY && memcmp(tr.a.body, tr.bytes, BODY) == 0);
		}
		for (unsigned r = 0; r < QD_TRANSFER_RESULT_COUNT; r++)
			CHECK(qd_transfer_count(tr.a.t)->fetched[r] == count[r]);
		tr_end();
	}
}

static void a_changed_byte_is_never_handed_on(void)
{
	tr.patient = true;
	begin();
	for (size_t at = 1; at < 4; at++)
		CHECK(ends_with(FAULT_NONE, at, QD_TRANSFER_PROTOCOL));
	for (size_t at = 4; at < BODY_AT + 20; at++) /* random, header, proof, reply, beginning of the body */
		CHECK(ends_with(FAULT_NONE, at, QD_TRANSFER_FORGED));
	for (size_t at = BODY_AT + 20; at < PLAY_MAX; at += 1531)
		CHECK(ends_with(FAULT_NONE, at, QD_TRANSFER_FORGED));
	CHECK(ends_with(FAULT_NONE, PLAY_MAX - 1, QD_TRANSFER_FORGED));
	CHECK(ends_with(FAULT_NONE, 0, QD_TRANSFER_OK));
	tr_end();
}

static void nobody_listens(void)
{
	begin();
	const unsigned before = tr.a.ended;
	CHECK(tr_fetch() != 0 && tr.a.ended == before); /* never from within the call */
	CHECK(tr_ended_with(QD_TRANSFER_UNREACHABLE, NULL));
	CHECK(qd_address_parse("fe80::1%missing", &tr.want.from) && qd_address_parse("fe80::2", &tr.want.to));
	CHECK(tr_fetch() != 0 && tr.a.ended == 0);
	CHECK(!qd_mono_is_never(qd_transfer_deadline(tr.a.t)));
	CHECK(tr_ended_with(QD_TRANSFER_UNREACHABLE, NULL));
	CHECK(qd_mono_is_never(qd_transfer_deadline(tr.a.t)));
	tr_end();
}

static void next_try(void *context, const struct qd_transfer_done *done)
{
	unsigned *ended = context;
	CHECK(done->result == QD_TRANSFER_UNREACHABLE);
	if (++*ended < 3)
		CHECK(tr_fetch() != 0);
}

static bool ended_thrice(void *context)
{
	tr_think();
	return *(unsigned *)context == 3;
}

static void another_fetch_from_within_the_end_of_one(void)
{
	struct qd_transfer_config c = {.node_id = TR_A, .port = 1};
	unsigned ended = 0;
	tr.patient = true;
	begin();
	qd_transfer_close(tr.a.t);
	tr.a.t = qd_transfer_open(&tr.loop, &c, next_try, &ended);
	qd_transfer_set_keys(tr.a.t, &tr_key, 1);
	CHECK(tr_fetch() != 0 && netns_until(&tr.loop, ended_thrice, &ended));
	tr_end();
}

/* ------------------------------------------------ listening */

static bool b_listens(void *context)
{
	(void)context;
	tr_think();
	return qd_transfer_listen_error(tr.b.t, 0) == 0;
}

static void a_port_that_is_taken_is_tried_again(void)
{
	struct qd_transfer_config c = {.node_id = TR_B};
	begin();
	play_open(FAULT_SILENT);
	c.local[0] = tr.want.to;
	c.port = tr.port;
	tr.b.t = qd_transfer_open(&tr.loop, &c, next_try, NULL);
	CHECK(tr.b.t != NULL && qd_transfer_listen_error(tr.b.t, 0) == -EADDRINUSE);
	qd_transfer_set_keys(tr.b.t, &tr_key, 1);
	qd_transfer_set_peers(tr.b.t, qd_set_of(TR_A));
	play_close();
	CHECK(netns_until(&tr.loop, b_listens, NULL) && tr_fetches(1000));
	CHECK(qd_address_parse("127.0.0.3", &c.local[1]));
	qd_transfer_configure(tr.b.t, c.local, qd_clock_now()); /* one more */
	CHECK(tr_fetches(2000));
	tr.want.to = c.local[1];
	CHECK(tr_fetches(3000));
	c.local[1] = (struct qd_address){0}; /* and it goes */
	qd_transfer_configure(tr.b.t, c.local, qd_clock_now());
	tr_put(10);
	CHECK(tr_fetch() != 0 && tr_ended_with(QD_TRANSFER_UNREACHABLE, NULL));
	tr.want.to = c.local[0];
	CHECK(tr_fetches(4000));
	tr_end();
}

/* ------------------------------------------------ networks */

static void over_ipv6_and_a_small_mtu(void)
{
	struct netns ns[2];
	if (!netns_open(ns, 2))
		return;
	netns_join(&ns[0], &ns[1], "v");
	netns_do(&ns[0], "ip link set v mtu 1280");
	netns_do(&ns[0], "ip addr add fd07::1/64 dev v nodad");
	tr_begin_at("fd07::1", "fd07::2", ns); /* B's address comes later */
	netns_do(&ns[1], "ip addr add fd07::2/64 dev v nodad");
	CHECK(tr_fetches(TR_LARGE));
	tr_end();
	netns_do(&ns[0], "ip addr add fe80::1/64 dev v nodad");
	netns_do(&ns[1], "ip addr add fe80::2/64 dev v nodad");
	tr_begin_at("fe80::1%v", "fe80::2%v", ns);
	tr.want.to.scope[0] = '\0'; /* a peer's has none */
	CHECK(tr_fetches(TR_LARGE));
	tr_end();
	netns_close(ns, 2);
}

static void a_network_that_swallows_everything(void)
{
	struct netns ns[2];
	if (!netns_open(ns, 2))
		return;
	netns_join(&ns[0], &ns[1], "v");
	netns_do(&ns[0], "ip addr add 10.7.0.1/24 dev v");
	netns_do(&ns[1], "ip addr add 10.7.0.2/24 dev v");
	tr_begin_at("10.7.0.1", "10.7.0.2", ns);
	CHECK(tr_fetches(1000));
	netns_do(&ns[1], "nft add table ip f");
	netns_do(&ns[1], "nft add chain ip f i { type filter hook input priority 0 ; }");
	netns_do(&ns[1], "nft add rule ip f i tcp dport 1-65535 drop");
	CHECK(tr_fetch() != 0 && tr_ended_with(QD_TRANSFER_TIMEOUT, NULL)); /* no connection */
	netns_do(&ns[1], "nft flush chain ip f i");
	netns_do(
		&ns[1],
		"nft add rule ip f i meta length > 99 drop"); /* SYN, ACK and hello pass, the question does not */
	CHECK(tr_fetch() != 0 && tr_ended_with(QD_TRANSFER_TIMEOUT, NULL));
	CHECK(tr_until(&tr_served()->too_slow, 1) || tr_served()->cut > 0);
	netns_do(&ns[1], "nft delete table ip f");
	CHECK(tr_fetches(TR_LARGE));
	netns_do(&ns[0], "ip addr del 10.7.0.1/24 dev v");
	CHECK(tr_fetch() != 0 && tr_ended_with(QD_TRANSFER_UNREACHABLE, NULL));
	tr_end();
	netns_close(ns, 2);
}

int main(int argc, char **argv)
{
	static const struct rig_test tests[] = {
		{"a server that misbehaves is named", a_server_that_misbehaves_is_named},
		{"a changed byte is never handed on", a_changed_byte_is_never_handed_on},
		{"nobody listens", nobody_listens},
		{"another fetch from within the end of one", another_fetch_from_within_the_end_of_one},
		{"a port that is taken is tried again", a_port_that_is_taken_is_tried_again},
		{"over IPv6 and a small MTU", over_ipv6_and_a_small_mtu},
		{"a network that swallows everything", a_network_that_swallows_everything},
	};
	return rig_main("t_transfer_fetch", tests, sizeof tests / sizeof tests[0], argc, argv);
}
