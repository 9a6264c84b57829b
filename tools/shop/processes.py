"""Starting, recognising, measuring and stopping the shop's processes."""

import ctypes
import json
import os
import resource
import signal
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from shop.state_folder import write_private
from shop.trouble import Trouble

PR_SET_PDEATHSIG = 1
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
POLL_SECONDS = 0.02
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Identity:
    """A process that can't be mistaken for a later one with the same pid."""

    name: str
    pid: int
    started_ticks: int
    boot: str

    def is_alive(self):
        status = read_status(self.pid)
        return (
            status is not None
            and status.started_ticks == self.started_ticks
            and status.state != "Z"
            and self.boot == boot_id()
        )


@dataclass(frozen=True)
class Status:
    state: str
    parent: int
    cpu_ticks: int
    reaped_children_ticks: int
    started_ticks: int


def boot_id():
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def read_status(pid):
    """/proc/<pid>/stat, or None when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return Status(
        state=fields[0],
        parent=int(fields[1]),
        cpu_ticks=int(fields[11]) + int(fields[12]),
        reaped_children_ticks=int(fields[13]) + int(fields[14]),
        started_ticks=int(fields[19]),
    )


def cpu_seconds(pid):
    """CPU time of a process, of its living children and of those it has already reaped (for
    PostgreSQL: the backends), in user and kernel mode."""
    status = read_status(pid)
    if status is None:
        return 0.0
    ticks = status.cpu_ticks + status.reaped_children_ticks
    for child in children(pid):
        child_status = read_status(child)
        ticks += child_status.cpu_ticks if child_status else 0
    return ticks / TICKS_PER_SECOND


def children(pid):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            status = read_status(entry)
            if status and status.parent == pid:
                found.append(int(entry))
    return found


def allow_many_files():
    """A thousand connections need more files than the usual soft limit; the hard one is ours."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def die_with_this_process(death_signal):
    """What a child does before its program starts, so that the kernel ends it when this process
    is gone; also when that happens before the child got here."""
    parent = os.getpid()

    def before_exec():
        failed = _libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0) != 0
        if failed or os.getppid() != parent:
            os._exit(127)

    return before_exec


def end_in_order_on_signals():
    """SIGTERM and SIGHUP unwind the stack as Ctrl-C does, so that every `finally` is run; SIGINT
    too where a shell in the background had it ignored."""

    def interrupt(number, frame):
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


class Launcher:
    """Starts processes and knows how they end.

    `bound`: the processes die with this one, however it ends (the kernel sends their death signal
    if it was killed). Otherwise they run on and are found again by their records.
    Must be used from the main thread: the death signal follows the thread that forked.
    """

    def __init__(self, records, bound):
        self.records = records
        self.bound = bound
        self._own = {}
        self.identities = {} if bound else load_records(records)

    def start(self, name, command, *, log, environment, user=None, death_signal=signal.SIGKILL):
        with open(log, "ab") as output:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={"PATH": os.environ.get("PATH", os.defpath), **environment},
                cwd="/",
                start_new_session=True,  # Ctrl-C ends the command; it stops its children in order
                preexec_fn=die_with_this_process(death_signal) if self.bound else None,
                **({"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}),
            )
        status = read_status(process.pid)
        identity = Identity(name, process.pid, status.started_ticks if status else 0, boot_id())
        self._own[name] = process
        self.identities[name] = identity
        self._save()
        return identity

    def is_alive(self, name):
        self._reap(name)
        identity = self.identities.get(name)
        return identity is not None and identity.is_alive()

    def alive_names(self):
        return [name for name in self.identities if self.is_alive(name)]

    def pid(self, name):
        return self.identities[name].pid

    def kill(self, name):
        """At once, as a crash."""
        if self.is_alive(name):
            os.kill(self.pid(name), signal.SIGKILL)
            self._wait_gone([name], 5)

    def stop(self, names, *, grace_seconds, stop_signal=signal.SIGTERM):
        """Asks all of them to end, waits, then insists. Returns those that had to be killed."""
        alive = [name for name in names if self.is_alive(name)]
        for name in alive:
            os.kill(self.pid(name), stop_signal)
        stubborn = self._wait_gone(alive, grace_seconds)
        for name in stubborn:
            os.kill(self.pid(name), signal.SIGKILL)
        left = self._wait_gone(stubborn, 5)
        if left:
            raise Trouble(f"could not end {', '.join(left)}")
        for name in names:
            self.identities.pop(name, None)
        self._save()
        return stubborn

    def _wait_gone(self, names, seconds):
        deadline = time.monotonic() + seconds
        left = list(names)
        while left and time.monotonic() < deadline:
            left = [name for name in left if self.is_alive(name)]
            if left:
                time.sleep(POLL_SECONDS)
        return left

    def _reap(self, name):
        process = self._own.get(name)
        if process:
            process.poll()

    def _save(self):
        if not self.bound:
            save_records(self.records, self.identities)


def load_records(path):
    if not path.exists():
        return {}
    known = [Identity(**entry) for entry in json.loads(path.read_text())]
    return {identity.name: identity for identity in known}


def save_records(path, identities):
    write_private(path, json.dumps([asdict(one) for one in identities.values()], indent=2))
