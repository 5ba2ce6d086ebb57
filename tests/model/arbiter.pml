/* SPDX-License-Identifier: Apache-2.0
 *
 * The arbitration protocol (keys that beat, strike, takeover, release) of three nodes on one shared disk, with commands
 * that execute late and a target that restarts once.  docs/MODEL.md says what is abstracted and why that is sound.
 *
 * Three ideas keep the search small enough to be exhaustive:
 *
 * 1. No key values.  A key is used once, so all that matters about "the key that node n saw last" is what became of it:
 *    it is the present key of some nexus (0..2), the key that a roll-back would bring back (SNAP), or gone for good
 *    (STALE).  So the number of beats is not bounded at all.
 * 2. A clock is an age, and ages stop counting where nothing depends on them any more.
 * 3. Nodes are interchangeable, so after each step they are sorted (permute() below); -DNOSYM leaves them alone, which
 *    makes traces easier to read.
 *
 * A node that is paused, slow or dead needs no state of its own: every step may be put off for ever while time passes.
 *
 * Each -D switch takes one rule away; run.sh lists them, and the search must then find a violation.
 */

/* Time in ticks of R.  Integers suffice: every guard is a non-strict comparison.  The real ratio is R 3, C - slack 6, C 7,
 * W - drift just under 9, W 9; kept here: R <= C - slack < C, C >= 2R + slack, and W - drift < W. */
#ifndef R_TICKS
#define R_TICKS 1       /* a round starts when the last good one is this old: the fixed grid */
#endif
#ifndef STOP_TICKS
#define STOP_TICKS 2    /* C - slack: no round, no step of a takeover after this age of the lease */
#endif
#ifndef C_TICKS
#define C_TICKS 3       /* age of the sight that allows a strike */
#endif
#ifndef W_TICKS
#define W_TICKS 4       /* age of the sight that allows to start what the disk does not fence */
#endif
#ifndef DEAD_TICKS
#define DEAD_TICKS (W_TICKS - 1)        /* W - drift: the runner or the watchdog has stopped everything by now */
#endif
#ifdef NARROW           /* fewer events, to find a counter-example sooner: each trace is one of the full model too */
#define ANSWER_TICKS 0
#endif
#ifndef ANSWER_TICKS
#define ANSWER_TICKS 1  /* a round whose answers are older than this timed out; its REGISTER may still execute */
#endif
#ifndef EPOCHS
#define EPOCHS 3        /* bound: no takeover begins when the newest record carries this counter */
#endif
#ifndef RESTARTS
#define RESTARTS 1
#endif

/* Switches inside macros' arguments must be values */
#ifdef START_AT_CHALLENGE
#define START_TICKS C_TICKS
#else
#define START_TICKS W_TICKS
#endif
#ifdef RELEASE_OPENS_DATA
#define OPEN_IF_UNRESERVED 1
#else
#define OPEN_IF_UNRESERVED 0
#endif
#ifdef RERESERVE_AFTER_STOP
#define OWNER_FOR_EVER 1
#else
#define OWNER_FOR_EVER 0
#endif
#ifdef ROUND_WITHOUT_RECORDS
#define RECORDS_IGNORED 1
#else
#define RECORDS_IGNORED 0
#endif
#ifdef OLD_KEY_GOES_ON
#define OLD_KEY_WILL_DO 1
#else
#define OLD_KEY_WILL_DO 0
#endif
#ifdef RELEASED_BEFORE_W
#define RELEASE_TICKS 0
#else
#define RELEASE_TICKS W_TICKS
#endif
#if defined(SIGHT_OF_KEY_SURVIVES)
#define KEEPS_SIGHT(x) ((x) < NODES || (x) == SNAP)
#elif defined(SIGHT_OF_UNRESERVED_SURVIVES)
#define KEEPS_SIGHT(x) ((x) == UNRES)
#else
#define KEEPS_SIGHT(x) 0
#endif

