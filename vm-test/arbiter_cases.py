# SPDX-License-Identifier: Apache-2.0
"""The cases of vm-test/arbiter.py. Each brings target and nodes into the state that it needs; after each the stamps that
a writer on the owner's own session left on the LUN are judged. Times: the target runs in an emulated processor, and
what is started, answered or seen through it may be late by NOISE_MS; that is added to every bound but those of the node
itself."""

import cases as whole
import iscsi
import rig as cluster
import voters
from rig import Unexpected, wait_for

NOISE_MS = 500
OBSERVE_MS = 20
SHORT_MS = 1000  # T 3.3 s: a lease that is over before the target has booted again
PATHS_MS = 3000  # as without configuration: a path is left after 1 s of silence
LONG_MS = 8000  # at least: an owner begins to stop 2 R after its last good round began
BOOTS_OF_A_LEASE = 1.5  # so many times the first boot of the target must fit into that, and a log-in
PAUSES = 2
HAND_OVERS = 4
OLDER_THAN_A_COMMIT_MS = 6000  # of the state folder's journal: what was so long ago is there after a power cut
CONFLICT = 0x18  # SCSI status
LAST_SECTOR = 131071  # of the LUN, far behind all stamps
NODES = ('1.0', '1.1', '2.0', '2.1', 'observer', 'first', 'reader', 'probe')  # who is let in by explicit ACLs
ALL = []


class Case:
    def __init__(self, sentence, run, always):
        self.sentence, self.run, self.always = sentence, run, always


def case(sentence, always=False):
    def add(run):
        ALL.append(Case(sentence, run, always))
        return run
    return add


# ------------------------------------------------ target and nodes as a case needs them

def limit(rig):
    return 4 * rig.times.takeover + 20000


def as_wanted(rig):
    """(owner, other) when one node owns with its service online and the other stands by; else None."""
    status = {n: node.status() or {} for n, node in rig.nodes.items()}
    for owner, other in ((1, 2), (2, 1)):
        if status[owner].get('mine') and status[owner].get('online') and status[other].get('state') == 'standby':
            return rig.nodes[owner], rig.nodes[other]
    return None


def boot(rig, state):
    at = rig.now()
    mount, *acls = state.split()
    rig.target.boot(mount, NODES if acls else ())
    rig.target.wait_answer()
    rig.boots.append(rig.now() - at)


def long_renew(rig):
    """For a lease that outlives the target's boot here and now, in whole seconds."""
    return max(LONG_MS, round((BOOTS_OF_A_LEASE * max(rig.boots) + 4000) / 2, -3))


def two_up(rig, renew_ms, paths=1, state='sync'):
    """(owner, other): both run with these times and paths, one owns; the target's state folder is mounted so."""
    wanted = (renew_ms, paths, state)
    if rig.wanted != wanted or not rig.target.up or not as_they_are(rig):
        rig.end_nodes()
        if rig.state != state:
            rig.target.down()
        rig.state, rig.wanted = state, wanted
        if not rig.target.up:
            boot(rig, state)
        rig.set_up(renew_ms, paths)
        since = rig.now()
        for node in rig.nodes.values():
            node.start()
            node.wait_line('path %d: ready' % (paths - 1), limit(rig), since)
    return settled(rig)


def as_they_are(rig):
    """Whether nodes and target go on from the last case: there is an owner and a standby, or will be soon."""
    if any(node.process is None or node.paused for node in rig.nodes.values()):
        return False
    try:
        return settled(rig, 2 * rig.times.takeover + 2000)
    except Unexpected:
        return False


def settled(rig, limit_ms=None):
    return wait_for(lambda: as_wanted(rig), limit_ms or limit(rig), 'an owner and a standby')


def pass_time(rig, until, what):
    wait_for(lambda: rig.now() >= until, limit(rig) + max(0, until - rig.now()), what)


