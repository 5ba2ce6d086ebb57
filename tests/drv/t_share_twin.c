/* SPDX-License-Identifier: Apache-2.0 */
/* The witness in a directory: two machines that have one id, and two nodes with different times. What the one holds is not
 * taken by the other, nor before its rights are over. */
#include "unit/unit.h"

#include "drv/share_lock.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

enum {
	PATH_BYTES = 200,
	C_MS = 6000,
	NODE = 1,
};

static char root[PATH_BYTES];
static char dir[PATH_BYTES + 64];
static const uint8_t CLUSTER[QD_WITNESS_CLUSTER_BYTES] = {0xab, 1, 2,  3,  4,  5,  6,  7,
							  8,	9, 10, 11, 12, 13, 14, 15};
static struct qd_mono now;
static struct qd_share_files files;
static struct qd_share_lock earlier, later; /* two starts of one node */
static struct qd_share_lock other;	    /* of another one */
static int64_t lasts_ms = C_MS;
static struct qd_witness_answer got;
static uint64_t ids;

static struct qd_mono fake_now(void)
{
	return now;
}

static bool fit(const char *where, char *why, size_t why_bytes)
{
	(void)where;
	UNIT_OK(why_bytes > 0);
	why[0] = '\0';
	return true;
}

static void wait_ms(int64_t ms)
{
	now = qd_mono_add(now, qd_span_ms(ms));
}

static enum qd_witness_verdict ask(struct qd_share_lock *l, enum qd_witness_ask what, uint64_t epoch)
{
	const struct qd_witness_request q = {.ask = what,
					     .id = ++ids,
					     .node = l->node,
					     .incarnation = l == &earlier ? 101 : 201,
					     .epoch = epoch,
					     .challenge_ns = (uint64_t)qd_span_ms(lasts_ms).ns};
	qd_share_lock_ask(l, &q, &got);
	return got.verdict;
}

static bool told(const struct qd_share_lock *l)
{
	return strstr(l->why, "another machine has its id and key") != NULL;
}

static void empty(void)
{
	DIR *d = opendir(dir);
	for (const struct dirent *e = d == NULL ? NULL : readdir(d); e != NULL; e = readdir(d)) {
		if (e->d_name[0] != '.')
			(void)unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d != NULL)
		(void)closedir(d);
	(void)rmdir(dir);
}

static void start(struct qd_share_lock *l)
{
	UNIT_EQUAL(qd_share_lock_init(l, &files, root, CLUSTER, l == &other ? NODE + 1 : NODE), 0);
}

static enum qd_witness_verdict ask_for(struct qd_share_lock *l, enum qd_witness_ask what, uint64_t epoch,
				       int64_t ms)
{
	lasts_ms = ms;
	const enum qd_witness_verdict verdict = ask(l, what, epoch);
	lasts_ms = C_MS;
	return verdict;
}

/* The earlier start holds the lock of epoch 128; the later one has looked once. */
static void both(void)
{
	empty();
	UNIT_EQUAL(mkdir(dir, 0700), 0);
	start(&earlier);
	UNIT_EQUAL(ask(&earlier, QD_WITNESS_CONFIRM, 64), QD_WITNESS_OK);
	UNIT_EQUAL(ask(&earlier, QD_WITNESS_LOCK, 128), QD_WITNESS_OK);
	start(&later);
	UNIT_EQUAL(ask(&later, QD_WITNESS_SHOW, 0), QD_WITNESS_OK);
	UNIT_EQUAL(ask(&later, QD_WITNESS_LOCK, 64), QD_WITNESS_OLD_EPOCH);
	UNIT_EQUAL(ask(&later, QD_WITNESS_LOCK, 192), QD_WITNESS_HELD);
}

static void lives(void)
{
	both();
	for (int i = 0; i < 5; i++) {
		wait_ms(C_MS / 3);
		UNIT_EQUAL(ask(&earlier, QD_WITNESS_RENEW, 128), QD_WITNESS_OK);
		UNIT_EQUAL(ask(&later, QD_WITNESS_LOCK, 192), QD_WITNESS_HELD);
		UNIT_OK(told(&later));
	}
	UNIT_OK(!told(&earlier));
	wait_ms(C_MS - 1);
	UNIT_EQUAL(ask(&later, QD_WITNESS_LOCK, 192), QD_WITNESS_HELD);
	wait_ms(1);
	UNIT_EQUAL(ask(&later, QD_WITNESS_LOCK, 192), QD_WITNESS_OK);
	/* had it only been away for so long, it is told */
	UNIT_EQUAL(ask(&earlier, QD_WITNESS_RENEW, 128), QD_WITNESS_OLD_EPOCH);
	UNIT_OK(told(&earlier));
}

