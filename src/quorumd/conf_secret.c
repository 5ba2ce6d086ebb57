/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/conf.h"
#include "quorumd/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Judge the opened file itself, not its name: what was looked at is what is read. */
static int judge(const char *file, const struct stat *st, char why[QD_CONF_MESSAGE_BYTES])
{
	if (!S_ISREG(st->st_mode)) {
		(void)snprintf(why, QD_CONF_MESSAGE_BYTES, "%s is not a regular file", file);
		return -QD_ERR_SECRET_MODE;
	}
	if ((st->st_mode & 0177) != 0) {
		(void)snprintf(why, QD_CONF_MESSAGE_BYTES,
			       "%s has mode %04o, so others may read the secret; chmod 0600 %s, and change "
			       "the secret",
			       file, (unsigned int)(st->st_mode & 07777), file);
		return -QD_ERR_SECRET_MODE;
	}
	if (st->st_uid != 0 && st->st_uid != geteuid()) {
		(void)snprintf(
			why, QD_CONF_MESSAGE_BYTES,
			"%s belongs to user %u, neither to root nor to the user that runs this; chown it",
			file, (unsigned int)st->st_uid);
		return -QD_ERR_SECRET_MODE;
	}
	return 0;
}

static int take(int fd, const char *file, char secret[QD_CONF_SECRET_MAX], char why[QD_CONF_MESSAGE_BYTES])
{
	char text[QD_CONF_SECRET_MAX + 2] = {0};
	ssize_t n = read(fd, text, sizeof(text) - 1);
	if (n < 0) {
		(void)snprintf(why, QD_CONF_MESSAGE_BYTES, "%s: %s", file, strerrordesc_np(errno));
		return -QD_ERR_IO;
	}
	size_t len = (size_t)n;
	if (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	int status = 0;
	if (len == 0 || len >= QD_CONF_SECRET_MAX || strlen(text) != len) {
		(void)snprintf(why, QD_CONF_MESSAGE_BYTES,
			       "%s does not hold a secret: expected one line of 1 to 255 bytes", file);
		status = -QD_ERR_CONFIG;
	} else {
		memcpy(secret, text, len + 1);
	}
	explicit_bzero(text, sizeof(text));
	return status;
}

int qd_conf_secret_read(const char *file, char secret[QD_CONF_SECRET_MAX], char why[QD_CONF_MESSAGE_BYTES])
{
	secret[0] = '\0';
	why[0] = '\0';
	/* O_NONBLOCK: a FIFO under this name must not hang the start. */
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		(void)snprintf(why, QD_CONF_MESSAGE_BYTES, "%s: %s", file, strerrordesc_np(errno));
		return -QD_ERR_IO;
	}
	struct stat st;
	int status = fstat(fd, &st) == 0 ? judge(file, &st, why) : -QD_ERR_IO;
	if (status == 0)
		status = take(fd, file, secret, why);
	(void)close(fd); /* read-only: nothing can be lost */
	return status;
}
