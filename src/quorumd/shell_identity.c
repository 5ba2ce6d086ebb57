/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/shell_identity.h"

#include "quorumd/errors.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	TEXT_MAX = 64,
};

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* 32 hexadecimal digits, dashes ignored (boot_id has the form of a UUID). */
static int read_id(const char *file, uint8_t id[QD_QDISK_ID_BYTES], char *why, size_t why_cap)
{
	char text[TEXT_MAX] = {0};
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	if (fd >= 0)
		(void)close(fd);
	size_t have = 0;
	for (const char *p = text; n > 0 && *p != '\0' && *p != '\n' && have < 2 * (size_t)QD_QDISK_ID_BYTES;
	     p++) {
		if (*p == '-')
			continue;
		int d = digit(*p);
		if (d < 0)
			break;
		id[have / 2] = (uint8_t)(have % 2 == 0 ? d << 4 : id[have / 2] | d);
		have++;
	}
	if (have == 2 * (size_t)QD_QDISK_ID_BYTES)
		return 0;
	(void)snprintf(why, why_cap,
		       "%s: expected 32 hexadecimal digits (systemd-machine-id-setup makes a machine-id)",
		       file);
	return -QD_ERR_IO;
}

int qd_identity_read(const struct qd_conf *conf, uint8_t machine_id[QD_QDISK_ID_BYTES],
		     uint8_t boot_id[QD_QDISK_ID_BYTES], char *why, size_t why_cap)
{
	if (conf->has_test_ids) {
		memcpy(machine_id, conf->test_machine_id, QD_QDISK_ID_BYTES);
		memcpy(boot_id, conf->test_boot_id, QD_QDISK_ID_BYTES);
		return 0;
	}
	int rc = read_id("/etc/machine-id", machine_id, why, why_cap);
	return rc == 0 ? read_id("/proc/sys/kernel/random/boot_id", boot_id, why, why_cap) : rc;
}
