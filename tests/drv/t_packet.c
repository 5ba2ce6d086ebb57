/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing and opening. No socket and no target: packets go from one struct to the other. */
#include "drv/packet.h"
#include "quorumd/errors.h"
#include "unit/unit.h"
#include "unit/wire_messages.h"

#include <sodium.h>

enum {
	HEX_BYTES_MAX = 256,
	NONCES = 100000, /* of each of two processes */
	KEY_NUMBER = 7,
};

static const uint64_t THREE = 0x13; /* nodes 1, 2 and 5 */

/* Sealed by a second implementation, from docs/WIRE.md alone: cluster c0 c1 .., key 7 with the bytes 01 02 .., nonce
 * e0 e1 ..; the PROVED, the request and the answer of tests/unit/t_wire_bytes.c. */
static const char *const SEALED[QD_WIRE_TRAFFIC_COUNT] = {
	[QD_WIRE_NODE] = "010000010507000000c0c1c2c3c4c5c6c7c8c9cacbcccdcecfe0e1e2e3e4e5e6"
			 "e7e8e9eaebecedeeeff0f1f2f3f4f5f6f78c1b5e4f7b01af329fce33fc0c440c"
			 "26fcb6753fce4739d530b0cfc2044e9079c2a6f6c716f57765900303a35f0485"
			 "3b6046855f368e22c84610264afa2387b9fa413de294a6b42a3ce95ab936fb63"
			 "a16e9558a24efc33ff3f1c7f31",
	[QD_WIRE_WITNESS_REQUEST] = "010001050007000000c0c1c2c3c4c5c6c7c8c9cacbcccdcecfe0e1e2e3e4e5e6"
				    "e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7c02548d6185e92c5bb12200784f7f5"
				    "f1397e04df4e643125b666c259d2976c0d7491a7de294f5e5c2ad6922999a7d5"
				    "f9bede90e26123bed15c294a829a038cc071b83e44defa8edbc8fcd572c052e5"
				    "f64ac5743a80bae830e96e611a90e39a5b08651783799aa5fab2fa",
	[QD_WIRE_WITNESS_ANSWER] = "010002000507000000c0c1c2c3c4c5c6c7c8c9cacbcccdcecfe0e1e2e3e4e5e6"
				   "e7e8e9eaebecedeeeff0f1f2f3f4f5f6f735207e09dbb0ea48a34f76993e46ba"
				   "51f570b280d9be12d9f12c6de1dec3abc19df8ae93ab98975a8225f703cec1c8"
				   "ba618a39eb821a857a5e2f10c0afa34da09fb69afd08ac565343cbca6c6ab123"
				   "fc840e7d56895eb7e586445c49424b9b6f451f7dfc222057b46883b2dd69d678"
				   "7e9109b4",
};

/* A cluster with one key; `number` tells keys apart. */
static struct qd_keyfile keys(uint8_t cluster, uint32_t number)
{
	struct qd_keyfile k = {.count = 1, .slot = {{.number = number, .use = true}}};
	for (size_t i = 0; i < sizeof(k.cluster); i++)
		k.cluster[i] = (uint8_t)(cluster + i);
	for (size_t i = 0; i < sizeof(k.slot[0].key); i++)
		k.slot[0].key[i] = (uint8_t)(number - KEY_NUMBER + 1 + i);
	return k;
}

static void start(struct qd_packet *p, uint32_t self)
{
	struct qd_keyfile k = keys(0xc0, KEY_NUMBER);
	UNIT_EQUAL(qd_packet_init(p, self, &k), 0);
}

static struct qd_msg message(enum qd_msg_kind kind, uint32_t from, uint32_t to, uint64_t seed)
{
	struct qd_msg m;
	wire_random_msg(&m, kind, THREE, &seed);
	m.from = from;
	m.to = to;
	return m;
}

static size_t hello(struct qd_packet *p, uint32_t to, uint8_t packet[QD_WIRE_PACKET_MAX])
{
	struct qd_msg m = message(QD_MSG_HELLO, p->self, to, 4);
	return qd_packet_seal_msg(p, &m, packet);
}

