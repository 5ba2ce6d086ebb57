/* SPDX-License-Identifier: Apache-2.0 */
/* What counts as replayed: of the packets that the core drops as old, all but further copies by other networks. */
#include "unit.h"

#include "quorumd/replays.h"

enum { OWN = 1, PEER = 2, SESSION = 70, MINE = 71 };

static struct qd_replays replays;
static struct qd_links links;

static void fresh(void)
{
	memset(&replays, 0, sizeof(replays));
	memset(&links, 0, sizeof(links));
	links.config.node_id = OWN;
	links.config.session = MINE;
	links.peers[PEER - 1].session = SESSION;
}

/* What node PEER is said to have replayed, after a packet with that sequence. */
static uint64_t note(uint64_t from_session, uint64_t to_session, uint64_t sequence, uint32_t link,
		     bool dropped)
{
	const struct qd_msg msg = {.kind = QD_MSG_NEWS,
				   .from = PEER,
				   .to = OWN,
				   .from_session = from_session,
				   .to_session = to_session,
				   .sequence = sequence};
	qd_replays_note(&replays, &links, &msg, link, dropped);
	return replays.count[PEER - 1];
}

static void copies_do_not_count(void)
{
	fresh();
	for (uint64_t n = 1; n <= 1000; n++)
		for (uint32_t link = 0; link < QD_LINKS_MAX; link++)
			UNIT_EQUAL(note(SESSION, MINE, n, link, link != 0), 0);
	/* a slower network, with what is still in the window */
	for (uint64_t n = 1001; n < 1001 + QD_REPLAY_WINDOW; n++)
		UNIT_EQUAL(note(SESSION, MINE, n, 0, false), 0);
	for (uint64_t n = 1001; n < 1001 + QD_REPLAY_WINDOW; n++)
		UNIT_EQUAL(note(SESSION, MINE, n, 1, true), 0);
}

static void the_same_twice_on_one_network_counts(void)
{
	fresh();
	UNIT_EQUAL(note(SESSION, MINE, 5, 0, false), 0);
	UNIT_EQUAL(note(SESSION, MINE, 5, 1, true), 0);
	UNIT_EQUAL(note(SESSION, MINE, 5, 1, true), 1);
	UNIT_EQUAL(note(SESSION, MINE, 5, 0, true), 2);
	/* a sequence that shares its place in the window */
	UNIT_EQUAL(note(SESSION, MINE, 5 + QD_REPLAY_WINDOW, 0, false), 2);
	UNIT_EQUAL(note(SESSION, MINE, 5 + QD_REPLAY_WINDOW, 0, true), 3);
}

static void what_is_older_than_the_window_counts(void)
{
	fresh();
	UNIT_EQUAL(note(SESSION, MINE, 100, 0, false), 0);
	UNIT_EQUAL(note(SESSION, MINE, 101 - QD_REPLAY_WINDOW, 0, true), 0);
	UNIT_EQUAL(note(SESSION, MINE, 100 - QD_REPLAY_WINDOW, 0, true), 1);
	UNIT_EQUAL(note(SESSION, MINE, UINT64_MAX, 0, false), 1);
	UNIT_EQUAL(note(SESSION, MINE, 1, 0, true), 2);
}

static void earlier_sessions_count_and_disturb_nothing(void)
{
	fresh();
	UNIT_EQUAL(note(SESSION, MINE, 5, 0, false), 0);
	UNIT_EQUAL(note(SESSION - 1, MINE, 900, 0, true), 1); /* of the sender */
	UNIT_EQUAL(note(SESSION, MINE - 1, 4, 0, true), 2);   /* of the receiver */
	UNIT_EQUAL(note(SESSION, MINE, 5, 1, true), 2);
	UNIT_EQUAL(note(SESSION, MINE, 5, 0, true), 3);
	/* the sender has started anew: its sequences begin again */
	links.peers[PEER - 1].session = SESSION + 1;
	UNIT_EQUAL(note(SESSION + 1, MINE, 1, 0, false), 3);
	UNIT_EQUAL(note(SESSION + 1, MINE, 1, 1, true), 3);
	UNIT_EQUAL(note(SESSION, MINE, 6, 0, true), 4);
}

static void what_the_core_takes_never_counts(void)
{
	fresh();
	for (uint64_t n = 1; n <= 200; n++)
		UNIT_EQUAL(note(n % 3, n % 2, n * 77 % 100, (uint32_t)(n % QD_LINKS_MAX), false), 0);
}

static const struct unit_test TESTS[] = {
	{"further copies of a message, by other networks, do not count", copies_do_not_count},
	{"the same packet twice on one network counts", the_same_twice_on_one_network_counts},
	{"what is older than the window counts", what_is_older_than_the_window_counts},
	{"packets of and to earlier sessions count, and disturb nothing",
	 earlier_sessions_count_and_disturb_nothing},
	{"what the core takes never counts", what_the_core_takes_never_counts},
};

int main(void)
{
	return unit_run("t_replays", TESTS, UNIT_COUNT(TESTS));
}
