/* SPDX-License-Identifier: Apache-2.0 */
/* What an action does to the world: as src/core/node.c and the shell around it would. */
#include "explore/world.h"

#include <stdio.h>
#include <stddef.h>

static struct qd_actions out; /* of the step that is being made */
static struct qd_times times;
static uint64_t candidate; /* the set that the node that is being stepped finds around itself */

static const struct qd_span TICK = {INT64_C(3000) * 1000000};

/* In place of core/candidate: whatever set the explorer wants to be found. */
uint64_t qd_candidate(const struct qd_hearing *h, uint32_t self, const struct qd_votes *v, uint32_t leader,
		      uint32_t holder)
{
	(void)h;
	(void)self;
	(void)v;
	(void)leader;
	(void)holder;
	return candidate;
}

const struct qd_times *ex_times(void)
{
	return &times;
}

void ex_world_copy(struct ex_world *to, const struct ex_world *from, const struct ex_limits *l)
{
	memcpy(to, from, offsetof(struct ex_world, node) + l->nodes * sizeof(from->node[0]));
	memcpy(to->packets, from->packets, from->packet_count * sizeof(from->packets[0]));
}

/* ------------------------------------------------ a step of a node */

static struct qd_cluster_turn turn_of(struct ex_world *w, struct ex_node *n, bool its_turn)
{
	/* What was said before must not shine through in the parts of a message that say nothing. */
	memset(out.sends, 0, out.send_count * sizeof(out.sends[0]));
	out.count = 0;
	out.trace_count = 0;
	out.send_count = 0;
	/* Who is late observes and begins nothing: so a node proposes when the explorer wants it to, and only then. */
	return (struct qd_cluster_turn){.c = &n->c,
					.times = &times,
					.now = w->now,
					.out = &out,
					.gate = &n->gate,
					.runs = n->runs,
					.late = !its_turn};
}

/* The others are heard and agree with whatever set this node finds: only promises and votes may keep it safe. */
static void agree(const struct ex_world *w, const struct ex_limits *l, struct ex_node *n, bool its_turn)
{
	n->c.hears = (UINT64_C(1) << l->nodes) - 1;
	for (uint32_t id = 1; id <= l->nodes; id++) {
		struct qd_member *m = &n->c.members[id - 1];
		const struct ex_node *o = &w->node[id - 1];
		if (o == n)
			continue;
		m->heard = true;
		m->news_known = true;
		m->news = (struct qd_news){.set = candidate,
					   .hears = n->c.hears,
					   .tag = o->c.kept.head.tag,
					   .flags = o->c.leaving ? QD_NEWS_LEAVING : 0};
		for (uint32_t of = 1; of <= l->nodes; of++)
			m->news.incarnation[of - 1] = qd_cluster_incarnation(&n->c, of);
		/* Whom it promised is at it, as far as it knows, unless the explorer wants its turn to come. */
		if (!its_turn && n->c.state == QD_CLUSTER_PROMISED && n->c.promise.to == id)
			m->news.promised = n->c.promise.view.epoch;
	}
}

/* A change that was done is in every view of a later epoch, and in every change that is done after it. */
static const char *forgets(struct ex_world *w, struct ex_node *n, bool done)
{
	const uint32_t has = n->c.kept.head.body[0];
	const uint64_t epoch = n->c.kept.head.tag.epoch;
	for (uint32_t i = 0; i < 8 && !w->forced; i++) {
		if ((w->done >> i & 1u) == 0 || (has >> i & 1u) != 0)
			continue;
		if (done)
			return "I3: a change is done that knows nothing of one that was done before";
		if (epoch > w->done_epoch[i])
			return "I3: a change that was done is not in a later view";
	}
	for (uint32_t i = 0; i < 8 && done; i++) {
		if ((has >> i & 1u) == 0 || (w->done >> i & 1u) != 0)
			continue;
		w->done |= 1u << i;
		w->done_epoch[i] = epoch;
	}
	return NULL;
}

