/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/loop.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
	NS_PER_S = 1000000000,
	LATE_NS = 1000000, /* a wake-up later than this says that the process was kept from running */
	LOOKS_A_TURN =
		32, /* so that descriptors that are always ready do not keep a deadline from its turn */
};

static const time_t FAR_FUTURE_S = 1000000000000; /* seconds of CLOCK_REALTIME: no machine runs that long */

struct qd_mono qd_clock_now(void)
{
	struct timespec t;
	if (clock_gettime(CLOCK_BOOTTIME, &t) != 0)
		QD_UNREACHABLE("CLOCK_BOOTTIME is missing");
	return (struct qd_mono){(uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec};
}

/* ------------------------------------------------ descriptors */

int qd_io_add(struct qd_loop *loop, struct qd_io *io, int fd, uint32_t events)
{
	qd_assert(loop->is_open && io->loop == NULL && io->fn != NULL);
	struct epoll_event event = {.events = events, .data.ptr = io};
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
		return -errno;
	io->loop = loop;
	io->fd = fd;
	io->events = events;
	return 0;
}

void qd_io_set(struct qd_io *io, uint32_t events)
{
	if (io->loop == NULL || io->events == events)
		return;
	struct epoll_event event = {.events = events, .data.ptr = io};
	io->events = events;
	if (epoll_ctl(io->loop->epoll_fd, EPOLL_CTL_MOD, io->fd, &event) != 0)
		QD_UNREACHABLE("epoll refuses a descriptor that it watches");
}

void qd_io_remove(struct qd_io *io)
{
	struct qd_loop *loop = io->loop;
	if (loop == NULL)
		return;
	(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, io->fd,
			NULL);			    /* fails when fd was closed: gone, too */
	for (int i = 0; i < loop->ready_count; i++) /* what the present turn still had for it */
		if (loop->ready[i].data.ptr == io)
			loop->ready[i].data.ptr = NULL;
	io->loop = NULL;
}

/* ------------------------------------------------ signals */

static void on_signal(void *context, int fd, uint32_t events)
{
	struct qd_signal *s = context;
	struct signalfd_siginfo info;
	(void)events;
	if (read(fd, &info, sizeof info) == (ssize_t)sizeof info)
		s->fn(s->context, (int)info.ssi_signo);
}

int qd_signal_add(struct qd_loop *loop, struct qd_signal *s, int number)
{
	qd_assert(s->io.loop == NULL && s->fn != NULL);
	sigset_t set;
	if (sigemptyset(&set) != 0 || sigaddset(&set, number) != 0 || sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -errno;
	int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	s->io = (struct qd_io){.fn = on_signal, .context = s};
	int rc = qd_io_add(loop, &s->io, fd, EPOLLIN);
	if (rc < 0)
		(void)close(fd);
	return rc;
}

void qd_signal_remove(struct qd_signal *s)
{
	if (s->io.loop == NULL)
		return;
	qd_io_remove(&s->io);
	(void)close(s->io.fd);
}

/* ------------------------------------------------ opening and closing */

static void on_clock_set(void *context, int fd, uint32_t events)
{
	uint64_t times;
	(void)context;
	(void)events;
	if (read(fd, &times, sizeof times) < 0)
		return; /* ECANCELED: the turn has come back, which is all it is for */
}

/* A timer that never expires, but becomes readable when CLOCK_REALTIME jumps: every resume from suspend is such a jump
 * (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET). Waits with a timer on CLOCK_BOOTTIME would cost two more calls each. */
static int watch_clock(struct qd_loop *loop)
{
	const struct itimerspec never = {.it_value.tv_sec = FAR_FUTURE_S};
	int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	loop->clock = (struct qd_io){.fn = on_clock_set};
	int rc = timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) != 0 ? -errno
												     : 0;
	if (rc == 0)
		rc = qd_io_add(loop, &loop->clock, fd, EPOLLIN);
	if (rc < 0)
		(void)close(fd);
	return rc;
}

int qd_loop_open(struct qd_loop *loop)
{
	*loop = (struct qd_loop){.armed = QD_NEVER};
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		return -errno;
	loop->is_open = true;
	int rc = watch_clock(loop);
	if (rc < 0)
		qd_loop_close(loop);
	return rc;
}

void qd_loop_close(struct qd_loop *loop)
{
	if (!loop->is_open)
		return;
	loop->is_open = false;
	if (loop->clock.loop != NULL) {
		qd_io_remove(&loop->clock);
		(void)close(loop->clock.fd);
	}
	(void)close(loop->epoll_fd);
}

/* ------------------------------------------------ turns */

int qd_loop_arm(struct qd_loop *loop, struct qd_mono deadline)
{
	qd_assert(loop->is_open);
	loop->armed = deadline;
	return 0;
}

/* Wait, not at all or until the deadline, and call. How many descriptors were ready, or a negative errno. */
static int look(struct qd_loop *loop, bool wait)
{
	struct timespec left = {0};
	if (wait && !qd_mono_is_never(loop->armed)) {
		const int64_t ns = qd_mono_sub(loop->armed, qd_clock_now()).ns;
		if (ns > 0)
			left = (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
	}
	const bool for_ever = wait && qd_mono_is_never(loop->armed);
	int n = -1;
	if (!loop->coarse)
		n = epoll_pwait2(loop->epoll_fd, loop->ready, QD_LOOP_READY_MAX, for_ever ? NULL : &left,
				 NULL);
	if (!loop->coarse && n < 0 && errno == ENOSYS)
		loop->coarse = true; /* Linux before 5.11, valgrind 3.19: up to 1 ms late, which is legal */
	if (loop->coarse) {
		const int64_t ms = (int64_t)left.tv_sec * 1000 + (left.tv_nsec + 999999) / 1000000;
		const int limit = ms > INT_MAX ? INT_MAX : (int)ms;
		n = epoll_wait(loop->epoll_fd, loop->ready, QD_LOOP_READY_MAX, for_ever ? -1 : limit);
	}
	if (n < 0)
		return -errno;
	loop->ready_count = n;
	for (int i = 0; i < n; i++) {
		struct qd_io *io = loop->ready[i].data.ptr;
		if (io != NULL) /* else removed by one before it */
			io->fn(io->context, io->fd, loop->ready[i].events);
	}
	loop->ready_count = 0;
	return n;
}

/* Nanoseconds since the armed deadline; negative before it. */
static int64_t late_ns(const struct qd_loop *loop)
{
	return qd_mono_is_never(loop->armed) ? INT64_MIN : qd_mono_sub(qd_clock_now(), loop->armed).ns;
}

int qd_loop_turn(struct qd_loop *loop)
{
	qd_assert(loop->is_open && loop->ready_count == 0);
	loop->turns++;
	int n = look(loop, true);
	int64_t late = late_ns(loop);
	/* After a pause of this process what others said meanwhile must be known before a deadline is acted on. A wait
	 * that was interrupted is one that SIGSTOP or a debugger ended. */
	bool again = n == -EINTR || (n > 0 && late >= 0) || (n == 0 && late >= LATE_NS);
	for (int i = 0; i < LOOKS_A_TURN && again; i++) {
		n = look(loop, false);
		late = late_ns(loop);
		again = n == -EINTR || (n > 0 && late >= 0);
	}
	if (late >= 0)
		loop->armed = QD_NEVER;
	return n < 0 && n != -EINTR ? n : 0;
}
