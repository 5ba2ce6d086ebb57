/* SPDX-License-Identifier: Apache-2.0 */
/* The witness in a directory: several nodes on one directory with a clock of the test's own, files that fail and files
 * that hang. */
#include "unit/unit.h"

#include "drv/witness_share.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>

enum {
	PATH_BYTES = 200,
	NODES = 3,
	C_MS = 6000,
};

static char root[PATH_BYTES];
static char dir[PATH_BYTES + 64];
static const uint8_t CLUSTER[QD_WITNESS_CLUSTER_BYTES] = {0xab, 1, 2,  3,  4,  5,  6,  7,
							  8,	9, 10, 11, 12, 13, 14, 15};

/* ------------------------------------------------ a share that the test holds in its hand */

static struct {
	struct qd_mono now;
	int error; /* of everything that writes */
	bool hangs;
	unsigned at_share; /* threads that hang now */
	uint64_t birth_ns; /* added to the real one: another directory */
	pthread_mutex_t mutex;
	pthread_cond_t change;
	void (*between)(void); /* called once, before the next file is made */
	void (*at_beat)(void); /* called once, before the next beat is written */
} share = {.mutex = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};

static struct qd_mono fake_now(void)
{
	return share.now;
}

static int list(const char *where, qd_share_name_fn *fn, void *context)
{
	(void)pthread_mutex_lock(&share.mutex);
	share.at_share++;
	(void)pthread_cond_broadcast(&share.change);
	while (share.hangs)
		(void)pthread_cond_wait(&share.change, &share.mutex);
	share.at_share--;
	(void)pthread_cond_broadcast(&share.change);
	(void)pthread_mutex_unlock(&share.mutex);
	return qd_share_files_kernel.list(where, fn, context);
}

static int read_file(const char *where, const char *name, uint8_t *to, size_t len_bytes)
{
	return qd_share_files_kernel.read(where, name, to, len_bytes);
}

static int write_file(const char *where, const char *name, const uint8_t *data, size_t len_bytes)
{
	void (*at_beat)(void) = share.at_beat;
	share.at_beat = NULL;
	if (at_beat != NULL)
		at_beat();
	return share.error != 0 ? share.error : qd_share_files_kernel.write(where, name, data, len_bytes);
}

static int create(const char *where, const char *name, const char *own, const uint8_t *data, size_t len_bytes)
{
	void (*between)(void) = share.between;
	share.between = NULL;
	if (between != NULL)
		between();
	return share.error != 0 ? share.error
				: qd_share_files_kernel.create(where, name, own, data, len_bytes);
}

static void remove_file(const char *where, const char *name)
{
	qd_share_files_kernel.remove(where, name);
}

static int identify(const char *where, uint64_t *inode, uint64_t *birth_ns)
{
	const int rc = qd_share_files_kernel.identify(where, inode, birth_ns);
	*birth_ns += share.birth_ns;
	return rc;
}

static const struct qd_share_files FILES = {list,	 read_file, write_file, create,
					    remove_file, identify,  fake_now,	qd_share_files_fit};

/* ------------------------------------------------ nodes */

static struct qd_share_lock nodes[NODES + 1];
static struct qd_witness_answer got;
static uint64_t ids;

