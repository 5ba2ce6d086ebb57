/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"
#include "ctl.h"

#include <poll.h>
#include <stdio.h>

enum { AGAIN_MS = 200 }; /* quorum-api may be starting */

static bool print_owner(const json_t *s)
{
	const char *name = json_string_value(json_object_get(json_object_get(s, "owner"), "name"));
	if (name != NULL)
		(void)puts(name);
	return name != NULL;
}

static bool on_line(void *context, const json_t *s, const char *raw)
{
	(void)context;
	(void)raw;
	return !print_owner(s);
}

int qd_ctl_owner_run(int argc, char **argv)
{
	bool wait = false;
	const char *socket = NULL;
	const struct qd_ctl_option options[] = {{"--wait", &wait, NULL}, {"--socket", NULL, &socket}};
	int status = qd_ctl_options(argc, argv, options, sizeof(options) / sizeof(options[0]));
	if (status != 0)
		return status;
	while (wait && qd_api_stream(socket, "/v1/events", on_line, NULL) != 0)
		(void)poll(NULL, 0, AGAIN_MS); /* a pause; a signal may end it early */
	if (wait)
		return 0;
	json_t *s = NULL;
	long http = 0;
	if (qd_api_ask(socket, "/v1/status", NULL, &s, &http) != 0)
		return QD_CTL_UNREACHABLE;
	if (http != 200) {
		status = qd_api_complain(s, http);
	} else if (!print_owner(s)) {
		qd_ctl_complain("no node owns");
		status = QD_CTL_NO_OWNER;
	}
	json_decref(s);
	return status;
}
