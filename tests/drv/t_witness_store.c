/* SPDX-License-Identifier: Apache-2.0 */
/* The witness's store on a real file system, with a disk that fails when the test says so. */
#include "unit/unit.h"

#include "base/crc32c.h"
#include "witness/grants.h"
#include "witness/identity.h"
#include "witness/scribe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

enum {
	PATH_BYTES = 300,
	CLUSTERS = 3000,
};

static char dir[PATH_BYTES];

/* ------------------------------------------------ a disk that fails */

static struct {
	int write_error;
	int sync_error;
	int reserve_error;
	long writes_left; /* before the process "loses power": those after it do nothing; -1: never */
	unsigned syncs;
} disk;

static ssize_t disk_write(int fd, const void *data, size_t len_bytes, off_t at)
{
	if (disk.write_error != 0) {
		errno = disk.write_error;
		return -1;
	}
	if (disk.writes_left == 0)
		return (ssize_t)len_bytes;
	if (disk.writes_left > 0)
		disk.writes_left--;
	return pwrite(fd, data, len_bytes, at);
}

static int disk_sync(int fd)
{
	disk.syncs++;
	errno = disk.sync_error;
	return disk.sync_error != 0 ? -1 : fdatasync(fd);
}

static int disk_reserve(int fd, off_t len_bytes)
{
	return disk.reserve_error != 0 ? disk.reserve_error : posix_fallocate(fd, 0, len_bytes);
}

static const struct qd_grants_io FAILING = {disk_write, disk_sync, disk_reserve};

/* ------------------------------------------------ helpers */

static void file_name(const char *name, char to[PATH_BYTES])
{
	(void)snprintf(to, PATH_BYTES, "%.250s/%s", dir, name);
}

static void fresh(void)
{
	static const char *const names[] = {"grants", "grants.new", "lock", "grants.backup"};
	char name[PATH_BYTES];
	for (size_t i = 0; i < UNIT_COUNT(names); i++) {
		file_name(names[i], name);
		(void)unlink(name);
	}
	memset(&disk, 0, sizeof disk);
	disk.writes_left = -1;
}

static bool open_as(struct qd_grants *g, uint8_t machine, enum qd_grants_state *state)
{
	char why[QD_GRANTS_WHY_MAX];
	const struct qd_grants_options options = {
		.dir = dir, .machine = {machine}, .places = 8, .io = &FAILING};
	const int rc = qd_grants_open(g, &options, state, why);
	return unit_check(rc == 0 && why[0] == '\0', __FILE__, __LINE__, "open: %d %s", rc, why);
}

/* As after a power cut: nothing is written on the way out. */
static void cut(struct qd_grants *g)
{
	(void)close(g->lock_fd);
	g->lock_fd = -1;
	(void)close(g->dir_fd);
	g->dir_fd = -1;
	qd_grants_close(g);
}

static void cluster_of(uint32_t number, uint8_t to[QD_WITNESS_CLUSTER_BYTES])
{
	unit_fill(to, QD_WITNESS_CLUSTER_BYTES, number + 1);
}

static struct qd_witness_record record_of(uint64_t epoch)
{
	return (struct qd_witness_record){.confirmed = true,
					  .epoch = epoch,
					  .holder = (uint32_t)(1 + epoch % 16),
					  .incarnation = epoch,
					  .tag = {epoch, 1}};
}

static bool grant(struct qd_grants *g, uint32_t number, uint64_t epoch)
{
	uint8_t cluster[QD_WITNESS_CLUSTER_BYTES];
	cluster_of(number, cluster);
	int32_t place = qd_grants_find(g, cluster);
	if (place == QD_GRANTS_NONE)
		place = qd_grants_add(g, cluster);
	struct qd_grants_job job = {.place = (uint32_t)place, .record = record_of(epoch)};
	qd_grants_write(g, &job, 1);
	return job.ok;
}

static const struct qd_witness_record *look(const struct qd_grants *g, uint32_t number)
{
	static const struct qd_witness_record NONE;
	uint8_t cluster[QD_WITNESS_CLUSTER_BYTES];
	cluster_of(number, cluster);
	const int32_t place = qd_grants_find(g, cluster);
	return place == QD_GRANTS_NONE ? &NONE : &g->place[place].record;
}

