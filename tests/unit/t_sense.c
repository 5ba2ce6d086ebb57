/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "codec/sense.h"

enum {
	FIXED_LEN = 18, /* what targets send: ADDITIONAL SENSE LENGTH 10 */
	DESCRIPTOR_LEN = 8,
};

static struct qd_sense sense_of(uint8_t key, uint8_t asc, uint8_t ascq)
{
	return (struct qd_sense){.key = key, .asc = asc, .ascq = ascq, .valid = true};
}

static enum qd_outcome check_condition(uint8_t key, uint8_t asc, uint8_t ascq)
{
	return qd_outcome_of(QD_SCSI_CHECK_CONDITION, sense_of(key, asc, ascq));
}

static void fixed(uint8_t *data, uint8_t code, uint8_t key, uint8_t asc, uint8_t ascq)
{
	memset(data, 0, FIXED_LEN);
	data[0] = code;
	data[2] = key;
	data[7] = FIXED_LEN - 8;
	data[12] = asc;
	data[13] = ascq;
}

static void no_data(void)
{
	UNIT_OK(!qd_sense_decode(NULL, 0).valid);
}

static void fixed_truncations(void)
{
	uint8_t data[FIXED_LEN];
	fixed(data, 0x70, 0x06, 0x29, 0x07);
	for (size_t len = 0; len <= sizeof(data); len++) {
		unit_case("%zu bytes", len);
		struct qd_sense s = qd_sense_decode(data, len);
		UNIT_EQUAL(s.valid, len >= 14);
		UNIT_EQUAL(s.key, len >= 14 ? 0x06 : 0);
		UNIT_EQUAL(s.asc, len >= 14 ? 0x29 : 0);
		UNIT_EQUAL(s.ascq, len >= 14 ? 0x07 : 0);
	}
}

static void fixed_says_it_is_shorter(void)
{
	uint8_t data[FIXED_LEN];
	fixed(data, 0x70, 0x06, 0x29, 0x00);
	for (unsigned additional = 0; additional < 256; additional++) {
		data[7] = (uint8_t)additional;
		unit_case("additional sense length %u", additional);
		UNIT_EQUAL(qd_sense_decode(data, sizeof(data)).valid, additional >= 6);
	}
}

static void descriptor_truncations(void)
{
	static const uint8_t DATA[DESCRIPTOR_LEN] = {0x72, 0xf5, 0x24, 0x01};
	for (size_t len = 0; len <= sizeof(DATA); len++) {
		unit_case("%zu bytes", len);
		struct qd_sense s = qd_sense_decode(DATA, len);
		UNIT_EQUAL(s.valid, len == DESCRIPTOR_LEN);
		UNIT_EQUAL(s.key, len == DESCRIPTOR_LEN ? 0x05 : 0);
		UNIT_EQUAL(s.asc, len == DESCRIPTOR_LEN ? 0x24 : 0);
		UNIT_EQUAL(s.ascq, len == DESCRIPTOR_LEN ? 0x01 : 0);
	}
}

static void response_codes(void)
{
	uint8_t data[FIXED_LEN];
	fixed(data, 0, 0x06, 0x29, 0x00);
	for (unsigned code = 0; code < 256; code++) {
		data[0] = (uint8_t)code;
		unit_case("response code %02xh", code);
		UNIT_EQUAL(qd_sense_decode(data, sizeof(data)).valid,
			   (code & 0x7f) >= 0x70 && (code & 0x7f) <= 0x73);
	}
}

static void upper_bits_of_key_byte(void)
{
	uint8_t data[FIXED_LEN];
	fixed(data, 0xf0, 0xe6, 0x2a, 0x05); /* VALID; FILEMARK, EOM, ILI */
	struct qd_sense s = qd_sense_decode(data, sizeof(data));
	UNIT_OK(s.valid);
	UNIT_EQUAL(s.key, 0x06);
}

static void invalid_sense_is_an_error(void)
{
	UNIT_EQUAL(qd_outcome_of(QD_SCSI_CHECK_CONDITION, (struct qd_sense){0}), QD_OUTCOME_ERROR);
	UNIT_EQUAL(qd_outcome_of(QD_SCSI_CHECK_CONDITION, (struct qd_sense){.key = 6, .asc = 0x29}),
		   QD_OUTCOME_ERROR);
}

static void statuses(void)
{
	for (unsigned status = 0; status < 256; status++) {
		if (status == QD_SCSI_CHECK_CONDITION)
			continue;
		enum qd_outcome expected = QD_OUTCOME_ERROR;
		if (status == 0x00)
			expected = QD_OUTCOME_GOOD;
		if (status == 0x08 || status == 0x28)
			expected = QD_OUTCOME_BUSY;
		if (status == 0x18)
			expected = QD_OUTCOME_CONFLICT;
		if (status == 0x40)
			expected = QD_OUTCOME_ABORTED;
		unit_case("status %02xh", status);
		UNIT_EQUAL(qd_outcome_of((uint8_t)status, (struct qd_sense){0}), expected);
		/* Whatever sense a target sends along. */
		UNIT_EQUAL(qd_outcome_of((uint8_t)status, sense_of(0x06, 0x29, 0x00)), expected);
	}
}

