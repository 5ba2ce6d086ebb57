/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/net_udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	BATCH_IN = 16, /* datagrams a system call */
	ROUNDS_IN = 4, /* calls for one socket in a turn: a flood on one link does not starve the others */
	SLOT_BYTES = 65536 +
		     192, /* of a datagram that comes in; not a power of two, which cache lines would share */
	QUEUE = 128,	  /* messages a link in one turn: one to each node, twice */
	ARENA_BYTES = 4 * 65536, /* payloads queued in one turn */
	RETRY_MS = 1000,	 /* between two attempts to open: a port that is taken makes no event */
	PATH_MTU = 1280,	 /* RFC 8200 section 5 */
	PRIORITY = 6, /* TC_PRIO_INTERACTIVE: the highest without rights; IP_TOS sets it for IPv4 only */
};

struct control { /* room for one cmsg */
	alignas(struct cmsghdr) uint8_t bytes[CMSG_SPACE(sizeof(uint32_t))];
};

struct link {
	struct qd_net *net;
	uint32_t index;
	struct qd_io io;
	int fd;
	uint32_t interface;  /* that an fe80:: socket is bound to; 0: none */
	uint32_t drops_seen; /* the kernel's counter of this socket */
	uint32_t queue_count;
	struct mmsghdr queue[QUEUE];
	struct iovec parts[QUEUE];
	struct sockaddr_storage peer[QD_NODES_MAX]; /* [id - 1] */
	socklen_t peer_len[QD_NODES_MAX];	    /* 0: no address */
	struct qd_net_link shown;
};

struct qd_net {
	struct qd_loop *loop;
	struct qd_net_config config;
	qd_net_receive_fn *receive;
	void *context;
	struct qd_mono retry;
	bool receiving;
	size_t arena_used;
	struct link links[QD_LINKS_MAX];
	struct mmsghdr in[BATCH_IN];
	struct iovec in_parts[BATCH_IN];
	struct sockaddr_storage in_from[BATCH_IN];
	struct control in_control[BATCH_IN];
	uint8_t arena[ARENA_BYTES];
	uint8_t slots[BATCH_IN][SLOT_BYTES];
};

/* ------------------------------------------------ sending */

static void count_failure(struct link *l, int error)
{
	struct qd_net_counters *c = &l->shown.counters;
	l->shown.last_error = -error;
	switch (error) {
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
	case EADDRNOTAVAIL:
	case ENODEV:
	case ENXIO:
	case EINVAL: /* IPv4, some kernels: the own address has gone */
		c->unreachable++;
		break;
	case EPERM:  /* nftables */
	case EACCES: /* a route of type "prohibit" */
		c->forbidden++;
		break;
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		c->no_buffer++;
		break;
	case EMSGSIZE:
		c->too_large++;
		break;
	default: /* ECONNREFUSED is not among them: unconnected sockets without IP_RECVERR do not hear of it */
		c->other_send++;
		break;
	}
}

static void count_sent(struct link *l, uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++)
		l->shown.counters.sent_bytes += l->parts[i].iov_len;
	l->shown.counters.sent += count;
	l->shown.last_error = 0;
}

static void flush_link(struct link *l)
{
	for (uint32_t at = 0; at < l->queue_count;) {
		const int n = sendmmsg(l->fd, l->queue + at, l->queue_count - at, MSG_DONTWAIT);
		if (n > 0) {
			count_sent(l, at, (uint32_t)n);
			at += (uint32_t)n;
			continue;
		}
		/* The first of them failed. Behind a full socket buffer the others would, too. */
		const int error = errno;
		const uint32_t end = error == EAGAIN ? l->queue_count : at + 1;
		for (; at < end; at++)
			count_failure(l, error);
	}
	l->queue_count = 0;
}

void qd_net_flush(struct qd_net *net)
{
	if (net->arena_used == 0)
		return;
	for (uint32_t i = 0; i < QD_LINKS_MAX; i++)
		flush_link(&net->links[i]);
	net->arena_used = 0;
}

