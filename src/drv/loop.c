/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/loop.h"

#include <errno.h>
#include <signal.h>
#include <systemd/sd-event.h>
#include <time.h>

enum {
	TIMER_ACCURACY_US = 1, /* sd-event's default of 250 ms is as long as a whole fast round */
	NS_PER_US = 1000,
	SOURCES_A_TURN = 32, /* 8 paths, runner, control, signals, timer: with room */
};

struct qd_mono qd_clock_now(void)
{
	struct timespec t;
	if (clock_gettime(CLOCK_BOOTTIME, &t) != 0)
		QD_UNREACHABLE("CLOCK_BOOTTIME is missing");
	return (struct qd_mono){(uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec};
}

static int on_timer(sd_event_source *source, uint64_t us, void *context)
{
	struct qd_loop *loop = context;
	(void)source;
	(void)us;
	loop->armed = QD_NEVER; /* one-shot: the turn has come back, which is all it is for */
	return 0;
}

int qd_loop_open(struct qd_loop *loop)
{
	*loop = (struct qd_loop){.armed = QD_NEVER};
	int rc = sd_event_new(&loop->event);
	if (rc < 0)
		return rc;
	rc = sd_event_add_time(loop->event, &loop->timer, CLOCK_BOOTTIME, UINT64_MAX, TIMER_ACCURACY_US,
			       on_timer, loop);
	if (rc >= 0)
		rc = sd_event_source_set_enabled(loop->timer, SD_EVENT_OFF);
	if (rc < 0) {
		qd_loop_close(loop);
		return rc;
	}
	return 0;
}

void qd_loop_close(struct qd_loop *loop)
{
	loop->timer = sd_event_source_disable_unref(loop->timer);
	loop->event = sd_event_unref(loop->event);
}

int qd_loop_arm(struct qd_loop *loop, struct qd_mono deadline)
{
	if (deadline.ns == loop->armed.ns)
		return 0;
	loop->armed = deadline;
	if (qd_mono_is_never(deadline))
		return sd_event_source_set_enabled(loop->timer, SD_EVENT_OFF);
	/* rounded up: a turn before the deadline would only come again */
	int rc = sd_event_source_set_time(loop->timer,
					  deadline.ns / NS_PER_US + (deadline.ns % NS_PER_US != 0));
	if (rc >= 0)
		rc = sd_event_source_set_enabled(loop->timer, SD_EVENT_ONESHOT);
	return rc < 0 ? rc : 0;
}

int qd_loop_turn(struct qd_loop *loop)
{
	loop->turns++;
	/* sd-event dispatches one source a call: wait for the first, then take what else is there. After a pause of this
	 * process that is what others said meanwhile, and it must be known before a deadline is acted on. */
	int rc = sd_event_run(loop->event, UINT64_MAX);
	for (int i = 0; i < SOURCES_A_TURN && rc > 0; i++)
		rc = sd_event_run(loop->event, 0);
	return rc < 0 && rc != -EINTR ? rc : 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct qd_io *io = context;
	(void)source;
	io->fn(io->context, fd, events);
	return 0;
}

int qd_io_add(struct qd_loop *loop, struct qd_io *io, int fd, uint32_t events)
{
	qd_assert(io->source == NULL && io->fn != NULL);
	io->events = events;
	int rc = sd_event_add_io(loop->event, &io->source, fd, events, on_io, io);
	return rc < 0 ? rc : 0;
}

void qd_io_set(struct qd_io *io, uint32_t events)
{
	if (io->source == NULL || io->events == events)
		return;
	io->events = events;
	if (sd_event_source_set_io_events(io->source, events) < 0)
		QD_UNREACHABLE("epoll refuses a descriptor that it watches");
}

void qd_io_remove(struct qd_io *io)
{
	io->source = sd_event_source_disable_unref(io->source);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	struct qd_signal *s = context;
	(void)source;
	s->fn(s->context, (int)info->ssi_signo);
	return 0;
}

int qd_signal_add(struct qd_loop *loop, struct qd_signal *s, int number)
{
	qd_assert(s->source == NULL && s->fn != NULL);
	sigset_t set;
	if (sigemptyset(&set) != 0 || sigaddset(&set, number) != 0 || sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -errno;
	int rc = sd_event_add_signal(loop->event, &s->source, number, on_signal, s);
	return rc < 0 ? rc : 0;
}

void qd_signal_remove(struct qd_signal *s)
{
	s->source = sd_event_source_disable_unref(s->source);
}
