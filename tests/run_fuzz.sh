#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run libFuzzer programs, each over its corpus and then for some seconds: tests/run_fuzz.sh SECONDS PROGRAM...
# The corpus of f_NAME is tests/fuzz/corpus/f_NAME or .../NAME. What is found new goes to build/fuzz/corpus/, what
# fails to build/fuzz/artifacts/: neither touches the tree.
set -u
seconds=$1
shift
export ASAN_OPTIONS=${ASAN_OPTIONS-detect_leaks=1} UBSAN_OPTIONS=${UBSAN_OPTIONS-print_stacktrace=1}
mkdir -p build/fuzz/artifacts
passed=0 failed=0
for program; do
  name=$(basename "$program")
  folders=("build/fuzz/corpus/$name")
  mkdir -p "${folders[0]}"
  for kept in "tests/fuzz/corpus/$name" "tests/fuzz/corpus/${name#f_}"; do
    if [ -d "$kept" ]; then folders+=("$kept"); fi
  done
  log=build/fuzz/artifacts/$name.log
  if "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/artifacts/$name-" "${folders[@]}" >"$log" 2>&1 </dev/null; then
    echo "ok $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs"
    passed=$((passed + 1))
  else
    echo "FAIL $name"
    tail -n 40 "$log" | sed 's/^/    /'
    failed=$((failed + 1))
  fi
done
echo "fuzz: $passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