def one_service(rig, results, since, wakings=()):
    """Epochs rise, and no service ran while that of a later epoch did, but while a paused one was waking."""
    epochs = [e.epoch for e in rig.journal('run')]
    beside = [e for e in rig.overlaps() if e.at >= since and not any(a <= e.at <= b for a, b in wakings)]
    for e in beside:
        results.tell('%.1f: the service of epoch %d still runs on %s' % (e.at, e.epoch, e.node))
    results.hold('never two services at once, epochs rise: %s'
                 % ', '.join('%s %d' % (e.node, e.epoch) for e in rig.journal('run', since=since)),
                 not beside and epochs == sorted(set(epochs)))


def show(results, what, reservation):
    results.tell('READ RESERVATION %s: %s' % (what, reservation))


# ------------------------------------------------ the nodes

@case('format and check: LIO gives every protection; two nodes up', always=True)
def begin(rig, results):
    rig.state = 'sync'
    boot(rig, rig.state)
    rig.observe(OBSERVE_MS)
    status, text = rig.target.quorumctl('format', '--cluster', cluster.CLUSTER)
    results.hold('quorumctl disk format: %s' % text.strip(), status == 0)
    status, text = rig.target.quorumctl('check')
    results.tell(text)
    check = rig.target.document('check')
    results.hold('disk check: APTPL, PREEMPT AND ABORT and READ FULL STATUS are there, nothing is missing',
                 status == 0 and check['aptpl'].startswith('accepted') and check['preempt_and_abort'] == 'works' and
                 check['read_full_status'] == 'supported' and not check['missing_protections'])
    owner, other = two_up(rig, SHORT_MS)
    _, text = rig.target.quorumctl('show')
    results.tell(text)
    seen = rig.target.document('show')
    shown = owner.status()
    results.hold('%s owns under epoch %d, its service runs; %s stands by' % (owner.name, shown['epoch'], other.name),
                 shown['group']['state'] == 'online' and len(rig.journal('run')) == 1)
    key = int(seen['reservation']['holder'].split()[0], 16)
    results.hold('disk show: the reservation is %s' % iscsi.key_text(key), iscsi.key_node(key) == owner.number)
    holders = [s for s in seen['full_status'] if s.get('holder')]
    results.hold('disk show: READ FULL STATUS names its port: %s' % ', '.join(s['initiator'] for s in holders),
                 len(holders) == 1 and ':%d.0,i,' % owner.number in holders[0]['initiator'])
    says_that_it_fences(results, owner)


def says_that_it_fences(results, node):
    status = node.status()
    codes = [w['code'] for w in status['warnings']]
    results.hold('the status of %s: aptpl %s, preempt_and_abort %s, warnings: %s'
                 % (node.name, status['disk']['aptpl'], status['disk']['preempt_and_abort'], ', '.join(codes) or 'none'),
                 status['disk']['aptpl'] and status['disk']['preempt_and_abort'] and
                 not {'no-aptpl', 'no-abort'} & set(codes))


@case('the owner is killed')
def killed(rig, results):
    owner, other = two_up(rig, SHORT_MS)
    whole.wait_rounds(rig, owner, 1)
    at, count = owner.power_off()
    entry = rig.wait_service('run', limit(rig), at, other)
    change = rig.observer.holder_change(other, at)
    results.tell('%d processes of %s killed; %s held the disk after %.0f ms'
                 % (count, owner.name, other.name, change[1] - at if change else -1))
    results.bound('the service starts on %s, T + noise' % other.name, entry.at - at, rig.times.takeover + NOISE_MS)
    wait_for(lambda: (other.status() or {}).get('online'), limit(rig), '%s online' % other.name)
    says_that_it_fences(results, other)
    begun = rig.now()
    owner.start()
    whole.back_as_standby(rig, owner, begun)
    results.hold('%s comes back as standby' % owner.name, other.status()['mine'])
    one_service(rig, results, at)


