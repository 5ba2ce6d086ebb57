/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a key file. What was accepted is printed and read again as the same keys; a refusal says where and why, wipes,
 * and shows nothing of what may be a key. */
#include "fuzz.h"

#include "drv/keyfile.h"

enum { SECRET = 24 }; /* hexadecimal digits in a row that no message may have */

static bool tells_a_secret(const char *why)
{
	size_t run = 0;
	for (size_t i = 0; why[i] != '\0' && run < SECRET; i++) {
		const char c = why[i];
		run = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ? run + 1
												 : 0;
	}
	return run >= SECRET;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct qd_keyfile NOTHING;
	struct qd_keyfile k, again;
	char text[QD_KEYFILE_BYTES_MAX + 1];
	char why[QD_KEYFILE_WHY_MAX] = "";
	if (size > sizeof text)
		size = sizeof text;
	if (size > 0)
		memcpy(text, data, size);
	if (qd_keyfile_parse("f", text, size, &k, why) != 0) {
		qd_assert(strncmp(why, "f:", 2) == 0 && !tells_a_secret(why));
		qd_assert(memcmp(&k, &NOTHING, sizeof k) == 0);
		return 0;
	}
	qd_assert(k.count >= 1 && k.count <= QD_KEYFILE_SLOTS && qd_keyfile_send_slot(&k) < k.count);
	const size_t len = qd_keyfile_print(&k, text);
	qd_assert(qd_keyfile_parse("f", text, len, &again, why) == 0);
	qd_assert(again.count == k.count && memcmp(again.cluster, k.cluster, sizeof k.cluster) == 0);
	for (uint32_t i = 0; i < k.count; i++) {
		qd_assert(again.slot[i].number == k.slot[i].number && again.slot[i].use == k.slot[i].use);
		qd_assert(memcmp(again.slot[i].key, k.slot[i].key, sizeof k.slot[i].key) == 0);
	}
	return 0;
}
