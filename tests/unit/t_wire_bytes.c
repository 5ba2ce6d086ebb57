/* SPDX-License-Identifier: Apache-2.0 */
/* One message of every kind and the bytes that it must be, so that the format cannot change unnoticed. A change is a new
 * format version; then these change with it. Numbers count up: v(0x10) is the bytes 10h to 17h. */
#include "unit.h"

#include "codec/wire.h"

enum { HEX_MAX = 1024 };

static const uint64_t TWO = 0x11; /* nodes 1 and 5 */

static const char *const MESSAGES[QD_MSG_KIND_COUNT] = {
	[QD_MSG_HELLO] = "010105101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c"
			 "2d2e2f68696a6b6c6d6e6f7071727374757677404142434445464748494a4b4c"
			 "4d4e4f5051525354555657303132333435363738393a3b3c3d3e3f8a00120000"
			 "00000000001500000000000000110000000000000058595a5b5c5d5e5f606162"
			 "6364656667",
	[QD_MSG_HELLO_OK] = "020105101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c"
			    "2d2e2f68696a6b6c6d6e6f7071727374757677404142434445464748494a4b4c"
			    "4d4e4f5051525354555657303132333435363738393a3b3c3d3e3f8a00120000"
			    "00000000001500000000000000110000000000000058595a5b5c5d5e5f606162"
			    "6364656667",
	[QD_MSG_BACK] = "030105101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c"
			"2d2e2f68696a6b6c6d6e6f7071727374757677404142434445464748494a4b4c"
			"4d4e4f5051525354555657303132333435363738393a3b3c3d3e3f8a00120000"
			"00000000001500000000000000110000000000000058595a5b5c5d5e5f606162"
			"6364656667",
	[QD_MSG_BACK_OK] = "040105101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c"
			   "2d2e2f68696a6b6c6d6e6f7071727374757677404142434445464748494a4b4c"
			   "4d4e4f5051525354555657303132333435363738393a3b3c3d3e3f8a00120000"
			   "00000000001500000000000000110000000000000058595a5b5c5d5e5f606162"
			   "6364656667",
	[QD_MSG_NEWS] = "050105101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c"
			"2d2e2f404142434445464748494a4b4c4d4e4f50515253545556573031323334"
			"35363738393a3b3c3d3e3f8a0012000000000000001500000000000000110000"
			"000000000058595a5b5c5d5e5f6061626364656667",
	[QD_MSG_PREPARE] = "060105101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c"
			   "2d2e2f78797a7b7c7d7e7f1100000000000000808182838485868788898a8b8c"
			   "8d8e8f",
	[QD_MSG_PROMISE] = "070105101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c"
			   "2d2e2f78797a7b7c7d7e7f5051525354555657000100b8b9babbbcbdbebf1100"
			   "000000000000c8c9cacbcccdcecfd0d1d2d3d4d5d6d730313233343536373839"
			   "3a3b3c3d3e3f00009091929394959697a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
			   "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf02010005110000000000000010000000"
			   "000000000100000000000000010f",
	[QD_MSG_INSTALL] = "080105101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c"
			   "2d2e2f78797a7b7c7d7e7f1100000000000000808182838485868788898a8b8c"
			   "8d8e8fb8b9babbbcbdbebf303132333435363738393a3b3c3d3e3f0105909192"
			   "9394959697a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9ba"
			   "bbbcbdbebf020100051100000000000000100000000000000001000000000000"
			   "00010f0100010011000000000000000000000000000000000000000000000003"
			   "001100000000000000c8c9cacbcccdcecfd0d1d2d3d4d5d6d7",
	[QD_MSG_INSTALLED] = "090105101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c"
			     "2d2e2f78797a7b7c7d7e7f50515253545556570401",
	[QD_MSG_PROOF] = "0a0105101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c"
			 "2d2e2f78797a7b7c7d7e7fd8d9dadbdcdddedfe8e9eaebecedeeef",
	[QD_MSG_ANSWER] = "0b0105101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c"
			  "2d2e2f78797a7b7c7d7e7fd8d9dadbdcdddedf303132333435363738393a3b3c"
			  "3d3e3f0100",
	[QD_MSG_PROVED] = "0c0105101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c"
			  "2d2e2f78797a7b7c7d7e7fd8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebec"
			  "edeeeff0f1f2f3f4f5f6f701",
	[QD_MSG_CHANGE] = "0d0105101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c"
			  "2d2e2f78797a7b7c7d7e7f303132333435363738393a3b3c3d3e3f0105909192"
			  "9394959697a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9ba"
			  "bbbcbdbebf020100051100000000000000100000000000000001000000000000"
			  "00010f0100010011000000000000000000000000000000000000000000000003"
			  "001100000000000000c8c9cacbcccdcecfd0d1d2d3d4d5d6d7",
	[QD_MSG_RIGHT_ENDED] = "0e0105101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c"
			       "2d2e2f78797a7b7c7d7e7f1100000000000000c8c9cacbcccdcecfd0d1d2d3d4"
			       "d5d6d7",
	[QD_MSG_LEAD] = "0f0105101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c"
			"2d2e2f78797a7b7c7d7e7f",
};

