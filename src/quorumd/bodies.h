/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of the configuration in state_dir/config, named by their digest, and the history of those that were in force
 * here (docs/KEPT.md). What is written is durable when the call returns; what is read is what was written. Blocks as files
 * do; allocates nothing. One user at a time. */
#ifndef QD_QUORUMD_BODIES_H
#define QD_QUORUMD_BODIES_H

#include "core/head.h"

#include <stddef.h>

enum {
	QD_BODIES_DIR_MAX = 288, /* state_dir and "/config" */
	QD_BODIES_WHY_MAX = 1024,
	QD_BODIES_HISTORY = 64,
	QD_BODIES_CHUNK_BYTES = 64 * 1024,
};

/* A body that came into force: with which tag, and when (for people). */
struct qd_body_entry {
	struct qd_tag tag;
	uint64_t unix_s;
	uint8_t digest[QD_DIGEST_BYTES];
};

struct qd_bodies {
	char dir[QD_BODIES_DIR_MAX];
	uint32_t count;
	struct qd_body_entry history[QD_BODIES_HISTORY]; /* oldest first */
	uint32_t damaged;				 /* lines of the history that could not be read */
	uint8_t chunk[QD_BODIES_CHUNK_BYTES];
};

/* BLAKE2b-256. */
void qd_body_digest(const char *text, size_t len_bytes, uint8_t digest[QD_DIGEST_BYTES]);

/* Make the directory where it is missing, and read the history. 0, or -QD_ERR_IO and why[QD_BODIES_WHY_MAX]. */
int qd_bodies_open(struct qd_bodies *b, const char *state_dir, char *why);

/* Make a body durable under its digest. One that is there already, and is right, is left as it is. 0, -QD_ERR_INVALID
 * (empty, or longer than QD_BODY_BYTES_MAX), or -QD_ERR_IO and why; then nothing has changed. */
int qd_bodies_write(struct qd_bodies *b, const char *text, size_t len_bytes, uint8_t digest[QD_DIGEST_BYTES],
		    char *why);

/* The body of this digest is there, and is what it was: 0, -QD_ERR_NOT_FOUND or -QD_ERR_IO (damaged) and why. */
int qd_bodies_check(struct qd_bodies *b, const uint8_t digest[QD_DIGEST_BYTES], char *why);

/* The same, and read it into to[cap_bytes]; longer ones are damaged. */
int qd_bodies_read(struct qd_bodies *b, const uint8_t digest[QD_DIGEST_BYTES], char *to, size_t cap_bytes,
		   size_t *len_bytes, char *why);

/* It is in force from now on. The same body as before (a new epoch, a change of votes) is no news. The 65th takes the
 * place of the oldest, whose body goes when no other entry names it. 0, or -QD_ERR_IO and why. */
int qd_bodies_note(struct qd_bodies *b, const struct qd_body_entry *entry, char *why);

/* Remove what nobody names: neither the history nor `kept` (NULL: none). For the start: what was never taken into force
 * is left behind until then. */
void qd_bodies_sweep(struct qd_bodies *b, const uint8_t kept[QD_DIGEST_BYTES]);

#endif
