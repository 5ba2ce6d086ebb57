#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is not whose it seems to be, at a real witness: a store that was restored, and two machines with one id. Nodes n1 and
# n2 and another machine n3 in network namespaces of their own; n0 is the switch, and the witness on it.
bats_require_minimum_version 1.5.0

setup() {
  cd "$BATS_TEST_DIRNAME/../.." || return 1
  load tgt
  load cluster
  load views
  load attacks
  T=$BATS_TEST_TMPDIR
  NS=qd$$
  BG_PID=
}

teardown() {
  if [ -n "$BG_PID" ]; then witness_stop; fi
  cluster_stop
  for n in 0 1 2 3; do ip netns del "$NS-$n" 2>/dev/null || true; done
}

wire_all() {
  for n in 0 1 2 3; do
    ip netns add "$NS-$n"
    nsenter --net="/run/netns/$NS-$n" ip link set lo up
  done
  nsenter --net="/run/netns/$NS-0" ip link add wire type bridge forward_delay 0
  nsenter --net="/run/netns/$NS-0" ip addr add 10.99.0.9/24 dev wire
  nsenter --net="/run/netns/$NS-0" ip link set wire up
  for n in 1 2 3; do
    nsenter --net="/run/netns/$NS-0" ip link add port$n type veth peer name wire netns "$NS-$n"
    nsenter --net="/run/netns/$NS-0" ip link set port$n master wire up
    nsenter --net="/run/netns/$NS-$n" ip addr add "10.99.0.$n/24" dev wire
    nsenter --net="/run/netns/$NS-$n" ip link set wire up
  done
}

# conf N NAME ADDRESS-OF-ALPHA ADDRESS-OF-BETA: of machine N, which says that it is NAME
conf() {
  mkdir -p "$T/n$1/state" "$T/n$1/run"
  cat >"$T/n$1/conf.yaml" <<YAML
cluster: demo
node: $2
key_file: $T/key
nodes:
  alpha: {id: 1, addresses: [10.99.0.$3]}
  beta: {id: 2, addresses: [10.99.0.$4]}
heartbeat: {same_subnet_delay: 100ms}
quorum: {model: node_and_witness, dynamic: off}
witness: {addresses: [10.99.0.9]}
times: {renew: 500ms}
state_dir: $T/n$1/state
run_dir: $T/n$1/run
api: {user: nobody-of-this-name}
test: {machine_id: 0000000000000000000000000000000$1, boot_id: 0000000000000000000000000000000$1}
YAML
  "$CTL" cluster create "$T/n$1/conf.yaml" >"$T/n$1/created"
}

machine_start() {
  nsenter --net="/run/netns/$NS-$1" build/quorumd --config "$T/n$1/conf.yaml" >>"$T/n$1/log" 2>&1 3>&- &
  eval "NODE_PID_$1=$!"
}

# on the switch
witness_up() {
  nsenter --net="/run/netns/$NS-0" build/quorum-witnessd --keys "$T/witness/keys" --store "$T/witness/store" --listen 10.99.0.9 \
    --socket "$T/witness/status" >>"$T/witness/log" 2>&1 3>&- &
  BG_PID=$!
  tgt_wait 10 witness_says .clusters 1
}

# LEADER holds the lock, and its witness has a vote
two_with_witness() {
  "$CTL" keygen "$T/key" >"$T/keygen"
  mkdir -p "$T/witness/keys" "$T/witness/store"
  install -m 600 "$T/key" "$T/witness/keys/demo.key"
  wire_all
  witness_up
  conf 1 alpha 1 2
  conf 2 beta 1 2
  for n in 1 2; do machine_start $n; done
  for n in 1 2; do tgt_wait 30 sees $n 2; done
  LEADER=$(leader 1)
  OTHER=$((3 - LEADER))
  tgt_wait 30 holds "$LEADER"
}

holds() {
  field_is "$1" '[.quorum.quorate, .quorum.votes_present, .witness.verdict, .witness.record.holder] | @csv' \
    "true,$([ "$2" = alone ] && echo 2 || echo 3),\"ok\",$1"
}

witness_at_least() {
  [ "$(witness "$1")" -ge "$2" ]
}

