/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/recorder.h"

#include "quorumd/errors.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct entry {
	struct qd_mono at;
	struct qd_trace trace;
};

struct qd_recorder {
	uint64_t count; /* ever */
	struct entry ring[QD_RECORDER_ENTRIES];
};

int qd_recorder_open(struct qd_recorder **out)
{
	*out = calloc(1, sizeof **out);
	return *out != NULL ? 0 : -QD_ERR_NOMEM;
}

void qd_recorder_close(struct qd_recorder *r)
{
	free(r);
}

void qd_recorder_add(struct qd_recorder *r, struct qd_mono at, const struct qd_trace *trace)
{
	r->ring[r->count % QD_RECORDER_ENTRIES] = (struct entry){.at = at, .trace = *trace};
	r->count++;
}

static const char *level_name(enum qd_trace_level level)
{
	switch (level) {
	case QD_LEVEL_DEBUG:
		return "debug";
	case QD_LEVEL_NOTICE:
		return "notice";
	case QD_LEVEL_WARNING:
		return "warning";
	case QD_LEVEL_ERROR:
		return "error";
	case QD_LEVEL_COUNT:
		break;
	}
	return "?";
}

static void print(FILE *to, const struct entry *e)
{
	char text[QD_TRACE_TEXT_MAX];
	(void)qd_trace_format(&e->trace, text, sizeof text);
	(void)fprintf(to, "%llu.%06llu %s %s\n", (unsigned long long)(e->at.ns / 1000000000u),
		      (unsigned long long)(e->at.ns / 1000u % 1000000u),
		      level_name(qd_trace_level_of(e->trace.code)), text);
}

int qd_recorder_dump(const struct qd_recorder *r, const char *file)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *to = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (to == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return -QD_ERR_IO;
	}
	uint64_t first = r->count > QD_RECORDER_ENTRIES ? r->count - QD_RECORDER_ENTRIES : 0;
	for (uint64_t i = first; i < r->count; i++)
		print(to, &r->ring[i % QD_RECORDER_ENTRIES]);
	bool bad = ferror(to) != 0;
	return fclose(to) != 0 || bad ? -QD_ERR_IO : 0;
}
