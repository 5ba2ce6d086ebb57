/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a packet between quorumd and quorum-api, or quorumd and quorum-runner; its first byte says which. What was accepted
 * is written again as the same bytes. */
#include "fuzz.h"

#include "quorumd/control_wire.h"
#include "runner/runner_proto.h"

enum { FUZZ_REQUEST = 0, FUZZ_ANSWER, FUZZ_ORDER, FUZZ_REPORT, FUZZ_WHICH };

static uint8_t again[QD_CONTROL_PACKET_MAX];

static void request(const uint8_t *data, size_t size)
{
	struct qd_control_request r;
	if (!qd_control_request_decode(data, size, &r))
		return;
	qd_assert(r.ask > QD_ASK_NONE && r.ask < QD_ASK_COUNT);
	qd_assert(qd_control_request_encode(&r, again, sizeof again) == size &&
		  memcmp(again, data, size) == 0);
}

static void answer(const uint8_t *data, size_t size)
{
	static struct qd_control_answer a;
	if (size > sizeof again || !qd_control_answer_decode(data, size, &a))
		return;
	qd_assert(a.tell > QD_TELL_NONE && a.tell < QD_TELL_COUNT);
	qd_assert(qd_control_answer_encode(&a, again, sizeof again) == size &&
		  memcmp(again, data, size) == 0);
}

static void order(const uint8_t *data, size_t size)
{
	struct qd_order o;
	if (!qd_order_decode(data, size, &o))
		return;
	qd_assert(o.kind > QD_ORDER_NONE && o.kind < QD_ORDER_KIND_COUNT);
	qd_assert(qd_order_encode(&o, again, sizeof again) == size && memcmp(again, data, size) == 0);
}

static void report(const uint8_t *data, size_t size)
{
	struct qd_runner_message m;
	if (!qd_runner_message_decode(data, size, &m))
		return;
	qd_assert(m.tell > QD_RUNNER_TELL_NONE && m.tell < QD_RUNNER_TELL_COUNT);
	qd_assert(qd_runner_message_encode(&m, again, sizeof again) == size &&
		  memcmp(again, data, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const kinds[FUZZ_WHICH])(const uint8_t *, size_t) = {
		[FUZZ_REQUEST] = request,
		[FUZZ_ANSWER] = answer,
		[FUZZ_ORDER] = order,
		[FUZZ_REPORT] = report,
	};
	if (size > 0)
		kinds[data[0] % FUZZ_WHICH](data + 1, size - 1);
	return 0;
}
