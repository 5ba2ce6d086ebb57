/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a transfer are where drv/transfer_fields.h, and with it docs/WIRE.md, says, and its keys are derived as it
 * says there: done anew here with nothing but libsodium. */
#include "drv/rig.h"
#include "drv/transfer_wire.h"

#include <string.h>

struct hello_bytes {
	QD_TRANSFER_HELLO_FIELDS(QD_TRANSFER_ROOM)
};
struct welcome_bytes {
	QD_TRANSFER_WELCOME_FIELDS(QD_TRANSFER_ROOM)
};
struct ask_bytes {
	QD_TRANSFER_ASK_FIELDS(QD_TRANSFER_ROOM)
};
struct question_bytes {
	QD_TRANSFER_QUESTION_FIELDS(QD_TRANSFER_ROOM)
};

static const uint8_t KEY[QD_TRANSFER_KEY_BYTES] = {3, 1, 4, 1, 5};

/* No byte is unnamed, none named twice. */
static void fields_follow_one_another(void)
{
#define FOLLOWS(kind, field, at, size)                                                                       \
	CHECK(end == (at));                                                                                  \
	end = (at) + (size);
	unsigned end = 0;
	QD_TRANSFER_HELLO_FIELDS(FOLLOWS)
	end = 0;
	QD_TRANSFER_WELCOME_FIELDS(FOLLOWS)
	end = 0;
	QD_TRANSFER_ASK_FIELDS(FOLLOWS)
	end = 0;
	QD_TRANSFER_QUESTION_FIELDS(FOLLOWS)
	end = 0;
	QD_TRANSFER_STATUS_FIELDS(FOLLOWS)
	CHECK(end == QD_TRANSFER_STATUS_BYTES);
#undef FOLLOWS
}

static void a_hello_is_as_the_list_says(void)
{
	const struct qd_transfer_hello h = {.from = 0x01020304, .to = 0x05060708, .key_number = 0x090a0b0c};
	static const struct hello_bytes expected = {.magic = {'Q', 'D', 'T', '2'},
						    .from = {1, 2, 3, 4},
						    .to = {5, 6, 7, 8},
						    .key = {9, 10, 11, 12}};
	struct hello_bytes first, second;
	uint8_t bytes[QD_TRANSFER_HELLO_BYTES];
	qd_transfer_hello_encode(&h, bytes);
	memcpy(&first, bytes, sizeof first);
	qd_transfer_hello_encode(&h, bytes);
	memcpy(&second, bytes, sizeof second);
	CHECK(memcmp(first.random, second.random, sizeof first.random) != 0);
	memset(first.random, 0, sizeof first.random);
	CHECK(memcmp(&first, &expected, sizeof first) == 0);
}

/* The keys of the two directions, as docs/WIRE.md derives them. */
static void derive(const uint8_t *hello, const uint8_t *random, uint8_t asker[QD_TRANSFER_KEY_BYTES],
		   uint8_t server[QD_TRANSFER_KEY_BYTES])
{
	uint8_t said[QD_TRANSFER_HELLO_BYTES + QD_TRANSFER_RANDOM], both[2 * QD_TRANSFER_KEY_BYTES];
	memcpy(said, hello, QD_TRANSFER_HELLO_BYTES);
	memcpy(said + QD_TRANSFER_HELLO_BYTES, random, QD_TRANSFER_RANDOM);
	CHECK(crypto_generichash_blake2b_salt_personal(both, sizeof both, said, sizeof said, KEY, sizeof KEY,
						       NULL, (const uint8_t *)"quorumd transfer") == 0);
	memcpy(asker, both, QD_TRANSFER_KEY_BYTES);
	memcpy(server, both + QD_TRANSFER_KEY_BYTES, QD_TRANSFER_KEY_BYTES);
}

/* Opens one piece of a new stream; its tag. */
static unsigned opens(const uint8_t *header, const uint8_t *key, const uint8_t *sealed, size_t len_bytes,
		      uint8_t *plain)
{
	crypto_secretstream_xchacha20poly1305_state s;
	uint8_t tag = UINT8_MAX;
	CHECK(crypto_secretstream_xchacha20poly1305_init_pull(&s, header, key) == 0);
	CHECK(crypto_secretstream_xchacha20poly1305_pull(&s, plain, NULL, &tag, sealed, len_bytes, NULL, 0) ==
	      0);
	return tag;
}

static void welcome_and_question_are_as_the_list_says(void)
{
	const struct qd_transfer_hello h = {.from = 1, .to = 2, .key_number = 7};
	struct qd_transfer_streams server = {0}, asker = {0};
	uint8_t hello[QD_TRANSFER_HELLO_BYTES], bytes[QD_TRANSFER_WELCOME_BYTES], ask[QD_TRANSFER_ASK_BYTES];
	uint8_t asker_key[QD_TRANSFER_KEY_BYTES], server_key[QD_TRANSFER_KEY_BYTES], nothing[1];
	struct welcome_bytes welcome;
	struct ask_bytes sealed;
	struct question_bytes question;
	struct qd_transfer_question q = {.request = true};
	randombytes_buf(q.digest, sizeof q.digest);
	randombytes_buf(q.words, sizeof q.words);

	qd_transfer_hello_encode(&h, hello);
	qd_transfer_welcome_encode(&server, hello, KEY, bytes);
	memcpy(&welcome, bytes, sizeof welcome);
	CHECK(memcmp(welcome.magic, "QDT2", sizeof welcome.magic) == 0);
	derive(hello, welcome.random, asker_key, server_key);
	CHECK(opens(welcome.header, server_key, welcome.proof, sizeof welcome.proof, nothing) ==
	      crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);

	CHECK(qd_transfer_welcome_decode(&asker, hello, KEY, bytes) == QD_TRANSFER_OK);
	qd_transfer_ask_encode(&asker, &q, ask);
	memcpy(&sealed, ask, sizeof sealed);
	CHECK(sizeof question + QD_TRANSFER_SEAL == sizeof sealed.question);
	CHECK(opens(sealed.header, asker_key, sealed.question, sizeof sealed.question,
		    (uint8_t *)&question) == crypto_secretstream_xchacha20poly1305_TAG_FINAL);
	CHECK(question.request[0] == 1);
	CHECK(memcmp(question.digest, q.digest, sizeof q.digest) == 0);
	CHECK(memcmp(question.words, q.words, sizeof q.words) == 0);
}

int main(int argc, char **argv)
{
	static const struct rig_test tests[] = {
		{"fields follow one another", fields_follow_one_another},
		{"a hello is as the list says", a_hello_is_as_the_list_says},
		{"welcome and question are as the list says", welcome_and_question_are_as_the_list_says},
	};
	return rig_main("t_transfer_wire", tests, sizeof tests / sizeof tests[0], argc, argv);
}
