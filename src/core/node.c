/* SPDX-License-Identifier: Apache-2.0 */
#include "core/node.h"
#include "core/arbiter_internal.h"

#include <stddef.h>

static struct qd_turn turn_of(struct qd_node *n, struct qd_actions *out)
{
	return (struct qd_turn){
		.node = n,
		.a = &n->arbiter,
		.config = &n->config,
		.times = &n->config.times,
		.now = n->now,
		.out = out,
	};
}

/* When something is due, the exchanges of the links apart. */
static struct qd_mono due_but_links(const struct qd_node *n)
{
	const struct qd_mono d = qd_mono_min(qd_arb_deadline(n), qd_group_deadline(&n->group));
	if (!n->config.has_cluster)
		return d;
	return qd_mono_min(qd_mono_min(d, qd_cluster_deadline(&n->cluster, &n->config.times)),
			   qd_acting_deadline(n));
}

void qd_node_init(struct qd_node *n, const struct qd_node_config *config, struct qd_mono now)
{
	qd_assert((config->path_count >= 1 || config->has_cluster) && config->path_count <= QD_PATHS_MAX);
	qd_assert(config->node_id >= QD_NODE_ID_MIN && config->node_id <= QD_NODE_ID_MAX);
	qd_assert((config->members >> (config->node_id - 1) & 1u) != 0);
	qd_assert(config->cluster_tag != 0 && config->incarnation != 0);
	qd_assert(qd_times_check(&config->times).verdict == QD_TIMES_OK);

	memset(n, 0, sizeof(*n));
	n->config = *config;
	n->now = now;
	n->gate.take = !config->has_cluster;
	qd_arb_init(n, now);
	if (config->has_cluster) {
		qd_links_init(&n->links, &config->links, now);
		qd_cluster_init(&n->cluster, &config->cluster, now);
		n->cluster.config.peers = config->links.peers;
		if (config->has_group && QD_RULE(LEFTOVERS_RUN))
			n->group.state = QD_GROUP_ONLINE; /* as far as anybody knows */
	}
	n->due = due_but_links(n);
}

/* ------------------------------------------------ views */

static struct qd_cluster_turn cluster_turn(struct qd_turn *t)
{
	return (struct qd_cluster_turn){
		.c = &t->node->cluster,
		.times = t->times,
		.now = t->now,
		.out = t->out,
		.gate = &t->node->gate,
		.runs = !qd_group_is_stopped(&t->node->group),
		.acts = t->config->has_group ? !qd_group_is_stopped(&t->node->group)
					     : t->node->announced != 0,
		.late = t->late,
	};
}

/* What the arbiter knows of the disk, for the views. */
static void show_disk(struct qd_node *n)
{
	const struct qd_arbiter *a = &n->arbiter;
	const bool owner = a->state == QD_ARB_OWNER && qd_lease_runs(&n->lease, n->now);
	n->cluster.disk = (struct qd_disk_voter){
		.held = owner,
		.epoch = owner ? a->own.epoch : 0,
		.start = owner ? n->lease.start : QD_MONO_ZERO,
		.earlier_end = owner ? a->own.earlier_end : QD_MONO_ZERO,
		.before = a->own.struck_node,
		.slots_known = owner && a->own.slots_known,
		.head = a->own.slots,
		.holder = a->sight.known && a->sight.held && !qd_watch_holder_released(a)
				  ? qd_key_node(a->sight.holder)
				  : 0,
		.takeable = (a->takeable && qd_path_ready(a, a->look_path)) || a->state == QD_ARB_TAKING,
		.reachable = qd_path_ready(a, owner ? a->own.path : a->look_path),
	};
}

/* Exchanges and news: of the body nothing is looked at, so nothing is copied. */
static void send_packets(struct qd_turn *t, const struct qd_link_sends *sends)
{
	for (uint32_t i = 0; i < sends->count; i++) {
		if (t->out->send_count >= QD_SENDS_MAX || t->out->count >= QD_ACTIONS_MAX)
			return; /* as if it were lost */
		struct qd_msg *m = &t->out->sends[t->out->send_count];
		memcpy(m, &sends->list[i].msg, offsetof(struct qd_msg, news));
		qd_news_copy(&m->news, &t->node->cluster.news);
		struct qd_action *action = qd_arb_act(t, QD_ACTION_SEND);
		action->u.send.index = t->out->send_count++;
		action->u.send.to = m->to;
		action->u.send.links = sends->list[i].links;
		t->packet_count++;
	}
}

