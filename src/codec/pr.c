/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pr.h"

#include "base/bytes.h"

#include <string.h>

enum {
	OPCODE_PR_IN = 0x5e,
	OPCODE_PR_OUT = 0x5f,
	SERVICE_ACTION_MASK = 0x1f,

	/* Byte 20 of the parameter list (SPC-4 6.16.3). */
	LIST_FLAGS_AT = 20,
	LIST_APTPL = 0x01,
	LIST_ALL_TG_PT = 0x04,
	LIST_SPEC_I_PT = 0x08,

	HEADER_LEN = 8, /* PRGENERATION and ADDITIONAL LENGTH, before all parameter data but capabilities */
	KEY_LEN = 8,
	RESERVATION_LEN = 16, /* the one descriptor of READ RESERVATION (SPC-4 6.15.3) */
	CAPABILITIES_LEN = 8, /* REPORT CAPABILITIES (SPC-4 6.15.4) */

	/* Bytes 2 and 3 of REPORT CAPABILITIES. */
	CAP_PTPL_C = 0x01,
	CAP_ATP_C = 0x04,
	CAP_SIP_C = 0x08,
	CAP_CRH = 0x10,
	CAP_PTPL_A = 0x01,
	CAP_ALLOW_SHIFT = 4,
	CAP_ALLOW_MASK = 0x07,
	CAP_TMV = 0x80,

	/* PERSISTENT RESERVATION TYPE MASK read as a little-endian number: bit n is type n. The rest is reserved. */
	CAP_TYPE_BITS = 1 << QD_PR_TYPE_WRITE_EXCLUSIVE | 1 << QD_PR_TYPE_EXCLUSIVE_ACCESS |
			1 << QD_PR_TYPE_WRITE_EXCLUSIVE_RO | 1 << QD_PR_TYPE_EXCLUSIVE_ACCESS_RO |
			1 << QD_PR_TYPE_WRITE_EXCLUSIVE_AR | 1 << QD_PR_TYPE_EXCLUSIVE_ACCESS_AR,
};

bool qd_pr_type_of_byte(uint8_t scope_and_type, enum qd_pr_type *type)
{
	unsigned value = scope_and_type;
	if (value > QD_PR_TYPE_EXCLUSIVE_ACCESS_AR || (CAP_TYPE_BITS >> value & 1) == 0)
		return false;
	*type = (enum qd_pr_type)value;
	return true;
}

static bool type_exists(enum qd_pr_type type)
{
	enum qd_pr_type same;
	return (unsigned)type <= QD_PR_TYPE_EXCLUSIVE_ACCESS_AR && qd_pr_type_of_byte((uint8_t)type, &same);
}

static bool type_is_all_registrants(enum qd_pr_type type)
{
	return type == QD_PR_TYPE_WRITE_EXCLUSIVE_AR || type == QD_PR_TYPE_EXCLUSIVE_ACCESS_AR;
}

/* SPC-4 table 205: whether SCOPE and TYPE of the CDB are looked at. */
static bool action_has_type(enum qd_pr_out action)
{
	switch (action) {
	case QD_PR_RESERVE:
	case QD_PR_RELEASE:
	case QD_PR_PREEMPT:
	case QD_PR_PREEMPT_AND_ABORT:
		return true;
	case QD_PR_REGISTER:
	case QD_PR_CLEAR:
	case QD_PR_REGISTER_AND_IGNORE:
		return false;
	case QD_PR_OUT_COUNT:
		break;
	}
	QD_UNREACHABLE("no such service action");
}

/* APTPL is looked at in these two only (SPC-4 6.16.3). */
static bool action_has_aptpl(enum qd_pr_out action)
{
	return action == QD_PR_REGISTER || action == QD_PR_REGISTER_AND_IGNORE;
}

/* Copy what fits of the first len_bytes of from: a target cuts at the allocation length wherever that falls, and
 * does not change ADDITIONAL LENGTH (SPC-4 4.3.5.6). Returns the bytes copied. */
static size_t copy_cut(uint8_t *to, size_t cap, const uint8_t *from, size_t len_bytes)
{
	size_t n = len_bytes < cap ? len_bytes : cap;
	qd_assert(to != NULL || n == 0);
	if (n > 0)
		memcpy(to, from, n);
	return n;
}

