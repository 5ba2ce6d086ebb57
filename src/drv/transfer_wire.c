/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/transfer_wire.h"
#include "base/bytes.h"

_Static_assert((int)QD_TRANSFER_SEAL == crypto_secretstream_xchacha20poly1305_ABYTES, "a seal");
_Static_assert((int)QD_TRANSFER_HEADER == crypto_secretstream_xchacha20poly1305_HEADERBYTES, "a header");
_Static_assert((int)QD_TRANSFER_KEY_BYTES == crypto_secretstream_xchacha20poly1305_KEYBYTES, "a key");
_Static_assert((int)QD_TRANSFER_PROOF_AT == 4 + (int)QD_TRANSFER_RANDOM + (int)QD_TRANSFER_HEADER,
	       "a welcome");
_Static_assert((int)QD_TRANSFER_QUESTION_BYTES == 1 + (int)QD_DIGEST_BYTES + (int)QD_TRANSFER_WORDS,
	       "a question");
_Static_assert((int)QD_TRANSFER_ASK_BYTES ==
		       (int)QD_TRANSFER_HEADER + (int)QD_TRANSFER_QUESTION_BYTES + (int)QD_TRANSFER_SEAL,
	       "a question, sealed");

/* Says what the key is used for: nothing else that is derived from it comes out the same. */
static const uint8_t PERSONAL[crypto_generichash_blake2b_PERSONALBYTES] = {
	'q', 'u', 'o', 'r', 'u', 'm', 'd', ' ', 't', 'r', 'a', 'n', 's', 'f', 'e', 'r'};

struct keys {
	uint8_t asker[QD_TRANSFER_KEY_BYTES]; /* what the asker seals with */
	uint8_t server[QD_TRANSFER_KEY_BYTES];
};

/* libsodium's functions fail here only for lengths that it does not know. */
static void must(int status)
{
	qd_assert(status == 0);
}

/* The hello has both ids in it, and who asks whom: neither can be taken for another. */
static void derive(struct keys *out, const uint8_t hello[QD_TRANSFER_HELLO_BYTES],
		   const uint8_t random[QD_TRANSFER_RANDOM], const uint8_t key[QD_TRANSFER_KEY_BYTES])
{
	uint8_t said[QD_TRANSFER_HELLO_BYTES + QD_TRANSFER_RANDOM];
	uint8_t both[2 * QD_TRANSFER_KEY_BYTES];
	memcpy(said, hello, QD_TRANSFER_HELLO_BYTES);
	memcpy(said + QD_TRANSFER_HELLO_BYTES, random, QD_TRANSFER_RANDOM);
	must(crypto_generichash_blake2b_salt_personal(both, sizeof both, said, sizeof said, key,
						      QD_TRANSFER_KEY_BYTES, NULL, PERSONAL));
	memcpy(out->asker, both, sizeof out->asker);
	memcpy(out->server, both + sizeof out->asker, sizeof out->server);
	sodium_memzero(both, sizeof both);
}

void qd_transfer_hello_encode(const struct qd_transfer_hello *h, uint8_t to[QD_TRANSFER_HELLO_BYTES])
{
	struct qd_writer w = qd_writer_make(to, QD_TRANSFER_HELLO_BYTES);
	qd_write_be(&w, 4, QD_TRANSFER_MAGIC);
	qd_write_be(&w, 4, h->from);
	qd_write_be(&w, 4, h->to);
	qd_write_be(&w, 4, h->key_number);
	uint8_t *random = qd_write_span(&w, QD_TRANSFER_RANDOM);
	qd_assert(random != NULL);
	randombytes_buf(random, QD_TRANSFER_RANDOM);
}

bool qd_transfer_hello_decode(const uint8_t from[QD_TRANSFER_HELLO_BYTES], struct qd_transfer_hello *out)
{
	struct qd_reader r = qd_reader_make(from, QD_TRANSFER_HELLO_BYTES);
	const bool good = qd_read_be(&r, 4) == QD_TRANSFER_MAGIC;
	out->from = (uint32_t)qd_read_be(&r, 4);
	out->to = (uint32_t)qd_read_be(&r, 4);
	out->key_number = (uint32_t)qd_read_be(&r, 4);
	return good;
}