#ifdef TRACE   /* one line for each step, for reading a counter-example (with -DNOSYM) */
#define NODE(n) printf(" | %d:%d a%d s%d saw%d e%d act%d reg%d rec%d", ph[n], pend[n], a[n], s[n], seen[n], ep[n], act[n], reg[n], rec[n])
#define SHOW printf("hold%d snap%d top%d late%d/%d left%d", hold, snap, top, late_node, late_ep, restarts); NODE(0); NODE(1); NODE(2); printf("\n")
#else
#define SHOW skip
#endif

#define NODES  3

/* what the key last seen has become; 0..2 = present key of that nexus */
#define UNRES  3        /* not a key: the disk was seen unreserved */
#define SNAP   4        /* gone, but a roll-back brings it back as the holder's */
#define STALE  5        /* gone for good: look again */
#define NOBODY 3        /* for hold, snap and late_node */

/* phases of a node */
#define LOOK   0        /* standby or challenger that watches */
#define TRY    1        /* REGISTER of a fresh key done, strike or RESERVE sent */
#define GOT    2        /* strike or RESERVE answered GOOD */
#define NEW    3        /* records read, own record sent */
#define MINE   4        /* own record written; the full round is next */
#define OWN    5        /* announced */
#define BYE    6        /* everything stopped, "released" record sent */
#define GONE   7        /* "released" written, RELEASE sent */

/* the command in flight, which may execute arbitrarily late */
#define IDLE   0
#define SENT   1        /* the command of the phase; in MINE and OWN: REGISTER of a beat */
#define BEATEN 2        /* the beat executed; the reads of the round are missing */
#define RERES  3        /* case 3: RESERVE again by the recorded owner */
#define RESTR  4        /* case 15: strike at once by the recorded owner */
#define LATE   5        /* a beat that timed out: may execute, renews nothing */

/* The nodes.  At the start node 0 owns with epoch 1 and runs things; the others have not looked yet. */
byte ph[NODES] = { OWN, LOOK, LOOK };
byte pend[NODES];
byte a[NODES];          /* age of the lease */
byte pa[NODES];         /* age of the round in flight */
byte s[NODES] = { W_TICKS, 0, 0 };      /* age of the sight */
byte seen[NODES] = { STALE, STALE, STALE };
byte ep[NODES] = { 1, 0, 0 };   /* counter of the epoch */
byte act[NODES] = { 1, 0, 0 };  /* runs something that no disk fences */

/* the disk */
byte reg[NODES] = { 1, 0, 0 };     /* nexus is registered: 1 with the key its node uses now, 2 with one that a roll-back brought back */
byte hold = 0;     /* nexus that holds the reservation */
byte snap = NOBODY;     /* holder before the last PREEMPT */
byte rec[NODES] = { 2, 0, 0 };      /* owner record: 2 * counter + released */
byte restarts = RESTARTS;
byte lossy;             /* the target has forgotten something: from now on it does not count as fencing */

/* one data write in flight, of whichever owner the search likes */
byte late_node = NOBODY, late_ep;

byte top = 1;           /* highest counter announced */

hidden byte i, newest, victim;

#define FOR_ALL(stmt)   i = 0; do :: i < NODES -> stmt; i++ :: else -> break od

inline read_records()   /* newest = the newest of the owner records */
{
        newest = rec[0];
        if :: rec[1] > newest -> newest = rec[1] :: else fi;
        if :: rec[2] > newest -> newest = rec[2] :: else fi
}

inline write_record(n, value)
{
#ifdef SHARED_RECORD
        rec[0] = value; rec[1] = value; rec[2] = value
#else
        rec[n] = value
#endif
}

inline key_becomes(old, now_is) /* everybody who saw key `old` last; an age of a key that is gone means nothing */
{
        FOR_ALL(
                if
                :: seen[i] == old ->
                        seen[i] = now_is;
                        if :: now_is == STALE && ph[i] == LOOK -> s[i] = 0 :: else fi
                :: else
                fi)
}

