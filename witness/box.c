/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/box.h"

#include "base/bytes.h"
#include "drv/packet.h"

#include <errno.h>
#include <sodium.h>

int qd_box_init(struct qd_box *box)
{
	*box = (struct qd_box){.sealed = 0};
	if (sodium_init() < 0)
		return -EIO;
	randombytes_buf(box->prefix, sizeof box->prefix);
	return 0;
}

enum qd_box_verdict qd_box_open(const struct qd_keyfile *keys, const struct qd_wire_envelope *e,
				const uint8_t *packet, struct qd_witness_request *out)
{
	uint8_t key[QD_KEYFILE_KEY_BYTES], text[QD_WIRE_WITNESS_REQUEST_BYTES];
	unsigned long long len = 0;
	uint32_t slot = 0;
	while (slot < keys->count && keys->slot[slot].number != e->key)
		slot++;
	if (slot == keys->count)
		return QD_BOX_KEY;
	qd_packet_derive(key, e->from, QD_PACKET_WITNESS, keys->slot[slot].key);
	const int rc = crypto_aead_xchacha20poly1305_ietf_decrypt(
		text, &len, NULL, packet + QD_WIRE_ENVELOPE_BYTES,
		QD_BOX_REQUEST_BYTES - QD_WIRE_ENVELOPE_BYTES, packet, QD_WIRE_ENVELOPE_BYTES, e->nonce, key);
	sodium_memzero(key, sizeof key);
	if (rc != 0)
		return QD_BOX_FORGED;
	const bool good = qd_wire_witness_request_decode(text, (size_t)len, out) && out->node == e->from;
	return good ? QD_BOX_OK : QD_BOX_MALFORMED;
}

void qd_box_seal(struct qd_box *box, const struct qd_keyfile *keys, uint32_t node,
		 const struct qd_witness_answer *answer, uint8_t to[QD_BOX_ANSWER_BYTES])
{
	const struct qd_keyfile_slot *slot = &keys->slot[qd_keyfile_send_slot(keys)];
	struct qd_wire_envelope e = {.format = QD_WIRE_VERSION,
				     .traffic = QD_WIRE_WITNESS_ANSWER,
				     .from = QD_PACKET_WITNESS,
				     .to = node,
				     .key = slot->number};
	uint8_t key[QD_KEYFILE_KEY_BYTES];
	uint8_t *const text = to + QD_WIRE_ENVELOPE_BYTES;
	unsigned long long len = 0;
	/* Prefix and counter: no two packets of any processes have the same nonce, whatever key they are sealed with. */
	struct qd_writer nonce = qd_writer_make(e.nonce, sizeof e.nonce);
	qd_assert(box->sealed < UINT64_MAX);
	qd_write_copy(&nonce, box->prefix, sizeof box->prefix);
	qd_write_le(&nonce, sizeof box->sealed, box->sealed++);
	qd_assert(!nonce.failed && nonce.at == sizeof e.nonce);
	memcpy(e.cluster, keys->cluster, sizeof e.cluster);
	qd_wire_envelope_encode(&e, to);
	qd_wire_witness_answer_encode(answer, text);
	qd_packet_derive(key, QD_PACKET_WITNESS, node, slot->key);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(text, &len, text, QD_WIRE_WITNESS_ANSWER_BYTES, to,
							 QD_WIRE_ENVELOPE_BYTES, NULL, e.nonce,
							 key); /* always 0 */
	sodium_memzero(key, sizeof key);
	qd_assert(QD_WIRE_ENVELOPE_BYTES + len == QD_BOX_ANSWER_BYTES);
}
