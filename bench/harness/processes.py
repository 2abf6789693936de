"""Processes of a run: each is ended by its own id, dies with the harness whatever ends that, and is
bounded in time. What they cost is read from the kernel's clock of each process, which counts all its
threads in nanoseconds."""

import json
import os
import pathlib
import re
import select
import subprocess
import time


class Failed(Exception):
    """Why a candidate has no number: one line for the report."""


def start(command, output, **more):
    """Starts `command`; setpriv becomes it (same id) and has it killed should the harness die."""
    return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *map(str, command)],
                            stderr=output, start_new_session=True, **more)


class Background:
    """A process that runs until it is stopped, with its stderr in a file."""

    def __init__(self, name, command, directory):
        self.name = name
        self.log = pathlib.Path(directory) / f"{name}.log"
        with self.log.open("ab") as log:
            self._child = start(command, log, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self._child.pid

    def is_running(self):
        return self._child.poll() is None

    def read_json(self, seconds):
        """The next line of stdout."""
        line = read_line(self._child.stdout, seconds)
        if not line:
            raise Failed(f"{self.name} said nothing within {seconds:.0f} s: {self.last_words()}")
        return json.loads(line)

    def write_line(self, text):
        try:
            self._child.stdin.write(f"{text}\n".encode())
            self._child.stdin.flush()
        except BrokenPipeError:
            raise Failed(f"{self.name} is gone: {self.last_words()}") from None

    def finish(self, seconds):
        """Closes stdin, waits for the end, and returns the last line of stdout as JSON."""
        try:
            out, _ = self._child.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.stop()
            raise Failed(f"{self.name} was not done within {seconds:.0f} s") from None
        if self._child.returncode != 0:
            raise Failed(self.last_words() or f"{self.name} ended with {self._child.returncode}")
        return json.loads(out.splitlines()[-1]) if out.strip() else {}

    def last_words(self):
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1].strip()[:200] if lines else ""

    def terminate(self, seconds):
        """Sends SIGTERM and returns how many nanoseconds it took to end."""
        ends = os.pidfd_open(self.pid)
        try:
            begun = time.monotonic_ns()
            self._child.terminate()
            ready, _, _ = select.select([ends], [], [], seconds)
            ended = time.monotonic_ns()
        finally:
            os.close(ends)
        if not ready:
            raise Failed(f"{self.name} did not end within {seconds:.0f} s of SIGTERM")
        return ended - begun

    def stop(self):
        if self.is_running():
            self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            try:
                pipe.close()
            except BrokenPipeError:
                pass


def read_line(stream, seconds):
    """One line of a pipe, or nothing: select knows nothing of what Python has buffered, so that the
    bytes are read one at a time. Only the few lines that tell a port or a count come this way."""
    end = time.monotonic() + seconds
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([stream], [], [], max(0.0, end - time.monotonic()))
        more = os.read(stream.fileno(), 1) if ready else b""
        if not more:
            return b""
        line += more
    return line


def cpu_seconds(pid):
    """User and system time of all threads of a process, also of those that have ended."""
    try:
        return time.clock_gettime_ns((~pid << 3) | 2) / 1e9
    except OSError:
        return None  # it has ended


def resident_bytes(pid):
    return field_kib(pathlib.Path(f"/proc/{pid}/status"), "VmRSS") * 1024


def footprint(pid):
    """What an idle program has. Memory that it shares with others counts in parts (PSS). None where
    only root may look."""
    process = pathlib.Path(f"/proc/{pid}")

    def seen(look):
        try:
            return look()
        except PermissionError:
            return None
    return {
        "pss_bytes": seen(lambda: field_kib(process / "smaps_rollup", "Pss") * 1024),
        "threads": len(list((process / "task").iterdir())),
        "descriptors": seen(lambda: len(list((process / "fd").iterdir()))),
    }


def field_kib(path, name):
    return int(re.search(rf"^{name}:\s+(\d+) kB", path.read_text(), re.MULTILINE)[1])


def descendants(pid):
    found = []
    for task in children_of(pid):
        found += [task, *descendants(task)]
    return found


def children_of(pid):
    try:
        return [int(child)
                for file in pathlib.Path(f"/proc/{pid}/task").glob("*/children")
                for child in file.read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
