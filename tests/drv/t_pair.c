/* SPDX-License-Identifier: Apache-2.0 */
/* Two nodes, core and drivers, fight over a real tgt. */
#include "drv/pair.h"
#include "drv/rig.h"

#include <string.h>

enum {
	TAKEOVER_MS = 2000, /* PAIR_RENEW_MS : takeover = 3 : 10 */
};

static struct pair_node nodes[2];
static struct qd_loop loop;

static struct pair_node *owner(void)
{
	for (size_t i = 0; i < 2; i++)
		if (nodes[i].mine && nodes[i].paths != NULL && !nodes[i].frozen)
			return &nodes[i];
	return NULL;
}

/* Run until one owns, or `ms` have passed. Never two. */
static struct pair_node *until_owner(const struct pair_node *not_this)
{
	const struct qd_mono deadline = rig_deadline(RIG_LIMIT_MS);
	while (!rig_over(deadline)) {
		pair_turn(&loop, nodes, 2, deadline);
		if (owner() != NULL && owner() != not_this)
			return owner();
	}
	return NULL;
}

static void run_for(int64_t ms)
{
	const struct qd_mono deadline = rig_deadline(ms);
	while (!rig_over(deadline))
		pair_turn(&loop, nodes, 2, deadline);
}

static void begin(struct qd_iscsi_target *t, uint32_t path_count)
{
	rig_target(&(struct rig_lun){0}, "x", &t[0]);
	rig_format(&t[0], "pair", 512);
	t[1] = t[0];
	CHECK(qd_loop_open(&loop) == 0);
	pair_open(&loop, nodes, 2, t, path_count);
}

static void finish(void)
{
	pair_close(nodes, 2);
	qd_loop_close(&loop);
}

static void one_owns_and_renews(void)
{
	struct qd_iscsi_target t[2];
	begin(t, 1);
	struct pair_node *first = until_owner(NULL);
	NEED(first != NULL);
	const uint64_t epoch = first->epoch;
	run_for(6L * PAIR_RENEW_MS);
	CHECK(owner() == first && first->epoch == epoch);
	const struct qd_arbiter_stats *stats = &first->core.arbiter.stats;
	CHECK(stats->rounds_good >= 5 && stats->rounds_bad == 0);
	CHECK(first->core.group.state == QD_GROUP_ONLINE);
	CHECK(first->stamper.counters.good > 100 && first->stamper.counters.conflict == 0);
	printf("  rounds good %llu, last %llu us, worst %llu us; step max %llu ns, mean %llu ns\n",
	       (unsigned long long)stats->rounds_good, (unsigned long long)stats->last_round_ns / 1000,
	       (unsigned long long)stats->worst_round_ns / 1000, (unsigned long long)first->step_ns_max,
	       (unsigned long long)(first->step_ns_sum / first->steps));
	finish();
}

static void the_other_takes_over(void)
{
	struct qd_iscsi_target t[2];
	begin(t, 1);
	struct pair_node *first = until_owner(NULL);
	NEED(first != NULL);
	run_for(1000);
	const uint64_t epoch = first->epoch;
	qd_paths_close(first->paths); /* power loss */
	first->paths = NULL;
	const struct qd_mono dead = qd_clock_now();
	struct pair_node *second = until_owner(first);
	NEED(second != NULL && second != first);
	printf("  taken over after %lld ms, bound %d\n",
	       (long long)qd_span_to_ms(qd_mono_sub(qd_clock_now(), dead)), TAKEOVER_MS);
	CHECK(second->epoch > epoch);
	finish();
}

static void the_paused_owner_is_fenced(void)
{
	struct qd_iscsi_target t[2];
	begin(t, 1);
	struct pair_node *first = until_owner(NULL);
	NEED(first != NULL);
	run_for(1000);
	first->frozen = true;
	struct pair_node *second = until_owner(first);
	NEED(second != NULL && second != first);
	run_for(500);
	const struct qd_stamper_counters before = first->stamper.counters;
	CHECK(before.conflict == 0 && before.good > 0);
	first->frozen = false;
	run_for(1000);
	const struct qd_stamper_counters *after = &first->stamper.counters;
	CHECK(after->good == before.good);
	CHECK(after->conflict > 0 || after->unknown > before.unknown); /* it tried */
	printf("  tried after waking: conflict %llu, unknown %llu\n", (unsigned long long)after->conflict,
	       (unsigned long long)(after->unknown - before.unknown));
	CHECK(!first->mine && owner() == second);
	CHECK(first->core.group.state == QD_GROUP_OFFLINE);
	finish();
}

static void hand_over(void)
{
	struct qd_iscsi_target t[2];
	begin(t, 1);
	struct pair_node *first = until_owner(NULL);
	NEED(first != NULL);
	run_for(500);
	pair_post(first, &(struct qd_event){.kind = QD_EVENT_HANDOVER});
	const struct qd_mono asked = qd_clock_now();
	struct pair_node *second = until_owner(first);
	NEED(second != NULL);
	printf("  handed over in %lld ms\n", (long long)qd_span_to_ms(qd_mono_sub(qd_clock_now(), asked)));
	run_for(500);
	CHECK(owner() == second);
	finish();
}

static void shutdown_releases(void)
{
	struct qd_iscsi_target t[2];
	begin(t, 1);
	struct pair_node *first = until_owner(NULL);
	NEED(first != NULL);
	run_for(500);
	pair_post(first, &(struct qd_event){.kind = QD_EVENT_SHUTDOWN});
	const struct qd_mono asked = qd_clock_now();
	struct pair_node *second = until_owner(first);
	NEED(second != NULL);
	CHECK(first->off);
	printf("  released and taken in %lld ms\n",
	       (long long)qd_span_to_ms(qd_mono_sub(qd_clock_now(), asked)));
	finish();
}

static void a_lost_session_does_not_lose_the_disk(void)
{
	struct qd_iscsi_target t[2];
	begin(t, 2);
	struct pair_node *first = until_owner(NULL);
	NEED(first != NULL);
	run_for(500);
	const uint64_t epoch = first->epoch;
	for (int i = 0; i < 6; i++) {
		qd_session_close(qd_paths_session(first->paths, (uint32_t)i % 2));
		/* the driver notices by itself when the core next sends there: as if the target had reset it */
		qd_paths_teardown(first->paths, (uint32_t)i % 2);
		run_for(400);
	}
	CHECK(owner() == first && first->epoch == epoch);
	finish();
}

static void the_target_restarts(void)
{
	struct qd_iscsi_target t[2];
	begin(t, 1);
	struct pair_node *first = until_owner(NULL);
	NEED(first != NULL);
	run_for(500);
	rig_kill();
	run_for(100);
	rig_restart();
	rig_target_again(&t[0]);
	struct pair_node *next = until_owner(NULL);
	NEED(next != NULL);
	run_for(4L * TAKEOVER_MS);
	CHECK(owner() != NULL);
	CHECK(!(nodes[0].mine && nodes[1].mine));
	finish();
}

int main(int argc, char **argv)
{
	static const struct rig_test tests[] = {
		{"one of two owns, renews and writes", one_owns_and_renews},
		{"the other takes over when the owner is gone", the_other_takes_over},
		{"a paused owner wakes, writes and is refused", the_paused_owner_is_fenced},
		{"a planned hand-over", hand_over},
		{"a shutdown releases", shutdown_releases},
		{"lost sessions do not lose the disk", a_lost_session_does_not_lose_the_disk},
		{"the target forgets everything and comes back", the_target_restarts},
	};
	return rig_main("t_pair", tests, sizeof tests / sizeof tests[0], argc, argv);
}
