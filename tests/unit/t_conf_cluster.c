/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a cluster: addresses, heartbeats, quorum models, witness; and what the core is told of them. */
#include "unit.h"

#include "quorumd/conf.h"
#include "quorumd/conf_schema.h"
#include "quorumd/errors.h"

static struct qd_conf conf;
static struct qd_conf other;
static struct qd_conf_messages messages;

#define OWN "cluster: demo\nnode: b\nkey_file: /etc/k\n"
#define NODE(name, id, rest) "  " name ": {id: " id ", " rest "}\n"
#define A NODE("a", "1", "addresses: [10.0.0.1, 10.0.1.1]")
#define B NODE("b", "2", "addresses: [10.0.0.2, 10.0.1.2]")
#define C NODE("c", "3", "addresses: [10.0.0.3, 10.0.1.3]")
#define THREE OWN "nodes:\n" A B C
#define TWO OWN "nodes:\n" A B
#define DISK "quorum_disk:\n  paths: ['iscsi://10.0.0.9/iqn.2003-01.org.example:d/0']\n"
#define WITNESS "witness: {addresses: [10.9.0.1]}\n"

static int parse(const char *yaml, struct qd_conf *to)
{
	return qd_conf_parse("f", yaml, strlen(yaml), to, &messages);
}

static void refuses(const char *yaml, const char *message)
{
	unit_case("%.110s", yaml);
	UNIT_EQUAL(-parse(yaml, &conf), QD_ERR_CONFIG);
	UNIT_EQUAL(messages.warning_count, 0);
	if (!UNIT_OK(strstr(messages.text[0], message) != NULL))
		(void)printf("expected: %s\nfound:    %s\n", message, messages.text[0]);
}

/* Of one address in node b. */
static void refuses_address(const char *address, const char *message)
{
	char yaml[512];
	(void)snprintf(yaml, sizeof yaml,
		       OWN "nodes:\n" NODE("a", "1",
					   "addresses: [10.0.0.1]") "  b:\n    id: 2\n    addresses: [%s]\n",
		       address);
	refuses(yaml, message);
}

