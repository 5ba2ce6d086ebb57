/* SPDX-License-Identifier: Apache-2.0 */
#include "views.h"

static struct vw_item *post(struct vw *w, enum vw_kind kind, uint32_t from, uint32_t to, int64_t us)
{
	UNIT_OK(w->queue_count < VW_QUEUE_MAX);
	struct vw_item *i = &w->queue[w->queue_count++];
	i->at = qd_mono_add(w->now, qd_span_us(us));
	i->number = ++w->next_number;
	i->kind = kind;
	i->from = from;
	i->to = to;
	i->link = 0;
	return i;
}

static void check(struct vw *w)
{
	uint32_t running = 0;
	for (uint32_t id = 1; id <= w->nodes; id++)
		running += w->node[id].runs;
	UNIT_OK(running <= 1);
}

static void owner(struct vw *w, struct vw_node *n, const struct qd_action *a)
{
	n->mine = a->u.owner.mine;
	n->epoch = a->u.owner.epoch;
	if (!n->mine)
		return;
	UNIT_OK(n->epoch > w->top_epoch);
	w->top_epoch = n->epoch;
}

static void report(struct vw *w, uint32_t id, enum qd_group_report what, uint64_t turn, int64_t ms)
{
	struct vw_item *i = post(w, VW_REPORT, id, id, ms * 1000);
	i->life = w->node[id].life;
	i->u.report.report = what;
	i->u.report.turn = turn;
}

static void act(struct vw *w, uint32_t id, const struct qd_action *a)
{
	struct vw_node *n = &w->node[id];
	struct vw_item *i;
	switch (a->kind) {
	case QD_ACTION_SEND:
		for (uint32_t l = 0; l < w->links; l++) {
			if ((a->u.send.links >> l & 1u) == 0 || w->cut[id][a->u.send.to][l])
				continue;
			i = post(w, VW_MESSAGE, id, a->u.send.to, VW_PACKET_US);
			i->link = l;
			i->u.message = w->out.sends[a->u.send.index];
		}
		return;
	case QD_ACTION_KEEP:
		i = post(w, VW_KEPT, id, id, VW_STORE_US);
		i->life = n->life;
		i->u.kept.turn = a->u.keep.turn;
		i->u.kept.from = a->u.keep.from;
		i->u.kept.kept = w->out.keep;
		return;
	case QD_ACTION_WITNESS:
		if (w->cut[id][0][0])
			return;
		post(w, VW_REQUEST, id, 0, VW_PACKET_US)->u.request = a->u.witness;
		return;
	case QD_ACTION_GROUP_START:
		n->runs = true;
		report(w, id, QD_REPORT_STARTED, a->u.group.turn, VW_START_MS);
		return;
	case QD_ACTION_GROUP_STOP:
		report(w, id, QD_REPORT_STOPPED, a->u.group.turn, VW_STOP_MS);
		return;
	case QD_ACTION_OWNER:
		owner(w, n, a);
		return;
	case QD_ACTION_REPLY:
		n->reply = a->u.reply;
		n->replied = true;
		return;
	case QD_ACTION_OFF:
		n->off = true;
		return;
	case QD_ACTION_LEASE:
	case QD_ACTION_NONE:
		return;
	case QD_ACTION_SELF_RESET:
	case QD_ACTION_OP:
	case QD_ACTION_TEARDOWN:
	case QD_ACTION_STORE:
	case QD_ACTION_KIND_COUNT:
		break;
	}
	unit_case("an action that no scenario has: %d", (int)a->kind);
	UNIT_OK(a->kind == QD_ACTION_NONE);
}

void vw_event(struct vw *w, uint32_t id, struct qd_event *ev)
{
	struct vw_node *n = &w->node[id];
	if (!n->up)
		return;
	ev->now = w->now;
	qd_node_step(&n->core, ev, &w->out);
	for (uint32_t i = 0; w->verbose && i < w->out.trace_count; i++) {
		char text[QD_TRACE_TEXT_MAX];
		(void)qd_trace_format(&w->out.traces[i], text, sizeof(text));
		printf("%8" PRId64 ".%03u %u %s\n", vw_ms(w), (unsigned)(w->now.ns / 1000 % 1000), id, text);
	}
	for (uint32_t i = 0; i < w->out.count; i++)
		act(w, id, &w->out.list[i]);
	if (n->off)
		n->up = false;
	check(w);
}

