/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/stamp.h"

#include "base/bytes.h"
#include "base/crc32c.h"

static const uint8_t MAGIC[8] = {'Q', 'D', 'S', 'T', 'A', 'M', 'P', '1'};

enum {
	CRC_BYTES = 4, /* the last ones; over everything before them */
};

void qd_stamp_encode(const struct qd_stamp *s, uint8_t *sector, size_t sector_bytes)
{
	memset(sector, 0, sector_bytes);
	struct qd_writer w = qd_writer_make(sector, sector_bytes);
	qd_write_copy(&w, MAGIC, sizeof MAGIC);
	qd_write_le(&w, 8, s->epoch);
	qd_write_le(&w, 8, s->sequence);
	qd_write_le(&w, 8, s->slot);
	qd_write_le(&w, 8, s->boot_ns);
	qd_write_le(&w, 4, s->node_id);
	w.at = sector_bytes - CRC_BYTES;
	qd_write_le(&w, CRC_BYTES, qd_crc32c(0, sector, sector_bytes - CRC_BYTES));
	qd_assert(!w.failed);
}

bool qd_stamp_decode(const uint8_t *sector, size_t sector_bytes, struct qd_stamp *out)
{
	struct qd_reader r = qd_reader_make(sector, sector_bytes);
	uint8_t magic[sizeof MAGIC];
	qd_read_copy(&r, magic, sizeof magic);
	*out = (struct qd_stamp){
		.epoch = qd_read_le(&r, 8),
		.sequence = qd_read_le(&r, 8),
		.slot = qd_read_le(&r, 8),
		.boot_ns = qd_read_le(&r, 8),
		.node_id = (uint32_t)qd_read_le(&r, 4),
	};
	if (r.failed || memcmp(magic, MAGIC, sizeof MAGIC) != 0)
		return false;
	r.at = sector_bytes - CRC_BYTES;
	return qd_read_le(&r, CRC_BYTES) == qd_crc32c(0, sector, sector_bytes - CRC_BYTES);
}
