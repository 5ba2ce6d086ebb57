# SPDX-License-Identifier: Apache-2.0
"""A machine in small: runs one command, and everything that the command ever starts stays below this process (it is
their subreaper), so that all of it can be found by process id and paused or ended at once. When standard input ends,
because whoever started this is gone, all of it is ended. Usage: machine.py COMMAND [ARGUMENT...]"""

import ctypes
import os
import select
import signal
import sys

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def end_with_parent():
    """This process is killed when its parent ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def parents():
    """Process id to parent's, of every process but zombies."""
    found = {}
    for name in os.listdir('/proc'):
        if not name.isdigit():
            continue
        try:
            with open('/proc/%s/stat' % name, encoding='utf-8', errors='replace') as f:
                fields = f.read().rpartition(')')[2].split()
        except OSError:
            continue
        if fields[0] not in 'ZX':
            found[int(name)] = int(fields[1])
    return found


def below(root):
    """Ids of all processes below `root`, parents before children."""
    parent = parents()
    found, wave = [], [root]
    while wave:
        wave = [pid for pid in parent if parent[pid] in wave]
        found += wave
    return found


def signal_all(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def end_all(root):
    """SIGKILL to everything below `root`, until nothing is left: they may fork meanwhile."""
    while True:
        pids = below(root)
        if not pids:
            return
        signal_all(pids, signal.SIGKILL)
        reap()


def reap():
    """Collect ended children; False: there is no child any more."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return True
        except ChildProcessError:
            return False


def main():
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        sys.exit('machine: the kernel has no subreapers')
    wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    pid = os.fork()
    if pid == 0:
        null = os.open('/dev/null', os.O_RDONLY)
        os.dup2(null, 0)
        os.execvp(sys.argv[1], sys.argv[1:])
    os.close(1)
    os.close(2)
    while True:
        ready, _, _ = select.select([0, wake_read], [], [])
        if 0 in ready:
            end_all(os.getpid())
        elif wake_read in ready:
            os.read(wake_read, 512)
        if not reap():
            return


if __name__ == '__main__':
    main()
