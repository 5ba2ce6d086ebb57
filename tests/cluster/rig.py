# SPDX-License-Identifier: Apache-2.0
"""Whole nodes on one machine: a target of its own on loopback, nodes that are started, killed, paused and woken with all
their processes, and what is seen of them from outside. All times are milliseconds of CLOCK_BOOTTIME since the rig
began. Nothing here sleeps to wait for a state: wait_for() looks again and again until a deadline."""

import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import iscsi
import machine

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(TOP, os.environ.get('QD_BUILD', 'build/gcc'))
CLUSTER = 'demo'
NAMES = {1: 'alpha', 2: 'beta'}
LUN_MIB = 16
LINES_TOLD = 25
LOOK_S = 0.003  # between two looks at something that another process changes
CRC32C_POLYNOMIAL = 0x82f63b78


class Unexpected(Exception):
    """Something did not come, or was not what it must be."""


def boot_ms():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) / 1e6


def end_cleanly():
    """Let signals that end this program end it through its clean-up, whatever they were set to."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))


def wait_for(look, limit_ms, what):
    """The first true value of look(); Unexpected after limit_ms."""
    end = boot_ms() + limit_ms
    while True:
        found = look()
        if found:
            return found
        if boot_ms() > end:
            raise Unexpected('%s: not within %d ms' % (what, limit_ms))
        time.sleep(LOOK_S)


def program(name):
    path = os.path.join(BUILD, name)
    if not os.access(path, os.X_OK):
        raise Unexpected('%s is not built' % os.path.relpath(path, TOP))
    return path


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def milliseconds(text):
    match = re.fullmatch(r'(\d+)(ms|s)', text)
    if not match:
        raise Unexpected('%s: a whole number with ms or s was expected' % text)
    return int(match.group(1)) * (1000 if match.group(2) == 's' else 1)


class Times:
    """As src/core/times.c computes them from renew."""

    def __init__(self, renew):
        self.renew = renew
        self.challenge, self.takeover = renew * 7 // 3, renew * 10 // 3
        self.slack = self.look = renew / 3
        self.wait = self.takeover - self.look
        self.begin_stop = self.challenge - self.slack
        self.stopped = self.wait - self.wait / 500


class Target:
    """tgtd with one file-backed disk for each name in `disks`; the first is the quorum disk. Commands of `within` come
    before its own: they take it, and who uses it from outside, into another network."""

    def __init__(self, folder, disks=('disk',), host='127.0.0.1', port=None, within=()):
        self.folder, self.disks, self.host, self.within = folder, disks, host, list(within)
        self.port = port or free_port()
        self.control = str(1024 + os.getpid() % 30000)
        self.process = None
        for disk in disks:
            with open(self.file(disk), 'wb') as f:
                f.truncate(LUN_MIB << 20)

    def file(self, disk='disk'):
        return os.path.join(self.folder, disk)

    def iqn(self, disk='disk'):
        return 'iqn.2026-11.test.quorumd:' + disk

    def portal(self, port=None):
        return '%s:%d' % ('[%s]' % self.host if ':' in self.host else self.host, port or self.port)

    def url(self, disk='disk', port=None):
        return 'iscsi://%s/%s/1' % (self.portal(port), self.iqn(disk))

    def adm(self, *more):
        command = ['tgtadm', '-C', self.control, '--lld', 'iscsi', *more]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        return done.returncode == 0

    def start(self):
        with open(os.path.join(self.folder, 'tgtd.log'), 'ab') as log:
            self.process = subprocess.Popen(
                [*self.within, 'tgtd', '-f', '-C', self.control, '--iscsi', 'portal=' + self.portal()],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=machine.end_with_parent)
        wait_for(lambda: self.adm('--op', 'show', '--mode', 'target'), 10000, 'an answer of tgtd')
        for number, disk in enumerate(self.disks, 1):
            tid = str(number)
            for step in (('new', '--mode', 'target', '--tid', tid, '-T', self.iqn(disk)),
                         ('new', '--mode', 'logicalunit', '--tid', tid, '--lun', '1', '-b', self.file(disk)),
                         ('update', '--mode', 'target', '--tid', tid, '--name', 'HeaderDigest', '--value', 'CRC32C,None'),
                         ('bind', '--mode', 'target', '--tid', tid, '-I', 'ALL')):
                if not self.adm('--op', *step):
                    raise Unexpected('tgtadm %s failed' % ' '.join(step))

    def format(self, disk='disk'):
        done = subprocess.run([*self.within, program('quorumctl'), 'disk', 'format', self.url(disk), '--cluster',
                               CLUSTER], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Unexpected('quorumctl disk format: %s' % (done.stderr or done.stdout).strip())

    def connect(self, name='observer', disk='disk'):
        return iscsi.Initiator(self.host, self.port, self.iqn(disk), 1, 'iqn.2026-11.test.quorumd:' + name)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def wake(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def close(self):
        self.kill()
        for end in ('', '.lock'):
            try:
                os.unlink('/var/run/tgtd/socket.' + self.control + end)
            except OSError:
                pass


class LocalConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout_s):
        super().__init__('localhost', timeout=timeout_s)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Node:
    """One machine: quorumd, what it starts, and what these start."""

    def __init__(self, rig, number):
        self.rig, self.number, self.name = rig, number, NAMES[number]
        self.folder = os.path.join(rig.folder, self.name)
        self.process = None
        self.paused = []
        self.lines = []  # (ms, text) of all its programs
        self.reader = None
        for part in ('', 'run', 'state'):
            os.mkdir(os.path.join(self.folder, part))
        shutil.copy(program('demo-service'), os.path.join(self.folder, 'service'))
        self.configure()

    def configure(self, url=None, header_digest='crc32c'):
        renew, f = self.rig.times.renew, self.folder
        nodes = ', '.join('%s: %d' % (n, i) for i, n in NAMES.items())
        stamp = ', stamp_interval: %dms' % self.rig.stamp_ms if self.rig.stamp_ms else ''
        text = '\n'.join((
            'cluster: ' + CLUSTER, 'node: ' + self.name, 'nodes: {%s}' % nodes,
            'quorum_disk:', '  paths: ["%s"]' % (url or self.rig.target.url()),
            '  initiator: iqn.2026-11.test.quorumd', '  header_digest: ' + header_digest,
            'times: {renew: %dms}' % renew,
            'group: {name: service, script: %s/service, monitor_interval: %dms}' % (f, max(500, renew)),
            'state_dir: %s/state' % f, 'run_dir: %s/run' % f,
            'test: {machine_id: "%032x", boot_id: "%032x"%s}' % (self.number, self.number + 16, stamp)))
        with open(os.path.join(f, 'quorumd.yaml'), 'w', encoding='utf-8') as out:
            out.write(text + '\n')

    def command(self):
        return [sys.executable, '-ES', os.path.join(HERE, 'machine.py'), program('quorumd'), '--config',
                os.path.join(self.folder, 'quorumd.yaml')]

    def start(self, environment=None):
        self.process = subprocess.Popen(self.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, start_new_session=True,
                                        env={**os.environ, **(environment or {})})
        self.reader = threading.Thread(target=self.read_lines, args=(self.process.stdout,), daemon=True)
        self.reader.start()

    def read_lines(self, stream):
        with open(os.path.join(self.folder, 'log'), 'a', encoding='utf-8') as out:
            for raw in stream:
                text = raw.decode(errors='replace').rstrip()
                at = self.rig.now()
                self.lines.append((at, text))
                self.came(at, text)
                print('%10.1f %s' % (at, text), file=out, flush=True)

    def came(self, at, text):
        """It said something."""

    def find_line(self, pattern, since=0.0):
        """(ms, match) of its first line after `since` that matches."""
        for at, text in list(self.lines):
            match = re.search(pattern, text) if at >= since else None
            if match:
                return at, match
        return None

    def wait_line(self, pattern, limit_ms, since=0.0):
        return wait_for(lambda: self.find_line(pattern, since), limit_ms, '%s: "%s"' % (self.name, pattern))

    def pids(self):
        return machine.below(self.process.pid)

    def quorumd(self):
        """quorumd's process id: the first below the machine."""
        return self.pids()[0]

    def power_off(self):
        """SIGKILL to all its processes; (when, how many)."""
        pids = self.pids()
        at = self.rig.now()
        machine.signal_all(pids, signal.SIGKILL)
        end = self.rig.now() + 20000
        while self.pids() and self.rig.now() < end:
            machine.signal_all(self.pids(), signal.SIGKILL)  # forked meanwhile
        self.paused = []
        self.finish()
        return at, len(pids)

    def pause(self):
        at = self.rig.now()
        while True:
            more = [pid for pid in self.pids() if pid not in self.paused]
            if not more:
                return at, len(self.paused)
            machine.signal_all(more, signal.SIGSTOP)
            self.paused += more

    def wake(self):
        at = self.rig.now()
        machine.signal_all(self.paused, signal.SIGCONT)
        self.paused = []
        return at

    def wake_and_watch(self, limit_ms):
        """Wake it; (when, when its service was gone). The service may be killed: it need not say so itself."""
        service = self.rig.service_gone(self)
        at = self.wake()
        return at, service.wait(limit_ms)

    def terminate(self):
        """As systemd stops it."""
        machine.signal_all([self.quorumd()], signal.SIGTERM)
        self.finish()

    def finish(self, limit_s=20):
        try:
            self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise Unexpected('%s does not end' % self.name) from None
        self.reader.join(limit_s)
        self.process.stdin.close()
        self.process = None

    def close(self):
        if self.process is not None:
            self.process.stdin.close()  # the machine ends everything
            self.process.wait()
            self.process = None

    def api(self, method, path, body=None):
        connection = LocalConnection(os.path.join(self.folder, 'run', 'api.sock'), 20)
        try:
            connection.request(method, path, body=None if body is None else json.dumps(body))
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def status(self):
        try:
            return self.api('GET', '/v1/status')
        except (OSError, ValueError, http.client.HTTPException):
            return None

    def hand_over(self, to):
        return self.api('POST', '/v1/handover', {'to': to.name})


