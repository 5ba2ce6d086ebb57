/* SPDX-License-Identifier: Apache-2.0 */
#include "conform/cdb.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put16(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static void put32(uint8_t *to, uint32_t value)
{
	put16(to, value >> 16);
	put16(to + 2, value & 0xffff);
}

static void put64(uint8_t *to, uint64_t value)
{
	put32(to, (uint32_t)(value >> 32));
	put32(to + 4, (uint32_t)value);
}

static uint32_t get16(const uint8_t *from)
{
	return (uint32_t)from[0] << 8 | from[1];
}

static uint32_t get32(const uint8_t *from)
{
	return get16(from) << 16 | get16(from + 2);
}

static uint64_t get64(const uint8_t *from)
{
	return (uint64_t)get32(from) << 32 | get32(from + 4);
}

/* SPC-4 6.15: the service action, or -1 when the operation is no PERSISTENT RESERVE IN. */
static int pr_in_action(enum cf_op op)
{
	if (op == CF_OP_READ_KEYS || op == CF_OP_GENERATION)
		return 0;
	if (op == CF_OP_READ_RESERVATION)
		return 1;
	if (op == CF_OP_CAPABILITIES)
		return 2;
	return op == CF_OP_FULL_STATUS ? 3 : -1;
}

/* SPC-4 6.16.2 */
static int pr_out_action(enum cf_op op)
{
	if (op == CF_OP_SEND_PREEMPT_ABORT)
		op = CF_OP_PREEMPT_ABORT;

	static const enum cf_op actions[] = {CF_OP_REGISTER,	    CF_OP_RESERVE, CF_OP_RELEASE,
					     CF_OP_CLEAR,	    CF_OP_PREEMPT, CF_OP_PREEMPT_ABORT,
					     CF_OP_REGISTER_IGNORE, CF_OP_MOVE};

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (actions[i] == op)
			return (int)i;
	return -1;
}

uint64_t cdb_isid(unsigned nexus)
{
	uint64_t path = nexus % CF_NEXUS_PATHS;

	/* Path 1 differs in both parts, path 2 in the last two bytes only, which LIO does not look at. */
	return (uint64_t)0x80 << 40 | (0x514400 | (path & 1)) << 16 | path;
}

/* SPC-4 7.6.4.6, format 01b: name, ",i,0x", ISID in hexadecimal; padded to a multiple of four. Returns its length. */
static size_t put_transport_id(uint8_t *to, size_t size, unsigned nexus, const struct cdb_names *names)
{
	int length = snprintf((char *)to + 4, size - 4, "%s,i,0x%012" PRIx64,
			      names->initiator[nexus / CF_NEXUS_PATHS], cdb_isid(nexus));
	size_t padded = ((size_t)length + 1 + 3) & ~(size_t)3;

	to[0] = 0x45;
	put16(to + 2, (uint32_t)padded);
	return padded + 4;
}

static void build_pr_out(struct cdb *cdb, const struct cf_command *c, const struct cdb_names *names)
{
	size_t length = 24;

	put64(cdb->out, c->key);
	put64(cdb->out + 8, c->new_key);
	if (c->op == CF_OP_MOVE) {
		size_t id = put_transport_id(cdb->out + 24, sizeof(cdb->out) - 24, c->to, names);

		cdb->out[17] = (uint8_t)((c->unreg ? 2 : 0) | (c->aptpl ? 1 : 0));
		put16(cdb->out + 18, 1); /* relative target port: the one that every session here uses */
		put32(cdb->out + 20, (uint32_t)id);
		length += id;
	} else {
		cdb->out[20] = (uint8_t)((c->all_tg_pt ? 4 : 0) | (c->aptpl ? 1 : 0));
	}
	cdb->bytes[0] = 0x5f;
	cdb->bytes[1] = (uint8_t)pr_out_action(c->op);
	cdb->bytes[2] = (uint8_t)(c->scope << 4 | c->type);
	put32(cdb->bytes + 5, (uint32_t)length);
	cdb->length = 10;
	cdb->direction = CDB_TO_DISK;
	cdb->out_length = length;
}

