#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The kept run: SEEDS (1,000,000) schedules in JOBS (2) parts, command, commit and output in docs/runs/.
# usage: [SEEDS=n] [JOBS=n] tests/sim/million.sh
set -eu
seeds=${SEEDS-1000000} jobs=${JOBS-2}
page=docs/runs/sim-$seeds.txt
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cp build/sim "$out/sim" # a build meanwhile must not change what runs
part=$((seeds / jobs))
for ((i = 0; i < jobs; i++)); do
  "$out/sim" --seeds $((i * part + 1))..$(((i + 1) * part)) --keep-going --coverage >"$out/$i" &
done
failed=0
for pid in $(jobs -p); do wait "$pid" || failed=1; done
mkdir -p docs/runs
{
  echo "# SPDX-License-Identifier: Apache-2.0"
  echo "commit $(git rev-parse HEAD), $(gcc --version | head -n 1)"
  for ((i = 0; i < jobs; i++)); do
    echo "\$ build/sim --seeds $((i * part + 1))..$(((i + 1) * part)) --keep-going --coverage"
    cat "$out/$i"
  done
} >"$page"
grep -a 'passed,' "$page"
exit $failed
