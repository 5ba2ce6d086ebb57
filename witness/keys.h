/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of key files, one per cluster, read as a whole, in a thread of its own when the witness serves already.
 * Blocks as files do, and allocates: it is no part of serving. */
#ifndef QD_WITNESS_KEYS_H
#define QD_WITNESS_KEYS_H

#include "drv/keyfile.h"
#include "witness/tenants.h"

#include <pthread.h>

enum {
	QD_KEYS_MESSAGES = 8, /* the rest is counted */
};

struct qd_keys {
	uint32_t count;
	uint32_t bad;
	struct qd_keyfile *list; /* allocated */
	char why[QD_KEYS_MESSAGES][QD_KEYFILE_WHY_MAX];
	const char *dir; /* borrowed */
};

/* A directory that is being read. */
struct qd_keys_reading {
	bool running;
	/* private */
	pthread_t thread;
	const char *dir;
	int event_fd;
	int status;
	struct qd_keys keys;
};

/* Every file of `dir` whose name ends in ".key", in the order of their names. A file that cannot be used is told in
 * why[], and counted in `bad`; of two for one cluster the second is such a one. 0; -1: the directory cannot be read, and
 * why[0]. Freed by qd_keys_free(), which wipes. */
int qd_keys_load(const char *dir, struct qd_keys *k);
void qd_keys_free(struct qd_keys *k);

/* The same in a thread; event_fd becomes readable when it is done, and then qd_keys_end() gives what qd_keys_load()
 * would have. 0 or a negative errno. */
int qd_keys_begin(const char *dir, int event_fd, struct qd_keys_reading *r);
int qd_keys_end(struct qd_keys_reading *r, struct qd_keys *k);

#endif
