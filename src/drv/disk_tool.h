/* SPDX-License-Identifier: Apache-2.0 */
/* One LUN, synchronously: for quorumctl's disk subcommands and for tests. Every call runs a private loop until its
 * answer or its deadline; nothing is repeated by itself. Not for the daemon. Prints nothing.
 * The cluster tag of a new superblock is qd_cluster_tag() of drv/disk_iscsi.h. */
#ifndef QD_DRV_DISK_TOOL_H
#define QD_DRV_DISK_TOOL_H

#include "base/time.h"
#include "codec/pr.h"
#include "codec/sense.h"
#include "drv/iscsi_target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	QD_DISK_TOOL_WHY_MAX = 512,
	QD_DISK_TOOL_TRANSFER_MAX = 1 << 20, /* bytes in one qd_disk_tool_read() or _write() */
	QD_DISK_TOOL_UA_RETRIES = 8,	     /* unit attentions that a call takes before it gives up */
};

struct qd_disk_tool; /* opaque: one session to one LUN */

struct qd_disk_info {
	uint64_t sectors;
	uint32_t sector_bytes;
	bool write_protected; /* WP of the mode parameter header; false if MODE SENSE is not supported */
	bool dpofua;	      /* the device-specific parameter says that FUA is supported */
	char vendor[9];	      /* INQUIRY, blanks at the end removed, NUL-terminated */
	char product[17];
	char revision[5];
	uint8_t device_type; /* 0: direct access block device */
	char designator[80]; /* INQUIRY page 83h, the best of naa., eui., t10.; "" if there is none */
};

/* Resolve, connect and log in, within `limit`. target: copied. 0 and *out (the caller closes it), or
 * -QD_ERR_NOT_FOUND (name), -QD_ERR_UNREACHABLE, -QD_ERR_AUTH, -QD_ERR_TIMEOUT, -QD_ERR_PROTOCOL, -QD_ERR_NOMEM,
 * -QD_ERR_INVALID with a sentence in why[QD_DISK_TOOL_WHY_MAX] and *out = NULL. */
int qd_disk_tool_open(const struct qd_iscsi_target *target, struct qd_span limit, struct qd_disk_tool **out,
		      char why[QD_DISK_TOOL_WHY_MAX]);

/* Log out where possible, and free. NULL is allowed. */
void qd_disk_tool_close(struct qd_disk_tool *t);

/* The time that each of the calls below may take. Default: the limit given to qd_disk_tool_open(). */
void qd_disk_tool_set_limit(struct qd_disk_tool *t, struct qd_span limit);

/* All calls below answer how the command ended. QD_OUTCOME_UNKNOWN: no answer in time, or the session is lost; every
 * later call then answers the same, so close and open again. Unit attentions are taken and the command is sent again
 * (it was not executed), at most QD_DISK_TOOL_UA_RETRIES times; qd_disk_tool_unit_attention() tells the last. */

/* The last outcome as a sentence, with sense data; borrowed until the next call. */
const char *qd_disk_tool_why(const struct qd_disk_tool *t);

/* The last unit attention since the previous call of this function, QD_OUTCOME_UNKNOWN: none. */
enum qd_outcome qd_disk_tool_unit_attention(struct qd_disk_tool *t);

/* Capacity, INQUIRY, write protection. GOOD: *info is filled. */
enum qd_outcome qd_disk_tool_info(struct qd_disk_tool *t, struct qd_disk_info *info);

/* Sectors lba .. lba+count-1; count * sector_bytes <= QD_DISK_TOOL_TRANSFER_MAX. The first call asks for the capacity
 * if nothing else has. Writes are durable when GOOD: FUA, or SYNCHRONIZE CACHE where FUA is refused. */
enum qd_outcome qd_disk_tool_read(struct qd_disk_tool *t, uint64_t lba, uint32_t count, uint8_t *to);
enum qd_outcome qd_disk_tool_write(struct qd_disk_tool *t, uint64_t lba, uint32_t count, const uint8_t *from);
enum qd_outcome qd_disk_tool_synchronize(struct qd_disk_tool *t); /* the whole cache */

/* Persistent reservations, as codec/pr.h has them. */
enum qd_outcome qd_disk_tool_pr_out(struct qd_disk_tool *t, const struct qd_pr_out_args *args);
/* keys[] has keys_max places; asked again larger when truncated, up to QD_PR_KEYS_MAX keys. */
enum qd_outcome qd_disk_tool_read_keys(struct qd_disk_tool *t, struct qd_key *keys, size_t keys_max,
				       struct qd_pr_keys *out);
enum qd_outcome qd_disk_tool_read_reservation(struct qd_disk_tool *t, struct qd_pr_reservation *out);
enum qd_outcome qd_disk_tool_capabilities(struct qd_disk_tool *t, struct qd_pr_capabilities *out);
/* GOOD: *cursor is at the first descriptor; its data is borrowed until the next call. UNSUPPORTED on tgt. */
enum qd_outcome qd_disk_tool_full_status(struct qd_disk_tool *t, struct qd_pr_full_status_cursor *cursor);

/* Any other command, for the disk check: cdb of 6, 10, 12 or 16 bytes; exactly one of out_data, in_data or none.
 * in_len_bytes: capacity in, received out (may be NULL without in_data). Unit attentions are not repeated here. */
enum qd_outcome qd_disk_tool_command(struct qd_disk_tool *t, const uint8_t *cdb, size_t cdb_len,
				     const uint8_t *out_data, size_t out_len_bytes, uint8_t *in_data,
				     size_t *in_len_bytes);

/* The sense of the last CHECK CONDITION; valid = false if the last command ended otherwise. */
struct qd_sense qd_disk_tool_sense(const struct qd_disk_tool *t);

#endif
