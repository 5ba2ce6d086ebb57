/* SPDX-License-Identifier: Apache-2.0 */
#include "quorumd/conf.h"

#include "base/assert.h"
#include "quorumd/conf_tree.h"
#include "quorumd/conf_value.h"
#include "quorumd/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SOCKET_PATH_MAX = 107, /* sockaddr_un's sun_path with its NUL is 108 bytes */
};

/* A key that names a node. */
static void check_reference(struct qd_conf_tree *tree, const char *key, const char *text, uint32_t *id)
{
	const struct qd_conf *conf = tree->conf;
	if (text[0] == '\0' || conf->members == 0)
		return; /* there is a message already, or nothing to say */
	*id = qd_conf_node_find(conf, text);
	if (*id != 0)
		return;
	char known[160] = "";
	size_t at = 0;
	for (size_t i = QD_NODE_ID_MIN; i <= QD_NODE_ID_MAX && at < sizeof(known); i++) {
		if (conf->nodes[i].name[0] != '\0')
			at += (size_t)snprintf(known + at, sizeof(known) - at, " %s (%zu)",
					       conf->nodes[i].name, i);
	}
	qd_conf_tree_message(tree, qd_conf_tree_at(tree, key),
			     "%s: expected a name or an id of nodes, found \"%s\"; there is%s", key, text,
			     known);
}

/* Numbers of a finding: what the inequality's sides come to. */
static void check_times(struct qd_conf_tree *tree)
{
	struct qd_times *t = &tree->conf->times;
	struct qd_times usual = qd_times_from_renew(t->renew, QD_SPAN_ZERO);
	struct qd_span challenge =
		qd_conf_tree_at(tree, "times.challenge").line != 0 ? t->challenge : usual.challenge;
	struct qd_span takeover =
		qd_conf_tree_at(tree, "times.takeover").line != 0 ? t->takeover : usual.takeover;
	*t = qd_times_make(t->renew, challenge, takeover, QD_SPAN_ZERO);
	struct qd_times_finding f = qd_times_check(t);
	if (f.verdict == QD_TIMES_OK)
		return;
	struct qd_conf_mark mark = qd_conf_tree_at(tree, "times.takeover");
	if (mark.line == 0 || f.verdict == QD_TIMES_CHALLENGE_SHORT)
		mark = qd_conf_tree_at(tree, "times.challenge").line != 0
			       ? qd_conf_tree_at(tree, "times.challenge")
			       : mark;
	if (mark.line == 0)
		mark = qd_conf_tree_at(tree, "times.renew");
	qd_conf_tree_message(
		tree, mark,
		"times: expected %s, found %" PRId64 " ms >= %" PRId64 " ms, which does not hold "
		"(renew %" PRId64 " ms, challenge %" PRId64 " ms, takeover %" PRId64 " ms); set renew alone: "
		"challenge and takeover follow at 7/3 and 10/3 of it",
		qd_times_rule(f.verdict), qd_span_to_ms(f.left), qd_span_to_ms(f.right),
		qd_span_to_ms(t->renew), qd_span_to_ms(t->challenge), qd_span_to_ms(t->takeover));
}

/* One key needs another. */
static void check_pair(struct qd_conf_tree *tree, const char *key, const char *needs)
{
	struct qd_conf_mark mark = qd_conf_tree_at(tree, key);
	if (mark.line != 0 && qd_conf_tree_at(tree, needs).line == 0)
		qd_conf_tree_message(tree, mark, "%s: needs %s too", key, needs);
}

static void check_pairs(struct qd_conf_tree *tree)
{
	static const char *const pairs[][2] = {
		{"quorum_disk.chap.user", "quorum_disk.chap.secret_file"},
		{"quorum_disk.chap.secret_file", "quorum_disk.chap.user"},
		{"quorum_disk.chap.mutual_user", "quorum_disk.chap.mutual_secret_file"},
		{"quorum_disk.chap.mutual_secret_file", "quorum_disk.chap.mutual_user"},
		{"quorum_disk.chap.mutual_user", "quorum_disk.chap.user"},
		{"group.name", "group.script"},
		{"test.machine_id", "test.boot_id"},
		{"test.boot_id", "test.machine_id"},
	};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		check_pair(tree, pairs[i][0], pairs[i][1]);
	tree->conf->has_group = qd_conf_tree_at(tree, "group.script").line != 0;
	tree->conf->has_test_ids = qd_conf_tree_at(tree, "test.machine_id").line != 0;
}

/* `name` in run_dir. */
static void socket_default(struct qd_conf_tree *tree, const char *name, char to[QD_CONF_FILE_MAX])
{
	int len = snprintf(to, QD_CONF_FILE_MAX, "%s/%s", tree->conf->run_dir, name);
	if (len < 0 || len > SOCKET_PATH_MAX)
		qd_conf_tree_message(
			tree, qd_conf_tree_at(tree, "run_dir"),
			"run_dir: expected at most %zu bytes, so that the path of its sockets fits 107",
			SOCKET_PATH_MAX - strlen(name) - 1);
}

