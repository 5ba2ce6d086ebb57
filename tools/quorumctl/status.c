/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"
#include "ctl.h"
#include "status.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *qd_status_text(const json_t *v, const char *key)
{
	const char *text = json_string_value(json_object_get(v, key));
	return text != NULL ? text : "-";
}

json_int_t qd_status_number(const json_t *v, const char *key)
{
	return json_integer_value(json_object_get(v, key));
}

double qd_status_seconds(const json_t *v, const char *key)
{
	return (double)qd_status_number(v, key) / 1000;
}

static void print_head(const json_t *s)
{
	static const enum qd_ctl_colour colours[] = {QD_CTL_GREEN, QD_CTL_YELLOW, QD_CTL_RED, QD_CTL_RED};
	const json_t *node = json_object_get(s, "node");
	const json_t *owner = json_object_get(s, "owner");
	(void)printf("%sCluster %s%s, node %s (%lld), quorumd %s\n", qd_ctl_colour(QD_CTL_BOLD),
		     qd_status_text(s, "cluster"), qd_ctl_colour(QD_CTL_PLAIN), qd_status_text(node, "name"),
		     (long long)qd_status_number(node, "id"), qd_status_text(s, "version"));
	(void)printf("  health   %s%s%s\n",
		     qd_ctl_colour(colours[qd_ctl_health_status(qd_status_text(s, "health"))]),
		     qd_status_text(s, "health"), qd_ctl_colour(QD_CTL_PLAIN));
	if (!json_is_object(owner)) {
		(void)printf("  owner    nobody\n");
		return;
	}
	(void)printf("  owner    %s (%lld)", qd_status_text(owner, "name"),
		     (long long)qd_status_number(owner, "id"));
	if (json_is_integer(json_object_get(owner, "epoch")))
		(void)printf(", epoch %lld", (long long)qd_status_number(owner, "epoch"));
	(void)printf("%s\n", json_is_true(json_object_get(s, "mine")) ? ", this node" : "");
}

static void print_self(const json_t *s)
{
	const json_t *group = json_object_get(s, "group");
	const json_t *lease = json_object_get(s, "lease");
	const json_t *hold = json_object_get(s, "hold");
	(void)printf("  state    %s, incarnation %lld\n", qd_status_text(s, "state"),
		     (long long)qd_status_number(s, "incarnation"));
	/* Without a quorum disk in a cluster nothing is held back by it. */
	if (strcmp(qd_status_text(hold, "reason"), "none") != 0 &&
	    json_array_size(json_object_get(s, "paths")) > 0)
		(void)printf("           %s\n", qd_status_text(hold, "text"));
	if (json_is_object(group))
		(void)printf("  group    %s: %s%s\n", qd_status_text(group, "name"),
			     qd_status_text(group, "state"),
			     json_is_true(json_object_get(group, "failed")) ? ", failed" : "");
	if (json_is_object(lease))
		(void)printf("  lease    last good round %.1f s ago; without another one the stop begins in "
			     "%.1f s and "
			     "is over in %.1f s\n",
			     qd_status_seconds(lease, "age_ms"), qd_status_seconds(lease, "begin_stop_in_ms"),
			     qd_status_seconds(lease, "stopped_in_ms"));
}

static void print_nodes(const json_t *s)
{
	if (json_is_object(json_object_get(s, "view"))) {
		qd_status_print_nodes(s);
		return;
	}
	const json_t *list = json_object_get(s, "nodes");
	(void)printf("  nodes   ");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *n = json_array_get(list, i);
		(void)printf(" %s (%lld)%s", qd_status_text(n, "name"), (long long)qd_status_number(n, "id"),
			     json_is_true(json_object_get(n, "owner")) ? "*" : "");
	}
	(void)printf("\n");
}

