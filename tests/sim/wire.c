/* SPDX-License-Identifier: Apache-2.0 */
/* Commands on their way: out, at the target, back. */
#include "sim/disk_pr.h"
#include "sim/sim.h"

#include <string.h>

enum {
	PARTS = 65536,
};

uint64_t wire_latency(struct sim *s)
{
	return s->o.latency_ns / 2 + sim_below(s, s->o.latency_ns);
}

static uint32_t index_of(const struct sim *s, const struct sim_op *op)
{
	return (uint32_t)(op - s->ops);
}

/* NULL: the network has no room, which only a mutant that floods it ever sees. */
static struct sim_op *take(struct sim *s)
{
	uint32_t i = s->op_free;
	if (i != SIM_OPS_MAX)
		s->op_free = s->ops[i].next_free;
	else if (s->op_high < SIM_OPS_MAX)
		i = s->op_high++;
	else
		return NULL;

	s->ops_open++;
	return &s->ops[i];
}

void wire_free(struct sim *s, struct sim_op *op)
{
	qd_assert(op->phase != SIM_OP_FREE);
	op->phase = SIM_OP_FREE;
	op->next_free = s->op_free;
	s->op_free = index_of(s, op);
	s->ops_open--;
}

static bool is_write(const struct sim_op *op)
{
	return op->data || op->op.kind == QD_OP_WRITE_RECORD || op->op.kind == QD_OP_WRITE_SLOTS;
}

/* ---- fates ---- */

static bool late_fate(struct sim *s, struct sim_op *op, enum sim_fault f)
{
	bool late_kind = op->op.kind == QD_OP_PR_OUT || op->op.kind == QD_OP_LOGIN || is_write(op);
	if (!late_kind)
		return false;
	op->late_ns = sim_between(s, 1000, 21000) * SIM_MS;
	op->land_late = f == SIM_FAULT_LATE_ACCEPTED && is_write(op);
	op->in_target = op->land_late || sim_chance(s, 128);
	return true;
}

/* Give the command a fault of its own. */
static void draw_fate(struct sim *s, struct sim_op *op)
{
	static const enum sim_fault fates[8] = {
		SIM_FAULT_SLOW,		SIM_FAULT_SLOW,	       SIM_FAULT_LATE,	    SIM_FAULT_LATE_ACCEPTED,
		SIM_FAULT_LOST_REQUEST, SIM_FAULT_LOST_ANSWER, SIM_FAULT_ATTENTION, SIM_FAULT_ERRORS,
	};
	enum sim_fault f = fates[sim_below(s, 8)];
	if (!fault_on(s, f))
		return;
	if (f == SIM_FAULT_LATE_ACCEPTED && !is_write(op))
		f = SIM_FAULT_LATE;
	switch ((int)f) {
	case SIM_FAULT_SLOW:
		op->late_ns = sim_between(s, 20, 3000) * SIM_MS;
		break;
	case SIM_FAULT_LATE:
	case SIM_FAULT_LATE_ACCEPTED:
		if (!late_fate(s, op, f))
			return;
		break;
	case SIM_FAULT_LOST_REQUEST:
		op->late_ns = SIM_NEVER;
		break;
	case SIM_FAULT_LOST_ANSWER:
		op->mute = true;
		break;
	case SIM_FAULT_ATTENTION:
		op->outcome = QD_OUTCOME_UA_OTHER;
		break;
	case SIM_FAULT_ERRORS:
		op->outcome = QD_OUTCOME_ERROR;
		break;
	}
	fault_count(s, f, op->machine, (uint64_t)op->op.kind);
}

/* ---- sending ---- */

