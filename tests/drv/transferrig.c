/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/transferrig.h"
#include "base/rand.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct transferrig tr;

const struct qd_transfer_key tr_key = {.number = 7, .key = {1, 2, 3}};

enum {
	RANDOM_SEED = 3,
};

static void on_done(void *context, const struct qd_transfer_done *done)
{
	struct tr_node *n = context;
	n->ended++;
	n->last_id = done->id;
	n->result = done->result;
	n->len = done->len_bytes;
	CHECK((done->body != NULL) == (done->result == QD_TRANSFER_OK) && done->peer == TR_B);
	if (done->body != NULL)
		memcpy(n->body, done->body, done->len_bytes);
}

static void node_open(struct tr_node *n, uint32_t id, const char *at, const struct netns *ns)
{
	struct qd_transfer_config c = {.node_id = id,
				       .port = tr.port,
				       .phase = qd_span_ms(tr.patient ? TR_PATIENT_MS : TR_PHASE_MS),
				       .body = qd_span_ms(tr.patient ? TR_PATIENT_MS : TR_BODY_MS)};
	n->ns = ns;
	n->ended = 0;
	CHECK(qd_address_parse(at, &c.local[0]));
	if (ns != NULL)
		netns_enter(ns);
	n->t = qd_transfer_open(&tr.loop, &c, on_done, n);
	if (ns != NULL)
		netns_enter(NULL);
	CHECK(n->t != NULL && qd_transfer_listen_error(n->t, 0) == 0);
	qd_transfer_set_keys(n->t, &tr_key, 1);
	qd_transfer_set_peers(n->t, qd_set_of(TR_A) | qd_set_of(TR_B));
}

void tr_begin_at(const char *at_a, const char *at_b, const struct netns *ns)
{
	struct qd_rand r = {RANDOM_SEED};
	for (size_t i = 0; i < sizeof tr.bytes; i++)
		tr.bytes[i] = (uint8_t)qd_rand_u64(&r);
	tr.port = rig_free_port();
	tr.want = (struct qd_transfer_want){.peer = TR_B};
	CHECK(qd_address_parse(at_a, &tr.want.from) && qd_address_parse(at_b, &tr.want.to));
	CHECK(qd_loop_open(&tr.loop) == 0);
	node_open(&tr.a, TR_A, at_a, ns);
	node_open(&tr.b, TR_B, at_b, ns != NULL ? ns + 1 : NULL);
}

void tr_begin(void)
{
	tr_begin_at("127.0.0.1", "127.0.0.2", NULL);
}

void tr_end(void)
{
	qd_transfer_close(tr.a.t);
	qd_transfer_close(tr.b.t);
	qd_loop_close(&tr.loop);
	tr.patient = false;
}

void tr_put(size_t len)
{
	qd_transfer_put(tr.b.t, 0, tr.bytes, len, tr.digest);
	tr.want.question.request = false;
	memcpy(tr.want.question.digest, tr.digest, sizeof tr.digest);
}

uint64_t tr_fetch(void)
{
	if (tr.a.ns != NULL)
		netns_enter(tr.a.ns);
	const uint64_t id = qd_transfer_fetch(tr.a.t, &tr.want, qd_clock_now());
	if (tr.a.ns != NULL)
		netns_enter(NULL);
	return id;
}

void tr_think(void)
{
	const struct qd_mono now = qd_clock_now();
	if (tr.a.t != NULL)
		qd_transfer_think(tr.a.t, now);
	if (tr.b.t != NULL)
		qd_transfer_think(tr.b.t, now);
}

struct waiting {
	const uint64_t *counter;
	uint64_t reaches;
};

static bool reached(void *context)
{
	struct waiting *w = context;
	tr_think();
	return *w->counter >= w->reaches;
}

bool tr_until(const uint64_t *counter, uint64_t reaches)
{
	struct waiting w = {counter, reaches};
	return netns_until(&tr.loop, reached, &w);
}

static bool has_ended(void *context)
{
	void (*const *move)(void) = context;
	if (*move != NULL)
		(*move)();
	tr_think();
	return tr.a.ended > 0;
}

bool tr_ended_with(enum qd_transfer_result result, void (*move)(void))
{
	const bool good = netns_until(&tr.loop, has_ended, &move) && tr.a.ended == 1 && tr.a.result == result;
	if (!good)
		printf("  ended %u, %s\n", tr.a.ended, qd_transfer_result_text(tr.a.result));
	tr.a.ended = 0;
	return good;
}

const struct qd_transfer_counters *tr_served(void)
{
	return qd_transfer_count(tr.b.t);
}

/* TR_A whole fetch, right to the byte. */
bool tr_fetches(size_t len)
{
	tr_put(len);
	return tr_fetch() != 0 && tr_ended_with(QD_TRANSFER_OK, NULL) && tr.a.len == len &&
	       memcmp(tr.a.body, tr.bytes, len) == 0;
}

void tr_write_all(int fd, const void *from, size_t len)
{
	CHECK(send(fd, from, len, MSG_NOSIGNAL) == (ssize_t)len);
}

struct reading {
	int fd;
	uint8_t *to;
	size_t got, want;
	bool ended;
};

static bool has_read(void *context)
{
	struct reading *r = context;
	tr_think();
	const ssize_t n = recv(r->fd, r->to + r->got, r->want - r->got, MSG_DONTWAIT);
	if (n > 0)
		r->got += (size_t)n;
	r->ended = n == 0 || (n < 0 && errno != EAGAIN);
	return r->ended || r->got == r->want;
}

/* Exactly that much comes. */
bool tr_read_all(int fd, uint8_t *to, size_t len)
{
	struct reading r = {.fd = fd, .to = to, .want = len};
	return netns_until(&tr.loop, has_read, &r) && r.got == len;
}

/* The other end closes, and says nothing more before. */
bool tr_is_closed(int fd)
{
	uint8_t byte[1];
	struct reading r = {.fd = fd, .to = byte, .want = 1};
	const bool good = netns_until(&tr.loop, has_read, &r) && r.ended;
	(void)close(fd);
	return good;
}
