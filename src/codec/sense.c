/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/sense.h"

#include "base/assert.h"

enum {
	ANY = -1,		/* in a rule: every value */
	FIXED_LEN_MIN = 14,	/* up to and with the ADDITIONAL SENSE CODE QUALIFIER (SPC-4 4.5.3) */
	DESCRIPTOR_LEN_MIN = 8, /* the header before the descriptors (SPC-4 4.5.2.1) */
};

/* Sense keys (SPC-4 4.5.6) that the table below speaks of. */
enum {
	KEY_NOT_READY = 0x02,
	KEY_MEDIUM_ERROR = 0x03,
	KEY_HARDWARE_ERROR = 0x04,
	KEY_ILLEGAL_REQUEST = 0x05,
	KEY_UNIT_ATTENTION = 0x06,
	KEY_DATA_PROTECT = 0x07,
	KEY_ABORTED_COMMAND = 0x0b,
};

struct rule {
	int16_t key;
	int16_t asc;
	int16_t ascq;
	enum qd_outcome outcome;
};

/* The first rule that fits decides. What none names is QD_OUTCOME_ERROR: nothing proved either way. */
static const struct rule RULES[] = {
	/* POWER ON, RESET, OR BUS DEVICE RESET OCCURRED and its kin, I_T NEXUS LOSS (29h/07h) among them: the nexus
	 * and perhaps every registration is gone (PROTOCOL.md cases 3 and 6). */
	{KEY_UNIT_ATTENTION, 0x29, ANY, QD_OUTCOME_UA_RESET},
	{KEY_UNIT_ATTENTION, 0x2a, 0x03, QD_OUTCOME_UA_RES_PREEMPTED},
	{KEY_UNIT_ATTENTION, 0x2a, 0x04, QD_OUTCOME_UA_RES_RELEASED},
	{KEY_UNIT_ATTENTION, 0x2a, 0x05, QD_OUTCOME_UA_REG_PREEMPTED},
	{KEY_UNIT_ATTENTION, ANY, ANY, QD_OUTCOME_UA_OTHER},

	/* INVALID COMMAND OPERATION CODE, INVALID FIELD IN CDB (tgt to APTPL, PREEMPT AND ABORT, READ FULL STATUS),
	 * INVALID FIELD IN PARAMETER LIST. */
	{KEY_ILLEGAL_REQUEST, 0x20, 0x00, QD_OUTCOME_UNSUPPORTED},
	{KEY_ILLEGAL_REQUEST, 0x24, 0x00, QD_OUTCOME_UNSUPPORTED},
	{KEY_ILLEGAL_REQUEST, 0x26, ANY, QD_OUTCOME_UNSUPPORTED},
	{KEY_ILLEGAL_REQUEST, 0x25, 0x00, QD_OUTCOME_NO_LUN},
	{KEY_ILLEGAL_REQUEST, 0x55, 0x04, QD_OUTCOME_NO_RESOURCES},

	{KEY_DATA_PROTECT, 0x27, ANY, QD_OUTCOME_WRITE_PROTECTED},

	/* LOGICAL UNIT COMMUNICATION FAILURE is LIO's way to say that a PERSISTENT RESERVE OUT conflicts. */
	{KEY_NOT_READY, 0x08, 0x00, QD_OUTCOME_CONFLICT},
	{KEY_NOT_READY, ANY, ANY, QD_OUTCOME_NOT_READY},

	{KEY_MEDIUM_ERROR, ANY, ANY, QD_OUTCOME_MEDIUM_ERROR},
	{KEY_HARDWARE_ERROR, ANY, ANY, QD_OUTCOME_MEDIUM_ERROR},
	{KEY_ABORTED_COMMAND, ANY, ANY, QD_OUTCOME_ABORTED},
};

struct qd_sense qd_sense_decode(const uint8_t *data, size_t len_bytes)
{
	qd_assert(data != NULL || len_bytes == 0);
	if (len_bytes < DESCRIPTOR_LEN_MIN)
		return (struct qd_sense){0};

	/* Bit 7 is VALID of the INFORMATION field in the fixed format, reserved in the other. 71h and 73h are deferred
	 * errors: about an earlier command, while this one was not processed (SPC-4 4.5.5). They carry medium and
	 * hardware errors, whose outcome promises nothing, so they need no outcome of their own. */
	switch (data[0] & 0x7f) {
	case 0x70:
	case 0x71:
		/* ADDITIONAL SENSE LENGTH counts what follows byte 7; less than 6 and ASC, ASCQ do not exist. */
		if (len_bytes < FIXED_LEN_MIN || data[7] < FIXED_LEN_MIN - 8)
			return (struct qd_sense){0};
		return (struct qd_sense){
			.key = data[2] & 0x0f, .asc = data[12], .ascq = data[13], .valid = true};
	case 0x72:
	case 0x73:
		return (struct qd_sense){
			.key = data[1] & 0x0f, .asc = data[2], .ascq = data[3], .valid = true};
	}
	return (struct qd_sense){0}; /* vendor specific (7Fh) or no sense data at all */
}

