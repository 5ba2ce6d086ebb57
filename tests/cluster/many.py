# SPDX-License-Identifier: Apache-2.0
"""A cluster of machines that hear each other: rig.py with a network namespace for each node, for the target and for the
witness, and faults between any two of them. All times are milliseconds of CLOCK_BOOTTIME since the rig began; the log's
lines have the time at which quorumd wrote them."""

import datetime
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

import judge
import machine
import rig as cluster
import space
from rig import Unexpected, wait_for

NAMES = {1: 'alpha', 2: 'beta', 3: 'gamma', 4: 'delta', 5: 'epsilon'}
TARGET, WITNESS = 'target', 'witness'
TARGET_NUMBER, WITNESS_NUMBER = 101, 102
STORAGE, FAR = 'san', 'far'  # the networks of the disk and of the witness
PORT, TARGET_PORT = 3343, 3260
STAMP = re.compile(r'(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})Z quorumd (.*)')
RESET = re.compile('would have been reset|WOULD BE RESET')  # quorumd's words, and its runner's
FRESH_MS = 500  # a service that runs has said so in this time, on a machine that tests keep busy
MODELS = ('node_majority', 'node_and_disk', 'node_and_witness', 'disk_only')


class Plan:
    """What a cluster is made of. renew_ms and delay_ms: times.renew and heartbeat.same_subnet_delay."""

    def __init__(self, nodes, model='node_majority', **more):
        self.nodes, self.model = nodes, model
        self.renew_ms = more.pop('renew_ms', 1000)
        self.delay_ms = more.pop('delay_ms', 200)
        self.threshold = more.pop('threshold', 5)
        self.networks = more.pop('networks', 1)
        self.family = more.pop('family', 6)
        self.dynamic = more.pop('dynamic', True)
        self.disk = more.pop('disk', 'disk' in model)
        self.witness = more.pop('witness', 'witness' in model)
        self.stamp_ms = more.pop('stamp_ms', 20)
        self.share = more.pop('share', False)  # the witness is a directory that all can reach, no daemon
        if more:
            raise TypeError('no such part of a plan: %s' % ', '.join(more))

    def lans(self):
        return ['lan%d' % k for k in range(self.networks)]

    def detection_ms(self):
        """From a node's death to its last link's end, at most: threshold and a half exchanges."""
        return (self.threshold + 0.5) * self.delay_ms

    def __str__(self):
        return '%d nodes, %s%s, IPv%d, %d network%s' % (self.nodes, self.model, ' (share)' if self.share else '', self.family,
                                                         self.networks, '' if self.networks == 1 else 's')


