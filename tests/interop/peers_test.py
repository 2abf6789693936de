#!/usr/bin/python3 -B
"""Other people's SSH servers (peer.py): everything that both sides speak, pairwise, and what each
server does in its own way. Every case is run for every server, and its sentence begins with the
server's name, so that `peers_test.py Dropbear` runs Dropbear's."""

import concurrent.futures
import functools
import random
import signal
import sys

import gatekeeper
import kexinit
import load
import peer
import peers_table
import rig
import tap

KIB = 1024
MIB = 1024 * KIB
NEW_KEYS = r"^caponier: keys are on: "  # of the first session: lines of others begin with their number
KEY_KINDS = {"ssh-ed25519": "ed25519", "rsa-sha2-256": "rsa", "rsa-sha2-512": "rsa",
             "ecdsa-sha2-nistp256": "ecdsa256", "ecdsa-sha2-nistp384": "ecdsa384",
             "ecdsa-sha2-nistp521": "ecdsa521"}
METHODS = ("publickey", "password", "keyboard-interactive")  # that the program has


@functools.cache
def ours():
    """What the program speaks, by list."""
    started = []

    def start(port):
        started.append(rig.Caponier(["-p", port, "-L", "127.0.0.1:0:127.0.0.1:9", "127.0.0.1"]))
    try:
        return kexinit.of_program(start)
    finally:
        for program in started:
            program.stop()


class Peers(rig.Case):
    """What all cases begin with; for_every_peer adds the cases."""

    seconds_max = 300  # some have a hundred sessions

    def start(self, kind, rekey_bytes=0):
        directory = self.directory / kind.name
        directory.mkdir()
        return self.keep(kind(directory, rekey_bytes))

    def both(self, server):
        both = kexinit.in_both(ours(), kexinit.of_server(server))
        for name, common in both.items():
            self.assertTrue(common, f"nothing in common: {name}")
        return both

    def tunnel(self, server, *targets, options=None, key=None, environment=None):
        """The program with a forward to each target; (program, ports)."""
        # Diffie-Hellman in Python, with 8192 bits and beside other tests, takes its time.
        options = {"ConnectTimeout": "60", **server.options, **(options or {})}
        words = [word for name, value in options.items()
                 for word in ("-o", f"{name}={value}")]
        forwards = [word for host, port in targets
                    for word in ("-L", f"127.0.0.1:0:{host}:{port}")]
        program = self.start_caponier([
            "-v", *words, "-p", server.port, "-i", key or server.user_key,
            "-o", "IdentitiesOnly=yes", "-o", "GlobalKnownHostsFile=/dev/null",
            "-o", f"UserKnownHostsFile={server.known_hosts}", *forwards,
            f"{server.user}@{server.address}"], environment=environment)
        return program, program.wait_until_ready(len(targets), 70)

    def finish(self, program):
        program.signal(signal.SIGTERM)
        self.assertEqual(program.wait_for_exit(20), 0)


def for_every_peer(case):
    """Makes case(self, kind) a case of every server."""
    for kind in peer.PEERS.values():
        setattr(Peers, f"test_{kind.name}_{case.__name__}",
                lambda self, kind=kind: case(self, kind))


def only_for(*kinds):
    def add(case):
        for kind in kinds:
            setattr(Peers, f"test_{kind.name}_{case.__name__}",
                    lambda self, kind=kind: case(self, kind))
    return add


# ---- what both speak ---------------------------------------------------------------------------


@for_every_peer
def carries_256_kibibytes_each_way_with_every_pair_of_algorithms(self, kind):
    server = self.start(kind)
    target = load.Target(load.duplex)
    broken = []

    def run(number, kex, host_key, cipher, mac):
        asked = {"KexAlgorithms": kex, "HostKeyAlgorithms": host_key, "Ciphers": cipher,
                 "MACs": mac}
        try:
            program, [port] = self.tunnel(server, target.host_and_port, options=asked)
            load.converse(port, seed=2 * number, size=256 * KIB)
            [told] = program.lines(pattern=NEW_KEYS)
            settled = [kex, host_key, cipher]
            settled += [] if kexinit.authenticates_itself(cipher) else [mac]
            self.assertTrue(told.endswith(": " + ", ".join(settled)), told)
            self.finish(program)
        except (AssertionError, OSError) as failure:
            broken.append(f"{asked}: {failure}")

    sessions = kexinit.combinations(self.both(server))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for number, session in enumerate(sessions):
            pool.submit(run, number, *session)
    self.assertEqual(broken, [], f"of {len(sessions)} sessions")
    self.assertEqual(target.wait_for_results(len(sessions)), [True] * len(sessions))


