#!/usr/bin/python3 -B
"""Backpressure: whoever stops reading stops his own tunnel and nobody else's, and makes the program
hold no more than the channel's window."""

import threading

import load
import rig
import tap

MIB = 1024 * 1024
STREAM = 32 * MIB
STALLED = 8

# initial_window_bytes of engine/relay/limits.h: what one stopped reader can make the program hold.
WINDOW = 2 * MIB
# What the program may touch beside windows: its buffer pools, queues, and the allocator's slack.
SLACK = 16 * MIB


class StoppedReader(rig.Case):
    def test_stopped_clients_cost_no_more_than_their_windows_and_get_everything_later(self):
        sent = []

        def serve(connection):
            sent.append(load.Received())
            load.exchange(connection, load.stream(1, STREAM), 50, received=sent[-1])
        target = load.Target(serve)
        others = load.Target(load.duplex)
        program, [port, other] = self.forward(self.start_sshd(), target.host_and_port,
                                              others.host_and_port, options=rig.ONE_SESSION)
        load.converse(other, seed=5, size=16 * MIB)
        before = program.resident_bytes()

        stopped = [load.connect(port) for _ in range(STALLED)]
        for connection in stopped:
            self.addCleanup(connection.close)
        target.wait_for_connections(STALLED)
        load.wait_until_still(lambda: sum(each.sent for each in sent))

        self.assertLess(sum(each.sent for each in sent), STALLED * STREAM, "all was taken")
        self.assertLess(program.resident_bytes() - before, STALLED * WINDOW + SLACK)
        load.converse(other, seed=7, size=4 * MIB)
        read = load.at_once(load.exchange, [(connection, (), 40) for connection in stopped])
        self.assertEqual({(each.end, each.digest) for each in read},
                         {(load.CLEAN, load.digest(1, STREAM))})

    def test_stopped_targets_cost_no_more_than_the_queues_and_get_everything_later(self):
        go_on = threading.Event()
        self.addCleanup(go_on.set)

        def serve(connection):
            go_on.wait(50)
            return load.exchange(connection, finish=False, seconds=40).digest
        target = load.Target(serve)
        others = load.Target(load.duplex)
        program, [port, other] = self.forward(self.start_sshd(), target.host_and_port,
                                              others.host_and_port, options=rig.ONE_SESSION)
        load.converse(other, seed=5, size=16 * MIB)
        before = program.resident_bytes()

        written = [load.Received() for _ in range(STALLED)]

        def send(received):
            with load.connect(port) as connection:
                load.exchange(connection, load.stream(1, STREAM), 50, received=received)
        senders = threading.Thread(
            target=load.at_once, args=(send, [(each,) for each in written]), daemon=True)
        senders.start()
        target.wait_for_connections(STALLED)
        load.wait_until_still(lambda: sum(each.sent for each in written))

        self.assertLess(sum(each.sent for each in written), STALLED * STREAM, "all was taken")
        self.assertLess(program.resident_bytes() - before, SLACK)
        load.converse(other, seed=7, size=4 * MIB)
        go_on.set()
        self.assertEqual(target.wait_for_results(STALLED, 40), [load.digest(1, STREAM)] * STALLED)
        senders.join(10)

    def test_a_stopped_reader_costs_no_processor_time(self):
        target = load.Target(load.source(1, STREAM))
        program, [port] = self.forward(self.start_sshd(), target.host_and_port)
        with load.connect(port):
            load.wait_until_still(program.cpu_seconds, seconds_still=0.3)
            before = program.cpu_seconds()

            # Nothing can be waited for where nothing should happen: this is how long it is watched.
            threading.Event().wait(1.0)

            self.assertLess(program.cpu_seconds() - before, 0.2)

    def test_a_stopped_reader_that_leaves_frees_its_tunnel(self):
        target = load.Target(load.source(1, STREAM))
        echo = load.Target(load.echo)
        program, [port, other] = self.forward(self.start_sshd(), target.host_and_port,
                                              echo.host_and_port, options=rig.ONE_SESSION)
        load.check_echo(other)
        before = program.descriptors()

        for _ in range(10):
            with load.connect(port) as connection:
                load.receive_exactly(connection, 1000)

        program.wait_for_descriptors(before)
        load.check_echo(other)


if __name__ == "__main__":
    tap.main()
