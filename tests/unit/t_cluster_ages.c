/* SPDX-License-Identifier: Apache-2.0 */
/* What a node remembers of others' rights, message by message (docs/MEMBERSHIP.md sections 5, 7 and 8): rules that only
 * a chain of a dozen rare events shows in a whole cluster (docs/MODEL.md has both chains). */
#include "views.h"

static bool somebody_owns(const struct vw *w)
{
	return vw_owner(w) != 0;
}

/* Three nodes, the first leads, and nothing is under way that matters. */
static struct vw *three(void)
{
	struct vw *w = vw_new(3, QD_MODEL_NODE_MAJORITY);
	vw_start_all(w);
	UNIT_OK(vw_until(w, somebody_owns, 5000));
	vw_run(w, 20000);
	UNIT_EQUAL(vw_owner(w), 1);
	return w;
}

/* A message reaches node 2, whatever its links think of it. */
static void tell(struct vw *w, const struct qd_msg *m, bool runs)
{
	struct qd_node *n = &w->node[2].core;
	w->out.count = 0;
	w->out.send_count = 0;
	w->out.trace_count = 0;
	struct qd_cluster_turn t = {
		.c = &n->cluster,
		.times = &n->config.times,
		.now = w->now,
		.out = &w->out,
		.gate = &n->gate,
		.runs = runs,
	};
	qd_cluster_message(&t, m);
}

static struct qd_msg farewell(uint64_t promised)
{
	struct qd_msg m = {.kind = QD_MSG_RIGHT_ENDED, .from = 1, .to = 2, .from_incarnation = 1};
	m.u.ended.epoch = promised;
	return m;
}

/* Node 1 left, came back, and leads again: its farewell of before comes late. */
static void late_farewell(void)
{
	struct vw *w = three();
	struct qd_cluster *c = &w->node[2].core.cluster;
	UNIT_OK(qd_mono_before(w->now, c->until[0]));
	const struct qd_msg late = farewell(c->kept.promised - 64);
	tell(w, &late, false);
	UNIT_OK(qd_mono_before(w->now, c->until[0]));
	UNIT_OK(!c->members[0].left);
	const struct qd_msg present = farewell(c->kept.promised);
	tell(w, &present, false);
	UNIT_EQUAL(c->until[0].ns, 0);
	UNIT_OK(c->members[0].left);
	vw_free(w);
}

/* It also hands over what its sender knows of third nodes, late or not. */
static void farewell_with_ages(void)
{
	struct vw *w = three();
	struct qd_cluster *c = &w->node[2].core.cluster;
	struct qd_msg late = farewell(c->kept.promised - 64);
	late.u.ended.ages.known = qd_set_of(3);
	late.u.ended.ages.left_ns[2] = UINT64_C(7000000000);
	tell(w, &late, false);
	UNIT_EQUAL(c->until[2].ns, w->now.ns + 7000000000);
	vw_free(w);
}

/* Who takes a change may have all votes by it, and be alone in the next moment. */
static void change_taken(void)
{
	struct vw *w = three();
	struct qd_cluster *c = &w->node[2].core.cluster;
	struct qd_msg m = {.kind = QD_MSG_CHANGE, .from = 1, .to = 2};
	m.from_incarnation = c->kept.installed.incarnation[0];
	m.u.change.epoch = c->kept.installed.epoch;
	m.u.change.head = c->kept.head;
	m.u.change.head.tag.version++;
	m.u.change.ages.known = qd_set_of(3);
	m.u.change.ages.left_ns[2] = UINT64_C(7000000000);
	/* The leader asked for proof some time ago. */
	w->now = qd_mono_add(w->now, qd_span_ms(300));
	tell(w, &m, false);
	UNIT_EQUAL(c->want.head.tag.version, m.u.change.head.tag.version);
	UNIT_EQUAL(c->until[0].ns, qd_mono_add(w->now, w->times.wait).ns);
	UNIT_EQUAL(c->until[2].ns, w->now.ns + 7000000000);
	vw_free(w);
}

