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
	const char *file; /* what messages call it; borrowed */
};

/* What a text holds. */
enum qd_conf_part {
	QD_CONF_WHOLE = 0,
	QD_CONF_OWN,  /* of a machine's file its own keys; the cluster's are passed over */
	QD_CONF_BODY, /* the cluster's keys, and no others */
};

enum { QD_CONF_FOUND_MAX = 96 }; /* of a value in a message */

struct qd_conf_tree {
	const char *file;	/* the present text, as messages call it; borrowed */
	enum qd_conf_part part; /* of that text */
	bool has_own;		/* the keys of one machine are there, or are walked */
	bool has_body;		/* and those of the cluster */
	bool broken;		/* a text is no map of keys: what it lacks is not worth a word */
	struct qd_conf *conf;
	struct qd_conf_messages *messages;
	struct qd_conf_mark marks[QD_CONF_CHANGES_MAX]; /* by schema index */
	struct qd_conf_mark path_marks[QD_PATHS_MAX];
	struct qd_conf_mark node_marks[QD_NODE_ID_MAX + 1]; /* by id */
	char node[QD_CONF_NAME_MAX];			    /* the value of `node` */
	char low[QD_CONF_NAME_MAX];			    /* the value of `quorum.lower_priority_node` */
};

/* The defaults; before the first walk. */
void qd_conf_tree_defaults(struct qd_conf_tree *tree);

/* Walk a document and fill tree->conf with what is valid in it. */
void qd_conf_tree_walk(struct qd_conf_tree *tree, yaml_document_t *document);

/* After the last walk: say which required keys of the parts that were walked are missing. */
void qd_conf_tree_missing(struct qd_conf_tree *tree);

/* The value of `nodes` (conf_nodes.c). False: it is no map with anything in it. */
bool qd_conf_nodes_take(struct qd_conf_tree *tree, yaml_document_t *document, const yaml_node_t *node);

/* What needs several keys of the cluster at once (conf_cluster.c). */
void qd_conf_cluster_check(struct qd_conf_tree *tree);

struct qd_conf_mark qd_conf_tree_mark(const struct qd_conf_tree *tree, const yaml_node_t *node);

/* The scalar's text, or NULL when the node is no scalar, or holds a NUL. */
const char *qd_conf_tree_scalar(const yaml_node_t *node);

/* What a message shows of a value: no control characters, and never a password of a URL. */
void qd_conf_tree_found(const yaml_node_t *node, char to[QD_CONF_FOUND_MAX]);

/* Where the value of a key stands. */
struct qd_conf_mark qd_conf_tree_at(const struct qd_conf_tree *tree, const char *key);

/* Index of a schema key that must exist. */
size_t qd_conf_tree_index(const char *key);

/* Append "FILE:LINE:COLUMN: " and the formatted text; without line when mark.line is 0. */
void qd_conf_tree_message(struct qd_conf_tree *tree, struct qd_conf_mark mark, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for what is valid but hardly meant. */
void qd_conf_tree_warning(struct qd_conf_tree *tree, struct qd_conf_mark mark, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Set one field from a text. False: it is not of the key's type or out of its range. Not for NODE, NODES and lists. */
bool qd_conf_assign(const struct qd_conf_key *key, const char *text, struct qd_conf *conf);

#endif
