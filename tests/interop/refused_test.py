#!/usr/bin/python3 -B
"""Targets that the server cannot or will not reach: that one connection is reset at once, the
reason is logged once, and other tunnels live on."""

import load
import rig
import tap


class Refused(rig.Case):
    def check(self, target, *reason, **server_config):
        """A forward to `target` beside one that works; three connections, three lines."""
        echo = load.Target(load.echo)
        config = {key: value.format(echo=echo.port) for key, value in server_config.items()}
        program, [bad, good] = self.forward(self.start_sshd(**config), target, echo.host_and_port)
        with load.connect(good) as living:
            living.sendall(b"before")
            self.assertEqual(load.receive_exactly(living, 6), b"before")
            before = program.descriptors()

            for count in range(1, 4):
                load.expect_reset(bad)
                program.wait_for_lines(f"{target[0]}.*{target[1]}", count=count)

            living.sendall(b"after")
            self.assertEqual(load.receive_exactly(living, 5), b"after")
            program.wait_for_descriptors(before)
        load.check_echo(good)
        messages = program.messages()
        self.assertEqual(len(messages), 3, messages)
        for message in messages:
            for pattern in reason:
                self.assertRegex(message, f"(?i){pattern}")

    def test_a_target_that_refuses_resets_only_its_own_connection(self):
        self.check(("127.0.0.1", rig.free_port()), "refused")

    def test_a_target_that_the_server_prohibits_resets_only_its_own_connection(self):
        self.check(("127.0.0.1", rig.free_port()), "prohibited", PermitOpen="127.0.0.1:{echo}")

    def test_a_name_that_the_server_cannot_resolve_resets_only_its_own_connection(self):
        self.check(("no-such-host.invalid", 80), "no-such-host.invalid")

    def test_a_server_that_allows_no_forwarding_says_so(self):
        program, [port] = self.forward(self.start_sshd(AllowTcpForwarding="no"), ("127.0.0.1", 9))

        load.expect_reset(port)

        [message] = program.wait_for_lines("127.0.0.1:9\\b")
        self.assertRegex(message, "prohibited")
        self.assertTrue(program.is_running())

    def test_many_refusals_among_many_transfers_damage_none(self):
        target = load.Target(load.duplex)
        program, [bad, good] = self.forward(
            self.start_sshd(), ("127.0.0.1", rig.free_port()), target.host_and_port,
            options=rig.ONE_SESSION)
        load.converse(good, seed=0, size=1000)
        before = program.descriptors()

        calls = [(load.converse, good, 10 * seed, 1024 * 1024) for seed in range(20)]
        calls += [(load.expect_reset, bad, 20)] * 20
        load.at_once(lambda function, *rest: function(*rest), calls)

        program.wait_for_descriptors(before)
        self.assertTrue(program.is_running())


if __name__ == "__main__":
    tap.main()