static void wait_ms(int64_t ms)
{
	share.now = qd_mono_add(share.now, qd_span_ms(ms));
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

static void start_node(uint32_t node)
{
	UNIT_EQUAL(qd_share_lock_init(&nodes[node], &FILES, root, CLUSTER, node), 0);
}

static struct qd_witness_request request(uint32_t node, enum qd_witness_ask ask, uint64_t epoch)
{
	return (struct qd_witness_request){.ask = ask,
					   .id = ++ids,
					   .node = node,
					   .incarnation = 100 + node,
					   .epoch = epoch,
					   .challenge_ns = (uint64_t)qd_span_ms(C_MS).ns};
}

static enum qd_witness_verdict say(const struct qd_witness_request *q)
{
	qd_share_lock_ask(&nodes[q->node], q, &got);
	UNIT_EQUAL(got.id, q->id);
	UNIT_EQUAL(got.incarnation, q->incarnation);
	return got.verdict;
}

static enum qd_witness_verdict ask(uint32_t node, enum qd_witness_ask what, uint64_t epoch)
{
	const struct qd_witness_request q = request(node, what, epoch);
	return say(&q);
}

static enum qd_witness_verdict put(uint32_t node, uint64_t epoch, struct qd_tag tag, uint8_t byte)
{
	struct qd_witness_request q = request(node, QD_WITNESS_PUT, epoch);
	q.tag = tag;
	memset(q.digest, byte, sizeof q.digest);
	return say(&q);
}

static void fresh(void)
{
	share.error = 0;
	share.hangs = false;
	share.birth_ns = 0;
	share.between = share.at_beat = NULL;
	share.now = (struct qd_mono){UINT64_C(1000000000000)};
	empty();
	UNIT_EQUAL(mkdir(dir, 0700), 0);
	for (uint32_t n = 1; n <= NODES; n++)
		start_node(n);
}

static void fresh_confirmed(void)
{
	fresh();
	UNIT_EQUAL(ask(1, QD_WITNESS_CONFIRM, 64), QD_WITNESS_OK);
}

static uint64_t ms(uint64_t ns)
{
	return ns / 1000000;
}

/* ------------------------------------------------ wrong inputs */

static void not_there(void)
{
	fresh();
	empty();
	UNIT_EQUAL(ask(1, QD_WITNESS_SHOW, 0), QD_WITNESS_STORE);
	UNIT_EQUAL(ask(1, QD_WITNESS_CONFIRM, 64), QD_WITNESS_STORE);
	UNIT_OK(access(dir, F_OK) != 0); /* on an unmounted mount point nothing is made */
}

static void unconfirmed(void)
{
	static const enum qd_witness_ask ASKS[] = {QD_WITNESS_LOCK,    QD_WITNESS_RENEW, QD_WITNESS_PUT,
						   QD_WITNESS_RELEASE, QD_WITNESS_YIELD, QD_WITNESS_SHOW};
	fresh();
	wait_ms(1000000);
	for (size_t i = 0; i < UNIT_COUNT(ASKS); i++)
		UNIT_EQUAL(ask(1, ASKS[i], 64), QD_WITNESS_UNCONFIRMED);
	UNIT_EQUAL(ask(1, QD_WITNESS_CONFIRM, 0), QD_WITNESS_OK); /* an odd one, and no harm */
	UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 0), QD_WITNESS_OLD_EPOCH);
	UNIT_EQUAL(ask(1, QD_WITNESS_RENEW, 0), QD_WITNESS_NOT_HOLDER);
}

static void foreign_files(void)
{
	char name[PATH_BYTES + 128];
	static const char *const names[] = {
		"grant-ffffffffffffffff.bak", "grant-xyz", "beat-99", "tag-1-2", "README",
		"grant-000000000000ffFF",     "free-",	   "store-"};
	fresh_confirmed();
	for (size_t i = 0; i < UNIT_COUNT(names); i++) {
		(void)snprintf(name, sizeof name, "%s/%s", dir, names[i]);
		const int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		UNIT_EQUAL(write(fd, "x", 1), 1);
		(void)close(fd);
	}
	UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 128), QD_WITNESS_OK);
	/* but a grant that cannot be read may be anybody's */
	(void)snprintf(name, sizeof name, "%s/grant-0000000000001000", dir);
	const int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	(void)close(fd);
	UNIT_EQUAL(ask(1, QD_WITNESS_RENEW, 128), QD_WITNESS_STORE);
}

static bool renews_but(const char *text)
{
	const enum qd_witness_verdict verdict = ask(1, QD_WITNESS_RENEW, 128);
	return verdict == QD_WITNESS_STORE && strstr(nodes[1].why, text) != NULL;
}

