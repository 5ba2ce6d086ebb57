/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CONNECTIONS_MAX = 16,
	BUFFER_BYTES = 65536,
	HELD_BYTES = 1 << 20,
};

struct order {
	enum proxy_order_kind kind;
	uint32_t count;
	uint32_t
		mask; /* 0..255; as wide as the others, so that nothing between the fields goes over the socket */
};

struct connection {
	int up;	  /* to the driver, -1: free */
	int down; /* to the target, -1: none */
};

static struct {
	int listen_fd;
	int control;
	uint16_t to;
	struct order order;
	struct connection list[CONNECTIONS_MAX];
	uint8_t held[HELD_BYTES];
	size_t held_bytes;
} me;

static void reset(struct connection *c)
{
	const struct linger none = {.l_onoff = 1, .l_linger = 0};
	if (c->up >= 0) {
		(void)setsockopt(c->up, SOL_SOCKET, SO_LINGER, &none, sizeof none);
		(void)close(c->up);
	}
	if (c->down >= 0)
		(void)close(c->down);
	*c = (struct connection){.up = -1, .down = -1};
}

static void reset_all(void)
{
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		reset(&me.list[i]);
}

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
}

static void take_connection(void)
{
	const struct sockaddr_in a = loopback(me.to);
	const int one = 1;
	struct connection c = {.up = accept(me.listen_fd, NULL, NULL), .down = -1};
	if (c.up < 0)
		return;
	if (me.to != 0) {
		c.down = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(c.down, (const struct sockaddr *)&a, sizeof a) != 0) {
			reset(&c);
			return;
		}
		(void)setsockopt(c.down, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	}
	(void)setsockopt(c.up, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (me.order.kind == PROXY_REFUSE) {
		reset(&c);
		return;
	}
	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		if (me.list[i].up >= 0)
			continue;
		me.list[i] = c;
		return;
	}
	reset(&c);
}

static void push(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
		if (n <= 0)
			return; /* the next read of that side says so */
		data += n;
		len -= (size_t)n;
	}
}

/* What the order makes of data from the target. False: the connection is to be reset. */
static bool spoil(uint8_t *data, size_t *len)
{
	struct order *o = &me.order;
	const size_t n = *len;
	if (o->kind == PROXY_HOLD) {
		size_t room = HELD_BYTES - me.held_bytes;
		memcpy(me.held + me.held_bytes, data, n < room ? n : room);
		me.held_bytes += n < room ? n : room;
		*len = 0;
	} else if (o->kind == PROXY_CUT_DOWN) {
		*len = n < o->count ? n : o->count;
		o->count -= (uint32_t)*len;
		return o->count > 0;
	} else if (o->kind == PROXY_FLIP_DOWN && o->count < n) {
		data[o->count] ^= (uint8_t)o->mask;
		o->kind = PROXY_PASS;
	} else if (o->kind == PROXY_FLIP_DOWN) {
		o->count -= (uint32_t)n;
	} else if (o->kind == PROXY_GARBAGE_DOWN) {
		for (size_t i = o->count < n ? o->count : n; i < n; i++)
			data[i] = (uint8_t)(i * 167 + 13);
		o->count -= n < o->count ? (uint32_t)n : o->count;
	}
	return true;
}

static void relay_down(struct connection *c)
{
	static uint8_t data[BUFFER_BYTES];
	ssize_t n = recv(c->down, data, sizeof data, 0);
	size_t len = n > 0 ? (size_t)n : 0;
	bool go_on = n > 0 && spoil(data, &len);
	if (len > 0)
		push(c->up, data, len);
	if (!go_on)
		reset(c);
}

