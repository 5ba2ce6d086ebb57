/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/wire.h"

#include "codec/little.h"
#include "codec/wire_fields.h"

/* ---------------------------------------------------------------- sizes */

#define ROOM(kind, field, at, size) uint8_t field[size];
#define BYTES(fields) sizeof(struct {fields(ROOM)})
enum {
	ENVELOPE_BYTES = BYTES(QD_WIRE_ENVELOPE_FIELDS),
	HEADER_BYTES = BYTES(QD_WIRE_HEADER_FIELDS),
	EXCHANGE_BYTES = BYTES(QD_WIRE_EXCHANGE_FIELDS),
	NEWS_BYTES = BYTES(QD_WIRE_NEWS_FIELDS),
	TAG_BYTES = BYTES(QD_WIRE_TAG_FIELDS),
	VOTES_BYTES = BYTES(QD_WIRE_VOTES_FIELDS),
	HEAD_BYTES = BYTES(QD_WIRE_HEAD_FIELDS),
	VIEW_BYTES = BYTES(QD_WIRE_VIEW_FIELDS),
	AGES_BYTES = BYTES(QD_WIRE_AGES_FIELDS),
	PROMISE_BYTES = BYTES(QD_WIRE_PROMISE_FIELDS),
	INSTALLED_BYTES = BYTES(QD_WIRE_INSTALLED_FIELDS),
	PROOF_BYTES = BYTES(QD_WIRE_PROOF_FIELDS),
	ANSWER_BYTES = BYTES(QD_WIRE_ANSWER_FIELDS),
	PROVED_BYTES = BYTES(QD_WIRE_PROVED_FIELDS),
	EPOCH_BYTES = BYTES(QD_WIRE_EPOCH_FIELDS),
	WITNESS_REQUEST_BYTES = BYTES(QD_WIRE_WITNESS_REQUEST_FIELDS),
	WITNESS_ANSWER_BYTES = BYTES(QD_WIRE_WITNESS_ANSWER_FIELDS),
	VALUE_BYTES = 8, /* an incarnation, an age: one for each node of the set before */
	WEIGHT_BYTES = 1,
};

/* Of so many nodes, without the header. */
#define VALUES_OF(nodes) (VALUE_BYTES * (nodes))
#define HEAD_OF(nodes) (HEAD_BYTES + 2 * (VOTES_BYTES + WEIGHT_BYTES * (nodes)))
#define AGES_OF(nodes) (AGES_BYTES + VALUES_OF(nodes))
#define INSTALL_OF(nodes) (VIEW_BYTES + EPOCH_BYTES + VALUES_OF(nodes) + HEAD_OF(nodes) + AGES_OF(nodes))
#define PROMISE_OF(nodes) (PROMISE_BYTES + AGES_OF(nodes) + HEAD_OF(nodes))
#define CHANGE_OF(nodes) (EPOCH_BYTES + HEAD_OF(nodes) + AGES_OF(nodes))
#define NEWS_OF(nodes) (EXCHANGE_BYTES + NEWS_BYTES + VALUES_OF(nodes))

#define IS_LONGEST(nodes)                                                                                    \
	_Static_assert(QD_WIRE_MSG_MAX_OF(nodes) == HEADER_BYTES + INSTALL_OF(nodes) &&                      \
			       INSTALL_OF(nodes) >= PROMISE_OF(nodes) &&                                     \
			       INSTALL_OF(nodes) >= CHANGE_OF(nodes) && INSTALL_OF(nodes) >= NEWS_OF(nodes), \
		       "an INSTALL is the longest message")
IS_LONGEST(2);
IS_LONGEST(QD_WIRE_NODES_SUPPORTED);
IS_LONGEST(64);
_Static_assert(QD_WIRE_MSG_MAX_OF(64) > HEADER_BYTES + ANSWER_BYTES + PROVED_BYTES,
	       "the short ones are shorter");
