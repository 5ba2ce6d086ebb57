# SPDX-License-Identifier: Apache-2.0
"""The disk alone decides: two nodes and an iSCSI target on this machine; a death, a return, a pause, a hand-over. Every
step says what happened and when (milliseconds of CLOCK_BOOTTIME since the story began), which bound held, and what READ
RESERVATION shows to an initiator that belongs to neither node."""

import re

import iscsi
import rig as cluster
from story import Story

GRACE_MS = 200  # over T: round trips, and starting the script
HAND_OVER_MS = 100
PAUSE_PARTS = 1.5  # the pause, in takeover times: 15 s of 10 s
LIMIT_PARTS = 4  # longest wait for anything, in takeover times


class Demo:
    def __init__(self, rig):
        self.rig, self.times = rig, rig.times
        self.alpha, self.beta = rig.nodes[1], rig.nodes[2]
        self.story = Story(rig)
        self.limit = LIMIT_PARTS * self.times.takeover + 5000
        self.epoch = 0
        self.eye = rig.target.connect('demo')
        self.observer = rig.observe(max(5, self.times.renew / 60))

    def reservation(self):
        at, seen = self.rig.now(), self.eye.reservation()
        self.story.tell('disk', 'READ RESERVATION: %s' % seen, at)
        return iscsi.key_node(seen.key)

    def service_begins(self, node, since):
        entry = self.rig.wait_service('run', self.limit, since, node)
        self.story.tell(node.name, 'the service runs here, epoch %d' % entry.epoch, entry.at)
        if entry.epoch <= self.epoch:
            self.story.hold('epoch %d is above %d' % (entry.epoch, self.epoch), False)
        self.epoch = entry.epoch
        return entry

    def ages(self, since, node):
        """Tell how the last beat ages until `node` holds; the change of holder."""
        told = 0
        last = self.observer.last_before(since)
        while True:
            change = self.observer.holder_change(node, since)
            if change:
                return last, change
            last = self.observer.last_before(self.rig.now())
            parts = int((self.rig.now() - last[1]) / self.times.renew)
            if parts > told:
                told = parts
                self.story.tell('disk', 'the beat %s is %.1f s old' % (iscsi.key_text(last[2].key),
                                                                       parts * self.times.renew / 1000))
            if self.rig.now() > since + self.limit:
                raise cluster.Unexpected('%s does not take the disk' % node.name)
            self.observer.ending.wait(cluster.LOOK_S)

    def strikes(self, node, since):
        last, change = self.ages(since, node)
        self.story.tell(node.name, 'struck it and holds: %s' % change[2], change[1])
        self.story.hold('the beat was at least %.0f ms old: %.1f ms' % (self.times.challenge, change[1] - last[0]),
                        change[1] - last[0] >= self.times.challenge)

    def one_owner(self, node):
        self.story.hold('%s holds the reservation' % node.name, self.reservation() == node.number)

    # ------------------------------------------------ the steps

    def begin(self):
        s = self.story
        s.step('alpha owns, and a small service runs')
        s.tell('demo', 'target on 127.0.0.1:%d, a disk of %d MiB in a file, formatted' % (self.rig.target.port,
                                                                                         cluster.LUN_MIB))
        self.reservation()
        at = self.rig.now()
        self.alpha.start()
        ready, _ = self.alpha.wait_line('path 0: ready', self.limit)
        s.tell('alpha', 'is up: %d processes. Unreserved is not ownerless: it waits %.0f ms'
               % (len(self.alpha.pids()), self.times.wait), ready)
        entry = self.service_begins(self.alpha, at)
        s.bound('first start to the service (T + 1.2 s)', entry.at - at, self.times.takeover + GRACE_MS + 1000)
        self.beta.start()
        ready, _ = self.beta.wait_line('path 0: ready', self.limit)
        s.tell('beta', 'is up: %d processes, standby' % len(self.beta.pids()), ready)
        beats = len(self.observer.changes)
        cluster.wait_for(lambda: len(self.observer.changes) >= beats + 2, self.limit, 'two beats')
        for _, seen, what in self.observer.changes[-2:]:
            s.tell('disk', 'a beat: %s' % what, seen)
        self.one_owner(self.alpha)

    def death(self):
        s = self.story
        s.step('alpha dies: SIGKILL of all its processes')
        at, count = self.alpha.power_off()
        s.tell('alpha', 'is dead: %d processes killed' % count, at)
        self.strikes(self.beta, at)
        entry = self.service_begins(self.beta, at)
        s.bound('death to the start of the service (T + %d ms)' % GRACE_MS, entry.at - at,
                self.times.takeover + GRACE_MS)
        self.one_owner(self.beta)

    def come_back(self):
        s = self.story
        s.step('alpha comes back as standby')
        at = self.rig.now()
        self.alpha.start()
        ready, _ = self.alpha.wait_line('path 0: ready', self.limit, at)
        incarnation = self.alpha.wait_line(r'incarnation (\d+)', self.limit, at)[1].group(1)
        s.tell('alpha', 'is up as incarnation %s' % incarnation, ready)
        cluster.wait_for(lambda: self.rig.now() > ready + 2 * self.times.renew, self.limit, 'two rounds')
        status = cluster.wait_for(self.alpha.status, self.limit, 'the status of alpha')
        s.tell('alpha', 'says: %s, owner %s' % (status['state'], (status['owner'] or {}).get('name')))
        s.hold('alpha is standby and leaves beta alone', status['state'] == 'standby' and
               not self.rig.journal('start', since=at) and not self.rig.journal('end', since=at))
        self.one_owner(self.beta)

    def pause(self):
        s = self.story
        length = PAUSE_PARTS * self.times.takeover
        s.step('beta is paused for %.1f s (%.1f x T): SIGSTOP of all its processes' % (length / 1000, PAUSE_PARTS))
        at, count = self.beta.pause()
        s.tell('beta', 'is paused: %d processes' % count, at)
        self.strikes(self.alpha, at)
        entry = self.service_begins(self.alpha, at)
        s.bound('pause to the start of the service (T + %d ms)' % GRACE_MS, entry.at - at,
                self.times.takeover + GRACE_MS)
        self.one_owner(self.alpha)
        cluster.wait_for(lambda: self.rig.now() >= at + length, self.limit, 'the end of the pause')
        self.wake()

    def wake(self):
        s = self.story
        at, gone = self.beta.wake_and_watch(self.limit)
        s.tell('beta', 'wakes', at)
        back, match = self.beta.wait_line(r'-> standby, incarnation (\d+)', self.limit, at)
        lines = [(t, '| ' + re.sub(r'^\S+Z quorumd |^<\d>', '', text)) for t, text in self.beta.lines
                 if at <= t <= back]
        for t, text in sorted(lines + [(gone, 'its service is gone')]):
            s.tell('beta', text[:112], t)
        words = [text for _, text in lines]
        stops = next((i for i, text in enumerate(words) if 'stop' in text), len(words))
        acts = next((i for i, text in enumerate(words) if re.search(
            'login|ready|-> (standby|taking|owner|retiring)|strike|reserve|start the', text)), len(words))
        s.hold('the stop came before anything else', stops < acts and gone < back)
        s.bound('waking to the end of the service', gone - at, GRACE_MS)
        status = cluster.wait_for(self.beta.status, self.limit, 'the status of beta')
        s.hold('beta is back as incarnation %s, %s' % (match.group(1), status['state']), status['state'] == 'standby')
        self.one_owner(self.alpha)

    def hand_over(self):
        s = self.story
        s.step('Planned hand-over back to beta')
        at = self.rig.now()
        s.tell('demo', 'asks alpha to hand over')
        answer = self.alpha.hand_over(self.beta)
        answered = self.rig.now()
        done = self.rig.wait_service('started', self.limit, at, self.beta)
        begun = self.rig.journal('stop', since=at, node=self.alpha)[0]
        ended = self.rig.journal('end', since=at, node=self.alpha)[0]
        own = cluster.scripts_own_ms(self.rig.journal(since=begun.at))
        s.tell('alpha', 'its service has ended', ended.at)
        s.tell('alpha', 'says: %s' % answer.get('reply', answer), answered)
        entry = self.service_begins(self.beta, at)
        s.bound('service down without the scripts\' own %.1f ms' % own, done.at - begun.at - own, HAND_OVER_MS)
        s.hold('stopped there before it started here', ended.at < entry.at)
        self.one_owner(self.beta)

    def end(self):
        s = self.story
        s.step('The end: both nodes are told to stop')
        self.alpha.terminate()
        s.tell('alpha', 'has ended')
        self.beta.terminate()
        s.tell('beta', 'has ended: service stopped, then the disk released')
        self.reservation()
        record = self.rig.record(self.eye, self.beta)
        s.tell('disk', 'the record of beta: %s, epoch %d' % record)
        s.hold('the newest epoch is released: nobody waits for a key that ages', record == ('released', self.epoch))
        found, errors = self.rig.stamps()
        epochs = list(dict.fromkeys(x.epoch for x in found))
        s.tell('disk', 'a writer on each owner\'s session left %d blocks, epochs %s' % (
            len(found), ', '.join(map(str, epochs))))
        for error in errors:
            s.tell('disk', error)
        s.hold('no block of an earlier owner after the strike, and none is missing', found and not errors)


def tell(renew_ms):
    with cluster.Rig(renew_ms, stamp_ms=20) as rig:
        t = rig.times
        demo = Demo(rig)
        print('Two nodes, one disk and no network between them: renew %d ms, challenge %d ms, takeover T %d ms. Times are '
              'ms since the story began.' % (t.renew, t.challenge, t.takeover))
        try:
            for step in (demo.begin, demo.death, demo.come_back, demo.pause, demo.hand_over, demo.end):
                step()
        except cluster.Unexpected as problem:
            demo.story.hold(str(problem), False)
            rig.tell_lines()
        print('\nThis took %.1f s.\n' % (rig.now() / 1000))
