/* SPDX-License-Identifier: Apache-2.0 */
/* The offline judge of a data area full of stamps (src/drv/stamp.h says what a sound one looks like). */
#ifndef QD_TESTS_DRV_STAMPS_H
#define QD_TESTS_DRV_STAMPS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct stamps {
	uint64_t stamps;
	uint64_t epochs; /* runs seen */
	uint64_t last_epoch;
	uint64_t violations; /* each printed to `to` with its slots */
};

/* Read the superblock of `file` (an image or a device), then the whole data area. False: it cannot be read, or is no
 * quorum disk; said on `to`. */
bool stamps_judge(const char *file, FILE *to, struct stamps *out);

#endif
