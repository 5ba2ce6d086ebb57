/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "codec/wire.h"
#include "wire_messages.h"

enum {
	ROUNDS = 200,
};

static const uint64_t THREE = 0x13; /* nodes 1, 2 and 5 */

static struct qd_msg message(enum qd_msg_kind kind, uint64_t all, uint64_t seed)
{
	struct qd_msg m;
	wire_random_msg(&m, kind, all, &seed);
	return m;
}

static struct qd_wire_envelope envelope(enum qd_wire_traffic traffic, uint32_t from, uint32_t to)
{
	struct qd_wire_envelope e = {
		.format = QD_WIRE_VERSION,
		.traffic = traffic,
		.from = from,
		.to = to,
		.key = 4, /* one byte: a change of it makes no key */
	};
	for (size_t i = 0; i < sizeof(e.cluster); i++)
		e.cluster[i] = (uint8_t)(0xc0 + i);
	for (size_t i = 0; i < sizeof(e.nonce); i++)
		e.nonce[i] = (uint8_t)(0xe0 + i);
	return e;
}

/* ---------------------------------------------------------------- what is refused */

static void encode_changed(void (*change)(struct qd_msg *m), enum qd_msg_kind kind)
{
	uint8_t bytes[QD_WIRE_MSG_MAX];
	struct qd_msg m = message(kind, THREE, 1);
	change(&m);
	(void)qd_wire_msg_encode(&m, bytes);
}

static void no_kind(struct qd_msg *m)
{
	m->kind = QD_MSG_NONE;
}

static void to_itself(struct qd_msg *m)
{
	m->to = m->from;
}

static void to_nobody(struct qd_msg *m)
{
	m->to = 0;
}

static void to_node_65(struct qd_msg *m)
{
	m->to = QD_NODES_MAX + 1;
}

static void no_session(struct qd_msg *m)
{
	m->from_session = 0;
}

static void to_no_session(struct qd_msg *m)
{
	m->to_session = 0;
}

static void flag_10(struct qd_msg *m)
{
	m->news.flags = QD_NEWS_FLAGS_ALL + 1;
}

static void weight_16(struct qd_msg *m)
{
	m->u.install.head.votes.nodes = THREE;
	m->u.install.head.votes.weight[4] = QD_WEIGHT_MAX + 1;
}

static void foreign_out(struct qd_msg *m)
{
	m->u.install.head.votes.nodes = THREE;
	m->u.install.head.votes.out = qd_set_of(3);
}

static void refusal_6(struct qd_msg *m)
{
	m->u.installed.refusal = QD_REFUSAL_COUNT;
}

#define ENCODE_ABORTS(name, change, kind)                                                                    \
	static void name(void)                                                                               \
	{                                                                                                    \
		encode_changed(change, kind);                                                                \
	}
ENCODE_ABORTS(encode_no_kind, no_kind, QD_MSG_HELLO)
ENCODE_ABORTS(encode_to_itself, to_itself, QD_MSG_HELLO)
ENCODE_ABORTS(encode_to_nobody, to_nobody, QD_MSG_HELLO)
ENCODE_ABORTS(encode_to_node_65, to_node_65, QD_MSG_HELLO)
ENCODE_ABORTS(encode_no_session, no_session, QD_MSG_HELLO)
ENCODE_ABORTS(encode_to_no_session, to_no_session, QD_MSG_NEWS)
ENCODE_ABORTS(encode_flag_10, flag_10, QD_MSG_NEWS)
ENCODE_ABORTS(encode_weight_16, weight_16, QD_MSG_INSTALL)
ENCODE_ABORTS(encode_foreign_out, foreign_out, QD_MSG_INSTALL)
ENCODE_ABORTS(encode_refusal_6, refusal_6, QD_MSG_INSTALLED)

static void encode_request_of_nobody(void)
{
	uint8_t bytes[QD_WIRE_WITNESS_REQUEST_BYTES];
	qd_wire_witness_request_encode(&(struct qd_witness_request){0}, bytes);
}

static void encode_envelope_to_itself(void)
{
	uint8_t bytes[QD_WIRE_ENVELOPE_BYTES];
	struct qd_wire_envelope e = envelope(QD_WIRE_NODE, 2, 2);
	qd_wire_envelope_encode(&e, bytes);
}

static void encode_envelope_without_key(void)
{
	uint8_t bytes[QD_WIRE_ENVELOPE_BYTES];
	struct qd_wire_envelope e = envelope(QD_WIRE_NODE, 1, 2);
	e.key = 0;
	qd_wire_envelope_encode(&e, bytes);
}

