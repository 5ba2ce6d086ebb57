/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/paths_ops.h"

#include "drv/paths_slots.h"
#include "drv/pr_iscsi.h"

#include <string.h>

static bool done(struct qd_slot *slot, enum qd_outcome outcome)
{
	slot->outcome = outcome;
	return true;
}

/* True when the next command is on its way; otherwise the operation ends with UNKNOWN. */
static bool send(struct qd_slot *slot)
{
	slot->outcome = QD_OUTCOME_UNKNOWN;
	return qd_session_send(&slot->path->session, &slot->command);
}

static bool begin_superblock(struct qd_slot *slot)
{
	slot->path->disk_known = false;
	slot->step = QD_SLOT_STEP_CAPACITY;
	qd_disk_iscsi_capacity(&slot->command, slot->data);
	return send(slot);
}

static bool begin_records(struct qd_slot *slot)
{
	struct qd_path_driver *path = slot->path;
	if (!path->disk_known || path->records_busy) {
		slot->outcome = path->disk_known ? QD_OUTCOME_BUSY : QD_OUTCOME_NOT_READY;
		return false;
	}
	qd_disk_iscsi_read(&slot->command, QD_QDISK_RECORDS_LBA, path->record_count * QD_QDISK_COPIES,
			   path->capacity.sector_bytes, path->records);
	path->records_busy = true;
	return send(slot);
}

static bool begin_write(struct qd_slot *slot)
{
	struct qd_path_driver *path = slot->path;
	struct qd_owner_record *record = &slot->op.u.record;
	if (!path->disk_known) {
		slot->outcome = QD_OUTCOME_NOT_READY;
		return false;
	}
	memcpy(record->disk_uuid, path->superblock.disk_uuid, sizeof record->disk_uuid);
	qd_owner_record_encode(record, slot->data, path->capacity.sector_bytes);
	slot->step = path->no_fua ? QD_SLOT_STEP_WRITE_PLAIN : QD_SLOT_STEP_WRITE;
	qd_disk_iscsi_write(
		&slot->command,
		qd_qdisk_record_lba(record->node_id, (uint32_t)(record->sequence % QD_QDISK_COPIES)), 1,
		path->capacity.sector_bytes, !path->no_fua, slot->data);
	return send(slot);
}

bool qd_slot_begin(struct qd_slot *slot)
{
	slot->step = QD_SLOT_STEP_ONLY;
	switch (slot->op.kind) {
	case QD_OP_READ_SUPERBLOCK:
		return begin_superblock(slot);
	case QD_OP_REPORT_CAPABILITIES:
		qd_pr_iscsi_in(&slot->command, QD_PR_REPORT_CAPABILITIES, slot->data, 8);
		return send(slot);
	case QD_OP_READ_KEYS:
		qd_pr_iscsi_in(&slot->command, QD_PR_READ_KEYS, slot->data, QD_PR_KEYS_FIRST_BYTES);
		return send(slot);
	case QD_OP_READ_RESERVATION:
		qd_pr_iscsi_in(&slot->command, QD_PR_READ_RESERVATION, slot->data, 24);
		return send(slot);
	case QD_OP_READ_RECORDS:
		return begin_records(slot);
	case QD_OP_WRITE_RECORD:
		return begin_write(slot);
	case QD_OP_PR_OUT:
		qd_pr_iscsi_out(&slot->command, &slot->op.u.pr, slot->data);
		return send(slot);
	case QD_OP_READ_SLOTS:
	case QD_OP_WRITE_SLOTS:
		return qd_config_work_begin(slot);
	case QD_OP_NONE:
	case QD_OP_LOGIN: /* has no command of its own: paths.c */
	case QD_OP_KIND_COUNT:
		break;
	}
	QD_UNREACHABLE("no such operation");
}

/* One more command of the same operation. False: it is on its way. */
static bool go_on(struct qd_slot *slot)
{
	return send(slot) ? false : done(slot, QD_OUTCOME_UNKNOWN);
}

