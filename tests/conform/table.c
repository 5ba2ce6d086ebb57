/* SPDX-License-Identifier: Apache-2.0 */
#include "conform/table.h"

static const struct script_override *own(const struct script_step *step, enum cf_kind kind)
{
	return step->override[kind].reason[0] != '\0' ? &step->override[kind] : NULL;
}

static bool target_differs(const struct script_step *step)
{
	return own(step, CF_TGT) != NULL || own(step, CF_LIO) != NULL;
}

static bool model_differs(const struct script_step *step)
{
	return own(step, CF_MODEL) != NULL || own(step, CF_MODEL_TGT) != NULL ||
	       own(step, CF_MODEL_LIO) != NULL;
}

static void print_result(const struct script_override *o, FILE *out)
{
	if (o == NULL)
		(void)fputs(" same |", out);
	else
		(void)fprintf(out, " **%s**%s |", o->result, o->ends ? " †" : "");
}

static void print_target(const struct script_step *step, FILE *out)
{
	const struct script_override *tgt = own(step, CF_TGT), *lio = own(step, CF_LIO);

	(void)fprintf(out, "| `%s` | %s |", step->text, step->expected);
	print_result(tgt, out);
	print_result(lio, out);
	if (tgt != NULL)
		(void)fprintf(out, "%s %s", lio != NULL ? " tgt:" : "", tgt->reason);
	if (lio != NULL)
		(void)fprintf(out, "%s %s", tgt != NULL ? "; LIO:" : "", lio->reason);
	(void)fputs(" |\n", out);
}

/* What a model must answer: the reference, or what the target it imitates does. */
static const char *demanded(const struct script_step *step, enum cf_kind kind)
{
	const struct script_override *o = NULL;

	if (kind == CF_MODEL_TGT)
		o = own(step, CF_TGT);
	else if (kind == CF_MODEL_LIO)
		o = own(step, CF_LIO);
	return o != NULL ? o->result : step->expected;
}

static void print_model(const struct script_step *step, FILE *out)
{
	static const enum cf_kind models[] = {CF_MODEL, CF_MODEL_TGT, CF_MODEL_LIO};

	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		const struct script_override *o = own(step, models[i]);

		if (o != NULL)
			(void)fprintf(out, "| `%s` | %s | %s | %s%s | %s |\n", step->text,
				      cf_kind_name(models[i]), demanded(step, models[i]), o->result,
				      o->ends ? " †" : "", o->reason);
	}
}

static void print_rows(const struct script *script, bool (*wanted)(const struct script_step *),
		       void (*print)(const struct script_step *, FILE *), FILE *out)
{
	const char *section = NULL;

	for (size_t i = 0; i < script->count; i++) {
		const struct script_step *step = &script->steps[i];

		if (step->section)
			section = step->text;
		if (step->section || !wanted(step))
			continue;
		if (section != NULL)
			(void)fprintf(out, "| *%s* | | | | |\n", section);
		section = NULL;
		print(step, out);
	}
}

void table_print(const struct script *script, FILE *out)
{
	unsigned steps = 0, sections = 0, different = 0;

	for (size_t i = 0; i < script->count; i++) {
		sections += script->steps[i].section ? 1 : 0;
		steps += script->steps[i].section ? 0 : 1;
		different += target_differs(&script->steps[i]) ? 1 : 0;
	}
	(void)fprintf(out,
		      "# Where the disks differ\n\n"
		      "Generated from `tests/conform/pr.script` by `conform --table`; a run against each "
		      "kind of disk\n"
		      "proves every line (`make conform` for the model and tgt, `make vm-test` with CASE=lio "
		      "for LIO).\n"
		      "The reference is SPC-4. *tgt* is tgt 1.0.85, *LIO* the kernel target of Linux 6.1.\n"
		      "Results: a sense is key/ASC ASCQ; † means that the rest of the section is left out "
		      "there.\n\n"
		      "## The targets\n\n%u steps in %u sections; at %u steps a target answers otherwise "
		      "than the reference.\n\n"
		      "| step | reference | tgt | LIO | why |\n|---|---|---|---|---|\n",
		      steps, sections, different);
	print_rows(script, target_differs, print_target, out);
	(void)fputs("\n## The simulator's disk\n\n"
		    "*model* follows the reference, *model-tgt* and *model-lio* imitate the targets. What "
		    "they do otherwise:\n\n"
		    "| step | model | must be | is | why |\n|---|---|---|---|---|\n",
		    out);
	print_rows(script, model_differs, print_model, out);
}
