# SPDX-License-Identifier: Apache-2.0
"""Three nodes that vote, on the LIO target of vm-test/arbiter.py: tests/cluster/many.py, whose network of the storage is the
guest's. They have LUN 1, with its sectors of 4096 bytes; the two nodes of the other cases have LUN 0."""

import os
import subprocess

import cases as whole
import many
import network_cases
import space
from rig import wait_for

LUN = 1
BRIDGE = 'br0'  # of this run's namespace, where the guest's first interface is
SUBNET, GUEST = '10.77.0', 10
STAMP_MS = 50


class LioNetworks(space.Networks):
    """The nodes' storage network and the guest's are one: a cable leads from its switch to the bridge of the run."""

    def address(self, network, host):
        if network != many.STORAGE:
            return super().address(network, host)
        return '%s.%d' % (SUBNET, GUEST if host == many.TARGET else self.hosts[host][0])

    def wire(self, host, places):
        if host != many.TARGET:
            super().wire(host, places)
            return
        port = self.port(many.STORAGE, host)
        self.switch.ip('link add %s type veth peer name %s netns /proc/%d/ns/net' % (port, many.STORAGE, os.getpid()),
                       'link set %s master %s up' % (port, many.STORAGE))
        subprocess.run(['ip', 'link', 'set', many.STORAGE, 'master', BRIDGE, 'up'], stdin=subprocess.DEVNULL, check=True)


class Disk:
    """One LUN of the target, as many.py wants it. The guest belongs to others."""

    def __init__(self, lio, lun):
        self.lio, self.lun = lio, lun

    def url(self):
        return self.lio.url(lun=self.lun)

    def close(self):
        """The guest ends with the shell that owns it."""


class Voters(many.Many):
    NETWORKS = LioNetworks

    def __init__(self, plan, lio):
        super().__init__(plan)
        self.lio, self.noise_ms = lio, 0

    def make_target(self):
        status, text = self.lio.quorumctl('format', '--cluster', many.cluster.CLUSTER, lun=LUN)
        whole.need(status == 0, text)
        return Disk(self.lio, LUN)

    def wrong_stamps(self):
        """The LUN is judged when the guest is down: vm-test/cases/arbiter.sh."""
        return []

    def start_all(self, only=None):
        """Those that do not run."""
        super().start_all([i for i in only or self.nodes if not self.nodes[i].present()])

    def lost_disk(self):
        """What to cut so that no node reaches the target, and the target no node."""
        return self.networks.pairs([many.TARGET], [many.STORAGE], self.among(self.nodes))


def step(results, rig, sentence, run):
    """One assertion: run(rig, note) ends, and what it noted."""
    notes, at = [], rig.now()
    run(rig, notes.append)
    results.hold('%s (%.1f s): %s' % (sentence, (rig.now() - at) / 1000, '; '.join(notes)), True)


def run(lio, results, noise_ms):
    with Voters(many.Plan(3, 'node_and_disk', family=4, stamp_ms=STAMP_MS), lio) as three:
        three.noise_ms = noise_ms
        step(results, three, 'three nodes form, one holds the disk and runs the service', forms)
        step(results, three, 'the owner alone against two: it stops, then one of the two runs', network_cases.alone_against_two)
        step(results, three, 'the owner dies: another one runs', owner_dies)
        step(results, three, 'power cut of the target: the majority goes on, and has its disk again', target_cut)
        step(results, three, 'the model becomes disk_only while the service runs', disk_only)
        step(results, three, 'the owner loses the storage: it stops, then another one runs', network_cases.storage)
        step(results, three, 'nobody reaches the disk: all stop; with the disk back, one runs', disk_lost)
        wrong = three.judged()
        results.tell('\n'.join(wrong))
        results.hold('never two services at once: %d lives, of %s' % (
            len(three.lives), ', '.join('%s %s' % (life.node, life.epoch) for life in three.lives)),
                     three.lives and not wrong)


def forms(rig, note):
    owner = rig.up()
    leader = rig.settle()
    extra = leader.status()['quorum']['extra']
    whole.need(extra['kind'] == 'disk' and extra['holder'] is not None, 'the disk does not vote: %s' % extra)
    note('%s owns, %s leads' % (owner.name, leader.name))


def owner_dies(rig, note):
    rig.settle()
    owner = rig.wait_owner()
    at, _ = owner.power_off()
    entry = rig.wait_service('run', rig.limit(), at)
    bound = rig.plan.detection_ms() + network_cases.SPARE_MS + rig.times.takeover + rig.noise_ms
    note('service on %s after %.0f ms, at most %.0f ms' % (entry.node, entry.at - at, bound))
    whole.need(entry.node != owner.name and entry.at - at <= bound, 'too late, or on the dead')
    owner.start()
    rig.wait_view(sorted(rig.nodes))


def target_cut(rig, note):
    rig.settle()
    owner, begun = rig.wait_owner(), rig.now()
    rig.lio.power_cut()
    rig.fault("the target's power is cut")
    rig.lio.boot('sync')
    rig.lio.wait_answer()
    up = rig.now()
    wait_for(lambda: any(node.find_line('-> owner', begun) for node in rig.nodes.values()), rig.limit(), 'who holds the disk')
    rig.settle()
    note('away for %.0f ms, votes again %.0f ms later' % (up - begun, rig.now() - up))
    whole.need(rig.running() == [owner.name] and not rig.journal('run', 'stop', since=begun), 'the service was stopped')


def disk_only(rig, note):
    owner, begun = rig.wait_owner(), rig.now()
    code, said = owner.ctl('quorum', 'set', '--model', 'disk_only', '--yes')
    whole.need(code == 0, said)
    wait_for(lambda: all(n.status()['quorum']['model'] == 'disk_only' for n in rig.nodes.values()), rig.limit(), 'the model')
    rig.settle()
    rig.plan.model = 'disk_only'
    whole.need(rig.owner() is owner and not rig.journal('run', 'stop', since=begun), 'the service was stopped')
    note('no stop, epoch %d goes on' % owner.status()['epoch'])


def disk_lost(rig, note):
    rig.settle()
    owner = rig.wait_owner()
    gone = rig.lost_disk()
    at = rig.fault('nobody reaches the disk')
    rig.networks.cut(gone)
    wait_for(lambda: not rig.running(), rig.limit(), 'nobody runs')
    ran = network_cases.stop_after(rig, owner, at)
    whole.need(ran <= rig.times.stopped, 'it ran for %.0f ms' % ran)
    network_cases.quiet(rig, rig.now(), rig.times.takeover, lambda: not rig.running())
    rig.networks.mend(gone)
    back = rig.fault('the disk is back')
    entry = rig.wait_service('run', 2 * rig.limit(), back)
    note('ran for %.0f ms; on %s %.0f ms after the disk was back' % (ran, entry.node, entry.at - back))