@case('the owner is paused for 1.5 T and wakes')
def paused(rig, results):
    begun, writers, wakings = rig.now(), [], []
    for _ in range(PAUSES):
        owner, other = two_up(rig, SHORT_MS)
        whole.wait_rounds(rig, owner, 1)
        wakings.append(pause_once(rig, results, owner, other))
        writers.append(owner)
    # The counter is told when an ownership ends: everybody gets one more.
    for _ in range(2):
        owner, other = two_up(rig, SHORT_MS)
        hand_over(rig, owner, other)
    refused = {n.name: whole.refused_stamps(n) for n in writers}
    # Whoever wakes finds its lease over within milliseconds; most times, not each time, a write was due before that.
    results.hold('late writes that ended in RESERVATION CONFLICT: %s'
                 % ', '.join('%s %d' % item for item in refused.items()), any(refused.values()))
    one_service(rig, results, begun, wakings)


def pause_once(rig, results, owner, other):
    before = owner.status()['incarnation']
    at, count = owner.pause()
    entry = rig.wait_service('run', limit(rig), at, other)
    results.bound('%d processes of %s paused; the service starts on %s, T + noise' % (count, owner.name, other.name),
                  entry.at - at, rig.times.takeover + NOISE_MS)
    pass_time(rig, at + 1.5 * rig.times.takeover, 'the end of the pause')
    woke, gone = owner.wake_and_watch(limit(rig))
    whole.back_as_standby(rig, owner, woke)
    after = owner.status()['incarnation']
    results.hold('it wakes, its service is gone %.0f ms later; back as incarnation %d after %d'
                 % (gone - woke, after, before), after > before and owner.find_line('lease over', woke))
    show(results, 'then', rig.observer.now())
    return woke, gone


@case('planned hand-overs, there and back')
def handed_over(rig, results):
    begun, down, answers = rig.now(), [], []
    for _ in range(HAND_OVERS):
        owner, other = two_up(rig, SHORT_MS)
        at = rig.now()
        took, answer = hand_over(rig, owner, other)
        if answer != 'done':
            results.tell('\n'.join('%.1f %s %s' % (t, n.name, text) for n in (owner, other) for t, text in n.lines
                                   if t >= at))
        down.append(took)
        answers.append(answer)
    results.tell('from the end of one service to the run of the other: %s ms' % ', '.join('%.0f' % d for d in down))
    results.bound('the service is down, 100 ms + noise', max(down), 100 + NOISE_MS)
    # LIO shows the release record before it answers the write, and the heir's strike may abort that answer.
    results.hold('each is answered with "done": %s' % ', '.join(answers), set(answers) == {'done'})
    one_service(rig, results, begun)


def hand_over(rig, owner, other):
    """(how long no service ran, what was answered)"""
    at = rig.now()
    answer = owner.hand_over(other)
    entry = rig.wait_service('run', limit(rig), at, other)
    return entry.at - rig.journal('end', since=at, node=owner)[0].at, answer.get('reply', str(answer))


# ------------------------------------------------ two portals are two paths

@case('two portals, one is cut: the beat moves to the other, and back')
def paths_cut(rig, results):
    owner, other = two_up(rig, PATHS_MS, paths=2)
    epoch, begun = owner.status()['epoch'], rig.now()
    for part in (0, 0.5):
        cut_beating_path(rig, results, owner, other, part)
    status = owner.status()
    results.hold('%s kept epoch %d all the while, its service was never stopped, %s struck %d times'
                 % (owner.name, epoch, other.name, other.status()['stats']['strikes']),
                 status['mine'] and status['epoch'] == epoch and not rig.journal('stop', since=begun) and
                 other.status()['stats']['strikes'] == 0)
    rig.target.eye = 0


def beating(node):
    return [p['path'] for p in (node.status() or {'paths': []})['paths'] if p['beating']]


def all_ready(node):
    return all(p['state'] == 'ready' for p in (node.status() or {'paths': [{'state': ''}]})['paths'])


