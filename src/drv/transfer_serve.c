/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/transfer_state.h"
#include "base/bytes.h"

#include <errno.h>
#include <unistd.h>

void qd_serve_end(struct qd_serve *s)
{
	if (s->state == QD_SERVE_FREE)
		return;
	qd_io_remove(&s->io);
	(void)close(s->fd);
	sodium_memzero(&s->streams, sizeof s->streams);
	s->state = QD_SERVE_FREE;
}

static void end_and_count(struct qd_serve *s, uint64_t *counter)
{
	(*counter)++;
	qd_serve_end(s);
}

static void enter(struct qd_serve *s, enum qd_serve_state state, struct qd_span limit)
{
	s->state = state;
	s->in_len = 0;
	s->deadline = qd_mono_add(qd_clock_now(), limit);
}

/* ------------------------------------------------ sending */

/* Seal the next chunk into the empty buffer. False: everything was sent. */
static bool next_chunk(struct qd_serve *s)
{
	const bool is_answer = s->slot == QD_TRANSFER_BODIES;
	const uint8_t *bytes = is_answer ? s->answer : s->t->bodies[s->slot].bytes;
	const size_t all = is_answer ? s->answer_len : s->t->bodies[s->slot].len_bytes;
	const size_t left = s->has_body ? all - s->body_sent : 0;
	if (left == 0)
		return false;
	const size_t len = left < QD_TRANSFER_CHUNK ? left : QD_TRANSFER_CHUNK;
	qd_transfer_seal(&s->streams, bytes + s->body_sent, len, len == left, s->out);
	s->body_sent += len;
	s->out_len = len + QD_TRANSFER_SEAL;
	s->out_at = 0;
	return true;
}

static void finish(struct qd_serve *s)
{
	struct qd_transfer_counters *c = &s->t->counters;
	if (!s->has_body) {
		end_and_count(s, &c->absent);
		return;
	}
	c->served_bytes += s->body_sent;
	end_and_count(s, &c->served);
}

/* Write what is there and, of the body, what a turn allows. The welcome fits into an empty socket buffer. */
static void push(struct qd_serve *s)
{
	for (int pieces = 0; pieces < QD_TRANSFER_PIECES;) {
		if (s->out_at == s->out_len) {
			if (s->state != QD_SERVE_SEND)
				break;
			if (!next_chunk(s)) {
				finish(s);
				return;
			}
			pieces++;
		}
		const ssize_t n = send(s->fd, s->out + s->out_at, s->out_len - s->out_at, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			end_and_count(s, &s->t->counters.cut);
			return;
		}
		s->out_at += (size_t)n;
	}
	const uint32_t out = s->out_at < s->out_len || s->state == QD_SERVE_SEND ? EPOLLOUT : 0;
	qd_io_set(&s->io, s->state == QD_SERVE_SEND ? out : out | EPOLLIN);
}

/* ------------------------------------------------ receiving */

static const struct qd_transfer_key *find_key(const struct qd_transfer *t, uint32_t number)
{
	for (uint32_t i = 0; i < t->key_count; i++)
		if (t->keys[i].number == number)
			return &t->keys[i];
	return NULL;
}

static void take_hello(struct qd_serve *s)
{
	struct qd_transfer *t = s->t;
	struct qd_transfer_hello h;
	const bool good = qd_transfer_hello_decode(s->in, &h);
	const struct qd_transfer_key *key = find_key(t, h.key_number);
	if (!good || h.to != t->config.node_id || h.from == h.to || !qd_set_has(t->peers, h.from) ||
	    key == NULL) {
		end_and_count(s, &t->counters.malformed);
		return;
	}
	s->from = h.from;
	qd_transfer_welcome_encode(&s->streams, s->in, key->key, s->out);
	s->out_len = QD_TRANSFER_WELCOME_BYTES;
	s->out_at = 0;
	enter(s, QD_SERVE_ASK, t->config.phase);
	push(s);
}

static void reply(struct qd_serve *s, size_t len)
{
	uint8_t status[QD_TRANSFER_STATUS_BYTES];
	struct qd_writer w = qd_writer_make(status, sizeof status);
	qd_write_be(&w, 1, s->has_body ? 0 : 1);
	qd_write_be(&w, 4, len);
	qd_transfer_seal(&s->streams, status, sizeof status, len == 0, s->out);
	s->out_len = QD_TRANSFER_REPLY_BYTES;
	s->out_at = 0;
	enter(s, QD_SERVE_SEND, s->t->config.body);
	push(s);
}

static void take_request(struct qd_serve *s, const struct qd_transfer_question *q)
{
	struct qd_transfer *t = s->t;
	const struct qd_transfer_asked asked = {.number = s->number, .from = s->from, .question = q};
	t->counters.asked++;
	enter(s, QD_SERVE_WAIT, t->config.answer);
	qd_io_set(&s->io, EPOLLIN);
	t->asked(t->asked_context, &asked);
}

