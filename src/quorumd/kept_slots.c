/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/kept_slots.h"

#include "base/assert.h"
#include "drv/file_origin.h"
#include "quorumd/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	NAME_MAX_BYTES = QD_KEPT_SLOTS_DIR_MAX + 16,
};

static void name_of(const struct qd_kept_slots *s, uint32_t i, char to[NAME_MAX_BYTES])
{
	(void)snprintf(to, NAME_MAX_BYTES, "%s/kept.%u", s->dir, i);
}

static int complain(char *why, const char *what, const char *file)
{
	const char *mend =
		errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? "; make room on that file system" : "";
	(void)snprintf(why, QD_KEPT_SLOTS_WHY_MAX, "%s: %s: %s%s", file, what, strerrordesc_np(errno), mend);
	return -QD_ERR_IO;
}

/* ------------------------------------------------ where a file lies */

static int find_place(struct qd_kept_slots *s, int dir_fd, uint32_t i, char *why)
{
	struct qd_kept_origin *o = &s->file[i].origin;
	char name[NAME_MAX_BYTES];
	name_of(s, i, name);
	o->file_system = qd_file_system_number(dir_fd);
	if (qd_file_born(dir_fd, &o->directory_inode, &o->directory_birth_ns) != 0 ||
	    qd_file_born(s->file[i].fd, &o->file_inode, &o->file_birth_ns) != 0)
		return complain(why, "cannot be looked at", name);
	if (o->file_birth_ns != 0) /* the directory may have come with an image of a disk, without one */
		return 0;
	(void)snprintf(why, QD_KEPT_SLOTS_WHY_MAX,
		       "%s: its file system keeps no birth times, so that a store that was restored from a "
		       "copy could "
		       "not be told from the node's own; put state_dir on ext4, XFS or btrfs",
		       name);
	return -QD_ERR_REFUSED;
}

/* ------------------------------------------------ reading */

static int read_slot(struct qd_kept_slots *s, uint32_t i, char *why)
{
	uint8_t bytes[QD_KEPT_SLOT_BYTES + 1];
	char name[NAME_MAX_BYTES];
	size_t at = 0;
	name_of(s, i, name);
	while (at < sizeof bytes) {
		ssize_t n = pread(s->file[i].fd, bytes + at, sizeof bytes - at, (off_t)at);
		if (n == 0)
			break;
		if (n < 0 && errno != EINTR)
			return complain(why, "cannot be read", name);
		at += n > 0 ? (size_t)n : 0;
	}
	s->file[i].verdict = qd_kept_decode(bytes, at, &s->file[i].slot);
	if (s->file[i].verdict != QD_KEPT_NEWER)
		return 0;
	(void)snprintf(why, QD_KEPT_SLOTS_WHY_MAX,
		       "%s: was written by a newer quorumd; install that one, or remove kept.0 and kept.1: "
		       "this node then "
		       "has no vote until the others have taken it in",
		       name);
	return -QD_ERR_REFUSED;
}

/* A file that is made is found after a power cut: the directory is made durable, too. */
static int open_file(struct qd_kept_slots *s, uint32_t i, bool create, char *why)
{
	char name[NAME_MAX_BYTES];
	name_of(s, i, name);
	int flags = O_CLOEXEC | O_NOFOLLOW | (create ? O_RDWR | O_CREAT : O_RDONLY);
	s->file[i].fd = open(name, flags, 0600);
	if (s->file[i].fd >= 0)
		return 0;
	return errno == ENOENT ? -QD_ERR_NOT_FOUND : complain(why, "cannot be opened", name);
}

static void choose(struct qd_kept_slots *s)
{
	for (uint32_t i = 0; i < QD_KEPT_SLOTS; i++) {
		if (s->file[i].verdict != QD_KEPT_OK)
			continue;
		if (s->newest == QD_KEPT_SLOTS || s->file[i].slot.sequence > s->file[s->newest].slot.sequence)
			s->newest = i;
	}
	if (s->newest == QD_KEPT_SLOTS)
		return;
	s->sequence = s->file[s->newest].slot.sequence;
	s->last = s->file[s->newest].slot.kept;
}

