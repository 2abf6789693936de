#!/usr/bin/python3 -B
"""What the machine refuses at the start: threads, memory, the descriptors of the event loops. The
program says one sentence and ends with 255."""

import pathlib
import re
import sys

import load
import rig
import tap

FOLDER = pathlib.Path(__file__).resolve().parent
MEBIBYTE = 1024 * 1024
BACKEND_IS_CHOSEN = r"caponier: (io_uring \(|epoll[:,] )"


class Start(rig.Case):
    # Nothing listens there, so that a program that does start ends as well.
    ARGUMENTS = ("-F", "none", "-p", "1", "-L", "0:db.internal:5432", "nobody@127.0.0.1")

    def start_under(self, launcher, *arguments):
        command = [*launcher, rig.options.program, f"--io={rig.options.backend}",
                   *map(str, arguments)]
        return self.keep(rig.Process("caponier", command, rig.clean_environment()))

    def start_without(self, error, *calls, arguments=ARGUMENTS):
        return self.start_under([sys.executable, "-B", str(FOLDER / "refusing.py"), error,
                                 ",".join(calls)], *arguments)

    def assert_one_sentence(self, program, *patterns):
        self.assertEqual(program.wait_for_exit(), 255)
        self.assertEqual(program.lines("stdout"), [])
        [line] = [line for line in program.lines() if not re.match(BACKEND_IS_CHOSEN, line)]
        for pattern in ("^caponier: ", *patterns):
            self.assertRegex(line, pattern)

    # ---- threads ----

    def test_a_limit_of_threads_is_said_with_what_to_do(self):
        program = self.start_without("EAGAIN", "clone", "clone3")

        self.assert_one_sentence(program, "cannot start a thread", "ulimit -u")

    def test_a_filter_that_refuses_threads_is_named(self):
        program = self.start_without("EPERM", "clone", "clone3")

        self.assert_one_sentence(program, "cannot start a thread", "seccomp")

    def test_the_version_needs_no_thread(self):
        program = self.start_without("EPERM", "clone", "clone3", arguments=("-V",))

        self.assertEqual(program.wait_for_exit(), 0)

    # ---- memory ----

    def test_an_end_for_want_of_memory_is_never_silent(self):
        # What is missing depends on the limit: a thread's stack, a ring, the receive buffers, or
        # whatever is allocated when nothing is left.
        for mebibytes in range(64, 144, 4):
            with self.subTest(mebibytes=mebibytes):
                program = self.start_under(
                    ["/usr/bin/prlimit", f"--as={mebibytes * MEBIBYTE}", "--"], *self.ARGUMENTS)

                self.assert_one_sentence(program)

    def test_too_little_memory_is_said_with_what_to_do(self):
        program = self.start_under(["/usr/bin/prlimit", f"--as={64 * MEBIBYTE}", "--"],
                                   *self.ARGUMENTS)

        self.assert_one_sentence(program, "memory", "ulimit -v")

    # ---- descriptors ----

    def test_a_refused_signalfd_is_said(self):
        program = self.start_without("EPERM", "signalfd4")

        self.assert_one_sentence(program, "signalfd", "seccomp")

    def test_a_refused_eventfd_is_said(self):
        program = self.start_without("EPERM", "eventfd2")

        self.assert_one_sentence(program, "eventfd", "seccomp")

    def test_a_limit_of_descriptors_is_said_with_what_to_do(self):
        for descriptors in (4, 5, 6, 7, 8):
            with self.subTest(descriptors=descriptors):
                program = self.start_under(["/usr/bin/prlimit", f"--nofile={descriptors}", "--"],
                                           *self.ARGUMENTS)

                self.assert_one_sentence(program)


class StartOnEpoll(rig.Case):
    def test_a_refused_epoll_is_said(self):
        program = self.keep(rig.Process("caponier", [
            sys.executable, "-B", str(FOLDER / "refusing.py"), "EPERM", "epoll_create1",
            rig.options.program, "--io=epoll", *Start.ARGUMENTS], rig.clean_environment()))

        self.assertEqual(program.wait_for_exit(), 255)
        [line] = program.lines()
        self.assertRegex(line, "epoll.*seccomp")


class ClosedStreams(rig.Case):
    """Standard streams that the caller has closed: `caponier ... 0<&- 1>&- 2>&-`."""

    def test_they_are_dev_null_and_nothing_of_ours(self):
        target = load.Target(load.echo)
        port = rig.free_port()
        server = self.start_sshd()
        words = [rig.options.program, f"--io={rig.options.backend}", "-vv", *map(
            str, self.arguments_for(server, f"127.0.0.1:{port}:127.0.0.1:{target.port}"))]

        program = self.keep(rig.Process(
            "caponier", ["/bin/sh", "-c", 'exec "$0" "$@" 0<&- 1>&- 2>&-', *words],
            rig.clean_environment()))

        def is_listening():
            try:
                load.connect(port).close()
                return True
            except ConnectionRefusedError:
                return False
        rig.wait_until(is_listening, "the forward listens")
        load.check_echo(port)
        folder = pathlib.Path(f"/proc/{program.pid}/fd")
        self.assertEqual([str((folder / str(number)).readlink()) for number in range(3)],
                         ["/dev/null"] * 3)

    def test_streams_that_take_nothing_do_not_change_how_it_ends(self):
        for arguments, code in (("-V", 0), ("--help", 0), ("-Z", 64)):
            with self.subTest(arguments=arguments):
                program = self.keep(rig.Process(
                    "caponier", ["/bin/sh", "-c", 'exec "$0" "$@" >/dev/full 2>&1',
                                 rig.options.program, arguments], rig.clean_environment()))

                self.assertEqual(program.wait_for_exit(), code)


if __name__ == "__main__":
    tap.main()
