"""The arithmetic of the report. Samples are dictionaries; a round's samples of two candidates were
taken one after the other, so that what changes slowly on the machine is in both."""

import math
import statistics


def percentile(values, percent):
    """The smallest value that `percent` of all do not exceed. None where so few cannot say: where not
    even one of them is expected above it."""
    expected_above = len(values) * (100 - percent) / 100
    if not values or (percent > 50 and expected_above < 1 - 1e-9):
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100 - 1e-9) - 1)]


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def spread(values):
    """Half of the distance between the lowest and the highest, relative to the median."""
    middle = median(values)
    return (max(values) - min(values)) / 2 / middle if middle else None


def by_round(samples, candidate, value):
    """round -> value(sample), where there is one."""
    found = {sample["round"]: value(sample) for sample in samples
             if sample["candidate"] == candidate}
    return {at: number for at, number in found.items() if number is not None}


def ratio(samples, ours, theirs, value):
    """The median over the rounds of ours / theirs. None where no round has both."""
    a, b = by_round(samples, ours, value), by_round(samples, theirs, value)
    return median([a[at] / b[at] for at in a if b.get(at)])


def per_gb(field):
    """CPU seconds per GB (10^9 bytes) of a sample of bulk transfer."""
    return lambda sample: sample[field] / (sample["bytes"] / 1e9)


def rate(sample):
    """MB/s (10^6 bytes)."""
    return sample["bytes"] / 1e6 / sample["seconds"] if sample["seconds"] else None


def trip(percent):
    """A percentile of a sample's round trips, in microseconds."""
    def value(sample):
        found = percentile(sample["trips_ns"], percent)
        return found / 1e3 if found is not None else None
    return value


def smallest_share(moved):
    """What the slowest of several transfers got, where 1 is a fair share."""
    return min(moved) * len(moved) / sum(moved) if sum(moved) else None


def moved_between(marks, begin_ns, end_ns):
    """Bytes of all transfers between two times, from marks [ns, [bytes of each]]: straight lines
    between them."""
    def at(time_ns):
        before = marks[0]
        for mark in marks:
            if mark[0] >= time_ns:
                span = mark[0] - before[0]
                part = (time_ns - before[0]) / span if span else 0
                return [b + (m - b) * part for b, m in zip(before[1], mark[1])]
            before = mark
        return marks[-1][1]
    return [end - begin for begin, end in zip(at(begin_ns), at(end_ns))]
