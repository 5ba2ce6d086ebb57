/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/conf_tree.h"

#include "base/assert.h"
#include "quorumd/conf_value.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

enum {
	SECTIONS_MAX = 16, /* maps of the schema that can be waiting: quorum_disk, chap, times, group, ... */
	SUGGEST_DISTANCE = 3, /* more edits than this is another word */
};

/* A map of the file whose keys all begin with `prefix`. */
struct section {
	yaml_node_t *map;
	char prefix[QD_CONF_KEY_MAX]; /* "", or "times." */
};

struct walk {
	struct qd_conf_tree *tree;
	yaml_document_t *document;
	struct section waiting[SECTIONS_MAX];
	size_t waiting_count;
};

struct qd_conf_mark qd_conf_tree_mark(const struct qd_conf_tree *tree, const yaml_node_t *node)
{
	return (struct qd_conf_mark){node->start_mark.line + 1, node->start_mark.column + 1, tree->file};
}

static struct qd_conf_mark mark_of(const struct walk *w, const yaml_node_t *node)
{
	return qd_conf_tree_mark(w->tree, node);
}

struct qd_conf_mark qd_conf_tree_at(const struct qd_conf_tree *tree, const char *key)
{
	return tree->marks[qd_conf_tree_index(key)];
}

__attribute__((format(printf, 4, 0))) static void write_message(char to[QD_CONF_MESSAGE_BYTES],
								const char *file, struct qd_conf_mark mark,
								const char *format, va_list args)
{
	int at = mark.line == 0 ? snprintf(to, QD_CONF_MESSAGE_BYTES, "%.200s: ", file)
				: snprintf(to, QD_CONF_MESSAGE_BYTES,
					   "%.200s:%zu:%zu: ", mark.file != NULL ? mark.file : file,
					   mark.line, mark.column);
	qd_assert(at > 0 && at < QD_CONF_MESSAGE_BYTES);
	(void)vsnprintf(to + at, QD_CONF_MESSAGE_BYTES - (size_t)at, format, args);
}

void qd_conf_tree_message(struct qd_conf_tree *tree, struct qd_conf_mark mark, const char *format, ...)
{
	struct qd_conf_messages *m = tree->messages;
	if (m->count++ >= QD_CONF_MESSAGES_MAX)
		return;
	va_list args;
	va_start(args, format);
	write_message(m->text[m->count - 1], tree->file, mark, format, args);
	va_end(args);
}

void qd_conf_tree_warning(struct qd_conf_tree *tree, struct qd_conf_mark mark, const char *format, ...)
{
	struct qd_conf_messages *m = tree->messages;
	qd_assert(m->warning_count < QD_CONF_WARNINGS_MAX);
	va_list args;
	va_start(args, format);
	write_message(m->warning[m->warning_count++], tree->file, mark, format, args);
	va_end(args);
}

void qd_conf_messages_print(const struct qd_conf_messages *messages, FILE *to)
{
	for (uint32_t i = 0; i < QD_CONF_MESSAGES_MAX && i < messages->count; i++)
		(void)fprintf(to, "%s\n", messages->text[i]);
	if (messages->count > QD_CONF_MESSAGES_MAX)
		(void)fprintf(to, "and %" PRIu32 " more\n", messages->count - QD_CONF_MESSAGES_MAX);
	for (uint32_t i = 0; i < messages->warning_count; i++)
		(void)fprintf(to, "warning: %s\n", messages->warning[i]);
}

size_t qd_conf_tree_index(const char *key)
{
	size_t count = 0;
	const struct qd_conf_key *schema = qd_conf_schema(&count);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(schema[i].key, key) == 0)
			return i;
	}
	QD_UNREACHABLE("no such key in the schema");
}

const char *qd_conf_tree_scalar(const yaml_node_t *node)
{
	if (node->type != YAML_SCALAR_NODE)
		return NULL;
	const char *text = (const char *)node->data.scalar.value;
	return strlen(text) == node->data.scalar.length ? text : NULL;
}

