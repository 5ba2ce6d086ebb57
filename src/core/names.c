/* SPDX-License-Identifier: Apache-2.0 */
/* Stable names of the core's enumerations, for traces, status and tests. */
#include "core/arbiter_internal.h"

#define NAME_OF(table, value, count)                                                                         \
	do {                                                                                                 \
		qd_assert((unsigned)(value) < (unsigned)(count));                                            \
		return (table)[value];                                                                       \
	} while (0)

const char *qd_op_kind_name(enum qd_op_kind kind)
{
	static const char *const names[QD_OP_KIND_COUNT] = {"none",
							    "login",
							    "read-superblock",
							    "report-capabilities",
							    "read-keys",
							    "read-reservation",
							    "read-records",
							    "write-record",
							    "pr-out"};
	NAME_OF(names, kind, QD_OP_KIND_COUNT);
}

const char *qd_group_report_name(enum qd_group_report report)
{
	static const char *const names[QD_REPORT_COUNT] = {"started",	  "start failed",   "stopped",
							   "stop failed", "monitor failed", "runner lost"};
	NAME_OF(names, report, QD_REPORT_COUNT);
}

const char *qd_reply_name(enum qd_reply reply)
{
	static const char *const names[QD_REPLY_COUNT] = {"done",
							  "this node does not own",
							  "no such node, or this one",
							  "the heir did not answer",
							  "busy",
							  "failed"};
	NAME_OF(names, reply, QD_REPLY_COUNT);
}

const char *qd_group_state_name(enum qd_group_state state)
{
	static const char *const names[QD_GROUP_STATE_COUNT] = {"offline",  "starting", "online",
								"stopping", "failed",	"unknown"};
	NAME_OF(names, state, QD_GROUP_STATE_COUNT);
}

const char *qd_arbiter_state_name(enum qd_arbiter_state state)
{
	static const char *const names[QD_ARB_STATE_COUNT] = {
		"standby", "taking", "owner", "stopping", "releasing", "retiring", "refused", "reset", "off"};
	NAME_OF(names, state, QD_ARB_STATE_COUNT);
}

const char *qd_path_state_name(enum qd_path_state state)
{
	static const char *const names[QD_PATH_STATE_COUNT] = {"down",	"login",   "probing",
							       "ready", "closing", "bad"};
	NAME_OF(names, state, QD_PATH_STATE_COUNT);
}

const char *qd_hold_reason_name(enum qd_hold_reason reason)
{
	static const char *const names[QD_HOLD_COUNT] = {"none",
							 "no-path",
							 "held",
							 "unreserved-wait",
							 "heir",
							 "foreign-reservation",
							 "copied-identity",
							 "wrong-disk",
							 "shutdown"};
	NAME_OF(names, reason, QD_HOLD_COUNT);
}

const char *qd_hold_reason_text(enum qd_hold_reason reason)
{
	static const char *const texts[QD_HOLD_COUNT] = {
		"Nothing holds this node back.",
		"No path to the quorum disk works: check the target, the network and the credentials.",
		"Another node holds the disk, and its key is not old enough to be struck.",
		"The disk is unreserved; a node that still owned it would have until the end of the wait.",
		"The disk was released to another node, which is given time to take it.",
		("The disk is reserved by a key that is not this cluster's. When nobody uses it, release it "
		 "there, or "
		 "remove it with sg_persist."),
		"Another machine uses this node's id: give one of the two another id in its configuration.",
		("The disk of this path is not this cluster's quorum disk: check the URL, or format it with "
		 "'quorumctl disk format'."),
		"The service is shutting down.",
	};
	NAME_OF(texts, reason, QD_HOLD_COUNT);
}