/* The packet is refused for this reason, and counted once. */
static bool refused(struct qd_packet *p, const uint8_t *packet, size_t len, enum qd_packet_verdict why)
{
	struct qd_packet_content content;
	uint64_t before = p->opened[why];
	return UNIT_EQUAL(qd_packet_open(p, packet, len, &content), why) &&
	       UNIT_EQUAL(p->opened[why], before + 1);
}

static bool opens(struct qd_packet *p, const uint8_t *packet, size_t len)
{
	return refused(p, packet, len, QD_PACKET_OK);
}

/* ---------------------------------------------------------------- what is refused */

static void every_length(void)
{
	struct qd_packet one;
	struct qd_packet two;
	struct qd_packet_content content;
	start(&one, 1);
	start(&two, 2);
	for (unsigned kind = QD_MSG_HELLO; kind < QD_MSG_KIND_COUNT; kind++) {
		uint8_t packet[QD_WIRE_PACKET_MAX + 1] = {0};
		struct qd_msg m = message((enum qd_msg_kind)kind, 1, 2, kind);
		size_t len = qd_packet_seal_msg(&one, &m, packet);
		for (size_t cut = 0; cut <= len + 1; cut++) {
			enum qd_packet_verdict verdict = qd_packet_open(&two, packet, cut, &content);
			unit_case("kind %u, %zu of %zu bytes", kind, cut, len);
			if (cut < QD_WIRE_ENVELOPE_BYTES + QD_WIRE_MAC_BYTES)
				UNIT_EQUAL(verdict, QD_PACKET_LENGTH);
			else
				UNIT_EQUAL(verdict, cut == len ? QD_PACKET_OK : QD_PACKET_FORGED);
		}
		UNIT_OK(refused(&two, packet, sizeof(packet), QD_PACKET_LENGTH));
	}
}

static void every_flipped_bit(void)
{
	struct qd_packet one;
	struct qd_packet two;
	struct qd_packet_content content;
	start(&one, 1);
	start(&two, 2);
	for (unsigned kind = QD_MSG_HELLO; kind < QD_MSG_KIND_COUNT; kind++) {
		uint8_t packet[QD_WIRE_PACKET_MAX];
		struct qd_msg m = message((enum qd_msg_kind)kind, 1, 2, kind);
		size_t len = qd_packet_seal_msg(&one, &m, packet);
		for (size_t bit = 0; bit < 8 * len; bit++) {
			packet[bit / 8] ^= (uint8_t)(1U << bit % 8);
			enum qd_packet_verdict verdict = qd_packet_open(&two, packet, len, &content);
			unit_case("kind %u, bit %zu", kind, bit);
			UNIT_OK(verdict != QD_PACKET_OK);
			if (bit >= 8 * 25) /* nonce, text and MAC */
				UNIT_EQUAL(verdict, QD_PACKET_FORGED);
			packet[bit / 8] ^= (uint8_t)(1U << bit % 8);
		}
		UNIT_OK(opens(&two, packet, len));
	}
}