static void copy_file(const char *from, const char *to)
{
	char a[PATH_BYTES], b[PATH_BYTES], bytes[65536];
	file_name(from, a);
	file_name(to, b);
	const int in = open(a, O_RDONLY | O_CLOEXEC);
	const int out = open(b, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n = 0;
	UNIT_OK(in >= 0 && out >= 0);
	while ((n = read(in, bytes, sizeof bytes)) > 0)
		UNIT_EQUAL(write(out, bytes, (size_t)n), n);
	(void)close(in);
	(void)close(out);
}

static void damage(uint32_t place, uint32_t copy, uint32_t places)
{
	char name[PATH_BYTES];
	file_name("grants", name);
	const int fd = open(name, O_WRONLY | O_CLOEXEC);
	UNIT_EQUAL(pwrite(fd, "torn", 4, (off_t)(8 + copy * places + place) * 512 + 100), 4);
	(void)close(fd);
}

/* ------------------------------------------------ tests */

static void refuses(void)
{
	struct qd_grants g, second;
	enum qd_grants_state state;
	char why[QD_GRANTS_WHY_MAX], name[PATH_BYTES];
	struct qd_grants_options options = {.dir = "/proc/there/is/no/such"};
	fresh();
	UNIT_EQUAL(qd_grants_open(&g, &options, &state, why), -1);
	UNIT_OK(strstr(why, "No such file") != NULL);
	UNIT_OK(open_as(&g, 1, &state));
	options.dir = dir;
	UNIT_EQUAL(qd_grants_open(&second, &options, &state, why), -1);
	UNIT_OK(strstr(why, "another quorum-witnessd") != NULL);
	qd_grants_close(&g);
	/* a newer program's file is left as it is */
	uint8_t sector[QD_WITNESS_SECTOR_BYTES];
	const struct qd_witness_identity identity = {.places = 1};
	qd_witness_identity_encode(&identity, sector);
	sector[8] = 2;
	uint32_t crc = 0;
	for (crc = 0; crc < 4; crc++)
		sector[508 + crc] = 0;
	file_name("grants", name);
	(void)unlink(name);
	const int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	crc = qd_crc32c(0, sector, 508);
	for (size_t i = 0; i < 4; i++)
		sector[508 + i] = (uint8_t)(crc >> 8 * i);
	UNIT_EQUAL(write(fd, sector, sizeof sector), sizeof sector);
	(void)close(fd);
	struct stat before, after;
	UNIT_EQUAL(stat(name, &before), 0);
	UNIT_EQUAL(qd_grants_open(&g, &options, &state, why), -1);
	UNIT_OK(strstr(why, "newer version") != NULL);
	UNIT_EQUAL(stat(name, &after), 0);
	UNIT_EQUAL(before.st_ino, after.st_ino);
}

static void comes_back(void)
{
	struct qd_grants g;
	enum qd_grants_state state;
	fresh();
	UNIT_OK(open_as(&g, 1, &state));
	UNIT_EQUAL(state, QD_GRANTS_NEW);
	for (uint32_t turn = 0; turn < 3; turn++) {
		for (uint32_t i = 0; i < CLUSTERS; i++)
			UNIT_OK(grant(&g, i, 100 * turn + i + 1));
	}
	cut(&g);
	UNIT_OK(open_as(&g, 1, &state));
	UNIT_EQUAL(state, QD_GRANTS_OWN);
	UNIT_EQUAL(g.damaged, 0);
	for (uint32_t i = 0; i < CLUSTERS; i++) {
		const struct qd_witness_record expected = record_of(201 + i);
		const struct qd_witness_record *found = look(&g, i);
		unit_case("cluster %u", i);
		if (!UNIT_EQUAL(found->epoch, expected.epoch) ||
		    !UNIT_EQUAL(found->holder, expected.holder) || !UNIT_OK(found->confirmed) ||
		    !UNIT_EQUAL(found->tag.epoch, expected.tag.epoch))
			break;
	}
	qd_grants_close(&g);
	UNIT_OK(open_as(&g, 1, &state));
	UNIT_EQUAL(state, QD_GRANTS_OWN);
	UNIT_EQUAL(look(&g, 7)->epoch, 208);
	qd_grants_close(&g);
}

static void one_sync(void)
{
	struct qd_grants g;
	enum qd_grants_state state;
	static struct qd_grants_job jobs[1000];
	uint8_t cluster[QD_WITNESS_CLUSTER_BYTES];
	fresh();
	UNIT_OK(open_as(&g, 1, &state));
	for (uint32_t i = 0; i < UNIT_COUNT(jobs); i++) {
		cluster_of(i, cluster);
		jobs[i] = (struct qd_grants_job){.place = (uint32_t)qd_grants_add(&g, cluster),
						 .record = record_of(i + 1)};
	}
	disk.syncs = 0;
	qd_grants_write(&g, jobs, UNIT_COUNT(jobs));
	UNIT_EQUAL(disk.syncs, 1);
	for (uint32_t i = 0; i < UNIT_COUNT(jobs); i++)
		UNIT_OK(jobs[i].ok);
	qd_grants_close(&g);
}

/* Power is lost after every single write of a long run: what was answered is there, or newer. */
static void power_cuts(void)
{
	struct qd_grants g;
	enum qd_grants_state state;
	uint64_t answered[4] = {0};
	uint64_t seed = 3;
	fresh();
	UNIT_OK(open_as(&g, 1, &state));
	for (uint64_t turn = 1; turn < 400; turn++) {
		const uint32_t number = (uint32_t)(unit_random(&seed) % 4);
		disk.writes_left = (long)(unit_random(&seed) % 3) - 1;
		const bool whole = disk.writes_left != 0;
		const bool ok = grant(&g, number, turn);
		UNIT_OK(ok);
		if (whole)
			answered[number] = turn;
		disk.writes_left = -1;
		if (!whole || unit_random(&seed) % 4 == 0) {
			cut(&g);
			UNIT_OK(open_as(&g, 1, &state));
			UNIT_EQUAL(state, QD_GRANTS_OWN);
		}
		for (uint32_t i = 0; i < 4; i++) {
			unit_case("turn %" PRIu64 " cluster %u", turn, i);
			if (answered[i] != 0 && !UNIT_EQUAL(look(&g, i)->epoch, answered[i]))
				turn = 400;
		}
	}
	qd_grants_close(&g);
}

static void failing_disk(void)
{
	struct qd_grants g;
	enum qd_grants_state state;
	fresh();
	UNIT_OK(open_as(&g, 1, &state));
	UNIT_OK(grant(&g, 1, 10));
	disk.write_error = EIO;
	UNIT_OK(!grant(&g, 1, 11));
	disk.write_error = 0;
	disk.sync_error = EIO;
	UNIT_OK(!grant(&g, 1, 12));
	UNIT_OK(!grant(&g, 1, 13)); /* and no new file either */
	UNIT_EQUAL(look(&g, 1)->epoch, 10);
	disk.sync_error = 0;
	const uint64_t files = g.files;
	UNIT_OK(grant(&g, 1, 14));
	UNIT_EQUAL(g.files, files + 1); /* after a failed sync only a new file is trusted */
	UNIT_OK(grant(&g, 1, 15));
	UNIT_EQUAL(g.files, files + 1);
	cut(&g);
	UNIT_OK(open_as(&g, 1, &state));
	UNIT_EQUAL(state, QD_GRANTS_OWN);
	UNIT_EQUAL(look(&g, 1)->epoch, 15);
	qd_grants_close(&g);
}

/* Known clusters have their place; only what needs a larger file is refused. */
static void full_disk(void)
{
	struct qd_grants g;
	enum qd_grants_state state;
	fresh();
	UNIT_OK(open_as(&g, 1, &state));
	const uint32_t room = g.file_places;
	for (uint32_t i = 0; i < room; i++)
		UNIT_OK(grant(&g, i, 1));
	disk.reserve_error = ENOSPC;
	UNIT_OK(!grant(&g, room, 1));
	UNIT_OK(grant(&g, 0, 2));
	UNIT_OK(!grant(&g, room, 2));
	disk.reserve_error = 0;
	UNIT_OK(grant(&g, room, 3));
	UNIT_OK(g.file_places > room);
	cut(&g);
	UNIT_OK(open_as(&g, 1, &state));
	UNIT_EQUAL(look(&g, 0)->epoch, 2);
	UNIT_EQUAL(look(&g, room)->epoch, 3);
	qd_grants_close(&g);
}

static void full_at_start(void)
{
	struct qd_grants g;
	enum qd_grants_state state;
	char why[QD_GRANTS_WHY_MAX];
	const struct qd_grants_options options = {.dir = dir, .machine = {1}, .io = &FAILING};
	fresh();
	UNIT_OK(open_as(&g, 1, &state));
	UNIT_OK(grant(&g, 5, 50));
	cut(&g);
	disk.reserve_error = ENOSPC;
	UNIT_EQUAL(qd_grants_open(&g, &options, &state, why), 0);
	UNIT_OK(strstr(why, "No space left") != NULL);
	UNIT_EQUAL(state, QD_GRANTS_OWN);
	UNIT_EQUAL(look(&g, 5)->epoch, 50);
	UNIT_OK(!grant(&g, 5, 51));
	disk.reserve_error = 0;
	UNIT_OK(grant(&g, 5, 52));
	qd_grants_close(&g);
}

/* ------------------------------------------------ whose store it is */

static void expect_copy(uint8_t machine)
{
	struct qd_grants g;
	enum qd_grants_state state;
	UNIT_OK(open_as(&g, machine, &state));
	UNIT_EQUAL(state, QD_GRANTS_COPY);
	UNIT_EQUAL(look(&g, 1)->epoch, 10); /* a floor */
	UNIT_OK(!look(&g, 1)->confirmed);
	cut(&g);
	/* and it stays so until somebody confirms */
	UNIT_OK(open_as(&g, machine, &state));
	UNIT_EQUAL(state, QD_GRANTS_OWN);
	UNIT_OK(!look(&g, 1)->confirmed);
	UNIT_OK(grant(&g, 1, 30));
	cut(&g);
	UNIT_OK(open_as(&g, machine, &state));
	UNIT_OK(look(&g, 1)->confirmed);
	qd_grants_close(&g);
}

static void begin_own(void)
{
	struct qd_grants g;
	enum qd_grants_state state;
	fresh();
	UNIT_OK(open_as(&g, 1, &state));
	UNIT_OK(grant(&g, 1, 10));
	cut(&g);
}

static void other_machine(void)
{
	begin_own();
	expect_copy(2);
}

static void copied(void)
{
	char from[PATH_BYTES], to[PATH_BYTES];
	begin_own();
	copy_file("grants", "grants.backup");
	file_name("grants.backup", from);
	file_name("grants", to);
	UNIT_EQUAL(rename(from, to), 0);
	expect_copy(1);
}

/* The bytes of a backup put into the very file that is there: inode and birth stay, but they are not those that the
 * backup was written with. */
static void restored_in_place(void)
{
	struct qd_grants g;
	enum qd_grants_state state;
	begin_own();
	copy_file("grants", "grants.backup");
	UNIT_OK(open_as(&g, 1, &state));
	UNIT_OK(grant(&g, 1, 20));
	qd_grants_close(&g);
	copy_file("grants.backup", "grants");
	expect_copy(1);
}

static void damaged(void)
{
	struct qd_grants g;
	enum qd_grants_state state;
	for (uint32_t copy = 0; copy < 2; copy++) {
		begin_own();
		UNIT_OK(open_as(&g, 1, &state));
		UNIT_OK(grant(&g, 1, 11));
		UNIT_OK(grant(&g, 2, 12));
		const uint32_t places = g.file_places;
		cut(&g);
		damage(0, copy, places);
		unit_case("copy %u", copy);
		UNIT_OK(open_as(&g, 1, &state));
		UNIT_EQUAL(state, QD_GRANTS_OWN);
		UNIT_EQUAL(g.damaged, 1);
		UNIT_OK(!look(&g, 1)->confirmed);
		UNIT_OK(look(&g, 1)->epoch == 10 || look(&g, 1)->epoch == 11);
		UNIT_OK(look(&g, 2)->confirmed); /* the others are not concerned */
		qd_grants_close(&g);
	}
}

static void cut_off(void)
{
	struct stat st;
	char name[PATH_BYTES];
	begin_own();
	file_name("grants", name);
	UNIT_EQUAL(stat(name, &st), 0);
	UNIT_EQUAL(truncate(name, st.st_size / 2), 0);
	expect_copy(1);
}

/* ------------------------------------------------ the thread */

static void wait_for(const struct qd_scribe *s)
{
	struct pollfd p = {.fd = s->event_fd, .events = POLLIN};
	UNIT_EQUAL(poll(&p, 1, 30000), 1);
}

static void in_batches(void)
{
	static struct qd_scribe s;
	struct qd_grants g;
	enum qd_grants_state state;
	uint8_t cluster[QD_WITNESS_CLUSTER_BYTES];
	uint32_t done = 0;
	fresh();
	UNIT_OK(open_as(&g, 1, &state));
	UNIT_EQUAL(qd_scribe_start(&s, &g, CLUSTERS), 0);
	for (uint32_t i = 0; i < CLUSTERS; i++) {
		cluster_of(i, cluster);
		const struct qd_grants_job job = {.place = (uint32_t)qd_grants_add(&g, cluster),
						  .context = i,
						  .record = record_of(i + 1)};
		qd_scribe_submit(&s, &job);
	}
	while (done < CLUSTERS) {
		const struct qd_grants_job *jobs = NULL;
		wait_for(&s);
		const uint32_t count = qd_scribe_take(&s, &jobs);
		for (uint32_t i = 0; i < count; i++)
			UNIT_OK(jobs[i].ok && jobs[i].context == done + i);
		done += count;
	}
	UNIT_EQUAL(done, CLUSTERS);
	UNIT_OK(qd_scribe_counts(&s).syncs < CLUSTERS / 10);
	UNIT_EQUAL(qd_scribe_counts(&s).written, CLUSTERS);
	qd_scribe_stop(&s);
	cut(&g);
	UNIT_OK(open_as(&g, 1, &state));
	UNIT_EQUAL(look(&g, CLUSTERS - 1)->epoch, CLUSTERS);
	qd_grants_close(&g);
}

/* ------------------------------------------------ a real full disk */

static void really_full(void)
{
	char small[PATH_BYTES], filler[PATH_BYTES], why[QD_GRANTS_WHY_MAX], block[65536] = {1};
	struct qd_grants g;
	enum qd_grants_state state;
	fresh();
	file_name("small", small);
	(void)mkdir(small, 0700);
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", small, "tmpfs", 0, "size=4m") != 0) {
		unit_skip("a file system of its own needs root");
		return;
	}
	const struct qd_grants_options options = {.dir = small, .machine = {1}};
	UNIT_EQUAL(qd_grants_open(&g, &options, &state, why), 0);
	UNIT_OK(grant(&g, 0, 1));
	UNIT_OK(snprintf(filler, sizeof filler, "%.280s/filler", small) > 0);
	const int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, block, sizeof block) > 0)
		continue;
	UNIT_EQUAL(errno, ENOSPC);
	UNIT_OK(grant(&g, 0, 2)); /* its place was reserved */
	for (uint32_t i = 1; i < g.file_places; i++)
		UNIT_OK(grant(&g, i, 1));
	UNIT_OK(!grant(&g, g.file_places, 1));
	UNIT_EQUAL(ftruncate(fd, 0), 0);
	UNIT_OK(grant(&g, g.file_places, 1));
	qd_grants_close(&g);
	(void)close(fd);
	(void)umount(small);
	(void)rmdir(small);
}

