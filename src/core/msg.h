/* SPDX-License-Identifier: Apache-2.0 */
/* What nodes say to each other, as structs. codec/wire makes bytes of them, docs/MEMBERSHIP.md says what they mean, and
 * docs/WIRE.md how they look. Instants never travel, only ages. Pure. */
#ifndef QD_CORE_MSG_H
#define QD_CORE_MSG_H

#include "core/head.h"

#include <stddef.h>
#include <string.h>

enum {
	QD_LINKS_MAX = 8, /* networks between two nodes, all in use at once */
};

enum qd_msg_kind {
	QD_MSG_NONE = 0,
	/* the exchange, on every link (section 2) */
	QD_MSG_HELLO,	 /* 1: the lower id begins; `exchange.number` drawn by it */
	QD_MSG_HELLO_OK, /* 2: echoes it and adds a number of its own */
	QD_MSG_BACK,	 /* 3: echoes that one */
	QD_MSG_BACK_OK,	 /* 4: both know that both know */
	QD_MSG_NEWS,	 /* changed between two exchanges: no proof of life */
	/* views (section 3) */
	QD_MSG_PREPARE,
	QD_MSG_PROMISE,
	QD_MSG_INSTALL,
	QD_MSG_INSTALLED,
	/* proof of quorum (section 4) */
	QD_MSG_PROOF,
	QD_MSG_ANSWER,
	QD_MSG_PROVED,
	/* configuration (section 7); a taken CHANGE is told by ANSWER */
	QD_MSG_CHANGE,
	/* coming and going */
	QD_MSG_RIGHT_ENDED,
	QD_MSG_LEAD, /* the leader asks its heir to propose the next view */
	QD_MSG_KIND_COUNT,
};

enum qd_news_flag {
	QD_NEWS_NO_VOTE = 1u << 0,
	QD_NEWS_STUCK = 1u << 1,     /* its store cannot be written, or does not answer */
	QD_NEWS_HELD = 1u << 2,	     /* keeps itself out after falling out too often */
	QD_NEWS_JOINING = 1u << 3,   /* in its join wait: proposes nothing unless everybody is there */
	QD_NEWS_JOIN_ONLY = 1u << 4, /* prevent quorum */
	QD_NEWS_LEAVING = 1u << 5,
	QD_NEWS_HOLDS = 1u << 6, /* has the disk or the witness */
	QD_NEWS_RUNS = 1u << 7,	 /* something of the group may run there */
	/* It proposes the epoch that it promised, has the promises of all, and needs the disk or the witness now. */
	QD_NEWS_GATHERED = 1u << 8,
	QD_NEWS_FLAGS_ALL = (1u << 9) - 1,
};

/* What a node says of itself, always its present state. */
struct qd_news {
	uint64_t installed; /* epoch */
	uint64_t leading;   /* epoch that it leads with a right; 0 */
	uint64_t promised;
	struct qd_tag tag;
	uint32_t flags; /* enum qd_news_flag */
	uint64_t
		voters; /* who has a vote by its configuration; the newest one heard of orders candidate sets */
	uint64_t set;	/* its candidate set */
	uint64_t hears;			    /* heard in both directions, itself included */
	uint64_t incarnation[QD_NODES_MAX]; /* [id - 1] of `hears`; else 0 */
};

/* For every node in `known`: how long, from the sending, something that no disk fences may still run there because of a
 * right that somebody renewed. Counted from the receipt it only gets longer. */
struct qd_ages {
	uint64_t known;
	uint64_t left_ns[QD_NODES_MAX]; /* [id - 1] */
};

enum qd_refusal {
	QD_REFUSAL_NONE = 0,	/* promised, or installed */
	QD_REFUSAL_PROMISED,	/* `promised` is as high or higher, or went to somebody else */
	QD_REFUSAL_SET,		/* M is not this node's candidate set */
	QD_REFUSAL_INCARNATION, /* M names another incarnation of it */
	QD_REFUSAL_TAG,		/* the configuration is older than the own */
	QD_REFUSAL_STUCK,	/* it cannot keep anything durably now */
	QD_REFUSAL_COUNT,
};

struct qd_promise {
	uint64_t epoch;
	enum qd_refusal refusal;
	uint64_t promised; /* its own, also with a refusal */
	bool has_vote;
	bool runs;
	uint64_t installed;  /* epoch of its last view */
	struct qd_head head; /* with QD_REFUSAL_NONE */
	struct qd_ages ages;
};

struct qd_install {
	struct qd_view view;
	uint64_t
		before; /* the newest epoch that a promiser, or the extra voter, had: what runs by a right of an older one
			  * does not go on with a right of this one */
	struct qd_head head;
	struct qd_ages ages;
};

struct qd_installed {
	uint64_t epoch;
	enum qd_refusal refusal;
	uint64_t promised;
	bool has_vote;
};

struct qd_answer_proof {
	uint64_t epoch;
	uint64_t round; /* the newest one received */
	struct qd_tag tag;
	bool has_vote;
	bool runs;
};

struct qd_proved {
	uint64_t epoch;
	uint64_t round;	 /* the newest one of this member that the leader has an answer to */
	uint64_t age_ns; /* of the start of the leader's right, at sending */
	uint64_t
		begin_stop_ns; /* after that start, by the leader's times: a member acts no longer than that */
	uint64_t stopped_ns;
	bool take_vote; /* the view is quorate without this member: it may have a vote from now on */
};

struct qd_change {
	uint64_t epoch; /* of the leader's view */
	struct qd_head head;
	struct qd_ages ages;
};

struct qd_msg {
	enum qd_msg_kind kind;
	uint32_t from;
	uint32_t to;
	uint64_t from_session;
	uint64_t to_session; /* 0: not known yet, HELLO only */
	uint64_t from_incarnation;
	uint64_t sequence; /* grows with every packet of this session to this node, on whatever link */
	struct {
		uint64_t number; /* HELLO, HELLO_OK: drawn now; BACK: 1 while its sender's link is down */
		uint64_t echo;	 /* HELLO_OK, BACK, BACK_OK: the other end's; BACK_OK echoes HELLO's again */
	} exchange;
	struct qd_news news; /* in the exchange and in NEWS */
	union {
		struct qd_view prepare;
		struct qd_promise promise;
		struct qd_install install;
		struct qd_installed installed;
		struct {
			uint64_t epoch;
			uint64_t round;
			uint64_t
				wait_ns; /* W by the leader's times: how long its right may last for the others */
		} proof;
		struct qd_answer_proof answer;
		struct qd_proved proved;
		struct qd_change change;
		struct {
			uint64_t
				epoch; /* the highest that the sender promised: its rights are of no later one */
			struct qd_ages
				ages; /* what only this node knows: whose rights it renewed as leader */
		} ended;
		uint64_t epoch; /* LEAD: of the view */
	} u;
};

/* All that `from` says. Behind the last node that it hears *to stays as it is: nobody looks there. */
static inline void qd_news_copy(struct qd_news *to, const struct qd_news *from)
{
	memcpy(to, from, offsetof(struct qd_news, incarnation));
	for (uint32_t i = 0; i < qd_set_last(from->hears & qd_set_all()); i++)
		to->incarnation[i] = from->incarnation[i];
}

const char *qd_msg_kind_name(enum qd_msg_kind kind);
const char *qd_refusal_name(enum qd_refusal refusal);

#endif
