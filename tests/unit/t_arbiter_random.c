/* SPDX-License-Identifier: Apache-2.0 */
/* One node among liars: random events in a random order, answers that contradict each other, known ids with nonsense
 * in them. Nothing is true here but the interface: no assertion may fail, no deadline may stand still, no command may
 * leave on a session that is not there, or beside one that may still be carried out. */
#include "unit.h"

#include "core/node.h"

enum {
	RUNS = 400,
	STEPS_A_RUN = 6000,
	STEPS_AFTER_END = 100, /* off, refused, reset: nothing much comes any more */
	PENDING_MAX = 64,
	TIMEOUTS_AT_ONCE_MAX = 64,
	TAG = 0xabcd,
	KEYS_MAX = 80,
};

enum session {
	SESSION_NONE = 0,
	SESSION_LOGIN,
	SESSION_UP,
	SESSION_CLOSING,
};

struct liar {
	struct qd_node node;
	uint64_t seed;
	uint64_t random;
	struct qd_mono now;
	uint32_t paths;
	enum session session[QD_PATHS_MAX];
	uint32_t pending_count;
	struct qd_op pending[PENDING_MAX];
	/* what a target would believe; answers mostly come from here */
	struct qd_key keys[QD_PATHS_MAX];
	bool held;
	bool holder_is_path;
	uint32_t holder_path;
	struct qd_key holder;
	uint32_t generation;
	struct qd_owner_record records[8];
	uint64_t incarnation_asked;
	uint64_t turn;
	bool turn_open; /* an order to the group waits for its report */
	bool turn_stop;
	uint32_t timeouts_at_once;
	uint32_t honesty; /* in 1000: answers that are what the target believes */
	uint32_t health;  /* in 1000: commands that are carried out and answered */
};

static struct liar world;
static bool visited[QD_ARB_STATE_COUNT];

static uint32_t below(struct liar *l, uint32_t bound)
{
	return (uint32_t)(unit_random(&l->random) >> 8) % bound;
}

static bool percent(struct liar *l, uint32_t chance)
{
	return below(l, 100) < chance;
}

static bool honest(struct liar *l)
{
	return below(l, 1000) < l->honesty;
}

/* An assertion that fails says where; this says how to come there again. */
static void tell_seed(int signal_number)
{
	char line[64];
	const int len = snprintf(line, sizeof(line), "t_arbiter_random: seed %" PRIu64 "\n", world.seed);
	(void)signal_number;
	if (len > 0)
		(void)!write(STDERR_FILENO, line, (size_t)len);
}

static struct qd_key some_key(struct liar *l)
{
	const uint32_t node = below(l, 5);
	if (percent(l, 10))
		return (struct qd_key){unit_random(&l->random)};
	return qd_key_make(percent(l, 90) ? TAG : 7, node == 0 ? 1 : node, 1 + below(l, 4), below(l, 40));
}

static enum qd_outcome some_outcome(struct liar *l)
{
	return (enum qd_outcome)below(l, QD_OUTCOME_COUNT);
}

/* ------------------------------------------------ the target, more or less */

static enum qd_outcome carry_out(struct liar *l, const struct qd_op *op)
{
	const struct qd_pr_out_args *a = &op->u.pr;
	const bool mine = l->held && l->holder_is_path && l->holder_path == op->path;
	switch (a->action) {
	case QD_PR_REGISTER:
	case QD_PR_REGISTER_AND_IGNORE:
		if (a->action == QD_PR_REGISTER && !qd_key_equal(a->key, l->keys[op->path]))
			return QD_OUTCOME_CONFLICT;
		l->keys[op->path] = a->sa_key;
		l->held = l->held && !(mine && qd_key_is_none(a->sa_key));
		if (mine)
			l->holder = a->sa_key;
		break;
	case QD_PR_RESERVE:
		if (l->held && !mine)
			return QD_OUTCOME_CONFLICT;
		l->held = true;
		break;
	case QD_PR_RELEASE:
		l->held = l->held && !mine;
		break;
	case QD_PR_PREEMPT:
	case QD_PR_PREEMPT_AND_ABORT:
		if (!l->held || !qd_key_equal(l->holder, a->sa_key))
			return percent(l, 50) ? QD_OUTCOME_GOOD : QD_OUTCOME_CONFLICT;
		break;
	case QD_PR_CLEAR:
	case QD_PR_OUT_COUNT:
		unit_check(false, __FILE__, __LINE__, "%s", "the core never sends this");
		break;
	}
	if (a->action != QD_PR_REGISTER && a->action != QD_PR_REGISTER_AND_IGNORE && l->held) {
		l->holder_is_path = true;
		l->holder_path = op->path;
		l->holder = l->keys[op->path];
	}
	if (a->action != QD_PR_RESERVE && a->action != QD_PR_RELEASE)
		l->generation++;
	return QD_OUTCOME_GOOD;
}

