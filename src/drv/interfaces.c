/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/interfaces.h"
#include "base/bytes.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BUFFER_BYTES = 32768,	  /* the largest piece of a dump (netlink(7)) */
	RECEIVE_BUFFER = 1 << 20, /* for notifications while this process does something else */
	PIECES_A_TURN = 64,	  /* of a dump or of notifications */
	APART_MS = 100,		  /* between two readings */
	RETRY_MS = 1000,
	TYPE_MASK = 0x3fff, /* without NLA_F_NESTED and NLA_F_NET_BYTEORDER */
};

/* What is being read; each follows when the one before is done. */
enum step {
	STEP_IDLE = 0,
	STEP_LINKS,
	STEP_ADDRESSES,
	STEP_ROUTES_V4,
	STEP_ROUTES_V6,
	STEP_COUNT,
};

struct qd_interfaces_watch {
	struct qd_loop *loop;
	qd_interfaces_fn *changed;
	void *context;
	struct qd_io io;
	int fd;
	uint32_t port;	   /* the socket's own address */
	uint32_t sequence; /* of the request under way */
	enum step step;
	bool stale;	    /* something changed since the reading began: it has to be read again */
	bool complete;	    /* `list` is */
	struct qd_mono due; /* the next reading, QD_NEVER: none */
	struct qd_interfaces_counters counters;
	struct qd_interfaces list;
	struct qd_interfaces next; /* being read */
	uint8_t buffer[BUFFER_BYTES];
};

struct attribute {
	uint32_t type;
	const uint8_t *data;
	size_t len_bytes;
};

/* ------------------------------------------------ pieces of a message */

/* The next attribute of r. False: none, or it does not fit, which ends the message. */
static bool next_attribute(struct qd_reader *r, struct attribute *out)
{
	struct rtattr header;
	qd_read_copy(r, (uint8_t *)&header, sizeof header);
	if (r->failed || header.rta_len < sizeof header)
		return false;
	*out = (struct attribute){.type = header.rta_type & TYPE_MASK,
				  .len_bytes = header.rta_len - sizeof header};
	out->data = qd_read_span(r, out->len_bytes);
	const size_t padding = RTA_ALIGN(header.rta_len) - header.rta_len;
	if (qd_reader_left(r) >= padding)
		(void)qd_read_span(r, padding);
	return out->data != NULL;
}

static uint32_t number_of(const struct attribute *a)
{
	uint32_t n = 0;
	if (a->len_bytes >= sizeof n)
		memcpy(&n, a->data, sizeof n);
	return n;
}

static bool text_is(const struct attribute *a, const char *text)
{
	const size_t len = strlen(text);
	return a->len_bytes >= len && memcmp(a->data, text, len) == 0 &&
	       (a->len_bytes == len || a->data[len] == '\0');
}

static struct qd_interface *find(struct qd_interfaces *list, uint32_t index)
{
	for (uint32_t i = 0; i < list->count; i++)
		if (list->list[i].index == index)
			return &list->list[i];
	return NULL;
}

/* ------------------------------------------------ links, addresses, routes */

static enum qd_interface_kind kind_of(const struct attribute *info)
{
	static const struct {
		const char *text;
		enum qd_interface_kind kind;
	} names[] = {{"vlan", QD_INTERFACE_VLAN},
		     {"bond", QD_INTERFACE_BOND},
		     {"team", QD_INTERFACE_TEAM},
		     {"bridge", QD_INTERFACE_BRIDGE}};
	struct qd_reader r = qd_reader_make(info->data, info->len_bytes);
	struct attribute a;
	while (next_attribute(&r, &a)) {
		for (size_t i = 0; a.type == IFLA_INFO_KIND && i < sizeof names / sizeof names[0]; i++)
			if (text_is(&a, names[i].text))
				return names[i].kind;
	}
	return QD_INTERFACE_PLAIN;
}

