#!/usr/bin/python3 -B
"""Truncation never looks like a clean end: a channel that the server closes without EOF delivers
what came and is then reset. OpenSSH's server never does this, so the server is scripted."""

import threading

import load
import rig
import scripted_server
import tap

SIZE = 1024 * 1024


class Cut(rig.Case):
    def start_scripted(self, acts, **how):
        server = scripted_server.ScriptedServer(self.directory / "server", acts, **how)
        self.addCleanup(server.stop)
        return server

    def test_a_channel_closed_without_eof_delivers_what_came_and_is_then_reset(self):
        data = b"".join(load.stream(1, SIZE))
        server = self.start_scripted({"cut": scripted_server.sends_then_closes_without_eof(data)})
        _, [port] = self.forward(server, ("cut", 1))

        received = load.listen_to(port)

        self.assertEqual((received.size, received.digest), (SIZE, load.digest(1, SIZE)))
        self.assertEqual(received.end, load.RESET)

    def test_a_reader_that_takes_its_time_still_gets_all_before_the_reset(self):
        data = b"".join(load.stream(1, SIZE))
        server = self.start_scripted({"cut": scripted_server.sends_then_closes_without_eof(data)})
        _, [port] = self.forward(server, ("cut", 1))

        with load.connect(port) as connection:
            received = load.Received()
            for step in range(1, 9):
                load.exchange(connection, finish=False, until=step * SIZE // 8, received=received)
                threading.Event().wait(0.1)
            load.exchange(connection, finish=False, received=received)

        self.assertEqual((received.size, received.digest), (SIZE, load.digest(1, SIZE)))
        self.assertEqual(received.end, load.RESET)

    def test_a_channel_closed_before_a_byte_came_is_reset(self):
        server = self.start_scripted({"cut": scripted_server.sends_then_closes_without_eof(b"")})
        _, [port] = self.forward(server, ("cut", 1))

        received = load.listen_to(port)

        self.assertEqual((received.size, received.end), (0, load.RESET))

    def test_a_channel_with_eof_before_its_close_ends_cleanly(self):
        data = b"".join(load.stream(1, SIZE))
        server = self.start_scripted({"whole": scripted_server.sends_then_ends(data)})
        _, [port] = self.forward(server, ("whole", 1))

        received = load.listen_to(port)

        self.assertEqual((received.end, received.digest), (load.CLEAN, load.digest(1, SIZE)))

    def test_a_close_without_eof_is_an_end_at_servers_made_with_go(self):
        data = b"".join(load.stream(1, SIZE))
        server = self.start_scripted({"cut": scripted_server.sends_then_closes_without_eof(data)},
                                     version="Go")
        _, [port] = self.forward(server, ("cut", 1))

        received = load.listen_to(port)

        self.assertEqual((received.end, received.digest), (load.CLEAN, load.digest(1, SIZE)))

    def test_the_user_says_what_a_close_without_eof_is(self):
        for version, choice, end in (("Go", "reset", load.RESET), ("Go", "auto", load.CLEAN),
                                     ("Other", "auto", load.RESET), ("Other", "fin", load.CLEAN)):
            with self.subTest(version=version, choice=choice):
                server = scripted_server.ScriptedServer(
                    self.directory / f"{version}-{choice}",
                    {"cut": scripted_server.sends_then_closes_without_eof(b"half a senten")},
                    version=version)
                self.addCleanup(server.stop)
                _, [port] = self.forward(server, ("cut", 1),
                                         options=["-o", f"CloseWithoutEof={choice}"])

                received = load.listen_to(port)

                self.assertEqual((received.size, received.end), (13, end))

    def test_a_cut_channel_leaves_other_tunnels_alone_and_no_descriptor_behind(self):
        server = self.start_scripted({
            "cut": scripted_server.sends_then_closes_without_eof(b"half a senten"),
            "echo": scripted_server.echoes})
        program, [cut, echo] = self.forward(server, ("cut", 1), ("echo", 1))
        with load.connect(echo) as living:
            living.sendall(b"before")
            self.assertEqual(load.receive_exactly(living, 6), b"before")
            before = program.descriptors()

            for _ in range(20):
                received = load.listen_to(cut)
                self.assertEqual((received.size, received.end), (13, load.RESET))

            living.sendall(b"after")
            self.assertEqual(load.receive_exactly(living, 5), b"after")
            program.wait_for_descriptors(before)


if __name__ == "__main__":
    tap.main()
