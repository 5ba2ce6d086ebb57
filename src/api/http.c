/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http.h"

#include "api/daemon.h"
#include "api/exchange.h"
#include "api/json.h"
#include "base/assert.h"
#include "quorumd/errors.h"

#include <jansson.h>
#include <microhttpd.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CONNECTIONS_MAX = 64,
	IDLE_S = 30,		/* an HTTP connection without a request, or a client that does not read */
	TICK_US = 250000,	/* deadlines of requests are looked at this often, while there are any */
	KEEPALIVE_US = 5000000, /* a stream gets an empty line this often: its reader can tell that we live */
};

struct qd_http {
	sd_event *event; /* borrowed */
	sd_event_source *io;
	sd_event_source *timer;
	sd_event_source *tick;
	struct MHD_Daemon *mhd;
	struct qd_daemon *daemon;
	bool has_snapshot;
	struct qd_control_snapshot snapshot;
	struct qd_stream stream;
	uint64_t kept_alive_at;
	struct qd_exchange *first;
};

/* Let microhttpd do what it can, and note when it wants to be called without input. */
static void pump(struct qd_http *h)
{
	MHD_UNSIGNED_LONG_LONG ms = 0;
	(void)MHD_run(h->mhd); /* fails only without external polling */
	bool waits = MHD_get_timeout(h->mhd, &ms) == MHD_YES;
	if (waits)
		(void)sd_event_source_set_time_relative(h->timer, ms * 1000); /* fails only without a clock */
	(void)sd_event_source_set_enabled(h->timer, waits ? SD_EVENT_ONESHOT : SD_EVENT_OFF); /* as above */
	(void)sd_event_source_set_enabled(h->tick, h->first != NULL ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *context)
{
	(void)source;
	(void)fd;
	(void)events;
	pump(context);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *context)
{
	(void)source;
	(void)usec;
	pump(context);
	return 0;
}

static int on_tick(sd_event_source *source, uint64_t usec, void *context)
{
	struct qd_http *h = context;
	for (struct qd_exchange *x = h->first; x != NULL; x = x->next) {
		if (x->waits && usec >= x->deadline_us)
			qd_exchange_fail(x, MHD_HTTP_SERVICE_UNAVAILABLE, "timeout",
					 "quorumd does not answer in time");
	}
	if (usec - h->kept_alive_at >= KEEPALIVE_US) {
		h->kept_alive_at = usec;
		qd_stream_publish(&h->stream, h->first, NULL);
	}
	(void)sd_event_source_set_time_relative(source, TICK_US); /* fails only without a clock */
	pump(h);
	return 0;
}

static void on_answered(void *context, const struct qd_control_answer *answer)
{
	struct qd_http *h = context;
	struct qd_exchange *x = h->first;
	while (x != NULL && !(x->waits && x->id == answer->id))
		x = x->next;
	if (x != NULL)
		qd_exchange_answer(x, answer);
	pump(h);
}

static void on_changed(void *context, const struct qd_control_snapshot *snapshot)
{
	struct qd_http *h = context;
	h->snapshot = *snapshot;
	h->has_snapshot = true;
	qd_stream_publish(&h->stream, h->first, qd_json_status(snapshot));
	pump(h);
}

static void on_lost(void *context)
{
	struct qd_http *h = context;
	h->has_snapshot = false;
	for (struct qd_exchange *x = h->first; x != NULL; x = x->next) {
		if (x->waits)
			qd_exchange_fail(x, MHD_HTTP_SERVICE_UNAVAILABLE, "unreachable",
					 "quorumd has gone away");
	}
	qd_stream_publish(&h->stream, h->first, qd_json_error("unreachable", "quorumd has gone away"));
	if (h->mhd != NULL)
		pump(h);
}

/* The node that the body of a hand-over names: {"to": name or id}; absent or null: 0, any. */
static bool read_heir(const struct qd_http *h, const struct qd_exchange *x, uint32_t *to)
{
	*to = 0;
	if (x->upload_len == 0)
		return true;
	json_t *body = json_loadb(x->upload, x->upload_len, 0, NULL);
	const json_t *v = json_object_get(body, "to");
	bool good = json_is_object(body);
	if (json_is_integer(v)) {
		json_int_t id = json_integer_value(v);
		good = id >= QD_NODE_ID_MIN && id <= QD_NODE_ID_MAX;
		*to = good ? (uint32_t)id : 0;
	} else if (json_is_string(v)) {
		for (uint32_t id = QD_NODE_ID_MIN; id <= QD_NODE_ID_MAX && h->has_snapshot; id++) {
			if (strcmp(h->snapshot.node_names[id], json_string_value(v)) == 0)
				*to = id;
		}
		good = *to != 0;
	} else if (v != NULL && !json_is_null(v)) {
		good = false;
	}
	json_decref(body);
	return good;
}

/* Send a question to quorumd; the answer ends the exchange. */
static enum MHD_Result ask(struct qd_http *h, struct qd_exchange *x, struct qd_control_request *request)
{
	uint64_t limit_us = x->kind == QD_EXCHANGE_HANDOVER ? QD_EXCHANGE_HANDOVER_US : QD_EXCHANGE_ASK_US;
	uint64_t now = 0;
	if (sd_event_now(h->event, CLOCK_MONOTONIC, &now) < 0)
		return MHD_NO;
	x->id = qd_daemon_ask(h->daemon, request);
	x->deadline_us = now + limit_us;
	if (x->id == 0)
		return qd_exchange_refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE, "unreachable",
					  "quorumd cannot be reached: is it running?");
	qd_exchange_wait(x);
	return MHD_YES;
}

