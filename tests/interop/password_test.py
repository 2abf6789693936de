#!/usr/bin/python3 -B
"""A person who knows something: passwords and keyboard-interactive, asked through SSH_ASKPASS and on
a terminal, and what is told when nobody answers or the answer is wrong."""

import os
import pty
import re
import select
import signal
import subprocess
import termios
import threading

import gatekeeper
import load
import rig
import tap

PASSWORD = gatekeeper.PASSWORD
ASK = ("-o", "StrictHostKeyChecking=ask")


class Case(rig.Case):
    def start_gatekeeper(self, steps=({"password"},), **how):
        server = gatekeeper.Gatekeeper(self.directory / "server", steps, **how)
        self.addCleanup(server.stop)
        return server

    def askpass(self, *answers, **how):
        return gatekeeper.Askpass(self.directory, answers, **how)

    def start(self, server, askpass=None, options=(), environment=None, identity=None):
        environment = environment or (askpass.environment() if askpass else {})
        return self.start_caponier(
            ["-N", "-p", server.port, "-o", "GlobalKnownHostsFile=/dev/null",
             "-o", f"UserKnownHostsFile={server.known_hosts}",
             *(["-i", identity] if identity else []), *options,
             "-L", "127.0.0.1:0:echo:7", f"me@{server.address}"],
            environment={"HOME": str(self.directory), **environment})

    def assert_works(self, program):
        [port] = program.wait_until_ready()
        load.check_echo(port)

    def assert_refused(self, program, *patterns):
        self.assertEqual(program.wait_for_exit(), 255)
        text = "\n".join(program.messages())
        for pattern in patterns:
            self.assertRegex(text, f"(?i){pattern}")


