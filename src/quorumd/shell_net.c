/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/shell_net.h"

#include "quorumd/errors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct waiting {
	uint32_t link;
	struct qd_packet_content content;
};

struct qd_shell_net {
	struct qd_packet packet;
	struct qd_net *net;
	struct qd_net_config addresses;
	struct qd_shell_witness *witness;
	struct waiting ring[QD_SHELL_NET_RING];
	uint32_t first;
	uint32_t count;
	uint64_t ring_full; /* packets that found no room: as if lost on the way */
	struct qd_stray stray;
	uint64_t stray_told;	   /* of them */
	struct qd_mono stray_rest; /* until then nothing more is said about them */
};

/* The sender of a packet that opened; 0, the witness: nobody's, or there was no room. */
static uint32_t take(struct qd_shell_net *n, uint32_t link, const uint8_t *data, size_t len_bytes)
{
	if (n->count == QD_SHELL_NET_RING) {
		n->ring_full++;
		return 0;
	}
	struct waiting *w = &n->ring[(n->first + n->count) % QD_SHELL_NET_RING];
	w->link = link;
	if (qd_packet_open(&n->packet, data, len_bytes, &w->content) != QD_PACKET_OK)
		return 0;
	n->count++;
	return w->content.from;
}

/* Nodes send from their addresses only. */
static void note_stray(struct qd_shell_net *n, uint32_t node, const struct qd_net_received *in)
{
	uint16_t port = 0;
	const struct qd_address *own = &n->addresses.peer[node - 1][in->link];
	const struct qd_address from = qd_address_from_sock(in->from, &port);
	if (from.family == own->family && memcmp(from.bytes, own->bytes, sizeof from.bytes) == 0)
		return;
	n->stray.count++;
	n->stray.node = node;
	n->stray.from = from;
}

bool qd_shell_net_stray(struct qd_shell_net *n, struct qd_mono now, struct qd_stray *out)
{
	if (n->stray.count - n->stray_told < QD_STRAY_LEAST || qd_mono_before(now, n->stray_rest))
		return false;
	n->stray_told = n->stray.count;
	n->stray_rest = qd_mono_add(now, qd_span_ms(QD_STRAY_REST_S * INT64_C(1000)));
	*out = n->stray;
	return true;
}

static void on_datagram(void *context, const struct qd_net_received *in)
{
	struct qd_shell_net *n = context;
	const uint32_t node = take(n, in->link, in->data, in->len_bytes);
	if (node != 0)
		note_stray(n, node, in);
}

static void on_witness(void *context, const uint8_t *data, size_t len_bytes)
{
	(void)take(context, 0, data, len_bytes); /* from the witness: nobody of ours */
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
	int rc = open_keys(n, conf, why);
	if (rc == 0)
		rc = open_networks(n, loop, conf, why);
	const struct qd_shell_witness_config witness = {
		.loop = loop,
		.packet = &n->packet,
		.node = conf->node_id,
		.on_datagram = on_witness,
		.context = n,
	};
	if (rc == 0)
		rc = qd_shell_witness_open(&witness, conf, &n->witness, why);
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
	qd_shell_witness_close(n->witness);
	qd_net_close(n->net);
	qd_packet_close(&n->packet);
	free(n);
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

void qd_shell_net_flush(struct qd_shell_net *n)
{
	qd_net_flush(n->net);
}

bool qd_shell_net_next(struct qd_shell_net *n, struct qd_mono now, struct qd_event *ev)
{
	ev->kind = QD_EVENT_WITNESS;
	if (qd_shell_witness_next(n->witness, &ev->u.witness, now))
		return true;
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
			ev->kind = QD_EVENT_WITNESS;
			ev->u.witness = w->content.u.answer;
			if (qd_shell_witness_answered(n->witness, &ev->u.witness, now))
				return true;
		}
	}
	return false;
}

struct qd_mono qd_shell_net_deadline(const struct qd_shell_net *n)
{
	return qd_mono_min(qd_net_deadline(n->net), qd_shell_witness_deadline(n->witness));
}

void qd_shell_net_think(struct qd_shell_net *n, struct qd_mono now)
{
	if (qd_mono_reached(now, qd_net_deadline(n->net)))
		qd_net_think(n->net, now);
	qd_shell_witness_think(n->witness, now);
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

struct qd_shell_witness *qd_shell_net_witness(const struct qd_shell_net *n)
{
	return n->witness;
}

const struct qd_net_link *qd_shell_net_link(const struct qd_shell_net *n, uint32_t link)
{
	return qd_net_link(n->net, link);
}

const struct qd_packet *qd_shell_net_packets(const struct qd_shell_net *n)
{
	return &n->packet;
}
