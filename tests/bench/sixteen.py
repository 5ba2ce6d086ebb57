# SPDX-License-Identifier: Apache-2.0
"""Sixteen real nodes with two networks each, on loopback addresses: what each of them costs in memory and processor time
while nothing happens."""

import json
import os
import re
import shutil
import subprocess
import tempfile

import machine
import rig as cluster

NODES = 16
SECONDS = 120
RESIDENT_MIB = 16
CORE_PERCENT = 1.0
START_MS = 180000

CONFIGURATION = '''cluster: sixteen
node: %(id)d
key_file: %(folder)s/key
nodes:
%(nodes)s
heartbeat:
  port: %(port)d
quorum:
  model: node_majority
state_dir: %(folder)s/n%(id)d/state
run_dir: %(folder)s/n%(id)d/run
api:
  user: nobody-of-this-name
test:
  machine_id: %(id)032x
  boot_id: %(id)032x
'''


def address(number, network):
    return '127.16.%d.%d' % (network, number)


class Member:
    """One quorumd without a group. Its quorum-api stays root: a folder of root is no place for another user."""

    def __init__(self, folder, number, port):
        self.number = number
        self.dir = os.path.join(folder, 'n%d' % number)
        self.process = None
        for part in ('state', 'run'):
            os.makedirs(os.path.join(self.dir, part))
        nodes = '\n'.join('  node%d: {id: %d, addresses: [%s, %s]}' % (i, i, address(i, 1), address(i, 2))
                          for i in range(1, NODES + 1))
        with open(self.file(), 'w', encoding='utf-8') as f:
            f.write(CONFIGURATION % {'id': number, 'folder': folder, 'port': port, 'nodes': nodes})
        subprocess.run([cluster.program('quorumctl'), 'cluster', 'create', self.file()], check=True,
                       stdout=subprocess.DEVNULL)

    def file(self):
        return os.path.join(self.dir, 'conf.yaml')

    def start(self):
        with open(os.path.join(self.dir, 'log'), 'ab') as log:
            self.process = subprocess.Popen([cluster.program('quorumd'), '--config', self.file()], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, preexec_fn=machine.end_with_parent)

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def status(self):
        done = subprocess.run([cluster.program('quorumctl'), 'status', '--json', '--socket',
                               os.path.join(self.dir, 'run', 'api.sock')], capture_output=True, text=True, check=False)
        return json.loads(done.stdout) if done.stdout.startswith('{') else None

    def sees_all(self):
        status = self.status()
        view = status and status.get('view')
        return bool(view) and len(view['members']) == NODES and status['quorum']['quorate']

    def resident_mib(self):
        with open('/proc/%d/status' % self.process.pid, encoding='utf-8') as f:
            return int(re.search(r'VmHWM:\s*(\d+)', f.read()).group(1)) / 1024

    def cpu_s(self):
        """Of all threads, as the scheduler counts: no ticks."""
        total = 0
        folder = '/proc/%d/task' % self.process.pid
        for thread in os.listdir(folder):
            with open('%s/%s/schedstat' % (folder, thread), encoding='utf-8') as f:
                total += int(f.read().split()[0])
        return total / 1e9


def line(what, values, unit, bound):
    ordered = sorted(values)
    good = ordered[-1] <= bound
    print('%s: %.2f to %.2f %s, median %.2f; bound %g %s%s' % (
        what, ordered[0], ordered[-1], unit, ordered[len(ordered) // 2], bound, unit, '' if good else ': above it'))
    return good


def measure(members, seconds):
    """What each took in that time, and what became of the view."""
    views = [m.status()['view']['epoch'] for m in members]
    packets = [m.status()['packets']['ok'] for m in members]
    cpu, began = [m.cpu_s() for m in members], cluster.boot_ms()
    cluster.wait_for(lambda: cluster.boot_ms() >= began + seconds * 1000, seconds * 2000, 'the end of the measurement')
    took = (cluster.boot_ms() - began) / 1000
    share = [100 * (m.cpu_s() - c) / took for m, c in zip(members, cpu)]
    good = line('processor time of %.0f s' % took, share, '% of a core', CORE_PERCENT)
    good = line('resident at most', [m.resident_mib() for m in members], 'MiB', RESIDENT_MIB) and good
    came = [(m.status()['packets']['ok'] - p) / took for m, p in zip(members, packets)]
    print('packets received a second: median %.0f' % sorted(came)[len(came) // 2])
    stayed = views == [m.status()['view']['epoch'] for m in members]
    print('one view of %d members from beginning to end: %s' % (len(members), 'yes' if stayed else 'no'))
    return good and stayed


def sixteen(part):
    folder = tempfile.mkdtemp(prefix='qd-sixteen-')
    subprocess.run([cluster.program('quorumctl'), 'keygen', os.path.join(folder, 'key')], check=True,
                   stdout=subprocess.DEVNULL)
    port = cluster.free_port()
    members = [Member(folder, i, port) for i in range(1, NODES + 1)]
    try:
        for m in members:
            m.start()
        for m in members:
            cluster.wait_for(m.sees_all, START_MS, 'a view of %d nodes at node %d' % (NODES, m.number))
        return measure(members, SECONDS // part)
    finally:
        for m in members:
            m.stop()
        shutil.rmtree(folder)
