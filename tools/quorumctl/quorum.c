/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"
#include "ctl.h"
#include "edit.h"
#include "quorumd/conf_schema.h"
#include "quorumd/conf_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct qd_edit edit;

/* ------------------------------------------------ show */

static const char *name_of(const json_t *node)
{
	const char *name = json_string_value(json_object_get(node, "name"));
	return name != NULL ? name : "nobody";
}

static json_int_t number(const json_t *v, const char *key)
{
	return json_integer_value(json_object_get(v, key));
}

static void print_votes(const json_t *s)
{
	const json_t *list = json_object_get(s, "nodes");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *n = json_array_get(list, i);
		(void)printf("  node     %-20s weight %lld, vote %lld%s\n", name_of(n),
			     (long long)number(n, "weight"), (long long)number(n, "vote"),
			     json_is_false(json_object_get(n, "has_vote"))
				     ? ", its store is not its own: not counted"
				     : "");
	}
}

static void print_quorum(const json_t *s)
{
	const json_t *q = json_object_get(s, "quorum");
	const json_t *extra = json_object_get(q, "extra");
	const json_t *low = json_object_get(q, "lower_priority_node");
	const json_t *forced = json_object_get(q, "forced");
	const char *model = json_string_value(json_object_get(q, "model"));
	(void)printf("  model    %s, dynamic votes %s\n", model != NULL ? model : "?",
		     json_is_true(json_object_get(q, "dynamic")) ? "on" : "off");
	(void)printf("  votes    %lld of %lld are here, %lld are needed: %squorate\n",
		     (long long)number(q, "votes_present"), (long long)number(q, "votes_total"),
		     (long long)number(q, "votes_needed"),
		     json_is_true(json_object_get(q, "quorate")) ? "" : "not ");
	print_votes(s);
	if (json_is_object(extra))
		(void)printf("  %-8s vote %lld, held by %s\n",
			     json_string_value(json_object_get(extra, "kind")),
			     (long long)number(extra, "vote"), name_of(json_object_get(extra, "holder")));
	if (json_is_object(low))
		(void)printf("  lower    node %s loses its vote where halves would tie\n", name_of(low));
	if (json_is_object(forced))
		(void)printf("  forced   on node %s%s\n", name_of(json_object_get(forced, "node")),
			     json_is_true(json_object_get(forced, "over"))
				     ? "; over: more than half of the votes are here"
				     : "");
}

static int run_show(int argc, char **argv)
{
	bool json = false;
	json_t *s = NULL;
	int status = qd_api_show(argc, argv, "/v1/status", &json, &s);
	if (status != 0)
		return status;
	const json_t *q = json_object_get(s, "quorum");
	if (!json_is_object(q)) {
		qd_ctl_complain(
			"quorum show: the nodes have no addresses: the quorum disk alone decides; quorumctl "
			"status shows it");
		status = qd_ctl_exit_status(QD_ERR_UNSUPPORTED);
	} else if (json) {
		qd_api_dump(q);
	} else {
		print_quorum(s);
	}
	json_decref(s);
	return status;
}

/* ------------------------------------------------ set */

struct wanted {
	const char *model;
	const char *dynamic;
	const char *low;
	const char *weights[QD_NODES_MAX];
};

static int set_model(const char *text)
{
	for (uint32_t m = 0; m < QD_MODEL_COUNT; m++) {
		if (strcmp(qd_model_name((enum qd_model)m), text) != 0)
			continue;
		edit.fresh.model = (enum qd_model)m;
		qd_conf_give(&edit.fresh, "quorum.model");
		return 0;
	}
	qd_ctl_complain("quorum set: --model: expected node_majority, node_and_disk, node_and_witness or "
			"disk_only, found \"%s\"",
			text);
	return QD_CTL_USAGE;
}

