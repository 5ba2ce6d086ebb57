/* SPDX-License-Identifier: Apache-2.0 */
/* The witness on a third host: the real core of quorum-witnessd (witness/core.c) behind a network and before a disk of
 * its own. That a request of another session is refused, and none is taken twice, is the daemon's part, and done here. */
#include "sim/sim.h"

#include <string.h>

static uint64_t local(const struct sim *s)
{
	const struct sim_witness *w = &s->c.witness;
	const int64_t dt = (int64_t)(s->t - w->clock_t);
	return w->clock_base + (uint64_t)(dt + dt * w->ppm / 1000000);
}

static uint64_t way_ns(struct sim *s)
{
	const uint64_t mean = s->o.c.latency_ns[0];
	return mean / 2 + sim_below(s, mean + 1);
}

/* When it comes; SIM_NEVER: it does not. */
static uint64_t fate(struct sim *s, uint64_t cut_until, uint32_t machine)
{
	uint64_t at = s->t + way_ns(s);
	if (cut_until > at)
		return SIM_NEVER;
	if (s->healed || sim_below(s, 65536) >= s->o.c.packet_rate * 2u)
		return at;
	if (sim_chance(s, 128) && fault_on(s, SIM_FAULT_WITNESS_LOSS)) {
		fault_count(s, SIM_FAULT_WITNESS_LOSS, machine, 0);
		return SIM_NEVER;
	}
	if (fault_on(s, SIM_FAULT_WITNESS_LATE)) {
		fault_count(s, SIM_FAULT_WITNESS_LATE, machine, 0);
		at += sim_between(s, 100, 15000) * SIM_MS;
	}
	return at;
}

static struct sim_ask *take(struct sim *s)
{
	for (uint32_t i = 0; i < SIM_ASKS_MAX; i++)
		if (!s->c.witness.asks[i].used)
			return &s->c.witness.asks[i];
	return NULL; /* lost */
}

static uint32_t index_of(const struct sim *s, const struct sim_ask *a)
{
	return (uint32_t)(a - s->c.witness.asks);
}

/* ---- requests ---- */

void witness_ask(struct sim *s, struct sim_machine *m, const struct qd_witness_request *request)
{
	struct sim_witness *w = &s->c.witness;
	struct sim_ask *a = take(s);
	if (request->node != m->node_id || request->incarnation != m->config.incarnation ||
	    request->ask >= QD_WITNESS_ASK_COUNT)
		sim_fail(s, "contract: node %u asks the witness as node %u", m->node_id, request->node);
	if (s->o.c.share) {
		share_ask(s, m, request);
		return;
	}
	if (a == NULL || !s->o.c.has_witness)
		return;
	const uint64_t at = fate(s, w->request_cut_until[m->index], m->index);
	if (at == SIM_NEVER)
		return;
	a->used = true;
	a->life = m->life;
	a->request = *request;
	sim_push(s, at, SIM_EV_ASK, m->index, index_of(s, a), 0);
}

/* The answer leaves; `a` carries it. */
static void send(struct sim *s, struct sim_ask *a)
{
	struct sim_witness *w = &s->c.witness;
	const uint32_t machine = a->request.node - 1;
	const uint64_t at = fate(s, w->answer_cut_until[machine], machine);
	a->answer.session = w->session;
	s->cover->verdicts[a->answer.verdict]++;
	sim_log_add(s, SIM_LOG_WITNESS, machine, (uint32_t)a->request.ask, (uint64_t)a->answer.verdict,
		    a->answer.epoch, a->answer.tag.version);
	if (a->answer.verdict == QD_WITNESS_OK)
		check_cluster_granted(s, &a->request, &a->answer);
	if (at == SIM_NEVER)
		a->used = false;
	else
		sim_push(s, at, SIM_EV_ANSWER_ASK, machine, index_of(s, a), 0);
}

/* Nothing is done for a request that was taken before, or of an earlier incarnation. */
static bool is_new(struct sim_witness *w, const struct qd_witness_request *q)
{
	uint64_t *incarnation = &w->seen_incarnation[q->node - 1];
	uint64_t *id = &w->seen_id[q->node - 1];
	if (q->incarnation < *incarnation || (q->incarnation == *incarnation && q->id <= *id))
		return false;
	*incarnation = q->incarnation;
	*id = q->id;
	return true;
}

void witness_take(struct sim *s, const struct sim_event *e)
{
	struct sim_witness *w = &s->c.witness;
	struct sim_ask *a = &w->asks[e->index];
	qd_assert(a->used);
	if (w->up && w->halted_until > s->t) {
		sim_push(s, w->halted_until, SIM_EV_ASK, e->machine, e->index, 0);
		return;
	}
	if (!w->up) {
		a->used = false;
		return;
	}
	if (a->request.session != w->session) {
		a->answer = (struct qd_witness_answer){.id = a->request.id,
						       .incarnation = a->request.incarnation,
						       .verdict = QD_WITNESS_SESSION};
		send(s, a);
		return;
	}
	if (!is_new(w, &a->request)) {
		a->used = false;
		return;
	}
	const struct qd_mono now = {local(s)};
	const uint32_t what = qd_tenant_step(&w->tenant, &a->request, now, &a->answer);
	if ((what & QD_TENANT_WRITE) != 0) {
		w->asked = a->request;
		w->writing = w->tenant.next;
		w->write_open = true;
		const uint64_t in_ns = sim_between(s, 300, 8000) * 1000;
		sim_push(s, s->t + in_ns, SIM_EV_WITNESS_WRITTEN, 0, 0, w->life);
	}
	if ((what & QD_TENANT_ANSWER) != 0)
		send(s, a);
	else
		a->used = false;
}

