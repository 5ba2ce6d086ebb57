/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	LINE_MAX_BYTES = 1024,
};

void qd_log(enum qd_log_level level, const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(line, sizeof line, format, args); /* what does not fit is cut off */
	va_end(args);
	if (getenv("JOURNAL_STREAM") != NULL) /* NOLINT(concurrency-mt-unsafe): nobody sets it here */
		(void)fprintf(stderr, "<%d>%s\n", (int)level, line);
	else
		(void)fprintf(stderr, "quorum-witnessd: %s\n", line);
}