/* A free entry with that index, at its place. */
static struct qd_interface *insert(struct qd_interfaces *list, uint32_t index)
{
	if (list->count == QD_INTERFACES_MAX) {
		list->left_out++;
		return NULL;
	}
	uint32_t at = list->count++;
	for (; at > 0 && list->list[at - 1].index > index; at--)
		list->list[at] = list->list[at - 1];
	list->list[at] = (struct qd_interface){.index = index};
	return &list->list[at];
}

static void take_link(struct qd_interfaces *list, struct qd_reader *r)
{
	struct ifinfomsg m;
	struct attribute a;
	qd_read_copy(r, (uint8_t *)&m, sizeof m);
	if (r->failed || find(list, (uint32_t)m.ifi_index) != NULL)
		return;
	struct qd_interface *i = insert(list, (uint32_t)m.ifi_index);
	if (i == NULL)
		return;
	i->up = (m.ifi_flags & IFF_UP) != 0;
	i->running = i->up && (m.ifi_flags & IFF_RUNNING) != 0;
	while (next_attribute(r, &a)) {
		if (a.type == IFLA_IFNAME && a.len_bytes <= sizeof i->name)
			memcpy(i->name, a.data, a.len_bytes);
		else if (a.type == IFLA_MTU)
			i->mtu = number_of(&a);
		else if (a.type == IFLA_LINK)
			i->parent = number_of(&a);
		else if (a.type == IFLA_MASTER)
			i->master = number_of(&a);
		else if (a.type == IFLA_LINKINFO)
			i->kind = kind_of(&a);
	}
	i->name[sizeof i->name - 1] = '\0';
	if ((m.ifi_flags & IFF_LOOPBACK) != 0)
		i->kind = QD_INTERFACE_LOOPBACK;
	if (i->kind != QD_INTERFACE_VLAN) /* a veth has its other end there, a tunnel its device */
		i->parent = 0;
}

static void take_address(struct qd_interfaces *list, struct qd_reader *r)
{
	struct ifaddrmsg m;
	struct attribute a, local = {0}, other = {0};
	qd_read_copy(r, (uint8_t *)&m, sizeof m);
	uint32_t flags = m.ifa_flags;
	while (next_attribute(r, &a)) {
		if (a.type == IFA_LOCAL)
			local = a;
		else if (a.type == IFA_ADDRESS)
			other = a;
		else if (a.type == IFA_FLAGS)
			flags = number_of(&a);
	}
	struct qd_interface *i = find(list, m.ifa_index);
	const size_t want = m.ifa_family == AF_INET ? 4 : m.ifa_family == AF_INET6 ? 16 : 0;
	const struct attribute *own = local.data != NULL ? &local : &other;
	if (i == NULL || want == 0 || own->data == NULL || own->len_bytes != want)
		return;
	if (i->address_count == QD_INTERFACE_ADDRESSES_MAX) {
		list->left_out++;
		return;
	}
	struct qd_interface_address *to = &i->addresses[i->address_count++];
	*to = (struct qd_interface_address){
		.address = {.family = m.ifa_family},
		.prefix_bits = m.ifa_prefixlen,
		.usable = (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) == 0,
		.secondary = (flags & IFA_F_SECONDARY) != 0, /* the same bit as IFA_F_TEMPORARY */
		.peer = local.data != NULL && other.data != NULL && other.len_bytes == want &&
			memcmp(local.data, other.data, want) != 0,
	};
	memcpy(to->address.bytes, own->data, want);
	if (m.ifa_family == AF_INET6 && qd_address_is_link_local(&to->address))
		memcpy(to->address.scope, i->name, sizeof to->address.scope);
}

static void set_gateway(struct qd_interfaces *list, uint32_t index)
{
	struct qd_interface *i = find(list, index);
	if (i != NULL)
		i->gateway = true;
}

