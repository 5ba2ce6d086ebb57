/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/log.h"

#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_BYTES = 1024 };

_Static_assert(LINE_BYTES <= PIPE_BUF, "a pipe that polls writable takes a whole line");

struct log_state {
	enum qd_trace_level level;
	uint64_t dropped_count;
};

static struct log_state state = {.level = QD_LEVEL_NOTICE};

void qd_log_set_level(enum qd_trace_level level)
{
	state.level = level;
}

static int priority(enum qd_trace_level level)
{
	switch (level) {
	case QD_LEVEL_DEBUG:
		return 7;
	case QD_LEVEL_NOTICE:
		return 5;
	case QD_LEVEL_WARNING:
		return 4;
	case QD_LEVEL_ERROR:
	case QD_LEVEL_COUNT:
		break;
	}
	return 3;
}

static void put(const char *line, int len)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	if (len <= 0 || poll(&p, 1, 0) != 1 || (p.revents & POLLOUT) == 0 ||
	    write(STDERR_FILENO, line, (size_t)len) != len)
		state.dropped_count++;
}

void qd_log_line(enum qd_trace_level level, const char *format, ...)
{
	char text[LINE_BYTES - 64];
	char line[LINE_BYTES];
	va_list args;
	if (level < state.level)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args); /* cut off is better than none */
	va_end(args);
	if (state.dropped_count > 0) {
		uint64_t dropped = state.dropped_count;
		state.dropped_count = 0;
		put(line, snprintf(line, sizeof(line), "<4>quorum-runner: %ju lines were dropped\n",
				   (uintmax_t)dropped));
	}
	put(line, snprintf(line, sizeof(line), "<%d>quorum-runner: %s\n", priority(level), text));
}
