"""The report in Markdown: what was measured, by whom it was reached, and what cannot be read from it."""

import collections

import connections
import figures
import goals
import work
from run import describe


def markdown(result, plots):
    """`result` is what report.json holds."""
    parts = [heading(result), failures(result), *measured(result),
             goal_tables(result, name_all=True), comparison(result), method(result), images(plots)]
    return "\n\n".join(part for part in parts if part) + "\n"


def summary(result):
    """What is printed at the end, and what bench/README.md keeps of a full run."""
    parts = [failures(result), *measured(result), comparison(result), goal_tables(result)]
    return "\n\n".join(part for part in parts if part)


def measured(result):
    return [section(result) for section in (throughput, latency, load, pushed, ends, start,
                                            long_path, short_transfers, other_work)]


def table(columns, rows):
    """Aligned, so that it reads as well on a terminal. The first two columns are text."""
    cells = [columns, *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[at]) for row in cells) for at in range(len(columns))]

    def line(row):
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"
    return "\n".join([line(columns), line(["-" * width for width in widths]),
                      *map(line, cells[1:])])


def number(value, digits=3):
    """Significant digits, no exponent, thousands with commas."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    decimals = max(0, digits - len(str(int(abs(value)))) if abs(value) >= 1 else digits)
    return f"{value:.{decimals}f}"


def rounds_of(result, metric):
    """How many there were, and if they were not alike, from and to."""
    counts = collections.Counter((str(sample["variant"]), sample["candidate"])
                                 for sample in result["samples"] if sample["metric"] == metric)
    least, most = min(counts.values()), max(counts.values())
    return str(most) if least == most else f"{least} to {most}"


def with_spread(values):
    values = [value for value in values if value is not None]
    if not values:
        return "–"
    off = figures.spread(values)
    return number(figures.median(values)) + (
        f" ±{off * 100:.0f}%" if off is not None and len(values) > 1 else "")


# ---- sections ----------------------------------------------------------------------------------


def heading(result):
    facts = result["facts"]
    return "\n".join([
        f"# Caponier beside OpenSSH's client{', quickly' if result['settings']['is_quick'] else ''}",
        "",
        f"{facts['date']}, {facts['minutes']:.0f} minutes. {facts['machine']}.",
        f"{facts['openssh']}; {facts['caponier']}; commit {facts['commit']}.",
        f"TCP congestion control of all connections: {facts['network']}; "
        f"{facts['segments_again']:,} of {facts['segments']:,} segments were sent again. "
        f"Descriptors per process: {facts['descriptors']:,}. Load average {facts['load_before']} before, "
        f"{facts['load_after']} after. " + facts["softirq"]])


def failures(result):
    rows = [(one["candidate"], one["metric"],
             "all of it" if one["variant"] is None else describe(as_tuple(one["variant"])),
             one["why"].replace("|", "/")) for one in result["failures"]]
    parts = ["## Failed\n\n" + table(["candidate", "metric", "where", "why"], rows)] if rows else []
    if result["notes"]:
        parts.append("## Cut short\n\n" + "\n".join(f"* {note}" for note in result["notes"]))
    return "\n\n".join(parts)


def as_tuple(variant):
    return tuple(variant) if isinstance(variant, list) else variant


def variants_of(result, metric):
    found = []
    for sample in result["samples"]:
        variant = as_tuple(sample["variant"])
        if sample["metric"] == metric and variant not in found:
            found.append(variant)
    return found


def of(result, metric, variant, candidate):
    return [sample for sample in goals.Samples(result["samples"]).of(metric, variant)
            if sample["candidate"] == candidate]


def why_not(result, metric, variant, candidate):
    """What stands in the cell of a candidate that has no sample."""
    failed = any(one["candidate"] == candidate and one["metric"] == metric
                 and (one["variant"] is None or goals.same(as_tuple(one["variant"]), variant))
                 for one in result["failures"])
    return "failed" if failed else ""


def candidates_in(result, metric):
    names = {sample["candidate"] for sample in result["samples"] if sample["metric"] == metric}
    names |= {one["candidate"] for one in result["failures"] if one["metric"] == metric}
    return [one for one in result["candidates"] if one["name"] in names]


def grid(result, metric, columns):
    """A row a candidate; `columns` are (title, variant, text of its samples)."""
    rows = []
    for candidate in candidates_in(result, metric):
        row = [candidate["name"], candidate["cipher"]]
        for _, variant, cell in columns:
            samples = of(result, metric, variant, candidate["name"])
            row.append(cell(samples) if samples
                       else why_not(result, metric, variant, candidate["name"]))
        rows.append(row)
    return table(["candidate", "cipher", *[title for title, _, _ in columns]], rows)


def values(function):
    return lambda samples: with_spread([function(sample) for sample in samples])


def throughput(result):
    variants = variants_of(result, "throughput")
    if not variants:
        return ""

    def section(title, function):
        return f"### {title}\n\n" + grid(result, "throughput", [
            (describe(variant), variant, values(function)) for variant in variants])
    shares = [variant for variant in variants if variant[0] > 1]
    return "\n\n".join([
        "## Throughput and CPU",
        f"Medians of interleaved runs of {result['settings']['bulk_bytes'] / 1e9:.2f} GB "
        f"({rounds_of(result, 'throughput')} each), ± half of the range. One GB is 10^9 bytes. "
        f"CPU is user and system time." + floor_reads(result),
        section("MB/s", figures.rate),
        section("CPU seconds per GB: the client", figures.per_gb("client_cpu_s")),
        section("CPU seconds per GB: the server", figures.per_gb("server_cpu_s")),
        section("CPU seconds per GB: all processes together, generators and target included",
                figures.per_gb("all_cpu_s")),
        *(["### Fairness: what the slowest tunnel got, of a fair share\n\n" + grid(
            result, "throughput", [(describe(variant), variant,
                                    values(lambda sample: sample["smallest_share"]))
                                   for variant in shares])] if shares else [])])


def floor_reads(result):
    if not any(one["kind"] == "floor" for one in candidates_in(result, "throughput")):
        return ""
    reads = result["facts"]["floor_reads"]
    return (f" The floor reads {reads['up'] >> 10} KiB at a time up and {reads['down'] >> 10} KiB down, "
            "which cost the least here.")


def pooled(percent, field="trips_ns", unit_ns=1e3):
    """A percentile over the round trips of all rounds, in microseconds, or over other times."""
    def cell(samples):
        found = figures.percentile([time for one in samples for time in one[field]], percent)
        return number(found / unit_ns) if found is not None else "too few"
    return cell


def pooled_max(field, unit_ns):
    return lambda samples: number(max(max(one[field]) for one in samples) / unit_ns)


def latency(result):
    variants = variants_of(result, "latency")
    if not variants:
        return ""
    memory = [variant for variant in variants if variant]
    parts = ["## Round trips of 64 bytes beside idle tunnels, µs",
             "Over all rounds; \"too few\" where a percentile would rest on less than one trip."]
    for variant in variants:
        parts += [f"### {f'Beside {variant:,} idle tunnels' if variant else 'Alone'}",
                  grid(result, "latency", [(f"p{percent}", variant, pooled(percent))
                                           for percent in (50, 90, 99, 99.9)])]
    if memory:
        def kib(samples):
            return number(goals.kib_per_tunnel(samples[0]))
        parts += ["### Client memory per idle tunnel, KiB: what RSS grew by, over their number",
                  grid(result, "latency-before", [(f"{variant:,} tunnels", variant, kib)
                                                  for variant in memory])]
    return "\n\n".join(parts)


def load(result):
    variants = variants_of(result, "load")
    if not variants:
        return ""
    parts = ["## Round trips of 64 bytes under load, µs"]
    for direction in variants:
        parts += [f"### Beside 4 bulk {direction}loads", grid(result, "load", [
            ("p50", direction, pooled(50)), ("p90", direction, pooled(90)),
            ("p99", direction, pooled(99)), ("bulk MB/s", direction, values(figures.rate)),
            ("bulk, smallest share", direction,
             values(lambda sample: sample["smallest_share"]))])]
    return "\n\n".join(parts)


def pushed(result):
    variants = variants_of(result, "pushed")
    if not variants:
        return ""
    parts = ["## Pushed messages of 64 bytes: lag, ms",
             "From when the target was to send a message, by its own timetable, until it was here. Over "
             f"all rounds ({rounds_of(result, 'pushed')} each)."]
    columns = []
    for interval_ms in variants:
        every = f"every {interval_ms:g} ms"
        columns += [(f"{every}: p50", interval_ms, pooled(50, "lags_ns", 1e6)),
                    ("p99", interval_ms, pooled(99, "lags_ns", 1e6)),
                    ("max", interval_ms, pooled_max("lags_ns", 1e6))]
    return "\n\n".join([*parts, grid(result, "pushed", columns)])


def ends(result):
    variants = variants_of(result, "ends")
    if not variants:
        return ""
    parts = ["## Connections per second, by who ends them",
             "Connect, one byte there and back, end; so many at a time."]
    for ender, what in connections.ENDERS.items():
        at_once = [variant for variant in variants if variant[0] == ender]
        if at_once:
            parts += [f"### {what.capitalize()}", grid(result, "ends", [
                (f"{variant[1]} at a time", variant, values(goals.connections_per_second))
                for variant in at_once])]
    parts += ["### Client CPU seconds per 1,000 connections that the client ends",
              grid(result, "ends", [
                  (f"{variant[1]} at a time", variant,
                   values(lambda sample: goals.client_cpu_per_connection(sample) * 1000))
                  for variant in variants if variant[0] == "client"])]
    return "\n\n".join(parts)


def start(result):
    variants = variants_of(result, "start")
    if not variants:
        return ""

    def column(title, field, scale=1):
        def value(sample):
            return sample[field] / scale if sample[field] is not None else None
        return (title, variants[0], values(value))
    return "\n\n".join([
        "## Start, stop, and what an idle program has",
        "One forward. From the start to the first byte through the tunnel; memory with shared pages "
        "counted in parts (PSS), threads and descriptors after that; from SIGTERM to the end. Medians of "
        f"{rounds_of(result, 'start')}.",
        grid(result, "start", [
            column("start, ms", "start_seconds", 1e-3), column("stop, ms", "stop_seconds", 1e-3),
            column("PSS, MiB", "pss_bytes", 1 << 20), ("threads", variants[0], whole("threads")),
            ("descriptors", variants[0], whole("descriptors"))])])


def whole(field):
    """A count of things."""
    def cell(samples):
        middle = figures.median([sample[field] for sample in samples])
        return f"{middle:.0f}" if middle is not None else "–"
    return cell


def long_path(result):
    variants = variants_of(result, "long")
    if not variants:
        return ""
    settings = result["settings"]
    columns = [(f"{describe(variant)}: MB/s", variant, values(figures.rate))
               for variant in variants]
    return "\n\n".join([
        "## Long path: 100 ms round trip between client and server",
        f"{settings['long_seconds']:.0f} s, after {settings['long_ramp_seconds']:.1f} s to get up to "
        "speed. The delay is made in user space, by a relay that ends TCP on both of its sides: what "
        "TCP itself does on a long path is not in these numbers, only what SSH's windows do.",
        grid(result, "long", columns)])


def short_transfers(result):
    variants = variants_of(result, "short")
    if not variants:
        return ""
    return "\n\n".join([
        "## Short transfers at 100 ms round trip, seconds",
        f"Each on a new connection, to its last byte; medians of {rounds_of(result, 'short')}. The path "
        "is the one above.",
        grid(result, "short", [(describe(variant), variant, values(goals.seconds))
                               for variant in variants])])


def other_work(result):
    parts = []
    for metric in ("work", "far-work"):
        kinds = [work.kind(name) for name in variants_of(result, metric)]
        if kinds:
            parts += [grid(result, metric, [
                (f"{one.name}: {'per second' if one.told == 'rate' else one.told + ', ms'}", one.name,
                 values(one.figure)) for one in kinds])]
            parts += ["\n".join(f"* {one.name}: {one.what}; told is {told(one)}." for one in kinds)]
    return "\n\n".join(["## Other kinds of work", *parts]) if parts else ""


def told(kind):
    return f"{kind.unit} per second" if kind.told == "rate" else f"{kind.told} of {kind.unit}"


def goal_tables(result, name_all=False):
    parts = []
    for name in result["programs"]:
        rows = []
        not_measured = []
        for goal in goals.goals_of(result["samples"], name):
            if goal.value is None:
                not_measured.append(goal.title)
                continue
            sign = "within" if isinstance(goal, goals.Within) else "≥" if goal.at_least else "≤"
            limit = f"{goal.limit:.0%}" if sign == "within" else f"{goal.limit:.2f}" + goal.unit
            rows.append((goal.title, f"{sign} {limit}", number(goal.value) + goal.unit,
                         goal.verdict))
        parts += [f"## Goals: {name}", "Ratios are medians over the rounds of what two candidates did "
                  "one after the other.", table(["goal", "limit", "measured", ""], rows)]
        if not_measured:
            parts.append("Not measured in this run: " + (
                "; ".join(not_measured) if name_all else f"{len(not_measured)} goals") + ".")
    return "\n\n".join(parts)


def comparison(result):
    """Further caponier programs against the first: before and after a change."""
    first, *further = result["programs"]
    samples = goals.Samples(result["samples"])
    rows = []
    for name in further:
        for metric, title, function in (
                ("throughput", "client CPU per GB", figures.per_gb("client_cpu_s")),
                ("throughput", "all CPU per GB", figures.per_gb("all_cpu_s")),
                ("throughput", "MB/s", figures.rate),
                ("latency", "round trip p50", figures.trip(50)),
                ("load", "round trip p99 under 4 bulk", figures.trip(99)),
                ("load", "MB/s of 4 bulk", figures.rate),
                ("pushed", "lag p99 of pushed messages", goals.lag_ms(99)),
                ("ends", "connections per second", goals.connections_per_second),
                ("ends", "client CPU per connection", goals.client_cpu_per_connection),
                ("start", "start", lambda sample: sample["start_seconds"]),
                ("long", "MB/s at 100 ms", figures.rate),
                ("short", "seconds at 100 ms", goals.seconds),
                ("work", "speed", None), ("far-work", "speed at 100 ms", None)):
            for variant in variants_of(result, metric):
                ratios = paired(samples.of(metric, variant), name, first,
                                function or work.kind(variant).speed)
                if ratios:
                    rows.append((f"{name} / {first}", f"{title}, {describe(variant)}",
                                 with_spread(ratios)))
    return ("## One program against another\n\n" + table(["ratio of", "what", "median"], rows)
            if rows else "")


def paired(samples, ours, theirs, value):
    a, b = figures.by_round(samples, ours, value), figures.by_round(samples, theirs, value)
    return [a[at] / b[at] for at in a if b.get(at)]


def method(result):
    rows = [(one["name"], one["what"], one["cipher"]) for one in result["candidates"]]
    return "\n\n".join([
        "## Candidates",
        table(["name", "what it is", "cipher"], rows),
        "How it is measured, and what the numbers cannot tell, is in `bench/README.md`."])


def images(plots):
    return "\n\n".join(f"![{title}]({path.name})" for title, path in plots)