static const char *note_traces(struct ex_world *w, struct ex_node *n)
{
	const char *bad = NULL;
	for (uint32_t i = 0; i < out.trace_count && bad == NULL; i++) {
		const enum qd_trace_code code = out.traces[i].code;
		if (code == QD_TRACE_CHANGED || code == QD_TRACE_LEADING)
			bad = forgets(w, n, code == QD_TRACE_CHANGED);
		if (code == QD_TRACE_PREPARE)
			w->used[EX_BUDGET_VIEWS]++;
	}
	return bad;
}

static void send(struct ex_world *w, const struct ex_limits *l, struct ex_node *n, const struct qd_action *a)
{
	const struct qd_msg *m = &out.sends[a->u.send.index];
	struct ex_packet p;
	if (m->kind == QD_MSG_NEWS || n->knows[a->u.send.to - 1] == 0)
		return;
	memset(&p, 0, sizeof(p));
	p.kind = EX_MSG;
	p.from = (uint8_t)n->c.config.node_id;
	p.to = (uint8_t)a->u.send.to;
	p.session = n->knows[a->u.send.to - 1];
	p.from_session = n->session;
	p.u.msg.kind = m->kind;
	p.u.msg.from = n->c.config.node_id;
	p.u.msg.from_incarnation = n->c.config.incarnation;
	p.u.msg.to = a->u.send.to;
	p.u.msg.u = m->u;
	ex_net_send(w, l, &p);
}

static void ask(struct ex_world *w, const struct ex_limits *l, struct ex_node *n, const struct qd_action *a)
{
	struct ex_packet p;
	if (!l->witness)
		return;
	memset(&p, 0, sizeof(p));
	p.kind = EX_REQUEST;
	p.from = (uint8_t)n->c.config.node_id;
	p.session = w->tenant_session;
	p.from_session = n->session;
	p.u.request = a->u.witness;
	ex_net_send(w, l, &p);
}

/* What runs here, and until when. */
static void act(struct ex_world *w, struct ex_node *n, bool say)
{
	const struct qd_lease *right = &n->c.right;
	if (n->runs && right->held)
		n->ends = qd_mono_max(n->ends, right->stopped_by);
	if (n->runs || !qd_lead_is_free(&n->c, w->now))
		return;
	n->runs = true;
	n->ends = right->stopped_by;
	if (say)
		printf("        node %u: STARTS\n", n->c.config.node_id);
}

static void print_traces(const struct ex_node *n)
{
	for (uint32_t i = 0; i < out.trace_count; i++) {
		char text[QD_TRACE_TEXT_MAX];
		(void)qd_trace_format(&out.traces[i], text, sizeof(text));
		printf("        node %u: %s\n", n->c.config.node_id, text);
	}
}

static const char *carry_out(struct ex_world *w, const struct ex_limits *l, struct ex_node *n, bool say)
{
	if (say)
		print_traces(n);
	for (uint32_t i = 0; i < out.count; i++) {
		const struct qd_action *a = &out.list[i];
		if (a->kind == QD_ACTION_SEND)
			send(w, l, n, a);
		else if (a->kind == QD_ACTION_WITNESS)
			ask(w, l, n, a);
	}
	act(w, n, say);
	return note_traces(w, n);
}

/* What is due is done until nothing is; a store that is not slow is durable at once. */
static const char *settle(struct ex_world *w, const struct ex_limits *l, struct qd_cluster_turn *t,
			  struct ex_node *n, bool say)
{
	for (uint32_t passes = 0;; passes++) {
		ex_disk_show(w, l, n);
		qd_cluster_think(t);
		qd_cluster_check(&n->c, w->now);
		const char *bad = carry_out(w, l, n, say);
		const bool stores = n->c.keep_open && !l->slow_stores;
		/* Who has just begun to need the witness asks it at once. */
		const bool asks = passes < 4 && qd_mono_reached(w->now, qd_extra_deadline(&n->c, &times));
		if (bad != NULL || (!stores && !asks))
			return bad;
		*t = turn_of(w, n, false);
		if (!stores)
			continue;
		n->disk = n->c.keeping;
		qd_keep_over(t, n->c.keep_turn, QD_KEEP_DURABLE);
	}
}

