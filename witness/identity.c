/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

enum {
	NS_PER_S = 1000000000,
};

static int read_one(int fd, uint64_t *inode, uint64_t *birth_ns)
{
	struct statx s;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &s) != 0)
		return -errno;
	*inode = s.stx_ino;
	*birth_ns = (s.stx_mask & STATX_BTIME) == 0
			    ? 0
			    : (uint64_t)s.stx_btime.tv_sec * NS_PER_S + s.stx_btime.tv_nsec;
	return 0;
}

/* Only where the number comes from the file system's own UUID; elsewhere it is that of the device, which may be another
 * one after the next start of the machine. */
static uint64_t file_system(int fd)
{
	struct statfs s;
	uint64_t id = 0;
	if (fstatfs(fd, &s) != 0)
		return 0;
	const unsigned long type = (unsigned long)s.f_type;
	if (type == EXT4_SUPER_MAGIC || type == BTRFS_SUPER_MAGIC)
		memcpy(&id, &s.f_fsid, sizeof id < sizeof s.f_fsid ? sizeof id : sizeof s.f_fsid);
	return id;
}

int qd_identity_read(int dir_fd, int fd, const uint8_t machine[QD_WITNESS_MACHINE_BYTES],
		     struct qd_witness_identity *out)
{
	*out = (struct qd_witness_identity){.file_system = file_system(fd)};
	memcpy(out->machine, machine, QD_WITNESS_MACHINE_BYTES);
	const int rc = read_one(dir_fd, &out->directory_inode, &out->directory_birth_ns);
	return rc != 0 ? rc : read_one(fd, &out->file_inode, &out->file_birth_ns);
}

bool qd_identity_proves(const struct qd_witness_identity *i)
{
	return i->directory_birth_ns != 0 && i->file_birth_ns != 0;
}
