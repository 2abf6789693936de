"""Another process's memory: where in it some bytes are, and a stop right before it is gone. Shared
by tests that look for secrets where none may be.
"""

import collections
import ctypes
import os
import re
import signal

PTRACE_CONT = 7
PTRACE_DETACH = 17
PTRACE_SEIZE = 0x4206
PTRACE_O_TRACEEXIT = 0x40
PTRACE_EVENT_EXIT = 6

Mapping = collections.namedtuple("Mapping", "begin end permissions name flags")


def mappings(pid):
    """What /proc/PID/smaps lists, with the flags of each: {"lo", "dd", "wf", ...}."""
    found = []
    with open(f"/proc/{pid}/smaps") as lines:
        for line in lines:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)$", line)
            if head:
                begin, end, permissions, name = head.groups()
                found.append(Mapping(int(begin, 16), int(end, 16), permissions, name or "anonymous",
                                     set()))
            elif line.startswith("VmFlags:"):
                found[-1].flags.update(line.split()[1:])
    return found


def places_of(pid, secrets):
    """Where the bytes of each secret are: {name: [Mapping, ...]}, one entry for every find."""
    found = {name: [] for name in secrets}
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for mapping in mappings(pid):
            # The kernel's pages of the clock have no memory behind them.
            if "r" not in mapping.permissions or mapping.name.startswith("[v"):
                continue
            content = read(memory, mapping)
            for name, secret in secrets.items():
                at = content.find(secret)
                while at >= 0:
                    found[name].append(mapping)
                    at = content.find(secret, at + 1)
    return found


def read(memory, mapping):
    content = bytearray()
    try:
        memory.seek(mapping.begin)
        while len(content) < mapping.end - mapping.begin:
            piece = memory.read(mapping.end - mapping.begin - len(content))
            if not piece:
                break
            content += piece
    except OSError:
        pass  # a device's memory, such as a ring's, or a mapping that has just gone
    return bytes(content)


class HeldAtItsEnd:
    """Stops a child of this process when it exits, with its memory as it leaves it. To be used from
    one thread."""

    def __init__(self, pid):
        self.pid = pid
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p,
                                      ctypes.c_void_p]
        self._libc.ptrace.restype = ctypes.c_long
        self._ptrace(PTRACE_SEIZE, PTRACE_O_TRACEEXIT)

    def _ptrace(self, request, data):
        if self._libc.ptrace(request, self.pid, None, data) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"ptrace: {os.strerror(number)}")

    def wait(self):
        """Blocks until it exits. Signals pass. The caller's case has a deadline of its own."""
        while True:
            _, status = os.waitpid(self.pid, 0)
            if not os.WIFSTOPPED(status):
                raise AssertionError(f"it is gone already: {status}")
            if status >> 8 == signal.SIGTRAP | PTRACE_EVENT_EXIT << 8:
                return
            number = os.WSTOPSIG(status)
            self._ptrace(PTRACE_CONT, 0 if number == signal.SIGTRAP else number)

    def let_go(self):
        self._ptrace(PTRACE_DETACH, 0)
