"""What travels through the tunnels: seeded streams, the targets behind the bastion, and the local
clients, all with blocking calls in threads and all under deadlines.

A stream is told apart by its SHA-256, so that a lost, doubled, changed or reordered byte shows. A
target serves every connection in a thread of its own with one of the functions at the end of this
file; what it made of the connections is kept for the test to ask.
"""

import hashlib
import itertools
import random
import select
import socket
import struct
import threading
import time
import traceback

import rig

PIECE = 256 * 1024
CLEAN = "clean end"
RESET = "reset"

# SO_LINGER with no time to linger: close() sends a reset.
RESET_AT_CLOSE = struct.pack("ii", 1, 0)


# ---- streams -----------------------------------------------------------------------------------


def stream(seed, size):
    """`size` bytes that `seed` decides, in pieces; every piece carries its number."""
    piece = bytearray(random.Random(seed).randbytes(PIECE))
    for number in itertools.count():
        if size <= 0:
            return
        struct.pack_into(">Q", piece, 0, number)
        yield bytes(piece[:size])
        size -= PIECE


def digest(seed, size):
    sha = hashlib.sha256()
    for piece in stream(seed, size):
        sha.update(piece)
    return sha.hexdigest()


class Received:
    """What came over a connection, and how that ended: CLEAN, RESET, or None while it is open."""

    def __init__(self):
        self._sha = hashlib.sha256()
        self.size = 0
        self.sent = 0
        self.end = None

    def add(self, data):
        self._sha.update(data)
        self.size += len(data)

    @property
    def digest(self):
        return self._sha.hexdigest()

    def __repr__(self):
        return f"<{self.size} bytes received, {self.sent} sent, end: {self.end}>"


def exchange(connection, outgoing=(), seconds=30, finish=True, until=None, received=None):
    """Sends all of `outgoing` and receives at the same time, until the peer's end of stream or
    reset, or until `until` bytes have come. After the last byte out, sends FIN if `finish`."""
    deadline = rig.Deadline(seconds)
    received = received or Received()
    outgoing = iter(outgoing)
    unsent = memoryview(next(outgoing, b""))
    sending = True
    buffer = bytearray(PIECE)
    view = memoryview(buffer)
    poll = select.poll()
    connection.setblocking(False)
    poll.register(connection, select.POLLIN | select.POLLOUT)
    try:
        while received.end is None or (sending and unsent):
            if sending and not unsent:
                sending = False
                poll.modify(connection, select.POLLIN)
                if finish:
                    connection.shutdown(socket.SHUT_WR)
            if until is not None and received.size >= until and not sending:
                break
            events = poll.poll(deadline.remaining() * 1000)
            if not events or deadline.passed():
                raise AssertionError(f"not within {seconds} s: {received}")
            if events[0][1] & select.POLLOUT and sending:
                try:
                    sent = connection.send(unsent)
                    received.sent += sent
                    unsent = unsent[sent:] or memoryview(next(outgoing, b""))
                except BlockingIOError:
                    pass
            if events[0][1] & ~select.POLLOUT and received.end is None:
                count = connection.recv_into(view)
                if count == 0:
                    received.end = CLEAN
                    poll.modify(connection, select.POLLOUT if sending else 0)
                received.add(view[:count])
        if sending and finish:
            connection.shutdown(socket.SHUT_WR)
    except (ConnectionResetError, BrokenPipeError):
        received.end = received.end or RESET
        _receive_what_is_left(connection, received)
    return received


def _receive_what_is_left(connection, received):
    try:
        while data := connection.recv(PIECE):
            received.add(data)
    except OSError:
        pass


def receive_exactly(connection, size, seconds=10):
    """Blocks until `size` bytes have come, and returns them."""
    connection.settimeout(seconds)
    data = bytearray()
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise AssertionError(f"end of stream after {len(data)} of {size} bytes")
        data += piece
    return bytes(data)


# ---- clients -----------------------------------------------------------------------------------


def connect(port, address="127.0.0.1", seconds=10):
    """A connection to a listener; ConnectionRefusedError where there is none, ConnectionResetError
    where it was reset already and had brought nothing. socket.create_connection() would raise the
    latter also for a connection that has brought bytes, and they would be lost."""
    connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        connection.setblocking(False)
        connection.connect_ex((address, port))
        poll = select.poll()
        poll.register(connection, select.POLLOUT)
        events = poll.poll(seconds * 1000)
        if not events:
            raise TimeoutError(f"{address} port {port} did not answer in {seconds} s")
        if events[0][1] & select.POLLERR:
            connection.recv(1, socket.MSG_PEEK)  # raises the error if there is nothing else
        connection.settimeout(seconds)
    except OSError:
        connection.close()
        raise
    return connection


