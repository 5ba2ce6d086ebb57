#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# quorum-runner against a stand-in of quorumd (runner.py): the script, the lease's deadline, the stop that is verified.

setup() {
  cd "$BATS_TEST_DIRNAME/../.." || return 1
}

@test "runner: no socket, no service" {
  run build/quorum-runner
  [ "$status" -eq 64 ]
  [[ $output == *"started by quorumd"* ]]
}

@test "runner: the script starts with a clean environment and the token, stops, and that is verified" {
  python3 tests/cli/runner.py start_and_stop
}

@test "runner: it stops by itself when no newer lease comes" {
  python3 tests/cli/runner.py lease_ends
}

@test "runner: a newer lease keeps it running" {
  python3 tests/cli/runner.py lease_renewed
}

@test "runner: an older lease changes nothing" {
  python3 tests/cli/runner.py older_lease_changes_nothing
}

@test "runner: a stop that hangs is killed in time" {
  python3 tests/cli/runner.py hung_stop_is_killed
}

@test "runner: a daemon that outlives its stop is killed" {
  python3 tests/cli/runner.py deaf_daemon_is_killed
}

@test "runner: what cannot be verified ends in the stub, and nothing is reset" {
  python3 tests/cli/runner.py lying_monitor_is_stop_failed
}

@test "runner: without quorumd it stops what it started" {
  python3 tests/cli/runner.py quorumd_lost
}

@test "runner: after a pause the deadline comes before any order" {
  python3 tests/cli/runner.py paused_past_its_lease
}

@test "runner: a start that fails is reported and cleaned up" {
  python3 tests/cli/runner.py start_fails
}

@test "runner: a start that hangs is reported and cleaned up" {
  python3 tests/cli/runner.py start_hangs
}

@test "runner: an order to stop ends a start under way" {
  python3 tests/cli/runner.py stop_during_start
}

@test "runner: a resource that dies is reported" {
  python3 tests/cli/runner.py monitor_fails
}

@test "runner: a start whose lease is over starts nothing" {
  python3 tests/cli/runner.py start_after_its_lease
}

@test "runner: a script that is not there fails the start" {
  python3 tests/cli/runner.py no_script
}

