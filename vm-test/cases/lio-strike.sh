# shellcheck shell=bash
# a strike while the victim's write is executing and the victim is dead: when is it answered, what can be seen before
# SPDX-License-Identifier: Apache-2.0

# LIO does the preemption at once, but answers only when the victim's initiator has acknowledged the end of its aborted
# write. A dead one never does: after its NOP-In times LIO closes that connection, and B's too (its thread was stuck).
# Until then a login of B's own name blocks every login at the portal, and a third node's PREEMPT of B's key spins in the
# kernel with a lock held: the target answers nobody any more, also with two processors. This case does neither.
# A holds type 5 and has a write in the disk's hands when it dies; B strikes; C is another initiator, logged in before.
cat >"$VM_RUN/strike.script" <<'S'
== a strike at a dead holder whose write is executing
A join
B join
C join
A register new=a1
B register new=b1
A reserve key=a1 type=5
B write lba=20 byte=00
A stall
A send-write lba=20 byte=a1
A await-stall
A silence
B send-preempt-abort key=b1 victim=a1 type=5
B pending => pending
C read-reservation => held b1 type 5
A unstall
B pending => pending
C read-reservation => held b1 type 5
C read-keys => keys b1
D join
B await => any
C tur
C read-reservation => held b1 type 5
B drop
B join
B write lba=20 byte=b1
B read lba=20 => data b1
S

strike() { # strike TEXT [OPTION...]
  local text=$1 begin
  shift
  TARGET_OPTIONS=(state=sync portals=1 "$@")
  target_start "${TARGET_OPTIONS[@]}"
  target_ready 90 >/dev/null
  begin=$(now_ms)
  check "$text" conform_target "$TARGET_PORTAL" "$VM_RUN/strike.script" --verbose
  note "$text: $(seconds_since "$begin") s in all"
  guest_exec target 'dmesg | grep NOPIN' | sed 's/^/#   /'
  guest_power_cut target
}

strike "the kernel's times for a silent initiator, 15 s and 30 s"
names=iqn.2026-01.test:probe,iqn.2026-01.test:janitor
for n in a b c d; do names+=,iqn.2026-01.test:s1-$n; done
strike "nopin_timeout and nopin_response_timeout of 3 s" "names=$names" nopin=3
