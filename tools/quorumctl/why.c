/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"
#include "ctl.h"

#include <stdio.h>

int qd_ctl_why_run(int argc, char **argv)
{
	bool json = false;
	json_t *why = NULL;
	int status = qd_api_show(argc, argv, "/v1/why", &json, &why);
	if (status != 0)
		return status;
	const json_t *list = json_object_get(why, "sentences");
	status = json_is_true(json_object_get(why, "quorate")) ? 0 : QD_CTL_NO_OWNER;
	if (json)
		qd_api_dump(why);
	for (size_t i = 0; !json && i < json_array_size(list); i++)
		(void)puts(json_string_value(json_array_get(list, i)));
	json_decref(why);
	return status;
}
