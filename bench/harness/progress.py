"""One line on stderr: what is being done, and how long it will still take."""

import collections
import sys
import time


class Progress:
    def __init__(self, planned, stream=sys.stderr):
        self._stream = stream
        self._left = collections.Counter()
        for metric, seconds in planned:
            self._left[metric] += seconds
        self._estimated = collections.Counter()
        self._taken = collections.Counter()
        self._shown_at = 0.0

    def begin(self, what):
        self._show(what, always=True)

    def step(self, what, metric, estimate):
        self._show(what)
        self._left[metric] -= estimate

    def skip(self, metric, estimate):
        self._left[metric] -= estimate

    def took(self, metric, estimate, seconds):
        self._estimated[metric] += estimate
        self._taken[metric] += seconds

    def seconds_left(self):
        """What is left of each metric, as much off as its steps so far were."""
        return sum(max(0.0, left) * (self._taken[metric] / self._estimated[metric]
                                     if self._estimated[metric] > 1 else 1)
                   for metric, left in self._left.items())

    def _show(self, what, always=False):
        now = time.monotonic()
        is_terminal = self._stream.isatty()
        if not always and now < self._shown_at + (0.1 if is_terminal else 20):
            return
        self._shown_at = now
        left = self.seconds_left()
        line = f"bench: {left // 60:.0f} min {left % 60:02.0f} s left; {what}"
        print(f"\r{line[:118]}\033[K" if is_terminal else line, file=self._stream,
              end="" if is_terminal else "\n", flush=True)

    def done(self):
        if self._stream.isatty():
            print("\r\033[K", file=self._stream, end="", flush=True)
