/* SPDX-License-Identifier: Apache-2.0 */
/* Input: what the rest is taken for (even: a request, odd: an answer of the witness), then its bytes. What was accepted
 * is written again as the same bytes. */
#include "fuzz.h"

#include "codec/wire.h"

static void request(const uint8_t *data, size_t size)
{
	struct qd_witness_request r;
	uint8_t again[QD_WIRE_WITNESS_REQUEST_BYTES];
	bool good = qd_wire_witness_request_decode(data, size, &r);
	QD_ERGO(!good, r.node == 0 && r.id == 0);
	if (!good)
		return;
	qd_assert(size == sizeof(again) && r.node >= 1 && r.node <= QD_NODES_MAX &&
		  r.ask < QD_WITNESS_ASK_COUNT);
	qd_wire_witness_request_encode(&r, again);
	qd_assert(memcmp(again, data, size) == 0);
}

static void answer(const uint8_t *data, size_t size)
{
	struct qd_witness_answer a;
	uint8_t again[QD_WIRE_WITNESS_ANSWER_BYTES];
	bool good = qd_wire_witness_answer_decode(data, size, &a);
	QD_ERGO(!good, a.verdict == QD_WITNESS_OK && a.id == 0 && a.epoch == 0);
	if (!good)
		return;
	qd_assert(size == sizeof(again) && a.holder <= QD_NODES_MAX && a.verdict < QD_WITNESS_VERDICT_COUNT);
	qd_wire_witness_answer_encode(&a, again);
	qd_assert(memcmp(again, data, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] % 2 == 0)
		request(data + 1, size - 1);
	else
		answer(data + 1, size - 1);
	return 0;
}
