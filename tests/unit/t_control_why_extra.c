/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "api/json.h"
#include "api/why.h"
#include "quorumd/kept_trouble.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const NAMES[] = {"", "alpha", "beta", "gamma", "delta"};

static struct qd_control_snapshot snapshot;
static struct qd_why why;

/* `nodes` from 1 on are configured; those of `here` have a quorum, and node 1, this one, leads them. */
static void fill(uint32_t nodes, uint64_t here)
{
	struct qd_cluster_status *v = &snapshot.views;
	memset(&snapshot, 0, sizeof(snapshot));
	snapshot.has_cluster = true;
	snapshot.node_id = 1;
	snapshot.now = (struct qd_mono){.ns = UINT64_C(1000000000000)};
	snapshot.times = qd_times_from_renew(qd_span_ms(3000), QD_SPAN_ZERO);
	snapshot.members = (UINT64_C(1) << nodes) - 1;
	for (uint32_t id = 1; id <= nodes; id++) {
		memcpy(snapshot.node_names[id], NAMES[id], strlen(NAMES[id]) + 1);
		v->head.votes.weight[id - 1] = 1;
	}
	v->head.votes.nodes = snapshot.members;
	v->head.votes.dynamic = true;
	v->votes_needed = qd_votes_need(&v->head.votes);
	v->votes_total = qd_votes_total(&v->head.votes);
	v->quorate = true;
	v->state = QD_CLUSTER_LEADING;
	v->set = v->members = v->hears = here;
	v->leader = 1;
	v->epoch = 65;
	v->right_start = snapshot.now;
	v->begin_stop = qd_mono_add(snapshot.now, qd_span_ms(5000));
}

static bool is_said(const char *sentence)
{
	qd_why_explain(&snapshot, &why);
	for (uint32_t i = 0; i < why.count; i++)
		if (strcmp(why.text[i], sentence) == 0)
			return true;
	return false;
}

/* Degraded as long as those who are here have at most half of the configured weights: also after dynamic votes made
 * them all of the votes. */
static void forced_until_half_is_here(void)
{
	static const struct {
		const char *about;
		uint32_t nodes;
		uint64_t here;
		uint64_t out;
		uint32_t heavy;
		enum qd_model model;
		uint32_t holder;
		bool extra_out;
		bool forced;
	} table[] = {
		{"one of three", 3, 1, 6, 0, QD_MODEL_NODE_MAJORITY, 0, false, true},
		{"two of three, one of them without a vote", 3, 3, 6, 0, QD_MODEL_NODE_MAJORITY, 0, false,
		 false},
		{"one of two", 2, 1, 2, 0, QD_MODEL_NODE_MAJORITY, 0, false, true},
		{"both of two, one of them without a vote", 2, 3, 2, 0, QD_MODEL_NODE_MAJORITY, 0, false,
		 false},
		{"two of four", 4, 3, 12, 0, QD_MODEL_NODE_MAJORITY, 0, false, true},
		{"the heavy one of three", 3, 1, 6, 1, QD_MODEL_NODE_MAJORITY, 0, false, false},
		{"one of two, and the witness", 2, 1, 0, 0, QD_MODEL_NODE_AND_WITNESS, 1, false, false},
		{"one of two, and a witness without a vote", 2, 1, 2, 0, QD_MODEL_NODE_AND_WITNESS, 1, true,
		 true},
		{"one of two, and a witness that another holds", 2, 1, 0, 0, QD_MODEL_NODE_AND_WITNESS, 2,
		 false, true},
		{"the last one, the others are removed", 1, 1, 0, 0, QD_MODEL_NODE_AND_WITNESS, 0, true,
		 false},
		{"all of them, and the disk alone counts", 2, 3, 0, 0, QD_MODEL_DISK_ONLY, 1, false, false},
	};
	for (size_t i = 0; i < UNIT_COUNT(table); i++) {
		unit_case("%s", table[i].about);
		fill(table[i].nodes, table[i].here);
		struct qd_cluster_status *v = &snapshot.views;
		v->head.votes.model = table[i].model;
		v->head.votes.out = table[i].out;
		v->head.votes.extra_out = table[i].extra_out;
		v->extra_holder = table[i].holder;
		if (table[i].heavy != 0)
			v->head.votes.weight[table[i].heavy - 1] = 3;
		UNIT_OK(!qd_why_is_forced(&snapshot));
		v->head.forced_by = 1;
		UNIT_OK(qd_why_is_forced(&snapshot) == table[i].forced);
		char *text = qd_json_status(&snapshot);
		if (!UNIT_OK(text != NULL))
			continue;
		UNIT_OK(strstr(text, table[i].forced ? "\"over\":false" : "\"over\":true") != NULL);
		UNIT_OK((strstr(text, "\"code\":\"forced\"") != NULL) == table[i].forced);
		free(text);
		UNIT_OK(is_said("The quorum was forced by an operator on node alpha. What only the lost "
				"nodes "
				"knew is not in this configuration.") == table[i].forced);
	}
}

