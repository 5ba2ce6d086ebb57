#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real nodes on the LIO target in a guest: two, and three that vote. Started by vm-test/cases/arbiter.sh inside the run's network namespace;
the guest belongs to that shell, which is told what to do with it (boot, cut its power, ...) by lines on a pipe and
answers each with a word. Every assertion is a line `ok - ...` or `not ok - ...`; the sums go to a file.

usage: arbiter.py --target IQN --portal ADDRESS --portal ADDRESS --sums FILE --control IN,OUT [WORD...]
WORD...: only cases whose sentence contains one of them."""
import argparse
import json
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'tests', 'cluster'))

import iscsi  # noqa: E402
import rig as cluster  # noqa: E402

LINES_OF_A_FAILURE = 40
INITIATOR = 'iqn.2026-11.test.quorumd:'  # and the node's id, a dot and the path; or a name of ours
BOOT_LIMIT_MS = 120000
STAMP_MS = 50
SECTOR = 512
CHUNK = 128  # sectors read at once
EMPTY_CHUNKS = 4  # so many without a stamp: the log of stamps has ended


class Guest:
    """The shell that owns the target's guest, behind two pipes."""

    def __init__(self, control):
        reading, writing = (int(fd) for fd in control.split(','))
        self.answers = os.fdopen(reading, 'r', encoding='utf-8')
        self.orders = os.fdopen(writing, 'w', encoding='utf-8')
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        """End with the shell: the pipe that it reads breaks when it is gone, however it went."""
        poll = select.poll()
        poll.register(self.orders.fileno(), 0)
        poll.poll()
        os.kill(os.getpid(), signal.SIGTERM)

    def order(self, words):
        print(words, file=self.orders, flush=True)
        answer = self.answers.readline().strip()
        if answer != 'ok':
            raise cluster.Unexpected('the order "%s" ended in: %s' % (words, answer or 'nothing'))


class Eye(iscsi.Initiator):
    """LIO proposes what it was not offered, and then the log-in takes more steps than one: offer it all."""
    KEYS = ('SessionType=Normal', 'HeaderDigest=None', 'DataDigest=None', 'InitialR2T=Yes', 'ImmediateData=Yes',
            'MaxRecvDataSegmentLength=262144', 'MaxBurstLength=262144', 'FirstBurstLength=65536', 'MaxConnections=1',
            'DefaultTime2Wait=2', 'DefaultTime2Retain=0', 'MaxOutstandingR2T=1', 'ErrorRecoveryLevel=0',
            'DataPDUInOrder=Yes', 'DataSequenceInOrder=Yes', 'IFMarker=No', 'OFMarker=No')

    def __init__(self, node, *arguments):
        """node: id whose ISID on its first path this is, as src/quorumd/shell_setup.c makes it; 0: none."""
        self.isid = b'\x80' + (node << 8).to_bytes(3, 'big') + bytes(2) if node else b'\x80\x00\x00\x00\x00\x01'
        super().__init__(*arguments)

    def login(self, target, name):
        text = ''.join(k + '\0' for k in ('InitiatorName=' + name, 'TargetName=' + target, *self.KEYS)).encode()
        header = struct.pack('>BBBBB3s6sHIHHII16x', iscsi.LOGIN, 0x87, 0, 0, 0, len(text).to_bytes(3, 'big'),
                             self.isid, 0, 0, 0, 0, self.command_number, 0)
        self.socket.sendall(header + text + bytes(-len(text) % 4))
        answer, _ = self.receive()
        if answer[0] != iscsi.LOGIN_ANSWER or answer[36] != 0 or answer[1] & 0x83 != 0x83:
            raise iscsi.Failed('login was refused: %s' % answer[:48].hex())
        self.status_number = int.from_bytes(answer[24:28], 'big')

    def write(self, lba, data):
        """Status of a WRITE of one sector; a unit attention means that it was not executed."""
        for _ in range(iscsi.TRIES):
            tag, self.tag = self.tag, self.tag + 1
            header = struct.pack('>BBHB3s8sIIII', iscsi.COMMAND, 0xa1, 0, 0, len(data).to_bytes(3, 'big'),
                                 bytes([0, self.lun, 0, 0, 0, 0, 0, 0]), tag, len(data), self.command_number,
                                 self.status_number + 1) + struct.pack('>BBIBHB', 0x2a, 0, lba, 0, 1, 0).ljust(16, b'\0')
            self.command_number += 1
            self.socket.sendall(header + data)
            answer, sense = self.receive()
            while answer[0] == iscsi.NOP_IN:
                answer, sense = self.receive()
            if answer[0] != iscsi.ANSWER or int.from_bytes(answer[16:20], 'big') != tag:
                raise iscsi.Failed('an answer to something else: %s' % answer.hex())
            self.status_number = int.from_bytes(answer[24:28], 'big')
            if answer[3] != iscsi.CHECK_CONDITION or sense[4] & 0xf != iscsi.UNIT_ATTENTION:
                break
        return answer[3]


