#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# quorumctl and quorum-api of nodes with networks: status, why, events, config, node, quorum, cluster create.
bats_require_minimum_version 1.5.0

setup() {
  cd "$BATS_TEST_DIRNAME/../.." || return 1
  load tgt
  load cluster
  load views
}

teardown() {
  if [ -n "${BG_PID:-}" ]; then
    kill -TERM "$BG_PID" 2>/dev/null || true
    wait "$BG_PID" 2>/dev/null || true
  fi
  cluster_stop
}

in_file() {
  grep -q "$1" "$2"
}

three_nodes() {
  views_conf node_majority alpha beta gamma
  views_start 1 2 3
  for n in 1 2 3; do tgt_wait 30 sees $n 3; done
  LEADER=$(leader 1)
}

health_is() {
  field_is "$1" .health "$2"
}

@test "one node alone: quorate, healthy, and every part of the status is there" {
  views_conf node_majority alpha
  views_start 1
  tgt_wait 30 sees 1 1
  run ctl 1 status --json
  [ "$status" -eq 0 ]
  jq -e '.health == "healthy" and .owner.name == "alpha" and .mine and .quorum.model == "node_majority" and
    .quorum.votes_needed == 1 and .view.leader.name == "alpha" and (.view.configuration.version | type) == "number" and
    (.view.body | length) == 64 and .nodes[0].state == "up" and .nodes[0].weight == 1 and .nodes[0].vote == 1 and
    .nodes[0].incarnation > 0 and (.networks | length) == 2 and .networks[0].open and .packets.ok == 0 and
    .margin.by == "quorum" and .margin.rounds_left > 0 and (.margin.histogram | length) > 0 and .margin.rounds > 0 and
    .witness == null and .paths == []' <<<"$output"
  jq -e '.arbitration.text | startswith("this node leads epoch ")' <<<"$output"
  run ctl 1 status
  [[ $output == *"quorum   yes, node_majority: 1 of 1 votes, 1 needed, dynamic votes on"* ]]
  [[ $output != *$'\033'* ]]
  run ctl 1 why
  [ "$status" -eq 0 ]
  [ "${lines[0]}" = "Quorate: this node alone has 1 of 1 votes; 1 is needed." ]
}

@test "three nodes: links, why before and after one dies, exit statuses, events" {
  three_nodes
  run ctl 1 status --json
  [ "$status" -eq 0 ]
  jq -e '[.nodes[] | select(.self | not) | .links[] | select(.up and .exchanges > 0 and .rtt_smooth_us > 0)] | length == 4' \
    <<<"$output"
  run ctl "$LEADER" why --json
  [ "$status" -eq 0 ]
  jq -e '.quorate and (.sentences | index("It survives the failure of any one node.") != null)' <<<"$output"
  other=$((LEADER % 3 + 1))
  ctl "$LEADER" events --follow --json >"$BATS_TEST_TMPDIR/events" 3>&- &
  BG_PID=$!
  node_stop $other KILL
  tgt_wait 30 sees "$LEADER" 2
  run ctl "$LEADER" status
  [ "$status" -eq 1 ]
  [[ $output == *"is down: it is not heard on any of 2 networks."* ]]
  tgt_wait 20 in_file '"event":"NOT_HEARD"' "$BATS_TEST_TMPDIR/events"
  last=$((6 - LEADER - other))
  # at once, before the votes have followed: the last two must not be left with one vote each
  tgt_wait 30 field_is "$LEADER" .quorum.votes_total 1
  keeps=$(field "$LEADER" '.nodes[] | select(.vote == 1) | .id')
  loses=$((LEADER + last - keeps))
  node_stop "$keeps" KILL
  tgt_wait 30 health_is "$loses" no-quorum
  run ctl "$loses" status
  [ "$status" -eq 2 ]
  run ctl "$loses" why
  [ "$status" -eq 2 ]
  [[ ${lines[0]} == "Not quorate: this node alone has 0 of 1 votes; 1 is needed." ]]
  [[ $output == *"It becomes quorate when node "*" is heard."* ]]
  [[ $output == *"quorumctl quorum force"* ]]
}

