# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# conform_run DIR OBEY COMMAND...: run the conformance program; when the script wants something done to the target
# (restart, stall, await-stall, unstall), call the function OBEY with that word in this shell, which owns the target,
# and tell the program how it went: 0 done, 2 cannot be done here, anything else failed. DIR is scratch.
conform_run() {
  local dir=$1 obey=$2 order answer
  shift 2
  rm -f "$dir/tell" "$dir/status"
  mkfifo "$dir/tell"
  exec 5>&1 7<>"$dir/tell"
  while read -r order; do
    "$obey" "$order" >&5
    case $? in
      0) answer=ok ;;
      2) answer=no ;;
      *) answer=failed ;;
    esac
    echo $answer >&7
  done < <("$@" --control 7,3 3>&1 >&5 5>&- </dev/null; echo $? >"$dir/status")
  exec 5>&- 7>&-
  return "$(cat "$dir/status")"
}