/* Who is heard may have changed with a packet or with time. True: it has. */
static bool tell_heard(struct qd_turn *t, struct qd_cluster_turn *ct)
{
	struct qd_node *n = t->node;
	const uint64_t heard = qd_links_heard(&n->links);
	const uint64_t before = n->cluster.hears & ~qd_set_of(n->config.node_id);
	bool changed = false;
	for (uint32_t id = qd_set_next(heard | before, 0); id != 0; id = qd_set_next(heard | before, id))
		if (qd_cluster_heard(ct, id, qd_set_has(heard, id), n->links.peers[id - 1].incarnation))
			changed = true;
	return changed;
}

static void receive(struct qd_turn *t, const struct qd_msg *m, uint32_t link)
{
	struct qd_node *n = t->node;
	struct qd_link_sends sends;
	sends.count = 0;
	const enum qd_link_verdict verdict = qd_links_receive(&n->links, m, link, t->now, &sends);
	struct qd_cluster_turn ct = cluster_turn(t);
	bool told = verdict == QD_LINK_RESTART;
	if (verdict == QD_LINK_RESTART)
		qd_cluster_restarted(&ct, m->from, m->from_incarnation);
	told = tell_heard(t, &ct) || told;
	send_packets(t, &sends);
	if (verdict != QD_LINK_DROP && m->kind > QD_MSG_NEWS) {
		qd_cluster_message(&ct, m);
		told = true;
	} else if (verdict != QD_LINK_DROP && qd_links_newest(&n->links, m)) {
		/* News tell a state: what was overtaken says nothing. */
		told = qd_cluster_news(&ct, m->from, &m->news) || told;
	}
	t->told = told;
}

/* The envelopes of what the views want said. Who has no session hears nothing. */
static void address_packets(struct qd_turn *t, uint32_t from_action)
{
	for (uint32_t i = from_action; i < t->out->count; i++) {
		struct qd_action *a = &t->out->list[i];
		if (a->kind != QD_ACTION_SEND || a->u.send.links != 0)
			continue;
		if (qd_links_address(&t->node->links, &t->out->sends[a->u.send.index]))
			a->u.send.links = qd_links_to(&t->node->links, a->u.send.to);
		else
			a->kind = QD_ACTION_NONE;
	}
}

static void think_links(struct qd_turn *t, struct qd_link_sends *sends)
{
	struct qd_cluster_turn ct = cluster_turn(t);
	sends->count = 0;
	qd_links_think(&t->node->links, t->now, sends);
	t->told = tell_heard(t, &ct) || t->told;
}

static void think_views(struct qd_turn *t, const struct qd_link_sends *sends)
{
	struct qd_node *n = t->node;
	show_disk(n);
	struct qd_cluster_turn ct = cluster_turn(t);
	qd_cluster_think(&ct);
	send_packets(t, sends);
	/* Once the views are left, the arbiter has nothing to stay for. */
	if (n->cluster.state == QD_CLUSTER_LEFT && n->cluster.leaving)
		qd_arb_shutdown(t);
}

static void operator_asks(struct qd_turn *t, const struct qd_event *ev)
{
	struct qd_cluster_turn ct = cluster_turn(t);
	enum qd_reply reply;
	if (ev->kind == QD_EVENT_FORCE) {
		reply = qd_force_request(&ct, ev->u.force.unix_s);
		if (reply == QD_REPLY_DONE)
			return; /* answered when it is durable */
	} else {
		reply = qd_change_request(&ct, ev->u.change.from, ev->u.change.votes, ev->u.change.body);
		if (reply == QD_REPLY_DONE)
			return; /* answered when it is done everywhere */
	}
	qd_cluster_trace(&ct, QD_TRACE_OPERATOR, reply, 0, 0);
	qd_arb_act(t, QD_ACTION_REPLY)->u.reply = reply;
}

static void leave(struct qd_turn *t)
{
	struct qd_cluster *c = &t->node->cluster;
	if (c->leaving)
		return;
	c->leaving = true;
	c->leaving_since = t->now;
	qd_arb_trace(t, QD_TRACE_SHUTDOWN, 0, 0, 0);
}

static void hand_over(struct qd_turn *t, uint32_t to)
{
	struct qd_cluster_turn ct = cluster_turn(t);
	const enum qd_reply reply = qd_handover_to(&ct, to);
	if (reply != QD_REPLY_DONE) /* DONE: told when the heir leads */
		qd_arb_reply(t, reply);
}

static void take_links(struct qd_turn *t, const struct qd_links_config *links)
{
	struct qd_node *n = t->node;
	qd_links_configure(&n->links, links, t->now);
	n->config.links = *links;
	n->config.members = links->peers | qd_set_of(n->config.node_id);
	n->cluster.config.detection = qd_links_detection(links);
}

