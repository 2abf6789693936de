#!/usr/bin/python3
"""Shows that every rule of tidy.py fires, and that a tree without a fault passes all of them.

Each case plants one fault in a small tree that is otherwise clean, and expects that the rule it
names, and no other, points at the line. Prints TAP.
"""

import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True

import tidy  # noqa: E402 (after the line above, so that no cache is left in the tree)

HEAD = "// What this is.\n"
HEADER = "#pragma once\n" + HEAD

CLEAN = {
    "ssh/README.md": "# ssh\n",
    "engine/README.md": "# engine\n",
    "tools/README.md": "# tools\n\n| file | what |\n| --- | --- |\n| `build` | compiles |\n",
    "bench/README.md": "# bench\n",
    "tests/README.md": "# tests\n",
    "README.md": "# Clean\n\n    tools/build\n",
    "tools/build": "#!/bin/sh\n",
    "tools/meson.build": "executable('caponier', 'cli/main.cpp')\n",
    "ssh/error.h": HEADER + "#include <string_view>\n",
    "ssh/error.cpp": HEAD + '#include "ssh/error.h"\nconst char* text = "throw 1; catch it";\n',
    "tests/unit/ssh/error_test.cpp": HEAD,
}
# The exceptions of the real tree would be unneeded in this one.
tidy.tables.WITHOUT_UNIT_TEST = {}

INCLUDES = "each folder includes only what the table allows"
BACKENDS = "epoll and liburing are each for one backend"
PROGRAMS = "nothing that ships includes tools, tests or bench"
STANDARD = "ssh and relay do without threads, files and streams"
CLOCK = "ssh reads no clock and no random source"
EXCEPTIONS = "no throw, try or catch in ssh, io and relay"
VALUE = "no value() on a result"
MACROS = "no macros and no conditional code"
OWNERSHIP = "no shared_ptr, no new, no delete"
HEADS = "every file opens with what it is"
COMMANDS = "commands in the READMEs exist"
MAPS = "files in the READMEs' maps exist"
ALONE = "nothing refers to what is outside of the repository"

