/* SPDX-License-Identifier: Apache-2.0 */
/* One description of a message for both directions: the same walk over its fields writes them or reads them, so the
 * two cannot differ. Little-endian; texts are a length and their bytes. A walk that ran over its end, or met a value
 * that cannot be, stays failed. Pure. */
#ifndef QD_QUORUMD_CONTROL_FIELDS_H
#define QD_QUORUMD_CONTROL_FIELDS_H

#include "base/bytes.h"
#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct qd_fields {
	bool reading;
	bool invalid; /* a value that no writer writes */
	struct qd_reader r;
	struct qd_writer w;
};

static inline struct qd_fields qd_fields_reading(const uint8_t *data, size_t len_bytes)
{
	return (struct qd_fields){.reading = true, .r = qd_reader_make(data, len_bytes)};
}

static inline struct qd_fields qd_fields_writing(uint8_t *data, size_t cap_bytes)
{
	return (struct qd_fields){.w = qd_writer_make(data, cap_bytes)};
}

/* Everything was there and nothing is left over. */
static inline bool qd_fields_read_all(const struct qd_fields *f)
{
	return !f->invalid && !f->r.failed && f->r.at == f->r.len_bytes;
}

/* Bytes written, 0 when they did not fit. */
static inline size_t qd_fields_written(const struct qd_fields *f)
{
	return f->w.failed || f->invalid ? 0 : f->w.at;
}

static inline uint64_t qd_field_number(struct qd_fields *f, uint64_t v, size_t width_bytes)
{
	if (f->reading)
		return qd_read_le(&f->r, width_bytes);
	qd_write_le(&f->w, width_bytes, v);
	return v;
}

static inline void qd_field_u64(struct qd_fields *f, uint64_t *v)
{
	*v = qd_field_number(f, *v, 8);
}

static inline void qd_field_i64(struct qd_fields *f, int64_t *v)
{
	*v = (int64_t)qd_field_number(f, (uint64_t)*v, 8);
}

static inline void qd_field_u32(struct qd_fields *f, uint32_t *v)
{
	*v = (uint32_t)qd_field_number(f, *v, 4);
}

static inline void qd_field_bool(struct qd_fields *f, bool *v)
{
	uint64_t n = qd_field_number(f, *v ? 1 : 0, 1);
	f->invalid = f->invalid || n > 1;
	*v = n == 1;
}

/* A value below `count`: enumerations, as x = (enum e)qd_field_below(f, (uint32_t)x, E_COUNT). */
static inline uint32_t qd_field_below(struct qd_fields *f, uint32_t v, uint32_t count)
{
	uint32_t n = (uint32_t)qd_field_number(f, v, 4);
	if (n < count)
		return n;
	f->invalid = true;
	return 0;
}

static inline void qd_field_mono(struct qd_fields *f, struct qd_mono *v)
{
	qd_field_u64(f, &v->ns);
}

static inline void qd_field_span(struct qd_fields *f, struct qd_span *v)
{
	qd_field_i64(f, &v->ns);
}

static inline void qd_field_bytes(struct qd_fields *f, uint8_t *v, size_t len_bytes)
{
	if (f->reading)
		qd_read_copy(&f->r, v, len_bytes);
	else
		qd_write_copy(&f->w, v, len_bytes);
}

/* A NUL-terminated text in an array of cap_bytes. */
static inline void qd_field_text(struct qd_fields *f, char *v, size_t cap_bytes)
{
	if (!f->reading) {
		const char *end = memchr(v, 0, cap_bytes);
		size_t len = end != NULL ? (size_t)(end - v) : cap_bytes - 1;
		qd_write_le(&f->w, 2, len);
		qd_write_copy(&f->w, (const uint8_t *)v, len);
		return;
	}
	size_t len = (size_t)qd_read_le(&f->r, 2);
	memset(v, 0, cap_bytes);
	if (len >= cap_bytes) {
		f->invalid = true;
		return;
	}
	const uint8_t *from = qd_read_span(&f->r, len);
	if (from == NULL)
		return;
	f->invalid = f->invalid || memchr(from, 0, len) != NULL;
	memcpy(v, from, len);
}

#endif
