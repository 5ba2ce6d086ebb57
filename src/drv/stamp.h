/* SPDX-License-Identifier: Apache-2.0 */
/* A stamp: one sector of the data area that says which epoch wrote it, for tests of the fence. Pure.
 *
 * The area is a log of slots, one sector each, without wrapping. The owner of an epoch looks for the first slot
 * without a stamp, goes on from there with sequence 0, 1, 2 ... and takes the next slot only when a write was GOOD. So
 * a sound log holds, from slot 0 on without a gap, runs of rising epochs, each run with sequence 0, 1, 2 ...
 * An owner of an earlier epoch that still gets a write through goes on at its own next slot, which is where the later
 * epoch began: it overwrites a stamp of the later epoch, whose run then lacks that sequence. Whatever such a writer
 * does is seen offline: a lower epoch after a higher one, or a run that does not begin with 0 or has a gap. */
#ifndef QD_DRV_STAMP_H
#define QD_DRV_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qd_stamp {
	uint64_t epoch;
	uint64_t sequence; /* within the epoch */
	uint64_t slot;
	uint64_t boot_ns; /* the writer's CLOCK_BOOTTIME when it was written */
	uint32_t node_id;
};

/* Fill one sector of 512 or 4,096 bytes. */
void qd_stamp_encode(const struct qd_stamp *s, uint8_t *sector, size_t sector_bytes);
/* False: no stamp, or its checksum is wrong. */
bool qd_stamp_decode(const uint8_t *sector, size_t sector_bytes, struct qd_stamp *out);

#endif
