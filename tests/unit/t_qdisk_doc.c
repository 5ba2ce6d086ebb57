/* SPDX-License-Identifier: Apache-2.0 */
/* docs/ONDISK.md and the codec say the same. The tables of the document are read, those of the code come from
 * src/codec/qdisk_fields.h, from which the codec itself is made. */
#include "unit.h"

#include "codec/qdisk.h"
#include "codec/qdisk_fields.h"

enum {
	LINE_MAX_BYTES = 1024,
	FIELDS_MAX = 64,
	NAME_MAX_BYTES = 64,
};

struct field {
	char table[NAME_MAX_BYTES];
	char name[NAME_MAX_BYTES];
	unsigned offset;
	unsigned size;
};

struct fields {
	struct field at[FIELDS_MAX];
	size_t count;
};

#define COMMON(kind, name, offset, size) {"common", #name, offset, size},
#define SUPERBLOCK(kind, name, offset, size) {"superblock", #name, offset, size},
#define OWNER_RECORD(kind, name, offset, size) {"owner record", #name, offset, size},
#define CONFIG_SLOT(kind, name, offset, size) {"configuration slot", #name, offset, size},

static const struct field CODE[] = {QD_QDISK_COMMON_FIELDS(COMMON) QD_QDISK_SUPERBLOCK_FIELDS(
	SUPERBLOCK) QD_QDISK_OWNER_RECORD_FIELDS(OWNER_RECORD) QD_QDISK_CONFIG_SLOT_FIELDS(CONFIG_SLOT)};

/* The document lies beside the tests, wherever the program was started; then the place it is usually started from. */
static FILE *open_document(void)
{
	char path[LINE_MAX_BYTES];
	const char *end = strstr(__FILE__, "tests/unit/");
	int root_len = end == NULL ? 0 : (int)(end - __FILE__);
	(void)snprintf(path, sizeof(path), "%.*sdocs/ONDISK.md", root_len, __FILE__);
	FILE *f = fopen(path, "r");
	return f != NULL ? f : fopen("docs/ONDISK.md", "r");
}

/* The decimal number behind "| "; *at moves behind it and a blank. */
static bool read_number(const char **at, unsigned *number)
{
	if (strncmp(*at, "| ", 2) != 0 || (*at)[2] < '0' || (*at)[2] > '9')
		return false;
	char *end;
	*number = (unsigned)strtoul(*at + 2, &end, 10);
	*at = end + 1;
	return *end == ' ';
}

/* The text up to a character that ends it; false when there is none or too much. */
static bool read_text(const char *from, const char *end, char to[NAME_MAX_BYTES])
{
	size_t len = strcspn(from, end);
	if (from[len] == '\0' || len >= NAME_MAX_BYTES)
		return false;
	memcpy(to, from, len);
	to[len] = '\0';
	return true;
}

/* A row `| offset | size | `name` | ...` under a third-level heading; other lines are prose. */
static void read_line(const char *line, char table[NAME_MAX_BYTES], struct fields *out)
{
	if (line[0] == '#') {
		table[0] = '\0';
		if (strncmp(line, "### ", 4) == 0)
			UNIT_OK(read_text(line + 4, "\n", table));
		return;
	}
	struct field f = {.offset = 0};
	if (table[0] == '\0' || !read_number(&line, &f.offset) || !read_number(&line, &f.size))
		return;
	if (!UNIT_OK(strncmp(line, "| `", 3) == 0 && read_text(line + 3, "`", f.name)))
		return;
	memcpy(f.table, table, NAME_MAX_BYTES);
	if (UNIT_OK(out->count < FIELDS_MAX))
		out->at[out->count++] = f;
}

static bool document(struct fields *out)
{
	char line[LINE_MAX_BYTES];
	char table[NAME_MAX_BYTES] = "";
	*out = (struct fields){.count = 0};
	FILE *f = open_document();
	if (!UNIT_OK(f != NULL))
		return false;
	while (fgets(line, sizeof(line), f) != NULL)
		read_line(line, table, out);
	return UNIT_EQUAL(fclose(f), 0);
}

static const struct field *find(const struct field *fields, size_t count, const struct field *like)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(fields[i].table, like->table) == 0 && strcmp(fields[i].name, like->name) == 0)
			return &fields[i];
	}
	return NULL;
}

