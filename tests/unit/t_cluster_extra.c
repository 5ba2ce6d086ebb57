/* SPDX-License-Identifier: Apache-2.0 */
/* When disk and witness are given to who leads next, and when the disk's vote counts for a proposal (docs/MEMBERSHIP.md
 * sections 6 and 8): what whole clusters show once in hundreds of schedules. */
#include "views.h"

static bool somebody_owns(const struct vw *w)
{
	return vw_owner(w) != 0;
}

static struct qd_cluster_turn turn_of(struct vw *w, uint32_t id)
{
	struct qd_node *n = &w->node[id].core;
	w->out.count = 0;
	w->out.send_count = 0;
	w->out.trace_count = 0;
	return (struct qd_cluster_turn){
		.c = &n->cluster,
		.times = &n->config.times,
		.now = w->now,
		.out = &w->out,
		.gate = &n->gate,
	};
}

/* ------------------------------------------------ given to the heir */

/* Node 1 led until now, with a right that it told others of; it has promised the next view to node 2, and said so. */
static struct vw *promised(enum qd_model model)
{
	struct vw *w = vw_new(2, model);
	vw_start_all(w);
	UNIT_OK(vw_until(w, somebody_owns, 10000));
	vw_run(w, 20000);
	UNIT_EQUAL(vw_owner(w), 1);
	struct qd_cluster *c = &w->node[1].core.cluster;
	UNIT_OK(qd_mono_before(w->now, qd_mono_add(c->given, w->times.wait)));
	const uint64_t epoch = qd_epoch_make(qd_epoch_counter(c->kept.promised) + 1, 2);
	c->promise.to = 2;
	c->promise.view = c->kept.installed;
	c->promise.view.epoch = epoch;
	c->want.promised = c->kept.promised = epoch;
	c->promise_told = epoch;
	c->state = QD_CLUSTER_PROMISED;
	return w;
}

/* What node 1 has heard of node 2 last. */
static void heir_says(struct vw *w, uint64_t promised_epoch, uint32_t flags)
{
	struct qd_member *m = &w->node[1].core.cluster.members[1];
	m->news_known = true;
	m->news.promised = promised_epoch;
	m->news.flags = flags;
}

static bool disk_is_free(const struct vw *w, bool runs)
{
	const struct qd_node *n = &w->node[1].core;
	return qd_extra_disk_is_free(&n->cluster, w->now, &n->config.times, runs);
}

/* A promise that was sent may have been lost, or its proposer has proposed something else since: only its own word that
 * it has all promises gives it what this node's right may still count on. */
static void given_when_it_knows(void)
{
	struct vw *w = promised(QD_MODEL_NODE_MAJORITY);
	struct qd_cluster *c = &w->node[1].core.cluster;
	const uint64_t epoch = c->promise_told;
	UNIT_EQUAL(qd_extra_heir(c), 2);
	heir_says(w, epoch, 0);
	UNIT_OK(!disk_is_free(w, false));
	heir_says(w, epoch + 64, QD_NEWS_GATHERED); /* of another proposal, which this node is not in */
	UNIT_OK(!disk_is_free(w, false));
	heir_says(w, epoch, QD_NEWS_GATHERED);
	UNIT_OK(disk_is_free(w, false));
	UNIT_OK(!disk_is_free(w, true)); /* and never while something runs */
	c->members[1].news_known = false;
	UNIT_OK(!disk_is_free(w, false));
	/* The promise is on its way only when it is durable. */
	heir_says(w, epoch, QD_NEWS_GATHERED);
	c->promise_told = epoch - 64;
	UNIT_OK(!disk_is_free(w, false));
	/* Nobody told it, but no right that it gave, or knows of, can run any more. */
	w->now = qd_mono_max(c->until[1], qd_mono_add(c->given, w->times.wait));
	UNIT_OK(disk_is_free(w, false));
	c->until[2] = qd_mono_add(w->now, qd_span_ms(1)); /* of a node that it heard of from who led before */
	UNIT_OK(!disk_is_free(w, false));
	vw_free(w);
}

