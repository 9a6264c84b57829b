"""What was measured, and where."""

import os
import platform
import re
import subprocess
from pathlib import Path

from bench import nginx
from shop import postgres
from shop.rooms import program
from shop.state_folder import CHECKOUT


def describe():
    return {"commit": commit(), "machine": machine(), "versions": versions()}


def commit():
    def git(*arguments):
        done = subprocess.run(["git", "-C", CHECKOUT, *arguments], capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else None

    # The report itself changes with every run.
    changes = git("status", "--porcelain", "--", ".", ":!load/reports")
    return {"id": git("rev-parse", "HEAD"), "dirty": None if changes is None else bool(changes)}


def machine():
    return {
        "cpu": _field("/proc/cpuinfo", r"^model name\s*:\s*(.+)$"),
        "cores": os.cpu_count(),
        "memory_mib": int(_field("/proc/meminfo", r"^MemTotal:\s*(\d+)") or 0) // 1024,
        "kernel": platform.release(),
        "system": _field("/etc/os-release", r'^PRETTY_NAME="?([^"\n]+)'),
    }


def versions():
    return {
        "doorbuster": _said([program("order"), "--version"]),
        "postgresql": _said([postgres.program("postgres"), "--version"]),
        "redis": _said(["redis-server", "--version"]),
        "nginx": _said([nginx.program(), "-v"]),
        "wrk": _said(["wrk", "--version"]),
        "python": platform.python_version(),
    }


def load_average():
    return [round(value, 2) for value in os.getloadavg()]


def _field(path, pattern):
    try:
        found = re.search(pattern, Path(path).read_text(), re.MULTILINE)
    except OSError:
        return None
    return found.group(1).strip() if found else None


def _said(command):
    """The first line; some print it on standard error, wrk with a status of 1."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    lines = (done.stdout.strip() or done.stderr.strip()).splitlines()
    return lines[0] if lines else None
