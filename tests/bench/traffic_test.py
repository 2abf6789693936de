#!/usr/bin/python3
"""What the generators of bench/traffic count, against the target and against ends that are made up here.
No speed is asked for: a time has a least value alone. usage: traffic_test.py TRAFFIC. Prints TAP."""

import contextlib
import json
import select
import socket
import struct
import subprocess
import sys
import threading
import time
import traceback

TRAFFIC = sys.argv[1]
ORDER = struct.Struct("=IIQIIQ")  # bench/traffic/order.h
ECHO, ANSWER, PUSH = 4, 5, 6
SECONDS_MAX = 60
ENDLESS = (1 << 64) - 1

CASES = []


def case(sentence):
    def keep(function):
        CASES.append((sentence, function))
        return function
    return keep


def equal(measured, expected):
    assert measured == expected, f"{measured!r} is not {expected!r}"


@contextlib.contextmanager
def target(*arguments):
    """The port of a real one."""
    process = subprocess.Popen([TRAFFIC, "target", *map(str, arguments)], stdout=subprocess.PIPE)
    try:
        yield json.loads(process.stdout.readline())["port"]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def generate(role, port, *arguments):
    """(what it says, or None; what it complains of)"""
    done = subprocess.run([TRAFFIC, role, "--connect", f"127.0.0.1:{port}", *map(str, arguments)],
                          capture_output=True, text=True, timeout=SECONDS_MAX, check=False,
                          stdin=subprocess.DEVNULL)
    return (json.loads(done.stdout) if done.returncode == 0 else None), done.stderr


class Peer:
    """A target that is made up: `serve` gets each connection, one after the other."""

    def __init__(self, serve, connections=1):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(SECONDS_MAX)
        self.port = self._listener.getsockname()[1]
        self._failure = None
        self._thread = threading.Thread(target=self._run, args=(serve, connections))
        self._thread.start()

    def _run(self, serve, connections):
        try:
            for _ in range(connections):
                connection, _ = self._listener.accept()
                with connection:
                    connection.settimeout(SECONDS_MAX)
                    serve(connection)
        except Exception as failure:  # whatever it is, it is the case's failure
            self._failure = failure

    def check(self):
        self._thread.join(SECONDS_MAX)
        self._listener.close()
        if self._failure:
            raise self._failure


def take(connection, count):
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        assert more, f"an end after {len(data)} of {count} bytes"
        data += more
    return data


def order_of(connection):
    magic, verb, count, request, answer, interval_ns = ORDER.unpack(take(connection, ORDER.size))
    equal(magic, 0x43415042)
    return verb, count, request, answer, interval_ns


def ordering(port, verb, *, count=ENDLESS, request=0, answer=0, interval_ns=0):
    connection = socket.create_connection(("127.0.0.1", port), timeout=SECONDS_MAX)
    connection.sendall(ORDER.pack(0x43415042, verb, count, request, answer, interval_ns))
    return connection


def is_silent(connection, seconds=0.05):
    return not select.select([connection], [], [], seconds)[0]


# ---- pushed messages ---------------------------------------------------------------------------


@case("every message that is pushed is counted, and none is early")
def _():
    with target() as port:
        said, _ = generate("watch", port, "--bytes", 64, "--count", 50, "--interval-us", 200)
    equal(len(said["lags_ns"]), 50)
    assert min(said["lags_ns"]) > 0
    assert said["ended_ns"] - said["begun_ns"] >= 49 * 200_000


@case("a message is late from when it was due, however it is cut on the way")
def _():
    def serve(connection):
        equal(order_of(connection), (PUSH, 2, 0, 16, 1_000_000))
        due = time.monotonic_ns()
        time.sleep(0.03)
        for byte in struct.pack("=QQQQ", due, 0, due + 1_000_000, 0):
            connection.sendall(bytes([byte]))
    peer = Peer(serve)
    said, _ = generate("watch", peer.port, "--bytes", 16, "--count", 2, "--interval-us", 1000)
    peer.check()
    first, second = said["lags_ns"]
    assert first >= 30_000_000 and second >= 29_000_000, said


