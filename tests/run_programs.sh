#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run test programs one after the other and add up their last lines `NAME: N passed, N failed, N skipped`.
# usage: tests/run_programs.sh NAME PROGRAM...
# WRAP="valgrind ..." goes before each program; JOBS=n runs n at a time; a program without a sum counts as one
# failure, and so does a sum of no failures with another exit status than 0. TIMEOUT=s per program (300).
set -u
name=$1
shift
if [ $# = 0 ]; then echo "$name: 0 passed, 0 failed, 0 skipped"; exit 0; fi
: "${ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:detect_stack_use_after_return=1}"
: "${UBSAN_OPTIONS=print_stacktrace=1}"
export ASAN_OPTIONS UBSAN_OPTIONS
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

run_one()
{
  # shellcheck disable=SC2086 # WRAP is a command with its options
  timeout "${TIMEOUT:-300}" ${WRAP-} "$2" >"$1" 2>&1 </dev/null
  echo "exit $?" >>"$1"
}
index=0
for program; do
  while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-1}" ]; do wait -n; done
  run_one "$out/$index" "$program" &
  index=$((index + 1))
done
wait

passed=0 failed=0 skipped=0 index=0
for program; do
  file=$out/$index
  index=$((index + 1))
  rc=$(sed -n '$s/^exit //p' "$file")
  sum=$(grep -aE '[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped' "$file" | tail -n 1)
  if [[ $sum =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped ]]; then
    p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]} s=${BASH_REMATCH[3]}
  else
    p=0 f=1 s=0
  fi
  if [ "$rc" != 0 ] && [ "$f" = 0 ]; then f=1; fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  if [ "$f" != 0 ]; then
    echo "FAIL $program (exit status $rc)"
    sed '$d' "$file" | tail -n 80 | sed 's/^/    /'
  else
    grep -aiE '^ *skip' "$file"
    echo "ok $program: $p passed, $f failed, $s skipped"
  fi
done
echo "$name: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
