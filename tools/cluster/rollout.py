"""Waiting until what was applied runs, showing what is waited for, and giving up early."""

import sys
import time

from cluster.evidence import Evidence, name_of
from cluster.refusals import Refusals
from cluster.workloads import Workloads
from shop.terminal import say
from shop.trouble import Trouble

POLL_SECONDS = 0.5
# Nothing has changed for so long: it won't by itself. A migration, or a large image that comes
# over a slow line, may take longer in silence.
STALLED_SECONDS = 180
ALL_SECONDS = 1800
LINE_EVERY_SECONDS = 5
WIDTH = 110


class Rollout:
    """Made before anything is applied: what went wrong until then doesn't count."""

    def __init__(self, kubectl):
        self._kubectl = kubectl
        self._evidence = Evidence(kubectl)
        self._refusals = Refusals(kubectl)

    def wait(self, names):
        """`names`: (kind, name) of every workload that must stand."""
        line = ProgressLine()
        begin = changed = time.monotonic()
        former = None
        try:
            while True:
                unfinished = Workloads.read(self._kubectl).unfinished(names)
                if not unfinished:
                    return
                told = [self._told(one) for one in unfinished]
                now = time.monotonic()
                if told != former:
                    former, changed = told, now
                line.show("; ".join(told))
                patience = ALL_SECONDS if self._is_busy(unfinished) else STALLED_SECONDS
                if now - changed > patience or now - begin > ALL_SECONDS:
                    raise Trouble(self._stalled(unfinished, now - changed))
                time.sleep(POLL_SECONDS)
        finally:
            line.clear()

    def _told(self, standing):
        """One workload in a few words; Trouble if waiting for it is in vain."""
        if standing.failed:
            logs = (self._evidence.log_of(pod) for pod in reversed(standing.pods))
            said = next((log for log in logs if log), "")
            raise Trouble(f"{standing.name} failed: {standing.failed}{said}")
        refused = self._refusals.lasting_of(standing)
        if refused:
            raise Trouble(f"no pod of {standing.name} may be made: {refused}")
        why = ""
        for pod in standing.pods:
            trouble = self._evidence.trouble_of(pod)
            if trouble and trouble.final:
                raise Trouble(trouble.told(name_of(pod)) + self._log_of(pod, trouble))
            if trouble and not why:
                why = f" ({trouble.text.splitlines()[0]})"
        return f"{standing.name} {standing.text}{why}"

    def _is_busy(self, unfinished):
        troubles = (self._evidence.trouble_of(pod) for one in unfinished for pod in one.pods)
        return migrates(unfinished) or any(trouble and trouble.busy for trouble in troubles)

    def _stalled(self, unfinished, seconds):
        lines = [f"nothing has changed for {seconds:.0f} s, and these aren't ready:"]
        for standing in unfinished:
            lines.append(f"  {standing.name}: {standing.text}")
            refused = self._refusals.latest_of(standing)
            if refused:
                lines.append(f"    a pod of it was refused: {refused}")
            for pod in standing.pods:
                trouble = self._evidence.trouble_of(pod)
                if trouble:
                    told = trouble.told(name_of(pod))
                    lines.append(f"    {told}{self._log_of(pod, trouble)}")
        return "\n".join(lines)

    def _log_of(self, pod, trouble):
        """Nothing if its end is told already, as by a program that says why it gives up."""
        log = self._evidence.log_of(pod)
        last = log.strip().splitlines()[-1].strip() if log else ""
        return "" if last and last in trouble.text else log


def migrates(unfinished):
    """The database is there and its schemas are being changed, which may take long."""
    names = [one.name for one in unfinished]
    return "postgres" not in names and any(name.startswith("migrate") for name in names)


class ProgressLine:
    """On a terminal one line that changes, otherwise a line when there is news."""

    def __init__(self):
        self._shown = ""
        self._next = time.monotonic() + LINE_EVERY_SECONDS

    def show(self, text):
        text = text if len(text) <= WIDTH else text[: WIDTH - 3] + "..."
        if sys.stdout.isatty():
            print(f"\r    {text:<{WIDTH}}", end="", flush=True)
        elif text != self._shown and time.monotonic() >= self._next:
            say(f"    {text}")
            self._shown, self._next = text, time.monotonic() + LINE_EVERY_SECONDS

    def clear(self):
        if sys.stdout.isatty():
            print("\r" + " " * (WIDTH + 4) + "\r", end="", flush=True)
