/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster's part of a configuration: cut out, written anew, merged with a machine's own keys, compared. */
#include "unit.h"

#include "quorumd/conf_body.h"
#include "quorumd/errors.h"

static struct qd_conf conf;
static struct qd_conf again;
static struct qd_conf_messages messages;

#define NODES                                                                                                \
	"nodes: # who\n"                                                                                     \
	"  a: {id: 1, addresses: [10.0.0.1]}\n"                                                              \
	"  b: {id: 2, addresses: [10.0.0.2], weight: 2, site: x, paused: on}\n"                              \
	"  c: {id: 3, addresses: [10.0.0.3]}\n"
#define CANON                                                                                                \
	"cluster: demo\nnodes:\n  a: {id: 1, addresses: [\"10.0.0.1\"]}\n"                                   \
	"  b: {id: 2, addresses: [\"10.0.0.2\"], weight: 2, site: x, paused: on}\n"                          \
	"  c: {id: 3, addresses: [\"10.0.0.3\"]}\n"

static struct qd_conf_text text_of(const char *name, const char *text)
{
	return (struct qd_conf_text){.name = name, .text = text, .len_bytes = strlen(text)};
}

static void splits(const char *whole, const char *body, bool verbatim)
{
	const struct qd_conf_text text = text_of("f", whole);
	struct qd_conf_body out;
	unit_case("%.120s", whole);
	int status = qd_conf_body_split(&text, &out, &messages);
	if (!UNIT_EQUAL(-status, 0)) {
		qd_conf_messages_print(&messages, stdout);
		return;
	}
	UNIT_EQUAL(out.verbatim, verbatim);
	if (!UNIT_EQUAL(out.len_bytes, strlen(body)) || !UNIT_BYTES(out.text, body, out.len_bytes))
		(void)printf("found: %.*s\n", (int)out.len_bytes, out.text);
	free(out.text);
}

static void cuts_by_lines(void)
{
	splits("# top\ncluster: demo # c\nnode: b\nkey_file: /k\n" NODES "\n# end\n",
	       "# top\ncluster: demo # c\n" NODES "\n# end\n", true);
	splits("---\ncluster: demo\n" NODES
	       "node: b # me\nkey_file:\n  # where\n  /k\nlog:\n  # loud\n  level: debug\n"
	       "times:\n  renew: 3s\n...\n",
	       "---\ncluster: demo\n" NODES "  # loud\ntimes:\n  renew: 3s\n...\n", true);
	splits("cluster: demo\nkey_file: >-\n  /k\n" NODES "node: b", "cluster: demo\n" NODES, true);
	splits("cluster: demo\nkey_file: '/k'\nnode:     b\nlog: {level: debug} # x\napi:\n  mode: 0600\n  "
	       "user: ed\n" NODES,
	       "cluster: demo\n" NODES, true);
	splits("cluster: demo\nnode: b\nkey_file: /k\n" NODES
	       "quorum_disk:\n  initiator: iqn.2026-11.x:y\n  paths: # two\n  - "
	       "iscsi://10.0.0.9/iqn.2003-01.x:d/0\n"
	       "  chap:\n    user: ed\n    secret_file: /s\n  data_digest: none\n",
	       "cluster: demo\n" NODES
	       "quorum_disk:\n  paths: # two\n  - iscsi://10.0.0.9/iqn.2003-01.x:d/0\n"
	       "  data_digest: none\n",
	       true);
	splits("cluster: demo\r\nnode: b\r\nkey_file: /k\r\nnodes:\r  b: {id: 1, addresses: [10.0.0.1]}\r\n",
	       "cluster: demo\r\nnodes:\r  b: {id: 1, addresses: [10.0.0.1]}\r\n", true);
}

