/* SPDX-License-Identifier: Apache-2.0 */
#include "explore/search.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static jmp_buf failed;
static char failure[256];

/* The core's assertions: one more invariant. */
void qd_assert_failed(const char *file, int line, const char *what)
{
	(void)snprintf(failure, sizeof(failure), "assertion %s:%d: %s", file, line, what);
	longjmp(failed, 1);
}

static const char *try_act(struct ex_world *w, const struct ex_limits *l, struct ex_action a, bool say)
{
	if (setjmp(failed) != 0)
		return failure;
	return ex_world_act(w, l, a, say);
}

/* ------------------------------------------------ what was seen */

static void *reserve(uint64_t size)
{
	void *p =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	(void)madvise(p, size, MADV_HUGEPAGE); /* only speed depends on it */
	return p;
}

static bool is_new(struct ex_search *s, const struct ex_world *w)
{
	uint64_t h[2];
	ex_world_hash(w, &s->limits, h);
	h[0] |= 1;
	uint64_t i = (uint64_t)(__extension__((unsigned __int128)h[1] * s->seen_size) >> 64);
	for (;; i = i + 1 == s->seen_size ? 0 : i + 1) {
		if (s->seen[2 * i] == 0) {
			s->seen[2 * i] = h[0];
			s->seen[2 * i + 1] = h[1];
			return true;
		}
		if (s->seen[2 * i] == h[0] && s->seen[2 * i + 1] == h[1])
			return false;
	}
}

static uint32_t parent_of(const struct ex_search *s, uint32_t number)
{
	return (uint32_t)(s->came[number] >> 32);
}

