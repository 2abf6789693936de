"""The rig of the interop tests: processes under deadlines, throw-away keys, a private sshd, and
the program under test.

Nothing here sleeps for luck: a test waits for a line of output or for a condition, with a deadline.
Every process dies with the test that started it and is ended by its own pid. What travels through
the tunnels is load.py's; servers that misbehave on purpose are scripted_server.py's.
"""

import collections
import os
import pathlib
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import types
import unittest

SSHD = "/usr/sbin/sshd"
USER = pwd.getpwuid(os.getuid()).pw_name

# Filled in by tap.main().
options = types.SimpleNamespace(program=None, backend="auto", engine=None)


def find_program(given):
    """What the command line names, else $CAPONIER, else build/tools of this checkout."""
    checkout = pathlib.Path(__file__).resolve().parents[2]
    return str(pathlib.Path(given or os.environ.get("CAPONIER")
                            or checkout / "build" / "tools" / "caponier").absolute())


def check_machine():
    """A missing peer or tool is a failure of the whole file, never a skip."""
    for tool in [options.program, SSHD, "/usr/bin/ssh-keygen", "/usr/bin/ssh-agent",
                 "/usr/bin/setpriv", "/usr/bin/prlimit"]:
        if not os.access(tool, os.X_OK):
            print(f"Bail out! {tool} is missing (tools/setup --test installs the peers)")
            sys.exit(1)
    if os.getuid() == 0:
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # sshd run as root insists on it


# ---- waiting -----------------------------------------------------------------------------------


class Deadline:
    """A point in time that everything a step waits for shares."""

    def __init__(self, seconds):
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def remaining(self):
        return max(0.0, self._end - time.monotonic())

    def passed(self):
        return self.remaining() == 0.0


def wait_until(condition, what, seconds=10):
    """Returns what `condition` returns as soon as it is true; fails the case after `seconds`. For
    things that only /proc tells, where there is nothing to block on."""
    deadline = Deadline(seconds)
    while not (value := condition()):
        if deadline.passed():
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)
    return value


# ---- processes ---------------------------------------------------------------------------------


class Process:
    """A child whose output is read as it comes, so that a test can wait for a line of it."""

    def __init__(self, name, command, environment=None):
        self.name = name
        self.command = command
        # setpriv becomes the command (same pid) and has it killed should this test be killed.
        self._child = subprocess.Popen(["/usr/bin/setpriv", "--pdeathsig", "KILL", "--", *command],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, env=environment, text=True,
                                       errors="backslashreplace", start_new_session=True)
        self.pid = self._child.pid
        self._changed = threading.Condition()
        self.output = {"stdout": [], "stderr": []}
        self._open_streams = 2
        self._readers = [threading.Thread(target=self._read, args=(stream,), daemon=True)
                         for stream in self.output]
        for reader in self._readers:
            reader.start()

    def _read(self, stream):
        for line in getattr(self._child, stream):
            with self._changed:
                self.output[stream].append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._open_streams -= 1
            self._changed.notify_all()

    def lines(self, stream="stderr", pattern=""):
        with self._changed:
            return [line for line in self.output[stream] if re.search(pattern, line)]

    def wait_for_lines(self, pattern, stream="stderr", count=1, seconds=10):
        """Blocks until `count` lines match; returns all that do."""
        deadline = Deadline(seconds)
        with self._changed:
            while True:
                found = [line for line in self.output[stream] if re.search(pattern, line)]
                if len(found) >= count:
                    return found
                if self._open_streams == 0 or deadline.passed():
                    why = "it ended" if self._open_streams == 0 else f"{seconds} s passed"
                    raise AssertionError(f"{self.name}: {len(found)} of {count} lines like "
                                         f"/{pattern}/ on {stream}, then {why}")
                self._changed.wait(deadline.remaining())

    def wait_for_exit(self, seconds=10):
        """Blocks until the process is gone and its output is read; returns its exit code."""
        deadline = Deadline(seconds)
        try:
            code = self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {seconds} s") from None
        for reader in self._readers:
            reader.join(max(1.0, deadline.remaining()))
        return code

    def is_running(self):
        return self._child.poll() is None

    def signal(self, number):
        os.kill(self.pid, number)

    def stop(self):
        if self.is_running():
            self._child.kill()
            self._child.wait()

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)[1]) * 1024

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def evidence(self):
        tail = [f"{self.name}: {' '.join(self.command)}"]
        for stream in self.output:
            tail += [f"  {stream}: {line}" for line in self.lines(stream)[-25:]]
        if not self.is_running():
            tail.append(f"  exit: {self._child.returncode}")
        return "\n".join(tail)