static void writes_anew_what_cannot_be_cut(void)
{
	splits("{cluster: demo, node: b, key_file: /k, nodes: {a: {id: 1, addresses: [10.0.0.1]}, "
	       "b: {id: 2, addresses: [10.0.0.2], weight: 2, site: x, paused: on}, c: {id: 3, addresses: "
	       "[10.0.0.3]}}}\n",
	       CANON, false);
	/* the anchor goes with what is cut */
	splits("cluster: demo\nnode: b\nkey_file: &k /k\nwitness:\n  share: *k\n" NODES,
	       CANON "witness:\n  share: \"/k\"\n", false);
	splits("cluster: &d demo\nkey_file: /k\nnode: b\napi:\n  user: *d\n" NODES, CANON, false);
	splits("cluster: demo\nkey_file: /k\n? node\n: b\n" NODES, CANON, false);
	splits("cluster: demo\nkey_file: /k\nnode: b\nquorum_disk: {initiator: iqn.2026-11.x:y, "
	       "paths: ['iscsi://[::1]/iqn.2003-01.x:d/0', 'iscsi://h/iqn.2003-01.x:d/1']}\n" NODES,
	       CANON "quorum_disk:\n  paths:\n    - \"iscsi://[::1]:3260/iqn.2003-01.x:d/0\"\n"
		     "    - \"iscsi://h:3260/iqn.2003-01.x:d/1\"\n",
	       false);
}

static void writes_every_key(void)
{
	splits("{cluster: demo, node: 2, nodes: {b: {id: 2, addresses: [fd00::2, 'fe80::1%e\"1']}, a: {id: "
	       "1, weight: 0, "
	       "addresses: ['fd00::', 'fe80::2%e0']}}, key_file: /k, heartbeat: {port: 1, same_subnet_delay: "
	       "60ms, "
	       "same_subnet_threshold: 3, cross_subnet_delay: 1000ms, cross_subnet_threshold: 4}, "
	       "quorum: {lower_priority_node: 2, dynamic: off, model: node_and_witness}, witness: "
	       "{addresses: [h, "
	       "'[::1]:9']}, quorum_disk: {paths: ['iscsi://h/iqn.2003-01.x:d/1'], header_digest: none, "
	       "data_digest: "
	       "crc32c}, times: {renew: 60s, challenge: 140000ms, takeover: 200s}, group: {name: g, script: "
	       "'/a \\\"b', start_timeout: 1h, stop_timeout: 60m, monitor_interval: 61s, monitor_timeout: "
	       "10ms}}",
	       "cluster: demo\nnodes:\n  a: {id: 1, addresses: [\"fd00::\", \"fe80::2%e0\"], weight: 0}\n"
	       "  b: {id: 2, addresses: [\"fd00::2\", \"fe80::1%e\\\"1\"]}\n"
	       "heartbeat:\n  port: 1\n  same_subnet_delay: 60ms\n  same_subnet_threshold: 3\n"
	       "  cross_subnet_delay: 1s\n  cross_subnet_threshold: 4\n"
	       "quorum:\n  model: node_and_witness\n  dynamic: off\n  lower_priority_node: b\n"
	       "witness:\n  addresses:\n    - \"h:3343\"\n    - \"[::1]:9\"\n"
	       "quorum_disk:\n  paths:\n    - \"iscsi://h:3260/iqn.2003-01.x:d/1\"\n  header_digest: none\n"
	       "  data_digest: crc32c\n"
	       "times:\n  renew: 1m\n  challenge: 140s\n  takeover: 200s\n"
	       "group:\n  name: g\n  script: \"/a \\\\\\\"b\"\n  start_timeout: 60m\n  stop_timeout: 60m\n"
	       "  monitor_interval: 61s\n  monitor_timeout: 10ms\n",
	       false);
}

