/* SPDX-License-Identifier: Apache-2.0 */
/* The witness's lock in a directory on a share, from one node's side: the same requests and answers as the daemon's, made
 * of files (docs/WITNESS.md). Blocks as the share does; drv/witness_share keeps that away from the node. */
#ifndef QD_DRV_SHARE_LOCK_H
#define QD_DRV_SHARE_LOCK_H

#include "base/time.h"
#include "codec/witness_record.h"
#include "drv/share_files.h"

enum {
	QD_SHARE_GRANTS_KEPT = 4, /* files of earlier epochs that are left, for people who look */
	QD_SHARE_WHY_MAX = 640,
};

/* What a node last said there, and since when it has been so by this node's clock. */
struct qd_share_sight {
	bool there;
	uint64_t epoch;
	uint64_t incarnation;
	uint64_t beat;
	bool over;	       /* it released: its rights do not count on this witness */
	uint64_t challenge_ns; /* for so long it keeps the lock */
	uint64_t granted;      /* highest epoch that was seen to be its: what it released is not older */
	struct qd_mono since;
};

/* Files that are made once are read once; a confirmation can be made again. */
enum {
	QD_SHARE_GRANT = 0,
	QD_SHARE_TAG,
	QD_SHARE_READ_COUNT,
};

struct qd_share_read {
	char name[QD_SHARE_NAME_MAX]; /* "": none */
	struct qd_witness_record record;
};

struct qd_share_lock {
	const struct qd_share_files *files; /* borrowed */
	char dir[QD_SHARE_PATH_MAX];
	uint8_t cluster[QD_WITNESS_CLUSTER_BYTES];
	uint32_t node;
	uint64_t beat; /* of the own file */
	struct qd_mono started;
	uint64_t epoch_seen; /* highest; a share that knows less was rolled back */
	struct qd_tag tag_seen;
	struct qd_share_sight
		sight[QD_NODES_MAX]; /* [id - 1]; the own: what another start of this node says */
	bool twin;		     /* another start of this node was seen to live ... */
	struct qd_mono twin_seen;    /* ... last at */
	uint64_t inode, birth_ns;    /* of the directory that `read` is of */
	struct qd_share_read read[QD_SHARE_READ_COUNT];
	char why[QD_SHARE_WHY_MAX]; /* of the last request: what failed, or is doubtful; "": nothing */
};

/* The files of cluster `cluster` lie in root/<cluster id>. That directory must be there: made by itself it could be one on
 * the mount point of a share that is not mounted, another one on every node. 0 or a negative errno. */
int qd_share_lock_init(struct qd_share_lock *l, const struct qd_share_files *files, const char *root,
		       const uint8_t cluster[QD_WITNESS_CLUSTER_BYTES], uint32_t node);

/* One request of this node. *answer is complete; what fails is QD_WITNESS_STORE. */
void qd_share_lock_ask(struct qd_share_lock *l, const struct qd_witness_request *q,
		       struct qd_witness_answer *answer);

#endif
