#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the documents point to exists: files, links, make targets; formats have their byte tables.
. "$(dirname "$0")/lib.sh"
mapfile -t pages < <(files '*.md')
findings=
for page in "${pages[@]}"; do
  while read -r link; do
    case $link in http*|mailto:*|'#'*|'') continue ;; esac
    [ -e "$(dirname "$page")/${link%%#*}" ] || findings+="$page: link to $link, which is not there"$'\n'
  done < <(grep -oE '\]\([^) ]+\)' "$page" | sed 's/^](//; s/)$//')
done
verdict docs-links "${findings%$'\n'}"

findings=
for page in "${pages[@]}"; do
  while read -r path; do
    compgen -G "${path%%:*}" >/dev/null || compgen -G "$(dirname "$page")/${path%%:*}" >/dev/null ||
      findings+="$page: names $path, which is not there"$'\n'
  done < <(grep -oE '`(src|include|tests|tools|docs|vm-test|witness|dist)/[A-Za-z0-9_./*-]+(:[0-9]+)?`' "$page" | tr -d '`' | sort -u)
done
verdict docs-paths "${findings%$'\n'}"

findings=
targets=" $(sed -n 's/^## \([a-z-]*\):.*/\1/p' Makefile | tr '\n' ' ')"
for page in "${pages[@]}"; do
  while read -r target; do
    [[ $targets == *" $target "* ]] || findings+="$page: make $target is no target"$'\n'
  done < <(grep -oE '`make( -[a-zA-Z0-9]+)* [a-z][a-z-]*' "$page" | awk '{ print $NF }' | sort -u)
done
verdict docs-targets "${findings%$'\n'}"

# A format and its document change together. The document, then the lists of fields.
while read -r page lists; do
  read -ra fields <<<"$lists"
  if [ ! -f "$page" ]; then fail "docs-format-$(basename "$page")" "$page is missing"; continue; fi
  verdict "docs-format-$(basename "$page")" \
    "$(PYTHONDONTWRITEBYTECODE=1 python3 tests/lint/formats.py "${fields[@]}" "$page" 2>&1)"
done <<'END'
docs/ONDISK.md src/codec/qdisk_fields.h
docs/WIRE.md src/codec/wire_fields.h src/drv/transfer_fields.h
docs/WITNESS.md src/codec/witness_record_fields.h
END
exit "$lint_failed"