static void refuses_what_is_no_body(void)
{
	struct qd_conf_text text = text_of("f", "cluster: demo\n");
	struct qd_conf_body out;
	UNIT_EQUAL(-qd_conf_body_split(&text, &out, &messages), QD_ERR_CONFIG);
	UNIT_OK(out.text == NULL && messages.count > 0);
	/* Too long for the disk's slot: by comments, by one byte. */
	static char whole[QD_BODY_BYTES_MAX + 256];
	const char *head = "cluster: demo\nkey_file: /k\nnode: b\n" NODES "#";
	const char *body = "cluster: demo\n" NODES "#";
	memset(whole, 'x', sizeof whole);
	memcpy(whole, head, strlen(head));
	text = (struct qd_conf_text){"f", whole, strlen(head) + QD_BODY_BYTES_MAX - strlen(body)};
	UNIT_EQUAL(-qd_conf_body_split(&text, &out, &messages), 0);
	UNIT_OK(out.verbatim && out.len_bytes == QD_BODY_BYTES_MAX);
	free(out.text);
	text.len_bytes++;
	UNIT_EQUAL(-qd_conf_body_split(&text, &out, &messages), QD_ERR_CONFIG);
	UNIT_OK(strstr(messages.text[0],
		       "f: the cluster's part is longer than the quorum disk holds (1044224 bytes)") != NULL);
	UNIT_EQUAL(QD_BODY_BYTES_MAX, 1044224);
	char small[32];
	UNIT_EQUAL(qd_conf_parse_body(&(struct qd_conf_text){"b", body, strlen(body)}, &conf, &messages), 0);
	UNIT_EQUAL(qd_conf_body_write(&conf, small, sizeof small), 0);
}

static void merges_with_the_own_keys(void)
{
	const struct qd_conf_text own =
		text_of("f", "node: c\nkey_file: /k\ncluster: other\nnodes: nonsense\n"
			     "times: {renew: 17x}\nlog: {level: debug}\n");
	const struct qd_conf_text body =
		text_of("configuration (5.12)", "cluster: demo\n" NODES "times: {renew: 6s}\n");
	UNIT_EQUAL(qd_conf_parse_merged(&own, &body, &conf, &messages), 0);
	UNIT_TEXT(conf.cluster, "demo");
	UNIT_EQUAL(conf.node_id, 3);
	UNIT_EQUAL(qd_span_to_ms(conf.times.takeover), 20000);
	UNIT_EQUAL(conf.log_level, QD_LEVEL_DEBUG);
	UNIT_TEXT(conf.initiator, "iqn.2026-11.org.quorumd:demo");
	/* messages say which text they mean */
	static const struct {
		const char *own, *body, *message;
	} cases[] = {
		{"node: d\nkey_file: /k\n", "cluster: demo\n" NODES,
		 "f:1:7: node: expected a name or an id of nodes"},
		{"node: a\n", "cluster: demo\n" NODES, "f: key_file: expected an absolute path"},
		{"node: a\nkey_file: /k\nlog: {x: 1}\n", "cluster: demo\n" NODES,
		 "f:3:7: log.x: unknown key"},
		{"node: a\nkey_file: /k\n", "cluster: demo\n" NODES "times: {renew: 3x}\n",
		 "configuration (5.12):6:16: times.renew: expected a duration"},
		{"node: a\nkey_file: /k\n", "cluster: demo\n" NODES "times: {renew: 3s, challenge: 4s}\n",
		 "configuration (5.12):6:31: times: expected challenge >= 2*renew + slack"},
		{"node: a\nkey_file: /k\n", NODES, "f: cluster: expected a name"},
		{"node: a\nkey_file: /k\n", "cluster: demo\nnode: a\n" NODES,
		 "configuration (5.12):2:1: node: is of one machine; set it in that machine's own file"},
		{"node: a\nkey_file: /k\n", "cluster: demo\nquorum_disk: {chap: {user: u}}\n" NODES,
		 "configuration (5.12):2:22: quorum_disk.chap.user: is of one machine"},
		{"node: a\nkey_file: /k\n", "",
		 "configuration (5.12):1:1: expected a map of keys, found an empty file"},
		{"node: [\n", "cluster: demo\n" NODES, "f:2:1: expected YAML"},
	};
	for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
		const struct qd_conf_text x = text_of("f", cases[i].own);
		const struct qd_conf_text y = text_of("configuration (5.12)", cases[i].body);
		unit_case("%s", cases[i].message);
		UNIT_EQUAL(-qd_conf_parse_merged(&x, &y, &conf, &messages), QD_ERR_CONFIG);
		if (!UNIT_OK(strstr(messages.text[0], cases[i].message) != NULL))
			(void)printf("found: %s\n", messages.text[0]);
	}
	char name[QD_BODY_NAME_MAX];
	qd_conf_body_name((struct qd_tag){5, 12}, name);
	UNIT_TEXT(name, "configuration (5.12)");
	/* each alone */
	UNIT_EQUAL(qd_conf_parse_own(&own, &conf, &messages), 0);
	UNIT_TEXT(conf.key_file, "/k");
	UNIT_EQUAL(conf.members, 0);
	UNIT_EQUAL(qd_conf_parse_body(&body, &conf, &messages), 0);
	UNIT_EQUAL(conf.members, 7);
	UNIT_EQUAL(conf.node_id, 0);
}

