/* SPDX-License-Identifier: Apache-2.0 */
/* The safety rules of docs/PROTOCOL.md sections 3 and 4 by name. In the released build every QD_RULE() is true and
 * vanishes. In the build with mutants each can be switched off, and the simulator must then find a violation
 * (docs/MUTANTS.md names the seed). */
#ifndef QD_CORE_RULES_H
#define QD_CORE_RULES_H

#include <stdint.h>

#include "core/rules_list.h"

#define QD_RULES_ENUM(name, clause, text) QD_RULE_##name,
enum qd_rule { QD_RULES(QD_RULES_ENUM) QD_RULE_COUNT };
#undef QD_RULES_ENUM

#ifdef QD_MUTANTS
extern uint32_t
	qd_mutant_off; /* the rule that is switched off; QD_RULE_COUNT: none; owned by the test program */
#define QD_RULE(name) (qd_mutant_off != (uint32_t)QD_RULE_##name)
#else
#define QD_RULE(name) ((void)QD_RULE_##name, 1)
#endif

#endif
