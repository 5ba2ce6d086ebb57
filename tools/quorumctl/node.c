/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"
#include "ctl.h"
#include "edit.h"
#include "quorumd/conf_value.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct qd_edit edit;

/* ------------------------------------------------ list */

static void print_node(const json_t *n)
{
	const char *state = json_string_value(json_object_get(n, "state"));
	const char *name = json_string_value(json_object_get(n, "name"));
	(void)printf("%3lld  %-20s %-8s", (long long)json_integer_value(json_object_get(n, "id")),
		     name != NULL ? name : "?", state != NULL ? state : "-");
	if (state != NULL)
		(void)printf(" weight %lld, vote %lld",
			     (long long)json_integer_value(json_object_get(n, "weight")),
			     (long long)json_integer_value(json_object_get(n, "vote")));
	(void)printf("%s%s\n", json_is_true(json_object_get(n, "owner")) ? ", leads" : "",
		     json_is_true(json_object_get(n, "self")) ? ", this node" : "");
}

static int run_list(int argc, char **argv)
{
	bool json = false;
	const char *socket = NULL;
	json_t *s = NULL;
	long http = 0;
	const struct qd_ctl_option options[] = {{"--json", &json, NULL}, {"--socket", NULL, &socket}};
	int status = qd_ctl_options(argc, argv, options, COUNT(options));
	if (status != 0)
		return status;
	if (qd_api_ask(socket, "/v1/status", NULL, &s, &http) != 0)
		return QD_CTL_UNREACHABLE;
	const json_t *list = json_object_get(s, "nodes");
	if (http != 200)
		status = qd_api_complain(s, http);
	else if (json && json_dumpf(list, stdout, JSON_INDENT(2)) == 0)
		(void)fputc('\n', stdout);
	for (size_t i = 0; http == 200 && !json && i < json_array_size(list); i++)
		print_node(json_array_get(list, i));
	json_decref(s);
	return status;
}

/* ------------------------------------------------ add, remove */

enum { ADD_PLACES = 2 + QD_LINKS_MAX };

static int take_addresses(struct qd_conf_node *node, const char *const *texts)
{
	for (; node->address_count < QD_LINKS_MAX && texts[node->address_count] != NULL;
	     node->address_count++) {
		const char *text = texts[node->address_count];
		if (!qd_address_parse(text, &node->addresses[node->address_count])) {
			qd_ctl_complain("node add: expected an IPv4 or IPv6 address, found \"%s\"", text);
			return QD_CTL_USAGE;
		}
	}
	return 0;
}

/* What the schema cannot see, because it would not be there any more. */
static int refuse_add(const char *name, uint64_t id, uint32_t address_count)
{
	if (edit.conf.nodes[id].name[0] != '\0') {
		qd_ctl_complain(
			"node add: id %u is that of node %s: take another one; an id is never used again "
			"for another machine",
			(unsigned)id, edit.conf.nodes[id].name);
		return QD_CTL_USAGE;
	}
	for (uint32_t other = QD_NODE_ID_MIN; other <= QD_NODE_ID_MAX; other++) {
		if (strcmp(edit.conf.nodes[other].name, name) == 0) {
			qd_ctl_complain("node add: there is a node %s already, with id %u", name, other);
			return QD_CTL_USAGE;
		}
	}
	if (address_count == edit.conf.network_count)
		return 0;
	qd_ctl_complain(
		"node add: expected %u addresses, one on each network as the other nodes have, found %u",
		edit.conf.network_count, address_count);
	return QD_CTL_USAGE;
}

static int add(const char *name, const char *id_text, const char *const *addresses, const char *weight_text)
{
	struct qd_conf_node node = {.weight = 1};
	uint64_t id = 0;
	uint64_t weight = 1;
	if (name == NULL || id_text == NULL || !qd_value_decimal(id_text, QD_NODE_ID_MAX, &id) ||
	    id < QD_NODE_ID_MIN) {
		qd_ctl_complain("node add: expected a name, an id from 1 to 64 and addresses; see --help");
		return QD_CTL_USAGE;
	}
	if (weight_text != NULL && !qd_value_decimal(weight_text, QD_WEIGHT_MAX, &weight)) {
		qd_ctl_complain("node add: --weight: expected a number from 0 to 15, found \"%s\"",
				weight_text);
		return QD_CTL_USAGE;
	}
	if (!qd_value_is_name(name, sizeof(node.name) - 1)) {
		qd_ctl_complain(
			"node add: expected a name of 1 to 63 letters, digits, '.', '_' or '-', found \"%s\"",
			name);
		return QD_CTL_USAGE;
	}
	int status = take_addresses(&node, addresses);
	if (status == 0)
		status = qd_edit_open(&edit, NULL);
	if (status == 0)
		status = refuse_add(name, id, node.address_count);
	if (status != 0)
		return status;
	(void)snprintf(node.name, sizeof(node.name), "%s", name);
	node.weight = (uint32_t)weight;
	edit.fresh = edit.conf;
	edit.fresh.nodes[id] = node;
	edit.fresh.members |= qd_set_of((uint32_t)id);
	return qd_edit_apply_fresh(&edit);
}

