#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `make install` into an empty folder: what it puts where, that a program builds against it through pkg-config and
# runs, that the unit and the man pages are well-formed.
. "$(dirname "$0")/lib.sh"
if [ -z "$(files 'src/libquorumd/*.c')" ] && [ ! -f src/quorumd/main.c ]; then exit 0; fi
dest=$(mktemp -d)
trap 'rm -rf "$dest"' EXIT
# The prefix is the built one: another would compile again, beside tests that run at the same time.
if ! out=$(make -s install DESTDIR="$dest" 2>&1); then fail install "$out"; exit 1; fi

p=usr/local
want=("$p/share/doc/quorumd/LICENSE")
[ ! -f src/quorumd/main.c ] ||
  want+=("$p/sbin/quorumd" "$p/lib/systemd/system/quorumd.service" "$p/lib/sysusers.d/quorumd.conf")
[ ! -f witness/main.c ] ||
  want+=("$p/sbin/quorum-witnessd" "$p/lib/systemd/system/quorum-witnessd.service" "$p/lib/sysusers.d/quorum-witnessd.conf")
[ ! -f src/runner/main.c ] || want+=("$p/libexec/quorumd/quorum-runner")
[ ! -f src/api/main.c ] || want+=("$p/libexec/quorumd/quorum-api")
[ ! -f tools/quorumctl/main.c ] || want+=("$p/bin/quorumctl")
[ -z "$(files 'src/libquorumd/*.c')" ] ||
  want+=("$p/lib/libquorumd.so.0" "$p/lib/libquorumd.so" "$p/lib/libquorumd.a" "$p/lib/pkgconfig/quorumd.pc")
for file in $(files 'include/quorumd/*.h'); do want+=("$p/$file"); done
for page in $(files 'docs/*.[13578]'); do want+=("$p/share/man/man${page##*.}/${page##*/}"); done
findings=
for file in "${want[@]}"; do [ -e "$dest/$file" ] || findings+="$file is missing"$'\n'; done
findings+=$(find "$dest" -type f -perm /022 -printf '%P can be written by others\n')
findings+=$(grep -rlF "$PWD" "$dest/$p/lib/pkgconfig" "$dest/$p/lib/systemd" 2>/dev/null)
verdict install-files "${findings%$'\n'}"

for name in quorumd quorum-witnessd; do
  unit=$dest/$p/lib/systemd/system/$name.service
  if [ -e "$unit" ] && command -v systemd-analyze >/dev/null; then
    verdict "install-unit-$name" "$(systemd-analyze verify "$unit" 2>&1 | grep -E "$name.service:[0-9]+:|Unknown|Failed to parse")"
  fi
done

if [ -e "$dest/$p/lib/pkgconfig/quorumd.pc" ]; then
  cat >"$dest/try.c" <<'C'
#include <quorumd/errors.h>
#include <quorumd/quorumd.h>
int main(void)
{
	return QD_OK;
}
C
  export PKG_CONFIG_PATH=$dest/$p/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$dest
  findings=
  # shellcheck disable=SC2046 # the flags are several words
  gcc -std=c11 -Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags quorumd) -o "$dest/try" "$dest/try.c" \
    -Wl,--no-as-needed $(pkg-config --libs quorumd) 2>"$dest/log" || findings=$(cat "$dest/log")
  [ -n "$findings" ] || LD_LIBRARY_PATH=$dest/$p/lib "$dest/try" || findings="the program did not run"
  verdict install-pkg-config "$findings"
  if command -v g++ >/dev/null; then
    # shellcheck disable=SC2046
    verdict install-c++ "$(g++ -fsyntax-only -x c++ "$dest/try.c" $(pkg-config --cflags quorumd) 2>&1)"
  fi
  # What the library shows is its interface and nothing of the inside.
  verdict install-symbols "$(nm -D --defined-only "$dest/$p/lib/libquorumd.so.0" | awk '$2 != "A" && $3 !~ /^qd_client_|^quorumd_|^qd_/ { print $3 }')"
fi
exit "$lint_failed"
