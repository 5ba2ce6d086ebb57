/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "codec/pr.h"

static const enum qd_pr_type TYPES[] = {
	QD_PR_TYPE_WRITE_EXCLUSIVE,	QD_PR_TYPE_EXCLUSIVE_ACCESS,   QD_PR_TYPE_WRITE_EXCLUSIVE_RO,
	QD_PR_TYPE_EXCLUSIVE_ACCESS_RO, QD_PR_TYPE_WRITE_EXCLUSIVE_AR, QD_PR_TYPE_EXCLUSIVE_ACCESS_AR,
};

static bool type_known(unsigned type)
{
	for (size_t i = 0; i < UNIT_COUNT(TYPES); i++) {
		if ((unsigned)TYPES[i] == type)
			return true;
	}
	return false;
}

static bool all_registrants(enum qd_pr_type type)
{
	return type == QD_PR_TYPE_WRITE_EXCLUSIVE_AR || type == QD_PR_TYPE_EXCLUSIVE_ACCESS_AR;
}

static const struct qd_pr_out_args STRIKE = {
	.action = QD_PR_PREEMPT_AND_ABORT,
	.type = QD_PR_TYPE_WRITE_EXCLUSIVE,
	.key = {UINT64_C(0x0102030405060708)},
	.sa_key = {UINT64_C(0x1112131415161718)},
};

/* ---------------------------------------------------------------- PERSISTENT RESERVE OUT */

static void encode_unknown_action(void)
{
	uint8_t cdb[QD_PR_CDB_LEN];
	uint8_t list[QD_PR_OUT_LIST_LEN];
	qd_pr_out_encode(&(struct qd_pr_out_args){.action = QD_PR_OUT_COUNT}, cdb, list);
}

static void encode_without_type(void)
{
	uint8_t cdb[QD_PR_CDB_LEN];
	uint8_t list[QD_PR_OUT_LIST_LEN];
	qd_pr_out_encode(&(struct qd_pr_out_args){.action = QD_PR_RESERVE}, cdb, list);
}

static void encode_unknown_type(void)
{
	uint8_t cdb[QD_PR_CDB_LEN];
	uint8_t list[QD_PR_OUT_LIST_LEN];
	qd_pr_out_encode(&(struct qd_pr_out_args){.action = QD_PR_PREEMPT, .type = (enum qd_pr_type)2}, cdb,
			 list);
}

static void encode_unknown_in(void)
{
	uint8_t cdb[QD_PR_CDB_LEN];
	qd_pr_in_encode(QD_PR_IN_COUNT, 8, cdb);
}

static void encode_unknown_capability(void)
{
	uint8_t to[8];
	(void)qd_pr_capabilities_encode(&(struct qd_pr_capabilities){.type_bits = 1}, to, sizeof(to));
}

static void encode_holder_under_all_registrants(void)
{
	uint8_t to[24];
	(void)qd_pr_reservation_encode(&(struct qd_pr_reservation){.held = true,
								   .holder = {1},
								   .type = QD_PR_TYPE_WRITE_EXCLUSIVE_AR},
				       to, sizeof(to));
}

static void refuses_arguments(void)
{
	UNIT_OK(unit_aborts(encode_unknown_action));
	UNIT_OK(unit_aborts(encode_without_type));
	UNIT_OK(unit_aborts(encode_unknown_type));
	UNIT_OK(unit_aborts(encode_unknown_in));
	UNIT_OK(unit_aborts(encode_unknown_capability));
	UNIT_OK(unit_aborts(encode_holder_under_all_registrants));
}

static void out_wrong_lengths(void)
{
	uint8_t cdb[QD_PR_CDB_LEN + 6] = {0};
	uint8_t list[QD_PR_OUT_LIST_LEN + 8] = {0};
	struct qd_pr_out_args args;
	qd_pr_out_encode(&STRIKE, cdb, list);
	for (size_t len = 0; len <= sizeof(cdb); len++) {
		unit_case("CDB of %zu", len);
		UNIT_EQUAL(qd_pr_out_decode(cdb, len, list, QD_PR_OUT_LIST_LEN, &args), len == QD_PR_CDB_LEN);
	}
	for (size_t len = 0; len <= sizeof(list); len++) {
		unit_case("list of %zu", len);
		UNIT_EQUAL(qd_pr_out_decode(cdb, QD_PR_CDB_LEN, list, len, &args), len == QD_PR_OUT_LIST_LEN);
	}
	for (size_t at = 5; at <= 8; at++) {
		unit_case("length byte %zu", at);
		cdb[at] ^= 0x01;
		UNIT_OK(!qd_pr_out_decode(cdb, QD_PR_CDB_LEN, list, QD_PR_OUT_LIST_LEN, &args));
		cdb[at] ^= 0x01;
	}
}

