#!/usr/bin/python3 -B
"""MemoryBudget: many readers that have stopped make the program hold no more than was promised to all
of them together, and everybody else's tunnel flows.

    tests/interop/budget_test.py                 as in CI: 600 readers that have stopped
    CAPONIER_STOPPED=10000 tests/interop/budget_test.py      under a budget to match
"""

import multiprocessing
import os
import resource
import selectors
import socket

import load
import rig
import tap

MIB = 1024 * 1024
STOPPED = int(os.environ.get("CAPONIER_STOPPED", "600"))
# Enough for so many: a few large windows, some smaller ones, and 32 KiB for each of the others.
BUDGET = max(32, STOPPED // 15) * MIB
# What the program may touch beside windows: buffer pools, queues, connections, the allocator's slack.
SLACK = 32 * MIB + STOPPED * 4096
# Small, so that it is the program that holds what nobody reads, and not the kernel.
RECEIVE_BUFFER = 4096
# So much that the kernels between the program and a reader cannot hold it, and a window can hold the
# rest; and so many readers that what is left of it is twice the budget and the slack.
LEFT = 4 * MIB
LEFT_BEHIND = 25


class Flood:
    """Sends to everybody who connects for as long as they take it. A process of its own, so that
    neither end needs two descriptors a tunnel."""

    def __init__(self):
        listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.host_and_port = listener.getsockname()
        context = multiprocessing.get_context("fork")
        self._taken = context.Value("Q")
        self._connections = context.Value("Q")
        self._process = context.Process(target=self._run, args=(listener,), daemon=True)
        self._process.start()
        listener.close()

    @property
    def taken(self):
        return self._taken.value

    @property
    def connections(self):
        return self._connections.value

    def _run(self, listener):
        selector = selectors.DefaultSelector()
        selector.register(listener, selectors.EVENT_READ)
        piece = bytes(64 * 1024)
        while True:
            for key, _ in selector.select():
                if key.fileobj is listener:
                    connection, _ = listener.accept()
                    connection.setblocking(False)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, RECEIVE_BUFFER)
                    selector.register(connection, selectors.EVENT_WRITE)
                    self._connections.value += 1
                    continue
                try:
                    self._taken.value += key.fileobj.send(piece)
                except BlockingIOError:
                    pass
                except OSError:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()

    def stop(self):
        self._process.kill()
        self._process.join()


def connect_and_never_read(port):
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    connection.settimeout(10)
    connection.connect(("127.0.0.1", port))
    return connection


class Budget(rig.Case):
    def test_readers_that_stop_hold_no_more_than_the_budget_and_nobody_up(self):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        flood = Flood()
        self.addCleanup(flood.stop)
        others = load.Target(load.duplex)
        program, [port, other] = self.forward(
            self.start_sshd(MaxStartups=100), flood.host_and_port, others.host_and_port,
            options=["-o", f"MemoryBudget={BUDGET}", "-o", "PoolSessions=32",
                     "-o", "ChannelsPerSession=400"])
        load.converse(other, seed=5, size=16 * MIB)
        before = program.resident_bytes()

        for count in range(STOPPED):
            self.addCleanup(connect_and_never_read(port).close)
            # So many at a time that no backlog runs over.
            if count % 100 == 99:
                rig.wait_until(lambda at_least=count + 1: flood.connections >= at_least,
                               "the target has them all", seconds=30)
        rig.wait_until(lambda: flood.connections == STOPPED, "the target has them all", seconds=30)
        rig.wait_until(lambda: program.resident_bytes() - before > STOPPED * 16 * 1024,
                       "the program holds what nobody reads", seconds=60)
        load.wait_until_still(lambda: flood.taken, seconds=60)

        self.assertLess(program.resident_bytes() - before, BUDGET + SLACK)
        load.converse(other, seed=7, size=4 * MIB)

    def test_beyond_the_budget_a_tunnel_is_refused_with_the_reason(self):
        flood = Flood()
        self.addCleanup(flood.stop)
        program, [port] = self.forward(self.start_sshd(), flood.host_and_port,
                                       options=["-o", "MemoryBudget=1M", *rig.ONE_SESSION])
        # The smallest windows: 32 KiB each.
        for _ in range(MIB // (32 * 1024) + 1):
            self.addCleanup(connect_and_never_read(port).close)

        # It waits for a while before that, in case that a tunnel ends.
        program.wait_for_lines("was refused: the memory budget is used up", seconds=25)

    def test_what_readers_have_left_when_their_tunnels_end_counts_until_they_took_it(self):
        sent = []

        def serve(connection):
            sent.append(load.Received())
            assert connection.recv(1) == b""
            load.exchange(connection, load.stream(1, LEFT), 50, received=sent[-1])
        others = load.Target(load.duplex)
        target = load.Target(serve)
        program, [port, other] = self.forward(
            self.start_sshd(), target.host_and_port, others.host_and_port,
            options=["-o", "MemoryBudget=8M", *rig.ONE_SESSION])
        load.converse(other, seed=5, size=16 * MIB)
        before = program.resident_bytes()

        # One after the other: the server has ended the tunnel of one when the next comes.
        readers = []
        for count in range(1, LEFT_BEHIND + 1):
            readers.append(connect_and_never_read(port))
            self.addCleanup(readers[-1].close)
            readers[-1].shutdown(socket.SHUT_WR)
            rig.wait_until(lambda at_least=count: len(sent) >= at_least, "the target has it")
            load.wait_until_still(lambda: sum(each.sent for each in sent), seconds_still=0.2)
        self.assertGreater(sum(each.sent == LEFT for each in sent), 0, "no tunnel has ended")

        self.assertLess(program.resident_bytes() - before, (8 + 8) * MIB)
        # The first were ended by the server long ago, the last are still held back by it.
        again = [*readers[:3], *readers[-3:]]
        for reader in again:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MIB)
        read = load.at_once(load.exchange, [(reader, (), 40, False) for reader in again])
        self.assertEqual({(each.end, each.digest) for each in read},
                         {(load.CLEAN, load.digest(1, LEFT))})


if __name__ == "__main__":
    tap.main()