static void refuses_wrong_nodes(void)
{
	refuses_address("10.0.0.1",
			"f:8:17: nodes.b.addresses: 10.0.0.1 is that of a on line 5 already; every node "
			"and network needs its own");
	refuses_address("10.0.0.2, 10.0.0.2", "10.0.0.2 is that of b on line 6 already");
	refuses_address("fd00::2", "fd00::2 is IPv6, and others are IPv4; use one family for all nodes");
	refuses_address("10.0.0.2/24",
			"expected an IPv6 or IPv4 address (no name, no port, no prefix length), found "
			"\"10.0.0.2/24\"");
	refuses_address("beta", "expected an IPv6 or IPv4 address");
	refuses_address(
		"[x]", "expected an IPv6 or IPv4 address (no name, no port, no prefix length), found a list");
	refuses_address("'10.0.0.2:3343'", "expected an IPv6 or IPv4 address");
	refuses_address("'::ffff:10.0.0.2'", "expected an IPv6 or IPv4 address");
	refuses_address("0.0.0.0", "0.0.0.0 is the address of nobody");
	refuses_address("224.0.0.1", "224.0.0.1 is no address of one machine");
	refuses_address("255.255.255.255", "is no address of one machine");
	refuses_address("ff02::1", "is no address of one machine");
	refuses_address("'::'", "is the address of nobody");
	refuses_address("fe80::2",
			"fe80::2 is link-local; name its machine's interface too, as in fe80::1%eth1");
	refuses_address("", "nodes.b.addresses: expected a list of 1 to 8 addresses, found a list");
	refuses_address(
		"10.0.0.2, 10.0.1.2",
		"f:5:3: nodes.a: expected 2 addresses, one on every network as b on line 6 has, found 1");
	refuses(OWN "nodes: {a: {id: 1, addresses: [10.0.0.1]}, b: 2}\n",
		"nodes.b: expected 1 addresses, one on every network as a on line 4 has, found 0");
	refuses(OWN "nodes: {a: {id: 1, addresses: 10.0.0.1}, b: 2}\n",
		"nodes.a.addresses: expected a list of 1 to 8 addresses, found \"10.0.0.1\"");
	refuses(OWN "nodes: {b: {id: 2, addresses: "
		    "[10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5,10.0.0.6,10.0.0.7,"
		    "10.0.0.8,10.0.0.9]}}\n",
		"expected a list of 1 to 8 addresses");
	refuses(OWN "nodes:\n  b: {weight: 1}\n",
		"f:5:6: nodes.b: expected an id from 1 to 64, found none in the map");
	refuses(OWN "nodes:\n  b: {id: 65}\n", "f:5:11: nodes.b: expected an id from 1 to 64, found \"65\"");
	refuses(OWN "nodes:\n  b: {id: 2, weight: 16}\n",
		"f:5:22: nodes.b.weight: expected a number from 0 to 15, found \"16\"");
	refuses(OWN "nodes:\n  b: {id: 2, weight: -1}\n", "nodes.b.weight: expected a number from 0 to 15");
	refuses(OWN "nodes:\n  b: {id: 2, site: 'a b'}\n",
		"nodes.b.site: expected a name of 1 to 63 letters");
	refuses(OWN "nodes:\n  b: {id: 2, wieght: 1}\n", "f:5:14: nodes.b: unknown key \"wieght\"; expected "
							 "one of id, addresses, weight, site, paused");
	refuses(OWN "nodes:\n  b: {id: 2, paused: yes}\n",
		"f:5:22: nodes.b.paused: expected on or off, found \"yes\"");
	refuses(OWN "nodes:\n  b: {id: 2, id: 3}\n",
		"f:5:14: nodes.b: this key stands on line 5 already; remove one");
	refuses(OWN "nodes:\n  b: {id: 2, [x]: 3}\n", "nodes.b: unknown key a list");
	refuses(OWN "nodes:\n" A B NODE("c", "2", "addresses: [10.0.0.3, 10.0.1.3]"),
		"f:7:11: nodes.c: id 2 is that of b on line 6 already; every node needs its own");
	refuses(OWN "nodes:\n" A A B, "f:6:26: nodes.a.addresses: 10.0.0.1 is that of a on line 5 already");
	refuses(OWN "nodes: &n\n  b: *n\n", "nodes.b: unknown key \"b\"");
	refuses("cluster: demo\nnode: b\nnodes:\n" A B,
		"f: key_file: expected an absolute path, found nothing: nodes have addresses");
}

static void refuses_wrong_values(void)
{
	refuses(THREE "heartbeat: {port: 0}\n",
		"heartbeat.port: expected a number from 1 to 65535, found \"0\"");
	refuses(THREE "heartbeat: {port: 65536}\n", "heartbeat.port: expected a number from 1 to 65535");
	refuses(THREE "heartbeat: {same_subnet_delay: 49ms}\n",
		"heartbeat.same_subnet_delay: expected a duration from 50ms to 2s");
	refuses(THREE "heartbeat: {same_subnet_delay: 2001ms}\n", "heartbeat.same_subnet_delay: expected");
	refuses(THREE "heartbeat: {cross_subnet_delay: 4001ms}\n",
		"heartbeat.cross_subnet_delay: expected a duration from 50ms to 4s");
	refuses(THREE "heartbeat: {same_subnet_threshold: 2}\n",
		"heartbeat.same_subnet_threshold: expected a number from 3 to 20, found \"2\"");
	refuses(THREE "heartbeat: {cross_subnet_threshold: 21}\n",
		"heartbeat.cross_subnet_threshold: expected");
	refuses(THREE "heartbeat: {delay: 1s}\n", "heartbeat.delay: unknown key");
	refuses(THREE "key_file: k\n", "this key stands on line 3 already");
	refuses(THREE "quorum: {model: majority}\n", "quorum.model: expected node_majority, node_and_disk, "
						     "node_and_witness or disk_only, found \"majority\"");
	refuses(THREE "quorum: {dynamic: yes}\n", "quorum.dynamic: expected on or off, found \"yes\"");
	refuses(THREE "quorum: {lower_priority_node: d}\n",
		"f:8:31: quorum.lower_priority_node: expected a name or an id of nodes, found \"d\"; there "
		"is a (1) b "
		"(2) c (3)");
	refuses(THREE "witness: {addresses: 10.0.0.1}\n",
		"witness.addresses: expected a list of 1 to 4 host:port");
	refuses(THREE "witness: {addresses: [a, b, c, d, e]}\n",
		"witness.addresses: expected a list of 1 to 4");
	refuses(THREE "witness: {addresses: ['a:0']}\n",
		"witness.addresses: expected host:port, found \"a:0\", which "
		"has a port that is no number from 1 to 65535");
	refuses(THREE "witness: {addresses: ['fd00::1']}\n", "which has an IPv6 address without brackets");
	refuses(THREE "witness: {addresses: [a, 'a:3343']}\n", "a:3343 stands there already; remove one");
	refuses(THREE "witness: {share: mnt}\n", "witness.share: expected an absolute path");
}

