#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A header opens with a sentence on what it is, has an include guard and stands alone; in the installed ones every
# function has a comment.
. "$(dirname "$0")/lib.sh"
mapfile -t headers < <(files 'src/*.h' 'include/*.h' 'tools/*.h' 'witness/*.h' 'tests/*.h')
if [ ${#headers[@]} = 0 ]; then exit 0; fi
findings=
for header in "${headers[@]}"; do
  # A list that is included many times on purpose says so and has no guard.
  sed -n 2p "$header" | grep -q '^/\* [A-Z`(a-z]' || findings+="$header: the second line is not a comment on what it is"$'\n'
  if ! grep -q 'included more than once' "$header"; then
    guard=$(sed -n 's/^#ifndef \([A-Z0-9_]*_H\)$/\1/p' "$header" | head -n 1)
    { [ -n "$guard" ] && grep -q "^#define $guard\$" "$header"; } || findings+="$header: no include guard"$'\n'
  fi
done
verdict header-form "${findings%$'\n'}"
findings=
for header in "${headers[@]}"; do
  if grep -q 'included more than once' "$header"; then continue; fi
  out=$(gcc -std=c11 -D_GNU_SOURCE= -Iinclude -Isrc -I. -Itests -I"$(dirname "$header")" -fsyntax-only \
    -x c - <<<"#include \"$header\"" 2>&1) || findings+="$out"$'\n'
done
verdict header-alone "${findings%$'\n'}"
verdict public-comments "$(awk '
  FNR == 1 { prev = "" }
  # a declaration begins in the first column, has a parenthesis and is not a macro or a comment
  /^[a-z][^{]*\([^{]*[,;]$/ && !/^typedef/ && prev !~ /\*\/[[:space:]]*$/ { print FILENAME ":" FNR ": no comment above " $0 }
  !/^[[:space:]]/ || /\*\// { prev = $0 }' include/quorumd/*.h)"
exit "$lint_failed"
