/* SPDX-License-Identifier: Apache-2.0 */
/* What the core wants done, in order. Drivers carry actions out; they decide nothing. Pure. */
#ifndef QD_CORE_ACTION_H
#define QD_CORE_ACTION_H

#include "base/time.h"
#include "core/msg.h"
#include "core/op.h"
#include "core/trace.h"
#include "core/witness_msg.h"

enum qd_action_kind {
	QD_ACTION_NONE = 0,
	QD_ACTION_OP,	    /* start operation `op` on its path */
	QD_ACTION_TEARDOWN, /* end the session of `path` at once (also one that is being set up), answer with
				* QD_EVENT_SESSION_LOST; operations under way there get no other answer */
	QD_ACTION_STORE, /* make `incarnation` durable on the node's own disk, answer with QD_EVENT_STORED */
	QD_ACTION_GROUP_START, /* start the group; `group` says under which epoch and lease */
	QD_ACTION_GROUP_STOP,  /* stop the group by `group.stopped_by`, answer with a report */
	QD_ACTION_LEASE, /* the lease was renewed: new deadlines for the runner and the watchdog in `group` */
	QD_ACTION_OWNER, /* ownership as seen by clients changed: `owner` */
	QD_ACTION_SELF_RESET, /* what must have stopped may still run: reset this machine (in this release a stub
				* with a loud name) */
	QD_ACTION_REPLY,      /* to the operator's QD_EVENT_HANDOVER: `reply` */
	QD_ACTION_OFF,	      /* QD_EVENT_SHUTDOWN is complete: the process may exit */
	QD_ACTION_SEND, /* send `sends[send.index]` to node send.to over every link of the mask send.links */
	QD_ACTION_KEEP, /* make `keep` durable on the node's own disk, with the configuration's body that
				* its head names (fetched from node keep.from where it is not here); answer with
				* QD_EVENT_KEPT. One at a time. */
	QD_ACTION_WITNESS, /* send `witness` to the witness, answer with QD_EVENT_WITNESS, or never */
	QD_ACTION_KIND_COUNT,
};

enum qd_reply {
	QD_REPLY_DONE = 0,     /* the heir was told, everything stopped, the disk is released */
	QD_REPLY_NOT_OWNER,    /* this node does not own */
	QD_REPLY_NO_SUCH_NODE, /* the node is not in the configuration, or is this one */
	QD_REPLY_HEIR_SILENT,  /* no heir registered in time: ownership kept */
	QD_REPLY_BUSY,	       /* a hand-over or a stop is under way */
	QD_REPLY_FAILED,       /* ownership was lost, or a command failed, on the way */
	QD_REPLY_NO_VIEW,      /* no active view here, or another node leads: ask that one */
	QD_REPLY_WOULD_LOSE,   /* the change would leave who is here without quorum */
	QD_REPLY_STALE,	       /* the change was made from an older configuration than the present one */
	QD_REPLY_INVALID,      /* the change is no valid rule of votes */
	QD_REPLY_COUNT,
};

struct qd_action {
	enum qd_action_kind kind;
	union {
		struct qd_op op;
		uint32_t path;
		uint64_t incarnation;
		struct {
			uint64_t epoch;
			uint64_t turn; /* the report to this order carries it */
			struct qd_mono
				begin_stop; /* the runner stops by itself from here on, unless renewed */
			struct qd_mono stopped_by; /* everything has stopped, or the machine is reset */
		} group;
		struct {
			bool mine;
			uint64_t epoch;
		} owner;
		enum qd_reply reply;
		struct {
			uint32_t index;
			uint32_t to;
			uint32_t links;
		} send;
		struct {
			uint64_t turn; /* QD_EVENT_KEPT carries it */
			uint32_t from; /* who has the body; 0: it is here */
		} keep;
		struct qd_witness_request witness;
	} u;
};

enum {
	QD_ACTIONS_MAX =
		80, /* a step tears down and re-establishes all 8 paths (16), starts one sequence of at most
			      * 4 pipelined commands and orders the group: 40 leaves room; and 40 packets; asserted */
	QD_TRACES_MAX = 32,
	QD_SENDS_MAX =
		40, /* of the 40 actions most may be packets; what finds no room is due again at once */
};

struct qd_actions {
	uint32_t count;
	uint32_t trace_count;
	struct qd_action list[QD_ACTIONS_MAX];
	struct qd_trace traces[QD_TRACES_MAX];
	uint32_t send_count;
	struct qd_msg sends[QD_SENDS_MAX];
	struct qd_kept keep; /* of QD_ACTION_KEEP */
};

const char *qd_reply_name(enum qd_reply reply);

#endif