static struct qd_cluster_turn begin(struct ex_world *w, const struct ex_limits *l, struct ex_node *n,
				    uint64_t set, bool its_turn)
{
	candidate = set;
	n->c.set = set;
	agree(w, l, n, its_turn);
	ex_disk_show(w, l, n);
	struct qd_cluster_turn t = turn_of(w, n, its_turn);
	qd_cluster_before(&t);
	return t;
}

static const char *step(struct ex_world *w, const struct ex_limits *l, struct ex_node *n, bool say)
{
	struct qd_cluster_turn t = begin(w, l, n, n->c.set, false);
	return settle(w, l, &t, n, say);
}

/* ------------------------------------------------ beginnings */

static void boot(struct ex_world *w, const struct ex_limits *l, struct ex_node *n, const struct qd_kept *disk,
		 uint64_t incarnation)
{
	const uint32_t id = (uint32_t)(n - w->node) + 1;
	const uint32_t session = n->session + 1;
	const struct qd_kept copy = *disk;
	/* What runs here may outlive the process: it is stopped, or stops at its deadline. */
	const bool runs = n->runs;
	const struct qd_mono ends = n->ends;
	memset(n, 0, sizeof(*n));
	n->runs = runs;
	n->ends = ends;
	n->disk = copy;
	n->session = session;
	const struct qd_cluster_config config = {
		.node_id = id,
		.incarnation = incarnation,
		.detection = TICK,
		.has_witness = l->witness,
		.has_disk = l->disk,
		.seed = id,
		.kept = copy,
	};
	if (w->disk.holder == id)
		w->disk.holder =
			0; /* its arbiter has a new key; `renewed` says how long the old one counts */
	qd_cluster_init(&n->c, &config, w->now);
	struct qd_cluster_turn t = turn_of(w, n, false);
	qd_cluster_before(&t);
	n->c.joining_since = QD_MONO_ZERO; /* nobody waits to be taken in: the worst case */
	n->c.set = 0;
}

/* As the configuration file says it. */
static struct qd_kept first_store(const struct ex_limits *l, bool has_vote)
{
	struct qd_kept disk;
	memset(&disk, 0, sizeof(disk));
	disk.has_vote = has_vote;
	disk.head.tag.version = 1;
	disk.head.votes.model = l->witness ? QD_MODEL_NODE_AND_WITNESS
				: l->disk  ? QD_MODEL_NODE_AND_DISK
					   : QD_MODEL_NODE_MAJORITY;
	disk.head.votes.nodes = (UINT64_C(1) << l->nodes) - 1;
	disk.head.votes.dynamic = l->dynamic;
	for (uint32_t id = 1; id <= l->nodes; id++)
		disk.head.votes.weight[id - 1] = id == 1 ? (uint8_t)l->weight : 1;
	return disk;
}

/* Node 1 leads everybody and runs what there is to run, everybody knows of its right, and nothing is under way. */
static void warm_up(struct ex_world *w, const struct ex_limits *l)
{
	const uint32_t all = (1u << l->nodes) - 1;
	(void)ex_world_act(w, l, (struct ex_action){EX_PROPOSE, 1, (uint8_t)all}, false);
	for (uint32_t i = 0; i < 300; i++) {
		struct ex_action list[EX_ACTIONS_MAX];
		const uint32_t count = ex_world_actions(w, l, list);
		const struct ex_action *next = NULL;
		for (uint32_t k = 0; k < count; k++) {
			const enum ex_kind kind = (enum ex_kind)list[k].kind;
			const bool good = kind == EX_DELIVER || kind == EX_KEPT ||
					  kind == EX_WITNESS_WRITTEN || kind == EX_TAKE_DISK ||
					  (kind == EX_SLOTS && list[k].b == 0);
			if (good && next == NULL)
				next = &list[k];
		}
		if (next == NULL && w->node[0].runs)
			break;
		const struct ex_action r = {EX_TICK, 0,
					    0}; /* a witness that has just started is waited for */
		(void)ex_world_act(w, l, next == NULL ? r : *next, false);
	}
	w->used[EX_BUDGET_VIEWS] = 0;
	qd_assert(w->node[0].runs && w->node[0].c.state == QD_CLUSTER_LEADING);
}

