/* SPDX-License-Identifier: Apache-2.0 */
/* An adversary: whoever records, drops, delays, repeats and mixes packets, but cannot forge any, keeps no dead node heard
 * beyond the detection, brings no earlier life back, and has nothing taken twice. In the build with mutants the
 * same search must find a way without rule ECHO, and another without rule SESSION. */
#include "unit.h"

#include "link_net.h"

enum {
	CLEAN_RUNS = 10000,
	ATTACKED_RUNS = 3000,
	QUICK_RUNS = 30, /* under valgrind */
	LIVES_A_RUN = 4, /* restarts before the kill */
};

static struct net net;

static uint64_t runs(uint64_t usual)
{
	const char *asked = getenv("RANDOM_RUNS");
	if (asked != NULL)
		return strtoull(asked, NULL, 10);
	return getenv("UNIT_QUICK") != NULL ? QUICK_RUNS : usual;
}

/* What an adversary likes to do, drawn once a run; all 0: a good network. */
static struct {
	uint32_t lost;	   /* percent; kept for later */
	uint32_t late;	   /* percent */
	uint32_t withheld; /* percent of one kind on one link */
	enum qd_msg_kind kind;
	uint32_t link;
	bool in_order; /* plays tapes from some place on; else picks */
	uint32_t busy; /* packets played a step */
} adversary;

static struct qd_span adversary_fate(struct net *n, const struct net_packet *p)
{
	const uint64_t delay_ns = (uint64_t)n->delay.ns;
	if (net_percent(n, adversary.lost) ||
	    (p->kind == adversary.kind && p->link == adversary.link && net_percent(n, adversary.withheld)))
		return qd_span_ms(-1);
	if (net_percent(n, adversary.late))
		return (struct qd_span){(int64_t)net_below(n, 3 * delay_ns)};
	return (struct qd_span){(int64_t)net_below(n, delay_ns / 8)};
}

static void draw_adversary(bool attacked)
{
	memset(&adversary, 0, sizeof(adversary));
	if (!attacked)
		return;
	adversary.lost = net_percent(&net, 50) ? 0 : (uint32_t)net_below(&net, 30);
	adversary.late = net_percent(&net, 50) ? 0 : (uint32_t)net_below(&net, 50);
	adversary.withheld = (uint32_t)net_below(&net, 100);
	adversary.kind = (enum qd_msg_kind)(QD_MSG_HELLO + net_below(&net, 4));
	adversary.link = (uint32_t)net_below(&net, 2);
	adversary.in_order = net_percent(&net, 50);
	adversary.busy = 1 + (uint32_t)net_below(&net, 6);
}

/* Some packets from the tapes; *at: where the tape is. */
static void play(uint32_t *at, uint32_t from)
{
	const uint32_t first = net.kept_count > NET_KEPT_MAX ? net.kept_count - NET_KEPT_MAX : 0;
	for (uint32_t i = 0; i < adversary.busy && net.kept_count > 0; i++) {
		const uint32_t any = first + (uint32_t)net_below(&net, net.kept_count - first);
		uint32_t place = *at >= first && *at < net.kept_count ? *at : any;
		for (uint32_t tries = 0; tries < 50 && net.kept[place % NET_KEPT_MAX].from != from; tries++)
			place = place + 1 < net.kept_count ? place + 1 : first;
		*at = adversary.in_order ? place + 1 : UINT32_MAX;
		struct net_packet p = net.kept[place % NET_KEPT_MAX];
		p.link = net_percent(&net, 30) ? (uint32_t)net_below(&net, 2) : p.link;
		(void)net_deliver(&net, &p); /* judged there */
	}
}

static uint32_t draw_node(uint32_t nodes)
{
	return 1 + (uint32_t)net_below(&net, nodes);
}

/* Nodes live, restart and are attacked; one dies. Its number; *since: when. */
static uint32_t live_and_die(uint32_t nodes, bool attacked, struct qd_mono *since)
{
	uint32_t at = UINT32_MAX;
	const int64_t step_ns = net.delay.ns / 4;
	const uint64_t steps = 40 + net_below(&net, 40);
	uint32_t restarts = 0;
	for (uint64_t i = 0; i < steps; i++) {
		if (restarts < LIVES_A_RUN && net_percent(&net, 5)) {
			net_start(&net, draw_node(nodes), nodes);
			restarts++;
		}
		if (attacked && net_percent(&net, 30))
			play(&at, draw_node(nodes));
		net_run(&net, (struct qd_mono){net.now.ns + 1 + net_below(&net, 2 * (uint64_t)step_ns)});
	}
	const uint32_t victim = draw_node(nodes);
	if (!attacked) {
		/* no restart within the last moments, so that everybody hears everybody */
		net_run(&net, (struct qd_mono){net.now.ns + (uint64_t)net.delay.ns * 2 +
					       net_below(&net, 1u << 27)});
		for (uint32_t id = 1; id <= nodes; id++)
			UNIT_OK(id == victim || net_hears(&net, id, victim));
	}
	net.node[victim - 1].alive = false;
	*since = net.now;
	return victim;
}

static bool anybody_hears(uint32_t victim, uint32_t nodes)
{
	bool heard = false;
	for (uint32_t id = 1; id <= nodes; id++)
		heard |= id != victim && net_hears(&net, id, victim);
	return heard;
}

