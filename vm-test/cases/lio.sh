# shellcheck shell=bash
# the script of PR exchanges (tests/conform/pr.script) on LIO; arguments go to the program
# SPDX-License-Identifier: Apache-2.0
TARGET_OPTIONS=(state=sync portals=1)
begin=$(now_ms)
target_start "${TARGET_OPTIONS[@]}"
note "boot to login: $(target_ready 90) s"
conform_target "$TARGET_PORTAL" "$VM_TREE/tests/conform/pr.script" "$@" >"$VM_RUN/conform.out"
status=$?
cat "$VM_RUN/conform.out"
[ "$status" -le 1 ] || fail "the conformance program ended early"
# shellcheck disable=SC2034  # for summary
read -r VM_PASSED _ VM_FAILED _ VM_SKIPPED _ < <(tail -n 1 "$VM_RUN/conform.out")
note "with boot and power cycles: $(seconds_since "$begin") s"
