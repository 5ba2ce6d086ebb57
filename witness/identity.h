/* SPDX-License-Identifier: Apache-2.0 */
/* What tells a store from a copy of it: machine, file system, inodes and births. Asks the kernel, keeps nothing. */
#ifndef QD_WITNESS_IDENTITY_H
#define QD_WITNESS_IDENTITY_H

#include "codec/witness_record.h"

/* Of the open file `fd` in the open directory; `places` is left 0. 0 or a negative errno. */
int qd_identity_read(int dir_fd, int fd, const uint8_t machine[QD_WITNESS_MACHINE_BYTES],
		     struct qd_witness_identity *out);

/* Births are known. On a file system that keeps none a copy may look like its original. */
bool qd_identity_proves(const struct qd_witness_identity *i);

#endif
