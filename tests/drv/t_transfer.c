/* SPDX-License-Identifier: Apache-2.0 */
/* Serving over real connections: askers that are wrong, slow, too many or have no key, then good ones. The other end is
 * played by hand, with the driver's own encoding, where it has to misbehave. */
#include "drv/rig.h"
#include "drv/transfer_wire.h"
#include "drv/transferrig.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	A = TR_A,
	B = TR_B,
	KEY = 7, /* tr_key's number */
	SMALL_BUFFER = 4096,
};

static int dial(int receive_buffer)
{
	struct qd_address to;
	struct sockaddr_storage sock;
	CHECK(qd_address_parse("127.0.0.2", &to));
	const socklen_t len = qd_address_to_sock(&to, NULL, tr.port, &sock);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0);
	if (receive_buffer > 0)
		CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer) == 0);
	CHECK(connect(fd, (const struct sockaddr *)&sock, len) == 0);
	return fd;
}

static void make_hello(uint8_t hello[QD_TRANSFER_HELLO_BYTES])
{
	const struct qd_transfer_hello h = {.from = A, .to = B, .key_number = KEY};
	qd_transfer_hello_encode(&h, hello);
}

/* Say hello and make the question, with that key. */
static bool greet(int fd, const uint8_t hello[QD_TRANSFER_HELLO_BYTES], const uint8_t *key,
		  struct qd_transfer_streams *s, uint8_t ask[QD_TRANSFER_ASK_BYTES])
{
	uint8_t welcome[QD_TRANSFER_WELCOME_BYTES];
	tr_write_all(fd, hello, QD_TRANSFER_HELLO_BYTES);
	if (!tr_read_all(fd, welcome, sizeof welcome))
		return false;
	const bool good = qd_transfer_welcome_decode(s, hello, key, welcome) == QD_TRANSFER_OK;
	struct qd_transfer_question q = {.request = false};
	memcpy(q.digest, tr.digest, sizeof q.digest);
	qd_transfer_ask_encode(s, &q, ask);
	return good;
}

static void a_wrong_hello_ends_the_connection(void)
{
	static const struct qd_transfer_hello wrong[] = {
		{.from = 3, .to = B, .key_number = KEY}, /* not listened to */
		{.from = A, .to = 3, .key_number = KEY}, /* not here */
		{.from = B, .to = B, .key_number = KEY}, /* itself */
		{.from = 0, .to = B, .key_number = KEY},     {.from = UINT32_MAX, .to = B, .key_number = KEY},
		{.from = A, .to = B, .key_number = KEY + 1},
	};
	uint8_t hello[QD_TRANSFER_HELLO_BYTES];
	uint64_t malformed = 0;
	tr_begin();
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		const int fd = dial(0);
		qd_transfer_hello_encode(&wrong[i], hello);
		tr_write_all(fd, hello, sizeof hello);
		CHECK(tr_is_closed(fd) && tr_served()->malformed == ++malformed);
	}
	for (size_t i = 0; i < 4; i++) {
		const int fd = dial(0);
		make_hello(hello);
		hello[i] ^= 0x20; /* magic */
		tr_write_all(fd, hello, sizeof hello);
		CHECK(tr_is_closed(fd) && tr_served()->malformed == ++malformed);
	}
	const int fd = dial(0);
	tr_write_all(fd, tr.bytes, 4000); /* noise */
	CHECK(tr_is_closed(fd) && tr_served()->malformed == ++malformed && tr_served()->forged == 0);
	tr_end();
}

static void who_has_not_the_key_gets_nothing(void)
{
	const uint8_t other[QD_TRANSFER_KEY_BYTES] = {1, 2, 4};
	uint8_t hello[QD_TRANSFER_HELLO_BYTES], ask[QD_TRANSFER_ASK_BYTES];
	struct qd_transfer_streams s;
	tr_begin();
	tr_put(100);
	int fd = dial(0);
	make_hello(hello);
	CHECK(!greet(fd, hello, other, &s, ask)); /* it cannot even tell that B is B */
	tr_write_all(fd, ask, sizeof ask);
	CHECK(tr_is_closed(fd) && tr_served()->forged == 1);
	for (size_t i = 0; i < sizeof ask; i += 8) { /* every part of a question counts */
		fd = dial(0);
		make_hello(hello);
		CHECK(greet(fd, hello, tr_key.key, &s, ask));
		ask[i] ^= 1;
		tr_write_all(fd, ask, sizeof ask);
		CHECK(tr_is_closed(fd) && tr_served()->forged == 2 + i / 8);
	}
	CHECK(tr_served()->served == 0 && tr_served()->absent == 0);
	tr_end();
}

