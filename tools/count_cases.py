#!/usr/bin/python3
"""Counts the test cases of the last `meson test` in a build folder.

Meson writes every case of a GoogleTest executable and of a TAP script into testlog.junit.xml, and
what became of each executable into testlog.json. The second is asked because the first forgets
executables that ran out of time. Names the cases that failed, and ends with "N passed, N failed".
"""

import json
import pathlib
import sys
import xml.etree.ElementTree as xml


def main() -> int:
    logs = pathlib.Path(sys.argv[1]) / "meson-logs"
    broken = broken_executables(logs / "testlog.json")
    passed, skipped, failed = cases_of(logs / "testlog.junit.xml", broken)
    # One that crashed or ran out of time may have no case that says so.
    failed += [f"{name}: {result}" for name, result in broken.items()
               if not any(f".{name}: " in case or f".{name}." in case for case in failed)]
    if not passed and not failed:
        failed.append("no test ran")
    for name in skipped:
        print(f"skipped: {name}")
    for name in failed:
        print(f"failed: {name}")
    tail = f", {len(skipped)} skipped" if skipped else ""
    print(f"{len(passed)} passed, {len(failed)} failed{tail}", flush=True)
    return 1 if failed else 0


def broken_executables(path: pathlib.Path) -> dict[str, str]:
    """The name ("project:suite / name") and the result of each that did not end well."""
    runs = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return {run["name"]: run["result"] for run in runs
            if run["result"] not in ("OK", "SKIP", "EXPECTEDFAIL")}


def cases_of(path: pathlib.Path, broken: dict[str, str]) -> tuple[list[str], list[str], list[str]]:
    passed, skipped, failed = [], [], []
    suites = xml.parse(path).getroot().iter("testsuite") if path.exists() else []
    for suite in suites:
        for case in suite.iter("testcase"):
            name = f"{suite.get('name')}: {case.get('name')}"
            if case.get("name") in broken or case.get("status") == "notrun":
                continue  # an executable without cases; a case that a filter left out
            if case.find("failure") is not None or case.find("error") is not None:
                failed.append(name)
            elif case.find("skipped") is not None:
                skipped.append(name)
            else:
                passed.append(name)
    return passed, skipped, failed


if __name__ == "__main__":
    sys.exit(main())