/* PROTOCOL.md section 7 and what the targets answered to a probe. */
static void measured(void)
{
	static const struct {
		uint8_t key, asc, ascq;
		enum qd_outcome outcome;
		const char *from;
	} MEASURED[] = {
		{0x06, 0x29, 0x00, QD_OUTCOME_UA_RESET, "tgt, new session or LUN reset"},
		{0x06, 0x29, 0x03, QD_OUTCOME_UA_RESET, "LIO, LUN reset"},
		{0x06, 0x29, 0x07, QD_OUTCOME_UA_RESET, "I_T nexus loss"},
		{0x06, 0x2a, 0x03, QD_OUTCOME_UA_RES_PREEMPTED,
		 "tgt, to the preempted node; both after CLEAR"},
		{0x06, 0x2a, 0x04, QD_OUTCOME_UA_RES_RELEASED, "LIO, RELEASE under type 5"},
		{0x06, 0x2a, 0x05, QD_OUTCOME_UA_REG_PREEMPTED, "LIO, to the preempted node"},
		{0x05, 0x20, 0x00, QD_OUTCOME_UNSUPPORTED, "LIO, REPORT SUPPORTED OPCODES"},
		{0x05, 0x24, 0x00, QD_OUTCOME_UNSUPPORTED, "tgt, APTPL, PREEMPT AND ABORT, READ FULL STATUS"},
		{0x05, 0x26, 0x00, QD_OUTCOME_UNSUPPORTED, "LIO, SPEC_I_PT with an empty list"},
		{0x02, 0x08, 0x00, QD_OUTCOME_CONFLICT, "LIO, RESERVE against another holder"},
		{0x0e, 0x1d, 0x00, QD_OUTCOME_ERROR, "LIO, miscompare"},
	};
	for (size_t i = 0; i < UNIT_COUNT(MEASURED); i++) {
		unit_case("%s", MEASURED[i].from);
		UNIT_EQUAL(check_condition(MEASURED[i].key, MEASURED[i].asc, MEASURED[i].ascq),
			   MEASURED[i].outcome);
	}
}

static void rest_of_table(void)
{
	UNIT_EQUAL(check_condition(0x06, 0x2a, 0x09), QD_OUTCOME_UA_OTHER); /* capacity data changed */
	UNIT_EQUAL(check_condition(0x06, 0x2a, 0x01), QD_OUTCOME_UA_OTHER); /* mode parameters changed */
	UNIT_EQUAL(check_condition(0x06, 0x3f, 0x0e), QD_OUTCOME_UA_OTHER); /* reported LUNs changed */
	UNIT_EQUAL(check_condition(0x05, 0x25, 0x00), QD_OUTCOME_NO_LUN);
	UNIT_EQUAL(check_condition(0x05, 0x55, 0x04), QD_OUTCOME_NO_RESOURCES);
	UNIT_EQUAL(check_condition(0x05, 0x55, 0x03), QD_OUTCOME_ERROR);
	UNIT_EQUAL(check_condition(0x05, 0x24, 0x01), QD_OUTCOME_ERROR);
	UNIT_EQUAL(check_condition(0x05, 0x1a, 0x00), QD_OUTCOME_ERROR); /* parameter list length */
	UNIT_EQUAL(check_condition(0x07, 0x27, 0x00), QD_OUTCOME_WRITE_PROTECTED);
	UNIT_EQUAL(check_condition(0x07, 0x27, 0x07), QD_OUTCOME_WRITE_PROTECTED);
	UNIT_EQUAL(check_condition(0x02, 0x04, 0x01), QD_OUTCOME_NOT_READY);
	UNIT_EQUAL(check_condition(0x02, 0x08, 0x01), QD_OUTCOME_NOT_READY);
	UNIT_EQUAL(check_condition(0x03, 0x11, 0x00), QD_OUTCOME_MEDIUM_ERROR);
	UNIT_EQUAL(check_condition(0x04, 0x44, 0x00), QD_OUTCOME_MEDIUM_ERROR);
	UNIT_EQUAL(check_condition(0x0b, 0x4e, 0x00), QD_OUTCOME_ABORTED);
	UNIT_EQUAL(check_condition(0x00, 0x00, 0x00), QD_OUTCOME_ERROR);
	UNIT_EQUAL(check_condition(0x01, 0x17, 0x01), QD_OUTCOME_ERROR); /* recovered: no proof either way */
}

