/* SPDX-License-Identifier: Apache-2.0 */
/* The core's operations carried out on the paths to the quorum disk: one session and a few preallocated operation
 * slots a path. Every operation is answered once, by qd_paths_next(); after a session is gone its operations are not
 * answered, one QD_EVENT_SESSION_LOST is. Repeats nothing that may have been executed, knows no deadlines, allocates
 * nothing after qd_paths_open() (libiscsi does, for its PDUs). Belongs to one loop. */
#ifndef QD_DRV_PATHS_H
#define QD_DRV_PATHS_H

#include "codec/qdisk_slot.h"
#include "core/event.h"
#include "drv/disk_iscsi.h"
#include "drv/iscsi_session.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	QD_PATHS_OPS_MAX =
		8, /* under way at once on one path: probe or a pipelined sequence of 4, and spare */
};

struct qd_paths;

/* The node's own store of configuration texts, by digest. QD_OP_READ_SLOTS hands over what it found, from within
 * qd_paths_next(); `text` is borrowed until the return. False: it is not the text of this digest, or it cannot be
 * kept; the operation is then answered ERROR. */
typedef bool qd_text_store_fn(void *context, const uint8_t digest[QD_DIGEST_BYTES], const uint8_t *text,
			      size_t len_bytes);
/* QD_OP_WRITE_SLOTS asks for the text, from within qd_paths_submit(); `text` has room for QD_QDISK_TEXT_MAX bytes. False:
 * it is not there or longer; the operation is then answered ERROR, and nothing was written. */
typedef bool qd_text_load_fn(void *context, const uint8_t digest[QD_DIGEST_BYTES], uint8_t *text,
			     size_t *len_bytes);

struct qd_paths_config {
	struct qd_loop *loop;		       /* borrowed until qd_paths_close() */
	uint32_t count;			       /* 1..QD_PATHS_MAX */
	const struct qd_iscsi_target *targets; /* [count], resolved; copied */
	uint32_t record_count;		       /* highest node id: QD_OP_READ_RECORDS reads this many */
	char cluster[QD_QDISK_NAME_BYTES];
	uint16_t cluster_tag; /* the superblock must carry it */
	/* Both, or neither where no slots are read or written. */
	qd_text_store_fn *store;
	qd_text_load_fn *load;
	void *text_context;
};

/* 0, -QD_ERR_NOMEM. The caller ends it with qd_paths_close(). */
int qd_paths_open(const struct qd_paths_config *config, struct qd_paths **out);
void qd_paths_close(struct qd_paths *p);

/* Start an operation. It leaves with qd_paths_flush(). READ_SLOTS and WRITE_SLOTS: one at a time on all paths, a second
 * one is answered BUSY; many commands of at most 64 KiB, one after the other. */
void qd_paths_submit(struct qd_paths *p, const struct qd_op *op);

/* QD_ACTION_TEARDOWN: the session ends at once, QD_EVENT_SESSION_LOST follows; answers that were there but not
 * delivered are dropped. */
void qd_paths_teardown(struct qd_paths *p, uint32_t path);

/* Send what the turn submitted. */
void qd_paths_flush(struct qd_paths *p);

/* The next answer or loss, in the order of each path; false: none. Everything but ev->now is filled; what the answer
 * points to is valid until the next call of this function. */
bool qd_paths_next(struct qd_paths *p, struct qd_event *ev);

/* Why the path's last log-in failed or its session ended; borrowed. */
const char *qd_paths_why(const struct qd_paths *p, uint32_t path);

/* Why the last READ_SLOTS or WRITE_SLOTS was not GOOD without the target's saying so; "" otherwise. Borrowed. */
const char *qd_paths_slots_why(const struct qd_paths *p);

/* For the stamper: the path's session, up or not; and what its disk is, once a superblock was read (else false). */
struct qd_session *qd_paths_session(struct qd_paths *p, uint32_t path);
bool qd_paths_disk(const struct qd_paths *p, uint32_t path, struct qd_superblock *superblock,
		   struct qd_disk_capacity *capacity);

#endif
