/* SPDX-License-Identifier: Apache-2.0 */
/* quorum-api from quorumctl's side: one request, one JSON document; or a stream of them. Blocks. */
#ifndef QD_QUORUMCTL_API_H
#define QD_QUORUMCTL_API_H

#include <jansson.h>

#include <stdbool.h>

/* socket: NULL for $QUORUMD_SOCKET or the usual one. body: NULL for GET, else POST. *out is the document (the caller
 * calls json_decref()) and *http its status. 0, -QD_ERR_UNREACHABLE or -QD_ERR_PROTOCOL after a message. */
int qd_api_ask(const char *socket, const char *path, const char *body, json_t **out, long *http);

/* Call `line` with every document of the stream until it returns false or the stream ends; borrowed by it. 0 when it
 * returned false, else as above. `raw` is the text. */
typedef bool qd_api_line_fn(void *context, const json_t *document, const char *raw);
int qd_api_stream(const char *socket, const char *path, qd_api_line_fn *line, void *context);

/* Print the error that an answer holds. The exit status for it. */
int qd_api_complain(const json_t *document, long http);

/* Of a subcommand that shows what it asks for and takes --json and --socket: reads these, asks. 0, *json and *out (the
 * caller calls json_decref()); or the exit status after a message. */
int qd_api_show(int argc, char **argv, const char *path, bool *json, json_t **out);

/* A document as text for programs. */
void qd_api_dump(const json_t *document);

#endif
