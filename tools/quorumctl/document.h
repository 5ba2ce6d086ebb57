/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON document for people: one "name: value" a line, indented. So a subcommand builds one document for both. */
#ifndef QD_QUORUMCTL_DOCUMENT_H
#define QD_QUORUMCTL_DOCUMENT_H

#include <jansson.h>

#include <stdbool.h>

/* Print it, as JSON or as text, and release it; NULL: says that memory is short. The exit status. */
int qd_document_print(json_t *document, bool json);

#endif
