# SPDX-License-Identifier: Apache-2.0
"""Random faults against a whole cluster, replayable by seed: which faults, on whom and when follow from the seed alone; what
the processes make of them does not, so a seed that failed is run several times. First faults for a while, then all is
mended and the service must run again: safety, then liveness."""

import random
import time

import many
import rig as cluster
from rig import Unexpected, wait_for

FAULTS_MS = 15000
GAP_MS = (100, 1400)  # between two faults
CHOICES = 6
NODES, WEIGHTS = (2, 3, 4, 5), (3, 4, 2, 2)


class Schedule:
    def __init__(self, seed, share=False):
        self.seed = seed
        r = self.random = random.Random(seed)
        model = r.choice(many.MODELS)
        self.plan = many.Plan(r.choices(NODES, WEIGHTS)[0], model, networks=r.choice((1, 2)), family=r.choice((4, 6)),
                              dynamic=r.random() < 0.75, renew_ms=600, delay_ms=100)
        if share:
            self.plan = many.Plan(self.plan.nodes, 'node_and_witness', networks=self.plan.networks, family=self.plan.family,
                                  dynamic=self.plan.dynamic, renew_ms=600, delay_ms=100, share=True)
        self.steps = list(self.draw())

    def draw(self):
        """(ms since the cluster was up, kinds of which the first that can be done is done, arguments)."""
        r, plan = self.random, self.plan
        kinds = {'kill': 4, 'start': 6, 'pause': 2, 'wake': 4, 'daemon': 1, 'isolate': 4, 'split': 3, 'one_way': 3,
                 'pair': 3, 'network': 2 * (plan.networks > 1), 'cable': 2, 'mend': 7, 'hand_over': 1, 'leave': 1}
        if plan.disk:
            kinds.update({'storage': 4, 'target_stall': 2, 'target_wake': 3, 'target_kill': 1, 'target_start': 3})
        if plan.witness:
            kinds.update({'far': 4, 'witness_kill': 2, 'witness_start': 4})
        if plan.witness and not plan.share:
            kinds.update({'witness_stall': 1, 'witness_wake': 3})
        at = 0
        while at < FAULTS_MS:
            yield (at, r.choices(list(kinds), list(kinds.values()), k=CHOICES), r.random(), r.random())
            at += r.uniform(*GAP_MS)

    def __str__(self):
        return 'seed %d: %s%s, %d faults' % (self.seed, self.plan, '' if self.plan.dynamic else ', votes fixed',
                                            len(self.steps))


