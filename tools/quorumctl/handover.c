/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"
#include "ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number is an id, anything else a name. */
static json_t *heir_of(const char *text)
{
	char *end = NULL;
	if (text == NULL)
		return json_null();
	long id = strtol(text, &end, 10);
	return *text >= '0' && *text <= '9' && *end == '\0' ? json_integer(id) : json_string(text);
}

static int report(const json_t *answer, long http)
{
	static const struct {
		const char *reply;
		int status;
		const char *text;
	} table[] = {
		{"not-owner", QD_CTL_NO_OWNER,
		 "this node does not own: ask the node that \"quorumctl owner\" names"},
		{"no-such-node", 66, "there is no such other node in the configuration"},
		{"heir-silent", 1, "the heir did not come forward in time: this node still owns"},
		{"busy", 1, "a hand-over or a stop is under way already"},
		{"failed", 1, "ownership was lost, or a command failed, on the way: see quorumctl log"},
	};
	const char *reply = json_string_value(json_object_get(answer, "reply"));
	if (reply == NULL)
		return qd_api_complain(answer, http);
	if (json_is_true(json_object_get(answer, "done"))) {
		(void)puts("handed over");
		return 0;
	}
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(reply, table[i].reply) == 0) {
			qd_ctl_complain("%s", table[i].text);
			return table[i].status;
		}
	}
	qd_ctl_complain("quorumd answers: %s", reply);
	return 1;
}

int qd_ctl_handover_run(int argc, char **argv)
{
	const char *node = NULL;
	const char *socket = NULL;
	const struct qd_ctl_option options[] = {{NULL, NULL, &node}, {"--socket", NULL, &socket}};
	int status = qd_ctl_options(argc, argv, options, sizeof(options) / sizeof(options[0]));
	if (status != 0)
		return status;
	json_t *request = json_pack("{s:o}", "to", heir_of(node));
	char *body = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
	json_decref(request);
	if (body == NULL) {
		qd_ctl_complain("the name of the node is no UTF-8 text");
		return QD_CTL_USAGE;
	}
	json_t *answer = NULL;
	long http = 0;
	status = qd_api_ask(socket, "/v1/handover", body, &answer, &http);
	status = status != 0 ? QD_CTL_UNREACHABLE : report(answer, http);
	free(body);
	json_decref(answer);
	return status;
}
