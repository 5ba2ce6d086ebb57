/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/pr_iscsi.h"

#include <string.h>

enum {
	KEYS_BYTES_MAX = 8 + 8 * QD_PR_KEYS_MAX,
	POISON = 0xff, /* no length of parameter data: neither a multiple of 8 nor 16 */
};

void qd_pr_iscsi_out(struct qd_scsi_command *c, const struct qd_pr_out_args *args, uint8_t *list)
{
	c->cdb_len = QD_PR_CDB_LEN;
	qd_pr_out_encode(args, c->cdb, list);
	c->direction = QD_SCSI_OUT;
	c->data = list;
	c->len_bytes = QD_PR_OUT_LIST_LEN;
}

void qd_pr_iscsi_in(struct qd_scsi_command *c, enum qd_pr_in action, uint8_t *data, uint32_t len_bytes)
{
	qd_assert(len_bytes > 0 && len_bytes <= UINT16_MAX);
	memset(data, POISON, len_bytes);
	c->cdb_len = QD_PR_CDB_LEN;
	qd_pr_in_encode(action, (uint16_t)len_bytes, c->cdb);
	c->direction = QD_SCSI_IN;
	c->data = data;
	c->len_bytes = len_bytes;
}

enum qd_outcome qd_pr_iscsi_keys(const struct qd_scsi_command *c, struct qd_key *keys, size_t keys_max,
				 struct qd_pr_keys *out)
{
	if (c->outcome != QD_OUTCOME_GOOD)
		return c->outcome;
	bool ok = qd_pr_keys_decode(c->data, c->received_bytes, keys, keys_max, out);
	return ok ? QD_OUTCOME_GOOD : QD_OUTCOME_GARBAGE;
}

enum qd_outcome qd_pr_iscsi_reservation(const struct qd_scsi_command *c, struct qd_pr_reservation *out)
{
	if (c->outcome != QD_OUTCOME_GOOD)
		return c->outcome;
	return qd_pr_reservation_decode(c->data, c->received_bytes, out) ? QD_OUTCOME_GOOD
									 : QD_OUTCOME_GARBAGE;
}

enum qd_outcome qd_pr_iscsi_capabilities(const struct qd_scsi_command *c, struct qd_pr_capabilities *out)
{
	if (c->outcome != QD_OUTCOME_GOOD)
		return c->outcome;
	return qd_pr_capabilities_decode(c->data, c->received_bytes, out) ? QD_OUTCOME_GOOD
									  : QD_OUTCOME_GARBAGE;
}

uint32_t qd_pr_iscsi_keys_again(const struct qd_scsi_command *c)
{
	struct qd_pr_keys keys;
	if (c->outcome != QD_OUTCOME_GOOD || !qd_pr_keys_decode(c->data, c->received_bytes, NULL, 0, &keys))
		return 0;
	if (keys.needed_bytes <= c->len_bytes || c->len_bytes >= KEYS_BYTES_MAX)
		return 0;
	return keys.needed_bytes < KEYS_BYTES_MAX ? keys.needed_bytes : KEYS_BYTES_MAX;
}