static void tell(struct vw *w, uint32_t to, const struct qd_witness_answer *answer)
{
	if (!w->cut[0][to][0])
		post(w, VW_ANSWER, 0, to, VW_PACKET_US)->u.answer = *answer;
}

/* The witness's own store takes no time here: what it must keep is kept before it answers. */
static void ask_witness(struct vw *w, const struct vw_item *i)
{
	struct qd_witness_answer answer = {0};
	if (!w->witness_up)
		return;
	const uint32_t done = qd_tenant_step(&w->tenant, &i->u.request, w->now, &answer);
	if ((done & QD_TENANT_ANSWER) != 0) {
		answer.session = 77;
		tell(w, i->from, &answer);
	}
	if ((done & QD_TENANT_WRITE) != 0 && qd_tenant_written(&w->tenant, true, w->now, &answer)) {
		answer.session = 77;
		tell(w, i->from, &answer);
	}
}

/* The text of a configuration is fetched from who has it. */
static bool has_text(const struct vw *w, const struct vw_node *n, const struct vw_item *i)
{
	const struct qd_head *h = &i->u.kept.kept.head;
	const uint32_t from = i->u.kept.from;
	return memcmp(h->body, n->disk.head.body, sizeof(h->body)) == 0 || from == 0 || w->node[from].up;
}

static void deliver(struct vw *w, struct vw_item *i)
{
	struct vw_node *n = &w->node[i->to];
	struct qd_event ev = {.kind = QD_EVENT_TIMEOUT};
	switch (i->kind) {
	case VW_MESSAGE:
		ev.kind = QD_EVENT_MESSAGE;
		ev.u.message.message = &i->u.message;
		ev.u.message.link = i->link;
		break;
	case VW_KEPT:
		if (!n->up || i->life != n->life)
			return;
		ev.kind = QD_EVENT_KEPT;
		ev.u.kept.turn = i->u.kept.turn;
		ev.u.kept.result = has_text(w, n, i) ? QD_KEEP_DURABLE : QD_KEEP_NO_TEXT;
		if (ev.u.kept.result == QD_KEEP_DURABLE)
			n->disk = i->u.kept.kept;
		break;
	case VW_REQUEST:
		ask_witness(w, i);
		return;
	case VW_ANSWER:
		ev.kind = QD_EVENT_WITNESS;
		ev.u.witness = i->u.answer;
		break;
	case VW_REPORT:
		if (i->life != n->life)
			return;
		if (i->u.report.report == QD_REPORT_STOPPED)
			n->runs = false;
		ev.kind = QD_EVENT_GROUP;
		ev.u.group.report = i->u.report.report;
		ev.u.group.turn = i->u.report.turn;
		break;
	}
	vw_event(w, i->to, &ev);
}

static void turn(struct vw *w, struct qd_mono limit, bool *again)
{
	uint32_t best = w->queue_count;
	struct qd_mono at = limit;
	uint32_t timer = 0;
	for (uint32_t i = 0; i < w->queue_count; i++) {
		const struct vw_item *q = &w->queue[i];
		if (qd_mono_before(q->at, at) ||
		    (q->at.ns == at.ns && (best == w->queue_count || q->number < w->queue[best].number))) {
			at = q->at;
			best = i;
		}
	}
	for (uint32_t id = 1; id <= w->nodes; id++) {
		if (!w->node[id].up)
			continue;
		const struct qd_mono d = qd_mono_max(qd_node_deadline(&w->node[id].core), w->now);
		if (qd_mono_before(d, at)) {
			at = d;
			timer = id;
		}
	}
	*again = timer != 0 || best != w->queue_count;
	w->now = at;
	if (timer != 0) {
		vw_event(w, timer, &(struct qd_event){.kind = QD_EVENT_TIMEOUT});
	} else if (best != w->queue_count) {
		struct vw_item item = w->queue[best];
		w->queue[best] = w->queue[--w->queue_count];
		deliver(w, &item);
	}
}

static bool run(struct vw *w, bool (*holds)(const struct vw *w), int64_t ms)
{
	const struct qd_mono limit = qd_mono_add(w->now, qd_span_ms(ms));
	uint32_t spin = 0;
	struct qd_mono last = w->now;
	for (bool again = true; again;) {
		if (holds != NULL && holds(w))
			return true;
		turn(w, limit, &again);
		spin = w->now.ns == last.ns ? spin + 1 : 0;
		last = w->now;
		UNIT_OK(spin < 2000);
		if (spin >= 2000)
			return false;
	}
	return holds == NULL || holds(w);
}

