/* SPDX-License-Identifier: Apache-2.0 */
#include "conform/conform.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text {
	char *at;
	size_t left;
};

static const char *const kind_names[CF_KIND_COUNT] = {"model", "tgt", "lio", "model-tgt", "model-lio"};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int length = vsnprintf(t->at, t->left, format, args);
	va_end(args);
	if (length > 0 && (size_t)length < t->left) {
		t->at += length;
		t->left -= (size_t)length;
	}
}

/* Targets list registrations in an order of their own: sorted, so that texts can be compared. */
static void put_keys(struct text *t, const struct cf_answer *answer)
{
	uint64_t sorted[CF_KEYS_MAX];

	put(t, "keys");
	if (answer->count == 0)
		put(t, " -");
	for (size_t i = 0; i < answer->count; i++) {
		size_t at = i;

		for (; at > 0 && sorted[at - 1] > answer->keys[i]; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = answer->keys[i];
	}
	for (size_t i = 0; i < answer->count; i++)
		put(t, " %" PRIx64, sorted[i]);
}

static void put_full(struct text *t, const struct cf_answer *answer)
{
	const struct cf_registration *sorted[CF_KEYS_MAX];

	put(t, "full");
	if (answer->count == 0)
		put(t, " -");
	for (size_t i = 0; i < answer->count; i++) {
		size_t at = i;

		for (; at > 0 && sorted[at - 1]->key > answer->full[i].key; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = &answer->full[i];
	}
	for (size_t i = 0; i < answer->count; i++) {
		char nexus[4];

		cf_nexus_text(sorted[i]->nexus, nexus);
		put(t, " %s=%" PRIx64, nexus, sorted[i]->key);
		if (sorted[i]->holder)
			put(t, "*%u", sorted[i]->type);
	}
}

static void put_caps(struct text *t, const uint8_t caps[8])
{
	static const struct {
		uint8_t byte, mask;
		const char *name;
	} flags[] = {{2, 0x10, "crh"},
		     {2, 0x08, "sip"},
		     {2, 0x04, "atp"},
		     {2, 0x01, "ptpl-c"},
		     {3, 0x01, "ptpl-a"}};
	static const struct {
		uint8_t byte, mask, type;
	} types[] = {{4, 0x02, 1}, {4, 0x08, 3}, {4, 0x20, 5}, {4, 0x40, 6}, {4, 0x80, 7}, {5, 0x01, 8}};

	put(t, "caps");
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if ((caps[flags[i].byte] & flags[i].mask) != 0)
			put(t, " %s", flags[i].name);
	if ((caps[3] & 0x80) == 0)
		return;
	put(t, " types");
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if ((caps[types[i].byte] & types[i].mask) != 0)
			put(t, " %u", (unsigned)types[i].type);
}

static void put_data(struct text *t, const struct cf_answer *answer)
{
	switch (answer->data) {
	case CF_DATA_NONE:
		put(t, "good");
		return;
	case CF_DATA_KEYS:
		put_keys(t, answer);
		return;
	case CF_DATA_HOLDER:
		if (answer->held)
			put(t, "held %" PRIx64 " type %u", answer->holder, answer->type);
		else
			put(t, "free");
		return;
	case CF_DATA_CAPS:
		put_caps(t, answer->caps);
		return;
	case CF_DATA_FULL:
		put_full(t, answer);
		return;
	case CF_DATA_GENERATION:
		put(t, "%+" PRId32, (int32_t)answer->generation);
		return;
	case CF_DATA_BLOCK:
		if (answer->mixed)
			put(t, "data mixed");
		else
			put(t, "data %02x", (unsigned)answer->pattern);
		return;
	}
}

void cf_answer_text(const struct cf_answer *answer, char *text, size_t size)
{
	static const char *const words[CF_STATUS_COUNT] = {
		[CF_CONFLICT] = "conflict", [CF_BUSY] = "busy",
		[CF_ABORTED] = "aborted",   [CF_LOST] = "lost",
		[CF_TIMED_OUT] = "timeout", [CF_REFUSED] = "refused",
		[CF_PENDING] = "pending",   [CF_UNSUPPORTED] = "unsupported"};
	struct text t = {text, size};

	text[0] = '\0';
	if (answer->status == CF_GOOD)
		put_data(&t, answer);
	else if (answer->status == CF_CHECK)
		put(&t, "%x/%02x%02x", (unsigned)answer->sense_key, (unsigned)answer->asc,
		    (unsigned)answer->ascq);
	else
		put(&t, "%s", words[answer->status]);
}

const char *cf_kind_name(enum cf_kind kind)
{
	return kind_names[kind];
}

bool cf_kind_parse(const char *name, enum cf_kind *kind)
{
	for (unsigned i = 0; i < CF_KIND_COUNT; i++)
		if (strcmp(name, kind_names[i]) == 0) {
			*kind = (enum cf_kind)i;
			return true;
		}
	return false;
}

void cf_nexus_text(unsigned nexus, char text[4])
{
	unsigned path = nexus % CF_NEXUS_PATHS;

	text[0] = nexus < CF_NEXUS_MAX ? (char)('A' + nexus / CF_NEXUS_PATHS) : '?';
	text[1] = nexus < CF_NEXUS_MAX && path > 0 ? (char)('0' + path) : '\0';
	text[2] = '\0';
}
