#!/usr/bin/python3
"""Prints how many lines of each parser were reached, and fails where it is too few.

Reads what `llvm-cov export -summary-only` writes; tools/fuzz --coverage calls it.
"""

import json
import sys

# What the targets aim at; coverage of anything else is not their business.
AIMS = (
    "ssh/auth/",
    "ssh/connection/",
    "ssh/keys/",
    "ssh/transport/identification.cpp",
    "ssh/transport/kexinit.cpp",
    "ssh/transport/key_exchange.cpp",
    "ssh/transport/message_table.cpp",
    "ssh/transport/negotiation.cpp",
    "ssh/transport/packet_opener.cpp",
    "ssh/transport/transport.cpp",
    "ssh/wire/wire_reader.cpp",
    "ssh/wire/name_list.cpp",
)
# Part of it is not for a running program.
LEAST_OF = {
    "ssh/keys/base64.cpp": 85.0,  # the compiler computes its table
    "ssh/keys/host_key_order.cpp": 0.0,  # orders names of ours, and parses nothing
}
LEAST_PERCENT = 90.0


def main() -> int:
    too_few = 0
    total = reached = 0
    for file in json.load(sys.stdin)["data"][0]["files"]:
        _, _, inside = file["filename"].rpartition("/ssh/")
        name = "ssh/" + inside
        # Headers hold what is too small to be judged by itself.
        if not name.startswith(AIMS) or not name.endswith(".cpp"):
            continue
        lines = file["summary"]["lines"]
        total += lines["count"]
        reached += lines["covered"]
        least = LEAST_OF.get(name, LEAST_PERCENT)
        bad = lines["percent"] < least
        too_few += bad
        print(f"{lines['percent']:6.1f} %  {lines['covered']:4} of {lines['count']:4}  {name}"
              f"{f'  <- less than {least}' if bad else ''}")
    if total == 0:
        print("no parser was reached at all")
        return 1
    print(f"{100 * reached / total:6.1f} %  {reached} of {total} lines of the parsers")
    return 1 if too_few else 0


if __name__ == "__main__":
    sys.exit(main())
