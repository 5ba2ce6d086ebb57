/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets share. A property that does not hold fails an assertion, which libFuzzer reports. */
#ifndef QD_TESTS_FUZZ_H
#define QD_TESTS_FUZZ_H

#include "base/assert.h"
#include "base/crc32c.h"
#include "codec/qdisk.h"
#include "codec/qdisk_fields.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte of an input for the disk format: how to make a sector of the rest. */
enum {
	FUZZ_LARGE = 0x01, /* 4096 bytes, else 512 */
	FUZZ_SEAL = 0x02,  /* right checksum, so that the contents get a chance */
	FUZZ_RAW = 0x04,   /* no sector: the input as it is, of any length */
};

/* Make a sector of the input (missing bytes are zeros). Returns its length. */
static inline size_t fuzz_sector(const uint8_t *data, size_t size, uint8_t sector[QD_QDISK_SECTOR_MAX])
{
	memset(sector, 0, QD_QDISK_SECTOR_MAX);
	if (size == 0)
		return 0;
	uint8_t mode = *data++;
	size--;
	size_t len = (mode & FUZZ_LARGE) != 0 ? QD_QDISK_SECTOR_MAX : 512;
	if (size > len)
		size = len;
	if (size > 0)
		memcpy(sector, data, size);
	if ((mode & FUZZ_RAW) != 0)
		return size;
	if ((mode & FUZZ_SEAL) != 0) {
		uint32_t crc = qd_crc32c(0, sector, QD_QDISK_CRC_AT);
		for (size_t i = 0; i < QD_QDISK_CRC_BYTES; i++)
			sector[QD_QDISK_CRC_AT + i] = (uint8_t)(crc >> 8 * i);
	}
	return len;
}

#endif