static void refuses_what_does_not_go_together(void)
{
	refuses(THREE "quorum: {model: node_and_disk}\n",
		"f:8:17: quorum.model: node_and_disk counts the quorum disk, and there is none; give "
		"quorum_disk.paths");
	refuses(THREE "quorum: {model: disk_only}\n", "quorum.model: disk_only counts the quorum disk");
	refuses(THREE "quorum: {model: node_and_witness}\n",
		"quorum.model: node_and_witness counts a witness, and there is none; give witness.addresses "
		"or");
	refuses(THREE DISK WITNESS,
		"f: quorum.model: expected node_majority, node_and_disk, node_and_witness or "
		"disk_only, found nothing: with both a quorum disk and a witness");
	refuses(THREE "witness: {addresses: [a], share: /mnt/w}\n",
		"witness.share: the witness is a daemon or a "
		"share, not both");
	refuses(OWN "nodes:\n" NODE("a", "1", "weight: 0, addresses: [10.0.0.1]")
			NODE("b", "2", "weight: 0, addresses: [10.0.0.2]") DISK,
		"nodes: every weight is 0, so no node has a vote; give one at least a weight of 1, or set "
		"quorum.model: "
		"disk_only");
	/* without addresses */
	refuses("cluster: d\nnode: 1\nnodes: {a: 1}\n",
		"quorum_disk.paths: expected a list of 1 to 8 URLs, found nothing: this key is required");
	refuses("cluster: d\nnode: 1\nnodes: {a: 1}\nquorum: {model: node_majority}\n",
		"f:4:17: quorum.model: node_majority needs nodes with addresses; without them the model is "
		"disk_only");
	refuses("cluster: d\nnode: 1\nnodes: {a: 1}\nquorum: {dynamic: on}\n" DISK,
		"quorum.dynamic: needs nodes with addresses; without them the quorum disk alone decides");
	refuses("cluster: d\nnode: 1\nnodes: {a: 1}\nheartbeat: {port: 1}\n" DISK,
		"heartbeat.port: needs nodes with");
	refuses("cluster: d\nnode: 1\nnodes: {a: 1}\n" DISK WITNESS,
		"witness.addresses: needs nodes with addresses");
}

