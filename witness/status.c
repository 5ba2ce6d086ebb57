/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/status.h"

#include "witness/log.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	NS_PER_MS = 1000000,
	QUESTION_MAX = 16,
	ASK_TIMEOUT_S = 10,
};

/* ------------------------------------------------ writing the document */

__attribute__((format(printf, 2, 3))) static void say(struct qd_status *st, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	const int n = vsnprintf(st->piece + st->len, sizeof st->piece - st->len, format, args);
	va_end(args);
	qd_assert(n >= 0 &&
		  (size_t)n < sizeof st->piece - st->len); /* rows are bounded, and so is their number */
	st->len += (size_t)n;
}

static const char *store_name(enum qd_grants_state state)
{
	switch (state) {
	case QD_GRANTS_NEW:
		return "new";
	case QD_GRANTS_OWN:
		return "own";
	case QD_GRANTS_COPY:
		return "copy";
	case QD_GRANTS_STATE_COUNT:
		break;
	}
	QD_UNREACHABLE("state of a store");
}

static void say_addresses(struct qd_status *st)
{
	const struct qd_lanes *l = &st->server->lanes;
	for (uint32_t i = 0; i < l->count; i++) {
		const struct qd_lanes_address *a = &l->address[i];
		char text[QD_ADDRESS_TEXT_MAX];
		qd_address_format(&a->address, text, sizeof text);
		if (st->json)
			say(st,
			    "%s{\"address\":\"%s\",\"port\":%u,\"received\":%" PRIu64 ",\"sent\":%" PRIu64
			    ",\"unsent\":%" PRIu64 "}",
			    i == 0 ? "" : ",", text, a->port, a->counts.received, a->counts.sent,
			    a->counts.unsent);
		else
			say(st,
			    "address  %s port %u: %" PRIu64 " received, %" PRIu64 " sent, %" PRIu64
			    " unsent\n",
			    text, a->port, a->counts.received, a->counts.sent, a->counts.unsent);
	}
}

static void say_head(struct qd_status *st)
{
	struct qd_server *s = st->server;
	const struct qd_server_counts *c = &s->counts;
	const struct qd_scribe_counts w = qd_scribe_counts(&s->scribe);
	const uint64_t up_ms = (uint64_t)qd_mono_sub(qd_clock_now(), s->started).ns / NS_PER_MS;
	if (!st->json) {
		say(st, "quorum-witnessd %s, up %" PRIu64 " s, %u clusters\n", QD_VERSION, up_ms / 1000,
		    s->served);
		say(st,
		    "store    %s: %s at the start, %u damaged; %" PRIu64 " written with %" PRIu64
		    " syncs, slowest %" PRIu64 " ms, %" PRIu64 " failed%s\n",
		    s->options.store_dir, store_name(s->store_state), s->grants.damaged, w.written, w.syncs,
		    w.slowest_ns / NS_PER_MS, w.failed, s->store_fails ? ": IT CANNOT BE WRITTEN" : "");
		say_addresses(st);
		say(st,
		    "packets  %" PRIu64 " good; dropped: %" PRIu64 " forged, %" PRIu64 " stale, %" PRIu64
		    " over the rate, %" PRIu64 " of unknown clusters, %" PRIu64 " malformed, %" PRIu64
		    " of a second machine with a node's id; %" PRIu64 " of an earlier session\n",
		    c->good, c->forged, c->stale, c->limited, c->unknown, c->length + c->envelope, c->twin,
		    c->session);
		say(st, "%-32s %-20s %6s %-12s %s\n", "cluster", "epoch", "holder", "renewed", "state");
		return;
	}
	say(st, "{\"version\":\"%s\",\"up_ms\":%" PRIu64 ",\"clusters\":%u,", QD_VERSION, up_ms, s->served);
	say(st,
	    "\"store\":{\"state\":\"%s\",\"damaged\":%u,\"written\":%" PRIu64 ",\"failed\":%" PRIu64
	    ",\"syncs\":%" PRIu64 ",\"slowest_us\":%" PRIu64 ",\"writable\":%s},\"addresses\":[",
	    store_name(s->store_state), s->grants.damaged, w.written, w.failed, w.syncs, w.slowest_ns / 1000,
	    s->store_fails ? "false" : "true");
	say_addresses(st);
	say(st,
	    "],\"packets\":{\"good\":%" PRIu64 ",\"forged\":%" PRIu64 ",\"stale\":%" PRIu64
	    ",\"limited\":%" PRIu64 ",\"unknown\":%" PRIu64 ",\"length\":%" PRIu64 ",\"envelope\":%" PRIu64
	    ",\"session\":%" PRIu64 ",\"twin\":%" PRIu64 "},\"tenants\":[",
	    c->good, c->forged, c->stale, c->limited, c->unknown, c->length, c->envelope, c->session,
	    c->twin);
}