class Observer(threading.Thread):
    """Looks at the reservation through a session of its own and keeps every change."""

    def __init__(self, rig, interval_ms):
        super().__init__(daemon=True)
        self.rig, self.interval_ms = rig, interval_ms
        self.changes = []  # (last look that showed the one before, first look that showed it, reservation)
        self.ending = threading.Event()
        self.starved_ms = 0  # longest time by which this thread woke late: how busy the machine is

    def slept(self):
        """One interval; false: it shall end."""
        begun = self.rig.now()
        ending = self.ending.wait(self.interval_ms / 1000)
        self.starved_ms = max(self.starved_ms, self.rig.now() - begun - self.interval_ms)
        return not ending

    def run(self):
        session, before = None, self.rig.now()
        self.rig.enter_network()
        while self.slept():
            try:
                session = session or self.rig.target.connect()
                at = self.rig.now()
                seen = session.reservation()
                if not self.changes or (self.changes[-1][2].key, self.changes[-1][2].kind) != (seen.key, seen.kind):
                    self.changes.append((before, self.rig.now(), seen))
                before = at
            except (OSError, iscsi.Failed):
                if session is not None:
                    session.close()
                session = None
        if session is not None:
            session.close()

    def now(self):
        return self.changes[-1][2] if self.changes else None

    def holder_change(self, node, since):
        """The first change after `since` to a key of `node`."""
        for change in list(self.changes):
            if change[1] >= since and iscsi.key_node(change[2].key) == node.number:
                return change
        return None

    def last_before(self, at):
        return [c for c in list(self.changes) if c[1] <= at][-1]


