/* SPDX-License-Identifier: Apache-2.0 */
/* Private to src/quorumd/shell*.c. */
#ifndef QD_QUORUMD_SHELL_STATE_H
#define QD_QUORUMD_SHELL_STATE_H

#include "core/node.h"
#include "drv/loop.h"
#include "drv/paths.h"
#include "drv/recorder.h"
#include "drv/stamper.h"
#include "drv/watchdog.h"
#include "quorumd/control.h"
#include "quorumd/control_forward.h"
#include "quorumd/control_networks.h"
#include "quorumd/control_operator.h"
#include "quorumd/replays.h"
#include "quorumd/shell.h"
#include "quorumd/shell_config.h"
#include "quorumd/shell_net.h"
#include "quorumd/shell_runner.h"
#include "quorumd/shell_store.h"

enum {
	QD_SHELL_QUEUE =
		64, /* events that wait for the core: a turn adds at most 16 from the runner and a few more */
	QD_SHELL_EVENTS_A_TURN = 256, /* then the descriptors are looked at again */
	QD_SHELL_RECORDS_LEAST = 16,  /* node ids whose records are read, with views */
};

struct qd_shell {
	const char *conf_file;
	const char *api_program;
	struct qd_conf conf;
	struct qd_loop loop;
	struct qd_node node;
	struct qd_actions out;
	struct qd_paths *paths;		      /* NULL: no quorum disk */
	struct qd_shell_net *net;	      /* NULL: no networks, the quorum disk alone decides */
	struct qd_shell_config *config;	      /* with `net` */
	struct qd_control_networks *networks; /* with `net` */
	struct qd_operator *operator;	      /* with `net` */
	struct qd_forward *forward;	      /* with `net` */
	struct qd_kept first_kept;	      /* what was there at the start */
	struct qd_store store;
	struct qd_runner_link runner;
	struct qd_control_server *control;
	struct qd_io control_io;
	struct qd_signal term, interrupt, hangup, user;
	struct qd_recorder *recorder;
	struct qd_stamper stamper;
	struct qd_watchdog_stub watchdog;
	struct qd_control_snapshot snapshot; /* what differs() sees and the arbiter: of the last step */
	struct qd_control_snapshot pushed;   /* what the control server has */
	struct qd_event queue[QD_SHELL_QUEUE];
	uint32_t queue_first;
	uint32_t queue_count;
	bool join_only; /* prevent quorum, for this start */
	bool off;
	bool mine;
	bool shutting_down;
	uint64_t epoch;
	struct qd_mono now; /* of the present turn */
	/* statistics */
	struct qd_replays replays;
	uint64_t steps;
	uint64_t step_ns_sum;
	uint64_t step_ns_max;
	uint64_t late_ns_max; /* of timeouts */
};

/* Put an event behind the others for the core. */
void qd_shell_post(struct qd_shell *s, const struct qd_event *ev);

/* A line of our own: log, and the ring that quorumctl shows. */
__attribute__((format(printf, 3, 4))) void qd_shell_say(struct qd_shell *s, enum qd_trace_level level,
							const char *format, ...);

/* Traces and actions of the step that has just been made (shell_actions.c). */
void qd_shell_traces(struct qd_shell *s);
void qd_shell_actions(struct qd_shell *s);

/* shell_cluster.c: with networks between the nodes */
int qd_shell_open_cluster(struct qd_shell *s);
/* What the core begins with, after qd_shell_open_cluster(). */
int qd_shell_fill_cluster(struct qd_shell *s, struct qd_node_config *c);
/* Whether two addresses are in one subnet, by this machine's interfaces as they are now. A qd_conf_same_subnet_fn. */
bool qd_shell_same_subnet(void *shell, uint32_t network, const struct qd_address *own,
			  const struct qd_address *other);
void qd_shell_interfaces_changed(struct qd_shell *s);
/* A configuration was kept: what of it can change in a running daemon changes. */
void qd_shell_apply(struct qd_shell *s);
/* The process has dropped what it does not need: the witness is asked from now on. 0, or an error that was said. */
int qd_shell_begin(struct qd_shell *s);
/* What a share says of itself, once. */
void qd_shell_complain(struct qd_shell *s);
/* SIGHUP: read the key file again. */
void qd_shell_rekey(struct qd_shell *s);

/* A line about packets of a node that do not come from its address, when it is time for one. */
void qd_shell_tell_stray(struct qd_shell *s);

/* shell_setup.c */
int qd_shell_watch_signals(struct qd_shell *s);
int qd_shell_open_paths(struct qd_shell *s);
int qd_shell_open_node(struct qd_shell *s);

#endif
