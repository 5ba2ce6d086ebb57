/* SPDX-License-Identifier: Apache-2.0 */
/* A look at a log-in answer before libiscsi sees it: libiscsi 1.19 follows a null pointer when a target answers a
 * log-in with another PDU, loops for ever on a segment length of 0, goes on without the digest that was demanded and
 * can be led past mutual CHAP. Pure. */
#ifndef QD_DRV_ISCSI_LOGIN_H
#define QD_DRV_ISCSI_LOGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	QD_ISCSI_BHS_BYTES = 48,
	QD_ISCSI_LOGIN_DATA_MAX = 8192, /* MaxRecvDataSegmentLength while logging in (RFC 7143 13.12) */
	QD_ISCSI_SEGMENT_MIN = 512,	/* RFC 7143 13.12 .. 13.14 */
};

struct qd_login_check {
	bool need_header_digest;
	bool need_mutual;
	bool mutual_proved; /* in and out: a CHAP_R of the target was seen */
	bool refused_auth;  /* out: status class 2, authentication or authorization failed */
};

/* Bytes that the answer whose first len_bytes are at pdu has in all; 0: too early to say, QD_ISCSI_BHS_BYTES are
 * needed. */
size_t qd_iscsi_login_length(const uint8_t *pdu, size_t len_bytes);

/* NULL: let libiscsi have it. Else what is wrong with it, a static sentence. */
const char *qd_iscsi_login_check(const uint8_t *pdu, size_t len_bytes, struct qd_login_check *check);

#endif
