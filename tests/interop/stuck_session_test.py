#!/usr/bin/python3 -B
"""An SSH connection that takes nothing any more stops its own tunnels and no others, even where both
are served by one thread: its server process is stopped, and many of its clients go on sending."""

import os
import pathlib
import signal
import socket
import struct
import threading

import load
import rig
import tap

MIB = 1024 * 1024
FIRST = 200  # tunnels of the session that will be stopped
PIECE = 256 * 1024
ROUND_TRIPS = 100


def named_echo(connection):
    """Tells the port of its client, which is the SSH server's process, then echoes."""
    connection.sendall(struct.pack(">H", connection.getpeername()[1]))
    return load.echo(connection)


def owner_of(port, processes):
    """Which of `processes` has the TCP socket of loopback with this local port."""
    inodes = {fields[9] for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
              if int((fields := line.split())[1].split(":")[1], 16) == port}
    for pid in processes:
        for entry in os.scandir(f"/proc/{pid}/fd"):
            if os.readlink(entry.path).removeprefix("socket:[").removesuffix("]") in inodes:
                return pid
    return None


class StuckSession(rig.Case):
    def start_two_sessions(self):
        """One shard with two sessions; the server, the program, and the clients of each session,
        every one with its tunnel open."""
        server = self.start_sshd()
        target = load.Target(named_echo)
        program, [port] = self.forward(
            server, target.host_and_port,
            options=["--shards=1", "-o", "PoolSessions=2", "-o", f"ChannelsPerSession={FIRST}"])

        def connect():
            client = load.connect(port)
            self.addCleanup(client.close)
            return client, struct.unpack(">H", load.receive_exactly(client, 2))[0]
        clients = [connect() for _ in range(FIRST)]
        first = owner_of(clients[0][1], server.processes_of_connections())
        self.assertIsNotNone(first)

        def has_second():
            clients.append(connect())
            return owner_of(clients[-1][1], [first]) is None
        rig.wait_until(has_second, "a second session has tunnels", 20)
        clients += [connect() for _ in range(8)]
        by_session = {True: [], False: []}
        for client, far_port in clients:
            by_session[owner_of(far_port, [first]) == first].append(client)
        return program, first, by_session[True], by_session[False]

    def send_until_stuck(self, clients):
        """Has every client send until nothing is taken any more."""
        sent = 0

        def send_more():
            nonlocal sent
            for client in clients:
                try:
                    sent += client.send(piece)
                except BlockingIOError:
                    pass
            return sent
        piece = bytes(PIECE)
        for client in clients:
            client.setblocking(False)
        load.wait_until_still(send_more, seconds_still=1, seconds=40)

    def test_a_stopped_server_process_holds_up_its_own_tunnels_and_no_others(self):
        program, first, stuck, healthy = self.start_two_sessions()
        self.assertGreater(len(healthy), 0)
        before = program.resident_bytes()

        os.kill(first, signal.SIGSTOP)
        self.addCleanup(os.kill, first, signal.SIGCONT)
        self.send_until_stuck(stuck)

        for number in range(ROUND_TRIPS):
            for client in healthy[:2]:
                text = struct.pack(">I", number)
                client.sendall(text)
                self.assertEqual(load.receive_exactly(client, 4), text)
        sent = load.at_once(
            load.exchange, [(client, load.stream(seed, 8 * MIB)) for seed, client
                            in enumerate(healthy[:4])])
        self.assertEqual([(each.end, each.digest) for each in sent],
                         [(load.CLEAN, load.digest(seed, 8 * MIB)) for seed in range(len(sent))])
        # What one session may leave with the program, beside the pools and the outbox.
        self.assertLess(program.resident_bytes() - before, 32 * MIB)

    def test_what_a_stopped_server_process_did_not_take_arrives_when_it_goes_on(self):
        _, first, stuck, _ = self.start_two_sessions()
        os.kill(first, signal.SIGSTOP)
        received = [load.Received() for _ in stuck]

        def converse(index, client):
            load.exchange(client, load.stream(index, MIB), 50, received=received[index])
        clients = threading.Thread(
            target=load.at_once, args=(converse, list(enumerate(stuck))), daemon=True)
        clients.start()
        load.wait_until_still(lambda: sum(each.sent for each in received))

        os.kill(first, signal.SIGCONT)
        clients.join(55)

        self.assertEqual([(each.end, each.digest) for each in received],
                         [(load.CLEAN, load.digest(index, MIB)) for index in range(len(stuck))])


if __name__ == "__main__":
    tap.main()
