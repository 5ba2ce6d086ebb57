# SPDX-License-Identifier: Apache-2.0
"""Cases of clusters that hear each other: namespaces, real processes. Whatever a case does, at its end the judge looks at
all that the services wrote, and at the stamps on the disk."""

import os
import time

import many
from cases import need
from many import NAMES, Plan
from rig import wait_for

SPARE_MS = 300  # over the time to notice a death: the new view
FULL = os.environ.get('FULL') == '1'  # every plan, and more of what is random
DEATHS = 32 if FULL else 4
LOOK_S = 0.02
ALL = []


class NetworkCase:
    def __init__(self, sentence, plan, run):
        self.sentence, self.plan, self.function = sentence, plan, run
        self.notes = []

    def open(self, _):
        return many.Many(self.plan)

    def run(self, rig):
        self.function(rig, self.notes.append)

    @staticmethod
    def judge(rig):
        return rig.judged()


def case(sentence, *plans, always=1):
    """A test of each plan; the first `always` of them also without FULL=1."""
    def add(run):
        for plan in plans[:len(plans) if FULL else always]:
            ALL.append(NetworkCase('%s [%s]' % (sentence, plan), plan, run))
        return run
    return add


def others(rig, *nodes):
    return [i for i in rig.nodes if rig.nodes[i] not in nodes]


def quiet(rig, since, ms, look):
    """look() stays true until `ms` after since."""
    while rig.now() < since + ms:
        found = look()
        need(found, 'not for %.0f ms: %s' % (rig.now() - since, look.__doc__ or 'what was said'))
        time.sleep(LOOK_S)


def no_new_view(rig, since):
    for node in rig.nodes.values():
        found = node.find_line(r'propose epoch|is lost|-> (joining|preparing|promised)', since)
        need(found is None, '%s: %s' % (node.name, found and found[1].string))


def link(node, peer, number=0):
    status = node.status()
    need(status is not None, node.name + ' does not answer')
    return [n for n in status['nodes'] if n['id'] == peer.number][0]['links'][number]


def stop_after(rig, node, since):
    """When the service on `node` wrote for the last time, ms after since."""
    lines = [e.at for e in rig.journal('run', 'tick', 'end', node=node) if e.at >= since]
    return max(lines, default=since) - since


# ------------------------------------------------ a node dies

@case('a dead node is out of the view within detection + 300 ms, every time',
      Plan(3, delay_ms=100), Plan(5, delay_ms=100, networks=2, family=4))
