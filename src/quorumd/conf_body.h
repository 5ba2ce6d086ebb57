/* SPDX-License-Identifier: Apache-2.0 */
/* The body: the keys of a configuration that are the same on every machine of the cluster, as the text that nodes keep,
 * hand to each other and write on the quorum disk. Cut out of a machine's file, written anew, and compared key by key.
 * Not for a real-time path: it allocates. */
#ifndef QD_QUORUMD_CONF_BODY_H
#define QD_QUORUMD_CONF_BODY_H

#include "codec/qdisk_slot.h"
#include "quorumd/conf.h"

enum {
	/* What a configuration slot of the quorum disk holds, whatever the sector size. */
	QD_BODY_BYTES_MAX = QD_QDISK_TEXT_MAX,
	/* 8 paths of 511 bytes with quotes and commas are the longest. */
	QD_CONF_VALUE_MAX = 8 * (QD_CONF_URL_MAX + 4),
};

struct qd_conf_body {
	char *text; /* the caller frees it */
	size_t len_bytes;
	/* As it stands in the file, comments included, without the lines of the machine's own keys. False: these share
	 * lines with others (YAML in braces, anchors), so that the text was written anew, without comments. */
	bool verbatim;
};

/* The body of a whole configuration. 0, -QD_ERR_NOMEM, or -QD_ERR_CONFIG and the messages: it is not valid, or its body
 * is too long. */
int qd_conf_body_split(const struct qd_conf_text *whole, struct qd_conf_body *out,
		       struct qd_conf_messages *messages);

/* The cluster's keys that are given in `conf`, in the order of the schema: the same for the same values. The length
 * without a final NUL; 0: it does not fit. */
size_t qd_conf_body_write(const struct qd_conf *conf, char *to, size_t cap_bytes);

/* One difference: "nodes.alpha", "times.renew"; the value "" is none. */
typedef void qd_conf_difference_fn(void *context, const char *key, const char *old, const char *fresh);

/* Every key of the cluster whose value differs, in the order of the schema; `nodes` node by node. Returns how many. */
uint32_t qd_conf_body_compare(const struct qd_conf *old, const struct qd_conf *fresh,
			      qd_conf_difference_fn *fn, void *context);

/* Mark a key as given, after its field was set by hand (`quorum set`, `node add`): what is not given is not written. */
void qd_conf_give(struct qd_conf *conf, const char *key);

/* "configuration (EPOCH.VERSION)": what messages call a body. */
enum { QD_BODY_NAME_MAX = 64 };
void qd_conf_body_name(struct qd_tag tag, char to[QD_BODY_NAME_MAX]);

#endif
