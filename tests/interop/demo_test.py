#!/usr/bin/python3 -B
"""`caponier demo`: the main job with nothing configured, and nothing left behind, ever."""

import ctypes
import os
import pathlib
import re
import signal
import urllib.request

import rig
import tap

# The tunnel's end; the service itself is shown as well, but that is not what a user opens.
URL = r"^Open (http://127\.0\.0\.1:\d+/\S*)"
PR_SET_CHILD_SUBREAPER = 36


class Demo(rig.Case):
    def setUp(self):
        super().setUp()
        # What the demo leaves running would become a child of this process, where it is seen.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.scratch = self.directory / "tmp"
        self.scratch.mkdir()
        self.files_before = set(stray_files())

    def start_demo(self, *arguments):
        return self.start_caponier(["demo", *arguments],
                                   environment={"TMPDIR": str(self.scratch)})

    def assert_nothing_left(self):
        rig.wait_until(lambda: not living_descendants(), "the demo's processes are gone")
        self.assertEqual(list(self.scratch.iterdir()), [])
        rig.wait_until(lambda: set(stray_files()) <= self.files_before, "the demo's files are gone")

    def wait_for_url(self, demo):
        """The URL, on whichever stream it is."""
        def find():
            for line in demo.lines("stdout") + demo.lines("stderr"):
                if found := re.search(URL, line):
                    return found[1]
            return None
        return rig.wait_until(find, "the demo prints its URL", 20)

    def test_once_shows_the_fetched_page_and_leaves_nothing_behind(self):
        demo = self.start_demo("--once")

        self.assertEqual(demo.wait_for_exit(30), 0)
        text = "\n".join(demo.lines("stdout") + demo.lines("stderr"))
        self.assertRegex(text, f"(?m){URL}")
        self.assertRegex(text, r"\d+ (bytes|B\b)")
        self.assertRegex(text, r"\d ?(ms|µs|us|s)\b")
        self.assert_nothing_left()

    def test_without_once_it_serves_until_a_signal_and_leaves_nothing_behind(self):
        for number in signal.SIGINT, signal.SIGTERM:
            demo = self.start_demo()
            url = self.wait_for_url(demo)
            for _ in range(3):
                with urllib.request.urlopen(url, timeout=10) as answer:
                    self.assertEqual(answer.status, 200)
                    self.assertTrue(answer.read())

            demo.signal(number)

            self.assertEqual(demo.wait_for_exit(15), 0)
            self.assert_nothing_left()

    def test_an_sshd_killed_under_it_ends_it_with_255_and_nothing_left_behind(self):
        demo = self.start_demo()
        url = self.wait_for_url(demo)
        with urllib.request.urlopen(url, timeout=10) as answer:
            answer.read()

        servers = [pid for pid in rig.descendants(demo.pid) if "sshd" in command_of(pid)]
        self.assertTrue(servers, "the demo runs no sshd")
        for pid in servers:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

        self.assertEqual(demo.wait_for_exit(15), 255)
        self.assert_nothing_left()

    def test_it_needs_no_home_directory_and_no_agent(self):
        demo = self.start_caponier(["demo", "--once"], environment={
            "TMPDIR": str(self.scratch), "HOME": "/nonexistent", "SSH_AUTH_SOCK": "/nonexistent"})

        self.assertEqual(demo.wait_for_exit(30), 0)
        self.assert_nothing_left()


def stray_files():
    """What a demo that disregards TMPDIR would leave, apart from the directories of these tests."""
    return [path for path in pathlib.Path("/tmp").glob("caponier*")
            if not path.name.startswith("caponier-interop-")]


def living_descendants():
    """The processes below this one; those that are dead are reaped."""
    found = []
    for pid in rig.descendants(os.getpid()):
        try:
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                found.append(pid)
        except ChildProcessError:
            found.append(pid)
    return found


def command_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


if __name__ == "__main__":
    tap.main()
