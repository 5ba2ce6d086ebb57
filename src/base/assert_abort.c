/* SPDX-License-Identifier: Apache-2.0 */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void qd_assert_failed(const char *file, int line, const char *what)
{
	(void)fprintf(stderr, "quorumd: %s:%d: assertion failed: %s\n", file, line, what);
	abort();
}