static enum MHD_Result ask_log(struct qd_http *h, struct qd_exchange *x)
{
	struct qd_control_request request = {.ask = QD_ASK_LOG};
	const char *since = MHD_lookup_connection_value(x->connection, MHD_GET_ARGUMENT_KIND, "since");
	char *end = NULL;
	errno = 0;
	if (since != NULL)
		request.since = strtoull(since, &end, 10);
	if (since != NULL && (errno != 0 || *since < '0' || *since > '9' || *end != '\0'))
		return qd_exchange_refuse(x, MHD_HTTP_BAD_REQUEST, "invalid",
					  "since: expected the number of a line");
	return ask(h, x, &request);
}

static enum MHD_Result ask_handover(struct qd_http *h, struct qd_exchange *x)
{
	struct qd_control_request request = {.ask = QD_ASK_HANDOVER};
	if (!h->has_snapshot)
		return qd_exchange_refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE, "unreachable",
					  "quorumd cannot be reached: is it running?");
	if (!read_heir(h, x, &request.to))
		return qd_exchange_refuse(
			x, MHD_HTTP_NOT_FOUND, "no-such-node",
			"expected {\"to\": NODE} with a name or an id of the configuration");
	return ask(h, x, &request);
}

static enum MHD_Result begin(struct qd_http *h, struct qd_exchange *x)
{
	struct qd_control_request request = {.ask = QD_ASK_STATUS};
	switch (x->kind) {
	case QD_EXCHANGE_STATUS:
	case QD_EXCHANGE_HEALTH:
		return ask(h, x, &request);
	case QD_EXCHANGE_LOG:
		return ask_log(h, x);
	case QD_EXCHANGE_HANDOVER:
		return ask_handover(h, x);
	case QD_EXCHANGE_EVENTS:
		if (!h->has_snapshot)
			return qd_exchange_refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE, "unreachable",
						  "quorumd cannot be reached: is it running?");
		return qd_exchange_stream(x, &h->stream);
	case QD_EXCHANGE_NONE:
		return qd_exchange_refuse(
			x, MHD_HTTP_NOT_FOUND, "not-found",
			"expected /v1/status, /v1/events, /v1/log, /v1/handover or /health");
	case QD_EXCHANGE_COUNT:
		break;
	}
	QD_UNREACHABLE("kind of exchange");
}

