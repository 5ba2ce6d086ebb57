#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make check: every stage, one line each, the sum last.
# usage: tests/run_all.sh [-l] [STAGE...]     all stages, or those named (their build stages are not implied)
# Outputs are build/check/STAGE.log. Builds run alone (they use every processor), then what is independent of time
# runs two at a time, then what mostly waits for a real target two at a time, then what measures time alone.
set -u
cd "$(dirname "$0")/.." || exit 1
# Stages start makes of their own; they shall not ask this one's caller for job slots.
unset MAKEFLAGS MFLAGS MAKELEVEL GNUMAKEFLAGS
export CI=1
dir=build/check
mkdir -p $dir
limit=${STAGE_LIMIT:-900}
seeds=${SEEDS:-5000}
fuzz_seconds=${FUZZ_SECONDS:-2}
names=() kinds=() needs=() commands=()

# stage NAME build|pool|waits|alone NEEDS COMMAND: NEEDS is a file pattern; nothing there, no stage yet
stage()
{
  names+=("$1") kinds+=("$2") needs+=("$3") commands+=("$4")
}

valgrind='valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect'
valgrind+=' --show-leak-kinds=definite,indirect --track-fds=no --child-silent-after-fork=yes'
stage build-gcc build 'src/*/*.c' 'make -k programs-gcc tests-gcc all'
stage build-clang build 'src/*/*.c' 'make -k programs-clang tests-clang'
stage build-plain build 'src/*/*.c' 'make -k programs-plain tests-plain'
stage build-asan build 'src/*/*.c' 'make -k programs-asan tests-asan'
stage build-mutants build 'tests/sim/main.c' 'make -k build/sim-mutants build/explore/explore $(grep -oE "build/mutants/tests/unit/[a-z_]+" docs/MUTANTS.md | sort -u)'
stage build-fuzz build 'tests/fuzz/f_*.c' 'make -k fuzz-build'

stage sim-mutants pool 'tests/sim/main.c' 'tests/run_sim.sh mutants'
stage clang-tidy pool 'src/*/*.c' 'JOBS=1 tests/lint/run.sh clang_tidy'
stage sim pool 'tests/sim/main.c' "tests/run_sim.sh seeds $seeds"
stage sim-cluster pool 'tests/sim/main.c' "tests/run_sim.sh cluster $((seeds / 33))"
stage sim-share pool 'tests/sim/main.c' "tests/run_sim.sh share $((seeds / 100))"
stage sim-digest pool 'tests/sim/main.c' "tests/run_sim.sh digest $((seeds / 10))"
stage lint pool 'tests/lint/run.sh' 'JOBS=1 tests/lint/run.sh cppcheck install headers shell pure format man tidy size spdx paths docs'
stage fuzz pool 'tests/fuzz/f_*.c' "make -s fuzz FUZZ_SECONDS=$fuzz_seconds"
stage explore pool 'tests/run_explore.sh' 'make -s explore'
stage model pool 'tests/model/run*' 'make -s model'
stage unit-valgrind pool 'tests/unit/t_*.c' "UNIT_QUICK=1 RANDOM_RUNS=20 WRAP='$valgrind' make -s unit-plain"
stage unit-asan pool 'tests/unit/t_*.c' 'make -s unit-asan'
stage unit pool 'tests/unit/t_*.c' 'make -s unit-gcc'
stage unit-clang pool 'tests/unit/t_*.c' 'make -s unit-clang'
stage conform-model pool 'tests/conform/run' 'CONFORM=build/gcc/conform tests/conform/run model'

stage cli waits 'tests/cli/*.bats' 'JOBS=2 make -s cli'
# Under valgrind, beside others, an owner can't keep its times of 300 ms: t_pair is left to the other two.
stage drv-valgrind waits 'tests/drv/t_*.c' "WITHOUT=t_pair WRAP='$valgrind' make -s drv-plain"
stage drv-asan waits 'tests/drv/t_*.c' 'make -s drv-asan'
stage drv waits 'tests/drv/t_*.c' 'make -s drv-gcc'
stage conform-tgt waits 'tests/conform/run' 'CONFORM=build/gcc/conform tests/conform/run tgt'
stage cluster alone 'tests/cluster/run' 'make -s cluster'
stage demo alone 'tools/demo/*' 'make -s demo RENEW=300ms'

if [ "${1-}" = -l ]; then printf '%s\n' "${names[@]}"; exit 0; fi

