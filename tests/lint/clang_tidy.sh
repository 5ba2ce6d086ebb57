#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# clang-tidy over the programs. A file is looked at again when it, a header or the settings changed. The analyzer
# follows 30000 states a function, a fifth of the time of its own 225000, which TIDY_NODES=225000 asks for.
. "$(dirname "$0")/lib.sh"
cache=build/lint/clang-tidy
mkdir -p $cache
nodes=${TIDY_NODES:-30000}
analyzer="-Xclang -analyzer-config -Xclang max-nodes=$nodes"
common=$({ files '*.h' .clang-tidy | xargs cat; echo "$nodes"; } | sha256sum)
mapfile -t sources < <(files 'src/*.c' 'tools/*.c' 'witness/*.c')
if [ ${#sources[@]} = 0 ]; then exit 0; fi

check()
{
  local source=$1 key out
  key=$cache/$({ echo "$2 $1"; cat "$source"; } | sha256sum | cut -c1-40)
  if [ -e "$key" ]; then return; fi
  local defs=(-D_GNU_SOURCE= '-DQD_VERSION="0"' '-DQD_SYSCONFDIR="/etc"' '-DQD_RUNDIR="/run"' '-DQD_LIBEXECDIR="/usr"')
  # In the build with mutants a rule is a value and not the constant 1, which every test of it would trip over.
  case $source in src/base/*|src/codec/*|src/core/*) defs=(-DQD_MUTANTS) ;; esac
  # shellcheck disable=SC2086 # one word each
  if out=$(clang-tidy --quiet "$source" -- $analyzer -std=c11 -Iinclude -Isrc -I. "${defs[@]}" 2>&1); then
    : >"$key"
  else
    echo "$out" | grep -E 'error:|warning:|note:' | sed "s|$PWD/||"
  fi
}
export -f check
export cache analyzer
verdict clang-tidy "$(printf '%s\n' "${sources[@]}" | xargs -P "${JOBS:-2}" -I{} bash -c 'check "$1" "$2"' _ {} "$common")"
exit "$lint_failed"
