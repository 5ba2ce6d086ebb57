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
							    "pr-out",
							    "read-slots",
							    "write-slots"};
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
	static const char *const names[QD_REPLY_COUNT] = {
		"done",
		"this node does not own",
		"no such node, or this one",
		"the heir did not answer",
		"busy",
		"failed",
		"no active view here, or another node leads",
		"the change would leave who is here without quorum",
		"made from an older configuration than the present one",
		"no valid rule of votes"};
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
							 "wrong-disk"};
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
	};
	NAME_OF(texts, reason, QD_HOLD_COUNT);
}

const char *qd_cluster_state_name(enum qd_cluster_state state)
{
	static const char *const names[QD_CLUSTER_STATE_COUNT] = {"joining",   "promised",	"member",
								  "preparing", "getting-extra", "installing",
								  "leading",   "left"};
	NAME_OF(names, state, QD_CLUSTER_STATE_COUNT);
}

const char *qd_cluster_wait_text(enum qd_cluster_wait wait)
{
	static const char *const texts[QD_WAIT_COUNT] = {
		[QD_WAIT_NONE] = "nothing is waited for",
		[QD_WAIT_JOIN] = "waits for a view that takes it in",
		[QD_WAIT_VOTES] = "who is heard has too few votes",
		[QD_WAIT_NEWS] = "the nodes that are heard do not agree yet on who hears whom",
		[QD_WAIT_TURN] = "another node proposes the next view",
		[QD_WAIT_PROMISES] = "not all nodes have promised",
		[QD_WAIT_DISK] =
			"the quorum disk is needed, and another node defends it or it cannot be reached",
		[QD_WAIT_WITNESS] = "the witness is needed, and another node holds it or it does not answer",
		[QD_WAIT_NEWER] = "the witness has seen a newer configuration than any node here has",
		[QD_WAIT_INSTALL] = "a quorate set of nodes has not installed the view yet",
		[QD_WAIT_JOIN_ONLY] = "this node may only join (prevent quorum)",
		[QD_WAIT_STORE] = "this node's own store does not answer",
		[QD_WAIT_HELD] = "it fell out of views too often and stays out for a while",
	};
	NAME_OF(texts, wait, QD_WAIT_COUNT);
}

const char *qd_witness_ask_name(enum qd_witness_ask ask)
{
	static const char *const names[QD_WITNESS_ASK_COUNT] = {"lock",	 "renew",   "put", "release",
								"yield", "confirm", "show"};
	NAME_OF(names, ask, QD_WITNESS_ASK_COUNT);
}