static void chooses_the_model(void)
{
	static const struct {
		const char *yaml;
		enum qd_model model;
	} cases[] = {
		{"cluster: d\nnode: 1\nnodes: {a: 1}\n" DISK, QD_MODEL_DISK_ONLY},
		{"cluster: d\nnode: 1\nnodes: {a: {id: 1, weight: 0}}\nquorum: {model: disk_only}\n" DISK,
		 QD_MODEL_DISK_ONLY},
		{THREE, QD_MODEL_NODE_MAJORITY},
		{THREE DISK, QD_MODEL_NODE_AND_DISK},
		{THREE WITNESS, QD_MODEL_NODE_AND_WITNESS},
		{THREE "witness: {share: /mnt/w}\n", QD_MODEL_NODE_AND_WITNESS},
		{THREE DISK WITNESS "quorum: {model: node_majority}\n", QD_MODEL_NODE_MAJORITY},
		{THREE DISK WITNESS "quorum: {model: node_and_witness}\n", QD_MODEL_NODE_AND_WITNESS},
		{THREE DISK "quorum: {model: disk_only}\n", QD_MODEL_DISK_ONLY},
	};
	for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
		unit_case("%s", cases[i].yaml);
		if (!UNIT_EQUAL(parse(cases[i].yaml, &conf), 0))
			qd_conf_messages_print(&messages, stdout);
		UNIT_EQUAL(conf.model, cases[i].model);
		UNIT_EQUAL(conf.has_cluster, strstr(cases[i].yaml, "addresses: [10.0.0") != NULL);
	}
}

static void takes_a_whole_cluster(void)
{
	struct qd_votes votes;
	UNIT_EQUAL(parse("cluster: demo\nnode: b\nkey_file: /k\nnodes:\n"
			 "  a: {id: 1, addresses: [fd00::1, 'fe80::1%eth1'], weight: 0, site: x}\n"
			 "  b: {id: 2, addresses: [fd00::2, 'fe80::2%eth1']}\n"
			 "  c: {id: 9, addresses: [fd00::3, 'fe80::3%eth1'], weight: 15, paused: on}\n"
			 "heartbeat: {port: 1, same_subnet_delay: 50ms, same_subnet_threshold: 20, "
			 "cross_subnet_delay: "
			 "4s, cross_subnet_threshold: 3}\n"
			 "quorum: {model: node_and_witness, dynamic: off, lower_priority_node: 9}\n"
			 "times: {renew: 6s}\n"
			 "witness: {addresses: [w.example, '[fd00::9]:99']}\n",
			 &conf),
		   0);
	qd_conf_messages_print(&messages, stdout);
	UNIT_OK(conf.has_cluster && conf.ipv6);
	UNIT_EQUAL(conf.network_count, 2);
	UNIT_EQUAL(conf.node_id, 2);
	UNIT_EQUAL(conf.nodes[9].addresses[0].bytes[15], 3);
	UNIT_TEXT(conf.nodes[1].addresses[1].scope, "eth1");
	UNIT_TEXT(conf.nodes[1].site, "x");
	UNIT_TEXT(conf.nodes[2].site, "");
	UNIT_EQUAL(conf.heartbeat_port, 1);
	UNIT_TEXT(conf.witness[0].text, "w.example:3343");
	UNIT_TEXT(conf.witness[1].host, "fd00::9");
	UNIT_EQUAL(conf.witness[1].port, 99);
	UNIT_OK(qd_conf_has_witness(&conf) && !qd_conf_has_disk(&conf));
	qd_conf_votes(&conf, &votes);
	UNIT_EQUAL(votes.model, QD_MODEL_NODE_AND_WITNESS);
	UNIT_EQUAL(votes.nodes, 0x103);
	UNIT_EQUAL(votes.weight[0], 0);
	UNIT_EQUAL(votes.weight[1], 1);
	UNIT_EQUAL(votes.weight[8], 15);
	UNIT_EQUAL(votes.low, 9);
	UNIT_EQUAL(votes.paused, qd_set_of(9));
	UNIT_OK(!votes.dynamic && votes.out == 0 && !votes.extra_out);
	/* defaults */
	UNIT_EQUAL(parse(THREE, &conf), 0);
	UNIT_EQUAL(messages.warning_count, 0);
	UNIT_EQUAL(conf.heartbeat_port, 3343);
	UNIT_EQUAL(qd_span_to_ms(conf.same_subnet_delay), 1000);
	UNIT_EQUAL(conf.cross_subnet_threshold, 5);
	UNIT_OK(conf.dynamic);
	UNIT_EQUAL(conf.nodes[1].weight, 1);
	UNIT_EQUAL(qd_span_to_ms(qd_conf_detection(&conf)), 5500);
}

