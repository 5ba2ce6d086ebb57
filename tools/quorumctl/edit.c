/* SPDX-License-Identifier: Apache-2.0 */
#include "edit.h"

#include "api.h"
#include "ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 128 };

/* ------------------------------------------------ reading */

static struct qd_tag tag_of(const json_t *document)
{
	const json_t *tag = json_object_get(document, "configuration");
	return (struct qd_tag){.epoch = (uint64_t)json_integer_value(json_object_get(tag, "epoch")),
			       .version = (uint64_t)json_integer_value(json_object_get(tag, "version"))};
}

static int take_document(struct qd_edit *e)
{
	const json_t *text = json_object_get(e->document, "text");
	if (json_string_length(text) == 0) {
		qd_ctl_complain("%s: what answers there gives no configuration", e->command);
		return qd_ctl_exit_status(QD_ERR_PROTOCOL);
	}
	e->tag = tag_of(e->document);
	e->text = (struct qd_conf_text){.name = "the configuration in force",
					.text = json_string_value(text),
					.len_bytes = json_string_length(text)};
	const int rc = qd_conf_parse_body(&e->text, &e->conf, &e->messages);
	if (rc != 0)
		qd_conf_messages_print(&e->messages, stderr);
	return qd_ctl_exit_status(rc);
}

/* A refusal is a document with "reply" or with "error". */
static int complain_reply(const char *command, const json_t *document, long http)
{
	const char *text = json_string_value(json_object_get(document, "text"));
	if (json_string_value(json_object_get(document, "reply")) == NULL || text == NULL)
		return qd_api_complain(document, http);
	qd_ctl_complain("%s: %s", command, text);
	return QD_CTL_DEGRADED;
}

int qd_edit_open(struct qd_edit *e, const char *digest)
{
	char path[PATH_BYTES];
	long http = 0;
	(void)snprintf(path, sizeof(path), "/v1/config%s%s", digest != NULL ? "?digest=" : "",
		       digest != NULL ? digest : "");
	if (qd_api_ask(e->socket, path, NULL, &e->document, &http) != 0)
		return QD_CTL_UNREACHABLE;
	return http == 200 ? take_document(e) : complain_reply(e->command, e->document, http);
}

void qd_edit_close(struct qd_edit *e)
{
	json_decref(e->document);
	e->document = NULL;
}

static int complain_all(int rc, const struct qd_conf_messages *messages)
{
	if (rc != 0)
		qd_conf_messages_print(messages, stderr);
	return qd_ctl_exit_status(rc);
}

/* Whether a text that is no valid body is meant as a whole configuration: it says which node the machine is. */
static bool is_whole(const struct qd_conf_text *text, struct qd_conf *conf, struct qd_conf_messages *messages)
{
	return qd_conf_parse_own(text, conf, messages) == 0;
}

int qd_edit_read_file(const char *file, struct qd_conf *conf, struct qd_conf_messages *messages, char **text,
		      size_t *len_bytes)
{
	struct qd_conf_text whole = {.name = file};
	static struct qd_conf other;
	static struct qd_conf_messages ignored;
	struct qd_conf_body body = {0};
	char *bytes = NULL;
	*text = NULL;
	const int problem = qd_conf_read_file(file, &bytes, &whole.len_bytes);
	if (problem != 0) {
		qd_ctl_complain("%s: %s", file, strerrordesc_np(problem));
		return qd_ctl_exit_status(QD_ERR_IO);
	}
	whole.text = bytes;
	int rc = qd_conf_parse_body(&whole, conf, messages);
	if (rc == 0 || !is_whole(&whole, &other, &ignored)) {
		*text = bytes;
		*len_bytes = whole.len_bytes;
		return complain_all(rc, messages);
	}
	rc = qd_conf_body_split(&whole, &body, messages);
	free(bytes);
	if (rc != 0)
		return complain_all(rc, messages);
	*text = body.text;
	*len_bytes = body.len_bytes;
	const struct qd_conf_text part = {.name = file, .text = body.text, .len_bytes = body.len_bytes};
	return complain_all(qd_conf_parse_body(&part, conf, messages), messages);
}

uint32_t qd_edit_node(const struct qd_edit *e, const char *text)
{
	const uint32_t id = qd_conf_node_find(&e->conf, text);
	if (id == 0)
		qd_ctl_complain(
			"%s: there is no node \"%s\" in the configuration: quorumctl node list shows them",
			e->command, text);
	return id;
}

