#!/usr/bin/python3 -B
"""Thousands of tunnels in one process: all opened within seconds, each carrying 64 KiB that are
checked, and next to no processor time while they are idle.

How many is what $CAPONIER_TUNNELS says; 10,000 is what is promised, fewer what a shared two-core
machine is asked for by default. One sshd serves them all, with the limit of descriptors that it
inherits. The targets are a process of their own, so that neither needs two descriptors a tunnel.
"""

import multiprocessing
import os
import random
import resource
import selectors
import socket
import struct
import time

import rig
import tap

TUNNELS = int(os.environ.get("CAPONIER_TUNNELS", "1500"))
TUNNELS_PROMISED = 10_000
OPENED_WITHIN = 10.0  # seconds, for all that are promised
SIZE = 64 * 1024
TARGETS = 4  # ports, so that sshd does not run out of numbers for its own ends
CLIENT_ADDRESSES = 4
IDLE_SECONDS = 3


class Echo:
    """Sends everything back, for any number of connections, in a process of its own."""

    def __init__(self, ports):
        listeners = [socket.create_server(("127.0.0.1", 0), backlog=4096) for _ in range(ports)]
        self.addresses = [listener.getsockname() for listener in listeners]
        self._process = multiprocessing.get_context("fork").Process(
            target=self._run, args=(listeners,), daemon=True)
        self._process.start()
        for listener in listeners:
            listener.close()

    def stop(self):
        self._process.kill()
        self._process.join()

    def _run(self, listeners):
        self._selector = selectors.DefaultSelector()
        for listener in listeners:
            listener.setblocking(False)
            self._selector.register(listener, selectors.EVENT_READ, None)
        while True:
            for key, events in self._selector.select():
                if key.data is None:
                    self._accept(key.fileobj)
                else:
                    self._serve(key.fileobj, key.data, events)

    def _accept(self, listener):
        try:
            while True:
                connection, _ = listener.accept()
                connection.setblocking(False)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._selector.register(connection, selectors.EVENT_READ, bytearray())
        except BlockingIOError:
            pass

    def _serve(self, connection, unsent, events):
        try:
            if events & selectors.EVENT_READ:
                data = connection.recv(SIZE)
                if not data:
                    self._selector.unregister(connection)
                    connection.close()
                    return
                unsent += data
            if unsent:
                del unsent[:connection.send(unsent)]
        except BlockingIOError:
            pass
        except OSError:
            self._selector.unregister(connection)
            connection.close()
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if unsent else 0)
        self._selector.modify(connection, wanted, unsent)


class Client:
    """One tunnel: a byte there and back says that it is open; then 64 KiB do the same."""

    def __init__(self, number, address):
        self.data = struct.pack(">I", number) + PATTERN[number % 1024:][:SIZE - 4]
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.bind((f"127.0.0.{1 + number % CLIENT_ADDRESSES}", 0))
        self.socket.connect_ex(address)
        self.sent = 0
        self.received = bytearray()


PATTERN = random.Random(4).randbytes(SIZE + 1024)


def exchange(clients, until, seconds):
    """Moves bytes on all `clients` until each has sent and received `until` bytes."""
    deadline = rig.Deadline(seconds)
    selector = selectors.DefaultSelector()
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, client)
    left = len(clients)
    while left > 0:
        events = selector.select(deadline.remaining())
        if deadline.passed():
            raise AssertionError(f"{left} of {len(clients)} tunnels did not carry {until} bytes "
                                 f"within {seconds} s")
        for key, ready in events:
            client = key.data
            if ready & selectors.EVENT_WRITE and client.sent < until:
                try:
                    client.sent += client.socket.send(client.data[client.sent:until])
                except BlockingIOError:
                    pass
                if client.sent == until:
                    selector.modify(client.socket, selectors.EVENT_READ, client)
            if ready & selectors.EVENT_READ:
                data = client.socket.recv(SIZE)
                assert data, f"a tunnel ended after {len(client.received)} bytes"
                client.received += data
                if len(client.received) == until:
                    selector.unregister(client.socket)
                    left -= 1
    selector.close()


class Scale(rig.Case):
    def setUp(self):
        super().setUp()
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        needed = TUNNELS + 500
        self.assertGreaterEqual(hard, needed, "raise the hard limit of descriptors (ulimit -Hn)")
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))

    def test_thousands_of_tunnels_are_opened_carry_their_bytes_and_then_cost_nothing(self):
        server = self.start_sshd(MaxStartups="10:30:100")
        echo = Echo(TARGETS)
        self.addCleanup(echo.stop)
        program, ports = self.forward(server, *echo.addresses, options=["-o", "PoolSessions=32"])

        began = time.monotonic()
        clients = [Client(number, ("127.0.0.1", ports[number % TARGETS]))
                   for number in range(TUNNELS)]
        for client in clients:
            self.addCleanup(client.socket.close)
        exchange(clients, 1, 120)
        opened = time.monotonic() - began
        exchange(clients, SIZE, 240)
        carried = time.monotonic() - began

        for client in clients:
            self.assertEqual(client.received, client.data)
        sessions = len(server.lines(pattern=r"^Accepted publickey"))
        before = program.cpu_seconds()
        time.sleep(IDLE_SECONDS)  # what is measured is that nothing happens
        used = (program.cpu_seconds() - before) / IDLE_SECONDS
        print(f"# {TUNNELS} tunnels over {sessions} sessions: open after {opened:.1f} s, "
              f"{SIZE // 1024} KiB each way after {carried:.1f} s, "
              f"{program.resident_bytes() // 2**20} MiB, idle at {100 * used:.2f} % of a core")
        self.assertLess(used, 0.01, "an idle program uses the processor")
        self.assertGreater(sessions, 1)
        if TUNNELS >= TUNNELS_PROMISED:
            self.assertLess(opened, OPENED_WITHIN)
        self.assertEqual(program.messages(), [])


if __name__ == "__main__":
    tap.main()
