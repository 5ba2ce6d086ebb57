/* SPDX-License-Identifier: Apache-2.0 */
/* The invariants of docs/PROTOCOL.md section 5 where views decide. They look at what is durable, what is said, and what a
 * node takes for true, all measured in true time. docs/SIMULATOR.md lists what is let pass, and why. */
#include "sim/sim.h"

#include <inttypes.h>

static bool leads(const struct qd_cluster *c)
{
	return c->state == QD_CLUSTER_LEADING;
}

/* ---- I3: configurations ---- */

/* A configuration is made by the leader of an active view, or by force; else it is somebody's. */
static void note_head(struct sim *s, struct sim_machine *m, const struct qd_event *ev)
{
	const struct qd_head *h = &m->node.cluster.want.head;
	struct sim_seen *seen = &s->c.seen[m->index];
	const uint64_t id = heads_id(h);
	/* One that leaves ends its part in the step that closed the last change. */
	const bool led = leads(&m->node.cluster) || m->node.cluster.state == QD_CLUSTER_LEFT;
	const bool changed = led && h->tag.version == seen->want.version + 1;
	if (changed || ev->kind == QD_EVENT_FORCE)
		heads_add(s, h, id, seen->head_id);
	else if (heads_find(s, id) == NULL)
		sim_fail(s, "I3: node %u has configuration %" PRIu64 ".%" PRIu64 ", which nobody made",
			 m->node_id, h->tag.epoch, h->tag.version);
	seen->want = h->tag;
	seen->head_id = id;
}

/* What was done stays, whatever comes later. */
static void check_done(struct sim *s, const struct sim_machine *m, const char *what)
{
	const struct qd_head *h = &m->node.cluster.kept.head;
	if (!heads_descends(s, heads_id(h), s->c.facts.done_id)) {
		const struct sim_head *done = heads_find(s, s->c.facts.done_id);
		sim_fail(s,
			 "I3: node %u %s under configuration %" PRIu64 ".%" PRIu64
			 ", which does not come from %" PRIu64 ".%" PRIu64 ", which was done",
			 m->node_id, what, h->tag.epoch, h->tag.version, done->tag.epoch, done->tag.version);
	}
}

static void set_done(struct sim *s, const struct qd_head *h)
{
	s->c.facts.done_id = heads_id(h);
	s->c.facts.done_epoch = h->tag.epoch;
	s->c.facts.done_t = s->t;
}

/* A leader may learn late that its change is everywhere, when those who took it have carried it on into a view of theirs. */
static void note_done(struct sim *s, const struct sim_machine *m)
{
	const uint64_t id = heads_id(&m->node.cluster.kept.head);
	if (heads_descends(s, s->c.facts.done_id, id))
		return;
	check_done(s, m, "completes a change");
	set_done(s, &m->node.cluster.kept.head);
}

void check_cluster_reply(struct sim *s, struct sim_machine *m, enum qd_reply reply)
{
	struct sim_seen *seen = &s->c.seen[m->index];
	s->cover->replies[reply]++;
	sim_log_add(s, SIM_LOG_OPERATOR, m->index, 3, (uint64_t)reply, 0, 0);
	if (seen->asked == 0) {
		sim_fail(s, "contract: node %u replies %s to nobody", m->node_id, qd_reply_name(reply));
		return;
	}
	seen->asked--;
	if (seen->asked_change && reply == QD_REPLY_DONE)
		note_done(s, m);
	if (!s->c.facts.force_told || s->c.facts.force_machine != m->index || seen->asked_change)
		return;
	if (reply == QD_REPLY_DONE && s->c.facts.force_asked)
		sim_fail(s, "I3: node %u tells an operator that its quorum is forced, which is not durable",
			 m->node_id);
	s->c.facts.force_asked = s->c.facts.force_told = false;
}

/* ---- I2: epochs and promises ---- */

