#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# quorumd --check: every mistake has its file, line, column, key, what was expected and what was found.
bats_require_minimum_version 1.5.0

setup() {
  cd "$BATS_TEST_DIRNAME/../.." || return 1
  FILE=$BATS_TEST_TMPDIR/quorumd.yaml
  cat >"$FILE" <<'YAML'
cluster: demo
node: alpha
nodes:
  alpha: 1
  beta: 2
quorum_disk:
  paths:
    - iscsi://10.0.0.1:3260/iqn.2003-01.org.example:disk/0
times:
  renew: 3s
YAML
}

# refused TEXT: --check ends with 78 and says this, on standard error
refused() {
  run --separate-stderr build/quorumd --check "$FILE"
  # shellcheck disable=SC2154  # run sets it
  echo "$stderr"
  [ "$status" -eq 78 ]
  [ -z "$output" ]
  [[ $stderr == *"$1"* ]]
}

@test "a good configuration passes" {
  run build/quorumd --check "$FILE"
  echo "$output"
  [ "$status" -eq 0 ]
}

@test "the examples pass, and nothing in them needs a warning" {
  for example in docs/example*.yaml; do
    run build/quorumd --check "$example"
    echo "$output"
    [ "$status" -eq 0 ]
    # of the script alone: it is not on this machine
    [[ ${output/warning: group.script: \/etc\/quorumd\/web cannot be run here/} != *warning* ]]
  done
}

@test "a group's script that cannot be run here: told, and the file is valid" {
  script=$BATS_TEST_TMPDIR/service
  printf 'group:\n  name: db\n  script: %s\n' "$script" >>"$FILE"
  run --separate-stderr build/quorumd --check "$FILE"
  [ "$status" -eq 0 ]
  [ "$stderr" = "warning: group.script: $script cannot be run here: No such file or directory" ]
  touch "$script"
  run --separate-stderr build/quorumd --check "$FILE"
  [ "$status" -eq 0 ]
  [ "$stderr" = "warning: group.script: $script cannot be run here: Permission denied" ]
  chmod +x "$script"
  run --separate-stderr build/quorumd --check "$FILE"
  [ "$status" -eq 0 ]
  [ -z "$stderr" ]
}

@test "two nodes with one address" {
  sed -i "s|alpha: 1|alpha: {id: 1, addresses: [10.0.0.1]}|; s|beta: 2|beta: {id: 2, addresses: [10.0.0.1]}|" "$FILE"
  refused "$FILE:5:29: nodes.beta.addresses: 10.0.0.1 is that of alpha on line 4 already; every node and network needs its own"
}

@test "addresses of two families, and of two lengths" {
  sed -i "s|alpha: 1|alpha: {id: 1, addresses: [10.0.0.1]}|; s|beta: 2|beta: {id: 2, addresses: [fd00::2]}|" "$FILE"
  refused "fd00::2 is IPv6, and others are IPv4"
  sed -i "s|\[fd00::2\]|[10.0.0.2, 10.0.1.2]|" "$FILE"
  refused "$FILE:4:3: nodes.alpha: expected 2 addresses, one on every network as beta on line 5 has, found 1"
}

@test "a model that counts what is not there" {
  sed -i "s|alpha: 1|alpha: {id: 1, addresses: [10.0.0.1]}|; s|beta: 2|beta: {id: 2, addresses: [10.0.0.2]}|" "$FILE"
  refused "$FILE: key_file: expected an absolute path, found nothing"
  printf 'key_file: /k\nquorum: {model: node_and_witness}\n' >>"$FILE"
  refused "$FILE:12:17: quorum.model: node_and_witness counts a witness, and there is none; give witness.addresses or witness.share"
}

@test "what is valid but hardly meant is told" {
  sed -i "s|alpha: 1|alpha: {id: 1, addresses: [10.0.0.1]}|; s|beta: 2|beta: {id: 2, addresses: [10.0.0.2]}|" "$FILE"
  printf 'key_file: /k\nquorum: {model: node_majority}\n' >>"$FILE"
  run --separate-stderr build/quorumctl times "$FILE"
  echo "$stderr"
  [ "$status" -eq 0 ]
  [[ $stderr == *"warning: $FILE:12:17: quorum.model: of two nodes without a quorum disk or a witness"* ]]
  [[ $stderr == *"warning: $FILE:4:3: nodes: there is one network only: when it fails, no node hears another; "* ]]
  sed -i 's|\[10.0.0.1\]|[10.0.0.1, 10.0.1.1]|; s|\[10.0.0.2\]|[10.0.0.2, 10.0.1.2]|' "$FILE"
  run --separate-stderr build/quorumd --check "$FILE"
  echo "$stderr"
  [ "$status" -eq 0 ]
  [[ $stderr != *"one network only"* ]]
  run --separate-stderr build/quorumctl config check "$FILE"
  [[ $stderr != *"one network only"* ]]
  sed -i 's|, 10.0.1.[12]\]|]|' "$FILE"
  run --separate-stderr build/quorumctl config check "$FILE"
  echo "$output$stderr"
  [[ $output$stderr == *"one network only"* ]]
}

