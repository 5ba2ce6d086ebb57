/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/grants.h"

#include "witness/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	IDENTITY_SECTORS = 8, /* the first is used; copies begin on a page of their own */
	COPIES = 2,
	PLACES_STEP = 1024,
	INDEX_SLOTS = 2 * QD_GRANTS_PLACES_MAX,
	CHUNK_SECTORS = 128,
};

static const char FILE_NAME[] = "grants";
static const char FILE_NEW[] = "grants.new";
static const char FILE_LOCK[] = "lock";

/* ------------------------------------------------ the kernel */

static ssize_t io_write(int fd, const void *data, size_t len_bytes, off_t at)
{
	return pwrite(fd, data, len_bytes, at);
}

static int io_sync(int fd)
{
	return fdatasync(fd);
}

static int io_reserve(int fd, off_t len_bytes)
{
	return posix_fallocate(fd, 0, len_bytes);
}

static const struct qd_grants_io KERNEL = {io_write, io_sync, io_reserve};

/* ------------------------------------------------ places */

static uint64_t hash(const uint8_t *cluster)
{
	uint64_t h = 0;
	memcpy(&h, cluster, sizeof h); /* random by itself */
	return h;
}

int32_t qd_grants_find(const struct qd_grants *g, const uint8_t cluster[QD_WITNESS_CLUSTER_BYTES])
{
	for (uint64_t at = hash(cluster) % INDEX_SLOTS; g->index[at] != 0; at = (at + 1) % INDEX_SLOTS) {
		const uint32_t place = g->index[at] - 1;
		if (memcmp(g->place[place].cluster, cluster, QD_WITNESS_CLUSTER_BYTES) == 0)
			return (int32_t)place;
	}
	return QD_GRANTS_NONE;
}

int32_t qd_grants_add(struct qd_grants *g, const uint8_t cluster[QD_WITNESS_CLUSTER_BYTES])
{
	qd_assert(qd_grants_find(g, cluster) == QD_GRANTS_NONE);
	if (g->used == QD_GRANTS_PLACES_MAX)
		return QD_GRANTS_NONE;
	const uint32_t place = g->used++;
	uint64_t at = hash(cluster) % INDEX_SLOTS;
	while (g->index[at] != 0) /* there are twice as many as places */
		at = (at + 1) % INDEX_SLOTS;
	g->index[at] = place + 1;
	g->place[place] = (struct qd_grants_place){.copy = COPIES - 1};
	memcpy(g->place[place].cluster, cluster, QD_WITNESS_CLUSTER_BYTES);
	return (int32_t)place;
}

static uint32_t least(uint64_t a, uint32_t b)
{
	return a < b ? (uint32_t)a : b;
}

static off_t sector_at(uint64_t sector)
{
	return (off_t)(sector * QD_WITNESS_SECTOR_BYTES);
}

static off_t copy_at(uint32_t places, uint32_t place, uint32_t copy)
{
	return sector_at(IDENTITY_SECTORS + (uint64_t)copy * places + place);
}

static int put_bytes(const struct qd_grants *g, int fd, const uint8_t *data, size_t len_bytes, off_t at)
{
	errno = EIO; /* of a short write */
	return g->io.write(fd, data, len_bytes, at) == (ssize_t)len_bytes ? 0 : -errno;
}

/* ------------------------------------------------ a new file */

static int fill(const struct qd_grants *g, int fd, uint32_t places)
{
	static uint8_t sectors[CHUNK_SECTORS * QD_WITNESS_SECTOR_BYTES];
	struct qd_witness_identity own;
	int rc = qd_identity_read(g->dir_fd, fd, g->machine, &own);
	own.places = places;
	qd_witness_identity_encode(&own, sectors);
	if (rc == 0)
		rc = put_bytes(g, fd, sectors, QD_WITNESS_SECTOR_BYTES, 0);
	for (uint32_t first = 0; first < g->top && rc == 0; first += CHUNK_SECTORS) {
		const uint32_t count = least(g->top - first, CHUNK_SECTORS);
		memset(sectors, 0, sizeof sectors);
		for (uint32_t i = 0; i < count; i++) {
			const struct qd_grants_place *p = &g->place[first + i];
			struct qd_witness_grant grant = {.sequence = p->good, .record = p->record};
			memcpy(grant.cluster, p->cluster, sizeof grant.cluster);
			if (p->good != 0)
				qd_witness_grant_encode(&grant,
							sectors + (size_t)i * QD_WITNESS_SECTOR_BYTES);
		}
		rc = put_bytes(g, fd, sectors, (size_t)count * QD_WITNESS_SECTOR_BYTES,
			       copy_at(places, first, 0));
	}
	return rc;
}