static struct sim_op *start(struct sim *s, struct sim_machine *m, uint32_t path)
{
	struct sim_op *op = take(s);
	struct sim_path *p = &m->paths[path];
	if (op == NULL)
		return NULL;
	op->phase = SIM_OP_TRANSIT;
	op->machine = m->index;
	op->life = m->life;
	op->attempt = p->attempt;
	op->session = p->session;
	op->nexus = m->nexus_base + path;
	op->sent_t = s->t;
	op->tag = 0;
	op->in_target = false;
	op->land_late = false;
	op->mute = false;
	op->by_owner = m->node.arbiter.state == QD_ARB_OWNER;
	op->held = false;
	op->boots = m->boots;
	op->admitted_t = 0;
	op->late_ns = 0;
	op->outcome = QD_OUTCOME_GOOD;
	op->data = false;
	return op;
}

/* The rarer a command is, the more often it meets a fault: a takeover has a handful, a day of beats 100,000. */
static uint32_t fault_rate(const struct sim *s, const struct sim_op *op)
{
	const bool beat = op->op.kind == QD_OP_PR_OUT && op->op.u.pr.action == QD_PR_REGISTER;
	if (op->data || beat)
		return s->o.op_rate * 2;
	if (op->op.kind == QD_OP_PR_OUT || op->op.kind == QD_OP_WRITE_RECORD ||
	    op->op.kind == QD_OP_WRITE_SLOTS)
		return s->o.op_rate * 6;
	return s->o.op_rate;
}

static void launch(struct sim *s, struct sim_op *op, struct sim_path *p)
{
	uint32_t rate = fault_rate(s, op);
	if (!s->healed && (qd_rand_u64(&s->rand) & (PARTS - 1)) < rate)
		draw_fate(s, op);
	uint64_t at = s->t + wire_latency(s);
	if (p->out_down_until > at) {
		if (sim_chance(s, 80)) {
			wire_free(s, op); /* given up by TCP */
			return;
		}
		at = p->out_down_until + sim_below(s, 200 * SIM_MS);
		op->held = true;
	}
	if (op->late_ns == SIM_NEVER) {
		wire_free(s, op);
		return;
	}
	if (op->late_ns == 0 && fault_on(s, SIM_FAULT_REORDER) && sim_chance(s, 24)) {
		s->cover->faults[SIM_FAULT_REORDER]++;
	} else {
		at = at < p->last_t ? p->last_t : at;
		p->last_t = at;
	}
	if (!op->in_target)
		at += op->late_ns;
	sim_push(s, at, SIM_EV_ARRIVE, op->machine, index_of(s, op), 0);
}

void wire_send(struct sim *s, struct sim_machine *m, const struct qd_op *op)
{
	qd_assert(op->path < m->config.path_count);
	struct sim_path *p = &m->paths[op->path];
	s->cover->commands++;
	if (op->kind == QD_OP_LOGIN) {
		if (p->up)
			sim_fail(s, "contract: LOGIN on path %u of node %u that is up", op->path, m->node_id);
		p->attempt++;
		p->changes_open = 0;
	} else if (p->lost_pending) {
		return; /* SESSION_LOST answers it */
	} else if (!p->up) {
		sim_fail(s, "contract: %s on path %u of node %u without a session", qd_op_kind_name(op->kind),
			 op->path, m->node_id);
		return;
	}
	if (op->kind == QD_OP_PR_OUT && p->changes_open > 0)
		sim_fail(s,
			 "case 14: node %u sends a PR OUT on path %u before its last command is known to be "
			 "dead",
			 m->node_id, op->path);
	if (op->kind == QD_OP_PR_OUT || op->kind == QD_OP_WRITE_RECORD || op->kind == QD_OP_WRITE_SLOTS)
		p->changes_open++;
	struct sim_op *o = start(s, m, op->path);
	if (o == NULL)
		return; /* lost */
	o->op = *op;
	launch(s, o, p);
}

void wire_send_data(struct sim *s, struct sim_machine *m)
{
	uint32_t path = m->node.arbiter.own.path;
	if (path >= m->config.path_count || !m->paths[path].up)
		return;
	struct sim_op *o = start(s, m, path);
	if (o == NULL)
		return;
	o->op.kind = QD_OP_NONE;
	o->op.path = path;
	o->data = true;
	o->frozen = m->runner.froze;
	o->epoch = m->runner.epoch;
	o->sequence = ++m->runner.sequence;
	m->runner.writes_open++;
	launch(s, o, &m->paths[path]);
}

