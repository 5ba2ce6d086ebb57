/* SPDX-License-Identifier: Apache-2.0 */
/* Input: how to make a packet of the rest, then that: an envelope and a request, sealed with the right key (FUZZ_SEALED), or
 * the packet as it is. The witness's way of opening, with a key derived for each packet, says the same as that of
 * drv/packet, with its table. Keys as in f_packet. */
#include "fuzz.h"
#include "fuzz_packet.h"

#include "drv/packet.h"
#include "witness/box.h"

#include <sodium.h>

enum {
	FUZZ_SEALED = 0x01,
};

static void seal(const struct qd_packet *reader, uint8_t packet[QD_BOX_REQUEST_BYTES])
{
	unsigned long long len = 0;
	uint8_t *text = packet + QD_WIRE_ENVELOPE_BYTES;
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(
		text, &len, text, QD_WIRE_WITNESS_REQUEST_BYTES, packet, QD_WIRE_ENVELOPE_BYTES, NULL,
		packet + FUZZ_NONCE_AT, reader->slot[0].receive[packet[3] % (QD_NODES_MAX + 1)]);
	qd_assert(len == QD_WIRE_WITNESS_REQUEST_BYTES + QD_WIRE_MAC_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct qd_packet reader;
	const struct qd_keyfile k = fuzz_keys();
	uint8_t packet[QD_BOX_REQUEST_BYTES] = {0};
	struct qd_wire_envelope e;
	struct qd_witness_request request;
	struct qd_packet_content content;
	if (reader.slot_count == 0)
		qd_assert(qd_packet_init(&reader, QD_PACKET_WITNESS, &k) == 0);
	if (size < 2)
		return 0;
	memcpy(packet, data + 1, size - 1 < sizeof packet ? size - 1 : sizeof packet);
	if ((data[0] & FUZZ_SEALED) != 0)
		seal(&reader, packet);
	/* What the server looks at before it opens. */
	if (qd_wire_envelope_decode(packet, sizeof packet, &e) != QD_WIRE_OK ||
	    e.traffic != QD_WIRE_WITNESS_REQUEST || memcmp(e.cluster, k.cluster, sizeof e.cluster) != 0)
		return 0;
	const enum qd_box_verdict verdict = qd_box_open(&k, &e, packet, &request);
	const enum qd_packet_verdict same = qd_packet_open(&reader, packet, sizeof packet, &content);
	qd_assert((verdict == QD_BOX_OK) == (same == QD_PACKET_OK));
	qd_assert((verdict == QD_BOX_KEY) == (same == QD_PACKET_KEY));
	qd_assert((verdict == QD_BOX_FORGED) == (same == QD_PACKET_FORGED));
	qd_assert((verdict == QD_BOX_MALFORMED) == (same == QD_PACKET_MALFORMED));
	if (verdict == QD_BOX_OK)
		qd_assert(request.node == e.from && request.id == content.u.request.id);
	return 0;
}
