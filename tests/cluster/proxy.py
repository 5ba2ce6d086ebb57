# SPDX-License-Identifier: Apache-2.0
"""Between a node and the target: counts the node's SCSI commands, and resets the connection at a chosen one, either
before the target sees it or after the target has executed it and before the node hears of it. Header digests must be
off on the sessions that go through it."""

import selectors
import socket
import struct
import threading

SCSI_COMMAND = 0x01
PR_IN, PR_OUT, READ_10, WRITE_10, READ_16, WRITE_16 = 0x5e, 0x5f, 0x28, 0x2a, 0x88, 0x8a
REGISTER, REGISTER_AND_IGNORE = 0, 6
RST = struct.pack('ii', 1, 0)


class Command:
    """A SCSI command as it passes: operation code, service action of PR IN and PR OUT."""

    def __init__(self, header):
        self.tag = header[16:20]
        self.operation, self.action = header[32], header[33] & 0x1f

    def is_out(self, *actions):
        return self.operation == PR_OUT and self.action in actions

    def __str__(self):
        names = {PR_IN: ('READ KEYS', 'READ RESERVATION', 'REPORT CAPABILITIES', 'READ FULL STATUS'),
                 PR_OUT: ('REGISTER', 'RESERVE', 'RELEASE', 'CLEAR', 'PREEMPT', 'PREEMPT AND ABORT',
                          'REGISTER AND IGNORE')}
        if self.operation in names and self.action < len(names[self.operation]):
            return names[self.operation][self.action]
        return {READ_10: 'READ', READ_16: 'READ', WRITE_10: 'WRITE', WRITE_16: 'WRITE'}.get(
            self.operation, 'operation %02x' % self.operation)


class Pair:
    """One connection through the proxy. buffers[s]: what came from s and is not a whole PDU yet."""

    def __init__(self, node, target):
        self.node, self.target = node, target
        self.buffers = {node: b'', target: b''}
        self.doomed = None  # the tag after whose answer the connection is reset

    def other(self, s):
        return self.target if s is self.node else self.node


class Trap:
    """Resets at the command number `at` (from 1) after the first one that `begins`; `after`: once it is executed."""

    def __init__(self, begins, at, after):
        self.begins, self.at, self.after = begins, at, after
        self.seen = 0
        self.sprung = None

    def catches(self, command):
        if self.sprung is None and (self.seen > 0 or self.begins(command)):
            self.seen += 1
            if self.seen == self.at:
                self.sprung = command
                return True
        return False


class Proxy(threading.Thread):
    def __init__(self, target_port):
        super().__init__(daemon=True)
        self.target_port = target_port
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        self.commands = []  # all that the node sent
        self.trap = None
        self.ending = False
        self.start()

    def run(self):
        while not self.ending:
            for key, _ in self.selector.select(0.1):
                try:
                    if key.data is None:
                        self.accept()
                    elif key.fd in self.selector.get_map():
                        self.forward(key.data, key.fileobj)
                except OSError:
                    if key.data is not None:
                        self.reset(key.data)
        self.listener.close()

    def close(self):
        self.ending = True
        self.join()

    def accept(self):
        node, _ = self.listener.accept()
        try:
            target = socket.create_connection(('127.0.0.1', self.target_port), 1)
        except OSError:
            node.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
            node.close()
            return
        pair = Pair(node, target)
        for s in (node, target):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(s, selectors.EVENT_READ, pair)

    def reset(self, pair):
        for s in (pair.node, pair.target):
            if s.fileno() >= 0:
                self.selector.unregister(s)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
                s.close()

    def forward(self, pair, source):
        data = source.recv(65536)
        if not data:
            self.reset(pair)
            return
        buffer = pair.buffers[source] + data
        while len(buffer) >= 48:
            size = 48 + buffer[4] * 4 + (int.from_bytes(buffer[5:8], 'big') + 3 & ~3)
            if len(buffer) < size:
                break
            pdu, buffer = buffer[:size], buffer[size:]
            if not self.passes(pair, source, pdu):
                self.reset(pair)
                return
            pair.other(source).sendall(pdu)
        pair.buffers[source] = buffer

    def passes(self, pair, source, pdu):
        if source is pair.target:
            return pdu[16:20] != pair.doomed
        if pdu[0] & 0x3f != SCSI_COMMAND:
            return True
        command = Command(pdu)
        self.commands.append(command)
        if self.trap is None or not self.trap.catches(command):
            return True
        if self.trap.after:
            pair.doomed = command.tag
        return self.trap.after