def listen_to(port, address="127.0.0.1", seconds=20):
    """A client that sends nothing, from the connecting to the end; returns what came."""
    try:
        with connect(port, address, seconds) as connection:
            return exchange(connection, finish=False, seconds=seconds)
    except ConnectionResetError:
        nothing = Received()
        nothing.end = RESET
        return nothing


def converse(port, seed, size, seconds=30):
    """A client of `duplex`: sends one stream, receives the other; both must be whole."""
    with connect(port) as connection:
        header = struct.pack(">QQ", seed, size)
        received = exchange(connection, itertools.chain([header], stream(seed, size)), seconds)
    if received.end != CLEAN or received.digest != digest(seed + 1, size):
        raise AssertionError(f"the stream to the client is damaged: {received}")


def check_echo(port, text=b"is anybody there?", seconds=10):
    """One round trip over a new connection, through to a clean end."""
    with connect(port, seconds=seconds) as connection:
        connection.sendall(text)
        assert receive_exactly(connection, len(text), seconds) == text
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b"", "the echo did not end"


def expect_reset(port, seconds=5):
    """A client whose tunnel must not come about: it is reset, and soon."""
    received = listen_to(port, seconds=seconds)
    assert (received.size, received.end) == (0, RESET), received


def at_once(function, arguments, seconds=60):
    """Calls function(*a) for each of `arguments`, all at the same time; returns the results in
    order. The first failure is raised."""
    results = [None] * len(arguments)
    failures = []

    def call(index, given):
        try:
            results[index] = function(*given)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=call, args=each, daemon=True)
               for each in enumerate(arguments)]
    deadline = rig.Deadline(seconds)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(deadline.remaining())
    if any(thread.is_alive() for thread in threads):
        raise AssertionError(f"not finished after {seconds} s")
    if failures:
        raise failures[0]
    return results


def wait_until_still(value, seconds_still=0.5, seconds=20):
    """Blocks until value() has not changed for `seconds_still`: everything that can flow has."""
    deadline = rig.Deadline(seconds)
    last, since = value(), time.monotonic()
    while time.monotonic() - since < seconds_still:
        assert not deadline.passed(), f"still flowing after {seconds} s"
        time.sleep(0.02)
        if (now := value()) != last:
            last, since = now, time.monotonic()


# ---- targets -----------------------------------------------------------------------------------


class Target:
    """A TCP service on loopback that runs `serve(connection)` in a thread for each connection. What
    `serve` returns or raises is kept in `results` in the order of the ends."""

    def __init__(self, serve, address="127.0.0.1", port=0):
        self._serve = serve
        self._listener = socket.create_server(
            (address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET,
            backlog=1024)
        self.address = address
        self.port = self._listener.getsockname()[1]
        self.host_and_port = (f"[{address}]" if ":" in address else address, self.port)
        self._changed = threading.Condition()
        self.accepted = 0
        self.results = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._changed:
                self.accepted += 1
                self._changed.notify_all()
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection):
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                result = self._serve(connection)
            except BaseException as failure:
                result = failure
                failure.add_note(traceback.format_exc())
        with self._changed:
            self.results.append(result)
            self._changed.notify_all()

    def wait_for_results(self, count, seconds=20):
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.results) >= count, seconds):
                raise AssertionError(f"after {seconds} s the target has finished "
                                     f"{len(self.results)} of {count} connections")
            return list(self.results)

    def wait_for_connections(self, count, seconds=10):
        with self._changed:
            if not self._changed.wait_for(lambda: self.accepted >= count, seconds):
                raise AssertionError(f"{self.accepted} of {count} connections reached the target")

    def stop(self):
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()


def echo(connection):
    """Returns every byte, and the end of stream after them."""
    size = 0
    while data := connection.recv(PIECE):
        connection.sendall(data)
        size += len(data)
    return size


def duplex(connection):
    """Receives a seed, a size and that stream, and sends the next seed's at the same time. Returns
    whether what came was whole."""
    seed, size = struct.unpack(">QQ", receive_exactly(connection, 16, 30))
    received = exchange(connection, stream(seed + 1, size), 60)
    return received.end == CLEAN and received.digest == digest(seed, size)


def source(seed, size):
    """A target that sends one stream and ends it, whatever it hears."""
    return lambda connection: exchange(connection, stream(seed, size), 60)


def sink(connection):
    """Receives until the end; returns what came."""
    return exchange(connection, finish=False, seconds=60)