/* ---- at the target ---- */

void wire_reply(struct sim *s, struct sim_op *op)
{
	const struct sim_path *p = &s->machines[op->machine].paths[op->op.path];
	if (op->mute) {
		wire_free(s, op);
		return;
	}
	uint64_t at = s->t + wire_latency(s);
	if (s->mute_until > at)
		at = s->mute_until + sim_below(s, 5 * SIM_MS);
	if (p->in_down_until > at) {
		if (sim_chance(s, 80)) {
			wire_free(s, op);
			return;
		}
		at = p->in_down_until + sim_below(s, 200 * SIM_MS);
	}
	op->phase = SIM_OP_ANSWERED;
	sim_push(s, at, SIM_EV_ANSWER, op->machine, index_of(s, op), 0);
}

/* The session of this nexus was replaced: whoever believed in it learns so. */
static void displaced(struct sim *s, uint32_t nexus, uint32_t session)
{
	for (uint32_t i = 0; i < s->o.machines; i++) {
		struct sim_machine *m = &s->machines[i];
		if (nexus < m->nexus_base || nexus >= m->nexus_base + m->config.path_count)
			continue;
		struct sim_path *p = &m->paths[nexus - m->nexus_base];
		if (p->up && p->session == session)
			host_lose_session(s, m, nexus - m->nexus_base, sim_below(s, 20 * SIM_MS));
	}
}

static void exec_login(struct sim *s, struct sim_op *op)
{
	uint32_t before = s->disk.nexus[op->nexus].session;
	op->session = sim_disk_login(&s->disk, op->nexus);
	if (before != 0)
		displaced(s, op->nexus, before);
	op->outcome = QD_OUTCOME_GOOD;
}

static void exec_pr_out(struct sim *s, struct sim_op *op)
{
	const struct qd_pr_out_args *args = &op->op.u.pr;
	int32_t holder = sim_disk_holder_nexus(&s->disk);
	uint64_t holder_key = sim_disk_holder_key(&s->disk);
	uint64_t since_t = s->facts.holder_since_t;
	bool preempts = args->action == QD_PR_PREEMPT || args->action == QD_PR_PREEMPT_AND_ABORT;
	s->disk.now_ns = s->t;
	op->outcome = sim_disk_pr_out(&s->disk, op->nexus, args);
	s->cover->pr_out[args->action][op->outcome]++;
	check_holder(s);
	struct sim_machine *m = &s->machines[op->machine];
	if (args->action == QD_PR_RESERVE && op->outcome == QD_OUTCOME_GOOD && holder_key == 0)
		m->struck_t = s->t;
	if (op->outcome != QD_OUTCOME_GOOD || !preempts)
		return;
	if (holder_key != 0 && args->sa_key.value == holder_key) {
		check_strike(s, op, holder, holder_key, since_t);
		if (qd_key_node(args->sa_key) != m->node_id)
			m->struck_t = s->t;
	}
	if (s->disk.abort.nexuses == 0)
		return;
	const struct sim_abort abort = s->disk.abort;
	for (uint32_t i = 0; i < s->op_high; i++) {
		struct sim_op *other = &s->ops[i];
		bool there = other->phase == SIM_OP_ADMITTED ||
			     (other->phase == SIM_OP_TRANSIT && other->tag != 0);
		if (there && (abort.nexuses >> other->nexus & 1) &&
		    (!abort.by_tag || other->tag == abort.key))
			other->session = 0; /* dead: nothing has session 0 */
	}
}