static void has_ended(void)
{
	both();
	wait_ms(C_MS / 2 - 1);
	UNIT_EQUAL(ask(&later, QD_WITNESS_LOCK, 192), QD_WITNESS_HELD);
	wait_ms(1);
	UNIT_EQUAL(ask(&later, QD_WITNESS_LOCK, 192), QD_WITNESS_OK);
	UNIT_OK(!told(&later));
	/* its own beats are none of another's */
	wait_ms(1);
	UNIT_EQUAL(ask(&later, QD_WITNESS_RENEW, 192), QD_WITNESS_OK);
	UNIT_EQUAL(ask(&later, QD_WITNESS_LOCK, 256), QD_WITNESS_OK);
	UNIT_OK(!told(&later));
}

/* Node 1 has the lock of epoch 128 since just now, and has renewed it for twice as long; node 2 has looked once. */
static void longer_one(void)
{
	empty();
	UNIT_EQUAL(mkdir(dir, 0700), 0);
	start(&earlier);
	UNIT_EQUAL(ask(&earlier, QD_WITNESS_CONFIRM, 64), QD_WITNESS_OK);
	UNIT_EQUAL(ask(&earlier, QD_WITNESS_LOCK, 128), QD_WITNESS_OK);
	start(&other);
	UNIT_EQUAL(ask_for(&earlier, QD_WITNESS_RENEW, 128, (int64_t)2 * C_MS), QD_WITNESS_OK);
	UNIT_EQUAL(ask(&other, QD_WITNESS_LOCK, 193), QD_WITNESS_HELD);
}

static void renewed_for_longer(void)
{
	longer_one();
	wait_ms(2 * C_MS - 1);
	UNIT_EQUAL(ask(&other, QD_WITNESS_LOCK, 193), QD_WITNESS_HELD);
	wait_ms(1);
	UNIT_EQUAL(ask(&other, QD_WITNESS_LOCK, 193), QD_WITNESS_OK);
}

static void yielded_by_longer(void)
{
	longer_one();
	UNIT_EQUAL(ask(&earlier, QD_WITNESS_YIELD, 128), QD_WITNESS_OK);
	wait_ms(2 * C_MS - 1);
	UNIT_EQUAL(ask(&other, QD_WITNESS_LOCK, 193), QD_WITNESS_HELD);
	UNIT_EQUAL(got.holder, 0);
	/* Who waits long enough itself has it at once. */
	UNIT_EQUAL(ask_for(&other, QD_WITNESS_LOCK, 193, (int64_t)2 * C_MS), QD_WITNESS_OK);
	UNIT_EQUAL(ask(&other, QD_WITNESS_RELEASE, 193), QD_WITNESS_OK);
}

static void started_with_shorter(void)
{
	longer_one();
	start(&later);
	UNIT_EQUAL(ask(&later, QD_WITNESS_LOCK, 192), QD_WITNESS_HELD);
	wait_ms(2 * C_MS - 1);
	UNIT_EQUAL(ask(&later, QD_WITNESS_LOCK, 192), QD_WITNESS_HELD);
	wait_ms(1);
	UNIT_EQUAL(ask(&later, QD_WITNESS_LOCK, 192), QD_WITNESS_OK);
}

static const struct unit_test TESTS[] = {
	{"a renewal for longer keeps the lock for longer", renewed_for_longer},
	{"and a yielded one from those who would wait for less", yielded_by_longer},
	{"a later start with shorter times waits for the earlier one's", started_with_shorter},
	{"a later start of a node takes nothing from an earlier one that lives, and both are told", lives},
	{"a node that was started again waits for half of C, and only for an earlier start's beat",
	 has_ended},
};

int main(void)
{
	char name[] = "/tmp/qd-share-twin-XXXXXX";
	if (mkdtemp(name) == NULL)
		return EXIT_FAILURE;
	(void)snprintf(root, sizeof root, "%s", name);
	(void)snprintf(dir, sizeof dir, "%s/ab0102030405060708090a0b0c0d0e0f", root);
	now = (struct qd_mono){UINT64_C(1000000000000)};
	files = qd_share_files_kernel;
	files.now = fake_now;
	files.fit = fit;
	const int rc = unit_run("t_share_twin", TESTS, UNIT_COUNT(TESTS));
	empty();
	(void)rmdir(root);
	return rc;
}
