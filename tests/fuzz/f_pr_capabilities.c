/* SPDX-License-Identifier: Apache-2.0 */
/* Input: REPORT CAPABILITIES data. What was accepted comes back the same, and no bit appears that was not there. */
#include "fuzz.h"

#include "codec/pr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qd_pr_capabilities c;
	struct qd_pr_capabilities again;
	uint8_t bytes[8];
	uint8_t twice[8];
	if (!qd_pr_capabilities_decode(data, size, &c))
		return 0;
	qd_assert(size >= sizeof(bytes) &&
		  qd_pr_capabilities_encode(&c, bytes, sizeof(bytes)) == sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		qd_assert((bytes[i] & ~data[i]) == 0);
	qd_assert(qd_pr_capabilities_decode(bytes, sizeof(bytes), &again));
	qd_assert(qd_pr_capabilities_encode(&again, twice, sizeof(twice)) == sizeof(twice));
	qd_assert(memcmp(bytes, twice, sizeof(bytes)) == 0);
	return 0;
}