class Lio:
    """The target, as tests/cluster/rig.py wants one."""

    def __init__(self, guest, iqn, portals):
        self.guest, self.iqn = guest, iqn
        self.portals = portals
        self.eye = 0  # the portal through which is looked from outside
        self.up, self.booted = False, None
        self.formatted = set()  # LUNs, to be judged when the guest is down

    def url(self, portal=0, lun=0):
        return 'iscsi://%s/%s/%d' % (self.portals[portal], self.iqn, lun)

    def connect(self, name='observer', timeout_s=1, node=0):
        host, port = self.portals[self.eye].rsplit(':', 1)
        return Eye(node, host, int(port), self.iqn, 0, INITIATOR + name, timeout_s)

    def answers(self):
        try:
            self.connect('probe', 0.3).close()
        except (OSError, iscsi.Failed):
            return False
        return True

    def boot(self, state, names=()):
        """names: explicit ACLs for these; none: whoever comes is let in."""
        acls = ' names=' + ','.join(INITIATOR + n for n in names) if names else ''
        self.guest.order('boot %s%s' % (state, acls))
        self.up, self.booted = True, (state, names)

    def wait_answer(self):
        """An emulated machine that hangs while it boots (seen once) gets a second chance."""
        try:
            cluster.wait_for(self.answers, BOOT_LIMIT_MS / 2, 'an answer of the target')
        except cluster.Unexpected:
            print('#   the guest hangs while it boots: once more', flush=True)
            self.power_cut()
            self.boot(*self.booted)
            cluster.wait_for(self.answers, BOOT_LIMIT_MS, 'an answer of the target')

    def power_cut(self):
        self.up = False
        self.guest.order('cut')

    def down(self):
        if self.up:
            self.up = False
            self.guest.order('down')

    def link(self, what, number):
        self.guest.order('link-%s %d' % (what, number))

    def close(self):
        """The guest ends with the shell that owns it."""

    def quorumctl(self, *words, lun=0):
        """Status and what is printed of quorumctl disk WORDS on this disk."""
        done = subprocess.run([cluster.program('quorumctl'), 'disk', words[0], self.url(lun=lun), *words[1:]],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if words[0] == 'format' and done.returncode == 0:
            self.formatted.add(lun)
        return done.returncode, done.stdout + done.stderr

    def document(self, *words):
        status, text = self.quorumctl(*words, '--json')
        try:
            return json.loads(text)
        except ValueError:
            raise cluster.Unexpected('quorumctl disk %s: status %d: %s' % (words[0], status, text)) from None

    def read_stamps(self, folder):
        """All stamps on the LUN, read through a session of its own."""
        path = os.path.join(folder, 'lun')
        session = self.connect('reader', 10)
        try:
            with open(path, 'wb') as out:
                out.write(session.read(0, 1))
                at = int.from_bytes(open_at(path, out, 96, 8), 'little')
                empty = 0
                while empty < EMPTY_CHUNKS:
                    data = session.read(at, CHUNK)
                    out.seek(at * SECTOR)
                    out.write(data)
                    empty = 0 if b'QDSTAMP1' in data else empty + 1
                    at += CHUNK
        finally:
            session.close()
        return cluster.stamps(path)


def open_at(path, out, offset, count):
    out.flush()
    with open(path, 'rb') as f:
        f.seek(offset)
        return f.read(count)


class LioNode(cluster.Node):
    def configure(self, url=None, header_digest='crc32c'):
        """Each of the rig's portals is a path; the configuration's list is made of one text."""
        urls = '", "'.join(self.rig.target.url(p) for p in range(self.rig.paths))
        super().configure(url or urls, header_digest)


class LioRig(cluster.Rig):
    def __init__(self, target, renew_ms):
        super().__init__(renew_ms, STAMP_MS, disks=())
        self.target = target
        self.paths = 1
        self.state = self.wanted = None  # of the target's state folder; what the nodes were started for
        self.boots = []  # how long the target took

    def __enter__(self):
        self.nodes = {n: LioNode(self, n) for n in cluster.NAMES}
        return self

    def end_nodes(self):
        """As systemd stops them; the owner last, so that nobody takes over from it. What does not run stays so."""
        for node in sorted(self.nodes.values(), key=lambda n: bool((n.status() or {}).get('mine'))):
            node.wake()
            if node.process is not None:
                node.terminate()

    def set_up(self, renew_ms, paths=1):
        """Nodes that do not run get these times and paths for their next start."""
        self.times = cluster.Times(renew_ms)
        self.paths = paths
        for node in self.nodes.values():
            node.configure()


class Results:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def hold(self, what, good):
        """An assertion: counted."""
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        print('%s - %s' % ('ok' if good else 'not ok', what), flush=True)

    def bound(self, what, took_ms, limit_ms):
        self.hold('%s: %.0f ms, at most %.0f ms' % (what, took_ms, limit_ms), took_ms <= limit_ms)

    def skip(self, what, why):
        self.skipped += 1
        print('ok - %s # SKIP %s' % (what, why), flush=True)

    def tell(self, text):
        for line in text.splitlines():
            print('#   ' + line, flush=True)


def tail(rig, since):
    lines = [(at, n.name, text) for n in rig.nodes.values() for at, text in n.lines if at >= since]
    return '\n'.join('%8.1f %-5s %s' % line for line in sorted(lines)[-LINES_OF_A_FAILURE:])


def run_case(case, rig, results):
    print('# == ' + case.sentence, flush=True)
    begun, failed = rig.now(), results.failed
    try:
        case.run(rig, results)
        at = rig.now()
        found = rig.target.read_stamps(rig.folder)
        errors = cluster.stamp_errors(found)
        results.tell('\n'.join(errors))
        results.hold('no interleaving: %d stamps of %d epochs, each after the one before it (read in %.0f ms)'
                     % (len(found), len({s.epoch for s in found}), rig.now() - at), found and not errors)
    except (cluster.Unexpected, OSError, iscsi.Failed) as problem:
        results.hold('%s: %s' % (case.sentence, problem), False)
    except Exception:  # pylint: disable=broad-except  # a mistake of the case: the others still run
        results.tell(traceback.format_exc())
        results.hold(case.sentence, False)
    if results.failed > failed:
        results.tell(tail(rig, begun))
    print('# %.1f s' % ((rig.now() - begun) / 1000), flush=True)


def main():
    cluster.end_cleanly()
    parser = argparse.ArgumentParser()
    parser.add_argument('--target', required=True)
    parser.add_argument('--portal', action='append', required=True)
    parser.add_argument('--sums', required=True)
    parser.add_argument('--control', required=True)
    parser.add_argument('words', nargs='*')
    options = parser.parse_intermixed_args()
    import arbiter_cases as cases  # pylint: disable=import-outside-toplevel  # it needs the path set above
    target = Lio(Guest(options.control), options.target, options.portal)
    results = Results()
    with LioRig(target, cases.SHORT_MS) as rig:
        rig.keep = 'VM_KEEP' in os.environ
        for case in cases.ALL:
            if not options.words or case.always or any(word in case.sentence for word in options.words):
                run_case(case, rig, results)
        rig.end_nodes()
        target.down()
    with open(options.sums, 'w', encoding='utf-8') as out:
        print(results.passed, results.failed, results.skipped, *sorted(target.formatted), file=out)
    return 1 if results.failed else 0


if __name__ == '__main__':
    sys.exit(main())