class Passwords(Case):
    def test_a_password_from_askpass_signs_in(self):
        server = self.start_gatekeeper()
        askpass = self.askpass(PASSWORD)

        self.assert_works(self.start(server, askpass))

        self.assertEqual(askpass.prompts(), ["me@127.0.0.1's password: "])
        self.assertEqual(askpass.hint(), "unset")

    def test_a_wrong_password_is_asked_for_again(self):
        server = self.start_gatekeeper()
        askpass = self.askpass("wrong", PASSWORD)
        program = self.start(server, askpass)

        self.assert_works(program)

        self.assertEqual(server.asked, ["password wrong", f"password {PASSWORD}"])
        self.assertEqual(len(program.messages("Permission denied, please try again")), 1)

    def test_three_wrong_passwords_are_the_end(self):
        server = self.start_gatekeeper()
        askpass = self.askpass("one", "two", "three", PASSWORD)

        self.assert_refused(self.start(server, askpass), "refused the password", "3 attempts")

        self.assertEqual(server.asked, ["password one", "password two", "password three"])

    def test_the_number_of_prompts_is_an_option(self):
        server = self.start_gatekeeper()
        askpass = self.askpass("one", PASSWORD)

        self.assert_refused(
            self.start(server, askpass, options=["-o", "NumberOfPasswordPrompts=1"]),
            "refused the password")

        self.assertEqual(server.asked, ["password one"])

    def test_no_secret_is_in_what_is_logged(self):
        server = self.start_gatekeeper()
        program = self.start(server, self.askpass("my wrong secret", PASSWORD), options=["-vvv"])

        self.assert_works(program)

        text = "\n".join(program.lines("stderr") + program.lines("stdout"))
        self.assertNotIn("my wrong secret", text)
        self.assertNotIn(PASSWORD, text)

    def test_an_askpass_that_refuses_ends_it_without_an_empty_password(self):
        server = self.start_gatekeeper()

        self.assert_refused(self.start(server, self.askpass(PASSWORD, status=1)),
                            "me@127.0.0.1", "askpass", "no answer")

        self.assertEqual(server.asked, [])

    def test_an_askpass_that_is_not_there_is_named(self):
        server = self.start_gatekeeper()
        missing = str(self.directory / "no such program")

        self.assert_refused(
            self.start(server, environment={"SSH_ASKPASS": missing,
                                            "SSH_ASKPASS_REQUIRE": "force"}),
            re.escape(missing), "no such file")

    def test_askpass_is_not_run_where_it_is_not_wanted(self):
        server = self.start_gatekeeper()
        askpass = self.askpass(PASSWORD)
        for environment in (askpass.environment("never", DISPLAY=":0"),
                            askpass.environment("prefer"),
                            askpass.environment("")):
            self.assert_refused(self.start(server, environment=environment),
                                "nobody can be asked", "SSH_ASKPASS_REQUIRE=force")

        self.assertEqual(askpass.prompts(), [])

    def test_askpass_is_run_without_a_terminal_where_there_is_a_display(self):
        for require in ("", "prefer"):
            with self.subTest(require=require):
                server = gatekeeper.Gatekeeper(self.directory / f"server{require}",
                                               [{"password"}])
                self.addCleanup(server.stop)
                askpass = self.askpass(PASSWORD)
                self.assert_works(
                    self.start(server, environment=askpass.environment(require, DISPLAY=":0")))

    def test_batch_mode_asks_nobody(self):
        server = self.start_gatekeeper()
        askpass = self.askpass(PASSWORD)

        self.assert_refused(self.start(server, askpass, options=["-o", "BatchMode=yes"]),
                            "BatchMode=yes")

        self.assertEqual((askpass.prompts(), server.asked), ([], []))

    def test_a_method_that_is_switched_off_is_not_tried(self):
        server = self.start_gatekeeper()
        askpass = self.askpass(PASSWORD)

        self.assert_refused(
            self.start(server, askpass, options=["-o", "PasswordAuthentication=no"]), "password")

        self.assertEqual((askpass.prompts(), server.asked), ([], []))

    def test_an_expired_password_is_told_in_clear_words(self):
        server = self.start_gatekeeper(expired=True)
        program = self.start(server, self.askpass(PASSWORD))

        self.assert_refused(program, "password has expired", "change it")

        self.assertEqual(len(server.asked), 1)
        self.assertNotIn("\x1b", "\n".join(program.messages()))

    def test_an_expired_password_leaves_the_other_methods(self):
        server = self.start_gatekeeper(
            [{"password", "keyboard-interactive"}], expired=True,
            rounds=[("", "", [("Code: ", False)], ["123456"])])
        askpass = self.askpass(PASSWORD, "123456")

        self.assert_works(self.start(
            server, askpass,
            options=["-o", "PreferredAuthentications=password,keyboard-interactive"]))

    def test_a_persons_time_does_not_count(self):
        server = self.start_gatekeeper()
        slow = self.askpass(PASSWORD)
        gate = self.directory / "gate"
        os.mkfifo(gate)
        text = slow.program.read_text().replace("#!/bin/sh\n", f"#!/bin/sh\nread line < '{gate}'\n")
        slow.program.write_text(text)
        program = self.start(server, slow, options=["-v", "-o", "ConnectTimeout=1"])
        program.wait_for_lines("io_uring|epoll")

        # Longer than ConnectTimeout: there is nothing to wait for but the time itself.
        threading.Event().wait(2)
        self.assertTrue(program.is_running())
        gate.write_text("go on\n")

        self.assert_works(program)

    def test_a_signal_ends_the_wait_for_askpass(self):
        server = self.start_gatekeeper()
        endless = self.askpass(PASSWORD)
        mark = self.directory / "running"
        endless.program.write_text(f"#!/bin/sh\necho $$ > '{mark}.new'\n"
                                   f"mv '{mark}.new' '{mark}'\nexec tail -f /dev/null\n")
        program = self.start(server, endless)
        pid = int(rig.wait_until(lambda: mark.exists() and mark.read_text(), "askpass runs"))

        program.signal(signal.SIGTERM)

        self.assertEqual(program.wait_for_exit(5), 0)
        rig.wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "askpass is gone", 5)

    def test_sigint_while_askpass_runs_ends_it_by_the_signal(self):
        server = self.start_gatekeeper()
        endless = self.askpass(PASSWORD)
        mark = self.directory / "running"
        endless.program.write_text(f"#!/bin/sh\n: > '{mark}'\nexec tail -f /dev/null\n")
        program = self.start(server, endless)
        rig.wait_until(mark.exists, "askpass runs")

        program.signal(signal.SIGINT)

        self.assertEqual(program.wait_for_exit(5), -signal.SIGINT)

    def test_a_person_may_believe_an_unknown_host_key(self):
        server = self.start_gatekeeper()
        server.known_hosts.write_text("")
        askpass = self.askpass("yes", PASSWORD)

        self.assert_works(self.start(server, askpass, options=ASK))

        self.assertIn("authenticity of host", askpass.prompts()[0])
        self.assertIn(rig.public_key(server.host_key), server.known_hosts.read_text())

    def test_a_person_may_not_believe_it(self):
        server = self.start_gatekeeper()
        server.known_hosts.write_text("")

        self.assert_refused(self.start(server, self.askpass("no", PASSWORD), options=ASK),
                            "was not accepted")

        self.assertEqual((server.asked, server.known_hosts.read_text()), ([], ""))

    # ---- keyboard-interactive

    def test_questions_in_rounds_are_answered(self):
        rounds = [("Vault", "Two things, please", [("Name: ", True), ("PIN: ", False)],
                   ["alice", "1234"]),
                  ("", "Push the button", [], []),
                  ("", "", [("Code: ", False)], ["654321"])]
        server = self.start_gatekeeper([{"keyboard-interactive"}], rounds=rounds)
        askpass = self.askpass("alice", "1234", "654321")
        program = self.start(server, askpass)

        self.assert_works(program)

        self.assertEqual(askpass.prompts(), ["(me@127.0.0.1) Name: ", "(me@127.0.0.1) PIN: ",
                                             "(me@127.0.0.1) Code: "])
        self.assertEqual(server.asked, ["keyboard-interactive", "answers ['alice', '1234']",
                                        "answers []", "answers ['654321']"])
        for words in ("Vault", "Two things, please", "Push the button"):
            self.assertEqual(len(program.messages(words)), 1, words)

    def test_no_question_at_all_needs_no_person(self):
        server = self.start_gatekeeper([{"keyboard-interactive"}], rounds=[("", "", [], [])])
        askpass = self.askpass()

        self.assert_works(self.start(server, askpass))

        self.assertEqual(askpass.prompts(), [])

    def test_no_question_at_all_needs_nobody_who_could_be_asked(self):
        server = self.start_gatekeeper([{"keyboard-interactive"}],
                                       rounds=[("", "Push the button", [], []), ("", "", [], [])])

        self.assert_works(self.start(server))

        self.assertEqual(server.asked, ["keyboard-interactive", "answers []", "answers []"])

    def test_no_question_at_all_is_for_those_who_may_be_asked(self):
        server = self.start_gatekeeper([{"keyboard-interactive"}], rounds=[("", "", [], [])])

        self.assert_refused(self.start(server, options=["-o", "BatchMode=yes"]), "BatchMode=yes")

        self.assertEqual(server.asked, [])

    def test_a_question_that_nobody_can_answer_is_not_answered(self):
        server = self.start_gatekeeper([{"keyboard-interactive"}],
                                       rounds=[("", "", [("Code: ", False)], [""])])

        self.assert_refused(self.start(server), "nobody can be asked", "SSH_ASKPASS_REQUIRE=force")

        self.assertEqual(server.asked, ["keyboard-interactive"])

    def test_wrong_answers_are_asked_for_again_and_then_refused(self):
        server = self.start_gatekeeper([{"keyboard-interactive"}],
                                       rounds=[("", "", [("Code: ", False)], ["right"])])
        askpass = self.askpass("a", "b", "c", "right")

        self.assert_refused(self.start(server, askpass), "refused the answers", "3 attempts")

        self.assertEqual(len(askpass.prompts()), 3)

    def test_keyboard_interactive_comes_before_password(self):
        server = self.start_gatekeeper([{"keyboard-interactive", "password"}],
                                       rounds=[("", "", [("Code: ", False)], ["right"])])
        askpass = self.askpass("wrong", "wrong", "wrong", PASSWORD)

        self.assert_works(self.start(server, askpass))

        self.assertEqual(server.asked[-1], f"password {PASSWORD}")
        self.assertEqual(server.asked.count("keyboard-interactive"), 3)

    def test_the_preferred_method_comes_first(self):
        server = self.start_gatekeeper([{"keyboard-interactive", "password"}],
                                       rounds=[("", "", [("Code: ", False)], ["right"])])

        self.assert_works(self.start(
            server, self.askpass(PASSWORD),
            options=["-o", "PreferredAuthentications=password,keyboard-interactive"]))

        self.assertEqual(server.asked, [f"password {PASSWORD}"])

    def test_keyboard_interactive_can_be_switched_off_by_any_of_its_names(self):
        server = self.start_gatekeeper([{"keyboard-interactive"}],
                                       rounds=[("", "", [("Code: ", False)], ["right"])])
        for name in ("KbdInteractiveAuthentication", "ChallengeResponseAuthentication"):
            self.assert_refused(
                self.start(server, self.askpass("right"), options=["-o", f"{name}=no"]),
                "keyboard-interactive")

        self.assertEqual(server.asked, [])

    def test_what_the_server_asks_cannot_command_the_terminal(self):
        server = self.start_gatekeeper(
            [{"keyboard-interactive"}],
            rounds=[("\x1b]0;owned\x07", "\x1b[2J", [("\x1b[31mCode: ", False)], ["right"])])
        askpass = self.askpass("right")
        program = self.start(server, askpass)

        self.assert_works(program)

        text = "\n".join(program.lines("stderr") + askpass.prompts())
        self.assertNotIn("\x1b", text)
        self.assertNotIn("\x07", text)

    # ---- chains and banners

    def test_a_key_and_then_a_password(self):
        server = self.start_gatekeeper([{"publickey"}, {"password"}])
        askpass = self.askpass(PASSWORD)

        self.assert_works(self.start(server, askpass, identity=server.user_key))

        self.assertEqual(server.asked, [f"password {PASSWORD}"])

    def test_a_password_and_then_a_key(self):
        server = self.start_gatekeeper([{"password"}, {"publickey"}])

        self.assert_works(self.start(server, self.askpass(PASSWORD), identity=server.user_key))

    def test_three_steps(self):
        server = self.start_gatekeeper(
            [{"publickey"}, {"keyboard-interactive"}, {"password"}],
            rounds=[("", "", [("Code: ", False)], ["right"])])

        self.assert_works(
            self.start(server, self.askpass("right", PASSWORD), identity=server.user_key))

    def test_a_chain_that_ends_with_a_wrong_password_says_so(self):
        server = self.start_gatekeeper([{"publickey"}, {"password"}])

        self.assert_refused(
            self.start(server, self.askpass("a", "b", "c"), identity=server.user_key),
            "refused the password")

    def test_banners_are_shown_without_their_control_characters(self):
        server = self.start_gatekeeper(banners=["Welcome\r\nto \x1b[1mthis\x1b[0m bastion\r\n",
                                                "Second"])
        program = self.start(server, self.askpass(PASSWORD))

        self.assert_works(program)

        for words in ("Welcome", "bastion", "Second"):
            [line] = program.messages(words)
            self.assertIn(f"{server.address} says: ", line)
        self.assertNotIn("\x1b", "\n".join(program.messages()))
        self.assertEqual(len(program.lines("stdout")), 1)