static void out_wrong_bytes(void)
{
	uint8_t cdb[QD_PR_CDB_LEN];
	uint8_t list[QD_PR_OUT_LIST_LEN];
	struct qd_pr_out_args args;
	qd_pr_out_encode(&STRIKE, cdb, list);
	for (unsigned value = 0; value < 256; value++) {
		uint8_t changed[QD_PR_CDB_LEN];
		unit_case("%02xh", value);
		memcpy(changed, cdb, sizeof(changed));
		changed[0] = (uint8_t)value;
		UNIT_EQUAL(qd_pr_out_decode(changed, sizeof(changed), list, sizeof(list), &args),
			   value == 0x5f);
		memcpy(changed, cdb, sizeof(changed));
		changed[1] = (uint8_t)value; /* bits 7 to 5 are reserved: a target need not look */
		UNIT_EQUAL(qd_pr_out_decode(changed, sizeof(changed), list, sizeof(list), &args),
			   (value & 0x1f) < QD_PR_OUT_COUNT);
		memcpy(changed, cdb, sizeof(changed));
		changed[2] = (uint8_t)value; /* scope and type */
		UNIT_EQUAL(qd_pr_out_decode(changed, sizeof(changed), list, sizeof(list), &args),
			   type_known(value));
		uint8_t flags = list[20];
		list[20] = (uint8_t)value; /* SPEC_I_PT is 08h, ALL_TG_PT 04h */
		UNIT_EQUAL(qd_pr_out_decode(cdb, sizeof(cdb), list, sizeof(list), &args),
			   (value & 0x0c) == 0);
		list[20] = flags;
	}
}

static void refused_leaves_zeros(void)
{
	struct qd_pr_out_args args = STRIKE;
	UNIT_OK(!qd_pr_out_decode(NULL, 0, NULL, 0, &args));
	UNIT_EQUAL(args.key.value, 0);
	UNIT_EQUAL(args.action, QD_PR_REGISTER);
}

static void strike_bytes(void)
{
	static const uint8_t CDB[QD_PR_CDB_LEN] = {0x5f, 0x05, 0x01, 0, 0, 0, 0, 0, 0x18, 0};
	static const uint8_t LIST[QD_PR_OUT_LIST_LEN] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
							 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18};
	uint8_t cdb[QD_PR_CDB_LEN];
	uint8_t list[QD_PR_OUT_LIST_LEN];
	memset(cdb, 0xee, sizeof(cdb));
	memset(list, 0xee, sizeof(list));
	qd_pr_out_encode(&STRIKE, cdb, list);
	UNIT_BYTES(cdb, CDB, sizeof(cdb));
	UNIT_BYTES(list, LIST, sizeof(list));
}

static void register_bytes(void)
{
	static const uint8_t CDB[QD_PR_CDB_LEN] = {0x5f, 0x06, 0, 0, 0, 0, 0, 0, 0x18, 0};
	struct qd_pr_out_args args = {.action = QD_PR_REGISTER_AND_IGNORE,
				      .type = QD_PR_TYPE_WRITE_EXCLUSIVE,
				      .sa_key = {2},
				      .aptpl = true};
	uint8_t cdb[QD_PR_CDB_LEN];
	uint8_t list[QD_PR_OUT_LIST_LEN];
	qd_pr_out_encode(&args, cdb, list);
	UNIT_BYTES(cdb, CDB, sizeof(cdb)); /* no type */
	UNIT_EQUAL(list[20], 0x01);
	UNIT_EQUAL(list[15], 2);
	args.action = QD_PR_RESERVE;
	qd_pr_out_encode(&args, cdb, list);
	UNIT_EQUAL(list[20], 0); /* APTPL belongs to a registration */
	UNIT_EQUAL(cdb[2], QD_PR_TYPE_WRITE_EXCLUSIVE);
}

