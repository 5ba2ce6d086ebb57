/* SPDX-License-Identifier: Apache-2.0 */
/* Input: what the other end of a transfer says, over a real socket. FUZZ_FETCH: to a fetch, else to a server. FUZZ_FIRST and
 * FUZZ_SECOND: its first message, and its second, are right and sealed with the right key, so that what follows gets a
 * chance; the rest is as it is, and of a fetch, after both, pieces that are sealed. A server ends every connection and hands
 * out nothing but its body; a fetch ends well with nothing but what it asked for. */
#include "fuzz.h"

#include "drv/transfer_state.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

enum {
	FUZZ_FETCH = 0x01,
	FUZZ_FIRST = 0x02,
	FUZZ_SECOND = 0x04,
	FUZZ_SPOIL = 0x08, /* change a byte of the second */
	SELF = 2,
	PEER = 1,
	KEY = 7,
	BODY_BYTES = 40000, /* three chunks */
	TURNS = 4,
};

static const struct qd_transfer_key KEYS = {.number = KEY, .key = {1, 2, 3}};

static struct qd_loop loop;
static struct qd_transfer *t;
static struct qd_address listening;
static int listener;
static uint8_t body[BODY_BYTES];
static uint8_t digest[QD_DIGEST_BYTES];
static bool ended;
static uint64_t asked_number; /* of the last request; 0: none */
static struct qd_transfer_question asked;

/* The rest of the input. */
struct feed {
	const uint8_t *at;
	size_t left;
};

static uint8_t take(struct feed *f)
{
	if (f->left == 0)
		return 0;
	f->left--;
	return *f->at++;
}

static void take_all(struct feed *f, uint8_t *to, size_t len_bytes)
{
	for (size_t i = 0; i < len_bytes; i++)
		to[i] = take(f);
}

static void on_done(void *context, const struct qd_transfer_done *d)
{
	(void)context;
	ended = true;
	qd_assert(d->result < QD_TRANSFER_RESULT_COUNT && memcmp(d->digest, digest, sizeof digest) == 0);
	QD_ERGO(d->result != QD_TRANSFER_OK, d->body == NULL && d->len_bytes == 0);
	if (d->result == QD_TRANSFER_OK)
		qd_assert(d->len_bytes == BODY_BYTES && memcmp(d->body, body, BODY_BYTES) == 0);
}

static void on_asked(void *context, const struct qd_transfer_asked *a)
{
	(void)context;
	qd_assert(a->from == PEER);
	asked_number = a->number;
	asked = *a->question;
}

/* A free port of 127.0.0.1, for fetches to go to. */
static void listen_for_fetches(uint16_t *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof a;
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	qd_assert(listener >= 0 && bind(listener, (struct sockaddr *)&a, sizeof a) == 0);
	qd_assert(listen(listener, 8) == 0 && getsockname(listener, (struct sockaddr *)&a, &len) == 0);
	*port = ntohs(a.sin_port);
}

static void prepare(void)
{
	struct qd_transfer_config config = {.node_id = SELF, .body_max_bytes = BODY_BYTES};
	listen_for_fetches(&config.port);
	qd_assert(qd_address_parse("127.0.0.1", &listening) && qd_loop_open(&loop) == 0);
	t = qd_transfer_open(&loop, &config, on_done, NULL);
	qd_assert(t != NULL);
	for (size_t i = 0; i < BODY_BYTES; i++)
		body[i] = (uint8_t)(i * 31 >> 3);
	qd_transfer_set_keys(t, &KEYS, 1);
	qd_transfer_set_peers(t, qd_set_of(PEER));
	qd_transfer_take_requests(t, on_asked, NULL);
	qd_transfer_put(t, 0, body, BODY_BYTES, digest);
}

static void turn(void)
{
	for (int i = 0; i < TURNS; i++)
		qd_assert(qd_loop_arm(&loop, qd_clock_now()) == 0 && qd_loop_turn(&loop) == 0);
}

