"""Other people's SSH servers, each as a process on loopback with its own directory and throw-away
keys. OpenSSH's and Dropbear's are programs; the others are libraries, and peers/ has a small server
of each.

A server in peers/ is given a directory with host_key_* (private and .pub), authorized_keys and the
number of bytes after which it asks for new keys (0: as it likes), and prints the port that it got.
"""

import atexit
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import rig

FOLDER = pathlib.Path(__file__).resolve().parent / "peers"
USER = "tester"
PASSWORD = "correct horse"
KINDS = {"ed25519": ["-t", "ed25519"], "rsa": ["-t", "rsa", "-b", "2048"],
         "ecdsa256": ["-t", "ecdsa", "-b", "256"], "ecdsa384": ["-t", "ecdsa", "-b", "384"],
         "ecdsa521": ["-t", "ecdsa", "-b", "521"]}
NSS_WRAPPER = "libnss_wrapper.so"


@functools.cache
def keys():
    """A directory with a host key and a user key of each kind, made once for all servers."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="caponier-peer-keys-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    for kind, words in KINDS.items():
        for whose in "host", "user":
            subprocess.run(["/usr/bin/ssh-keygen", "-q", *words, "-N", "", "-C", kind,
                            "-f", directory / f"{whose}_key_{kind}"],
                           check=True, stdin=subprocess.DEVNULL, timeout=30)
    return directory


class Peer(rig.Process):
    """A running server. Subclasses say how it is started and what its limits are."""

    name = None
    address = "127.0.0.1"
    user = USER
    user_key_kind = "ed25519"
    rekeys = True  # can be told to ask for new keys before long
    takes_rekeys = True  # survives ours
    tunnels_in_rekey = 4
    host_key_kinds = tuple(KINDS)
    options = {}  # what its users should set
    environment = None

    def __init__(self, directory, rekey_bytes=0):
        self.directory = pathlib.Path(directory)
        for kind in self.host_key_kinds:
            for suffix in "", ".pub":
                shutil.copy(keys() / f"host_key_{kind}{suffix}", self.directory)
        self.user_key = keys() / f"user_key_{self.user_key_kind}"
        self.authorized_keys = self.directory / "authorized_keys"
        self.authorized_keys.write_text("".join(
            rig.public_key(keys() / f"user_key_{kind}") + "\n" for kind in KINDS))
        self.start(rekey_bytes)
        self.known_hosts = self.directory / "known_hosts"
        self.known_hosts.write_text("".join(
            f"[{self.address}]:{self.port} {path.read_text()}"
            for path in sorted(self.directory.glob("host_key_*.pub"))))

    def start(self, rekey_bytes):
        rig.Process.__init__(self, self.name,
                             [*self.server_command, str(self.directory), str(rekey_bytes)],
                             self.environment)
        [line] = self.wait_for_lines(r"^listening on \d+$", "stdout", seconds=40)
        self.port = int(line.split()[-1])

    @classmethod
    def version(cls):
        raise NotImplementedError

    def methods(self):
        """What it lets users in by, as OpenSSH's client is told."""
        asked = subprocess.run(
            ["/usr/bin/ssh", "-v", "-F", "none", "-o", "PreferredAuthentications=none",
             "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
             "-p", str(self.port), f"{self.user}@{self.address}"],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30,
            env=rig.clean_environment())
        found = re.search(r"^debug1: Authentications that can continue: (.*?)\r?$", asked.stderr,
                          re.MULTILINE)
        assert found, f"ssh was told no methods: {asked.stderr}"
        return [method for method in found[1].split(",") if method != "none"]


class _OwnAccounts:
    """Runs a server under libnss_wrapper, which has it find its users in files of ours: no account
    is added to the machine, no home directory is touched, and root is not needed."""

    def account_environment(self, home):
        hashed = subprocess.run(["/usr/bin/openssl", "passwd", "-6", PASSWORD], check=True,
                                capture_output=True, text=True, timeout=10).stdout.strip()
        ids = f"{os.getuid()}:{os.getgid()}"
        texts = {"passwd": f"{USER}:x:{ids}::{home}:/bin/sh\n"
                           "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n",
                 "shadow": f"{USER}:{hashed}:19000:0:99999:7:::\n",
                 "group": f"{USER}:x:{os.getgid()}:\n"}
        environment = {"LD_PRELOAD": NSS_WRAPPER}
        for name, text in texts.items():
            path = self.directory / name
            path.write_text(text)
            environment[f"NSS_WRAPPER_{name.upper()}"] = str(path)
        return {**rig.clean_environment(), **environment}


