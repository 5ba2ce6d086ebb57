#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every file says its licence in its first lines. Not: prose, and data that has no comments.
. "$(dirname "$0")/lib.sh"
findings=$(files ':!LICENSE' ':!NOTICE' ':!*.md' ':!*.json' ':!tests/fuzz/corpus' ':!*.bin' ':!*.png' ':!*.svg' | while read -r f; do
  head -n 5 "$f" | grep -aq 'SPDX-License-Identifier: Apache-2.0' || echo "$f"
done)
verdict spdx "$findings"
exit "$lint_failed"
