#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""newer.py IMAGE: make both superblocks those of format 2, with right checksums (docs/ONDISK.md)."""
import struct
import sys


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


assert crc32c(b'123456789') == 0xe3069283
with open(sys.argv[1], 'r+b') as f:
    for lba in (0, 1):
        f.seek(lba * 512)
        sector = bytearray(f.read(512))
        struct.pack_into('<H', sector, 8, 2)
        struct.pack_into('<I', sector, 508, crc32c(sector[:508]))
        f.seek(lba * 512)
        f.write(sector)
