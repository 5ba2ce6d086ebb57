/* SPDX-License-Identifier: Apache-2.0 */
/* Input: see fuzz_sector(). What was accepted is written again as the same bytes. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qd_superblock s;
	uint8_t sector[QD_QDISK_SECTOR_MAX];
	uint8_t again[QD_QDISK_SECTOR_MAX];
	uint8_t twice[QD_QDISK_SECTOR_MAX];
	size_t len = fuzz_sector(data, size, sector);
	enum qd_qdisk_verdict verdict = qd_superblock_decode(sector, len, &s);
	qd_assert(verdict < QD_QDISK_VERDICT_COUNT);
	if (verdict != QD_QDISK_OK)
		return 0;
	qd_superblock_encode(&s, again, (uint32_t)len);
	qd_assert(memcmp(again, sector, 32) == 0 && memcmp(again + 96, sector + 96, 16) == 0);
	qd_assert(qd_superblock_decode(again, len, &s) == QD_QDISK_OK);
	qd_superblock_encode(&s, twice, (uint32_t)len);
	qd_assert(memcmp(again, twice, len) == 0);
	return 0;
}
