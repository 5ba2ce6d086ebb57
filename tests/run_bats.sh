#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run bats tests and end with a line of sums: tests/run_bats.sh FILE|FOLDER...
set -u
out=$(mktemp)
trap 'rm -f "$out"' EXIT
bats --tap "$@" 2>&1 </dev/null | tee "$out"
passed=0 failed=0 skipped=0
while read -r line; do
  case $line in
  'not ok '*) failed=$((failed + 1)) ;;
  'ok '*'# skip'*) skipped=$((skipped + 1)) ;;
  'ok '*) passed=$((passed + 1)) ;;
  esac
done <"$out"
planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$out" | tail -n 1)
if [ "${planned:-x}" != $((passed + failed + skipped)) ]; then
  echo "FAIL bats planned ${planned:-nothing} and ran $((passed + failed + skipped))"
  failed=$((failed + 1))
fi
echo "cli: $passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
