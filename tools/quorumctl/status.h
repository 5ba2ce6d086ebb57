/* SPDX-License-Identifier: Apache-2.0 */
/* Private to tools/quorumctl/status*.c: parts of the status for people. */
#ifndef QD_QUORUMCTL_STATUS_H
#define QD_QUORUMCTL_STATUS_H

#include <jansson.h>

/* Of a document's field: its text, or "-"; its number, or 0; its milliseconds as seconds. */
const char *qd_status_text(const json_t *v, const char *key);
json_int_t qd_status_number(const json_t *v, const char *key);
double qd_status_seconds(const json_t *v, const char *key);

/* With networks between the nodes: quorum, view, witness; nodes with their links; networks and packets. */
void qd_status_print_quorum(const json_t *s);
void qd_status_print_nodes(const json_t *s);
void qd_status_print_networks(const json_t *s);

/* How much may still go wrong, and what was decided last. */
void qd_status_print_margin(const json_t *s);
void qd_status_print_arbitration(const json_t *s);

#endif
