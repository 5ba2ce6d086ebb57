#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Which nodes are in the same subnet: by the prefix that this machine's interface has, not by a guess. In a network
# namespace of their own.
bats_require_minimum_version 1.5.0

setup() {
  cd "$BATS_TEST_DIRNAME/../.." || return 1
  load tgt
  load cluster
  load views
  unshare -n true 2>/dev/null || skip "no network namespace can be made here"
  views_conf node_majority alpha beta gamma
  conf=$BATS_TEST_TMPDIR/n1/conf.yaml
  # 10.1.0.0/16 with beta far up in it; gamma is at another site
  sed -i 's/127\.0\.0\.11, 127\.0\.1\.11\]/10.1.0.1]/; s/127\.0\.0\.12, 127\.0\.1\.12\]/10.1.200.2]/' "$conf"
  sed -i 's/127\.0\.0\.13, 127\.0\.1\.13\]/10.1.0.3], site: far/; s/10.1.0.1\]/10.1.0.1], site: near/' "$conf"
  rm -rf "$BATS_TEST_TMPDIR/n1/state"/*
}

teardown() {
  if [ -n "${NS_PID:-}" ]; then
    kill -TERM "$NS_PID" 2>/dev/null || true
    wait "$NS_PID" 2>/dev/null || true
  fi
  cluster_stop
}

# a namespace with an interface of this prefix length
inside() {
  local bits=$1
  shift
  exec unshare -n sh -c 'ip link add d0 type veth peer name d1 && ip link set d1 up && ip addr add "10.1.0.1/$0" dev d0 && ip link set d0 up && exec "$@"' \
    "$bits" "$@"
}

subnets() {
  ctl 1 status --json 2>/dev/null | jq -c '[.nodes[] | select(.self | not) | [.name, .links[0].subnet, .links[0].delay_ms]]'
}

subnets_are() {
  [ "$(subnets)" = "$1" ]
}

@test "network list says which nodes are near" {
  run inside 16 "$CTL" network list --json --config "$conf"
  echo "$output"
  [ "$status" -eq 0 ]
  jq -e '.[] | select(.network == 0) | .peers == [{node: "beta", subnet: "same"}, {node: "gamma", subnet: "cross"}]' <<<"$output"
  run inside 24 "$CTL" network list --config "$conf"
  [[ $output == *"to beta: cross subnet"* ]]
}

@test "a node's links have the times of their subnet, and new ones when its interface changes" {
  sed -i 's/^  same_subnet_delay: .*/&\n  cross_subnet_delay: 900ms/' "$conf"
  "$CTL" cluster create "$conf"
  inside 16 build/quorumd --config "$conf" >"$BATS_TEST_TMPDIR/n1/log" 2>&1 3>&- &
  NS_PID=$!
  tgt_wait 20 subnets_are '[["beta","same",100],["gamma","cross",900]]'
  run ctl 1 status
  [[ $output == *"network 0 (d0) "*", same subnet, loss "* ]]
  nsenter -t "$NS_PID" -n sh -c 'ip addr del 10.1.0.1/16 dev d0 && ip addr add 10.1.0.1/17 dev d0'
  tgt_wait 20 subnets_are '[["beta","cross",900],["gamma","cross",900]]'
  nsenter -t "$NS_PID" -n sh -c 'ip addr del 10.1.0.1/17 dev d0 && ip addr add 10.1.0.1/16 dev d0'
  tgt_wait 20 subnets_are '[["beta","same",100],["gamma","cross",900]]'
}