static const struct unit_test TESTS[] = {
	{"a directory that is not there, that is in use, or a newer file is refused and left alone", refuses},
	{"3,000 clusters come back as they were granted", comes_back},
	{"a thousand grants cost one sync", one_sync},
	{"whenever power is cut, what was answered is there", power_cuts},
	{"a disk that fails refuses grants, and a new file follows when it works again", failing_disk},
	{"on a full disk those go on that have a place", full_disk},
	{"a full disk at the start refuses grants until there is room", full_at_start},
	{"a store on another machine grants nothing", other_machine},
	{"a copied file grants nothing", copied},
	{"a backup written over the file grants nothing", restored_in_place},
	{"a damaged copy costs its own cluster the trust, and no other", damaged},
	{"a file that was cut off grants nothing", cut_off},
	{"the thread writes in batches and in order", in_batches},
	{"on a real full file system grants go on in their places", really_full},
};

int main(void)
{
	char name[] = "/tmp/qd-witness-store-XXXXXX";
	if (mkdtemp(name) == NULL)
		return EXIT_FAILURE;
	(void)snprintf(dir, sizeof dir, "%s", name);
	const int rc = unit_run("t_witness_store", TESTS, UNIT_COUNT(TESTS));
	fresh();
	(void)rmdir(dir);
	return rc;
}
