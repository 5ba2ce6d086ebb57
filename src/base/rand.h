/* SPDX-License-Identifier: Apache-2.0 */
/* A small deterministic generator (SplitMix64, Steele, Lea and Flood 2014) whose state lives where it is
 * used. Not for secrets. Pure. */
#ifndef QD_BASE_RAND_H
#define QD_BASE_RAND_H

#include "base/assert.h"

#include <stdint.h>

struct qd_rand {
	uint64_t state;
};

static inline uint64_t qd_rand_u64(struct qd_rand *r)
{
	r->state += 0x9e3779b97f4a7c15u;
	uint64_t z = r->state;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Uniform in [0, bound); bound > 0. The bias (below 2^-32 for the bounds in use) does not matter here. */
static inline uint64_t qd_rand_below(struct qd_rand *r, uint64_t bound)
{
	qd_assert(bound > 0);
	return qd_rand_u64(r) % bound;
}

#endif
