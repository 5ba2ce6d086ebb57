#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Searches tests/model/arbiter.pml: the protocol as it should be must have no violation in the whole state space, and
# each rule taken away must give one.  FULL=1 adds larger bounds of the right model (minutes, more memory).
# MODEL_TRACE=NAME prints a short counter-example of one removed rule instead.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

for tool in spin "${CC:-gcc}"; do
        if ! command -v "$tool" >/dev/null; then
                printf 'tests/model: %s is not installed\n' "$tool" >&2
                exit 1
        fi
done

# build NAME "SPIN_FLAGS" "CC_FLAGS": the verifier $work/NAME/pan. All searches keep every state in full: no bit-state
# hashing, no hash compaction. Safety only: the claims are assertions.
build() {
        local spin_flags cc_flags
        read -ra spin_flags <<<"$2"
        read -ra cc_flags <<<"$3"
        mkdir "$work/$1"
        cp "$here/arbiter.pml" "$work/$1/"
        (
                cd "$work/$1"
                spin ${spin_flags[@]+"${spin_flags[@]}"} -a arbiter.pml >spin.log 2>&1 || { cat spin.log >&2; exit 1; }
                "${CC:-gcc}" -w -DSAFETY -DNOREDUCE -DNOCOMP -DSFH "${cc_flags[@]}" -o pan pan.c
        )
}

# report NAME VERDICT LOG: one line, the numbers as the verifier printed them
report() {
        local states depth seconds violation
        states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$3")
        depth=$(sed -n 's/.*depth reached \([0-9]*\).*/\1/p' "$3")
        seconds=$(sed -n 's/.*elapsed time \([0-9.e+-]*\) seconds.*/\1/p' "$3")
        violation=$(sed -n 's/^pan:1: assertion violated *\(.*\) (at depth.*/ \1/p' "$3")
        printf '%-30s states %-9s depth %-6s %6s s  %s%s\n' "$1" "${states:-?}" "${depth:-?}" "${seconds:-0}" "$2" "$violation"
        if [[ $2 == ok* ]]; then
                passed=$((passed + 1))
        else
                failed=$((failed + 1))
        fi
}

# holds NAME "SPIN_FLAGS" MEGABYTES HASH_BITS: the whole state space, not one violation
holds() {
        local log=$work/$1.log verdict='FAILED: see above'
        build "$1" "$2" "-O2 -DMEMLIM=$3"
        (cd "$work/$1" && ./pan -m400000 "-w$4") >"$log" 2>&1 || true
        if grep -q 'errors: 0$' "$log" && ! grep -qiE 'max search depth|not completed|out of memory|truncated' "$log"; then
                verdict="ok, exhaustive, errors: 0, $(sed -n 's/^ *\([0-9.]*\).*\(total actual memory\|memory usage (Mbyte\).*/\1/p' "$log" | head -n 1) MB"
        else
                cat "$log"
        fi
        report "$1" "$verdict" "$log"
}

# breaks NAME [FLAGS]: without this rule there is a violation. A cut depth and fewer events are no loss here: what is
# found is a run of the full model without the rule.
breaks() {
        local name=${1%%=*} log
        log=$work/$name.log
        build "$name" "-D$1 ${2-}" "-O1 -DREVERSE -DMEMLIM=2500"
        (cd "$work/$name" && ./pan -m50 -w22) >"$log" 2>&1 || true
        if grep -q 'assertion violated' "$log"; then
                report "$name" 'ok, violates' "$log"
        else
                report "$name" 'FAILED: nothing found' "$log"
        fi
}

# trace NAME [FLAGS]: the same, without renaming nodes, printed step by step
trace() {
        build "$1" "-D$1 ${2-} -DNOSYM -DTRACE" "-O1 -DREVERSE -DMEMLIM=2500"
        cd "$work/$1"
        ./pan -m50 -w24 >pan.log 2>&1 || true
        spin "-D$1" ${2:+"$2"} -DNOSYM -DTRACE -t arbiter.pml | grep -E 'hold|rror|failed'
}

if [[ -n ${MODEL_TRACE:-} ]]; then
        trace "$MODEL_TRACE"
        exit 0
fi

holds all-rules '' 2900 25
if [[ ${FULL:-0} == 1 ]]; then
        holds two-restarts '-DRESTARTS=2' 12000 26
        holds four-epochs '-DEPOCHS=4' 12000 26
        # Rules whose loss the other rules make good here: not shown to be needed, and docs/MODEL.md says so.
        holds masked-reserve-after-stop '-DRERESERVE_AFTER_STOP -DRESTARTS=2 -DEPOCHS=2' 12000 24
        holds masked-round-without-records '-DROUND_WITHOUT_RECORDS -DRESTARTS=2 -DEPOCHS=2' 12000 24
fi

breaks NO_LAST_ROUND
breaks LEASE_FROM_READ -DNARROW
breaks LEASE_FROM_ANSWER
breaks BEAT_USED_TWICE -DNARROW
breaks STRIKE_WITHOUT_SWAP
breaks UNRESERVED_NO_WAIT -DNARROW
breaks RERESERVE_NEXT_INCARNATION -DNARROW
breaks SIGHT_OF_UNRESERVED_SURVIVES -DNARROW
breaks SIGHT_OF_KEY_SURVIVES -DNARROW
breaks SHARED_RECORD
breaks REUSE_NEXUS
breaks START_AT_CHALLENGE -DNARROW
breaks DEAD_TICKS=4 -DNARROW
breaks C_TICKS=2 -DNARROW
breaks RELEASED_BEFORE_W "-DNARROW -DRESTARTS=0"
breaks RELEASE_OPENS_DATA -DRESTARTS=0
breaks OLD_KEY_GOES_ON -DNARROW

printf '%d passed, %d failed, 0 skipped\n' "$passed" "$failed"
[[ $failed -eq 0 ]]