void qd_conf_tree_found(const yaml_node_t *node, char to[QD_CONF_FOUND_MAX])
{
	if (node->type == YAML_MAPPING_NODE || node->type == YAML_SEQUENCE_NODE) {
		(void)snprintf(to, QD_CONF_FOUND_MAX, "%s",
			       node->type == YAML_MAPPING_NODE ? "a map" : "a list");
		return;
	}
	const char *text = (const char *)node->data.scalar.value;
	if (text[0] == '\0') {
		(void)snprintf(to, QD_CONF_FOUND_MAX, "nothing");
		return;
	}
	const char *at = strrchr(text, '@');
	(void)snprintf(to, QD_CONF_FOUND_MAX, "\"%s%.64s\"", at != NULL ? "...@" : "",
		       at != NULL ? at + 1 : text);
	for (char *p = to; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
}

static void refuse_value(struct walk *w, const struct qd_conf_key *key, const yaml_node_t *node)
{
	char expected[160];
	char found[QD_CONF_FOUND_MAX];
	qd_conf_schema_expected(key, expected, sizeof(expected));
	qd_conf_tree_found(node, found);
	qd_conf_tree_message(w->tree, mark_of(w, node), "%s: expected %s, found %s", key->key, expected,
			     found);
}

static void take_url(struct walk *w, const yaml_node_t *node)
{
	struct qd_conf *conf = w->tree->conf;
	const char *text = qd_conf_tree_scalar(node);
	const char *why = "is not a text";
	struct qd_conf_path path;
	char found[QD_CONF_FOUND_MAX];
	qd_conf_tree_found(node, found);
	if (text == NULL || qd_conf_url_parse(text, &path, &why) != 0) {
		qd_conf_tree_message(w->tree, mark_of(w, node),
				     "quorum_disk.paths: expected an iSCSI URL, found %s, which %s", found,
				     why);
		return;
	}
	for (uint32_t i = 0; i < conf->path_count; i++) {
		if (strcmp(conf->paths[i].url, path.url) == 0) {
			qd_conf_tree_message(
				w->tree, mark_of(w, node),
				"quorum_disk.paths: %s stands on line %zu already; a second path needs its "
				"own portal",
				path.url, w->tree->path_marks[i].line);
			return;
		}
	}
	w->tree->path_marks[conf->path_count] = mark_of(w, node);
	conf->paths[conf->path_count++] = path;
}

static void take_urls(struct walk *w, const struct qd_conf_key *key, const yaml_node_t *node)
{
	const yaml_node_item_t *start = node->data.sequence.items.start;
	if (node->type != YAML_SEQUENCE_NODE || node->data.sequence.items.top == start ||
	    node->data.sequence.items.top - start > QD_PATHS_MAX) {
		refuse_value(w, key, node);
		return;
	}
	for (const yaml_node_item_t *i = start; i < node->data.sequence.items.top; i++)
		take_url(w, yaml_document_get_node(w->document, *i));
}

static void take_portal(struct walk *w, const yaml_node_t *node)
{
	struct qd_conf *conf = w->tree->conf;
	const char *text = qd_conf_tree_scalar(node);
	struct qd_conf_portal portal;
	char found[QD_CONF_FOUND_MAX];
	qd_conf_tree_found(node, found);
	const char *why = text == NULL ? "is not a text" : qd_conf_portal_parse(text, QD_CONF_PORT, &portal);
	if (why != NULL) {
		qd_conf_tree_message(w->tree, mark_of(w, node),
				     "witness.addresses: expected host:port, found %s, which %s", found, why);
		return;
	}
	for (uint32_t i = 0; i < conf->witness_count; i++) {
		if (strcmp(conf->witness[i].text, portal.text) == 0) {
			qd_conf_tree_message(w->tree, mark_of(w, node),
					     "witness.addresses: %s stands there already; remove one",
					     portal.text);
			return;
		}
	}
	conf->witness[conf->witness_count++] = portal;
}

static void take_witness(struct walk *w, const struct qd_conf_key *key, const yaml_node_t *node)
{
	const yaml_node_item_t *start = node->data.sequence.items.start;
	if (node->type != YAML_SEQUENCE_NODE || node->data.sequence.items.top == start ||
	    node->data.sequence.items.top - start > QD_CONF_WITNESS_MAX) {
		refuse_value(w, key, node);
		return;
	}
	for (const yaml_node_item_t *i = start; i < node->data.sequence.items.top; i++)
		take_portal(w, yaml_document_get_node(w->document, *i));
}

/* A node's name or id; resolved when `nodes` is known. */
static bool take_reference(struct walk *w, const struct qd_conf_key *key, const char *text)
{
	char *to = key->offset == offsetof(struct qd_conf, node_id) ? w->tree->node : w->tree->low;
	_Static_assert(sizeof(w->tree->node) == sizeof(w->tree->low), "one limit");
	if (text == NULL || !qd_value_is_name(text, sizeof(w->tree->node) - 1))
		return false;
	(void)snprintf(to, sizeof(w->tree->node), "%s", text);
	return true;
}

static void take_value(struct walk *w, const struct qd_conf_key *key, const yaml_node_t *node)
{
	const char *text = qd_conf_tree_scalar(node);
	bool good = true;
	if (key->type == QD_CONF_TYPE_NODES)
		good = qd_conf_nodes_take(w->tree, w->document, node);
	else if (key->type == QD_CONF_TYPE_URLS)
		take_urls(w, key, node);
	else if (key->type == QD_CONF_TYPE_WITNESS)
		take_witness(w, key, node);
	else if (key->type == QD_CONF_TYPE_NODE)
		good = take_reference(w, key, text);
	else
		good = text != NULL && qd_conf_assign(key, text, w->tree->conf);
	if (!good)
		refuse_value(w, key, node);
}

/* Whether the present text is to be asked for the key. */
static bool take_part(struct walk *w, const struct qd_conf_key *key, const yaml_node_t *node)
{
	const bool own = (key->flags & QD_CONF_LOCAL) != 0;
	switch (w->tree->part) {
	case QD_CONF_WHOLE:
		return true;
	case QD_CONF_OWN:
		return own;
	case QD_CONF_BODY:
		if (own)
			qd_conf_tree_message(w->tree, mark_of(w, node),
					     "%s: is of one machine; set it in that machine's own file",
					     key->key);
		return !own;
	}
	QD_UNREACHABLE("part of a configuration");
}

/* The component of a schema key that follows prefix; its length, 0 when the key is elsewhere. */
static size_t component(const char *key, const char *prefix, const char **from)
{
	size_t skip = strlen(prefix);
	if (strncmp(key, prefix, skip) != 0)
		return 0;
	*from = key + skip;
	return strcspn(*from, ".");
}

static void refuse_unknown(struct walk *w, const char *prefix, const char *name, const yaml_node_t *node)
{
	size_t count = 0;
	const struct qd_conf_key *schema = qd_conf_schema(&count);
	char best[QD_CONF_KEY_MAX] = "";
	char known[QD_CONF_MESSAGE_BYTES / 2] = "";
	size_t best_distance = SUGGEST_DISTANCE;
	size_t at = 0;
	for (size_t i = 0; i < count; i++) {
		const char *from = "";
		char candidate[QD_CONF_KEY_MAX];
		size_t len = component(schema[i].key, prefix, &from);
		(void)snprintf(candidate, sizeof(candidate), "%.*s", (int)len, from);
		if (len == 0 || strstr(known, candidate) != NULL)
			continue;
		at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s", at > 0 ? ", " : "", candidate);
		qd_assert(at < sizeof(known));
		size_t distance = qd_value_distance(name, candidate);
		if (distance <= best_distance) { /* of equals the later: nodez is nodes */
			best_distance = distance;
			(void)snprintf(best, sizeof(best), "%s", candidate);
		}
	}
	if (best[0] != '\0')
		qd_conf_tree_message(w->tree, mark_of(w, node), "%s%.40s: unknown key; did you mean \"%s\"?",
				     prefix, name, best);
	else
		qd_conf_tree_message(w->tree, mark_of(w, node), "%s%.40s: unknown key; expected one of %s",
				     prefix, name, known);
}

static void wait_section(struct walk *w, const char *prefix, const char *name, yaml_node_t *node)
{
	if (node->type != YAML_MAPPING_NODE) {
		char found[QD_CONF_FOUND_MAX];
		qd_conf_tree_found(node, found);
		qd_conf_tree_message(w->tree, mark_of(w, node), "%s%s: expected a map of its keys, found %s",
				     prefix, name, found);
		return;
	}
	/* Cannot overflow: keys are unique in a map, and the schema has fewer sections. */
	qd_assert(w->waiting_count < SECTIONS_MAX);
	struct section *s = &w->waiting[w->waiting_count++];
	s->map = node;
	(void)snprintf(s->prefix, sizeof(s->prefix), "%.30s%.16s.", prefix, name);
}

static void take_pair(struct walk *w, const struct section *section, const char *name, yaml_node_t *key_node,
		      yaml_node_t *value)
{
	size_t count = 0;
	const struct qd_conf_key *schema = qd_conf_schema(&count);
	for (size_t i = 0; i < count; i++) {
		const char *from = "";
		size_t len = component(schema[i].key, section->prefix, &from);
		if (len == 0 || len != strlen(name) || strncmp(from, name, len) != 0)
			continue;
		if (from[len] == '.') {
			wait_section(w, section->prefix, name, value);
			return;
		}
		if (!take_part(w, &schema[i], key_node))
			return;
		w->tree->marks[i] = mark_of(w, value);
		w->tree->conf->given |= UINT64_C(1) << i;
		take_value(w, &schema[i], value);
		return;
	}
	refuse_unknown(w, section->prefix, name, key_node);
}

/* The pair before `p` of the map with the same key, or NULL. */
static const yaml_node_t *earlier(struct walk *w, const yaml_node_t *map, const yaml_node_pair_t *p,
				  const char *name)
{
	for (const yaml_node_pair_t *q = map->data.mapping.pairs.start; q < p; q++) {
		const yaml_node_t *node = yaml_document_get_node(w->document, q->key);
		const char *other = qd_conf_tree_scalar(node);
		if (other != NULL && strcmp(other, name) == 0)
			return node;
	}
	return NULL;
}

static void take_section(struct walk *w, const struct section *section)
{
	const yaml_node_t *map = section->map;
	for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
	     p++) {
		yaml_node_t *key_node = yaml_document_get_node(w->document, p->key);
		yaml_node_t *value = yaml_document_get_node(w->document, p->value);
		const char *name = qd_conf_tree_scalar(key_node);
		if (name == NULL) {
			qd_conf_tree_message(w->tree, mark_of(w, key_node),
					     "%s: expected a key that is a plain word",
					     section->prefix[0] != '\0' ? section->prefix : "top level");
			continue;
		}
		const yaml_node_t *first = earlier(w, map, p, name);
		if (first != NULL)
			qd_conf_tree_message(w->tree, mark_of(w, key_node),
					     "%s%.40s: this key stands on line %zu already; remove one",
					     section->prefix, name, mark_of(w, first).line);
		else
			take_pair(w, section, name, key_node, value);
	}
}

