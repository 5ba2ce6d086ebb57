/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl.h"

#include <quorumd/quorumd.h>

#include "api.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int qd_ctl_version_run(int argc, char **argv)
{
	const char *socket = NULL;
	struct stat st;
	const struct qd_ctl_option options[] = {{"--socket", NULL, &socket}};
	int status = qd_ctl_options(argc, argv, options, sizeof(options) / sizeof(options[0]));
	if (status != 0)
		return status;
	(void)puts("quorumctl " QD_VERSION);
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread, and nobody changes the environment */
	if (socket == NULL && getenv("QUORUMD_SOCKET") == NULL && stat(QD_CLIENT_SOCKET, &st) != 0)
		return 0; /* nothing was asked for and nothing runs */
	json_t *s = NULL;
	long http = 0;
	if (qd_api_ask(socket, "/v1/status", NULL, &s, &http) != 0)
		return QD_CTL_UNREACHABLE;
	const char *version = json_string_value(json_object_get(s, "version"));
	if (http == 200 && version != NULL)
		(void)printf("quorumd %s\n", version);
	else
		status = qd_api_complain(s, http);
	json_decref(s);
	return status;
}
