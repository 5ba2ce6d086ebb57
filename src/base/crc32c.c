/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crc32c.h"

#include "base/assert.h"

#if defined(__SSE4_2__) && defined(__x86_64__)

#include <nmmintrin.h>
#include <string.h>

/* One instruction for every eight bytes. Chosen when the compiler may use it (-msse4.2), never at run time:
 * a switch at run time would be a global. */
static uint32_t update(uint32_t crc, const uint8_t *p, size_t len_bytes)
{
	uint64_t state = crc;
	while (len_bytes >= 8) {
		uint64_t word;
		memcpy(&word, p,
		       sizeof(word)); /* x86 is little-endian: the order that the reflected CRC wants */
		state = _mm_crc32_u64(state, word);
		p += 8;
		len_bytes -= 8;
	}
	uint32_t last = (uint32_t)state;
	for (size_t i = 0; i < len_bytes; i++)
		last = _mm_crc32_u8(last, p[i]);
	return last;
}

#else

/* Slicing by 8 (Kounavis and Berry 2005): SLICE[k][b] is the CRC of byte b followed by k zero bytes. A CRC is
 * linear over XOR, so an entry is the XOR of the entries of b's single bits, and eight constants a slice say it
 * all: the compiler computes the 2048 entries. tests/unit/t_crc32c.c compares with the definition bit by bit. */
#define BIT(b, n, value) ((value) * ((b) / (1U << (n)) % 2))
#define ENTRY(b, v0, v1, v2, v3, v4, v5, v6, v7)                                                             \
	(BIT(b, 0, v0) ^ BIT(b, 1, v1) ^ BIT(b, 2, v2) ^ BIT(b, 3, v3) ^ BIT(b, 4, v4) ^ BIT(b, 5, v5) ^     \
	 BIT(b, 6, v6) ^ BIT(b, 7, v7))
#define ROW4(b, ...)                                                                                         \
	ENTRY(b, __VA_ARGS__), ENTRY((b) + 1, __VA_ARGS__), ENTRY((b) + 2, __VA_ARGS__),                     \
		ENTRY((b) + 3, __VA_ARGS__)
#define ROW16(b, ...)                                                                                        \
	ROW4(b, __VA_ARGS__), ROW4((b) + 4, __VA_ARGS__), ROW4((b) + 8, __VA_ARGS__),                        \
		ROW4((b) + 12, __VA_ARGS__)
#define ROW64(b, ...)                                                                                        \
	ROW16(b, __VA_ARGS__), ROW16((b) + 16, __VA_ARGS__), ROW16((b) + 32, __VA_ARGS__),                   \
		ROW16((b) + 48, __VA_ARGS__)
#define SLICE_OF(...)                                                                                        \
	{                                                                                                    \
		ROW64(0, __VA_ARGS__), ROW64(64, __VA_ARGS__), ROW64(128, __VA_ARGS__),                      \
			ROW64(192, __VA_ARGS__)                                                              \
	}

static const uint32_t SLICE[8][256] = {
	SLICE_OF(0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf, 0x105ec76f, 0x20bd8ede, 0x417b1dbc,
		 0x82f63b78),
	SLICE_OF(0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8, 0x3fc5f181, 0x7f8be302, 0xff17c604,
		 0xfbc3faf9),
	SLICE_OF(0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5, 0x70a27d8a, 0xe144fb14, 0xc76580d9,
		 0x8b277743),
	SLICE_OF(0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6, 0xe964b13d, 0xd725148b, 0xaba65fe7,
		 0x52a0c93f),
	SLICE_OF(0x38116fac, 0x7022df58, 0xe045beb0, 0xc5670b91, 0x8f2261d3, 0x1ba8b557, 0x37516aae,
		 0x6ea2d55c),
	SLICE_OF(0xef306b19, 0xdb8ca0c3, 0xb2f53777, 0x6006181f, 0xc00c303e, 0x85f4168d, 0x0e045beb,
		 0x1c08b7d6),
	SLICE_OF(0x68032cc8, 0xd0065990, 0xa5e0c5d1, 0x4e2dfd53, 0x9c5bfaa6, 0x3d5b83bd, 0x7ab7077a,
		 0xf56e0ef4),
	SLICE_OF(0x493c7d27, 0x9278fa4e, 0x211d826d, 0x423b04da, 0x847609b4, 0x0d006599, 0x1a00cb32,
		 0x34019664),
};

static uint32_t update(uint32_t crc, const uint8_t *p, size_t len_bytes)
{
	while (len_bytes >= 8) {
		uint32_t low = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
				      (uint32_t)p[3] << 24);
		crc = SLICE[7][low & 0xff] ^ SLICE[6][low >> 8 & 0xff] ^ SLICE[5][low >> 16 & 0xff] ^
		      SLICE[4][low >> 24] ^ SLICE[3][p[4]] ^ SLICE[2][p[5]] ^ SLICE[1][p[6]] ^ SLICE[0][p[7]];
		p += 8;
		len_bytes -= 8;
	}
	for (size_t i = 0; i < len_bytes; i++)
		crc = crc >> 8 ^ SLICE[0][(crc ^ p[i]) & 0xff];
	return crc;
}

#endif

uint32_t qd_crc32c(uint32_t crc, const void *data, size_t len_bytes)
{
	qd_assert(data != NULL || len_bytes == 0);
	/* The register starts as ones and ends inverted (RFC 7143 13.1), so that leading and trailing zeros count;
	 * undoing the inversion lets the caller go on with a result. */
	return ~update(~crc, data, len_bytes);
}
