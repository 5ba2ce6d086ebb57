/* SPDX-License-Identifier: Apache-2.0 */
#include "api/exchange.h"

#include "api/json.h"
#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

enum { STREAM_BLOCK_BYTES = 16384 };

static void find_kind(struct qd_exchange *x, const char *url, const char *method)
{
	static const struct {
		const char *url;
		const char *method;
		enum qd_exchange_kind kind;
	} table[] = {
		{"/v1/status", "GET", QD_EXCHANGE_STATUS},
		{"/v1/why", "GET", QD_EXCHANGE_WHY},
		{"/v1/events", "GET", QD_EXCHANGE_EVENTS},
		{"/v1/log", "GET", QD_EXCHANGE_LOG},
		{"/v1/handover", "POST", QD_EXCHANGE_HANDOVER},
		{"/v1/config", "GET", QD_EXCHANGE_CONFIG},
		{"/v1/config", "POST", QD_EXCHANGE_CHANGE},
		{"/v1/config/history", "GET", QD_EXCHANGE_HISTORY},
		{"/v1/quorum/force", "POST", QD_EXCHANGE_FORCE},
		{"/health", "GET", QD_EXCHANGE_HEALTH},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(url, table[i].url) != 0)
			continue;
		x->kind = table[i].kind;
		x->expects = table[i].method;
		if (strcmp(method, table[i].method) == 0) {
			x->expects = NULL;
			return;
		}
	}
}

struct qd_exchange *qd_exchange_new(struct MHD_Connection *connection, const char *url, const char *method)
{
	struct qd_exchange *x = calloc(1, sizeof(*x));
	if (x == NULL)
		return NULL;
	x->connection = connection;
	find_kind(x, url, method);
	return x;
}

void qd_exchange_free(struct qd_exchange *x)
{
	free(x->body);
	free(x->line);
	free(x->upload);
	free(x);
}

/* Room for so many bytes. False: there is none, or it may not be so much. */
static bool grow_upload(struct qd_exchange *x, size_t wanted)
{
	const size_t most = x->kind == QD_EXCHANGE_CHANGE ? QD_EXCHANGE_TEXT_MAX : QD_EXCHANGE_UPLOAD_MAX;
	if (wanted > most)
		return false;
	if (wanted <= x->upload_cap)
		return true;
	const size_t cap = 2 * wanted < most ? 2 * wanted : most;
	char *more = realloc(x->upload, cap);
	if (more == NULL)
		return false;
	x->upload = more;
	x->upload_cap = cap;
	return true;
}

void qd_exchange_upload(struct qd_exchange *x, const char *data, size_t len)
{
	if (x->upload_over || !grow_upload(x, x->upload_len + len)) {
		x->upload_over = true;
		return;
	}
	memcpy(x->upload + x->upload_len, data, len);
	x->upload_len += len;
}

static void suspend(struct qd_exchange *x)
{
	if (x->suspended)
		return;
	x->suspended = true;
	MHD_suspend_connection(x->connection);
}

static void resume(struct qd_exchange *x)
{
	if (!x->suspended)
		return;
	x->suspended = false;
	MHD_resume_connection(x->connection);
}

void qd_exchange_wait(struct qd_exchange *x)
{
	x->waits = true;
	suspend(x);
}

static void finish(struct qd_exchange *x, unsigned int status, char *body)
{
	free(x->body);
	x->body = body;
	x->status = body != NULL ? status : MHD_HTTP_INTERNAL_SERVER_ERROR;
	x->waits = false;
	x->asks_again = false;
	x->done = true;
	resume(x);
}

static unsigned int status_of_reply(enum qd_reply reply)
{
	switch (reply) {
	case QD_REPLY_DONE:
		return MHD_HTTP_OK;
	case QD_REPLY_NO_SUCH_NODE:
		return MHD_HTTP_NOT_FOUND;
	case QD_REPLY_NOT_OWNER:
	case QD_REPLY_HEIR_SILENT:
	case QD_REPLY_BUSY:
	case QD_REPLY_FAILED:
	case QD_REPLY_NO_VIEW:
	case QD_REPLY_WOULD_LOSE:
	case QD_REPLY_STALE:
		return MHD_HTTP_CONFLICT;
	case QD_REPLY_INVALID:
		return MHD_HTTP_UNPROCESSABLE_CONTENT;
	case QD_REPLY_COUNT:
		break;
	}
	QD_UNREACHABLE("reply to an operator");
}

static void answer_snapshot(struct qd_exchange *x, const struct qd_control_snapshot *s)
{
	bool good = x->kind != QD_EXCHANGE_HEALTH || qd_json_is_online(s);
	finish(x, good ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
	       x->kind == QD_EXCHANGE_WHY ? qd_json_why(s) : qd_json_status(s));
}