static void out_round_trips(void)
{
	uint64_t seed = 5;
	for (unsigned i = 0; i < QD_PR_OUT_COUNT * UNIT_COUNT(TYPES) * 2; i++) {
		struct qd_pr_out_args args = {
			.action = (enum qd_pr_out)(i % QD_PR_OUT_COUNT),
			.type = TYPES[i / QD_PR_OUT_COUNT % UNIT_COUNT(TYPES)],
			.key = {unit_random(&seed)},
			.sa_key = {unit_random(&seed)},
			.aptpl = i >= QD_PR_OUT_COUNT * UNIT_COUNT(TYPES),
		};
		unit_case("%s, %s, aptpl %d", qd_pr_out_name(args.action), qd_pr_type_name(args.type),
			  args.aptpl);
		uint8_t cdb[QD_PR_CDB_LEN];
		uint8_t list[QD_PR_OUT_LIST_LEN];
		struct qd_pr_out_args back;
		qd_pr_out_encode(&args, cdb, list);
		UNIT_OK(qd_pr_out_decode(cdb, sizeof(cdb), list, sizeof(list), &back));
		bool registers = args.action == QD_PR_REGISTER || args.action == QD_PR_REGISTER_AND_IGNORE;
		bool typed = !registers && args.action != QD_PR_CLEAR;
		UNIT_EQUAL(back.action, args.action);
		UNIT_EQUAL(back.key.value, args.key.value);
		UNIT_EQUAL(back.sa_key.value, args.sa_key.value);
		UNIT_EQUAL(back.type, typed ? args.type : QD_PR_TYPE_NONE);
		UNIT_EQUAL(back.aptpl, registers && args.aptpl);
	}
}

static void in_bytes(void)
{
	static const uint8_t FULL_STATUS[QD_PR_CDB_LEN] = {0x5e, 0x03, 0, 0, 0, 0, 0, 0xff, 0xff, 0};
	uint8_t cdb[QD_PR_CDB_LEN];
	memset(cdb, 0xee, sizeof(cdb));
	qd_pr_in_encode(QD_PR_READ_FULL_STATUS, QD_PR_FULL_STATUS_BYTES, cdb);
	UNIT_BYTES(cdb, FULL_STATUS, sizeof(cdb));
	qd_pr_in_encode(QD_PR_READ_KEYS, QD_PR_KEYS_FIRST_BYTES, cdb);
	UNIT_EQUAL(cdb[1], 0);
	UNIT_EQUAL(cdb[7] << 8 | cdb[8], 520);
}

/* ---------------------------------------------------------------- READ KEYS */

static void keys_short(void)
{
	static const uint8_t DATA[8] = {0, 0, 0, 9, 0, 0, 0, 0};
	struct qd_pr_keys k;
	UNIT_OK(!qd_pr_keys_decode(NULL, 0, NULL, 0, &k));
	for (size_t len = 0; len < sizeof(DATA); len++)
		UNIT_OK(!qd_pr_keys_decode(DATA, len, NULL, 0, &k));
	UNIT_OK(qd_pr_keys_decode(DATA, sizeof(DATA), NULL, 0, &k));
	UNIT_EQUAL(k.generation, 9);
	UNIT_EQUAL(k.total_count, 0);
	UNIT_EQUAL(k.needed_bytes, 8);
}

static void keys_uneven(void)
{
	uint8_t data[8 + 32] = {0};
	struct qd_key keys[4];
	struct qd_pr_keys k;
	for (uint8_t length = 0; length <= 32; length++) {
		data[7] = length;
		unit_case("additional length %u", length);
		UNIT_EQUAL(qd_pr_keys_decode(data, sizeof(data), keys, 4, &k), length % 8 == 0);
	}
}

static void keys_truncated(void)
{
	static const struct qd_key KEYS[3] = {{UINT64_C(0x1111111111111111)}, {2}, {UINT64_MAX}};
	uint8_t data[32];
	UNIT_EQUAL(qd_pr_keys_encode(77, KEYS, 3, data, sizeof(data)), sizeof(data));
	for (size_t len = 8; len <= sizeof(data); len++) {
		struct qd_key keys[3] = {{0}};
		struct qd_pr_keys k;
		unit_case("%zu bytes", len);
		UNIT_OK(qd_pr_keys_decode(data, len, keys, 3, &k));
		UNIT_EQUAL(k.generation, 77);
		UNIT_EQUAL(k.count, (len - 8) / 8);
		UNIT_EQUAL(k.total_count, 3);
		UNIT_EQUAL(k.needed_bytes, 32);
		for (size_t i = 0; i < 3; i++)
			UNIT_EQUAL(keys[i].value, i < k.count ? KEYS[i].value : 0);
	}
}

