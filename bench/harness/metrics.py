"""What is measured. A metric has variants; each variant is run in rounds, and each round goes through
all candidates. A sample is what one candidate did in one round of one variant."""

import time

import figures
from processes import Failed, resident_bytes

MB = 1_000_000
MIB = 1 << 20


class Metric:
    name = ""
    title = ""
    delay_us = 0  # each way

    def __init__(self, settings):
        self.settings = settings

    def variants(self):
        raise NotImplementedError

    def rounds(self):
        return self.settings.rounds

    def applies(self, candidate):
        return candidate.kind != "floor"

    def estimate(self, variant, candidate):
        """Seconds of one sample, before anything is known."""
        return 2.0

    def begin(self, rig, candidates):
        """Before anyone starts."""

    def prepare(self, running, variant):
        """Before the rounds of a variant; may return a sample of its own."""

    def prepare_estimate(self, variant, candidate):
        return 0.0

    def measure(self, running, variant):
        raise NotImplementedError

    def end(self, running):
        """After the last variant."""


def bulk(running, direction, connections, total_bytes, seconds):
    """Moves a fixed number of bytes and returns the sample."""
    each = total_bytes // connections
    said, cost = running.generate("bulk", "--direction", direction, "--connections", connections,
                                  "--bytes", each, seconds=seconds)
    first_end = said["first_end"][1]
    return {"bytes": each * connections,
            "seconds": (said["ended_ns"] - said["begun_ns"]) / 1e9,
            "congestion": said["congestion"],
            "smallest_share": figures.smallest_share(first_end), **cost}


class Throughput(Metric):
    name = "throughput"
    title = "Throughput and CPU"
    seconds_max = 60

    def variants(self):
        return [(tunnels, direction) for tunnels in self.settings.tunnels
                for direction in ("up", "down")]

    def applies(self, candidate):
        return True

    def begin(self, rig, candidates):
        """Chooses the floor's read size for each direction: the one that costs the least here."""
        for floor in [one for one in candidates if one.kind == "floor"]:
            costs = {"up": {}, "down": {}}
            for size in self.settings.floor_read_bytes:
                rig.floor_reads = {"up": size, "down": size}
                with rig.running(floor) as running:
                    for direction, found in costs.items():
                        found[size] = figures.median(
                            [bulk(running, direction, 1, self.settings.calibration_bytes,
                                  self.seconds_max)["client_cpu_s"]
                             for _ in range(self.settings.calibration_rounds)])
            rig.floor_reads = {direction: min(found, key=found.get)
                               for direction, found in costs.items()}

    def estimate(self, variant, candidate):
        speed = {"direct": 2000, "floor": 1000, "ssh": 400, "caponier": 500}[candidate.kind]
        return self.settings.bulk_bytes / MB / speed + 0.05

    def prepare(self, running, variant):
        tunnels, direction = variant
        bulk(running, direction, tunnels, self.settings.warm_up_bytes, self.seconds_max)

    def prepare_estimate(self, variant, candidate):
        return self.settings.warm_up_bytes / MB / 400 + 0.1

    def measure(self, running, variant):
        tunnels, direction = variant
        return bulk(running, direction, tunnels, self.settings.bulk_bytes, self.seconds_max)


class Latency(Metric):
    """Round trips of 64 bytes, beside nothing and beside many idle tunnels."""
    name = "latency"
    title = "Round trips beside idle tunnels"
    opening_seconds_max = 150

    def variants(self):
        return [0, *self.settings.idle_tunnels]

    def applies(self, candidate):
        return candidate.kind != "floor"

    def estimate(self, variant, candidate):
        trip_seconds = 100e-6 + (variant * 6e-6 if candidate.kind == "ssh" else 0)
        return min(self.settings.echo_seconds, self.settings.echo_trips * trip_seconds) + 0.05

    def prepare_estimate(self, variant, candidate):
        return variant / 1000 * (6 if candidate.kind == "ssh" else 1)

    def prepare(self, running, variant):
        if variant == 0:
            # What a program keeps after it has once been busy is no cost of a tunnel.
            self._echo(running, 200)
        else:
            if not hasattr(running, "idle"):
                running.idle = running.begin("idle")
                running.idle_rss = resident_bytes(running.client.pid) if running.client else 0
            running.idle.write_line(variant)
            said = running.idle.read_json(self.opening_seconds_max)
            if said["tunnels"] != variant:
                raise Failed(f"{said['tunnels']} of {variant} tunnels are open")
        running.check()
        rss = resident_bytes(running.client.pid) if running.client else 0
        if variant == 0:
            return {"resident_bytes": rss}
        return {"resident_bytes": rss, "tunnels": variant,
                "opening_seconds": (said["ended_ns"] - said["begun_ns"]) / 1e9,
                "bytes_per_tunnel": (rss - running.idle_rss) / variant if running.client else None}

    def _echo(self, running, count):
        return running.generate("echo", "--bytes", 64, "--count", count, "--milliseconds",
                                int(self.settings.echo_seconds * 1000),
                                seconds=self.settings.echo_seconds + 60)

    def measure(self, running, variant):
        said, cost = self._echo(running, self.settings.echo_trips)
        return {"trips_ns": said["trips_ns"], **cost}

    def end(self, running):
        if hasattr(running, "idle"):
            running.idle.stop()


