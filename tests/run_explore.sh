#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The explorer's part of make check; last line as in the other stages.
#   tests/run_explore.sh          short searches with every rule on, and the rules whose loss is found at once
#   FULL=1 tests/run_explore.sh   the kept searches and every mutant of docs/EXPLORER.md (an hour, 6 GB)
# Both are read from the tables of docs/EXPLORER.md: | * `OPTIONS` | STATES ... and | * RULE | `OPTIONS` | STEPS ...; what is
# marked with - instead runs with FULL=1 only.
set -u
explore=${EXPLORE:-build/explore/explore}
page=docs/EXPLORER.md
passed=0 failed=0

fail()
{
  printf 'FAIL %s\n' "$1"
  failed=$((failed + 1))
}

# search OPTIONS...: no violation, and the sum that the page says
search()
{
  local said=$1 found
  shift
  found=$($explore --quiet "$@" 2>&1)
  if [[ $found != *': no violation, '* ]]; then
    fail "$* $found"
    return
  fi
  printf 'ok %s\n' "$found"
  passed=$((passed + 1))
  found=${found#*: no violation, }
  if [ "${found%% *}" != "$said" ]; then
    printf '   %s says %s states: write down the new number\n' "$page" "$said"
  fi
}

# mutant RULE STEPS OPTIONS...: without the rule there is a violation, after so many steps
mutant()
{
  local rule=$1 steps=$2 found
  shift 2
  found=$($explore --quiet --mutant "$rule" "$@" 2>&1)
  if [[ $found =~ VIOLATION\ after\ ([0-9]+)\ steps:\ ([^$'\n']*) ]]; then
    printf 'ok without %s, %s steps: %s\n' "$rule" "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
    passed=$((passed + 1))
    if [ "${BASH_REMATCH[1]}" != "$steps" ]; then
      printf '   %s says %s steps: write down the new number\n' "$page" "$steps"
    fi
  else
    fail "without $rule nothing is found: $found"
  fi
}

if [ ! -x "$explore" ]; then
  echo "tests/run_explore.sh: $explore is not built: make $explore" >&2
  exit 1
fi

while IFS='|' read -r _ first second third _; do
  read -r mark options <<<"${first//\`/}"
  if [ "$mark" = '*' ] || { [ -n "${FULL-}" ] && [ "$mark" = '-' ]; }; then
    read -r states _ <<<"$second"
    read -ra words <<<"$options"
    search "${states//,/}" "${words[@]}"
  fi
done < <(sed -n '/^| search/,/^$/p' "$page")

while IFS='|' read -r _ first second third _; do
  read -r mark rule <<<"$first"
  if [ "$mark" = '*' ] || { [ -n "${FULL-}" ] && [ "$mark" = '-' ]; }; then
    read -ra words <<<"${second//\`/}"
    read -r steps _ <<<"$third"
    mutant "$rule" "$steps" "${words[@]}"
  fi
done < <(sed -n '/^| without/,/^$/p' "$page")

[ $((passed + failed)) -gt 0 ] || fail "$page names no search"
echo "explore: $passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