static void keys_more_than_room(void)
{
	static const struct qd_key KEYS[3] = {{1}, {2}, {3}};
	uint8_t data[32];
	struct qd_key keys[3] = {{0}};
	struct qd_pr_keys k;
	(void)qd_pr_keys_encode(1, KEYS, 3, data, sizeof(data));
	UNIT_OK(qd_pr_keys_decode(data, sizeof(data), keys, 2, &k));
	UNIT_EQUAL(k.count, 2);
	UNIT_EQUAL(k.total_count, 3);
	UNIT_EQUAL(keys[2].value, 0);
	data[7] = 8; /* what stands behind the stated length is not a key */
	UNIT_OK(qd_pr_keys_decode(data, sizeof(data), keys, 3, &k));
	UNIT_EQUAL(k.count, 1);
}

static void keys_absurd_length(void)
{
	static const uint8_t DATA[16] = {0, 0, 0, 1, 0xff, 0xff, 0xff, 0xf8, 0, 0, 0, 0, 0, 0, 0, 5};
	struct qd_key keys[2];
	struct qd_pr_keys k;
	UNIT_OK(qd_pr_keys_decode(DATA, sizeof(DATA), keys, 2, &k));
	UNIT_EQUAL(k.count, 1);
	UNIT_EQUAL(k.total_count, 0x1fffffff);
	UNIT_EQUAL(k.needed_bytes, UINT32_MAX);
}

static void keys_encode_cuts(void)
{
	static const struct qd_key KEYS[2] = {{UINT64_C(0x0102030405060708)}, {UINT64_C(0x1112131415161718)}};
	uint8_t whole[24];
	UNIT_EQUAL(qd_pr_keys_encode(3, KEYS, 2, whole, sizeof(whole)), sizeof(whole));
	for (size_t cap = 0; cap <= sizeof(whole) + 1; cap++) {
		uint8_t cut[sizeof(whole) + 1];
		memset(cut, 0xee, sizeof(cut));
		unit_case("%zu bytes", cap);
		size_t expected = cap < sizeof(whole) ? cap : sizeof(whole);
		UNIT_EQUAL(qd_pr_keys_encode(3, KEYS, 2, cut, cap), expected);
		UNIT_BYTES(cut, whole, expected);
		UNIT_EQUAL(cut[expected < sizeof(whole) ? expected : sizeof(whole)], 0xee);
	}
}

/* ---------------------------------------------------------------- READ RESERVATION */

static void reservation_truncated(void)
{
	static const struct qd_pr_reservation HELD = {
		.generation = 4, .held = true, .holder = {9}, .type = QD_PR_TYPE_WRITE_EXCLUSIVE};
	uint8_t data[24];
	struct qd_pr_reservation r;
	UNIT_EQUAL(qd_pr_reservation_encode(&HELD, data, sizeof(data)), 24);
	UNIT_OK(!qd_pr_reservation_decode(NULL, 0, &r));
	for (size_t len = 0; len < sizeof(data); len++) {
		unit_case("%zu bytes", len);
		UNIT_OK(!qd_pr_reservation_decode(data, len, &r));
		UNIT_OK(!r.held);
	}
	UNIT_OK(qd_pr_reservation_decode(data, sizeof(data), &r));
}

static void reservation_wrong(void)
{
	static const struct qd_pr_reservation HELD = {
		.generation = 4, .held = true, .holder = {9}, .type = QD_PR_TYPE_WRITE_EXCLUSIVE};
	uint8_t data[40] = {0};
	struct qd_pr_reservation r;
	(void)qd_pr_reservation_encode(&HELD, data, sizeof(data));
	for (unsigned length = 0; length < 256; length++) {
		data[7] = (uint8_t)length;
		unit_case("additional length %u", length);
		UNIT_EQUAL(qd_pr_reservation_decode(data, sizeof(data), &r), length == 0 || length == 16);
	}
	data[7] = 16;
	for (unsigned value = 0; value < 256; value++) {
		data[21] = (uint8_t)value;
		unit_case("scope and type %02xh", value);
		UNIT_EQUAL(qd_pr_reservation_decode(data, sizeof(data), &r), type_known(value));
	}
	data[21] = QD_PR_TYPE_WRITE_EXCLUSIVE;
	data[15] = 0;
	unit_case("a holder with key zero");
	UNIT_OK(!qd_pr_reservation_decode(data, sizeof(data), &r));
}

