/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop without a target: descriptors, signals, what a passed deadline may not overtake. */
#include "drv/loop.h"
#include "drv/rig.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct counter {
	struct qd_io io;
	int fd;
	unsigned calls;
	struct counter *remove; /* in the call; NULL: none */
};

static void on_ready(void *context, int fd, uint32_t events)
{
	struct counter *c = context;
	eventfd_t value = 0;
	CHECK(fd == c->fd && (events & EPOLLIN) != 0);
	CHECK(eventfd_read(fd, &value) == 0);
	c->calls++;
	if (c->remove != NULL)
		qd_io_remove(&c->remove->io);
}

static void watch(struct qd_loop *loop, struct counter *c)
{
	*c = (struct counter){.io = {.fn = on_ready, .context = c},
			      .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
	NEED(c->fd >= 0 && qd_io_add(loop, &c->io, c->fd, EPOLLIN) == 0);
}

static void unwatch(struct counter *c)
{
	qd_io_remove(&c->io);
	(void)close(c->fd);
}

static bool turn(struct qd_loop *loop, int64_t ms)
{
	return qd_loop_arm(loop, rig_deadline(ms)) == 0 && qd_loop_turn(loop) == 0;
}

static void one_turn_calls_everything(void)
{
	struct qd_loop loop;
	struct counter c[3];
	NEED(qd_loop_open(&loop) == 0);
	for (int i = 0; i < 3; i++) {
		watch(&loop, &c[i]);
		CHECK(eventfd_write(c[i].fd, 1) == 0);
	}
	CHECK(turn(&loop, RIG_LIMIT_MS));
	CHECK(c[0].calls == 1 && c[1].calls == 1 && c[2].calls == 1);
	qd_io_set(&c[0].io, 0);
	CHECK(eventfd_write(c[0].fd, 1) == 0);
	CHECK(turn(&loop, 1) && c[0].calls == 1); /* not asked for */
	qd_io_set(&c[0].io, EPOLLIN);
	CHECK(turn(&loop, RIG_LIMIT_MS) && c[0].calls == 2);
	for (int i = 0; i < 3; i++)
		unwatch(&c[i]);
	qd_loop_close(&loop);
}

/* As a session does that ends another one's descriptor while both are ready. */
static void what_is_removed_is_not_called(void)
{
	struct qd_loop loop;
	struct counter a, b;
	NEED(qd_loop_open(&loop) == 0);
	watch(&loop, &a);
	watch(&loop, &b);
	a.remove = &b;
	b.remove = &a;
	CHECK(eventfd_write(a.fd, 1) == 0 && eventfd_write(b.fd, 1) == 0);
	CHECK(turn(&loop, RIG_LIMIT_MS));
	CHECK(a.calls + b.calls == 1);
	CHECK(turn(&loop, 1) && a.calls + b.calls == 1);
	unwatch(&a);
	unwatch(&b);
	qd_loop_close(&loop);
}

static void a_passed_deadline_lets_answers_be_read(void)
{
	struct qd_loop loop;
	struct counter c;
	NEED(qd_loop_open(&loop) == 0);
	watch(&loop, &c);
	CHECK(eventfd_write(c.fd, 1) == 0);
	CHECK(qd_loop_arm(&loop, (struct qd_mono){1}) == 0 && qd_loop_turn(&loop) == 0);
	CHECK(c.calls == 1);
	unwatch(&c);
	qd_loop_close(&loop);
}

static void on_signal(void *context, int number)
{
	*(int *)context = number;
}

static void signals_come_as_events(void)
{
	struct qd_loop loop;
	int got = 0;
	struct qd_signal never = {0}, s = {.fn = on_signal, .context = &got};
	NEED(qd_loop_open(&loop) == 0);
	CHECK(qd_signal_add(&loop, &s, SIGUSR2) == 0);
	CHECK(raise(SIGUSR2) == 0 && turn(&loop, RIG_LIMIT_MS));
	CHECK(got == SIGUSR2);
	qd_signal_remove(&s);
	qd_signal_remove(&s);
	qd_signal_remove(&never);
	qd_loop_close(&loop);
	qd_loop_close(&loop);
}

int main(int argc, char **argv)
{
	static const struct rig_test tests[] = {
		{"one turn calls everything that is ready", one_turn_calls_everything},
		{"what is removed within a turn is not called", what_is_removed_is_not_called},
		{"a passed deadline lets answers be read first", a_passed_deadline_lets_answers_be_read},
		{"signals come as events", signals_come_as_events},
	};
	return rig_main("t_loop", tests, sizeof tests / sizeof tests[0], argc, argv);
}
