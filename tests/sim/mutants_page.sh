#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Write docs/MUTANTS.md: for every safety rule the lowest seed that shows what goes wrong without it.
# usage: tests/sim/mutants_page.sh [LIMIT]   seeds tried per rule (30000), build/sim-mutants must be built
# HUNT=file: the output of an earlier hunt instead
set -eu
limit=${1-30000}
out=$(mktemp)
trap 'rm -f "$out"' EXIT
if [ -n "${HUNT-}" ]; then cp "$HUNT" "$out"; else
  build/sim-mutants --hunt --limit "$limit" >"$out" || true # rules not caught stand in the page
fi
# Rules that another program finds out keep their rows.
# shellcheck disable=SC2016 # backticks of the page
kept=$(grep -E '^\| [A-Z_]+ \| [^|]+ \| `[^`|]*build' docs/MUTANTS.md || true)
{
  cat <<END
<!-- SPDX-License-Identifier: Apache-2.0 -->
# Mutants: what goes wrong without each rule

Every safety rule of PROTOCOL.md sections 2 to 4, and of MEMBERSHIP.md (clauses that begin with M), can be switched off in the build with
mutants (\`src/core/rules_list.h\`). The simulator then finds a violation; those of MEMBERSHIP.md in its cluster mode. Written by \`tests/sim/mutants_page.sh $limit\`; \`make check\` runs each seed with its rule off (it
must fail) and on (it must pass). A seed that breaks safety is preferred to one that only breaks the bound of I6. Where another layer makes a rule good in whole clusters,
or only a long chain of rare events shows it, the command of the explorer or of a unit test stands in place of a seed.

    build/sim-mutants --mutant NAME --seed SEED [-v]

| rule | clause | seed | without it | what the simulator says |
|---|---|---|---|---|
END
  while IFS=$'\t' read -r name clause seed text failure; do
    row=$(grep -F "| $name |" <<<"$kept" || true)
    if [ -n "$row" ]; then
      printf '%s\n' "$row"
      continue
    fi
    failure=${failure//qd_mutant_off != (uint32_t)QD_RULE_/rule }
    echo "| $name | $clause | $seed | $text | ${failure//|/\\|} |"
  done <"$out"
  echo
  while IFS=$'\t' read -r name _ seed _; do
    [ "$seed" != - ] || grep -qF "| $name |" <<<"$kept" || echo "$name is not caught."
  done <"$out"
} >docs/MUTANTS.md
