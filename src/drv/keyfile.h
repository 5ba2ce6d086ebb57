/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster's key file (docs/WIRE.md): which cluster this is, and one or two keys, so that a key can be changed while
 * the cluster runs. A text file, the same on every node and on the witness. Not for a real-time path: it reads and writes
 * files. Nothing here prints a key or says a part of one. */
#ifndef QD_DRV_KEYFILE_H
#define QD_DRV_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	QD_KEYFILE_KEY_BYTES = 32,
	QD_KEYFILE_CLUSTER_BYTES = 16,
	QD_KEYFILE_SLOTS = 2,
	QD_KEYFILE_NUMBER_MAX = 999999999, /* of a key: nine digits */
	QD_KEYFILE_BYTES_MAX = 4096,	   /* room for comments */
	QD_KEYFILE_WHY_MAX = 640,
};

struct qd_keyfile_slot {
	uint32_t number; /* 1 .. QD_KEYFILE_NUMBER_MAX; the newer key's is higher */
	bool use;	 /* may be sent with; false: packets sealed with it are taken, no more */
	uint8_t key[QD_KEYFILE_KEY_BYTES];
};

struct qd_keyfile {
	uint8_t cluster[QD_KEYFILE_CLUSTER_BYTES];
	uint32_t count;				       /* of slots: 1 or 2, at least one to use */
	struct qd_keyfile_slot slot[QD_KEYFILE_SLOTS]; /* older first */
};

/* A new cluster: random id, random key 1 to use. 0, or -QD_ERR_IO (libsodium does not start). */
int qd_keyfile_make(struct qd_keyfile *out);

/* The three steps of changing the key: each is done once, and brought to every machine before the next. 0, or
 * -QD_ERR_REFUSED and why: this step is not the next one. */
int qd_keyfile_add(struct qd_keyfile *k,
		   char why[QD_KEYFILE_WHY_MAX]); /* a second key, taken but not sent with */
int qd_keyfile_use(struct qd_keyfile *k,
		   char why[QD_KEYFILE_WHY_MAX]); /* send with it; the old one is still taken */
int qd_keyfile_retire(struct qd_keyfile *k, char why[QD_KEYFILE_WHY_MAX]); /* the old one is taken no more */

/* Read and check a file. 0, or what qd_secret_file_open() says, or -QD_ERR_CONFIG; why says file, line, what was
 * expected and what was found; *out is then wiped. */
int qd_keyfile_read(const char *file, struct qd_keyfile *out, char why[QD_KEYFILE_WHY_MAX]);

/* The same of the contents of a file, which `file` names; text[QD_KEYFILE_BYTES_MAX + 1] is cut up. */
int qd_keyfile_parse(const char *file, char *text, size_t len_bytes, struct qd_keyfile *out,
		     char why[QD_KEYFILE_WHY_MAX]);

/* What a file of these keys holds: a secret, for the caller to wipe. The length; there is no final NUL to count on. */
size_t qd_keyfile_print(const struct qd_keyfile *k, char text[QD_KEYFILE_BYTES_MAX]);

/* Write a new file, mode 0600, durably; -QD_ERR_IO and why: it could not be, or there is one of this name. */
int qd_keyfile_create(const char *file, const struct qd_keyfile *k, char why[QD_KEYFILE_WHY_MAX]);

/* Put it in the place of an existing file, as a whole and durably, with the same owner. `FILE.new` is there meanwhile. */
int qd_keyfile_replace(const char *file, const struct qd_keyfile *k, char why[QD_KEYFILE_WHY_MAX]);

/* The slot to send with: the newest one to use. */
uint32_t qd_keyfile_send_slot(const struct qd_keyfile *k);

void qd_keyfile_wipe(struct qd_keyfile *k);

#endif
