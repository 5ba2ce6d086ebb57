# SPDX-License-Identifier: Apache-2.0
"""The cases of tests/cluster/run. Two nodes each; what is measured is noted and printed with the result. After every
case the stamps that a writer on the owner's own session left on the data area are judged, read from the file behind
the disk."""

import re
import struct

import iscsi
import proxy
import rig as cluster
from rig import Unexpected, wait_for

GRACE_MS = 200  # over T: round trips, and starting the script
DOWN_MS = 100  # of a planned hand-over
KILLS = 5
PAUSES = 5
STALLS = 8
ALL = []


class Case:
    def __init__(self, sentence, run, renew_ms, stamp_ms):
        self.sentence, self.function = sentence, run
        self.renew_ms, self.stamp_ms = renew_ms, stamp_ms
        self.notes = []

    def open(self, renew_ms):
        return cluster.Rig(self.renew_ms or renew_ms, stamp_ms=self.stamp_ms)

    def run(self, rig):
        rig.observe(max(4, rig.times.renew / 60))
        self.function(rig, self.notes.append)

    @staticmethod
    def judge(rig):
        """What is wrong with the whole run."""
        return rig.stamps()[1]


def case(sentence, renew_ms=None, stamp_ms=20):
    """A test: renew_ms None is what RENEW says."""
    def add(run):
        ALL.append(Case(sentence, run, renew_ms, stamp_ms))
        return run
    return add


def need(good, what):
    if not good:
        raise Unexpected(what)


def limit(rig):
    return 4 * rig.times.takeover + 10000


def both_up(rig):
    """alpha owns and its service runs, beta stands by."""
    alpha, beta = rig.nodes[1], rig.nodes[2]
    alpha.start()
    rig.wait_service('run', limit(rig), node=alpha)
    beta.start()
    wait_standby(rig, beta)
    return alpha, beta


def rounds(node):
    status = node.status()
    return status['stats']['rounds_good'] if status else 0


def wait_rounds(rig, node, count):
    """So many more good rounds."""
    before = rounds(node)
    wait_for(lambda: rounds(node) >= before + count, limit(rig) + 2 * count * rig.times.renew,
             '%d more rounds of %s' % (count, node.name))


def wait_standby(rig, node):
    wait_for(lambda: (node.status() or {}).get('state') == 'standby', limit(rig), '%s as standby' % node.name)


def back_as_standby(rig, node, since):
    node.wait_line('path 0: ready|-> standby', limit(rig), since)
    wait_standby(rig, node)


def refused_stamps(node):
    """Writes of its test writer that the disk refused, of one process of it: the log's last word on it."""
    found = [int(m.group(1)) for m in (re.search(r'stamps: .* (\d+) refused', text) for _, text in node.lines) if m]
    return max(found, default=0)


def rising(entries):
    epochs = [e.epoch for e in entries]
    need(epochs == sorted(set(epochs)), 'epochs do not rise: %s' % epochs)


# ------------------------------------------------ a node dies, or is paused

@case('a killed owner is replaced within T + 200 ms, every time')
def kills(rig, note):
    owner, other = both_up(rig)
    took = []
    for _ in range(KILLS):
        wait_rounds(rig, owner, 1)
        at, _ = owner.power_off()
        took.append(rig.wait_service('run', limit(rig), at, other).at - at)
        begun = rig.now()
        owner.start()
        back_as_standby(rig, owner, begun)
        owner, other = other, owner
    note('%.0f to %.0f ms' % (min(took), max(took)))
    need(max(took) <= rig.times.takeover + GRACE_MS, 'took up to %.0f ms' % max(took))
    rising(rig.journal('run'))
    need(not rig.overlaps(), 'two services ran at the same time')


@case('a paused owner is replaced; waking, it stops first, and comes back as a new incarnation')
def pauses(rig, note):
    owner, other = both_up(rig)
    took, gone = [], []
    for _ in range(PAUSES):
        wait_rounds(rig, owner, 1)
        before = owner.status()['incarnation']
        at, _ = owner.pause()
        took.append(rig.wait_service('run', limit(rig), at, other).at - at)
        wait_for(lambda at=at: rig.now() > at + 1.5 * rig.times.takeover, limit(rig), 'the end of the pause')
        woke, ended = owner.wake_and_watch(limit(rig))
        gone.append(ended - woke)
        back_as_standby(rig, owner, woke)
        need(owner.status()['incarnation'] > before, 'the incarnation did not grow')
        owner, other = other, owner
    note('%.0f to %.0f ms; service gone %.0f to %.0f ms after waking; %d late writes refused'
         % (min(took), max(took), min(gone), max(gone),
            sum(refused_stamps(n) for n in rig.nodes.values())))
    need(max(took) <= rig.times.takeover + GRACE_MS, 'took up to %.0f ms' % max(took))
    rising(rig.journal('run'))


