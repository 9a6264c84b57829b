"""Memory of processes, as the kernel accounts for it."""

MIB_OF_KIB = 1 / 1024


def resident_mib(pid):
    return _status_mib(pid, "VmRSS")


def forget_peak(pid):
    """From now on `peak_mib` is the most since now."""
    with open(f"/proc/{pid}/clear_refs", "w") as peaks:
        peaks.write("5")


def peak_mib(pid):
    return _status_mib(pid, "VmHWM")


def proportional_mib(pid):
    """Memory that is shared counts for the part of it that falls to this process; 0 for one that
    has just ended."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as lines:
            return _field_mib(lines, "Pss")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


def _status_mib(pid, name):
    with open(f"/proc/{pid}/status") as lines:
        return _field_mib(lines, name)


def _field_mib(lines, name):
    for line in lines:
        if line.startswith(name + ":"):
            return int(line.split()[1]) * MIB_OF_KIB
    return 0.0
