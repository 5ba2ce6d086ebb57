/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "api/json.h"
#include "api/why.h"
#include "tools/quorumctl/ctl.h"

#include <string.h>

enum { SENTENCES_MAX = 8, NOW_S = 1000 };

static const char *const NAMES[] = {"", "alpha", "beta", "gamma", "delta", "epsilon"};

/* Node 1 is this one. Sets have bit id - 1. */
struct why_case {
	const char *about;
	enum qd_model model;
	uint32_t nodes; /* configured, from 1 on */
	uint32_t links; /* to each node */
	uint64_t set;	/* members, or the candidate set */
	uint64_t hears; /* 0: the same */
	bool quorate;
	uint64_t out;
	bool extra_out;
	uint32_t holder;
	enum qd_cluster_wait wait;
	bool follows;	  /* not quorate, and a member */
	uint64_t flagged; /* who has `flag` */
	uint32_t flag;
	uint32_t heavy; /* node of weight 3 */
	uint64_t paused;
	const char *sentences[SENTENCES_MAX];
};

static struct qd_mono second(uint64_t s)
{
	return (struct qd_mono){.ns = s * UINT64_C(1000000000)};
}

static uint64_t first(uint32_t count)
{
	return (UINT64_C(1) << count) - 1;
}

static void fill_votes(const struct why_case *c, struct qd_control_snapshot *s)
{
	struct qd_cluster_status *v = &s->views;
	struct qd_votes *votes = &v->head.votes;
	votes->model = c->model;
	votes->nodes = s->members;
	votes->dynamic = true;
	votes->out = c->out;
	votes->extra_out = c->extra_out;
	votes->paused = c->paused;
	for (uint32_t id = 1; id <= c->nodes; id++)
		votes->weight[id - 1] = c->heavy == id ? 3 : 1;
	v->extra_holder = c->holder;
	v->votes_present =
		qd_votes_sum(votes, c->set, qd_set_has(c->set, c->holder) ? qd_votes_extra(votes) : 0);
	v->votes_needed = qd_votes_need(votes);
	v->votes_total = qd_votes_total(votes);
}

static void fill(const struct why_case *c, struct qd_control_snapshot *s)
{
	struct qd_cluster_status *v = &s->views;
	memset(s, 0, sizeof(*s));
	s->has_cluster = true;
	s->node_id = 1;
	s->now = second(NOW_S);
	s->times = qd_times_from_renew(qd_span_ms(3000), QD_SPAN_ZERO);
	s->members = first(c->nodes);
	for (uint32_t id = 1; id <= c->nodes; id++)
		memcpy(s->node_names[id], NAMES[id], strlen(NAMES[id]) + 1);
	v->quorate = c->quorate;
	v->state = c->quorate ? QD_CLUSTER_LEADING : c->follows ? QD_CLUSTER_MEMBER : QD_CLUSTER_JOINING;
	v->wait = c->wait;
	v->set = c->set;
	v->members = c->quorate ? c->set : 0;
	v->hears = c->hears != 0 ? c->hears : c->set;
	v->leader = c->quorate ? 1 : 0;
	v->epoch = c->quorate ? 64 : 0;
	v->right_start = second(NOW_S - 1);
	v->begin_stop = second(NOW_S + 5);
	s->arbiter.hold = c->wait == QD_WAIT_DISK ? QD_HOLD_HELD : QD_HOLD_NONE;
	for (uint32_t id = qd_set_next(c->flagged, 0); id != 0; id = qd_set_next(c->flagged, id))
		v->news_flags[id - 1] = c->flag;
	fill_votes(c, s);
	for (uint32_t id = 2; id <= c->nodes; id++) {
		for (uint32_t n = 0; n < c->links; n++)
			s->links[s->link_count++] = (struct qd_control_link){
				.node = id, .network = n, .up = qd_set_has(v->hears, id)};
	}
}

#define LEADS                                                                                                \
	"This node leads, under epoch 64.",                                                                  \
		"The last proof of quorum began 1.0 s ago. Without another one, what runs here begins to "   \
		"stop in 5.0 s."
