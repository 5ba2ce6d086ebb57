/* SPDX-License-Identifier: Apache-2.0 */
/* Two nodes that send datagrams to each other, for the tests of net_udp: what came, and waiting for it. */
#ifndef QD_TESTS_DRV_NETPAIR_H
#define QD_TESTS_DRV_NETPAIR_H

#include "drv/net_udp.h"
#include "drv/netns.h"

enum {
	NETPAIR_A = 1, /* ids */
	NETPAIR_B = 2,
};

struct netnode {
	struct qd_net *net;
	const struct netns *ns; /* NULL: loopback of the machine */
	uint64_t received;
	uint32_t last_link;
	size_t last_len;
	uint8_t last[QD_NET_PAYLOAD_MAX];
	struct sockaddr_storage from;
	bool in_order; /* first four bytes count up */
	uint32_t next;
};

struct netpair {
	struct qd_loop loop;
	struct netnode a, b;
	uint8_t payload[QD_NET_PAYLOAD_MAX]; /* what netpair_send() sends */
};

extern struct netpair pair; /* the one of this program */

void netpair_address(struct qd_address *to, const char *text);
/* A and B on one link, these addresses. */
struct qd_net_config netpair_link(uint16_t port, const char *at_a, const char *at_b);
struct qd_net_config netpair_loopback(void); /* 127.0.0.1, 127.0.0.2, a free port */

/* Open one; its local addresses are those that the others have for it. */
void netpair_open(struct netnode *n, const struct netns *ns, const struct qd_net_config *peers, uint32_t id);
/* The loop and both, A in ns[0], B in ns[1]; NULL: here. */
void netpair_begin(const struct netns *ns, const struct qd_net_config *peers);
void netpair_end(void);

void netpair_look_again(struct netnode *n);					  /* in its namespace */
void netpair_send(struct netnode *from, uint32_t to, uint32_t links, size_t len); /* and flush */
const struct qd_net_counters *netpair_count(const struct netnode *n, uint32_t link);

/* Turns until that many have come, ever. */
bool netpair_received(const struct netnode *n, uint64_t received);
/* Send until one of that length has come on link 0, there and back: addresses and interfaces that were just changed
 * take a moment in the kernel. */
bool netpair_passes(size_t len);

/* A socket of somebody else, bound to that. */
int netpair_stranger(const char *text, uint16_t port);

#endif
