#!/usr/bin/python3 -B
"""Several SSH sessions to one server: one that dies takes its own tunnels with it, and nobody else's."""

import os
import signal
import threading

import load
import rig
import scripted_server
import tap

SESSIONS = 3
TUNNELS = 4 * SESSIONS


class Pool(rig.Case):
    def open_tunnels(self, server, port):
        """TUNNELS of them, over SESSIONS sessions; what each says comes back."""
        tunnels = []
        for count in range(1, TUNNELS + 1):
            tunnel = load.connect(port)
            self.addCleanup(tunnel.close)
            self.assertTrue(self.answers(tunnel))
            tunnels.append(tunnel)
            # The tunnel that passes the mark has the next session dialled.
            server.wait_for_lines("Accepted publickey", count=min(SESSIONS, (count + 1) // 2))
        return tunnels

    @staticmethod
    def answers(tunnel):
        """False where it was reset."""
        try:
            tunnel.settimeout(10)
            tunnel.sendall(b"hello")
            return load.receive_exactly(tunnel, 5) == b"hello"
        except (ConnectionResetError, BrokenPipeError):
            return False

    def test_a_session_that_is_killed_takes_only_its_own_tunnels_with_it(self):
        server = self.start_sshd()
        target = load.Target(load.echo)
        program, [port] = self.forward(
            server, target.host_and_port,
            options=["-o", f"PoolSessions={SESSIONS}", "-o", "ChannelsPerSession=2"])
        tunnels = self.open_tunnels(server, port)
        victim = server.processes_of_connections()[0]

        for pid in [victim, *rig.descendants(victim)]:
            os.kill(pid, signal.SIGKILL)

        program.wait_for_lines("other sessions go on")
        living = [tunnel for tunnel in tunnels if self.answers(tunnel)]
        self.assertGreaterEqual(len(living), SESSIONS - 1)
        self.assertLess(len(living), TUNNELS)
        load.check_echo(port)
        self.assertTrue(program.is_running())
        self.assertEqual(len(program.messages()), 1, program.messages())

    def start_scripted_server(self, logged_in):
        server = scripted_server.ScriptedServer(
            self.directory / "server", {"echo": scripted_server.echoes}, logged_in=logged_in)
        self.addCleanup(server.stop)
        program, [port] = self.forward(server, ("echo", 1), options=["-o", "ChannelsPerSession=2"])
        return server, program, port

    def connect(self, port):
        tunnel = load.connect(port)
        self.addCleanup(tunnel.close)
        return tunnel

    def test_a_server_that_ends_every_login_but_the_first_is_asked_later_and_later(self):
        def end_all_but_the_first(connections):
            if len(connections) > 1:
                connections[-1].abort()
        server, program, port = self.start_scripted_server(end_all_but_the_first)
        first = self.connect(port)
        self.assertTrue(self.answers(first))
        idle = [self.connect(port) for _ in range(20)]

        # Each connection is an occasion to dial; in this time hundreds of logins would fit.
        end = rig.Deadline(3)
        while not end.passed():
            idle.append(self.connect(port))
            threading.Event().wait(0.05)

        self.assertGreaterEqual(server.logins, 2)
        self.assertLessEqual(server.logins, 8)
        self.assertTrue(self.answers(first))
        self.assertTrue(program.is_running())

    def test_a_server_that_ends_a_users_older_session_keeps_the_newest_and_is_asked_no_more(self):
        def end_the_older_ones(connections):
            for connection in connections[:-1]:
                connection.abort()
        server, program, port = self.start_scripted_server(end_the_older_ones)
        tunnels = [self.connect(port) for _ in range(5)]

        # The tunnels that it costs before that is clear are opened again by those who want them.
        def is_told():
            if not program.lines(pattern="from here on one SSH connection"):
                tunnels.append(self.connect(port))
                self.answers(tunnels[-1])
                return False
            return True
        rig.wait_until(is_told, "the program says what it has seen", 30)
        rig.wait_until(lambda: self.answers(self.connect(port)), "a tunnel that works", 20)

        logins = server.logins
        tunnels = [self.connect(port) for _ in range(10)]
        for _ in range(20):
            self.assertEqual([self.answers(tunnel) for tunnel in tunnels], [True] * 10)
            threading.Event().wait(0.1)
        self.assertEqual(server.logins, logins)
        self.assertEqual(len(program.lines(pattern="from here on one SSH connection")), 1)


if __name__ == "__main__":
    tap.main()
