#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Talk to a guest: what bash cannot do by itself.

extract BZIMAGE ELF            unpack the kernel of a bzImage, for a boot by PVH
shell SOCKET SECONDS COMMAND   run COMMAND in the guest's control shell; its output and exit status become ours
qmp SOCKET COMMAND [JSON]      one QMP command
login ADDRESS SECONDS          poll until an iSCSI login is answered; prints the seconds that it took
"""
import json
import lzma
import socket
import sys
import time


def extract(bzimage, elf):
    with open(bzimage, "rb") as f:
        data = f.read()
    start = data.find(b"\xfd7zXZ\0")
    while start >= 0:
        try:
            kernel = lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(data[start:])
        except lzma.LZMAError:
            kernel = b""
        if kernel[:4] == b"\x7fELF":
            with open(elf, "wb") as f:
                f.write(kernel)
            return 0
        start = data.find(b"\xfd7zXZ\0", start + 1)
    print("extract: no xz kernel in", bzimage, file=sys.stderr)
    return 1


def shell(path, seconds, command):
    """The serial line echoes, so both marks are written split in the text that is sent."""
    deadline = time.monotonic() + float(seconds)
    tag = "Q%d" % (time.time_ns() % 10**12)
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.sendall(("\nstty -echo; echo %s''B; { %s\n} 2>&1; echo %s''E$?\n" % (tag, command, tag)).encode())
    text = ""
    while True:
        s.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            data = s.recv(65536)
        except TimeoutError:
            print("shell: no answer in %s s: %s" % (seconds, command), file=sys.stderr)
            return 124
        if not data:
            return 125
        text += data.decode(errors="replace").replace("\r", "")
        end = text.find(tag + "E")
        if end >= 0 and "\n" in text[end:]:
            begin = text.find(tag + "B\n") + len(tag) + 2
            sys.stdout.write(text[begin:end])
            return int(text[end + len(tag) + 1:].split()[0])


def qmp(path, command, arguments="{}"):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(path)
        f = s.makefile("rw")
        f.readline()
        for request in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": json.loads(arguments)}):
            f.write(json.dumps(request) + "\n")
            f.flush()
            answer = json.loads(f.readline())
            while "return" not in answer and "error" not in answer:
                answer = json.loads(f.readline())
    print(json.dumps(answer.get("return", answer)))
    return 0 if "return" in answer else 1


def login_answered(address):
    """One discovery login; true when the target answers with a login response."""
    text = b"InitiatorName=iqn.2026-01.test:probe\0SessionType=Discovery\0AuthMethod=None\0"
    header = bytearray(48)
    header[0:2] = b"\x43\x81"
    header[5:8] = len(text).to_bytes(3, "big")
    header[8:14] = b"\x80\x00\x00\x00\x00\x01"
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=0.3) as s:
        s.sendall(bytes(header) + text + b"\0" * (-len(text) % 4))
        answer = s.recv(48)
    return answer[:1] == b"\x23"


def login(address, seconds):
    start = time.monotonic()
    while time.monotonic() - start < float(seconds):
        try:
            if login_answered(address):
                print("%.2f" % (time.monotonic() - start))
                return 0
        except OSError:
            pass
        time.sleep(0.02)
    print("login: %s did not answer in %s s" % (address, seconds), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit({"extract": extract, "shell": shell, "qmp": qmp, "login": login}[sys.argv[1]](*sys.argv[2:]))