/* A key of its own never turns into another's outcome, whatever the codes say. */
static void every_code(void)
{
	for (unsigned i = 0; i < 16U << 16; i++) {
		uint8_t key = (uint8_t)(i >> 16);
		uint8_t asc = (uint8_t)(i >> 8);
		enum qd_outcome o = check_condition(key, asc, (uint8_t)i);
		bool good = o < QD_OUTCOME_COUNT && o != QD_OUTCOME_GOOD && o != QD_OUTCOME_UNKNOWN &&
			    qd_outcome_is_unit_attention(o) == (key == 0x06) &&
			    (o == QD_OUTCOME_UA_RESET) == (key == 0x06 && asc == 0x29) &&
			    (o == QD_OUTCOME_CONFLICT) == (i == 0x020800);
		if (!good) {
			unit_case("%06xh", i);
			UNIT_OK(good);
			return;
		}
	}
	UNIT_OK(true);
}

static void both_formats_agree(void)
{
	for (unsigned deferred = 0; deferred < 2; deferred++) {
		uint8_t data[FIXED_LEN];
		fixed(data, (uint8_t)(0x70 + deferred), 0x06, 0x2a, 0x05);
		const uint8_t descriptor[DESCRIPTOR_LEN] = {(uint8_t)(0x72 + deferred), 0x06, 0x2a, 0x05};
		struct qd_sense a = qd_sense_decode(data, sizeof(data));
		struct qd_sense b = qd_sense_decode(descriptor, sizeof(descriptor));
		UNIT_OK(a.valid && b.valid);
		UNIT_EQUAL(a.key, b.key);
		UNIT_EQUAL(a.asc, b.asc);
		UNIT_EQUAL(a.ascq, b.ascq);
	}
}

static void not_executed(void)
{
	unsigned bits = 0;
	for (unsigned o = 0; o < QD_OUTCOME_COUNT; o++)
		bits |= qd_outcome_not_executed((enum qd_outcome)o) ? 1U << o : 0;
	unsigned expected = 1U << QD_OUTCOME_CONFLICT | 1U << QD_OUTCOME_UA_RESET |
			    1U << QD_OUTCOME_UA_RES_PREEMPTED | 1U << QD_OUTCOME_UA_RES_RELEASED |
			    1U << QD_OUTCOME_UA_REG_PREEMPTED | 1U << QD_OUTCOME_UA_OTHER |
			    1U << QD_OUTCOME_UNSUPPORTED | 1U << QD_OUTCOME_NO_LUN |
			    1U << QD_OUTCOME_NO_RESOURCES | 1U << QD_OUTCOME_BUSY;
	UNIT_EQUAL(bits, expected);
}

static void names(void)
{
	for (unsigned o = 0; o < QD_OUTCOME_COUNT; o++) {
		const char *name = qd_outcome_name((enum qd_outcome)o);
		UNIT_OK(strspn(name, "abcdefghijklmnopqrstuvwxyz-") == strlen(name) && name[0] != '\0');
		for (unsigned other = 0; other < o; other++)
			UNIT_OK(strcmp(name, qd_outcome_name((enum qd_outcome)other)) != 0);
	}
	UNIT_TEXT(qd_outcome_name(QD_OUTCOME_GOOD), "good");
	UNIT_TEXT(qd_outcome_name(QD_OUTCOME_CONFLICT), "conflict");
	UNIT_TEXT(qd_outcome_name(QD_OUTCOME_UA_RESET), "ua-reset");
}

static void name_of_none(void)
{
	(void)qd_outcome_name(QD_OUTCOME_COUNT);
}

static void not_executed_of_none(void)
{
	(void)qd_outcome_not_executed(QD_OUTCOME_COUNT);
}

static void refuses_no_outcome(void)
{
	UNIT_OK(unit_aborts(name_of_none));
	UNIT_OK(unit_aborts(not_executed_of_none));
}

static const struct unit_test TESTS[] = {
	{"no data is no sense", no_data},
	{"fixed sense cut off before its qualifier is no sense, at every byte", fixed_truncations},
	{"fixed sense that calls itself shorter is no sense", fixed_says_it_is_shorter},
	{"descriptor sense shorter than its header is no sense, at every byte", descriptor_truncations},
	{"only the four response codes 70h to 73h are sense, with or without bit 7", response_codes},
	{"the upper bits of the key's byte are not the key", upper_bits_of_key_byte},
	{"a check condition without sense is an error that proves nothing", invalid_sense_is_an_error},
	{"an outcome out of range is a programmer's error", refuses_no_outcome},
	{"every status but CHECK CONDITION decides without its sense", statuses},
	{"what LIO and tgt were seen to answer means what it meant there", measured},
	{"the rest of the table", rest_of_table},
	{"of all 1,048,576 codes each keeps to its sense key", every_code},
	{"fixed and descriptor format, current and deferred, say the same", both_formats_agree},
	{"only answers that prove it count as not executed", not_executed},
	{"names are lower case, none is empty or used twice", names},
};

int main(void)
{
	return unit_run("t_sense", TESTS, UNIT_COUNT(TESTS));
}