static int make_file(const struct qd_grants *g, uint32_t places, int *out)
{
	(void)unlinkat(g->dir_fd, FILE_NEW, 0); /* left by a crash, or not there */
	const int fd = openat(g->dir_fd, FILE_NEW, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	int rc = -g->io.reserve(fd, copy_at(places, 0, COPIES));
	if (rc == 0)
		rc = fill(g, fd, places);
	if (rc == 0 && g->io.sync(fd) != 0)
		rc = -errno;
	if (rc == 0 && renameat(g->dir_fd, FILE_NEW, g->dir_fd, FILE_NAME) != 0)
		rc = -errno;
	if (rc != 0) {
		(void)close(fd);
		(void)unlinkat(g->dir_fd, FILE_NEW, 0);
		return rc;
	}
	*out = fd;
	return 0;
}

int qd_grants_rewrite(struct qd_grants *g)
{
	int fd = -1;
	uint32_t places = g->file_places;
	while (places < g->top)
		places += places / 2 > PLACES_STEP ? places / 2 : PLACES_STEP;
	if (places > QD_GRANTS_PLACES_MAX)
		places = QD_GRANTS_PLACES_MAX;
	int rc = make_file(g, places, &fd);
	if (rc != 0)
		return rc;
	if (g->fd >= 0)
		(void)close(g->fd);
	g->fd = fd;
	g->file_places = places;
	g->files++;
	for (uint32_t i = 0; i < g->top; i++)
		g->place[i].copy = g->place[i].good == 0 ? COPIES - 1 : 0;
	/* Until the new name is durable a crash may bring the old file back: what is written now must not be in the new
	 * one only. */
	g->renew_file = fsync(g->dir_fd) != 0;
	return g->renew_file ? -errno : 0;
}

/* ------------------------------------------------ grants */

static bool put_job(struct qd_grants *g, const struct qd_grants_job *job)
{
	uint8_t sector[QD_WITNESS_SECTOR_BYTES];
	struct qd_grants_place *p = &g->place[job->place];
	struct qd_witness_grant grant = {.sequence = ++p->sequence, .record = job->record};
	memcpy(grant.cluster, p->cluster, sizeof grant.cluster);
	qd_witness_grant_encode(&grant, sector);
	return put_bytes(g, g->fd, sector, sizeof sector,
			 copy_at(g->file_places, job->place, COPIES - 1 - p->copy)) == 0;
}

static void keep_job(struct qd_grants *g, const struct qd_grants_job *job)
{
	struct qd_grants_place *p = &g->place[job->place];
	p->copy = COPIES - 1 - p->copy;
	p->good = p->sequence;
	p->record = job->record;
}

void qd_grants_write(struct qd_grants *g, struct qd_grants_job *jobs, uint32_t count)
{
	bool any = false;
	for (uint32_t i = 0; i < count; i++) {
		jobs[i].ok = false;
		g->top = jobs[i].place < g->top ? g->top : jobs[i].place + 1;
	}
	const bool small = g->top > g->file_places;
	const bool renewed = (small || g->renew_file || g->fd < 0) && qd_grants_rewrite(g) == 0;
	/* Too small only: those that have a place in it go on. */
	if (!renewed && (g->renew_file || g->fd < 0))
		return;
	for (uint32_t i = 0; i < count; i++) {
		jobs[i].ok = jobs[i].place < g->file_places && put_job(g, &jobs[i]);
		any = any || jobs[i].ok;
	}
	if (!any)
		return;
	/* After a failed sync the kernel takes pages for written that are not: only a new file is trusted again. */
	g->renew_file = g->io.sync(g->fd) != 0;
	for (uint32_t i = 0; i < count; i++) {
		jobs[i].ok = jobs[i].ok && !g->renew_file;
		if (jobs[i].ok)
			keep_job(g, &jobs[i]);
	}
}

/* ------------------------------------------------ reading */

struct found {
	enum qd_witness_sector verdict[COPIES];
	struct qd_witness_grant grant[COPIES];
};

/* Of two good copies the newer one. With a damaged one beside it nobody knows whether that was newer. */
static int pick(const struct found *f)
{
	const bool good[COPIES] = {f->verdict[0] == QD_WITNESS_SECTOR_OK,
				   f->verdict[1] == QD_WITNESS_SECTOR_OK};
	if (good[0] && good[1])
		return f->grant[1].sequence > f->grant[0].sequence ? 1 : 0;
	if (good[0])
		return 0;
	return good[1] ? 1 : -1;
}

static bool is_damaged(const struct found *f)
{
	const bool both = f->verdict[0] == QD_WITNESS_SECTOR_OK && f->verdict[1] == QD_WITNESS_SECTOR_OK;
	for (int i = 0; i < COPIES; i++) {
		if (f->verdict[i] == QD_WITNESS_SECTOR_DAMAGED || f->verdict[i] == QD_WITNESS_SECTOR_NEWER)
			return true;
	}
	return both && (f->grant[0].sequence == f->grant[1].sequence ||
			memcmp(f->grant[0].cluster, f->grant[1].cluster, QD_WITNESS_CLUSTER_BYTES) != 0);
}

static void take(struct qd_grants *g, const struct found *f, bool own)
{
	const int newest = pick(f);
	const bool damaged = is_damaged(f);
	g->damaged += damaged;
	if (newest < 0)
		return;
	const struct qd_witness_grant *grant = &f->grant[newest];
	int32_t place = qd_grants_find(g, grant->cluster);
	const bool twice = place != QD_GRANTS_NONE;
	if (!twice)
		place = qd_grants_add(g, grant->cluster);
	if (place == QD_GRANTS_NONE)
		return;
	struct qd_grants_place *p = &g->place[place];
	g->damaged += twice;
	if (twice && p->record.epoch > grant->record.epoch) {
		p->record.confirmed = false;
		return;
	}
	p->record = grant->record;
	p->record.confirmed = grant->record.confirmed && own && !damaged && !twice;
	p->good = grant->sequence > p->good ? grant->sequence : p->good;
	p->sequence = p->good;
}

static int read_copies(int fd, uint32_t places, uint32_t first, uint32_t count, struct found *to)
{
	static uint8_t sectors[CHUNK_SECTORS * QD_WITNESS_SECTOR_BYTES];
	for (uint32_t copy = 0; copy < COPIES; copy++) {
		const size_t want = (size_t)count * QD_WITNESS_SECTOR_BYTES;
		memset(sectors, 0, sizeof sectors);
		if (pread(fd, sectors, want, copy_at(places, first, copy)) < 0)
			memset(sectors, 0xff, want); /* unreadable: damaged */
		for (uint32_t i = 0; i < count; i++)
			to[i].verdict[copy] =
				qd_witness_grant_decode(sectors + (size_t)i * QD_WITNESS_SECTOR_BYTES,
							QD_WITNESS_SECTOR_BYTES, &to[i].grant[copy]);
	}
	for (uint32_t i = 0; i < count; i++) {
		if (to[i].verdict[0] == QD_WITNESS_SECTOR_NEWER ||
		    to[i].verdict[1] == QD_WITNESS_SECTOR_NEWER)
			return -1;
	}
	return 0;
}

static int read_file(struct qd_grants *g, int fd, enum qd_grants_state *state)
{
	static struct found found[CHUNK_SECTORS];
	uint8_t sector[QD_WITNESS_SECTOR_BYTES];
	struct qd_witness_identity written, real;
	struct stat st;
	if (fstat(fd, &st) != 0)
		return -1;
	const bool whole = pread(fd, sector, sizeof sector, 0) == (ssize_t)sizeof sector;
	const enum qd_witness_sector verdict =
		qd_witness_identity_decode(sector, whole ? sizeof sector : 0, &written);
	if (verdict == QD_WITNESS_SECTOR_NEWER)
		return -1;
	bool own = verdict == QD_WITNESS_SECTOR_OK &&
		   qd_identity_read(g->dir_fd, fd, g->machine, &real) == 0 && qd_identity_proves(&real) &&
		   qd_witness_identity_equal(&written, &real);
	const uint64_t room = (uint64_t)st.st_size / QD_WITNESS_SECTOR_BYTES;
	uint64_t places = room > IDENTITY_SECTORS ? (room - IDENTITY_SECTORS) / COPIES : 0;
	if (verdict == QD_WITNESS_SECTOR_OK && written.places != places) {
		own = false; /* cut off, or grown by somebody: the second copies lie where the header says */
		places = written.places;
	}
	g->file_places = least(places, QD_GRANTS_PLACES_MAX);
	*state = own ? QD_GRANTS_OWN : QD_GRANTS_COPY;
	for (uint32_t first = 0; first < g->file_places; first += CHUNK_SECTORS) {
		const uint32_t count = least(g->file_places - first, CHUNK_SECTORS);
		if (read_copies(fd, g->file_places, first, count, found) != 0)
			return -1;
		for (uint32_t i = 0; i < count; i++)
			take(g, &found[i], own);
	}
	return 0;
}

/* ------------------------------------------------ opening and closing */

/* Leaves the file as it is. */
static void let_go(struct qd_grants *g)
{
	if (g->fd >= 0)
		(void)close(g->fd);
	if (g->lock_fd >= 0)
		(void)close(g->lock_fd);
	if (g->dir_fd >= 0)
		(void)close(g->dir_fd);
	if (g->place != NULL)
		(void)munmap(g->place, QD_GRANTS_PLACES_MAX * sizeof *g->place);
	if (g->index != NULL)
		(void)munmap(g->index, INDEX_SLOTS * sizeof *g->index);
	*g = (struct qd_grants){.dir_fd = -1, .lock_fd = -1, .fd = -1};
}

static int refuse(struct qd_grants *g, char *why, const char *what)
{
	(void)snprintf(why, QD_GRANTS_WHY_MAX, "%s: %s", g->dir, what);
	let_go(g);
	return -1;
}

static void *reserve(size_t bytes)
{
	void *p =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

static int prepare(struct qd_grants *g, const struct qd_grants_options *o, char *why)
{
	*g = (struct qd_grants){.io = o->io != NULL ? *o->io : KERNEL, .dir_fd = -1, .lock_fd = -1, .fd = -1};
	memcpy(g->machine, o->machine, sizeof g->machine);
	const int n = snprintf(g->dir, sizeof g->dir, "%s", o->dir);
	if (n < 0 || (size_t)n >= sizeof g->dir)
		return refuse(g, why, "the name is too long");
	g->place = reserve(QD_GRANTS_PLACES_MAX * sizeof *g->place);
	g->index = reserve(INDEX_SLOTS * sizeof *g->index);
	if (g->place == NULL || g->index == NULL)
		return refuse(g, why, "no memory for the places");
	if (mkdir(g->dir, 0700) != 0 && errno != EEXIST)
		return refuse(g, why, strerrordesc_np(errno));
	g->dir_fd = open(g->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (g->dir_fd < 0)
		return refuse(g, why, strerrordesc_np(errno));
	g->lock_fd = openat(g->dir_fd, FILE_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (g->lock_fd < 0)
		return refuse(g, why, strerrordesc_np(errno));
	if (flock(g->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return refuse(g, why, "another quorum-witnessd uses this directory");
	return 0;
}

int qd_grants_open(struct qd_grants *g, const struct qd_grants_options *o, enum qd_grants_state *state,
		   char why[QD_GRANTS_WHY_MAX])
{
	why[0] = '\0';
	*state = QD_GRANTS_NEW;
	if (prepare(g, o, why) != 0)
		return -1;
	const int fd = openat(g->dir_fd, FILE_NAME, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno != ENOENT)
		return refuse(g, why, strerrordesc_np(errno));
	g->fd = fd;
	if (fd >= 0 && read_file(g, fd, state) != 0)
		return refuse(g, why, "the file cannot be read, or a newer version of this program wrote it");
	g->top = g->used;
	/* The places were given anew, in order: the file as it lies there can only be read. Room for all that are known and
	 * for half as many to come. */
	const uint32_t wanted = o->places > g->used ? o->places : g->used;
	const uint32_t room = (wanted + wanted / 2) / PLACES_STEP * PLACES_STEP + PLACES_STEP;
	g->file_places = room > QD_GRANTS_PLACES_MAX ? QD_GRANTS_PLACES_MAX : room;
	g->renew_file = true;
	const int rc = qd_grants_rewrite(g);
	if (rc != 0)
		(void)snprintf(why, QD_GRANTS_WHY_MAX, "%s: cannot be written: %s", g->dir,
			       strerrordesc_np(-rc));
	return 0;
}

void qd_grants_close(struct qd_grants *g)
{
	/* As far as possible: without, a copy of now that is restored in place later may look like this one. */
	if (g->dir_fd >= 0)
		(void)qd_grants_rewrite(g);
	let_go(g);
}