/* One epoch, one leader, one set of members. */
static void check_view(struct sim *s, const struct sim_machine *m, const struct qd_view *v, bool taken,
		       const char *what)
{
	struct sim_view *known = views_find(s, v->epoch);
	const uint64_t hash = views_hash(v);
	const uint32_t generation = s->c.stores[qd_epoch_node(v->epoch) - 1].generation;
	if (known == NULL)
		return;
	/* Who has lost its store cannot know what it has proposed before: nobody may take it. */
	if (!taken && known->generation != generation && known->hash != 0)
		return;
	if (known->hash == 0 || (!known->taken && known->generation != generation)) {
		known->hash = hash;
		known->generation = generation;
	}
	known->taken = known->taken || taken;
	if (known->hash != hash)
		sim_fail(s,
			 "I2: node %u %s a view of epoch %" PRIu64 " with members %" PRIx64
			 ", but another one has this epoch",
			 m->node_id, what, v->epoch, v->members);
}

static void check_vote(struct sim *s, const struct sim_machine *m, bool has_vote)
{
	const struct sim_store *st = &s->c.stores[m->index];
	if (has_vote && !st->own)
		sim_fail(s, "I2: node %u votes from a store that is not its own", m->node_id);
}

static void tell_tag(struct sim_seen *seen, struct qd_tag tag)
{
	if (qd_tag_compare(seen->told_tag, tag) < 0)
		seen->told_tag = tag;
}

static void check_promise(struct sim *s, const struct sim_machine *m, const struct qd_promise *p)
{
	struct sim_seen *seen = &s->c.seen[m->index];
	if (p->refusal != QD_REFUSAL_NONE)
		return;
	check_vote(s, m, p->has_vote);
	if (s->c.stores[m->index].durable.promised < p->epoch)
		sim_fail(s, "I2: node %u promises epoch %" PRIu64 ", which is not durable", m->node_id,
			 p->epoch);
	if (p->epoch < seen->told_promise)
		sim_fail(s, "I2: node %u promises epoch %" PRIu64 " after %" PRIu64, m->node_id, p->epoch,
			 seen->told_promise);
	seen->told_promise = p->epoch;
	tell_tag(seen, p->head.tag);
}

static void check_answer(struct sim *s, const struct sim_machine *m, const struct qd_answer_proof *a)
{
	const struct sim_store *st = &s->c.stores[m->index];
	check_vote(s, m, a->has_vote);
	if (a->epoch < s->c.seen[m->index].told_promise)
		sim_fail(s, "I2: node %u answers a proof of epoch %" PRIu64 " after promising %" PRIu64,
			 m->node_id, a->epoch, s->c.seen[m->index].told_promise);
	if (qd_tag_compare(st->durable.head.tag, a->tag) < 0)
		sim_fail(s,
			 "I3: node %u says that it has configuration %" PRIu64 ".%" PRIu64
			 ", which is not durable",
			 m->node_id, a->tag.epoch, a->tag.version);
	tell_tag(&s->c.seen[m->index], a->tag);
}

/* A view counts on who is there now, not on who was there before. */
static void check_incarnation(struct sim *s, const struct sim_machine *m, uint64_t epoch)
{
	const struct qd_view *v = &s->c.stores[m->index].durable.installed;
	if (v->epoch == epoch && v->incarnation[m->node_id - 1] != m->config.incarnation)
		sim_fail(s, "I2: node %u installs epoch %" PRIu64 ", which names an earlier start of it",
			 m->node_id, epoch);
}

