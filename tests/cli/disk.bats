#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# quorumctl disk against a target of the test's own: what it refuses, what it says, and that nothing was changed.
bats_require_minimum_version 1.5.0

setup() {
  cd "$BATS_TEST_DIRNAME/../.." || return 1
  load tgt
  CTL=build/quorumctl
}

teardown() {
  tgt_stop
  if [ -n "${FAKE_PID:-}" ]; then
    kill -KILL "$FAKE_PID" 2>/dev/null || true
    wait "$FAKE_PID" 2>/dev/null || true
  fi
}

# fake MODE: a stand-in for a target; sets TGT_URL
fake() {
  python3 tests/cli/fake_target.py "$1" >"$BATS_TEST_TMPDIR/port" 3>&- &
  FAKE_PID=$!
  tgt_wait 20 test -s "$BATS_TEST_TMPDIR/port"
  TGT_URL=iscsi://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port")/iqn.2026-11.org.example:disk/1
}

image_sum() {
  sha256sum <"$TGT_IMAGE"
}

# refused STATUS TEXT COMMAND...: exit status and a part of the message; the image is what it was
refused() {
  local status_wanted=$1 text=$2 before
  shift 2
  before=$(image_sum)
  run "$@"
  echo "$output"
  [ "$status" -eq "$status_wanted" ]
  [[ $output == *"$text"* ]]
  [ "$before" = "$(image_sum)" ]
}

@test "disk format: makes a quorum disk, prints its UUID, disk show shows it" {
  tgt_start
  run --separate-stderr "$CTL" disk format "$TGT_URL" --cluster demo
  [ "$status" -eq 0 ]
  [[ $output =~ ^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$ ]]
  [ -z "$stderr" ]
  uuid=$output
  run "$CTL" disk show "$TGT_URL" --json
  [ "$status" -eq 0 ]
  [ "$(jq -r .superblock.uuid <<<"$output")" = "$uuid" ]
  [ "$(jq -r .superblock.cluster <<<"$output")" = demo ]
  [ "$(jq -r .reservation <<<"$output")" = none ]
  [ "$(jq -c .keys <<<"$output")" = '[]' ]
  [ "$(jq -c .slots <<<"$output")" = '[]' ]
}

@test "disk show: a configuration slot that does not count says so" {
  tgt_start
  "$CTL" disk format "$TGT_URL" --cluster demo
  printf qdconfig | dd of="$TGT_IMAGE" bs=512 seek=2184 conv=notrunc status=none
  run "$CTL" disk show "$TGT_URL" --json
  [ "$status" -eq 0 ]
  [ "$(jq -c '.slots | map([.slot, .state, .bytes])' <<<"$output")" = '[[1,"damaged",0]]' ]
}

@test "disk format: a quorum disk is formatted again only by its UUID" {
  tgt_start
  uuid=$("$CTL" disk format "$TGT_URL" --cluster demo)
  refused 77 "quorum disk of cluster \"demo\" already; to format it all the same: --force $uuid" \
    "$CTL" disk format "$TGT_URL" --cluster demo
  refused 77 "--force names something else" \
    "$CTL" disk format "$TGT_URL" --cluster demo --force 00000000-0000-4000-8000-000000000000
  run "$CTL" disk format "$TGT_URL" --cluster other --force "$uuid"
  [ "$status" -eq 0 ]
  [ "$output" != "$uuid" ]
  run "$CTL" disk show "$TGT_URL" --json
  [ "$(jq -r .superblock.cluster <<<"$output")" = other ]
}