static bool never_same(void *context, uint32_t network, const struct qd_address *own,
		       const struct qd_address *peer)
{
	uint32_t *seen = context;
	*seen |= 1u << network;
	return own->bytes[3] == 0 || peer->bytes[3] == 0;
}

static void tells_the_links(void)
{
	static struct qd_links_config links;
	uint32_t seen = 0;
	UNIT_EQUAL(parse("cluster: demo\nnode: b\nkey_file: /k\nnodes:\n"
			 "  a: {id: 1, addresses: [10.0.0.1, 10.1.0.1], site: x}\n"
			 "  b: {id: 2, addresses: [10.0.0.2, 10.1.1.2], site: x}\n"
			 "  c: {id: 64, addresses: [10.0.0.3, 10.1.1.3], site: y}\n"
			 "heartbeat: {same_subnet_delay: 100ms, cross_subnet_delay: 300ms, "
			 "cross_subnet_threshold: 7}\n",
			 &conf),
		   0);
	links.session = 77;
	qd_conf_links(&conf, NULL, NULL, &links);
	UNIT_EQUAL(links.node_id, 2);
	UNIT_EQUAL(links.session, 77);
	UNIT_EQUAL(links.peers, UINT64_C(1) << 63 | 1);
	UNIT_EQUAL(qd_span_to_ms(links.link[0][0].delay), 100);
	UNIT_EQUAL(links.link[0][0].threshold, 5);
	UNIT_EQUAL(qd_span_to_ms(links.link[0][1].delay), 300); /* another subnet */
	UNIT_EQUAL(links.link[0][1].threshold, 7);
	UNIT_OK(links.link[0][0].used && links.link[0][1].used && !links.link[0][2].used);
	UNIT_EQUAL(qd_span_to_ms(links.link[63][0].delay), 300); /* another site */
	UNIT_OK(!links.link[1][0].used && !links.link[2][0].used);
	UNIT_EQUAL(qd_span_to_ms(qd_conf_detection(&conf)), 2250);
	qd_conf_links(&conf, never_same, &seen, &links);
	UNIT_EQUAL(seen, 3);
	UNIT_EQUAL(qd_span_to_ms(links.link[0][0].delay), 300);
}

static void warns(const char *yaml, const char *warning)
{
	unit_case("%.200s", yaml);
	if (!UNIT_EQUAL(parse(yaml, &conf), 0))
		qd_conf_messages_print(&messages, stdout);
	UNIT_EQUAL(messages.warning_count, warning != NULL);
	if (messages.warning_count > 0 &&
	    !UNIT_OK(warning != NULL && strstr(messages.warning[0], warning) != NULL))
		(void)printf("found: %s\n", messages.warning[0]);
}

static void warns_of_what_is_hardly_meant(void)
{
	static char many[4096] = "cluster: demo\nnode: 1\nkey_file: /k\nnodes:\n";
	warns(TWO, "f:5:3: quorum.model: of two nodes without a quorum disk or a witness only one may die");
	warns(TWO WITNESS, NULL);
	warns(TWO DISK, NULL);
	warns(TWO DISK "quorum: {model: node_majority}\n", "f:9:17: quorum.model: of two nodes");
	warns(THREE DISK, NULL);
	warns(THREE DISK "quorum: {dynamic: off}\n",
	      "with quorum.dynamic off, node_and_disk of 4 votes survives less "
	      "than node_majority of 3; set node_majority, or");
	warns(TWO DISK "quorum: {dynamic: off}\n", NULL);
	warns(THREE "quorum: {dynamic: off, lower_priority_node: a}\n",
	      "quorum.lower_priority_node: has no effect while quorum.dynamic is off");
	warns(THREE "heartbeat: {same_subnet_threshold: 10}\n",
	      "f: heartbeat: a dead node is noticed after up to 10500 ms, later than times.takeover of 10000 "
	      "ms");
	warns(THREE "heartbeat: {cross_subnet_threshold: 20}\n", NULL); /* there is no such link */
	warns(THREE "times: {renew: 300ms}\n",
	      "f:8:16: heartbeat: a dead node is noticed after up to 5500 ms");
	warns("cluster: demo\nnode: a\nkey_file: /k\nnodes:\n  a: {id: 1, addresses: [10.0.0.1]}\n", NULL);
	warns("cluster: demo\nnode: a\nkey_file: /k\nnodes:\n  a: {id: 1, addresses: [10.0.0.1]}\n"
	      "  b: {id: 2, addresses: [10.0.0.2]}\n  c: {id: 3, addresses: [10.0.0.3]}\n",
	      "f:5:3: nodes: there is one network only: when it fails, no node hears another");
	size_t at = strlen(many);
	for (int i = 1; i <= 17; i++)
		at += (size_t)snprintf(many + at, sizeof many - at,
				       "  n%d: {id: %d, addresses: [10.0.0.%d, 10.0.1.%d]}\n", i, i, i, i);
	warns(many, "nodes: 17 of them; up to 16 are supported");
}