void check_cluster_said(struct sim *s, struct sim_machine *m, const struct qd_msg *msg)
{
	switch (msg->kind) {
	case QD_MSG_PREPARE:
		check_view(s, m, &msg->u.prepare, false, "proposes");
		if (qd_epoch_node(msg->u.prepare.epoch) != m->node_id)
			sim_fail(s, "I2: node %u proposes an epoch of node %u", m->node_id,
				 qd_epoch_node(msg->u.prepare.epoch));
		return;
	case QD_MSG_PROMISE:
		check_promise(s, m, &msg->u.promise);
		return;
	case QD_MSG_INSTALL:
		check_view(s, m, &msg->u.install.view, true, "installs");
		return;
	case QD_MSG_INSTALLED:
		if (msg->u.installed.refusal != QD_REFUSAL_NONE)
			return;
		check_vote(s, m, msg->u.installed.has_vote);
		if (s->c.stores[m->index].durable.installed.epoch < msg->u.installed.epoch)
			sim_fail(s,
				 "I2: node %u says it has installed epoch %" PRIu64 ", which is not durable",
				 m->node_id, msg->u.installed.epoch);
		if (msg->u.installed.epoch < s->c.seen[m->index].told_promise)
			sim_fail(s,
				 "I2: node %u says it has installed epoch %" PRIu64
				 " after promising %" PRIu64,
				 m->node_id, msg->u.installed.epoch, s->c.seen[m->index].told_promise);
		tell_tag(&s->c.seen[m->index], s->c.stores[m->index].durable.head.tag);
		check_incarnation(s, m, msg->u.installed.epoch);
		return;
	case QD_MSG_ANSWER:
		check_answer(s, m, &msg->u.answer);
		return;
	case QD_MSG_NONE:
	case QD_MSG_HELLO:
	case QD_MSG_HELLO_OK:
	case QD_MSG_BACK:
	case QD_MSG_BACK_OK:
	case QD_MSG_NEWS:
	case QD_MSG_PROOF:
	case QD_MSG_PROVED:
	case QD_MSG_CHANGE:
	case QD_MSG_RIGHT_ENDED:
	case QD_MSG_LEAD:
	case QD_MSG_KIND_COUNT:
		return;
	}
}

/* Something became durable. */
void check_cluster_kept(struct sim *s, struct sim_machine *m)
{
	const struct qd_kept *k = &s->c.stores[m->index].durable;
	struct sim_seen *seen = &s->c.seen[m->index];
	struct sim_cluster_facts *f = &s->c.facts;
	/* What was told is never taken back; what was not, may be. */
	if (k->promised < seen->told_promise)
		sim_fail(s, "I2: node %u keeps promise %" PRIu64 " after it told %" PRIu64, m->node_id,
			 k->promised, seen->told_promise);
	if (qd_tag_compare(k->head.tag, seen->told_tag) < 0)
		sim_fail(s,
			 "I3: node %u keeps configuration %" PRIu64 ".%" PRIu64 " after it told %" PRIu64
			 ".%" PRIu64,
			 m->node_id, k->head.tag.epoch, k->head.tag.version, seen->told_tag.epoch,
			 seen->told_tag.version);
	if (k->installed.epoch != 0) {
		check_view(s, m, &k->installed, qd_epoch_node(k->installed.epoch) != m->node_id, "keeps");
		struct sim_view *v = views_find(s, k->installed.epoch);
		if (v != NULL && k->has_vote)
			v->installed |= qd_set_of(m->node_id);
	}
	if (f->force_told && f->force_asked && f->force_machine == m->index &&
	    k->head.forced_by == m->node_id && k->head.forced_unix_s == f->force_unix_s) {
		f->forced = true;
		f->force_asked = false;
		f->forced_id = heads_id(&k->head);
		set_done(s, &k->head);
	}
}

/* On some disk: a node's own, or the shared one. */
static bool is_kept(struct sim *s, uint64_t id)
{
	const struct qd_head *slot = sim_disk_peek_slot(&s->disk);
	if (heads_descends(s, heads_id(slot), id))
		return true;
	for (uint32_t i = 0; i < s->o.machines; i++)
		if (heads_descends(s, heads_id(&s->c.stores[i].durable.head), id))
			return true;
	return false;
}

/* What was forced is on one disk at first. Where that is replaced before another one has it, nothing could help. */
void check_cluster_lost(struct sim *s, const struct sim_machine *m)
{
	struct sim_seen *seen = &s->c.seen[m->index];
	struct sim_cluster_facts *f = &s->c.facts;
	seen->told_promise = 0;
	seen->told_tag = (struct qd_tag){.epoch = 0};
	if (f->forced && f->done_id == f->forced_id && !is_kept(s, f->forced_id))
		set_done(s, &s->c.first); /* nothing is known to be done any more */
}

