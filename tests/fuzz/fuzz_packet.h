/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster whose packets the targets open: that of tests/drv/t_packet.c. */
#ifndef QD_TESTS_FUZZ_PACKET_H
#define QD_TESTS_FUZZ_PACKET_H

#include "drv/packet.h"

enum {
	FUZZ_KEY_NUMBER = 7,
	FUZZ_NONCE_AT = 25, /* in an envelope */
};

static inline struct qd_keyfile fuzz_keys(void)
{
	struct qd_keyfile k = {.count = 1, .slot = {{.number = FUZZ_KEY_NUMBER, .use = true}}};
	for (size_t i = 0; i < sizeof(k.cluster); i++)
		k.cluster[i] = (uint8_t)(0xc0 + i);
	for (size_t i = 0; i < sizeof(k.slot[0].key); i++)
		k.slot[0].key[i] = (uint8_t)(1 + i);
	return k;
}

#endif
