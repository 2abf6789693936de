#!/usr/bin/python3
"""Runs `tools/bench --quick` and looks at what it leaves: a report that says of every metric and every
candidate what came of it, plots, and no process. Whether the numbers are good is not asked. Prints TAP,
and ends with "N passed, N failed"."""

import json
import os
import pathlib
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
BENCH = ROOT / "tools" / "bench"
METRICS = ("throughput", "latency", "load", "pushed", "ends", "start", "long", "short", "work")
# The floor has no tunnels to count and echoes nothing.
ONLY_THROUGHPUT = ("floor",)
# Of these, how they are used most is measured, and no further ways.
PLAIN_ALONE = ("pushed", "ends", "start", "short", "work")
NOT_PLAIN = ("caponier-pool64", "caponier-libssh2")
# How ssh agrees on keys shows nowhere else.
ONLY_START = ("ssh-curve25519",)
MUST_WORK = ("ssh", "ssh-gcm", "ssh-curve25519", "caponier", "caponier-epoll", "caponier-libssh2", "direct")
# Section of the report -> the metric without which it is left out.
SECTIONS = {
    "Throughput and CPU": "throughput",
    "Round trips of 64 bytes beside idle tunnels": "latency",
    "Client memory per idle tunnel": "latency",
    "Round trips of 64 bytes under load": "load",
    "Pushed messages of 64 bytes": "pushed",
    "Connections per second, by who ends them": "ends",
    "Start, stop, and what an idle program has": "start",
    "Long path": "long",
    "Short transfers": "short",
    "Other kinds of work": "work",
    "Goals": "throughput",
    "Candidates": "throughput",
}
# --quick promises two and a half minutes; building and a busy machine may come on top.
SECONDS_MAX = 300

CASES = []


def case(sentence):
    def keep(function):
        CASES.append((sentence, function))
        return function
    return keep


class QuickRun:
    """Everything of one run is below a folder of its own, by which its processes are recognised."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.out = self.folder / "out"
        self.scratch = self.folder / "scratch"
        self.scratch.mkdir()

    def start(self, *arguments):
        return subprocess.Popen([BENCH, "--quick", "--out", self.out, *arguments],
                                env={**os.environ, "TMPDIR": str(self.scratch)},
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def whole(self):
        process = self.start()
        try:
            self.stdout, self.stderr = process.communicate(timeout=SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            self.stdout, self.stderr = process.communicate(timeout=30)
        self.code = process.returncode
        report = self.out / "report.json"
        self.result = json.loads(report.read_text()) if report.exists() else {}

    def processes(self):
        """Those that name this run's folder or have a file of it open: sshd changes its command line,
        but its sessions keep the log."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(
                        errors="replace")
                    files = " ".join(os.readlink(fd) for fd in (entry / "fd").iterdir())
                    if str(self.scratch) in words + files:
                        found.append(f"{entry.name} {words}")
                except OSError:
                    continue  # it has ended, or a descriptor was just closed
        return found


@case("it succeeds, and says what it does on stderr alone")
def _(run):
    assert run.code == 0, f"exit code {run.code}: {run.stderr[-2000:]}"
    assert "bench: " in run.stderr, run.stderr
    assert "bench: " not in run.stdout, run.stdout[:500]


@case("of every metric, every candidate has samples or a reason")
def _(run):
    names = [one["name"] for one in run.result["candidates"]]
    assert set(MUST_WORK) < set(names), names
    for metric in METRICS:
        for name in names:
            if (metric != "throughput" and name in ONLY_THROUGHPUT
                    or metric in PLAIN_ALONE and name in NOT_PLAIN
                    or metric != "start" and name in ONLY_START
                    or metric == "start" and name == "direct"):
                continue
            samples = [one for one in run.result["samples"]
                       if one["metric"] == metric and one["candidate"] == name]
            reasons = [one["why"] for one in run.result["failures"]
                       if one["metric"] == metric and one["candidate"] == name]
            assert samples or all(reasons) and reasons, f"{name} is missing in {metric}"


@case("whoever must work has failed in nothing that was run")
def _(run):
    failed = [one for one in run.result["failures"]
              if one["candidate"] in MUST_WORK and not one["why"].startswith("not run: ")]
    assert not failed, failed