static void take_next_hops(struct qd_interfaces *list, const struct attribute *hops)
{
	struct qd_reader r = qd_reader_make(hops->data, hops->len_bytes);
	struct rtnexthop hop;
	for (;;) {
		qd_read_copy(&r, (uint8_t *)&hop, sizeof hop);
		if (r.failed || hop.rtnh_len < sizeof hop)
			return;
		set_gateway(list, (uint32_t)hop.rtnh_ifindex);
		(void)qd_read_span(&r, (size_t)RTNH_ALIGN(hop.rtnh_len) - sizeof hop);
	}
}

/* A default route of the main table? Then *hops and *out are what it names, if anything. */
static bool read_default(struct qd_reader *r, uint32_t *out, struct attribute *hops)
{
	struct rtmsg m;
	struct attribute a;
	*out = 0;
	*hops = (struct attribute){0};
	qd_read_copy(r, (uint8_t *)&m, sizeof m);
	uint32_t table = m.rtm_table;
	while (next_attribute(r, &a)) {
		if (a.type == RTA_OIF)
			*out = number_of(&a);
		else if (a.type == RTA_TABLE)
			table = number_of(&a);
		else if (a.type == RTA_MULTIPATH)
			*hops = a;
	}
	return m.rtm_dst_len == 0 && m.rtm_type == RTN_UNICAST && table == RT_TABLE_MAIN &&
	       (m.rtm_flags & RTM_F_CLONED) == 0;
}

static void take_route(struct qd_interfaces *list, struct qd_reader *r)
{
	struct attribute hops;
	uint32_t out = 0;
	if (!read_default(r, &out, &hops))
		return;
	set_gateway(list, out);
	if (hops.data != NULL)
		take_next_hops(list, &hops);
}

/* ------------------------------------------------ one reading */

static bool same_address(const struct qd_interface_address *a, const struct qd_interface_address *b)
{
	return qd_address_equal(&a->address, &b->address) && a->prefix_bits == b->prefix_bits &&
	       a->usable == b->usable && a->secondary == b->secondary && a->peer == b->peer;
}

static bool same_interface(const struct qd_interface *a, const struct qd_interface *b)
{
	bool same = a->index == b->index && a->parent == b->parent && a->master == b->master &&
		    a->mtu == b->mtu && strcmp(a->name, b->name) == 0 && a->kind == b->kind &&
		    a->up == b->up && a->running == b->running && a->gateway == b->gateway &&
		    a->address_count == b->address_count;
	for (uint32_t i = 0; same && i < a->address_count; i++)
		same = same_address(&a->addresses[i], &b->addresses[i]);
	return same;
}

static bool same_list(const struct qd_interfaces *a, const struct qd_interfaces *b)
{
	bool same = a->count == b->count && a->left_out == b->left_out;
	for (uint32_t i = 0; same && i < a->count; i++)
		same = same_interface(&a->list[i], &b->list[i]);
	return same;
}

static void fail(struct qd_interfaces_watch *w, int error)
{
	w->counters.errors++;
	w->counters.last_error = -error;
	w->step = STEP_IDLE;
	w->due = qd_mono_add(qd_clock_now(), qd_span_ms(RETRY_MS));
}

/* Ask for everything of this step. */
static void request(struct qd_interfaces_watch *w, enum step step)
{
	static const struct {
		uint16_t type;
		uint8_t family;
	} asked[STEP_COUNT] = {
		[STEP_LINKS] = {RTM_GETLINK, AF_UNSPEC},
		[STEP_ADDRESSES] = {RTM_GETADDR, AF_UNSPEC},
		[STEP_ROUTES_V4] = {RTM_GETROUTE, AF_INET},
		[STEP_ROUTES_V6] = {RTM_GETROUTE, AF_INET6},
	};
	struct {
		struct nlmsghdr header;
		union {
			struct ifinfomsg link;
			struct ifaddrmsg address;
			struct rtmsg route;
		} body;
	} m = {.header = {.nlmsg_type = asked[step].type,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			  .nlmsg_seq = ++w->sequence}};
	if (asked[step].type == RTM_GETLINK) {
		m.header.nlmsg_len = NLMSG_LENGTH(sizeof m.body.link);
	} else if (asked[step].type == RTM_GETADDR) {
		m.header.nlmsg_len = NLMSG_LENGTH(sizeof m.body.address);
	} else {
		m.header.nlmsg_len = NLMSG_LENGTH(sizeof m.body.route);
		m.body.route = (struct rtmsg){.rtm_family = asked[step].family};
	}
	w->step = step;
	if (send(w->fd, &m, m.header.nlmsg_len, 0) < 0)
		fail(w, errno);
}