void check_cluster_forget(struct sim *s, const struct sim_machine *m)
{
	struct sim_seen *seen = &s->c.seen[m->index];
	struct sim_cluster_facts *f = &s->c.facts;
	s->machines[m->index].down_t = s->t;
	seen->asked = 0;
	seen->right_held = false;
	seen->free_epoch = 0;
	seen->change_open = false;
	if (f->force_told && f->force_machine == m->index)
		f->force_asked = f->force_told = false;
}

/* ---- I4: rights ---- */

/* True time of an instant of the machine's past. */
static uint64_t past_t(const struct sim *s, const struct sim_machine *m, uint64_t local)
{
	const uint64_t age = host_local(s, m) - local;
	return s->t - (uint64_t)((int64_t)age * 1000000 / (1000000 + m->ppm));
}

static bool right_open(const struct sim *s, const struct sim_machine *m)
{
	const struct qd_lease *r = &m->node.cluster.right;
	return m->powered && m->process && r->held && host_local(s, m) < r->stopped_by.ns;
}

/* It may do now what no disk fences. */
static bool acts_free(const struct sim *s, const struct sim_machine *m)
{
	return m->powered && m->process && s->c.seen[m->index].free_epoch != 0 &&
	       host_local(s, m) < m->node.cluster.right.begin_stop.ns;
}

static bool in_view(const struct sim_machine *leader, const struct sim_machine *m)
{
	const struct qd_view *v = &leader->node.cluster.lead.view;
	return qd_set_has(v->members, m->node_id) && v->incarnation[m->node_id - 1] == m->config.incarnation;
}

/* A right is as old as the leader that told of it says. */
static bool giver_lied(const struct sim *s, const struct sim_machine *m)
{
	const struct sim_machine *giver = &s->machines[qd_epoch_node(m->node.cluster.right_epoch) - 1];
	return check_clock_lied(s, giver) || giver->lied_until > s->t;
}

/* A node that restarts waits for what it renewed by its own times, and a right of longer ones may outlast that. In a
 * cluster all have the same, and a leader uses longer ones only when all have them; here each has its own. */
static bool outlasts_restart(const struct sim *s, const struct sim_machine *leader,
			     const struct sim_machine *m)
{
	const struct qd_lease *r = &m->node.cluster.right;
	for (uint32_t i = 0; i < s->o.machines; i++) {
		const struct sim_machine *x = &s->machines[i];
		const bool shorter = (uint64_t)x->node.config.times.wait.ns < r->stopped_by.ns - r->start.ns;
		if (x->powered && x->process && in_view(leader, x) && shorter &&
		    past_t(s, x, x->node.cluster.started.ns) > past_t(s, m, r->start.ns))
			return true;
	}
	return false;
}

static void check_pair(struct sim *s, const struct sim_machine *leader, const struct sim_machine *m)
{
	if (m == leader || in_view(leader, m) || !right_open(s, m) || !acts_free(s, leader) ||
	    check_clock_lied(s, m) || check_clock_lied(s, leader) || giver_lied(s, m))
		return;
	/* Of a later view one may have a right, but it waits in turn. */
	if (m->node.cluster.right_epoch > s->c.seen[leader->index].free_epoch && !acts_free(s, m))
		return;
	if (outlasts_restart(s, leader, m)) {
		s->cover->excluded++;
		return;
	}
	const struct qd_lease *r = &m->node.cluster.right;
	sim_fail(s,
		 "I4: node %u takes unfenced work for free under epoch %" PRIu64
		 ", but node %u, outside its view, has a right of epoch %" PRIu64 " for %" PRIu64 " ms more",
		 leader->node_id, s->c.seen[leader->index].free_epoch, m->node_id,
		 m->node.cluster.right_epoch, (r->stopped_by.ns - host_local(s, m)) / SIM_MS);
}