/* The heir may die with what it was told, and who takes a released disk waits for nobody that it does not know of. */
static void kept_while_something_runs(void)
{
	struct vw *w = promised(QD_MODEL_NODE_MAJORITY);
	struct qd_cluster *c = &w->node[1].core.cluster;
	heir_says(w, c->promise_told, QD_NEWS_GATHERED);
	UNIT_OK(disk_is_free(w, false));
	c->members[1].runs = true; /* by a right of an earlier view, which goes on */
	UNIT_OK(!disk_is_free(w, false));
	c->members[1].runs = false;
	c->until[2] = qd_mono_add(w->now, qd_span_ms(1000)); /* nobody knows what node 3 does */
	UNIT_OK(!disk_is_free(w, false));
	c->members[2].runs = false; /* said under a view of before, and not again */
	UNIT_OK(!disk_is_free(w, false));
	c->lead.promised_by |= qd_set_of(3);
	UNIT_OK(disk_is_free(w, false));
	c->lead.promised_by &= ~qd_set_of(3);
	const struct qd_mono wakes = qd_extra_rests_until(c, &w->times, w->now);
	UNIT_OK(!qd_mono_before(c->until[2], wakes));
	w->now = c->until[2];
	UNIT_OK(disk_is_free(w, false));
	vw_free(w);
}

/* In the view that it promised: that one was made of all promises. */
static void given_in_its_view(void)
{
	struct vw *w = promised(QD_MODEL_NODE_MAJORITY);
	struct qd_cluster *c = &w->node[1].core.cluster;
	heir_says(w, c->promise_told, 0);
	c->kept.installed = c->promise.view;
	c->state = QD_CLUSTER_MEMBER;
	UNIT_OK(!disk_is_free(w, false)); /* perhaps nobody but its leader has installed it, too */
	c->right_epoch = c->promise.view.epoch;
	UNIT_OK(disk_is_free(w, false));
	c->promise_told -= 64;
	UNIT_OK(!disk_is_free(w, false));
	vw_free(w);
}

static bool asks(const struct vw *w, enum qd_witness_ask what)
{
	for (uint32_t i = 0; i < w->out.count; i++)
		if (w->out.list[i].kind == QD_ACTION_WITNESS && w->out.list[i].u.witness.ask == what)
			return true;
	return false;
}

static bool yields(struct vw *w)
{
	struct qd_cluster *c = &w->node[1].core.cluster;
	c->witness.asked_id = 0;
	c->witness.ask_after = w->now;
	struct qd_cluster_turn t = turn_of(w, 1);
	qd_extra_think(&t);
	UNIT_OK(!asks(w, QD_WITNESS_RELEASE));
	return asks(w, QD_WITNESS_YIELD);
}

/* The same with the witness: the lock goes to the heir, the ages that it has stay. */
static void yielded_when_it_knows(void)
{
	struct vw *w = promised(QD_MODEL_NODE_AND_WITNESS);
	struct qd_cluster *c = &w->node[1].core.cluster;
	c->flags &= ~(uint32_t)QD_NEWS_RUNS;
	UNIT_OK(c->witness.epoch != 0);
	heir_says(w, c->promise_told, 0);
	UNIT_OK(!yields(w));
	heir_says(w, c->promise_told, QD_NEWS_GATHERED);
	UNIT_OK(yields(w));
	vw_free(w);
}

static uint64_t lasts_ns(const struct vw *w)
{
	for (uint32_t i = 0; i < w->out.count; i++)
		if (w->out.list[i].kind == QD_ACTION_WITNESS)
			return w->out.list[i].u.witness.challenge_ns;
	return 0;
}

/* Whoever has the lock next may have shorter times, and waits by those: so the lock itself lasts as long as a right. Longer
 * times of this node count when the witness knows of them. */
