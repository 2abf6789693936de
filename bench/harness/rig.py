"""What a candidate needs around it: a private sshd of its own, a target of its own, and, for the long
path, a delay between client and server. Everything is on loopback and ends with the run."""

import contextlib
import dataclasses
import os
import pathlib
import pwd
import re
import resource
import socket
import struct
import subprocess
import time

import candidates
import processes
from processes import Failed

SSHD = "/usr/sbin/sshd"
START_SECONDS = 15
# For 4,000 tunnels of one process, two descriptors each, and room.
DESCRIPTORS = 65_536
ORDER_ECHO = struct.pack("=IIQIIQ", 0x43415042, 4, 0, 0, 0, 0)  # bench/traffic/order.h
# What may stand behind the tunnels, and its arguments. More than one, so that round trips never wait for
# bulk transfers outside of the candidate.
TARGETS = {"bulk": (), "echo": (),
           "greet": ("--greeting-bytes", 80, "--request-bytes", 40, "--answer-bytes", 100)}


def raise_descriptor_limit():
    """For this process and all it starts: sshd's limit is that of who starts it. Returns the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (DESCRIPTORS, hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, max(limit, hard)))
            return limit
        except (ValueError, PermissionError):
            continue
    return soft


class Rig:
    def __init__(self, directory, traffic):
        self.directory = pathlib.Path(directory)
        self.traffic = str(traffic)
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.key = self._make_key("user_key")
        self.host_key = self._make_key("host_key")
        self.floor_reads = {"up": 1 << 18, "down": 1 << 18}
        self._started = 0
        if os.getuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # sshd run by root insists on it

    def _make_key(self, name):
        path = self.directory / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", path],
                       check=True, stdin=subprocess.DEVNULL, timeout=30)
        return path

    def background(self, name, *command):
        self._started += 1
        return processes.Background(f"{name}-{self._started}", command, self.directory)

    @contextlib.contextmanager
    def running(self, candidate, delay_us=0, log_level="ERROR", targets=("bulk", "echo"),
                starts_client=True):
        """The candidate with all that it needs, from its start to its end. `targets` are names of
        TARGETS."""
        with contextlib.ExitStack() as stack:
            running = self._surround(stack, candidate, delay_us, log_level, targets)
            stack.callback(running.stop_client)
            if candidate.has_server and starts_client:
                running.start_client()
                running.wait_until_it_works()
            yield running

    def _surround(self, stack, candidate, delay_us, log_level, targets):
        def begin(name, *command):
            process = self.background(f"{candidate.name}-{name}", *command)
            stack.callback(process.stop)
            return process

        def begin_traffic(role, *arguments):
            process = begin(role, self.traffic, role, *arguments)
            return process, process.read_json(START_SECONDS)["port"]

        running = Running(self, candidate)
        target_ports = {}
        for name in targets:
            target, target_ports[name] = begin_traffic("target", *TARGETS[name])
            running.ends.append(target)
        if candidate.has_server:
            running.sshd, ssh_port = self._start_sshd(begin, log_level)
            if delay_us:
                ssh_port = self._delayed(begin_traffic, running, ssh_port, delay_us)
            running.ports = {name: free_port() for name in targets}
            running.place = Place(ssh_port, self.user, self.key, self._known_hosts(ssh_port),
                                  tuple((running.ports[name], target_ports[name])
                                        for name in targets))
        elif candidate.kind == "floor":
            running.client, running.ports["bulk"] = begin_traffic(
                "floor", "--connect", f"127.0.0.1:{target_ports['bulk']}",
                "--up-read-bytes", self.floor_reads["up"],
                "--down-read-bytes", self.floor_reads["down"])
        else:
            running.ports = {name: self._delayed(begin_traffic, running, port, delay_us)
                             if delay_us else port for name, port in target_ports.items()}
        return running

    def _delayed(self, begin_traffic, running, port, delay_us):
        delay, delayed_port = begin_traffic("delay", "--connect", f"127.0.0.1:{port}",
                                            "--delay-us", delay_us)
        running.ends.append(delay)
        return delayed_port

    def _known_hosts(self, port):
        path = self.directory / f"known_hosts_{port}"
        key = " ".join(pathlib.Path(f"{self.host_key}.pub").read_text().split()[:2])
        path.write_text(f"[127.0.0.1]:{port} {key}\n")
        return path

    def _start_sshd(self, begin, log_level):
        # sshd takes no listening socket from us, so the port may be gone when it asks for it.
        for _ in range(5):
            port = free_port()
            config = self.directory / f"sshd_config_{port}"
            config.write_text("\n".join([
                f"ListenAddress 127.0.0.1:{port}", f"HostKey {self.host_key}",
                f"AuthorizedKeysFile {self.key}.pub", f"AllowUsers {self.user}",
                f"UsePAM {'yes' if account_is_locked(self.user) else 'no'}",
                "PasswordAuthentication no", "KbdInteractiveAuthentication no",
                "PermitRootLogin prohibit-password", "StrictModes no", "PidFile none", "UseDNS no",
                "AllowTcpForwarding yes", "X11Forwarding no", f"LogLevel {log_level}",
                # A pool dials many sessions at once, and nobody is to be refused for that.
                "MaxStartups 1000", "MaxSessions 1000", "PerSourceMaxStartups none", ""]))
            sshd = begin("sshd", SSHD, "-D", "-e", "-f", config)
            end = time.monotonic() + START_SECONDS
            while sshd.is_running() and time.monotonic() < end:
                if accepts(port):
                    return sshd, port
                time.sleep(0.01)
            sshd.stop()
        raise Failed(f"sshd did not start: {sshd.last_words()}")


@dataclasses.dataclass
class Place:
    ssh_port: int
    user: str
    key: pathlib.Path
    known_hosts: pathlib.Path
    forwards: tuple           # (listening port, the target's port)


class Running:
    """One candidate at work."""

    def __init__(self, rig, candidate):
        self.rig = rig
        self.candidate = candidate
        self.ends = []            # what is neither client nor server: targets and delays
        self.client = None
        self.sshd = None
        self.place = None         # of a client that forwards
        self.ports = {}           # by the target behind them

    def start_client(self):
        self.client = self.rig.background(f"{self.candidate.name}-client",
                                          *candidates.command(self.candidate, self.place))

    def stop_client(self):
        if self.client:
            self.client.stop()

    def wait_until_it_works(self, step_seconds=0.02):
        """Until one byte has come back through it."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self.client and not self.client.is_running():
                raise Failed(self.client.last_words() or "it ended at once")
            if echoes(self.ports["echo"]):
                return
            time.sleep(step_seconds)
        words = self.client.last_words() if self.client else ""
        raise Failed(f"no byte came back within {START_SECONDS} s {words}".strip())

    def check(self):
        if self.client and not self.client.is_running():
            raise Failed(f"it has ended: {self.client.last_words()}")

    def cpu(self):
        """Seconds so far by part. The server is what serves this candidate's sessions: sshd's
        listener is this candidate's alone, and its children are those sessions."""
        def total(pids):
            return sum(cpu_seconds or 0.0 for cpu_seconds in map(processes.cpu_seconds, pids))
        return {
            "client": total([self.client.pid]) if self.client else 0.0,
            "server": total(processes.descendants(self.sshd.pid)) if self.sshd else 0.0,
            "ends": total(process.pid for process in self.ends),
        }

    def generate(self, role, *arguments, seconds, to=None):
        """Runs a generator through this candidate to its end, and returns what it says and what it
        cost: seconds of the client, the server, and all processes together."""
        before = self.cpu()
        generator = self.begin(role, *arguments, to=to)
        try:
            said = generator.finish(seconds)
        finally:
            generator.stop()
        self.check()
        after = self.cpu()
        cost = {part: after[part] - before[part] for part in after}
        cost["ends"] += said["cpu_ns"] / 1e9
        return said, {"client_cpu_s": cost["client"], "server_cpu_s": cost["server"],
                      "all_cpu_s": sum(cost.values())}

    def begin(self, role, *arguments, to=None):
        """`to` is the name of a target; without it, bulk transfers go to their own one."""
        self.check()
        port = self.ports[to or ("bulk" if role == "bulk" else "echo")]
        return self.rig.background(f"{self.candidate.name}-{role}", self.rig.traffic, role,
                                   "--connect", f"127.0.0.1:{port}", *arguments)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def echoes(port):
    try:
        # From another address: asked often enough before anyone listens, the kernel would connect a
        # socket on the port's own address with itself, and nobody could listen there any more.
        with socket.create_connection(("127.0.0.1", port), timeout=5,
                                      source_address=("127.0.0.2", 0)) as probe:
            probe.sendall(ORDER_ECHO + b"!")
            return probe.recv(1) == b"!"
    except OSError:
        return False


def account_is_locked(user):
    """sshd lets a locked account in with a key only where PAM is asked. Readable by root alone, and
    others do not log in to locked accounts."""
    try:
        shadow = pathlib.Path("/etc/shadow").read_text()
    except OSError:
        return False
    return bool(re.search(rf"^{re.escape(user)}:!", shadow, re.MULTILINE))