static struct ex_action action_of(const struct ex_search *s, uint32_t number)
{
	const uint64_t v = s->came[number];
	return (struct ex_action){(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
}

static void add_state(struct ex_search *s, uint32_t parent, struct ex_action a)
{
	s->states++;
	s->came[s->states] = (uint64_t)parent << 32 | (uint64_t)a.kind << 16 | (uint64_t)a.a << 8 | a.b;
}

/* ------------------------------------------------ paths */

static void print_path(const struct ex_search *s, uint32_t parent, struct ex_action last, const char *bad)
{
	struct ex_action path[EX_DEPTH_MAX + 2];
	uint32_t n = 0;
	path[n++] = last;
	for (uint32_t at = parent; at != 0 && n <= EX_DEPTH_MAX; at = parent_of(s, at))
		path[n++] = action_of(s, at);
	printf("VIOLATION after %u steps: %s\n  path ", n, bad);
	for (uint32_t i = n; i > 0; i--)
		printf("%u,%u,%u;", path[i - 1].kind, path[i - 1].a, path[i - 1].b);
	printf("\n");
	struct ex_world *w = malloc(sizeof(*w));
	if (w == NULL)
		return;
	ex_world_init(w, &s->limits);
	for (uint32_t i = n; i > 0; i--) {
		char text[128];
		ex_world_describe(w, path[i - 1], text, sizeof(text));
		printf("  %2u. %s\n", n - i + 1, text);
		const char *what = try_act(w, &s->limits, path[i - 1], true);
		if (what != NULL)
			printf("  %s\n", what);
	}
	free(w);
}

static bool can_happen(const struct ex_world *w, const struct ex_limits *l, struct ex_action a)
{
	struct ex_action list[EX_ACTIONS_MAX];
	const uint32_t n = ex_world_actions(w, l, list);
	for (uint32_t i = 0; i < n; i++)
		if (list[i].kind == a.kind && list[i].a == a.a && list[i].b == a.b)
			return true;
	return false;
}

int ex_replay(const struct ex_limits *l, const char *path)
{
	static struct ex_world w;
	uint32_t n = 0;
	ex_world_init(&w, l);
	while (*path != '\0') {
		struct ex_action a;
		char text[128];
		char *end;
		a.kind = (uint8_t)strtoul(path, &end, 10);
		a.a = (uint8_t)strtoul(end + (*end == ','), &end, 10);
		a.b = (uint8_t)strtoul(end + (*end == ','), &end, 10);
		if (a.kind >= EX_KIND_COUNT || (*end != ';' && *end != '\0') || end == path) {
			fprintf(stderr, "explore: not a path: %s\n", path);
			return 2;
		}
		path = end + (*end == ';');
		if (!can_happen(&w, l, a)) {
			fprintf(stderr, "explore: step %u cannot happen in this world\n", n + 1);
			return 2;
		}
		ex_world_describe(&w, a, text, sizeof(text));
		printf("  %2u. %s\n", ++n, text);
		const char *bad = try_act(&w, l, a, true);
		if (bad != NULL) {
			printf("VIOLATION after %u steps: %s\n", n, bad);
			return 1;
		}
	}
	return 0;
}

/* Make path[depth] the world `number` again, from what it has in common with the last one. */
static const struct ex_world *load(struct ex_search *s, uint32_t number, uint32_t depth)
{
	uint32_t chain[EX_DEPTH_MAX + 1];
	uint32_t same = depth;
	uint32_t at = number;
	while (same > 0 && (same >= s->path_len || s->path_number[same] != at)) {
		chain[same--] = at;
		at = parent_of(s, at);
	}
	for (uint32_t d = same + 1; d <= depth; d++) {
		ex_world_copy(&s->path[d], &s->path[d - 1], &s->limits);
		const char *bad = try_act(&s->path[d], &s->limits, action_of(s, chain[d]), false);
		qd_assert(bad == NULL);
		s->path_number[d] = chain[d];
	}
	s->path_len = depth + 1;
	return &s->path[depth];
}

/* ------------------------------------------------ levels */

/* True: a violation was found, and printed. */
static bool expand(struct ex_search *s, uint32_t number)
{
	static struct ex_world w;
	struct ex_action list[EX_ACTIONS_MAX];
	const struct ex_world *from = load(s, number, s->depth);
	const uint32_t n = ex_world_actions(from, &s->limits, list);
	for (uint32_t i = 0; i < n && s->states < s->states_max; i++) {
		ex_world_copy(&w, from, &s->limits);
		const char *bad = try_act(&w, &s->limits, list[i], false);
		s->steps++;
		if (bad != NULL) {
			print_path(s, number, list[i], bad);
			return true;
		}
		if (!is_new(s, &w))
			continue;
		s->lost += w.lost_count > from->lost_count;
		add_state(s, number, list[i]);
	}
	return false;
}

/* What of the worlds `first`.. is followed: all, or as many as the beam is wide, drawn. */
static bool choose(struct ex_search *s, uint64_t first)
{
	const uint64_t found = s->states + 1 - first;
	struct qd_rand rand = {.state = s->seed + s->depth};
	uint64_t left = found < s->beam ? found : s->beam;
	uint32_t *level = realloc(s->level, (left + 1) * sizeof(*level));
	if (level == NULL)
		return false;
	s->level = level;
	s->level_count = 0;
	for (uint64_t i = 0; i < found && left > 0; i++) {
		if (qd_rand_below(&rand, found - i) >= left)
			continue;
		s->level[s->level_count++] = (uint32_t)(first + i);
		left--;
	}
	s->cut += found - s->level_count;
	return true;
}

static bool prepare(struct ex_search *s)
{
	s->seen_size = s->states_max / 3 * 4 + 1024;
	s->seen = reserve(s->seen_size * 16);
	s->came = reserve((s->states_max + EX_ACTIONS_MAX + 2) * sizeof(*s->came));
	s->path = calloc(s->depth_max + 1, sizeof(*s->path));
	s->level = calloc(1, sizeof(*s->level));
	if (s->seen == NULL || s->came == NULL || s->path == NULL || s->level == NULL)
		return false;
	ex_world_init(&s->path[0], &s->limits);
	(void)is_new(s, &s->path[0]);
	s->path_len = 1;
	s->level_count = 1;
	return true;
}

static bool time_is_up(const struct ex_search *s)
{
	return s->seconds != 0 && (uint64_t)(clock() / CLOCKS_PER_SEC) >= s->seconds;
}

int ex_search(struct ex_search *s)
{
	if (!prepare(s)) {
		fprintf(stderr, "explore: no memory\n");
		return 2;
	}
	while (s->level_count > 0 && s->depth < s->depth_max && s->states < s->states_max) {
		const uint64_t first = s->states + 1;
		uint64_t i = 0;
		for (; i < s->level_count && s->states < s->states_max; i++) {
			if (i % 4096 == 0 && time_is_up(s))
				break;
			if (expand(s, s->level[i]))
				return 1;
		}
		if (i < s->level_count)
			break;
		s->depth++;
		if (s->cut == 0)
			s->whole_depth = s->depth;
		if (!s->quiet)
			fprintf(stderr, "depth %u: %" PRIu64 " worlds, %" PRIu64 " in all\n", s->depth,
				s->states + 1 - first, s->states);
		if (!choose(s, first))
			return 2;
	}
	s->exhausted = s->level_count == 0 && s->cut == 0;
	return 0;
}
