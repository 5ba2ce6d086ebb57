/* SPDX-License-Identifier: Apache-2.0 */
/* What the running witness shows: a unix socket that answers "text" or "json" with one document, written piece by piece
 * between packets. And the asking side of it. */
#ifndef QD_WITNESS_STATUS_H
#define QD_WITNESS_STATUS_H

#include "witness/server.h"

#include <stdio.h>

enum {
	QD_STATUS_PIECE = 16384,
	QD_STATUS_ROWS = 32, /* clusters a piece: each fits into 410 bytes */
	QD_STATUS_PATIENCE_MS =
		5000, /* a reader that takes nothing for so long makes room for the next one */
};

struct qd_status {
	struct qd_server *server;
	struct qd_io listen_io;
	struct qd_io client_io;
	const char *path;     /* borrowed */
	struct qd_mono heard; /* of the client */
	bool json;
	bool asked;   /* the question has come */
	uint32_t row; /* next cluster */
	bool ended;
	size_t at, len;
	char piece[QD_STATUS_PIECE];
};

/* Put the socket in its place. 0 or a negative errno. */
int qd_status_open(struct qd_status *st, struct qd_server *server, const char *path);
void qd_status_close(struct qd_status *st);

/* Ask a running witness and copy its answer. 0, or -1 and it has said why on stderr. */
int qd_status_ask(const char *path, bool json, FILE *to);

#endif
