/* SPDX-License-Identifier: Apache-2.0 */
/* Input: room for so many keys, then READ KEYS data. The keys that were taken are the bytes that were given. */
#include "fuzz.h"

#include "codec/pr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct qd_key keys[255];
	static uint8_t bytes[8 + 8 * 255];
	struct qd_pr_keys k;
	if (size == 0)
		return 0;
	size_t room = *data++;
	size--;
	bool good = qd_pr_keys_decode(data, size, keys, room, &k);
	QD_ERGO(size < 8, !good);
	if (!good) {
		qd_assert(k.count == 0 && k.total_count == 0);
		return 0;
	}
	qd_assert(k.count <= room && k.count <= k.total_count && 8 + 8 * (size_t)k.count <= size);
	qd_assert(k.count == k.total_count || k.count == room || k.needed_bytes > size);

	size_t len = qd_pr_keys_encode(k.generation, keys, k.count, bytes, sizeof(bytes));
	qd_assert(len == 8 + 8 * (size_t)k.count);
	qd_assert(memcmp(bytes, data, 4) == 0 && memcmp(bytes + 8, data + 8, len - 8) == 0);
	QD_ERGO(k.count == k.total_count, memcmp(bytes, data, len) == 0 && k.needed_bytes == len);
	return 0;
}
