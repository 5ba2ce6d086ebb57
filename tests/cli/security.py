#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An attacker on the network of a cluster on loopback, who has no key: records datagrams, sends recorded, changed and random
ones, and holds connections.

usage: security.py record FILE PORT                      until it is ended; FILE is there when it listens
       security.py count FILE FROM                       how many were recorded from that address
       security.py replay FILE FROM ORDER SECONDS [AS]   ORDER: in, reverse, random, once; AS: the sender's address, or own;
                                                    FROM: addresses, or node:N[:LAST] for what node N asked
                                                    the witness, or the last so many of it
       security.py garbage FILE PORT COUNT TO...         random and changed datagrams
       security.py hold TO PORT SECONDS                  connections that say nothing, or too little
       security.py junk TO PORT FROM_ID TO_ID KEY        hellos as a node says them, then no question; random connections
Each prints what it has done as JSON."""

import json
import random
import select
import socket
import struct
import sys
import time

HEAD = struct.Struct('<4sH4sHI')  # from, its port, to, its port, length
OUTGOING = 4  # loopback shows every packet twice
RATE = 1000  # packets a second of a replay
SEED = 20261122
HELD = 64  # connections at a time
QUESTION = 106  # bytes of a sealed question of the transfer


def record(file, port):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
    s.bind(('lo', 0x0800))
    with open(file, 'wb') as out:
        while True:
            data, where = s.recvfrom(65536)
            start = (data[0] & 15) * 4
            if where[2] == OUTGOING or data[9] != socket.IPPROTO_UDP:
                continue
            from_port, to_port = struct.unpack_from('>HH', data, start)
            if to_port == int(port):
                payload = data[start + 8:]
                out.write(HEAD.pack(data[12:16], from_port, data[16:20], to_port, len(payload)) + payload)
                out.flush()


def recorded(file):
    """(from, its port, to, its port, bytes) of each, in order."""
    with open(file, 'rb') as f:
        data = f.read()
    at = 0
    while at + HEAD.size <= len(data):
        source, from_port, to, to_port, size = HEAD.unpack_from(data, at)
        at += HEAD.size
        if at + size <= len(data):
            yield socket.inet_ntoa(source), from_port, socket.inet_ntoa(to), to_port, data[at:at + size]
        at += size


def count(file, source):
    return {'count': sum(p[0] == source for p in recorded(file))}


def replay(file, source, order, seconds, sender='127.0.0.99'):
    if source.startswith('node:'):  # the envelope's traffic and sender
        node, _, last = source[5:].partition(':')
        packets = [p for p in recorded(file) if p[4][2:4] == bytes([1, int(node)])][-int(last or 0):]
    else:
        packets = [p for p in recorded(file) if p[0] in source.split(',')]
    if not packets:
        sys.exit('nothing was recorded from ' + source)
    dice = random.Random(SEED)
    sockets, sent, again = {}, 0, 0
    end = time.monotonic() + float(seconds)
    while order != 'once' or again == 0:
        now = packets[::-1] if order == 'reverse' else dice.sample(packets, len(packets)) if order == 'random' else packets
        for p in now:
            own = (p[0], p[1]) if sender == 'own' else (sender, 0)
            if own not in sockets:
                sockets[own] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                sockets[own].bind(own)
            sockets[own].sendto(p[4], (p[2], p[3]))
            sent += 1
            if sent % 20 == 0:
                time.sleep(20 / RATE)
                if order != 'once' and time.monotonic() > end:
                    return {'recorded': len(packets), 'sent': sent, 'times': again}
        again += 1
    return {'recorded': len(packets), 'sent': sent, 'times': again}


def spoil(dice, packet):
    """A recorded packet, changed somehow."""
    how, at = dice.randrange(5), dice.randrange(len(packet))
    if how == 0:
        return packet[:at] + bytes([packet[at] ^ 1 << dice.randrange(8)]) + packet[at + 1:]
    if how == 1:
        return packet[:at]
    if how == 2:
        return packet + dice.randbytes(dice.randrange(1, 64))
    if how == 3:
        return packet[:49] + dice.randbytes(len(packet) - 49)
    return packet[:3] + bytes([dice.randrange(256), dice.randrange(256)]) + packet[5:]


def garbage(file, port, number, *to):
    dice = random.Random(SEED)
    packets = [p[4] for p in recorded(file)]
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for i in range(int(number)):
        kind = i % 4
        if kind == 0:
            data = dice.randbytes(dice.randrange(0, 1500))
        elif kind == 1 and i % 400 == 1:
            data = dice.randbytes(65507)
        else:
            data = spoil(dice, dice.choice(packets))
        s.sendto(data, (to[i % len(to)], int(port)))
    return {'sent': int(number)}


def hold(to, port, seconds):
    """As many connections as there may be, each replaced when it is ended."""
    dice = random.Random(SEED)
    held, opened, ended = [], 0, 0
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        while len(held) < HELD:
            held.append(socket.create_connection((to, int(port)), 5))
            opened += 1
        readable, _, _ = select.select(held, [], [], 0.02)
        for s in readable:
            try:
                gone = not s.recv(4096)
            except ConnectionError:
                gone = True
            if gone:
                held.remove(s)
                s.close()
                ended += 1
        for s in dice.sample(held, min(4, len(held))):
            try:
                s.send(dice.randbytes(1))
            except OSError:
                pass  # the next select() tells
    for s in held:
        s.close()
    return {'opened': opened, 'ended': ended}


def talk(to, port, first, second):
    """What the other end says to both, until it ends the connection."""
    heard = b''
    with socket.create_connection((to, int(port)), 10) as s:
        s.settimeout(10)
        try:
            s.sendall(first)
            heard = s.recv(65536)
            if second and heard:
                s.sendall(second)
            while heard:
                more = s.recv(65536)
                if not more:
                    break
                heard += more
        except ConnectionError:
            pass
    return heard


def junk(to, port, from_id, to_id, key):
    dice = random.Random(SEED)
    hello = b'QDT2' + struct.pack('>III', int(from_id), int(to_id), int(key))
    right = [len(talk(to, port, hello + dice.randbytes(32), dice.randbytes(QUESTION))) for _ in range(20)]
    wrong = [len(talk(to, port, hello[:-1] + b'\xfe' + dice.randbytes(32), b'')) for _ in range(5)]
    noise = [len(talk(to, port, dice.randbytes(dice.randrange(48, 200)), b'')) for _ in range(20)]
    return {'welcomed': right, 'other_key': wrong, 'noise': noise}


def main():
    commands = {f.__name__: f for f in (record, count, replay, garbage, hold, junk)}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    print(json.dumps(commands[sys.argv[1]](*sys.argv[2:])))


if __name__ == '__main__':
    main()
