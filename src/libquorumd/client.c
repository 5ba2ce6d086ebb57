/* SPDX-License-Identifier: Apache-2.0 */
#include "libquorumd/ownership.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	AGAIN_MS = 200,		/* after a connection was lost or refused */
	SILENCE_MS = 15000,	/* quorum-api sends an empty line every 5 s: three are missing */
	BUFFER_BYTES = 1 << 18, /* a status of 16 nodes on 2 links is about 20 KiB, of 64 on 8 some 200 */
	PIECES_A_TURN = 16,
};

/* HTTP/1.0: the answer is not in chunks, and the end of the connection is its end. */
static const char request[] = "GET /v1/events HTTP/1.0\r\n\r\n";

struct qd_client {
	struct sockaddr_un address;
	int epoll_fd;
	int timer_fd; /* to connect again; while connected, to notice silence */
	int fd;	      /* -1: not connected */
	bool in_body;
	bool told_lost; /* known = false was the last that the caller saw */
	bool changed;	/* `ownership` is to be handed out */
	struct qd_ownership ownership;
	size_t len;
	char buffer[BUFFER_BYTES];
};

static int set_timer(const struct qd_client *c, int ms)
{
	const struct itimerspec when = {
		.it_value = {.tv_sec = ms / 1000,
			     .tv_nsec = (long)(ms % 1000) * 1000000 + (ms == 0 ? 1 : 0)}};
	return timerfd_settime(c->timer_fd, 0, &when, NULL) == 0 ? 0 : -QD_ERR_IO;
}

static int lose(struct qd_client *c)
{
	if (c->fd >= 0)
		(void)close(c->fd); /* nothing to lose; it leaves the epoll set by itself */
	c->fd = -1;
	c->len = 0;
	c->in_body = false;
	c->ownership = (struct qd_ownership){0};
	c->changed = !c->told_lost;
	return set_timer(c, AGAIN_MS);
}

static int connect_now(struct qd_client *c)
{
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct epoll_event event = {.events = EPOLLIN};
	if (c->fd < 0)
		return -QD_ERR_IO;
	if (connect(c->fd, (const struct sockaddr *)&c->address, sizeof(c->address)) != 0 ||
	    send(c->fd, request, sizeof(request) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(request) - 1)
		return lose(c);
	if (epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, c->fd, &event) != 0)
		return -QD_ERR_IO;
	return set_timer(c, SILENCE_MS);
}

/* The end of the HTTP header. False: the connection is of no use. */
static bool take_header(struct qd_client *c)
{
	const char *end = memmem(c->buffer, c->len, "\r\n\r\n", 4);
	if (end == NULL)
		return true;
	if (c->len < 12 || memcmp(c->buffer, "HTTP/1.", 7) != 0 || memcmp(c->buffer + 8, " 200", 4) != 0)
		return false;
	size_t skip = (size_t)(end + 4 - c->buffer);
	memmove(c->buffer, c->buffer + skip, c->len - skip);
	c->len -= skip;
	c->in_body = true;
	return true;
}

/* All whole lines of the buffer; the last one counts. False: not what quorum-api says. */
static bool take_lines(struct qd_client *c)
{
	size_t at = 0;
	for (;;) {
		const char *end = memchr(c->buffer + at, '\n', c->len - at);
		if (end == NULL)
			break;
		size_t len = (size_t)(end - (c->buffer + at));
		if (len > 0) {
			if (qd_ownership_parse(c->buffer + at, len, &c->ownership) != 0)
				return false;
			c->changed = true;
		}
		at += len + 1;
	}
	memmove(c->buffer, c->buffer + at, c->len - at);
	c->len -= at;
	return true;
}

static int take_input(struct qd_client *c)
{
	for (int i = 0; i < PIECES_A_TURN && c->fd >= 0; i++) {
		ssize_t n = recv(c->fd, c->buffer + c->len, sizeof(c->buffer) - c->len, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n <= 0)
			return lose(c); /* also when the buffer is full without a line feed: n is 0 */
		c->len += (size_t)n;
		int status = set_timer(c, SILENCE_MS);
		if (status != 0)
			return status;
		if ((!c->in_body && !take_header(c)) || (c->in_body && !take_lines(c)))
			return lose(c);
	}
	return 0;
}

static int take_timer(struct qd_client *c)
{
	uint64_t times = 0;
	if (read(c->timer_fd, &times, sizeof(times)) != (ssize_t)sizeof(times))
		return 0; /* not yet */
	return c->fd >= 0 ? lose(c) : connect_now(c);
}

int qd_client_next(struct qd_client *client, struct qd_ownership *out)
{
	int status = take_timer(client);
	if (status == 0 && client->fd >= 0)
		status = take_input(client);
	if (status != 0)
		return status;
	if (!client->changed)
		return 0;
	client->changed = false;
	client->told_lost = !client->ownership.known;
	*out = client->ownership;
	return 1;
}

static int64_t now_ms(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int qd_client_wait(struct qd_client *client, int limit_ms, struct qd_ownership *out)
{
	int64_t end = now_ms() + limit_ms;
	for (;;) {
		int status = qd_client_next(client, out);
		if (status != 0)
			return status;
		int64_t left = limit_ms < 0 ? -1 : end - now_ms();
		struct pollfd p = {.fd = client->epoll_fd, .events = POLLIN};
		if (limit_ms >= 0 && left <= 0)
			return 0;
		if (poll(&p, 1, (int)left) < 0)
			return errno == EINTR ? 0 : -QD_ERR_IO;
	}
}

int qd_client_open(const char *path, struct qd_client **out)
{
	*out = NULL;
	struct qd_client *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -QD_ERR_NOMEM;
	c->fd = -1;
	c->address.sun_family = AF_UNIX;
	int len = snprintf(c->address.sun_path, sizeof(c->address.sun_path), "%s",
			   path != NULL ? path : QD_CLIENT_SOCKET);
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	struct epoll_event event = {.events = EPOLLIN};
	int status = 0;
	if (len < 0 || (size_t)len >= sizeof(c->address.sun_path))
		status = -QD_ERR_INVALID;
	else if (c->epoll_fd < 0 || c->timer_fd < 0 ||
		 epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, c->timer_fd, &event) != 0)
		status = -QD_ERR_IO;
	else
		status = set_timer(c, 0);
	if (status != 0) {
		qd_client_close(c);
		return status;
	}
	*out = c;
	return 0;
}

void qd_client_close(struct qd_client *client)
{
	if (client == NULL)
		return;
	int fds[] = {client->fd, client->timer_fd, client->epoll_fd};
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0)
			(void)close(fds[i]); /* nothing to lose */
	}
	free(client);
}

int qd_client_fd(const struct qd_client *client)
{
	return client->epoll_fd;
}

int qd_owner_get(const char *path, int limit_ms, struct qd_ownership *out)
{
	struct qd_client *c = NULL;
	int status = qd_client_open(path, &c);
	if (status != 0)
		return status;
	status = qd_client_wait(c, limit_ms, out);
	qd_client_close(c);
	if (status < 0)
		return status;
	if (status == 0)
		return -QD_ERR_TIMEOUT;
	return out->known ? 0 : -QD_ERR_UNREACHABLE;
}

const char *qd_error_text(int error)
{
	switch (error < 0 ? -(long)error : error) {
#define QD_ERRORS_TEXT(name, code, status, text)                                                             \
	case code:                                                                                           \
		return text;
		QD_ERRORS(QD_ERRORS_TEXT)
#undef QD_ERRORS_TEXT
	default:
		return "success";
	}
}
