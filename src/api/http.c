/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http.h"

#include "api/daemon.h"
#include "api/exchange.h"
#include "api/json.h"
#include "api/request.h"
#include "base/assert.h"
#include "quorumd/errors.h"

#include <microhttpd.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* What an operator has asked for goes on in quorumd: only the answer was not waited for. */
static void give_up(struct qd_exchange *x)
{
	if (x->kind == QD_EXCHANGE_CHANGE || x->kind == QD_EXCHANGE_HANDOVER || x->kind == QD_EXCHANGE_FORCE)
		qd_exchange_fail(
			x, MHD_HTTP_GATEWAY_TIMEOUT, "timeout",
			"not done in time, and not given up: quorumctl status shows what comes of it, "
			"quorumctl why what it waits for");
	else
		qd_exchange_fail(x, MHD_HTTP_SERVICE_UNAVAILABLE, "timeout",
				 "quorumd does not answer in time");
}

static void ask_again(struct qd_http *h, struct qd_exchange *x, uint64_t usec)
{
	x->asks_again = false;
	if (usec >= x->wait_us)
		x->wait_us = 0; /* the last time */
	x->id = qd_daemon_ask(h->daemon, &x->again, -1);
	x->deadline_us = usec + QD_EXCHANGE_ASK_US;
	x->waits = true;
	if (x->id == 0)
		qd_exchange_fail(x, MHD_HTTP_SERVICE_UNAVAILABLE, "unreachable", "quorumd has gone away");
}

static int on_tick(sd_event_source *source, uint64_t usec, void *context)
{
	struct qd_http *h = context;
	for (struct qd_exchange *x = h->first; x != NULL; x = x->next) {
		if (x->asks_again)
			ask_again(h, x, usec);
		if (x->waits && usec >= x->deadline_us)
			give_up(x);
	}
	if (usec - h->kept_alive_at >= KEEPALIVE_US) {
		h->kept_alive_at = usec;
		qd_stream_publish(&h->stream, h->first, NULL);
	}
	(void)sd_event_source_set_time_relative(source, TICK_US); /* fails only without a clock */
	pump(h);
	return 0;
}

static void on_answered(void *context, const struct qd_control_answer *answer,
			const struct qd_control_text *text)
{
	struct qd_http *h = context;
	struct qd_exchange *x = h->first;
	while (x != NULL && !(x->waits && x->id == answer->id))
		x = x->next;
	if (x != NULL)
		qd_exchange_answer(x, answer, text);
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

static uint64_t limit_of(enum qd_exchange_kind kind)
{
	switch (kind) {
	case QD_EXCHANGE_HANDOVER:
		return QD_EXCHANGE_HANDOVER_US;
	case QD_EXCHANGE_CHANGE:
	case QD_EXCHANGE_FORCE:
	case QD_EXCHANGE_CONFIG: /* from the node's disk, which may be slow */
	case QD_EXCHANGE_HISTORY:
		return QD_EXCHANGE_CHANGE_US;
	case QD_EXCHANGE_NONE:
	case QD_EXCHANGE_STATUS:
	case QD_EXCHANGE_EVENTS:
	case QD_EXCHANGE_LOG:
	case QD_EXCHANGE_HEALTH:
	case QD_EXCHANGE_WHY:
	case QD_EXCHANGE_COUNT:
		break;
	}
	return QD_EXCHANGE_ASK_US;
}

/* Send a question to quorumd; the answer ends the exchange. */
static enum MHD_Result ask(struct qd_http *h, struct qd_exchange *x)
{
	struct qd_request request;
	struct qd_request_problem problem;
	uint64_t now = 0;
	if (!qd_request_read(x, h->has_snapshot ? &h->snapshot : NULL, &request, &problem))
		return qd_exchange_refuse(x, problem.status, problem.code, problem.text);
	const int clock = sd_event_now(h->event, CLOCK_MONOTONIC, &now);
	x->id = qd_daemon_ask(h->daemon, &request.control, request.fd);
	if (request.fd >= 0)
		(void)close(request.fd); /* quorumd has its own */
	if (clock < 0)
		return MHD_NO;
	x->deadline_us = now + limit_of(x->kind);
	x->wait_us = request.wait_us > 0 ? now + request.wait_us : 0;
	x->again = request.control;
	if (x->id == 0)
		return qd_exchange_refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE, "unreachable",
					  "quorumd cannot be reached: is it running?");
	qd_exchange_wait(x);
	return MHD_YES;
}

static enum MHD_Result begin(struct qd_http *h, struct qd_exchange *x)
{
	switch (x->kind) {
	case QD_EXCHANGE_STATUS:
	case QD_EXCHANGE_HEALTH:
	case QD_EXCHANGE_LOG:
	case QD_EXCHANGE_HANDOVER:
	case QD_EXCHANGE_WHY:
	case QD_EXCHANGE_CONFIG:
	case QD_EXCHANGE_HISTORY:
	case QD_EXCHANGE_CHANGE:
	case QD_EXCHANGE_FORCE:
		return ask(h, x);
	case QD_EXCHANGE_EVENTS:
		if (!h->has_snapshot)
			return qd_exchange_refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE, "unreachable",
						  "quorumd cannot be reached: is it running?");
		return qd_exchange_stream(x, &h->stream);
	case QD_EXCHANGE_NONE:
		return qd_exchange_refuse(x, MHD_HTTP_NOT_FOUND, "not-found",
					  "expected /v1/status, /v1/why, /v1/events, /v1/log, /v1/config, "
					  "/v1/config/history, /v1/handover, /v1/quorum/force or /health");
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
		x = qd_exchange_new(connection, url, method);
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
	if (x->expects != NULL)
		return qd_exchange_refuse(x, MHD_HTTP_METHOD_NOT_ALLOWED, "method",
					  strcmp(x->expects, "POST") == 0 ? "expected POST" : "expected GET");
	if (x->upload_over)
		return qd_exchange_refuse(x, MHD_HTTP_CONTENT_TOO_LARGE, "too-large",
					  "expected a body of 512 bytes, or a configuration of 1 MiB");
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
