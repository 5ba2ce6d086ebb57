/* SPDX-License-Identifier: Apache-2.0 */
#include "drv/watchdog.h"

const char *qd_watchdog_stub_must_never_reset_this_machine(struct qd_watchdog_stub *w)
{
	w->resets_not_done++;
	return "WATCHDOG STUB: this machine would have been reset now: something of the group may still run "
	       "here. "
	       "Stop it by hand before the group runs elsewhere";
}
