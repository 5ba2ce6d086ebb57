/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/qdisk_slot.h"
#include "disk.h"
#include "document.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static const char *record_state(enum qd_record_state state)
{
	return state == QD_RECORD_TAKEN ? "taken" : state == QD_RECORD_RELEASED ? "released" : "none";
}

static json_t *key_of(struct qd_key key)
{
	char text[QD_DISK_KEY_TEXT];
	qd_disk_key_text(key, text);
	return json_string(text);
}

static json_t *uuid_of(const uint8_t id[16])
{
	char text[QD_DISK_UUID_TEXT];
	qd_disk_uuid_text(id, text);
	return json_string(text);
}

static json_t *number(uint64_t v)
{
	return json_integer((json_int_t)v);
}

static json_t *show_superblock(const struct qd_superblock *s)
{
	char when[40] = "-";
	time_t seconds = (time_t)s->formatted_unix_s;
	struct tm utc = {0};
	if (gmtime_r(&seconds, &utc) != NULL)
		(void)strftime(when, sizeof(when), "%FT%TZ", &utc);
	return json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:s}", "cluster", s->cluster, "uuid",
			 uuid_of(s->disk_uuid), "version", number(s->version), "cluster_tag",
			 number(s->cluster_tag), "sector_bytes", number(s->sector_bytes), "data_lba",
			 number(s->data_lba), "formatted", when);
}

static json_t *show_record(const struct qd_owner_record *r)
{
	return json_pack("{s:o,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "node", number(r->node_id), "state",
			 record_state(r->state), "epoch", number(r->epoch), "incarnation",
			 number(r->incarnation), "sequence", number(r->sequence), "heir", number(r->heir),
			 "heir_turn", number(r->heir_turn), "machine_id", uuid_of(r->machine_id), "boot_id",
			 uuid_of(r->boot_id));
}

static int show_records(const struct qd_disk *d, const struct qd_superblock *s, json_t *document)
{
	static struct qd_owner_record records[QD_NODE_ID_MAX];
	json_t *list = json_array();
	int status = qd_disk_records_read(d, s, records);
	for (size_t i = 0; status == 0 && i < QD_NODE_ID_MAX; i++) {
		if (records[i].state != QD_RECORD_NONE)
			(void)json_array_append_new(list, show_record(&records[i]));
	}
	(void)json_object_set_new(document, "records", list);
	return status;
}

static const char *slot_state(enum qd_qdisk_verdict verdict)
{
	return verdict == QD_QDISK_OK ? "ok" : verdict == QD_QDISK_NEWER ? "newer format" : "damaged";
}

/* With its body: a header alone does not make a slot count. Blank ones are left out. */
static int show_slots(const struct qd_disk *d, const struct qd_superblock *s, json_t *document)
{
	static uint8_t slot[QD_QDISK_SLOT_BYTES];
	_Static_assert((int)QD_QDISK_SLOT_BYTES <= (int)QD_DISK_TOOL_TRANSFER_MAX, "a slot is one read");
	json_t *list = json_array();
	int status = 0;
	for (uint32_t i = 0; i < QD_QDISK_SLOT_COUNT && status == 0; i++) {
		struct qd_config_content c;
		enum qd_outcome outcome = qd_disk_tool_read(d->tool, qd_qdisk_slot_lba(s->sector_bytes, i),
							    QD_QDISK_SLOT_BYTES / s->sector_bytes, slot);
		if (outcome != QD_OUTCOME_GOOD) {
			status = qd_disk_failed(d, "configuration slot", outcome);
			break;
		}
		qd_config_slot_judge(slot, sizeof(slot), s->sector_bytes, &c);
		if (c.verdict != QD_QDISK_EMPTY)
			(void)json_array_append_new(list, json_pack("{s:o,s:s,s:o,s:o,s:o}", "slot",
								    number(i), "state", slot_state(c.verdict),
								    "epoch", number(c.head.tag.epoch),
								    "version", number(c.head.tag.version),
								    "bytes", number(c.text_bytes)));
	}
	(void)json_object_set_new(document, "slots", list);
	return status;
}

static int show_reservation(const struct qd_disk *d, json_t *document)
{
	struct qd_pr_reservation r;
	enum qd_outcome outcome = qd_disk_tool_read_reservation(d->tool, &r);
	if (outcome == QD_OUTCOME_UNSUPPORTED)
		return json_object_set_new(document, "reservation",
					   json_string("persistent reservations are not supported"));
	if (outcome != QD_OUTCOME_GOOD)
		return qd_disk_failed(d, "READ RESERVATION", outcome);
	json_t *v =
		r.held ? json_pack("{s:o,s:s}", "holder", key_of(r.holder), "type", qd_pr_type_name(r.type))
		       : json_string("none");
	(void)json_object_set_new(document, "reservation", v);
	(void)json_object_set_new(document, "generation", number(r.generation));
	return 0;
}

