/* SPDX-License-Identifier: Apache-2.0 */
/* Breadth-first search over worlds. Of a world only its hash and the step that led to it are kept; the worlds of a level
 * are made again, in the order of the tree, when the next level is searched: half a step more for each. */
#ifndef QD_EXPLORE_SEARCH_H
#define QD_EXPLORE_SEARCH_H

#include "explore/world.h"

enum { EX_DEPTH_MAX = 64 };

struct ex_search {
	struct ex_limits limits;
	uint64_t states_max;
	uint32_t depth_max;
	uint64_t beam; /* worlds of a level that are followed at most; which, the seed decides */
	uint64_t seed;
	uint64_t seconds; /* of processor time; 0: no limit */
	bool quiet;
	/* results */
	uint64_t states;
	uint64_t steps;
	uint64_t cut;	      /* worlds that were not followed */
	uint64_t lost;	      /* worlds in which a packet found no room */
	uint32_t depth;	      /* complete levels */
	uint32_t whole_depth; /* of those, the ones of which every world was followed */
	bool exhausted;	      /* there was no further world */
	/* inside */
	uint64_t *seen; /* open addressing, two words an entry */
	uint64_t seen_size;
	uint64_t *came; /* [number]: the parent's number, then kind, a, b of the action */
	uint32_t *level;
	uint64_t level_count;
	struct ex_world *path; /* [depth] of the world that is being searched */
	uint32_t path_number[EX_DEPTH_MAX + 1];
	uint32_t path_len;
};

/* 0: no violation; 1: one, printed with its path; 2: no memory. */
int ex_search(struct ex_search *s);

/* Follow a path that an earlier run printed (kind,a,b;kind,a,b...), and say what happens. */
int ex_replay(const struct ex_limits *l, const char *path);

#endif