/* ------------------------------------------------ history */

int qd_edit_history(const char *socket, json_t **list)
{
	json_t *document = NULL;
	long http = 0;
	*list = NULL;
	if (qd_api_ask(socket, "/v1/config/history", NULL, &document, &http) != 0)
		return QD_CTL_UNREACHABLE;
	const int status = http == 200 ? 0 : complain_reply("config", document, http);
	if (status == 0)
		*list = json_incref(json_object_get(document, "history"));
	json_decref(document);
	return status;
}

/* "7", or "129.7". */
static bool read_name(const char *text, struct qd_tag *tag, bool *has_epoch)
{
	char *end = NULL;
	errno = 0;
	tag->version = strtoull(text, &end, 10);
	*has_epoch = *end == '.';
	if (errno != 0 || *text < '0' || *text > '9')
		return false;
	if (*end == '\0')
		return true;
	const char *rest = end + 1;
	tag->epoch = tag->version;
	tag->version = strtoull(rest, &end, 10);
	return errno == 0 && *has_epoch && *rest >= '0' && *rest <= '9' && *end == '\0';
}

const char *qd_edit_find(const json_t *list, const char *command, const char *text)
{
	struct qd_tag wanted = {0};
	bool has_epoch = false;
	if (!read_name(text, &wanted, &has_epoch)) {
		qd_ctl_complain("%s: expected a version as in quorumctl config history, found \"%s\"",
				command, text);
		return NULL;
	}
	for (size_t i = json_array_size(list); i > 0; i--) {
		const json_t *entry = json_array_get(list, i - 1);
		const struct qd_tag tag = tag_of(entry);
		if (tag.version == wanted.version && (!has_epoch || tag.epoch == wanted.epoch))
			return json_string_value(json_object_get(entry, "digest"));
	}
	qd_ctl_complain("%s: this node has no configuration of version %s any more: quorumctl config history "
			"shows what it has",
			command, text);
	return NULL;
}

/* ------------------------------------------------ comparing */

static void print_difference(void *context, const char *key, const char *old, const char *fresh)
{
	json_t *list = context;
	if (list != NULL)
		(void)json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "key", key, "old", old, "new",
							    fresh)); /* one that is missing is seen */
	else
		(void)printf("  %s: %s%s%s -> %s%s%s\n", key, qd_ctl_colour(QD_CTL_RED),
			     old[0] != '\0' ? old : "none", qd_ctl_colour(QD_CTL_PLAIN),
			     qd_ctl_colour(QD_CTL_GREEN), fresh[0] != '\0' ? fresh : "none",
			     qd_ctl_colour(QD_CTL_PLAIN));
}

uint32_t qd_edit_print(const struct qd_conf *old, const struct qd_conf *fresh, bool json)
{
	json_t *list = json ? json_array() : NULL;
	const uint32_t count = qd_conf_body_compare(old, fresh, print_difference, list);
	if (list != NULL && json_dumpf(list, stdout, JSON_INDENT(2)) == 0)
		(void)fputc('\n', stdout);
	json_decref(list);
	return count;
}

/* ------------------------------------------------ sending */

/* The request goes to the leader by itself: there is none, or there was none just then. */
static void complain_no_view(const struct qd_edit *e)
{
	json_t *s = NULL;
	long http = 0;
	if (qd_api_ask(e->socket, "/v1/status", NULL, &s, &http) != 0)
		return;
	if (json_is_true(json_object_get(json_object_get(s, "quorum"), "quorate")))
		qd_ctl_complain("%s: the view is just changing: ask again", e->command);
	else
		qd_ctl_complain(
			"%s: there is no quorum, so nothing can be changed: quorumctl why says what is "
			"missing",
			e->command);
	json_decref(s);
}

