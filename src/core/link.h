/* SPDX-License-Identifier: Apache-2.0 */
/* Hearing the others: the four-message exchange on every link to every node, sessions, sequences, loss and round-trip
 * counters (docs/MEMBERSHIP.md section 2). It says who is heard and hands on what is new; who is in a view is decided
 * elsewhere. Pure. */
#ifndef QD_CORE_LINK_H
#define QD_CORE_LINK_H

#include "base/rand.h"
#include "base/time.h"
#include "core/msg.h"

enum {
	QD_LINK_DELAY_MIN_MS = 50, /* tests; the reference's range is 250..4000 */
	QD_LINK_DELAY_MAX_MS = 4000,
	QD_LINK_THRESHOLD_MIN = 3,
	QD_LINK_THRESHOLD_MAX = 20,
	QD_REPLAY_WINDOW = 64, /* packets that may overtake one another between two nodes */
	QD_LINK_MISSED_MAX =
		QD_LINK_THRESHOLD_MAX, /* nobody needs to know more, and the state stays finite */
};

/* Which links lead to a node, and how they are watched. */
struct qd_link_config {
	bool used;	      /* both ends have an address on this network */
	struct qd_span delay; /* between two exchanges; same_subnet_delay or cross_subnet_delay */
	uint32_t threshold;   /* missed in a row: down */
};

struct qd_links_config {
	uint32_t node_id;
	uint64_t session;     /* random, drawn at the start of the process, never 0 */
	uint64_t incarnation; /* of this start */
	uint64_t peers;	      /* configured nodes without this one */
	struct qd_link_config link[QD_NODES_MAX][QD_LINKS_MAX]; /* [id - 1][network] */
	uint64_t seed;
};

/*
 * One link. The node with the lower id begins an exchange every `delay`; every exchange has a number of each end, drawn
 * for it, and what echoes another one completes nothing.
 *
 *   lower id                      higher id
 *   HELLO n           ---------->
 *                     <----------  HELLO_OK m, echo n      the lower one knows: the other is alive
 *   BACK echo m       ---------->                          the higher one knows, too
 *                     <----------  BACK_OK echo n          both know that both know: complete
 *
 * Missed. At the lower id: an exchange without BACK_OK when the next one is due, whichever of the four was lost. At the
 * higher id, counted from the HELLO of the last exchange that had its BACK: two delays without another one, and again
 * every delay. It cannot see the loss of a BACK_OK; so BACK says whether the link is down at its sender, and a
 * higher id that had taken the exchange before for complete takes its link down too, until it is up there.
 *
 * `threshold` missed in a row: down. Up: at BACK_OK, or at BACK. What is missed at the higher id is missed at the lower one,
 * too. A cut, in one direction or both, takes the link down at both ends within a delay and a round trip of each other,
 * and so does a BACK_OK that is lost again and again. (No protocol does that for every pattern of loss: who sends the
 * last message before a cut never learns whether it came.)
 *
 * Late. A node that comes to a deadline more than half a delay after it (it hung, the machine was paused) counts one
 * missed exchange for all that time and lets a whole one run before the next: it was itself who did not listen.
 */
struct qd_link {
	bool up;
	bool complete; /* lower id: the present exchange. Higher id: the last one, and none missed since */
	bool bound;    /* lower id: `number` is older than peer.session, so only that session may answer it */
	uint32_t missed;     /* in a row; ends at QD_LINK_MISSED_MAX */
	uint64_t number;     /* drawn here for the present exchange; 0: none */
	uint64_t answers;    /* the other end's number, to be echoed; lower id: 0 until HELLO_OK */
	uint64_t asked;	     /* higher id: sequence of the HELLO that was answered last; older ones are not */
	struct qd_mono sent; /* HELLO or HELLO_OK of the present exchange */
	struct qd_mono next; /* lower id: the next exchange; higher id: one is missed, QD_NEVER while down */
	struct qd_mono heard_at; /* last proof that the other end is alive */
	/* Higher id: a session that says HELLO and has proved nothing. It has a place of its own, so that replays do not
	 * disturb the exchange with the session that is proved; one place a link, so that they cannot fill anything. */
	struct {
		uint64_t session; /* 0: none */
		uint64_t incarnation;
		uint64_t number;
		uint64_t answers;
		uint64_t asked;
		struct qd_mono sent;
	} fresh;
	/* statistics */
	uint64_t exchanges; /* complete */
	uint64_t lost;	    /* missed */
	uint64_t
		rtt_ns; /* of the last exchange: the lower id's HELLO to HELLO_OK, the higher's HELLO_OK to BACK */
	uint64_t rtt_worst_ns;
	uint64_t rtt_smooth_ns; /* 7/8 of the old, 1/8 of the new */
};

