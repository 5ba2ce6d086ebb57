/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/transfer_state.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	RETRY_MS = 1000, /* between two attempts to listen */
	REST_MS = 100,	 /* after there was no descriptor for a connection */
	ACCEPTS_A_TURN = 8,
	BACKLOG = 32,
	SEND_BUFFER =
		131072, /* of each connection: what an asker does not read stays here, not in the kernel */
};

/* ------------------------------------------------ listening */

static bool option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

static void retry_at(struct qd_transfer *t, struct qd_mono when)
{
	t->retry = qd_mono_min(t->retry, when);
}

static void on_connection(void *context, int fd, uint32_t events)
{
	struct qd_listener *l = context;
	struct qd_transfer *t = l->t;
	const struct qd_mono now = qd_clock_now();
	(void)events;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		const int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (peer >= 0) {
			(void)option(peer, IPPROTO_TCP, TCP_NODELAY, 1); /* only slower without */
			qd_serve_begin(t, peer, now);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			/* The connection stays in the backlog and would wake the loop for ever. */
			t->counters.no_descriptor++;
			qd_io_set(&l->io, 0);
			retry_at(t, qd_mono_add(now, qd_span_ms(REST_MS)));
		}
		return; /* EAGAIN, or a connection that has gone already */
	}
}

static int open_socket(struct qd_listener *l, const struct sockaddr_storage *sock, socklen_t sock_len)
{
	const int fd = socket(sock->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int rc = 0;
	(void)option(fd, IPPROTO_IP, IP_FREEBIND,
		     1); /* refused: the address has to be there first, and is tried again */
	(void)option(fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER); /* connections inherit it; never refused */
	if (!option(fd, SOL_SOCKET, SO_REUSEADDR, 1) || /* after a restart; not beside another listener */
	    (sock->ss_family == AF_INET6 && !option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) ||
	    bind(fd, (const struct sockaddr *)sock, sock_len) != 0 || listen(fd, BACKLOG) != 0)
		rc = -errno;
	l->io = (struct qd_io){.fn = on_connection, .context = l};
	if (rc == 0)
		rc = qd_io_add(l->t->loop, &l->io, fd, EPOLLIN);
	if (rc == 0)
		l->fd = fd;
	else
		(void)close(fd);
	return rc;
}

static void close_listener(struct qd_listener *l)
{
	if (!l->open)
		return;
	qd_io_remove(&l->io);
	(void)close(l->fd);
	l->open = false;
}

static void open_listener(struct qd_listener *l, const struct qd_address *local)
{
	struct sockaddr_storage sock;
	l->error = 0;
	if (l->open || local->family == AF_UNSPEC)
		return;
	const socklen_t sock_len = qd_address_to_sock(local, NULL, l->t->config.port, &sock);
	l->error = sock_len == 0 ? -ENODEV : open_socket(l, &sock, sock_len);
	if (l->error < 0)
		return;
	l->open = true;
	l->interface = local->scope[0] != '\0' ? if_nametoindex(local->scope) : 0;
}

static void open_listeners(struct qd_transfer *t, struct qd_mono now)
{
	t->retry = QD_NEVER;
	for (uint32_t i = 0; i < QD_LINKS_MAX; i++) {
		struct qd_listener *l = &t->listeners[i];
		open_listener(l, &t->config.local[i]);
		if (l->open)
			qd_io_set(&l->io, EPOLLIN);
		if (l->error < 0)
			retry_at(t, qd_mono_add(now, qd_span_ms(RETRY_MS)));
	}
}

void qd_transfer_look_again(struct qd_transfer *t, struct qd_mono now)
{
	for (uint32_t i = 0; i < QD_LINKS_MAX; i++) {
		struct qd_listener *l = &t->listeners[i];
		if (l->open && l->interface != 0 && l->interface != if_nametoindex(t->config.local[i].scope))
			close_listener(l);
	}
	open_listeners(t, now);
}

void qd_transfer_configure(struct qd_transfer *t, const struct qd_address local[QD_LINKS_MAX],
			   struct qd_mono now)
{
	for (uint32_t i = 0; i < QD_LINKS_MAX; i++) {
		if (!qd_address_equal(&local[i], &t->config.local[i]))
			close_listener(&t->listeners[i]);
		t->config.local[i] = local[i];
	}
	qd_transfer_look_again(t, now);
}

int qd_transfer_listen_error(const struct qd_transfer *t, uint32_t link)
{
	qd_assert(link < QD_LINKS_MAX);
	return t->listeners[link].error;
}

/* ------------------------------------------------ opening and closing */

static void set_defaults(struct qd_transfer_config *c)
{
	if (c->port == 0)
		c->port = QD_TRANSFER_PORT;
	if (c->phase.ns == 0)
		c->phase = qd_span_ms(QD_TRANSFER_PHASE_MS);
	if (c->body.ns == 0)
		c->body = qd_span_ms(QD_TRANSFER_BODY_MS);
	if (c->answer.ns == 0)
		c->answer = qd_span_ms(QD_TRANSFER_ANSWER_MS);
	if (c->body_max_bytes == 0)
		c->body_max_bytes = QD_TRANSFER_BODY_MAX;
	qd_assert(c->node_id >= 1 && c->node_id <= QD_NODES_MAX);
	qd_assert(c->body_max_bytes <= QD_TRANSFER_BODY_MAX && c->phase.ns > 0 && c->body.ns > 0);
}

/* libsodium's states want more than malloc() gives. */
static struct qd_transfer *allocate(void)
{
	const size_t align = alignof(struct qd_transfer);
	const size_t size = (sizeof(struct qd_transfer) + align - 1) / align * align;
	struct qd_transfer *t = aligned_alloc(align, size);
	if (t != NULL)
		memset(t, 0, size);
	return t;
}

struct qd_transfer *qd_transfer_open(struct qd_loop *loop, const struct qd_transfer_config *config,
				     qd_transfer_done_fn *done, void *context)
{
	qd_assert(loop->is_open && done != NULL);
	if (sodium_init() < 0)
		return NULL;
	struct qd_transfer *t = allocate();
	if (t == NULL)
		return NULL;
	t->config = *config;
	set_defaults(&t->config);
	t->loop = loop;
	t->done = done;
	t->context = context;
	t->retry = QD_NEVER;
	const size_t each = t->config.body_max_bytes;
	t->memory = calloc(QD_TRANSFER_BODIES + QD_TRANSFER_FETCHES, each);
	if (t->memory == NULL) {
		free(t);
		return NULL;
	}
	for (size_t i = 0; i < QD_TRANSFER_BODIES; i++)
		t->bodies[i].bytes = t->memory + i * each;
	for (size_t i = 0; i < QD_TRANSFER_FETCHES; i++) {
		t->fetches[i].t = t;
		t->fetches[i].fd = -1;
		t->fetches[i].body = t->memory + (QD_TRANSFER_BODIES + i) * each;
	}
	for (uint32_t i = 0; i < QD_LINKS_MAX; i++)
		t->listeners[i].t = t;
	open_listeners(t, qd_clock_now());
	return t;
}

void qd_transfer_close(struct qd_transfer *t)
{
	if (t == NULL)
		return;
	for (uint32_t i = 0; i < QD_LINKS_MAX; i++)
		close_listener(&t->listeners[i]);
	for (uint32_t i = 0; i < QD_TRANSFER_SERVES; i++)
		qd_serve_end(&t->serves[i]);
	for (uint32_t i = 0; i < QD_TRANSFER_FETCHES; i++)
		qd_fetch_stop(&t->fetches[i]);
	free(t->memory);
	sodium_memzero(t->keys, sizeof t->keys);
	free(t);
}

/* ------------------------------------------------ keys, bodies, fetches */

void qd_transfer_set_keys(struct qd_transfer *t, const struct qd_transfer_key *keys, uint32_t count)
{
	qd_assert(count <= QD_TRANSFER_KEYS);
	sodium_memzero(t->keys, sizeof t->keys);
	for (uint32_t i = 0; i < count; i++)
		t->keys[i] = keys[i];
	t->key_count = count;
}

void qd_transfer_set_peers(struct qd_transfer *t, uint64_t peers)
{
	t->peers = peers & qd_set_all() & ~qd_set_of(t->config.node_id);
}

void qd_transfer_put(struct qd_transfer *t, uint32_t slot, const void *bytes, size_t len_bytes,
		     uint8_t digest[QD_DIGEST_BYTES])
{
	qd_assert(slot < QD_TRANSFER_BODIES && len_bytes <= t->config.body_max_bytes);
	struct qd_body *b = &t->bodies[slot];
	if (bytes == NULL) {
		qd_serve_replaced(t, slot);
		b->used = false;
		return;
	}
	const int status = crypto_generichash(digest, QD_DIGEST_BYTES, bytes, len_bytes, NULL, 0);
	qd_assert(status == 0);
	if (b->used && memcmp(b->digest, digest, sizeof b->digest) == 0)
		return;
	qd_serve_replaced(t, slot);
	b->used = true;
	b->len_bytes = len_bytes;
	memcpy(b->digest, digest, sizeof b->digest);
	memcpy(b->bytes, bytes, len_bytes);
}

void qd_transfer_take_requests(struct qd_transfer *t, qd_transfer_asked_fn *asked, void *context)
{
	t->asked = asked;
	t->asked_context = context;
}

void qd_transfer_answer(struct qd_transfer *t, uint64_t number, const void *bytes, size_t len_bytes)
{
	qd_assert(len_bytes > 0 && len_bytes <= QD_TRANSFER_ANSWER_MAX);
	for (uint32_t i = 0; i < QD_TRANSFER_SERVES; i++)
		if (t->serves[i].state == QD_SERVE_WAIT && t->serves[i].number == number)
			qd_serve_answer(&t->serves[i], bytes, len_bytes);
}

uint64_t qd_transfer_fetch(struct qd_transfer *t, const struct qd_transfer_want *want, struct qd_mono now)
{
	if (t->key_count == 0)
		return 0;
	for (uint32_t i = 0; i < QD_TRANSFER_FETCHES; i++) {
		struct qd_fetch *f = &t->fetches[i];
		if (f->state != QD_FETCH_FREE)
			continue;
		qd_fetch_begin(f, want, now);
		return f->id;
	}
	return 0;
}

void qd_transfer_cancel(struct qd_transfer *t, uint64_t id)
{
	for (uint32_t i = 0; i < QD_TRANSFER_FETCHES; i++)
		if (t->fetches[i].state != QD_FETCH_FREE && t->fetches[i].id == id)
			qd_fetch_stop(&t->fetches[i]);
}

/* ------------------------------------------------ time */

struct qd_mono qd_transfer_deadline(const struct qd_transfer *t)
{
	struct qd_mono first = t->retry;
	for (uint32_t i = 0; i < QD_TRANSFER_SERVES; i++)
		if (t->serves[i].state != QD_SERVE_FREE)
			first = qd_mono_min(first, t->serves[i].deadline);
	for (uint32_t i = 0; i < QD_TRANSFER_FETCHES; i++)
		if (t->fetches[i].state != QD_FETCH_FREE)
			first = qd_mono_min(first, t->fetches[i].deadline);
	return first;
}

void qd_transfer_think(struct qd_transfer *t, struct qd_mono now)
{
	for (uint32_t i = 0; i < QD_TRANSFER_SERVES; i++)
		qd_serve_think(&t->serves[i], now);
	for (uint32_t i = 0; i < QD_TRANSFER_FETCHES; i++)
		qd_fetch_think(&t->fetches[i], now);
	if (qd_mono_reached(now, t->retry))
		open_listeners(t, now);
}

const struct qd_transfer_counters *qd_transfer_count(const struct qd_transfer *t)
{
	return &t->counters;
}

const char *qd_transfer_result_text(enum qd_transfer_result result)
{
	switch (result) {
	case QD_TRANSFER_OK:
		return "it has come";
	case QD_TRANSFER_ABSENT:
		return "the peer does not have it";
	case QD_TRANSFER_UNREACHABLE:
		return "no connection to the peer";
	case QD_TRANSFER_TIMEOUT:
		return "the peer is too slow";
	case QD_TRANSFER_CLOSED:
		return "the peer ended the connection: it may not know this node or the number of its key";
	case QD_TRANSFER_FORGED:
		return "the peer has another key";
	case QD_TRANSFER_PROTOCOL:
		return "the peer speaks another protocol or version";
	case QD_TRANSFER_TOO_LARGE:
		return "it is larger than this node takes";
	case QD_TRANSFER_DIGEST:
		return "the peer sent something else under its name";
	case QD_TRANSFER_RESULT_COUNT:
		break;
	}
	QD_UNREACHABLE("a result of a transfer that is none");
}