class OpenSsh(_OwnAccounts, Peer):
    name = "OpenSSH"

    def start(self, rekey_bytes):
        environment = self.account_environment(self.directory)
        for _ in range(rig.Sshd.STARTS_MAX):
            self.port = rig.free_port()
            config = self.directory / "sshd_config"
            config.write_text(
                f"ListenAddress {self.address}:{self.port}\n"
                + "".join(f"HostKey {self.directory}/host_key_{kind}\n" for kind in KINDS)
                + f"PidFile none\nAuthorizedKeysFile {self.authorized_keys}\nUsePAM no\n"
                "StrictModes no\nPasswordAuthentication yes\nKbdInteractiveAuthentication no\n"
                "PermitRootLogin yes\nLogLevel VERBOSE\nMaxStartups 200\nUseDNS no\n"
                + (f"RekeyLimit {rekey_bytes}\n" if rekey_bytes else ""))
            rig.Process.__init__(self, self.name, [rig.SSHD, "-D", "-e", "-f", str(config)],
                                 environment)
            try:
                self.wait_for_lines(r"^Server listening on")
                return
            except AssertionError:
                self.stop()
                if not self.lines(pattern="Address already in use"):
                    raise
        raise AssertionError("no free port for sshd")

    @classmethod
    def version(cls):
        told = subprocess.run([rig.SSHD, "-V"], capture_output=True, text=True, timeout=10).stderr
        return re.search(r"OpenSSH_([\w.]+)", told)[1]


class Dropbear(_OwnAccounts, Peer):
    name = "Dropbear"
    # After a gibibyte, and that is compiled in.
    rekeys = False
    channels_max = 1000
    host_key_kinds = ("ed25519", "rsa", "ecdsa256", "ecdsa521")  # it takes no fifth

    def start(self, _rekey_bytes):
        home = self.directory / "home"
        (home / ".ssh").mkdir(parents=True, mode=0o700)
        home.chmod(0o700)
        shutil.copy(self.authorized_keys, home / ".ssh" / "authorized_keys")
        arguments = []
        for kind in self.host_key_kinds:
            converted = self.directory / f"dropbear_{kind}"
            subprocess.run(["/usr/bin/dropbearconvert", "openssh", "dropbear",
                            self.directory / f"host_key_{kind}", converted],
                           check=True, capture_output=True, timeout=10)
            arguments += ["-r", str(converted)]
        environment = self.account_environment(home)
        for _ in range(rig.Sshd.STARTS_MAX):
            self.port = rig.free_port()
            rig.Process.__init__(
                self, self.name,
                ["/usr/sbin/dropbear", "-F", "-E", "-m", "-P", str(self.directory / "pid"),
                 "-p", f"{self.address}:{self.port}", *arguments], environment)
            self.wait_for_lines("Not backgrounding")
            # It says nothing when it listens, and goes when it cannot.
            rig.wait_until(lambda: self._listens() or not self.is_running(), "Dropbear listens")
            if self.is_running():
                return
        raise AssertionError("no free port for Dropbear")

    def _listens(self):
        hexadecimal = f":{self.port:04X}"
        with open("/proc/net/tcp", encoding="ascii") as table:
            return any(fields[1].endswith(hexadecimal) and fields[3] == "0A"
                       for fields in map(str.split, table))

    @classmethod
    def version(cls):
        told = subprocess.run(["/usr/sbin/dropbear", "-V"], capture_output=True, text=True,
                              timeout=10)
        return re.search(r"v([\d.]+)", told.stdout + told.stderr)[1]


class _PythonPeer(Peer):
    module = None

    @property
    def server_command(self):
        return ["/usr/bin/python3", "-B", str(FOLDER / f"{self.module}_server.py")]

    @classmethod
    def version(cls):
        told = subprocess.run(
            ["/usr/bin/python3", "-W", "ignore", "-c",
             f"import {cls.module}; print({cls.module}.__version__)"],
            check=True, capture_output=True, text=True, timeout=30).stdout
        return told.strip()


class AsyncSsh(_PythonPeer):
    name = "AsyncSSH"
    module = "asyncssh"
    # Where a target has finished before the client's window took all, its CLOSE replaces its EOF.
    options = {"CloseWithoutEof": "fin"}


class Paramiko(_PythonPeer):
    name = "Paramiko"
    module = "paramiko"
    # A CLOSE that arrives in its own key exchange is answered by the thread that would finish the
    # exchange, and that waits for the end of it: with several tunnels the session may hang.
    tunnels_in_rekey = 1


class _NodePeer(Peer):
    package = None
    script = None

    @property
    def server_command(self):
        return [shutil.which("node"), str(FOLDER / self.script)]

    @classmethod
    def version(cls):
        path = FOLDER / "node_modules" / cls.package / "package.json"
        return json.loads(path.read_text())["version"]


class Ssh2(_NodePeer):
    name = "ssh2"
    package = "ssh2"
    script = "ssh2_server.js"


class DevTunnels(_NodePeer):
    name = "dev-tunnels-ssh"
    package = "@microsoft/dev-tunnels-ssh"
    script = "dev_tunnels_server.js"
    user_key_kind = "ecdsa256"  # it knows no Ed25519
    host_key_kinds = ()  # it makes its own
    takes_rekeys = False  # "Key exchange was not started.", it says, and ends


PEERS = {peer.name: peer for peer in (OpenSsh, Dropbear, AsyncSsh, Paramiko, Ssh2, DevTunnels)}
