/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/transfer_state.h"
#include "base/bytes.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

static void disconnect(struct qd_fetch *f)
{
	if (f->fd >= 0) {
		qd_io_remove(&f->io);
		(void)close(f->fd);
	}
	f->fd = -1;
	sodium_memzero(&f->streams, sizeof f->streams);
	sodium_memzero(f->key, sizeof f->key);
}

void qd_fetch_stop(struct qd_fetch *f)
{
	if (f->state == QD_FETCH_FREE)
		return;
	disconnect(f);
	f->state = QD_FETCH_FREE;
}

/* The entry stays taken while done() looks at what is in it. */
static void end(struct qd_fetch *f, enum qd_transfer_result result)
{
	struct qd_transfer *t = f->t;
	disconnect(f);
	t->counters.fetched[result]++;
	if (result == QD_TRANSFER_OK)
		t->counters.fetched_bytes += f->body_len;
	f->state = QD_FETCH_FAILED;
	f->deadline = QD_NEVER;
	const struct qd_transfer_done done = {
		.id = f->id,
		.peer = f->peer,
		.result = result,
		.asked = f->asked,
		.digest = f->question.digest,
		.body = result == QD_TRANSFER_OK ? f->body : NULL,
		.len_bytes = result == QD_TRANSFER_OK ? f->body_len : 0,
	};
	f->done(f->context, &done);
	f->state = QD_FETCH_FREE;
}

static void enter(struct qd_fetch *f, enum qd_fetch_state state)
{
	const struct qd_transfer_config *config = &f->t->config;
	const bool waits = state == QD_FETCH_REPLY && f->question.request;
	f->state = state;
	f->in_len = 0;
	f->deadline = qd_mono_add(qd_clock_now(), waits			   ? config->answer
						  : state == QD_FETCH_BODY ? config->body
									   : config->phase);
}

/* A message of ours, which an empty socket buffer takes whole. */
static bool say(struct qd_fetch *f, const uint8_t *message, size_t len_bytes)
{
	return send(f->fd, message, len_bytes, MSG_NOSIGNAL) == (ssize_t)len_bytes;
}

/* ------------------------------------------------ what comes */

static void take_connected(struct qd_fetch *f)
{
	int error = 0;
	socklen_t len = sizeof error;
	if (getsockopt(f->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0 ||
	    !say(f, f->hello, sizeof f->hello)) {
		end(f, QD_TRANSFER_UNREACHABLE);
		return;
	}
	enter(f, QD_FETCH_WELCOME);
	qd_io_set(&f->io, EPOLLIN);
}

static void take_welcome(struct qd_fetch *f)
{
	uint8_t ask[QD_TRANSFER_ASK_BYTES];
	const enum qd_transfer_result result =
		qd_transfer_welcome_decode(&f->streams, f->hello, f->key, f->in);
	if (result != QD_TRANSFER_OK) {
		end(f, result);
		return;
	}
	qd_transfer_ask_encode(&f->streams, &f->question, ask);
	f->asked = true;
	if (!say(f, ask, sizeof ask)) {
		end(f, QD_TRANSFER_CLOSED);
		return;
	}
	enter(f, QD_FETCH_REPLY);
}

static void finish(struct qd_fetch *f)
{
	uint8_t digest[QD_DIGEST_BYTES];
	const int status = crypto_generichash_final(&f->hash, digest, sizeof digest);
	qd_assert(status == 0);
	const bool good = f->question.request || memcmp(digest, f->question.digest, sizeof digest) == 0;
	end(f, good ? QD_TRANSFER_OK : QD_TRANSFER_DIGEST);
}

static void take_reply(struct qd_fetch *f)
{
	uint8_t status[QD_TRANSFER_STATUS_BYTES];
	bool last = false;
	if (!qd_transfer_unseal(&f->streams, f->in, QD_TRANSFER_REPLY_BYTES, status, &last)) {
		end(f, QD_TRANSFER_FORGED);
		return;
	}
	struct qd_reader r = qd_reader_make(status, sizeof status);
	const bool absent = qd_read_be(&r, 1) != 0;
	f->body_len = (size_t)qd_read_be(&r, 4);
	f->body_got = 0;
	if (absent) {
		end(f, QD_TRANSFER_ABSENT);
		return;
	}
	if (last != (f->body_len == 0)) {
		end(f, QD_TRANSFER_PROTOCOL);
		return;
	}
	if (f->body_len > f->t->config.body_max_bytes) {
		end(f, QD_TRANSFER_TOO_LARGE);
		return;
	}
	const int rc = crypto_generichash_init(&f->hash, NULL, 0, QD_DIGEST_BYTES);
	qd_assert(rc == 0);
	if (f->body_len == 0)
		finish(f);
	else
		enter(f, QD_FETCH_BODY);
}

static size_t chunk_len(const struct qd_fetch *f)
{
	const size_t left = f->body_len - f->body_got;
	return left < QD_TRANSFER_CHUNK ? left : QD_TRANSFER_CHUNK;
}

static void take_chunk(struct qd_fetch *f)
{
	const size_t len = chunk_len(f);
	uint8_t *to = f->body + f->body_got;
	bool last = false;
	f->in_len = 0;
	if (!qd_transfer_unseal(&f->streams, f->in, len + QD_TRANSFER_SEAL, to, &last) ||
	    last != (f->body_got + len == f->body_len)) {
		end(f, QD_TRANSFER_FORGED);
		return;
	}
	const int rc = crypto_generichash_update(&f->hash, to, len);
	qd_assert(rc == 0);
	f->body_got += len;
	if (last)
		finish(f);
}

/* Length of the piece that is due; 0: none. */
static size_t piece_len(const struct qd_fetch *f)
{
	switch (f->state) {
	case QD_FETCH_WELCOME:
		return QD_TRANSFER_WELCOME_BYTES;
	case QD_FETCH_REPLY:
		return QD_TRANSFER_REPLY_BYTES;
	case QD_FETCH_BODY:
		return chunk_len(f) + QD_TRANSFER_SEAL;
	case QD_FETCH_FREE:
	case QD_FETCH_FAILED:
	case QD_FETCH_CONNECT:
	case QD_FETCH_STATE_COUNT:
		break;
	}
	return 0;
}

static void take_piece(struct qd_fetch *f)
{
	if (f->state == QD_FETCH_WELCOME)
		take_welcome(f);
	else if (f->state == QD_FETCH_REPLY)
		take_reply(f);
	else
		take_chunk(f);
}

/* Something came: one piece more, never over its end. False: nothing more now, or the fetch has ended. */
static bool pull(struct qd_fetch *f)
{
	const uint64_t id = f->id;
	const size_t want = piece_len(f);
	const ssize_t n = recv(f->fd, f->in + f->in_len, want - f->in_len, 0);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) {
		end(f, QD_TRANSFER_CLOSED);
		return false;
	}
	f->in_len += (size_t)n;
	if (f->in_len == want)
		take_piece(f);
	return f->id == id && piece_len(f) != 0;
}

