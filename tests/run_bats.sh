#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run bats tests and end with a line of sums: tests/run_bats.sh FILE|FOLDER...
# Files run JOBS (1) at a time, the longest first as far as their size tells; each one's tests run one after the other.
set -u
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
files=()
for name; do
  if [ -d "$name" ]; then files+=("$name"/*.bats); else files+=("$name"); fi
done
mapfile -t files < <(stat -c '%s %n' "${files[@]}" | sort -rn | cut -d' ' -f2-)

index=0
for file in "${files[@]}"; do
  while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-1}" ]; do wait -n; done
  bats --tap "$file" >"$out/$index" 2>&1 </dev/null &
  index=$((index + 1))
done
wait

passed=0 failed=0 skipped=0 index=0
for file in "${files[@]}"; do
  echo "# $file"
  sed 's/^1\.\.[0-9]*$/# planned &/' "$out/$index"
  planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$out/$index" | tail -n 1)
  ran=0
  while read -r line; do
    case $line in
    'not ok '*) failed=$((failed + 1)) ran=$((ran + 1)) ;;
    'ok '*'# skip'*) skipped=$((skipped + 1)) ran=$((ran + 1)) ;;
    'ok '*) passed=$((passed + 1)) ran=$((ran + 1)) ;;
    esac
  done <"$out/$index"
  if [ "${planned:-x}" != "$ran" ]; then
    echo "FAIL bats planned ${planned:-nothing} of $file and ran $ran"
    failed=$((failed + 1))
  fi
  index=$((index + 1))
done
echo "cli: $passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