/* What people are told: the file, and what to do. */
static void reasons(void)
{
	static const char GRANT[] = "grant-0000000000001000";
	struct qd_witness_grant g = {.sequence = 1, .cluster = {1}, .record = {.epoch = 4096}};
	char name[PATH_BYTES + 128];
	uint8_t sector[QD_WITNESS_SECTOR_BYTES];
	fresh_confirmed();
	UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 128), QD_WITNESS_OK);
	share.error = -ENOSPC;
	UNIT_OK(renews_but("/beat-01: No space left on device"));
	share.error = 0;
	qd_witness_grant_encode(&g, sector); /* another cluster's, copied there */
	UNIT_EQUAL(qd_share_files_kernel.write(dir, GRANT, sector, sizeof sector), 0);
	UNIT_OK(renews_but("grant-0000000000001000: another cluster's"));
	(void)snprintf(name, sizeof name, "%s/%s", dir, GRANT);
	UNIT_EQUAL(truncate(name, 5), 0);
	UNIT_OK(renews_but("grant-0000000000001000: damaged"));
	UNIT_EQUAL(unlink(name), 0);
	UNIT_EQUAL(ask(1, QD_WITNESS_RENEW, 128), QD_WITNESS_OK);
	UNIT_OK(strstr(nodes[1].why, "grant") == NULL);
}

/* ------------------------------------------------ the lock */

static void grants_once(void)
{
	fresh_confirmed();
	/* the epoch of CONFIRM is that of a view: its leader may come for the lock with it, once */
	UNIT_EQUAL(ask(2, QD_WITNESS_LOCK, 64), QD_WITNESS_OLD_EPOCH);
	UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 63), QD_WITNESS_OLD_EPOCH);
	UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 64), QD_WITNESS_OK);
	UNIT_EQUAL(ask(1, QD_WITNESS_RELEASE, 64), QD_WITNESS_OK);
	UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 64), QD_WITNESS_OLD_EPOCH);
	UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 128), QD_WITNESS_OK);
	UNIT_EQUAL(got.epoch, 128);
	UNIT_EQUAL(got.holder, 1);
	UNIT_EQUAL(ask(2, QD_WITNESS_LOCK, 128), QD_WITNESS_OLD_EPOCH);
	UNIT_EQUAL(ask(2, QD_WITNESS_LOCK, 193), QD_WITNESS_HELD);
	UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 128), QD_WITNESS_OK); /* asked again */
	UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 192), QD_WITNESS_OK); /* higher, by the holder */
	UNIT_EQUAL(ask(1, QD_WITNESS_RENEW, 128), QD_WITNESS_OLD_EPOCH);
	UNIT_EQUAL(ask(2, QD_WITNESS_RENEW, 192), QD_WITNESS_NOT_HOLDER);
}

static void challenge(void)
{
	fresh_confirmed();
	UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 128), QD_WITNESS_OK);
	UNIT_EQUAL(ask(2, QD_WITNESS_LOCK, 193), QD_WITNESS_HELD);
	for (int i = 0; i < 20; i++) {
		wait_ms(C_MS / 3);
		UNIT_EQUAL(ask(1, QD_WITNESS_RENEW, 128), QD_WITNESS_OK);
		UNIT_EQUAL(ask(2, QD_WITNESS_LOCK, 193), QD_WITNESS_HELD);
		UNIT_EQUAL(got.age_ns, 0);
		UNIT_EQUAL(got.last, 1);
	}
	wait_ms(C_MS - 1);
	UNIT_EQUAL(ask(2, QD_WITNESS_LOCK, 193), QD_WITNESS_HELD);
	UNIT_EQUAL(ms(got.age_ns), C_MS - 1);
	wait_ms(1);
	UNIT_EQUAL(ask(2, QD_WITNESS_LOCK, 193), QD_WITNESS_OK);
	UNIT_EQUAL(ms(got.age_ns), C_MS);
	UNIT_EQUAL(ask(1, QD_WITNESS_RENEW, 128), QD_WITNESS_OLD_EPOCH);
	UNIT_EQUAL(ask(1, QD_WITNESS_RELEASE, 193), QD_WITNESS_NOT_HOLDER);
}

