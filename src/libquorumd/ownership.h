/* SPDX-License-Identifier: Apache-2.0 */
/* A line of quorum-api's stream as struct qd_ownership. */
#ifndef QD_LIBQUORUMD_OWNERSHIP_H
#define QD_LIBQUORUMD_OWNERSHIP_H

#include <quorumd/quorumd.h>

#include <stddef.h>

/* 0, -QD_ERR_PROTOCOL (it is no status and no error of quorum-api). An error of quorum-api gives known = false. */
int qd_ownership_parse(const char *text, size_t len_bytes, struct qd_ownership *out);

#endif