static void relay_up(struct connection *c)
{
	static uint8_t data[BUFFER_BYTES];
	ssize_t n = recv(c->up, data, sizeof data, 0);
	if (n <= 0) {
		reset(c);
		return;
	}
	size_t len = (size_t)n;
	if (me.order.kind == PROXY_FLIP_UP && me.order.count < len) {
		data[me.order.count] ^= (uint8_t)me.order.mask;
		me.order.kind = PROXY_PASS;
	} else if (me.order.kind == PROXY_FLIP_UP) {
		me.order.count -= (uint32_t)len;
	}
	bool cut = me.order.kind == PROXY_CUT_UP && len >= me.order.count;
	if (me.order.kind == PROXY_CUT_UP) {
		len = cut ? me.order.count : len;
		me.order.count -= (uint32_t)len;
	}
	if (c->down >= 0)
		push(c->down, data, len);
	if (cut)
		reset(c);
}

static void take_order(void)
{
	struct order o;
	if (recv(me.control, &o, sizeof o, 0) != (ssize_t)sizeof o)
		_exit(0);
	if (o.kind == PROXY_RESET || o.kind == PROXY_REFUSE) {
		reset_all();
		me.held_bytes = 0;
		if (o.kind == PROXY_RESET)
			o.kind = PROXY_PASS;
	}
	if (o.kind == PROXY_PASS && me.held_bytes > 0) { /* one connection held: the newest */
		for (size_t i = CONNECTIONS_MAX; i > 0; i--) {
			if (me.list[i - 1].up < 0)
				continue;
			push(me.list[i - 1].up, me.held, me.held_bytes);
			break;
		}
		me.held_bytes = 0;
	}
	me.order = o;
	(void)send(me.control, &o, sizeof o, MSG_NOSIGNAL);
}

static _Noreturn void serve(void)
{
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		me.list[i] = (struct connection){.up = -1, .down = -1};
	for (;;) {
		struct pollfd p[2 + 2 * CONNECTIONS_MAX] = {{.fd = me.control, .events = POLLIN},
							    {.fd = me.listen_fd, .events = POLLIN}};
		const short events = me.order.kind == PROXY_STALL ? 0 : POLLIN;
		for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
			p[2 + 2 * i] =
				(struct pollfd){.fd = events != 0 ? me.list[i].up : -1, .events = events};
			p[3 + 2 * i] =
				(struct pollfd){.fd = events != 0 ? me.list[i].down : -1, .events = events};
		}
		if (poll(p, sizeof p / sizeof p[0], -1) < 0)
			_exit(1);
		for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
			struct connection *c = &me.list[i];
			if (p[3 + 2 * i].revents != 0 && c->down == p[3 + 2 * i].fd)
				relay_down(c);
			if (p[2 + 2 * i].revents != 0 && c->up == p[2 + 2 * i].fd)
				relay_up(c);
		}
		if (p[1].revents != 0)
			take_connection();
		if (p[0].revents != 0)
			take_order();
	}
}

void proxy_start(struct proxy *p, uint16_t to)
{
	int pair[2];
	struct sockaddr_in a = loopback(0);
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 8) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) != 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		printf("proxy: %s\n", strerrordesc_np(errno));
		exit(1);
	}
	p->port = ntohs(a.sin_port);
	p->control = pair[0];
	(void)fflush(stdout);
	p->pid = fork();
	if (p->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(pair[0]);
		me.listen_fd = fd;
		me.control = pair[1];
		me.to = to;
		serve();
	}
	(void)close(pair[1]);
	(void)close(fd);
}

void proxy_order(struct proxy *p, enum proxy_order_kind kind, uint32_t count, uint8_t mask)
{
	struct order o = {.kind = kind, .count = count, .mask = mask};
	if (send(p->control, &o, sizeof o, MSG_NOSIGNAL) != (ssize_t)sizeof o ||
	    recv(p->control, &o, sizeof o, 0) != (ssize_t)sizeof o) {
		printf("proxy: gone\n");
		exit(1);
	}
}

void proxy_stop(struct proxy *p)
{
	(void)close(p->control);
	(void)kill(p->pid, SIGKILL);
	(void)waitpid(p->pid, NULL, 0);
}