def deaths(rig, note):
    rig.up()
    rig.settle()
    detection = next(iter(rig.nodes.values())).status()['view']['detection_ms']
    took, service, moved = [], [], 0
    for turn in range(DEATHS):
        owner = rig.wait_owner()
        victim = owner if turn % 2 == 0 else rig.nodes[others(rig, owner)[-1]]
        rest = others(rig, victim)
        at, _ = victim.power_off()
        rig.wait_view(rest)
        took += [min(t for t, _, members in rig.nodes[i].views(at) if members.split() == [str(r) for r in rest]) - at
                 for i in rest]
        if victim is owner:
            service.append(rig.wait_service('run', rig.limit(), at).at - at)
        rig.settle()
        before = len(rig.journal('run'))
        victim.start()
        rig.wait_view(sorted(rig.nodes))
        rig.settle()
        moved += len(rig.journal('run')) - before
    took.sort()
    note('detection %d ms; new view after %.0f / %.0f / %.0f / %.0f ms (least, median, 9 in 10, most of %d in %d deaths); '
         'service after %.0f to %.0f ms' % (detection, took[0], took[len(took) // 2], took[len(took) * 9 // 10], took[-1],
                                            len(took), DEATHS, min(service), max(service)))
    need(took[-1] <= detection + SPARE_MS, 'a view only after %.0f ms' % took[-1])
    need(max(service) <= detection + SPARE_MS + rig.times.takeover, 'service only after %.0f ms' % max(service))
    need(moved == 0, 'the service moved %d times because a node came back' % moved)


@case('a node that leaves in order: no wait for the dead, whoever it is', Plan(2), Plan(3), Plan(2, 'node_and_witness'),
      Plan(2, 'node_and_disk'), always=4)
def leaves(rig, note):
    owner = rig.up()
    rig.settle()
    at = rig.now()
    owner.terminate()
    entry = rig.wait_service('run', rig.limit(), at)
    gap = entry.at - at
    note('service after %.0f ms on %s' % (gap, entry.node))
    need(gap < rig.times.wait, 'it was waited for: %.0f ms' % gap)
    rig.wait_view(others(rig, owner))
    owner.start()
    rig.wait_view(sorted(rig.nodes))


# ------------------------------------------------ links

@case('one of two links is cut, silently, one way or by its cable: no view changes', Plan(3, networks=2),
      Plan(2, 'node_and_witness', networks=2, family=4))
def one_link(rig, note):
    rig.up()
    rig.settle()
    alpha, beta = rig.nodes[1], rig.nodes[2]
    net = rig.networks
    both = net.pairs([alpha.name], ['lan0'], [beta.name])
    everything = net.pairs(rig.among(rig.nodes), ['lan1'])
    since = rig.now()
    ways = (('silently', 0, lambda: net.cut(both), lambda: net.mend(both)),
            ('one way', 0, lambda: net.cut(both[:1]), lambda: net.mend(both[:1])),
            ('its cable', 0, lambda: net.unplug('lan0', alpha.name), lambda: net.plug('lan0', alpha.name)),
            ('a whole network', 1, lambda: net.cut(everything), lambda: net.mend(everything)))
    for what, number, cut, mend in ways:
        at = rig.fault('lan%d is cut: %s' % (number, what))
        cut()
        wait_for(lambda n=number: not link(beta, alpha, n)['up'] and not link(alpha, beta, n)['up'], rig.limit(),
                 'the link as down, ' + what)
        note('%s: down after %.0f ms' % (what, rig.now() - at))
        need(link(beta, alpha, 1 - number)['up'], 'the other link is down, too')
        mend()
        rig.fault('lan%d is mended' % number)
        wait_for(lambda n=number: link(beta, alpha, n)['up'] and link(alpha, beta, n)['up'], rig.limit(),
                 'the link as up, ' + what)
    no_new_view(rig, since)
    need(len(rig.journal('run')) == 1 and not rig.journal('stop', since=since), 'the service was stopped')


def lose_exchanges(rig, count):
    """Lose so many exchanges in a row on the link between the first two nodes, no more and no less: an exchange counts as
    missed when the next one begins, so at `count - 1` the last of them has begun and lost its packets. Packets lost."""
    alpha, beta = rig.nodes[1], rig.nodes[2]  # the lower id begins the exchanges
    pairs = rig.networks.pairs([alpha.name], ['lan0'], [beta.name])
    swallowed, missed_before = rig.networks.lost(), link(alpha, beta)['lost']
    done = link(alpha, beta)['exchanges']
    wait_for(lambda: link(alpha, beta)['exchanges'] > done, rig.limit(), 'an exchange')
    rig.networks.cut(pairs)
    wait_for(lambda: link(alpha, beta)['missed'] == count - 1, rig.limit(), 'missed exchanges')
    rig.networks.mend(pairs)
    lost = rig.networks.lost() - swallowed
    done = link(alpha, beta)['exchanges']
    wait_for(lambda: link(alpha, beta)['exchanges'] > done + 2, rig.limit(), 'more exchanges')
    all_missed = link(alpha, beta)['lost'] - missed_before
    need(all_missed == count, '%d exchanges were missed, not %d' % (all_missed, count))
    return lost


@case('four missed exchanges in a row: the link stays up; five: it is down', Plan(3, delay_ms=500, renew_ms=3000))
def missed(rig, note):
    rig.up()
    alpha, beta = rig.nodes[1], rig.nodes[2]
    since = rig.now()
    lost = lose_exchanges(rig, 4)
    no_new_view(rig, since)
    need(all(n.find_line('not heard', since) is None for n in rig.nodes.values()), 'four missed: not heard any more')
    note('four missed (%d packets lost): up' % lost)
    since = rig.now()
    lost = lose_exchanges(rig, 5)
    for node, peer in ((alpha, beta), (beta, alpha)):
        node.wait_line('node %d is not heard' % peer.number, rig.limit(), since)
    note('five missed (%d packets lost): down' % lost)


# ------------------------------------------------ outcomes of the reference

@case('outcome a: all networks are cut and the owner lives: it stays, the others stop and wait, and rejoin',
      Plan(2, 'node_and_disk', networks=2), Plan(2, 'node_and_witness'), Plan(3, 'disk_only', family=4))
def outcome_a(rig, note):
    owner = rig.up()
    rig.settle()
    at = rig.cut_all_lans()
    for i in others(rig, owner):
        rig.nodes[i].wait_line(r'not heard', rig.limit(), at)
    wait_for(lambda: rig.in_view(owner, [owner.number]), rig.limit(), 'the owner alone in its view')

    def owner_stays():
        """the owner alone runs the service"""
        return [e.node for e in rig.journal('tick', since=rig.now() - many.FRESH_MS)][-1:] == [owner.name]
    quiet(rig, at, rig.plan.detection_ms() + 2 * rig.times.takeover, owner_stays)
    need(len(rig.journal('run')) == 1 and not rig.journal('stop', since=at), 'the service was stopped')
    for i in others(rig, owner):
        status = rig.nodes[i].status()
        need(not status['mine'] and not status['quorum']['quorate'], '%s: %s' % (NAMES[i], status['view']))
    rig.mend_all()
    mended = rig.now()
    rig.wait_view(sorted(rig.nodes))
    need(len(rig.journal('run')) == 1, 'the service moved')
    note('together again %.0f ms after the mending' % (rig.now() - mended))


@case('outcome b: all networks are cut and the owner dies: another one takes over',
      Plan(2, 'node_and_witness', share=True), Plan(2, 'node_and_disk', networks=2), Plan(2, 'node_and_witness'),
      Plan(3, 'disk_only', family=4))
def outcome_b(rig, note):
    owner = rig.up()
    rig.settle()
    rig.cut_all_lans()
    at, _ = owner.power_off()
    entry = rig.wait_service('run', rig.limit(), at)
    need(entry.node != owner.name, 'the dead runs')
    note('service after %.0f ms' % (entry.at - at))
    rig.mend_all()
    owner.start()
    rig.wait_view(sorted(rig.nodes))
    need(len(rig.journal('run')) == 2, 'the service moved again')


@case('outcome c: all networks are cut and the disk is gone: everybody stops; with the disk back, one goes on',
      Plan(2, 'node_and_disk', networks=2), Plan(3, 'disk_only', family=4))
def outcome_c(rig, note):
    owner = rig.up()
    rig.settle()
    at = rig.cut_all_lans()
    rig.target.kill()
    rig.fault('the target is dead')
    wait_for(lambda: not rig.running(), rig.limit(), 'nobody runs')
    ran = stop_after(rig, owner, at)
    need(ran <= rig.times.stopped + rig.plan.detection_ms(), 'it ran for %.0f ms' % ran)

    def nobody():
        """nobody runs the service"""
        return not rig.running()
    quiet(rig, rig.now(), 2 * rig.times.takeover, nobody)
    rig.target.start()
    back = rig.now()
    entry = rig.wait_service('run', 2 * rig.limit(), back)
    note('ran for %.0f ms; again %.0f ms after the disk was back' % (ran, entry.at - back))


@case('the owner alone against two, all three reach the disk: the two run, and the owner has stopped before',
      Plan(3, 'node_and_disk'), Plan(3, 'node_and_witness', networks=2), Plan(4, 'node_and_disk', dynamic=False), always=3)
def alone_against_two(rig, note):
    owner = rig.up()
    rig.settle()
    rest = others(rig, owner)
    at = rig.isolate(owner.number)
    entry = rig.wait_service('run', rig.limit(), at)
    need(entry.node != owner.name, 'it runs again on the one alone')
    ran = stop_after(rig, owner, at)
    note('owner stopped after %.0f ms, service on %s after %.0f ms' % (ran, entry.node, entry.at - at))
    need(ran < entry.at - at, 'both ran')
    need(ran <= rig.times.stopped, 'it ran for %.0f ms' % ran)
    need(not owner.find_line('-> taking', at), 'the one alone took the disk that it had given up')
    rig.wait_view(rest)
    rig.mend_all()
    rig.wait_view(sorted(rig.nodes))


@case('a side with half of the nodes and the holder goes on, the other stops', Plan(4, 'node_and_witness'),
      Plan(4, 'node_and_disk', networks=2), Plan(4, family=4))
def halves(rig, note):
    owner = rig.up()
    rig.settle()
    mate = others(rig, owner)[0]
    at = rig.split([owner.number, mate])
    rig.wait_view(sorted([owner.number, mate]))
    left = [i for i in rig.nodes if i not in (owner.number, mate)]

    def owner_stays():
        """the owner's side runs the service"""
        return rig.running() == [owner.name]
    wait_for(lambda: all(not rig.nodes[i].status()['quorum']['quorate'] for i in left), rig.limit(),
             'the other half without quorum')
    quiet(rig, rig.now(), rig.times.takeover, owner_stays)
    need(len(rig.journal('run')) == 1, 'the service was stopped')
    rig.mend_all()
    rig.wait_view(sorted(rig.nodes))
    note('together again %.0f ms after the cut' % (rig.now() - at))


@case('a line A-B-C, where A and C do not hear each other: one view of two, once', Plan(3, networks=2))
def line(rig, note):
    rig.up()
    rig.settle()
    a, c = rig.nodes[1], rig.nodes[3]
    pairs = rig.networks.pairs([a.name], rig.plan.lans(), [c.name])
    rig.networks.cut(pairs)
    at = rig.fault('alpha and gamma are cut off from each other')
    a.wait_line('node 3 is not heard', rig.limit(), at)
    c.wait_line('node 1 is not heard', rig.limit(), at)
    wait_for(lambda: any(all(rig.in_view(rig.nodes[i], pair) for i in pair) for pair in ([1, 2], [2, 3])), rig.limit(),
             'a view of two')
    wait_for(lambda: rig.running() and len(rig.running()) == 1, rig.limit(), 'one service')
    first = rig.now()
    count = {n.name: len(n.views(at)) for n in rig.nodes.values()}

    def settled():
        """no further view"""
        return all(len(n.views(at)) == count[n.name] for n in rig.nodes.values())
    quiet(rig, first, 3 * rig.plan.detection_ms() + rig.times.takeover, settled)
    need(max(count.values()) == 1, 'views: %s' % count)
    note('view after %.0f ms' % (min(v[0] for n in rig.nodes.values() for v in n.views(at)) - at))
    rig.networks.mend(pairs)
    rig.wait_view(sorted(rig.nodes))


@case('a node that is heard but hears nobody is out; the others go on', Plan(3, networks=2, family=4))
def deaf(rig, note):
    owner = rig.up()
    rig.settle()
    pairs = [p for p in rig.networks.pairs([owner.name], rig.plan.lans(), rig.among(others(rig, owner)))
             if p[2] == owner.name]
    rig.networks.cut(pairs)
    at = rig.fault(owner.name + ' hears nobody')
    entry = rig.wait_service('run', rig.limit(), at)
    need(entry.node != owner.name, 'the deaf node runs it')
    rig.wait_view(others(rig, owner))
    note('owner stopped after %.0f ms, service on %s after %.0f ms' % (stop_after(rig, owner, at), entry.node,
                                                                       entry.at - at))
    rig.networks.mend(pairs)
    rig.wait_view(sorted(rig.nodes))


# ------------------------------------------------ the disk or the witness alone

@case('the owner loses the storage only: nothing stops where nodes have the majority; another takes over where the disk '
      'alone counts', Plan(3, 'node_and_disk'), Plan(3, 'disk_only'), always=2)
def storage(rig, note):
    owner = rig.up()
    rig.settle()
    at = rig.isolate(owner.number, lans=False, storage=True)
    if rig.plan.model == 'disk_only':
        entry = rig.wait_service('run', rig.limit(), at)
        ran = stop_after(rig, owner, at)
        note('owner stopped after %.0f ms, service on %s after %.0f ms' % (ran, entry.node, entry.at - at))
        need(entry.node != owner.name and ran < entry.at - at, 'both ran')
    else:
        def stays():
            """one service runs"""
            return len(rig.running()) == 1
        quiet(rig, at, 2 * rig.times.takeover + rig.plan.detection_ms(), stays)
        need(len(rig.journal('run')) == 1, 'the service was stopped')
        note('nothing was stopped')
    rig.mend_all()
    rig.wait_view(sorted(rig.nodes))


@case('the witness dies and comes back: nothing stops; then a node may die', Plan(2, 'node_and_witness', share=True),
      Plan(2, 'node_and_witness'), Plan(4, 'node_and_witness', networks=2, family=4))
def witness_dies(rig, note):
    owner = rig.up()
    rig.settle()
    at = rig.witness.kill()
    rig.fault('the witness is dead')

    def stays():
        """the owner runs the service"""
        return rig.running() == [owner.name]
    quiet(rig, at, 3 * rig.times.takeover, stays)
    rig.witness.start()
    back = rig.fault('the witness is back')
    rig.settle()
    note('it votes again after %.0f ms' % (rig.now() - back))
    dead, _ = owner.power_off()
    entry = rig.wait_service('run', rig.limit(), dead)
    note('service after %.0f ms' % (entry.at - dead))


@case('the owner is paused: another takes over; waking, it stops first and joins again', Plan(3),
      Plan(2, 'node_and_witness'), Plan(3, 'node_and_disk'))
def paused(rig, note):
    owner = rig.up()
    rig.settle()
    at, _ = owner.pause()
    rig.fault(owner.name + ' is paused')
    entry = rig.wait_service('run', rig.limit(), at)
    need(entry.node != owner.name, 'the paused one runs it')
    woke, gone = owner.wake_and_watch(rig.limit())
    note('service after %.0f ms; after waking the old one was gone in %.0f ms' % (entry.at - at, gone - woke))
    need(gone - woke < many.judge.AWAKE_MS, 'the service ran on for %.0f ms after waking' % (gone - woke))
    rig.wait_view(sorted(rig.nodes))


@case('quorumd alone is killed: its service ends before another begins', Plan(3), Plan(2, 'node_and_disk'))
def daemon_dies(rig, note):
    owner = rig.up()
    rig.settle()
    at = owner.kill_daemon()
    entry = rig.wait_service('run', rig.limit(), at)
    need(entry.node != owner.name, 'it runs again without quorumd')
    note('old service gone after %.0f ms, new one after %.0f ms' % (stop_after(rig, owner, at), entry.at - at))
    owner.power_off()
    owner.start()
    rig.wait_view(sorted(rig.nodes))


# ------------------------------------------------ operators

# Each model to each other one: a closed walk that takes every step once.
UNDER_WAY = ('promised', 'preparing', 'getting-extra', 'installing')
WALK = [many.MODELS[i] for i in (1, 0, 2, 0, 3, 1, 2, 1, 3, 2, 3, 0)]


@case('the model is changed to and from every other one while the service runs: quorate all the time',
      Plan(3, disk=True, witness=True))
def models(rig, note):
    owner = rig.up()
    rig.settle()
    since = rig.now()
    took = []
    for model in WALK:
        begun = rig.now()
        code, said = owner.ctl('quorum', 'set', '--model', model, '--yes')
        need(code == 0, 'to %s: exit status %d: %s' % (model, code, said))
        took.append(rig.now() - begun)

        def everywhere(model=model):
            known = [n.status() for n in rig.nodes.values()]
            for k in known:
                # The next view of the same nodes is made under the right of this one.
                need(k['quorum']['quorate'] or k['view']['state'] in UNDER_WAY, 'not quorate on the way to %s: %s' % (model, k))
            return all(k['quorum']['quorate'] and k['quorum']['model'] == model and not k['quorum']['changing'] for k in known)
        wait_for(everywhere, rig.limit(), model + ' on every node')
        wait_for(lambda: rig.settled(), rig.limit(), 'votes that follow, with ' + model)
    for node in rig.nodes.values():
        found = node.find_line('is lost|stop everything|stop the group', since)
        need(found is None, '%s: %s' % (node.name, found and found[1].string))
    need(len(rig.journal('run')) == 1, 'the service was started again')
    note('%d changes, %.0f to %.0f ms each' % (len(took), min(took), max(took)))
    at, _ = owner.power_off()
    rig.wait_service('run', rig.limit(), at)


@case('a change that would lose the quorum, or that cannot be, is refused, and the cluster keeps what it had',
      Plan(3, dynamic=False))
def refused(rig, note):
    owner = rig.up()
    rig.settle()
    gone = rig.nodes[others(rig, owner)[-1]]
    gone.power_off()
    rig.wait_view(others(rig, gone))
    before = owner.status()['view']['configuration']
    for words, what in ((('quorum', 'set', '--weight', '%s=15' % gone.name), 'the dead node as majority'),
                        (('quorum', 'set', '--model', 'node_and_disk'), 'a disk that is not there'),
                        (('quorum', 'set', '--model', 'node_and_witness'), 'a witness that is not there')):
        code, said = owner.ctl(*words, '--yes')
        need(code in (77, 78), '%s: exit status %d: %s' % (what, code, said))
        note('%s: %d "%s"' % (what, code, said.splitlines()[-1][:120]))
    after = owner.status()
    need(after['view']['configuration']['version'] <= before['version'] + 2 and after['quorum']['quorate'], 'it changed')
    need(rig.running() == [owner.name] and len(rig.journal('run')) == 1, 'the service was disturbed')


@case('a node that hears the others but can fetch no configuration is out of the view until it can', Plan(3))
def no_text(rig, note):
    owner = rig.up()
    rig.settle()
    closed = rig.nodes[others(rig, owner)[-1]]
    space, since = rig.networks.spaces[closed.name], rig.now()
    space.nft('table inet closed {', 'chain out { type filter hook output priority 0;', 'meta l4proto tcp drop; }', '}')
    code, said = owner.ctl('quorum', 'set', '--weight', '%s=2' % owner.name, '--yes')
    # Who asked may be told that it is not known: a new view was made meanwhile.
    note('the change: exit status %d after %.0f ms' % (code, rig.now() - since))
    told = wait_for(lambda: closed.find_line('cannot be fetched from node %d over any network' % owner.number, since),
                    rig.limit(), 'a word of it')
    note('said: %s' % told[1].string)

    def done(*numbers):
        known = [rig.nodes[i].status() for i in numbers]
        return all(k['quorum']['quorate'] and not k['quorum']['changing'] and
                   {n['id']: n['weight'] for n in k['nodes']}[owner.number] == 2 for k in known)
    wait_for(lambda: done(*others(rig, closed)), rig.limit(), 'the change on the two others: %s' % said)
    need(not done(closed.number), 'it has what it could not fetch')
    need(rig.running() == [owner.name] and len(rig.journal('run')) == 1, 'the service was disturbed')
    space.nft('delete table inet closed')
    wait_for(lambda: done(*rig.nodes), rig.limit(), 'the change on all three')
    rig.wait_view(list(rig.nodes))
    need(len(rig.journal('run')) == 1, 'the service was disturbed')


# ------------------------------------------------ bad input

def stranger(rig, node, verdict):
    """A node that is refused: the others go on undisturbed, count its packets, and say little."""
    rest = others(rig, node)
    rig.start_all(rest)
    rig.wait_view(rest)
    rig.wait_owner()
    lines = {i: len(rig.nodes[i].lines) for i in rest}
    began = rig.now()
    node.start()
    wait_for(lambda: any(rig.nodes[i].status()['packets'][verdict] >= 20 for i in rest), rig.limit(),
             'twenty packets counted as "%s", but %s' % (verdict, rig.nodes[rest[0]].status()['packets']))
    wait_for(lambda: rig.now() > began + rig.plan.detection_ms() + rig.times.takeover, rig.limit(), 'time to be let in')
    need(all(not v for v in [node.views()]), '%s was let in' % node.name)
    more = {i: len(rig.nodes[i].lines) - lines[i] for i in rest}
    need(max(more.values()) <= 12, 'lines in the log meanwhile: %s' % more)
    need(len(rig.journal('run')) == 1, 'the service was disturbed')
    return rig.nodes[rest[0]].status()['packets']


@case('a node with the cluster\'s id and another key: not heard, counted, and nothing is disturbed', Plan(3))
def wrong_key(rig, note):
    alpha = rig.nodes[1]  # the lowest id begins every exchange
    alpha.key = alpha.folder + '/key'
    many.shutil.copy(rig.key, alpha.key)
    for step in ('--add', '--use', '--retire'):
        done = many.subprocess.run([many.cluster.program('quorumctl'), 'keygen', step, alpha.key],
                                   stdin=many.subprocess.DEVNULL, capture_output=True, text=True, check=False)
        need(done.returncode == 0, 'keygen %s: %s' % (step, done.stderr))
    alpha.configure()
    note('counted: %s' % stranger(rig, alpha, 'key'))


@case('a node of another cluster at a node\'s address: not heard, counted, and nothing is disturbed', Plan(3))
def wrong_cluster(rig, note):
    alpha = rig.nodes[1]  # the lowest id begins every exchange
    alpha.key = alpha.folder + '/key'
    rig.keygen(alpha.key)
    alpha.create()
    note('counted: %s' % stranger(rig, alpha, 'cluster'))


@case('another machine with a node\'s id and the right key: the cluster goes on', Plan(4), Plan(4, 'node_and_disk'))
def same_id(rig, note):
    """The fourth machine says that it is the first, from its own address."""
    false = rig.nodes.pop(4)
    rig.plan.nodes = 3
    for node in rig.nodes.values():
        node.create()
    owner = rig.up()
    rig.settle()
    since = rig.now()
    text = false.text(id_of=1).replace(rig.networks.address('lan0', 'alpha'), rig.networks.address('lan0', 'delta'))
    false.create(text.replace(rig.folder + '/service', false.folder + '/service'))  # the name leads to alpha's
    rig.nodes[4] = false  # so that it is ended, and its log is seen
    false.start()
    wait_for(lambda: rig.now() > since + 2 * (rig.plan.detection_ms() + rig.times.takeover), 60000, 'time to disturb')
    need(rig.running() == [owner.name] and len(rig.journal('run')) == 1, 'the service was disturbed: %s' % rig.running())
    need(owner.status()['quorum']['quorate'] and owner.status()['view']['members'] == [1, 2, 3], 'the view was disturbed')
    views = [len(rig.nodes[i].views(since)) for i in (1, 2, 3)]
    need(max(views) == 0, 'views meanwhile: %s' % views)
    need(not false.views(), 'it was let in')
    told = [m.string for n in rig.nodes.values() for _, m in n.all_lines('another machine', since)]
    note('said: %s' % (told[:2] or 'nothing'))


@case('a node whose clocks are 12 days ahead, and one 12 days behind: no clocks are compared', Plan(3))
def clocks(rig, note):
    """The third's monotonic clocks are ahead of the others', so for it they are behind."""
    gamma = rig.nodes[3]
    gamma.clock_ahead_s = 12 * 86400
    rig.start_all([1, 2])
    rig.wait_view([1, 2])
    owner = rig.wait_owner()
    gamma.start()
    rig.wait_view([1, 2, 3])
    rig.settle()
    at, _ = owner.power_off()
    wait_for(lambda: any(n.find_line('start the group', at) for n in rig.nodes.values() if n is not owner), rig.limit(),
             'a start')
    rig.wait_view(others(rig, owner))
    started = [n.find_line('start the group', at)[0] - at for n in rig.nodes.values()
               if n is not owner and n.find_line('start the group', at)]
    note('the group is started after %.0f ms' % started[0])
    need(len(started) == 1 and started[0] <= rig.plan.detection_ms() + SPARE_MS + rig.times.takeover, 'too late, or twice')
    gamma.power_off()
