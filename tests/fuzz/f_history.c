/* SPDX-License-Identifier: Apache-2.0 */
/* Input: the file state_dir/config/history. Lines that were accepted come back when the history is written with one entry
 * more; all others are counted. */
#include "fuzz.h"

#include "quorumd/bodies.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_MAX_BYTES = 64 };

static char state_dir[NAME_MAX_BYTES] = "/dev/shm/fuzz-history-XXXXXX"; /* nothing here has to last */
static char config_dir[NAME_MAX_BYTES];
static char file[NAME_MAX_BYTES];

static void clean(void)
{
	(void)unlink(file);
	(void)rmdir(config_dir);
	(void)rmdir(state_dir);
}

static void prepare(void)
{
	qd_assert(mkdtemp(state_dir) != NULL && atexit(clean) == 0);
	(void)snprintf(config_dir, sizeof config_dir, "%s/config", state_dir);
	(void)snprintf(file, sizeof file, "%s/history", config_dir);
	qd_assert(mkdir(config_dir, 0700) == 0);
}

static void put(const uint8_t *data, size_t size)
{
	const int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	qd_assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct qd_bodies b, again;
	static const struct qd_body_entry NEXT = {{77, 1}, 1, {1}};
	char why[QD_BODIES_WHY_MAX] = "";
	if (file[0] == '\0')
		prepare();
	put(data, size);
	qd_assert(qd_bodies_open(&b, state_dir, why) == 0 && b.count <= QD_BODIES_HISTORY);
	const bool full = b.count == QD_BODIES_HISTORY;
	qd_assert(qd_bodies_note(&b, &NEXT, why) == 0 && b.count >= 1 && b.count <= QD_BODIES_HISTORY);
	QD_ERGO(full, b.count == QD_BODIES_HISTORY);
	qd_assert(qd_bodies_open(&again, state_dir, why) == 0);
	/* A last entry of the same body is no news: the file stays as it was, with what was damaged in it. */
	qd_assert(again.count == b.count && (again.damaged == 0 || again.damaged == b.damaged));
	qd_assert(memcmp(again.history, b.history, b.count * sizeof b.history[0]) == 0);
	return 0;
}
