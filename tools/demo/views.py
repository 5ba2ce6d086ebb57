# SPDX-License-Identifier: Apache-2.0
"""Votes decide: three nodes with two networks, each in its own network namespace, and a quorum disk. A cut network, an owner
that is cut off alone although it reaches the disk, its return, two deaths at once."""

import textwrap

import many
import rig as cluster
from story import Story

GRACE_MS = 300  # over what the times say: processes that start, and a machine that is busy
QUIET_PARTS = 2  # how long nothing may happen, in detection times


class Demo:
    def __init__(self, rig):
        self.rig, self.story = rig, Story(rig)
        self.owner = None
        self.detection = rig.plan.detection_ms()

    def ask(self, node, *words):
        """What an administrator reads."""
        _, said = node.ctl(*words)
        self.story.tell(node.name, '$ quorumctl ' + ' '.join(words))
        for line in said.splitlines():
            print(textwrap.fill(line, 130, initial_indent=' ' * 18, subsequent_indent=' ' * 27), flush=True)

    def others(self, *nodes):
        return [n for n in self.rig.nodes.values() if n not in nodes]

    def begin(self):
        s = self.story
        s.step('Three nodes, two networks, a quorum disk')
        self.owner = self.rig.up()
        for node in self.rig.nodes.values():
            at, epoch, members = node.views()[-1]
            s.tell(node.name, 'is in the view of epoch %d: nodes %s' % (epoch, members), at)
        self.rig.settle()
        s.tell(self.owner.name, 'runs the service')
        self.ask(self.owner, 'status')
        self.ask(self.owner, 'why')
        s.hold('the service runs once', self.rig.running() == [self.owner.name])

    def one_network(self):
        s, net = self.story, self.rig.networks
        s.step('One of the two networks is cut, silently')
        pairs = net.pairs(self.rig.among(self.rig.nodes), ['lan0'])
        net.cut(pairs)
        at = self.rig.fault('lan0 is cut')
        s.tell('demo', 'lan0 drops every packet', at)
        cluster.wait_for(lambda: self.rig.now() > at + QUIET_PARTS * self.detection, self.rig.limit(), 'some time')
        s.hold('no node proposes another view in %.0f ms' % (QUIET_PARTS * self.detection),
               all(n.find_line('propose epoch', at) is None for n in self.rig.nodes.values()))
        net.mend(pairs)
        s.tell('demo', 'lan0 is mended')

    def alone(self):
        s, was, epoch = self.story, self.owner, self.rig.journal('run')[-1].epoch
        s.step('%s is cut off from both networks. It still reaches the disk and holds it: one against two' % was.name)
        at = self.rig.isolate(was.number)
        s.tell('demo', 'both networks of %s drop every packet' % was.name, at)
        entry = self.rig.wait_service('run', self.rig.limit(), at)
        self.owner = next(n for n in self.rig.nodes.values() if n.name == entry.node)
        last = max(e.at for e in self.rig.journal('run', 'tick', 'end', node=was) if e.at >= at)
        s.tell(was.name, 'its service wrote for the last time', last)
        s.tell(self.owner.name, 'the service runs here, epoch %d' % entry.epoch, entry.at)
        s.hold('the two run it, under a higher epoch, and not before the one had stopped',
               self.owner is not was and entry.epoch > epoch and last < entry.at)
        s.bound('cut to the start of the service (detection + T + %d ms)' % GRACE_MS, entry.at - at,
                self.detection + self.rig.times.takeover + GRACE_MS)
        self.ask(was, 'why')

    def come_back(self):
        s = self.story
        s.step('The networks are mended')
        at = self.rig.mend_all()
        self.rig.wait_view(sorted(self.rig.nodes))
        s.tell('demo', 'all three are in one view again')
        s.hold('the service did not move', not self.rig.journal('run', since=at))
        self.rig.settle()

    def two_deaths(self):
        s, was = self.story, self.owner
        s.step('Two of the three die at once, the owner among them')
        left, other = self.others(was)
        at, _ = was.power_off()
        other.power_off()
        s.tell(was.name, 'is dead', at)
        s.tell(other.name, 'is dead')
        for node in self.others(left):
            heard, _ = left.wait_line('node %d is not heard' % node.number, self.rig.limit(), at)
        s.tell(left.name, 'hears nobody any more', heard)
        cluster.wait_for(lambda: not left.status()['quorum']['quorate'], self.rig.limit(), 'a node without quorum')
        self.ask(left, 'why')
        s.hold('the last one does not run the service', not self.rig.journal('run', since=at))
        s.step('One comes back')
        at = self.rig.now()
        was.start()
        entry = self.rig.wait_service('run', self.rig.limit(), at)
        s.tell(entry.node, 'the service runs here, epoch %d' % entry.epoch, entry.at)

    def end(self):
        s = self.story
        s.step('The end')
        for node in self.rig.nodes.values():
            if node.present() and node.pids():
                node.terminate()
        wrong = self.rig.judged()
        for what in wrong:
            s.tell('demo', what)
        s.hold('from all that the services wrote, and from the stamps on the disk: never two owners', not wrong)


def tell(renew_ms):
    plan = many.Plan(3, 'node_and_disk', networks=2, renew_ms=renew_ms, delay_ms=max(100, renew_ms // 15))
    with many.Many(plan) as rig:
        demo = Demo(rig)
        print('Three nodes that hear each other: dead after %.0f ms of silence (detection), renew %d ms, takeover T %d ms. Times '
              'are ms since the story began.' % (demo.detection, rig.times.renew, rig.times.takeover))
        try:
            for step in (demo.begin, demo.one_network, demo.alone, demo.come_back, demo.two_deaths, demo.end):
                step()
        except cluster.Unexpected as problem:
            demo.story.hold(str(problem), False)
            rig.tell_lines()
        print('\nThis took %.1f s.\n' % (rig.now() / 1000))