static void counted_by_cause(void)
{
	struct qd_packet one;
	struct qd_packet two;
	uint8_t packet[QD_WIRE_PACKET_MAX];
	start(&one, 1);
	start(&two, 2);
	size_t len = hello(&one, 2, packet);
	packet[0] = QD_WIRE_VERSION + 1;
	UNIT_OK(refused(&two, packet, len, QD_PACKET_VERSION));
	packet[0] = QD_WIRE_VERSION;
	packet[2] = QD_WIRE_TRAFFIC_COUNT;
	UNIT_OK(refused(&two, packet, len, QD_PACKET_MALFORMED));
	packet[2] = QD_WIRE_NODE;
	packet[3] = QD_NODES_MAX + 1;
	UNIT_OK(refused(&two, packet, len, QD_PACKET_ID));
	packet[3] = 2; /* from the receiver itself */
	UNIT_OK(refused(&two, packet, len, QD_PACKET_ID));
	packet[3] = 5; /* sealed by 1 */
	UNIT_OK(refused(&two, packet, len, QD_PACKET_FORGED));
	packet[3] = 1;
	packet[4] = 5; /* to somebody else */
	UNIT_OK(refused(&two, packet, len, QD_PACKET_ID));
	packet[4] = 2;
	packet[5]++;
	UNIT_OK(refused(&two, packet, len, QD_PACKET_KEY));
	packet[5]--;
	packet[9]++;
	UNIT_OK(refused(&two, packet, len, QD_PACKET_CLUSTER));
	packet[9]--;
	UNIT_OK(opens(&two, packet, len));
	UNIT_OK(refused(&one, packet, len, QD_PACKET_ID)); /* reflected to its sender */
	qd_packet_listen(&two, qd_set_of(5));
	UNIT_OK(refused(&two, packet, len, QD_PACKET_ID));
	qd_packet_listen(&two, qd_set_of(5) | qd_set_of(1));
	UNIT_OK(opens(&two, packet, len));
}

static void other_cluster_and_key(void)
{
	struct qd_packet one;
	struct qd_packet other;
	uint8_t packet[QD_WIRE_PACKET_MAX];
	start(&one, 1);
	size_t len = hello(&one, 2, packet);
	struct qd_keyfile k = keys(0xc1, KEY_NUMBER);
	UNIT_EQUAL(qd_packet_init(&other, 2, &k), 0);
	UNIT_OK(refused(&other, packet, len, QD_PACKET_CLUSTER));
	k = keys(0xc0, KEY_NUMBER + 1);
	UNIT_EQUAL(qd_packet_init(&other, 2, &k), 0);
	UNIT_OK(refused(&other, packet, len, QD_PACKET_KEY));
	k.slot[0].number = KEY_NUMBER; /* a key of the same number: somebody made two files */
	UNIT_EQUAL(qd_packet_init(&other, 2, &k), 0);
	UNIT_OK(refused(&other, packet, len, QD_PACKET_FORGED));
}

/* A packet 1 -> 2 is none 2 -> 1, nor one of the witness: every direction has its own key. */
static void directions(void)
{
	struct qd_packet one;
	struct qd_packet two;
	struct qd_packet witness;
	uint8_t packet[QD_WIRE_PACKET_MAX];
	start(&one, 1);
	start(&two, 2);
	start(&witness, QD_PACKET_WITNESS);
	size_t len = hello(&one, 2, packet);
	packet[3] = 2;
	packet[4] = 1;
	UNIT_OK(refused(&one, packet, len, QD_PACKET_FORGED));
	packet[2] = QD_WIRE_WITNESS_ANSWER;
	packet[3] = 0;
	UNIT_OK(refused(&one, packet, len, QD_PACKET_FORGED));
	packet[2] = QD_WIRE_WITNESS_REQUEST;
	packet[3] = 1;
	packet[4] = 0;
	UNIT_OK(refused(&witness, packet, len, QD_PACKET_FORGED));
	for (uint32_t a = 0; a <= QD_NODES_MAX; a++) {
		for (uint32_t b = 0; b <= QD_NODES_MAX; b++) {
			unit_case("peers %u and %u", a, b);
			UNIT_OK(memcmp(one.slot[0].send[a], one.slot[0].receive[b], QD_KEYFILE_KEY_BYTES) !=
					0 ||
				(a == 1 && b == 1));
			UNIT_OK(a == b ||
				memcmp(one.slot[0].send[a], one.slot[0].send[b], QD_KEYFILE_KEY_BYTES) != 0);
		}
	}
	UNIT_BYTES(one.slot[0].send[2], two.slot[0].receive[1], QD_KEYFILE_KEY_BYTES);
}

static void seal_for_another(void)
{
	struct qd_packet one;
	uint8_t packet[QD_WIRE_PACKET_MAX];
	struct qd_msg m = message(QD_MSG_LEAD, 2, 5, 1);
	start(&one, 1);
	(void)qd_packet_seal_msg(&one, &m, packet);
}

