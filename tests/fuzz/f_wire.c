/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a message between nodes. What was accepted is written again as the same bytes; what was not leaves nothing. */
#include "fuzz.h"

#include "codec/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct qd_msg NOTHING;
	struct qd_msg msg;
	uint8_t again[QD_WIRE_MSG_MAX];
	if (!qd_wire_msg_decode(data, size, &msg)) {
		qd_assert(memcmp(&msg, &NOTHING, sizeof(msg)) == 0);
		return 0;
	}
	qd_assert(msg.kind > QD_MSG_NONE && msg.kind < QD_MSG_KIND_COUNT);
	qd_assert(msg.from != msg.to && msg.from >= 1 && msg.from <= QD_NODES_MAX && msg.to <= QD_NODES_MAX);
	qd_assert(size <= QD_WIRE_MSG_MAX && qd_wire_msg_encode(&msg, again) == size);
	qd_assert(memcmp(again, data, size) == 0);
	return 0;
}
