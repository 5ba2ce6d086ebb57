# SPDX-License-Identifier: Apache-2.0
"""What defending costs: commands a round, allocations, processes started, resident memory, and CPU time a round
against a bare libiscsi loop (bare_loop.c) that sends the same three commands at the same pace and priority to its own
disk of the same target, side by side in one run."""

import collections
import os
import re
import struct
import subprocess
import time

import cases
import proxy
import rig as cluster

HERE = os.path.dirname(os.path.abspath(__file__))
RENEW_MS = 300
ROUNDS = 300
REPEATS = 3
RATIO_MAX = 1.3
RESIDENT_MAX_MIB = 12
COUNTERS = ('quorumd', 'libiscsi', 'libsystemd', 'others', 'forks')


def cpu_ns(pid):
    """CPU time of a process and its threads: its clock, as clock_getcpuclockid(3) makes it."""
    return time.clock_gettime_ns(~pid << 3 | 2)


def resident(pid):
    with open('/proc/%d/status' % pid, encoding='utf-8') as f:
        found = dict(re.findall(r'^(VmRSS|VmLck|VmHWM):\s+(\d+)', f.read(), re.MULTILINE))
    return {k: int(v) / 1024 for k, v in found.items()}


def alone(rig, **how):
    """One node that owns, without a group's service to disturb it."""
    alpha = rig.nodes[1]
    alpha.start(**how)
    rig.wait_service('run', cases.limit(rig), node=alpha)
    cases.wait_rounds(rig, alpha, 5)
    return alpha


def commands(part):
    """Counted by a proxy between node and target."""
    with cluster.Rig(RENEW_MS) as rig:
        between = proxy.Proxy(rig.target.port)
        rig.nodes[1].configure(rig.target.url(port=between.port), header_digest='none')
        alpha = alone(rig)
        rounds = cases.rounds(alpha)
        first = len(between.commands)
        cases.wait_rounds(rig, alpha, 100 // part)
        sent = between.commands[first:]
        rounds = cases.rounds(alpha) - rounds
        between.close()
    kinds = collections.Counter(str(c) for c in sent)
    print('commands: %d in %d rounds, %.2f a round (%s)' % (
        len(sent), rounds, len(sent) / rounds, ', '.join('%s %d' % k for k in sorted(kinds.items()))))
    return abs(len(sent) - 3 * rounds) <= 3


def allocations(part):
    with cluster.Rig(RENEW_MS) as rig:
        shim, table = os.path.join(rig.folder, 'malloc_count.so'), os.path.join(rig.folder, 'counts')
        subprocess.run(['cc', '-std=c11', '-D_GNU_SOURCE', '-O2', '-shared', '-fPIC', '-o', shim,
                        os.path.join(HERE, 'preload', 'malloc_count.c')], check=True)
        with open(table, 'wb') as f:
            f.write(bytes(8 * len(COUNTERS)))

        def read():
            with open(table, 'rb') as f:
                return struct.unpack('<%dQ' % len(COUNTERS), f.read())
        alpha = alone(rig, environment={'LD_PRELOAD': shim, 'QD_MALLOC_COUNT': table})
        begun, before = read(), cases.rounds(alpha)
        cases.wait_rounds(rig, alpha, 200 // part)
        counts = [b - a for a, b in zip(begun, read())]
        rounds = cases.rounds(alpha) - before
        need_start = begun[0] > 0 and begun[4] > 0
    print('allocations in %d rounds by %s' % (rounds, ', '.join('%s: %d' % c for c in zip(COUNTERS, counts))))
    print('  (the counter works: before the first round %s)' % ', '.join('%s: %d' % c for c in zip(COUNTERS, begun)))
    return counts[0] == 0 and counts[4] == 0 and need_start


def cpu(part):
    ratios = []
    for _ in range(REPEATS):
        with cluster.Rig(RENEW_MS, disks=('disk', 'bare')) as rig:
            alpha = alone(rig)
            pid = alpha.quorumd()
            bare = subprocess.Popen([cluster.program('tests/bench/bare_loop'), rig.target.url('bare'), str(RENEW_MS),
                                     str(ROUNDS // part)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            try:
                cluster.wait_for(lambda: bare.stdout.readline().startswith('begin'), 30000, 'the bare loop')
                begun, spent = cases.rounds(alpha), cpu_ns(pid)
                end = bare.stdout.readline().split()
                spent, rounds = cpu_ns(pid) - spent, cases.rounds(alpha) - begun
            finally:
                bare.kill()
                bare.wait()
            if len(end) != 3:
                raise cluster.Unexpected('the bare loop ended early')
            memory = resident(pid)
        ours, theirs = spent / rounds / 1000, int(end[2]) / int(end[1]) / 1000
        ratios.append(ours / theirs)
        print('CPU: quorumd %.1f us a round (%d rounds), bare loop %.1f us (%s rounds), ratio %.2f'
              % (ours, rounds, theirs, end[1], ratios[-1]), flush=True)
    print('resident: %.1f MiB, at most %d; locked %.1f MiB' % (memory['VmRSS'], RESIDENT_MAX_MIB, memory['VmLck']))
    middle = sorted(ratios)[len(ratios) // 2]
    print('CPU ratio: median %.2f, target at most %.1f' % (middle, RATIO_MAX))
    return middle <= RATIO_MAX and memory['VmRSS'] <= RESIDENT_MAX_MIB


def defender(part):
    return all([commands(part), allocations(part), cpu(part)])
