/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"
#include "ctl.h"
#include "edit.h"
#include "quorumd/conf_value.h"

#include <poll.h>
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
	(void)printf("%s%s%s\n", json_is_true(json_object_get(n, "paused")) ? ", paused" : "",
		     json_is_true(json_object_get(n, "owner")) ? ", leads" : "",
		     json_is_true(json_object_get(n, "self")) ? ", this node" : "");
}

static int run_list(int argc, char **argv)
{
	bool json = false;
	json_t *s = NULL;
	const int status = qd_api_show(argc, argv, "/v1/status", &json, &s);
	if (status != 0)
		return status;
	const json_t *list = json_object_get(s, "nodes");
	if (json)
		qd_api_dump(list);
	for (size_t i = 0; !json && i < json_array_size(list); i++)
		print_node(json_array_get(list, i));
	json_decref(s);
	return 0;
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

/* The configuration in force, and the node of it. The exit status. */
static int open_for(const char *name, uint32_t *id)
{
	const int status = qd_edit_open(&edit, NULL);
	if (status != 0)
		return status;
	*id = qd_edit_node(&edit, name);
	return *id != 0 ? 0 : qd_ctl_exit_status(QD_ERR_NOT_FOUND);
}

static int remove_node(const char *name)
{
	uint32_t id = 0;
	const int status = open_for(name, &id);
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

enum {
	DRAIN_TRIES = 50, /* while a change of votes is under way no leader hands over */
	DRAIN_AGAIN_MS = 200,
};

static int set_paused(const char *name, bool paused)
{
	uint32_t id = 0;
	const int status = open_for(name, &id);
	if (status != 0)
		return status;
	if (edit.conf.nodes[id].paused == paused) {
		(void)printf("node %s is %s already\n", edit.conf.nodes[id].name,
			     paused ? "paused" : "not paused");
		return 0;
	}
	edit.fresh = edit.conf;
	edit.fresh.nodes[id].paused = paused;
	return qd_edit_apply_fresh(&edit);
}

/* Whether the node leads the view, as the asked one knows it. */
static int find_leader(const char *name, bool *leads)
{
	json_t *s = NULL;
	long http = 0;
	if (qd_api_ask(edit.socket, "/v1/status", NULL, &s, &http) != 0)
		return QD_CTL_UNREACHABLE;
	const json_t *leader = json_object_get(json_object_get(s, "view"), "leader");
	const int status = http == 200 ? 0 : qd_api_complain(s, http);
	*leads = json_integer_value(json_object_get(leader, "id")) ==
		 (json_int_t)qd_conf_node_find(&edit.conf, name);
	json_decref(s);
	return status;
}

/* One request to hand over to whoever may run things. *again: it was not the time for it. */
static int ask_handover(bool *again)
{
	json_t *answer = NULL;
	long http = 0;
	*again = false;
	if (qd_api_ask(edit.socket, "/v1/handover", "{\"to\": null}", &answer, &http) != 0)
		return QD_CTL_UNREACHABLE;
	const char *reply = json_string_value(json_object_get(answer, "reply"));
	const char *text = json_string_value(json_object_get(answer, "text"));
	int status = QD_CTL_DEGRADED;
	if (reply == NULL)
		status = qd_api_complain(answer, http);
	else if (json_is_true(json_object_get(answer, "done")))
		status = 0;
	else if (strcmp(reply, "busy") == 0 || strcmp(reply, "not-owner") == 0)
		*again = true;
	else if (strcmp(reply, "no-such-node") == 0)
		qd_ctl_complain("node pause: it is paused, but not drained: no other member may take over "
				"what it runs; what runs there goes on");
	else
		qd_ctl_complain("node pause: it is paused, but not drained: %s", text != NULL ? text : reply);
	json_decref(answer);
	return status;
}

/* Only the leader runs things. When it has handed over, everything of it has stopped. */
static int drain(const char *name)
{
	int status = 0;
	for (int i = 0; i < DRAIN_TRIES; i++) {
		bool again = false;
		bool leads = false;
		status = find_leader(name, &leads);
		if (status == 0 && leads)
			status = ask_handover(&again);
		if (!again) {
			if (status == 0 && !edit.json)
				(void)puts("drained: nothing of the group runs there");
			return status;
		}
		(void)poll(NULL, 0, DRAIN_AGAIN_MS); /* a pause; a signal may end it early */
	}
	qd_ctl_complain("node pause: it is paused, but not drained: another change or hand-over is under "
			"way: ask again");
	return status;
}

static int run_pause(int argc, char **argv)
{
	bool wants_drain = false;
	const char *name = NULL;
	const struct qd_ctl_option options[] = {{NULL, NULL, &name},
						{"--drain", &wants_drain, NULL},
						{"--json", &edit.json, NULL},
						{"--socket", NULL, &edit.socket}};
	int status = qd_ctl_options(argc, argv, options, COUNT(options));
	edit.command = "node pause";
	edit.yes = true; /* it loses nothing, and resume takes it back */
	if (status == 0 && name == NULL) {
		qd_ctl_complain("node pause: expected a name or an id of the configuration");
		status = QD_CTL_USAGE;
	}
	if (status == 0)
		status = set_paused(name, true);
	if (status == 0 && wants_drain)
		status = drain(name);
	qd_edit_close(&edit);
	return status;
}

static int run_resume(int argc, char **argv)
{
	const char *name = NULL;
	const struct qd_ctl_option options[] = {
		{NULL, NULL, &name}, {"--json", &edit.json, NULL}, {"--socket", NULL, &edit.socket}};
	int status = qd_ctl_options(argc, argv, options, COUNT(options));
	edit.command = "node resume";
	edit.yes = true;
	if (status == 0 && name == NULL) {
		qd_ctl_complain("node resume: expected a name or an id of the configuration");
		status = QD_CTL_USAGE;
	}
	if (status == 0)
		status = set_paused(name, false);
	qd_edit_close(&edit);
	return status;
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
	{"pause", run_pause, "NODE [--drain] [--json] [--socket PATH]",
	 "Keep a node from starting anything while it stays a member and votes. It lasts, over restarts, "
	 "until "
	 "it is\nresumed. What runs there goes on.\n\n"
	 "  --drain        hand what runs there over to a member that is not paused, and wait for it\n"
	 "  --json         the differences as JSON\n" QD_CTL_SOCKET_HELP
	 "\nThe configuration is written anew, without its comments. Exit status: as quorumctl config apply; "
	 "1 it is\npaused, but what runs there could not be handed over.\n"},
	{"resume", run_resume, "NODE [--json] [--socket PATH]",
	 "End a pause.\n\n"
	 "  --json         the differences as JSON\n" QD_CTL_SOCKET_HELP
	 "\nThe configuration is written anew, without its comments. Exit status: as quorumctl config "
	 "apply.\n"},
};

int qd_ctl_node_run(int argc, char **argv)
{
	return qd_ctl_dispatch("quorumctl node", commands, COUNT(commands), argc, argv);
}