inline new_key(n)       /* REGISTER of a key never used before; the reservation follows */
{
        key_becomes(n, STALE);
        reg[n] = 1
}

inline watch(n)         /* back to standby; the next sight begins with the next look */
{
        ph[n] = LOOK; pend[n] = IDLE; a[n] = 0; pa[n] = 0; ep[n] = 0; act[n] = 0; seen[n] = STALE; s[n] = 0
}

/* I5: an owner inside its lease, counted from sending what made its present key the holder's, is not removed */
#define INSIDE_LEASE(n) (ph[n] == OWN && a[n] <= STOP_TICKS)

inline preempt(n, key)  /* PREEMPT AND ABORT by nexus n, naming `key` */
{
#ifdef STRIKE_WITHOUT_SWAP
        victim = hold;
#else
        victim = key;
#endif
        if
        :: victim < NODES && victim == hold && victim != n ->
                assert(!INSIDE_LEASE(victim));  /* I5 */
                key_becomes(SNAP, STALE);
                if
                :: restarts > 0 -> key_becomes(victim, SNAP); snap = victim
                :: else -> key_becomes(victim, STALE)
                fi;
                reg[victim] = 0;
                hold = n
        :: victim < NODES && victim == hold && victim == n ->
                new_key(n)      /* own key of an earlier incarnation: REGISTER naming it is the same swap */
        :: victim < NODES && victim != hold && victim != n && reg[victim] ->
                /* A key that holds nothing: GOOD, its registration goes, nobody becomes the holder (measured) */
                key_becomes(victim, STALE);
                reg[victim] = 0
        :: else -> victim = STALE       /* RESERVATION CONFLICT */
        fi
}

/* After every step: what the rules force, I1's second half, and the canonical order of the nodes. */
#ifndef NOSYM
c_code {
#define SWAP(x) do { unsigned char t_ = now.x[j]; now.x[j] = now.x[k]; now.x[k] = t_; } while (0)
#define RENAME(x) do { if (now.x == j) now.x = k; else if (now.x == k) now.x = j; } while (0)

/* A number that does not depend on the names of the nodes, so that sorting by it is the same for all renamings. */
static unsigned long long rank_of(int j)
{
        unsigned char saw = now.seen[j];
        unsigned long long r = now.ph[j];

        r = r << 3 | now.pend[j]; r = r << 3 | now.a[j]; r = r << 3 | now.s[j]; r = r << 2 | now.pa[j];
        r = r << 3 | now.ep[j]; r = r << 4 | now.rec[j]; r = r << 2 | now.reg[j]; r = r << 1 | now.act[j];
        r = r << 3 | (saw >= 3 ? saw : saw == j ? 0 : saw == now.hold ? 1 : 2);
        return r << 3 | (now.hold == j) << 2 | (now.snap == j) << 1 | (now.late_node == j);
}

static void swap_nodes(int j, int k)
{
        SWAP(ph); SWAP(pend); SWAP(a); SWAP(pa); SWAP(s); SWAP(seen); SWAP(ep); SWAP(act); SWAP(reg); SWAP(rec);
        RENAME(hold); RENAME(snap); RENAME(late_node);
        RENAME(seen[0]); RENAME(seen[1]); RENAME(seen[2]);
}

static void permute(void)
{
        if (rank_of(0) < rank_of(1)) swap_nodes(0, 1);
        if (rank_of(1) < rank_of(2)) swap_nodes(1, 2);
        if (rank_of(0) < rank_of(1)) swap_nodes(0, 1);
}
}
#endif

