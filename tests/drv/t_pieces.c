/* SPDX-License-Identifier: Apache-2.0 */
/* Small parts without a target of their own: the look at log-in answers, the incarnation store, stamps and their
 * judge, the loop's timer. */
#include "base/crc32c.h"
#include "codec/qdisk.h"
#include "drv/iscsi_login.h"
#include "drv/loop.h"
#include "drv/rig.h"
#include "drv/stamp.h"
#include "drv/stamps.h"
#include "quorumd/errors.h"
#include "quorumd/shell_store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ------------------------------------------------ log-in answers */

enum {
	FINISHED = 0x87, /* transit, operational negotiation -> full feature */
};

static const char *judge(uint8_t opcode, uint8_t flags, const char *text, size_t len,
			 struct qd_login_check *check)
{
	static uint8_t pdu[QD_ISCSI_BHS_BYTES + 512];
	memset(pdu, 0, sizeof pdu);
	pdu[0] = opcode;
	pdu[1] = flags;
	pdu[6] = (uint8_t)(len >> 8);
	pdu[7] = (uint8_t)len;
	memcpy(pdu + QD_ISCSI_BHS_BYTES, text, len);
	return qd_iscsi_login_check(pdu, qd_iscsi_login_length(pdu, sizeof pdu), check);
}

#define JUDGE(opcode, text, check) judge(opcode, FINISHED, text, sizeof(text), check)

static void log_in_answers(void)
{
	struct qd_login_check none = {0};
	struct qd_login_check digest = {.need_header_digest = true};
	struct qd_login_check mutual = {.need_mutual = true};
	/* what libiscsi follows a null pointer for: SCSI data, R2T, NOP as the answer to a log-in */
	const uint8_t wrong[] = {0x25, 0x31, 0x20, 0x21, 0x22, 0x24, 0x26, 0x32, 0x3f, 0x00, 0x03};
	for (size_t i = 0; i < sizeof wrong; i++)
		CHECK(JUDGE(wrong[i], "A=B", &none) != NULL);
	CHECK(JUDGE(0x23, "MaxBurstLength=262144", &none) == NULL);
	CHECK(JUDGE(0x23, "MaxRecvDataSegmentLength=0", &none) != NULL);
	CHECK(JUDGE(0x23, "FirstBurstLength=511", &none) != NULL);
	CHECK(JUDGE(0x23, "MaxBurstLength=-5", &none) != NULL);
	CHECK(JUDGE(0x23, "A=B\0MaxBurstLength=x", &none) != NULL);
	CHECK(JUDGE(0x23, "HeaderDigest=None", &none) == NULL);
	CHECK(JUDGE(0x23, "HeaderDigest=None", &digest) != NULL);
	CHECK(JUDGE(0x23, "HeaderDigest=CRC32C", &digest) == NULL);
	CHECK(judge(0x23, FINISHED, "A=B", 3, &none) != NULL); /* no end */
	CHECK(judge(0x23, FINISHED, "", 0, &none) == NULL);
	CHECK(judge(0x23, FINISHED, "", 0, &mutual) != NULL); /* on to full feature without a proof */
	CHECK(judge(0x23, 0x81, "CHAP_N=t\0CHAP_R=0x00", 21, &mutual) == NULL);
	CHECK(judge(0x23, FINISHED, "", 0, &mutual) == NULL);
	CHECK(qd_iscsi_login_length((const uint8_t[48]){0}, 47) == 0);
	uint8_t pdu[QD_ISCSI_BHS_BYTES] = {0x23, FINISHED};
	pdu[36] = 2;
	pdu[37] = 1;
	CHECK(qd_iscsi_login_check(pdu, sizeof pdu, &none) == NULL && none.refused_auth);
	pdu[36] = 1; /* redirection */
	CHECK(qd_iscsi_login_check(pdu, sizeof pdu, &none) != NULL);
	pdu[36] = 0;
	pdu[4] = 1; /* additional header segment */
	CHECK(qd_iscsi_login_check(pdu, sizeof pdu, &none) != NULL);
	/* whatever it is, it is judged without reading beyond it */
	uint64_t state = 1;
	for (int i = 0; i < 20000; i++) {
		uint8_t random[QD_ISCSI_BHS_BYTES + 256];
		for (size_t k = 0; k < sizeof random; k++) {
			state = state * 6364136223846793005u + 1442695040888963407u;
			random[k] = (uint8_t)(state >> 56);
		}
		random[0] = 0x23;
		random[4] = random[5] = random[6] = 0;
		struct qd_login_check c = {.need_mutual = true};
		(void)qd_iscsi_login_check(random, qd_iscsi_login_length(random, sizeof random), &c);
	}
}

/* ------------------------------------------------ incarnations */

static char why[QD_STORE_WHY_MAX];

static struct qd_store store_of(const char *name, uint32_t node_id, uint8_t machine)
{
	struct qd_store s = {.node_id = node_id, .machine_id = {machine}};
	(void)snprintf(s.dir, sizeof s.dir, "%s/%s", rig.dir, name);
	return s;
}

static void damage(const struct qd_store *s, int copy, const char *text)
{
	char name[320];
	(void)snprintf(name, sizeof name, "%s/incarnation.%d", s->dir, copy);
	if (text == NULL) {
		(void)unlink(name);
		return;
	}
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	(void)close(fd);
}

