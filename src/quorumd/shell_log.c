/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/shell_log.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
	LINE_MAX_BYTES = 640, /* below PIPE_BUF: a pipe that polls writable takes it whole */
};

static struct {
	bool journal; /* standard error is read by journald */
	enum qd_trace_level level;
	uint64_t dropped;
} state = {.level = QD_LEVEL_NOTICE};

void qd_shell_log_level(enum qd_trace_level level)
{
	state.level = level;
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread, and nobody sets variables */
	state.journal = getenv("JOURNAL_STREAM") != NULL;
}

uint64_t qd_shell_log_dropped(void)
{
	return state.dropped;
}

/* syslog's number, and a word for people */
static int priority(enum qd_trace_level level, const char **word)
{
	switch (level) {
	case QD_LEVEL_DEBUG:
		*word = "debug";
		return 7;
	case QD_LEVEL_NOTICE:
		*word = "notice";
		return 5;
	case QD_LEVEL_WARNING:
		*word = "warning";
		return 4;
	case QD_LEVEL_ERROR:
	case QD_LEVEL_COUNT:
		break;
	}
	*word = "error";
	return 3;
}

void qd_shell_log(enum qd_trace_level level, const char *text)
{
	if (level < state.level)
		return;
	char line[LINE_MAX_BYTES];
	const char *word;
	const int number = priority(level, &word);
	int n;
	if (state.journal) {
		n = snprintf(line, sizeof line, "<%d>%s\n", number, text);
	} else {
		struct timespec t = {0};
		struct tm tm = {0};
		(void)clock_gettime(CLOCK_REALTIME, &t); /* for people: nothing is decided by it */
		(void)gmtime_r(&t.tv_sec, &tm);
		n = snprintf(line, sizeof line, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ quorumd %s: %s\n",
			     tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
			     t.tv_nsec / 1000000, word, text);
	}
	if (n < 0)
		return;
	const size_t len = (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
	line[len - 1] = '\n';
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	if (poll(&p, 1, 0) != 1 || write(STDERR_FILENO, line, len) != (ssize_t)len)
		state.dropped++;
}