static int set_dynamic(const char *text)
{
	if (strcmp(text, "on") != 0 && strcmp(text, "off") != 0) {
		qd_ctl_complain("quorum set: --dynamic: expected on or off, found \"%s\"", text);
		return QD_CTL_USAGE;
	}
	edit.fresh.dynamic = strcmp(text, "on") == 0;
	qd_conf_give(&edit.fresh, "quorum.dynamic");
	return 0;
}

/* What is not given is not written. */
static void take_back(const char *key)
{
	size_t count = 0;
	const struct qd_conf_key *schema = qd_conf_schema(&count);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(schema[i].key, key) == 0)
			edit.fresh.given &= ~(UINT64_C(1) << i);
	}
}

static int set_low(const char *text)
{
	if (strcmp(text, "none") == 0) {
		edit.fresh.low = 0;
		take_back("quorum.lower_priority_node");
		return 0;
	}
	edit.fresh.low = qd_edit_node(&edit, text);
	qd_conf_give(&edit.fresh, "quorum.lower_priority_node");
	return edit.fresh.low != 0 ? 0 : qd_ctl_exit_status(QD_ERR_NOT_FOUND);
}

/* NODE=N */
static int set_weight(const char *text)
{
	char name[QD_CONF_NAME_MAX];
	const char *equals = strchr(text, '=');
	uint64_t weight = 0;
	if (equals == NULL || equals == text || (size_t)(equals - text) >= sizeof(name) ||
	    !qd_value_decimal(equals + 1, QD_WEIGHT_MAX, &weight)) {
		qd_ctl_complain("quorum set: --weight: expected NODE=N with N from 0 to 15, found \"%s\"",
				text);
		return QD_CTL_USAGE;
	}
	(void)snprintf(name, sizeof(name), "%.*s", (int)(equals - text), text);
	const uint32_t id = qd_edit_node(&edit, name);
	if (id == 0)
		return qd_ctl_exit_status(QD_ERR_NOT_FOUND);
	edit.fresh.nodes[id].weight = (uint32_t)weight;
	qd_conf_give(&edit.fresh, "nodes");
	return 0;
}

static int set(const struct wanted *w)
{
	int status = qd_edit_open(&edit, NULL);
	if (status != 0)
		return status;
	edit.fresh = edit.conf;
	if (w->model != NULL)
		status = set_model(w->model);
	if (status == 0 && w->dynamic != NULL)
		status = set_dynamic(w->dynamic);
	if (status == 0 && w->low != NULL)
		status = set_low(w->low);
	for (size_t i = 0; status == 0 && i < COUNT(w->weights) && w->weights[i] != NULL; i++)
		status = set_weight(w->weights[i]);
	return status == 0 ? qd_edit_apply_fresh(&edit) : status;
}

static int run_set(int argc, char **argv)
{
	enum { FIXED = 6 };
	static struct wanted w;
	struct qd_ctl_option options[FIXED + QD_NODES_MAX] = {
		{"--yes", &edit.yes, NULL},	  {"--json", &edit.json, NULL},
		{"--socket", NULL, &edit.socket}, {"--model", NULL, &w.model},
		{"--dynamic", NULL, &w.dynamic},  {"--lower-priority", NULL, &w.low},
	};
	for (size_t i = 0; i < QD_NODES_MAX; i++)
		options[FIXED + i] = (struct qd_ctl_option){"--weight", NULL, &w.weights[i]};
	int status = qd_ctl_options(argc, argv, options, COUNT(options));
	edit.command = "quorum set";
	if (status == 0 && w.model == NULL && w.dynamic == NULL && w.low == NULL && w.weights[0] == NULL) {
		qd_ctl_complain(
			"quorum set: expected --model, --dynamic, --lower-priority or --weight; see --help");
		status = QD_CTL_USAGE;
	}
	if (status == 0)
		status = set(&w);
	qd_edit_close(&edit);
	return status;
}

/* ------------------------------------------------ force */

