/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl.h"
#include "lines.h"

int qd_ctl_log_run(int argc, char **argv)
{
	struct qd_lines l = {.least = "debug"};
	const int status = qd_lines_options(&l, argc, argv);
	return status != 0 ? status : qd_lines_print(&l);
}
