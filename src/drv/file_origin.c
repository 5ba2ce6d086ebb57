/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/file_origin.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

enum { NS_PER_S = 1000000000 };

uint64_t qd_file_system_number(int fd)
{
	struct statfs s;
	uint64_t id = 0;
	if (fstatfs(fd, &s) != 0)
		return 0;
	const unsigned long type = (unsigned long)s.f_type;
	_Static_assert(sizeof s.f_fsid == sizeof id, "both are 64 bits");
	if (type == EXT4_SUPER_MAGIC || type == BTRFS_SUPER_MAGIC)
		memcpy(&id, &s.f_fsid, sizeof id);
	return id;
}

int qd_file_born(int fd, uint64_t *inode, uint64_t *birth_ns)
{
	struct statx s;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &s) != 0)
		return -errno;
	const bool born = (s.stx_mask & STATX_BTIME) != 0;
	*inode = s.stx_ino;
	*birth_ns = born ? (uint64_t)s.stx_btime.tv_sec * NS_PER_S + s.stx_btime.tv_nsec : 0;
	return 0;
}
