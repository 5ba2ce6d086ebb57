/* SPDX-License-Identifier: Apache-2.0 */
#include "api/daemon.h"

#include "quorumd/control_wire.h"
#include "quorumd/errors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	AGAIN_US = 200000, /* between two attempts to connect */
	ANSWERS_A_TURN = 16,
	REQUEST_BYTES = 256, /* they are below 100 */
	SUBSCRIPTION_ID = 1, /* requests follow from 2 on */
};

struct qd_daemon {
	sd_event *event; /* borrowed */
	sd_event_source *timer;
	sd_event_source *io;
	int fd; /* -1: not connected */
	uint64_t next_id;
	struct sockaddr_un address;
	struct qd_daemon_events events;
	struct qd_control_answer answer;
	uint8_t packet[QD_CONTROL_PACKET_MAX];
};

static void lose(struct qd_daemon *d)
{
	if (d->fd < 0)
		return;
	d->io = sd_event_source_disable_unref(d->io);
	(void)close(d->fd); /* nothing was buffered here */
	d->fd = -1;
	d->events.lost(d->events.context);
}

static void take_answer(struct qd_daemon *d, int fd)
{
	struct qd_control_text text = {0};
	if (d->answer.tell == QD_TELL_SNAPSHOT && d->answer.id == SUBSCRIPTION_ID) {
		d->events.changed(d->events.context, &d->answer.u.snapshot);
		return;
	}
	const bool has_text = fd >= 0 && qd_control_text_map(fd, &text);
	d->events.answered(d->events.context, &d->answer, has_text ? &text : NULL);
	qd_control_text_unmap(&text);
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct qd_daemon *d = context;
	(void)source;
	(void)events;
	for (int i = 0; i < ANSWERS_A_TURN && d->fd >= 0; i++) {
		int beside = -1;
		ssize_t n = qd_control_text_receive(fd, d->packet, sizeof(d->packet), &beside);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		const bool good = n > 0 && qd_control_answer_decode(d->packet, (size_t)n, &d->answer);
		if (good)
			take_answer(d, beside);
		if (beside >= 0)
			(void)close(beside); /* a mapping stays without it */
		if (good)
			continue;
		if (n > 0)
			(void)fputs("<3>quorum-api: quorumd is of another version: install both together\n",
				    stderr);
		lose(d);
	}
	return 0;
}

static bool send_request(struct qd_daemon *d, const struct qd_control_request *request, int fd)
{
	uint8_t packet[REQUEST_BYTES];
	size_t len = qd_control_request_encode(request, packet, sizeof(packet));
	return len > 0 && qd_control_text_send(d->fd, packet, len, fd) == (ssize_t)len;
}

static void connect_now(struct qd_daemon *d)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	const struct qd_control_request subscribe = {.ask = QD_ASK_SUBSCRIBE, .id = SUBSCRIPTION_ID};
	if (connect(fd, (const struct sockaddr *)&d->address, sizeof(d->address)) != 0 ||
	    sd_event_add_io(d->event, &d->io, fd, EPOLLIN, on_readable, d) < 0) {
		(void)close(fd); /* nothing to lose */
		return;
	}
	d->fd = fd;
	if (!send_request(d, &subscribe, -1))
		lose(d);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *context)
{
	struct qd_daemon *d = context;
	(void)usec;
	if (d->fd < 0)
		connect_now(d);
	if (sd_event_source_set_time_relative(source, AGAIN_US) < 0)
		return -EIO;
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int qd_daemon_open(sd_event *event, const char *path, const struct qd_daemon_events *events,
		   struct qd_daemon **out)
{
	*out = NULL;
	struct qd_daemon *d = calloc(1, sizeof(*d));
	if (d == NULL)
		return -QD_ERR_NOMEM;
	d->event = event;
	d->fd = -1;
	d->next_id = SUBSCRIPTION_ID + 1;
	d->events = *events;
	d->address.sun_family = AF_UNIX;
	int len = snprintf(d->address.sun_path, sizeof(d->address.sun_path), "%s", path);
	if (len < 0 || (size_t)len >= sizeof(d->address.sun_path) ||
	    sd_event_add_time_relative(event, &d->timer, CLOCK_MONOTONIC, 0, 1000, on_timer, d) < 0) {
		free(d);
		return -QD_ERR_IO;
	}
	*out = d;
	return 0;
}

void qd_daemon_close(struct qd_daemon *d)
{
	if (d == NULL)
		return;
	lose(d);
	(void)sd_event_source_disable_unref(d->timer); /* returns NULL */
	free(d);
}

bool qd_daemon_is_connected(const struct qd_daemon *d)
{
	return d->fd >= 0;
}

uint64_t qd_daemon_ask(struct qd_daemon *d, struct qd_control_request *request, int fd)
{
	if (d->fd < 0)
		return 0;
	request->id = d->next_id;
	if (!send_request(d, request, fd))
		return 0;
	return d->next_id++;
}
