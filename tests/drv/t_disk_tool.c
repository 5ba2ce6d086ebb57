/* SPDX-License-Identifier: Apache-2.0 */
/* The synchronous tool, and with it the session and the command builders, against a real tgt. */
#include "drv/disk_iscsi.h"
#include "drv/disk_tool.h"
#include "drv/loop.h"
#include "drv/rig.h"
#include "quorumd/errors.h"

#include <stdlib.h>
#include <string.h>

static char why[QD_DISK_TOOL_WHY_MAX];

static struct qd_disk_tool *open_tool(const struct qd_iscsi_target *t)
{
	struct qd_disk_tool *tool = NULL;
	int rc = qd_disk_tool_open(t, qd_span_ms(RIG_LIMIT_MS), &tool, why);
	if (rc != 0)
		printf("  open: %d %s\n", rc, why);
	return tool;
}

static int try_open(const struct qd_iscsi_target *t, int64_t limit_ms)
{
	struct qd_disk_tool *tool = NULL;
	int rc = qd_disk_tool_open(t, qd_span_ms(limit_ms), &tool, why);
	qd_disk_tool_close(tool);
	return rc;
}

static void capacity_and_identity(void)
{
	const uint32_t sizes[] = {512, 4096};
	for (size_t i = 0; i < 2; i++) {
		struct qd_iscsi_target t;
		rig_target(&(struct rig_lun){.block_bytes = sizes[i]}, "a", &t);
		struct qd_disk_tool *tool = open_tool(&t);
		NEED(tool != NULL);
		struct qd_disk_info info;
		CHECK(qd_disk_tool_info(tool, &info) == QD_OUTCOME_GOOD);
		CHECK(info.sector_bytes == sizes[i]);
		CHECK(info.sectors == ((uint64_t)RIG_SECTORS_MIB << 20) / sizes[i]);
		CHECK(!info.write_protected && info.device_type == 0);
		CHECK(strcmp(info.vendor, "IET") == 0 && strcmp(info.product, "VIRTUAL-DISK") == 0);
		CHECK(info.designator[0] != '\0');
		CHECK(qd_disk_tool_unit_attention(tool) == QD_OUTCOME_UA_RESET); /* tgt greets with one */
		qd_disk_tool_close(tool);
	}
}

static void sectors_come_back(void)
{
	const uint32_t sizes[] = {512, 4096};
	for (size_t i = 0; i < 2; i++) {
		struct qd_iscsi_target t;
		rig_target(&(struct rig_lun){.block_bytes = sizes[i]}, "a", &t);
		struct qd_disk_tool *tool = open_tool(&t);
		NEED(tool != NULL);
		/* one sector; what fits immediate data; what needs R2T; the longest */
		const uint32_t lengths[] = {sizes[i], 8192, 65536, QD_DISK_TOOL_TRANSFER_MAX};
		uint8_t *out = malloc(QD_DISK_TOOL_TRANSFER_MAX);
		uint8_t *in = malloc(QD_DISK_TOOL_TRANSFER_MAX);
		for (size_t k = 0; k < 4 && out != NULL && in != NULL; k++) {
			for (uint32_t b = 0; b < lengths[k]; b++)
				out[b] = (uint8_t)(b * 31 + b / 512 + k);
			memset(in, 0, lengths[k]);
			uint32_t count = lengths[k] / sizes[i];
			CHECK(qd_disk_tool_write(tool, 100 + k, count, out) == QD_OUTCOME_GOOD);
			CHECK(qd_disk_tool_read(tool, 100 + k, count, in) == QD_OUTCOME_GOOD);
			CHECK(memcmp(in, out, lengths[k]) == 0);
		}
		uint64_t beyond = ((uint64_t)RIG_SECTORS_MIB << 20) / sizes[i];
		CHECK(in != NULL && qd_disk_tool_read(tool, beyond, 1, in) == QD_OUTCOME_ERROR);
		CHECK(qd_disk_tool_sense(tool).asc == 0x21); /* LBA out of range */
		CHECK(qd_disk_tool_synchronize(tool) == QD_OUTCOME_GOOD);
		free(out);
		free(in);
		qd_disk_tool_close(tool);
	}
}

