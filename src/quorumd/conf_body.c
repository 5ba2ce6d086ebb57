/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/conf_body.h"

#include "base/assert.h"
#include "quorumd/conf_tree.h"
#include "quorumd/errors.h"

#include <stdlib.h>
#include <string.h>

enum { SECTIONS_MAX = 16 }; /* maps of the schema that can be waiting */

struct section {
	const yaml_node_t *map;
	char prefix[QD_CONF_KEY_MAX]; /* "", or "quorum_disk." */
};

/* Finding the lines of a machine's own keys. */
struct cut {
	const struct qd_conf_text *whole;
	const struct qd_conf *conf; /* of it */
	yaml_document_t *document;
	size_t lines;
	size_t *begins; /* [lines + 1]: where each line begins, and the end */
	bool *drop;	/* [lines] */
	struct section waiting[SECTIONS_MAX];
	size_t waiting_count;
	bool clean; /* every own key has its lines for itself */
};

/* ------------------------------------------------ lines, as libyaml counts them */

/* Bytes of the line break at `at`, 0: there is none. */
static size_t break_at(const char *text, size_t len, size_t at)
{
	const unsigned char *p = (const unsigned char *)text + at;
	size_t left = len - at;
	if (p[0] == '\r')
		return left > 1 && p[1] == '\n' ? 2 : 1;
	if (p[0] == '\n')
		return 1;
	if (left > 1 && p[0] == 0xc2 && p[1] == 0x85) /* NEL */
		return 2;
	if (left > 2 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9)) /* LS, PS */
		return 3;
	return 0;
}

static size_t count_lines(const struct qd_conf_text *t, size_t *begins)
{
	size_t lines = 0;
	for (size_t at = 0, from = 0; at < t->len_bytes;) {
		size_t skip = break_at(t->text, t->len_bytes, at);
		at += skip > 0 ? skip : 1;
		if (skip == 0 && at < t->len_bytes)
			continue;
		if (begins != NULL)
			begins[lines] = from;
		lines++;
		from = at;
	}
	if (begins != NULL)
		begins[lines] = t->len_bytes;
	return lines;
}

/* Only blanks, and perhaps a comment, from column `column` (in characters, from 0) of a line to its end. */
static bool ends_there(const struct cut *c, size_t line, size_t column)
{
	size_t at = c->begins[line];
	size_t end = c->begins[line + 1];
	const char *text = c->whole->text;
	for (; column > 0 && at < end; column--) {
		at++;
		while (at < end && ((unsigned char)text[at] & 0xc0) == 0x80)
			at++;
	}
	while (at < end && (text[at] == ' ' || text[at] == '\t'))
		at++;
	return at >= end || text[at] == '#' || break_at(text, c->whole->len_bytes, at) > 0;
}

static bool begins_there(const struct cut *c, const yaml_mark_t *mark)
{
	const char *text = c->whole->text + c->begins[mark->line];
	for (size_t i = 0; i < mark->column; i++) {
		if (text[i] != ' ')
			return false;
	}
	return true;
}

/* ------------------------------------------------ cutting */

static void drop_lines(struct cut *c, size_t first, size_t last)
{
	for (size_t i = first; i <= last && i < c->lines; i++)
		c->drop[i] = true;
}

/* A key with its value, when they share their lines with nothing else. */
static void cut_pair(struct cut *c, const yaml_node_t *key, const yaml_node_t *value)
{
	/* The value of an alias stands elsewhere. */
	if (value->start_mark.index < key->end_mark.index || key->start_mark.line >= c->lines ||
	    !begins_there(c, &key->start_mark)) {
		c->clean = false;
		return;
	}
	/* Of a map in block style: nothing but a comment follows on the last line. */
	size_t last = value->end_mark.line;
	if (value->end_mark.column == 0 && last > key->start_mark.line)
		last--; /* a block scalar ends where the next line begins */
	drop_lines(c, key->start_mark.line, last);
}