static void answer_as_a_node(void)
{
	struct qd_packet one;
	uint8_t packet[QD_WIRE_PACKET_MAX];
	start(&one, 1);
	(void)qd_packet_seal_answer(&one, 2, &(struct qd_witness_answer){0}, packet);
}

static void seal_when_closed(void)
{
	struct qd_packet one;
	uint8_t packet[QD_WIRE_PACKET_MAX];
	start(&one, 1);
	qd_packet_close(&one);
	one.self = 1;
	(void)hello(&one, 2, packet);
}

static void seal_without_nonces(void)
{
	struct qd_packet one;
	uint8_t packet[QD_WIRE_PACKET_MAX];
	start(&one, 1);
	one.sealed = UINT64_MAX;
	(void)hello(&one, 2, packet);
}

static void refuses_arguments(void)
{
	UNIT_OK(unit_aborts(seal_for_another));
	UNIT_OK(unit_aborts(answer_as_a_node));
	UNIT_OK(unit_aborts(seal_when_closed));
	UNIT_OK(unit_aborts(seal_without_nonces));
}

/* ---------------------------------------------------------------- what comes back */

static void everything_comes_back(void)
{
	struct qd_packet one;
	struct qd_packet five;
	struct qd_packet witness;
	struct qd_packet_content c;
	uint8_t packet[QD_WIRE_PACKET_MAX];
	start(&one, 1);
	start(&five, 5);
	start(&witness, QD_PACKET_WITNESS);
	for (unsigned round = 0; round < 20; round++) {
		uint64_t seed = round;
		for (unsigned kind = QD_MSG_HELLO; kind < QD_MSG_KIND_COUNT; kind++) {
			struct qd_msg m = message((enum qd_msg_kind)kind, 1, 5, round * 16 + kind);
			size_t len = qd_packet_seal_msg(&one, &m, packet);
			UNIT_EQUAL(qd_packet_open(&five, packet, len, &c), QD_PACKET_OK);
			UNIT_OK(c.traffic == QD_WIRE_NODE && c.from == 1);
			UNIT_BYTES(&c.u.msg, &m, sizeof(m));
		}
		struct qd_witness_request request;
		wire_random_request(&request, 5, &seed);
		size_t len = qd_packet_seal_request(&five, &request, packet);
		UNIT_EQUAL(qd_packet_open(&witness, packet, len, &c), QD_PACKET_OK);
		UNIT_OK(c.traffic == QD_WIRE_WITNESS_REQUEST && c.from == 5);
		UNIT_BYTES(&c.u.request, &request, sizeof(request));

		struct qd_witness_answer answer;
		wire_random_answer(&answer, &seed);
		len = qd_packet_seal_answer(&witness, 5, &answer, packet);
		UNIT_OK(refused(&one, packet, len, QD_PACKET_ID));
		UNIT_EQUAL(qd_packet_open(&five, packet, len, &c), QD_PACKET_OK);
		UNIT_OK(c.traffic == QD_WIRE_WITNESS_ANSWER && c.from == QD_PACKET_WITNESS);
		UNIT_BYTES(&c.u.answer, &answer, sizeof(answer));
	}
}

static size_t from_hex(const char *hex, uint8_t *to)
{
	size_t len = 0;
	(void)sodium_hex2bin(to, HEX_BYTES_MAX, hex, strlen(hex), NULL, &len, NULL);
	return len;
}

