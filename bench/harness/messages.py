"""What a target sends with nobody asking: how late it comes."""

from metric import Metric


class Pushed(Metric):
    """64 bytes by the target's own timetable. The lag is counted from when a message was due there
    until its last byte is here, so that a message that waits behind another is late as well."""
    name = "pushed"
    title = "Pushed messages"
    targets = ("echo",)
    bytes = 64

    def variants(self):
        return self.settings.pushed_interval_ms

    def rounds(self):
        return self.settings.pushed_rounds

    def applies(self, candidate):
        return candidate.kind != "floor" and candidate.is_plain

    def estimate(self, variant, candidate):
        return self.settings.pushed_seconds + 0.1

    def prepare(self, running, variant):
        self._watch(running, variant, 20)

    def prepare_estimate(self, variant, candidate):
        return 20 * variant / 1000 + 0.1

    def _watch(self, running, interval_ms, count):
        return running.generate("watch", "--bytes", self.bytes, "--count", count, "--interval-us",
                                int(interval_ms * 1000),
                                seconds=count * interval_ms / 1000 + 60)

    def measure(self, running, variant):
        count = int(self.settings.pushed_seconds * 1000 / variant)
        said, cost = self._watch(running, variant, count)
        return {"lags_ns": said["lags_ns"], **cost}
