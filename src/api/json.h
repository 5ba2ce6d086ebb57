/* SPDX-License-Identifier: Apache-2.0 */
/* quorumd's structs as JSON documents; the fields are in quorumd(8). Pure but for the allocation in jansson. */
#ifndef QD_API_JSON_H
#define QD_API_JSON_H

#include "quorumd/control.h"

/* Each returns a text that the caller frees with free(), in one line that ends with a line feed; NULL: out of
 * memory. */
char *qd_json_status(const struct qd_control_snapshot *s);
char *qd_json_why(const struct qd_control_snapshot *s);
char *qd_json_config(const struct qd_control_config *config, const char *text, size_t len_bytes);
char *qd_json_history(const struct qd_control_history *history);
char *qd_json_lines(const struct qd_control_lines *lines);
char *qd_json_reply(const struct qd_control_reply *reply);

/* {"error": {"code": NAME, "text": ...}} */
char *qd_json_error(const char *code, const char *text);

/* This node owns and what it is to run is online. */
bool qd_json_is_online(const struct qd_control_snapshot *s);

#endif
