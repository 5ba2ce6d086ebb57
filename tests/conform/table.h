/* SPDX-License-Identifier: Apache-2.0 */
/* docs/CONFORMANCE.md: every step at which a kind of disk differs from the reference, with the reason. */
#ifndef CONFORM_TABLE_H
#define CONFORM_TABLE_H

#include "conform/script.h"

#include <stdio.h>

void table_print(const struct script *script, FILE *out);

#endif