#define FORCE                                                                                                \
	"If what is missing will not come back: make sure that those nodes are off, then \"quorumctl "       \
	"quorum "                                                                                            \
	"force\" on one node."

static const struct why_case CASES[] = {
	{.about = "three of three",
	 .nodes = 3,
	 .links = 2,
	 .set = 7,
	 .quorate = true,
	 .sentences = {"Quorate: nodes alpha, beta and gamma have 3 of 3 votes; 2 are needed.", LEADS,
		       "It survives the failure of any one node."}},
	{.about = "two of three",
	 .nodes = 3,
	 .links = 2,
	 .set = 3,
	 .quorate = true,
	 .sentences = {"Quorate: nodes alpha and beta have 2 of 3 votes; 2 are needed.", LEADS,
		       "Node gamma is not heard on any of 2 networks.",
		       "The quorum is lost when one of nodes alpha and beta fails."}},
	{.about = "two and the witness, which the leader holds",
	 .model = QD_MODEL_NODE_AND_WITNESS,
	 .nodes = 2,
	 .links = 1,
	 .set = 3,
	 .quorate = true,
	 .holder = 1,
	 .sentences = {"Quorate: nodes alpha and beta have 3 of 3 votes; 2 are needed.", LEADS,
		       "The witness has a vote, and node alpha holds it.",
		       "It survives the failure of any one node, and that of the witness."}},
	{.about = "one and the disk",
	 .model = QD_MODEL_NODE_AND_DISK,
	 .nodes = 2,
	 .links = 1,
	 .set = 1,
	 .quorate = true,
	 .holder = 1,
	 .sentences = {"Quorate: this node alone has 2 of 3 votes; 2 are needed.", LEADS,
		       "The quorum disk has a vote, and node alpha holds it.", "Node beta is not heard.",
		       "The quorum is lost when node alpha fails, or the quorum disk."}},
	{.about = "the disk alone counts",
	 .model = QD_MODEL_DISK_ONLY,
	 .nodes = 2,
	 .links = 1,
	 .set = 3,
	 .quorate = true,
	 .holder = 1,
	 .sentences = {"Quorate: nodes alpha and beta have 1 of 1 votes; 1 is needed.", LEADS,
		       "The quorum disk has a vote, and node alpha holds it.",
		       "It survives the failure of any one node, but not that of the quorum disk."}},
	{.about = "dynamic votes have left one voter and taken the witness's vote",
	 .model = QD_MODEL_NODE_AND_WITNESS,
	 .nodes = 2,
	 .links = 1,
	 .set = 1,
	 .quorate = true,
	 .out = 2,
	 .extra_out = true,
	 .sentences = {"Quorate: this node alone has 1 of 1 votes; 1 is needed.", LEADS,
		       "The witness has no vote at present: without it the number of votes is odd, so that "
		       "no two halves can tie, or it could not be reached when the votes were adjusted.",
		       "Node beta is not heard.",
		       "Node beta has no vote at present: the votes follow who is there (dynamic votes), and "
		       "come back with it.",
		       "The quorum is lost when node alpha fails."}},
	{.about = "two members, one of which has lost its vote to avoid a tie",
	 .nodes = 3,
	 .links = 1,
	 .set = 3,
	 .quorate = true,
	 .out = 6,
	 .sentences =
		 {"Quorate: nodes alpha and beta have 1 of 1 votes; 1 is needed.", LEADS,
		  "Node gamma is not heard.",
		  "Node gamma has no vote at present: the votes follow who is there (dynamic votes), and "
		  "come back with it.",
		  "Node beta is here without a vote at present: an even number of votes could tie, or the "
		  "votes have not followed yet.",
		  "The quorum is lost when node alpha fails."}},
	{.about = "alone of three",
	 .nodes = 3,
	 .links = 2,
	 .set = 1,
	 .wait = QD_WAIT_VOTES,
	 .sentences = {"Not quorate: this node alone has 1 of 3 votes; 2 are needed.",
		       "Nodes beta and gamma are not heard on any of 2 networks.",
		       "It becomes quorate when one of nodes beta and gamma is heard.", FORCE}},
	{.about = "alone of five: two more",
	 .nodes = 5,
	 .links = 1,
	 .set = 1,
	 .wait = QD_WAIT_VOTES,
	 .sentences = {"Not quorate: this node alone has 1 of 5 votes; 3 are needed.",
		       "Nodes beta, gamma, delta and epsilon are not heard.",
		       "It becomes quorate when 2 of the missing nodes are heard.", FORCE}},
	{.about = "the one with many votes is enough",
	 .nodes = 3,
	 .links = 1,
	 .set = 1,
	 .heavy = 3,
	 .wait = QD_WAIT_VOTES,
	 .sentences = {"Not quorate: this node alone has 1 of 5 votes; 3 are needed.",
		       "Nodes beta and gamma are not heard.", "It becomes quorate when node gamma is heard.",
		       FORCE}},
	{.about = "the last voter is needed",
	 .nodes = 3,
	 .links = 1,
	 .set = 3,
	 .out = 3,
	 .wait = QD_WAIT_VOTES,
	 .sentences = {"Not quorate: nodes alpha and beta have 0 of 1 votes; 1 is needed.",
		       "Node gamma is not heard.", "It becomes quorate when node gamma is heard.", FORCE}},
	{.about = "the witness would do, and so would the other node",
	 .model = QD_MODEL_NODE_AND_WITNESS,
	 .nodes = 2,
	 .links = 1,
	 .set = 1,
	 .wait = QD_WAIT_WITNESS,
	 .sentences = {"Not quorate: this node alone has 1 of 3 votes; 2 are needed.",
		       "The witness has a vote, and nobody is known to hold it.",
		       "The witness's vote is needed, and it does not answer (is it reachable from here?). "
		       "Look at quorum-witnessd there.",
		       "Node beta is not heard.", "It becomes quorate when it gets the vote of the witness.",
		       "It becomes quorate when node beta is heard.", FORCE}},
	{.about = "the disk is another's",
	 .model = QD_MODEL_NODE_AND_DISK,
	 .nodes = 2,
	 .links = 1,
	 .set = 1,
	 .holder = 2,
	 .wait = QD_WAIT_DISK,
	 .sentences =
		 {"Not quorate: this node alone has 1 of 3 votes; 2 are needed.",
		  "The quorum disk has a vote, and node beta holds it.",
		  "The quorum disk's vote is needed. Another node holds the disk, and its key is not old "
		  "enough to be struck.",
		  "Node beta is not heard.", "It becomes quorate when it gets the vote of the quorum disk.",
		  "It becomes quorate when node beta is heard.", FORCE}},
	{.about = "enough votes, a view is being made",
	 .nodes = 3,
	 .links = 1,
	 .set = 7,
	 .wait = QD_WAIT_PROMISES,
	 .sentences =
		 {"Not quorate: nodes alpha, beta and gamma have 3 of 3 votes; 2 are needed. The votes "
		  "suffice, but no new view is agreed on yet.",
		  "A view is being made: not all nodes have promised. This takes some seconds at most."}},
	{.about = "enough votes, the view is agreed on, and its leader has proved nothing yet",
	 .nodes = 3,
	 .links = 1,
	 .set = 3,
	 .follows = true,
	 .sentences = {"Not quorate: nodes alpha and beta have 2 of 3 votes; 2 are needed. The votes "
		       "suffice, but their leader has not proved yet that it has them.",
		       "Node gamma is not heard."}},
	{.about = "enough votes, but not of stores that are known",
	 .nodes = 3,
	 .links = 1,
	 .set = 7,
	 .wait = QD_WAIT_TURN,
	 .flagged = 6,
	 .flag = QD_NEWS_NO_VOTE,
	 .sentences = {"Not quorate: nodes alpha, beta and gamma have 3 of 3 votes; 2 are needed.",
		       "The store of nodes beta and gamma is new, or not provably its own, so these votes do "
		       "not count until a view that is quorate without them has taken them in.",
		       "A view is being made: another node proposes the next view. This takes some seconds "
		       "at most."}},
	{.about = "heard by one, not by the other",
	 .nodes = 3,
	 .links = 1,
	 .set = 3,
	 .hears = 7,
	 .quorate = true,
	 .sentences = {"Quorate: nodes alpha and beta have 2 of 3 votes; 2 are needed.", LEADS,
		       "Node gamma is heard here, but not in both directions by everybody else: all members "
		       "of a view must hear one another.",
		       "The quorum is lost when one of nodes alpha and beta fails."}},
	{.about = "one leaves",
	 .nodes = 2,
	 .links = 1,
	 .set = 1,
	 .hears = 3,
	 .quorate = true,
	 .out = 2,
	 .flagged = 2,
	 .flag = QD_NEWS_LEAVING,
	 .sentences = {"Quorate: this node alone has 1 of 1 votes; 1 is needed.", LEADS,
		       "Node beta is leaving in order.",
		       "Node beta has no vote at present: the votes follow who is there (dynamic votes), and "
		       "come back with it.",
		       "The quorum is lost when node alpha fails."}},
	{.about = "a store without a vote",
	 .nodes = 1,
	 .set = 1,
	 .flagged = 1,
	 .flag = QD_NEWS_NO_VOTE,
	 .wait = QD_WAIT_VOTES,
	 .sentences =
		 {"Not quorate: this node alone has 1 of 1 votes; 1 is needed.",
		  "This node's store is new, or not provably its own, so its vote does not count until a "
		  "view that is quorate without it has taken it in. For a new cluster, run \"quorumctl "
		  "cluster create\" on each node once."}},
	{.about = "prevented",
	 .nodes = 2,
	 .links = 1,
	 .set = 1,
	 .wait = QD_WAIT_JOIN_ONLY,
	 .sentences = {"Not quorate: this node alone has 1 of 2 votes; 2 are needed.",
		       "This node was started with prevented quorum: it may only join a view of others. "
		       "Start it again without that to change it.",
		       "Node beta is not heard.", "It becomes quorate when node beta is heard.", FORCE}},
	{.about = "another one is paused",
	 .nodes = 2,
	 .links = 1,
	 .set = 3,
	 .quorate = true,
	 .out = 2,
	 .paused = 2,
	 .sentences = {"Quorate: nodes alpha and beta have 1 of 1 votes; 1 is needed.", LEADS,
		       "Node beta is here without a vote at present: an even number of votes could tie, or "
		       "the votes have not followed yet.",
		       "Node beta is paused: it votes, and starts nothing until \"quorumctl node resume\".",
		       "The quorum is lost when node alpha fails."}},
	{.about = "all are paused",
	 .nodes = 3,
	 .links = 1,
	 .set = 7,
	 .quorate = true,
	 .paused = 7,
	 .sentences = {"Quorate: nodes alpha, beta and gamma have 3 of 3 votes; 2 are needed.", LEADS,
		       "This node is paused: it votes, and starts nothing until \"quorumctl node resume "
		       "alpha\".",
		       "Nodes beta and gamma are paused: they vote, and start nothing until \"quorumctl node "
		       "resume\".",
		       "All members are paused: nothing is started anywhere.",
		       "It survives the failure of any one node."}},
};

