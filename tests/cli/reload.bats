#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What counts at the start, at --check and at a reload (SIGHUP): the machine's file, the store, the key file.
bats_require_minimum_version 1.5.0

setup() {
  cd "$BATS_TEST_DIRNAME/../.." || return 1
  load tgt
  load cluster
  load views
  views_conf node_majority alpha
  conf=$BATS_TEST_TMPDIR/n1/conf.yaml
  log=$BATS_TEST_TMPDIR/n1/log
}

teardown() {
  cluster_stop
}

said() {
  grep -q -- "$1" "$log"
}

reload() {
  : >"$log"
  kill -HUP "$NODE_PID_1"
}

@test "--check prints warnings and starts nothing" {
  sed -i 's/^  alpha: .*/&\n  beta: {id: 2, addresses: [127.0.0.12, 127.0.1.12]}/' "$conf"
  run --separate-stderr build/quorumd --check "$conf"
  [ "$status" -eq 0 ]
  # shellcheck disable=SC2154  # run sets it
  [[ $stderr == *"of two nodes without a quorum disk or a witness only one may die"* ]]
  [ ! -e "$BATS_TEST_TMPDIR/n1/run/api.sock" ]
}

@test "a store that has promised nothing: the file counts, also when it was changed after cluster create" {
  sed -i 's/renew: 500ms/renew: 600ms/' "$conf"
  views_start 1
  tgt_wait 30 sees 1 1
  said 'renew 600 ms'
  ctl 1 config show | grep -q 'renew: 600ms'
  # from now on the store
  node_stop 1
  sed -i 's/renew: 600ms/renew: 700ms/' "$conf"
  views_start 1
  tgt_wait 30 sees 1 1
  ctl 1 config show | grep -q 'renew: 600ms'
  run ! said 'renew 700 ms'
}

@test "a reload: the machine's own keys change, the cluster's do not, and why a file is refused" {
  views_start 1
  tgt_wait 30 sees 1 1
  sed -i 's/renew: 500ms/renew: 700ms/' "$conf"
  reload
  tgt_wait 20 said 'reload: nothing changed'
  sed -i 's/level: debug/level: notice/' "$conf"
  reload
  tgt_wait 20 said 'reload: log.level: changed'
  echo 'nonsense: 1' >>"$conf"
  reload
  tgt_wait 20 said 'reload: nothing is changed'
  said 'nonsense'
  sees 1 1
}

@test "a reload: another key in the key file is taken, another cluster's file is not" {
  views_start 1
  tgt_wait 30 sees 1 1
  reload
  tgt_wait 20 said 'reload: keys read again'
  cp "$BATS_TEST_TMPDIR/key" "$BATS_TEST_TMPDIR/old"
  rm "$BATS_TEST_TMPDIR/key"
  "$CTL" keygen "$BATS_TEST_TMPDIR/key" >/dev/null
  reload
  tgt_wait 20 said "it is another cluster's: the old keys stay"
  cp "$BATS_TEST_TMPDIR/old" "$BATS_TEST_TMPDIR/key"
  chmod 644 "$BATS_TEST_TMPDIR/key"
  reload
  tgt_wait 20 said ': the old keys stay'
  sees 1 1
}
