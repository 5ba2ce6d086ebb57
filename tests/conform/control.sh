# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# conform_run DIR RESTART COMMAND...: run the conformance program; when the script wants the target restarted, call the
# function RESTART in this shell (which owns the target) and tell the program how it went. DIR is scratch.
conform_run() {
  local dir=$1 restart=$2 order
  shift 2
  rm -f "$dir/tell" "$dir/status"
  mkfifo "$dir/tell"
  exec 5>&1 7<>"$dir/tell"
  while read -r order; do
    if [ "$order" = restart ] && "$restart" >&5; then echo ok >&7; else echo failed >&7; fi
  done < <("$@" --control 7,3 3>&1 >&5 5>&- </dev/null; echo $? >"$dir/status")
  exec 5>&- 7>&-
  return "$(cat "$dir/status")"
}
