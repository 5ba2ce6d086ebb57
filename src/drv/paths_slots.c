/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/paths_slots.h"

#include "quorumd/errors.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* Every target takes so much in one command, and a renewal on the same path waits for no more than that. */
	CHUNK_BYTES = 1 << 16,
	NEW = 0,     /* WRITE_SLOTS: the buffer of what is written, */
	SCRATCH = 1, /* and the one of what is read */
};

static bool done(struct qd_slot *slot, enum qd_outcome outcome)
{
	slot->outcome = outcome;
	return true;
}

static bool refuse(struct qd_slot *slot, const char *why)
{
	slot->path->config_work->why = why;
	return done(slot, QD_OUTCOME_ERROR);
}

/* False: the command is on its way. */
static bool send(struct qd_slot *slot)
{
	slot->outcome = QD_OUTCOME_UNKNOWN;
	return !qd_session_send(&slot->path->session, &slot->command);
}

static uint64_t lba_of(const struct qd_config_work *w)
{
	return qd_qdisk_slot_lba(w->sector_bytes, w->number) + w->at_bytes / w->sector_bytes;
}

/* Begin a step over the bytes at .. end of the slot; send_chunk() goes from command to command. */
static void span(struct qd_config_work *w, enum qd_config_step step, size_t at_bytes, size_t end_bytes)
{
	w->step = step;
	w->at_bytes = at_bytes;
	w->chunk_bytes = 0;
	w->end_bytes = end_bytes;
}

static uint32_t take_chunk(struct qd_config_work *w)
{
	const size_t left = w->end_bytes - w->at_bytes;
	w->chunk_bytes = left < CHUNK_BYTES ? left : CHUNK_BYTES;
	qd_assert(w->chunk_bytes > 0 && w->chunk_bytes % w->sector_bytes == 0);
	return (uint32_t)(w->chunk_bytes / w->sector_bytes);
}

static bool read_chunk(struct qd_slot *slot, uint8_t *buffer)
{
	struct qd_config_work *w = slot->path->config_work;
	const uint32_t count = take_chunk(w);
	qd_disk_iscsi_read(&slot->command, lba_of(w), count, w->sector_bytes, buffer + w->at_bytes);
	return send(slot);
}

static bool write_chunk(struct qd_slot *slot)
{
	struct qd_config_work *w = slot->path->config_work;
	const uint32_t count = take_chunk(w);
	qd_disk_iscsi_write(&slot->command, lba_of(w), count, w->sector_bytes, !slot->path->no_fua,
			    w->slots[NEW] + w->at_bytes);
	return send(slot);
}

/* The command's bytes are done. True: so is the step. */
static bool step_is_over(struct qd_config_work *w)
{
	w->at_bytes += w->chunk_bytes;
	qd_assert(w->at_bytes <= w->end_bytes);
	return w->at_bytes == w->end_bytes;
}

/* ------------------------------------------------ writing */

/* The body before the header: until the header is whole the slot is the old one or none. */
static bool begin_writing(struct qd_slot *slot)
{
	struct qd_config_work *w = slot->path->config_work;
	span(w, QD_CONFIG_STEP_WRITE, w->sector_bytes, w->new_bytes);
	return write_chunk(slot);
}

static bool begin_verifying(struct qd_slot *slot)
{
	struct qd_config_work *w = slot->path->config_work;
	span(w, QD_CONFIG_STEP_VERIFY, 0, w->new_bytes);
	return read_chunk(slot, w->slots[SCRATCH]);
}

static bool advance_write(struct qd_slot *slot)
{
	struct qd_config_work *w = slot->path->config_work;
	if (slot->command.outcome == QD_OUTCOME_UNSUPPORTED && slot->command.cdb[1] != 0) {
		slot->path->no_fua = true; /* refused, so not executed */
		return write_chunk(slot);
	}
	if (slot->command.outcome != QD_OUTCOME_GOOD)
		return done(slot, slot->command.outcome);
	if (!step_is_over(w))
		return write_chunk(slot);
	if (w->step == QD_CONFIG_STEP_WRITE) {
		span(w, QD_CONFIG_STEP_SEAL, 0, w->sector_bytes);
		return write_chunk(slot);
	}
	if (!slot->path->no_fua)
		return begin_verifying(slot);
	w->step = QD_CONFIG_STEP_SYNCHRONIZE;
	qd_disk_iscsi_synchronize(&slot->command);
	return send(slot);
}

static bool advance_verify(struct qd_slot *slot)
{
	struct qd_config_work *w = slot->path->config_work;
	if (memcmp(w->slots[SCRATCH] + w->at_bytes, w->slots[NEW] + w->at_bytes, w->chunk_bytes) != 0) {
		w->why = "what was written to a configuration slot reads back otherwise; check the disk";
		return done(slot, QD_OUTCOME_GARBAGE);
	}
	if (!step_is_over(w))
		return read_chunk(slot, w->slots[SCRATCH]);
	if (++w->written == QD_QDISK_SLOT_COUNT)
		return done(slot, QD_OUTCOME_GOOD);
	w->number = QD_QDISK_SLOT_COUNT - 1 - w->number;
	return begin_writing(slot);
}

/* ------------------------------------------------ reading */

static uint8_t *read_buffer(const struct qd_slot *slot)
{
	struct qd_config_work *w = slot->path->config_work;
	return w->slots[slot->op.kind == QD_OP_WRITE_SLOTS ? SCRATCH : w->number];
}

static bool begin_header(struct qd_slot *slot)
{
	struct qd_config_work *w = slot->path->config_work;
	span(w, QD_CONFIG_STEP_HEADER, 0, w->sector_bytes);
	return read_chunk(slot, read_buffer(slot));
}

