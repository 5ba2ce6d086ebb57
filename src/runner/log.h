/* SPDX-License-Identifier: Apache-2.0 */
/* Lines to standard error, with the level as journald understands it. It never blocks: a line that cannot be taken
 * at once is dropped and counted, because the lease's deadline does not wait for a log. */
#ifndef QD_RUNNER_LOG_H
#define QD_RUNNER_LOG_H

#include "core/trace.h"

#include <stddef.h>

/* Lines below `level` are not written. Default: QD_LEVEL_NOTICE. */
void qd_log_set_level(enum qd_trace_level level);

void qd_log_line(enum qd_trace_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
