# SPDX-License-Identifier: Apache-2.0
# A target of the test's own: tgtd on loopback, with its own control port and a free TCP port, ended by its process id.
# After tgt_start: $TGT_PORT, $TGT_URL (LUN 1), $TGT_IMAGE. Nothing sleeps: tgt_wait polls with a deadline.

TGT_IQN=iqn.2026-11.org.example:disk

# tgt_wait SECONDS COMMAND...: until it succeeds
tgt_wait() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS >= end)); then
      echo "waited in vain: $*" >&2
      return 1
    fi
    read -rt 0.02 <> <(:) || true
  done
}

# A TCP port that nobody listens on; several tests may run at once.
tgt_free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

tgt_admin() {
  tgtadm --control-port "$TGT_CONTROL" "$@"
}

# tgt_start [SIZE]: one target with one LUN that is a sparse file
tgt_start() {
  TGT_DIR=$BATS_TEST_TMPDIR
  TGT_IMAGE=$TGT_DIR/disk.img
  TGT_PORT=$(tgt_free_port)
  TGT_CONTROL=$((TGT_PORT % 32000)) # tgtd takes numbers below 32768
  truncate -s "${1:-16M}" "$TGT_IMAGE"
  tgtd -f --control-port "$TGT_CONTROL" --iscsi "portal=127.0.0.1:$TGT_PORT" >"$TGT_DIR/tgtd.log" 2>&1 3>&- &
  TGT_PID=$!
  tgt_wait 20 tgt_admin --op show --mode sys || { cat "$TGT_DIR/tgtd.log" >&2; return 1; }
  tgt_admin --lld iscsi --op new --mode target --tid 1 -T "$TGT_IQN"
  tgt_admin --lld iscsi --op new --mode logicalunit --tid 1 --lun 1 -b "$TGT_IMAGE"
  tgt_admin --lld iscsi --op bind --mode target --tid 1 -I ALL
  TGT_URL=iscsi://127.0.0.1:$TGT_PORT/$TGT_IQN/1
}

tgt_lun() {
  tgt_admin --lld iscsi --op update --mode logicalunit --tid 1 --lun 1 --params "$1"
}

# SIGTERM does not end tgtd while it has targets, and its control socket stays behind a SIGKILL.
tgt_stop() {
  if [ -n "${TGT_PID:-}" ]; then
    kill -KILL "$TGT_PID" 2>/dev/null || true
    wait "$TGT_PID" 2>/dev/null || true
    rm -f "/var/run/tgtd/socket.$TGT_CONTROL" "/var/run/tgtd/socket.$TGT_CONTROL.lock"
    TGT_PID=
  fi
}
