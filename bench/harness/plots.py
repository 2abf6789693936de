"""Plots of a report, by gnuplot. Each has the same colour for the same candidate, axes from zero where
lengths are compared, and says what it shows in its title. What was not measured is not drawn."""

import itertools
import subprocess

import figures
from report import of, rounds_of, variants_of
from run import describe

COLOURS = {"ssh": "#c44e52", "ssh-gcm": "#dd8452", "direct": "#8c8c8c", "floor": "#55a868"}
# Of the first caponier program, whatever it is called.
OUR_COLOURS = {"": "#4c72b0", "-epoll": "#64b5cd", "-pool64": "#1f3b73", "-libssh2": "#8172b3"}
FURTHER_COLOURS = ("#937860", "#da8bc3", "#ccb974", "#2f4b4b", "#a05195", "#665191")
SIZE = (1100, 620)
# Below all panels, where no curve is.
PANELS = "margins 0.07,0.985,0.3,0.88 spacing 0.06"
KEY_BELOW = "set key at screen 0.5,0.02 center bottom horizontal maxrows 2\n"


def draw(result, out):
    """Writes the plots that `result` has samples for; returns (title, path) of each."""
    drawn = []
    for name, title, script_of in (
            ("throughput", "Throughput", throughput),
            ("cpu", "CPU per GB", cpu),
            ("latency", "Round trips beside idle tunnels", latency),
            ("load", "Round trips under load", load),
            ("pushed", "Lag of pushed messages", pushed),
            ("long", "Long path", long_path)):
        path = out / f"{name}.png"
        path.unlink(missing_ok=True)
        script = script_of(result, Colours(result))
        if script:
            gnuplot(script, path)
            drawn.append((title, path))
    return drawn


def gnuplot(script, path, height=SIZE[1]):
    head = (f"set terminal pngcairo size {SIZE[0]},{height} font 'sans,10' background '#ffffff'\n"
            f"set output '{path}'\n"
            "set grid back lc rgb '#dddddd' lt 1 lw 1\nset border 3 lc rgb '#444444'\n"
            "set tics nomirror\nset key outside right top vertical\n")
    result = subprocess.run(["gnuplot"], input=head + script, capture_output=True, text=True,
                            timeout=60, check=False)
    if result.returncode != 0:
        raise OSError(f"gnuplot cannot draw {path.name}: {result.stderr.strip()}")


class Colours:
    def __init__(self, result):
        first = result["programs"][0]
        known = {**COLOURS, **{first + ending: colour for ending, colour in OUR_COLOURS.items()}}
        further = itertools.cycle(FURTHER_COLOURS)
        self._of = {one["name"]: known.get(one["name"]) or next(further)
                    for one in result["candidates"]}

    def __getitem__(self, name):
        return f"lc rgb '{self._of[name]}'"


def measured(result, metric):
    """Names of the candidates that have samples, in the report's order."""
    names = {sample["candidate"] for sample in result["samples"] if sample["metric"] == metric}
    return [one["name"] for one in result["candidates"] if one["name"] in names]


def block(name, lines):
    return "\n".join([f"${name} << EOD", *lines, "EOD", ""])


def quoted(text):
    return '"' + text.replace('"', "") + '"'


def slow(result):
    return " (a quick run: rough)" if result["settings"]["is_quick"] else ""


# ---- bars --------------------------------------------------------------------------------------


