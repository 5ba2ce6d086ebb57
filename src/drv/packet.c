/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/packet.h"

#include "base/bytes.h"
#include "quorumd/errors.h"

#include <sodium.h>

_Static_assert(QD_WIRE_NONCE_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(QD_WIRE_MAC_BYTES == crypto_aead_xchacha20poly1305_ietf_ABYTES, "authentication");
_Static_assert(QD_KEYFILE_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");
_Static_assert(QD_KEYFILE_KEY_BYTES == crypto_kdf_KEYBYTES, "key that keys are derived from");
_Static_assert((int)QD_KEYFILE_CLUSTER_BYTES == (int)QD_WIRE_CLUSTER_BYTES, "cluster");

enum {
	COUNTER_BYTES = QD_WIRE_NONCE_BYTES - QD_PACKET_PREFIX_BYTES,
	FROM_SHIFT = 8, /* the number of a derived key: from, then to */
};

static const char CONTEXT[crypto_kdf_CONTEXTBYTES] = {'q', 'd', 'p', 'a', 'c', 'k', 'e', 't'};

/* ---------------------------------------------------------------- keys */

void qd_packet_derive(uint8_t to[QD_KEYFILE_KEY_BYTES], uint32_t sender, uint32_t receiver,
		      const uint8_t key[QD_KEYFILE_KEY_BYTES])
{
	uint64_t number = (uint64_t)sender << FROM_SHIFT | receiver;
	/* It fails only for lengths that it does not know. */
	int status = crypto_kdf_derive_from_key(to, QD_KEYFILE_KEY_BYTES, number, CONTEXT, key);
	qd_assert(status == 0);
}

static void derive_all(struct qd_packet *p, const struct qd_keyfile *keys)
{
	qd_assert(keys->count >= 1 && keys->count <= QD_KEYFILE_SLOTS);
	sodium_memzero(p->slot, sizeof(p->slot));
	for (uint32_t i = 0; i < keys->count; i++) {
		struct qd_packet_slot *slot = &p->slot[i];
		slot->number = keys->slot[i].number;
		for (uint32_t id = 0; id <= QD_NODES_MAX; id++) {
			qd_packet_derive(slot->send[id], p->self, id, keys->slot[i].key);
			qd_packet_derive(slot->receive[id], id, p->self, keys->slot[i].key);
		}
	}
	p->slot_count = keys->count;
	p->send_slot = qd_keyfile_send_slot(keys);
}

int qd_packet_init(struct qd_packet *p, uint32_t self, const struct qd_keyfile *keys)
{
	qd_assert(self <= QD_NODES_MAX);
	memset(p, 0, sizeof(*p));
	if (sodium_init() < 0)
		return -QD_ERR_IO;
	p->self = self;
	p->peers = qd_set_all();
	memcpy(p->cluster, keys->cluster, sizeof(p->cluster));
	derive_all(p, keys);
	randombytes_buf(p->prefix, sizeof(p->prefix));
	return 0;
}

int qd_packet_rekey(struct qd_packet *p, const struct qd_keyfile *keys)
{
	if (memcmp(p->cluster, keys->cluster, sizeof(p->cluster)) != 0)
		return -QD_ERR_CONFIG;
	derive_all(p, keys);
	return 0;
}

void qd_packet_listen(struct qd_packet *p, uint64_t peers)
{
	p->peers = peers & qd_set_all();
}

void qd_packet_close(struct qd_packet *p)
{
	sodium_memzero(p, sizeof(*p));
}

/* ---------------------------------------------------------------- sealing */

/* Prefix and counter: no two packets of any processes have the same, whatever key they are sealed with. */
static void next_nonce(struct qd_packet *p, uint8_t nonce[QD_WIRE_NONCE_BYTES])
{
	struct qd_writer w = qd_writer_make(nonce, QD_WIRE_NONCE_BYTES);
	qd_assert(p->sealed < UINT64_MAX);
	qd_write_copy(&w, p->prefix, QD_PACKET_PREFIX_BYTES);
	qd_write_le(&w, COUNTER_BYTES, p->sealed);
	qd_assert(!w.failed && w.at == QD_WIRE_NONCE_BYTES);
	p->sealed++;
}

/* `to` holds room for the envelope, then len_bytes of plain text, then room for the MAC. */
static size_t seal(struct qd_packet *p, enum qd_wire_traffic traffic, uint32_t receiver, uint8_t *to,
		   size_t len_bytes)
{
	const struct qd_packet_slot *slot = &p->slot[p->send_slot];
	struct qd_wire_envelope e = {
		.format = QD_WIRE_VERSION,
		.traffic = traffic,
		.from = p->self,
		.to = receiver,
		.key = slot->number,
	};
	uint8_t *text = to + QD_WIRE_ENVELOPE_BYTES;
	unsigned long long sealed = 0;
	qd_assert(p->slot_count > 0); /* not closed */
	memcpy(e.cluster, p->cluster, sizeof(e.cluster));
	next_nonce(p, e.nonce);
	qd_wire_envelope_encode(&e, to);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(text, &sealed, text, len_bytes, to,
							 QD_WIRE_ENVELOPE_BYTES, NULL, e.nonce,
							 slot->send[receiver]); /* always 0 */
	qd_assert(sealed == len_bytes + QD_WIRE_MAC_BYTES);
	return QD_WIRE_ENVELOPE_BYTES + (size_t)sealed;
}

size_t qd_packet_seal_msg(struct qd_packet *p, const struct qd_msg *msg, uint8_t to[QD_WIRE_PACKET_MAX])
{
	qd_assert(msg->from == p->self);
	size_t len = qd_wire_msg_encode(msg, to + QD_WIRE_ENVELOPE_BYTES);
	return seal(p, QD_WIRE_NODE, msg->to, to, len);
}

size_t qd_packet_seal_request(struct qd_packet *p, const struct qd_witness_request *request,
			      uint8_t to[QD_WIRE_PACKET_MAX])
{
	qd_assert(request->node == p->self);
	qd_wire_witness_request_encode(request, to + QD_WIRE_ENVELOPE_BYTES);
	return seal(p, QD_WIRE_WITNESS_REQUEST, QD_PACKET_WITNESS, to, QD_WIRE_WITNESS_REQUEST_BYTES);
}

size_t qd_packet_seal_answer(struct qd_packet *p, uint32_t node, const struct qd_witness_answer *answer,
			     uint8_t to[QD_WIRE_PACKET_MAX])
{
	qd_assert(p->self == QD_PACKET_WITNESS && node >= 1 && node <= QD_NODES_MAX);
	qd_wire_witness_answer_encode(answer, to + QD_WIRE_ENVELOPE_BYTES);
	return seal(p, QD_WIRE_WITNESS_ANSWER, node, to, QD_WIRE_WITNESS_ANSWER_BYTES);
}

/* ---------------------------------------------------------------- opening */

static enum qd_packet_verdict of_wire(enum qd_wire_verdict verdict)
{
	switch (verdict) {
	case QD_WIRE_OK:
		return QD_PACKET_OK;
	case QD_WIRE_LENGTH:
		return QD_PACKET_LENGTH;
	case QD_WIRE_VERSION_OTHER:
		return QD_PACKET_VERSION;
	case QD_WIRE_MALFORMED:
		return QD_PACKET_MALFORMED;
	case QD_WIRE_ID:
		return QD_PACKET_ID;
	case QD_WIRE_VERDICT_COUNT:
		break;
	}
	QD_UNREACHABLE("verdict on an envelope");
}

static const struct qd_packet_slot *slot_of(const struct qd_packet *p, uint32_t number)
{
	for (uint32_t i = 0; i < p->slot_count; i++) {
		if (p->slot[i].number == number)
			return &p->slot[i];
	}
	return NULL;
}

/* Everything that can be known without cryptography. */
static enum qd_packet_verdict judge(const struct qd_packet *p, const uint8_t *packet, size_t len_bytes,
				    struct qd_wire_envelope *e)
{
	enum qd_packet_verdict verdict = of_wire(qd_wire_envelope_decode(packet, len_bytes, e));
	if (verdict != QD_PACKET_OK)
		return verdict;
	/* Before the ids: those of another cluster say nothing about this one. */
	if (memcmp(e->cluster, p->cluster, sizeof(p->cluster)) != 0)
		return QD_PACKET_CLUSTER;
	if (e->to != p->self || e->from == p->self ||
	    (e->from != QD_PACKET_WITNESS && !qd_set_has(p->peers, e->from)))
		return QD_PACKET_ID;
	return slot_of(p, e->key) != NULL ? QD_PACKET_OK : QD_PACKET_KEY;
}

/* What was sealed is what it says, and from whom the envelope says. */
static bool decode(const uint8_t *text, size_t len_bytes, const struct qd_wire_envelope *e,
		   struct qd_packet_content *out)
{
	out->traffic = e->traffic;
	out->from = e->from;
	switch (e->traffic) {
	case QD_WIRE_NODE:
		return qd_wire_msg_decode(text, len_bytes, &out->u.msg) && out->u.msg.from == e->from &&
		       out->u.msg.to == e->to;
	case QD_WIRE_WITNESS_REQUEST:
		return qd_wire_witness_request_decode(text, len_bytes, &out->u.request) &&
		       out->u.request.node == e->from;
	case QD_WIRE_WITNESS_ANSWER:
		return qd_wire_witness_answer_decode(text, len_bytes, &out->u.answer);
	case QD_WIRE_TRAFFIC_COUNT:
		break;
	}
	QD_UNREACHABLE("kind of traffic");
}

static enum qd_packet_verdict open_packet(const struct qd_packet *p, const uint8_t *packet, size_t len_bytes,
					  struct qd_packet_content *out)
{
	struct qd_wire_envelope e;
	uint8_t text[QD_WIRE_MSG_MAX];
	unsigned long long text_len = 0;
	enum qd_packet_verdict verdict = judge(p, packet, len_bytes, &e);
	if (verdict != QD_PACKET_OK)
		return verdict;
	const uint8_t *key = slot_of(p, e.key)->receive[e.from];
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(text, &text_len, NULL, packet + QD_WIRE_ENVELOPE_BYTES,
						       len_bytes - QD_WIRE_ENVELOPE_BYTES, packet,
						       QD_WIRE_ENVELOPE_BYTES, e.nonce, key) != 0)
		return QD_PACKET_FORGED;
	qd_assert(text_len <= sizeof(text));
	return decode(text, (size_t)text_len, &e, out) ? QD_PACKET_OK : QD_PACKET_MALFORMED;
}

enum qd_packet_verdict qd_packet_open(struct qd_packet *p, const uint8_t *packet, size_t len_bytes,
				      struct qd_packet_content *out)
{
	enum qd_packet_verdict verdict = open_packet(p, packet, len_bytes, out);
	p->opened[verdict]++;
	return verdict;
}

const char *qd_packet_verdict_name(enum qd_packet_verdict verdict)
{
	switch (verdict) {
	case QD_PACKET_OK:
		return "ok";
	case QD_PACKET_LENGTH:
		return "length";
	case QD_PACKET_VERSION:
		return "version";
	case QD_PACKET_MALFORMED:
		return "malformed";
	case QD_PACKET_ID:
		return "id";
	case QD_PACKET_CLUSTER:
		return "cluster";
	case QD_PACKET_KEY:
		return "key";
	case QD_PACKET_FORGED:
		return "forged";
	case QD_PACKET_VERDICT_COUNT:
		break;
	}
	QD_UNREACHABLE("verdict on a packet");
}
