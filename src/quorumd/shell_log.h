/* SPDX-License-Identifier: Apache-2.0 */
/* Lines to standard error, with the level as journald understands it when it is the reader. Never blocks: a line that
 * cannot be taken at once is dropped and counted, because a renewal does not wait for a log.
 * error: somebody must act; warning: a protection is missing or used up; notice: a state change; debug: recorder only
 * unless asked for. */
#ifndef QD_QUORUMD_SHELL_LOG_H
#define QD_QUORUMD_SHELL_LOG_H

#include "core/trace.h"

#include <stdint.h>

void qd_shell_log_level(enum qd_trace_level level); /* lines below are not written; default NOTICE */
void qd_shell_log(enum qd_trace_level level, const char *text);
uint64_t qd_shell_log_dropped(void);

#endif
