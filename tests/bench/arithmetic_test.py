#!/usr/bin/python3
"""The arithmetic of bench/harness on samples whose results are known. Prints TAP."""

import pathlib
import sys
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench" / "harness"))

import candidates  # noqa: E402 (after the path above)
import figures  # noqa: E402
import goals  # noqa: E402
import metrics  # noqa: E402
import progress  # noqa: E402
import report  # noqa: E402
import run  # noqa: E402
import settings  # noqa: E402
import work  # noqa: E402

CASES = []


def case(sentence):
    def keep(function):
        CASES.append((sentence, function))
        return function
    return keep


def equal(measured, expected):
    assert measured == expected, f"{measured!r} is not {expected!r}"


def close(measured, expected):
    assert measured is not None and abs(measured - expected) < 1e-9 * max(1, abs(expected)), (
        f"{measured!r} is not {expected!r}")


def bulk(candidate, at, *, client=1.0, everyone=2.0, seconds=1.0, tunnels=1, direction="up"):
    return {"metric": "throughput", "variant": (tunnels, direction), "candidate": candidate,
            "round": at, "bytes": 1_000_000_000, "seconds": seconds, "client_cpu_s": client,
            "server_cpu_s": 0.5, "all_cpu_s": everyone, "smallest_share": 1.0}


@case("a percentile is the smallest value that so many do not exceed")
def _():
    values = list(range(1, 1001))
    equal(figures.percentile(values, 50), 500)
    equal(figures.percentile(values, 99), 990)
    equal(figures.percentile(values, 99.9), 999)
    equal(figures.percentile([7], 50), 7)


@case("a percentile that would rest on nothing is none")
def _():
    equal(figures.percentile(list(range(99)), 99), None)
    equal(figures.percentile(list(range(999)), 99.9), None)
    equal(figures.percentile([], 50), None)
    assert figures.percentile(list(range(100)), 99) is not None


@case("a median leaves out what was not measured")
def _():
    equal(figures.median([3, None, 1, 2]), 2)
    equal(figures.median([1, 2]), 1.5)
    equal(figures.median([None]), None)


@case("the spread is half of the range, relative to the median")
def _():
    close(figures.spread([90, 100, 110]), 0.1)
    equal(figures.spread([0, 0]), None)


@case("a ratio is the median of the rounds' ratios, not the ratio of medians")
def _():
    # The machine is ten times slower in the last two rounds; the candidates are alike slow.
    samples = [bulk("a", at, client=cost) for at, cost in enumerate((1, 1, 1, 10, 10))]
    samples += [bulk("b", at, client=cost) for at, cost in enumerate((2, 2, 20, 20, 20))]
    cost = figures.per_gb("client_cpu_s")
    close(figures.ratio(samples, "a", "b", cost), 0.5)
    close(figures.median(figures.by_round(samples, "a", cost).values()), 1.0)


@case("a round that only one of two has counts for nothing")
def _():
    samples = [bulk("a", 0, client=3), bulk("a", 1, client=100), bulk("b", 0, client=4)]
    close(figures.ratio(samples, "a", "b", figures.per_gb("client_cpu_s")), 0.75)
    equal(figures.ratio(samples, "a", "missing", figures.per_gb("client_cpu_s")), None)


@case("a GB is 10^9 bytes, and an MB 10^6")
def _():
    sample = {"bytes": 2_000_000_000, "seconds": 4, "client_cpu_s": 3}
    close(figures.rate(sample), 500)
    close(figures.per_gb("client_cpu_s")(sample), 1.5)


@case("the smallest share is relative to a fair one")
def _():
    close(figures.smallest_share([10, 10, 10, 10]), 1.0)
    close(figures.smallest_share([5, 15]), 0.5)
    equal(figures.smallest_share([0, 0]), None)


@case("bytes between two times are read off straight lines between the marks")
def _():
    marks = [[0, [0, 0]], [100, [1000, 0]], [200, [1000, 400]]]
    equal(figures.moved_between(marks, 50, 150), [500.0, 200.0])
    equal(figures.moved_between(marks, 0, 999), [1000, 400])


