/* SPDX-License-Identifier: Apache-2.0 */
/* Input: the witness's file of grants: its first byte says which sectors get a right checksum, the rest is the first
 * sectors. Whatever it holds, the store opens, confirms nothing that is not provably its own, and written anew it says the
 * same. */
#include "fuzz.h"

#include "witness/grants.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	NAME_MAX_BYTES = 64,
	SECTORS = 16, /* the identity's page, and four places with two copies each */
	CRC_AT = QD_WITNESS_SECTOR_BYTES - 4,
	PLACES_AT = 72, /* in the identity: so many that reading them all takes long are for its own target */
};

static char dir[NAME_MAX_BYTES] = "/dev/shm/fuzz-grants-XXXXXX"; /* nothing here has to last */
static bool prepared;

static void clean(void)
{
	static const char *const names[] = {"grants", "grants.new", "lock"};
	char file[2 * NAME_MAX_BYTES];
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		(void)snprintf(file, sizeof file, "%s/%s", dir, names[i]);
		(void)unlink(file);
	}
	(void)rmdir(dir);
}

static int sync_nothing(int fd)
{
	(void)fd;
	return 0;
}

static int reserve_nothing(int fd, off_t len_bytes)
{
	return ftruncate(fd, len_bytes) == 0 ? 0 : 5;
}

static ssize_t write_at(int fd, const void *data, size_t len_bytes, off_t at)
{
	return pwrite(fd, data, len_bytes, at);
}

static const struct qd_grants_io IO = {write_at, sync_nothing, reserve_nothing};

/* Identity in sector 0, copies from sector 8 on. */
static void put(const uint8_t *data, size_t size)
{
	static uint8_t sectors[SECTORS * QD_WITNESS_SECTOR_BYTES];
	char file[2 * NAME_MAX_BYTES];
	const uint8_t seal = data[0];
	memset(sectors, 0, sizeof sectors);
	size = size - 1 < sizeof sectors ? size - 1 : sizeof sectors;
	memcpy(sectors, data + 1, size);
	memset(sectors + PLACES_AT + 1, 0, 7);
	for (size_t i = 0; i < SECTORS; i++) {
		uint8_t *s = sectors + i * QD_WITNESS_SECTOR_BYTES;
		const uint32_t crc = qd_crc32c(0, s, CRC_AT);
		for (size_t n = 0; n < 4 && s[0] != 0 && (seal >> i % 8 & 1) != 0; n++)
			s[CRC_AT + n] = (uint8_t)(crc >> 8 * n);
	}
	(void)snprintf(file, sizeof file, "%s/grants", dir);
	const int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	qd_assert(fd >= 0 && write(fd, sectors, sizeof sectors) == (ssize_t)sizeof sectors);
	(void)close(fd);
}

/* The new file holds what was read: the first copies, behind the identity's page. */
static void check_rewritten(const struct qd_grants *g)
{
	for (uint32_t i = 0; i < g->used; i++) {
		const struct qd_grants_place *p = &g->place[i];
		uint8_t sector[QD_WITNESS_SECTOR_BYTES];
		struct qd_witness_grant grant;
		qd_assert(qd_grants_find(g, p->cluster) == (int32_t)i && !p->record.confirmed);
		qd_assert(pread(g->fd, sector, sizeof sector, (off_t)(8 + i) * QD_WITNESS_SECTOR_BYTES) ==
			  (ssize_t)sizeof sector);
		qd_assert(qd_witness_grant_decode(sector, sizeof sector, &grant) == QD_WITNESS_SECTOR_OK);
		qd_assert(grant.sequence == p->good && grant.record.epoch == p->record.epoch &&
			  !grant.record.confirmed &&
			  memcmp(grant.cluster, p->cluster, sizeof grant.cluster) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct qd_grants_options options = {.dir = dir, .machine = {1}, .places = 1, .io = &IO};
	static struct qd_grants g;
	enum qd_grants_state state;
	char why[QD_GRANTS_WHY_MAX];
	if (!prepared)
		qd_assert(mkdtemp(dir) != NULL && atexit(clean) == 0);
	prepared = true;
	if (size == 0)
		return 0;
	put(data, size);
	if (qd_grants_open(&g, &options, &state, why) != 0) {
		qd_assert(why[0] != '\0');
		return 0;
	}
	qd_assert(why[0] == '\0' && state == QD_GRANTS_COPY && g.used <= SECTORS);
	check_rewritten(&g);
	qd_grants_close(&g);
	return 0;
}
