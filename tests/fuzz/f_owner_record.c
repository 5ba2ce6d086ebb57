/* SPDX-License-Identifier: Apache-2.0 */
/* Input: see fuzz_sector(). What was accepted is written again as the same bytes, and counts in one place only. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t ZEROS[QD_QDISK_SECTOR_MAX];
	struct qd_owner_record r;
	struct qd_owner_record picked;
	uint8_t sector[QD_QDISK_SECTOR_MAX];
	uint8_t again[QD_QDISK_SECTOR_MAX];
	size_t len = fuzz_sector(data, size, sector);
	enum qd_qdisk_verdict verdict = qd_owner_record_decode(sector, len, &r);
	qd_assert(verdict < QD_QDISK_VERDICT_COUNT);
	if (verdict != QD_QDISK_OK) {
		qd_assert(r.state == QD_RECORD_NONE && r.sequence == 0);
		return 0;
	}
	qd_assert(r.sequence > 0 && qd_epoch_node(r.epoch) == r.node_id && r.heir != r.node_id);
	qd_owner_record_encode(&r, again, (uint32_t)len);
	qd_assert(memcmp(again, sector, 44) == 0 && memcmp(again + 56, sector + 56, 72) == 0);

	bool odd = r.sequence % 2 == 1;
	qd_owner_record_pick(odd ? ZEROS : again, odd ? again : ZEROS, (uint32_t)len, r.node_id, r.disk_uuid,
			     &picked);
	qd_assert(picked.state == r.state && picked.sequence == r.sequence && picked.epoch == r.epoch);
	qd_owner_record_pick(odd ? again : ZEROS, odd ? ZEROS : again, (uint32_t)len, r.node_id, r.disk_uuid,
			     &picked);
	qd_assert(picked.state == QD_RECORD_NONE);
	uint32_t other = r.node_id == QD_NODE_ID_MAX ? QD_NODE_ID_MIN : r.node_id + 1;
	qd_owner_record_pick(again, again, (uint32_t)len, other, r.disk_uuid, &picked);
	qd_assert(picked.state == QD_RECORD_NONE);
	return 0;
}
