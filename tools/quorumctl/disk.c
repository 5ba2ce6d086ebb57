/* SPDX-License-Identifier: Apache-2.0 */
#include "disk.h"

#include "base/assert.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COMMON_HELP                                                                                          \
	"  URL            iscsi://host:port/target/lun\n"                                                    \
	"  --config FILE  take the cluster, credentials, digests and, without URL, the first path from it\n" \
	"  --user NAME, --secret-file FILE                  CHAP; the file must be mode 0600\n"              \
	"  --mutual-user NAME, --mutual-secret-file FILE    the target proves itself, too\n"                 \
	"  --initiator IQN                                  the name to log in with\n"

static const struct qd_ctl_command commands[] = {
	{"format", qd_disk_format_run, "URL --cluster NAME [--force ID] [OPTION ...]",
	 "Make the LUN the quorum disk of a cluster. Prints the disk's UUID.\n"
	 "Refused when the LUN is too small, write-protected, reserved, without persistent reservations,\n"
	 "or holds anything; --force then needs the id that the refusal prints.\n\n"
	 "  --cluster NAME the cluster's name, as in its configuration\n"
	 "  --force ID     overwrite just what the refusal named: the UUID of a quorum disk, or the id of "
	 "other data\n" COMMON_HELP},
	{"show", qd_disk_show_run, "URL [--json] [OPTION ...]",
	 "Show the superblock, the owner records, the configuration slots, the reservation and the keys.\n"
	 "Reads only.\n\n"
	 "  --json         as JSON\n" COMMON_HELP},
	{"check", qd_disk_check_run, "URL [--json] [--before-power-cut | --after-power-cut] [OPTION ...]",
	 "Say which protections the target gives and which it does not. Leaves the disk as it was; APTPL "
	 "and\n"
	 "PREEMPT AND ABORT are tried only on a quorum disk that nobody uses.\n\n"
	 "  --json         as JSON\n"
	 "  --before-power-cut   preempt a key, then ask you to cut the target's power\n"
	 "  --after-power-cut    when it is back: has it forgotten?\n" COMMON_HELP
	 "\nExit status: 0 all protections are there, 1 some are missing; else an error.\n"},
};

int qd_ctl_disk_run(int argc, char **argv)
{
	return qd_ctl_dispatch("quorumctl disk", commands, sizeof(commands) / sizeof(commands[0]), argc,
			       argv);
}

void qd_disk_options_fill(struct qd_disk_options *o, struct qd_ctl_option *table)
{
	const struct qd_ctl_option all[QD_DISK_OPTION_COUNT] = {
		{NULL, NULL, &o->url},
		{"--config", NULL, &o->config},
		{"--user", NULL, &o->user},
		{"--secret-file", NULL, &o->secret_file},
		{"--mutual-user", NULL, &o->mutual_user},
		{"--mutual-secret-file", NULL, &o->mutual_secret_file},
		{"--initiator", NULL, &o->initiator},
	};
	memcpy(table, all, sizeof(all));
}

int qd_disk_refuse(const struct qd_disk *d, int error, const char *format, ...)
{
	char text[1024];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args); /* cut off is better than none */
	va_end(args);
	qd_ctl_complain("%s: %s: %s", d->name, d->path.url, text);
	return qd_ctl_exit_status(error);
}

int qd_disk_failed(const struct qd_disk *d, const char *what, enum qd_outcome outcome)
{
	return qd_disk_refuse(d, outcome == QD_OUTCOME_GARBAGE ? QD_ERR_PROTOCOL : QD_ERR_IO, "%s: %s (%s)",
			      what, qd_disk_tool_why(d->tool), qd_outcome_name(outcome));
}

static int copy_text(const char *what, const char *text, char *to, size_t cap_bytes)
{
	size_t len = text != NULL ? strlen(text) : 0;
	if (len >= cap_bytes) {
		qd_ctl_complain("%s is too long", what);
		return QD_CTL_USAGE;
	}
	if (len > 0)
		memcpy(to, text, len + 1);
	return 0;
}

static int read_secret(const char *file, char secret[QD_CONF_SECRET_MAX])
{
	char why[QD_CONF_MESSAGE_BYTES];
	if (file == NULL)
		return 0;
	int status = qd_conf_secret_read(file, secret, why);
	if (status != 0)
		qd_ctl_complain("%s", why);
	return qd_ctl_exit_status(status);
}

