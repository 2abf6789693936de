#!/usr/bin/python3 -B
"""Where the program listens: ports in use, bind addresses, port 0, several forwards."""

import socket

import load
import rig
import tap


class Listen(rig.Case):
    def setUp(self):
        super().setUp()
        self.target = load.Target(load.echo)
        self.to_target = "{}:{}".format(*self.target.host_and_port)
        self.server = self.start_sshd()

    def start(self, *forwards, options=()):
        return self.start_caponier([*options, *self.arguments_for(
            self.server, *(f"{each}:{self.to_target}" for each in forwards))])

    def occupy(self, address="127.0.0.1"):
        holder = socket.create_server((address, 0))
        self.addCleanup(holder.close)
        return holder.getsockname()[1]

    def assert_refused(self, port, address):
        with self.assertRaises(ConnectionRefusedError):
            load.connect(port, address).close()

    def test_a_port_in_use_ends_the_program_with_73_before_anything_is_forwarded(self):
        taken = self.occupy()

        program = self.start("127.0.0.1:0", f"127.0.0.1:{taken}",
                             options=["-o", "ExitOnForwardFailure=yes"])

        self.assert_fails(program, f"127.0.0.1:{taken}", "in use", code=73)

    def test_a_port_in_use_is_only_a_warning_by_default_and_the_other_forwards_work(self):
        taken = self.occupy()

        program = self.start("127.0.0.1:0", f"127.0.0.1:{taken}", "127.0.0.1:0")

        ports = program.wait_until_ready(2)
        for port in ports:
            load.check_echo(port)
        self.assertNotIn(taken, ports)
        [warning] = program.wait_for_lines(f"127.0.0.1:{taken}")
        self.assertRegex(warning, "in use")
        self.assertTrue(program.is_running())

    def test_an_address_that_is_not_ours_ends_the_program_with_73_when_asked(self):
        program = self.start("192.0.2.77:0", options=["-o", "ExitOnForwardFailure=yes"])

        self.assert_fails(program, "192.0.2.77", "assign", "this machine has no such address",
                          code=73)

    def test_a_forward_without_an_address_listens_on_loopback_only(self):
        port = rig.free_port()

        program = self.start(str(port))

        program.wait_until_ready()
        load.check_echo(port)
        self.assert_refused(port, "127.0.0.2")

    def test_g_listens_on_all_addresses(self):
        port = rig.free_port()

        program = self.start(str(port), options=["-g"])

        program.wait_until_ready()
        load.check_echo(port)
        load.connect(port, "127.0.0.2").close()
        load.connect(port, "::1").close()

    def test_gateway_ports_listens_on_all_addresses(self):
        port = rig.free_port()

        program = self.start(str(port), options=["-o", "GatewayPorts=yes"])

        program.wait_until_ready()
        load.connect(port, "127.0.0.2").close()

    def test_a_star_listens_on_all_addresses(self):
        port = rig.free_port()

        program = self.start(f"*:{port}")

        program.wait_until_ready()
        load.connect(port, "127.0.0.2").close()
        load.connect(port, "::1").close()

    def test_an_empty_bind_address_listens_on_all_addresses(self):
        port = rig.free_port()

        program = self.start(f":{port}")

        program.wait_until_ready()
        load.connect(port, "127.0.0.2").close()
        load.connect(port, "::1").close()

    def test_an_address_in_brackets_is_ipv6(self):
        port = rig.free_port("::1")

        program = self.start(f"[::1]:{port}")

        program.wait_until_ready()
        with load.connect(port, "::1") as connection:
            connection.sendall(b"six")
            self.assertEqual(load.receive_exactly(connection, 3), b"six")
        self.assert_refused(port, "127.0.0.1")

    def test_the_name_localhost_is_loopback(self):
        port = rig.free_port()

        program = self.start(f"localhost:{port}")

        program.wait_until_ready()
        load.check_echo(port)

    def test_port_0_prints_the_port_that_was_chosen(self):
        program = self.start("127.0.0.1:0")

        [port] = program.wait_until_ready()

        self.assertGreater(port, 0)
        load.check_echo(port)
        [line] = program.lines("stdout")
        self.assertEqual(line, f"Forwarding from 127.0.0.1:{port} -> {self.to_target} "
                               f"via {self.server.address}")

    def test_port_0_without_an_address_prints_the_port_that_was_chosen(self):
        program = self.start("0")

        [port, *_] = program.wait_until_ready()

        load.check_echo(port)

    def test_a_target_in_brackets_is_reached_over_ipv6(self):
        target = load.Target(load.echo, address="::1")

        _, [port] = self.forward(self.server, target.host_and_port)

        load.check_echo(port)

    def test_several_forwards_each_reach_their_own_target(self):
        def saying(text):
            return load.Target(lambda connection: connection.sendall(text))
        targets = [saying(b"one"), saying(b"two"), saying(b"six")]

        _, ports = self.forward(self.server, *(each.host_and_port for each in targets))

        heard = []
        for port in ports:
            with load.connect(port) as connection:
                heard.append(load.receive_exactly(connection, 3))
        self.assertEqual(heard, [b"one", b"two", b"six"])

    def test_a_server_reached_over_ipv6_forwards(self):
        server = self.start_sshd("sshd6", address="::1")

        _, [port] = self.forward(server, self.target.host_and_port)

        load.check_echo(port)


if __name__ == "__main__":
    tap.main()