def cut_beating_path(rig, results, owner, other, part):
    """Cut it when this part of R has passed since a round."""
    present = wait_for(lambda: beating(owner), limit(rig), 'a beating path')[0]
    next_one = 1 - present
    rig.target.eye = next_one
    whole.wait_rounds(rig, owner, 1)
    pass_time(rig, rig.now() + part * rig.times.renew, 'a part of R')
    at = rig.now()
    rig.target.link('cut', present)
    wait_for(lambda: beating(owner) == [next_one], limit(rig), 'a beat on path %d' % next_one)
    good = whole.rounds(owner)
    wait_for(lambda: whole.rounds(owner) > good, limit(rig), 'a good round on path %d' % next_one)
    moved = owner.find_line('key \S+ is ours on another nexus', at)
    results.bound('path %d cut: its key is preempted from path %d, R + R/3 + noise' % (present, next_one),
                  moved[0] - at if moved else limit(rig), rig.times.renew + rig.times.look + NOISE_MS)
    show(results, 'through portal %d' % next_one, rig.observer.now())
    results.hold('the status names the path', any(w['code'] == 'path' for w in owner.status()['warnings']))
    rig.target.link('join', present)
    up = rig.now()
    for node in (owner, other):
        wait_for(lambda n=node: all_ready(n), limit(rig), 'both paths of ' + node.name)
    results.tell('both paths of both nodes ready %.0f ms after it was joined again' % (rig.now() - up))
    results.hold('the beat stays on path %d' % next_one, beating(owner) == [next_one])


# ------------------------------------------------ nodes that vote

@case('three nodes that vote, with the disk: forming, one against two, death, the disk gone, the disk alone')
def three_voters(rig, results):
    rig.end_nodes()  # their sessions have the names that two of the three will have
    voters.run(rig.target, results, NOISE_MS)


# ------------------------------------------------ the target's power is cut

def first_look(rig):
    """The reservation as the target shows it after a boot, to a session that belongs to no node."""
    session = rig.target.connect('first', 10)
    try:
        return session.reservation()
    finally:
        session.close()


def last_beat(seen, before):
    """`before` is the last beat that was seen before the cut; one more may have been made since that look."""
    return 0 <= seen.key - before.key <= 1


def held_look(rig):
    seen = first_look(rig)
    return seen if seen.key else None


def cut_and_boot(rig, results):
    """(when it was cut, when it answered, what it showed first)"""
    show(results, 'before the cut', rig.observer.now())
    at = rig.now()
    rig.target.power_cut()
    boot(rig, rig.state)
    up = rig.now()
    seen = first_look(rig)
    show(results, 'after the boot', seen)
    return at, up, seen


def booted_too_late(rig, results, at, up):
    """Whether the lease did not leave the time for a log-in: then this machine was too slow for the case."""
    late = up - at > rig.times.begin_stop - rig.times.look - 1000
    if late:
        results.skip('the owner keeps', 'the target was away for %.0f ms of a lease of %.0f ms'
                     % (up - at, rig.times.begin_stop))
    return late


def runs_again(rig, results, at, up):
    entry = rig.wait_service('run', limit(rig), up)
    results.bound('target away for %.0f ms; the service runs on %s after its answer, T + R + noise'
                  % (up - at, entry.node), entry.at - up, rig.times.takeover + rig.times.renew + NOISE_MS)
    settled(rig)


@case('power cut of the target, short lease: given up in time, taken up again')
def cut_short(rig, results):
    owner, _ = two_up(rig, SHORT_MS)
    whole.wait_rounds(rig, owner, 1)
    service = rig.service_gone(owner)
    last = rig.observer.now()
    at, up, seen = cut_and_boot(rig, results)
    gone = service.wait(limit(rig)) and owner.find_line('nothing of it runs', at)[0]
    results.bound('the service of %s is stopped, W - drift' % owner.name, gone - at, rig.times.stopped)
    results.hold('no service ran until the target answered again', not rig.journal('run', since=at)
                 or rig.journal('run', since=at)[0].at > up)
    held = seen if seen.key else wait_for(lambda: held_look(rig), limit(rig), 'a reservation')
    results.hold('APTPL brought the last beat back, %s' % iscsi.key_text(held.key), last_beat(held, last))
    runs_again(rig, results, at, up)
    one_service(rig, results, at)


