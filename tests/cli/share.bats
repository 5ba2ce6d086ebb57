#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The witness in a directory, with real nodes: takeover, split, a share that hangs, and what is wrong with one. Two nodes
# in network namespaces of their own, n1 and n2, and a directory that both see.
bats_require_minimum_version 1.5.0

setup() {
  cd "$BATS_TEST_DIRNAME/../.." || return 1
  load tgt
  load cluster
  load views
  NS=qd$$
  SHARE=$BATS_TEST_TMPDIR/share
}

teardown() {
  cluster_stop
  for n in 1 2 3; do ip netns del "$NS-$n" 2>/dev/null || true; done
}

# Two nodes of one network, their configurations, and the cluster's directory.
two_nodes() {
  "$CTL" keygen "$BATS_TEST_TMPDIR/key" >"$BATS_TEST_TMPDIR/keygen"
  ID=$(sed -n 's/^cluster //p' "$BATS_TEST_TMPDIR/key")
  DIR=$SHARE/$ID
  mkdir -p "$DIR"
  for n in 1 2; do
    mkdir -p "$BATS_TEST_TMPDIR/n$n/state" "$BATS_TEST_TMPDIR/n$n/run"
    cat >"$BATS_TEST_TMPDIR/n$n/conf.yaml" <<YAML
cluster: demo
node: $n
key_file: $BATS_TEST_TMPDIR/key
nodes:
  alpha: {id: 1, addresses: [10.99.0.1]}
  beta: {id: 2, addresses: [10.99.0.2]}
heartbeat:
  same_subnet_delay: 100ms
witness:
  share: $SHARE
times:
  renew: 500ms
state_dir: $BATS_TEST_TMPDIR/n$n/state
run_dir: $BATS_TEST_TMPDIR/n$n/run
api:
  user: nobody-of-this-name
test:
  machine_id: 0000000000000000000000000000000$n
  boot_id: 0000000000000000000000000000000$n
YAML
  done
}

# The nodes' machines, the wire between them, and the daemons.
start_both() {
  ip netns add "$NS-1"
  ip netns add "$NS-2"
  nsenter --net="/run/netns/$NS-1" ip link add wire type veth peer name wire netns "$NS-2"
  for n in 1 2; do
    "$CTL" cluster create "$BATS_TEST_TMPDIR/n$n/conf.yaml" >"$BATS_TEST_TMPDIR/n$n/created"
    nsenter --net="/run/netns/$NS-$n" ip addr add "10.99.0.$n/24" dev wire
    nsenter --net="/run/netns/$NS-$n" ip link set lo up
    nsenter --net="/run/netns/$NS-$n" ip link set wire up
    start_one $n
  done
}

start_one() {
  nsenter --net="/run/netns/$NS-$1" build/quorumd --config "$BATS_TEST_TMPDIR/n$1/conf.yaml" >>"$BATS_TEST_TMPDIR/n$1/log" 2>&1 3>&- &
  eval "NODE_PID_$1=$!"
}

# node $1 leads with the lock, which the share says is its
holds() {
  field_is "$1" '[.quorum.quorate, .witness.record.confirmed, .witness.record.holder, .quorum.extra.holder.id] | @csv' \
    "true,true,$1,$1"
}

both_in_view() {
  for n in 1 2; do tgt_wait 30 sees $n 2; done
  AT=$(leader 1)
  OTHER=$((3 - AT))
}

both_with_the_lock() {
  two_nodes
  start_both
  both_in_view
  tgt_wait 30 holds "$AT"
}

quorate_is() {
  field_is "$1" .quorum.quorate "$2"
}

reachable_is() {
  field_is "$1" .witness.reachable "$2"
}

grants() {
  find "$DIR" -name 'grant-*' | wc -l
}

in_log() {
  grep -q "$2" "$BATS_TEST_TMPDIR/n$1/log"
}

