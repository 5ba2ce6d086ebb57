/* SPDX-License-Identifier: Apache-2.0 */
/* The YAML document walked along the schema: every key is known, unique and of its type, or a message says where it
 * is not. What needs several keys at once is checked in conf.c. */
#ifndef QD_QUORUMD_CONF_TREE_H
#define QD_QUORUMD_CONF_TREE_H

#include "quorumd/conf.h"
#include "quorumd/conf_schema.h"

#include <yaml.h>

/* Where a key's value stands, from 1; line 0: it is not in the file. */
struct qd_conf_mark {
	size_t line;
	size_t column;
};

struct qd_conf_tree {
	const char *file; /* what messages call it; borrowed */
	struct qd_conf *conf;
	struct qd_conf_messages *messages;
	struct qd_conf_mark marks[QD_CONF_CHANGES_MAX]; /* by schema index */
	struct qd_conf_mark path_marks[QD_PATHS_MAX];
	char node[QD_CONF_NAME_MAX]; /* the value of `node` */
};

/* Walk the document and fill tree->conf with what is valid in it, and with the defaults. */
void qd_conf_tree_walk(struct qd_conf_tree *tree, yaml_document_t *document);

/* Index of a schema key that must exist. */
size_t qd_conf_tree_index(const char *key);

/* Append "FILE:LINE:COLUMN: " and the formatted text; without line when mark.line is 0. */
void qd_conf_tree_message(struct qd_conf_tree *tree, struct qd_conf_mark mark, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Set one field from a text. False: it is not of the key's type or out of its range. Not for NODES and URLS. */
bool qd_conf_assign(const struct qd_conf_key *key, const char *text, struct qd_conf *conf);

#endif
