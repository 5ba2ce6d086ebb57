/* SPDX-License-Identifier: Apache-2.0 */
/* docs/WIRE.md and the code say the same. The tables of the document are read, those of the code come from
 * src/codec/wire_fields.h, from which the codec itself is made, and from src/drv/transfer_fields.h. */
#include "unit.h"

#include "codec/wire.h"
#include "codec/wire_fields.h"
#include "doc_tables.h"
#include "drv/transfer.h"
#include "drv/transfer_fields.h"

#define ENVELOPE(kind, name, offset, size) {"envelope", #name, offset, size},
#define HEADER(kind, name, offset, size) {"header", #name, offset, size},
#define EXCHANGE(kind, name, offset, size) {"exchange", #name, offset, size},
#define NEWS(kind, name, offset, size) {"news", #name, offset, size},
#define TAG(kind, name, offset, size) {"tag", #name, offset, size},
#define VIEW(kind, name, offset, size) {"view", #name, offset, size},
#define HEAD(kind, name, offset, size) {"head", #name, offset, size},
#define VOTES(kind, name, offset, size) {"votes", #name, offset, size},
#define AGES(kind, name, offset, size) {"ages", #name, offset, size},
#define PROMISE(kind, name, offset, size) {"promise", #name, offset, size},
#define INSTALLED(kind, name, offset, size) {"installed", #name, offset, size},
#define PROOF(kind, name, offset, size) {"proof", #name, offset, size},
#define ANSWER(kind, name, offset, size) {"answer", #name, offset, size},
#define PROVED(kind, name, offset, size) {"proved", #name, offset, size},
#define EPOCH(kind, name, offset, size) {"epoch", #name, offset, size},
#define REQUEST(kind, name, offset, size) {"witness request", #name, offset, size},
#define WITNESS_ANSWER(kind, name, offset, size) {"witness answer", #name, offset, size},
#define HELLO(kind, name, offset, size) {"transfer hello", #name, offset, size},
#define WELCOME(kind, name, offset, size) {"transfer welcome", #name, offset, size},
#define ASK(kind, name, offset, size) {"transfer ask", #name, offset, size},
#define QUESTION(kind, name, offset, size) {"transfer question", #name, offset, size},
#define STATUS(kind, name, offset, size) {"transfer status", #name, offset, size},

/* clang-format off */
static const struct doc_field CODE[] = {
	QD_WIRE_ENVELOPE_FIELDS(ENVELOPE)
	QD_WIRE_HEADER_FIELDS(HEADER)
	QD_WIRE_EXCHANGE_FIELDS(EXCHANGE)
	QD_WIRE_NEWS_FIELDS(NEWS)
	QD_WIRE_TAG_FIELDS(TAG)
	QD_WIRE_VIEW_FIELDS(VIEW)
	QD_WIRE_HEAD_FIELDS(HEAD)
	QD_WIRE_VOTES_FIELDS(VOTES)
	QD_WIRE_AGES_FIELDS(AGES)
	QD_WIRE_PROMISE_FIELDS(PROMISE)
	QD_WIRE_INSTALLED_FIELDS(INSTALLED)
	QD_WIRE_PROOF_FIELDS(PROOF)
	QD_WIRE_ANSWER_FIELDS(ANSWER)
	QD_WIRE_PROVED_FIELDS(PROVED)
	QD_WIRE_EPOCH_FIELDS(EPOCH)
	QD_WIRE_WITNESS_REQUEST_FIELDS(REQUEST)
	QD_WIRE_WITNESS_ANSWER_FIELDS(WITNESS_ANSWER)
	QD_TRANSFER_HELLO_FIELDS(HELLO)
	QD_TRANSFER_WELCOME_FIELDS(WELCOME)
	QD_TRANSFER_ASK_FIELDS(ASK)
	QD_TRANSFER_QUESTION_FIELDS(QUESTION)
	QD_TRANSFER_STATUS_FIELDS(STATUS)
};
/* clang-format on */