static void answer_lines(struct qd_exchange *x, const struct qd_control_lines *lines)
{
	if (lines->count > 0 || x->wait_us == 0) {
		finish(x, MHD_HTTP_OK, qd_json_lines(lines));
		return;
	}
	x->waits = false;
	x->asks_again = true;
	x->again.since = lines->next;
}

static void answer_config(struct qd_exchange *x, const struct qd_control_config *config,
			  const struct qd_control_text *text)
{
	if (text == NULL)
		qd_exchange_fail(x, MHD_HTTP_INTERNAL_SERVER_ERROR, "protocol",
				 "the text of the configuration did not come");
	else
		finish(x, MHD_HTTP_OK, qd_json_config(config, text->text, text->len_bytes));
}

void qd_exchange_answer(struct qd_exchange *x, const struct qd_control_answer *answer,
			const struct qd_control_text *text)
{
	switch (answer->tell) {
	case QD_TELL_SNAPSHOT:
		answer_snapshot(x, &answer->u.snapshot);
		return;
	case QD_TELL_LINES:
		answer_lines(x, &answer->u.lines);
		return;
	case QD_TELL_REPLY:
		finish(x, status_of_reply(answer->u.reply.reply), qd_json_reply(&answer->u.reply));
		return;
	case QD_TELL_CONFIG:
		answer_config(x, &answer->u.config, text);
		return;
	case QD_TELL_HISTORY:
		finish(x, MHD_HTTP_OK, qd_json_history(&answer->u.history));
		return;
	case QD_TELL_NONE:
	case QD_TELL_REFUSED:
	case QD_TELL_COUNT:
		break;
	}
	qd_exchange_fail(x, MHD_HTTP_INTERNAL_SERVER_ERROR, "protocol",
			 "quorumd did not understand the request");
}

void qd_exchange_fail(struct qd_exchange *x, unsigned int status, const char *code, const char *text)
{
	finish(x, status, qd_json_error(code, text));
}

enum MHD_Result qd_exchange_respond(struct qd_exchange *x)
{
	static char none[] = "";
	qd_assert(x->done);
	const char *body = x->body != NULL ? x->body : none;
	struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback(
		strlen(body), x->body != NULL ? x->body : none, x->body != NULL ? &free : NULL);
	if (response == NULL)
		return MHD_NO;
	x->body = NULL; /* the response's now */
	enum MHD_Result result = MHD_add_response_header(response, "Content-Type", "application/json");
	if (result == MHD_YES)
		result = MHD_queue_response(x->connection, x->status, response);
	MHD_destroy_response(response);
	return result;
}

enum MHD_Result qd_exchange_refuse(struct qd_exchange *x, unsigned int status, const char *code,
				   const char *text)
{
	qd_exchange_fail(x, status, code, text);
	return qd_exchange_respond(x);
}

/* The next line of a stream into x->line. False: there is none yet. */
static bool load_line(struct qd_exchange *x)
{
	if (x->line != NULL)
		return true;
	x->line_at = 0;
	if (x->stream_sent != x->stream->version) {
		x->stream_sent = x->stream->version;
		x->stream_ping = false;
		x->line = strdup(x->stream->line != NULL ? x->stream->line : "\n");
	} else if (x->stream_ping) {
		x->stream_ping = false;
		x->line = strdup("\n");
	}
	return x->line != NULL;
}

static ssize_t read_stream(void *context, uint64_t position, char *to, size_t cap)
{
	struct qd_exchange *x = context;
	(void)position;
	if (!load_line(x)) {
		suspend(x);
		return 0;
	}
	size_t left = strlen(x->line + x->line_at);
	size_t n = left < cap ? left : cap;
	memcpy(to, x->line + x->line_at, n);
	x->line_at += n;
	if (x->line[x->line_at] == '\0') {
		free(x->line);
		x->line = NULL;
	}
	return (ssize_t)n;
}

enum MHD_Result qd_exchange_stream(struct qd_exchange *x, struct qd_stream *stream)
{
	x->stream = stream;
	struct MHD_Response *response =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, read_stream, x, NULL);
	if (response == NULL)
		return MHD_NO;
	enum MHD_Result result = MHD_add_response_header(response, "Content-Type", "application/x-ndjson");
	if (result == MHD_YES)
		result = MHD_queue_response(x->connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return result;
}

void qd_stream_publish(struct qd_stream *s, struct qd_exchange *first, char *line)
{
	if (line != NULL) {
		free(s->line);
		s->line = line;
		s->version++;
	}
	for (struct qd_exchange *x = first; x != NULL; x = x->next) {
		if (x->stream == NULL)
			continue;
		x->stream_ping = x->stream_ping || line == NULL;
		resume(x);
	}
}

void qd_exchange_abandon(struct qd_exchange *x)
{
	resume(x);
}