class Entry:
    """A line of the service's log."""

    def __init__(self, rig, line):
        us, self.node, epoch, self.word = line.split()
        self.at = int(us) / 1000 - rig.began
        self.epoch = int(epoch) if epoch.isdigit() else 0


class ServiceEnd:
    def __init__(self, rig, node):
        self.rig, self.node = rig, node
        with open(os.path.join(node.folder, 'service.pid'), encoding='utf-8') as f:
            self.process = os.pidfd_open(int(f.read()))

    def wait(self, limit_ms):
        """When its process was gone."""
        try:
            if not select.select([self.process], [], [], limit_ms / 1000)[0]:
                raise Unexpected('%s: the service still runs after %d ms' % (self.node.name, limit_ms))
            return self.rig.now()
        finally:
            os.close(self.process)


def scripts_own_ms(entries):
    """Time inside of stop, monitor and start scripts, from the first stop to the first start that is done."""
    total, begun = 0.0, {}
    for e in entries:
        if e.word in ('start', 'stop', 'monitor'):
            begun[e.node, e.word] = e.at
        for word, done in (('start', 'started'), ('stop', 'stopped'), ('monitor', 'monitored')):
            if e.word == done and (e.node, word) in begun:
                total += e.at - begun.pop((e.node, word))
        if e.word == 'started':
            break
    return total


