/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of single values to numbers and names. No marks, no messages: the caller knows where and what was expected. */
#ifndef QD_QUORUMD_CONF_VALUE_H
#define QD_QUORUMD_CONF_VALUE_H

#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A whole number with a unit: 300ms, 3s, 1m, 1h. Nothing else, never a bare number. */
bool qd_value_span(const char *text, struct qd_span *out);

/* Decimal digits only, at most `max`. */
bool qd_value_decimal(const char *text, uint64_t max, uint64_t *out);

/* Octal digits only, at most `max`. */
bool qd_value_octal(const char *text, uint32_t max, uint32_t *out);

/* 32 hexadecimal digits, hyphens between them ignored, to 16 bytes. */
bool qd_value_hex16(const char *text, uint8_t out[16]);

bool qd_value_is_name(const char *text, size_t len_max);
bool qd_value_is_iqn(const char *text, size_t len_max);

/* Insertions, deletions and substitutions from a to b; texts longer than 63 count as far. */
size_t qd_value_distance(const char *a, const char *b);

#endif