@test "config: show, diff, apply, history, rollback, and what is refused" {
  three_nodes
  conf=$BATS_TEST_TMPDIR/n$LEADER/conf.yaml
  ctl "$LEADER" config show >"$BATS_TEST_TMPDIR/body"
  grep -q '^# what is said here stays$' "$BATS_TEST_TMPDIR/body"
  run ! grep -q state_dir "$BATS_TEST_TMPDIR/body"
  run ctl "$LEADER" config diff "$conf"
  [ "$status" -eq 0 ]
  [ -z "$output" ]
  sed 's/same_subnet_delay: 100ms/same_subnet_delay: 150ms/' "$conf" >"$BATS_TEST_TMPDIR/new.yaml"
  run ctl "$LEADER" config diff "$BATS_TEST_TMPDIR/new.yaml"
  [ "$status" -eq 1 ]
  [ "$output" = "  heartbeat.same_subnet_delay: 100ms -> 150ms" ]
  run ctl "$LEADER" config diff --json "$BATS_TEST_TMPDIR/new.yaml"
  jq -e '. == [{key: "heartbeat.same_subnet_delay", old: "100ms", new: "150ms"}]' <<<"$output"
  # without a word, nothing is done
  run ctl "$LEADER" config apply "$BATS_TEST_TMPDIR/new.yaml" </dev/null
  [ "$status" -eq 64 ]
  [[ $output == *"nothing is changed without --yes"* ]]
  # on another node than the leader, which passes it on
  run ctl $((LEADER % 3 + 1)) config apply --yes "$BATS_TEST_TMPDIR/new.yaml"
  echo "$output"
  [ "$status" -eq 0 ]
  for n in 1 2 3; do
    ctl $n config show | grep -q 'same_subnet_delay: 150ms'
  done
  run ctl "$LEADER" config apply --yes "$BATS_TEST_TMPDIR/new.yaml"
  [ "$status" -eq 0 ]
  [[ $output == *"nothing differs"* ]]
  run ctl "$LEADER" config history
  [ "${#lines[@]}" -eq 2 ]
  version=$(ctl "$LEADER" config history --json | jq '.[0].configuration.version')
  run ctl "$LEADER" config show "$version"
  [ "$output" = "$(cat "$BATS_TEST_TMPDIR/body")" ]
  run ctl "$LEADER" config rollback "$version" --yes
  [ "$status" -eq 0 ]
  ctl "$LEADER" config show | cmp - "$BATS_TEST_TMPDIR/body"
  run ctl "$LEADER" config rollback 4711 --yes
  [ "$status" -eq 66 ]
  # an invalid one never leaves this machine
  sed 's/renew: 500ms/renew: 500/' "$conf" >"$BATS_TEST_TMPDIR/bad.yaml"
  run ctl "$LEADER" config apply --yes "$BATS_TEST_TMPDIR/bad.yaml"
  [ "$status" -eq 78 ]
  [[ $output == *"bad.yaml:"*"times.renew: expected a duration"* ]]
}

@test "a change made from an older configuration is refused, and so is one that the daemon finds invalid" {
  views_conf node_majority alpha
  views_start 1
  tgt_wait 30 sees 1 1
  sock=$BATS_TEST_TMPDIR/n1/run/api.sock
  ctl 1 config show --json >"$BATS_TEST_TMPDIR/shown"
  post() { curl -s --max-time 20 --unix-socket "$sock" -d @- "http://x/v1/config"; }
  jq -c '{from: {epoch: .configuration.epoch, version: (.configuration.version - 1)}, text: (.text + "# more\n")}' \
    "$BATS_TEST_TMPDIR/shown" | post >"$BATS_TEST_TMPDIR/answer"
  [ "$(jq -r .reply "$BATS_TEST_TMPDIR/answer")" = stale ]
  jq -c '{from: .configuration, text: "cluster: demo\n"}' "$BATS_TEST_TMPDIR/shown" | post >"$BATS_TEST_TMPDIR/answer"
  [ "$(jq -r .reply "$BATS_TEST_TMPDIR/answer")" = invalid ]
  jq -e '.text | contains("nodes")' "$BATS_TEST_TMPDIR/answer"
  [ "$(printf '{"from": {"epoch": 1}}' | post | jq -r .error.code)" = invalid ]
  [ "$(printf 'no json' | post | jq -r .error.code)" = invalid ]
  ctl 1 config show | cmp - <(jq -j .text "$BATS_TEST_TMPDIR/shown")
}

