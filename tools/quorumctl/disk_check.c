/* SPDX-License-Identifier: Apache-2.0 */
#include "disk.h"
#include "document.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	READS = 20,
	SLOW_US = 100000, /* a third of the shortest renewal: above, rounds fail */
};

/* One line of the report, and whether all protections are there so far. */
struct report {
	json_t *document;
	json_t *missing;
	bool complete;
};

static void say(struct report *r, const char *name, const char *text)
{
	(void)json_object_set_new(r->document, name, json_string(text));
}

/* A protection that the target does not give: what that means. */
static void miss(struct report *r, const char *name, const char *text, const char *meaning)
{
	say(r, name, text);
	(void)json_array_append_new(r->missing, json_string(meaning));
	r->complete = false;
}

static int check_capabilities(const struct qd_disk *d, struct report *r)
{
	struct qd_pr_capabilities c;
	struct qd_pr_keys keys;
	struct qd_key list[QD_PR_KEYS_MAX];
	const int status = qd_disk_read_keys(d, list, &keys);
	if (status != 0)
		return status;
	enum qd_outcome outcome = qd_disk_tool_capabilities(d->tool, &c);
	if (outcome != QD_OUTCOME_GOOD) {
		say(r, "capabilities", "the target does not report them");
		return 0;
	}
	bool types = !c.type_mask_valid || ((c.type_bits >> QD_PR_TYPE_WRITE_EXCLUSIVE & 1) != 0 &&
					    (c.type_bits >> QD_PR_TYPE_WRITE_EXCLUSIVE_RO & 1) != 0);
	if (types)
		say(r, "types", "Write Exclusive and Write Exclusive - Registrants Only are supported");
	else
		miss(r, "types", "Write Exclusive or Write Exclusive - Registrants Only is missing",
		     "The disk cannot be reserved as quorumd needs it.");
	(void)json_object_set_new(r->document, "aptpl_reported", json_boolean(c.ptpl_capable));
	return 0;
}

static void check_full_status(const struct qd_disk *d, struct report *r)
{
	struct qd_pr_full_status_cursor cursor;
	enum qd_outcome outcome = qd_disk_tool_full_status(d->tool, &cursor);
	say(r, "read_full_status",
	    outcome == QD_OUTCOME_GOOD ? "supported"
				       : "not supported: keys cannot be told apart by their initiators");
}

static int compare_us(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;
	return x < y ? -1 : x > y ? 1 : 0;
}