void qd_pr_out_encode(const struct qd_pr_out_args *args, uint8_t cdb[QD_PR_CDB_LEN],
		      uint8_t list[QD_PR_OUT_LIST_LEN])
{
	qd_assert(args->action < QD_PR_OUT_COUNT);
	bool has_type = action_has_type(args->action);
	QD_ERGO(has_type, type_exists(args->type));

	struct qd_writer c = qd_writer_make(cdb, QD_PR_CDB_LEN);
	qd_write_be(&c, 1, OPCODE_PR_OUT);
	qd_write_be(&c, 1, args->action);
	qd_write_be(&c, 1, has_type ? args->type : 0); /* SCOPE 0h: LU_SCOPE */
	qd_write_be(&c, 2, 0);
	qd_write_be(&c, 4, QD_PR_OUT_LIST_LEN);
	qd_write_be(&c, 1, 0); /* CONTROL */
	qd_assert(!c.failed && c.at == QD_PR_CDB_LEN);

	/* SPEC_I_PT and ALL_TG_PT stay zero: a registration that LIO took with ALL_TG_PT could not be removed. */
	struct qd_writer l = qd_writer_make(list, QD_PR_OUT_LIST_LEN);
	qd_write_be(&l, 8, args->key.value);
	qd_write_be(&l, 8, args->sa_key.value);
	qd_write_be(&l, 4, 0); /* obsolete: SCOPE-SPECIFIC ADDRESS */
	qd_write_be(&l, 1, args->aptpl && action_has_aptpl(args->action) ? LIST_APTPL : 0);
	qd_write_be(&l, 1, 0);
	qd_write_be(&l, 2, 0); /* obsolete */
	qd_assert(!l.failed && l.at == QD_PR_OUT_LIST_LEN);
}

bool qd_pr_out_decode(const uint8_t *cdb, size_t cdb_len, const uint8_t *list, size_t list_len,
		      struct qd_pr_out_args *args)
{
	qd_assert(args != NULL);
	*args = (struct qd_pr_out_args){0};
	if (cdb_len != QD_PR_CDB_LEN || list_len != QD_PR_OUT_LIST_LEN || cdb[0] != OPCODE_PR_OUT)
		return false;

	struct qd_reader c = qd_reader_make(cdb + 5, 4);
	uint8_t action = cdb[1] & SERVICE_ACTION_MASK;
	if (action >= QD_PR_OUT_COUNT || qd_read_be(&c, 4) != QD_PR_OUT_LIST_LEN)
		return false;
	if ((list[LIST_FLAGS_AT] & (LIST_SPEC_I_PT | LIST_ALL_TG_PT)) != 0)
		return false;

	struct qd_pr_out_args read = {.action = (enum qd_pr_out)action};
	if (action_has_type(read.action) && !qd_pr_type_of_byte(cdb[2], &read.type))
		return false;
	struct qd_reader l = qd_reader_make(list, list_len);
	read.key.value = qd_read_be(&l, 8);
	read.sa_key.value = qd_read_be(&l, 8);
	read.aptpl = action_has_aptpl(read.action) && (list[LIST_FLAGS_AT] & LIST_APTPL) != 0;
	qd_assert(!c.failed && !l.failed);
	*args = read;
	return true;
}

void qd_pr_in_encode(enum qd_pr_in action, uint16_t alloc_bytes, uint8_t cdb[QD_PR_CDB_LEN])
{
	qd_assert(action < QD_PR_IN_COUNT);
	struct qd_writer c = qd_writer_make(cdb, QD_PR_CDB_LEN);
	qd_write_be(&c, 1, OPCODE_PR_IN);
	qd_write_be(&c, 1, action);
	qd_write_be(&c, 4, 0);
	qd_write_be(&c, 1, 0);
	qd_write_be(&c, 2, alloc_bytes);
	qd_write_be(&c, 1, 0); /* CONTROL */
	qd_assert(!c.failed && c.at == QD_PR_CDB_LEN);
}

bool qd_pr_keys_decode(const uint8_t *data, size_t len, struct qd_key *keys, size_t keys_max,
		       struct qd_pr_keys *out)
{
	qd_assert(data != NULL || len == 0);
	qd_assert(keys != NULL || keys_max == 0);
	*out = (struct qd_pr_keys){0};
	struct qd_reader r = qd_reader_make(data, len);
	uint32_t generation = (uint32_t)qd_read_be(&r, 4);
	uint32_t additional = (uint32_t)qd_read_be(&r, 4);
	if (r.failed || additional % KEY_LEN != 0)
		return false;

