/* SPDX-License-Identifier: Apache-2.0 */
#include "conform/script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const op_names[CF_OP_COUNT] = {
	[CF_OP_LOGIN] = "login",
	[CF_OP_JOIN] = "join",
	[CF_OP_LOGOUT] = "logout",
	[CF_OP_DROP] = "drop",
	[CF_OP_RESTART] = "restart",
	[CF_OP_LUN_RESET] = "lun-reset",
	[CF_OP_TUR] = "tur",
	[CF_OP_INQUIRY] = "inquiry",
	[CF_OP_READ] = "read",
	[CF_OP_WRITE] = "write",
	[CF_OP_START_WRITE] = "start-write",
	[CF_OP_STALL] = "stall",
	[CF_OP_AWAIT_STALL] = "await-stall",
	[CF_OP_UNSTALL] = "unstall",
	[CF_OP_SEND_WRITE] = "send-write",
	[CF_OP_SEND_PREEMPT_ABORT] = "send-preempt-abort",
	[CF_OP_SILENCE] = "silence",
	[CF_OP_AWAIT] = "await",
	[CF_OP_PENDING] = "pending",
	[CF_OP_FINISH] = "finish",
	[CF_OP_WRITE_SAME] = "write-same",
	[CF_OP_COMPARE_WRITE] = "compare-write",
	[CF_OP_SYNC_CACHE] = "sync-cache",
	[CF_OP_RESERVE6] = "reserve6",
	[CF_OP_RELEASE6] = "release6",
	[CF_OP_READ_KEYS] = "read-keys",
	[CF_OP_READ_RESERVATION] = "read-reservation",
	[CF_OP_CAPABILITIES] = "capabilities",
	[CF_OP_FULL_STATUS] = "full-status",
	[CF_OP_GENERATION] = "generation",
	[CF_OP_REGISTER] = "register",
	[CF_OP_RESERVE] = "reserve",
	[CF_OP_RELEASE] = "release",
	[CF_OP_CLEAR] = "clear",
	[CF_OP_PREEMPT] = "preempt",
	[CF_OP_PREEMPT_ABORT] = "preempt-abort",
	[CF_OP_REGISTER_IGNORE] = "register-ignore",
	[CF_OP_MOVE] = "move",
};

static bool parse_nexus(const char *word, unsigned *nexus)
{
	unsigned path = 0;

	if (word[0] < 'A' || word[0] >= 'A' + CF_NEXUS_LETTERS)
		return false;
	if (word[1] != '\0') {
		if (word[1] < '1' || word[1] >= '0' + CF_NEXUS_PATHS || word[2] != '\0')
			return false;
		path = (unsigned)(word[1] - '0');
	}
	*nexus = (unsigned)(word[0] - 'A') * CF_NEXUS_PATHS + path;
	return true;
}

static bool parse_op(const char *word, enum cf_op *op)
{
	for (unsigned i = 0; i < CF_OP_COUNT; i++)
		if (op_names[i] != NULL && strcmp(word, op_names[i]) == 0) {
			*op = (enum cf_op)i;
			return true;
		}
	return false;
}

static bool parse_number(const char *text, int base, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, base);
	return errno == 0 && end != text && *end == '\0';
}

/* One argument: a flag, or name=value. Keys and patterns are hexadecimal, everything else decimal. */
static bool parse_argument(const char *word, struct cf_command *c)
{
	const char *equals = strchr(word, '=');
	uint64_t value = 0;

	if (equals == NULL) {
		c->aptpl |= strcmp(word, "aptpl") == 0;
		c->all_tg_pt |= strcmp(word, "all-tg-pt") == 0;
		c->unreg |= strcmp(word, "unreg") == 0;
		return strcmp(word, "aptpl") == 0 || strcmp(word, "all-tg-pt") == 0 ||
		       strcmp(word, "unreg") == 0;
	}
	size_t length = (size_t)(equals - word);

	if (length == 2 && strncmp(word, "to", length) == 0)
		return parse_nexus(equals + 1, &c->to);
	bool decimal = strncmp(word, "type=", 5) == 0 || strncmp(word, "scope=", 6) == 0 ||
		       strncmp(word, "lba=", 4) == 0;

	if (!parse_number(equals + 1, decimal ? 10 : 16, &value))
		return false;
	if (strncmp(word, "key=", 4) == 0)
		c->key = value;
	else if (strncmp(word, "new=", 4) == 0 || strncmp(word, "victim=", 7) == 0)
		c->new_key = value;
	else if (strncmp(word, "type=", 5) == 0 && value < 16)
		c->type = (unsigned)value;
	else if (strncmp(word, "scope=", 6) == 0 && value < 16)
		c->scope = (unsigned)value;
	else if (strncmp(word, "lba=", 4) == 0)
		c->lba = value;
	else if (strncmp(word, "byte=", 5) == 0 && value < 256)
		c->pattern = (uint8_t)value;
	else if (strncmp(word, "old=", 4) == 0 && value < 256)
		c->old_pattern = (uint8_t)value;
	else
		return false;
	return true;
}

