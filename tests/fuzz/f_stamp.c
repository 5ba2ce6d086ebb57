/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a sector of the data area, see fuzz_sector(). What was accepted is written again as the same stamp. */
#include "fuzz.h"

#include "drv/stamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t sector[QD_QDISK_SECTOR_MAX];
	uint8_t again[QD_QDISK_SECTOR_MAX];
	struct qd_stamp s, t;
	const size_t len = fuzz_sector(data, size, sector);
	if ((len != QD_QDISK_SECTOR_MAX && len != 512) || !qd_stamp_decode(sector, len, &s))
		return 0;
	qd_stamp_encode(&s, again, len);
	qd_assert(qd_stamp_decode(again, len, &t));
	qd_assert(s.epoch == t.epoch && s.sequence == t.sequence && s.slot == t.slot &&
		  s.boot_ns == t.boot_ns && s.node_id == t.node_id);
	return 0;
}
