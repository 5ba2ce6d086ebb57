/* SPDX-License-Identifier: Apache-2.0 */
/* What networks and targets do when they fail, between the drivers and a real tgt: whatever happens, each operation is
 * answered once or its session is reported lost once, nothing crashes, and the path works again afterwards. */
#include "drv/bench.h"
#include "drv/proxy.h"

#include <stdlib.h>
#include <string.h>

enum {
	HUNG_MS = 60, /* the core's deadline in small: then the session is torn down */
	EXCHANGE_BYTES =
		4000, /* what tgt says from the connection to the end of exchange_ends(), rounded up */
};

static struct bench bench;
static struct proxy proxy;
static struct qd_iscsi_target direct;

static struct qd_iscsi_target through_proxy(uint16_t to)
{
	struct qd_iscsi_target t = direct;
	char why[128];
	proxy_start(&proxy, to);
	t.port = proxy.port;
	CHECK(qd_iscsi_target_resolve(&t, why, sizeof why) == 0);
	return t;
}

static void begin(void)
{
	rig_target(&(struct rig_lun){0}, "a", &direct);
	rig_format(&direct, "bench", 512);
	struct qd_iscsi_target t = through_proxy(rig.port);
	bench_open(&bench, &t, 1);
}

static void finish(void)
{
	bench_close(&bench);
	proxy_stop(&proxy);
}

static uint64_t submit_kind(enum qd_op_kind kind)
{
	const struct qd_owner_record r = {
		.node_id = 1,
		.state = QD_RECORD_TAKEN,
		.epoch = 64,
		.incarnation = 9,
		.sequence = 1,
		.renew_ns = 3000000000,
		.challenge_ns = 7000000000,
		.wait_ns = 9000000000,
	};
	if (kind == QD_OP_WRITE_RECORD)
		return bench_write(&bench, 0, &r);
	if (kind == QD_OP_WRITE_SLOTS) /* the text is of no bytes */
		return bench_write_slots(&bench, 0, &(struct qd_head){.tag = {64, 1}});
	if (kind == QD_OP_PR_OUT)
		return bench_pr(&bench, 0, QD_PR_REGISTER_AND_IGNORE, 0, 1);
	return bench_submit(&bench, 0, kind);
}

/* Nothing more comes. */
static bool silent(int64_t ms)
{
	return !bench_next(&bench, ms);
}

static bool works_again(void)
{
	proxy_order(&proxy, PROXY_PASS, 0, 0);
	return bench_login(&bench, 0) == QD_DISK_OK &&
	       bench_do(&bench, 0, QD_OP_READ_KEYS) == QD_OUTCOME_GOOD;
}

static void a_reset_at_every_operation(void)
{
	begin();
	for (int kind = QD_OP_READ_SUPERBLOCK; kind < QD_OP_KIND_COUNT; kind++) {
		NEED(bench_login(&bench, 0) == QD_DISK_OK);
		/* under way when the connection goes */
		proxy_order(&proxy, PROXY_HOLD, 0, 0);
		(void)submit_kind((enum qd_op_kind)kind);
		(void)submit_kind(QD_OP_READ_KEYS);
		CHECK(silent(20));
		proxy_order(&proxy, PROXY_RESET, 0, 0);
		CHECK(bench_next(&bench, RIG_LIMIT_MS) && bench.last.kind == QD_EVENT_SESSION_LOST);
		CHECK(silent(20));
		/* gone before it is sent */
		NEED(bench_login(&bench, 0) == QD_DISK_OK);
		proxy_order(&proxy, PROXY_RESET, 0, 0);
		(void)submit_kind((enum qd_op_kind)kind);
		CHECK(bench_next(&bench, RIG_LIMIT_MS) && bench.last.kind == QD_EVENT_SESSION_LOST);
		CHECK(silent(20));
	}
	CHECK(works_again());
	finish();
}

static void a_reset_without_commands_is_noticed(void)
{
	begin();
	NEED(bench_login(&bench, 0) == QD_DISK_OK);
	proxy_order(&proxy, PROXY_RESET, 0, 0);
	CHECK(bench_next(&bench, RIG_LIMIT_MS) && bench.last.kind == QD_EVENT_SESSION_LOST);
	CHECK(works_again());
	finish();
}

