/* SPDX-License-Identifier: Apache-2.0
 *
 * Views by promises, leadership, proofs of quorum, ages, the witness and changes of votes: docs/MEMBERSHIP.md sections 1
 * and 3 to 7, of two or three nodes.  docs/MODEL.md says what is abstracted and why that is sound.
 *
 * Four ideas keep the search small:
 *
 * 1. Epochs are places 1..EPOCHS in an order, taken by their proposers in any order; so the number of proposals is bounded,
 *    and nothing else about counters is.
 * 2. What may be late is kept where it was sent (a PREPARE, an INSTALL and the newest CHANGE in the table of epochs) and may
 *    be taken at any time or never.  Answers to a leader arrive at once: late ones only take behaviour away.
 * 3. Instants are ages, and ages stop counting at W.
 * 4. Who proposes what and when is free: safety must not depend on what nodes hear.
 *
 * With -DMUTANTS each rule can be taken away; run.sh lists them, and the search must then find a violation.
 */

#ifndef NODES
#define NODES 2
#endif
#ifndef WITNESS
#define WITNESS 1
#endif
#ifndef EPOCHS
#define EPOCHS 3        /* the first view is 1, so EPOCHS - 1 proposals */
#endif
#ifndef CHANGES
#define CHANGES 1       /* changes of votes, each with its final record */
#endif
#ifndef RESTARTS
#define RESTARTS 1      /* of any node */
#endif
#ifndef WIPES
#define WIPES 0         /* restarts with a new, empty store */
#endif
#ifndef WITNESS_RESTARTS
#define WITNESS_RESTARTS 0
#endif
#ifndef WITNESS_LOSSES
#define WITNESS_LOSSES 0        /* restarts of the witness with the store it had at first */
#endif
#ifndef WIPED_TO
#define WIPED_TO 0      /* 1: with a copy of the first store */
#endif
#ifndef LEAVES
#define LEAVES 0        /* nodes that stop in order and say RIGHT_ENDED */
#endif
#ifndef W_TICKS
#define W_TICKS 2       /* a right that began this long ago has ended: stopped_by = start + W - drift is one tick earlier */
#endif
#ifndef C_TICKS
#define C_TICKS 1       /* the witness grants its lock again when the holder's last renewal is this old */
#endif
#define FIRST_VOTES ((1 << NODES) - 1 | (HAS_WITNESS ? WIT : 0))
#ifndef WEIGHTS
#define WEIGHTS 1, 1, 1, 1      /* of nodes 0, 1, 2 and the witness */
#endif

/* The rules, those of docs/MEMBERSHIP.md and those that the search has added */
#define PROMISE_DURABLE    1
#define NO_VOTE_WHEN_NEW   2
#define ALL_PROMISE        3
#define PROMISE_BINDS      4
#define NEWEST_TAG         5
#define OLD_AND_NEW        6
#define TAG_RISES          7
#define INCARNATIONS_COUNT 8
#define ANSWER_PROMISED    9
#define RIGHT_FROM_START   10
#define MEMBER_RIGHT       11
#define GAVE_ECHO          12
#define GAVE_START         13
#define AGES_TRAVEL        14
#define WAIT_FOR_DEAD      15
#define EXTRA_TAG          16
#define WITNESS_EPOCH      17
#define WITNESS_DURABLE    18
#define WITNESS_START      19
#define WITNESS_OWN_STORE  20
#define PARTITION_IN_TIME  21
#define DONE_EVERYWHERE    22
#define CHANGE_IS_ANSWER   23
#define ONE_CHANGE         24
#define OWN_AGE            25
#define CONFIRM_AFTER_LOSS 26
#define LEAVE_HANDS_AGES   27
#define RELEASE_KEEPS_AGE  28
#define RUNS_TOLD          29
#define AGES_INSTALL       30
#define AGES_CHANGE        31
#define AGES_PROMISE       32
#define WITNESS_AGE        33
#define LEFT_EPOCH         34
#define WORK_INTERRUPTED       35
#define PROVED_PROMISED    36
/* In the build with -DMUTANTS the environment says which rule is taken away (its number; ALSO: a second one) and how much may happen, so that
 * one verifier serves all of them. */
#ifdef MUTANTS
#define RULE(x) (without != x && also != x)
#define HAS_WITNESS witness
#define SET(name, otherwise) setting(#name, otherwise)
#define SPARE 2         /* contents that a second change before the final one of the first takes */
#else
#define RULE(x) 1
#define HAS_WITNESS WITNESS
#define SET(name, otherwise) (otherwise)
#define SPARE 0
#endif

