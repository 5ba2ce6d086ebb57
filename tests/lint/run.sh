#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run the lints, all or those named: tests/lint/run.sh [NAME...]; JOBS=n at a time (number of processors).
set -u
cd "$(dirname "$0")/../.." || exit 1
if [ $# = 0 ]; then
  # The long ones first.
  set -- clang_tidy cppcheck install headers shell pure format man tidy size spdx paths docs
fi
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for name; do
  while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-$(nproc)}" ]; do wait -n; done
  {
    bash "tests/lint/$name.sh" >"$out/$name" 2>&1 </dev/null || echo "exit $?" >>"$out/$name"
  } &
done
wait
passed=0 failed=0 skipped=0
for name; do
  grep -v '^exit [0-9]*$' "$out/$name"
  p=$(grep -c '^ok ' "$out/$name")
  f=$(grep -c '^FAIL ' "$out/$name")
  s=$(grep -c '^skip ' "$out/$name")
  # A lint that broke down without a verdict is a failure too.
  if grep -q '^exit ' "$out/$name" && [ "$f" = 0 ]; then
    echo "FAIL $name: the lint itself ended with $(grep '^exit ' "$out/$name")"
    f=1
  fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo "lint: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