static void a_teardown_is_the_last_word(void)
{
	begin();
	for (int kind = QD_OP_READ_SUPERBLOCK; kind < QD_OP_KIND_COUNT; kind++) {
		NEED(bench_login(&bench, 0) == QD_DISK_OK);
		proxy_order(&proxy, PROXY_HOLD, 0, 0); /* the answer is late ... */
		(void)submit_kind((enum qd_op_kind)kind);
		CHECK(silent(20));
		qd_paths_teardown(bench.paths, 0);
		proxy_order(&proxy, PROXY_PASS, 0, 0); /* ... and comes now */
		CHECK(bench_next(&bench, RIG_LIMIT_MS) && bench.last.kind == QD_EVENT_SESSION_LOST);
		CHECK(silent(20));
	}
	/* an answer that is there already, but was not delivered */
	NEED(bench_login(&bench, 0) == QD_DISK_OK);
	(void)bench_submit(&bench, 0, QD_OP_READ_KEYS);
	qd_paths_flush(bench.paths);
	const struct qd_mono deadline = rig_deadline(50);
	while (!rig_over(deadline))
		NEED(qd_loop_arm(&bench.loop, deadline) == 0 && qd_loop_turn(&bench.loop) == 0);
	qd_paths_teardown(bench.paths, 0);
	CHECK(bench_next(&bench, RIG_LIMIT_MS) && bench.last.kind == QD_EVENT_SESSION_LOST);
	CHECK(silent(20));
	/* of a log-in, and of a path that is down */
	proxy_order(&proxy, PROXY_STALL, 0, 0);
	(void)bench_submit(&bench, 0, QD_OP_LOGIN);
	CHECK(silent(20));
	qd_paths_teardown(bench.paths, 0);
	CHECK(bench_next(&bench, RIG_LIMIT_MS) && bench.last.kind == QD_EVENT_SESSION_LOST);
	qd_paths_teardown(bench.paths, 0);
	CHECK(bench_next(&bench, RIG_LIMIT_MS) && bench.last.kind == QD_EVENT_SESSION_LOST);
	CHECK(works_again());
	finish();
}

/* Log in and ask for everything once; HUNG_MS without a word ends it with a teardown. True: all were answered or one
 * loss was reported, and nothing came after that. */
static bool exchange_ends(void)
{
	static const enum qd_op_kind kinds[] = {QD_OP_LOGIN, QD_OP_READ_SUPERBLOCK, QD_OP_READ_KEYS,
						QD_OP_READ_RESERVATION, QD_OP_READ_RECORDS};
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		const uint64_t id = submit_kind(kinds[i]);
		if (!bench_next(&bench, HUNG_MS)) {
			qd_paths_teardown(bench.paths, 0);
			if (!bench_next(&bench, HUNG_MS))
				return false;
		}
		if (bench.last.kind == QD_EVENT_SESSION_LOST)
			return true;
		if (bench.last.u.answer.id.value != id)
			return false;
		if (kinds[i] == QD_OP_LOGIN && bench.last.u.answer.outcome != QD_OUTCOME_GOOD)
			return true; /* refused: the path is down, no loss is reported */
	}
	qd_paths_teardown(bench.paths, 0);
	return bench_next(&bench, HUNG_MS) && bench.last.kind == QD_EVENT_SESSION_LOST;
}

static void spoil_everywhere(enum proxy_order_kind kind, uint32_t step, uint8_t mask)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
	const char *finer = getenv("QD_FAULTS_STEP"); /* 1: every byte, for a long run by hand */
	begin();
	if (finer != NULL && finer[0] >= '1' && finer[0] <= '9')
		step = (uint32_t)(finer[0] - '0');
	for (uint32_t at = 1; at < EXCHANGE_BYTES; at += step) {
		proxy_order(&proxy, kind, at, mask);
		if (!CHECK(exchange_ends())) {
			printf("  at byte %u\n", at);
			break;
		}
		proxy_order(&proxy, PROXY_RESET, 0, 0);
	}
	/* what the last connection left behind may still come */
	while (bench_next(&bench, 20))
		;
	CHECK(works_again());
	finish();
}

static void cut_at_every_byte_from_the_target(void)
{
	spoil_everywhere(PROXY_CUT_DOWN, 3, 0);
}

static void cut_at_every_byte_to_the_target(void)
{
	spoil_everywhere(PROXY_CUT_UP, 3, 0);
}

static void flipped_bits_from_the_target(void)
{
	spoil_everywhere(PROXY_FLIP_DOWN, 5, 0xff);
	spoil_everywhere(PROXY_FLIP_DOWN, 7, 0x01);
	spoil_everywhere(PROXY_FLIP_DOWN, 7, 0x26);
}

static void garbage_from_the_target(void)
{
	spoil_everywhere(PROXY_GARBAGE_DOWN, 16, 0);
}

