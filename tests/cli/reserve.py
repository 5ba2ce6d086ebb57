#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Somebody else's reservation: reserve.py URL KEY registers KEY (hexadecimal), reserves the LUN, Write Exclusive, and
goes without a word, so that the reservation stays."""
import ctypes
import re
import sys

lib = ctypes.CDLL('libiscsi.so.7')
lib.iscsi_create_context.restype = ctypes.c_void_p
lib.iscsi_get_error.restype = ctypes.c_char_p
for name in ('iscsi_persistent_reserve_out_sync', 'iscsi_testunitready_sync'):
    getattr(lib, name).restype = ctypes.c_void_p


class Basic(ctypes.Structure):
    _fields_ = [('key', ctypes.c_uint64), ('sa_key', ctypes.c_uint64), ('spec_i_pt', ctypes.c_uint8),
                ('all_tg_pt', ctypes.c_uint8), ('aptpl', ctypes.c_uint8)]


def status(task):
    return ctypes.cast(task, ctypes.POINTER(ctypes.c_int))[0] if task else -1


def main():
    portal, target, lun = re.match(r'iscsi://([^/]+)/([^/]+)/(\d+)$', sys.argv[1]).groups()
    key = int(sys.argv[2], 16)
    iscsi = ctypes.c_void_p(lib.iscsi_create_context(b'iqn.2026-11.org.example:somebody'))
    lib.iscsi_set_targetname(iscsi, target.encode())
    lib.iscsi_set_session_type(iscsi, 2)
    lib.iscsi_set_noautoreconnect(iscsi, 1)
    if lib.iscsi_full_connect_sync(iscsi, portal.encode(), int(lun)) != 0:
        sys.exit(lib.iscsi_get_error(iscsi))
    lib.iscsi_testunitready_sync(iscsi, int(lun))
    for action, basic in ((0, Basic(0, key)), (1, Basic(key, 0))):
        task = lib.iscsi_persistent_reserve_out_sync(iscsi, int(lun), action, 0, 1, ctypes.byref(basic))
        if status(task) != 0:
            sys.exit(lib.iscsi_get_error(iscsi))


main()