/* Who has not looked before knows nothing, whatever the files' dates say. */
static void first_look(void)
{
	fresh_confirmed();
	UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 128), QD_WITNESS_OK);
	wait_ms(3600000);
	start_node(2);
	UNIT_EQUAL(ask(2, QD_WITNESS_LOCK, 193), QD_WITNESS_HELD);
	UNIT_EQUAL(got.age_ns, 0);
	wait_ms(C_MS);
	UNIT_EQUAL(ask(2, QD_WITNESS_LOCK, 193), QD_WITNESS_OK);
}

static void releases(void)
{
	fresh_confirmed();
	wait_ms(500);
	UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 128), QD_WITNESS_OK);
	UNIT_EQUAL(ask(2, QD_WITNESS_SHOW, 0), QD_WITNESS_OK);
	wait_ms(100);
	UNIT_EQUAL(ask(1, QD_WITNESS_RELEASE, 128), QD_WITNESS_OK);
	UNIT_EQUAL(got.holder, 0);
	UNIT_EQUAL(ask(1, QD_WITNESS_RELEASE, 128), QD_WITNESS_OK); /* asked again */
	UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 128), QD_WITNESS_OLD_EPOCH);
	UNIT_EQUAL(ask(2, QD_WITNESS_LOCK, 193), QD_WITNESS_OK);
	UNIT_EQUAL(ms(got.age_ns), 600); /* node 1 counts no more: the own start */
	UNIT_EQUAL(got.last, 0);
	wait_ms(100);
	UNIT_EQUAL(ask(2, QD_WITNESS_YIELD, 193), QD_WITNESS_OK);
	UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 256), QD_WITNESS_OK);
	UNIT_EQUAL(got.age_ns, 0); /* yielded only: its right may run */
	UNIT_EQUAL(got.last, 2);
}

/* What node 1 wrote to release an epoch lands again, after it was granted the next one. */
static void late_release(void)
{
	uint8_t released[QD_WITNESS_SECTOR_BYTES];
	fresh_confirmed();
	UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 128), QD_WITNESS_OK);
	UNIT_EQUAL(ask(1, QD_WITNESS_RELEASE, 128), QD_WITNESS_OK);
	UNIT_EQUAL(qd_share_files_kernel.read(dir, "beat-01", released, sizeof released), sizeof released);
	UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 192), QD_WITNESS_OK);
	wait_ms(100);
	UNIT_EQUAL(ask(1, QD_WITNESS_RENEW, 192), QD_WITNESS_OK);
	UNIT_EQUAL(qd_share_files_kernel.write(dir, "beat-01", released, sizeof released), 0);
	UNIT_EQUAL(ask(2, QD_WITNESS_LOCK, 257), QD_WITNESS_HELD);
	wait_ms(C_MS);
	UNIT_EQUAL(ask(2, QD_WITNESS_LOCK, 257), QD_WITNESS_OK);
	UNIT_EQUAL(got.last, 1); /* its right may still run */
	UNIT_EQUAL(ms(got.age_ns), C_MS);
}

/* The race that exclusive names and two looks decide: between a node's look and its grant another one renews. */
static void renews_between(void)
{
	struct qd_witness_answer other;
	const struct qd_witness_request q = request(1, QD_WITNESS_RENEW, 128);
	qd_share_lock_ask(&nodes[1], &q, &other);
	UNIT_EQUAL(other.verdict, QD_WITNESS_OK);
}

static void takes_between(void)
{
	struct qd_witness_answer other;
	const struct qd_witness_request q = request(3, QD_WITNESS_LOCK, 260);
	qd_share_lock_ask(&nodes[3], &q, &other);
	UNIT_EQUAL(other.verdict, QD_WITNESS_OK);
}

