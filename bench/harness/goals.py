"""What Caponier is to reach beside OpenSSH's client: ratios within one run, and whether they are
reached. The sentences are the report's; the numbers come from the samples alone."""

import dataclasses

import figures

# Against aes128-gcm, the faster of the two ways to run ssh, wherever a goal does not say "defaults".
SSH = "ssh-gcm"
SSH_DEFAULTS = "ssh"


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
            *under_load(samples, ours), *tunnels(samples, ours), *long_path(samples, ours),
            *epoll(samples, ours)]


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


def tunnels_per_second(sample):
    return sample["tunnels"] / sample["seconds"]


def client_cpu_per_tunnel(sample):
    return sample["client_cpu_s"] / sample["tunnels"]


def tunnels(samples, ours):
    for concurrent in (16, 256):
        yield Goal(f"tunnels per second, {concurrent} at a time, against ssh",
                   samples.ratio("churn", concurrent, ours, SSH, tunnels_per_second), 1.5,
                   at_least=True)
        yield Goal(f"client CPU per tunnel, {concurrent} at a time, against ssh",
                   samples.ratio("churn", concurrent, ours, SSH, client_cpu_per_tunnel), 0.50)


def long_path(samples, ours):
    yield Goal("MB/s of 1 tunnel down at 100 ms, against ssh",
               samples.ratio("long", (1, "down"), ours, SSH, figures.rate), 6.0, at_least=True)


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
        yield within(f"{name}tunnels per second, {concurrent} at a time",
                     samples.ratio("churn", concurrent, theirs, ours, tunnels_per_second))
    yield within(f"{name}MB/s of 1 tunnel down at 100 ms",
                 samples.ratio("long", (1, "down"), theirs, ours, figures.rate))


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