# $1: machine that is left. It is alone with a witness that has an older store, and gets nothing; then the other one comes.
restored_store() {
  local left=$1 other=$((3 - $1)) epoch=$2 refused
  witness_up
  grep -q "witness/store: not provably this witness's own store, .*nothing is granted to a cluster before its leader confirms" \
    "$T/witness/log"
  refused=$(witness '.tenants[0].refused')
  tgt_wait 30 witness_at_least '.tenants[0].refused' $((refused + 10))
  [ "$(witness '[.store.state, (.tenants[0] | .confirmed, .granted)] | @csv')" = '"copy",false,0' ]
  run build/quorum-witnessd --status --socket "$T/witness/status"
  echo "$output"
  [[ $output == *"store: copy at the start"*" unconfirmed"* ]]
  field_is "$left" '[.quorum.quorate, .witness.verdict, .witness.record.confirmed] | @csv' 'false,"unconfirmed",false'
  run ctl "$left" witness status
  echo "$output"
  [[ $output == *"said     unconfirmed"*"it is new, or not provably its own, and grants nothing. It is confirmed by"* ]]
  run -2 ctl "$left" why
  echo "$output"
  machine_start $other
  for n in 1 2; do tgt_wait 30 sees $n 2; done
  LEADER=$(leader 1)
  OTHER=$((3 - LEADER))
  tgt_wait 30 holds "$LEADER"
  [ "$(witness '.tenants[0].confirmed')" = true ]
  [ "$(witness '.tenants[0].epoch')" -gt "$epoch" ]
}

@test "the witness's store is restored from a copy: it grants nothing until two that are quorate without it confirm" {
  local epoch
  two_with_witness
  cp -a "$T/witness/store" "$T/witness/copy"
  for how in directory bytes; do
    # the cluster goes on: the lock goes to the other one, under a later epoch than the copy has
    node_stop "$LEADER" KILL
    tgt_wait 30 holds "$OTHER" alone
    epoch=$(witness '.tenants[0].epoch')
    witness_stop
    tgt_wait 30 field_is "$OTHER" .quorum.quorate false
    if [ $how = directory ]; then
      rm -r "$T/witness/store"
      cp -a "$T/witness/copy" "$T/witness/store"
    else
      cat "$T/witness/copy/grants" >"$T/witness/store/grants"
    fi
    rm "$T/witness/log"
    restored_store "$OTHER" "$epoch"
  done
}

# The third machine has the id of node $1. Its first start is a later one than that node's: they count from the time of day
# at which the store was made.
false_one() {
  local names=(- alpha beta)
  if [ "$1" = 1 ]; then conf 3 "${names[$1]}" 3 2; else conf 3 "${names[$1]}" 1 3; fi
  machine_start 3
}

# what the cluster has
has() {
  field "$LEADER" '[.view.epoch, .view.members, .quorum.quorate, .quorum.votes_present, .witness.verdict,
    .witness.record.holder, .witness.record.epoch] | tostring'
}

twin_at_the_witness() {
  local before
  before=$(has)
  false_one "$1"
  tgt_wait 40 witness_at_least .packets.twin 5
  [ "$(witness '.tenants[0].twin')" -ge 5 ]
  # longer than the right of a holder that the witness does not answer
  at=$(witness '.tenants[0].good')
  tgt_wait 30 witness_at_least '.tenants[0].good' $((at + 12))
  [ "$(has)" = "$before" ]
  [ "$(witness '.tenants[0] | [.holder, .renewed_ms < 2000] | @csv')" = "$LEADER,true" ]
  build/quorum-witnessd --status --socket "$T/witness/status" >"$T/said"
  cat "$T/said"
  grep -q "[1-9] of a second machine with a node's id" "$T/said"
  grep -q "held, two machines with one id" "$T/said"
  [ "$(grep -c "node $1 asks from 10.99.0.3, and with another start from elsewhere: another machine has its id and key" \
    "$T/witness/log")" -eq 1 ]
  field_is 3 '[.quorum.quorate, .witness.reachable] | @csv' false,false
}

@test "another machine with the id and key of the lock's holder, at the witness: said, and the cluster keeps lock and vote" {
  two_with_witness
  twin_at_the_witness "$LEADER"
  in_log "$OTHER" "packets of node $LEADER come from 10.99.0.3, not its address: another machine has its id"
  # nor does it hold up who takes over from the one whose id it has
  node_stop "$LEADER" KILL
  tgt_wait 30 holds "$OTHER" alone
  field_is 3 .quorum.quorate false
}

@test "another machine with the id and key of the other node, at the witness: said, and that node can take over" {
  two_with_witness
  # the other one has asked, and is known
  tgt_wait 30 field_is "$OTHER" '.witness.record.holder' "$LEADER"
  twin_at_the_witness "$OTHER"
  node_stop "$LEADER" KILL
  tgt_wait 30 holds "$OTHER" alone
  field_is 3 .quorum.quorate false
}
