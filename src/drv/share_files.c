/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/share_files.h"

#include "drv/loop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum {
	NS_PER_S = 1000000000,
	LINE_ROOM = 4096,
	DEVICE_ROOM = 32,
};

static int open_dir(const char *dir)
{
	const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int list(const char *dir, qd_share_name_fn *fn, void *context)
{
	DIR *d = opendir(dir);
	if (d == NULL)
		return -errno;
	const struct dirent *entry = NULL;
	do {
		errno = 0;
		entry = readdir(d); /* NOLINT(concurrency-mt-unsafe): a stream of its own */
		if (entry != NULL && entry->d_name[0] != '.')
			fn(context, entry->d_name);
	} while (entry != NULL);
	const int rc = -errno;
	(void)closedir(d);
	return rc;
}

static int read_file(const char *dir, const char *name, uint8_t *to, size_t len_bytes)
{
	const int dir_fd = open_dir(dir);
	if (dir_fd < 0)
		return dir_fd;
	const int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int rc = fd < 0 ? -errno : 0;
	(void)close(dir_fd);
	if (rc != 0)
		return rc;
	const ssize_t n = read(fd, to, len_bytes);
	rc = n < 0 ? -errno : (int)n;
	(void)close(fd);
	return rc;
}

/* Durable on close: NFS tells a full or failing server only then. */
static int put(int dir_fd, const char *name, int flags, const uint8_t *data, size_t len_bytes)
{
	const int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
	if (fd < 0)
		return -errno;
	errno = EIO; /* of a short write */
	int rc = pwrite(fd, data, len_bytes, 0) == (ssize_t)len_bytes && fsync(fd) == 0 ? 0 : -errno;
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	return rc;
}

static int write_file(const char *dir, const char *name, const uint8_t *data, size_t len_bytes)
{
	const int dir_fd = open_dir(dir);
	if (dir_fd < 0)
		return dir_fd;
	const int rc = put(dir_fd, name, 0, data, len_bytes);
	(void)close(dir_fd);
	return rc;
}

/* Whether link() did its work although its answer was lost: a retransmitted one says EEXIST. */
static bool is_linked(int dir_fd, const char *own, const char *name)
{
	struct stat a, b;
	return fstatat(dir_fd, own, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(dir_fd, name, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

static int create(const char *dir, const char *name, const char *own, const uint8_t *data, size_t len_bytes)
{
	const int dir_fd = open_dir(dir);
	if (dir_fd < 0)
		return dir_fd;
	(void)unlinkat(dir_fd, own, 0); /* of an earlier try */
	int rc = put(dir_fd, own, O_EXCL, data, len_bytes);
	if (rc == 0 && linkat(dir_fd, own, dir_fd, name, 0) != 0)
		rc = -errno;
	if (rc == -EEXIST && is_linked(dir_fd, own, name))
		rc = 0;
	(void)unlinkat(dir_fd, own, 0);
	if (rc == 0 && fsync(dir_fd) != 0 &&
	    errno != EINVAL) /* some shares sync names by themselves, and say so */
		rc = -errno;
	(void)close(dir_fd);
	return rc;
}

static void remove_file(const char *dir, const char *name)
{
	const int dir_fd = open_dir(dir);
	if (dir_fd < 0)
		return;
	(void)unlinkat(dir_fd, name, 0);
	(void)close(dir_fd);
}

static int identify(const char *dir, uint64_t *inode, uint64_t *birth_ns)
{
	struct statx s;
	if (statx(AT_FDCWD, dir, 0, STATX_INO | STATX_BTIME, &s) != 0)
		return -errno;
	const bool born = (s.stx_mask & STATX_BTIME) != 0;
	*inode = s.stx_ino;
	*birth_ns = born ? (uint64_t)s.stx_btime.tv_sec * NS_PER_S + s.stx_btime.tv_nsec : 0;
	return 0;
}

const struct qd_share_files qd_share_files_kernel = {
	.list = list,
	.read = read_file,
	.write = write_file,
	.create = create,
	.remove = remove_file,
	.identify = identify,
	.now = qd_clock_now,
	.fit = qd_share_files_fit,
};

/* ------------------------------------------------ how it is mounted */

static bool has_option(const char *options, const char *wanted)
{
	const size_t len = strlen(wanted);
	for (const char *at = strstr(options, wanted); at != NULL; at = strstr(at + 1, wanted)) {
		if ((at == options || at[-1] == ',' || at[-1] == ' ') &&
		    (at[len] == ',' || at[len] == '\0' || at[len] == '\n'))
			return true;
	}
	return false;
}

/* File systems that one machine alone has, whatever its disk is. */
static bool is_local(const char *type)
{
	static const char *const types[] = {"ext2",  "ext3", "ext4",  "xfs",  "btrfs",
					    "tmpfs", "zfs",  "ramfs", "f2fs", "overlay"};
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		if (strcmp(type, types[i]) == 0)
			return true;
	}
	return false;
}

int qd_share_files_fit_line(const char *line, const char *device, char *why, size_t why_bytes)
{
	char found[DEVICE_ROOM] = "", type[DEVICE_ROOM] = "";
	const char *rest = strstr(line, " - ");
	if (rest == NULL || sscanf(line, "%*s %*s %31s", found) != 1 || strcmp(found, device) != 0 ||
	    sscanf(rest, " - %31s", type) != 1)
		return -1;
	why[0] = '\0';
	if (strncmp(type, "nfs", 3) == 0) {
		if (has_option(rest, "noac") ||
		    (has_option(rest, "acdirmax=0") && has_option(rest, "acregmax=0")))
			return 1;
		(void)snprintf(
			why, why_bytes,
			"mounted as %s with a cache of attributes: mount it with noac,lookupcache=none",
			type);
		return 0;
	}
	if (strcmp(type, "cifs") == 0 || strcmp(type, "smb3") == 0) {
		if (has_option(rest, "cache=none") && has_option(rest, "actimeo=0"))
			return 1;
		(void)snprintf(why, why_bytes,
			       "mounted as %s with a cache: mount it with cache=none,actimeo=0", type);
		return 0;
	}
	if (is_local(type))
		(void)snprintf(why, why_bytes, "on %s, which other machines do not see", type);
	return 1;
}

/* What can be said without looking how it is mounted. */
static bool is_usable(const char *dir, struct stat *st, char *why, size_t why_bytes)
{
	if (stat(dir, st) != 0)
		(void)snprintf(why, why_bytes, "%s%s", strerrordesc_np(errno),
			       errno == ENOENT ? ": is the share mounted? Else make it once, by mkdir" : "");
	else if (!S_ISDIR(st->st_mode))
		(void)snprintf(why, why_bytes, "it is no directory");
	else if (faccessat(AT_FDCWD, dir, R_OK | W_OK | X_OK, AT_EACCESS) != 0)
		(void)snprintf(why, why_bytes, "it cannot be written: %s", strerrordesc_np(errno));
	else
		return true;
	return false;
}

bool qd_share_files_fit(const char *dir, char *why, size_t why_bytes)
{
	struct stat st;
	char device[DEVICE_ROOM], line[LINE_ROOM];
	int fits = -1;
	why[0] = '\0';
	if (!is_usable(dir, &st, why, why_bytes))
		return false;
	(void)snprintf(device, sizeof device, "%u:%u", major(st.st_dev), minor(st.st_dev));
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	if (mounts == NULL) {
		(void)snprintf(why, why_bytes, "/proc/self/mountinfo: %s", strerrordesc_np(errno));
		return false;
	}
	while (fits != 0 && fgets(line, sizeof line, mounts) != NULL) {
		const int one = qd_share_files_fit_line(line, device, why, why_bytes);
		fits = one >= 0 ? one : fits;
	}
	(void)fclose(mounts);
	return fits != 0; /* a device without a line of its own (a subvolume) is a local one */
}