inline settle()
{
        FOR_ALL(
                if
                :: ph[i] >= TRY && ph[i] <= MINE && a[i] > STOP_TICKS && pend[i] == IDLE -> watch(i)
                :: ph[i] == OWN && a[i] > DEAD_TICKS ->
                        act[i] = 0;
                        if :: pend[i] == IDLE -> watch(i) :: else fi
                /* the worst case of a start is the earliest */
                :: ph[i] == OWN && a[i] <= STOP_TICKS && s[i] >= START_TICKS -> act[i] = 1
                :: else
                fi);
        SHOW;
        assert(act[0] + act[1] + act[2] <= 1);  /* never two at a time of what no disk fences */
#ifndef NOSYM
        c_code { permute(); }
#endif
}

inline round_ages(n)    /* a round whose answers do not come in time renews nothing; its REGISTER may still execute */
{
        if
        :: pa[n] < ANSWER_TICKS -> pa[n]++
        :: pa[n] == ANSWER_TICKS && pend[n] == SENT -> pend[n] = LATE; pa[n] = 0
        :: pa[n] == ANSWER_TICKS && pend[n] == BEATEN ->
#ifndef BEAT_USED_TWICE
                pend[n] = IDLE;
#endif
                pa[n] = 0       /* BEAT_USED_TWICE: the same REGISTER is sent again, and is answered GOOD */
        fi
}

inline announce(n)
{
        assert(ep[n] > top);    /* I2: never the same, never back */
        top = ep[n];
        ph[n] = OWN
}

