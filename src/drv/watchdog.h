/* SPDX-License-Identifier: Apache-2.0 */
/* The self-reset, as a stub: THIS RELEASE NEVER RESETS THE MACHINE THAT RUNS IT. No watchdog device is opened, no
 * system request is made; what would have been done is handed back as text for the log. */
#ifndef QD_DRV_WATCHDOG_H
#define QD_DRV_WATCHDOG_H

#include <stdint.h>

struct qd_watchdog_stub {
	uint64_t resets_not_done;
};

/* What must have stopped may still run. Returns the line for the log (static). */
const char *qd_watchdog_stub_must_never_reset_this_machine(struct qd_watchdog_stub *w);

#endif
