/* SPDX-License-Identifier: Apache-2.0 */
/* Which of a machine's interfaces are networks of the cluster, in what role and in which order: automatic roles and
 * metrics, changed by rules of the configuration. From a list to a list; asks and changes nothing. */
#ifndef QD_DRV_NETWORKS_H
#define QD_DRV_NETWORKS_H

#include "drv/interfaces.h"

enum {
	QD_NETWORKS_MAX = 32,	  /* of a machine; the configuration chooses its links among them */
	QD_NETWORK_NAME_MAX = 32, /* with the final 0 */
	QD_NETWORK_RULES_MAX = 32,
	/* Metrics: lower is better. Of the cluster alone, they have nothing to do with those of routes. */
	QD_METRIC_CLUSTER = 1000, /* the first network without a default gateway */
	QD_METRIC_CLIENT = 10000, /* the first one with */
	QD_METRIC_STEP = 100,
	QD_METRIC_MAX = 1000000,
};

/* Who may use a network: bits, and the reference's numbers. */
enum qd_network_role {
	QD_NETWORK_NONE = 0, /* storage, or anything that the cluster keeps out of */
	QD_NETWORK_CLUSTER = 1,
	QD_NETWORK_CLIENT = 2,
	QD_NETWORK_BOTH = 3,
	QD_NETWORK_ROLE_COUNT,
};

/* What the configuration says about one network. The first rule that matches counts. */
struct qd_network_rule {
	char interface[IF_NAMESIZE]; /* "": any */
	struct qd_address prefix;    /* AF_UNSPEC: any */
	uint32_t prefix_bits;
	char name[QD_NETWORK_NAME_MAX]; /* "": automatic */
	bool has_role;
	enum qd_network_role role;
	uint32_t metric; /* 1..QD_METRIC_MAX; 0: automatic */
};

struct qd_networks_config {
	int family; /* AF_INET or AF_INET6: families are never mixed */
	bool loopback; /* tests on one machine: loopback is a network, too, and each of its addresses one of its own */
	bool link_local; /* fe80::/10 or 169.254/16 where an interface has nothing better */
	uint32_t rule_count;
	struct qd_network_rule rules[QD_NETWORK_RULES_MAX];
};

struct qd_network {
	char name
		[QD_NETWORK_NAME_MAX]; /* of the rule; else the interface's, from its second network on with "-2" ... */
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
 * 4. Metric: each of the two kinds counted from its first, QD_METRIC_STEP apart. A network whose role or metric comes
 *    from a rule is counted all the same, so that a rule for one changes no other.
 * 5. Rules. */
void qd_networks_make(const struct qd_interfaces *interfaces, const struct qd_networks_config *config,
		      struct qd_networks *out);

/* order[] becomes the positions of those that the cluster may use, up or not, best metric first (equal ones in the order of
 * the list); how many. The first carries bulk traffic, the second what should not disturb it. */
uint32_t qd_networks_by_metric(const struct qd_networks *n, uint32_t order[QD_NETWORKS_MAX]);

/* Whether `peer` is in the prefix of the network whose address is `local`: the same subnet, with its shorter times. Of
 * two loopback addresses it says yes, of an unknown `local` no. */
bool qd_networks_same_subnet(const struct qd_networks *n, const struct qd_address *local,
			     const struct qd_address *peer);

/* The one whose address it is; NULL: none. Borrowed from n. */
const struct qd_network *qd_networks_find(const struct qd_networks *n, const struct qd_address *local);

const char *qd_network_role_name(enum qd_network_role role); /* "none", "cluster", "client", "both" */

#endif