static void say_row(struct qd_status *st, const struct qd_tenants_one *one, bool first)
{
	char cluster[2 * QD_KEYFILE_CLUSTER_BYTES + 1];
	const struct qd_witness_record *r = &one->lock.record;
	const struct qd_tenants_counts *c = &one->counts;
	const uint64_t age_ms = (uint64_t)qd_mono_sub(qd_clock_now(), one->lock.renewed).ns / NS_PER_MS;
	(void)sodium_bin2hex(cluster, sizeof cluster, one->keys.cluster, sizeof one->keys.cluster);
	if (!st->json) {
		say(st, "%s %-20" PRIu64 " %6u %8" PRIu64 " ms  %s%s\n", cluster, r->epoch, r->holder, age_ms,
		    !r->confirmed    ? "unconfirmed"
		    : r->holder == 0 ? "free"
				     : "held",
		    c->twin > 0 ? ", two machines with one id" : "");
		return;
	}
	say(st,
	    "%s\n{\"cluster\":\"%s\",\"confirmed\":%s,\"epoch\":%" PRIu64
	    ",\"holder\":%u,\"renewed_ms\":%" PRIu64 ",\"tag\":[%" PRIu64 ",%" PRIu64 "],\"good\":%" PRIu64
	    ",\"granted\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"limited\":%" PRIu64 ",\"forged\":%" PRIu64
	    ",\"stale\":%" PRIu64 ",\"twin\":%" PRIu64 "}",
	    first ? "" : ",", cluster, r->confirmed ? "true" : "false", r->epoch, r->holder, age_ms,
	    r->tag.epoch, r->tag.version, c->good, c->granted, c->refused, c->limited, c->forged, c->stale,
	    c->twin);
}

static void fill(struct qd_status *st)
{
	const struct qd_tenants *t = &st->server->tenants;
	const bool begins = st->row == 0;
	bool first = begins;
	st->at = 0;
	st->len = 0;
	if (begins)
		say_head(st);
	for (uint32_t n = 0; n < QD_STATUS_ROWS && st->row < t->count; n++, st->row++) {
		if (!t->one[st->row].served)
			continue;
		say_row(st, &t->one[st->row], first);
		first = false;
	}
	if (st->row < t->count)
		return;
	st->ended = true;
	if (st->json)
		say(st, "]}\n");
}

/* ------------------------------------------------ the socket */

static void end_client(struct qd_status *st)
{
	if (st->client_io.loop == NULL)
		return;
	const int fd = st->client_io.fd;
	qd_io_remove(&st->client_io);
	(void)close(fd);
}

static void write_some(struct qd_status *st, int fd)
{
	if (st->at == st->len && !st->ended)
		fill(st);
	const ssize_t n = send(fd, st->piece + st->at, st->len - st->at, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN) {
		end_client(st);
		return;
	}
	if (n > 0) {
		st->heard = qd_clock_now();
		st->at += (size_t)n;
	}
	if (st->at == st->len && st->ended)
		end_client(st);
}

