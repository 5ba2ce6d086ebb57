/* SPDX-License-Identifier: Apache-2.0 */
/* docs/ONDISK.md and the codec say the same. The tables of the document are read, those of the code come from
 * src/codec/qdisk_fields.h, from which the codec itself is made. */
#include "unit.h"

#include "codec/qdisk.h"
#include "codec/qdisk_fields.h"
#include "codec/qdisk_slot.h"
#include "doc_tables.h"

#define COMMON(kind, name, offset, size) {"common", #name, offset, size},
#define SUPERBLOCK(kind, name, offset, size) {"superblock", #name, offset, size},
#define OWNER_RECORD(kind, name, offset, size) {"owner record", #name, offset, size},
#define CONFIG_SLOT(kind, name, offset, size) {"configuration slot", #name, offset, size},
#define HEAD(kind, name, offset, size) {"head", #name, offset, size},
#define VOTES(kind, name, offset, size) {"votes", #name, offset, size},

static const struct doc_field CODE[] = {QD_QDISK_COMMON_FIELDS(COMMON) QD_QDISK_SUPERBLOCK_FIELDS(
	SUPERBLOCK) QD_QDISK_OWNER_RECORD_FIELDS(OWNER_RECORD) QD_QDISK_CONFIG_SLOT_FIELDS(CONFIG_SLOT)
						QD_QDISK_HEAD_FIELDS(HEAD) QD_QDISK_VOTES_FIELDS(VOTES)};

static void code_is_documented(void)
{
	doc_holds("ONDISK.md", CODE, UNIT_COUNT(CODE));
}

static void document_is_coded(void)
{
	doc_is_held("ONDISK.md", CODE, UNIT_COUNT(CODE));
}

static void no_overlap(void)
{
	static const struct {
		const char *name;
		size_t len_bytes;
		bool sector; /* with what every sector has */
	} TABLES[] = {{"superblock", 512, true},
		      {"owner record", 512, true},
		      {"configuration slot", 512, true},
		      {"head", QD_QDISK_HEAD_BYTES, false},
		      {"votes", 96, false}};
	for (size_t t = 0; t < UNIT_COUNT(TABLES); t++) {
		uint8_t used[512] = {0};
		for (size_t i = 0; i < UNIT_COUNT(CODE); i++) {
			if (strcmp(CODE[i].table, TABLES[t].name) != 0 &&
			    (!TABLES[t].sector || strcmp(CODE[i].table, "common") != 0))
				continue;
			unit_case("%s: %s", TABLES[t].name, CODE[i].name);
			if (!UNIT_OK(CODE[i].offset + CODE[i].size <= TABLES[t].len_bytes))
				return;
			for (size_t at = 0; at < CODE[i].size; at++)
				UNIT_EQUAL(used[CODE[i].offset + at]++, 0);
		}
	}
}

static bool document_holds(const char *row)
{
	return doc_has_line("ONDISK.md", row);
}

static void layout_is_documented(void)
{
	char row[DOC_LINE_BYTES];
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
	{"no two fields of a sector or part overlap and none leaves it", no_overlap},
	{"the layout and the version of the document are those of the code", layout_is_documented},
};

int main(void)
{
	return unit_run("t_qdisk_doc", TESTS, UNIT_COUNT(TESTS));
}
