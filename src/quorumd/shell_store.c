/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/shell_store.h"

#include "base/crc32c.h"
#include "quorumd/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	COPIES = 2,
	TEXT_MAX = 256,
	HEX_ID = 2 * QD_QDISK_ID_BYTES,
	FILE_MAX = QD_STORE_DIR_MAX + 32,
};

/* One line: "quorumd-incarnation 1 <incarnation> <node> <machine-id> <crc32c>\n", for people who must look. */
struct copy {
	bool there;
	bool valid;
	uint64_t incarnation;
	uint32_t node_id;
	char machine_id[HEX_ID + 1];
};

static void hex(const uint8_t *id, char to[HEX_ID + 1])
{
	for (size_t i = 0; i < QD_QDISK_ID_BYTES; i++)
		(void)snprintf(to + 2 * i, 3, "%02x", id[i]);
}

static int complain(char *why, int error, const char *what, const char *file)
{
	(void)snprintf(why, QD_STORE_WHY_MAX, "%s: %s: %s", file, what, strerrordesc_np(errno));
	return error;
}

static void file_name(const struct qd_store *s, int copy, const char *suffix, char to[FILE_MAX])
{
	(void)snprintf(to, FILE_MAX, "%s/incarnation.%d%s", s->dir, copy, suffix);
}

static void read_copy(const struct qd_store *s, int number, struct copy *out)
{
	char name[FILE_MAX], text[TEXT_MAX] = {0};
	*out = (struct copy){0};
	file_name(s, number, "", name);
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		out->there = errno != ENOENT;
		return;
	}
	out->there = true;
	ssize_t n = read(fd, text, sizeof text - 1);
	(void)close(fd);
	char *crc_text = n > 0 ? strrchr(text, ' ') : NULL;
	if (crc_text == NULL)
		return;
	unsigned long long incarnation = 0;
	unsigned crc = 0, node = 0;
	/* NOLINTNEXTLINE(cert-err34-c): the checksum covers the numbers, and %n is not needed */
	if (sscanf(text, "quorumd-incarnation 1 %20llu %3u %32s %8x", &incarnation, &node, out->machine_id,
		   &crc) != 4)
		return;
	out->incarnation = incarnation;
	out->node_id = node;
	out->valid = qd_crc32c(0, text, (size_t)(crc_text - text)) == crc;
}

static int sync_dir(const struct qd_store *s, char *why)
{
	int fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return complain(why, -QD_ERR_IO, "cannot be opened", s->dir);
	int rc = fsync(fd);
	(void)close(fd);
	return rc == 0 ? 0 : complain(why, -QD_ERR_IO, "fsync", s->dir);
}

static int write_copy(const struct qd_store *s, int number, const char *text, size_t len, char *why)
{
	char name[FILE_MAX], temporary[FILE_MAX];
	file_name(s, number, "", name);
	file_name(s, number, ".new", temporary);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return complain(why, -QD_ERR_IO, "cannot be written", temporary);
	bool ok = write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
	int rc = ok ? 0 : complain(why, -QD_ERR_IO, "cannot be written", temporary);
	if (close(fd) != 0 && ok)
		rc = complain(why, -QD_ERR_IO, "cannot be written", temporary);
	if (rc == 0 && rename(temporary, name) != 0)
		rc = complain(why, -QD_ERR_IO, "cannot be renamed", temporary);
	return rc == 0 ? sync_dir(s, why) : rc;
}

int qd_store_write(const struct qd_store *s, uint64_t incarnation, char *why)
{
	char text[TEXT_MAX], machine[HEX_ID + 1];
	hex(s->machine_id, machine);
	int n = snprintf(text, sizeof text, "quorumd-incarnation 1 %llu %u %s",
			 (unsigned long long)incarnation, s->node_id, machine);
	qd_assert(n > 0 && (size_t)n < sizeof text - 16);
	size_t len = (size_t)n;
	len += (size_t)snprintf(text + len, sizeof text - len, " %08x\n", (unsigned)qd_crc32c(0, text, len));
	int rc = 0;
	for (int i = 0; i < COPIES && rc == 0; i++)
		rc = write_copy(s, i, text, len, why);
	return rc;
}

static int refuse(char *why, const struct qd_store *s, const char *what)
{
	(void)snprintf(why, QD_STORE_WHY_MAX,
		       "%s: %s. If this directory was copied here, give this node its own state_dir; if the "
		       "machine or "
		       "its id was changed on purpose, remove the two files incarnation.0 and incarnation.1",
		       s->dir, what);
	return -QD_ERR_REFUSED;
}

static int judge(const struct qd_store *s, const struct copy *c, char *why)
{
	char machine[HEX_ID + 1], text[160];
	hex(s->machine_id, machine);
	if (strcmp(c->machine_id, machine) != 0) {
		(void)snprintf(text, sizeof text, "it belongs to machine %s, and this one is %s",
			       c->machine_id, machine);
		return refuse(why, s, text);
	}
	if (c->node_id != s->node_id) {
		(void)snprintf(text, sizeof text, "it belongs to node %u, and this one is node %u",
			       c->node_id, s->node_id);
		return refuse(why, s, text);
	}
	return 0;
}

/* Microseconds, so that two machines that were set up together and given one id by mistake count from different
 * numbers: the witness tells them apart by these alone. */
static uint64_t present_us(void)
{
	struct timespec t = {0};
	if (clock_gettime(CLOCK_REALTIME, &t) != 0 || t.tv_sec < 0)
		return 0;
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

int qd_store_open(struct qd_store *s, uint64_t *incarnation, char *why)
{
	uint64_t last = 0;
	bool there = false, valid = false;
	if (mkdir(s->dir, 0700) != 0 && errno != EEXIST)
		return complain(why, -QD_ERR_IO, "cannot be made", s->dir);
	for (int i = 0; i < COPIES; i++) {
		struct copy c;
		read_copy(s, i, &c);
		there = there || c.there;
		if (!c.valid)
			continue;
		int rc = judge(s, &c, why);
		if (rc != 0)
			return rc;
		valid = true;
		last = c.incarnation > last ? c.incarnation : last;
	}
	if (there && !valid)
		return refuse(why, s, "both copies of the incarnation are damaged");
	if (!there)
		last = present_us();
	*incarnation = last + 1;
	return qd_store_write(s, *incarnation, why);
}
