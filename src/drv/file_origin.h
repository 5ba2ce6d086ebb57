/* SPDX-License-Identifier: Apache-2.0 */
/* Which file this is, and on which file system: by what a copy, or a file that was restored, does not have in common with it.
 * Touches nothing but the descriptor. */
#ifndef QD_DRV_FILE_ORIGIN_H
#define QD_DRV_FILE_ORIGIN_H

#include <stdint.h>

/* Number of the file system that the file is on, where it comes from the file system's own UUID; elsewhere 0: it would be
 * that of the device, which may be another one after the next start of the machine. */
uint64_t qd_file_system_number(int fd);

/* Inode and birth of a file or directory, in ns since 1970; 0: its file system keeps no birth times. 0, or a negative
 * errno. */
int qd_file_born(int fd, uint64_t *inode, uint64_t *birth_ns);

#endif