static const char REQUEST[] = "0205101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d"
			      "2e2f303132333435363738393a3b3c3d3e3fa0a1a2a3a4a5a6a7a8a9aaabacad"
			      "aeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfe8e9eaebecedeeef";

static const char ANSWER[] = "0105101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d"
			     "2e2f303132333435363738393a3b3c3d3e3fa0a1a2a3a4a5a6a7a8a9aaabacad"
			     "aeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfe8e9eaebecedeeeff0f1f2f3f4f5"
			     "f6f707";

static const char ENVELOPE[] = "010000010570717273c0c1c2c3c4c5c6c7c8c9cacbcccdcecfe0e1e2e3e4e5e6"
			       "e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7";

static uint64_t v(unsigned first)
{
	uint64_t number = 0;
	for (unsigned i = 8; i > 0; i--)
		number = number << 8 | (uint8_t)(first + i - 1);
	return number;
}

static void count_up(uint8_t *to, size_t len_bytes, unsigned first)
{
	for (size_t i = 0; i < len_bytes; i++)
		to[i] = (uint8_t)(first + i);
}

static struct qd_tag tag(void)
{
	return (struct qd_tag){.epoch = v(0x30), .version = v(0x38)};
}

static struct qd_head head(bool has_old)
{
	struct qd_head h = {
		.tag = tag(),
		.votes = {.model = QD_MODEL_NODE_AND_WITNESS,
			  .nodes = TWO,
			  .weight = {[0] = 1, [4] = 15},
			  .dynamic = true,
			  .out = 0x10,
			  .low = 5,
			  .paused = 0x01},
		.has_old = has_old,
		.old = {.model = QD_MODEL_NODE_AND_DISK,
			.nodes = TWO,
			.weight = {[0] = 3},
			.extra_out = true},
		.forced_by = has_old ? 5 : 0,
		.forced_unix_s = v(0x90),
	};
	count_up(h.body, sizeof(h.body), 0xa0);
	return h;
}

static struct qd_view view(void)
{
	return (struct qd_view){
		.epoch = v(0x78), .members = TWO, .incarnation = {[0] = v(0x80), [4] = v(0x88)}};
}

static struct qd_ages ages(void)
{
	return (struct qd_ages){.known = TWO, .left_ns = {[0] = v(0xc8), [4] = v(0xd0)}};
}

static struct qd_news news(void)
{
	return (struct qd_news){
		.installed = v(0x40),
		.leading = v(0x48),
		.promised = v(0x50),
		.tag = tag(),
		.flags = QD_NEWS_STUCK | QD_NEWS_JOINING | QD_NEWS_RUNS,
		.voters = 0x12,
		.set = 0x15,
		.hears = TWO,
		.incarnation = {[0] = v(0x58), [4] = v(0x60)},
	};
}

/* The bodies that have a member of their own; the exchange's is there already. */
static void fill(struct qd_msg *m)
{
	if (m->kind == QD_MSG_PREPARE)
		m->u.prepare = view();
	if (m->kind == QD_MSG_PROMISE)
		m->u.promise = (struct qd_promise){.epoch = v(0x78),
						   .promised = v(0x50),
						   .has_vote = true,
						   .installed = v(0xb8),
						   .head = head(false),
						   .ages = ages()};
	if (m->kind == QD_MSG_INSTALL)
		m->u.install = (struct qd_install){
			.view = view(), .before = v(0xb8), .head = head(true), .ages = ages()};
	if (m->kind == QD_MSG_INSTALLED)
		m->u.installed = (struct qd_installed){
			.epoch = v(0x78), .refusal = QD_REFUSAL_TAG, .promised = v(0x50), .has_vote = true};
	if (m->kind == QD_MSG_PROOF) {
		m->u.proof.epoch = v(0x78);
		m->u.proof.round = v(0xd8);
		m->u.proof.wait_ns = v(0xe8);
	}
	if (m->kind == QD_MSG_ANSWER)
		m->u.answer = (struct qd_answer_proof){
			.epoch = v(0x78), .round = v(0xd8), .tag = tag(), .has_vote = true};
	if (m->kind == QD_MSG_PROVED)
		m->u.proved = (struct qd_proved){.epoch = v(0x78),
						 .round = v(0xd8),
						 .age_ns = v(0xe0),
						 .begin_stop_ns = v(0xe8),
						 .stopped_ns = v(0xf0),
						 .take_vote = true};
	if (m->kind == QD_MSG_CHANGE)
		m->u.change = (struct qd_change){.epoch = v(0x78), .head = head(true), .ages = ages()};
	if (m->kind == QD_MSG_RIGHT_ENDED) {
		m->u.ended.epoch = v(0x78);
		m->u.ended.ages = ages();
	}
	if (m->kind == QD_MSG_LEAD)
		m->u.epoch = v(0x78);
}