static int load_config(const struct qd_disk_options *o, struct qd_disk *d)
{
	static struct qd_conf_messages messages;
	if (o->config == NULL)
		return 0;
	int status = qd_conf_load(o->config, &d->conf, &messages);
	qd_conf_messages_print(&messages, stderr);
	if (status == 0 && d->conf.path_count == 0) {
		qd_ctl_complain("%s: %s names no quorum disk: give quorum_disk.paths, or a URL", d->name,
				o->config);
		return qd_ctl_exit_status(QD_ERR_CONFIG);
	}
	d->path = d->conf.paths[0];
	return qd_ctl_exit_status(status);
}

static int make_target(const struct qd_disk_options *o, struct qd_disk *d)
{
	const struct qd_conf *c = &d->conf;
	const char *usual = o->config != NULL ? c->initiator : "iqn.2026-11.org.quorumd";
	struct qd_iscsi_target *t = &d->target;
	if ((o->user == NULL) != (o->secret_file == NULL) ||
	    (o->mutual_user == NULL) != (o->mutual_secret_file == NULL)) {
		qd_ctl_complain("%s: a CHAP user and its secret file are given together", d->name);
		return QD_CTL_USAGE;
	}
	t->port = d->path.port;
	t->lun = d->path.lun;
	t->isid = (uint32_t)getpid() & 0xffffffu;
	t->header_digest = o->config != NULL && c->header_digest == QD_CONF_DIGEST_CRC32C
				   ? QD_ISCSI_DIGEST_PREFER
				   : QD_ISCSI_DIGEST_NONE;
	t->data_digest = o->config != NULL && c->data_digest == QD_CONF_DIGEST_CRC32C;
	memcpy(t->host, d->path.host, sizeof(t->host));
	memcpy(t->target, d->path.target, sizeof(t->target));
	(void)snprintf(t->initiator, sizeof(t->initiator), "%.200s:quorumctl", usual);
	memcpy(t->user, c->chap.user, sizeof(t->user));
	memcpy(t->secret, c->chap.secret, sizeof(t->secret));
	memcpy(t->target_user, c->chap.mutual_user, sizeof(t->target_user));
	memcpy(t->target_secret, c->chap.mutual_secret, sizeof(t->target_secret));
	int status = copy_text("--initiator", o->initiator, t->initiator, sizeof(t->initiator));
	if (status == 0)
		status = copy_text("--user", o->user, t->user, sizeof(t->user));
	if (status == 0)
		status = copy_text("--mutual-user", o->mutual_user, t->target_user, sizeof(t->target_user));
	if (status == 0)
		status = read_secret(o->secret_file, t->secret);
	return status != 0 ? status : read_secret(o->mutual_secret_file, t->target_secret);
}

static int ask_info(struct qd_disk *d)
{
	enum qd_outcome outcome = qd_disk_tool_info(d->tool, &d->info);
	if (outcome == QD_OUTCOME_NO_LUN)
		return qd_disk_refuse(d, QD_ERR_NOT_FOUND,
				      "the target has no LUN %" PRIu32
				      "; correct the URL, or allow this initiator (%s) to see it",
				      d->path.lun, d->target.initiator);
	if (outcome != QD_OUTCOME_GOOD)
		return qd_disk_failed(d, "capacity and identity", outcome);
	if (d->info.device_type != 0)
		return qd_disk_refuse(d, QD_ERR_NOT_QDISK,
				      "is no disk but a device of type %u; correct the LUN in the URL",
				      d->info.device_type);
	if (d->info.sector_bytes != 512 && d->info.sector_bytes != QD_QDISK_SECTOR_MAX)
		return qd_disk_refuse(d, QD_ERR_NOT_QDISK,
				      "has sectors of %" PRIu32 " bytes; expected 512 or 4096",
				      d->info.sector_bytes);
	return 0;
}

int qd_disk_open(const char *name, const struct qd_disk_options *options, struct qd_disk *d)
{
	char why[QD_DISK_TOOL_WHY_MAX];
	const char *wrong = NULL;
	memset(d, 0, sizeof(*d));
	d->name = name;
	int status = load_config(options, d);
	if (status != 0)
		return status;
	if (options->url == NULL && options->config == NULL) {
		qd_ctl_complain("%s: expected the URL of a disk; see --help", name);
		return QD_CTL_USAGE;
	}
	if (options->url != NULL && qd_conf_url_parse(options->url, &d->path, &wrong) != 0) {
		const char *at = strrchr(options->url, '@');
		qd_ctl_complain("%s: %s%s: this URL %s", name, at != NULL ? "...@" : "",
				at != NULL ? at + 1 : options->url, wrong);
		return QD_CTL_USAGE;
	}
	status = make_target(options, d);
	if (status != 0)
		return status;
	status = qd_disk_tool_open(&d->target, qd_span_ms(QD_DISK_LIMIT_MS), &d->tool, why);
	if (status != 0)
		return qd_disk_refuse(d, status, "%s", why);
	status = ask_info(d);
	if (status != 0)
		qd_disk_close(d);
	return status;
}

