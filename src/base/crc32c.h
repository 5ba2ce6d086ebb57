/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C (Castagnoli, polynomial 1EDC6F41h reflected; RFC 7143 appendix) over a byte string. Pure. */
#ifndef QD_BASE_CRC32C_H
#define QD_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* crc: 0 to begin, or the result so far to go on. crc32c("123456789") is E3069283h. */
uint32_t qd_crc32c(uint32_t crc, const void *data, size_t len_bytes);

#endif
