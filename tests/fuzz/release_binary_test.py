#!/usr/bin/python3
"""Shows that nothing of the fuzz targets is in the program: no cipher that does nothing, no seeded
randomness, no word of the folders that have them. Types leave their names in a binary, stripped or
not; the same names are looked for in a target, so that a look which sees nothing is noticed. Prints
TAP.

usage: release_binary_test.py PROGRAM TARGET
"""

import pathlib
import sys

# As types and functions are called in symbol tables and in the names for typeid.
FORBIDDEN = {
    "the cipher that does nothing": b"NullAead",
    "the seeded generator": b"8caponier3sim6Random",
    "anything of tests/sim": b"8caponier3sim",
    "anything of tests/fuzz": b"8caponier4fuzz",
    "anything of tests/spec": b"8caponier4spec",
    "libFuzzer": b"LLVMFuzzer",
}
# Only some of them are in every target.
IN_A_TARGET = ("the cipher that does nothing", "the seeded generator", "anything of tests/fuzz")


def main() -> int:
    program, target = (pathlib.Path(name).read_bytes() for name in sys.argv[1:3])
    cases = [("the program has names to look at", b"8caponier3ssh" in program),
             ("the program asks the kernel for randomness", b"getrandom" in program)]
    cases += [(f"{what} is found where it is", FORBIDDEN[what] in target) for what in IN_A_TARGET]
    cases += [(f"the program has not {what}", name not in program)
              for what, name in FORBIDDEN.items()]
    print("TAP version 13")
    print(f"1..{len(cases)}")
    for at, (sentence, holds) in enumerate(cases, 1):
        print(f"{'ok' if holds else 'not ok'} {at} - {sentence}")
    return 0 if all(holds for _, holds in cases) else 1


if __name__ == "__main__":
    sys.exit(main())