/* A record lands, whole or the first bytes of it. */
static void land_record(struct sim *s, const struct qd_owner_record *r, size_t len_bytes)
{
	uint8_t sector[SIM_SECTOR_BYTES];
	struct qd_owner_record whole = *r;
	memcpy(whole.disk_uuid, s->disk.disk_uuid, sizeof(whole.disk_uuid)); /* as the driver does */
	qd_owner_record_encode(&whole, sector, SIM_SECTOR_BYTES);
	uint64_t lba = qd_qdisk_record_lba(r->node_id, (uint32_t)(r->sequence & 1));
	sim_disk_write_land(&s->disk, lba, sector, len_bytes);
}

static void land(struct sim *s, struct sim_op *op)
{
	if (op->data)
		check_landed(s, op);
	else if (op->op.kind == QD_OP_WRITE_SLOTS)
		slots_land(s, op);
	else
		land_record(s, &op->op.u.record, SIM_SECTOR_BYTES);
}

/* True: the write was torn and somebody died of it; the command is gone. */
static bool tear(struct sim *s, struct sim_op *op)
{
	if (op->op.kind == QD_OP_WRITE_SLOTS)
		return slots_tear(s, op);
	if (op->data || s->healed || !fault_on(s, SIM_FAULT_TORN) || !sim_chance(s, 6))
		return false;
	fault_count(s, SIM_FAULT_TORN, op->machine, op->op.u.record.sequence);
	land_record(s, &op->op.u.record, (size_t)sim_below(s, 300));
	struct sim_machine *m = &s->machines[op->machine];
	wire_free(s, op);
	if (sim_chance(s, 128))
		fault_restart(s, SIM_RESTART_KEEP);
	else if (m->powered)
		host_crash(s, m, sim_between(s, 1, 20) * SIM_S);
	return true;
}

/* False: the command is gone, or waits to land. */
static bool exec_write(struct sim *s, struct sim_op *op)
{
	op->outcome = sim_disk_write_check(&s->disk, op->nexus);
	if (op->outcome != QD_OUTCOME_GOOD)
		return true;
	if (op->op.kind == QD_OP_WRITE_SLOTS)
		slots_choose(s, op);
	if (op->land_late) {
		op->phase = SIM_OP_ADMITTED;
		op->admitted_t = s->t;
		op->tag = sim_disk_key_of(&s->disk, op->nexus);
		sim_push(s, s->t + op->late_ns, SIM_EV_LAND, op->machine, index_of(s, op), 0);
		return false;
	}
	if (tear(s, op))
		return false;
	land(s, op);
	if (op->op.kind != QD_OP_WRITE_SLOTS)
		return true;
	slots_go_on(s, op);
	return false;
}

void wire_land(struct sim *s, uint32_t index)
{
	struct sim_op *op = &s->ops[index];
	qd_assert(op->phase == SIM_OP_ADMITTED);
	if (op->session != s->disk.nexus[op->nexus].session) {
		wire_free(s, op);
		return;
	}
	sim_log_add(s, SIM_LOG_EXEC, op->machine, (uint32_t)op->op.kind, op->op.path, QD_OUTCOME_GOOD, 1);
	land(s, op);
	if (op->op.kind == QD_OP_WRITE_SLOTS)
		slots_go_on(s, op);
	else
		wire_reply(s, op);
}

