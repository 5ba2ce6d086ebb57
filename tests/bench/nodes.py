# SPDX-License-Identifier: Apache-2.0
"""Measurements of whole nodes: how long a takeover and a hand-over take, and what a paused owner still writes."""

import random

import cases
import rig as cluster

BAR = 40
SEED = 20261121


def histogram(values, step, unit='ms'):
    """Lines of a histogram."""
    buckets = {}
    for v in values:
        buckets[int(v // step)] = buckets.get(int(v // step), 0) + 1
    for b in range(min(buckets), max(buckets) + 1):
        count = buckets.get(b, 0)
        bar = '#' * -(-count * BAR // max(buckets.values()))
        print('  %6.0f to %6.0f %s %4d %s' % (b * step, (b + 1) * step, unit, count, bar))


def summary(what, values, bound, digits=0):
    """One line with the extremes; whether every value is within the bound."""
    late = sum(v > bound for v in values)
    ordered = sorted(values)
    print('%s: %d times, %.*f to %.*f ms, median %.*f; bound %.0f ms, %d above it' % (
        what, len(values), digits, ordered[0], digits, ordered[-1], digits, ordered[len(ordered) // 2], bound, late))
    return late == 0


def random_phase(rig, owner, dice):
    """Some moment within a round of `owner`."""
    cases.wait_rounds(rig, owner, 1)
    at = rig.now() + dice.uniform(0, rig.times.renew)
    cluster.wait_for(lambda: rig.now() >= at, cases.limit(rig), 'the phase')


def kill_many(renew_ms, count):
    dice = random.Random(SEED)
    took = []
    with cluster.Rig(renew_ms, stamp_ms=20) as rig:
        rig.observe(5)
        owner, other = cases.both_up(rig)
        for _ in range(count):
            random_phase(rig, owner, dice)
            at, _ = owner.power_off()
            took.append(rig.wait_service('run', cases.limit(rig), at, other).at - at)
            begun = rig.now()
            owner.start()
            cases.back_as_standby(rig, owner, begun)
            owner, other = other, owner
        cases.rising(rig.journal('run'))
        _, errors = rig.stamps()
        overlaps = rig.overlaps()
        bound = rig.times.takeover + cases.GRACE_MS
    good = summary('renew %d ms: death of the owner to the service on the other node' % renew_ms, took, bound)
    histogram(took, renew_ms / 6)
    print('  two services at the same time: %d; errors in the log of blocks: %d' % (len(overlaps), len(errors)))
    return good and not errors and not overlaps


def takeover(part):
    fast = kill_many(300, 100 // part)
    return kill_many(3000, 10 // part) and fast


def pauses(part):
    """A paused owner wakes: no block that it writes after the strike is on the disk."""
    dice = random.Random(SEED)
    took, gone = [], []
    with cluster.Rig(300, stamp_ms=5) as rig:
        rig.observe(5)
        owner, other = cases.both_up(rig)
        for _ in range(30 // part):
            random_phase(rig, owner, dice)
            at, _ = owner.pause()
            took.append(rig.wait_service('run', cases.limit(rig), at, other).at - at)
            end = at + rig.times.takeover * dice.uniform(1.2, 2)
            cluster.wait_for(lambda end=end: rig.now() > end, cases.limit(rig), 'the end of the pause')
            woke, ended = owner.wake_and_watch(cases.limit(rig))
            gone.append(ended - woke)
            cases.back_as_standby(rig, owner, woke)
            owner, other = other, owner
        refused = sum(cases.refused_stamps(n) for n in rig.nodes.values())
        cases.rising(rig.journal('run'))
        found, errors = rig.stamps()
        bound = rig.times.takeover + cases.GRACE_MS
    good = summary('renew 300 ms: pause of the owner to the service on the other node', took, bound)
    good = summary('waking to the end of the old service', gone, cases.GRACE_MS, 1) and good
    print('blocks written by the owners: %d, refused to late ones: %d, errors in the log of blocks: %d'
          % (len(found), refused, len(errors)))
    for error in errors[:10]:
        print('  ' + error)
    return good and not errors


def handover(part):
    with cluster.Rig(300) as rig:
        owner, other = cases.both_up(rig)
        down = []
        for _ in range(50 // part):
            cases.wait_standby(rig, other)
            down.append(cases.hand_over_down_ms(rig, owner, other))
            owner, other = other, owner
        overlaps = rig.overlaps()
    good = summary('renew 300 ms: hand-over, service down without its scripts\' own time', down, 100, 1)
    histogram(down, 5)
    return good and not overlaps
