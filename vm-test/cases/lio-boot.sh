# shellcheck shell=bash
# the LIO target: login, both LUNs, power cut with APTPL, two portals of which one is cut, pauses
# SPDX-License-Identifier: Apache-2.0

boot() { # boot TEXT: wait for the login, one result with the seconds
  local seconds
  seconds=$(target_ready 90) && pass "$1: login answered $seconds s after the start of QEMU"
  guest_ready target 10
}

lun_block_size() { in_ns iscsi-inq -e 1 -c 0xb0 "iscsi://$TARGET_PORTAL/$TARGET_IQN/$1" >/dev/null &&
  [ "$(guest_exec target "cat /sys/kernel/config/target/core/fileio_0/lun$1/attrib/block_size")" = "$2" ]; }
read_keys() { in_ns iscsi-test-cu -s -t SCSI.PrinReadKeys.Simple "iscsi://$TARGET_PORTAL/$TARGET_IQN/$1"; }
refuses_login() { ! in_ns python3 "$VM_HERE/guest.py" login "$1" 1; }
answers_login() { in_ns python3 "$VM_HERE/guest.py" login "$1" "$2"; }

cat >"$VM_RUN/aptpl.script" <<'S'
== registrations and the reservation survive a power cut
A join
B join
A register new=a1 aptpl
B register new=b1 aptpl
A reserve key=a1 type=5
A write lba=9 byte=61
B preempt key=b1 victim=a1 type=5
A restart
A join
B join
B read-keys => keys b1
B read-reservation => held b1 type 5
A write lba=9 byte=62 => conflict
B write lba=9 byte=63
B read lba=9 => data 63
S

TARGET_OPTIONS=(state=sync portals=1)
target_start "${TARGET_OPTIONS[@]}"
boot "one portal, synced state"
check "LUN 0 has 512-byte blocks" lun_block_size 0 512
check "LUN 1 has 4096-byte blocks" lun_block_size 1 4096
check "PR IN READ KEYS on LUN 0" read_keys 0
check "PR IN READ KEYS on LUN 1" read_keys 1
begin=$(now_ms)
check "APTPL state is back after a power cut" conform_target "$TARGET_PORTAL" "$VM_RUN/aptpl.script"
note "script with its power cycle: $(seconds_since "$begin") s"
guest_exec target 'cat /state/pr/aptpl_*; cat /sys/kernel/config/target/core/fileio_0/lun0/pr/res_holder' | tr -d '\0' | sed 's/^/#   /'
guest_down target

TARGET_OPTIONS=(state=sync portals=2)
target_start "${TARGET_OPTIONS[@]}"
boot "two portals, second start of the same disks"
check "the second portal answers" answers_login "$TARGET_PORTAL_2" 5
link_cut target 1
check "the second path cut: it does not answer" refuses_login "$TARGET_PORTAL_2"
check "the second path cut: the first one answers" answers_login "$TARGET_PORTAL" 1
link_join target 1
check "the second path joined again" answers_login "$TARGET_PORTAL_2" 10
guest_pause target
check "QMP stop: no answer" refuses_login "$TARGET_PORTAL"
guest_resume target
check "QMP cont: answers again" answers_login "$TARGET_PORTAL" 10
guest_freeze target
check "SIGSTOP: no answer" refuses_login "$TARGET_PORTAL"
guest_thaw target
check "SIGCONT: answers again" answers_login "$TARGET_PORTAL" 10
