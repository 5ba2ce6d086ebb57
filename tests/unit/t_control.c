/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "quorumd/control_wire.h"

#include <string.h>

static struct qd_control_answer answer, again;
static struct qd_control_snapshot one, other;
static uint8_t packet[QD_CONTROL_PACKET_MAX];

/* A snapshot in which every field of the cluster has a value of its own. */
static void fill_views(struct qd_cluster_status *v, uint32_t nodes)
{
	struct qd_head *h = &v->head;
	*v = (struct qd_cluster_status){.state = QD_CLUSTER_MEMBER,
					.wait = QD_WAIT_HELD,
					.leader = 2,
					.epoch = 129,
					.members = 7,
					.hears = 5,
					.set = 3,
					.votes_present = 3,
					.votes_needed = 2,
					.votes_total = 4,
					.quorate = true,
					.extra_holder = 3,
					.right_start = {11},
					.begin_stop = {12},
					.free_at = QD_NEVER,
					.witness_answered = true,
					.witness_verdict = QD_WITNESS_OLD_TAG,
					.witness_tag = {8, 9},
					.leaving = true,
					.views = 21,
					.falls = 4};
	h->tag = (struct qd_tag){129, 7};
	h->votes.model = QD_MODEL_NODE_AND_WITNESS;
	h->votes.nodes = nodes == 64 ? ~UINT64_C(0) : (UINT64_C(1) << nodes) - 1;
	h->votes.dynamic = true;
	h->votes.low = 2;
	h->has_old = true;
	h->old = h->votes;
	h->old.extra_out = true;
	h->forced_by = 1;
	h->forced_unix_s = 1234567;
	unit_fill(h->body, sizeof(h->body), 3);
	unit_fill(h->votes.weight, sizeof(h->votes.weight), 4);
	for (uint32_t i = 0; i < nodes; i++) {
		v->news_flags[i] = i & QD_NEWS_FLAGS_ALL;
		v->incarnation[i] = i + 1;
		v->tags[i] = (struct qd_tag){i, 2};
	}
}

static void fill_networks(struct qd_control_snapshot *s, uint32_t nodes)
{
	s->network_count = QD_LINKS_MAX;
	for (uint32_t n = 0; n < QD_LINKS_MAX; n++) {
		struct qd_control_network *w = &s->networks[n];
		*w = (struct qd_control_network){.used = true,
						 .open_error = -5,
						 .role = QD_NETWORK_BOTH,
						 .metric = 1000 + n,
						 .sent = n,
						 .receive_errors = 9};
		memset(w->address, 'a', sizeof(w->address) - 1);
		memset(w->name, 'n', sizeof(w->name) - 1);
	}
	for (uint32_t id = 2; id <= nodes; id++) {
		for (uint32_t n = 0; n < QD_LINKS_MAX; n++)
			s->links[s->link_count++] = (struct qd_control_link){.node = id,
									     .network = n,
									     .up = n == 1,
									     .missed = n,
									     .threshold = 5,
									     .delay = qd_span_ms(1000),
									     .exchanges = id,
									     .lost = 3,
									     .rtt_ns = 100,
									     .rtt_smooth_ns = 101,
									     .rtt_worst_ns = 102};
	}
}