@case("a goal is reached on its limit, and not beyond it")
def _():
    equal(goals.Goal("", 0.55, 0.55).verdict, "reached")
    equal(goals.Goal("", 0.56, 0.55).verdict, "**not reached**")
    equal(goals.Goal("", 1.5, 1.5, at_least=True).verdict, "reached")
    equal(goals.Goal("", 1.4, 1.5, at_least=True).verdict, "**not reached**")
    equal(goals.Goal("", None, 1.5).verdict, "not measured")


@case("epoll may be neither much worse nor much better")
def _():
    equal(goals.within("", 1.15).verdict, "reached")
    equal(goals.within("", 1.2).verdict, "**not reached**")
    equal(goals.within("", 0.8).verdict, "**not reached**")
    equal(goals.within("", None).verdict, "not measured")


def found(samples, title):
    (goal,) = [goal for goal in goals.goals_of(samples, "ours") if goal.title.startswith(title)]
    return goal


@case("the goal for MB/s follows from the processor time of all, and is never below ssh")
def _():
    samples = [bulk("ssh-gcm", 0, everyone=3.0), bulk("ours", 0, everyone=2.0, seconds=0.8)]
    goal = found(samples, "MB/s, 1 tunnel up")
    close(goal.value, 1.25)
    close(goal.limit, 0.95 * 1.5)
    equal(goal.verdict, "**not reached**")
    samples = [bulk("ssh-gcm", 0, everyone=2.0), bulk("ours", 0, everyone=4.0)]
    close(found(samples, "MB/s, 1 tunnel up").limit, 1.0)


@case("client CPU is held against ssh with the same cipher, ssh's defaults, and the floor")
def _():
    samples = [bulk("ssh-gcm", 0, client=2), bulk("ssh", 0, client=4), bulk("floor", 0, client=0.8),
               bulk("ours", 0, client=1)]
    close(found(samples, "client CPU per GB, 1 tunnel up, against ssh").value, 0.5)
    close(found(samples, "client CPU per GB, 1 tunnel up, defaults").value, 0.25)
    close(found(samples, "client CPU per GB, 1 tunnel up, against the floor").value, 1.25)
    equal(found(samples, "client CPU per GB, 1 tunnel down, against ssh").verdict, "not measured")


@case("memory per idle tunnel is told in KiB")
def _():
    samples = [{"metric": "latency-before", "variant": 4000, "candidate": "ours", "round": 0,
                "bytes_per_tunnel": 1536}]
    goal = found(samples, "memory per idle tunnel")
    close(goal.value, 1.5)
    equal(goal.verdict, "reached")


def made(metric, variant, candidate, at=0, **fields):
    return {"metric": metric, "variant": variant, "candidate": candidate, "round": at, **fields}


@case("the lag of pushed messages is a limit in ms, for both loops, and the median of the rounds")
def _():
    # One round in three was disturbed: two of 100 messages were 40 ms late.
    calm, disturbed = [200_000] * 100, [200_000] * 98 + [40_000_000] * 2
    samples = [made("pushed", 2, "ours", at, lags_ns=lags)
               for at, lags in enumerate((calm, disturbed, calm))]
    samples += [made("pushed", 2, "ours-epoll", 0, lags_ns=disturbed)]
    goal = found(samples, "lag p99 of a message pushed every 2 ms, io_uring")
    close(goal.value, 0.2)
    equal(goal.verdict, "reached")
    epoll = found(samples, "lag p99 of a message pushed every 2 ms, epoll")
    close(epoll.value, 40)
    equal(epoll.verdict, "**not reached**")
    equal(found(samples, "lag p99 of a message pushed every 0.5 ms, io_uring").verdict, "not measured")
    equal(found(samples, "lag p99 of a message pushed every 0.5 ms, io_uring").limit, 3)


@case("connections per second are told apart by who ends them, and more is asked of many at a time")
def _():
    samples = []
    for ender, ours in (("client", 260), ("reset", 80), ("target", 100)):
        for at_once in (1, 16):
            samples += [made("ends", (ender, at_once), "ssh-gcm", connections=100, seconds=0.5,
                             client_cpu_s=0.2),
                        made("ends", (ender, at_once), "ours", connections=ours, seconds=1.0,
                             client_cpu_s=0.26)]
    verdicts = {title: (round(goal.value, 9), goal.verdict)
                for title in ("the client ends, 1 ", "the client ends, 16 ", "the client resets, 1 ",
                              "the target ends, 1 ")
                for goal in [found(samples, f"connections per second, {title}")]}
    equal(verdicts, {"the client ends, 1 ": (1.3, "reached"), "the client ends, 16 ": (1.3, "reached"),
                     "the client resets, 1 ": (0.4, "**not reached**"),
                     "the target ends, 1 ": (0.5, "**not reached**")})
    close(found(samples, "client CPU per connection, the client ends, 16").value, 0.5)
    equal(found(samples, "connections per second, the client ends, 64").verdict, "not measured")