static const char *const KINDS[QD_MSG_KIND_COUNT] = {
	[QD_MSG_HELLO] = "HELLO",	  [QD_MSG_HELLO_OK] = "HELLO_OK",
	[QD_MSG_BACK] = "BACK",		  [QD_MSG_BACK_OK] = "BACK_OK",
	[QD_MSG_NEWS] = "NEWS",		  [QD_MSG_PREPARE] = "PREPARE",
	[QD_MSG_PROMISE] = "PROMISE",	  [QD_MSG_INSTALL] = "INSTALL",
	[QD_MSG_INSTALLED] = "INSTALLED", [QD_MSG_PROOF] = "PROOF",
	[QD_MSG_ANSWER] = "ANSWER",	  [QD_MSG_PROVED] = "PROVED",
	[QD_MSG_CHANGE] = "CHANGE",	  [QD_MSG_RIGHT_ENDED] = "RIGHT_ENDED",
	[QD_MSG_LEAD] = "LEAD",
};

static void code_is_documented(void)
{
	doc_holds("WIRE.md", CODE, UNIT_COUNT(CODE));
}

static void document_is_coded(void)
{
	doc_is_held("WIRE.md", CODE, UNIT_COUNT(CODE));
}

/* Fields stand in the order of their bytes, each where the one before it ends. */
static void no_gap(void)
{
	for (size_t i = 0; i < UNIT_COUNT(CODE); i++) {
		bool first = i == 0 || strcmp(CODE[i - 1].table, CODE[i].table) != 0;
		unit_case("%s: %s", CODE[i].table, CODE[i].name);
		UNIT_EQUAL(CODE[i].offset, first ? 0 : CODE[i - 1].offset + CODE[i - 1].size);
	}
}

static void kinds_and_version(void)
{
	char row[DOC_LINE_BYTES];
	for (unsigned kind = QD_MSG_HELLO; kind < QD_MSG_KIND_COUNT; kind++) {
		(void)snprintf(row, sizeof(row), "| %u | %s |", kind, KINDS[kind]);
		unit_case("%s", row);
		UNIT_OK(doc_has_line("WIRE.md", row));
	}
	(void)snprintf(row, sizeof(row), "| 0 | 1 | `kind` | see below | 1..%d |", QD_MSG_KIND_COUNT - 1);
	UNIT_OK(doc_has_line("WIRE.md", row));
	(void)snprintf(row, sizeof(row), "Format version %d.", QD_WIRE_VERSION);
	UNIT_OK(doc_has_line("WIRE.md", row));
}

/* Every value of an enum is named in the row of its field. */
static void values(void)
{
	static const struct {
		const char *row; /* up to its last number */
		int count;
	} ROWS[] = {
		{"| 0 | 1 | `ask` | 0 lock, 1 renew, 2 put, 3 release, 4 yield, 5 confirm, 6 show | 0..",
		 QD_WITNESS_ASK_COUNT},
		{"| 0 | 1 | `verdict` | 0 ok, 1 held, 2 old epoch, 3 old tag, 4 unconfirmed, 5 not the "
		 "holder, 6 "
		 "store, 7 another session | 0..",
		 QD_WITNESS_VERDICT_COUNT},
		{"| 16 | 1 | `refusal` | 0 promised, 1 promised higher, 2 another set, 3 another "
		 "incarnation, 4 "
		 "older tag, 5 stuck | 0..",
		 QD_REFUSAL_COUNT},
		{"| 0 | 1 | `model` | 0 node majority, 1 node and disk, 2 node and witness, 3 disk only | "
		 "0..",
		 QD_MODEL_COUNT},
		{"| 40 | 2 | `flags` | 1 no vote, 2 stuck, 4 held, 8 joining, 16 join only, 32 leaving, 64 "
		 "holds, "
		 "128 runs, 256 gathered | 0..",
		 QD_NEWS_FLAGS_ALL + 1},
		{"| 2 | 1 | `traffic` | 0 node to node, 1 request to the witness, 2 its answer | 0..",
		 QD_WIRE_TRAFFIC_COUNT},
	};
	for (size_t i = 0; i < UNIT_COUNT(ROWS); i++) {
		char row[DOC_LINE_BYTES];
		(void)snprintf(row, sizeof(row), "%s%d |", ROWS[i].row, ROWS[i].count - 1);
		unit_case("%s", row);
		UNIT_OK(doc_has_line("WIRE.md", row));
	}
}

