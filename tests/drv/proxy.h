/* SPDX-License-Identifier: Apache-2.0 */
/* A TCP proxy between driver and target that does what networks and targets do when they fail. A process of its own;
 * each order is acknowledged before proxy_order() returns. */
#ifndef QD_TESTS_DRV_PROXY_H
#define QD_TESTS_DRV_PROXY_H

#include <stdint.h>
#include <sys/types.h>

enum proxy_order_kind {
	PROXY_PASS = 0,	 /* relay, and forget every order before */
	PROXY_STALL,	 /* relay nothing more; connections stay and are accepted */
	PROXY_RESET,	 /* reset every connection now; new ones are relayed */
	PROXY_REFUSE,	 /* reset every connection now, and every new one */
	PROXY_HOLD,	 /* keep what the target says; relay the other way */
	PROXY_CUT_UP,	 /* reset after `count` more bytes to the target */
	PROXY_CUT_DOWN,	 /* reset after `count` more bytes from the target */
	PROXY_FLIP_UP,	 /* the byte after `count` more bytes to the target is exclusive-ored with `mask` */
	PROXY_FLIP_DOWN, /* the byte after `count` more bytes from the target is exclusive-ored with `mask` */
	PROXY_GARBAGE_DOWN, /* after `count` more bytes from the target only garbage */
};

struct proxy {
	pid_t pid;
	int control;
	uint16_t port; /* on 127.0.0.1 */
};

/* In front of 127.0.0.1:to; to 0: there is no target, connections are accepted and stay silent. */
void proxy_start(struct proxy *p, uint16_t to);
void proxy_order(struct proxy *p, enum proxy_order_kind kind, uint32_t count, uint8_t mask);
void proxy_stop(struct proxy *p);

#endif
