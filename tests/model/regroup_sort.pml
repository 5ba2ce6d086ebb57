/* SPDX-License-Identifier: Apache-2.0
 *
 * Part of regroup.pml: the same state under other names of the nodes is one state.
 */

/* Nodes are interchangeable, so after each step they are sorted; -DNOSYM leaves them alone, for traces and for WEIGHTS. */
#ifdef NOSYM
#define SORT ((void)0)
#else
#define SORT sort()
c_code {
#define SWAP(x) do { unsigned char t_ = (x)[j]; (x)[j] = (x)[k]; (x)[k] = t_; } while (0)
#define BITS(x) ((x) = ((x) & ~(BIT(j) | BIT(k))) | ((x) >> j & 1) << k | ((x) >> k & 1) << j)

static void swap_nodes(int j, int k)
{
        SWAP(now.promised); SWAP(now.installed); SWAP(now.tag); SWAP(now.content); SWAP(now.right);
        SWAP(now.lead); SWAP(now.phase); SWAP(now.newest_tag); SWAP(now.newest); SWAP(now.w_age); SWAP(now.left_epoch);
        SWAP(now.got); SWAP(now.voted); SWAP(now.runs); SWAP(now.fresh); SWAP(now.left_of);
        SWAP_MORE;
        for EVERY(n) {
                BITS(now.got[n]); BITS(now.voted[n]); BITS(now.runs[n]); BITS(now.fresh[n]); BITS(now.left_of[n]);
        }
        BITS(now.has_vote); BITS(now.acts); BITS(now.missed); BITS(now.proved);
        for EVERY(n) { SWAP(&GAVE(n, 0)); SWAP(&LEFT_AGE(n, 0)); SWAP(&HEARD(n, 0)); }
        for EVERY(x) {
                unsigned char a = GAVE(j, x), b = LEFT_AGE(j, x);

                GAVE(j, x) = GAVE(k, x); GAVE(k, x) = a;
                LEFT_AGE(j, x) = LEFT_AGE(k, x); LEFT_AGE(k, x) = b;
        }
        for (int x = 0; x < 4; x++) { unsigned char a = HEARD(j, x); HEARD(j, x) = HEARD(k, x); HEARD(k, x) = a; }
        for (int e = 1; e <= EPOCHS; e++) {
                BITS(now.members[e]); BITS(now.named[e]); SWAP(&CARRIES(e, 0));
                now.owner[e] = now.owner[e] == j ? k : now.owner[e] == k ? j : now.owner[e];
        }
        for (int c = 0; c < now.contents; c++) { BITS(now.votes[c]); BITS(now.old[c]); }
}

/* A number that does not depend on the names of the nodes, so that sorting by it is the same for all renamings */
static unsigned long long rank_of(int n)
{
        unsigned long long r = now.promised[n], sum = 0;

        r = r << 3 | now.installed[n]; r = r << 3 | now.tag[n]; r = r << 3 | now.content[n]; r = r << 2 | now.right[n];
        r = r << 3 | now.lead[n]; r = r << 3 | now.phase[n]; r = r << 2 | now.w_age[n]; r = r << 2 | GAVE(n, n);
        r = r << 1 | (now.has_vote >> n & 1); r = r << 1 | (now.acts >> n & 1);
        for (int c = 0; c < now.contents; c++) r = r << 2 | (now.votes[c] >> n & 1) << 1 | (now.old[c] >> n & 1);
        for (int e = 1; e <= EPOCHS; e++)
                r = r * 7 + ((now.owner[e] == n) << 2 | (now.members[e] >> n & 1) << 1 | (now.named[e] >> n & 1));
        for EVERY(l)
                sum += (now.phase[l] + 3) * (now.lead[l] + 1) *
                       (17 + 5 * (now.got[l] >> n & 1) + 7 * (now.voted[l] >> n & 1) + 11 * GAVE(l, n) + 13 * HEARD(l, n) +
                        3 * (now.runs[l] >> n & 1) + 19 * (now.left_of[l] >> n & 1) + 23 * LEFT_AGE(l, n));
        return r * 31 + sum;
}

static void sort(void)
{
        unsigned long long r[3];

        for EVERY(n) r[n] = rank_of(n);
        for (int pass = 0; pass < NODES - 1; pass++)
                for (int k = 1; k < NODES; k++) {
                        unsigned long long t = r[k];

                        if (r[k - 1] >= r[k]) continue;
                        swap_nodes(k - 1, k);
                        r[k] = r[k - 1]; r[k - 1] = t;
                }
}
}
#endif
