/* SPDX-License-Identifier: Apache-2.0 */
/* The byte tables of a format's document, for the tests that compare them with the code: rows `| offset | size | `name` |`
 * under a third-level heading. Include unit.h before it. */
#ifndef QD_TESTS_DOC_TABLES_H
#define QD_TESTS_DOC_TABLES_H

#include "unit.h"

enum {
	DOC_LINE_BYTES = 1024,
	DOC_FIELDS_MAX = 128,
	DOC_NAME_BYTES = 64,
};

struct doc_field {
	char table[DOC_NAME_BYTES];
	char name[DOC_NAME_BYTES];
	unsigned offset;
	unsigned size;
};

struct doc_fields {
	struct doc_field at[DOC_FIELDS_MAX];
	size_t count;
};

/* The document lies beside the tests, wherever the program was started; then the place it is usually started from. */
static inline FILE *doc_open(const char *name)
{
	char path[DOC_LINE_BYTES];
	const char *end = strstr(__FILE__, "tests/unit/");
	int root_len = end == NULL ? 0 : (int)(end - __FILE__);
	(void)snprintf(path, sizeof(path), "%.*sdocs/%s", root_len, __FILE__, name);
	FILE *f = fopen(path, "r");
	if (f != NULL)
		return f;
	(void)snprintf(path, sizeof(path), "docs/%s", name);
	return fopen(path, "r");
}

/* The decimal number behind "| "; *at moves behind it and a blank. */
static inline bool doc_read_number(const char **at, unsigned *number)
{
	if (strncmp(*at, "| ", 2) != 0 || (*at)[2] < '0' || (*at)[2] > '9')
		return false;
	char *end;
	*number = (unsigned)strtoul(*at + 2, &end, 10);
	*at = end + 1;
	return *end == ' ';
}

/* The text up to a character that ends it; false when there is none or too much. */
static inline bool doc_read_text(const char *from, const char *end, char to[DOC_NAME_BYTES])
{
	size_t len = strcspn(from, end);
	if (from[len] == '\0' || len >= DOC_NAME_BYTES)
		return false;
	memcpy(to, from, len);
	to[len] = '\0';
	return true;
}

/* A row `| offset | size | `name` | ...` under a third-level heading; other lines are prose. */
static inline void doc_read_line(const char *line, char table[DOC_NAME_BYTES], struct doc_fields *out)
{
	if (line[0] == '#') {
		table[0] = '\0';
		if (strncmp(line, "### ", 4) == 0)
			UNIT_OK(doc_read_text(line + 4, "\n", table));
		return;
	}
	struct doc_field f = {.offset = 0};
	if (table[0] == '\0' || !doc_read_number(&line, &f.offset) || !doc_read_number(&line, &f.size))
		return;
	if (!UNIT_OK(strncmp(line, "| `", 3) == 0 && doc_read_text(line + 3, "`", f.name)))
		return;
	memcpy(f.table, table, DOC_NAME_BYTES);
	if (UNIT_OK(out->count < DOC_FIELDS_MAX))
		out->at[out->count++] = f;
}

static inline bool doc_read(const char *name, struct doc_fields *out)
{
	char line[DOC_LINE_BYTES];
	char table[DOC_NAME_BYTES] = "";
	*out = (struct doc_fields){.count = 0};
	FILE *f = doc_open(name);
	if (!UNIT_OK(f != NULL))
		return false;
	while (fgets(line, sizeof(line), f) != NULL)
		doc_read_line(line, table, out);
	return UNIT_EQUAL(fclose(f), 0);
}

static inline const struct doc_field *doc_find(const struct doc_field *fields, size_t count,
					       const struct doc_field *like)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(fields[i].table, like->table) == 0 && strcmp(fields[i].name, like->name) == 0)
			return &fields[i];
	}
	return NULL;
}

/* Every field of the code is in the document, at the same place. */
static inline void doc_holds(const char *name, const struct doc_field *code, size_t count)
{
	struct doc_fields doc;
	if (!doc_read(name, &doc))
		return;
	UNIT_EQUAL(doc.count, count);
	for (size_t i = 0; i < count; i++) {
		unit_case("%s: %s", code[i].table, code[i].name);
		const struct doc_field *f = doc_find(doc.at, doc.count, &code[i]);
		UNIT_OK(f != NULL);
		if (f == NULL)
			continue;
		UNIT_EQUAL(f->offset, code[i].offset);
		UNIT_EQUAL(f->size, code[i].size);
	}
}

/* Every field of the document is in the code. */
static inline void doc_is_held(const char *name, const struct doc_field *code, size_t count)
{
	struct doc_fields doc;
	if (!doc_read(name, &doc))
		return;
	for (size_t i = 0; i < doc.count; i++) {
		unit_case("%s: %s", doc.at[i].table, doc.at[i].name);
		UNIT_OK(doc_find(code, count, &doc.at[i]) != NULL);
	}
}

/* A line of the document begins so. */
static inline bool doc_has_line(const char *name, const char *beginning)
{
	char line[DOC_LINE_BYTES];
	bool found = false;
	FILE *f = doc_open(name);
	if (f == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), f) != NULL)
		found = strncmp(line, beginning, strlen(beginning)) == 0;
	return fclose(f) == 0 && found;
}

#endif