static void check_sockets(struct qd_conf_tree *tree)
{
	struct qd_conf *conf = tree->conf;
	struct qd_conf_mark mark = qd_conf_tree_at(tree, "api.socket");
	socket_default(tree, "control.sock", conf->control_socket);
	if (mark.line == 0)
		socket_default(tree, "api.sock", conf->api_socket);
	else if (strlen(conf->api_socket) > SOCKET_PATH_MAX)
		qd_conf_tree_message(tree, mark, "api.socket: expected at most 107 bytes, found %zu",
				     strlen(conf->api_socket));
}

/* The default initiator name: an iSCSI name has neither upper case nor '_'. */
static void name_initiator(struct qd_conf_tree *tree)
{
	struct qd_conf *conf = tree->conf;
	if (qd_conf_tree_at(tree, "quorum_disk.initiator").line != 0)
		return;
	(void)snprintf(conf->initiator, sizeof(conf->initiator), "iqn.2026-11.org.quorumd:%s", conf->cluster);
	for (char *p = conf->initiator; *p != '\0'; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
		else if (*p == '_')
			*p = '-';
	}
}

static void check_all(struct qd_conf_tree *tree)
{
	if (tree->has_body) {
		if (tree->has_own)
			check_reference(tree, "node", tree->node, &tree->conf->node_id);
		check_reference(tree, "quorum.lower_priority_node", tree->low, &tree->conf->low);
		/* A time that was refused is not there to be compared. */
		if (tree->messages->count == 0)
			check_times(tree);
	}
	check_pairs(tree);
	if (tree->has_body)
		qd_conf_cluster_check(tree);
	if (tree->has_own) {
		check_sockets(tree);
		name_initiator(tree);
	}
}

static void refuse_yaml(struct qd_conf_tree *tree, const yaml_parser_t *p)
{
	tree->broken = true;
	struct qd_conf_mark mark = {p->problem_mark.line + 1, p->problem_mark.column + 1, tree->file};
	const char *problem = p->problem != NULL ? p->problem : "cannot be read";
	qd_conf_tree_message(tree, mark, "expected YAML, found what is none: %s%s%s", problem,
			     p->context != NULL ? " " : "", p->context != NULL ? p->context : "");
}

/* There must be one document and nothing behind it. */
static void parse_documents(struct qd_conf_tree *tree, yaml_parser_t *parser)
{
	yaml_document_t document;
	if (!yaml_parser_load(parser, &document)) {
		refuse_yaml(tree, parser);
		return;
	}
	qd_conf_tree_walk(tree, &document);
	yaml_document_delete(&document);
	if (tree->messages->count > 0)
		return;
	if (!yaml_parser_load(parser, &document)) {
		refuse_yaml(tree, parser);
		return;
	}
	const yaml_node_t *second = yaml_document_get_root_node(&document);
	if (second != NULL) {
		qd_conf_tree_message(tree, qd_conf_tree_mark(tree, second),
				     "expected one YAML document, found a second");
	}
	yaml_document_delete(&document);
}

/* One text into the configuration. */
static int take_text(struct qd_conf_tree *tree, const char *name, enum qd_conf_part part,
		     const struct qd_conf_text *text)
{
	yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser))
		return -QD_ERR_NOMEM;
	tree->file = name;
	tree->part = part;
	tree->has_own = tree->has_own || part != QD_CONF_BODY;
	tree->has_body = tree->has_body || part != QD_CONF_OWN;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text->text, text->len_bytes);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	parse_documents(tree, &parser);
	yaml_parser_delete(&parser);
	return 0;
}

static int finish(struct qd_conf_tree *tree)
{
	if (!tree->broken)
		qd_conf_tree_missing(tree);
	check_all(tree);
	return tree->messages->count == 0 ? 0 : -QD_ERR_CONFIG;
}

static struct qd_conf_tree begin(struct qd_conf *out, struct qd_conf_messages *messages)
{
	*out = (struct qd_conf){0};
	*messages = (struct qd_conf_messages){0};
	struct qd_conf_tree tree = {.conf = out, .messages = messages};
	qd_conf_tree_defaults(&tree);
	return tree;
}

static int parse_part(const struct qd_conf_text *text, enum qd_conf_part part, struct qd_conf *out,
		      struct qd_conf_messages *messages)
{
	struct qd_conf_tree tree = begin(out, messages);
	int status = take_text(&tree, text->name, part, text);
	return status == 0 ? finish(&tree) : status;
}

int qd_conf_parse(const char *name, const char *yaml, size_t len_bytes, struct qd_conf *out,
		  struct qd_conf_messages *messages)
{
	const struct qd_conf_text text = {.name = name, .text = yaml, .len_bytes = len_bytes};
	return parse_part(&text, QD_CONF_WHOLE, out, messages);
}

