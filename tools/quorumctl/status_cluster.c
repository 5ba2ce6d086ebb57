/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl.h"
#include "status.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static long long number(const json_t *v, const char *key)
{
	return (long long)qd_status_number(v, key);
}

/* A share of 1000 as per cent, microseconds as milliseconds. */
static double tenth(const json_t *v, const char *key)
{
	return (double)qd_status_number(v, key) / 10;
}

static double millis(const json_t *v, const char *key)
{
	return (double)qd_status_number(v, key) / 1000;
}

static void print_time(json_int_t unix_s)
{
	const time_t when = (time_t)unix_s;
	struct tm local = {0};
	char text[32] = "?";
	if (localtime_r(&when, &local) != NULL)
		(void)strftime(text, sizeof(text), "%F %T", &local);
	(void)fputs(text, stdout); /* main() looks whether it was written */
}

static void print_extra(const json_t *s)
{
	const json_t *extra = json_object_get(json_object_get(s, "quorum"), "extra");
	const json_t *witness = json_object_get(s, "witness");
	const json_t *holder = json_object_get(extra, "holder");
	if (json_is_object(extra))
		(void)printf("  %-8s vote %lld, held by %s\n",
			     strcmp(qd_status_text(extra, "kind"), "disk") == 0 ? "disk" : "witness",
			     number(extra, "vote"),
			     json_is_object(holder) ? qd_status_text(holder, "name")
						    : "nobody that is known");
	if (json_is_object(witness) && json_is_true(json_object_get(witness, "answers")))
		(void)printf("  witness  last said: %s; it knows configuration %lld.%lld\n",
			     qd_status_text(witness, "verdict"),
			     number(json_object_get(witness, "configuration"), "epoch"),
			     number(json_object_get(witness, "configuration"), "version"));
}

static void print_forced(const json_t *forced)
{
	if (!json_is_object(forced))
		return;
	const bool over = json_is_true(json_object_get(forced, "over"));
	(void)printf("  %sforced%s   on node %s, ", qd_ctl_colour(over ? QD_CTL_PLAIN : QD_CTL_RED),
		     qd_ctl_colour(QD_CTL_PLAIN), qd_status_text(json_object_get(forced, "node"), "name"));
	print_time(qd_status_number(forced, "unix_s"));
	(void)printf("%s\n", over ? "; over: more than half of the votes are here" : "");
}

void qd_status_print_quorum(const json_t *s)
{
	const json_t *q = json_object_get(s, "quorum");
	const json_t *v = json_object_get(s, "view");
	const json_t *leader = json_object_get(v, "leader");
	const json_t *tag = json_object_get(v, "configuration");
	if (!json_is_object(q))
		return;
	const bool quorate = json_is_true(json_object_get(q, "quorate"));
	(void)printf("  quorum   %s%s%s, %s: %lld of %lld votes, %lld needed, dynamic votes %s%s\n",
		     qd_ctl_colour(quorate ? QD_CTL_GREEN : QD_CTL_RED), quorate ? "yes" : "no",
		     qd_ctl_colour(QD_CTL_PLAIN), qd_status_text(q, "model"), number(q, "votes_present"),
		     number(q, "votes_total"), number(q, "votes_needed"),
		     json_is_true(json_object_get(q, "dynamic")) ? "on" : "off",
		     json_is_true(json_object_get(q, "changing")) ? ", being changed" : "");
	print_extra(s);
	(void)printf("  view     %s", qd_status_text(v, "state"));
	if (json_is_object(leader))
		(void)printf(", epoch %lld, led by %s", number(v, "epoch"), qd_status_text(leader, "name"));
	else
		(void)printf(": %s", qd_status_text(v, "wait"));
	(void)printf("\n  config   %lld.%lld, digest %.16s\n", number(tag, "epoch"), number(tag, "version"),
		     qd_status_text(v, "body"));
	print_forced(json_object_get(q, "forced"));
}

static void print_link(const json_t *l)
{
	const bool up = json_is_true(json_object_get(l, "up"));
	const char *name = qd_status_text(l, "name");
	(void)printf(
		"             network %lld%s%s%s %s%s%s, %s subnet, loss %.1f %%, round trip %.1f ms (worst "
		"%.1f ms)",
		number(l, "network"), name[0] != '\0' ? " (" : "", name, name[0] != '\0' ? ")" : "",
		qd_ctl_colour(up ? QD_CTL_GREEN : QD_CTL_RED), up ? "up" : "down",
		qd_ctl_colour(QD_CTL_PLAIN), qd_status_text(l, "subnet"), tenth(l, "lost_permille"),
		millis(l, "rtt_smooth_us"), millis(l, "rtt_worst_us"));
	if (number(l, "metric") > 0)
		(void)printf(", metric %lld", number(l, "metric"));
	if (number(l, "missed") > 0)
		(void)printf(", %lld missed in a row", number(l, "missed"));
	(void)printf("\n");
}

