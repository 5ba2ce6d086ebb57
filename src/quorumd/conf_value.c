/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/conf_value.h"

#include <string.h>

enum { DISTANCE_LEN_MAX = 63 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Leading digits as a number; at most 12 of them, so that no product below overflows. */
static size_t digits(const char *text, int64_t *out)
{
	size_t n = 0;
	*out = 0;
	for (; n < 13 && is_digit(text[n]); n++)
		*out = *out * 10 + (text[n] - '0');
	return n > 12 ? 0 : n;
}

bool qd_value_span(const char *text, struct qd_span *out)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
	int64_t number = 0;
	size_t n = digits(text, &number);
	if (n == 0 || number > 1000000000)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text + n, units[i].unit) == 0) {
			int64_t ms = number * units[i].ms;
			*out = qd_span_ms(ms);
			return ms <= QD_SPAN_MAX_NS / 1000000;
		}
	}
	return false;
}

bool qd_value_decimal(const char *text, uint64_t max, uint64_t *out)
{
	int64_t number = 0;
	size_t n = digits(text, &number);
	*out = (uint64_t)number;
	return n > 0 && text[n] == '\0' && *out <= max;
}

bool qd_value_octal(const char *text, uint32_t max, uint32_t *out)
{
	size_t n = 0;
	*out = 0;
	for (; n < 8 && text[n] >= '0' && text[n] <= '7'; n++)
		*out = *out * 8 + (uint32_t)(text[n] - '0');
	return n > 0 && text[n] == '\0' && *out <= max;
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool qd_value_hex16(const char *text, uint8_t out[16])
{
	size_t n = 0;
	memset(out, 0, 16);
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '-' && n > 0 && n < 32)
			continue;
		int v = hex_digit(*p);
		if (v < 0 || n >= 32)
			return false;
		out[n / 2] = (uint8_t)(out[n / 2] << 4 | v);
		n++;
	}
	return n == 32;
}

bool qd_value_is_name(const char *text, size_t len_max)
{
	size_t n = 0;
	for (; text[n] != '\0'; n++) {
		if (!is_alnum(text[n]) && strchr("._-", text[n]) == NULL)
			return false;
	}
	/* A leading '-' would be taken for an option on a command line. */
	return n > 0 && n <= len_max && text[0] != '-';
}

bool qd_value_is_iqn(const char *text, size_t len_max)
{
	if (strncmp(text, "iqn.", 4) != 0 && strncmp(text, "eui.", 4) != 0 && strncmp(text, "naa.", 4) != 0)
		return false;
	size_t n = 4;
	for (; text[n] != '\0'; n++) {
		/* RFC 7143 4.2.7.1, after stringprep: no upper case, no other punctuation. tgt and LIO accept '_'. */
		if (!is_alnum(text[n]) && strchr(".-:_", text[n]) == NULL)
			return false;
	}
	return n > 4 && n <= len_max;
}

size_t qd_value_distance(const char *a, const char *b)
{
	size_t row[DISTANCE_LEN_MAX + 1];
	size_t a_len = strlen(a);
	size_t b_len = strlen(b);
	if (a_len > DISTANCE_LEN_MAX || b_len > DISTANCE_LEN_MAX)
		return a_len + b_len;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t best = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
			diagonal = row[j];
			best = row[j] + 1 < best ? row[j] + 1 : best;
			row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
		}
	}
	return row[b_len];
}