@case('power cut of the target, the owner dies with it, and comes back after the other one took the disk')
def cut_and_dead(rig, results):
    owner, other = two_up(rig, SHORT_MS)
    whole.wait_rounds(rig, owner, 1)
    owner.power_off()
    at, up, seen = cut_and_boot(rig, results)
    results.hold('dynamic ACLs: LIO shows the reservation only when its holder logs in', seen.key == 0)
    entry = rig.wait_service('run', limit(rig), up, other)
    results.hold('%s took the unreserved disk after W: %.0f ms' % (other.name, entry.at - up),
                 entry.at - up >= rig.times.wait)
    begun = rig.now()
    owner.start()
    whole.back_as_standby(rig, owner, begun)
    whole.wait_rounds(rig, other, 2)
    flips = [c for c in list(rig.observer.changes) if c[1] >= begun and iscsi.key_node(c[2].key) == owner.number]
    for _, seen_at, what in flips:
        show(results, '%.0f ms after the start of %s' % (seen_at - begun, owner.name), what)
    line = other.find_line('went back in time', begun)
    results.tell('LIO %s; %s says: %s' % ('gave it its old reservation' if flips else 'did not give it anything',
                                          other.name, line[1].string if line else 'nothing'))
    status = other.status()
    results.hold('%s keeps epoch %d whatever LIO does at that log-in' % (other.name, entry.epoch),
                 status['mine'] and status['epoch'] == entry.epoch)
    settled(rig)
    one_service(rig, results, at)


@case('power cut of the target, long lease: the owner keeps')
def cut_long(rig, results):
    owner, other = two_up(rig, long_renew(rig), state='sync acls')
    epoch, strikes = owner.status()['epoch'], other.status()['stats']['strikes']
    # LIO truncates and rewrites its file within a REGISTER: cut in the middle of that it has forgotten everything.
    whole.wait_rounds(rig, owner, 1)
    beat = rig.observer.changes[-1]
    at, up, seen = cut_and_boot(rig, results)
    results.hold('explicit ACLs: APTPL brought the last beat back before anybody logged in', last_beat(seen, beat[2]))
    if booted_too_late(rig, results, at, up):
        return
    change = wait_for(lambda: rig.observer.holder_change(owner, up), limit(rig), 'the next beat')
    results.bound('target away for %.0f ms; from beat to beat of %s, begin of stop' % (up - at, owner.name),
                  change[1] - beat[0], rig.times.begin_stop)
    whole.wait_rounds(rig, owner, 1)
    status = owner.status()
    results.hold('%s still owns epoch %d, its service was never stopped, %s did not strike'
                 % (owner.name, epoch, other.name), status['mine'] and status['epoch'] == epoch and
                 not rig.journal('stop', since=at) and other.status()['stats']['strikes'] == strikes)


# ------------------------------------------------ ... right after a strike

