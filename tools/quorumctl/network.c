/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl.h"
#include "quorumd/control_networks.h"

#include <jansson.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { LIMIT_MS = 5000, NOT_CONFIGURED = -1 };

static void on_interfaces(void *context, const struct qd_interfaces *now)
{
	*(struct qd_interfaces *)context = *now;
}

/* What the kernel has, once. 0 or a negative errno. */
static int read_interfaces(struct qd_interfaces *out)
{
	struct qd_loop loop = {0};
	struct qd_interfaces_watch *watch = NULL;
	int rc = qd_loop_open(&loop);
	if (rc == 0)
		rc = qd_interfaces_open(&watch, &loop, on_interfaces, out);
	const struct qd_mono limit = qd_mono_add(qd_clock_now(), qd_span_ms(LIMIT_MS));
	while (rc == 0 && qd_interfaces_list(watch) == NULL) {
		if (qd_mono_reached(qd_clock_now(), limit))
			rc = -ETIMEDOUT;
		if (rc == 0)
			rc = qd_loop_arm(&loop, qd_mono_min(limit, qd_interfaces_deadline(watch)));
		if (rc == 0)
			rc = qd_loop_turn(&loop);
		qd_interfaces_think(watch, qd_clock_now());
	}
	qd_interfaces_close(watch);
	qd_loop_close(&loop);
	return rc;
}

/* The number of the configured network that has this address here. */
static int number_of(const struct qd_conf *conf, const struct qd_network *n)
{
	const struct qd_conf_node *self = &conf->nodes[conf->node_id];
	for (uint32_t i = 0; i < self->address_count; i++) {
		if (qd_address_equal(&self->addresses[i], &n->address))
			return (int)i;
	}
	return NOT_CONFIGURED;
}

struct found {
	const struct qd_networks *networks;
};

static bool same_subnet(void *context, uint32_t network, const struct qd_address *own,
			const struct qd_address *other)
{
	const struct found *f = context;
	(void)network;
	return qd_networks_same_subnet(f->networks, own, other);
}

/* The other nodes on a configured network: who is near, whose heartbeats are the same_subnet ones. */
static json_t *peers_of(const struct qd_conf *conf, int number, const struct qd_networks *networks)
{
	struct found f = {.networks = networks};
	json_t *list = json_array();
	const uint64_t peers = number >= 0 ? conf->members & ~qd_set_of(conf->node_id) : 0;
	for (uint32_t id = qd_set_next(peers, 0); id != 0; id = qd_set_next(peers, id)) {
		const bool near = qd_conf_is_near(conf, id, (uint32_t)number, same_subnet, &f);
		(void)json_array_append_new(list, json_pack("{s:s,s:s}", "node", conf->nodes[id].name,
							    "subnet", near ? "same" : "cross"));
	}
	return list;
}

static json_t *network_of(const struct qd_conf *conf, const struct qd_network *n,
			  const struct qd_networks *networks)
{
	char address[QD_ADDRESS_TEXT_MAX];
	char prefix[QD_ADDRESS_TEXT_MAX];
	const int number = number_of(conf, n);
	qd_address_format(&n->address, address, sizeof(address));
	qd_address_format(&n->prefix, prefix, sizeof(prefix));
	return json_pack("{s:o,s:s,s:s,s:s,s:s,s:i,s:s,s:i,s:b,s:b,s:o}", "network",
			 number == NOT_CONFIGURED ? json_null() : json_integer(number), "name", n->name,
			 "interface", n->interface, "address", address, "prefix", prefix, "prefix_bits",
			 (int)n->prefix_bits, "role", qd_network_role_name(n->role), "metric", (int)n->metric,
			 "up", n->up, "redundant", n->redundant, "peers", peers_of(conf, number, networks));
}

static void add_family(const struct qd_interfaces *interfaces, const struct qd_conf *conf, int family,
		       json_t *list)
{
	static struct qd_networks networks;
	struct qd_networks_config config = qd_control_networks_config(conf);
	config.family = family;
	qd_networks_make(interfaces, &config, &networks);
	for (uint32_t i = 0; i < networks.count; i++)
		(void)json_array_append_new(
			list, network_of(conf, &networks.list[i], &networks)); /* a missing one is seen */
}

static void print_network(const json_t *n)
{
	const json_t *number = json_object_get(n, "network");
	char configured[16] = "-";
	if (json_is_integer(number))
		(void)snprintf(configured, sizeof(configured), "%lld", (long long)json_integer_value(number));
	(void)printf("%-3s %-16s %-8s metric %-6lld %s/%lld%s%s\n", configured,
		     json_string_value(json_object_get(n, "name")),
		     json_string_value(json_object_get(n, "role")),
		     (long long)json_integer_value(json_object_get(n, "metric")),
		     json_string_value(json_object_get(n, "address")),
		     (long long)json_integer_value(json_object_get(n, "prefix_bits")),
		     json_is_true(json_object_get(n, "up")) ? "" : ", down",
		     json_is_true(json_object_get(n, "redundant")) ? ", redundant" : "");
	const json_t *peers = json_object_get(n, "peers");
	for (size_t i = 0; i < json_array_size(peers); i++) {
		const json_t *p = json_array_get(peers, i);
		(void)printf("      to %s: %s subnet\n", json_string_value(json_object_get(p, "node")),
			     json_string_value(json_object_get(p, "subnet")));
	}
}

static int load(const char *file, struct qd_conf *conf)
{
	static struct qd_conf_messages messages;
	const int rc = file != NULL ? qd_conf_load(file, conf, &messages) : 0;
	if (rc != 0)
		qd_conf_messages_print(&messages, stderr);
	return qd_ctl_exit_status(rc);
}

static int run_list(int argc, char **argv)
{
	static struct qd_conf conf;
	static struct qd_interfaces interfaces;
	bool json = false;
	const char *file = NULL;
	const struct qd_ctl_option options[] = {{"--json", &json, NULL}, {"--config", NULL, &file}};
	int status = qd_ctl_options(argc, argv, options, COUNT(options));
	if (status == 0)
		status = load(file, &conf);
	if (status != 0)
		return status;
	const int rc = read_interfaces(&interfaces);
	if (rc != 0) {
		qd_ctl_complain("network list: the kernel does not list its interfaces: %s",
				strerrordesc_np(-rc));
		return qd_ctl_exit_status(QD_ERR_IO);
	}
	json_t *list = json_array();
	if (file == NULL || conf.ipv6 || !conf.has_cluster)
		add_family(&interfaces, &conf, AF_INET6, list);
	if (file == NULL || !conf.ipv6)
		add_family(&interfaces, &conf, AF_INET, list);
	if (json && json_dumpf(list, stdout, JSON_INDENT(2)) == 0)
		(void)fputc('\n', stdout);
	for (size_t i = 0; !json && i < json_array_size(list); i++)
		print_network(json_array_get(list, i));
	json_decref(list);
	return 0;
}

static const struct qd_ctl_command commands[] = {
	{"list", run_list, "[--config FILE] [--json]",
	 "List this machine's networks as the cluster sees them: number in the configuration, name, role\n"
	 "(cluster: nodes alone; both: clients, too; none), metric (lower is better), address.\n\n"
	 "  --config FILE  number them as in this configuration, and show whether the other nodes are in "
	 "the\n"
	 "                 same subnet: then heartbeat.same_subnet_* count, else heartbeat.cross_subnet_*\n"
	 "  --json         as JSON\n"},
};

int qd_ctl_network_run(int argc, char **argv)
{
	return qd_ctl_dispatch("quorumctl network", commands, COUNT(commands), argc, argv);
}
