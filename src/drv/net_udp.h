/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams between nodes over up to QD_LINKS_MAX networks at once: a socket for each local address, sending and
 * receiving in batches. Looks into no payload and decides nothing.
 *
 * - A datagram is handed on whatever address it came from: it is the reader who authenticates it, and an address
 *   proves nothing. Datagrams leave for configured addresses only, never for one that somebody wrote from.
 * - An address need not be there: its socket is bound all the same (IP_FREEBIND), and works once it comes. What keeps a
 *   socket from being opened (the port is taken, the interface of an fe80:: address is missing) is tried again at every
 *   qd_net_look_again() and each second.
 * - No datagram is dropped for its size where that can be helped: a link that passes small ones and swallows large ones
 *   would be up for the heartbeat and dead for the views. Up to QD_NET_WHOLE_MAX bytes travel whole over any IPv6 path.
 *   What is larger is cut: over IPv4 by whoever must ("don't fragment" is not set, and path MTU messages, which nobody
 *   authenticates, are not believed); over IPv6 by the sender, to 1280 bytes. Only IPv6 datagrams that are larger than
 *   that and fit the own interface (1233..1452 bytes on Ethernet) still need a router's word, for Linux sends them whole.
 * - Traffic class CS6 (network control). */
#ifndef QD_DRV_NET_UDP_H
#define QD_DRV_NET_UDP_H

#include "base/nodeset.h"
#include "core/msg.h"
#include "drv/address.h"
#include "drv/loop.h"

enum {
	QD_NET_PORT = 3343,
	QD_NET_PAYLOAD_MAX = 65507,	 /* what IPv4 can carry; the same for IPv6 */
	QD_NET_WHOLE_MAX = 1232,	 /* 1280, the least an IPv6 path carries, without the headers */
	QD_NET_RECEIVE_BUFFER = 4 << 20, /* asked for: about a second of 64 nodes on 8 links each 50 ms */
};

struct qd_net_config {
	uint16_t port;					    /* 0: QD_NET_PORT */
	uint32_t receive_buffer_bytes;			    /* of each socket; 0: QD_NET_RECEIVE_BUFFER */
	struct qd_address local[QD_LINKS_MAX];		    /* AF_UNSPEC: this node has no address there */
	struct qd_address peer[QD_NODES_MAX][QD_LINKS_MAX]; /* [id - 1]; AF_UNSPEC: none. Family of local[] */
};

/* A datagram that came in. Everything is borrowed until return. May call qd_net_send(), nothing else of here. */
struct qd_net_received {
	uint32_t link;
	const struct sockaddr_storage *from; /* to be shown; proves nothing */
	const uint8_t *data;
	size_t len_bytes;
};
typedef void qd_net_receive_fn(void *context, const struct qd_net_received *in);

/* By link. Messages, not bytes, unless it says so. */
struct qd_net_counters {
	uint64_t sent;
	uint64_t sent_bytes;
	uint64_t received;
	uint64_t received_bytes;
	uint64_t dropped;     /* by the kernel: the receive buffer was full (SO_RXQ_OVFL) */
	uint64_t too_long;    /* came in with more than QD_NET_PAYLOAD_MAX bytes */
	uint64_t not_open;    /* to be sent while the socket was not open */
	uint64_t unreachable; /* no route, network or host down, own address missing */
	uint64_t forbidden;   /* a firewall or a policy of this machine */
	uint64_t no_buffer;   /* the kernel could not queue it now */
	uint64_t too_large;   /* larger than the kernel lets out there */
	uint64_t other_send;  /* last_error says what */
	uint64_t receive_errors;
	uint64_t opened; /* sockets opened in the life of the link */
};

/* Options that the kernel may refuse; the link works without, but worse. */
enum qd_net_missing {
	QD_NET_MISSING_FREEBIND = 1u << 0, /* the address must be there before the socket is opened */
	QD_NET_MISSING_CLASS = 1u << 1,
	QD_NET_MISSING_FRAGMENTS = 1u << 2, /* large datagrams may be lost on paths of a smaller MTU */
	QD_NET_MISSING_DROPS = 1u << 3,	    /* `dropped` stays 0 */
};

struct qd_net_link {
	bool used; /* configured */
	bool open;
	int open_error; /* why not open: a negative errno; -ENODEV: the interface of an fe80:: address is missing */
	int last_error; /* of the last message that could not be sent: a negative errno; 0: the last one was sent */
	uint32_t missing;	       /* mask of enum qd_net_missing */
	uint32_t receive_buffer_bytes; /* granted, as the kernel counts (with its overhead) */
	struct qd_net_counters counters;
};

struct qd_net;

/* Allocates everything and opens what can be opened; sockets that cannot are no error. `config` is copied. NULL: no
 * memory. The caller ends it with qd_net_close(), which takes NULL. */
struct qd_net *qd_net_open(struct qd_loop *loop, const struct qd_net_config *config,
			   qd_net_receive_fn *receive, void *context);
void qd_net_close(struct qd_net *net);

/* Addresses changed (reload). Sockets of addresses that stay, and all counters, stay. Flushes. */
void qd_net_configure(struct qd_net *net, const struct qd_net_config *config, struct qd_mono now);

/* Interfaces or addresses changed: open what is not, and open anew what is bound to an interface that was replaced. */
void qd_net_look_again(struct qd_net *net, struct qd_mono now);

/* When qd_net_think() has something to try again; QD_NEVER: nothing. */
struct qd_mono qd_net_deadline(const struct qd_net *net);
void qd_net_think(struct qd_net *net, struct qd_mono now);

/* Queue len_bytes (at most QD_NET_PAYLOAD_MAX, copied) to `node` on each of `links` (mask) on which it has an address and
 * a socket is open; the mask of those. Sends earlier ones at once when the queue is full. */
uint32_t qd_net_send(struct qd_net *net, uint32_t node, uint32_t links, const void *data, size_t len_bytes);

/* Send what is queued, at the end of a turn. */
void qd_net_flush(struct qd_net *net);

/* State and counters of a link. Borrowed, valid until qd_net_close(). */
const struct qd_net_link *qd_net_link(const struct qd_net *net, uint32_t link);

#endif