/* The line "name:" of a map whose keys all go. */
static void cut_header(struct cut *c, const yaml_node_t *key, const yaml_node_t *value)
{
	size_t line = key->start_mark.line;
	const size_t colon = key->end_mark.column + 1;
	if (value->start_mark.index < key->end_mark.index || value->start_mark.line <= line ||
	    line >= c->lines || !begins_there(c, &key->start_mark) || !ends_there(c, line, colon)) {
		c->clean = false;
		return;
	}
	drop_lines(c, line, line);
}

/* Whether the file gives a key of the cluster, or one of the machine, below the prefix. */
static bool has_below(const struct cut *c, const char *prefix, bool own)
{
	size_t count = 0;
	const struct qd_conf_key *schema = qd_conf_schema(&count);
	bool found = false;
	for (size_t i = 0; i < count; i++)
		found = found ||
			((c->conf->given >> i & 1) != 0 && ((schema[i].flags & QD_CONF_LOCAL) != 0) == own &&
			 strncmp(schema[i].key, prefix, strlen(prefix)) == 0);
	return found;
}

static void take_section(struct cut *c, const char *prefix, const yaml_node_t *key, const yaml_node_t *value)
{
	const bool block = value->data.mapping.style == YAML_BLOCK_MAPPING_STYLE;
	const bool shared = has_below(c, prefix, false);
	const bool own = has_below(c, prefix, true);
	if (!own && shared)
		return;
	if (!block) {
		if (shared)
			c->clean = false;
		else
			cut_pair(c, key, value);
		return;
	}
	if (!shared)
		cut_header(c, key, value);
	qd_assert(c->waiting_count < SECTIONS_MAX); /* as in conf_tree.c */
	struct section *s = &c->waiting[c->waiting_count++];
	s->map = value;
	(void)snprintf(s->prefix, sizeof(s->prefix), "%s", prefix);
}

/* The schema's key of this name, or NULL: it names a section. */
static const struct qd_conf_key *find_key(const char *name)
{
	size_t count = 0;
	const struct qd_conf_key *schema = qd_conf_schema(&count);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(schema[i].key, name) == 0)
			return &schema[i];
	}
	return NULL;
}

static void take_map(struct cut *c, const struct section *section)
{
	const yaml_node_t *map = section->map;
	for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
	     p++) {
		const yaml_node_t *key = yaml_document_get_node(c->document, p->key);
		const yaml_node_t *value = yaml_document_get_node(c->document, p->value);
		char name[QD_CONF_KEY_MAX + 1];
		(void)snprintf(name, sizeof(name), "%s%s", section->prefix, qd_conf_tree_scalar(key));
		const struct qd_conf_key *found = find_key(name);
		if (found != NULL && (found->flags & QD_CONF_LOCAL) != 0)
			cut_pair(c, key, value);
		if (found != NULL)
			continue;
		char prefix[QD_CONF_KEY_MAX];
		(void)snprintf(prefix, sizeof(prefix), "%.46s.", name);
		take_section(c, prefix, key, value);
	}
}

/* The lines that stay, in place. */
static size_t keep_lines(const struct cut *c, char *to)
{
	size_t at = 0;
	for (size_t i = 0; i < c->lines; i++) {
		size_t len = c->begins[i + 1] - c->begins[i];
		if (c->drop[i])
			continue;
		memcpy(to + at, c->whole->text + c->begins[i], len);
		at += len;
	}
	return at;
}

/* False: the text cannot be cut by lines. Then *len_bytes is not set. */
static bool cut_document(struct cut *c, char *to, size_t *len_bytes)
{
	const yaml_node_t *root = yaml_document_get_root_node(c->document);
	c->clean = root->data.mapping.style == YAML_BLOCK_MAPPING_STYLE;
	c->waiting[c->waiting_count++] = (struct section){.map = root};
	for (size_t i = 0; i < c->waiting_count && c->clean; i++) {
		struct section section = c->waiting[i];
		take_map(c, &section);
	}
	if (c->clean)
		*len_bytes = keep_lines(c, to);
	return c->clean;
}

