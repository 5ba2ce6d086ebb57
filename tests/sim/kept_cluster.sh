#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The kept run of whole clusters: SEEDS (200,000) schedules of five nodes and ten simulated minutes, in chunks of CHUNK
# (5,000), JOBS (2) at a time. A run that was ended goes on with the chunks that are missing: they are kept in DIR
# (build/kept-cluster). Revision, commands, results and fault coverage go to docs/runs/cluster-SEEDS.txt.
# usage: [SEEDS=n] [CHUNK=n] [JOBS=n] [DIR=path] tests/sim/kept_cluster.sh
set -eu
seeds=${SEEDS-200000} chunk=${CHUNK-5000} jobs=${JOBS-2} dir=${DIR-build/kept-cluster}
page=docs/runs/cluster-$seeds.txt
options='--mode cluster --nodes 5 --minutes 10 --keep-going --coverage'
mkdir -p "$dir" docs/runs
# The program of the first start is the one of all chunks, whatever is built meanwhile.
if [ ! -x "$dir/sim" ]; then
  cp build/fast/sim "$dir/sim"
  git rev-parse HEAD >"$dir/revision"
  git diff --quiet HEAD -- src witness tests/sim || echo "with changes that are not committed" >>"$dir/revision"
fi

# run_chunk FROM: its output is there when it is whole
run_chunk()
{
  local from=$1 to=$(($1 + chunk - 1)) rc=0
  [ "$to" -le "$seeds" ] || to=$seeds
  [ ! -e "$dir/$from" ] || return 0
  # shellcheck disable=SC2086 # words
  nice -n 10 "$dir/sim" $options --seeds "$from..$to" >"$dir/$from.part" 2>&1 || rc=$?
  [ $rc -le 1 ] || { echo "chunk $from..$to ended with $rc" >&2; return 1; }
  mv "$dir/$from.part" "$dir/$from"
}

# faults FILE...: what was injected, summed up
faults()
{
  awk '/^faults injected:/ { on = 1; next } /^[a-z]/ { on = 0 }
    on { n[$1] += $2; text = $0; sub(/^ *[A-Z_]+ +[0-9]+ +/, "", text); what[$1] = text; if (!($1 in at)) { at[$1] = ++k; name[k] = $1 } }
    END { for (i = 1; i <= k; i++) printf "  %-20s %14d  %s\n", name[i], n[name[i]], what[name[i]] }' "$@"
}

pids=()
for ((from = 1; from <= seeds; from += chunk)); do
  run_chunk "$from" &
  pids+=($!)
  if [ ${#pids[@]} -ge "$jobs" ]; then
    wait "${pids[0]}"
    pids=("${pids[@]:1}")
  fi
done
for pid in "${pids[@]}"; do wait "$pid"; done

files=()
for ((from = 1; from <= seeds; from += chunk)); do files+=("$dir/$from"); done
read -r passed failed < <(awk '/ passed, [0-9]+ failed/ { p += $1; f += $3 } END { print p + 0, f + 0 }' "${files[@]}")
# What is missing in each of them is missing in all.
missing=$(grep -hE '^never ' "${files[@]}" | sort | uniq -c | awk -v n=${#files[@]} '$1 == n { sub(/^ *[0-9]+ /, ""); printf "%s%s", s, $0; s = "; " }')
scheduled=$(grep -hoE '[0-9]+ scheduled faults' "${files[@]}" | awk '{ n += $1 } END { print n + 0 }')
{
  echo "# SPDX-License-Identifier: Apache-2.0"
  echo "revision $(cat "$dir/revision"), $(gcc --version | head -n 1)"
  echo "$seeds schedules of five nodes, 10 simulated minutes each: $passed passed, $failed failed"
  echo "$scheduled scheduled faults, $((scheduled / seeds)) in a schedule on average (faults of single packets, commands and steps not counted)"
  echo
  for file in "${files[@]}"; do
    from=${file##*/} to=$((${file##*/} + chunk - 1))
    echo "\$ build/sim $options --seeds $from..$((to < seeds ? to : seeds))"
    grep -aE '^seed [0-9]+: |^digest of | passed, ' "$file"
  done
  echo
  echo "faults injected, all chunks:"
  faults "${files[@]}"
  echo "never reached in any chunk: ${missing:-nothing}"
} >"$page"
sed -n '2,4p' "$page"
tail -n 1 "$page"
[ "$failed" = 0 ] && [ -z "$missing" ] && [ "$((scheduled / seeds))" -ge 20 ]
