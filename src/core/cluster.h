/* SPDX-License-Identifier: Apache-2.0 */
/* Views, leadership and the right to act (docs/MEMBERSHIP.md sections 1, 3 to 8): promises and installs on both sides,
 * proof rounds, ages, the extra voter, the configuration's head. Everything is decided here, nothing is sent: messages
 * leave without their envelope (core/link completes it). Pure. */
#ifndef QD_CORE_CLUSTER_H
#define QD_CORE_CLUSTER_H

#include "base/rand.h"
#include "core/candidate.h"
#include "core/lease.h"
#include "core/msg.h"
#include "core/witness_msg.h"

/*
 *              promises another          INSTALL            lost: right over, or heard no more
 *     +---> JOINING -------> PROMISED ------------> MEMBER --------------------------------------+
 *     |        |  ^              ^                     | a change is due, it is its turn         |
 *     |        |  |              | promises another    v                                         |
 *     |        |  +----------PREPARING <---------------+<--------------------+                   |
 *     |        +---------------^ | all promised        ^                     |                   |
 *     |                          v                     | M changed           | M changed         |
 *     |                   GETTING_EXTRA ---------------+                     |                   |
 *     |                          | quorate with it     |                     |                   |
 *     |                          v                     |                     |                   |
 *     |                     INSTALLING ----------------+                     |                   |
 *     |                          | quorate set installed                     |                   |
 *     |                          v                                           |                   |
 *     |                       LEADING ---------------------------------------+                   |
 *     |                          | right over                                                    |
 *     +--------------------------+---------------------------------------------------------------+
 * A right outlives the state in which it was proved: what runs goes on until it ends.
 */
enum qd_cluster_state {
	QD_CLUSTER_JOINING = 0,
	QD_CLUSTER_PROMISED,
	QD_CLUSTER_MEMBER,
	QD_CLUSTER_PREPARING,
	QD_CLUSTER_GETTING_EXTRA,
	QD_CLUSTER_INSTALLING,
	QD_CLUSTER_LEADING,
	QD_CLUSTER_LEFT, /* in order; nothing follows */
	QD_CLUSTER_STATE_COUNT,
};

struct qd_cluster_config {
	uint32_t node_id;
	uint64_t incarnation;
	uint64_t peers;		  /* configured nodes without this one, by the links */
	struct qd_span detection; /* longest time until a dead node is no longer heard */
	bool join_only;		  /* prevent quorum */
	bool has_witness;	  /* it can be asked */
	bool has_disk;		  /* paths are configured */
	uint64_t seed;
	struct qd_kept
		kept; /* as read from the node's own disk; a new store: a head from the configuration file with
			      * tag (0, version), and no vote unless `cluster create` wrote it */
};

enum {
	QD_ROUNDS_KEPT =
		8, /* proof rounds whose start is remembered: answers older than that count nothing */
	QD_RESEND_MS = 100,	 /* PREPARE, INSTALL, CHANGE are said again to who has not answered */
	QD_KEEP_STUCK_MS = 3000, /* a store that needs longer is announced as stuck */
	QD_HOLD_MIN_S = 10,	 /* section 8: flapping */
	QD_HOLD_MAX_S = 600,
};

/* How far force raises the counter: above what 2^16 owners of the disk that this node never heard of can have led to
 * (QD_OWNER_COUNTERS each, section 6). The counter has 58 bits: it can be forced 2^18 times. */
#define QD_FORCE_COUNTERS (UINT64_C(1) << 40)

/* What a node knows of another one. */
struct qd_member {
	bool heard;
	uint64_t incarnation; /* of the session that is heard, or was last heard */
	bool news_known;
	bool left; /* it has ended its part */
	struct qd_news news;
	struct qd_mono answer_at
		[QD_ROUNDS_KEPT]; /* as leader: when its answer to round n came, [n % QD_ROUNDS_KEPT] */
	uint64_t answered;	  /* as leader: the newest round it answered in this epoch; 0: none */
	struct qd_tag tag;	  /* as leader: what it has kept, by its last answer */
	bool has_vote;		  /* as leader: by its last answer */
	bool runs;		  /* as leader: by its last answer */
	struct qd_mono
		said_in; /* as leader: when it last said, by INSTALLED or ANSWER, that it is in the view */
};