#define CONTENTS (2 * CHANGES + 1 + SPARE)
#define GRID (NODES * NODES)
#define WIT 8           /* the witness in a set of voters */
#define X_WIT 3         /* and its place in `heard` */

/* phases of a leader */
#define PREPARING  1
#define INSTALLING 2
#define ACTIVE     3
#define DONE       4    /* active, and its head is on every member and at the witness */

/* ---- kept durably by the nodes ---- */
byte promised[NODES] = 1;
byte installed[NODES] = 1;
byte tag[NODES] = 1;            /* epoch of its configuration's tag; the version is in `content` */
byte content[NODES];
byte has_vote = (1 << NODES) - 1;

/* ---- not kept ---- */
byte right[NODES] = W_TICKS;    /* age of the start of the newest right, as leader or member */
byte gave[GRID] = W_TICKS;      /* [of n about x]; about itself: its own right */
byte acts;                      /* runs something that no disk fences */
byte missed;                    /* and did so through a view that it was not in: no new right before it has stopped */
byte lead[NODES];               /* epoch that it prepares, installs or leads */
byte phase[NODES];
byte got[NODES];                /* who promised; then: who has the head */
byte voted[NODES];              /* of those who told the leader anything: with a vote */
byte proved;                    /* leaders whose right is of the epoch they lead */
byte runs[NODES];               /* who told the leader that it runs something */
byte heard[NODES * 4] = W_TICKS; /* [of leader l about m]: age of the newest answer, which began then or earlier */
byte newest_tag[NODES];         /* while preparing: the newest head so far */
byte newest[NODES];
byte fresh[NODES];              /* who answered since the witness lost its store */

/* ---- epochs: what was sent and may still arrive ---- */
#define FREE 255
#define DEAD 254
byte owner[EPOCHS + 1] = FREE;
byte members[EPOCHS + 1];
byte named[EPOCHS + 1];         /* members whose present incarnation the view names */
byte sent[EPOCHS + 1] = FREE;   /* content of the INSTALL */
byte before[EPOCHS + 1];        /* epoch of the newest head before it was tagged again */
byte changed[EPOCHS + 1] = FREE;        /* content of the newest CHANGE */
byte carries[(EPOCHS + 1) * NODES] = W_TICKS;   /* ages in INSTALL and CHANGE, as instants */
byte ever[EPOCHS + 1];          /* 1 + changes contained, of a view that was active; 0: it never was */

/* ---- contents of configurations: versions of all lines of history ---- */
byte contents = 1;
byte votes[CONTENTS];
byte old[CONTENTS];
byte version[CONTENTS];
byte history[CONTENTS];         /* set of changes contained */
byte done_in[CHANGES + 2];      /* epoch in which the change was reported done */

/* ---- the witness ---- */
byte w_epoch = 1, w_tag = 1, w_content;
byte w_released, w_unsure;
byte w_age[NODES] = W_TICKS;    /* since it last answered that node */

/* ---- what may still happen ---- */
byte restarts, wipes, w_restarts, w_losses, changes, leaves;
byte left_of[NODES];            /* receivers to which RIGHT_ENDED of this node may still come */
byte left_epoch[NODES];         /* highest epoch that it promised */
byte left_ages[GRID] = W_TICKS; /* ages that it carries */

#ifdef PADDING
byte padding[PADDING];           /* Spin 6.5.2 mixes the last words of a state badly: needed with -DBITSTATE and -DHC */
#endif

#ifdef MUTANTS
byte was_promised[NODES] = 1, was_installed[NODES] = 1, was_tag[NODES] = 1, was_content[NODES];  /* the record before */
byte flying[NODES];             /* answers sent and not received */
#endif

c_code {
static int without, also, witness;

static int setting(const char *name, int otherwise)
{
        return getenv(name) ? atoi(getenv(name)) : otherwise;
}
}

#include "regroup_steps.pml"
#include "regroup_sort.pml"

/* Spin takes f(x) in an expression for something that changes the state, and (f)(x) not; ours change nothing. */
#define STEP(can, does) :: d_step { c_expr { can } -> c_code { does; settle(); SORT; }; safe() }

inline safe()
{
        assert(c_expr { bad != TWO_ACT });              /* I1 */
        assert(c_expr { bad != RIGHT_OUTSIDE });        /* I1, I4 */
        assert(c_expr { bad != CHANGE_LOST })           /* I3 */
}

