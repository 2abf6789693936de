"""What Caponier is to reach beside OpenSSH's client: ratios within one run, and whether they are
reached. The sentences are the report's; the numbers come from the samples alone."""

import dataclasses

import connections
import figures
import work

# Against aes128-gcm, the faster of the two ways to run ssh, wherever a goal does not say "defaults".
SSH = "ssh-gcm"
SSH_DEFAULTS = "ssh"
SSH_SAME_KEX = "ssh-curve25519"
# What two runs of one program differ by, where a goal says "never slower".
NOISE = 0.03


@dataclasses.dataclass
class Goal:
    title: str
    value: float | None      # None: not measured
    limit: float
    at_least: bool = False
    unit: str = ""

    @property
    def verdict(self):
        if self.value is None:
            return "not measured"
        reached = self.value >= self.limit if self.at_least else self.value <= self.limit
        return "reached" if reached else "**not reached**"


class Samples:
    """The samples of a run, by metric and variant."""

    def __init__(self, samples):
        self._samples = samples

    def of(self, metric, variant):
        return [sample for sample in self._samples
                if sample["metric"] == metric and same(sample["variant"], variant)]

    def ratio(self, metric, variant, ours, theirs, value):
        return figures.ratio(self.of(metric, variant), ours, theirs, value)

    def median(self, metric, variant, candidate, value):
        return figures.median(figures.by_round(self.of(metric, variant), candidate, value).values())


def same(a, b):
    """A variant, as it was and as JSON has it."""
    return (list(a) if isinstance(a, tuple) else a) == (list(b) if isinstance(b, tuple) else b)


def goals_of(samples, ours):
    """All goals for the candidate `ours` and its relatives."""
    samples = Samples(samples)
    return [*bulk_cpu(samples, ours), *bulk_rate(samples, ours), *round_trips(samples, ours),
            *under_load(samples, ours), *pushed(samples, ours), *ends(samples, ours),
            *start(samples, ours), *long_path(samples, ours), *short_transfers(samples, ours),
            *other_work(samples, ours), *epoll(samples, ours)]


def bulk_cpu(samples, ours):
    cost = figures.per_gb("client_cpu_s")
    for direction, limit in (("up", 0.55), ("down", 0.75)):
        yield Goal(f"client CPU per GB, 1 tunnel {direction}, against ssh aes128-gcm",
                   samples.ratio("throughput", (1, direction), ours, SSH, cost), limit)
    for direction in ("up", "down"):
        yield Goal(f"client CPU per GB, 1 tunnel {direction}, against the floor",
                   samples.ratio("throughput", (1, direction), ours, "floor", cost), 1.25)
    for direction, limit in (("up", 0.35), ("down", 0.40)):
        yield Goal(f"client CPU per GB, 1 tunnel {direction}, defaults against defaults",
                   samples.ratio("throughput", (1, direction), ours, SSH_DEFAULTS, cost), limit)


def bulk_rate(samples, ours):
    for tunnels in (1, 8):
        for direction in ("up", "down"):
            variant = (tunnels, direction)
            cpu = samples.ratio("throughput", variant, SSH, ours, figures.per_gb("all_cpu_s"))
            yield Goal(f"MB/s, {tunnels} tunnel{'s' if tunnels > 1 else ''} {direction}, against ssh "
                       "aes128-gcm: 0.95 of what all processes' CPU allows, and never below ssh",
                       samples.ratio("throughput", variant, ours, SSH, figures.rate),
                       max(1.0, 0.95 * cpu) if cpu else 1.0, at_least=True)


def round_trips(samples, ours):
    p50 = figures.trip(50)
    yield Goal("round trip p50 alone, against ssh", samples.ratio("latency", 0, ours, SSH, p50), 1.0)
    yield Goal("round trip p50 beside 4,000 idle tunnels, against ssh",
               samples.ratio("latency", 4000, ours, SSH, p50), 0.05)
    yield Goal("the same with -o PoolSessions=64",
               samples.ratio("latency", 4000, f"{ours}-pool64", SSH, p50), 0.02)
    yield Goal("memory per idle tunnel, KiB",
               samples.median("latency-before", 4000, ours, kib_per_tunnel), 2.0, unit=" KiB")


def kib_per_tunnel(sample):
    return sample["bytes_per_tunnel"] / 1024 if sample.get("bytes_per_tunnel") is not None else None


def under_load(samples, ours):
    for direction, limit in (("down", 0.50), ("up", 0.20)):
        yield Goal(f"round trip p99 under 4 bulk {direction}loads, against ssh",
                   samples.ratio("load", direction, ours, SSH, figures.trip(99)), limit)
        yield Goal(f"bulk rate of these 4 {direction}loads, against ssh",
                   samples.ratio("load", direction, ours, SSH, figures.rate), 1.0, at_least=True)


def pushed(samples, ours):
    for interval_ms, limit_ms in ((0.5, 3), (2, 1), (5, 1)):
        for name, loop in ((ours, "io_uring"), (f"{ours}-epoll", "epoll")):
            yield Goal(f"lag p99 of a message pushed every {interval_ms:g} ms, {loop}",
                       samples.median("pushed", interval_ms, name, lag_ms(99)), limit_ms, unit=" ms")