class OnATerminal(Case):
    """The program under a pseudo-terminal that is its controlling terminal."""

    def start_on_terminal(self, server, options=()):
        command = ["/usr/bin/setpriv", "--pdeathsig", "KILL", "--", rig.options.program,
                   f"--io={rig.options.backend}", "-N", "-p", str(server.port),
                   "-o", "GlobalKnownHostsFile=/dev/null",
                   "-o", f"UserKnownHostsFile={server.known_hosts}", *options,
                   "-L", "127.0.0.1:0:echo:7", f"me@{server.address}"]
        environment = {**rig.clean_environment(), "HOME": str(self.directory)}
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(command[0], command, environment)
        self.addCleanup(self.end, pid, terminal)
        return pid, terminal

    @staticmethod
    def end(pid, terminal):
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(terminal)

    def read_until(self, terminal, pattern, seconds=10):
        text = ""
        deadline = rig.Deadline(seconds)
        while not re.search(pattern, text):
            if not select.select([terminal], [], [], deadline.remaining())[0]:
                raise AssertionError(f"/{pattern}/ did not come, but {text!r}")
            try:
                text += os.read(terminal, 4096).decode(errors="replace")
            except OSError:
                raise AssertionError(f"the terminal was closed after {text!r}") from None
        return text

    def wait_for_exit(self, pid, seconds=10):
        """The exit code, or the negative number of the signal that ended it."""
        def status():
            ended, status = os.waitpid(pid, os.WNOHANG)
            return [os.waitstatus_to_exitcode(status)] if ended == pid else None
        return rig.wait_until(status, "it ends", seconds)[0]

    def quiet_at(self, terminal, prompt):
        self.read_until(terminal, prompt)
        rig.wait_until(lambda: not self.echoes(terminal), "the echo is off")

    @staticmethod
    def echoes(terminal):
        return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)

    def test_a_password_is_typed_without_an_echo(self):
        server = self.start_gatekeeper()
        _, terminal = self.start_on_terminal(server)
        self.quiet_at(terminal, "me@127.0.0.1's password: ")

        os.write(terminal, PASSWORD.encode() + b"\n")

        text = self.read_until(terminal, r"Forwarding from 127\.0\.0\.1:\d+")
        self.assertNotIn(PASSWORD, text)
        self.assertTrue(self.echoes(terminal))
        load.check_echo(int(re.search(r"127\.0\.0\.1:(\d+) ->", text)[1]))

    def test_an_answer_that_may_be_seen_is_echoed(self):
        server = self.start_gatekeeper([{"keyboard-interactive"}],
                                       rounds=[("", "", [("Name: ", True)], ["alice"])])
        _, terminal = self.start_on_terminal(server)
        self.read_until(terminal, r"\(me@127.0.0.1\) Name: ")

        os.write(terminal, b"alice\n")

        self.assertIn("alice", self.read_until(terminal, "Forwarding from"))

    # Shells stop a script where what they wait for died of SIGINT, and go on where it handled it.
    def test_ctrl_c_at_a_prompt_restores_the_terminal_and_ends_it_by_the_signal(self):
        server = self.start_gatekeeper()
        pid, terminal = self.start_on_terminal(server)
        self.quiet_at(terminal, "password: ")

        os.write(terminal, b"\x03")

        rig.wait_until(lambda: self.echoes(terminal), "the echo is on again", 5)
        self.assertEqual(self.wait_for_exit(pid, 5), -signal.SIGINT)

    def test_ctrl_c_at_any_other_prompt_ends_it_by_the_signal(self):
        locked = self.directory / "locked"
        server = self.start_gatekeeper([{"publickey", "keyboard-interactive"}],
                                       rounds=[("", "", [("Code: ", False)], ["right"])])
        # An old format does not tell its public half, so that the passphrase comes first.
        subprocess.run(["/usr/bin/ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N",
                        "secret", "-f", locked], check=True, timeout=60)
        locked.with_name("locked.pub").unlink()
        for options, prompt in [(["-i", str(locked)], "Enter passphrase"), ([], "Code: ")]:
            with self.subTest(prompt=prompt):
                pid, terminal = self.start_on_terminal(server, options)
                self.quiet_at(terminal, prompt)

                os.write(terminal, b"\x03")

                self.assertEqual(self.wait_for_exit(pid, 5), -signal.SIGINT)
                self.assertTrue(self.echoes(terminal))

    def test_ctrl_c_where_a_host_key_is_asked_about_ends_it_by_the_signal(self):
        server = self.start_gatekeeper()
        server.known_hosts.write_text("")
        pid, terminal = self.start_on_terminal(server, ASK)
        self.read_until(terminal, r"yes/no")

        os.write(terminal, b"\x03")

        self.assertEqual(self.wait_for_exit(pid, 5), -signal.SIGINT)

    def test_ctrl_c_after_the_login_ends_it_as_ever(self):
        server = self.start_gatekeeper()
        pid, terminal = self.start_on_terminal(server)
        self.quiet_at(terminal, "password: ")
        os.write(terminal, PASSWORD.encode() + b"\n")
        self.read_until(terminal, r"Forwarding from 127\.0\.0\.1:\d+")

        os.write(terminal, b"\x03")

        self.assertEqual(self.wait_for_exit(pid), 0)

    def test_the_terminal_is_restored_by_a_signal(self):
        server = self.start_gatekeeper()
        pid, terminal = self.start_on_terminal(server)
        self.quiet_at(terminal, "password: ")

        os.kill(pid, signal.SIGTERM)

        rig.wait_until(lambda: self.echoes(terminal), "the echo is on again", 5)
        self.wait_for_exit(pid, 5)

    def test_the_terminal_is_restored_by_two_signals(self):
        server = self.start_gatekeeper()
        pid, terminal = self.start_on_terminal(server)
        self.quiet_at(terminal, "password: ")

        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGTERM)

        self.assertEqual(self.wait_for_exit(pid, 5), 0)
        self.assertTrue(self.echoes(terminal))

    # A broken contract of our own ends in SIGABRT, a broken pointer in SIGSEGV.
    def test_the_terminal_is_restored_by_every_signal_that_a_process_can_catch(self):
        server = self.start_gatekeeper()
        for number in (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL,
                       signal.SIGSYS, signal.SIGTRAP, signal.SIGQUIT, signal.SIGALRM,
                       signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU):
            with self.subTest(signal=number):
                pid, terminal = self.start_on_terminal(server)
                self.quiet_at(terminal, "password: ")

                os.kill(pid, number)

                self.assertEqual(self.wait_for_exit(pid, 5), -number)
                self.assertTrue(self.echoes(terminal))

    def test_a_signal_after_the_prompt_does_what_it_did_before(self):
        server = self.start_gatekeeper()
        pid, terminal = self.start_on_terminal(server)
        self.quiet_at(terminal, "password: ")
        os.write(terminal, PASSWORD.encode() + b"\n")
        self.read_until(terminal, r"Forwarding from 127\.0\.0\.1:\d+")
        settings = termios.tcgetattr(terminal)
        settings[3] &= ~termios.ECHO
        termios.tcsetattr(terminal, termios.TCSANOW, settings)

        os.kill(pid, signal.SIGABRT)

        self.assertEqual(self.wait_for_exit(pid, 5), -signal.SIGABRT)
        self.assertFalse(self.echoes(terminal))

    def test_an_end_of_file_is_no_password(self):
        server = self.start_gatekeeper()
        pid, terminal = self.start_on_terminal(server)
        self.read_until(terminal, "password: ")

        os.write(terminal, b"\x04")

        self.read_until(terminal, "no answer was typed")
        self.wait_for_exit(pid, 5)
        self.assertEqual(server.asked, [])


if __name__ == "__main__":
    tap.main()
