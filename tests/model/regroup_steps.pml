/* SPDX-License-Identifier: Apache-2.0
 *
 * Part of regroup.pml: when each step may be taken (can_...) and what it does, section by section of docs/MEMBERSHIP.md.
 */

/* What only a rule taken away needs: the record before the present one, and answers that are under way */
#ifdef MUTANTS
#define SWAP_MORE do { \
        SWAP(now.was_promised); SWAP(now.was_installed); SWAP(now.was_tag); SWAP(now.was_content); SWAP(now.flying); \
        for EVERY(n) BITS(now.flying[n]); } while (0)
#define KEEP(n) if (!RULE(PROMISE_DURABLE)) { \
        now.was_promised[n] = now.promised[n]; now.was_installed[n] = now.installed[n]; \
        now.was_tag[n] = now.tag[n]; now.was_content[n] = now.content[n]; } else (void)0
#define FORGET(n) if (!RULE(PROMISE_DURABLE)) { \
        now.promised[n] = now.was_promised[n]; now.installed[n] = now.was_installed[n]; \
        now.tag[n] = now.was_tag[n]; now.content[n] = now.was_content[n]; } else (void)0
#define SEND_ANSWER(l, m) if (RULE(RIGHT_FROM_START)) take_answer(l, m); else now.flying[l] |= 1 << (m)
#define LOSE_ANSWERS(n) now.flying[n] = 0
#else
#define SWAP_MORE ((void)0)
#define KEEP(n) ((void)0)
#define FORGET(n) ((void)0)
#define SEND_ANSWER(l, m) take_answer(l, m)
#define LOSE_ANSWERS(n) ((void)0)
#endif

