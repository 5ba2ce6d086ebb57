/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/lanes.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

enum {
	PACKET_ROOM = 2048, /* whatever is longer is cut, and then has a wrong length */
	CONTROL_ROOM = 64,
	CLUSTER_AT = 9, /* in the envelope: docs/WIRE.md */
};

_Static_assert((QD_LANES & (QD_LANES - 1)) == 0, "the lane is a few bits of the cluster id");

void qd_lanes_init(struct qd_lanes *l, struct qd_loop *loop, qd_lanes_fn *receive, void *context)
{
	*l = (struct qd_lanes){.loop = loop, .receive = receive, .context = context};
}

/* ------------------------------------------------ receiving */

/* The address that was asked; on one that names a host it is always that one. */
static void note_local(struct msghdr *h, struct qd_route *r)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof info);
			memcpy(r->local, &info.ipi6_addr, sizeof info.ipi6_addr);
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof info);
			memcpy(r->local, &info.ipi_spec_dst, sizeof info.ipi_spec_dst);
		}
	}
}

static void note_remote(const struct sockaddr_storage *from, struct qd_route *r)
{
	if (from->ss_family == AF_INET6) {
		struct sockaddr_in6 a;
		memcpy(&a, from, sizeof a);
		memcpy(r->remote, &a.sin6_addr, sizeof a.sin6_addr);
		r->port = ntohs(a.sin6_port);
		r->scope = a.sin6_scope_id;
	} else {
		struct sockaddr_in a;
		memcpy(&a, from, sizeof a);
		memcpy(r->remote, &a.sin_addr, sizeof a.sin_addr);
		r->port = ntohs(a.sin_port);
	}
}

static void on_readable(void *context, int fd, uint32_t events)
{
	static uint8_t packets[QD_LANES_TURN][PACKET_ROOM];
	struct qd_lanes_address *a = context;
	struct qd_lanes *l = a->lanes;
	struct mmsghdr headers[QD_LANES_TURN] = {0};
	struct iovec pieces[QD_LANES_TURN];
	struct sockaddr_storage from[QD_LANES_TURN];
	_Alignas(struct cmsghdr) uint8_t control[QD_LANES_TURN][CONTROL_ROOM];
	(void)events;
	for (size_t i = 0; i < QD_LANES_TURN; i++) {
		pieces[i] = (struct iovec){.iov_base = packets[i], .iov_len = PACKET_ROOM};
		headers[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
						     .msg_namelen = sizeof from[i],
						     .msg_iov = &pieces[i],
						     .msg_iovlen = 1,
						     .msg_control = control[i],
						     .msg_controllen = CONTROL_ROOM};
	}
	const int n = recvmmsg(fd, headers, QD_LANES_TURN, MSG_DONTWAIT, NULL);
	const struct qd_mono now = qd_clock_now();
	for (int i = 0; i < n; i++) { /* -1: nothing, or an error that belongs to no packet */
		struct qd_route route = {.address = a->number};
		note_remote(&from[i], &route);
		note_local(&headers[i].msg_hdr, &route);
		a->counts.received++;
		l->receive(l->context, &route, packets[i], headers[i].msg_len, now);
	}
}

/* ------------------------------------------------ sending */

uint8_t *qd_lanes_queue(struct qd_lanes *l, const struct qd_route *to)
{
	qd_assert(to->address < l->count);
	struct qd_lanes_address *a = &l->address[to->address];
	if (a->queued == QD_LANES_QUEUE)
		qd_lanes_flush(l);
	a->to[a->queued] = *to;
	return a->answer[a->queued++];
}

static socklen_t fill_remote(int family, const struct qd_route *r, struct sockaddr_storage *to)
{
	if (family == AF_INET6) {
		struct sockaddr_in6 a = {
			.sin6_family = AF_INET6, .sin6_port = htons(r->port), .sin6_scope_id = r->scope};
		memcpy(&a.sin6_addr, r->remote, sizeof a.sin6_addr);
		memcpy(to, &a, sizeof a);
		return sizeof a;
	}
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(r->port)};
	memcpy(&a.sin_addr, r->remote, sizeof a.sin_addr);
	memcpy(to, &a, sizeof a);
	return sizeof a;
}

static size_t fill_local(int family, const struct qd_route *r, uint8_t control[CONTROL_ROOM])
{
	struct in6_pktinfo info6 = {.ipi6_ifindex = r->scope};
	struct in_pktinfo info4 = {.ipi_ifindex = 0};
	memcpy(&info6.ipi6_addr, r->local, sizeof info6.ipi6_addr);
	memcpy(&info4.ipi_spec_dst, r->local, sizeof info4.ipi_spec_dst);
	const bool six = family == AF_INET6;
	const size_t len = six ? sizeof info6 : sizeof info4;
	struct cmsghdr c = {.cmsg_len = CMSG_LEN(len),
			    .cmsg_level = six ? IPPROTO_IPV6 : IPPROTO_IP,
			    .cmsg_type = six ? IPV6_PKTINFO : IP_PKTINFO};
	memset(control, 0, CONTROL_ROOM);
	memcpy(control, &c, sizeof c);
	memcpy(control + CMSG_LEN(0), six ? (const void *)&info6 : (const void *)&info4, len);
	return CMSG_SPACE(len);
}

