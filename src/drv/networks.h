/* SPDX-License-Identifier: Apache-2.0 */
/* What networks a machine's interfaces are in, with the roles and metrics that the reference gives them. They are shown:
 * which networks a cluster uses is said by its nodes' addresses. From a list to a list; asks and changes nothing. */
#ifndef QD_DRV_NETWORKS_H
#define QD_DRV_NETWORKS_H

#include "drv/interfaces.h"

enum {
	QD_NETWORKS_MAX = 32,	  /* of a machine */
	QD_NETWORK_NAME_MAX = 32, /* with the final 0 */
	/* Metrics: lower is better. Of the cluster alone, they have nothing to do with those of routes. */
	QD_METRIC_CLUSTER = 1000, /* the first network without a default gateway */
	QD_METRIC_CLIENT = 10000, /* the first one with */
	QD_METRIC_STEP = 100,
};

enum qd_network_role {
	QD_NETWORK_NONE,    /* of an address that no interface has */
	QD_NETWORK_CLUSTER, /* of the nodes alone */
	QD_NETWORK_BOTH,    /* with a default gateway: of clients, too */
	QD_NETWORK_ROLE_COUNT,
};

struct qd_networks_config {
	int family; /* AF_INET or AF_INET6: families are never mixed */
	bool loopback; /* tests on one machine: loopback is a network, too, and each of its addresses one of its own */
	bool link_local; /* fe80::/10 or 169.254/16 where an interface has nothing better */
};

struct qd_network {
	char name[QD_NETWORK_NAME_MAX]; /* the interface's; from its second network on with "-2" ... */
	char interface[IF_NAMESIZE];
	struct qd_address address; /* this machine's */
	struct qd_address prefix;
	uint32_t prefix_bits;
	enum qd_network_role role;
	uint32_t metric;
	bool up;	/* carrier, and the address can be used */
	bool redundant; /* a bond or team, or a VLAN on one: several adapters, so one of them may fail */
};

struct qd_networks {
	uint32_t count;
	uint32_t left_out;   /* found no room */
	uint32_t duplicates; /* a second interface in the same prefix: not another path, and not listed */
	struct qd_network list[QD_NETWORKS_MAX]; /* in the order of the interfaces */
};

/* 1. An interface has a network for each prefix of the family; its address there is the first that is neither
 *    secondary, temporary nor of a host alone (/32, /128: floating service addresses).
 * 2. Not loopback, not ports of a bond, team or bridge, not point to point, not a prefix that was there before.
 * 3. Role: with a default gateway QD_NETWORK_BOTH, without QD_NETWORK_CLUSTER.
 * 4. Metric: each of the two kinds counted from its first, QD_METRIC_STEP apart. */
void qd_networks_make(const struct qd_interfaces *interfaces, const struct qd_networks_config *config,
		      struct qd_networks *out);

/* Whether `peer` is in the prefix of the network whose address is `local`: the same subnet, with its shorter times. Of
 * two loopback addresses it says yes, of an unknown `local` no. */
bool qd_networks_same_subnet(const struct qd_networks *n, const struct qd_address *local,
			     const struct qd_address *peer);

/* The one whose address it is; NULL: none. Borrowed from n. */
const struct qd_network *qd_networks_find(const struct qd_networks *n, const struct qd_address *local);

const char *qd_network_role_name(enum qd_network_role role); /* "none", "cluster", "both" */

#endif