static void fill(struct qd_control_snapshot *s, uint32_t nodes)
{
	memset(s, 0, sizeof(*s));
	memcpy(s->version, "1.2.3", 6);
	s->node_id = 1;
	s->now = (struct qd_mono){99};
	s->has_cluster = true;
	s->has_witness = true;
	s->witness = (struct qd_control_witness){.kind = QD_CONTROL_WITNESS_SHARE,
						 .way_count = 2,
						 .way_at = 1,
						 .reachable = true,
						 .known = true,
						 .answered_at = {3},
						 .verdict = QD_WITNESS_UNCONFIRMED,
						 .epoch = 5,
						 .holder = 6,
						 .tag = {7, 8},
						 .renewed = {9},
						 .refused = 10,
						 .dropped = 11,
						 .hangs_ns = 12};
	memset(s->witness.cluster, 0xa5, sizeof(s->witness.cluster));
	memset(s->witness.why, 'w', sizeof(s->witness.why) - 1);
	for (uint32_t i = 0; i < s->witness.way_count; i++) {
		s->witness.way[i] = (struct qd_control_witness_way){
			.asked = 1, .answered = i, .rtt_ns = 2, .rtt_worst_ns = 3, .answered_at = {4}};
		memset(s->witness.way[i].text, 'x', sizeof(s->witness.way[i].text) - 1);
	}
	s->join_only = true;
	memset(s->store_why, 's', sizeof(s->store_why) - 1);
	s->detection = qd_span_ms(6000);
	s->arbitration.unix_ms = 17;
	memset(s->arbitration.text, 't', sizeof(s->arbitration.text) - 1);
	memset(s->arbitration.reason, 'r', sizeof(s->arbitration.reason) - 1);
	s->proofs = (struct qd_control_proofs){.start = {5}, .count = 6, .last_ns = 7, .worst_ns = 8};
	s->proofs.histogram[QD_CONTROL_PROOF_BUCKETS - 1] = 4;
	for (size_t i = 0; i < QD_PACKET_VERDICT_COUNT; i++)
		s->packets[i] = i;
	for (uint32_t id = 1; id <= nodes; id++) {
		s->members |= qd_set_of(id);
		s->replayed[id - 1] = 100 + id;
	}
	for (uint32_t id = 1; id <= nodes; id++)
		memset(s->node_names[id], 'a', sizeof(s->node_names[id]) - 1);
	fill_views(&s->views, nodes);
	fill_networks(s, nodes);
}

static size_t there_and_back(void)
{
	const size_t len = qd_control_answer_encode(&answer, packet, sizeof(packet));
	memset(&again, 0xff, sizeof(again));
	UNIT_OK(len > 0 && qd_control_answer_decode(packet, len, &again));
	return len;
}

static void snapshots_survive(void)
{
	static const uint32_t sizes[] = {1, 3, 16, 64};
	for (size_t i = 0; i < UNIT_COUNT(sizes); i++) {
		unit_case("%u nodes", sizes[i]);
		memset(&answer, 0, sizeof(answer));
		answer.tell = QD_TELL_SNAPSHOT;
		answer.id = 77;
		fill(&answer.u.snapshot, sizes[i]);
		const size_t len = there_and_back();
		UNIT_EQUAL(again.id, 77);
		UNIT_BYTES(&again.u.snapshot, &answer.u.snapshot, sizeof(answer.u.snapshot));
		UNIT_OK(len < (sizes[i] <= 16 ? QD_CONTROL_PACKET_MAX / 3 : QD_CONTROL_PACKET_MAX));
	}
}

static void cut_packets_are_refused(void)
{
	memset(&answer, 0, sizeof(answer));
	answer.tell = QD_TELL_SNAPSHOT;
	fill(&answer.u.snapshot, 2);
	const size_t len = qd_control_answer_encode(&answer, packet, sizeof(packet));
	for (size_t cut = 0; cut < len; cut++)
		UNIT_OK(!qd_control_answer_decode(packet, cut, &again));
	UNIT_OK(qd_control_answer_decode(packet, len, &again));
	UNIT_OK(!qd_control_answer_decode(packet, len + 1, &again));
}

static void other_answers_survive(void)
{
	memset(&answer, 0, sizeof(answer));
	answer.tell = QD_TELL_REPLY;
	answer.u.reply.reply = QD_REPLY_INVALID;
	memset(answer.u.reply.why, 'w', sizeof(answer.u.reply.why) - 1);
	(void)there_and_back();
	UNIT_BYTES(&again.u.reply, &answer.u.reply, sizeof(answer.u.reply));

	memset(&answer, 0, sizeof(answer));
	answer.tell = QD_TELL_CONFIG;
	answer.u.config = (struct qd_control_config){.tag = {3, 4}, .in_force = true};
	unit_fill(answer.u.config.digest, QD_DIGEST_BYTES, 1);
	(void)there_and_back();
	UNIT_EQUAL(again.u.config.tag.version, 4);
	UNIT_OK(again.u.config.in_force);
	UNIT_BYTES(again.u.config.digest, answer.u.config.digest, QD_DIGEST_BYTES);

	memset(&answer, 0, sizeof(answer));
	answer.tell = QD_TELL_HISTORY;
	answer.u.history.count = QD_BODIES_HISTORY;
	answer.u.history.list[QD_BODIES_HISTORY - 1] = (struct qd_body_entry){.tag = {1, 64}, .unix_s = 5};
	(void)there_and_back();
	UNIT_BYTES(&again.u.history, &answer.u.history, sizeof(answer.u.history));
}

