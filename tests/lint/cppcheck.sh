#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cppcheck over the programs, as they are with mutants: otherwise every QD_RULE() is the constant 1.
. "$(dirname "$0")/lib.sh"
mapfile -t sources < <(files 'src/*.c' 'tools/*.c' 'witness/*.c')
if [ ${#sources[@]} = 0 ]; then exit 0; fi
mkdir -p build/lint/cppcheck
findings=$(cppcheck --std=c11 --enable=warning,style,performance,portability --inline-suppr \
  --suppress=missingIncludeSystem --error-exitcode=1 --quiet --cppcheck-build-dir=build/lint/cppcheck \
  -j "${JOBS:-2}" -Iinclude -Isrc -I. -D_GNU_SOURCE= -DQD_MUTANTS '-DQD_VERSION="0"' "${sources[@]}" 2>&1)
status=$?
if [ $status != 0 ]; then fail cppcheck $'\n'"$findings"; else ok cppcheck; fi
exit "$lint_failed"