static struct qd_control_snapshot snapshot;
static struct qd_why why;

static void says(void)
{
	for (size_t i = 0; i < UNIT_COUNT(CASES); i++) {
		const struct why_case *c = &CASES[i];
		uint32_t count = 0;
		unit_case("%s", c->about);
		fill(c, &snapshot);
		qd_why_explain(&snapshot, &why);
		while (count < SENTENCES_MAX && c->sentences[count] != NULL)
			count++;
		UNIT_EQUAL(why.count, count);
		UNIT_OK(why.quorate == c->quorate);
		for (uint32_t k = 0; k < count; k++)
			UNIT_TEXT(why.text[k], c->sentences[k]);
	}
}

static void says_waits(void)
{
	struct why_case c = CASES[7];
	for (uint32_t w = 0; w < QD_WAIT_COUNT; w++) {
		unit_case("wait %u", w);
		c.wait = (enum qd_cluster_wait)w;
		fill(&c, &snapshot);
		qd_why_explain(&snapshot, &why);
		/* One sentence more, but for those where the votes say it all. */
		UNIT_EQUAL(why.count, w == QD_WAIT_NONE || w == QD_WAIT_VOTES ? 4 : 5);
	}
}

static void says_forced_and_changing(void)
{
	fill(&CASES[1], &snapshot);
	snapshot.views.head.has_old = true;
	snapshot.views.head.old = snapshot.views.head.votes;
	snapshot.views.head.old.weight[0] = 3;
	snapshot.views.head.forced_by = 2;
	qd_why_explain(&snapshot, &why);
	UNIT_TEXT(why.text[4],
		  "A change of the votes is under way: until it is done, the old votes need their "
		  "majority, too (3 of 5).");
	UNIT_TEXT(why.text[5],
		  "The quorum was once forced by an operator on node beta; that is over, and what only "
		  "the lost nodes knew then was lost.");
	/* The old votes are not lost with beta: alpha alone has 3 of 5; the new ones are. */
	UNIT_TEXT(why.text[6], "The quorum is lost when one of nodes alpha and beta fails.");
}

