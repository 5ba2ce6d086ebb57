/* SPDX-License-Identifier: Apache-2.0 */
/* The world that the explorer searches (docs/EXPLORER.md): two or three nodes' real cluster core, their stores, the real
 * witness, an ideal quorum disk, the packets under way. What happens next is one of a list of actions; the explorer tries
 * every one. Time comes in ticks of R: small enough for every rule (W is three or four), large enough for a search to get
 * somewhere. */
#ifndef QD_EXPLORE_WORLD_H
#define QD_EXPLORE_WORLD_H

#include "core/cluster_internal.h"
#include "core/node.h"
#include "witness/core.h"

enum {
	EX_NODES_MAX = 3,
	EX_PACKETS_MAX = 12, /* under way; the oldest is lost when there are more, and that is counted */
	EX_ACTIONS_MAX = 128,
};

/* What may happen in a run, and how often. */
#define EX_BUDGETS(X)                                                                                        \
	X(VIEWS, "views", "views tried, in all")                                                             \
	X(RESTARTS, "restarts", "a node's process begins again, with its store")                             \
	X(WIPES, "wipes", "a node begins again with a new store")                                            \
	X(CHANGES, "changes", "an operator changes a vote, or the text only")                                \
	X(LEAVES, "leaves", "a node leaves in order")                                                        \
	X(SLEEPS, "sleeps", "R passes, and a node does not notice")                                          \
	X(FORCES, "forces", "an operator forces the quorum on one node")                                     \
	X(WITNESS_RESTARTS, "witness-restarts", "the witness begins again, with its store")                  \
	X(WITNESS_WIPES, "witness-wipes", "the witness begins again with a new store")                       \
	X(DISK_FAULTS, "disk-faults", "R passes, and the disk answers nobody")

#define EX_BUDGET_ENUM(name, option, text) EX_BUDGET_##name,
enum ex_budget { EX_BUDGETS(EX_BUDGET_ENUM) EX_BUDGET_COUNT };
#undef EX_BUDGET_ENUM

struct ex_limits {
	uint32_t nodes;
	uint32_t wait_ticks; /* W: 3, or 4 (a tick between C and W) */
	uint32_t weight;     /* of node 1; the others have 1 */
	bool witness;
	bool disk;
	bool slow_stores; /* a store becomes durable as an action of its own; else at once */
	bool dynamic;	  /* votes */
	bool warm;	  /* node 1 leads everybody and runs the group; else everybody has just started */
	uint32_t budget[EX_BUDGET_COUNT];
};

enum ex_packet_kind { EX_MSG = 0, EX_REQUEST, EX_ANSWER };

struct ex_packet {
	uint8_t kind;
	uint8_t from; /* node; 0: the witness */
	uint8_t to;
	uint32_t session;      /* of the receiver, as the sender knew it */
	uint32_t from_session; /* of the sender */
	union {
		struct qd_msg msg;
		struct qd_witness_request request;
		struct qd_witness_answer answer;
	} u;
};

struct ex_node {
	bool runs;	     /* unfenced work runs here */
	struct qd_mono ends; /* by then it has stopped, whatever happens */
	uint32_t session;
	uint32_t knows[EX_NODES_MAX]; /* the sessions of the others that it has met; 0: none */
	struct qd_kept disk;
	struct qd_gate gate;
	struct qd_head slots; /* of the quorum disk, as it has read or written them as the owner */
	struct qd_cluster c;
};

/* The quorum disk, as an ideal arbiter would show it: one holder, whose last renewal everybody knows. */
struct ex_disk {
	uint32_t holder; /* 0: nobody; the lease of an earlier one may run on until `renewed` is old */
	struct qd_mono
		renewed;       /* by the holder; by the last one, when there is none and it did not release */
	uint32_t last;	       /* the last one that held it */
	struct qd_mono struck; /* last renewal of the last one that did not release; 0: there was none */
	uint32_t before;       /* that one */
	uint32_t epoch;	       /* how often it was taken */
	struct qd_head slots;  /* the newer of the two */
};

struct ex_world {
	struct qd_mono now;
	uint8_t used[EX_BUDGET_COUNT];
	bool forced;
	uint32_t done; /* bits of the changes that were told to be done */
	uint8_t next_change;
	uint64_t done_epoch[8]; /* in which each was */
	uint32_t next_session;
	uint32_t lost_count; /* packets for which there was no room */
	uint32_t packet_count;
	struct ex_disk disk;
	/* the witness */
	uint32_t tenant_session;
	struct qd_tenant tenant;
	struct qd_witness_record record; /* durable */
	bool writing;			 /* `next_record` is on its way to its disk */
	struct qd_witness_record next_record;
	struct {
		uint64_t incarnation;
		uint64_t id;
	} asked[EX_NODES_MAX]; /* the newest request of each node */
	struct ex_node node[EX_NODES_MAX];
	struct ex_packet packets[EX_PACKETS_MAX];
};

