/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/stamps.h"

#include "codec/qdisk.h"
#include "drv/stamp.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

struct judge {
	FILE *to;
	struct stamps *out;
	uint64_t slot;
	uint64_t expected; /* sequence of the present run */
	bool gap;	   /* a slot without a stamp was seen */
};

static void violation(struct judge *j, const struct qd_stamp *s, const char *what)
{
	j->out->violations++;
	(void)fprintf(j->to, "slot %llu: epoch %llu (node %u) sequence %llu: %s\n",
		      (unsigned long long)j->slot, (unsigned long long)s->epoch, s->node_id,
		      (unsigned long long)s->sequence, what);
}

static void take(struct judge *j, const struct qd_stamp *s)
{
	struct stamps *out = j->out;
	out->stamps++;
	if (s->slot != j->slot)
		violation(j, s, "written to another slot than it was made for");
	if (j->gap)
		violation(j, s, "after a slot without a stamp");
	j->gap = false;
	if (s->epoch < out->last_epoch) {
		violation(j, s, "a lower epoch wrote after a higher one");
		return; /* the run of the higher one goes on behind it, with a gap */
	}
	if (s->epoch > out->last_epoch) {
		out->epochs++;
		out->last_epoch = s->epoch;
		j->expected = 0;
	}
	if (s->sequence != j->expected)
		violation(j, s, "stamps of this epoch before it are gone: overwritten by a lower epoch");
	j->expected = s->sequence + 1;
}

bool stamps_judge(const char *file, FILE *to, struct stamps *out)
{
	uint8_t sector[QD_QDISK_SECTOR_MAX];
	struct qd_superblock superblock;
	struct judge j = {.to = to, .out = out};
	*out = (struct stamps){0};
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? pread(fd, sector, sizeof sector, 0) : -1;
	/* the sector's length is in the sector: one of the two decodes */
	if (n < (ssize_t)sizeof sector || (qd_superblock_decode(sector, 512, &superblock) != QD_QDISK_OK &&
					   qd_superblock_decode(sector, 4096, &superblock) != QD_QDISK_OK)) {
		(void)fprintf(to, "%s: %s\n", file, n < 0 ? strerrordesc_np(errno) : "not a quorum disk");
		if (fd >= 0)
			(void)close(fd);
		return false;
	}
	const off_t bytes = (off_t)superblock.sector_bytes;
	const off_t base = (off_t)superblock.data_lba * bytes;
	while (pread(fd, sector, superblock.sector_bytes, base + (off_t)j.slot * bytes) == bytes) {
		struct qd_stamp s;
		if (qd_stamp_decode(sector, superblock.sector_bytes, &s))
			take(&j, &s);
		else
			j.gap = true;
		j.slot++;
	}
	(void)close(fd);
	return true;
}
