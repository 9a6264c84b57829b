"""CPU time of pods and of a cluster's own processes, read from this machine's kernel: only where
it is the node, or one of them."""

import os
import re
from pathlib import Path

from shop.processes import TICKS_PER_SECOND, read_status

CGROUPS = Path("/sys/fs/cgroup")
HIERARCHIES = ("", "cpuacct", "cpu,cpuacct")  # version 2; version 1, under two names
# `pod<uid>`, or as systemd's driver writes it `kubepods-burstable-pod<uid, with _ for ->.slice`.
POD = re.compile(r"(?:^|-)pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})(?:\.slice)?$")
COMM_LENGTH = 15  # what the kernel keeps of a name
NANOSECONDS, MICROSECONDS = 1e9, 1e6


def pod_cgroups(root=CGROUPS):
    """Folders by the uid of their pod."""
    found = {}
    for hierarchy in HIERARCHIES:
        for pattern in ("kubepods*/*", "kubepods*/*/*"):
            for folder in (root / hierarchy).glob(pattern):
                match = POD.search(folder.name)
                if match:
                    found[match.group(1).replace("_", "-")] = folder
    return found


def cpu_seconds_of(folder):
    """Of everything that ran in the cgroup, living or gone; None if it is gone itself."""
    try:
        if (folder / "cpuacct.usage").exists():
            return int((folder / "cpuacct.usage").read_text()) / NANOSECONDS
        used = re.search(r"^usage_usec (\d+)$", (folder / "cpu.stat").read_text(), re.MULTILINE)
        return int(used.group(1)) / MICROSECONDS
    except FileNotFoundError:
        return None


def processes_called(names):
    """pids outside of pods, by what the kernel calls them."""
    wanted = {name[:COMM_LENGTH] for name in names}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and _read(f"/proc/{entry}/comm").strip() in wanted:
            if "kubepods" not in _read(f"/proc/{entry}/cgroup"):
                yield int(entry)


def own_cpu_seconds(pid):
    """Without children: those of a containerd-shim are a pod's."""
    status = read_status(pid)
    return status.cpu_ticks / TICKS_PER_SECOND if status else 0.0


def _read(path):
    try:
        return Path(path).read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