@for_every_peer
def carries_8_mebibytes_each_way_with_every_cipher_and_several_rekeys(self, kind):
    server = self.start(kind, rekey_bytes=0 if kind.takes_rekeys else MIB)
    ours_too = {"RekeyLimit": "512K"} if kind.takes_rekeys else {}
    target = load.Target(load.duplex)
    ciphers = self.both(server)["cipher"]
    for number, cipher in enumerate(ciphers):
        program, [port] = self.tunnel(server, target.host_and_port,
                                      options={"Ciphers": cipher, **ours_too})
        load.converse(port, seed=2 * number, size=8 * MIB)
        program.wait_for_lines(NEW_KEYS, count=5)
        self.finish(program)
    self.assertEqual(target.wait_for_results(len(ciphers)), [True] * len(ciphers))


@for_every_peer
def refuses_what_it_does_not_speak_and_we_say_what_it_offers(self, kind):
    server = self.start(kind)
    theirs = kexinit.of_server(server)
    for option, name in ("Ciphers", "cipher"), ("KexAlgorithms", "kex"):
        for algorithm in [each for each in ours()[name] if each not in theirs[name]][:1]:
            program = self.start_caponier([
                "-o", f"{option}={algorithm}", "-p", server.port, "-i", server.user_key,
                "-o", f"UserKnownHostsFile={server.known_hosts}", "-L", "127.0.0.1:0:127.0.0.1:9",
                f"{server.user}@{server.address}"])
            self.assert_fails(program, theirs[name][0].replace("+", r"\+"))


# ---- channels ----------------------------------------------------------------------------------


@for_every_peer
def lets_either_side_finish_first(self, kind):
    def answer_what_came(connection):
        received = load.exchange(connection, finish=False)
        load.exchange(connection, load.stream(2, 256 * KIB), received=received)
        return received.end, received.digest
    patient = load.Target(answer_what_came)
    hasty = load.Target(load.source(2, 256 * KIB))
    _, [to_patient, to_hasty] = self.tunnel(
        self.start(kind), patient.host_and_port, hasty.host_and_port)

    with load.connect(to_patient) as connection:
        answer = load.exchange(connection, load.stream(1, 256 * KIB))
    with load.connect(to_hasty) as connection:
        first = load.exchange(connection, finish=False)
        last = load.exchange(connection, load.stream(1, 256 * KIB), received=load.Received())

    whole = [(load.CLEAN, load.digest(number, 256 * KIB)) for number in (1, 2)]
    self.assertEqual((answer.end, answer.digest), whole[1])
    self.assertEqual(patient.wait_for_results(1), [whole[0]])
    self.assertEqual((first.end, first.digest), whole[1])
    self.assertEqual(last.sent, 256 * KIB)
    [seen] = hasty.wait_for_results(1)
    self.assertEqual((seen.end, seen.digest), whole[0])


@for_every_peer
def opens_and_closes_200_tunnels_20_at_once(self, kind):
    target = load.Target(load.duplex)
    program, [port] = self.tunnel(self.start(kind), target.host_and_port)
    load.converse(port, seed=0, size=1)
    before = program.descriptors()
    sizes = random.Random(1)

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda tunnel: load.converse(port, *tunnel),
                      [(2 * number, sizes.randrange(40_000)) for number in range(1, 201)]))

    self.assertEqual(target.wait_for_results(201), [True] * 201)
    program.wait_for_descriptors(before)


@for_every_peer
def refuses_one_tunnel_and_carries_the_others(self, kind):
    echo = load.Target(load.echo)
    nobody = ("127.0.0.1", rig.free_port())
    program, [bad, good] = self.tunnel(self.start(kind), nobody, echo.host_and_port)

    with load.connect(good) as living:
        for count in range(1, 4):
            load.expect_reset(bad)
            program.wait_for_lines(f"127.0.0.1:{nobody[1]}\\b", count=count)
            living.sendall(b"and here?")
            self.assertEqual(load.receive_exactly(living, 9), b"and here?")
    load.check_echo(good)