static void requests_survive(void)
{
	const struct qd_control_request r = {.ask = QD_ASK_CHANGE,
					     .id = 5,
					     .since = 6,
					     .least = QD_LEVEL_WARNING,
					     .to = 7,
					     .from = {8, 9},
					     .digest = {1, 2, 3}};
	struct qd_control_request found;
	const size_t len = qd_control_request_encode(&r, packet, sizeof(packet));
	UNIT_OK(len > 0 && len < 256);
	UNIT_OK(qd_control_request_decode(packet, len, &found));
	UNIT_EQUAL(found.ask, r.ask);
	UNIT_EQUAL(found.since, 6);
	UNIT_EQUAL(found.least, QD_LEVEL_WARNING);
	UNIT_EQUAL(found.to, 7);
	UNIT_EQUAL(found.from.epoch, 8);
	UNIT_EQUAL(found.from.version, 9);
	UNIT_BYTES(found.digest, r.digest, sizeof(r.digest));
	packet[0]++; /* another version */
	UNIT_OK(!qd_control_request_decode(packet, len, &found));
}

/* ------------------------------------------------ what subscribers wait for */

typedef void change_fn(struct qd_control_snapshot *s);
static void change_quorate(struct qd_control_snapshot *s)
{
	s->views.quorate = false;
}
static void change_leader(struct qd_control_snapshot *s)
{
	s->views.leader = 1;
}
static void change_wait(struct qd_control_snapshot *s)
{
	s->views.wait = QD_WAIT_DISK;
}
static void change_hears(struct qd_control_snapshot *s)
{
	s->views.hears = 1;
}
static void change_tag(struct qd_control_snapshot *s)
{
	s->views.head.tag.version++;
}
static void change_body(struct qd_control_snapshot *s)
{
	s->views.head.body[31] ^= 1;
}
static void change_weight(struct qd_control_snapshot *s)
{
	s->views.head.votes.weight[2] ^= 1;
}
static void change_out(struct qd_control_snapshot *s)
{
	s->views.head.votes.out = 4;
}
static void change_flag(struct qd_control_snapshot *s)
{
	s->views.news_flags[1] ^= QD_NEWS_RUNS;
}
static void change_incarnation(struct qd_control_snapshot *s)
{
	s->views.incarnation[2]++;
}
static void change_link(struct qd_control_snapshot *s)
{
	s->links[3].up = !s->links[3].up;
}
static void change_reachable(struct qd_control_snapshot *s)
{
	s->witness.reachable = false;
}

static void change_witness(struct qd_control_snapshot *s)
{
	s->views.witness_verdict = QD_WITNESS_OK;
}
static void change_holder(struct qd_control_snapshot *s)
{
	s->views.extra_holder = 0;
}
static void change_falls(struct qd_control_snapshot *s)
{
	s->views.falls++;
}

static void change_instants(struct qd_control_snapshot *s)
{
	s->now.ns++;
	s->views.right_start.ns++;
	s->views.begin_stop.ns++;
	s->proofs.count++;
	s->links[0].exchanges++;
	s->links[0].rtt_ns++;
	s->packets[0]++;
	s->replayed[0]++;
	s->networks[0].sent++;
}

static void differs(void)
{
	static const struct {
		const char *about;
		change_fn *change;
		bool differs;
	} table[] = {
		{"quorate", change_quorate, true},
		{"leader", change_leader, true},
		{"wait", change_wait, true},
		{"hears", change_hears, true},
		{"tag", change_tag, true},
		{"body", change_body, true},
		{"weight", change_weight, true},
		{"out", change_out, true},
		{"flag", change_flag, true},
		{"incarnation", change_incarnation, true},
		{"link", change_link, true},
		{"witness", change_witness, true},
		{"reachable", change_reachable, true},
		{"holder", change_holder, true},
		{"falls", change_falls, true},
		{"instants", change_instants, false},
	};
	for (size_t i = 0; i < UNIT_COUNT(table); i++) {
		unit_case("%s", table[i].about);
		fill(&one, 3);
		other = one;
		UNIT_OK(!qd_control_snapshot_differs(&one, &other));
		table[i].change(&other);
		UNIT_OK(qd_control_snapshot_differs(&one, &other) == table[i].differs);
		other.has_cluster = false;
		UNIT_OK(qd_control_snapshot_differs(&one, &other));
	}
}