c_code {
#define W W_TICKS
#define BIT(n) (1 << (n))
#define GAVE(n, x) now.gave[(n) * NODES + (x)]
#define HEARD(l, x) now.heard[(l) * 4 + (x)]
#define CARRIES(e, x) now.carries[(e) * NODES + (x)]
#define LEFT_AGE(n, x) now.left_ages[(n) * NODES + (x)]
#define EVERY(n) (int n = 0; n < NODES; n++)

enum { FINE, TWO_ACT, RIGHT_OUTSIDE, CHANGE_LOST };
static int bad;

static void younger(unsigned char *age, int other)
{
        if (other < *age) *age = other;
}

static int weigh(int set)
{
        static const int weight[] = { WEIGHTS };
        int sum = 0;

        for (int i = 0; i < 4; i++) if (set & BIT(i)) sum += weight[i];
        return sum;
}

static int majority(int rule, int set)
{
        return 2 * weigh(rule & set) > weigh(rule);
}

static int quorate(int c, int set)
{
        return majority(now.votes[c], set) && (!now.old[c] || !RULE(OLD_AND_NEW) || majority(now.old[c], set));
}

static int above(int tag_a, int a, int tag_b, int b)
{
        return tag_a != tag_b ? tag_a > tag_b : now.version[a] > now.version[b];
}

/* leads e, and has promised nothing else */
#define LEADS(l) (now.phase[l] >= ACTIVE)
/* m is of l's view, installed it and promised nothing higher */
static int follows(int l, int m)
{
        int e = now.lead[l];

        return l != m && (now.named[e] & BIT(m)) && now.installed[m] == e &&
               (now.promised[m] == e || !RULE(ANSWER_PROMISED));
}

static void lead_no_more(int n)
{
        now.lead[n] = now.phase[n] = now.got[n] = now.voted[n] = now.runs[n] = 0;
        now.newest_tag[n] = now.newest[n] = now.fresh[n] = 0;
        now.proved &= ~BIT(n);
        for (int i = 0; i < 4; i++) HEARD(n, i) = W;
        LOSE_ANSWERS(n);
}

static void tells(int l, int m)
{
        now.voted[l] = (now.voted[l] & ~BIT(m)) | (now.has_vote & BIT(m));
        now.runs[l] = (now.runs[l] & ~BIT(m)) | (now.acts & BIT(m));
}

/* The newest instant such that those who answered then or later are quorate; W: none */
static int proof(int l, int voters)
{
        for (int age = 0; age < W; age++) {
                int set = BIT(l) & now.has_vote;

                for EVERY(m) if (m != l && HEARD(l, m) <= age) set |= BIT(m) & now.voted[l];
                if (HEARD(l, X_WIT) <= age) set |= WIT;
                if (quorate(now.content[l], set & voters)) return age;
        }
        return W;
}

static void has_right(int n, int age)
{
        if (now.missed & BIT(n)) return;
        younger(&now.right[n], age);
        if (RULE(OWN_AGE)) younger(&GAVE(n, n), age);
}

static int can_prove(int l)
{
        int age = proof(l, 15);

        return LEADS(l) && !(now.missed & BIT(l)) && age < W && (age < now.right[l] || !(now.proved & BIT(l)));
}

static void prove(int l)
{
        int age = proof(l, 15);

        if (age < W && !(now.missed & BIT(l))) {
                has_right(l, age);
                now.proved |= BIT(l);
        }
}

static void take_answer(int l, int m)
{
        HEARD(l, m) = 0;
        prove(l);
}

/* ---- section 3 ---- */
static int can_propose(int n, int set, int e)
{
        int hope = 0;

        if (!(set & BIT(n)) || set >= BIT(NODES) || e <= now.promised[n] || now.owner[e] != FREE || now.left_of[n] & BIT(n))
                return 0;
        for (int c = 0; c < now.contents; c++) hope |= quorate(c, set | (HAS_WITNESS ? WIT : 0));
        return hope;
}

static void propose(int n, int set, int e)
{
        KEEP(n);
        lead_no_more(n);
        now.promised[n] = now.lead[n] = e;
        now.phase[n] = PREPARING;
        now.got[n] = BIT(n);
        now.voted[n] = now.has_vote & BIT(n);
        now.newest_tag[n] = now.tag[n]; now.newest[n] = now.content[n];
        now.owner[e] = n; now.members[e] = now.named[e] = set;
        for EVERY(x) if (now.left_of[x] & BIT(x)) now.named[e] &= ~BIT(x);
        Printf("%d proposes epoch %d of %d\n", n, e, set);
}

/* One hears the other's present session: what an earlier one of it still has under way is nothing to it (section 2) */
static void meet(int a, int b)
{
        if (a != b) { now.left_of[a] &= ~BIT(b); now.left_of[b] &= ~BIT(a); }
}

static int can_promise(int m, int l)
{
        int e = now.lead[l];

        return now.phase[l] == PREPARING && now.named[e] & BIT(m) && !(now.got[l] & BIT(m)) && e > now.promised[m];
}

static void promise(int m, int l)
{
        KEEP(m);
        meet(m, l);
        lead_no_more(m);
        now.promised[m] = now.lead[l];
        now.got[l] |= BIT(m);
        tells(l, m);
        if (RULE(NEWEST_TAG) && above(now.tag[m], now.content[m], now.newest_tag[l], now.newest[l])) {
                now.newest_tag[l] = now.tag[m]; now.newest[l] = now.content[m];
        }
        if (RULE(AGES_TRAVEL) && RULE(AGES_PROMISE)) for EVERY(x) if (x != l) younger(&GAVE(l, x), GAVE(m, x));
        Printf("%d promises %d to %d\n", m, now.lead[l], l);
}

/* The witness's vote for the view that l prepares or installs */
static int lent(int l)
{
        if (!HAS_WITNESS || now.w_epoch != now.lead[l]) return 0;
        return RULE(PARTITION_IN_TIME) && above(now.w_tag, now.w_content, now.newest_tag[l], now.newest[l]) ? 0 : WIT;
}

static void looks_back(int n, int e)
{
        if (RULE(WORK_INTERRUPTED) && now.acts & BIT(n) && now.installed[n] < now.before[e]) now.missed |= BIT(n);
        now.installed[n] = e;
}

static void stop(int n)
{
        now.acts &= ~BIT(n); now.missed &= ~BIT(n);
        Printf("%d stops\n", n);
}

static int can_install(int l)
{
        int e = now.lead[l];

        return now.phase[l] == PREPARING && (now.got[l] == now.members[e] || !RULE(ALL_PROMISE)) &&
               quorate(now.newest[l], now.voted[l] | lent(l));
}

static void install(int l)
{
        int e = now.lead[l];

        KEEP(l);
        now.phase[l] = INSTALLING;
        now.before[e] = now.newest_tag[l];
        looks_back(l, e);
        now.tag[l] = e;
        now.content[l] = now.sent[e] = now.newest[l];
        now.got[l] = BIT(l); now.voted[l] = now.has_vote & BIT(l);
        now.newest_tag[l] = now.newest[l] = 0;
        if (RULE(AGES_TRAVEL) && RULE(AGES_INSTALL)) for EVERY(x) CARRIES(e, x) = GAVE(l, x);
        Printf("%d sends INSTALL %d, content %d\n", l, e, now.sent[e]);
}

static int can_take_install(int m, int e)
{
        return now.sent[e] != FREE && now.owner[e] != m && now.named[e] & BIT(m) &&
               (now.promised[m] <= e || !RULE(PROMISE_BINDS)) &&
               (now.installed[m] < e || (!RULE(TAG_RISES) && now.installed[m] == e)) &&
               (above(e, now.sent[e], now.tag[m], now.content[m]) || !RULE(TAG_RISES));
}

static void take_head(int m, int e, int c)
{
        int l = now.owner[e];

        KEEP(m);
        now.tag[m] = e; now.content[m] = c;
        if (RULE(AGES_TRAVEL)) for EVERY(x) if (x != m) younger(&GAVE(m, x), CARRIES(e, x));
        if (now.lead[l] != e) return;
        tells(l, m);
        if (now.content[l] == c) now.got[l] |= BIT(m);
}

static void take_install(int m, int e)
{
        lead_no_more(m);
        take_head(m, e, now.sent[e]);
        looks_back(m, e);
        if (now.promised[m] < e) now.promised[m] = e;
        Printf("%d installs %d\n", m, e);
}

static int with_witness(int l)          /* the view counts it only once it has the view's tag */
{
        return HAS_WITNESS && now.w_epoch == now.lead[l] && (now.w_tag == now.lead[l] || !RULE(EXTRA_TAG)) ? WIT : 0;
}

static int can_activate(int l)
{
        return now.phase[l] == INSTALLING && quorate(now.content[l], (now.got[l] & now.voted[l]) | with_witness(l));
}

static void activate(int l)
{
        int e = now.lead[l], c = now.content[l];

        now.phase[l] = ACTIVE;
        now.ever[e] = 1 + now.history[c];
        for (int k = 0; k < CHANGES + 2; k++)
                if (now.done_in[k] && now.done_in[k] < e && !(now.history[c] & BIT(k))) bad = CHANGE_LOST;
        Printf("%d: view %d active\n", l, e);
}

/* ---- section 4 ---- */
static int can_answer(int m, int l)
{
        return LEADS(l) && follows(l, m) &&
               (HEARD(l, m) || GAVE(m, l) || ((now.voted[l] ^ now.has_vote) | (now.runs[l] ^ now.acts)) & BIT(m) ||
                (now.w_unsure && !(now.fresh[l] & BIT(m))));
}

static void answer(int m, int l)
{
        tells(l, m);
        meet(m, l);
        GAVE(m, l) = 0;
        if (now.w_unsure) now.fresh[l] |= BIT(m);
        Printf("%d answers %d\n", m, l);
        SEND_ANSWER(l, m);
}

static int member_right(int m, int l)   /* the instant of its answer, less the age of the leader's right */
{
        if (!RULE(MEMBER_RIGHT)) return 0;
        return HEARD(l, m) + now.right[l] < W ? HEARD(l, m) + now.right[l] : W;
}

static int can_take_proved(int m, int l)
{
        int e = now.lead[l];

        if (!LEADS(l) || l == m || !(now.named[e] & BIT(m)) || now.installed[m] != e || now.missed & BIT(m)) return 0;
        if (now.promised[m] != e && RULE(PROVED_PROMISED)) return 0;
        if (!(now.proved & BIT(l)) || now.right[l] >= W || HEARD(l, m) >= W) return 0;
        return member_right(m, l) < now.right[m] || !((now.has_vote | now.voted[l]) & BIT(m));
}

static void take_proved(int m, int l)
{
        has_right(m, member_right(m, l));
        if (RULE(GAVE_ECHO)) younger(&GAVE(l, m), HEARD(l, m));
        if (!(now.voted[l] & BIT(m))) now.has_vote |= BIT(m);
        Printf("%d is told PROVED, age %d\n", m, now.right[m]);
}

/* ---- section 5 ---- */
static int can_start(int l)
{
        int e = now.lead[l];

        if (!LEADS(l) || !(now.proved & BIT(l)) || now.right[l] >= W || now.acts & BIT(l)) return 0;
        if (RULE(RUNS_TOLD) && now.runs[l]) return 0;
        for EVERY(x) if (!(now.members[e] & BIT(x)) && GAVE(l, x) < W && RULE(WAIT_FOR_DEAD)) return 0;
        return 1;
}

static void start(int l)
{
        int e = now.lead[l];

        now.acts |= BIT(l);
        /* a right of a later view is no harm yet: that view waits for this one */
        for EVERY(x) if (!(now.members[e] & BIT(x)) && now.right[x] < W && now.installed[x] < e) bad = RIGHT_OUTSIDE;
        if (now.acts & (now.acts - 1)) bad = TWO_ACT;
        Printf("%d starts\n", l);
}

/* ---- section 6 ---- */
static int can_lock(int l)
{
        int e = now.lead[l], holder = now.owner[now.w_epoch];

        if (!HAS_WITNESS || !e || now.w_unsure) return 0;
        if (now.w_epoch == e) return now.w_released;    /* after CONFIRM or RELEASE: an epoch names its leader */
        if (e < now.w_epoch && RULE(WITNESS_EPOCH)) return 0;
        return now.w_released || holder == l || holder >= NODES || now.w_age[holder] >= C_TICKS;
}

static void lock(int l)
{
        now.w_epoch = now.lead[l]; now.w_released = 0; now.w_age[l] = 0;
        for EVERY(x) for EVERY(y) if (x != l && y != l && RULE(WITNESS_AGE)) younger(&GAVE(l, x), now.w_age[y]);
        Printf("witness grants %d to %d\n", now.lead[l], l);
}

static int can_put(int l)
{
        int e = now.lead[l], c = now.content[l];

        if (!HAS_WITNESS || now.w_epoch != e || !e || now.w_unsure || now.w_released || now.phase[l] < INSTALLING ||
            !above(e, c, now.w_tag, now.w_content))
                return 0;
        if (now.phase[l] == INSTALLING) return quorate(c, (now.got[l] & now.voted[l]) | WIT);
        return now.got[l] == now.members[e] || !RULE(DONE_EVERYWHERE) || now.w_tag != e;
}

static void renew(int l)
{
        now.w_age[l] = 0;
        HEARD(l, X_WIT) = 0;
        Printf("%d renews\n", l);
        if (LEADS(l)) prove(l);
}

static void put(int l)
{
        now.w_tag = now.lead[l]; now.w_content = now.content[l];
        Printf("witness has tag of %d, content %d\n", now.w_tag, now.w_content);
        renew(l);
}

static int can_renew(int l)
{
        return LEADS(l) && with_witness(l) && !now.w_unsure && !now.w_released && (HEARD(l, X_WIT) || now.w_age[l]);
}

static int can_release(int l)
{
        return LEADS(l) && HAS_WITNESS && now.w_epoch == now.lead[l] && !now.w_released && !now.w_unsure;
}

static void release(int l)
{
        now.w_released = 1;
        HEARD(l, X_WIT) = W;
        if (!RULE(RELEASE_KEEPS_AGE) && !(now.acts & BIT(l))) {
                now.w_age[l] = W; now.right[l] = W; now.proved &= ~BIT(l);
        }
        Printf("%d releases the witness\n", l);
}

static int can_confirm(int l)
{
        int voters = 7 & (RULE(CONFIRM_AFTER_LOSS) ? now.fresh[l] | BIT(l) : 7);

        return LEADS(l) && now.w_unsure && now.proved & BIT(l) && now.right[l] < W && proof(l, voters) < W;
}

static void confirm(int l)
{
        now.w_unsure = 0; now.w_released = 1;
        now.w_epoch = now.w_tag = now.lead[l]; now.w_content = now.content[l];
        Printf("%d confirms the witness\n", l);
}

static void witness_restarts(int loses)
{
        for EVERY(n) now.w_age[n] = RULE(WITNESS_START) ? 0 : W;
        if (!RULE(WITNESS_DURABLE)) now.w_epoch = 1;
        if (!loses) { now.w_restarts--; Printf("witness restarts\n"); return; }
        now.w_losses--;
        now.w_epoch = now.w_tag = now.w_content = 0;
        now.w_unsure = RULE(WITNESS_OWN_STORE);
        for EVERY(n) now.fresh[n] = 0;
        Printf("witness restarts with an old store\n");
}

/* ---- section 7 ---- */
static int can_change(int l, int set)
{
        if (now.changes == 0 || now.contents >= CONTENTS || now.promised[l] != now.lead[l]) return 0;
        if (!(RULE(ONE_CHANGE) ? now.phase[l] == DONE && !now.old[now.content[l]] : LEADS(l))) return 0;
        return set != (now.votes[now.content[l]] & 7) || !RULE(ONE_CHANGE);
}

static void take_own(int l, int c)
{
        int e = now.lead[l], from = now.content[l];

        KEEP(l);
        now.contents++;
        now.version[c] = now.version[from] + 1;
        now.content[l] = now.changed[e] = c;
        now.phase[l] = ACTIVE; now.got[l] = BIT(l);
        if (RULE(AGES_TRAVEL) && RULE(AGES_CHANGE)) for EVERY(x) CARRIES(e, x) = GAVE(l, x);
        prove(l);
}

static void change(int l, int set)      /* an even number of nodes gives the witness its vote */
{
        int c = now.contents, from = now.content[l];

        now.changes--;
        now.votes[c] = set | (HAS_WITNESS && (set == 3 || set == 5 || set == 6) ? WIT : 0);
        now.old[c] = now.votes[from];
        now.history[c] = now.history[from] | BIT(now.changes);
        Printf("%d changes votes to %d\n", l, now.votes[c]);
        take_own(l, c);
}

static int can_finish(int l)
{
        return now.phase[l] == DONE && now.old[now.content[l]] && now.contents < CONTENTS;
}

static void finish(int l)
{
        int c = now.contents, from = now.content[l];

        now.votes[c] = now.votes[from]; now.old[c] = 0;
        now.history[c] = now.history[from];
        Printf("%d: final\n", l);
        take_own(l, c);
}

static int can_take_change(int m, int e)
{
        return now.changed[e] != FREE && now.owner[e] != m && now.named[e] & BIT(m) && now.installed[m] == e &&
               (now.promised[m] == e || !RULE(PROMISE_BINDS)) && above(e, now.changed[e], now.tag[m], now.content[m]);
}

static void take_change(int m, int e)
{
        int l = now.owner[e];

        take_head(m, e, now.changed[e]);
        if (RULE(CHANGE_IS_ANSWER)) GAVE(m, l) = 0;
        Printf("%d takes change %d of %d\n", m, now.changed[e], e);
        if (now.lead[l] == e && RULE(CHANGE_IS_ANSWER)) SEND_ANSWER(l, m);
}

static int can_be_done(int l)
{
        int e = now.lead[l], has = now.got[l] & now.voted[l];

        if (now.phase[l] != ACTIVE) return 0;
        if (!RULE(DONE_EVERYWHERE)) return quorate(now.content[l], has | with_witness(l));
        if (now.got[l] != now.members[e]) return 0;
        if (HAS_WITNESS && now.w_epoch == e && !now.w_unsure && !now.w_released)
                return now.w_tag == e && now.w_content == now.content[l];
        return quorate(now.content[l], has);
}

static void be_done(int l)
{
        int e = now.lead[l], has = now.history[now.content[l]];

        now.phase[l] = DONE;
        for (int k = 0; k < CHANGES + 2; k++) {
                if (!(has & BIT(k)) || now.done_in[k]) continue;
                now.done_in[k] = e;
                for (int f = e + 1; f <= EPOCHS; f++) if (now.ever[f] && !(now.ever[f] - 1 & BIT(k))) bad = CHANGE_LOST;
        }
        Printf("%d: content %d is done\n", l, now.content[l]);
}

/* ---- section 8, and faults ---- */
static void gone(int n)
{
        lead_no_more(n);
        now.right[n] = W; now.acts &= ~BIT(n); now.missed &= ~BIT(n);
        if (RULE(INCARNATIONS_COUNT)) for (int e = 1; e <= EPOCHS; e++) now.named[e] &= ~BIT(n);
}

static void restart(int n, int wiped)
{
        gone(n);
        for EVERY(x) GAVE(n, x) = RULE(GAVE_START) && x != n ? 0 : W;
        now.left_of[n] &= ~BIT(n);
        if (!wiped) { now.restarts--; FORGET(n); Printf("%d restarts\n", n); return; }
        now.wipes--;
        now.promised[n] = now.installed[n] = now.tag[n] = WIPED_TO; now.content[n] = 0;
        if (RULE(NO_VOTE_WHEN_NEW)) now.has_vote &= ~BIT(n);
        Printf("%d restarts without its store\n", n);
}

static void leave(int n)
{
        now.leaves--;
        for EVERY(x) LEFT_AGE(n, x) = RULE(LEAVE_HANDS_AGES) && x != n ? GAVE(n, x) : W;
        gone(n);
        now.left_epoch[n] = now.promised[n];
        now.left_of[n] = BIT(NODES) - 1;        /* its own bit: it is not there */
        Printf("%d leaves\n", n);
}

static int can_take_left(int m, int n)
{
        return m != n && now.left_of[n] & BIT(m) && (now.promised[m] <= now.left_epoch[n] || !RULE(LEFT_EPOCH));
}

static void take_left(int m, int n)
{
        now.left_of[n] &= ~BIT(m);
        GAVE(m, n) = W;
        for EVERY(x) if (x != m) younger(&GAVE(m, x), LEFT_AGE(n, x));
        Printf("%d takes RIGHT_ENDED of %d\n", m, n);
}

static void older(unsigned char *age, int n)
{
        for (int i = 0; i < n; i++) if (age[i] < W) age[i]++;
}

static void tick(void)
{
        older(now.right, NODES); older(now.gave, GRID); older(now.heard, NODES * 4);
        older(now.carries, (EPOCHS + 1) * NODES); older(now.w_age, NODES); older(now.left_ages, GRID);
        for EVERY(n) if (now.right[n] >= W) { now.acts &= ~BIT(n); now.missed &= ~BIT(n); if (now.proved & BIT(n)) lead_no_more(n); }
        Printf("-- tick\n");
}

static int any_time(void)               /* a tick that changes nothing is none */
{
        int young = 0;

        for EVERY(n) young |= now.right[n] < W || now.w_age[n] < W;
        for (int i = 0; i < GRID; i++) young |= now.gave[i] < W || now.left_ages[i] < W;
        for (int i = 0; i < NODES * 4; i++) young |= now.heard[i] < W;
        for (int i = 0; i < (EPOCHS + 1) * NODES; i++) young |= now.carries[i] < W;
        return young;
}

/* Forget what can have no effect any more, so that states meet. */
static void settle(void)
{
        for (int e = 1; e <= EPOCHS; e++) {
                int o = now.owner[e], use = 0;

                if (o >= NODES) continue;
                if (now.lead[o] == e) continue;
                if (now.sent[e] != FREE)
                        for EVERY(n) use |= can_take_install(n, e) || can_take_change(n, e) ||
                                            (now.changed[e] != FREE && can_take_install(n, e));
                if (use) continue;
                now.members[e] = now.named[e] = 0; now.before[e] = 0; now.sent[e] = now.changed[e] = FREE;
                for EVERY(x) CARRIES(e, x) = W;
                if (now.w_epoch != e) now.owner[e] = DEAD;
        }
        for EVERY(n) {
                for EVERY(m) if (RULE(LEFT_EPOCH) && m != n && !can_take_left(m, n)) now.left_of[n] &= ~BIT(m);
                if (now.left_of[n] & ~BIT(n)) continue;
                now.left_epoch[n] = 0;
                for EVERY(x) LEFT_AGE(n, x) = W;
        }
}
}
