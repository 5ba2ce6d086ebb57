/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds-checked reading and writing of byte strings, big-endian as SCSI has it and little-endian for our
 * own disk format. A cursor that ran over its end stays failed and yields zeros, so that a parser checks
 * once, at its end. Pure. */
#ifndef QD_BASE_BYTES_H
#define QD_BASE_BYTES_H

#include "base/assert.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct qd_reader {
	const uint8_t *data; /* borrowed */
	size_t len_bytes;
	size_t at;
	bool failed;
};

struct qd_writer {
	uint8_t *data; /* borrowed */
	size_t cap_bytes;
	size_t at;
	bool failed;
};

static inline struct qd_reader qd_reader_make(const uint8_t *data, size_t len_bytes)
{
	return (struct qd_reader){.data = data, .len_bytes = len_bytes};
}

static inline struct qd_writer qd_writer_make(uint8_t *data, size_t cap_bytes)
{
	return (struct qd_writer){.data = data, .cap_bytes = cap_bytes};
}

static inline size_t qd_reader_left(const struct qd_reader *r)
{
	return r->failed ? 0 : r->len_bytes - r->at;
}

/* The next len_bytes, or NULL (and the reader failed) when there are fewer. */
static inline const uint8_t *qd_read_span(struct qd_reader *r, size_t len_bytes)
{
	if (r->failed || r->len_bytes - r->at < len_bytes) {
		r->failed = true;
		return NULL;
	}
	const uint8_t *p = r->data + r->at;
	r->at += len_bytes;
	return p;
}

static inline uint64_t qd_read_be(struct qd_reader *r, size_t width_bytes)
{
	qd_assert(width_bytes >= 1 && width_bytes <= 8);
	const uint8_t *p = qd_read_span(r, width_bytes);
	uint64_t v = 0;
	for (size_t i = 0; p != NULL && i < width_bytes; i++)
		v = v << 8 | p[i];
	return v;
}

static inline uint64_t qd_read_le(struct qd_reader *r, size_t width_bytes)
{
	qd_assert(width_bytes >= 1 && width_bytes <= 8);
	const uint8_t *p = qd_read_span(r, width_bytes);
	uint64_t v = 0;
	for (size_t i = width_bytes; p != NULL && i > 0; i--)
		v = v << 8 | p[i - 1];
	return v;
}

static inline void qd_read_copy(struct qd_reader *r, uint8_t *to, size_t len_bytes)
{
	const uint8_t *p = qd_read_span(r, len_bytes);
	if (p != NULL)
		memcpy(to, p, len_bytes);
	else
		memset(to, 0, len_bytes);
}

static inline uint8_t *qd_write_span(struct qd_writer *w, size_t len_bytes)
{
	if (w->failed || w->cap_bytes - w->at < len_bytes) {
		w->failed = true;
		return NULL;
	}
	uint8_t *p = w->data + w->at;
	w->at += len_bytes;
	return p;
}

static inline void qd_write_be(struct qd_writer *w, size_t width_bytes, uint64_t v)
{
	qd_assert(width_bytes >= 1 && width_bytes <= 8);
	uint8_t *p = qd_write_span(w, width_bytes);
	for (size_t i = width_bytes; p != NULL && i > 0; i--, v >>= 8)
		p[i - 1] = (uint8_t)v;
}

static inline void qd_write_le(struct qd_writer *w, size_t width_bytes, uint64_t v)
{
	qd_assert(width_bytes >= 1 && width_bytes <= 8);
	uint8_t *p = qd_write_span(w, width_bytes);
	for (size_t i = 0; p != NULL && i < width_bytes; i++, v >>= 8)
		p[i] = (uint8_t)v;
}

static inline void qd_write_copy(struct qd_writer *w, const uint8_t *from, size_t len_bytes)
{
	uint8_t *p = qd_write_span(w, len_bytes);
	if (p != NULL)
		memcpy(p, from, len_bytes);
}

#endif