static void lasts_as_long_as_a_right(void)
{
	struct vw *w = vw_new(2, QD_MODEL_NODE_AND_WITNESS);
	struct qd_node *n = &w->node[1].core;
	struct qd_cluster *c = &n->cluster;
	vw_start_all(w);
	UNIT_OK(vw_until(w, somebody_owns, 10000));
	vw_run(w, 20000);
	UNIT_EQUAL(vw_owner(w), 1);
	UNIT_OK(c->witness.epoch != 0 && c->witness.start.ns != 0);
	w->now = qd_mono_add(c->witness.start, w->times.renew);
	c->witness.asked_id = 0;
	struct qd_cluster_turn t = turn_of(w, 1);
	qd_extra_think(&t);
	UNIT_OK(asks(w, QD_WITNESS_RENEW));
	UNIT_EQUAL(lasts_ns(w), (uint64_t)w->times.wait.ns);
	UNIT_OK(w->times.wait.ns > w->times.challenge.ns);
	qd_extra_times_grew(c);
	t = turn_of(w, 1);
	qd_extra_think(&t);
	UNIT_OK(asks(w, QD_WITNESS_RENEW));
	UNIT_EQUAL(c->witness.start.ns, 0);
	vw_free(w);
}

static bool second_is(const struct vw *w, enum qd_cluster_state state)
{
	return w->node[2].core.cluster.state == state;
}

static bool second_prepares(const struct vw *w)
{
	return second_is(w, QD_CLUSTER_PREPARING);
}

static bool second_has_gathered(const struct vw *w)
{
	return second_is(w, QD_CLUSTER_GETTING_EXTRA);
}

static bool second_leads(const struct vw *w)
{
	return second_is(w, QD_CLUSTER_LEADING);
}

/* And the heir says it when it has them, not before and not after. */
static void says_that_it_knows(void)
{
	struct vw *w = vw_new(2, QD_MODEL_NODE_AND_WITNESS);
	const struct qd_cluster *c = &w->node[2].core.cluster;
	vw_start_all(w);
	UNIT_OK(vw_until(w, somebody_owns, 10000));
	vw_run(w, 20000);
	UNIT_EQUAL(vw_owner(w), 1);
	vw_kill(w, 1);
	UNIT_OK(vw_until(w, second_prepares, 30000));
	UNIT_EQUAL(c->flags & QD_NEWS_GATHERED, 0);
	UNIT_OK(vw_until(w, second_has_gathered, 1000));
	UNIT_OK((c->flags & QD_NEWS_GATHERED) != 0);
	UNIT_EQUAL(c->lead.promised_by, c->lead.view.members);
	UNIT_EQUAL(c->news.promised, c->lead.view.epoch);
	UNIT_OK(vw_until(w, second_leads, 30000));
	UNIT_EQUAL(c->flags & QD_NEWS_GATHERED, 0);
	vw_free(w);
}

/* ------------------------------------------------ the disk's vote */

/* Node 2 proposes to be alone with the disk, whose slots it has read; all have promised. */
static struct vw *gathered(void)
{
	struct vw *w = vw_new(2, QD_MODEL_NODE_AND_DISK);
	w->has_witness = false;
	vw_start(w, 2);
	vw_run(w, 20000);
	struct qd_cluster *c = &w->node[2].core.cluster;
	struct qd_cluster_turn t = turn_of(w, 2);
	UNIT_EQUAL(c->set, qd_set_of(2));
	c->disk = (struct qd_disk_voter){.held = true,
					 .epoch = qd_epoch_make(5, 2),
					 .start = w->now,
					 .slots_known = true,
					 .head = c->kept.head};
	qd_regroup_think(&t);
	UNIT_EQUAL(c->state, QD_CLUSTER_PREPARING);
	c->kept.promised = c->want.promised;
	w->now = qd_mono_add(w->now, qd_span_ms(50));
	return w;
}

static void think(struct vw *w, bool extra)
{
	struct qd_cluster_turn t = turn_of(w, 2);
	if (extra)
		qd_extra_think(&t);
	else
		qd_regroup_think(&t);
}

/* Who slept through the loss of the disk, and has heard of the next owner's epochs, proposes above them: a round from
 * before says nothing about who owned the disk when that epoch was chosen. */
