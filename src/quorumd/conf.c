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

static struct qd_conf_mark mark_at(const struct qd_conf_tree *tree, const char *key)
{
	return tree->marks[qd_conf_tree_index(key)];
}

static void check_node(struct qd_conf_tree *tree)
{
	struct qd_conf *conf = tree->conf;
	if (tree->node[0] == '\0' || conf->members == 0)
		return; /* there is a message already */
	conf->node_id = qd_conf_node_find(conf, tree->node);
	if (conf->node_id != 0)
		return;
	char known[160] = "";
	size_t at = 0;
	for (size_t i = QD_NODE_ID_MIN; i <= QD_NODE_ID_MAX && at < sizeof(known); i++) {
		if (conf->nodes[i].name[0] != '\0')
			at += (size_t)snprintf(known + at, sizeof(known) - at, " %s (%zu)",
					       conf->nodes[i].name, i);
	}
	qd_conf_tree_message(tree, mark_at(tree, "node"),
			     "node: expected a name or an id of nodes, found \"%s\"; there is%s", tree->node,
			     known);
}

/* Numbers of a finding: what the inequality's sides come to. */
static void check_times(struct qd_conf_tree *tree)
{
	struct qd_times *t = &tree->conf->times;
	struct qd_times usual = qd_times_from_renew(t->renew, QD_SPAN_ZERO);
	struct qd_span challenge =
		mark_at(tree, "times.challenge").line != 0 ? t->challenge : usual.challenge;
	struct qd_span takeover = mark_at(tree, "times.takeover").line != 0 ? t->takeover : usual.takeover;
	*t = qd_times_make(t->renew, challenge, takeover, QD_SPAN_ZERO);
	struct qd_times_finding f = qd_times_check(t);
	if (f.verdict == QD_TIMES_OK)
		return;
	struct qd_conf_mark mark = mark_at(tree, "times.takeover");
	if (mark.line == 0 || f.verdict == QD_TIMES_CHALLENGE_SHORT)
		mark = mark_at(tree, "times.challenge").line != 0 ? mark_at(tree, "times.challenge") : mark;
	if (mark.line == 0)
		mark = mark_at(tree, "times.renew");
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
	struct qd_conf_mark mark = mark_at(tree, key);
	if (mark.line != 0 && mark_at(tree, needs).line == 0)
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
	tree->conf->has_group = mark_at(tree, "group.script").line != 0;
	tree->conf->has_test_ids = mark_at(tree, "test.machine_id").line != 0;
}

/* `name` in run_dir. */
static void socket_default(struct qd_conf_tree *tree, const char *name, char to[QD_CONF_FILE_MAX])
{
	int len = snprintf(to, QD_CONF_FILE_MAX, "%s/%s", tree->conf->run_dir, name);
	if (len < 0 || len > SOCKET_PATH_MAX)
		qd_conf_tree_message(
			tree, mark_at(tree, "run_dir"),
			"run_dir: expected at most %zu bytes, so that the path of its sockets fits 107",
			SOCKET_PATH_MAX - strlen(name) - 1);
}

static void check_sockets(struct qd_conf_tree *tree)
{
	struct qd_conf *conf = tree->conf;
	struct qd_conf_mark mark = mark_at(tree, "api.socket");
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
	if (mark_at(tree, "quorum_disk.initiator").line != 0)
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
	check_node(tree);
	/* A time that was refused is not there to be compared. */
	if (tree->messages->count == 0)
		check_times(tree);
	check_pairs(tree);
	check_sockets(tree);
	name_initiator(tree);
}

static void refuse_yaml(struct qd_conf_tree *tree, const yaml_parser_t *p)
{
	struct qd_conf_mark mark = {p->problem_mark.line + 1, p->problem_mark.column + 1};
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
		struct qd_conf_mark mark = {second->start_mark.line + 1, second->start_mark.column + 1};
		qd_conf_tree_message(tree, mark, "expected one YAML document, found a second");
	}
	yaml_document_delete(&document);
}

static int parse(struct qd_conf_tree *tree, const char *yaml, size_t len_bytes)
{
	yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser))
		return -QD_ERR_NOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)yaml, len_bytes);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	parse_documents(tree, &parser);
	yaml_parser_delete(&parser);
	check_all(tree);
	return tree->messages->count == 0 ? 0 : -QD_ERR_CONFIG;
}

int qd_conf_parse(const char *name, const char *yaml, size_t len_bytes, struct qd_conf *out,
		  struct qd_conf_messages *messages)
{
	*out = (struct qd_conf){0};
	*messages = (struct qd_conf_messages){0};
	struct qd_conf_tree tree = {.file = name, .conf = out, .messages = messages};
	return parse(&tree, yaml, len_bytes);
}

static int load_secret(struct qd_conf_tree *tree, const char *key, const char *file,
		       char secret[QD_CONF_SECRET_MAX])
{
	char why[QD_CONF_MESSAGE_BYTES];
	if (file[0] == '\0')
		return 0;
	int status = qd_conf_secret_read(file, secret, why);
	if (status != 0)
		qd_conf_tree_message(tree, mark_at(tree, key), "%s: %s", key, why);
	return status;
}

/* The whole file into *out, allocated. */
static int read_file(const char *file, char **out, size_t *len_bytes)
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

int qd_conf_load(const char *file, struct qd_conf *out, struct qd_conf_messages *messages)
{
	*out = (struct qd_conf){0};
	*messages = (struct qd_conf_messages){0};
	struct qd_conf_tree tree = {.file = file, .conf = out, .messages = messages};
	char *text = NULL;
	size_t len = 0;
	int problem = read_file(file, &text, &len);
	if (problem != 0) {
		qd_conf_tree_message(&tree, (struct qd_conf_mark){0, 0},
				     "the configuration cannot be read: %s", strerrordesc_np(problem));
		return -QD_ERR_IO;
	}
	int status = parse(&tree, text, len);
	free(text);
	if (status != 0)
		return status;
	status = load_secret(&tree, "quorum_disk.chap.secret_file", out->chap.secret_file, out->chap.secret);
	if (status != 0)
		return status;
	return load_secret(&tree, "quorum_disk.chap.mutual_secret_file", out->chap.mutual_secret_file,
			   out->chap.mutual_secret);
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