void ex_world_init(struct ex_world *w, const struct ex_limits *l)
{
	memset(w, 0, sizeof(*w));
	times = l->wait_ticks == 4 ? qd_times_make(TICK, qd_span_ms(7000), qd_span_ms(13000), QD_SPAN_ZERO)
				   : qd_times_from_renew(TICK, QD_SPAN_ZERO);
	w->now = qd_mono_add(QD_MONO_ZERO, qd_span_mul(TICK, 1000));
	const struct qd_kept disk = first_store(l, true);
	w->record.confirmed = true;
	w->disk.slots = disk.head;
	w->tenant_session = 1;
	qd_tenant_init(&w->tenant, &w->record, w->now);
	for (uint32_t i = 0; i < l->nodes; i++)
		boot(w, l, &w->node[i], &disk, 1);
	for (uint32_t i = 0; i < l->nodes * l->nodes; i++) {
		w->node[i / l->nodes].knows[i % l->nodes] = 1;
		w->node[i / l->nodes].c.members[i % l->nodes].incarnation = 1;
	}
	/* What a node that starts waits for, because it knows nothing, is over; restarts bring it back. */
	for (uint32_t i = 0; i < l->wait_ticks; i++)
		(void)ex_world_act(w, l, (struct ex_action){EX_TICK, 0, 0}, false);
	if (l->warm)
		warm_up(w, l);
}

/* ------------------------------------------------ actions */

static const char *deliver(struct ex_world *w, const struct ex_limits *l, uint32_t at, bool say)
{
	const struct ex_packet p = w->packets[at];
	ex_net_remove(w, at);
	if (p.kind == EX_REQUEST) {
		ex_tenant_ask(w, l, &p);
		return NULL;
	}
	struct ex_node *n = &w->node[p.to - 1];
	/* Who is asked to promise finds the same set around itself. */
	const bool asked = p.kind == EX_MSG && p.u.msg.kind == QD_MSG_PREPARE;
	struct qd_cluster_turn t = begin(w, l, n, asked ? p.u.msg.u.prepare.members : n->c.set, false);
	if (p.kind == EX_MSG)
		qd_cluster_message(&t, &p.u.msg);
	else
		qd_extra_witness(&t, &p.u.answer);
	return settle(w, l, &t, n, say);
}

/* Two nodes that hear each other know which start of the other that is. */
static const char *meet(struct ex_world *w, const struct ex_limits *l, struct ex_node *n, bool say)
{
	bool changed = false;
	for (uint32_t k = 0; k < l->nodes; k++) {
		const struct ex_node *o = &w->node[k];
		if (o == n || !qd_set_has(candidate, k + 1) || n->knows[k] == o->session)
			continue;
		n->knows[k] = o->session;
		struct qd_cluster_turn t = turn_of(w, n, false);
		qd_cluster_restarted(&t, k + 1, o->c.config.incarnation);
		changed = true;
	}
	return changed ? step(w, l, n, say) : NULL;
}

/* What it was at comes to nothing: for an instant nobody was there. */
static const char *give_way(struct ex_world *w, const struct ex_limits *l, struct ex_node *n, bool say)
{
	const enum qd_cluster_state s = n->c.state;
	if (s != QD_CLUSTER_PREPARING && s != QD_CLUSTER_GETTING_EXTRA && s != QD_CLUSTER_INSTALLING)
		return NULL;
	struct qd_cluster_turn t = begin(w, l, n, 0, false);
	return settle(w, l, &t, n, say);
}