static void counts_by_a_later_round(void)
{
	struct vw *w = gathered();
	struct qd_node *n = &w->node[2].core;
	struct qd_cluster *c = &n->cluster;
	c->disk.start = (struct qd_mono){c->lead.since.ns - 1};
	think(w, false);
	UNIT_EQUAL(c->state, QD_CLUSTER_GETTING_EXTRA);
	UNIT_OK(qd_extra_is_stale(c));
	think(w, true);
	UNIT_EQUAL(n->gate.round_from.ns, c->lead.since.ns);
	think(w, false);
	UNIT_EQUAL(c->state, QD_CLUSTER_GETTING_EXTRA);
	c->disk.start = c->lead.since;
	UNIT_OK(!qd_extra_is_stale(c));
	think(w, true);
	UNIT_EQUAL(n->gate.round_from.ns, 0);
	think(w, false);
	UNIT_EQUAL(c->state, QD_CLUSTER_INSTALLING);
	vw_free(w);
}

/* An owner's epoch stands for 2^24 counters of views. A forced quorum's are 2^40 further: the disk counts for those when
 * it was taken anew, with an epoch for them (five nodes, seed 73426). */
static void outgrown_by_a_force(void)
{
	const uint64_t per_owner = UINT64_C(1) << 24;
	struct vw *w = gathered();
	struct qd_node *n = &w->node[2].core;
	struct qd_cluster *c = &n->cluster;
	const struct qd_votes *v = &c->lead.head.votes;
	UNIT_EQUAL(v->model, QD_MODEL_NODE_AND_DISK);
	c->disk.start = (struct qd_mono){c->lead.since.ns - 1}; /* so that it does not go on at once */
	think(w, false);
	UNIT_EQUAL(c->state, QD_CLUSTER_GETTING_EXTRA);
	UNIT_EQUAL(qd_epoch_counter(c->lead.view.epoch), 5 * per_owner);
	c->disk.start = w->now;
	UNIT_EQUAL(qd_extra_held(c), QD_EXTRA_DISK);
	c->lead.view.epoch = qd_epoch_make(6 * per_owner - 1, 2); /* the last one */
	UNIT_EQUAL(qd_extra_held(c), QD_EXTRA_DISK);
	think(w, true);
	UNIT_OK(!n->gate.give_up);
	c->max_counter = (UINT64_C(1) << 40) + 6 * per_owner;
	c->lead.view.epoch = c->kept.promised = c->want.promised = qd_epoch_make(c->max_counter, 2);
	UNIT_EQUAL(qd_extra_held(c), 0);
	think(w, true);
	UNIT_OK(n->gate.give_up && !n->gate.take);
	think(w, false);
	UNIT_EQUAL(c->state, QD_CLUSTER_GETTING_EXTRA);
	c->disk.held = false;
	c->disk.epoch = 0;
	think(w, true);
	UNIT_OK(n->gate.take);
	UNIT_EQUAL(n->gate.least, (1 << 16) + 6);
	c->disk.held = true;
	c->disk.epoch = qd_epoch_make(n->gate.least, 2);
	UNIT_EQUAL(qd_extra_held(c), QD_EXTRA_DISK);
	UNIT_OK(qd_extra_least_counter(c) <= c->max_counter);
	think(w, true);
	UNIT_OK(!n->gate.give_up);
	vw_free(w);
}

/* Unfenced work waits for what the owner before renewed: until the instant that the arbiter named when it took the disk. */
static void waits_for_the_owner_before(void)
{
	struct vw *w = gathered();
	struct qd_cluster *c = &w->node[2].core.cluster;
	think(w, false);
	c->disk.head.tag.epoch = c->lead.view.epoch; /* its slots have this view's configuration */
	c->disk.before = 1;
	c->until[0] = QD_MONO_ZERO;
	c->disk.earlier_end = QD_MONO_ZERO; /* released */
	UNIT_OK(qd_mono_before(qd_lead_free_at(c, &w->times), w->now));
	c->disk.earlier_end = qd_mono_add(w->now, qd_span_ms(12345));
	UNIT_EQUAL(qd_lead_free_at(c, &w->times).ns, c->disk.earlier_end.ns);
	c->disk.before = 2; /* a member has told what it knows */
	UNIT_OK(qd_mono_before(qd_lead_free_at(c, &w->times), w->now));
	vw_free(w);
}