static void refuses_arguments(void)
{
	UNIT_OK(unit_aborts(encode_no_kind));
	UNIT_OK(unit_aborts(encode_to_itself));
	UNIT_OK(unit_aborts(encode_to_nobody));
	UNIT_OK(unit_aborts(encode_to_node_65));
	UNIT_OK(unit_aborts(encode_no_session));
	UNIT_OK(unit_aborts(encode_to_no_session));
	UNIT_OK(unit_aborts(encode_flag_10));
	UNIT_OK(unit_aborts(encode_weight_16));
	UNIT_OK(unit_aborts(encode_foreign_out));
	UNIT_OK(unit_aborts(encode_refusal_6));
	UNIT_OK(unit_aborts(encode_request_of_nobody));
	UNIT_OK(unit_aborts(encode_envelope_to_itself));
	UNIT_OK(unit_aborts(encode_envelope_without_key));
}

static bool all_zero(const void *data, size_t len_bytes)
{
	const uint8_t *p = data;
	size_t i = 0;
	while (i < len_bytes && p[i] == 0)
		i++;
	return i == len_bytes;
}

static void every_other_length(void)
{
	struct qd_msg back;
	for (unsigned kind = QD_MSG_HELLO; kind < QD_MSG_KIND_COUNT; kind++) {
		uint8_t bytes[QD_WIRE_MSG_MAX + 1] = {0};
		struct qd_msg m = message((enum qd_msg_kind)kind, qd_set_all(), kind + 7);
		size_t len = qd_wire_msg_encode(&m, bytes);
		for (size_t cut = 0; cut <= len + 1; cut++) {
			unit_case("kind %u, %zu of %zu bytes", kind, cut, len);
			bool good = qd_wire_msg_decode(cut == 0 ? NULL : bytes, cut, &back);
			if (!UNIT_EQUAL(good, cut == len) || !UNIT_OK(good || all_zero(&back, sizeof(back))))
				return;
		}
	}
}

/* Whatever is in a byte: the message is refused, or it is what it says, in just these bytes. */
static void one_encoding(void)
{
	for (unsigned kind = QD_MSG_HELLO; kind < QD_MSG_KIND_COUNT; kind++) {
		uint8_t bytes[QD_WIRE_MSG_MAX];
		uint8_t again[QD_WIRE_MSG_MAX];
		struct qd_msg m = message((enum qd_msg_kind)kind, THREE, kind + 3);
		struct qd_msg back;
		size_t len = qd_wire_msg_encode(&m, bytes);
		for (size_t at = 0; at < len; at++) {
			uint8_t kept = bytes[at];
			for (unsigned value = 0; value < 256; value++) {
				bytes[at] = (uint8_t)value;
				bool good = qd_wire_msg_decode(bytes, len, &back);
				unit_case("kind %u, byte %zu is %u", kind, at, value);
				if (!good && !UNIT_OK(value != kept))
					return;
				if (good && !(UNIT_EQUAL(qd_wire_msg_encode(&back, again), len) &&
					      UNIT_BYTES(again, bytes, len)))
					return;
			}
			bytes[at] = kept;
		}
	}
}

struct change {
	const char *what;
	enum qd_msg_kind kind;
	size_t at;
	uint8_t value;
	bool taken;
};

/* Messages of THREE; offsets are those of docs/WIRE.md. */
static struct qd_msg plain_message(enum qd_msg_kind kind)
{
	struct qd_msg m = {.kind = kind, .from = 1, .to = 2, .from_session = 1, .to_session = 1};
	struct qd_head h = {.votes = {.nodes = THREE, .out = 2, .low = 5}, .has_old = true};
	struct qd_view v = {.epoch = 64, .members = THREE};
	m.news.hears = m.news.set = kind <= QD_MSG_NEWS ? THREE : 0;
	if (kind == QD_MSG_INSTALL)
		m.u.install = (struct qd_install){.view = v, .head = h, .ages = {.known = THREE}};
	if (kind == QD_MSG_PROMISE)
		m.u.promise = (struct qd_promise){.head = h};
	return m;
}

enum {
	BODY = 35,		      /* behind the header */
	HEAD = BODY + 16 + 3 * 8 + 8, /* of INSTALL, behind its view and what was before */
	VOTES = HEAD + 58,
	WEIGHTS = VOTES + 28,
	OLD = WEIGHTS + 3,
};