#define n _pid
active [NODES] proctype node()
{
        do
        /* ---- looking ---- */
        :: d_step { ph[n] == LOOK && seen[n] != hold ->        /* UNRES == NOBODY */
                seen[n] = hold; s[n] = 0;
                settle() }

        :: d_step { ph[n] == LOOK && ((seen[n] < NODES && s[n] >= C_TICKS) || seen[n] == UNRES) ->
                read_records();
                if
                :: newest < 2 * EPOCHS && seen[n] < NODES && s[n] >= C_TICKS -> ph[n] = TRY
                :: newest < 2 * EPOCHS && seen[n] == UNRES && s[n] >= W_TICKS -> ph[n] = TRY
                :: newest < 2 * EPOCHS && seen[n] == UNRES && s[n] < W_TICKS && (newest & 1) -> ph[n] = TRY; s[n] = W_TICKS
#ifdef UNRESERVED_NO_WAIT
                :: newest < 2 * EPOCHS && seen[n] == UNRES && s[n] < W_TICKS && !(newest & 1) -> ph[n] = TRY; s[n] = W_TICKS
#endif
#ifdef RERESERVE_NEXT_INCARNATION
                :: newest < 2 * EPOCHS && seen[n] == UNRES && s[n] < W_TICKS && newest == rec[n] -> ph[n] = TRY; s[n] = W_TICKS
#endif
                :: else
                fi;
                if
                :: ph[n] == TRY ->
#ifndef REUSE_NEXUS
                        /* cases 2 and 14: a new incarnation, a new session; what the old one still had in flight dies */
                        if :: late_node == n -> late_node = NOBODY; late_ep = 0 :: else fi;
#endif
                        if :: hold != n -> new_key(n) :: else fi;
                        pend[n] = SENT
                :: else
                fi;
                settle() }

        /* ---- taking over ---- */
        :: d_step { ph[n] == TRY ->             /* the target executes the strike or the RESERVE */
                if
                :: seen[n] == UNRES && hold == NOBODY ->
                        FOR_ALL(assert(i == n || !INSIDE_LEASE(i)));    /* I5 */
                        hold = n; victim = n
                :: seen[n] == UNRES && hold != NOBODY -> victim = STALE
                :: else -> preempt(n, seen[n])
                fi;
                if
                :: victim == STALE || a[n] > STOP_TICKS -> watch(n)
                :: else -> ph[n] = GOT; pend[n] = IDLE; seen[n] = STALE
                fi;
                settle() }

        :: d_step { ph[n] == GOT ->
                read_records();
                ep[n] = newest / 2 + 1; ph[n] = NEW; pend[n] = SENT;
                if :: ep[n] > EPOCHS -> watch(n) :: else fi;
                settle() }

        :: d_step { ph[n] == NEW ->             /* the target executes the write of the record */
                if
                :: hold == n || hold == NOBODY ->
                        write_record(n, 2 * ep[n]);
                        ph[n] = MINE; pend[n] = IDLE
                :: else -> watch(n)
                fi;
                settle() }

#ifdef NO_LAST_ROUND
        :: d_step { ph[n] == MINE && a[n] <= STOP_TICKS ->
                announce(n);
                settle() }
#endif

        /* ---- rounds ---- */
        :: d_step { pend[n] == IDLE && a[n] <= STOP_TICKS && (ph[n] == MINE || (ph[n] == OWN && a[n] >= R_TICKS)) ->
                pend[n] = SENT; pa[n] = 0;
                settle() }

        :: d_step { (ph[n] == MINE || ph[n] == OWN) && (pend[n] == SENT || pend[n] == LATE) ->
                if      /* the target executes the REGISTER; a nexus that was preempted gets a conflict */
                :: reg[n] == 1 || (reg[n] == 2 && OLD_KEY_WILL_DO) -> new_key(n); pend[n] = (pend[n] == SENT -> BEATEN : IDLE)
                :: else -> pend[n] = IDLE
                fi;
                if :: pend[n] == IDLE -> pa[n] = 0 :: else fi;
                settle() }

        :: d_step { pend[n] == BEATEN ->        /* READ RESERVATION and the owner records are answered */
                read_records();
                if
                :: hold == n && (newest / 2 <= ep[n] || RECORDS_IGNORED) ->
#ifdef LEASE_FROM_ANSWER
                        a[n] = 0;
#else
                        a[n] = pa[n];
#endif
                        pend[n] = IDLE; pa[n] = 0;
                        if :: ph[n] == MINE -> announce(n) :: else fi
                :: else ->
                        pend[n] = IDLE; pa[n] = 0;
                        if :: ph[n] == MINE || newest / 2 > ep[n] -> watch(n) :: else fi
                fi;
                settle() }

#ifdef LEASE_FROM_READ
        :: d_step { ph[n] == OWN && pend[n] == IDLE && a[n] >= R_TICKS && a[n] <= STOP_TICKS && hold == n ->
                a[n] = 0;
                settle() }
#endif

        /* ---- the recorded owner inside its lease: case 3 (nothing holds) and case 15 (an earlier owner holds) ---- */
        :: d_step { ph[n] == OWN && pend[n] == IDLE && hold != n && (a[n] <= STOP_TICKS || OWNER_FOR_EVER) ->
                read_records();
                if
                :: newest == 2 * ep[n] && rec[n] == newest ->
                        new_key(n);
                        if
                        :: hold == NOBODY -> pend[n] = RERES
                        :: else -> pend[n] = RESTR; seen[n] = hold
                        fi
                :: else
                fi;
                settle() }

        :: d_step { pend[n] == RERES || pend[n] == RESTR ->
                if
                :: pend[n] == RERES && hold == NOBODY ->
                        hold = n;
                        if :: a[n] > STOP_TICKS && OWNER_FOR_EVER -> a[n] = 0 :: else fi
                :: pend[n] == RESTR -> preempt(n, seen[n])
                :: else
                fi;
                pend[n] = IDLE; seen[n] = STALE;
                settle() }

        /* ---- releasing: everything has stopped first; once the record is sent the epoch is over.  "Released" promises
         *      that nobody runs anything, so the owner's own W must be over: its predecessor may still be stopping ---- */
        :: d_step { ph[n] == OWN && pend[n] == IDLE && s[n] >= RELEASE_TICKS ->
                ph[n] = BYE; pend[n] = SENT; act[n] = 0; a[n] = 0; s[n] = 0;
                settle() }

        :: d_step { ph[n] == BYE ->
                if
                :: hold == n || hold == NOBODY -> write_record(n, 2 * ep[n] + 1); ph[n] = GONE
                :: else -> watch(n)
                fi;
                settle() }

        :: d_step { ph[n] == GONE ->
                if :: hold == n -> hold = NOBODY :: else fi;
                watch(n);
                settle() }

        /* ---- giving up or dying; the session ends, and with it whatever was in flight ---- */
        :: d_step { ph[n] != LOOK ->
                watch(n);
                settle() }

        /* ---- a data write leaves now and may reach the disk at any later time.  One that left earlier and is still on its
         *      way differs in nothing, so it leaves only where it can do harm: from an owner that is one no more ---- */
#ifndef NARROW
        :: d_step { ph[n] == OWN && (hold != n || a[n] > STOP_TICKS) && late_node == NOBODY && !lossy ->
                late_node = n; late_ep = ep[n];
                settle() }
#endif
        od
}