static void same_between(void)
{
	struct qd_witness_answer other;
	const struct qd_witness_request q = request(3, QD_WITNESS_LOCK, 193);
	qd_share_lock_ask(&nodes[3], &q, &other);
	UNIT_EQUAL(other.verdict, QD_WITNESS_OK);
}

static void races(void)
{
	void (*const between[])(void) = {renews_between, takes_between, same_between};
	static const enum qd_witness_verdict EXPECTED[] = {QD_WITNESS_OK, QD_WITNESS_OLD_EPOCH,
							   QD_WITNESS_OLD_EPOCH};
	for (size_t i = 0; i < UNIT_COUNT(between); i++) {
		unit_case("race %zu", i);
		fresh_confirmed();
		UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 128), QD_WITNESS_OK);
		UNIT_EQUAL(ask(2, QD_WITNESS_SHOW, 0), QD_WITNESS_OK);
		UNIT_EQUAL(ask(3, QD_WITNESS_SHOW, 0), QD_WITNESS_OK);
		wait_ms(C_MS);
		share.between = between[i];
		UNIT_EQUAL(ask(2, QD_WITNESS_LOCK, 193), EXPECTED[i]);
		UNIT_EQUAL(got.age_ns, 0); /* so late did somebody else have an answer */
		UNIT_EQUAL(ask(1, QD_WITNESS_RENEW, 128), QD_WITNESS_OLD_EPOCH);
	}
}

/* The other way round: the lock is taken between a renewal's look and its beat. */
static void renews_too_late(void)
{
	fresh_confirmed();
	UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 128), QD_WITNESS_OK);
	UNIT_EQUAL(ask(3, QD_WITNESS_SHOW, 0), QD_WITNESS_OK);
	wait_ms(C_MS);
	share.at_beat = takes_between;
	UNIT_EQUAL(ask(1, QD_WITNESS_RENEW, 128), QD_WITNESS_OLD_EPOCH);
	UNIT_EQUAL(got.epoch, 260);
}

static void tags(void)
{
	fresh_confirmed();
	UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 128), QD_WITNESS_OK);
	for (uint64_t v = 5; v < 15; v++) {
		UNIT_EQUAL(put(1, 128, (struct qd_tag){128, v}, (uint8_t)v), QD_WITNESS_OK);
		UNIT_EQUAL(put(1, 128, (struct qd_tag){128, v}, (uint8_t)v), QD_WITNESS_OK);
		UNIT_EQUAL(got.tag.version, v);
		UNIT_EQUAL(got.digest[31], v);
		UNIT_EQUAL(put(1, 128, (struct qd_tag){128, v}, 99), QD_WITNESS_OLD_TAG);
		UNIT_EQUAL(put(1, 128, (struct qd_tag){128, v - 1}, 1), QD_WITNESS_OLD_TAG);
		UNIT_EQUAL(put(1, 128, (struct qd_tag){127, 99}, 1), QD_WITNESS_OLD_TAG);
	}
	UNIT_EQUAL(put(2, 128, (struct qd_tag){129, 1}, 1), QD_WITNESS_NOT_HOLDER);
	UNIT_EQUAL(ask(2, QD_WITNESS_SHOW, 0), QD_WITNESS_OK);
	UNIT_EQUAL(got.tag.version, 14);
}

/* Files of the past do not pile up. */
static void tidy(void)
{
	unsigned count = 0;
	fresh_confirmed();
	for (uint64_t e = 1; e <= 40; e++) {
		UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 64 + 64 * e), QD_WITNESS_OK);
		UNIT_EQUAL(put(1, 64 + 64 * e, (struct qd_tag){64 * e, 1}, 1), QD_WITNESS_OK);
		UNIT_EQUAL(ask(1, QD_WITNESS_YIELD, 64 + 64 * e), QD_WITNESS_OK);
	}
	DIR *d = opendir(dir);
	for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d))
		count++;
	(void)closedir(d);
	UNIT_OK(count < 20);
}