struct differences {
	char text[2048];
	size_t at;
};

static void note(void *context, const char *key, const char *old, const char *fresh)
{
	struct differences *d = context;
	d->at += (size_t)snprintf(d->text + d->at, sizeof d->text - d->at, "%s: %s -> %s\n", key, old, fresh);
}

static void compares_key_by_key(void)
{
	struct differences d = {{0}, 0};
	const struct qd_conf_text x =
		text_of("x", "cluster: demo\n" NODES "quorum: {lower_priority_node: a}\n");
	const struct qd_conf_text y = text_of(
		"y", "times: {renew: 6s}\nwitness: {addresses: [h, i]}\ncluster: demo\nnodes:\n"
		     "  d: {id: 4, addresses: [10.0.0.4]}\n  a: {id: 1, addresses: [10.0.0.1], weight: 0}\n"
		     "  z: {id: 3, addresses: [10.0.0.3]}\nquorum: {dynamic: off}\n");
	UNIT_EQUAL(qd_conf_parse_body(&x, &conf, &messages), 0);
	UNIT_EQUAL(qd_conf_parse_body(&y, &again, &messages), 0);
	UNIT_EQUAL(qd_conf_body_compare(&conf, &conf, note, &d), 0);
	UNIT_EQUAL(qd_conf_body_compare(&conf, &again, note, &d), 12);
	UNIT_TEXT(d.text, "nodes.a: {id: 1, addresses: [\"10.0.0.1\"]} -> {id: 1, addresses: [\"10.0.0.1\"], "
			  "weight: 0}\n"
			  "nodes.b: {id: 2, addresses: [\"10.0.0.2\"], weight: 2, site: x, paused: on} -> \n"
			  "nodes.c: {id: 3, addresses: [\"10.0.0.3\"]} -> \n"
			  "nodes.z:  -> {id: 3, addresses: [\"10.0.0.3\"]}\n"
			  "nodes.d:  -> {id: 4, addresses: [\"10.0.0.4\"]}\n"
			  "quorum.model: node_majority -> node_and_witness\n"
			  "quorum.dynamic: on -> off\n"
			  "quorum.lower_priority_node: a -> \n"
			  "witness.addresses:  -> [\"h:3343\", \"i:3343\"]\n"
			  "times.renew: 3s -> 6s\n"
			  "times.challenge: 7s -> 14s\n"
			  "times.takeover: 10s -> 20s\n");
}

static size_t append(char *to, size_t cap, size_t at, const char *piece)
{
	return at + (size_t)snprintf(to + at, cap - at, "%s", piece);
}