static const struct change CHANGES[] = {
	{"kind none", QD_MSG_HELLO, 0, 0, false},
	{"kind 16", QD_MSG_HELLO, 0, QD_MSG_KIND_COUNT, false},
	{"from node 0", QD_MSG_HELLO, 1, 0, false},
	{"from node 64", QD_MSG_HELLO, 1, 64, true},
	{"from node 65", QD_MSG_HELLO, 1, 65, false},
	{"from the receiver", QD_MSG_HELLO, 1, 2, false},
	{"to node 0", QD_MSG_HELLO, 2, 0, false},
	{"to node 65", QD_MSG_HELLO, 2, 65, false},
	{"of no session", QD_MSG_HELLO, 3, 0, false},
	{"HELLO to no session", QD_MSG_HELLO, 11, 0, true},
	{"HELLO_OK to no session", QD_MSG_HELLO_OK, 11, 0, false},
	{"the eighth flag", QD_MSG_NEWS, BODY + 40, 0x80, true},
	{"the ninth flag", QD_MSG_NEWS, BODY + 41, 1, true},
	{"the tenth flag", QD_MSG_NEWS, BODY + 41, 2, false},
	{"one more node heard", QD_MSG_NEWS, BODY + 58, 0x17, false},
	{"one less node heard", QD_MSG_NEWS, BODY + 58, 0x03, false},
	{"another node heard", QD_MSG_NEWS, BODY + 58, 0x15, true},
	{"refusal 5", QD_MSG_INSTALLED, BODY + 16, 5, true},
	{"refusal 6", QD_MSG_INSTALLED, BODY + 16, 6, false},
	{"has a vote: 1", QD_MSG_INSTALLED, BODY + 17, 1, true},
	{"has a vote: 2", QD_MSG_INSTALLED, BODY + 17, 2, false},
	{"runs: 2", QD_MSG_PROMISE, BODY + 18, 2, false},
	{"a refusal with a head", QD_MSG_PROMISE, BODY + 16, 1, false},
	{"takes a vote: 2", QD_MSG_PROVED, BODY + 40, 2, false},
	{"answer: has a vote: 2", QD_MSG_ANSWER, BODY + 32, 2, false},
	{"answer: runs: 2", QD_MSG_ANSWER, BODY + 33, 2, false},
	{"forced by node 64", QD_MSG_INSTALL, HEAD + 17, 64, true},
	{"forced by node 65", QD_MSG_INSTALL, HEAD + 17, 65, false},
	{"an old head: 2", QD_MSG_INSTALL, HEAD + 16, 2, false},
	{"no old head, and yet one", QD_MSG_INSTALL, HEAD + 16, 0, false},
	{"model 3", QD_MSG_INSTALL, VOTES, 3, true},
	{"model 4", QD_MSG_INSTALL, VOTES, 4, false},
	{"dynamic: 2", QD_MSG_INSTALL, VOTES + 1, 2, false},
	{"extra vote out: 2", QD_MSG_INSTALL, VOTES + 2, 2, false},
	{"lower node 0", QD_MSG_INSTALL, VOTES + 3, 0, true},
	{"lower node 3, which is not configured", QD_MSG_INSTALL, VOTES + 3, 3, false},
	{"node 3, which is not configured, is out", QD_MSG_INSTALL, VOTES + 12, 4, false},
	{"node 3, which is not configured, is paused", QD_MSG_INSTALL, VOTES + 20, 4, false},
	{"weight 15", QD_MSG_INSTALL, WEIGHTS + 2, QD_WEIGHT_MAX, true},
	{"weight 16", QD_MSG_INSTALL, WEIGHTS + 2, QD_WEIGHT_MAX + 1, false},
	{"old model 4", QD_MSG_INSTALL, OLD, 4, false},
};

static void impossible_contents(void)
{
	struct qd_msg back;
	for (size_t i = 0; i < UNIT_COUNT(CHANGES); i++) {
		uint8_t bytes[QD_WIRE_MSG_MAX];
		struct qd_msg m = plain_message(CHANGES[i].kind);
		size_t len = qd_wire_msg_encode(&m, bytes);
		unit_case("%s, before the change", CHANGES[i].what);
		UNIT_OK(qd_wire_msg_decode(bytes, len, &back));
		bytes[CHANGES[i].at] = CHANGES[i].value;
		unit_case("%s", CHANGES[i].what);
		UNIT_EQUAL(qd_wire_msg_decode(bytes, len, &back), CHANGES[i].taken);
	}
}

