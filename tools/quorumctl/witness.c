/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"
#include "ctl.h"
#include "status.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static long long number(const json_t *v, const char *key)
{
	return (long long)qd_status_number(v, key);
}

static bool is_known(const json_t *v, const char *key)
{
	return json_is_integer(json_object_get(v, key));
}

/* The name of a node by its number, as the witness knows it. */
static const char *name_of(const json_t *s, json_int_t id)
{
	const json_t *list = json_object_get(s, "nodes");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *n = json_array_get(list, i);
		if (json_integer_value(json_object_get(n, "id")) == id)
			return qd_status_text(n, "name");
	}
	return "?";
}

static void print_way(const json_t *way, bool asked_now)
{
	(void)printf("  %-8s %s: %lld asked, %lld answered", asked_now ? "asks" : "or",
		     qd_status_text(way, "address"), number(way, "asked"), number(way, "answered"));
	if (is_known(way, "rtt_us"))
		(void)printf(", the last %.1f s ago, round trip %.1f ms (worst %.1f ms)",
			     qd_status_seconds(way, "answered_ms"), (double)number(way, "rtt_us") / 1000,
			     (double)number(way, "rtt_worst_us") / 1000);
	(void)printf("\n");
}

static void print_record(const json_t *s, const json_t *r)
{
	const json_t *tag = json_object_get(r, "tag");
	if (!json_is_object(r)) {
		(void)printf("  lock     not known: it has not answered this node yet\n");
		return;
	}
	(void)printf("  cluster  %s\n", qd_status_text(r, "cluster"));
	(void)printf("  said     %s, %.1f s ago\n", qd_status_text(r, "said"),
		     qd_status_seconds(r, "said_ms"));
	if (number(r, "holder") == 0)
		(void)printf("  lock     free");
	else
		(void)printf("  lock     held by %s (%lld)", name_of(s, number(r, "holder")),
			     number(r, "holder"));
	(void)printf(", granted last: epoch %lld", number(r, "epoch"));
	if (number(r, "holder") != 0 && is_known(r, "renewed_ms"))
		(void)printf(", renewed %.1f s ago", qd_status_seconds(r, "renewed_ms"));
	(void)printf("\n  config   %lld.%lld\n", (long long)json_integer_value(json_array_get(tag, 0)),
		     (long long)json_integer_value(json_array_get(tag, 1)));
	if (strcmp(qd_status_text(r, "said"), "unconfirmed") != 0)
		return;
	(void)printf("  store    unconfirmed: it is new, or not provably its own, and grants nothing. It is "
		     "confirmed by\n"
		     "           itself when enough nodes run to be quorate without it.\n");
}

static void print_witness(const json_t *s, const json_t *w)
{
	const json_t *ways = json_object_get(w, "ways");
	const json_t *extra = json_object_get(json_object_get(s, "quorum"), "extra");
	const bool reachable = json_is_true(json_object_get(w, "reachable"));
	const bool share = strcmp(qd_status_text(w, "kind"), "share") == 0;
	(void)printf("  witness  %s, %s%s%s\n", share ? "a directory on a share" : "quorum-witnessd",
		     qd_ctl_colour(reachable ? QD_CTL_GREEN : QD_CTL_RED),
		     reachable ? "answers this node" : "does not answer this node",
		     qd_ctl_colour(QD_CTL_PLAIN));
	if (strcmp(qd_status_text(extra, "kind"), "witness") == 0)
		(void)printf("  vote     %lld\n", number(extra, "vote"));
	else
		(void)printf("  vote     none: the quorum model does not count it\n");
	for (size_t i = 0; i < json_array_size(ways); i++)
		print_way(json_array_get(ways, i), (json_int_t)i == qd_status_number(w, "asks"));
	if (number(w, "hangs_ms") > 0)
		(void)printf("  %shangs%s    for %.1f s\n", qd_ctl_colour(QD_CTL_RED),
			     qd_ctl_colour(QD_CTL_PLAIN), qd_status_seconds(w, "hangs_ms"));
	if (number(w, "refused") + number(w, "dropped") > 0)
		(void)printf("  lost     %lld questions were not taken while it hung, %lld were too old\n",
			     number(w, "refused"), number(w, "dropped"));
	if (json_is_string(json_object_get(w, "why")))
		(void)printf("  because  %s\n", qd_status_text(w, "why"));
	print_record(s, json_object_get(w, "record"));
}

static int run_status(int argc, char **argv)
{
	bool json = false;
	json_t *s = NULL;
	int status = qd_api_show(argc, argv, "/v1/status", &json, &s);
	if (status != 0)
		return status;
	const json_t *w = json_object_get(s, "witness");
	if (!json_is_object(w)) {
		qd_ctl_complain(
			"witness status: none is configured; give witness.addresses or witness.share");
		status = qd_ctl_exit_status(QD_ERR_NOT_FOUND);
	} else {
		if (json)
			qd_api_dump(w);
		else
			print_witness(s, w);
		status = json_is_true(json_object_get(w, "reachable")) ? 0 : QD_CTL_DEGRADED;
	}
	json_decref(s);
	return status;
}

static const struct qd_ctl_command commands[] = {
	{"status", run_status, "[--json] [--socket PATH]",
	 "Show the witness as this node sees it: which one, whether it answers and how fast, who holds its "
	 "lock,\n"
	 "under which epoch, and whether its store is confirmed. quorum-witnessd --status shows the same "
	 "there.\n\n"
	 "  --json         as JSON\n" QD_CTL_SOCKET_HELP
	 "\nExit status: 0 it answers, 1 it does not, 3 the daemon cannot be reached, 66 none is "
	 "configured.\n"},
};

int qd_ctl_witness_run(int argc, char **argv)
{
	return qd_ctl_dispatch("quorumctl witness", commands, COUNT(commands), argc, argv);
}