static const char *propose(struct ex_world *w, const struct ex_limits *l, struct ex_action a, bool say)
{
	struct ex_node *n = &w->node[a.a - 1];
	const uint64_t set = a.b & (EX_HEARD - 1u);
	const char *bad = NULL;
	for (uint32_t k = 0; k < l->nodes && bad == NULL; k++) {
		candidate = set;
		if (qd_set_has(set, k + 1))
			bad = meet(w, l, &w->node[k], say);
	}
	if (bad != NULL)
		return bad;
	/* News of those in the set, or of everybody. */
	for (uint32_t k = 0; k < l->nodes; k++)
		if (qd_set_has(set, k + 1))
			qd_cluster_saw_epoch(&n->c, w->node[k].c.kept.promised);
	if ((a.b & EX_HEARD) != 0)
		n->c.max_counter = ex_highest_counter(w, l);
	bad = give_way(w, l, n, say);
	if (bad != NULL)
		return bad;
	const uint32_t heir = n->c.heir;
	if (!n->c.handing) /* to another one, which it asks to propose */
		n->c.heir = a.a;
	n->c.lead.resend_at = QD_MONO_ZERO;
	n->c.back_until = QD_MONO_ZERO;
	n->c.short_until = QD_MONO_ZERO;
	n->c.due_since = QD_NEVER;
	struct qd_cluster_turn t = begin(w, l, n, set, true);
	bad = settle(w, l, &t, n, say);
	n->c.heir = n->c.handing ? heir : 0;
	return bad;
}

static const char *change(struct ex_world *w, const struct ex_limits *l, struct ex_action a, bool say)
{
	struct ex_node *n = &w->node[a.a - 1];
	struct qd_votes votes = n->c.kept.head.votes;
	uint8_t body[QD_DIGEST_BYTES];
	memcpy(body, n->c.kept.head.body, sizeof(body));
	body[0] |= (uint8_t)(1u << (w->next_change % 8));
	if (a.b != 0)
		votes.weight[a.b - 1] = votes.weight[a.b - 1] == 0 ? 1 : 0;
	struct qd_cluster_turn t = begin(w, l, n, n->c.set, false);
	if (qd_change_request(&t, n->c.kept.head.tag, &votes, body) == QD_REPLY_DONE) {
		w->next_change++;
		w->used[EX_BUDGET_CHANGES]++;
		n->c.lead.change_operator = false;
	}
	return settle(w, l, &t, n, say);
}

static const char *force(struct ex_world *w, const struct ex_limits *l, struct ex_node *n, bool say)
{
	struct qd_cluster_turn t = begin(w, l, n, qd_set_of(n->c.config.node_id), false);
	w->used[EX_BUDGET_FORCES]++;
	if (qd_force_request(&t, 0) == QD_REPLY_DONE)
		w->forced = true;
	return settle(w, l, &t, n, say);
}

/* Who waits for the witness was refused meanwhile: it goes on asking, instead of giving up for want of any answer. */
static void refuse(struct ex_world *w, struct ex_node *n)
{
	const struct qd_witness_voter *v = &n->c.witness;
	if (n->c.state != QD_CLUSTER_GETTING_EXTRA || v->asked_id == 0 || v->asked != QD_WITNESS_LOCK)
		return;
	const struct qd_witness_answer held = {.id = v->asked_id,
					       .incarnation = n->c.config.incarnation,
					       .session = w->tenant_session,
					       .verdict = QD_WITNESS_HELD};
	struct qd_cluster_turn t = turn_of(w, n, false);
	t.now = qd_mono_add(t.now, qd_span_ms(-1000));
	qd_extra_witness(&t, &held);
}

