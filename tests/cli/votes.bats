#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Votes in whole clusters: forced, prevented and dynamic ones, those of a witness with several addresses, of who leaves
# and of who was away while the configuration changed. One cluster serves several checks.
bats_require_minimum_version 1.5.0

setup() {
  cd "$BATS_TEST_DIRNAME/../.." || return 1
  load tgt
  load cluster
  load views
}

teardown() {
  witness_stop
  for n in 1 2 3; do node_stop $n KILL; done
  cluster_stop
}

# witness_start HOST...: quorum-witnessd at these addresses
witness_start() {
  local host listen=()
  for host in "$@"; do listen+=(--listen "$host:$VIEWS_PORT"); done
  build/quorum-witnessd --keys "$DIR/keys" --store "$DIR/store" --socket "$DIR/status" "${listen[@]}" \
    >>"$DIR/log" 2>&1 3>&- &
  WITNESS_PID=$!
}

witness_stop() {
  if [ -n "${WITNESS_PID:-}" ]; then
    kill -TERM "$WITNESS_PID" 2>/dev/null || true
    wait "$WITNESS_PID" 2>/dev/null || true
    WITNESS_PID=
  fi
}

votes_are() {
  field_is "$1" '[.quorum.votes_present, .quorum.votes_total, .quorum.changing] | @csv' "$2,false"
}

# the counter in the epoch that node $1 is in: docs/PROTOCOL.md
counter_of() {
  field "$1" '.view.epoch / 64 | floor'
}

uptime_ms() {
  awk '{ print int($1 * 1000) }' /proc/uptime
}

@test "dynamic votes off with a node out, a forced quorum and who comes back, prevented quorum" {
  views_conf node_majority alpha beta gamma
  views_start 1 2 3
  for n in 1 2 3; do tgt_wait 30 sees $n 3; done
  # all configured votes count again, also that of the node that is out
  node_stop 3 KILL
  tgt_wait 30 votes_are 1 1,1
  run -0 ctl 1 quorum set --dynamic off --yes
  tgt_wait 10 votes_are 1 2,3
  views_start 3
  for n in 1 2 3; do tgt_wait 30 votes_are $n 3,3; done

  # forced: its epoch is far beyond all others, and it goes on with a configuration of its own
  run -0 ctl 1 quorum set --dynamic on --yes
  for n in 1 2 3; do tgt_wait 30 votes_are $n 3,3; done
  before=$(counter_of 1)
  node_stop 2 KILL
  node_stop 3 KILL
  tgt_wait 30 field_is 1 .quorum.quorate false
  run -0 ctl 1 quorum force --yes-the-others-are-off
  tgt_wait 30 sees 1 1
  forced=$(counter_of 1)
  echo "counters $before, $forced"
  [ $((forced - before)) -ge $((1 << 40)) ]
  run -0 ctl 1 quorum set --weight alpha=3 --yes
  # the others, which have two of the three votes that they know of, only join, and have their votes again
  views_start 2 3
  for n in 1 2 3; do tgt_wait 30 votes_are $n 5,5; done
  for n in 2 3; do
    field_is $n .view.leader.id 1
    [ "$(counter_of $n)" -gt "$forced" ]
    field_is $n .view.body "$(field 1 .view.body)"
  done

  # prevented: four of five votes, and no view before another node makes one
  for n in 1 2 3; do node_stop $n KILL; done
  for n in 1 2; do node_start $n --prevent-quorum; done
  for n in 1 2; do
    tgt_wait 30 field_is $n '[.view.wait, .view.join_only, .quorum.quorate, .quorum.votes_present] | tostring' \
      '["this node may only join (prevent quorum)",true,false,4]'
  done
  node_start 3
  for n in 1 2 3; do tgt_wait 30 sees $n 3; done
  for n in 1 2 3; do field_is $n .view.leader.id 3; done
  # in a quorate view once, each is a node as any other
  for n in 1 2; do tgt_wait 10 field_is $n .view.join_only false; done
  node_stop 3 KILL
  for n in 1 2; do tgt_wait 30 sees $n 2; done
}

