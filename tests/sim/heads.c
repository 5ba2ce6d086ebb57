/* SPDX-License-Identifier: Apache-2.0 */
/* Which configuration was made from which, and which epoch names which view: two tables that only grow. */
#include "sim/sim.h"

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static uint64_t mix_votes(uint64_t h, const struct qd_votes *v)
{
	h = mix(h, v->nodes);
	h = mix(h, v->out);
	h = v->paused != 0 ? mix(h, v->paused) : h;
	h = mix(h, (uint64_t)v->model << 40 | (uint64_t)v->low << 8 | (uint64_t)v->dynamic << 1 |
			   (uint64_t)v->extra_out);
	for (uint32_t id = qd_set_next(v->nodes, 0); id != 0; id = qd_set_next(v->nodes, id))
		h = mix(h, v->weight[id - 1]);
	return h;
}

/* Everything but the tag's epoch: a view takes a configuration over under its own. */
uint64_t heads_id(const struct qd_head *h)
{
	uint64_t id = mix(mix(1, h->tag.version), (uint64_t)h->body[1] << 8 | h->body[0]);
	id = mix_votes(id, &h->votes);
	if (h->has_old)
		id = mix_votes(mix(id, 1), &h->old);
	id = mix(id, (uint64_t)h->forced_by << 48 ^ h->forced_unix_s);
	return id != 0 ? id : 1;
}

struct sim_head *heads_find(struct sim *s, uint64_t id)
{
	struct sim_head *heads = s->c.facts.heads;
	for (uint64_t i = id;; i++) {
		struct sim_head *h = &heads[i % SIM_HEADS_MAX];
		if (h->id == id)
			return h;
		if (h->id == 0)
			return NULL;
	}
}

void heads_add(struct sim *s, const struct qd_head *head, uint64_t id, uint64_t parent)
{
	struct sim_cluster_facts *f = &s->c.facts;
	struct sim_head *h = heads_find(s, id);
	if (h != NULL) { /* the same one, made again from another */
		if (h->parent[0] != parent && h->parent[1] == 0 && id != parent)
			h->parent[1] = parent;
		return;
	}
	if (f->head_count >= SIM_HEADS_MAX * 3 / 4) {
		sim_fail(s, "I7: more than %d configurations", SIM_HEADS_MAX * 3 / 4);
		return;
	}
	uint64_t i = id;
	while (f->heads[i % SIM_HEADS_MAX].id != 0)
		i++;
	f->heads[i % SIM_HEADS_MAX] = (struct sim_head){.id = id,
							.parent = {parent, 0},
							.tag = head->tag,
							.made_t = s->t,
							.forced = head->forced_by != 0};
	f->head_count++;
}

bool heads_descends(struct sim *s, uint64_t id, uint64_t from)
{
	enum { OPEN_MAX = 64 };
	uint64_t open[OPEN_MAX];
	uint32_t count = 0;
	const uint32_t round = ++s->c.facts.search;
	open[count++] = id;
	while (count > 0) {
		const uint64_t at = open[--count];
		struct sim_head *h = heads_find(s, at);
		if (at == from)
			return true;
		if (h == NULL || h->search == round)
			continue;
		h->search = round;
		for (uint32_t i = 0; i < 2; i++)
			if (h->parent[i] != 0 && count < OPEN_MAX)
				open[count++] = h->parent[i];
	}
	return false;
}

uint64_t views_hash(const struct qd_view *v)
{
	uint64_t h = mix(mix(1, v->epoch), v->members);
	for (uint32_t id = qd_set_next(v->members, 0); id != 0; id = qd_set_next(v->members, id))
		h = mix(h, v->incarnation[id - 1]);
	return h != 0 ? h : 1;
}

struct sim_view *views_find(struct sim *s, uint64_t epoch)
{
	struct sim_cluster_facts *f = &s->c.facts;
	for (uint64_t i = mix(0, epoch);; i++) {
		struct sim_view *v = &f->views[i % SIM_VIEWS_MAX];
		if (v->epoch == epoch)
			return v;
		if (v->epoch != 0)
			continue;
		if (f->view_count >= SIM_VIEWS_MAX * 3 / 4) {
			sim_fail(s, "I7: more than %d epochs", SIM_VIEWS_MAX * 3 / 4);
			return NULL;
		}
		f->view_count++;
		v->epoch = epoch;
		return v;
	}
}
