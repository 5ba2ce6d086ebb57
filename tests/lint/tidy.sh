#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Forbidden constructs; the list with its reasons is forbidden.py. First it must find each of them in a sample.
. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1
if ! findings=$(python3 tests/lint/forbidden_test.py 2>&1); then fail tidy-selftest "$findings"; else ok tidy-selftest; fi
mapfile -t sources < <(files '*.c' '*.h')
if [ ${#sources[@]} = 0 ]; then exit 0; fi
verdict tidy "$(python3 tests/lint/forbidden.py "${sources[@]}" 2>&1)"
exit "$lint_failed"
