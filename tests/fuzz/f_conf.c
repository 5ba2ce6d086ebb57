/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a machine's file. What is a valid one has a body that is valid by itself, and the file with that body means what
 * the file alone means. The same input as a body alone crashes nothing either. */
#include "fuzz.h"

#include "quorumd/conf_body.h"

#include <stdlib.h>

static struct qd_conf whole;
static struct qd_conf merged;
static struct qd_conf_messages messages;
static struct qd_conf_changes changes;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct qd_conf_text text = {"f", (const char *)data, size};
	struct qd_conf_body body;
	int status = qd_conf_parse("f", (const char *)data, size, &whole, &messages);
	qd_assert((status == 0) == (messages.count == 0));
	(void)qd_conf_parse_body(&text, &merged, &messages);
	(void)qd_conf_parse_own(&text, &merged, &messages);
	if (status != 0) /* most are: the rest takes its time */
		return 0;
	status = qd_conf_body_split(&text, &body, &messages);
	qd_assert((status == 0) == (messages.count == 0));
	if (status != 0) /* a character that YAML cannot write */
		return 0;
	const struct qd_conf_text cut = {"b", body.text, body.len_bytes};
	qd_assert(qd_conf_parse_merged(&text, &cut, &merged, &messages) == 0);
	qd_conf_diff(&whole, &merged, &changes);
	qd_assert(changes.count == 0 && whole.given == merged.given);
	free(body.text);
	return 0;
}
