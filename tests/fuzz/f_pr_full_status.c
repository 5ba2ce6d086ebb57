/* SPDX-License-Identifier: Apache-2.0 */
/* Input: READ FULL STATUS data. The walk ends, moves by whole descriptors, and every name can be printed. */
#include "fuzz.h"

#include "codec/pr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qd_pr_full_status_cursor cursor;
	struct qd_pr_full_status status;
	bool begun = qd_pr_full_status_begin(data, size, &cursor);
	qd_assert(begun == (size >= 8));
	if (!begun)
		return 0;
	size_t before = cursor.at;
	while (qd_pr_full_status_next(&cursor, &status)) {
		qd_assert(cursor.at >= before + 25 && cursor.at <= size);
		before = cursor.at;
		size_t len = 0;
		while (len < sizeof(status.initiator) && status.initiator[len] != '\0') {
			qd_assert(status.initiator[len] >= 0x20 && status.initiator[len] <= 0x7e);
			len++;
		}
		qd_assert(len < sizeof(status.initiator));
		qd_assert(status.holder == (status.type != QD_PR_TYPE_NONE));
	}
	qd_assert(cursor.at == cursor.len && cursor.len <= size);
	QD_ERGO(!cursor.malformed && !cursor.truncated, before == cursor.len);
	return 0;
}