void vw_run(struct vw *w, int64_t ms)
{
	(void)run(w, NULL, ms);
}

bool vw_until(struct vw *w, bool (*holds)(const struct vw *w), int64_t ms)
{
	return run(w, holds, ms);
}

uint32_t vw_owner(const struct vw *w)
{
	for (uint32_t id = 1; id <= w->nodes; id++)
		if (w->node[id].runs && w->node[id].mine)
			return id;
	return 0;
}

int64_t vw_ms(const struct vw *w)
{
	return (int64_t)(w->now.ns / 1000000) - 1000000;
}

void vw_start(struct vw *w, uint32_t id)
{
	struct vw_node *n = &w->node[id];
	struct qd_node_config c = {
		.node_id = id,
		.members = (UINT64_C(1) << w->nodes) - 1,
		.cluster_tag = 1,
		.incarnation = ++n->incarnation,
		.times = w->times,
		.seed = id,
		.has_group = true,
		.has_cluster = true,
	};
	n->life++;
	n->up = true;
	n->off = false;
	n->runs = false;
	n->mine = false;
	c.links = (struct qd_links_config){.node_id = id,
					   .session = (uint64_t)id << 32 | n->life,
					   .incarnation = n->incarnation,
					   .peers = c.members & ~qd_set_of(id),
					   .seed = id + n->life * 64};
	for (uint32_t p = 1; p <= w->nodes; p++)
		for (uint32_t l = 0; l < w->links && p != id; l++)
			c.links.link[p - 1][l] = (struct qd_link_config){
				.used = true, .delay = w->delay, .threshold = w->threshold};
	c.cluster = (struct qd_cluster_config){
		.node_id = id,
		.incarnation = n->incarnation,
		.detection = qd_links_detection(&c.links),
		.join_only = n->prevent,
		.has_witness = w->has_witness,
		.seed = id,
		.kept = n->disk,
	};
	qd_node_init(&n->core, &c, w->now);
	vw_event(w, id, &(struct qd_event){.kind = QD_EVENT_TIMEOUT});
}

void vw_start_all(struct vw *w)
{
	for (uint32_t id = 1; id <= w->nodes; id++)
		vw_start(w, id);
}

void vw_kill(struct vw *w, uint32_t id)
{
	w->node[id].up = false;
	w->node[id].runs = false;
	w->node[id].mine = false;
	w->node[id].life++;
}

void vw_cut(struct vw *w, uint32_t a, uint32_t b, bool cut)
{
	for (uint32_t l = 0; l < VW_LINKS_MAX; l++)
		w->cut[a][b][l] = w->cut[b][a][l] = cut;
}

void vw_isolate(struct vw *w, uint32_t id, bool cut)
{
	for (uint32_t other = 0; other <= w->nodes; other++)
		if (other != id)
			vw_cut(w, id, other, cut);
}

struct vw *vw_new(uint32_t nodes, enum qd_model model)
{
	struct vw *w = calloc(1, sizeof(*w));
	UNIT_OK(w != NULL && nodes <= VW_NODES_MAX);
	if (w == NULL)
		abort();
	w->now = qd_mono_add(QD_MONO_ZERO, qd_span_ms(1000000));
	w->nodes = nodes;
	w->links = 1;
	w->times = qd_times_from_renew(qd_span_ms(3000), QD_SPAN_ZERO);
	w->delay = qd_span_ms(1000);
	w->threshold = 5;
	w->votes = (struct qd_votes){.model = model, .nodes = (UINT64_C(1) << nodes) - 1, .dynamic = false};
	memset(w->votes.weight, 0, sizeof(w->votes.weight));
	for (uint32_t id = 1; id <= nodes; id++)
		w->votes.weight[id - 1] = 1;
	w->has_witness = model == QD_MODEL_NODE_AND_WITNESS;
	w->witness_up = true;
	const struct qd_witness_record record = {.confirmed = true};
	qd_tenant_init(&w->tenant, &record, w->now);
	w->verbose = getenv("VIEWS_VERBOSE") != NULL;
	for (uint32_t id = 1; id <= nodes; id++)
		w->node[id].disk = (struct qd_kept){
			.has_vote = true, .head = {.tag = {.epoch = 0, .version = 1}, .votes = w->votes}};
	return w;
}

void vw_free(struct vw *w)
{
	free(w);
}