#define PROPOSE(n, e) \
        STEP((can_propose)(n, 1, e), propose(n, 1, e)) STEP((can_propose)(n, 2, e), propose(n, 2, e)) \
        STEP((can_propose)(n, 3, e), propose(n, 3, e)) STEP((can_propose)(n, 4, e), propose(n, 4, e)) \
        STEP((can_propose)(n, 5, e), propose(n, 5, e)) STEP((can_propose)(n, 6, e), propose(n, 6, e)) \
        STEP((can_propose)(n, 7, e), propose(n, 7, e))
#define CHANGE(l, set) STEP((can_change)(l, set), change(l, set))
#define RECEIVE(n, e) \
        STEP((can_take_install)(n, e), take_install(n, e)) \
        STEP((can_take_change)(n, e), take_change(n, e))
#ifdef MUTANTS
#define ARRIVE(m, l) STEP(now.flying[l] & BIT(m), now.flying[l] &= ~BIT(m); take_answer(l, m))
#else
#define ARRIVE(m, l)
#endif
#define PAIR(m, l) \
        STEP((can_promise)(m, l), promise(m, l)) \
        STEP((can_answer)(m, l), answer(m, l)) \
        STEP((can_take_proved)(m, l), take_proved(m, l)) \
        STEP((can_take_left)(m, l), take_left(m, l)) \
        ARRIVE(m, l)
#define MOVES(n) \
        STEP((can_install)(n), install(n)) \
        STEP((can_activate)(n), activate(n)) \
        STEP((can_prove)(n), prove(n)) \
        STEP((can_start)(n), start(n)) \
        STEP(now.missed & BIT(n), stop(n)) \
        STEP((can_finish)(n), finish(n)) \
        STEP((can_be_done)(n), be_done(n)) \
        STEP((can_lock)(n), lock(n)) \
        STEP((can_put)(n), put(n)) \
        STEP((can_renew)(n), renew(n)) \
        STEP((can_release)(n), release(n)) \
        STEP((can_confirm)(n), confirm(n)) \
        CHANGE(n, 1) CHANGE(n, 2) CHANGE(n, 3) \
        STEP(now.restarts, restart(n, 0)) \
        STEP(now.wipes, restart(n, 1)) \
        STEP(now.leaves && !(now.left_of[n] & BIT(n)), leave(n)) \
        PROPOSE(n, 2) PROPOSE(n, 3) RECEIVE(n, 1) RECEIVE(n, 2) RECEIVE(n, 3)

active proctype world()
{
        d_step {        /* the first view: everybody, led by node 0, which runs something */
                c_code {
                        without = SET(WITHOUT, 0); also = SET(ALSO, 0); witness = SET(WITNESS, WITNESS);
                        now.changes = SET(CHANGES, CHANGES); now.restarts = SET(RESTARTS, RESTARTS);
                        now.wipes = SET(WIPES, WIPES); now.leaves = SET(LEAVES, LEAVES);
                        now.w_restarts = SET(WITNESS_RESTARTS, WITNESS_RESTARTS);
                        now.w_losses = SET(WITNESS_LOSSES, WITNESS_LOSSES);
                        now.owner[1] = 0; now.members[1] = now.named[1] = now.got[0] = now.voted[0] = BIT(NODES) - 1;
                        now.sent[1] = 0; now.ever[1] = 1; now.lead[0] = 1; now.phase[0] = DONE;
                        now.votes[0] = FIRST_VOTES; now.version[0] = 1;
                        now.acts = now.proved = 1; now.right[0] = 0;
                        for EVERY(m) { GAVE(m, 0) = 0; if (m) HEARD(0, m) = 0; }
                        if (HAS_WITNESS) { HEARD(0, X_WIT) = 0; now.w_age[0] = 0; }
                }
        }
        do
        MOVES(0) MOVES(1)
        PAIR(0, 1) PAIR(1, 0)
#if EPOCHS > 3
        PROPOSE(0, 4) PROPOSE(1, 4) RECEIVE(0, 4) RECEIVE(1, 4)
#endif
#if NODES > 2
        MOVES(2)
        PAIR(0, 2) PAIR(1, 2) PAIR(2, 0) PAIR(2, 1)
        CHANGE(0, 4) CHANGE(0, 5) CHANGE(0, 6) CHANGE(0, 7)
        CHANGE(1, 4) CHANGE(1, 5) CHANGE(1, 6) CHANGE(1, 7)
        CHANGE(2, 4) CHANGE(2, 5) CHANGE(2, 6) CHANGE(2, 7)
#if EPOCHS > 3
        PROPOSE(2, 4) RECEIVE(2, 4)
#endif
#endif
        STEP(now.w_restarts, witness_restarts(0))
        STEP(now.w_losses, witness_restarts(1))
        STEP((any_time)(), tick())
        od
}