/* ------------------------------------------------ who may not propose */

/* Node 1 of two where the disk alone votes: in no view, but it has the disk. */
static struct vw *has_the_disk(void)
{
	struct vw *w = vw_new(2, QD_MODEL_DISK_ONLY);
	w->has_witness = false;
	vw_start_all(w);
	vw_run(w, 20000);
	struct qd_cluster *c = &w->node[1].core.cluster;
	c->disk = (struct qd_disk_voter){
		.held = true, .reachable = true, .epoch = qd_epoch_make(5, 1), .start = w->now};
	c->state = QD_CLUSTER_JOINING;
	c->lead.since = w->now; /* it has just proposed */
	c->flags = 0;
	UNIT_EQUAL(c->set, qd_set_of(1) | qd_set_of(2));
	return w;
}

static bool gives_up(struct vw *w)
{
	struct qd_cluster_turn t = turn_of(w, 1);
	qd_extra_think(&t);
	return w->node[1].core.gate.give_up;
}

/* It waits for the others to propose, and they for the disk. */
static void gives_up_what_it_cannot_use(void)
{
	struct vw *w = has_the_disk();
	struct qd_cluster *c = &w->node[1].core.cluster;
	UNIT_OK(!gives_up(w));
	c->flags = QD_NEWS_NO_VOTE; /* its store was wiped, node 2's was not */
	UNIT_OK(gives_up(w));
	c->flags = QD_NEWS_JOIN_ONLY;
	UNIT_OK(gives_up(w));
	c->flags = QD_NEWS_STUCK;
	c->set = 0;
	UNIT_OK(gives_up(w));
	c->state = QD_CLUSTER_GETTING_EXTRA; /* what is being made is decided by its promises */
	UNIT_OK(!gives_up(w));
	c->state = QD_CLUSTER_JOINING; /* it could propose, but the others see another set than it does */
	c->flags = 0;
	c->set = qd_set_of(1) | qd_set_of(2);
	w->now = (struct qd_mono){c->lead.since.ns + (uint64_t)w->times.takeover.ns - 1};
	UNIT_OK(!gives_up(w));
	w->now = qd_mono_add(c->lead.since, w->times.takeover);
	UNIT_OK(gives_up(w));
	vw_free(w);
}

/* Node 1 has promised node 2 the next view. */
static void waits_for_who_may_propose(void)
{
	struct vw *w = promised(QD_MODEL_NODE_MAJORITY);
	const struct qd_cluster *c = &w->node[1].core.cluster;
	heir_says(w, c->promise_told, 0);
	UNIT_OK(!qd_turn_is_due(c, &w->times, w->now));
	heir_says(w, c->promise_told, QD_NEWS_JOIN_ONLY); /* it has learnt that it was removed */
	UNIT_OK(qd_turn_is_due(c, &w->times, w->now));
	heir_says(w, c->promise_told + 64, 0);
	UNIT_OK(qd_turn_is_due(c, &w->times, w->now));
	vw_free(w);
}

static const struct unit_test TESTS[] = {
	{"the disk is given to the heir when that has all promises", given_when_it_knows},
	{"not while something runs that the heir alone was told of", kept_while_something_runs},
	{"and in the view that was promised, when that is proved", given_in_its_view},
	{"the witness is given to the heir when that has all promises", yielded_when_it_knows},
	{"the lock lasts as long as a right", lasts_as_long_as_a_right},
	{"the heir says that it has all promises", says_that_it_knows},
	{"the disk counts for a proposal by a round from after its epoch was chosen",
	 counts_by_a_later_round},
	{"a view beyond those of its owner's epoch needs the disk anew", outgrown_by_a_force},
	{"unfenced work waits for the owner before", waits_for_the_owner_before},
	{"who may not propose gives the disk up", gives_up_what_it_cannot_use},
	{"a promise waits for nobody who may not propose", waits_for_who_may_propose},
};

int main(void)
{
	return unit_run("t_cluster_extra", TESTS, UNIT_COUNT(TESTS));
}