@case('a planned hand-over: the service is down for less than 100 ms and its scripts\' own time')
def hand_overs(rig, note):
    owner, other = both_up(rig)
    down = []
    for _ in range(KILLS):
        wait_standby(rig, other)
        down.append(hand_over_down_ms(rig, owner, other))
        owner, other = other, owner
    down.sort()
    note('%.1f to %.1f ms, in the middle %.1f ms' % (down[0], down[-1], down[len(down) // 2]))
    # Where the machine is busy a new process may have to wait for its turn: that is once, not each time.
    need(down[len(down) // 2] < DOWN_MS, 'down for %.1f ms' % down[len(down) // 2])
    need(down[-1] < DOWN_MS + GRACE_MS, 'down for up to %.1f ms' % down[-1])
    rising(rig.journal('run'))
    need(not rig.overlaps(), 'two services ran at the same time')


def hand_over_down_ms(rig, owner, other):
    """Hand over; how long the service was down, without its scripts' own time."""
    at = rig.now()
    answer = owner.hand_over(other)
    need(answer.get('done'), 'the hand-over ended in: %s' % answer)
    done = rig.wait_service('started', limit(rig), at, other)
    begun = rig.journal('stop', since=at, node=owner)[0]
    own = cluster.scripts_own_ms(rig.journal(since=begun.at))
    return done.at - begun.at - own


# ------------------------------------------------ the storage stalls, forgets, or cuts the connection

@case('the target stalls for 2/3 of R: ownership is kept, whatever the phase')
def short_stalls(rig, note):
    alpha, _ = both_up(rig)
    epoch = alpha.status()['epoch']
    for i in range(STALLS):
        wait_rounds(rig, alpha, 1)
        phase = rig.now() + rig.times.renew * i / STALLS
        wait_for(lambda phase=phase: rig.now() >= phase, limit(rig), 'the phase')
        rig.target.pause()
        stall_end = rig.now() + rig.times.renew * 2 / 3
        wait_for(lambda end=stall_end: rig.now() >= end, limit(rig), 'the end of the stall')
        rig.target.wake()
    wait_rounds(rig, alpha, 3)
    status = alpha.status()
    need(status['epoch'] == epoch and status['mine'], 'ownership was lost')
    need(not rig.journal('stop') and len(rig.journal('run')) == 1, 'the service was stopped')
    note('%d stalls, longest round %.0f ms' % (STALLS, status['stats']['worst_round_us'] / 1000))


def long_stall(rig, note, parts):
    alpha, beta = both_up(rig)
    wait_rounds(rig, alpha, 2)
    service = rig.service_gone(alpha)
    at = rig.now()
    rig.target.pause()
    gone = service.wait(limit(rig)) - at
    need(gone <= rig.times.stopped, 'the service ran for %.0f ms of the stall, at most %.0f' % (gone, rig.times.stopped))
    wait_for(lambda: rig.now() >= at + parts * rig.times.renew, limit(rig), 'the end of the stall')
    need(len(rig.journal('run')) == 1, 'the service runs again, without a disk')
    status = alpha.status()
    need(not status['mine'] and status['health'] != 'healthy', 'the status says %s' % status['health'])
    need(alpha.find_line('lease over', at) is not None, 'no line says that the lease was over')
    up = rig.now()
    rig.target.wake()
    again = rig.wait_service('run', limit(rig), up)
    note('given up after %.0f ms, again after %.0f ms on %s' % (gone, again.at - up, again.node))
    need(again.at - up <= 2 * rig.times.takeover, 'taken up again only %.0f ms after the stall' % (again.at - up))
    rising(rig.journal('run'))
    need(not rig.overlaps(), 'two services ran at the same time')
    need(beta.status() is not None, 'beta answers no more')


@case('the target stalls for 8/3 of R: given up in time, taken up again when it answers')
def stall_of_8(rig, note):
    long_stall(rig, note, 8 / 3)


@case('the target stalls for 20/3 of R: given up in time, taken up again when it answers')
def stall_of_20(rig, note):
    long_stall(rig, note, 20 / 3)


@case('the target is killed and forgets everything: the owner takes its reservation back inside its lease', 1500)
def target_forgets(rig, note):
    alpha, beta = both_up(rig)
    wait_rounds(rig, alpha, 1)
    epoch = alpha.status()['epoch']
    at = rig.now()
    rig.target.kill()
    rig.target.start()
    up = rig.now()
    back = wait_for(lambda: rig.observer.holder_change(alpha, up), limit(rig), 'alpha holds again')
    wait_for(lambda: rig.now() > up + rig.times.wait, limit(rig), 'W to pass')
    status = alpha.status()
    need(status['mine'] and status['epoch'] == epoch, 'alpha lost its epoch')
    need(rig.observer.holder_change(beta, at) is None, 'beta took the disk')
    need(not rig.journal('stop'), 'the service was stopped')
    need(alpha.find_line('the target forgot our reservation', at) is not None, 'no line says so')
    note('target away for %.0f ms, held again %.0f ms later' % (up - at, back[1] - up))


@case('the target is killed and its owner, too: nobody takes the unreserved disk before W')
def target_and_owner_gone(rig, note):
    alpha, beta = both_up(rig)
    wait_rounds(rig, alpha, 1)
    alpha.power_off()
    rig.target.kill()
    before_start = rig.now()
    rig.target.start()
    taken = wait_for(lambda: rig.observer.holder_change(beta, before_start), limit(rig), 'beta holds')
    note('taken %.0f ms after the target was started' % (taken[1] - before_start))
    need(taken[1] - before_start >= rig.times.wait, 'beta reserved after %.0f ms' % (taken[1] - before_start))
    rig.wait_service('run', limit(rig), before_start, beta)
    rising(rig.journal('run'))


def through_proxies(rig):
    between = {n: proxy.Proxy(rig.target.port) for n in rig.nodes}
    for number, node in rig.nodes.items():
        node.configure(rig.target.url(port=between[number].port), header_digest='none')
    return between


@case('the connection is reset at each command of a round: ownership is kept', 600)
def resets_in_a_round(rig, note):
    between = through_proxies(rig)
    alpha, beta = both_up(rig)
    epoch = alpha.status()['epoch']
    caught = []
    for at in (1, 2, 3):
        for after in (False, True):
            wait_rounds(rig, alpha, 2)
            losses = alpha.status()['paths'][0]['losses']
            trap = proxy.Trap(lambda c: c.is_out(proxy.REGISTER), at, after)
            between[1].trap = trap
            wait_for(lambda t=trap: t.sprung, limit(rig), 'the reset')
            caught.append('%s %s' % ('after' if after else 'before', trap.sprung))
            wait_rounds(rig, alpha, 2)
            status = alpha.status()
            need(status['mine'] and status['epoch'] == epoch, 'reset %s: ownership was lost' % caught[-1])
            need(status['paths'][0]['losses'] == losses + 1, 'reset %s: the status counts no loss' % caught[-1])
    need(not rig.journal('stop') and len(rig.journal('run')) == 1, 'the service was stopped')
    need(beta.status()['stats']['strikes'] == 0, 'beta struck')
    note(', '.join(caught))


@case('the connection is reset at each command of a takeover: one owner within 2 T')
def resets_in_a_takeover(rig, note):
    between = through_proxies(rig)
    owner, other = both_up(rig)
    caught, took = [], []
    for after in (False, True):
        at = 0
        while True:
            at += 1
            wait_rounds(rig, owner, 1)
            trap = proxy.Trap(lambda c: c.is_out(proxy.REGISTER_AND_IGNORE), at, after)
            between[other.number].trap = trap
            dead, _ = owner.power_off()
            entry = rig.wait_service('run', limit(rig), dead)
            between[other.number].trap = None
            need(entry.node == other.name, 'the service runs on %s' % entry.node)
            begun = rig.now()
            owner.start()
            back_as_standby(rig, owner, begun)
            owner, other = other, owner
            if trap.sprung is None or any(c.operation == proxy.PR_OUT and c.action == proxy.REGISTER
                                          for c in [trap.sprung]) and at > 3:
                break  # the takeover has fewer commands, or its last round has come
            took.append(entry.at - dead)
            caught.append('%s %s' % ('after' if after else 'before', trap.sprung))
            need(took[-1] <= 2 * rig.times.takeover + GRACE_MS,
                 'reset %s: the service runs only %.0f ms after the death' % (caught[-1], took[-1]))
    note('%d resets, service after %.0f to %.0f ms' % (len(took), min(took), max(took)))
    rising(rig.journal('run'))
    need(not rig.overlaps(), 'two services ran at the same time')
    need(iscsi.key_node(rig.observer.now().key) == owner.number, 'another node holds')


@case('the judge of blocks finds an overwritten, a torn and a missing one')
def judge(rig, _):
    del rig

    def log(*runs):
        """Stamps of (epoch, sequence) in slots 0, 1, ..."""
        found = []
        for slot, (epoch, sequence) in enumerate(runs):
            sector = b'QDSTAMP1' + struct.pack('<QQQQI', epoch, sequence, slot, slot * 1000000, 1).ljust(500, b'\0')
            found.append(cluster.Stamp(slot, sector + struct.pack('<I', cluster.crc32c(sector))))
        return found
    good = [(64, 0), (64, 1), (129, 0), (129, 1)]
    need(not cluster.stamp_errors(log(*good)), 'a sound log is called unsound')
    need(cluster.stamp_errors(log((64, 0), (64, 1), (64, 2), (129, 1))), 'an overwritten block is not found')
    need(cluster.stamp_errors(log(*good, (64, 2))), 'an older epoch after a newer one is not found')
    need(cluster.stamp_errors(log(*good)[1:]), 'a missing block is not found')
    torn = log(*good)
    torn[2].whole = False
    need(cluster.stamp_errors(torn), 'a torn block is not found')
