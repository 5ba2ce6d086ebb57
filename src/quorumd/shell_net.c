/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/shell_net.h"

#include "quorumd/errors.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct waiting {
	uint32_t link;
	struct qd_packet_content content;
};

/* One of the witness's addresses. */
struct portal {
	struct qd_io io;
	int fd; /* connected; -1: not to be reached now */
	struct sockaddr_storage address;
	socklen_t address_bytes;
};

struct qd_shell_net {
	struct qd_packet packet;
	struct qd_net *net;
	struct qd_net_config addresses;
	uint32_t witness_count;
	uint32_t witness_at;   /* the address that is asked; the next one after silence */
	uint64_t witness_open; /* id of the request without an answer; 0: none */
	struct portal witness[QD_CONF_WITNESS_MAX];
	struct waiting ring[QD_SHELL_NET_RING];
	uint32_t first;
	uint32_t count;
	uint64_t ring_full; /* packets that found no room: as if lost on the way */
};

static void take(struct qd_shell_net *n, uint32_t link, const uint8_t *data, size_t len_bytes)
{
	if (n->count == QD_SHELL_NET_RING) {
		n->ring_full++;
		return;
	}
	struct waiting *w = &n->ring[(n->first + n->count) % QD_SHELL_NET_RING];
	w->link = link;
	if (qd_packet_open(&n->packet, data, len_bytes, &w->content) == QD_PACKET_OK)
		n->count++;
}

static void on_datagram(void *context, const struct qd_net_received *in)
{
	struct qd_shell_net *n = context;
	take(n, in->link, in->data, in->len_bytes);
}

static void on_witness(void *context, int fd, uint32_t events)
{
	struct qd_shell_net *n = context;
	uint8_t data[QD_WIRE_PACKET_MAX];
	(void)events;
	for (int i = 0; i < QD_SHELL_NET_RING; i++) { /* what came; more waits for the next turn */
		const ssize_t len = recv(fd, data, sizeof data, MSG_DONTWAIT);
		if (len < 0)
			return; /* nothing more, or refused: the core asks again */
		take(n, 0, data, (size_t)len);
	}
}

