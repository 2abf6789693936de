"""Bulk transfers and round trips; and the list of all metrics."""

import time

import figures
from connections import Ends, Start
from messages import Pushed
from metric import Metric, seconds_of
from processes import Failed, resident_bytes
from work import FarWork, Work

MB = 1_000_000
MIB = 1 << 20


def bulk(running, direction, connections, total_bytes, seconds):
    """Moves a fixed number of bytes and returns the sample."""
    each = total_bytes // connections
    said, cost = running.generate("bulk", "--direction", direction, "--connections", connections,
                                  "--bytes", each, seconds=seconds)
    first_end = said["first_end"][1]
    return {"bytes": each * connections,
            "seconds": seconds_of(said),
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
                "opening_seconds": seconds_of(said),
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
        seconds = seconds_of(trips)
        moved = figures.moved_between(said["marks"], trips["begun_ns"], trips["ended_ns"])
        return {"trips_ns": trips["trips_ns"], "bytes": sum(moved), "seconds": seconds,
                "smallest_share": figures.smallest_share(moved),
                "client_cpu_s": after["client"] - before["client"],
                "server_cpu_s": after["server"] - before["server"]}


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


class ShortTransfers(Metric):
    """One transfer on a new connection, at a round trip of 100 ms: it is over before a window that
    grows has grown."""
    name = "short"
    title = "Short transfers on a long path"
    delay_us = 50_000
    targets = ("bulk", "echo")

    def variants(self):
        return [(direction, size) for direction in ("down", "up")
                for size in self.settings.short_sizes]

    def rounds(self):
        return self.settings.short_rounds

    def applies(self, candidate):
        return candidate.kind != "floor" and candidate.is_plain

    def estimate(self, variant, candidate):
        return 0.3 + bytes_of(variant[1]) / 20e6

    def measure(self, running, variant):
        direction, size = variant
        return bulk(running, direction, 1, bytes_of(size), 60)


def bytes_of(size):
    """"100 KB" -> 100,000"""
    amount, unit = size.split()
    return int(amount) * {"KB": 1_000, "MB": 1_000_000}[unit]


ALL = (Throughput, Latency, Load, Pushed, Ends, Start, LongPath, ShortTransfers, Work, FarWork)