static const char *tick(struct ex_world *w, const struct ex_limits *l, struct ex_action a, bool say)
{
	const char *bad = NULL;
	w->now = qd_mono_add(w->now, TICK);
	if (a.a != 0)
		w->used[EX_BUDGET_SLEEPS]++;
	if (a.b != 0)
		w->used[EX_BUDGET_DISK_FAULTS]++;
	for (uint32_t id = 1; id <= l->nodes && bad == NULL; id++) {
		struct ex_node *n = &w->node[id - 1];
		if (n->runs && qd_mono_reached(w->now, n->ends))
			n->runs = false; /* the runner's own deadline, or the reset */
		if (id == a.a)
			continue;
		if (l->disk)
			ex_disk_beat(w, n, a.b == 0);
		refuse(w, n);
		bad = step(w, l, n, say);
	}
	return bad;
}

static void restart(struct ex_world *w, const struct ex_limits *l, struct ex_action a)
{
	struct ex_node *n = &w->node[a.a - 1];
	if (a.kind == EX_WIPE) {
		const struct qd_kept fresh = first_store(l, false);
		w->used[EX_BUDGET_WIPES]++;
		boot(w, l, n, &fresh, 1);
		return;
	}
	w->used[EX_BUDGET_RESTARTS]++;
	const struct qd_kept kept = a.b != 0 ? n->c.keeping : n->disk;
	boot(w, l, n, &kept, n->c.config.incarnation + 1);
}

/* What happens to one node, and its step after that. */
static const char *of_node(struct ex_world *w, const struct ex_limits *l, struct ex_action a, bool say)
{
	struct ex_node *n = &w->node[a.a - 1];
	if (a.kind == EX_KEPT) {
		n->disk = n->c.keeping;
		struct qd_cluster_turn t = begin(w, l, n, n->c.set, false);
		qd_keep_over(&t, n->c.keep_turn, QD_KEEP_DURABLE);
		return settle(w, l, &t, n, say);
	}
	if (a.kind == EX_STOP)
		n->runs = false;
	else if (a.kind == EX_TAKE_DISK)
		ex_disk_take(w, n);
	else if (a.kind == EX_GIVE_DISK)
		ex_disk_give(w);
	else if (a.kind == EX_SLOTS)
		ex_disk_write(w, n, a.b != 0);
	else if (a.kind == EX_LEAVE) {
		w->used[EX_BUDGET_LEAVES]++;
		n->c.leaving = true;
		n->c.leaving_since = w->now;
	}
	return step(w, l, n, say);
}

static const char *perform(struct ex_world *w, const struct ex_limits *l, struct ex_action a, bool say)
{
	switch ((enum ex_kind)a.kind) {
	case EX_TICK:
		return tick(w, l, a, say);
	case EX_DELIVER:
		return deliver(w, l, a.a, say);
	case EX_PROPOSE:
		return propose(w, l, a, say);
	case EX_CHANGE:
		return change(w, l, a, say);
	case EX_FORCE:
		return force(w, l, &w->node[a.a - 1], say);
	case EX_KEPT:
	case EX_STOP:
	case EX_LEAVE:
	case EX_TAKE_DISK:
	case EX_GIVE_DISK:
	case EX_SLOTS:
		return of_node(w, l, a, say);
	case EX_RESTART:
	case EX_WIPE:
		restart(w, l, a);
		return NULL;
	case EX_WITNESS_RESTART:
		w->used[EX_BUDGET_WITNESS_RESTARTS]++;
		ex_tenant_boot(w, a.b != 0, false);
		return NULL;
	case EX_WITNESS_WIPE:
		w->used[EX_BUDGET_WITNESS_WIPES]++;
		ex_tenant_boot(w, false, true);
		return NULL;
	case EX_WITNESS_WRITTEN:
		ex_tenant_written(w, l);
		return NULL;
	case EX_KIND_COUNT:
		break;
	}
	QD_UNREACHABLE("an action that there is not");
}

const char *ex_world_act(struct ex_world *w, const struct ex_limits *l, struct ex_action a, bool say)
{
	const char *bad = perform(w, l, a, say);
	ex_net_prune(w, l);
	return bad != NULL ? bad : ex_check(w, l);
}
