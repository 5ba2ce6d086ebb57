# SPDX-License-Identifier: Apache-2.0
# Clusters with networks on loopback, for tests of the commands that ask and change them: node N has the addresses
# 127.0.0.1N and 127.0.1.1N. views_conf MODEL NAME... writes key and configurations, views_start N... starts nodes.
# node_stop, ctl and cluster_stop are those of cluster.bash.

views_conf() {
  local model=$1 n=0 i=0
  shift
  # one port for all; each node has addresses of its own
  VIEWS_PORT=$((20000 + RANDOM % 20000))
  "$CTL" keygen "$BATS_TEST_TMPDIR/key" >"$BATS_TEST_TMPDIR/keygen"
  for _ in "$@"; do
    n=$((n + 1))
    mkdir -p "$BATS_TEST_TMPDIR/n$n/state" "$BATS_TEST_TMPDIR/n$n/run"
    {
      printf '# what is said here stays\ncluster: demo\nnode: %s\nkey_file: %s/key\nnodes:\n' "$n" "$BATS_TEST_TMPDIR"
      i=0
      for name in "$@"; do
        i=$((i + 1))
        printf '  %s: {id: %d, addresses: [127.0.0.1%d, 127.0.1.1%d]}\n' "$name" $i $i $i
      done
      cat <<YAML
heartbeat:
  port: $VIEWS_PORT
  same_subnet_delay: 100ms
quorum:
  model: $model
times:
  renew: 500ms
state_dir: $BATS_TEST_TMPDIR/n$n/state
run_dir: $BATS_TEST_TMPDIR/n$n/run
api:
  user: nobody-of-this-name
log:
  level: debug
test:
  machine_id: 0000000000000000000000000000000$n
  boot_id: 0000000000000000000000000000000$n
YAML
    } >"$BATS_TEST_TMPDIR/n$n/conf.yaml"
    "$CTL" cluster create "$BATS_TEST_TMPDIR/n$n/conf.yaml" >"$BATS_TEST_TMPDIR/n$n/created"
  done
}

views_start() {
  local n
  for n in "$@"; do node_start "$n"; done
}

# field N JQ-EXPRESSION: of the status that node N gives
field() {
  ctl "$1" status --json 2>/dev/null | jq -r "$2"
}

field_is() {
  [ "$(field "$1" "$2")" = "$3" ]
}

# node $1 sees a quorum and $2 members
sees() {
  field_is "$1" '[.quorum.quorate, (.view.members | length)] | @csv' "true,$2"
}

# the number of the node that leads, as node $1 sees it
leader() {
  field "$1" .view.leader.id
}