@case("a short transfer may not be slower than ssh's, but for the noise that the goal names")
def _():
    samples = [made("short", ("down", "1 MB"), "ssh-gcm", seconds=1.0),
               made("short", ("down", "1 MB"), "ours", seconds=1.02),
               made("short", ("up", "1 MB"), "ssh-gcm", seconds=1.0),
               made("short", ("up", "1 MB"), "ours", seconds=1.04)]
    equal(found(samples, "seconds for 1 MB down").verdict, "reached")
    assert "3% of noise" in found(samples, "seconds for 1 MB down").title
    equal(found(samples, "seconds for 1 MB up").verdict, "**not reached**")


@case("the start is held against ssh's, and the stop against 10 ms")
def _():
    idle = {"pss_bytes": None, "threads": 4, "descriptors": None}
    samples = [made("start", "one forward", "ssh-gcm", start_seconds=0.1, stop_seconds=0.001, **idle),
               made("start", "one forward", "ssh-curve25519", start_seconds=0.08,
                    stop_seconds=0.001, **idle),
               made("start", "one forward", "ours", start_seconds=0.09, stop_seconds=0.011, **idle)]
    start = "from the start to the first byte through the tunnel, against ssh"
    (as_it_comes,) = [goal for goal in goals.goals_of(samples, "ours") if goal.title == start]
    close(as_it_comes.value, 0.9)
    same = found(samples, f"{start} with the same key exchange")
    close(same.value, 1.125)
    equal(same.verdict, "**not reached**")
    goal = found(samples, "from SIGTERM")
    close(goal.value, 11)
    equal(goal.verdict, "**not reached**")


@case("what only root may see is no number")
def _():
    result = {"samples": [made("start", "one forward", "ours", start_seconds=0.1, stop_seconds=0.001,
                               pss_bytes=None, threads=4, descriptors=None)],
              "candidates": [{"name": "ours", "cipher": "c"}], "failures": []}
    row = [cell.strip() for cell in report.start(result).splitlines()[-1].strip("|").split("|")]
    equal(row, ["ours", "c", "100", "1.00", "–", "4", "–"])


def did(kind, **fields):
    return {"count": 10, "seconds": 2.0, "p50_ns": 2_000_000, "p99_ns": None, "max_ns": 9, **fields}


@case("whatever a kind of work is told by, more is faster")
def _():
    rate, trip = work.kind("read-4k-1"), work.kind("typing")
    equal((rate.told, trip.told), ("rate", "p50"))
    close(rate.speed(did(rate)), 5)
    close(rate.figure(did(rate)), 5)
    close(trip.speed(did(trip)), 500)
    close(trip.figure(did(trip)), 2)
    equal(work.kind("video-5-1316").figure(did(None)), None)  # too few for a p99


@case("a kind of work that every run has is a goal, and a further one when it was measured")
def _():
    slow = work.kind("typing")
    samples = [made("work", slow.name, "ssh-gcm", **did(slow, p50_ns=1_000_000)),
               made("work", slow.name, "ours", **did(slow, p50_ns=1_250_000))]
    goal = found(samples, f"speed, {slow.what}")
    close(goal.value, 0.8)
    equal(goal.verdict, "**not reached**")
    for name in work.IN_EVERY_RUN:
        equal(found([], f"speed, {work.kind(name).what}").verdict, "not measured")
    equal(len([one for one in goals.goals_of([], "ours") if one.title.startswith("speed, ")]),
          len(work.IN_EVERY_RUN))


@case("a stream of so many Mbit/s is messages at an interval")
def _():
    equal(work.video(50, 16384), {"bytes": 16384, "interval-us": 2621})
    equal(work.video(5, 1316)["interval-us"], 2106)