static int show_keys(const struct qd_disk *d, json_t *document)
{
	struct qd_pr_keys keys;
	struct qd_key list[QD_PR_KEYS_MAX];
	json_t *shown = json_array();
	enum qd_outcome outcome = qd_disk_tool_read_keys(d->tool, list, QD_PR_KEYS_MAX, &keys);
	for (uint32_t i = 0; outcome == QD_OUTCOME_GOOD && i < keys.count; i++)
		(void)json_array_append_new(shown, key_of(list[i]));
	(void)json_object_set_new(document, "keys", shown);
	return outcome == QD_OUTCOME_GOOD || outcome == QD_OUTCOME_UNSUPPORTED
		       ? 0
		       : qd_disk_failed(d, "READ KEYS", outcome);
}

static int show_full_status(const struct qd_disk *d, json_t *document)
{
	struct qd_pr_full_status_cursor cursor;
	struct qd_pr_full_status status;
	enum qd_outcome outcome = qd_disk_tool_full_status(d->tool, &cursor);
	if (outcome != QD_OUTCOME_GOOD) {
		(void)json_object_set_new(document, "full_status",
					  json_string(outcome == QD_OUTCOME_UNSUPPORTED
							      ? "not supported"
							      : qd_outcome_name(outcome)));
		return 0;
	}
	json_t *list = json_array();
	while (qd_pr_full_status_next(&cursor, &status))
		(void)json_array_append_new(list,
					    json_pack("{s:o,s:b,s:s}", "key", key_of(status.key), "holder",
						      status.holder, "initiator", status.initiator));
	(void)json_object_set_new(document, "full_status", list);
	return 0;
}

static json_t *show_lun(const struct qd_disk *d)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:b}", "url", d->path.url, "vendor", d->info.vendor,
			 "product", d->info.product, "revision", d->info.revision, "designator",
			 d->info.designator, "sector_bytes", number(d->info.sector_bytes), "sectors",
			 number(d->info.sectors), "write_protected", d->info.write_protected);
}

/* A disk that is none of ours is shown as what it is; the exit status says so. */
static int show(const struct qd_disk *d, json_t *document)
{
	struct qd_disk_content content;
	int verdict = 0;
	int status = qd_disk_content_read(d, &content);
	if (status != 0)
		return status;
	(void)json_object_set_new(document, "lun", show_lun(d));
	if (content.verdict == QD_QDISK_OK) {
		(void)json_object_set_new(document, "superblock", show_superblock(&content.superblock));
		status = show_records(d, &content.superblock, document);
		if (status == 0)
			status = show_slots(d, &content.superblock, document);
	} else if (content.verdict == QD_QDISK_NEWER) {
		verdict = qd_disk_refuse(
			d, QD_ERR_NEWER_FORMAT,
			"it is a quorum disk of a newer format than %d; use that version of quorumctl",
			QD_QDISK_VERSION);
	} else {
		verdict = qd_disk_refuse(d, QD_ERR_NOT_QDISK,
					 "it is no quorum disk: it holds %s; make it one with "
					 "\"quorumctl disk format\", or correct the URL",
					 content.empty	? "nothing"
					 : content.ours ? "a damaged superblock"
							: content.what);
	}
	if (status == 0)
		status = show_reservation(d, document);
	if (status == 0)
		status = show_keys(d, document);
	if (status == 0)
		status = show_full_status(d, document);
	return status != 0 ? status : verdict;
}

int qd_disk_show_run(int argc, char **argv)
{
	static struct qd_disk d;
	struct qd_disk_options o = {0};
	bool json = false;
	struct qd_ctl_option table[QD_DISK_OPTION_COUNT + 1] = {0};
	qd_disk_options_fill(&o, table);
	table[QD_DISK_OPTION_COUNT] = (struct qd_ctl_option){"--json", &json, NULL};
	int status = qd_ctl_options(argc, argv, table, QD_DISK_OPTION_COUNT + 1);
	if (status == 0)
		status = qd_disk_open("disk show", &o, &d);
	if (status != 0)
		return status;
	json_t *document = json_object();
	status = show(&d, document);
	qd_disk_close(&d);
	int printed = qd_document_print(document, json);
	return status != 0 ? status : printed;
}
