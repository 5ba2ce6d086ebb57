/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/secret_file.h"
#include "quorumd/conf.h"
#include "quorumd/errors.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

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
	int fd = qd_secret_file_open(file, why, QD_CONF_MESSAGE_BYTES);
	if (fd < 0)
		return fd;
	int status = take(fd, file, secret, why);
	(void)close(fd); /* read-only: nothing can be lost */
	return status;
}
