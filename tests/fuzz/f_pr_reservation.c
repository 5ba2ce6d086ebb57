/* SPDX-License-Identifier: Apache-2.0 */
/* Input: READ RESERVATION data. What was accepted comes back the same. */
#include "fuzz.h"

#include "codec/pr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qd_pr_reservation r;
	struct qd_pr_reservation again;
	uint8_t bytes[24];
	if (!qd_pr_reservation_decode(data, size, &r)) {
		qd_assert(!r.held && qd_key_is_none(r.holder) && r.generation == 0);
		return 0;
	}
	QD_ERGO(r.held, size >= sizeof(bytes) && qd_pr_type_name(r.type)[0] != '\0');
	size_t len = qd_pr_reservation_encode(&r, bytes, sizeof(bytes));
	qd_assert(len == (r.held ? sizeof(bytes) : 8) && memcmp(bytes, data, 8) == 0);
	qd_assert(qd_pr_reservation_decode(bytes, len, &again));
	qd_assert(again.generation == r.generation && again.held == r.held && again.type == r.type);
	qd_assert(qd_key_equal(again.holder, r.holder));
	return 0;
}