class Player:
    """Does what a schedule says, as far as it can be done at that moment."""

    def __init__(self, rig):
        self.rig = rig
        self.cut = set()  # (network, from, to), and (network, node) of pulled cables
        self.stalled = set()
        self.counts = {}

    def pick(self, draw, nodes):
        return nodes[int(draw * len(nodes))] if nodes else None

    def alive(self):
        return [n for n in self.rig.nodes.values() if n.present()]

    def cut_pairs(self, pairs):
        new = [p for p in pairs if p not in self.cut]
        self.rig.networks.cut(new)
        self.cut.update(new)
        return bool(new)

    def play(self, kinds, a, b):
        for kind in kinds:
            if getattr(self, kind)(a, b):
                self.counts[kind] = self.counts.get(kind, 0) + 1
                return

    # ------------------------------------------------ machines

    def kill(self, a, _):
        node = self.pick(a, self.alive())
        return node and node.power_off()

    def start(self, a, _):
        node = self.pick(a, [n for n in self.rig.nodes.values() if not n.present()])
        if node is None:
            return False
        node.configure()
        node.start()
        return self.rig.fault(node.name + ' is started')

    def pause(self, a, _):
        node = self.pick(a, [n for n in self.alive() if not n.paused])
        if node is None:
            return False
        self.rig.fault(node.name + ' is paused')
        return node.pause()

    def wake(self, a, _):
        node = self.pick(a, [n for n in self.alive() if n.paused])
        if node is None:
            return False
        self.rig.fault(node.name + ' is woken')
        return node.wake()

    def daemon(self, a, _):
        """quorumd alone is killed; the machine is off when nothing of it runs any more, at the latest when it is started."""
        node = self.pick(a, [n for n in self.alive() if not n.paused and n.works()])
        if node is None:
            return False
        self.rig.fault(node.name + ' loses quorumd')
        return node.kill_daemon()

    def hand_over(self, a, b):
        node, to = self.rig.owner(), self.pick(a, list(self.rig.nodes.values()))
        if node is None or not node.present() or node.paused or node is to:
            return False
        self.rig.fault('%s is asked to hand over to %s' % (node.name, to.name))
        node.ask('handover', to.name)
        return True

    def leave(self, a, _):
        """As a shutdown of the machine; who waits for the end is the machine itself."""
        node = self.pick(a, [n for n in self.alive() if not n.paused and n.works()])
        if node is None:
            return False
        self.rig.fault(node.name + ' is stopped in order')
        many.machine.signal_all(node.pids()[:1], 15)
        return True

    # ------------------------------------------------ networks

    def isolate(self, a, _):
        name = self.pick(a, self.rig.among(self.rig.nodes))
        self.rig.fault(name + ' is cut off')
        return self.cut_pairs(self.rig.networks.pairs([name], self.rig.plan.lans(),
                                                      [n for n in self.rig.among(self.rig.nodes) if n != name]))

    def split(self, a, b):
        names = self.rig.among(self.rig.nodes)
        side = [n for i, n in enumerate(names) if int(a * 1024) >> i & 1] or names[:1]
        rest = [n for n in names if n not in side]
        self.rig.fault('split: %s from %s' % (' '.join(side), ' '.join(rest)))
        return bool(rest) and self.cut_pairs(self.rig.networks.pairs(side, self.rig.plan.lans(), rest))

    def one_way(self, a, b):
        pair = self.pick(a, self.rig.networks.pairs(self.rig.among(self.rig.nodes), self.rig.plan.lans()))
        self.rig.fault('%s: %s is not heard by %s' % pair)
        return self.cut_pairs([pair])

    def pair(self, a, _):
        _, one, other = self.pick(a, self.rig.networks.pairs(self.rig.among(self.rig.nodes), self.rig.plan.lans()))
        self.rig.fault('%s and %s are cut off from each other' % (one, other))
        return self.cut_pairs(self.rig.networks.pairs([one], self.rig.plan.lans(), [other]))

    def network(self, a, _):
        lan = self.pick(a, self.rig.plan.lans())
        self.rig.fault('%s is cut' % lan)
        return self.cut_pairs(self.rig.networks.pairs(self.rig.among(self.rig.nodes), [lan]))

    def cable(self, a, b):
        name, lan = self.pick(a, self.rig.among(self.rig.nodes)), self.pick(b, self.rig.plan.lans())
        self.rig.fault('%s: the cable of %s is pulled' % (lan, name))
        self.rig.networks.unplug(lan, name)
        self.cut.add((lan, name))
        return True

    def reach(self, a, b, network, far_end):
        """A node cannot reach the disk or the witness; sometimes it is only the answers that are lost."""
        name = self.pick(a, self.rig.among(self.rig.nodes))
        self.rig.fault('%s and %s are cut off from each other' % (name, far_end))
        pairs = [(network, name, far_end), (network, far_end, name)]
        return self.cut_pairs(pairs if b < 0.7 else pairs[1:])

    def storage(self, a, b):
        return self.reach(a, b, many.STORAGE, many.TARGET)

    def far(self, a, b):
        if self.rig.plan.share:
            node = self.pick(a, self.alive())
            if node is None or not node.lose_share():
                return False
            self.cut.add((many.FAR, node.name))
            return self.rig.fault(node.name + ' loses its mount of the share')
        return self.reach(a, b, many.FAR, many.WITNESS)

    def mend(self, *_):
        if not self.cut:
            return False
        return self.mend_networks()

    def mend_networks(self):
        self.cut.clear()
        return self.rig.mend_all()

    # ------------------------------------------------ the disk and the witness

    def stall(self, what, words):
        if what.process is None or what in self.stalled:
            return False
        what.pause()
        self.stalled.add(what)
        return self.rig.fault(words)

    def unstall(self, what, words):
        if what.process is None or what not in self.stalled:
            return False
        what.wake()
        self.stalled.discard(what)
        return self.rig.fault(words)

    def end(self, what, words):
        if what.process is None:
            return False
        what.kill()
        self.stalled.discard(what)
        return self.rig.fault(words)

    def begin(self, what, words):
        if what.process is not None:
            return False
        what.start()
        return self.rig.fault(words)

    def target_stall(self, *_):
        return self.stall(self.rig.target, 'the target stalls')

    def target_wake(self, *_):
        return self.unstall(self.rig.target, 'the target goes on')

    def target_kill(self, *_):
        return self.end(self.rig.target, 'the target is dead, and forgets')

    def target_start(self, *_):
        return self.begin(self.rig.target, 'the target is started')

    def witness_stall(self, *_):
        return self.stall(self.rig.witness, 'the witness stalls')

    def witness_wake(self, *_):
        return self.unstall(self.rig.witness, 'the witness goes on')

    def witness_kill(self, *_):
        return self.end(self.rig.witness, 'the witness is dead')

    def witness_start(self, *_):
        return self.begin(self.rig.witness, 'the witness is started')

    def mend_everything(self):
        self.mend_networks()
        self.mend_machines()
        for part in (self.rig.target, self.rig.witness):
            if part is not None and not self.unstall(part, 'it goes on'):
                self.begin(part, 'it is started')

    def switch_off(self, node):
        """A machine without quorumd, when everything else that quorumd started had the time to end, too; and the rig is
        the watchdog of those that have none."""
        if not node.present() or node.paused:
            return
        if node.must_be_reset():
            self.rig.fault(node.name + ' is reset by its watchdog')
            self.counts['reset'] = self.counts.get('reset', 0) + 1
            node.power_off()
        elif node.process.poll() is not None or node.headless():
            node.power_off()

    def mend_machines(self):
        """All are on and work, those that were about to end, too."""
        for node in self.rig.nodes.values():
            if node.present() and node.paused:
                node.wake()
            self.switch_off(node)
            if not node.present():
                node.configure()
                node.start()


