/* SPDX-License-Identifier: Apache-2.0 */
/* Private to src/drv/paths*.c: the slot of one operation and how it goes on from command to command. */
#ifndef QD_DRV_PATHS_OPS_H
#define QD_DRV_PATHS_OPS_H

#include "drv/paths.h"

enum {
	QD_SLOT_BYTES = 2 * QD_QDISK_SECTOR_MAX, /* superblock and its copy; READ KEYS needs 4,104 */
};

enum qd_slot_step {
	QD_SLOT_STEP_ONLY = 0, /* one command makes the operation */
	QD_SLOT_STEP_CAPACITY, /* READ_SUPERBLOCK: first this, then the sectors */
	QD_SLOT_STEP_SECTORS,
	QD_SLOT_STEP_WRITE,	  /* WRITE_RECORD with FUA */
	QD_SLOT_STEP_WRITE_PLAIN, /* without, because FUA was refused */
	QD_SLOT_STEP_SYNCHRONIZE,
};

struct qd_path_driver;
struct qd_config_work;

struct qd_slot {
	bool busy;
	struct qd_op op;
	enum qd_slot_step step;
	enum qd_outcome outcome; /* when it is done */
	enum qd_disk_verdict disk;
	struct qd_scsi_command command;
	struct qd_path_driver *path;
	struct qd_slot *next; /* in path's list of finished operations */
	uint8_t data[QD_SLOT_BYTES];
};

struct qd_path_driver {
	struct qd_session session;
	struct qd_iscsi_target target;
	struct qd_disk_expected *expected; /* shared by all paths */
	bool lost;			   /* QD_EVENT_SESSION_LOST is due */
	bool disk_known;		   /* superblock and capacity are of this session */
	bool no_fua;			   /* this target refuses FUA */
	bool records_busy;
	struct qd_disk_capacity capacity;
	struct qd_superblock superblock;
	uint32_t record_count;
	uint8_t *records;		    /* record_count * 2 sectors */
	struct qd_config_work *config_work; /* shared by all paths */
	struct qd_slot slots[QD_PATHS_OPS_MAX];
	struct qd_slot *done_first;
	struct qd_slot *done_last;
};

/* Send the first command of slot->op. False: nothing was sent; slot->outcome says how it ended. */
bool qd_slot_begin(struct qd_slot *slot);

/* Its command was answered. True: the operation is done (slot->outcome); false: another command was sent. */
bool qd_slot_advance(struct qd_slot *slot);

#endif
