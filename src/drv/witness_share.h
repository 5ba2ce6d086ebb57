/* SPDX-License-Identifier: Apache-2.0 */
/* The witness in a directory on a mounted share, for a node: requests in, answers out, nothing ever waits. A thread of its
 * own does what may hang; while it hangs nothing is answered, and more than a few requests are not taken. The thread never
 * touches anything of its caller's. */
#ifndef QD_DRV_WITNESS_SHARE_H
#define QD_DRV_WITNESS_SHARE_H

#include "drv/share_lock.h"

enum {
	QD_WITNESS_SHARE_QUEUE = 4,
	QD_WITNESS_SHARE_OLD_MS =
		3000, /* a request that waited for longer is not worth the share's time any more */
};

struct qd_witness_share_counts {
	uint64_t answered;
	uint64_t replaced; /* by the same one again before their turn came */
	uint64_t refused;  /* not taken: the queue is full, so the share hangs */
	uint64_t dropped;  /* too old when its turn came */
	uint64_t slowest_ns;
	uint64_t hangs_ns; /* the request under way has taken so long by now; 0: none */
};

struct qd_witness_share;

/* Starts the thread; looks at nothing. NULL: no memory or no thread. */
struct qd_witness_share *qd_witness_share_open(const struct qd_share_files *files, const char *root,
					       const uint8_t cluster[QD_WITNESS_CLUSTER_BYTES],
					       uint32_t node);

/* Never waits: a thread that hangs frees everything by itself when the share lets it go. Takes NULL. */
void qd_witness_share_close(struct qd_witness_share *s);

/* Readable when there is an answer. Borrowed. */
int qd_witness_share_fd(const struct qd_witness_share *s);

/* False: not taken. */
bool qd_witness_share_ask(struct qd_witness_share *s, const struct qd_witness_request *request);

/* The next answer; false: none. */
bool qd_witness_share_take(struct qd_witness_share *s, struct qd_witness_answer *answer);

struct qd_witness_share_counts qd_witness_share_counts(struct qd_witness_share *s);

/* qd_share_lock's `why` of the last answer. */
void qd_witness_share_why(struct qd_witness_share *s, char why[QD_SHARE_WHY_MAX]);

#endif