/* `INSTALL of 64` in the table is QD_WIRE_PACKET_MAX. */
static void lengths(void)
{
	char row[DOC_LINE_BYTES];
	const int around = QD_WIRE_ENVELOPE_BYTES + QD_WIRE_MAC_BYTES;
	(void)snprintf(row, sizeof(row), "| around a message: envelope and authentication code | %d |",
		       around);
	UNIT_OK(doc_has_line("WIRE.md", row));
	(void)snprintf(row, sizeof(row),
		       "| the longest: INSTALL of n nodes during a change of votes | %d + %d + %d n: %d for "
		       "16 nodes, "
		       "%d,%03d for 64 |",
		       around, QD_WIRE_MSG_MAX_OF(0), QD_WIRE_MSG_MAX_OF(1) - QD_WIRE_MSG_MAX_OF(0),
		       QD_WIRE_PACKET_MAX_OF(16), QD_WIRE_PACKET_MAX / 1000, QD_WIRE_PACKET_MAX % 1000);
	UNIT_OK(doc_has_line("WIRE.md", row));
	(void)snprintf(row, sizeof(row), "| witness request, answer | %d, %d |",
		       around + QD_WIRE_WITNESS_REQUEST_BYTES, around + QD_WIRE_WITNESS_ANSWER_BYTES);
	UNIT_OK(doc_has_line("WIRE.md", row));
	struct qd_msg m = {.kind = QD_MSG_HELLO, .from = 1, .to = 2, .from_session = 1};
	uint8_t bytes[QD_WIRE_MSG_MAX];
	int none = (int)qd_wire_msg_encode(&m, bytes);
	m.news.hears = 3;
	int two = (int)qd_wire_msg_encode(&m, bytes);
	(void)snprintf(row, sizeof(row),
		       "| heartbeat (exchange) of n nodes that hear one another | %d + %d + %d n: %d for 2 "
		       "nodes, %d for "
		       "16 |",
		       around, none, (two - none) / 2, around + two, around + none + 8 * (two - none));
	UNIT_OK(doc_has_line("WIRE.md", row));
}

static void transfer_limits(void)
{
	static const struct {
		const char *beginning; /* of the row, up to the number */
		unsigned number;
	} ROWS[] = {
		{"| a body | ", QD_TRANSFER_BODY_MAX},
		{"| the answer to a request | ", QD_TRANSFER_ANSWER_MAX},
		{"| connections of askers at a time | ", QD_TRANSFER_SERVES},
		{"| connections to others at a time | ", QD_TRANSFER_FETCHES},
		{"| bodies that are served | ", QD_TRANSFER_BODIES},
		{"| each step up to the reply, ms | ", QD_TRANSFER_PHASE_MS},
		{"| all chunks together, ms | ", QD_TRANSFER_BODY_MS},
		{"| the answer to a request, ms | ", QD_TRANSFER_ANSWER_MS},
	};
	char row[DOC_LINE_BYTES];
	for (size_t i = 0; i < UNIT_COUNT(ROWS); i++) {
		(void)snprintf(row, sizeof(row), "%s%u |", ROWS[i].beginning, ROWS[i].number);
		unit_case("%s", row);
		UNIT_OK(doc_has_line("WIRE.md", row));
	}
}

static const struct unit_test TESTS[] = {
	{"every field of the code is in the document, at the same place", code_is_documented},
	{"every field of the document is in the code", document_is_coded},
	{"the fields of a part follow one another without a gap", no_gap},
	{"the kinds of message and the version of the document are those of the code", kinds_and_version},
	{"so are the values of enums", values},
	{"so are the lengths", lengths},
	{"and what bounds a transfer", transfer_limits},
};

int main(void)
{
	return unit_run("t_wire_doc", TESTS, UNIT_COUNT(TESTS));
}
