#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What operators ask for on any member of a cluster with networks: it goes to the leader, and the answer comes back; pauses.
bats_require_minimum_version 1.5.0

setup() {
  cd "$BATS_TEST_DIRNAME/../.." || return 1
  load tgt
  load cluster
  load views
  SCRIPT=$BATS_TEST_TMPDIR/web
  cat >"$SCRIPT" <<'END'
#!/bin/sh
# the group: a file that says on which node it runs
state=$(dirname "$0")/web.$QUORUMD_NODE
case $1 in
start) : >"$state" ;;
stop) rm -f "$state" ;;
monitor) [ -e "$state" ] ;;
esac
END
  chmod +x "$SCRIPT"
}

teardown() {
  cluster_stop
}

three_nodes() {
  views_conf node_majority alpha beta gamma
  for n in 1 2 3; do
    printf 'group:\n  name: web\n  script: %s\n  monitor_interval: 100ms\n  stop_timeout: 5s\n' "$SCRIPT" \
      >>"$BATS_TEST_TMPDIR/n$n/conf.yaml"
    rm -rf "$BATS_TEST_TMPDIR/n$n/state"/*
    "$CTL" cluster create "$BATS_TEST_TMPDIR/n$n/conf.yaml" >"$BATS_TEST_TMPDIR/n$n/created"
  done
  views_start 1 2 3
  for n in 1 2 3; do tgt_wait 30 sees $n 3; done
  LEADER=$(leader 1)
  NAMES=(none alpha beta gamma)
  A=$((LEADER % 3 + 1))
  B=$((A % 3 + 1))
  tgt_wait 30 runs_on "$LEADER"
}

# the group runs on node $1, and on no other
runs_on() {
  [ "$(ctl "$1" status --json 2>/dev/null | jq -r .group.state)" = online ]
}

@test "changes on a member that does not lead: quorum set, node add and remove, config rollback, the same history" {
  three_nodes
  version=$(ctl $A config history --json | jq '.[-1].configuration.version')
  run ctl $A quorum set --weight alpha=2 --yes
  echo "$output"
  [ "$status" -eq 0 ]
  for n in 1 2 3; do field_is $n '.nodes[0].weight' 2; done
  run ctl $B node add delta 4 127.0.0.14 127.0.1.14 --yes
  [ "$status" -eq 0 ]
  run ctl $A node remove delta --yes
  [ "$status" -eq 0 ]
  run ctl $B config rollback "$version" --yes
  [ "$status" -eq 0 ]
  for n in 1 2 3; do field_is $n '.nodes[0].weight' 1; done
  # a mebibyte goes to the leader, too
  { ctl $A config show && yes '# a comment with "quotes"' | head -c 1000000 && echo; } >"$BATS_TEST_TMPDIR/long"
  run ctl $A config apply --yes "$BATS_TEST_TMPDIR/long"
  echo "$output"
  [ "$status" -eq 0 ]
  ctl "$LEADER" config show | cmp - "$BATS_TEST_TMPDIR/long"
  # one whose store fails is left out, and says why; the change is done without it
  mv "$BATS_TEST_TMPDIR/n$B/state/config" "$BATS_TEST_TMPDIR/away"
  touch "$BATS_TEST_TMPDIR/n$B/state/config"
  run ctl $A quorum set --weight alpha=3 --yes
  echo "$output"
  [ "$status" -eq 0 ]
  tgt_wait 20 field_is $B "[.quorum.quorate, .nodes[$((B - 1))].state] | @csv" 'false,"stuck"'
  run ctl $B why
  echo "$output"
  [ "$status" -eq 2 ]
  [[ $output == *"own store cannot be written"*"/n$B/state/config"*"Not a directory"* ]]
  rm "$BATS_TEST_TMPDIR/n$B/state/config"
  mv "$BATS_TEST_TMPDIR/away" "$BATS_TEST_TMPDIR/n$B/state/config"
  tgt_wait 20 sees $B 3
  grep -q "the node's store can be written again" "$BATS_TEST_TMPDIR/n$B/log"
}

@test "what the leader refuses is refused where it was asked, by the leader's name where it has words" {
  three_nodes
  run ctl $A node remove nobody --yes
  [ "$status" -eq 66 ]
  sock=$BATS_TEST_TMPDIR/n$A/run/api.sock
  ctl $A config show --json >"$BATS_TEST_TMPDIR/shown"
  post() { curl -s --max-time 20 --unix-socket "$sock" -d @- "http://x/v1/config"; }
  jq -c '{from: {epoch: .configuration.epoch, version: (.configuration.version - 1)}, text: (.text + "# more\n")}' \
    "$BATS_TEST_TMPDIR/shown" | post >"$BATS_TEST_TMPDIR/answer"
  [ "$(jq -r .reply "$BATS_TEST_TMPDIR/answer")" = stale ]
  run ctl $A node remove "${NAMES[$LEADER]}" --yes
  [ "$status" -eq 1 ]
  [[ $output == *"node ${NAMES[$LEADER]} leads, and the new configuration has none of that id: stop quorumd there first"* ]]
  # a stranger's keys: the leader has another file of its own, and a key in it that does not go with this one
  sed -i 's/^node: .*/node: none/' "$BATS_TEST_TMPDIR/n$LEADER/conf.yaml"
  run ctl $A quorum set --weight alpha=2 --yes
  echo "$output"
  [ "$status" -eq 1 ]
  [[ $output == *"node ${NAMES[$LEADER]}, which leads: "*"conf.yaml:"* ]]
  run ctl $A quorum show --json
  jq -e '.votes_total >= 2' <<<"$output"
}