/* 10-byte READ, WRITE, WRITE SAME and SYNCHRONIZE CACHE share one layout. */
static void build_block(struct cdb *cdb, uint8_t code, const struct cf_command *c,
			enum cdb_direction direction)
{
	cdb->bytes[0] = code;
	put32(cdb->bytes + 2, (uint32_t)c->lba);
	put16(cdb->bytes + 7, 1);
	cdb->length = 10;
	cdb->direction = direction;
	if (direction == CDB_TO_DISK) {
		cdb->out_length = CDB_BLOCK;
		memset(cdb->out, c->pattern, CDB_BLOCK);
	} else if (direction == CDB_FROM_DISK) {
		cdb->in_length = CDB_BLOCK;
	}
}

static void build_write_same(struct cdb *cdb, const struct cf_command *c)
{
	cdb->bytes[0] = 0x93;
	put64(cdb->bytes + 2, c->lba);
	put32(cdb->bytes + 10, 1);
	cdb->length = 16;
	cdb->direction = CDB_TO_DISK;
	cdb->out_length = CDB_BLOCK;
	memset(cdb->out, c->pattern, CDB_BLOCK);
}

static void build_compare_write(struct cdb *cdb, const struct cf_command *c)
{
	cdb->bytes[0] = 0x89;
	put64(cdb->bytes + 2, c->lba);
	cdb->bytes[13] = 1;
	cdb->length = 16;
	cdb->direction = CDB_TO_DISK;
	cdb->out_length = (size_t)2 * CDB_BLOCK;
	memset(cdb->out, c->old_pattern, CDB_BLOCK);
	memset(cdb->out + CDB_BLOCK, c->pattern, CDB_BLOCK);
}

static void build_six(struct cdb *cdb, uint8_t code, size_t in_length)
{
	cdb->bytes[0] = code;
	cdb->bytes[4] = (uint8_t)in_length;
	cdb->length = 6;
	cdb->in_length = in_length;
	cdb->direction = in_length > 0 ? CDB_FROM_DISK : CDB_NO_DATA;
}

bool cdb_build(struct cdb *cdb, const struct cf_command *c, const struct cdb_names *names)
{
	*cdb = (struct cdb){0};
	if (pr_out_action(c->op) >= 0) {
		build_pr_out(cdb, c, names);
	} else if (pr_in_action(c->op) >= 0) {
		cdb->bytes[0] = 0x5e;
		cdb->bytes[1] = (uint8_t)pr_in_action(c->op);
		put16(cdb->bytes + 7, CDB_IN_MAX);
		cdb->length = 10;
		cdb->in_length = CDB_IN_MAX;
		cdb->direction = CDB_FROM_DISK;
	} else if (c->op == CF_OP_READ) {
		build_block(cdb, 0x28, c, CDB_FROM_DISK);
	} else if (c->op == CF_OP_WRITE || c->op == CF_OP_START_WRITE || c->op == CF_OP_SEND_WRITE) {
		build_block(cdb, 0x2a, c, CDB_TO_DISK);
	} else if (c->op == CF_OP_SYNC_CACHE) {
		build_block(cdb, 0x35, c, CDB_NO_DATA);
	} else if (c->op == CF_OP_WRITE_SAME) {
		build_write_same(cdb, c);
	} else if (c->op == CF_OP_COMPARE_WRITE) {
		build_compare_write(cdb, c);
	} else if (c->op == CF_OP_TUR) {
		build_six(cdb, 0x00, 0);
	} else if (c->op == CF_OP_INQUIRY) {
		build_six(cdb, 0x12, 36);
	} else if (c->op == CF_OP_RESERVE6) {
		build_six(cdb, 0x16, 0);
	} else if (c->op == CF_OP_RELEASE6) {
		build_six(cdb, 0x17, 0);
	} else {
		return false;
	}
	return true;
}