static void nobody_there(void)
{
	begin();
	/* refused, reset at once, silent */
	struct qd_iscsi_target t = direct;
	char why[128];
	t.port = rig_free_port();
	CHECK(qd_iscsi_target_resolve(&t, why, sizeof why) == 0);
	struct bench closed;
	bench_open(&closed, &t, 1);
	CHECK(bench_answer(&closed, bench_submit(&closed, 0, QD_OP_LOGIN)) == QD_OUTCOME_ERROR);
	CHECK(strstr(qd_paths_why(closed.paths, 0), "no connection") != NULL);
	CHECK(bench_answer(&closed, bench_submit(&closed, 0, QD_OP_LOGIN)) == QD_OUTCOME_ERROR);
	bench_close(&closed);
	proxy_order(&proxy, PROXY_REFUSE, 0, 0);
	CHECK(bench_answer(&bench, bench_submit(&bench, 0, QD_OP_LOGIN)) == QD_OUTCOME_ERROR);
	proxy_order(&proxy, PROXY_STALL, 0, 0);
	(void)bench_submit(&bench, 0, QD_OP_LOGIN);
	CHECK(silent(100));
	qd_paths_teardown(bench.paths, 0);
	CHECK(bench_next(&bench, RIG_LIMIT_MS) && bench.last.kind == QD_EVENT_SESSION_LOST);
	CHECK(works_again());
	finish();
}

static void a_stopped_and_a_killed_tgtd(void)
{
	begin();
	NEED(bench_login(&bench, 0) == QD_DISK_OK);
	rig_pause();
	const uint64_t id = bench_submit(&bench, 0, QD_OP_READ_KEYS);
	CHECK(silent(200));
	rig_continue();
	CHECK(bench_answer(&bench, id) ==
	      QD_OUTCOME_GOOD); /* nothing was given up: deadlines are the core's */
	(void)bench_submit(&bench, 0, QD_OP_READ_KEYS);
	rig_kill();
	bool lost = false;
	for (int i = 0; i < 2 && !lost && bench_next(&bench, RIG_LIMIT_MS);
	     i++) /* the answer may have come first */
		lost = bench.last.kind == QD_EVENT_SESSION_LOST;
	CHECK(lost);
	CHECK(bench_answer(&bench, bench_submit(&bench, 0, QD_OP_LOGIN)) == QD_OUTCOME_ERROR);
	rig_restart();
	rig_target_again(&direct);
	CHECK(works_again());
	finish();
}

static void one_path_fails_the_other_works(void)
{
	begin();
	bench_close(&bench);
	struct qd_iscsi_target t[2] = {direct, direct};
	char why[128];
	t[0].port = proxy.port;
	(void)snprintf(t[1].initiator, sizeof t[1].initiator, "iqn.2026-11.test.quorumd:second");
	CHECK(qd_iscsi_target_resolve(&t[0], why, sizeof why) == 0);
	bench_open(&bench, t, 2);
	CHECK(bench_login(&bench, 0) == QD_DISK_OK && bench_login(&bench, 1) == QD_DISK_OK);
	proxy_order(&proxy, PROXY_STALL, 0, 0);
	(void)bench_submit(&bench, 0, QD_OP_READ_KEYS);
	for (int i = 0; i < 20; i++)
		CHECK(bench_do(&bench, 1, QD_OP_READ_KEYS) == QD_OUTCOME_GOOD);
	qd_paths_teardown(bench.paths, 0);
	CHECK(bench_next(&bench, RIG_LIMIT_MS) && bench.last.kind == QD_EVENT_SESSION_LOST &&
	      bench.last.u.path == 0);
	CHECK(bench_do(&bench, 1, QD_OP_READ_KEYS) == QD_OUTCOME_GOOD);
	CHECK(works_again());
	finish();
}

int main(int argc, char **argv)
{
	static const struct rig_test tests[] = {
		{"a connection reset at every operation", a_reset_at_every_operation},
		{"a connection reset without commands under way is noticed",
		 a_reset_without_commands_is_noticed},
		{"a teardown is the last word: late answers are never delivered",
		 a_teardown_is_the_last_word},
		{"the connection is cut at every byte from the target", cut_at_every_byte_from_the_target},
		{"the connection is cut at every byte to the target", cut_at_every_byte_to_the_target},
		{"bits from the target are flipped everywhere", flipped_bits_from_the_target},
		{"the target answers garbage", garbage_from_the_target},
		{"nobody is there, or nobody answers", nobody_there},
		{"tgtd is stopped, goes on, is killed, comes back", a_stopped_and_a_killed_tgtd},
		{"one path fails, the other works", one_path_fails_the_other_works},
	};
	return rig_main("t_faults", tests, sizeof tests / sizeof tests[0], argc, argv);
}
