/* SPDX-License-Identifier: Apache-2.0 */
/* Instants and durations as different types, so that one is never taken for the other. An instant is a
 * reading of this host's CLOCK_BOOTTIME in nanoseconds; it never holds wall-clock time. Pure. */
#ifndef QD_BASE_TIME_H
#define QD_BASE_TIME_H

#include "base/assert.h"

#include <stdbool.h>
#include <stdint.h>

struct qd_mono {
	uint64_t ns; /* since boot; QD_NEVER is later than every real instant */
};

struct qd_span {
	int64_t ns;
};

#define QD_NEVER ((struct qd_mono){UINT64_MAX})
#define QD_MONO_ZERO ((struct qd_mono){0})
#define QD_SPAN_ZERO ((struct qd_span){0})

/* Longest span that arithmetic here accepts (about 146 years): sums of a few stay inside int64_t. */
#define QD_SPAN_MAX_NS (INT64_MAX / 2)

static inline struct qd_span qd_span_ms(int64_t ms)
{
	return (struct qd_span){ms * 1000000};
}

static inline struct qd_span qd_span_us(int64_t us)
{
	return (struct qd_span){us * 1000};
}

static inline int64_t qd_span_to_ms(struct qd_span s)
{
	return s.ns / 1000000;
}

static inline struct qd_span qd_span_add(struct qd_span a, struct qd_span b)
{
	return (struct qd_span){a.ns + b.ns};
}

static inline struct qd_span qd_span_sub(struct qd_span a, struct qd_span b)
{
	return (struct qd_span){a.ns - b.ns};
}

static inline struct qd_span qd_span_div(struct qd_span a, int64_t by)
{
	qd_assert(by > 0);
	return (struct qd_span){a.ns / by};
}

static inline struct qd_span qd_span_mul(struct qd_span a, int64_t by)
{
	return (struct qd_span){a.ns * by};
}

/* t + s. QD_NEVER stays QD_NEVER; an instant before boot becomes the boot. */
static inline struct qd_mono qd_mono_add(struct qd_mono t, struct qd_span s)
{
	if (t.ns == UINT64_MAX)
		return t;
	if (s.ns < 0 && (uint64_t)(-s.ns) > t.ns)
		return QD_MONO_ZERO;
	return (struct qd_mono){t.ns + (uint64_t)s.ns};
}

/* a - b; neither may be QD_NEVER. */
static inline struct qd_span qd_mono_sub(struct qd_mono a, struct qd_mono b)
{
	qd_assert(a.ns != UINT64_MAX && b.ns != UINT64_MAX);
	return (struct qd_span){(int64_t)(a.ns - b.ns)};
}

static inline bool qd_mono_before(struct qd_mono a, struct qd_mono b)
{
	return a.ns < b.ns;
}

/* a is b or later: the form for "the deadline b has come". */
static inline bool qd_mono_reached(struct qd_mono a, struct qd_mono b)
{
	return a.ns >= b.ns;
}

static inline struct qd_mono qd_mono_min(struct qd_mono a, struct qd_mono b)
{
	return a.ns < b.ns ? a : b;
}

static inline struct qd_mono qd_mono_max(struct qd_mono a, struct qd_mono b)
{
	return a.ns > b.ns ? a : b;
}

static inline bool qd_mono_is_never(struct qd_mono t)
{
	return t.ns == UINT64_MAX;
}

#endif
