#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What somebody on the network can do who has no key, to real daemons: replays, changed and random packets, connections that
# are held; and what machines do that are not what they say. Needs root: it listens on the loopback interface.
bats_require_minimum_version 1.5.0

setup() {
  cd "$BATS_TEST_DIRNAME/../.." || return 1
  load tgt
  load cluster
  load views
  T=$BATS_TEST_TMPDIR
  RECORD_PID=
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

counted_at_least() {
  [ "$(counted "$1" "$2")" -ge "$3" ]
}

# The dead node $2 stays dead, whatever is replayed of it at nodes $3 and $4, in each of the orders $1 for more than twice
# the detection of 0.55 s.
replays_change_nothing() {
  local orders=$1 dead=$2 n order as before after ok
  shift 2
  for as in 127.0.0.99 own; do
    for order in $orders; do
      before=$(for n in "$@"; do picture "$n" "$dead"; done)
      ok=$(counted "$1" ok)
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
    done
  done
}

@test "a dead node's recorded packets, in any order and from any address, never make it alive" {
  three_recorded
  dead=$((LEADER % 3 + 1))
  other=$((6 - LEADER - dead))
  node_stop $dead KILL
  tgt_wait 30 sees "$LEADER" 2
  tgt_wait 30 field_is "$LEADER" .quorum.votes_total 1
  record_stop
  logged=$(log_lines "$LEADER")
  replays_change_nothing "in reverse random" $dead "$LEADER" $other
  [ $(($(log_lines "$LEADER") - logged)) -le 10 ]
  # what the survivors sent to each other, again, disturbs nothing either
  before=$(picture "$LEADER" $dead)
  attacker replay "$T/packets" "$(addresses "$LEADER"),$(addresses $other)" random 2
  [ "$(picture "$LEADER" $dead)" = "$before" ]
  # and while all that is known of it is replayed, the real one comes back
  attacker replay "$T/packets" "$(addresses $dead)" random 20 >"$T/replayed" 3>&- &
  BG_PID=$!
  node_start $dead
  for n in 1 2 3; do tgt_wait 15 sees $n 3; done
  kill -0 $BG_PID
}

@test "replayed at a receiver that has restarted: a dead node stays dead" {
  three_recorded
  dead=$((LEADER % 3 + 1))
  other=$((6 - LEADER - dead))
  node_stop $dead KILL
  tgt_wait 30 sees "$LEADER" 2
  tgt_wait 30 field_is "$LEADER" .quorum.votes_total 1
  record_stop
  node_stop $other TERM
  node_start $other
  tgt_wait 30 sees $other 2
  tgt_wait 30 field_is "$LEADER" '.view.members | length' 2
  tgt_wait 30 field_is "$LEADER" .health degraded
  replays_change_nothing "in random" $dead $other "$LEADER"
}

@test "replayed at a cluster with the same addresses and another key: counted as another cluster's" {
  three_recorded
  record_stop
  cluster_stop
  rm -rf "$T"/n? "$T/key"
  port=$VIEWS_PORT
  views_conf node_majority alpha beta gamma
  for n in 1 2 3; do sed -i "s/port: $VIEWS_PORT/port: $port/" "$T/n$n/conf.yaml"; done
  for n in 1 2 3; do rm -rf "$T/n$n/state"/*; "$CTL" cluster create "$T/n$n/conf.yaml"; done
  views_start 1 2 3
  for n in 1 2 3; do tgt_wait 30 sees $n 3; done
  before=$(field 1 .view.epoch)
  logged=$(log_lines 1)
  run attacker replay "$T/packets" "$(addresses 1),$(addresses 2),$(addresses 3)" once 0
  sent=$(jq .sent <<<"$output")
  [ "$sent" -gt 300 ]
  all_counted() { [ $(($(counted 1 cluster) + $(counted 2 cluster) + $(counted 3 cluster))) -ge "$sent" ]; }
  tgt_wait 10 all_counted
  [ "$(field 1 .view.epoch)" = "$before" ]
  [ $(($(log_lines 1) - logged)) -le 10 ]
  run ctl 1 status
  [[ $output =~ refused.*cluster\ [0-9]+ ]]
}

@test "a hundred thousand random and changed packets: refused, counted, hardly a line in the log, one view" {
  three_recorded
  record_stop
  for n in 1 2 3; do eval "lines$n=$(log_lines $n)"; done
  before=$(field 1 .view.epoch)
  run attacker garbage "$T/packets" "$VIEWS_PORT" 100000 "$(address 1 0)" "$(address 2 0)" "$(address 3 0)"
  [ "$status" -eq 0 ]
  # whatever the kernel had room for was looked at
  refused() {
    field "$1" '[.packets | .length, .version, .malformed, .id, .cluster, .key, .forged] + [.networks[].dropped] | add'
  }
  all_refused() { [ $(($(refused 1) + $(refused 2) + $(refused 3))) -ge 95000 ]; }
  tgt_wait 20 all_refused
  for n in 1 2 3; do
    echo "node $n: $(field $n '.packets | tostring')"
    [ "$(field $n .view.epoch)" = "$before" ]
    sees $n 3
    v=lines$n
    [ $(($(log_lines $n) - ${!v})) -le 20 ]
    for verdict in length version id forged; do counted_at_least $n $verdict 1; done
  done
}

@test "a wrong key, a wrong cluster and an unknown node id are counted and shown" {
  views_conf node_majority alpha beta gamma
  cp "$T/key" "$T/good"
  views_start 2 3
  # 2 of 3 form; node 1 begins all exchanges
  for n in 2 3; do tgt_wait 30 sees $n 2; done
  sed -i "s|^key_file: .*|key_file: $T/wrong|" "$T/n1/conf.yaml"
  # $1: the verdict that its packets get
  stranger() {
    local logged now
    tgt_wait 20 field_is 2 '.view.members | length' 2
    logged=$(log_lines 2)
    node_start 1
    tgt_wait 30 counted_at_least 2 "$1" 30
    tgt_wait 30 counted_at_least 3 "$1" 30
    run ctl 2 status
    echo "$output"
    [[ $output =~ refused.*"$1"\ [0-9]+ ]]
    sees 2 2
    sees 3 2
    now=$(log_lines 2)
    echo "lines: $logged $now"
    [ $((now - logged)) -le 5 ]
    node_stop 1 KILL
  }
  # the cluster's id and number, another key
  install -m 600 <(sed 's/^\(key 1 use \)...../\100000/' "$T/good") "$T/wrong"
  stranger forged
  # another number
  install -m 600 <(sed 's/^key 1 use/key 9 use/' "$T/good") "$T/wrong"
  stranger key
  rm "$T/wrong"
  "$CTL" keygen "$T/wrong"
  rm -rf "$T/n1/state"/*
  "$CTL" cluster create "$T/n1/conf.yaml"
  stranger cluster
}

@test "a node with the right key and an id that nobody configured: counted, shown, and not let in" {
  views_conf node_majority alpha beta gamma
  # for nodes 2 and 3 there is no alpha
  for n in 2 3; do
    sed -i '/^  alpha:/d' "$T/n$n/conf.yaml"
    rm -rf "$T/n$n/state"/*
    "$CTL" cluster create "$T/n$n/conf.yaml"
  done
  views_start 2 3
  for n in 2 3; do tgt_wait 30 sees $n 2; done
  logged=$(log_lines 2)
  node_start 1
  for n in 2 3; do tgt_wait 30 counted_at_least $n id 30; done
  run ctl 2 status
  [[ $output =~ refused.*id\ [0-9]+ ]]
  sees 2 2
  sees 3 2
  [ "$(field 1 '.quorum.quorate')" = false ]
  [ $(($(log_lines 2) - logged)) -le 5 ]
}

@test "connections that say nothing or nonsense: as many as there is room for, and the cluster goes on" {
  three_recorded
  record_stop
  other=$((LEADER % 3 + 1))
  pid_of() { local v=NODE_PID_$1; echo "${!v}"; }
  descriptors() { find "/proc/$(pid_of "$1")/fd" -mindepth 1 | wc -l; }
  before=$(field "$LEADER" .view.epoch)
  at_rest=$(descriptors "$LEADER")
  run attacker junk "$(address "$LEADER" 0)" "$VIEWS_PORT" $other "$LEADER" 1
  echo "$output"
  [ "$status" -eq 0 ]
  # a welcome, which is 77 bytes, and never a byte more; nothing at all without a right hello
  jq -e '(.welcomed | all(. == 77)) and (.other_key | all(. == 0)) and (.noise | all(. == 0))' <<<"$output"
  attacker hold "$(address "$LEADER" 0)" "$VIEWS_PORT" 8 >"$T/held" 3>&- &
  BG_PID=$!
  crowded() { [ "$(descriptors "$LEADER")" -ge $((at_rest + 16)) ]; }
  tgt_wait 10 crowded
  # meanwhile a configuration goes to all: by way of connections to the same port
  ctl "$LEADER" config show | sed 's/same_subnet_delay: 100ms/same_subnet_delay: 110ms/' >"$T/new.yaml"
  run ctl "$LEADER" config apply --yes "$T/new.yaml"
  echo "$output"
  [ "$status" -eq 0 ]
  [ "$(descriptors "$LEADER")" -le $((at_rest + 18)) ]
  wait "$BG_PID"
  BG_PID=
  cat "$T/held"
  [ "$(jq .ended "$T/held")" -ge 48 ]
  [ "$(field "$LEADER" .view.epoch)" = "$before" ]
  for n in 1 2 3; do
    sees $n 3
    ctl $n config show | grep -q 'same_subnet_delay: 110ms'
  done
}

@test "another machine with a node's id and key at an address of its own: said, and the cluster keeps what it had" {
  views_conf node_majority alpha beta
  mkdir -p "$T/n3/state" "$T/n3/run"
  sed "s|127\.0\.0\.11|127.0.0.13|; s|127\.0\.1\.11|127.0.1.13|; s|/n1/|/n3/|; s/id: \(0*\)1$/id: \13/" "$T/n1/conf.yaml" \
    >"$T/n3/conf.yaml"
  "$CTL" cluster create "$T/n3/conf.yaml"
  views_start 1 2
  for n in 1 2; do tgt_wait 30 sees $n 2; done
  before=$(field 1 '[.view.epoch, .nodes[].incarnation] | tostring')
  node_start 3
  tgt_wait 30 in_log 2 'packets of node 1 come from 127\.0\..\.13, not its address: another machine has its id'
  other_exchanges() { [ "$(field 1 '[.nodes[].links[]?.exchanges] | add')" -ge 60 ]; }
  tgt_wait 30 other_exchanges
  [ "$(field 1 '[.view.epoch, .nodes[].incarnation] | tostring')" = "$before" ]
  for n in 1 2; do sees $n 2; done
  [ "$(field 3 .quorum.quorate)" = false ]
  [ "$(grep -c 'another machine has its id' "$T/n2/log")" -eq 1 ]
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

@test "what a dead holder asked the witness, again and again: its right is not lengthened, and the other one takes over" {
  local replayer stale good
  two_and_witness
  other=$((3 - LEADER))
  # from here on the dead node's vote counts: the witness decides
  ctl "$LEADER" quorum set --dynamic off --yes
  tgt_wait 30 field_is "$LEADER" '[.quorum.votes_present, .quorum.votes_total] | @csv' 3,3
  # its newest requests are renewals then
  good=$(witness .packets.good)
  renewed() { [ "$(witness .packets.good)" -ge $((good + 10)) ]; }
  tgt_wait 30 renewed
  stale=$(witness '.packets.stale + .packets.limited')
  node_stop "$LEADER" KILL
  record_stop
  attacker replay "$T/packets" "node:$LEADER:6" random 8 >"$T/replayed" 3>&- &
  replayer=$!
  # detection 0.55 s, and T = 1.7 s for the lock
  tgt_wait 6 field_is "$other" '[.quorum.quorate, (.view.members | length)] | @csv' true,1
  kill -0 $replayer
  [ "$(witness '.tenants[0].holder')" = "$other" ]
  granted=$(witness '.tenants[0].granted')
  epoch=$(field "$other" .view.epoch)
  wait $replayer
  cat "$T/replayed"
  [ "$(jq .sent "$T/replayed")" -ge 2500 ]
  [ "$(witness '.tenants[0] | [.holder, .granted] | @csv')" = "$other,$granted" ]
  [ "$(field "$other" '[.quorum.quorate, .view.epoch] | @csv')" = "true,$epoch" ]
  [ "$(witness '.packets.stale + .packets.limited')" -ge $((stale + 2000)) ]
  [ "$(witness .packets.stale)" -ge 100 ]
}

@test "the witness: replays after its restart, other clusters' packets and nonsense change nothing, and are counted" {
  two_and_witness
  record_stop
  witness_stop
  witness_start
  tgt_wait 10 witness_says .clusters 1
  # whatever was said to its last life
  for order in in reverse random; do attacker replay "$T/packets" "node:$LEADER" $order 1; done
  tgt_wait 30 witness_says '.tenants[0].holder' "$LEADER"
  tgt_wait 30 field_is "$LEADER" '[.quorum.votes_present, .witness.verdict] | @csv' '3,"ok"'
  [ "$(witness .packets.session)" -ge 100 ]
  attacker garbage "$T/packets" "$VIEWS_PORT" 20000 127.0.0.19
  witness '.packets | tostring'
  [ "$(witness .packets.length)" -ge 1000 ]
  [ "$(witness .packets.envelope)" -ge 20 ]
  [ "$(witness '.packets.forged + .packets.limited')" -ge 100 ]
  [ "$(wc -l <"$T/witness/log")" -le 20 ]
  [ "$(witness '.tenants[0].holder')" = "$LEADER" ]
  sees "$LEADER" 2
  # the same at a witness of others
  witness_stop
  rm "$T/witness/keys/demo.key"
  "$CTL" keygen "$T/witness/keys/others.key"
  witness_start
  tgt_wait 10 witness_says .clusters 1
  attacker replay "$T/packets" "node:$LEADER" once 0
  [ "$(witness '.tenants[0] | [.epoch, .holder, .good] | @csv')" = 0,0,0 ]
  [ "$(witness .packets.unknown)" -ge 10 ]
}

@test "the key is changed while the cluster runs: one view, no packet refused, and what was recorded before is" {
  three_recorded
  record_stop
  cluster_stop
  # a key file for each
  for n in 1 2 3; do
    install -m 600 "$T/key" "$T/n$n/key"
    sed -i "s|^key_file: .*|key_file: $T/n$n/key|" "$T/n$n/conf.yaml"
  done
  views_start 1 2 3
  for n in 1 2 3; do tgt_wait 30 sees $n 3; done
  LEADER=$(leader 1)
  before=$(field "$LEADER" .view.epoch)
  for step in --add --use --retire; do
    "$CTL" keygen $step "$T/key"
    for n in 1 2 3; do
      install -m 600 "$T/key" "$T/n$n/key.new"
      mv "$T/n$n/key.new" "$T/n$n/key"
      read_before=$(grep -c 'keys read again' "$T/n$n/log" || true)
      v=NODE_PID_$n
      kill -HUP "${!v}"
      read_again() { [ "$(grep -c 'keys read again' "$T/n$n/log")" -gt "$read_before" ]; }
      tgt_wait 10 read_again
      # with this mixture of files exchanges go on, and a new configuration travels
      exchanges=$(field $n '[.nodes[].links[]?.exchanges] | add')
      more() { [ "$(field "$n" '[.nodes[].links[]?.exchanges] | add')" -ge $((exchanges + 8)) ]; }
      tgt_wait 10 more
    done
    ctl "$LEADER" config show | sed "s/same_subnet_delay: [0-9]*ms/same_subnet_delay: 1${#step}0ms/" >"$T/new.yaml"
    ctl "$LEADER" config apply --yes "$T/new.yaml"
  done
  for n in 1 2 3; do
    echo "node $n: $(field $n '.packets | tostring')"
    [ "$(field $n '[.packets | .key, .forged, .cluster, .malformed] | add')" -eq 0 ]
    [ "$(field $n .view.epoch)" = "$before" ]
    sees $n 3
  done
  grep -q '^key 2 use' "$T/key"
  run ! grep -q '^key 1' "$T/key"
  attacker replay "$T/packets" "$(addresses 1),$(addresses 2),$(addresses 3)" once 0
  for n in 1 2 3; do tgt_wait 10 counted_at_least $n key 100; done
  [ "$(field "$LEADER" .view.epoch)" = "$before" ]
}

@test "wall clocks that jump by years, forwards and back: nothing happens" {
  gcc -shared -fPIC -O1 -o "$T/wall.so" tests/cli/wall_clock.c -ldl
  views_conf node_majority alpha beta gamma
  for n in 1 2 3; do
    echo 0 >"$T/ahead$n"
    QD_WALL_CLOCK="$T/ahead$n" LD_PRELOAD="$T/wall.so" node_start $n
  done
  for n in 1 2 3; do tgt_wait 30 sees $n 3; done
  LEADER=$(leader 1)
  before=$(field "$LEADER" .view.epoch)
  # proofs of quorum at the leader, which renew its right
  rounds() { field "$LEADER" .margin.rounds; }
  for ahead in 315360000 -315360000 86400 -86400 0; do
    for n in 1 2 3; do
      echo $((n == 3 ? -ahead : ahead)) >"$T/ahead$n.new"
      mv "$T/ahead$n.new" "$T/ahead$n"
    done
    at=$(rounds)
    on() { [ "$(rounds)" -ge $((at + 3)) ]; }
    tgt_wait 20 on
    for n in 1 2 3; do
      sees $n 3
      [ "$(field $n .view.epoch)" = "$before" ]
    done
  done
  # the clock was that of the daemons: their log has its dates
  echo 315360000 >"$T/ahead$LEADER"
  other=$((LEADER % 3 + 1))
  node_stop $other KILL
  tgt_wait 20 sees "$LEADER" 2
  year=$(date -u -d "+3650 days" +%Y)
  grep -q "^$year-" "$T/n$LEADER/log"
}

@test "removing a node, or setting weights, so that the quorum would be lost: refused with the numbers" {
  views_conf node_majority alpha beta gamma
  views_start 1 2 3
  for n in 1 2 3; do tgt_wait 30 sees $n 3; done
  LEADER=$(leader 1)
  ctl "$LEADER" quorum set --dynamic off --yes
  names=(- alpha beta gamma)
  dead=$((LEADER % 3 + 1))
  other=$((6 - LEADER - dead))
  node_stop $dead KILL
  tgt_wait 30 sees "$LEADER" 2
  tgt_wait 30 field_is "$LEADER" .view.leader.id "$LEADER"
  before=$(field "$LEADER" '[.view.configuration.version, .view.epoch] | @csv')
  run ctl "$LEADER" node remove "${names[$other]}" --yes
  echo "$output"
  [ "$status" -eq 77 ]
  [[ $output == *"would have 1 node votes of 2 votes, and 2 are needed"* ]]
  run ctl "$LEADER" quorum set --weight "${names[$dead]}=5" --yes
  echo "$output"
  [ "$status" -eq 77 ]
  [[ $output == *"would have 2 node votes of 7 votes, and 4 are needed"* ]]
  [ "$(field "$LEADER" '[.view.configuration.version, .view.epoch] | @csv')" = "$before" ]
  for n in "$LEADER" $other; do sees "$n" 2; done
}
