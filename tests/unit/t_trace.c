/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "core/arbiter.h"
#include "core/event.h"

static size_t format(enum qd_trace_code code, uint64_t a, uint64_t b, uint64_t c, char *to, size_t cap)
{
	const struct qd_trace t = {.code = code, .a = a, .b = b, .c = c};
	return qd_trace_format(&t, to, cap);
}

static void no_room(void)
{
	char c = 'x';
	(void)format(QD_TRACE_SHUTDOWN, 0, 0, 0, &c, 0);
}

static void no_code(void)
{
	char line[QD_TRACE_TEXT_MAX];
	(void)format(QD_TRACE_COUNT, 0, 0, 0, line, sizeof(line));
}

static void no_level(void)
{
	(void)qd_trace_level_of(QD_TRACE_COUNT);
}

static void no_name(void)
{
	(void)qd_trace_name(QD_TRACE_COUNT);
}

static void refuses(void)
{
	UNIT_OK(unit_aborts(no_room));
	UNIT_OK(unit_aborts(no_code));
	UNIT_OK(unit_aborts(no_level));
	UNIT_OK(unit_aborts(no_name));
}

/* With the smallest values that every placeholder takes; an unknown word would end the process. */
static void every_code(void)
{
	char line[QD_TRACE_TEXT_MAX];
	for (int code = 0; code < QD_TRACE_COUNT; code++) {
		unit_case("%s", qd_trace_name((enum qd_trace_code)code));
		const size_t len = format((enum qd_trace_code)code, 1, 1, 1, line, sizeof(line));
		UNIT_EQUAL(len, strlen(line));
		UNIT_OK(len > 0 && len < sizeof(line) - 1);
		UNIT_OK(strchr(line, '\n') == NULL);
		for (const char *at = strchr(line, '{'); at != NULL; at = strchr(at + 1, '{'))
			UNIT_OK(at[1] < 'a' || at[1] > 'z'); /* a set of nodes is written in braces, too */
		UNIT_OK(qd_trace_level_of((enum qd_trace_code)code) < QD_LEVEL_COUNT);
	}
}

/* The largest numbers where numbers stand: nothing is cut. */
static void longest(void)
{
	char line[QD_TRACE_TEXT_MAX];
	static const enum qd_trace_code numbers[] = {
		QD_TRACE_LATE_STEP,   QD_TRACE_CLEANED,		QD_TRACE_SIGHT_HELD,  QD_TRACE_STRIKE,
		QD_TRACE_ROUND_OTHER, QD_TRACE_TAKE_NOT_HOLDER, QD_TRACE_LOST_RECORD, QD_TRACE_LEASE_OVER,
		QD_TRACE_REJOIN_PATH, QD_TRACE_FOREIGN,		QD_TRACE_STALE_ANSWER};
	for (size_t i = 0; i < UNIT_COUNT(numbers); i++) {
		unit_case("%s", qd_trace_name(numbers[i]));
		const uint64_t b = numbers[i] == QD_TRACE_CLEANED ? QD_OUTCOME_UA_REG_PREEMPTED : UINT64_MAX;
		UNIT_OK(format(numbers[i], UINT64_MAX, b, UINT64_MAX, line, sizeof(line)) < sizeof(line) - 1);
	}
}

static void cut_off(void)
{
	char whole[QD_TRACE_TEXT_MAX];
	char line[QD_TRACE_TEXT_MAX];
	const size_t len = format(QD_TRACE_STATE, QD_ARB_STANDBY, QD_ARB_TAKING, 7, whole, sizeof(whole));
	for (size_t cap = 1; cap <= len + 2; cap++) {
		unit_case("%u bytes", (unsigned)cap);
		memset(line, 'x', sizeof(line));
		const size_t expected = cap > len ? len : cap - 1;
		UNIT_EQUAL(format(QD_TRACE_STATE, QD_ARB_STANDBY, QD_ARB_TAKING, 7, line, cap), expected);
		UNIT_BYTES(line, whole, expected);
		UNIT_EQUAL(line[expected], '\0');
		UNIT_EQUAL(line[cap], 'x');
	}
}

