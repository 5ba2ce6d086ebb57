/* SPDX-License-Identifier: Apache-2.0 */
/* quorum-api's side of the control socket: connects, connects again for ever, subscribes, asks, and hands on what
 * quorumd says. It knows no HTTP. One thread, its sd-event loop. */
#ifndef QD_API_DAEMON_H
#define QD_API_DAEMON_H

#include "quorumd/control.h"
#include "quorumd/control_text.h"

#include <systemd/sd-event.h>

struct qd_daemon; /* opaque: the connection */

struct qd_daemon_events {
	/* An answer to the request with answer->id, and the text beside it (NULL: none); borrowed during the call. */
	void (*answered)(void *context, const struct qd_control_answer *answer,
			 const struct qd_control_text *text);
	/* A snapshot that the subscription brought; borrowed during the call. */
	void (*changed)(void *context, const struct qd_control_snapshot *snapshot);
	/* The connection is gone: nothing that was asked will be answered. */
	void (*lost)(void *context);
	void *context;
};

/* 0 or -QD_ERR_NOMEM, -QD_ERR_IO. path, events: copied. */
int qd_daemon_open(sd_event *event, const char *path, const struct qd_daemon_events *events,
		   struct qd_daemon **out);
void qd_daemon_close(struct qd_daemon *d);

bool qd_daemon_is_connected(const struct qd_daemon *d);

/* Send a request, with a text beside it (fd of qd_control_text_make(), which stays the caller's; -1: none); its id is set
 * here and returned. 0: not connected, or quorumd does not read. */
uint64_t qd_daemon_ask(struct qd_daemon *d, struct qd_control_request *request, int fd);

#endif
