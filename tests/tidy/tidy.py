#!/usr/bin/python3
"""Checks what a compiler does not: who includes whom, and how the sources are written.

Each rule is one TAP case. A line that breaks it is named with what is wrong and why that matters, so
that a red case can be mended without reading this file. The tables are in tables.py; tidy_test.py
shows that each rule fires. usage: tidy.py [folder], by default the repository that it stands in.
"""

import fnmatch
import pathlib
import re
import sys
from collections.abc import Iterator

import tables

CODE_FOLDERS = ("ssh/", "engine/", "tools/", "bench/", "tests/")
WITHOUT_EXCEPTIONS = ("ssh/", "engine/io/", "engine/relay/")
Finding = tuple[str, int, str]


class Tree:
    """The text files of the repository, read once."""

    def __init__(self, root: pathlib.Path):
        self.root = root
        self.files: dict[str, str] = {}
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root).as_posix()
            if is_ours(name) and path.is_file() and not path.is_symlink():
                try:
                    self.files[name] = path.read_text(encoding="utf-8")
                except UnicodeDecodeError:
                    continue  # a test's binary data

    def cpp(self, *folders: str) -> Iterator[tuple[str, list[str]]]:
        """Sources and headers below the folders, as lines without comments and literals."""
        for name, text in self.files.items():
            if name.endswith((".h", ".cpp")) and name.startswith(folders or CODE_FOLDERS):
                yield name, bare(text).split("\n")

    def exists(self, name: str) -> bool:
        return (self.root / name).exists()


def is_ours(name: str) -> bool:
    parts = name.split("/")
    generated = parts[0].startswith("build") or {"node_modules", "__pycache__"} & set(parts)
    return parts[0] != ".git" and not generated


def bare(text: str) -> str:
    """The code with comments, strings and characters blanked, line by line; #include lines stay."""
    token = re.compile(
        r'(?P<include>^[ \t]*#[ \t]*include[^\n]*)|(?P<digits>\b\d[\d\']*)|//[^\n]*|/\*.*?\*/|'
        r'R"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'',
        re.DOTALL | re.MULTILINE)

    def blank(match: re.Match) -> str:
        if match["include"] or match["digits"]:
            return match[0]
        return re.sub(r"[^\n]", " ", match[0])

    return token.sub(blank, text)


def includes_of(lines: list[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, 1):
        if match := re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line):
            yield number, match[1]


def lines_with(tree: Tree, folders: tuple[str, ...], pattern: str, why: str) -> Iterator[Finding]:
    for name, lines in tree.cpp(*folders):
        for number, line in enumerate(lines, 1):
            if match := re.search(pattern, line):
                yield name, number, f"'{match[0].strip()}': {why}"


# ---- who includes whom -------------------------------------------------------------------------


def is_std(header: str) -> bool:
    return re.fullmatch(r"[a-z_]+", header) is not None


def is_posix(header: str) -> bool:
    top = header.split("/")[0]
    ours_or_dependency = {"tl", "fmt", "spdlog", "CLI", "nlohmann", "toml++", "openssl", "benchmark",
                          "gtest", "gmock", "liburing", "libssh2.h", "intel-ipsec-mb.h",
                          "mimalloc.h", "ssh", "engine", "tools", "tests", "bench"}
    return header.endswith(".h") and top not in ours_or_dependency


def allows(allowed: list[str], header: str) -> bool:
    if is_std(header):
        return tables.STD in allowed
    if header in allowed or any(a.endswith("/") and header.startswith(a) for a in allowed):
        return True
    return is_posix(header) and header not in tables.RESERVED and tables.POSIX in allowed


def include_table(tree: Tree) -> Iterator[Finding]:
    for name, lines in tree.cpp():
        prefixes = [prefix for prefix in tables.INCLUDE_TABLE if name.startswith(prefix)]
        if not prefixes:
            continue
        prefix = max(prefixes, key=len)
        allowed, why = tables.INCLUDE_TABLE[prefix]
        for number, header in includes_of(lines):
            if not allows(allowed, header):
                yield name, number, f"{prefix} may not include {header}: {why}"