@test "node add on a member: the new node comes in, with the text from whoever has it; removed and added while it runs" {
  views_conf node_majority alpha beta gamma
  # gamma is not one of them yet
  for n in 1 2; do
    sed -i '/gamma/d' "$BATS_TEST_TMPDIR/n$n/conf.yaml"
    rm -rf "$BATS_TEST_TMPDIR/n$n/state"/*
    "$CTL" cluster create "$BATS_TEST_TMPDIR/n$n/conf.yaml"
  done
  rm -rf "$BATS_TEST_TMPDIR/n3/state"/*
  views_start 1 2
  for n in 1 2; do tgt_wait 30 sees $n 2; done
  other=$((3 - $(leader 1)))
  run ctl $other node add gamma 3 127.0.0.13 127.0.1.13 --yes
  echo "$output"
  [ "$status" -eq 0 ]
  views_start 3
  for n in 1 2 3; do tgt_wait 30 sees $n 3; done
  cmp <(ctl 1 config show) <(ctl 3 config show)
  # a new view overtakes the change when a node goes, or comes, whose quorumd runs: done is done all the same
  with=$(ctl $other config history --json | jq '.[-1].configuration.version')
  run ctl $other node remove gamma --yes
  echo "$output"
  [ "$status" -eq 0 ]
  run ctl $other config rollback "$with" --yes
  echo "$output"
  [ "$status" -eq 0 ]
  for n in 1 2 3; do tgt_wait 30 sees $n 3; done
}

@test "node pause: what runs goes on; with --drain it is elsewhere when that is said; it lasts; node resume ends it" {
  three_nodes
  run ctl $A node pause "${NAMES[$LEADER]}"
  echo "$output"
  [ "$status" -eq 0 ]
  for n in 1 2 3; do field_is $n ".nodes[$((LEADER - 1))].paused" true; done
  runs_on "$LEADER"
  run ctl $A node list
  [[ $output == *"${NAMES[$LEADER]} "*", paused, leads"* ]]
  run ctl $A node pause "${NAMES[$LEADER]}" --drain
  echo "$output"
  [ "$status" -eq 0 ]
  [[ $output == *"is paused already"*"drained: nothing of the group runs there"* ]]
  [ ! -e "$BATS_TEST_TMPDIR/web.$LEADER" ]
  run ! runs_on "$LEADER"
  run ctl "$LEADER" why
  [[ $output == *"This node is paused: it votes, and starts nothing until \"quorumctl node resume ${NAMES[$LEADER]}\"."* ]]
  run ctl $A status
  [[ $output == *"paused"* ]]
  # over a restart
  node_stop "$LEADER"
  views_start "$LEADER"
  tgt_wait 30 sees "$LEADER" 3
  field_is "$LEADER" ".nodes[$((LEADER - 1))].paused" true
  # nobody is left who may: the last one is not drained
  last=$(leader $A)
  run ctl $A node pause "${NAMES[$((6 - LEADER - last))]}"
  [ "$status" -eq 0 ]
  run ctl "$LEADER" node pause "${NAMES[$last]}" --drain
  echo "$output"
  [ "$status" -eq 1 ]
  [[ $output == *"paused, but not drained: no other member may take over"* ]]
  tgt_wait 30 runs_on "$last"
  run ctl $A node resume "${NAMES[$LEADER]}"
  [ "$status" -eq 0 ]
  run ctl $A node resume "${NAMES[$LEADER]}"
  [ "$status" -eq 0 ]
  [[ $output == *"is not paused already"* ]]
  run ctl $B node pause "${NAMES[$last]}" --drain
  echo "$output"
  [ "$status" -eq 0 ]
  tgt_wait 30 runs_on "$LEADER"
}

@test "handover on a member that does not lead" {
  three_nodes
  run ctl $A handover "${NAMES[$B]}"
  echo "$output"
  [ "$status" -eq 0 ]
  tgt_wait 30 runs_on "$B"
  run ctl $A handover "${NAMES[$B]}"
  [ "$status" -eq 66 ]
}