static void write_protection_is_seen(void)
{
	struct qd_iscsi_target t;
	rig_target(&(struct rig_lun){.read_only = true}, "a", &t);
	struct qd_disk_tool *tool = open_tool(&t);
	NEED(tool != NULL);
	struct qd_disk_info info;
	uint8_t sector[512] = {0};
	CHECK(qd_disk_tool_info(tool, &info) == QD_OUTCOME_GOOD && info.write_protected);
	CHECK(qd_disk_tool_write(tool, 0, 1, sector) == QD_OUTCOME_WRITE_PROTECTED);
	CHECK(qd_disk_tool_read(tool, 0, 1, sector) == QD_OUTCOME_GOOD);
	qd_disk_tool_close(tool);
}

static enum qd_outcome pr(struct qd_disk_tool *tool, enum qd_pr_out action, uint64_t key, uint64_t sa_key)
{
	return qd_disk_tool_pr_out(tool, &(struct qd_pr_out_args){.action = action,
								  .type = QD_PR_TYPE_WRITE_EXCLUSIVE,
								  .key = {key},
								  .sa_key = {sa_key}});
}

static void reservations_are_fought_over(void)
{
	struct qd_iscsi_target t;
	rig_target(&(struct rig_lun){0}, "a", &t);
	struct qd_disk_tool *a = open_tool(&t);
	(void)snprintf(t.initiator, sizeof t.initiator, "iqn.2026-11.test.quorumd:b");
	struct qd_disk_tool *b = open_tool(&t);
	NEED(a != NULL && b != NULL);
	CHECK(pr(a, QD_PR_REGISTER, 0, 0xa1) == QD_OUTCOME_GOOD);
	CHECK(pr(b, QD_PR_REGISTER, 0, 0xb1) == QD_OUTCOME_GOOD);
	CHECK(pr(a, QD_PR_RESERVE, 0xa1, 0) == QD_OUTCOME_GOOD);
	CHECK(pr(b, QD_PR_RESERVE, 0xb1, 0) == QD_OUTCOME_CONFLICT);
	CHECK(pr(a, QD_PR_REGISTER, 0xa1, 0xa2) == QD_OUTCOME_GOOD);	/* a beat: the reservation follows */
	CHECK(pr(b, QD_PR_PREEMPT, 0xb1, 0xa1) == QD_OUTCOME_CONFLICT); /* that key is gone */
	struct qd_pr_reservation r;
	CHECK(qd_disk_tool_read_reservation(b, &r) == QD_OUTCOME_GOOD && r.held && r.holder.value == 0xa2 &&
	      r.type == QD_PR_TYPE_WRITE_EXCLUSIVE);
	uint8_t sector[512] = {0};
	CHECK(qd_disk_tool_write(b, 0, 1, sector) == QD_OUTCOME_CONFLICT);
	CHECK(qd_disk_tool_write(a, 0, 1, sector) == QD_OUTCOME_GOOD);
	CHECK(pr(b, QD_PR_PREEMPT_AND_ABORT, 0xb1, 0xa2) == QD_OUTCOME_UNSUPPORTED); /* tgt */
	CHECK(pr(b, QD_PR_PREEMPT, 0xb1, 0xa2) == QD_OUTCOME_GOOD);
	struct qd_key keys[4];
	struct qd_pr_keys list;
	CHECK(qd_disk_tool_read_keys(b, keys, 4, &list) == QD_OUTCOME_GOOD && list.count == 1 &&
	      keys[0].value == 0xb1);
	(void)qd_disk_tool_unit_attention(a);
	CHECK(qd_disk_tool_write(a, 0, 1, sector) == QD_OUTCOME_CONFLICT);
	CHECK(qd_disk_tool_unit_attention(a) == QD_OUTCOME_UA_RES_PREEMPTED);
	struct qd_pr_capabilities c;
	CHECK(qd_disk_tool_capabilities(b, &c) == QD_OUTCOME_GOOD && !c.ptpl_capable && c.type_mask_valid);
	struct qd_pr_full_status_cursor cursor;
	CHECK(qd_disk_tool_full_status(b, &cursor) == QD_OUTCOME_UNSUPPORTED); /* tgt */
	CHECK(pr(b, QD_PR_RELEASE, 0xb1, 0) == QD_OUTCOME_GOOD);
	CHECK(pr(b, QD_PR_CLEAR, 0xb1, 0) == QD_OUTCOME_GOOD);
	qd_disk_tool_close(a);
	qd_disk_tool_close(b);
}