static void print_disk(const json_t *s)
{
	const json_t *disk = json_object_get(s, "disk");
	const json_t *paths = json_object_get(s, "paths");
	if (json_array_size(paths) == 0)
		return; /* there is none */
	if (!json_is_true(json_object_get(disk, "known")))
		(void)printf("  disk     not seen yet\n");
	else if (json_is_true(json_object_get(disk, "reserved")))
		(void)printf("  disk     reserved by key %s (node %lld), %s, unchanged for %.1f s\n",
			     qd_status_text(disk, "holder_key"),
			     (long long)qd_status_number(disk, "holder_node"), qd_status_text(disk, "type"),
			     qd_status_seconds(disk, "seen_ms"));
	else
		(void)printf("  disk     unreserved for %.1f s\n", qd_status_seconds(disk, "seen_ms"));
	for (size_t i = 0; i < json_array_size(paths); i++) {
		const json_t *p = json_array_get(paths, i);
		bool ready = strcmp(qd_status_text(p, "state"), "ready") == 0;
		(void)printf("  path %zu   %s%s%s%s, %lld logins, %lld losses\n", i,
			     qd_ctl_colour(ready ? QD_CTL_GREEN : QD_CTL_RED), qd_status_text(p, "state"),
			     qd_ctl_colour(QD_CTL_PLAIN),
			     json_is_true(json_object_get(p, "beating")) ? ", beats" : "",
			     (long long)qd_status_number(p, "logins"),
			     (long long)qd_status_number(p, "losses"));
	}
}

static void print_protections(const json_t *s)
{
	const json_t *disk = json_object_get(s, "disk");
	if (!json_is_true(json_object_get(disk, "capabilities_known")))
		return;
	/* No command tells beforehand: PREEMPT AND ABORT is sent until a target refuses it. */
	(void)printf("  protects fencing yes, abort of queued writes %s, reservation over power loss %s\n",
		     json_is_true(json_object_get(disk, "preempt_and_abort")) ? "yes (not refused so far)"
									      : "no",
		     json_is_true(json_object_get(disk, "aptpl")) ? "yes" : "no");
}

static void print_status(const json_t *s)
{
	const json_t *warnings = json_object_get(s, "warnings");
	print_head(s);
	qd_status_print_quorum(s);
	print_self(s);
	qd_status_print_margin(s);
	qd_status_print_arbitration(s);
	print_nodes(s);
	qd_status_print_networks(s);
	print_disk(s);
	print_protections(s);
	for (size_t i = 0; i < json_array_size(warnings); i++)
		(void)printf("  %swarning%s  %s\n", qd_ctl_colour(QD_CTL_YELLOW), qd_ctl_colour(QD_CTL_PLAIN),
			     qd_status_text(json_array_get(warnings, i), "text"));
}

struct watch {
	bool json;
};

static bool on_line(void *context, const json_t *s, const char *raw)
{
	const struct watch *w = context;
	if (w->json) {
		(void)puts(raw);
	} else if (json_is_object(json_object_get(s, "error"))) {
		(void)printf("%squorumd cannot be reached%s\n", qd_ctl_colour(QD_CTL_RED),
			     qd_ctl_colour(QD_CTL_PLAIN));
	} else {
		if (isatty(STDOUT_FILENO) == 1)
			(void)fputs("\033[H\033[2J", stdout);
		print_status(s);
	}
	return fflush(stdout) == 0;
}

int qd_ctl_status_run(int argc, char **argv)
{
	bool json = false;
	bool watch = false;
	const char *socket = NULL;
	const struct qd_ctl_option options[] = {
		{"--json", &json, NULL}, {"--watch", &watch, NULL}, {"--socket", NULL, &socket}};
	int status = qd_ctl_options(argc, argv, options, sizeof(options) / sizeof(options[0]));
	if (status != 0)
		return status;
	if (watch) {
		struct watch w = {.json = json};
		return qd_ctl_exit_status(qd_api_stream(socket, "/v1/events", on_line, &w));
	}
	json_t *s = NULL;
	long http = 0;
	status = qd_api_ask(socket, "/v1/status", NULL, &s, &http);
	if (status != 0)
		return QD_CTL_UNREACHABLE;
	if (json && json_dumpf(s, stdout, JSON_INDENT(2)) == 0)
		(void)fputc('\n', stdout);
	if (http != 200)
		status = qd_api_complain(s, http);
	else
		status = qd_ctl_health_status(qd_status_text(s, "health"));
	if (http == 200 && !json)
		print_status(s);
	json_decref(s);
	return status;
}
