/* SPDX-License-Identifier: Apache-2.0 */
/* What the simulated world has besides machines and a disk when views decide: networks between the machines, a store of
 * their own on each, a witness, operators who change the configuration, and what the invariants remember of all that.
 * Part of sim/sim.h. */
#ifndef QD_SIM_CLUSTER_H
#define QD_SIM_CLUSTER_H

#include "core/node.h"
#include "sim/share.h"
#include "witness/core.h"

enum {
	SIM_NODES_MAX = 16,
	SIM_NETS_MAX = 3,
	SIM_PACKETS_MAX = 4096, /* under way; more are lost */
	SIM_QUEUE_MAX = 48,	/* packets that wait for a process that stands still; more are lost */
	SIM_PAST_PACKETS = 64,	/* that a replay can draw from */
	SIM_ASKS_MAX = 128,	/* requests to the witness and answers under way */
	SIM_BODIES_MAX = 250,	/* bodies of configurations in one run: one bit each in a store */
	SIM_HEADS_MAX = 2048,	/* different configurations in one run */
	SIM_VIEWS_MAX = 4096,	/* different epochs in one run */
	SIM_WIRE_EVERY = 16,	/* of so many packets one is made bytes and a struct again */
};

struct sim_cluster_options {
	bool on;
	bool has_disk;
	bool has_witness;
	bool share;	       /* it is a directory on one */
	struct qd_votes votes; /* of the first configuration */
	uint32_t nets;
	uint32_t delay_ms[SIM_NETS_MAX];
	uint32_t threshold[SIM_NETS_MAX];
	uint64_t latency_ns[SIM_NETS_MAX]; /* mean, one way */
	uint32_t packet_rate;		   /* of 65536 packets so many have a fault of their own */
	uint32_t trap_rate;  /* of 256 steps of a view or a change so many are followed by a fault */
	uint32_t dead_count; /* machines that stay dead after healing, where the others can be quorate */
};

/* ---- networks ---- */

struct sim_packet {
	uint32_t refs; /* deliveries under way; 0: free */
	uint32_t next_free;
	uint64_t sent_t;
	struct qd_msg msg; /* only what its kind carries */
};

struct sim_net {
	uint64_t cut_until[SIM_NODES_MAX][SIM_NODES_MAX][SIM_NETS_MAX]; /* [from][to][net], true time */
	uint64_t storm_until;
	uint32_t packet_free;
	uint32_t packet_high;
	uint32_t past_count; /* packets ever put into `past` */
	uint64_t sent;
	uint64_t delivered;
};

/* ---- a node's own disk ---- */

struct sim_store {
	struct qd_kept durable;
	uint32_t generation; /* grows whenever its contents are lost */
	bool own;	     /* provably this node's: written by `cluster create`, or taken in since */
	uint64_t bodies[(SIM_BODIES_MAX + 63) / 64]; /* configurations whose text is here */
	bool writing;
	uint64_t turn;
	uint32_t life; /* of the process that asked */
	struct qd_kept next;
	uint32_t body_from;
	uint64_t slow_until;
	uint64_t stuck_until;
	bool has_old;
	struct qd_kept old; /* a copy from some time ago, as of a backup */
};

/* ---- the witness ---- */

struct sim_ask {
	bool used;
	uint32_t life; /* of the asker's process */
	struct qd_witness_request request;
	struct qd_witness_answer answer;
};

struct sim_witness {
	bool up;
	uint32_t life;
	uint64_t session;
	uint64_t clock_base; /* its local time at true time clock_t */
	uint64_t clock_t;
	int32_t ppm;
	uint64_t halted_until;
	uint64_t request_cut_until[SIM_NODES_MAX];
	uint64_t answer_cut_until[SIM_NODES_MAX];
	struct qd_tenant tenant;
	struct qd_witness_record durable;
	struct qd_witness_record old; /* a copy from some time ago */
	bool write_open;	      /* `writing` is on its way to the disk, for `asked` */
	struct qd_witness_record writing;
	struct qd_witness_request asked;
	uint64_t seen_incarnation[SIM_NODES_MAX]; /* what it has taken of each node: nothing twice */
	uint64_t seen_id[SIM_NODES_MAX];
	struct sim_ask asks[SIM_ASKS_MAX];
};

/* ---- what the invariants remember ---- */

/* A configuration without its tag's epoch, and what it was made from. */
struct sim_head {
	uint64_t id; /* 0: unused entry */
	uint64_t parent[2];
	struct qd_tag tag; /* as it was made */
	uint64_t made_t;
	bool forced;
	uint32_t search; /* heads_descends() has been here */
};

struct sim_view {
	uint64_t epoch;	     /* 0: unused entry */
	uint64_t hash;	     /* of its members; 0: not known yet */
	bool taken;	     /* not only proposed */
	uint32_t generation; /* of its leader\'s store */
	uint64_t installed;  /* nodes with a vote on whose disk it was at some time */
	uint64_t right_t;    /* newest start of its leader's right, true time */
};

/* A machine as the invariants see it after its last step. */
struct sim_seen {
	struct qd_tag want; /* tag of cluster.want.head, and what it is */
	uint64_t head_id;
	enum qd_cluster_state state;
	uint64_t right_start; /* local */
	uint64_t free_epoch;  /* leads it with a right, and takes what no disk fences for free; 0: none */
	uint32_t steps;
	uint64_t right_epoch;
	bool right_held;
	bool change_open;
	bool prevented;
	uint32_t asked; /* replies that operators wait for */
	bool asked_change;
	uint64_t lead_epoch;
	/* of its store, over restarts, until it is lost */
	uint64_t told_promise; /* the highest that it told anybody */
	struct qd_tag told_tag;
};

struct sim_cluster_facts {
	uint64_t group_epoch; /* of the newest start of the group */
	uint32_t group_machine;
	uint64_t done_id; /* newest change that was told to be done */
	uint64_t done_epoch;
	uint64_t done_t;
	bool force_asked; /* an operator waits for it */
	bool force_told;  /* its event was delivered */
	bool forced;	  /* somewhere a forced configuration is durable */
	uint32_t force_machine;
	uint64_t forced_id;	/* its head */
	uint64_t force_unix_s;	/* when it was told last: which of a node's it is */
	uint64_t witness_epoch; /* the highest that it granted since it lost its store */
	uint64_t scar;		/* two machines that never hear each other again, bits by index */
	uint32_t witness_node;	/* that holds its lock; 0: nobody */
	/* when it last answered a node's LOCK, RENEW or PUT with OK; 0: never, or that node released */
	uint64_t witness_ok_t[SIM_NODES_MAX];
	bool required;	       /* I6 is asked for: who is healed can be quorate */
	uint64_t views_healed; /* views that became active after healing */
	uint64_t views_late;   /* of those: after the bound of I6 */
	uint32_t bodies;       /* texts of configurations so far */
	uint32_t search;
	struct sim_head heads[SIM_HEADS_MAX];
	uint32_t head_count;
	struct sim_view views[SIM_VIEWS_MAX];
	uint32_t view_count;
};

struct sim_cluster {
	struct sim_net net;
	struct sim_witness witness;
	struct sim_share share;
	struct sim_cluster_facts facts;
	struct sim_seen seen[SIM_NODES_MAX];
	struct sim_store stores[SIM_NODES_MAX];
	struct qd_links_config links[SIM_NODES_MAX]; /* as loaded last */
	struct qd_head first;			     /* as `cluster create` made it */
	struct sim_packet past[SIM_PAST_PACKETS];
	struct sim_packet packets[SIM_PACKETS_MAX];
};

#endif
