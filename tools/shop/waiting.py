"""Waiting for a condition, with a limit and a reason when it doesn't come true."""

import time

from shop.trouble import Trouble

POLL_SECONDS = 0.05
LOG_LINES_SHOWN = 15


def wait_until(condition, seconds, *, what, log=None, still_running=lambda: True):
    """Raises Trouble with the end of `log` when `condition` stays false, or its process died."""
    deadline = time.monotonic() + seconds
    while not condition():
        if not still_running():
            raise Trouble(f"it ended before: {what}\n{end_of(log)}")
        if time.monotonic() > deadline:
            raise Trouble(f"{seconds} s were not enough for: {what}\n{end_of(log)}")
        time.sleep(POLL_SECONDS)


def end_of(log):
    if log is None or not log.exists():
        return ""
    lines = log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
    return "\n".join([f"the end of {log}:", *(f"    {line}" for line in lines)])
