/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "quorumd/conf.h"
#include "quorumd/conf_schema.h"
#include "quorumd/conf_value.h"
#include "quorumd/errors.h"

static struct qd_conf conf;
static struct qd_conf other;
static struct qd_conf_messages messages;

#define HEAD "cluster: demo\nnode: 2\nnodes: {alpha: 1, beta: 2}\n"
#define DISK "quorum_disk:\n  paths: ['iscsi://10.0.0.1/iqn.2003-01.org.example:d/0']\n"

static int parse(const char *yaml, struct qd_conf *to)
{
	return qd_conf_parse("f", yaml, strlen(yaml), to, &messages);
}

static void refuses(const char *yaml, const char *message)
{
	unit_case("%.100s", yaml);
	UNIT_EQUAL(-parse(yaml, &conf), QD_ERR_CONFIG);
	UNIT_OK(messages.count > 0);
	UNIT_OK(strstr(messages.text[0], message) != NULL);
	if (strstr(messages.text[0], message) == NULL)
		(void)printf("found: %s\n", messages.text[0]);
}

static void refuses_what_is_no_configuration(void)
{
	refuses("", "f:1:1: expected a map of keys, found an empty file");
	refuses("- a\n", "expected a map of keys");
	refuses("a: [\n", "expected YAML");
	refuses("\x01", "expected YAML");
	refuses("{[a]: b}\n", "expected a key that is a plain word");
	refuses(HEAD DISK "---\nb: 1\n", "expected one YAML document, found a second");
	refuses(HEAD DISK "times: &a {renew: *a}\n", "times.renew: expected a duration");
	refuses(HEAD DISK "times: [1]\n", "times: expected a map of its keys, found a list");
	refuses(HEAD, "quorum_disk.paths: expected a list of 1 to 8 URLs");
	refuses(HEAD "quorum_disk: {paths: []}\n", "quorum_disk.paths: expected a list");
	refuses(HEAD DISK "log: {level: loud}\n",
		"log.level: expected debug, notice, warning or error, found \"loud\"");
	refuses(HEAD DISK "api: {mode: 888}\n", "api.mode: expected octal permission bits");
	refuses(HEAD DISK "state_dir: var\n", "state_dir: expected an absolute path");
	refuses(HEAD DISK "test: {machine_id: 00000000000000000000000000000001}\n",
		"test.machine_id: needs test.boot_id too");
	refuses(HEAD DISK "group: {name: web}\n", "group.name: needs group.script too");
	refuses("cluster: d\nnode: 1\nnodes: {7: 1}\n" DISK, "expected a name that is no number");
	refuses(HEAD DISK "run_dir: /" /* 101 bytes */
			  "1234567890123456789012345678901234567890123456789012345678901234567890123456789012"
			  "345678901234567890\n",
		"run_dir: expected at most");
}

static void takes_a_whole_configuration(void)
{
	UNIT_EQUAL(parse(HEAD DISK "times: {renew: 300ms}\n"
				   "group: {name: web, script: /bin/true, stop_timeout: 7s}\n"
				   "run_dir: /run/x\nlog: {level: debug}\napi: {mode: 0600}\n"
				   "test: {machine_id: 00000000-0000-0000-0000-00000000000A, boot_id: "
				   "0000000000000000000000000000000b, stamp_interval: 5ms}\n",
			 &conf),
		   0);
	UNIT_EQUAL(conf.node_id, 2);
	UNIT_EQUAL(conf.members, 3);
	UNIT_TEXT(conf.nodes[1].name, "alpha");
	UNIT_EQUAL(conf.times.renew.ns, 300000000);
	UNIT_EQUAL(conf.times.challenge.ns, 700000000);
	UNIT_EQUAL(conf.times.takeover.ns, 1000000000);
	UNIT_EQUAL(conf.stop_timeout.ns, 7000000000);
	UNIT_TEXT(conf.api_socket, "/run/x/api.sock");
	UNIT_TEXT(conf.control_socket, "/run/x/control.sock");
	UNIT_EQUAL(conf.api_mode, 0600);
	UNIT_OK(conf.has_group && conf.has_test_ids);
	UNIT_EQUAL(conf.test_machine_id[15], 0x0a);
	UNIT_TEXT(conf.paths[0].portal, "10.0.0.1:3260");
	char name[QD_CONF_IQN_MAX];
	UNIT_OK(qd_conf_initiator(&conf, 1, name));
	UNIT_TEXT(name, "iqn.2026-11.org.quorumd:demo:2.1");
	UNIT_EQUAL(qd_conf_node_find(&conf, "alpha"), 1);
	UNIT_EQUAL(qd_conf_node_find(&conf, "2"), 2);
	UNIT_EQUAL(qd_conf_node_find(&conf, "3"), 0);
	UNIT_EQUAL(qd_conf_node_find(&conf, ""), 0);
}

static void tells_what_a_reload_may_change(void)
{
	static struct qd_conf_changes changes;
	UNIT_EQUAL(parse(HEAD DISK, &conf), 0);
	UNIT_EQUAL(parse(HEAD DISK "\n\n", &other), 0);
	qd_conf_diff(&conf, &other, &changes);
	UNIT_EQUAL(changes.count, 0);
	UNIT_EQUAL(parse("cluster: demo\nnode: 1\nnodes: {alpha: 1, beta: 2}\n" DISK
			 "times: {renew: 6s}\nlog: {level: error}\n",
			 &other),
		   0);
	qd_conf_diff(&conf, &other, &changes);
	UNIT_EQUAL(changes.count, 5);
	UNIT_EQUAL(changes.restart_count, 1);
	UNIT_TEXT(changes.list[0].key, "node");
	UNIT_OK(!changes.list[0].live && changes.list[1].live);
	qd_conf_apply_live(&conf, &other);
	UNIT_EQUAL(conf.node_id, 2);
	UNIT_EQUAL(conf.times.wait.ns, other.times.wait.ns);
	UNIT_EQUAL(conf.log_level, QD_LEVEL_ERROR);
}

