/* SPDX-License-Identifier: Apache-2.0 */
/* What it costs to refuse a packet, against checksums of the same bytes: BLAKE2b (with a key, as a checksum that nobody
 * can forge must be), Poly1305 alone, CRC32C. All in one process, in turn; the best of many batches, in CPU time. `refusal
 * [BATCHES]`; exit status 1 when a refusal cost more than its checksum. */
#include "base/crc32c.h"
#include "drv/packet.h"
#include "unit/wire_messages.h"
#include "witness/box.h"

#include <sodium.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	BATCH = 1000, /* packets */
	BATCHES = 200,
	KINDS = 4, /* of what is measured in turn */
	NOISE_PERCENT = 10,
};

enum work { REFUSE = 0, BLAKE2B, POLY1305, CRC32C };

enum what { CHANGED = 0, RANDOM, REQUEST };

struct sample {
	const char *text;
	enum what what;
	unsigned nodes; /* of the heartbeat that it was made of */
	size_t flip;	/* byte that is changed */
	enum qd_packet_verdict expected;
	enum work bound;
	int times; /* the bound */
};

enum {
	AT_CLUSTER = 9, /* in an envelope */
	AT_TEXT = QD_WIRE_ENVELOPE_BYTES + 40,
};

/* What the witness is sent costs a second checksum: it derives a cluster's key anew for each packet. */
static const struct sample SAMPLES[] = {
	{"random bytes, 2 nodes", RANDOM, 2, 0, QD_PACKET_VERSION, CRC32C, 1},
	{"random bytes, 16 nodes", RANDOM, 16, 0, QD_PACKET_VERSION, CRC32C, 1},
	{"another cluster, 2 nodes", CHANGED, 2, AT_CLUSTER, QD_PACKET_CLUSTER, CRC32C, 1},
	{"another cluster, 16 nodes", CHANGED, 16, AT_CLUSTER, QD_PACKET_CLUSTER, CRC32C, 1},
	{"one bit changed, 2 nodes", CHANGED, 2, AT_TEXT, QD_PACKET_FORGED, BLAKE2B, 1},
	{"one bit changed, 16 nodes", CHANGED, 16, AT_TEXT, QD_PACKET_FORGED, BLAKE2B, 1},
	{"one bit changed, 64 nodes", CHANGED, 64, AT_TEXT, QD_PACKET_FORGED, BLAKE2B, 1},
	{"one bit changed, witness", REQUEST, 0, AT_TEXT, QD_PACKET_FORGED, BLAKE2B, 2},
};

static struct qd_keyfile keys;
static struct qd_packet one;
static struct qd_packet two;
static uint8_t packet[QD_WIRE_PACKET_MAX];
static uint64_t kept; /* what was computed is used: no compiler leaves it out */

static int64_t cpu_ns(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* cannot fail for this clock */
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool refuse(const struct sample *s, size_t len)
{
	struct qd_packet_content content;
	struct qd_wire_envelope e;
	struct qd_witness_request request;
	if (s->what == REQUEST)
		return qd_wire_envelope_decode(packet, len, &e) == QD_WIRE_OK &&
		       qd_box_open(&keys, &e, packet, &request) == QD_BOX_FORGED;
	return qd_packet_open(&two, packet, len, &content) == s->expected;
}

static bool blake2b(size_t len)
{
	uint8_t digest[32];
	const int rc = crypto_generichash(digest, sizeof digest, packet, len, one.slot[0].send[2],
					  QD_KEYFILE_KEY_BYTES);
	kept += digest[0];
	return rc == 0;
}

static bool poly1305(size_t len)
{
	uint8_t code[crypto_onetimeauth_BYTES];
	const int rc = crypto_onetimeauth(code, packet, len, one.slot[0].send[2]);
	kept += code[0];
	return rc == 0;
}

static bool crc32c(size_t len)
{
	kept += qd_crc32c(0, packet, len);
	return true;
}

/* Nanoseconds of a batch; -1: not what was expected. */
static int64_t batch(const struct sample *s, enum work work, size_t len)
{
	bool good = true;
	const int64_t begun = cpu_ns();
	for (unsigned i = 0; i < BATCH; i++) {
		switch (work) {
		case REFUSE:
			good = refuse(s, len) && good;
			break;
		case BLAKE2B:
			good = blake2b(len) && good;
			break;
		case POLY1305:
			good = poly1305(len) && good;
			break;
		case CRC32C:
			good = crc32c(len) && good;
			break;
		}
	}
	return good ? cpu_ns() - begun : -1;
}

/* A heartbeat in which everybody hears everybody. */
static size_t heartbeat(unsigned nodes)
{
	const uint64_t all = ~UINT64_C(0) >> (64 - nodes);
	uint64_t seed = 1;
	struct qd_msg m;
	do {
		wire_random_msg(&m, QD_MSG_HELLO, all, &seed);
	} while (m.news.hears != all);
	m.from = 1;
	m.to = 2;
	return qd_packet_seal_msg(&one, &m, packet);
}

static size_t make(const struct sample *s)
{
	const struct qd_witness_request request = {.node = 1, .id = 1};
	if (s->what == REQUEST) {
		const size_t len = qd_packet_seal_request(&one, &request, packet);
		packet[s->flip] ^= 1;
		return len;
	}
	const size_t len = heartbeat(s->nodes);
	if (s->what == RANDOM)
		randombytes_buf_deterministic(packet, len, one.slot[0].send[2]);
	else
		packet[s->flip] ^= 1;
	return len;
}

static bool measure(const struct sample *s, unsigned batches)
{
	int64_t best[KINDS] = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
	const size_t len = make(s);
	for (unsigned i = 0; i < batches; i++) {
		for (unsigned k = 0; k < KINDS; k++) {
			const int64_t took = batch(s, (enum work)k, len);
			if (took < 0) {
				(void)fprintf(stderr, "refusal: %s: another verdict than expected\n",
					      s->text);
				return false;
			}
			best[k] = took < best[k] ? took : best[k];
		}
	}
	const bool good = best[REFUSE] * 100 <= best[s->bound] * s->times * (100 + NOISE_PERCENT);
	(void)printf("%-25s %3zu bytes: refused in %4.0f ns; CRC32C %3.0f ns, Poly1305 %3.0f ns, BLAKE2b "
		     "with a key "
		     "%3.0f ns; ratio to %s%s %.2f%s\n",
		     s->text, len, (double)best[REFUSE] / BATCH, (double)best[CRC32C] / BATCH,
		     (double)best[POLY1305] / BATCH, (double)best[BLAKE2B] / BATCH,
		     s->times == 2 ? "two " : "", s->bound == CRC32C ? "CRC32C" : "BLAKE2b",
		     (double)best[REFUSE] / (double)(best[s->bound] * s->times), good ? "" : ": above it");
	return good;
}

int main(int argc, char **argv)
{
	const unsigned batches = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : BATCHES;
	if (qd_keyfile_make(&keys) != 0 || qd_packet_init(&one, 1, &keys) != 0 ||
	    qd_packet_init(&two, 2, &keys) != 0) {
		(void)fprintf(stderr, "refusal: libsodium does not start\n");
		return EXIT_FAILURE;
	}
	bool good = true;
	for (size_t i = 0; i < sizeof(SAMPLES) / sizeof(SAMPLES[0]); i++)
		good = measure(&SAMPLES[i], batches) && good;
	return good && kept != 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