def lag_ms(percent):
    def value(sample):
        found = figures.percentile(sample["lags_ns"], percent)
        return found / 1e6 if found is not None else None
    return value


def connections_per_second(sample):
    return sample["connections"] / sample["seconds"] if sample["seconds"] else None


def client_cpu_per_connection(sample):
    return sample["client_cpu_s"] / sample["connections"]


def ends(samples, ours):
    for ender, what in connections.ENDERS.items():
        for concurrent, limit in ((1, 1.0), (4, 1.0), (16, 1.3), (64, 1.3)):
            yield Goal(f"connections per second, {what}, {concurrent} at a time, against ssh",
                       samples.ratio("ends", (ender, concurrent), ours, SSH, connections_per_second),
                       limit, at_least=True)
    yield Goal("connections per second, the client ends, 256 at a time, against ssh",
               samples.ratio("ends", ("client", 256), ours, SSH, connections_per_second), 1.5,
               at_least=True)
    for concurrent in (16, 256):
        yield Goal(f"client CPU per connection, the client ends, {concurrent} at a time, against ssh",
                   samples.ratio("ends", ("client", concurrent), ours, SSH,
                                 client_cpu_per_connection), 0.50)


def start(samples, ours):
    for theirs, what in ((SSH, "ssh"), (SSH_SAME_KEX, "ssh with the same key exchange")):
        yield Goal(f"from the start to the first byte through the tunnel, against {what}",
                   samples.ratio("start", "one forward", ours, theirs,
                                 lambda one: one["start_seconds"]), 1.0)
    yield Goal("from SIGTERM to the end, with nothing open",
               samples.median("start", "one forward", ours, lambda one: one["stop_seconds"] * 1e3),
               10, unit=" ms")


def long_path(samples, ours):
    yield Goal("MB/s of 1 tunnel down at 100 ms, against ssh",
               samples.ratio("long", (1, "down"), ours, SSH, figures.rate), 6.0, at_least=True)


def seconds(sample):
    return sample["seconds"]


def short_transfers(samples, ours):
    for direction in ("down", "up"):
        for size in ("100 KB", "1 MB", "5 MB", "20 MB"):
            yield Goal(f"seconds for {size} {direction} on a new connection at 100 ms, against ssh: "
                       f"never slower, but for {NOISE:.0%} of noise",
                       samples.ratio("short", (direction, size), ours, SSH, seconds), 1 + NOISE)


def other_work(samples, ours):
    for one in work.KINDS:
        ratio = samples.ratio("far-work" if one.is_far else "work", one.name, ours, SSH, one.speed)
        if ratio is not None or one.name in work.IN_EVERY_RUN:
            yield Goal(f"speed, {one.what}, against ssh", ratio, 0.95, at_least=True)


def epoll(samples, ours):
    theirs, name = f"{ours}-epoll", "epoll against io_uring: "
    for tunnels_open in (1, 8):
        for direction in ("up", "down"):
            variant = (tunnels_open, direction)
            label = f"{name}%s, {tunnels_open} tunnel{'s' if tunnels_open > 1 else ''} {direction}"
            yield within(label % "client CPU per GB", samples.ratio(
                "throughput", variant, theirs, ours, figures.per_gb("client_cpu_s")))
            yield within(label % "MB/s", samples.ratio(
                "throughput", variant, theirs, ours, figures.rate))
    for idle in (0, 1000, 4000):
        beside = f"beside {idle:,} idle tunnels" if idle else "alone"
        yield within(f"{name}round trip p50 {beside}",
                     samples.ratio("latency", idle, theirs, ours, figures.trip(50)))
    for direction in ("down", "up"):
        yield within(f"{name}round trip p99 under 4 bulk {direction}loads",
                     samples.ratio("load", direction, theirs, ours, figures.trip(99)))
    for concurrent in (16, 256):
        yield within(f"{name}connections per second, the client ends, {concurrent} at a time",
                     samples.ratio("ends", ("client", concurrent), theirs, ours,
                                   connections_per_second))
    for ender in ("reset", "target"):
        yield within(f"{name}connections per second, {connections.ENDERS[ender]}, 16 at a time",
                     samples.ratio("ends", (ender, 16), theirs, ours, connections_per_second))
    yield within(f"{name}from the start to the first byte",
                 samples.ratio("start", "one forward", theirs, ours,
                               lambda one: one["start_seconds"]))
    yield within(f"{name}MB/s of 1 tunnel down at 100 ms",
                 samples.ratio("long", (1, "down"), theirs, ours, figures.rate))
    for direction in ("down", "up"):
        yield within(f"{name}seconds for 5 MB {direction} on a new connection at 100 ms",
                     samples.ratio("short", (direction, "5 MB"), theirs, ours, seconds))


@dataclasses.dataclass
class Within(Goal):
    """Neither much better nor much worse: between 1 - limit and 1 + limit."""

    @property
    def verdict(self):
        if self.value is None:
            return "not measured"
        return "reached" if abs(self.value - 1) <= self.limit else "**not reached**"


def within(title, value):
    return Within(title, value, 0.15)