class Rig:
    def __init__(self, renew_ms, stamp_ms=0, disks=('disk',)):
        self.began = boot_ms()
        self.times = Times(renew_ms)
        self.stamp_ms = stamp_ms
        self.folder = tempfile.mkdtemp(prefix='quorumd-')
        self.keep = False
        self.target = Target(self.folder, disks)
        self.nodes, self.observer = {}, None

    def __enter__(self):
        try:
            self.target.start()
            self.target.format()
            self.nodes = {n: Node(self, n) for n in NAMES}
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind, *_):
        if kind is not None and issubclass(kind, Unexpected):
            self.tell_lines()
        self.close()

    def tell_lines(self):
        """The last of what the nodes said, after something unexpected."""
        for node in self.nodes.values():
            for at, text in node.lines[-LINES_TOLD:]:
                print('  %s %9.1f | %s' % (node.name, at, text), flush=True)
        if self.observer is not None:
            print('  a process that waited for the clock woke up to %.0f ms late meanwhile' % self.observer.starved_ms)

    def close(self):
        if self.observer is not None:
            self.observer.ending.set()
        for node in self.nodes.values():
            node.close()
        self.target.close()
        if self.keep:
            print('kept: ' + self.folder)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def now(self):
        return boot_ms() - self.began

    def enter_network(self):
        """For a thread that looks at the target: it is in this network already."""

    def observe(self, interval_ms):
        self.observer = Observer(self, interval_ms)
        self.observer.start()
        return self.observer

    def journal(self, *words, since=0.0, node=None, epoch=None):
        """The service's log, oldest first."""
        try:
            with open(os.path.join(self.folder, 'service.log'), encoding='utf-8') as f:
                lines = f.read().splitlines()
        except FileNotFoundError:
            return []
        entries = [Entry(self, line) for line in lines if len(line.split()) == 4]
        return [e for e in entries if e.at >= since and (not words or e.word in words) and
                (node is None or e.node == node.name) and (epoch is None or e.epoch == epoch)]

    def wait_service(self, word, limit_ms, since=0.0, node=None):
        return wait_for(lambda: self.journal(word, since=since, node=node), limit_ms,
                        'service %s%s' % (word, ' on ' + node.name if node else ''))[0]

    def service_gone(self, node):
        """To wait for the end of the service that runs on `node`: it may be killed and need not say so itself."""
        return ServiceEnd(self, node)

    @staticmethod
    def record(session, node):
        """(state, epoch) of a node's owner record, docs/ONDISK.md."""
        data = session.read(8 + 2 * (node.number - 1), 2)
        found = []
        for sector in (data[:512], data[512:]):
            state, _, sequence, epoch = struct.unpack('<HIQQ', sector[10:32])
            if sector[:8] == b'qdrecord' and struct.unpack('<I', sector[508:])[0] == crc32c(sector[:508]):
                found.append((sequence, {1: 'taken', 2: 'released'}.get(state, str(state)), epoch))
        return max(found)[1:] if found else ('none', 0)

    def stamps(self):
        """All blocks of the test writers, and what is wrong with them: also those that were sent when the observer had
        already seen another node hold."""
        found = stamps(self.target.file())
        errors = stamp_errors(found)
        changes = list(self.observer.changes)
        for s in found:
            at = s.at - self.began
            n = max((i for i, c in enumerate(changes) if c[1] <= at), default=None)
            if n is None or changes[n][2].key == 0 or iscsi.key_node(changes[n][2].key) == s.node:
                continue
            after = changes[n + 1] if n + 1 < len(changes) else None
            if after is None or iscsi.key_node(after[2].key) != s.node or at < after[0]:
                errors.append('slot %d: written by node %d, %.1f ms after %s was seen to hold'
                              % (s.slot, s.node, at - changes[n][1], iscsi.key_text(changes[n][2].key)))
        return found, errors

    def overlaps(self):
        """Lines of the running service of an epoch after the service of a later epoch began."""
        found, newest = [], 0
        for e in self.journal('run', 'tick'):
            newest = max(newest, e.epoch)
            if e.epoch < newest:
                found.append(e)
        return found