static void on_client(void *context, int fd, uint32_t events)
{
	struct qd_status *st = context;
	char question[QUESTION_MAX] = {0};
	(void)events;
	if (st->asked) {
		write_some(st, fd);
		return;
	}
	const ssize_t n = recv(fd, question, sizeof question - 1, MSG_DONTWAIT);
	st->json = n > 0 && strcmp(question, "json\n") == 0;
	if (!st->json && (n <= 0 || strcmp(question, "text\n") != 0)) {
		end_client(st);
		return;
	}
	st->asked = true;
	qd_io_set(&st->client_io, EPOLLOUT);
}

static void on_connect(void *context, int fd, uint32_t events)
{
	struct qd_status *st = context;
	(void)events;
	const int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client < 0)
		return;
	const struct qd_mono now = qd_clock_now();
	const bool busy = st->client_io.loop != NULL;
	if (busy && qd_mono_sub(now, st->heard).ns < qd_span_ms(QD_STATUS_PATIENCE_MS).ns) {
		(void)close(client); /* one at a time */
		return;
	}
	end_client(st);
	st->heard = now;
	st->asked = false;
	st->ended = false;
	st->row = 0;
	st->at = 0;
	st->len = 0;
	st->client_io = (struct qd_io){.fn = on_client, .context = st};
	if (qd_io_add(&st->server->loop, &st->client_io, client, EPOLLIN) != 0)
		(void)close(client);
}

static int address_of(const char *path, struct sockaddr_un *to)
{
	*to = (struct sockaddr_un){.sun_family = AF_UNIX};
	const int n = snprintf(to->sun_path, sizeof to->sun_path, "%s", path);
	return n < 0 || (size_t)n >= sizeof to->sun_path ? -ENAMETOOLONG : 0;
}

int qd_status_open(struct qd_status *st, struct qd_server *server, const char *path)
{
	struct sockaddr_un to;
	*st = (struct qd_status){.server = server, .path = path};
	int rc = address_of(path, &to);
	if (rc != 0)
		return rc;
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	(void)unlink(path); /* of an earlier run: the store's lock says that it has ended */
	if (bind(fd, (const struct sockaddr *)&to, sizeof to) != 0 || listen(fd, 4) != 0)
		rc = -errno;
	st->listen_io = (struct qd_io){.fn = on_connect, .context = st};
	if (rc == 0)
		rc = qd_io_add(&server->loop, &st->listen_io, fd, EPOLLIN);
	if (rc != 0)
		(void)close(fd);
	return rc;
}

void qd_status_close(struct qd_status *st)
{
	end_client(st);
	if (st->listen_io.loop == NULL)
		return;
	const int fd = st->listen_io.fd;
	qd_io_remove(&st->listen_io);
	(void)close(fd);
	(void)unlink(st->path);
}

/* ------------------------------------------------ asking */

static int complain(const char *path, const char *what)
{
	(void)fprintf(stderr, "quorum-witnessd: %s: %s\n", path, what);
	return -1;
}

int qd_status_ask(const char *path, bool json, FILE *to)
{
	struct sockaddr_un a;
	char bytes[QD_STATUS_PIECE];
	const struct timeval limit = {.tv_sec = ASK_TIMEOUT_S};
	const char *question = json ? "json\n" : "text\n";
	size_t got = 0;
	if (address_of(path, &a) != 0)
		return complain(path, strerrordesc_np(ENAMETOOLONG));
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
	    connect(fd, (const struct sockaddr *)&a, sizeof a) != 0) {
		const int error = errno;
		if (fd >= 0)
			(void)close(fd);
		complain(path, strerrordesc_np(error));
		return complain(path, "is quorum-witnessd running, and may you read its socket?");
	}
	ssize_t n = send(fd, question, strlen(question), MSG_NOSIGNAL);
	while (n > 0 && (n = recv(fd, bytes, sizeof bytes, 0)) > 0) {
		got += (size_t)n;
		if (fwrite(bytes, 1, (size_t)n, to) != (size_t)n)
			break;
	}
	(void)close(fd);
	if (got == 0 || n < 0)
		return complain(path, "no whole answer: another one is being asked for; try again");
	return fflush(to) == 0 ? 0 : complain("standard output", strerrordesc_np(errno));
}