static void take_ask(struct qd_serve *s)
{
	struct qd_transfer *t = s->t;
	struct qd_transfer_question q;
	/* The second cannot be with an honest asker: it has seen the welcome. */
	if (!qd_transfer_ask_decode(&s->streams, s->in, &q) || s->out_at != s->out_len) {
		end_and_count(s, &t->counters.forged);
		return;
	}
	s->has_body = false;
	s->body_sent = 0;
	if (q.request && t->asked != NULL) {
		take_request(s, &q);
		return;
	}
	for (uint32_t i = 0; i < QD_TRANSFER_BODIES && !s->has_body && !q.request; i++) {
		const struct qd_body *b = &t->bodies[i];
		s->has_body = b->used && memcmp(b->digest, q.digest, sizeof q.digest) == 0;
		s->slot = i;
	}
	reply(s, s->has_body ? t->bodies[s->slot].len_bytes : 0);
}

/* Read no more than the message that is due. */
static void pull(struct qd_serve *s)
{
	const size_t want = s->state == QD_SERVE_HELLO ? QD_TRANSFER_HELLO_BYTES : QD_TRANSFER_ASK_BYTES;
	const ssize_t n = recv(s->fd, s->in + s->in_len, want - s->in_len, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		end_and_count(s, &s->t->counters.cut);
		return;
	}
	s->in_len += (size_t)n;
	if (s->in_len < want)
		return;
	if (s->state == QD_SERVE_HELLO)
		take_hello(s);
	else
		take_ask(s);
}

static void on_ready(void *context, int fd, uint32_t events)
{
	struct qd_serve *s = context;
	(void)fd;
	if (s->state == QD_SERVE_WAIT) { /* an asker that waits says nothing: it has gone */
		end_and_count(s, &s->t->counters.cut);
		return;
	}
	if (s->state == QD_SERVE_SEND || (events & EPOLLOUT) != 0)
		push(s); /* an error of the connection comes out here */
	if ((s->state == QD_SERVE_HELLO || s->state == QD_SERVE_ASK) && (events & ~(uint32_t)EPOLLOUT) != 0)
		pull(s);
}

/* ------------------------------------------------ from outside */

/* A free one, or the oldest that has proved nothing. NULL: all are of peers. */
static struct qd_serve *room(struct qd_transfer *t)
{
	struct qd_serve *oldest = NULL;
	for (uint32_t i = 0; i < QD_TRANSFER_SERVES; i++) {
		struct qd_serve *s = &t->serves[i];
		if (s->state == QD_SERVE_FREE)
			return s;
		if (s->state != QD_SERVE_SEND && s->state != QD_SERVE_WAIT &&
		    (oldest == NULL || s->number < oldest->number))
			oldest = s;
	}
	if (oldest != NULL)
		end_and_count(oldest, &t->counters.evicted);
	return oldest;
}

void qd_serve_begin(struct qd_transfer *t, int fd, struct qd_mono now)
{
	struct qd_serve *s = room(t);
	if (s == NULL) {
		t->counters.refused++;
		(void)close(fd);
		return;
	}
	s->io = (struct qd_io){.fn = on_ready, .context = s};
	if (qd_io_add(t->loop, &s->io, fd, EPOLLIN) < 0) {
		t->counters.no_descriptor++;
		(void)close(fd);
		return;
	}
	t->counters.accepted++;
	s->t = t;
	s->fd = fd;
	s->number = ++t->last_number;
	s->state = QD_SERVE_HELLO;
	s->deadline = qd_mono_add(now, t->config.phase);
	s->in_len = 0;
	s->out_at = 0;
	s->out_len = 0;
}

void qd_serve_answer(struct qd_serve *s, const void *bytes, size_t len_bytes)
{
	qd_assert(s->state == QD_SERVE_WAIT && len_bytes <= sizeof s->answer);
	memcpy(s->answer, bytes, len_bytes);
	s->answer_len = len_bytes;
	s->has_body = true;
	s->slot = QD_TRANSFER_BODIES;
	reply(s, len_bytes);
}

void qd_serve_replaced(struct qd_transfer *t, uint32_t slot)
{
	for (uint32_t i = 0; i < QD_TRANSFER_SERVES; i++) {
		struct qd_serve *s = &t->serves[i];
		if (s->state == QD_SERVE_SEND && s->has_body && s->slot == slot)
			end_and_count(s, &t->counters.cut);
	}
}

void qd_serve_think(struct qd_serve *s, struct qd_mono now)
{
	if (s->state != QD_SERVE_FREE && qd_mono_reached(now, s->deadline))
		end_and_count(s, &s->t->counters.too_slow);
}