/* ---------------------------------------------------------------- round trips */

static void messages_come_back(void)
{
	static const uint64_t SETS[] = {0x3, 0x13, 0xffff, UINT64_C(0x8000000000000001), ~UINT64_C(0)};
	for (unsigned kind = QD_MSG_HELLO; kind < QD_MSG_KIND_COUNT; kind++) {
		for (unsigned round = 0; round < ROUNDS; round++) {
			uint8_t bytes[QD_WIRE_MSG_MAX];
			struct qd_msg back;
			uint64_t all = SETS[round % UNIT_COUNT(SETS)];
			struct qd_msg m = message((enum qd_msg_kind)kind, all, round * 64 + kind);
			size_t len = qd_wire_msg_encode(&m, bytes);
			unit_case("kind %u, round %u", kind, round);
			if (!UNIT_OK(qd_wire_msg_decode(bytes, len, &back)) ||
			    !UNIT_BYTES(&back, &m, sizeof(m)) ||
			    !UNIT_OK(len <= QD_WIRE_MSG_MAX_OF(qd_set_count(all))))
				return;
		}
	}
}

static void not_carried(void)
{
	uint8_t bytes[QD_WIRE_MSG_MAX];
	struct qd_msg m;
	struct qd_msg back;
	unit_fill(&m, sizeof(m), 5);
	m.kind = QD_MSG_PROOF;
	m.from = 1;
	m.to = 2;
	UNIT_EQUAL(qd_wire_msg_encode(&m, bytes), 59);
	UNIT_OK(qd_wire_msg_decode(bytes, 59, &back));
	UNIT_EQUAL(back.u.proof.epoch, m.u.proof.epoch);
	UNIT_EQUAL(back.u.proof.round, m.u.proof.round);
	UNIT_OK(all_zero(&back.news, sizeof(back.news)) && back.exchange.number == 0);

	m = plain_message(QD_MSG_NEWS);
	m.news.incarnation[9] = 77; /* of a node that it does not hear */
	UNIT_OK(qd_wire_msg_decode(bytes, qd_wire_msg_encode(&m, bytes), &back));
	UNIT_EQUAL(back.news.incarnation[9], 0);
}

/* An INSTALL of so many nodes with an old head. */
static size_t longest(unsigned nodes)
{
	uint8_t bytes[QD_WIRE_MSG_MAX];
	uint64_t all = ~UINT64_C(0) >> (64 - nodes);
	struct qd_msg m = plain_message(QD_MSG_INSTALL);
	m.u.install.view.members = m.u.install.ages.known = all;
	m.u.install.head.votes.nodes = m.u.install.head.old.nodes = all;
	m.u.install.head.votes.low = 0;
	return qd_wire_msg_encode(&m, bytes);
}

static void lengths(void)
{
	UNIT_EQUAL(longest(16), 469);
	UNIT_EQUAL(QD_WIRE_PACKET_MAX_OF(16), 534);
	UNIT_EQUAL(longest(64), QD_WIRE_MSG_MAX);
	UNIT_EQUAL(QD_WIRE_PACKET_MAX, 1398);
}

/* A field that the codec does not know of would be lost on the way: whoever adds one comes by here. */
static void no_field_is_forgotten(void)
{
	UNIT_EQUAL(sizeof(struct qd_votes), 8 + 8 + 64 + 8 + 8 + 8 + 8);
	UNIT_EQUAL(sizeof(struct qd_head), 16 + 2 * sizeof(struct qd_votes) + 8 + 8 + 8 + 32);
	UNIT_EQUAL(sizeof(struct qd_view), 16 + 512);
	UNIT_EQUAL(sizeof(struct qd_news), 24 + 16 + 8 + 8 + 16 + 512);
	UNIT_EQUAL(sizeof(struct qd_ages), 8 + 512);
	UNIT_EQUAL(sizeof(struct qd_promise),
		   8 + 8 + 8 + 8 + 8 + sizeof(struct qd_head) + sizeof(struct qd_ages));
	UNIT_EQUAL(sizeof(struct qd_install),
		   sizeof(struct qd_view) + 8 + sizeof(struct qd_head) + sizeof(struct qd_ages));
	UNIT_EQUAL(sizeof(struct qd_installed), 8 + 8 + 8 + 8);
	UNIT_EQUAL(sizeof(struct qd_answer_proof), 8 + 8 + 16 + 8);
	UNIT_EQUAL(sizeof(struct qd_proved), 8 + 8 + 8 + 8 + 8 + 8);
	UNIT_EQUAL(sizeof(struct qd_change), 8 + sizeof(struct qd_head) + sizeof(struct qd_ages));
	UNIT_EQUAL(sizeof(struct qd_msg),
		   16 + 4 * 8 + 16 + sizeof(struct qd_news) + sizeof(struct qd_install));
	UNIT_EQUAL(sizeof(struct qd_witness_request), 8 + 8 + 8 + 8 + 8 + 8 + 16 + 32 + 8);
	UNIT_EQUAL(sizeof(struct qd_witness_answer), 8 + 8 + 8 + 8 + 8 + 8 + 16 + 32 + 8 + 8 + 8);
}

