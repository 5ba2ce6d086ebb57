/* SPDX-License-Identifier: Apache-2.0 */
/* The safety rules that can be switched off in the build with mutants. */
#ifndef QD_SIM_MUTANTS_H
#define QD_SIM_MUTANTS_H

#include <stdbool.h>
#include <stdint.h>

bool mutants_built(void);
/* Switch one rule off, all others on; QD_RULE_COUNT: all on. */
void mutants_set(uint32_t rule);
uint32_t mutants_find(const char *name); /* QD_RULE_COUNT: unknown */
const char *mutants_name(uint32_t rule);
const char *mutants_clause(uint32_t rule);
const char *mutants_text(uint32_t rule);

#endif