static const char FORCE_TEXT[] =
	"Forcing the quorum lets this node go on alone, whatever votes are missing.\n"
	"\n"
	"  - All other nodes must be OFF: power, not just network. This node cannot find out. A live "
	"majority\n"
	"    elsewhere looks like a dead one; if there is one, both run, and what no disk fences is ruined.\n"
	"  - Choose the node with the newest configuration (quorumctl status shows it). Changes that only "
	"the\n"
	"    lost nodes knew are gone, also those that were reported as done.\n"
	"  - The others can then only join this node and take its configuration over. Their votes come back "
	"as\n"
	"    they join, and it is over when more than half of the configured votes are here.\n"
	"\n"
	"If all others are off, say so: quorumctl quorum force --yes-the-others-are-off\n";

static int report_force(const json_t *answer, long http)
{
	const char *reply = json_string_value(json_object_get(answer, "reply"));
	const char *text = json_string_value(json_object_get(answer, "text"));
	if (json_is_true(json_object_get(answer, "done"))) {
		(void)puts("forced: this node goes on alone; quorumctl status shows when it is quorate");
		return 0;
	}
	if (reply == NULL)
		return qd_api_complain(answer, http);
	if (strcmp(reply, "busy") == 0)
		qd_ctl_complain(
			"quorum force: refused: there is a quorum, or this node is leaving, or another "
			"request is under way: quorumctl why says what is missing");
	else
		qd_ctl_complain("quorum force: %s", text != NULL ? text : reply);
	return strcmp(reply, "busy") == 0 ? qd_ctl_exit_status(QD_ERR_REFUSED) : QD_CTL_DEGRADED;
}

static int run_force(int argc, char **argv)
{
	bool yes = false;
	const char *socket = NULL;
	json_t *answer = NULL;
	long http = 0;
	const struct qd_ctl_option options[] = {{"--yes-the-others-are-off", &yes, NULL},
						{"--socket", NULL, &socket}};
	int status = qd_ctl_options(argc, argv, options, COUNT(options));
	if (status != 0)
		return status;
	if (!yes) {
		(void)fputs(FORCE_TEXT, stderr);
		return QD_CTL_USAGE;
	}
	if (qd_api_ask(socket, "/v1/quorum/force", "{\"confirm\": \"the others are off\"}", &answer, &http) !=
	    0)
		return QD_CTL_UNREACHABLE;
	status = report_force(answer, http);
	json_decref(answer);
	return status;
}

static const struct qd_ctl_command commands[] = {
	{"show", run_show, "[--json] [--socket PATH]",
	 "Show the model, the votes that are here and needed, each node's, and the disk's or witness's.\n\n"
	 "  --json         as JSON\n" QD_CTL_SOCKET_HELP},
	{"set", run_set,
	 "[--model M] [--dynamic on|off] [--lower-priority NODE] [--weight NODE=N] ... [--yes] [--json] "
	 "[--socket PATH]",
	 "Change whose votes count. The cluster stays quorate all the time, or nothing is changed.\n\n"
	 "  --model M      node_majority, node_and_disk, node_and_witness or disk_only\n"
	 "  --dynamic on|off     whether votes follow who is there\n"
	 "  --lower-priority NODE   loses its vote where halves would tie; none: the highest id\n"
	 "  --weight NODE=N      its votes, 0 to 15; may be given several times\n"
	 "  --yes          do not ask\n"
	 "  --json         the differences as JSON\n" QD_CTL_SOCKET_HELP
	 "\nThe configuration is written anew, without its comments. Exit status: as quorumctl config "
	 "apply.\n"},
	{"force", run_force, "--yes-the-others-are-off [--socket PATH]",
	 "Let this node go on alone when the majority is lost for good. Without the option it says what must "
	 "be\n"
	 "made sure of first, and changes nothing.\n\n" QD_CTL_SOCKET_HELP
	 "\nExit status: 0 forced, 64 not confirmed, 77 there is a quorum.\n"},
};

int qd_ctl_quorum_run(int argc, char **argv)
{
	return qd_ctl_dispatch("quorumctl quorum", commands, COUNT(commands), argc, argv);
}