/* ---------------------------------------------------------------- witness */

static void requests_come_back(void)
{
	uint8_t bytes[QD_WIRE_WITNESS_REQUEST_BYTES + 1] = {0};
	uint8_t again[QD_WIRE_WITNESS_REQUEST_BYTES];
	struct qd_witness_request back;
	for (uint64_t round = 0; round < ROUNDS; round++) {
		struct qd_witness_request r;
		uint64_t seed = round;
		wire_random_request(&r, 1 + (uint32_t)round % QD_NODES_MAX, &seed);
		qd_wire_witness_request_encode(&r, bytes);
		UNIT_OK(qd_wire_witness_request_decode(bytes, QD_WIRE_WITNESS_REQUEST_BYTES, &back));
		UNIT_BYTES(&back, &r, sizeof(r));
	}
	for (size_t cut = 0; cut <= sizeof(bytes); cut++) {
		bool good = qd_wire_witness_request_decode(bytes, cut, &back);
		UNIT_EQUAL(good, cut == QD_WIRE_WITNESS_REQUEST_BYTES);
		UNIT_OK(good || all_zero(&back, sizeof(back)));
	}
	for (size_t at = 0; at < QD_WIRE_WITNESS_REQUEST_BYTES; at++) {
		for (unsigned value = 0; value < 256; value++) {
			uint8_t kept = bytes[at];
			bytes[at] = (uint8_t)value;
			bool good =
				qd_wire_witness_request_decode(bytes, QD_WIRE_WITNESS_REQUEST_BYTES, &back);
			bool possible = at == 0 ? value < QD_WITNESS_ASK_COUNT
						: at != 1 || (value >= 1 && value <= 64);
			unit_case("byte %zu is %u", at, value);
			UNIT_EQUAL(good, possible);
			if (good) {
				qd_wire_witness_request_encode(&back, again);
				UNIT_BYTES(again, bytes, sizeof(again));
			}
			bytes[at] = kept;
		}
	}
}

static void answers_come_back(void)
{
	uint8_t bytes[QD_WIRE_WITNESS_ANSWER_BYTES + 1] = {0};
	uint8_t again[QD_WIRE_WITNESS_ANSWER_BYTES];
	struct qd_witness_answer back;
	for (uint64_t round = 0; round < ROUNDS; round++) {
		struct qd_witness_answer a;
		uint64_t seed = round;
		wire_random_answer(&a, &seed);
		qd_wire_witness_answer_encode(&a, bytes);
		UNIT_OK(qd_wire_witness_answer_decode(bytes, QD_WIRE_WITNESS_ANSWER_BYTES, &back));
		UNIT_BYTES(&back, &a, sizeof(a));
	}
	for (size_t cut = 0; cut <= sizeof(bytes); cut++) {
		bool good = qd_wire_witness_answer_decode(bytes, cut, &back);
		UNIT_EQUAL(good, cut == QD_WIRE_WITNESS_ANSWER_BYTES);
		UNIT_OK(good || all_zero(&back, sizeof(back)));
	}
	for (size_t at = 0; at < QD_WIRE_WITNESS_ANSWER_BYTES; at++) {
		for (unsigned value = 0; value < 256; value++) {
			uint8_t kept = bytes[at];
			bytes[at] = (uint8_t)value;
			bool good = qd_wire_witness_answer_decode(bytes, QD_WIRE_WITNESS_ANSWER_BYTES, &back);
			bool possible = at == 0 ? value < QD_WITNESS_VERDICT_COUNT
						: (at != 1 && at != 98) || value <= 64;
			unit_case("byte %zu is %u", at, value);
			UNIT_EQUAL(good, possible);
			if (good) {
				qd_wire_witness_answer_encode(&back, again);
				UNIT_BYTES(again, bytes, sizeof(again));
			}
			bytes[at] = kept;
		}
	}
}