class Load(Metric):
    """Round trips of 64 bytes beside four bulk transfers that leave nothing idle."""
    name = "load"
    title = "Round trips under load"
    ramp_seconds = 0.7

    def variants(self):
        return ["down", "up"]

    def applies(self, candidate):
        return candidate.kind != "floor"

    def rounds(self):
        return self.settings.load_rounds

    def estimate(self, variant, candidate):
        return self.settings.load_seconds + self.ramp_seconds + 0.3

    def measure(self, running, variant):
        window = self.settings.load_seconds
        before = running.cpu()
        transfers = running.begin("bulk", "--direction", variant, "--connections", 4,
                                  "--interval-ms", 50)
        try:
            transfers.read_json(20)  # bytes flow in all four
            time.sleep(self.ramp_seconds)
            trips, _ = running.generate("echo", "--bytes", 64, "--count", 1_000_000,
                                        "--milliseconds", int(window * 1000), seconds=window + 30)
            said = transfers.finish(60)
        finally:
            transfers.stop()
        running.check()
        after = running.cpu()
        seconds = (trips["ended_ns"] - trips["begun_ns"]) / 1e9
        moved = figures.moved_between(said["marks"], trips["begun_ns"], trips["ended_ns"])
        return {"trips_ns": trips["trips_ns"], "bytes": sum(moved), "seconds": seconds,
                "smallest_share": figures.smallest_share(moved),
                "client_cpu_s": after["client"] - before["client"],
                "server_cpu_s": after["server"] - before["server"]}


class Churn(Metric):
    """Connect, one byte there and back, close."""
    name = "churn"
    title = "Tunnels per second"

    def variants(self):
        return self.settings.churn_concurrent

    def estimate(self, variant, candidate):
        return self.settings.churn_tunnels / 1500 + 0.05

    def prepare(self, running, variant):
        self._churn(running, variant, min(200, self.settings.churn_tunnels))

    def _churn(self, running, concurrent, tunnels):
        return running.generate("churn", "--concurrent", concurrent, "--count", tunnels, seconds=60)

    def measure(self, running, variant):
        said, cost = self._churn(running, variant, self.settings.churn_tunnels)
        return {"tunnels": said["tunnels"],
                "seconds": (said["ended_ns"] - said["begun_ns"]) / 1e9, **cost}


class LongPath(Metric):
    """Bulk transfers where a round trip between client and server takes 100 ms."""
    name = "long"
    title = "Long path"
    delay_us = 50_000

    def variants(self):
        return self.settings.long_variants

    def rounds(self):
        return 1

    def estimate(self, variant, candidate):
        return self.settings.long_ramp_seconds + self.settings.long_seconds + 0.5

    def measure(self, running, variant):
        tunnels, direction = variant
        ramp, window = self.settings.long_ramp_seconds, self.settings.long_seconds
        said, cost = running.generate(
            "bulk", "--direction", direction, "--connections", tunnels, "--milliseconds",
            int((ramp + window) * 1000), "--interval-ms", 200, seconds=ramp + window + 60)
        begin = said["begun_ns"] + ramp * 1e9
        end = begin + window * 1e9
        moved = figures.moved_between(said["marks"], begin, end)
        return {"bytes": sum(moved), "seconds": window,
                "smallest_share": figures.smallest_share(moved),
                "course": [[(at - said["begun_ns"]) / 1e9, sum(each)]
                           for at, each in said["marks"]], **cost}


ALL = (Throughput, Latency, Load, Churn, LongPath)
