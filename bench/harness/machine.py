"""What a number depends on besides the programs: asked of the machine, never assumed."""

import datetime
import gzip
import os
import pathlib
import platform
import re
import subprocess


def facts(root, programs, descriptors, network):
    cpu = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(),
                    re.MULTILINE)
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{cpu[1] if cpu else platform.machine()}, {len(os.sched_getaffinity(0))} cores"
                   f"{', virtual' if is_virtual() else ''}, Linux {platform.release()}",
        "openssh": said(["ssh", "-V"]),
        "caponier": "; ".join(f"{name}: {said([path, '-V'])}" for name, path in programs),
        "commit": commit(root),
        "network": network,
        "descriptors": descriptors,
        "load_before": load_average(),
        "softirq": softirq_accounting(),
    }


def load_average():
    return pathlib.Path("/proc/loadavg").read_text().split()[0]


def said(command):
    """The first line that a program says."""
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                timeout=10)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]}: {error}"
    return ((result.stdout + result.stderr).strip().splitlines() or ["says nothing"])[0]


def commit(root):
    def git(*arguments):
        return subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True,
                              check=False).stdout.strip()
    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return (git("rev-parse", "--short=10", "HEAD") or "unknown") + (
            ", with changes" if changed else "")
    except OSError:
        return "unknown"


def is_virtual():
    return bool(re.search(r"^flags\s*:.*\bhypervisor\b", pathlib.Path("/proc/cpuinfo").read_text(),
                          re.MULTILINE))


def softirq_accounting():
    """Whether the kernel's work for a packet is charged to the process that it interrupts."""
    try:
        config = gzip.open("/proc/config.gz", "rt").read()
    except OSError:
        path = pathlib.Path(f"/boot/config-{platform.release()}")
        config = path.read_text() if path.exists() else ""
    if not config:
        return ("Whether this kernel charges network interrupts to the process that it interrupts is "
                "not known.")
    if "CONFIG_IRQ_TIME_ACCOUNTING=y" in config:
        return ("This kernel keeps the time of network interrupts apart: it is in nobody's CPU "
                "seconds.")
    return ("This kernel charges the receiver's interrupt work on loopback to the process that sends.")