@case("a feed that ends early, and one that is not the target's, are no samples")
def _():
    for bytes_sent, complaint in ((struct.pack("=QQ", 7, 0), "1 of 2 messages came"),
                                  (struct.pack("=QQQQ", 7, 0, 7, 0), "does not follow"),
                                  (struct.pack("=QQ", ENDLESS, 0), "does not follow")):
        def serve(connection):
            order_of(connection)
            connection.sendall(bytes_sent)
        peer = Peer(serve)
        said, stderr = generate("watch", peer.port, "--bytes", 16, "--count", 2, "--interval-us", 9)
        peer.check()
        assert said is None and complaint in stderr, (said, stderr)


@case("the target keeps its timetable while its reader stands still, and loses nothing")
def _():
    size, count = 64 << 10, 200  # more than two sockets hold
    with target() as port, ordering(port, PUSH, count=count, answer=size,
                                    interval_ns=1_000_000) as connection:
        time.sleep(0.3)
        dues = [struct.unpack("=Q", take(connection, size)[:8])[0] for _ in range(count)]
        equal(connection.recv(1), b"")
    equal({after - before for before, after in zip(dues, dues[1:])}, {1_000_000})


# ---- conversations -----------------------------------------------------------------------------


def talk(port, *arguments, request=1, answer=1):
    return generate("talk", port, "--request-bytes", request, "--answer-bytes", answer,
                    "--milliseconds", 10_000, *arguments)


@case("a connection ends as it was asked to: by the client, by a reset, or by the target")
def _():
    seen = []
    for end in ("client", "reset", "target"):
        def serve(connection):
            verb, count, request, answer, _ = order_of(connection)
            equal((verb, count, request, answer), (ANSWER, 1 if end == "target" else ENDLESS, 1, 1))
            take(connection, 1)
            connection.sendall(b"a")
            if end == "target":
                assert is_silent(connection)  # it waits for our end
                connection.shutdown(socket.SHUT_WR)
            try:
                seen.append((end, connection.recv(1)))
            except ConnectionResetError:
                seen.append((end, "reset"))
        peer = Peer(serve)
        said, stderr = talk(peer.port, "--requests", 1, "--count", 1, "--end", end)
        peer.check()
        assert said, stderr
        equal(len(said["trips_ns"]), 1)
    equal(seen, [("client", b""), ("reset", "reset"), ("target", b"")])


@case("of connections that end, as many are made as were asked for")
def _():
    with target() as port:
        for end in ("client", "reset", "target"):
            said, stderr = talk(port, "--requests", 3, "--count", 40, "--concurrent", 7, "--end", end)
            assert said, stderr
            equal(len(said["trips_ns"]), 40)


@case("where the target ends first, a trip lasts until its end is here")
def _():
    def serve(connection):
        order_of(connection)
        take(connection, 1)
        connection.sendall(b"a")
        time.sleep(0.03)
    peer = Peer(serve)
    said, _ = talk(peer.port, "--requests", 1, "--count", 1, "--end", "target")
    peer.check()
    assert said["trips_ns"][0] >= 30_000_000, said


@case("a conversation that is cut, or that has an answer too many, is no sample")
def _():
    for answer in (b"", b"an", b"answer and more"):
        def serve(connection):
            order_of(connection)
            take(connection, 1)
            connection.sendall(answer)
        peer = Peer(serve)
        said, stderr = talk(peer.port, "--requests", 2, "--count", 1, answer=6)
        peer.check()
        assert said is None and stderr, (answer, said)


@case("who is greeted says nothing before, and nothing of an order")
def _():
    def serve(connection):
        connection.sendall(b"g" * 79)
        assert is_silent(connection)
        connection.sendall(b"g")
        for _ in range(5):
            equal(len(take(connection, 40)), 40)
            connection.sendall(b"a" * 100)
        equal(connection.recv(1), b"")
    peer = Peer(serve)
    arguments = ("--greeting-bytes", 80, "--requests", 5, "--count", 1)
    said, stderr = talk(peer.port, *arguments, request=40, answer=100)
    peer.check()
    assert said, stderr
    with target("--greeting-bytes", 80, "--request-bytes", 40, "--answer-bytes", 100) as port:
        said, stderr = talk(port, *arguments, request=40, answer=100)
        assert said, stderr


