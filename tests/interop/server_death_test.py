#!/usr/bin/python3 -B
"""The SSH server goes away in the middle of transfers: killed, stopped, or with a polite word.
Every local client sees an error, the program says why in one line and exits 255."""

import os
import signal
import socket
import threading

import load
import rig
import scripted_server
import tap

ENDLESS = 1 << 40
CLIENTS = 8


class Wire:
    """Between the program and a server: passes every byte on, until die() lets the server's side
    say only the beginning of a packet and then a byte every half second."""

    def __init__(self, server):
        self._server = (server.address, server.port)
        self._dead = threading.Event()
        self._target = load.Target(self._serve)
        self.port = self._target.port

    def die(self):
        self._dead.set()

    def stop(self):
        self._target.stop()

    def _serve(self, program):
        with socket.create_connection(self._server) as server:
            upward = threading.Thread(target=self._pass_on, args=(program, server), daemon=True)
            upward.start()
            server.settimeout(0.1)
            while not self._dead.is_set():
                try:
                    data = server.recv(65536)
                except TimeoutError:
                    continue
                if not data:
                    return
                program.sendall(data)
            # The length of a packet of 32 KiB, which GCM leaves in the clear.
            program.sendall((32768).to_bytes(4, "big"))
            while upward.is_alive():
                program.sendall(b"x")
                upward.join(0.5)

    @staticmethod
    def _pass_on(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass


class ServerDeath(rig.Case):
    def start_clients(self, download, upload, idle):
        """CLIENTS of each kind, every one in the middle of its transfer; returns what they will
        have seen, and their thread."""
        seen = [load.Received() for _ in range(3 * CLIENTS)]

        def run(port, outgoing, received):
            with load.connect(port) as connection:
                load.exchange(connection, outgoing, 40, finish=False, received=received)
        calls = [(download, (), each) for each in seen[:CLIENTS]]
        calls += [(upload, load.stream(1, ENDLESS), each) for each in seen[CLIENTS:2 * CLIENTS]]
        calls += [(idle, [b"hello"], each) for each in seen[2 * CLIENTS:]]
        clients = threading.Thread(target=load.at_once, args=(run, calls), daemon=True)
        clients.start()
        rig.wait_until(lambda: all(each.size > 100_000 for each in seen[:CLIENTS])
                       and all(each.sent > 100_000 for each in seen[CLIENTS:2 * CLIENTS])
                       and all(each.size == 5 for each in seen[2 * CLIENTS:]),
                       "every client is in the middle of its transfer", 20)
        return seen, clients

    def start_everything(self, options=()):
        server = self.start_sshd()
        targets = [load.Target(load.source(1, ENDLESS)), load.Target(load.sink),
                   load.Target(load.echo)]
        program, ports = self.forward(server, *(each.host_and_port for each in targets),
                                      options=[*options, *rig.ONE_SESSION])
        seen, clients = self.start_clients(*ports)
        return server, program, seen, clients

    def assert_all_reset(self, seen, clients):
        clients.join(15)
        self.assertFalse(clients.is_alive(), f"clients still wait: {seen}")
        self.assertEqual([each.end for each in seen], [load.RESET] * len(seen))

    def test_a_server_killed_in_mid_transfer_resets_every_client_and_ends_the_program(self):
        server, program, seen, clients = self.start_everything()

        server.kill()

        self.assert_ends_saying(program, server.address, "lost|closed|ended|reset|gone")
        self.assert_all_reset(seen, clients)

    def test_a_server_process_killed_alone_ends_the_program_while_the_listener_lives(self):
        server, program, seen, clients = self.start_everything()

        for pid in server.processes_of_connections():
            os.kill(pid, signal.SIGKILL)

        self.assert_ends_saying(program, server.address, "lost|closed|ended|reset|gone")
        self.assert_all_reset(seen, clients)

    def test_a_server_that_stops_answering_is_given_up_after_its_keepalives(self):
        server, program, seen, clients = self.start_everything(
            ["-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=2"])
        stopped = server.processes_of_connections()
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)

        self.assert_ends_saying(program, server.address, "answer|keepalive|timed out",
                                seconds=15)

        self.assert_all_reset(seen, clients)

    def test_a_program_that_is_stopped_for_longer_than_its_keepalives_take_goes_on(self):
        server = self.start_sshd()
        target = load.Target(load.echo)
        program, [port] = self.forward(server, target.host_and_port, options=[
            "-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=2"])
        connection = load.connect(port)
        self.addCleanup(connection.close)
        for seconds in (6, 4.5, 3.2):
            program.signal(signal.SIGSTOP)
            threading.Event().wait(seconds)
            program.signal(signal.SIGCONT)

            connection.sendall(b"hello")
            self.assertEqual(load.receive_exactly(connection, 5), b"hello")
            # A wrong judgement of one of the next probes would come within this.
            threading.Event().wait(4)
            self.assertTrue(program.is_running())

    def test_bytes_that_finish_no_packet_keep_no_dead_server_alive(self):
        server = self.start_sshd()
        wire = Wire(server)
        self.addCleanup(wire.stop)
        server.port = wire.port
        server.write_known_hosts(server.known_host_line(server.host_key))
        # With libssh2 the length is encrypted, and never whole before the server is given up.
        cipher = "aes128-ctr" if rig.options.engine == "libssh2" else "aes128-gcm@openssh.com"
        program, _ = self.forward(server, ("127.0.0.1", 9), options=[
            "-c", cipher,
            "-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=2"])

        wire.die()

        self.assert_ends_saying(program, server.address, "does not answer", seconds=20)

    def test_a_server_that_disconnects_has_its_words_shown_and_every_client_reset(self):
        # Nobody sends: a server that closes with our bytes unread would reset the SSH connection,
        # and what it said before could be lost in the network.
        server = scripted_server.ScriptedServer(self.directory / "server",
                                                {"echo": scripted_server.echoes})
        self.addCleanup(server.stop)
        program, [port] = self.forward(server, ("echo", 1))
        connections = [load.connect(port) for _ in range(CLIENTS)]
        for connection in connections:
            self.addCleanup(connection.close)
            connection.sendall(b"hello")
            self.assertEqual(load.receive_exactly(connection, 5), b"hello")

        server.disconnect("maintenance \x1b[31mat noon\nand later")

        self.assert_ends_saying(program, server.address, "maintenance", "at noon")
        self.assertNotIn("\x1b", program.messages()[0])
        for connection in connections:
            self.assertEqual(load.exchange(connection, finish=False).end, load.RESET)


if __name__ == "__main__":
    tap.main()
