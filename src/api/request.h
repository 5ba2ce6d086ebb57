/* SPDX-License-Identifier: Apache-2.0 */
/* From an HTTP request's arguments and body to what quorumd is asked. It asks nothing by itself. */
#ifndef QD_API_REQUEST_H
#define QD_API_REQUEST_H

#include "api/exchange.h"

struct qd_request {
	struct qd_control_request control;
	int fd;		  /* a text beside it, the caller closes it; -1: none */
	uint64_t wait_us; /* an empty log is asked for again for so long */
};

/* Why it cannot be asked: an HTTP status, a code for programs, a text for people. All static. */
struct qd_request_problem {
	unsigned int status;
	const char *code;
	const char *text;
};

/* False: *problem says why. `snapshot` is the newest, NULL: quorumd is away. */
bool qd_request_read(const struct qd_exchange *x, const struct qd_control_snapshot *snapshot,
		     struct qd_request *out, struct qd_request_problem *problem);

#endif
