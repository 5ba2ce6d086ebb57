/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a file that holds a secret: nobody else may read or write it. What is in it is for the caller. */
#ifndef QD_DRV_SECRET_FILE_H
#define QD_DRV_SECRET_FILE_H

#include <stddef.h>

/* A descriptor to read from: a regular file, owned by root or by this user, no right for anybody else (0600 or 0400).
 * Or -QD_ERR_SECRET_MODE or -QD_ERR_IO, and why (names the file and the mend). */
int qd_secret_file_open(const char *file, char *why, size_t why_bytes);

#endif
