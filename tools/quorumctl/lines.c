/* SPDX-License-Identifier: Apache-2.0 */
#include "lines.h"

#include "api.h"
#include "ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WAIT_S = 15 }; /* for new lines, in one request; quorum-api allows 20 */

int qd_lines_options(struct qd_lines *l, int argc, char **argv)
{
	const char *since = NULL;
	const struct qd_ctl_option options[] = {{"--since", NULL, &since},
						{"--follow", &l->follow, NULL},
						{"--json", &l->json, NULL},
						{"--socket", NULL, &l->socket}};
	int status = qd_ctl_options(argc, argv, options, sizeof(options) / sizeof(options[0]));
	if (status != 0 || since == NULL)
		return status;
	char *end = NULL;
	errno = 0;
	l->next = strtoll(since, &end, 10);
	if (errno == 0 && l->next >= 0 && end != since && *end == '\0')
		return 0;
	qd_ctl_complain("%s: --since: expected the number of a line, found \"%s\"", argv[0], since);
	return QD_CTL_USAGE;
}

static void print_line(const json_t *line, bool json)
{
	json_int_t unix_ms = json_integer_value(json_object_get(line, "unix_ms"));
	const char *level = json_string_value(json_object_get(line, "level"));
	const char *text = json_string_value(json_object_get(line, "text"));
	time_t seconds = (time_t)(unix_ms / 1000);
	struct tm local = {0};
	char when[32] = "";
	if (json) {
		if (json_dumpf(line, stdout, JSON_COMPACT) == 0)
			(void)fputc('\n', stdout);
		return;
	}
	if (localtime_r(&seconds, &local) != NULL)
		(void)strftime(when, sizeof(when), "%F %T", &local);
	(void)printf("%s.%03d %-7s %s\n", when, (int)(unix_ms % 1000), level != NULL ? level : "?",
		     text != NULL ? text : "");
}

/* One batch from l->next on. 0: there was nothing new; 1: there was; negative: the exit status, negated. */
static int print_batch(struct qd_lines *l, int wait_s)
{
	char path[96];
	json_t *batch = NULL;
	long http = 0;
	(void)snprintf(path, sizeof(path), "/v1/log?since=%lld&least=%s&wait=%d", (long long)l->next,
		       l->least, wait_s);
	if (qd_api_ask(l->socket, path, NULL, &batch, &http) != 0)
		return -QD_CTL_UNREACHABLE;
	if (http != 200) {
		int status = qd_api_complain(batch, http);
		json_decref(batch);
		return -status;
	}
	const json_t *lines = json_object_get(batch, "lines");
	json_int_t first = json_integer_value(json_object_get(batch, "first"));
	if (l->next > 0 && first > l->next)
		qd_ctl_complain("lines %lld to %lld are no longer kept", (long long)l->next,
				(long long)first - 1);
	for (size_t i = 0; i < json_array_size(lines); i++)
		print_line(json_array_get(lines, i), l->json);
	bool any = json_array_size(lines) > 0;
	l->next = json_integer_value(json_object_get(batch, "next"));
	json_decref(batch);
	return any ? 1 : 0;
}

int qd_lines_print(struct qd_lines *l)
{
	int wait_s = 0;
	for (;;) {
		int got = print_batch(l, wait_s);
		if (got < 0)
			return -got;
		if (got > 0 && wait_s == 0)
			continue;
		if (!l->follow || fflush(stdout) != 0)
			return 0;
		wait_s = WAIT_S;
	}
}