/* What the other end no longer wants to hear is lost. */
static void say(int fd, const uint8_t *data, size_t len_bytes)
{
	(void)send(fd, data, len_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
	turn();
}

static void say_rest(int fd, struct feed *f)
{
	say(fd, f->at, f->left);
	f->left = 0;
}

/* Exactly so many bytes that are there already. */
static bool hear(int fd, uint8_t *to, size_t len_bytes)
{
	return recv(fd, to, len_bytes, MSG_DONTWAIT) == (ssize_t)len_bytes;
}

/* ------------------------------------------------ to a server */

/* What a server that takes the question sends is the body, whole. */
static void hear_body(int fd, struct qd_transfer_streams *s)
{
	static uint8_t piece[QD_TRANSFER_OUT_MAX];
	static uint8_t plain[QD_TRANSFER_CHUNK];
	uint8_t status[QD_TRANSFER_STATUS_BYTES];
	bool last = false;
	qd_assert(hear(fd, piece, QD_TRANSFER_REPLY_BYTES));
	qd_assert(qd_transfer_unseal(s, piece, QD_TRANSFER_REPLY_BYTES, status, &last));
	for (size_t at = 0; !last; turn()) {
		const size_t left = BODY_BYTES - at;
		const size_t len = left < QD_TRANSFER_CHUNK ? left : QD_TRANSFER_CHUNK;
		qd_assert(hear(fd, piece, len + QD_TRANSFER_SEAL));
		qd_assert(qd_transfer_unseal(s, piece, len + QD_TRANSFER_SEAL, plain, &last));
		qd_assert(memcmp(plain, body + at, len) == 0 && last == (len == left));
		at += len;
	}
}

/* A request reached its user as it was said, and comes back as the answer. */
static void hear_answer(int fd, struct qd_transfer_streams *s, const struct qd_transfer_question *q)
{
	uint8_t piece[sizeof *q + QD_TRANSFER_SEAL];
	uint8_t status[QD_TRANSFER_STATUS_BYTES];
	uint8_t plain[sizeof q->words];
	bool last = false;
	qd_assert(asked_number != 0 && memcmp(asked.digest, q->digest, sizeof asked.digest) == 0);
	qd_assert(asked.request && memcmp(asked.words, q->words, sizeof asked.words) == 0);
	qd_transfer_answer(t, asked_number, asked.words, sizeof asked.words);
	turn();
	qd_assert(hear(fd, piece, QD_TRANSFER_REPLY_BYTES));
	qd_assert(qd_transfer_unseal(s, piece, QD_TRANSFER_REPLY_BYTES, status, &last) && !last);
	qd_assert(hear(fd, piece, sizeof plain + QD_TRANSFER_SEAL));
	qd_assert(qd_transfer_unseal(s, piece, sizeof plain + QD_TRANSFER_SEAL, plain, &last) && last);
	qd_assert(memcmp(plain, q->words, sizeof plain) == 0);
}

static void ask(int fd, struct feed *f, uint8_t mode, const uint8_t hello[QD_TRANSFER_HELLO_BYTES])
{
	struct qd_transfer_streams s;
	uint8_t welcome[QD_TRANSFER_WELCOME_BYTES];
	uint8_t question[QD_TRANSFER_ASK_BYTES];
	struct qd_transfer_question q = {.request = false};
	qd_assert(hear(fd, welcome, sizeof welcome));
	qd_assert(qd_transfer_welcome_decode(&s, hello, KEYS.key, welcome) == QD_TRANSFER_OK);
	const uint8_t which = take(f);
	memcpy(q.digest, digest, sizeof q.digest);
	if ((which & 1) != 0)
		take_all(f, q.digest, sizeof q.digest);
	q.request = (which & 2) != 0;
	if (q.request)
		take_all(f, q.words, sizeof q.words);
	qd_transfer_ask_encode(&s, &q, question);
	const bool spoiled = (mode & FUZZ_SPOIL) != 0;
	if (spoiled)
		question[take(f) % sizeof question] ^= (uint8_t)(take(f) | 1);
	say(fd, question, sizeof question);
	if (spoiled)
		qd_assert(!hear(fd, welcome, 1));
	else if (q.request)
		hear_answer(fd, &s, &q);
	else
		hear_body(fd, &s);
}

static void to_server(struct feed *f, uint8_t mode)
{
	uint8_t hello[QD_TRANSFER_HELLO_BYTES];
	const struct qd_transfer_hello h = {.from = PEER, .to = SELF, .key_number = KEY};
	int pair[2];
	asked_number = 0;
	qd_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
	qd_serve_begin(t, pair[0], qd_clock_now());
	qd_transfer_hello_encode(&h, hello);
	if ((mode & FUZZ_FIRST) == 0)
		take_all(f, hello, f->left < sizeof hello ? f->left : sizeof hello);
	say(pair[1], hello, sizeof hello);
	if ((mode & (FUZZ_FIRST | FUZZ_SECOND)) == (FUZZ_FIRST | FUZZ_SECOND))
		ask(pair[1], f, mode, hello);
	say_rest(pair[1], f);
	(void)close(pair[1]);
	turn();
	for (size_t i = 0; i < QD_TRANSFER_SERVES; i++)
		qd_assert(t->serves[i].state == QD_SERVE_FREE);
}

/* ------------------------------------------------ to a fetch */

/* A member that seals whatever it likes. */
static void answer(int fd, struct feed *f, uint8_t mode, struct qd_transfer_streams *s)
{
	static uint8_t sealed[QD_TRANSFER_OUT_MAX];
	uint8_t status[QD_TRANSFER_STATUS_BYTES] = {0, 0, 0, BODY_BYTES >> 8, BODY_BYTES & 0xff};
	const uint8_t how = take(f);
	if ((how & 1) != 0)
		take_all(f, status, sizeof status);
	qd_transfer_seal(s, status, sizeof status, (how & 2) != 0, sealed);
	if ((mode & FUZZ_SPOIL) != 0)
		sealed[take(f) % QD_TRANSFER_REPLY_BYTES] ^= (uint8_t)(take(f) | 1);
	say(fd, sealed, QD_TRANSFER_REPLY_BYTES);
	for (size_t at = 0; f->left > 0 && at < BODY_BYTES;) {
		const uint8_t piece = take(f);
		size_t len = BODY_BYTES - at < QD_TRANSFER_CHUNK ? BODY_BYTES - at : QD_TRANSFER_CHUNK;
		if ((piece & 1) != 0)
			len = len * take(f) / 256;
		qd_transfer_seal(s, body + at, len, (piece & 2) != 0, sealed);
		if ((piece & 4) != 0)
			sealed[take(f)] ^= (uint8_t)(take(f) | 1);
		say(fd, sealed, len + QD_TRANSFER_SEAL);
		at += len + 1 - ((piece & 8) == 0);
	}
}

static void to_fetch(struct feed *f, uint8_t mode)
{
	const struct linger gone = {.l_onoff = 1};
	struct qd_transfer_streams s;
	uint8_t hello[QD_TRANSFER_HELLO_BYTES];
	uint8_t welcome[QD_TRANSFER_WELCOME_BYTES];
	uint8_t question[QD_TRANSFER_ASK_BYTES];
	struct qd_transfer_question q;
	struct qd_transfer_want want = {.peer = PEER, .to = listening};
	memcpy(want.question.digest, digest, sizeof digest);
	ended = false;
	const uint64_t id = qd_transfer_fetch(t, &want, qd_clock_now());
	const int fd = accept(listener, NULL, NULL);
	qd_assert(id != 0 && fd >= 0);
	/* No connection stays behind: there are not so many ports. */
	qd_assert(setsockopt(fd, SOL_SOCKET, SO_LINGER, &gone, sizeof gone) == 0);
	turn();
	qd_assert(hear(fd, hello, sizeof hello));
	if ((mode & FUZZ_FIRST) != 0) {
		qd_transfer_welcome_encode(&s, hello, KEYS.key, welcome);
		say(fd, welcome, sizeof welcome);
		qd_assert(hear(fd, question, sizeof question));
		qd_assert(qd_transfer_ask_decode(&s, question, &q) && !q.request &&
			  memcmp(q.digest, digest, sizeof digest) == 0);
		if ((mode & FUZZ_SECOND) != 0)
			answer(fd, f, mode, &s);
	}
	say_rest(fd, f);
	(void)close(fd);
	turn();
	qd_assert(ended);
	qd_transfer_cancel(t, id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed f = {.at = data + 1, .left = size - 1};
	if (size == 0)
		return 0;
	if (t == NULL)
		prepare();
	if ((data[0] & FUZZ_FETCH) != 0)
		to_fetch(&f, data[0]);
	else
		to_server(&f, data[0]);
	return 0;
}
