"""What every metric is. A metric has variants; each variant is run in rounds, and each round goes
through all candidates. A sample is what one candidate did in one round of one variant."""


class Metric:
    name = ""
    title = ""
    delay_us = 0                # each way
    targets = ("bulk", "echo")  # of rig.TARGETS: a port each
    starts_clients = True       # before the first variant

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


def seconds_of(said):
    """How long a generator took for what it says."""
    return (said["ended_ns"] - said["begun_ns"]) / 1e9