/* A right begins when its leader's does, or earlier; a leader's that begins after something was done knows of it. */
static void check_start(struct sim *s, const struct sim_machine *m)
{
	const struct qd_cluster *c = &m->node.cluster;
	struct sim_view *v = views_find(s, c->right_epoch);
	const uint64_t start_t = past_t(s, m, c->right.start.ns);
	const struct sim_machine *leader = &s->machines[qd_epoch_node(c->right_epoch) - 1];
	if (v == NULL)
		return;
	if (giver_lied(s, m)) {
		v->right_t = s->t; /* not known: at the latest now */
		return;
	}
	if (leader == m) {
		v->right_t = start_t > v->right_t ? start_t : v->right_t;
		if (start_t > s->c.facts.done_t && c->right_epoch == c->kept.head.tag.epoch)
			check_done(s, m, "proves its quorum");
		return;
	}
	if (check_clock_lied(s, m))
		return;
	const uint64_t slop = SIM_MS + (s->t - start_t) / 400;
	if (start_t > v->right_t + slop)
		sim_fail(s,
			 "I4: node %u counts its right of epoch %" PRIu64 " from %" PRIu64
			 " us after its leader does",
			 m->node_id, c->right_epoch, (start_t - v->right_t) / 1000);
}

static void check_right(struct sim *s, struct sim_machine *m)
{
	struct sim_seen *seen = &s->c.seen[m->index];
	const struct qd_lease *r = &m->node.cluster.right;
	const bool own =
		m->node.cluster.right_epoch != 0 && qd_epoch_node(m->node.cluster.right_epoch) == m->node_id;
	/* A member's that is only called another epoch's began under its own. A leader may prove its right, tell the
	 * members and give it up in one step, leaving. */
	const bool moved = seen->right_start != r->start.ns;
	const bool renewed = r->held ? !seen->right_held || moved || own : moved && own;
	seen->right_held = r->held;
	seen->right_epoch = m->node.cluster.right_epoch;
	seen->right_start = r->start.ns;
	if (renewed)
		check_start(s, m);
	if (!r->held)
		return;
	for (uint32_t i = 0; i < s->o.machines; i++)
		check_pair(s, &s->machines[i], m);
}

static void check_free(struct sim *s, struct sim_machine *m)
{
	for (uint32_t i = 0; i < s->o.machines; i++)
		check_pair(s, m, &s->machines[i]);
}

/* A view became active: a quorate set has it on its disks, and its configuration comes from all that was done. */
static void check_active(struct sim *s, struct sim_machine *m)
{
	const struct qd_cluster *c = &m->node.cluster;
	const struct qd_view *v = &c->lead.view;
	const struct sim_view *known = views_find(s, v->epoch);
	const uint32_t extras =
		(c->disk.held ? QD_EXTRA_DISK : 0) | (c->witness.epoch != 0 ? QD_EXTRA_WITNESS : 0);
	s->cover->views++;
	if (s->healed) {
		s->c.facts.views_healed++;
		s->c.facts.views_late += s->t > s->o.heal_ns + cluster_heal_bound_ns(&s->o) ? 1 : 0;
	}
	check_view(s, m, v, true, "leads");
	if (known == NULL)
		return;
	if (!qd_head_quorate(&c->kept.head, known->installed & v->members, extras)) {
		sim_fail(s,
			 "I4: node %u leads epoch %" PRIu64 ", but only nodes %" PRIx64 " of %" PRIx64
			 " have installed it with a vote, extra voters %x",
			 m->node_id, v->epoch, known->installed, v->members, extras);
		return;
	}
	/* What was told late may make a view active after a later one: it proves nothing any more (check_start()). */
	if (v->epoch >= s->c.facts.done_epoch)
		check_done(s, m, "leads");
}

/* ---- each step ---- */

