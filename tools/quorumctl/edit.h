/* SPDX-License-Identifier: Apache-2.0 */
/* Changing the one configuration: what the subcommands config, node and quorum share. The one in force is read, a new
 * one is compared with it, shown, confirmed, and sent with the tag that it was made from. */
#ifndef QD_QUORUMCTL_EDIT_H
#define QD_QUORUMCTL_EDIT_H

#include "quorumd/conf_body.h"

#include <jansson.h>

struct qd_edit {
	const char *command; /* for messages */
	const char *socket;
	bool yes;  /* do not ask */
	bool json; /* the differences, and what came of it */
	struct qd_tag tag;
	json_t *document; /* of /v1/config: owns the text */
	struct qd_conf_text text;
	struct qd_conf conf;  /* of it */
	struct qd_conf fresh; /* the new one */
	struct qd_conf_messages messages;
};

/* Read the configuration in force (digest NULL) or an earlier one. 0, or the exit status after a message. The caller ends
 * it with qd_edit_close() in any case. */
int qd_edit_open(struct qd_edit *e, const char *digest);
void qd_edit_close(struct qd_edit *e);

/* The part of a file that is the cluster's: of a whole configuration, or of a body alone. The caller frees *text. 0, or
 * the exit status after messages. Fills *conf. */
int qd_edit_read_file(const char *file, struct qd_conf *conf, struct qd_conf_messages *messages, char **text,
		      size_t *len_bytes);

/* Print how `fresh` differs. How many keys do. */
uint32_t qd_edit_print(const struct qd_conf *old, const struct qd_conf *fresh, bool json);

/* Show, ask, send. The text is a body, and e->fresh is what it says. The exit status. */
int qd_edit_apply(struct qd_edit *e, const char *text, size_t len_bytes);

/* The same of e->fresh, which was changed by hand: written anew and checked first. */
int qd_edit_apply_fresh(struct qd_edit *e);

/* The history: the caller calls json_decref(). The exit status. */
int qd_edit_history(const char *socket, json_t **list);

/* The digest of the entry that `text` names: a version, or EPOCH.VERSION; the newest of them. NULL after a message. */
const char *qd_edit_find(const json_t *list, const char *command, const char *text);

/* The id of the node that a name or number means; 0 after a message. */
uint32_t qd_edit_node(const struct qd_edit *e, const char *text);

#endif