static void chap_is_demanded_and_given(void)
{
	struct qd_iscsi_target t;
	rig_target(&(struct rig_lun){.user = "node", .secret = "secretsecret"}, "a", &t);
	CHECK(try_open(&t, RIG_LIMIT_MS) == 0);
	(void)snprintf(t.secret, sizeof t.secret, "secretsecreT");
	CHECK(try_open(&t, RIG_LIMIT_MS) == -QD_ERR_AUTH);
	t.user[0] = '\0';
	CHECK(try_open(&t, RIG_LIMIT_MS) == -QD_ERR_AUTH);
}

static void mutual_chap_is_demanded_and_given(void)
{
	const struct rig_lun lun = {.user = "node2",
				    .secret = "secretsecret",
				    .target_user = "target2",
				    .target_secret = "othersecret1"};
	struct qd_iscsi_target t;
	rig_target(&lun, "a", &t);
	CHECK(try_open(&t, RIG_LIMIT_MS) == 0);
	(void)snprintf(t.target_secret, sizeof t.target_secret, "othersecret2");
	CHECK(try_open(&t, RIG_LIMIT_MS) == -QD_ERR_PROTOCOL);
	(void)snprintf(t.target_user, sizeof t.target_user, "else");
	CHECK(try_open(&t, RIG_LIMIT_MS) == -QD_ERR_PROTOCOL);
	/* a target that asks for no CHAP at all proves nothing */
	rig_target(&(struct rig_lun){0}, "a", &t);
	(void)snprintf(t.user, sizeof t.user, "node2");
	(void)snprintf(t.secret, sizeof t.secret, "secretsecret");
	(void)snprintf(t.target_user, sizeof t.target_user, "target2");
	(void)snprintf(t.target_secret, sizeof t.target_secret, "othersecret1");
	CHECK(try_open(&t, RIG_LIMIT_MS) == -QD_ERR_PROTOCOL);
	/* and mutual without an own user is a mistake */
	t.user[0] = '\0';
	CHECK(try_open(&t, RIG_LIMIT_MS) == -QD_ERR_PROTOCOL);
}

static void digests(void)
{
	struct qd_iscsi_target t;
	rig_target(&(struct rig_lun){.header_digest = "CRC32C,None"}, "a", &t);
	t.header_digest = QD_ISCSI_DIGEST_DEMAND;
	struct qd_disk_tool *tool = open_tool(&t);
	NEED(tool != NULL);
	uint8_t sector[8192] = {1};
	CHECK(qd_disk_tool_write(tool, 5, 16, sector) == QD_OUTCOME_GOOD);
	CHECK(qd_disk_tool_read(tool, 5, 16, sector) == QD_OUTCOME_GOOD && sector[0] == 1);
	qd_disk_tool_close(tool);
	t.header_digest = QD_ISCSI_DIGEST_NONE;
	CHECK(try_open(&t, RIG_LIMIT_MS) == 0);
	t.data_digest = true; /* libiscsi 1.19 has none: said, not ignored */
	CHECK(try_open(&t, RIG_LIMIT_MS) == -QD_ERR_PROTOCOL && strstr(why, "data digest") != NULL);
	rig_target(&(struct rig_lun){.header_digest = "None"}, "a", &t);
	t.header_digest = QD_ISCSI_DIGEST_DEMAND;
	CHECK(try_open(&t, RIG_LIMIT_MS) == -QD_ERR_PROTOCOL);
	t.header_digest = QD_ISCSI_DIGEST_PREFER;
	t.data_digest = false;
	CHECK(try_open(&t, RIG_LIMIT_MS) == 0);
}

