/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator's command line. */
#include "sim/mutants.h"
#include "sim/sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	EXIT_USAGE = 2,
	LINES_OF_A_FAILURE = 60,
	BENCH_ROUNDS = 9,
	WEAK_SEEDS = 1500,    /* looked at for a better catch after one that is only late or loud */
	COVER_SEEDS = 100000, /* from here on everything must have been seen */
};

struct args {
	uint64_t from;
	uint64_t to;
	bool verbose;
	bool cover;
	bool bench;
	bool digest;
	bool hunt;
	bool shrink;
	bool list;
	bool keep_going;
	bool mode_given;
	uint32_t mutant;
	uint64_t limit;
	struct sim_request request;
};

static struct sim world;
static struct sim_cover cover;

static void usage(void)
{
	fprintf(stderr, "usage: sim [--mode disk|cluster] [--seed N | --seeds A..B] [-v] [--nodes N] "
			"[--minutes N] [--calm] [--every-step] [--share]\n"
			"           [--no-fault NAME]... [--mutant NAME] [--keep-going] [--shrink]\n"
			"           [--coverage] [--digest] [--bench]\n"
			"       sim --hunt [--mode MODE] [--mutant NAME] [--limit SEEDS] | --list-mutants\n");
	exit(EXIT_USAGE);
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t v = strtoull(text, &end, 10);
	if (*text == '\0' || *end != '\0')
		usage();
	return v;
}

static void range(const char *text, struct args *a)
{
	char *end;
	a->from = strtoull(text, &end, 10);
	if (end == text || strncmp(end, "..", 2) != 0)
		usage();
	a->to = number(end + 2);
	if (a->to < a->from)
		usage();
}

static void no_fault(const char *name, struct args *a)
{
	for (enum sim_fault f = 0; f < SIM_FAULT_COUNT; f++) {
		if (strcmp(sim_fault_name(f), name) == 0) {
			sim_faults_add(&a->request.faults_off, f);
			return;
		}
	}
	usage();
}

/* What decides: one disk, or views. */
static void mode(const char *name, struct args *a)
{
	if (strcmp(name, "disk") != 0 && strcmp(name, "cluster") != 0)
		usage();
	a->mode_given = true;
	a->request.cluster = strcmp(name, "cluster") == 0;
}

/* The rules of MEMBERSHIP.md can only be broken where views decide. */
static bool is_of_views(uint32_t rule)
{
	return mutants_clause(rule)[0] == 'M';
}

static void named_mutant(const char *name, struct args *a)
{
	a->mutant = mutants_find(name);
	if (a->mutant == QD_RULE_COUNT || !mutants_built()) {
		fprintf(stderr, "sim: %s: no such mutant, or not the build with mutants\n", name);
		exit(EXIT_USAGE);
	}
}

static bool flag(const char *name, struct args *a)
{
	const struct {
		const char *name;
		bool *to;
	} flags[] = {
		{"-v", &a->verbose},
		{"--coverage", &a->cover},
		{"--bench", &a->bench},
		{"--hunt", &a->hunt},
		{"--shrink", &a->shrink},
		{"--list-mutants", &a->list},
		{"--digest", &a->digest},
		{"--keep-going", &a->keep_going},
		{"--calm", &a->request.calm},
		{"--every-step", &a->request.every_step},
		{"--share", &a->request.share},
	};
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (strcmp(flags[i].name, name) == 0) {
			*flags[i].to = true;
			return true;
		}
	}
	return false;
}

static void parse(int argc, char **argv, struct args *a)
{
	*a = (struct args){.from = 1, .to = 5000, .mutant = QD_RULE_COUNT, .limit = 200000};
	for (int i = 1; i < argc; i++) {
		if (flag(argv[i], a))
			continue;
		if (i + 1 == argc)
			usage();
		const char *name = argv[i++];
		if (strcmp(name, "--seed") == 0)
			a->from = a->to = number(argv[i]);
		else if (strcmp(name, "--seeds") == 0)
			range(argv[i], a);
		else if (strcmp(name, "--nodes") == 0)
			a->request.nodes = (uint32_t)number(argv[i]);
		else if (strcmp(name, "--minutes") == 0)
			a->request.minutes = number(argv[i]);
		else if (strcmp(name, "--limit") == 0)
			a->limit = number(argv[i]);
		else if (strcmp(name, "--no-fault") == 0)
			no_fault(argv[i], a);
		else if (strcmp(name, "--mutant") == 0)
			named_mutant(argv[i], a);
		else if (strcmp(name, "--mode") == 0)
			mode(argv[i], a);
		else
			usage();
	}
	if (!a->mode_given && a->mutant != QD_RULE_COUNT)
		a->request.cluster = is_of_views(a->mutant);
	const uint32_t nodes_max = a->request.cluster ? SIM_NODES_MAX : SIM_DISK_MACHINES_MAX;
	if (a->request.nodes == 1 || a->request.nodes > nodes_max)
		usage();
}