def reserved_headers(tree: Tree) -> Iterator[Finding]:
    for name, lines in tree.cpp("ssh/", "engine/"):
        for number, header in includes_of(lines):
            owner = tables.RESERVED.get(header)
            if owner and not name.startswith(owner):
                yield name, number, f"{header} is for {owner}*: one backend, one set of files"


def programs_are_included_by_nobody(tree: Tree) -> Iterator[Finding]:
    for name, lines in tree.cpp():
        own = name.split("/")[0] + "/"
        for number, header in includes_of(lines):
            if header.startswith("tools/") and own not in ("tools/", "tests/"):
                yield name, number, f"{header}: only tests look into the programs"
            if header.startswith(("tests/", "bench/")) and own not in ("tests/", "bench/"):
                yield name, number, f"{header}: nothing that ships may need a test or a benchmark"


def private_folders(tree: Tree) -> Iterator[Finding]:
    for owner, folders in tables.PRIVATE_FOLDERS.items():
        for name, lines in tree.cpp():
            if name.startswith((owner, "tests/", "bench/")):
                continue
            for number, header in includes_of(lines):
                if header.startswith(tuple(folders)):
                    yield name, number, f"{header} is private to {owner}: use {owner}session.h"


def standard_headers(tree: Tree) -> Iterator[Finding]:
    for folder, (headers, why) in tables.FORBIDDEN_STD.items():
        for name, lines in tree.cpp(folder):
            for number, header in includes_of(lines):
                allowed, _ = tables.ALLOWED_STD.get(name, ([], ""))
                if header in headers and header not in allowed:
                    yield name, number, f"<{header}>: {why}"


def includes_from_the_root(tree: Tree) -> Iterator[Finding]:
    for name, text in tree.files.items():
        if not name.endswith((".h", ".cpp")):
            continue
        for number, line in enumerate(text.split("\n"), 1):
            match = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
            if match and not match[1].startswith(CODE_FOLDERS):
                yield name, number, f'"{match[1]}": our headers are spelled from the root'


# ---- how the sources are written ---------------------------------------------------------------


def no_clock_in_ssh(tree: Tree) -> Iterator[Finding]:
    yield from lines_with(tree, ("ssh/",), r"\b\w*_clock::now\(|\bgetrandom\(|\bgetentropy\(",
                          "time and randomness come into ssh/ as arguments")


def no_exceptions(tree: Tree) -> Iterator[Finding]:
    yield from lines_with(tree, WITHOUT_EXCEPTIONS, r"\b(throw|try|catch)\b",
                          "a failure is a Result here; a library that throws is wrapped elsewhere")


def no_value(tree: Tree) -> Iterator[Finding]:
    yield from lines_with(tree, (), r"[.>]value\(\)",
                          "value() throws; ask first, then use *result")


def threads_may_be_refused(tree: Tree) -> Iterator[Finding]:
    for finding in lines_with(tree, ("engine/", "tools/"),
                              r"\bstd::j?thread\s*(\w+\s*)?[({]|\bpthread_create\(",
                              "a refused thread would end the program; engine/client/start_thread.h "
                              "makes an error of it"):
        if finding[0] not in tables.STARTS_THREADS:
            yield finding


def no_views(tree: Tree) -> Iterator[Finding]:
    yield from lines_with(tree, (), r"#\s*include\s*<ranges>|\bstd::(ranges::)?views::",
                          "clang 14 cannot compile the views of libstdc++ 12")


def no_macros(tree: Tree) -> Iterator[Finding]:
    yield from lines_with(tree, (), r"^\s*#\s*(?!include\b|pragma once)\w+",
                          "no macros and no conditional code: a variant is a file")


