/* SPDX-License-Identifier: Apache-2.0 */
/* Every operation of the core on a real tgt, as the drivers answer it. */
#include "drv/bench.h"
#include "drv/disk_tool.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static struct bench bench;

static struct qd_owner_record record(uint32_t node_id, uint64_t sequence)
{
	return (struct qd_owner_record){
		.node_id = node_id,
		.state = QD_RECORD_TAKEN,
		.epoch = qd_epoch_make(sequence, node_id),
		.incarnation = 9,
		.sequence = sequence,
		.renew_ns = 3000000000,
		.challenge_ns = 7000000000,
		.wait_ns = 9000000000,
	};
}

static void target_of(struct qd_iscsi_target *t, uint32_t block_bytes)
{
	rig_target(&(struct rig_lun){.block_bytes = block_bytes}, "a", t);
	rig_format(t, "bench", block_bytes);
}

static void poke(const struct qd_iscsi_target *t, off_t at, const void *data, size_t len)
{
	char file[128];
	rig_file(t, file, sizeof file);
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	CHECK(fd >= 0 && pwrite(fd, data, len, at) == (ssize_t)len);
	(void)close(fd);
}

static void every_operation_is_answered(void)
{
	const uint32_t sizes[] = {512, 4096};
	for (size_t i = 0; i < 2; i++) {
		struct qd_iscsi_target t;
		target_of(&t, sizes[i]);
		bench_open(&bench, &t, 1);
		CHECK(bench_login(&bench, 0) == QD_DISK_OK);
		CHECK(bench_do(&bench, 0, QD_OP_REPORT_CAPABILITIES) == QD_OUTCOME_GOOD);
		CHECK(!bench.last.u.answer.u.capabilities.ptpl_capable);
		CHECK(bench_do(&bench, 0, QD_OP_READ_KEYS) == QD_OUTCOME_GOOD);
		CHECK(bench.last.u.answer.u.keys.count == 0);
		CHECK(bench_do(&bench, 0, QD_OP_READ_RESERVATION) == QD_OUTCOME_GOOD);
		CHECK(!bench.last.u.answer.u.reservation.held);
		CHECK(bench_answer(&bench, bench_pr(&bench, 0, QD_PR_REGISTER_AND_IGNORE, 0, 0x11)) ==
		      QD_OUTCOME_GOOD);
		CHECK(bench_answer(&bench, bench_pr(&bench, 0, QD_PR_RESERVE, 0x11, 0)) == QD_OUTCOME_GOOD);
		CHECK(bench_do(&bench, 0, QD_OP_READ_KEYS) == QD_OUTCOME_GOOD);
		CHECK(bench.last.u.answer.u.keys.count == 1 &&
		      bench.last.u.answer.u.keys.keys[0].value == 0x11);
		CHECK(bench_do(&bench, 0, QD_OP_READ_RESERVATION) == QD_OUTCOME_GOOD);
		CHECK(bench.last.u.answer.u.reservation.held &&
		      bench.last.u.answer.u.reservation.holder.value == 0x11);
		CHECK(bench_do(&bench, 0, QD_OP_READ_RECORDS) == QD_OUTCOME_GOOD);
		CHECK(bench.last.u.answer.u.records.count == BENCH_CLUSTER_NODES);
		CHECK(bench.last.u.answer.u.records.records[1].state == QD_RECORD_NONE);
		for (uint64_t sequence = 1; sequence <= 4; sequence++) {
			const struct qd_owner_record r = record(2, sequence);
			CHECK(bench_answer(&bench, bench_write(&bench, 0, &r)) == QD_OUTCOME_GOOD);
			CHECK(bench_do(&bench, 0, QD_OP_READ_RECORDS) == QD_OUTCOME_GOOD);
			const struct qd_owner_record *back = &bench.last.u.answer.u.records.records[1];
			CHECK(back->epoch == r.epoch && back->sequence == r.sequence &&
			      back->incarnation == 9);
		}
		bench_close(&bench);
	}
}

