/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a SCSI status, then sense data. What was understood is the same in the other format. */
#include "fuzz.h"

#include "codec/sense.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct qd_sense sense = qd_sense_decode(data + 1, size - 1);
	enum qd_outcome outcome = qd_outcome_of(data[0], sense);
	qd_assert(outcome < QD_OUTCOME_COUNT && outcome != QD_OUTCOME_UNKNOWN);
	qd_assert(qd_outcome_name(outcome)[0] != '\0');
	QD_ERGO(qd_outcome_is_unit_attention(outcome), sense.valid && sense.key == 0x06);
	QD_ERGO(qd_outcome_is_unit_attention(outcome), qd_outcome_not_executed(outcome));
	QD_ERGO(!sense.valid, sense.key == 0 && sense.asc == 0 && sense.ascq == 0);

	const uint8_t descriptor[8] = {0x72, sense.key, sense.asc, sense.ascq};
	struct qd_sense again = qd_sense_decode(descriptor, sizeof(descriptor));
	QD_ERGO(sense.valid, qd_outcome_of(data[0], again) == outcome);
	return 0;
}
