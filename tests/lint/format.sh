#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every C file is as clang-format leaves it; `make format` does it.
. "$(dirname "$0")/lib.sh"
mapfile -t sources < <(files '*.c' '*.h')
if [ ${#sources[@]} = 0 ]; then exit 0; fi
findings=$(clang-format --dry-run -Werror "${sources[@]}" 2>&1 | sed -n 's/^\([^ ]*:[0-9]*\):[0-9]*: error: code should be clang-formatted.*/\1/p')
verdict format "${findings:+$(echo "$findings" | cut -d: -f1 | uniq -c | sed 's/$/ (places; make format)/')}"
exit "$lint_failed"