static int open_portal(struct qd_shell_net *n, struct qd_loop *loop, const struct qd_conf_portal *portal,
		       char *why)
{
	struct portal *p = &n->witness[n->witness_count];
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
	struct addrinfo *found = NULL;
	char port[8];
	(void)snprintf(port, sizeof port, "%u", (unsigned)portal->port);
	const int rc = getaddrinfo(portal->host, port, &hints, &found);
	if (rc != 0) {
		(void)snprintf(why, QD_CONF_MESSAGE_BYTES,
			       "witness %s: %s: give an address, or mend the resolver", portal->text,
			       gai_strerror(rc));
		return -QD_ERR_CONFIG;
	}
	memcpy(&p->address, found->ai_addr, found->ai_addrlen);
	p->address_bytes = found->ai_addrlen;
	p->fd = socket(found->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	freeaddrinfo(found);
	if (p->fd < 0) {
		(void)snprintf(why, QD_CONF_MESSAGE_BYTES, "witness %s: socket: %s", portal->text,
			       strerrordesc_np(errno));
		return -QD_ERR_IO;
	}
	p->io = (struct qd_io){.fn = on_witness, .context = n};
	n->witness_count++;
	return qd_io_add(loop, &p->io, p->fd, EPOLLIN) < 0 ? -QD_ERR_IO : 0;
}

static int open_keys(struct qd_shell_net *n, const struct qd_conf *conf, char *why)
{
	struct qd_keyfile keys;
	int rc = qd_keyfile_read(conf->key_file, &keys, why);
	if (rc != 0)
		return rc;
	rc = qd_packet_init(&n->packet, conf->node_id, &keys);
	qd_keyfile_wipe(&keys);
	if (rc != 0)
		(void)snprintf(why, QD_CONF_MESSAGE_BYTES, "libsodium does not start");
	qd_packet_listen(&n->packet, conf->members);
	return rc;
}

static void fill_addresses(struct qd_net_config *c, const struct qd_conf *conf)
{
	memset(c, 0, sizeof *c);
	c->port = (uint16_t)conf->heartbeat_port;
	for (uint32_t l = 0; l < conf->network_count; l++)
		c->local[l] = conf->nodes[conf->node_id].addresses[l];
	for (uint32_t id = qd_set_next(conf->members, 0); id != 0; id = qd_set_next(conf->members, id))
		for (uint32_t l = 0; l < conf->network_count && id != conf->node_id; l++)
			c->peer[id - 1][l] = conf->nodes[id].addresses[l];
}

static int open_networks(struct qd_shell_net *n, struct qd_loop *loop, const struct qd_conf *conf, char *why)
{
	fill_addresses(&n->addresses, conf);
	n->net = qd_net_open(loop, &n->addresses, on_datagram, n);
	if (n->net == NULL)
		(void)snprintf(why, QD_CONF_MESSAGE_BYTES, "the networks' sockets: no memory");
	return n->net == NULL ? -QD_ERR_NOMEM : 0;
}

int qd_shell_net_open(struct qd_loop *loop, const struct qd_conf *conf, struct qd_shell_net **out, char *why)
{
	struct qd_shell_net *n = calloc(1, sizeof *n);
	*out = NULL;
	if (n == NULL)
		return -QD_ERR_NOMEM;
	for (uint32_t i = 0; i < QD_CONF_WITNESS_MAX; i++)
		n->witness[i].fd = -1;
	int rc = open_keys(n, conf, why);
	if (rc == 0)
		rc = open_networks(n, loop, conf, why);
	for (uint32_t i = 0; i < conf->witness_count && rc == 0; i++)
		rc = open_portal(n, loop, &conf->witness[i], why);
	if (rc != 0) {
		qd_shell_net_close(n);
		return rc;
	}
	*out = n;
	return 0;
}

void qd_shell_net_close(struct qd_shell_net *n)
{
	if (n == NULL)
		return;
	for (uint32_t i = 0; i < QD_CONF_WITNESS_MAX; i++) {
		qd_io_remove(&n->witness[i].io);
		if (n->witness[i].fd >= 0)
			(void)close(n->witness[i].fd);
	}
	qd_net_close(n->net);
	qd_packet_close(&n->packet);
	free(n);
}

void qd_shell_net_links(struct qd_shell_net *n, const struct qd_conf *conf, struct qd_links_config *out)
{
	(void)n;
	qd_conf_links(conf, NULL, NULL, out);
}

void qd_shell_net_configure(struct qd_shell_net *n, const struct qd_conf *conf, struct qd_mono now)
{
	fill_addresses(&n->addresses, conf);
	qd_packet_listen(&n->packet, conf->members);
	qd_net_configure(n->net, &n->addresses, now);
}

void qd_shell_net_send(struct qd_shell_net *n, const struct qd_msg *msg, uint32_t to, uint32_t links)
{
	uint8_t packet[QD_WIRE_PACKET_MAX];
	const size_t len = qd_packet_seal_msg(&n->packet, msg, packet);
	(void)qd_net_send(n->net, to, links, packet,
			  len); /* what cannot leave is lost: the core has its time limits */
}

void qd_shell_net_ask(struct qd_shell_net *n, const struct qd_witness_request *request)
{
	uint8_t packet[QD_WIRE_PACKET_MAX];
	if (n->witness_count == 0)
		return;
	if (n->witness_open != 0) /* the last one was not answered: another way may be better */
		n->witness_at = (n->witness_at + 1) % n->witness_count;
	n->witness_open = request->id;
	const struct portal *p = &n->witness[n->witness_at];
	const size_t len = qd_packet_seal_request(&n->packet, request, packet);
	(void)sendto(p->fd, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&p->address,
		     p->address_bytes);
}

void qd_shell_net_flush(struct qd_shell_net *n)
{
	qd_net_flush(n->net);
}

bool qd_shell_net_next(struct qd_shell_net *n, struct qd_event *ev)
{
	while (n->count > 0) {
		struct waiting *w = &n->ring[n->first];
		n->first = (n->first + 1) % QD_SHELL_NET_RING;
		n->count--;
		if (w->content.traffic == QD_WIRE_NODE) {
			ev->kind = QD_EVENT_MESSAGE;
			ev->u.message.message = &w->content.u.msg;
			ev->u.message.link = w->link;
			return true;
		}
		if (w->content.traffic == QD_WIRE_WITNESS_ANSWER) {
			if (w->content.u.answer.id == n->witness_open)
				n->witness_open = 0;
			ev->kind = QD_EVENT_WITNESS;
			ev->u.witness = w->content.u.answer;
			return true;
		}
	}
	return false;
}

struct qd_mono qd_shell_net_deadline(const struct qd_shell_net *n)
{
	return qd_net_deadline(n->net);
}

void qd_shell_net_think(struct qd_shell_net *n, struct qd_mono now)
{
	if (qd_mono_reached(now, qd_net_deadline(n->net)))
		qd_net_think(n->net, now);
}

int qd_shell_net_rekey(struct qd_shell_net *n, const struct qd_conf *conf, char *why)
{
	struct qd_keyfile keys;
	int rc = qd_keyfile_read(conf->key_file, &keys, why);
	if (rc != 0)
		return rc;
	rc = qd_packet_rekey(&n->packet, &keys);
	qd_keyfile_wipe(&keys);
	if (rc != 0)
		(void)snprintf(why, QD_KEYFILE_WHY_MAX, "%s: it is another cluster's: the old keys stay",
			       conf->key_file);
	return rc;
}

const struct qd_net_link *qd_shell_net_link(const struct qd_shell_net *n, uint32_t link)
{
	return qd_net_link(n->net, link);
}

const struct qd_packet *qd_shell_net_packets(const struct qd_shell_net *n)
{
	return &n->packet;
}