/* A view that this node tries to make, or leads. */
struct qd_lead {
	struct qd_view view;
	uint64_t promised_by; /* members, itself included */
	uint64_t installed_by;
	uint64_t voting;     /* of those: whose vote counts */
	struct qd_head head; /* the newest of the promises */
	uint32_t head_from;  /* who promised with it; 0: this node has it */
	uint64_t before;     /* the newest epoch that a promiser or the extra voter had */
	bool forced;
	struct qd_mono since;
	struct qd_mono resend_at;
	uint64_t refused_promised; /* highest promise that a refusal named */
	/* leading */
	uint64_t round; /* number of the last one; grows over epochs */
	struct qd_mono round_start[QD_ROUNDS_KEPT];
	struct qd_mono next_round;
	struct qd_mono stable_since; /* members, votes and extra voter are what they are since then */
	struct qd_mono leaving_look; /* who leaves is looked at again from here on */
	struct qd_mono free_at;	     /* what no disk fences may start; QD_NEVER: not known yet */
	bool change_open;	     /* a change of the head is not done everywhere yet */
	bool change_operator;	     /* its end is told to the operator */
	struct qd_mono change_resend_at;
};

/* The extra voter as the arbiter (disk) shows it; set by core/node.c before every turn. */
struct qd_disk_voter {
	bool held;		    /* this node owns the disk, and its lease runs */
	uint64_t epoch;		    /* of this ownership, above that of every earlier one */
	struct qd_mono start;	    /* of its last good round */
	struct qd_mono earlier_end; /* until when rights that the owner before renewed may run; 0: released */
	uint32_t before;	    /* that node; 0: not known */
	bool slots_known;	    /* both configuration slots were read under this ownership */
	struct qd_head head;	    /* the newest of them; tag (0, 0): none */
	uint32_t holder;	    /* node that holds it by the last look; 0: nobody, or not known */
	bool takeable;		    /* nobody defends it, as far as this node has seen */
	bool reachable;		    /* a path to it is up */
};

struct qd_witness_voter {
	uint64_t session; /* of the witness, by its last answer; 0: not known */
	uint64_t next_id;
	uint64_t asked_id; /* 0: nothing is under way */
	enum qd_witness_ask asked;
	struct qd_mono asked_at;
	struct qd_mono ask_after; /* a refusal or silence: not before this */
	uint64_t epoch;		  /* granted to this node; 0: not held */
	bool released;		  /* RELEASE or YIELD was asked: not held, whatever the answer */
	struct qd_mono start;	  /* of the last renewal that was answered with OK */
	struct qd_mono others;	  /* when a node that is not known may last have renewed; 0: none */
	struct qd_tag tag;	  /* what it keeps */
	uint8_t digest[QD_DIGEST_BYTES];
	enum qd_witness_verdict verdict; /* of the last answer */
	struct qd_mono unconfirmed_at;	 /* since when it says that it must be confirmed */
	bool answered;			 /* it has answered at all, lately */
	struct qd_mono last_answer;
	bool silence_told;
	uint32_t holder; /* by the last answer */
};

/* For people: why there is no view, or no right. */
enum qd_cluster_wait {
	QD_WAIT_NONE = 0,
	QD_WAIT_JOIN,	  /* the join wait: somebody may take this node in */
	QD_WAIT_VOTES,	  /* who is heard, with disk or witness, cannot be quorate */
	QD_WAIT_NEWS,	  /* the others have not come to the same candidate set yet */
	QD_WAIT_TURN,	  /* another node proposes */
	QD_WAIT_PROMISES, /* asked, not all answered */
	QD_WAIT_DISK,	  /* needs the quorum disk, which is defended by another, or cannot be reached */
	QD_WAIT_WITNESS, /* needs the witness, which is held by another, does not answer, or is not confirmed */
	QD_WAIT_NEWER,	 /* the witness knows a newer configuration than all who are here */
	QD_WAIT_INSTALL,   /* a quorate set has not installed it yet */
	QD_WAIT_JOIN_ONLY, /* prevent quorum: may only join */
	QD_WAIT_STORE,	   /* the own store does not answer */
	QD_WAIT_HELD,	   /* fell out too often: keeps itself out until held_until */
	QD_WAIT_COUNT,
};

struct qd_cluster {
	struct qd_cluster_config config;
	enum qd_cluster_state state;
	enum qd_cluster_wait wait;
	struct qd_mono started;
	struct qd_mono joining_since;
	struct qd_rand rand;
	uint64_t max_counter; /* of every epoch ever heard of */

	struct qd_kept kept; /* durable */
	struct qd_kept want; /* to be kept next; equal to kept: nothing to do */
	bool keep_open;
	uint64_t keep_turn;
	struct qd_mono keep_since;
	struct qd_mono keep_after; /* the last one failed: again from here on */
	uint32_t text_misses;	   /* in a row: nobody had the text of what was to be kept */
	struct qd_kept keeping;	   /* under way */

