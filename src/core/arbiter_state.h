/* SPDX-License-Identifier: Apache-2.0 */
/* The arbiter's memory. Included by core/arbiter.h; only src/core/arbiter*.c and tests look inside. Pure. */
#ifndef QD_CORE_ARBITER_STATE_H
#define QD_CORE_ARBITER_STATE_H

#include "core/action.h"
#include "core/arbiter.h"
#include "core/times.h"

enum {
	QD_KEYS_KEPT = 64,	 /* of one READ KEYS: more than that is scrubbed over several rounds */
	QD_BEFORE_KEPT = 64,	 /* the heir's keys that were there before the offer */
	QD_BEATS_TO_STOP = 4096, /* seven minutes at the shortest renew */
	QD_RETRIES_MAX = 8,	 /* unit attentions in a row before a sequence is given up */
	QD_RECORDS_LEAST = 16,	 /* node ids whose records are read where nodes may be added */
	QD_JITTER_DOUBLINGS = 3, /* of the range of the jitter before an unreserved disk is taken */
	QD_HEIR_LOOK_MS = 20,	 /* how often an heir looks (PROTOCOL.md case 11) */
};

/* What the pipelined commands under way are for. One batch at a time. */
enum qd_step {
	QD_STEP_IDLE = 0,
	/* standby */
	QD_STEP_LOOK,	       /* READ RESERVATION, READ records */
	QD_STEP_UNREGISTER,    /* REGISTER 0 */
	QD_STEP_HEIR_REGISTER, /* REGISTER AND IGNORE */
	/* taking */
	QD_STEP_TAKE_REGISTER, /* REGISTER AND IGNORE a fresh key */
	QD_STEP_STRIKE,	       /* PREEMPT AND ABORT, PREEMPT or RESERVE */
	QD_STEP_TAKEN,	       /* READ RESERVATION, READ KEYS, READ records */
	QD_STEP_CLEAN,	       /* PREEMPT of another key */
	QD_STEP_TAKE_RECORDS,  /* READ records */
	QD_STEP_TAKE_WRITE,    /* WRITE own record "taken" */
	QD_STEP_LAST_ROUND,    /* a full round */
	QD_STEP_BACK_OUT,      /* RELEASE after the recheck found a change */
	/* owner */
	QD_STEP_ROUND,	    /* REGISTER the next beat, READ RESERVATION, READ records */
	QD_STEP_CHECK,	    /* READ RESERVATION, READ KEYS, READ records */
	QD_STEP_REREGISTER, /* REGISTER AND IGNORE a fresh key: this nexus is new to the target */
	QD_STEP_REPREEMPT,  /* PREEMPT of own key on a dead path, or of a rolled-back holder */
	QD_STEP_RERESERVE,  /* RESERVE again what the target forgot */
	QD_STEP_SCRUB_KEYS, /* READ KEYS */
	QD_STEP_SCRUB,	    /* PREEMPT of a key that belongs to no member */
	QD_STEP_STILL,	    /* REGISTER AND IGNORE a still key on another path */
	QD_STEP_OFFER_KEYS, /* READ KEYS before the offer */
	QD_STEP_OFFER,	    /* WRITE own record naming the heir */
	QD_STEP_HEIR_KEYS,  /* READ KEYS: has the heir registered? */
	QD_STEP_WITHDRAW,   /* WRITE own record naming nobody */
	QD_STEP_TELL_TIMES, /* WRITE own record with longer times, before they are used */
	/* releasing */
	QD_STEP_RELEASE_RECORD, /* WRITE own record "released"; the reservation stays */
	/* owner, with views */
	QD_STEP_READ_SLOTS, /* both configuration slots */
	QD_STEP_WRITE_SLOTS,
	QD_STEP_COUNT,
};

/* Which answer of a batch an operation brings. */
enum qd_role {
	QD_ROLE_OUT = 0,
	QD_ROLE_RESERVATION,
	QD_ROLE_KEYS,
	QD_ROLE_RECORDS,
	QD_ROLE_WRITE,
	QD_ROLE_SLOTS,
	QD_ROLE_COUNT,
	QD_ROLE_PATH, /* not a batch's: LOGIN and probing */
};

struct qd_batch {
	enum qd_step step;
	uint32_t path;
	uint32_t open; /* operations without an answer */
	struct qd_mono started;
	struct qd_mono deadline;
	bool asked[QD_ROLE_COUNT];
	enum qd_outcome outcome[QD_ROLE_COUNT];
	struct qd_key key;	/* the key that OUT registers, or acts under */
	struct qd_key before;	/* the nexus's key when OUT was sent */
	struct qd_key rest_key; /* STRIKE, PREEMPT: the key it names */
	struct qd_pr_reservation reservation;
	struct qd_owner_record record; /* that WRITE writes */
	struct qd_head slots;	       /* that SLOTS read, or writes */
	uint32_t keys_generation;
};