class Machine(cluster.Node):
    """A node in its own namespace."""

    def __init__(self, rig, number):  # pylint: disable=super-init-not-called  # another set of names
        self.rig, self.number, self.name = rig, number, NAMES[number]
        self.folder = os.path.join(rig.folder, self.name)
        self.space = rig.networks.spaces[self.name]
        self.process, self.reader = None, None
        self.paused, self.lines, self.timed = [], [], []
        self.boots, self.begun, self.worked = 0, 0.0, 0.0
        self.slept = 0.0
        self.clock_ahead_s = 0  # of its monotonic clocks, before those of the other machines
        self.key = rig.key
        for part in ('', 'run', 'state'):
            os.mkdir(os.path.join(self.folder, part))
        shutil.copy(cluster.program('demo-service'), os.path.join(self.folder, 'service'))

    def text(self, id_of=None):
        """Its configuration. id_of: pretend to be that node."""
        plan, f = self.rig.plan, self.folder
        me = NAMES[id_of or self.number]
        lines = {
            'cluster': cluster.CLUSTER, 'node': me, 'key_file': self.key,
            'nodes': '{%s}' % ', '.join('%s: {id: %d, addresses: [%s]}' % (
                NAMES[i], i, ', '.join('"%s"' % self.rig.networks.address(n, NAMES[i]) for n in plan.lans()))
                for i in range(1, plan.nodes + 1)),
            'quorum': '{model: %s, dynamic: %s}' % (plan.model, 'on' if plan.dynamic else 'off'),
            'heartbeat': '{same_subnet_delay: %dms, same_subnet_threshold: %d}' % (plan.delay_ms, plan.threshold),
            'times': '{renew: %dms}' % plan.renew_ms,
            'group': '{name: service, script: %s/service, monitor_interval: %dms}' % (
                self.rig.folder, max(500, plan.renew_ms)),
            'state_dir': f + '/state', 'run_dir': f + '/run',
            'test': '{machine_id: "%032x", boot_id: "%032x"%s}' % (
                self.number, 1000 * self.number + self.boots,
                ', stamp_interval: %dms' % plan.stamp_ms if plan.disk else ''),
        }
        if plan.disk:
            lines['quorum_disk'] = '{paths: ["%s"], initiator: iqn.2026-11.test.quorumd}' % self.rig.target.url()
        if plan.share:
            lines['witness'] = '{share: "%s"}' % self.rig.witness.mount
        elif plan.witness:
            lines['witness'] = '{addresses: ["%s"]}' % self.rig.witness.address()
        return ''.join('%s: %s\n' % line for line in lines.items())

    def configure(self, text=None):  # pylint: disable=arguments-differ
        with open(os.path.join(self.folder, 'quorumd.yaml'), 'w', encoding='utf-8') as out:
            out.write(text or self.text())

    def create(self, text=None):
        """Its first store, with a vote, whatever there was before."""
        shutil.rmtree(os.path.join(self.folder, 'state'))
        os.mkdir(os.path.join(self.folder, 'state'))
        self.configure(text)
        done = subprocess.run([cluster.program('quorumctl'), 'cluster', 'create', os.path.join(self.folder, 'quorumd.yaml')],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Unexpected('quorumctl cluster create: %s' % (done.stderr or done.stdout).strip())

    def start(self, environment=None):
        self.begun = self.worked = self.rig.now()
        super().start(environment)

    def command(self):
        later = ['unshare', '--time', '--monotonic', str(self.clock_ahead_s), '--boottime', str(self.clock_ahead_s),
                 '--fork', '--kill-child']
        mounts = self.rig.witness.mounting() if self.rig.plan.share else []
        return [*self.space.within(), *(later if self.clock_ahead_s else []), *mounts, *super().command()]

    def lose_share(self):
        """Its mount of the share is gone; false: it was."""
        return self.mounted('umount', '-l', self.rig.witness.mount)

    def find_share(self):
        return os.path.ismount('/proc/%d/root%s' % (self.process.pid, self.rig.witness.mount)) or \
            self.mounted('mount', '--bind', self.rig.witness.folder, self.rig.witness.mount)

    def mounted(self, *command):
        return subprocess.run(['nsenter', '--mount=/proc/%d/ns/mnt' % self.process.pid, *command],
                              stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0

    def ctl(self, *words, limit_s=30):
        """quorumctl on this node: (exit status, what it said)."""
        done = subprocess.run([cluster.program('quorumctl'), *words, '--socket',
                               os.path.join(self.folder, 'run', 'api.sock')], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False, timeout=limit_s)
        return done.returncode, (done.stdout + done.stderr).strip()

    def ask(self, *words):
        """quorumctl, without waiting for what it says."""
        self.rig.asking.append(subprocess.Popen(
            [cluster.program('quorumctl'), *words, '--socket', os.path.join(self.folder, 'run', 'api.sock')],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=machine.end_with_parent))

    def works(self):
        """Whether quorumd runs: it is the first of all its processes."""
        try:
            with open('/proc/%d/comm' % self.quorumd(), encoding='utf-8') as f:
                return f.read().strip() == 'quorumd'
        except (OSError, IndexError):
            return False

    def headless(self):
        """Without quorumd for longer than anything may run on without it."""
        if self.works():
            self.worked = self.rig.now()
        return self.rig.now() > self.worked + self.rig.times.wait

    def came(self, at, text):
        """The rig is the watchdog of machines that have none."""
        if not RESET.search(text):
            return
        machine.signal_all(self.pids(), signal.SIGKILL)
        self.rig.resets.append((self.name, self.rig.written(at, text)[0], self.rig.now()))

    def must_be_reset(self):
        return self.find_line(RESET, self.begun) is not None

    def power_off(self):
        self.boots += 1
        wait_for(lambda: self.process.poll() is not None or self.pids(), 10000, self.name + ' to have begun')
        at, count = super().power_off()
        self.rig.fault('%s is dead' % self.name, at)
        return at, count

    def kill_daemon(self):
        """quorumd alone: what it started must end by itself."""
        at = self.rig.now()
        machine.signal_all([self.quorumd()], 9)
        return at

    def said(self):
        """Its lines with the times at which they were written."""
        while len(self.timed) < len(self.lines):
            self.timed.append(self.rig.written(*self.lines[len(self.timed)]))
        return self.timed

    def find_line(self, pattern, since=0.0):
        return next(iter(self.all_lines(pattern, since)), None)

    def all_lines(self, pattern, since=0.0):
        return [(at, match) for at, text in self.said() if at >= since for match in [re.search(pattern, text)] if match]

    def views(self, since=0.0):
        """(ms, epoch, members) of the views that it led or was in."""
        return [(at, int(m.group(1)), m.group(2)) for at, m in
                self.all_lines(r'(?:leads|member of) epoch (\d+), nodes \{([\d ]*)\}', since)]

    def pause(self):
        self.slept = self.rig.now()
        return super().pause()

    def wake(self):
        at = super().wake()
        if at - self.slept > self.rig.times.stopped - self.rig.times.renew:  # its right may have ended meanwhile
            self.rig.wakings.append((self.name, at))
        return at

    def present(self):
        return self.process is not None


class Witness:
    """quorum-witnessd in its own namespace."""

    def __init__(self, rig):
        self.rig, self.process = rig, None
        self.folder = os.path.join(rig.folder, WITNESS)
        for part in ('', 'keys', 'store'):
            os.mkdir(os.path.join(self.folder, part))
        shutil.copy(rig.key, os.path.join(self.folder, 'keys', cluster.CLUSTER + '.key'))

    def address(self):
        host = self.rig.networks.address(FAR, WITNESS)
        return '%s:%d' % ('[%s]' % host if ':' in host else host, PORT)

    def start(self):
        f = self.folder
        begun = self.rig.now()
        with open(os.path.join(f, 'log'), 'ab') as log:
            self.process = subprocess.Popen(
                [*self.rig.networks.spaces[WITNESS].within(), cluster.program('quorum-witnessd'), '--keys', f + '/keys',
                 '--store', f + '/store', '--listen', self.address(), '--socket', f + '/status'],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=machine.end_with_parent)
        wait_for(self.answers, 10000, 'an answer of quorum-witnessd')
        return begun

    def answers(self):
        if self.process.poll() is not None:
            with open(os.path.join(self.folder, 'log'), encoding='utf-8') as log:
                raise Unexpected('quorum-witnessd ended: ' + log.read().strip())
        return subprocess.run([cluster.program('quorum-witnessd'), '--status', '--socket', self.folder + '/status'],
                              capture_output=True, check=False).returncode == 0

    def kill(self):
        at = self.rig.now()
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        return at

    def pause(self):
        self.process.send_signal(19)

    def wake(self):
        self.process.send_signal(18)

    def close(self):
        self.kill()


class Share:
    """The witness as a directory: every machine has it mounted, at the same place, in its own way. As long as it is here,
    `process` is true, as a daemon's."""

    def __init__(self, rig):
        self.folder, self.mount = os.path.join(rig.folder, 'filer'), os.path.join(rig.folder, 'share')
        with open(rig.key, encoding='utf-8') as key:
            cluster_id = re.search(r'^cluster ([0-9a-f]+)$', key.read(), re.MULTILINE).group(1)
        self.place = os.path.join(self.folder, cluster_id)
        self.rig, self.process = rig, True
        os.makedirs(self.place)
        os.mkdir(self.mount)

    def mounting(self):
        # Private to the node; in a chroot, which has no mount point at /, with the propagation that is there.
        private = subprocess.run(['unshare', '--mount', 'true'], capture_output=True, check=False).returncode == 0
        return ['unshare', '--mount', '--propagation', 'private' if private else 'unchanged', 'sh', '-c',
                'mount --bind "$1" "$2" && shift 2 && exec "$@"', 'sh', self.folder, self.mount]

    def start(self):
        if not self.process:
            os.rename(self.place + '.away', self.place)
            self.process = True

    def kill(self):
        """The filer has it no more, for whoever looks."""
        at = self.rig.now()
        if self.process:
            os.rename(self.place, self.place + '.away')
            self.process = None
        return at

    def close(self):
        """It goes with the rig's folder."""


class Many(cluster.Rig):
    NETWORKS = space.Networks

    def __init__(self, plan):  # pylint: disable=super-init-not-called  # another target and other nodes
        self.plan = plan
        self.began = cluster.boot_ms()
        self.real = time.time() * 1000 - self.began  # of CLOCK_REALTIME, when the rig began
        self.times = cluster.Times(plan.renew_ms)
        self.stamp_ms = plan.stamp_ms
        self.folder = tempfile.mkdtemp(prefix='quorumd-')
        self.key = os.path.join(self.folder, 'key')
        self.keep, self.observer = False, None
        self.nodes, self.target, self.witness, self.networks = {}, None, None, None
        self.faults = []  # (ms, words)
        self.wakings = []  # (node's name, ms)
        self.resets = []  # (node's name, ms at which it said that it is reset, ms at which it was)
        self.lives, self.excused = [], 0
        self.asking = []  # quorumctl processes

    def build(self):
        plan = self.plan
        with_disk, with_witness = [STORAGE] * plan.disk, [FAR] * (plan.witness and not plan.share)
        places = plan.lans() + with_disk + with_witness
        hosts = {NAMES[i]: (i, places) for i in range(1, plan.nodes + 1)}
        hosts.update({TARGET: (TARGET_NUMBER, with_disk)} if plan.disk else {})
        hosts.update({WITNESS: (WITNESS_NUMBER, with_witness)} if with_witness else {})
        self.networks = self.NETWORKS(places, hosts, plan.family)
        self.keygen(self.key)
        # The script's path is the same on every machine, as all of the configuration.
        with open(os.path.join(self.folder, 'service'), 'w', encoding='utf-8') as script:
            script.write('#!/bin/sh\nexec "%s/$QUORUMD_NODE/service" "$1"\n' % self.folder)
        os.chmod(os.path.join(self.folder, 'service'), 0o755)
        if plan.disk:
            self.target = self.make_target()
        if plan.witness:
            self.witness = Share(self) if plan.share else Witness(self)
            self.witness.start()
        for number in range(1, plan.nodes + 1):
            self.nodes[number] = Machine(self, number)
            self.nodes[number].create()

    def make_target(self):
        target = cluster.Target(self.folder, host=self.networks.address(STORAGE, TARGET), port=TARGET_PORT,
                                within=self.networks.spaces[TARGET].within())
        target.start()
        target.format()
        return target

    @staticmethod
    def keygen(path):
        done = subprocess.run([cluster.program('quorumctl'), 'keygen', path], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Unexpected('quorumctl keygen: %s' % (done.stderr or done.stdout).strip())

    def __enter__(self):
        try:
            self.build()
        except BaseException:
            self.close()
            raise
        return self

    def close(self):
        if self.observer is not None:
            self.observer.ending.set()
            self.observer.join()
        for process in self.asking:
            process.kill()
            process.wait()
        for part in (*self.nodes.values(), self.target, self.witness, self.networks):
            if part is not None:
                part.close()
        if self.keep:
            print('kept: ' + self.folder)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def tell_lines(self):
        for at, words in self.faults:
            print('  fault %9.1f | %s' % (at, words), flush=True)
        super().tell_lines()

    def enter_network(self):
        self.networks.spaces[TARGET].enter()

    def written(self, at, text):
        """(when a line was written, its text): by its own stamp where it has one."""
        match = STAMP.match(text)
        if not match:
            return at, text
        stamp = datetime.datetime.fromisoformat(match.group(1)).replace(tzinfo=datetime.timezone.utc)
        return stamp.timestamp() * 1000 - self.real - self.began, match.group(2)

    def fault(self, words, at=None):
        at = self.now() if at is None else at
        self.faults.append((at, words))
        return at

    # ------------------------------------------------ states

    def start_all(self, only=None):
        for node in self.nodes.values():
            if only is None or node.number in only:
                node.start()

    def limit(self):
        """For anything to happen that must happen: joining, a view, the wait for the dead, a start; and a busy machine."""
        return 3 * (self.plan.detection_ms() + self.times.takeover) + 10000

    def in_view(self, node, members):
        """Whether its last view has exactly these members."""
        views = node.views()
        return bool(views) and views[-1][2].split() == [str(i) for i in sorted(members)]

    def wait_view(self, members, of=None):
        """Each of `of`, or of the members, says that it is in a view of exactly the members."""
        for number in of or members:
            node = self.nodes[number]
            wait_for(lambda n=node: self.in_view(n, members), self.limit(),
                     '%s in a view of nodes %s' % (node.name, ' '.join(map(str, members))))

    def owner(self):
        """The node whose service started last and was not stopped, or None."""
        last = None
        for e in self.journal('run', 'end'):
            if e.word == 'run':
                last = e
            elif last is not None and (last.node, last.epoch) == (e.node, e.epoch):
                last = None
        return next((n for n in self.nodes.values() if last and n.name == last.node), None)

    def wait_owner(self):
        return wait_for(self.owner, self.limit(), 'a service that runs')

    def up(self, only=None):
        """Start all; the owner, when all are in one view and its service runs."""
        members = sorted(only or self.nodes)
        self.start_all(only)
        self.wait_view(members)
        return self.wait_owner()

    def leader(self):
        """(node, its status) of the one that leads, or None."""
        for node in self.nodes.values():
            status = node.status() if node.present() and not node.paused else None
            if status and (status.get('view') or {}).get('state') == 'leading':
                return node, status
        return None

    def settled(self):
        """The node that leads, once the votes follow the members and nothing changes any more by itself."""
        found = self.leader()
        quorum = found and found[1]['quorum']
        if not quorum or not quorum['quorate'] or quorum['changing']:
            return None
        members, extra = found[1]['view']['members'], quorum['extra']
        votes = {n['id']: n['vote'] for n in found[1]['nodes']}
        if extra is not None and extra['holder'] is None:
            return None
        if quorum['dynamic'] and quorum['model'] != 'disk_only':
            even = len(members) % 2 == 0
            if extra is not None and extra['vote'] != even or sum(votes.values()) != len(members) - (even and extra is None):
                return None
        return found[0]

    def settle(self):
        end = self.now() + self.limit()
        while True:
            found = self.settled()
            if found:
                return found
            if self.now() > end:
                raise Unexpected('the votes do not settle')
            time.sleep(0.05)  # between two questions, not to wait

    def calm(self):
        """The service runs, and all nodes are in the view or keep out by themselves for a while."""
        found = self.leader()
        if not found or len(self.running()) != 1 or not found[1]['quorum']['quorate']:
            return False
        out = [n for n in self.nodes.values() if n.number not in found[1]['view']['members']]
        return all(n.present() and n.find_line('stays out for', n.begun) for n in out)

    def judged(self):
        """What is wrong with the whole run: two owners, or writes of one that was none any more."""
        excuses = [(n, at + self.began, at + self.began + judge.AWAKE_MS) for n, at in self.wakings]
        excuses += [(n, since + self.began, end + self.began) for n, since, end in self.resets]
        wrong, self.lives, self.excused = judge.judge(os.path.join(self.folder, 'service.log'), excuses)
        return wrong + (self.wrong_stamps() if self.target is not None else [])

    def wrong_stamps(self):
        return cluster.stamp_errors(cluster.stamps(self.target.file()))

    def running(self):
        """Names of nodes whose service ticked just now. One that ended less than FRESH_MS ago is among them."""
        now = self.now()
        return sorted({e.node for e in self.journal('run', 'tick', since=now - FRESH_MS)})

    # ------------------------------------------------ faults of the networks

    def among(self, numbers):
        return [NAMES[i] for i in numbers]

    def isolate(self, number, lans=True, storage=False, far=False):
        """Silently, both ways, from every other node; from the disk and the witness, too, if asked."""
        others = [h for h in self.networks.hosts if h != NAMES[number]]
        nets = self.plan.lans() * lans + [STORAGE] * (storage and self.plan.disk) + \
            [FAR] * (far and FAR in self.networks.names)
        pairs = self.networks.pairs([NAMES[number]], nets, others)
        self.networks.cut(pairs)
        if far and self.plan.share:
            self.nodes[number].lose_share()
        return self.fault('%s is cut off: %s' % (NAMES[number], ' '.join(nets)))

    def split(self, some):
        """Nodes `some` and the others hear nothing of each other."""
        others = [NAMES[i] for i in self.nodes if i not in some]
        self.networks.cut(self.networks.pairs(self.among(some), self.plan.lans(), others))
        return self.fault('split: %s from %s' % (' '.join(self.among(some)), ' '.join(others)))

    def cut_all_lans(self):
        self.networks.cut(self.networks.pairs(self.among(self.nodes), self.plan.lans()))
        return self.fault('all networks are cut')

    def mend_all(self):
        self.networks.mend_all()
        if self.plan.share:
            for node in self.nodes.values():
                if node.present():
                    node.find_share()
        return self.fault('all is mended')
