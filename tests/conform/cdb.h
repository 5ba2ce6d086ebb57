/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of one SCSI command for an operation of the script, and the meaning of the bytes that come back. Pure. */
#ifndef CONFORM_CDB_H
#define CONFORM_CDB_H

#include "conform/conform.h"

enum {
	CDB_MAX = 16,
	CDB_BLOCK = 512,	     /* the script runs on a LUN with blocks of this size */
	CDB_OUT_MAX = 2 * CDB_BLOCK, /* COMPARE AND WRITE sends two blocks */
	CDB_IN_MAX = 65528 /* READ FULL STATUS with a short length is answered wrongly by some targets */
};

enum cdb_direction { CDB_NO_DATA, CDB_TO_DISK, CDB_FROM_DISK };

struct cdb {
	uint8_t bytes[CDB_MAX];
	size_t length;
	enum cdb_direction direction;
	size_t out_length, in_length;
	uint8_t out[CDB_OUT_MAX];
};

/* Names by which a target knows the nexuses: needed to write and to read a TransportID. */
struct cdb_names {
	char initiator[CF_NEXUS_LETTERS][64];
};

/* The six bytes of a nexus's ISID, type 10b ("random"): 80, three bytes, two bytes. */
uint64_t cdb_isid(unsigned nexus);

/* False when the operation is not a single SCSI command. */
bool cdb_build(struct cdb *cdb, const struct cf_command *command, const struct cdb_names *names);

/* Fill in the data of a GOOD answer; for operations without data it leaves CF_DATA_NONE. */
void cdb_parse(struct cf_answer *answer, enum cf_op op, const uint8_t *in, size_t length,
	       const struct cdb_names *names);

#endif
