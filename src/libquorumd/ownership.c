/* SPDX-License-Identifier: Apache-2.0 */
#include "libquorumd/ownership.h"

#include <jansson.h>

#include <string.h>

static void take_name(const json_t *v, char to[QD_CLIENT_NAME_MAX])
{
	const char *text = json_string_value(v);
	size_t len = text != NULL ? strnlen(text, QD_CLIENT_NAME_MAX - 1) : 0;
	if (len > 0)
		memcpy(to, text, len);
	to[len] = '\0';
}

static int take(const json_t *document, struct qd_ownership *out)
{
	const json_t *node = json_object_get(document, "node");
	const json_t *owner = json_object_get(document, "owner");
	const json_t *mine = json_object_get(document, "mine");
	if (json_is_object(json_object_get(document, "error")))
		return 0;
	if (!json_is_object(node) || owner == NULL || !json_is_boolean(mine))
		return -QD_ERR_PROTOCOL;
	out->known = true;
	out->mine = json_is_true(mine);
	out->online = out->mine && json_is_true(json_object_get(document, "online"));
	out->token = out->mine ? (uint64_t)json_integer_value(json_object_get(document, "epoch")) : 0;
	out->sequence = (uint64_t)json_integer_value(json_object_get(document, "sequence"));
	out->owner_id = (uint32_t)json_integer_value(json_object_get(owner, "id"));
	out->node_id = (uint32_t)json_integer_value(json_object_get(node, "id"));
	take_name(json_object_get(owner, "name"), out->owner);
	take_name(json_object_get(node, "name"), out->node);
	return 0;
}

int qd_ownership_parse(const char *text, size_t len_bytes, struct qd_ownership *out)
{
	*out = (struct qd_ownership){0};
	json_t *document = json_loadb(text, len_bytes, 0, NULL);
	int status = json_is_object(document) ? take(document, out) : -QD_ERR_PROTOCOL;
	json_decref(document);
	if (status != 0)
		*out = (struct qd_ownership){0};
	return status;
}
