#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The simulator's part of make check; last line as in the other stages.
# tests/run_sim.sh seeds N     N schedules before one disk, every safety rule on
#                  cluster N   N schedules of whole clusters, every safety rule on
#                  share N     the same, with the witness on a share wherever there is one
#                  digest N    N schedules before one disk, and a tenth of N of whole clusters, end in the same digests
#                              built by gcc and by clang, and when run again; the clusters also with --every-step
#                  mutants     every rule switched off in turn is found out: by the seed that docs/MUTANTS.md names
#                              (table rows | NAME | clause | seed | ...), which passes with the rule on, or by the
#                              command that stands there instead, which passes without QD_MUTANT=NAME, or
#                              --mutant NAME; a rule without a row by one of the first HUNT (5000) seeds; and a seed
#                              is shrunk
#                  shrink      that alone
set -u
mode=$1
count=${2-}
passed=0 failed=0 skipped=0

digest()
{
  local run sim
  for run in plain-1 plain-2 clang-1; do
    sim=build/"${run%-*}"/sim
    $sim --seeds 1.."$count" --digest >"$out/$run" 2>&1 || fail "$run: $(tail -n 2 "$out/$run")"
    $sim --mode cluster --seeds 1..$(((count + 9) / 10)) --digest >>"$out/$run" 2>&1 ||
      fail "$run, cluster: $(tail -n 2 "$out/$run")"
  done
  build/plain/sim --mode cluster --seeds 1..$(((count + 9) / 10)) --digest --every-step >"$out/every" 2>&1 ||
    fail "every step, cluster: $(tail -n 2 "$out/every")"
  if cmp -s <(tail -n "$(wc -l <"$out/every")" "$out/plain-1") "$out/every"; then passed=$((passed + 1)); else
    fail "a step that was left out would have done something: $(diff "$out/plain-1" "$out/every" | tail -n 6)"; fi
  for run in plain-2 clang-1; do
    if cmp -s "$out/plain-1" "$out/$run"; then passed=$((passed + 1)); else
      fail "plain-1 and $run differ: $(diff "$out/plain-1" "$out/$run" | head -n 6)"; fi
  done
}

# by_command NAME COMMAND: another program than the simulator finds it out
by_command()
{
  local name=$1 with=$2 without rc
  without=${with/QD_MUTANT=$name /}
  without=${without/ --mutant $name/}
  eval "$with" >"$out/with" 2>&1
  rc=$?
  # 2: there is no such rule; 126 and 127: no such program
  if [ $rc != 1 ] && [ $rc -lt 128 ]; then
    fail "$name is not found out by: $with (status $rc: $(tail -n 1 "$out/with"))"
  elif [ "$with" = "$without" ] || ! eval "$without" >"$out/without" 2>&1; then
    fail "$name: with the rule on this fails, too: $without"
  else
    echo "ok $name: $with"
    passed=$((passed + 1))
  fi
}

seed_of()
{
  sed -nE "s/^\\| *\`?$1\`? *\\|[^|]*\\| *\`?([0-9]+)\`? *\\|.*/\\1/p" docs/MUTANTS.md 2>/dev/null
}

# Before one disk and in a cluster: the command that is printed fails by the same invariant with less in it, and passes
# with the rule on.
shrink()
{
  local sim=build/mutants/sim name seed command rule
  for name in STRIKE_AGE WAIT_FOR_DEAD; do
    seed=$(seed_of $name)
    $sim --mutant $name --seed "$seed" --shrink >"$out/shrink" 2>&1
    rule=$(sed -nE "1s/^seed $seed: ([^:]*):.*/\1/p" "$out/shrink")
    command=$(sed -n 's/^shrunk: //p' "$out/shrink")
    $command >"$out/with" 2>&1
    if ! grep -q "^seed $seed: ${rule:-none}:" "$out/with"; then
      fail "$name: its seed $seed shrinks to what does not fail by $rule: $command"
    elif [[ $command != "build/sim-mutants --mutant $name --seed $seed "*" --no-fault "* ]]; then
      fail "$name: nothing is left out of its seed $seed: $command"
    elif ! ${command/--mutant $name /} >"$out/without" 2>&1; then
      fail "$name: its seed $seed, shrunk, fails with the rule on, too: $command"
    else
      echo "ok shrink: $command"
      passed=$((passed + 1))
    fi
  done
}

mutants()
{
  local sim=build/mutants/sim name seed command
  if [ ! -x $sim ]; then fail "$sim is not built"; return; fi
  while read -r name _; do
    seed=$(seed_of "$name")
    command=$(sed -nE "s/^\\| *$name *\\|[^|]*\\| *\`([^\`]*build[^\`]*)\` *\\|.*/\\1/p" docs/MUTANTS.md 2>/dev/null)
    if [ -n "$command" ]; then
      by_command "$name" "$command"
    elif [ -z "$seed" ]; then
      if $sim --hunt --mutant "$name" --limit "${HUNT:-5000}" >"$out/hunt"; then
        echo "ok $name: $(cut -f3 "$out/hunt")"
        passed=$((passed + 1))
      else
        fail "$name is not found out by ${HUNT:-5000} seeds and docs/MUTANTS.md names none"
      fi
    elif $sim --seed "$seed" --mutant "$name" >"$out/with" 2>&1; then
      fail "$name is not found out by its seed $seed"
    elif ! $sim --seed "$seed" >"$out/without" 2>&1; then
      fail "$name: its seed $seed fails with the rule on too"
    else
      echo "ok $name: $seed"
      passed=$((passed + 1))
    fi
  done < <($sim --list-mutants)
  shrink
}

fail()
{
  echo "FAIL $1"
  failed=$((failed + 1))
}

case $mode in
seeds) exec build/plain/sim --seeds 1.."$count" --keep-going --coverage ;;
cluster) exec build/plain/sim --mode cluster --seeds 1.."$count" --keep-going --coverage ;;
share) exec build/plain/sim --mode cluster --share --seeds 1.."$count" --keep-going --coverage ;;
mutants | shrink | digest) ;;
*) echo "usage: tests/run_sim.sh seeds|cluster|share|digest|mutants|shrink [N]" >&2; exit 64 ;;
esac
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
$mode
echo "sim-$mode: $passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
