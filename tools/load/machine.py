"""The machine that a figure comes from, and how busy it was while it was taken."""

import os
import platform
import re
import resource
import subprocess
import time
from pathlib import Path

from shop.processes import TICKS_PER_SECOND
from shop.state_folder import CHECKOUT

CGROUP = Path("/sys/fs/cgroup")


def machine():
    return {
        "cpu": _first_match("/proc/cpuinfo", r"^model name\s*:\s*(.+)$") or platform.processor(),
        "cores": os.cpu_count(),
        "ram_gib": round(int(_first_match("/proc/meminfo", r"^MemTotal:\s*(\d+)")) / 2**20, 1),
        "kernel": platform.release(),
        "system": _first_match("/etc/os-release", r'^PRETTY_NAME="?([^"\n]+)'),
    }


def limits():
    """What bounds the processes of a run from outside; None: nothing."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return {
        "open_files": files,
        "cgroup_cpu_max": _read(CGROUP / "cpu.max"),
        "cgroup_memory_max": _read(CGROUP / "memory.max"),
    }


def commit():
    """The commit that the checkout is at; dirty if anything else than a report differs from it."""
    status = _git("status", "--porcelain", "--", ":!load/reports")
    return {
        "commit": _git("rev-parse", "HEAD") or "unknown",
        "date": _git("show", "--no-patch", "--format=%cI", "HEAD"),
        "dirty": status != "",
    }


def busy_cpu_seconds():
    """CPU time of all processes of the machine, and what the host took away from it."""
    fields = [int(text) for text in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    user, nice, system, _, _, hard, soft, stolen = fields[:8]
    ticks = {"busy": user + nice + system + hard + soft, "stolen": stolen}
    return {name: count / TICKS_PER_SECOND for name, count in ticks.items()}


def moment():
    return {"seconds": time.monotonic(), "load_average": os.getloadavg()[0], **busy_cpu_seconds()}


def _git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=CHECKOUT, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def _first_match(path, pattern):
    try:
        match = re.search(pattern, Path(path).read_text(), re.MULTILINE)
    except OSError:
        return None
    return match.group(1).strip() if match else None


def _read(path):
    try:
        return path.read_text().strip()
    except OSError:
        return None
