/* SPDX-License-Identifier: Apache-2.0 */
/* How a SCSI command ended, as one enumeration: SCSI status and sense data (SPC-4 4.5, SAM-5 5.3) reduced
 * by a table of sense key / ASC / ASCQ to what the arbitration distinguishes. Pure. */
#ifndef QD_CODEC_SENSE_H
#define QD_CODEC_SENSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum qd_outcome {
	QD_OUTCOME_UNKNOWN = 0, /* no answer: it may have executed, or may execute yet */
	QD_OUTCOME_GOOD,	/* executed */
	QD_OUTCOME_CONFLICT,	/* RESERVATION CONFLICT; LIO also 02h/08h/00h to RESERVE */
	QD_OUTCOME_UA_RESET,	/* unit attention 29h/xx: power on, reset, I_T nexus loss; not executed */
	QD_OUTCOME_UA_RES_PREEMPTED, /* 2Ah/03h RESERVATIONS PREEMPTED; not executed */
	QD_OUTCOME_UA_RES_RELEASED,  /* 2Ah/04h RESERVATIONS RELEASED; not executed */
	QD_OUTCOME_UA_REG_PREEMPTED, /* 2Ah/05h REGISTRATIONS PREEMPTED; not executed */
	QD_OUTCOME_UA_OTHER, /* any other unit attention (capacity or inquiry data changed ...); not executed */
	QD_OUTCOME_UNSUPPORTED,	 /* 05h with 20h/00h, 24h/00h or 26h/xx: this target cannot; not executed */
	QD_OUTCOME_NO_LUN,	 /* 05h/25h/00h LOGICAL UNIT NOT SUPPORTED */
	QD_OUTCOME_NO_RESOURCES, /* 05h/55h/04h INSUFFICIENT REGISTRATION RESOURCES; not executed */
	QD_OUTCOME_WRITE_PROTECTED, /* 07h/27h/xx */
	QD_OUTCOME_NOT_READY,	    /* 02h other than the LIO form of a conflict */
	QD_OUTCOME_MEDIUM_ERROR,    /* 03h, 04h: MEDIUM ERROR, HARDWARE ERROR */
	QD_OUTCOME_BUSY,	    /* BUSY, TASK SET FULL: not executed, ask again later */
	QD_OUTCOME_ABORTED,	    /* TASK ABORTED, 0Bh ABORTED COMMAND: may have executed in part */
	QD_OUTCOME_GARBAGE,	    /* GOOD, but the data is not what SPC-4 says */
	QD_OUTCOME_ERROR,	    /* every other CHECK CONDITION or status */
	QD_OUTCOME_COUNT,
};

struct qd_sense {
	uint8_t key;
	uint8_t asc;
	uint8_t ascq;
	bool valid; /* the data held sense in fixed (70h, 71h) or descriptor (72h, 73h) format */
};

enum {
	QD_SCSI_GOOD = 0x00,
	QD_SCSI_CHECK_CONDITION = 0x02,
	QD_SCSI_CONDITION_MET = 0x04,
	QD_SCSI_BUSY = 0x08,
	QD_SCSI_RESERVATION_CONFLICT = 0x18,
	QD_SCSI_TASK_SET_FULL = 0x28,
	QD_SCSI_ACA_ACTIVE = 0x30,
	QD_SCSI_TASK_ABORTED = 0x40,
};

/* Decode sense data (SPC-4 4.5.2, 4.5.3). Anything shorter or of another response code gives valid = false. */
struct qd_sense qd_sense_decode(const uint8_t *data, size_t len_bytes);

/* The outcome for a SCSI status and, for CHECK CONDITION, its sense (ignored otherwise). */
enum qd_outcome qd_outcome_of(uint8_t status, struct qd_sense sense);

/* Stable lower-case name ("good", "conflict", "ua-reset" ...), for traces and tests. */
const char *qd_outcome_name(enum qd_outcome outcome);

/* True for the outcomes that prove that the command did not execute and never will. */
bool qd_outcome_not_executed(enum qd_outcome outcome);

static inline bool qd_outcome_is_unit_attention(enum qd_outcome o)
{
	return o >= QD_OUTCOME_UA_RESET && o <= QD_OUTCOME_UA_OTHER;
}

#endif