static void exec_reads(struct sim *s, struct sim_op *op)
{
	struct qd_answer *a = &op->answer;
	switch (op->op.kind) {
	case QD_OP_READ_SUPERBLOCK:
		op->outcome = sim_disk_test_unit_ready(&s->disk, op->nexus);
		a->u.disk = QD_DISK_OK;
		return;
	case QD_OP_REPORT_CAPABILITIES:
		op->outcome = sim_disk_report_capabilities(&s->disk, op->nexus, &a->u.capabilities);
		return;
	case QD_OP_READ_KEYS: {
		struct qd_pr_keys keys;
		op->outcome = sim_disk_read_keys(&s->disk, op->nexus, op->keys, SIM_REGS_MAX, &keys);
		if (op->outcome != QD_OUTCOME_GOOD)
			return;
		a->u.keys.generation = keys.generation;
		a->u.keys.count = keys.count;
		a->u.keys.keys = op->keys;
		return;
	}
	case QD_OP_READ_RESERVATION:
		op->outcome = sim_disk_read_reservation(&s->disk, op->nexus, &a->u.reservation);
		return;
	case QD_OP_READ_RECORDS: {
		const struct qd_owner_record *records;
		op->outcome = sim_disk_read_records(&s->disk, op->nexus, s->o.nodes, &records);
		if (op->outcome != QD_OUTCOME_GOOD)
			return;
		for (uint32_t i = 0; i < s->o.nodes; i++)
			op->records[i] = records[i];
		a->u.records.count = s->o.nodes;
		a->u.records.records = op->records;
		return;
	}
	case QD_OP_READ_SLOTS:
		slots_read(s, op);
		return;
	case QD_OP_NONE:
	case QD_OP_LOGIN:
	case QD_OP_WRITE_RECORD:
	case QD_OP_WRITE_SLOTS:
	case QD_OP_PR_OUT:
	case QD_OP_KIND_COUNT:
		break;
	}
	QD_UNREACHABLE("not a read");
}

/* False: the command is gone. */
static bool exec_error(struct sim *s, struct sim_op *op)
{
	static const enum qd_outcome errors[8] = {
		QD_OUTCOME_BUSY,      QD_OUTCOME_ABORTED, QD_OUTCOME_MEDIUM_ERROR, QD_OUTCOME_ERROR,
		QD_OUTCOME_NOT_READY, QD_OUTCOME_UNKNOWN, QD_OUTCOME_ABORTED,	   QD_OUTCOME_UNKNOWN,
	};
	enum qd_outcome outcome = errors[sim_below(s, 8)];
	bool maybe = outcome == QD_OUTCOME_ABORTED || outcome == QD_OUTCOME_UNKNOWN;
	if (maybe && op->op.kind == QD_OP_PR_OUT && sim_chance(s, 128))
		exec_pr_out(s, op);
	op->outcome = outcome;
	return true;
}

/* False: the command is gone, or waits. */
static bool execute(struct sim *s, struct sim_op *op)
{
	if (op->outcome == QD_OUTCOME_ERROR && op->op.kind != QD_OP_LOGIN)
		return exec_error(s, op);
	if (op->outcome == QD_OUTCOME_UA_OTHER && op->op.kind != QD_OP_LOGIN) {
		static const enum qd_outcome kinds[4] = {QD_OUTCOME_UA_OTHER, QD_OUTCOME_UA_RESET,
							 QD_OUTCOME_UA_RES_PREEMPTED,
							 QD_OUTCOME_UA_RES_RELEASED};
		sim_disk_raise(&s->disk, op->nexus, kinds[sim_below(s, 4)], 0);
	}
	if (is_write(op))
		return exec_write(s, op);
	if (op->op.kind == QD_OP_PR_OUT)
		exec_pr_out(s, op);
	else if (op->op.kind == QD_OP_LOGIN)
		exec_login(s, op);
	else
		exec_reads(s, op);
	return true;
}

static void log_exec(struct sim *s, const struct sim_op *op)
{
	if (op->op.kind == QD_OP_PR_OUT) {
		const struct qd_pr_out_args *p = &op->op.u.pr;
		uint32_t code = (uint32_t)op->op.kind | (uint32_t)p->action << 8;
		sim_log_add(s, SIM_LOG_EXEC, op->machine, code, op->op.path << 8 | (uint32_t)op->outcome,
			    p->key.value, p->sa_key.value);
	} else {
		sim_log_add(s, SIM_LOG_EXEC, op->machine, (uint32_t)op->op.kind,
			    op->op.path << 8 | (uint32_t)op->outcome, sim_disk_holder_key(&s->disk),
			    op->sent_t);
	}
}

