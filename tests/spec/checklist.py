#!/usr/bin/python3
"""Shows that no item of the protocol checklist is forgotten.

Each item that a client, or both sides, must keep is named above a test ("Item 12.", "Items 40 and
41.", "Item 136, 140."), or stands in the table of README.md with the reason why there is none. The
numbers are below, so that a test that goes away takes its item out of the green. Prints TAP.
"""

import pathlib
import re
import sys

# Of each section: what it is about, and its items.
CHECKLIST = {
    "identification strings": "1-11",
    "packets": "12-18 20-22 25-27",
    "negotiation and key exchange": "28-49",
    "new keys, strict key exchange, rekeys": "50-64",
    "transport messages": "65-80",
    "authentication": "81-102",
    "global requests and remote forwards": "103-114",
    "opening channels": "115-128",
    "data and windows": "129-154",
    "the end of channels": "156-171",
}

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMED = re.compile(r"\b(?:[Ii]tems?|[Cc]hecklist) (\d+(?:(?:, and |, | and |-|–)\d+)*)")


def numbers_in(text: str) -> set[int]:
    """ "40 and 41", "136, 140" and "106-114". """
    found = set()
    for first, last in re.findall(r"(\d+)(?:[-–](\d+))?", text):
        found.update(range(int(first), int(last or first) + 1))
    return found


def named_above_tests(source: str) -> set[int]:
    """What comments directly above a test name, or what the file is about by its head."""
    found = set()
    block = []
    head = True
    for line in source.split("\n"):
        if line.startswith("//"):
            block.append(line.removeprefix("//").strip())
            continue
        if block and (head or line.startswith("TEST")):
            for match in NAMED.finditer(" ".join(block)):
                found |= numbers_in(match[1])
        head = False
        block = []
    return found


def named_by_tests() -> dict[int, list[str]]:
    places: dict[int, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("*_test.cpp")):
        for number in named_above_tests(path.read_text(encoding="utf-8")):
            places.setdefault(number, []).append(path.relative_to(ROOT).as_posix())
    return places


def excused() -> set[int]:
    """The first column of the README's table of reasons, up to where words begin."""
    found = set()
    for line in (ROOT / "tests/spec/README.md").read_text(encoding="utf-8").split("\n"):
        if match := re.match(r"\| (\d[\d, –and-]*)", line):
            found |= numbers_in(match[1])
    return found


def main() -> int:
    tested = named_by_tests()
    reasons = excused()
    failed = 0
    print("TAP version 13")
    print(f"1..{len(CHECKLIST)}")
    for at, (section, items) in enumerate(CHECKLIST.items(), 1):
        missing = sorted(numbers_in(items) - tested.keys() - reasons)
        failed += bool(missing)
        print(f"{'not ok' if missing else 'ok'} {at} - each item about {section} has a test or a reason")
        for number in missing:
            print(f"# item {number} is named above no test, and README.md has no reason for that")
    if "--list" in sys.argv:
        for number in sorted(tested):
            print(f"# {number}: {', '.join(tested[number])}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
