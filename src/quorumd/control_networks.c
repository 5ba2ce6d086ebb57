/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/control_networks.h"

#include "quorumd/errors.h"

#include <stdlib.h>

struct qd_control_networks {
	struct qd_interfaces_watch *watch;
	struct qd_networks_config config;
	struct qd_networks list;
	qd_control_networks_fn *changed;
	void *context;
};

struct qd_networks_config qd_control_networks_config(const struct qd_conf *conf)
{
	struct qd_networks_config c = {.family = conf->ipv6 ? AF_INET6 : AF_INET};
	const struct qd_conf_node *self = &conf->nodes[conf->node_id];
	for (uint32_t i = 0; i < self->address_count; i++) {
		c.loopback = c.loopback || qd_address_is_loopback(&self->addresses[i]);
		c.link_local = c.link_local || qd_address_is_link_local(&self->addresses[i]);
	}
	return c;
}

static void on_interfaces(void *context, const struct qd_interfaces *now)
{
	struct qd_control_networks *n = context;
	qd_networks_make(now, &n->config, &n->list);
	if (n->changed != NULL)
		n->changed(n->context);
}

int qd_control_networks_open(struct qd_loop *loop, const struct qd_conf *conf,
			     qd_control_networks_fn *changed, void *context, struct qd_control_networks **out)
{
	struct qd_control_networks *n = calloc(1, sizeof(*n));
	*out = NULL;
	if (n == NULL)
		return -QD_ERR_NOMEM;
	n->config = qd_control_networks_config(conf);
	n->changed = changed;
	n->context = context;
	if (qd_interfaces_open(&n->watch, loop, on_interfaces, n) != 0) {
		free(n);
		return -QD_ERR_IO;
	}
	*out = n;
	return 0;
}

void qd_control_networks_close(struct qd_control_networks *n)
{
	if (n == NULL)
		return;
	qd_interfaces_close(n->watch);
	free(n);
}

struct qd_mono qd_control_networks_deadline(const struct qd_control_networks *n)
{
	return qd_interfaces_deadline(n->watch);
}

void qd_control_networks_think(struct qd_control_networks *n, struct qd_mono now)
{
	qd_interfaces_think(n->watch, now);
}

const struct qd_networks *qd_control_networks_list(const struct qd_control_networks *n)
{
	return &n->list;
}