/* Whether one more message of that length finds no room on one of these links. */
static bool is_full(const struct qd_net *net, uint32_t links, size_t len_bytes)
{
	bool full = net->arena_used + len_bytes > sizeof net->arena;
	for (uint32_t i = 0; i < QD_LINKS_MAX; i++)
		full = full || ((links >> i & 1u) != 0 && net->links[i].queue_count == QUEUE);
	return full;
}

uint32_t qd_net_send(struct qd_net *net, uint32_t node, uint32_t links, const void *data, size_t len_bytes)
{
	qd_assert(node >= 1 && node <= QD_NODES_MAX);
	qd_assert(len_bytes > 0 && len_bytes <= QD_NET_PAYLOAD_MAX);
	uint32_t to = 0;
	for (uint32_t i = 0; i < QD_LINKS_MAX; i++) {
		struct link *l = &net->links[i];
		const bool wanted = (links >> i & 1u) != 0 && l->shown.used &&
				    net->config.peer[node - 1][i].family != AF_UNSPEC;
		if (wanted && l->shown.open && l->peer_len[node - 1] != 0)
			to |= 1u << i;
		else
			l->shown.counters.not_open += wanted;
	}
	if (to == 0)
		return 0;
	if (is_full(net, to, len_bytes))
		qd_net_flush(net);
	uint8_t *payload = net->arena + net->arena_used;
	memcpy(payload, data, len_bytes);
	net->arena_used += len_bytes;
	for (uint32_t i = 0; i < QD_LINKS_MAX; i++) {
		struct link *l = &net->links[i];
		if ((to >> i & 1u) == 0)
			continue;
		l->parts[l->queue_count] = (struct iovec){.iov_base = payload, .iov_len = len_bytes};
		l->queue[l->queue_count] = (struct mmsghdr){
			.msg_hdr = {.msg_name = &l->peer[node - 1],
				    .msg_namelen = l->peer_len[node - 1],
				    .msg_iov = &l->parts[l->queue_count],
				    .msg_iovlen = 1},
		};
		l->queue_count++;
	}
	return to;
}

/* ------------------------------------------------ receiving */

static void count_drops(struct link *l, struct msghdr *header)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
			continue;
		uint32_t now = 0;
		memcpy(&now, CMSG_DATA(c), sizeof now);
		l->shown.counters.dropped += (uint32_t)(now - l->drops_seen); /* 32 bits that wrap */
		l->drops_seen = now;
	}
}

static void hand_on(struct link *l, uint32_t i)
{
	struct qd_net *net = l->net;
	struct mmsghdr *m = &net->in[i];
	count_drops(l, &m->msg_hdr);
	if ((m->msg_hdr.msg_flags & MSG_TRUNC) != 0 || m->msg_len > QD_NET_PAYLOAD_MAX) {
		l->shown.counters.too_long++;
		return;
	}
	l->shown.counters.received++;
	l->shown.counters.received_bytes += m->msg_len;
	const struct qd_net_received in = {
		.link = l->index, .from = &net->in_from[i], .data = net->slots[i], .len_bytes = m->msg_len};
	net->receive(net->context, &in);
}

