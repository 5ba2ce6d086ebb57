/* SPDX-License-Identifier: Apache-2.0 */
/* The witness's sockets. Every address is served by many of them, and the kernel puts each packet by its cluster id into
 * one (SO_ATTACH_REUSEPORT_CBPF): a cluster that floods fills its own lane, and the others are read in turn. Looks into
 * no payload itself. */
#ifndef QD_WITNESS_LANES_H
#define QD_WITNESS_LANES_H

#include "drv/address.h"
#include "drv/loop.h"
#include "witness/box.h"

enum {
	QD_LANES =
		128, /* of an address; a power of two. A full one concerns less than one in a hundred clusters */
	QD_LANES_ADDRESSES_MAX = 8,
	QD_LANES_TURN = 32,  /* packets of a lane in one go */
	QD_LANES_QUEUE = 64, /* answers that leave together */
	QD_LANES_PORT = 3343,
	QD_LANES_BUFFER = 1 << 20, /* asked for, each */
};

/* Where a request came from, and which way an answer goes back: from the address that was asked. */
struct qd_route {
	uint8_t address; /* index of the listening one */
	uint16_t port;
	uint32_t scope;
	uint8_t remote[16];
	uint8_t local[16];
};

typedef void qd_lanes_fn(void *context, const struct qd_route *from, const uint8_t *data, size_t len_bytes,
			 struct qd_mono now);

struct qd_lanes_counts {
	uint64_t received;
	uint64_t sent;
	uint64_t unsent; /* the kernel did not take it; the node asks again */
};

struct qd_lanes_address {
	struct qd_lanes *lanes;
	uint8_t number;
	struct qd_address address;
	uint16_t port;
	uint32_t queued;
	int fd[QD_LANES];
	struct qd_io io[QD_LANES];
	struct qd_lanes_counts counts;
	struct qd_route to[QD_LANES_QUEUE];
	uint8_t answer[QD_LANES_QUEUE][QD_BOX_ANSWER_BYTES];
};

struct qd_lanes {
	struct qd_loop *loop;
	qd_lanes_fn *receive;
	void *context;
	uint32_t count;
	struct qd_lanes_address address[QD_LANES_ADDRESSES_MAX];
};

void qd_lanes_init(struct qd_lanes *l, struct qd_loop *loop, qd_lanes_fn *receive, void *context);

/* Listen on one more address. 0 or a negative errno. */
int qd_lanes_listen(struct qd_lanes *l, const struct qd_address *address, uint16_t port);

void qd_lanes_close(struct qd_lanes *l);

/* Where the next answer on this way is to be written; it is queued by that. */
uint8_t *qd_lanes_queue(struct qd_lanes *l, const struct qd_route *to);

/* Send what is queued. */
void qd_lanes_flush(struct qd_lanes *l);

#endif