static struct qd_pr_reservation reservation_told(struct liar *l)
{
	struct qd_pr_reservation r = {.generation = l->generation, .held = l->held};
	if (!honest(l)) {
		r.held = percent(l, 70);
		r.generation = below(l, 3) + l->generation;
		r.holder = some_key(l);
		r.type = percent(l, 80) ? QD_PR_TYPE_WRITE_EXCLUSIVE : QD_PR_TYPE_EXCLUSIVE_ACCESS_AR;
		return r;
	}
	if (l->held) {
		r.holder = l->holder;
		r.type = QD_PR_TYPE_WRITE_EXCLUSIVE;
	}
	return r;
}

static uint32_t keys_told(struct liar *l, struct qd_key *keys)
{
	const uint32_t strange = honest(l) ? below(l, 3) : below(l, KEYS_MAX - QD_PATHS_MAX);
	uint32_t n = 0;
	for (uint32_t p = 0; p < l->paths; p++)
		if (!qd_key_is_none(l->keys[p]))
			keys[n++] = l->keys[p];
	for (uint32_t i = 0; i < strange; i++)
		keys[n++] = some_key(l);
	return n;
}

static void lie_in_records(struct liar *l)
{
	struct qd_owner_record *r = &l->records[below(l, 8)];
	*r = (struct qd_owner_record){
		.sequence = below(l, 100),
		.epoch = qd_epoch_make(below(l, 40), (uint32_t)(r - l->records) + 1),
		.incarnation = percent(l, 95) ? 1 + below(l, 4) : l->node.arbiter.incarnation + 1,
		.node_id = (uint32_t)(r - l->records) + 1,
		.state = (enum qd_record_state)below(l, QD_RECORD_STATE_COUNT),
		.heir = below(l, 4),
		.heir_turn = below(l, 4),
	};
	r->machine_id[0] = percent(l, 99) ? (uint8_t)r->node_id : 99;
}

/* Fill the answer; what it points to is static. */
static void answer(struct liar *l, const struct qd_op *op, struct qd_answer *to)
{
	static struct qd_key keys[KEYS_MAX];
	static struct qd_owner_record records[8];
	const bool good = below(l, 1000) < l->health;

	*to = (struct qd_answer){.id = op->id, .outcome = good ? QD_OUTCOME_GOOD : some_outcome(l)};
	if (op->kind == QD_OP_PR_OUT && (good || (!qd_outcome_not_executed(to->outcome) && percent(l, 50)))) {
		const enum qd_outcome o = carry_out(l, op);
		if (good)
			to->outcome = o;
	}
	if (op->kind == QD_OP_WRITE_RECORD && (good ? honest(l) : percent(l, 40)))
		l->records[op->u.record.node_id - 1] = op->u.record;
	if (op->kind == QD_OP_READ_SUPERBLOCK)
		to->u.disk = honest(l) ? QD_DISK_OK : (enum qd_disk_verdict)below(l, QD_DISK_VERDICT_COUNT);
	if (op->kind == QD_OP_REPORT_CAPABILITIES)
		to->u.capabilities.ptpl_capable = percent(l, 50);
	if (op->kind == QD_OP_READ_RESERVATION)
		to->u.reservation = reservation_told(l);
	if (op->kind == QD_OP_READ_KEYS) {
		to->u.keys.generation = l->generation;
		to->u.keys.count = keys_told(l, keys);
		to->u.keys.keys = keys;
	}
	if (op->kind == QD_OP_READ_RECORDS) {
		memcpy(records, l->records, sizeof(records));
		to->u.records.count = honest(l) ? 8 : below(l, 9);
		to->u.records.records = records;
	}
}