def descendants(pid):
    """All processes below `pid`, from one look at /proc."""
    children = collections.defaultdict(list)
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            children[int(stat.rsplit(")", 1)[1].split()[1])].append(int(entry.name))
    found = []
    unvisited = [pid]
    while unvisited:
        below = children[unvisited.pop()]
        found += below
        unvisited += below
    return found


# ---- keys --------------------------------------------------------------------------------------


def make_key(path, kind="ed25519", passphrase=""):
    """Writes a new private key to `path` and its public half beside it; returns the path. A `kind`
    may name a size: "ecdsa-384"."""
    kind, _, bits = kind.partition("-")
    bits = bits or ("2048" if kind == "rsa" else "")
    size = ["-b", bits] if bits else []
    subprocess.run(["/usr/bin/ssh-keygen", "-q", "-t", kind, *size, "-N", passphrase,
                    "-C", "interop", "-f", str(path)],
                   check=True, stdin=subprocess.DEVNULL, timeout=30)
    return pathlib.Path(path)


def public_key(path):
    """The public half of the key at `path`, as known_hosts and authorized_keys spell it."""
    return " ".join(pathlib.Path(f"{path}.pub").read_text().split()[:2])


# ---- the private OpenSSH server ----------------------------------------------------------------


class Sshd(Process):
    """A real OpenSSH server on loopback, for one case: own directory, own keys, current user."""

    STARTS_MAX = 5

    def __init__(self, directory, address="127.0.0.1", more_host_keys=(), **config):
        self.address = address
        self.directory = pathlib.Path(directory)
        self.host_keys = [make_key(self.directory / f"host_key_{kind}", kind)
                          for kind in ("ed25519", *more_host_keys)]
        self.host_key = self.host_keys[0]
        self.user_key = make_key(self.directory / "user_key")
        self.authorized_keys = self.directory / "authorized_keys"
        self.authorize(self.user_key)
        # The port may be taken between its choice and sshd's bind; then another is tried.
        for _ in range(self.STARTS_MAX):
            self.port = free_port(address)
            super().__init__("sshd", [SSHD, "-D", "-e", "-f", str(self._write_config(config))])
            try:
                self.wait_for_lines(r"^Server listening on")
                break
            except AssertionError:
                self.stop()
                if not self.lines(pattern="Address already in use"):
                    raise
        self.known_hosts = self.write_known_hosts(self.known_host_line(self.host_key))

    def _write_config(self, config):
        lines = {"ListenAddress": f"[{self.address}]:{self.port}", "HostKey": self.host_keys,
                 "PidFile": "none", "AuthorizedKeysFile": self.authorized_keys, "UsePAM": "no",
                 "StrictModes": "no", "PasswordAuthentication": "no",
                 "KbdInteractiveAuthentication": "no", "PermitRootLogin": "yes",
                 "LogLevel": "VERBOSE", "MaxStartups": "200", "UseDNS": "no", **config}
        path = self.directory / "sshd_config"
        path.write_text("".join(f"{key} {value}\n" for key, values in lines.items()
                                for value in (values if isinstance(values, list) else [values])))
        return path

    def authorize(self, key):
        with self.authorized_keys.open("a") as file:
            file.write(public_key(key) + "\n")

    def known_host_line(self, key):
        return f"[{self.address}]:{self.port} {public_key(key)}\n"

    def write_known_hosts(self, text):
        path = self.directory / "known_hosts"
        path.write_text(text)
        return path

    def processes_of_connections(self):
        return descendants(self.pid)

    def kill(self):
        """SIGKILL for the listener and for every process that serves a connection."""
        for pid in [self.pid, *self.processes_of_connections()]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.stop()

    def stop(self):
        if self.is_running():
            children = self.processes_of_connections()
            super().stop()
            for pid in children:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass


def free_port(address="127.0.0.1"):
    """A port that nobody listens on now. It is below those that the kernel gives to others who ask
    for any port, so that it stays free until it is used."""
    while True:
        port = random.randrange(10_000, 32_768)
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
            try:
                probe.bind((address, port))
            except OSError:
                continue
            return port


