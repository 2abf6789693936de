#!/usr/bin/python3 -B
"""The program dies in the middle of transfers, with no chance to say anything: what its clients got
must not look complete. And the other side of the same coin: what ends in good order is never cut,
however late its reader reads.

    tests/interop/process_death_test.py                 as in CI: 300 late readers for each kind of end
    CAPONIER_TRANSFERS=1000 tests/interop/process_death_test.py
"""

import hashlib
import os
import signal
import socket
import threading

import load
import rig
import tap

ENDLESS = 1 << 40
CLIENTS = 8
TRANSFERS = int(os.environ.get("CAPONIER_TRANSFERS", "300"))
AT_ONCE = 50
# More than the client's kernel takes and less than the program's: all of it is sent and most of it
# undelivered when the program closes.
SIZE = 200 * 1024
RECEIVE_BUFFER = 8192


class ProcessDeath(rig.Case):
    def test_a_program_that_is_killed_leaves_no_download_that_looks_complete(self):
        for number in (signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV):
            with self.subTest(signal=number.name):
                target = load.Target(load.source(1, ENDLESS))
                server = self.start_sshd(number.name)
                program, [port] = self.forward(server, target.host_and_port)
                seen = [load.Received() for _ in range(CLIENTS)]

                def run(received, port=port):
                    with load.connect(port) as connection:
                        load.exchange(connection, finish=False, received=received)
                clients = threading.Thread(
                    target=load.at_once, args=(run, [(each,) for each in seen]), daemon=True)
                clients.start()
                rig.wait_until(lambda seen=seen: all(each.size > 100_000 for each in seen),
                               "every client is in the middle of its download", 20)

                program.signal(number)

                clients.join(20)
                self.assertEqual([each.end for each in seen], [load.RESET] * CLIENTS)

    def test_a_program_that_is_killed_resets_idle_clients(self):
        target = load.Target(load.echo)
        program, [port] = self.forward(self.start_sshd(), target.host_and_port)
        clients = [load.connect(port) for _ in range(CLIENTS)]
        for client in clients:
            self.addCleanup(client.close)
            client.sendall(b"hello")
            self.assertEqual(load.receive_exactly(client, 5), b"hello")

        program.signal(signal.SIGKILL)

        for client in clients:
            self.assertEqual(load.exchange(client, finish=False).end, load.RESET)


class GoodOrder(rig.Case):
    def setUp(self):
        super().setUp()
        self.received_by_target = []
        self.ended = 0

    def serve(self, connection):
        """Sends, ends, and keeps what it hears."""
        for piece in load.stream(1, SIZE):
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        self.received_by_target.append(load.receive_exactly(connection, 5, 30))
        assert connection.recv(1) == b""

    def serve_after_the_client(self, connection):
        assert load.receive_exactly(connection, 5, 30) == b"hello"
        assert connection.recv(1) == b""
        for piece in load.stream(1, SIZE):
            connection.sendall(piece)

    def start(self, serve):
        self.target = load.Target(serve)
        self.program, [port] = self.forward(self.start_sshd(), self.target.host_and_port,
                                            options=rig.ONE_SESSION)
        return port

    def rounds(self, port):
        """Rounds of AT_ONCE connected clients, TRANSFERS in all."""
        for _ in range(0, TRANSFERS, AT_ONCE):
            clients = [connect_to_read_late(port) for _ in range(AT_ONCE)]
            yield clients
            for client in clients:
                client.close()

    def wait_until_all_are_closed(self, before):
        """Nothing is left of this round's connections but what the program's kernel holds."""
        self.ended += AT_ONCE
        self.assertEqual(self.target.wait_for_results(self.ended, 30), [None] * self.ended)
        rig.wait_until(lambda: self.program.descriptors() <= before, "the program has closed", 30)

    def assert_all_whole(self, clients):
        digests = load.at_once(digest_of_all, [(client,) for client in clients])
        self.assertEqual(digests, [load.digest(1, SIZE)] * len(clients))

    def test_what_the_client_ended_first_arrives_whole_behind_the_close(self):
        port = self.start(self.serve_after_the_client)
        before = self.program.descriptors()
        for clients in self.rounds(port):
            for client in clients:
                client.sendall(b"hello")
                client.shutdown(socket.SHUT_WR)
            self.wait_until_all_are_closed(before)

            self.assert_all_whole(clients)

    def test_what_the_target_ended_first_arrives_whole_behind_the_close(self):
        port = self.start(self.serve)
        before = self.program.descriptors()
        for clients in self.rounds(port):
            for client in clients:
                self.assertEqual(len(load.receive_exactly(client, 1, 20)), 1)
            for client in clients:
                client.sendall(b"hello")
                client.shutdown(socket.SHUT_WR)
            self.wait_until_all_are_closed(before)

            digests = load.at_once(digest_of_all, [(client, first_byte()) for client in clients])
            self.assertEqual(digests, [load.digest(1, SIZE)] * len(clients))

    def test_a_client_that_goes_on_after_the_targets_end_gets_all_and_is_heard(self):
        port = self.start(self.serve)
        for clients in self.rounds(port):
            self.assert_all_whole(clients)
            for client in clients:
                client.sendall(b"hello")
                client.shutdown(socket.SHUT_WR)
        self.assertEqual(self.target.wait_for_results(TRANSFERS, 30), [None] * TRANSFERS)
        self.assertEqual(self.received_by_target, [b"hello"] * TRANSFERS)


def connect_to_read_late(port):
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    client.settimeout(30)
    client.connect(("127.0.0.1", port))
    return client


def first_byte():
    return next(load.stream(1, SIZE))[:1]


def digest_of_all(client, begun=b""):
    """Of everything up to the clean end; a reset is an error."""
    sha = hashlib.sha256(begun)
    while data := client.recv(64 * 1024):
        sha.update(data)
    return sha.hexdigest()


if __name__ == "__main__":
    tap.main()
