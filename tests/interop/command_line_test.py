#!/usr/bin/python3 -B
"""The command line: what is accepted, what is refused with which exit code, what goes to which
stream. What signals do is stopping_test.py's."""

import datetime
import signal

import load
import rig
import tap

USAGE = 64


class CommandLine(rig.Case):
    def setUp(self):
        super().setUp()
        self.target = load.Target(load.echo)
        self.to_target = "{}:{}".format(*self.target.host_and_port)

    def refuse(self, arguments, *patterns):
        program = self.start_caponier(arguments)
        self.assertEqual(program.wait_for_exit(), USAGE, arguments)
        self.assertEqual(program.lines("stdout"), [], arguments)
        text = "\n".join(program.lines())
        for pattern in patterns:
            self.assertRegex(text, pattern, arguments)

    def accept(self, *arguments):
        """The program forwards with these arguments; returns it and its port."""
        program = self.start_caponier(arguments)
        [port] = program.wait_until_ready()
        load.check_echo(port)
        return program, port

    def words_for(self, server, **left_out):
        """The arguments as a dictionary of what each test may replace."""
        return {"port": ["-p", server.port], "identity": ["-i", server.user_key],
                "known hosts": ["-o", f"UserKnownHostsFile={server.known_hosts}",
                                "-o", "GlobalKnownHostsFile=/dev/null"],
                "forward": ["-L", f"127.0.0.1:0:{self.to_target}"],
                "host": [f"{rig.USER}@{server.address}"]} | left_out

    @staticmethod
    def flat(words):
        return [word for group in words.values() for word in group]

    # ---- what is refused ----

    def test_no_arguments_is_a_usage_error(self):
        self.refuse([], "(?i)usage")

    def test_a_missing_destination_is_a_usage_error(self):
        self.refuse(["-L", "8080:a:80"], "(?i)host|destination|usage")

    def test_an_unknown_flag_is_named(self):
        self.refuse(["-Z", "bastion.example"], "-Z")

    def test_an_unknown_option_is_named(self):
        self.refuse(["-o", "ProxyMagic=yes", "-L", "8080:a:80", "bastion.example"], "ProxyMagic")

    def test_options_that_take_no_such_value_are_named(self):
        for option in ["ConnectTimeout=soon", "ConnectTimeout=-1", "StrictHostKeyChecking=maybe",
                       "Port=0", "Port=65536", "Port=22x", "ServerAliveInterval=x",
                       "ServerAliveCountMax=", "ExitOnForwardFailure=perhaps", "GatewayPorts=2",
                       "Reconnect=yes", "IdentitiesOnly", "ConnectTimeout=99999999999999999999"]:
            self.refuse(["-o", option, "-L", "8080:a:80", "bastion.example"],
                        option.split("=")[0])

    def test_ports_out_of_range_are_refused(self):
        for port in ["0", "65536", "-1", "22x", "", "4294967318"]:
            self.refuse(["-p", port, "-L", "8080:a:80", "bastion.example"], "(?i)port|-p")

    def test_forwards_that_make_no_sense_are_quoted(self):
        for forward in ["8080", "8080:a", "8080:a:", "8080:a:0", "8080:a:65536", "65536:a:80",
                        "x:a:80", "8080::80", "a:b:c:d:e", "[::1:8080:a:80", "8080:[::1:80",
                        "::1:8080:a:80", "-1:a:80", ""]:
            self.refuse(["-L", forward, "bastion.example"], "-L")

    def test_a_configuration_file_is_refused_and_none_is_accepted(self):
        self.refuse(["-F", "/etc/hosts", "-L", "8080:a:80", "bastion.example"], "-F")

    def test_a_destination_that_looks_like_an_option_is_not_taken_for_a_host(self):
        self.refuse(["-L", "8080:a:80", "--", "-oProxyCommand=true"], "(?i)host|destination|usage")

    def test_an_unknown_backend_is_named(self):
        self.refuse(["--io=kqueue", "-L", "8080:a:80", "bastion.example"], "kqueue")

    # ---- what is accepted ----

    def test_v_capital_prints_the_version(self):
        program = self.start_caponier(["-V"])

        self.assertEqual(program.wait_for_exit(), 0)
        text = "\n".join(program.lines("stdout") + program.lines())
        self.assertRegex(text, r"(?i)caponier.*\d\.\d")

    def test_the_user_may_be_given_as_l_or_as_an_option(self):
        server = self.start_sshd()

        self.accept(*self.flat(self.words_for(server, host=["-l", rig.USER, server.address])))
        self.accept(*self.flat(self.words_for(
            server, host=["-o", f"User={rig.USER}", server.address])))

    def test_the_port_may_be_given_as_an_option_and_the_first_value_wins(self):
        server = self.start_sshd()

        self.accept(*self.flat(self.words_for(
            server, port=["-o", f"Port={server.port}", "-o", "Port=1"])))

    def test_option_names_have_no_case_and_may_be_parted_by_a_space(self):
        server = self.start_sshd()

        self.accept(*self.flat(self.words_for(
            server, port=["-o", f"pOrT {server.port}", "-o", "reconnect = no"],
            identity=["-o", f"identityfile={server.user_key}"])))

    def test_values_may_be_glued_to_their_flags_and_flags_may_follow_the_host(self):
        server = self.start_sshd()
        words = self.words_for(server)

        self.accept("-NF", "none", *words["host"], f"-p{server.port}", f"-i{server.user_key}",
                    *words["known hosts"],
                    f"-L127.0.0.1:0:{self.to_target}")

    def test_host_name_is_connected_to_and_the_given_name_is_shown(self):
        server = self.start_sshd()

        program, _ = self.accept(*self.flat(self.words_for(
            server, host=["-o", f"HostName={server.address}", f"{rig.USER}@bastion.example"])))

        [line] = program.lines("stdout")
        self.assertTrue(line.endswith("via bastion.example"), line)

    # ---- what goes to which stream ----

    def test_stdout_has_the_ready_lines_and_nothing_else(self):
        server = self.start_sshd()
        refused = ("127.0.0.1", rig.free_port())
        program, [good, bad] = self.forward(server, self.target.host_and_port, refused,
                                            options=["-v"])
        load.check_echo(good)
        load.expect_reset(bad)
        program.signal(signal.SIGINT)

        self.assertEqual(program.wait_for_exit(), 0)
        self.assertEqual(len(program.lines("stdout")), 2)
        for line in program.lines("stdout"):
            self.assertRegex(line, rig.READY)

    def test_a_start_without_flags_says_nothing_on_stderr(self):
        program, [port] = self.forward(self.start_sshd(), self.target.host_and_port)
        load.check_echo(port)
        program.signal(signal.SIGTERM)

        self.assertEqual(program.wait_for_exit(), 0)
        self.assertEqual(program.lines(), [])

    def test_with_v_one_line_names_the_backend(self):
        program, _ = self.forward(self.start_sshd(), self.target.host_and_port, options=["-v"])
        name = {"uring": "io_uring", "epoll": "epoll", "auto": "(io_uring|epoll)"}[
            rig.options.backend]

        program.wait_for_lines(rf"\b{name}\b")

        self.assertEqual(len(program.lines("stderr", r"\b(io_uring|epoll)\b")), 1)

    def test_q_keeps_stderr_empty_while_all_is_well(self):
        program, [port] = self.forward(self.start_sshd(), self.target.host_and_port,
                                       options=["-q"])
        load.check_echo(port)
        program.signal(signal.SIGINT)

        self.assertEqual(program.wait_for_exit(), 0)
        self.assertEqual(program.lines(), [])

    def test_vv_tells_of_each_connection_by_its_clients_address(self):
        program, [port] = self.forward(self.start_sshd(), self.target.host_and_port,
                                       options=["-vv"])
        connections = [load.connect(port) for _ in range(2)]
        names = ["{}:{}".format(*each.getsockname()) for each in connections]
        for connection in connections:
            self.assertEqual(load.exchange(connection, [b"hello"]).end, load.CLEAN)
            connection.close()

        for name in names:
            program.wait_for_lines(f"tunnel from {name} to .* is open")
            program.wait_for_lines(f"tunnel from {name} to .* ended")

    def test_each_message_may_have_the_time_in_front_of_it(self):
        program, [port] = self.forward(self.start_sshd(), self.target.host_and_port,
                                       options=["-vv", "-o", "LogTimestamps=yes"])
        before = datetime.datetime.now(datetime.timezone.utc)
        load.check_echo(port)
        [line] = program.wait_for_lines("tunnel .* ended")
        after = datetime.datetime.now(datetime.timezone.utc)

        for each in program.lines():
            self.assertRegex(each, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z caponier: ")
        told = datetime.datetime.strptime(line.split()[0], "%Y-%m-%dT%H:%M:%S.%f%z")
        self.assertLessEqual(before - datetime.timedelta(milliseconds=1), told)
        self.assertLessEqual(told, after)
        self.assertRegex(program.lines("stdout")[0], rig.READY)

    def test_v_says_more(self):
        program, [port] = self.forward(self.start_sshd(), self.target.host_and_port,
                                       options=["-v"])
        load.check_echo(port)

        self.assertGreater(len(program.lines()), 1)


if __name__ == "__main__":
    tap.main()