static bool both_read(struct qd_slot *slot)
{
	struct qd_config_work *w = slot->path->config_work;
	for (uint32_t i = 0; i < QD_QDISK_SLOT_COUNT; i++)
		if (w->found[i].verdict == QD_QDISK_NEWER) /* it would be overlooked, and overwritten */
			return refuse(
				slot,
				"a configuration slot is of a newer format; use that version of quorumd");
	if (slot->op.kind == QD_OP_READ_SLOTS)
		return done(slot, QD_OUTCOME_GOOD);
	/* Never the one that counts: it stays whole until the other one is. */
	w->number = qd_config_slot_newest(w->found) == 0 ? 1 : 0;
	return begin_writing(slot);
}

/* A slot is in memory as far as it counts. */
static bool judge(struct qd_slot *slot)
{
	struct qd_config_work *w = slot->path->config_work;
	qd_config_slot_judge(read_buffer(slot), w->end_bytes, w->sector_bytes, &w->found[w->number]);
	if (++w->number == QD_QDISK_SLOT_COUNT)
		return both_read(slot);
	return begin_header(slot);
}

static bool advance_header(struct qd_slot *slot)
{
	struct qd_config_work *w = slot->path->config_work;
	const uint32_t sector = w->sector_bytes;
	struct qd_config_slot header;
	if (qd_config_slot_decode(read_buffer(slot), sector, &header) != QD_QDISK_OK ||
	    header.body_bytes == 0)
		return judge(slot);
	span(w, QD_CONFIG_STEP_BODY, sector, qd_config_slot_length(sector, header.body_bytes));
	return read_chunk(slot, read_buffer(slot));
}

/* ------------------------------------------------ step by step */

bool qd_config_work_advance(struct qd_slot *slot)
{
	struct qd_config_work *w = slot->path->config_work;
	const enum qd_outcome outcome = slot->command.outcome;
	qd_assert(w->user == slot);
	if (w->step == QD_CONFIG_STEP_WRITE || w->step == QD_CONFIG_STEP_SEAL)
		return advance_write(slot);
	if (w->step == QD_CONFIG_STEP_SYNCHRONIZE) /* else the slot may be on the disk or not */
		return outcome == QD_OUTCOME_GOOD ? begin_verifying(slot) : done(slot, QD_OUTCOME_UNKNOWN);
	if (outcome != QD_OUTCOME_GOOD)
		return done(slot, outcome);
	if (!qd_disk_iscsi_read_whole(&slot->command))
		return done(slot, QD_OUTCOME_GARBAGE);
	if (w->step == QD_CONFIG_STEP_VERIFY)
		return advance_verify(slot);
	if (w->step == QD_CONFIG_STEP_HEADER)
		return advance_header(slot);
	qd_assert(w->step == QD_CONFIG_STEP_BODY);
	return step_is_over(w) ? judge(slot) : read_chunk(slot, read_buffer(slot));
}

/* True: the text is in its place, and everything around it. */
static bool prepare(struct qd_config_work *w, const struct qd_head *head)
{
	size_t text_bytes = 0;
	if (!w->load(w->context, head->body, w->slots[NEW] + qd_config_text_at(w->sector_bytes),
		     &text_bytes) ||
	    text_bytes > QD_QDISK_TEXT_MAX)
		return false;
	w->new_bytes = qd_config_slot_seal(head, w->slots[NEW], w->sector_bytes, text_bytes);
	return true;
}

bool qd_config_work_begin(struct qd_slot *slot)
{
	struct qd_config_work *w = slot->path->config_work;
	qd_assert(w->load != NULL); /* who asks for this gave the store of texts */
	if (!slot->path->disk_known || w->user != NULL) {
		slot->outcome = slot->path->disk_known ? QD_OUTCOME_BUSY : QD_OUTCOME_NOT_READY;
		return false;
	}
	w->why = "";
	w->sector_bytes = slot->path->capacity.sector_bytes;
	w->number = 0;
	w->written = 0;
	if (slot->op.kind == QD_OP_WRITE_SLOTS && !prepare(w, &slot->op.u.head))
		return !refuse(slot,
			       "the text of the configuration is not in this node's store, or is too long");
	w->user = slot;
	return !begin_header(slot);
}

bool qd_config_work_found(struct qd_config_work *w, struct qd_head *head)
{
	const uint32_t newest = qd_config_slot_newest(w->found);
	*head = (struct qd_head){0};
	if (newest == QD_QDISK_SLOT_COUNT)
		return true;
	const struct qd_config_content *c = &w->found[newest];
	const uint8_t *text = w->slots[newest] + qd_config_text_at(w->sector_bytes);
	if (!w->store(w->context, c->head.body, text, c->text_bytes)) {
		w->why = "the configuration on the disk cannot be kept in this node's store";
		return false;
	}
	*head = c->head;
	return true;
}

void qd_config_work_release(struct qd_config_work *w, const struct qd_slot *slot)
{
	if (w->user == slot)
		w->user = NULL;
}

/* ------------------------------------------------ opening and closing */

int qd_config_work_open(struct qd_config_work *w, const struct qd_paths_config *config)
{
	qd_assert((config->store == NULL) == (config->load == NULL));
	*w = (struct qd_config_work){
		.why = "",
		.store = config->store,
		.load = config->load,
		.context = config->text_context,
	};
	for (uint32_t i = 0; i < QD_QDISK_SLOT_COUNT && config->load != NULL; i++) {
		w->slots[i] = calloc(1, QD_QDISK_SLOT_BYTES);
		if (w->slots[i] == NULL)
			return -QD_ERR_NOMEM;
	}
	return 0;
}

void qd_config_work_close(struct qd_config_work *w)
{
	for (uint32_t i = 0; i < QD_QDISK_SLOT_COUNT; i++)
		free(w->slots[i]);
}
