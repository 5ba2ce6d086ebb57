/* SPDX-License-Identifier: Apache-2.0 */
/* This machine's network interfaces with their addresses and default gateways, read from the kernel and kept up to date
 * (rtnetlink). Changes nothing and says nothing about what they are good for: drv/networks.h does. */
#ifndef QD_DRV_INTERFACES_H
#define QD_DRV_INTERFACES_H

#include "drv/address.h"
#include "drv/loop.h"

enum {
	QD_INTERFACES_MAX = 64, /* what a machine full of VLANs has; more are counted, not kept */
	QD_INTERFACE_ADDRESSES_MAX =
		16, /* both families; floating service addresses come and go among them */
};

enum qd_interface_kind {
	QD_INTERFACE_PLAIN = 0, /* an adapter, or anything that is none of the others */
	QD_INTERFACE_LOOPBACK,
	QD_INTERFACE_VLAN,
	QD_INTERFACE_BOND,
	QD_INTERFACE_TEAM,
	QD_INTERFACE_BRIDGE,
	QD_INTERFACE_KIND_COUNT,
};

struct qd_interface_address {
	struct qd_address address; /* with its scope */
	uint32_t prefix_bits;
	bool usable;	/* duplicate address detection is over, and found nobody */
	bool secondary; /* IPv4: another one of the same prefix came before; IPv6: temporary */
	bool peer;	/* point to point: the prefix is the other end's */
};

struct qd_interface {
	uint32_t index;
	uint32_t parent; /* index of what a VLAN lies on; 0: none */
	uint32_t master; /* index of the bond, team or bridge that it is a port of; 0: none */
	uint32_t mtu;
	char name[IF_NAMESIZE];
	enum qd_interface_kind kind;
	bool up;      /* set up by the administrator */
	bool running; /* and there is a carrier */
	bool gateway; /* a default route of either family leads over it */
	uint32_t address_count;
	struct qd_interface_address
		addresses[QD_INTERFACE_ADDRESSES_MAX]; /* as the kernel has them in order */
};

struct qd_interfaces {
	uint32_t count;
	uint32_t left_out;			     /* interfaces and addresses that found no room */
	struct qd_interface list[QD_INTERFACES_MAX]; /* by index */
};

struct qd_interfaces_counters {
	uint64_t readings;  /* complete ones */
	uint64_t again;	    /* begun again, for something changed meanwhile */
	uint64_t overflows; /* notifications were lost; a reading followed */
	uint64_t errors;    /* last_error says what; tried again after a second */
	int last_error;	    /* a negative errno */
};

/* Complete and different from what was there before (the first one always is). Borrowed until return; the same is at
 * qd_interfaces_list(). May not close the watch. */
typedef void qd_interfaces_fn(void *context, const struct qd_interfaces *now);

struct qd_interfaces_watch;

/* Begin the first reading; it is complete after a few turns. *out is set with 0, else a negative errno. The caller ends
 * it with qd_interfaces_close(), which takes NULL. It watches the network namespace that it was opened in. */
int qd_interfaces_open(struct qd_interfaces_watch **out, struct qd_loop *loop, qd_interfaces_fn *changed,
		       void *context);
void qd_interfaces_close(struct qd_interfaces_watch *w);

/* A burst of changes is read once, a little later. */
struct qd_mono qd_interfaces_deadline(const struct qd_interfaces_watch *w);
void qd_interfaces_think(struct qd_interfaces_watch *w, struct qd_mono now);

/* The last complete reading; NULL: none yet. Borrowed, valid until the next turn. */
const struct qd_interfaces *qd_interfaces_list(const struct qd_interfaces_watch *w);
const struct qd_interfaces_counters *qd_interfaces_count(const struct qd_interfaces_watch *w);

#endif