static int cut_text(const struct qd_conf_text *whole, const struct qd_conf *conf, struct qd_conf_body *out)
{
	struct cut c = {.whole = whole, .conf = conf, .lines = count_lines(whole, NULL)};
	yaml_document_t document;
	yaml_parser_t parser;
	c.begins = calloc(c.lines + 1, sizeof(*c.begins));
	c.drop = calloc(c.lines + 1, sizeof(*c.drop));
	int status =
		c.begins != NULL && c.drop != NULL && yaml_parser_initialize(&parser) ? 0 : -QD_ERR_NOMEM;
	if (status == 0) {
		(void)count_lines(whole, c.begins);
		yaml_parser_set_input_string(&parser, (const unsigned char *)whole->text, whole->len_bytes);
		yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
		if (yaml_parser_load(&parser,
				     &document)) { /* it was parsed before: fails for want of memory only */
			c.document = &document;
			out->verbatim = cut_document(&c, out->text, &out->len_bytes);
			yaml_document_delete(&document);
		} else {
			status = -QD_ERR_NOMEM;
		}
		yaml_parser_delete(&parser);
	}
	free(c.begins);
	free(c.drop);
	return status;
}

/* ------------------------------------------------ the body of a file */

struct workplace {
	struct qd_conf whole;
	struct qd_conf again;
	struct qd_conf_messages ignored;
	char wanted[QD_BODY_BYTES_MAX];
	char found[QD_BODY_BYTES_MAX];
};

/* Whether a body says of the cluster's keys what the whole file says. */
static bool says_the_same(struct workplace *w, size_t wanted, const struct qd_conf_body *body)
{
	const struct qd_conf_text text = {.name = "body", .text = body->text, .len_bytes = body->len_bytes};
	if (qd_conf_parse_body(&text, &w->again, &w->ignored) != 0)
		return false;
	size_t found = qd_conf_body_write(&w->again, w->found, sizeof(w->found));
	return found == wanted && memcmp(w->found, w->wanted, wanted) == 0;
}

static int refuse(struct qd_conf_messages *messages, const char *file, const char *what)
{
	struct qd_conf_tree tree = {.file = file, .messages = messages};
	qd_conf_tree_message(&tree, (struct qd_conf_mark){0}, "%s", what);
	return -QD_ERR_CONFIG;
}

static int split(struct workplace *w, const struct qd_conf_text *whole, struct qd_conf_body *out,
		 struct qd_conf_messages *messages)
{
	int status = qd_conf_parse(whole->name, whole->text, whole->len_bytes, &w->whole, messages);
	if (status != 0)
		return status;
	size_t wanted = qd_conf_body_write(&w->whole, w->wanted, sizeof(w->wanted));
	status = cut_text(whole, &w->whole, out);
	if (status != 0)
		return status;
	/* A cut that went wrong (an anchor in what was cut, a line that libyaml counts otherwise) is no harm. */
	if (wanted > 0 && (!out->verbatim || !says_the_same(w, wanted, out))) {
		memcpy(out->text, w->wanted, wanted);
		out->len_bytes = wanted;
		out->verbatim = false;
	}
	if (wanted == 0 || out->len_bytes > QD_BODY_BYTES_MAX)
		return refuse(
			messages, whole->name,
			"the cluster's part is longer than the quorum disk holds (1044224 bytes); shorten "
			"comments");
	if (!out->verbatim && !says_the_same(w, wanted, out))
		return refuse(messages, whole->name,
			      "a value has a character that cannot be written in YAML; remove it");
	return 0;
}

int qd_conf_body_split(const struct qd_conf_text *whole, struct qd_conf_body *out,
		       struct qd_conf_messages *messages)
{
	*out = (struct qd_conf_body){0};
	*messages = (struct qd_conf_messages){0};
	/* What stays, or what is written anew, whichever is longer. */
	const size_t cap = whole->len_bytes > QD_BODY_BYTES_MAX ? whole->len_bytes : QD_BODY_BYTES_MAX;
	struct workplace *w = calloc(1, sizeof(*w));
	out->text = malloc(cap);
	int status = w != NULL && out->text != NULL ? split(w, whole, out, messages) : -QD_ERR_NOMEM;
	free(w);
	if (status != 0) {
		free(out->text);
		*out = (struct qd_conf_body){0};
	}
	return status;
}
