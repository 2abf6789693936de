#!/usr/bin/python3 -B
"""One direction ends while the other goes on: FIN and SSH_MSG_CHANNEL_EOF stand for each other."""

import socket
import threading

import load
import rig
import tap

SIZE = 4 * 1024 * 1024


class HalfClose(rig.Case):
    def test_a_client_that_finishes_first_still_receives_everything(self):
        def serve(connection):
            received = load.exchange(connection, finish=False)
            load.exchange(connection, load.stream(2, SIZE), received=received)
            return received.end, received.digest
        target = load.Target(serve)
        _, [port] = self.forward(self.start_sshd(), target.host_and_port)

        with load.connect(port) as connection:
            received = load.exchange(connection, load.stream(1, SIZE))

        self.assertEqual((received.end, received.digest), (load.CLEAN, load.digest(2, SIZE)))
        self.assertEqual(target.wait_for_results(1), [(load.CLEAN, load.digest(1, SIZE))])

    def test_a_target_that_finishes_first_still_receives_everything(self):
        target = load.Target(load.source(1, SIZE))
        _, [port] = self.forward(self.start_sshd(), target.host_and_port)

        with load.connect(port) as connection:
            received = load.exchange(connection, finish=False)
            self.assertEqual((received.end, received.digest), (load.CLEAN, load.digest(1, SIZE)))
            load.exchange(connection, load.stream(2, SIZE), received=received)

        [seen] = target.wait_for_results(1)
        self.assertEqual((seen.end, seen.digest), (load.CLEAN, load.digest(2, SIZE)))

    def test_a_client_that_finishes_without_a_word_is_answered(self):
        def serve(connection):
            assert connection.recv(1) == b""
            connection.sendall(b"goodbye")
        target = load.Target(serve)
        _, [port] = self.forward(self.start_sshd(), target.host_and_port)

        with load.connect(port) as connection:
            received = load.exchange(connection)

        self.assertEqual((received.end, received.size), (load.CLEAN, 7))

    def test_a_client_that_sends_and_closes_has_everything_delivered(self):
        target = load.Target(load.sink)
        _, [port] = self.forward(self.start_sshd(), target.host_and_port)

        with load.connect(port) as connection:
            for piece in load.stream(1, SIZE):
                connection.sendall(piece)

        [seen] = target.wait_for_results(1)
        self.assertEqual((seen.end, seen.digest), (load.CLEAN, load.digest(1, SIZE)))

    def test_a_half_closed_tunnel_costs_no_processor_time(self):
        def serve(connection):
            connection.sendall(b"and now you")
            connection.shutdown(socket.SHUT_WR)
            return load.exchange(connection, finish=False)
        target = load.Target(serve)
        program, [port] = self.forward(self.start_sshd(), target.host_and_port)
        with load.connect(port) as connection:
            load.exchange(connection, finish=False)
            before = program.cpu_seconds()

            # Nothing can be waited for where nothing should happen: this is how long it is watched.
            self.assertEqual(target.results, [])
            threading.Event().wait(1.0)

            self.assertLess(program.cpu_seconds() - before, 0.2)

    def test_ended_connections_leave_no_descriptor_behind(self):
        target = load.Target(load.duplex)
        program, [port] = self.forward(self.start_sshd(), target.host_and_port)
        load.converse(port, seed=0, size=1000)
        before = program.descriptors()

        load.at_once(load.converse, [(port, seed, 1000) for seed in range(1, 50)])

        program.wait_for_descriptors(before)


if __name__ == "__main__":
    tap.main()
