#!/usr/bin/python3
"""tools/bench: measures Caponier beside OpenSSH's client, side by side in one run. bench/README.md
says how, and what the numbers mean."""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import signal
import sys
import tempfile
import time

import candidates
import machine
import metrics
import network
import plots
import report
import rig
import run
import settings
import work
from processes import Failed

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(64, f"bench: {message}; tools/bench --help lists the options\n")


def positive(text):
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def positives(text):
    return tuple(positive(part) for part in text.split(","))


def arguments():
    parser = Parser(prog="tools/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under two minutes, and rough")
    parser.add_argument("--only", metavar="METRIC", action="append", default=[],
                        choices=[metric.name for metric in metrics.ALL],
                        help=f"{', '.join(metric.name for metric in metrics.ALL)}; repeatable")
    parser.add_argument("--work", metavar="NAMES", default="",
                        help="which other kinds of work: a list with commas, of names or patterns; "
                             "--list shows them")
    parser.add_argument("--candidates", metavar="NAMES", default="",
                        help="a list with commas, of names or patterns; --list shows them")
    parser.add_argument("--cipher", metavar="CIPHER", help="for ssh and caponier alike, as -c")
    parser.add_argument("--caponier", metavar="[NAME=]PATH", action="append", default=[],
                        help="measure this program; repeatable, to see a change within one run")
    parser.add_argument("--rounds", type=positive, metavar="N", help="how often everything is repeated")
    parser.add_argument("--tunnels", type=positives, metavar="N,N",
                        help="at once, of throughput (1,8)")
    parser.add_argument("--out", metavar="DIR", type=pathlib.Path,
                        help="where the report, report.json and the plots go (build/bench-report)")
    parser.add_argument("--readme", action="store_true",
                        help="put the tables into bench/README.md; with --from, of an earlier run")
    parser.add_argument("--from", dest="earlier", metavar="REPORT.JSON", type=pathlib.Path,
                        help="measure nothing: write the report of an earlier run again")
    parser.add_argument("--list", action="store_true", help="name the candidates, and kinds of work")
    return parser.parse_args()


def programs_of(given):
    found = []
    for text in given or [f"caponier={ROOT / 'build/tools/caponier'}"]:
        name, _, path = text.rpartition("=")
        found.append((name or ("caponier" if not found else f"caponier{len(found) + 1}"), path))
    return found


def main():
    asked = arguments()
    programs = programs_of(asked.caponier)
    out = asked.out or ROOT / "build" / "bench-report"
    if asked.list:
        for one in candidates.all_of(programs, asked.cipher):
            print(f"{one.name:20} {one.what}")
        print()
        for one in work.KINDS:
            print(f"{one.name:20} {one.what}")
        return 0
    if asked.earlier:
        result = json.loads(asked.earlier.read_text())
    else:
        result = measure(asked, programs)
    write(result, out)
    if asked.readme and result["settings"]["is_quick"]:
        raise ValueError("a quick run is no full report: bench/README.md is left as it is")
    if asked.readme:
        update_readme(result)
    return 0 if result["samples"] else 1


def measure(asked, programs):
    chosen = candidates.chosen(programs, asked.cipher,
                               [name for name in asked.candidates.split(",") if name])
    amounts = settings.quick() if asked.quick else settings.Settings()
    if asked.rounds:
        amounts.rounds = amounts.load_rounds = asked.rounds
        amounts.pushed_rounds = amounts.short_rounds = amounts.work_rounds = asked.rounds
        amounts.ends_rounds = amounts.start_rounds = asked.rounds
    if asked.work:
        amounts.work = work.named(asked.work.split(","))
    if asked.tunnels:
        amounts.tunnels = asked.tunnels
    wanted = [metric(amounts) for metric in metrics.ALL
              if not asked.only or metric.name in asked.only]

    begun = time.monotonic()
    facts = machine.facts(ROOT, programs, rig.raise_descriptor_limit(), network.enter())
    sent, resent = network.segments()
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="caponier-bench-"))
        place = rig.Rig(directory, ROOT / "build" / "bench" / "traffic")
        this_run = run.Run(place, chosen, amounts)
        this_run.probe(wanted)
        this_run.measure(wanted)
        facts["floor_reads"] = place.floor_reads
    facts["segments"], facts["segments_again"] = (
        after - before for after, before in zip(network.segments(), (sent, resent)))
    facts["load_after"] = machine.load_average()
    facts["minutes"] = (time.monotonic() - begun) / 60
    return {"facts": facts, "settings": dataclasses.asdict(amounts), "notes": this_run.notes,
            "programs": [name for name, _ in programs],
            "candidates": [dataclasses.asdict(one) for one in chosen],
            "samples": this_run.samples, "failures": this_run.failures}


def write(result, out):
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(result, indent=None) + "\n")
    drawn = plots.draw(result, out)
    text = (out / "report").with_suffix(".md")
    text.write_text(report.markdown(result, drawn))
    try:
        print(report.summary(result))
        print(f"\nThe report is {text}; every sample is in {out / 'report.json'}.", flush=True)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # a reader that has seen enough


BEGIN = "<!-- newest full report: tools/bench --readme writes from here -->"
END = "<!-- to here -->"


def update_readme(result):
    path = ROOT / "bench" / "README.md"
    text = path.read_text()
    head, rest = text.split(BEGIN)
    _, tail = rest.split(END)
    facts = result["facts"]
    body = (f"{facts['date']}, commit {facts['commit']}: {facts['machine']}; {facts['openssh']}; "
            f"congestion control {facts['network']}; load average {facts['load_before']} before.")
    # They stand below a heading of the third level.
    sections = re.sub(r"^(#+) ", r"\1## ", report.summary(result), flags=re.MULTILINE)
    path.write_text(f"{head}{BEGIN}\n\n{body}\n\n{sections}\n\n{END}{tail}")


def interrupted(number, _):
    # The way of Ctrl-C, so that every process is ended on the way out.
    raise KeyboardInterrupt


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("bench: interrupted; nothing is left running")
    except (Failed, ValueError) as failure:
        sys.exit(f"bench: {failure}")
