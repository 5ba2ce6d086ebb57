#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The simulator's part of make check; last line as in the other stages.
# tests/run_sim.sh seeds N     N schedules, every safety rule on
#                  digest N    N schedules end in the same digests built by gcc and by clang, and when run again
#                  mutants     every rule switched off in turn is found out
set -u
mode=$1
count=${2-}
case $mode in
seeds) exec build/plain/sim --seeds "$count" ;;
mutants) exec build/mutants/sim --mutants ;;
digest) ;;
*) echo "usage: tests/run_sim.sh seeds|digest|mutants [N]" >&2; exit 64 ;;
esac
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
failed=0
for run in plain-1 plain-2 clang-1; do
  build/"${run%-*}"/sim --seeds "$count" --digest >"$out/$run" 2>&1 || { echo "FAIL $run"; tail -n 5 "$out/$run"; failed=1; }
done
for run in plain-2 clang-1; do
  cmp -s "$out/plain-1" "$out/$run" || { echo "FAIL plain-1 and $run differ:"; diff "$out/plain-1" "$out/$run" | head -n 6; failed=1; }
done
echo "sim-digest: $((1 - failed)) passed, $failed failed, 0 skipped"
exit $failed
