/* SPDX-License-Identifier: Apache-2.0 */
/* What happened: the lines of the log that are state changes or worse, without how it came to them. */
#include "ctl.h"
#include "lines.h"

int qd_ctl_events_run(int argc, char **argv)
{
	struct qd_lines l = {.least = "notice"};
	const int status = qd_lines_options(&l, argc, argv);
	return status != 0 ? status : qd_lines_print(&l);
}