_Static_assert((int)ENVELOPE_BYTES == (int)QD_WIRE_ENVELOPE_BYTES, "envelope");
_Static_assert((int)WITNESS_REQUEST_BYTES == (int)QD_WIRE_WITNESS_REQUEST_BYTES, "witness request");
_Static_assert((int)WITNESS_ANSWER_BYTES == (int)QD_WIRE_WITNESS_ANSWER_BYTES, "witness answer");
_Static_assert(QD_WIRE_PACKET_MAX_OF(QD_WIRE_NODES_SUPPORTED) <= QD_WIRE_UDP_MAX,
	       "16 nodes: in one piece everywhere");
_Static_assert(QD_WIRE_PACKET_MAX <= QD_WIRE_UDP_ETHERNET_MAX, "64 nodes: in one piece on Ethernet");
_Static_assert(QD_NODES_MAX <= 64, "sets are 64 bits");

/* ---------------------------------------------------------------- one field */

static void put_below(uint8_t *at, size_t width_bytes, uint64_t value, uint64_t bound)
{
	qd_assert(value < bound);
	qd_little_put(at, width_bytes, value);
}

static uint64_t get_below(struct qd_reader *r, const uint8_t *at, size_t width_bytes, uint64_t bound)
{
	uint64_t value = qd_little_get(at, width_bytes);
	if (value >= bound)
		r->failed = true;
	return value < bound ? value : 0;
}

static void put_bits(uint8_t *at, size_t width_bytes, uint64_t value, uint64_t all)
{
	qd_assert((value & ~all) == 0);
	qd_little_put(at, width_bytes, value);
}

static uint64_t get_bits(struct qd_reader *r, const uint8_t *at, size_t width_bytes, uint64_t all)
{
	uint64_t value = qd_little_get(at, width_bytes);
	if ((value & ~all) != 0)
		r->failed = true;
	return (value & ~all) == 0 ? value : 0;
}

/* One line a field, from the lists in wire_fields.h. Numbers and raw bytes are as wide as their members; of the others
 * the encoder asserts what the decoder checks. */
#define MEMBER_FITS(field, size) _Static_assert(sizeof(object->field) == (size), "width of " #field);
#define PUT_NUMBER(field, at, size)                                                                          \
	MEMBER_FITS(field, size)                                                                             \
	qd_little_put(block + (at), size, object->field);
#define PUT_BELOW(field, at, size, bound) put_below(block + (at), size, (uint64_t)object->field, bound);
#define PUT_U16(field, at, size) PUT_NUMBER(field, at, size)
#define PUT_U32(field, at, size) PUT_NUMBER(field, at, size)
#define PUT_U64(field, at, size) PUT_NUMBER(field, at, size)
#define PUT_RAW(field, at, size)                                                                             \
	MEMBER_FITS(field, size)                                                                             \
	memcpy(block + (at), object->field, size);