/* ------------------------------------------------ whose directory it is */

static void another_directory(void)
{
	fresh_confirmed();
	UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 128), QD_WITNESS_OK);
	UNIT_EQUAL(put(1, 128, (struct qd_tag){128, 3}, 3), QD_WITNESS_OK);
	share.birth_ns = 1; /* a copy of it, by whatever way */
	UNIT_EQUAL(ask(1, QD_WITNESS_RENEW, 128), QD_WITNESS_UNCONFIRMED);
	UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 1280), QD_WITNESS_UNCONFIRMED);
	UNIT_EQUAL(ask(2, QD_WITNESS_CONFIRM, 65), QD_WITNESS_OK);
	UNIT_EQUAL(got.epoch, 128); /* never below what is there */
	UNIT_EQUAL(got.holder, 0);
	UNIT_EQUAL(got.tag.version, 3);
	UNIT_EQUAL(ask(1, QD_WITNESS_RENEW, 128), QD_WITNESS_NOT_HOLDER);
	UNIT_EQUAL(ask(2, QD_WITNESS_LOCK, 193), QD_WITNESS_OK);
}

/* An older state of the very same directory: files are gone that this node has seen. */
static void rolled_back(void)
{
	char name[PATH_BYTES + 128];
	fresh_confirmed();
	UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 128), QD_WITNESS_OK);
	UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 192), QD_WITNESS_OK);
	(void)snprintf(name, sizeof name, "%s/grant-%016x", dir, 192u);
	UNIT_EQUAL(unlink(name), 0);
	UNIT_EQUAL(ask(1, QD_WITNESS_RENEW, 128), QD_WITNESS_UNCONFIRMED);
	UNIT_EQUAL(ask(1, QD_WITNESS_CONFIRM, 64), QD_WITNESS_OK);
	UNIT_EQUAL(got.epoch, 192);
	UNIT_EQUAL(ask(2, QD_WITNESS_LOCK, 193), QD_WITNESS_OK);
}

static void failing(void)
{
	fresh_confirmed();
	UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 128), QD_WITNESS_OK);
	share.error = -ENOSPC;
	UNIT_EQUAL(ask(1, QD_WITNESS_RENEW, 128), QD_WITNESS_STORE);
	UNIT_EQUAL(ask(1, QD_WITNESS_LOCK, 192), QD_WITNESS_STORE);
	UNIT_EQUAL(ask(1, QD_WITNESS_RELEASE, 128), QD_WITNESS_STORE);
	share.error = 0;
	UNIT_EQUAL(ask(1, QD_WITNESS_RENEW, 128), QD_WITNESS_OK);
}

/* ------------------------------------------------ a share that hangs */

static void wait_at_share(unsigned threads)
{
	(void)pthread_mutex_lock(&share.mutex);
	while (share.at_share != threads)
		(void)pthread_cond_wait(&share.change, &share.mutex);
	(void)pthread_mutex_unlock(&share.mutex);
}

static void let_go(void)
{
	(void)pthread_mutex_lock(&share.mutex);
	share.hangs = false;
	(void)pthread_cond_broadcast(&share.change);
	(void)pthread_mutex_unlock(&share.mutex);
}

