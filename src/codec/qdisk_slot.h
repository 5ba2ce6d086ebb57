/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration slot of the quorum disk as a whole (docs/ONDISK.md): header sector, head, text. Bytes to structs and
 * back, and which of two slots counts; the header sector alone is in qdisk.h. Reads and writes nothing. Pure. */
#ifndef QD_CODEC_QDISK_SLOT_H
#define QD_CODEC_QDISK_SLOT_H

#include "codec/qdisk.h"
#include "core/head.h"

enum {
	QD_QDISK_HEAD_BYTES = 256, /* what a body begins with */
	QD_QDISK_HEAD_FORMAT = 1,
	/* The longest text behind it, the same for both sizes of sector: a LUN may be replaced by one of the other. */
	QD_QDISK_TEXT_MAX = QD_QDISK_SLOT_BYTES - QD_QDISK_SECTOR_MAX - QD_QDISK_HEAD_BYTES,
};

/* `h` has a version and must be what the decoder takes. Of weights only those of h's nodes are looked at. */
void qd_config_head_encode(const struct qd_head *h, uint8_t to[QD_QDISK_HEAD_BYTES]);

/* OK, TORN (too short), NEWER or INVALID; not OK: *out is all zeros. What `old` holds counts only where has_old is set,
 * and is zeros otherwise. */
enum qd_qdisk_verdict qd_config_head_decode(const uint8_t *data, size_t len_bytes, struct qd_head *out);

/* Where a slot's text begins, from the slot's first byte. */
size_t qd_config_text_at(uint32_t sector_bytes);

/* Whole sectors of a slot with a body of so many bytes, header included. */
size_t qd_config_slot_length(uint32_t sector_bytes, size_t body_bytes);

/* The text is in its place in `slot` (QD_QDISK_SLOT_BYTES): put header, head and the zeros behind the text around it.
 * Returns the length in bytes, of whole sectors; what is behind that is not touched. */
size_t qd_config_slot_seal(const struct qd_head *h, uint8_t *slot, uint32_t sector_bytes, size_t text_bytes);

/* What was read of a slot. */
struct qd_config_content {
	enum qd_qdisk_verdict verdict; /* not OK: the rest is zeros */
	struct qd_head head;
	size_t text_bytes;
};

/* Judge a slot of which len_bytes were read: header, checksum of the body, head, and that both have one tag. */
void qd_config_slot_judge(const uint8_t *slot, size_t len_bytes, uint32_t sector_bytes,
			  struct qd_config_content *out);

/* The number of the slot that counts: of those that are OK the one with the higher tag, of two alike slot 0;
 * QD_QDISK_SLOT_COUNT: none. */
uint32_t qd_config_slot_newest(const struct qd_config_content slots[QD_QDISK_SLOT_COUNT]);

#endif
