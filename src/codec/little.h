/* SPDX-License-Identifier: Apache-2.0 */
/* One number of a format of ours: little-endian, so many bytes wide (1..8), at a place that has room for it. Pure. */
#ifndef QD_CODEC_LITTLE_H
#define QD_CODEC_LITTLE_H

#include "base/bytes.h"

/* The value fits, or what is above the width is left out. */
static inline void qd_little_put(uint8_t *at, size_t width_bytes, uint64_t value)
{
	struct qd_writer w = qd_writer_make(at, width_bytes);
	qd_write_le(&w, width_bytes, value);
	qd_assert(!w.failed);
}

static inline uint64_t qd_little_get(const uint8_t *at, size_t width_bytes)
{
	struct qd_reader r = qd_reader_make(at, width_bytes);
	return qd_read_le(&r, width_bytes);
}

#endif
