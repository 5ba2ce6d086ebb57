/* SPDX-License-Identifier: Apache-2.0 */
/* One line for each transition and each decision, with its why. The numbers are recorded in the step; the text is
 * made here, is stable, and is what golden traces, `quorumctl log` and the simulator show. Pure. */
#ifndef QD_CORE_TRACE_H
#define QD_CORE_TRACE_H

#include "base/time.h"

#include <stddef.h>
#include <stdint.h>

/* X(name, level, text): {a} {b} {c} are replaced by the numbers: {a:x} hexadecimal key, {a:d} decimal,
 * {a:ms} nanoseconds as milliseconds, {a:node} a node id, {a:outcome} enum qd_outcome, {a:state} arbiter state. */
#include "core/trace_list.h"

enum qd_trace_level {
	QD_LEVEL_DEBUG = 0, /* flight recorder only */
	QD_LEVEL_NOTICE,    /* a state change that an administrator may want to know */
	QD_LEVEL_WARNING,   /* a protection is missing or used up; it works on */
	QD_LEVEL_ERROR,	    /* somebody must act */
	QD_LEVEL_COUNT,
};

#define QD_TRACE_ENUM(name, level, text) QD_TRACE_##name,
enum qd_trace_code { QD_TRACES(QD_TRACE_ENUM) QD_TRACE_COUNT };
#undef QD_TRACE_ENUM

struct qd_trace {
	enum qd_trace_code code;
	uint64_t a;
	uint64_t b;
	uint64_t c;
};

enum {
	QD_TRACE_TEXT_MAX = 256, /* longest line with its NUL */
};

/* Write the line (NUL-terminated, cut at cap_bytes) and return its length without the NUL. */
size_t qd_trace_format(const struct qd_trace *trace, char *to, size_t cap_bytes);
enum qd_trace_level qd_trace_level_of(enum qd_trace_code code);
const char *qd_trace_name(enum qd_trace_code code);

#endif
