"""What it costs to begin and to end: connections, by who ends them, and the program itself."""

import time

import processes
from metric import Metric, seconds_of

# Who ends a connection -> what the report calls it.
ENDERS = {"client": "the client ends", "reset": "the client resets", "target": "the target ends"}


class Ends(Metric):
    """Connect, one byte there and back, end: as fast as it goes, some at a time."""
    name = "ends"
    title = "Connections per second"
    targets = ("echo",)

    def variants(self):
        return [(ender, concurrent) for ender in ENDERS
                for concurrent in self.settings.ends_concurrent] + [
                    ("client", concurrent) for concurrent in self.settings.client_ends_concurrent]

    def rounds(self):
        return self.settings.ends_rounds

    def applies(self, candidate):
        return candidate.kind != "floor" and candidate.is_plain

    def estimate(self, variant, candidate):
        return self.settings.ends_seconds + 0.1

    def prepare(self, running, variant):
        self._talk(running, variant, self.settings.ends_seconds / 4)

    def prepare_estimate(self, variant, candidate):
        return self.settings.ends_seconds / 4 + 0.1

    def _talk(self, running, variant, seconds):
        ender, concurrent = variant
        return running.generate(
            "talk", "--request-bytes", 1, "--answer-bytes", 1, "--requests", 1, "--end", ender,
            "--concurrent", concurrent, "--count", self.settings.ends_connections,
            "--milliseconds", int(seconds * 1000), seconds=60)

    def measure(self, running, variant):
        said, cost = self._talk(running, variant, self.settings.ends_seconds)
        return {"connections": len(said["trips_ns"]), "seconds": seconds_of(said), **cost}


class Start(Metric):
    """From the start of the program to the first byte through its tunnel; what it has while it is
    idle; and from SIGTERM to its end, with nothing open."""
    name = "start"
    title = "Start and stop"
    targets = ("echo",)
    starts_clients = False
    quiet_seconds = 0.2  # the connection that brought the byte is closed at both ends
    stop_seconds_max = 10

    def variants(self):
        return ["one forward"]

    def rounds(self):
        return self.settings.start_rounds

    def applies(self, candidate):
        return candidate.has_server and candidate.is_plain

    def estimate(self, variant, candidate):
        return 0.6

    def prepare(self, running, variant):
        self.measure(running, variant)  # the program is then in the page cache

    def prepare_estimate(self, variant, candidate):
        return 0.6

    def measure(self, running, variant):
        begun = time.monotonic_ns()
        running.start_client()
        try:
            running.wait_until_it_works(step_seconds=0.0005)
            started = time.monotonic_ns()
            time.sleep(self.quiet_seconds)
            running.check()
            footprint = processes.footprint(running.client.pid)
            stop_ns = running.client.terminate(self.stop_seconds_max)
        finally:
            running.stop_client()
        return {"start_seconds": (started - begun) / 1e9, "stop_seconds": stop_ns / 1e9,
                **footprint}
