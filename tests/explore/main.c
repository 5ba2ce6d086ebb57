/* SPDX-License-Identifier: Apache-2.0 */
/* The explorer: breadth-first search over everything that can happen to a small cluster, on the real core
 * (docs/EXPLORER.md). What random walks miss in hundreds of millions of steps lies a dozen well-chosen steps away from
 * the beginning. */
#include "explore/search.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

uint32_t qd_mutant_off = QD_RULE_COUNT;

static const char *const rules[] = {
#define NAME(name, clause, text) #name,
	QD_RULES(NAME)
#undef NAME
};

static const struct {
	const char *name;
	const char *text;
} budgets[EX_BUDGET_COUNT] = {
#define BUDGET(name, option, text) {option, text},
	EX_BUDGETS(BUDGET)
#undef BUDGET
};

static void usage(void)
{
	fprintf(stderr, "usage: explore [--nodes 2|3] [--witness | --disk] [--warm] [--dynamic] "
			"[--slow-stores] [--wait 3|4]\n"
			"               [--weight N] [--BUDGET N]... [--depth N] [--states N] [--beam N] "
			"[--seed N] [--quiet]\n"
			"               [--quiet] [--quiet] [--mutant RULE] [--replay PATH]\n"
			"BUDGET, how often what may happen:\n");
	for (uint32_t i = 0; i < EX_BUDGET_COUNT; i++)
		fprintf(stderr, "  %-18s %s\n", budgets[i].name, budgets[i].text);
	exit(2);
}

static void print_limits(const struct ex_limits *l)
{
	printf("%u nodes%s%s%s, W = %u R", l->nodes, l->witness ? " + witness" : "", l->disk ? " + disk" : "",
	       l->warm ? ", warm" : "", l->wait_ticks);
	if (l->weight != 1)
		printf(", weight %u", l->weight);
	if (l->dynamic)
		printf(", dynamic");
	if (l->slow_stores)
		printf(", slow stores");
	for (uint32_t i = 0; i < EX_BUDGET_COUNT; i++)
		if (l->budget[i] != 0)
			printf(", %u %s", l->budget[i], budgets[i].name);
	if (qd_mutant_off != QD_RULE_COUNT)
		printf(", without %s", rules[qd_mutant_off]);
	printf(": ");
}

static void print_result(const struct ex_search *s)
{
	print_limits(&s->limits);
	printf("no violation, %" PRIu64 " states, %" PRIu64 " steps, ", s->states, s->steps);
	if (s->exhausted)
		printf("all that there are (depth %u)", s->depth);
	else if (s->cut == 0)
		printf("all to depth %u", s->whole_depth);
	else
		printf("all to depth %u, to depth %u without %" PRIu64, s->whole_depth, s->depth, s->cut);
	printf("%s", s->lost != 0 ? ", some packets lost for want of room" : "");
	printf(", %ld s\n", (long)(clock() / CLOCKS_PER_SEC));
}

static void find_rule(const char *name)
{
	for (uint32_t r = 0; r < QD_RULE_COUNT; r++)
		if (strcmp(rules[r], name) == 0)
			qd_mutant_off = r;
	if (qd_mutant_off == QD_RULE_COUNT) {
		fprintf(stderr, "explore: there is no rule %s\n", name);
		exit(2);
	}
}

static bool take_flag(struct ex_search *s, const char *option)
{
	const struct {
		const char *name;
		bool *to;
	} flags[] = {
		{"--witness", &s->limits.witness},
		{"--disk", &s->limits.disk},
		{"--slow-stores", &s->limits.slow_stores},
		{"--dynamic", &s->limits.dynamic},
		{"--warm", &s->limits.warm},
		{"--quiet", &s->quiet},
	};
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (strcmp(option, flags[i].name) == 0) {
			*flags[i].to = true;
			return true;
		}
	}
	return false;
}

static bool take_number(struct ex_search *s, const char *option, const char *value)
{
	const uint64_t n = strtoull(value, NULL, 10);
	for (uint32_t i = 0; i < EX_BUDGET_COUNT; i++) {
		if (strcmp(option + 2, budgets[i].name) == 0) {
			s->limits.budget[i] = (uint32_t)n;
			return true;
		}
	}
	if (strcmp(option, "--nodes") == 0)
		s->limits.nodes = (uint32_t)n;
	else if (strcmp(option, "--wait") == 0)
		s->limits.wait_ticks = (uint32_t)n;
	else if (strcmp(option, "--weight") == 0)
		s->limits.weight = (uint32_t)n;
	else if (strcmp(option, "--depth") == 0)
		s->depth_max = (uint32_t)n;
	else if (strcmp(option, "--states") == 0)
		s->states_max = n;
	else if (strcmp(option, "--beam") == 0)
		s->beam = n;
	else if (strcmp(option, "--seconds") == 0)
		s->seconds = n;
	else if (strcmp(option, "--seed") == 0)
		s->seed = n;
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	static struct ex_search s = {.limits = {.nodes = 2, .wait_ticks = 3, .weight = 1},
				     .states_max = 1000000,
				     .depth_max = EX_DEPTH_MAX,
				     .beam = UINT32_MAX};
	const char *path = NULL;
	s.limits.budget[EX_BUDGET_VIEWS] = 2;
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--", 2) != 0)
			usage();
		if (take_flag(&s, argv[i]))
			continue;
		if (i + 1 == argc)
			usage();
		if (strcmp(argv[i], "--mutant") == 0)
			find_rule(argv[i + 1]);
		else if (strcmp(argv[i], "--replay") == 0)
			path = argv[i + 1];
		else if (!take_number(&s, argv[i], argv[i + 1]))
			usage();
		i++;
	}
	const struct ex_limits *l = &s.limits;
	if (l->nodes < 2 || l->nodes > EX_NODES_MAX || l->wait_ticks < 3 || l->wait_ticks > 4 ||
	    (l->witness && l->disk) || s.depth_max > EX_DEPTH_MAX ||
	    s.states_max >= UINT32_MAX - EX_ACTIONS_MAX)
		usage();
	if (path != NULL)
		return ex_replay(l, path);
	const int rc = ex_search(&s);
	if (rc == 0)
		print_result(&s);
	else if (rc == 1)
		print_limits(l), printf("%" PRIu64 " states\n", s.states);
	return rc;
}
