#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Install the Debian packages of packages.txt that are missing; for the tests also a machine-id, which a bare Debian
# without systemd does not have: quorum-witnessd does not start without one.
# usage: tools/deps.sh [-l] GROUP...     -l only lists the group's packages
set -eu
cd "$(dirname "$0")/.."
list=0
if [ "${1-}" = -l ]; then list=1; shift; fi
[ $# -gt 0 ] || set -- build test vm
wanted=()
for group; do
  while read -r label rest; do
    # shellcheck disable=SC2206 # the list is split on purpose
    if [ "$label" = "$group:" ]; then wanted+=($rest); fi
  done <packages.txt
done
if [ ${#wanted[@]} = 0 ]; then echo "deps: no such group in packages.txt: $*" >&2; exit 1; fi
if [ $list = 1 ]; then printf '%s\n' "${wanted[@]}"; exit 0; fi
if ! command -v dpkg-query >/dev/null; then
  echo "deps: not a Debian system; the packages in packages.txt are taken as installed" >&2
  exit 0
fi

for group; do
  if [ "$group" = test ] && [ ! -s /etc/machine-id ] && [ "$(id -u)" = 0 ]; then
    tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
  fi
done

# Prints those of the arguments that are not installed.
missing()
{
  declare -A have=()
  local name p
  # A package of several architectures appears as name and name:arch; the plain name is enough.
  while read -r name; do have[$name]=1; done < <(
    dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p')
  for p; do [ -n "${have[$p]-}" ] || echo "$p"; done
}

mapfile -t need < <(missing "${wanted[@]}" | sort -u)
if [ ${#need[@]} = 0 ]; then exit 0; fi
install=(apt-get install -y -q --no-install-recommends "${need[@]}")
if [ "$(id -u)" != 0 ]; then
  echo "deps: missing packages. As root: ${install[*]}" >&2
  exit 1
fi
# Several targets of one make may come here at once, and so may two makes.
lock=/run/lock/quorumd-deps
[ -d /run/lock ] || lock=/tmp/quorumd-deps
exec 9>"$lock"
flock 9
mapfile -t need < <(missing "${wanted[@]}" | sort -u)
if [ ${#need[@]} = 0 ]; then exit 0; fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "deps: installing ${need[*]}"
shopt -s nullglob
lists=(/var/lib/apt/lists/*_Packages*)
try()
{
  apt-get -o DPkg::Lock::Timeout=300 install -y -q --no-install-recommends "${need[@]}" >"$log" 2>&1 </dev/null
}
update()
{
  apt-get -o DPkg::Lock::Timeout=300 update -q >"$log" 2>&1 </dev/null
}
# Lists that are there may be too old to install from: then once more with fresh ones.
if [ ${#lists[@]} = 0 ]; then update || { cat "$log" >&2; exit 1; }; fi
try || { update && try; } || { cat "$log" >&2; echo "deps: failed: ${install[*]}" >&2; exit 1; }