@case("as many requests are under way as were asked for, and no more")
def _():
    def serve(connection):
        order_of(connection)
        take(connection, 8 * 10)
        assert is_silent(connection)
        connection.sendall(b"a" * 5)
        take(connection, 10)
        assert is_silent(connection)
        connection.sendall(b"a" * 5 * 8)
        with contextlib.suppress(ConnectionResetError):
            while connection.recv(100):  # whatever else it asks for
                pass
    peer = Peer(serve)
    said, stderr = talk(peer.port, "--depth", 8, "--count", 1, request=10, answer=5)
    peer.check()
    assert said, stderr
    assert said["trips_ns"]  # the first answer opened the connection, and is not one of them


@case("large requests and answers are whole, in both directions at once")
def _():
    with target() as port:
        said, stderr = talk(port, "--depth", 3, "--count", 5, request=1 << 20, answer=3 << 20)
    assert said, stderr
    assert len(said["trips_ns"]) >= 5


@case("connections by a timetable begin at its ticks, all at once, and are late from there")
def _():
    together = []

    def serve(connection):
        order_of(connection)
        take(connection, 1)
        together.append(time.monotonic())
        connection.sendall(b"a")
    peer = Peer(serve, connections=6)
    said, stderr = talk(peer.port, "--requests", 1, "--concurrent", 3, "--every-ms", 100,
                        "--count", 6)
    peer.check()
    assert said, stderr
    equal(len(said["trips_ns"]), 6)
    assert together[3] - said["begun_ns"] / 1e9 >= 0.1, together


@case("a pause lies between an answer and the next request, and in no trip's time alone")
def _():
    with target() as port:
        said, stderr = talk(port, "--pause-ms", 20, "--pause-ms-max", 30, "--count", 5)
    assert said, stderr
    equal(len(said["trips_ns"]), 5)
    assert said["ended_ns"] - said["begun_ns"] >= 5 * 20_000_000


@case("an upload to a target that takes little at a time is counted to its last byte, and takes its time")
def _():
    with target() as port:
        said, stderr = generate("bulk", port, "--direction", "up", "--connections", 1, "--bytes",
                                1_000_000, "--drain-bytes", 100_000, "--drain-interval-us", 5_000)
    assert said, stderr
    assert said["ended_ns"] - said["begun_ns"] >= 9 * 5_000_000, said


@case("the long path acknowledges at once: whoever waits for that is not delayed by more than the path")
def _():
    trips_ns = []

    def serve(connection):
        # Nagle's algorithm is on here, as in sshd: b is held back until a is acknowledged.
        for _ in range(30):
            take(connection, 1)
            connection.sendall(b"a")
            connection.sendall(b"b")
    peer = Peer(serve)
    delay = subprocess.Popen([TRAFFIC, "delay", "--connect", f"127.0.0.1:{peer.port}", "--delay-us",
                              "5000"], stdout=subprocess.PIPE)
    try:
        port = json.loads(delay.stdout.readline())["port"]
        with socket.create_connection(("127.0.0.1", port), timeout=SECONDS_MAX) as connection:
            for _ in range(30):
                begun = time.monotonic_ns()
                connection.sendall(b"q")
                equal(take(connection, 2), b"ab")
                trips_ns.append(time.monotonic_ns() - begun)
        peer.check()
    finally:
        delay.kill()
        delay.wait()
        delay.stdout.close()
    assert min(trips_ns) >= 10_000_000, trips_ns
    # The kernel is quick at the beginning of a connection and delays by 40 ms then, and the end takes the
    # last byte along. One trip between that no busy machine held up is enough.
    assert min(trips_ns[20:-1]) < 40_000_000, trips_ns


@case("a client that resets takes nothing else with it")
def _():
    with target() as port:
        with ordering(port, ECHO) as other:
            for verb in (ECHO, ANSWER, PUSH):
                rude = ordering(port, verb, request=1, answer=64, interval_ns=1_000_000)
                rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                rude.close()
            other.sendall(b"still there")
            equal(take(other, 11), b"still there")


def main():
    print("TAP version 13")
    print(f"1..{len(CASES)}")
    failed = 0
    for number, (sentence, run) in enumerate(CASES, 1):
        try:
            run()
            print(f"ok {number} - {sentence}", flush=True)
        except Exception:  # whatever it is, it is this case's failure
            failed += 1
            print(f"not ok {number} - {sentence}")
            print("# " + traceback.format_exc().rstrip().replace("\n", "\n# "), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