@test "a takeover: the share confirms by itself, and its lock goes to who is left" {
  both_with_the_lock
  [ "$(find "$DIR" -name 'store-*' | wc -l)" = 1 ]
  run ctl "$AT" witness status
  echo "$output"
  [ "$status" -eq 0 ]
  [[ $output == *"a directory on a share, answers this node"* ]]
  [[ $output == *"lock     held by "* ]]
  [[ $output == *"cluster  $ID"* ]]
  # the other one has looked, too
  tgt_wait 30 field_is "$OTHER" .witness.record.holder "$AT"
  run ctl "$OTHER" witness status --json
  [ "$status" -eq 0 ]
  jq -e --arg dir "$SHARE" '.kind == "share" and .ways[0].address == $dir and .record.confirmed and .reachable' <<<"$output"
  before=$(grants)
  epoch=$(field "$AT" .witness.record.epoch)
  node_stop "$AT" KILL
  tgt_wait 30 sees "$OTHER" 1
  tgt_wait 30 holds "$OTHER"
  [ "$(field "$OTHER" .witness.record.epoch)" -gt "$epoch" ]
  [ "$(grants)" -gt "$before" ]
  # and back
  start_one "$AT"
  for n in 1 2; do tgt_wait 30 sees $n 2; done
}

@test "a split: the one that holds the lock goes on, the other one stops and comes back" {
  both_with_the_lock
  nsenter --net="/run/netns/$NS-1" ip link set wire down
  tgt_wait 30 quorate_is "$OTHER" false
  sees "$AT" 1
  run ctl "$OTHER" why
  [ "$status" -eq 2 ]
  # for longer than any takeover takes: it stays with the holder
  tgt_wait 30 field_is "$OTHER" .witness.record.holder "$AT"
  tgt_wait 10 field_is "$OTHER" .witness.verdict held
  sees "$AT" 1
  quorate_is "$OTHER" false
  nsenter --net="/run/netns/$NS-1" ip link set wire up
  for n in 1 2; do tgt_wait 30 sees $n 2; done
}

# Another machine that sees the share and nobody else, with the id and key of node $1. Its first start is a later one than
# that node's: they count from the time of day at which the store was made.
false_one() {
  ip netns add "$NS-3"
  nsenter --net="/run/netns/$NS-3" ip link add wire type veth peer name end
  nsenter --net="/run/netns/$NS-3" ip addr add "10.99.0.$1/24" dev wire
  for link in lo end wire; do nsenter --net="/run/netns/$NS-3" ip link set $link up; done
  mkdir -p "$BATS_TEST_TMPDIR/n3/state" "$BATS_TEST_TMPDIR/n3/run"
  sed "s|/n$1/|/n3/|; s/id: \(0*\)$1\$/id: \13/" "$BATS_TEST_TMPDIR/n$1/conf.yaml" >"$BATS_TEST_TMPDIR/n3/conf.yaml"
  "$CTL" cluster create "$BATS_TEST_TMPDIR/n3/conf.yaml" >"$BATS_TEST_TMPDIR/n3/created"
  start_one 3
}

asked_at_least() {
  [ "$(field "$1" '[.witness.ways[].asked] | add')" -ge "$2" ]
}

@test "another machine with the id and key of the lock's holder: it is told, and the cluster keeps lock and vote" {
  both_with_the_lock
  before=$(field "$AT" '[.view.epoch, .quorum.votes_present, .witness.record.epoch] | tostring')
  false_one "$AT"
  tgt_wait 30 in_log 3 "witness.share: .*another start of this node is at work there: another machine has its id and key"
  # the other one goes on asking for the lock
  tgt_wait 60 asked_at_least 3 $(($(field 3 '[.witness.ways[].asked] | add') + 10))
  [ "$(field "$AT" '[.view.epoch, .quorum.votes_present, .witness.record.epoch] | tostring')" = "$before" ]
  holds "$AT"
  quorate_is 3 false
  run ctl 3 witness status
  echo "$output"
  [[ $output == *"because  $DIR: another start of this node is at work there"* ]]
}