#define PUT_TAG(field, at, size)                                                                             \
	_Static_assert((size) == TAG_BYTES, "width of " #field);                                             \
	put_tag(&(struct qd_writer){.data = block + (at), .cap_bytes = TAG_BYTES}, &object->field);
#define PUT_BOOL(field, at, size) PUT_BELOW(field, at, size, 2)
#define PUT_ID(field, at, size) PUT_BELOW(field, at, size, QD_NODES_MAX + 1)
#define PUT_PARTY(field, at, size) PUT_ID(field, at, size)
#define PUT_SET(field, at, size) put_bits(block + (at), size, object->field, qd_set_all());
#define PUT_NEWS(field, at, size) put_bits(block + (at), size, object->field, QD_NEWS_FLAGS_ALL);
#define PUT_TRAFFIC(field, at, size) PUT_BELOW(field, at, size, QD_WIRE_TRAFFIC_COUNT)
#define PUT_KIND(field, at, size) PUT_BELOW(field, at, size, QD_MSG_KIND_COUNT)
#define PUT_MODEL(field, at, size) PUT_BELOW(field, at, size, QD_MODEL_COUNT)
#define PUT_REFUSAL(field, at, size) PUT_BELOW(field, at, size, QD_REFUSAL_COUNT)
#define PUT_ASK(field, at, size) PUT_BELOW(field, at, size, QD_WITNESS_ASK_COUNT)
#define PUT_VERDICT(field, at, size) PUT_BELOW(field, at, size, QD_WITNESS_VERDICT_COUNT)
#define PUT(kind, field, at, size) PUT_##kind(field, at, size)

#define GET_BELOW(field, at, size, bound)                                                                    \
	object->field = (__typeof__(object->field))get_below(r, block + (at), size, bound);
#define GET_U16(field, at, size) object->field = (uint16_t)qd_little_get(block + (at), size);
#define GET_U32(field, at, size) object->field = (uint32_t)qd_little_get(block + (at), size);
#define GET_U64(field, at, size) object->field = qd_little_get(block + (at), size);
#define GET_RAW(field, at, size) memcpy(object->field, block + (at), size);
#define GET_TAG(field, at, size)                                                                             \
	get_tag(&(struct qd_reader){.data = block + (at), .len_bytes = TAG_BYTES}, &object->field);
#define GET_BOOL(field, at, size) GET_BELOW(field, at, size, 2)
#define GET_ID(field, at, size) GET_BELOW(field, at, size, QD_NODES_MAX + 1)
#define GET_PARTY(field, at, size) object->field = (uint32_t)qd_little_get(block + (at), size);
#define GET_SET(field, at, size) object->field = get_bits(r, block + (at), size, qd_set_all());
#define GET_NEWS(field, at, size)                                                                            \
	object->field = (uint32_t)get_bits(r, block + (at), size, QD_NEWS_FLAGS_ALL);
#define GET_TRAFFIC(field, at, size) GET_BELOW(field, at, size, QD_WIRE_TRAFFIC_COUNT)
#define GET_KIND(field, at, size) GET_BELOW(field, at, size, QD_MSG_KIND_COUNT)
#define GET_MODEL(field, at, size) GET_BELOW(field, at, size, QD_MODEL_COUNT)
#define GET_REFUSAL(field, at, size) GET_BELOW(field, at, size, QD_REFUSAL_COUNT)
#define GET_ASK(field, at, size) GET_BELOW(field, at, size, QD_WITNESS_ASK_COUNT)
#define GET_VERDICT(field, at, size) GET_BELOW(field, at, size, QD_WITNESS_VERDICT_COUNT)
#define GET(kind, field, at, size) GET_##kind(field, at, size)

/* ---------------------------------------------------------------- one part */

static uint8_t *room_for(struct qd_writer *w, size_t len_bytes)
{
	uint8_t *block = qd_write_span(w, len_bytes);
	qd_assert(block != NULL); /* the buffer is as long as the longest */
	return block;
}

/* NOLINTBEGIN(bugprone-macro-parentheses): types cannot have them */
/* put_NAME() appends the part; get_NAME() reads it, and fails the reader where a field cannot be. */
#define PART(name, type, fields, bytes)                                                                      \
	static void put_##name(struct qd_writer *w, const type *object)                                      \
	{                                                                                                    \
		uint8_t *block = room_for(w, bytes);                                                         \
		fields(PUT)                                                                                  \
	}                                                                                                    \
	static void get_##name(struct qd_reader *r, type *object)                                            \
	{                                                                                                    \
		const uint8_t *block = qd_read_span(r, bytes);                                               \
		if (block == NULL)                                                                           \
			return;                                                                              \
		fields(GET)                                                                                  \
	}

/* NOLINTEND(bugprone-macro-parentheses) */

/* Parts that are nameless or bare in the message. */
struct exchange {
	uint64_t number;
	uint64_t echo;
};
struct proof {
	uint64_t epoch;
	uint64_t round;
	uint64_t wait_ns;
};
struct epoch {
	uint64_t epoch;
};

PART(tag, struct qd_tag, QD_WIRE_TAG_FIELDS, TAG_BYTES)
PART(envelope, struct qd_wire_envelope, QD_WIRE_ENVELOPE_FIELDS, ENVELOPE_BYTES)
PART(header, struct qd_msg, QD_WIRE_HEADER_FIELDS, HEADER_BYTES)
PART(exchange_part, struct exchange, QD_WIRE_EXCHANGE_FIELDS, EXCHANGE_BYTES)
PART(news_part, struct qd_news, QD_WIRE_NEWS_FIELDS, NEWS_BYTES)
PART(votes_part, struct qd_votes, QD_WIRE_VOTES_FIELDS, VOTES_BYTES)
PART(head_part, struct qd_head, QD_WIRE_HEAD_FIELDS, HEAD_BYTES)
PART(view_part, struct qd_view, QD_WIRE_VIEW_FIELDS, VIEW_BYTES)
PART(ages_part, struct qd_ages, QD_WIRE_AGES_FIELDS, AGES_BYTES)
PART(promise_part, struct qd_promise, QD_WIRE_PROMISE_FIELDS, PROMISE_BYTES)
PART(installed, struct qd_installed, QD_WIRE_INSTALLED_FIELDS, INSTALLED_BYTES)
PART(proof, struct proof, QD_WIRE_PROOF_FIELDS, PROOF_BYTES)
PART(answer, struct qd_answer_proof, QD_WIRE_ANSWER_FIELDS, ANSWER_BYTES)
PART(proved, struct qd_proved, QD_WIRE_PROVED_FIELDS, PROVED_BYTES)
PART(epoch, struct epoch, QD_WIRE_EPOCH_FIELDS, EPOCH_BYTES)
PART(witness_request, struct qd_witness_request, QD_WIRE_WITNESS_REQUEST_FIELDS, WITNESS_REQUEST_BYTES)
PART(witness_answer, struct qd_witness_answer, QD_WIRE_WITNESS_ANSWER_FIELDS, WITNESS_ANSWER_BYTES)

/* ---------------------------------------------------------------- parts with entries by node */

static void put_values(struct qd_writer *w, uint64_t set, const uint64_t values[QD_NODES_MAX])
{
	for (uint32_t id = qd_set_next(set, 0); id != 0; id = qd_set_next(set, id))
		qd_write_le(w, VALUE_BYTES, values[id - 1]);
}

/* A set that could not be is empty by now. */
static void get_values(struct qd_reader *r, uint64_t set, uint64_t values[QD_NODES_MAX])
{
	for (uint32_t id = qd_set_next(set, 0); id != 0; id = qd_set_next(set, id))
		values[id - 1] = qd_read_le(r, VALUE_BYTES);
}

static void put_news(struct qd_writer *w, const struct qd_news *news)
{
	put_news_part(w, news);
	put_values(w, news->hears, news->incarnation);
}

static void get_news(struct qd_reader *r, struct qd_news *news)
{
	get_news_part(r, news);
	get_values(r, news->hears, news->incarnation);
}

/* What qd_votes_check() asks of a rule, but for its votes: the head of no configuration has none. */
static bool votes_possible(const struct qd_votes *v)
{
	for (uint32_t id = qd_set_next(v->nodes, 0); id != 0; id = qd_set_next(v->nodes, id)) {
		if (v->weight[id - 1] > QD_WEIGHT_MAX)
			return false;
	}
	return qd_set_contains(v->nodes, v->out) && qd_set_contains(v->nodes, v->paused) &&
	       (v->low == 0 || qd_set_has(v->nodes, v->low));
}

static void put_votes(struct qd_writer *w, const struct qd_votes *v)
{
	qd_assert(votes_possible(v));
	put_votes_part(w, v);
	for (uint32_t id = qd_set_next(v->nodes, 0); id != 0; id = qd_set_next(v->nodes, id))
		qd_write_le(w, WEIGHT_BYTES, v->weight[id - 1]);
}

static void get_votes(struct qd_reader *r, struct qd_votes *v)
{
	get_votes_part(r, v);
	for (uint32_t id = qd_set_next(v->nodes, 0); id != 0; id = qd_set_next(v->nodes, id))
		v->weight[id - 1] = (uint8_t)qd_read_le(r, WEIGHT_BYTES);
	if (!votes_possible(v))
		r->failed = true;
}

static void put_head(struct qd_writer *w, const struct qd_head *h)
{
	put_head_part(w, h);
	put_votes(w, &h->votes);
	if (h->has_old)
		put_votes(w, &h->old);
}

static void get_head(struct qd_reader *r, struct qd_head *h)
{
	get_head_part(r, h);
	get_votes(r, &h->votes);
	if (h->has_old)
		get_votes(r, &h->old);
}

static void put_view(struct qd_writer *w, const struct qd_view *v)
{
	put_view_part(w, v);
	put_values(w, v->members, v->incarnation);
}

static void get_view(struct qd_reader *r, struct qd_view *v)
{
	get_view_part(r, v);
	get_values(r, v->members, v->incarnation);
}

static void put_ages(struct qd_writer *w, const struct qd_ages *a)
{
	put_ages_part(w, a);
	put_values(w, a->known, a->left_ns);
}

static void get_ages(struct qd_reader *r, struct qd_ages *a)
{
	get_ages_part(r, a);
	get_values(r, a->known, a->left_ns);
}

static void put_promise(struct qd_writer *w, const struct qd_promise *p)
{
	put_promise_part(w, p);
	put_ages(w, &p->ages);
	if (p->refusal == QD_REFUSAL_NONE)
		put_head(w, &p->head);
}

static void get_promise(struct qd_reader *r, struct qd_promise *p)
{
	get_promise_part(r, p);
	get_ages(r, &p->ages);
	if (p->refusal == QD_REFUSAL_NONE)
		get_head(r, &p->head);
}

/* ---------------------------------------------------------------- messages */

static bool header_possible(const struct qd_msg *m)
{
	return m->kind != QD_MSG_NONE && m->from != 0 && m->to != 0 && m->from != m->to &&
	       m->from_session != 0 && (m->to_session != 0 || m->kind == QD_MSG_HELLO);
}

static void put_body(struct qd_writer *w, const struct qd_msg *m)
{
	switch (m->kind) {
	case QD_MSG_HELLO:
	case QD_MSG_HELLO_OK:
	case QD_MSG_BACK:
	case QD_MSG_BACK_OK:
		put_exchange_part(w, &(struct exchange){m->exchange.number, m->exchange.echo});
		put_news(w, &m->news);
		return;
	case QD_MSG_NEWS:
		put_news(w, &m->news);
		return;
	case QD_MSG_PREPARE:
		put_view(w, &m->u.prepare);
		return;
	case QD_MSG_PROMISE:
		put_promise(w, &m->u.promise);
		return;
	case QD_MSG_INSTALL:
		put_view(w, &m->u.install.view);
		put_epoch(w, &(struct epoch){m->u.install.before});
		put_head(w, &m->u.install.head);
		put_ages(w, &m->u.install.ages);
		return;
	case QD_MSG_INSTALLED:
		put_installed(w, &m->u.installed);
		return;
	case QD_MSG_PROOF:
		put_proof(w, &(struct proof){m->u.proof.epoch, m->u.proof.round, m->u.proof.wait_ns});
		return;
	case QD_MSG_ANSWER:
		put_answer(w, &m->u.answer);
		return;
	case QD_MSG_PROVED:
		put_proved(w, &m->u.proved);
		return;
	case QD_MSG_CHANGE:
		put_epoch(w, &(struct epoch){m->u.change.epoch});
		put_head(w, &m->u.change.head);
		put_ages(w, &m->u.change.ages);
		return;
	case QD_MSG_RIGHT_ENDED:
		put_epoch(w, &(struct epoch){m->u.ended.epoch});
		put_ages(w, &m->u.ended.ages);
		return;
	case QD_MSG_LEAD:
		put_epoch(w, &(struct epoch){m->u.epoch});
		return;
	case QD_MSG_NONE:
	case QD_MSG_KIND_COUNT:
		break;
	}
	QD_UNREACHABLE("kind of message");
}

static void get_exchange(struct qd_reader *r, struct qd_msg *m)
{
	struct exchange e = {0};
	get_exchange_part(r, &e);
	m->exchange.number = e.number;
	m->exchange.echo = e.echo;
	get_news(r, &m->news);
}

static void get_body(struct qd_reader *r, struct qd_msg *m)
{
	struct proof proof = {0};
	struct epoch epoch = {0};
	switch (m->kind) {
	case QD_MSG_HELLO:
	case QD_MSG_HELLO_OK:
	case QD_MSG_BACK:
	case QD_MSG_BACK_OK:
		get_exchange(r, m);
		return;
	case QD_MSG_NEWS:
		get_news(r, &m->news);
		return;
	case QD_MSG_PREPARE:
		get_view(r, &m->u.prepare);
		return;
	case QD_MSG_PROMISE:
		get_promise(r, &m->u.promise);
		return;
	case QD_MSG_INSTALL:
		get_view(r, &m->u.install.view);
		get_epoch(r, &epoch);
		m->u.install.before = epoch.epoch;
		get_head(r, &m->u.install.head);
		get_ages(r, &m->u.install.ages);
		return;
	case QD_MSG_INSTALLED:
		get_installed(r, &m->u.installed);
		return;
	case QD_MSG_PROOF:
		get_proof(r, &proof);
		m->u.proof.epoch = proof.epoch;
		m->u.proof.round = proof.round;
		m->u.proof.wait_ns = proof.wait_ns;
		return;
	case QD_MSG_ANSWER:
		get_answer(r, &m->u.answer);
		return;
	case QD_MSG_PROVED:
		get_proved(r, &m->u.proved);
		return;
	case QD_MSG_CHANGE:
		get_epoch(r, &epoch);
		m->u.change.epoch = epoch.epoch;
		get_head(r, &m->u.change.head);
		get_ages(r, &m->u.change.ages);
		return;
	case QD_MSG_RIGHT_ENDED:
		get_epoch(r, &epoch);
		m->u.ended.epoch = epoch.epoch;
		get_ages(r, &m->u.ended.ages);
		return;
	case QD_MSG_LEAD:
		get_epoch(r, &epoch);
		m->u.epoch = epoch.epoch;
		return;
	case QD_MSG_NONE: /* out of range, or cut off before it: refused with the header */
	case QD_MSG_KIND_COUNT:
		return;
	}
	QD_UNREACHABLE("kind of message");
}

size_t qd_wire_msg_encode(const struct qd_msg *msg, uint8_t to[QD_WIRE_MSG_MAX])
{
	struct qd_writer w = qd_writer_make(to, QD_WIRE_MSG_MAX);
	qd_assert(header_possible(msg));
	put_header(&w, msg);
	put_body(&w, msg);
	qd_assert(!w.failed);
	return w.at;
}

bool qd_wire_msg_decode(const uint8_t *data, size_t len_bytes, struct qd_msg *out)
{
	struct qd_reader r = qd_reader_make(data, len_bytes);
	memset(out, 0, sizeof(*out));
	get_header(&r, out);
	get_body(&r, out);
	bool good = !r.failed && r.at == len_bytes && header_possible(out);
	if (!good)
		memset(out, 0, sizeof(*out));
	return good;
}

/* ---------------------------------------------------------------- witness */

void qd_wire_witness_request_encode(const struct qd_witness_request *request,
				    uint8_t to[QD_WIRE_WITNESS_REQUEST_BYTES])
{
	struct qd_writer w = qd_writer_make(to, QD_WIRE_WITNESS_REQUEST_BYTES);
	qd_assert(request->node != 0);
	put_witness_request(&w, request);
}

bool qd_wire_witness_request_decode(const uint8_t *data, size_t len_bytes, struct qd_witness_request *out)
{
	struct qd_reader r = qd_reader_make(data, len_bytes);
	memset(out, 0, sizeof(*out));
	get_witness_request(&r, out);
	bool good = !r.failed && r.at == len_bytes && out->node != 0;
	if (!good)
		memset(out, 0, sizeof(*out));
	return good;
}

void qd_wire_witness_answer_encode(const struct qd_witness_answer *answer,
				   uint8_t to[QD_WIRE_WITNESS_ANSWER_BYTES])
{
	struct qd_writer w = qd_writer_make(to, QD_WIRE_WITNESS_ANSWER_BYTES);
	put_witness_answer(&w, answer);
}

bool qd_wire_witness_answer_decode(const uint8_t *data, size_t len_bytes, struct qd_witness_answer *out)
{
	struct qd_reader r = qd_reader_make(data, len_bytes);
	memset(out, 0, sizeof(*out));
	get_witness_answer(&r, out);
	bool good = !r.failed && r.at == len_bytes;
	if (!good)
		memset(out, 0, sizeof(*out));
	return good;
}

/* ---------------------------------------------------------------- envelope */

/* Who may speak so to whom. */
static bool parties_possible(const struct qd_wire_envelope *e)
{
	if (e->from > QD_NODES_MAX || e->to > QD_NODES_MAX)
		return false;
	switch (e->traffic) {
	case QD_WIRE_NODE:
		return e->from != 0 && e->to != 0 && e->from != e->to;
	case QD_WIRE_WITNESS_REQUEST:
		return e->from != 0 && e->to == 0;
	case QD_WIRE_WITNESS_ANSWER:
		return e->from == 0 && e->to != 0;
	case QD_WIRE_TRAFFIC_COUNT:
		break;
	}
	QD_UNREACHABLE("kind of traffic");
}

void qd_wire_envelope_encode(const struct qd_wire_envelope *e, uint8_t *to)
{
	struct qd_writer w = qd_writer_make(to, QD_WIRE_ENVELOPE_BYTES);
	qd_assert(e->format == QD_WIRE_VERSION && e->key != 0 && parties_possible(e));
	put_envelope(&w, e);
}

static enum qd_wire_verdict judge(const uint8_t *packet, size_t len_bytes, struct qd_wire_envelope *out)
{
	struct qd_reader r = qd_reader_make(packet, len_bytes);
	if (len_bytes < QD_WIRE_ENVELOPE_BYTES + QD_WIRE_MAC_BYTES || len_bytes > QD_WIRE_PACKET_MAX)
		return QD_WIRE_LENGTH;
	out->format = (uint16_t)qd_little_get(packet, sizeof(out->format));
	if (out->format != QD_WIRE_VERSION)
		return QD_WIRE_VERSION_OTHER;
	get_envelope(&r, out);
	if (r.failed || out->key == 0)
		return QD_WIRE_MALFORMED;
	return parties_possible(out) ? QD_WIRE_OK : QD_WIRE_ID;
}

enum qd_wire_verdict qd_wire_envelope_decode(const uint8_t *packet, size_t len_bytes,
					     struct qd_wire_envelope *out)
{
	memset(out, 0, sizeof(*out));
	enum qd_wire_verdict verdict = judge(packet, len_bytes, out);
	if (verdict != QD_WIRE_OK) {
		uint16_t format = out->format;
		memset(out, 0, sizeof(*out));
		out->format = format;
	}
	return verdict;
}
