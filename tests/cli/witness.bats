#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# quorum-witnessd's command line: options, key files, status. What it says to nodes is in tests/drv/t_witness_daemon.c.
bats_require_minimum_version 1.5.0

setup() {
  cd "$BATS_TEST_DIRNAME/../.." || return 1
  W=${QD_BUILD:-build/gcc}/quorum-witnessd
  T=$BATS_TEST_TMPDIR
  mkdir "$T/keys"
  PORT=$((20000 + RANDOM % 10000))
}

teardown() {
  if [ -n "${BG_PID:-}" ]; then
    kill -TERM "$BG_PID" 2>/dev/null || true
    wait "$BG_PID" 2>/dev/null || true
  fi
  if [ -n "${MOUNTED:-}" ]; then
    cluster_stop
    umount "$MOUNTED"
  fi
}

# key NAME DIGIT: a key file whose cluster id is that digit, 32 times
key() {
  (umask 077 && printf 'cluster %s\nkey 1 use %s\n' "$(printf "$2%.0s" {1..32})" "$(printf 'a5%.0s' {1..32})" >"$T/keys/$1.key")
}

start() {
  "$W" --keys "$T/keys" --store "$T/store" --socket "$T/status" --listen "127.0.0.1:$PORT" 2>"$T/log" &
  BG_PID=$!
  for _ in {1..200}; do
    [ ! -S "$T/status" ] || return 0
    kill -0 "$BG_PID" || return 1
    read -rt 0.05 <> <(:) || true
  done
  return 1
}

@test "help and version" {
  run -0 "$W" --help
  [[ $output == *"--status"* ]]
  run -0 "$W" --version
  [[ $output == "quorum-witnessd "* ]]
}

@test "wrong options end with status 64 and say why" {
  run -64 "$W" --nonsense
  [[ $output == *usage:* ]]
  run -64 "$W" word
  [[ $output == *"word: not an option"* ]]
  for address in '' nonsense 192.0.2.1:0 192.0.2.1:65536 '[::1' '[::1]x' 192.0.2.1: host.example ::ffff:192.0.2.1; do
    run -64 "$W" --listen "$address" --check --keys "$T/keys"
    [[ $output == *"expected ADDRESS"* ]]
  done
}

@test "addresses of both families, with and without a port" {
  run -0 "$W" --listen 192.0.2.1 --listen 192.0.2.1:77 --listen 2001:db8::1 --listen '[2001:db8::1]:77' --check --keys "$T/keys"
}

@test "--check names each key file that cannot be used" {
  key one 1
  key same 1
  key open 2
  chmod 0644 "$T/keys/open.key"
  echo nonsense >"$T/keys/bad.key"
  chmod 0600 "$T/keys/bad.key"
  echo ignored >"$T/keys/README"
  run -78 "$W" --check --keys "$T/keys"
  [[ $output == *"bad.key:1:"* ]]
  [[ $output == *"open.key has mode 0644"* ]]
  [[ $output == *"same.key: another key file is of the same cluster"* ]]
  [[ $output == *"1 clusters, 3 key files that cannot be used"* ]]
  rm "$T/keys"/{same,open,bad}.key
  run -0 "$W" --check --keys "$T/keys"
  run -78 "$W" --check --keys "$T/none"
  [[ $output == *"$T/none: No such file"* ]]
}

@test "--status without a daemon ends with status 3" {
  run -3 "$W" --status --socket "$T/status"
  [[ $output == *"is quorum-witnessd running"* ]]
}

@test "--status shows clusters, also as JSON, and a reload's new ones" {
  key one 1
  start
  run -0 "$W" --status --socket "$T/status"
  [[ $output == *"1 clusters"*"11111111111111111111111111111111"*unconfirmed* ]]
  key two 2
  kill -HUP "$BG_PID"
  for _ in {1..200}; do
    "$W" --status --json --socket "$T/status" >"$T/json"
    ! grep -q '"clusters":2' "$T/json" || break
  done
  python3 - "$T/json" <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
assert d['clusters'] == 2 and len(d['tenants']) == 2, d
assert d['store'] == {**d['store'], 'state': 'new', 'writable': True}, d
assert all(not t['confirmed'] and t['holder'] == 0 for t in d['tenants']), d
PY
}

