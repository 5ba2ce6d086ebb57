/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/networks.h"
#include "base/assert.h"

#include <stdio.h>
#include <string.h>

/* Numbering while the list grows. */
struct counted {
	uint32_t cluster;
	uint32_t client;
};

static const struct qd_interface *by_index(const struct qd_interfaces *all, uint32_t index)
{
	for (uint32_t i = 0; index != 0 && i < all->count; i++)
		if (all->list[i].index == index)
			return &all->list[i];
	return NULL;
}

static bool is_redundant(const struct qd_interfaces *all, const struct qd_interface *i)
{
	const struct qd_interface *below = i->kind == QD_INTERFACE_VLAN ? by_index(all, i->parent) : i;
	return below != NULL && (below->kind == QD_INTERFACE_BOND || below->kind == QD_INTERFACE_TEAM);
}

/* A port has no network of its own; in a VRF, which is a master, too, it has. */
static bool is_port(const struct qd_interfaces *all, const struct qd_interface *i)
{
	const struct qd_interface *master = by_index(all, i->master);
	return master != NULL && (master->kind == QD_INTERFACE_BOND || master->kind == QD_INTERFACE_TEAM ||
				  master->kind == QD_INTERFACE_BRIDGE);
}

static bool is_plain_address(const struct qd_interface_address *a, int family)
{
	return a->address.family == family && !a->secondary && !a->peer && a->prefix_bits > 0 &&
	       a->prefix_bits < qd_address_bits(&a->address) && !qd_address_is_loopback(&a->address);
}

static bool is_candidate(const struct qd_networks_config *config, const struct qd_interface *i,
			 const struct qd_interface_address *a)
{
	if (i->kind == QD_INTERFACE_LOOPBACK)
		return config->loopback && a->address.family == config->family && !a->peer;
	if (!is_plain_address(a, config->family))
		return false;
	if (!qd_address_is_link_local(&a->address))
		return true;
	for (uint32_t k = 0; k < i->address_count; k++) /* something better? */
		if (is_plain_address(&i->addresses[k], config->family) &&
		    !qd_address_is_link_local(&i->addresses[k].address))
			return false;
	return config->link_local;
}

static bool is_same_network(const struct qd_network *n, const struct qd_network *other)
{
	return n->prefix_bits == other->prefix_bits && qd_address_equal(&n->prefix, &other->prefix);
}

static void set_name(struct qd_network *n, uint32_t number)
{
	if (number == 1)
		(void)snprintf(n->name, sizeof n->name, "%s", n->interface);
	else
		(void)snprintf(n->name, sizeof n->name, "%s-%u", n->interface, number);
}

static void number(struct qd_network *n, bool gateway, struct counted *counted)
{
	n->role = gateway ? QD_NETWORK_BOTH : QD_NETWORK_CLUSTER;
	n->metric = gateway ? QD_METRIC_CLIENT + QD_METRIC_STEP * counted->client++
			    : QD_METRIC_CLUSTER + QD_METRIC_STEP * counted->cluster++;
}

/* How many networks of that interface the list has already; *duplicate: this very one, of whichever interface. */
static uint32_t count_known(const struct qd_networks *out, const struct qd_network *n, bool *duplicate,
			    bool *own)
{
	uint32_t known = 0;
	*duplicate = false;
	*own = false;
	for (uint32_t i = 0; i < out->count; i++) {
		const bool same_interface = strcmp(out->list[i].interface, n->interface) == 0;
		const bool same = is_same_network(&out->list[i], n);
		known += same_interface;
		*duplicate = *duplicate || same;
		*own = *own || (same && same_interface);
	}
	return known;
}

static void add(const struct qd_interfaces *all, const struct qd_interface *i,
		const struct qd_interface_address *a, struct qd_networks *out, struct counted *counted)
{
	const bool loopback = i->kind == QD_INTERFACE_LOOPBACK;
	const uint32_t bits = loopback ? qd_address_bits(&a->address) : a->prefix_bits;
	bool duplicate, own;
	struct qd_network n = {
		.address = a->address,
		.prefix = qd_address_prefix(&a->address, bits),
		.prefix_bits = bits,
		.up = i->running && a->usable,
		.redundant = is_redundant(all, i),
	};
	memcpy(n.interface, i->name, sizeof n.interface);
	const uint32_t known = count_known(out, &n, &duplicate, &own);
	if (duplicate) {
		out->duplicates +=
			!own; /* another address in a prefix of the same interface is nothing special */
		return;
	}
	if (out->count == QD_NETWORKS_MAX) {
		out->left_out++;
		return;
	}
	set_name(&n, known + 1);
	number(&n, i->gateway && !loopback, counted);
	out->list[out->count++] = n;
}

void qd_networks_make(const struct qd_interfaces *interfaces, const struct qd_networks_config *config,
		      struct qd_networks *out)
{
	struct counted counted = {0};
	qd_assert(config->family == AF_INET || config->family == AF_INET6);
	*out = (struct qd_networks){0};
	for (uint32_t k = 0; k < interfaces->count; k++) {
		const struct qd_interface *i = &interfaces->list[k];
		if (is_port(interfaces, i))
			continue;
		for (uint32_t a = 0; a < i->address_count; a++)
			if (is_candidate(config, i, &i->addresses[a]))
				add(interfaces, i, &i->addresses[a], out, &counted);
	}
}

const struct qd_network *qd_networks_find(const struct qd_networks *n, const struct qd_address *local)
{
	for (uint32_t i = 0; i < n->count; i++)
		if (qd_address_equal(&n->list[i].address, local))
			return &n->list[i];
	return NULL;
}

bool qd_networks_same_subnet(const struct qd_networks *n, const struct qd_address *local,
			     const struct qd_address *peer)
{
	if (qd_address_is_loopback(local) && qd_address_is_loopback(peer))
		return true;
	const struct qd_network *network = qd_networks_find(n, local);
	return network != NULL && qd_address_same_prefix(&network->prefix, peer, network->prefix_bits);
}

const char *qd_network_role_name(enum qd_network_role role)
{
	switch (role) {
	case QD_NETWORK_NONE:
		return "none";
	case QD_NETWORK_CLUSTER:
		return "cluster";
	case QD_NETWORK_BOTH:
		return "both";
	case QD_NETWORK_ROLE_COUNT:
		break;
	}
	QD_UNREACHABLE("a role of a network that is none");
}