struct outcome {
	int64_t heard_ns; /* after its death the victim was heard until then, at least */
	struct qd_span bound;
	bool in_time;
	uint64_t replayed_as_new;
	uint64_t came_back;
};

static struct outcome schedule(uint64_t seed, bool attacked)
{
	struct outcome o = {.in_time = true};
	struct qd_mono died = QD_MONO_ZERO;
	net_begin(&net, 0, 2, seed);
	const uint32_t nodes = 2 + (uint32_t)net_below(&net, NET_NODES - 1);
	net.delay = qd_span_ms(50 + (int64_t)net_below(&net, 151));
	net.threshold = 3 + (uint32_t)net_below(&net, 4);
	net.fate = adversary_fate;
	draw_adversary(attacked);
	for (uint32_t id = 1; id <= nodes; id++)
		net_start(&net, id, nodes);
	const uint32_t victim = live_and_die(nodes, attacked, &died);
	o.bound = qd_links_detection(&net.node[victim == 1 ? 1 : 0].links.config);
	const struct qd_mono must = qd_mono_add(died, qd_span_add(o.bound, (struct qd_span){1}));
	const struct qd_mono end = qd_mono_add(died, qd_span_mul(o.bound, 2));
	uint32_t at =
		net.kept_count - (uint32_t)net_below(&net, 1 + (net.kept_count < 300 ? net.kept_count : 300));
	while (qd_mono_before(net.now, end)) {
		const struct qd_mono next = {net.now.ns + 1 + net_below(&net, (uint64_t)net.delay.ns / 16)};
		const bool passes = qd_mono_before(net.now, must) && qd_mono_reached(next, must);
		net_run(&net, passes ? must : next);
		if (anybody_hears(victim, nodes)) {
			o.heard_ns = qd_mono_sub(net.now, died).ns;
			o.in_time &= qd_mono_before(net.now, must);
		}
		if (attacked)
			play(&at, net_percent(&net, 90) ? victim : draw_node(nodes));
	}
	o.replayed_as_new = net.replayed_as_new;
	o.came_back = net.came_back;
	return o;
}

static void found_in_time(void)
{
	int64_t longest_promille = 0;
	const uint64_t count = runs(CLEAN_RUNS);
	for (uint64_t seed = 1; seed <= count; seed++) {
		unit_case("seed %" PRIu64, seed);
		const struct outcome o = schedule(seed, false);
		const int64_t promille = o.heard_ns * 1000 / o.bound.ns;
		longest_promille = promille > longest_promille ? promille : longest_promille;
		if (!UNIT_OK(o.in_time) || !UNIT_EQUAL(o.replayed_as_new + o.came_back, 0))
			return;
	}
	/* and the bound is no more than it need be */
	unit_case("longest: %" PRId64 " of 1000 of the bound", longest_promille);
	UNIT_OK(longest_promille > (count >= CLEAN_RUNS ? 960 : 800));
}

static void attacks_fail(void)
{
	const uint64_t count = runs(ATTACKED_RUNS);
	for (uint64_t seed = 1; seed <= count; seed++) {
		unit_case("seed %" PRIu64, seed);
		const struct outcome o = schedule(seed, true);
		if (!UNIT_OK(o.in_time) || !UNIT_EQUAL(o.replayed_as_new, 0) || !UNIT_EQUAL(o.came_back, 0))
			return;
	}
}

#ifdef QD_MUTANTS
/* How many of the attacks succeed without the rule. */
static struct outcome attack_without(enum qd_rule rule, uint64_t *late_count)
{
	struct outcome sum = {.in_time = true};
	*late_count = 0;
	qd_mutant_off = rule;
	const uint64_t count = runs(ATTACKED_RUNS / 10);
	for (uint64_t seed = 1; seed <= count; seed++) {
		const struct outcome o = schedule(seed, true);
		*late_count += o.in_time ? 0 : 1;
		sum.replayed_as_new += o.replayed_as_new;
		sum.came_back += o.came_back;
	}
	qd_mutant_off = QD_RULE_COUNT;
	(void)printf("without the rule: %" PRIu64 " of %" PRIu64 " dead nodes heard on, %" PRIu64
		     " packets wrongly new, %" PRIu64 " sessions back\n",
		     *late_count, count, sum.replayed_as_new, sum.came_back);
	return sum;
}

static void needs_echo(void)
{
	uint64_t late_count = 0;
	const struct outcome o = attack_without(QD_RULE_ECHO, &late_count);
	UNIT_OK(late_count > 0);
	UNIT_OK(o.came_back > 0);
}

static void needs_session(void)
{
	uint64_t late_count = 0;
	const struct outcome o = attack_without(QD_RULE_SESSION, &late_count);
	UNIT_OK(o.replayed_as_new > 0);
}
#endif

static const struct unit_test TESTS[] = {
	{"the dead are no longer heard in time", found_in_time},
	{"no adversary keeps the dead heard, or has anything taken twice", attacks_fail},
#ifdef QD_MUTANTS
	{"without ECHO one does", needs_echo},
	{"without SESSION another does", needs_session},
#endif
};

int main(void)
{
	return unit_run("t_link_replay", TESTS, UNIT_COUNT(TESTS));
}