@case("kinds of work are asked for by pattern, each has a name of its own, and one that is none is told")
def _():
    names = [one.name for one in work.KINDS]
    equal(len(set(names)), len(names))
    equal(work.named(["typing", "read-4k-*"]), ("typing", "read-4k-1", "read-4k-8"))
    try:
        work.named(["weaving"])
    except ValueError as error:
        assert "weaving" in str(error)
    else:
        raise AssertionError("weaving was found")


@case("a variant is told in words, whatever it is made of")
def _():
    equal([run.describe(variant) for variant in ((1, "up"), (8, "down"), ("client", 16),
                                                 ("down", "100 KB"), 4000, "typing")],
          ["1 tunnel up", "8 tunnels down", "client, 16", "down, 100 KB", "4000", "typing"])


@case("a quick run measures whatever a full run does, and less of it")
def _():
    full, quick = settings.Settings(), settings.quick()
    for metric in metrics.ALL:
        few, many = metric(quick).variants(), metric(full).variants()
        assert bool(few) == bool(many), metric.name
        # Round trips beside 200 idle tunnels are the only ones that a full run does not have.
        assert metric.name == "latency" or set(few) <= set(many), (few, many)


@case("samples are found again after JSON has made lists of tuples")
def _():
    sample = bulk("ours", 0)
    sample["variant"] = list(sample["variant"])
    equal(goals.Samples([sample]).of("throughput", (1, "up")), [sample])


@case("numbers have three figures, and no sample is no number")
def _():
    equal([report.number(value) for value in (1234.5, 123.4, 12.34, 1.234, 0.1234, 0, None)],
          ["1,234", "123", "12.3", "1.23", "0.123", "0", "–"])
    equal(report.with_spread([90, 100, 110]), "100 ±10%")
    equal(report.with_spread([5]), "5.00")
    equal(report.with_spread([None]), "–")


@case("a candidate that failed is a row that says so")
def _():
    result = {"samples": [bulk("ours", 0)],
              "candidates": [{"name": "ours", "cipher": "c"}, {"name": "broken", "cipher": ""}],
              "failures": [{"metric": "throughput", "variant": None, "candidate": "broken",
                            "why": "it ended at once"}], "notes": []}
    table = report.grid(result, "throughput",
                        [("1 up", (1, "up"), report.values(figures.rate))])
    equal([[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()][2:],
          [["ours", "c", "1,000"], ["broken", "", "failed"]])
    assert "it ended at once" in report.failures(result)


@case("candidates are asked for by pattern, and one that does not exist is an error")
def _():
    programs = [("old", "/a"), ("new", "/b")]
    equal([one.name for one in candidates.chosen(programs, None, ["ssh-g*", "n?w"])],
          ["ssh-gcm", "new"])
    assert "new-epoll" not in [one.name for one in candidates.chosen(programs, None, [])]
    try:
        candidates.chosen(programs, None, ["nobody"])
    except ValueError as error:
        assert "nobody" in str(error)
    else:
        raise AssertionError("nobody was found")


@case("a candidate that is for one metric takes part in no other")
def _():
    everyone = candidates.all_of([("ours", "/a")], None)
    at_all, at_start = (
        {one.name for one in everyone if run.takes_part(metric(settings.Settings()), one)}
        for metric in (metrics.Ends, metrics.Start))
    equal(at_all, {"ssh", "ssh-gcm", "ours", "ours-epoll", "direct"})
    equal(at_start, {"ssh", "ssh-gcm", "ssh-curve25519", "ours", "ours-epoll"})


@case("the time left follows how long the steps of a metric really take")
def _():
    left = progress.Progress([("fast", 10.0), ("slow", 10.0)])
    close(left.seconds_left(), 20.0)
    left.skip("slow", 5.0)
    left.took("slow", 5.0, 10.0)
    close(left.seconds_left(), 10.0 + 5.0 * 2)


def main():
    print("TAP version 13")
    print(f"1..{len(CASES)}")
    failed = 0
    for number, (sentence, run) in enumerate(CASES, 1):
        try:
            run()
            print(f"ok {number} - {sentence}")
        except Exception:  # whatever it is, it is this case's failure
            failed += 1
            print(f"not ok {number} - {sentence}")
            print("# " + traceback.format_exc().rstrip().replace("\n", "\n# "))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
