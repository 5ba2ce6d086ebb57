/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of nodes: bit id-1 of 64 bits. Node ids run from 1. Pure. */
#ifndef QD_BASE_NODESET_H
#define QD_BASE_NODESET_H

#include "base/assert.h"

#include <stdbool.h>
#include <stdint.h>

/* Arrays by node have this many entries, [id - 1]. The explorer, which hashes whole nodes, is built with fewer. */
#ifndef QD_NODES_MAX
#define QD_NODES_MAX 64
#endif

/* Every id there can be. What comes from outside is cut to it before it leads into an array. */
static inline uint64_t qd_set_all(void)
{
	return ~UINT64_C(0) >> (64 - QD_NODES_MAX);
}

static inline uint64_t qd_set_of(uint32_t id)
{
	qd_assert(id >= 1 && id <= QD_NODES_MAX);
	return UINT64_C(1) << (id - 1);
}

static inline bool qd_set_has(uint64_t set, uint32_t id)
{
	return id >= 1 && id <= QD_NODES_MAX && (set >> (id - 1) & 1u) != 0;
}

static inline uint32_t qd_set_count(uint64_t set)
{
	/* Sums of 2, 4, then 8 bits side by side; the product adds the bytes. The compiler's builtin would be a call. */
	set -= set >> 1 & UINT64_C(0x5555555555555555);
	set = (set & UINT64_C(0x3333333333333333)) + (set >> 2 & UINT64_C(0x3333333333333333));
	set = (set + (set >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (uint32_t)((set * UINT64_C(0x0101010101010101)) >> 56);
}

/* Every one of `part` is in `set`. */
static inline bool qd_set_contains(uint64_t set, uint64_t part)
{
	return (part & ~set) == 0;
}

/* The lowest id in the set; 0: it is empty. */
static inline uint32_t qd_set_first(uint64_t set)
{
	return set == 0 ? 0 : (uint32_t)__builtin_ctzll(set) + 1;
}

/* The highest id in the set; 0: it is empty. */
static inline uint32_t qd_set_last(uint64_t set)
{
	return set == 0 ? 0 : 64 - (uint32_t)__builtin_clzll(set);
}

/* for (uint32_t id = qd_set_next(set, 0); id != 0; id = qd_set_next(set, id)) */
static inline uint32_t qd_set_next(uint64_t set, uint32_t after)
{
	return after >= 64 ? 0 : qd_set_first(set >> after << after);
}

#endif