static void a_recorded_asker_gets_nothing(void)
{
	uint8_t hello[QD_TRANSFER_HELLO_BYTES], ask[QD_TRANSFER_ASK_BYTES];
	uint8_t reply[QD_TRANSFER_REPLY_BYTES + 100 + QD_TRANSFER_SEAL], welcome[QD_TRANSFER_WELCOME_BYTES];
	struct qd_transfer_streams s;
	tr_begin();
	tr_put(100);
	int fd = dial(0);
	make_hello(hello);
	CHECK(greet(fd, hello, tr_key.key, &s, ask));
	tr_write_all(fd, ask, sizeof ask);
	CHECK(tr_read_all(fd, reply, sizeof reply) && tr_is_closed(fd) && tr_served()->served == 1);
	fd = dial(0);
	tr_write_all(fd, hello, sizeof hello);
	tr_write_all(fd, ask, sizeof ask);
	CHECK(tr_read_all(fd, welcome, sizeof welcome) && tr_is_closed(fd));
	CHECK(tr_served()->served == 1 && tr_served()->forged == 1);
	tr_end();
}

struct drip {
	int fd;
	const uint8_t *from;
	size_t at, len;
};

static bool drips(void *context)
{
	struct drip *d = context;
	tr_think();
	if (d->at < d->len && send(d->fd, d->from + d->at, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1)
		d->at++;
	return tr_served()->too_slow > 0;
}

struct sip {
	int fd;
	struct qd_mono next;
	size_t got;
};

static bool sips(void *context)
{
	struct sip *s = context;
	tr_think();
	if (rig_over(s->next)) {
		const ssize_t n = recv(s->fd, tr.a.body, 1000, MSG_DONTWAIT);
		s->got += n > 0 ? (size_t)n : 0;
		s->next = rig_deadline(5);
	}
	return tr_served()->too_slow > 4;
}

static void slow_askers_are_cut_off_in_every_phase(void)
{
	uint8_t hello[QD_TRANSFER_HELLO_BYTES], ask[QD_TRANSFER_ASK_BYTES];
	struct qd_transfer_streams s;
	tr_begin();
	tr_put(TR_LARGE);
	int fd = dial(0);
	CHECK(tr_until(&tr_served()->accepted, 1));
	make_hello(hello);
	struct drip d = {
		.fd = fd, .from = hello, .len = sizeof hello - 1}; /* each byte in time, and never the last */
	CHECK(netns_until(&tr.loop, drips, &d) && tr_is_closed(fd) && d.at > 5);
	fd = dial(0); /* not a word */
	CHECK(tr_is_closed(fd) && tr_served()->too_slow == 2);
	fd = dial(0);
	CHECK(greet(fd, hello, tr_key.key, &s, ask));
	tr_write_all(fd, ask, sizeof ask - 1);
	CHECK(tr_is_closed(fd) && tr_served()->too_slow == 3);
	fd = dial(SMALL_BUFFER);
	CHECK(greet(fd, hello, tr_key.key, &s, ask));
	tr_write_all(fd, ask, sizeof ask); /* and reads nothing */
	CHECK(tr_until(&tr_served()->too_slow, 4) && tr_served()->served == 0);
	(void)close(fd);
	fd = dial(SMALL_BUFFER);
	make_hello(hello);
	CHECK(greet(fd, hello, tr_key.key, &s, ask));
	tr_write_all(fd, ask, sizeof ask);
	struct sip sip = {.fd = fd}; /* reads all the time, but little */
	CHECK(netns_until(&tr.loop, sips, &sip) && sip.got > 10000 && tr_served()->served == 0);
	(void)close(fd);
	CHECK(qd_mono_is_never(qd_transfer_deadline(tr.b.t)));
	CHECK(tr_fetches(5));
	tr_end();
}

static void askers_that_go_are_forgotten(void)
{
	uint8_t hello[QD_TRANSFER_HELLO_BYTES], ask[QD_TRANSFER_ASK_BYTES];
	struct qd_transfer_streams s;
	tr_begin();
	tr_put(TR_LARGE);
	int fd = dial(0);
	(void)close(fd);
	CHECK(tr_until(&tr_served()->cut, 1));
	fd = dial(SMALL_BUFFER);
	make_hello(hello);
	CHECK(greet(fd, hello, tr_key.key, &s, ask));
	tr_write_all(fd, ask, sizeof ask);
	CHECK(tr_read_all(fd, tr.a.body, 1000));
	(void)close(fd); /* with more on its way */
	CHECK(tr_until(&tr_served()->cut, 2) && tr_served()->too_slow == 0);
	tr_end();
}

static void silent_connections_make_room(void)
{
	int fds[3 * QD_TRANSFER_SERVES];
	tr_begin();
	for (int i = 0; i < 3 * QD_TRANSFER_SERVES; i++) {
		fds[i] = dial(0);
		CHECK(tr_until(&tr_served()->accepted, (uint64_t)i + 1));
	}
	CHECK(tr_fetches(1000));
	CHECK(tr_served()->evicted >= 1 && tr_served()->refused == 0);
	for (int i = 0; i < 3 * QD_TRANSFER_SERVES; i++)
		(void)close(fds[i]);
	tr_end();
}

static void proven_connections_do_not(void)
{
	uint8_t hello[QD_TRANSFER_HELLO_BYTES], ask[QD_TRANSFER_ASK_BYTES];
	struct qd_transfer_streams s;
	int fds[QD_TRANSFER_SERVES];
	tr_begin();
	tr_put(TR_LARGE);
	for (int i = 0; i < QD_TRANSFER_SERVES; i++) {
		fds[i] = dial(SMALL_BUFFER);
		make_hello(hello);
		CHECK(greet(fds[i], hello, tr_key.key, &s, ask));
		tr_write_all(fds[i], ask, sizeof ask);
		CHECK(tr_read_all(fds[i], tr.a.body, 100)); /* it is being sent */
	}
	const int late = dial(0);
	CHECK(tr_is_closed(late) && tr_served()->refused == 1 && tr_served()->evicted == 0);
	for (int i = 0; i < QD_TRANSFER_SERVES; i++)
		(void)close(fds[i]);
	CHECK(tr_until(&tr_served()->cut, QD_TRANSFER_SERVES));
	tr_end();
}

static void no_descriptors_is_no_end(void)
{
	struct rlimit limit, low;
	tr_begin();
	tr_put(10);
	const int fd = dial(0); /* the lowest one that is free, and everything below is taken */
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	low = (struct rlimit){.rlim_cur = (rlim_t)fd + 1, .rlim_max = limit.rlim_max};
	CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
	CHECK(tr_until(&tr_served()->no_descriptor, 1) && tr_served()->accepted == 0);
	const uint64_t turns = tr.loop.turns;
	netns_quiet(&tr.loop, 50);
	CHECK(tr.loop.turns - turns < 20); /* it does not spin */
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	CHECK(tr_fetches(10)); /* it goes on */
	(void)close(fd);
	tr_end();
}

/* ------------------------------------------------ good ones */

static void bodies_of_every_length_come_whole(void)
{
	static const size_t lengths[] = {0,
					 1,
					 QD_TRANSFER_CHUNK - 1,
					 QD_TRANSFER_CHUNK,
					 QD_TRANSFER_CHUNK + 1,
					 100000,
					 5 * QD_TRANSFER_CHUNK,
					 TR_LARGE};
	uint64_t sum = 0;
	tr_begin();
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		CHECK(tr_fetches(lengths[i]));
		sum += lengths[i];
	}
	CHECK(tr_until(&tr_served()->served, sizeof lengths / sizeof lengths[0]) &&
	      tr_served()->served_bytes == sum);
	CHECK(qd_transfer_count(tr.a.t)->fetched_bytes == sum);
	tr_end();
}

