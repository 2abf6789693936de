"""Runs the unittest cases of the calling file and prints TAP, so that meson counts every case.

A case's name is its method's name read as a sentence. Each case has a time limit of its own; when
one fails, its traceback and what its processes said (Case.evidence in rig.py) follow as comments.
Every file of this folder ends in tap.main().
"""

import argparse
import signal
import sys
import unittest

import rig

CASE_SECONDS_MAX = 60


class CaseTooLong(Exception):
    """Raised in the main thread, in the middle of whatever the case waits for."""


class Verdict(unittest.TestResult):
    """What became of one case; a skip counts as a failure, as does an unexpected success."""

    def __init__(self):
        super().__init__()
        self.reasons = []

    def addError(self, test, err):
        super().addError(test, err)
        self.reasons.append(self._exc_info_to_string(err, test))

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.reasons.append(self._exc_info_to_string(err, test))

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.reasons.append(f"{subtest}\n{self._exc_info_to_string(err, test)}")

    def addSkip(self, test, reason):
        self.reasons.append(f"skipped: {reason}")


def main(flags=()):
    """Runs the cases; does not return if one failed. `flags` are options of the calling file."""
    options = _arguments(flags)
    cases = [case for case in _cases_of(sys.modules["__main__"])
             if all(word in sentence(case) for word in options.words)]
    if options.list:
        print(*(sentence(case) for case in cases), sep="\n")
        return
    rig.options.backend = options.io
    rig.options.engine = options.ssh
    rig.options.program = rig.find_program(options.program)
    rig.check_machine()

    signal.signal(signal.SIGALRM, _too_long)
    # A shell starts what is in its background with SIGINT ignored, and what the tests start would
    # inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    print("TAP version 13")
    print(f"1..{len(cases)}", flush=True)
    failed = 0
    for number, case in enumerate(cases, 1):
        reasons = _run(case)
        failed += bool(reasons)
        print(f"{'not ok' if reasons else 'ok'} {number} - {sentence(case)}")
        for reason in reasons:
            _comment(reason)
        if reasons:
            _comment(case.evidence())
        sys.stdout.flush()
    if failed or not cases:
        sys.exit(1)


def sentence(case):
    return case.id().rsplit(".", 1)[-1].removeprefix("test_").replace("_", " ")


def _run(case):
    verdict = Verdict()
    seconds = case.seconds_max or CASE_SECONDS_MAX
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        case.run(verdict)
    except CaseTooLong:
        verdict.reasons.append(f"not finished after {seconds} s")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return verdict.reasons


def _too_long(_signal, _frame):
    raise CaseTooLong("the case took too long")


def _cases_of(module):
    def flat(suite):
        for entry in suite:
            if isinstance(entry, unittest.TestSuite):
                yield from flat(entry)
            else:
                yield entry
    return list(flat(unittest.defaultTestLoader.loadTestsFromModule(module)))


def _comment(text):
    for line in text.rstrip("\n").split("\n"):
        print(f"#   {line}")


def _arguments(flags):
    parser = argparse.ArgumentParser()
    for flag in flags:
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--io", choices=["auto", "uring", "epoll"], default="auto",
                        help="the Loop backend that the program is told to use")
    parser.add_argument("--ssh", choices=["native", "libssh2"],
                        help="the SSH engine that the program is told to use")
    parser.add_argument("--program", help="the caponier to test; else $CAPONIER; else the one in "
                        "build/tools")
    parser.add_argument("--list", action="store_true", help="print the cases, run none")
    parser.add_argument("words", nargs="*", help="run only cases whose sentence has all of these")
    return parser.parse_args()
