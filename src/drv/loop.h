/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop: epoll with a deadline on CLOCK_BOOTTIME, one system call a turn when nothing is there to be read.
 * Callers run turns themselves, so that everything that a turn brought is handled together, after one reading of the
 * clock. Decides nothing. */
#ifndef QD_DRV_LOOP_H
#define QD_DRV_LOOP_H

#include "base/time.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

enum {
	QD_LOOP_READY_MAX = 32, /* 8 paths, runner, control, signals, clock: with room */
};

struct qd_loop;

/* events: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR as they came. */
typedef void qd_io_fn(void *context, int fd, uint32_t events);
typedef void qd_signal_fn(void *context, int number);

/* A watched descriptor. Storage is the caller's; it must not move while it is watched. */
struct qd_io {
	qd_io_fn *fn;
	void *context;
	/* private */
	struct qd_loop *loop; /* NULL: not watched */
	int fd;
	uint32_t events;
};

struct qd_signal {
	qd_signal_fn *fn;
	void *context;
	struct qd_io io; /* private: of a signalfd */
};

struct qd_loop {
	bool is_open;
	bool coarse; /* the kernel has no epoll_pwait2(): whole milliseconds */
	int epoll_fd;
	struct qd_io clock;   /* tells of a resume from suspend: see qd_loop_turn() */
	struct qd_mono armed; /* QD_NEVER: no limit */
	uint64_t turns;
	int ready_count; /* of the present turn */
	struct epoll_event ready[QD_LOOP_READY_MAX];
};

/* This host's CLOCK_BOOTTIME. */
struct qd_mono qd_clock_now(void);

/* 0 or a negative errno. The caller ends it with qd_loop_close(), harmless when not open. */
int qd_loop_open(struct qd_loop *loop);
void qd_loop_close(struct qd_loop *loop);

/* Let turns come back no later than `deadline`, until one has come that late; QD_NEVER: no limit. Costs no system
 * call, and so returns 0. */
int qd_loop_arm(struct qd_loop *loop, struct qd_mono deadline);

/* Wait for something to happen, at most until the armed deadline, and call what it concerns. A resume from suspend
 * makes a turn, too: the kernel's wait does not count the time of a suspend, the deadline does. When the deadline has
 * passed meanwhile, or the process was stopped, what is there to be read by then has been handled as well. 0 or a
 * negative errno. */
int qd_loop_turn(struct qd_loop *loop);

/* Watch fd for `events`. 0 or a negative errno. Remove before fd is closed. */
int qd_io_add(struct qd_loop *loop, struct qd_io *io, int fd, uint32_t events);
void qd_io_set(struct qd_io *io, uint32_t events);
void qd_io_remove(struct qd_io *io); /* harmless when not watched; allowed from within fn of any */

/* Receive a signal in the loop; it is blocked in this thread. 0 or a negative errno. */
int qd_signal_add(struct qd_loop *loop, struct qd_signal *s, int number);
void qd_signal_remove(struct qd_signal *s); /* harmless when not added */

#endif