/* A stale node that may not form. */
static void names_who_has_the_newer_configuration(void)
{
	static const struct {
		uint32_t led;
		uint32_t has_it; /* by its news; 0: nobody */
		const char *such;
	} table[] = {
		{3, 0, ", such as node gamma, which led that epoch"},
		{3, 2, ", as node beta by the last that was heard"},
		{1, 0, " (this node led that epoch: its store is not the one that it had then)"},
		{4, 0, ""}, /* removed since */
	};
	char sentence[QD_WHY_TEXT_MAX];
	for (size_t i = 0; i < UNIT_COUNT(table); i++) {
		struct qd_cluster_status *v = &snapshot.views;
		unit_case("led by %u, known to %u", table[i].led, table[i].has_it);
		fill(3, 1);
		v->quorate = false;
		v->members = 0;
		v->state = QD_CLUSTER_GETTING_EXTRA;
		v->wait = QD_WAIT_NEWER;
		v->head.tag = (struct qd_tag){.epoch = 64, .version = 7};
		v->witness_tag = (struct qd_tag){.epoch = qd_epoch_make(2, table[i].led), .version = 2};
		v->tags[0] = v->head.tag;
		if (table[i].has_it != 0)
			v->tags[table[i].has_it - 1] = v->witness_tag;
		(void)snprintf(sentence, sizeof(sentence),
			       "The witness knows configuration %" PRIu64
			       ".2, and the newest one here is 64.7: start a node that has it%s. Only if all "
			       "such nodes are lost, force the quorum.",
			       v->witness_tag.epoch, table[i].such);
		UNIT_OK(is_said(sentence));
	}
}

/* A full disk under state_dir: the cause is said, not what the core would wait for otherwise. */
static void the_own_store_is_named(void)
{
	struct qd_cluster_status *v = &snapshot.views;
	fill(3, 6);
	v->hears = 7;
	v->quorate = false;
	v->members = v->set = 0;
	v->state = QD_CLUSTER_PROMISED;
	v->wait = QD_WAIT_TURN;
	UNIT_OK(!qd_why_is_stuck(&snapshot));
	UNIT_TEXT(qd_why_node_state(&snapshot, 1), "joining");
	v->news_flags[0] = QD_NEWS_STUCK;
	UNIT_TEXT(qd_why_node_state(&snapshot, 1), "stuck");
	UNIT_OK(is_said(
		"This node's own store does not answer, so it can promise nothing: look at the disk that "
		"state_dir is on."));
	v->news_flags[0] = 0;
	(void)snprintf(snapshot.store_why, sizeof(snapshot.store_why),
		       "/s/config/x: No space left on device");
	UNIT_TEXT(qd_why_node_state(&snapshot, 1), "stuck");
	UNIT_OK(is_said(
		"This node's own store cannot be written, so it can promise nothing and is in no new view: "
		"/s/config/x: No space left on device."));
	UNIT_OK(is_said("Not quorate: this node, which is in nobody's set, has 0 of 3 votes; 2 are needed."));
	UNIT_TEXT(why.text[2], "It takes part again as soon as its store can be written.");
	UNIT_EQUAL(why.count, 3);
	v->quorate = true; /* still: by the right that it has */
	UNIT_OK(is_said(
		"This node's own store cannot be written, so it can promise nothing and is in no new view: "
		"/s/config/x: No space left on device."));
	char *text = qd_json_status(&snapshot);
	if (!UNIT_OK(text != NULL))
		return;
	UNIT_OK(strstr(text, "This node's own store cannot be written: /s/config/x: No space") != NULL);
	free(text);
}

/* Said once for each reason, and when it is over. */
static void trouble_is_news_once(void)
{
	static const struct {
		bool ok;
		char why[QD_BODIES_WHY_MAX];
		enum qd_kept_news news;
	} steps[] = {
		{true, "", QD_KEPT_NEWS_NONE},
		{false, "full", QD_KEPT_NEWS_TROUBLE},
		{false, "full", QD_KEPT_NEWS_NONE},
		{false, "full", QD_KEPT_NEWS_NONE},
		{false, "read-only", QD_KEPT_NEWS_TROUBLE},
		{false, "full", QD_KEPT_NEWS_TROUBLE},
		{true, "", QD_KEPT_NEWS_WELL},
		{true, "", QD_KEPT_NEWS_NONE},
		{true, "no mirror", QD_KEPT_NEWS_TROUBLE},
		{true, "no mirror", QD_KEPT_NEWS_NONE},
		{false, "no mirror", QD_KEPT_NEWS_TROUBLE},
	};
	struct qd_kept_trouble trouble = {0};
	for (size_t i = 0; i < UNIT_COUNT(steps); i++) {
		unit_case("step %zu", i);
		UNIT_EQUAL(qd_kept_trouble_note(&trouble, steps[i].ok, steps[i].why), steps[i].news);
		UNIT_OK(trouble.failing == !steps[i].ok);
	}
}

static const struct unit_test TESTS[] = {
	{"a full disk under state_dir is named, and nothing else is waited for", the_own_store_is_named},
	{"trouble of the node's store is news once for each reason", trouble_is_news_once},
	{"a stale node says which node has the newer configuration", names_who_has_the_newer_configuration},
	{"a forced quorum is over when more than half of the weights are here", forced_until_half_is_here},
};

int main(void)
{
	return unit_run("t_control_why_extra", TESTS, UNIT_COUNT(TESTS));
}
