/* SPDX-License-Identifier: Apache-2.0 */
#include "api/request.h"

#include "base/assert.h"
#include "quorumd/control_text.h"

#include <jansson.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	WAIT_MAX_S = 20,
	US_A_SECOND = 1000000,
};

static const char CONFIRMATION[] = "the others are off";

static bool problem_is(struct qd_request_problem *p, unsigned int status, const char *code, const char *text)
{
	*p = (struct qd_request_problem){.status = status, .code = code, .text = text};
	return false;
}

/* A whole number without a sign. */
static bool read_number(const char *text, uint64_t *out)
{
	char *end = NULL;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0';
}

static const char *argument(const struct qd_exchange *x, const char *name)
{
	return MHD_lookup_connection_value(x->connection, MHD_GET_ARGUMENT_KIND, name);
}

/* ------------------------------------------------ arguments */

static bool read_least(const char *text, enum qd_trace_level *out)
{
	static const char *const names[QD_LEVEL_COUNT] = {"debug", "notice", "warning", "error"};
	for (uint32_t i = 0; i < QD_LEVEL_COUNT; i++) {
		if (strcmp(names[i], text) == 0) {
			*out = (enum qd_trace_level)i;
			return true;
		}
	}
	return false;
}

static bool read_log(const struct qd_exchange *x, struct qd_request *out, struct qd_request_problem *problem)
{
	const char *since = argument(x, "since");
	const char *least = argument(x, "least");
	const char *wait = argument(x, "wait");
	uint64_t wait_s = 0;
	if (since != NULL && !read_number(since, &out->control.since))
		return problem_is(problem, MHD_HTTP_BAD_REQUEST, "invalid",
				  "since: expected the number of a line");
	if (least != NULL && !read_least(least, &out->control.least))
		return problem_is(problem, MHD_HTTP_BAD_REQUEST, "invalid",
				  "least: expected debug, notice, warning or error");
	if (wait != NULL && (!read_number(wait, &wait_s) || wait_s > WAIT_MAX_S))
		return problem_is(problem, MHD_HTTP_BAD_REQUEST, "invalid",
				  "wait: expected seconds from 0 to 20");
	out->wait_us = wait_s * US_A_SECOND;
	return true;
}

static bool hex_digit(char c, uint8_t *out)
{
	if (c >= '0' && c <= '9')
		*out = (uint8_t)(c - '0');
	else if (c >= 'a' && c <= 'f')
		*out = (uint8_t)(c - 'a' + 10);
	else
		return false;
	return true;
}

