/* SPDX-License-Identifier: Apache-2.0 */
/* Two real quorumd processes with quorum-runner on the rig's target, each with its own folder, machine-id and script;
 * asked over their control sockets. */
#ifndef QD_TESTS_DRV_DAEMON_H
#define QD_TESTS_DRV_DAEMON_H

#include "drv/rig.h"
#include "quorumd/control.h"

struct daemon_node {
	uint32_t id;
	pid_t pid; /* 0: not running */
	char dir[80];
	struct qd_control_snapshot last;
};

/* The program's file name in the build tree ($QD_BUILD, else beside the tests). False: it is not built. */
bool daemon_program(const char *name, char *to, size_t cap);

/* Folder, script and configuration for node id on target t. extra: more lines of YAML. */
void daemon_make(struct daemon_node *d, uint32_t id, const struct qd_iscsi_target *t, int64_t renew_ms,
		 const char *extra);
void daemon_start(struct daemon_node *d);
/* Signal, and wait for the end; the status as waitpid() has it. -1: it did not end in time. */
int daemon_end(struct daemon_node *d, int signal_number);

/* One snapshot into d->last. False: no answer. */
bool daemon_status(struct daemon_node *d);
/* Ask to hand over; waits for the reply. */
bool daemon_handover(struct daemon_node *d, uint32_t to, enum qd_reply *reply);

/* Ask until `wanted` says yes, at most `ms`. */
typedef bool daemon_wanted_fn(struct daemon_node *d);
bool daemon_until(struct daemon_node *d, daemon_wanted_fn *wanted, int64_t ms);
bool daemon_owns(struct daemon_node *d);	 /* announced */
bool daemon_group_online(struct daemon_node *d); /* and its group runs */

/* The node's script says that it runs: "start" came after the last "stop". */
bool daemon_script_up(const struct daemon_node *d);
/* A number behind `key` in /proc/<pid>/status, -1: none. */
long daemon_proc(const struct daemon_node *d, const char *key);
/* Text in the daemon's log. */
bool daemon_said(const struct daemon_node *d, const char *text);

#endif
