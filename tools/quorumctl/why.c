/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"
#include "ctl.h"

#include <stdio.h>

int qd_ctl_why_run(int argc, char **argv)
{
	bool json = false;
	const char *socket = NULL;
	json_t *why = NULL;
	long http = 0;
	const struct qd_ctl_option options[] = {{"--json", &json, NULL}, {"--socket", NULL, &socket}};
	int status = qd_ctl_options(argc, argv, options, sizeof(options) / sizeof(options[0]));
	if (status != 0)
		return status;
	if (qd_api_ask(socket, "/v1/why", NULL, &why, &http) != 0)
		return QD_CTL_UNREACHABLE;
	const json_t *list = json_object_get(why, "sentences");
	if (http != 200)
		status = qd_api_complain(why, http);
	else
		status = json_is_true(json_object_get(why, "quorate")) ? 0 : QD_CTL_NO_OWNER;
	if (http == 200 && json && json_dumpf(why, stdout, JSON_INDENT(2)) == 0)
		(void)fputc('\n', stdout);
	for (size_t i = 0; http == 200 && !json && i < json_array_size(list); i++)
		(void)puts(json_string_value(json_array_get(list, i)));
	json_decref(why);
	return status;
}
