# SPDX-License-Identifier: Apache-2.0
# Nodes on this machine, for tests of the commands that ask a running quorumd. After tgt_start and a format:
# node_conf N NAME... writes the configuration of node N of the named ones, node_start N starts it, ended by its process
# id in cluster_stop. ctl N ... is quorumctl against node N.

CTL=build/quorumctl

node_conf() {
  local n=$1 dir=$BATS_TEST_TMPDIR/n$1 i=0
  shift
  mkdir -p "$dir/state" "$dir/run"
  # a directory of a root-only test folder is no place for quorum-api's own user
  {
    printf 'cluster: demo\nnode: %s\nnodes:\n' "$n"
    for name in "$@"; do printf '  %s: %d\n' "$name" $((++i)); done
    cat <<YAML
quorum_disk:
  paths:
    - $TGT_URL
times:
  renew: ${RENEW:-300ms}
state_dir: $dir/state
run_dir: $dir/run
api:
  user: nobody-of-this-name
log:
  level: debug
test:
  machine_id: 0000000000000000000000000000000$n
  boot_id: 0000000000000000000000000000000$n
YAML
    if [ -n "${SCRIPT:-}" ]; then
      printf 'group:\n  name: web\n  script: %s\n  monitor_interval: 100ms\n  stop_timeout: 5s\n' "$SCRIPT"
    fi
  } >"$dir/conf.yaml"
}

# node_start N [OPTION...]
node_start() {
  local n=$1 dir=$BATS_TEST_TMPDIR/n$1
  shift
  build/quorumd --config "$dir/conf.yaml" "$@" >>"$dir/log" 2>&1 3>&- &
  eval "NODE_PID_$n=$!"
}

ctl() {
  local n=$1
  shift
  QUORUMD_SOCKET=$BATS_TEST_TMPDIR/n$n/run/api.sock "$CTL" "$@"
}

# stopped by the signal $2 (TERM), awaited
node_stop() {
  local v=NODE_PID_$1
  if [ -n "${!v:-}" ]; then
    kill "-${2:-TERM}" "${!v}" 2>/dev/null || true
    wait "${!v}" 2>/dev/null || true
    eval "$v="
  fi
}

# quorum-api outlives quorumd; its own socket names it
cluster_stop() {
  local n pid
  for n in 1 2 3; do node_stop "$n"; done
  for n in 1 2 3; do
    pid=$(ss -xlpH src "$BATS_TEST_TMPDIR/n$n/run/api.sock*" 2>/dev/null | sed -n 's/.*pid=\([0-9]*\).*/\1/p' | head -1)
    if [ -n "$pid" ]; then kill -TERM "$pid" 2>/dev/null || true; fi
  done
}

owner_is() {
  [ "$(ctl "$1" owner 2>/dev/null)" = "$2" ]
}
