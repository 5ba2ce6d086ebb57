/* SPDX-License-Identifier: Apache-2.0 */
/* Private to src/quorumd/control_server.c and control_ops.c. */
#ifndef QD_QUORUMD_CONTROL_STATE_H
#define QD_QUORUMD_CONTROL_STATE_H

#include "base/assert.h"
#include "quorumd/control.h"
#include "quorumd/control_text.h"
#include "quorumd/control_wire.h"

struct qd_control_client {
	int fd; /* -1: free */
	bool subscribed;
	uint64_t subscribe_id;
};

/* What an operator has asked for, until the shell or the core has answered. */
struct qd_control_operation {
	enum qd_control_ask ask;	  /* QD_ASK_NONE: nothing is under way */
	struct qd_control_client *client; /* NULL: it is gone */
	uint64_t id;
	qd_control_reply_fn *reply; /* NULL: the client's. Else it is another node's operator's. */
	void *context;
	struct qd_control_text text; /* of QD_ASK_CHANGE */
};

struct qd_control_server {
	int epoll_fd;
	int listen_fd;
	char path[QD_CONF_FILE_MAX];
	struct qd_control_calls calls;
	struct qd_control_client clients[QD_CONTROL_CLIENTS_MAX];
	struct qd_control_operation operation;
	struct qd_control_snapshot snapshot;
	struct qd_control_arbitration arbitration;
	char begun_for[QD_TRACE_TEXT_MAX]; /* an arbitration that is under way, or "" */
	uint64_t log_next;
	struct qd_control_line ring[QD_CONTROL_LOG_RING]; /* line n is at n % QD_CONTROL_LOG_RING */
	struct qd_control_answer answer;
	uint8_t packet[QD_CONTROL_PACKET_MAX];
};

/* s->answer to the client, with a descriptor beside it (-1: none). One that does not read is dropped: it connects again
 * and asks again. */
void qd_control_send(struct qd_control_server *s, struct qd_control_client *c, int fd);

/* An operator's request; fd: beside it, -1: none. */
void qd_control_operation(struct qd_control_server *s, struct qd_control_client *c,
			  const struct qd_control_request *r, int fd);

#endif