enum ex_kind {
	EX_TICK =
		0, /* R passes: everybody's timers run but those of node `a`, which sleeps (0: nobody does); b: the disk
		      * answers nobody */
	EX_DELIVER, /* packet `a` */
	EX_PROPOSE, /* node `a` finds the set `b` around itself and that it is its turn; b & EX_HEARD: it has heard of
		      * every epoch that there is */
	EX_KEPT,    /* node `a`'s store becomes durable */
	EX_STOP,    /* what runs on node `a` has stopped */
	EX_RESTART, /* node `a`; b: what was on its way to its store had landed */
	EX_WIPE,    /* node `a` restarts with a new store */
	EX_CHANGE, /* an operator asks node `a`, the leader, to take or give node `b`'s vote; b = 0: the text only */
	EX_LEAVE,	    /* node `a` shall leave */
	EX_FORCE,	    /* an operator forces the quorum on node `a` */
	EX_WITNESS_RESTART, /* b: what was on its way to its store had landed */
	EX_WITNESS_WIPE,
	EX_WITNESS_WRITTEN,
	EX_TAKE_DISK, /* node `a`, which wants it, strikes: the last renewal is C old, or the disk was released */
	EX_GIVE_DISK, /* node `a`, the owner, releases it: nothing counts on it */
	EX_SLOTS,     /* node `a` writes the configuration slots; b: only one of the two copies so far */
	EX_KIND_COUNT,
};

enum { EX_HEARD = 1 << EX_NODES_MAX };

struct ex_action {
	uint8_t kind;
	uint8_t a;
	uint8_t b;
};

/* --- world.c --------------------------------------------------------------------------------------------------- */
void ex_world_init(struct ex_world *w, const struct ex_limits *l);
/* As much of it as there is. */
void ex_world_copy(struct ex_world *to, const struct ex_world *from, const struct ex_limits *l);
/* NULL, or the invariant that is broken. `say`: what happens is printed. */
const char *ex_world_act(struct ex_world *w, const struct ex_limits *l, struct ex_action a, bool say);
const struct qd_times *ex_times(void);

/* --- actions.c -------------------------------------------------------------------------------------------------- */
/* Everything that can happen next; how many. */
uint32_t ex_world_actions(const struct ex_world *w, const struct ex_limits *l,
			  struct ex_action list[EX_ACTIONS_MAX]);
void ex_world_describe(const struct ex_world *w, struct ex_action a, char *to, size_t cap);
/* The highest counter that anybody may have told. */
uint64_t ex_highest_counter(const struct ex_world *w, const struct ex_limits *l);

/* --- net.c ------------------------------------------------------------------------------------------------------ */
void ex_net_send(struct ex_world *w, const struct ex_limits *l, const struct ex_packet *p);
void ex_net_remove(struct ex_world *w, uint32_t at);
/* Packets that can change nothing any more. */
void ex_net_prune(struct ex_world *w, const struct ex_limits *l);

/* --- disk.c ----------------------------------------------------------------------------------------------------- */
/* What the arbiter of a node would show its views. */
void ex_disk_show(const struct ex_world *w, const struct ex_limits *l, struct ex_node *n);
/* A tick: the holder renews. */
void ex_disk_beat(struct ex_world *w, struct ex_node *n, bool answers);
bool ex_disk_may_take(const struct ex_world *w, const struct ex_node *n);
void ex_disk_take(struct ex_world *w, struct ex_node *n);
bool ex_disk_may_give(const struct ex_world *w, const struct ex_node *n);
void ex_disk_give(struct ex_world *w);
bool ex_disk_may_write(const struct ex_world *w, const struct ex_node *n);
void ex_disk_write(struct ex_world *w, struct ex_node *n, bool half);

/* --- check.c ---------------------------------------------------------------------------------------------------- */
const char *ex_check(const struct ex_world *w, const struct ex_limits *l);

/* --- hash.c ----------------------------------------------------------------------------------------------------- */
/* Two worlds that differ only in what decides nothing have the same. */
void ex_world_hash(const struct ex_world *w, const struct ex_limits *l, uint64_t out[2]);

/* --- tenant.c: the witness */
void ex_tenant_written(struct ex_world *w, const struct ex_limits *l);
void ex_tenant_ask(struct ex_world *w, const struct ex_limits *l, const struct ex_packet *p);
void ex_tenant_boot(struct ex_world *w, bool landed, bool fresh);

#endif
