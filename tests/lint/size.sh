#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Files stay under 600 lines, functions within 70 (from brace to brace).
. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1
mapfile -t all < <(files '*.c' '*.h' '*.sh' '*.py' '*.bats' Makefile)
verdict file-size "$(wc -l "${all[@]}" | awk '$2 != "total" && $1 >= 600 { print $2 ": " $1 " lines, must be under 600" }')"
mapfile -t c < <(files '*.c' '*.h')
verdict function-size "$(python3 - "${c[@]}" <<'PY'
import sys
sys.path.insert(0, 'tests/lint')
import c_source
for path in sys.argv[1:]:
    code, _ = c_source.split(open(path, encoding='utf-8').read())
    for name, first, last, _ in c_source.functions(code):
        if last - first - 1 > 70:
            print('%s:%d: %s() has %d lines, at most 70' % (path, first, name, last - first - 1))
PY
)"
exit "$lint_failed"
