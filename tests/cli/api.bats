#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# quorum-api, quorumctl's questions to it and libquorumd, with real nodes on a target of the test's own.
bats_require_minimum_version 1.5.0

setup() {
  cd "$BATS_TEST_DIRNAME/../.." || return 1
  load tgt
  load cluster
  SOCK=$BATS_TEST_TMPDIR/n1/run/api.sock
}

teardown() {
  if [ -n "${BG_PID:-}" ]; then
    kill -TERM "$BG_PID" 2>/dev/null || true
    wait "$BG_PID" 2>/dev/null || true
  fi
  cluster_stop
  tgt_stop
}

# one node that owns; with SCRIPT a group that runs
one_node() {
  tgt_start
  "$CTL" disk format "$TGT_URL" --cluster demo
  node_conf 1 alpha beta
  node_start 1
  tgt_wait 20 owner_is 1 alpha
}

get() {
  curl -s --max-time 10 --unix-socket "$SOCK" "http://x$1" "${@:2}"
}

code() {
  curl -s --max-time 10 -o /dev/null -w '%{http_code}' --unix-socket "$SOCK" "http://x$1" "${@:2}"
}

is_code() {
  [ "$(code "$2")" = "$1" ]
}

in_file() {
  grep -q "$1" "$2"
}

write_script() {
  SCRIPT=$BATS_TEST_TMPDIR/script
  cat >"$SCRIPT" <<'SH'
#!/bin/sh
d=$(dirname "$0")
case $1 in
start) echo "$QUORUMD_EPOCH" >"$d/token" && touch "$d/runs" ;;
stop) rm -f "$d/runs" ;;
monitor) test -e "$d/runs" ;;
esac
SH
  chmod +x "$SCRIPT"
}

@test "status, owner, health and version of an owner with its group" {
  write_script
  one_node
  tgt_wait 20 is_code 200 /health
  run ctl 1 status --json
  echo "$output"
  [ "$status" -eq 0 ]
  [ "$(jq -r '[.health, .owner.name, .group.state, .mine, .online] | @csv' <<<"$output")" = \
    '"healthy","alpha","online",true,true' ]
  [ "$(jq .epoch <<<"$output")" = "$(cat "$BATS_TEST_TMPDIR/token")" ]
  [ "$(jq '.lease.stopped_in_ms > 0' <<<"$output")" = true ]
  run ctl 1 status
  [ "$status" -eq 0 ]
  [[ $output == *"owner    alpha (1), epoch"*", this node"* ]]
  [[ $output != *$'\033'* ]]
  run ctl 1 version
  [[ $output == *"quorumd 0."* ]]
}

@test "an owner whose group does not start is degraded, and not healthy for a load balancer" {
  SCRIPT=/bin/false
  one_node
  run ctl 1 status
  echo "$output"
  [ "$status" -eq 1 ]
  [ "$(code /health)" = 503 ]
}

@test "paths, methods and bodies that are none" {
  one_node
  [ "$(code /nothing)" = 404 ]
  [ "$(code /v1/status -X POST)" = 405 ]
  [ "$(code /v1/handover)" = 405 ]
  [ "$(code '/v1/log?since=x')" = 400 ]
  [ "$(code /v1/handover -d '{"to": "nobody"}')" = 404 ]
  [ "$(code /v1/handover -d 'x')" = 404 ]
  [ "$(code /v1/handover -d "$(head -c 600 /dev/zero | tr '\0' x)")" = 413 ]
  [ "$(get /nothing | jq -r .error.code)" = not-found ]
  [ "$(code /v1/status)" = 200 ]
}

@test "without quorumd: 503 and exit status 3; with it again: as before" {
  one_node
  run ctl 1 status
  [ "$status" -eq 0 ]
  node_stop 1 KILL
  tgt_wait 20 is_code 503 /v1/status
  [ "$(get /v1/status | jq -r .error.code)" = unreachable ]
  [ "$(code /v1/events)" = 503 ]
  [ "$(code /v1/log)" = 503 ]
  [ "$(code /v1/handover -d '{}')" = 503 ]
  [ "$(code /health)" = 503 ]
  for command in status owner log handover; do
    run ctl 1 "$command"
    [ "$status" -eq 3 ]
    [[ $output == *"quorumctl: "* ]]
  done
  node_start 1
  tgt_wait 20 owner_is 1 alpha
}

@test "a quorumd that hangs is not healthy" {
  one_node
  [ "$(code /health)" = 200 ]
  kill -STOP "$NODE_PID_1"
  [ "$(code /health)" = 503 ]
  kill -CONT "$NODE_PID_1"
  tgt_wait 20 is_code 200 /health
}

