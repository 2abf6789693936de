"""Who is measured: each candidate is a way to get from a local port to the target."""

import dataclasses
import fnmatch
import pathlib

GCM = "aes128-gcm@openssh.com"
# What caponier agrees on with an OpenSSH server; ssh prefers one that also withstands quantum computers,
# and takes a tenth of a second of processor time for it.
SAME_KEX = ("-o", "KexAlgorithms=curve25519-sha256")


@dataclasses.dataclass
class Candidate:
    name: str
    kind: str                 # ssh, caponier, direct or floor
    what: str                 # for the report
    program: str = ""
    options: tuple = ()
    is_plain: bool = True     # False: of interest for throughput, round trips and memory alone
    only: tuple = ()          # names of the metrics that it is for; none: all
    cipher: str = ""          # as negotiated; filled in by the probe

    def is_for(self, metric):
        return not self.only or metric.name in self.only

    @property
    def has_server(self):
        return self.kind in ("ssh", "caponier")


def all_of(programs, cipher):
    """Every candidate there is. `programs` are (name, path) of caponier programs; with `cipher`, ssh
    and caponier are both told to use it, and there is one ssh."""
    said = ("-c", cipher) if cipher else ()
    suffix = f", -c {cipher}" if cipher else ""
    found = [Candidate("ssh", "ssh", f"OpenSSH's client{suffix or ', as it comes'}", "ssh", said)]
    if not cipher:
        found.append(Candidate("ssh-gcm", "ssh", f"OpenSSH's client, -c {GCM}", "ssh",
                               ("-c", GCM)))
    found.append(Candidate("ssh-curve25519", "ssh", "OpenSSH's client, with caponier's key exchange, "
                           f"-c {cipher or GCM}", "ssh", ("-c", cipher or GCM, *SAME_KEX),
                           only=("start",)))
    for name, path in programs:
        path = str(pathlib.Path(path).resolve())
        for ending, what, options in (
                ("", "native, io_uring", ("--io=uring",)),
                ("-epoll", "native, epoll", ("--io=epoll",)),
                ("-pool64", "native, io_uring, -o PoolSessions=64",
                 ("--io=uring", "-o", "PoolSessions=64")),
                ("-libssh2", "over libssh2, io_uring", ("--io=uring", "--ssh=libssh2"))):
            found.append(Candidate(name + ending, "caponier", f"{name}: {what}{suffix}", path,
                                   options + (said if ending != "-libssh2" else ()),
                                   is_plain=ending in ("", "-epoll")))
    found.append(Candidate("direct", "direct", "no tunnel: the target itself"))
    found.append(Candidate("floor", "floor", f"receive, seal or open (aes128-gcm), send; no SSH"))
    return found


def chosen(programs, cipher, patterns):
    """Those that `patterns` (names, or with * and ?) ask for. Without a pattern: all, but of further
    caponier programs only how they come."""
    everyone = all_of(programs, cipher)
    if not patterns:
        further = {name for name, _ in programs[1:]}
        return [one for one in everyone
                if not any(one.name.startswith(f"{name}-") for name in further)]
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(one.name, pattern) for one in everyone):
            names = ", ".join(one.name for one in everyone)
            raise ValueError(f"no candidate is called {pattern}; there are {names}")
    return [one for one in everyone
            if any(fnmatch.fnmatchcase(one.name, pattern) for pattern in patterns)]


def command(candidate, place):
    """The command line that forwards what `place` (rig.py) says."""
    common = ["-N", "-F", "none", "-i", place.key, "-p", str(place.ssh_port),
              "-o", f"UserKnownHostsFile={place.known_hosts}", "-o", "GlobalKnownHostsFile=none",
              "-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes",
              "-o", "ExitOnForwardFailure=yes"]
    for port, target_port in place.forwards:
        common += ["-L", f"127.0.0.1:{port}:127.0.0.1:{target_port}"]
    if candidate.kind == "ssh":
        common += ["-o", "BatchMode=yes", "-o", "IdentityAgent=none", "-o", "LogLevel=ERROR"]
    return [candidate.program, *candidate.options, *common, f"{place.user}@127.0.0.1"]