static int run_add(int argc, char **argv)
{
	const char *plain[ADD_PLACES + 1] = {NULL};
	const char *weight = NULL;
	struct qd_ctl_option options[ADD_PLACES + 4] = {{"--yes", &edit.yes, NULL},
							{"--json", &edit.json, NULL},
							{"--socket", NULL, &edit.socket},
							{"--weight", NULL, &weight}};
	for (size_t i = 0; i < ADD_PLACES; i++)
		options[4 + i] = (struct qd_ctl_option){NULL, NULL, &plain[i]};
	int status = qd_ctl_options(argc, argv, options, COUNT(options));
	edit.command = "node add";
	if (status == 0)
		status = add(plain[0], plain[1], plain + 2, weight);
	qd_edit_close(&edit);
	return status;
}

static int remove_node(const char *name)
{
	int status = qd_edit_open(&edit, NULL);
	const uint32_t id = status == 0 ? qd_edit_node(&edit, name) : 0;
	if (status == 0 && id == 0)
		status = qd_ctl_exit_status(QD_ERR_NOT_FOUND);
	if (status != 0)
		return status;
	edit.fresh = edit.conf;
	edit.fresh.nodes[id] = (struct qd_conf_node){0};
	edit.fresh.members &= ~qd_set_of(id);
	if (edit.fresh.low == id) {
		qd_ctl_complain(
			"node remove: quorum.lower_priority_node names node %s: \"quorumctl quorum set "
			"--lower-priority none\" first",
			name);
		return qd_ctl_exit_status(QD_ERR_REFUSED);
	}
	return qd_edit_apply_fresh(&edit);
}

static int run_remove(int argc, char **argv)
{
	const char *name = NULL;
	const struct qd_ctl_option options[] = {{NULL, NULL, &name},
						{"--yes", &edit.yes, NULL},
						{"--json", &edit.json, NULL},
						{"--socket", NULL, &edit.socket}};
	int status = qd_ctl_options(argc, argv, options, COUNT(options));
	edit.command = "node remove";
	if (status == 0 && name == NULL) {
		qd_ctl_complain("node remove: expected a name or an id of the configuration");
		status = QD_CTL_USAGE;
	}
	if (status == 0)
		status = remove_node(name);
	qd_edit_close(&edit);
	return status;
}

/* ------------------------------------------------ pause, resume */

/* A node that is a member and yet runs nothing is not known to this release's core. */
static int refuse_pause(const char *command)
{
	qd_ctl_complain(
		"node %s: not in this release: a member cannot be kept from running the group. "
		"\"quorumctl handover NODE\" moves it away; \"systemctl stop quorumd\" on the node hands its "
		"vote over and leaves in order",
		command);
	return qd_ctl_exit_status(QD_ERR_UNSUPPORTED);
}

static int run_pause(int argc, char **argv)
{
	bool drain = false;
	const char *name = NULL;
	const struct qd_ctl_option options[] = {{NULL, NULL, &name}, {"--drain", &drain, NULL}};
	const int status = qd_ctl_options(argc, argv, options, COUNT(options));
	return status != 0 ? status : refuse_pause(argv[0]);
}

#define EDIT_HELP                                                                                            \
	"  --yes          do not ask\n"                                                                      \
	"  --json         the differences as JSON\n" QD_CTL_SOCKET_HELP                                      \
	"\nThe configuration is written anew, without its comments. Exit status: as quorumctl config "       \
	"apply.\n"

static const struct qd_ctl_command commands[] = {
	{"list", run_list, "[--json] [--socket PATH]",
	 "List the nodes of the configuration: id, name, state, weight, present vote.\n\n"
	 "  --json         as JSON, with the links to each\n" QD_CTL_SOCKET_HELP},
	{"add", run_add, "NAME ID ADDRESS ... [--weight N] [--yes] [--json] [--socket PATH]",
	 "Add a node to the configuration: one address on each network, in the order of the networks.\n"
	 "Then bring key file and configuration to it and start quorumd there.\n\n"
	 "  --weight N     its votes, 0 to 15 (default 1)\n" EDIT_HELP},
	{"remove", run_remove, "NODE [--yes] [--json] [--socket PATH]",
	 "Take a node out of the configuration. Stop quorumd there first: then it hands its vote "
	 "over.\n\n" EDIT_HELP},
	{"pause", run_pause, "[NODE] [--drain]",
	 "Keep a node from running the group while it stays a member. Not in this release: refused with "
	 "69.\n"},
	{"resume", run_pause, "[NODE]", "End a pause. Not in this release: refused with 69.\n"},
};

int qd_ctl_node_run(int argc, char **argv)
{
	return qd_ctl_dispatch("quorumctl node", commands, COUNT(commands), argc, argv);
}
