/* SPDX-License-Identifier: Apache-2.0 */
/* Input: without FUZZ_BODY a header sector, see fuzz_sector(). With it a slot: the rest is the body, under a header that
 * fits it, so that the head gets a chance; FUZZ_TAG leaves its tag as the body has it, so that it may count. What was
 * accepted is written again as the same fields. */
#include "base/bytes.h"
#include "codec/qdisk_slot.h"
#include "fuzz.h"

enum {
	FUZZ_BODY = 0x08,
	FUZZ_TAG = 0x10,
	BODY_MAX = 2 * QD_QDISK_SECTOR_MAX,
	TAG_AT = 8, /* in a head */
	/* Of a head everything but byte 3, and in both parts of votes byte 3, is a field's. */
	VOTES_AT = 64,
	OLD_AT = 160,
};

static void header(const uint8_t *data, size_t size)
{
	struct qd_config_slot c;
	uint8_t sector[QD_QDISK_SECTOR_MAX];
	uint8_t again[QD_QDISK_SECTOR_MAX];
	uint8_t twice[QD_QDISK_SECTOR_MAX];
	size_t len = fuzz_sector(data, size, sector);
	enum qd_qdisk_verdict verdict = qd_config_slot_decode(sector, len, &c);
	qd_assert(verdict < QD_QDISK_VERDICT_COUNT);
	if (verdict != QD_QDISK_OK)
		return;
	qd_config_slot_encode(&c, again, (uint32_t)len);
	qd_assert(memcmp(again, sector, 10) == 0 && memcmp(again + 12, sector + 12, 24) == 0);
	qd_assert(qd_config_slot_decode(again, len, &c) == QD_QDISK_OK);
	qd_config_slot_encode(&c, twice, (uint32_t)len);
	qd_assert(memcmp(again, twice, len) == 0);
}

/* Zeros where no field is, and in `old` where it does not count. */
static void clear_spare(uint8_t head[QD_QDISK_HEAD_BYTES])
{
	head[3] = 0;
	head[VOTES_AT + 3] = 0;
	head[OLD_AT + 3] = 0;
	if (head[2] == 0)
		memset(head + OLD_AT, 0, QD_QDISK_HEAD_BYTES - OLD_AT);
}

static void whole(const uint8_t *body, size_t body_bytes, uint8_t mode)
{
	static uint8_t slot[QD_QDISK_SECTOR_MAX + BODY_MAX + QD_QDISK_SECTOR_MAX];
	static uint8_t again[sizeof(slot)];
	const uint32_t sector = (mode & FUZZ_LARGE) != 0 ? QD_QDISK_SECTOR_MAX : 512;
	struct qd_config_slot c = {1, 1, (uint32_t)body_bytes, qd_crc32c(0, body, body_bytes)};
	struct qd_config_content found;
	if ((mode & FUZZ_TAG) != 0 && body_bytes >= QD_QDISK_HEAD_BYTES) {
		struct qd_reader r = qd_reader_make(body + TAG_AT, body_bytes - TAG_AT);
		c.epoch = qd_read_le(&r, 8);
		c.version = qd_read_le(&r, 8);
	}
	qd_config_slot_encode(&c, slot, sector);
	memcpy(slot + sector, body, body_bytes);
	qd_config_slot_judge(slot, sector + body_bytes, sector, &found);
	qd_assert(found.verdict == QD_QDISK_OK || found.verdict == QD_QDISK_NEWER ||
		  found.verdict == QD_QDISK_INVALID);
	QD_ERGO(found.verdict != QD_QDISK_OK, found.text_bytes == 0 && found.head.tag.version == 0);
	if (found.verdict != QD_QDISK_OK)
		return;
	qd_assert(found.head.tag.epoch == c.epoch && found.head.tag.version == c.version);
	qd_assert(found.text_bytes == body_bytes - QD_QDISK_HEAD_BYTES);
	memcpy(again + qd_config_text_at(sector), slot + qd_config_text_at(sector), found.text_bytes);
	const size_t len = qd_config_slot_seal(&found.head, again, sector, found.text_bytes);
	qd_assert(len == qd_config_slot_length(sector, body_bytes));
	clear_spare(slot + sector);
	qd_assert(memcmp(again + sector, slot + sector, body_bytes) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t NOTHING[1];
	if (size == 0 || (data[0] & FUZZ_BODY) == 0)
		header(data, size);
	else
		whole(size > 1 ? data + 1 : NOTHING, size - 1 < BODY_MAX ? size - 1 : BODY_MAX, data[0]);
	return 0;
}
