/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop: a thin layer over sd-event with one timer on CLOCK_BOOTTIME. Callers run turns themselves, so that
 * everything that a turn brought is handled together, after one reading of the clock. Decides nothing. */
#ifndef QD_DRV_LOOP_H
#define QD_DRV_LOOP_H

#include "base/time.h"

#include <stdbool.h>
#include <stdint.h>

struct sd_event;
struct sd_event_source;

/* events: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR as they came. */
typedef void qd_io_fn(void *context, int fd, uint32_t events);
typedef void qd_signal_fn(void *context, int number);

struct qd_loop {
	struct sd_event *event;
	struct sd_event_source *timer;
	struct qd_mono armed; /* what the timer is set to; QD_NEVER: off */
	uint64_t turns;
};

/* A watched descriptor. Storage is the caller's; it must not move while it is watched. */
struct qd_io {
	struct sd_event_source *source; /* NULL: not watched */
	qd_io_fn *fn;
	void *context;
	uint32_t events;
};

struct qd_signal {
	struct sd_event_source *source;
	qd_signal_fn *fn;
	void *context;
};

/* This host's CLOCK_BOOTTIME. */
struct qd_mono qd_clock_now(void);

/* 0 or a negative errno. The caller ends it with qd_loop_close(). */
int qd_loop_open(struct qd_loop *loop);
void qd_loop_close(struct qd_loop *loop);

/* Let one turn come back no later than `deadline` (to a microsecond); QD_NEVER: no limit. */
int qd_loop_arm(struct qd_loop *loop, struct qd_mono deadline);

/* Wait for something to happen, at most until the armed deadline, and call what it concerns. 0 or a negative errno. */
int qd_loop_turn(struct qd_loop *loop);

/* Watch fd for `events`. 0 or a negative errno. Remove before fd is closed. */
int qd_io_add(struct qd_loop *loop, struct qd_io *io, int fd, uint32_t events);
void qd_io_set(struct qd_io *io, uint32_t events);
void qd_io_remove(struct qd_io *io); /* harmless when not watched; allowed from within fn */

/* Receive a signal in the loop; it is blocked in this thread. 0 or a negative errno. */
int qd_signal_add(struct qd_loop *loop, struct qd_signal *s, int number);
void qd_signal_remove(struct qd_signal *s);

#endif
