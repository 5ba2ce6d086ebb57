/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of a unit test program: a table of sentences and functions, run by CUnit, and a few checks that say
 * what was expected and what was found. Include it before anything else.
 *
 *	static const struct unit_test TESTS[] = {
 *		{"an empty answer is refused", refuses_empty},
 *	};
 *
 *	int main(void)
 *	{
 *		return unit_run("t_thing", TESTS, UNIT_COUNT(TESTS));
 *	}
 */
#ifndef QD_TESTS_UNIT_H
#define QD_TESTS_UNIT_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L /* NOLINT(readability-identifier-naming): the system's name */
#endif

#include <CUnit/Basic.h>

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNIT_COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct unit_test {
	const char *sentence; /* what holds when the test passes */
	void (*run)(void);
};

/* What the checks speak of, when one function goes through many cases; see unit_case(). */
struct unit_state {
	char about[128];
	unsigned skipped_count;
};

static inline struct unit_state *unit_state(void)
{
	static struct unit_state state;
	return &state;
}

/* Name the case that the next checks are about; a failed check prints it. Ends with the test. */
__attribute__((format(printf, 1, 2))) static inline void unit_case(const char *format, ...)
{
	struct unit_state *s = unit_state();
	va_list args;
	va_start(args, format);
	(void)vsnprintf(s->about, sizeof(s->about), format, args); /* a name cut off is still a name */
	va_end(args);
}

/* Count the running test as skipped and say why. */
static inline void unit_skip(const char *reason)
{
	unit_state()->skipped_count++;
	(void)printf("skip: %s\n", reason);
}

__attribute__((format(printf, 4, 5))) static inline bool unit_check(bool good, const char *file,
								    unsigned line, const char *format, ...)
{
	char text[512];
	int used = 0;
	if (!good) {
		va_list args;
		va_start(args, format);
		used = vsnprintf(text, sizeof(text), format, args);
		va_end(args);
		if (used > 0 && (size_t)used < sizeof(text) && unit_state()->about[0] != '\0')
			(void)snprintf(text + used, sizeof(text) - (size_t)used, "  [%s]",
				       unit_state()->about);
	}
	(void)CU_assertImplementation(good ? CU_TRUE : CU_FALSE, line, good ? "" : text, file, "", CU_FALSE);
	return good;
}

static inline bool unit_check_equal(uint64_t found, uint64_t expected, const char *what, const char *file,
				    unsigned line)
{
	return unit_check(found == expected, file, line,
			  "%s: expected %" PRIu64 " (%" PRIx64 "h), found %" PRIu64 " (%" PRIx64 "h)", what,
			  expected, expected, found, found);
}

static inline bool unit_check_text(const char *found, const char *expected, const char *what,
				   const char *file, unsigned line)
{
	return unit_check(strcmp(found, expected) == 0, file, line, "%s: expected \"%s\", found \"%s\"", what,
			  expected, found);
}

static inline bool unit_check_bytes(const void *found, const void *expected, size_t len_bytes,
				    const char *what, const char *file, unsigned line)
{
	const unsigned char *f = found;
	const unsigned char *e = expected;
	size_t at = 0;
	while (at < len_bytes && f[at] == e[at])
		at++;
	if (at == len_bytes)
		return unit_check(true, file, line, "%s", what);
	return unit_check(false, file, line, "%s: byte %zu: expected %02xh, found %02xh", what, at, e[at],
			  f[at]);
}

/* Each is true when the check held, so that a loop can end at its first failure. */
#define UNIT_OK(condition) unit_check((condition), __FILE__, __LINE__, "%s", #condition)
#define UNIT_EQUAL(found, expected)                                                                          \
	unit_check_equal((uint64_t)(found), (uint64_t)(expected), #found, __FILE__, __LINE__)
#define UNIT_TEXT(found, expected) unit_check_text((found), (expected), #found, __FILE__, __LINE__)
#define UNIT_BYTES(found, expected, len_bytes)                                                               \
	unit_check_bytes((found), (expected), (len_bytes), #found, __FILE__, __LINE__)

/* True when run() ends the process by a failed assertion. It runs in a child, so nothing that it does lasts. */
static inline bool unit_aborts(void (*run)(void))
{
	(void)fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		const struct rlimit none = {0, 0};
		(void)setrlimit(RLIMIT_CORE,
				&none); /* an unwanted core file is the worst that can come of it */
		(void)close(STDERR_FILENO);
		run();
		_exit(EXIT_SUCCESS);
	}
	int status = 0;
	return child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
	       WTERMSIG(status) == SIGABRT;
}

/* How often: `usual`, or a twentieth of it where UNIT_QUICK is set: valgrind takes fifty times as long, and looks for reads of
 * what was never written, not for rare cases. */
static inline uint32_t unit_runs(uint32_t usual)
{
	return getenv("UNIT_QUICK") != NULL ? (usual + 19) / 20 : usual;
}

/* Small and equal from run to run; for filling buffers. */
static inline uint64_t unit_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33 ^ *state;
}

static inline void unit_fill(void *to, size_t len_bytes, uint64_t seed)
{
	unsigned char *p = to;
	for (size_t i = 0; i < len_bytes; i++)
		p[i] = (unsigned char)(unit_random(&seed) >> 24);
}

static inline void unit_test_begin(void)
{
	unit_state()->about[0] = '\0';
}

/* Run every test of the table; the value is what main() returns. */
static inline int unit_run(const char *program, const struct unit_test *tests, size_t tests_count)
{
	CU_pSuite suite = NULL;
	if (CU_initialize_registry() == CUE_SUCCESS)
		suite = CU_add_suite_with_setup_and_teardown(program, NULL, NULL, unit_test_begin, NULL);
	for (size_t i = 0; suite != NULL && i < tests_count; i++) {
		if (CU_add_test(suite, tests[i].sentence, tests[i].run) == NULL)
			suite = NULL;
	}
	if (suite == NULL) {
		(void)fprintf(stderr, "%s: CUnit: %s\n", program, CU_get_error_msg());
		return EXIT_FAILURE;
	}
	CU_basic_set_mode(CU_BRM_NORMAL);
	CU_ErrorCode error = CU_basic_run_tests();
	unsigned ran = CU_get_number_of_tests_run();
	unsigned failed = CU_get_number_of_tests_failed();
	unsigned skipped = unit_state()->skipped_count;
	CU_cleanup_registry();
	bool good = error == CUE_SUCCESS && failed == 0 && ran == tests_count;
	(void)printf("%s: %u passed, %u failed, %u skipped\n", program, ran - failed - skipped,
		     failed + (unsigned)tests_count - ran, skipped);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
