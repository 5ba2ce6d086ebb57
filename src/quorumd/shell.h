/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon around the core: one loop, one queue of events, one clock reading a turn; carries out what the core
 * orders and decides nothing. Everything is allocated by qd_shell_open(). */
#ifndef QD_QUORUMD_SHELL_H
#define QD_QUORUMD_SHELL_H

#include "quorumd/conf.h"

struct qd_shell;

struct qd_shell_options {
	const char *conf_file;	    /* read again on SIGHUP; borrowed */
	const struct qd_conf *conf; /* copied */
	const char *runner_program; /* "": none */
	const char *api_program;    /* handed to the runner; "": none */
	bool join_only;		    /* prevent quorum: this start may only join a view */
};

/* Resolve names, take an incarnation, start the runner, open control socket, loop and paths. 0 or a negative
 * qd_error, with the reason in the log. The caller ends it with qd_shell_close(). */
int qd_shell_open(const struct qd_shell_options *options, struct qd_shell **out);

/* Arbitrate until the core says OFF after SIGTERM or SIGINT. 0, or a negative qd_error when the loop breaks. */
int qd_shell_run(struct qd_shell *s);

void qd_shell_close(struct qd_shell *s);

#endif