# ---- the program -------------------------------------------------------------------------------

# For a test that counts descriptors or messages, or that wants several tunnels in one session: under
# load the program opens further ones.
ONE_SESSION = ("-o", "PoolSessions=1")

READY = re.compile(r"^Forwarding from (?P<host>.+):(?P<port>\d+) -> \S+ via \S+$")


class Caponier(Process):
    """The program under test. `arguments` are added after --io."""

    def __init__(self, arguments, environment=None, descriptors_max=None):
        limit = ["/usr/bin/prlimit", f"--nofile={descriptors_max}", "--"] if descriptors_max else []
        engine = [f"--ssh={options.engine}"] if options.engine else []
        super().__init__("caponier",
                         [*limit, options.program, f"--io={options.backend}", *engine,
                          *map(str, arguments)],
                         {**clean_environment(), **(environment or {})})

    def wait_until_ready(self, forwards=1, seconds=15):
        """The port of each forward, in the order of the lines that announce them."""
        lines = self.wait_for_lines(READY, "stdout", forwards, seconds)
        return [int(READY.match(line)["port"]) for line in lines]

    def wait_for_descriptors(self, expected, seconds=10):
        try:
            wait_until(lambda: self.descriptors() <= expected, "descriptors closed", seconds)
        except AssertionError:
            names = []
            for entry in os.scandir(f"/proc/{self.pid}/fd"):
                names.append(f"{entry.name} -> {os.readlink(entry.path)}")
            raise AssertionError(f"{len(names)} descriptors are open, expected {expected}:\n"
                                 + "\n".join(names)) from None

    def messages(self, pattern=""):
        """The lines on stderr that match."""
        return self.lines("stderr", pattern)


def clean_environment():
    """This process's environment without what would let the user's own keys in."""
    return {key: value for key, value in os.environ.items() if not key.startswith("SSH_")}


class Case(unittest.TestCase):
    """A test with a directory of its own; what it starts is stopped in reverse order."""

    maxDiff = None
    seconds_max = None  # what tap.py allows a case, unless the class says otherwise

    def setUp(self):
        self._processes = []
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="caponier-interop-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def evidence(self):
        return "\n".join(process.evidence() for process in self._processes)

    def keep(self, process):
        """Has `process` stopped at the end and its output shown when the case fails."""
        self._processes.append(process)
        self.addCleanup(process.stop)
        return process

    def start_sshd(self, name="sshd", **config):
        directory = self.directory / name
        directory.mkdir()
        return self.keep(Sshd(directory, **config))

    def start_caponier(self, arguments, **how):
        return self.keep(Caponier(arguments, **how))

    def arguments_for(self, server, *forwards, identity=None, known_hosts=None):
        """What a user would type to forward through `server`, with its key and its known_hosts."""
        return ["-N", "-F", "none", "-p", server.port, "-i", identity or server.user_key,
                "-o", "IdentitiesOnly=yes", "-o", "GlobalKnownHostsFile=/dev/null",
                "-o", f"UserKnownHostsFile={known_hosts or server.known_hosts}",
                *(word for forward in forwards for word in ("-L", forward)),
                f"{USER}@{server.address}"]

    def forward(self, server, *targets, options=(), **how):
        """Starts the program with one forward from 127.0.0.1, port 0, to each of `targets`
        (host, port), waits until it is ready, and returns it and the ports."""
        forwards = [f"127.0.0.1:0:{host}:{port}" for host, port in targets]
        program = self.start_caponier([*options, *self.arguments_for(server, *forwards)], **how)
        return program, program.wait_until_ready(len(targets))

    def assert_fails(self, program, *patterns, seconds=10, code=255):
        """The program ends with `code`, nothing on stdout, and one line on stderr that says what
        each of `patterns` asks for."""
        self.assert_ends_saying(program, *patterns, seconds=seconds, code=code)
        self.assertEqual(program.lines("stdout"), [], "stdout is for ready lines")

    def assert_ends_saying(self, program, *patterns, seconds=10, code=255):
        """As assert_fails, for a program that has been ready before."""
        self.assertEqual(program.wait_for_exit(seconds), code)
        messages = program.messages()
        self.assertEqual(len(messages), 1, messages)
        for pattern in patterns:
            self.assertRegex(messages[0], f"(?i){pattern}")