static void on_ready(void *context, int fd, uint32_t events)
{
	struct qd_fetch *f = context;
	(void)fd;
	(void)events;
	if (f->state == QD_FETCH_CONNECT) {
		take_connected(f);
		return;
	}
	int pieces = 0;
	while (pieces < QD_TRANSFER_PIECES && pull(f))
		pieces++;
}

/* ------------------------------------------------ from outside */

static int connect_to(struct qd_fetch *f, const struct qd_transfer_want *want)
{
	struct sockaddr_storage own, peer;
	const int one = 1;
	const socklen_t own_len = qd_address_to_sock(&want->from, NULL, 0, &own);
	const char *scope = want->from.scope[0] != '\0' ? want->from.scope : NULL;
	const socklen_t peer_len = qd_address_to_sock(&want->to, scope, f->t->config.port, &peer);
	if (peer_len == 0 || (own_len == 0 && want->from.family != AF_UNSPEC))
		return -ENODEV;
	const int fd = socket(peer.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* Neither is needed for anything but speed and ports. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	int rc = 0;
	if ((own_len != 0 && bind(fd, (const struct sockaddr *)&own, own_len) != 0) ||
	    (connect(fd, (const struct sockaddr *)&peer, peer_len) != 0 && errno != EINPROGRESS))
		rc = -errno;
	f->io = (struct qd_io){.fn = on_ready, .context = f};
	if (rc == 0)
		rc = qd_io_add(f->t->loop, &f->io, fd, EPOLLOUT);
	if (rc == 0)
		f->fd = fd;
	else
		(void)close(fd);
	return rc;
}

void qd_fetch_begin(struct qd_fetch *f, const struct qd_transfer_want *want, struct qd_mono now)
{
	struct qd_transfer *t = f->t;
	const struct qd_transfer_key *key = &t->keys[0];
	const struct qd_transfer_hello h = {
		.from = t->config.node_id, .to = want->peer, .key_number = key->number};
	f->id = ++t->last_number;
	f->peer = want->peer;
	f->question = want->question;
	f->asked = false;
	f->done = want->done != NULL ? want->done : t->done;
	f->context = want->done != NULL ? want->context : t->context;
	memcpy(f->key, key->key, sizeof f->key);
	qd_transfer_hello_encode(&h, f->hello);
	enter(f, QD_FETCH_CONNECT);
	if (connect_to(f, want) < 0) {
		f->state = QD_FETCH_FAILED;
		f->deadline = now;
	}
}

void qd_fetch_think(struct qd_fetch *f, struct qd_mono now)
{
	if (f->state != QD_FETCH_FREE && qd_mono_reached(now, f->deadline))
		end(f, f->state == QD_FETCH_FAILED ? QD_TRANSFER_UNREACHABLE : QD_TRANSFER_TIMEOUT);
}
