/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP side of quorum-api: the paths of api/exchange.c on a unix socket, answered with what the daemon connection
 * brings. One thread, its sd-event loop. */
#ifndef QD_API_HTTP_H
#define QD_API_HTTP_H

#include <systemd/sd-event.h>

struct qd_http; /* opaque */

/* listen_fd: a listening socket, taken over. control: path of quorumd's socket. 0 or a negative error. */
int qd_http_open(sd_event *event, int listen_fd, const char *control, struct qd_http **out);
void qd_http_close(struct qd_http *h);

#endif