int qd_kept_slots_open(struct qd_kept_slots *s, const char *dir, const struct qd_kept_origin *self,
		       bool create, char *why)
{
	*s = (struct qd_kept_slots){.newest = QD_KEPT_SLOTS, .behind = true};
	int n = snprintf(s->dir, sizeof s->dir, "%s", dir);
	qd_assert(n > 0 && (size_t)n < sizeof s->dir);
	for (uint32_t i = 0; i < QD_KEPT_SLOTS; i++) {
		s->file[i].fd = -1;
		s->file[i].origin = *self;
	}
	int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return errno == ENOENT && !create ? -QD_ERR_NOT_FOUND
						  : complain(why, "cannot be opened", dir);
	int rc = 0;
	bool found = false;
	for (uint32_t i = 0; i < QD_KEPT_SLOTS && rc == 0; i++) {
		rc = open_file(s, i, create, why);
		if (rc == -QD_ERR_NOT_FOUND && !create) {
			rc = 0;
			continue;
		}
		found = found || rc == 0;
		if (rc == 0 && create)
			rc = find_place(s, dir_fd, i, why);
		if (rc == 0)
			rc = read_slot(s, i, why);
	}
	if (rc == 0 && create && fsync(dir_fd) != 0)
		rc = complain(why, "fsync", dir);
	(void)close(dir_fd); /* read-only: nothing can be lost */
	if (rc == 0 && !found)
		return -QD_ERR_NOT_FOUND;
	if (rc == 0)
		choose(s);
	return rc;
}

/* ------------------------------------------------ writing */

static int put(struct qd_kept_slots *s, uint32_t i, const struct qd_kept *kept, char *why)
{
	const struct qd_kept_slot slot = {
		.sequence = s->sequence,
		.origin = s->file[i].origin,
		.kept = *kept,
	};
	uint8_t bytes[QD_KEPT_SLOT_BYTES];
	char name[NAME_MAX_BYTES];
	name_of(s, i, name);
	qd_kept_encode(&slot, bytes);
	for (size_t at = 0; at < sizeof bytes;) {
		ssize_t n = pwrite(s->file[i].fd, bytes + at, sizeof bytes - at, (off_t)at);
		if (n < 0 && errno != EINTR)
			return complain(why, "cannot be written", name);
		at += n > 0 ? (size_t)n : 0;
	}
	/* What was behind a damaged one's end would spoil this one. */
	if (ftruncate(s->file[i].fd, sizeof bytes) != 0)
		return complain(why, "cannot be written", name);
	if (fdatasync(s->file[i].fd) != 0)
		return complain(why, "cannot be made durable", name);
	return 0;
}

int qd_kept_slots_write(struct qd_kept_slots *s, const struct qd_kept *kept, char *why)
{
	/* The newest stays as it is until the other one is durable. After a failure the same one is tried again, under a
	 * higher number: nobody knows what is in it. */
	const uint32_t i = s->newest == 0 ? 1 : 0;
	s->sequence++;
	int rc = put(s, i, kept, why);
	if (rc != 0)
		return rc;
	s->newest = i;
	s->last = *kept;
	s->behind = true;
	return 0;
}

int qd_kept_slots_mirror(struct qd_kept_slots *s, char *why)
{
	qd_assert(s->newest < QD_KEPT_SLOTS);
	int rc = s->behind ? put(s, 1 - s->newest, &s->last, why) : 0;
	s->behind = rc != 0;
	return rc;
}

void qd_kept_slots_close(struct qd_kept_slots *s)
{
	for (uint32_t i = 0; i < QD_KEPT_SLOTS; i++) {
		if (s->file[i].fd >= 0)
			(void)close(s->file[i].fd); /* what had to be durable was synchronized */
		s->file[i].fd = -1;
	}
}