static void what_is_not_here_is_absent(void)
{
	tr_begin();
	tr_put(100);
	tr.want.question.digest[31] ^= 1;
	CHECK(tr_fetch() != 0 && tr_ended_with(QD_TRANSFER_ABSENT, NULL));
	tr_put(100);
	qd_transfer_put(tr.b.t, 0, NULL, 0, NULL);
	CHECK(tr_fetch() != 0 && tr_ended_with(QD_TRANSFER_ABSENT, NULL));
	CHECK(tr_served()->absent == 2 && tr_served()->served == 0);
	tr_end();
}

static void slots_are_served_side_by_side(void)
{
	uint8_t digests[QD_TRANSFER_BODIES][QD_DIGEST_BYTES];
	tr_begin();
	for (uint32_t i = 0; i < QD_TRANSFER_BODIES; i++)
		qd_transfer_put(tr.b.t, i, tr.bytes + i, 1000 + i, digests[i]);
	for (uint32_t i = 0; i < QD_TRANSFER_BODIES; i++) {
		memcpy(tr.want.question.digest, digests[i], sizeof digests[i]);
		CHECK(tr_fetch() != 0 && tr_ended_with(QD_TRANSFER_OK, NULL));
		CHECK(tr.a.len == 1000 + i && memcmp(tr.a.body, tr.bytes + i, 1000 + i) == 0);
	}
	tr_end();
}