def play(rig, schedule):
    player = Player(rig)
    rig.start_all()
    rig.wait_owner()
    began = rig.now()
    for at, kinds, a, b in schedule.steps:
        wait_for(lambda at=at: rig.now() >= began + at, at + 60000, 'the time of the next fault')
        for node in rig.nodes.values():
            player.switch_off(node)
        player.play(kinds, a, b)
    player.mend_everything()
    rig.fault('everything is mended')
    mended = rig.now()
    end = mended + 2 * rig.limit()
    wait_for(lambda: rig.now() > mended + rig.plan.detection_ms(), rig.limit(), 'everybody to hear of it')
    while not rig.calm():
        if rig.now() > end:
            raise Unexpected('%.0f ms after all was mended not all nodes are in one view with a service that runs'
                             % (rig.now() - mended))
        player.mend_machines()
        time.sleep(0.1)  # between two questions, not to wait
    return player.counts, rig.now() - mended


def run(seed, keep=False, share=False):
    """(what went wrong or None, line about it)."""
    schedule = Schedule(seed, share)
    rig = many.Many(schedule.plan)
    begun = cluster.boot_ms()
    try:
        with rig:
            rig.keep = keep
            counts, calm = play(rig, schedule)
            wrong = rig.judged()
            if wrong:
                raise Unexpected('\n'.join(wrong))
            rig.keep = False
    except Unexpected as problem:
        return str(problem), '%s; %.0f s' % (schedule, (cluster.boot_ms() - begun) / 1000)
    return None, '%s (%s); %d services, %d lines excused; calm after %.0f ms; %.0f s' % (
        schedule, ' '.join('%s %d' % c for c in sorted(counts.items())), len(rig.lives), rig.excused, calm,
        (cluster.boot_ms() - begun) / 1000)