static const struct text {
	struct qd_trace trace;
	const char *text;
	enum qd_trace_level level;
} TEXTS[] = {
	{{QD_TRACE_STATE, QD_ARB_TAKING, QD_ARB_OWNER, 3}, "taking -> owner, incarnation 3", QD_LEVEL_NOTICE},
	{{QD_TRACE_STRIKE, 0xabcd020003000004, 7000123456, 0},
	 "key abcd.2.3.4 is 7000.1 ms old: strike it",
	 QD_LEVEL_NOTICE},
	{{QD_TRACE_SIGHT_HELD, 0x000f400001000001, UINT32_MAX, 0},
	 "saw key 000f.64.1.1 hold, generation 4294967295",
	 QD_LEVEL_DEBUG},
	{{QD_TRACE_OWNER, 129, 1994000000, 0},
	 "owner: epoch 129, unfenced work in 1994.0 ms",
	 QD_LEVEL_NOTICE},
	{{QD_TRACE_ROUND_BAD, QD_OUTCOME_CONFLICT, QD_OUTCOME_GOOD, QD_OUTCOME_UNKNOWN},
	 "round failed: register conflict, reservation good, records unknown",
	 QD_LEVEL_WARNING},
	{{QD_TRACE_UNIT_ATTENTION, QD_OUTCOME_UA_RESET, 1, QD_STEP_ROUND},
	 "ua-reset on path 1 during round",
	 QD_LEVEL_NOTICE},
	{{QD_TRACE_PATH_BAD, 2, QD_DISK_OTHER_CLUSTER, 0},
	 "path 2: a quorum disk of another cluster: not used",
	 QD_LEVEL_ERROR},
	{{QD_TRACE_GROUP_FAILED, QD_REPORT_START_FAILED, 0, 0},
	 "the group does not run: start failed",
	 QD_LEVEL_ERROR},
	{{QD_TRACE_REPLY, QD_REPLY_HEIR_SILENT, 0, 0}, "hand-over: the heir did not answer", QD_LEVEL_NOTICE},
	{{QD_TRACE_LEASE_OVER, 6000099999, 0, 0},
	 "lease over: the last good round began 6000.0 ms ago: stop everything",
	 QD_LEVEL_WARNING},
};

static void stable(void)
{
	char line[QD_TRACE_TEXT_MAX];
	for (size_t i = 0; i < UNIT_COUNT(TEXTS); i++) {
		const size_t len = qd_trace_format(&TEXTS[i].trace, line, sizeof(line));
		UNIT_EQUAL(len, strlen(TEXTS[i].text));
		UNIT_TEXT(line, TEXTS[i].text);
		UNIT_EQUAL(qd_trace_level_of(TEXTS[i].trace.code), TEXTS[i].level);
	}
}

static void every_step(void)
{
	char line[QD_TRACE_TEXT_MAX];
	char seen[QD_STEP_COUNT][QD_TRACE_TEXT_MAX];
	for (int step = 0; step < QD_STEP_COUNT; step++) {
		unit_case("step %d", step);
		(void)format(QD_TRACE_TAKE_CONFLICT, (uint64_t)step, 0, 0, line, sizeof(line));
		memcpy(seen[step], line, sizeof(line));
		UNIT_OK(line[0] != ':');
		for (int other = 0; other < step; other++)
			UNIT_OK(strcmp(seen[other], line) != 0);
	}
	(void)format(QD_TRACE_TAKE_CONFLICT, QD_STEP_STRIKE, 0, 0, line, sizeof(line));
	UNIT_OK(strncmp(line, "strike: ", 8) == 0);
	(void)format(QD_TRACE_RELEASE_FAILED, QD_STEP_RELEASE_RECORD, QD_OUTCOME_UNKNOWN, 0, line,
		     sizeof(line));
	UNIT_TEXT(line, "release: release-record: unknown");
}

static const struct unit_test TESTS[] = {
	{"no room, and codes that are none, are programmer's errors", refuses},
	{"every code has a line, without a placeholder left in it", every_code},
	{"the largest numbers fit", longest},
	{"a line is cut at the end of its room, never beyond", cut_off},
	{"texts and levels are what they were", stable},
	{"every step has a name of its own", every_step},
};

int main(void)
{
	return unit_run("t_trace", TESTS, UNIT_COUNT(TESTS));
}