/*
 * Sessions. A node's session is the process; the one that counts is the one that an exchange has proved. The lower id
 * learns of a new one by HELLO_OK, the higher by BACK; both echo a number of the receiver's. With the change, all other
 * numbers that were outstanding are void for any third session: one that echoes a later number was alive after the change, so
 * a dead session never comes back. Which incarnation it says does not matter (a wiped store begins at 1 again).
 * HELLO of another session, and one to an earlier life of this node, is answered (the other end may not know better)
 * with one packet of its size.
 */
struct qd_peer {
	uint32_t up;	      /* mask of links; not 0: heard */
	uint32_t used;	      /* mask of links */
	uint64_t session;     /* proved to be alive; 0: none */
	uint64_t incarnation; /* as the newest packet of the session says */
	uint64_t top;	      /* highest sequence taken in `session` */
	uint64_t window;      /* bit n: top - n was taken */
	uint64_t sequence;    /* last one sent */
	struct qd_link links[QD_LINKS_MAX];
	/* statistics */
	/* packets of another session, too old, or seen before: second copies of what went over several links, too */
	uint64_t stale;
};

struct qd_links {
	struct qd_links_config config;
	struct qd_rand rand;
	uint64_t heard;			    /* nodes with a link up */
	struct qd_mono deadline;	    /* nothing is due before it; may be earlier than what is */
	struct qd_peer peers[QD_NODES_MAX]; /* [id - 1] */
};

/* What a packet was. */
enum qd_link_verdict {
	QD_LINK_DROP = 0, /* not for this session, seen before, unknown node: changes nothing */
	QD_LINK_NEW,	  /* new: news, and what else it says, count */
	QD_LINK_RESTART,  /* as NEW, and its sender is a new session, or the first: the old one is dead */
};

/* Packets that a call wants sent, each on one or several links. */
enum { QD_LINK_SENDS_MAX = 16 };
struct qd_link_send {
	uint32_t links;	   /* mask */
	struct qd_msg msg; /* complete but for news */
};
struct qd_link_sends {
	uint32_t count;
	struct qd_link_send list[QD_LINK_SENDS_MAX];
};

/* Prepare *l. config->session is not 0, `peers` without config->node_id, delays and thresholds of used links positive. The
 * first exchanges are due at once. */
void qd_links_init(struct qd_links *l, const struct qd_links_config *config, struct qd_mono now);

/* Links, their times or the incarnation changed (reload, a network that came or went); node and session are the same.
 * Statistics and what is heard stay; a link that is new begins at once, one that is used no more is down, a node that
 * is no peer any more is forgotten. A changed delay counts from now, a changed threshold with the next miss. */
void qd_links_configure(struct qd_links *l, const struct qd_links_config *config, struct qd_mono now);

/* A packet came in on `link`, decrypted with the key of its direction and decoded. Appends at most one answer to *sends;
 * without room it is as if the packet had been lost. NEW may have been overtaken by a newer one: see
 * qd_links_newest(). No packet is NEW or RESTART twice. */
enum qd_link_verdict qd_links_receive(struct qd_links *l, const struct qd_msg *msg, uint32_t link,
				      struct qd_mono now, struct qd_link_sends *sends);

/* After receive: nothing that its sender sent later has come before it. What tells a state (news) counts only then. */
static inline bool qd_links_newest(const struct qd_links *l, const struct qd_msg *msg)
{
	const struct qd_peer *p = &l->peers[msg->from - 1];
	return msg->from_session == p->session && msg->sequence == p->top;
}

/* What is due: exchanges begun or missed, each link at most once. Appends at most what fits; qd_links_deadline() stays due
 * for the rest. */
void qd_links_think(struct qd_links *l, struct qd_mono now, struct qd_link_sends *sends);

/* When to think next; QD_NEVER: nothing will be due. Cheap. */
struct qd_mono qd_links_deadline(const struct qd_links *l);

/* Complete the envelope of a message to msg->to (from, sessions, incarnation, sequence). False: no session with it. */
bool qd_links_address(struct qd_links *l, struct qd_msg *msg);

/* Mask of links to a node that are up; all used ones when none is. */
uint32_t qd_links_to(const struct qd_links *l, uint32_t id);

/* Nodes with a link up. */
uint64_t qd_links_heard(const struct qd_links *l);

/*
 * The longest time from a node's death until every other one no longer hears it: (threshold + 1) delays of its slowest used
 * link, when deadlines are met. Whatever is recorded, kept back, repeated or put in another order meanwhile:
 *
 *   higher id dead at T    the BACK_OK that completes an exchange answers a BACK of it, and is sent before T; so the last
 *                          complete exchange began before T, at t. The next begins by t + delay, and is missed with all
 *                          after it: `threshold` are, at t + (1 + threshold) * delay < T + (threshold + 1) * delay.
 *   lower id dead at T     BACK echoes a number sent in HELLO_OK at h, and is sent before T; so h < T, whenever it comes.
 *                          Missed are counted at h + 2, 3 ... (1 + threshold) delays: the same bound.
 *
 * Who is late by up to half a delay, or by more (above), adds that.
 */
struct qd_span qd_links_detection(const struct qd_links_config *config);

#endif
