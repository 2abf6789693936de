#!/usr/bin/python3 -B
"""Bytes through a tunnel, both ways, against OpenSSH's server: none lost, changed or reordered."""

import socket

import load
import rig
import tap

MIB = 1024 * 1024


class Transfer(rig.Case):
    def test_a_hundred_mebibytes_each_way_through_one_tunnel_arrive_unchanged(self):
        target = load.Target(load.duplex)
        _, [port] = self.forward(self.start_sshd(), target.host_and_port)

        load.converse(port, seed=1, size=100 * MIB, seconds=50)

        self.assertEqual(target.wait_for_results(1), [True])

    def test_two_hundred_tunnels_at_once_carry_two_mebibytes_each_way_unchanged(self):
        target = load.Target(load.duplex)
        _, [port] = self.forward(self.start_sshd(), target.host_and_port)

        load.at_once(load.converse, [(port, 10 * seed, 2 * MIB, 55) for seed in range(200)])

        self.assertEqual(target.wait_for_results(200), [True] * 200)

    def test_a_server_that_speaks_first_is_heard(self):
        def greet(connection):
            connection.sendall(b"220 ready\r\n")
            return load.receive_exactly(connection, 6)
        target = load.Target(greet)
        _, [port] = self.forward(self.start_sshd(), target.host_and_port)

        with load.connect(port) as connection:
            self.assertEqual(load.receive_exactly(connection, 11), b"220 ready\r\n")
            connection.sendall(b"QUIT\r\n")
            self.assertEqual(connection.recv(1), b"")

        self.assertEqual(target.wait_for_results(1), [b"QUIT\r\n"])

    def test_a_client_that_speaks_first_is_heard(self):
        target = load.Target(load.echo)
        _, [port] = self.forward(self.start_sshd(), target.host_and_port)

        with load.connect(port) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            self.assertEqual(load.receive_exactly(connection, 18), b"GET / HTTP/1.0\r\n\r\n")

    def test_many_small_messages_come_back_one_by_one(self):
        target = load.Target(load.echo)
        _, [port] = self.forward(self.start_sshd(), target.host_and_port)

        with load.connect(port) as connection:
            for number in range(500):
                message = b"%04d" % number
                connection.sendall(message)
                self.assertEqual(load.receive_exactly(connection, 4), message)

    def test_empty_connections_end_and_leave_nothing_behind(self):
        target = load.Target(load.echo)
        program, [port] = self.forward(self.start_sshd(), target.host_and_port,
                                       options=rig.ONE_SESSION)
        load.check_echo(port)
        before = program.descriptors()

        for _ in range(100):
            load.connect(port).close()

        load.check_echo(port)
        program.wait_for_descriptors(before)

    def test_connections_that_are_reset_by_the_client_leave_nothing_behind(self):
        target = load.Target(load.echo)
        program, [port] = self.forward(self.start_sshd(), target.host_and_port,
                                       options=rig.ONE_SESSION)
        load.check_echo(port)
        before = program.descriptors()

        for number in range(100):
            connection = load.connect(port)
            if number % 2:
                connection.sendall(b"half a word")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, load.RESET_AT_CLOSE)
            connection.close()

        load.check_echo(port)
        program.wait_for_descriptors(before)


if __name__ == "__main__":
    tap.main()
