/* SPDX-License-Identifier: Apache-2.0 */
/* Input: ten bytes of CDB, then the parameter list of PERSISTENT RESERVE OUT. What was accepted comes back the same. */
#include "fuzz.h"

#include "codec/pr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qd_pr_out_args args;
	struct qd_pr_out_args again;
	uint8_t cdb[QD_PR_CDB_LEN];
	uint8_t list[QD_PR_OUT_LIST_LEN];
	size_t cdb_len = size < sizeof(cdb) ? size : sizeof(cdb);
	if (!qd_pr_out_decode(data, cdb_len, data + cdb_len, size - cdb_len, &args)) {
		qd_assert(qd_key_is_none(args.key) && qd_key_is_none(args.sa_key));
		return 0;
	}
	qd_assert(qd_pr_out_name(args.action)[0] != '\0' && qd_pr_type_name(args.type)[0] != '\0');
	qd_pr_out_encode(&args, cdb, list);
	qd_assert(memcmp(list, data + sizeof(cdb), 16) == 0);
	qd_assert(qd_pr_out_decode(cdb, sizeof(cdb), list, sizeof(list), &again));
	qd_assert(again.action == args.action && again.type == args.type && again.aptpl == args.aptpl);
	qd_assert(qd_key_equal(again.key, args.key) && qd_key_equal(again.sa_key, args.sa_key));
	return 0;
}