@test "a configuration of a mebibyte goes there and comes back" {
  views_conf node_majority alpha
  views_start 1
  tgt_wait 30 sees 1 1
  { ctl 1 config show && yes '# a comment with "quotes"' | head -c 1000000 && echo; } >"$BATS_TEST_TMPDIR/long"
  run ctl 1 config apply --yes "$BATS_TEST_TMPDIR/long"
  [ "$status" -eq 0 ]
  ctl 1 config show | cmp - "$BATS_TEST_TMPDIR/long"
}

@test "node add, list and remove; quorum set and show" {
  three_nodes
  run ctl "$LEADER" node add delta 4 127.0.0.14 127.0.1.14 --weight 2 --yes
  echo "$output"
  [ "$status" -eq 0 ]
  run ctl 1 node list --json
  jq -e '.[3].name == "delta" and .[3].state == "down" and .[3].weight == 2' <<<"$output"
  run ctl "$LEADER" node add echo 4 127.0.0.15 127.0.1.15 --yes
  [ "$status" -eq 64 ]
  [[ $output == *"id 4 is that of node delta"* ]]
  run ctl "$LEADER" node add echo 5 127.0.0.15 --yes
  [ "$status" -eq 64 ]
  [[ $output == *"expected 2 addresses"* ]]
  run ctl "$LEADER" node add echo 5 fd00::15 fd00::16 --yes
  [ "$status" -eq 78 ]
  run ctl "$LEADER" node remove nobody --yes
  [ "$status" -eq 66 ]
  run ctl "$LEADER" node remove delta --yes
  [ "$status" -eq 0 ]
  [ "$(ctl 1 node list | wc -l)" -eq 3 ]
  run ctl "$LEADER" quorum set --weight alpha=3 --weight beta=0 --dynamic off --lower-priority gamma --yes
  echo "$output"
  [ "$status" -eq 0 ]
  run ctl 1 quorum show --json
  jq -e '.votes_total == 4 and .votes_needed == 3 and (.dynamic | not) and .lower_priority_node.name == "gamma"' <<<"$output"
  run ctl "$LEADER" quorum set --lower-priority none --yes
  [ "$status" -eq 0 ]
  jq -e '.lower_priority_node == null' <<<"$(ctl "$LEADER" quorum show --json)"
  run ctl "$LEADER" quorum set --weight alpha=16 --yes
  [ "$status" -eq 64 ]
  run ctl "$LEADER" quorum set --model node_and_disk --yes
  [ "$status" -eq 78 ]
}

@test "a change that would lose the quorum is refused with the votes" {
  views_conf node_majority alpha beta
  views_start 1 2
  tgt_wait 30 sees 1 2
  tgt_wait 30 sees 2 2
  at=$(leader 1)
  # three nodes that are not there yet: 2 of 5 votes
  ctl "$at" quorum set --dynamic off --yes
  { ctl "$at" config show | sed "s|^nodes:|&\n  x3: {id: 3, addresses: [127.0.0.13, 127.0.1.13]}\n  x4: {id: 4, addresses: [127.0.0.14, 127.0.1.14]}\n  x5: {id: 5, addresses: [127.0.0.15, 127.0.1.15]}|"; } \
    >"$BATS_TEST_TMPDIR/many" || true
  if ! grep -q x5 "$BATS_TEST_TMPDIR/many"; then # written anew: nodes stand in one line
    ctl "$at" config show | sed 's|^\(nodes: *{\)|\1x3: {id: 3, addresses: ["127.0.0.13", "127.0.1.13"]}, x4: {id: 4, addresses: ["127.0.0.14", "127.0.1.14"]}, x5: {id: 5, addresses: ["127.0.0.15", "127.0.1.15"]}, |' >"$BATS_TEST_TMPDIR/many"
  fi
  grep -q x5 "$BATS_TEST_TMPDIR/many"
  run ctl "$at" config apply "$BATS_TEST_TMPDIR/many" --yes
  echo "$output"
  [ "$status" -eq 77 ]
  [[ $output == *"would have 2 node votes of 5 votes, and 3 are needed"* ]]
  sees "$at" 2
}

