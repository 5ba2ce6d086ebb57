/* SPDX-License-Identifier: Apache-2.0 */
/* The few things that a witness on a share needs of a directory, as a table, so that tests put a directory that hangs or
 * fails in its place. Each may block for as long as the share does. */
#ifndef QD_DRV_SHARE_FILES_H
#define QD_DRV_SHARE_FILES_H

#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	QD_SHARE_NAME_MAX = 64,
	QD_SHARE_PATH_MAX = 256,
};

typedef void qd_share_name_fn(void *context, const char *name);

struct qd_share_files {
	/* Call fn for every name. 0 or a negative errno. */
	int (*list)(const char *dir, qd_share_name_fn *fn, void *context);
	/* The whole file, at most len_bytes: how many, or a negative errno. */
	int (*read)(const char *dir, const char *name, uint8_t *to, size_t len_bytes);
	/* Make or overwrite; durable. 0 or a negative errno. */
	int (*write)(const char *dir, const char *name, const uint8_t *data, size_t len_bytes);
	/* Make a file that must not be there, with all its contents at once; durable. 0, -EEXIST or a negative errno. `own`
	 * is a name that nobody else uses. */
	int (*create)(const char *dir, const char *name, const char *own, const uint8_t *data,
		      size_t len_bytes);
	/* Harmless when it is not there. */
	void (*remove)(const char *dir, const char *name);
	/* What tells this directory from a copy of it: inode and birth (0 where the share keeps none). */
	int (*identify)(const char *dir, uint64_t *inode, uint64_t *birth_ns);
	struct qd_mono (*now)(void);
	/* qd_share_files_fit(). */
	bool (*fit)(const char *dir, char *why, size_t why_bytes);
};

extern const struct qd_share_files qd_share_files_kernel;

/* `dir` on a share must show every node what the others wrote, at once: a cache of attributes or names would hide a
 * grant. True: it may serve; then why is "", or a doubt: a file system that other machines do not see. False: why says what
 * is wrong with the directory, or with which options to mount it. */
bool qd_share_files_fit(const char *dir, char *why, size_t why_bytes);

/* The same of one line of /proc/self/mountinfo for device major:minor. 1 it fits, 0 it does not and why, -1: another
 * device's line. */
int qd_share_files_fit_line(const char *line, const char *device, char *why, size_t why_bytes);

#endif
