/* SPDX-License-Identifier: Apache-2.0 */
/* quorumd's end of the pipe to quorum-runner: starts the process (before memory is locked and real-time priority
 * taken), sends orders, receives reports. Never blocks after the start. */
#ifndef QD_QUORUMD_SHELL_RUNNER_H
#define QD_QUORUMD_SHELL_RUNNER_H

#include "drv/loop.h"
#include "quorumd/conf.h"
#include "runner/runner_proto.h"

#include <stdbool.h>
#include <sys/types.h>

typedef void qd_runner_message_fn(void *context, const struct qd_runner_message *message);
typedef void qd_runner_lost_fn(void *context);

struct qd_runner_link {
	qd_runner_message_fn *on_message;
	qd_runner_lost_fn
		*on_lost; /* once: end of file, a message that is none, or an order that it does not take */
	void *context;
	/* private */
	pid_t pid;
	int fd; /* -1: lost, or never started */
	struct qd_io io;
};

/* Fork and exec `program`. 0 or -QD_ERR_IO and a sentence in why[why_cap]. */
int qd_runner_start(struct qd_runner_link *r, const char *program, char *why, size_t why_cap);

/* Listen to it, once there is a loop. 0 or a negative errno. */
int qd_runner_watch(struct qd_runner_link *r, struct qd_loop *loop);

/* The configuration as the runner needs it; api_program may be "". */
void qd_runner_configure(struct qd_runner_link *r, const struct qd_conf *conf, const char *api_program);

/* Send an order. A lease that is not taken at once is dropped: the runner then keeps the earlier deadline, which is
 * the safe one. Any other order that is not taken means that the runner is lost. */
void qd_runner_order(struct qd_runner_link *r, const struct qd_order *order);

/* Say QUIT, close; the runner stops what it runs and goes. */
void qd_runner_close(struct qd_runner_link *r);

#endif
