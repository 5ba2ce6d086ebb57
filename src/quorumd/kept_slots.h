/* SPDX-License-Identifier: Apache-2.0 */
/* The two files kept.0 and kept.1 of state_dir: opened once, read, written in place in turn. Blocks as files do. */
#ifndef QD_QUORUMD_KEPT_SLOTS_H
#define QD_QUORUMD_KEPT_SLOTS_H

#include "codec/kept.h"

enum {
	QD_KEPT_SLOTS = 2,
	QD_KEPT_SLOTS_DIR_MAX = 256,
	QD_KEPT_SLOTS_WHY_MAX = 1024,
};

struct qd_kept_slots {
	char dir[QD_KEPT_SLOTS_DIR_MAX];
	struct {
		int fd;			      /* -1: not open */
		struct qd_kept_origin origin; /* of the file as it is: place; and the node that it is now */
		enum qd_kept_verdict verdict; /* of what was read */
		struct qd_kept_slot slot;     /* with QD_KEPT_OK */
	} file[QD_KEPT_SLOTS];
	uint32_t newest;     /* what was written last, or counts of what was read; QD_KEPT_SLOTS: neither */
	uint64_t sequence;   /* the highest ever tried */
	bool behind;	     /* the other file does not hold what the newest does */
	struct qd_kept last; /* what the newest holds */
};

/* Open both files, make them where they are missing (create) and read what is in them. `self` is the node, machine and
 * cluster that writes. 0, -QD_ERR_NOT_FOUND (without create: there is none), -QD_ERR_REFUSED (newer format, or a file
 * system that keeps no birth times) or -QD_ERR_IO and why. Closed by qd_kept_slots_close() in any case. */
int qd_kept_slots_open(struct qd_kept_slots *s, const char *dir, const struct qd_kept_origin *self,
		       bool create, char *why);

/* Make *kept durable in the file that is not the newest. 0, or -QD_ERR_IO and why; then the newest is what it was. */
int qd_kept_slots_write(struct qd_kept_slots *s, const struct qd_kept *kept, char *why);

/* Give the other file the same contents. 0, or -QD_ERR_IO and why. */
int qd_kept_slots_mirror(struct qd_kept_slots *s, char *why);

void qd_kept_slots_close(struct qd_kept_slots *s);

#endif
