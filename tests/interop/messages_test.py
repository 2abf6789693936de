#!/usr/bin/python3 -B
"""What the program says when nobody reads it, when its streams are closed or full, and how much of
it others can cause: the tunnels never wait for a reader of messages."""

import fcntl
import os
import re
import select
import signal
import subprocess
import sys
import termios

import load
import rig
import tap

# As many lines as fill a pipe of 64 KiB, and the program's own queue behind it.
MANY = 4000
AT_ONCE = 50


class Messages(rig.Case):
    def setUp(self):
        super().setUp()
        self.echo = load.Target(load.echo)
        self.refusing = ("127.0.0.1", rig.free_port())

    def start(self, server, options=(), targets=None, **streams):
        """The program with streams of the test's choice. Reports nothing by itself, so that nobody
        reads what the test does not read."""
        forwards = [f"127.0.0.1:0:{host}:{port}"
                    for host, port in targets or (self.refusing, self.echo.host_and_port)]
        command = [rig.options.program, f"--io={rig.options.backend}", *options,
                   *self.arguments_for(server, *forwards)]
        child = subprocess.Popen(["/usr/bin/setpriv", "--pdeathsig", "KILL", "--",
                                  *map(str, command)],
                                 stdin=subprocess.DEVNULL, env=rig.clean_environment(),
                                 start_new_session=True, **streams)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        return child

    def ports_of(self, child, count=2):
        lines = [child.stdout.readline().decode().rstrip("\n") for _ in range(count)]
        return [int(rig.READY.match(line)["port"]) for line in lines]

    def unread(self):
        """A pipe as small as pipes are. Returns its ends."""
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        self.addCleanup(os.close, reader)
        return reader, writer

    def start_unread(self, options=()):
        """The program with a stderr that nobody reads; returns it, its ports and the unread end."""
        reader, writer = self.unread()
        child = self.start(self.start_sshd(), [*options, *rig.ONE_SESSION],
                           stdout=subprocess.PIPE, stderr=writer)
        os.close(writer)
        self.addCleanup(child.stdout.close)
        return child, self.ports_of(child), reader

    @staticmethod
    def be_refused(port, count):
        for _ in range(0, count, AT_ONCE):
            load.at_once(lambda _: load.expect_reset(port, 20), [(each,) for each in range(AT_ONCE)])

    @staticmethod
    def pipe_is_full(reader):
        """Less than a page of room is left in it."""
        waiting = fcntl.ioctl(reader, termios.FIONREAD, b"\0\0\0\0")
        return int.from_bytes(waiting, sys.byteorder) > 4096 - 256

    # ---- nobody reads ----

    def test_transfers_go_on_while_nobody_reads_stderr(self):
        child, [bad, good], reader = self.start_unread(["-vv"])
        with load.connect(good) as living:
            self.be_refused(bad, 400)
            rig.wait_until(lambda: self.pipe_is_full(reader), "stderr is full")

            living.sendall(b"still there")
            self.assertEqual(load.receive_exactly(living, 11), b"still there")
        load.check_echo(good)
        self.assertIsNone(child.poll())

    def test_sigterm_ends_it_while_nobody_reads_stderr(self):
        child, [bad, good], reader = self.start_unread(["-vv"])
        load.check_echo(good)
        self.be_refused(bad, 400)
        rig.wait_until(lambda: self.pipe_is_full(reader), "stderr is full")

        child.send_signal(signal.SIGTERM)

        self.assertEqual(child.wait(8), 0)

    def test_a_reader_that_comes_back_is_told_how_much_was_lost(self):
        child, [bad, good], reader = self.start_unread(["-vv"])
        self.be_refused(bad, MANY)
        load.check_echo(good)
        said = b""
        while not re.search(rb"caponier: \d+ messages were lost because nobody read them\n", said):
            self.assertTrue(select.select([reader], [], [], 10)[0], "no word of a loss")
            said += os.read(reader, 65536)

        load.expect_reset(bad)

        said = said[said.index(b"messages were lost"):]
        while b"was refused" not in said:
            self.assertTrue(select.select([reader], [], [], 10)[0], "no line after the loss")
            said += os.read(reader, 65536)
        self.assertIsNone(child.poll())

    def test_the_last_words_of_a_program_that_fails_follow_what_was_lost(self):
        reader, writer = self.unread()
        server = self.start_sshd()
        child = self.start(server, ["-vv", *rig.ONE_SESSION], stdout=subprocess.PIPE, stderr=writer)
        os.close(writer)
        self.addCleanup(child.stdout.close)
        [bad, _] = self.ports_of(child)
        self.be_refused(bad, MANY)

        server.kill()
        said = b""
        while piece := os.read(reader, 65536):
            said += piece

        self.assertEqual(child.wait(10), 255)
        lines = said.decode().splitlines()
        self.assertRegex(lines[-1], f"{server.address}.*(lost|closed|ended|reset)")
        self.assertTrue(any("messages were lost" in line for line in lines), lines[-5:])

    # ---- streams that are closed or full ----

    def test_it_works_with_any_of_its_streams_closed(self):
        server = self.start_sshd()
        port = rig.free_port()
        words = [rig.options.program, f"--io={rig.options.backend}", "-vv",
                 *self.arguments_for(server, "127.0.0.1:{}:{}:{}".format(
                     port, *self.echo.host_and_port))]
        for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"]:
            child = subprocess.Popen(["/bin/sh", "-c", f'exec "$@" {closed}', "sh",
                                      "/usr/bin/setpriv", "--pdeathsig", "KILL", "--",
                                      *map(str, words)],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL, env=rig.clean_environment(),
                                     start_new_session=True)
            self.addCleanup(child.wait)
            self.addCleanup(child.kill)
            rig.wait_until(lambda: listens(port), f"it forwards with {closed}")
            load.check_echo(port)
            for descriptor in range(3):
                self.assertNotRegex(os.readlink(f"/proc/{child.pid}/fd/{descriptor}"),
                                    "socket|anon_inode", f"descriptor {descriptor} with {closed}")

            child.send_signal(signal.SIGTERM)

            self.assertEqual(child.wait(8), 0, closed)

    def test_it_works_with_full_streams_and_says_so_by_its_exit_code_alone(self):
        with open("/dev/full", "wb") as full:
            child = self.start(self.start_sshd(), ["-vv"], stdout=subprocess.PIPE, stderr=full)
            self.addCleanup(child.stdout.close)
            [bad, good] = self.ports_of(child)
            self.be_refused(bad, AT_ONCE)
            load.check_echo(good)
            child.send_signal(signal.SIGTERM)
            self.assertEqual(child.wait(8), 0)
            for words, code in [(["-V"], 0), (["--help"], 0), (["-Z"], 64), ([], 64)]:
                with self.subTest(words=words):
                    done = subprocess.run([rig.options.program, *words], stdin=subprocess.DEVNULL,
                                          stdout=full, stderr=full, timeout=10, check=False)
                    self.assertEqual(done.returncode, code, words)

    def test_a_reader_that_leaves_after_one_line_ends_nothing(self):
        reader, writer = os.pipe()
        child = self.start(self.start_sshd(), ["-vv"], stdout=writer, stderr=writer)
        os.close(writer)
        said = b""
        while said.count(b"Forwarding from") < 2 or not said.endswith(b"\n"):
            self.assertTrue(piece := os.read(reader, 65536))
            said += piece
        os.close(reader)
        [bad, good] = [int(port) for port in re.findall(rb"from 127.0.0.1:(\d+) ", said)]

        self.be_refused(bad, AT_ONCE)

        load.check_echo(good)
        child.send_signal(signal.SIGTERM)
        self.assertEqual(child.wait(8), 0)

    # ---- -q ----

    def assert_silent(self, arguments, code):
        """With -q the exit code alone tells; without it there is a message as well."""
        for quiet in [["-q"], []]:
            program = self.start_caponier([*quiet, *arguments])
            self.assertEqual(program.wait_for_exit(15), code, arguments)
            self.assertEqual(program.lines("stdout"), [])
            self.assertEqual(program.messages() == [], quiet == ["-q"], program.lines())

    def test_q_says_nothing_of_what_fails(self):
        server = self.start_sshd()
        stranger = rig.make_key(self.directory / "stranger")
        other_hosts = self.directory / "other_hosts"
        other_hosts.write_text(server.known_host_line(stranger))
        forward = "127.0.0.1:0:127.0.0.1:9"
        words = self.arguments_for(server, forward)
        self.assert_silent([*words[:-1], "no-such-host.invalid"], 255)
        self.assert_silent(self.arguments_for(server, forward, known_hosts=other_hosts), 255)
        self.assert_silent(self.arguments_for(server, forward, known_hosts="/dev/null"), 255)
        self.assert_silent(["-o", "BatchMode=yes",
                            *self.arguments_for(server, forward, identity=stranger)], 255)
        taken = f"127.0.0.1:{server.port}:127.0.0.1:9"
        self.assert_silent(self.arguments_for(server, taken), 73)
        self.assert_silent(self.arguments_for(server, "no-such-host.invalid:0:a:9"), 73)
        server.port = rig.free_port()
        self.assert_silent(self.arguments_for(server, forward), 255)

    def test_q_says_nothing_when_the_server_dies(self):
        server = self.start_sshd()
        program, _ = self.forward(server, self.echo.host_and_port, options=["-q"])

        server.kill()

        self.assertEqual(program.wait_for_exit(), 255)
        self.assertEqual(program.lines(), [])

    def test_what_is_wrong_with_the_command_line_is_told_even_with_q(self):
        for words in [["-Z"], ["-o", "Port=x"], ["-L", "8080"], ["-c", "none-such"]]:
            program = self.start_caponier(["-q", *words, "-L", "8080:a:1", "localhost"])
            self.assertEqual(program.wait_for_exit(), 64, words)
            self.assertEqual(len(program.lines()), 1, words)

    # ---- no thread for it ----

    def test_where_no_thread_can_be_started_one_line_says_why(self):
        # The limit does not hold for root.
        user = ["/usr/bin/setpriv", "--reuid=65534", "--clear-groups", "--"] \
            if os.getuid() == 0 else []
        for processes in range(1, 7):
            program = self.keep(rig.Process("caponier", [
                *user, "/usr/bin/prlimit", f"--nproc={processes}", "--", rig.options.program,
                f"--io={rig.options.backend}", "-p", str(rig.free_port()), "-o",
                "GlobalKnownHostsFile=/dev/null", "-o", "UserKnownHostsFile=/dev/null",
                "-L", "127.0.0.1:0:127.0.0.1:9", "127.0.0.1"]))

            self.assertEqual(program.wait_for_exit(), 255, processes)

            [line] = program.lines()
            self.assertRegex(line, "^caponier: .*(thread|cannot connect)")

    # ---- what others can cause ----

    def test_a_flood_of_refused_connections_is_counted(self):
        program, [bad, good] = self.forward(self.start_sshd(), self.refusing,
                                            self.echo.host_and_port, options=rig.ONE_SESSION)
        self.be_refused(bad, 300)
        load.check_echo(good)

        def told():
            lines = program.lines("stderr", "was refused")
            more = [int(match[1]) for line in lines
                    if (match := re.search(r"and (\d+) more like this: ", line))]
            return len(lines) - len(more) + sum(more) >= 300
        rig.wait_until(told, "every refused connection is told or counted")
        self.assertLess(len(program.lines("stderr", "was refused")), 100)

    def test_vv_tells_every_refused_connection(self):
        program, [bad] = self.forward(self.start_sshd(), self.refusing,
                                      options=["-vv", *rig.ONE_SESSION])

        self.be_refused(bad, 100)

        program.wait_for_lines("connection from .* was refused", count=100)
        self.assertEqual(program.lines("stderr", "more like this"), [])


def listens(port):
    try:
        load.connect(port).close()
    except ConnectionRefusedError:
        return False
    return True


if __name__ == "__main__":
    tap.main()