/* ------------------------------------------------ what must hold of every action */

static bool moves_reservations(const struct qd_op *op)
{
	return op->kind == QD_OP_PR_OUT;
}

static void check_op(struct liar *l, const struct qd_op *op)
{
	UNIT_OK(op->path < l->paths);
	if (op->kind == QD_OP_LOGIN) {
		UNIT_EQUAL(l->session[op->path], SESSION_NONE);
		l->session[op->path] = SESSION_LOGIN;
	} else {
		UNIT_EQUAL(l->session[op->path], SESSION_UP);
	}
	/* Case 14: nothing beside a command that may still be carried out. */
	for (uint32_t i = 0; i < l->pending_count; i++)
		UNIT_OK(l->pending[i].path != op->path || !moves_reservations(&l->pending[i]) ||
			!moves_reservations(op));
	if (UNIT_OK(l->pending_count < PENDING_MAX))
		l->pending[l->pending_count++] = *op;
}

static void take_actions(struct liar *l, const struct qd_actions *out)
{
	for (uint32_t i = 0; i < out->count; i++) {
		const struct qd_action *a = &out->list[i];
		if (a->kind == QD_ACTION_OP) {
			check_op(l, &a->u.op);
		} else if (a->kind == QD_ACTION_TEARDOWN) {
			UNIT_OK(l->session[a->u.path] == SESSION_UP ||
				l->session[a->u.path] == SESSION_LOGIN);
			l->session[a->u.path] = SESSION_CLOSING;
		} else if (a->kind == QD_ACTION_STORE) {
			UNIT_OK(a->u.incarnation > l->node.config.incarnation);
			l->incarnation_asked = a->u.incarnation;
		} else if (a->kind == QD_ACTION_GROUP_START) {
			UNIT_OK(qd_mono_before(l->now, a->u.group.begin_stop));
			l->turn = a->u.group.turn;
			l->turn_open = true;
			l->turn_stop = false;
		} else if (a->kind == QD_ACTION_GROUP_STOP) {
			l->turn = a->u.group.turn;
			l->turn_open = true;
			l->turn_stop = true;
		}
	}
	for (uint32_t i = 0; i < out->trace_count; i++) {
		char line[QD_TRACE_TEXT_MAX];
		UNIT_OK(qd_trace_format(&out->traces[i], line, sizeof(line)) > 0);
	}
}

/* ------------------------------------------------ events */

static void forget_pending(struct liar *l, uint32_t path)
{
	for (uint32_t i = 0; i < l->pending_count;) {
		if (l->pending[i].path == path)
			l->pending[i] = l->pending[--l->pending_count];
		else
			i++;
	}
}

static bool answer_one(struct liar *l, struct qd_event *ev)
{
	if (l->pending_count == 0)
		return false;
	const uint32_t i = percent(l, 80) ? 0 : below(l, l->pending_count);
	const struct qd_op op = l->pending[i];
	if (l->session[op.path] == SESSION_CLOSING)
		return false; /* it gets no other answer than the loss */
	memmove(&l->pending[i], &l->pending[i + 1], (--l->pending_count - i) * sizeof(op));
	ev->kind = QD_EVENT_DONE;
	answer(l, &op, &ev->u.answer);
	if (op.kind == QD_OP_LOGIN)
		l->session[op.path] = ev->u.answer.outcome == QD_OUTCOME_GOOD ? SESSION_UP : SESSION_NONE;
	return true;
}

