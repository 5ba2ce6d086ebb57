/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/secret_file.h"
#include "quorumd/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Judge the opened file itself, not its name: what was looked at is what is read. */
static int judge(const char *file, const struct stat *st, char *why, size_t why_bytes)
{
	if (!S_ISREG(st->st_mode)) {
		(void)snprintf(why, why_bytes, "%s is not a regular file", file);
		return -QD_ERR_SECRET_MODE;
	}
	if ((st->st_mode & 0177) != 0) {
		(void)snprintf(why, why_bytes,
			       "%s has mode %04o, so others may read the secret; chmod 0600 %s, and change "
			       "the secret",
			       file, (unsigned int)(st->st_mode & 07777), file);
		return -QD_ERR_SECRET_MODE;
	}
	if (st->st_uid != 0 && st->st_uid != geteuid()) {
		(void)snprintf(
			why, why_bytes,
			"%s belongs to user %u, neither to root nor to the user that runs this; chown it",
			file, (unsigned int)st->st_uid);
		return -QD_ERR_SECRET_MODE;
	}
	return 0;
}

int qd_secret_file_open(const char *file, char *why, size_t why_bytes)
{
	why[0] = '\0';
	/* O_NONBLOCK: a FIFO under this name must not hang the start. */
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		(void)snprintf(why, why_bytes, "%s: %s", file, strerrordesc_np(errno));
		return -QD_ERR_IO;
	}
	struct stat st;
	int status = 0;
	if (fstat(fd, &st) == 0) {
		status = judge(file, &st, why, why_bytes);
	} else {
		(void)snprintf(why, why_bytes, "%s: %s", file, strerrordesc_np(errno));
		status = -QD_ERR_IO;
	}
	if (status == 0)
		return fd;
	(void)close(fd); /* read-only: nothing can be lost */
	return status;
}