struct qd_taking {
	bool by_reserve; /* RESERVE of an unreserved disk; else PREEMPT of `target` */
	bool released;	 /* the newest record says "released": nobody has to be waited for */
	uint64_t released_epoch;
	uint32_t recorded;    /* by RESERVE: the node of the newest record */
	struct qd_key target; /* the key that is C old */
	uint32_t path;
	uint32_t generation;	  /* by RESERVE: what PRGENERATION must still be */
	struct qd_mono start_at;  /* unfenced work may start */
	struct qd_mono struck_at; /* QD_NEVER: nothing sent yet that could take */
	bool exposed;		  /* something was sent that may have taken the disk */
	bool rechecked;		  /* by RESERVE: nothing changed between the last look and the RESERVE */
	uint32_t retries;
	uint64_t epoch;
};

enum qd_handover_phase {
	QD_HANDOVER_NONE = 0,
	QD_HANDOVER_KEYS,     /* what keys does the heir have already? */
	QD_HANDOVER_OFFER,    /* write the record that names the heir */
	QD_HANDOVER_WAIT,     /* until a fresh key of the heir is registered */
	QD_HANDOVER_WITHDRAW, /* the heir is silent */
	QD_HANDOVER_STOP,     /* the group is being stopped; rounds go on */
};

struct qd_owning {
	uint64_t epoch;
	uint32_t path;
	struct qd_mono start_at;
	struct qd_mono next_round;
	struct qd_mono next_check;
	bool need_check;
	bool scrub;	     /* PRGENERATION moved by other hands: READ KEYS */
	uint32_t attentions; /* checks in a row that ended in a unit attention */
	uint32_t bad_rounds; /* in a row */
	uint32_t refused; /* REGISTERs naming the present holder that conflicted: this nexus is another one */
	uint32_t generation;	     /* as of the last answer */
	struct qd_mono next_extra;   /* scrubbing and still keys that failed are tried again from here on */
	enum qd_step after_register; /* REREGISTER goes on with REPREEMPT or RERESERVE */
	struct qd_key preempt;	     /* key that REPREEMPT names */
	bool lost;		     /* another node holds: nothing to release */
	enum qd_handover_phase handover;
	uint32_t heir;
	bool heir_any; /* the operator named nobody: try one after the other */
	bool reply_due;
	struct qd_mono heir_deadline;
	struct qd_mono next_heir_look;
	uint32_t before_count;
	struct qd_key before[QD_BEFORE_KEPT];
	struct qd_mono earlier_end; /* until when rights that the owner before renewed may run; 0: released */
	uint32_t struck_node;	    /* that node; 0: not known */
	bool by_gate;		    /* the hand-over is one that the views want */
	bool slots_known;	    /* both configuration slots were read */
	struct qd_head slots;	    /* the newest of them */
};

struct qd_arbiter {
	enum qd_arbiter_state state;
	enum qd_hold_reason hold;
	bool shutdown;
	struct qd_span lease_challenge; /* C and W that the running lease was reckoned by */
	struct qd_span lease_wait;
	bool times_pending; /* a reload whose times wait for a record that tells the others */
	struct qd_times next_times;
	bool takeable; /* by the last look a takeover would begin now, but the gate is closed */
	bool observe;  /* the last step ran late: look once more before acting */
	uint64_t incarnation;
	uint64_t written_incarnation; /* of the last record that this process sent */
	uint64_t shown_incarnation;   /* the largest that the disk has shown for this node */
	uint64_t max_counter;	      /* of every epoch ever read */
	uint32_t beat;		      /* last one used in this incarnation */
	uint32_t member_top;	      /* highest configured node id: records 1..top are read */
	struct qd_rand rand;
	uint64_t next_op;
	struct qd_op_slot ops[QD_OPS_MAX];
	struct qd_path paths[QD_PATHS_MAX];
	bool caps_known;
	bool aptpl;
	bool no_abort; /* PREEMPT AND ABORT was refused by the target */
	struct qd_sight sight;
	bool records_known;
	struct qd_owner_record newest;
	struct qd_owner_record mine;
	uint32_t keys_count;
	uint32_t keys_next; /* CLEAN, SCRUB: the next one to judge */
	struct qd_key keys[QD_KEYS_KEPT];
	struct qd_batch batch;
	/* standby */
	uint32_t look_path;
	uint32_t look_retries;
	uint32_t take_failures;	   /* in a row, over incarnations: for pacing */
	struct qd_mono take_after; /* no takeover begins before this */
	uint32_t own_node_beats;   /* new keys of our node id that we did not send: a copied identity */
	struct qd_mono next_look;
	struct qd_mono look_after; /* not before this, whatever is due: the last one failed */
	struct qd_span jitter;	   /* added to W before an unreserved disk is taken */
	uint32_t reserve_failures; /* in a row: the jitter's range doubles with each */
	bool heir_mode;
	uint64_t heir_epoch; /* the offer that heir mode answers, or answered */
	uint64_t heir_turn;
	struct qd_taking taking;
	struct qd_owning own;
	/* releasing, retiring */
	uint32_t release_retries;
	uint64_t
		asked_epoch; /* its hand-over is answered when the records tell whether it was released; 0: none */
	bool store_asked;
	bool stored;
	struct qd_mono store_retry;
	uint64_t next_incarnation;
	uint8_t other_machine_id[QD_QDISK_ID_BYTES];
	uint8_t other_boot_id[QD_QDISK_ID_BYTES];
	struct qd_arbiter_stats stats;
};

#endif
