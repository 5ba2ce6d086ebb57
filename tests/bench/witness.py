# SPDX-License-Identifier: Apache-2.0
"""quorum-witnessd under load: 20,000 clusters on one core, and 10,000 of which one floods."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import rig as cluster

BUILD = os.environ.get('QD_BUILD', os.path.join(cluster.TOP, 'build', 'gcc'))
LOAD = os.path.join(BUILD, 'tests', 'bench', 'witness_load')
P99_MS = 20.0
HZ = os.sysconf('SC_CLK_TCK')


class Witness:
    """A daemon bound to one core, with key files for so many clusters."""

    def __init__(self, clusters):
        self.clusters = clusters
        self.dir = tempfile.mkdtemp(prefix='qd-witness-')
        keys = os.path.join(self.dir, 'keys')
        os.mkdir(keys)
        subprocess.run([LOAD, 'keys', keys, str(clusters)], check=True)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(('127.0.0.1', 0))
            self.port = probe.getsockname()[1]
        status = os.path.join(self.dir, 'status')
        self.process = subprocess.Popen(
            ['taskset', '-c', '0', os.path.join(BUILD, 'quorum-witnessd'), '--keys', keys, '--store',
             os.path.join(self.dir, 'store'), '--socket', status, '--listen', '127.0.0.1:%d' % self.port],
            stderr=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while not os.path.exists(status):
            if self.process.poll() is not None or time.monotonic() > end:
                raise cluster.Unexpected('quorum-witnessd did not start')
            time.sleep(0.02)

    def resident_kib(self):
        with open('/proc/%d/status' % self.process.pid, encoding='utf-8') as f:
            return int(re.search(r'VmRSS:\s*(\d+)', f.read()).group(1))

    def cpu_s(self):
        with open('/proc/%d/stat' % self.process.pid, encoding='utf-8') as f:
            words = f.read().rsplit(')', 1)[1].split()
        return (int(words[11]) + int(words[12])) / HZ

    def load(self, renew_ms, seconds, *more):
        done = subprocess.run([LOAD, 'run', str(self.port), str(self.clusters), str(renew_ms), str(seconds), *more],
                              check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise cluster.Unexpected(done.stderr.strip() or 'witness_load failed')
        print(done.stdout, end='')
        return {line.split()[0]: line for line in done.stdout.splitlines()}

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        shutil.rmtree(self.dir)


def p99_ms(line):
    return float(re.search(r'p99 ([\d.]+) ms', line).group(1))


def lost(line):
    return int(re.search(r'lost (\d+)', line).group(1))


def many(part):
    witness = Witness(1)
    empty = witness.resident_kib()
    witness.end()
    clusters, seconds = 20000 // part, max(3, 30 // part)
    witness = Witness(clusters)
    try:
        lines = witness.load(3000, seconds)
        kib, cpu = witness.resident_kib(), witness.cpu_s()
    finally:
        witness.end()
    print('resident %.1f MiB for %d clusters (%.1f MiB for one): %.2f KiB each; %.2f s of CPU in all' %
          (kib / 1024, clusters, empty / 1024, (kib - empty) / clusters, cpu))
    good = p99_ms(lines['renewals']) < P99_MS and lost(lines['renewals']) == 0
    print('bound: p99 under %.0f ms, none lost: %s' % (P99_MS, 'kept' if good else 'NOT KEPT'))
    return good


def flooded(part):
    witness = Witness(10000 // part)
    try:
        lines = witness.load(3000, max(6, 40 // part), 'flood')
    finally:
        witness.end()
    without, flood = lines['others-without-flood'], lines['others-with-flood']
    good = p99_ms(flood) < P99_MS and lost(flood) == 0
    print('p99 of the others: %.3f ms without, %.3f ms with the flood; bound %.0f ms and none lost: %s' %
          (p99_ms(without), p99_ms(flood), P99_MS, 'kept' if good else 'NOT KEPT'))
    return good


def witness(part):
    good = many(part)
    return flooded(part) and good
