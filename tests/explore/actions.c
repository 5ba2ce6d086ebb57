/* SPDX-License-Identifier: Apache-2.0 */
/* What can happen next. */
#include "explore/world.h"

#include <stdio.h>

struct list {
	struct ex_action *to;
	uint32_t count;
};

static void add(struct list *list, enum ex_kind kind, uint32_t a, uint32_t b)
{
	qd_assert(list->count < EX_ACTIONS_MAX);
	list->to[list->count++] = (struct ex_action){.kind = (uint8_t)kind, .a = (uint8_t)a, .b = (uint8_t)b};
}

static bool may(const struct ex_world *w, const struct ex_limits *l, enum ex_budget what)
{
	return w->used[what] < l->budget[what];
}

static uint64_t higher(uint64_t counter, uint64_t epoch)
{
	return qd_epoch_counter(epoch) > counter ? qd_epoch_counter(epoch) : counter;
}

uint64_t ex_highest_counter(const struct ex_world *w, const struct ex_limits *l)
{
	uint64_t counter = higher(higher(0, w->tenant.record.epoch), w->disk.slots.tag.epoch);
	for (uint32_t i = 0; i < l->nodes; i++)
		counter = higher(counter, w->node[i].c.kept.promised);
	for (uint32_t i = 0; i < l->nodes; i++)
		if (w->node[i].c.max_counter > counter)
			counter = w->node[i].c.max_counter;
	return counter;
}

static void proposals(const struct ex_world *w, const struct ex_limits *l, uint32_t id, struct list *list)
{
	const struct qd_cluster *c = &w->node[id - 1].c;
	const uint64_t highest = ex_highest_counter(w, l);
	if (!may(w, l, EX_BUDGET_VIEWS) || c->state == QD_CLUSTER_LEFT)
		return;
	for (uint32_t set = 1; set < 1u << l->nodes; set++) {
		uint64_t heard = c->max_counter;
		if (!qd_set_has(set, id))
			continue;
		for (uint32_t k = 0; k < l->nodes; k++)
			if (qd_set_has(set, k + 1))
				heard = higher(heard, w->node[k].c.kept.promised);
		add(list, EX_PROPOSE, id, set);
		if (heard < highest)
			add(list, EX_PROPOSE, id, set | EX_HEARD);
	}
}

static void operators(const struct ex_world *w, const struct ex_limits *l, uint32_t id, struct list *list)
{
	const struct qd_cluster *c = &w->node[id - 1].c;
	const bool changes = may(w, l, EX_BUDGET_CHANGES) && qd_lead_owns(c, w->now) && !c->lead.change_open;
	for (uint32_t of = 0; of <= l->nodes && changes; of++)
		add(list, EX_CHANGE, id, of);
	if (may(w, l, EX_BUDGET_LEAVES) && !c->leaving)
		add(list, EX_LEAVE, id, 0);
	if (may(w, l, EX_BUDGET_FORCES) && c->state != QD_CLUSTER_LEFT && !c->leaving && !c->right.held &&
	    c->state != QD_CLUSTER_LEADING && c->state != QD_CLUSTER_MEMBER)
		add(list, EX_FORCE, id, 0);
}

static void of_node(const struct ex_world *w, const struct ex_limits *l, uint32_t id, struct list *list)
{
	const struct ex_node *n = &w->node[id - 1];
	proposals(w, l, id, list);
	operators(w, l, id, list);
	if (n->c.keep_open)
		add(list, EX_KEPT, id, 0);
	if (n->runs && !qd_lead_owns(&n->c, w->now))
		add(list, EX_STOP, id, 0);
	if (may(w, l, EX_BUDGET_RESTARTS)) {
		add(list, EX_RESTART, id, 0);
		if (n->c.keep_open)
			add(list, EX_RESTART, id, 1);
	}
	if (may(w, l, EX_BUDGET_WIPES))
		add(list, EX_WIPE, id, 0);
	if (may(w, l, EX_BUDGET_SLEEPS))
		add(list, EX_TICK, id, 0);
	if (l->disk && n->gate.take && ex_disk_may_take(w, n))
		add(list, EX_TAKE_DISK, id, 0);
	if (l->disk && ex_disk_may_give(w, n))
		add(list, EX_GIVE_DISK, id, 0);
	if (!l->disk || !ex_disk_may_write(w, n))
		return;
	add(list, EX_SLOTS, id, 0);
	if (qd_tag_compare(w->disk.slots.tag, n->c.kept.head.tag) != 0)
		add(list, EX_SLOTS, id, 1);
}

