/* SPDX-License-Identifier: Apache-2.0 */
/* For tests only: a writer on the data area of the quorum disk, through the node's own nexus. It begins with an epoch
 * and writes a stamp every interval until the core ends that epoch. On purpose it does not look at the lease: a node
 * that was paused and wakes really tries to write, and the target has to refuse. */
#ifndef QD_DRV_STAMPER_H
#define QD_DRV_STAMPER_H

#include "drv/disk_iscsi.h"
#include "drv/stamp.h"

struct qd_stamper_counters {
	uint64_t good;
	uint64_t conflict; /* refused by the reservation: the fence works */
	uint64_t failed;   /* any other answer */
	uint64_t unknown;  /* no answer: the session went */
};

struct qd_stamper {
	struct qd_span interval; /* 0: never writes */
	uint32_t node_id;
	uint64_t epoch; /* 0: not writing */
	struct qd_mono due;
	struct qd_stamper_counters counters; /* of all epochs */
	uint64_t conflicts_of_epoch;
	/* private */
	bool busy;
	bool searching; /* for the first free slot: low has a stamp or is 0, high has none */
	uint64_t low, high;
	uint64_t sequence;
	uint64_t slot;
	uint64_t command_epoch;
	bool command_searches;
	uint32_t unit_attentions;
	uint64_t session_number; /* that the command under way belongs to */
	struct qd_session *session;
	struct qd_scsi_command command;
	uint8_t sector[QD_QDISK_SECTOR_MAX];
};

void qd_stamper_init(struct qd_stamper *s, struct qd_span interval, uint32_t node_id);

/* The core announced ownership of `epoch`: begin at once. The core ended it: stop. */
void qd_stamper_begin(struct qd_stamper *s, uint64_t epoch, struct qd_mono now);
void qd_stamper_end(struct qd_stamper *s);

/* When qd_stamper_run() has something to do next; QD_NEVER if nothing. */
struct qd_mono qd_stamper_deadline(const struct qd_stamper *s);
/* Nothing can be written now: what is due comes an interval later. */
void qd_stamper_put_off(struct qd_stamper *s, struct qd_mono now);

/* Queue a command if one is due; the caller flushes the session. data_lba and sectors: where the area begins, where
 * the LUN ends. */
void qd_stamper_run(struct qd_stamper *s, struct qd_session *session, uint64_t data_lba,
		    const struct qd_disk_capacity *capacity, struct qd_mono now);

#endif