static void check_state(struct sim *s, struct sim_machine *m)
{
	const struct qd_cluster *c = &m->node.cluster;
	struct sim_seen *seen = &s->c.seen[m->index];
	if (leads(c) && seen->lead_epoch != c->lead.view.epoch) {
		seen->lead_epoch = c->lead.view.epoch;
		seen->change_open = false;
		check_active(s, m);
	}
	seen->state = c->state;
	if (!leads(c)) {
		seen->change_open = false;
		return;
	}
	if (seen->change_open && !c->lead.change_open)
		note_done(s, m);
	seen->change_open = c->lead.change_open;
}

/* Who is long dead is heard by nobody, whatever is sent again. */
static void check_hearing(struct sim *s, const struct sim_machine *m)
{
	const uint64_t hears = m->node.cluster.hears;
	const uint64_t patience = 3 * cluster_detection_ns(&s->o);
	uint64_t until;
	/* Who stood still itself has to listen first. */
	if (!host_runs(s, m, &until) || until + patience > s->t)
		return;
	for (uint32_t i = 0; i < s->o.nodes; i++) {
		const struct sim_machine *o = &s->machines[i];
		if (o == m || o->process || (hears >> i & 1) == 0)
			continue;
		if (s->t > o->down_t + patience && !check_clock_lied(s, m))
			sim_fail(s, "hearing: node %u hears node %u, which is dead for %" PRIu64 " s",
				 m->node_id, o->node_id, (s->t - o->down_t) / SIM_S);
	}
}

/* Who may decide again has taken what was forced. */
static void check_prevented(struct sim *s, const struct sim_machine *m)
{
	struct sim_seen *seen = &s->c.seen[m->index];
	const bool ended = seen->prevented && !m->node.cluster.prevented;
	seen->prevented = m->node.cluster.prevented;
	if (ended && operator_prevents(s, m))
		sim_fail(s, "prevented: node %u may lead again, and has not taken what was forced",
			 m->node_id);
}

void check_cluster_step(struct sim *s, struct sim_machine *m, const struct qd_event *ev)
{
	const struct qd_cluster *c = &m->node.cluster;
	struct sim_seen *seen = &s->c.seen[m->index];
	s->cover->waits[c->wait]++;
	check_prevented(s, m);
	if ((++seen->steps & 255) == 0)
		check_hearing(s, m);
	if (qd_tag_compare(c->want.head.tag, seen->want) != 0)
		note_head(s, m, ev);
	if (c->state != seen->state || leads(c))
		check_state(s, m);
	if (c->right.held != seen->right_held || (c->right.held && (c->right.start.ns != seen->right_start ||
								    c->right_epoch != seen->right_epoch)))
		check_right(s, m);
	const bool free = leads(c) && c->right_epoch == c->lead.view.epoch && c->right.held &&
			  ev->now.ns < c->right.begin_stop.ns && ev->now.ns >= c->lead.free_at.ns;
	const uint64_t epoch = free ? c->lead.view.epoch : 0;
	if (epoch == seen->free_epoch)
		return;
	seen->free_epoch = epoch;
	if (free)
		check_free(s, m);
}

void check_cluster_owner(struct sim *s, struct sim_machine *m, bool mine, uint64_t epoch)
{
	m->mine = mine;
	m->mine_epoch = mine ? epoch : m->mine_epoch;
	s->cover->announced += mine ? 1 : 0;
}

void check_cluster_group(struct sim *s, struct sim_machine *m, uint64_t epoch)
{
	struct sim_cluster_facts *f = &s->c.facts;
	if (epoch < f->group_epoch || (epoch == f->group_epoch && f->group_machine != m->index)) {
		if (check_clock_lied(s, m)) {
			s->cover->excluded++;
			return;
		}
		sim_fail(s, "I2: node %u starts the group under epoch %" PRIu64 " after %" PRIu64, m->node_id,
			 epoch, f->group_epoch);
	}
	if (qd_set_has(m->node.cluster.kept.head.votes.paused, m->node_id))
		sim_fail(s, "paused: node %u starts the group under epoch %" PRIu64 ", and is paused",
			 m->node_id, epoch);
	f->group_epoch = epoch;
	f->group_machine = m->index;
}