/* microhttpd calls this with the headers, with each piece of the body, at its end, and after every resume. */
/* NOLINTNEXTLINE(readability-function-size): microhttpd says which parameters */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_len, void **place)
{
	struct qd_http *h = context;
	struct qd_exchange *x = *place;
	(void)version;
	if (x == NULL) {
		x = qd_exchange_new(connection, url);
		if (x == NULL)
			return MHD_NO;
		x->next = h->first;
		h->first = x;
		*place = x;
		return MHD_YES;
	}
	if (*upload_len > 0) {
		qd_exchange_upload(x, upload, *upload_len);
		*upload_len = 0;
		return MHD_YES;
	}
	if (x->done)
		return qd_exchange_respond(x);
	bool posts = x->kind == QD_EXCHANGE_HANDOVER;
	if (x->kind != QD_EXCHANGE_NONE && strcmp(method, posts ? "POST" : "GET") != 0)
		return qd_exchange_refuse(x, MHD_HTTP_METHOD_NOT_ALLOWED, "method",
					  posts ? "expected POST" : "expected GET");
	if (x->upload_over)
		return qd_exchange_refuse(x, MHD_HTTP_CONTENT_TOO_LARGE, "too-large",
					  "expected a body of 512 bytes");
	return begin(h, x);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **place,
			 enum MHD_RequestTerminationCode why)
{
	struct qd_http *h = context;
	struct qd_exchange *x = *place;
	(void)connection;
	(void)why;
	if (x == NULL)
		return;
	struct qd_exchange **at = &h->first;
	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	qd_exchange_free(x);
	*place = NULL;
}

static int open_mhd(struct qd_http *h, int listen_fd)
{
	h->mhd = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
				  on_request, h, MHD_OPTION_LISTEN_SOCKET, listen_fd,
				  MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_CONNECTION_LIMIT,
				  (unsigned int)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
				  (unsigned int)IDLE_S, MHD_OPTION_END);
	const union MHD_DaemonInfo *info =
		h->mhd != NULL ? MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (info == NULL || sd_event_add_io(h->event, &h->io, info->epoll_fd, EPOLLIN, on_io, h) < 0)
		return -QD_ERR_IO;
	return 0;
}

int qd_http_open(sd_event *event, int listen_fd, const char *control, struct qd_http **out)
{
	*out = NULL;
	struct qd_http *h = calloc(1, sizeof(*h));
	if (h == NULL)
		return -QD_ERR_NOMEM;
	const struct qd_daemon_events events = {
		.answered = on_answered, .changed = on_changed, .lost = on_lost, .context = h};
	h->event = event;
	int status = open_mhd(h, listen_fd);
	if (status == 0 && (sd_event_add_time(event, &h->timer, CLOCK_MONOTONIC, 0, 1000, on_timer, h) < 0 ||
			    sd_event_add_time(event, &h->tick, CLOCK_MONOTONIC, 0, 1000, on_tick, h) < 0))
		status = -QD_ERR_IO;
	if (status == 0)
		status = qd_daemon_open(event, control, &events, &h->daemon);
	if (status != 0) {
		qd_http_close(h);
		return status;
	}
	*out = h;
	return 0;
}

void qd_http_close(struct qd_http *h)
{
	if (h == NULL)
		return;
	qd_daemon_close(h->daemon);
	for (struct qd_exchange *x = h->first; x != NULL; x = x->next)
		qd_exchange_abandon(x); /* microhttpd must not be stopped with suspended connections */
	h->io = sd_event_source_disable_unref(h->io);
	if (h->mhd != NULL)
		MHD_stop_daemon(h->mhd);
	(void)sd_event_source_disable_unref(h->timer); /* returns NULL */
	(void)sd_event_source_disable_unref(h->tick);  /* returns NULL */
	free(h->stream.line);
	free(h);
}