static bool read_digest(const struct qd_exchange *x, struct qd_request *out,
			struct qd_request_problem *problem)
{
	static const char expected[] = "digest: expected 64 hexadecimal digits, as the history has them";
	const char *text = argument(x, "digest");
	if (text == NULL)
		return true;
	if (strlen(text) != 2 * (size_t)QD_DIGEST_BYTES)
		return problem_is(problem, MHD_HTTP_BAD_REQUEST, "invalid", expected);
	for (size_t i = 0; i < QD_DIGEST_BYTES; i++) {
		uint8_t high = 0;
		uint8_t low = 0;
		if (!hex_digit(text[2 * i], &high) || !hex_digit(text[2 * i + 1], &low))
			return problem_is(problem, MHD_HTTP_BAD_REQUEST, "invalid", expected);
		out->control.digest[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* ------------------------------------------------ bodies */

static uint32_t node_of(const struct qd_control_snapshot *s, const char *name)
{
	for (uint32_t id = QD_NODE_ID_MIN; id <= QD_NODE_ID_MAX; id++) {
		if (s->node_names[id][0] != '\0' && strcmp(s->node_names[id], name) == 0)
			return id;
	}
	return 0;
}

/* {"to": name or id}; absent or null: 0, any. */
static bool read_handover(const struct qd_exchange *x, const struct qd_control_snapshot *snapshot,
			  struct qd_request *out, struct qd_request_problem *problem)
{
	json_t *body = json_loadb(x->upload, x->upload_len, 0, NULL);
	const json_t *v = json_object_get(body, "to");
	bool good = x->upload_len == 0 || json_is_object(body);
	if (json_is_integer(v)) {
		json_int_t id = json_integer_value(v);
		good = id >= QD_NODE_ID_MIN && id <= QD_NODE_ID_MAX;
		out->control.to = good ? (uint32_t)id : 0;
	} else if (json_is_string(v)) {
		out->control.to = node_of(snapshot, json_string_value(v));
		good = out->control.to != 0;
	} else if (v != NULL && !json_is_null(v)) {
		good = false;
	}
	json_decref(body);
	if (good)
		return true;
	return problem_is(problem, MHD_HTTP_NOT_FOUND, "no-such-node",
			  "expected {\"to\": NODE} with a name or an id of the configuration");
}

/* {"from": {"epoch": E, "version": V}, "text": YAML} */
static bool read_change(const struct qd_exchange *x, struct qd_request *out,
			struct qd_request_problem *problem)
{
	json_t *body = json_loadb(x->upload, x->upload_len, 0, NULL);
	const json_t *from = json_object_get(body, "from");
	const json_t *epoch = json_object_get(from, "epoch");
	const json_t *version = json_object_get(from, "version");
	const json_t *text = json_object_get(body, "text");
	const bool good = json_is_integer(epoch) && json_is_integer(version) &&
			  json_integer_value(epoch) >= 0 && json_integer_value(version) >= 0 &&
			  json_string_length(text) > 0;
	if (good) {
		out->control.from = (struct qd_tag){.epoch = (uint64_t)json_integer_value(epoch),
						    .version = (uint64_t)json_integer_value(version)};
		out->fd = qd_control_text_make(json_string_value(text), json_string_length(text));
	}
	json_decref(body);
	if (!good)
		return problem_is(problem, MHD_HTTP_BAD_REQUEST, "invalid",
				  "expected {\"from\": {\"epoch\": E, \"version\": V}, \"text\": YAML}");
	if (out->fd < 0)
		return problem_is(problem, MHD_HTTP_INTERNAL_SERVER_ERROR, "memory",
				  "no memory for the configuration's text");
	return true;
}

/* {"confirm": "the others are off"} */
static bool read_force(const struct qd_exchange *x, struct qd_request *out,
		       struct qd_request_problem *problem)
{
	json_t *body = json_loadb(x->upload, x->upload_len, 0, NULL);
	const char *text = json_string_value(json_object_get(body, "confirm"));
	const bool good = text != NULL && strcmp(text, CONFIRMATION) == 0;
	struct timespec wall = {0};
	json_decref(body);
	if (!good)
		return problem_is(
			problem, MHD_HTTP_BAD_REQUEST, "unconfirmed",
			"expected {\"confirm\": \"the others are off\"}: nobody can find out but you");
	(void)clock_gettime(CLOCK_REALTIME, &wall); /* cannot fail for this clock; only for people anyway */
	out->control.since = (uint64_t)wall.tv_sec;
	return true;
}

bool qd_request_read(const struct qd_exchange *x, const struct qd_control_snapshot *snapshot,
		     struct qd_request *out, struct qd_request_problem *problem)
{
	static const enum qd_control_ask asks[QD_EXCHANGE_COUNT] = {
		[QD_EXCHANGE_STATUS] = QD_ASK_STATUS,	  [QD_EXCHANGE_HEALTH] = QD_ASK_STATUS,
		[QD_EXCHANGE_WHY] = QD_ASK_STATUS,	  [QD_EXCHANGE_LOG] = QD_ASK_LOG,
		[QD_EXCHANGE_HANDOVER] = QD_ASK_HANDOVER, [QD_EXCHANGE_CONFIG] = QD_ASK_CONFIG,
		[QD_EXCHANGE_HISTORY] = QD_ASK_HISTORY,	  [QD_EXCHANGE_CHANGE] = QD_ASK_CHANGE,
		[QD_EXCHANGE_FORCE] = QD_ASK_FORCE,
	};
	*out = (struct qd_request){.control = {.ask = asks[x->kind]}, .fd = -1};
	if (snapshot == NULL)
		return problem_is(problem, MHD_HTTP_SERVICE_UNAVAILABLE, "unreachable",
				  "quorumd cannot be reached: is it running?");
	switch (x->kind) {
	case QD_EXCHANGE_STATUS:
	case QD_EXCHANGE_HEALTH:
	case QD_EXCHANGE_WHY:
	case QD_EXCHANGE_HISTORY:
		return true;
	case QD_EXCHANGE_LOG:
		return read_log(x, out, problem);
	case QD_EXCHANGE_HANDOVER:
		return read_handover(x, snapshot, out, problem);
	case QD_EXCHANGE_CONFIG:
		return read_digest(x, out, problem);
	case QD_EXCHANGE_CHANGE:
		return read_change(x, out, problem);
	case QD_EXCHANGE_FORCE:
		return read_force(x, out, problem);
	case QD_EXCHANGE_NONE:
	case QD_EXCHANGE_EVENTS:
	case QD_EXCHANGE_COUNT:
		break;
	}
	QD_UNREACHABLE("an exchange that asks nothing");
}