static void begin(struct qd_interfaces_watch *w)
{
	w->stale = false;
	w->due = QD_NEVER;
	w->next = (struct qd_interfaces){0};
	request(w, STEP_LINKS);
}

static void finish(struct qd_interfaces_watch *w)
{
	w->step = STEP_IDLE;
	if (w->stale) {
		w->counters.again++;
		w->due = qd_mono_add(qd_clock_now(), qd_span_ms(APART_MS));
		return;
	}
	w->counters.readings++;
	if (w->complete && same_list(&w->list, &w->next))
		return;
	w->complete = true;
	w->list = w->next;
	w->changed(w->context, &w->list);
}

static void next_step(struct qd_interfaces_watch *w)
{
	switch (w->step) {
	case STEP_LINKS:
		request(w, STEP_ADDRESSES);
		break;
	case STEP_ADDRESSES:
		request(w, STEP_ROUTES_V4);
		break;
	case STEP_ROUTES_V4:
		request(w, STEP_ROUTES_V6);
		break;
	case STEP_ROUTES_V6:
		finish(w);
		break;
	case STEP_IDLE:
	case STEP_COUNT:
		break;
	}
}

/* ------------------------------------------------ what the kernel says */

static void note_change(struct qd_interfaces_watch *w)
{
	w->stale = true;
	if (w->step == STEP_IDLE && qd_mono_is_never(w->due))
		w->due = qd_mono_add(qd_clock_now(), qd_span_ms(APART_MS));
}

/* Something changed, by whomever. */
static void on_notification(struct qd_interfaces_watch *w, uint16_t type, struct qd_reader *r)
{
	struct attribute hops;
	uint32_t out = 0;
	const bool route = type == RTM_NEWROUTE || type == RTM_DELROUTE;
	if (type == RTM_NEWLINK || type == RTM_DELLINK || type == RTM_NEWADDR || type == RTM_DELADDR ||
	    (route && read_default(r, &out, &hops))) /* a router's daemon changes thousands of others */
		note_change(w);
}