@only_for(peer.Dropbear)
def has_no_more_than_a_thousand_channels_and_the_next_is_refused(self, kind):
    echo = load.Target(load.echo)
    # A pool would take the next one to another session.
    program, [port] = self.tunnel(self.start(kind), echo.host_and_port,
                                  options={"PoolSessions": "1", "ChannelsPerSession": "2000"})
    living = []
    for _ in range(kind.channels_max):
        living.append(load.connect(port))
        self.addCleanup(living[-1].close)
        living[-1].sendall(b"1")
    for connection in living:
        self.assertEqual(load.receive_exactly(connection, 1, 20), b"1")

    load.expect_reset(port)

    for connection in living:
        connection.sendall(b"2")
    for connection in living:
        self.assertEqual(load.receive_exactly(connection, 1, 20), b"2")
    living.pop().close()
    rig.wait_until(lambda: len(echo.results) == 1, "the channel is closed")
    load.check_echo(port)
    self.assertTrue(program.is_running())


# ---- the server's own ways ---------------------------------------------------------------------


@only_for(*(kind for kind in peer.PEERS.values() if kind.rekeys))
def asks_for_new_keys_and_nothing_is_lost(self, kind):
    target = load.Target(load.duplex)
    program, [port] = self.tunnel(self.start(kind, rekey_bytes=MIB), target.host_and_port)

    count = kind.tunnels_in_rekey
    load.at_once(load.converse, [(port, 2 * seed, 16 * MIB // count) for seed in range(count)])

    # Few of them: AsyncSSH goes on sending during an exchange, ssh2 counts anew at its beginning.
    self.assertGreater(len(program.lines(pattern=NEW_KEYS)), 2)
    self.assertEqual(target.wait_for_results(count), [True] * count)


@only_for(peer.Dropbear)
def asks_for_new_keys_after_a_gibibyte_and_nothing_is_lost(self, kind):
    target = load.Target(load.source(1, 1040 * MIB))
    program, [port] = self.tunnel(self.start(kind), target.host_and_port)

    with load.connect(port) as connection:
        received = load.exchange(connection, seconds=55)

    self.assertEqual((received.end, received.digest), (load.CLEAN, load.digest(1, 1040 * MIB)))
    self.assertEqual(len(program.lines(pattern=NEW_KEYS)), 2)


@for_every_peer
def lets_us_in_by_every_method_that_it_offers(self, kind):
    server = self.start(kind)
    target = load.Target(load.echo)
    theirs = kexinit.of_server(server)["host_key"]
    askpass = gatekeeper.Askpass(self.directory, [peer.PASSWORD] * len(METHODS))
    keys = {KEY_KINDS[name] for name in ours()["host_key"] if name in theirs and name in KEY_KINDS}
    for method in methods(server):
        for key in sorted(keys) if method == "publickey" else [None]:
            program, [port] = self.tunnel(
                server, target.host_and_port, options={"PreferredAuthentications": method},
                key=key and peer.keys() / f"user_key_{key}", environment=askpass.environment())
            load.check_echo(port)
            self.finish(program)


def methods(server):
    offered = server.methods()
    return [method for method in METHODS if method in offered]


# ---- the table ---------------------------------------------------------------------------------


def covered(self, kind):
    """What a run covers with this server, as a column of the table in README.md."""
    server = self.start(kind)
    return peers_table.column(kind, self.both(server), methods(server))


@for_every_peer
def is_in_the_table_of_the_README_with_what_is_run(self, kind):
    column = covered(self, kind)
    if WRITE_TABLE in sys.argv:
        columns[kind.name] = column
        return
    self.assertEqual(peers_table.read().get(kind.name), column,
                     f"tests/interop/peers_test.py {WRITE_TABLE} writes what is run now")


WRITE_TABLE = "--write-table"
columns = {}  # of this run


def main():
    tap.main(flags=[WRITE_TABLE])
    if WRITE_TABLE in sys.argv:
        peers_table.write({name: columns[name] for name in peer.PEERS})


if __name__ == "__main__":
    main()