/* The votes that who is there would have. */
static void complain_would_lose(const struct qd_edit *e)
{
	struct qd_votes votes;
	uint64_t members = 0;
	json_t *s = NULL;
	long http = 0;
	if (qd_api_ask(e->socket, "/v1/status", NULL, &s, &http) != 0)
		return;
	const json_t *list = json_object_get(json_object_get(s, "view"), "members");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_int_t id = json_integer_value(json_array_get(list, i));
		members |= id >= 1 && id <= QD_NODES_MAX ? qd_set_of((uint32_t)id) : 0;
	}
	json_decref(s);
	qd_conf_votes(&e->fresh, &votes);
	const uint32_t nodes = qd_votes_sum(&votes, members, 0);
	qd_ctl_complain("%s: refused: with it, who is here would have %" PRIu32 " node votes of %" PRIu32
			" votes, and %" PRIu32 " are needed%s; start more nodes first, or make smaller steps",
			e->command, nodes, qd_votes_total(&votes), qd_votes_need(&votes),
			qd_votes_extra(&votes) != 0 ? ", and its disk or witness cannot be had now" : "");
}

static int report(const struct qd_edit *e, const json_t *answer, long http)
{
	static const struct {
		const char *reply;
		int error;
	} table[] = {
		{"no-view", QD_ERR_NO_QUORUM},
		{"would-lose", QD_ERR_REFUSED},
		{"stale", QD_ERR_STALE},
		{"invalid", QD_ERR_CONFIG},
	};
	const char *reply = json_string_value(json_object_get(answer, "reply"));
	if (json_is_true(json_object_get(answer, "done"))) {
		if (!e->json)
			(void)puts("done: it is durable on every member");
		return 0;
	}
	if (reply != NULL && strcmp(reply, "no-view") == 0)
		complain_no_view(e);
	else if (reply != NULL && strcmp(reply, "would-lose") == 0)
		complain_would_lose(e);
	else if (reply != NULL && strcmp(reply, "stale") == 0)
		qd_ctl_complain("%s: the configuration was changed meanwhile: look at it and do it again",
				e->command);
	else
		return complain_reply(e->command, answer, http);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(reply, table[i].reply) == 0)
			return qd_ctl_exit_status(table[i].error);
	}
	return QD_CTL_DEGRADED;
}

static bool confirmed(const struct qd_edit *e)
{
	char line[16] = "";
	if (e->yes)
		return true;
	if (isatty(STDIN_FILENO) != 1) {
		qd_ctl_complain("%s: nothing is changed without --yes", e->command);
		return false;
	}
	(void)fputs("Apply? [y/N] ", stdout);
	(void)fflush(stdout); /* the answer tells whether it was seen */
	if (fgets(line, sizeof(line), stdin) != NULL && (line[0] == 'y' || line[0] == 'Y'))
		return true;
	qd_ctl_complain("%s: nothing is changed", e->command);
	return false;
}

int qd_edit_apply(struct qd_edit *e, const char *text, size_t len_bytes)
{
	if (qd_edit_print(&e->conf, &e->fresh, e->json) == 0 && len_bytes == e->text.len_bytes &&
	    memcmp(text, e->text.text, len_bytes) == 0) {
		if (!e->json)
			(void)puts("nothing differs: nothing is changed");
		return 0;
	}
	if (!confirmed(e))
		return QD_CTL_USAGE;
	json_t *request = json_pack("{s:{s:I,s:I},s:o}", "from", "epoch", (json_int_t)e->tag.epoch, "version",
				    (json_int_t)e->tag.version, "text", json_stringn(text, len_bytes));
	char *body = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
	json_decref(request);
	if (body == NULL) {
		qd_ctl_complain("%s: the configuration is no UTF-8 text", e->command);
		return qd_ctl_exit_status(QD_ERR_CONFIG);
	}
	json_t *answer = NULL;
	long http = 0;
	const int rc = qd_api_ask(e->socket, "/v1/config", body, &answer, &http);
	free(body);
	const int status = rc != 0 ? QD_CTL_UNREACHABLE : report(e, answer, http);
	json_decref(answer);
	return status;
}

int qd_edit_apply_fresh(struct qd_edit *e)
{
	char *text = malloc(QD_BODY_BYTES_MAX);
	const size_t len = text != NULL ? qd_conf_body_write(&e->fresh, text, QD_BODY_BYTES_MAX) : 0;
	if (len == 0) {
		free(text);
		qd_ctl_complain("%s: the configuration does not fit on a quorum disk", e->command);
		return qd_ctl_exit_status(QD_ERR_CONFIG);
	}
	const struct qd_conf_text body = {.name = "the new configuration", .text = text, .len_bytes = len};
	int status = complain_all(qd_conf_parse_body(&body, &e->fresh, &e->messages), &e->messages);
	if (status == 0)
		status = qd_edit_apply(e, text, len);
	free(text);
	return status;
}
