"""Runs metrics over candidates: rounds within variants, candidates within rounds, so that drift of the
machine is shared by all. Whoever fails in a variant is out of it, with the reason; nobody waits."""

import contextlib
import time

import progress
from processes import Failed


class Run:
    def __init__(self, rig, candidates, settings):
        self.rig = rig
        self.candidates = candidates
        self.settings = settings
        self.samples = []
        self.failures = []   # {"metric", "variant", "candidate", "why"}
        self.notes = []
        self._broken = {}    # candidate's name -> why it never works

    def probe(self, metrics):
        """Whether each candidate works at all, and with which cipher: one look through an sshd that
        says more than the ones that are measured."""
        for candidate in self.candidates:
            try:
                with self.rig.running(candidate, log_level="DEBUG1") as running:
                    if running.sshd:
                        candidate.cipher = negotiated_cipher(running.sshd)
            except Failed as failure:
                self._broken[candidate.name] = str(failure)
                for metric in metrics:
                    if takes_part(metric, candidate):
                        self._fail(metric, None, candidate, str(failure))

    def measure(self, metrics):
        self._progress = progress.Progress(self._planned(metrics))
        deadline = time.monotonic() + self.settings.minutes_max * 60
        for metric in metrics:
            self._measure(metric, deadline)
        self._progress.done()

    def _taking_part(self, metric):
        return [one for one in self.candidates
                if takes_part(metric, one) and one.name not in self._broken]

    def _planned(self, metrics):
        return [(metric.name, metric.prepare_estimate(variant, one)
                 + metric.rounds() * metric.estimate(variant, one))
                for metric in metrics for variant in metric.variants()
                for one in self._taking_part(metric)]

    def _measure(self, metric, deadline):
        if not metric.variants():
            return
        takers = self._taking_part(metric)
        with contextlib.ExitStack() as stack:
            self._progress.begin(metric.title)
            metric.begin(self.rig, takers)
            at_work = []
            for candidate in takers:
                try:
                    at_work.append(stack.enter_context(
                        self.rig.running(candidate, metric.delay_us, targets=metric.targets,
                                         starts_client=metric.starts_clients)))
                except Failed as failure:
                    self._fail(metric, None, candidate, str(failure))
            for running in at_work:
                stack.callback(metric.end, running)
            for variant in metric.variants():
                self._measure_variant(metric, variant, at_work, deadline)

    def _measure_variant(self, metric, variant, at_work, deadline):
        out = set()

        def attempt(running, step, at, what):
            candidate = running.candidate
            estimate = (metric.prepare_estimate if at is None else metric.estimate)(
                variant, candidate)
            if candidate.name in out:
                self._progress.skip(metric.name, estimate)
                return
            self._progress.step(f"{metric.title}, {what}: {candidate.name}", metric.name, estimate)
            try:
                if time.monotonic() > deadline:
                    raise Failed(f"not run: {self.settings.minutes_max:g} minutes were over")
                begun = time.monotonic()
                sample = step(running, variant)
                self._progress.took(metric.name, estimate, time.monotonic() - begun)
            except (Failed, OSError, ValueError) as failure:
                out.add(candidate.name)
                self._fail(metric, variant, candidate, str(failure))
                return
            if sample is not None:
                self.samples.append({
                    "metric": metric.name if at is not None else f"{metric.name}-before",
                    "variant": variant, "candidate": candidate.name,
                    "round": 0 if at is None else at, **sample})

        for running in at_work:
            attempt(running, metric.prepare, None, describe(variant))
        for at in range(metric.rounds()):
            if at > 0 and self._progress.seconds_left() > deadline - time.monotonic():
                self._cut_short(metric, variant, at, at_work)
                break
            # Another one begins each time, so that nobody always follows the same one.
            begin = at % max(1, len(at_work))
            for running in at_work[begin:] + at_work[:begin]:
                attempt(running, metric.measure, at, f"{describe(variant)}, round {at + 1}")

    def _cut_short(self, metric, variant, rounds_done, at_work):
        """Leaves out further rounds, so that what still comes has a first one."""
        rounds = metric.rounds()
        self.notes.append(f"{metric.title}, {describe(variant)}: {rounds_done} of {rounds} rounds, "
                          "because time was short")
        for running in at_work:
            self._progress.skip(metric.name, (rounds - rounds_done) *
                                metric.estimate(variant, running.candidate))

    def _fail(self, metric, variant, candidate, why):
        self.failures.append({"metric": metric.name, "variant": variant,
                              "candidate": candidate.name, "why": why})


def takes_part(metric, candidate):
    return metric.applies(candidate) and candidate.is_for(metric)


def describe(variant):
    if isinstance(variant, tuple):
        first, second = variant
        return (f"{first} tunnel{'s' if first > 1 else ''} {second}" if isinstance(first, int)
                else f"{first}, {second}")
    return str(variant)


def negotiated_cipher(sshd):
    """From the server's log, of the direction that the client sends in."""
    for line in sshd.log.read_text(errors="replace").splitlines():
        if "kex: client->server cipher: " in line:
            words = line.split("cipher: ")[1].split()
            mac = words[2] if len(words) > 2 else ""
            return words[0] if mac == "<implicit>" else f"{words[0]}, {mac}"
    return "unknown"
