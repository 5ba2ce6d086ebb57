/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

enum {
	ONE_WAY_US = 500,
	RUNNER_MS = 100,
};

/* ------------------------------------------------ what is under way */

static struct fx_item *push(struct fx *fx, enum fx_item_kind kind, uint32_t node, int64_t in_us)
{
	static struct fx_item none;
	if (!UNIT_OK(fx->queue_count < FX_QUEUE_MAX))
		return &none;
	struct fx_item *item = &fx->queue[fx->queue_count++];
	item->kind = kind;
	item->number = ++fx->numbers;
	item->at = qd_mono_add(fx->now, qd_span_us(in_us));
	item->node = node;
	item->path = 0;
	item->session = 0;
	item->records_count = 0;
	item->event = (struct qd_event){.kind = QD_EVENT_TIMEOUT};
	return item;
}

static bool sooner(const struct fx_item *a, const struct fx_item *b)
{
	return a->at.ns < b->at.ns || (a->at.ns == b->at.ns && a->number < b->number);
}

static bool waits(const struct fx *fx, const struct fx_item *item)
{
	return item->kind == FX_ITEM_EVENT && fx->nodes[item->node].paused;
}

static struct fx_item *first_item(struct fx *fx)
{
	struct fx_item *first = NULL;
	for (uint32_t i = 0; i < fx->queue_count; i++)
		if (!waits(fx, &fx->queue[i]) && (first == NULL || sooner(&fx->queue[i], first)))
			first = &fx->queue[i];
	return first;
}

static void session_over(struct fx *fx, uint32_t node, uint32_t path)
{
	struct fx_item *item = push(fx, FX_ITEM_EVENT, node, ONE_WAY_US);
	fx->nodes[node].session[path] = 0;
	fx->nodes[node].pending_ua[path] = false;
	item->event.kind = QD_EVENT_SESSION_LOST;
	item->event.u.path = path;
}

/* ------------------------------------------------ commands */

static struct fx_fault *fault_of(struct fx *fx, const struct fx_item *item)
{
	for (uint32_t i = 0; i < fx->faults_count; i++) {
		struct fx_fault *f = &fx->faults[i];
		if ((f->node != 0 && f->node != item->node + 1) || (f->one_path && f->path != item->path) ||
		    (f->step != QD_STEP_IDLE && f->step != item->step) ||
		    (f->kind != QD_OP_NONE && f->kind != item->op.kind))
			continue;
		if (f->skip > 0) {
			f->skip--;
			continue;
		}
		if (f->count > 0 && f->seen >= f->count)
			continue;
		f->seen++;
		return f;
	}
	return NULL;
}

static void answer_later(struct fx_item *item)
{
	item->kind = FX_ITEM_EVENT;
	item->event.kind = QD_EVENT_DONE;
	item->at = qd_mono_add(item->at, qd_span_us(ONE_WAY_US));
}

static void log_in(struct fx *fx, struct fx_item *item)
{
	struct fx_node *n = &fx->nodes[item->node];
	const bool up = !fx->target.down && !n->path_down[item->path];
	item->event.u.answer =
		(struct qd_answer){.id = item->op.id, .outcome = up ? QD_OUTCOME_GOOD : QD_OUTCOME_ERROR};
	if (up) {
		n->session[item->path] = ++fx->sessions;
		n->pending_ua[item->path] = fx->target.forgets_nexus;
		n->ua[item->path] = QD_OUTCOME_UA_RESET;
	}
	item->session = n->session[item->path];
	answer_later(item);
}

/* True: the item stays under way. */
static bool execute(struct fx *fx, struct fx_item *item)
{
	struct fx_node *n = &fx->nodes[item->node];
	struct fx_fault *f = fault_of(fx, item);
	if (item->op.kind == QD_OP_LOGIN && f == NULL) {
		log_in(fx, item);
		return true;
	}
	if (item->op.kind != QD_OP_LOGIN && item->session != n->session[item->path])
		return false; /* dead with its session */
	if (f == NULL && n->pending_ua[item->path]) {
		n->pending_ua[item->path] = false;
		item->event.u.answer = (struct qd_answer){.id = item->op.id, .outcome = n->ua[item->path]};
		answer_later(item);
		return true;
	}
	if (f == NULL || f->executed)
		fx_target_execute(fx, item);
	if (f != NULL)
		item->event.u.answer = (struct qd_answer){.id = item->op.id, .outcome = f->outcome};
	answer_later(item);
	return f == NULL || !f->silent;
}

/* ------------------------------------------------ the runner */

