#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Nothing depends on where somebody's tree or home lies.
. "$(dirname "$0")/lib.sh"
here=$(pwd -P)
mapfile -t all < <(files ':!tests/lint/paths.sh' ':!tests/fuzz/corpus')
verdict paths "$(grep -InE '(^|[^A-Za-z0-9_.$}/-])/(work|home|Users)/' "${all[@]}"; grep -InF "$here" "${all[@]}")"
exit "$lint_failed"