uint32_t ex_world_actions(const struct ex_world *w, const struct ex_limits *l,
			  struct ex_action to[EX_ACTIONS_MAX])
{
	struct list list = {.to = to};
	for (uint32_t i = 0; i < w->packet_count; i++)
		add(&list, EX_DELIVER, i, 0);
	for (uint32_t id = 1; id <= l->nodes; id++)
		of_node(w, l, id, &list);
	add(&list, EX_TICK, 0, 0);
	if (l->disk && may(w, l, EX_BUDGET_DISK_FAULTS))
		add(&list, EX_TICK, 0, 1);
	if (!l->witness)
		return list.count;
	if (w->writing)
		add(&list, EX_WITNESS_WRITTEN, 0, 0);
	if (may(w, l, EX_BUDGET_WITNESS_RESTARTS)) {
		add(&list, EX_WITNESS_RESTART, 0, 0);
		if (w->writing)
			add(&list, EX_WITNESS_RESTART, 0, 1);
	}
	if (may(w, l, EX_BUDGET_WITNESS_WIPES))
		add(&list, EX_WITNESS_WIPE, 0, 0);
	return list.count;
}

static void describe_packet(const struct ex_packet *p, char *to, size_t cap)
{
	if (p->kind == EX_REQUEST)
		(void)snprintf(to, cap, "the witness is asked by %u: %s", p->from,
			       qd_witness_ask_name(p->u.request.ask));
	else if (p->kind == EX_ANSWER)
		(void)snprintf(to, cap, "the witness's answer reaches %u: %s", p->to,
			       qd_witness_verdict_name(p->u.answer.verdict));
	else
		(void)snprintf(to, cap, "%s of %u reaches %u", qd_msg_kind_name(p->u.msg.kind), p->from,
			       p->to);
}

static void describe_propose(struct ex_action a, char *to, size_t cap)
{
	char set[16] = "";
	size_t len = 0;
	for (uint32_t id = 1; id <= EX_NODES_MAX; id++)
		if (qd_set_has(a.b, id))
			len += (size_t)snprintf(set + len, sizeof(set) - len, "%s%u", len > 0 ? " " : "", id);
	(void)snprintf(to, cap, "node %u proposes {%s}%s", a.a, set,
		       (a.b & EX_HEARD) != 0 ? ", having heard of every epoch" : "");
}

static void describe_change(struct ex_action a, char *to, size_t cap)
{
	if (a.b == 0)
		(void)snprintf(to, cap, "an operator changes the text at node %u", a.a);
	else
		(void)snprintf(to, cap, "an operator changes node %u's vote at node %u", a.b, a.a);
}

void ex_world_describe(const struct ex_world *w, struct ex_action a, char *to, size_t cap)
{
	static const char *const of_one[EX_KIND_COUNT] = {
		[EX_KEPT] = "durable: node",
		[EX_STOP] = "stopped: node",
		[EX_RESTART] = "restarts: node",
		[EX_WIPE] = "restarts with a new store: node",
		[EX_LEAVE] = "shall leave: node",
		[EX_FORCE] = "the quorum is forced on node",
		[EX_WITNESS_RESTART] = "the witness restarts",
		[EX_WITNESS_WIPE] = "the witness restarts with a new store",
		[EX_WITNESS_WRITTEN] = "durable: the witness",
		[EX_TAKE_DISK] = "takes the quorum disk: node",
		[EX_GIVE_DISK] = "releases the quorum disk: node",
		[EX_SLOTS] = "writes the slots: node",
	};
	if (a.kind == EX_DELIVER)
		describe_packet(&w->packets[a.a], to, cap);
	else if (a.kind == EX_PROPOSE)
		describe_propose(a, to, cap);
	else if (a.kind == EX_CHANGE)
		describe_change(a, to, cap);
	else if (a.kind == EX_TICK && a.a != 0)
		(void)snprintf(to, cap, "R passes, node %u sleeps", a.a);
	else if (a.kind == EX_TICK)
		(void)snprintf(to, cap, "R passes%s", a.b != 0 ? ", the disk answers nobody" : "");
	else
		(void)snprintf(to, cap, "%s %u%s", of_one[a.kind], a.a, a.b != 0 ? " (half of it)" : "");
}
