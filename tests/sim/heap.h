/* SPDX-License-Identifier: Apache-2.0 */
/* A queue of events by (time, sequence): two at one instant come out in the order they went in. */
#ifndef QD_SIM_HEAP_H
#define QD_SIM_HEAP_H

#include "base/assert.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	SIM_HEAP_MAX = 16384, /* a few per command under way, one per packet */
};

struct sim_event {
	uint64_t t;
	uint32_t sequence;
	uint8_t kind;
	uint8_t machine;
	uint16_t index;
	uint32_t gen;
};

struct sim_heap {
	uint32_t count;
	uint32_t sequence;
	struct sim_event at[SIM_HEAP_MAX];
};

static inline bool sim_event_before(const struct sim_event *a, const struct sim_event *b)
{
	return a->t != b->t ? a->t < b->t : a->sequence < b->sequence;
}

static inline void sim_heap_push(struct sim_heap *h, struct sim_event e)
{
	qd_assert(h->count < SIM_HEAP_MAX);
	e.sequence = h->sequence++;
	uint32_t i = h->count++;
	while (i > 0) {
		uint32_t up = (i - 1) / 2;
		if (!sim_event_before(&e, &h->at[up]))
			break;
		h->at[i] = h->at[up];
		i = up;
	}
	h->at[i] = e;
}

static inline struct sim_event sim_heap_pop(struct sim_heap *h)
{
	qd_assert(h->count > 0);
	struct sim_event top = h->at[0];
	struct sim_event last = h->at[--h->count];
	uint32_t i = 0;
	for (;;) {
		uint32_t down = 2 * i + 1;
		if (down >= h->count)
			break;
		if (down + 1 < h->count && sim_event_before(&h->at[down + 1], &h->at[down]))
			down++;
		if (!sim_event_before(&h->at[down], &last))
			break;
		h->at[i] = h->at[down];
		i = down;
	}
	if (h->count > 0)
		h->at[i] = last;
	return top;
}

#endif
