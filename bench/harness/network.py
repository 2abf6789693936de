"""A network of the run's own where that is allowed: loopback alone, with nobody else's connections, and
with a congestion control that does not pace. BBR guesses a rate from how fast a busy machine happens to
acknowledge, and loopback has no bottleneck that it could find; cubic and reno, which only react to losses,
leave loopback alone. ssh and sshd cannot be told; a network namespace has a default of its own."""

import ctypes
import fcntl
import pathlib
import socket
import struct

CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
CONTROL = pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control")


def enter():
    """Call it before anything is started. Returns what the report says about it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        return (f"{control()}, the kernel's default (a network namespace of the run's own takes root)")
    bring_loopback_up()
    for name in ("cubic", "reno"):
        try:
            CONTROL.write_text(name)
            break
        except OSError:
            continue  # not there, or not for namespaces
    return f"{control()}, in a network namespace of the run's own"


def control():
    return CONTROL.read_text().strip()


def bring_loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def segments():
    """How many TCP segments this network has sent, and how many of them again."""
    lines = [line.split() for line in pathlib.Path("/proc/net/snmp").read_text().splitlines()
             if line.startswith("Tcp:")]
    found = dict(zip(lines[0], lines[1]))
    return int(found["OutSegs"]), int(found["RetransSegs"])