static bool two_ended(void *context)
{
	(void)context;
	tr_think();
	return tr.a.ended == QD_TRANSFER_FETCHES;
}

static void fetches_are_limited_and_can_be_cancelled(void)
{
	tr_begin();
	tr_put(300000);
	const uint64_t first = tr_fetch(), second = tr_fetch();
	CHECK(first != 0 && second != 0 && first != second && tr_fetch() == 0);
	CHECK(netns_until(&tr.loop, two_ended, NULL) && tr.a.result == QD_TRANSFER_OK);
	tr.a.ended = 0;
	const uint64_t third = tr_fetch();
	qd_transfer_cancel(tr.a.t, third);
	qd_transfer_cancel(tr.a.t, third + 100);
	CHECK(tr_until(&tr_served()->cut, 1) && tr.a.ended == 0);
	CHECK(tr_fetches(300000));
	tr_end();
}

/* Another key comes beside the old one, then the old one goes: no fetch fails on the way. */
static void keys_can_be_changed(void)
{
	const struct qd_transfer_key next = {.number = 8, .key = {9}};
	const struct qd_transfer_key both[2] = {next, tr_key}, other_first[2] = {tr_key, next};
	tr_begin();
	CHECK(tr_fetches(100));
	qd_transfer_set_keys(tr.b.t, both, 2);
	CHECK(tr_fetches(200));
	qd_transfer_set_keys(tr.a.t, both, 2);
	CHECK(tr_fetches(300));
	qd_transfer_set_keys(tr.a.t, other_first, 2);
	CHECK(tr_fetches(400));
	qd_transfer_set_keys(tr.b.t, &next, 1);
	tr_put(500);
	CHECK(tr_fetch() != 0 &&
	      tr_ended_with(QD_TRANSFER_CLOSED, NULL)); /* that number is not known any more */
	qd_transfer_set_keys(tr.a.t, &next, 1);
	CHECK(tr_fetches(500));
	qd_transfer_set_keys(tr.a.t, NULL, 0);
	CHECK(tr_fetch() == 0);
	tr_end();
}

static void a_body_that_is_replaced_is_cut(void)
{
	uint8_t hello[QD_TRANSFER_HELLO_BYTES], ask[QD_TRANSFER_ASK_BYTES], same[QD_DIGEST_BYTES];
	struct qd_transfer_streams s;
	tr_begin();
	tr_put(TR_LARGE);
	const int fd = dial(SMALL_BUFFER);
	make_hello(hello);
	CHECK(greet(fd, hello, tr_key.key, &s, ask));
	tr_write_all(fd, ask, sizeof ask);
	CHECK(tr_read_all(fd, tr.a.body, 1000));
	qd_transfer_put(tr.b.t, 0, tr.bytes, TR_LARGE, same); /* the same again */
	qd_transfer_put(tr.b.t, 1, tr.bytes, 10, same);
	CHECK(tr_served()->cut == 0 && tr_read_all(fd, tr.a.body, 100000));
	tr_put(10);
	CHECK(tr_served()->cut == 1);
	(void)close(fd);
	CHECK(tr_fetches(10));
	tr_end();
}