# What is planted, in which file, and the rules that must name that file.
PLANTED = [
    ("the core includes the engine", "ssh/x.h", HEADER + '#include "engine/io/loop.h"\n', INCLUDES),
    ("the core includes a socket header", "ssh/x.h", HEADER + "#include <sys/socket.h>\n", INCLUDES),
    ("OpenSSL outside of ssh/crypto", "ssh/x.h", HEADER + "#include <openssl/evp.h>\n", INCLUDES),
    ("libssh2 outside of its session", "ssh/x.h", HEADER + "#include <libssh2.h>\n", INCLUDES),
    ("the loop includes the core", "engine/io/x.h", HEADER + '#include "ssh/error.h"\n', INCLUDES),
    ("the relay makes system calls", "engine/relay/x.h", HEADER + "#include <unistd.h>\n", INCLUDES),
    ("the relay includes the client", "engine/relay/x.h",
     HEADER + '#include "engine/client/settings.h"\n', INCLUDES),
    ("liburing outside of its backend", "engine/io/x.h", HEADER + "#include <liburing.h>\n",
     INCLUDES, BACKENDS),
    ("epoll in the io_uring backend", "engine/io/uring_x.h", HEADER + "#include <sys/epoll.h>\n",
     INCLUDES, BACKENDS),
    ("a benchmark includes a program", "bench/x.h", HEADER + '#include "tools/cli/demo.h"\n',
     PROGRAMS),
    ("a program includes a test", "tools/x.h", HEADER + '#include "tests/sim/sim_loop.h"\n', PROGRAMS),
    ("the client looks into the transport", "engine/client/x.h",
     HEADER + '#include "ssh/transport/outbox.h"\n', "nobody looks into the private folders of ssh"),
    ("a thread in the core", "ssh/x.h", HEADER + "#include <thread>\n", STANDARD),
    ("a stream in the relay", "engine/relay/x.h", HEADER + "#include <iostream>\n", STANDARD),
    ("an include relative to its file", "ssh/x.h", HEADER + '#include "error.h"\n', INCLUDES,
     "our headers are included by their path from the root"),
    ("a clock in the core", "ssh/x.h", HEADER + "auto t = std::chrono::steady_clock::now();\n", CLOCK),
    ("a throw", "engine/relay/x.h", HEADER + "void f() { throw 1; }\n", EXCEPTIONS),
    ("a try", "ssh/x.h", HEADER + "void f() { try { g(); } catch (...) {} }\n", EXCEPTIONS),
    ("value() on a result", "tools/x.h", HEADER + "int a = parse(text).value();\n", VALUE),
    ("a thread that may be refused", "tools/x.h", HEADER + "std::thread thread{[] {}};\n",
     "a thread may be refused"),
    ("a view", "tools/x.h", HEADER + "#include <ranges>\n", "no views of <ranges>"),
    ("a macro", "tools/x.h", HEADER + "#define LIMIT 3\n", MACROS),
    ("conditional code", "tools/x.h", HEADER + "#ifdef __linux__\n#endif\n", MACROS),
    ("shared ownership", "tools/x.h", HEADER + "std::shared_ptr<int> a;\n", OWNERSHIP),
    ("a new", "tools/x.h", HEADER + "int* a = new int;\n", OWNERSHIP),
    ("a delete", "tools/x.h", HEADER + "void f(int* a) { delete a; }\n", OWNERSHIP),
    ("a header without #pragma once", "tools/x.h", HEAD, HEADS),
    ("a source without a head", "tools/x.cpp", '#include "tools/x.h"\n', HEADS),
    ("a long line", "tools/x.h", HEADER + "// " + "word " * 20 + "\n",
     "lines have at most 100 columns"),
    ("a source without a test", "ssh/x.cpp", HEAD, "every source has a unit test or a reason"),
    ("a command that is not there", "README.md", "# A\n\n    tools/biuld --all\n", COMMANDS),
    ("a program that is not there", "README.md", "# A\n\n```\nbuild/bench/no_bench\n```\n", COMMANDS),
    ("a map of a file that is not there", "ssh/README.md", "| file |\n| --- |\n| `gone.{h,cpp}` |\n",
     MAPS),
    ("a page that is not there", "ssh/x.h", HEADER + "// See gone.md.\n", ALONE),
    ("a path that leaves the repository", "tools/build", "#!/bin/sh\ncat ../../elsewhere\n", ALONE),
]


def findings_in(files: dict[str, str]) -> dict[str, list[str]]:
    """Which rules fire, and in which files."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        tree = tidy.Tree(root)
        found = {sentence: [name for name, _, _ in rule(tree)]
                 for sentence, rule in tidy.RULES.items()}
    return {sentence: names for sentence, names in found.items() if names}


def cases():
    yield "a clean tree passes", findings_in(CLEAN) == {}

    for sentence, name, text, *rules in PLANTED:
        found = findings_in(CLEAN | {name: text})
        expected = {rule: True for rule in rules}
        yield f"{sentence} is found", {rule: set(names) == {name}
                                       for rule, names in found.items()} == expected

    without = {name: text for name, text in CLEAN.items() if name != "bench/README.md"}
    found = findings_in(without | {"bench/x.h": HEADER})
    yield "a folder without a README is found", "every top-level folder has a README" in found

    tidy.tables.WITHOUT_UNIT_TEST = {"ssh/error.cpp": "a reason"}
    found = findings_in(CLEAN)
    yield "a reason that is not needed is found", "no reason for a source that needs none" in found
    tidy.tables.WITHOUT_UNIT_TEST = {"ssh/x*.cpp": "a reason"}
    yield "a reason is accepted", findings_in(CLEAN | {"ssh/x.cpp": HEAD}) == {}

    planted = {rule for _, _, _, *rules in PLANTED for rule in rules}
    apart = {"every top-level folder has a README", "no reason for a source that needs none"}
    yield "every rule has a planted fault", planted | apart == set(tidy.RULES)


def main() -> int:
    results = list(cases())
    print("TAP version 13")
    print(f"1..{len(results)}")
    for number, (sentence, good) in enumerate(results, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {sentence}")
    return 0 if all(good for _, good in results) else 1


if __name__ == "__main__":
    sys.exit(main())
