/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/conf_start.h"

#include "quorumd/conf_tree.h"
#include "quorumd/errors.h"
#include "quorumd/shell_kept.h"

#include <stdlib.h>

static void say(struct qd_conf_messages *messages, const char *file, const char *what)
{
	struct qd_conf_tree tree = {.file = file, .messages = messages};
	qd_conf_tree_message(&tree, (struct qd_conf_mark){0}, "%s", what);
}

/* The body of a store that has promised something. 0 with origin->kept or without; or an error and a message. */
static int read_kept(const char *state_dir, struct qd_conf_origin *origin, char *why)
{
	struct qd_head head = {0};
	int rc = qd_kept_peek_used(state_dir, &head, why);
	if (rc == -QD_ERR_NOT_FOUND)
		return 0;
	struct qd_bodies *bodies = rc == 0 ? calloc(1, sizeof *bodies) : NULL;
	origin->body.text = rc == 0 ? malloc(QD_BODY_BYTES_MAX) : NULL;
	if (rc == 0 && (bodies == NULL || origin->body.text == NULL)) {
		(void)snprintf(why, QD_KEPT_WHY_MAX, "out of memory");
		rc = -QD_ERR_NOMEM;
	}
	if (rc == 0)
		rc = qd_bodies_open(bodies, state_dir, why);
	if (rc == 0)
		rc = qd_bodies_read(bodies, head.body, origin->body.text, QD_BODY_BYTES_MAX,
				    &origin->body.len_bytes, why);
	free(bodies);
	origin->kept = rc == 0;
	origin->tag = head.tag;
	origin->body.verbatim = true;
	return rc;
}

static int load(const char *file, const struct qd_conf_text *own, struct qd_conf *out,
		struct qd_conf_origin *origin, struct qd_conf_messages *messages)
{
	char why[QD_KEPT_WHY_MAX];
	int rc = qd_conf_parse_own(own, out, messages);
	if (rc != 0)
		return rc;
	rc = read_kept(out->state_dir, origin, why);
	if (rc != 0) {
		say(messages, file, why);
		return rc;
	}
	if (origin->kept) {
		char name[QD_BODY_NAME_MAX];
		qd_conf_body_name(origin->tag, name);
		const struct qd_conf_text body = {name, origin->body.text, origin->body.len_bytes};
		return qd_conf_load_merged(file, &body, out, messages);
	}
	rc = qd_conf_load(file, out, messages);
	if (rc != 0 || !out->has_cluster)
		return rc;
	struct qd_conf_messages *again = calloc(1, sizeof *again); /* keeps the warnings of above */
	rc = again != NULL ? qd_conf_body_split(own, &origin->body, again) : -QD_ERR_NOMEM;
	if (rc != 0 && again != NULL)
		*messages = *again;
	free(again);
	return rc;
}

int qd_conf_start(const char *file, struct qd_conf *out, struct qd_conf_origin *origin,
		  struct qd_conf_messages *messages)
{
	struct qd_conf_text own = {.name = file};
	char *text = NULL;
	*origin = (struct qd_conf_origin){0};
	int problem = qd_conf_read_file(file, &text, &own.len_bytes);
	if (problem != 0) {
		*messages = (struct qd_conf_messages){0};
		return qd_conf_load(file, out, messages); /* it says what the problem is */
	}
	own.text = text;
	int rc = load(file, &own, out, origin, messages);
	free(text);
	if (rc != 0) {
		free(origin->body.text);
		*origin = (struct qd_conf_origin){0};
	}
	return rc;
}