def no_shared_ownership(tree: Tree) -> Iterator[Finding]:
    # A unique_ptr may take a new object where make_unique cannot reach a private constructor.
    yield from lines_with(tree, ("ssh/", "engine/", "tools/"),
                          r"\b(shared_ptr|make_shared)\b|^(?!.*unique_ptr.*\bnew\b).*\bnew\s+\w"
                          r"|(?<!=)\s\bdelete\b(?!;)",
                          "values and std::unique_ptr own; nothing else does")


def file_heads(tree: Tree) -> Iterator[Finding]:
    for name, text in tree.files.items():
        if not name.endswith((".h", ".cpp")):
            continue
        lines = text.split("\n")
        if name.endswith(".h"):
            if lines[0] != "#pragma once":
                yield name, 1, "a header begins with #pragma once"
            lines = lines[1:]
        length = next((at for at, line in enumerate(lines) if not line.startswith("//")), 0)
        if not 1 <= length <= 16:
            yield name, 1, "a file opens with a few lines that say what it is, and what it leaves out"


def short_lines(tree: Tree) -> Iterator[Finding]:
    for name, text in tree.files.items():
        if not name.endswith((".h", ".cpp")):
            continue
        for number, line in enumerate(text.split("\n"), 1):
            cannot_be_broken = re.search(r"\S{60,}", line)  # a key in a string, say
            if len(line) > 100 and not cannot_be_broken:
                yield name, number, f"{len(line)} columns; a line has at most 100"


# ---- what stands beside the sources ------------------------------------------------------------


def unit_test_of(tree: Tree, name: str) -> str | None:
    """ssh/wire/reader.cpp is tested by a reader_test.cpp somewhere below tests/unit/ssh."""
    folder = name.removeprefix("engine/").split("/")[0]
    wanted = "/" + name.split("/")[-1].removesuffix(".cpp") + "_test.cpp"
    return next((test for test in tree.files
                 if test.startswith(f"tests/unit/{folder}/") and test.endswith(wanted)), None)


def unit_tests(tree: Tree) -> Iterator[Finding]:
    for name in tree.files:
        if not (name.startswith(("ssh/", "engine/")) and name.endswith(".cpp")):
            continue
        excepted = any(fnmatch.fnmatch(name, pattern) for pattern in tables.WITHOUT_UNIT_TEST)
        if not excepted and not unit_test_of(tree, name):
            yield name, 1, "has no unit test; write it, or give the reason in tests/tidy/tables.py"


def unit_test_exceptions_are_needed(tree: Tree) -> Iterator[Finding]:
    for pattern in tables.WITHOUT_UNIT_TEST:
        untested = [name for name in tree.files
                    if fnmatch.fnmatch(name, pattern) and not unit_test_of(tree, name)]
        if not untested:
            yield "tests/tidy/tables.py", 1, f"{pattern} needs no exception (any more)"


def code_blocks(text: str) -> Iterator[tuple[int, str]]:
    """The lines of fenced and of indented blocks."""
    fenced = False
    before_is_text = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or (line.startswith("    ") and not before_is_text):
            yield number, line.strip()
        before_is_text = not fenced and bool(line.strip()) and not line.startswith("    ")


def readme_commands(tree: Tree) -> Iterator[Finding]:
    executables = set(re.findall(r"executable\(\s*'([\w-]+)'", "\n".join(
        text for name, text in tree.files.items() if name.endswith("meson.build"))))
    for name, text in tree.files.items():
        if not name.endswith(".md"):
            continue
        for number, line in code_blocks(text):
            words = [word for word in line.removeprefix("$ ").split() if "=" not in word]
            command = words[0] if words else ""
            if not re.fullmatch(r"(tools|tests|bench|build|\.ci)/[\w./-]+", command):
                continue
            known = (command.split("/")[-1] in executables if command.startswith("build/")
                     else tree.exists(command))
            if not known:
                yield name, number, f"{command} does not exist"


