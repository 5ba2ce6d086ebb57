/* SPDX-License-Identifier: Apache-2.0 */
/* What a packet costs: encoding and sealing, then opening and decoding, against libsodium alone, which encrypts and
 * decrypts as many bytes. Both in one process, in turn; the best of many batches, in CPU time. `packets [BATCHES]`; exit
 * status 1 when the stated bound did not hold. */
#include "drv/packet.h"
#include "unit/wire_messages.h"

#include <sodium.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	BATCH = 1000, /* packets */
	BATCHES = 200,
	/* Ours may cost as much again as the cryptography: two encodings and eight checks. */
	RATIO_MAX = 2,
};

struct sample {
	const char *what;
	enum qd_msg_kind kind;
	unsigned nodes;
};

static const struct sample SAMPLES[] = {
	{"PROOF", QD_MSG_PROOF, 2},
	{"heartbeat of 2 nodes", QD_MSG_HELLO, 2},
	{"heartbeat of 16 nodes", QD_MSG_HELLO, 16},
	{"INSTALL of 16 nodes", QD_MSG_INSTALL, 16},
	{"INSTALL of 64 nodes", QD_MSG_INSTALL, 64},
};

static struct qd_packet one;
static struct qd_packet two;
static uint8_t packet[QD_WIRE_PACKET_MAX];

static int64_t cpu_ns(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Nanoseconds of a batch; 0: a packet did not open. */
static int64_t ours(const struct qd_msg *m)
{
	struct qd_packet_content content;
	int64_t begun = cpu_ns();
	for (unsigned i = 0; i < BATCH; i++) {
		size_t len = qd_packet_seal_msg(&one, m, packet);
		if (qd_packet_open(&two, packet, len, &content) != QD_PACKET_OK)
			return 0;
	}
	return cpu_ns() - begun;
}

static int64_t bare(size_t len)
{
	static uint8_t text[QD_WIRE_MSG_MAX];
	const size_t text_len = len - QD_WIRE_ENVELOPE_BYTES - QD_WIRE_MAC_BYTES;
	const uint8_t *key = one.slot[0].send[2];
	uint8_t nonce[QD_WIRE_NONCE_BYTES] = {0};
	unsigned long long n = 0;
	int64_t begun = cpu_ns();
	for (unsigned i = 0; i < BATCH; i++) {
		sodium_increment(nonce, sizeof(nonce));
		(void)crypto_aead_xchacha20poly1305_ietf_encrypt(packet + QD_WIRE_ENVELOPE_BYTES, &n, text,
								 text_len, packet, QD_WIRE_ENVELOPE_BYTES,
								 NULL, nonce, key);
		if (crypto_aead_xchacha20poly1305_ietf_decrypt(
			    text, &n, NULL, packet + QD_WIRE_ENVELOPE_BYTES, text_len + QD_WIRE_MAC_BYTES,
			    packet, QD_WIRE_ENVELOPE_BYTES, nonce, key) != 0)
			return 0;
	}
	return cpu_ns() - begun;
}

/* A message of `nodes` that fills every array. */
static struct qd_msg full(const struct sample *s)
{
	struct qd_msg m;
	uint64_t seed = 1;
	uint64_t all = ~UINT64_C(0) >> (64 - s->nodes);
	do {
		wire_random_msg(&m, s->kind, all, &seed);
		m.from = 1;
		m.to = 2;
	} while ((s->kind == QD_MSG_HELLO && m.news.hears != all) ||
		 (s->kind == QD_MSG_INSTALL &&
		  qd_wire_msg_encode(&m, packet) != QD_WIRE_MSG_MAX_OF(s->nodes)));
	return m;
}

static bool measure(const struct sample *s, unsigned batches)
{
	int64_t best[2] = {INT64_MAX, INT64_MAX};
	struct qd_msg m = full(s);
	size_t len = qd_packet_seal_msg(&one, &m, packet);
	for (unsigned i = 0; i < batches; i++) {
		int64_t took[2] = {ours(&m), bare(len)};
		if (took[0] == 0 || took[1] == 0) {
			(void)fprintf(stderr, "packets: %s does not open\n", s->what);
			return false;
		}
		for (unsigned k = 0; k < 2; k++)
			best[k] = took[k] < best[k] ? took[k] : best[k];
	}
	bool good = best[0] <= RATIO_MAX * best[1];
	(void)printf(
		"%-22s %4zu bytes: seal + open %5.2f us, libsodium alone %5.2f us, ratio %.2f, bound %d%s\n",
		s->what, len, (double)best[0] / BATCH / 1e3, (double)best[1] / BATCH / 1e3,
		(double)best[0] / (double)best[1], RATIO_MAX, good ? "" : ": above it");
	return good;
}

/* What a receiver pays for packets that are none of ours. */
static bool measure_refusal(const char *what, size_t at, enum qd_packet_verdict expected, unsigned batches)
{
	struct qd_packet_content content;
	struct qd_msg m = full(&SAMPLES[2]);
	size_t len = qd_packet_seal_msg(&one, &m, packet);
	int64_t best = INT64_MAX;
	bool good = true;
	packet[at] ^= 1;
	for (unsigned i = 0; i < batches; i++) {
		int64_t begun = cpu_ns();
		for (unsigned k = 0; k < BATCH; k++)
			good = qd_packet_open(&two, packet, len, &content) == expected && good;
		int64_t took = cpu_ns() - begun;
		best = took < best ? took : best;
	}
	(void)printf("%-22s %4zu bytes: refused in %.2f us\n", what, len, (double)best / BATCH / 1e3);
	return good;
}

int main(int argc, char **argv)
{
	struct qd_keyfile keys;
	unsigned batches = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : BATCHES;
	if (qd_keyfile_make(&keys) != 0 || qd_packet_init(&one, 1, &keys) != 0 ||
	    qd_packet_init(&two, 2, &keys) != 0) {
		(void)fprintf(stderr, "packets: libsodium does not start\n");
		return EXIT_FAILURE;
	}
	int64_t begun = cpu_ns();
	for (unsigned i = 0; i < 10; i++)
		(void)qd_packet_rekey(&one, &keys);
	(void)printf("reading a key file: all keys derived in %.0f us\n",
		     (double)(cpu_ns() - begun) / 10 / 1e3);
	bool good = true;
	for (size_t i = 0; i < sizeof(SAMPLES) / sizeof(SAMPLES[0]); i++)
		good = measure(&SAMPLES[i], batches) && good;
	good = measure_refusal("of another cluster", 9, QD_PACKET_CLUSTER, batches) && good;
	good = measure_refusal("forged", QD_WIRE_ENVELOPE_BYTES, QD_PACKET_FORGED, batches) && good;
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