static void golden(void)
{
	static const uint32_t TO[QD_WIRE_TRAFFIC_COUNT] = {5, QD_PACKET_WITNESS, 5};
	static const uint32_t FROM[QD_WIRE_TRAFFIC_COUNT] = {1, 5, QD_PACKET_WITNESS};
	for (unsigned traffic = 0; traffic < QD_WIRE_TRAFFIC_COUNT; traffic++) {
		struct qd_packet receiver;
		struct qd_packet sender;
		struct qd_packet_content c;
		uint8_t expected[HEX_BYTES_MAX];
		uint8_t packet[QD_WIRE_PACKET_MAX];
		size_t len = from_hex(SEALED[traffic], expected);
		start(&receiver, TO[traffic]);
		start(&sender, FROM[traffic]);
		unit_case("traffic %u", traffic);
		if (!UNIT_EQUAL(qd_packet_open(&receiver, expected, len, &c), QD_PACKET_OK))
			continue;
		/* And sealed again: prefix and counter are e0 e1 .. */
		memcpy(sender.prefix, expected + 25, sizeof(sender.prefix));
		sender.sealed = UINT64_C(0xf7f6f5f4f3f2f1f0);
		if (traffic == QD_WIRE_NODE)
			UNIT_EQUAL(qd_packet_seal_msg(&sender, &c.u.msg, packet), len);
		else if (traffic == QD_WIRE_WITNESS_REQUEST)
			UNIT_EQUAL(qd_packet_seal_request(&sender, &c.u.request, packet), len);
		else
			UNIT_EQUAL(qd_packet_seal_answer(&sender, 5, &c.u.answer, packet), len);
		UNIT_BYTES(packet, expected, len);
	}
}

/* A packet with any contents, by the recipe of docs/WIRE.md, as only a member with a mistake could make it. */
static size_t seal_by_hand(struct qd_wire_envelope e, const uint8_t *text, size_t text_len, uint8_t *packet)
{
	struct qd_keyfile k = keys(0xc0, KEY_NUMBER);
	uint8_t key[QD_KEYFILE_KEY_BYTES];
	unsigned long long len = 0;
	e.format = QD_WIRE_VERSION;
	e.key = KEY_NUMBER;
	memcpy(e.cluster, k.cluster, sizeof(e.cluster));
	randombytes_buf(e.nonce, sizeof(e.nonce));
	qd_wire_envelope_encode(&e, packet);
	(void)crypto_kdf_derive_from_key(key, sizeof(key), e.from * 256 + e.to, "qdpacket", k.slot[0].key);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(packet + QD_WIRE_ENVELOPE_BYTES, &len, text,
							 text_len, packet, QD_WIRE_ENVELOPE_BYTES, NULL,
							 e.nonce, key);
	return QD_WIRE_ENVELOPE_BYTES + (size_t)len;
}

static void sealed_nonsense(void)
{
	struct qd_packet two;
	struct qd_packet witness;
	uint8_t packet[QD_WIRE_PACKET_MAX];
	uint8_t text[QD_WIRE_MSG_MAX];
	const struct qd_wire_envelope e = {.traffic = QD_WIRE_NODE, .from = 1, .to = 2};
	const struct qd_wire_envelope w = {.traffic = QD_WIRE_WITNESS_REQUEST, .from = 1};
	start(&two, 2);
	start(&witness, QD_PACKET_WITNESS);
	struct qd_msg m = message(QD_MSG_PROOF, 1, 2, 1);
	size_t len = qd_wire_msg_encode(&m, text);
	UNIT_OK(opens(&two, packet, seal_by_hand(e, text, len, packet)));
	UNIT_OK(refused(&two, packet, seal_by_hand(e, text, 0, packet), QD_PACKET_MALFORMED));
	UNIT_OK(refused(&two, packet, seal_by_hand(e, text, len - 1, packet), QD_PACKET_MALFORMED));
	m.from = 5; /* in the name of another node */
	(void)qd_wire_msg_encode(&m, text);
	UNIT_OK(refused(&two, packet, seal_by_hand(e, text, len, packet), QD_PACKET_MALFORMED));
	m.from = 1;
	m.to = 5;
	(void)qd_wire_msg_encode(&m, text);
	UNIT_OK(refused(&two, packet, seal_by_hand(e, text, len, packet), QD_PACKET_MALFORMED));

	struct qd_witness_request r = {.node = 1};
	qd_wire_witness_request_encode(&r, text);
	UNIT_OK(opens(&witness, packet, seal_by_hand(w, text, QD_WIRE_WITNESS_REQUEST_BYTES, packet)));
	r.node = 2;
	qd_wire_witness_request_encode(&r, text);
	UNIT_OK(refused(&witness, packet, seal_by_hand(w, text, QD_WIRE_WITNESS_REQUEST_BYTES, packet),
			QD_PACKET_MALFORMED));
}

