/* SPDX-License-Identifier: Apache-2.0 */
/* Operations: what the core asks a driver to do on one path to the quorum disk. Each has an id and a deadline that
 * the core owns. A driver answers every operation once: with QD_EVENT_DONE, or, for all that are under way on a
 * path, with QD_EVENT_SESSION_LOST. It never repeats one by itself. Pure. */
#ifndef QD_CORE_OP_H
#define QD_CORE_OP_H

#include "codec/key.h"
#include "codec/pr.h"
#include "codec/qdisk.h"
#include "codec/sense.h"
#include "core/head.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	QD_PATHS_MAX = 8, /* portals to one quorum disk */
};

enum qd_op_kind {
	QD_OP_NONE = 0,
	QD_OP_LOGIN, /* establish the path's session; GOOD: I_T nexus new or reinstated, so every command
				    * of the earlier session is dead (RFC 7143 6.3.5). Only on a path that is down. */
	QD_OP_READ_SUPERBLOCK,	   /* read and judge the superblock; answer: `disk` */
	QD_OP_REPORT_CAPABILITIES, /* answer: `capabilities` */
	QD_OP_READ_KEYS,	   /* answer: `keys`, `generation`; the driver asks again when truncated */
	QD_OP_READ_RESERVATION,	   /* answer: `reservation` */
	QD_OP_READ_RECORDS,	   /* read the owner records of nodes 1..record_count; answer: `records` */
	QD_OP_WRITE_RECORD, /* write `record` to its node's sector, FUA or SYNCHRONIZE CACHE; GOOD: durable */
	QD_OP_PR_OUT,	    /* PERSISTENT RESERVE OUT with `pr` */
	QD_OP_READ_SLOTS, /* read both configuration slots; answer: `slot`, the newest valid one; its body is kept
				   * in the node's own store */
	QD_OP_WRITE_SLOTS, /* write `head` and its body to the older slot, read it back, then to the other; GOOD: both are
				   * durable */
	QD_OP_KIND_COUNT,
};

struct qd_op_id {
	uint64_t value; /* grows by one an operation; 0: none */
};

/* What the superblock of a path's disk says about the disk; anything but OK makes the path unusable. */
enum qd_disk_verdict {
	QD_DISK_OK = 0,
	QD_DISK_NOT_QUORUM,    /* no magic of ours, zeros, or a wrong checksum */
	QD_DISK_OTHER_CLUSTER, /* another cluster's */
	QD_DISK_OTHER_DISK,    /* this cluster's, but another disk UUID than this process first saw */
	QD_DISK_NEWER,	       /* a newer format */
	QD_DISK_VERDICT_COUNT,
};

struct qd_op {
	struct qd_op_id id;
	enum qd_op_kind kind;
	uint32_t path; /* 0..QD_PATHS_MAX-1 */
	union {
		struct qd_pr_out_args pr;      /* QD_OP_PR_OUT */
		struct qd_owner_record record; /* QD_OP_WRITE_RECORD */
		struct qd_head head;	       /* QD_OP_WRITE_SLOTS */
	} u;
};

/* The answer to one operation. Pointers are borrowed for the duration of the step. */
struct qd_answer {
	struct qd_op_id id;
	enum qd_outcome
		outcome; /* QD_OUTCOME_UNKNOWN: the driver lost track; the session must be torn down */
	union {
		enum qd_disk_verdict disk;
		struct qd_pr_capabilities capabilities;
		struct {
			uint32_t generation;
			uint32_t count;
			const struct qd_key *keys;
		} keys;
		struct qd_pr_reservation reservation;
		struct {
			uint32_t count;			       /* = record_count of the configuration */
			const struct qd_owner_record *records; /* [i] is node i+1's newest valid copy */
		} records;
		const struct qd_head *slot; /* tag (0, 0): neither slot is valid */
	} u;				    /* meaningful when outcome is GOOD */
};

const char *qd_op_kind_name(enum qd_op_kind kind);

#endif
