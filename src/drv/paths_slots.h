/* SPDX-License-Identifier: Apache-2.0 */
/* Private to src/drv/paths*.c: the two operations on the disk's configuration slots, command by command. Both need whole
 * slots in memory: there is one pair of buffers, and one operation at a time has it. */
#ifndef QD_DRV_PATHS_SLOTS_H
#define QD_DRV_PATHS_SLOTS_H

#include "drv/paths_ops.h"

/* READ_SLOTS, and WRITE_SLOTS to learn which slot must stay:
 *
 *	HEADER -> BODY... -> HEADER of slot 1 -> BODY... -> done, or on:
 *
 * WRITE_SLOTS, first the slot that does not count, then the other:
 *
 *	WRITE... (body) -> SEAL (header) -> [SYNCHRONIZE] -> VERIFY... -> the same for the other -> done
 */
enum qd_config_step {
	QD_CONFIG_STEP_NONE = 0,
	QD_CONFIG_STEP_HEADER,
	QD_CONFIG_STEP_BODY,
	QD_CONFIG_STEP_WRITE,
	QD_CONFIG_STEP_SEAL,
	QD_CONFIG_STEP_SYNCHRONIZE, /* where FUA is refused */
	QD_CONFIG_STEP_VERIFY,
	QD_CONFIG_STEP_COUNT,
};

struct qd_config_work {
	const struct qd_slot *user; /* NULL: nobody has the buffers */
	enum qd_config_step step;
	uint32_t sector_bytes;
	uint32_t number;  /* slot on the disk that the step is about */
	uint32_t written; /* slots that were read back right */
	/* from the slot's first byte: the command under way, and where the step ends */
	size_t at_bytes;
	size_t chunk_bytes;
	size_t end_bytes;
	size_t new_bytes; /* what WRITE_SLOTS writes to each slot */
	struct qd_config_content found[QD_QDISK_SLOT_COUNT];
	uint8_t *slots
		[QD_QDISK_SLOT_COUNT]; /* QD_QDISK_SLOT_BYTES each; WRITE_SLOTS: the new one, and room to read */
	const char *why;	       /* a sentence; "": the target's outcome says it all */
	qd_text_store_fn *store;
	qd_text_load_fn *load;
	void *context;
};

/* 0, -QD_ERR_NOMEM; end it with qd_config_work_close() in both cases. */
int qd_config_work_open(struct qd_config_work *w, const struct qd_paths_config *config);
void qd_config_work_close(struct qd_config_work *w);

/* As qd_slot_begin() and qd_slot_advance(). */
bool qd_config_work_begin(struct qd_slot *slot);
bool qd_config_work_advance(struct qd_slot *slot);

/* READ_SLOTS is done and GOOD: keep the text, and say what was found in *head. False: it cannot be kept. */
bool qd_config_work_found(struct qd_config_work *w, struct qd_head *head);

/* The operation of this slot is answered or forgotten; its commands are over. Harmless when it has no buffers. */
void qd_config_work_release(struct qd_config_work *w, const struct qd_slot *slot);

#endif