wanted()
{
  local name
  [ $# -gt 1 ] || return 0
  for name in "${@:2}"; do [ "$name" != "$1" ] || return 0; done
  return 1
}

passed=0 failed=0 skipped=0
begin=$SECONDS

# Run stage INDEX; the report is made by `reap`, in the parent.
run()
{
  local name=${names[$1]} t0=$EPOCHREALTIME rc
  timeout -k 10 "$limit" bash -c "${commands[$1]}" >"$dir/$name.log" 2>&1 </dev/null
  rc=$?
  echo "$rc $t0 $EPOCHREALTIME" >"$dir/$name.new"
  mv "$dir/$name.new" "$dir/$name.rc"
}

# reap INDEX: one line for a stage that ended, and the sums
reap()
{
  local name=${names[$1]} rc t0 t1 sum p=0 f=0 s=0 word=ok
  read -r rc t0 t1 <"$dir/$name.rc"
  sum=$(grep -aE '[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped' "$dir/$name.log" | tail -n 1)
  if [[ $sum =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped ]]; then
    p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]} s=${BASH_REMATCH[3]}
  elif [ "$rc" = 0 ]; then
    p=1
  fi
  if [ "$rc" != 0 ] && [ "$f" = 0 ]; then f=1; fi
  # Tests do not go quietly: a stage skips no more than tests/skips.txt says (`STAGE COUNT` lines), once it is there.
  if [ -e tests/skips.txt ] && [ "$s" -gt "$(awk -v n="$name" '$1 == n { c = $2 } END { print c + 0 }' tests/skips.txt)" ]; then
    echo "FAIL skips: more than tests/skips.txt allows" >>"$dir/$name.log"
    f=$((f + 1))
  fi
  if [ "$f" != 0 ]; then word=FAIL; fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  printf '%-4s %-15s %6.1f s  %d passed, %d failed, %d skipped\n' $word "$name" \
    "$(awk -v a="$t0" -v b="$t1" 'BEGIN { print b - a }')" "$p" "$f" "$s"
  if [ "$rc" = 124 ]; then echo "     longer than $limit s, ended"; fi
  if [ "$s" != 0 ]; then
    grep -aiE '^ *skip|# skip|left out:' "$dir/$name.log" | sed -E 's/^ *(skip:? *)?/     skip: /' ||
      echo "     skip: no reason given, which is a mistake of this stage"
  fi
  if [ "$f" != 0 ]; then
    { grep -aE '^ *(FAIL|not ok)|error:|warning:|undefined reference' "$dir/$name.log" | head -n 12
      echo '...'
      tail -n 12 "$dir/$name.log"; } | cut -c1-200 | sed 's/^/     /'
    echo "     all of it: $dir/$name.log"
  fi
}

declare -A running=() # index: process
reap_finished()
{
  local index
  for index in "${!running[@]}"; do
    if [ -e "$dir/${names[$index]}.rc" ]; then
      wait "${running[$index]}"
      unset "running[$index]"
      reap "$index"
    elif ! kill -0 "${running[$index]}" 2>/dev/null && [ ! -e "$dir/${names[$index]}.rc" ]; then
      echo "137 $EPOCHREALTIME $EPOCHREALTIME" >"$dir/${names[$index]}.rc"
    fi
  done
}

# run_kind KIND SLOTS STAGE...
run_kind()
{
  local kind=$1 slots=$2 index
  shift 2
  for index in "${!names[@]}"; do
    if [ "${kinds[$index]}" != "$kind" ] || ! wanted "${names[$index]}" "$@"; then continue; fi
    if ! compgen -G "${needs[$index]}" >/dev/null; then
      printf '%-4s %s\n' - "${names[$index]}: absent"
      continue
    fi
    while [ ${#running[@]} -ge "$slots" ]; do wait -n; reap_finished; done
    rm -f "$dir/${names[$index]}.rc"
    run "$index" &
    running[$index]=$!
  done
  while [ ${#running[@]} -gt 0 ]; do wait -n; reap_finished; done
}

# What runs on is ended with this script.
trap 'for p in "${running[@]}"; do kill "$p" 2>/dev/null; done' EXIT
run_kind build 1 "$@"
run_kind pool 2 "$@"
run_kind waits 2 "$@"
run_kind alone 1 "$@"
echo "check took $((SECONDS - begin)) s"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
