#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What no real target at hand does: an iSCSI target whose LUN knows no persistent reservations ("no-pr"), and a server
that answers a log-in with noise ("garbage"). Prints the port once it listens; serves until it is killed."""
import os
import socket
import struct
import sys
import threading

SECTORS = 32768
ILLEGAL = bytes([0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0])  # INVALID COMMAND OPERATION CODE


def read_all(conn, n):
    data = b''
    while len(data) < n:
        piece = conn.recv(n - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def pad(data):
    return data + bytes(-len(data) % 4)


class Session:
    def __init__(self, conn):
        self.conn = conn
        self.stat_sn = 1

    def send(self, head, data=b''):
        struct.pack_into('>I', head, 4, head[4] << 24 | len(data))
        self.conn.sendall(bytes(head) + pad(data))

    def numbers(self, head, cmd_sn):
        struct.pack_into('>III', head, 24, self.stat_sn, cmd_sn, cmd_sn + 32)
        self.stat_sn += 1

    def login(self, bhs, data):
        pairs = dict(p.split(b'=', 1) for p in data.split(b'\0') if b'=' in p)
        answer = []
        if b'SessionType' in pairs:
            answer.append(b'TargetPortalGroupTag=1')
        if b'AuthMethod' in pairs:
            answer.append(b'AuthMethod=None')
        for key in (b'HeaderDigest', b'DataDigest'):
            if key in pairs:
                answer.append(key + b'=' + pairs[key].split(b',')[0] if key == b'DataDigest' else key + b'=None')
        for key, value in ((b'ImmediateData', b'Yes'), (b'InitialR2T', b'No'), (b'MaxBurstLength', b'262144'),
                           (b'FirstBurstLength', b'262144'), (b'MaxConnections', b'1'), (b'ErrorRecoveryLevel', b'0'),
                           (b'DefaultTime2Wait', b'2'), (b'DefaultTime2Retain', b'0'), (b'MaxOutstandingR2T', b'1'),
                           (b'DataPDUInOrder', b'Yes'), (b'DataSequenceInOrder', b'Yes')):
            if key in pairs:
                answer.append(key + b'=' + value)
        head = bytearray(48)
        head[0] = 0x23
        head[1] = bhs[1] & 0x8f
        head[8:14] = bhs[8:14]
        head[14:16] = b'\0\1'
        head[16:20] = bhs[16:20]
        self.numbers(head, struct.unpack('>I', bhs[24:28])[0])
        self.send(head, b''.join(a + b'\0' for a in answer))

    def data_in(self, cdb, wanted):
        op = cdb[0]
        if op == 0x12 and not cdb[1] & 1:
            return bytes([0, 0, 5, 2, 31, 0, 0, 0]) + b'FAKE    NO RESERVATIONS ' + b'0001'
        if op == 0x9e:
            return struct.pack('>QI', SECTORS - 1, 512) + bytes(20)
        if op == 0x25:
            return struct.pack('>II', SECTORS - 1, 512)
        if op == 0x1a:
            return bytes([3, 0, 0, 0])
        if op in (0x28, 0x88):
            return bytes(wanted)
        return None

    def command(self, bhs):
        cdb = bhs[32:48]
        wanted = struct.unpack('>I', bhs[20:24])[0]
        cmd_sn = struct.unpack('>I', bhs[24:28])[0] + 1
        good = cdb[0] in (0x00, 0x35, 0x91)
        data = b'' if good else self.data_in(cdb, wanted)
        head = bytearray(48)
        head[16:20] = bhs[16:20]
        if data:
            data = data[:wanted]
            head[0], head[1] = 0x25, 0x81
            head[20:24] = b'\xff\xff\xff\xff'
            if len(data) < wanted:
                head[1] |= 2
                struct.pack_into('>I', head, 44, wanted - len(data))
            self.numbers(head, cmd_sn)
            self.send(head, data)
            return
        head[0], head[1] = 0x21, 0x80
        head[3] = 0 if good else 2
        self.numbers(head, cmd_sn)
        self.send(head, b'' if good else struct.pack('>H', len(ILLEGAL)) + ILLEGAL)

    def serve(self):
        while True:
            bhs = read_all(self.conn, 48)
            n = struct.unpack('>I', bhs[4:8])[0] & 0xffffff
            data = read_all(self.conn, n + -n % 4)[:n]
            op = bhs[0] & 0x3f
            if op == 0x03:
                self.login(bhs, data)
            elif op == 0x01:
                self.command(bhs)
            elif op in (0x00, 0x06):
                head = bytearray(48)
                head[0], head[1] = (0x20, 0x80) if op == 0 else (0x26, 0x80)
                head[16:24] = bhs[16:20] + b'\xff\xff\xff\xff'
                self.numbers(head, struct.unpack('>I', bhs[24:28])[0])
                self.send(head)
                if op == 6:
                    return


def talk(conn, mode):
    try:
        if mode == 'garbage':
            conn.recv(48)
            conn.sendall(bytes(range(256)) * 8)
            conn.recv(1)
        else:
            Session(conn).serve()
    except (EOFError, OSError):
        pass
    conn.close()


def main():
    listener = socket.socket()
    listener.bind(('127.0.0.1', 0))
    listener.listen(8)
    print(listener.getsockname()[1], flush=True)
    os.close(1)
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=talk, args=(conn, sys.argv[1]), daemon=True).start()


if __name__ == '__main__':
    main()
