/* SPDX-License-Identifier: Apache-2.0 */
/* Paused nodes (docs/MEMBERSHIP.md section 8): they vote, lead where nobody else can, and start nothing. */
#include "views.h"

static bool somebody_runs(const struct vw *w)
{
	return vw_owner(w) != 0;
}

static uint32_t leader(const struct vw *w)
{
	for (uint32_t id = 1; id <= w->nodes; id++)
		if (w->node[id].up && w->node[id].core.cluster.state == QD_CLUSTER_LEADING)
			return id;
	return 0;
}

static bool node_1_leads(const struct vw *w)
{
	return leader(w) == 1;
}

static bool node_2_runs(const struct vw *w)
{
	return vw_owner(w) == 2;
}

static bool node_3_runs(const struct vw *w)
{
	return vw_owner(w) == 3;
}

/* The leader is asked to make these the paused ones, and says what came of it. */
static enum qd_reply pause_nodes(struct vw *w, uint64_t paused)
{
	const uint32_t id = leader(w);
	struct qd_votes votes = w->node[id].disk.head.votes;
	struct qd_event ev = {.kind = QD_EVENT_CHANGE};
	votes.paused = paused;
	ev.u.change.from = w->node[id].disk.head.tag;
	ev.u.change.votes = &votes;
	w->node[id].replied = false;
	vw_event(w, id, &ev);
	vw_run(w, 1000);
	UNIT_OK(w->node[id].replied);
	return w->node[id].reply;
}

static void hand_over(struct vw *w, uint32_t id, uint32_t to)
{
	struct qd_event ev = {.kind = QD_EVENT_HANDOVER};
	ev.u.handover.to = to;
	w->node[id].replied = false;
	vw_event(w, id, &ev);
}

/* Node 1 runs the group. */
static struct vw *running(uint32_t nodes, enum qd_model model)
{
	struct vw *w = vw_new(nodes, model);
	vw_start_all(w);
	UNIT_OK(vw_until(w, somebody_runs, 20000));
	vw_run(w, 20000);
	UNIT_EQUAL(vw_owner(w), 1);
	return w;
}

static void what_runs_goes_on(void)
{
	struct vw *w = running(3, QD_MODEL_NODE_MAJORITY);
	UNIT_EQUAL(pause_nodes(w, qd_set_of(1)), QD_REPLY_DONE);
	for (uint32_t id = 1; id <= 3; id++)
		UNIT_EQUAL(w->node[id].disk.head.votes.paused, qd_set_of(1));
	vw_run(w, 60000);
	UNIT_EQUAL(vw_owner(w), 1);
	/* also through a view without node 3, and one with it */
	vw_kill(w, 3);
	vw_run(w, 60000);
	UNIT_EQUAL(vw_owner(w), 1);
	vw_start(w, 3);
	vw_run(w, 60000);
	UNIT_EQUAL(vw_owner(w), 1);
	vw_free(w);
}

static void is_drained(void)
{
	struct vw *w = running(3, QD_MODEL_NODE_MAJORITY);
	UNIT_EQUAL(pause_nodes(w, qd_set_of(1) | qd_set_of(2)), QD_REPLY_DONE);
	hand_over(w, 1, 2);
	UNIT_OK(w->node[1].replied);
	UNIT_EQUAL(w->node[1].reply, QD_REPLY_NO_SUCH_NODE);
	hand_over(w, 1, 0);
	UNIT_OK(vw_until(w, node_3_runs, 5000));
	vw_run(w, 1000);
	UNIT_EQUAL(w->node[1].reply, QD_REPLY_DONE);
	vw_free(w);
}

static void is_passed_over(void)
{
	struct vw *w = running(3, QD_MODEL_NODE_MAJORITY);
	UNIT_EQUAL(pause_nodes(w, qd_set_of(2)), QD_REPLY_DONE);
	const uint64_t proposals = w->node[2].core.cluster.proposals;
	vw_kill(w, 1);
	UNIT_OK(vw_until(w, node_3_runs, 30000));
	UNIT_EQUAL(w->node[2].core.cluster.proposals, proposals);
	UNIT_EQUAL(w->node[2].epoch, 0);
	vw_free(w);
}

