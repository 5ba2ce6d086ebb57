/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that makes grants durable, so that no renewal waits behind a disk: what comes in while it writes is written
 * together next, with one sync. Decides nothing. */
#ifndef QD_WITNESS_SCRIBE_H
#define QD_WITNESS_SCRIBE_H

#include "base/time.h"
#include "witness/grants.h"

#include <pthread.h>

enum {
	QD_SCRIBE_REWRITE_S =
		600, /* after grants the file is written anew so often: see docs/WITNESS.md, restored stores */
};

struct qd_scribe_counts {
	uint64_t written;
	uint64_t failed;
	uint64_t syncs;
	uint64_t slowest_ns; /* one write with its sync */
};

struct qd_scribe {
	struct qd_grants *grants; /* nobody else's while the thread runs */
	int event_fd;		  /* readable: qd_scribe_take() has something */
	/* private */
	bool running;
	bool stop;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	uint32_t cap;
	uint32_t queue_count;
	uint32_t done_count;
	struct qd_grants_job *queue;
	struct qd_grants_job *work;
	struct qd_grants_job *done;
	struct qd_grants_job *taken;
	struct qd_scribe_counts counts;
	bool dirty; /* grants were written since the file was written anew */
};

/* At most `cap` jobs are between submit and take at any time. 0 or a negative errno. */
int qd_scribe_start(struct qd_scribe *s, struct qd_grants *grants, uint32_t cap);

/* Everything submitted is written first. */
void qd_scribe_stop(struct qd_scribe *s);

void qd_scribe_submit(struct qd_scribe *s, const struct qd_grants_job *job);

/* All jobs that are done, in the order of their completion; how many. Borrowed until the next call. */
uint32_t qd_scribe_take(struct qd_scribe *s, const struct qd_grants_job **jobs);

struct qd_scribe_counts qd_scribe_counts(struct qd_scribe *s);

#endif
