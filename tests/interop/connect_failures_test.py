#!/usr/bin/python3 -B
"""Why there is no session: each failure is one line that says what and what to do, and exit 255."""

import socket
import threading

import load
import rig
import scripted_server
import tap

# What ConnectTimeout=2 may take with everything around it on a loaded machine.
SOON = 8
TIMED_OUT = "timed out|no answer|stopped answering|within 2 s"


class ConnectFailures(rig.Case):
    def start_towards(self, port, *options, address="127.0.0.1"):
        """The program towards something that is no SSH server."""
        self.directory.joinpath("known_hosts").touch()
        key = self.directory / "key"
        if not key.exists():
            rig.make_key(key)
        return self.start_caponier([
            "-N", "-F", "none", "-p", port, "-i", key, "-o", "IdentitiesOnly=yes",
            "-o", "GlobalKnownHostsFile=/dev/null", *options,
            "-o", f"UserKnownHostsFile={self.directory / 'known_hosts'}",
            "-L", "127.0.0.1:0:127.0.0.1:9", f"{rig.USER}@{address}"])

    def start_peer(self, serve):
        peer = load.Target(serve)
        self.addCleanup(peer.stop)
        return peer

    def test_a_wrong_host_key_names_the_line_of_known_hosts(self):
        server = self.start_sshd()
        other = rig.make_key(self.directory / "other")
        server.write_known_hosts("# a comment\n" + server.known_host_line(other))

        program = self.start_caponier(self.arguments_for(server, "0:127.0.0.1:9"))

        self.assert_fails(program, "host key", "changed|not the recorded one",
                          rf"{server.known_hosts}\W+(line )?2", "SHA256:")

    def test_an_unknown_host_key_shows_its_fingerprint_and_the_remedy(self):
        server = self.start_sshd()
        server.write_known_hosts("")

        program = self.start_caponier(self.arguments_for(server, "0:127.0.0.1:9"))

        self.assert_fails(program, "host key", "SHA256:", "accept-new|ssh-keyscan|known_hosts")

    def test_no_acceptable_identity_names_what_was_tried(self):
        server = self.start_sshd()
        stranger = rig.make_key(self.directory / "stranger")

        program = self.start_caponier(
            self.arguments_for(server, "0:127.0.0.1:9", identity=stranger))

        self.assertEqual(program.wait_for_exit(), 255)
        [cause, remedy] = program.messages()
        self.assertIn(f"{rig.USER}@{server.address}: Permission denied (publickey). ", cause)
        self.assertIn(str(stranger), cause)
        self.assertIn("authorized_keys", remedy)

    def test_a_refused_connection_names_the_address(self):
        port = rig.free_port()

        program = self.start_towards(port)

        self.assert_fails(program, "127.0.0.1", str(port), "refused")

    def test_an_address_that_never_answers_ends_after_connect_timeout(self):
        # A listener with a full backlog: the kernel drops further SYNs.
        with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
            port = listener.getsockname()[1]
            fillers = [socket.socket() for _ in range(4)]
            for filler in fillers:
                self.addCleanup(filler.close)
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))

            program = self.start_towards(port, "-o", "ConnectTimeout=2")

            self.assert_fails(program, "127.0.0.1", TIMED_OUT, seconds=SOON)

    def test_a_name_that_does_not_resolve_is_named(self):
        program = self.start_towards(22, address="no-such-bastion.invalid")

        self.assert_fails(program, "no-such-bastion.invalid", "resolve|not known|name", seconds=30)

    def test_a_server_that_accepts_and_says_nothing_ends_after_connect_timeout(self):
        peer = self.start_peer(load.sink)

        program = self.start_towards(peer.port, "-o", "ConnectTimeout=2")

        self.assert_fails(program, "127.0.0.1", TIMED_OUT, seconds=SOON)

    def test_a_server_that_turns_the_address_away_is_quoted(self):
        # OpenSSH 9.8 and later (PerSourcePenalties) and MaxStartups of any version.
        for said, remedy in (("Not allowed at this time", "PerSourcePenalties.*wait"),
                             ("Exceeded MaxStartups", "try again"),
                             ("Go away \x1b[2J", r"Go away [^\x1b]*2J")):
            def turn_away(connection, said=said):
                connection.sendall(f"{said}\r\n".encode())
            with self.subTest(said=said):
                peer = self.start_peer(turn_away)

                program = self.start_towards(peer.port)

                self.assert_fails(program, "127.0.0.1", str(peer.port), "turned the connection away",
                                  remedy)

    def test_a_server_that_stops_after_its_identification_ends_after_connect_timeout(self):
        def identify(connection):
            connection.sendall(b"SSH-2.0-Sphinx\r\n")
            load.sink(connection)
        peer = self.start_peer(identify)

        program = self.start_towards(peer.port, "-o", "ConnectTimeout=2")

        self.assert_fails(program, "127.0.0.1", TIMED_OUT, seconds=SOON)

    def test_a_server_that_talks_forever_before_its_identification_ends_after_connect_timeout(self):
        def talk(connection):
            while True:
                connection.sendall(b"Welcome, and wait.\r\n")
                threading.Event().wait(0.1)
        peer = self.start_peer(talk)

        program = self.start_towards(peer.port, "-o", "ConnectTimeout=2")

        self.assert_fails(program, "127.0.0.1", TIMED_OUT, seconds=SOON)

    def test_a_server_that_thinks_about_the_key_for_longer_than_connect_timeout_is_waited_for(self):
        server = scripted_server.ScriptedServer(self.directory / "server", {}, thinks_seconds=5)
        self.addCleanup(server.stop)

        program = self.start_caponier(
            ["-o", "ConnectTimeout=2", *self.arguments_for(server, "0:127.0.0.1:9")])

        program.wait_until_ready(seconds=30)

    def test_a_web_server_is_no_ssh_server(self):
        def answer(connection):
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n<html>")
            connection.shutdown(socket.SHUT_WR)
            load.sink(connection)
        peer = self.start_peer(answer)

        program = self.start_towards(peer.port)

        self.assert_fails(program, "127.0.0.1", "not (an )?ssh|ssh server|identification|speak ssh",
                          seconds=SOON)

    def test_a_flood_of_rubbish_is_no_ssh_server(self):
        def flood(connection):
            for piece in load.stream(1, 16 * 1024 * 1024):
                connection.sendall(piece.replace(b"\n", b"."))
        peer = self.start_peer(flood)

        program = self.start_towards(peer.port)

        self.assert_fails(program, "127.0.0.1", "not (an )?ssh|ssh server|identification|speak ssh",
                          seconds=SOON)

    def test_a_server_that_hangs_up_at_once_is_named(self):
        peer = self.start_peer(lambda connection: None)

        program = self.start_towards(peer.port)

        self.assert_fails(program, "127.0.0.1", "closed|lost|hung up|ended|reset", seconds=SOON)


if __name__ == "__main__":
    tap.main()
