/* SPDX-License-Identifier: Apache-2.0 */
#include "core/witness_msg.h"

const char *qd_witness_verdict_name(enum qd_witness_verdict verdict)
{
	static const char *const names[QD_WITNESS_VERDICT_COUNT] = {
		[QD_WITNESS_OK] = "ok",
		[QD_WITNESS_HELD] = "held",
		[QD_WITNESS_OLD_EPOCH] = "old epoch",
		[QD_WITNESS_OLD_TAG] = "old tag",
		[QD_WITNESS_UNCONFIRMED] = "unconfirmed",
		[QD_WITNESS_NOT_HOLDER] = "not the holder",
		[QD_WITNESS_STORE] = "store failed",
		[QD_WITNESS_SESSION] = "other session",
	};
	qd_assert((unsigned)verdict < QD_WITNESS_VERDICT_COUNT);
	return names[verdict];
}