static void reads_durations_only_with_their_unit(void)
{
	static const char *const wrong[] = {"",	   "3",	  "3x",	  "s",	  "-3s",  "3 s",
					    "3sm", "3ss", "0x3s", "1e3s", "1.5s", "99999999999999999999s"};
	static const struct {
		const char *text;
		int64_t ms;
	} right[] = {{"300ms", 300},  {"3s", 3000}, {"1m", 60000},
		     {"2h", 7200000}, {"0ms", 0},   {"007s", 7000}};
	struct qd_span span;
	for (size_t i = 0; i < UNIT_COUNT(wrong); i++) {
		unit_case("%s", wrong[i]);
		UNIT_OK(!qd_value_span(wrong[i], &span));
	}
	for (size_t i = 0; i < UNIT_COUNT(right); i++) {
		unit_case("%s", right[i].text);
		UNIT_OK(qd_value_span(right[i].text, &span));
		UNIT_EQUAL(qd_span_to_ms(span), right[i].ms);
	}
}

static void reads_urls(void)
{
	static const char *const wrong[] = {
		"",
		"iscsi://",
		"http://a/iqn.2003-01.x/0",
		"iscsi://a",
		"iscsi://a/iqn.2003-01.x",
		"iscsi:///iqn.2003-01.x/0",
		"iscsi://a/disk/0",
		"iscsi://a/iqn.2003-01.x/",
		"iscsi://a/iqn.2003-01.x/256",
		"iscsi://a/iqn.2003-01.x/0/1",
		"iscsi://a:0/iqn.2003-01.x/0",
		"iscsi://a:65536/iqn.2003-01.x/0",
		"iscsi://a:/iqn.2003-01.x/0",
		"iscsi://fe80::1/iqn.2003-01.x/0",
		"iscsi://[fe80::1/iqn.2003-01.x/0",
		"iscsi://[fe80::1]x/iqn.2003-01.x/0",
		"iscsi://u%p@a/iqn.2003-01.x/0",
		"iscsi://a b/iqn.2003-01.x/0",
	};
	static const struct {
		const char *text;
		const char *url;
		const char *host;
	} right[] = {
		{"iscsi://a/iqn.2003-01.x/0", "iscsi://a:3260/iqn.2003-01.x/0", "a"},
		{"iscsi://10.0.0.1:99/eui.02004567A425678D/255",
		 "iscsi://10.0.0.1:99/eui.02004567A425678D/255", "10.0.0.1"},
		{"iscsi://[fe80::1]/iqn.2003-01.x/0", "iscsi://[fe80::1]:3260/iqn.2003-01.x/0", "fe80::1"},
		{"iscsi://[::1]:3261/iqn.2003-01.x/0", "iscsi://[::1]:3261/iqn.2003-01.x/0", "::1"},
	};
	struct qd_conf_path path;
	const char *why = NULL;
	for (size_t i = 0; i < UNIT_COUNT(wrong); i++) {
		unit_case("%s", wrong[i]);
		UNIT_EQUAL(-qd_conf_url_parse(wrong[i], &path, &why), QD_ERR_INVALID);
		UNIT_OK(why != NULL);
	}
	for (size_t i = 0; i < UNIT_COUNT(right); i++) {
		unit_case("%s", right[i].text);
		UNIT_EQUAL(qd_conf_url_parse(right[i].text, &path, &why), 0);
		UNIT_TEXT(path.url, right[i].url);
		UNIT_TEXT(path.host, right[i].host);
	}
}

static void counts_edits(void)
{
	UNIT_EQUAL(qd_value_distance("", ""), 0);
	UNIT_EQUAL(qd_value_distance("renew", "renwe"), 2);
	UNIT_EQUAL(qd_value_distance("path", "paths"), 1);
	UNIT_EQUAL(qd_value_distance("kitten", "sitting"), 3);
}

static void survives_any_bytes(void)
{
	static char text[4096];
	uint64_t seed = 1;
	for (int i = 0; i < 2000; i++) {
		size_t len = (size_t)(unit_random(&seed) % sizeof(text));
		size_t fixed = strlen(HEAD DISK) < len ? strlen(HEAD DISK) : len;
		unit_fill(text, len, unit_random(&seed));
		memcpy(text, HEAD DISK, fixed);
		if (fixed > 0)
			text[unit_random(&seed) % fixed] = (char)unit_random(&seed);
		int status = qd_conf_parse("f", text, len, &conf, &messages);
		UNIT_OK(status == 0 || messages.count > 0);
	}
}

static const struct unit_test TESTS[] = {
	{"what is no configuration is refused, with a place and a reason", refuses_what_is_no_configuration},
	{"a whole configuration is taken, and the defaults follow", takes_a_whole_configuration},
	{"a reload knows what may change", tells_what_a_reload_may_change},
	{"durations are read only with their unit", reads_durations_only_with_their_unit},
	{"iSCSI URLs are read, and passwords in them refused", reads_urls},
	{"edits between words are counted", counts_edits},
	{"any bytes end in an answer", survives_any_bytes},
};

int main(void)
{
	return unit_run("t_conf", TESTS, UNIT_COUNT(TESTS));
}