static void says_left(void)
{
	fill(&CASES[7], &snapshot);
	snapshot.views.leaving = true;
	qd_why_explain(&snapshot, &why);
	UNIT_TEXT(why.text[0], "This node is leaving the cluster in order: it takes no part.");
	snapshot.views.state = QD_CLUSTER_LEFT;
	qd_why_explain(&snapshot, &why);
	UNIT_TEXT(why.text[0], "This node has left the cluster in order: it takes no part.");
}

static void fits_64(void)
{
	const struct why_case all = {.nodes = 5, .set = 1, .links = 1};
	fill(&all, &snapshot);
	snapshot.members = ~UINT64_C(0);
	snapshot.views.hears = 1;
	for (uint32_t id = 1; id <= QD_NODE_ID_MAX; id++) {
		memset(snapshot.node_names[id], 'x', QD_CONF_NAME_MAX - 1);
		snapshot.views.head.votes.weight[id - 1] = 1;
	}
	snapshot.views.head.votes.nodes = snapshot.members;
	qd_why_explain(&snapshot, &why);
	UNIT_OK(why.count > 2);
	for (uint32_t i = 0; i < why.count; i++)
		UNIT_OK(strlen(why.text[i]) < QD_WHY_TEXT_MAX);
}

static void disk_alone(void)
{
	memset(&snapshot, 0, sizeof(snapshot));
	snapshot.now = second(NOW_S);
	snapshot.times = qd_times_from_renew(qd_span_ms(3000), QD_SPAN_ZERO);
	snapshot.node_id = 1;
	memcpy(snapshot.node_names[2], "beta", 5);
	snapshot.arbiter.hold = QD_HOLD_NO_PATH;
	qd_why_explain(&snapshot, &why);
	UNIT_OK(!why.quorate);
	UNIT_TEXT(why.text[1],
		  "No path to the quorum disk works: check the target, the network and the credentials.");
	snapshot.arbiter.sight = (struct qd_sight){
		.known = true, .held = true, .since = second(NOW_S - 1), .last_look = second(NOW_S)};
	snapshot.arbiter.owner_node = 2;
	qd_why_explain(&snapshot, &why);
	UNIT_OK(why.quorate);
	UNIT_TEXT(why.text[0],
		  "Node beta owns the quorum disk: it last beat 1.0 s ago. The nodes have no addresses, "
		  "so the disk alone decides.");
	snapshot.arbiter.sight.since = second(NOW_S - 100);
	UNIT_OK(!qd_why_has_owner(&snapshot));
}