def throughput(result, colours):
    variants = variants_of(result, "throughput")
    names = [name for name in measured(result, "throughput") if name != "direct"]
    if not variants or not names:
        return ""
    width = 0.8 / len(names)
    blocks, curves = [], []
    for at, name in enumerate(names):
        lines = []
        for group, variant in enumerate(variants):
            rates = [figures.rate(sample) for sample in of(result, "throughput", variant, name)]
            if rates:
                x = group - 0.4 + (at + 0.5) * width
                lines.append(f"{x} {figures.median(rates)} {min(rates)} {max(rates)}")
        blocks.append(block(f"d{at}", lines))
        curves.append(f"$d{at} using 1:2:({width * 0.92}) with boxes {colours[name]} "
                      f"fs solid 0.9 noborder title {quoted(name)}")
        curves.append(f"$d{at} using 1:3:(0):($4-$3) with vectors heads size screen 0.003,90 "
                      "lc rgb '#333333' notitle")
    tics = ", ".join(f"{quoted(describe(variant))} {at}" for at, variant in enumerate(variants))
    return "".join(blocks) + (
        f"set title \"Throughput: median and range, interleaved runs: {rounds_of(result, 'throughput')}"
        f"{slow(result)}{without_tunnel(result, variants)}\"\n"
        f"set xtics ({tics}) scale 0\nset xrange [-0.6:{len(variants) - 0.4}]\n"
        "set ylabel 'MB/s'\nset yrange [0:*]\nset grid noxtics ytics\n"
        "plot " + ", ".join(curves) + "\n")


def without_tunnel(result, variants):
    """The direct connection would make all others short: it is named, not drawn."""
    rates = {variant: figures.median(map(figures.rate, of(result, "throughput", variant, "direct")))
             for variant in variants}
    said = ", ".join(f"{rate:,.0f} MB/s {describe(variant)}" for variant, rate in rates.items() if rate)
    return f"\\nwithout a tunnel, not drawn: {said}" if said else ""


def cpu(result, colours):
    variants = variants_of(result, "throughput")
    names = [name for name in measured(result, "throughput") if name != "direct"]
    if not variants or not names:
        return ""
    parts = (("client", "client_cpu_s", "#4c72b0"), ("server (sshd)", "server_cpu_s", "#b0b7c6"))
    script = (f"set multiplot layout 1,{len(variants)} title 'CPU seconds per GB: medians"
              f"{slow(result)}'\n"
              "set style data histograms\nset style histogram rowstacked\nset boxwidth 0.75\n"
              "set style fill solid noborder\nset grid noxtics ytics\nset yrange [0:*]\n"
              "set xtics rotate by -50 scale 0\nset key inside top right\n")
    top = 0.0
    panels = []
    for number, variant in enumerate(variants):
        lines = []
        for name in names:
            samples = of(result, "throughput", variant, name)
            costs = [figures.median(map(figures.per_gb(field), samples)) for _, field, _ in parts]
            if None not in costs:
                lines.append(f"{quoted(name)} " + " ".join(map(str, costs)))
                top = max(top, sum(costs))
        curves = ", ".join(f"$c{number} using {at + 2}:xtic(1) title {quoted(title)} lc rgb '{colour}'"
                           for at, (title, _, colour) in enumerate(parts))
        panels.append(block(f"c{number}", lines) +
                      f"set title '{describe(variant)}'\nplot {curves}\nunset key\n")
    return script + f"set yrange [0:{top * 1.15}]\n" + "".join(panels) + "unset multiplot\n"


# ---- curves ------------------------------------------------------------------------------------


def latency(result, colours):
    variants, names = variants_of(result, "latency"), measured(result, "latency")
    if len(variants) < 2:
        return ""
    blocks, curves = [], []
    for at, name in enumerate(names):
        lines = []
        for place, variant in enumerate(variants):
            trips = [trip for sample in of(result, "latency", variant, name)
                     for trip in sample["trips_ns"]]
            if trips:
                p99 = figures.percentile(trips, 99)
                lines.append(f"{place} {figures.percentile(trips, 50) / 1e3} "
                             f"{p99 / 1e3 if p99 else 'NaN'}")
        blocks.append(block(f"d{at}", lines))
        curves.append(f"$d{at} using 1:2 with linespoints {colours[name]} pt 7 ps 1.1 lw 2.5 "
                      f"title {quoted(name + ' p50')}")
        curves.append(f"$d{at} using 1:3 with linespoints {colours[name]} pt 6 ps 0.9 lw 1 dt 3 "
                      f"title {quoted(name + ' p99')}")
    tics = ", ".join(f'"{variant:,}" {place}' for place, variant in enumerate(variants))
    return "".join(blocks) + (
        f"set title 'Round trip of 64 bytes beside idle tunnels{slow(result)}'\n"
        f"set xtics ({tics})\nset xrange [-0.2:{len(variants) - 0.8}]\nset xlabel 'idle tunnels'\n"
        "set ylabel 'µs, logarithmic'\nset logscale y\nset grid xtics ytics mytics\n"
        "plot " + ", ".join(curves) + "\n")


