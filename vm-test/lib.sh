# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Guests under QEMU (tcg) in a network namespace of this run. Sourced by vm-test/run; cases use the verbs below.
#
#   net_up                        namespace with bridges br0 (10.77.0.0/24) and br1 (10.77.1.0/24)
#   in_ns COMMAND...              run a host process inside it
#   guest_start NAME ROLE ARGS..  boot; the same name finds the same disks again. ARGS: option=value for the guest's init
#   guest_ready NAME SECONDS      wait until its role is up
#   guest_exec NAME COMMAND       run in the guest over its second serial line (no network needed)
#   guest_power_cut NAME          SIGKILL of QEMU: what the guest's page cache held is gone
#   guest_down NAME               QMP quit, after `sync` in the guest
#   guest_pause/_resume NAME      QMP stop/cont: the guest's clocks stand still
#   guest_freeze/_thaw NAME       SIGSTOP/SIGCONT of QEMU: the guest's clocks jump on resume
#   link_cut/link_join NAME N     take the guest's tap N off its bridge (silent drop) and put it back
#   target_start / target_ready   guest "target" with LIO
#   pass, fail, skip, check       one result each; summary prints "N passed, N failed, N skipped"
#
# Everything ends with this script, also when it is killed: QEMU and the namespace's holder carry a death signal.

VM_HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
VM_TREE=$(dirname "$VM_HERE")
VM_CACHE=${VM_CACHE:-$VM_TREE/build/vm}
# shellcheck source=vm-test/kernel.sh
. "$VM_HERE/kernel.sh"

declare -A guest_pid=() # QEMU's pid by guest name; only these are ever killed
VM_RUN='' VM_HOLDER='' VM_PASSED=0 VM_FAILED=0 VM_SKIPPED=0

note() { printf '# %s\n' "$*"; }
die() { printf 'vm-test: %s\n' "$*" >&2; exit 1; }
pass() { VM_PASSED=$((VM_PASSED + 1)); printf 'ok - %s\n' "$*"; }
fail() { VM_FAILED=$((VM_FAILED + 1)); printf 'not ok - %s\n' "$*"; }
skip() { VM_SKIPPED=$((VM_SKIPPED + 1)); printf 'ok - %s # SKIP\n' "$*"; }

# check TEXT COMMAND...: pass when the command succeeds
check() {
  local text=$1
  shift
  if "$@" >"$VM_RUN/check.out" 2>&1; then pass "$text"; else
    fail "$text"
    sed 's/^/#   /' "$VM_RUN/check.out"
  fi
}

summary() {
  printf '%d passed, %d failed, %d skipped\n' "$VM_PASSED" "$VM_FAILED" "$VM_SKIPPED"
  [ "$VM_FAILED" = 0 ]
}

# now_ms: milliseconds since some instant; only differences mean anything
now_ms() { local now=${EPOCHREALTIME/[.,]/}; echo $((now / 1000)); }
seconds_since() { local ms=$(($(now_ms) - $1)); printf '%d.%02d' $((ms / 1000)) $((ms % 1000 / 10)); }

# wait_until SECONDS COMMAND...: poll until it succeeds or the deadline has passed
wait_until() {
  local deadline=$(($(now_ms) + $1 * 1000))
  shift
  until "$@"; do
    [ "$(now_ms)" -lt "$deadline" ] || return 1
    sleep 0.05
  done
}