static void tells_what_a_reload_may_change(void)
{
	static struct qd_conf_changes changes;
	UNIT_EQUAL(parse(THREE, &conf), 0);
	UNIT_EQUAL(parse(OWN "# moved\nnodes:\n" C B A, &other), 0);
	qd_conf_diff(&conf, &other, &changes);
	UNIT_EQUAL(changes.count, 0);
	UNIT_EQUAL(
		parse(OWN "nodes:\n" B C NODE(
			      "d", "4",
			      "addresses: [10.0.0.4, 10.0.1.4], weight: 3") "heartbeat: {same_subnet_delay: "
									    "100ms}\n" WITNESS
									    "quorum: {dynamic: off}\n",
		      &other),
		0);
	qd_conf_diff(&conf, &other, &changes);
	UNIT_EQUAL(changes.count, 5); /* and the model follows the witness */
	UNIT_EQUAL(changes.restart_count, 0);
	UNIT_TEXT(changes.list[0].key, "nodes");
	qd_conf_apply_live(&conf, &other);
	UNIT_EQUAL(conf.members, 0xe);
	UNIT_TEXT(conf.nodes[4].name, "d");
	UNIT_TEXT(conf.nodes[1].name, "");
	UNIT_EQUAL(conf.witness_count, 1);
	UNIT_EQUAL(conf.model, QD_MODEL_NODE_AND_WITNESS);
	UNIT_OK(!conf.dynamic);
	UNIT_EQUAL(conf.given, other.given);
	qd_conf_diff(&conf, &other, &changes);
	UNIT_EQUAL(changes.count, 0);
	/* Not from the disk alone to views: that is another daemon. */
	UNIT_EQUAL(
		parse("cluster: demo\nnode: b\nkey_file: /etc/k\nnodes: {a: 1, b: 2, c: 3}\n" DISK, &other),
		0);
	UNIT_EQUAL(parse(THREE DISK, &conf), 0);
	qd_conf_diff(&conf, &other, &changes);
	UNIT_OK(!changes.list[0].live);
	UNIT_TEXT(changes.list[0].key, "nodes");
}

static const struct unit_test TESTS[] = {
	{"nodes with wrong addresses, weights, sites or ids are refused", refuses_wrong_nodes},
	{"values out of their range are refused", refuses_wrong_values},
	{"what does not go together is refused, with the mend", refuses_what_does_not_go_together},
	{"the model follows from what is configured", chooses_the_model},
	{"a whole cluster is taken, and the votes follow", takes_a_whole_cluster},
	{"links have the times of their subnet", tells_the_links},
	{"what is hardly meant gets a warning, and nothing else does", warns_of_what_is_hardly_meant},
	{"a reload knows what may change in a cluster", tells_what_a_reload_may_change},
};

int main(void)
{
	return unit_run("t_conf_cluster", TESTS, UNIT_COUNT(TESTS));
}