static enum qd_outcome outcome_of_sense(struct qd_sense sense)
{
	qd_assert(sense.key <= 0x0f);
	if (!sense.valid)
		return QD_OUTCOME_ERROR;
	for (size_t i = 0; i < sizeof(RULES) / sizeof(RULES[0]); i++) {
		const struct rule *r = &RULES[i];
		if (r->key == sense.key && (r->asc == ANY || r->asc == sense.asc) &&
		    (r->ascq == ANY || r->ascq == sense.ascq))
			return r->outcome;
	}
	return QD_OUTCOME_ERROR;
}

enum qd_outcome qd_outcome_of(uint8_t status, struct qd_sense sense)
{
	switch (status) { /* SAM-5 5.3.1 */
	case QD_SCSI_GOOD:
		return QD_OUTCOME_GOOD;
	case QD_SCSI_CHECK_CONDITION:
		return outcome_of_sense(sense);
	case QD_SCSI_BUSY:
	case QD_SCSI_TASK_SET_FULL:
		return QD_OUTCOME_BUSY;
	case QD_SCSI_RESERVATION_CONFLICT:
		return QD_OUTCOME_CONFLICT;
	case QD_SCSI_TASK_ABORTED:
		return QD_OUTCOME_ABORTED;
	}
	/* CONDITION MET answers PRE-FETCH only, ACA ACTIVE a command with NACA: we send neither. */
	return QD_OUTCOME_ERROR;
}

const char *qd_outcome_name(enum qd_outcome outcome)
{
	switch (outcome) {
	case QD_OUTCOME_UNKNOWN:
		return "unknown";
	case QD_OUTCOME_GOOD:
		return "good";
	case QD_OUTCOME_CONFLICT:
		return "conflict";
	case QD_OUTCOME_UA_RESET:
		return "ua-reset";
	case QD_OUTCOME_UA_RES_PREEMPTED:
		return "ua-reservation-preempted";
	case QD_OUTCOME_UA_RES_RELEASED:
		return "ua-reservation-released";
	case QD_OUTCOME_UA_REG_PREEMPTED:
		return "ua-registration-preempted";
	case QD_OUTCOME_UA_OTHER:
		return "ua-other";
	case QD_OUTCOME_UNSUPPORTED:
		return "unsupported";
	case QD_OUTCOME_NO_LUN:
		return "no-lun";
	case QD_OUTCOME_NO_RESOURCES:
		return "no-resources";
	case QD_OUTCOME_WRITE_PROTECTED:
		return "write-protected";
	case QD_OUTCOME_NOT_READY:
		return "not-ready";
	case QD_OUTCOME_MEDIUM_ERROR:
		return "medium-error";
	case QD_OUTCOME_BUSY:
		return "busy";
	case QD_OUTCOME_ABORTED:
		return "aborted";
	case QD_OUTCOME_GARBAGE:
		return "garbage";
	case QD_OUTCOME_ERROR:
		return "error";
	case QD_OUTCOME_COUNT:
		break;
	}
	QD_UNREACHABLE("no such outcome");
}

bool qd_outcome_not_executed(enum qd_outcome outcome)
{
	switch (outcome) {
	case QD_OUTCOME_CONFLICT:
	case QD_OUTCOME_UA_RESET:
	case QD_OUTCOME_UA_RES_PREEMPTED:
	case QD_OUTCOME_UA_RES_RELEASED:
	case QD_OUTCOME_UA_REG_PREEMPTED:
	case QD_OUTCOME_UA_OTHER: /* SAM-5 5.14: the command ends before it is processed */
	case QD_OUTCOME_UNSUPPORTED:
	case QD_OUTCOME_NO_LUN:
	case QD_OUTCOME_NO_RESOURCES:
	case QD_OUTCOME_BUSY:
		return true;
	case QD_OUTCOME_UNKNOWN:
	case QD_OUTCOME_GOOD:
	case QD_OUTCOME_WRITE_PROTECTED: /* 27h/07h: a thin LUN that filled up half-way through a write */
	case QD_OUTCOME_NOT_READY:
	case QD_OUTCOME_MEDIUM_ERROR:
	case QD_OUTCOME_ABORTED:
	case QD_OUTCOME_GARBAGE:
	case QD_OUTCOME_ERROR:
		return false;
	case QD_OUTCOME_COUNT:
		break;
	}
	QD_UNREACHABLE("no such outcome");
}