void qd_transfer_welcome_encode(struct qd_transfer_streams *s, const uint8_t hello[QD_TRANSFER_HELLO_BYTES],
				const uint8_t key[QD_TRANSFER_KEY_BYTES],
				uint8_t to[QD_TRANSFER_WELCOME_BYTES])
{
	struct keys keys;
	struct qd_writer w = qd_writer_make(to, QD_TRANSFER_WELCOME_BYTES);
	qd_write_be(&w, 4, QD_TRANSFER_MAGIC);
	uint8_t *random = qd_write_span(&w, QD_TRANSFER_RANDOM);
	uint8_t *header = qd_write_span(&w, QD_TRANSFER_HEADER);
	uint8_t *proof = qd_write_span(&w, QD_TRANSFER_SEAL);
	qd_assert(random != NULL && header != NULL && proof != NULL);
	randombytes_buf(random, QD_TRANSFER_RANDOM);
	derive(&keys, hello, random, key);
	must(crypto_secretstream_xchacha20poly1305_init_push(&s->out, header, keys.server));
	memcpy(s->asker_key, keys.asker, sizeof s->asker_key);
	sodium_memzero(&keys, sizeof keys);
	qd_transfer_seal(s, random, 0, false, proof);
}

enum qd_transfer_result qd_transfer_welcome_decode(struct qd_transfer_streams *s,
						   const uint8_t hello[QD_TRANSFER_HELLO_BYTES],
						   const uint8_t key[QD_TRANSFER_KEY_BYTES],
						   const uint8_t from[QD_TRANSFER_WELCOME_BYTES])
{
	struct keys keys;
	uint8_t nothing[1];
	bool last = false;
	struct qd_reader r = qd_reader_make(from, QD_TRANSFER_WELCOME_BYTES);
	if (qd_read_be(&r, 4) != QD_TRANSFER_MAGIC)
		return QD_TRANSFER_PROTOCOL;
	const uint8_t *random = qd_read_span(&r, QD_TRANSFER_RANDOM);
	const uint8_t *header = qd_read_span(&r, QD_TRANSFER_HEADER);
	qd_assert(random != NULL && header != NULL);
	derive(&keys, hello, random, key);
	must(crypto_secretstream_xchacha20poly1305_init_pull(&s->in, header, keys.server));
	memcpy(s->asker_key, keys.asker, sizeof s->asker_key);
	sodium_memzero(&keys, sizeof keys);
	return qd_transfer_unseal(s, from + QD_TRANSFER_PROOF_AT, QD_TRANSFER_SEAL, nothing, &last) && !last
		       ? QD_TRANSFER_OK
		       : QD_TRANSFER_FORGED;
}

void qd_transfer_ask_encode(struct qd_transfer_streams *s, const struct qd_transfer_question *q,
			    uint8_t to[QD_TRANSFER_ASK_BYTES])
{
	uint8_t plain[QD_TRANSFER_QUESTION_BYTES];
	plain[0] = q->request ? 1 : 0;
	memcpy(plain + 1, q->digest, QD_DIGEST_BYTES);
	memcpy(plain + 1 + QD_DIGEST_BYTES, q->words, QD_TRANSFER_WORDS);
	must(crypto_secretstream_xchacha20poly1305_init_push(&s->out, to, s->asker_key));
	sodium_memzero(s->asker_key, sizeof s->asker_key);
	qd_transfer_seal(s, plain, sizeof plain, true, to + QD_TRANSFER_HEADER);
}

bool qd_transfer_ask_decode(struct qd_transfer_streams *s, const uint8_t from[QD_TRANSFER_ASK_BYTES],
			    struct qd_transfer_question *out)
{
	uint8_t plain[QD_TRANSFER_QUESTION_BYTES];
	bool last = false;
	must(crypto_secretstream_xchacha20poly1305_init_pull(&s->in, from, s->asker_key));
	sodium_memzero(s->asker_key, sizeof s->asker_key);
	if (!qd_transfer_unseal(s, from + QD_TRANSFER_HEADER, sizeof plain + QD_TRANSFER_SEAL, plain,
				&last) ||
	    !last || plain[0] > 1)
		return false;
	out->request = plain[0] == 1;
	memcpy(out->digest, plain + 1, QD_DIGEST_BYTES);
	memcpy(out->words, plain + 1 + QD_DIGEST_BYTES, QD_TRANSFER_WORDS);
	return true;
}

void qd_transfer_seal(struct qd_transfer_streams *s, const uint8_t *from, size_t len_bytes, bool last,
		      uint8_t *to)
{
	const uint8_t tag = last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
				 : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
	qd_assert(len_bytes <= QD_TRANSFER_CHUNK);
	must(crypto_secretstream_xchacha20poly1305_push(&s->out, to, NULL, from, len_bytes, NULL, 0, tag));
}

bool qd_transfer_unseal(struct qd_transfer_streams *s, const uint8_t *from, size_t len_bytes, uint8_t *to,
			bool *last)
{
	uint8_t tag = 0;
	qd_assert(len_bytes >= QD_TRANSFER_SEAL && len_bytes <= QD_TRANSFER_CHUNK + QD_TRANSFER_SEAL);
	if (crypto_secretstream_xchacha20poly1305_pull(&s->in, to, NULL, &tag, from, len_bytes, NULL, 0) != 0)
		return false;
	*last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
	return *last || tag == crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
}