/* ---------------------------------------------------------------- nonces */

static uint8_t (*nonces)[QD_WIRE_NONCE_BYTES];

static int compare_nonces(const void *a, const void *b)
{
	return memcmp(a, b, QD_WIRE_NONCE_BYTES);
}

/* Two processes of one node (before and after a restart), to several receivers, over a change of keys. */
static void nonces_are_new(void)
{
	struct qd_packet p[2];
	uint8_t packet[QD_WIRE_PACKET_MAX];
	struct qd_keyfile k = keys(0xc0, KEY_NUMBER);
	nonces = calloc(2 * NONCES, QD_WIRE_NONCE_BYTES);
	if (!UNIT_OK(nonces != NULL))
		return;
	start(&p[0], 1);
	start(&p[1], 1);
	for (size_t i = 0; i < 2 * NONCES; i++) {
		struct qd_msg m = {.kind = QD_MSG_LEAD, .from = 1, .to = 2 + (uint32_t)i / 2 % 3};
		m.from_session = m.to_session = 1;
		(void)qd_packet_seal_msg(&p[i % 2], &m, packet);
		memcpy(nonces[i], packet + 25, QD_WIRE_NONCE_BYTES);
		if (i % 1000 == 0)
			UNIT_EQUAL(qd_packet_rekey(&p[i % 2], &k), 0);
	}
	qsort(nonces, 2 * NONCES, QD_WIRE_NONCE_BYTES, compare_nonces);
	size_t same = 0;
	for (size_t i = 1; i < 2 * NONCES; i++)
		same += compare_nonces(nonces[i - 1], nonces[i]) == 0;
	UNIT_EQUAL(same, 0);
	free(nonces);
}

/* ---------------------------------------------------------------- changing the key */

enum { STEPS = 4 }; /* one key; added; used; retired */

static void make_steps(struct qd_keyfile step[STEPS])
{
	char why[QD_KEYFILE_WHY_MAX];
	UNIT_EQUAL(qd_keyfile_make(&step[0]), 0);
	step[1] = step[0];
	UNIT_EQUAL(qd_keyfile_add(&step[1], why), 0);
	step[2] = step[1];
	UNIT_EQUAL(qd_keyfile_use(&step[2], why), 0);
	step[3] = step[2];
	UNIT_EQUAL(qd_keyfile_retire(&step[3], why), 0);
}

/* Pairs among 1, 2 and the witness that do not understand one another when node i has read file[i]. */
static unsigned deaf(struct qd_packet p[3], const struct qd_keyfile *const file[3])
{
	struct qd_packet_content c;
	uint8_t packet[QD_WIRE_PACKET_MAX];
	unsigned count = 0;
	for (unsigned i = 0; i < 3; i++)
		UNIT_EQUAL(qd_packet_rekey(&p[i], file[i]), 0);
	for (unsigned i = 1; i < 3; i++) {
		size_t len = hello(&p[i], 3 - i, packet);
		count += qd_packet_open(&p[3 - i], packet, len, &c) != QD_PACKET_OK;
		struct qd_witness_request r = {.node = i};
		len = qd_packet_seal_request(&p[i], &r, packet);
		count += qd_packet_open(&p[0], packet, len, &c) != QD_PACKET_OK;
		len = qd_packet_seal_answer(&p[0], i, &(struct qd_witness_answer){0}, packet);
		count += qd_packet_open(&p[i], packet, len, &c) != QD_PACKET_OK;
	}
	return count;
}

