/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/conf_tree.h"

#include "base/assert.h"
#include "quorumd/conf_value.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

enum {
	SECTIONS_MAX = 16, /* maps of the schema that can be waiting: quorum_disk, chap, times, group, ... */
	FOUND_MAX = 96,	   /* of a value in a message */
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

static struct qd_conf_mark mark_of(const yaml_node_t *node)
{
	return (struct qd_conf_mark){node->start_mark.line + 1, node->start_mark.column + 1};
}

void qd_conf_tree_message(struct qd_conf_tree *tree, struct qd_conf_mark mark, const char *format, ...)
{
	struct qd_conf_messages *m = tree->messages;
	if (m->count++ >= QD_CONF_MESSAGES_MAX)
		return;
	char *to = m->text[m->count - 1];
	int at = mark.line == 0 ? snprintf(to, QD_CONF_MESSAGE_BYTES, "%.200s: ", tree->file)
				: snprintf(to, QD_CONF_MESSAGE_BYTES, "%.200s:%zu:%zu: ", tree->file,
					   mark.line, mark.column);
	qd_assert(at > 0 && at < QD_CONF_MESSAGE_BYTES);
	va_list args;
	va_start(args, format);
	(void)vsnprintf(to + at, QD_CONF_MESSAGE_BYTES - (size_t)at, format, args);
	va_end(args);
}

void qd_conf_messages_print(const struct qd_conf_messages *messages, FILE *to)
{
	for (uint32_t i = 0; i < QD_CONF_MESSAGES_MAX && i < messages->count; i++)
		(void)fprintf(to, "%s\n", messages->text[i]);
	if (messages->count > QD_CONF_MESSAGES_MAX)
		(void)fprintf(to, "and %" PRIu32 " more\n", messages->count - QD_CONF_MESSAGES_MAX);
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

/* The scalar's text, or NULL when the node is no scalar, or holds a NUL. */
static const char *scalar(const yaml_node_t *node)
{
	if (node->type != YAML_SCALAR_NODE)
		return NULL;
	const char *text = (const char *)node->data.scalar.value;
	return strlen(text) == node->data.scalar.length ? text : NULL;
}

/* What a message shows of a value: no control characters, and never a password of a URL. */
static void found_text(const yaml_node_t *node, char to[FOUND_MAX])
{
	if (node->type == YAML_MAPPING_NODE || node->type == YAML_SEQUENCE_NODE) {
		(void)snprintf(to, FOUND_MAX, "%s", node->type == YAML_MAPPING_NODE ? "a map" : "a list");
		return;
	}
	const char *text = (const char *)node->data.scalar.value;
	if (text[0] == '\0') {
		(void)snprintf(to, FOUND_MAX, "nothing");
		return;
	}
	const char *at = strrchr(text, '@');
	(void)snprintf(to, FOUND_MAX, "\"%s%.64s\"", at != NULL ? "...@" : "", at != NULL ? at + 1 : text);
	for (char *p = to; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
}

static void refuse_value(struct walk *w, const struct qd_conf_key *key, const yaml_node_t *node)
{
	char expected[160];
	char found[FOUND_MAX];
	qd_conf_schema_expected(key, expected, sizeof(expected));
	found_text(node, found);
	qd_conf_tree_message(w->tree, mark_of(node), "%s: expected %s, found %s", key->key, expected, found);
}

/* `nodes`: names to ids, neither twice. */
static void take_node(struct walk *w, const yaml_node_t *name_node, const yaml_node_t *id_node)
{
	struct qd_conf *conf = w->tree->conf;
	const char *name = scalar(name_node);
	const char *id_text = scalar(id_node);
	uint64_t id = 0;
	char found[FOUND_MAX];
	if (name == NULL || !qd_value_is_name(name, QD_CONF_NAME_MAX - 1)) {
		found_text(name_node, found);
		qd_conf_tree_message(
			w->tree, mark_of(name_node),
			"nodes: expected a node name of 1 to 63 letters, digits, '.', '_' or '-', found %s",
			found);
		return;
	}
	if (id_text == NULL || !qd_value_decimal(id_text, QD_NODE_ID_MAX, &id) || id < QD_NODE_ID_MIN) {
		found_text(id_node, found);
		qd_conf_tree_message(w->tree, mark_of(id_node),
				     "nodes.%s: expected an id from 1 to 64, found %s", name, found);
		return;
	}
	uint64_t ignored = 0;
	if (qd_value_decimal(name, QD_NODE_ID_MAX, &ignored)) {
		qd_conf_tree_message(
			w->tree, mark_of(name_node),
			"nodes.%s: expected a name that is no number, so that it is never taken for an id",
			name);
		return;
	}
	struct qd_conf_node *entry = &conf->nodes[id];
	for (size_t i = QD_NODE_ID_MIN; i <= QD_NODE_ID_MAX; i++) {
		if (strcmp(conf->nodes[i].name, name) == 0) {
			qd_conf_tree_message(w->tree, mark_of(name_node),
					     "nodes.%s: this name stands on line %u already", name,
					     conf->nodes[i].line);
			return;
		}
	}
	if (entry->name[0] != '\0') {
		qd_conf_tree_message(
			w->tree, mark_of(id_node),
			"nodes.%s: id %u is that of %s on line %u already; every node needs its own", name,
			(unsigned int)id, entry->name, entry->line);
		return;
	}
	(void)snprintf(entry->name, sizeof(entry->name), "%s", name);
	entry->line = (uint32_t)mark_of(name_node).line;
	conf->members |= 1ULL << (id - 1);
}

static void take_nodes(struct walk *w, const struct qd_conf_key *key, const yaml_node_t *node)
{
	if (node->type != YAML_MAPPING_NODE ||
	    node->data.mapping.pairs.start == node->data.mapping.pairs.top) {
		refuse_value(w, key, node);
		return;
	}
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++)
		take_node(w, yaml_document_get_node(w->document, p->key),
			  yaml_document_get_node(w->document, p->value));
}

static void take_url(struct walk *w, const yaml_node_t *node)
{
	struct qd_conf *conf = w->tree->conf;
	const char *text = scalar(node);
	const char *why = "is not a text";
	struct qd_conf_path path;
	char found[FOUND_MAX];
	found_text(node, found);
	if (text == NULL || qd_conf_url_parse(text, &path, &why) != 0) {
		qd_conf_tree_message(w->tree, mark_of(node),
				     "quorum_disk.paths: expected an iSCSI URL, found %s, which %s", found,
				     why);
		return;
	}
	for (uint32_t i = 0; i < conf->path_count; i++) {
		if (strcmp(conf->paths[i].url, path.url) == 0) {
			qd_conf_tree_message(
				w->tree, mark_of(node),
				"quorum_disk.paths: %s stands on line %zu already; a second path needs its "
				"own portal",
				path.url, w->tree->path_marks[i].line);
			return;
		}
	}
	w->tree->path_marks[conf->path_count] = mark_of(node);
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

static void take_value(struct walk *w, const struct qd_conf_key *key, const yaml_node_t *node)
{
	const char *text = scalar(node);
	bool good = true;
	if (key->type == QD_CONF_TYPE_NODES) {
		take_nodes(w, key, node);
	} else if (key->type == QD_CONF_TYPE_URLS) {
		take_urls(w, key, node);
	} else if (key->type == QD_CONF_TYPE_NODE) {
		good = text != NULL && qd_value_is_name(text, QD_CONF_NAME_MAX - 1);
		if (good)
			(void)snprintf(w->tree->node, sizeof(w->tree->node), "%s", text);
	} else {
		good = text != NULL && qd_conf_assign(key, text, w->tree->conf);
	}
	if (!good)
		refuse_value(w, key, node);
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
		qd_conf_tree_message(w->tree, mark_of(node), "%s%.40s: unknown key; did you mean \"%s\"?",
				     prefix, name, best);
	else
		qd_conf_tree_message(w->tree, mark_of(node), "%s%.40s: unknown key; expected one of %s",
				     prefix, name, known);
}

static void wait_section(struct walk *w, const char *prefix, const char *name, yaml_node_t *node)
{
	if (node->type != YAML_MAPPING_NODE) {
		char found[FOUND_MAX];
		found_text(node, found);
		qd_conf_tree_message(w->tree, mark_of(node), "%s%s: expected a map of its keys, found %s",
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
		w->tree->marks[i] = mark_of(value);
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
		const char *other = scalar(node);
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
		const char *name = scalar(key_node);
		if (name == NULL) {
			qd_conf_tree_message(w->tree, mark_of(key_node),
					     "%s: expected a key that is a plain word",
					     section->prefix[0] != '\0' ? section->prefix : "top level");
			continue;
		}
		const yaml_node_t *first = earlier(w, map, p, name);
		if (first != NULL)
			qd_conf_tree_message(w->tree, mark_of(key_node),
					     "%s%.40s: this key stands on line %zu already; remove one",
					     section->prefix, name, mark_of(first).line);
		else
			take_pair(w, section, name, key_node, value);
	}
}

static void take_defaults(struct qd_conf_tree *tree)
{
	size_t count = 0;
	const struct qd_conf_key *schema = qd_conf_schema(&count);
	for (size_t i = 0; i < count; i++) {
		if (schema[i].fallback != NULL)
			qd_assert(qd_conf_assign(&schema[i], schema[i].fallback, tree->conf));
	}
}

static void refuse_missing(struct qd_conf_tree *tree)
{
	size_t count = 0;
	const struct qd_conf_key *schema = qd_conf_schema(&count);
	for (size_t i = 0; i < count; i++) {
		char expected[160];
		if (!schema[i].required || tree->marks[i].line != 0)
			continue;
		qd_conf_schema_expected(&schema[i], expected, sizeof(expected));
		qd_conf_tree_message(tree, (struct qd_conf_mark){0, 0},
				     "%s: expected %s, found nothing: this key is required", schema[i].key,
				     expected);
	}
}

void qd_conf_tree_walk(struct qd_conf_tree *tree, yaml_document_t *document)
{
	struct walk w = {.tree = tree, .document = document};
	yaml_node_t *root = yaml_document_get_root_node(document);
	take_defaults(tree);
	if (root == NULL || root->type != YAML_MAPPING_NODE) {
		qd_conf_tree_message(tree, (struct qd_conf_mark){1, 1}, "expected a map of keys, found %s",
				     root == NULL ? "an empty file" : "something else");
		return;
	}
	w.waiting[w.waiting_count++] = (struct section){.map = root};
	for (size_t i = 0; i < w.waiting_count; i++) {
		struct section section = w.waiting[i];
		take_section(&w, &section);
	}
	refuse_missing(tree);
}