/* ---------------------------------------------------------------- envelope */

enum {
	PACKET_BYTES = QD_WIRE_ENVELOPE_BYTES + QD_WIRE_MAC_BYTES,
};

static void envelope_lengths(void)
{
	static uint8_t packet[QD_WIRE_PACKET_MAX + 1];
	struct qd_wire_envelope e = envelope(QD_WIRE_NODE, 1, 2);
	struct qd_wire_envelope back;
	qd_wire_envelope_encode(&e, packet);
	for (size_t len = 0; len <= sizeof(packet); len++) {
		unit_case("%zu bytes", len);
		UNIT_EQUAL(qd_wire_envelope_decode(len == 0 ? NULL : packet, len, &back),
			   len < PACKET_BYTES || len > QD_WIRE_PACKET_MAX ? QD_WIRE_LENGTH : QD_WIRE_OK);
	}
}

static enum qd_wire_verdict expected_envelope(const uint8_t *p)
{
	if (p[0] != QD_WIRE_VERSION || p[1] != 0)
		return QD_WIRE_VERSION_OTHER;
	if (p[2] >= QD_WIRE_TRAFFIC_COUNT || (p[5] | p[6] | p[7] | p[8]) == 0)
		return QD_WIRE_MALFORMED;
	bool from = p[2] == QD_WIRE_WITNESS_ANSWER ? p[3] == 0 : p[3] >= 1 && p[3] <= 64;
	bool to = p[2] == QD_WIRE_WITNESS_REQUEST ? p[4] == 0 : p[4] >= 1 && p[4] <= 64;
	return from && to && p[3] != p[4] ? QD_WIRE_OK : QD_WIRE_ID;
}

static void every_envelope(void)
{
	static const uint8_t PARTIES[QD_WIRE_TRAFFIC_COUNT][2] = {{1, 64}, {3, 0}, {0, 64}};
	for (unsigned traffic = 0; traffic < QD_WIRE_TRAFFIC_COUNT; traffic++) {
		uint8_t packet[PACKET_BYTES] = {0};
		uint8_t again[QD_WIRE_ENVELOPE_BYTES];
		struct qd_wire_envelope e =
			envelope((enum qd_wire_traffic)traffic, PARTIES[traffic][0], PARTIES[traffic][1]);
		struct qd_wire_envelope back;
		qd_wire_envelope_encode(&e, packet);
		UNIT_EQUAL(qd_wire_envelope_decode(packet, sizeof(packet), &back), QD_WIRE_OK);
		UNIT_BYTES(&back, &e, sizeof(e));
		for (size_t at = 0; at < QD_WIRE_ENVELOPE_BYTES; at++) {
			uint8_t kept = packet[at];
			for (unsigned value = 0; value < 256; value++) {
				packet[at] = (uint8_t)value;
				enum qd_wire_verdict verdict =
					qd_wire_envelope_decode(packet, sizeof(packet), &back);
				unit_case("traffic %u, byte %zu is %u", traffic, at, value);
				UNIT_EQUAL(verdict, expected_envelope(packet));
				if (verdict == QD_WIRE_OK) {
					qd_wire_envelope_encode(&back, again);
					UNIT_BYTES(again, packet, sizeof(again));
				} else {
					UNIT_EQUAL(back.format, packet[0] | packet[1] << 8);
					UNIT_OK(back.from == 0 && back.to == 0 && back.key == 0);
				}
			}
			packet[at] = kept;
		}
	}
}

static const struct unit_test TESTS[] = {
	{"what no decoder takes is not encoded", refuses_arguments},
	{"a message cut off anywhere, or with a byte more, is refused", every_other_length},
	{"whatever stands in a byte: refused, or the one encoding of what it says", one_encoding},
	{"numbers, flags, sets and ids out of range are refused, those at the limit are not",
	 impossible_contents},
	{"messages of every kind come back as they were", messages_come_back},
	{"what a kind does not carry does not travel", not_carried},
	{"16 nodes take 534 bytes at most, 64 take 1,398", lengths},
	{"every struct has the fields that the codec knows", no_field_is_forgotten},
	{"witness requests come back, and others are refused", requests_come_back},
	{"witness answers come back, and others are refused", answers_come_back},
	{"an envelope needs a packet of a possible length", envelope_lengths},
	{"every byte of an envelope is looked at, and judged by its cause", every_envelope},
};

int main(void)
{
	return unit_run("t_wire", TESTS, UNIT_COUNT(TESTS));
}
