/* SPDX-License-Identifier: Apache-2.0 */
/* The witness's store: what each cluster was granted, in one file of fixed places, two copies a place, written in turn
 * (docs/WITNESS.md). It knows whether it is the very file that this witness wrote on this machine, or a copy. Blocks as
 * files do; one thread at a time, but for qd_grants_find() and qd_grants_add(). */
#ifndef QD_WITNESS_GRANTS_H
#define QD_WITNESS_GRANTS_H

#include "codec/witness_record.h"

#include <sys/types.h>

enum {
	QD_GRANTS_DIR_MAX = 256,
	QD_GRANTS_WHY_MAX = 512,
	QD_GRANTS_PLACES_MAX = 131072, /* 128 MiB of file */
	QD_GRANTS_NONE = -1,
};

/* What it asks of the kernel where a disk can fail; tests put their own in. */
struct qd_grants_io {
	ssize_t (*write)(int fd, const void *data, size_t len_bytes, off_t at);
	int (*sync)(int fd);
	int (*reserve)(int fd, off_t len_bytes); /* 0 or an errno */
};

struct qd_grants_options {
	const char *dir;
	uint8_t machine[QD_WITNESS_MACHINE_BYTES];
	uint32_t places;	       /* clusters to make room for; more are found room for later */
	const struct qd_grants_io *io; /* NULL: the kernel's */
};

/* One cluster's place. */
struct qd_grants_place {
	uint8_t cluster[QD_WITNESS_CLUSTER_BYTES];
	uint64_t sequence;		 /* highest ever tried; 0: nothing was ever written */
	uint64_t good;			 /* sequence of the durable copy; 0: none */
	uint32_t copy;			 /* where that one lies: 0 or 1 */
	struct qd_witness_record record; /* durable */
};

struct qd_grants {
	char dir[QD_GRANTS_DIR_MAX];
	uint8_t machine[QD_WITNESS_MACHINE_BYTES];
	struct qd_grants_io io;
	int dir_fd;
	int lock_fd;
	int fd;		      /* -1: there is no file that could be written */
	uint32_t file_places; /* in the file */
	uint32_t used;	      /* places that belong to a cluster */
	uint32_t top;	      /* of those, below this one something may be written */
	bool renew_file;      /* a sync failed, or it is too small: a new file before anything else */
	uint32_t damaged;     /* places with a copy that could not be read */
	uint64_t files;	      /* written as a whole, in this run */
	struct qd_grants_place *place; /* QD_GRANTS_PLACES_MAX, memory only where used */
	uint32_t *index;	       /* by cluster: place + 1 */
};

/* One grant to be made durable; `ok` is the answer. */
struct qd_grants_job {
	uint32_t place;
	uint32_t context; /* the caller's */
	bool ok;
	struct qd_witness_record record;
};

enum qd_grants_state {
	QD_GRANTS_NEW = 0, /* no file was there */
	QD_GRANTS_OWN,	   /* provably what this witness wrote last */
	QD_GRANTS_COPY,	   /* restored, copied, moved, or damaged: nothing in it is confirmed any more */
	QD_GRANTS_STATE_COUNT,
};

/* Open, read and rewrite the store. 0 and *state, also when nothing can be written now (fd -1 or an old file; why then
 * is not empty). -1: it cannot be used at all (in use by another process, a newer format, no directory), and why. */
int qd_grants_open(struct qd_grants *g, const struct qd_grants_options *options, enum qd_grants_state *state,
		   char why[QD_GRANTS_WHY_MAX]);

/* Write the file anew a last time, so that whatever is restored over it is noticed, and close. */
void qd_grants_close(struct qd_grants *g);

/* The place of a cluster, or QD_GRANTS_NONE. qd_grants_add(): a new one, or QD_GRANTS_NONE when all are taken. */
int32_t qd_grants_find(const struct qd_grants *g, const uint8_t cluster[QD_WITNESS_CLUSTER_BYTES]);
int32_t qd_grants_add(struct qd_grants *g, const uint8_t cluster[QD_WITNESS_CLUSTER_BYTES]);

/* Make all jobs durable with one sync; at most one a place. Those with ok == false surely count as not written here,
 * and are overwritten by the next one of their place. */
void qd_grants_write(struct qd_grants *g, struct qd_grants_job *jobs, uint32_t count);

/* A new file with everything in it, in the place of the old one. 0 or a negative errno. */
int qd_grants_rewrite(struct qd_grants *g);

#endif