# two_and_witness RENEW DYNAMIC: leader L, follower F; nobody has the first of the witness's addresses
two_and_witness() {
  views_conf node_majority alpha beta
  DIR=$BATS_TEST_TMPDIR/witness
  mkdir -p "$DIR/keys" "$DIR/store"
  install -m 600 "$BATS_TEST_TMPDIR/key" "$DIR/keys/demo.key"
  for n in 1 2; do
    sed -i "s/model: node_majority/model: node_and_witness\n  dynamic: $2/; s/renew: 500ms/renew: $1/" \
      "$BATS_TEST_TMPDIR/n$n/conf.yaml"
    printf 'witness:\n  addresses: ["127.0.0.18:%s", "127.0.0.19:%s", "127.0.0.20:%s"]\n' \
      "$VIEWS_PORT" "$VIEWS_PORT" "$VIEWS_PORT" >>"$BATS_TEST_TMPDIR/n$n/conf.yaml"
    rm -rf "$BATS_TEST_TMPDIR/n$n/state"/*
    "$CTL" cluster create "$BATS_TEST_TMPDIR/n$n/conf.yaml" >"$BATS_TEST_TMPDIR/n$n/created"
  done
  witness_start 127.0.0.19 127.0.0.20
  views_start 1 2
  for n in 1 2; do tgt_wait 30 votes_are $n 3,3; done
  L=$(leader 1)
  F=$((3 - L))
  NAMES=(none alpha beta)
  tgt_wait 30 field_is "$L" .witness.record.confirmed true
}

@test "who leaves in order has ended at once, and a change of votes right after disturbs nothing" {
  two_and_witness 3s on
  views=$(field "$L" .view.views)
  begin=$(uptime_ms)
  node_stop $F
  took=$(($(uptime_ms) - begin))
  echo "left in $took ms"
  run -0 ctl "$L" quorum set --weight "${NAMES[$L]}=3" --yes
  # what it had promised the one that left would have lasted twice as long
  [ "$took" -lt 2000 ]
  tgt_wait 10 votes_are "$L" 3,3
  sees "$L" 1
  # one more view, without the one that left, and none for the change
  field_is "$L" .view.views $((views + 1))
}

witness_packets() {
  build/quorum-witnessd --status --json --socket "$DIR/status" | jq -r '.addresses[0] | .received, .sent' | xargs
}

# in PACKETS the witness's packets, in and out, when there are at least $1 and all are answered
packets_at() {
  PACKETS=$(witness_packets)
  [ "${PACKETS% *}" -ge "$1" ] && [ "${PACKETS% *}" -eq "${PACKETS#* }" ]
}

@test "a witness at several addresses, one packet each way a renewal, and who was away during a change" {
  two_and_witness 500ms off
  # the first address has been dead from the start
  field "$L" '.witness.ways | map(.answered > 0) | tostring' | grep -qxF '[false,true,false]'
  # of six packets five are this leader's, and one may be the other node's look: four renewals
  tgt_wait 10 packets_at 1
  from=${PACKETS% *}
  begin=$(uptime_ms)
  tgt_wait 20 packets_at $((from + 6))
  took=$(($(uptime_ms) - begin))
  echo "packets $from, $PACKETS in $took ms"
  [ "$took" -ge 1900 ]

  # the address in use dies: the next one is asked, and the vote is there when it is needed
  witness_stop
  witness_start 127.0.0.20
  tgt_wait 20 field_is "$L" '.witness.ways[2].answered > 0' true
  tgt_wait 20 votes_are "$L" 3,3
  node_stop $F KILL
  tgt_wait 20 sees "$L" 1
  votes_are "$L" 2,3

  # who was away would have two of three votes, too, and its configuration is not the newest
  run -0 ctl "$L" quorum set --weight "${NAMES[$L]}=2" --yes
  newest=$(field "$L" .view.body)
  node_stop "$L" KILL
  views_start "$F"
  tgt_wait 30 field_is $F .view.wait "the witness has seen a newer configuration than any node here has"
  field_is $F .quorum.quorate false
  run -2 ctl $F why
  echo "$output"
  [[ $output == *"The witness knows configuration "*": start a node that has it, such as node ${NAMES[$L]}, which led that epoch."* ]]
  grep -q "error: node ${NAMES[$L]} led epoch [0-9]* and had that configuration: start it" "$BATS_TEST_TMPDIR/n$F/log"
  views_start "$L"
  for n in 1 2; do
    tgt_wait 30 sees $n 2
    field_is $n .view.body "$newest"
  done
}
