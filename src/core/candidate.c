/* SPDX-License-Identifier: Apache-2.0 */
/* The largest set without a missing link, by votes. Looked at from the links that are missing: who misses none belongs
 * to every good set; nodes whose missing links do not hang together are decided apart from each other, as the order's
 * parts are sums, memberships of one node, and the lowest differing id; what is left is searched, with a bound. */
#include "core/candidate.h"

enum {
	FRAMES_MAX = QD_NODES_MAX +
		     1, /* each step takes one and puts back two, of which the first has a node less */
};

struct search {
	const struct qd_candidate_order *order;
	uint64_t missing
		[QD_NODES_MAX]; /* [id - 1] of the nodes that are looked at: whom it does not hear, or not be heard by */
	uint32_t steps_count;
};

/* A part of the search: sets that contain `in` and some of `open`. */
struct frame {
	uint64_t in;
	uint64_t open;
};

/* `a` comes before `b`. A set comes before each of its parts. */
static bool better(const struct qd_candidate_order *o, uint64_t a, uint64_t b)
{
	const uint32_t votes_a = qd_votes_sum(o->votes, a, 0);
	const uint32_t votes_b = qd_votes_sum(o->votes, b, 0);
	if (votes_a != votes_b)
		return votes_a > votes_b;
	if (qd_set_has(a, o->leader) != qd_set_has(b, o->leader))
		return qd_set_has(a, o->leader);
	if (qd_set_has(a, o->holder) != qd_set_has(b, o->holder))
		return qd_set_has(a, o->holder);
	if (qd_set_count(a) != qd_set_count(b))
		return qd_set_count(a) > qd_set_count(b);
	return qd_set_has(a, qd_set_first(a ^ b));
}

/* Who both hears `self` and is heard by it, and it itself. */
static uint64_t around(const struct qd_hearing *h, uint32_t self, uint64_t usable)
{
	uint64_t found = qd_set_of(self);
	const uint64_t heard = h->hears[self - 1] & usable;
	for (uint32_t id = qd_set_next(heard, 0); id != 0; id = qd_set_next(heard, id))
		if (qd_set_has(h->hears[id - 1], self))
			found |= qd_set_of(id);
	return found;
}

/* Fill in the missing links between `nodes`. Returns who misses any. */
static uint64_t find_missing(struct search *s, const struct qd_hearing *h, uint64_t nodes)
{
	uint64_t touched = 0;
	for (uint32_t id = qd_set_next(nodes, 0); id != 0; id = qd_set_next(nodes, id)) {
		const uint64_t deaf = nodes & ~h->hears[id - 1] & ~qd_set_of(id);
		s->missing[id - 1] |= deaf;
		if (deaf != 0)
			touched |= deaf | qd_set_of(id);
		for (uint32_t other = qd_set_next(deaf, 0); other != 0; other = qd_set_next(deaf, other))
			s->missing[other - 1] |= qd_set_of(id);
	}
	return touched;
}

/* The nodes of `nodes` that hang together with its lowest by missing links. */
static uint64_t piece(const struct search *s, uint64_t nodes)
{
	uint64_t found = qd_set_of(qd_set_first(nodes));
	uint64_t fresh = found;
	while (fresh != 0) {
		const uint32_t id = qd_set_first(fresh);
		const uint64_t more = s->missing[id - 1] & nodes & ~found;
		found |= more;
		fresh = (fresh | more) & ~qd_set_of(id);
	}
	return found;
}

/* Of `open` the node that misses most links to the others, the lowest of several; 0 when nobody misses more than one. */
static uint32_t worst(const struct search *s, uint64_t open)
{
	uint32_t most = 1;
	uint32_t found = 0;
	for (uint32_t id = qd_set_next(open, 0); id != 0; id = qd_set_next(open, id)) {
		const uint32_t count = qd_set_count(s->missing[id - 1] & open);
		if (count > most) {
			most = count;
			found = id;
		}
	}
	return found;
}

/* `open` without the lesser one of each two that miss one another, where nobody misses two. */
static uint64_t settle(const struct search *s, uint64_t open)
{
	uint64_t left = open;
	for (uint32_t id = qd_set_next(open, 0); id != 0; id = qd_set_next(open, id)) {
		const uint64_t other = s->missing[id - 1] & left;
		if (other != 0 && qd_set_has(left, id))
			left &= better(s->order, qd_set_of(id), other) ? ~other : ~qd_set_of(id);
	}
	return left;
}

/* `found` and whoever of `nodes` still fits in. A node that was left out early may, when others followed it. */
static uint64_t fill(const struct search *s, uint64_t found, uint64_t nodes)
{
	for (uint32_t id = qd_set_next(nodes, 0); id != 0; id = qd_set_next(nodes, id))
		if ((s->missing[id - 1] & found) == 0)
			found |= qd_set_of(id);
	return found;
}

/* The best set of `nodes`. Who misses most is left out first: the first set found is seldom a bad one, and it is found
 * even when all steps are used up. */
static uint64_t best_of(struct search *s, uint64_t nodes)
{
	struct frame frames[FRAMES_MAX];
	uint32_t count = 1;
	uint64_t best = 0;
	frames[0] = (struct frame){.in = 0, .open = nodes};
	while (count > 0 && (best == 0 || s->steps_count < QD_CANDIDATE_STEPS)) {
		const struct frame f = frames[--count];
		s->steps_count++;
		if (!better(s->order, f.in | f.open, best))
			continue;
		const uint32_t id = worst(s, f.open);
		if (id == 0) {
			const uint64_t found = fill(s, f.in | settle(s, f.open), nodes);
			if (better(s->order, found, best))
				best = found;
			continue;
		}
		qd_assert(count + 2 <= FRAMES_MAX);
		const uint64_t rest = f.open & ~qd_set_of(id);
		frames[count++] =
			(struct frame){.in = f.in | qd_set_of(id), .open = rest & ~s->missing[id - 1]};
		frames[count++] = (struct frame){.in = f.in, .open = rest};
	}
	qd_assert(best != 0);
	return best;
}

uint64_t qd_candidate_counted(const struct qd_hearing *h, uint32_t self,
			      const struct qd_candidate_order *order, uint32_t *steps_count)
{
	struct search s = {.order = order};
	const uint64_t usable = h->usable & qd_set_all();
	qd_assert(self >= 1 && self <= QD_NODES_MAX);
	*steps_count = 0;
	if (!qd_set_has(usable, self))
		return 0;

	const uint64_t nodes = around(h, self, usable);
	uint64_t left = find_missing(&s, h, nodes);
	uint64_t found = nodes & ~left;
	while (left != 0) {
		const uint64_t together = piece(&s, left);
		found |= best_of(&s, together);
		left &= ~together;
	}
	*steps_count = s.steps_count;
	qd_assert(qd_set_has(found, self));
	return found;
}

uint64_t qd_candidate(const struct qd_hearing *h, uint32_t self, const struct qd_votes *v, uint32_t leader,
		      uint32_t holder)
{
	const struct qd_candidate_order order = {.votes = v, .leader = leader, .holder = holder};
	uint32_t steps_count = 0;
	return qd_candidate_counted(h, self, &order, &steps_count);
}
