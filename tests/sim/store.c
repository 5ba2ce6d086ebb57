/* SPDX-License-Identifier: Apache-2.0 */
/* What a node keeps on its own disk: one record, replaced as a whole, and the texts of configurations. A crash while it
 * is being written leaves the old or the new one. */
#include "sim/sim.h"

#include <string.h>

/* ---- the texts of configurations, by number ---- */

void store_body_of(uint32_t number, uint8_t body[QD_DIGEST_BYTES])
{
	memset(body, 0, QD_DIGEST_BYTES);
	body[0] = (uint8_t)(number + 1);
	body[1] = 0xb0;
}

static uint32_t number_of(const uint8_t body[QD_DIGEST_BYTES])
{
	return body[0] - 1u;
}

bool store_has_body(const struct sim *s, const struct sim_machine *m, const uint8_t body[QD_DIGEST_BYTES])
{
	const uint32_t n = number_of(body);
	return n < SIM_BODIES_MAX && (s->c.stores[m->index].bodies[n / 64] >> n % 64 & 1) != 0;
}

void store_add_body(struct sim *s, const struct sim_machine *m, const uint8_t body[QD_DIGEST_BYTES])
{
	const uint32_t n = number_of(body);
	qd_assert(n < SIM_BODIES_MAX);
	s->c.stores[m->index].bodies[n / 64] |= 1ull << n % 64;
}

/* ---- life ---- */

void store_init(struct sim *s)
{
	memset(s->c.stores, 0, sizeof(s->c.stores));
	for (uint32_t i = 0; i < s->o.machines; i++) {
		struct sim_store *st = &s->c.stores[i];
		st->durable.head = s->c.first;
		st->durable.has_vote = true;
		st->own = true;
		store_add_body(s, &s->machines[i], s->c.first.body);
	}
}

/* Another node's copy of the text is read over the network. */
static bool can_fetch(const struct sim *s, const struct sim_machine *m, uint32_t from,
		      const uint8_t body[QD_DIGEST_BYTES])
{
	uint64_t until;
	if (from == 0 || from > s->o.nodes || from == m->node_id)
		return false;
	const struct sim_machine *o = &s->machines[from - 1];
	if (!o->powered || !o->process || !host_runs(s, o, &until) || !store_has_body(s, o, body))
		return false;
	for (uint32_t i = 0; i < s->o.c.nets; i++)
		if (s->c.net.cut_until[m->index][o->index][i] <= s->t &&
		    s->c.net.cut_until[o->index][m->index][i] <= s->t)
			return true;
	return false;
}

static void land(struct sim *s, struct sim_machine *m)
{
	struct sim_store *st = &s->c.stores[m->index];
	st->durable = st->next;
	st->own = st->own || st->next.has_vote;
	check_cluster_kept(s, m);
}

void store_keep(struct sim *s, struct sim_machine *m, const struct qd_action *a, const struct qd_kept *kept)
{
	struct sim_store *st = &s->c.stores[m->index];
	if (st->writing) {
		sim_fail(s, "contract: node %u keeps something while it keeps something", m->node_id);
		return;
	}
	uint64_t in_ns = sim_between(s, 200, 6000) * 1000;
	enum qd_keep_result result = QD_KEEP_DURABLE;
	if (!store_has_body(s, m, kept->head.body)) {
		if (a->u.keep.from == 0) {
			sim_fail(s, "contract: node %u keeps a configuration whose text is not here",
				 m->node_id);
			return;
		}
		const bool here = can_fetch(s, m, a->u.keep.from, kept->head.body);
		result = here ? QD_KEEP_DURABLE : QD_KEEP_NO_TEXT;
		in_ns += here ? 4 * s->o.c.latency_ns[0] : SIM_S;
		if (here)
			store_add_body(s, m, kept->head.body);
	}
	if (st->slow_until > s->t)
		in_ns += sim_between(s, 100, 6000) * SIM_MS;
	uint64_t at = s->t + in_ns;
	if (st->stuck_until > s->t)
		at = st->stuck_until + in_ns;
	if (result == QD_KEEP_DURABLE && fault_on(s, SIM_FAULT_KEEP_FAILS) && sim_chance(s, 8)) {
		fault_count(s, SIM_FAULT_KEEP_FAILS, m->index, kept->promised);
		result = QD_KEEP_FAILED;
		if (sim_chance(s, 128)) {
			st->next = *kept;
			land(s, m);
		}
	}
	st->writing = true;
	st->turn = a->u.keep.turn;
	st->life = m->life;
	st->next = *kept;
	sim_log_add(s, SIM_LOG_STORE, m->index, 0, kept->promised, kept->installed.epoch,
		    kept->head.tag.version);
	sim_push(s, at, SIM_EV_KEPT, m->index, (uint32_t)result, (uint32_t)a->u.keep.turn);
}

void store_over(struct sim *s, struct sim_machine *m, const struct sim_event *e)
{
	struct sim_store *st = &s->c.stores[m->index];
	uint64_t until;
	if (!m->process || st->life != m->life || (uint32_t)st->turn != e->gen)
		return;
	if (st->writing) {
		st->writing = false;
		if (e->index == QD_KEEP_DURABLE)
			land(s, m);
	}
	if (!host_runs(s, m, &until)) {
		sim_push(s, until, SIM_EV_KEPT, e->machine, e->index, e->gen);
		return;
	}
	sim_log_add(s, SIM_LOG_STORE, m->index, 1, e->index, st->turn, 0);
	struct qd_event ev = {.kind = QD_EVENT_KEPT,
			      .u.kept = {.turn = st->turn, .result = (enum qd_keep_result)e->index}};
	host_step(s, m, &ev);
}

void store_process_ended(struct sim *s, struct sim_machine *m)
{
	struct sim_store *st = &s->c.stores[m->index];
	if (!st->writing)
		return;
	st->writing = false;
	if (store_has_body(s, m, st->next.head.body) && sim_chance(s, 128))
		land(s, m);
}

/* Both are noticed: the store is not provably its own (MEMBERSHIP.md section 1). */
void store_lose(struct sim *s, struct sim_machine *m, bool wiped)
{
	struct sim_store *st = &s->c.stores[m->index];
	qd_assert(!m->process);
	if (wiped || !st->has_old) {
		memset(st->bodies, 0, sizeof(st->bodies));
		st->durable = (struct qd_kept){.promised = 0};
		st->durable.head = s->c.first;
		st->durable.head.tag.epoch = 0;
		store_add_body(s, m, s->c.first.body);
	} else {
		st->durable = st->old;
		store_add_body(s, m, st->old.head.body); /* copied with it */
	}
	st->durable.has_vote = false;
	st->own = false;
	st->generation++;
	check_cluster_lost(s, m);
	/* A new store takes its first incarnation from a clock, so that it is not used twice. */
	m->stored_incarnation += 100;
	sim_log_add(s, SIM_LOG_STORE, m->index, wiped ? 2 : 3, 0, 0, 0);
}

void store_backup(struct sim *s)
{
	for (uint32_t i = 0; i < s->o.machines; i++) {
		struct sim_store *st = &s->c.stores[i];
		if (!sim_chance(s, 32))
			continue;
		st->old = st->durable;
		st->has_old = true;
	}
}
