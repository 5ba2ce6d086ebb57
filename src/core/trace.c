/* SPDX-License-Identifier: Apache-2.0 */
#include "core/arbiter_internal.h"

struct text {
	const char *name;
	const char *text;
	enum qd_trace_level level;
};

#define TEXT_OF(name, level, text) [QD_TRACE_##name] = {#name, text, QD_LEVEL_##level},
static const struct text texts[QD_TRACE_COUNT] = {QD_TRACES(TEXT_OF)};

struct line {
	char *to;
	size_t cap;
	size_t len;
};

static void put_char(struct line *l, char c)
{
	if (l->len + 1 < l->cap)
		l->to[l->len++] = c;
}

static void put_text(struct line *l, const char *s)
{
	while (*s != '\0')
		put_char(l, *s++);
}

static void put_number(struct line *l, uint64_t v, unsigned base, unsigned width)
{
	char digits[24];
	unsigned n = 0;
	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v != 0 || n < width);
	while (n > 0)
		put_char(l, digits[--n]);
}

/* A key as tag.node.incarnation.beat is easier on the eye than sixteen digits. */
static void put_key(struct line *l, struct qd_key key)
{
	put_number(l, qd_key_tag(key), 16, 4);
	put_char(l, '.');
	put_number(l, qd_key_node(key), 10, 1);
	put_char(l, '.');
	put_number(l, qd_key_incarnation(key), 10, 1);
	put_char(l, '.');
	put_number(l, qd_key_beat(key), 10, 1);
}

static const char *disk_text(uint64_t verdict)
{
	static const char *const names[QD_DISK_VERDICT_COUNT] = {
		"our quorum disk", "not a quorum disk", "a quorum disk of another cluster",
		"another disk of this cluster than before", "a quorum disk of a newer format"};
	qd_assert(verdict < QD_DISK_VERDICT_COUNT);
	return names[verdict];
}

static const char *step_text(uint64_t step)
{
	static const char *const names[QD_STEP_COUNT] = {
		"idle",		  "look",	"unregister", "heir-register", "take-register",
		"strike",	  "taken",	"clean",      "take-records",  "take-write",
		"last-round",	  "back-out",	"round",      "check",	       "reregister",
		"repreempt",	  "rereserve",	"scrub-keys", "scrub",	       "still-key",
		"offer-keys",	  "offer",	"heir-keys",  "withdraw",      "tell-times",
		"release-record", "read-slots", "write-slots"};
	qd_assert(step < QD_STEP_COUNT);
	return names[step];
}

struct placeholder {
	const char *word;
	const char *(*text)(uint64_t v);
};

static const char *outcome_text(uint64_t v)
{
	return qd_outcome_name((enum qd_outcome)v);
}

static const char *state_text(uint64_t v)
{
	return qd_arbiter_state_name((enum qd_arbiter_state)v);
}

static const char *reply_text(uint64_t v)
{
	return qd_reply_name((enum qd_reply)v);
}

static const char *report_text(uint64_t v)
{
	return qd_group_report_name((enum qd_group_report)v);
}

static const char *hold_text(uint64_t v)
{
	return qd_hold_reason_name((enum qd_hold_reason)v);
}

static const char *group_text(uint64_t v)
{
	return qd_group_state_name((enum qd_group_state)v);
}

static const char *cluster_text(uint64_t v)
{
	return qd_cluster_state_name((enum qd_cluster_state)v);
}

static const char *wait_text(uint64_t v)
{
	return qd_cluster_wait_text((enum qd_cluster_wait)v);
}

static const char *refusal_text(uint64_t v)
{
	return qd_refusal_name((enum qd_refusal)v);
}

static const char *ask_text(uint64_t v)
{
	return qd_witness_ask_name((enum qd_witness_ask)v);
}

static const char *verdict_text(uint64_t v)
{
	return qd_witness_verdict_name((enum qd_witness_verdict)v);
}

static void put_set(struct line *l, uint64_t set)
{
	put_char(l, '{');
	for (uint32_t id = 1; id <= 64; id++) {
		if ((set >> (id - 1) & 1u) == 0)
			continue;
		if (l->to[l->len - 1] != '{')
			put_char(l, ' ');
		put_number(l, id, 10, 1);
	}
	put_char(l, '}');
}

static bool same(const char *a, const char *b, size_t len)
{
	size_t i = 0;
	while (i < len && b[i] != '\0' && a[i] == b[i])
		i++;
	return i == len && b[i] == '\0';
}

static void put_value(struct line *l, const char *word, size_t len, uint64_t v)
{
	static const struct placeholder table[] = {
		{"outcome", outcome_text}, {"state", state_text},   {"step", step_text},
		{"reply", reply_text},	   {"report", report_text}, {"hold", hold_text},
		{"disk", disk_text},	   {"group", group_text},   {"cluster", cluster_text},
		{"wait", wait_text},	   {"ask", ask_text},	    {"verdict", verdict_text},
		{"refusal", refusal_text},
	};
	if (len == 0) {
		put_number(l, v, 10, 1);
		return;
	}
	if (same(word, "x", len)) {
		put_key(l, (struct qd_key){v});
		return;
	}
	if (same(word, "set", len)) {
		put_set(l, v);
		return;
	}
	if (same(word, "ms", len)) {
		put_number(l, v / 1000000, 10, 1);
		put_char(l, '.');
		put_number(l, v / 100000 % 10, 10, 1);
		return;
	}
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (same(word, table[i].word, len)) {
			put_text(l, table[i].text(v));
			return;
		}
	}
	QD_UNREACHABLE("placeholder");
}

/* at points behind '{'; returns what follows the '}'. */
static const char *put_placeholder(struct line *l, const char *at, const struct qd_trace *trace)
{
	const uint64_t v = *at == 'a' ? trace->a : *at == 'b' ? trace->b : trace->c;
	const char *word = at + 1;
	if (*word == ':')
		word++;
	const char *end = word;
	while (*end != '}')
		end++;
	put_value(l, word, (size_t)(end - word), v);
	return end + 1;
}

size_t qd_trace_format(const struct qd_trace *trace, char *to, size_t cap_bytes)
{
	struct line l = {.to = to, .cap = cap_bytes};
	qd_assert(cap_bytes > 0 && trace->code < QD_TRACE_COUNT);
	const char *at = texts[trace->code].text;
	while (*at != '\0') {
		if (*at == '{')
			at = put_placeholder(&l, at + 1, trace);
		else
			put_char(&l, *at++);
	}
	to[l.len] = '\0';
	return l.len;
}

enum qd_trace_level qd_trace_level_of(enum qd_trace_code code)
{
	qd_assert(code < QD_TRACE_COUNT);
	return texts[code].level;
}

const char *qd_trace_name(enum qd_trace_code code)
{
	qd_assert(code < QD_TRACE_COUNT);
	return texts[code].name;
}