@test "to the witness: its vote, and what is said when it falls silent" {
  views_conf node_majority alpha beta
  dir=$BATS_TEST_TMPDIR/witness
  mkdir -p "$dir/keys" "$dir/store"
  install -m 600 "$BATS_TEST_TMPDIR/key" "$dir/keys/demo.key"
  for n in 1 2; do
    printf 'witness:\n  addresses: ["127.0.0.19:%s"]\n' "$VIEWS_PORT" >>"$BATS_TEST_TMPDIR/n$n/conf.yaml"
    rm -rf "$BATS_TEST_TMPDIR/n$n/state"/*
    "$CTL" cluster create "$BATS_TEST_TMPDIR/n$n/conf.yaml"
  done
  build/quorum-witnessd --keys "$dir/keys" --store "$dir/store" --listen "127.0.0.19:$VIEWS_PORT" --socket "$dir/status" \
    >"$dir/log" 2>&1 3>&- &
  BG_PID=$!
  views_start 1 2
  for n in 1 2; do tgt_wait 30 sees $n 2; done
  at=$(leader 1)
  run ctl "$at" quorum set --model node_and_witness --yes
  echo "$output"
  [ "$status" -eq 0 ]
  tgt_wait 30 field_is "$at" '[.quorum.votes_present, .quorum.votes_total, .witness.verdict] | @csv' '3,3,"ok"'
  tgt_wait 30 health_is "$at" healthy
  run ctl "$at" why
  [[ $output == *"It survives the failure of any one node, and that of the witness."* ]]
  kill -TERM "$BG_PID"
  wait "$BG_PID" || true
  BG_PID=
  tgt_wait 30 health_is "$at" degraded
  run ctl "$at" status
  [[ $output == *"The witness does not answer"* ]]
  [[ $output == *"2 of 3 votes"* ]]
  run ctl "$at" why
  [ "$status" -eq 0 ]
  [[ $output == *"The quorum is lost when one of nodes alpha and beta fails."* ]]
}

@test "quorum force: a text and no change without its option, refused with a quorum, done without" {
  three_nodes
  run ctl 1 quorum force
  [ "$status" -eq 64 ]
  [[ $output == *"All other nodes must be OFF"* ]]
  run ctl "$LEADER" quorum force --yes-the-others-are-off
  [ "$status" -eq 77 ]
  sock=$BATS_TEST_TMPDIR/n1/run/api.sock
  [ "$(curl -s --unix-socket "$sock" -d '{}' http://x/v1/quorum/force | jq -r .error.code)" = unconfirmed ]
  for n in 1 2 3; do [ "$n" = "$LEADER" ] || node_stop "$n" KILL; done
  tgt_wait 30 health_is "$LEADER" no-quorum
  run ctl "$LEADER" quorum force --yes-the-others-are-off
  [ "$status" -eq 0 ]
  tgt_wait 30 sees "$LEADER" 1
  run ctl "$LEADER" status --json
  [ "$status" -eq 1 ]
  jq -e --argjson n "$LEADER" '.quorum.forced.node.id == $n and .quorum.forced.unix_s > 1000000000 and
    .quorum.forced.over == false and any(.warnings[]; .code == "forced")' <<<"$output"
  # the others come back, and may only join: then it is history
  for n in 1 2 3; do [ "$n" = "$LEADER" ] || node_start "$n"; done
  tgt_wait 40 health_is "$LEADER" healthy
  run ctl "$LEADER" status
  [ "$status" -eq 0 ]
  [[ $output == *"forced   on node "*"; over: more than half of the votes are here"* ]]
  [ "$(field "$LEADER" .view.leader.id)" = "$LEADER" ]
}

@test "cluster create: once, the same digest everywhere; without it a node has no vote" {
  views_conf node_majority alpha beta
  [ "$(sed -n 's/^configuration \([0-9a-f]*\).*/\1/p' "$BATS_TEST_TMPDIR/n1/created")" = \
    "$(sed -n 's/^configuration \([0-9a-f]*\).*/\1/p' "$BATS_TEST_TMPDIR/n2/created")" ]
  run "$CTL" cluster create "$BATS_TEST_TMPDIR/n1/conf.yaml"
  [ "$status" -eq 77 ]
  rm -rf "$BATS_TEST_TMPDIR"/n1/state/* "$BATS_TEST_TMPDIR"/n2/state/*
  views_start 1
  tgt_wait 30 field_is 1 '.nodes[0].has_vote' false
  run ctl 1 why
  [ "$status" -eq 2 ]
  [[ $output == *'run "quorumctl cluster create" on each node once.'* ]]
}

@test "without networks: the disk's words, and what there is none of" {
  tgt_start
  "$CTL" disk format "$TGT_URL" --cluster demo
  node_conf 1 alpha beta
  node_start 1
  tgt_wait 20 owner_is 1 alpha
  run ctl 1 why
  [ "$status" -eq 0 ]
  [[ ${lines[0]} == "This node owns the quorum disk under epoch "* ]]
  run ctl 1 status --json
  jq -e '.quorum == null and .view == null and .networks == [] and .margin.by == "disk" and .margin.rounds_left > 0' \
    <<<"$output"
  jq -e '.arbitration.text | startswith("owner: epoch ")' <<<"$output"
  for command in "config show" "config history" "quorum force --yes-the-others-are-off"; do
    # shellcheck disable=SC2086
    run ctl 1 $command
    [ "$status" -eq 1 ]
    [[ $output == *"give \`nodes\` addresses"* ]]
  done
  run ctl 1 quorum show
  [ "$status" -eq 69 ]
  run "$CTL" cluster create "$BATS_TEST_TMPDIR/n1/conf.yaml"
  [ "$status" -eq 78 ]
  tgt_stop
}

@test "usage: exit status 64, --help of everything, and what is not in this release" {
  for args in "why x" "events --since x" "config" "config nonsense" "config diff" "config apply" "config check" \
    "config rollback" "node" "node add" "node add x" "node add x 65 127.0.0.1" "node add x/y 5 127.0.0.1" \
    "node add x 5 nowhere" "node remove" "node pause" "node resume" "quorum" "quorum set" "network" "network list x" "cluster"; do
    # shellcheck disable=SC2086
    run "$CTL" $args
    echo "$args: $status: $output"
    [ "$status" -eq 64 ]
  done
  for args in "why" "events" "config" "config show" "config check" "config diff" "config apply" "config history" \
    "config rollback" "node" "node list" "node add" "node remove" "node pause" "node resume" "quorum" "quorum show" \
    "quorum set" "quorum force" "network" "network list" "cluster" "cluster create"; do
    # shellcheck disable=SC2086
    run --separate-stderr "$CTL" $args --help
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    # each is in the manual
    # shellcheck disable=SC2086
    [[ $args != *" "* ]] || grep -q "$(echo $args | cut -d' ' -f2)" docs/quorumctl.8
  done
}

@test "config check: a whole file, a body alone, and what is wrong with either" {
  views_conf node_majority alpha
  run "$CTL" config check "$BATS_TEST_TMPDIR/n1/conf.yaml"
  [ "$status" -eq 0 ]
  printf 'cluster: demo\nnodes:\n  alpha: 1\nquorum_disk:\n  paths: ["iscsi://10.0.0.1/iqn.2003-01.org.example:d/0"]\n' \
    >"$BATS_TEST_TMPDIR/body"
  run "$CTL" config check "$BATS_TEST_TMPDIR/body"
  [ "$status" -eq 0 ]
  echo 'nonsense: 1' >>"$BATS_TEST_TMPDIR/body"
  run "$CTL" config check "$BATS_TEST_TMPDIR/body"
  [ "$status" -eq 78 ]
  [[ $output == *"body:6:"*"nonsense"* ]]
  run "$CTL" config check "$BATS_TEST_TMPDIR/nowhere"
  [ "$status" -eq 74 ]
}

@test "network list: as JSON, and numbered by a configuration" {
  run "$CTL" network list --json
  [ "$status" -eq 0 ]
  jq -e 'type == "array" and all(.[]; .network == null and (.role | IN("cluster", "both")))' <<<"$output"
  views_conf node_majority alpha
  sed -i 's/127\.0\.0\.11/127.0.0.1/' "$BATS_TEST_TMPDIR/n1/conf.yaml"
  run "$CTL" network list --json --config "$BATS_TEST_TMPDIR/n1/conf.yaml"
  [ "$status" -eq 0 ]
  jq -e 'any(.[]; .network == 0 and .address == "127.0.0.1")' <<<"$output"
}