static bool lose_session(struct liar *l, struct qd_event *ev, bool closing_only)
{
	const uint32_t p = below(l, l->paths);
	if (closing_only ? l->session[p] != SESSION_CLOSING : l->session[p] == SESSION_NONE)
		return false;
	ev->kind = QD_EVENT_SESSION_LOST;
	ev->u.path = p;
	l->session[p] = SESSION_NONE;
	forget_pending(l, p);
	if (percent(l, 30))
		l->keys[p] = (struct qd_key){0};
	return true;
}

static bool report(struct liar *l, struct qd_event *ev)
{
	const bool strange = below(l, 1000) >= l->health && percent(l, 20);
	if (!l->turn_open && !strange)
		return false;
	ev->kind = QD_EVENT_GROUP;
	ev->u.group.report = l->turn_stop ? QD_REPORT_STOPPED : QD_REPORT_STARTED;
	ev->u.group.turn = l->turn;
	if (strange) {
		ev->u.group.report = (enum qd_group_report)below(l, QD_REPORT_COUNT);
		ev->u.group.turn = percent(l, 70) ? l->turn : below(l, 5);
	}
	l->turn_open = l->turn_open && ev->u.group.turn != l->turn;
	return true;
}

static bool rare_event(struct liar *l, struct qd_event *ev)
{
	const uint32_t which = below(l, 100);
	if (which < 40) {
		ev->kind = QD_EVENT_HANDOVER;
		ev->u.handover.to = below(l, 6) == 5 ? 200 : below(l, 5);
	} else if (which < 60) {
		ev->kind = QD_EVENT_TIMES;
		ev->u.times =
			qd_times_from_renew(qd_span_ms(300 * (1 + (int64_t)below(l, 20))), QD_SPAN_ZERO);
	} else if (which < 99) {
		ev->kind = QD_EVENT_DONE;
		ev->u.answer = (struct qd_answer){.id = {below(l, 2000)}, .outcome = QD_OUTCOME_UNKNOWN};
		for (uint32_t i = 0; i < l->pending_count; i++)
			if (l->pending[i].id.value == ev->u.answer.id.value)
				ev->u.answer.id.value = UINT64_MAX;
	} else {
		ev->kind = QD_EVENT_SHUTDOWN;
	}
	return true;
}

static void disturb(struct liar *l)
{
	if (percent(l, 70)) {
		lie_in_records(l);
	} else {
		l->held = percent(l, 60);
		l->holder_is_path = l->held && percent(l, 50);
		l->holder_path = below(l, l->paths);
		l->holder = l->holder_is_path ? l->keys[l->holder_path] : some_key(l);
		l->generation += below(l, 3);
	}
}

static void timeout(struct liar *l, struct qd_event *ev)
{
	const struct qd_mono d = qd_node_deadline(&l->node);
	ev->kind = QD_EVENT_TIMEOUT;
	const bool late = below(l, 1000) >= l->health && percent(l, 30);
	/* What is under way is waited for, as a rule; a group's start or stop takes a while. */
	const bool busy = l->pending_count > 0 || l->incarnation_asked != 0 || l->turn_open;
	if (busy && !late && qd_mono_before(qd_mono_add(l->now, qd_span_ms(50)), d))
		l->now = qd_mono_add(l->now, qd_span_ms(below(l, l->pending_count > 0 ? 3 : 50)));
	else if (qd_mono_is_never(d) || late)
		l->now = qd_mono_add(l->now, qd_span_ms(below(l, 3000)));
	else
		l->now = qd_mono_max(l->now, d);
	if (late && percent(l, 10))
		l->now = qd_mono_add(l->now, qd_span_ms(below(l, 12000)));
}

static void choose(struct liar *l, struct qd_event *ev)
{
	const uint32_t what = below(l, 1000);
	*ev = (struct qd_event){.kind = QD_EVENT_TIMEOUT};
	if (lose_session(l, ev, true))
		return;
	if (what < 3 && !honest(l))
		disturb(l);
	if (what < 740 && answer_one(l, ev))
		return;
	if (what >= 740 && what < 750 && below(l, 1000) >= l->health && lose_session(l, ev, false))
		return;
	if (what >= 750 && what < 790 && report(l, ev))
		return;
	if (what >= 790 && what < 800 && rare_event(l, ev))
		return;
	if (l->incarnation_asked != 0 && what < 900) {
		ev->kind = QD_EVENT_STORED;
		ev->u.stored.incarnation = percent(l, 90) ? l->incarnation_asked : below(l, 10);
		ev->u.stored.ok = percent(l, 80);
		if (ev->u.stored.incarnation == l->incarnation_asked)
			l->incarnation_asked = 0;
		return;
	}
	timeout(l, ev);
}