static void run_group(struct fx *fx, uint32_t node, bool runs)
{
	struct fx_node *n = &fx->nodes[node];
	n->group_runs = runs;
	if (!runs)
		return;
	n->group_started_at = fx->now;
	for (uint32_t i = 0; i < fx->nodes_count; i++)
		if (i != node && fx->nodes[i].group_runs)
			FX_NEVER("the group runs on two nodes");
}

void fx_report(struct fx *fx, uint32_t id, enum qd_group_report report, uint64_t turn)
{
	struct fx_item *item = push(fx, FX_ITEM_EVENT, id - 1, 0);
	item->event.kind = QD_EVENT_GROUP;
	item->event.u.group.report = report;
	item->event.u.group.turn = turn;
	fx->nodes[id - 1].order = turn;
}

static void order_start(struct fx *fx, uint32_t node, uint64_t turn)
{
	struct fx_node *n = &fx->nodes[node];
	const bool good = n->way != FX_RUNNER_START_FAILS;
	struct fx_item *item = push(fx, FX_ITEM_EVENT, node, (int64_t)n->start_ms * 1000);
	run_group(fx, node, true);
	n->order = turn;
	item->event.kind = QD_EVENT_GROUP;
	item->event.u.group.report = good ? QD_REPORT_STARTED : QD_REPORT_START_FAILED;
	item->event.u.group.turn = turn;
}

static void order_stop(struct fx *fx, uint32_t node, uint64_t turn)
{
	struct fx_node *n = &fx->nodes[node];
	n->order = turn;
	if (n->way == FX_RUNNER_STOP_HANGS)
		return;
	struct fx_item *item = push(fx, FX_ITEM_EVENT, node, (int64_t)n->stop_ms * 1000);
	item->event.kind = QD_EVENT_GROUP;
	item->event.u.group.report =
		n->way == FX_RUNNER_STOP_FAILS ? QD_REPORT_STOP_FAILED : QD_REPORT_STOPPED;
	item->event.u.group.turn = turn;
}

/* ------------------------------------------------ what a node wants done */

static void note_owner(struct fx *fx, uint32_t node, bool mine, uint64_t epoch)
{
	if (!mine)
		return;
	for (uint32_t i = 0; i < fx->nodes_count; i++)
		if (i != node && !fx->nodes[i].dead && !fx->nodes[i].paused &&
		    fx->nodes[i].core.arbiter.state == QD_ARB_OWNER)
			FX_NEVER("two owners");
	for (uint32_t i = 0; i < fx->epochs_count; i++)
		UNIT_OK(fx->epochs[i] < epoch);
	if (fx->epochs_count < FX_EPOCHS_MAX)
		fx->epochs[fx->epochs_count++] = epoch;
}

static void start_op(struct fx *fx, uint32_t node, const struct qd_op *op)
{
	struct fx_node *n = &fx->nodes[node];
	struct fx_item *item = push(fx, FX_ITEM_EXECUTE, node, ONE_WAY_US);
	item->op = *op;
	item->path = op->path;
	item->session = n->session[op->path];
	item->step = QD_STEP_IDLE;
	for (uint32_t i = 0; i < QD_OPS_MAX; i++)
		if (n->core.arbiter.ops[i].id.value == op->id.value &&
		    n->core.arbiter.ops[i].role != QD_ROLE_PATH)
			item->step = n->core.arbiter.batch.step;
	n->ops_count++;
}

static void act(struct fx *fx, uint32_t node, const struct qd_action *a)
{
	struct fx_node *n = &fx->nodes[node];
	struct fx_item *item = NULL;
	switch (a->kind) {
	case QD_ACTION_OP:
		start_op(fx, node, &a->u.op);
		break;
	case QD_ACTION_TEARDOWN:
		session_over(fx, node, a->u.path);
		break;
	case QD_ACTION_STORE:
		item = push(fx, FX_ITEM_EVENT, node, ONE_WAY_US);
		item->event.kind = QD_EVENT_STORED;
		item->event.u.stored.incarnation = a->u.incarnation;
		item->event.u.stored.ok = !n->store_fails;
		break;
	case QD_ACTION_GROUP_START:
		order_start(fx, node, a->u.group.turn);
		break;
	case QD_ACTION_GROUP_STOP:
		order_stop(fx, node, a->u.group.turn);
		break;
	case QD_ACTION_LEASE:
		n->lease_start_by = a->u.group.begin_stop;
		break;
	case QD_ACTION_OWNER:
		note_owner(fx, node, a->u.owner.mine, a->u.owner.epoch);
		break;
	case QD_ACTION_SELF_RESET:
		n->reset = true;
		break;
	case QD_ACTION_REPLY:
		n->replies_count++;
		n->reply = a->u.reply;
		break;
	case QD_ACTION_OFF:
		n->off = true;
		break;
	case QD_ACTION_SEND: /* no networks here */
	case QD_ACTION_KEEP:
	case QD_ACTION_WITNESS:
	case QD_ACTION_NONE:
	case QD_ACTION_KIND_COUNT:
		FX_NEVER("an action of no kind");
		break;
	}
}

