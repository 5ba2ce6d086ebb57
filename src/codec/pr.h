/* SPDX-License-Identifier: Apache-2.0 */
/* Persistent reservations on the wire (SPC-4 6.15 PERSISTENT RESERVE IN, 6.16 PERSISTENT RESERVE OUT):
 * CDBs, parameter lists and parameter data, both ways. Sends nothing. Pure. */
#ifndef QD_CODEC_PR_H
#define QD_CODEC_PR_H

#include "codec/key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* PERSISTENT RESERVE OUT service actions (SPC-4 table 205). */
enum qd_pr_out {
	QD_PR_REGISTER = 0x00,
	QD_PR_RESERVE = 0x01,
	QD_PR_RELEASE = 0x02,
	QD_PR_CLEAR = 0x03,
	QD_PR_PREEMPT = 0x04,
	QD_PR_PREEMPT_AND_ABORT = 0x05,
	QD_PR_REGISTER_AND_IGNORE = 0x06,
	QD_PR_OUT_COUNT,
};

/* PERSISTENT RESERVE IN service actions (SPC-4 table 190). */
enum qd_pr_in {
	QD_PR_READ_KEYS = 0x00,
	QD_PR_READ_RESERVATION = 0x01,
	QD_PR_REPORT_CAPABILITIES = 0x02,
	QD_PR_READ_FULL_STATUS = 0x03,
	QD_PR_IN_COUNT,
};

/* Reservation types (SPC-4 table 194); 0 stands for "none". */
enum qd_pr_type {
	QD_PR_TYPE_NONE = 0,
	QD_PR_TYPE_WRITE_EXCLUSIVE = 1,
	QD_PR_TYPE_EXCLUSIVE_ACCESS = 3,
	QD_PR_TYPE_WRITE_EXCLUSIVE_RO = 5, /* registrants only */
	QD_PR_TYPE_EXCLUSIVE_ACCESS_RO = 6,
	QD_PR_TYPE_WRITE_EXCLUSIVE_AR = 7, /* all registrants */
	QD_PR_TYPE_EXCLUSIVE_ACCESS_AR = 8,
};

enum {
	QD_PR_CDB_LEN = 10,
	QD_PR_OUT_LIST_LEN = 24,	     /* basic parameter list (SPC-4 6.16.3) */
	QD_PR_KEYS_MAX = 512,		     /* keys we ever look at: 64 nodes of 8 paths */
	QD_PR_KEYS_FIRST_BYTES = 8 + 8 * 64, /* first buffer; a truncated answer is asked again larger */
	QD_PR_FULL_STATUS_BYTES = 65535, /* LIO answers a short buffer with length 0 (PROTOCOL.md case 16);
					      * the allocation length field has 16 bits */
	QD_PR_TRANSPORT_NAME_MAX = 224,	 /* iSCSI name 223 bytes + NUL (RFC 7143 4.2.7.2) */
};

struct qd_pr_out_args {
	enum qd_pr_out action;
	enum qd_pr_type type; /* ignored by REGISTER*, CLEAR */
	struct qd_key key;    /* RESERVATION KEY */
	struct qd_key sa_key; /* SERVICE ACTION RESERVATION KEY */
	bool aptpl;	      /* only REGISTER, REGISTER AND IGNORE */
};

/* Fill cdb and list. Always QD_PR_OUT_LIST_LEN bytes of list; SPEC_I_PT and ALL_TG_PT are never set. */
void qd_pr_out_encode(const struct qd_pr_out_args *args, uint8_t cdb[QD_PR_CDB_LEN],
		      uint8_t list[QD_PR_OUT_LIST_LEN]);

/* The other way, for the disk model, tests and fuzzing. False: not a list that we write or accept
 * (unknown action, wrong length, SPEC_I_PT or ALL_TG_PT set). */
bool qd_pr_out_decode(const uint8_t *cdb, size_t cdb_len, const uint8_t *list, size_t list_len,
		      struct qd_pr_out_args *args);

