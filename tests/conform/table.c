/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

static bool differs(const struct script_step *step)
{
	for (unsigned kind = 0; kind < CF_KIND_COUNT; kind++)
		if (step->override[kind].result[0] != '\0')
			return true;
	return false;
}

static void print_step(const struct script_step *step, const char *section, FILE *out)
{
	(void)fprintf(out, "| %s | `%s` | %s |", section, step->text, step->expected);
	for (unsigned kind = 0; kind < CF_KIND_COUNT; kind++) {
		const char *result = step->override[kind].result;

		(void)fprintf(out, " %s |", result[0] != '\0' ? result : "same");
	}
	for (unsigned kind = 0, printed = 0; kind < CF_KIND_COUNT; kind++)
		if (step->override[kind].result[0] != '\0')
			(void)fprintf(out, "%s%s: %s", printed++ > 0 ? ". " : " ", cf_kind_name((enum cf_kind)kind),
				step->override[kind].reason);
	(void)fputs(" |\n", out);
}

void table_print(const struct script *script, FILE *out)
{
	const char *section = "";
	unsigned steps = 0, sections = 0, different = 0;

	for (size_t i = 0; i < script->count; i++) {
		sections += script->steps[i].section ? 1 : 0;
		steps += script->steps[i].section ? 0 : 1;
		different += differs(&script->steps[i]) ? 1 : 0;
	}
	(void)fprintf(out,
		"# Where the disks differ\n\n"
		"Generated from `tests/conform/pr.script` by `conform --table`; a run against each kind of disk proves each line.\n"
		"The reference is what SPC-4 demands. *model* is the simulator's disk, *tgt* is tgt 1.0.85, *lio* is the kernel\n"
		"target of Linux 6.1. %u steps in %u sections; %u steps differ somewhere.\n\n"
		"| section | step | reference | model | tgt | lio | why |\n|---|---|---|---|---|---|---|\n",
		steps, sections, different);
	for (size_t i = 0; i < script->count; i++) {
		if (script->steps[i].section)
			section = script->steps[i].text;
		else if (differs(&script->steps[i]))
			print_step(&script->steps[i], section, out);
	}
}
