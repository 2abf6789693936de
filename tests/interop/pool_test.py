#!/usr/bin/python3 -B
"""Several SSH sessions to one server: one that dies takes its own tunnels with it, and nobody else's."""

import os
import signal

import load
import rig
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


if __name__ == "__main__":
    tap.main()
