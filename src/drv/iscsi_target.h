/* SPDX-License-Identifier: Apache-2.0 */
/* What a session needs to know to reach one LUN over one path: portal, names, credentials, digests. Resolving a host
 * name is done here, once, before any loop runs; sessions only ever see numeric addresses. */
#ifndef QD_DRV_ISCSI_TARGET_H
#define QD_DRV_ISCSI_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	QD_ISCSI_NAME_MAX = 224,   /* iSCSI name 223 bytes + NUL (RFC 7143 4.2.7.2) */
	QD_ISCSI_HOST_MAX = 256,   /* DNS name 253 bytes, or an address */
	QD_ISCSI_SECRET_MAX = 256, /* what libiscsi copies: 255 bytes + NUL */
	QD_ISCSI_ADDRESS_MAX = 64, /* "[" IPv6 with scope "]:65535" */
	QD_ISCSI_PORT_DEFAULT = 3260,
	QD_ISCSI_LUN_MAX = 16383, /* flat space addressing (SAM-5 4.7.7.3) */
};

enum qd_iscsi_digest {
	QD_ISCSI_DIGEST_NONE = 0,
	QD_ISCSI_DIGEST_PREFER, /* offered first; the session goes on without if the target declines */
	QD_ISCSI_DIGEST_DEMAND, /* no session without */
};

struct qd_iscsi_target {
	char host[QD_ISCSI_HOST_MAX]; /* name or address, IPv6 without brackets */
	uint16_t port;		      /* 0: QD_ISCSI_PORT_DEFAULT */
	char target[QD_ISCSI_NAME_MAX];
	uint32_t lun;
	char initiator[QD_ISCSI_NAME_MAX]; /* this path's own name (PROTOCOL.md case 4) */
	uint32_t isid;			   /* fixed for each path, e.g. node id * 256 + path; 24 bits count */
	/* CHAP; empty user: none. Mutual: the target proves itself with target_user and target_secret. */
	char user[QD_ISCSI_SECRET_MAX];
	char secret[QD_ISCSI_SECRET_MAX];
	char target_user[QD_ISCSI_SECRET_MAX];
	char target_secret[QD_ISCSI_SECRET_MAX];
	enum qd_iscsi_digest header_digest; /* CRC-32C over PDU headers */
	bool data_digest; /* demanded; libiscsi 1.19 has none, so the session refuses it with a message */
	/* set by qd_iscsi_target_resolve(): "10.0.0.1:3260", "[::1]:3260" */
	char address[QD_ISCSI_ADDRESS_MAX];
};

/* Look host up and fill address; a numeric host needs no name service. May block for as long as the resolver does:
 * never call it from a loop. 0, or -QD_ERR_NOT_FOUND or -QD_ERR_INVALID with a sentence in why[]. */
int qd_iscsi_target_resolve(struct qd_iscsi_target *t, char *why, size_t why_cap);

#endif
