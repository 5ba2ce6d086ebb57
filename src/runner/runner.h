/* SPDX-License-Identifier: Apache-2.0 */
/* The group's one resource at work: what the script is called with and when, and the lease's deadline, which this
 * process holds by itself. It reads no clock and no descriptor: main.c gives it the time, orders and exits. It starts
 * and ends processes, and leaves its reports in a queue. */
#ifndef QD_RUNNER_RUNNER_H
#define QD_RUNNER_RUNNER_H

#include "runner/keeper.h"
#include "runner/runner_proto.h"

#include <sys/types.h>

/*
 *                 exit 0            not 0, timeout
 *  IDLE -> STARTING ------> ONLINE -------------> DIRTY
 *   ^          | not 0, timeout --------------------^
 *   |          |  stop ordered, lease over, quorumd lost, quit: from any of the three
 *   |          v
 *   |      STOPPING -> DRAINING -> VERIFYING --+
 *   |          ^        (leftovers)            | still runs, or nobody knows: pause, then again
 *   |          +-------------------------------+
 *   +-- nothing is left and monitor says "does not run"
 *       stopped_by has come first: STUCK
 */
enum qd_runner_phase {
	QD_PHASE_IDLE = 0,
	QD_PHASE_STARTING,
	QD_PHASE_ONLINE,
	QD_PHASE_DIRTY, /* something of it may run; waits for the order to stop */
	QD_PHASE_STOPPING,
	QD_PHASE_DRAINING,
	QD_PHASE_VERIFYING,
	QD_PHASE_PAUSING, /* before another stop */
	QD_PHASE_STUCK,
	QD_PHASE_COUNT,
};

enum qd_script_action {
	QD_SCRIPT_NONE = 0,
	QD_SCRIPT_START,
	QD_SCRIPT_STOP,
	QD_SCRIPT_MONITOR,
	QD_SCRIPT_COUNT,
};

enum {
	QD_RUNNER_QUEUE_MAX = 32, /* messages that quorumd has not taken; notes give way to reports */
};

struct qd_runner {
	struct qd_runner_config config;
	bool configured;
	enum qd_runner_phase phase;
	bool verified; /* IDLE: this process has seen the group stopped */
	bool lost;     /* quorumd is gone */
	bool quitting; /* by order or by signal */
	uint64_t epoch;
	uint64_t start_turn;
	uint64_t stop_turn;	   /* 0: by itself */
	struct qd_mono begin_stop; /* of the lease */
	struct qd_mono lease_by;
	struct qd_mono order_by; /* of the order to stop */
	struct qd_mono kill_at;	 /* while stopping: SIGKILL to all that still runs */
	bool killed;
	struct qd_mono next; /* ONLINE: monitor; DRAINING: kill; PAUSING: stop; STUCK: kill again */

	pid_t script_pid; /* 0: none runs */
	enum qd_script_action script_action;
	struct qd_mono script_by;
	bool script_timed_out;
	bool script_stale; /* its result does not count: another action waits for its end */

	int output_fd; /* what scripts write to */
	struct qd_keeper keeper;

	uint32_t queue_count;
	struct qd_runner_message queue[QD_RUNNER_QUEUE_MAX];
};

void qd_runner_init(struct qd_runner *r, int output_fd);

/* Every call begins by looking at the deadlines as of `now`, before anything else. */
void qd_runner_look(struct qd_runner *r, struct qd_mono now);
void qd_runner_order(struct qd_runner *r, const struct qd_order *order, struct qd_mono now);
void qd_runner_exited(struct qd_runner *r, pid_t pid, int status, struct qd_mono now);
void qd_runner_lost(struct qd_runner *r, struct qd_mono now);
void qd_runner_quit(struct qd_runner *r, struct qd_mono now);

/* When qd_runner_look() must be called next; QD_NEVER: not by the clock. */
struct qd_mono qd_runner_deadline(const struct qd_runner *r);

/* It was told to end, or lost quorumd, and has done what it can. *good: everything is known to be stopped. */
bool qd_runner_is_over(const struct qd_runner *r, bool *good);

const char *qd_runner_phase_name(enum qd_runner_phase phase);

/* A message for quorumd, with a line in the log. */
void qd_runner_tell(struct qd_runner *r, enum qd_group_report report, uint64_t turn, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void qd_runner_note(struct qd_runner *r, enum qd_trace_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Start the script with an action. False: it could not be started (noted). */
bool qd_runner_script(struct qd_runner *r, enum qd_script_action action, struct qd_mono now);
const char *qd_script_action_name(enum qd_script_action action);

/* Stands where the machine must be reset because what must have stopped may still run. In this release it NEVER
 * resets anything: it says so, loudly, in the log. */
void qd_reset_stub_this_machine_would_be_reset_now(const char *why);

#endif
