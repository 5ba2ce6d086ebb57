#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What somebody on the network can do who has no key, to real daemons: changed and random packets, connections that are
# held; and what machines and operators do that is not what they should.
bats_require_minimum_version 1.5.0

load attacks

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
