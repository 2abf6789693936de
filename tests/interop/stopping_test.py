#!/usr/bin/python3 -B
"""How the program ends when it is asked to: connections that move bytes may finish, those that do
not are not waited for, and nothing is waited for where nothing is open."""

import os
import signal
import socket
import threading
import time

import load
import rig
import tap

ENDLESS = 1 << 40


class Stopping(rig.Case):
    def setUp(self):
        super().setUp()
        self.target = load.Target(load.echo)

    def connect(self, port):
        """A connection through the tunnel that has carried something."""
        connection = load.connect(port)
        self.addCleanup(connection.close)
        self.assert_echoes(connection)
        return connection

    def assert_echoes(self, connection):
        connection.sendall(b"is anybody there?")
        self.assertEqual(load.receive_exactly(connection, 17), b"is anybody there?")

    # ---- nothing is open ----

    def test_sigint_and_sigterm_end_an_idle_program_with_0(self):
        server = self.start_sshd()
        for number in signal.SIGINT, signal.SIGTERM:
            program, _ = self.forward(server, self.target.host_and_port)

            program.signal(number)

            self.assertEqual(program.wait_for_exit(5), 0)
            self.assertEqual(program.messages(), [])

    def test_a_server_that_does_not_answer_is_not_waited_for(self):
        server = self.start_sshd()
        program, [port] = self.forward(server, self.target.host_and_port)
        load.check_echo(port)
        for pid in server.processes_of_connections():
            os.kill(pid, signal.SIGSTOP)

        program.signal(signal.SIGTERM)

        self.assertEqual(program.wait_for_exit(5), 0)
        self.assertEqual(program.messages(), [])

    def test_a_signal_ends_a_program_that_waits_for_a_silent_server(self):
        silent = load.Target(load.sink)
        server = self.start_sshd()
        server.port = silent.port
        program = self.start_caponier(self.arguments_for(server, "127.0.0.1:0:a:1"))
        silent.wait_for_connections(1)

        program.signal(signal.SIGTERM)

        self.assertEqual(program.wait_for_exit(5), 0)

    def test_a_signal_that_was_ignored_at_the_start_stays_ignored(self):
        # As shells start a script's background jobs, and as nohup does.
        server = self.start_sshd()
        others = {"INT": signal.SIGTERM, "HUP": signal.SIGTERM, "TERM": signal.SIGINT}
        for ignored, other in others.items():
            program = self.keep(IgnoringCaponier(
                ignored, self.arguments_for(server, "127.0.0.1:0:{}:{}".format(
                    *self.target.host_and_port))))
            [port] = program.wait_until_ready()

            program.signal(getattr(signal, f"SIG{ignored}"))

            for _ in range(20):
                load.check_echo(port)
            self.assertTrue(program.is_running(), ignored)
            program.signal(other)
            self.assertEqual(program.wait_for_exit(5), 0, ignored)

    # ---- something is open ----

    def test_the_first_signal_lets_connections_finish_and_takes_no_new_ones(self):
        program, [port] = self.forward(self.start_sshd(), self.target.host_and_port)
        connection = self.connect(port)

        program.signal(signal.SIGTERM)

        def refuses_while_bytes_move():
            self.assert_echoes(connection)
            return refuses(port)
        rig.wait_until(refuses_while_bytes_move, "the listener is closed")
        self.assert_echoes(connection)
        received = load.exchange(connection)
        self.assertEqual(received.end, load.CLEAN)
        self.assertEqual(program.wait_for_exit(5), 0)

    def test_a_transfer_that_runs_when_the_signal_comes_is_finished(self):
        target = load.Target(load.duplex)
        program, [port] = self.forward(self.start_sshd(), target.host_and_port)
        client = threading.Thread(target=load.converse, args=(port, 3, 64 * 1024 * 1024))
        client.start()
        target.wait_for_connections(1)

        program.signal(signal.SIGINT)

        client.join(30)
        self.assertEqual(target.wait_for_results(1), [True])
        self.assertEqual(program.wait_for_exit(5), 0)

    def test_a_slow_reader_gets_everything(self):
        size = 16 * 1024 * 1024
        target = load.Target(load.source(7, size))
        program, [port] = self.forward(self.start_sshd(), target.host_and_port)
        connection = socket.socket()
        self.addCleanup(connection.close)
        connection.settimeout(10)
        # Little is in its own kernel, so that it is the program that holds what it did not read.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
        connection.connect(("127.0.0.1", port))
        received = load.Received()
        received.add(load.receive_exactly(connection, 1000))

        program.signal(signal.SIGTERM)

        # Longer than anything is waited for that does not move, and less than the whole drain.
        for _ in range(8):
            received.add(load.receive_exactly(connection, 64 * 1024))
            time.sleep(0.4)
        load.exchange(connection, received=received)
        self.assertEqual(received.end, load.CLEAN)
        self.assertEqual((received.size, received.digest), (size, load.digest(7, size)))
        self.assertEqual(program.wait_for_exit(5), 0)

    def test_a_connection_that_moves_nothing_is_reset_soon(self):
        program, [port] = self.forward(self.start_sshd(), self.target.host_and_port,
                                       options=["-o", "DrainTimeout=50"])
        connection = self.connect(port)

        program.signal(signal.SIGTERM)

        self.assertEqual(load.exchange(connection, finish=False).end, load.RESET)
        self.assertEqual(program.wait_for_exit(15), 0)
        [message] = program.messages()
        self.assertRegex(message, "waits up to 50 s for a connection.*second Ctrl-C")

    def test_the_drain_ends_after_its_time_and_resets_what_is_open(self):
        target = load.Target(load.source(1, ENDLESS))
        program, [port] = self.forward(self.start_sshd(), target.host_and_port,
                                       options=["-o", "DrainTimeout=2"])
        received = load.Received()
        client = threading.Thread(target=load.listen_to, args=(port,), daemon=True)
        client.start()
        with load.connect(port) as connection:
            load.receive_exactly(connection, 1000)

            program.signal(signal.SIGTERM)

            load.exchange(connection, finish=False, received=received)
        self.assertEqual(received.end, load.RESET)
        self.assertEqual(program.wait_for_exit(15), 0)
        self.assertEqual(len(program.lines("stderr", "waits up to 2 s for 2 connections")), 1)

    def test_without_a_drain_the_first_signal_resets_what_is_open(self):
        target = load.Target(load.source(1, ENDLESS))
        program, [port] = self.forward(self.start_sshd(), target.host_and_port,
                                       options=["-o", "DrainTimeout=0"])
        with load.connect(port) as connection:
            load.receive_exactly(connection, 1000)

            program.signal(signal.SIGTERM)

            self.assertEqual(load.exchange(connection, finish=False).end, load.RESET)
        self.assertEqual(program.wait_for_exit(5), 0)
        self.assertEqual(program.messages(), [])

    def test_the_second_signal_ends_the_program_at_once_and_resets_what_is_open(self):
        target = load.Target(load.source(1, ENDLESS))
        program, [port] = self.forward(self.start_sshd(), target.host_and_port,
                                       options=["-o", "DrainTimeout=50"])
        with load.connect(port) as connection:
            load.receive_exactly(connection, 1000)
            received = load.Received()
            client = threading.Thread(target=load.exchange, args=(connection,), daemon=True,
                                      kwargs={"finish": False, "received": received})
            client.start()
            program.signal(signal.SIGINT)
            rig.wait_until(lambda: refuses(port), "the listener is closed")

            program.signal(signal.SIGINT)

            self.assertEqual(program.wait_for_exit(5), 0)
            client.join(10)
            self.assertEqual(received.end, load.RESET)


class IgnoringCaponier(rig.Caponier):
    """Started by a shell that ignores a signal."""

    def __init__(self, ignored, arguments):
        words = [rig.options.program, f"--io={rig.options.backend}", *map(str, arguments)]
        rig.Process.__init__(self, "caponier", [
            "/bin/sh", "-c", f"trap '' {ignored}; exec \"$@\"", "sh", *words],
            rig.clean_environment())


def refuses(port):
    try:
        load.connect(port).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        # It was in the backlog when the listener closed: the next one is refused.
        return False
    return False


if __name__ == "__main__":
    tap.main()