/* A piece of the answer to the request under way. */
static void on_answer(struct qd_interfaces_watch *w, const struct nlmsghdr *header, struct qd_reader *r)
{
	int32_t error = 0;
	w->stale = w->stale || (header->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
	switch (header->nlmsg_type) {
	case NLMSG_DONE:
		next_step(w);
		break;
	case NLMSG_ERROR:
		qd_read_copy(r, (uint8_t *)&error, sizeof error);
		fail(w, error < 0 ? -error : EPROTO);
		break;
	case RTM_NEWLINK:
		take_link(&w->next, r);
		break;
	case RTM_NEWADDR:
		take_address(&w->next, r);
		break;
	case RTM_NEWROUTE:
		take_route(&w->next, r);
		break;
	default: /* not a kind that was asked for */
		break;
	}
}

static void take_messages(struct qd_interfaces_watch *w, size_t len_bytes)
{
	struct qd_reader all = qd_reader_make(w->buffer, len_bytes);
	struct nlmsghdr header;
	while (qd_reader_left(&all) >= sizeof header) {
		qd_read_copy(&all, (uint8_t *)&header, sizeof header);
		if (header.nlmsg_len < sizeof header)
			return;
		const size_t body_len = header.nlmsg_len - sizeof header;
		const uint8_t *body = qd_read_span(&all, body_len);
		if (body == NULL)
			return;
		const size_t padding = NLMSG_ALIGN(header.nlmsg_len) - header.nlmsg_len;
		if (qd_reader_left(&all) >= padding)
			(void)qd_read_span(&all, padding);
		struct qd_reader r = qd_reader_make(body, body_len);
		if (header.nlmsg_pid != w->port) /* a notification names who made the change */
			on_notification(w, header.nlmsg_type, &r);
		else if (header.nlmsg_seq == w->sequence && w->step != STEP_IDLE)
			on_answer(w, &header, &r);
	}
}

static void on_readable(void *context, int fd, uint32_t events)
{
	struct qd_interfaces_watch *w = context;
	(void)events;
	for (int i = 0; i < PIECES_A_TURN; i++) {
		struct sockaddr_nl from = {0};
		socklen_t from_len = sizeof from;
		const ssize_t n = recvfrom(fd, w->buffer, sizeof w->buffer, MSG_DONTWAIT | MSG_TRUNC,
					   (struct sockaddr *)&from, &from_len);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0 && errno != ENOBUFS) {
			fail(w, errno);
			return;
		}
		if (n < 0 ||
		    (size_t)n > sizeof w->buffer) { /* notifications, or the end of an answer, are lost */
			w->counters.overflows++;
			w->step = STEP_IDLE;
			note_change(w);
		} else if (from.nl_pid == 0) { /* the kernel; any process may write here */
			take_messages(w, (size_t)n);
		}
	}
}

/* ------------------------------------------------ from outside */

static int open_socket(struct qd_interfaces_watch *w)
{
	struct sockaddr_nl own = {.nl_family = AF_NETLINK,
				  .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
					       RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE};
	socklen_t own_len = sizeof own;
	const int buffer = RECEIVE_BUFFER;
	w->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (w->fd < 0)
		return -errno;
	/* Cut to net.core.rmem_max: then it may have to read again sooner. */
	(void)setsockopt(w->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
	if (bind(w->fd, (struct sockaddr *)&own, own_len) != 0 ||
	    getsockname(w->fd, (struct sockaddr *)&own, &own_len) != 0)
		return -errno;
	w->port = own.nl_pid;
	w->io = (struct qd_io){.fn = on_readable, .context = w};
	return qd_io_add(w->loop, &w->io, w->fd, EPOLLIN);
}

int qd_interfaces_open(struct qd_interfaces_watch **out, struct qd_loop *loop, qd_interfaces_fn *changed,
		       void *context)
{
	qd_assert(loop->is_open && changed != NULL);
	struct qd_interfaces_watch *w = calloc(1, sizeof *w);
	if (w == NULL)
		return -ENOMEM;
	w->loop = loop;
	w->changed = changed;
	w->context = context;
	const int rc = open_socket(w);
	if (rc < 0) {
		qd_interfaces_close(w);
		return rc;
	}
	begin(w);
	*out = w;
	return 0;
}

void qd_interfaces_close(struct qd_interfaces_watch *w)
{
	if (w == NULL)
		return;
	qd_io_remove(&w->io);
	if (w->fd >= 0)
		(void)close(w->fd);
	free(w);
}

struct qd_mono qd_interfaces_deadline(const struct qd_interfaces_watch *w)
{
	return w->due;
}

void qd_interfaces_think(struct qd_interfaces_watch *w, struct qd_mono now)
{
	if (w->step == STEP_IDLE && qd_mono_reached(now, w->due))
		begin(w);
}

const struct qd_interfaces *qd_interfaces_list(const struct qd_interfaces_watch *w)
{
	return w->complete ? &w->list : NULL;
}

const struct qd_interfaces_counters *qd_interfaces_count(const struct qd_interfaces_watch *w)
{
	return &w->counters;
}
