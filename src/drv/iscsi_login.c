/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/iscsi_login.h"

#include "base/assert.h"

#include <string.h>

enum {
	OPCODE_MASK = 0x3f,
	OPCODE_LOGIN_RESPONSE = 0x23,
	OPCODE_REJECT = 0x3f,
	FLAG_TRANSIT = 0x80,
	STAGE_MASK = 0x03,
	STAGE_FULL_FEATURE = 3,
	CLASS_REDIRECT = 1,
	CLASS_INITIATOR = 2,
	DETAIL_AUTHENTICATION = 1,
	DETAIL_AUTHORIZATION = 2,
};

static uint32_t data_length(const uint8_t *pdu)
{
	return (uint32_t)pdu[5] << 16 | (uint32_t)pdu[6] << 8 | pdu[7];
}

size_t qd_iscsi_login_length(const uint8_t *pdu, size_t len_bytes)
{
	if (len_bytes < QD_ISCSI_BHS_BYTES)
		return 0;
	return QD_ISCSI_BHS_BYTES + ((size_t)data_length(pdu) + 3) / 4 * 4;
}

/* The value if `text` is "<key>=...", else NULL. */
static const char *value_of(const char *text, const char *key)
{
	size_t n = strlen(key);
	return strncmp(text, key, n) == 0 && text[n] == '=' ? text + n + 1 : NULL;
}

static bool segment_too_short(const char *value)
{
	uint32_t v = 0;
	for (; *value >= '0' && *value <= '9' && v < QD_ISCSI_SEGMENT_MIN; value++)
		v = v * 10 + (uint32_t)(*value - '0');
	return v < QD_ISCSI_SEGMENT_MIN;
}

static const char *check_key(const char *text, struct qd_login_check *check)
{
	static const char *const lengths[] = {"MaxRecvDataSegmentLength", "FirstBurstLength",
					      "MaxBurstLength"};
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		const char *value = value_of(text, lengths[i]);
		if (value != NULL && segment_too_short(value))
			return "the target offers a segment length below 512 bytes";
	}
	const char *digest = value_of(text, "HeaderDigest");
	if (digest != NULL && check->need_header_digest && strcmp(digest, "CRC32C") != 0)
		return "the target does not agree to header digests, which the configuration demands";
	if (value_of(text, "CHAP_R") != NULL)
		check->mutual_proved = true; /* libiscsi compares it; a wrong one ends the log-in */
	return NULL;
}

static const char *check_status(const uint8_t *pdu, struct qd_login_check *check)
{
	switch (pdu[36]) {
	case 0:
		return NULL;
	case CLASS_REDIRECT:
		return "the target redirects to another portal: name that portal in the configuration";
	case CLASS_INITIATOR:
		if (pdu[37] == DETAIL_AUTHENTICATION || pdu[37] == DETAIL_AUTHORIZATION)
			check->refused_auth = true;
		return NULL; /* libiscsi makes a sentence of it */
	default:
		return NULL;
	}
}

const char *qd_iscsi_login_check(const uint8_t *pdu, size_t len_bytes, struct qd_login_check *check)
{
	qd_assert(len_bytes >= QD_ISCSI_BHS_BYTES);
	if ((pdu[0] & OPCODE_MASK) == OPCODE_REJECT)
		return "the target rejects the log-in request";
	if ((pdu[0] & OPCODE_MASK) != OPCODE_LOGIN_RESPONSE)
		return "the answer to the log-in is no log-in response";
	if (pdu[4] != 0 || data_length(pdu) > QD_ISCSI_LOGIN_DATA_MAX)
		return "the log-in response is longer than a log-in response may be";
	qd_assert(len_bytes == qd_iscsi_login_length(pdu, len_bytes));
	const char *wrong = check_status(pdu, check);
	const char *text = (const char *)pdu + QD_ISCSI_BHS_BYTES;
	size_t left = data_length(pdu);
	while (wrong == NULL && left > 0) {
		const char *end = memchr(text, 0, left);
		if (end == NULL)
			return "the log-in response has a text without an end";
		wrong = check_key(text, check);
		left -= (size_t)(end - text) + 1;
		text = end + 1;
	}
	if (wrong != NULL || pdu[36] != 0)
		return wrong;
	bool finished = (pdu[1] & FLAG_TRANSIT) != 0 && (pdu[1] & STAGE_MASK) == STAGE_FULL_FEATURE;
	if (finished && check->need_mutual && !check->mutual_proved)
		return "the target did not prove itself by mutual CHAP";
	return NULL;
}