static void ipv6_portal(void)
{
	struct qd_iscsi_target t;
	rig_target(&(struct rig_lun){0}, "a", &t);
	(void)snprintf(t.host, sizeof t.host, "::1");
	struct qd_disk_tool *tool = open_tool(&t);
	NEED(tool != NULL);
	uint8_t sector[512];
	CHECK(qd_disk_tool_read(tool, 5, 1, sector) == QD_OUTCOME_GOOD);
	qd_disk_tool_close(tool);
}

static void what_is_not_there(void)
{
	struct qd_iscsi_target t;
	rig_target(&(struct rig_lun){0}, "a", &t);
	struct qd_iscsi_target u = t;
	u.port = rig_free_port();
	CHECK(try_open(&u, RIG_LIMIT_MS) == -QD_ERR_UNREACHABLE);
	u = t;
	(void)snprintf(u.host, sizeof u.host, "no-such-host.invalid");
	CHECK(try_open(&u, RIG_LIMIT_MS) == -QD_ERR_NOT_FOUND);
	u = t;
	(void)snprintf(u.target, sizeof u.target, "iqn.2026-11.test.quorumd:nowhere");
	CHECK(try_open(&u, RIG_LIMIT_MS) == -QD_ERR_PROTOCOL);
	u = t;
	u.lun = 9;
	struct qd_disk_tool *tool = open_tool(&u);
	NEED(tool != NULL);
	uint8_t sector[512];
	CHECK(qd_disk_tool_read(tool, 5, 1, sector) == QD_OUTCOME_NO_LUN);
	qd_disk_tool_close(tool);
	/* 192.0.2.0/24 is for documentation: nobody answers, or there is no route */
	u = t;
	(void)snprintf(u.host, sizeof u.host, "192.0.2.1");
	int rc = try_open(&u, 300);
	CHECK(rc == -QD_ERR_TIMEOUT || rc == -QD_ERR_UNREACHABLE);
}

static void a_silent_target_is_given_up(void)
{
	struct qd_iscsi_target t;
	rig_target(&(struct rig_lun){0}, "a", &t);
	struct qd_disk_tool *tool = open_tool(&t);
	NEED(tool != NULL);
	uint8_t sector[512];
	CHECK(qd_disk_tool_read(tool, 5, 1, sector) == QD_OUTCOME_GOOD);
	rig_pause();
	qd_disk_tool_set_limit(tool, qd_span_ms(200));
	const struct qd_mono begun = qd_clock_now();
	CHECK(qd_disk_tool_read(tool, 5, 1, sector) == QD_OUTCOME_UNKNOWN);
	CHECK(qd_span_to_ms(qd_mono_sub(qd_clock_now(), begun)) >= 200);
	CHECK(try_open(&t, 200) == -QD_ERR_TIMEOUT);
	rig_continue();
	CHECK(qd_disk_tool_read(tool, 5, 1, sector) == QD_OUTCOME_UNKNOWN); /* and stays given up */
	qd_disk_tool_close(tool);
	CHECK(try_open(&t, RIG_LIMIT_MS) == 0);
}

int main(int argc, char **argv)
{
	static const struct rig_test tests[] = {
		{"capacity, identity and the greeting of a new session", capacity_and_identity},
		{"sectors come back, one and many, of 512 and 4096 bytes", sectors_come_back},
		{"write protection is seen and refused", write_protection_is_seen},
		{"reservations are fought over as protocol.md says", reservations_are_fought_over},
		{"CHAP is demanded and given", chap_is_demanded_and_given},
		{"mutual CHAP is demanded and given, and not got round", mutual_chap_is_demanded_and_given},
		{"digests are agreed on or refused", digests},
		{"a portal may be an IPv6 address", ipv6_portal},
		{"no portal, no name, no target, no LUN: each says so", what_is_not_there},
		{"a silent target is given up at the deadline", a_silent_target_is_given_up},
	};
	return rig_main("t_disk_tool", tests, sizeof tests / sizeof tests[0], argc, argv);
}