static void on_readable(void *context, int fd, uint32_t events)
{
	struct link *l = context;
	struct qd_net *net = l->net;
	(void)events;
	net->receiving = true;
	for (int round = 0; round < ROUNDS_IN; round++) {
		for (uint32_t i = 0; i < BATCH_IN; i++) { /* the kernel wrote lengths into them */
			net->in[i].msg_hdr.msg_namelen = sizeof net->in_from[i];
			net->in[i].msg_hdr.msg_controllen = sizeof net->in_control[i].bytes;
		}
		const int n = recvmmsg(fd, net->in, BATCH_IN, MSG_DONTWAIT, NULL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			l->shown.counters.receive_errors++; /* that error is taken by asking */
		for (int i = 0; i < n; i++)
			hand_on(l, (uint32_t)i);
		if (n < BATCH_IN)
			break;
	}
	net->receiving = false;
}

/* ------------------------------------------------ sockets */

static bool option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/* Everything before bind(). What the kernel refuses of it the link can do without, but it is told. */
static uint32_t set_options(int fd, int family, uint32_t receive_buffer_bytes)
{
	uint32_t missing = 0;
	const int buffer = (int)receive_buffer_bytes;
	bool fragments, class;
	if (family == AF_INET6) {
		/* Not OMIT, which would not listen to "packet too big" either: that one cannot do harm, an MTU is
		 * never below PATH_MTU. */
		fragments = option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT) &&
			    option(fd, IPPROTO_IPV6, IPV6_MTU, PATH_MTU);
		class = option(fd, IPPROTO_IPV6, IPV6_TCLASS, IPTOS_CLASS_CS6);
	} else {
		fragments = option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
		class = option(fd, IPPROTO_IP, IP_TOS, IPTOS_CLASS_CS6);
	}
	class = option(fd, SOL_SOCKET, SO_PRIORITY, PRIORITY) && class;
	if (!fragments)
		missing |= QD_NET_MISSING_FRAGMENTS;
	if (!class)
		missing |= QD_NET_MISSING_CLASS;
	if (!option(fd, IPPROTO_IP, IP_FREEBIND, 1)) /* of IPv6 sockets, too */
		missing |= QD_NET_MISSING_FREEBIND;
	if (!option(fd, SOL_SOCKET, SO_RXQ_OVFL, 1))
		missing |= QD_NET_MISSING_DROPS;
	/* The first needs CAP_NET_ADMIN, the second stops at net.core.rmem_max; what was granted is shown. */
	if (!option(fd, SOL_SOCKET, SO_RCVBUFFORCE, buffer))
		(void)option(fd, SOL_SOCKET, SO_RCVBUF, buffer);
	return missing;
}

static int open_socket(struct link *l, const struct sockaddr_storage *sock, socklen_t sock_len)
{
	int granted = 0;
	socklen_t granted_len = sizeof granted;
	const int fd = socket(sock->ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int rc = 0;
	if (sock->ss_family == AF_INET6 && !option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1))
		rc = -errno;
	l->shown.missing = set_options(fd, sock->ss_family, l->net->config.receive_buffer_bytes);
	if (rc == 0 && bind(fd, (const struct sockaddr *)sock, sock_len) != 0)
		rc = -errno;
	if (rc == 0 && getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &granted_len) != 0)
		rc = -errno;
	l->io = (struct qd_io){.fn = on_readable, .context = l};
	if (rc == 0)
		rc = qd_io_add(l->net->loop, &l->io, fd, EPOLLIN);
	if (rc < 0) {
		(void)close(fd);
		return rc;
	}
	l->fd = fd;
	l->shown.receive_buffer_bytes = (uint32_t)granted;
	return 0;
}

static void close_link(struct link *l)
{
	if (!l->shown.open)
		return;
	qd_io_remove(&l->io);
	(void)close(l->fd);
	l->shown.open = false;
	l->queue_count = 0; /* flushed before, or the end of all */
}

static void open_link(struct link *l)
{
	const struct qd_net_config *config = &l->net->config;
	const struct qd_address *local = &config->local[l->index];
	struct sockaddr_storage sock;
	if (l->shown.open || !l->shown.used)
		return;
	const socklen_t sock_len = qd_address_to_sock(local, NULL, config->port, &sock);
	l->shown.open_error = sock_len == 0 ? -ENODEV : open_socket(l, &sock, sock_len);
	if (l->shown.open_error < 0)
		return;
	l->shown.open = true;
	l->shown.counters.opened++;
	l->drops_seen = 0;
	l->interface = local->scope[0] != '\0' ? if_nametoindex(local->scope) : 0;
}

/* Addresses of the peers in the form that the kernel takes: an fe80:: one has the number of the interface in it. */
static void resolve_peers(struct link *l)
{
	const struct qd_net_config *config = &l->net->config;
	for (uint32_t node = 1; node <= QD_NODES_MAX; node++) {
		const struct qd_address *a = &config->peer[node - 1][l->index];
		const bool good = a->family == config->local[l->index].family;
		l->peer_len[node - 1] = good ? qd_address_to_sock(a, config->local[l->index].scope,
								  config->port, &l->peer[node - 1])
					     : 0;
	}
}