/* ------------------------------------------------ exit statuses */

/* What `quorumctl status` returns for a snapshot. */
static int status_of(const struct qd_control_snapshot *s)
{
	char health[32] = "";
	char *text = qd_json_status(s);
	const char *at = text != NULL ? strstr(text, "\"health\":\"") : NULL;
	if (UNIT_OK(at != NULL))
		(void)sscanf(at, "\"health\":\"%31[a-z-]\"", health);
	free(text);
	return qd_ctl_health_status(health);
}

static void exit_statuses(void)
{
	fill(&CASES[0], &snapshot);
	UNIT_EQUAL(status_of(&snapshot), 0);
	snapshot.links[0].up = false; /* one of two */
	UNIT_EQUAL(status_of(&snapshot), 1);
	fill(&CASES[0], &snapshot);
	snapshot.network_count = 1;
	snapshot.networks[0].used = true;
	snapshot.networks[0].open_error = -13;
	UNIT_EQUAL(status_of(&snapshot), 1);
	fill(&CASES[0], &snapshot);
	snapshot.views.head.forced_by = 1; /* long ago: all are here */
	UNIT_EQUAL(status_of(&snapshot), 0);
	fill(&(struct why_case){.nodes = 1, .set = 1, .quorate = true}, &snapshot);
	snapshot.members = 1;
	snapshot.views.head.forced_by = 1;
	snapshot.views.head.votes.nodes = 3; /* the other one is about to be added: not down yet */
	snapshot.views.head.votes.weight[1] = 1;
	UNIT_EQUAL(status_of(&snapshot), 1);
	fill(&CASES[1], &snapshot);
	UNIT_EQUAL(status_of(&snapshot), 1);
	fill(&CASES[2], &snapshot); /* the leader's witness does not answer */
	UNIT_EQUAL(status_of(&snapshot), 1);
	snapshot.views.witness_answered = true;
	UNIT_EQUAL(status_of(&snapshot), 0);
	fill(&CASES[7], &snapshot);
	UNIT_EQUAL(status_of(&snapshot), 2);
	memset(&snapshot, 0, sizeof(snapshot));
	UNIT_EQUAL(status_of(&snapshot), 2); /* no owner of the disk */
	UNIT_EQUAL(qd_ctl_health_status("-"), 3);
}

