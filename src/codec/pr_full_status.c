/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pr.h"

#include "base/bytes.h"

#include <string.h>

enum {
	HEADER_LEN = 8,	     /* PRGENERATION, ADDITIONAL LENGTH */
	DESCRIPTOR_LEN = 24, /* before the TransportID (SPC-4 6.15.5) */
	FLAG_R_HOLDER = 0x01,
	FLAG_ALL_TG_PT = 0x02,

	/* TransportID (SPC-4 7.6.4): byte 0 is FORMAT CODE (2 bits), reserved (2), PROTOCOL IDENTIFIER (4). */
	TRANSPORT_PROTOCOL_MASK = 0x0f,
	TRANSPORT_FORMAT_SHIFT = 6,
	PROTOCOL_FC = 0,
	PROTOCOL_ISCSI = 5,
	PROTOCOL_SAS = 6,
	FC_NAME_AT = 8,	    /* N_PORT NAME (SPC-4 7.6.4.2) */
	SAS_ADDRESS_AT = 4, /* SPC-4 7.6.4.7 */
	PORT_NAME_LEN = 8,
	ISCSI_NAME_AT = 4, /* SPC-4 7.6.4.6 */
	ISCSI_WITH_ISID = 1,
};

static void put_hex(char *to, const uint8_t *from, size_t len_bytes)
{
	static const char DIGIT[] = "0123456789abcdef";
	for (size_t i = 0; i < len_bytes; i++) {
		to[2 * i] = DIGIT[from[i] >> 4];
		to[2 * i + 1] = DIGIT[from[i] & 0x0f];
	}
	to[2 * len_bytes] = '\0';
}

/* Show the bytes up to the first NUL, from at on in to[]; returns where the text ends. A name is a target's input
 * that ends on an administrator's terminal: nothing but printing ASCII passes. */
static size_t put_text(char *to, size_t cap, size_t at, const uint8_t *from, size_t len_bytes)
{
	qd_assert(at < cap);
	for (size_t i = 0; i < len_bytes && from[i] != 0 && at + 1 < cap; i++)
		to[at++] = from[i] >= 0x20 && from[i] <= 0x7e ? (char)from[i] : '?';
	to[at] = '\0';
	return at;
}

static bool iscsi_decode(const uint8_t *id, size_t id_len, struct qd_pr_full_status *out)
{
	static const uint8_t SEPARATOR[5] = {',', 'i', ',', '0', 'x'};
	struct qd_reader r = qd_reader_make(id, id_len);
	uint8_t format = (uint8_t)(qd_read_be(&r, 1) >> TRANSPORT_FORMAT_SHIFT);
	(void)qd_read_be(&r, 1);
	size_t name_len = (size_t)qd_read_be(&r, 2); /* ADDITIONAL LENGTH */
	const uint8_t *name = qd_read_span(&r, name_len);
	if (name == NULL)
		return false;

	size_t at = put_text(out->initiator, sizeof(out->initiator), 0, name, name_len);
	/* Older Linux targets ended the name with a NUL in front of the separator, which format 01b forbids: the ISID
	 * would be lost, and with it what tells two sessions of one initiator apart. */
	if (format == ISCSI_WITH_ISID && at + 1 < name_len && name_len - at - 1 >= sizeof(SEPARATOR) &&
	    name[at] == 0 && memcmp(name + at + 1, SEPARATOR, sizeof(SEPARATOR)) == 0)
		(void)put_text(out->initiator, sizeof(out->initiator), at, name + at + 1, name_len - at - 1);
	return true;
}

static bool transport_decode(const uint8_t *id, size_t id_len, struct qd_pr_full_status *out)
{
	qd_assert(sizeof(out->initiator) > 2 * (size_t)PORT_NAME_LEN);
	if (id_len == 0)
		return false;
	out->transport = id[0] & TRANSPORT_PROTOCOL_MASK;
	switch (out->transport) {
	case PROTOCOL_FC:
		if (id_len < FC_NAME_AT + PORT_NAME_LEN)
			return false;
		put_hex(out->initiator, id + FC_NAME_AT, PORT_NAME_LEN);
		return true;
	case PROTOCOL_SAS:
		if (id_len < SAS_ADDRESS_AT + PORT_NAME_LEN)
			return false;
		put_hex(out->initiator, id + SAS_ADDRESS_AT, PORT_NAME_LEN);
		return true;
	case PROTOCOL_ISCSI:
		return iscsi_decode(id, id_len, out);
	}
	return true; /* another transport: its key still counts, its name stays empty */
}

bool qd_pr_full_status_begin(const uint8_t *data, size_t len, struct qd_pr_full_status_cursor *cursor)
{
	qd_assert(data != NULL || len == 0);
	*cursor = (struct qd_pr_full_status_cursor){0};
	struct qd_reader r = qd_reader_make(data, len);
	uint32_t generation = (uint32_t)qd_read_be(&r, 4);
	uint32_t additional = (uint32_t)qd_read_be(&r, 4);
	if (r.failed)
		return false;
	/* len of the cursor ends where ADDITIONAL LENGTH says so, what the buffer holds behind it is not ours. */
	bool truncated = additional > len - HEADER_LEN;
	*cursor = (struct qd_pr_full_status_cursor){
		.data = data,
		.len = truncated ? len : HEADER_LEN + (size_t)additional,
		.at = HEADER_LEN,
		.generation = generation,
		.truncated = truncated,
	};
	qd_assert(cursor->at <= cursor->len && cursor->len <= len);
	return true;
}

/* The end came inside a descriptor: no wonder where the target said that there is more. */
static bool end_early(struct qd_pr_full_status_cursor *cursor)
{
	cursor->malformed = !cursor->truncated;
	cursor->at = cursor->len;
	return false;
}

bool qd_pr_full_status_next(struct qd_pr_full_status_cursor *cursor, struct qd_pr_full_status *out)
{
	qd_assert(cursor->at <= cursor->len);
	*out = (struct qd_pr_full_status){0};
	if (cursor->malformed || cursor->at == cursor->len)
		return false;

	struct qd_reader r = qd_reader_make(cursor->data + cursor->at, cursor->len - cursor->at);
	struct qd_pr_full_status read = {.key.value = qd_read_be(&r, 8)};
	(void)qd_read_be(&r, 4);
	uint8_t flags = (uint8_t)qd_read_be(&r, 1);
	uint8_t scope_and_type = (uint8_t)qd_read_be(&r, 1);
	(void)qd_read_be(&r, 4);
	read.relative_port = (uint16_t)qd_read_be(&r, 2);
	size_t id_len = (size_t)qd_read_be(&r, 4); /* ADDITIONAL DESCRIPTOR LENGTH */
	const uint8_t *id = qd_read_span(&r, id_len);
	if (r.failed)
		return end_early(cursor);
	qd_assert(r.at == DESCRIPTOR_LEN + id_len);

	read.holder = (flags & FLAG_R_HOLDER) != 0;
	read.all_target_ports = (flags & FLAG_ALL_TG_PT) != 0;
	/* SCOPE and TYPE are meaningless without R_HOLDER (SPC-4 6.15.5). */
	bool good = !read.holder || qd_pr_type_of_byte(scope_and_type, &read.type);
	if (!good || !transport_decode(id, id_len, &read)) {
		cursor->malformed = true;
		cursor->at = cursor->len;
		return false;
	}
	cursor->at += r.at;
	*out = read;
	return true;
}
