# shellcheck shell=bash
# real nodes on the LIO target, two alone and three that vote: owner killed, paused, cut off, hand-over, power and path cuts; WORD... picks cases
# SPDX-License-Identifier: Apache-2.0

# The nodes are host processes in this run's network namespace (vm-test/arbiter.py); the guest belongs to this shell, which
# does to it what the program orders, one line each.
arbiter_stampread=$VM_TREE/build/gcc/tests/drv/stampread

arbiter_obey() {
  local order
  read -ra order <<<"$1"
  case ${order[0]} in
    boot) target_start "state=${order[1]}" portals=2 "${order[@]:2}" ;;
    cut) guest_power_cut target ;;
    down) guest_down target ;;
    link-cut) link_cut target "${order[1]}" ;;
    link-join) link_join target "${order[1]}" ;;
    *) return 2 ;;
  esac
}

# After a clean end: each LUN as it lies in the target's file system, judged by the drivers' own judge of stamps.
arbiter_judge_offline() {
  local disk=$VM_RUN/target.a.store.disk lun
  e2fsck -p "$disk" >/dev/null
  for lun in "$@"; do
    debugfs -R "dump /lun$lun $VM_RUN/lun$lun" "$disk" 2>/dev/null
    check "offline, the whole LUN $lun: no stamp of an earlier owner after a later one's" "$arbiter_stampread" "$VM_RUN/lun$lun"
    sed 's/^/# /' "$VM_RUN/check.out"
  done
}

make -s -C "$VM_TREE" "${arbiter_stampread#"$VM_TREE/"}" >"$VM_RUN/build.log" 2>&1 ||
  die "cannot build $arbiter_stampread: $(tail -n 5 "$VM_RUN/build.log")"
arbiter_begin=$(now_ms)
conform_run "$VM_RUN" arbiter_obey in_ns python3 "$VM_HERE/arbiter.py" --target "$TARGET_IQN" \
  --portal "$TARGET_PORTAL" --portal "$TARGET_PORTAL_2" --sums "$VM_RUN/arbiter.sums" "$@"
# shellcheck disable=SC2034  # for summary
if [ -s "$VM_RUN/arbiter.sums" ]; then
  read -r VM_PASSED VM_FAILED VM_SKIPPED arbiter_luns <"$VM_RUN/arbiter.sums"
  # shellcheck disable=SC2086  # numbers, meant to be split
  arbiter_judge_offline $arbiter_luns
else
  fail "arbiter.py gave no result"
fi
note "the whole case: $(seconds_since "$arbiter_begin") s"