static void note_traces(struct fx *fx, uint32_t node, const struct qd_actions *out)
{
	char line[QD_TRACE_TEXT_MAX];
	for (uint32_t i = 0; i < out->trace_count; i++) {
		const enum qd_trace_code code = out->traces[i].code;
		/* Known beforehand or said by another line as well. */
		if (qd_trace_level_of(code) < fx->level || code == QD_TRACE_PATH_READY ||
		    code == QD_TRACE_CAPABILITIES || code == QD_TRACE_GROUP_REPORT)
			continue;
		struct qd_trace trace = out->traces[i];
		if (code == QD_TRACE_RESERVE_WAITED)
			trace.a -= trace.a % UINT64_C(3000000000); /* the rest is jitter */
		(void)qd_trace_format(&trace, line, sizeof(line));
		char *to = fx->text + fx->text_len;
		const size_t cap = sizeof(fx->text) - fx->text_len;
		int used = 0;
		if (fx->with_times)
			used = snprintf(to, cap, "%" PRId64 " %u: %s\n", fx_ms(fx), node + 1, line);
		else
			used = snprintf(to, cap, "%u: %s\n", node + 1, line);
		if (used > 0 && (size_t)used < cap)
			fx->text_len += (size_t)used;
	}
}

void fx_step(struct fx *fx, uint32_t id, const struct qd_event *event)
{
	static struct qd_actions out;
	struct fx_node *n = &fx->nodes[id - 1];
	struct qd_event ev = *event;
	ev.now = fx->now;
	qd_node_step(&n->core, &ev, &out);
	UNIT_OK(out.count <= QD_ACTIONS_MAX);
	note_traces(fx, id - 1, &out);
	for (uint32_t i = 0; i < out.count; i++)
		act(fx, id - 1, &out.list[i]);
}

/* ------------------------------------------------ time */

static void deliver(struct fx *fx, struct fx_item *item)
{
	struct fx_node *n = &fx->nodes[item->node];
	if (item->event.kind == QD_EVENT_DONE && item->session != n->session[item->path] &&
	    item->op.kind != QD_OP_LOGIN)
		return;
	if (item->event.kind == QD_EVENT_DONE && item->event.u.answer.outcome == QD_OUTCOME_GOOD) {
		if (item->op.kind == QD_OP_READ_KEYS)
			item->event.u.answer.u.keys.keys = item->keys;
		if (item->op.kind == QD_OP_READ_RECORDS) {
			item->event.u.answer.u.records.count = item->records_count;
			item->event.u.answer.u.records.records = item->records;
		}
	}
	if (item->event.kind == QD_EVENT_GROUP && item->event.u.group.turn != n->order)
		return;
	if (item->event.kind == QD_EVENT_GROUP && (item->event.u.group.report == QD_REPORT_STOPPED ||
						   item->event.u.group.report == QD_REPORT_START_FAILED))
		run_group(fx, item->node, false);
	fx_step(fx, item->node + 1, &item->event);
}

static struct qd_mono next_deadline(const struct fx *fx, uint32_t *node)
{
	struct qd_mono first = QD_NEVER;
	for (uint32_t i = 0; i < fx->nodes_count; i++) {
		if (fx->nodes[i].dead || fx->nodes[i].paused || fx->nodes[i].off)
			continue;
		const struct qd_mono d = qd_mono_max(qd_node_deadline(&fx->nodes[i].core), fx->now);
		if (!qd_mono_before(d, first))
			continue;
		first = d;
		*node = i;
	}
	return first;
}