# A FIFO in place of the file that a renewal rewrites: opening it for writing waits for a reader, as a share does that hangs.
hang() {
  rm "$DIR/beat-0$1"
  mkfifo "$DIR/beat-0$1"
}

let_go() {
  # a reader that does not wait either lets the writer in; what it writes fails once, and the file is one again
  exec {fifo}<>"$DIR/beat-0$1"
  rm "$DIR/beat-0$1"
  exec {fifo}>&-
}

@test "a share that hangs: the view stays, heartbeats go on, status says so, and it comes back" {
  both_with_the_lock
  views=$(field "$AT" .view.views)
  hang "$AT"
  tgt_wait 20 reachable_is "$AT" false
  tgt_wait 20 field_is "$AT" '.witness.hangs_ms > 1000' true
  run ctl "$AT" witness status
  echo "$output"
  [ "$status" -eq 1 ]
  [[ $output == *"does not answer this node"* ]]
  [[ $output == *"hangs    for "* ]]
  run ctl "$AT" status
  [ "$status" -eq 1 ]
  [[ $output == *"The witness does not answer"* ]]
  # the nodes' votes are enough, and no heartbeat waits: for longer than everything that counts on a renewal
  tgt_wait 20 field_is "$AT" '.witness.hangs_ms > 5000' true
  [ "$(field "$AT" .view.views)" = "$views" ]
  for n in 1 2; do sees $n 2; done
  field_is "$AT" '.margin.age_ms < 1500' true
  let_go "$AT"
  tgt_wait 30 reachable_is "$AT" true
  tgt_wait 30 field_is "$AT" .witness.verdict ok
  tgt_wait 30 holds "$AT"
}

@test "a node ends while the share hangs" {
  both_with_the_lock
  hang "$AT"
  tgt_wait 20 reachable_is "$AT" false
  begin=$SECONDS
  node_stop "$AT" TERM
  [ $((SECONDS - begin)) -lt 20 ]
  let_go "$AT"
}

check_says() {
  local rc=0
  build/quorumd --check "$BATS_TEST_TMPDIR/n1/conf.yaml" >"$BATS_TEST_TMPDIR/said" 2>&1 || rc=$?
  cat "$BATS_TEST_TMPDIR/said"
  [ "$rc" -eq "$1" ]
  grep -qF "$2" "$BATS_TEST_TMPDIR/said"
}

@test "--check and the log say what is wrong with a share" {
  two_nodes
  check_says 0 "conf.yaml: valid"
  # written by the other cluster that the directory was copied from
  run -0 "$CTL" keygen "$BATS_TEST_TMPDIR/other"
  other=$(sed -n 's/^cluster //p' "$BATS_TEST_TMPDIR/other")
  rmdir "$DIR"
  check_says 78 "witness.share: $DIR: No such file or directory: is the share mounted? Else make it once, by mkdir"
  touch "$DIR"
  check_says 78 "witness.share: $DIR: it is no directory"
  rm "$DIR"
  sed -i "s|$BATS_TEST_TMPDIR/key|$BATS_TEST_TMPDIR/other|" "$BATS_TEST_TMPDIR/n1/conf.yaml"
  check_says 78 "$SHARE/$other: No such file"
  sed -i "s|$BATS_TEST_TMPDIR/other|$BATS_TEST_TMPDIR/key|" "$BATS_TEST_TMPDIR/n1/conf.yaml"
  mkdir "$DIR"
  # Here and not in a mount namespace: that needs a mount point at /, which a chroot does not have.
  mount --bind "$SHARE" "$SHARE"
  run sh -c "mount -o remount,ro,bind '$SHARE' && build/quorumd --check '$BATS_TEST_TMPDIR/n1/conf.yaml'"
  umount "$SHARE"
  echo "$output"
  [ "$status" -eq 78 ]
  [[ $output == *"witness.share: $DIR: it cannot be written: Read-only file system"* ]]
  rm "$BATS_TEST_TMPDIR/key"
  check_says 0 "warning: witness.share is not looked at: $BATS_TEST_TMPDIR/key"
}