void qd_conf_tree_defaults(struct qd_conf_tree *tree)
{
	size_t count = 0;
	const struct qd_conf_key *schema = qd_conf_schema(&count);
	for (size_t i = 0; i < count; i++) {
		if (schema[i].fallback != NULL)
			qd_assert(qd_conf_assign(&schema[i], schema[i].fallback, tree->conf));
	}
}

void qd_conf_tree_missing(struct qd_conf_tree *tree)
{
	size_t count = 0;
	const struct qd_conf_key *schema = qd_conf_schema(&count);
	for (size_t i = 0; i < count; i++) {
		char expected[160];
		const bool own = (schema[i].flags & QD_CONF_LOCAL) != 0;
		if ((schema[i].flags & QD_CONF_REQUIRED) == 0 || tree->marks[i].line != 0 ||
		    !(own ? tree->has_own : tree->has_body))
			continue;
		qd_conf_schema_expected(&schema[i], expected, sizeof(expected));
		qd_conf_tree_message(tree, (struct qd_conf_mark){0},
				     "%s: expected %s, found nothing: this key is required", schema[i].key,
				     expected);
	}
}

void qd_conf_tree_walk(struct qd_conf_tree *tree, yaml_document_t *document)
{
	struct walk w = {.tree = tree, .document = document};
	yaml_node_t *root = yaml_document_get_root_node(document);
	if (root == NULL || root->type != YAML_MAPPING_NODE) {
		tree->broken = true;
		qd_conf_tree_message(tree, (struct qd_conf_mark){1, 1, tree->file},
				     "expected a map of keys, found %s",
				     root == NULL ? "an empty file" : "something else");
		return;
	}
	w.waiting[w.waiting_count++] = (struct section){.map = root};
	for (size_t i = 0; i < w.waiting_count; i++) {
		struct section section = w.waiting[i];
		take_section(&w, &section);
	}
}