static void reservation_none(void)
{
	static const uint8_t DATA[8] = {0, 0, 0x01, 0x02, 0, 0, 0, 0};
	struct qd_pr_reservation r;
	UNIT_OK(qd_pr_reservation_decode(DATA, sizeof(DATA), &r));
	UNIT_EQUAL(r.generation, 0x0102);
	UNIT_OK(!r.held && qd_key_is_none(r.holder));
	UNIT_EQUAL(r.type, QD_PR_TYPE_NONE);
}

static void reservation_all_registrants(void)
{
	static const uint8_t DATA[24] = {0, 0, 0, 1, 0, 0, 0, 16, 1, 2, 3, 4, 5, 6, 7, 8, [21] = 7};
	struct qd_pr_reservation r;
	UNIT_OK(qd_pr_reservation_decode(DATA, sizeof(DATA), &r));
	UNIT_OK(r.held && qd_key_is_none(r.holder));
	UNIT_EQUAL(r.type, QD_PR_TYPE_WRITE_EXCLUSIVE_AR);
}

static void reservation_round_trips(void)
{
	for (size_t i = 0; i < UNIT_COUNT(TYPES); i++) {
		struct qd_pr_reservation r = {.generation = UINT32_MAX, .held = true, .type = TYPES[i]};
		if (!all_registrants(TYPES[i]))
			r.holder = qd_key_make(0xffff, 64, 0xffff, 0xffffff);
		unit_case("%s", qd_pr_type_name(TYPES[i]));
		for (size_t cap = 0; cap <= 32; cap++) {
			uint8_t data[32];
			struct qd_pr_reservation back;
			size_t len = qd_pr_reservation_encode(&r, data, cap);
			UNIT_EQUAL(len, cap < 24 ? cap : 24);
			if (!UNIT_EQUAL(qd_pr_reservation_decode(data, len, &back), cap >= 24) || cap < 24)
				continue;
			UNIT_EQUAL(back.generation, r.generation);
			UNIT_EQUAL(back.held, true);
			UNIT_EQUAL(back.holder.value, r.holder.value);
			UNIT_EQUAL(back.type, r.type);
		}
	}
}

/* ---------------------------------------------------------------- REPORT CAPABILITIES */

static const uint8_t CAPABILITIES_LIO[8] = {0x00, 0x08, 0x1d, 0x90, 0xea, 0x01, 0x00, 0x00};
static const uint8_t CAPABILITIES_TGT[8] = {0x00, 0x08, 0x00, 0x80, 0xea, 0x01, 0x00, 0x00};

static void capabilities_wrong(void)
{
	struct qd_pr_capabilities c;
	uint8_t data[16] = {0};
	memcpy(data, CAPABILITIES_LIO, sizeof(CAPABILITIES_LIO));
	UNIT_OK(!qd_pr_capabilities_decode(NULL, 0, &c));
	for (size_t len = 0; len <= sizeof(data); len++) {
		unit_case("%zu bytes", len);
		UNIT_EQUAL(qd_pr_capabilities_decode(data, len, &c), len >= 8);
		UNIT_EQUAL(c.ptpl_capable, len >= 8);
	}
	for (unsigned length = 0; length < 256; length++) {
		data[1] = (uint8_t)length;
		UNIT_EQUAL(qd_pr_capabilities_decode(data, sizeof(data), &c), length == 8);
	}
}

static void capabilities_lio(void)
{
	struct qd_pr_capabilities c;
	UNIT_OK(qd_pr_capabilities_decode(CAPABILITIES_LIO, sizeof(CAPABILITIES_LIO), &c));
	UNIT_OK(c.ptpl_capable && !c.ptpl_active && c.all_target_ports && c.specify_initiators);
	UNIT_OK(c.compatible_reservation_handling && c.type_mask_valid);
	UNIT_EQUAL(c.allow_commands, 1);
	for (unsigned type = 0; type < 16; type++)
		UNIT_EQUAL(c.type_bits >> type & 1, type_known(type));
	uint8_t data[8];
	UNIT_EQUAL(qd_pr_capabilities_encode(&c, data, sizeof(data)), sizeof(data));
	UNIT_BYTES(data, CAPABILITIES_LIO, sizeof(data));
	c.ptpl_active = true; /* after a REGISTER with APTPL: 1d91 */
	(void)qd_pr_capabilities_encode(&c, data, sizeof(data));
	UNIT_EQUAL(data[3], 0x91);
}