# Runs that were killed hard leave their folder (and nothing else).
remove_old_runs() {
  local old pid
  for old in "$VM_CACHE"/run.*; do
    pid=${old#"$VM_CACHE/run."}
    [ ! -d "$old" ] || kill -0 "${pid%.*}" 2>/dev/null || rm -rf "$old"
  done
}

vm_begin() {
  [ "$(id -u)" = 0 ] || die "must run as root (network namespace, taps)"
  kernel_prepare
  remove_old_runs
  VM_RUN=$(mktemp -d "$VM_CACHE/run.$$.XXXXXX")
  trap vm_end EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  net_up
}

vm_end() {
  local status=$? name
  trap '' INT TERM HUP
  for name in "${!guest_pid[@]}"; do guest_power_cut "$name"; done
  [ -z "$VM_HOLDER" ] || { kill -KILL "$VM_HOLDER"; wait "$VM_HOLDER"; } 2>/dev/null
  if [ -n "${VM_KEEP:-}" ]; then
    mv "$VM_RUN" "$VM_CACHE/kept.${VM_RUN##*/run.}"
    note "kept $VM_CACHE/kept.${VM_RUN##*/run.}"
  else
    rm -rf "$VM_RUN"
  fi
  exit "$status"
}

# --- network -------------------------------------------------------------------------------------------------------

# The namespace belongs to a holder process, not to a name under /run/netns: nothing is left behind by SIGKILL, and
# `ip netns exec` needs a mount point at / that a chroot does not have.
net_up() {
  local bridge
  # shellcheck disable=SC2016  # $0 is for the inner shell
  setpriv --pdeathsig KILL unshare --net sh -c 'echo up >"$0"; exec sleep infinity' "$VM_RUN/net" &
  VM_HOLDER=$!
  wait_until 10 test -s "$VM_RUN/net" || die "no network namespace"
  in_ns ip link set lo up
  for bridge in 0 1; do
    in_ns ip link add "br$bridge" type bridge
    in_ns ip addr add "10.77.$bridge.254/24" dev "br$bridge"
    in_ns ip link set "br$bridge" up
  done
}

in_ns() { nsenter --net="/proc/$VM_HOLDER/ns/net" "$@"; }
link_cut() { in_ns ip link set "$1-$2" nomaster; }
link_join() { in_ns ip link set "$1-$2" master "br$2"; }

# --- guests --------------------------------------------------------------------------------------------------------

# guest_number NAME: last byte of its addresses
guest_number() {
  case $1 in
    target) echo 10 ;;
    witness) echo 20 ;;
    node[1-9]) echo "${1#node}" ;;
    *) die "unknown guest $1" ;;
  esac
}

guest_taps() {
  local bridge
  for bridge in 0 1; do
    in_ns ip link show "$1-$bridge" >/dev/null 2>&1 && continue
    in_ns ip tuntap add dev "$1-$bridge" mode tap
    in_ns ip link set "$1-$bridge" master "br$bridge" up
  done
}

# The kernel and the modules come from the cached archive; init and roles follow in a second one (the kernel unpacks both).
# A case puts files for its guests under $VM_RUN/overlay.
guest_initrd() {
  mkdir -p "$VM_RUN/overlay/roles"
  cp "$VM_HERE/init" "$VM_RUN/overlay/"
  cp "$VM_HERE"/roles/* "$VM_RUN/overlay/roles/"
  chmod 755 "$VM_RUN/overlay/init"
  (cd "$VM_RUN/overlay" && find . | cpio -o -H newc --quiet) | cat "$VM_INITRD_BASE" - >"$VM_RUN/initrd"
}

guest_disks() {
  local disk
  for disk in "$VM_RUN/$1".*.disk; do
    [ ! -e "$disk" ] || printf -- '-drive\nfile=%s,format=raw,if=virtio,cache=writeback\n' "${disk##*/}"
  done
}

# guest_start NAME ROLE [option=value ...]; QEMU arguments of a case go into the array GUEST_QEMU
guest_start() {
  local name=$1 role=$2 number append net=() disks bridge
  shift 2
  [ -z "${guest_pid[$name]:-}" ] || die "guest $name runs already"
  number=$(guest_number "$name")
  guest_taps "$name"
  guest_initrd
  mapfile -t disks < <(guest_disks "$name")
  append="console=ttyS0 quiet panic=-1 tsc=reliable mitigations=off random.trust_cpu=on no_timer_check"
  append+=" role=$role name=$name ip=10.77.0.$number/24,10.77.1.$number/24 $*"
  for bridge in 0 1; do
    net+=(-netdev "tap,id=n$bridge,ifname=$name-$bridge,script=no,downscript=no"
      -device "virtio-net-pci,netdev=n$bridge,mac=52:54:00:77:0$bridge:$(printf %02x "$number")")
  done
  rm -f "$VM_RUN/$name.shell" "$VM_RUN/$name.qmp"
  : >"$VM_RUN/$name.log"
  # Sockets have relative names: a path of more than 107 bytes does not fit into an address.
  cd "$VM_RUN" || die "no $VM_RUN"
  # No function here: $! must be QEMU itself (nsenter and setpriv become it).
  nsenter --net="/proc/$VM_HOLDER/ns/net" setpriv --pdeathsig KILL qemu-system-x86_64 \
    -accel tcg,tb-size=128 -machine q35 -cpu max -smp 1 -m 384 -nodefaults -no-user-config -display none \
    -no-reboot -kernel "$VM_KERNEL" -initrd initrd -append "$append" \
    -serial "file:$name.log" -serial "unix:$name.shell,server=on,wait=off" -qmp "unix:$name.qmp,server=on,wait=off" \
    "${net[@]}" "${disks[@]}" "${GUEST_QEMU[@]}" </dev/null >"$name.out" 2>&1 &
  guest_pid[$name]=$!
  cd "$OLDPWD" || die "no $OLDPWD"
}

