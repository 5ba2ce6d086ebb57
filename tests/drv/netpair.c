/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/netpair.h"

#include <string.h>

struct netpair pair;

static void on_datagram(void *context, const struct qd_net_received *in)
{
	struct netnode *n = context;
	uint32_t number = 0;
	n->received++;
	n->last_link = in->link;
	n->last_len = in->len_bytes;
	n->from = *in->from;
	memcpy(n->last, in->data, in->len_bytes);
	if (in->len_bytes >= sizeof number)
		memcpy(&number, in->data, sizeof number);
	n->in_order = n->in_order && number == n->next;
	n->next++;
}

void netpair_address(struct qd_address *to, const char *text)
{
	CHECK(qd_address_parse(text, to));
}

/* A and B, one link, these addresses. */
struct qd_net_config netpair_link(uint16_t port, const char *at_a, const char *at_b)
{
	struct qd_net_config c = {.port = port};
	netpair_address(&c.peer[NETPAIR_A - 1][0], at_a);
	netpair_address(&c.peer[NETPAIR_B - 1][0], at_b);
	return c;
}

void netpair_open(struct netnode *n, const struct netns *ns, const struct qd_net_config *peers, uint32_t id)
{
	struct qd_net_config c = *peers;
	*n = (struct netnode){.ns = ns, .in_order = true};
	memcpy(c.local, peers->peer[id - 1], sizeof c.local);
	if (ns != NULL)
		netns_enter(ns);
	n->net = qd_net_open(&pair.loop, &c, on_datagram, n);
	if (ns != NULL)
		netns_enter(NULL);
	CHECK(n->net != NULL);
}

void netpair_begin(const struct netns *ns, const struct qd_net_config *peers)
{
	CHECK(qd_loop_open(&pair.loop) == 0);
	netpair_open(&pair.a, ns, peers, NETPAIR_A);
	netpair_open(&pair.b, ns != NULL ? ns + 1 : NULL, peers, NETPAIR_B);
}

void netpair_end(void)
{
	qd_net_close(pair.a.net);
	qd_net_close(pair.b.net);
	qd_loop_close(&pair.loop);
}

void netpair_look_again(struct netnode *n)
{
	if (n->ns != NULL)
		netns_enter(n->ns);
	qd_net_look_again(n->net, qd_clock_now());
	if (n->ns != NULL)
		netns_enter(NULL);
}

void netpair_send(struct netnode *from, uint32_t to, uint32_t links, size_t len)
{
	(void)qd_net_send(from->net, to, links, pair.payload, len);
	qd_net_flush(from->net);
}

const struct qd_net_counters *netpair_count(const struct netnode *n, uint32_t link)
{
	return &qd_net_link(n->net, link)->counters;
}

struct wanted {
	const struct netnode *n;
	uint64_t received;
};

static bool has_received(void *context)
{
	const struct wanted *w = context;
	return w->n->received >= w->received;
}

bool netpair_received(const struct netnode *n, uint64_t received)
{
	struct wanted w = {n, received};
	return netns_until(&pair.loop, has_received, &w);
}

/* Sends one until one has come: addresses and interfaces that were just changed take a moment in the kernel. */
struct passage {
	struct netnode *from, *to;
	uint32_t id;
	size_t len;
	uint64_t before;
};

static bool passes_now(void *context)
{
	struct passage *p = context;
	if (p->to->received > p->before)
		return true;
	netpair_send(p->from, p->id, 1, p->len);
	return false;
}

bool netpair_passes(size_t len)
{
	struct passage to_b = {&pair.a, &pair.b, NETPAIR_B, len, pair.b.received},
		       to_a = {&pair.b, &pair.a, NETPAIR_A, len, pair.a.received};
	const bool good =
		netns_until(&pair.loop, passes_now, &to_b) && netns_until(&pair.loop, passes_now, &to_a);
	netns_quiet(&pair.loop, 20); /* what was sent once more */
	return good && pair.b.last_len == len && pair.a.last_len == len;
}

struct qd_net_config netpair_loopback(void)
{
	return netpair_link(rig_free_port(), "127.0.0.1", "127.0.0.2");
}

int netpair_stranger(const char *text, uint16_t port)
{
	struct qd_address at;
	struct sockaddr_storage sock;
	netpair_address(&at, text);
	const socklen_t len = qd_address_to_sock(&at, NULL, port, &sock);
	const int fd = socket(at.family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CHECK(fd >= 0 && bind(fd, (const struct sockaddr *)&sock, len) == 0);
	return fd;
}
