/* SPDX-License-Identifier: Apache-2.0 */
/* The list of the safety rules: each can be switched off in the build with mutants, none in the released one. */
#include "unit.h"

#include "core/rules.h"

static const struct rule {
	const char *name;
	const char *clause;
	const char *text;
} RULES[] = {
#define RULE_LINE(name, clause, text) {#name, clause, text},
	QD_RULES(RULE_LINE)
#undef RULE_LINE
};

static void all_are_listed(void)
{
	UNIT_EQUAL(UNIT_COUNT(RULES), QD_RULE_COUNT);
}

static void differ(void)
{
	for (size_t i = 0; i < UNIT_COUNT(RULES); i++) {
		unit_case("%s", RULES[i].name);
		UNIT_OK(RULES[i].text[0] != '\0');
		for (size_t j = 0; j < i; j++)
			UNIT_OK(strcmp(RULES[i].name, RULES[j].name) != 0 &&
				strcmp(RULES[i].text, RULES[j].text) != 0);
	}
}

/* Section 1 to 4, or a case of section 4, of docs/PROTOCOL.md; after "M." section 1 to 8 of docs/MEMBERSHIP.md. */
static void name_a_clause(void)
{
	for (size_t i = 0; i < UNIT_COUNT(RULES); i++) {
		unsigned section = 0;
		unsigned number = 0;
		char rest = '\0';
		unit_case("%s: %s", RULES[i].name, RULES[i].clause);
		if (RULES[i].clause[0] == 'M') {
			UNIT_EQUAL(sscanf(RULES[i].clause, "M.%u%c", &section, &rest), 1);
			UNIT_OK(section >= 1 && section <= 8);
			continue;
		}
		const int found = sscanf(RULES[i].clause, "%u.%u%c", &section, &number, &rest);
		UNIT_OK(found == 1 || found == 2);
		UNIT_OK(section >= 1 && section <= 4);
		UNIT_OK(found == 1 || (section == 4 && number >= 1 && number <= 16));
	}
}

static void all_on(void)
{
#define RULE_ON(name, clause, text) UNIT_OK(QD_RULE(name));
	QD_RULES(RULE_ON)
#undef RULE_ON
}

static const struct unit_test TESTS[] = {
	{"every rule has its bit", all_are_listed},
	{"no two rules are the same", differ},
	{"every rule names its clause", name_a_clause},
	{"every rule is in force", all_on},
};

int main(void)
{
	return unit_run("t_rules", TESTS, UNIT_COUNT(TESTS));
}
