/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps quorum-api running: starts it, and starts it again, ever slower, when it ends. It is no part of the group: it
 * outlives a lost quorumd and is ended only by an orderly quit. */
#ifndef QD_RUNNER_KEEPER_H
#define QD_RUNNER_KEEPER_H

#include "runner/runner_proto.h"

#include <sys/types.h>

struct qd_keeper {
	struct qd_runner_config config;
	pid_t pid; /* 0: not running */
	bool wanted;
	bool ending;
	struct qd_mono started_at;
	struct qd_mono next; /* start it, or, while ending, kill it; QD_NEVER: nothing to do */
	struct qd_span pause;
};

/* Take the configuration; a running quorum-api is started again when what it was told has changed. */
void qd_keeper_configure(struct qd_keeper *k, const struct qd_runner_config *config, struct qd_mono now);

/* Do what is due. */
void qd_keeper_look(struct qd_keeper *k, struct qd_mono now);

/* A child has ended; true: it was this one. */
bool qd_keeper_exited(struct qd_keeper *k, pid_t pid, int status, struct qd_mono now);

/* SIGTERM, a second later SIGKILL; not started again. */
void qd_keeper_end(struct qd_keeper *k, struct qd_mono now);

#endif
