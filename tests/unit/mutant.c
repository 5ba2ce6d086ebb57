/* SPDX-License-Identifier: Apache-2.0 */
/* In the build with mutants every unit test can be run without one of the safety rules: QD_MUTANT=NAME build/mutants/...
 * docs/MUTANTS.md names the tests that must go red then. */
#include "core/rules.h"

#ifdef QD_MUTANTS
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t qd_mutant_off = QD_RULE_COUNT;

static const char *const NAMES[] = {
#define NAME(name, clause, text) #name,
	QD_RULES(NAME)
#undef NAME
};

__attribute__((constructor)) static void switch_off(void)
{
	const char *name = getenv("QD_MUTANT");
	if (name == NULL)
		return;
	for (uint32_t rule = 0; rule < QD_RULE_COUNT; rule++)
		if (strcmp(NAMES[rule], name) == 0)
			qd_mutant_off = rule;
	if (qd_mutant_off == QD_RULE_COUNT) {
		(void)fprintf(stderr, "QD_MUTANT=%s: there is no such rule\n", name);
		exit(2);
	}
}
#endif