@case("every sample has what its metric counts, and took time")
def _(run):
    for sample in run.result["samples"]:
        if sample["metric"].endswith("-before"):
            continue
        if sample["metric"] in ("throughput", "load", "ends", "long", "short", "work"):
            assert sample["seconds"] > 0, sample
        if sample["metric"] in ("throughput", "load", "long", "short"):
            assert sample["bytes"] > 0, sample
        if sample["metric"] in ("latency", "load"):
            assert sample["trips_ns"] and min(sample["trips_ns"]) > 0, sample
        if sample["metric"] == "pushed":
            assert sample["lags_ns"] and min(sample["lags_ns"]) > 0, sample
        if sample["metric"] == "ends":
            assert sample["connections"] > 0, sample
        if sample["metric"] == "work":
            assert sample["count"] > 0 and sample["p50_ns"] > 0, sample
        if sample["metric"] == "start":
            assert sample["start_seconds"] > 0 and sample["stop_seconds"] > 0, sample
            assert sample["threads"] > 0, sample


@case("a client has used the processor, and so has its server")
def _(run):
    samples = [one for one in run.result["samples"] if one["metric"] == "throughput"]
    assert samples  # it comes first: there is time for it on any machine
    for sample in samples:
        has_client = sample["candidate"] != "direct"
        has_server = sample["candidate"] not in ("direct", "floor")
        assert (sample["client_cpu_s"] > 0) == has_client, sample
        assert (sample["server_cpu_s"] > 0) == has_server, sample
        assert sample["all_cpu_s"] > sample["client_cpu_s"] + sample["server_cpu_s"], sample


@case("the report has its sections, the machine and the congestion control")
def _(run):
    text = (run.out / "report").with_suffix(".md").read_text()
    measured = {sample["metric"] for sample in run.result["samples"]}
    for section, metric in SECTIONS.items():
        assert metric not in measured or re.search(
            rf"^#+ {re.escape(section)}", text, re.MULTILINE), section
    seen = {one["congestion"] for one in run.result["samples"] if "congestion" in one}
    assert len(seen) == 1, seen  # as the generators' sockets had it
    assert f"TCP congestion control of all connections: {seen.pop()}" in text
    assert "reached" in text
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.endswith("|"), f"a broken table: {line}"


@case("the plots are pictures")
def _(run):
    # A metric that a busy machine had no time for has no plot.
    measured = {sample["metric"] for sample in run.result["samples"]}
    for name in ("throughput", "cpu", "latency", "load", "pushed", "long"):
        if name not in measured and name != "cpu":
            continue
        data = (run.out / f"{name}.png").read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n", name
        width, height = struct.unpack(">II", data[16:24])
        assert width >= 600 and height >= 400 and len(data) > 5000, (name, width, height, len(data))


@case("no process and no file stays behind")
def _(run):
    assert not run.processes(), run.processes()
    assert not list(run.scratch.iterdir()), list(run.scratch.iterdir())


@case("an interrupted run ends its processes, too")
def _(run):
    process = run.start("--only", "throughput")
    try:
        end = time.monotonic() + 60
        while not any("sshd: " in one for one in run.processes()):
            assert time.monotonic() < end, "nothing was started"
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode != 0
    end = time.monotonic() + 5  # a session of sshd ends when it notices that its client has
    while run.processes() and time.monotonic() < end:
        time.sleep(0.05)
    assert not run.processes(), run.processes()
    assert not list(run.scratch.iterdir()), list(run.scratch.iterdir())


def main():
    # A shell starts what is in its background with SIGINT ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="caponier-quick-run-") as folder:
        run = QuickRun(folder)
        run.whole()
        print(f"1..{len(CASES)}")
        for number, (sentence, check) in enumerate(CASES, 1):
            try:
                check(run)
                print(f"ok {number} - {sentence}")
            except Exception:  # whatever it is, it is this case's failure
                failed += 1
                print(f"not ok {number} - {sentence}")
                print("# " + traceback.format_exc().rstrip().replace("\n", "\n# "))
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