@test "a file that is not there" {
  run build/quorumd --check "$BATS_TEST_TMPDIR/none"
  [ "$status" -ne 0 ]
  [[ $output == *"$BATS_TEST_TMPDIR/none: the configuration cannot be read: No such file or directory"* ]]
}

@test "malformed YAML" {
  printf 'bad: [1\n' >>"$FILE"
  refused "$FILE:12:1: expected YAML, found what is none"
}

@test "an unknown key suggests the nearest" {
  sed -i 's/renew/renwe/' "$FILE"
  refused "$FILE:10:3: times.renwe: unknown key; did you mean \"renew\"?"
}

@test "a key that stands twice" {
  printf 'node: beta\n' >>"$FILE"
  refused "$FILE:11:1: node: this key stands on line 2 already; remove one"
}

@test "a duplicate node id, with both lines" {
  sed -i 's/beta: 2/beta: 1/' "$FILE"
  refused "$FILE:5:9: nodes.beta: id 1 is that of alpha on line 4 already"
}

@test "a node id out of range, and a node that is not there" {
  sed -i 's/beta: 2/beta: 65/' "$FILE"
  refused "$FILE:5:9: nodes.beta: expected an id from 1 to 64, found \"65\""
  sed -i 's/beta: 65/beta: 2/; s/node: alpha/node: gamma/' "$FILE"
  refused "$FILE:2:7: node: expected a name or an id of nodes, found \"gamma\"; there is alpha (1) beta (2)"
}

@test "durations without a unit, with a wrong one, and out of range" {
  for value in 3x 3 "3 s" -3s 3sm 1.5s 99ms 61s 99999999999999999999s; do
    sed -i "s/renew: .*/renew: $value/" "$FILE"
    refused "$FILE:10:10: times.renew: expected a duration from 100ms to 1m, a whole number with ms, s, m or h, found \"$value\""
  done
}

@test "times of a file that cannot be read: said, and no times are made up" {
  run build/quorumctl times "$BATS_TEST_TMPDIR/none"
  [ "$status" -eq 74 ]
  [ "$output" = "$BATS_TEST_TMPDIR/none: the configuration cannot be read: No such file or directory" ]
}

@test "unsafe times name the inequality and the numbers" {
  printf '  challenge: 6s\n' >>"$FILE"
  refused "$FILE:11:14: times: expected challenge >= 2*renew + slack, found 6000 ms >= 7000 ms"
  run build/quorumctl times "$FILE"
  [ "$status" -eq 78 ]
  [[ $output == *"challenge >= 2*renew + slack"* ]]
}

@test "a password in a URL is refused and not shown" {
  sed -i 's|iscsi://10|iscsi://ed:hidden@10|' "$FILE"
  refused "quorum_disk.chap.user and secret_file"
  [[ $stderr != *hidden* ]]
}

@test "a secret file that others can read" {
  install -m 0640 /dev/null "$BATS_TEST_TMPDIR/secret"
  echo some-secret >"$BATS_TEST_TMPDIR/secret"
  sed -i "s|^times:|  chap:\n    user: ed\n    secret_file: $BATS_TEST_TMPDIR/secret\ntimes:|" "$FILE"
  refused "$FILE:11:18: quorum_disk.chap.secret_file: $BATS_TEST_TMPDIR/secret has mode 0640, so others may read the secret"
  [[ $stderr != *some-secret* ]]
  chmod 0600 "$BATS_TEST_TMPDIR/secret"
  run build/quorumd --check "$FILE"
  [ "$status" -eq 0 ]
}

@test "all mistakes are told at once" {
  sed -i 's/cluster: demo/cluster: de mo/; s/beta: 2/beta: x/; s/renew: 3s/renew: 3x/' "$FILE"
  refused "$FILE:1:10: cluster:"
  [[ $stderr == *"$FILE:5:9: nodes.beta:"* ]]
  [[ $stderr == *"$FILE:10:10: times.renew:"* ]]
}

@test "the manual's list of keys is the schema" {
  diff <(sed -n '/^\.\\" schema begin/,/^\.\\" schema end/p' docs/quorumd.yaml.5 | sed '1d;$d') <(build/quorumd --schema)
}

@test "quorumctl times prints the whole time line" {
  run build/quorumctl times "$FILE"
  echo "$output"
  [ "$status" -eq 0 ]
  [[ $output == *"renew 3.000 s, challenge 7.000 s, takeover 10.000 s"* ]]
  [[ $output == *"6.000 s"*"begins to stop"* ]]
  [[ $output == *"8.982 s"*"everything has stopped"* ]]
  run build/quorumctl times --renew 300ms
  [ "$status" -eq 0 ]
  run build/quorumctl times --renew 3s --takeover 9s
  [ "$status" -eq 78 ]
  [[ $output == *"takeover >= challenge + renew does not hold: 9.000 s >= 10.000 s"* ]]
}
