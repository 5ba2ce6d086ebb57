# SPDX-License-Identifier: Apache-2.0
# Sourced by every lint: goes to the top of the tree, lists files, prints `ok NAME` and `FAIL NAME why`.
# shellcheck shell=bash
set -u
# shellcheck disable=SC2034 # the lints end with it
lint_failed=0
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

# Files of the project, also those not committed yet, without build products; arguments are git pathspecs.
files()
{
  if git rev-parse --git-dir >/dev/null 2>&1; then
    git ls-files -co --exclude-standard -- "$@" 2>/dev/null | while read -r f; do [ ! -f "$f" ] || echo "$f"; done
  else
    echo "lint: this is not a git work tree" >&2
    exit 1
  fi
}

ok()
{
  echo "ok $1"
}

# fail NAME WHY: the why may have several lines; all but the first are indented
fail()
{
  echo "FAIL $1 ${2//$'\n'/$'\n'    }"
  # shellcheck disable=SC2034
  lint_failed=1
}

# verdict NAME FINDINGS: no findings is a pass
verdict()
{
  if [ -z "$2" ]; then ok "$1"; else fail "$1" $'\n'"$2"; fi
}
