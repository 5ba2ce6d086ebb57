/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of counting for the tests of votes: by hand, and at random. */
#ifndef QD_TESTS_UNIT_VOTES_RULES_H
#define QD_TESTS_UNIT_VOTES_RULES_H

#include "unit.h"

#include "core/votes.h"

enum {
	ANY = QD_EXTRA_DISK | QD_EXTRA_WITNESS,
	SEARCHES = 20000,
};

/* Nodes 1..count with weight 1, the extra with its vote. */
static inline struct qd_votes rule(enum qd_model model, uint32_t count, bool dynamic)
{
	struct qd_votes v = {.model = model, .dynamic = dynamic};
	for (uint32_t id = 1; id <= count; id++) {
		v.nodes |= qd_set_of(id);
		v.weight[id - 1] = 1;
	}
	return v;
}

static inline struct qd_votes weighted(enum qd_model model, const uint8_t *weights, uint32_t count)
{
	struct qd_votes v = rule(model, count, true);
	memcpy(v.weight, weights, count);
	return v;
}

static inline bool same(const struct qd_votes *a, const struct qd_votes *b)
{
	return a->model == b->model && a->nodes == b->nodes && a->dynamic == b->dynamic && a->out == b->out &&
	       a->extra_out == b->extra_out && a->low == b->low &&
	       memcmp(a->weight, b->weight, sizeof(a->weight)) == 0;
}

/* Up to 8 nodes with gaps between their ids; mostly weights of 1, or of 0 to 3. */
static inline struct qd_votes random_rule(uint64_t *seed)
{
	const bool plain = unit_random(seed) % 2 == 0;
	struct qd_votes v = {.model = (enum qd_model)(unit_random(seed) % QD_MODEL_COUNT)};
	for (uint64_t n = 1 + unit_random(seed) % 8; n > 0; n--) {
		const uint32_t id = 1 + (uint32_t)(unit_random(seed) % (n % 2 == 0 ? 10 : QD_NODES_MAX));
		v.nodes |= qd_set_of(id);
		v.weight[id - 1] = plain ? 1 : (uint8_t)(unit_random(seed) % 4);
	}
	v.dynamic = unit_random(seed) % 8 != 0;
	v.out = v.nodes & unit_random(seed) & unit_random(seed);
	v.extra_out = unit_random(seed) % 4 == 0;
	const uint32_t low = (uint32_t)(unit_random(seed) % (QD_NODES_MAX + 1));
	v.low = qd_set_has(v.nodes, low) ? low : qd_set_first(v.nodes & unit_random(seed));
	return v;
}

static inline uint64_t random_part(uint64_t *seed, uint64_t set)
{
	return set & (unit_random(seed) << 32 ^ unit_random(seed));
}

static inline void about(uint64_t at, const struct qd_votes *v, uint64_t members, uint32_t extras)
{
	unit_case("search %" PRIu64 ": %s, nodes %" PRIx64 "h, out %" PRIx64 "h, low %" PRIu32
		  ", members %" PRIx64 "h, extras %" PRIu32,
		  at, qd_model_name(v->model), v->nodes, v->out, v->low, members, extras);
}

#endif
