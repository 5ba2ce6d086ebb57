/* SPDX-License-Identifier: Apache-2.0 */
/* Input: how to make a packet of the rest, then that. FUZZ_SEALED: an envelope and a plain text, which is sealed with the
 * right key, so that the contents get a chance; else the packet as it is. FUZZ_WITNESS: the witness opens it, else node 5.
 * What opens is sealed again as the same packet. The keys are those of tests/drv/t_packet.c. */
#include "fuzz.h"
#include "fuzz_packet.h"

#include "drv/packet.h"

#include <sodium.h>

enum {
	FUZZ_SEALED = 0x01,
	FUZZ_WITNESS = 0x02,
	READER = 5,
};

/* With the key of the direction that the bytes of the envelope name. */
static size_t seal(const struct qd_packet *reader, const uint8_t *data, size_t size, uint8_t *packet)
{
	unsigned long long len = 0;
	memcpy(packet, data, QD_WIRE_ENVELOPE_BYTES);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(
		packet + QD_WIRE_ENVELOPE_BYTES, &len, data + QD_WIRE_ENVELOPE_BYTES,
		size - QD_WIRE_ENVELOPE_BYTES, packet, QD_WIRE_ENVELOPE_BYTES, NULL, packet + FUZZ_NONCE_AT,
		reader->slot[0].receive[packet[3] % (QD_NODES_MAX + 1)]);
	return QD_WIRE_ENVELOPE_BYTES + (size_t)len;
}

static size_t seal_again(const struct qd_packet_content *c, const uint8_t *packet, uint8_t *again)
{
	static struct qd_packet senders[QD_NODES_MAX + 1];
	struct qd_packet *p = &senders[c->from];
	struct qd_keyfile k = fuzz_keys();
	if (p->slot_count == 0)
		qd_assert(qd_packet_init(p, c->from, &k) == 0);
	memcpy(p->prefix, packet + FUZZ_NONCE_AT, QD_PACKET_PREFIX_BYTES);
	p->sealed = 0;
	for (size_t i = 8; i > 0; i--)
		p->sealed = p->sealed << 8 | packet[FUZZ_NONCE_AT + QD_PACKET_PREFIX_BYTES + i - 1];
	if (p->sealed == UINT64_MAX)
		return 0; /* the one that is never sent */
	if (c->traffic == QD_WIRE_NODE)
		return qd_packet_seal_msg(p, &c->u.msg, again);
	if (c->traffic == QD_WIRE_WITNESS_REQUEST)
		return qd_packet_seal_request(p, &c->u.request, again);
	return qd_packet_seal_answer(p, READER, &c->u.answer, again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct qd_packet readers[2];
	struct qd_packet_content content;
	uint8_t packet[QD_WIRE_PACKET_MAX + 64];
	uint8_t again[QD_WIRE_PACKET_MAX];
	if (readers[0].slot_count == 0) {
		struct qd_keyfile k = fuzz_keys();
		qd_assert(qd_packet_init(&readers[0], READER, &k) == 0);
		qd_assert(qd_packet_init(&readers[1], QD_PACKET_WITNESS, &k) == 0);
	}
	if (size == 0)
		return 0;
	uint8_t mode = *data++;
	struct qd_packet *reader = &readers[(mode & FUZZ_WITNESS) != 0];
	size_t len = --size;
	if ((mode & FUZZ_SEALED) == 0)
		memcpy(packet, data, len = size < sizeof(packet) ? size : sizeof(packet));
	else if (size >= QD_WIRE_ENVELOPE_BYTES && size + QD_WIRE_MAC_BYTES <= sizeof(packet))
		len = seal(reader, data, size, packet);
	else
		return 0;
	enum qd_packet_verdict verdict = qd_packet_open(reader, packet, len, &content);
	qd_assert(verdict < QD_PACKET_VERDICT_COUNT);
	if (verdict != QD_PACKET_OK)
		return 0;
	qd_assert(content.from != reader->self);
	size_t len_again = seal_again(&content, packet, again);
	qd_assert(len_again == 0 || (len_again == len && memcmp(again, packet, len) == 0));
	return 0;
}
