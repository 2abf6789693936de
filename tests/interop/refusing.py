#!/usr/bin/python3 -B
"""Becomes a command for which the kernel refuses some system calls, as a container's seccomp filter
does: refusing.py EPERM signalfd4,eventfd2 COMMAND..."""

import ctypes
import errno
import os
import struct
import sys

# Of x86-64, on which the interop tests run.
NUMBERS = {"clone": 56, "signalfd4": 289, "eventfd2": 290, "epoll_create1": 291, "clone3": 435}

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
RET_ERRNO, RET_ALLOW = 0x00050000, 0x7FFF0000


def instruction(code, value, if_true=0, if_false=0):
    return struct.pack("=HBBI", code, if_true, if_false, value)


def install(error, calls):
    program = [instruction(LOAD_WORD, 0)]  # the number of the system call
    for call in calls:
        program += [instruction(JUMP_IF_EQUAL, NUMBERS[call], 0, 1),
                    instruction(RETURN, RET_ERRNO | error)]
    program.append(instruction(RETURN, RET_ALLOW))
    code = ctypes.create_string_buffer(b"".join(program))
    filter_ = struct.pack("=H6xQ", len(program), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
                      (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_, 0, 0)):
        if libc.prctl(*arguments) != 0:
            sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    install(getattr(errno, sys.argv[1]), sys.argv[2].split(","))
    os.execv(sys.argv[3], sys.argv[3:])
