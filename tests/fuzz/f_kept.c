/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a slot; its first byte odd: with the right checksum. What was accepted is written again as the same bytes. */
#include "fuzz.h"

#include "codec/kept.h"
#include "codec/kept_fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qd_kept_slot slot;
	uint8_t bytes[QD_KEPT_SLOT_BYTES] = {0};
	uint8_t again[QD_KEPT_SLOT_BYTES];
	if (size == 0)
		return 0;
	const bool sealed = (data[0] & 1) != 0;
	size_t len = size - 1 < sizeof bytes ? size - 1 : sizeof bytes;
	memcpy(bytes, data + 1, len);
	if (sealed) {
		uint32_t crc = qd_crc32c(0, bytes, QD_KEPT_CRC_AT);
		for (size_t i = 0; i < 4; i++)
			bytes[QD_KEPT_CRC_AT + i] = (uint8_t)(crc >> 8 * i);
		len = sizeof bytes;
	}
	enum qd_kept_verdict verdict = qd_kept_decode(bytes, len, &slot);
	qd_assert(verdict < QD_KEPT_VERDICT_COUNT);
	if (verdict != QD_KEPT_OK)
		return 0;
	qd_assert(slot.sequence > 0 && slot.origin.node_id >= 1 && slot.origin.node_id <= QD_NODE_ID_MAX);
	qd_kept_encode(&slot, again);
	qd_assert(memcmp(again, bytes, sizeof bytes) == 0);
	return 0;
}
