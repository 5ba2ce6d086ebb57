/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes on the network (docs/WIRE.md): what nodes and the witness say, and the envelope around it, from structs to bytes
 * and back. Encrypts nothing and sends nothing; src/drv/packet does the former. Little-endian, field by field; of arrays
 * by node only the entries of the nodes in the set that goes before them. Decoding is strict: one struct has one
 * encoding, and bytes that are no encoding are refused. Pure. */
#ifndef QD_CODEC_WIRE_H
#define QD_CODEC_WIRE_H

#include "core/msg.h"
#include "core/witness_msg.h"

#include <stddef.h>

enum {
	QD_WIRE_VERSION = 1,
	QD_WIRE_CLUSTER_BYTES = 16, /* random, drawn when the cluster's key is made */
	QD_WIRE_NONCE_BYTES = 24,   /* XChaCha20-Poly1305 */
	QD_WIRE_MAC_BYTES = 16,
	QD_WIRE_ENVELOPE_BYTES = 49,
	QD_WIRE_WITNESS_REQUEST_BYTES = 90,
	QD_WIRE_WITNESS_ANSWER_BYTES = 99, /* only who has the key is answered at all */
	QD_WIRE_NODES_SUPPORTED = 16,	   /* up to QD_NODES_MAX go, with packets above QD_WIRE_UDP_MAX */
	QD_WIRE_UDP_MAX = 1232,		 /* crosses every IPv6 network in one piece: 1280 less the headers */
	QD_WIRE_UDP_ETHERNET_MAX = 1452, /* the same for 1500 */
};

/* The longest message, an INSTALL with an old head, of so many nodes; and what it is as a packet. */
#define QD_WIRE_MSG_MAX_OF(nodes) (181 + 18 * (nodes))
#define QD_WIRE_PACKET_MAX_OF(nodes) (QD_WIRE_ENVELOPE_BYTES + QD_WIRE_MSG_MAX_OF(nodes) + QD_WIRE_MAC_BYTES)
#define QD_WIRE_MSG_MAX QD_WIRE_MSG_MAX_OF(64)
#define QD_WIRE_PACKET_MAX QD_WIRE_PACKET_MAX_OF(64)

enum qd_wire_traffic {
	QD_WIRE_NODE = 0,	 /* node to node: a message */
	QD_WIRE_WITNESS_REQUEST, /* node to witness */
	QD_WIRE_WITNESS_ANSWER,	 /* witness to node */
	QD_WIRE_TRAFFIC_COUNT,
};

/* What every packet begins with. */
struct qd_wire_envelope {
	uint16_t format; /* QD_WIRE_VERSION */
	enum qd_wire_traffic traffic;
	uint32_t from; /* node, or 0: the witness */
	uint32_t to;
	uint32_t key; /* number of the key that the rest is sealed with, 1 and up */
	uint8_t cluster[QD_WIRE_CLUSTER_BYTES];
	uint8_t nonce[QD_WIRE_NONCE_BYTES];
};

enum qd_wire_verdict {
	QD_WIRE_OK = 0,
	QD_WIRE_LENGTH,	       /* shorter than any packet, or longer than the longest */
	QD_WIRE_VERSION_OTHER, /* of another version; nothing but `format` is known */
	QD_WIRE_MALFORMED,     /* no such traffic, no key */
	QD_WIRE_ID,	       /* sender or receiver that this kind of traffic cannot have */
	QD_WIRE_VERDICT_COUNT,
};

/* Fills QD_WIRE_ENVELOPE_BYTES. */
void qd_wire_envelope_encode(const struct qd_wire_envelope *e, uint8_t *to);

/* The envelope of a whole packet of len_bytes. Not QD_WIRE_OK: *out is all zeros but for `format`. */
enum qd_wire_verdict qd_wire_envelope_decode(const uint8_t *packet, size_t len_bytes,
					     struct qd_wire_envelope *out);

/* Returns the length, at most QD_WIRE_MSG_MAX. What msg->kind does not carry is not looked at; what it carries must be
 * what the decoder takes. */
size_t qd_wire_msg_encode(const struct qd_msg *msg, uint8_t to[QD_WIRE_MSG_MAX]);

/* False: these bytes are no message; then *out is all zeros. What the kind does not carry is zero. */
bool qd_wire_msg_decode(const uint8_t *data, size_t len_bytes, struct qd_msg *out);

void qd_wire_witness_request_encode(const struct qd_witness_request *request,
				    uint8_t to[QD_WIRE_WITNESS_REQUEST_BYTES]);
bool qd_wire_witness_request_decode(const uint8_t *data, size_t len_bytes, struct qd_witness_request *out);
void qd_wire_witness_answer_encode(const struct qd_witness_answer *answer,
				   uint8_t to[QD_WIRE_WITNESS_ANSWER_BYTES]);
bool qd_wire_witness_answer_decode(const uint8_t *data, size_t len_bytes, struct qd_witness_answer *out);

#endif
