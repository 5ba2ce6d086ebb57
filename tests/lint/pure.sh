#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# base, codec and core ask nothing of the outside but memcpy memmove memset memcmp and the assertion hook, and
# nothing of the layer above. Looked at in objects built without hardening: _FORTIFY_SOURCE and the stack
# protector add names of their own (__memcpy_chk, __stack_chk_fail) that the source does not have.
. "$(dirname "$0")/lib.sh"
have=" memcpy memmove memset memcmp qd_assert_failed "
for layer in base codec core; do
  objects=()
  for source in "src/$layer"/*.c; do
    [ -f "$source" ] && [ "$source" != src/base/assert_abort.c ] && objects+=("build/plain/${source%.c}.o")
  done
  if [ ${#objects[@]} = 0 ]; then continue; fi
  if ! built=$(make -s "${objects[@]}" 2>&1); then fail "pure-$layer" "$built"; continue; fi
  have+="$(nm -A --defined-only -g "${objects[@]}" | awk '{ printf "%s ", $NF }')"
  findings=$(nm -A -u "${objects[@]}" | awk -v have="$have" '
    BEGIN { n = split(have, names, " "); for (i = 1; i <= n; i++) known[names[i]] = 1 }
    !($NF in known) { print $1, $NF }')
  # Writable data would be state that no copy of the node carries. Constant tables of pointers are .data.rel.ro.
  findings+=$(objdump -t "${objects[@]}" | awk '
    / file format / { file = $1 }
    NF > 4 && $(NF - 2) ~ /^\.t?(data|bss)|^\*COM\*/ && $(NF - 2) !~ /^\.data\.rel\.ro/ && $NF !~ /^\./ && $(NF - 1) !~ /^0+$/ {
      print file, $NF, "is a variable of static storage" }')
  verdict "pure-$layer" "$findings"
done
exit "$lint_failed"