/* The next thing that happens before `until`; false: nothing. */
static bool next_thing(struct fx *fx, struct qd_mono until)
{
	uint32_t node = 0;
	const struct qd_mono deadline = next_deadline(fx, &node);
	struct fx_item *first = first_item(fx);
	const bool by_item = first != NULL && !qd_mono_before(deadline, first->at);
	struct qd_mono at = by_item ? qd_mono_max(first->at, fx->now) : deadline;
	if (qd_mono_before(until, at))
		return false;
	fx->steps_at_once = at.ns == fx->now.ns ? fx->steps_at_once + 1 : 0;
	fx->now = at;
	if (!by_item) {
		fx_step(fx, node + 1, &(struct qd_event){.kind = QD_EVENT_TIMEOUT});
		return true;
	}
	static struct fx_item item;
	item = *first;
	*first = fx->queue[--fx->queue_count];
	if (item.kind == FX_ITEM_EVENT) {
		if (!fx->nodes[item.node].dead && !fx->nodes[item.node].off)
			deliver(fx, &item);
	} else if (execute(fx, &item) && UNIT_OK(fx->queue_count < FX_QUEUE_MAX)) {
		item.number = ++fx->numbers;
		fx->queue[fx->queue_count++] = item;
	}
	return true;
}

typedef bool fx_goal(const struct fx *fx, const struct fx_node *n, int wanted);

static bool run(struct fx *fx, fx_goal *goal, const struct fx_node *n, int wanted, int64_t ms)
{
	const struct qd_mono until = qd_mono_add(fx->now, qd_span_ms(ms));
	const unsigned failed = CU_get_number_of_failures();
	while (goal == NULL || !goal(fx, n, wanted)) {
		if (!next_thing(fx, until)) {
			fx->now = until;
			return goal == NULL;
		}
		if (CU_get_number_of_failures() != failed ||
		    !unit_check(fx->steps_at_once < FX_STEPS_AT_ONCE_MAX, __FILE__, __LINE__,
				"an endless loop at %" PRId64 " ms", fx_ms(fx)))
			return false;
	}
	return true;
}

static bool state_is(const struct fx *fx, const struct fx_node *n, int wanted)
{
	(void)fx;
	return (int)n->core.arbiter.state == wanted;
}

static bool group_is(const struct fx *fx, const struct fx_node *n, int wanted)
{
	(void)fx;
	return n->group_runs == (wanted != 0);
}

bool fx_run(struct fx *fx, int64_t ms)
{
	return run(fx, NULL, NULL, 0, ms);
}

bool fx_until(struct fx *fx, uint32_t id, enum qd_arbiter_state state, int64_t ms)
{
	return run(fx, state_is, &fx->nodes[id - 1], (int)state, ms);
}

bool fx_until_group(struct fx *fx, uint32_t id, bool runs, int64_t ms)
{
	return run(fx, group_is, &fx->nodes[id - 1], runs ? 1 : 0, ms);
}

int64_t fx_ms(const struct fx *fx)
{
	return (int64_t)(fx->now.ns / 1000000) - 1000;
}

/* ------------------------------------------------ what happens to them */

struct fx_fault *fx_fault(struct fx *fx, const struct fx_fault *fault)
{
	UNIT_OK(fx->faults_count < FX_FAULTS_MAX);
	struct fx_fault *f = &fx->faults[fx->faults_count++];
	*f = *fault;
	return f;
}

void fx_no_faults(struct fx *fx)
{
	fx->faults_count = 0;
}

void fx_kill(struct fx *fx, uint32_t id)
{
	fx->nodes[id - 1].dead = true;
	fx->nodes[id - 1].group_runs = false;
	memset(fx->nodes[id - 1].session, 0, sizeof(fx->nodes[id - 1].session));
}

void fx_pause(struct fx *fx, uint32_t id)
{
	fx->nodes[id - 1].paused = true;
}

void fx_resume(struct fx *fx, uint32_t id)
{
	fx->nodes[id - 1].paused = false;
}

void fx_shutdown(struct fx *fx, uint32_t id)
{
	fx_step(fx, id, &(struct qd_event){.kind = QD_EVENT_SHUTDOWN});
}

void fx_handover(struct fx *fx, uint32_t id, uint32_t to)
{
	fx_step(fx, id, &(struct qd_event){.kind = QD_EVENT_HANDOVER, .u.handover.to = to});
}

void fx_path_down(struct fx *fx, uint32_t id, uint32_t path)
{
	fx->nodes[id - 1].path_down[path] = true;
	session_over(fx, id - 1, path);
}

void fx_path_up(struct fx *fx, uint32_t id, uint32_t path)
{
	fx->nodes[id - 1].path_down[path] = false;
}

void fx_session_lost(struct fx *fx, uint32_t id, uint32_t path)
{
	session_over(fx, id - 1, path);
}

void fx_unit_attention(struct fx *fx, uint32_t id, uint32_t path, enum qd_outcome outcome)
{
	fx->nodes[id - 1].pending_ua[path] = true;
	fx->nodes[id - 1].ua[path] = outcome;
}

