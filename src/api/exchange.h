/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP request and its answer: it may wait, suspended, for quorumd, or go on for ever as a stream of lines. It
 * asks nothing by itself. */
#ifndef QD_API_EXCHANGE_H
#define QD_API_EXCHANGE_H

#include "quorumd/control.h"
#include "quorumd/control_text.h"

#include <microhttpd.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	QD_EXCHANGE_UPLOAD_MAX = 512,
	QD_EXCHANGE_TEXT_MAX = 8 << 20,	      /* of a configuration: QD_BODY_BYTES_MAX, as JSON writes it */
	QD_EXCHANGE_ASK_US = 2000000,	      /* quorumd answers within a turn of its loop, or it hangs */
	QD_EXCHANGE_CHANGE_US = 120000000,    /* a member that does not take it leaves the view first */
	QD_EXCHANGE_HANDOVER_US = 1800000000, /* the stop of a group may take as long as its limits allow */
};

enum qd_exchange_kind {
	QD_EXCHANGE_NONE = 0, /* no such path */
	QD_EXCHANGE_STATUS,
	QD_EXCHANGE_EVENTS,
	QD_EXCHANGE_LOG,
	QD_EXCHANGE_HANDOVER,
	QD_EXCHANGE_HEALTH,
	QD_EXCHANGE_WHY,
	QD_EXCHANGE_CONFIG,
	QD_EXCHANGE_HISTORY,
	QD_EXCHANGE_CHANGE,
	QD_EXCHANGE_FORCE,
	QD_EXCHANGE_COUNT,
};

struct qd_exchange {
	struct MHD_Connection *connection; /* borrowed */
	enum qd_exchange_kind kind;
	const char *
		expects; /* static: the method that it should have been, where there is the path; NULL: it is right */
	bool suspended;
	bool waits; /* for the answer with `id` */
	bool done;  /* status and body are there */
	uint64_t id;
	uint64_t deadline_us; /* CLOCK_MONOTONIC */
	uint64_t wait_us;     /* LOG: until then an empty answer is asked for again, from `again` on */
	bool asks_again;
	struct qd_control_request again;
	unsigned int status;
	char *body; /* owned */
	bool upload_over;
	size_t upload_len;
	size_t upload_cap;
	char *upload;		  /* owned */
	struct qd_stream *stream; /* borrowed; EVENTS only */
	uint64_t stream_sent;	  /* version of the line that was sent last */
	bool stream_ping;	  /* an empty line is due */
	char *line;		  /* owned: being sent */
	size_t line_at;
	struct qd_exchange *next;
};

/* The line that streams show: the newest only. A reader that is slow misses what was in between, never the last. */
struct qd_stream {
	char *line; /* owned */
	uint64_t version;
};

/* NULL: out of memory. */
struct qd_exchange *qd_exchange_new(struct MHD_Connection *connection, const char *url, const char *method);
void qd_exchange_free(struct qd_exchange *x);

/* At most QD_EXCHANGE_UPLOAD_MAX bytes, of a configuration QD_EXCHANGE_TEXT_MAX. */
void qd_exchange_upload(struct qd_exchange *x, const char *data, size_t len);

/* Suspend until one of _answer, _fail. */
void qd_exchange_wait(struct qd_exchange *x);
void qd_exchange_answer(struct qd_exchange *x, const struct qd_control_answer *answer,
			const struct qd_control_text *text);
void qd_exchange_fail(struct qd_exchange *x, unsigned int status, const char *code, const char *text);

/* Answer now, from within microhttpd's call. */
enum MHD_Result qd_exchange_respond(struct qd_exchange *x);
enum MHD_Result qd_exchange_refuse(struct qd_exchange *x, unsigned int status, const char *code,
				   const char *text);
enum MHD_Result qd_exchange_stream(struct qd_exchange *x, struct qd_stream *stream);

/* Give all streams in the list a new line (taken over), or an empty one (NULL). */
void qd_stream_publish(struct qd_stream *s, struct qd_exchange *first, char *line);

/* The service ends: nothing more is sent. */
void qd_exchange_abandon(struct qd_exchange *x);

#endif
