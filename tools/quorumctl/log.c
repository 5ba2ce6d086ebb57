/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"
#include "ctl.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { FOLLOW_MS = 300 };

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

/* One batch from *next on. 0: there was nothing new; 1: there was; negative: the exit status, negated. */
static int print_batch(const char *socket, json_int_t *next, bool json)
{
	char path[64];
	json_t *batch = NULL;
	long http = 0;
	(void)snprintf(path, sizeof(path), "/v1/log?since=%lld", (long long)*next);
	if (qd_api_ask(socket, path, NULL, &batch, &http) != 0)
		return -QD_CTL_UNREACHABLE;
	if (http != 200) {
		int status = qd_api_complain(batch, http);
		json_decref(batch);
		return -status;
	}
	const json_t *lines = json_object_get(batch, "lines");
	json_int_t first = json_integer_value(json_object_get(batch, "first"));
	if (*next > 0 && first > *next)
		qd_ctl_complain("lines %lld to %lld are no longer kept", (long long)*next,
				(long long)first - 1);
	for (size_t i = 0; i < json_array_size(lines); i++)
		print_line(json_array_get(lines, i), json);
	bool any = json_array_size(lines) > 0;
	*next = json_integer_value(json_object_get(batch, "next"));
	json_decref(batch);
	return any ? 1 : 0;
}

int qd_ctl_log_run(int argc, char **argv)
{
	const char *socket = NULL;
	const char *since = NULL;
	bool follow = false;
	bool json = false;
	const struct qd_ctl_option options[] = {{"--since", NULL, &since},
						{"--follow", &follow, NULL},
						{"--json", &json, NULL},
						{"--socket", NULL, &socket}};
	int status = qd_ctl_options(argc, argv, options, sizeof(options) / sizeof(options[0]));
	if (status != 0)
		return status;
	char *end = NULL;
	json_int_t next = since != NULL ? strtoll(since, &end, 10) : 0;
	if (since != NULL && (next < 0 || end == since || *end != '\0')) {
		qd_ctl_complain("log: --since: expected the number of a line, found \"%s\"", since);
		return QD_CTL_USAGE;
	}
	for (;;) {
		int got = print_batch(socket, &next, json);
		if (got < 0)
			return -got;
		if (got > 0)
			continue;
		if (!follow || fflush(stdout) != 0)
			return 0;
		(void)poll(NULL, 0, FOLLOW_MS); /* a pause; a signal may end it early */
	}
}
