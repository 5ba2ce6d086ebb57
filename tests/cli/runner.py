#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plays quorumd for one quorum-runner: gives orders over the socketpair, checks the reports. One function a case;
runner.bats calls each by its name. Nothing here sleeps: it waits for a report, a file or an exit, with a deadline."""
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

CONFIG, START, STOP, LEASE, QUIT = range(1, 6)
STARTED, START_FAILED, STOPPED, STOP_FAILED, MONITOR_FAILED = range(5)
NEVER = 2**64 - 1
LONG = 20.0


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def text(s):
    b = s.encode()
    return struct.pack('<H', len(b)) + b


class Runner:
    def __init__(self, script, stop_timeout=10.0, interval=0.05, start_timeout=10.0):
        self.dir = tempfile.mkdtemp(dir=os.environ.get('BATS_TEST_TMPDIR'))
        self.script = os.path.join(self.dir, 'script')
        with open(self.script, 'w') as f:
            f.write('#!/bin/sh\nD=%s\n%s\n' % (self.dir, script))
        os.chmod(self.script, 0o755)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock = ours
        self.log = open(os.path.join(self.dir, 'log'), 'w+')
        fd = theirs.fileno()

        def give():
            os.dup2(fd, 3)
        self.child = subprocess.Popen([os.environ.get('RUNNER', 'build/quorum-runner')], preexec_fn=give,
                                      close_fds=False, stderr=self.log, stdin=subprocess.DEVNULL)
        theirs.close()
        spans = [start_timeout, stop_timeout, interval, 5.0]
        body = text('node-a') + text('web') + text(self.script)
        body += b''.join(struct.pack('<q', int(s * 1e9)) for s in spans)
        body += struct.pack('<I', 1) + text('') + text('') + text('') + struct.pack('<I', 0) + text('')
        self.order(CONFIG, body=body)
        assert self.message()[0] == 1, 'ready'

    def order(self, kind, epoch=0, turn=0, begin=NEVER, by=NEVER, body=b''):
        self.sock.send(struct.pack('<HIQQQQ', 1, kind, epoch, turn, begin, by) + body)

    def lease(self, begin, by):
        t = now_ns()
        return {'begin': t + int(begin * 1e9), 'by': t + int(by * 1e9)}

    def message(self, limit=LONG):
        ready, _, _ = select.select([self.sock], [], [], limit)
        assert ready, 'no message; log:\n' + self.logged()
        packet = self.sock.recv(4096)
        assert packet, 'end of file; log:\n' + self.logged()
        version, tell, report, turn, level, n = struct.unpack('<HIIQIH', packet[:24])
        assert version == 1
        return tell, report, turn, packet[24:24 + n].decode()

    def report(self, limit=LONG):
        while True:
            tell, report, turn, _ = self.message(limit)
            if tell == 2:
                return report, turn

    def logged(self):
        self.log.flush()
        with open(os.path.join(self.dir, 'log')) as f:
            return f.read()

    def wait_for(self, what, limit=LONG):
        end = time.monotonic() + limit
        while not what():
            assert time.monotonic() < end, 'waited in vain; log:\n' + self.logged()
            select.select([], [], [], 0.005)

    def file(self, name):
        path = os.path.join(self.dir, name)
        if not os.path.exists(path):
            return None
        with open(path) as f:
            return f.read()

    def start(self, begin=30.0, by=60.0):
        self.order(START, epoch=77, turn=1, **self.lease(begin, by))
        assert self.report() == (STARTED, 1), self.logged()

    def pid(self):
        self.wait_for(lambda: self.file('pid'))
        return int(self.file('pid'))

    def end(self, status=0):
        self.order(QUIT)
        assert self.child.wait(LONG) == status, self.logged()


def alive(pid):
    try:
        with open('/proc/%d/stat' % pid) as f:
            return f.read().rsplit(')', 1)[1].split()[0] not in 'ZX'
    except OSError:
        return False


SERVICE = '''
case $1 in
start) env >$D/env; echo hello from start; setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >$D/pid.new
  mv $D/pid.new $D/pid ;;
stop) echo $1 >>$D/stops; [ -e $D/pid ] && kill $(cat $D/pid); rm -f $D/pid; exit 0 ;;
monitor) echo x >>$D/monitors; [ -e $D/pid ] && kill -0 $(cat $D/pid) ;;
esac
'''
DEAF = SERVICE.replace('setsid sleep 1000', "setsid sh -c 'trap \"\" TERM; while :; do sleep 1000; done'")
HANGS = SERVICE.replace('stop) ', 'stop) sleep 1000; ').replace('kill -0 $(cat $D/pid)',
                                                                'kill -0 $(cat $D/pid) 2>/dev/null')
LIES = SERVICE.replace('monitor) ', 'monitor) exit 0; ')


def start_and_stop():
    r = Runner(SERVICE)
    r.start()
    pid = r.pid()
    assert alive(pid)
    assert 'hello from start' in r.logged()
    env = sorted(line.split('=')[0] for line in r.file('env').split('\n') if line)
    assert env == ['LANG', 'PATH', 'PWD', 'QUORUMD_EPOCH', 'QUORUMD_GROUP', 'QUORUMD_NODE'], env
    assert 'QUORUMD_EPOCH=77\n' in r.file('env') and 'QUORUMD_GROUP=web\n' in r.file('env')
    r.wait_for(lambda: len(r.file('monitors') or '') > 4)
    r.order(STOP, turn=2, by=now_ns() + int(30e9))
    assert r.report() == (STOPPED, 2)
    assert not alive(pid)
    r.order(STOP, turn=3, by=now_ns() + int(30e9))
    assert r.report() == (STOPPED, 3)
    r.end()


def lease_ends():
    r = Runner(SERVICE)
    r.start(begin=0.5, by=20.0)
    pid = r.pid()
    assert r.report() == (STOPPED, 0)
    assert not alive(pid)
    r.end()


def lease_renewed():
    r = Runner(SERVICE)
    r.start(begin=0.6, by=20.0)
    begin = now_ns()
    pid = r.pid()
    for _ in range(8):
        select.select([r.sock], [], [], 0.2)
        r.order(LEASE, **r.lease(0.6, 20.0))
    assert alive(pid)
    assert r.report() == (STOPPED, 0)
    assert now_ns() - begin > 1.9e9
    r.end()


def older_lease_changes_nothing():
    r = Runner(SERVICE)
    r.start(begin=0.7, by=20.0)
    r.order(LEASE, **r.lease(0.1, 0.2))
    begin = now_ns()
    assert r.report() == (STOPPED, 0)
    assert now_ns() - begin > 0.3e9
    r.end()


def hung_stop_is_killed():
    r = Runner(HANGS)
    r.start(begin=0.5, by=4.0)
    pid = r.pid()
    # stop never returns; all of it is killed in time, and monitor proves it
    assert r.report() == (STOPPED, 0), r.logged()
    assert not alive(pid)
    assert 'SIGKILL' in r.logged()
    r.end()


def deaf_daemon_is_killed():
    r = Runner(DEAF)
    r.start()
    pid = r.pid()
    r.order(STOP, turn=2, by=now_ns() + int(30e9))
    assert r.report() == (STOPPED, 2), r.logged()
    assert not alive(pid)
    r.end()


def lying_monitor_is_stop_failed():
    r = Runner(LIES)
    r.start(begin=0.3, by=1.5)
    pid = r.pid()
    assert r.report() == (STOP_FAILED, 0)
    assert not alive(pid)
    assert 'SELF-RESET STUB' in r.logged()
    r.order(QUIT)
    assert r.child.wait(LONG) == 1


def quorumd_lost():
    r = Runner(SERVICE)
    r.start()
    pid = r.pid()
    r.sock.close()
    assert r.child.wait(LONG) == 0, r.logged()
    assert not alive(pid)
    assert r.file('stops') == 'stop\n'


def paused_past_its_lease():
    r = Runner(SERVICE)
    r.start(begin=0.6, by=30.0)
    pid = r.pid()
    r.child.send_signal(signal.SIGSTOP)
    end = now_ns() + int(1e9)
    r.wait_for(lambda: now_ns() > end)
    # A newer lease waits in the socket; the one that it had is over, and that comes first.
    r.order(LEASE, **r.lease(5.0, 30.0))
    assert alive(pid)
    r.child.send_signal(signal.SIGCONT)
    assert r.report() == (STOPPED, 0)
    assert not alive(pid)
    r.end()


def start_fails():
    r = Runner('case $1 in start) exit 5 ;; monitor) exit 1 ;; esac')
    r.order(START, epoch=1, turn=4, **r.lease(30, 60))
    assert r.report() == (START_FAILED, 4)
    r.order(STOP, turn=5, by=now_ns() + int(30e9))
    assert r.report() == (STOPPED, 5)
    r.end()


def start_hangs():
    r = Runner('case $1 in start) sleep 1000 ;; monitor) exit 7 ;; esac', start_timeout=0.2)
    r.order(START, epoch=1, turn=4, **r.lease(30, 60))
    assert r.report() == (START_FAILED, 4)
    r.order(STOP, turn=5, by=now_ns() + int(30e9))
    assert r.report() == (STOPPED, 5)
    r.end()


def stop_during_start():
    r = Runner('case $1 in start) touch $D/began; sleep 1000 ;; monitor) exit 3 ;; esac')
    r.order(START, epoch=1, turn=4, **r.lease(30, 60))
    r.wait_for(lambda: r.file('began') is not None)
    r.order(STOP, turn=5, by=now_ns() + int(30e9))
    assert r.report() == (STOPPED, 5)
    r.end()


def monitor_fails():
    r = Runner(SERVICE)
    r.start()
    os.kill(r.pid(), signal.SIGKILL)
    assert r.report() == (MONITOR_FAILED, 1)
    r.order(STOP, turn=2, by=now_ns() + int(30e9))
    assert r.report() == (STOPPED, 2)
    r.end()


def start_after_its_lease():
    r = Runner(SERVICE)
    r.order(START, epoch=1, turn=4, begin=now_ns() - 1, by=now_ns() + int(5e9))
    assert r.report() == (START_FAILED, 4)
    assert r.file('env') is None
    r.end()


def no_script():
    r = Runner(SERVICE)
    os.unlink(r.script)
    r.order(START, epoch=1, turn=4, **r.lease(30, 60))
    assert r.report() == (START_FAILED, 4)
    assert 'No such file' in r.logged() or '127' in r.logged()
    r.child.kill()
    r.child.wait()


if __name__ == '__main__':
    globals()[sys.argv[1]]()
