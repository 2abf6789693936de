#!/usr/bin/python3 -B
"""Out of descriptors: with a limit of 64 the program neither spins nor dies, keeps what it has, and
accepts again as soon as descriptors are free."""

import threading

import load
import rig
import tap

DESCRIPTORS = 64
CLIENTS = 120


class Descriptors(rig.Case):
    def start_limited(self, *targets):
        return self.forward(self.start_sshd(), *targets, descriptors_max=DESCRIPTORS)

    def test_a_program_without_free_descriptors_lives_and_accepts_again_later(self):
        target = load.Target(load.echo)
        program, [port] = self.start_limited(target.host_and_port)
        load.check_echo(port)
        before = program.descriptors()

        # More connections than there are descriptors: the kernel completes them all in the backlog.
        clients = [load.connect(port) for _ in range(CLIENTS)]
        for client in clients:
            self.addCleanup(client.close)
            client.sendall(b"x")
        load.wait_until_still(lambda: target.accepted)
        served = target.accepted - 1
        self.assertGreater(served, DESCRIPTORS // 2)
        self.assertLess(served, CLIENTS)

        # Nothing can be waited for where nothing should happen: this is how long it is watched.
        spent = program.cpu_seconds()
        threading.Event().wait(2.0)
        self.assertLess(program.cpu_seconds() - spent, 0.3)

        self.assertTrue(program.is_running())
        answered = [client for client in clients[:served] if client.recv(1) == b"x"]
        self.assertEqual(len(answered), served)
        for client in answered:
            client.close()
        for client in clients[served:]:
            self.assertEqual(load.receive_exactly(client, 1), b"x")
            client.close()
        load.check_echo(port)
        program.wait_for_descriptors(before)

    def test_running_out_of_descriptors_is_said_but_not_over_and_over(self):
        target = load.Target(load.echo)
        program, [port] = self.start_limited(target.host_and_port)

        clients = [load.connect(port) for _ in range(CLIENTS)]
        for client in clients:
            self.addCleanup(client.close)

        program.wait_for_lines("(?i)descriptors|open files")
        load.wait_until_still(lambda: target.accepted, seconds_still=1.5)
        self.assertLessEqual(len(program.messages()), 3, program.messages())

    def test_transfers_that_run_are_not_disturbed(self):
        target = load.Target(load.duplex)
        echo = load.Target(load.echo)
        program, [port, other] = self.start_limited(target.host_and_port, echo.host_and_port)
        load.check_echo(other)
        clients = []

        transfer = threading.Thread(
            target=lambda: clients.append(load.converse(port, 3, 32 * 1024 * 1024)), daemon=True)
        transfer.start()
        target.wait_for_connections(1)
        crowd = [load.connect(other) for _ in range(CLIENTS)]
        transfer.join(40)

        self.assertEqual(target.wait_for_results(1), [True])
        self.assertEqual(clients, [None], "the client saw an error")
        for connection in crowd:
            connection.close()
        load.check_echo(other)


if __name__ == "__main__":
    tap.main()
