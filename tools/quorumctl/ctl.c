/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_usage(const char *program, const struct qd_ctl_command *table, size_t count, FILE *to)
{
	(void)fprintf(to, "usage: %s COMMAND [ARGUMENT ...]\n\n", program);
	for (size_t i = 0; i < count; i++)
		(void)fprintf(to, "  %s%s%s\n", table[i].name, table[i].arguments[0] != '\0' ? " " : "",
			      table[i].arguments);
	(void)fprintf(to, "\n%s COMMAND --help explains one; quorumctl(8) all.\n", program);
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	}
	return false;
}

int qd_ctl_dispatch(const char *program, const struct qd_ctl_command *table, size_t count, int argc,
		    char **argv)
{
	if (argc < 2) {
		print_usage(program, table, count, stderr);
		return QD_CTL_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_usage(program, table, count, stdout);
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		const struct qd_ctl_command *c = &table[i];
		if (strcmp(c->name, argv[1]) != 0)
			continue;
		if (c->help[0] == '\0' || !wants_help(argc - 1, argv + 1))
			return c->run(argc - 1, argv + 1);
		(void)printf("usage: %s %s %s\n\n%s", program, c->name, c->arguments, c->help);
		return 0;
	}
	qd_ctl_complain("%s: unknown command \"%s\"", program, argv[1]);
	print_usage(program, table, count, stderr);
	return QD_CTL_USAGE;
}

/* The first free place of this name; when all are taken, the last one. */
static const struct qd_ctl_option *find(const char *text, const struct qd_ctl_option *options, size_t count)
{
	const struct qd_ctl_option *last = NULL;
	for (size_t i = 0; i < count; i++) {
		const struct qd_ctl_option *o = &options[i];
		if (text[0] != '-' && o->name == NULL && *o->value == NULL)
			return o;
		if (text[0] != '-' || o->name == NULL || strcmp(o->name, text) != 0)
			continue;
		last = o;
		if (o->flag != NULL || *o->value == NULL)
			return o;
	}
	return last;
}

int qd_ctl_options(int argc, char **argv, const struct qd_ctl_option *options, size_t count)
{
	for (int i = 1; i < argc; i++) {
		const struct qd_ctl_option *o = find(argv[i], options, count);
		if (o == NULL) {
			qd_ctl_complain("%s: unexpected argument \"%s\"; see --help", argv[0], argv[i]);
			return QD_CTL_USAGE;
		}
		if (o->flag != NULL) {
			*o->flag = true;
		} else if (o->name == NULL) {
			*o->value = argv[i];
		} else if (i + 1 < argc) {
			*o->value = argv[++i];
		} else {
			qd_ctl_complain("%s: %s needs a value; see --help", argv[0], argv[i]);
			return QD_CTL_USAGE;
		}
	}
	return 0;
}

void qd_ctl_complain(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)fputs("quorumctl: ", stderr);
	(void)vfprintf(stderr, format, args);
	(void)fputc('\n', stderr);
	va_end(args);
}

int qd_ctl_exit_status(int error)
{
	const int positive = error < 0 ? -error : error;
#define QD_ERRORS_STATUS(name, code, status, text)                                                           \
	if (positive == (code))                                                                              \
		return status;
	QD_ERRORS(QD_ERRORS_STATUS)
#undef QD_ERRORS_STATUS
	return error == 0 ? 0 : EXIT_FAILURE;
}

const char *qd_ctl_colour(enum qd_ctl_colour colour)
{
	static const char *const codes[QD_CTL_COLOUR_COUNT] = {"\033[0m", "\033[32m", "\033[33m", "\033[31m",
							       "\033[1m"};
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread, and nobody changes the environment */
	return isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == NULL ? codes[colour] : "";
}

int qd_ctl_health_status(const char *health)
{
	static const struct {
		const char *health;
		int status;
	} table[] = {
		{"healthy", QD_CTL_HEALTHY},
		{"degraded", QD_CTL_DEGRADED},
		{"no-owner", QD_CTL_NO_OWNER},
		{"no-quorum", QD_CTL_NO_OWNER},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(health, table[i].health) == 0)
			return table[i].status;
	}
	return QD_CTL_UNREACHABLE;
}
