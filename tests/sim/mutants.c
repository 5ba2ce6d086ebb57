/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/mutants.h"

#include "base/assert.h"
#include "core/rules.h"

#include <string.h>

#ifdef QD_MUTANTS
uint32_t qd_mutant_off = QD_RULE_COUNT;

bool mutants_built(void)
{
	return true;
}

void mutants_set(uint32_t rule)
{
	qd_mutant_off = rule;
}
#else
bool mutants_built(void)
{
	return false;
}

void mutants_set(uint32_t rule)
{
	qd_assert(rule == QD_RULE_COUNT);
}
#endif

struct rule_info {
	const char *name;
	const char *clause;
	const char *text;
};

#define RULE_INFO(name, clause, text) [QD_RULE_##name] = {#name, clause, text},
static const struct rule_info rules[QD_RULE_COUNT] = {QD_RULES(RULE_INFO)};
#undef RULE_INFO

uint32_t mutants_find(const char *name)
{
	uint32_t i = 0;
	while (i < QD_RULE_COUNT && strcmp(rules[i].name, name) != 0)
		i++;
	return i;
}

const char *mutants_name(uint32_t rule)
{
	qd_assert(rule < QD_RULE_COUNT);
	return rules[rule].name;
}

const char *mutants_clause(uint32_t rule)
{
	qd_assert(rule < QD_RULE_COUNT);
	return rules[rule].clause;
}

const char *mutants_text(uint32_t rule)
{
	qd_assert(rule < QD_RULE_COUNT);
	return rules[rule].text;
}
