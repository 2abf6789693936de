"""Who speaks which algorithms: read from the KEXINIT (RFC 4253 7.1) that each side sends in the
clear before anything else, so that nobody has to be believed and no list is written down here."""

import socket
import struct

import load

KEXINIT = 20
LISTS = ["kex", "host_key", "cipher", "cipher_back", "mac", "mac_back"]


def of_server(server):
    """The lists of the server that listens at `server.address`, `server.port`."""
    with load.connect(server.port, server.address) as connection:
        return _lists(connection)


def of_program(start):
    """The lists of the program; `start(port)` has it connect to a server on loopback, which hangs
    up when it has heard enough."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        start(listener.getsockname()[1])
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(10)
            return _lists(connection)


def in_both(ours, theirs):
    """What both have, by list, in our order of preference."""
    return {name: [each for each in ours[name] if each in theirs[name]]
            for name in ("kex", "host_key", "cipher", "mac")}


def authenticates_itself(cipher):
    """An AEAD: no MAC is negotiated beside it."""
    return "gcm" in cipher or "poly1305" in cipher


def combinations(both):
    """Sessions, as (kex, host key, cipher, MAC), so few that they show every key exchange with every
    host key and every cipher with every MAC that can stand beside it."""
    first = [(kex, key) for kex in both["kex"] for key in both["host_key"]]
    second = [(cipher, mac) for cipher in both["cipher"]
              for mac in (both["mac"][:1] if authenticates_itself(cipher) else both["mac"])]
    return [(*first[number % len(first)], *second[number % len(second)])
            for number in range(max(len(first), len(second)))]


def _lists(connection):
    connection.sendall(b"SSH-2.0-Listener\r\n")
    while not (line := _line(connection)).startswith(b"SSH-"):
        pass
    length, padding = struct.unpack(">IB", load.receive_exactly(connection, 5))
    payload = load.receive_exactly(connection, length - 1)[:-padding]
    assert payload[0] == KEXINIT, f"message {payload[0]} instead of KEXINIT after {line}"
    rest = payload[17:]
    found = {}
    for name in LISTS:
        size, = struct.unpack(">I", rest[:4])
        found[name] = [each for each in rest[4:4 + size].decode().split(",")
                       if not each.startswith(("ext-info-", "kex-strict-"))]
        rest = rest[4 + size:]
    return found


def _line(connection):
    line = b""
    while not line.endswith(b"\n"):
        line += load.receive_exactly(connection, 1)
    return line