static void rounds_left(void)
{
	fill(&CASES[0], &snapshot);
	UNIT_EQUAL(qd_why_rounds_left(&snapshot), 5); /* 5 s, one each second */
	snapshot.views.begin_stop = snapshot.now;
	UNIT_EQUAL(qd_why_rounds_left(&snapshot), 0);
	snapshot.views.begin_stop = QD_NEVER;
	UNIT_EQUAL(qd_why_rounds_left(&snapshot), 0);
	snapshot.has_cluster = false;
	snapshot.lease = (struct qd_lease){.held = true, .begin_stop = second(NOW_S + 7)};
	UNIT_EQUAL(qd_why_rounds_left(&snapshot), 2); /* one each 3 s */
}

static void node_states(void)
{
	static const struct {
		uint32_t flag;
		bool heard;
		bool member;
		const char *state;
	} table[] = {
		{0, false, true, "down"},
		{0, true, true, "up"},
		{0, true, false, "joining"},
		{QD_NEWS_LEAVING, true, true, "leaving"},
		{QD_NEWS_STUCK, true, false, "stuck"},
		{QD_NEWS_HELD, true, false, "held"},
	};
	for (size_t i = 0; i < UNIT_COUNT(table); i++) {
		unit_case("%s", table[i].state);
		fill(&CASES[0], &snapshot);
		snapshot.views.hears = table[i].heard ? 7 : 5;
		snapshot.views.members = table[i].member ? 7 : 5;
		snapshot.views.news_flags[1] = table[i].flag;
		UNIT_TEXT(qd_why_node_state(&snapshot, 2), table[i].state);
	}
	fill(&CASES[7], &snapshot);
	UNIT_TEXT(qd_why_node_state(&snapshot, 1), "joining");
}

static const struct unit_test TESTS[] = {
	{"sentences say whether there is a quorum, why, and what would change it", says},
	{"each thing that is waited for has its sentence", says_waits},
	{"a change of votes that is under way, and a forced quorum, are said", says_forced_and_changing},
	{"a node that leaves says so, and nothing of quorum", says_left},
	{"64 nodes with the longest names fit", fits_64},
	{"without networks the sentences are about the disk", disk_alone},
	{"the exit status is 0 healthy, 1 degraded, 2 no quorum, 3 not known", exit_statuses},
	{"the rounds that may be missed are those before the stop begins", rounds_left},
	{"a node's state is said in one word", node_states},
};

int main(void)
{
	return unit_run("t_control_why", TESTS, UNIT_COUNT(TESTS));
}