static void capabilities_tgt(void)
{
	struct qd_pr_capabilities c;
	UNIT_OK(qd_pr_capabilities_decode(CAPABILITIES_TGT, sizeof(CAPABILITIES_TGT), &c));
	UNIT_OK(!c.ptpl_capable && !c.ptpl_active && !c.all_target_ports && !c.specify_initiators);
	UNIT_OK(!c.compatible_reservation_handling && c.type_mask_valid);
	UNIT_EQUAL(c.allow_commands, 0);
	UNIT_EQUAL(c.type_bits, 0x01ea);
	uint8_t data[8];
	UNIT_EQUAL(qd_pr_capabilities_encode(&c, data, sizeof(data)), sizeof(data));
	UNIT_BYTES(data, CAPABILITIES_TGT, sizeof(data));
	for (size_t cap = 0; cap < sizeof(data); cap++)
		UNIT_EQUAL(qd_pr_capabilities_encode(&c, data, cap), cap);
}

static void capabilities_no_mask(void)
{
	static const uint8_t DATA[8] = {0x00, 0x08, 0x01, 0x70, 0xff, 0xff, 0xff, 0xff};
	struct qd_pr_capabilities c;
	UNIT_OK(qd_pr_capabilities_decode(DATA, sizeof(DATA), &c));
	UNIT_OK(c.ptpl_capable && !c.type_mask_valid);
	UNIT_EQUAL(c.type_bits, 0);
	UNIT_EQUAL(c.allow_commands, 7);
}

static void names(void)
{
	UNIT_TEXT(qd_pr_out_name(QD_PR_REGISTER), "REGISTER");
	UNIT_TEXT(qd_pr_out_name(QD_PR_PREEMPT_AND_ABORT), "PREEMPT AND ABORT");
	UNIT_TEXT(qd_pr_type_name(QD_PR_TYPE_NONE), "none");
	UNIT_TEXT(qd_pr_type_name(QD_PR_TYPE_WRITE_EXCLUSIVE), "Write Exclusive");
	for (unsigned a = 0; a < QD_PR_OUT_COUNT; a++) {
		for (unsigned b = 0; b < a; b++)
			UNIT_OK(strcmp(qd_pr_out_name((enum qd_pr_out)a),
				       qd_pr_out_name((enum qd_pr_out)b)) != 0);
	}
	for (size_t a = 0; a < UNIT_COUNT(TYPES); a++) {
		for (size_t b = 0; b < a; b++)
			UNIT_OK(strcmp(qd_pr_type_name(TYPES[a]), qd_pr_type_name(TYPES[b])) != 0);
	}
}

static const struct unit_test TESTS[] = {
	{"an action, a type or a capability that does not exist is a programmer's error", refuses_arguments},
	{"a command or a list of another length is refused", out_wrong_lengths},
	{"another opcode, action, scope, type, SPEC_I_PT and ALL_TG_PT are refused", out_wrong_bytes},
	{"a refused command leaves zeros behind", refused_leaves_zeros},
	{"a PREEMPT AND ABORT is these bytes", strike_bytes},
	{"a registration carries APTPL and no type, a reservation the other way round", register_bytes},
	{"every action with every type comes back, without what the action ignores", out_round_trips},
	{"PERSISTENT RESERVE IN carries its action and 16 bits of length", in_bytes},
	{"keys shorter than their header are refused, at every byte", keys_short},
	{"keys whose length is no multiple of eight are refused", keys_uneven},
	{"keys cut off at every byte give the whole ones and say how much to ask for", keys_truncated},
	{"keys beyond the room or beyond the stated length are not taken", keys_more_than_room},
	{"a length near 2^32 does not wrap", keys_absurd_length},
	{"encoded keys are cut at every byte as a target does", keys_encode_cuts},
	{"a reservation cut off at every byte is refused", reservation_truncated},
	{"a reservation of another length, scope or type, or held by key zero, is refused",
	 reservation_wrong},
	{"no reservation is not held", reservation_none},
	{"under an all-registrants type nobody is the holder", reservation_all_registrants},
	{"reservations of every type come back", reservation_round_trips},
	{"capabilities of another length are refused", capabilities_wrong},
	{"what LIO reports is read and written as measured", capabilities_lio},
	{"what tgt reports is read and written as measured", capabilities_tgt},
	{"a type mask that is not valid is not read", capabilities_no_mask},
	{"names are those of SPC-4 and differ", names},
};

int main(void)
{
	return unit_run("t_pr", TESTS, UNIT_COUNT(TESTS));
}