static void a_turn_is_pipelined_in_order(void)
{
	struct qd_iscsi_target t;
	target_of(&t, 512);
	bench_open(&bench, &t, 1);
	CHECK(bench_login(&bench, 0) == QD_DISK_OK);
	CHECK(bench_answer(&bench, bench_pr(&bench, 0, QD_PR_REGISTER_AND_IGNORE, 0, 0x100)) ==
	      QD_OUTCOME_GOOD);
	CHECK(bench_answer(&bench, bench_pr(&bench, 0, QD_PR_RESERVE, 0x100, 0)) == QD_OUTCOME_GOOD);
	const struct qd_mono begun = qd_clock_now();
	enum { ROUNDS = 500 };
	for (uint64_t k = 0x100; k < 0x100 + ROUNDS; k++) {
		const uint64_t beat = bench_pr(&bench, 0, QD_PR_REGISTER, k, k + 1);
		const uint64_t look = bench_submit(&bench, 0, QD_OP_READ_RESERVATION);
		const uint64_t records = bench_submit(&bench, 0, QD_OP_READ_RECORDS);
		NEED(bench_answer(&bench, beat) == QD_OUTCOME_GOOD);
		NEED(bench_answer(&bench, look) == QD_OUTCOME_GOOD);
		NEED(bench.last.u.answer.u.reservation.holder.value == k + 1);
		NEED(bench_answer(&bench, records) == QD_OUTCOME_GOOD);
	}
	const struct qd_span took = qd_mono_sub(qd_clock_now(), begun);
	printf("  %d rounds of three commands: %lld us each\n", ROUNDS, (long long)(took.ns / 1000 / ROUNDS));
	bench_close(&bench);
}

static void disks_that_are_not_ours_are_told_apart(void)
{
	static const uint8_t junk[512] = {1, 2, 3};
	struct qd_iscsi_target t;
	rig_target(&(struct rig_lun){0}, "a", &t); /* zeros */
	bench_open(&bench, &t, 1);
	CHECK(bench_login(&bench, 0) == QD_DISK_NOT_QUORUM);
	poke(&t, 0, junk, sizeof junk);
	CHECK(bench_do(&bench, 0, QD_OP_READ_SUPERBLOCK) == QD_OUTCOME_GOOD);
	CHECK(bench.last.u.answer.u.disk == QD_DISK_NOT_QUORUM);
	rig_format(&t, "another", 512);
	CHECK(bench_do(&bench, 0, QD_OP_READ_SUPERBLOCK) == QD_OUTCOME_GOOD);
	CHECK(bench.last.u.answer.u.disk == QD_DISK_OTHER_CLUSTER);
	CHECK(bench_do(&bench, 0, QD_OP_READ_RECORDS) == QD_OUTCOME_NOT_READY);
	rig_format(&t, "bench", 512);
	poke(&t, 20, junk, 3); /* torn: the copy counts */
	CHECK(bench_do(&bench, 0, QD_OP_READ_SUPERBLOCK) == QD_OUTCOME_GOOD);
	CHECK(bench.last.u.answer.u.disk == QD_DISK_OK);
	poke(&t, 512 + 20, junk, 3); /* both */
	CHECK(bench_do(&bench, 0, QD_OP_READ_SUPERBLOCK) == QD_OUTCOME_GOOD);
	CHECK(bench.last.u.answer.u.disk == QD_DISK_NOT_QUORUM);
	rig_format(&t, "bench", 4096); /* an image of a LUN with other sectors */
	CHECK(bench_do(&bench, 0, QD_OP_READ_SUPERBLOCK) == QD_OUTCOME_GOOD);
	CHECK(bench.last.u.answer.u.disk == QD_DISK_NOT_QUORUM);
	rig.tid++; /* rig_format() makes the UUID of it: formatted again under us */
	rig_format(&t, "bench", 512);
	CHECK(bench_do(&bench, 0, QD_OP_READ_SUPERBLOCK) == QD_OUTCOME_GOOD);
	CHECK(bench.last.u.answer.u.disk == QD_DISK_OTHER_DISK);
	bench_close(&bench);
}