static uint64_t now_us(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int check_latency(const struct qd_disk *d, struct report *r)
{
	uint64_t us[READS];
	uint8_t sector[QD_QDISK_SECTOR_MAX];
	for (size_t i = 0; i < READS; i++) {
		uint64_t begin = now_us();
		enum qd_outcome outcome = qd_disk_tool_read(d->tool, 0, 1, sector);
		us[i] = now_us() - begin;
		if (outcome != QD_OUTCOME_GOOD)
			return qd_disk_failed(d, "reading", outcome);
	}
	qsort(us, READS, sizeof(us[0]), compare_us);
	char text[160];
	(void)snprintf(text, sizeof(text),
		       "%d reads: least %" PRIu64 " us, median %" PRIu64 " us, most %" PRIu64 " us", READS,
		       us[0], us[READS / 2], us[READS - 1]);
	if (us[READS - 1] > SLOW_US)
		miss(r, "latency", text,
		     "Reads are slow: choose times.renew well above ten times the worst one.");
	else
		say(r, "latency", text);
	return 0;
}

static void check_digests(const struct qd_disk *d, struct report *r)
{
	char why[QD_DISK_TOOL_WHY_MAX];
	struct qd_iscsi_target target = d->target;
	struct qd_disk_tool *tool = NULL;
	size_t len = strlen(target.initiator);
	target.header_digest = QD_ISCSI_DIGEST_DEMAND;
	(void)snprintf(target.initiator + len, sizeof(target.initiator) - len, ".digest");
	int status = qd_disk_tool_open(&target, qd_span_ms(QD_DISK_LIMIT_MS), &tool, why);
	qd_disk_tool_close(tool);
	say(r, "header_digest",
	    status == 0 ? "crc32c works" : "not offered by the target: the session does without");
	say(r, "data_digest", "libiscsi has none; every sector of ours carries a checksum of its own");
}

/* Keys of the trial: no node has id 0. */
static const uint64_t key_a = 0x0000000000a11ce0;
static const uint64_t key_b = 0x0000000000b0b000;

static void try_aptpl(const struct qd_disk *d, struct report *r)
{
	enum qd_outcome outcome = qd_disk_pr(d->tool, QD_PR_REGISTER, 0, key_a, true);
	if (outcome == QD_OUTCOME_GOOD) {
		say(r, "aptpl",
		    "accepted; whether it holds is seen by --before-power-cut and --after-power-cut");
		return;
	}
	miss(r, "aptpl", "refused",
	     "Without APTPL the target forgets reservations when it loses power: a write of an earlier owner "
	     "may then "
	     "succeed.");
	outcome = qd_disk_pr(d->tool, QD_PR_REGISTER, 0, key_a, false);
	if (outcome != QD_OUTCOME_GOOD)
		miss(r, "register", qd_outcome_name(outcome),
		     "The LUN takes no registration: it cannot be a quorum disk.");
}

/* Two sessions: b reserves, a preempts and aborts. Everything is taken back. */
static void try_preempt(const struct qd_disk *d, struct qd_disk_tool *b, struct report *r)
{
	struct qd_pr_reservation now = {0};
	if (qd_disk_pr(b, QD_PR_REGISTER, 0, key_b, false) != QD_OUTCOME_GOOD ||
	    qd_disk_pr(b, QD_PR_RESERVE, key_b, 0, false) != QD_OUTCOME_GOOD) {
		miss(r, "reserve", qd_disk_tool_why(b),
		     "The LUN cannot be reserved: it cannot be a quorum disk.");
		return;
	}
	enum qd_outcome outcome = qd_disk_pr(d->tool, QD_PR_PREEMPT_AND_ABORT, key_a, key_b, false);
	bool held = outcome == QD_OUTCOME_GOOD &&
		    qd_disk_tool_read_reservation(d->tool, &now) == QD_OUTCOME_GOOD && now.held &&
		    now.holder.value == key_a;
	if (held) {
		say(r, "preempt_and_abort", "works");
	} else {
		miss(r, "preempt_and_abort",
		     outcome == QD_OUTCOME_GOOD ? "answers GOOD and does nothing" : "refused",
		     "Without PREEMPT AND ABORT writes that a loser had queued may still be executed: the "
		     "disk does not "
		     "fence, and a take-over always waits for the whole time.");
		outcome = qd_disk_pr(d->tool, QD_PR_PREEMPT, key_a, key_b, false);
		if (outcome != QD_OUTCOME_GOOD)
			miss(r, "preempt", qd_outcome_name(outcome), "A dead owner cannot be replaced.");
	}
}

/* May the trial begin: a quorum disk of ours, nobody's, with no key of anybody. */
static const char *why_not(const struct qd_disk *d)
{
	static struct qd_owner_record records[QD_NODE_ID_MAX];
	struct qd_disk_content content;
	struct qd_pr_reservation reservation;
	struct qd_pr_keys keys;
	struct qd_key list[QD_PR_KEYS_MAX];
	uint64_t newest = 0;
	bool taken = false;
	if (qd_disk_content_read(d, &content) != 0 || content.verdict != QD_QDISK_OK)
		return "not tried: it is no quorum disk of ours";
	if (qd_disk_tool_read_reservation(d->tool, &reservation) != QD_OUTCOME_GOOD || reservation.held)
		return "not tried: the disk is reserved";
	if (qd_disk_tool_read_keys(d->tool, list, QD_PR_KEYS_MAX, &keys) != QD_OUTCOME_GOOD ||
	    keys.total_count > 0)
		return "not tried: somebody is registered";
	if (qd_disk_records_read(d, &content.superblock, records) != 0)
		return "not tried: the owner records cannot be read";
	for (size_t i = 0; i < QD_NODE_ID_MAX; i++) {
		if (records[i].state != QD_RECORD_NONE && records[i].epoch >= newest) {
			newest = records[i].epoch;
			taken = records[i].state == QD_RECORD_TAKEN;
		}
	}
	return taken ? "not tried: by its newest record the disk has an owner" : NULL;
}

static int try_reservations(const struct qd_disk *d, struct report *r)
{
	const char *why = why_not(d);
	if (why != NULL) {
		say(r, "aptpl", why);
		say(r, "preempt_and_abort", why);
		return 0;
	}
	struct qd_disk_tool *b = qd_disk_open_second(d, ".b");
	if (b == NULL)
		return qd_ctl_exit_status(QD_ERR_UNREACHABLE);
	try_aptpl(d, r);
	try_preempt(d, b, r);
	/* CLEAR removes the reservation and every registration, of which there are only ours. */
	enum qd_outcome outcome = qd_disk_pr(d->tool, QD_PR_CLEAR, key_a, 0, false);
	qd_disk_tool_close(b);
	return outcome == QD_OUTCOME_GOOD ? 0 : qd_disk_failed(d, "CLEAR after the trial", outcome);
}

static int check(const struct qd_disk *d, struct report *r)
{
	char size[64];
	(void)snprintf(size, sizeof(size), "%" PRIu64 " sectors of %" PRIu32 " bytes", d->info.sectors,
		       d->info.sector_bytes);
	say(r, "target", d->info.vendor);
	say(r, "product", d->info.product);
	say(r, "size", size);
	if (d->info.sectors < qd_qdisk_min_sectors(d->info.sector_bytes))
		miss(r, "size", size, "The LUN is too small for a quorum disk.");
	if (d->info.write_protected)
		miss(r, "write_protected", "yes", "The LUN is write-protected: nobody can own through it.");
	if (!d->info.dpofua)
		say(r, "fua", "not reported: every record is followed by SYNCHRONIZE CACHE");
	int status = check_capabilities(d, r);
	if (status == 0)
		status = try_reservations(d, r);
	if (status == 0)
		status = check_latency(d, r);
	if (status != 0)
		return status;
	check_full_status(d, r);
	check_digests(d, r);
	return r->complete ? 0 : 1;
}

int qd_disk_check_run(int argc, char **argv)
{
	static struct qd_disk d;
	struct qd_disk_options o = {0};
	bool json = false;
	bool before = false;
	bool after = false;
	struct qd_ctl_option table[QD_DISK_OPTION_COUNT + 3] = {0};
	qd_disk_options_fill(&o, table);
	table[QD_DISK_OPTION_COUNT] = (struct qd_ctl_option){"--json", &json, NULL};
	table[QD_DISK_OPTION_COUNT + 1] = (struct qd_ctl_option){"--before-power-cut", &before, NULL};
	table[QD_DISK_OPTION_COUNT + 2] = (struct qd_ctl_option){"--after-power-cut", &after, NULL};
	int status = qd_ctl_options(argc, argv, table, QD_DISK_OPTION_COUNT + 3);
	if (status == 0 && before && after) {
		qd_ctl_complain("disk check: --before-power-cut and --after-power-cut are two steps");
		status = QD_CTL_USAGE;
	}
	if (status == 0)
		status = qd_disk_open("disk check", &o, &d);
	if (status != 0)
		return status;
	if (before || after) {
		status = before ? qd_disk_power_before(&d) : qd_disk_power_after(&d);
		qd_disk_close(&d);
		return status;
	}
	struct report r = {.document = json_object(), .missing = json_array(), .complete = true};
	status = check(&d, &r);
	qd_disk_close(&d);
	(void)json_object_set_new(r.document, "missing_protections", r.missing);
	int printed = qd_document_print(r.document, json);
	return printed != 0 ? printed : status;
}
