/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a transfer (docs/WIRE.md), and its keys: drv/transfer.h says in which order they travel. All numbers
 * big-endian. Touches no socket. */
#ifndef QD_DRV_TRANSFER_WIRE_H
#define QD_DRV_TRANSFER_WIRE_H

#include "drv/transfer.h"
#include "drv/transfer_fields.h"

#include <sodium.h>

#define QD_TRANSFER_ROOM(kind, field, at, size) uint8_t field[size];
#define QD_TRANSFER_BYTES(fields) sizeof(struct {fields(QD_TRANSFER_ROOM)})

enum {
	QD_TRANSFER_MAGIC = 0x51445432, /* "QDT2" */
	QD_TRANSFER_RANDOM = 32,
	QD_TRANSFER_CHUNK = 16384, /* of a body; what one seal covers */
	QD_TRANSFER_SEAL = 17,	   /* what a seal adds */
	QD_TRANSFER_HEADER = 24,   /* of a stream */

	QD_TRANSFER_HELLO_BYTES = QD_TRANSFER_BYTES(QD_TRANSFER_HELLO_FIELDS),
	QD_TRANSFER_WELCOME_BYTES = QD_TRANSFER_BYTES(QD_TRANSFER_WELCOME_FIELDS),
	QD_TRANSFER_PROOF_AT = QD_TRANSFER_WELCOME_BYTES - QD_TRANSFER_SEAL, /* sealed nothing */
	QD_TRANSFER_QUESTION_BYTES = QD_TRANSFER_BYTES(QD_TRANSFER_QUESTION_FIELDS),
	QD_TRANSFER_ASK_BYTES = QD_TRANSFER_BYTES(QD_TRANSFER_ASK_FIELDS),
	QD_TRANSFER_STATUS_BYTES = QD_TRANSFER_BYTES(QD_TRANSFER_STATUS_FIELDS),
	QD_TRANSFER_REPLY_BYTES = QD_TRANSFER_STATUS_BYTES + QD_TRANSFER_SEAL,
};

struct qd_transfer_hello {
	uint32_t from;
	uint32_t to;
	uint32_t key_number;
};

/* What one end seals and opens with. */
struct qd_transfer_streams {
	crypto_secretstream_xchacha20poly1305_state out;
	crypto_secretstream_xchacha20poly1305_state in;
	uint8_t asker_key
		[QD_TRANSFER_KEY_BYTES]; /* what the asker seals with; until the header of its stream travels */
};

/* The random part is drawn here. */
void qd_transfer_hello_encode(const struct qd_transfer_hello *h, uint8_t to[QD_TRANSFER_HELLO_BYTES]);
bool qd_transfer_hello_decode(const uint8_t from[QD_TRANSFER_HELLO_BYTES], struct qd_transfer_hello *out);

/* Server: a welcome to that hello. */
void qd_transfer_welcome_encode(struct qd_transfer_streams *s, const uint8_t hello[QD_TRANSFER_HELLO_BYTES],
				const uint8_t key[QD_TRANSFER_KEY_BYTES],
				uint8_t to[QD_TRANSFER_WELCOME_BYTES]);

/* Asker: OK, PROTOCOL or FORGED. */
enum qd_transfer_result qd_transfer_welcome_decode(struct qd_transfer_streams *s,
						   const uint8_t hello[QD_TRANSFER_HELLO_BYTES],
						   const uint8_t key[QD_TRANSFER_KEY_BYTES],
						   const uint8_t from[QD_TRANSFER_WELCOME_BYTES]);

void qd_transfer_ask_encode(struct qd_transfer_streams *s, const struct qd_transfer_question *q,
			    uint8_t to[QD_TRANSFER_ASK_BYTES]);
bool qd_transfer_ask_decode(struct qd_transfer_streams *s, const uint8_t from[QD_TRANSFER_ASK_BYTES],
			    struct qd_transfer_question *out);

/* Seal len_bytes (at most QD_TRANSFER_CHUNK) to `to`, QD_TRANSFER_SEAL bytes longer. The last piece says so: a stream that
 * was cut cannot pass for a whole one. */
void qd_transfer_seal(struct qd_transfer_streams *s, const uint8_t *from, size_t len_bytes, bool last,
		      uint8_t *to);

/* The reverse; len_bytes is that of the sealed piece. *last: whether it says that it is. False: forged. */
bool qd_transfer_unseal(struct qd_transfer_streams *s, const uint8_t *from, size_t len_bytes, uint8_t *to,
			bool *last);

#endif