static void flush_one(struct qd_lanes_address *a)
{
	struct mmsghdr headers[QD_LANES_QUEUE] = {0};
	struct iovec pieces[QD_LANES_QUEUE];
	struct sockaddr_storage to[QD_LANES_QUEUE];
	_Alignas(struct cmsghdr) uint8_t control[QD_LANES_QUEUE][CONTROL_ROOM];
	for (uint32_t i = 0; i < a->queued; i++) {
		pieces[i] = (struct iovec){.iov_base = a->answer[i], .iov_len = QD_BOX_ANSWER_BYTES};
		headers[i].msg_hdr = (struct msghdr){
			.msg_name = &to[i],
			.msg_namelen = fill_remote(a->address.family, &a->to[i], &to[i]),
			.msg_iov = &pieces[i],
			.msg_iovlen = 1,
			.msg_control = control[i],
			.msg_controllen = fill_local(a->address.family, &a->to[i], control[i]),
		};
	}
	for (uint32_t i = 0; i < a->queued;) {
		const int n = sendmmsg(a->fd[0], headers + i, a->queued - i, MSG_DONTWAIT);
		if (n > 0) {
			a->counts.sent += (uint64_t)n;
			i += (uint32_t)n;
		} else if (errno != EINTR) {
			a->counts.unsent++; /* the first one failed: go on behind it */
			i++;
		}
	}
	a->queued = 0;
}

void qd_lanes_flush(struct qd_lanes *l)
{
	for (uint32_t i = 0; i < l->count; i++) {
		if (l->address[i].queued > 0)
			flush_one(&l->address[i]);
	}
}

/* ------------------------------------------------ opening and closing */

static int option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value) != 0 ? -errno : 0;
}

static int open_lane(const struct qd_address *address, uint16_t port)
{
	struct sockaddr_storage to;
	const bool six = address->family == AF_INET6;
	const socklen_t len = qd_address_to_sock(address, NULL, port, &to);
	if (len == 0)
		return -ENODEV;
	const int fd = socket(address->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int rc = option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (rc == 0 && six)
		rc = option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (rc == 0)
		rc = six ? option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
			 : option(fd, IPPROTO_IP, IP_PKTINFO, 1);
	(void)option(fd, SOL_SOCKET, SO_RCVBUF, QD_LANES_BUFFER); /* as much as the kernel allows */
	(void)option(fd, SOL_SOCKET, SO_SNDBUF, QD_LANES_BUFFER);
	if (rc == 0 && bind(fd, (const struct sockaddr *)&to, len) != 0)
		rc = -errno;
	if (rc != 0)
		(void)close(fd);
	return rc != 0 ? rc : fd;
}

static int steer(int fd)
{
	struct sock_filter code[] = {
		{BPF_LD | BPF_W | BPF_ABS, 0, 0, CLUSTER_AT}, /* of a shorter packet: lane 0 */
		{BPF_ALU | BPF_AND | BPF_K, 0, 0, QD_LANES - 1},
		{BPF_RET | BPF_A, 0, 0, 0},
	};
	const struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) != 0 ? -errno
												   : 0;
}

static void close_address(struct qd_lanes_address *a)
{
	for (size_t i = 0; i < QD_LANES; i++) {
		qd_io_remove(&a->io[i]);
		if (a->fd[i] >= 0)
			(void)close(a->fd[i]);
		a->fd[i] = -1;
	}
}

int qd_lanes_listen(struct qd_lanes *l, const struct qd_address *address, uint16_t port)
{
	int rc = 0;
	if (l->count == QD_LANES_ADDRESSES_MAX)
		return -E2BIG;
	struct qd_lanes_address *a = &l->address[l->count];
	*a = (struct qd_lanes_address){
		.lanes = l, .number = (uint8_t)l->count, .address = *address, .port = port};
	for (size_t i = 0; i < QD_LANES; i++)
		a->fd[i] = -1;
	for (size_t i = 0; i < QD_LANES && rc == 0; i++) {
		a->fd[i] = open_lane(address, port);
		a->io[i] = (struct qd_io){.fn = on_readable, .context = a};
		rc = a->fd[i] < 0 ? a->fd[i] : qd_io_add(l->loop, &a->io[i], a->fd[i], EPOLLIN);
	}
	if (rc == 0)
		rc = steer(a->fd[0]);
	if (rc == 0)
		l->count++;
	else
		close_address(a);
	return rc;
}

void qd_lanes_close(struct qd_lanes *l)
{
	for (uint32_t i = 0; i < l->count; i++)
		close_address(&l->address[i]);
	l->count = 0;
}
