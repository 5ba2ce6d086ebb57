/* SPDX-License-Identifier: Apache-2.0 */
/* Persistent reservations as commands of an iSCSI session: fills a command before it is sent, reads its data after it
 * was answered. Data buffers are the caller's. Sends nothing itself. */
#ifndef QD_DRV_PR_ISCSI_H
#define QD_DRV_PR_ISCSI_H

#include "codec/pr.h"
#include "drv/iscsi_session.h"

/* PERSISTENT RESERVE OUT; list: QD_PR_OUT_LIST_LEN bytes, borrowed until answered. */
void qd_pr_iscsi_out(struct qd_scsi_command *c, const struct qd_pr_out_args *args, uint8_t *list);

/* PERSISTENT RESERVE IN into data[len_bytes], at most 65,535. The data is filled with FFh first: an answer that says
 * GOOD without data must not look like "no keys". */
void qd_pr_iscsi_in(struct qd_scsi_command *c, enum qd_pr_in action, uint8_t *data, uint32_t len_bytes);

/* Read the data of an answered command. Its outcome, or QD_OUTCOME_GARBAGE for GOOD with data that is not what SPC-4
 * says. The out parameter is filled for GOOD only. */
enum qd_outcome qd_pr_iscsi_keys(const struct qd_scsi_command *c, struct qd_key *keys, size_t keys_max,
				 struct qd_pr_keys *out);
enum qd_outcome qd_pr_iscsi_reservation(const struct qd_scsi_command *c, struct qd_pr_reservation *out);
enum qd_outcome qd_pr_iscsi_capabilities(const struct qd_scsi_command *c, struct qd_pr_capabilities *out);

/* The allocation that asks again for the whole of a truncated READ KEYS answer; 0: it was whole, or is longer than
 * anything we look at. */
uint32_t qd_pr_iscsi_keys_again(const struct qd_scsi_command *c);

#endif