static bool advance_superblock(struct qd_slot *slot)
{
	struct qd_path_driver *path = slot->path;
	const struct qd_scsi_command *c = &slot->command;
	if (slot->step == QD_SLOT_STEP_CAPACITY) {
		enum qd_outcome o = qd_disk_iscsi_capacity_of(c, &path->capacity);
		if (o != QD_OUTCOME_GOOD)
			return done(slot, o);
		if (path->capacity.sectors < qd_qdisk_min_sectors(path->capacity.sector_bytes)) {
			slot->disk = QD_DISK_NOT_QUORUM;
			return done(slot, QD_OUTCOME_GOOD);
		}
		slot->step = QD_SLOT_STEP_SECTORS;
		qd_disk_iscsi_read(&slot->command, QD_QDISK_SUPERBLOCK_LBA, 2, path->capacity.sector_bytes,
				   slot->data);
		return go_on(slot);
	}
	if (c->outcome != QD_OUTCOME_GOOD)
		return done(slot, c->outcome);
	if (!qd_disk_iscsi_read_whole(c))
		return done(slot, QD_OUTCOME_GARBAGE);
	slot->disk = qd_disk_iscsi_judge(slot->data, path->capacity.sector_bytes, path->expected,
					 &path->superblock);
	path->disk_known = slot->disk == QD_DISK_OK;
	return done(slot, QD_OUTCOME_GOOD);
}

static bool advance_keys(struct qd_slot *slot)
{
	uint32_t again = qd_pr_iscsi_keys_again(&slot->command);
	if (again == 0)
		return done(slot, slot->command.outcome);
	qd_assert(again <= sizeof slot->data);
	qd_pr_iscsi_in(&slot->command, QD_PR_READ_KEYS, slot->data, again);
	return go_on(slot);
}

static bool advance_write(struct qd_slot *slot)
{
	struct qd_path_driver *path = slot->path;
	enum qd_outcome o = slot->command.outcome;
	if (slot->step == QD_SLOT_STEP_WRITE && o == QD_OUTCOME_UNSUPPORTED) { /* refused, so not executed */
		path->no_fua = true;
		slot->step = QD_SLOT_STEP_WRITE_PLAIN;
		slot->command.cdb[1] = 0;
		return go_on(slot);
	}
	if (slot->step == QD_SLOT_STEP_WRITE_PLAIN && o == QD_OUTCOME_GOOD) {
		slot->step = QD_SLOT_STEP_SYNCHRONIZE;
		qd_disk_iscsi_synchronize(&slot->command);
		return go_on(slot);
	}
	/* A SYNCHRONIZE CACHE that was not executed leaves a record that may be on the disk or not. */
	if (slot->step == QD_SLOT_STEP_SYNCHRONIZE && o != QD_OUTCOME_GOOD)
		o = QD_OUTCOME_UNKNOWN;
	return done(slot, o);
}

bool qd_slot_advance(struct qd_slot *slot)
{
	switch (slot->op.kind) {
	case QD_OP_READ_SUPERBLOCK:
		return advance_superblock(slot);
	case QD_OP_READ_KEYS:
		return advance_keys(slot);
	case QD_OP_WRITE_RECORD:
		return advance_write(slot);
	case QD_OP_READ_RECORDS:
		if (slot->command.outcome == QD_OUTCOME_GOOD && !qd_disk_iscsi_read_whole(&slot->command))
			return done(slot, QD_OUTCOME_GARBAGE);
		return done(slot, slot->command.outcome);
	case QD_OP_REPORT_CAPABILITIES:
	case QD_OP_READ_RESERVATION:
	case QD_OP_PR_OUT:
		return done(slot, slot->command.outcome);
	case QD_OP_READ_SLOTS:
	case QD_OP_WRITE_SLOTS:
		return qd_config_work_advance(slot);
	case QD_OP_NONE:
	case QD_OP_LOGIN:
	case QD_OP_KIND_COUNT:
		break;
	}
	QD_UNREACHABLE("no such operation");
}