static void roll_over(void)
{
	struct qd_packet p[3];
	struct qd_keyfile step[STEPS];
	make_steps(step);
	for (unsigned i = 0; i < 3; i++)
		UNIT_EQUAL(qd_packet_init(&p[i], i, &step[0]), 0);
	/* At every moment of a step each party has the file of before, or the new one. */
	for (unsigned s = 0; s + 1 < STEPS; s++) {
		for (unsigned who = 0; who < 8; who++) {
			const struct qd_keyfile *file[3];
			for (unsigned i = 0; i < 3; i++)
				file[i] = &step[s + (who >> i & 1)];
			unit_case("step %u, parties %x have it", s + 1, who);
			UNIT_EQUAL(deaf(p, file), 0);
		}
	}
	/* After the last step the old key opens nothing. */
	uint8_t packet[QD_WIRE_PACKET_MAX];
	UNIT_EQUAL(qd_packet_rekey(&p[1], &step[1]), 0);
	UNIT_OK(refused(&p[2], packet, hello(&p[1], 2, packet), QD_PACKET_KEY));
	UNIT_EQUAL(p[1].slot[p[1].send_slot].number, 1);
	UNIT_EQUAL(p[2].slot[p[2].send_slot].number, 2);
	UNIT_OK(sodium_is_zero((const unsigned char *)&p[2].slot[1], sizeof(p[2].slot[1])) != 0);
}

/* The order of the steps is what makes it safe: who leaves one out cuts the cluster in two. */
static void a_step_left_out(void)
{
	struct qd_packet p[3];
	struct qd_keyfile step[STEPS];
	make_steps(step);
	for (unsigned i = 0; i < 3; i++)
		UNIT_EQUAL(qd_packet_init(&p[i], i, &step[0]), 0);
	UNIT_EQUAL(deaf(p, (const struct qd_keyfile *const[]){&step[0], &step[0], &step[2]}), 2);
	UNIT_EQUAL(deaf(p, (const struct qd_keyfile *const[]){&step[1], &step[1], &step[3]}), 2);
	UNIT_EQUAL(deaf(p, (const struct qd_keyfile *const[]){&step[0], &step[0], &step[3]}), 4);
	UNIT_EQUAL(deaf(p, (const struct qd_keyfile *const[]){&step[3], &step[3], &step[3]}), 0);
}

static void other_cluster_is_no_new_key(void)
{
	struct qd_packet one;
	struct qd_packet two;
	uint8_t packet[QD_WIRE_PACKET_MAX];
	struct qd_keyfile other = keys(0xc1, KEY_NUMBER + 1);
	start(&one, 1);
	start(&two, 2);
	UNIT_EQUAL((unsigned)-qd_packet_rekey(&one, &other), QD_ERR_CONFIG);
	UNIT_OK(opens(&two, packet, hello(&one, 2, packet)));
}

static void wiped(void)
{
	struct qd_packet one;
	start(&one, 1);
	qd_packet_close(&one);
	UNIT_OK(sodium_is_zero((const unsigned char *)&one, sizeof(one)) != 0);
}

static const struct unit_test TESTS[] = {
	{"a packet cut off anywhere, or with a byte more, is refused", every_length},
	{"a packet with any one bit flipped is refused", every_flipped_bit},
	{"each cause is told from the others, and counted", counted_by_cause},
	{"another cluster, another key, the same number with another key", other_cluster_and_key},
	{"every direction has its own key", directions},
	{"nobody seals in another's name, without keys or without nonces", refuses_arguments},
	{"what is sealed under a right key and is no message is malformed", sealed_nonsense},
	{"messages of every kind, requests and answers come back", everything_comes_back},
	{"packets of a second implementation open, and are sealed the same", golden},
	{"no nonce comes twice, of one process or of two", nonces_are_new},
	{"the key is changed over three parties without a moment of deafness", roll_over},
	{"a step left out is noticed", a_step_left_out},
	{"the key of another cluster is not taken", other_cluster_is_no_new_key},
	{"closing leaves no key behind", wiped},
};

int main(void)
{
	return unit_run("t_packet", TESTS, UNIT_COUNT(TESTS));
}