void fx_target_restart(struct fx *fx, enum fx_restart how, int64_t ms)
{
	for (uint32_t i = 0; i < fx->nodes_count; i++)
		for (uint32_t p = 0; p < fx->nodes[i].core.config.path_count; p++)
			if (fx->nodes[i].session[p] != 0)
				session_over(fx, i, p);
	if (how == FX_RESTART_FORGETS)
		fx->target.pr = (struct fx_reservations){0};
	else if (how == FX_RESTART_GOES_BACK)
		fx->target.pr = fx->target.saved;
	fx->target.down = true;
	(void)fx_run(fx, ms);
	fx->target.down = false;
}

/* ------------------------------------------------ the text */

bool fx_expect_at(struct fx *fx, const char *expected, const char *file, unsigned line)
{
	if (strcmp(fx->text, expected) == 0)
		return unit_check(true, file, line, "%s", "text");
	(void)printf("\n%s:%u: found%s%s:\n", file, line, unit_state()->about[0] != '\0' ? ", " : "",
		     unit_state()->about);
	for (const char *at = fx->text; *at != '\0';) {
		const size_t len = strcspn(at, "\n");
		(void)printf("\t\t  \"%.*s\\n\"\n", (int)len, at);
		at += len + (at[len] != '\0');
	}
	return unit_check(false, file, line, "%s", "the trace is another one");
}

bool fx_says(const struct fx *fx, const char *part)
{
	return strstr(fx->text, part) != NULL;
}

void fx_forget(struct fx *fx)
{
	fx->text_len = 0;
	fx->text[0] = '\0';
}

/* ------------------------------------------------ worlds */

static struct qd_node_config config_of(const struct fx *fx, const struct fx_options *o, uint32_t id)
{
	struct qd_node_config c = {
		.node_id = id,
		.members = (UINT64_C(1) << fx->nodes_count) - 1,
		.cluster_tag = FX_TAG,
		.path_count = o->paths_count != 0 ? o->paths_count : 1,
		.incarnation = o->incarnation != 0 ? o->incarnation : 1,
		.times = qd_times_from_renew(qd_span_ms(3000), QD_SPAN_ZERO),
		.stop_limit = qd_span_ms(o->stop_limit_ms),
		.seed = id,
		.has_group = !o->no_group,
	};
	c.machine_id[0] = (uint8_t)id;
	c.boot_id[0] = (uint8_t)id;
	return c;
}

struct fx *fx_new(const struct fx_options *options)
{
	static struct fx fx;
	memset(&fx, 0, sizeof(fx));
	fx.now = (struct qd_mono){1000000000};
	fx.nodes_count = options->nodes_count;
	fx.level = QD_LEVEL_NOTICE;
	for (uint32_t i = 0; i < fx.nodes_count; i++) {
		const struct qd_node_config c = config_of(&fx, options, i + 1);
		fx.nodes[i].start_ms = RUNNER_MS;
		fx.nodes[i].stop_ms = RUNNER_MS;
		qd_node_init(&fx.nodes[i].core, &c, fx.now);
	}
	return &fx;
}

void fx_start(struct fx *fx, uint32_t id, uint64_t incarnation)
{
	struct fx_node *n = &fx->nodes[id - 1];
	struct qd_node_config c = n->core.config;
	c.incarnation = incarnation;
	for (uint32_t i = 0; i < fx->queue_count;) {
		if (fx->queue[i].node == id - 1)
			fx->queue[i] = fx->queue[--fx->queue_count];
		else
			i++;
	}
	memset(n->session, 0, sizeof(n->session));
	n->dead = false;
	n->off = false;
	n->paused = false;
	n->reset = false;
	n->group_runs = false;
	qd_node_init(&n->core, &c, fx->now);
}

struct fx *fx_owned(const struct fx_options *options)
{
	struct fx *fx = fx_new(options);
	for (uint32_t i = 1; i < fx->nodes_count; i++)
		fx->nodes[i].dead = true;
	UNIT_OK(fx_until(fx, 1, QD_ARB_OWNER, 20000));
	if (!options->no_group) {
		UNIT_OK(fx_until_group(fx, 1, true, 10000));
		fx_run(fx, 200);
	}
	for (uint32_t i = 1; i < fx->nodes_count; i++) {
		/* its clock has run all the while */
		fx_start(fx, i + 1, fx->nodes[i].core.config.incarnation);
	}
	UNIT_OK(fx_run(fx, 3100));
	fx_forget(fx);
	return fx;
}