	/* hearing */
	struct qd_member members[QD_NODES_MAX]; /* [id - 1]; the own entry is not used */
	uint64_t hears;				/* itself included */
	uint64_t own_voters;			/* who has a vote by the kept configuration */
	uint64_t set;				/* own candidate set */
	uint32_t flags;				/* own, now: enum qd_news_flag */
	struct qd_news news;			/* own, as it was last said */
	uint64_t news_due;			/* nodes that have not been told of a change */
	struct qd_mono news_at;			/* not told again before this */
	struct qd_mono news_told;
	struct qd_mono due_since; /* a change of the view is due; QD_NEVER: none */

	/* until when something may run on node id because of a right that this node renewed, or knows of; 0: never, or
	 * renounced */
	struct qd_mono until[QD_NODES_MAX];

	/* member's side */
	struct {
		bool open; /* promised, not told yet: it becomes durable */
		uint32_t to;
		struct qd_view view;
	} promise;
	uint64_t promise_told; /* epoch of the last promise that was said, with all ages */
	struct {
		bool open;
		uint32_t to;
		uint64_t epoch;
	} install;
	uint64_t answer_round[QD_ROUNDS_KEPT]; /* rounds of the installed epoch that were answered */
	struct qd_mono answer_sent[QD_ROUNDS_KEPT];
	struct qd_mono proof_at; /* last PROOF of the installed view's leader */
	uint32_t change_to;	 /* leader that is told as soon as change_tag is durable here; 0: nobody */
	uint64_t change_epoch;
	struct qd_tag change_tag;

	struct qd_lead lead;
	struct qd_disk_voter disk;
	struct qd_witness_voter witness;

	/* the right to act: leader's or member's */
	struct qd_lease right;
	uint64_t right_epoch;
	struct qd_mono
		given; /* as leader: the newest start of its right that a member was told of; 0: none */

	bool prevented; /* prevent quorum: it may only join; until a quorate view has taken it in */
	bool leaving;
	struct qd_mono leaving_since;
	bool forcing; /* an operator waits for a forced quorum to be durable */
	struct qd_tag forcing_tag;
	bool interrupted; /* what runs here does so by a right of a view that another one has followed since: the right of
			   * the present view does not carry it on */
	struct qd_mono back_until;  /* it could not get the extra voter: others have their turn first */
	uint64_t short_set;	    /* had too few votes by the configuration that its promises told: */
	struct qd_mono short_until; /* not proposed again before this */
	uint32_t falls;		    /* out of views, lately: hold-down */
	struct qd_mono last_fall;
	struct qd_mono held_until;
	uint32_t heir; /* it proposes next: LEAD came, or this leader hands over to it; 0: nobody */
	bool handing;  /* this leader hands over: what runs stops, then the heir is asked to lead */
	uint32_t handing_to;
	bool handing_operator; /* its end is told */
	struct qd_mono handing_since;
	struct qd_mono hand_after; /* one came to nothing: not of its own accord again before this */
	struct qd_mono lead_resend_at;

	/* statistics */
	uint64_t views;
	uint64_t proposals;
	uint64_t refusals;
	struct qd_mono view_since;
};

/* What people and clients may see. A copy. */
struct qd_cluster_status {
	enum qd_cluster_state state;
	enum qd_cluster_wait wait;
	uint32_t leader; /* of the installed view, 0: no view */
	uint64_t epoch;
	uint64_t members;
	struct qd_head head;
	uint64_t hears;
	uint64_t set;
	uint32_t votes_present; /* of the view with its extra voter, or of the candidate set */
	uint32_t votes_needed;
	uint32_t votes_total;
	bool quorate;	       /* a right runs here */
	uint32_t extra_holder; /* node that has the disk or witness; 0: nobody, or not known */
	struct qd_mono right_start;
	struct qd_mono begin_stop;
	struct qd_mono free_at;
	uint64_t news_flags[QD_NODES_MAX];
	uint64_t incarnation[QD_NODES_MAX];
	struct qd_tag tags[QD_NODES_MAX];
	bool witness_answered;
	enum qd_witness_verdict witness_verdict; /* of its last answer */
	struct qd_tag witness_tag;
	bool leaving;
	uint64_t views;
	uint32_t falls; /* out of views, lately */
};

struct qd_node;
void qd_cluster_status_get(const struct qd_node *n, struct qd_cluster_status *out);

const char *qd_cluster_state_name(enum qd_cluster_state state);
const char *qd_cluster_wait_text(enum qd_cluster_wait wait);

#endif