static void gives_way_when_its_work_ends(void)
{
	struct vw *w = running(3, QD_MODEL_NODE_MAJORITY);
	struct qd_event ev = {.kind = QD_EVENT_GROUP};
	UNIT_EQUAL(pause_nodes(w, qd_set_of(1)), QD_REPLY_DONE);
	ev.u.group.report = QD_REPORT_MONITOR_FAILED;
	ev.u.group.turn = w->node[1].core.group.turn;
	vw_event(w, 1, &ev);
	UNIT_OK(vw_until(w, node_2_runs, 5000));
	vw_free(w);
}

static void leads_where_nobody_else_can(void)
{
	struct vw *w = running(2, QD_MODEL_NODE_AND_WITNESS);
	UNIT_EQUAL(pause_nodes(w, qd_set_of(1)), QD_REPLY_DONE);
	hand_over(w, 1, 2);
	UNIT_OK(vw_until(w, node_2_runs, 5000));
	vw_run(w, 20000);
	vw_kill(w, 2);
	UNIT_OK(vw_until(w, node_1_leads, 30000));
	vw_run(w, 60000);
	UNIT_OK(node_1_leads(w) && !somebody_runs(w) && !w->node[1].mine);
	/* and remembers it */
	vw_kill(w, 1);
	vw_start(w, 1);
	UNIT_OK(vw_until(w, node_1_leads, 60000));
	vw_run(w, 60000);
	UNIT_OK(!somebody_runs(w));
	vw_start(w, 2);
	UNIT_OK(vw_until(w, node_2_runs, 30000));
	vw_free(w);
}

static void is_resumed(void)
{
	struct vw *w = running(2, QD_MODEL_NODE_AND_WITNESS);
	UNIT_EQUAL(pause_nodes(w, 3), QD_REPLY_DONE);
	vw_kill(w, 1);
	vw_start(w, 1);
	vw_run(w, 60000);
	UNIT_OK(leader(w) != 0 && !somebody_runs(w));
	UNIT_EQUAL(pause_nodes(w, 0), QD_REPLY_DONE);
	UNIT_OK(vw_until(w, somebody_runs, 1000));
	vw_free(w);
}

static bool node_2_leads(const struct vw *w)
{
	return leader(w) == 2;
}

static bool is_held(const struct vw *w, uint32_t id)
{
	return (w->node[id].core.cluster.news.flags & QD_NEWS_HELD) != 0;
}

/* Node 1 of three has fallen out too often while `paused` are paused, and nodes 2 and 3 lead without it. */
static struct vw *held_beside(uint64_t paused)
{
	struct vw *w = running(3, QD_MODEL_NODE_MAJORITY);
	if (paused != 0)
		UNIT_EQUAL(pause_nodes(w, paused), QD_REPLY_DONE);
	vw_isolate(w, 1, true);
	UNIT_OK(vw_until(w, node_2_leads, 30000));
	vw_run(w, 20000);
	w->node[1].core.cluster.held_until = qd_mono_add(w->now, qd_span_ms(600000));
	vw_isolate(w, 1, false);
	vw_run(w, 30000);
	return w;
}

static void held_only_where_others_run(void)
{
	struct vw *w = held_beside(0);
	UNIT_OK(is_held(w, 1));
	UNIT_EQUAL(vw_owner(w), 2);
	vw_free(w);
	w = held_beside(qd_set_of(2) | qd_set_of(3));
	UNIT_OK(!is_held(w, 1));
	UNIT_EQUAL(vw_owner(w), 1);
	vw_free(w);
	/* Where it could run nothing either, it stays out. */
	w = held_beside(7);
	UNIT_OK(is_held(w, 1));
	UNIT_EQUAL(vw_owner(w), 0);
	vw_free(w);
}

static const struct unit_test TESTS[] = {
	{"what runs on a node that is paused goes on, and a restarted peer changes nothing",
	 what_runs_goes_on},
	{"a paused node hands over to one that is not, and to no other", is_drained},
	{"a paused node is passed over when the owner dies", is_passed_over},
	{"a paused leader whose work has ended lets another one lead", gives_way_when_its_work_ends},
	{"a paused node leads where nobody else can, starts nothing, and remembers it over a restart",
	 leads_where_nobody_else_can},
	{"who fell out of views too often keeps out only where others could run the group",
	 held_only_where_others_run},
	{"a node whose pause ends runs what it leads", is_resumed},
};

int main(void)
{
	return unit_run("t_pause", TESTS, UNIT_COUNT(TESTS));
}