int qd_conf_parse_own(const struct qd_conf_text *own, struct qd_conf *out, struct qd_conf_messages *messages)
{
	return parse_part(own, QD_CONF_OWN, out, messages);
}

int qd_conf_parse_body(const struct qd_conf_text *body, struct qd_conf *out,
		       struct qd_conf_messages *messages)
{
	return parse_part(body, QD_CONF_BODY, out, messages);
}

int qd_conf_parse_merged(const struct qd_conf_text *own, const struct qd_conf_text *body, struct qd_conf *out,
			 struct qd_conf_messages *messages)
{
	struct qd_conf_tree tree = begin(out, messages);
	int status = take_text(&tree, own->name, QD_CONF_OWN, own);
	if (status == 0)
		status = take_text(&tree, body->name, QD_CONF_BODY, body);
	tree.file = own->name; /* what is missing without a place is missing in the machine's own file */
	return status == 0 ? finish(&tree) : status;
}

static int load_secret(struct qd_conf_tree *tree, const char *key, const char *file,
		       char secret[QD_CONF_SECRET_MAX])
{
	char why[QD_CONF_MESSAGE_BYTES];
	if (file[0] == '\0')
		return 0;
	int status = qd_conf_secret_read(file, secret, why);
	if (status != 0)
		qd_conf_tree_message(tree, qd_conf_tree_at(tree, key), "%s: %s", key, why);
	return status;
}

int qd_conf_read_file(const char *file, char **out, size_t *len_bytes)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno;
	int problem = 0;
	size_t at = 0;
	char *text = malloc(QD_CONF_TEXT_BYTES);
	while (text != NULL && at < QD_CONF_TEXT_BYTES) {
		ssize_t n = read(fd, text + at, QD_CONF_TEXT_BYTES - at);
		if (n == 0)
			break;
		if (n < 0 && errno != EINTR) {
			problem = errno;
			break;
		}
		at += n > 0 ? (size_t)n : 0;
	}
	(void)close(fd); /* read-only: nothing can be lost */
	if (text == NULL)
		problem = ENOMEM;
	else if (at == QD_CONF_TEXT_BYTES)
		problem = EFBIG;
	if (problem != 0) {
		free(text);
		return problem;
	}
	*out = text;
	*len_bytes = at;
	return 0;
}

static int load_secrets(struct qd_conf_tree *tree)
{
	struct qd_conf_chap *chap = &tree->conf->chap;
	int status = load_secret(tree, "quorum_disk.chap.secret_file", chap->secret_file, chap->secret);
	if (status != 0)
		return status;
	return load_secret(tree, "quorum_disk.chap.mutual_secret_file", chap->mutual_secret_file,
			   chap->mutual_secret);
}

int qd_conf_load(const char *file, struct qd_conf *out, struct qd_conf_messages *messages)
{
	return qd_conf_load_merged(file, NULL, out, messages);
}

int qd_conf_load_merged(const char *file, const struct qd_conf_text *body, struct qd_conf *out,
			struct qd_conf_messages *messages)
{
	struct qd_conf_tree tree = begin(out, messages);
	char *text = NULL;
	size_t len = 0;
	int problem = qd_conf_read_file(file, &text, &len);
	tree.file = file;
	if (problem != 0) {
		qd_conf_tree_message(&tree, (struct qd_conf_mark){0}, "the configuration cannot be read: %s",
				     strerrordesc_np(problem));
		return -QD_ERR_IO;
	}
	const struct qd_conf_text own = {.name = file, .text = text, .len_bytes = len};
	int status = take_text(&tree, file, body != NULL ? QD_CONF_OWN : QD_CONF_WHOLE, &own);
	if (status == 0 && body != NULL)
		status = take_text(&tree, body->name, QD_CONF_BODY, body);
	tree.file = file;
	if (status == 0)
		status = finish(&tree);
	free(text);
	return status == 0 ? load_secrets(&tree) : status;
}

bool qd_conf_initiator(const struct qd_conf *conf, uint32_t path, char to[QD_CONF_IQN_MAX])
{
	qd_assert(path < QD_PATHS_MAX);
	int len = snprintf(to, QD_CONF_IQN_MAX, "%s:%" PRIu32 ".%" PRIu32, conf->initiator, conf->node_id,
			   path);
	return len > 0 && len < QD_CONF_IQN_MAX;
}

uint32_t qd_conf_node_find(const struct qd_conf *conf, const char *text)
{
	uint64_t id = 0;
	if (text[0] == '\0')
		return 0;
	if (qd_value_decimal(text, QD_NODE_ID_MAX, &id))
		return id >= QD_NODE_ID_MIN && (conf->members >> (id - 1) & 1) != 0 ? (uint32_t)id : 0;
	for (uint32_t i = QD_NODE_ID_MIN; i <= QD_NODE_ID_MAX; i++) {
		if (strcmp(conf->nodes[i].name, text) == 0)
			return i;
	}
	return 0;
}