void witness_written(struct sim *s, const struct sim_event *e)
{
	struct sim_witness *w = &s->c.witness;
	if (!w->up || w->life != e->gen)
		return;
	if (w->write_open)
		w->durable = w->writing;
	w->write_open = false;
	if (w->halted_until > s->t) {
		sim_push(s, w->halted_until, SIM_EV_WITNESS_WRITTEN, 0, 0, w->life);
		return;
	}
	struct sim_ask *a = take(s);
	struct qd_witness_answer answer;
	const struct qd_mono now = {local(s)};
	if (!qd_tenant_written(&w->tenant, true, now, &answer) || a == NULL)
		return;
	a->used = true;
	a->life = s->machines[w->asked.node - 1].life;
	a->request = w->asked;
	a->answer = answer;
	send(s, a);
}

void witness_answer(struct sim *s, struct sim_machine *m, const struct sim_event *e)
{
	struct sim_ask *a = &s->c.witness.asks[e->index];
	uint64_t until;
	qd_assert(a->used);
	if (!m->process || a->answer.incarnation != m->config.incarnation) {
		a->used = false;
		return;
	}
	if (!host_runs(s, m, &until)) {
		sim_push(s, until, SIM_EV_ANSWER_ASK, e->machine, e->index, 0);
		return;
	}
	a->used = false;
	struct qd_event ev = {.kind = QD_EVENT_WITNESS, .u.witness = a->answer};
	host_step(s, m, &ev);
}

/* ---- life ---- */

void witness_start(struct sim *s)
{
	struct sim_witness *w = &s->c.witness;
	if (w->up)
		return;
	w->up = true;
	w->life++;
	w->halted_until = 0;
	w->session = qd_rand_u64(&s->rand) | 1;
	w->clock_base = SIM_S + sim_below(s, 1000000 * SIM_S);
	w->clock_t = s->t;
	w->write_open = false;
	memset(w->seen_incarnation, 0, sizeof(w->seen_incarnation));
	memset(w->seen_id, 0, sizeof(w->seen_id));
	qd_tenant_init(&w->tenant, &w->durable, (struct qd_mono){local(s)});
	sim_log_add(s, SIM_LOG_WITNESS, 0xff, 100, w->durable.epoch, w->durable.confirmed, 0);
}

void witness_init(struct sim *s)
{
	memset(&s->c.witness, 0, sizeof(s->c.witness));
	struct sim_witness *w = &s->c.witness;
	w->ppm = sim_faults_has(&s->o.faults, SIM_FAULT_DRIFT) ? (int32_t)sim_below(s, 1999) - 999 : 0;
	w->durable.confirmed = true;
	if (s->o.c.has_witness)
		witness_start(s);
	if (s->o.c.share)
		share_init(s);
}

void witness_crash(struct sim *s, uint64_t back_in_ns)
{
	struct sim_witness *w = &s->c.witness;
	if (!w->up)
		return;
	if (w->write_open && sim_chance(s, 128))
		w->durable = w->writing;
	w->write_open = false;
	w->up = false;
	w->life++;
	sim_log_add(s, SIM_LOG_WITNESS, 0xff, 101, 0, 0, 0);
	sim_push(s, s->t + back_in_ns, SIM_EV_WITNESS_UP, 0, 0, w->life);
}

/* Both are noticed (MEMBERSHIP.md section 6). */
void witness_lose(struct sim *s, bool wiped)
{
	struct sim_witness *w = &s->c.witness;
	qd_assert(!w->up);
	w->durable = wiped ? (struct qd_witness_record){.confirmed = false} : w->old;
	w->durable.confirmed = false;
	if (s->o.c.share)
		share_lose(s, wiped);
	sim_log_add(s, SIM_LOG_WITNESS, 0xff, wiped ? 102 : 103, 0, 0, 0);
}

void witness_heal(struct sim *s)
{
	struct sim_witness *w = &s->c.witness;
	memset(w->request_cut_until, 0, sizeof(w->request_cut_until));
	memset(w->answer_cut_until, 0, sizeof(w->answer_cut_until));
	if (w->halted_until > s->t)
		w->halted_until = s->t;
	share_heal(s);
	if (!w->up && s->o.c.has_witness)
		sim_push(s, s->t + sim_below(s, SIM_S), SIM_EV_WITNESS_UP, 0, 0, w->life);
}
