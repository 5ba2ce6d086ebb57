/* SPDX-License-Identifier: Apache-2.0 */
/* Who owns the quorum disk: watches it, challenges, takes it over, defends it, gives it up. Everything is decided
 * here, nothing is sent. docs/PROTOCOL.md sections 3 and 4 are its contract. Pure. */
#ifndef QD_CORE_ARBITER_H
#define QD_CORE_ARBITER_H

#include "base/rand.h"
#include "base/time.h"
#include "codec/key.h"
#include "core/op.h"

#include <stdbool.h>
#include <stdint.h>

/*
 *                 seen C old; or unreserved for W; or released
 *        STANDBY ----------------------------------------------> TAKING
 *         ^  ^                                                    |   |
 *         |  |       conflict, nothing was taken                  |   | one full round: announce
 *         |  +----------------------------------------------------+   v
 *   new   |                                                       |  OWNER (rounds; while a hand-over or a
 *   incarn|  something may have been taken, given up              |   |     shutdown stops the group, too)
 *   ation,|                                                       v   |
 *   stored|                                                  RETIRING | lease used up, or another holds
 *         |                                                    ^  ^   v
 *         +----------------------------------------------------+  +- STOPPING (no beat; until the group's stop is
 *                                                              |   |           verified)
 *                                                              |   v
 *                                                              +- RELEASING (record "released", RELEASE)
 *   Any -> REFUSED: the disk or this node's identity is not what it must be. Any -> RESET: a stop failed; only the reset ends it.
 *   OFF: shut down.
 */
enum qd_arbiter_state {
	QD_ARB_STANDBY = 0,
	QD_ARB_TAKING,
	QD_ARB_OWNER,
	QD_ARB_STOPPING,
	QD_ARB_RELEASING,
	QD_ARB_RETIRING, /* a new incarnation is being stored, sessions of the old one are torn down */
	QD_ARB_REFUSED,
	QD_ARB_RESET,
	QD_ARB_OFF,
	QD_ARB_STATE_COUNT,
};

enum qd_path_state {
	QD_PATH_DOWN = 0, /* no session; a LOGIN follows when `retry_at` has come */
	QD_PATH_LOGIN,	  /* LOGIN is under way */
	QD_PATH_PROBING,  /* superblock and capabilities are being read */
	QD_PATH_READY,
	QD_PATH_CLOSING, /* TEARDOWN was asked for */
	QD_PATH_BAD,	 /* its disk is not our quorum disk: tried again slowly */
	QD_PATH_STATE_COUNT,
};

/* One I_T nexus to the quorum disk. */
struct qd_path {
	enum qd_path_state state;
	uint32_t login_failures;  /* in a row, for the back-off */
	uint32_t unit_attentions; /* in a row */
	struct qd_mono retry_at;  /* DOWN, BAD: next LOGIN */
	struct qd_mono since;	  /* of READY: when its LOGIN was answered */
	struct qd_key key; /* last registered for certain on this nexus in this session; none if unknown */
	enum qd_disk_verdict disk;
	enum qd_outcome last_error;
	uint64_t logins; /* statistics */
	uint64_t losses;
};

enum {
	QD_OPS_MAX =
		24, /* under way at once: 8 paths probing or logging in, a pipelined sequence of 4, spare */
};

struct qd_op_slot {
	struct qd_op_id id; /* 0: free */
	enum qd_op_kind kind;
	uint32_t path;
	uint32_t role; /* which answer it is within its sequence (private to the arbiter) */
	struct qd_mono sent;
	struct qd_mono deadline;
};

/* What was last seen on the disk. */
struct qd_sight {
	bool known;
	bool held;
	struct qd_key holder;
	enum qd_pr_type type;
	uint32_t generation;
	struct qd_mono since;	  /* first seen so; the age that C and W are measured by */
	struct qd_mono last_look; /* when the last answer came */
};

/* Why a node that could take the disk does not, for people. */
enum qd_hold_reason {
	QD_HOLD_NONE = 0,
	QD_HOLD_NO_PATH,	 /* no usable path */
	QD_HOLD_HELD,		 /* a live defender, or one whose key is not C old yet */
	QD_HOLD_UNRESERVED_WAIT, /* unreserved is not ownerless: waits W */
	QD_HOLD_HEIR,		 /* released to another node, which has C to take it */
	QD_HOLD_FOREIGN,	 /* reserved by a key that is not this cluster's, or under another type */
	QD_HOLD_COPIED_IDENTITY, /* another machine uses this node id */
	QD_HOLD_WRONG_DISK,
	QD_HOLD_COUNT,
};

/* Histogram of the times of good rounds: bucket n counts below 2^n * 100 us, the last one everything else. */
enum { QD_ROUND_BUCKETS = 20 };

struct qd_arbiter_stats {
	uint64_t rounds_good;
	uint64_t rounds_bad;
	uint64_t looks;
	uint64_t strikes;
	uint64_t takeovers;
	uint64_t losses;
	uint64_t scrubs;
	uint64_t unit_attentions;
	uint64_t stale_answers; /* with an id that is not under way */
	uint64_t late_steps;
	uint64_t round_histogram[QD_ROUND_BUCKETS];
	uint64_t last_round_ns;
	uint64_t worst_round_ns;
};

#include "core/arbiter_state.h" /* struct qd_arbiter: private to src/core/arbiter*.c and to tests */

/* What is reported to people and clients. A copy; valid for ever. */
struct qd_arbiter_status {
	enum qd_arbiter_state state;
	enum qd_hold_reason hold;
	uint64_t incarnation;
	uint64_t epoch;	      /* own, while owner; else 0 */
	uint32_t owner_node;  /* by what was last read: the holder's node id, 0: none or unknown */
	uint64_t owner_epoch; /* of the newest record read */
	enum qd_record_state owner_record; /* its state */
	struct qd_sight sight;
	bool aptpl;		/* the target keeps reservations over power loss */
	bool preempt_and_abort; /* the target aborts a loser's queued writes */
	bool capabilities_known;
	uint32_t heir;
	uint32_t path_count;
	uint32_t beating_path;
	struct qd_path paths[QD_PATHS_MAX];
	struct qd_key key;			     /* own, registered on the beating path */
	uint8_t other_machine_id[QD_QDISK_ID_BYTES]; /* with QD_HOLD_COPIED_IDENTITY */
	uint8_t other_boot_id[QD_QDISK_ID_BYTES];
	struct qd_arbiter_stats stats;
};

struct qd_node;
void qd_arbiter_status_get(const struct qd_node *n, struct qd_arbiter_status *out);

const char *qd_arbiter_state_name(enum qd_arbiter_state state);
const char *qd_path_state_name(enum qd_path_state state);
const char *qd_hold_reason_name(enum qd_hold_reason reason);
const char *qd_hold_reason_text(enum qd_hold_reason reason); /* a sentence with the mend */

#endif