/* ------------------------------------------------ from the node */

static struct qd_node node;

static void begin_node(void)
{
	struct qd_node_config c = {.node_id = 1,
				   .members = 7,
				   .cluster_tag = 1,
				   .incarnation = 5,
				   .times = qd_times_from_renew(qd_span_ms(3000), QD_SPAN_ZERO),
				   .seed = 1,
				   .has_cluster = true};
	c.links =
		(struct qd_links_config){.node_id = 1, .session = 9, .incarnation = 5, .peers = 6, .seed = 1};
	for (uint32_t id = 2; id <= 3; id++) {
		for (uint32_t n = 0; n < 2; n++)
			c.links.link[id - 1][n] = (struct qd_link_config){
				.used = !(id == 3 && n == 1), .delay = qd_span_ms(1000), .threshold = 5};
	}
	c.cluster = (struct qd_cluster_config){
		.node_id = 1, .incarnation = 5, .detection = qd_links_detection(&c.links), .seed = 1};
	c.cluster.kept.head.tag.version = 1;
	c.cluster.kept.head.votes.nodes = 7;
	for (uint32_t i = 0; i < 3; i++)
		c.cluster.kept.head.votes.weight[i] = 1;
	qd_node_init(&node, &c, (struct qd_mono){1});
}

static void shows_links(void)
{
	begin_node();
	memset(&one, 0, sizeof(one));
	node.links.peers[1].links[1].up = true;
	node.links.peers[1].links[1].lost = 4;
	qd_control_snapshot_update(&node, (struct qd_mono){10}, &one);
	UNIT_OK(one.has_cluster);
	UNIT_EQUAL(one.link_count, 3);
	UNIT_EQUAL(one.links[1].node, 2);
	UNIT_EQUAL(one.links[1].network, 1);
	UNIT_OK(one.links[1].up && !one.links[0].up);
	UNIT_EQUAL(one.links[1].lost, 4);
	UNIT_EQUAL(one.links[2].node, 3);
	UNIT_EQUAL(one.links[2].threshold, 5);
	UNIT_EQUAL(one.views.votes_total, 3);
	UNIT_EQUAL(one.views.votes_needed, 2);
}

/* The core has it from the links that it was told of last, not from those that it began with. */
static void detection_follows_the_configuration(void)
{
	static const struct qd_conf conf = {.node_id = 1, .members = 7, .has_cluster = true};
	static struct qd_actions out;
	struct qd_links_config links;
	struct qd_event ev = {.kind = QD_EVENT_LINKS, .now = {2}};
	begin_node();
	qd_control_snapshot_fill(&conf, &node, (struct qd_mono){2}, &one);
	UNIT_EQUAL(one.detection.ns, qd_links_detection(&node.config.links).ns);
	links = node.config.links;
	for (uint32_t id = 2; id <= 3; id++)
		links.link[id - 1][0].threshold = 8;
	ev.u.links = &links;
	const struct qd_span before = one.detection;
	qd_node_step(&node, &ev, &out);
	qd_control_snapshot_fill(&conf, &node, (struct qd_mono){2}, &one);
	UNIT_EQUAL(one.detection.ns, qd_links_detection(&links).ns);
	UNIT_OK(one.detection.ns > before.ns);
}