static bool run_seed(uint64_t seed, const struct sim_request *request, bool verbose)
{
	struct sim_options o;
	sim_options_draw(&o, seed, request);
	sim_run(&world, &o, &cover, verbose);
	return !world.failed;
}

static void print_failure(uint64_t seed, bool with_lines)
{
	printf("seed %" PRIu64 ": %s\n", seed, world.failure);
	sim_options_print(&world.o);
	if (with_lines)
		sim_log_print_last(&world, LINES_OF_A_FAILURE);
}

/* It fails, and by the same invariant. */
static bool fails_so(uint64_t seed, const struct sim_request *request, const char *failure)
{
	return !run_seed(seed, request, false) && strncmp(world.failure, failure, strcspn(failure, ":")) == 0;
}

/* What shows the same again. */
static void print_command(uint64_t seed, const struct sim_request *request, uint32_t mutant)
{
	printf("shrunk: build/%s", mutants_built() ? "sim-mutants" : "sim");
	if (mutant != QD_RULE_COUNT)
		printf(" --mutant %s", mutants_name(mutant));
	printf(" --seed %" PRIu64, seed);
	if (request->minutes != 0)
		printf(" --minutes %" PRIu64, request->minutes);
	if (request->nodes != 0)
		printf(" --nodes %" PRIu32, request->nodes);
	printf(" --mode %s%s", request->cluster ? "cluster" : "disk", request->share ? " --share" : "");
	for (enum sim_fault f = 0; f < SIM_FAULT_COUNT; f++)
		if (sim_faults_has(&request->faults_off, f))
			printf(" --no-fault %s", sim_fault_name(f));
	printf("\n");
}

/* Leave out one kind of fault after the other, and time, while it still fails. */
static void shrink(uint64_t seed, struct sim_request request, uint32_t mutant)
{
	char failure[SIM_TEXT_MAX];
	memcpy(failure, world.failure, sizeof(failure));
	const struct sim_faults had = world.o.faults;
	for (enum sim_fault f = 0; f < SIM_FAULT_COUNT; f++) {
		if (!sim_faults_has(&had, f))
			continue;
		sim_faults_add(&request.faults_off, f);
		if (!fails_so(seed, &request, failure))
			sim_faults_remove(&request.faults_off, f);
	}
	for (uint64_t minutes = 1; minutes < 10; minutes++) {
		struct sim_request shorter = request;
		shorter.minutes = minutes;
		if (fails_so(seed, &shorter, failure)) {
			request = shorter;
			break;
		}
	}
	(void)run_seed(seed, &request, false);
	print_command(seed, &request, mutant);
	print_failure(seed, true);
}

