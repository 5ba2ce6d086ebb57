/* SPDX-License-Identifier: Apache-2.0 */
/* What a round of the defender costs when nobody decides anything: a bare libiscsi loop that registers the next key,
 * reads the reservation and reads the records, three commands in one go, at the defender's pace, priority and locked
 * memory. `bare_loop URL RENEW_MS ROUNDS` prints "begin", and after so many rounds "end ROUNDS CPU_NS". Without
 * arguments it says how it is used and succeeds. For tests/bench/defender.py only. */
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum {
	WARM_UP_ROUNDS = 20,
	COMMANDS = 3,
	RECORDS_LBA = 8,
	RECORDS_SECTORS = 4, /* two nodes */
	SECTOR_BYTES = 512,
	RESERVATION_BYTES = 24,
	REGISTER = SCSI_PERSISTENT_RESERVE_REGISTER,
	FIRST_KEY = 1,
};

struct loop {
	struct iscsi_context *iscsi;
	int lun;
	uint64_t key;
	unsigned answers;
	unsigned bad;
};

static _Noreturn void die(struct loop *l, const char *what)
{
	(void)fprintf(stderr, "bare_loop: %s: %s\n", what,
		      l->iscsi != NULL ? iscsi_get_error(l->iscsi) : strerrordesc_np(errno));
	exit(1);
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t = {0};
	(void)clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void on_answer(struct iscsi_context *iscsi, int status, void *data, void *context)
{
	struct loop *l = context;
	(void)iscsi;
	l->answers++;
	l->bad += status != SCSI_STATUS_GOOD;
	scsi_free_scsi_task(data);
}

static void queue_out(struct loop *l, int action, int type, uint64_t old_key, uint64_t new_key)
{
	struct scsi_persistent_reserve_out_basic basic = {
		.reservation_key = old_key,
		.service_action_reservation_key = new_key,
	};
	if (iscsi_persistent_reserve_out_task(l->iscsi, l->lun, action, SCSI_PERSISTENT_RESERVE_SCOPE_LU,
					      type, &basic, on_answer, l) == NULL)
		die(l, "PERSISTENT RESERVE OUT");
}

/* Until `count` answers are there or `until` has come (0: never). */
static void turn(struct loop *l, unsigned count, int64_t until)
{
	while (l->answers < count || until != 0) {
		struct pollfd p = {.fd = iscsi_get_fd(l->iscsi),
				   .events = (short)iscsi_which_events(l->iscsi)};
		int64_t left = until - clock_ns(CLOCK_MONOTONIC);
		if (until != 0 && left <= 0)
			return;
		struct timespec wait = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
		int n = ppoll(&p, 1, until != 0 ? &wait : NULL, NULL);
		if (n > 0 && iscsi_service(l->iscsi, p.revents) != 0)
			die(l, "the connection");
	}
}

static void need_good(struct loop *l, const char *what)
{
	turn(l, l->answers + 1, 0);
	if (l->bad != 0)
		die(l, what);
}

static void take(struct loop *l)
{
	for (int attention = 0; attention < 3; attention++) { /* those of a new session */
		if (iscsi_testunitready_task(l->iscsi, l->lun, on_answer, l) == NULL)
			die(l, "TEST UNIT READY");
		turn(l, l->answers + 1, 0);
	}
	l->bad = 0;
	l->key = FIRST_KEY;
	queue_out(l, SCSI_PERSISTENT_RESERVE_REGISTER_AND_IGNORE_EXISTING_KEY, 0, 0, l->key);
	need_good(l, "REGISTER AND IGNORE EXISTING KEY");
	queue_out(l, SCSI_PERSISTENT_RESERVE_RESERVE, SCSI_PERSISTENT_RESERVE_TYPE_WRITE_EXCLUSIVE, l->key,
		  0);
	need_good(l, "RESERVE");
}

static void begin_round(struct loop *l)
{
	l->answers = 0;
	queue_out(l, REGISTER, 0, l->key, l->key + 1);
	l->key++;
	if (iscsi_persistent_reserve_in_task(l->iscsi, l->lun, SCSI_PERSISTENT_RESERVE_READ_RESERVATION,
					     RESERVATION_BYTES, on_answer, l) == NULL ||
	    iscsi_read10_task(l->iscsi, l->lun, RECORDS_LBA, RECORDS_SECTORS * SECTOR_BYTES, SECTOR_BYTES, 0,
			      0, 0, 0, 0, on_answer, l) == NULL)
		die(l, "a round");
}

static void log_in(struct loop *l, const char *text)
{
	l->iscsi = iscsi_create_context("iqn.2026-11.test.quorumd:bare");
	struct iscsi_url *url = l->iscsi != NULL ? iscsi_parse_full_url(l->iscsi, text) : NULL;
	if (url == NULL)
		die(l, text);
	iscsi_set_noautoreconnect(l->iscsi, 1);
	l->lun = url->lun;
	if (iscsi_set_targetname(l->iscsi, url->target) != 0 ||
	    iscsi_set_session_type(l->iscsi, ISCSI_SESSION_NORMAL) != 0 ||
	    iscsi_set_header_digest(l->iscsi, ISCSI_HEADER_DIGEST_CRC32C) != 0 ||
	    iscsi_full_connect_sync(l->iscsi, url->portal, url->lun) != 0)
		die(l, "log-in");
	iscsi_destroy_url(url);
}

int main(int argc, char **argv)
{
	struct loop l = {0};
	const struct sched_param low = {.sched_priority = sched_get_priority_min(SCHED_RR)};
	if (argc != 4) {
		(void)puts("usage: bare_loop URL RENEW_MS ROUNDS");
		return argc == 1 ? 0 : 64;
	}
	const int64_t renew_ns = strtol(argv[2], NULL, 10) * 1000000;
	const long rounds = strtol(argv[3], NULL, 10);
	log_in(&l, argv[1]);
	take(&l);
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0 ||
	    sched_setscheduler(0, SCHED_RR, &low) != 0)
		(void)fputs("bare_loop: no locked memory or no real-time priority\n", stderr);
	int64_t due = clock_ns(CLOCK_MONOTONIC);
	int64_t spent = 0;
	for (long round = -WARM_UP_ROUNDS; round < rounds; round++) {
		if (round == 0) {
			(void)puts("begin");
			(void)fflush(stdout);
			spent = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
		}
		begin_round(&l);
		turn(&l, COMMANDS, 0);
		if (l.bad != 0)
			die(&l, "a round's answer");
		due += renew_ns;
		turn(&l, COMMANDS, due);
	}
	(void)printf("end %ld %" PRId64 "\n", rounds, clock_ns(CLOCK_PROCESS_CPUTIME_ID) - spent);
	return 0;
}
