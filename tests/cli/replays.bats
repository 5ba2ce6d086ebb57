#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What somebody on the network can do who has no key but has recorded everything: replays, to real daemons.
bats_require_minimum_version 1.5.0

load attacks

@test "a dead node's recorded packets, in any order and from any address, never make it alive" {
  three_recorded_one_dead
  # that every message came on two networks is no replay
  echo "replayed by nobody: $(counted "$LEADER" replayed) of $(counted "$LEADER" ok)"
  [ "$(counted "$LEADER" replayed)" -le 10 ]
  logged=$(log_lines "$LEADER")
  replays_change_nothing "in reverse random" "$DEAD" "$LEADER" "$THIRD"
  [ $(($(log_lines "$LEADER") - logged)) -le 10 ]
  # what the survivors sent to each other, again, disturbs nothing either
  before=$(picture "$LEADER" "$DEAD")
  attacker replay "$T/packets" "$(addresses "$LEADER"),$(addresses "$THIRD")" random 2
  [ "$(picture "$LEADER" "$DEAD")" = "$before" ]
  # and while all that is known of it is replayed, the real one comes back
  attacker replay "$T/packets" "$(addresses "$DEAD")" random 20 >"$T/replayed" 3>&- &
  BG_PID=$!
  node_start "$DEAD"
  for n in 1 2 3; do tgt_wait 15 sees $n 3; done
  kill -0 $BG_PID
}

@test "replayed at a receiver that has restarted: a dead node stays dead" {
  three_recorded_one_dead
  node_stop "$THIRD" TERM
  node_start "$THIRD"
  tgt_wait 30 sees "$THIRD" 2
  tgt_wait 30 field_is "$LEADER" '.view.members | length' 2
  tgt_wait 30 field_is "$LEADER" .health degraded
  replays_change_nothing "in random" "$DEAD" "$THIRD" "$LEADER"
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