static int run_seeds(const struct args *a)
{
	uint64_t failed = 0;
	uint64_t digest = 0;
	for (uint64_t seed = a->from; seed <= a->to; seed++) {
		bool ok = run_seed(seed, &a->request, a->verbose);
		digest = (digest ^ world.digest) * 0x9e3779b97f4a7c15u;
		digest ^= digest >> 31;
		if (a->digest)
			printf("%" PRIu64 " %016" PRIx64 "\n", seed, world.digest);
		if (ok)
			continue;
		failed++;
		print_failure(seed, !a->keep_going && !a->verbose);
		if (a->shrink)
			shrink(seed, a->request, a->mutant);
		if (!a->keep_going) {
			printf("%" PRIu64 " passed, %" PRIu64 " failed, 0 skipped\n", seed - a->from, failed);
			return EXIT_FAILURE;
		}
	}
	uint64_t seeds = a->to - a->from + 1;
	uint32_t missing = 0;
	if (a->cover) {
		cover_print(&cover, seeds, a->request.cluster);
		missing = cover_missing(&cover, a->request.cluster, true);
		missing = seeds >= COVER_SEEDS ? missing : 0;
	}
	printf("digest of %" PRIu64 "..%" PRIu64 ": %016" PRIx64 "\n", a->from, a->to, digest);
	printf("%" PRIu64 " passed, %" PRIu64 " failed, 0 skipped\n", seeds - failed, failed + missing);
	return failed + missing == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int compare(const void *a, const void *b)
{
	const double *x = a;
	const double *y = b;
	return *x < *y ? -1 : *x > *y;
}

/* Schedules a second of processor time: two nodes (five with views), ten minutes, median of a few rounds. */
static int bench(bool with_views)
{
	const uint64_t seeds = with_views ? 40 : 200;
	struct sim_request request = {.nodes = with_views ? 5 : 2, .minutes = 10, .cluster = with_views};
	double rates[BENCH_ROUNDS];
	uint64_t failed = 0;
	for (int round = 0; round < BENCH_ROUNDS; round++) {
		struct timespec before;
		struct timespec after;
		(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
		for (uint64_t seed = 1; seed <= seeds; seed++)
			failed += run_seed((uint64_t)round * seeds + seed, &request, false) ? 0 : 1;
		(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
		double spent = (double)(after.tv_sec - before.tv_sec) +
			       (double)(after.tv_nsec - before.tv_nsec) / 1e9;
		rates[round] = (double)seeds / spent;
	}
	qsort(rates, BENCH_ROUNDS, sizeof(rates[0]), compare);
	printf("%s-node schedules of 10 simulated minutes a second on one core: median %.0f, lowest %.0f, "
	       "highest %.0f\n",
	       with_views ? "five" : "two", rates[BENCH_ROUNDS / 2], rates[0], rates[BENCH_ROUNDS - 1]);
	printf("steps of the core per schedule: %" PRIu64 "\n", cover.steps / (BENCH_ROUNDS * seeds));
	if (with_views)
		printf("scheduled faults per schedule: %" PRIu64 "\n",
		       cover.faults_injected / (BENCH_ROUNDS * seeds));
	if (failed > 0) /* they end early: the rate means little */
		printf("%" PRIu64 " of the schedules failed\n", failed);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Whether this seed passes with all rules on. */
static bool passes_unmutated(const struct args *a, uint64_t seed)
{
	mutants_set(QD_RULE_COUNT);
	return run_seed(seed, &a->request, false);
}

/* The lowest seed that catches the mutant by more than being late or loud; failing that the lowest at all; else limit + 1. */
static uint64_t catching_seed(const struct args *a, uint32_t rule, char failure[SIM_TEXT_MAX])
{
	uint64_t late = a->limit + 1;
	for (uint64_t seed = a->from; seed <= a->limit && seed < late + WEAK_SEEDS; seed++) {
		mutants_set(rule);
		if (run_seed(seed, &a->request, false))
			continue;
		const bool only_late =
			strncmp(world.failure, "I6", 2) == 0 || strstr(world.failure, "floods") != NULL;
		if (only_late && late <= a->limit)
			continue;
		char text[SIM_TEXT_MAX];
		memcpy(text, world.failure, sizeof(text));
		if (!passes_unmutated(a, seed))
			continue;
		memcpy(failure, text, sizeof(text));
		if (!only_late)
			return seed;
		late = seed;
	}
	return late;
}

/* The lowest seed that catches each mutant: NAME SEED VIOLATION, one a line. */
static int hunt(const struct args *a)
{
	uint32_t missed = 0;
	for (uint32_t rule = 0; rule < QD_RULE_COUNT; rule++) {
		if (a->mutant != QD_RULE_COUNT && a->mutant != rule)
			continue;
		if (a->mode_given && a->mutant == QD_RULE_COUNT && a->request.cluster != is_of_views(rule))
			continue;
		struct args in_mode = *a;
		if (!a->mode_given)
			in_mode.request.cluster = is_of_views(rule);
		char failure[SIM_TEXT_MAX];
		const uint64_t seed = catching_seed(&in_mode, rule, failure);
		if (seed <= a->limit) {
			printf("%s\t%s\t%" PRIu64 "\t%s\t%s\n", mutants_name(rule), mutants_clause(rule),
			       seed, mutants_text(rule), failure);
		} else {
			missed++;
			printf("%s\t%s\t-\t%s\tnot caught by seeds up to %" PRIu64 "\n", mutants_name(rule),
			       mutants_clause(rule), mutants_text(rule), a->limit);
		}
		(void)fflush(stdout); /* progress only */
	}
	mutants_set(QD_RULE_COUNT);
	return missed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct args a;
	parse(argc, argv, &a);
	if (a.list) {
		for (uint32_t rule = 0; rule < QD_RULE_COUNT; rule++)
			printf("%-30s %-6s %s\n", mutants_name(rule), mutants_clause(rule),
			       mutants_text(rule));
		return EXIT_SUCCESS;
	}
	if (a.bench)
		return bench(a.request.cluster);
	if (a.hunt && !mutants_built()) {
		fprintf(stderr, "sim: --hunt needs the build with mutants\n");
		return EXIT_USAGE;
	}
	if (a.hunt)
		return hunt(&a);
	mutants_set(a.mutant);
	return run_seeds(&a);
}
