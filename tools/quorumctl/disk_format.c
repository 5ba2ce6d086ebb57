/* SPDX-License-Identifier: Apache-2.0 */
#include "disk.h"

#include "drv/disk_iscsi.h"
#include "quorumd/conf_value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static int check_size(const struct qd_disk *d)
{
	uint64_t need = qd_qdisk_min_sectors(d->info.sector_bytes);
	if (d->info.sectors < need)
		return qd_disk_refuse(d, QD_ERR_TOO_SMALL,
				      "the LUN has %" PRIu64 " bytes and a quorum disk needs %" PRIu64
				      "; make the LUN larger",
				      d->info.sectors * d->info.sector_bytes, need * d->info.sector_bytes);
	if (d->info.write_protected)
		return qd_disk_refuse(d, QD_ERR_WRITE_PROTECTED,
				      "the LUN is write-protected; allow this initiator (%s) to write",
				      d->target.initiator);
	return 0;
}

static int check_reservations(const struct qd_disk *d)
{
	struct qd_pr_keys keys;
	struct qd_key list[QD_PR_KEYS_MAX];
	struct qd_pr_reservation r;
	struct qd_pr_capabilities c;
	char text[QD_DISK_KEY_TEXT];
	const int status = qd_disk_read_keys(d, list, &keys);
	if (status != 0)
		return status;
	enum qd_outcome outcome = qd_disk_tool_capabilities(d->tool, &c);
	if (outcome == QD_OUTCOME_GOOD && c.type_mask_valid &&
	    (c.type_bits >> QD_PR_TYPE_WRITE_EXCLUSIVE & 1) == 0)
		return qd_disk_refuse(d, QD_ERR_NO_PR,
				      "the LUN does not support reservations of type Write Exclusive");
	outcome = qd_disk_tool_read_reservation(d->tool, &r);
	if (outcome != QD_OUTCOME_GOOD)
		return qd_disk_failed(d, "READ RESERVATION", outcome);
	if (!r.held)
		return 0;
	qd_disk_key_text(r.holder, text);
	return qd_disk_refuse(
		d, QD_ERR_IN_USE,
		"the LUN is reserved (%s) by key %s; end what uses it, or clear the reservation there",
		qd_pr_type_name(r.type), text);
}

static int check_content(const struct qd_disk *d, const char *force, struct qd_disk_content *c)
{
	int status = qd_disk_content_read(d, c);
	if (status != 0 || c->empty || (force != NULL && strcmp(force, c->id) == 0))
		return status;
	const char *wrong = force != NULL ? "--force names something else; " : "";
	if (c->verdict == QD_QDISK_OK)
		return qd_disk_refuse(d, QD_ERR_IN_USE,
				      "it is the quorum disk of cluster \"%s\" already; %sto format it all "
				      "the same: --force %s",
				      c->superblock.cluster, wrong, c->id);
	if (c->verdict == QD_QDISK_NEWER)
		return qd_disk_refuse(
			d, QD_ERR_NEWER_FORMAT,
			"it is a quorum disk of a newer format than %d; use that version of quorumctl; %sto "
			"format it all the same: --force %s",
			QD_QDISK_VERSION, wrong, c->id);
	return qd_disk_refuse(d, QD_ERR_IN_USE, "it holds %s; %sto overwrite it all the same: --force %s",
			      c->ours ? "a damaged quorum disk" : c->what, wrong, c->id);
}

static enum qd_outcome pr(const struct qd_disk *d, enum qd_pr_out action, uint64_t key, uint64_t sa_key)
{
	const struct qd_pr_out_args args = {
		.action = action, .type = QD_PR_TYPE_WRITE_EXCLUSIVE, .key = {key}, .sa_key = {sa_key}};
	return qd_disk_tool_pr_out(d->tool, &args);
}

/* Nobody else writes while we do: hold the LUN. */
static int hold(const struct qd_disk *d, uint64_t key)
{
	enum qd_outcome outcome = pr(d, QD_PR_REGISTER, 0, key);
	if (outcome == QD_OUTCOME_UNSUPPORTED)
		return qd_disk_refuse(d, QD_ERR_NO_PR,
				      "the LUN does not support PERSISTENT RESERVE OUT; use another target");
	if (outcome != QD_OUTCOME_GOOD)
		return qd_disk_failed(d, "REGISTER", outcome);
	outcome = pr(d, QD_PR_RESERVE, key, 0);
	if (outcome == QD_OUTCOME_GOOD)
		return 0;
	(void)pr(d, QD_PR_REGISTER, key, 0); /* the session's end does the same on most targets */
	if (outcome == QD_OUTCOME_CONFLICT)
		return qd_disk_refuse(d, QD_ERR_IN_USE, "somebody has reserved the LUN this moment");
	return qd_disk_failed(d, "RESERVE", outcome);
}

static void let_go(const struct qd_disk *d, uint64_t key)
{
	if (pr(d, QD_PR_RELEASE, key, 0) != QD_OUTCOME_GOOD ||
	    pr(d, QD_PR_REGISTER, key, 0) != QD_OUTCOME_GOOD)
		qd_ctl_complain("%s: %s: the key 0x%016" PRIx64 " of this format is left registered: %s",
				d->name, d->path.url, key, qd_disk_tool_why(d->tool));
}

