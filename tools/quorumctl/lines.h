/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the daemon's log, as log and events print them. */
#ifndef QD_QUORUMCTL_LINES_H
#define QD_QUORUMCTL_LINES_H

#include <jansson.h>

#include <stdbool.h>

struct qd_lines {
	const char *socket;
	const char *least; /* "notice": what is below is passed over */
	bool json;
	bool follow;
	json_int_t next;
};

/* Options --since, --follow, --json, --socket. 0, or the exit status after a message. */
int qd_lines_options(struct qd_lines *l, int argc, char **argv);

/* Print what there is, and with follow go on until the output is closed. The exit status. */
int qd_lines_print(struct qd_lines *l);

#endif
