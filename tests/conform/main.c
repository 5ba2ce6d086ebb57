/* SPDX-License-Identifier: Apache-2.0 */
#include "conform/script.h"
#include "conform/table.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
	const char *script;
	bool table; /* print the table of differences instead of running */
	bool verbose;
	struct cf_iscsi_options iscsi;
};

struct tally {
	unsigned passed, failed, skipped;
};

static int usage(void)
{
	(void)fputs("usage: conform --kind model|model-tgt|model-lio|tgt|lio [--portal ADDRESS:PORT --target "
		    "NAME --lun N]\n"
		    "               [--control IN,OUT] [--verbose] SCRIPT\n"
		    "       conform --table SCRIPT\n",
		    stderr);
	return 2;
}

static bool is_model(enum cf_kind kind)
{
	return kind == CF_MODEL || kind == CF_MODEL_TGT || kind == CF_MODEL_LIO;
}

/* "IN,OUT": two descriptors that were open when we started. */
static bool parse_control(const char *text, struct cf_iscsi_options *o)
{
	char *end;

	o->control_in = (int)strtol(text, &end, 10);
	if (end == text || *end != ',')
		return false;
	text = end + 1;
	o->control_out = (int)strtol(text, &end, 10);
	return end != text && *end == '\0';
}

static bool parse_options(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {
		{"kind", required_argument, NULL, 'k'},	   {"portal", required_argument, NULL, 'p'},
		{"target", required_argument, NULL, 't'},  {"lun", required_argument, NULL, 'l'},
		{"control", required_argument, NULL, 'c'}, {"verbose", no_argument, NULL, 'v'},
		{"table", no_argument, NULL, 'T'},	   {NULL, 0, NULL, 0}};
	int option;

	*o = (struct options){.iscsi = {.kind = CF_KIND_COUNT, .control_in = -1, .control_out = -1}};
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (option == 'k' && cf_kind_parse(optarg, &o->iscsi.kind))
			continue;
		if (option == 'c' && parse_control(optarg, &o->iscsi))
			continue;
		if (option == 'p')
			o->iscsi.portal = optarg;
		else if (option == 't')
			o->iscsi.target = optarg;
		else if (option == 'l')
			o->iscsi.lun = (int)strtol(optarg, NULL, 10);
		else if (option == 'v')
			o->verbose = true;
		else if (option == 'T')
			o->table = true;
		else
			return false;
	}
	if (optind != argc - 1)
		return false;
	o->script = argv[optind];
	if (o->table || is_model(o->iscsi.kind))
		return true;
	return o->iscsi.kind != CF_KIND_COUNT && o->iscsi.portal != NULL && o->iscsi.target != NULL;
}

/* Run one step; false when the rest of its section means nothing on this kind of disk. */
static bool run_step(struct cf_executor *x, const struct script_step *step, struct tally *tally, bool verbose)
{
	const struct script_override *override = script_override(step, x->kind);
	const char *expected = override != NULL ? override->result : step->expected;
	struct cf_answer answer;
	char result[CF_TEXT_MAX];

	x->execute(x->self, &step->command, &answer);
	cf_answer_text(&answer, result, sizeof(result));
	if (strcmp(expected, "any") != 0 && strcmp(expected, result) != 0) {
		tally->failed++;
		(void)printf("not ok - %u: %s => %s, expected of %s: %s\n", step->line, step->text, result,
			     cf_kind_name(x->kind), expected);
	} else if (answer.status == CF_UNSUPPORTED) {
		tally->skipped++;
		(void)printf("ok - %u: %s # SKIP %s\n", step->line, step->text,
			     override != NULL ? override->reason : "");
	} else {
		tally->passed++;
		if (verbose)
			(void)printf("ok - %u: %s => %s\n", step->line, step->text, result);
	}
	if (override != NULL && override->ends)
		(void)printf("# %u: the rest of the section is left out: %s\n", step->line, override->reason);
	return override == NULL || !override->ends;
}

static struct tally run(struct cf_executor *x, const struct script *script, bool verbose)
{
	struct tally tally = {0};
	bool skipping = false;

	for (size_t i = 0; i < script->count; i++) {
		const struct script_step *step = &script->steps[i];
		struct cf_answer answer;

		if (skipping && !step->section) {
			tally.skipped++;
			continue;
		}
		if (!step->section) {
			skipping = !run_step(x, step, &tally, verbose);
			continue;
		}
		if (verbose)
			(void)printf("# %s\n", step->text);
		x->execute(x->self, &step->command, &answer);
		skipping = answer.status != CF_GOOD;
		if (skipping) {
			tally.failed++;
			(void)printf("not ok - %u: no clean start of section '%s'\n", step->line, step->text);
		}
		(void)fflush(stdout); /* progress only */
	}
	return tally;
}

int main(int argc, char **argv)
{
	static struct script script;
	struct options options;
	struct cf_executor x;
	char why[CF_TEXT_MAX] = "";

	if (!parse_options(argc, argv, &options))
		return usage();
	if (!script_read(&script, options.script, why, sizeof(why))) {
		(void)fprintf(stderr, "conform: %s\n", why);
		return 2;
	}
	if (options.table) {
		table_print(&script, stdout);
		return fflush(stdout) == 0 ? 0 : 1;
	}
	bool opened = is_model(options.iscsi.kind) ? cf_model_open(&x, options.iscsi.kind, why, sizeof(why))
						   : cf_iscsi_open(&x, &options.iscsi, why, sizeof(why));

	if (!opened) {
		(void)fprintf(stderr, "conform: %s\n", why);
		return 2;
	}
	struct tally tally = run(&x, &script, options.verbose);

	x.close(x.self);
	(void)printf("%u passed, %u failed, %u skipped\n", tally.passed, tally.failed, tally.skipped);
	return fflush(stdout) == 0 && tally.failed == 0 ? 0 : 1;
}