static void code_is_documented(void)
{
	struct fields doc;
	if (!document(&doc))
		return;
	UNIT_EQUAL(doc.count, UNIT_COUNT(CODE));
	for (size_t i = 0; i < UNIT_COUNT(CODE); i++) {
		unit_case("%s: %s", CODE[i].table, CODE[i].name);
		const struct field *f = find(doc.at, doc.count, &CODE[i]);
		UNIT_OK(f != NULL);
		if (f == NULL)
			continue;
		UNIT_EQUAL(f->offset, CODE[i].offset);
		UNIT_EQUAL(f->size, CODE[i].size);
	}
}

static void document_is_coded(void)
{
	struct fields doc;
	if (!document(&doc))
		return;
	for (size_t i = 0; i < doc.count; i++) {
		unit_case("%s: %s", doc.at[i].table, doc.at[i].name);
		UNIT_OK(find(CODE, UNIT_COUNT(CODE), &doc.at[i]) != NULL);
	}
}

static void no_overlap(void)
{
	static const char *const TABLES[] = {"superblock", "owner record", "configuration slot"};
	for (size_t t = 0; t < UNIT_COUNT(TABLES); t++) {
		uint8_t used[512] = {0};
		for (size_t i = 0; i < UNIT_COUNT(CODE); i++) {
			if (strcmp(CODE[i].table, TABLES[t]) != 0 && strcmp(CODE[i].table, "common") != 0)
				continue;
			unit_case("%s: %s", TABLES[t], CODE[i].name);
			if (!UNIT_OK(CODE[i].offset + CODE[i].size <= sizeof(used)))
				return;
			for (size_t at = 0; at < CODE[i].size; at++)
				UNIT_EQUAL(used[CODE[i].offset + at]++, 0);
		}
	}
}

static bool document_holds(const char *row)
{
	char line[LINE_MAX_BYTES];
	bool found = false;
	FILE *f = open_document();
	if (f == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), f) != NULL)
		found = strncmp(line, row, strlen(row)) == 0;
	return fclose(f) == 0 && found;
}

static void layout_is_documented(void)
{
	char row[LINE_MAX_BYTES];
	(void)snprintf(row, sizeof(row), "| %d | 1 | superblock |", QD_QDISK_SUPERBLOCK_LBA);
	UNIT_OK(document_holds(row));
	(void)snprintf(row, sizeof(row), "| %" PRIu64 " + %d * (id - 1) | 1 | owner record",
		       qd_qdisk_record_lba(1, 0), QD_QDISK_COPIES);
	UNIT_OK(document_holds(row));
	(void)snprintf(row, sizeof(row), "| %" PRIu64 " + %d * (id - 1) | 1 | the same",
		       qd_qdisk_record_lba(1, 1), QD_QDISK_COPIES);
	UNIT_OK(document_holds(row));
	(void)snprintf(row, sizeof(row), "| %" PRIu64 " | %d or %d | configuration slot 0",
		       qd_qdisk_slot_lba(512, 0), QD_QDISK_SLOT_BYTES / 512, QD_QDISK_SLOT_BYTES / 4096);
	UNIT_OK(document_holds(row));
	(void)snprintf(row, sizeof(row), "| %" PRIu64 " or %" PRIu64 " | %d or %d | configuration slot 1",
		       qd_qdisk_slot_lba(512, 1), qd_qdisk_slot_lba(4096, 1), QD_QDISK_SLOT_BYTES / 512,
		       QD_QDISK_SLOT_BYTES / 4096);
	UNIT_OK(document_holds(row));
	(void)snprintf(row, sizeof(row),
		       "| `data_lba` | the rest | data area, not ours; begins at %" PRIu64 " or %" PRIu64
		       " or later",
		       qd_qdisk_min_sectors(512), qd_qdisk_min_sectors(4096));
	UNIT_OK(document_holds(row));
	(void)snprintf(row, sizeof(row), "Format version %d.", QD_QDISK_VERSION);
	UNIT_OK(document_holds(row));
}

static const struct unit_test TESTS[] = {
	{"every field of the code is in the document, at the same place", code_is_documented},
	{"every field of the document is in the code", document_is_coded},
	{"no two fields of a sector overlap and none leaves 512 bytes", no_overlap},
	{"the layout and the version of the document are those of the code", layout_is_documented},
};

int main(void)
{
	return unit_run("t_qdisk_doc", TESTS, UNIT_COUNT(TESTS));
}