/* Node 3 takes node 2 into a view; `before` is the newest one that was led before it. */
static struct qd_msg install(const struct qd_cluster *c, uint64_t before)
{
	struct qd_msg m = {.kind = QD_MSG_INSTALL, .from = 3, .to = 2};
	struct qd_view *v = &m.u.install.view;
	v->epoch = qd_epoch_make(qd_epoch_counter(c->kept.promised) + 2, 3);
	v->members = qd_set_of(2) | qd_set_of(3);
	v->incarnation[1] = c->config.incarnation;
	v->incarnation[2] = c->members[2].incarnation;
	m.from_incarnation = c->members[2].incarnation;
	m.u.install.before = before;
	m.u.install.head = c->kept.head;
	m.u.install.head.tag.epoch = v->epoch;
	return m;
}

/* What runs on node 2 does so by the right of the view that it has: one that was led in between may start it elsewhere. */
static void interrupted(void)
{
	struct vw *w = three();
	struct qd_cluster *c = &w->node[2].core.cluster;
	const uint64_t own = c->kept.installed.epoch;
	const struct qd_msg next = install(c, own);
	tell(w, &next, true);
	UNIT_OK(!c->interrupted);
	vw_free(w);
	w = three();
	c = &w->node[2].core.cluster;
	const struct qd_msg later = install(c, own + 64);
	tell(w, &later, false);
	UNIT_OK(!c->interrupted);
	vw_free(w);
	w = three();
	c = &w->node[2].core.cluster;
	tell(w, &later, true);
	UNIT_OK(c->interrupted);
	/* And no right of the new view, as long as it runs. */
	c->kept.installed = later.u.install.view;
	c->want.promised = c->kept.promised = later.u.install.view.epoch;
	c->state = QD_CLUSTER_MEMBER;
	c->answer_round[1] = 1;
	c->answer_sent[1] = w->now;
	const struct qd_mono before = c->right.start;
	struct qd_msg m = {
		.kind = QD_MSG_PROVED, .from = 3, .to = 2, .from_incarnation = later.from_incarnation};
	m.u.proved.epoch = later.u.install.view.epoch;
	m.u.proved.round = 1;
	m.u.proved.begin_stop_ns = (uint64_t)w->times.begin_stop.ns;
	m.u.proved.stopped_ns = (uint64_t)w->times.stopped.ns;
	tell(w, &m, true);
	UNIT_EQUAL(c->right.start.ns, before.ns);
	vw_free(w);
}

/* Node 2 owns the disk by its fifth takeover, and shall propose: no view of an earlier owner may be above. */
static void owners_views_rise(void)
{
	struct vw *w = three();
	struct qd_node *n = &w->node[2].core;
	struct qd_cluster *c = &n->cluster;
	w->out.count = 0;
	w->out.send_count = 0;
	w->out.trace_count = 0;
	struct qd_cluster_turn t = {
		.c = c,
		.times = &n->config.times,
		.now = w->now,
		.out = &w->out,
		.gate = &n->gate,
	};
	c->disk.held = true;
	c->disk.epoch = qd_epoch_make(5, 2);
	c->heir = 2;
	qd_regroup_think(&t);
	UNIT_EQUAL(c->state, QD_CLUSTER_PREPARING);
	UNIT_EQUAL(qd_epoch_counter(c->want.promised), UINT64_C(5) << 24);
	/* It took the disk after it had proposed: the proposal is too low. */
	c->state = QD_CLUSTER_GETTING_EXTRA;
	UNIT_OK(!qd_extra_is_below(c));
	c->disk.epoch = qd_epoch_make(6, 2);
	UNIT_OK(qd_extra_is_below(c));
	vw_free(w);
}

static const struct unit_test TESTS[] = {
	{"a late farewell clears nothing that came with later promises", late_farewell},
	{"a farewell hands over what its sender knows of others", farewell_with_ages},
	{"what runs is not carried on over a view that was led in between", interrupted},
	{"with the disk a view is above those of its earlier owners", owners_views_rise},
	{"taking a change is an answer to its leader, and hands over what it knows", change_taken},
};

int main(void)
{
	return unit_run("t_cluster_ages", TESTS, UNIT_COUNT(TESTS));
}