@test "a second daemon on the same store is refused, and so is a port that is taken" {
  key one 1
  start
  run -78 "$W" --keys "$T/keys" --store "$T/store" --socket "$T/second" --listen "127.0.0.1:$((PORT + 1))"
  [[ $output == *"another quorum-witnessd uses this directory"* ]]
  mkfifo "$T/bound" "$T/end"
  python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", int(sys.argv[1])))
open(sys.argv[2], "w").write("bound")
open(sys.argv[3]).read()' "$((PORT + 2))" "$T/bound" "$T/end" &
  other=$!
  read -r _ <"$T/bound" || true
  run -78 "$W" --keys "$T/keys" --store "$T/store2" --socket "$T/second" --listen "127.0.0.1:$((PORT + 2))"
  kill "$other" || true
  [[ $output == *"port $((PORT + 2)): Address already in use"* ]]
}

@test "the store's directory that cannot be made is named" {
  key one 1
  run -78 "$W" --keys "$T/keys" --store /proc/there/is/none --listen "127.0.0.1:$PORT"
  [[ $output == *"/proc/there/is/none: No such file"* ]]
}

# Two nodes, and the witness's store on a file system of its own, without a byte left.
full_witness() {
  load tgt
  load cluster
  load views
  views_conf node_majority alpha beta
  STORE=$T/full
  mkdir "$STORE"
  mount -t tmpfs -o size=8m full "$STORE"
  MOUNTED=$STORE
  mkdir "$STORE/store"
  install -m 600 "$T/key" "$T/keys/demo.key"
  for n in 1 2; do
    printf 'witness:\n  addresses: ["127.0.0.1:%s"]\n' "$PORT" >>"$T/n$n/conf.yaml"
    sed -i 's/model: node_majority/model: node_and_witness/' "$T/n$n/conf.yaml"
    rm -rf "$T/n$n/state"/*
    "$CTL" cluster create "$T/n$n/conf.yaml" >"$T/n$n/created"
  done
  dd if=/dev/zero of="$STORE/filler" bs=4096 2>"$T/dd" || true
  "$W" --keys "$T/keys" --store "$STORE/store" --socket "$T/status" --listen "127.0.0.1:$PORT" 2>"$T/log" 3>&- &
  BG_PID=$!
  views_start 1 2
}

@test "a full disk under the store: grants are refused and said, nothing is lost, and it goes on by itself" {
  full_witness
  for n in 1 2; do tgt_wait 60 sees $n 2; done
  at=$(leader 1)
  tgt_wait 60 field_is "$at" .witness.verdict "store failed"
  grep -q "No space left on device; grants are refused until it can" "$T/log"
  "$W" --status --json --socket "$T/status" >"$T/json"
  jq -e '.store.writable == false' "$T/json"
  sees "$at" 2
  rm "$STORE/filler"
  tgt_wait 60 field_is "$at" '[.witness.verdict, .witness.record.confirmed, .witness.record.holder] | @csv' "\"ok\",true,$at"
  "$W" --status --json --socket "$T/status" >"$T/json"
  jq -e '.store.writable' "$T/json"
  # it has its vote again, if it had lost it
  tgt_wait 60 field_is "$at" '[.quorum.votes_total, .quorum.changing] | @csv' 3,false
  # full again: who has a place goes on
  dd if=/dev/zero of="$STORE/filler" bs=4096 2>"$T/dd" || true
  node_stop "$at" KILL
  tgt_wait 60 field_is $((3 - at)) '[.witness.verdict, .witness.record.holder] | @csv' "\"ok\",$((3 - at))"
}