def load(result, colours):
    return distributions(
        result, colours, "load", "trips_ns", "Round trip of 64 bytes under load: how many were no slower",
        "% of round trips", "beside 4 bulk {}loads")


def pushed(result, colours):
    return distributions(
        result, colours, "pushed", "lags_ns", "Messages of 64 bytes that the target pushes: how many "
        "came no later", "% of messages", "one every {} ms")


def distributions(result, colours, metric, field, title, ylabel, panel_title):
    """A panel a variant: the share of all times below each time."""
    variants, names = variants_of(result, metric), measured(result, metric)
    if not variants:
        return ""
    script = (f"set multiplot layout 1,{len(variants)} {PANELS} title '{title}{slow(result)}'\n"
              f"set logscale x\nset yrange [0:100]\nset ylabel '{ylabel}'\n"
              "set xlabel 'µs, logarithmic'\n" + KEY_BELOW)
    for panel, variant in enumerate(variants):
        blocks, curves = [], []
        for at, name in enumerate(names):
            times = [time for sample in of(result, metric, variant, name) for time in sample[field]]
            if times:
                blocks.append(block(f"p{panel}_{at}", cumulative(times)))
                curves.append(f"$p{panel}_{at} using 1:2 with lines {colours[name]} lw 2 "
                              f"title {quoted(name)}")
        if curves:
            script += "".join(blocks) + (f"set title '{panel_title.format(variant)}'\n"
                                         f"plot {', '.join(curves)}\nunset key\nunset ylabel\n")
    return script + "unset multiplot\n"


def cumulative(trips, points=400):
    """A curve of at most `points` points, the last 1 % with as many as all others."""
    ordered = sorted(trips)
    last = len(ordered) - 1
    shares = [at / points for at in range(points)] + [0.99 + at / points / 100
                                                      for at in range(points + 1)]
    chosen = sorted({round(share * last) for share in shares})
    return [f"{ordered[at] / 1e3} {(at + 1) / len(ordered) * 100}" for at in chosen]


def long_path(result, colours):
    variants, names = variants_of(result, "long"), measured(result, "long")
    if not variants:
        return ""
    ramp = result["settings"]["long_ramp_seconds"]
    script = (f"set multiplot layout 1,{len(variants)} {PANELS} title 'Round trip of 100 ms (delayed in "
              f"user space): throughput over time; measured from the dashed line on{slow(result)}'\n"
              "set logscale y\nset ylabel 'MB/s, logarithmic'\nset xlabel 'seconds'\n"
              f"set xrange [0:{ramp + result['settings']['long_seconds']}]\n"
              f"set arrow from {ramp}, graph 0 to {ramp}, graph 1 nohead dt 2 lc rgb '#888888'\n"
              + KEY_BELOW)
    for panel, variant in enumerate(variants):
        blocks, curves = [], []
        for at, name in enumerate(names):
            samples = of(result, "long", variant, name)
            if samples:
                blocks.append(block(f"p{panel}_{at}", course(samples[0]["course"])))
                curves.append(f"$p{panel}_{at} using 1:2 with lines {colours[name]} lw 2 "
                              f"title {quoted(name)}")
        if curves:
            script += "".join(blocks) + (f"set title '{describe(variant)}'\n"
                                         f"plot {', '.join(curves)}\nunset key\nunset ylabel\n")
    return script + "unset multiplot\n"


def course(marks, step_seconds=0.5):
    """MB/s between marks [second, bytes so far], over steps that a round trip is short beside."""
    lines = []
    begin = marks[0]
    for mark in marks[1:]:
        seconds = mark[0] - begin[0]
        if seconds >= step_seconds:
            rate = (mark[1] - begin[1]) / 1e6 / seconds
            lines.append(f"{(mark[0] + begin[0]) / 2} {rate if rate > 0 else 'NaN'}")
            begin = mark
    return lines or ["NaN NaN"]
