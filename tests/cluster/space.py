# SPDX-License-Identifier: Apache-2.0
"""Networks of a small cluster, in network namespaces: a host each, and one that is all the switches. A host has an
interface in every network that it is in; at the other end of the cable is a port of that network's bridge. Faults are
made at the switches alone, so a host's own kernel knows of none but a pulled cable. The namespaces have no names: they
are gone when this process is, whatever happened to it."""

import ctypes
import os
import subprocess
import threading

NEW_NETWORK = 0x40000000  # CLONE_NEWNET
LIBC = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    pass


def asked(command, text):
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed('%s: %s' % (' '.join(command), (done.stderr or done.stdout).strip()))
    return done.stdout


class Space:
    """A network namespace, kept by a descriptor."""

    def __init__(self):
        self.fd = -1
        maker = threading.Thread(target=self.make)  # a namespace is of a thread
        maker.start()
        maker.join()
        if self.fd < 0:
            raise Failed('no network namespace: this needs root')
        self.path = '/proc/%d/fd/%d' % (os.getpid(), self.fd)

    def make(self):
        if LIBC.unshare(NEW_NETWORK) == 0:
            self.fd = os.open('/proc/thread-self/ns/net', os.O_RDONLY | os.O_CLOEXEC)

    def enter(self):
        """Take the calling thread there, for good."""
        if LIBC.setns(self.fd, NEW_NETWORK) != 0:
            raise Failed('setns: ' + os.strerror(ctypes.get_errno()))

    def within(self):
        """What to put in front of a command."""
        return ['nsenter', '--net=' + self.path]

    def ip(self, *lines):
        asked([*self.within(), 'ip', '-batch', '-'], ''.join(line + '\n' for line in lines))

    def nft(self, *lines):
        """All lines or none, at once."""
        return asked([*self.within(), 'nft', '-f', '-'], ''.join(line + '\n' for line in lines))

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Networks:
    """hosts: name to (number, names of its networks). A network's addresses are fd00:K::NUMBER or 10.K.0.NUMBER, K from 1 in
    the order of `names`. Its interface is called like the network."""

    def __init__(self, names, hosts, family):
        self.names, self.hosts, self.family = names, hosts, family
        self.switch = Space()
        self.spaces = {host: Space() for host in hosts}
        self.switch.ip('link set lo up', *('link add %s type bridge forward_delay 0 mcast_snooping 0' % n for n in names),
                       *('link set %s up' % n for n in names))
        for host, (_, places) in hosts.items():
            self.wire(host, places)
        # A cut is silent and of one direction: from one port to another. `lost` counts what it swallowed.
        self.switch.nft('table bridge faults {',
                        'set cut { type ifname . ifname; }',
                        'counter lost { }',
                        'chain forward { type filter hook forward priority 0;',
                        'iifname . oifname @cut counter name lost drop; }', '}')

    def wire(self, host, places):
        space = self.spaces[host]
        self.switch.ip(*('link add %s type veth peer name %s netns %s' % (self.port(n, host), n, space.path)
                         for n in places),
                       *('link set %s master %s up' % (self.port(n, host), n) for n in places))
        space.ip('link set lo up',
                 *('addr add %s/%d dev %s%s' % (self.address(n, host), *((64, n, ' nodad') if self.family == 6 else
                                                                         (24, n, ''))) for n in places),
                 *('link set %s up' % n for n in places))

    @staticmethod
    def port(network, host):
        return '%s.%s' % (host, network)

    def address(self, network, host):
        k, number = self.names.index(network) + 1, self.hosts[host][0]
        return 'fd00:%d::%d' % (k, number) if self.family == 6 else '10.%d.0.%d' % (k, number)

    def pairs(self, among, networks, others=None):
        """(network, from, to) both ways: all pairs among hosts, or between them and `others`."""
        found = []
        for n in networks:
            there = [h for h in self.hosts if n in self.hosts[h][1]]
            for a in there:
                for b in there:
                    if a != b and (a in among and b in (among if others is None else others) or
                                   others is not None and a in others and b in among):
                        found.append((n, a, b))
        return found

    def elements(self, pairs):
        return ', '.join('"%s" . "%s"' % (self.port(n, a), self.port(n, b)) for n, a, b in pairs)

    def cut(self, pairs):
        """Lose everything from the first to the second host of each, silently."""
        if pairs:
            self.switch.nft('add element bridge faults cut { %s }' % self.elements(pairs))

    def mend(self, pairs):
        """Each of them must have been cut."""
        if pairs:
            self.switch.nft('delete element bridge faults cut { %s }' % self.elements(pairs))

    def unplug(self, network, host):
        self.switch.ip('link set %s down' % self.port(network, host))

    def plug(self, network, host):
        self.switch.ip('link set %s up' % self.port(network, host))

    def mend_all(self):
        self.switch.nft('flush set bridge faults cut')
        self.switch.ip(*('link set %s up' % self.port(n, host) for host in self.hosts for n in self.hosts[host][1]))

    def lost(self):
        """Packets that cuts have swallowed so far."""
        text = self.switch.nft('list counter bridge faults lost')
        return int(text.split('packets')[1].split()[0])

    def close(self):
        for space in (self.switch, *self.spaces.values()):
            space.close()