void qd_status_print_nodes(const json_t *s)
{
	const json_t *list = json_object_get(s, "nodes");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *n = json_array_get(list, i);
		const json_t *tag = json_object_get(n, "configuration");
		const json_t *links = json_object_get(n, "links");
		const char *state = qd_status_text(n, "state");
		const bool up = strcmp(state, "up") == 0;
		(void)printf(
			"  node %-3lld %s: %s%s%s%s, weight %lld, vote %lld, incarnation %lld, configuration "
			"%lld.%lld%s%s",
			number(n, "id"), qd_status_text(n, "name"),
			qd_ctl_colour(up ? QD_CTL_GREEN : QD_CTL_RED), state, qd_ctl_colour(QD_CTL_PLAIN),
			json_is_true(json_object_get(n, "paused")) ? ", paused" : "", number(n, "weight"),
			number(n, "vote"), number(n, "incarnation"), number(tag, "epoch"),
			number(tag, "version"), json_is_true(json_object_get(n, "self")) ? ", this node" : "",
			json_is_true(json_object_get(n, "owner")) ? ", leads" : "");
		if (number(n, "replayed") > 0)
			(void)printf(", %lld packets replayed", number(n, "replayed"));
		(void)printf("\n");
		for (size_t k = 0; k < json_array_size(links); k++)
			print_link(json_array_get(links, k));
	}
}

void qd_status_print_networks(const json_t *s)
{
	const json_t *list = json_object_get(s, "networks");
	const json_t *packets = json_object_get(s, "packets");
	static const char *const refused[] = {"length",	 "version", "malformed", "id",
					      "cluster", "key",	    "forged",	 "replayed"};
	long long bad = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *n = json_array_get(list, i);
		const bool open = json_is_true(json_object_get(n, "open"));
		(void)printf("  network %lld %s %s%s%s%s%s, %lld sent, %lld received, %lld dropped, %lld not "
			     "sent\n",
			     number(n, "network"), qd_status_text(n, "address"),
			     qd_ctl_colour(open ? QD_CTL_GREEN : QD_CTL_RED), open ? "open" : "not open",
			     qd_ctl_colour(QD_CTL_PLAIN), open ? "" : ": ",
			     open ? "" : qd_status_text(n, "error"), number(n, "sent"), number(n, "received"),
			     number(n, "dropped"), number(n, "not_sent"));
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		bad += number(packets, refused[i]);
	if (bad == 0)
		return;
	(void)printf("  refused  %lld packets:", bad);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (number(packets, refused[i]) > 0)
			(void)printf(" %s %lld", refused[i], number(packets, refused[i]));
	}
	(void)printf("\n");
}

static void print_histogram(const json_t *list)
{
	if (json_array_size(list) == 0)
		return;
	(void)printf("           took ");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *b = json_array_get(list, i);
		if (json_is_integer(json_object_get(b, "below_us")))
			(void)printf("%s< %.1f ms: %lld", i > 0 ? ", " : "", millis(b, "below_us"),
				     number(b, "count"));
		else
			(void)printf("%slonger: %lld", i > 0 ? ", " : "", number(b, "count"));
	}
	(void)printf("\n");
}

void qd_status_print_margin(const json_t *s)
{
	const json_t *m = json_object_get(s, "margin");
	const bool quorum = strcmp(qd_status_text(m, "by"), "quorum") == 0;
	if (!json_is_integer(json_object_get(m, "age_ms")))
		return;
	(void)printf(
		"  margin   last %s %.1f s ago, %lld more may be missed, then (in %.1f s) the stop begins\n",
		quorum ? "proof of quorum" : "good round", qd_status_seconds(m, "age_ms"),
		number(m, "rounds_left"), qd_status_seconds(m, "begin_stop_in_ms"));
	print_histogram(json_object_get(m, "histogram"));
}

void qd_status_print_arbitration(const json_t *s)
{
	const json_t *a = json_object_get(s, "arbitration");
	const char *reason = qd_status_text(a, "reason");
	if (!json_is_object(a))
		return;
	(void)printf("  decided  ");
	print_time(qd_status_number(a, "unix_ms") / 1000);
	(void)printf(" %s", qd_status_text(a, "text"));
	if (reason[0] != '\0')
		(void)printf(", after: %s", reason);
	(void)printf("\n");
}