/* A proof that is 350 us old when it comes falls below 400 us; the same one again is none. */
static void notes_proofs(void)
{
	const uint64_t start = UINT64_C(1000000);
	begin_node();
	memset(&one, 0, sizeof(one));
	node.cluster.right.held = true;
	node.cluster.right.start = (struct qd_mono){start};
	node.cluster.right.begin_stop = (struct qd_mono){UINT64_C(9000000000)};
	qd_control_snapshot_update(&node, (struct qd_mono){start + 350000}, &one);
	qd_control_snapshot_update(&node, (struct qd_mono){start + 900000}, &one);
	UNIT_EQUAL(one.proofs.count, 1);
	UNIT_EQUAL(one.proofs.last_ns, 350000);
	UNIT_EQUAL(one.proofs.histogram[2], 1);
	node.cluster.right.start.ns += 1000000;
	qd_control_snapshot_update(&node, (struct qd_mono){start + UINT64_C(1000000000000)}, &one);
	UNIT_EQUAL(one.proofs.count, 2);
	UNIT_EQUAL(one.proofs.histogram[QD_CONTROL_PROOF_BUCKETS - 1], 1);
	UNIT_EQUAL(one.proofs.worst_ns, one.proofs.last_ns);
	node.cluster.right.held = false;
	qd_control_snapshot_update(&node, (struct qd_mono){start + UINT64_C(1000000000001)}, &one);
	UNIT_EQUAL(one.proofs.count, 2);
}

/* Held by this node, with a vote: counted while it answers. */
static void silent_witness(void)
{
	begin_node();
	memset(&one, 0, sizeof(one));
	struct qd_cluster *c = &node.cluster;
	c->kept.head.votes.model = QD_MODEL_NODE_AND_WITNESS;
	c->config.has_witness = true;
	c->witness.epoch = 64;
	c->state = QD_CLUSTER_LEADING;
	c->kept.installed = (struct qd_view){.epoch = 64, .members = 1};
	c->kept.installed.incarnation[0] = 5;
	c->lead.view = c->kept.installed;
	c->witness.answered = true;
	qd_control_snapshot_update(&node, (struct qd_mono){10}, &one);
	UNIT_EQUAL(one.views.extra_holder, 1);
	UNIT_EQUAL(one.views.votes_present, 2);
	c->witness.answered = false;
	qd_control_snapshot_update(&node, (struct qd_mono){10}, &one);
	UNIT_EQUAL(one.views.extra_holder, 0);
	UNIT_EQUAL(one.views.votes_present, 1);
	UNIT_EQUAL(one.views.votes_total, 4);
}

static void shows_networks(void)
{
	struct qd_address local;
	const struct qd_net_link link = {
		.used = true,
		.open_error = -98,
		.counters = {.sent = 3, .not_open = 1, .unreachable = 2, .too_large = 4}};
	const struct qd_network found = {.name = "eth0", .role = QD_NETWORK_CLUSTER, .metric = 1000};
	UNIT_OK(qd_address_parse("192.0.2.7", &local));
	memset(&one, 0, sizeof(one));
	qd_control_snapshot_network(&one, 1, &local, &link, &found);
	UNIT_EQUAL(one.network_count, 2);
	UNIT_OK(!one.networks[0].used);
	UNIT_TEXT(one.networks[1].address, "192.0.2.7");
	UNIT_TEXT(one.networks[1].name, "eth0");
	UNIT_EQUAL(one.networks[1].not_sent, 7);
	UNIT_EQUAL(one.networks[1].metric, 1000);
	qd_control_snapshot_network(&one, 1, &local, &link, NULL);
	UNIT_TEXT(one.networks[1].name, "");
	UNIT_EQUAL(one.networks[1].metric, 0);
}

static const struct unit_test TESTS[] = {
	{"a snapshot survives the packet, also with 64 nodes on 8 networks", snapshots_survive},
	{"a packet that was cut, or is longer, is refused", cut_packets_are_refused},
	{"replies, configurations and the history survive the packet", other_answers_survive},
	{"requests survive the packet, and another version is refused", requests_survive},
	{"subscribers are told of what they wait for, not of instants and counters", differs},
	{"links that are used are shown, with their counters", shows_links},
	{"the time of detection is that of the present configuration", detection_follows_the_configuration},
	{"each new proof of quorum is noted once, by its age", notes_proofs},
	{"a witness that does not answer is not counted as present", silent_witness},
	{"a network is shown with what its interface says of it", shows_networks},
};

int main(void)
{
	return unit_run("t_control", TESTS, UNIT_COUNT(TESTS));
}
