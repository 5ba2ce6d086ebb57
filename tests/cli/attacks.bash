# SPDX-License-Identifier: Apache-2.0
# For tests of what somebody on the network can do, with setup and teardown: security.py records and sends. Needs root: it
# listens on the loopback interface.

RECORD_PID=

setup() {
  cd "$BATS_TEST_DIRNAME/../.." || return 1
  load tgt
  load cluster
  load views
  T=$BATS_TEST_TMPDIR
  BG_PID=
}

teardown() {
  record_stop
  if [ -n "$BG_PID" ]; then
    kill -TERM "$BG_PID" 2>/dev/null || true
    wait "$BG_PID" 2>/dev/null || true
  fi
  cluster_stop
}

attacker() {
  python3 tests/cli/security.py "$@"
}

record_start() {
  python3 tests/cli/security.py record "$T/packets" "$VIEWS_PORT" >"$T/record-log" 2>&1 3>&- &
  RECORD_PID=$!
  tgt_wait 10 test -e "$T/packets"
}

record_stop() {
  if [ -n "$RECORD_PID" ]; then
    kill -TERM "$RECORD_PID" || true
    wait "$RECORD_PID" || true
    RECORD_PID=
  fi
}

recorded_from() {
  [ "$(attacker count "$T/packets" "$1" | jq .count)" -ge "$2" ]
}

# the address of node $1 on network $2 (0, 1)
address() {
  echo "127.0.$2.1$1"
}

addresses() {
  echo "$(address "$1" 0),$(address "$1" 1)"
}

# three nodes from their very first packet on, all recorded; LEADER
three_recorded() {
  views_conf node_majority alpha beta gamma
  record_start
  views_start 1 2 3
  for n in 1 2 3; do tgt_wait 30 sees $n 3; done
  for n in 1 2 3; do tgt_wait 30 recorded_from "$(address $n 0)" 100; done
  LEADER=$(leader 1)
}

# The same, and a follower is dead, which the votes have followed; its number DEAD, that of the third one THIRD
three_recorded_one_dead() {
  three_recorded
  DEAD=$((LEADER % 3 + 1))
  THIRD=$((6 - LEADER - DEAD))
  node_stop $DEAD KILL
  tgt_wait 30 sees "$LEADER" 2
  tgt_wait 30 field_is "$LEADER" .quorum.votes_total 1
  record_stop
}

# Everything about a cluster that a replay could change, as node $1 sees it: view, configuration, who is up, who holds what,
# and how many exchanges with node $2 were complete.
picture() {
  field "$1" "[.view.epoch, .view.leader.id, (.view.members | tostring), .view.configuration.version, .quorum.quorate,
    [.nodes[] | [.id, .state, .vote, .incarnation]], [.nodes[] | select(.id == $2) | .links[].exchanges]] | tostring"
}

in_log() {
  grep -q "$2" "$T/n$1/log"
}

log_lines() {
  wc -l <"$T/n$1/log"
}

counted() {
  field "$1" ".packets.$2"
}

# packets of node $2 that node $1 took for replayed
replayed_of() {
  field "$1" ".nodes[] | select(.id == $2) | .replayed"
}

counted_at_least() {
  [ "$(counted "$1" "$2")" -ge "$3" ]
}

# The dead node $2 stays dead, whatever is replayed of it at nodes $3 and $4, in each of the orders $1 for more than twice
# the detection of 0.55 s.
replays_change_nothing() {
  local orders=$1 dead=$2 n order as before after ok replayed
  shift 2
  for as in 127.0.0.99 own; do
    for order in $orders; do
      before=$(for n in "$@"; do picture "$n" "$dead"; done)
      ok=$(counted "$1" ok)
      replayed=$(replayed_of "$1" "$dead")
      run attacker replay "$T/packets" "$(addresses "$dead")" "$order" 1.2 "$as"
      echo "$as $order: $output"
      [ "$status" -eq 0 ]
      [ "$(jq .sent <<<"$output")" -ge 500 ]
      after=$(for n in "$@"; do picture "$n" "$dead"; done)
      echo "before $before"
      echo "after  $after"
      [ "$after" = "$before" ]
      # they were authentic: it is not by their seal that they are dropped
      [ "$(counted "$1" ok)" -gt "$((ok + 100))" ]
      # but because they are old, which is counted
      echo "replayed: $replayed, then $(replayed_of "$1" "$dead"); of all $(counted "$1" replayed)"
      [ "$(replayed_of "$1" "$dead")" -gt "$((replayed + 100))" ]
      [ "$(counted "$1" replayed)" -ge "$((replayed + 100))" ]
    done
  done
  run ctl "$1" status
  echo "$output"
  [[ $output =~ node\ $dead\ .*,\ [0-9]+\ packets\ replayed ]]
  [[ $output =~ refused.*\ replayed\ [0-9]+ ]]
}

witness_start() {
  build/quorum-witnessd --keys "$T/witness/keys" --store "$T/witness/store" --listen "127.0.0.19:$VIEWS_PORT" \
    --socket "$T/witness/status" >>"$T/witness/log" 2>&1 3>&- &
  BG_PID=$!
}

witness_stop() {
  kill -TERM "$BG_PID"
  wait "$BG_PID" || true
  BG_PID=
}

# witness JQ-EXPRESSION: of its status
witness() {
  build/quorum-witnessd --status --json --socket "$T/witness/status" 2>/dev/null | jq -r "$1"
}

witness_says() {
  [ "$(witness "$1")" = "$2" ]
}

# two nodes and a witness that counts, recorded; LEADER holds its lock
two_and_witness() {
  views_conf node_majority alpha beta
  mkdir -p "$T/witness/keys" "$T/witness/store"
  install -m 600 "$T/key" "$T/witness/keys/demo.key"
  for n in 1 2; do
    printf 'witness:\n  addresses: ["127.0.0.19:%s"]\n' "$VIEWS_PORT" >>"$T/n$n/conf.yaml"
    rm -rf "$T/n$n/state"/*
    "$CTL" cluster create "$T/n$n/conf.yaml"
  done
  record_start
  witness_start
  views_start 1 2
  for n in 1 2; do tgt_wait 30 sees $n 2; done
  LEADER=$(leader 1)
  ctl "$LEADER" quorum set --model node_and_witness --yes
  tgt_wait 30 witness_says '.tenants[0].holder' "$LEADER"
  asked_often() { [ "$(witness .packets.good)" -ge 20 ]; }
  tgt_wait 30 asked_often
}