/* A file of sections in any order, with and without comments, from `seed`. */
static void make_file(uint64_t *seed, char *to, size_t cap)
{
	static const char *const own[] = {"node: b\nkey_file: /k\n", "node:\n  2\nkey_file: \"/k\" # key\n",
					  "node: 'b'\n# x\nkey_file: |-\n  /k\n"};
	static const char *const shared[] = {NODES "cluster: demo\n", "cluster: \"demo\"\n# n\n" NODES "\n"};
	static const char *const more[] = {
		"log: {level: debug}\n",
		"api:\n  mode: 0600\n",
		"times: {renew: 6s}\n",
		"times:\n  # fast\n  renew: 500ms\n  takeover: 5s\n",
		"quorum:\n    dynamic: off # off\n    lower_priority_node: 3\n",
		"quorum_disk:\n  paths:\n  - iscsi://h/iqn.2003-01.x:d/0\n  initiator: iqn.2003-01.x:d\n",
		("quorum_disk:\n  chap:\n    secret_file: /s\n    user: \xc3\xa4\xc3\xb6\n  paths: "
		 "[iscsi://h/iqn.2003-01.x:d/0]\n"),
		"witness:\n  share: /m/\xc3\xa4\n",
		"heartbeat: {cross_subnet_delay: 50ms}\n",
		"group:\n  name: g\n\n  script: /x\n",
		"state_dir: /s\n",
		"run_dir: \"/\\x72\"\n",
	};
	bool used[UNIT_COUNT(more)] = {false};
	size_t at = append(to, cap, 0, shared[unit_random(seed) % UNIT_COUNT(shared)]);
	bool own_done = false;
	for (int i = 0; i < 8; i++) {
		size_t k = (size_t)(unit_random(seed) % UNIT_COUNT(more));
		bool twin = (k == 2 && used[3]) || (k == 3 && used[2]) || (k == 5 && used[6]) ||
			    (k == 6 && used[5]) || (k >= 5 && k <= 6 && used[7]) ||
			    (k == 7 && (used[5] || used[6]));
		if (!used[k] && !twin)
			at = append(to, cap, at, more[k]);
		used[k] = used[k] || !twin;
		if (!own_done && unit_random(seed) % 4 == 0) {
			at = append(to, cap, at, own[unit_random(seed) % UNIT_COUNT(own)]);
			own_done = true;
		}
	}
	if (!own_done)
		(void)append(to, cap, at, own[unit_random(seed) % UNIT_COUNT(own)]);
}

static void goes_round(void)
{
	static struct qd_conf_changes changes;
	static char whole[4096], canon[8192], twice[8192];
	for (uint64_t n = 1; n <= unit_runs(2000); n++) {
		uint64_t seed = n;
		make_file(&seed, whole, sizeof whole);
		const struct qd_conf_text text = text_of("f", whole);
		struct qd_conf_body body = {0};
		unit_case("seed %" PRIu64, n);
		int status = qd_conf_body_split(&text, &body, &messages);
		if (!UNIT_EQUAL(-status, 0) || !UNIT_OK(body.verbatim)) {
			qd_conf_messages_print(&messages, stdout);
			(void)printf("%s\n", whole);
			free(body.text);
			return;
		}
		/* The file with the cut body is what the file was. */
		const struct qd_conf_text cut = {"b", body.text, body.len_bytes};
		UNIT_EQUAL(qd_conf_parse("f", whole, strlen(whole), &conf, &messages), 0);
		UNIT_EQUAL(qd_conf_parse_merged(&text, &cut, &again, &messages), 0);
		qd_conf_diff(&conf, &again, &changes);
		UNIT_EQUAL(changes.count, 0);
		UNIT_EQUAL(conf.given, again.given);
		UNIT_EQUAL(conf.node_id, again.node_id);
		/* And so it is with the body written anew, which is written again as the same bytes. */
		const struct qd_conf_text anew = {"c", canon, qd_conf_body_write(&conf, canon, sizeof canon)};
		UNIT_EQUAL(qd_conf_parse_merged(&text, &anew, &again, &messages), 0);
		qd_conf_diff(&conf, &again, &changes);
		UNIT_EQUAL(changes.count, 0);
		UNIT_EQUAL(qd_conf_body_write(&again, twice, sizeof twice), anew.len_bytes);
		UNIT_BYTES(twice, canon, anew.len_bytes);
		free(body.text);
	}
}

static const struct unit_test TESTS[] = {
	{"the machine's own lines are cut out, and comments stay", cuts_by_lines},
	{"what cannot be cut by lines is written anew, and that is said", writes_anew_what_cannot_be_cut},
	{"every key of the cluster is written", writes_every_key},
	{"what is no body is refused", refuses_what_is_no_body},
	{"a body and a machine's own keys make a configuration", merges_with_the_own_keys},
	{"two configurations are compared key by key", compares_key_by_key},
	{"files of any shape go round", goes_round},
};

int main(void)
{
	return unit_run("t_conf_body", TESTS, UNIT_COUNT(TESTS));
}
