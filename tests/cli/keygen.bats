#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# quorumctl keygen: a key file is made once, changed in three steps in their order, and no key is ever printed.
bats_require_minimum_version 1.5.0

setup() {
  cd "$BATS_TEST_DIRNAME/../.." || return 1
  FILE=$BATS_TEST_TMPDIR/cluster.key
}

# step STATUS [OPTION...]: keygen ends with it, and nothing that it prints holds 64 hexadecimal digits
step() {
  local status_expected=$1
  shift
  run build/quorumctl keygen "$@" "$FILE"
  echo "$output"
  [ "$status" -eq "$status_expected" ]
  [[ ! $output =~ [0-9a-f]{64} ]]
}

keys() {
  sed -n 's/^\(key [0-9]* [a-z]*\) [0-9a-f]\{64\}$/\1/p' "$FILE"
}

@test "a new file is mode 0600, of a random cluster, with one key" {
  step 0
  [ "$(stat -c %a "$FILE")" = 600 ]
  [ "$(keys)" = "key 1 use" ]
  cluster=$(sed -n 's/^cluster \([0-9a-f]\{32\}\)$/\1/p' "$FILE")
  [[ -n $cluster && $output == *"cluster $cluster"* ]]
  run build/quorumctl keygen "$FILE.other"
  [ "$status" -eq 0 ]
  [[ $output == *"cluster "* && $output != *"$cluster"* ]]
}

@test "an existing file is never overwritten" {
  step 0
  before=$(cat "$FILE")
  step 74
  [[ $output == *"$FILE is there already"* ]]
  [ "$(cat "$FILE")" = "$before" ]
}

@test "the key is changed in three steps, in their order" {
  step 0
  cluster=$(grep ^cluster "$FILE")
  step 77 --use
  step 77 --retire
  step 0 --add
  [ "$(keys)" = $'key 1 use\nkey 2 accept' ]
  step 77 --add
  step 77 --retire
  step 0 --use
  [ "$(keys)" = $'key 1 accept\nkey 2 use' ]
  second=$(grep '^key 2' "$FILE")
  step 77 --use
  step 0 --retire
  [ "$(keys)" = "key 2 use" ]
  [ "$(grep '^key 2' "$FILE")" = "$second" ]
  [ "$(grep ^cluster "$FILE")" = "$cluster" ]
  [ ! -e "$FILE.new" ]
}

@test "a file that others may read is not changed" {
  step 0
  chmod 640 "$FILE"
  step 78 --add
  [[ $output == *"chmod 0600 $FILE"* ]]
  [ "$(keys)" = "key 1 use" ]
}

@test "a mistake in the file has its line, and nothing of the file is printed" {
  step 0
  sed -i 's/^key 1 use \(.*\)/key one use \1/' "$FILE"
  step 78 --add
  [[ $output == *"$FILE:4: expected the number of a key, 1 to 999999999, found something else"* ]]
}

@test "no file, and two steps at once, are wrong usage" {
  run build/quorumctl keygen
  [ "$status" -eq 64 ]
  step 64 --add --use
  [ ! -e "$FILE" ]
}