static void hangs(void)
{
	fresh_confirmed();
	struct qd_witness_answer a;
	struct qd_witness_share *s = qd_witness_share_open(&FILES, root, CLUSTER, 2);
	UNIT_OK(s != NULL);
	struct pollfd p = {.fd = qd_witness_share_fd(s), .events = POLLIN};
	struct qd_witness_request q = request(2, QD_WITNESS_LOCK, 129);
	UNIT_OK(qd_witness_share_ask(s, &q));
	UNIT_EQUAL(poll(&p, 1, 30000), 1);
	UNIT_OK(qd_witness_share_take(s, &a));
	UNIT_EQUAL(a.verdict, QD_WITNESS_OK);
	UNIT_EQUAL(a.id, q.id);
	UNIT_OK(!qd_witness_share_take(s, &a));

	share.hangs = true;
	q = request(2, QD_WITNESS_RENEW, 129);
	const uint64_t first = q.id;
	UNIT_OK(qd_witness_share_ask(s, &q));
	wait_at_share(1);
	for (int i = 0; i < QD_WITNESS_SHARE_QUEUE; i++) {
		q = request(2, i % 2 == 0 ? QD_WITNESS_SHOW : QD_WITNESS_RENEW, 129);
		UNIT_OK(qd_witness_share_ask(s, &q));
	}
	const uint64_t last = q.id;
	UNIT_OK(qd_witness_share_ask(s, &q)); /* the same again takes the place of the one that waits */
	UNIT_EQUAL(qd_witness_share_counts(s).replaced, 1);
	struct qd_witness_request other = request(2, QD_WITNESS_SHOW, 129);
	for (int i = 0; i < 1000; i++)
		UNIT_OK(!qd_witness_share_ask(s, &other)); /* at once, each time */
	UNIT_EQUAL(qd_witness_share_counts(s).refused, 1000);
	UNIT_OK(qd_witness_share_counts(s).hangs_ns > 0);
	UNIT_EQUAL(poll(&p, 1, 0), 0);

	let_go();
	for (uint64_t id = first; id <= last; id++) {
		UNIT_EQUAL(poll(&p, 1, 30000), 1);
		while (!qd_witness_share_take(s, &a))
			UNIT_EQUAL(poll(&p, 1, 30000), 1);
		UNIT_EQUAL(a.id, id);
		UNIT_EQUAL(a.verdict, QD_WITNESS_OK);
	}
	qd_witness_share_close(s);
}

/* Nobody waits for a share that hangs, not at the end either. */
static void closes_while_it_hangs(void)
{
	fresh_confirmed();
	struct qd_witness_share *s = qd_witness_share_open(&FILES, root, CLUSTER, 3);
	const struct qd_witness_request q = request(3, QD_WITNESS_SHOW, 0);
	share.hangs = true;
	UNIT_OK(qd_witness_share_ask(s, &q));
	wait_at_share(1);
	qd_witness_share_close(s);
	qd_witness_share_close(NULL);
	let_go();
	wait_at_share(0);
}

static const struct unit_test TESTS[] = {
	{"a directory that is not there is not made: the share may not be mounted", not_there},
	{"a directory that nobody confirmed grants nothing", unconfirmed},
	{"other people's files are not ours, and a grant that cannot be read stops everything",
	 foreign_files},
	{"what fails is told with its file and its reason", reasons},
	{"a lock is granted once an epoch", grants_once},
	{"another node gets it when the holder's beat has not changed for C", challenge},
	{"who looks for the first time knows no age", first_look},
	{"a released lock is free at once, and its node counts no more; a yielded one's does", releases},
	{"a release that lands late releases nothing that was granted since", late_release},
	{"what happens between look and grant is seen after the grant", races},
	{"a renewal that was overtaken is refused", renews_too_late},
	{"a tag never goes back, nor does its digest change", tags},
	{"files of the past do not pile up", tidy},
	{"another directory with the same files grants nothing before it is confirmed", another_directory},
	{"an older state of the directory is noticed by who has seen the newer one", rolled_back},
	{"a share that cannot be written answers so, and goes on when it can", failing},
	{"a share that hangs holds nobody up, and answers in order when it comes back", hangs},
	{"a share that hangs can be left", closes_while_it_hangs},
};

int main(void)
{
	char name[] = "/tmp/qd-witness-share-XXXXXX";
	if (mkdtemp(name) == NULL)
		return EXIT_FAILURE;
	(void)snprintf(root, sizeof root, "%s", name);
	(void)snprintf(dir, sizeof dir, "%s/ab0102030405060708090a0b0c0d0e0f", root);
	const int rc = unit_run("t_witness_share", TESTS, UNIT_COUNT(TESTS));
	empty();
	(void)rmdir(root);
	return rc;
}
