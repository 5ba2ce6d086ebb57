/* SPDX-License-Identifier: Apache-2.0 */
/* Network namespaces for driver tests: made, entered and left by the test program itself, joined by veth pairs. They go
 * with the program, also when it crashes, for nothing but its descriptors holds them. Needs root. */
#ifndef QD_TESTS_DRV_NETNS_H
#define QD_TESTS_DRV_NETNS_H

#include "drv/loop.h"
#include "drv/rig.h"

struct netns {
	int fd; /* -1: none */
};

/* Fill list[0..count-1], each with its loopback up; false with a skip noted: not allowed here. */
bool netns_open(struct netns *list, int count);
void netns_close(struct netns *list, int count);

/* What this thread opens from now on is in `n`; NULL: where the program started. */
void netns_enter(const struct netns *n);

/* Run a command (words separated by single spaces) in `n`; it must succeed. */
void netns_do(const struct netns *n, const char *command);

/* The same; whether it did. */
bool netns_try(const struct netns *n, const char *command);

/* A veth pair, `name` at both ends, up, without addresses of its own. */
void netns_join(const struct netns *a, const struct netns *b, const char *name);

/* Turns of the loop until look(context) is true or RIG_LIMIT_MS are over; what it said last. */
typedef bool netns_look_fn(void *context);
bool netns_until(struct qd_loop *loop, netns_look_fn *look, void *context);

/* Turns until nothing has come for `ms`. */
void netns_quiet(struct qd_loop *loop, int64_t ms);

#endif
