#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every man page is clean mdoc, and every program has one.
. "$(dirname "$0")/lib.sh"
mapfile -t pages < <(files 'docs/*.[13578]')
for page in "${pages[@]}"; do
  verdict "man-$(basename "$page")" "$(mandoc -T lint -W warning "$page" 2>&1)"
done
for program in src/quorumd:quorumd.8 tools/quorumctl:quorumctl.8 witness:quorum-witnessd.8 src/quorumd:quorumd.yaml.5; do
  folder=${program%:*} page=${program#*:}
  if [ ! -f "$folder/main.c" ]; then continue; fi
  if [ -f "docs/$page" ] || [ -f "docs/${page%.*}.1" ]; then ok "man-page-of-$folder"; else
    fail "man-page-of-$folder" "docs/$page is missing"; fi
done
exit "$lint_failed"