static void take_cluster_event(struct qd_turn *t, const struct qd_event *ev)
{
	struct qd_cluster_turn ct = cluster_turn(t);
	if (!t->config->has_cluster)
		return;
	if (ev->kind == QD_EVENT_MESSAGE)
		receive(t, ev->u.message.message, ev->u.message.link);
	else if (ev->kind == QD_EVENT_KEPT)
		qd_keep_over(&ct, ev->u.kept.turn, ev->u.kept.result);
	else if (ev->kind == QD_EVENT_WITNESS)
		qd_extra_witness(&ct, &ev->u.witness);
	else if (ev->kind == QD_EVENT_LINKS)
		take_links(t, ev->u.links);
	else
		operator_asks(t, ev);
}

static void take_times(struct qd_turn *t, const struct qd_times *times)
{
	qd_assert(qd_times_check(times).verdict == QD_TIMES_OK);
	/* The running lease keeps the deadlines that it was given: the next good round uses the new ones. */
	t->a->next_times = *times;
	t->a->times_pending = true;
}

static void take_event(struct qd_turn *t, const struct qd_event *ev)
{
	switch (ev->kind) {
	case QD_EVENT_TIMEOUT:
		break;
	case QD_EVENT_DONE:
		qd_arb_done(t, &ev->u.answer);
		break;
	case QD_EVENT_SESSION_LOST:
		qd_arb_session_lost(t, ev->u.path);
		break;
	case QD_EVENT_GROUP:
		qd_group_reported(t, ev->u.group.report, ev->u.group.turn);
		break;
	case QD_EVENT_STORED:
		qd_leave_stored(t, ev->u.stored.incarnation, ev->u.stored.ok);
		break;
	case QD_EVENT_HANDOVER:
		if (t->config->has_cluster)
			hand_over(t, ev->u.handover.to);
		else
			qd_handover_request(t, ev->u.handover.to);
		break;
	case QD_EVENT_SHUTDOWN:
		if (t->config->has_cluster)
			leave(t);
		else
			qd_arb_shutdown(t);
		break;
	case QD_EVENT_TIMES:
		take_times(t, &ev->u.times);
		break;
	case QD_EVENT_MESSAGE:
	case QD_EVENT_KEPT:
	case QD_EVENT_WITNESS:
	case QD_EVENT_LINKS:
	case QD_EVENT_CHANGE:
	case QD_EVENT_FORCE:
		take_cluster_event(t, ev);
		break;
	case QD_EVENT_KIND_COUNT:
		QD_UNREACHABLE("event kind");
	}
}

/* ------------------------------------------------ a step */

static void think(struct qd_turn *t, const struct qd_link_sends *sends)
{
	if (t->config->has_cluster)
		think_views(t, sends);
	qd_group_think(t);
	if (t->config->has_cluster)
		qd_acting_think(t);
	qd_arb_after(t);
	address_packets(t, 0);
	qd_node_check(t->node);
}

/* Nothing came of this step but packets of the links. */
static bool is_silent(const struct qd_turn *t)
{
	return t->out->count == t->packet_count && t->out->trace_count == 0;
}

/* A step that was told nothing new, to which nothing had come due, and which said nothing and moved no deadline: thinking
 * again finds the same, until time or an event brings something. Two in three steps are such heartbeats. */
static void settle(struct qd_turn *t)
{
	struct qd_node *n = t->node;
	const struct qd_mono due = due_but_links(n);
	const bool rests = n->config.has_cluster && !t->told && !t->late && is_silent(t) &&
			   due.ns == n->due.ns && qd_mono_before(t->now, due);
	n->due = due;
	n->rests_until = rests ? qd_mono_min(due, qd_cluster_rests_until(&n->cluster, t->times, t->now))
			       : QD_MONO_ZERO;
}

static bool may_rest(const struct qd_turn *t)
{
	return qd_mono_before(t->now, t->node->rests_until) && !t->told && !t->late && is_silent(t);
}

void qd_node_step(struct qd_node *n, const struct qd_event *ev, struct qd_actions *out)
{
	qd_assert(ev->now.ns >= n->now.ns);
	out->count = 0;
	out->trace_count = 0;
	out->send_count = 0;
	struct qd_turn t = turn_of(n, out);
	struct qd_link_sends sends;
	sends.count = 0;
	t.now = ev->now;
	t.told = ev->kind != QD_EVENT_TIMEOUT;

	qd_arb_before(&t); /* looks at what was due, so before n->now moves */
	n->now = ev->now;
	if (n->config.has_cluster) {
		struct qd_cluster_turn ct = cluster_turn(&t);
		qd_cluster_before(&ct);
	}
	take_event(&t, ev);
	qd_arb_timeout(&t);
	if (n->config.has_cluster)
		think_links(&t, &sends);
	if (may_rest(&t)) {
		send_packets(&t, &sends);
		return;
	}
	think(&t, &sends);
	settle(&t);
}

struct qd_mono qd_node_deadline(const struct qd_node *n)
{
	return n->config.has_cluster ? qd_mono_min(n->due, qd_links_deadline(&n->links)) : n->due;
}
