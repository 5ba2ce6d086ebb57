/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration that a machine begins with: its own keys from its file, the cluster's from the store, once there is
 * something in it that counts. Reads files and allocates: for the start, for a reload, and for tools. */
#ifndef QD_QUORUMD_CONF_START_H
#define QD_QUORUMD_CONF_START_H

#include "quorumd/conf_body.h"

/* Where the cluster's keys came from. */
struct qd_conf_origin {
	bool kept;	   /* the body that the store names; else the file */
	struct qd_tag tag; /* with kept */
	struct qd_conf_body
		body; /* what the others and the disk are given; the caller frees body.text. Of a file without
				   * a cluster there is none: NULL. */
};

/* As qd_conf_load(), but when the node has promised anything in a view already, the cluster's keys are those of the body
 * that its store names (messages call it "configuration (EPOCH.VERSION)"). 0 or a negative qd_error, and the messages. */
int qd_conf_start(const char *file, struct qd_conf *out, struct qd_conf_origin *origin,
		  struct qd_conf_messages *messages);

#endif
