#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Driver tests against a real tgt on loopback: every program t_* given, one after the other.
# usage: QD_BUILD=build/gcc tests/drv/run.sh [PROGRAM...]   (default: all of $QD_BUILD/tests/drv)
# WITHOUT="t_pair ..." leaves some out.
set -u
here=$(dirname "$0")
: "${QD_BUILD=build/gcc}"
QD_BUILD=$(readlink -f "$QD_BUILD")
export QD_BUILD
command -v tgtd >/dev/null || { echo "skip: tgtd is not installed"; echo "drv: 0 passed, 0 failed, 1 skipped"; exit 0; }

[ $# -gt 0 ] || set -- "$QD_BUILD"/tests/drv/t_*
programs=()
for p; do
  case $p in
  *.o | *.d) ;;
  */t_*) [[ " ${WITHOUT-} " == *" ${p##*/} "* ]] || programs+=("$p") ;;
  esac
done
exec "$here/../run_programs.sh" drv "${programs[@]}"