@test "another cluster's files: nothing is granted, and the node says why" {
  both_with_the_lock
  # a copy of this cluster's directory under the id of a new one
  cluster_stop
  "$CTL" keygen "$BATS_TEST_TMPDIR/other" >"$BATS_TEST_TMPDIR/keygen"
  OTHER_ID=$(sed -n 's/^cluster //p' "$BATS_TEST_TMPDIR/other")
  mv "$DIR" "$SHARE/$OTHER_ID"
  for n in 1 2; do
    rm -rf "$BATS_TEST_TMPDIR/n$n/state"/* "$BATS_TEST_TMPDIR/n$n/run"/*
    sed -i "s|$BATS_TEST_TMPDIR/key|$BATS_TEST_TMPDIR/other|" "$BATS_TEST_TMPDIR/n$n/conf.yaml"
    "$CTL" cluster create "$BATS_TEST_TMPDIR/n$n/conf.yaml" >"$BATS_TEST_TMPDIR/n$n/created"
    start_one $n
  done
  both_in_view
  tgt_wait 30 field_is "$AT" .witness.verdict "store failed"
  run ctl "$AT" witness status
  echo "$output"
  [[ $output == *"another cluster's: move the directory away, and make a new one"* ]]
  in_log "$AT" "witness.share: .*another cluster's"
  # as it says
  mv "$SHARE/$OTHER_ID" "$SHARE/away"
  mkdir "$SHARE/$OTHER_ID"
  tgt_wait 30 holds "$AT"
}

@test "a share that is not mounted does not hold up the start, and is used as soon as it is there" {
  two_nodes
  rmdir "$DIR"
  start_both
  both_in_view
  tgt_wait 30 in_log "$AT" "witness.share: $DIR: No such file or directory: is the share mounted?"
  run ctl "$AT" status
  [ "$status" -eq 1 ]
  [[ $output == *"is the share mounted?"* ]]
  mkdir "$DIR"
  tgt_wait 30 holds "$AT"
}

@test "the witness cannot become another one while its vote counts, and does when it does not" {
  both_with_the_lock
  mkdir -p "$BATS_TEST_TMPDIR/new/$ID"
  sed "s|share: $SHARE|share: $BATS_TEST_TMPDIR/new|" "$BATS_TEST_TMPDIR/n$AT/conf.yaml" >"$BATS_TEST_TMPDIR/new.yaml"
  sed -i '/^witness:/i quorum: {model: node_and_witness}' "$BATS_TEST_TMPDIR/new.yaml"
  run ctl "$AT" config apply --yes "$BATS_TEST_TMPDIR/new.yaml"
  echo "$output"
  [ "$status" -ne 0 ]
  [[ $output == *"the witness cannot become another one while its vote counts"* ]]
  run ctl "$AT" quorum set --model node_majority --yes
  echo "$output"
  [ "$status" -eq 0 ]
  sed -i 's/node_and_witness/node_majority/' "$BATS_TEST_TMPDIR/new.yaml"
  run ctl "$AT" config apply --yes "$BATS_TEST_TMPDIR/new.yaml"
  echo "$output"
  [ "$status" -eq 0 ]
  for n in 1 2; do tgt_wait 30 field_is $n '.witness.ways[0].address' "$BATS_TEST_TMPDIR/new"; done
  run ctl "$AT" quorum set --model node_and_witness --yes
  echo "$output"
  [ "$status" -eq 0 ]
  DIR=$BATS_TEST_TMPDIR/new/$ID
  tgt_wait 30 holds "$AT"
  [ "$(grants)" -gt 0 ]
}