static void many_registrations_are_read_whole(void)
{
	enum { SESSIONS = 80 }; /* the first buffer holds 64 */
	static struct qd_disk_tool *tools[SESSIONS];
	struct qd_iscsi_target t;
	char why[QD_DISK_TOOL_WHY_MAX];
	target_of(&t, 512);
	for (unsigned i = 0; i < SESSIONS; i++) {
		(void)snprintf(t.initiator, sizeof t.initiator, "iqn.2026-11.test.quorumd:many%u", i);
		const struct qd_pr_out_args args = {.action = QD_PR_REGISTER, .sa_key = {0x1000 + i}};
		tools[i] = NULL;
		NEED(qd_disk_tool_open(&t, qd_span_ms(RIG_LIMIT_MS), &tools[i], why) == 0);
		NEED(qd_disk_tool_pr_out(tools[i], &args) == QD_OUTCOME_GOOD);
	}
	(void)snprintf(t.initiator, sizeof t.initiator, "iqn.2026-11.test.quorumd:reader");
	bench_open(&bench, &t, 1);
	CHECK(bench_login(&bench, 0) == QD_DISK_OK);
	CHECK(bench_do(&bench, 0, QD_OP_READ_KEYS) == QD_OUTCOME_GOOD);
	CHECK(bench.last.u.answer.u.keys.count == SESSIONS);
	uint64_t sum = 0;
	for (uint32_t i = 0; i < bench.last.u.answer.u.keys.count; i++)
		sum += bench.last.u.answer.u.keys.keys[i].value;
	CHECK(sum == (uint64_t)SESSIONS * 0x1000 + SESSIONS * (SESSIONS - 1) / 2);
	bench_close(&bench);
	for (unsigned i = 0; i < SESSIONS; i++)
		qd_disk_tool_close(tools[i]);
}

static void a_write_protected_disk_says_so(void)
{
	struct qd_iscsi_target t;
	rig_target(&(struct rig_lun){.read_only = true}, "a", &t);
	rig_format(&t, "bench", 512);
	bench_open(&bench, &t, 1);
	CHECK(bench_login(&bench, 0) == QD_DISK_OK);
	const struct qd_owner_record r = record(1, 1);
	CHECK(bench_answer(&bench, bench_write(&bench, 0, &r)) == QD_OUTCOME_WRITE_PROTECTED);
	bench_close(&bench);
}

static void a_reservation_keeps_others_from_writing(void)
{
	struct qd_iscsi_target t[2];
	target_of(&t[0], 512);
	t[1] = t[0];
	(void)snprintf(t[1].initiator, sizeof t[1].initiator, "iqn.2026-11.test.quorumd:b");
	bench_open(&bench, t, 2);
	CHECK(bench_login(&bench, 0) == QD_DISK_OK && bench_login(&bench, 1) == QD_DISK_OK);
	const struct qd_owner_record r = record(1, 1);
	CHECK(bench_answer(&bench, bench_pr(&bench, 0, QD_PR_REGISTER_AND_IGNORE, 0, 1)) == QD_OUTCOME_GOOD);
	CHECK(bench_answer(&bench, bench_pr(&bench, 1, QD_PR_REGISTER_AND_IGNORE, 0, 2)) == QD_OUTCOME_GOOD);
	CHECK(bench_answer(&bench, bench_pr(&bench, 0, QD_PR_RESERVE, 1, 0)) == QD_OUTCOME_GOOD);
	CHECK(bench_answer(&bench, bench_write(&bench, 1, &r)) == QD_OUTCOME_CONFLICT);
	CHECK(bench_do(&bench, 1, QD_OP_READ_RECORDS) == QD_OUTCOME_GOOD);
	CHECK(bench_answer(&bench, bench_pr(&bench, 1, QD_PR_PREEMPT, 2, 1)) == QD_OUTCOME_GOOD);
	/* tgt tells the loser, who has not asked for anything: the next command brings it */
	CHECK(bench_answer(&bench, bench_write(&bench, 0, &r)) == QD_OUTCOME_UA_RES_PREEMPTED);
	CHECK(bench_answer(&bench, bench_write(&bench, 0, &r)) == QD_OUTCOME_CONFLICT);
	bench_close(&bench);
}

int main(int argc, char **argv)
{
	static const struct rig_test tests[] = {
		{"every operation is answered, with sectors of 512 and 4096 bytes",
		 every_operation_is_answered},
		{"a turn's commands are pipelined and answered in order", a_turn_is_pipelined_in_order},
		{"disks that are not ours are told apart", disks_that_are_not_ours_are_told_apart},
		{"many registrations are read whole", many_registrations_are_read_whole},
		{"a write-protected disk says so", a_write_protected_disk_says_so},
		{"a reservation keeps others from writing", a_reservation_keeps_others_from_writing},
	};
	return rig_main("t_paths", tests, sizeof tests / sizeof tests[0], argc, argv);
}