/* Copy without the blanks around it, and with every run of blanks inside as one. */
static void copy_trimmed(char *to, const char *from)
{
	size_t length = 0;

	for (; *from != '\0'; from++) {
		bool blank = *from == ' ' || *from == '\t' || *from == '\n';

		if (!blank)
			to[length++] = *from;
		else if (length > 0 && to[length - 1] != ' ')
			to[length++] = ' ';
	}
	if (length > 0 && to[length - 1] == ' ')
		length--;
	to[length] = '\0';
}

/* "NEXUS OPERATION ARGUMENTS => RESULT"; without a result it must be good. */
static const char *parse_step(struct script_step *step, char *line)
{
	char words[SCRIPT_LINE_MAX], *save = NULL;
	char *arrow = strstr(line, "=>");

	if (arrow != NULL) {
		*arrow = '\0';
		copy_trimmed(step->expected, arrow + 2);
	} else {
		memcpy(step->expected, "good", sizeof("good"));
	}
	copy_trimmed(step->text, line);
	memcpy(words, step->text, sizeof(words));
	char *word = strtok_r(words, " ", &save);

	if (word == NULL || !parse_nexus(word, &step->command.nexus))
		return "a step begins with a nexus, A to F, A1, A2 ...";
	word = strtok_r(NULL, " ", &save);
	if (word == NULL || !parse_op(word, &step->command.op))
		return "unknown operation";
	while ((word = strtok_r(NULL, " ", &save)) != NULL)
		if (!parse_argument(word, &step->command))
			return "unknown argument";
	return NULL;
}

/* "@KIND => RESULT ; REASON" or with "=>!", about the step before it. */
static const char *parse_override(struct script_step *step, char *line)
{
	char name[SCRIPT_LINE_MAX];
	char *arrow = strstr(line, "=>"), *reason = strchr(line, ';');
	enum cf_kind kind;

	if (step == NULL || step->section)
		return "an override stands under a step";
	if (arrow == NULL || reason == NULL || reason < arrow)
		return "an override is '@KIND => RESULT ; REASON'";
	*arrow = '\0';
	*reason = '\0';
	copy_trimmed(name, line + 1);
	if (!cf_kind_parse(name, &kind))
		return "unknown kind of disk";
	struct script_override *override = &step->override[kind];

	override->ends = arrow[2] == '!';
	copy_trimmed(override->result, arrow + (override->ends ? 3 : 2));
	copy_trimmed(override->reason, reason + 1);
	if (override->reason[0] == '\0')
		return "an override needs its reason";
	if (strcmp(override->result, step->expected) == 0 && kind <= CF_LIO)
		return "the override says the same as the step";
	return NULL;
}

static const char *parse_line(struct script *script, char *line, unsigned number)
{
	struct script_step *last = script->count > 0 ? &script->steps[script->count - 1] : NULL;
	char *start = line + strspn(line, " \t");

	if (*start == '\0' || *start == '\n' || *start == '#')
		return NULL;
	if (*start == '@')
		return parse_override(last, start);
	if (script->count == SCRIPT_STEPS_MAX)
		return "too many steps";
	struct script_step *step = &script->steps[script->count++];

	*step = (struct script_step){.line = number};
	if (strncmp(start, "== ", 3) != 0)
		return last == NULL ? "the first line must begin a section with '== TITLE'"
				    : parse_step(step, start);
	step->section = true;
	step->command.op = CF_OP_RESET;
	copy_trimmed(step->text, start + 3);
	return NULL;
}

bool script_read(struct script *script, const char *path, char *why, size_t size)
{
	char line[SCRIPT_LINE_MAX];
	const char *error = NULL;
	unsigned number = 0;
	FILE *file = fopen(path, "re");

	script->count = 0;
	if (file == NULL) {
		(void)snprintf(why, size, "%s: cannot be opened", path); /* a cut text is still a text */
		return false;
	}
	while (error == NULL && fgets(line, sizeof(line), file) != NULL) {
		number++;
		error = strchr(line, '\n') == NULL ? "line too long" : parse_line(script, line, number);
	}
	if (error == NULL && ferror(file) != 0)
		error = "read error";
	(void)fclose(file); /* only read */
	if (error != NULL)
		(void)snprintf(why, size, "%s:%u: %s", path, number, error);
	return error == NULL;
}

const struct script_override *script_override(const struct script_step *step, enum cf_kind kind)
{
	const struct script_override *lines = step->override;
	enum cf_kind target = kind == CF_MODEL_TGT ? CF_TGT : kind == CF_MODEL_LIO ? CF_LIO : CF_KIND_COUNT;

	if (lines[kind].reason[0] != '\0')
		return &lines[kind];
	if (target == CF_KIND_COUNT)
		return NULL;
	if (strcmp(lines[CF_MODEL].result, "unsupported") == 0)
		return &lines[CF_MODEL];
	return lines[target].reason[0] != '\0' ? &lines[target] : NULL;
}