static void incarnations_only_grow(void)
{
	uint64_t first = 0, next = 0;
	struct qd_store s = store_of("store", 3, 1);
	CHECK(qd_store_open(&s, &first, why) == 0 &&
	      first > 1700000000000000); /* a new store begins with the time, in microseconds */
	CHECK(qd_store_open(&s, &next, why) == 0 && next == first + 1);
	CHECK(qd_store_write(&s, next + 10, why) == 0);
	CHECK(qd_store_open(&s, &next, why) == 0 && next == first + 12);
	for (int copy = 0; copy < 2; copy++) { /* one copy torn, short, gone */
		const char *const bad[] = {"", "quorumd-incarnation 1 5 3 ", "junk junk", NULL};
		for (size_t i = 0; i < 4; i++) {
			const uint64_t before = next;
			damage(&s, copy, bad[i]);
			CHECK(qd_store_open(&s, &next, why) == 0 && next == before + 1);
		}
	}
	damage(&s, 0, "quorumd-incarnation 1 9999999999999999 3 01000000000000000000000000000000 00000000\n");
	CHECK(qd_store_open(&s, &next, why) == 0 && next < 9999999999999999); /* wrong checksum */
	/* Two machines set up together, with one id by mistake, do not count from the same number. */
	uint64_t one = 0, two = 0;
	struct qd_store a = store_of("one", 3, 1), b = store_of("two", 3, 2);
	CHECK(qd_store_open(&a, &one, why) == 0 && qd_store_open(&b, &two, why) == 0 && one != two);
}

static void foreign_stores_are_refused(void)
{
	uint64_t n = 0;
	struct qd_store s = store_of("foreign", 3, 1);
	CHECK(qd_store_open(&s, &n, why) == 0);
	struct qd_store other = store_of("foreign", 3, 2);
	CHECK(qd_store_open(&other, &n, why) == -QD_ERR_REFUSED && strstr(why, "machine") != NULL);
	other = store_of("foreign", 4, 1);
	CHECK(qd_store_open(&other, &n, why) == -QD_ERR_REFUSED && strstr(why, "node 3") != NULL);
	damage(&s, 0, "x");
	damage(&s, 1, "y");
	CHECK(qd_store_open(&s, &n, why) == -QD_ERR_REFUSED && strstr(why, "damaged") != NULL);
	s = store_of("no/such/folder", 3, 1);
	CHECK(qd_store_open(&s, &n, why) == -QD_ERR_IO);
}

/* ------------------------------------------------ stamps */

static uint64_t data_lba;

static void put(int fd, uint64_t slot, uint64_t epoch, uint64_t sequence)
{
	uint8_t sector[512];
	qd_stamp_encode(&(struct qd_stamp){.epoch = epoch, .sequence = sequence, .slot = slot, .node_id = 1},
			sector, 512);
	CHECK(pwrite(fd, sector, 512, (off_t)((data_lba + slot) * 512)) == 512);
}

static uint64_t violations(const char *file)
{
	struct stamps s = {0};
	FILE *nowhere = fopen("/dev/null", "w");
	CHECK(nowhere != NULL && stamps_judge(file, nowhere, &s));
	(void)fclose(nowhere);
	return s.violations;
}

static void stamps_are_judged(void)
{
	struct qd_iscsi_target t;
	char file[128];
	rig_target(&(struct rig_lun){0}, "a", &t);
	rig_format(&t, "stamps", 512);
	rig_file(&t, file, sizeof file);
	data_lba = qd_qdisk_min_sectors(512);
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	NEED(fd >= 0);
	for (uint64_t i = 0; i < 10; i++)
		put(fd, i, 64, i);
	for (uint64_t i = 0; i < 10; i++)
		put(fd, 10 + i, 129, i);
	CHECK(violations(file) == 0);
	put(fd, 10, 64, 10); /* the earlier owner goes on where the later began */
	CHECK(violations(file) == 1);
	put(fd, 10, 129, 0);
	put(fd, 15, 64, 11); /* or anywhere in it */
	CHECK(violations(file) > 0);
	put(fd, 15, 129, 5);
	put(fd, 20, 64, 10); /* or behind it */
	CHECK(violations(file) == 1);
	put(fd, 20, 192, 0);
	put(fd, 22, 192, 1); /* a hole */
	CHECK(violations(file) == 1);
	const uint8_t torn[4] = {9, 9, 9, 9};
	CHECK(pwrite(fd, torn, 4, (off_t)((data_lba + 22) * 512 + 100)) == 4); /* no stamp any more */
	CHECK(violations(file) == 0);
	(void)close(fd);
}

/* ------------------------------------------------ the timer */

static void the_timer_is_exact(void)
{
	struct qd_loop loop;
	int64_t worst_us = 0;
	NEED(qd_loop_open(&loop) == 0);
	for (int i = 0; i < 50; i++) {
		const struct qd_mono deadline = rig_deadline(3);
		CHECK(qd_loop_arm(&loop, deadline) == 0 && qd_loop_turn(&loop) == 0);
		const struct qd_mono now = qd_clock_now();
		CHECK(qd_mono_reached(now,
				      deadline)); /* never early: a turn too soon would only come again */
		const int64_t late_us =
			qd_mono_reached(now, deadline) ? qd_mono_sub(now, deadline).ns / 1000 : 0;
		worst_us = late_us > worst_us ? late_us : worst_us;
	}
	printf("  latest of 50 timers of 3 ms: %lld us\n", (long long)worst_us);
	CHECK(worst_us < 200000); /* a wait whose end is rounded to be cheap would be later */
	qd_loop_close(&loop);
}

int main(int argc, char **argv)
{
	static const struct rig_test tests[] = {
		{"log-in answers that would hurt libiscsi are held back", log_in_answers},
		{"incarnations only grow, with one copy damaged, too", incarnations_only_grow},
		{"a store of another machine or node is refused", foreign_stores_are_refused},
		{"stamps are judged, whatever an earlier owner does", stamps_are_judged},
		{"the timer is exact and never early", the_timer_is_exact},
	};
	return rig_main("t_pieces", tests, sizeof tests / sizeof tests[0], argc, argv);
}
