/* SPDX-License-Identifier: Apache-2.0 */
#include "base/assert.h"
#include "quorumd/conf_tree.h"
#include "quorumd/conf_value.h"

#include <string.h>

enum { INITIATOR_LEN_MAX = 200 }; /* the path's own suffix follows */

static bool assign_text(const char *text, char *field, size_t size_bytes)
{
	size_t len = strlen(text);
	if (len == 0 || len >= size_bytes)
		return false;
	for (const char *p = text; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	}
	memcpy(field, text, len + 1);
	return true;
}

static bool assign_choice(const char *text, const char *const *names, unsigned int count, unsigned int *out)
{
	for (*out = 0; *out < count; ++*out) {
		if (strcmp(text, names[*out]) == 0)
			return true;
	}
	return false;
}

static bool assign_span(const struct qd_conf_key *key, const char *text, struct qd_span *field)
{
	struct qd_span span;
	if (!qd_value_span(text, &span) || qd_span_to_ms(span) < key->min || qd_span_to_ms(span) > key->max)
		return false;
	*field = span;
	return true;
}

static bool assign_digest(const char *text, enum qd_conf_digest *field)
{
	static const char *const names[] = {"none", "crc32c"};
	unsigned int n = 0;
	if (!assign_choice(text, names, QD_CONF_DIGEST_COUNT, &n))
		return false;
	*field = (enum qd_conf_digest)n;
	return true;
}

static bool assign_level(const char *text, enum qd_trace_level *field)
{
	static const char *const names[] = {"debug", "notice", "warning", "error"};
	unsigned int n = 0;
	if (!assign_choice(text, names, QD_LEVEL_COUNT, &n))
		return false;
	*field = (enum qd_trace_level)n;
	return true;
}

static bool assign_number(const struct qd_conf_key *key, const char *text, uint32_t *field)
{
	uint64_t number = 0;
	if (!qd_value_decimal(text, (uint64_t)key->max, &number) || number < (uint64_t)key->min)
		return false;
	*field = (uint32_t)number;
	return true;
}

static bool assign_switch(const char *text, bool *field)
{
	static const char *const names[] = {"off", "on"};
	unsigned int n = 0;
	if (!assign_choice(text, names, 2, &n))
		return false;
	*field = n == 1;
	return true;
}

static bool assign_model(const char *text, enum qd_model *field)
{
	for (int i = 0; i < QD_MODEL_COUNT; i++) {
		if (strcmp(text, qd_model_name((enum qd_model)i)) == 0) {
			*field = (enum qd_model)i;
			return true;
		}
	}
	return false;
}

bool qd_conf_assign(const struct qd_conf_key *key, const char *text, struct qd_conf *conf)
{
	void *field = (char *)conf + key->offset;
	switch (key->type) {
	case QD_CONF_TYPE_NAME:
		return qd_value_is_name(text, key->size_bytes - 1) &&
		       assign_text(text, field, key->size_bytes);
	case QD_CONF_TYPE_IQN:
		return qd_value_is_iqn(text, INITIATOR_LEN_MAX) && assign_text(text, field, key->size_bytes);
	case QD_CONF_TYPE_TEXT:
		return assign_text(text, field, key->size_bytes);
	case QD_CONF_TYPE_FILE:
		return text[0] == '/' && assign_text(text, field, key->size_bytes);
	case QD_CONF_TYPE_SPAN:
		return assign_span(key, text, field);
	case QD_CONF_TYPE_DIGEST:
		return assign_digest(text, field);
	case QD_CONF_TYPE_LEVEL:
		return assign_level(text, field);
	case QD_CONF_TYPE_MODE:
		return qd_value_octal(text, (uint32_t)key->max, field);
	case QD_CONF_TYPE_HEX:
		return qd_value_hex16(text, field);
	case QD_CONF_TYPE_NUMBER:
		return assign_number(key, text, field);
	case QD_CONF_TYPE_SWITCH:
		return assign_switch(text, field);
	case QD_CONF_TYPE_MODEL:
		return assign_model(text, field);
	case QD_CONF_TYPE_NODE:
	case QD_CONF_TYPE_NODES:
	case QD_CONF_TYPE_URLS:
	case QD_CONF_TYPE_WITNESS:
	case QD_CONF_TYPE_COUNT:
		break;
	}
	QD_UNREACHABLE("not a type of one field");
}