/* ------------------------------------------------ from outside */

static void open_all(struct qd_net *net, struct qd_mono now)
{
	net->retry = QD_NEVER;
	for (uint32_t i = 0; i < QD_LINKS_MAX; i++) {
		struct link *l = &net->links[i];
		const bool was_open = l->shown.open;
		open_link(l);
		if (l->shown.open && !was_open)
			resolve_peers(l);
		if (l->shown.used && !l->shown.open)
			net->retry = qd_mono_add(now, qd_span_ms(RETRY_MS));
	}
}

static void take_config(struct qd_net *net, const struct qd_net_config *config)
{
	net->config = *config;
	if (net->config.port == 0)
		net->config.port = QD_NET_PORT;
	if (net->config.receive_buffer_bytes == 0)
		net->config.receive_buffer_bytes = QD_NET_RECEIVE_BUFFER;
	for (uint32_t i = 0; i < QD_LINKS_MAX; i++)
		net->links[i].shown.used = net->config.local[i].family != AF_UNSPEC;
}

struct qd_net *qd_net_open(struct qd_loop *loop, const struct qd_net_config *config,
			   qd_net_receive_fn *receive, void *context)
{
	qd_assert(loop->is_open && receive != NULL);
	struct qd_net *net = calloc(1, sizeof *net);
	if (net == NULL)
		return NULL;
	net->loop = loop;
	net->receive = receive;
	net->context = context;
	for (uint32_t i = 0; i < BATCH_IN; i++) {
		net->in_parts[i] = (struct iovec){.iov_base = net->slots[i], .iov_len = SLOT_BYTES};
		net->in[i].msg_hdr = (struct msghdr){.msg_name = &net->in_from[i],
						     .msg_iov = &net->in_parts[i],
						     .msg_iovlen = 1,
						     .msg_control = net->in_control[i].bytes};
	}
	for (uint32_t i = 0; i < QD_LINKS_MAX; i++) {
		net->links[i].net = net;
		net->links[i].index = i;
		net->links[i].fd = -1;
	}
	take_config(net, config);
	open_all(net, qd_clock_now());
	return net;
}

void qd_net_close(struct qd_net *net)
{
	if (net == NULL)
		return;
	qd_assert(!net->receiving);
	for (uint32_t i = 0; i < QD_LINKS_MAX; i++)
		close_link(&net->links[i]);
	free(net);
}

void qd_net_configure(struct qd_net *net, const struct qd_net_config *config, struct qd_mono now)
{
	qd_assert(!net->receiving);
	const struct qd_net_config old = net->config;
	qd_net_flush(net);
	take_config(net, config);
	for (uint32_t i = 0; i < QD_LINKS_MAX; i++) {
		struct link *l = &net->links[i];
		if (old.port != net->config.port ||
		    old.receive_buffer_bytes != net->config.receive_buffer_bytes ||
		    !qd_address_equal(&old.local[i], &net->config.local[i]))
			close_link(l);
		if (!l->shown.used)
			l->shown.open_error = 0;
		resolve_peers(l);
	}
	open_all(net, now);
}

void qd_net_look_again(struct qd_net *net, struct qd_mono now)
{
	qd_assert(!net->receiving);
	for (uint32_t i = 0; i < QD_LINKS_MAX; i++) {
		struct link *l = &net->links[i];
		if (!l->shown.open || l->interface == 0 ||
		    l->interface == if_nametoindex(net->config.local[i].scope))
			continue;
		qd_net_flush(net);
		close_link(l);
	}
	open_all(net, now);
}

struct qd_mono qd_net_deadline(const struct qd_net *net)
{
	return net->retry;
}

void qd_net_think(struct qd_net *net, struct qd_mono now)
{
	if (qd_mono_reached(now, net->retry))
		open_all(net, now);
}

const struct qd_net_link *qd_net_link(const struct qd_net *net, uint32_t link)
{
	qd_assert(link < QD_LINKS_MAX);
	return &net->links[link].shown;
}