static void parse_keys(struct cf_answer *answer, const uint8_t *in, size_t length)
{
	size_t bytes = length >= 8 ? get32(in + 4) : 0;

	answer->data = CF_DATA_KEYS;
	for (size_t at = 8; at + 8 <= length && at + 8 <= bytes + 8 && answer->count < CF_KEYS_MAX; at += 8)
		answer->keys[answer->count++] = get64(in + at);
}

static void parse_reservation(struct cf_answer *answer, const uint8_t *in, size_t length)
{
	answer->data = CF_DATA_HOLDER;
	answer->held = length >= 24 && get32(in + 4) >= 16;
	if (answer->held) {
		answer->holder = get64(in + 8);
		answer->type = in[21] & 0x0f;
	}
}

/* The nexus whose name and ISID the TransportID carries; without an ISID the first path of that name. */
static unsigned parse_transport_id(const uint8_t *id, size_t length, const struct cdb_names *names)
{
	char name[256] = "";
	const char *isid;
	uint64_t value = 0;

	if (length < 5 || length - 4 >= sizeof(name) || (id[0] & 0x0f) != 5)
		return CF_NEXUS_MAX;
	memcpy(name, id + 4, length - 4);
	isid = strstr(name, ",i,0x");
	size_t bare = isid != NULL ? (size_t)(isid - name) : strlen(name);

	if (isid != NULL)
		value = strtoull(isid + strlen(",i,0x"), NULL, 16);
	for (unsigned i = 0; i < CF_NEXUS_MAX; i++) {
		const char *known = names->initiator[i / CF_NEXUS_PATHS];

		if (strlen(known) == bare && strncmp(known, name, bare) == 0 &&
		    (isid == NULL || value == cdb_isid(i)))
			return i;
	}
	return CF_NEXUS_MAX;
}

static void parse_full(struct cf_answer *answer, const uint8_t *in, size_t length,
		       const struct cdb_names *names)
{
	size_t end = length >= 8 ? get32(in + 4) + (size_t)8 : 0;

	answer->data = CF_DATA_FULL;
	if (end > length)
		end = length;
	for (size_t at = 8; at + 24 <= end && answer->count < CF_KEYS_MAX;) {
		struct cf_registration *r = &answer->full[answer->count++];
		size_t id = get32(in + at + 20);

		r->key = get64(in + at);
		r->all_tg_pt = (in[at + 12] & 2) != 0;
		r->holder = (in[at + 12] & 1) != 0;
		r->type = in[at + 13] & 0x0f;
		if (id > end - at - 24)
			id = end - at - 24;
		r->nexus = parse_transport_id(in + at + 24, id, names);
		at += 24 + id;
	}
}

static void parse_block(struct cf_answer *answer, const uint8_t *in, size_t length)
{
	answer->data = CF_DATA_BLOCK;
	answer->pattern = length > 0 ? in[0] : 0;
	answer->mixed = length != CDB_BLOCK;
	for (size_t i = 0; i < length; i++)
		answer->mixed |= in[i] != in[0];
}

void cdb_parse(struct cf_answer *answer, enum cf_op op, const uint8_t *in, size_t length,
	       const struct cdb_names *names)
{
	if (op == CF_OP_READ)
		parse_block(answer, in, length);
	if (pr_in_action(op) < 0)
		return;
	answer->generation = length >= 4 ? get32(in) : 0;
	if (op == CF_OP_READ_KEYS)
		parse_keys(answer, in, length);
	else if (op == CF_OP_READ_RESERVATION)
		parse_reservation(answer, in, length);
	else if (op == CF_OP_FULL_STATUS)
		parse_full(answer, in, length, names);
	else if (op == CF_OP_GENERATION)
		answer->data = CF_DATA_GENERATION;
	else
		answer->data = CF_DATA_CAPS;
	if (op == CF_OP_CAPABILITIES) {
		answer->generation = 0; /* these eight bytes have no generation in front */
		memcpy(answer->caps, in, length < sizeof(answer->caps) ? length : sizeof(answer->caps));
	}
}