guest_log_has() { grep -q -- "$2" "$VM_RUN/$1.log"; }
guest_alive() { kill -0 "${guest_pid[$1]}" 2>/dev/null; }
guest_up_or_dead() { guest_log_has "$1" "role .* ready" || ! guest_alive "$1"; }

guest_ready() {
  wait_until "$2" guest_up_or_dead "$1" && guest_log_has "$1" "role .* ready" && return
  tail -n 20 "$VM_RUN/$1.log" "$VM_RUN/$1.out" >&2
  die "guest $1 is not ready after $2 s"
}

guest_exec() {
  local name=$1
  shift
  (cd "$VM_RUN" && python3 "$VM_HERE/guest.py" shell "$name.shell" "${GUEST_EXEC_SECONDS:-20}" "$*")
}

guest_qmp() { (cd "$VM_RUN" && python3 "$VM_HERE/guest.py" qmp "$1.qmp" "$2" "${3:-{\}}"); }

guest_power_cut() {
  local pid=${guest_pid[$1]}
  unset "guest_pid[$1]"
  { kill -KILL "$pid"; wait "$pid"; } 2>/dev/null
  return 0
}

guest_down() {
  guest_exec "$1" sync
  guest_qmp "$1" quit >/dev/null
  wait "${guest_pid[$1]}"
  unset "guest_pid[$1]"
}

guest_pause() { guest_qmp "$1" stop >/dev/null; }
guest_resume() { guest_qmp "$1" cont >/dev/null; }
guest_freeze() { kill -STOP "${guest_pid[$1]}"; }
guest_thaw() { kill -CONT "${guest_pid[$1]}"; }

# --- the conformance program, as the tool that speaks to the target ---------------------------------------------------

VM_CONFORM=${VM_CONFORM:-$VM_TREE/build/gcc/conform}
# shellcheck source=tests/conform/control.sh
. "$VM_TREE/tests/conform/control.sh"

conform_build() {
  [ -n "${VM_CONFORM_READY:-}" ] && return
  make -s -C "$VM_TREE" "${VM_CONFORM#"$VM_TREE/"}" >"$VM_RUN/build.log" 2>&1 ||
    die "cannot build $VM_CONFORM: $(tail -n 5 "$VM_RUN/build.log")"
  VM_CONFORM_READY=1
}

# conform_target PORTAL SCRIPT [OPTION...]: run the script on the target; it may power-cut it
conform_target() {
  local portal=$1 script=$2
  shift 2
  conform_build
  conform_run "$VM_RUN" target_obey in_ns "$VM_CONFORM" --kind lio --portal "$portal" --target "$TARGET_IQN" \
    "$@" "$script"
}

# --- the target ----------------------------------------------------------------------------------------------------

TARGET_IQN=iqn.2026-01.test:lio
TARGET_PORTAL=10.77.0.10:3260
# shellcheck disable=SC2034  # for cases
TARGET_PORTAL_2=10.77.1.10:3260

# Every start has the options in this array, so that a power cycle repeats them.
TARGET_OPTIONS=()

# target_start [state=sync|async] [portals=1|2]: first start makes the disks, later ones find them again
target_start() {
  local disk mib=256
  for disk in a.store b.state; do
    if [ ! -e "$VM_RUN/target.$disk.disk" ]; then
      truncate -s "${mib}M" "$VM_RUN/target.$disk.disk"
      mke2fs -q -t ext4 "$VM_RUN/target.$disk.disk"
    fi
    mib=16
  done
  guest_start target target "$@"
}

target_power_cycle() {
  guest_power_cut target
  target_start "${TARGET_OPTIONS[@]}" && target_ready 90 >/dev/null
}

# target_obey ORDER: what a conformance script wants done. A stall freezes the file system under the LUNs; a write has
# come to it when a thread of the guest hangs in state D (10 s at most).
# shellcheck disable=SC2016  # variables of the guest's shell
target_obey() {
  case $1 in
    restart) target_power_cycle ;;
    stall) guest_exec target 'fsfreeze --freeze /store' ;;
    await-stall) guest_exec target 'n=0; until grep -ls "^State:.D" /proc/[0-9]*/status; do
      n=$((n + 1)); [ $n -lt 1000 ] || exit 1; usleep 10000; done' >/dev/null ;;
    unstall) guest_exec target 'fsfreeze --unfreeze /store' ;;
    *) return 2 ;;
  esac
}

# target_ready SECONDS: print the time until a login is answered
target_ready() {
  in_ns python3 "$VM_HERE/guest.py" login "$TARGET_PORTAL" "$1" || {
    tail -n 20 "$VM_RUN/target.log" "$VM_RUN/target.out" >&2
    die "the target does not answer"
  }
}