@test "nobody listens: exit status 3" {
  mkdir -p "$BATS_TEST_TMPDIR/n1/run"
  run ctl 1 status
  [ "$status" -eq 3 ]
  [[ $output == *"quorum-api cannot be reached"* ]]
}

@test "two nodes: events, hand-over to a name, an id and back, and what is refused" {
  one_node
  node_conf 2 alpha beta
  node_start 2
  tgt_wait 20 owner_is 2 alpha
  ctl 2 status --watch --json >"$BATS_TEST_TMPDIR/events" 3>&- &
  BG_PID=$!
  tgt_wait 20 in_file '"mine":false' "$BATS_TEST_TMPDIR/events"
  run ctl 2 handover
  [ "$status" -eq 2 ]
  [[ $output == *"does not own"* ]]
  run ctl 1 handover nobody
  [ "$status" -eq 66 ]
  run ctl 1 handover alpha
  [ "$status" -eq 66 ]
  run ctl 1 handover beta
  echo "$output"
  [ "$status" -eq 0 ]
  tgt_wait 20 in_file '"mine":true' "$BATS_TEST_TMPDIR/events"
  tgt_wait 20 owner_is 1 beta
  run ctl 2 handover 1
  [ "$status" -eq 0 ]
  tgt_wait 20 owner_is 2 alpha
  run ctl 2 log
  [[ $output == *"hand-over: done"* ]]
  run ctl 2 log --json --since 1
  [ "$(head -1 <<<"$output" | jq .number)" = 1 ]
}

@test "owner --wait waits for the first owner" {
  tgt_start
  "$CTL" disk format "$TGT_URL" --cluster demo
  node_conf 1 alpha beta
  ctl 1 owner --wait >"$BATS_TEST_TMPDIR/owner" 2>/dev/null 3>&- &
  BG_PID=$!
  node_start 1
  tgt_wait 20 in_file alpha "$BATS_TEST_TMPDIR/owner"
  wait "$BG_PID"
  BG_PID=
}

@test "libquorumd: the example of the manual compiles and follows the owner" {
  one_node
  cc -std=c11 -Wall -Wextra -Werror -Iinclude -o "$BATS_TEST_TMPDIR/example" docs/example.c -Lbuild -lquorumd \
    -Wl,-rpath,"$PWD/build"
  "$BATS_TEST_TMPDIR/example" "$SOCK" >"$BATS_TEST_TMPDIR/out" 3>&- &
  BG_PID=$!
  tgt_wait 20 in_file '^alpha owns, token [0-9]*$' "$BATS_TEST_TMPDIR/out"
  node_stop 1 KILL
  tgt_wait 20 in_file '^nobody knows$' "$BATS_TEST_TMPDIR/out"
  node_start 1
  seen() { [ "$(grep -c 'alpha owns' "$BATS_TEST_TMPDIR/out")" -ge 2 ]; }
  tgt_wait 20 seen
}

@test "usage: exit status 64, and --help of everything" {
  for args in "" "nonsense" "status --nonsense" "disk" "disk nonsense" "disk format" "log --since x" "times --renew 3x"; do
    # shellcheck disable=SC2086
    run "$CTL" $args
    [ "$status" -eq 64 ]
  done
  for args in "--help" "status --help" "owner --help" "handover --help" "disk --help" "disk format --help" \
    "disk show --help" "disk check --help" "times --help" "log --help" "version --help" "--version"; do
    # shellcheck disable=SC2086
    run --separate-stderr "$CTL" $args
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
  done
}

@test "quorum-api becomes its own user" {
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  tgt_start
  "$CTL" disk format "$TGT_URL" --cluster demo
  node_conf 1 alpha beta
  # bats keeps its folders for root; the user must be able to walk to the socket
  SOCKETS=$(mktemp -d)
  chmod 0755 "$SOCKETS"
  sed -i "s|nobody-of-this-name|nobody|; s|^run_dir: .*|run_dir: $SOCKETS|" "$BATS_TEST_TMPDIR/n1/conf.yaml"
  node_start 1
  SOCK=$SOCKETS/api.sock
  tgt_wait 20 is_code 200 /v1/status
  [ "$(stat -c %U:%a "$SOCK")" = nobody:660 ]
  pid=$(ss -xlpH src "$SOCK*" | sed -n 's/.*pid=\([0-9]*\).*/\1/p' | head -1)
  [ "$(stat -c %U "/proc/$pid")" = nobody ]
  node_stop 1
  tgt_wait 20 test ! -e "/proc/$pid"
  rm -rf "$SOCKETS"
}
