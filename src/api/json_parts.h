/* SPDX-License-Identifier: Apache-2.0 */
/* Private to src/api/json*.c: parts of the documents. Each returns a new reference, or NULL: out of memory. */
#ifndef QD_API_JSON_PARTS_H
#define QD_API_JSON_PARTS_H

#include "api/json.h"

#include <jansson.h>

/* The document as a text; takes it over. */
char *qd_json_dump(json_t *document);

json_t *qd_json_integer(uint64_t v);
json_t *qd_json_tag(struct qd_tag tag);
json_t *qd_json_digest(const uint8_t digest[QD_DIGEST_BYTES]);

/* {"id": ..., "name": ...}; null for 0. */
json_t *qd_json_node(const struct qd_control_snapshot *s, uint32_t id);
const char *qd_json_node_name(const struct qd_control_snapshot *s, uint32_t id);

/* Milliseconds from a to b; null when either is unknown. */
json_t *qd_json_between(struct qd_mono a, struct qd_mono b);

/* A histogram of the arbiter's buckets: [{"below_us": ..., "count": ...}], without the empty ones. */
json_t *qd_json_histogram(const uint64_t *buckets, size_t count);

void qd_json_warn(json_t *warnings, const char *code, const char *text);

/* json_cluster.c: what there is with networks. */
json_t *qd_json_quorum(const struct qd_control_snapshot *s);
json_t *qd_json_view(const struct qd_control_snapshot *s);
json_t *qd_json_networks(const struct qd_control_snapshot *s);
json_t *qd_json_packets(const struct qd_control_snapshot *s);

/* Adds weight, vote, state, incarnation, tag and links to the document of a node. */
int qd_json_node_details(const struct qd_control_snapshot *s, uint32_t id, json_t *node);

/* What somebody should look at. True: the cluster is degraded by it. */
bool qd_json_warn_cluster(const struct qd_control_snapshot *s, json_t *warnings);

/* json_witness.c */
json_t *qd_json_witness(const struct qd_control_snapshot *s);
bool qd_json_warn_witness(const struct qd_control_snapshot *s, json_t *warnings);

#endif