/* False: a check failed. */
static bool step(struct liar *l)
{
	static struct qd_actions out;
	struct qd_event ev;
	const struct qd_mono before = l->now;
	choose(l, &ev);
	if (ev.kind != QD_EVENT_TIMEOUT)
		l->now = qd_mono_add(l->now, qd_span_us(100 + below(l, 2000)));
	ev.now = l->now;
	qd_node_step(&l->node, &ev, &out);
	take_actions(l, &out);
	visited[l->node.arbiter.state] = true;
	l->timeouts_at_once = l->now.ns == before.ns ? l->timeouts_at_once + 1 : 0;
	return UNIT_OK(l->timeouts_at_once < TIMEOUTS_AT_ONCE_MAX);
}

static void begin(struct liar *l, uint64_t seed)
{
	memset(l, 0, sizeof(*l));
	l->seed = seed;
	l->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	l->now = qd_mono_add(QD_MONO_ZERO, qd_span_ms(1000));
	l->paths = 1 + below(l, percent(l, 50) ? 2 : QD_PATHS_MAX);
	l->honesty = percent(l, 30) ? 600 + below(l, 400) : 980 + below(l, 21);
	l->health = percent(l, 20) ? 600 + below(l, 400) : 950 + below(l, 51);
	struct qd_node_config c = {
		.node_id = 1,
		.members = 0x8f,
		.cluster_tag = TAG,
		.path_count = l->paths,
		.incarnation = percent(l, 90) ? 1 + below(l, 3) : 0xfffe,
		.times = qd_times_from_renew(qd_span_ms(3000), QD_SPAN_ZERO),
		.start_limit = qd_span_ms(percent(l, 50) ? 5000 : 0),
		.stop_limit = qd_span_ms(percent(l, 50) ? 20000 : 0),
		.seed = seed,
		.has_group = percent(l, 80),
	};
	c.machine_id[0] = 1;
	qd_node_init(&l->node, &c, l->now);
	if (percent(l, 10))
		l->node.arbiter.beat = QD_BEAT_MAX - 64 - below(l, 200); /* as after 582 days */
}

static bool has_ended(const struct liar *l)
{
	const enum qd_arbiter_state s = l->node.arbiter.state;
	return s == QD_ARB_OFF || s == QD_ARB_RESET || s == QD_ARB_REFUSED;
}

static void stands_anything(void)
{
	struct liar *l = &world;
	const struct sigaction act = {.sa_handler = tell_seed, .sa_flags = (int)SA_RESETHAND};
	(void)sigaction(SIGABRT, &act, NULL);
	const char *runs = getenv("RANDOM_RUNS");
	const uint64_t count = runs != NULL ? strtoull(runs, NULL, 10) : RUNS;
	for (uint64_t seed = 1; seed <= count; seed++) {
		begin(l, seed);
		unit_case("seed %" PRIu64, seed);
		for (uint32_t i = 0, ended = 0; i < STEPS_A_RUN && ended < STEPS_AFTER_END; i++) {
			if (!step(l))
				return;
			ended += has_ended(l) ? 1 : 0;
		}
	}
}

static void went_everywhere(void)
{
	for (int s = 0; s < QD_ARB_STATE_COUNT; s++) {
		unit_case("%s", qd_arbiter_state_name((enum qd_arbiter_state)s));
		UNIT_OK(visited[s]);
	}
}

static const struct unit_test TESTS[] = {
	{"no sequence of events and answers ends in an assertion, a loop or a wrong command",
	 stands_anything},
	{"the random events have led into every state", went_everywhere},
};

int main(void)
{
	return unit_run("t_arbiter_random", TESTS, UNIT_COUNT(TESTS));
}