#undef n

/* Every session ends: what is in flight dies, and every sight of a watcher starts again (case 3).  A record that was in
 * flight is sent again on the next session; a strike is not, because its sight is void. */
inline session_loss()
{
        restarts--;
        FOR_ALL(
                if
                :: ph[i] == LOOK && KEEPS_SIGHT(seen[i])
                :: ph[i] == LOOK && !KEEPS_SIGHT(seen[i]) -> seen[i] = STALE; s[i] = 0
                :: ph[i] == TRY -> watch(i)
                :: ph[i] == MINE || ph[i] == OWN -> pend[i] = IDLE; pa[i] = 0; seen[i] = STALE
                :: else
                fi)
}

inline forget_snapshot()        /* once no restart is left, nothing can bring the key back */
{
        if :: restarts == 0 -> key_becomes(SNAP, STALE); snap = NOBODY :: else fi
}

active proctype target_and_time()
{
        do
        :: d_step { late_node != NOBODY ->
                if
                :: hold == late_node || (OPEN_IF_UNRESERVED && hold == NOBODY) -> assert(late_ep >= top)        /* I1 */
                :: else         /* RESERVATION CONFLICT */
                fi;
                late_node = NOBODY; late_ep = 0;
                settle() }

        /* A restart that keeps everything is no step of its own: what it does to a node (a sight that begins later, a
         * takeover given up, a round not answered) each node may do at any time. */
        :: d_step { restarts > 0 ->             /* case 3: all forgotten */
                session_loss();
                lossy = 1; late_node = NOBODY; late_ep = 0;
                reg[0] = 0; reg[1] = 0; reg[2] = 0; hold = NOBODY;
                key_becomes(0, STALE); key_becomes(1, STALE); key_becomes(2, STALE);
                forget_snapshot();
                settle() }

        :: d_step { restarts > 0 && snap != NOBODY ->   /* case 15: the state before the last PREEMPT */
                session_loss();
                lossy = 1; late_node = NOBODY; late_ep = 0;
                key_becomes(snap, STALE);
                key_becomes(SNAP, snap);
                reg[snap] = 2; hold = snap; snap = NOBODY;
                settle() }
        :: d_step {                             /* a tick of every clock */
                FOR_ALL(
                        if :: seen[i] == STALE && ph[i] == LOOK :: s[i] == W_TICKS || ph[i] >= BYE :: else -> s[i]++ fi;
                        if
                        :: ph[i] >= TRY && ph[i] <= MINE && a[i] <= STOP_TICKS -> a[i]++
                        :: ph[i] == OWN && a[i] <= DEAD_TICKS -> a[i]++
                        :: else
                        fi;
                        if
                        :: (ph[i] == MINE || ph[i] == OWN) && (pend[i] == SENT || pend[i] == BEATEN) -> round_ages(i)
                        :: OWNER_FOR_EVER && pend[i] == RERES -> pend[i] = IDLE /* so its lease counts from sending */
                        :: else
                        fi);
                settle() }
        od
}