static int write_range(const struct qd_disk *d, uint64_t lba, uint64_t count, const uint8_t *from,
		       size_t from_bytes)
{
	uint32_t step = (uint32_t)(from_bytes / d->info.sector_bytes);
	while (count > 0) {
		uint32_t n = count < step ? (uint32_t)count : step;
		enum qd_outcome outcome = qd_disk_tool_write(d->tool, lba, n, from);
		if (outcome == QD_OUTCOME_WRITE_PROTECTED)
			return qd_disk_refuse(
				d, QD_ERR_WRITE_PROTECTED,
				"the LUN is write-protected; allow this initiator (%s) to write",
				d->target.initiator);
		if (outcome != QD_OUTCOME_GOOD)
			return qd_disk_failed(d, "writing", outcome);
		lba += n;
		count -= n;
	}
	return 0;
}

static int make_superblock(const struct qd_disk *d, const char *cluster, struct qd_superblock *s)
{
	struct timespec now = {0};
	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock; for people only */
	*s = (struct qd_superblock){
		.version = QD_QDISK_VERSION,
		.sector_bytes = d->info.sector_bytes,
		.cluster_tag = qd_cluster_tag(cluster),
		.data_lba = qd_qdisk_min_sectors(d->info.sector_bytes),
		.formatted_unix_s = (uint64_t)now.tv_sec,
	};
	(void)snprintf(s->cluster, sizeof(s->cluster), "%s", cluster);
	if (getrandom(s->disk_uuid, sizeof(s->disk_uuid), 0) != (ssize_t)sizeof(s->disk_uuid))
		return qd_disk_refuse(d, QD_ERR_IO, "no random numbers: %s", strerrordesc_np(errno));
	/* RFC 4122 4.4: version 4, variant 10b. */
	s->disk_uuid[6] = (uint8_t)((s->disk_uuid[6] & 0x0f) | 0x40);
	s->disk_uuid[8] = (uint8_t)((s->disk_uuid[8] & 0x3f) | 0x80);
	return 0;
}

/* The superblock goes first out and last in: whatever happens in between, the disk is none of ours. */
static int write_all(const struct qd_disk *d, const struct qd_superblock *s)
{
	static uint8_t zeros[QD_DISK_TOOL_TRANSFER_MAX];
	uint8_t sector[QD_QDISK_SECTOR_MAX];
	uint8_t back[QD_QDISK_SECTOR_MAX];
	int status = write_range(d, QD_QDISK_SUPERBLOCK_LBA, 2, zeros, sizeof(zeros));
	if (status == 0)
		status = write_range(d, 2, s->data_lba - 2, zeros, sizeof(zeros));
	qd_superblock_encode(s, sector, s->sector_bytes);
	if (status == 0)
		status = write_range(d, QD_QDISK_SUPERBLOCK_LBA + 1, 1, sector, s->sector_bytes);
	if (status == 0)
		status = write_range(d, QD_QDISK_SUPERBLOCK_LBA, 1, sector, s->sector_bytes);
	if (status != 0)
		return status;
	enum qd_outcome outcome = qd_disk_tool_read(d->tool, QD_QDISK_SUPERBLOCK_LBA, 1, back);
	if (outcome != QD_OUTCOME_GOOD)
		return qd_disk_failed(d, "reading back", outcome);
	if (memcmp(sector, back, s->sector_bytes) != 0)
		return qd_disk_refuse(d, QD_ERR_IO,
				      "what was written is not what is read back: do not use this LUN");
	return 0;
}

static int format(const struct qd_disk *d, const char *cluster, const char *force)
{
	struct qd_disk_content before;
	struct qd_disk_content held;
	struct qd_superblock s;
	uint64_t key = 0;
	char uuid[QD_DISK_UUID_TEXT];
	int status = check_size(d);
	if (status == 0)
		status = check_reservations(d);
	if (status == 0)
		status = check_content(d, force, &before);
	if (status == 0)
		status = make_superblock(d, cluster, &s);
	if (status != 0)
		return status;
	memcpy(&key, s.disk_uuid, sizeof(key)); /* random, and never 0: the version's bits are set */
	status = hold(d, key);
	if (status != 0)
		return status;
	status = qd_disk_content_read(d, &held);
	if (status == 0 && strcmp(held.id, before.id) != 0)
		status = qd_disk_refuse(d, QD_ERR_IN_USE,
					"what is on the LUN has changed this moment: somebody writes to it");
	if (status == 0)
		status = write_all(d, &s);
	let_go(d, key);
	if (status != 0)
		return status;
	qd_disk_uuid_text(s.disk_uuid, uuid);
	(void)puts(uuid);
	return 0;
}

int qd_disk_format_run(int argc, char **argv)
{
	static struct qd_disk d;
	struct qd_disk_options o = {0};
	const char *cluster = NULL;
	const char *force = NULL;
	struct qd_ctl_option table[QD_DISK_OPTION_COUNT + 2] = {0};
	qd_disk_options_fill(&o, table);
	table[QD_DISK_OPTION_COUNT] = (struct qd_ctl_option){"--cluster", NULL, &cluster};
	table[QD_DISK_OPTION_COUNT + 1] = (struct qd_ctl_option){"--force", NULL, &force};
	int status = qd_ctl_options(argc, argv, table, QD_DISK_OPTION_COUNT + 2);
	if (status != 0)
		return status;
	if (o.config == NULL && cluster == NULL) {
		qd_ctl_complain("disk format: expected --cluster NAME; see --help");
		return QD_CTL_USAGE;
	}
	if (cluster != NULL && !qd_value_is_name(cluster, QD_QDISK_NAME_BYTES - 1)) {
		qd_ctl_complain("disk format: --cluster: expected a name of 1 to 63 letters, digits, '.', "
				"'_' or '-'");
		return QD_CTL_USAGE;
	}
	status = qd_disk_open("disk format", &o, &d);
	if (status != 0)
		return status;
	status = format(&d, cluster != NULL ? cluster : d.conf.cluster, force);
	qd_disk_close(&d);
	return status;
}
