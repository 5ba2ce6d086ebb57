/* SPDX-License-Identifier: Apache-2.0 */
#include "base/assert.h"
#include "quorumd/conf_body.h"
#include "quorumd/conf_tree.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

/* A text that grows. */
struct text {
	char *to;
	size_t cap_bytes;
	size_t at;
	bool full;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = t->full ? 0 : vsnprintf(t->to + t->at, t->cap_bytes - t->at, format, args);
	va_end(args);
	qd_assert(n >= 0);
	if ((size_t)n >= t->cap_bytes - t->at)
		t->full = true;
	else
		t->at += (size_t)n;
}

/* As a YAML scalar in double quotes. Values hold no control characters. */
static void add_quoted(struct text *t, const char *value)
{
	add(t, "\"");
	for (const char *p = value; *p != '\0'; p++)
		add(t, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
	add(t, "\"");
}

static void add_node(struct text *t, const struct qd_conf_node *n, uint32_t id)
{
	if (n->address_count == 0 && n->weight == 1 && n->site[0] == '\0' && !n->paused) {
		add(t, "%" PRIu32, id);
		return;
	}
	add(t, "{id: %" PRIu32, id);
	for (uint32_t k = 0; k < n->address_count; k++) {
		char address[QD_ADDRESS_TEXT_MAX];
		qd_address_format(&n->addresses[k], address, sizeof(address));
		add(t, k == 0 ? ", addresses: [" : ", ");
		add_quoted(t, address);
	}
	if (n->address_count > 0)
		add(t, "]");
	if (n->weight != 1)
		add(t, ", weight: %" PRIu32, n->weight);
	if (n->site[0] != '\0')
		add(t, ", site: %s", n->site);
	if (n->paused)
		add(t, ", paused: on");
	add(t, "}");
}

static uint32_t list_count(const struct qd_conf_key *key, const struct qd_conf *conf)
{
	return key->type == QD_CONF_TYPE_URLS ? conf->path_count : conf->witness_count;
}

static void add_element(struct text *t, const struct qd_conf_key *key, const struct qd_conf *conf, uint32_t i)
{
	add_quoted(t, key->type == QD_CONF_TYPE_URLS ? conf->paths[i].url : conf->witness[i].text);
}

static void add_list(struct text *t, const struct qd_conf_key *key, const struct qd_conf *conf)
{
	const uint32_t count = list_count(key, conf);
	for (uint32_t i = 0; i < count; i++) {
		add(t, i == 0 ? "[" : ", ");
		add_element(t, key, conf, i);
	}
	if (count > 0)
		add(t, "]");
}

static void add_scalar(struct text *t, const struct qd_conf_key *key, const struct qd_conf *conf)
{
	const char *field = (const char *)conf + key->offset;
	uint32_t number = 0;
	char span[32];
	switch (key->type) {
	case QD_CONF_TYPE_NAME:
		add(t, "%s", field);
		return;
	case QD_CONF_TYPE_IQN:
	case QD_CONF_TYPE_TEXT:
	case QD_CONF_TYPE_FILE:
		if (field[0] != '\0')
			add_quoted(t, field);
		return;
	case QD_CONF_TYPE_NODE:
		memcpy(&number, field, sizeof(number));
		add(t, "%s", conf->nodes[number].name);
		return;
	case QD_CONF_TYPE_SPAN:
		qd_conf_schema_span(qd_span_to_ms(*(const struct qd_span *)(const void *)field), span,
				    sizeof(span));
		add(t, "%s", span);
		return;
	case QD_CONF_TYPE_DIGEST:
		add(t, "%s",
		    *(const enum qd_conf_digest *)(const void *)field == QD_CONF_DIGEST_NONE ? "none"
											     : "crc32c");
		return;
	case QD_CONF_TYPE_NUMBER:
		memcpy(&number, field, sizeof(number));
		add(t, "%" PRIu32, number);
		return;
	case QD_CONF_TYPE_SWITCH:
		add(t, "%s", *(const bool *)(const void *)field ? "on" : "off");
		return;
	case QD_CONF_TYPE_MODEL:
		add(t, "%s", qd_model_name(*(const enum qd_model *)(const void *)field));
		return;
	case QD_CONF_TYPE_URLS:
	case QD_CONF_TYPE_WITNESS:
		add_list(t, key, conf);
		return;
	case QD_CONF_TYPE_NODES:
	case QD_CONF_TYPE_LEVEL:
	case QD_CONF_TYPE_MODE:
	case QD_CONF_TYPE_HEX:
	case QD_CONF_TYPE_COUNT:
		break; /* of nodes there are many; the others are a machine's own */
	}
	QD_UNREACHABLE("type of a key of the cluster");
}

static void write_nodes(struct text *t, const struct qd_conf *conf)
{
	add(t, "nodes:\n");
	for (uint32_t id = qd_set_next(conf->members, 0); id != 0; id = qd_set_next(conf->members, id)) {
		add(t, "  %s: ", conf->nodes[id].name);
		add_node(t, &conf->nodes[id], id);
		add(t, "\n");
	}
}

static void write_key(struct text *t, const struct qd_conf_key *key, const struct qd_conf *conf)
{
	const char *dot = strchr(key->key, '.');
	const char *name = dot != NULL ? dot + 1 : key->key;
	const char *indent = dot != NULL ? "  " : "";
	if (key->type == QD_CONF_TYPE_NODES) {
		write_nodes(t, conf);
		return;
	}
	if (key->type != QD_CONF_TYPE_URLS && key->type != QD_CONF_TYPE_WITNESS) {
		add(t, "%s%s: ", indent, name);
		add_scalar(t, key, conf);
		add(t, "\n");
		return;
	}
	add(t, "%s%s:\n", indent, name);
	for (uint32_t i = 0; i < list_count(key, conf); i++) {
		add(t, "%s  - ", indent);
		add_element(t, key, conf, i);
		add(t, "\n");
	}
}

size_t qd_conf_body_write(const struct qd_conf *conf, char *to, size_t cap_bytes)
{
	struct text t = {.cap_bytes = cap_bytes};
	t.to = to;
	size_t count = 0;
	const struct qd_conf_key *schema = qd_conf_schema(&count);
	const char *section = "";
	size_t section_len = 0;
	for (size_t i = 0; i < count; i++) {
		const char *key = schema[i].key;
		const char *dot = strchr(key, '.');
		if ((schema[i].flags & QD_CONF_LOCAL) != 0 || (conf->given >> i & 1) == 0)
			continue;
		if (dot != NULL &&
		    ((size_t)(dot - key) != section_len || strncmp(key, section, section_len) != 0)) {
			section = key;
			section_len = (size_t)(dot - key);
			add(&t, "%.*s:\n", (int)section_len, section);
		}
		write_key(&t, &schema[i], conf);
	}
	return t.full ? 0 : t.at;
}

/* ------------------------------------------------ differences */

static uint32_t compare_nodes(const struct qd_conf *old, const struct qd_conf *fresh,
			      qd_conf_difference_fn *fn, void *context)
{
	uint32_t count = 0;
	/* By id: a node that changes its name is another one, and both are shown. */
	for (uint32_t id = QD_NODE_ID_MIN; id <= QD_NODE_ID_MAX; id++) {
		const struct qd_conf_node *a = &old->nodes[id];
		const struct qd_conf_node *b = &fresh->nodes[id];
		char before[QD_CONF_VALUE_MAX] = "";
		char after[QD_CONF_VALUE_MAX] = "";
		char key[QD_CONF_NAME_MAX + 8];
		struct text x = {.to = before, .cap_bytes = sizeof(before)};
		struct text y = {.to = after, .cap_bytes = sizeof(after)};
		if (a->name[0] != '\0')
			add_node(&x, a, id);
		if (b->name[0] != '\0')
			add_node(&y, b, id);
		if (strcmp(a->name, b->name) == 0 && strcmp(before, after) == 0)
			continue;
		if (a->name[0] != '\0' && strcmp(a->name, b->name) != 0) {
			(void)snprintf(key, sizeof(key), "nodes.%s", a->name);
			fn(context, key, before, "");
			count++;
			before[0] = '\0';
		}
		if (b->name[0] == '\0')
			continue;
		(void)snprintf(key, sizeof(key), "nodes.%s", b->name);
		fn(context, key, before, after);
		count++;
	}
	return count;
}

uint32_t qd_conf_body_compare(const struct qd_conf *old, const struct qd_conf *fresh,
			      qd_conf_difference_fn *fn, void *context)
{
	size_t keys = 0;
	uint32_t count = 0;
	const struct qd_conf_key *schema = qd_conf_schema(&keys);
	for (size_t i = 0; i < keys; i++) {
		char before[QD_CONF_VALUE_MAX] = "";
		char after[QD_CONF_VALUE_MAX] = "";
		struct text x = {.to = before, .cap_bytes = sizeof(before)};
		struct text y = {.to = after, .cap_bytes = sizeof(after)};
		if ((schema[i].flags & QD_CONF_LOCAL) != 0)
			continue;
		if (schema[i].type == QD_CONF_TYPE_NODES) {
			count += compare_nodes(old, fresh, fn, context);
			continue;
		}
		add_scalar(&x, &schema[i], old);
		add_scalar(&y, &schema[i], fresh);
		if (strcmp(before, after) == 0)
			continue;
		fn(context, schema[i].key, before, after);
		count++;
	}
	return count;
}

void qd_conf_give(struct qd_conf *conf, const char *key)
{
	conf->given |= UINT64_C(1) << qd_conf_tree_index(key);
}

void qd_conf_body_name(struct qd_tag tag, char to[QD_BODY_NAME_MAX])
{
	(void)snprintf(to, QD_BODY_NAME_MAX, "configuration (%" PRIu64 ".%" PRIu64 ")", tag.epoch,
		       tag.version);
}
