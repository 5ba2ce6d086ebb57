/* SPDX-License-Identifier: Apache-2.0 */
/* Input: see fuzz_sector(). What was accepted is written again as the same bytes. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qd_config_slot c;
	uint8_t sector[QD_QDISK_SECTOR_MAX];
	uint8_t again[QD_QDISK_SECTOR_MAX];
	uint8_t twice[QD_QDISK_SECTOR_MAX];
	size_t len = fuzz_sector(data, size, sector);
	enum qd_qdisk_verdict verdict = qd_config_slot_decode(sector, len, &c);
	qd_assert(verdict < QD_QDISK_VERDICT_COUNT);
	if (verdict != QD_QDISK_OK)
		return 0;
	qd_config_slot_encode(&c, again, (uint32_t)len);
	qd_assert(memcmp(again, sector, 10) == 0 && memcmp(again + 12, sector + 12, 24) == 0);
	qd_assert(qd_config_slot_decode(again, len, &c) == QD_QDISK_OK);
	qd_config_slot_encode(&c, twice, (uint32_t)len);
	qd_assert(memcmp(again, twice, len) == 0);
	return 0;
}
