#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every script, found by its name or first line, is clean for shellcheck.
. "$(dirname "$0")/lib.sh"
mapfile -t scripts < <(files '*' | while read -r f; do
  case $f in
  *.sh|*.bats) echo "$f" ;;
  *.*) ;;
  *) head -c 64 "$f" | head -n 1 | grep -aqE '^#!.*\b(ba)?sh\b' && echo "$f" ;;
  esac
done)
verdict shellcheck "$(shellcheck -x -P SCRIPTDIR -e SC2016,SC2317 -f gcc "${scripts[@]}" 2>&1)"
exit "$lint_failed"
