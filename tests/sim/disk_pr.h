/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of the disk model share: ends of commands and unit attentions. Private to tests/sim/disk*.c. */
#ifndef QD_SIM_DISK_PR_H
#define QD_SIM_DISK_PR_H

#include "sim/disk.h"

/* Note the end of a command and return its outcome. */
enum qd_outcome sim_end_good(struct sim_disk *d);
enum qd_outcome sim_end_conflict(struct sim_disk *d);
enum qd_outcome sim_end_check(struct sim_disk *d, uint8_t key, uint8_t asc, uint8_t ascq,
			      enum qd_outcome outcome);

/* The unit attention that eats the command, or GOOD. */
enum qd_outcome sim_disk_attention(struct sim_disk *d, uint32_t nexus);
void sim_disk_raise(struct sim_disk *d, uint32_t nexus, enum qd_outcome ua, uint8_t ascq);
/* Note the present state as one that a roll-back may return to. */
void sim_disk_remember(struct sim_disk *d);
void sim_pr_copy(struct sim_pr_state *to, const struct sim_pr_state *from);

#endif
