/* SPDX-License-Identifier: Apache-2.0 */
/* What the disk subcommands share: the LUN behind a URL, opened; what lies on it; how keys are shown. */
#ifndef QD_QUORUMCTL_DISK_H
#define QD_QUORUMCTL_DISK_H

#include "codec/qdisk.h"
#include "ctl.h"
#include "drv/disk_tool.h"
#include "quorumd/conf.h"

enum {
	QD_DISK_KEY_TEXT = 96,
	QD_DISK_UUID_TEXT = 37,
	QD_DISK_LIMIT_MS = 5000, /* of every command: a disk that needs longer is of no use for arbitration */
};

/* Options that every disk subcommand takes. */
struct qd_disk_options {
	const char *url;
	const char *config; /* credentials, digests and, without a URL, the first path come from it */
	const char *user;
	const char *secret_file;
	const char *mutual_user;
	const char *mutual_secret_file;
	const char *initiator;
};

enum { QD_DISK_OPTION_COUNT = 7 };

/* Fill the first QD_DISK_OPTION_COUNT places of a table. */
void qd_disk_options_fill(struct qd_disk_options *o, struct qd_ctl_option *table);

struct qd_disk {
	const char *name; /* the subcommand, for messages */
	struct qd_conf_path path;
	struct qd_conf conf; /* with --config */
	struct qd_iscsi_target target;
	struct qd_disk_tool *tool;
	struct qd_disk_info info;
};

/* Log in and ask for capacity and identity. 0, or the exit status after a message; then nothing is open. */
int qd_disk_open(const char *name, const struct qd_disk_options *options, struct qd_disk *d);
void qd_disk_close(struct qd_disk *d);

/* A second session under another initiator name; NULL after a message. The caller closes it. */
struct qd_disk_tool *qd_disk_open_second(const struct qd_disk *d, const char *suffix);

/* "DISK NAME: URL: text" as a message; `error` of errors.h becomes the exit status. */
int qd_disk_refuse(const struct qd_disk *d, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for a command that did not end well: what, outcome and sense. */
int qd_disk_failed(const struct qd_disk *d, const char *what, enum qd_outcome outcome);

/* The keys that are registered. 0, or the exit status after a message, also where there are no reservations. */
int qd_disk_read_keys(const struct qd_disk *d, struct qd_key list[QD_PR_KEYS_MAX], struct qd_pr_keys *keys);

/* One PERSISTENT RESERVE OUT of a trial, for a reservation of type Write Exclusive. */
enum qd_outcome qd_disk_pr(struct qd_disk_tool *t, enum qd_pr_out action, uint64_t key, uint64_t sa_key,
			   bool aptpl);

void qd_disk_uuid_text(const uint8_t uuid[QD_QDISK_UUID_BYTES], char to[QD_DISK_UUID_TEXT]);

/* A key with its parts: "0x... (node 1, incarnation 7, beat 12)". */
void qd_disk_key_text(struct qd_key key, char to[QD_DISK_KEY_TEXT]);

/* What is on the part of the LUN that a format overwrites, and on the rest of its ends. */
struct qd_disk_content {
	bool empty;
	bool ours; /* a superblock of ours, whatever its state */
	enum qd_qdisk_verdict verdict;
	struct qd_superblock superblock; /* with QD_QDISK_OK */
	const char *what;	    /* "an ext2, ext3 or ext4 file system", "data"; not empty, not ours */
	char id[QD_DISK_UUID_TEXT]; /* what --force must say: our UUID, else the first bytes of a hash of the content */
};

/* Read it. 0, or the exit status after a message. */
int qd_disk_content_read(const struct qd_disk *d, struct qd_disk_content *out);

/* The name of what a signature in the first bytes of a disk says; NULL: none that is known. Pure. */
const char *qd_disk_signature(const uint8_t *head, size_t head_len, const uint8_t *tail, size_t tail_len);

/* All owner records; [i] is node i+1's. 0, or the exit status after a message. */
int qd_disk_records_read(const struct qd_disk *d, const struct qd_superblock *s,
			 struct qd_owner_record records[QD_NODE_ID_MAX]);

qd_ctl_run qd_disk_format_run;
qd_ctl_run qd_disk_show_run;
qd_ctl_run qd_disk_check_run;

/* The two steps of the power-loss test (protocol case 15). The exit status. */
int qd_disk_power_before(struct qd_disk *d);
int qd_disk_power_after(struct qd_disk *d);

#endif