# ------------------------------------------------ stamps of the writer on the data area (src/drv/stamp.h)

def crc32c(data):
    table = []
    for i in range(256):
        for _ in range(8):
            i = i >> 1 ^ (CRC32C_POLYNOMIAL if i & 1 else 0)
        table.append(i)
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


class Stamp:
    def __init__(self, slot, sector):
        self.slot = slot
        self.epoch, self.sequence, self.said_slot, boot_ns, self.node = struct.unpack('<QQQQI', sector[8:44])
        self.at = boot_ns / 1e6
        self.whole = struct.unpack('<I', sector[508:512])[0] == crc32c(sector[:508])


def stamps(path):
    """All stamps on a disk with sectors of 512 bytes, read from the file behind it, which no writer can hide from."""
    with open(path, 'rb') as f:
        data = f.read()
    data_lba = struct.unpack('<Q', data[96:104])[0]
    found = []
    for at in range(data_lba * 512, len(data), 512):
        if data[at:at + 8] == b'QDSTAMP1':
            found.append(Stamp(at // 512 - data_lba, data[at:at + 512]))
    return found


def stamp_errors(found):
    """What is wrong with a log of stamps: from slot 0 on without a gap, epochs that rise, each from sequence 0 on."""
    errors = []
    for number, s in enumerate(found):
        last = found[number - 1] if number > 0 else None
        new = last is None or s.epoch != last.epoch
        if s.slot != number or s.said_slot != number:
            errors.append('slot %d: a gap, or a stamp for slot %d' % (s.slot, s.said_slot))
        if not s.whole:
            errors.append('slot %d: torn' % s.slot)
        if last is not None and s.epoch < last.epoch:
            errors.append('slot %d: epoch %d after epoch %d' % (s.slot, s.epoch, last.epoch))
        if s.sequence != (0 if new else last.sequence + 1):
            errors.append('slot %d: epoch %d, sequence %d out of order' % (s.slot, s.epoch, s.sequence))
        if last is not None and s.at < last.at:
            errors.append('slot %d: written before the one in front of it' % s.slot)
    return errors