	out->generation = generation;
	out->total_count = additional / KEY_LEN;
	/* More than 32 bits is more than any buffer: the caller asks with the most it can and sees again. */
	out->needed_bytes = additional > UINT32_MAX - HEADER_LEN ? UINT32_MAX : additional + HEADER_LEN;
	while (out->count < out->total_count && out->count < keys_max && qd_reader_left(&r) >= KEY_LEN)
		keys[out->count++].value = qd_read_be(&r, KEY_LEN);
	qd_assert(!r.failed && out->count <= out->total_count);
	return true;
}

size_t qd_pr_keys_encode(uint32_t generation, const struct qd_key *keys, size_t count, uint8_t *to,
			 size_t cap)
{
	qd_assert(keys != NULL || count == 0);
	qd_assert(count <= UINT32_MAX / KEY_LEN - 1);
	uint8_t part[HEADER_LEN];
	struct qd_writer w = qd_writer_make(part, sizeof(part));
	qd_write_be(&w, 4, generation);
	qd_write_be(&w, 4, count * KEY_LEN);
	size_t at = copy_cut(to, cap, part, sizeof(part));
	for (size_t i = 0; i < count && at < cap; i++) {
		w = qd_writer_make(part, sizeof(part));
		qd_write_be(&w, KEY_LEN, keys[i].value);
		at += copy_cut(to + at, cap - at, part, KEY_LEN);
	}
	qd_assert(!w.failed && at <= cap);
	return at;
}

bool qd_pr_reservation_decode(const uint8_t *data, size_t len, struct qd_pr_reservation *out)
{
	qd_assert(data != NULL || len == 0);
	*out = (struct qd_pr_reservation){0};
	struct qd_pr_reservation read = {0};
	struct qd_reader r = qd_reader_make(data, len);
	read.generation = (uint32_t)qd_read_be(&r, 4);
	uint32_t additional = (uint32_t)qd_read_be(&r, 4);
	if (r.failed || (additional != 0 && additional != RESERVATION_LEN))
		return false;
	if (additional == RESERVATION_LEN) {
		read.held = true;
		read.holder.value = qd_read_be(&r, 8);
		(void)qd_read_be(&r, 5); /* obsolete, reserved */
		uint8_t scope_and_type = (uint8_t)qd_read_be(&r, 1);
		(void)qd_read_be(&r, 2); /* obsolete */
		if (r.failed || !qd_pr_type_of_byte(scope_and_type, &read.type))
			return false;
		/* SPC-4 6.15.3.2: under an all-registrants type every registrant holds and the field is zero; under
		 * another the holder is registered, and no registration has key zero. */
		if (type_is_all_registrants(read.type))
			read.holder = (struct qd_key){0};
		else if (qd_key_is_none(read.holder))
			return false;
	}
	QD_ERGO(!read.held, qd_key_is_none(read.holder) && read.type == QD_PR_TYPE_NONE);
	*out = read;
	return true;
}

size_t qd_pr_reservation_encode(const struct qd_pr_reservation *r, uint8_t *to, size_t cap)
{
	QD_ERGO(r->held, type_exists(r->type));
	QD_ERGO(r->held, qd_key_is_none(r->holder) == type_is_all_registrants(r->type));
	uint8_t whole[HEADER_LEN + RESERVATION_LEN];
	struct qd_writer w = qd_writer_make(whole, sizeof(whole));
	qd_write_be(&w, 4, r->generation);
	qd_write_be(&w, 4, r->held ? RESERVATION_LEN : 0);
	if (r->held) {
		qd_write_be(&w, 8, r->holder.value);
		qd_write_be(&w, 5, 0);
		qd_write_be(&w, 1, r->type); /* SCOPE 0h: LU_SCOPE */
		qd_write_be(&w, 2, 0);
	}
	qd_assert(!w.failed);
	return copy_cut(to, cap, whole, w.at);
}

