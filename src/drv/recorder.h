/* SPDX-License-Identifier: Apache-2.0 */
/* The flight recorder: the last traces of the core, every level, in memory, written out as text on request. Allocates
 * once, at start; records without a system call. */
#ifndef QD_DRV_RECORDER_H
#define QD_DRV_RECORDER_H

#include "core/trace.h"

#include <stdint.h>

enum {
	QD_RECORDER_ENTRIES = 8192, /* 320 KiB: some 20 minutes of rounds at renew 300 ms */
};

struct qd_recorder;

/* 0 or -QD_ERR_NOMEM. The caller ends it with qd_recorder_close(). */
int qd_recorder_open(struct qd_recorder **out);
void qd_recorder_close(struct qd_recorder *r);

void qd_recorder_add(struct qd_recorder *r, struct qd_mono at, const struct qd_trace *trace);

/* Write everything that is kept, oldest first, one line a trace ("<seconds since boot> <level> <text>"), into `file`
 * (replaced). 0 or -QD_ERR_IO with errno. Blocks as files do: put it on a memory file system. */
int qd_recorder_dump(const struct qd_recorder *r, const char *file);

#endif
