# SPDX-License-Identifier: Apache-2.0
"""An iSCSI initiator of its own for tests that look at the disk from outside, independent of the drivers under test
and of libiscsi. It logs in, reads what is reserved and registered, and reads sectors; it never changes anything."""

import socket
import struct

LOGIN, LOGIN_ANSWER = 0x43, 0x23
COMMAND, ANSWER, DATA_IN, NOP_IN = 0x01, 0x21, 0x25, 0x20
CHECK_CONDITION, UNIT_ATTENTION = 2, 6
TRIES = 5  # a new session begins with unit attentions


class Failed(Exception):
    pass


class Reservation:
    """What READ RESERVATION says. key 0: not reserved."""
    TYPES = {1: 'Write Exclusive', 3: 'Exclusive Access', 5: 'Write Exclusive, registrants only'}

    def __init__(self, generation, key, kind):
        self.generation, self.key, self.kind = generation, key, kind

    def __str__(self):
        if self.key == 0:
            return 'not reserved, generation %d' % self.generation
        return '%s, node %d, %s, generation %d' % (key_text(self.key), key_node(self.key),
                                                   self.TYPES.get(self.kind, 'type %d' % self.kind), self.generation)


def key_node(key):
    return key >> 40 & 0xff


def key_text(key):
    """tag.node.incarnation.beat, as the programs write it."""
    return '%04x.%d.%d.%d' % (key >> 48, key_node(key), key >> 24 & 0xffff, key & 0xffffff)


class Initiator:
    def __init__(self, host, port, target, lun, name, timeout_s=5):
        self.lun = lun
        self.tag = self.command_number = 1
        self.status_number = 0
        self.socket = socket.create_connection((host, port), timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.login(target, name)
        except Exception:
            self.socket.close()
            raise

    def close(self):
        self.socket.close()

    def exactly(self, count):
        data = b''
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise Failed('the target closed the connection')
            data += more
        return data

    def receive(self):
        header = self.exactly(48)
        length = int.from_bytes(header[5:8], 'big')
        data = self.exactly(header[4] * 4 + (length + 3 & ~3))[header[4] * 4:]
        return header, data[:length]

    def login(self, target, name):
        text = ''.join(k + '\0' for k in (
            'InitiatorName=' + name, 'TargetName=' + target, 'SessionType=Normal', 'HeaderDigest=None',
            'DataDigest=None', 'InitialR2T=Yes', 'ImmediateData=Yes', 'MaxRecvDataSegmentLength=262144')).encode()
        # version 0, from operational negotiation straight to full feature phase
        header = struct.pack('>BBBBB3s6sHIHHII16x', LOGIN, 0x87, 0, 0, 0, len(text).to_bytes(3, 'big'),
                             b'\x80\x00\x00' + self.tag.to_bytes(3, 'big'), 0, 0, 0, 0, self.command_number, 0)
        self.socket.sendall(header + text + bytes(-len(text) % 4))
        answer, _ = self.receive()
        if answer[0] != LOGIN_ANSWER or answer[36] != 0 or answer[1] & 0x83 != 0x83:
            raise Failed('login was refused: %s' % answer[:48].hex())
        self.status_number = int.from_bytes(answer[24:28], 'big')

    def once(self, cdb, expected):
        """Data and (status, sense) of one command that reads."""
        tag, self.tag = self.tag, self.tag + 1
        header = struct.pack('>BBHI8sIIII', COMMAND, 0xc1, 0, 0, bytes([0, self.lun, 0, 0, 0, 0, 0, 0]), tag,
                             expected, self.command_number, self.status_number + 1) + cdb.ljust(16, b'\0')
        self.command_number += 1
        self.socket.sendall(header)
        data = bytearray()
        while True:
            answer, more = self.receive()
            if answer[0] == NOP_IN:
                continue
            if int.from_bytes(answer[16:20], 'big') != tag:
                raise Failed('an answer to something else: %s' % answer.hex())
            if answer[0] == DATA_IN:
                data += more
                if not answer[1] & 0x01:
                    continue
            elif answer[0] != ANSWER:
                raise Failed('an answer of another kind: %s' % answer.hex())
            self.status_number = int.from_bytes(answer[24:28], 'big')
            return bytes(data), answer[3], more[2:] if answer[0] == ANSWER else b''

    def read_command(self, cdb, expected):
        for _ in range(TRIES):
            data, status, sense = self.once(cdb, expected)
            if status == 0:
                return data
            if status != CHECK_CONDITION or len(sense) < 3 or sense[2] & 0xf != UNIT_ATTENTION:
                break
        raise Failed('status %d, sense %s' % (status, sense.hex()))

    def reservation(self):
        data = self.read_command(struct.pack('>BB5xH', 0x5e, 1, 255), 255)
        generation, length = struct.unpack('>II', data[:8])
        if length == 0:
            return Reservation(generation, 0, 0)
        return Reservation(generation, int.from_bytes(data[8:16], 'big'), data[21] & 0xf)

    def keys(self):
        data = self.read_command(struct.pack('>BB5xH', 0x5e, 0, 4096), 4096)
        length = int.from_bytes(data[4:8], 'big')
        return [int.from_bytes(data[i:i + 8], 'big') for i in range(8, 8 + length, 8)]

    def read(self, lba, count, sector_bytes=512):
        return self.read_command(struct.pack('>BBIBHB', 0x28, 0, lba, 0, count, 0), count * sector_bytes)
