"""Kinds of work that people do through a tunnel, each by the protocol's own rhythm. Some are measured in
every run; tools/bench --only work --work NAME asks for others."""

import dataclasses
import fnmatch

import figures
from metric import Metric, seconds_of

KIB = 1 << 10
MIB = 1 << 20


@dataclasses.dataclass
class Kind:
    name: str
    what: str
    role: str                 # of bench/traffic
    arguments: dict
    told: str                 # "rate", "p50" or "p99": what a candidate is judged by
    unit: str                 # of the rate, or what the time is of
    target: str = "echo"
    beside: dict = dataclasses.field(default_factory=dict)  # of a bulk transfer in the background
    is_far: bool = False
    seconds_min: float = 0    # for a hundred messages, of which the slowest is the p99

    def speed(self, sample):
        """More is better."""
        if self.told == "rate":
            return sample["count"] / sample["seconds"] if sample["seconds"] else None
        found = sample[f"{self.told}_ns"]
        return 1e9 / found if found else None

    def figure(self, sample):
        """As the report has it: a rate per second, or milliseconds."""
        speed = self.speed(sample)
        return speed if self.told == "rate" or speed is None else 1e3 / speed


def talk(request, answer, **more):
    return {"request-bytes": request, "answer-bytes": answer,
            **{name.replace("_", "-"): value for name, value in more.items()}}


def video(megabits, message_bytes):
    """A constant stream of so many Mbit/s."""
    return {"bytes": message_bytes, "interval-us": round(message_bytes * 8 / megabits)}


GREETING = talk(40, 100, greeting_bytes=80, requests=5)

KINDS = (
    *(Kind(f"greeting-{at_once}", "connect, the server greets, 5 small requests, end; "
           f"{at_once} at a time", "talk", GREETING | {"concurrent": at_once}, "rate",
           "conversations", target="greet") for at_once in (1, 16)),
    *(Kind(f"pipeline-{depth}-{answer}", f"{depth} requests of 40 bytes in one write, answers of "
           f"{answer} bytes", "talk", talk(40 * depth, answer * depth), "rate", "batches")
      for depth in (16, 100) for answer in (10, 500)),
    Kind("burst-after-idle", "idle for 2 s, then 1 MiB there and 1 MiB back", "talk",
         talk(MIB, MIB, pause_ms=2000), "p50", "a burst"),
    Kind("burst-after-idle-far", "the same at a round trip of 100 ms", "talk",
         talk(MIB, MIB, pause_ms=2000), "p50", "a burst", is_far=True),
    Kind("pool", "100 connections at once every 200 ms, a byte there and back", "talk",
         talk(1, 1, requests=1, concurrent=100, every_ms=200), "p50", "a connection"),
    Kind("upload-64k", "64 KiB, a byte as the answer, stop and wait", "talk", talk(64 * KIB, 1),
         "rate", "blocks"),
    Kind("upload-1m", "1 MiB, a byte as the answer, stop and wait", "talk", talk(MIB, 1), "rate",
         "blocks"),
    Kind("typing", "a key every 50 to 150 ms and its echo, beside one bulk download", "talk",
         talk(1, 1, pause_ms=50, pause_ms_max=150), "p50", "an echo",
         beside={"direction": "down", "connections": 1}),
    *(Kind(f"read-{size >> 10}k-{depth}", f"reads of {size >> 10} KiB, {depth} under way", "talk",
           talk(64, size, depth=depth), "rate", "reads")
      for size in (4 * KIB, 128 * KIB) for depth in (1, 8)),
    *(Kind(f"video-{megabits}-{size}", f"a stream of {megabits} Mbit/s in messages of {size} bytes",
           "watch", video(megabits, size), "p99", "a message", seconds_min=3)
      for megabits in (5, 50) for size in (1316, 16384)),
    Kind("slow-target", "round trips of 64 bytes beside an upload whose target takes 20 MB/s",
         "talk", talk(64, 64), "p50", "a round trip",
         beside={"direction": "up", "connections": 1, "drain-bytes": 100_000,
                 "drain-interval-us": 5_000}),
)

# Those in which ssh differs most from what the path allows, and the least from run to run.
IN_EVERY_RUN = ("pipeline-100-500", "upload-64k")


def kind(name):
    return next(one for one in KINDS if one.name == name)


def named(patterns):
    """Names of the kinds that `patterns` ask for."""
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(one.name, pattern) for one in KINDS):
            raise ValueError(f"no kind of work is called {pattern}; there are "
                             + ", ".join(one.name for one in KINDS))
    return tuple(one.name for one in KINDS
                 if any(fnmatch.fnmatchcase(one.name, pattern) for pattern in patterns))


class Work(Metric):
    name = "work"
    title = "Other kinds of work"
    targets = ("bulk", "echo", "greet")
    is_far = False

    def variants(self):
        return [name for name in self.settings.work if kind(name).is_far == self.is_far]

    def rounds(self):
        return self.settings.work_rounds

    def applies(self, candidate):
        return candidate.kind != "floor" and candidate.is_plain

    def estimate(self, variant, candidate):
        return self._seconds(kind(variant)) + (0.8 if kind(variant).beside else 0.2)

    def _seconds(self, one):
        return max(self.settings.work_seconds, one.seconds_min)

    def prepare(self, running, variant):
        one = kind(variant)
        if not one.beside and "pause-ms" not in one.arguments:
            self._run(running, one, self.settings.work_seconds / 5)

    def prepare_estimate(self, variant, candidate):
        return self.settings.work_seconds / 5

    def _run(self, running, one, seconds):
        bound = {"milliseconds": int(seconds * 1000)}
        if one.role == "watch":
            bound = {"count": max(1, int(seconds * 1e6 / one.arguments["interval-us"]))}
        return running.generate(one.role, *options(one.arguments | bound), to=one.target,
                                seconds=seconds + 60)

    def measure(self, running, variant):
        one = kind(variant)
        if not one.beside:
            said, cost = self._run(running, one, self._seconds(one))
            return summary(said) | cost
        transfer = running.begin("bulk", *options(one.beside), "--interval-ms", 50)
        try:
            transfer.read_json(20)  # bytes flow
            said, cost = self._run(running, one, self._seconds(one))
            marks = transfer.finish(60)["marks"]
        finally:
            transfer.stop()
        (moved,) = figures.moved_between(marks, said["begun_ns"], said["ended_ns"])
        return summary(said) | cost | {"bytes": moved}


class FarWork(Work):
    """The kinds that are about a round trip of 100 ms."""
    name = "far-work"
    title = "Other kinds of work, far away"
    delay_us = 50_000
    is_far = True


def options(arguments):
    return [word for name, value in arguments.items() for word in (f"--{name}", value)]


def summary(said):
    """A sample holds the figures alone: there may be a hundred thousand trips."""
    times = said.get("trips_ns") or said["lags_ns"]
    return {"count": len(times), "seconds": seconds_of(said), "p50_ns": figures.percentile(times, 50),
            "p99_ns": figures.percentile(times, 99), "max_ns": max(times)}