@test "disk format: a file system is named and kept" {
  tgt_start
  mke2fs -q -F "$TGT_IMAGE"
  refused 77 "it holds an ext2, ext3 or ext4 file system" "$CTL" disk format "$TGT_URL" --cluster demo
  id=${output##*--force }
  run "$CTL" disk format "$TGT_URL" --cluster demo --force "$id"
  [ "$status" -eq 0 ]
}

@test "disk format: a partition table and unknown data are kept" {
  tgt_start
  printf '\x55\xaa' | dd of="$TGT_IMAGE" bs=1 seek=510 conv=notrunc status=none
  refused 77 "a partition table or a boot sector" "$CTL" disk format "$TGT_URL" --cluster demo
  truncate -s 0 "$TGT_IMAGE"
  truncate -s 16M "$TGT_IMAGE"
  printf 'EFI PART' | dd of="$TGT_IMAGE" bs=1 seek=$((16 * 1024 * 1024 - 512)) conv=notrunc status=none
  refused 77 "a backup GPT partition table" "$CTL" disk format "$TGT_URL" --cluster demo
  truncate -s 0 "$TGT_IMAGE"
  truncate -s 16M "$TGT_IMAGE"
  printf 'x' | dd of="$TGT_IMAGE" bs=1 seek=100000 conv=notrunc status=none
  refused 77 "data that is not known here" "$CTL" disk format "$TGT_URL" --cluster demo
}

@test "disk format: a LUN that is too small" {
  tgt_start 1M
  refused 65 "the LUN has 1048576 bytes and a quorum disk needs 2166784; make the LUN larger" \
    "$CTL" disk format "$TGT_URL" --cluster demo
}

@test "disk format: a write-protected LUN" {
  tgt_start
  tgt_lun readonly=1
  refused 65 "the LUN is write-protected" "$CTL" disk format "$TGT_URL" --cluster demo
}

@test "disk format: a reserved LUN, with the holder's key" {
  tgt_start
  python3 tests/cli/reserve.py "$TGT_URL" 1122334455667788
  refused 77 "reserved (Write Exclusive) by key 0x1122334455667788" "$CTL" disk format "$TGT_URL" --cluster demo
}

@test "disk format: a LUN without persistent reservations" {
  fake no-pr
  run "$CTL" disk format "$TGT_URL" --cluster demo
  echo "$output"
  [ "$status" -eq 69 ]
  [[ $output == *"does not support SCSI-3 persistent reservations"* ]]
  run "$CTL" disk check "$TGT_URL"
  [ "$status" -eq 69 ]
}

@test "disk: a target that answers garbage" {
  fake garbage
  run "$CTL" disk show "$TGT_URL"
  echo "$output"
  [ "$status" -ne 0 ]
  [[ $output == *"$TGT_URL"* ]]
}

@test "disk: an unreachable portal" {
  port=$(tgt_free_port)
  run "$CTL" disk show "iscsi://127.0.0.1:$port/iqn.2026-11.org.example:disk/1"
  echo "$output"
  [ "$status" -eq 3 ]
  [[ $output == *"127.0.0.1:$port"* ]]
}

@test "disk: a target name and a LUN that are not there" {
  tgt_start
  run "$CTL" disk show "${TGT_URL/example:disk/example:none}"
  echo "$output"
  [ "$status" -ne 0 ]
  [[ $output == *example:none* ]]
  run "$CTL" disk show "${TGT_URL%1}7"
  echo "$output"
  [ "$status" -eq 66 ]
  [[ $output == *"no LUN 7"* ]]
}

@test "disk: no quorum disk" {
  tgt_start
  refused 65 "it is no quorum disk: it holds nothing" "$CTL" disk show "$TGT_URL"
}

@test "disk: a quorum disk of a newer format is not touched" {
  tgt_start
  "$CTL" disk format "$TGT_URL" --cluster demo
  python3 tests/cli/newer.py "$TGT_IMAGE"
  refused 65 "newer format" "$CTL" disk show "$TGT_URL"
  refused 65 "newer format" "$CTL" disk format "$TGT_URL" --cluster demo
}

@test "disk: a wrong CHAP secret, a right one, and none" {
  tgt_start
  tgt_admin --lld iscsi --op new --mode account --user ed --password right-secret-1
  tgt_admin --lld iscsi --op bind --mode account --tid 1 --user ed
  (umask 077 && echo wrong-secret-9 >"$BATS_TEST_TMPDIR/wrong" && echo right-secret-1 >"$BATS_TEST_TMPDIR/right")
  refused 77 "$TGT_URL" "$CTL" disk format "$TGT_URL" --cluster demo --user ed --secret-file "$BATS_TEST_TMPDIR/wrong"
  [[ $output != *wrong-secret* ]]
  refused 77 "$TGT_URL" "$CTL" disk format "$TGT_URL" --cluster demo
  run "$CTL" disk format "$TGT_URL" --cluster demo --user ed --secret-file "$BATS_TEST_TMPDIR/right"
  echo "$output"
  [ "$status" -eq 0 ]
}

@test "disk: a secret file that others can read" {
  install -m 0644 /dev/null "$BATS_TEST_TMPDIR/secret"
  echo some-secret >"$BATS_TEST_TMPDIR/secret"
  run "$CTL" disk show iscsi://127.0.0.1/iqn.2026-11.org.example:disk/1 --user ed --secret-file "$BATS_TEST_TMPDIR/secret"
  echo "$output"
  [ "$status" -eq 78 ]
  [[ $output == *"$BATS_TEST_TMPDIR/secret has mode 0644"* ]]
  [[ $output == *"chmod 0600"* ]]
}

@test "disk: URLs that are none, and passwords in them are not repeated" {
  run "$CTL" disk show http://x/y/1
  [ "$status" -eq 64 ]
  [[ $output == *"does not begin with iscsi://"* ]]
  run "$CTL" disk show iscsi://ed:hidden@127.0.0.1/iqn.2026-11.org.example:disk/1
  [ "$status" -eq 64 ]
  [[ $output != *hidden* ]]
  [[ $output == *secret_file* ]]
}

@test "disk check: says what tgt does not protect, and leaves the disk as it was" {
  tgt_start
  "$CTL" disk format "$TGT_URL" --cluster demo
  before=$(image_sum)
  run "$CTL" disk check "$TGT_URL" --json
  echo "$output"
  [ "$status" -eq 1 ]
  [ "$(jq -r .aptpl <<<"$output")" = refused ]
  [ "$(jq -r .preempt_and_abort <<<"$output")" = refused ]
  [ "$(jq '.missing_protections | length' <<<"$output")" -eq 2 ]
  [[ $(jq -r .latency <<<"$output") == "20 reads:"* ]]
  [ "$before" = "$(image_sum)" ]
  run "$CTL" disk show "$TGT_URL" --json
  [ "$(jq -c '[.reservation, .keys]' <<<"$output")" = '["none",[]]' ]
}

@test "disk check: tries nothing on a disk that is reserved or not ours" {
  tgt_start
  run "$CTL" disk check "$TGT_URL" --json
  [[ $(jq -r .aptpl <<<"$output") == "not tried: it is no quorum disk of ours" ]]
  "$CTL" disk format "$TGT_URL" --cluster demo
  python3 tests/cli/reserve.py "$TGT_URL" 1122334455667788
  run "$CTL" disk check "$TGT_URL" --json
  [[ $(jq -r .aptpl <<<"$output") == "not tried: the disk is reserved" ]]
  run "$CTL" disk show "$TGT_URL" --json
  [[ $(jq -r .reservation.holder <<<"$output") == "0x1122334455667788"* ]]
}

@test "disk check: the power-loss test where the target has no APTPL" {
  tgt_start
  "$CTL" disk format "$TGT_URL" --cluster demo
  run "$CTL" disk check "$TGT_URL" --before-power-cut
  [ "$status" -eq 77 ]
  [[ $output == *"the target refuses APTPL"* ]]
  run "$CTL" disk check "$TGT_URL" --after-power-cut
  [ "$status" -eq 1 ]
  [[ $output == *"forgot every reservation"* ]]
}

@test "a configuration without a quorum disk is refused by name" {
  printf 'cluster: demo\nnode: a\nkey_file: /k\nnodes:\n  a: {id: 1, addresses: [127.0.0.1]}\n' >"$BATS_TEST_TMPDIR/none.yaml"
  run "$CTL" disk show --config "$BATS_TEST_TMPDIR/none.yaml"
  echo "$output"
  [ "$status" -eq 78 ]
  [[ $output == *"none.yaml names no quorum disk: give quorum_disk.paths, or a URL"* ]]
}