void qd_disk_close(struct qd_disk *d)
{
	qd_disk_tool_close(d->tool);
	d->tool = NULL;
}

struct qd_disk_tool *qd_disk_open_second(const struct qd_disk *d, const char *suffix)
{
	char why[QD_DISK_TOOL_WHY_MAX];
	struct qd_iscsi_target target = d->target;
	struct qd_disk_tool *tool = NULL;
	size_t len = strlen(target.initiator);
	(void)snprintf(target.initiator + len, sizeof(target.initiator) - len, "%s", suffix);
	int status = qd_disk_tool_open(&target, qd_span_ms(QD_DISK_LIMIT_MS), &tool, why);
	if (status != 0)
		(void)qd_disk_refuse(d, status, "second session: %s", why);
	return tool;
}

int qd_disk_read_keys(const struct qd_disk *d, struct qd_key list[QD_PR_KEYS_MAX], struct qd_pr_keys *keys)
{
	const enum qd_outcome outcome = qd_disk_tool_read_keys(d->tool, list, QD_PR_KEYS_MAX, keys);
	if (outcome == QD_OUTCOME_UNSUPPORTED)
		return qd_disk_refuse(
			d, QD_ERR_NO_PR,
			"the LUN does not support SCSI-3 persistent reservations, which decide who owns; "
			"use another target, or turn them on there");
	return outcome == QD_OUTCOME_GOOD ? 0 : qd_disk_failed(d, "READ KEYS", outcome);
}

enum qd_outcome qd_disk_pr(struct qd_disk_tool *t, enum qd_pr_out action, uint64_t key, uint64_t sa_key,
			   bool aptpl)
{
	const struct qd_pr_out_args args = {.action = action,
					    .type = QD_PR_TYPE_WRITE_EXCLUSIVE,
					    .key = {key},
					    .sa_key = {sa_key},
					    .aptpl = aptpl};
	return qd_disk_tool_pr_out(t, &args);
}

void qd_disk_uuid_text(const uint8_t uuid[QD_QDISK_UUID_BYTES], char to[QD_DISK_UUID_TEXT])
{
	size_t at = 0;
	for (size_t i = 0; i < QD_QDISK_UUID_BYTES; i++) {
		const char *dash = i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "";
		at += (size_t)snprintf(to + at, QD_DISK_UUID_TEXT - at, "%s%02x", dash, uuid[i]);
	}
	qd_assert(at == QD_DISK_UUID_TEXT - 1);
}

void qd_disk_key_text(struct qd_key key, char to[QD_DISK_KEY_TEXT])
{
	uint32_t node = qd_key_node(key);
	if (node >= QD_NODE_ID_MIN && node <= QD_NODE_ID_MAX)
		(void)snprintf(to, QD_DISK_KEY_TEXT,
			       "0x%016" PRIx64 " (node %" PRIu32 ", incarnation %" PRIu32 ", beat %" PRIu32
			       ")",
			       key.value, node, qd_key_incarnation(key), qd_key_beat(key));
	else
		(void)snprintf(to, QD_DISK_KEY_TEXT, "0x%016" PRIx64 " (not a node's)", key.value);
}

int qd_disk_records_read(const struct qd_disk *d, const struct qd_superblock *s,
			 struct qd_owner_record records[QD_NODE_ID_MAX])
{
	static uint8_t sectors[QD_NODE_ID_MAX * QD_QDISK_COPIES * QD_QDISK_SECTOR_MAX];
	enum qd_outcome outcome =
		qd_disk_tool_read(d->tool, QD_QDISK_RECORDS_LBA, QD_NODE_ID_MAX * QD_QDISK_COPIES, sectors);
	if (outcome != QD_OUTCOME_GOOD)
		return qd_disk_failed(d, "owner records", outcome);
	for (uint32_t node = QD_NODE_ID_MIN; node <= QD_NODE_ID_MAX; node++) {
		const uint8_t *even = sectors + (size_t)(node - 1) * QD_QDISK_COPIES * s->sector_bytes;
		qd_owner_record_pick(even, even + s->sector_bytes, s->sector_bytes, node, s->disk_uuid,
				     &records[node - 1]);
	}
	return 0;
}
