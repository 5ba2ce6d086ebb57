/* SPDX-License-Identifier: Apache-2.0 */
/* The incarnation on the node's own disk: two copies with a checksum in state_dir, bound to machine and node id. What
 * was returned or written here is never handed out again. Blocks as files do. */
#ifndef QD_QUORUMD_SHELL_STORE_H
#define QD_QUORUMD_SHELL_STORE_H

#include "codec/qdisk.h"

#include <stdint.h>

enum {
	QD_STORE_DIR_MAX = 256,
	QD_STORE_WHY_MAX = 1024,
};

struct qd_store {
	char dir[QD_STORE_DIR_MAX];
	uint32_t node_id;
	uint8_t machine_id[QD_QDISK_ID_BYTES];
};

/* Take the next incarnation: larger than any in the store, durable before it is returned. A store without copies
 * begins with the present microsecond, so that a node whose disk was replaced does not start from the beginning.
 * 0; -QD_ERR_REFUSED: the store belongs to another machine or node, or both copies are damaged; -QD_ERR_IO. Then
 * why[QD_STORE_WHY_MAX] says what to do. */
int qd_store_open(struct qd_store *s, uint64_t *incarnation, char *why);

/* Make `incarnation` durable in both copies (QD_ACTION_STORE). 0 or -QD_ERR_IO and why. */
int qd_store_write(const struct qd_store *s, uint64_t incarnation, char *why);

#endif
