#!/usr/bin/env python3
"""Chromium ($CHROMIUM) that does not see the host's networks come and go.

It asks the kernel to be told, and then ends requests that wait for a connection, also those to this machine, with
ERR_NETWORK_CHANGED; each start of a container is such a change. Chromium has no switch for it, so the kernel refuses
it the socket (AF_NETLINK) by which it would be told, and it works on without.
"""

import ctypes
import errno
import os
import socket
import sys

ALLOW, ERROR, EQUAL = 0x7FFF0000, 0x00050000, 4  # of seccomp.h


class Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("value", ctypes.c_uint64),
        ("second_value", ctypes.c_uint64),
    )


def refuse_netlink() -> None:
    seccomp = ctypes.CDLL("libseccomp.so.2")  # apt needs it, so Debian has it
    seccomp.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(ALLOW)))
    refusal = ctypes.c_uint32(ERROR | errno.EAFNOSUPPORT)
    call = seccomp.seccomp_syscall_resolve_name(b"socket")
    netlink = Comparison(0, EQUAL, socket.AF_NETLINK, 0)
    if seccomp.seccomp_rule_add_array(rules, refusal, call, 1, ctypes.byref(netlink)) or seccomp.seccomp_load(rules):
        raise OSError("the kernel takes no filter of system calls")


try:
    refuse_netlink()
except OSError as error:
    print(f"{sys.argv[0]}: {error}; the browser sees networks change", file=sys.stderr)
os.execv(os.environ["CHROMIUM"], [os.environ["CHROMIUM"], *sys.argv[1:]])