static void to_hex(const uint8_t *data, size_t len_bytes, char hex[HEX_MAX])
{
	static const char DIGITS[] = "0123456789abcdef";
	for (size_t i = 0; i < len_bytes && 2 * i + 2 < HEX_MAX; i++) {
		hex[2 * i] = DIGITS[data[i] >> 4];
		hex[2 * i + 1] = DIGITS[data[i] & 15];
		hex[2 * i + 2] = '\0';
	}
}

static void messages(void)
{
	for (unsigned kind = QD_MSG_HELLO; kind < QD_MSG_KIND_COUNT; kind++) {
		uint8_t bytes[QD_WIRE_MSG_MAX];
		char hex[HEX_MAX];
		struct qd_msg m = {
			.kind = (enum qd_msg_kind)kind,
			.from = 1,
			.to = 5,
			.from_session = v(0x10),
			.to_session = v(0x18),
			.from_incarnation = v(0x20),
			.sequence = v(0x28),
			.exchange = {.number = v(0x68), .echo = v(0x70)},
			.news = news(),
		};
		fill(&m);
		to_hex(bytes, qd_wire_msg_encode(&m, bytes), hex);
		unit_case("kind %u", kind);
		UNIT_TEXT(hex, MESSAGES[kind]);
	}
}

static void witness(void)
{
	uint8_t bytes[QD_WIRE_WITNESS_ANSWER_BYTES];
	char hex[HEX_MAX];
	struct qd_witness_request request = {
		.ask = QD_WITNESS_PUT,
		.node = 5,
		.session = v(0x10),
		.id = v(0x18),
		.incarnation = v(0x20),
		.epoch = v(0x28),
		.tag = tag(),
		.challenge_ns = v(0xe8),
	};
	struct qd_witness_answer answer = {
		.verdict = QD_WITNESS_HELD,
		.holder = 5,
		.session = v(0x10),
		.id = v(0x18),
		.incarnation = v(0x20),
		.epoch = v(0x28),
		.tag = tag(),
		.age_ns = v(0xe8),
		.start_ns = v(0xf0),
		.last = 7,
	};
	count_up(request.digest, sizeof(request.digest), 0xa0);
	count_up(answer.digest, sizeof(answer.digest), 0xa0);
	qd_wire_witness_request_encode(&request, bytes);
	to_hex(bytes, QD_WIRE_WITNESS_REQUEST_BYTES, hex);
	UNIT_TEXT(hex, REQUEST);
	qd_wire_witness_answer_encode(&answer, bytes);
	to_hex(bytes, QD_WIRE_WITNESS_ANSWER_BYTES, hex);
	UNIT_TEXT(hex, ANSWER);
}

static void envelope(void)
{
	uint8_t bytes[QD_WIRE_ENVELOPE_BYTES];
	char hex[HEX_MAX];
	struct qd_wire_envelope e = {
		.format = QD_WIRE_VERSION, .traffic = QD_WIRE_NODE, .from = 1, .to = 5, .key = 0x73727170};
	count_up(e.cluster, sizeof(e.cluster), 0xc0);
	count_up(e.nonce, sizeof(e.nonce), 0xe0);
	qd_wire_envelope_encode(&e, bytes);
	to_hex(bytes, sizeof(bytes), hex);
	UNIT_TEXT(hex, ENVELOPE);
}

static const struct unit_test TESTS[] = {
	{"messages of every kind are the bytes of format version 1", messages},
	{"so are the witness's", witness},
	{"so is the envelope", envelope},
};

int main(void)
{
	return unit_run("t_wire_bytes", TESTS, UNIT_COUNT(TESTS));
}