void wire_arrive(struct sim *s, uint32_t index)
{
	struct sim_op *op = &s->ops[index];
	qd_assert(op->phase == SIM_OP_TRANSIT);
	bool login = op->op.kind == QD_OP_LOGIN;
	const struct sim_machine *sender = &s->machines[op->machine];
	if (op->held && (!sender->powered || sender->boots != op->boots)) {
		wire_free(s, op);
		return;
	}
	if (!s->target_up) {
		if (!login) {
			wire_free(s, op);
			return;
		}
		op->outcome = QD_OUTCOME_UNKNOWN; /* refused */
		op->mute = sim_chance(s, 64);
		wire_reply(s, op);
		return;
	}
	const struct sim_nexus *n = &s->disk.nexus[op->nexus];
	if (!login && (!n->open || n->session != op->session)) {
		wire_free(s, op);
		return;
	}
	if (s->hang_until > s->t) {
		sim_push(s, s->hang_until + sim_below(s, 3 * SIM_MS), SIM_EV_ARRIVE, op->machine, index, 0);
		return;
	}
	if (op->in_target && !op->land_late && op->late_ns != 0) {
		op->tag = sim_disk_key_of(&s->disk, op->nexus);
		sim_push(s, s->t + op->late_ns, SIM_EV_ARRIVE, op->machine, index, 0);
		op->late_ns = 0;
		return;
	}
	if (!execute(s, op))
		return;
	s->cover->outcomes[op->op.kind][op->outcome]++;
	log_exec(s, op);
	struct sim_machine *m = &s->machines[op->machine];
	bool struck = m->struck_t == s->t;
	wire_reply(s, op);
	if (struck) {
		m->struck_t = 0;
		fault_after_strike(s, m);
	}
}

/* ---- back ---- */

void wire_answer(struct sim *s, uint32_t index)
{
	struct sim_op *op = &s->ops[index];
	qd_assert(op->phase == SIM_OP_ANSWERED);
	struct sim_machine *m = &s->machines[op->machine];
	struct sim_path *p = &m->paths[op->op.path];
	if (!m->powered || op->life != m->life || op->attempt != p->attempt) {
		wire_free(s, op);
		return;
	}
	uint64_t until;
	if (!host_runs(s, m, &until)) {
		sim_push(s, until, SIM_EV_ANSWER, op->machine, index, 0);
		return;
	}
	if (op->data) {
		runner_write_done(s, m);
		wire_free(s, op);
		return;
	}
	if (op->op.kind == QD_OP_LOGIN && op->outcome == QD_OUTCOME_GOOD) {
		p->up = true;
		p->session = op->session;
	}
	if (op->op.kind == QD_OP_PR_OUT || op->op.kind == QD_OP_WRITE_RECORD ||
	    op->op.kind == QD_OP_WRITE_SLOTS)
		p->changes_open--;
	struct qd_event ev;
	ev.kind = QD_EVENT_DONE;
	op->answer.id = op->op.id;
	op->answer.outcome = op->outcome;
	ev.u.answer = op->answer;
	host_step(s, m, &ev);
	const struct sim_nexus *n = &s->disk.nexus[op->nexus];
	if (op->op.kind == QD_OP_LOGIN && op->outcome == QD_OUTCOME_GOOD &&
	    (!n->open || n->session != op->session))
		host_lose_session(s, m, op->op.path,
				  sim_below(s, 20 * SIM_MS)); /* replaced or ended meanwhile */
	wire_free(s, op);
}

/* ---- ends ---- */

void wire_target_stops(struct sim *s)
{
	for (uint32_t i = 0; i < s->op_high; i++) {
		struct sim_op *op = &s->ops[i];
		if (op->phase == SIM_OP_TRANSIT || op->phase == SIM_OP_ADMITTED)
			op->session = op->op.kind == QD_OP_LOGIN ? op->session : 0;
	}
}

void wire_lun_reset(struct sim *s)
{
	for (uint32_t i = 0; i < s->op_high; i++) {
		struct sim_op *op = &s->ops[i];
		if (op->phase == SIM_OP_ADMITTED || (op->phase == SIM_OP_TRANSIT && op->tag != 0))
			op->session = 0;
	}
}
