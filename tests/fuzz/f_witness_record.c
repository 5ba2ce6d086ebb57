/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a sector, made whole and sealed with a right checksum unless its first byte is odd. What was accepted is written
 * again as the same fields, and never says what cannot be. */
#include "fuzz.h"

#include "codec/witness_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t sector[QD_WITNESS_SECTOR_BYTES] = {0};
	uint8_t again[QD_WITNESS_SECTOR_BYTES];
	struct qd_witness_grant g, h;
	struct qd_witness_identity i, j;
	if (size == 0)
		return 0;
	const size_t len = size - 1 < sizeof sector - 4 ? size - 1 : sizeof sector - 4;
	memcpy(sector, data + 1, len);
	const uint32_t crc = qd_crc32c(0, sector, sizeof sector - 4);
	for (size_t n = 0; n < 4 && data[0] % 2 == 0; n++)
		sector[sizeof sector - 4 + n] = (uint8_t)(crc >> 8 * n);
	const size_t told = data[0] % 8 == 7 ? len : sizeof sector;
	if (qd_witness_grant_decode(sector, told, &g) == QD_WITNESS_SECTOR_OK) {
		qd_assert(g.sequence != 0 && g.record.holder <= QD_NODES_MAX);
		qd_witness_grant_encode(&g, again);
		qd_assert(qd_witness_grant_decode(again, sizeof again, &h) == QD_WITNESS_SECTOR_OK);
		qd_assert(memcmp(again + 10, sector + 10, 110) == 0 && h.beat == g.beat);
	}
	if (qd_witness_identity_decode(sector, told, &i) == QD_WITNESS_SECTOR_OK) {
		qd_witness_identity_encode(&i, again);
		qd_assert(qd_witness_identity_decode(again, sizeof again, &j) == QD_WITNESS_SECTOR_OK);
		qd_assert(qd_witness_identity_equal(&i, &j) && i.places == j.places);
	}
	return 0;
}
