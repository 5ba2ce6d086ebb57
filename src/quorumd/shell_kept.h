/* SPDX-License-Identifier: Apache-2.0 */
/* What the node keeps durably for its views (struct qd_kept, docs/KEPT.md), on its own disk beside the incarnation, and
 * the bodies of the configuration: read at the start, written by a thread of its own, so that a slow disk holds up no
 * heartbeat and no renewal. One job at a time; everything is allocated by qd_kept_open(). */
#ifndef QD_QUORUMD_SHELL_KEPT_H
#define QD_QUORUMD_SHELL_KEPT_H

#include "codec/kept.h"
#include "quorumd/bodies.h"

enum {
	QD_KEPT_WHY_MAX = QD_BODIES_WHY_MAX,
	QD_KEPT_DIR_MAX = 256,
};

struct qd_kept_store;

struct qd_kept_options {
	const char *state_dir;
	uint32_t node_id;
	uint8_t machine_id[QD_QDISK_ID_BYTES];
	uint8_t cluster_id[QD_KEPT_CLUSTER_BYTES]; /* of the key file */
	/* Of a store that is made, or still untouched: the head from the configuration file (its body's digest is filled
	 * in here), and the body. */
	const struct qd_head *first;
	const char *first_body;
	size_t first_body_bytes;
};

/* What was found. */
enum qd_kept_found {
	QD_KEPT_FOUND_OWN = 0, /* this node's own store */
	QD_KEPT_FOUND_NEW,     /* there was none: no vote */
	QD_KEPT_FOUND_COPIED,  /* of this node, but copied or restored from a copy: no vote */
	QD_KEPT_FOUND_LOST,    /* damaged: as new, no vote */
	QD_KEPT_FOUND_COUNT,
};

/* A node that has said nothing to anybody yet: its configuration is still that of its file. */
static inline bool qd_kept_untouched(const struct qd_kept *kept)
{
	return kept->promised == 0 && kept->installed.epoch == 0;
}

/* The newest head in state_dir, whoever wrote it. 0; -QD_ERR_NOT_FOUND: there is none; -QD_ERR_REFUSED (a newer format)
 * or -QD_ERR_IO and why[QD_KEPT_WHY_MAX]. */
int qd_kept_peek(const char *state_dir, struct qd_head *head, char *why);

/* The same before the start, when which configuration counts is to be known, and the node's own name is not yet:
 * -QD_ERR_NOT_FOUND for an untouched store, too, because then the file counts. */
int qd_kept_peek_used(const char *state_dir, struct qd_head *head, char *why);

/* Read the store, or make it, and make durable what was read; start the thread. *kept is what the core begins with. 0;
 * -QD_ERR_REFUSED: of another machine, node or cluster, or of a newer format; -QD_ERR_NOT_FOUND: the body that the head
 * names is not there; -QD_ERR_IO, -QD_ERR_NOMEM. `why` says what to do; with 0 and another *found than OWN, what there is
 * to know (for the log), else "". The caller ends it with qd_kept_close(). */
int qd_kept_open(const struct qd_kept_options *options, struct qd_kept_store **out, struct qd_kept *kept,
		 enum qd_kept_found *found, char *why);

/* `cluster create`: the first store of a node, with a vote. -QD_ERR_REFUSED: there is one already. No thread. */
int qd_kept_create(const struct qd_kept_options *options, char *why);

/* Readable when qd_kept_done() or qd_kept_body_done() has something to say; ask both. */
int qd_kept_fd(const struct qd_kept_store *s);

/* ---- what is kept: one job at a time */

/* No job is under way: the next one may be given. */
bool qd_kept_idle(const struct qd_kept_store *s);

/* QD_ACTION_KEEP: make *kept (copied) durable, and before it the body that its head names: `body` (borrowed until the job
 * is done), or NULL where it is in the store already. Only when idle. */
void qd_kept_write_async(struct qd_kept_store *s, uint64_t turn, const struct qd_kept *kept, const char *body,
			 size_t body_bytes);

/* Whether that job is done. Then *turn is its turn, *ok whether it is durable; if not, what was kept before still is, and
 * why[QD_KEPT_WHY_MAX] says what is wrong. With *ok, `why` may name a lesser trouble (the history), else it is "". */
bool qd_kept_done(struct qd_kept_store *s, uint64_t *turn, bool *ok, char *why);

/* ---- bodies alone, and the history, for operators and other nodes: one job at a time; what is to be kept comes first */

enum qd_body_job_kind {
	QD_BODY_JOB_NONE = 0,
	QD_BODY_JOB_PUT,     /* make `text` durable: before QD_EVENT_CHANGE; the digest is in the result */
	QD_BODY_JOB_GET,     /* the body of `digest` into to[cap_bytes] */
	QD_BODY_JOB_HISTORY, /* which bodies were in force, oldest first */
	QD_BODY_JOB_COUNT,
};

struct qd_body_job {
	enum qd_body_job_kind kind;
	uint64_t turn;
	const char *text; /* borrowed until the job is done */
	size_t text_bytes;
	char *to; /* borrowed until the job is done */
	size_t cap_bytes;
	uint8_t digest[QD_DIGEST_BYTES];
};

struct qd_body_result {
	uint64_t turn;
	int status; /* 0; -QD_ERR_NOT_FOUND, -QD_ERR_INVALID (too long) or -QD_ERR_IO, and why */
	uint8_t digest[QD_DIGEST_BYTES];
	size_t body_bytes; /* of GET */
	uint32_t count;	   /* of HISTORY */
	struct qd_body_entry history[QD_BODIES_HISTORY];
	char why[QD_KEPT_WHY_MAX];
};

bool qd_kept_body_idle(const struct qd_kept_store *s);
void qd_kept_body_async(struct qd_kept_store *s, const struct qd_body_job *job);

/* The result, valid until the next such job; NULL: none is done. */
const struct qd_body_result *qd_kept_body_done(struct qd_kept_store *s);

/* Ends the thread. One that hangs in the disk is left behind after two seconds, with its memory: the process ends. */
void qd_kept_close(struct qd_kept_store *s);

#endif