def take_from_a_sleeper(rig, renew_ms, state):
    """(sleeper, owner, epoch): the owner is paused until the other one owns."""
    sleeper, owner = two_up(rig, renew_ms, state=state)
    whole.wait_rounds(rig, sleeper, max(1, OLDER_THAN_A_COMMIT_MS // renew_ms))
    at, _ = sleeper.pause()
    _, match = owner.wait_line(r'owner: epoch (\d+)', limit(rig), at)
    wait_for(lambda: rig.observer.holder_change(owner, at), limit(rig), 'a look at the new holder')
    return sleeper, owner, int(match.group(1))


def older_state(results, sleeper, seen):
    """True when LIO went back to the sleeper's reservation. Its file was rewritten in place: it may be empty, too; and
    the kernel may have written all of it by chance."""
    if iscsi.key_node(seen.key) not in (0, sleeper.number):
        results.skip('LIO shows an older state', 'the strike was written: %s' % seen)
        return False
    results.hold('LIO shows an older state: %s' % ('it went back before the strike' if seen.key else
                                                   'it forgot everything'), True)
    return seen.key != 0


def late_writer(rig, sleeper, until):
    """Write as the sleeper's machine would, from a session with its name and ISID, until it is refused after `until`()
    is true. [(when, status)]"""
    session = rig.target.connect('%d.0' % sleeper.number, 10, node=sleeper.number)
    answers = []
    try:
        end = rig.now() + limit(rig)
        while rig.now() < end and not (answers and until() and answers[-1][1] == CONFLICT):
            at = rig.now()
            answers.append((at, session.write(LAST_SECTOR, b'a late writer'.ljust(512, b'.'))))
    finally:
        session.close()
    return answers


@case('power cut right after a strike, state folder not synced, long lease: strike back')
def back_in_time_long(rig, results):
    sleeper, owner, epoch = take_from_a_sleeper(rig, long_renew(rig), 'async acls')
    took = rig.now()
    at, up, seen = cut_and_boot(rig, results)
    if booted_too_late(rig, results, at, up):
        sleeper.wake()
        return
    gone_back = older_state(results, sleeper, seen)
    writes = late_writer(rig, sleeper, lambda: rig.observer.holder_change(owner, up)) if gone_back else []
    change = wait_for(lambda: rig.observer.holder_change(owner, up), limit(rig), '%s holds again' % owner.name)
    results.bound('target away for %.0f ms; %s holds again after the cut, begin of stop' % (up - at, owner.name),
                  change[1] - at, rig.times.begin_stop)
    if gone_back:
        went_back(results, sleeper, owner, at, up, change, writes)
    woke, gone = sleeper.wake_and_watch(limit(rig))
    whole.back_as_standby(rig, sleeper, woke)
    whole.wait_rounds(rig, owner, 1)
    settled(rig)
    status = owner.status()
    results.hold('%s kept epoch %d, its service runs; %s wakes, stops, and never owned'
                 % (owner.name, epoch, sleeper.name), status['mine'] and status['epoch'] == epoch and
                 not sleeper.find_line('-> (taking|owner)', woke))
    one_service(rig, results, took, [(woke, gone)])


def went_back(results, sleeper, owner, at, up, change, writes):
    line = owner.find_line('went back in time', at)
    results.hold('%s says so: %s' % (owner.name, line[1].string if line else 'nothing'), bool(line))
    good = [w[0] for w in writes if w[1] == 0]
    results.tell('for %.0f ms from its first answer LIO took %s for the holder: %d writes with the name of its machine were '
                 'GOOD, the last one sent %.0f ms after that answer'
                 % (change[1] - up, sleeper.name, len(good), (good[-1] if good else up) - up))
    results.hold('after the strike back such a write ends in RESERVATION CONFLICT',
                 writes and writes[-1][1] == CONFLICT and (not good or good[-1] <= change[1]))


@case('power cut right after a strike, state folder not synced, short lease: nobody acts before C')
def back_in_time_short(rig, results):
    after_strike_short(rig, results, 'async acls')


@case('power cut right after a strike, state folder synced, short lease: the strike is kept')
def kept_short(rig, results):
    after_strike_short(rig, results, 'sync acls')


def after_strike_short(rig, results, state):
    sleeper, owner, epoch = take_from_a_sleeper(rig, SHORT_MS, state)
    struck, took = rig.observer.now(), rig.now()
    woke, gone = sleeper.wake_and_watch(limit(rig))
    at, up, seen = cut_and_boot(rig, results)
    if state.startswith('async'):
        older_state(results, sleeper, seen)
    else:
        results.hold('LIO shows the new holder before anybody logged in', last_beat(seen, struck))
    entry = rig.wait_service('run', limit(rig), up)
    results.hold('the next epoch is above: %d after %d' % (entry.epoch, epoch), entry.epoch > epoch)
    results.hold('nobody\'s service ran until C after the answer: %.0f ms' % (entry.at - up),
                 entry.at - up >= rig.times.challenge and
                 not [e for e in rig.journal('run', 'tick', since=at + rig.times.stopped) if e.at < entry.at])
    runs_again(rig, results, at, up)
    one_service(rig, results, took, [(woke, gone)])