bool qd_pr_capabilities_decode(const uint8_t *data, size_t len, struct qd_pr_capabilities *out)
{
	qd_assert(data != NULL || len == 0);
	*out = (struct qd_pr_capabilities){0};
	struct qd_reader r = qd_reader_make(data, len);
	uint16_t length = (uint16_t)qd_read_be(&r, 2);
	uint8_t byte2 = (uint8_t)qd_read_be(&r, 1);
	uint8_t byte3 = (uint8_t)qd_read_be(&r, 1);
	uint16_t types = (uint16_t)qd_read_le(&r, 2); /* little-endian on purpose: see CAP_TYPE_BITS */
	(void)qd_read_be(&r, 2);		      /* reserved */
	if (r.failed || length != CAPABILITIES_LEN)
		return false;

	bool valid = (byte3 & CAP_TMV) != 0;
	*out = (struct qd_pr_capabilities){
		.ptpl_capable = (byte2 & CAP_PTPL_C) != 0,
		.ptpl_active = (byte3 & CAP_PTPL_A) != 0,
		.all_target_ports = (byte2 & CAP_ATP_C) != 0,
		.specify_initiators = (byte2 & CAP_SIP_C) != 0,
		.compatible_reservation_handling = (byte2 & CAP_CRH) != 0,
		.allow_commands = byte3 >> CAP_ALLOW_SHIFT & CAP_ALLOW_MASK,
		.type_mask_valid = valid,
		.type_bits = valid ? types & CAP_TYPE_BITS : 0,
	};
	return true;
}

size_t qd_pr_capabilities_encode(const struct qd_pr_capabilities *c, uint8_t *to, size_t cap)
{
	qd_assert(c->allow_commands <= CAP_ALLOW_MASK);
	qd_assert((c->type_bits & ~(unsigned)CAP_TYPE_BITS) == 0);
	unsigned byte2 = (c->ptpl_capable ? CAP_PTPL_C : 0U) | (c->all_target_ports ? CAP_ATP_C : 0U) |
			 (c->specify_initiators ? CAP_SIP_C : 0U) |
			 (c->compatible_reservation_handling ? CAP_CRH : 0U);
	unsigned byte3 = (c->ptpl_active ? CAP_PTPL_A : 0U) | (c->type_mask_valid ? CAP_TMV : 0U) |
			 (unsigned)c->allow_commands << CAP_ALLOW_SHIFT;
	uint8_t whole[CAPABILITIES_LEN];
	struct qd_writer w = qd_writer_make(whole, sizeof(whole));
	qd_write_be(&w, 2, CAPABILITIES_LEN);
	qd_write_be(&w, 1, byte2);
	qd_write_be(&w, 1, byte3);
	qd_write_le(&w, 2, c->type_bits);
	qd_write_be(&w, 2, 0);
	qd_assert(!w.failed && w.at == CAPABILITIES_LEN);
	return copy_cut(to, cap, whole, w.at);
}

const char *qd_pr_out_name(enum qd_pr_out action)
{
	switch (action) {
	case QD_PR_REGISTER:
		return "REGISTER";
	case QD_PR_RESERVE:
		return "RESERVE";
	case QD_PR_RELEASE:
		return "RELEASE";
	case QD_PR_CLEAR:
		return "CLEAR";
	case QD_PR_PREEMPT:
		return "PREEMPT";
	case QD_PR_PREEMPT_AND_ABORT:
		return "PREEMPT AND ABORT";
	case QD_PR_REGISTER_AND_IGNORE:
		return "REGISTER AND IGNORE EXISTING KEY";
	case QD_PR_OUT_COUNT:
		break;
	}
	QD_UNREACHABLE("no such service action");
}

const char *qd_pr_type_name(enum qd_pr_type type)
{
	switch (type) {
	case QD_PR_TYPE_NONE:
		return "none";
	case QD_PR_TYPE_WRITE_EXCLUSIVE:
		return "Write Exclusive";
	case QD_PR_TYPE_EXCLUSIVE_ACCESS:
		return "Exclusive Access";
	case QD_PR_TYPE_WRITE_EXCLUSIVE_RO:
		return "Write Exclusive - Registrants Only";
	case QD_PR_TYPE_EXCLUSIVE_ACCESS_RO:
		return "Exclusive Access - Registrants Only";
	case QD_PR_TYPE_WRITE_EXCLUSIVE_AR:
		return "Write Exclusive - All Registrants";
	case QD_PR_TYPE_EXCLUSIVE_ACCESS_AR:
		return "Exclusive Access - All Registrants";
	}
	QD_UNREACHABLE("no such reservation type");
}