def expand(pattern: str) -> list[str]:
    """a.{h,cpp} -> a.h a.cpp"""
    match = re.search(r"\{([^}]*)\}", pattern)
    if not match:
        return [pattern]
    return [name for part in match[1].split(",")
            for name in expand(pattern[:match.start()] + part.strip() + pattern[match.end():])]


def readme_maps(tree: Tree) -> Iterator[Finding]:
    """The first column of a README's tables names files of its folder, or of the root."""
    for name, text in tree.files.items():
        if not name.endswith("README.md"):
            continue
        folder = tree.root / pathlib.PurePosixPath(name).parent
        for number, line in enumerate(text.split("\n"), 1):
            if not line.startswith("|"):
                continue
            for token in re.findall(r"`([^`]+)`", line.split("|")[1]):
                looks_like_a_file = re.fullmatch(r"[\w./*{},+-]+", token) and (
                    token.endswith("/") or re.search(r"\.(h|cpp|py|md|build|\*|\{[\w,]+\})$", token))
                if not looks_like_a_file or token.startswith("/"):
                    continue
                for pattern in expand(token):
                    if not (any(folder.glob(pattern)) or any(tree.root.glob(pattern))):
                        yield name, number, f"the map names {pattern}, which does not exist"


def folders_have_a_readme(tree: Tree) -> Iterator[Finding]:
    for folder in CODE_FOLDERS:
        if tree.exists(folder) and f"{folder}README.md" not in tree.files:
            yield folder, 1, "a top-level folder explains itself in a README.md"


def stands_alone(tree: Tree) -> Iterator[Finding]:
    """Nobody who has only this repository may be sent to a page that is not in it."""
    pages = {pathlib.PurePosixPath(name).name for name in tree.files if name.endswith(".md")}
    for name, text in tree.files.items():
        for number, line in enumerate(text.split("\n"), 1):
            for page in re.findall(r"(?<![\w.*])[\w-]+\.md\b", line):
                if page not in pages and not name.startswith("tests/tidy/"):
                    yield name, number, f"{page} is not in this repository"
            for path in re.findall(r"(?<![\w./])(?:\.\./)+[\w.-]+", line):
                target = (tree.root / name).parent / path
                if not target.resolve().is_relative_to(tree.root.resolve()):
                    yield name, number, f"{path} is outside of this repository"


RULES = {
    "each folder includes only what the table allows": include_table,
    "epoll and liburing are each for one backend": reserved_headers,
    "nothing that ships includes tools, tests or bench": programs_are_included_by_nobody,
    "nobody looks into the private folders of ssh": private_folders,
    "ssh and relay do without threads, files and streams": standard_headers,
    "our headers are included by their path from the root": includes_from_the_root,
    "ssh reads no clock and no random source": no_clock_in_ssh,
    "no throw, try or catch in ssh, io and relay": no_exceptions,
    "no value() on a result": no_value,
    "a thread may be refused": threads_may_be_refused,
    "no views of <ranges>": no_views,
    "no macros and no conditional code": no_macros,
    "no shared_ptr, no new, no delete": no_shared_ownership,
    "every file opens with what it is": file_heads,
    "lines have at most 100 columns": short_lines,
    "every source has a unit test or a reason": unit_tests,
    "no reason for a source that needs none": unit_test_exceptions_are_needed,
    "commands in the READMEs exist": readme_commands,
    "files in the READMEs' maps exist": readme_maps,
    "every top-level folder has a README": folders_have_a_readme,
    "nothing refers to what is outside of the repository": stands_alone,
}


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    tree = Tree(root if root.is_dir() else root.parents[2])
    print("TAP version 13")
    print(f"1..{len(RULES)}")
    failed = 0
    for number, (sentence, rule) in enumerate(RULES.items(), 1):
        findings = list(rule(tree))
        failed += bool(findings)
        print(f"{'not ok' if findings else 'ok'} {number} - {sentence}")
        for name, line, what in findings:
            print(f"# {name}:{line}: {what}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