void qd_pr_in_encode(enum qd_pr_in action, uint16_t alloc_bytes, uint8_t cdb[QD_PR_CDB_LEN]);

/* READ KEYS parameter data. keys[] receives at most keys_max of them in the order given.
 * total_count is what ADDITIONAL LENGTH speaks of: above count means ask again with needed_bytes. */
struct qd_pr_keys {
	uint32_t generation;
	uint32_t count;	      /* in keys[] */
	uint32_t total_count; /* that the target has */
	uint32_t needed_bytes;
};

/* False: not READ KEYS data (shorter than its header, or a length that is no multiple of 8). */
bool qd_pr_keys_decode(const uint8_t *data, size_t len, struct qd_key *keys, size_t keys_max,
		       struct qd_pr_keys *out);
size_t qd_pr_keys_encode(uint32_t generation, const struct qd_key *keys, size_t count, uint8_t *to,
			 size_t cap);

struct qd_pr_reservation {
	uint32_t generation;
	bool held;
	struct qd_key holder; /* none when not held, or under an all-registrants type */
	enum qd_pr_type type;
};

/* False: malformed (short, length neither 0 nor 16, scope not LU_SCOPE, type unknown). */
bool qd_pr_reservation_decode(const uint8_t *data, size_t len, struct qd_pr_reservation *out);
size_t qd_pr_reservation_encode(const struct qd_pr_reservation *r, uint8_t *to, size_t cap);

struct qd_pr_capabilities {
	bool ptpl_capable;		      /* PTPL_C: APTPL is accepted */
	bool ptpl_active;		      /* PTPL_A */
	bool all_target_ports;		      /* ATP_C */
	bool specify_initiators;	      /* SIP_C */
	bool compatible_reservation_handling; /* CRH */
	uint8_t allow_commands;		      /* 3 bits (SPC-4 table 197) */
	bool type_mask_valid;		      /* TMV */
	uint16_t type_bits; /* bit n set: type n is supported; meaningful with type_mask_valid */
};

bool qd_pr_capabilities_decode(const uint8_t *data, size_t len, struct qd_pr_capabilities *out);
size_t qd_pr_capabilities_encode(const struct qd_pr_capabilities *c, uint8_t *to, size_t cap);

/* One descriptor of READ FULL STATUS (SPC-4 6.15.5) with its TransportID (SPC-4 7.6.4). */
struct qd_pr_full_status {
	struct qd_key key;
	bool all_target_ports;
	bool holder;
	enum qd_pr_type type; /* of the holder's reservation; none otherwise */
	uint16_t relative_port;
	uint8_t transport; /* PROTOCOL IDENTIFIER: 0 FC, 5 iSCSI, 6 SAS */
	/* iSCSI: the initiator's name; with ISID (format 01b): "name,i,0x<isid>" as given. FC, SAS: the port name
	 * in hex. Always NUL-terminated; non-printing bytes are shown as '?'. */
	char initiator[QD_PR_TRANSPORT_NAME_MAX + 32];
};

struct qd_pr_full_status_cursor {
	const uint8_t *data; /* borrowed */
	size_t len;
	size_t at;
	uint32_t generation;
	bool malformed;
	bool truncated; /* ADDITIONAL LENGTH says that there is more than data holds */
};

/* Begin over READ FULL STATUS data; false if even the header is missing. */
bool qd_pr_full_status_begin(const uint8_t *data, size_t len, struct qd_pr_full_status_cursor *cursor);
/* Next descriptor; false at the end, with cursor->malformed telling why. */
bool qd_pr_full_status_next(struct qd_pr_full_status_cursor *cursor, struct qd_pr_full_status *out);

/* The type in a SCOPE and TYPE byte. False: scope other than LU_SCOPE (0h; SPC-4 table 193 knows no other), or no
 * type of table 194. */
bool qd_pr_type_of_byte(uint8_t scope_and_type, enum qd_pr_type *type);

const char *qd_pr_out_name(enum qd_pr_out action); /* "REGISTER" ... */
const char *qd_pr_type_name(enum qd_pr_type type); /* "Write Exclusive" ... */

#endif