/* ------------------------------------------------ requests */

static struct {
	uint32_t count;
	uint64_t number;
	uint32_t from;
	struct qd_transfer_question question;
	bool at_once;
} asked;

static void on_asked(void *context, const struct qd_transfer_asked *a)
{
	(void)context;
	asked.count++;
	asked.number = a->number;
	asked.from = a->from;
	asked.question = *a->question;
	if (asked.at_once)
		qd_transfer_answer(tr.b.t, a->number, "at once", 7);
}

static bool is_asked(void *context)
{
	(void)context;
	tr_think();
	return asked.count > 0;
}

static void requests_are_answered_when_it_is_time(void)
{
	memset(&asked, 0, sizeof asked);
	tr_begin();
	tr.want.question.request = true;
	memset(tr.want.question.words, 0x5a, QD_TRANSFER_WORDS);
	tr.want.question.digest[0] = 9;
	/* nobody takes them yet */
	CHECK(tr_fetch() != 0 && tr_ended_with(QD_TRANSFER_ABSENT, NULL));
	qd_transfer_take_requests(tr.b.t, on_asked, NULL);
	CHECK(tr_fetch() != 0 && netns_until(&tr.loop, is_asked, NULL));
	CHECK(asked.from == A && asked.question.request && asked.question.digest[0] == 9 &&
	      memcmp(asked.question.words, tr.want.question.words, QD_TRANSFER_WORDS) == 0);
	qd_transfer_answer(tr.b.t, asked.number + 1, "nobody's", 8);
	/* longer than any other phase */
	const int silent = dial(0);
	CHECK(tr_until(&tr_served()->too_slow, 1));
	(void)close(silent);
	CHECK(tr_fetches(10) && tr.a.ended == 0 && asked.count == 1);
	qd_transfer_answer(tr.b.t, asked.number, "later", 5);
	CHECK(tr_ended_with(QD_TRANSFER_OK, NULL) && tr.a.len == 5 && memcmp(tr.a.body, "later", 5) == 0);
	asked.at_once = true;
	tr.want.question.request = true;
	CHECK(tr_fetch() != 0 && tr_ended_with(QD_TRANSFER_OK, NULL) && tr.a.len == 7);
	CHECK(tr_served()->asked == 2);
	tr_end();
}

static void who_asks_and_goes_is_forgotten(void)
{
	memset(&asked, 0, sizeof asked);
	tr_begin();
	qd_transfer_take_requests(tr.b.t, on_asked, NULL);
	tr.want.question.request = true;
	const uint64_t id = tr_fetch();
	CHECK(id != 0 && netns_until(&tr.loop, is_asked, NULL));
	qd_transfer_cancel(tr.a.t, id);
	CHECK(tr_until(&tr_served()->cut, 1));
	qd_transfer_answer(tr.b.t, asked.number, "too late", 8);
	CHECK(tr_fetches(10));
	tr_end();
}

int main(int argc, char **argv)
{
	static const struct rig_test tests[] = {
		{"a wrong hello ends the connection", a_wrong_hello_ends_the_connection},
		{"who has not the key gets nothing", who_has_not_the_key_gets_nothing},
		{"a recorded asker gets nothing", a_recorded_asker_gets_nothing},
		{"slow askers are cut off in every phase", slow_askers_are_cut_off_in_every_phase},
		{"askers that go are forgotten", askers_that_go_are_forgotten},
		{"silent connections make room", silent_connections_make_room},
		{"proven connections do not", proven_connections_do_not},
		{"no descriptors is no end", no_descriptors_is_no_end},
		{"what is not here is absent", what_is_not_here_is_absent},
		{"bodies of every length come whole", bodies_of_every_length_come_whole},
		{"slots are served side by side", slots_are_served_side_by_side},
		{"fetches are limited and can be cancelled", fetches_are_limited_and_can_be_cancelled},
		{"keys can be changed", keys_can_be_changed},
		{"a body that is replaced is cut", a_body_that_is_replaced_is_cut},
		{"requests are answered when it is time", requests_are_answered_when_it_is_time},
		{"who asks and goes is forgotten", who_asks_and_goes_is_forgotten},
	};
	return rig_main("t_transfer", tests, sizeof tests / sizeof tests[0], argc, argv);
}
